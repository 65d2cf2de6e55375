"""Compaction: superseded rows go, current ones stay, whatever lands late, dies or is refused in between."""

import contextlib
import dataclasses
import random
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from shared.errors import ConnectorError
from shared.state import connections, messages, mirror, sink
from shared.state.connections import DEFAULT_DATASET
from shared.storage import Entity, Write
from shared.sync import disconnect, push, sweep
from shared.tables import TABLES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]


def state(world: World) -> sink.State:
    return sink.read(world.store, DEFAULT_DATASET)


def ask(world: World, table: str = "") -> None:
    """What `manage.py compact` does."""
    messages.ask(world.store, world.clock, DEFAULT_DATASET, "compact", "asked", "operation", table=table)


def current(world: World, table: str) -> list[str]:
    """The current rows of a table, doubled ones once, in an order of their own."""
    key = TABLES[table].version_key
    rows = world.rows(table)
    highest: dict[str, int] = {}
    for row in rows:
        highest[row[key]] = max(highest.get(row[key], 0), row["RowVersion"])
    return sorted({str(sorted(row.items())) for row in rows if row["RowVersion"] == highest[row[key]]})


def supersede(world: World, times: int = 3) -> None:
    """Push so many newer versions of two invoices."""
    for turn in range(times):
        for number in (1, 2):
            world.edit(number, Reference=f"version {turn}")
        world.drain_queue()


class Reader:
    """Somebody who looks at the rows of a table whenever Power BI is called, and at what SyncStatus says of it."""

    def __init__(self, world: World, table: str) -> None:
        self.world, self.table = world, table
        self.whole = current(world, table)
        self.marks = [self.is_marked()]
        self.partial = 0

    def is_marked(self) -> bool:
        """As a measure sees it: by the current row of each organisation's status of the table."""
        key = TABLES["SyncStatus"].version_key
        newest: dict[str, dict[str, Any]] = {}
        for row in self.world.rows("SyncStatus"):
            if row["TableName"] == self.table:
                newest[row[key]] = max(
                    row, newest.get(row[key], row), key=lambda each: int(each["RowVersion"])
                )
        return bool(newest) and all(row["IsRebuilding"] for row in newest.values())

    def look(self, call: object = None) -> None:
        """A reader never sees less than all current rows unless the table is marked."""
        marked = self.is_marked()
        if marked != self.marks[-1]:
            self.marks.append(marked)
        if current(self.world, self.table) != self.whole:
            self.partial += 1
            assert marked


def switch(world: World, **changes: Any) -> None:
    """Turn switches of the Power BI stand-in."""
    world.powerbi.switches = world.powerbi.switches.changed(changes)


def push_by(world: World, rows: int) -> World:
    """A process whose POSTs have at most so many rows; what is there already went in larger ones."""
    world.environment["POWERBI_ROWS_PER_POST"] = str(rows)
    world.restart()
    return world


def raw(world: World, table: str) -> Any:
    """A table as the stand-in holds it."""
    found = world.powerbi.settled(world.dataset_id)
    assert found is not None
    return found.tables[table]


def is_exact(world: World, table: str, whole: list[str]) -> bool:
    """Whether plain columns are right: the current rows, each once, and nothing else."""
    return current(world, table) == whole and len(world.rows(table)) == len(whole)


def is_killed(world: World, text: str, effect: int) -> bool:
    """Honour a message in a process that ends before that effect; answers whether it came so far."""
    try:
        world.honour(text, connector=world.mortal(Life(effect)))
    except Killed:
        return True
    return False


def pass_time(world: World, rounds: int = 12) -> None:
    """What the timer and the queue do by themselves, a minute apart, with no poll of Xero in between."""
    for _ in range(rounds):
        sweep.sweep(world.connector)
        world.drain_queue()
        world.advance(61)


