"""One seed: play a schedule, stop the trouble, let everything settle, and say what is not as it must be."""

import gzip
import logging
import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

from azure.core.exceptions import AzureError

from local.xero.webhooks import Event
from shared.errors import ConnectorError
from shared.state import checkpoints, connections, messages, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import POISON, QUEUE
from shared.sync import connect, receive, refresh
from tests.support.chaos_edits import some_edit, stamp_anew, stamp_back
from tests.support.chaos_fate import Fate, Focus
from tests.support.chaos_measures import differing_measures
from tests.support.chaos_process import Process
from tests.support.chaos_turns import Run
from tests.support.chaos_world import SETTINGS, ChaosWorld, NoPorts
from tests.support.killing import Killed
from tests.support.world import WEBHOOK_KEY, XERO_CLIENT_SECRET, sign

# What a schedule does next, by weight.
STEPS = {"burst": 5.0, "poll": 6.0, "honour": 5.0, "refresh": 1.0, "webhook": 2.0, "edit": 2.0, "wait": 5.0}
STEPS |= {"compact": 1.2, "connect": 0.4, "disconnect": 0.15, "restart": 0.7}
# By weight: a moment, beyond a lease, beyond a token, a day in which nothing ran.
WAITS = {(1, 30): 3.0, (61, 400): 6.0, (900, 1800): 2.0, (86_000, 200_000): 0.1}
# Everything has settled this many seconds after the trouble, beside the longest wait that was asked for.
WITHIN = 6 * 3600
# Then what changed last is read (POLL_MINUTES), or everything once more, for what moves no stamp (REREAD_HOURS_BY_RESOURCE).
NEXT = 1200
CYCLE = 3700


# How far a machine's clock is off, in seconds. Twice that and the latest effect are less than SETTLE_SECONDS together.
APART = 85
# Where no trouble needs it, nothing is read twice.
EXACT = {
    "POLL_OVERLAP_SECONDS": "2",
    "REREAD_HOURS_BY_RESOURCE": SETTINGS["REREAD_HOURS_BY_RESOURCE"].replace("=1", "=8000"),
}


@dataclass
class Outcome:
    """What a seed came to: nothing wrong, or what; the story; how long the settling took, in the world's seconds."""

    seed: int
    wrong: list[str]
    story: list[str]
    seconds: float = 0.0
    struck: frozenset[str] = frozenset()


@dataclass
class Stage:
    """A world from which every seed plays, at one of two beginnings: connected, or with its history pushed."""

    world: ChaosWorld
    beginnings: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def make(cls) -> "Stage":
        with _same_ids(0):
            world = ChaosWorld(NoPorts())
            world.load()
            world.connect()
            stage = cls(world, [world.snapshot()])
            world.settle()
            assert world.differences() == []
            stage.beginnings.append(world.snapshot())
        return stage

    def play(self, seed: int, focus: Focus | None = None) -> Outcome:
        """Play one seed. The same seed plays the same in every process with the same PYTHONHASHSEED."""
        with _same_ids(seed):
            return _Play(self, Fate(seed, focus or Focus())).play()


