"""The store in memory: `shared.storage.Store` with Azure's rules, on a clock that the test moves.

tests/contract/test_storage.py holds it equal to AzureStore. Where Azurite is kinder than Azure, Azure's documented rule
is kept here: Learn "Understanding the Table service data model", "Performing entity group transactions", "Put Message",
"Get Messages", "Lease Blob".
"""

import base64
import itertools
import json
import math
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from shared.clock import Clock
from shared.storage import (
    CONTAINERS,
    PROPERTY_BYTES,
    QUEUES,
    TABLES,
    TRANSACTION_BYTES,
    TRANSACTION_ENTITIES,
    Blob,
    Conflict,
    Entity,
    Lease,
    LeaseLost,
    Message,
    Stored,
    Value,
    Write,
)

KEYS = ("PartitionKey", "RowKey")
KEY_BYTES = 1024
ENTITY_BYTES = 1024 * 1024
ENTITY_PROPERTIES = 252
PROPERTY_NAME = 255
MESSAGE_BYTES = 64 * 1024
MESSAGES = 32
WEEK = 7 * 24 * 3600
LEASE_SECONDS = range(15, 61)
# An operation of a transaction is a whole HTTP request inside the body: 430 to 510 bytes of headers, measured with
# azure-data-tables 12.7.0, and the entity's URL.
OPERATION_BYTES = 512


@dataclass
class _Queued:
    message_id: str
    text: str
    visible_at: datetime
    order: int
    dequeue_count: int = 0
    receipt: str = ""


@dataclass
class _Held:
    """The last lease of a name; `lease_id` is None once it was released."""

    lease_id: str | None
    seconds: int
    until: datetime

    def held_at(self, instant: datetime) -> bool:
        return self.lease_id is not None and instant < self.until


@dataclass
class _Table:
    partitions: dict[str, dict[str, Stored]] = field(default_factory=dict)

    def partition(self, name: str) -> dict[str, Stored]:
        return self.partitions.get(name, {})