def test_superseded_rows_go(settled: World) -> None:
    """After a compaction the table has exactly its current rows, with their versions, and Power BI's count says so."""
    supersede(settled)
    settled.vanish("Invoices", 3)
    settled.webhook([("INVOICE", books.record_id("Invoices", 3))])
    settled.drain_queue()
    before = current(settled, "Invoices")
    assert len(settled.rows("Invoices")) == len(before) + 7
    ask(settled, "Invoices")
    settled.drain_queue()
    assert current(settled, "Invoices") == before
    assert len(settled.rows("Invoices")) == len(before)
    after = state(settled)
    assert (after.rebuild, after.rows_upper["Invoices"]) == (None, len(before))
    assert (after.table("Invoices").verified, after.table("Invoices").current) == (True, len(before))
    phases = [row["outcome"] for row in settled.audit("compact")]
    assert phases == ["staged", "deleting", "empty", "posting", "verifying", "clean"]
    assert settled.differences() == []


@pytest.mark.parametrize("queries", ["allowed", "refused", "error_inside"])
def test_the_status_says_so_from_before_the_delete(settled: World, queries: str) -> None:
    """No reader sees a part of a table that is not marked; where Power BI may not be asked the table stays unverified."""
    supersede(settled)
    switch(settled, execute_queries=queries)
    reader = Reader(settled, "Lines")
    settled.on_powerbi_call = reader.look
    ask(settled, "Lines")
    pass_time(settled)
    assert is_exact(settled, "Lines", reader.whole)
    settled.on_powerbi_call = lambda call: None
    reader.look()
    assert reader.marks == [False, True, False]
    assert reader.partial > 0
    assert state(settled).table("Lines").verified is (True if queries == "allowed" else None)


@pytest.mark.parametrize("queries", ["allowed", "refused"])
def test_killed_anywhere(settled: World, queries: str) -> None:
    """A compaction that dies in any phase, before or after any effect, is finished by the next instance."""
    world = push_by(settled, 4)
    switch(world, execute_queries=queries)
    supersede(world)
    reader = Reader(world, "Invoices")
    ask(world, "Invoices")
    message = world.receive()
    assert message is not None
    world.store.delete_message("push", message)
    again = world.snapshot()
    phases = set()
    # Where Power BI cannot be asked, the first run ends when it must wait: the rest is another life's.
    for effect in count():
        again()
        world.on_powerbi_call = reader.look
        if not is_killed(world, message.text, effect):
            break
        reader.look()
        rebuild = state(world).rebuild
        phases.add(rebuild.phase if rebuild else "")
        pass_time(world, 12)
        assert state(world).rebuild is None, effect
        assert current(world, "Invoices") == reader.whole, effect
        if rebuild and rebuild.phase not in ("posting", "verifying", "clean"):
            assert is_exact(world, "Invoices", reader.whole), effect
    expected = {"", "staged", "deleting", "empty"}
    assert phases == expected | ({"posting", "verifying", "clean"} if queries == "allowed" else set())


def test_killed_while_posting_without_queries(settled: World) -> None:
    """Where Power BI cannot be asked, a run that dies after the settle time is finished all the same."""
    world = push_by(settled, 4)
    switch(world, execute_queries="refused")
    supersede(world)
    reader = Reader(world, "Invoices")
    ask(world, "Invoices")
    world.drain_queue()
    world.store._queues["push"].clear()
    world.advance(301)
    sweep.sweep(world.connector)
    message = world.receive()
    assert message is not None
    again = world.snapshot()
    for effect in count():
        again()
        world.on_powerbi_call = reader.look
        if not is_killed(world, message.text, effect):
            assert effect > 20
            break
        pass_time(world, 12)
        assert state(world).rebuild is None, effect
        assert current(world, "Invoices") == reader.whole, effect


LATE = [
    # seconds after its answer, what it then takes, whether the answer is lost
    (100, "everything", False),
    (280, "everything", False),
    (280, "everything", True),
    (280, "older", True),
]


@pytest.mark.parametrize("queries", ["allowed", "refused"])
@pytest.mark.parametrize(("seconds", "takes", "lost"), LATE)
def test_a_delete_lands_late(settled: World, seconds: float, takes: str, lost: bool, queries: str) -> None:
    """A DELETE that takes effect within the settle time takes no row that was posted after it, answered or not."""
    supersede(settled)
    whole = current(settled, "Invoices")
    switch(settled, delete_seconds=seconds, delete_takes=takes, execute_queries=queries)
    if lost:
        settled.powerbi_fault("status", "Invoices", method="DELETE", status=504, commits=True)
    ask(settled, "Invoices")
    pass_time(settled, 20)
    assert is_exact(settled, "Invoices", whole)
    assert state(settled).rebuild is None


