"""A dataset gets what newer code declares: in place, or by a successor that is filled beside it and takes its place."""

import dataclasses
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from local.powerbi.switches import Switches
from local.simulation import Fault
from shared.errors import AskPerson, LeaseBusy
from shared.state import definitions, messages, mirror, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.rebuilds import Successor
from shared.state.sink import Writer
from shared.sync import dataset, successor
from shared.sync.connector import Connector
from shared.tables import TABLES, measures
from shared.tables.table import TENANT, Table, key, text
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]

EXTRA = Table(
    name="Extra",
    means="What newer code declares.",
    resources=("Invoices",),
    version_key="InvoiceKey",
    columns=(
        TENANT,
        key("InvoiceKey", "Unique over organisations.", "InvoiceID"),
        text("Reference", "The invoice's reference."),
    ),
)
NUMBER = text("AlsoNumber", "The number once more.", "InvoiceNumber")


def with_column(patch: pytest.MonkeyPatch) -> None:
    """Newer code: invoices have a column more."""
    columns = (*TABLES["Invoices"].columns, NUMBER)
    patch.setitem(TABLES, "Invoices", dataclasses.replace(TABLES["Invoices"], columns=columns))


def with_table(patch: pytest.MonkeyPatch) -> None:
    """Newer code: there is a table more, and a column."""
    with_column(patch)
    patch.setitem(TABLES, "Extra", EXTRA)


def with_measure(patch: pytest.MonkeyPatch, expression: str = "COUNTROWS ( Invoices )") -> None:
    """Newer code: there is a measure more."""
    made = measures.Measure(name="Newer", means="Rows.", expression=expression)
    patch.setitem(measures.MEASURES, "Newer", made)


def state(world: World) -> sink.State:
    return sink.read(world.store, DEFAULT_DATASET)


def beside(world: World) -> Successor:
    found = state(world).successor
    assert found is not None
    return found


def ask(world: World, action: messages.Action = "upgrade") -> None:
    """What `manage.py dataset upgrade` does; the clock moves, so that nothing is asked for at the same moment."""
    world.advance(1)
    messages.ask(world.store, world.clock, DEFAULT_DATASET, action, "asked", "operation")


def work(world: World) -> None:
    """Let the queue run until nothing waits in it, without a look at Xero."""
    for _ in range(60):
        world.drain_queue()
        if not world.store.queue_length(messages.QUEUE):
            return
        world.advance(60)
    raise AssertionError(f"the queue does not come to rest: {world.audit()[-1]}")


def held(world: World, powerbi_id: str, table: str) -> list[dict[str, Any]]:
    """The current rows of a table of one dataset, doubled ones once, in an order of their own."""
    return sorted(current(world, powerbi_id, table), key=lambda row: str(sorted(row.items())))


def current(world: World, powerbi_id: str, table: str) -> list[dict[str, Any]]:
    """The same, in any order."""
    before, world.dataset_id = world.dataset_id, powerbi_id
    rows = world.rows(table)
    world.dataset_id = before
    version_key = TABLES[table].version_key
    highest: dict[str, int] = {}
    for row in rows:
        highest[row[version_key]] = max(highest.get(row[version_key], 0), row["RowVersion"])
    found = {
        tuple(row.values()): row
        for row in rows
        if row["RowVersion"] == highest[row[version_key]] and not row["IsDeleted"]
    }
    return list(found.values())


def same(world: World, one: str, other: str) -> None:
    """Both datasets show the same current rows, in the columns and tables that both have."""
    for table in world.powerbi.datasets[one].tables:
        if table == measures.TABLE or table not in world.powerbi.datasets[other].tables:
            continue
        mine, theirs = current(world, one, table), current(world, other, table)
        common = [name for name in (mine or theirs or [{}])[0] if name in (theirs or mine or [{}])[0]]
        ours, others = (
            Counter(tuple(row[name] for name in common) for row in rows) for rows in (mine, theirs)
        )
        assert ours == others, table


def differences(world: World) -> list[str]:
    """How the current rows differ from Xero's books, which the column of the newer code is not told of."""
    return [each for each in world.differences() if "AlsoNumber" not in each]