class MemoryStore:
    """Prepared from the start. Safe to use from several threads.

    What Azure refuses raises HttpResponseError with Azure's status and error code, what the SDK refuses ValueError or
    TypeError. Beside the seam it has `create_queue`, for tests that want a queue of their own.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._counter = itertools.count(1)
        self._containers: dict[str, dict[str, bytes]] = {}
        self._tables: dict[str, _Table] = {}
        self._queues: dict[str, list[_Queued]] = {}
        self._leases: dict[str, _Held] = {}
        self.prepare()

    def prepare(self) -> None:
        with self._lock:
            for container in CONTAINERS:
                self._containers.setdefault(container, {})
            for table in TABLES:
                self.create_table(table)
            for queue in QUEUES:
                self.create_queue(queue)

    # Blobs

    def put_blob(self, container: str, name: str, data: bytes, *, overwrite: bool = True) -> None:
        with self._lock:
            blobs = self._container(container)
            if name in blobs and not overwrite:
                raise Conflict(f"blob {container}/{name} is there already")
            self._check_not_leased(container, name)
            blobs[name] = bytes(data)

    def get_blob(self, container: str, name: str) -> bytes | None:
        with self._lock:
            return self._container(container).get(name)

    def list_blobs(self, container: str, prefix: str) -> Iterator[Blob]:
        with self._lock:
            blobs = self._container(container)
            found = [
                Blob(name, len(data))
                for name, data in sorted(blobs.items(), key=lambda item: _ordinal(item[0]))
                if name.startswith(prefix)
            ]
        yield from found

    def delete_blob(self, container: str, name: str) -> None:
        with self._lock:
            self._check_not_leased(container, name)
            self._containers.get(container, {}).pop(name, None)
            if container == "leases":
                self._leases.pop(name, None)

    def _check_not_leased(self, container: str, name: str) -> None:
        held = self._leases.get(name) if container == "leases" else None
        if held and held.held_at(self._clock.now()):
            raise _refused(412, "LeaseIdMissing", f"blob {container}/{name} is leased")

    def _container(self, container: str) -> dict[str, bytes]:
        if container not in self._containers:
            raise _missing("ContainerNotFound", container)
        return self._containers[container]

    # Tables

    def create_table(self, table: str) -> None:
        with self._lock:
            self._tables.setdefault(table.lower(), _Table())

    def list_tables(self, prefix: str) -> list[str]:
        with self._lock:
            return sorted(name for name in self._tables if name.startswith(prefix.lower()))

    def delete_table(self, table: str) -> None:
        with self._lock:
            self._tables.pop(table.lower(), None)

    def get_entity(
        self, table: str, partition: str, row: str, select: Sequence[str] | None = None
    ) -> Stored | None:
        with self._lock:
            found = self._table(table).partition(partition).get(row)
            return _copy(found, select) if found else None

    def query_entities(
        self,
        table: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[Stored]:
        with self._lock:
            rows = self._table(table).partition(partition)
            found = [
                _copy(rows[row], select)
                for row in sorted(rows, key=_ordinal)
                if (first is None or _ordinal(first) <= _ordinal(row))
                and (last is None or _ordinal(row) <= _ordinal(last))
            ]
        yield from found

    def write_entity(self, table: str, write: Write) -> str:
        _check_sendable(write)
        with self._lock:
            if write.kind == "delete" and write.etag is None and table.lower() not in self._tables:
                return ""
            partitions = self._table(table).partitions
            rows = partitions.setdefault(str(write.entity["PartitionKey"]), {})
            return self._apply(table, rows, write)

    def write_entities(self, table: str, writes: Sequence[Write]) -> None:
        if not writes:
            return
        if len(writes) > TRANSACTION_ENTITIES:
            raise ValueError(f"a transaction has at most {TRANSACTION_ENTITIES} entities, not {len(writes)}")
        for write in writes:
            _check_sendable(write)
        names = {str(write.entity["PartitionKey"]) for write in writes}
        if len(names) > 1:
            raise ValueError("a transaction stays within one partition")
        if len({write.entity["RowKey"] for write in writes}) < len(writes):
            raise ValueError("an entity appears twice in a transaction")
        if sum(map(_sent_bytes, writes)) > TRANSACTION_BYTES:
            raise _refused(413, "RequestBodyTooLarge", "the transaction is larger than 4 MiB as sent")
        [partition] = names
        with self._lock:
            found = self._table(table)
            rows = dict(found.partition(partition))
            for write in writes:
                self._apply(table, rows, write)
            found.partitions[partition] = rows

    def _table(self, table: str) -> _Table:
        if table.lower() not in self._tables:
            raise _missing("TableNotFound", table)
        return self._tables[table.lower()]

    def _apply(self, table: str, rows: dict[str, Stored], write: Write) -> str:
        """One operation on the rows of its partition; answers the new ETag."""
        _check_entity(write.entity)
        row = str(write.entity["RowKey"])
        there = rows.get(row)
        if write.kind == "insert":
            holds = there is None
        else:
            holds = write.etag is None or (there is not None and there.etag == write.etag)
        if not holds:
            partition = write.entity["PartitionKey"]
            raise Conflict(f"{write.kind} of {table} {partition!r} {row!r}")
        if write.kind == "delete":
            rows.pop(row, None)
            return ""
        entity = {name: value for name, value in write.entity.items() if name != "Timestamp"}
        if write.kind == "merge" and there is not None:
            entity = {**there.entity, **entity}
            _check_entity(entity)
        etag = f"W/\"datetime'{self._clock.now():%Y-%m-%dT%H%%3A%M%%3A%S}.{next(self._counter):07}Z'\""
        rows[row] = Stored(entity, etag)
        return etag

    # Queues

    def create_queue(self, queue: str) -> None:
        with self._lock:
            self._queues.setdefault(queue, [])

    def send_message(self, queue: str, text: str, *, delay: float = 0) -> None:
        if not 0 <= delay <= WEEK:
            raise _refused(400, "OutOfRangeQueryParameterValue", f"a delay of {delay} seconds")
        if len(base64.b64encode(text.encode())) > MESSAGE_BYTES:
            raise _refused(413, "RequestBodyTooLarge", "a message holds at most 48 KiB of text")
        with self._lock:
            visible_at = self._clock.now() + timedelta(seconds=math.ceil(delay))
            self._queue(queue).append(_Queued(str(uuid.uuid4()), text, visible_at, next(self._counter)))

    def receive_messages(self, queue: str, *, most: int, visibility: float) -> list[Message]:
        if not 1 <= most <= MESSAGES:
            raise _refused(400, "OutOfRangeQueryParameterValue", f"{most} messages at once")
        if not 0 < visibility <= WEEK:
            raise _refused(400, "OutOfRangeQueryParameterValue", f"a visibility of {visibility} seconds")
        with self._lock:
            now = self._clock.now()
            visible = [queued for queued in self._queue(queue) if queued.visible_at <= now]
            visible.sort(key=lambda queued: (queued.visible_at, queued.order))
            received = []
            for queued in visible[:most]:
                queued.visible_at = now + timedelta(seconds=math.ceil(visibility))
                queued.dequeue_count += 1
                queued.receipt = uuid.uuid4().hex
                received.append(Message(queued.message_id, queued.receipt, queued.text, queued.dequeue_count))
            return received

    def delete_message(self, queue: str, message: Message) -> None:
        with self._lock:
            self._queue(queue)
            self._queues[queue] = [
                queued
                for queued in self._queues[queue]
                if (queued.message_id, queued.receipt) != (message.message_id, message.receipt)
            ]

    def queue_length(self, queue: str) -> int:
        with self._lock:
            return len(self._queue(queue))

    def _queue(self, queue: str) -> list[_Queued]:
        if queue not in self._queues:
            raise _missing("QueueNotFound", queue)
        return self._queues[queue]

    # Leases

    def acquire_lease(self, name: str, seconds: int) -> Lease | None:
        if seconds not in LEASE_SECONDS:
            raise _refused(400, "InvalidHeaderValue", f"a lease of {seconds} seconds")
        with self._lock:
            now = self._clock.now()
            held = self._leases.get(name)
            if held and held.held_at(now):
                return None
            self._container("leases").setdefault(name, b"")
            lease = Lease(name, str(uuid.uuid4()), now + timedelta(seconds=seconds), seconds)
            self._leases[name] = _Held(lease.lease_id, seconds, lease.until)
            return lease

    def renew_lease(self, lease: Lease) -> Lease:
        with self._lock:
            held = self._leases.get(lease.name)
            # An expired lease that nobody took since is renewed: Lease Blob, "Outcomes of lease operations".
            if held is None or held.lease_id != lease.lease_id:
                raise LeaseLost(lease.name)
            now = self._clock.now()
            # Azure renews for the duration with which the lease was acquired, whatever one would like.
            held.until = now + timedelta(seconds=held.seconds)
            return replace(lease, until=held.until)

    def release_lease(self, lease: Lease) -> None:
        with self._lock:
            held = self._leases.get(lease.name)
            if held and held.lease_id == lease.lease_id:
                held.lease_id = None


def _ordinal(text: str) -> bytes:
    """Storage orders names and keys by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _copy(stored: Stored, select: Sequence[str] | None) -> Stored:
    """Values are immutable, so that a new dict is a deep copy."""
    wanted = stored.entity if select is None else {*KEYS, *select}
    return Stored({name: value for name, value in stored.entity.items() if name in wanted}, stored.etag)


