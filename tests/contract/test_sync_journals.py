"""Journals of the general ledger: off unless asked for, read on by number, and no harm where Xero's tier forbids them."""

from collections.abc import Callable

from shared.state import checkpoints
from shared.state.checkpoints import Checkpoint
from shared.sync import connect, refresh
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
ON = {"READ_JOURNALS": "true"}
SCOPE = "accounting.journals.read"


def checkpoint(world: World) -> Checkpoint:
    return checkpoints.load(world.store, books.TENANT, "Journals")


def with_journals(new_world: NewWorld, count: int, *, premium: bool = True) -> World:
    """A connected world that reads journals."""
    world = new_world(settings=ON)
    world.xero.switches.journals_premium = premium
    world.load(books.small_books(journals=count))
    world.connect()
    return world


def test_off_by_default(new_world: NewWorld) -> None:
    """No call, no checkpoint, and the consent does not ask for the scope."""
    world = new_world()
    world.xero.switches.journals_premium = True
    world.load(books.small_books(journals=3))
    world.connect()
    world.settle()
    assert SCOPE not in connect.ask_for_consent(world.connector).url
    assert world.calls_of("Journals") == []
    assert world.store.get_entity(checkpoints.TABLE, books.TENANT, "Journals") is None


def test_read_on_by_number(new_world: NewWorld) -> None:
    """The history goes on after the last number through short pages until an answer is empty, and so do later reads."""
    world = with_journals(new_world, 330)
    assert SCOPE in connect.ask_for_consent(world.connector).url
    world.settle()
    # Xero answers 100 at most, and fewer long before the end.
    assert [call.query["offset"] for call in world.calls_of("Journals")] == [
        *("0", "100", "125", "150", "175", "200", "300", "330")
    ]
    assert world.unmirrored("Journals") == []
    assert (checkpoint(world).offset, checkpoint(world).records) == (330, 330)
    world.calls.clear()
    for number in (331, 332):
        world.xero.store.add(books.TENANT, "Journals", books.journal(number))
    world.advance(60 * MINUTES)
    world.refresh()
    world.settle()
    assert [call.query["offset"] for call in world.calls_of("Journals")] == ["330", "332"]
    assert not any(call.modified_since for call in world.calls_of("Journals"))
    assert world.unmirrored("Journals") == []
    assert (checkpoint(world).offset, checkpoint(world).records) == (332, 332)


def test_an_organisation_without_journals(new_world: NewWorld) -> None:
    """An empty first answer is a complete history; the first journal is found later."""
    world = with_journals(new_world, 0)
    world.settle()
    assert checkpoint(world).history
    assert len(world.calls_of("Journals")) == 1
    world.xero.store.add(books.TENANT, "Journals", books.journal(1))
    world.advance(60 * MINUTES)
    world.refresh()
    world.settle()
    assert world.unmirrored("Journals") == []


def test_journals_that_the_tier_forbids(new_world: NewWorld) -> None:
    """The trouble names READ_JOURNALS; Xero is asked again after a day; no token is suspected, all others are read."""
    world = with_journals(new_world, 3, premium=False)
    world.poll()
    world.drain_queue()
    assert "READ_JOURNALS" in checkpoint(world).trouble
    assert "Advanced tier" in checkpoint(world).trouble
    assert [row["resource"] for row in world.audit("poll", "ask")] == ["Journals"]
    token_sets = list(world.store.query_entities(checkpoints.TABLE, refresh.PARTITION))
    assert not any(stored.entity.get("asked") for stored in token_sets)
    assert world.unmirrored("Invoices") == []
    for name in world.connector.resources.keys() - {"Journals"}:
        assert checkpoints.load(world.store, books.TENANT, name).history, name
    # Xero's books hold the journals that may not be read; nothing else is missing.
    assert [each for each in world.differences() if not each.startswith("Journals: ")] == []
    assert world.rows("Journals") == []
    for _ in range(5):
        world.advance(280 * MINUTES)
        world.refresh()
        world.poll()
        world.drain_queue()
    assert len(world.calls_of("Journals")) == 1
    world.xero.switches.journals_premium = True
    world.advance(41 * MINUTES)
    world.refresh()
    world.poll()
    world.drain_queue()
    assert world.unmirrored("Journals") == []
    assert checkpoint(world).trouble == ""
