"""A world whose storage is a real Azurite, at whose time everybody lives, and whose functions run in processes of their own.

Each story has a storage account to itself. Azurite takes its time from the file of `SharedClock`, so that leases and hidden
messages run out when the story says so, and not after a minute of the machine's.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.azurite import ACCOUNT, KEY, Azurite
from shared.settings import StorageSettings
from shared.storage import Write, transactions
from shared.storage_azure import AzureStore
from shared.xero.resources import RESOURCES
from tests.support.books import TENANT
from tests.support.clock import START
from tests.support.killed_process import Birth, SharedClock
from tests.support.memory_store import MemoryStore
from tests.support.servers import Servers
from tests.support.world import World

ACCOUNTS = 100
# Node.js reads the offset at each look at the clock.
DATE = """
import fs from 'node:fs'
const file = fs.openSync(%r, 'r'), held = Buffer.alloc(8), Machine = Date
const now = () => { fs.readSync(file, held, 0, 8, 0); return Machine.now() + held.readDoubleLE(0) }
globalThis.Date = new Proxy(Machine, {
  construct: (date, given, target) => Reflect.construct(date, given.length ? given : [now()], target),
  apply: () => new Machine(now()).toString(),
  get: (date, name) => name === 'now' ? () => Math.floor(now()) : Reflect.get(date, name),
})
"""


class KilledWorld(World):
    """`World` on Azurite. `begin` puts it to one of its beginnings, in an account that nobody has used."""

    def __init__(self, servers: Servers, clock: SharedClock, file: Path, azurite: Azurite) -> None:
        self._file, self._azurite = file, azurite
        self._number = 0
        super().__init__(servers, settings={"POLL_MINUTES_BY_RESOURCE": seldom()}, clock=clock)
        self._kept: Any = self.store
        self.load()
        self.connect()
        connected = self.snapshot()
        self.settle()
        assert self.differences() == []
        self._beginnings: list[Callable[[], None]] = [connected, self.snapshot()]

    def begin(self, number: int, settings: dict[str, str]) -> None:
        """0: connected, nothing read. 1: the history is in Power BI."""
        self._number += 1
        self.store = self._kept
        self._beginnings[number]()
        self.connection = self._azurite.connection_string.replace(ACCOUNT, account(self._number))
        store = AzureStore(StorageSettings(connection_string=self.connection), None, self.clock)
        _copy(self._kept, store)
        self.store = store  # type: ignore[assignment]
        self.environment = dict(self.environment) | {"AzureWebJobsStorage": self.connection} | settings
        self.restart()

    def remember_xero(self) -> None:
        """Of `some_edit`; no replica lags here."""

    def held(self) -> dict[str, dict[str, Any]]:
        """Xero's records by resource; a changed one is another object."""
        return {name: dict(rows) for name, rows in self.xero.store.books[TENANT].tables.items()}

    def birth(self, mutant: str) -> Birth:
        """What a process of this story is born with."""
        servers = self._servers
        urls = {
            "xero": servers.xero_url,
            "powerbi": servers.powerbi_url,
            "vault": servers.identity.vault_url,
            "entra": servers.identity.authority_url,
            "entra ": servers.identity.identity_endpoint,
        } | dict(self._azurite.service_uris)
        places = {urlsplit(url).netloc: name.strip() for name, url in urls.items()}
        return Birth(servers.identity.environment() | self.environment, self._file, places, mutant)

    def stored(self) -> Iterator[str]:
        """All that storage holds, as text."""
        tables = TableServiceClient.from_connection_string(self.connection)
        for table in tables.list_tables():
            for entity in tables.get_table_client(table.name).list_entities():
                yield str(dict(entity))
        blobs = BlobServiceClient.from_connection_string(self.connection)
        for container in blobs.list_containers():
            client = blobs.get_container_client(container.name)
            for name in client.list_blob_names():
                if container.name != "leases":
                    data = client.download_blob(name).readall()
                    yield name + (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode(
                        "latin-1"
                    )
        queues = QueueServiceClient.from_connection_string(self.connection)
        for queue in queues.list_queues():
            for message in queues.get_queue_client(queue.name).peek_messages(max_messages=32):
                yield str(message.content)


def seldom(often: Iterable[str] = ()) -> str:
    """Some are read each five minutes, all else in a month, or when the test says so: a read of all takes seconds."""
    return ",".join(f"{name}={5 if name in often else 43_200}" for name in RESOURCES)


def account(number: int) -> str:
    return f"story{number:04}"


def _copy(kept: MemoryStore, store: AzureStore) -> None:
    """Everything that lies in memory, into an account."""
    store.prepare()
    for name, table in kept._tables.items():
        store.create_table(name)
        for rows in table.partitions.values():
            for some in transactions(Write("insert", each.entity) for each in rows.values()):
                store.write_entities(name, some)
    for container, blobs in kept._containers.items():
        for name, data in blobs.items():
            store.put_blob(container, name, data)
    for queue, messages in kept._queues.items():
        for message in messages:
            store.send_message(queue, message.text)


@contextmanager
def killed_world(folder: Path) -> Iterator[KilledWorld]:
    """One Azurite, the vendors' ports and the world behind them."""
    file, date = folder / "clock", folder / "date.mjs"
    clock = SharedClock(file)
    clock.set(START)
    date.write_text(DATE % str(file), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_OPTIONS", f"--import={date.as_uri()}")
        accounts = (f"{account(number)}:{KEY}" for number in range(1, ACCOUNTS + 1))
        patch.setenv("AZURITE_ACCOUNTS", ";".join(accounts))
        azurite = Azurite().start()
        patch.undo()
        try:
            with Servers(folder) as servers:
                for name, value in servers.identity.environment().items():
                    patch.setenv(name, value)
                yield KilledWorld(servers, clock, file, azurite)
        finally:
            azurite.stop()
