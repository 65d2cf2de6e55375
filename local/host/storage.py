"""The storage account behind a connection: queues, and the blobs in which timers keep their status."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import LinearRetry, QueueClient

from local.host.settings import HostError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

# The SDK's types allow for absent fields, the service always sends them.
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Message:
    """A message as it was received; `text` is as it lies in the queue."""

    id: str
    text: str
    dequeue_count: int
    inserted: datetime
    expires: datetime
    next_visible: datetime
    pop_receipt: str


class Queue(Protocol):
    """What the host does with a queue. All texts are as they lie in the queue; times are seconds."""

    @property
    def name(self) -> str: ...

    def receive(self, count: int, visibility: int) -> list[Message]:
        """Up to `count` visible messages, hidden for `visibility`. A queue that does not exist is empty."""
        ...

    def delete(self, message_id: str, pop_receipt: str) -> None: ...

    def hide(self, message_id: str, pop_receipt: str, visibility: int) -> str:
        """Make the message visible after `visibility`; its new pop receipt."""
        ...

    def send(self, text: str) -> None:
        """Add a message, and the queue when it does not exist."""
        ...


class StorageQueue:
    """A queue of Azure Storage or Azurite."""

    def __init__(self, client: QueueClient) -> None:
        self._client = client

    @property
    def name(self) -> str:
        return self._client.queue_name

    def receive(self, count: int, visibility: int) -> list[Message]:
        pages = self._client.receive_messages(
            messages_per_page=count, visibility_timeout=visibility
        ).by_page()
        try:
            # The first page only: the SDK would ask again until a request comes back empty.
            found = list(next(iter(pages), []))
        except ResourceNotFoundError:
            return []
        return [
            Message(
                id=message.id,
                text=message.content,
                dequeue_count=message.dequeue_count or 0,
                inserted=message.inserted_on or _NEVER,
                expires=message.expires_on or _NEVER,
                next_visible=message.next_visible_on or _NEVER,
                pop_receipt=message.pop_receipt or "",
            )
            for message in found
        ]

    def delete(self, message_id: str, pop_receipt: str) -> None:
        self._client.delete_message(message_id, pop_receipt)

    def hide(self, message_id: str, pop_receipt: str, visibility: int) -> str:
        changed = self._client.update_message(message_id, pop_receipt, visibility_timeout=visibility)
        return str(changed.pop_receipt)

    def send(self, text: str) -> None:
        try:
            self._client.send_message(text)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                self._client.create_queue()
            self._client.send_message(text)


class Connections:
    """Clients by a binding's `connection`: the setting AzureWebJobsNAME or else NAME, as the host of Azure looks it up.

    Either is a connection string, or a family of settings NAME__queueServiceUri, NAME__blobServiceUri (or
    NAME__accountName) with, for a user-assigned identity, NAME__clientId.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def queue(self, connection: str, name: str) -> StorageQueue:
        """Raises HostError when the connection's settings are missing or not a connection."""
        # The SDK's own retries would hold up the end of the host for minutes when the account is away.
        retry = LinearRetry(backoff=1, retry_total=3)
        string, url, credential = self._connection(connection, "queue")
        if string is None:
            return StorageQueue(QueueClient(url, name, credential=credential, retry_policy=retry))
        try:
            return StorageQueue(QueueClient.from_connection_string(string, name, retry_policy=retry))
        except ValueError as error:
            raise HostError(
                f"the setting of connection {connection!r} is no connection string: {error}"
            ) from error

    def container(self, connection: str, name: str) -> ContainerClient:
        """The client of a blob container. Raises HostError as `queue` does."""
        # Only apps with a monitored timer pay for this import.
        from azure.storage.blob import ContainerClient, LinearRetry

        retry = LinearRetry(backoff=1, retry_total=3)
        string, url, credential = self._connection(connection, "blob")
        if string is None:
            return ContainerClient(url, name, credential=credential, retry_policy=retry)
        try:
            return ContainerClient.from_connection_string(string, name, retry_policy=retry)
        except ValueError as error:
            raise HostError(
                f"the setting of connection {connection!r} is no connection string: {error}"
            ) from error

    def _connection(self, connection: str, service: str) -> tuple[str | None, str, Any]:
        """A connection string, or None with the service's URL and a credential."""
        names = (f"AzureWebJobs{connection or 'Storage'}", connection or "Storage")
        for name in names:
            if string := self._environ.get(name):
                return string, "", None
            url = self._environ.get(f"{name}__{service}ServiceUri")
            if not url and (account := self._environ.get(f"{name}__accountName")):
                url = f"https://{account}.{service}.core.windows.net"
            if url:
                from azure.identity import ManagedIdentityCredential

                return None, url, ManagedIdentityCredential(client_id=self._environ.get(f"{name}__clientId"))
        looked_for = names[1:] if names[1].startswith("AzureWebJobs") else names
        raise HostError(
            f"connection {connection!r}: there is no setting {' or '.join(looked_for)}, "
            f"nor one with __{service}ServiceUri after it"
        )
