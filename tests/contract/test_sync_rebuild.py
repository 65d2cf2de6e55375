"""A dataset that was deleted in Power BI is made anew and filled from the mirror, without a call to Xero."""

from collections.abc import Callable

import pytest

from shared.state import sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import dataset
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]


def delete_dataset(world: World) -> None:
    """What somebody does in Power BI's workspace."""
    world.powerbi.delete_dataset(world.dataset_id)


def make_anew(world: World, *, connector: object = None) -> bool:
    """What the operator does then; answers whether a dataset was made."""
    world.dataset_id, made = dataset.ensure_dataset(connector or world.connector, DEFAULT_DATASET)  # type: ignore[arg-type]
    return made


def test_a_deleted_dataset_is_filled(settled: World) -> None:
    """Everything is there again, voided and edited records as they are now, and Xero is not asked for anything."""
    settled.edit(2, Reference="edited before")
    settled.settle()
    delete_dataset(settled)
    calls = len(settled.calls)
    assert make_anew(settled)
    settled.drain_queue()
    assert settled.differences() == []
    assert len(settled.calls) == calls
    assert settled.current("Invoices", 2)[0]["Reference"] == "edited before"


def test_what_changes_meanwhile_is_there_too(settled: World) -> None:
    """Changes that land before, between and after the records of the mirror win, whatever is pushed first."""
    delete_dataset(settled)
    settled.edit(1, Reference="before")
    settled.drain_queue()
    assert "not found" in settled.audit("push", "ask")[-1]["error"]
    make_anew(settled)
    settled.edit(2, Reference="between")
    settled.drain_queue()
    settled.edit(3, Reference="after")
    settled.drain_queue()
    settled.settle()
    assert [settled.current("Invoices", number)[0]["Reference"] for number in (1, 2, 3)] == [
        "before",
        "between",
        "after",
    ]
    assert settled.differences() == []


def test_it_is_filled_once(settled: World) -> None:
    """Whoever asks again finds the dataset, and nothing is pushed a second time."""
    delete_dataset(settled)
    make_anew(settled)
    settled.drain_queue()
    posts = len(settled.posts())
    assert not make_anew(settled)
    settled.drain_queue()
    assert len(settled.posts()) == posts
    rows = settled.rows("Invoices")
    assert len(rows) == len({row["InvoiceKey"] for row in rows})


def test_the_rows_of_the_old_one_are_not_counted(settled: World) -> None:
    """What a table may hold is counted from nothing, as the new dataset has nothing."""
    before = sink.read(settled.store, DEFAULT_DATASET).rows_upper
    delete_dataset(settled)
    make_anew(settled)
    settled.drain_queue()
    assert sink.read(settled.store, DEFAULT_DATASET).rows_upper == before


def test_a_record_that_is_gone_stays_gone(settled: World) -> None:
    """What Xero deleted for good is not brought back by the mirror."""
    settled.vanish("Items", 1)
    settled.advance(240 * 60)
    settled.refresh()
    settled.settle()
    delete_dataset(settled)
    make_anew(settled)
    settled.drain_queue()
    assert settled.differences() == []
    assert settled.current("Items", 1) == []


def test_killed_anywhere(settled: World) -> None:
    """A run that is killed anywhere, while it makes or fills the dataset, is made good by running it again."""
    delete_dataset(settled)
    again = settled.snapshot()
    whole = Life()
    make_anew(settled, connector=settled.mortal(whole))
    assert whole.effects > 10
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            make_anew(settled, connector=settled.mortal(Life(effect)))
        settled.advance(90)
        make_anew(settled)
        settled.settle()
        assert settled.differences() == [], effect


def test_many_records_are_pushed_in_bounded_rounds(new_world: NewWorld) -> None:
    """A round takes forty batches of ids, so that memory does not grow with the mirror; each record is pushed once."""
    world = new_world()
    world.load(books.small_books(contacts=600))
    world.connect()
    world.settle()
    delete_dataset(world)
    make_anew(world)
    [landed] = [row for row in world.audit("rebuild", "landed") if row["resource"] == "Contacts"]
    assert (landed["count"], len(landed["batches"].split())) == (600, 6)
    world.drain_queue()
    assert world.differences() == []
    assert len(world.rows("Contacts")) == 600
