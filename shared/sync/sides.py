"""The three sides of a proof: a part of a resource's records as Xero lists them, as the mirror holds them, as Power BI shows them.

Of each record only what is compared is kept: which month it is in, what it adds to the sums, its content as a hash.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import batched
from typing import Any

from shared import tables
from shared.audit import Audit
from shared.clock import milliseconds
from shared.errors import BadRecord, NotFound, Refused, RetryLater, Unavailable
from shared.state import forgotten, mirror
from shared.state.checkpoints import Window
from shared.state.connections import Organisation
from shared.state.mirror import Known
from shared.state.proofs import Side
from shared.sync.connector import Connector
from shared.sync.land import IDS_A_CALL, IDS_A_WHERE, by_ids, one
from shared.sync.lists import is_needed
from shared.sync.lists import read as read_lists
from shared.sync.read import dated
from shared.sync.readback import NEXT_TO_NOTHING, OF_A_SUM
from shared.sync.refill import money_of as first_money_of
from shared.sync.winners import content_hash
from shared.tables.lists import NO_LISTS
from shared.tables.measures.rows import current
from shared.tables.table import Source, Table
from shared.xero import persons, wire
from shared.xero.client import Request
from shared.xero.paging import parse_page
from shared.xero.resources import Resource

# A list that others edit meanwhile is read again so often before it is left for another day.
ATTEMPTS = 3
# A query's expressions; each month takes two.
MONTHS_A_QUERY = 10
TOTAL = "TotalAmount"


@dataclass(frozen=True)
class Entry:
    """A record as one side has it. day: its date as text, "" for none; stamp: milliseconds of Xero's clock, -1 for none."""

    day: str
    amount: Decimal
    hash: str
    stamp: int

    @property
    def month(self) -> str:
        return self.day[:7]


@dataclass(frozen=True)
class Listed:
    """What Xero listed, and what that took."""

    entries: Mapping[str, Entry]
    calls: int
    bytes: int


class Shaper:
    """Makes entries of a resource's records, by the row that each has in the resource's own table."""

    def __init__(self, connector: Connector, organisation: Organisation, resource: Resource) -> None:
        self.table = own_table(resource)
        self.money = money_of(self.table)
        self._organisation = organisation
        self._resource = resource
        self._lists = read_lists(connector, organisation) if is_needed(resource.name) else NO_LISTS
        self._forgotten = forgotten.contacts(connector.store).get(organisation.tenant_id, frozenset())
        self._columns = {each.name: each for each in self.table.columns}

    @property
    def is_dated(self) -> bool:
        return "Date" in self._columns

    def entry(self, record: dict[str, Any], known: Known | None = None) -> Entry:
        """known: what the mirror knows of it. Raises BadRecord for what Power BI cannot have either."""
        record = persons.masked(self._resource.name, record, self._forgotten) if self._forgotten else record
        source = Source(
            tenant_id=self._organisation.tenant_id,
            base_currency=self._organisation.base_currency,
            resource=self._resource.name,
            record=record,
            document=record,
            lists=self._lists,
        )
        day = self._columns["Date"].value(source) if self.is_dated else ""
        amount = self._columns[self.money].value(source) if self.money else 0
        if known is not None:
            # By these the push compares.
            content, stamp = known.hash, known.stamp
        else:
            content, stamp = content_hash(self._resource.lasting(record)), self._stamp(record)
        return Entry(day=str(day or "")[:10], amount=Decimal(str(amount or 0)), hash=content, stamp=stamp)

    def _stamp(self, record: dict[str, Any]) -> int:
        name = self._resource.stamp_field
        stamp = wire.instant(record.get(name), name) if name else None
        return milliseconds(stamp) if stamp else -1


def money_of(table: Table) -> str:
    """The column that is summed: the documents' totals, else the first of money; "" when the table has none."""
    if any(column.name == TOTAL for column in table.columns):
        return TOTAL
    return first_money_of(table)


def own_table(resource: Resource) -> Table:
    """The table that has one row for each of the resource's records."""
    return tables.fed_by(resource.name)[0]


def in_mirror(
    connector: Connector, organisation: Organisation, resource: Resource, shaper: Shaper
) -> dict[str, Entry]:
    """All that the mirror holds and Xero is not known to have deleted for good; what cannot be shaped is in the quarantine."""
    found: dict[str, Entry] = {}
    for known, record in mirror.living(connector.store, organisation.tenant_id, resource.name):
        try:
            found[known.record_id] = shaper.entry(record, known)
        except BadRecord:
            continue
    return found


def listed(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    shaper: Shaper,
    window: Window | None,
) -> Listed:
    """What Xero lists, of a window of dates or of all; read until the distinct ids number what Xero counts.

    Raises Unavailable when they never do, and as XeroClient.get does.
    """
    params = resource.list_parameters | (dated(resource, window) if window is not None else {})
    calls = size = 0
    for _ in range(ATTEMPTS):
        entries: dict[str, Entry] = {}
        names: set[str] = set()
        count: int | None = 0
        for request in _pages(resource, params, connector.settings.xero_page_size):
            answer = connector.xero().get(organisation.tenant, request, urgent=False)
            page = parse_page(answer, resource)
            calls, size = calls + 1, size + len(answer.body)
            _tell(audit, organisation, resource, len(page.records), page.request_id, len(answer.body))
            names.update(page.ids(resource))
            entries |= _entries(resource, shaper, page.records)
            count = page.item_count if resource.paged else len(names)
            if not resource.paged or len(page.records) < connector.settings.xero_page_size:
                break
        if count is None or len(names) == count:
            return Listed(entries, calls, size)
    raise Unavailable(
        f"{resource.name} changes while it is read: {len(names)} ids, and Xero counts {count}.", seconds=3600
    )


