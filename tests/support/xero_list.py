"""A model of one of Xero's lists, which others edit between any two calls of a reader, and a read of it from end to end."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from math import ceil
from typing import Any, Literal
from uuid import UUID

import msgspec
from hypothesis import strategies as st

from local.xero import where as xero_where
from shared.clock import milliseconds
from shared.state.checkpoints import Read
from shared.sync import read as reading
from shared.sync.read import Verdict
from shared.xero.client import Request
from shared.xero.paging import Page
from shared.xero.resources import RESOURCES, Resource

START = date(2025, 1, 1)
LONG_AGO = datetime(2019, 5, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()
INVOICES, ACCOUNTS, JOURNALS = RESOURCES["Invoices"], RESOURCES["Accounts"], RESOURCES["Journals"]
ORDERS, MANUAL_JOURNALS = RESOURCES["PurchaseOrders"], RESOURCES["ManualJournals"]
# Far above what a read of the sizes here may need.
MOST_CALLS = 200
MOST_CALLS_OF_WINDOWS = 5000

After = Callable[[Resource, Read, Page, set[str], set[str]], tuple[Verdict, Read]]
Ask = Callable[..., Request]
Order = Literal["ascending", "descending"]


@dataclass
class Record:
    """A record of the model: when it last changed, its date, its status."""

    stamp: datetime
    day: date | None = TODAY
    status: str = "PAID"

    def as_xero_writes(self) -> dict[str, Any]:
        dated = {} if self.day is None else {"Date": as_xero_writes(at_midnight(self.day))}
        return dated | {"Status": self.status, "UpdatedDateUTC": as_xero_writes(self.stamp)}


@dataclass
class XeroList:
    """One of Xero's lists, by its documented rules: paging over what matches now, in the order asked for.

    unordered: how it comes when no order is asked for. step: the seconds between two answers.
    """

    inclusive: bool = True
    records: dict[str, Record] = field(default_factory=dict)
    now: datetime = NOON
    unordered: Order = "ascending"
    step: float = 1.0
    edited: set[str] = field(default_factory=set)

    def answer(self, resource: Resource, request: Request) -> Page:
        """The page that a request gets, `step` seconds later than the one before."""
        self.now += timedelta(seconds=self.step)
        ids = self.matching(request)
        ids.sort(
            key=(
                (lambda name: name)
                if request.params.get("order") == resource.id_field
                else (lambda name: (self.records[name].stamp, name))
            ),
            reverse="order" not in request.params and self.unordered == "descending",
        )
        size = int(request.params["pageSize"])
        first = (int(request.params["page"]) - 1) * size
        return Page(
            records=[{resource.id_field: id_of(name)} for name in ids[first : first + size]],
            answered_at=self.now,
            request_id="",
            item_count=len(ids),
            page_count=ceil(len(ids) / size),
        )

    def matching(self, request: Request) -> list[str]:
        since = (
            datetime.fromisoformat(request.modified_since).replace(tzinfo=UTC)
            if request.modified_since
            else None
        )
        params = request.params
        bounds = [
            date.fromisoformat(params[name]) if name in params else None for name in ("DateFrom", "DateTo")
        ]
        return [
            name
            for name, record in self.records.items()
            if (since is None or record.stamp > since or (self.inclusive and record.stamp == since))
            and (bounds[0] is None or (record.day is not None and bounds[0] <= record.day))
            and (bounds[1] is None or (record.day is not None and record.day <= bounds[1]))
            and ("where" not in params or _matches(params["where"], record.stamp, record.day, record.status))
        ]

    def edit(self, name: str, **changes: Any) -> None:
        """What somebody does to a record moves its stamp to the whole second."""
        if name in self.records:
            self.edited.add(name)
            record = self.records[name]
            record.stamp = self.now.replace(microsecond=0)
            for each, value in changes.items():
                setattr(record, each, value)

    def add(self, name: str) -> None:
        if name not in self.records:
            self.edited.add(name)
            self.records[name] = Record(self.now.replace(microsecond=0), status="AUTHORISED")

    def do(self, what: str, name: str) -> None:
        """edit; add; pay, which takes it out of the open ones; leave, which takes it out of the dated ones, too; and
        move, which takes it into the middle of the history.
        """
        match what:
            case "add":
                self.add(name)
            case "pay":
                self.edit(name, status="PAID")
            case "leave":
                self.edit(name, status="VOIDED", day=START - timedelta(days=400))
            case "move":
                self.edit(name, day=START + timedelta(days=30))
            case _:
                self.edit(name)


@cache
def id_of(name: str) -> str:
    """The id of the model's record of that name, which has 16 letters at most."""
    return str(UUID(bytes=name.encode().rjust(16, b"\0")))


