"""Health and `status`: read from storage alone, true, and the same shape for machines from one version to the next."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from commands import alarm, status
from commands.status_json import document
from commands.terminal import Where, console
from shared.errors import AskPerson
from shared.state import checkpoints
from shared.state.connections import DEFAULT_DATASET
from shared.sync.alarms import ALARMS, ask_for_test
from shared.sync.connector import Connector
from shared.sync.health import health
from shared.sync.pause import pause
from shared.tables import TABLES
from tests.support import books
from tests.support.memory_store import MemoryStore
from tests.support.offices import AUCKLAND, SYDNEY
from tests.support.world import World

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operate.md"
READS = {"query_entities", "list_blobs", "get_entity", "get_blob", "queue_length"}
# For an organisation with 26 tables.
OPERATIONS = 40

TEXT, NUMBER, FLAG = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}
INSTANT = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def exactly(**properties: Any) -> dict[str, Any]:
    """An object of just these."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def many(of: Any) -> dict[str, Any]:
    return {"type": "array", "items": of}


ALARM = exactly(
    code={"enum": list(ALARMS)},
    severity={"enum": [0, 1, 2, 3, 4]},
    organisation=TEXT,
    about=TEXT,
    since=INSTANT,
    words=TEXT,
)
TABLE = exactly(
    table={"enum": list(TABLES)},
    state={"enum": ["good", "late", "parked", "aside", "rebuild", "trouble", "not yet"]},
    fresh_as_of=INSTANT,
    fresh_until=INSTANT,
    lag_minutes={"type": ["number", "null"]},
    last_poll=INSTANT,
    next_poll=INSTANT,
    last_push=INSTANT,
    records=NUMBER,
    rows_at_most=NUMBER,
    pending=NUMBER,
    oldest_pending=INSTANT,
    quarantined=NUMBER,
    parked=TEXT,
    trouble=TEXT,
    rebuilding=FLAG,
    verified={"type": ["boolean", "null"]},
)
SCHEMA = exactly(
    format={"const": 1},
    at=INSTANT,
    healthy=FLAG,
    alarms=many(ALARM),
    organisations=many(
        exactly(
            tenant_id=TEXT,
            name=TEXT,
            dataset=TEXT,
            token_set=TEXT,
            consent_lost=FLAG,
            paused_since=INSTANT,
            paused_why=TEXT,
            fresh_as_of=INSTANT,
            last_poll=INSTANT,
            last_webhook=INSTANT,
            histories=exactly(complete=NUMBER, of=NUMBER),
            proof=exactly(
                oldest=INSTANT,
                newest=INSTANT,
                proven=NUMBER,
                months=NUMBER,
                differs=many(exactly(table=TEXT, month=TEXT, report=TEXT, at=INSTANT, words=TEXT)),
            ),
            mirror_lacks=many(TEXT),
            calls=exactly(
                day_used=NUMBER,
                day_bytes=NUMBER,
                day_before_calls=NUMBER,
                day_before_bytes=NUMBER,
                day_limit=NUMBER,
                webhook_reserve=NUMBER,
                day_ends=INSTANT,
                minute_used=NUMBER,
                minute_limit=NUMBER,
                blocked_by=TEXT,
                blocked_until=INSTANT,
            ),
            tables=many(TABLE),
        )
    ),
    datasets=many(
        exactly(
            dataset=TEXT,
            powerbi_id=TEXT,
            pending=NUMBER,
            oldest_pending=INSTANT,
            in_flight=NUMBER,
            unreadable=NUMBER,
            rows_at_most=NUMBER,
            last_push=INSTANT,
            refused=TEXT,
            rebuilding=TEXT,
            rebuild_phase=TEXT,
            rebuild_since=INSTANT,
            successor=TEXT,
        )
    ),
    token_sets=many(
        exactly(
            token_set=TEXT,
            generation=NUMBER,
            obtained_at=INSTANT,
            expires_at=INSTANT,
            days_left={"type": ["integer", "null"]},
            trying_since=INSTANT,
            failure=TEXT,
            unknown=TEXT,
        )
    ),
    queue=exactly(waiting=NUMBER, poisoned=NUMBER, swept_at=INSTANT, put_aside=NUMBER),
    alarms_looked_for_at=INSTANT,
    test_alarm=exactly(asked_at=INSTANT, told_at=INSTANT),
)