def by_id(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    shaper: Shaper,
    ids: Sequence[str],
) -> Listed:
    """What Xero has of these records; those that it leaves out are for a GET of each to judge."""
    entries: dict[str, Entry] = {}
    calls = size = 0
    for request in requests_for(resource, ids, connector.settings.xero_page_size):
        calls += 1
        try:
            answer = connector.xero().get(organisation.tenant, request, urgent=False)
        except NotFound:
            continue
        page = parse_page(answer, resource)
        size += len(answer.body)
        _tell(audit, organisation, resource, len(page.records), page.request_id, len(answer.body))
        entries |= _entries(resource, shaper, page.records)
    return Listed(entries, calls, size)


def requests_for(resource: Resource, ids: Sequence[str], page_size: int) -> list[Request]:
    """The calls that ask for records by their ids."""
    if resource.fetch_by == "one":
        return [one(resource, each) for each in sorted(ids)]
    most = IDS_A_CALL if resource.fetch_by == "IDs" else IDS_A_WHERE
    return [by_ids(resource, some, page_size) for some in batched(sorted(ids), most, strict=False)]


def _pages(resource: Resource, params: Mapping[str, str], size: int) -> Iterator[Request]:
    if not resource.paged:
        yield Request(resource.name, dict(params))
        return
    order = {"order": resource.id_field} if resource.paging == "pages" else {}
    number = 0
    while True:
        number += 1
        yield Request(resource.name, {**params, "page": str(number), "pageSize": str(size), **order})


def _entries(resource: Resource, shaper: Shaper, records: Iterable[dict[str, Any]]) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    for record in records:
        record_id = resource.id_of(record)
        if resource.is_id(record_id):
            try:
                found[record_id] = shaper.entry(record)
            except BadRecord:
                # It is, or will be, in the quarantine: `status` tells of it.
                continue
    return found


def _tell(
    audit: Audit, organisation: Organisation, resource: Resource, records: int, request_id: str, size: int
) -> None:
    audit.add(
        "fetch",
        "compared",
        organisation=organisation.tenant_id,
        resource=resource.name,
        why="reconcile",
        count=records,
        request_id=request_id,
        bytes=size,
    )


def in_powerbi(
    connector: Connector,
    audit: Audit,
    powerbi_id: str,
    organisation: Organisation,
    table: Table,
    months: Sequence[str],
    *,
    first: date | None = None,
    before: date | None = None,
) -> dict[str, Side] | None:
    """The current rows of an organisation's months; None where Power BI cannot be asked.

    first: the first month begins here, when that is later than its first day. before: not months, but all before this day.
    """
    found: dict[str, Side] = {}
    for some in batched(months, MONTHS_A_QUERY, strict=False):
        asked: dict[str, str] = {}
        for number, month in enumerate(some):
            rows = _current(table, organisation.tenant_id, month, first, before)
            asked[f"count{number}"] = f"COUNTROWS ( {rows} )"
            if money := money_of(table):
                asked[f"sum{number}"] = f"SUMX ( {rows}, {table.name}[{money}] )"
        try:
            answer = connector.powerbi().query(powerbi_id, asked)
        except (Refused, RetryLater) as error:
            audit.add("query", "refused", resource=table.name, error=error)
            return None
        if answer is None:
            return None
        for number, month in enumerate(some):
            found[month] = side(
                table, int(answer[f"count{number}"] or 0), Decimal(str(answer.get(f"sum{number}") or 0))
            )
    return found


def _current(table: Table, tenant_id: str, month: str, first: date | None, before: date | None) -> str:
    where = {"TenantID": f'= "{tenant_id}"'}
    if any(column.name == "Date" for column in table.columns):
        date_ = f"{table.name}[Date]"
        if before is not None:
            where["Date"] = f"<> BLANK () && {date_} < {_day(before)}"
        elif not month:
            where["Date"] = "= BLANK ()"
        else:
            begins, ends = bounds(month)
            begins = max(begins, first) if first else begins
            where["Date"] = f">= {_day(begins)} && {date_} < {_day(ends)}"
    money = money_of(table)
    return current(table.name, where, [money] if money else [])


def bounds(month: str) -> tuple[date, date]:
    """A month's first day, and the first of the next."""
    begins = date.fromisoformat(f"{month}-01")
    return begins, date(begins.year + begins.month // 12, begins.month % 12 + 1, 1)


def _day(day: date) -> str:
    return f"DATE ( {day.year}, {day.month}, {day.day} )"


def side(table: Table, count: int, total: Decimal) -> Side:
    money = money_of(table)
    return Side(count=count, sums={money: str(total)} if money else {})


def side_of(table: Table, entries: Iterable[Entry]) -> Side:
    some = list(entries)
    return side(table, len(some), sum((each.amount for each in some), Decimal()))


def agrees(one: Side, other: Side) -> bool:
    """Whether two sides say the same; Power BI may tell a large sum as a fraction of 53 bits."""
    return one.count == other.count and all(
        abs(Decimal(total) - Decimal(other.sums[name]))
        <= max(NEXT_TO_NOTHING, abs(Decimal(total)) * OF_A_SUM)
        for name, total in one.sums.items()
    )
