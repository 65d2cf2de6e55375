"""A list that is too large for one, read in windows: which they are, and that none of them loses a record.

Out of a window a record can be edited, which shifts the pages behind it. tests/unit/test_read.py has all else of the reader.
"""

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.state.checkpoints import Read, Window
from shared.sync import read as reading
from shared.sync.read import Verdict
from shared.xero.resources import RESOURCES, Resource
from tests.support.xero_list import (
    INVOICES,
    LONG_AGO,
    MOST_CALLS_OF_WINDOWS,
    NOON,
    ORDERS,
    START,
    TODAY,
    Record,
    XeroList,
    at_midnight,
    doings,
    edits,
    lists,
    perform,
    statuses,
)

# Few records of which few change: what one change hides of another, a third would show.
few_names = st.integers(0, 8).map(lambda number: f"{number:02}")
few_edits = st.lists(st.tuples(doings, few_names), max_size=2)


@st.composite
def few(draw: st.DrawFn) -> XeroList:
    xero = XeroList(inclusive=draw(st.booleans()), step=draw(st.sampled_from([0.2, 1.0])))
    for name in draw(st.sets(few_names, min_size=3)):
        old = draw(st.sampled_from([LONG_AGO, LONG_AGO, LONG_AGO, NOON]))
        xero.records[name] = Record(old, draw(st.sampled_from([TODAY, TODAY, START])), draw(statuses))
    return xero


@settings(max_examples=600)
@given(
    lists() | few(),
    st.lists(few_edits, max_size=16) | st.lists(edits, max_size=40),
    st.integers(1, 4),
    st.sampled_from([INVOICES, ORDERS]),
    st.just({0}) | st.sets(st.integers(0, 12), max_size=4),
)
def test_a_complete_read_in_windows_has_every_record_that_nobody_touched(
    xero: XeroList,
    between: list[list[tuple[str, str]]],
    page_size: int,
    resource: Resource,
    refused_at: set[int],
) -> None:
    """Records leave a window while it is read; those that stay as they are are all seen when it says COMPLETE.

    What was edited meanwhile may have moved from a window to come into one that is done: the next increment has it.
    """
    outcome = perform(
        xero,
        page_size=page_size,
        kind="history",
        between=between,
        resource=resource,
        refused_at={0, *refused_at},
        most_calls=MOST_CALLS_OF_WINDOWS,
    )
    if resource is ORDERS:
        # An order has a date, always; DateFrom and DateTo would not find one without.
        outcome.there -= {name for name, record in xero.records.items() if record.day is None}
    assert outcome.verdict is not Verdict.COMPLETE or outcome.there - xero.edited <= outcome.seen


WHOLE = Read(kind="history", read_id="r")


def windows_of(read: Read | None) -> tuple[Window, ...]:
    assert read is not None
    return read.windows


def test_a_list_that_is_too_large_becomes_windows() -> None:
    """Dated within the history, dated later, undated, open from before, changed since: together they are the history."""
    parts = windows_of(reading.split(INVOICES, WHOLE, start=START, today=TODAY))
    tomorrow = TODAY + timedelta(days=1)
    assert parts == (
        Window(START, tomorrow),
        Window(tomorrow, None),
        Window(undated=True),
        Window(before=START, status="DRAFT"),
        Window(before=START, status="SUBMITTED"),
        Window(before=START, status="AUTHORISED"),
        Window(before=START, changed=True),
    )
    orders = windows_of(reading.split(ORDERS, WHOLE, start=START, today=TODAY))
    assert orders == (Window(None, START), Window(START, tomorrow), Window(tomorrow, None))


def test_the_windows_are_the_history() -> None:
    """Every record that the history's filter takes is in one of its windows, and no other is."""
    days_ = (None, TODAY, TODAY + timedelta(days=400), START, START - timedelta(days=1), date(1999, 1, 1))
    xero = XeroList()
    for day in days_:
        for status in ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED"):
            for stamp in (LONG_AGO, at_midnight(START), NOON):
                xero.records[f"{day} {status} {stamp}"] = Record(stamp, day, status)
    whole = set(xero.matching(reading.request(INVOICES, WHOLE, start=START, page_size=1000)))
    read = reading.split(INVOICES, WHOLE, start=START, today=TODAY)
    assert read is not None
    found: set[str] = set()
    for window in range(len(read.windows)):
        of_window = msgspec.structs.replace(read, window=window)
        found |= set(xero.matching(reading.request(INVOICES, of_window, start=START, page_size=1000)))
    assert found == whole
    assert 0 < len(whole) < len(xero.records)


def test_a_window_that_is_too_large_is_halved_down_to_a_day() -> None:
    """Its two halves take its place, without a gap and without a day in both; a single day cannot be cut."""
    read = reading.split(INVOICES, WHOLE, start=START, today=TODAY)
    assert read is not None
    before = read.windows
    cuts = 0
    while (parts := reading.split(INVOICES, read, start=START, today=TODAY)) is not None:
        first, second = parts.windows[0], parts.windows[1]
        assert (first.first, second.before) == (read.windows[0].first, read.windows[0].before)
        assert first.before == second.first
        assert parts.windows[2:] == read.windows[1:]
        read, cuts = parts, cuts + 1
    assert cuts == 9
    assert read.windows[0] == Window(START, START + timedelta(days=1))
    assert read.windows[-len(before) + 1 :] == before[1:]


