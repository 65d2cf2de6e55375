"""Parked states: each is an alarm, and `replay` drives it on at once when its cause is mended, and parks it again when not."""

from collections.abc import Callable
from typing import Any

import pytest

from local.powerbi.switches import Limits, Switches
from shared.state import checkpoints, mirror, outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import QUEUE
from shared.storage import Entity, Write
from shared.sync import pause
from shared.sync.health import health
from shared.sync.replay import replay
from shared.xero import wire
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
SCOPE = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}


def alarms(world: World) -> set[tuple[str, str]]:
    """Which alarms stand, and about what."""
    return {(each.code, each.about) for each in health(world.connector).alarms}


def one_round(world: World) -> None:
    """What the timers and the queue do in a minute: far less than anything parked would wait by itself."""
    world.advance(60)
    world.refresh()
    world.poll()
    world.drain_queue()


def parked(world: World, resource: str) -> bool:
    return checkpoints.load(world.store, books.TENANT, resource).parked


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"status": 401, "headers": SCOPE}, {}),
        ({"status": 401, "headers": SCOPE}, {"organisation": books.TENANT}),
        ({"status": 400, "body": '{"Message": "no such list"}'}, {"resource": "Contacts"}),
    ],
    ids=["scope", "scope, by organisation", "refused, by resource"],
)
def test_a_resource(settled: World, fault: dict[str, Any], named: dict[str, str]) -> None:
    """What Xero refuses of one resource waits for a day or an hour, unless somebody says that it is mended."""
    settled.advance(1800)
    settled.refresh()
    settled.xero_fault("status", path=r"/api\.xro/2\.0/Contacts", times=10, **fault)
    settled.change("Contacts", 1, Name="Renamed")
    one_round(settled)
    assert ("parked", "Contacts") in alarms(settled)
    assert replay(settled.connector, **named)["reads"] == 1
    one_round(settled)
    assert parked(settled, "Contacts"), "it was not mended yet"
    settled.xero.faults.clear()
    one_round(settled)
    assert parked(settled, "Contacts"), "nobody said so"
    assert replay(settled.connector, **named) == {"reads": 1}
    one_round(settled)
    assert alarms(settled) == set()
    assert settled.unmirrored("Contacts") == []
    assert {row["resource"] for row in settled.audit("replay", "due")} == {"Contacts"}


def test_what_only_waits_is_left_alone(settled: World) -> None:
    """A limit of Xero's is no person's: a replay does not make a resource due before it is over."""
    settled.advance(1800)
    settled.refresh()
    settled.xero_fault(
        "status", status=429, headers={"X-Rate-Limit-Problem": "day", "Retry-After": "40000"}, times=1
    )
    one_round(settled)
    assert replay(settled.connector) == {}
    calls = len(settled.calls)
    one_round(settled)
    assert len(settled.calls) == calls


def test_many_that_vanished(new_world: NewWorld) -> None:
    """With VANISHED_AT_MOST raised a replay has the list read again at once, and what Xero has no more goes."""
    world = new_world(settings={"VANISHED_AT_MOST": "1"})
    world.load(books.small_books(items=3))
    world.connect()
    world.settle()
    for number in (1, 2):
        world.vanish("Items", number)
    world.advance(4 * 3600)
    world.refresh()
    world.settle()
    assert ("vanished", "Items") in alarms(world)
    assert replay(world.connector) == {"reads": 1}
    one_round(world)
    assert parked(world, "Items")
    world.environment["VANISHED_AT_MOST"] = "2"
    world.restart()
    replay(world.connector)
    one_round(world)
    assert len(world.mirrored("Items", deleted=True)) == 2
    assert alarms(world) == set()


def test_a_refused_dataset(settled: World) -> None:
    """What waits for a permission is pushed at once when a replay says that it is granted."""
    settled.powerbi.switches = Switches(service_principals="refused", no_role_status=403)
    settled.edit(2, Reference="waits")
    settled.drain_queue()
    assert ("dataset", DEFAULT_DATASET) in alarms(settled)
    settled.powerbi.switches = Switches()
    assert replay(settled.connector) == {"datasets": 1}
    settled.drain_queue()
    assert settled.differences() == []
    assert alarms(settled) == set()
    assert replay(settled.connector) == {}


