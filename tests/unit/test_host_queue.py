"""The queue trigger's semantics against a queue in memory and a clock that the test moves."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from local.host.protos import TypedData
from local.host.queue import Backoff, QueueListener, decode, poison_name, trigger_metadata
from local.host.settings import QueueOptions
from local.host.storage import Message

START = datetime(2026, 11, 23, 9, tzinfo=UTC)
OPTIONS = QueueOptions(
    batch_size=1,
    new_batch_threshold=0,
    max_dequeue_count=3,
    visibility_timeout=timedelta(seconds=30),
    max_polling_interval=timedelta(seconds=1),
    base64=True,
)


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class MemoryQueue:
    """A queue with visibility and pop receipts, as Azure Storage has them."""

    def __init__(self, name: str, time: Time) -> None:
        self.name = name
        self._time = time
        self._messages: dict[str, tuple[Message, float]] = {}
        self._receipts = 0
        self.hidden_for: list[int] = []

    def put(self, body: str) -> None:
        self.send(base64.b64encode(body.encode()).decode())

    def send(self, text: str) -> None:
        name = f"m{len(self._messages) + 1}"
        message = Message(name, text, 0, START, START + timedelta(days=7), START, "")
        self._messages[name] = (message, 0.0)

    def receive(self, count: int, visibility: int) -> list[Message]:
        found = [message for message, visible in self._messages.values() if visible <= self._time()][:count]
        received = []
        for message in found:
            taken = replace(message, dequeue_count=message.dequeue_count + 1, pop_receipt=self._receipt())
            self._messages[message.id] = (taken, self._time() + visibility)
            received.append(taken)
        return received

    def hide(self, message_id: str, pop_receipt: str, visibility: int) -> str:
        message, _ = self._found(message_id, pop_receipt)
        self.hidden_for.append(visibility)
        changed = replace(message, pop_receipt=self._receipt())
        self._messages[message_id] = (changed, self._time() + visibility)
        return changed.pop_receipt

    def delete(self, message_id: str, pop_receipt: str) -> None:
        self._found(message_id, pop_receipt)
        del self._messages[message_id]

    def texts(self) -> list[str]:
        return [message.text for message, _ in self._messages.values()]

    def _receipt(self) -> str:
        self._receipts += 1
        return f"r{self._receipts}"

    def _found(self, message_id: str, pop_receipt: str) -> tuple[Message, float]:
        message, visible = self._messages[message_id]
        assert message.pop_receipt == pop_receipt, "PopReceiptMismatch"
        return message, visible


class Function:
    """Stands for the function: records what it gets and fails on demand."""

    def __init__(self, succeeds: bool = True) -> None:
        self.succeeds = succeeds
        self.runs: list[tuple[TypedData, Mapping[str, TypedData]]] = []

    def __call__(self, data: TypedData, metadata: Mapping[str, TypedData]) -> bool:
        self.runs.append((data, metadata))
        return self.succeeds


class Bench:
    """A listener over queues in memory. Tasks run at once, or wait in `tasks` when `defer` is set."""

    def __init__(
        self,
        options: QueueOptions = OPTIONS,
        *,
        succeeds: bool = True,
        defer: bool = False,
        name: str = "work",
    ) -> None:
        self.time = Time()
        self.queue = MemoryQueue(name, self.time)
        poison = poison_name(name)
        self.poison = MemoryQueue(poison or "none", self.time)
        self.function = Function(succeeds)
        self.tasks: list[Callable[[], None]] = []
        self.notified: list[str] = []
        self.listener = QueueListener(
            self.queue,
            self.poison if poison else None,
            options,
            self.function,
            self.tasks.append if defer else lambda task: task(),
            clock=self.time,
            notify=self.notified.append,
        )


def test_success_deletes_the_message() -> None:
    """A message whose run went well is gone, and was given to the function as text."""
    bench = Bench()
    bench.queue.put("hello")
    assert bench.listener.poll_once() == 1
    assert [data.string for data, _ in bench.function.runs] == ["hello"]
    assert bench.queue.texts() == []
    assert bench.listener.poll_once() == 0


def test_failure_shows_the_message_again_after_the_visibility_timeout() -> None:
    """visibilityTimeout is the delay before the next try, and nothing else."""
    bench = Bench(succeeds=False)
    bench.queue.put("hello")
    bench.listener.poll_once()
    bench.time.seconds = 29
    assert bench.listener.poll_once() == 0
    bench.time.seconds = 30
    assert bench.listener.poll_once() == 1
    assert len(bench.function.runs) == 2


def test_last_failure_moves_the_message_to_the_poison_queue() -> None:
    """After maxDequeueCount failures a copy lies in the poison queue, whose listener is told."""
    bench = Bench(replace(OPTIONS, visibility_timeout=timedelta()), succeeds=False)
    bench.queue.put("hello")
    for _ in range(3):
        assert bench.poison.texts() == []
        assert bench.listener.poll_once() == 1
    assert bench.queue.texts() == []
    assert bench.poison.texts() == [base64.b64encode(b"hello").decode()]
    assert bench.notified == ["work-poison"]
    assert len(bench.function.runs) == 3


def test_message_that_killed_the_host_each_time_is_not_run_again() -> None:
    """A dequeue count above the maximum, as after crashes, leads to the poison queue without a run."""
    bench = Bench()
    bench.queue.put("hello")
    for _ in range(3):
        bench.queue.receive(1, 0)
    bench.listener.poll_once()
    assert bench.function.runs == []
    assert len(bench.poison.texts()) == 1
    assert bench.queue.texts() == []


def test_undecodable_message_goes_to_poison_as_it_is() -> None:
    """What is not base64 is copied raw and never run."""
    bench = Bench()
    bench.queue.send("{not base64}")
    bench.listener.poll_once()
    assert bench.function.runs == []
    assert bench.poison.texts() == ["{not base64}"]
    assert bench.queue.texts() == []


@pytest.mark.parametrize("name", ["work-poison", "w" * 57])
def test_failure_without_a_poison_queue_leaves_the_message_hidden(name: str) -> None:
    """Poison queues and queues with long names have none: a failed message stays hidden for its ten minutes."""
    bench = Bench(replace(OPTIONS, max_dequeue_count=1), succeeds=False, name=name)
    bench.queue.put("hello")
    bench.listener.poll_once()
    bench.time.seconds = 599
    assert bench.listener.poll_once() == 0
    bench.time.seconds = 600
    assert bench.listener.poll_once() == 1
    assert (len(bench.queue.texts()), bench.poison.texts(), bench.queue.hidden_for) == (1, [], [])


def test_running_message_is_hidden_anew_every_five_minutes() -> None:
    """A long run keeps its message: the lease is renewed, and the end uses the newest pop receipt."""
    bench = Bench(defer=True)
    bench.queue.put("hello")
    bench.listener.poll_once()
    bench.time.seconds = 299
    assert bench.listener.renew_due() == 1
    assert bench.queue.hidden_for == []
    bench.time.seconds = 300
    assert bench.listener.renew_due() == 300
    bench.time.seconds = 899
    assert bench.queue.hidden_for == [600]
    assert bench.queue.receive(1, 600) == []
    bench.tasks[0]()
    assert bench.queue.texts() == []
    assert bench.listener.renew_due() is None


def test_serial_settings_hold_one_message_at_a_time() -> None:
    """batchSize 1 and newBatchThreshold 0 receive nothing while a message is in the works."""
    bench = Bench(defer=True)
    bench.queue.put("one")
    bench.queue.put("two")
    assert bench.listener.poll_once() == 1
    assert bench.listener.poll_once() is None
    bench.tasks.pop()()
    assert bench.listener.poll_once() == 1


def test_next_batch_comes_when_the_threshold_is_reached() -> None:
    """Up to batchSize + newBatchThreshold messages are in the works, never more."""
    bench = Bench(replace(OPTIONS, batch_size=4, new_batch_threshold=2), defer=True)
    for number in range(12):
        bench.queue.put(str(number))
    assert bench.listener.poll_once() == 4
    assert bench.listener.poll_once() is None
    for _ in range(2):
        bench.tasks.pop()()
    assert bench.listener.poll_once() == 4
    assert len(bench.tasks) == 6
    assert bench.listener.poll_once() is None


def test_storage_that_fails_at_the_end_of_a_run_frees_the_place() -> None:
    """When the delete fails the message comes again after its lease, and the listener goes on."""
    bench = Bench(defer=True)
    bench.queue.put("hello")
    bench.listener.poll_once()
    bench.time.seconds = 601
    bench.queue.receive(1, 0)
    bench.tasks.pop()()
    assert len(bench.function.runs) == 1
    assert bench.listener.poll_once() == 1


def test_text_that_is_no_utf8_is_a_failed_try() -> None:
    """Bytes that are no text are not given to a function that wants text."""
    bench = Bench(replace(OPTIONS, max_dequeue_count=1))
    bench.queue.send(base64.b64encode(b"\xff").decode())
    bench.listener.poll_once()
    assert bench.function.runs == []
    assert len(bench.poison.texts()) == 1


def test_idle_wait_grows_from_a_tenth_second_to_the_maximum() -> None:
    """Waits double about, with a fifth of chance, and start anew after a message."""
    backoff = Backoff(1.0, lambda low, high: (low + high) / 2)
    assert backoff.next(found=True) == pytest.approx(0.1)
    waits = [backoff.next(found=False) for _ in range(6)]
    assert waits == pytest.approx([0.2, 0.3, 0.5, 0.9, 1.0, 1.0])
    assert backoff.next(found=True) == pytest.approx(0.1)
    assert backoff.next(found=False) == pytest.approx(0.2)
    assert Backoff(9, lambda low, high: low).next(found=False) == pytest.approx(0.18)
    assert Backoff(9, lambda low, high: high).next(found=False) == pytest.approx(0.22)


def test_wake_ends_the_idle_wait() -> None:
    """A listener that would poll again in an hour takes a message at once when it is woken."""
    idle, ran = threading.Event(), threading.Event()

    class Watched(MemoryQueue):
        def receive(self, count: int, visibility: int) -> list[Message]:
            found = super().receive(count, visibility)
            idle.set()
            return found

    def run(data: TypedData, metadata: Mapping[str, TypedData]) -> bool:
        ran.set()
        return True

    time = Time()
    watched = Watched("work", time)
    options = replace(OPTIONS, max_polling_interval=timedelta(hours=1))
    listener = QueueListener(
        watched, None, options, run, lambda task: task(), clock=time, uniform=lambda low, high: 1e9
    )
    listener.start()
    assert idle.wait(10)
    watched.put("hello")
    listener.wake()
    assert ran.wait(10)
    listener.stop()


def test_metadata_are_the_messages_own_unless_the_body_overrides_them() -> None:
    """Top-level properties replace metadata whatever their case; nulls and arrays do not count."""
    message = Message("m1", "", 2, START, START + timedelta(days=7), START + timedelta(minutes=10), "r1")
    plain = trigger_metadata(b"hello", message)
    assert {name: value.string or value.json for name, value in plain.items()} == {
        "QueueTrigger": "hello",
        "Id": "m1",
        "PopReceipt": "r1",
        "DequeueCount": "2",
        "InsertionTime": '"2026-11-23T09:00:00+00:00"',
        "ExpirationTime": '"2026-11-30T09:00:00+00:00"',
        "NextVisibleTime": '"2026-11-23T09:10:00+00:00"',
    }
    body = {
        "ID": 7,
        "popReceipt": None,
        "x": True,
        "deep": {"a": 1},
        "many": [1],
        "insertiontime": "2026-11-22T13:00:00Z",
    }
    changed = trigger_metadata(json.dumps(body).encode(), message)
    assert changed["Id"].string == "7"
    assert changed["PopReceipt"].string == "r1"
    assert changed["x"].string == "True"
    assert changed["deep"].json == '{"a": 1}'
    assert changed["InsertionTime"].string == "11/22/2026 13:00:00"
    assert set(changed) == {*plain, "x", "deep"}


def test_decode_refuses_what_is_not_base64() -> None:
    """Line breaks are let pass, as .NET does; other signs and missing padding are not."""
    assert decode("aGVs\nbG8=", True) == b"hello"
    assert decode("aGVsbG8=", False) == b"aGVsbG8="
    for text in ("aGVsbG8", "a{}=", "é"):
        with pytest.raises(ValueError, match=r"."):
            decode(text, True)