def test_the_window_that_is_being_read_is_the_one_that_is_cut() -> None:
    """Windows that are done stay done, and those to come stay to come."""
    read = reading.split(ORDERS, WHOLE, start=START, today=TODAY)
    assert read is not None
    second = msgspec.structs.replace(read, window=1, page=3, item_count=7)
    parts = reading.split(ORDERS, second, start=START, today=TODAY)
    assert parts is not None
    assert (parts.window, parts.page, parts.item_count) == (1, 1, None)
    assert parts.windows[0] == read.windows[0]
    assert len(parts.windows) == 4


@pytest.mark.parametrize(
    ("resource", "read"),
    [
        (RESOURCES["Contacts"], WHOLE),
        (RESOURCES["Payments"], WHOLE),
        (INVOICES, Read(kind="increment", read_id="i", since=NOON)),
        (INVOICES, msgspec.structs.replace(WHOLE, phase="correction")),
        *(
            (INVOICES, msgspec.structs.replace(WHOLE, windows=(window,)))
            for window in (
                Window(undated=True),
                Window(before=START, status="DRAFT"),
                Window(before=START, changed=True),
                Window(START, START + timedelta(days=1)),
            )
        ),
    ],
    ids=[
        *("no windows", "no windows either", "increment", "correction"),
        *("undated", "status", "changed", "a day"),
    ],
)
def test_what_cannot_be_cut(resource: Resource, read: Read) -> None:
    """Where nothing is left to cut, Xero's refusal stands, for a person to look at."""
    assert reading.split(resource, read, start=START, today=TODAY) is None


def test_what_is_asked_in_a_window() -> None:
    """A window's filter is one that Xero answers without looking at every row: no OR, no unusual field."""
    read = reading.split(INVOICES, WHOLE, start=START, today=TODAY)
    assert read is not None
    asked = [
        reading.request(INVOICES, msgspec.structs.replace(read, window=window), start=START, page_size=1000)
        for window in range(len(read.windows))
    ]
    assert [request.params["where"] for request in asked] == [
        "Date >= DateTime(2025,1,1) AND Date < DateTime(2026,11,24)",
        "Date >= DateTime(2026,11,24)",
        "Date == null",
        'Status == "DRAFT" AND Date < DateTime(2025,1,1)',
        'Status == "SUBMITTED" AND Date < DateTime(2025,1,1)',
        'Status == "AUTHORISED" AND Date < DateTime(2025,1,1)',
        "Date < DateTime(2025,1,1)",
    ]
    assert [request.modified_since for request in asked] == [""] * 6 + ["2025-01-01T00:00:00"]
    orders = reading.split(ORDERS, WHOLE, start=START, today=TODAY)
    assert orders is not None
    bounds = [
        {
            name: value
            for name, value in reading.request(
                ORDERS, msgspec.structs.replace(orders, window=window), start=START, page_size=1000
            ).params.items()
            if name.startswith("Date")
        }
        for window in range(3)
    ]
    # DateTo is inclusive.
    assert bounds == [
        {"DateTo": "2024-12-31"},
        {"DateFrom": "2025-01-01", "DateTo": "2026-11-23"},
        {"DateFrom": "2026-11-24"},
    ]


def test_what_is_asked_to_prove_a_window() -> None:
    """The correction is of everything; of what changed since then the window's part is counted, then all that it holds,
    then whether anything changed since the correction.
    """
    opened, corrected = NOON + timedelta(milliseconds=700), NOON + timedelta(minutes=1)
    read = Read(
        kind="history",
        read_id="r",
        windows=(Window(START, TODAY),),
        opened=opened,
        corrected=corrected,
    )
    asked = {
        phase: reading.request(
            INVOICES, msgspec.structs.replace(read, phase=phase), start=START, page_size=1000
        )
        for phase in ("correction", "matching", "count", "still")
    }
    of_window = "Date >= DateTime(2025,1,1) AND Date < DateTime(2026,11,23)"
    said = {
        phase: (request.params.get("where", ""), request.modified_since, request.params["pageSize"])
        for phase, request in asked.items()
    }
    assert said == {
        "correction": ("", "2026-11-23T11:59:55", "1000"),
        "matching": (of_window, "2026-11-23T11:59:55", "1"),
        "count": (of_window, "", "1"),
        "still": ("", "2026-11-23T12:00:59", "1"),
    }


def test_an_edit_between_the_counts_does_not_hide_a_loss() -> None:
    """A record that left the window pushed another past the reader; one that is edited between the correction and the
    count would make up for it in the numbers. That nothing changed meanwhile is asked for, too.
    """
    xero = XeroList(records={f"{number:02}": Record(LONG_AGO) for number in range(6)})
    # Calls: refused, two pages of three, correction, matching, count.
    between: list[list[tuple[str, str]]] = [[], [("leave", "00")], [], [("edit", "05")]]
    outcome = perform(xero, page_size=3, kind="history", between=between, refused_at={0})
    assert outcome.verdict is Verdict.COMPLETE
    assert outcome.there - xero.edited <= outcome.seen
    assert "still" in outcome.phases


def test_a_window_that_never_holds_still_does_not_hide_the_others() -> None:
    """The windows after it are read and proven; the read as a whole is told as unproven."""
    xero = XeroList(records={f"{number:02}": Record(LONG_AGO) for number in range(4)})
    xero.records |= {f"u{number}": Record(LONG_AGO, None) for number in range(4)}
    between = [[("edit", "03")]] * 45
    outcome = perform(xero, page_size=3, kind="history", between=between, refused_at={0})
    assert outcome.verdict is Verdict.UNPROVEN
    assert outcome.phases.count("still") >= reading.CORRECTIONS * reading.ATTEMPTS
    assert outcome.there <= outcome.seen
    assert outcome.read.window == len(outcome.read.windows) - 1
