"""A world in one process: the real clients over sockets, stand-ins of the vendors, a store in memory, one clock.

Servers run for a whole session; `World` gives each test fresh vendors behind them. Time is the world's own: it stands
still, moves by a little with each call to a vendor, and else when a test says so. Whoever sleeps moves it, too.

    world = World(servers)             # or the fixture `world` of tests/contract/conftest.py
    world.connect()                    # the real code flow, then the dataset
    world.poll(); world.drain_queue()
    assert world.differences() == []
"""

import base64
import copy
import hmac
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import requests

from local import comparison
from local.identity.tokens import APPLICATION, APPLICATION_SECRET, MANAGED_IDENTITY
from local.identity.tokens import TENANT as ENTRA_TENANT
from local.powerbi.access import DEFAULT_ROLES, GROUP
from local.powerbi.app import create as create_powerbi
from local.powerbi.switches import Limits, Switches
from local.simulation import Fault, Faults
from local.xero.app import create as create_xero
from local.xero.identity import Client
from shared import wiring
from shared.state import checkpoints, connections, mirror, outbox, published, sink
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.state.messages import POISON, QUEUE
from shared.storage import Message
from shared.sync import connect, dataset, honour, poll, receive, refresh
from shared.sync.connector import Connector
from shared.xero.client import Request
from tests.support import books
from tests.support.clock import START, ManualClock
from tests.support.killing import Life, Mortal
from tests.support.memory_store import MemoryStore
from tests.support.servers import Call, Following, Servers

XERO_CLIENT = "test-xero-app"
XERO_CLIENT_SECRET = "xero-client-secret-9f2c"
WEBHOOK_KEY = "webhook-key-7d1b-of-xero"
# What a call to a vendor takes, in seconds of the world's time.
CALL_SECONDS = 0.05
# Microsoft's libraries keep tokens by the machine's clock, which does not know of the world's: a process that would
# outlive them is started anew, as Azure does every so often.
PROCESS_LIFE = timedelta(minutes=45)
# host.json: what a failing message waits, and how often it may fail.
HOST_RETRY_SECONDS = 30
MOST_DEQUEUES = 10