def called(world: World) -> list[str]:
    return sorted(each.name for each in world.powerbi.datasets.values())


# What a dataset was made with


def test_it_is_known_what_a_dataset_was_made_with(settled: World) -> None:
    """Columns with their types and digests of the measures are remembered when it is made."""
    known = definitions.load(settled.store, DEFAULT_DATASET, settled.dataset_id)
    assert known is not None
    assert (known.tables["Invoices"] or {})["RowVersion"] == "Int64"
    assert known.measures is not None
    assert known.measures.keys() == measures.MEASURES.keys()


def test_what_the_dataset_has_no_place_for_is_left_out(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer code goes on pushing to an older dataset, without the table and column that it lacks; nobody is quarantined."""
    with_table(monkeypatch)
    settled.edit(1, Reference="by newer code")
    settled.settle()
    assert settled.current("Invoices", 1)[0]["Reference"] == "by newer code"
    assert differences(settled) == []
    assert settled.audit("quarantine") == []


def test_of_a_dataset_that_nobody_remembers_the_tables_are_asked_for_once(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset made by older code is asked for its tables at the next push; others are not sent to it."""
    definitions.forget(settled.store, DEFAULT_DATASET, settled.dataset_id)
    monkeypatch.setitem(TABLES, "Extra", EXTRA)
    calls: list[str] = []
    settled.on_powerbi_call = lambda call: calls.append(call.path.rpartition("/")[2])
    for turn in range(2):
        settled.edit(1, Reference=f"version {turn}")
        settled.drain_queue()
    assert calls.count("tables") == 1
    assert settled.current("Invoices", 1)[0]["Reference"] == "version 1"


# In place


@pytest.mark.parametrize("rows", ["lost", "kept"])
@pytest.mark.parametrize("queries", ["allowed", "refused"])
def test_a_column_is_added_in_place(
    settled: World, monkeypatch: pytest.MonkeyPatch, rows: Any, queries: Any
) -> None:
    """Whether Power BI keeps the rows or loses them, each is there afterwards with the new column, and nothing twice."""
    settled.powerbi.switches = Switches(put_rows=rows, execute_queries=queries)
    with_column(monkeypatch)
    calls = len(settled.calls)
    ask(settled)
    work(settled)
    assert len(settled.calls) == calls
    found = settled.rows("Invoices")
    assert {row["AlsoNumber"] for row in found} == {row["InvoiceNumber"] for row in found}
    assert len(found) == len({row["InvoiceKey"] for row in found})
    assert differences(settled) == []
    assert called(settled) == ["Xero"]
    posts = len(settled.posts())
    ask(settled)
    work(settled)
    assert len(settled.posts()) == posts


def test_measures_are_put_in_place(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """New and changed measures are defined at once; no row is touched."""
    posts = len(settled.posts("Invoices"))
    for expression in ("COUNTROWS ( Invoices )", "COUNTROWS ( Lines )"):
        with_measure(monkeypatch, expression)
        ask(settled)
        work(settled)
        schema = settled.powerbi.datasets[settled.dataset_id].tables[measures.TABLE].schema
        assert schema.measures["Newer"] == expression
    assert len(settled.posts("Invoices")) == posts


def test_columns_that_nobody_remembers_are_put_and_filled(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset of which only the tables are known gets all definitions anew, and has every row again."""
    definitions.forget(settled.store, DEFAULT_DATASET, settled.dataset_id)
    with_column(monkeypatch)
    settled.powerbi.switches = Switches(put_rows="lost")
    ask(settled)
    work(settled)
    known = definitions.load(settled.store, DEFAULT_DATASET, settled.dataset_id)
    assert known is not None
    assert None not in known.tables.values()
    assert differences(settled) == []
    assert {row["AlsoNumber"] for row in settled.rows("Invoices")} != {None}


def test_a_definition_that_power_bi_refuses(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table stays as it is, pushes go on, and the operator is told of the other way."""
    with_column(monkeypatch)
    settled.powerbi_faults.add(Fault("status", method="PUT", path=".*/tables/Invoices", status=400))
    ask(settled)
    work(settled)
    assert "--side-by-side" in settled.audit("upgrade", "ask")[-1]["error"]
    settled.edit(1, Reference="afterwards")
    settled.settle()
    assert differences(settled) == []
    assert state(settled).rebuild is None


@pytest.mark.parametrize("rows", ["lost", "kept"])
def test_killed_anywhere_in_place(settled: World, monkeypatch: pytest.MonkeyPatch, rows: Any) -> None:
    """A run that dies at any effect of an upgrade in place is finished by the next, with every row and the column."""
    settled.powerbi.switches = Switches(put_rows=rows)
    with_column(monkeypatch)
    with_measure(monkeypatch)
    ask(settled)
    again = settled.snapshot()
    whole = Life()
    message = settled.receive()
    assert message is not None
    settled.honour(message.text, connector=settled.mortal(whole))
    assert whole.effects > 20
    for effect in range(0, whole.effects, 3):
        again()
        message = settled.receive()
        assert message is not None
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        # The host hands the message over again.
        settled.store.delete_message(messages.QUEUE, message)
        settled.store.send_message(messages.QUEUE, message.text)
        settled.advance(90)
        work(settled)
        assert differences(settled) == [], effect
        assert {row["AlsoNumber"] for row in settled.rows("Invoices")} != {None}, effect
        assert state(settled).rebuild is None, effect


# Side by side


def test_side_by_side(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second dataset is made and filled without a call to Xero; both show the same; after the switch one is written."""
    settled.edit(2, Reference="edited before")
    settled.settle()
    old = settled.dataset_id
    with_table(monkeypatch)
    calls = len(settled.calls)
    ask(settled)
    work(settled)
    new = beside(settled).powerbi_id
    assert called(settled) == ["Xero", "Xero (2)"]
    assert beside(settled).filled_at is not None
    assert len(settled.calls) == calls
    same(settled, old, new)
    assert len(held(settled, new, "Extra")) == len(held(settled, old, "Invoices"))
    assert "AlsoNumber" not in held(settled, old, "Invoices")[0]
    assert state(settled).powerbi_id == old

    ask(settled, "switch")
    work(settled)
    assert (state(settled).powerbi_id, state(settled).old) == (new, (old,))
    settled.dataset_id = new
    assert differences(settled) == []
    assert all(row["AlsoNumber"] == row["InvoiceNumber"] for row in held(settled, new, "Invoices"))


def test_every_push_goes_to_both_until_the_switch(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits, new records and deletions between the steps are in both, whether their record was filled before or after."""
    old = settled.dataset_id
    with_table(monkeypatch)
    monkeypatch.setattr(successor, "RECORDS_A_PIECE", 3)
    pieces = 0
    whole_piece = successor._piece

    def piece(*arguments: Any) -> None:
        nonlocal pieces
        pieces += 1
        whole_piece(*arguments)
        # The run's time is up after each piece.
        settled.clock.advance(241)

    monkeypatch.setattr(successor, "_piece", piece)
    ask(settled)
    for turn in range(80):
        number = turn % 4 + 1
        settled.edit(number, Reference=f"turn {turn}")
        if turn == 3:
            settled.change("Contacts", 1, Name="Renamed & Sons")
        if turn == 5:
            settled.vanish("Items", 1)
        if settled.drain_queue(most=300) == 0 or turn > 20:
            break
    settled.settle()
    settled.advance(240 * 60)
    settled.refresh()
    settled.settle()
    new = beside(settled).powerbi_id
    assert pieces > 5
    assert beside(settled).filled_at is not None
    same(settled, old, new)
    assert differences(settled) == []
    ask(settled, "switch")
    work(settled)
    settled.dataset_id = new
    assert differences(settled) == []
    assert settled.current("Items", 1)[0]["IsDeleted"]


def test_afterwards_one_is_written_and_nothing_needlessly(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records that Xero tells once more are known to be in the new dataset; only what changes is pushed, and only there."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    ask(settled, "switch")
    work(settled)
    settled.dataset_id = state(settled).powerbi_id
    settled.settle()
    posts = len(settled.posts())
    for number in (1, 2, 3):
        settled.webhook([("INVOICE", books.record_id("Invoices", number))])
    settled.drain_queue()
    assert not [post for post in settled.posts()[posts:] if post.table != "SyncStatus"]
    settled.edit(1, Reference="afterwards")
    settled.settle()
    assert {post.dataset for post in settled.posts()[posts:]} == {settled.dataset_id}
    assert differences(settled) == []


def test_a_deleted_dataset_is_refilled_after_a_switch(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mirror knows what was in the one that took the place, and has it pushed to the one that is made anew."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    ask(settled, "switch")
    work(settled)
    assert len(dataset.delete_old(settled.connector, DEFAULT_DATASET)) == 1
    settled.powerbi.delete_dataset(state(settled).powerbi_id)
    settled.dataset_id, made = dataset.ensure_dataset(settled.connector, DEFAULT_DATASET)
    work(settled)
    assert made
    assert called(settled) == ["Xero"]
    assert differences(settled) == []
    assert len(held(settled, settled.dataset_id, "Extra")) == len(
        held(settled, settled.dataset_id, "Invoices")
    )


def until_filled(world: World, connector: Connector | None = None) -> None:
    """Honour the next message, the request."""
    message = world.receive()
    assert message is not None
    world.honour(message.text, connector=connector)
    world.store.delete_message(messages.QUEUE, message)


def test_killed_anywhere_while_it_is_made_and_filled(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies at any effect (every second is tried) leaves two datasets, never three; the next fills what is missing."""
    old = settled.dataset_id
    with_table(monkeypatch)
    ask(settled)
    again = settled.snapshot()
    whole = Life()
    until_filled(settled, settled.mortal(whole))
    assert beside(settled).filled_at is not None
    assert whole.effects > 60
    for effect in range(0, whole.effects, 2):
        again()
        message = settled.receive()
        assert message is not None
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        settled.store.delete_message(messages.QUEUE, message)
        settled.store.send_message(messages.QUEUE, message.text)
        settled.edit(1, Reference=f"after {effect}")
        settled.advance(90)
        work(settled)
        assert called(settled) == ["Xero", "Xero (2)"], effect
        assert beside(settled).filled_at is not None, effect
        same(settled, old, beside(settled).powerbi_id)


def test_killed_anywhere_while_both_are_posted_to(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that reached one dataset only is sent again to both."""
    old = settled.dataset_id
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    settled.edit(1, Reference="to both")
    settled.edit(2, Reference="to both")
    again = settled.snapshot()
    whole = Life()
    until_filled(settled, settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            until_filled(settled, settled.mortal(Life(effect)))
        settled.advance(90)
        settled.settle()
        assert differences(settled) == [], effect
        same(settled, old, beside(settled).powerbi_id)
        assert {row["Reference"] for row in held(settled, old, "Invoices")} >= {"to both"}, effect


def test_killed_anywhere_in_the_switch(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The place is taken in one write: before it everything is as it was, after it all is done; a later try does the rest."""
    old = settled.dataset_id
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    new = beside(settled).powerbi_id
    ask(settled, "switch")
    again = settled.snapshot()
    whole = Life()
    until_filled(settled, settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        message = settled.receive()
        assert message is not None
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        assert state(settled).powerbi_id in (old, new)
        settled.store.delete_message(messages.QUEUE, message)
        settled.store.send_message(messages.QUEUE, message.text)
        settled.advance(90)
        settled.edit(1, Reference=f"after {effect}")
        work(settled)
        assert (state(settled).powerbi_id, state(settled).successor) == (new, None), effect
        settled.dataset_id = new
        assert settled.current("Invoices", 1)[0]["Reference"] == f"after {effect}"


@pytest.mark.parametrize("table", ["Invoices", "Extra"])
def test_a_limit_in_the_middle(settled: World, monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """A 429 while it is filled is waited for, and what was filled before is not filled again."""
    old = settled.dataset_id
    with_table(monkeypatch)
    settled.powerbi_fault("status", table, status=429, headers={"Retry-After": "120"})
    ask(settled)
    settled.drain_queue()
    assert beside(settled).filled_at is None
    filled = beside(settled).records
    work(settled)
    assert beside(settled).filled_at is not None
    assert filled > 0
    assert beside(settled).records == settled_records(settled)
    same(settled, old, beside(settled).powerbi_id)


def settled_records(world: World) -> int:
    """How many records the mirror has."""
    return sum(len(partition) for partition in world.store._tables[mirror.TABLE].partitions.values())


def test_the_rows_of_an_hour(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filling leaves Power BI's hourly rows to what changes: when its own are used up it waits for the next hour."""
    with_table(monkeypatch)
    monkeypatch.setattr(successor, "ROWS_AN_HOUR", 20)
    ask(settled)
    began = settled.clock.now()
    work_for_hours(settled)
    assert beside(settled).filled_at is not None
    assert (settled.clock.now() - began).total_seconds() > 3600
    same(settled, settled.dataset_id, beside(settled).powerbi_id)


def work_for_hours(world: World) -> None:
    for _ in range(60):
        world.drain_queue()
        if not world.store.queue_length(messages.QUEUE):
            return
        world.advance(1800)
        world.refresh()
    raise AssertionError("the queue does not come to rest")


def test_the_answer_of_making_it_is_lost(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successor whose making had an unknown outcome is found by its name; there is one, and it is known what it has."""
    with_table(monkeypatch)
    settled.powerbi_faults.add(Fault("reset", method="POST", path=".*/datasets", commits=True))
    ask(settled)
    work(settled)
    assert called(settled) == ["Xero", "Xero (2)"]
    known = definitions.load(settled.store, DEFAULT_DATASET, beside(settled).powerbi_id)
    assert known is not None
    assert known.tables["Extra"] is not None


def test_a_name_that_is_taken(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's own dataset is not taken for the successor: the next number is."""
    theirs = settled.connector.powerbi().create_dataset(
        {"name": "Xero (2)", "tables": [{"name": "T", "columns": [{"name": "C", "dataType": "String"}]}]}
    )
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    assert beside(settled).name == "Xero (3)"
    assert beside(settled).powerbi_id != theirs


def test_a_second_upgrade(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a switch the next upgrade makes the next number, from what took the place; both old ones are deleted on request."""
    with_table(monkeypatch)
    for _ in range(2):
        ask(settled, "replace")
        work(settled)
        ask(settled, "switch")
        work(settled)
    assert called(settled) == ["Xero", "Xero (2)", "Xero (3)"]
    settled.dataset_id = state(settled).powerbi_id
    assert differences(settled) == []
    dataset.delete_old(settled.connector, DEFAULT_DATASET)
    assert called(settled) == ["Xero (3)"]
    assert dataset.ensure_dataset(settled.connector, DEFAULT_DATASET) == (settled.dataset_id, False)


def test_a_successor_that_was_deleted(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deletes the successor in Power BI: pushes go on into the dataset, and an upgrade begins anew."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    settled.powerbi.delete_dataset(beside(settled).powerbi_id)
    settled.edit(1, Reference="it is gone")
    settled.settle()
    assert state(settled).successor is None
    assert settled.current("Invoices", 1)[0]["Reference"] == "it is gone"
    assert differences(settled) == []
    ask(settled)
    work(settled)
    assert beside(settled).filled_at is not None
    same(settled, settled.dataset_id, beside(settled).powerbi_id)


def test_given_up(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successor that is given up is gone; what was pushed to both is not pushed again, and a late request makes no other."""
    with_table(monkeypatch)
    ask(settled)
    late = settled.receive()
    assert late is not None
    settled.honour(late.text)
    settled.edit(1, Reference="to both")
    settled.settle()
    settled.advance(1)
    assert dataset.cancel(settled.connector, DEFAULT_DATASET) == "Xero (2)"
    posts = len(settled.posts())
    settled.webhook([("INVOICE", books.record_id("Invoices", 1))])
    settled.drain_queue()
    assert not [post for post in settled.posts()[posts:] if post.table != "SyncStatus"]
    settled.store.send_message(messages.QUEUE, late.text)
    work(settled)
    assert called(settled) == ["Xero"]
    assert dataset.cancel(settled.connector, DEFAULT_DATASET) == ""


def test_two_instances(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one fills, another meets the lease: it makes no second successor and is put off."""
    with_table(monkeypatch)
    ask(settled)
    met: list[str] = []
    whole_piece = successor._piece

    def piece(*arguments: Any) -> None:
        if not met:
            try:
                Writer.take(settled.store, settled.clock, DEFAULT_DATASET)
            except LeaseBusy as busy:
                met.append(str(busy))
            ask(settled)
            settled.drain_queue()
        whole_piece(*arguments)

    monkeypatch.setattr(successor, "_piece", piece)
    work(settled)
    assert met
    assert called(settled) == ["Xero", "Xero (2)"]
    assert beside(settled).filled_at is not None


@pytest.mark.parametrize("queries", ["allowed", "refused", "error_inside"])
def test_counts_are_compared_before_the_switch(
    settled: World, monkeypatch: pytest.MonkeyPatch, queries: Any
) -> None:
    """A successor that lacks keys does not take the place where Power BI may be asked, and it is said why."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    new = beside(settled).powerbi_id
    del settled.powerbi.datasets[new].tables["Contacts"].rows[:1]
    settled.powerbi.switches = Switches(execute_queries=queries)
    ask(settled, "switch")
    work(settled)
    if queries == "allowed":
        assert state(settled).powerbi_id != new
        assert "Contacts has" in beside(settled).trouble
        assert "Contacts has" in settled.audit("switch", "ask")[-1]["error"]
    else:
        assert state(settled).powerbi_id == new


def test_not_before_it_is_filled(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch is refused while the filling is not at its end."""
    with_table(monkeypatch)
    settled.powerbi_fault("status", "Invoices", status=429, headers={"Retry-After": "600"}, times=2)
    ask(settled)
    settled.drain_queue()
    ask(settled, "switch")
    settled.drain_queue()
    assert "is not filled yet" in settled.audit("switch", "ask")[-1]["error"]
    assert state(settled).powerbi_id == settled.dataset_id


def test_the_rows_of_both_are_counted(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a table may hold is counted for each dataset: after the switch the sink knows what the new one has."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    settled.edit(1, Reference="to both")
    settled.settle()
    ask(settled, "switch")
    work(settled)
    upper = state(settled).rows_upper
    settled.dataset_id = state(settled).powerbi_id
    for table in ("Invoices", "Lines", "Extra", "Contacts"):
        assert upper[table] == len(settled.rows(table)), table


# Deleting


def test_delete_and_create(settled: World) -> None:
    """A dataset is deleted in Power BI, what lands waits, and the next one is filled from the mirror."""
    assert dataset.delete_dataset(settled.connector, DEFAULT_DATASET)
    assert called(settled) == []
    settled.edit(1, Reference="meanwhile")
    settled.drain_queue()
    assert "dataset create" in settled.audit("push", "ask")[-1]["error"]
    assert not dataset.delete_dataset(settled.connector, DEFAULT_DATASET)
    calls = len(settled.calls)
    settled.dataset_id, made = dataset.ensure_dataset(settled.connector, DEFAULT_DATASET)
    settled.drain_queue()
    assert made
    assert len(settled.calls) == calls
    assert differences(settled) == []


def test_delete_is_not_for_one_that_is_being_succeeded(
    settled: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The successor is let in or given up first."""
    with_table(monkeypatch)
    ask(settled)
    work(settled)
    with pytest.raises(AskPerson, match="--cancel"):
        dataset.delete_dataset(settled.connector, DEFAULT_DATASET)
    assert called(settled) == ["Xero", "Xero (2)"]


def test_killed_anywhere_while_it_is_deleted(settled: World) -> None:
    """A deletion that dies at any effect is repeated, and the dataset made anew holds everything."""
    again = settled.snapshot()
    whole = Life()
    dataset.delete_dataset(settled.mortal(whole), DEFAULT_DATASET)
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            dataset.delete_dataset(settled.mortal(Life(effect)), DEFAULT_DATASET)
        settled.advance(90)
        dataset.delete_dataset(settled.connector, DEFAULT_DATASET)
        settled.dataset_id, _ = dataset.ensure_dataset(settled.connector, DEFAULT_DATASET)
        settled.settle()
        assert called(settled) == ["Xero"], effect
        assert differences(settled) == [], effect
