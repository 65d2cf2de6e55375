"""Replay: what was put aside is tried again, nothing else is, and nothing is lost on the way."""

from collections.abc import Callable

import msgspec
import pytest

from shared.errors import BadMessage
from shared.state import connections, messages, outbox, quarantine
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import POISON, QUEUE
from shared.sync.replay import replay
from shared.xero import wire
from shared.xero.resources.resource import is_nameless
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]
FIRST, SECOND = (books.record_id("Invoices", number) for number in (1, 2))

WAKE = (
    '{"kind":"wake","dataset":"default","reason":"test","operation":"test",'
    '"first_enqueued_at":"2026-11-23T09:00:00Z"}'
)
IDS = (
    f'{{"kind":"ids","organisation":"{books.TENANT}","resource":"Contacts","ids":[],"reason":"webhook",'
    '"operation":"o","first_enqueued_at":"2026-11-23T09:00:00Z","swept":5}'
)


def spoil(world: World, *numbers: int) -> None:
    """Break invoices in Xero, which tells of them."""
    for number in numbers:
        world.change("Invoices", number, Total="a lot")
    world.webhook([("INVOICE", books.record_id("Invoices", number)) for number in numbers])
    world.drain_queue()


def mend(world: World, *numbers: int) -> None:
    """Mend them in Xero, which does not tell."""
    for number in numbers:
        world.change("Invoices", number, Total=200)


def aside(world: World, resource: str = "Invoices") -> list[str]:
    return quarantine.listed(world.store, books.TENANT, resource)


def parked(world: World, folder: str) -> list[str]:
    """What lies in the quarantine beside records."""
    return [blob.name for blob in world.store.list_blobs(quarantine.CONTAINER, f"{folder}/")]


def land(world: World, body: bytes, resource: str = "Invoices") -> str:
    """A batch as if it had been fetched now."""
    return world.land(resource, body)


def test_nothing_to_replay(settled: World) -> None:
    """With an empty quarantine nothing is queued and nothing told."""
    assert replay(settled.connector) == {}
    assert settled.store.queue_length(QUEUE) == 0
    assert settled.audit("replay") == []


def test_only_what_is_named(settled: World) -> None:
    """A record, a resource or an organisation that is named is all that is replayed, and each leaves an audit row."""
    spoil(settled, 1, 2)
    mend(settled, 1, 2)
    settled.store.put_blob(quarantine.CONTAINER, "messages/x", WAKE.encode())
    assert replay(settled.connector, resource="Contacts") == {}
    assert replay(settled.connector, organisation=books.OTHER_TENANT) == {}
    assert replay(settled.connector, record_id="no such") == {}
    assert replay(settled.connector, record_id=FIRST) == {"Invoices": 1}
    settled.drain_queue()
    assert aside(settled) == [SECOND]
    assert parked(settled, "messages") == ["messages/x"]
    [row] = settled.audit("replay")
    assert (row["outcome"], row["organisation"], row["resource"], row["count"]) == (
        "queued",
        books.TENANT,
        "Invoices",
        1,
    )


def test_many_records_are_fetched_together(new_world: NewWorld) -> None:
    """Forty records of the quarantine cost one call."""
    world = new_world()
    world.load(books.small_books(invoices=41))
    world.connect()
    world.settle()
    spoil(world, *range(1, 42))
    mend(world, *range(1, 42))
    world.calls.clear()
    assert replay(world.connector) == {"Invoices": 41}
    world.drain_queue()
    assert len(world.calls_of("Invoices")) == 2
    assert aside(world) == []
    assert world.differences() == []


def test_a_record_that_xero_has_no_more(settled: World) -> None:
    """A bad record that never had a row and is gone from Xero leaves the quarantine: there is nothing to mend."""
    settled.add("Invoices", books.invoice(7) | {"Total": "a lot"})
    settled.webhook([("INVOICE", books.record_id("Invoices", 7))])
    settled.drain_queue()
    assert aside(settled) == [books.record_id("Invoices", 7)]
    settled.vanish("Invoices", 7)
    assert replay(settled.connector) == {"Invoices": 1}
    settled.drain_queue()
    assert aside(settled) == []
    assert settled.differences() == []


def test_a_shown_record_that_xero_has_no_more(settled: World) -> None:
    """One that Power BI shows in an older version is deleted there."""
    spoil(settled, 2)
    settled.vanish("Invoices", 2)
    assert replay(settled.connector) == {"Invoices": 1}
    settled.drain_queue()
    assert aside(settled) == []
    assert {row["IsDeleted"] for row in settled.current("Invoices", 2)} == {True}
    assert settled.differences() == []


def test_the_organisation_itself(settled: World) -> None:
    """Xero has no call for one organisation by its id: it is fetched as it always is, and not taken for gone."""
    body = wire.encode({"Organisations": [books.organisation() | {"FinancialYearEndDay": "often"}]})
    land(settled, body, "Organisation")
    settled.store.send_message(QUEUE, WAKE)
    settled.drain_queue()
    assert aside(settled, "Organisation") == [books.TENANT]
    settled.calls.clear()
    assert replay(settled.connector) == {"Organisation": 1}
    settled.drain_queue()
    assert [call.path for call in settled.calls] == ["/api.xro/2.0/Organisation"]
    assert aside(settled, "Organisation") == []
    assert settled.audit("fetch", "not found") == []
    assert settled.differences() == []