def test_a_delete_that_never_lands_is_sent_again(settled: World) -> None:
    """A DELETE whose answer is lost and that had no effect costs time, and no row."""
    supersede(settled)
    whole = current(settled, "Invoices")
    settled.powerbi_fault("reset", "Invoices", method="DELETE", times=2)
    ask(settled, "Invoices")
    pass_time(settled, 20)
    assert is_exact(settled, "Invoices", whole)


@pytest.mark.parametrize("queries", ["allowed", "refused"])
def test_a_post_from_before_lands_late(settled: World, queries: str) -> None:
    """Rows of a POST whose answer was lost, which land within the settle time, do not come back after the DELETE."""
    supersede(settled)
    switch(settled, ingest_seconds=250, execute_queries=queries)
    settled.powerbi_fault("reset", "Invoices", commits=True)
    settled.edit(1, Reference="sent twice")
    settled.drain_queue()
    settled.advance(31)
    settled.drain_queue()
    ask(settled, "Invoices")
    settled.drain_queue()
    assert state(settled).rebuild is None
    settled.advance(260)
    whole = current(settled, "Invoices")
    pass_time(settled, 20)
    assert is_exact(settled, "Invoices", whole)
    assert settled.audit("compact", "wrong") == []
    assert settled.current("Invoices", 1)[0]["Reference"] == "sent twice"


