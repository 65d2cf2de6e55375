"""The seam between the connector and Azure Storage: blobs, tables, queues and leases, as thin as they can be.

`shared.storage_azure.AzureStore` is the one of production; tests put an in-memory one with a controlled clock in its
place. One contract suite (tests/contract/test_storage.py) holds the two equal.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Value = str | int | float | bool | bytes
Entity = dict[str, Value]
"""PartitionKey, RowKey and up to 252 properties. An int beyond 32 bits is stored as Edm.Int64 and read back as int."""

CONTAINERS = ("outbox", "reads", "mirror", "quarantine", "leases")
TABLES = ("mirror", "sink", "checkpoints", "connections", "budgets", "quarantine")
QUEUES = ("push", "push-poison")
TRANSACTION_ENTITIES = 100
TRANSACTION_BYTES = 4 * 1024 * 1024
# Learn "Understanding the table service data model": 64 KiB a binary property, 1 MiB an entity.
PROPERTY_BYTES = 64 * 1024


class Conflict(Exception):
    """The entity changed since it was read, is there already, or is gone; or the blob is there already.

    It may have changed by our own write, when its answer was lost and the SDK tried again.
    """


class LeaseLost(Exception):
    """The lease ended before it was renewed or released: somebody else may hold it."""


@dataclass(frozen=True)
class Stored:
    """An entity as read, with the ETag that guards a later write."""

    entity: Entity
    etag: str


@dataclass(frozen=True)
class Write:
    """One operation of a transaction.

    insert: must not be there. replace and merge with an etag: must be unchanged; without: insert or overwrite
    (merge keeps the properties that it does not name). delete: may be gone already, when no etag is given.
    """

    kind: Literal["insert", "replace", "merge", "delete"]
    entity: Entity
    etag: str | None = None


@dataclass(frozen=True)
class Blob:
    name: str
    size: int


@dataclass(frozen=True)
class Message:
    """A received queue message; `receipt` is what deletes it while it is invisible."""

    message_id: str
    receipt: str
    text: str
    dequeue_count: int


@dataclass(frozen=True)
class Lease:
    """A held lease. `until` is counted from before the request that took or renewed it, so it never flatters.

    seconds: how long it lasts; a renewal gives as long again, and never another length.
    """

    name: str
    lease_id: str
    until: datetime
    seconds: int


class Store(Protocol):
    """What the connector asks of storage. Names of blobs, tables and queues are those of CONTAINERS, TABLES, QUEUES.

    Every call may raise azure.core.exceptions.AzureError (or what stands for it) when storage fails; a write may then
    have taken effect or not.
    """

    def prepare(self) -> None:
        """Create CONTAINERS, TABLES and QUEUES, which `infra/` provisions in Azure. May run at any time."""

    def put_blob(self, container: str, name: str, data: bytes, *, overwrite: bool = True) -> None:
        """Write a blob; Conflict when it is there and `overwrite` is false."""

    def get_blob(self, container: str, name: str) -> bytes | None: ...

    def list_blobs(self, container: str, prefix: str) -> Iterator[Blob]:
        """Blobs whose name starts with `prefix`, in the order of their names."""

    def delete_blob(self, container: str, name: str) -> None:
        """Gone afterwards, whether it was there or not."""

    def create_table(self, table: str) -> None:
        """There afterwards; for the monthly audit tables."""

    def list_tables(self, prefix: str) -> list[str]:
        """The names of the tables that begin so, in their order."""

    def delete_table(self, table: str) -> None:
        """Gone afterwards with all its entities, whether it was there or not. Azure makes it anew only a while later."""

    def get_entity(
        self, table: str, partition: str, row: str, select: Sequence[str] | None = None
    ) -> Stored | None: ...

    def query_entities(
        self,
        table: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[Stored]:
        """Entities of one partition with first <= RowKey <= last, in the order of RowKey; `select` always brings the keys."""

    def write_entity(self, table: str, write: Write) -> str:
        """One operation on its own; answers the new ETag ("" for delete). Conflict as in `Write`."""

    def write_entities(self, table: str, writes: Sequence[Write]) -> None:
        """All of them or none, within one partition, at most TRANSACTION_ENTITIES. Conflict when one does not hold."""

    def send_message(self, queue: str, text: str, *, delay: float = 0) -> None:
        """Messages never expire. `delay`: seconds until it can be received, at most seven days."""

    def receive_messages(self, queue: str, *, most: int, visibility: float) -> list[Message]:
        """At most 32 messages, invisible to others for `visibility` seconds (one second to seven days)."""

    def delete_message(self, queue: str, message: Message) -> None:
        """Gone afterwards; nothing happens when it is gone or was received by another since."""

    def queue_length(self, queue: str) -> int:
        """About how many messages there are, visible or not."""

    def acquire_lease(self, name: str, seconds: int) -> Lease | None:
        """A lease of 15 to 60 seconds, or None while somebody else holds it."""

    def renew_lease(self, lease: Lease) -> Lease:
        """The same lease from now on; LeaseLost when it is no longer ours."""

    def release_lease(self, lease: Lease) -> None:
        """Free afterwards, unless somebody else holds it by now."""


def transactions(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """The writes of one partition in as few transactions as Azure's limits of entities and bytes allow."""
    some: list[Write] = []
    size = 0
    for write in writes:
        weighs = sent_bytes(write.entity)
        if some and (len(some) == TRANSACTION_ENTITIES or size + weighs > TRANSACTION_BYTES):
            yield some
            some, size = [], 0
        some.append(write)
        size += weighs
    if some:
        yield some


def sent_bytes(entity: Mapping[str, Value]) -> int:
    """What an entity takes in a transaction as sent, rounded up: JSON in ASCII, bytes as base64, headers, keys in the address."""
    size = 512 + 3 * sum(len(str(entity[key]).encode()) for key in ("PartitionKey", "RowKey"))
    for name, value in entity.items():
        size += 2 * len(name) + 40
        size += 4 * (len(value) + 2) // 3 if isinstance(value, bytes) else len(json.dumps(value))
    return size