def test_a_parked_message(settled: World) -> None:
    """What was poisoned for good goes back to the queue with a fresh count, and is honoured; the parked copy is gone."""
    settled.change("Invoices", 2, Reference="late")
    messages.send_ids(settled.store, settled.clock, books.TENANT, "Invoices", [SECOND], "webhook", "o")
    text = ""
    for _ in range(6):
        [message] = settled.store.receive_messages(QUEUE, most=1, visibility=600)
        settled.store.delete_message(QUEUE, message)
        settled.store.send_message(POISON, message.text)
        settled.poll(seconds=0)
        text = message.text
    assert len(parked(settled, "messages")) == 1
    assert settled.store.queue_length(QUEUE) == 0
    assert messages.decode(text).swept == 5
    assert replay(settled.connector) == {"messages": 1}
    [message] = settled.store.receive_messages(QUEUE, most=1, visibility=1)
    assert messages.decode(message.text).swept == 0
    settled.clock.advance(1)
    settled.drain_queue()
    assert parked(settled, "messages") == []
    assert settled.differences() == []


def test_a_foreign_message_stays(settled: World) -> None:
    """What is still no message of ours stays where it was and is not counted."""
    for text in ("hello", "\ufeff", '{"kind":"launch"}'):
        settled.honour(text)
    before = parked(settled, "messages")
    assert len(before) == 3
    assert replay(settled.connector) == {}
    assert parked(settled, "messages") == before
    with pytest.raises(BadMessage):
        messages.decode("hello")


def test_an_unreadable_batch(settled: World) -> None:
    """A batch that still cannot be read is put aside again, whole; what is behind it is pushed."""
    name = land(settled, b"")
    settled.store.put_blob(outbox.CONTAINER, f"pending/{DEFAULT_DATASET}/{name}", b"no gzip")
    settled.store.send_message(QUEUE, WAKE)
    settled.drain_queue()
    [where] = parked(settled, "batches")
    assert replay(settled.connector) == {"batches": 1}
    assert parked(settled, "batches") == []
    settled.edit(2, Reference="behind it")
    settled.drain_queue()
    assert parked(settled, "batches") == [where]
    assert settled.store.get_blob(quarantine.CONTAINER, where) == b"no gzip"
    assert settled.differences() == []
    assert len(settled.audit("quarantine", "batch")) == 2


def test_a_batch_that_can_be_read_by_now(settled: World) -> None:
    """A batch that an older version put aside is pushed by one that knows it."""
    record = books.invoice(2) | {
        "Reference": "of a later format",
        "UpdatedDateUTC": books.stamp(settled.clock.now()),
    }
    name = land(settled, wire.encode({"Invoices": [record]}))
    outbox.put_aside(settled.store, DEFAULT_DATASET, name)
    assert replay(settled.connector) == {"batches": 1}
    settled.drain_queue()
    assert [row["Reference"] for row in settled.current("Invoices", 2)] == ["of a later format"]
    assert parked(settled, "batches") == []


def test_without_consent_it_stays(settled: World) -> None:
    """Records of an organisation whose consent is lost cannot be fetched and stay; after connect they are replayed."""
    spoil(settled, 1)
    mend(settled, 1)
    [organisation] = connections.connected(settled.store)
    connections.mark_consent_lost(settled.store, organisation)
    replay(settled.connector)
    settled.drain_queue()
    assert aside(settled) == [FIRST]
    settled.connect()
    replay(settled.connector)
    settled.drain_queue()
    assert aside(settled) == []
    assert settled.differences() == []


def test_a_crash_at_every_effect(settled: World) -> None:
    """A replay that is killed anywhere and begun again loses nothing of what was put aside."""
    spoil(settled, 1)
    nameless = books.invoice(3) | {"InvoiceID": None}
    land(settled, wire.encode({"Invoices": [nameless]}))
    settled.store.send_message(QUEUE, WAKE)
    settled.drain_queue()
    mend(settled, 1)
    settled.change("Contacts", 1, Name="Renamed")
    message = msgspec.structs.replace(messages.decode(IDS), ids=[books.record_id("Contacts", 1)])
    settled.store.put_blob(quarantine.CONTAINER, "messages/x", msgspec.json.encode(message))
    changed = books.invoice(2) | {"Reference": "late", "UpdatedDateUTC": books.stamp(settled.clock.now())}
    settled.xero.store.put(books.TENANT, "Invoices", changed, touch=False)
    outbox.put_aside(settled.store, DEFAULT_DATASET, land(settled, wire.encode({"Invoices": [changed]})))
    [unnamed] = [name for name in aside(settled) if is_nameless(name)]
    again = settled.snapshot()
    whole = Life()
    assert replay(settled.mortal(whole)) == {"Invoices": 2, "messages": 1, "batches": 1}
    assert whole.effects > 8
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            replay(settled.mortal(Life(effect)))
        replay(settled.connector)
        settled.settle()
        assert aside(settled) == [unnamed], effect
        assert parked(settled, "messages") == parked(settled, "batches") == []
        assert settled.differences() == [], effect