class ReadOnly:
    """A store that only reads, and counts it."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.operations = 0

    def __getattr__(self, name: str) -> Any:
        assert name in READS, f"{name} would change something"
        self.operations += 1
        return getattr(self._store, name)


def nobody() -> Any:
    raise AssertionError("a vendor is called")


def looking(world: World) -> tuple[Connector, ReadOnly]:
    """A connector that can only look at storage, and read the vault."""
    store = ReadOnly(world.store)
    only: Any = {"store": store, "xero": nobody, "xero_identity": nobody, "powerbi": nobody}
    return replace(world.connector, **only), store


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str]]:
    """Runs `status` or `alarm` against a world that may only be looked at; answers exit code and output."""

    def run(world: World, *words: str, command: Any = status, **options: Any) -> tuple[int, str]:
        monkeypatch.setattr(command, "connector", lambda where: looking(world)[0])
        with console.capture() as captured:
            code = command.run(Where(), *words, **options)
        return code, captured.get()

    return run


def see(
    shown: Callable[..., tuple[int, str]], world: World, name: str = "", **options: Any
) -> tuple[int, str]:
    return shown(world, name, **({"everything": False, "as_json": False} | options))


def test_health_only_looks(settled: World) -> None:
    """No call to a vendor, no write, and few operations of storage for an organisation with all its tables."""
    calls, posts = len(settled.calls), len(settled.posts())
    connector, store = looking(settled)
    found = health(connector)
    assert [len(each.tables) for each in found.organisations] == [len(TABLES)]
    assert store.operations <= OPERATIONS
    assert (len(settled.calls), len(settled.posts())) == (calls, posts)


def test_what_health_says_is_so(settled: World) -> None:
    """Freshness, polls, pushes, records, rows, calls, tokens and webhooks, each as it happened."""
    before = settled.connector.xero()._budget.used(books.TENANT)["day"]
    settled.advance(600)
    settled.edit(1, Reference="by webhook")
    came_at = settled.clock.now()
    settled.drain_queue()
    found = health(settled.connector)
    [organisation] = found.organisations
    tables = {each.table: each for each in organisation.tables}
    read = checkpoints.load(settled.store, books.TENANT, "Invoices")
    invoices = tables["Invoices"]
    assert invoices.fresh_as_of is not None
    assert invoices.fresh_as_of == read.fresh_as_of.replace(microsecond=0) if read.fresh_as_of else False
    assert (invoices.last_poll, invoices.next_poll) == (read.completed_at, read.next_at)
    assert invoices.last_push is not None
    assert invoices.last_push >= came_at.replace(microsecond=0)
    assert invoices.records == read.records > 0
    assert invoices.rows_at_most == len(settled.rows("Invoices"))
    assert organisation.last_webhook is not None
    assert abs((organisation.last_webhook - came_at).total_seconds()) < 1
    assert organisation.budget is not None
    # Since the world was put back to where it was settled, one call: the webhook's.
    assert organisation.budget.day == before + len(settled.calls_of("Invoices"))
    [tokens] = found.token_sets
    kept = settled.connector.secrets().token_set(tokens.token_set)
    assert (tokens.generation, tokens.obtained_at) == (kept.generation, kept.obtained_at)
    assert tokens.days_left == 59
    [dataset] = found.datasets
    assert (dataset.dataset, dataset.pending, dataset.powerbi_id) == (DEFAULT_DATASET, 0, settled.dataset_id)


def test_a_vault_that_cannot_be_read_is_said(settled: World, shown: Callable[..., tuple[int, str]]) -> None:
    """An operator without a role on the vault sees everything but the tokens' ages, and that he does not."""
    for secret in settled.vault.names(deleted=False):
        settled.vault.delete(secret.name)
    settled.restart()
    code, text = see(shown, settled)
    assert code == 0
    assert "age not known" in text


def test_a_healthy_connector(settled: World, shown: Callable[..., tuple[int, str]]) -> None:
    """One sentence that says so, exit code 0; with --all every table."""
    settled.poll()
    settled.advance(120)
    code, text = see(shown, settled)
    assert code == 0
    assert text.startswith("The organisation is fresh; the oldest figures of documents are 2 minutes old.")
    assert "All 26 tables are good." in text
    _, text = see(shown, settled, everything=True)
    assert all(f"\n{name} " in text for name in TABLES)


