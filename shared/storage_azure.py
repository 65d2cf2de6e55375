"""The store of production: the Azure SDK's clients behind the seam of `shared.storage`."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from contextlib import suppress
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
    TableServiceClient,
    TableTransactionError,
    UpdateMode,
)
from azure.storage.blob import BlobLeaseClient, BlobServiceClient
from azure.storage.queue import QueueClient, QueueServiceClient, TextBase64EncodePolicy

from shared.clock import Clock
from shared.settings import StorageSettings
from shared.storage import (
    CONTAINERS,
    QUEUES,
    TABLES,
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

CONFLICTS = (404, 409, 412)
NEVER = -1


class AzureStore:
    """Azure Storage, or Azurite. Clients are made when first used: webhook_http needs no blobs."""

    def __init__(self, settings: StorageSettings, credential: TokenCredential | None, clock: Clock) -> None:
        self._settings = settings
        self._credential = credential
        self._clock = clock
        self._table_clients: dict[str, TableClient] = {}
        self._queue_clients: dict[str, QueueClient] = {}

    @cached_property
    def _blobs(self) -> BlobServiceClient:
        if self._settings.connection_string:
            return BlobServiceClient.from_connection_string(self._settings.connection_string)
        return BlobServiceClient(self._settings.blob_uri, credential=self._credential)

    @cached_property
    def _tables(self) -> TableServiceClient:
        if self._settings.connection_string:
            return TableServiceClient.from_connection_string(self._settings.connection_string)
        return TableServiceClient(
            self._settings.table_uri, credential=cast(TokenCredential, self._credential)
        )

    @cached_property
    def _queues(self) -> QueueServiceClient:
        if self._settings.connection_string:
            return QueueServiceClient.from_connection_string(self._settings.connection_string)
        return QueueServiceClient(self._settings.queue_uri, credential=self._credential)

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
        except ResourceNotFoundError:
            return None

    def list_blobs(self, container: str, prefix: str) -> Iterator[Blob]:
        for item in self._blobs.get_container_client(container).list_blobs(name_starts_with=prefix):
            yield Blob(name=item.name, size=item.size)

    def delete_blob(self, container: str, name: str) -> None:
        with suppress(ResourceNotFoundError):
            self._blobs.get_blob_client(container, name).delete_blob()

    def create_table(self, table: str) -> None:
        with suppress(ResourceExistsError):
            self._tables.create_table(table)

    def get_entity(
        self, table: str, partition: str, row: str, select: Sequence[str] | None = None
    ) -> Stored | None:
        try:
            found = self._table(table).get_entity(partition, row, select=list(select) if select else None)
        except ResourceNotFoundError:
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
            " and ".join(clauses), parameters=parameters, select=list(select) if select else None
        )
        return map(_stored, found)

    def write_entity(self, table: str, write: Write) -> str:
        client, entity = self._table(table), _to_sdk(write.entity)
        guard: dict[str, Any] = _guard(write)
        try:
            if write.kind == "insert":
                return str(client.create_entity(entity)["etag"])
            if write.kind == "delete":
                client.delete_entity(entity["PartitionKey"], entity["RowKey"], **guard)
                return ""
            mode = UpdateMode.REPLACE if write.kind == "replace" else UpdateMode.MERGE
            if write.etag is None:
                return str(client.upsert_entity(entity, mode=mode)["etag"])
            return str(client.update_entity(entity, mode=mode, **guard)["etag"])
        except HttpResponseError as error:
            raise _conflict_or(error, table, write) from error

    def write_entities(self, table: str, writes: Sequence[Write]) -> None:
        if not writes:
            return
        operations: list[Any] = []
        for write in writes:
            entity, guard = _to_sdk(write.entity), _guard(write)
            if write.kind == "insert":
                operations.append(("create", entity))
            elif write.kind == "delete":
                operations.append(("delete", entity, guard))
            else:
                mode = UpdateMode.REPLACE if write.kind == "replace" else UpdateMode.MERGE
                verb = "upsert" if write.etag is None else "update"
                operations.append((verb, entity, {"mode": mode, **guard}))
        try:
            self._table(table).submit_transaction(operations)
        except TableTransactionError as error:
            raise _conflict_or(error, table, writes[error.index]) from error

    def send_message(self, queue: str, text: str, *, delay: float = 0) -> None:
        self._queue(queue).send_message(text, visibility_timeout=round(delay), time_to_live=NEVER)

    def receive_messages(self, queue: str, *, most: int, visibility: float) -> list[Message]:
        found = self._queue(queue).receive_messages(
            messages_per_page=most, max_messages=most, visibility_timeout=round(visibility)
        )
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
            if error.status_code not in (400, 404):
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
                return Lease(name, lease.id, asked + timedelta(seconds=seconds))
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

    def renew_lease(self, lease: Lease, seconds: int) -> Lease:
        asked = self._clock.now()
        try:
            self._lease_client(lease).renew()
        except HttpResponseError as error:
            if error.status_code in CONFLICTS:
                raise LeaseLost(lease.name) from error
            raise
        return Lease(lease.name, lease.lease_id, asked + timedelta(seconds=seconds))

    def release_lease(self, lease: Lease) -> None:
        try:
            self._lease_client(lease).release()
        except HttpResponseError as error:
            if error.status_code not in CONFLICTS:
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


def _stored(found: Any) -> Stored:
    entity: dict[str, Value] = {
        name: value.value if isinstance(value, EntityProperty) else value for name, value in found.items()
    }
    return Stored(entity, found.metadata["etag"])


def _guard(write: Write) -> dict[str, Any]:
    return {"etag": write.etag, "match_condition": MatchConditions.IfNotModified} if write.etag else {}


def _conflict_or(error: HttpResponseError, table: str, write: Write) -> Exception:
    if error.status_code in CONFLICTS and not (error.status_code == 404 and write.etag is None):
        return Conflict(
            f"{write.kind} of {table} {write.entity['PartitionKey']!r} {write.entity['RowKey']!r}"
        )
    return error
