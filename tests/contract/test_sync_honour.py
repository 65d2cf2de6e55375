"""Honouring the queue: bursts are fetched together, what must wait comes back by itself, nothing is lost on the way."""

import math
from collections.abc import Callable

import msgspec
import pytest

from shared.state import connections, messages, outbox
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import QUEUE, Ids
from shared.storage import Entity, Write
from shared.sync.land import IDS_A_CALL
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]


@pytest.fixture
def settled(new_world: NewWorld) -> World:
    """A world of 55 invoices whose history is in Power BI; `calls` counts from here."""
    world = new_world()
    world.load(books.small_books(invoices=55, contacts=3))
    world.connect()
    world.settle()
    world.calls.clear()
    return world


def ids(*numbers: int) -> list[str]:
    return [books.record_id("Invoices", number) for number in numbers]


def queued(world: World) -> list[Ids]:
    """The ids messages in the queue, the delayed ones too."""
    found = [messages.decode(queued.text) for queued in world.store._queues[QUEUE]]
    return [message for message in found if isinstance(message, Ids)]


def test_a_burst(settled: World) -> None:
    """Fifty webhooks of one id each are fetched with ceil(50 / 40) calls, and the rows arrive."""
    for number in range(1, 51):
        settled.edit(number, Reference=f"edited {number}")
    assert settled.store.queue_length(QUEUE) == 50
    settled.drain_queue()
    assert len(settled.calls) == math.ceil(50 / IDS_A_CALL)
    assert settled.differences() == []


def test_repetitions(settled: World) -> None:
    """An id that comes many times, in one message or in many, is asked for once."""
    settled.change("Invoices", 3, Reference="once")
    for _ in range(5):
        settled.webhook([("INVOICE", key) for key in ids(3, 3, 3)])
    settled.drain_queue()
    [call] = settled.calls
    assert call.query["IDs"] == ids(3)[0]
    assert len(settled.current("Invoices", 3)) == 1
    assert settled.differences() == []


def test_kinds_together(settled: World) -> None:
    """Ids of several kinds in one burst cost a call each, payments by a filter that Xero's address takes."""
    events = [("PAYMENT", books.record_id("Payments", number)) for number in range(1, 30)]
    events += [("CONTACT", books.record_id("Contacts", 1)), *(("INVOICE", key) for key in ids(1, 2))]
    settled.webhook(events)
    settled.drain_queue()
    assert {call.resource for call in settled.calls} == {"Payments", "Contacts", "Invoices"}
    assert all(row["outcome"] != "ask" for row in settled.audit("fetch"))
    assert settled.unsettled() == ""


def test_gone_only_by_a_get_by_id(settled: World) -> None:
    """An id that a list leaves out is asked for by itself, and only its own 404 makes it a deleted record."""
    hidden = settled.xero.store.books[books.TENANT].tables["Invoices"].pop(ids(4)[0])

    def back_again(call: object) -> None:
        if len(settled.calls) == 2:
            settled.xero.store.books[books.TENANT].tables["Invoices"][hidden.key] = hidden

    settled.on_xero_call = back_again
    settled.webhook([("INVOICE", key) for key in ids(3, 4)])
    settled.drain_queue()
    assert [call.path.rpartition("/")[2] for call in settled.calls] == ["Invoices", ids(4)[0]]
    assert settled.current("Invoices", 4)[0]["IsDeleted"] is False
    settled.vanish("Invoices", 5)
    settled.webhook([("INVOICE", key) for key in ids(5)])
    settled.drain_queue()
    assert settled.current("Invoices", 5)[0]["IsDeleted"] is True
    assert settled.differences() == []


