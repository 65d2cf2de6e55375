"""One read of a resource, as a sequence of calls: what to ask next, and what an answer leads to. No I/O.

    pages ──last page──▶ correction ──▶ (matching ──▶) (count ──▶) (still ──▶)  complete, or the next window
      │                                        └── numbers differ ──▶ correction again, then the window once more
      └── a single answer that holds all it says ──▶ complete, or the next window

A read is complete when the distinct ids of its pages and of the correction (an If-Modified-Since pass from before the read
began) number the list's itemCount. Ids that only the correction saw may have been made after the last page, so then the
list is counted once more. A list that is too large for Xero is read in windows; out of those a record can be edited, so
there the ids that changed meanwhile are counted by what the window holds of them now, and it must have stood still for
these calls. The same holds for open documents, which are over while they are read.
"""

from datetime import UTC, date, datetime, timedelta
from enum import Enum

import msgspec

from shared.errors import BadRecord, Unavailable
from shared.state.checkpoints import Read, Window
from shared.xero import wire
from shared.xero.client import Request, if_modified_since
from shared.xero.paging import Page
from shared.xero.resources import Resource

# The seconds of If-Modified-Since are whole, and nobody knows whether they are inclusive.
CORRECTION_OVERLAP = timedelta(seconds=5)
# Just enough for that: whoever waits for a longer silence waits long.
STILL_OVERLAP = timedelta(seconds=1)
# Calls of which only the itemCount is looked at.
COUNTS = ("matching", "count", "still")
CORRECTIONS = 3
ATTEMPTS = 3


class Verdict(Enum):
    """What an answer means for the read."""

    GO_ON = "go on"
    COMPLETE = "complete"
    REPEAT = "repeat"
    UNPROVEN = "unproven"


def begin(
    resource: Resource,
    *,
    first: bool,
    whole: bool,
    open_ones: bool = False,
    since: datetime | None,
    offset: int,
    name: str,
) -> Read:
    """A new read: the history when it is the first, everything or open documents again when that is due, else what
    changed meanwhile.
    """
    if first:
        read = Read(kind="history", read_id=f"history-{name}", offset=offset)
    elif resource.paging == "offset":
        read = Read(kind="increment", read_id=f"increment-{name}", offset=offset)
    elif open_ones and not whole and resource.open_by:
        windows = _open_windows(resource)
        return _opened(resource, Read(kind="open", read_id=f"open-{name}"), windows=windows)
    elif resource.modified_since and not whole:
        read = Read(kind="increment", read_id=f"increment-{name}", since=since)
    else:
        read = Read(kind="whole", read_id=f"whole-{name}")
    return _opened(resource, read)


def request(resource: Resource, read: Read, *, start: date, page_size: int) -> Request:
    """The next call of a read."""
    params = resource.list_parameters
    since = read.since
    if resource.paging == "offset":
        return Request(resource.name, params | {"offset": str(read.offset)})
    if read.kind != "increment" and read.phase not in ("correction", "still"):
        params |= _filter(resource, read, start)
        if read.windows and read.windows[read.window].changed:
            since = datetime(start.year, start.month, start.day, tzinfo=UTC)
    if read.phase in ("correction", "matching") and read.opened is not None:
        since = max(since or read.opened, read.opened) - CORRECTION_OVERLAP
    if read.phase == "still" and read.corrected is not None:
        since = read.corrected - STILL_OVERLAP
    if resource.paged:
        size = 1 if read.phase in COUNTS else page_size
        params |= {"page": str(read.page), "pageSize": str(size)}
        if resource.paging == "pages":
            params["order"] = resource.id_field
    return Request(resource.name, params, if_modified_since(since) if since else "")


def is_last(resource: Resource, read: Read, page: Page) -> bool:
    """Whether the phase ends with this page. A page past the end is empty; without `pagination` only that is the end."""
    if resource.paging == "offset":
        return not page.records
    if not resource.paged or read.phase in COUNTS:
        return True
    if read.descending and read.phase == "pages":
        # The first answer only tells how many pages there are, unless it is all.
        return read.page == 1 and (read.page_count is not None or (page.page_count or 0) <= 1)
    return not page.records or (page.page_count is not None and read.page >= page.page_count)


