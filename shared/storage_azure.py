"""The store of production: the Azure SDK's clients behind the seam of `shared.storage`."""

import base64
import binascii
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Any, cast

from azure.core import MatchConditions
from azure.core.credentials import TokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import (
    EdmType,
    EntityProperty,
    TableClient,
    TableErrorCode,
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)
from azure.storage.blob import BlobLeaseClient, BlobServiceClient, StorageErrorCode
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient, TextBase64EncodePolicy

from shared.clock import Clock
from shared.settings import StorageSettings
from shared.storage import (
    CONTAINERS,
    QUEUES,
    TABLES,
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

NEVER = -1
LEASE_LOST = (404, 409, 412)


# Four tries within some ten seconds; the SDKs' own patience is minutes, and a webhook must be answered within five seconds.
PATIENCE: dict[str, Any] = {"retry_total": 3, "connection_timeout": 5, "read_timeout": 20}
BACKOFF: dict[str, Any] = {"initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}


class AzureStore:
    """Azure Storage, or Azurite. Clients are made when first used: webhook_http needs no blobs.

    verify: the file of a certificate authority, for stand-ins on loopback only.
    """

    def __init__(
        self,
        settings: StorageSettings,
        credential: TokenCredential | None,
        clock: Clock,
        *,
        verify: str | bool = True,
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._clock = clock
        self._verify = verify
        self._table_clients: dict[str, TableClient] = {}
        self._queue_clients: dict[str, QueueClient] = {}
        self._created_tables: set[str] = set()

    @cached_property
    def _blobs(self) -> BlobServiceClient:
        if self._settings.connection_string:
            return BlobServiceClient.from_connection_string(
                self._settings.connection_string, **PATIENCE, **BACKOFF
            )
        return BlobServiceClient(
            self._settings.blob_uri,
            credential=self._credential,
            connection_verify=self._verify,
            **PATIENCE,
            **BACKOFF,
        )

    @cached_property
    def _tables(self) -> TableServiceClient:
        if self._settings.connection_string:
            return TableServiceClient.from_connection_string(self._settings.connection_string, **PATIENCE)
        return TableServiceClient(
            self._settings.table_uri,
            credential=cast(TokenCredential, self._credential),
            connection_verify=self._verify,
            **PATIENCE,
        )

    @cached_property
    def _queues(self) -> QueueServiceClient:
        if self._settings.connection_string:
            return QueueServiceClient.from_connection_string(
                self._settings.connection_string, **PATIENCE, **BACKOFF
            )
        return QueueServiceClient(
            self._settings.queue_uri,
            credential=self._credential,
            connection_verify=self._verify,
            **PATIENCE,
            **BACKOFF,
        )

    def _table(self, table: str) -> TableClient:
        if table not in self._table_clients:
            self._table_clients[table] = self._tables.get_table_client(table)
        return self._table_clients[table]

    def _queue(self, queue: str) -> QueueClient:
        if queue not in self._queue_clients:
            self._queue_clients[queue] = self._queues.get_queue_client(
                queue, message_encode_policy=TextBase64EncodePolicy()
            )
        return self._queue_clients[queue]

    def prepare(self) -> None:
        """Create what `infra/` provisions in Azure: containers, tables and queues. May run at any time."""
        for container in CONTAINERS:
            with suppress(ResourceExistsError):
                self._blobs.create_container(container)
        for table in TABLES:
            self.create_table(table)
        for queue in QUEUES:
            with suppress(ResourceExistsError):
                self._queue(queue).create_queue()

    def put_blob(self, container: str, name: str, data: bytes, *, overwrite: bool = True) -> None:
        try:
            self._blobs.get_blob_client(container, name).upload_blob(data, overwrite=overwrite)
        except ResourceExistsError as error:
            raise Conflict(f"blob {container}/{name} is there already") from error

    def get_blob(self, container: str, name: str) -> bytes | None:
        try:
            return self._blobs.get_blob_client(container, name).download_blob().readall()
        except ResourceNotFoundError as error:
            if _code(error) == StorageErrorCode.CONTAINER_NOT_FOUND:
                raise
            return None

    def list_blobs(self, container: str, prefix: str) -> Iterator[Blob]:
        for item in self._blobs.get_container_client(container).list_blobs(name_starts_with=prefix):
            yield Blob(name=item.name, size=item.size)

    def delete_blob(self, container: str, name: str) -> None:
        with suppress(ResourceNotFoundError):
            self._blobs.get_blob_client(container, name).delete_blob()

    def create_table(self, table: str) -> None:
        if table not in self._created_tables:
            with suppress(ResourceExistsError):
                self._tables.create_table(table)
            self._created_tables.add(table)

    def list_tables(self, prefix: str) -> list[str]:
        # "~" comes after all that a table's name may hold.
        found = self._tables.query_tables(
            "TableName ge @first and TableName lt @last", parameters={"first": prefix, "last": f"{prefix}~"}
        )
        return sorted(table.name for table in found)

    def delete_table(self, table: str) -> None:
        with suppress(ResourceNotFoundError):
            self._tables.delete_table(table)
        self._created_tables.discard(table)

    def get_entity(
        self, table: str, partition: str, row: str, select: Sequence[str] | None = None
    ) -> Stored | None:
        try:
            found = self._table(table).get_entity(partition, row, select=_with_keys(select))
        except ResourceNotFoundError as error:
            if _code(error) == TableErrorCode.TABLE_NOT_FOUND:
                raise
            return None
        return _stored(found)

    def query_entities(
        self,
        table: str,
        partition: str,
        *,
        first: str | None = None,
        last: str | None = None,
        select: Sequence[str] | None = None,
    ) -> Iterator[Stored]:
        clauses, parameters = ["PartitionKey eq @partition"], {"partition": partition}
        if first is not None:
            clauses.append("RowKey ge @first")
            parameters["first"] = first
        if last is not None:
            clauses.append("RowKey le @last")
            parameters["last"] = last
        found = self._table(table).query_entities(
            " and ".join(clauses), parameters=parameters, select=_with_keys(select)
        )
        return map(_stored, found)

    def write_entity(self, table: str, write: Write) -> str:
        client, entity = self._table(table), _to_sdk(write.entity)
        mode = UpdateMode.MERGE if write.kind == "merge" else UpdateMode.REPLACE
        try:
            if write.kind == "delete" and write.etag is None:
                client.delete_entity(entity["PartitionKey"], entity["RowKey"])
                return ""
            if write.kind == "delete":
                # TableClient.delete_entity passes over a 404, also where an ETag asks for the entity as it was.
                client.submit_transaction([_operation(write)])
                return ""
            if write.kind == "insert":
                return str(client.create_entity(entity)["etag"])
            if write.etag is None:
                return str(client.upsert_entity(entity, mode=mode)["etag"])
            return str(client.update_entity(entity, mode=mode, **_guard(write))["etag"])
        except HttpResponseError as error:
            if _is_conflict(error, write):
                raise _conflict(table, write) from error
            raise

    def write_entities(self, table: str, writes: Sequence[Write]) -> None:
        if len(writes) > TRANSACTION_ENTITIES:
            raise ValueError(f"a transaction has at most {TRANSACTION_ENTITIES} entities, not {len(writes)}")
        if len({(write.entity["PartitionKey"], write.entity["RowKey"]) for write in writes}) < len(writes):
            raise ValueError("an entity appears twice in a transaction")
        left = list(writes)
        while left:
            try:
                self._table(table).submit_transaction([_operation(write) for write in left])
                return
            except TableTransactionError as error:
                failed = left[error.index]
                if _is_conflict(error, failed):
                    raise _conflict(table, failed) from error
                # Azure refuses a transaction that deletes what is not there. Here that is done already.
                if failed.kind != "delete" or not _is_gone(error):
                    raise
                del left[error.index]

    def send_message(self, queue: str, text: str, *, delay: float = 0) -> None:
        self._queue(queue).send_message(text, visibility_timeout=math.ceil(delay), time_to_live=NEVER)

    def receive_messages(self, queue: str, *, most: int, visibility: float) -> list[Message]:
        pages = self._queue(queue).receive_messages(
            messages_per_page=most, visibility_timeout=math.ceil(visibility)
        )
        # One page is one request; the iterator would ask again until nothing is left to receive.
        found: Iterable[QueueMessage] = next(pages.by_page(), ())
        return [
            Message(
                message_id=item.id,
                receipt=item.pop_receipt or "",
                text=_decode(item.content),
                dequeue_count=item.dequeue_count or 0,
            )
            for item in found
        ]

    def delete_message(self, queue: str, message: Message) -> None:
        try:
            self._queue(queue).delete_message(message.message_id, message.receipt)
        except HttpResponseError as error:
            if _code(error) not in (
                StorageErrorCode.MESSAGE_NOT_FOUND,
                StorageErrorCode.POP_RECEIPT_MISMATCH,
            ):
                raise

    def queue_length(self, queue: str) -> int:
        return self._queue(queue).get_queue_properties().approximate_message_count or 0

    def acquire_lease(self, name: str, seconds: int) -> Lease | None:
        blob = self._blobs.get_blob_client("leases", name)
        asked = self._clock.now()
        for attempt in (1, 2):
            lease = BlobLeaseClient(blob)
            try:
                lease.acquire(lease_duration=seconds)
                return Lease(name, lease.id, asked + timedelta(seconds=seconds), seconds)
            except ResourceNotFoundError:
                if attempt == 2:
                    raise
                with suppress(ResourceExistsError):
                    blob.upload_blob(b"", overwrite=False)
            except HttpResponseError as error:
                if error.status_code == 409:
                    return None
                raise
        return None

    def renew_lease(self, lease: Lease) -> Lease:
        asked = self._clock.now()
        try:
            self._lease_client(lease).renew()
        except HttpResponseError as error:
            if error.status_code in LEASE_LOST:
                raise LeaseLost(lease.name) from error
            raise
        return replace(lease, until=asked + timedelta(seconds=lease.seconds))

    def release_lease(self, lease: Lease) -> None:
        try:
            self._lease_client(lease).release()
        except HttpResponseError as error:
            if error.status_code not in LEASE_LOST:
                raise

    def _lease_client(self, lease: Lease) -> BlobLeaseClient:
        return BlobLeaseClient(self._blobs.get_blob_client("leases", lease.name), lease_id=lease.lease_id)


def _decode(content: str) -> str:
    """A message's text; one that is not base64 of UTF-8 (put there by hand) as it lies in the queue."""
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return content


def _to_sdk(entity: Entity) -> dict[str, Any]:
    return {
        name: EntityProperty(value, EdmType.INT64)
        if isinstance(value, int) and not isinstance(value, bool) and not -(2**31) <= value < 2**31
        else value
        for name, value in entity.items()
    }


def _with_keys(select: Sequence[str] | None) -> list[str] | None:
    return None if select is None else list(dict.fromkeys(("PartitionKey", "RowKey", *select)))


def _stored(found: Any) -> Stored:
    entity: dict[str, Value] = {
        name: value.value if isinstance(value, EntityProperty) else value
        for name, value in found.items()
        # A selected property that the entity lacks may be answered as null.
        if value is not None
    }
    return Stored(entity, found.metadata["etag"])


def _guard(write: Write) -> dict[str, Any]:
    return (
        {} if write.etag is None else {"etag": write.etag, "match_condition": MatchConditions.IfNotModified}
    )


def _operation(write: Write) -> Any:
    """A write as `TableClient.submit_transaction` takes it."""
    entity = _to_sdk(write.entity)
    if write.kind == "insert":
        return ("create", entity)
    if write.kind == "delete":
        return ("delete", entity, _guard(write))
    mode = UpdateMode.MERGE if write.kind == "merge" else UpdateMode.REPLACE
    return ("upsert" if write.etag is None else "update", entity, {"mode": mode, **_guard(write)})


def _code(error: HttpResponseError) -> str:
    """Storage's error code; some of the SDK's errors carry none."""
    code: str = getattr(error, "error_code", None) or ""
    return code


def _is_gone(error: HttpResponseError) -> bool:
    return error.status_code == 404 and _code(error) != TableErrorCode.TABLE_NOT_FOUND


def _is_conflict(error: HttpResponseError, write: Write) -> bool:
    """Whether what is stored stood against the write, not what was sent."""
    if write.etag is not None and _is_gone(error):
        return True
    return error.status_code in (409, 412) and _code(error) != TableErrorCode.TABLE_BEING_DELETED


def _conflict(table: str, write: Write) -> Conflict:
    return Conflict(f"{write.kind} of {table} {write.entity['PartitionKey']!r} {write.entity['RowKey']!r}")
