"""One seed on Azurite with real processes: a schedule, its kills and stalls, the settling, and what is wrong afterwards."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from shared.state import checkpoints, connections, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import POISON, QUEUE
from shared.storage import Message
from shared.sync import refresh
from tests.support.books import TENANT
from tests.support.chaos_edits import some_edit
from tests.support.chaos_fate import Fate
from tests.support.killed_process import MOMENTS, Process, Strike
from tests.support.killed_world import KilledWorld, seldom
from tests.support.world import MOST_DEQUEUES, PROCESS_LIFE, WEBHOOK_KEY, XERO_CLIENT_SECRET, sign

# Where a process is struck, and by which request that matches at the latest.
PLACES = {
    ".": 40,
    "table": 25,
    "blob PUT": 6,
    "blob (PUT|DELETE) .*/(outbox|reads)": 3,
    "queue": 3,
    "powerbi POST": 3,
    "xero GET /api": 3,
}
# Read every five minutes, some in each seed, beside the invoices; all else at the end.
OFTEN = ("Contacts", "Payments", "CreditNotes", "BankTransactions", "ManualJournals", "Items", "TaxRates")
OF_REFRESH = {"xero POST": 1, "vault PUT": 1, "vault": 3, "table": 6, ".": 12}
HTML = "<html><body>try again later</body></html>"
XERO_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "headers": {"X-Rate-Limit-Problem": "minute", "Retry-After": "20"}},
    {"kind": "status", "status": 429, "headers": {"X-Rate-Limit-Problem": "concurrent"}},
    {"kind": "status", "status": 503, "body": HTML, "headers": {"Content-Type": "text/html"}},
    {"kind": "status", "status": 200, "body": HTML, "headers": {"Content-Type": "text/html"}},
    {"kind": "truncate", "size": 300},
    {"kind": "reset"},
    {"kind": "reset", "commits": True},
)
POWERBI_FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 429, "headers": {"Retry-After": "30"}},
    {"kind": "status", "status": 502, "commits": True},
    {"kind": "status", "status": 500},
    {"kind": "reset"},
    {"kind": "reset", "commits": True},
)
WITHIN = 4 * 3600


@dataclass
class Outcome:
    """What a seed came to. struck: kills and stalls that happened, by kind, moment and place."""

    seed: int
    wrong: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    struck: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def told(self) -> str:
        again = f"KILLED_SEED={self.seed} python3 -m pytest tests/system/test_killed_processes.py"
        return "\n".join([*self.story, *(f"WRONG: {each}" for each in self.wrong), f"Again: {again}"])


@dataclass
class _Running:
    process: Process
    what: str
    message: Message | None = None


def play(world: KilledWorld, seed: int, *, mutant: str = "") -> Outcome:
    """Play one seed; `mutant` breaks a rule of the design in every process."""
    return _Play(world, seed, mutant).play()


class _Play:
    def __init__(self, world: KilledWorld, seed: int, mutant: str) -> None:
        self.world, self.mutant = world, mutant
        self.fate = Fate(seed)
        # What only a whole read finds is kind (a)'s to try.
        self.fate.stamped = True
        self.fate.story[:] = [f"seed {seed}"]
        self.outcome = Outcome(seed, story=self.fate.story)
        self.born = 0
        self.processes: list[Process] = []
        self.stalled: list[_Running] = []
        self._busy: list[Process] = []

    def play(self) -> Outcome:
        world, fate = self.world, self.fate
        # Seeds in a row strike at each place in turn, first.
        self.preset = list(PLACES)[fate.seed % len(PLACES)]
        begins = 0 if fate.chance(0.1) else 1
        often = ("Invoices", *fate.random.sample(OFTEN, 3))
        settings = {
            "POLL_MINUTES_BY_RESOURCE": seldom(often),
            "XERO_PAGE_SIZE": fate.one_of(("3", "1000")),
            "POWERBI_ROWS_PER_POST": "10000" if begins == 0 else fate.one_of(("5", "10000")),
        }
        world.begin(begins, settings)
        self.held = world.held()
        if begins:
            self._due(often)
        beginning = ("the connection", "the history pushed")[begins]
        fate.tell(None, f"from {beginning}, often read: {', '.join(often)}, {settings}")
        try:
            self.processes = [self._bear(), self._bear()]
            for _ in range(fate.random.randrange(2, 4)):
                self._step()
            self._settle()
            self._check()
        except (AssertionError, TimeoutError) as error:
            self.outcome.wrong.append(f"{type(error).__name__}: {error}")
        finally:
            for each in self.processes:
                each.end()
        return self.outcome

    def _bear(self) -> Process:
        self.born += 1
        return Process(f"process {self.born}", self.world.birth(self.mutant), self.world.clock.now())

    def _tell(self, text: str) -> None:
        self.fate.tell(self.world.clock.now(), text)

    # The schedule

    def _step(self) -> None:
        fate = self.fate
        for _ in range(fate.random.randrange(1, 4)):
            some_edit(cast(Any, self.world), fate)
        for _ in range(fate.random.randrange(0, 2)):
            self._fault()
        self._run("webhook", None)
        first = fate.one_of(("poll", "honour", "poll", "honour", "refresh"))
        if self.preset.startswith("powerbi"):
            first = "honour"
        if first == "refresh":
            self._go_by(1300)
        self._run(first, self._strike(first), fate.one_of(("honour", "poll", "")))
        self._run("honour", self._strike("honour") if fate.chance(0.4) else None)
        self._go_by(fate.one_of((1, 20, 65, 130, 310, 601)))

    def _strike(self, what: str) -> Strike | None:
        fate = self.fate
        where, latest = fate.one_of(list((OF_REFRESH if what == "refresh" else PLACES).items()))
        if self.preset and what != "refresh":
            where, latest, self.preset = self.preset, PLACES[self.preset], ""
        kind = "stall" if fate.chance(0.2) else "kill"
        return Strike(kind, fate.one_of(MOMENTS), where, fate.random.randrange(latest) + 1)

    def _fault(self) -> None:
        world, fate = self.world, self.fate
        at_xero = fate.chance(0.5)
        drawn = fate.one_of(XERO_FAULTS if at_xero else POWERBI_FAULTS)
        after = fate.random.randrange(4)
        self._tell(f"{'Xero' if at_xero else 'Power BI'} answers after {after} calls with {drawn}")
        if at_xero:
            world.xero_fault(**drawn, after=after)
        else:
            world.powerbi_fault(**drawn, after=after)

    def _go_by(self, seconds: float) -> None:
        self._tell(f"{seconds:.0f} s go by")
        # Beyond Xero's grace of 30 minutes without a run, only a person could help.
        while seconds > 300 and not self.stalled and self._unresolved():
            self.world.clock.advance(300)
            seconds -= 300
            self._run("refresh", None)
        self.world.clock.advance(seconds)
        stalled, self.stalled = self.stalled, []
        for each in stalled:
            self._tell(f"{each.process.name} wakes")
            each.process.go_on()
            self._listen(each)

    def _unresolved(self) -> bool:
        states = self.world.store.query_entities("checkpoints", refresh.PARTITION)
        return any(int(state.entity.get("intent", -1)) >= 0 for state in states)

    def _run(self, what: str, strike: Strike | None, beside: str = "") -> None:
        """Run a function, and another at the same time in another process."""
        runs = [self._begin(what, strike)]
        if beside:
            runs.append(self._begin(beside, None))
        for run in runs:
            if run is not None:
                self._listen(run)

    def _free(self) -> Process:
        """A process that does nothing; where all are busy or too old, a new one."""
        now = self.world.clock.now()
        for each in list(self.processes):
            if each in self._busy:
                continue
            if now - each.born_at > PROCESS_LIFE - timedelta(minutes=10):
                self.processes.remove(each)
                each.end()
                continue
            return each
        self.processes.append(self._bear())
        return self.processes[-1]

    def _begin(self, what: str, strike: Strike | None) -> _Running | None:
        world, argument, message = self.world, cast(object, None), None
        if what == "honour":
            message = self._receive()
            if message is None:
                return None
            argument = message.text
        elif what == "webhook":
            events = world.xero.webhooks.pending()
            world.xero.webhooks._pending.clear()
            if not events or self.fate.chance(0.2):
                return None
            body = world.xero.webhooks._body(events)
            argument = (body, sign(body))
        process = self._free()
        self._busy.append(process)
        self._tell(f"{process.name}: {what}" + (f", {strike}" if strike else ""))
        process.order(what, argument, strike)
        return _Running(process, what, message)

    def _listen(self, run: _Running) -> None:
        """Until the run ends, or stands still."""
        while True:
            word, words = run.process.hear()
            match word:
                case "kill" | "stall":
                    self._tell(f"  {run.process.name}: {word} {words}")
                    moment, place = words.split()[:2]
                    self.outcome.struck[word, moment, place] += 1
                    if word == "stall":
                        self.stalled.append(run)
                        return
                case "dead":
                    assert run.process.killed(), f"{run.process.name} ended by itself"
                    self.processes.remove(run.process)
                    break
                case _:
                    if word == "failed":
                        self._tell(f"  {run.process.name}: {run.what} fails: {words}")
                    elif run.message is not None:
                        self.world.store.delete_message(QUEUE, run.message)
                    break
        self._busy.remove(run.process)

    def _receive(self) -> Message | None:
        """As the host: what was handed over too often is poison; a dead process's message is visible again in ten minutes."""
        store = self.world.store
        while (message := self.world.receive()) is not None:
            if message.dequeue_count <= MOST_DEQUEUES:
                return message
            store.send_message(POISON, message.text)
            store.delete_message(QUEUE, message)
        return None

    def _due(self, resources: Iterable[str]) -> None:
        for name in resources:
            if name in self.world.connector.resources:
                checkpoint = checkpoints.load(self.world.store, TENANT, name)
                replace(checkpoint, next_at=self.world.clock.now()).save(self.world.store)

    # The end of the trouble

    def _settle(self) -> None:
        world = self.world
        self._go_by(61)
        world.xero.faults.clear()
        world.powerbi_faults.clear()
        self._tell("the trouble ends")
        self._rest()
        # What changed is read once more.
        world.clock.advance(601)
        self._due([name for name, rows in world.held().items() if rows != self.held[name]])
        self._rest()
        world.clock.advance(60)

    def _rest(self) -> None:
        world = self.world
        began, handed = world.clock.now(), 0
        while True:
            self._run("refresh", None)
            self._run("poll", None)
            while (run := self._begin("honour", None)) is not None:
                handed += 1
                assert handed < 200, "the queue does not come to rest"
                self._listen(run)
            waits = world.unsettled()
            if not waits:
                return
            elapsed = (world.clock.now() - began).total_seconds()
            assert elapsed < WITHIN, f"after {elapsed:.0f} s {waits}"
            world.clock.advance(310)

    def _check(self) -> None:
        world, wrong = self.world, self.outcome.wrong
        wrong += world.differences()[:8]
        store = world.store
        for organisation in connections.connected(store):
            if organisation.consent_lost:
                wrong.append("the consent is marked as lost, and nobody took it away")
            for checkpoint in checkpoints.load_all(store, organisation.tenant_id).values():
                if checkpoint.parked:
                    wrong.append(f"{checkpoint.resource} is parked: {checkpoint.trouble}")
        state = sink.read(store, DEFAULT_DATASET)
        if state.in_flight:
            wrong.append(f"in flight: {state.in_flight}")
        for name, standing in state.tables.items():
            if standing.parked:
                wrong.append(f"table {name} is parked: {standing.parked}")
            if len(world.rows(name)) > state.rows_upper.get(name, 0):
                wrong.append(f"{name} has more rows than the sink counts")
        if store.queue_length(QUEUE) or store.queue_length(POISON):
            wrong.append("messages are left")
        wrong += [f"quarantined: {blob.name}" for blob in store.list_blobs("quarantine", "")]
        secrets = {XERO_CLIENT_SECRET, WEBHOOK_KEY}
        for secret in world.vault.names(deleted=False):
            if secret.name.startswith("xero-tokens"):
                for version in secret.versions:
                    secrets |= {
                        part for part in version.value.split('"') if len(part) > 40 and " " not in part
                    }
        everything = "\n".join(world.stored())
        assert len(everything) > 10_000
        wrong += [f"the secret {each[:6]}… is stored" for each in secrets if each in everything]
