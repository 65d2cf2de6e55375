"""The reader against a model of Xero's lists that others edit between any two of its calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
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
INVOICES, ACCOUNTS = RESOURCES["Invoices"], RESOURCES["Accounts"]
# Far above what a read of the sizes here may need.
MOST_CALLS = 200

After = Callable[[Resource, Read, Page, set[str], set[str]], tuple[Verdict, Read]]
Ask = Callable[..., Request]


@dataclass
class Record:
    """A record of the model: when it last changed, and whether its own date puts it into the history."""

    stamp: datetime
    dated_in_range: bool = True


@dataclass
class XeroList:
    """One of Xero's lists, by its documented rules: paging over what matches now, in the order asked for."""

    inclusive: bool = True
    records: dict[str, Record] = field(default_factory=dict)
    now: datetime = NOON

    def answer(self, request: Request) -> Page:
        """The page that a request gets, a second later than the one before."""
        self.now += timedelta(seconds=1)
        ids = self.matching(request)
        ids.sort(
            key=lambda name: (
                (self.records[name].stamp, name) if request.params.get("order") == "UpdatedDateUTC" else name
            )
        )
        size = int(request.params["pageSize"])
        first = (int(request.params["page"]) - 1) * size
        return Page(
            records=[{"InvoiceID": name} for name in ids[first : first + size]],
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
        start = datetime(START.year, START.month, START.day, tzinfo=UTC)
        return [
            name
            for name, record in self.records.items()
            if (since is None or record.stamp > since or (self.inclusive and record.stamp == since))
            and ("where" not in request.params or record.dated_in_range or record.stamp >= start)
        ]

    def edit(self, name: str) -> None:
        if name in self.records:
            self.records[name].stamp = self.now.replace(microsecond=0)

    def add(self, name: str) -> None:
        self.records.setdefault(name, Record(self.now.replace(microsecond=0)))


@dataclass
class Outcome:
    """What a read came to: its verdict, the ids that it saw, the calls, and what the list held when it began."""

    verdict: Verdict
    seen: set[str]
    calls: int
    there: set[str]
    phases: list[str]


def perform(
    xero: XeroList,
    *,
    page_size: int,
    kind: str = "whole",
    since: datetime | None = None,
    between: Sequence[Sequence[tuple[str, str]]] = (),
    after: After = reading.after,
    ask: Ask = reading.request,
) -> Outcome:
    """A whole read; `between` holds what others do before the second call, the third, and so on."""
    read = Read(kind=kind, read_id="r", since=since)  # type: ignore[arg-type]
    there: set[str] | None = None
    kept: dict[tuple[str, str, int], set[str]] = {}
    phases: list[str] = []
    for call in range(MOST_CALLS):
        if 0 < call <= len(between):
            for what, name in between[call - 1]:
                (xero.edit if what == "edit" else xero.add)(name)
        request = ask(INVOICES, read, start=START, page_size=page_size)
        page = xero.answer(request)
        phases.append(read.phase)
        if there is None:
            there = set(xero.matching(request))
        if read.phase != "count":
            kept[read.folder, read.phase, read.page] = set(page.ids(INVOICES))
        seen, corrected = (
            {
                name
                for (folder, phase, _), ids in kept.items()
                if (folder, phase) == (read.folder, wanted)
                for name in ids
            }
            for wanted in ("pages", "correction")
        )
        # A checkpoint is written and read again between any two calls.
        verdict, read = after(INVOICES, read, page, seen, corrected)
        read = msgspec.json.decode(msgspec.json.encode(read), type=Read)
        if verdict in (Verdict.COMPLETE, Verdict.UNPROVEN):
            return Outcome(verdict, seen | corrected, call + 1, there, phases)
    raise AssertionError(f"no verdict in {MOST_CALLS} calls: {phases[-10:]}")


names = st.integers(0, 30).map(lambda number: f"{number:02}")
edits = st.lists(st.tuples(st.sampled_from(["edit", "edit", "add"]), names), max_size=6)
histories = st.lists(edits, max_size=12)


@st.composite
def lists(draw: st.DrawFn) -> XeroList:
    xero = XeroList(inclusive=draw(st.booleans()))
    for name in draw(st.sets(names, max_size=14)):
        age = timedelta(seconds=draw(st.sampled_from([0, 1, 4, 5, 6, 3600, 10**8])))
        xero.records[name] = Record(NOON - age, draw(st.booleans()))
    return xero


@settings(max_examples=250)
@given(lists(), histories, st.integers(1, 5), st.sampled_from(["history", "whole", "increment"]))
def test_a_complete_read_has_every_record_that_was_there_when_it_began(
    xero: XeroList, between: list[list[tuple[str, str]]], page_size: int, kind: str
) -> None:
    """Whatever is edited and added between any two calls, COMPLETE means that nothing was missed."""
    since = LONG_AGO if kind == "increment" else None
    outcome = perform(xero, page_size=page_size, kind=kind, since=since, between=between)
    assert outcome.verdict is not Verdict.COMPLETE or outcome.there <= outcome.seen


@settings(max_examples=200)
@given(lists(), histories, st.integers(1, 5))
def test_when_the_editing_ends_the_read_is_proven(
    xero: XeroList, between: list[list[tuple[str, str]]], page_size: int
) -> None:
    """Edits during the pages and one pass of correction cost a few calls, never the proof."""
    quiet_from = ceil(len(xero.records) / page_size)
    outcome = perform(xero, page_size=page_size, between=between[:quiet_from])
    assert outcome.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("kind", ["history", "whole", "increment"])
@pytest.mark.parametrize(
    ("count", "calls"), [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 3), (2000, 3), (3400, 5), (12_345, 14)]
)
def test_an_undisturbed_read_costs_its_pages_and_one_call(kind: str, count: int, calls: int) -> None:
    """ceil(n/1000)+1 calls for n records above a page; one call when a page holds all it says."""
    xero = XeroList(records={f"{number:06}": Record(LONG_AGO) for number in range(count)})
    since = LONG_AGO - timedelta(days=1) if kind == "increment" else None
    outcome = perform(xero, page_size=1000, kind=kind, since=since)
    assert (outcome.verdict, outcome.calls, len(outcome.seen)) == (Verdict.COMPLETE, calls, count)


