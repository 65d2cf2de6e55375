"""A running local cloud with a small company connected, and what a test does with it from outside."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID

import requests
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import ContainerClient
from azure.storage.queue import QueueClient
from flask import Flask
from werkzeug.wrappers import Response

from commands.consent import give_consent
from local.cloud import Cloud
from local.comparison import TableComparison, compare
from shared import wiring
from shared.state import checkpoints
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

ROOT = Path(__file__).resolve().parents[2]
NEVER = "0 0 0 1 1 *"
# Timers run when a test fires them, and then everything is due.
BY_HAND = {
    "POLL_SCHEDULE": NEVER,
    "TOKEN_REFRESH_SCHEDULE": NEVER,
    "POLL_MINUTES": "0",
    # Which would be 48 calls of a history.
    "READ_REPORTS": "false",
    "POLL_MINUTES_BY_RESOURCE": "Accounts=0",
    "REREAD_HOURS_BY_RESOURCE": "Contacts=8760",
    "XERO_MINUTE_LIMIT": "6000",
    "POWERBI_POSTS_PER_MINUTE": "120",
}


def eventually[T](found: Callable[[], T], what: str, *, seconds: float = 60, every: float = 0.05) -> T:
    """The first answer that is true, asked for every so many seconds; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(every)
    return answer


@dataclass(repr=False)
class Running:
    """A cloud whose organisation is connected and whose dataset is made; its host may be up or down."""

    cloud: Cloud
    connector: Connector
    organisation: Organisation
    books: dict[str, Any]
    powerbi_id: str
    start: date

    @property
    def tenant_id(self) -> str:
        return self.organisation.tenant_id

    # Xero.

    def records(self, resource: str) -> list[dict[str, Any]]:
        """Xero's records, as they are now."""
        url = f"{self.cloud.xero_url}/_sim/records/{self.tenant_id}/{resource}"
        found: list[dict[str, Any]] = requests.get(url, timeout=60).json()["records"]
        return found

    def change(self, resource: str, record_id: str, **values: object) -> None:
        """Edit a record in Xero. Its webhook waits in the simulator, which delivers only when told to."""
        self._change(resource, record_id, values, touch=True)

    def change_silently(self, resource: str, record_id: str, **values: object) -> None:
        """Edit a record without moving its UpdatedDateUTC."""
        self._change(resource, record_id, values, touch=False)

    def _change(self, resource: str, record_id: str, values: dict[str, object], *, touch: bool) -> None:
        body = {
            "tenant_id": self.tenant_id,
            "resource": resource,
            "id": record_id,
            "set": values,
            "touch": touch,
        }
        requests.post(f"{self.cloud.xero_url}/_sim/change", json=body, timeout=30).raise_for_status()

    def invoices(self, status: str = "AUTHORISED") -> list[str]:
        """The ids of Xero's invoices of a status, in a lasting order."""
        return sorted(
            record["InvoiceID"] for record in self.records("Invoices") if record["Status"] == status
        )

    # Power BI.

    def rows(self, table: str, **having: object) -> list[dict[str, Any]]:
        """The rows of a table with these values, oldest first."""
        url = f"{self.cloud.powerbi_url}/_sim/datasets/{self.powerbi_id}/tables/{table}/rows"
        answer = requests.get(url, timeout=60).json()
        rows = [dict(zip(answer["columns"], values, strict=True)) for values in answer["rows"]]
        return [row for row in rows if all(row[name] == value for name, value in having.items())]

    def references(self, invoice_id: str) -> list[str]:
        """The references of an invoice's rows in Power BI, oldest first."""
        return [row["Reference"] for row in self.rows("Invoices", InvoiceID=invoice_id)]

    def await_reference(self, invoice_id: str, reference: str) -> None:
        """Wait for a row that shows this reference."""
        eventually(
            lambda: reference in self.references(invoice_id),
            f"invoice {invoice_id} with the reference {reference!r}; the host's log ends:\n{self.log()[-3000:]}",
        )

    def compare(self) -> dict[str, TableComparison]:
        """Power BI beside Xero, by the comparison that shares no code with the product."""
        return compare(
            self.cloud.xero_url, self.cloud.powerbi_url, self.tenant_id, self.powerbi_id, start=self.start
        )

    def differences(self) -> list[str]:
        return [str(each) for table in self.compare().values() for each in table.mismatches]

    # The connector, seen from its storage.

    def queue(self, name: str) -> QueueClient:
        return QueueClient.from_connection_string(self.cloud.values["AzureWebJobsStorage"], name)

    def audit(self, **having: object) -> list[dict[str, Any]]:
        """The audit's rows with these values, oldest first."""
        tables = TableServiceClient.from_connection_string(self.cloud.values["AzureWebJobsStorage"])
        try:
            rows = list(tables.get_table_client(f"audit{datetime.now(UTC):%Y%m}").list_entities())
        except ResourceNotFoundError:
            return []
        rows.sort(key=lambda row: str(row["at"]))
        return [dict(row) for row in rows if all(row.get(name) == value for name, value in having.items())]

    def blobs(self, container: str, prefix: str = "") -> dict[str, bytes]:
        client = ContainerClient.from_connection_string(self.cloud.values["AzureWebJobsStorage"], container)
        return {
            name: client.download_blob(name).readall()
            for name in client.list_blob_names(name_starts_with=prefix)
        }

    def log(self) -> str:
        """What the functions host has written so far."""
        return self.cloud.host_log.read_text(encoding="utf-8", errors="replace")

    # The door.

    def post(
        self, body: bytes, signature: str | None = None, *, key: str = "", **headers: str
    ) -> requests.Response:
        """Send a webhook, signed rightly unless a signature is given; "" sends none."""
        if signature is None:
            signature = sign(body, key or self.cloud.webhook_key)
        signed = {"x-xero-signature": signature} if signature else {}
        return requests.post(
            self.cloud.webhook_url,
            data=body,
            headers={"Content-Type": "application/json", **signed, **headers},
            timeout=30,
        )

    # The host.

    def poll(self) -> None:
        """Have the timer's function run, and wait until it has read everything."""
        fired_at = self.connector.clock.now()
        self.cloud.fire("poll_timer")

        def is_over() -> bool:
            last = checkpoints.load(self.connector.store, self.tenant_id, list(self.connector.resources)[-1])
            return not last.read and last.completed_at is not None and last.completed_at > fired_at

        eventually(is_over, "the end of a poll")

    def restart(self) -> None:
        """End the functions host in order and start it again; what it remembered is gone."""
        self.cloud.stop_host()
        self.cloud.start_host()


