"""The queue trigger, by the semantics of Microsoft's queue extension (Microsoft.Azure.WebJobs.Extensions.Storage.Queues)."""

import base64
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from local.host.json_net import scalar
from local.host.protos import TypedData
from local.host.settings import QueueOptions
from local.host.storage import Message, Queue

log = logging.getLogger("local.host")

# Whatever host.json says: how long a received message is hidden, and when that is prolonged while the function runs.
VISIBILITY_SECONDS = 600
RENEWAL_SECONDS = 300

type Run = Callable[[TypedData, Mapping[str, TypedData]], bool]


def poison_name(queue: str) -> str | None:
    """The queue for messages given up; None for poison queues themselves and where the name would be too long."""
    name = f"{queue}-poison"
    return None if queue.endswith("-poison") or len(name) > 63 else name


def decode(text: str, base64_encoded: bool) -> bytes:
    """A message's body. Raises ValueError for what is not base64 although it should be."""
    return base64.b64decode("".join(text.split()), validate=True) if base64_encoded else text.encode()


def trigger_metadata(body: bytes, message: Message) -> dict[str, TypedData]:
    """What the worker is told beside the body.

    Top-level properties of a JSON object are added, except nulls and arrays, and replace the message's own whatever
    their case: a body {"id": 7} makes the function's `msg.id` "7".
    """
    text = body.decode("utf-8", "replace")
    metadata = {
        "QueueTrigger": TypedData(string=text),
        "Id": TypedData(string=message.id),
        "PopReceipt": TypedData(string=message.pop_receipt),
        "DequeueCount": TypedData(json=str(message.dequeue_count)),
        "InsertionTime": TypedData(json=json.dumps(message.inserted.isoformat())),
        "ExpirationTime": TypedData(json=json.dumps(message.expires.isoformat())),
        "NextVisibleTime": TypedData(json=json.dumps(message.next_visible.isoformat())),
    }
    try:
        properties = json.loads(text)
    except ValueError:
        return metadata
    if not isinstance(properties, dict):
        return metadata
    names = {name.lower(): name for name in metadata}
    for name, value in properties.items():
        if value is None or isinstance(value, list):
            continue
        name = names.setdefault(name.lower(), name)
        metadata[name] = (
            TypedData(json=json.dumps(value)) if isinstance(value, dict) else TypedData(string=scalar(value))
        )
    return metadata


class Backoff:
    """How long an idle listener waits: 100 ms after messages, then about twice as long each time, up to `longest` seconds.

    uniform: as random.uniform; every step is up to a fifth longer or shorter.
    """

    FIRST_SECONDS = 0.1

    def __init__(self, longest: float, uniform: Callable[[float, float], float]) -> None:
        self._longest = longest
        self._uniform = uniform
        self._steps = 0

    def next(self, found: bool) -> float:
        """Seconds to wait after a poll that found nothing; `found`: there were messages since the last wait."""
        if found:
            self._steps = 0
            return self.FIRST_SECONDS
        wait = self.FIRST_SECONDS * (1 + self._uniform(0.8, 1.2) * 2.0**self._steps)
        if wait >= self._longest:
            return self._longest
        self._steps += 1
        return wait