def test_a_post_lands_later_than_anybody_thought(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """Superseded rows that come back after the DELETE are found by the verification, told, and compacted once more."""
    supersede(settled)
    late = raw(settled, "Invoices").rows[0]
    whole = current(settled, "Invoices")
    slipped = False

    def slip_in(call: Call) -> None:
        nonlocal slipped
        rebuild = state(settled).rebuild
        if not slipped and rebuild and rebuild.phase == "verifying":
            slipped = True
            raw(settled, "Invoices").rows.append(late)

    settled.on_powerbi_call = slip_in
    ask(settled, "Invoices")
    pass_time(settled, 20)
    assert is_exact(settled, "Invoices", whole)
    [wrong] = settled.audit("compact", "wrong")
    assert "versions" in wrong["error"]
    assert "compact wrong " in caplog.text
    assert state(settled).table("Invoices").verified is True


def test_what_may_still_land_is_counted(settled: World) -> None:
    """A POST of a compaction whose answer was lost is counted after the verification, too, since it may land behind it."""
    supersede(settled)
    settled.powerbi_fault("reset", "Invoices", commits=False)
    ask(settled, "Invoices")
    settled.drain_queue()
    settled.advance(31)
    settled.drain_queue()
    assert state(settled).table("Invoices").verified is True
    rows = raw(settled, "Invoices").rows
    rows.extend(list(rows))
    assert state(settled).rows_upper["Invoices"] >= len(rows)


def test_what_stays_wrong_is_parked(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """A second verification that fails is a person's: told and shown, and pushes go on."""
    supersede(settled)

    def lose_a_row(call: Call) -> None:
        rebuild = state(settled).rebuild
        if rebuild and rebuild.phase == "verifying":
            del raw(settled, "Invoices").rows[-1:]

    settled.on_powerbi_call = lose_a_row
    ask(settled, "Invoices")
    pass_time(settled, 25)
    settled.on_powerbi_call = lambda call: None
    standing = state(settled).table("Invoices")
    assert (state(settled).rebuild, standing.verified) == (None, False)
    assert "in place of" in standing.parked
    assert len(settled.audit("compact", "wrong")) == 2
    assert "compact parked " in caplog.text
    settled.edit(4, Reference="goes on")
    settled.drain_queue()
    assert settled.current("Invoices", 4)[0]["Reference"] == "goes on"
    # A person asks by name once the cause is mended.
    ask(settled, "Invoices")
    pass_time(settled, 8)
    assert (state(settled).table("Invoices").verified, state(settled).table("Invoices").parked) == (True, "")
    assert settled.differences() == []


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_another_instance_takes_over(settled: World, method: str) -> None:
    """While one instance hangs in the middle of a call another finishes; the first then changes nothing."""
    supersede(settled)
    whole = current(settled, "Invoices")
    other = settled.mortal(Life())

    def hang(call: Call) -> None:
        rebuild = state(settled).rebuild
        if call.path.endswith("/tables/Invoices/rows") and rebuild:
            if (rebuild.phase == "deleting") != (method == "DELETE"):
                return
            settled.on_powerbi_call = lambda call: None
            settled.advance(90)
            with contextlib.suppress(ConnectorError):
                push.drain(
                    other, DEFAULT_DATASET, other.audit(), until=settled.clock.now() + timedelta(minutes=4)
                )

    settled.on_powerbi_call = hang
    ask(settled, "Invoices")
    pass_time(settled, 20)
    assert current(settled, "Invoices") == whole
    assert state(settled).rebuild is None
    doubled = len(settled.rows("Invoices")) - len(whole)
    assert doubled == (0 if method == "DELETE" else len(whole))
    settled.settle()
    assert settled.differences() == []


def test_what_lands_meanwhile_is_there_afterwards(settled: World) -> None:
    """Edits and webhooks that come while a table is empty wait, and are in it afterwards."""
    supersede(settled)
    switch(settled, execute_queries="refused")
    ask(settled, "Invoices")
    settled.drain_queue()
    rebuild = state(settled).rebuild
    assert rebuild is not None and rebuild.phase == "empty"
    assert settled.rows("Invoices") == []
    settled.edit(1, Reference="meanwhile")
    settled.vanish("Invoices", 3)
    settled.webhook([("INVOICE", books.record_id("Invoices", 3))])
    settled.drain_queue()
    assert settled.rows("Invoices") == []
    settled.settle()
    assert settled.current("Invoices", 1)[0]["Reference"] == "meanwhile"
    assert settled.current("Invoices", 3)[0]["IsDeleted"] is True
    assert settled.differences() == []


def test_limits_in_the_middle(settled: World) -> None:
    """When the hour is used up in the middle, the rest is posted as soon as Power BI takes it, and nothing twice."""
    world = push_by(settled, 4)
    supersede(world)
    reader = Reader(world, "Invoices")
    world.on_powerbi_call = reader.look
    world.powerbi_fault(
        "status", "Invoices", status=429, body="rows per hour", headers={"Retry-After": "1800"}, after=1
    )
    ask(world, "Invoices")
    world.drain_queue()
    rebuild = state(world).rebuild
    assert rebuild is not None and (rebuild.phase, rebuild.posted.rows, rebuild.sending) == ("posting", 4, 0)
    world.on_powerbi_call = lambda call: None
    world.advance(1810)
    world.drain_queue()
    assert is_exact(world, "Invoices", reader.whole)
    assert state(world).table("Invoices").verified is True


def test_in_bounded_runs(settled: World) -> None:
    """A compaction that takes longer than a run goes on in the next one, where it stopped."""
    world = push_by(settled, 1)
    supersede(world)
    whole = current(world, "Invoices")
    ask(world, "Invoices")
    runs = 0
    while (message := world.receive()) is not None:
        runs += 1
        # Calls take 0.05 seconds, the distance between POSTs 0.6.
        world.honour(message.text, seconds=6)
        world.store.delete_message("push", message)
        assert runs < 30
    assert runs > 1
    assert is_exact(world, "Invoices", whole)
    assert len([post for post in world.posts("Invoices") if post.rows == 1]) >= len(whole)


def test_a_mirror_with_less_than_was_proven(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is deleted that the mirror cannot give back: the compaction waits, the loss is told of and mended."""
    supersede(settled)
    ask(settled, "Invoices")
    settled.drain_queue()
    lost: Entity = {
        "PartitionKey": mirror.partition(books.TENANT, "Invoices"),
        "RowKey": books.record_id("Invoices", 2),
    }
    settled.store.write_entity(mirror.TABLE, Write("delete", lost))
    switch(settled, execute_queries="refused")
    rows = settled.rows("Invoices")
    settled.advance(1)
    ask(settled, "Invoices")
    pass_time(settled, 3)
    assert settled.rows("Invoices") == rows
    assert [row["resource"] for row in settled.audit("mirror", "lost")] == ["Invoices"]
    assert "mirror lost " in caplog.text


def test_a_mirror_with_less_than_power_bi(settled: World) -> None:
    """Where Power BI can be asked, the first compaction does not trust a mirror that has fewer keys either."""
    lost: Entity = {
        "PartitionKey": mirror.partition(books.TENANT, "Invoices"),
        "RowKey": books.record_id("Invoices", 2),
    }
    settled.store.write_entity(mirror.TABLE, Write("delete", lost))
    rows = settled.rows("Lines")
    ask(settled, "Lines")
    settled.drain_queue()
    assert settled.rows("Lines") == rows
    assert "would be lost" in state(settled).table("Lines").parked


def test_no_room_to_spare(settled: World) -> None:
    """Near the limit of rows nothing is deleted unless the current rows leave room for some that are sent twice."""
    rows = settled.rows("Invoices")
    with sink.Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.conclude("Invoices", None, current=4_000_000)
    ask(settled, "Invoices")
    settled.drain_queue()
    assert settled.rows("Invoices") == rows
    assert "room to spare" in state(settled).table("Invoices").parked


def test_a_full_table_is_compacted(settled: World) -> None:
    """A table that may be full stops its pushes, and is compacted by itself all the same; then they go on."""
    supersede(settled)
    with sink.Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.conclude("Invoices", None, rows=4_900_000)
    settled.edit(1, Reference="had to wait")
    settled.drain_queue()
    assert settled.current("Invoices", 1)[0]["Reference"] != "had to wait"
    settled.advance(601)
    sweep.sweep(settled.connector)
    settled.drain_queue()
    assert state(settled).rows_upper["Invoices"] < 100
    settled.advance(3600)
    settled.refresh()
    settled.settle()
    assert settled.current("Invoices", 1)[0]["Reference"] == "had to wait"


def test_a_table_of_another_name(settled: World) -> None:
    """Asking for a table that there is not ends there, and is told in the audit."""
    ask(settled, "Nothing")
    settled.drain_queue()
    assert "no table" in settled.audit("compact", "ask")[0]["error"]
    assert settled.store.queue_length("push") == 0


def test_rows_of_an_organisation_that_left(new_world: NewWorld) -> None:
    """Rows of a disconnected organisation come back like the others; those of one that moved need a person's word."""
    world = new_world()
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other", user="user-2")
    world.connect()
    world.connect(user="user-2")
    world.settle()
    supersede(world)
    whole = current(world, "Invoices")
    other = connections.find(world.store, books.OTHER_TENANT)
    assert other is not None
    disconnect.disconnect(world.connector, other)
    ask(world, "Invoices")
    world.drain_queue()
    assert is_exact(world, "Invoices", whole)
    connections.save(world.store, dataclasses.replace(other, dataset="elsewhere"))
    assert [each.name for each in connections.of_dataset(world.store, DEFAULT_DATASET)[1]] == ["Other"]


def test_the_sweep_asks_before_the_slow_lane(new_world: NewWorld) -> None:
    """A table that nears the slow lane is compacted after ten quiet minutes, without anybody's asking."""
    world = new_world(settings={"SLOW_LANE_ROWS": "20"})
    world.connect()
    world.settle()
    supersede(world, 6)
    whole = current(world, "Invoices")
    sweep.sweep(world.connector)
    world.drain_queue()
    assert not is_exact(world, "Invoices", whole)
    world.advance(601)
    sweep.sweep(world.connector)
    world.drain_queue()
    assert is_exact(world, "Invoices", whole)
    assert "near the slow lane" in world.audit("compact", "staged")[0]["why"]


def test_the_night_takes_what_is_superseded(new_world: NewWorld) -> None:
    """In the night before the report hour every table with enough superseded rows is compacted, once."""
    world = new_world(settings={"COMPACT_SHARE": "0.3"})
    world.connect()
    world.settle()
    supersede(world)
    wholes = {table: current(world, table) for table in ("Invoices", "Lines")}
    world.advance(3600)
    sweep.sweep(world.connector)
    world.drain_queue()
    assert world.audit("compact") == []
    world.advance(17 * 3600)
    pass_time(world, 2)
    for table, whole in wholes.items():
        assert is_exact(world, table, whole), table
    assert {row["resource"] for row in world.audit("compact", "clean")} >= {"Invoices", "Lines"}


def test_a_sink_of_the_format_before(settled: World) -> None:
    """The sink of an earlier version is read, and tables of which nothing is known yet are compacted like others."""
    supersede(settled)
    whole = current(settled, "Invoices")
    stored = settled.store.get_entity("sink", DEFAULT_DATASET, "sink")
    assert stored is not None
    new = {"rebuild", "tables", "doubt_at", "sent"}
    old = {name: value for name, value in stored.entity.items() if name not in new}
    settled.store.write_entity("sink", Write("replace", old | {"format": 1}))
    assert (state(settled).rebuild, state(settled).tables) == (None, {})
    ask(settled, "Invoices")
    settled.drain_queue()
    assert is_exact(settled, "Invoices", whole)


def test_power_bi_refuses_a_record_on_the_way_back(settled: World) -> None:
    """A record that Power BI takes no more is put aside and told; the others come back, and it stays no secret."""
    supersede(settled)
    settled.powerbi_fault("status", "Contacts", status=400, times=2)
    ask(settled, "Contacts")
    pass_time(settled, 3)
    assert state(settled).rebuild is None
    [aside] = settled.audit("quarantine", "record")
    assert aside["resource"] == "Contacts"
    assert len(settled.rows("Contacts")) == 2


@pytest.mark.parametrize("seed", range(6))
def test_current_rows_are_the_same_whatever_happens(settled: World, seed: int) -> None:
    """For any history of edits, lost answers, crashes and compactions, current rows are Xero's, before and after."""
    dice = random.Random(seed)
    world = push_by(settled, dice.choice((3, 7, 10000)))
    for _ in range(25):
        match dice.choice(("edit", "edit", "lose", "late", "compact", "kill", "queries", "time")):
            case "edit":
                number = dice.randint(1, 5)
                world.edit(number, Reference=f"dice {dice.random()}", LineItems=lines(dice))
            case "lose":
                method = dice.choice(("POST", "POST", "DELETE"))
                commits = dice.random() < 0.6
                world.powerbi_fault("status", method=method, status=503, commits=commits)
            case "late":
                switch(
                    world,
                    delete_seconds=dice.choice((0, 40, 250)),
                    ingest_seconds=dice.choice((0, 0, 20, 40)),
                )
            case "compact":
                ask(world, dice.choice(("Invoices", "Lines", "Contacts")))
            case "kill":
                message = world.receive()
                if message is not None:
                    with contextlib.suppress(Killed):
                        world.honour(message.text, connector=world.mortal(Life(dice.randint(0, 40))))
                world.restart()
            case "queries":
                switch(world, execute_queries=dice.choice(("allowed", "refused")))
            case "time":
                world.advance(dice.choice((10, 61, 301)))
        if dice.random() < 0.7:
            world.drain_queue()
    world.powerbi_faults.clear()
    switch(world, ingest_seconds=0)
    world.settle(within=6 * 3600)
    world.advance(301)
    world.settle(within=6 * 3600)
    assert world.differences() == []
    switch(world, delete_seconds=0, execute_queries="allowed")
    for table in ("Invoices", "Lines"):
        whole = current(world, table)
        ask(world, table)
        pass_time(world, 12)
        assert is_exact(world, table, whole)
    assert world.differences() == []
    assert world.audit("compact", "parked") == []


def lines(dice: random.Random) -> list[books.Record]:
    return list(books.invoice(1, lines=dice.randint(1, 4))["LineItems"])