def terminal(**more: str) -> dict[str, str]:
    """The environment of a person's terminal: this process's, without the settings that tests have put there."""
    settings = ("IDENTITY_", "AzureWebJobs", "XERO_", "POWERBI_", "POLL_")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(settings)}
    return ours | {"PYTHONUNBUFFERED": "1"} | more


def manage(
    *arguments: str, folder: Path = ROOT, columns: int = 80, browser: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command of manage.py to its end. browser: what the terminal's BROWSER says."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=folder,
        env=terminal(COLUMNS=str(columns), BROWSER=browser),
        capture_output=True,
        text=True,
        timeout=600,
    )


def browser_of(user: str, folder: Path) -> str:
    """A browser as webbrowser looks for it in BROWSER, whose user allows everything on Xero's consent page."""
    browser = folder / f"browser-of-{user}"
    browser.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from commands.consent import press_allow\n"
        f"press_allow(sys.argv[1], {user!r})\n",
        encoding="utf-8",
    )
    browser.chmod(0o700)
    return str(browser)


def sign(body: bytes, key: str) -> str:
    return base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()


def delivery(*events: Mapping[str, object]) -> bytes:
    """A webhook's body, spaced as Xero spaces it."""
    return (
        f'{{"events":{json.dumps(list(events))},"firstEventSequence": 1,"lastEventSequence": {len(events)}, '
        '"entropy": "QWERTYUIOPASDFGHJKLZ"}'
    ).encode()


def event(
    tenant_id: str, resource_id: str, category: str = "INVOICE", kind: str = "UPDATE", **more: object
) -> dict[str, object]:
    """One event of a webhook."""
    return {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{resource_id}",
        "resourceId": resource_id,
        "tenantId": tenant_id,
        "tenantType": "ORGANISATION",
        "eventCategory": category,
        "eventType": kind,
        "eventDateUtc": "2026-11-23T09:00:00.000",
        **more,
    }


def guid(number: int) -> str:
    """An id that no record has."""
    return str(UUID(int=number, version=4))


def connect(
    cloud: Cloud, books: dict[str, Any], start: date, environment: Callable[[str, str], None]
) -> Running:
    """Load the books into a started cloud, prepare storage, connect the organisation, make the dataset.

    environment: puts a variable into this process, where azure-identity looks for the managed identity.
    """
    for name, value in cloud.identity.environment().items():
        environment(name, value)
    cloud.xero.switches.update({"minute_limit": 6000})
    cloud.load(books)
    connector = wiring.build(cloud.values)
    connector.store.prepare()
    [organisation] = give_consent(connector, books["user"])
    powerbi_id, _ = ensure_dataset(connector, DEFAULT_DATASET)
    cloud.subscribe()
    return Running(cloud, connector, organisation, books, powerbi_id, start)


@dataclass(frozen=True)
class Call:
    """A call as it came over the wire, without what differs from one try to the next."""

    method: str
    path: str
    query: str
    modified_since: str

    def __str__(self) -> str:
        since = f" since {self.modified_since}" if self.modified_since else ""
        return f"{self.method} {self.path}?{self.query}{since}"


@dataclass
class Tap:
    """Sits between a stand-in and its socket: counts calls and, at a chosen one, has something happen instead of the answer.

    Nothing is counted before `arm`. commits: the chosen call takes effect all the same.
    """

    app: Flask
    chosen: str = ""
    number: int = 0
    commits: bool = False
    instead: Callable[[], None] = lambda: None
    counted: Counter[Call] = field(default_factory=Counter)
    struck: Event = field(default_factory=Event)
    _seen: int = 0
    _armed: bool = False
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._inner: WSGIApplication = self.app.wsgi_app
        self.app.wsgi_app = self  # type: ignore[method-assign]

    def arm(self) -> None:
        self._armed = True

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = str(environ["PATH_INFO"])
        if path.startswith("/_sim/") or not self._armed:
            return self._inner(environ, start_response)
        call = Call(
            environ["REQUEST_METHOD"],
            path,
            environ.get("QUERY_STRING", ""),
            environ.get("HTTP_IF_MODIFIED_SINCE", ""),
        )
        with self._lock:
            self.counted[call] += 1
            matches = bool(self.chosen and re.search(self.chosen, str(call)))
            self._seen += matches
            strikes = matches and self._seen == self.number
        if not strikes:
            return self._inner(environ, start_response)
        if self.commits:
            Response.from_app(self._inner, environ, buffered=True)
        self.instead()
        self.struck.set()
        raise ConnectionAbortedError("the caller is no more")