def _refused(status: int, code: str, why: str) -> HttpResponseError:
    error = HttpResponseError(f"{code}: {why}")
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined]
    return error


def _missing(code: str, name: str) -> ResourceNotFoundError:
    error = ResourceNotFoundError(f"{code}: {name}")
    error.status_code = 404
    error.error_code = code  # type: ignore[attr-defined]
    return error


def _check_sendable(write: Write) -> None:
    """What the SDK refuses before anything is sent."""
    if write.etag == "":
        raise ValueError("an empty ETag guards nothing")
    for name, value in write.entity.items():
        # Exactly these: the SDK stores an IntEnum as the text of its name.
        if type(value) not in (str, int, float, bool, bytes):
            raise TypeError(f"{name} is {type(value).__name__}, which no property can be")
        if type(value) is int and not -(2**63) <= value < 2**63:
            raise TypeError(f"{name} does not fit into 64 bits")
    for key in KEYS:
        if type(write.entity[key]) is not str:
            raise TypeError(f"{key} is not a str")


def _check_entity(entity: Entity) -> None:
    """Learn, "Understanding the Table service data model"."""
    size = 4
    for name, value in entity.items():
        held = _property_bytes(value)
        if name in KEYS:
            if held > KEY_BYTES or any(_forbidden(character) for character in str(value)):
                raise _refused(400, "OutOfRangeInput", f"{name} is {str(value)[:80]!r}")
            size += held
            continue
        if len(name) > PROPERTY_NAME or not name.isidentifier():
            raise _refused(400, "PropertyNameInvalid", f"a property called {name[:80]!r}")
        if held > PROPERTY_BYTES:
            raise _refused(400, "PropertyValueTooLarge", f"{name} has {held} bytes")
        size += 8 + 2 * len(name) + held + (4 if isinstance(value, str | bytes) else 0)
    if len(entity) - len(KEYS) > ENTITY_PROPERTIES:
        raise _refused(400, "TooManyProperties", f"{len(entity)} properties")
    if size > ENTITY_BYTES:
        raise _refused(400, "EntityTooLarge", f"{size} bytes")


def _forbidden(character: str) -> bool:
    return character in "/\\#?" or ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0


def _property_bytes(value: Value) -> int:
    match value:
        case bytes():
            return len(value)
        case str():
            return len(_ordinal(value))
        case bool():
            return 1
        case int() if -(2**31) <= value < 2**31:
            return 4
        case _:
            return 8


def _sent_bytes(write: Write) -> int:
    """What an operation takes in the body of a transaction: JSON in ASCII, bytes in base64."""
    url = 3 * sum(len(str(write.entity[key]).encode()) for key in KEYS)
    return OPERATION_BYTES + url + (0 if write.kind == "delete" else len(json.dumps(_sent(write.entity))))


def _sent(entity: Mapping[str, Value]) -> dict[str, object]:
    sent: dict[str, object] = {}
    for name, value in entity.items():
        match value:
            case bytes():
                kind, text = "Edm.Binary", base64.b64encode(value).decode()
            case str():
                kind, text = "Edm.String", value
            case bool():
                kind, text = "", "false"
            case _:
                kind, text = "Edm.Double", str(value)
        sent[name] = text
        if kind:
            sent[f"{name}@odata.type"] = kind
    return sent
