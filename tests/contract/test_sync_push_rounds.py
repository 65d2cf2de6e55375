"""A push that is stopped by a limit or a lost answer goes on where it was, and never skips what may not have landed."""

import pytest

from shared import tables
from shared.state import sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.sink import Writer
from tests.support.killing import Killed, Life
from tests.support.world import World

LIMIT = {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}}


def state(world: World) -> sink.State:
    return sink.read(world.store, DEFAULT_DATASET)


def stop_at_lines(world: World, **fault: object) -> None:
    """A push of an invoice, whose row is in Power BI, and whose lines are not known to be."""
    world.edit(2, Reference="new")
    world.powerbi_fault(table="Lines", **(fault or LIMIT))  # type: ignore[arg-type]
    world.drain_queue()
    assert state(world).in_flight


def sent(world: World, table: str) -> int:
    """How many rows of the edited invoice a table was sent."""
    key = {"Lines": "DocumentKey"}.get(table, tables.TABLES[table].version_key)
    [row] = world.current("Invoices", 2)
    return sum(1 for each in world.rows(table) if each[key] == row["InvoiceKey"])


def test_it_goes_on_behind_what_landed(settled: World) -> None:
    """After a limit the tables that have the rows are not sent them again, and the version is the same in all."""
    before = {table: sent(settled, table) for table in ("Invoices", "Lines")}
    upper = state(settled).rows_upper["Invoices"]
    stop_at_lines(settled)
    settled.settle()
    assert {table: sent(settled, table) for table in before} == {"Invoices": 2, "Lines": 4}
    assert state(settled).rows_upper["Invoices"] == upper + 1
    [row], lines = settled.current("Invoices", 2), settled.current("Lines", 2)
    assert {line["RowVersion"] for line in lines} == {row["RowVersion"]}
    assert settled.differences() == []


def test_more_posts_than_may_be_pending(world: World) -> None:
    """A history that needs more POSTs than Power BI lets wait is pushed, however long each takes to be seen."""
    world.powerbi.switches = world.powerbi.switches.changed({"ingest_seconds": 20})
    world.connect()
    took = world.settle()
    world.advance(30)
    assert world.differences() == []
    posted = [post.table for post in world.posts() if post.status == 200 and post.table != "SyncStatus"]
    assert len(posted) == len(set(posted)) > 5
    assert took < 1800


def test_what_may_not_have_landed_is_sent_again(settled: World) -> None:
    """A POST whose answer is lost is sent once more, its rows counted twice, and what came before it is not sent again."""
    upper = dict(state(settled).rows_upper)
    stop_at_lines(settled, kind="reset", commits=True)
    assert state(settled).doubt_at == settled.clock.now()
    settled.settle()
    assert {table: sent(settled, table) for table in ("Invoices", "Lines")} == {"Invoices": 2, "Lines": 6}
    now = state(settled).rows_upper
    assert now["Lines"] == upper["Lines"] + 4
    assert now["Invoices"] == upper["Invoices"] + 1
    assert settled.differences() == []


def test_a_lost_answer_that_had_no_effect(settled: World) -> None:
    """Nothing is skipped because it was sent: the table whose POST got lost has its rows in the end."""
    stop_at_lines(settled, kind="reset", commits=False)
    settled.settle()
    assert sent(settled, "Lines") == 4
    assert settled.differences() == []


def test_other_rows_begin_anew(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the next run would cut the POSTs otherwise, all of them are sent, under newer versions."""
    stop_at_lines(settled)
    first = settled.current("Invoices", 2)[0]["RowVersion"]
    settled.environment |= {"POWERBI_ROWS_PER_POST": "9000"}
    settled.restart()
    settled.settle()
    assert sent(settled, "Invoices") == 3
    assert settled.current("Invoices", 2)[0]["RowVersion"] > first
    assert settled.differences() == []


def test_newer_versions_meanwhile_begin_anew(settled: World) -> None:
    """Versions that somebody took meanwhile are never above those of a push that goes on."""
    stop_at_lines(settled)
    with Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        taken = writer.reserve(5, writer.state.in_flight, {})
    settled.settle()
    assert settled.current("Invoices", 2)[0]["RowVersion"] > taken + 4
    assert settled.differences() == []


def test_a_refused_record_begins_anew(settled: World) -> None:
    """Which record Power BI refused is not remembered by a push that stops: the next one asks for all of it again."""
    settled.edit(3, Reference="refused at first")
    settled.powerbi_fault(table="Invoices", kind="status", status=400, times=2)
    stop_at_lines(settled)
    assert settled.audit("quarantine", "record")
    assert state(settled).round is None
    settled.settle()
    assert settled.differences() == []


def test_killed_anywhere_while_it_goes_on(settled: World) -> None:
    """A run that goes on and dies leaves a push that begins anew: figures are right, rows are counted."""
    stop_at_lines(settled)
    settled.advance(5)
    message = settled.receive()
    assert message is not None
    again = settled.snapshot()
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        settled.settle(step=300)
        assert settled.differences() == [], effect
        for table in ("Invoices", "Lines"):
            assert len(settled.rows(table)) <= state(settled).rows_upper[table], effect


def test_a_run_that_died_before_it_told_is_told_of(settled: World) -> None:
    """Batches that a run finished and did not tell of stand in the audit all the same."""
    settled.edit(2, Reference="new")
    message = settled.receive()
    assert message is not None
    again = settled.snapshot()
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        if state(settled).in_flight and not list(settled.store.list_blobs("outbox", "pending/")):
            break
    else:
        raise AssertionError("no such moment")
    [batch] = state(settled).in_flight
    assert not settled.audit("push", "done") or batch not in settled.audit("push", "done")[-1]["batches"]
    settled.settle(step=300)
    assert [row for row in settled.audit("push", "done") if batch in row["batches"]]
