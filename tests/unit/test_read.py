"""The reader against a model of Xero's lists that others edit between any two of its calls."""

from datetime import timedelta
from math import ceil
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.errors import Unavailable
from shared.state.checkpoints import Read
from shared.sync import read as reading
from shared.sync.read import Verdict
from shared.xero.client import Request
from shared.xero.paging import Page
from shared.xero.resources import RESOURCES, Resource
from tests.support.xero_list import (
    ACCOUNTS,
    INVOICES,
    JOURNALS,
    LONG_AGO,
    MANUAL_JOURNALS,
    MOST_CALLS,
    NOON,
    ORDERS,
    START,
    Record,
    XeroList,
    as_xero_writes,
    at_midnight,
    condition,
    histories,
    lists,
    perform,
)


@settings(max_examples=400)
@given(
    lists(),
    histories,
    st.integers(1, 5),
    st.sampled_from(["history", "whole", "increment"]),
    st.sampled_from([INVOICES, MANUAL_JOURNALS, ORDERS]),
)
def test_a_complete_read_has_every_record_that_was_there_when_it_began(
    xero: XeroList, between: list[list[tuple[str, str]]], page_size: int, kind: str, resource: Resource
) -> None:
    """Whatever is edited and added between any two calls, COMPLETE means that nothing was missed."""
    since = LONG_AGO if kind == "increment" else None
    outcome = perform(xero, page_size=page_size, kind=kind, since=since, between=between, resource=resource)
    assert outcome.verdict is not Verdict.COMPLETE or outcome.there <= outcome.seen


@settings(max_examples=200)
@given(lists(), histories, st.integers(1, 5), st.sampled_from([INVOICES, MANUAL_JOURNALS]), st.booleans())
def test_when_the_editing_ends_the_read_is_proven(
    xero: XeroList,
    between: list[list[tuple[str, str]]],
    page_size: int,
    resource: Resource,
    windows: bool,
) -> None:
    """Edits during the pages and one pass of correction cost a few calls, never the proof."""
    quiet_from = ceil(len(xero.records) / page_size)
    outcome = perform(
        xero,
        page_size=page_size,
        between=between[:quiet_from],
        resource=resource,
        refused_at={0} if windows else (),
    )
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
    correction = msgspec.structs.replace(history, phase="correction", page=1, began=began, opened=began)
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
    begun = reading.begin(RESOURCES[resource], first=first, whole=whole, since=NOON, offset=0, name="n")
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
    record = {"Status": status, "UpdatedDateUTC": as_xero_writes(at_midnight(START) + edited)}
    if dated is not None:
        record["Date"] = as_xero_writes(at_midnight(START) + dated)
    asked = reading.request(resource, Read(kind="history", read_id="h"), start=START, page_size=1000)
    assert condition(asked.params["where"]).matches(record)


# What is read from the last page to the first.


def test_backwards_pages_go_from_the_last_to_the_first() -> None:
    """Without `order`: page 1 tells how many there are, then they come from the last to the first, and a correction."""
    xero = XeroList(records={f"{number:02}": Record(LONG_AGO) for number in range(7)})
    asked: list[tuple[str, str]] = []

    def ask(*arguments: Any, **named: Any) -> Request:
        request = reading.request(*arguments, **named)
        assert "order" not in request.params
        asked.append((request.params["page"], request.modified_since))
        return request

    outcome = perform(xero, page_size=2, resource=MANUAL_JOURNALS, ask=ask)
    assert (outcome.verdict, len(outcome.seen)) == (Verdict.COMPLETE, 7)
    assert [number for number, _ in asked] == ["1", "4", "3", "2", "1", "1"]
    assert [bool(since) for _, since in asked] == [False] * 5 + [True]


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (1, 1), (1000, 1), (1001, 4), (3000, 5)])
def test_what_backwards_pages_cost(count: int, calls: int) -> None:
    """ceil(n/1000)+2 calls for n records above a page: one more than with an order."""
    xero = XeroList(records={f"{number:06}": Record(LONG_AGO) for number in range(count)})
    outcome = perform(xero, page_size=1000, resource=MANUAL_JOURNALS)
    assert (outcome.verdict, outcome.calls, len(outcome.seen)) == (Verdict.COMPLETE, calls, count)