def after(
    resource: Resource, read: Read, page: Page, seen: set[str], corrected: set[str]
) -> tuple[Verdict, Read]:
    """What follows an answer. `seen` and `corrected`: the distinct ids of the window's pages and of its correction, this
    answer's included; they are looked at on a phase's last page only.
    """
    read = msgspec.structs.replace(
        read, began=read.began or page.answered_at, opened=read.opened or page.answered_at
    )
    if resource.paging == "offset":
        return _after_offset(read, page)
    if read.phase == "pages":
        read = msgspec.structs.replace(read, item_count=page.item_count)
    if read.phase == "correction" and read.page == 1:
        read = msgspec.structs.replace(read, corrected=page.answered_at)
    if not is_last(resource, read, page):
        return Verdict.GO_ON, _next_page(read, page)
    match read.phase:
        case "pages":
            single = read.page == 1 and read.page_count is None
            if not resource.paged or (single and len(seen) == (page.item_count or 0)):
                return _close(resource, read)
            return Verdict.GO_ON, _correct(read)
        case "correction":
            changed = corrected if read.windows else corrected - seen
            if not changed and len(seen) == read.item_count:
                return _close(resource, read)
            phase = "matching" if read.windows else "count"
            return Verdict.GO_ON, msgspec.structs.replace(read, phase=phase, page=1, matching=None)
        case "matching":
            return Verdict.GO_ON, msgspec.structs.replace(read, phase="count", matching=page.item_count)
        case "count" if read.windows:
            if len(seen - corrected) + (read.matching or 0) == page.item_count:
                return Verdict.GO_ON, msgspec.structs.replace(read, phase="still")
            return _once_more(resource, read, page)
        case "count":
            if len(seen | corrected) == page.item_count:
                return _close(resource, read)
            return _once_more(resource, read, page)
        case _:
            # A change between those calls may have made up for a loss.
            return _close(resource, read) if page.item_count == 0 else _once_more(resource, read, page)


def _once_more(resource: Resource, read: Read, page: Page) -> tuple[Verdict, Read]:
    """The numbers differ: correct again, then read the window again, then go on with the next and say so in the end."""
    if read.corrections < CORRECTIONS and page.item_count is not None:
        return Verdict.GO_ON, _correct(read)
    if read.attempt < ATTEMPTS and page.item_count is not None:
        return Verdict.REPEAT, _opened(resource, read, attempt=read.attempt + 1)
    return _close(resource, msgspec.structs.replace(read, unproven=True))


def split(resource: Resource, read: Read, *, start: date, today: date) -> Read | None:
    """The same read with the part that Xero refused cut in two, or None when there is nothing to cut.

    Xero refuses lists of more than 100,000 records, so that the whole list becomes windows by date first, then a window
    is halved, down to a single day.
    """
    if not resource.windows or read.kind in ("increment", "open") or read.phase != "pages":
        return None
    if not read.windows:
        return _opened(resource, read, windows=_first_windows(resource, start, today))
    window = read.windows[read.window]
    first, before = window.first or date(2000, 1, 1), window.before or today + timedelta(days=3650)
    middle = first + (before - first) / 2
    if window.undated or window.status or window.changed or not first < middle < before:
        return None
    halves = (Window(window.first, middle), Window(middle, window.before))
    windows = (*read.windows[: read.window], *halves, *read.windows[read.window + 1 :])
    return _opened(resource, read, windows=windows)


def _first_windows(resource: Resource, start: date, today: date) -> tuple[Window, ...]:
    tomorrow = today + timedelta(days=1)
    if resource.windows == "parameters":
        return Window(None, start), Window(start, tomorrow), Window(tomorrow, None)
    return (
        Window(start, tomorrow),
        Window(tomorrow, None),
        Window(undated=True),
        *(Window(before=start, status=status) for status in resource.open_statuses),
        Window(before=start, changed=True),
    )