@pytest.mark.parametrize("added", [1, 7])
def test_records_added_while_reading_cost_one_call_more(added: int) -> None:
    """What came after the last page is found by the correction and counted once more, in one call and not in n."""
    xero = XeroList(records={f"{number:06}": Record(LONG_AGO) for number in range(3400)})
    new = [("add", f"x{number}") for number in range(added)]
    outcome = perform(xero, page_size=1000, between=[[], [], [], new])
    assert (outcome.verdict, outcome.calls) == (Verdict.COMPLETE, 6)
    assert outcome.phases == ["pages"] * 4 + ["correction", "count"]
    assert len(outcome.seen) == 3400 + added


def test_a_correction_of_many_pages_does_not_replace_the_lists_count() -> None:
    """When most of a list is edited while it is read, its own itemCount still decides, not that of the edits."""
    xero = XeroList(records={f"{number:02}": Record(LONG_AGO) for number in range(8)})
    everything = [("edit", name) for name in xero.records]
    outcome = perform(xero, page_size=2, between=[[], [], [], everything])
    assert (outcome.verdict, len(outcome.seen)) == (Verdict.COMPLETE, 8)
    assert "count" not in outcome.phases


def test_a_list_that_never_holds_still_is_told_as_unproven() -> None:
    """After three corrections in each of three attempts the read says that it is unproven, in a bounded number of calls."""
    xero = XeroList(records={f"{number:03}": Record(LONG_AGO) for number in range(250)})
    between = [[("add", f"new-{call}")] for call in range(MOST_CALLS)]
    outcome = perform(xero, page_size=100, between=between)
    assert outcome.verdict is Verdict.UNPROVEN
    assert outcome.phases.count("count") == reading.CORRECTIONS * reading.ATTEMPTS
    assert outcome.there <= outcome.seen


# Readers as others write them, and what they lose.


def by_stamp(*arguments: Any, **named: Any) -> Request:
    """Xero's default order, and what most connectors page by."""
    request = reading.request(*arguments, **named)
    return Request(request.path, {**request.params, "order": "UpdatedDateUTC"}, request.modified_since)


def unchecked(
    resource: Resource, read: Read, page: Page, seen: set[str], corrected: set[str]
) -> tuple[Verdict, Read]:
    """A reader that stops at the last page."""
    verdict, following = reading.after(resource, read, page, seen, corrected)
    return (Verdict.COMPLETE, following) if following.phase != "pages" else (verdict, following)