@dataclass(eq=False)
class _Held:
    """A message in the works. The lock orders the renewal of its pop receipt against its end."""

    message: Message
    pop_receipt: str
    renew_at: float
    ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class QueueListener:
    """Feeds the messages of one queue to one function.

    poison: the queue for messages given up; None when there is none (see `poison_name`).
    run: runs the function and writes its outputs; whether all went well. Called outside of the listener's thread.
    spawn: starts a task beside the listener, at most batchSize + newBatchThreshold at a time.
    clock: seconds that only grow. uniform: as random.uniform.
    notify: hears the name of the poison queue when it gets a message.

    `start` polls in a thread of its own; `poll_once` and `renew_due` are its two steps, for a caller with its own time.
    """

    def __init__(
        self,
        queue: Queue,
        poison: Queue | None,
        options: QueueOptions,
        run: Run,
        spawn: Callable[[Callable[[], None]], object],
        *,
        binary: bool = False,
        clock: Callable[[], float] = time.monotonic,
        uniform: Callable[[float, float], float] = random.uniform,
        notify: Callable[[str], None] = lambda queue: None,
    ) -> None:
        self._queue = queue
        self._poison = poison
        self._options = options
        self._run = run
        self._spawn = spawn
        self._binary = binary
        self._clock = clock
        self._notify = notify
        self._backoff = Backoff(options.max_polling_interval.total_seconds(), uniform)
        self._lock = threading.Lock()
        self._running: set[_Held] = set()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"queue {queue.name}", daemon=True)

    @property
    def queue_name(self) -> str:
        return self._queue.name

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Receive no more. Messages in the works go on."""
        self._stopping.set()
        self._wake.set()

    def wake(self) -> None:
        """Poll at once: an output of this host has written to the queue."""
        self._wake.set()

    def poll_once(self) -> int | None:
        """Receive and start what host.json allows: how many messages; None while too many are in the works."""
        with self._lock:
            if len(self._running) > self._options.new_batch_threshold:
                return None
        received = self._queue.receive(self._options.batch_size, VISIBILITY_SECONDS)
        for message in received:
            held = _Held(message, message.pop_receipt, self._clock() + RENEWAL_SECONDS)
            with self._lock:
                self._running.add(held)
            self._spawn(partial(self._process, held))
        return len(received)

    def renew_due(self) -> float | None:
        """Keep running messages hidden when their time has come: seconds until the next renewal, None without any."""
        with self._lock:
            running = list(self._running)
        for held in running:
            with held.lock:
                if held.ended or held.renew_at > self._clock():
                    continue
                held.renew_at = self._clock() + RENEWAL_SECONDS
                try:
                    held.pop_receipt = self._queue.hide(held.message.id, held.pop_receipt, VISIBILITY_SECONDS)
                except Exception as error:
                    log.warning(
                        "%s: message %s cannot be kept hidden: %s", self._queue.name, held.message.id, error
                    )
        return min(
            (max(held.renew_at - self._clock(), 0.0) for held in running if not held.ended), default=None
        )

    def _listen(self) -> None:
        found = False
        while not self._stopping.is_set():
            self._wake.clear()
            renewal = self.renew_due()
            try:
                received = self.poll_once()
            except Exception as error:
                log.warning("%s: messages cannot be received: %s", self._queue.name, error)
                received = 0
            if received:
                found = True
                continue
            waits = [] if renewal is None else [renewal]
            if received == 0:
                waits.append(self._backoff.next(found))
                found = False
            self._wake.wait(min(waits, default=None))

    def _process(self, held: _Held) -> None:
        try:
            self._handle(held)
        except Exception as error:
            log.error(
                "%s: the end of message %s cannot be stored, so it comes again: %s",
                self._queue.name, held.message.id, error,
            )  # fmt: skip
        finally:
            with self._lock:
                self._running.remove(held)
                # Only the one that makes room wakes the listener: others must not shorten its idle wait.
                if len(self._running) == self._options.new_batch_threshold:
                    self._wake.set()

    def _handle(self, held: _Held) -> None:
        message = held.message
        try:
            body = decode(message.text, self._options.base64)
        except ValueError:
            log.warning(
                "%s: Message decoding has failed! message %s is not base64", self._queue.name, message.id
            )
            return self._give_up(held)
        if message.dequeue_count > self._options.max_dequeue_count:
            # The host died during each of its runs: another run would kill it again.
            return self._give_up(held)
        if self._invoke(body, message):
            return self._delete(held)
        if self._poison is None:
            # It stays hidden for the rest of the ten minutes, as in Azure, against an endless fast loop.
            return None
        if message.dequeue_count >= self._options.max_dequeue_count:
            return self._give_up(held)
        with held.lock:
            held.ended = True
            delay = int(self._options.visibility_timeout.total_seconds())
            self._queue.hide(message.id, held.pop_receipt, delay)
        return None

    def _invoke(self, body: bytes, message: Message) -> bool:
        metadata = trigger_metadata(body, message)
        if self._binary:
            return self._run(TypedData(bytes=body), metadata)
        try:
            text = body.decode()
        except UnicodeDecodeError:
            # Nobody knows what Azure makes of it; the strict answer is a failed try.
            log.warning("%s: message %s is not UTF-8", self._queue.name, message.id)
            return False
        return self._run(TypedData(string=text), metadata)

    def _give_up(self, held: _Held) -> None:
        if self._poison is None:
            return
        self._poison.send(held.message.text)
        log.warning(
            "%s: message %s moved to %s after %d tries",
            self._queue.name, held.message.id, self._poison.name, held.message.dequeue_count,
        )  # fmt: skip
        self._notify(self._poison.name)
        self._delete(held)

    def _delete(self, held: _Held) -> None:
        with held.lock:
            held.ended = True
            self._queue.delete(held.message.id, held.pop_receipt)
