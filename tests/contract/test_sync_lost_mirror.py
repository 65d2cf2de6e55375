"""A lost mirror is read again from Xero and pushed, and nothing is deleted from Power BI before it is whole."""

from contextlib import suppress
from typing import Any

import pytest

from shared.state import kept, messages, mirror, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import dataset, lost
from shared.sync.health import health
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World


def lose_all(world: World) -> None:
    """Somebody deletes the table."""
    world.store.delete_table(mirror.TABLE)


def lose(world: World, resource: str, most: int = 1000) -> None:
    """Somebody deletes entities of a partition."""
    where = mirror.partition(books.TENANT, resource)
    partition = world.store._tables[mirror.TABLE].partitions[where]
    for row in sorted(partition)[:most]:
        del partition[row]


def invoices(world: World) -> set[str]:
    """The invoices of which a reader sees a row."""
    return {row["InvoiceKey"] for row in world.rows("Invoices")}


def is_marked(world: World, table: str) -> bool:
    """Whether measures of a table show nothing, by the newest row of its status."""
    rows = [row for row in world.rows("SyncStatus") if row["TableName"] == table]
    return bool(rows) and bool(max(rows, key=lambda row: int(row["RowVersion"]))["IsRebuilding"])


@pytest.fixture
def counted(settled: World) -> World:
    """A world whose mirror was counted since its history is there."""
    for _ in range(2):
        lost.look(settled.connector)
    return settled


class Watch:
    """Looks at each call to Power BI: whether a reader sees less than all, unless the table is marked."""

    def __init__(self, world: World) -> None:
        self.world, self.all = world, invoices(world)
        self.partial = 0
        world.on_powerbi_call = self.look

    def look(self, call: Any) -> None:
        if not invoices(self.world) >= self.all and not is_marked(self.world, "Invoices"):
            self.partial += 1


def deleted_too_soon(world: World) -> list[str]:
    """The tables whose rows were deleted after a loss was noticed and before all was whole again."""
    found, lacking = [], set[str]()
    for row in world.audit():
        if row["what"] == "mirror":
            (lacking.add if row["outcome"] == "lost" else lacking.discard)(row["resource"])
        if row["what"] == "delete" and lacking:
            found.append(row["resource"])
    return found


def go_on(world: World) -> None:
    """Hours go by."""
    for _ in range(6):
        world.advance(30 * 60)
        world.refresh()
        world.poll()
        world.drain_queue()


def check(world: World, watch: Watch) -> None:
    """Everything is as Xero has it, each row once; nobody saw less meanwhile, and nothing was deleted too soon."""
    world.settle()
    assert world.differences() == []
    assert watch.partial == 0
    assert deleted_too_soon(world) == []
    assert all(not each.phase for each in kept.load_all(world.store, books.TENANT).values())
    keys = [row["InvoiceKey"] for row in world.rows("Invoices")]
    assert len(keys) == len(set(keys))


def test_the_whole_table_is_lost(counted: World) -> None:
    """The table is deleted: everything is read again and pushed, then the tables are compacted by themselves."""
    world, watch = counted, Watch(counted)
    lose_all(world)
    go_on(world)
    assert {row["resource"] for row in world.audit("mirror", "lost")} >= {"Invoices", "Contacts", "Calendar"}
    assert {row["resource"] for row in world.audit("mirror", "whole")} >= {"Invoices", "Contacts", "Calendar"}
    check(world, watch)


def test_one_partition_is_lost(counted: World) -> None:
    """One resource's records are gone: only that one is read again."""
    world, watch = counted, Watch(counted)
    lose(world, "Invoices")
    go_on(world)
    assert {row["resource"] for row in world.audit("mirror", "lost")} == {"Invoices"}
    assert {row["resource"] for row in world.audit("read", "again")} == {"Invoices"}
    check(world, watch)


def test_one_record_is_lost(counted: World) -> None:
    """Nothing ever leaves the mirror, so that a single record less is noticed."""
    world, watch = counted, Watch(counted)
    lose(world, "Invoices", most=1)
    go_on(world)
    assert [row["count"] for row in world.audit("mirror", "lost")] == [1]
    check(world, watch)


def test_a_compaction_waits(counted: World) -> None:
    """Somebody asks for a compaction of a table whose records are lost: it notices, waits, and is carried out in the end."""
    world, watch = counted, Watch(counted)
    lose(world, "Invoices")
    messages.ask(world.store, world.clock, DEFAULT_DATASET, "compact", "asked", "operation", table="Invoices")
    world.drain_queue()
    assert world.audit("compact", "deleting") == []
    assert "no table is compacted before" in world.audit("compact", "put off")[-1]["why"]
    assert [each.code for each in health(world.connector).alarms] == ["mirror-lost"]
    assert sink.read(world.store, DEFAULT_DATASET).table("Invoices").parked == ""
    go_on(world)
    assert sink.read(world.store, DEFAULT_DATASET).table("Invoices").compacted_at is not None
    check(world, watch)


@pytest.mark.parametrize("phase", ["deleting", "posting"])
def test_lost_while_a_table_is_compacted(counted: World, phase: str) -> None:
    """Whatever phase a compaction is in: its table stays marked until the mirror is whole, and has every row then."""
    world, watch = counted, Watch(counted)
    look = watch.look
    done: list[str] = []

    def lose_now(call: Any) -> None:
        look(call)
        rebuild = sink.read(world.store, DEFAULT_DATASET).rebuild
        if rebuild is not None and rebuild.phase == phase and rebuild.table == "Invoices" and not done:
            done.append(phase)
            lose(world, "Invoices")

    world.on_powerbi_call = lose_now
    messages.ask(world.store, world.clock, DEFAULT_DATASET, "compact", "asked", "operation", table="Invoices")
    world.drain_queue()
    assert done == [phase]
    go_on(world)
    check(world, watch)


def test_the_sink_is_lost_with_it(counted: World) -> None:
    """Versions go on rising, since none is below the time; the dataset is found again by its name."""
    world = counted
    highest = max(row["RowVersion"] for row in world.rows("Invoices"))
    world.advance(60)
    lose_all(world)
    world.store.delete_table(sink.TABLE)
    world.store.create_table(sink.TABLE)
    world.poll()
    dataset.ensure_dataset(world.connector, DEFAULT_DATASET, adopt=True)
    go_on(world)
    world.settle()
    assert world.differences() == []
    assert min(row["RowVersion"] for row in world.rows("Invoices")) > highest


@pytest.mark.parametrize("step", (2, 5, 9, 20, 40))
def test_killed_while_rebuilding(counted: World, step: int) -> None:
    """Killed at a write of the run that notices, or of the next: the one after that goes on."""
    world, watch = counted, Watch(counted)
    lose(world, "Invoices")
    lose(world, "Calendar")
    world.advance(2 * 3600)
    world.refresh()
    with suppress(Killed):
        lost.look(world.mortal(Life(step % 12)))
    with suppress(Killed):
        world.poll(connector=world.mortal(Life(step)))
    world.restart()
    go_on(world)
    check(world, watch)