def busy_afternoon() -> tuple[XeroList, list[list[tuple[str, str]]]]:
    """3,000 invoices, of which ten that were read already are edited before each further page."""
    xero = XeroList(
        records={f"{number:06}": Record(LONG_AGO + timedelta(minutes=number)) for number in range(3000)}
    )
    return xero, [[("edit", f"{page * 100 + number:06}") for number in range(10)] for page in range(3)]


def test_a_reader_that_pages_by_stamp_loses_records_that_nobody_touched() -> None:
    """Why we do not: each edit moves a read record behind, and the next page begins one too far. Nothing says so."""
    xero, between = busy_afternoon()
    outcome = perform(xero, page_size=1000, between=between, ask=by_stamp, after=unchecked)
    lost = outcome.there - outcome.seen
    assert outcome.verdict is Verdict.COMPLETE
    assert len(lost) == 20
    assert all(xero.records[name].stamp < NOON for name in lost)


def test_the_count_sees_what_paging_by_stamp_lost() -> None:
    """The same reader with our check: it finds the hole and reads again, once, to a true end."""
    xero, between = busy_afternoon()
    outcome = perform(xero, page_size=1000, between=between, ask=by_stamp)
    assert outcome.verdict is Verdict.COMPLETE
    assert outcome.there <= outcome.seen
    assert outcome.calls > 5


def test_our_reader_in_the_same_afternoon_loses_nothing() -> None:
    """Paging by the id: edits move nothing, so the pages and one correction are enough."""
    xero, between = busy_afternoon()
    outcome = perform(xero, page_size=1000, between=between)
    assert (outcome.verdict, outcome.calls, outcome.there - outcome.seen) == (Verdict.COMPLETE, 4, set())


def all_but_one_edited() -> tuple[XeroList, list[list[tuple[str, str]]]]:
    xero = XeroList(
        records={f"{number:02}": Record(LONG_AGO + timedelta(days=number)) for number in range(7)}
    )
    return xero, [[("edit", "00")], [], [], [("edit", name) for name in xero.records if name != "02"]]


@settings(max_examples=250)
@given(lists(), histories, st.integers(1, 5))
@example(*all_but_one_edited(), 2)
def test_the_check_never_calls_a_hole_complete(
    xero: XeroList, between: list[list[tuple[str, str]]], page_size: int
) -> None:
    """Even under an order that makes holes, the check's word is good: it does not lean on the order being harmless."""
    outcome = perform(xero, page_size=page_size, between=between, ask=by_stamp)
    assert outcome.verdict is not Verdict.COMPLETE or outcome.there <= outcome.seen


# Single steps.


def page(count: int, *, item_count: int | None, page_count: int | None = 1) -> Page:
    return Page([{"InvoiceID": f"{number}"} for number in range(count)], NOON, "", item_count, page_count)


def test_a_full_page_without_pagination_is_not_the_end() -> None:
    """Should Xero leave its counts out, the reader goes on to an empty page and claims no completeness."""
    read = Read(kind="whole", read_id="r")
    seen = {"0", "1"}
    verdict, read = reading.after(INVOICES, read, page(2, item_count=None, page_count=None), seen, seen)
    assert (verdict, read.page) == (Verdict.GO_ON, 2)
    nothing = page(0, item_count=None, page_count=None)
    verdicts: list[Verdict] = []
    while len(verdicts) < 10 and Verdict.UNPROVEN not in verdicts:
        verdict, read = reading.after(INVOICES, read, nothing, seen, set())
        verdicts.append(verdict)
    assert Verdict.COMPLETE not in verdicts
    assert verdicts[-1] is Verdict.UNPROVEN
    assert len(verdicts) <= 3


def test_an_empty_first_page_is_complete() -> None:
    """No changes since the last look cost one call."""
    read = Read(kind="increment", read_id="r", since=NOON)
    verdict, _ = reading.after(INVOICES, read, page(0, item_count=0, page_count=0), set(), set())
    assert verdict is Verdict.COMPLETE


def test_an_unpaged_list_is_complete_with_its_one_answer() -> None:
    """Accounts and the organisation come whole."""
    verdict, _ = reading.after(
        ACCOUNTS, Read(kind="whole", read_id="r"), page(3, item_count=None, page_count=None), set(), set()
    )
    assert verdict is Verdict.COMPLETE


