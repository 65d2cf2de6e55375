"""The queue's messages: ours come back as they went, anybody else's are told apart, and none can fool the host."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadMessage
from shared.state import messages
from shared.state.messages import IDS_A_MESSAGE, POISON, QUEUE, Ids, Message, Request, Wake
from shared.xero.resources import RESOURCES
from shared.xero.resources.resource import UUID
from tests.support.clock import START, ManualClock
from tests.support.memory_store import MemoryStore

TENANT = "9f8e7d6c-5b4a-4938-8271-605f4e3d2c1b"
RECORD = "22b3fab4-ef56-4d70-a110-a7cc3c1a26cd"
# What the Functions host puts into a message's own metadata when a body names it, whatever the case (queue extension).
HOSTS_WORDS = {
    "id",
    "dequeuecount",
    "insertiontime",
    "expirationtime",
    "nextvisibletime",
    "popreceipt",
    "queuetrigger",
}
# A message of 64 KiB after base64.
LARGEST_TEXT = 48 * 1024

ids_messages = st.builds(
    Ids,
    organisation=st.uuids().map(str),
    # A report's id is a day.
    resource=st.sampled_from(sorted(name for name, each in RESOURCES.items() if each.report is None)),
    ids=st.lists(st.uuids().map(str), max_size=3),
    reason=st.text(max_size=20),
    operation=st.text(max_size=20),
    first_enqueued_at=st.datetimes(timezones=st.just(UTC)),
    attempt=st.integers(0, 1000),
    swept=st.integers(0, 1000),
)
wakes = st.builds(
    Wake,
    dataset=st.just("default"),
    reason=st.text(max_size=20),
    operation=st.text(max_size=20),
    first_enqueued_at=st.datetimes(timezones=st.just(UTC)),
    attempt=st.integers(0, 1000),
)
requests = st.builds(
    Request,
    dataset=st.just("default"),
    action=st.just("compact"),
    table=st.text(max_size=20),
    reason=st.text(max_size=20),
    operation=st.text(max_size=20),
    first_enqueued_at=st.datetimes(timezones=st.just(UTC)),
    attempt=st.integers(0, 1000),
    swept=st.integers(0, 1000),
)


def example() -> dict[str, Any]:
    """A message about ids, as JSON."""
    return {
        "kind": "ids",
        "format": 1,
        "organisation": TENANT,
        "resource": "Invoices",
        "ids": [RECORD],
        "reason": "webhook",
        "operation": "o",
        "first_enqueued_at": "2026-11-23T09:00:00Z",
        "attempt": 0,
        "swept": 0,
    }


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(ManualClock())


def waiting(store: MemoryStore) -> list[str]:
    """The texts in the queue."""
    return [message.text for message in store.receive_messages(QUEUE, most=32, visibility=30)]


@given(ids_messages | wakes | requests)
def test_a_message_comes_back_as_it_went(message: Message) -> None:
    """Through the queue and back, with its counts and its first time."""
    store = MemoryStore(ManualClock())
    messages.send(store, message)
    (text,) = waiting(store)
    assert messages.decode(text) == message


@given(ids_messages | wakes | requests)
def test_no_name_of_a_message_is_one_of_the_hosts(message: Message) -> None:
    """At the top level such a name would replace the message's own id, count or times, and poison it."""
    names = [name.lower() for name in json.loads(msgspec.json.encode(message))]
    assert not HOSTS_WORDS.intersection(names)
    assert not HOSTS_WORDS.intersection(name.replace("_", "") for name in names)


@given(st.text())
def test_any_foreign_text_is_told_apart(text: str) -> None:
    """Whatever somebody puts into the queue: a BadMessage, and no other error."""
    with pytest.raises(BadMessage):
        messages.decode(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from([TENANT, "ids", "wake", 1]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(example())) | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=8,
)


@given(json_values)
def test_any_foreign_json_is_told_apart(value: Any) -> None:
    """JSON of others, even with our names in it, unless it happens to be a whole message of ours."""
    with pytest.raises(BadMessage):
        messages.decode(json.dumps(value))


@given(st.sampled_from(sorted(example())), json_values)
def test_one_wrong_field_makes_a_message_foreign_or_leaves_it_ours(name: str, value: Any) -> None:
    """A damaged message is refused as a whole, or what is read holds only UUIDs and a known resource."""
    try:
        message = messages.decode(json.dumps(example() | {name: value}))
    except BadMessage:
        return
    if isinstance(message, Ids):
        assert message.resource in RESOURCES
        assert all(UUID.fullmatch(one) for one in (message.organisation, *message.ids))


@pytest.mark.parametrize(
    "changed",
    [
        {"format": 2},
        {"format": 0},
        {"kind": "delete"},
        {"kind": None},
        {"resource": "Quotes"},
        {"resource": "../Invoices"},
        {"organisation": "all"},
        {"organisation": ""},
        {"ids": ["not-a-uuid"]},
        {"ids": [RECORD, RECORD.replace("-", "")]},
        {"ids": [RECORD + "\n"]},
        {"ids": [None]},
        {"ids": RECORD},
        {"first_enqueued_at": "yesterday"},
        {"first_enqueued_at": "2026-11-23T09:00:00"},
        {"attempt": "1"},
        {"attempt": -1},
        {"swept": -1},
        {"unknown": 1},
    ],
)
def test_what_is_wrong_with_a_message_is_said(changed: dict[str, Any]) -> None:
    """Another format, kind or resource, ids that are no UUIDs, fields of the wrong type, fields that are not ours."""
    messages.decode(json.dumps(example()))
    with pytest.raises(BadMessage, match=r"\w{5}"):
        messages.decode(json.dumps(example() | changed))