class _Play:
    def __init__(self, stage: Stage, fate: Fate) -> None:
        self.world, self.fate, self.stage = stage.world, fate, stage
        self.wrong: list[str] = []
        self.may_be_lost = False
        self.backward: set[str] = set()
        self.processes: list[Process] = []

    def play(self) -> Outcome:
        world, fate = self.world, self.fate
        begins = 0 if fate.chance(0.2) and not fate.focus.edits else 1
        self.stage.beginnings[begins]()
        world.clock.forget()
        world.forget_past()
        world.standing.clear()
        world.running.clear()
        world.vault_down_until = world.clock.now()
        world.fate = fate
        world.edit_xero = lambda: some_edit(world, fate)
        world.stamp_back = lambda: self.backward.add(stamp_back(world, fate))
        world.xero.webhooks._chance.seed(fate.seed)
        world.identity.issuer._random.seed(fate.seed)
        world.environment = (
            dict(world.environment)
            | (EXACT if fate.stamped else {})
            | {
                "XERO_DAY_LIMIT": "5000",
                "POLL_MINUTES": fate.one_of(("2", "2", "10")),
                # A proof mends what a broken rule spoils.
                "RECONCILE_PERCENT": "0" if fate.stamped else "1",
                "XERO_PAGE_SIZE": fate.one_of(("2", "3", "1000")),
                # The days of a calendar are thousands.
                "POWERBI_ROWS_PER_POST": fate.one_of((("500", "30")[begins], "10000")),
            }
        )
        world.restart()
        world.xero.switches.update({"day_limit": 5000})
        world.powerbi.switches = world.powerbi.switches.changed(
            {
                "ingest_seconds": fate.one_of((0, 0, 0, 20)),
                "delete_seconds": fate.one_of((0, 0, 60)),
                "execute_queries": fate.one_of(("allowed", "refused")),
                "delete_takes": fate.one_of(("everything", "older")),
            }
        )
        world.clock.advance(fate.one_of((0, 601)))
        fate.tell(None, f"from {('the connection', 'the history pushed')[begins]}, {_said(world)}")
        self.processes = [self._process(name) for name in ("one", "two", "three")]
        took = 0.0
        with _watch_the_log() as lines:
            try:
                for _ in range(fate.random.randrange(8, 26)):
                    self._step()
                took = self._settle()
                self._check(lines)
            except Exception as error:
                self.wrong.append(f"{type(error).__name__}: {error}")
                if not isinstance(error, AssertionError):
                    raise
        return Outcome(fate.seed, self.wrong, fate.story, took, frozenset(fate.struck))

    def _process(self, name: str) -> Process:
        off = self.fate.one_of((0.0, 0.0, self.fate.between(-APART, APART)))
        self.fate.tell(None, f"process {name}, its clock off by {off:.0f} s")
        return Process(self.world, name, off)

    # The schedule

    def _step(self) -> None:
        world, fate = self.world, self.fate
        what = fate.pick(STEPS | dict(fate.focus.steps))
        match what:
            case "edit":
                some_edit(world, fate)
            case "burst":
                for _ in range(fate.random.randrange(1, 4)):
                    some_edit(world, fate)
                self._run("webhook")
                world.give_turns()
                for _ in range(fate.random.randrange(1, 3)):
                    self._run("honour")
            case "wait":
                low, high = _pick(fate, WAITS)
                seconds = fate.between(low, high)
                fate.tell(world.clock.now(), f"{seconds:.0f} s go by")
                self._go_by(seconds)
            case "restart":
                at = fate.random.randrange(len(self.processes))
                self.processes[at] = self._process(self.processes[at].name)
            case "disconnect":
                fate.tell(world.clock.now(), "the user disconnects the app at Xero")
                world.xero.identity.connections.clear()
                self.may_be_lost = True
            case "compact":
                table = fate.one_of(("Invoices", "Lines", "Contacts", "Allocations", "SyncStatus"))
                fate.tell(world.clock.now(), f"compaction of {table} is asked for")
                messages.ask(
                    world.store,
                    world.clock,
                    DEFAULT_DATASET,
                    "compact",
                    "asked",
                    uuid.uuid4().hex,
                    table=table,
                )
            case _:
                self._run(what)
                if fate.chance(0.3):
                    self._run(fate.one_of(("poll", "honour", "refresh", "webhook")))
        world.wake()
        world.give_turns()

    def _go_by(self, seconds: float) -> None:
        """Time in which nothing is asked for; but where a renewal is unresolved the timer fires, each five minutes.

        Beyond Xero's grace of 30 minutes without a run, only a person could help.
        """
        world = self.world
        while seconds > 300 and self._unresolved():
            world.clock.advance(300)
            seconds -= 300
            world.refresh()
        world.clock.advance(seconds)

    def _unresolved(self) -> bool:
        states = self.world.store.query_entities("checkpoints", refresh.PARTITION)
        return any(
            int(state.entity.get("intent", -1)) >= 0 or bool(state.entity.get("asked")) for state in states
        )

    def _run(self, what: str) -> None:
        """Begin a function in a process that does nothing else."""
        world, fate = self.world, self.fate
        free = [
            each for each in self.processes if not any(run.name.startswith(each.name) for run in self._busy())
        ]
        if not free:
            return
        process = fate.one_of(free)
        act: Callable[[], object]
        match what:
            case "poll":
                act = lambda: world.poll(connector=process.connector)  # noqa: E731
            case "refresh":
                act = lambda: world.refresh(connector=process.connector)  # noqa: E731
            case "honour":
                message = world.receive()
                if message is None:
                    return
                act = lambda: world.hand_over(process, message)  # noqa: E731
            case "webhook":
                events = self._events()
                if not events:
                    return
                act = lambda: self._deliver(process, events)  # noqa: E731
            case _:
                act = lambda: self._connect(process)  # noqa: E731
        fate.tell(world.clock.now(), f"{process.name}: {what}")
        world.start(f"{process.name} {what}", lambda: self._guarded(process, what, act))

    def _busy(self) -> list[Run]:
        return [*self.world.running, *(run for _, run in self.world.standing)]

    def _guarded(self, process: Process, what: str, act: Callable[[], object]) -> None:
        """What a host makes of a function that ends badly; what nobody foresaw is wrong."""
        try:
            act()
        except Killed:
            at = self.processes.index(process)
            self.processes[at] = self._process(process.name)
        except (AzureError, ConnectorError) as error:
            self.fate.tell(self.world.clock.now(), f"  {process.name}: {what} fails: {error}")
        except Exception as error:
            self.wrong.append(f"{what} raised {type(error).__name__}: {error}")

    # Webhooks

    def _events(self) -> list[Event]:
        """What Xero delivers now: some of what happened, in any order; the rest later, or never."""
        fate, hooks = self.fate, self.world.xero.webhooks
        events = hooks.pending()
        kind = fate.pick({"all": 5, "some": 2, "none any more": 1})
        if kind == "none any more" and events:
            fate.tell(self.world.clock.now(), f"{len(events)} webhooks are lost")
            hooks._pending.clear()
            return []
        fate.random.shuffle(events)
        return events if kind == "all" else events[: len(events) // 2]

    def _deliver(self, process: Process, events: list[Event]) -> None:
        """Xero sends again what was not answered with 200, and sometimes what was."""
        hooks = self.world.xero.webhooks
        body = hooks._body(events)
        receive.receive_webhook(process.connector, body, sign(body))
        if self.fate.chance(0.8):
            delivered = {event.sequence for event in events}
            hooks._pending = [each for each in hooks._pending if each.sequence not in delivered]

    # Consent

    def _connect(self, process: Process) -> None:
        """The operator connects again."""
        connector = process.connector
        consent = connect.ask_for_consent(connector)
        connect.finish_consent(connector, consent, self.world.press_allow(consent.url))

    # The end of the trouble

    def _settle(self) -> float:
        world, fate = self.world, self.fate
        fate.on = False
        world.wake(everybody=True)
        world.give_turns()
        fate.tell(world.clock.now(), "the trouble ends")
        world.vault_down_until = world.clock.now()
        self.processes = [
            each if not each.dead and fate.chance(0.5) else Process(world, each.name, 0.0)
            for each in self.processes
        ]
        world.clock.advance(5)
        for key in sorted(self.backward):
            stamp_anew(world, key)
        if self.may_be_lost or fate.struck & {"xero scope", "xero gone"}:
            self._connect(self.processes[0])
            self.may_be_lost = False
        began = world.clock.now()
        waits = WITHIN + (7200 if fate.struck & {"xero day"} else 0)
        self._rest(waits)
        took = (world.clock.now() - began).total_seconds()
        world.clock.advance(NEXT if fate.stamped else CYCLE)
        self._rest(WITHIN)
        # What was posted last is seen a little later.
        world.clock.advance(60)
        return took

    def _rest(self, within: float) -> None:
        """The timers and the queue run on two instances, until nothing waits."""
        world = self.world
        began, turn = world.clock.now(), 0
        while True:
            turn += 1
            ours = self.processes[turn % 2]
            world.refresh(connector=ours.connector)
            world.poll(connector=ours.connector)
            handed = 0
            while (message := world.receive()) is not None:
                handed += 1
                assert handed < 200, "the queue does not come to rest"
                world.hand_over(self.processes[handed % 2], message)
            waits = world.unsettled() or self._put_off()
            if not waits:
                return
            elapsed = (world.clock.now() - began).total_seconds()
            assert elapsed < within, f"after {elapsed:.0f} s {waits}"
            world.clock.advance(60 if turn < 20 else 300)

    def _put_off(self) -> str:
        """What is due and waits for a limit to pass."""
        world, now = self.world, self.world.clock.now()
        for organisation in connections.connected(world.store):
            for each in checkpoints.load_all(world.store, organisation.tenant_id).values():
                if each.next_at <= now < each.resume_at and each.resource in world.connector.resources:
                    return f"{each.resource} is put off until {each.resume_at}: {each.trouble}"
        return ""

    def _check(self, log: list[str]) -> None:
        world = self.world
        self.wrong += world.compare(days=self.fate.seed % 8 == 0)[:8]
        if self.fate.seed % 16 == 1:
            self.wrong += [f"measure {each}" for each in differing_measures(world)[:8]]
        store = world.store
        for organisation in connections.connected(store):
            if organisation.consent_lost:
                self.wrong.append("the consent is marked as lost, and nobody took it away")
            for checkpoint in checkpoints.load_all(store, organisation.tenant_id).values():
                if checkpoint.parked:
                    self.wrong.append(f"{checkpoint.resource} is parked: {checkpoint.trouble}")
        state = sink.read(store, DEFAULT_DATASET)
        shown = world.powerbi.settled(world.dataset_id)
        assert shown is not None
        if state.in_flight:
            self.wrong.append(f"in flight: {state.in_flight}")
        for name, standing in state.tables.items():
            if standing.parked:
                self.wrong.append(f"table {name} is parked: {standing.parked}")
            held = len(shown.tables[name].rows)
            # What was answered and not there yet outlives a DELETE (docs/faults.md): superseded rows, some too many.
            late = standing.compacted_at is not None and world.powerbi.switches.ingest_seconds > 0
            if held > state.rows_upper.get(name, 0) and not late:
                self.wrong.append(f"{name} has {held} rows, more than {state.rows_upper.get(name)}")
        if store.queue_length(POISON) or store.queue_length(QUEUE):
            self.wrong.append("messages are left")
        quarantined = [
            str(each.entity)
            for rows in store._tables["quarantine"].partitions.values()
            for each in rows.values()
        ]
        self.wrong += [f"quarantined: {each[:200]}" for each in quarantined]
        self._check_audit()
        self._check_secrets(log)

    def _check_audit(self) -> None:
        """Every batch was landed and was pushed, as the audit tells; unless rows of a run died with it."""
        if self.fate.struck & {"kill", "store fails", "store lost", "store again"}:
            return
        told: dict[str, set[str]] = {}
        for row in self.world.audit():
            for batch in str(row.get("batches", "")).split():
                told.setdefault(batch, set()).add(f"{row['what']} {row['outcome']}")
        done = [
            name.rpartition("/")[2]
            for name in self.world.store._containers["outbox"]
            if name.startswith("done/")
        ]
        for name in done:
            what = told.get(name, set())
            if not any("landed" in each or "not found" in each or "refill" in each for each in what):
                self.wrong.append(f"the audit does not tell where batch {name} comes from: {what}")
            if not any(each.startswith("push ") for each in what):
                self.wrong.append(f"the audit does not tell of the push of batch {name}: {what}")

    def _check_secrets(self, log: list[str]) -> None:
        world = self.world
        secrets = [XERO_CLIENT_SECRET, WEBHOOK_KEY]
        for secret in world.vault.names(deleted=False):
            for version in secret.versions:
                if secret.name.startswith("xero-tokens"):
                    secrets += [
                        part for part in version.value.split('"') if len(part) > 40 and " " not in part
                    ]
        stored = [
            str(each.entity)
            for table in world.store._tables.values()
            for rows in table.partitions.values()
            for each in rows.values()
        ]
        stored += [queued.text for queue in world.store._queues.values() for queued in queue]
        if self.fate.seed % 10 == 0:
            for blobs in world.store._containers.values():
                stored += [_text(data) for data in blobs.values()]
        everything = "\n".join([*stored, *log])
        self.wrong += [
            f"the secret {each[:6]}… is stored or logged" for each in set(secrets) if each in everything
        ]


def _text(data: bytes) -> str:
    return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("latin-1")


def _pick[T](fate: Fate, weighted: dict[T, float]) -> T:
    [found] = fate.random.choices(list(weighted), list(weighted.values()))
    return found


def _said(world: ChaosWorld) -> str:
    switches = world.powerbi.switches
    env = world.environment
    return (
        f"read every {env['POLL_MINUTES']} minutes, pages of {env['XERO_PAGE_SIZE']}, POSTs of {env['POWERBI_ROWS_PER_POST']} rows, rows seen after "
        f"{switches.ingest_seconds:g} s, DELETE after {switches.delete_seconds:g} s, queries {switches.execute_queries}"
    )


@contextmanager
def _same_ids(seed: int) -> Iterator[None]:
    """uuid4 of a seed."""
    drawn = random.Random(seed)
    kept = uuid.os  # type: ignore[attr-defined]
    uuid.os = SimpleNamespace(urandom=drawn.randbytes)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        uuid.os = kept  # type: ignore[attr-defined]


class _Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def _watch_the_log() -> Iterator[list[str]]:
    handler, root = _Lines(), logging.getLogger()
    kept, propagate = root.handlers[:], root.level
    root.handlers = [handler]
    try:
        yield handler.lines
    finally:
        root.handlers = kept
        root.setLevel(propagate)
