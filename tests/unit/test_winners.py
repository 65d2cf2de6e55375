"""Which of several fetches of a record is the newest, held against a true history that the fetches looked at."""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.clock import milliseconds
from shared.state.mirror import Known
from shared.state.outbox import Batch, Header
from shared.sync import winners
from shared.sync.winners import Fetch
from shared.xero.client import Request

ID = "22b3fab4-ef56-4d70-a110-a7cc3c1a26cd"
OTHER = "96988e67-ecf9-466d-bfbf-0afa1725a649"
FROM = datetime(2026, 11, 23, 9, 0, 0, tzinfo=UTC)
TO = datetime(2026, 11, 23, 9, 0, 2, 500000, tzinfo=UTC)


def fetch(content: str, *, stamp: int = 5, since: int = 0, until: int = 10, record_id: str = ID) -> Fetch:
    """A fetch of a record; content "" is Xero's word that there is none."""
    return Fetch(
        record_id=record_id,
        record={"Name": content} if content else None,
        stamp=stamp if content else -1,
        fetched_from=since,
        fetched_to=until,
        hash=content,
        batch="b",
    )


def batch(records: list[Any], resource: str = "Invoices", missing: list[str] | None = None) -> Batch:
    header = Header(
        dataset="default",
        organisation=OTHER,
        resource=resource,
        reason="test",
        operation="o",
        request=Request(resource, {}),
        request_id="r",
        fetched_from=FROM,
        fetched_to=TO,
        landed_at=TO,
        records=len(records),
        missing=missing or [],
    )
    plural = "Organisations" if resource == "Organisation" else resource
    return Batch("b", header, msgspec.json.encode({plural: records}))


# What a batch holds.


def test_a_record_is_known_by_id_stamp_and_interval() -> None:
    """Id in lower case, stamp and interval in milliseconds of Xero's clock."""
    (found,), bad = winners.fetches(
        batch([{"InvoiceID": ID.upper(), "UpdatedDateUTC": "/Date(1289566516347+0000)/"}])
    )
    assert not bad
    assert (found.record_id, found.stamp) == (ID, 1289566516347)
    assert (found.fetched_from, found.fetched_to) == (milliseconds(FROM), milliseconds(TO))


def test_records_without_a_stamp_are_judged_by_their_fetch() -> None:
    """The organisation has no UpdatedDateUTC, and other records may lack theirs."""
    (organisation,), _ = winners.fetches(batch([{"OrganisationID": ID}], "Organisation"))
    (invoice,), _ = winners.fetches(batch([{"InvoiceID": ID}]))
    assert organisation.stamp == invoice.stamp == -1


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"InvoiceID": None},
        {"InvoiceID": 17},
        {"InvoiceID": ""},
        {"InvoiceID": "a/b"},
        {"InvoiceID": ID + "x"},
        {"InvoiceID": ID, "UpdatedDateUTC": "yesterday"},
        {"InvoiceID": ID, "UpdatedDateUTC": 12},
        "no record at all",
    ],
)
def test_one_unreadable_record_does_not_stop_its_batch(broken: Any) -> None:
    """It is told apart with what is wrong, to be quarantined; the records beside it go on."""
    good, bad = winners.fetches(batch([{"InvoiceID": OTHER}, broken, {"InvoiceID": OTHER}]))
    assert [found.record_id for found in good] == [OTHER, OTHER]
    ((_, _, why),) = bad
    assert "InvoiceID" in why or "UpdatedDateUTC" in why


def test_ids_that_xero_does_not_know_are_fetches_too() -> None:
    """A 404 says at a time of its own that there is no record."""
    (gone,), _ = winners.fetches(batch([], missing=[ID]))
    assert (gone.record_id, gone.record, gone.fetched_to) == (ID, None, milliseconds(TO))


@given(st.permutations(["InvoiceID", "Total", "Contact"]))
def test_the_order_of_fields_is_no_change(order: list[str]) -> None:
    """The hash is of the content, so that the same record in another order is not pushed again."""
    record = {"InvoiceID": ID, "Total": 5, "Contact": {"ContactID": OTHER, "Name": "Ann"}}
    assert winners.content_hash({name: record[name] for name in order}) == winners.content_hash(record)
    assert winners.content_hash(record | {"Total": 6}) != winners.content_hash(record)


# Two fetches.


def test_the_stamp_decides_first() -> None:
    """A later stamp wins whenever it was fetched."""
    early, late = fetch("new", stamp=6, since=0, until=1), fetch("old", stamp=5, since=100, until=101)
    assert winners.newest([early, late])[0][ID] is early
    assert winners.newest([late, early])[0][ID] is early


def test_stamps_a_millisecond_apart_stay_apart() -> None:
    """No rounding on the way makes two stamps one."""
    for first in range(1289566516347, 1289566516447):
        one, other = (
            datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=stamp) for stamp in (first, first + 1)
        )
        assert (milliseconds(one), milliseconds(other)) == (first, first + 1)