def test_an_alarm_comes_first_with_what_to_do(settled: World, shown: Callable[..., tuple[int, str]]) -> None:
    """The most serious one first; exit code 1; the tables that it concerns are shown without being asked for."""
    settled.advance(40 * 60)
    code, text = see(shown, settled)
    assert code == 1
    first, second, *_ = text.splitlines()
    assert first == "2 alarms stand:"
    assert second.startswith("  error: not-polled, Larkspur, since 2026-11-23 09:1")
    assert "Do: See in the portal" in text
    assert "\nInvoices " in text
    assert "\nTaxRates " not in text


def test_a_note_is_no_failure(settled: World, shown: Callable[..., tuple[int, str]]) -> None:
    """An alarm of severity 3 stands there, and the exit code is 0."""
    ask_for_test(settled.connector)
    code, text = see(shown, settled)
    assert code == 0
    assert text.startswith("1 alarm stands:\n  note: test")


def test_nothing_is_wider_than_a_terminal(offices: World, shown: Callable[..., tuple[int, str]]) -> None:
    """80 columns, with three organisations and whatever stands; only sentences to be wrapped are longer."""
    offices.settle()
    pause(offices.connector, SYDNEY, "audit")
    offices.advance(3600)
    _, text = see(shown, offices, everything=True)
    tables = [line for line in text.splitlines() if line.partition(" ")[0] in {*TABLES, "Table"}]
    assert len(tables) == 3 * (len(TABLES) + 1)
    assert max(map(len, tables)) <= 79


def test_one_organisation_alone(offices: World, shown: Callable[..., tuple[int, str]]) -> None:
    """Only it is shown, and only its alarms count; one that there is not is refused."""
    offices.settle()
    _, text = see(shown, offices, AUCKLAND, as_json=True)
    assert [each["tenant_id"] for each in json.loads(text)["organisations"]] == [AUCKLAND]
    with pytest.raises(AskPerson):
        see(shown, offices, "Nobody")


def test_before_anybody_is_connected(world: World, shown: Callable[..., tuple[int, str]]) -> None:
    """It says what to do first."""
    code, text = see(shown, world)
    assert code == 0
    assert "manage.py connect" in text


@pytest.mark.parametrize("minutes", [0, 40])
def test_the_document_keeps_its_shape(
    settled: World, shown: Callable[..., tuple[int, str]], minutes: int
) -> None:
    """--json is exactly what this schema says, well or not: every name, instants in UTC, numbers as numbers."""
    settled.edit(1, Reference="now")
    settled.drain_queue()
    settled.advance(minutes * 60)
    code, text = see(shown, settled, as_json=True)
    found = json.loads(text)
    jsonschema_rs.validate(SCHEMA, found)
    assert (found["healthy"], code) == ((False, 1) if minutes else (True, 0))
    assert datetime.fromisoformat(found["at"]) == settled.clock.now().replace(microsecond=0)


def test_the_page_names_everything_in_the_document(settled: World) -> None:
    """Whoever reads docs/operate.md knows every name of the document."""
    page = PAGE.read_text("utf-8")

    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {name for each in value.values() for name in names(each)}
        return {name for each in value for name in names(each)} if isinstance(value, list) else set()

    settled.advance(40 * 60)
    found = document(settled.connector.settings, health(settled.connector))
    assert [name for name in sorted(names(found)) if f"`{name}`" not in page] == []


def test_alarm_list(settled: World, shown: Callable[..., tuple[int, str]]) -> None:
    """Those of `status`, and what became of the last test."""
    asked_at = ask_for_test(settled.connector)
    code, text = shown(settled, "list", command=alarm, as_json=False)
    assert code == 0
    assert f"asked for at {asked_at:%Y-%m-%d %H:%M} UTC is not told yet" in text
    settled.poll()
    _, text = shown(settled, "list", command=alarm, as_json=False)
    assert "was told by the app at" in text
    assert text.startswith("No alarm stands.")
    _, text = shown(settled, "list", command=alarm, as_json=True)
    assert json.loads(text).keys() == {"format", "at", "healthy", "alarms", "test_alarm"}


def test_alarm_test_says_what_to_expect(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When, where, and what to look at when nothing comes."""
    monkeypatch.setattr(alarm, "connector", lambda where: settled.connector)
    with console.capture() as captured:
        assert alarm.run(Where(), "test", as_json=False) == 0
    for words in ("alarm code=test", "09:25 UTC", "alarm list", "action group"):
        assert words in captured.get()