def name_of(record_id: str) -> str:
    return UUID(record_id).bytes.lstrip(b"\0").decode()


@cache
def condition(text: str) -> xero_where.Condition:
    return xero_where.parse(text)


@cache
def _matches(where: str, stamp: datetime, day: date | None, status: str) -> bool:
    return condition(where).matches(Record(stamp, day, status).as_xero_writes())


def at_midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def as_xero_writes(instant: datetime) -> str:
    return f"/Date({milliseconds(instant)}+0000)/"


@dataclass
class Outcome:
    """What a read came to: its verdict, the names that it saw, the calls, and what the list held when it began."""

    verdict: Verdict
    seen: set[str]
    calls: int
    there: set[str]
    phases: list[str]
    read: Read


def perform(
    xero: XeroList,
    *,
    page_size: int,
    kind: str = "whole",
    since: datetime | None = None,
    between: Sequence[Sequence[tuple[str, str]]] = (),
    after: After = reading.after,
    ask: Ask = reading.request,
    resource: Resource = INVOICES,
    refused_at: Collection[int] = (),
    most_calls: int = MOST_CALLS,
) -> Outcome:
    """A whole read; `between` holds what others do before the second call, the third, and so on.

    refused_at: calls that Xero refuses for too many rows, when there is something to split.
    """
    read = reading.begin(
        resource, first=kind == "history", whole=kind == "whole", since=since, offset=0, name="r"
    )
    xero.edited.clear()
    there: set[str] | None = None
    kept: dict[tuple[str, int, int], set[str]] = {}
    phases: list[str] = []
    for call in range(most_calls):
        if 0 < call <= len(between):
            for what, name in between[call - 1]:
                xero.do(what, name)
        request = ask(resource, read, start=START, page_size=page_size)
        if there is None:
            there = set(xero.matching(request))
        if call in refused_at and (parts := reading.split(resource, read, start=START, today=TODAY)):
            kept = {key: ids for key, ids in kept.items() if key[1] != read.window}
            read = parts
            continue
        page = xero.answer(resource, request)
        phases.append(read.phase)
        if read.phase in ("pages", "correction"):
            kept[read.phase, read.window, read.page] = set(page.ids(resource))
        seen, corrected = (
            {
                name
                for (phase, window, _), ids in kept.items()
                if (phase, window) == (wanted, read.window)
                for name in ids
            }
            for wanted in ("pages", "correction")
        )
        # A checkpoint is written and read again between any two calls.
        window = read.window
        verdict, read = after(resource, read, page, seen, corrected)
        read = msgspec.json.decode(msgspec.json.encode(read), type=Read)
        if verdict is Verdict.REPEAT:
            kept = {key: ids for key, ids in kept.items() if key[1] != window}
        if verdict in (Verdict.COMPLETE, Verdict.UNPROVEN):
            names_seen = {name_of(record_id) for record_id in set().union(*kept.values())}
            return Outcome(verdict, names_seen, call + 1, there, phases, read)
    raise AssertionError(f"no verdict in {most_calls} calls: {phases[-10:]}")


names = st.integers(0, 30).map(lambda number: f"{number:02}")
doings = st.sampled_from(["edit", "edit", "add", "pay", "leave", "move"])
edits = st.lists(st.tuples(doings, names), max_size=6)
histories = st.lists(edits, max_size=12)
days = st.sampled_from([None, TODAY, START, START - timedelta(days=1), START - timedelta(days=700)])
statuses = st.sampled_from(["DRAFT", "AUTHORISED", "PAID", "VOIDED"])


@st.composite
def lists(draw: st.DrawFn) -> XeroList:
    xero = XeroList(
        inclusive=draw(st.booleans()),
        unordered=draw(st.sampled_from(["ascending", "descending"])),
        step=draw(st.sampled_from([0.2, 1.0])),
    )
    for name in draw(st.sets(names, max_size=14)):
        age = timedelta(seconds=draw(st.sampled_from([0, 1, 4, 5, 6, 3600, 10**8])))
        xero.records[name] = Record(NOON - age, draw(days), draw(statuses))
    return xero