def test_the_interval_decides_between_equal_stamps() -> None:
    """Some edits do not move UpdatedDateUTC: then what was fetched wholly later is newer, without a doubt."""
    early, late = fetch("before", since=0, until=10), fetch("after", since=11, until=20)
    for order in ([early, late], [late, early]):
        assert winners.newest(order) == ({ID: late}, set())


def test_overlapping_fetches_of_different_content_are_in_doubt() -> None:
    """Nobody can say which is newer, so the id is to be fetched again."""
    one, other = fetch("one", since=0, until=10), fetch("other", since=10, until=20)
    assert winners.newest([one, other])[1] == winners.newest([other, one])[1] == {ID}
    assert winners.newest([one, replace(one, fetched_to=15)])[1] == set()


def test_gone_and_there_in_overlapping_fetches_is_a_doubt() -> None:
    """A 404 while a page that still has the record is on its way: only another look tells."""
    there, gone = fetch("there", since=0, until=30), fetch("", since=20, until=20)
    assert winners.newest([there, gone])[1] == winners.newest([gone, there])[1] == {ID}


def test_a_record_that_went_is_gone() -> None:
    """A 404 after the last fetch of the record stands, and no doubt about it; and the other way round."""
    there, gone = fetch("there", since=0, until=10), fetch("", since=20, until=20)
    assert winners.newest([gone, there]) == ({ID: gone}, set())
    back = fetch("back", stamp=6, since=30, until=31)
    assert winners.newest([back, there, gone]) == ({ID: back}, set())


def test_records_do_not_mix() -> None:
    """Each id has its own newest fetch."""
    one, other = fetch("one"), fetch("other", record_id=OTHER)
    assert winners.newest([one, other]) == ({ID: one, OTHER: other}, set())


@pytest.mark.parametrize(
    ("stamp", "since", "until", "content", "newer", "doubt"),
    [
        (6, 0, 1, "b", True, False),
        (4, 50, 60, "b", False, False),
        (5, 21, 30, "b", True, False),
        (5, 0, 9, "b", False, False),
        (5, 15, 30, "b", True, True),
        (5, 15, 30, "a", True, False),
        (-1, 30, 30, "", True, False),
    ],
)
def test_a_fetch_beside_what_the_mirror_knows(
    stamp: int, since: int, until: int, content: str, newer: bool, doubt: bool
) -> None:
    """The mirror's version is one fetch more; the rules are the same."""
    known = Known(
        record_id=ID,
        stamp=5,
        fetched_from=10,
        fetched_to=20,
        hash="a",
        transform=1,
        version=7,
        deleted=False,
        powerbi_id="",
    )
    found = fetch(content, stamp=stamp, since=since, until=until)
    assert winners.is_newer(found, known) is newer
    assert winners.is_in_doubt(found, known) is doubt


# Many fetches of one history.


@dataclass(frozen=True)
class State:
    """What Xero holds from an instant on; without content: nothing any more. stamp -1: it has none."""

    since: int
    stamp: int
    content: str


@st.composite
def looked_at(draw: st.DrawFn) -> list[tuple[int, Fetch]]:
    """Up to five fetches of one record with the instant at which each was answered, whatever the calls took.

    The record changes with and without its stamp, may go back to an earlier content, and may go for good.
    """
    stamped = draw(st.booleans())
    states = [State(-1000, 1 if stamped else -1, "a")]
    for at in sorted(draw(st.lists(st.integers(0, 100), max_size=4))):
        stamp = states[-1].stamp + (draw(st.sampled_from([0, 1])) if stamped else 0)
        states.append(State(at, stamp, draw(st.sampled_from("abcd"))))
    if draw(st.booleans()):
        states.append(State(draw(st.integers(states[-1].since, 110)), -1, ""))
    found = []
    for at in draw(st.lists(st.integers(0, 120), min_size=1, max_size=5)):
        state = [one for one in states if one.since <= at][-1]
        since, until = at - draw(st.integers(0, 40)), at + draw(st.integers(0, 40))
        found.append((at, fetch(state.content, stamp=state.stamp, since=since, until=until)))
    return found


@settings(max_examples=300)
@given(looked_at())
def test_without_a_doubt_every_order_finds_what_was_seen_last(found: list[tuple[int, Fetch]]) -> None:
    """In whatever order fetches arrive, the newest is the state that was looked at last, or the record is in doubt."""
    last = max(at for at, _ in found)
    truth = {one.hash for at, one in found if at == last}
    for order in itertools.permutations([one for _, one in found]):
        best, doubtful = winners.newest(list(order))
        assert doubtful or best[ID].hash in truth


@settings(max_examples=300)
@given(looked_at())
def test_the_mirror_ends_with_what_was_seen_last(found: list[tuple[int, Fetch]]) -> None:
    """Compared one by one with what is known, as over many runs, the same state wins, unless a doubt was raised."""
    last = max(at for at, _ in found)
    truth = {one.hash for at, one in found if at == last}
    for order in itertools.permutations([one for _, one in found]):
        known, doubt = order[0], False
        for one in order[1:]:
            doubt = doubt or winners.is_in_doubt(one, known)
            known = one if winners.is_newer(one, known) else known
        assert doubt or known.hash in truth