def test_backwards_pages_lose_nothing_when_edits_move_records_behind() -> None:
    """In the order of stamps, edits move what is not read yet towards the front: its pages, a correction and a count are enough."""
    xero, between = busy_afternoon()
    outcome = perform(xero, page_size=1000, between=between, resource=MANUAL_JOURNALS)
    assert (outcome.verdict, outcome.calls, outcome.there - outcome.seen) == (Verdict.COMPLETE, 6, set())


def test_when_the_order_is_another_the_second_attempt_goes_forward() -> None:
    """Newest first, edits push records onto pages that were read: the count finds it, and the next attempt does not."""
    xero, between = busy_afternoon()
    xero.unordered = "descending"
    # Those of the last pages, which are read first.
    between = [[], *([("edit", f"{page * 900 + number:06}") for number in range(10)] for page in range(3))]
    outcome = perform(xero, page_size=1000, between=between, resource=MANUAL_JOURNALS)
    assert outcome.verdict is Verdict.COMPLETE
    assert outcome.there <= outcome.seen
    assert outcome.read.attempt == 2
    assert not outcome.read.descending


def test_an_increment_of_manual_journals_is_read_backwards_too() -> None:
    """Changes of more than a page have the same pages to lose, so they are read in the same way; few cost one call."""
    xero = XeroList(
        records={f"{number:02}": Record(NOON - timedelta(hours=1, minutes=-number)) for number in range(5)}
    )
    outcome = perform(
        xero,
        page_size=2,
        kind="increment",
        since=LONG_AGO,
        resource=MANUAL_JOURNALS,
        between=[[("edit", "00")]],
    )
    assert (outcome.verdict, len(outcome.seen), outcome.phases) == (
        Verdict.COMPLETE,
        5,
        ["pages"] * 4 + ["correction"],
    )
    again = perform(
        xero, page_size=9, kind="increment", since=NOON - timedelta(seconds=1), resource=MANUAL_JOURNALS
    )
    assert (again.verdict, again.calls) == (Verdict.COMPLETE, 1)


# Journals.


def journals(*numbers: object) -> Page:
    return Page(
        [{"JournalID": f"{at}", "JournalNumber": each} for at, each in enumerate(numbers)],
        NOON,
        "",
        None,
        None,
    )


def test_journals_are_read_on_by_their_number() -> None:
    """After each answer the highest number of it is the offset, also of a short page, until an answer is empty."""
    read = reading.begin(JOURNALS, first=True, whole=False, since=None, offset=0, name="r")
    for numbers in (range(1, 101), range(101, 126), (130, 128, "131")):
        request = reading.request(JOURNALS, read, start=START, page_size=1000)
        assert (dict(request.params), request.modified_since) == ({"offset": str(read.offset)}, "")
        found = journals(*numbers)
        assert not reading.is_last(JOURNALS, read, found)
        verdict, read = reading.after(JOURNALS, read, found, set(), set())
        assert (verdict, read.offset) == (Verdict.GO_ON, max(int(each) for each in numbers))
    assert reading.is_last(JOURNALS, read, journals())
    verdict, read = reading.after(JOURNALS, read, journals(), set(), set())
    assert (verdict, read.offset) == (Verdict.COMPLETE, 131)


def test_journals_go_on_where_the_last_read_ended() -> None:
    """An increment, and what would be a re-read, go on after the last number: journals never change."""
    for whole in (False, True):
        read = reading.begin(JOURNALS, first=False, whole=whole, since=NOON, offset=131, name="r")
        assert (read.kind, read.offset, read.since) == ("increment", 131, None)


def test_a_journal_whose_number_is_nonsense_holds_up_no_other() -> None:
    """It is put aside when it is shaped; the offset is the highest number that can be read."""
    read = Read(kind="history", read_id="r", offset=5)
    verdict, read = reading.after(JOURNALS, read, journals("seven", None, 6, [8]), set(), set())
    assert (verdict, read.offset) == (Verdict.GO_ON, 6)


@pytest.mark.parametrize("numbers", [(5,), (3, 4), ("nonsense",), (None,)])
def test_journals_that_do_not_go_on_are_no_endless_loop(numbers: tuple[object, ...]) -> None:
    """A page without a number above the offset is told as an answer that makes no sense, to be asked for later."""
    with pytest.raises(Unavailable, match="not after number 5"):
        reading.after(JOURNALS, Read(kind="history", read_id="r", offset=5), journals(*numbers), set(), set())
