"""Reading again: whole, without pushing what is the same, and no table is taken for incomplete meanwhile."""

from contextlib import suppress

import pytest

from shared.state import checkpoints, connections
from shared.sync.again import cost, read_again
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World


def mark(world: World, *names: str) -> list[str]:
    [organisation] = connections.connected(world.store)
    wanted = [each for name, each in world.connector.resources.items() if not names or name in names]
    return read_again(world.connector, organisation, wanted)


def test_all_is_read_and_nothing_pushed(settled: World) -> None:
    """Every resource is read whole once, and of records that are the same not one row is posted."""
    world = settled
    before, rows = len(world.calls), len(world.rows("Invoices"))
    assert set(mark(world)) == set(world.connector.resources)
    world.poll()
    world.drain_queue()
    assert {row["resource"] for row in world.audit("read") if row["why"] == "history"} >= {
        "Invoices",
        "Contacts",
    }
    assert len(world.calls) - before >= len(world.connector.resources)
    assert len(world.rows("Invoices")) == rows
    assert world.unsettled() == ""
    assert world.differences() == []


def test_what_moved_no_stamp_is_found(settled: World) -> None:
    """An edit that Xero gave no new stamp is in Power BI afterwards, although no increment finds it."""
    world = settled
    world.change("Invoices", 2, touch=False, Reference="without a stamp")
    world.advance(20 * 60)
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] != "without a stamp"
    mark(world, "Invoices")
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] == "without a stamp"


def test_freshness_stays(settled: World) -> None:
    """While a history is read again its table is as fresh as before, not incomplete."""
    world = settled
    mark(world, "Invoices")
    checkpoint = checkpoints.load(world.store, books.TENANT, "Invoices")
    assert checkpoint.history
    assert checkpoint.fresh_as_of is not None
    folder = checkpoint.history
    world.settle()
    after = checkpoints.load(world.store, books.TENANT, "Invoices")
    assert after.history != folder
    assert list(world.store.list_blobs("reads", f"{books.TENANT}/Invoices/{folder}")) == []


def test_the_cost_is_what_it_takes(settled: World) -> None:
    """The calls that are told beforehand are those that are made."""
    world = settled
    [organisation] = connections.connected(world.store)
    told = cost(world.connector, organisation, RESOURCES["Invoices"])
    assert told is not None
    before = len(world.calls_of("Invoices"))
    mark(world, "Invoices")
    world.poll()
    assert told.calls <= len(world.calls_of("Invoices")) - before <= told.calls + 2


def test_what_was_never_read(connected: World) -> None:
    """A resource whose history is still to be read is left as it is."""
    [organisation] = connections.connected(connected.store)
    assert mark(connected) == []
    assert cost(connected.connector, organisation, RESOURCES["Invoices"]) is None


@pytest.mark.parametrize("step", range(6))
def test_killed_while_marking(settled: World, step: int) -> None:
    """Killed in between, some are marked and some are not; all are right in the end."""
    world = settled
    [organisation] = connections.connected(world.store)
    with suppress(Killed):
        read_again(
            world.mortal(Life(step)), organisation, [RESOURCES[name] for name in ("Invoices", "Contacts")]
        )
    world.restart()
    world.settle()
    assert world.differences() == []