def _open_windows(resource: Resource) -> tuple[Window, ...]:
    """One for all statuses, or for each where the list takes one."""
    if resource.open_by == "Status":
        return tuple(Window(statuses=(status,)) for status in resource.open_statuses)
    return (Window(statuses=resource.open_statuses),)


def _filter(resource: Resource, read: Read, start: date) -> dict[str, str]:
    """What narrows the list to the history's range, or to the window that is being read."""
    if not read.windows:
        where = resource.history_where.format(start=_where_day(start))
        return {"where": where} if where else {}
    return dated(resource, read.windows[read.window])


def dated(resource: Resource, window: Window) -> dict[str, str]:
    """What narrows a list to a window."""
    if window.statuses and resource.open_by != "where":
        return {resource.open_by: ",".join(window.statuses)}
    if window.statuses:
        return {"where": " OR ".join(f'Status == "{status}"' for status in window.statuses)}
    if resource.windows == "parameters":
        bounds = {"DateFrom": window.first, "DateTo": window.before and window.before - timedelta(days=1)}
        return {name: bound.isoformat() for name, bound in bounds.items() if bound}
    terms = [
        "Date == null" if window.undated else "",
        f'Status == "{window.status}"' if window.status else "",
        f"Date >= {_where_day(window.first)}" if window.first else "",
        f"Date < {_where_day(window.before)}" if window.before else "",
    ]
    return {"where": " AND ".join(filter(None, terms))}


def _where_day(day: date) -> str:
    return f"DateTime({day.year},{day.month},{day.day})"


def _opened(
    resource: Resource, read: Read, *, attempt: int = 1, windows: tuple[Window, ...] | None = None
) -> Read:
    """The same read at the beginning of its window.

    Without `order` a list is expected in the order of its stamps, in which an edit moves a record to the end, so that
    reading from the last page to the first loses none. Should the order be another, every second attempt goes forward.
    """
    return msgspec.structs.replace(
        read,
        phase="pages",
        page=1,
        page_count=None,
        descending=resource.paging == "backwards" and attempt % 2 == 1,
        opened=None,
        item_count=None,
        matching=None,
        corrections=0,
        attempt=attempt,
        windows=read.windows if windows is None else windows,
    )


def _close(resource: Resource, read: Read) -> tuple[Verdict, Read]:
    """The window is done: on to the next, or the read is over."""
    if read.window + 1 < len(read.windows):
        return Verdict.GO_ON, _opened(resource, msgspec.structs.replace(read, window=read.window + 1))
    return Verdict.UNPROVEN if read.unproven else Verdict.COMPLETE, read


def _next_page(read: Read, page: Page) -> Read:
    if read.phase == "pages" and read.descending:
        following = (page.page_count or 1) if read.page_count is None else read.page - 1
        return msgspec.structs.replace(read, page=following, page_count=read.page_count or page.page_count)
    count = page.page_count if read.phase == "pages" else read.page_count
    return msgspec.structs.replace(read, page=read.page + 1, page_count=count)


def _after_offset(read: Read, page: Page) -> tuple[Verdict, Read]:
    """On after the highest number of the page, until a page is empty: a short one may come before the end."""
    if not page.records:
        return Verdict.COMPLETE, read
    numbers = [_journal_number(record.get("JournalNumber")) for record in page.records]
    highest = max(numbers)
    if highest <= read.offset:
        raise Unavailable(f"Xero answered journals that are not after number {read.offset}.", seconds=3600)
    return Verdict.GO_ON, msgspec.structs.replace(read, offset=highest, page=read.page + 1)


def _journal_number(value: object) -> int:
    """The number of a journal, 0 when it cannot be read: the record is put aside when it is shaped."""
    try:
        return int(wire.number(value, "JournalNumber") or 0)
    except BadRecord:
        return 0


def _correct(read: Read) -> Read:
    return msgspec.structs.replace(read, phase="correction", page=1, corrections=read.corrections + 1)
