"""Which version of a record wins: whatever order, repetition or race brought the versions in, the newest of Xero's."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from shared.state import connections, messages, outbox
from shared.state.connections import DEFAULT_DATASET
from shared.sync.land import fetch_ids
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

INVOICE = books.record_id("Invoices", 2)


def lands_two_that_overlap(world: World) -> None:
    """Lands two answers of one invoice whose fetches overlapped; the lagging replica's ended later."""
    began = world.clock.now()
    world.change("Invoices", 2, touch=False, Reference="older, of a lagging replica")
    older = fetched(world)
    world.change("Invoices", 2, touch=False, Reference="newer")
    newer = fetched(world)
    for batch, ended in ((newer, 6), (older, 7)):
        interval: dict[str, Any] = {"fetched_from": began, "fetched_to": began + timedelta(seconds=ended)}
        outbox.land(world.store, msgspec.structs.replace(batch.header, **interval), batch.body)
    world.clock.advance(61)


def fetched(world: World) -> outbox.Batch:
    """An answer that was fetched and then taken out of the outbox again."""
    organisation = connections.find(world.store, books.TENANT)
    assert organisation is not None
    audit = world.connector.audit()
    fetch_ids(world.connector, audit, organisation, RESOURCES["Invoices"], [INVOICE], "test")
    [blob] = outbox.pending(world.store, DEFAULT_DATASET)
    batch = outbox.read(world.store, DEFAULT_DATASET, blob.name)
    assert batch is not None
    world.store.delete_blob("outbox", f"pending/{DEFAULT_DATASET}/{blob.name}")
    return batch


@pytest.mark.parametrize("lost", [(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("commits", [True, False])
def test_there_and_back(settled: World, lost: tuple[int, ...], commits: bool) -> None:
    """A record that goes from A to B and back to A is A in the end, whichever answers were lost on the way."""
    for number, reference in enumerate(("B", "A", "B", "A")):
        if number in lost:
            settled.powerbi_fault("reset", "Lines", commits=commits)
        # Without a stamp, so that A is the very same record again.
        settled.edit(2, touch=False, Reference=reference)
        settled.drain_queue()
    settled.settle()
    assert settled.current("Invoices", 2)[0]["Reference"] == "A"
    assert settled.differences() == []


@pytest.mark.parametrize("lags", [False, True], ids=["landed late", "fetched late from a lagging replica"])
def test_an_older_version_never_wins(settled: World, lags: bool) -> None:
    """An older version changes nothing, be it that its answer lands late or that Xero itself gives it late."""
    settled.change("Invoices", 2, Reference="older")
    older = fetched(settled)
    settled.edit(2, Reference="newer")
    settled.drain_queue()
    settled.clock.advance(60)
    header = older.header
    if lags:
        now = settled.clock.now()
        header = msgspec.structs.replace(header, fetched_from=now, fetched_to=now, landed_at=now)
    outbox.land(settled.store, header, older.body)
    messages.send_wake(settled.store, settled.clock, DEFAULT_DATASET, "landed", "test")
    settled.drain_queue()
    assert list(outbox.pending(settled.store, DEFAULT_DATASET)) == []
    assert settled.current("Invoices", 2)[0]["Reference"] == "newer"
    assert settled.differences() == []


def test_killed_anywhere_there_and_back(settled: World) -> None:
    """A record that goes back to what it was after a push was killed is shown as it was, wherever the kill was."""
    settled.change("Invoices", 2, touch=False, Reference="B")
    there = fetched(settled)
    outbox.land(settled.store, there.header, there.body)
    messages.send_wake(settled.store, settled.clock, DEFAULT_DATASET, "landed", "test")
    message = settled.receive()
    assert message is not None
    again = settled.snapshot()
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        settled.advance(61)
        # The wake comes back; nothing fetches the record again.
        settled.honour(message.text)
        # The very same record as at first, stamp and all.
        settled.edit(2, touch=False, Reference="")
        settled.drain_queue()
        assert settled.differences() == [], effect


def test_records_that_are_gone(settled: World) -> None:
    """A record that Xero no longer has stops counting: its current rows are marked as deleted in every table."""
    settled.vanish("Invoices", 2)
    settled.webhook([("INVOICE", INVOICE)])
    settled.settle()
    for table in ("Invoices", "Lines"):
        assert [row["IsDeleted"] for row in settled.current(table, 2)].count(False) == 0
    assert settled.differences() == []
    posts = len(settled.posts())
    settled.webhook([("INVOICE", INVOICE)])
    settled.settle()
    assert len(settled.posts()) == posts


@pytest.mark.parametrize("ours_is_ahead", [-600.0, 600.0])
def test_gone_with_clocks_apart(world: World, ours_is_ahead: float) -> None:
    """That a record is gone is known by Xero's clock, so that ours may be minutes off."""
    world.xero_clock.advance(-ours_is_ahead)
    world.connect()
    world.settle()
    world.edit(2, Reference="seen a second ago")
    world.drain_queue()
    world.vanish("Invoices", 2)
    world.webhook([("INVOICE", INVOICE)])
    world.settle()
    assert world.differences() == []


def test_doubt(settled: World) -> None:
    """Two fetches that overlapped, of equal stamp and other content, are settled by fetching the record again."""
    lands_two_that_overlap(settled)
    settled.settle()
    assert [row["why"] for row in settled.audit("fetch", "landed")].count("in doubt") == 1
    assert settled.differences() == []


def test_killed_anywhere_in_doubt(settled: World) -> None:
    """A doubt outlives a crash at any point: it is settled in the end."""
    lands_two_that_overlap(settled)
    settled.poll()
    settled.advance(61)
    settled.poll()
    message = settled.receive()
    assert message is not None
    again = settled.snapshot()
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        settled.settle()
        assert settled.differences() == [], effect