def test_a_full_table(new_world: NewWorld) -> None:
    """A table that has no room waits; with more room, or fewer rows, a replay pushes at once."""
    world = new_world(settings={"POWERBI_ROWS_PER_TABLE": "3000"}, limits=Limits(rows_of_table=3000))
    world.load(books.small_books(invoices=30))
    world.connect()
    with sink.Writer.take(world.store, world.clock, DEFAULT_DATASET) as writer:
        # Of unknown outcome, so counted as landed.
        writer.reserve(0, (), {"Lines": 2950})
    world.poll()
    world.drain_queue()
    assert ("parked", "Lines") in alarms(world)
    world.environment["POWERBI_ROWS_PER_TABLE"] = "4000"
    world.restart()
    assert replay(world.connector)["datasets"] == 1
    world.drain_queue()
    assert list(outbox.pending(world.store, DEFAULT_DATASET)) == []
    assert ("parked", "Lines") not in alarms(world)


def test_a_table_that_must_not_be_compacted(settled: World) -> None:
    """While the mirror lacks a record a replay deletes nothing; once it is whole the table is compacted."""
    for reference in ("one", "two"):
        settled.edit(2, Reference=reference)
        settled.drain_queue()
    key = mirror.partition(books.TENANT, "Invoices"), books.record_id("Invoices", 2)
    kept = settled.store.get_entity(mirror.TABLE, *key)
    assert kept is not None
    lost: Entity = {"PartitionKey": key[0], "RowKey": key[1]}
    settled.store.write_entity(mirror.TABLE, Write("delete", lost))
    rows = settled.rows("Lines")
    with sink.Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.conclude("Lines", None, parked="what it lacks would be lost")
    assert ("parked", "Lines") in alarms(settled)
    assert replay(settled.connector) == {"tables": 1}
    settled.drain_queue()
    assert settled.rows("Lines") == rows
    assert "would be lost" in sink.read(settled.store, DEFAULT_DATASET).table("Lines").parked
    settled.store.write_entity(mirror.TABLE, Write("insert", dict(kept.entity)))
    replay(settled.connector)
    settled.settle()
    assert len(settled.rows("Lines")) < len(rows)
    assert alarms(settled) == set()
    assert settled.differences() == []


def test_rows_that_nobody_can_give_back(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay is nobody's word for rows of an organisation that is gone: such a table stays parked until it is named."""
    monkeypatch.setattr("shared.sync.compact._of_others", lambda *_: "rows of another would go")
    with sink.Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.conclude("Lines", None, parked="rows of another would go")
    replay(settled.connector)
    settled.drain_queue()
    assert settled.audit("delete") == []
    assert sink.read(settled.store, DEFAULT_DATASET).table("Lines").parked == "rows of another would go"


def test_a_batch(settled: World) -> None:
    """A batch that cannot be read is an alarm; by a version that can read it a replay pushes it."""
    changed = settled.change("Invoices", 2, Reference="in the batch")
    name = settled.land("Invoices", wire.encode({"Invoices": [changed]}))
    where = f"pending/{DEFAULT_DATASET}/{name}"
    whole = settled.store.get_blob(outbox.CONTAINER, where)
    assert whole is not None
    settled.store.put_blob(outbox.CONTAINER, where, b"of a later format")
    settled.honour(_wake())
    assert ("quarantined", DEFAULT_DATASET) in alarms(settled)
    aside = f"batches/{DEFAULT_DATASET}/{name}"
    assert settled.store.get_blob(quarantine.CONTAINER, aside) == b"of a later format"
    settled.store.put_blob(quarantine.CONTAINER, aside, whole)
    assert replay(settled.connector) == {"batches": 1}
    settled.drain_queue()
    assert settled.current("Invoices", 2)[0]["Reference"] == "in the batch"
    assert alarms(settled) == set()


def test_a_message(settled: World) -> None:
    """A message that nobody could read is an alarm; by a version that can read it a replay honours it."""
    settled.store.send_message(QUEUE, "of a later format")
    settled.drain_queue()
    assert ("poisoned", "push") in alarms(settled)
    [blob] = settled.store.list_blobs(quarantine.CONTAINER, "messages/")
    assert replay(settled.connector) == {}
    settled.store.put_blob(quarantine.CONTAINER, blob.name, _wake().encode())
    assert replay(settled.connector) == {"messages": 1}
    settled.drain_queue()
    assert alarms(settled) == set()


def test_a_pause(settled: World) -> None:
    """A pause that stands for over a day is told; only `resume` ends it, a replay does not."""
    pause.pause(settled.connector, books.TENANT, "stocktaking")
    settled.advance(86_400 + 60)
    settled.refresh()
    assert ("paused", "") in alarms(settled)
    replay(settled.connector)
    one_round(settled)
    assert ("paused", "") in alarms(settled)
    pause.resume(settled.connector, books.TENANT)
    settled.settle()
    assert ("paused", "") not in alarms(settled)


def _wake() -> str:
    return (
        '{"kind":"wake","dataset":"default","reason":"test","operation":"test",'
        '"first_enqueued_at":"2026-11-23T09:00:00Z"}'
    )
