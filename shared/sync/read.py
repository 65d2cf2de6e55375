"""One read of a resource, as a sequence of calls: what to ask next, and what an answer leads to. No I/O.

    pages ──last page──▶ correction ──▶ (count ──▶)  complete
      │                                    └── numbers differ ──▶ correction again, then the whole read again
      └── a single answer that holds all it says ──▶ complete

A read is complete when the distinct ids of its pages and of the correction (an If-Modified-Since pass from before the read
began) number the list's itemCount. Ids that only the correction saw may have been made after the last page, so then the
list is counted once more.
"""

from datetime import date, datetime, timedelta
from enum import Enum

import msgspec

from shared.state.checkpoints import Read
from shared.xero.client import Request, if_modified_since
from shared.xero.paging import Page
from shared.xero.resources import Resource

# The seconds of If-Modified-Since are whole, and nobody knows whether they are inclusive.
CORRECTION_OVERLAP = timedelta(seconds=5)
CORRECTIONS = 3
ATTEMPTS = 3


class Verdict(Enum):
    """What an answer means for the read."""

    GO_ON = "go on"
    COMPLETE = "complete"
    REPEAT = "repeat"
    UNPROVEN = "unproven"


def begin(resource: Resource, *, first: bool, whole: bool, since: datetime | None, name: str) -> Read:
    """A new read: the history when it is the first, everything again when that is due, else what changed meanwhile."""
    if first:
        return Read(kind="history", read_id="history")
    if resource.modified_since and not whole:
        return Read(kind="increment", read_id=f"increment-{name}", since=since)
    return Read(kind="whole", read_id=f"whole-{name}")


def request(resource: Resource, read: Read, *, start: date, page_size: int) -> Request:
    """The next call of a read."""
    params = dict(resource.parameters)
    since = read.since
    if read.kind != "increment" and resource.history_where and read.phase != "correction":
        params["where"] = resource.history_where.format(
            start=f"DateTime({start.year},{start.month},{start.day})"
        )
    if read.phase == "correction" and read.began is not None:
        since = read.began - CORRECTION_OVERLAP
    if resource.paged:
        size = 1 if read.phase == "count" else page_size
        params |= {"page": str(read.page), "pageSize": str(size), "order": resource.id_field}
    return Request(resource.name, params, if_modified_since(since) if since else "")


def is_last(resource: Resource, read: Read, page: Page) -> bool:
    """Whether the phase ends with this page. A page past the end is empty; without `pagination` only that is the end."""
    if not resource.paged or not page.records or read.phase == "count":
        return True
    return page.page_count is not None and read.page >= page.page_count


def after(
    resource: Resource, read: Read, page: Page, seen: set[str], corrected: set[str]
) -> tuple[Verdict, Read]:
    """What follows an answer. `seen` and `corrected`: the distinct ids of the pages and of the correction, this one's
    included; they are looked at on a phase's last page only.
    """
    read = msgspec.structs.replace(read, began=read.began or page.answered_at)
    if read.phase == "pages":
        read = msgspec.structs.replace(read, item_count=page.item_count)
    if not is_last(resource, read, page):
        return Verdict.GO_ON, msgspec.structs.replace(read, page=read.page + 1)
    match read.phase:
        case "pages":
            if not resource.paged or (read.page == 1 and len(seen) == (page.item_count or 0)):
                return Verdict.COMPLETE, read
            return Verdict.GO_ON, _correct(read)
        case "correction":
            if not corrected - seen and len(seen) == read.item_count:
                return Verdict.COMPLETE, read
            return Verdict.GO_ON, msgspec.structs.replace(read, phase="count", page=1)
        case _:
            if len(seen | corrected) == page.item_count:
                return Verdict.COMPLETE, read
            if page.item_count is None:
                return Verdict.UNPROVEN, read
            if read.corrections < CORRECTIONS:
                return Verdict.GO_ON, _correct(read)
            if read.attempt < ATTEMPTS:
                again = Read(kind=read.kind, read_id=read.read_id, since=read.since, attempt=read.attempt + 1)
                return Verdict.REPEAT, again
            return Verdict.UNPROVEN, read


def _correct(read: Read) -> Read:
    return msgspec.structs.replace(read, phase="correction", page=1, corrections=read.corrections + 1)