def test_the_first_answers_clock_is_the_beginning() -> None:
    """The watermark comes from Xero's clock at the first answer, whatever later answers say, until a read is repeated."""
    read = Read(kind="whole", read_id="r")
    later = Page([{"InvoiceID": "9"}], NOON + timedelta(minutes=5), "", 2, 2)
    _, read = reading.after(INVOICES, read, page(1, item_count=2, page_count=2), {"0"}, {"0"})
    _, read = reading.after(INVOICES, read, later, {"0", "9"}, set())
    assert (read.began, read.phase) == (NOON, "correction")


def test_what_is_asked_in_each_phase() -> None:
    """Pages by the id at the largest size; the correction unfiltered, in whole seconds of UTC without a zone."""
    history = Read(kind="history", read_id="history", page=3)
    began = NOON + timedelta(milliseconds=700)
    asked = reading.request(INVOICES, history, start=START, page_size=1000)
    assert asked.path == "Invoices"
    assert asked.modified_since == ""
    assert (asked.params["page"], asked.params["pageSize"], asked.params["order"]) == (
        "3",
        "1000",
        "InvoiceID",
    )
    assert "Date >= DateTime(2025,1,1)" in asked.params["where"]
    correction = msgspec.structs.replace(history, phase="correction", page=1, began=began)
    asked = reading.request(INVOICES, correction, start=START, page_size=1000)
    assert "where" not in asked.params
    assert asked.modified_since == "2026-11-23T11:59:55"
    count = msgspec.structs.replace(correction, phase="count")
    asked = reading.request(INVOICES, count, start=START, page_size=1000)
    assert (asked.params["page"], asked.params["pageSize"], asked.modified_since) == ("1", "1", "")
    assert "where" in asked.params
    increment = Read(kind="increment", read_id="i", since=NOON)
    asked = reading.request(RESOURCES["Contacts"], increment, start=START, page_size=500)
    assert dict(asked.params) == {
        "includeArchived": "true",
        "page": "1",
        "pageSize": "500",
        "order": "ContactID",
    }
    assert asked.modified_since == "2026-11-23T12:00:00"


def test_an_increments_count_is_of_the_increment() -> None:
    """The last count of an increment asks for the same changes, not for the whole list."""
    read = Read(kind="increment", read_id="i", since=NOON, phase="count", began=NOON + timedelta(hours=1))
    assert reading.request(INVOICES, read, start=START, page_size=9).modified_since == "2026-11-23T12:00:00"


@pytest.mark.parametrize(
    ("resource", "first", "whole", "kind"),
    [
        ("Invoices", True, True, "history"),
        ("Invoices", False, False, "increment"),
        ("Invoices", False, True, "whole"),
        ("Accounts", True, False, "history"),
        ("Accounts", False, False, "whole"),
    ],
)
def test_which_kind_of_read_is_begun(resource: str, first: bool, whole: bool, kind: str) -> None:
    """The history first, then changes; everything again when due, and always where Xero cannot tell changes."""
    begun = reading.begin(RESOURCES[resource], first=first, whole=whole, since=NOON, name="n")
    assert begun.kind == kind
    assert begun.since == (NOON if kind == "increment" else None)


@pytest.mark.parametrize("resource", [found for found in RESOURCES.values() if found.history_where])
@given(
    edited=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2000)),
    dated=st.none() | st.timedeltas(min_value=timedelta(days=-9000), max_value=timedelta(days=2000)),
    status=st.sampled_from(["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"]),
)
def test_no_edit_takes_a_record_out_of_the_history(
    resource: Resource, edited: timedelta, dated: timedelta | None, status: str
) -> None:
    """Pages must not shift under the reader: whatever is edited after the start matches the history's filter."""
    record = {"Status": status, "UpdatedDateUTC": as_xero_writes(edited)}
    if dated is not None:
        record["Date"] = as_xero_writes(dated)
    asked = reading.request(resource, Read(kind="history", read_id="h"), start=START, page_size=1000)
    assert xero_where.parse(asked.params["where"]).matches(record)


def as_xero_writes(since_start: timedelta) -> str:
    """An instant, told by its distance from the start date's midnight."""
    instant = datetime(START.year, START.month, START.day, tzinfo=UTC) + since_start
    return f"/Date({milliseconds(instant)}+0000)/"
