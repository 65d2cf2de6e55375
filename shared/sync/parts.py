"""Parts of a resource's records that are compared together: some months of one list, about a page of it. No I/O.

from START_DATE on   a list of some months, as many as the mirror has a page of records in
before it            the records that the mirror has, by their ids; and what is open there, listed by status
without a date       a list of those; where a resource has no dates at all, its whole list
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import batched
from typing import Literal

from shared.state.checkpoints import Window
from shared.sync.sides import Entry, bounds, requests_for
from shared.xero.resources import Resource

# Of the records before START_DATE, which are asked for by their ids: so many calls of 20 or 40 ids together.
CALLS_BY_ID = 10


@dataclass(frozen=True, kw_only=True)
class Part:
    """months: as which it is remembered, "" for what has no date. window: None is the whole list. ids: asked for in place of a
    list. Of what is open before START_DATE ("open") the mirror may have more than Xero lists. before: it holds all that is dated
    before this day. calls: about so many of Xero's.
    """

    kind: Literal["list", "ids", "open"]
    months: tuple[str, ...]
    window: Window | None = None
    ids: tuple[str, ...] = ()
    before: date | None = None
    calls: int = 1

    @property
    def is_shown(self) -> bool:
        """Whether Power BI can be asked for it by its dates."""
        return self.kind == "list" or self.before is not None

    def holds(self, record_id: str, entry: Entry) -> bool:
        """Whether a record of the mirror belongs to it."""
        if self.kind == "ids":
            return record_id in self.ids
        if self.window is None:
            return True
        if self.window.undated:
            return not entry.day
        first, before = self.window.first, self.window.before
        return (
            bool(entry.day)
            and (first is None or entry.day >= first.isoformat())
            and (before is None or entry.day < before.isoformat())
        )


def parts(
    resource: Resource,
    held: Mapping[str, Entry],
    *,
    is_dated: bool,
    start: date,
    today: date,
    page_size: int,
) -> list[Part]:
    """All parts of a resource: together they hold each record of the mirror, and all that Xero's history rule names."""
    if not is_dated or not (resource.history_where or resource.windows == "parameters"):
        months = _months(entry.month for entry in held.values())
        calls = -(-max(1, len(held)) // page_size) if resource.paged else 1
        return [Part(kind="list", months=months or ("",), calls=calls)]
    everything = not resource.history_where
    found = list(_by_months(held, None if everything else start, today, page_size, start))
    undated = [record_id for record_id, entry in held.items() if not entry.day]
    if not everything and ("Date == null" in resource.history_where):
        calls = 1 + len(undated) // page_size
        found.append(Part(kind="list", months=("",), window=Window(undated=True), calls=calls))
    elif undated:
        found += _by_ids(resource, undated, page_size, "")
    if not everything:
        older = [key for key, entry in held.items() if entry.day and entry.day < start.isoformat()]
        some = list(_by_ids(resource, older, page_size, f"before {start}"))
        found += [replace(each, before=start) for each in some] if len(some) == 1 else some
        found += [
            Part(
                kind="open",
                months=(f"{status} before {start}",),
                window=Window(before=start, status=status),
            )
            for status in resource.open_statuses
        ]
    return found


def _by_months(
    held: Mapping[str, Entry], first: date | None, today: date, page_size: int, start: date
) -> Iterable[Part]:
    """Months in turn, together as long as they fill a page; the last part has no end."""
    counts = Counter(entry.month for entry in held.values() if entry.day)
    days = [entry.day for entry in held.values() if entry.day]
    begins = first or (date.fromisoformat(min(days)) if days else start)
    last = (today + timedelta(days=1)).isoformat()[:7]
    month, some, count = begins.isoformat()[:7], list[str](), 0
    since = first
    while month <= last:
        if some and count + counts[month] > page_size:
            before, _ = bounds(month)
            yield _listed(some, Window(since, before), count, page_size)
            since, some, count = before, [], 0
        some.append(month)
        count += counts[month]
        month = bounds(month)[1].isoformat()[:7]
    later = _months(each for each in counts if each > last)
    yield _listed([*some, *later], Window(since, None), count, page_size)


def _listed(months: Sequence[str], window: Window, count: int, page_size: int) -> Part:
    # A page that is full is followed by another, perhaps an empty one.
    return Part(kind="list", months=tuple(months), window=window, calls=1 + count // page_size)


def _by_ids(resource: Resource, ids: Sequence[str], page_size: int, label: str) -> Iterable[Part]:
    a_call = max(1, len(ids) // max(1, len(requests_for(resource, ids, page_size)))) if ids else 1
    for number, some in enumerate(batched(sorted(ids), a_call * CALLS_BY_ID, strict=False), 1):
        month = label if number == 1 else f"{label} ({number})".strip()
        yield Part(kind="ids", months=(month,), ids=some, calls=-(-len(some) // a_call))


def _months(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found)))