@pytest.mark.parametrize("left_out", ["kind", "organisation", "resource", "ids", "first_enqueued_at"])
def test_a_message_without_a_field_is_foreign(left_out: str) -> None:
    """Half a message is none."""
    text = json.dumps({name: value for name, value in example().items() if name != left_out})
    with pytest.raises(BadMessage):
        messages.decode(text)


@pytest.mark.parametrize(
    "text", ["[" * 200_000, '{"kind":' * 50_000, "\ufffd" * 40_000, "\x00", "null", "{}"]
)
def test_the_worst_texts_are_told_apart(text: str) -> None:
    """Bottomless nesting and undecodable bytes are no reason to fail."""
    with pytest.raises(BadMessage):
        messages.decode(text)


@pytest.mark.parametrize("dataset", ["", "a/b", "../x", "d" * 500, "with space", "#", "default\n"])
def test_a_wake_for_what_can_be_no_dataset_is_foreign(dataset: str) -> None:
    """A dataset's name stands in names of blobs, leases and keys: what could break out of them is refused."""
    wake = example() | {"kind": "wake", "dataset": dataset}
    text = json.dumps(
        {name: wake[name] for name in ("kind", "dataset", "reason", "operation", "first_enqueued_at")}
    )
    with pytest.raises(BadMessage):
        messages.decode(text)


@pytest.mark.parametrize("field", ["resource", "kind", "organisation", "reason"])
def test_a_strangers_text_is_not_repeated_at_length(field: str) -> None:
    """The error goes to logs and the audit: it tells what is wrong, and not what a stranger wrote at length."""
    with pytest.raises(BadMessage) as refused:
        messages.decode(json.dumps(example() | {"format": 2, field: "s" * 100_000}))
    assert len(str(refused.value)) < 500


def test_the_fullest_message_fits_the_queue(store: MemoryStore) -> None:
    """500 ids with the longest names of ours stay below the queue's 48 KiB of text."""
    ids = [f"{number:08x}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(IDS_A_MESSAGE)]
    longest = max(RESOURCES, key=len)
    assert (
        messages.send_ids(store, ManualClock(), TENANT, longest, ids, "r" * 200, "o" * 64, attempt=10**6)
        == 500
    )
    (text,) = waiting(store)
    assert len(text.encode()) <= LARGEST_TEXT


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1250, [500, 500, 250])]
)
def test_many_ids_are_split_over_messages(store: MemoryStore, count: int, sizes: list[int]) -> None:
    """Each distinct id once, at most 500 a message, none lost between them."""
    ids = [f"{number:08x}-aaaa-4bbb-8ccc-dddddddddddd" for number in range(count)]
    assert messages.send_ids(store, ManualClock(), TENANT, "Invoices", ids + ids[:3], "webhook", "o") == count
    sent = [messages.decode(text) for text in waiting(store)]
    assert [len(message.ids) for message in sent if isinstance(message, Ids)] == sizes
    assert sorted(one for message in sent if isinstance(message, Ids) for one in message.ids) == ids


def test_ids_carry_when_and_how_often_they_were_tried(store: MemoryStore) -> None:
    """A message that goes back is a new one: its age and its tries are in its body."""
    messages.send_ids(store, ManualClock(), TENANT, "Invoices", [RECORD], "again", "o", attempt=3)
    (text,) = waiting(store)
    assert messages.decode(text) == Ids(
        organisation=TENANT,
        resource="Invoices",
        ids=[RECORD],
        reason="again",
        operation="o",
        first_enqueued_at=START,
        attempt=3,
    )


def test_at_most_one_wake_is_outstanding() -> None:
    """However much lands, a dataset has one wake in the queue, until it is honoured; then the next is sent."""
    clock = ManualClock()
    store = MemoryStore(clock)
    sent = [messages.wake(store, clock, "default", "landed", "o") for _ in range(5)]
    assert sent == [True, False, False, False, False]
    assert len(waiting(store)) == 1
    messages.wake_arrived(store, "default")
    assert messages.wake(store, clock, "default", "landed", "o") is True
    assert messages.wake(store, clock, "other", "landed", "o") is True


def test_a_wake_that_was_lost_is_sent_again() -> None:
    """A run that died between noting a wake and sending it costs a minute, not the data."""
    clock = ManualClock()
    store = MemoryStore(clock)
    messages.wake(store, clock, "default", "landed", "o", delay=30)
    clock.advance(30 + 59)
    assert messages.wake(store, clock, "default", "landed", "o") is False
    clock.advance(2)
    assert messages.wake(store, clock, "default", "landed", "o") is True


def test_the_poison_queue_is_the_hosts() -> None:
    """The Functions host derives its name from the queue's."""
    assert f"{QUEUE}-poison" == POISON


def test_times_are_instants() -> None:
    """A time in a message has a zone, or it could not be compared with ours."""
    message = messages.decode(json.dumps(example()))
    assert message.first_enqueued_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