def test_an_address_too_long_is_no_deletion(settled: World) -> None:
    """A 404 for a list says nothing about its records: none of them is taken for deleted."""
    settled.xero.switches.url_limit = 100
    settled.webhook([("INVOICE", key) for key in ids(*range(1, 20))])
    settled.drain_queue()
    assert settled.differences() == []
    assert settled.audit("fetch", "not found") == []


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"kind": "status", "status": 500}, 60),
        ({"kind": "status", "status": 503}, 300),
        ({"kind": "status", "status": 200, "body": "<html>"}, 60),
        ({"kind": "status", "status": 429, "headers": {"Retry-After": "17"}}, 17),
        (
            {
                "kind": "status",
                "status": 429,
                "headers": {"X-Rate-Limit-Problem": "day", "Retry-After": "9000"},
            },
            3600,
        ),
        ({"kind": "status", "status": 400, "body": "{}"}, 3600),
        ({"kind": "status", "status": 401, "headers": {"WWW-Authenticate": "insufficient_scope"}}, 3600),
        ({"kind": "reset"}, 30),
    ],
    ids=["500", "503", "HTML", "minute", "day", "400", "scope", "reset"],
)
def test_what_must_wait_comes_back(settled: World, fault: dict[str, object], wait: int) -> None:
    """Ids that cannot be fetched now come back as a message with a delay and an attempt count, and nothing is lost."""
    settled.xero_fault(**fault)  # type: ignore[arg-type]
    settled.edit(2, Reference="late")
    settled.drain_queue()
    [again] = queued(settled)
    assert (again.ids, again.attempt, again.reason) == (ids(2), 1, "webhook")
    settled.clock.advance(wait - 1)
    assert settled.drain_queue() == 0
    settled.advance(2)
    settled.refresh()
    settled.settle()
    assert settled.differences() == []
    assert settled.store.queue_length("push-poison") == 0
    outcomes = [row["outcome"] for row in settled.audit("fetch") if "attempt" in row.get("why", "")]
    assert outcomes[0] == ("ask" if wait == 3600 and "429" not in str(fault) else "retried")


def test_attempts_are_counted(settled: World) -> None:
    """Each return counts: the number of attempts is told, and the queue's own count stays for crashes."""
    settled.xero_fault("status", status=500, times=3)
    settled.edit(2, Reference="late")
    for attempt in (1, 2, 3):
        settled.drain_queue()
        assert [message.attempt for message in queued(settled)] == [attempt]
        settled.advance(61)
    settled.drain_queue()
    assert settled.differences() == []


def test_the_day_parks(settled: World) -> None:
    """After Xero's day limit no call begins for webhooks or polls until it is over, whatever arrives."""
    settled.xero_fault("status", status=429, headers={"X-Rate-Limit-Problem": "day", "Retry-After": "40000"})
    settled.edit(2, Reference="late")
    settled.drain_queue()
    assert len(settled.calls) == 1
    for hour in range(11):
        settled.advance(3600)
        settled.refresh()
        settled.poll()
        settled.edit(3, Reference=f"hour {hour}")
        settled.drain_queue()
    assert len(settled.calls) == 1
    settled.settle()
    assert settled.differences() == []


def test_the_reserve_is_for_webhooks(new_world: NewWorld) -> None:
    """When polling has used its share of the day, webhooks still get through."""
    world = new_world(settings={"XERO_DAY_LIMIT": "10", "XERO_WEBHOOK_RESERVE": "3"})
    world.load()
    world.connect()
    world.poll()
    world.advance(15 * 60)
    world.poll()
    assert len(world.calls) == 7
    assert "day limit" in str(world.audit("poll", "put off"))
    for number in (1, 2, 3):
        world.edit(number, Reference="by webhook")
        world.drain_queue()
    assert len(world.calls) == 10
    world.edit(1, Reference="too many")
    world.drain_queue()
    assert len(world.calls) == 10
    world.advance(24 * 3600)
    world.refresh()
    world.drain_queue()
    assert world.current("Invoices", 1)[0]["Reference"] == "too many"


def test_an_expired_token(settled: World) -> None:
    """With a dead token no call is made: a refresh is asked for, and the ids come back after it."""
    settled.clock.advance(1700)
    settled.edit(2, Reference="late")
    settled.clock.advance(200)
    settled.restart()
    settled.calls.clear()
    settled.drain_queue()
    assert settled.calls == []
    assert len(queued(settled)) == 1
    settled.refresh()
    settled.clock.advance(31)
    settled.drain_queue()
    assert settled.differences() == []


def test_killed_anywhere(settled: World) -> None:
    """A run that is killed at any point loses no id: what it took along comes back by itself."""
    for number in (1, 2):
        settled.edit(number, Reference=f"edited {number}")
    settled.vanish("Invoices", 3)
    settled.webhook([("INVOICE", ids(3)[0])])
    again = settled.snapshot()
    message = settled.receive()
    assert message is not None
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        message = settled.receive()
        assert message is not None
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        # Without the poll, which would find the edits by itself.
        for _ in range(4):
            settled.advance(301)
            settled.drain_queue()
        assert settled.differences() == [], effect
        assert settled.unsettled() in ("", "Contacts is being read ", "Invoices is being read ")