class World:
    """One test's world. `connector` is the running process; `restart` ends it and begins another.

    settings: app settings beside or instead of the usual. limits, switches: of the Power BI stand-in.
    """

    def __init__(
        self,
        servers: Servers,
        *,
        settings: Mapping[str, str] | None = None,
        limits: Limits | None = None,
        switches: Switches | None = None,
        start: datetime = START,
        clock: ManualClock | None = None,
    ) -> None:
        self.clock = clock or ManualClock(start)
        self.xero_clock, self.powerbi_clock = Following(self.clock), Following(self.clock)
        self.xero = create_xero((Client(XERO_CLIENT, XERO_CLIENT_SECRET),), clock=self.xero_clock)
        self.powerbi_faults = Faults()
        self.powerbi_roles = dict(DEFAULT_ROLES)
        app, self.powerbi = create_powerbi(
            group=GROUP,
            roles=self.powerbi_roles,
            switches=switches,
            limits=limits,
            clock=self.powerbi_clock,
            faults=self.powerbi_faults,
        )
        self._servers, self._powerbi_app = servers, app
        self.xero_url, self.powerbi_url = servers.xero_url, servers.powerbi_url
        self.identity, self.vault = servers.identity, servers.identity.vault
        self.calls: list[Call] = []
        self._take_servers()
        self._fill_vault()
        self.store = MemoryStore(self.clock)
        self.environment = self._environment(servers) | dict(settings or {})
        self.dataset_id = ""
        self._days_compared: dict[Any, Any] = {}
        self.restart()

    # The process

    def restart(self) -> Connector:
        """End the process, as if it had crashed, and begin another: all that is left is what was stored."""
        built = wiring.build(self.environment, clock=self.clock, store=self.store)
        self.connector = replace(built, jitter=lambda: 0.5)
        self._started = self.clock.now()
        return self.connector

    def mortal(self, life: Life) -> Connector:
        """Another process, which `life` may end at any effect on storage or call to a vendor."""
        built = wiring.build(
            self.environment, clock=self.clock, store=cast(MemoryStore, Mortal(self.store, life))
        )
        return replace(
            built,
            secrets=lambda: cast(Any, Mortal(built.secrets(), life)),
            xero=lambda: cast(Any, Mortal(built.xero(), life)),
            xero_identity=lambda: cast(Any, Mortal(built.xero_identity(), life)),
            powerbi=lambda: cast(Any, Mortal(built.powerbi(), life)),
        )

    def advance(self, seconds: float) -> None:
        """Let time pass, everywhere; a process that would be too old is started anew."""
        self.clock.advance(seconds)
        if self.clock.now() - self._started > PROCESS_LIFE:
            self.restart()

    # What the functions do

    def poll(self, *, seconds: float = 300, connector: Connector | None = None) -> None:
        """One run of poll_timer, which may take `seconds`."""
        ours = connector or self.connector
        poll.poll(ours, until=ours.clock.now() + timedelta(seconds=seconds))

    def refresh(self, *, connector: Connector | None = None) -> None:
        """One run of token_refresh_timer."""
        refresh.refresh_tokens(connector or self.connector)

    def honour(self, text: str, *, seconds: float = 240, connector: Connector | None = None) -> None:
        """One run of push_queue."""
        ours = connector or self.connector
        honour.honour(ours, text, until=ours.clock.now() + timedelta(seconds=seconds))

    def drain_queue(self, *, most: int = 100) -> int:
        """What the host does: honour messages one by one until none is visible; answers how many it handed over."""
        handed = 0
        while handed < most and (message := self.receive()) is not None:
            handed += 1
            try:
                self.honour(message.text)
            except Exception:
                self._failed(message)
            else:
                self.store.delete_message(QUEUE, message)
        assert handed < most, "the queue does not come to rest"
        return handed

    def receive(self) -> Message | None:
        """The next visible message, invisible to others for ten minutes."""
        return next(iter(self.store.receive_messages(QUEUE, most=1, visibility=600)), None)

    def _failed(self, message: Message) -> None:
        """The host tries again after a while, and poisons what has failed too often."""
        self.store.delete_message(QUEUE, message)
        target, delay = (POISON, 0) if message.dequeue_count >= MOST_DEQUEUES else (QUEUE, HOST_RETRY_SECONDS)
        self.store.send_message(target, message.text, delay=delay)

    def settle(self, *, within: float = 3 * 3600, step: float = 60) -> float:
        """Let the timers and the queue run until nothing waits; answers the seconds that it took of the world's time."""
        began = self.clock.now()
        while True:
            self.poll()
            self.drain_queue()
            if not self.unsettled():
                return (self.clock.now() - began).total_seconds()
            assert (self.clock.now() - began).total_seconds() < within, self.unsettled()
            self.advance(step)
            self.refresh()

    def unsettled(self) -> str:
        """What still waits to be read or pushed; "" when nothing does."""
        for organisation in connections.connected(self.store):
            for name in self.connector.resources:
                checkpoint = checkpoints.load(self.store, organisation.tenant_id, name)
                going_on = (
                    not checkpoint.history
                    or checkpoint.read
                    or checkpoint.touching
                    or checkpoint.is_due(self.clock.now())
                )
                if going_on and not organisation.consent_lost:
                    return f"{name} is being read {checkpoint.trouble}"
            calendar = published.load(self.store, organisation.tenant_id, "Calendar")
            if self.mirrored("Organisation", tenant_id=organisation.tenant_id) and not calendar.said:
                return "the calendar is not landed"
        for dataset_name in {DEFAULT_DATASET, *(each.dataset for each in connections.connected(self.store))}:
            if pending := list(outbox.pending(self.store, dataset_name)):
                return f"{len(pending)} batches of {dataset_name} are pending"
            state = sink.read(self.store, dataset_name)
            if state.in_flight:
                return f"batches of {dataset_name} are in flight"
            if state.rebuild is not None:
                return f"{state.rebuild.table} of {dataset_name} is being compacted: {state.rebuild.phase}"
        return "messages are queued" if self.store.queue_length(QUEUE) else ""

    # Xero

    def load(
        self,
        resources: books.Resources | None = None,
        *,
        tenant_id: str = books.TENANT,
        name: str = "Larkspur",
        user: str = "user-1",
    ) -> None:
        """Put books into Xero."""
        found = resources if resources is not None else books.small_books(tenant_id=tenant_id)
        self.xero.store.load(tenant_id, name, found, user)

    def connect(self, *, user: str = "user-1", with_dataset: bool = True) -> list[Organisation]:
        """Loads small books if there are none, gives the consent in the browser, and makes the dataset."""
        if not self.xero.store.books:
            self.load()
        consent = connect.ask_for_consent(self.connector)
        found = connect.finish_consent(self.connector, consent, self.press_allow(consent.url, user))
        if with_dataset:
            self.dataset_id, _ = dataset.ensure_dataset(self.connector, DEFAULT_DATASET)
        return found

    def press_allow(
        self, url: str, user: str = "user-1", decision: str = "allow", without: Iterable[str] = ()
    ) -> str:
        """What a browser does on Xero's consent page; answers the address that Xero sends it to.

        without: the tenant ids of organisations that are not ticked.
        """
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(url, timeout=10)
            page.raise_for_status()
            forms = re.findall(r"<form.*?</form>", page.text, re.DOTALL)
            form = next(each for each in forms if f'name="user" value="{user}"' in each)
            inputs = re.findall(r'<input [^>]*name="([^"]*)" value="([^"]*)"', form)
            inputs = [each for each in inputs if each not in [("tenant_id", one) for one in without]]
            answer = browser.post(
                url, data=[*inputs, ("decision", decision)], timeout=10, allow_redirects=False
            )
        return answer.headers["Location"]

    def change(
        self, resource: str, number: int, *, touch: bool = True, tenant_id: str = books.TENANT, **fields: Any
    ) -> books.Record:
        """Edit the n-th record of a resource, a second later; without `touch` its stamp stays."""
        self.clock.advance(1)
        key = books.record_id(resource, number)
        return self.xero.documents.change(tenant_id, resource, key, fields, [], touch)

    def edit(self, number: int, **fields: Any) -> None:
        """Edit the n-th invoice, and have Xero tell of it by a webhook."""
        self.change("Invoices", number, **fields)
        self.webhook([("INVOICE", books.record_id("Invoices", number))])

    def add(self, resource: str, record: books.Record) -> books.Record:
        """Make a record, a second later; it gets the stamp of now."""
        self.clock.advance(1)
        record = {name: value for name, value in record.items() if name != "UpdatedDateUTC"}
        return self.xero.documents.add(books.TENANT, resource, record)

    def vanish(self, resource: str, number: int) -> None:
        """Take a record out of Xero as if it had never been."""
        self.clock.advance(1)
        self.xero.store.remove(books.TENANT, resource, books.record_id(resource, number))

    def xero_fault(self, kind: str, path: str = r"/api\.xro/.*", **more: Any) -> None:
        self.xero.faults.add(Fault(kind, path=path, **more))

    def calls_of(self, resource: str) -> list[Call]:
        """The calls of an endpoint that have reached Xero, in their order; see `calls` for all."""
        return [call for call in self.calls if call.resource == resource]

    def webhook(self, events: Iterable[tuple[str, str]], *, tenant_id: str = books.TENANT) -> int:
        """Receive one signed delivery of (category, record id); answers how many ids were queued."""
        body, signature = self.delivery(events, tenant_id=tenant_id)
        return receive.receive_webhook(self.connector, body, signature)

    def delivery(
        self, events: Iterable[tuple[str, str]], *, tenant_id: str = books.TENANT
    ) -> tuple[bytes, str]:
        """A signed delivery as Xero sends it: body and signature."""
        for category, key in events:
            url = f"https://api.xero.com/api.xro/2.0/{category}/{key}"
            self.xero.webhooks.collect(tenant_id, category, url, key, "UPDATE")
        body = self.xero.webhooks._body(self.xero.webhooks.pending())
        self.xero.webhooks._pending.clear()
        return body, sign(body)

    # Power BI

    def powerbi_fault(self, kind: str, table: str = ".*", *, method: str = "POST", **more: Any) -> None:
        """A fault of the POSTs (or other calls) of a table's rows."""
        self.powerbi_faults.add(Fault(kind, method=method, path=f".*/tables/{table}/rows", **more))

    def posts(self, table: str = "") -> list[Any]:
        """The POSTs of rows that reached Power BI, those refused included."""
        return [post for post in self.powerbi.posts if table in ("", post.table)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, superseded ones too."""
        url = f"{self.powerbi_url}/_sim/datasets/{self.dataset_id}/tables/{table}/rows"
        answer = self._servers.session.get(url, timeout=10).json(parse_float=Decimal)
        return [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]

    def current(self, table: str, number: int, resource: str = "") -> list[dict[str, Any]]:
        """The current rows of the n-th record of a resource, by default the table's own: those of its highest RowVersion."""
        usual, key = {
            "Lines": ("Invoices", "DocumentKey"),
            "Organisations": ("Organisation", "OrganisationKey"),
        }.get(table, (table, f"{table.removesuffix('s')}Key"))
        resource = resource or usual
        wanted = f"{books.TENANT}|{books.record_id(resource, number)}"
        found = [row for row in self.rows(table) if row[key] == wanted]
        highest = max((row["RowVersion"] for row in found), default=0)
        return [row for row in found if row["RowVersion"] == highest]

    def differences(
        self,
        *,
        quarantined: Iterable[str] = (),
        tenant_id: str = books.TENANT,
        ageing_days: Sequence[int] = (30, 60, 90),
    ) -> list[str]:
        """How the current rows differ from Xero's books, by a reading that shares no code with the product.

        Thousands of days are compared again only when there are others than the last time.
        """
        owner: Mapping[str, Any] = next(iter(self.xero.store.records(tenant_id, "Organisation")), {})
        ends = owner.get("FinancialYearEndMonth"), owner.get("FinancialYearEndDay")
        wanted = (tenant_id, self.connector.settings.start_date, self.clock.now().year, ends)
        held = self.powerbi.datasets.get(self.dataset_id)
        days = [list(held.tables[name].rows) for name in ("Calendar", "AsAt")] if held else None
        seen = days is not None and self._days_compared.get(wanted) == days
        tables = comparison.compare(
            self.xero_url,
            self.powerbi_url,
            tenant_id,
            self.dataset_id,
            start=self.connector.settings.start_date,
            quarantined=list(quarantined),
            personal=self.connector.settings.contact_personal_data,
            ageing_days=ageing_days,
            session=self._servers.session,
            reports_until=self.clock.now().date() if self.connector.settings.read_reports else None,
            without=("Calendar", "AsAt") if seen else (),
        )
        found = [f"{table.table}: {each}" for table in tables.values() for each in table.mismatches]
        if not found:
            self._days_compared[wanted] = days
        return found

    # The outbox

    def land(self, resource: str, body: bytes, *, records: int = 1) -> str:
        """A batch as if it had been fetched now; answers its name."""
        self.clock.advance(1)
        now = self.clock.now()
        header = outbox.Header(
            dataset=DEFAULT_DATASET,
            organisation=books.TENANT,
            resource=resource,
            reason="test",
            operation="test",
            request=Request(resource, {}),
            request_id="",
            fetched_from=now,
            fetched_to=now,
            landed_at=now,
            records=records,
        )
        return outbox.land(self.store, header, body)

    # The mirror

    def mirrored(
        self, resource: str, *, tenant_id: str = books.TENANT, deleted: bool = False
    ) -> dict[str, books.Record]:
        """The records that the mirror holds of a resource, by id: those that live, or those known to be gone."""
        found = {}
        for stored in self.store.query_entities(mirror.TABLE, mirror.partition(tenant_id, resource)):
            if stored.entity["deleted"] == deleted:
                record_id = str(stored.entity["RowKey"])
                record = mirror.record(self.store, tenant_id, resource, record_id)
                assert record is not None
                found[record_id] = record
        return found

    def unmirrored(self, resource: str, *, tenant_id: str = books.TENANT) -> list[str]:
        """How the mirror differs from all that Xero has of a resource: ids that are missing, stale or too many."""
        ours = self.mirrored(resource, tenant_id=tenant_id)
        theirs = {
            record[books.ID_FIELDS[resource]]: record
            for record in self.xero.store.records(tenant_id, resource)
        }
        stale = [key for key in ours.keys() & theirs.keys() if ours[key] != theirs[key]]
        return sorted([*(theirs.keys() ^ ours.keys()), *stale])

    # The audit

    def audit(self, what: str = "", outcome: str = "") -> list[dict[str, Any]]:
        """The audit's rows, oldest first, of every month of the world."""
        rows = [row for name, row in self._audit_rows() if name.startswith("audit")]
        rows.sort(key=lambda row: (row["PartitionKey"], row["RowKey"]))
        return [row for row in rows if what in ("", row["what"]) and outcome in ("", row["outcome"])]

    def _audit_rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, table in self.store._tables.items():
            for partition in table.partitions.values():
                for stored in partition.values():
                    yield name, stored.entity

    # Going back

    def snapshot(self) -> Callable[[], None]:
        """Remember all that is outside of the process, the clock too; the answer puts the world back and restarts it.

        For tests that play from the same beginning many times over. Hooks, faults and counts begin anew.
        """
        identity, store = self.xero.identity, self.store
        holders: list[tuple[Any, str]] = [
            *((store, name) for name in ("_containers", "_tables", "_queues", "_leases")),
            *((self.powerbi, name) for name in ("datasets", "posts", "switches")),
            *((identity, name) for name in ("connections", "_access", "_sets")),
            *((self.xero.webhooks, name) for name in ("_pending", "_sequence")),
            *((clock, "_offset") for clock in (self.xero_clock, self.powerbi_clock)),
            (self.xero.limits, "_windows"),
            (self.vault, "_secrets"),
            (self.clock, "_now"),
            (self, "environment"),
            (self, "dataset_id"),
        ]
        # Pickled and back is ten times as fast as copied.
        kept = pickle.dumps([getattr(holder, name) for holder, name in holders])
        switches = self.xero.switches.as_dict()
        books_kept = {key: copy.copy(each) for key, each in self.xero.store.books.items()}
        for each in books_kept.values():
            # A row never changes: a change puts a new one in its place.
            each.tables = {name: dict(rows) for name, rows in each.tables.items()}

        def restore() -> None:
            self._take_servers()
            for (holder, name), value in zip(holders, pickle.loads(kept), strict=True):
                setattr(holder, name, value)
            self.xero.switches.update(switches)
            self.xero.store.books = {key: copy.copy(each) for key, each in books_kept.items()}
            for each in self.xero.store.books.values():
                each.tables = {name: dict(rows) for name, rows in each.tables.items()}
            self.restart()

        return restore

    # How it is put together

    def _before_xero(self, call: Call) -> None:
        self.clock.advance(CALL_SECONDS)
        if call.path.startswith("/api.xro/"):
            self.calls.append(call)
            self.on_xero_call(call)

    def _before_powerbi(self, call: Call) -> None:
        self.clock.advance(CALL_SECONDS)
        self.on_powerbi_call(call)

    def _take_servers(self) -> None:
        """Stand behind the ports, with no hook, no fault and nothing counted."""
        servers = self._servers
        servers.xero.app, servers.powerbi.app = self.xero.app, self._powerbi_app
        servers.xero.before, servers.powerbi.before = self._before_xero, self._before_powerbi
        self.on_xero_call: Callable[[Call], None] = lambda call: None
        self.on_powerbi_call: Callable[[Call], None] = lambda call: None
        self.calls.clear()
        for faults in (self.xero.faults, self.powerbi_faults, *servers.identity.faults.values()):
            faults.clear()
        for statistics in (self.xero.statistics, *servers.identity.statistics.values()):
            statistics.clear()
        servers.identity_clock.leader = self.clock
        self.powerbi._queries.clear()

    def _fill_vault(self) -> None:
        for secret in self.vault.names(deleted=False):
            self.vault.delete(secret.name)
        for secret in self.vault.names(deleted=True):
            self.vault.purge(secret.name)
        for name, value in {
            "xero-client-secret": XERO_CLIENT_SECRET,
            "xero-webhook-key": WEBHOOK_KEY,
            "powerbi-client-secret": APPLICATION_SECRET,
        }.items():
            self.vault.set(name, {"value": value})

    def _environment(self, servers: Servers) -> dict[str, str]:
        return {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "START_DATE": books.START_DATE.isoformat(),
            "KEY_VAULT_URL": servers.identity.vault_url,
            "AZURE_CLIENT_ID": MANAGED_IDENTITY.client_id,
            "LOCAL_CA_FILE": str(servers.identity.ca),
            "XERO_CLIENT_ID": XERO_CLIENT,
            "XERO_API_URL": servers.xero_url,
            "XERO_IDENTITY_URL": servers.xero_url,
            "XERO_LOGIN_URL": servers.xero_url,
            "POWERBI_API_URL": servers.powerbi_url,
            "POWERBI_AUTHORITY_URL": servers.identity.authority_url.removesuffix(f"/{ENTRA_TENANT}"),
            "POWERBI_TENANT_ID": ENTRA_TENANT,
            "POWERBI_CLIENT_ID": APPLICATION.client_id,
            "POWERBI_WORKSPACE_ID": GROUP,
            # Which most tests are not about, and whose calls they would count.
            "READ_REPORTS": "false",
            "RECONCILE_PERCENT": "0",
        }


def sign(body: bytes, key: str = WEBHOOK_KEY) -> str:
    """What Xero puts into `x-xero-signature`."""
    return base64.b64encode(hmac.digest(key.encode(), body, "sha256")).decode()
