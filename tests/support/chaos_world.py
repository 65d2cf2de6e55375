"""A world without a socket: vendors, vault and connector in one thread, so that hundreds of calls take a second.

It is `tests.support.world.World` with other doors to the same stand-ins; and it knows what Xero looked like a while ago,
what takes effect later, and how a host hands over a queue's messages.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

from werkzeug.test import EnvironBuilder, run_wsgi_app

from local import comparison
from local.identity.tokens import TENANT as ENTRA_TENANT
from local.identity.tokens import TokenIssuer
from local.keyvault.vault import Vault
from local.simulation import Faults, Statistics
from shared.settings import read_settings
from shared.state.messages import POISON, QUEUE
from shared.storage import Message
from shared.sync.connector import Connector
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.chaos_fate import Fate, Point
from tests.support.chaos_process import Process
from tests.support.chaos_turns import Run
from tests.support.clock import ManualClock
from tests.support.killing import Killed
from tests.support.servers import Behind, Following, Servers
from tests.support.world import HOST_RETRY_SECONDS, MOST_DEQUEUES, XERO_CLIENT, World

XERO, POWERBI = "http://127.0.0.1:1", "http://127.0.0.1:2"
# The functions host hides a message while it is honoured.
HOST_SECONDS = 600.0
SETTINGS = {
    # Several pages and POSTs even of small books.
    "POLL_MINUTES": "10",
    # Everything is read again each hour.
    "REREAD_OPEN": "false",
    "REREAD_HOURS_BY_RESOURCE": ",".join(
        f"{name}=1" for name, each in RESOURCES.items() if each.report is None and name != "Journals"
    ),
}


class ChaosClock(ManualClock):
    """A clock that lets things happen on its way."""

    def __init__(self) -> None:
        super().__init__()
        self._due: list[tuple[datetime, int, Callable[[], object]]] = []
        self._number = 0

    def later(self, seconds: float, act: Callable[[], object]) -> None:
        self._number += 1
        self._due.append((self.now() + timedelta(seconds=seconds), self._number, act))

    def advance(self, seconds: float) -> None:
        target = self.now() + timedelta(seconds=seconds)
        while self._due and min(self._due)[0] <= target:
            first = min(self._due)
            self._due.remove(first)
            super().advance(max(0.0, (first[0] - self.now()).total_seconds()))
            first[2]()
        super().advance(max(0.0, (target - self.now()).total_seconds()))

    def forget(self) -> None:
        self._due.clear()


class _Session:
    """requests.Session as far as a comparison needs one."""

    trust_env = False

    def __init__(self, doors: dict[str, Behind]) -> None:
        self._doors = doors

    def get(self, url: str, timeout: float = 0) -> Any:
        parts = urlsplit(url)
        door = self._doors[f"{parts.scheme}://{parts.netloc}"]
        environ = EnvironBuilder(path=parts.path, query_string=parts.query).get_environ()
        pieces, status, _ = run_wsgi_app(door, environ, buffered=True)
        body = b"".join(pieces)
        assert status.startswith("200"), (url, status, body)
        return SimpleNamespace(raise_for_status=lambda: None, json=lambda **how: json.loads(body, **how))


class NoPorts:
    """What `Servers` is to a world, with nothing open."""

    def __init__(self) -> None:
        self.xero, self.powerbi = Behind(), Behind()
        self.xero_url, self.powerbi_url = XERO, POWERBI
        self.identity_clock = Following(ManualClock())
        self.session = _Session({XERO: self.xero, POWERBI: self.powerbi})
        self.identity = SimpleNamespace(
            vault=Vault(self.identity_clock),
            issuer=TokenIssuer(self.identity_clock),
            faults={"vault": Faults()},
            statistics={"vault": Statistics()},
            vault_url="https://127.0.0.1:3",
            authority_url=f"https://127.0.0.1:4/{ENTRA_TENANT}",
            ca=Path(__file__),
        )


class ChaosWorld(World):
    """`fate` decides; `processes` are the instances that are alive, `standing` the runs that were left standing still."""

    def __init__(self, ports: NoPorts) -> None:
        self.fate = Fate(0)
        self.fate.on = False
        self.vault_down_until = datetime.min.replace(tzinfo=ManualClock().now().tzinfo)
        self.standing: list[tuple[datetime, Run]] = []
        self.running: list[Run] = []
        self.turn: Run | None = None
        self.edit_xero: Callable[[], None] = lambda: None
        self.stamp_back: Callable[[], None] = lambda: None
        self._past: list[tuple[datetime, dict[str, Any]]] = []
        self.clock: ChaosClock
        super().__init__(cast(Servers, ports), settings=SETTINGS, clock=ChaosClock())

    @property
    def xero_door(self) -> Behind:
        return self._servers.xero

    @property
    def powerbi_door(self) -> Behind:
        return self._servers.powerbi

    def restart(self) -> Connector:
        """A process that nothing happens to."""
        self.settings = read_settings(self.environment, RESOURCES)
        self.clean = Process(self, "clean", 0)
        self.connector = self.clean.connector
        self._started = self.clock.now()
        return self.connector

    def press_allow(
        self, url: str, user: str = "user-1", decision: str = "allow", without: Iterable[str] = ()
    ) -> str:
        """The consent without its page."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        identity = self.xero.identity
        code = identity.consent(
            identity.clients[XERO_CLIENT],
            user,
            [each.tenant_id for each in self.xero.store.of_user(user) if each.tenant_id not in without],
            asked["scope"].split(),
            asked["redirect_uri"],
        )
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def compare(self, *, days: bool) -> list[str]:
        """How the current rows differ from Xero's books; `days`: thousands of them are compared, too."""
        settings = self.connector.settings
        tables = comparison.compare(
            self.xero_url,
            self.powerbi_url,
            books.TENANT,
            self.dataset_id,
            start=settings.start_date,
            session=self._servers.session,
            without=() if days else ("Calendar", "AsAt"),
        )
        return [f"{table.table}: {each}" for table in tables.values() for each in table.mismatches]

    def from_simulator(self, url: str) -> Any:
        """What a stand-in tells of itself, numbers as Decimal."""
        return self._servers.session.get(url, timeout=10).json(parse_float=Decimal)

    # What fate does

    def at(self, process: Process, point: Point) -> str:
        """Let fate strike where a run is; answers what it does to the call itself."""
        if process is self.clean:
            return ""
        struck = self.fate.strike(point, alone=len(self.running) < 2)
        if struck:
            self.fate.tell(self.clock.now(), f"  {process.name}: {struck} at {point.where} {point.what}")
        match struck:
            case "kill":
                process.dead = True
            case "stall":
                self._stall()
            case "turn":
                assert self.turn is not None
                self.turn.stand_still()
            case "edit":
                self.edit_xero()
            case "backward":
                self.stamp_back()
            case _:
                return struck
        return ""

    def _stall(self) -> None:
        """Others go on; this run wakes when its time has come."""
        run = self.turn
        seconds = self.fate.between(1, 400)
        if run is None:
            self.clock.advance(seconds)
            return
        self.standing.append((self.clock.now() + timedelta(seconds=seconds), run))
        run.stand_still()

    def remember_xero(self) -> None:
        """Called before each edit, so that a lagging replica can show what was."""
        held = self.xero.store.books[books.TENANT].tables
        self._past.append((self.clock.now(), {name: dict(rows) for name, rows in held.items()}))
        del self._past[:-40]

    def forget_past(self) -> None:
        self._past.clear()

    @contextmanager
    def as_of(self, lag: float) -> Iterator[None]:
        """Xero as it was so many seconds ago, with the clock as it is."""
        if not lag:
            yield
            return
        since = self.clock.now() - timedelta(seconds=lag)
        held = self.xero.store.books[books.TENANT]
        old = next((tables for at, tables in self._past if at > since), held.tables)
        now, held.tables = held.tables, old
        try:
            yield
        finally:
            held.tables = now

    # Runs

    def start(self, name: str, act: Callable[[], object]) -> Run:
        run = Run(name, act)
        self.running.append(run)
        return run

    def give_turns(self) -> None:
        """Let the runs go on, in turns that fate draws, until each has ended or stands still for a while."""
        while self.running:
            run = self.fate.one_of(self.running) if len(self.running) > 1 else self.running[0]
            self.turn = run
            run.go_on()
            self.turn = None
            if run.ended or any(run is each for _, each in self.standing):
                self.running.remove(run)

    def wake(self, *, everybody: bool = False) -> None:
        """Those whose time has come go on."""
        now = self.clock.now()
        woken = [(at, run) for at, run in self.standing if everybody or at <= now]
        self.standing = [each for each in self.standing if each not in woken]
        for _, run in woken:
            self.fate.tell(now, f"{run.name} wakes")
            self.running.append(run)

    # The host

    def hand_over(self, process: Process, message: Message) -> None:
        """What a host does with a message: honour it, then delete it, or hide it for a while, or call it poison."""
        if message.dequeue_count > MOST_DEQUEUES:
            self.store.send_message(POISON, message.text)
            self.store.delete_message(QUEUE, message)
            return
        try:
            self.honour(message.text, connector=process.connector)
        except Killed:
            raise
        except Exception:
            self.show_again(message, HOST_RETRY_SECONDS)
            raise
        else:
            self.store.delete_message(QUEUE, message)

    def show_again(self, message: Message, seconds: float) -> None:
        """A message is visible again after so many seconds, with its count."""
        for queued in self.store._queues[QUEUE]:
            if (queued.message_id, queued.receipt) == (message.message_id, message.receipt):
                queued.visible_at = self.clock.now() + timedelta(seconds=seconds)

    def next_time(self) -> datetime | None:
        """When something that waits is due."""
        now = self.clock.now()
        times = [queued.visible_at for queued in self.store._queues[QUEUE]]
        return min((at for at in times if at > now), default=None)