def test_one_wake(settled: World) -> None:
    """Whatever lands, at most one wake is outstanding for a dataset; each arrival makes room for the next."""
    for _ in range(5):
        messages.wake(settled.store, settled.clock, DEFAULT_DATASET, "landed", "operation")
    assert settled.store.queue_length(QUEUE) == 1
    settled.drain_queue()
    assert messages.wake(settled.store, settled.clock, DEFAULT_DATASET, "landed", "operation")
    assert settled.store.queue_length(QUEUE) == 1


def test_one_wake_while_power_bi_makes_us_wait(settled: World) -> None:
    """A delayed wake is the outstanding one: reading on meanwhile sends no other."""
    settled.powerbi_fault("status", status=429, headers={"Retry-After": "1800"}, times=9)
    settled.change("Contacts", 1, Name="late")
    settled.advance(900)
    settled.poll()
    settled.drain_queue()
    settled.advance(900)
    settled.refresh()
    settled.poll()
    settled.drain_queue()
    assert len(settled.store._queues[QUEUE]) == 1


def test_a_wake_that_was_lost(settled: World) -> None:
    """A wake that was noted and never sent is sent again after a minute."""
    settled.store.write_entity("checkpoints", lost_wake(settled))
    settled.change("Invoices", 1, Reference="new")
    settled.advance(900)
    settled.poll()
    settled.drain_queue()
    assert settled.differences() == []


def lost_wake(world: World) -> Write:
    key: Entity = {"PartitionKey": "wake", "RowKey": DEFAULT_DATASET}
    due = world.clock.now().isoformat()
    return Write("replace", key | {"format": 1, "outstanding": True, "due_at": due})


def test_what_is_pending_is_woken(settled: World) -> None:
    """What lies in the outbox for over a minute without a message is woken by the timer."""
    settled.edit(2, Reference="new")
    message = settled.receive()
    assert message is not None
    settled.honour(message.text, seconds=0)
    settled.store._queues[QUEUE].clear()
    assert len(list(outbox.pending(settled.store, DEFAULT_DATASET))) == 1
    settled.advance(180)
    settled.poll()
    settled.drain_queue()
    assert settled.differences() == []


def test_busy(settled: World) -> None:
    """A run that finds the dataset's lease taken fetches all the same, and has the rest done when it is free."""
    lease = settled.store.acquire_lease(f"dataset/{DEFAULT_DATASET}", 60)
    assert lease is not None
    settled.edit(2, Reference="new")
    settled.drain_queue()
    assert len(settled.calls) == 1
    settled.store.release_lease(lease)
    settled.advance(6)
    settled.drain_queue()
    assert settled.differences() == []


def test_an_organisation_whose_consent_is_lost(new_world: NewWorld) -> None:
    """Ids of an organisation whose consent is lost cost no call, and hold up no other organisation."""
    world = new_world()
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other", user="user-2")
    world.connect()
    world.connect(user="user-2")
    world.settle()
    for connection in list(world.xero.identity.connections.values()):
        if connection.tenant_id == books.TENANT:
            del world.xero.identity.connections[connection.id]
    world.edit(2, Reference="unseen")
    world.webhook([("INVOICE", ids(1)[0])], tenant_id=books.OTHER_TENANT)
    world.drain_queue()
    lost = connections.find(world.store, books.TENANT)
    other = connections.find(world.store, books.OTHER_TENANT)
    assert lost and lost.consent_lost
    assert other and not other.consent_lost
    calls = len(world.calls)
    world.edit(3, Reference="unseen")
    world.advance(900)
    world.poll()
    world.drain_queue()
    assert {row["organisation"] for row in world.audit("fetch", "ignored")} == {books.TENANT}
    assert len(world.calls) > calls
    assert world.differences(tenant_id=books.OTHER_TENANT) == []
    # A new consent reads what changed meanwhile.
    world.connect()
    world.settle()
    assert world.differences() == []


def test_messages_hold_at_most_500_ids(settled: World) -> None:
    """A delivery of thousands of ids becomes messages that fit into the queue."""
    many = [f"{number:08x}-0000-4000-8000-000000000004" for number in range(2000)]
    assert settled.webhook([("INVOICE", key) for key in many]) == 2000
    sizes = [len(message.ids) for message in queued(settled)]
    assert sizes == [500] * 4
    assert len(msgspec.json.encode(queued(settled)[0])) < 48 * 1024
