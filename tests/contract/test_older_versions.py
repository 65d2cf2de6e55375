"""What an older version left behind, in the middle of its work, goes on under this one, to the last figure.

The states in fixtures/ were written by the versions that they are named after (fixtures/record_state.py): a push that died
with batches in flight, batches that wait, a read that died between two steps, messages in the queue, and the tokens.
"""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local.powerbi import schema as powerbi_schema
from local.powerbi.dataset import Dataset
from local.xero.identity import AccessToken, Connection, Grant, _TokenSet
from shared.state import checkpoints, connections, messages, outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.storage import Write
from shared.sync.replay import replay
from tests.support import books
from tests.support.world import World

STATES = Path(__file__).parent / "fixtures"
# Before money had places of its own: the first tables, and a sink and checkpoints of earlier formats.
FIRST_TABLES = "5cdffc6"
# The tables of today.
LATEST = "194891e"
VERSIONS = tuple(sorted(file.name.split("-")[1].removesuffix(".json.gz") for file in STATES.glob("state-*")))
# What a lease of 60 seconds outlives a killed process by, and more.
PAUSE = timedelta(minutes=3)


@pytest.fixture
def older(new_world: Callable[..., World]) -> Callable[[str], World]:
    """Makes a world that was left by a version, some minutes later, with nothing but what was stored."""

    def left_by(version: str) -> World:
        found = json.loads(gzip.decompress((STATES / f"state-{version}.json.gz").read_bytes()))
        world = new_world(start=_instant(found["now"]) + PAUSE)
        _put_storage(world, found)
        _put_xero(world, found["xero"])
        _put_powerbi(world, found["powerbi"])
        for name, values in found["vault"].items():
            for value in values:
                world.vault.set(name, {"value": value})
        world.restart()
        return world

    return left_by


def _put_storage(world: World, found: dict[str, Any]) -> None:
    for container, blobs in found["blobs"].items():
        for name, data in blobs.items():
            world.store.put_blob(container, name, _value(data))
    for table, entities in found["tables"].items():
        world.store.create_table(table)
        for entity in entities:
            made = {name: _value(value) for name, value in entity.items()}
            world.store.write_entity(table, Write("insert", made))
    for queue, texts in found["queues"].items():
        for text in texts:
            world.store.send_message(queue, text)


def _put_xero(world: World, found: dict[str, Any]) -> None:
    records = {name: [_money(record) for record in each] for name, each in found["records"].items()}
    world.xero.store.load(books.TENANT, found["name"], records, "user-1")
    identity = world.xero.identity
    for each in found["connections"]:
        times = {name: _instant(each[name]) for name in ("created", "updated")}
        made = Connection(**each | times)
        identity.connections[made.id] = made
    for each in found["grants"]:
        tokens = {
            token: (_instant(issued), _instant(newer) if newer else None)
            for token, (issued, newer) in each["tokens"].items()
        }
        identity._sets |= dict.fromkeys(tokens, _TokenSet(_grant(each["grant"]), tokens))
    for token, each in found["access"].items():
        identity._access[token] = AccessToken(_grant(each["grant"]), _instant(each["expires"]))


def _put_powerbi(world: World, found: dict[str, Any]) -> None:
    definition = powerbi_schema.read_dataset(
        found["definition"], world.powerbi.limits, world.powerbi.switches
    )
    made = Dataset.made(found["id"], definition, "None", found["created_by"])
    for name, rows in found["rows"].items():
        made.tables[name]._append(
            [tuple(row) for row in rows], False, world.powerbi.limits, world.powerbi.switches
        )
    world.powerbi.datasets[made.id] = made
    world.dataset_id = made.id


def _value(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _grant(found: dict[str, Any]) -> Grant:
    return Grant(**found | {"scopes": tuple(found["scopes"])})


def _money(value: Any) -> Any:
    """Records as Xero's own: the fixture's only texts that are numbers with a point were amounts."""
    if isinstance(value, dict):
        return {name: _money(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_money(each) for each in value]
    if isinstance(value, str) and value.replace(".", "", 1).removeprefix("-").isdigit() and "." in value:
        return Decimal(value)
    return value


def bring_up_to_date(world: World) -> None:
    """What docs/upgrade.md tells the operator: today's tables beside the older ones, then their place, then `replay`.

    Until then what the older tables refuse waits, since they take no row with today's columns.
    """
    asked: tuple[messages.Action, ...] = ("upgrade", "switch")
    for action in asked:
        world.advance(1)
        messages.ask(world.store, world.clock, DEFAULT_DATASET, action, "asked", "operation")
        for _ in range(60):
            world.advance(60)
            world.refresh()
            world.poll()
            world.drain_queue()
    replay(world.connector)
    world.settle(within=12 * 3600)
    world.dataset_id = sink.read(world.store, DEFAULT_DATASET).powerbi_id


def test_there_are_states_of_older_versions() -> None:
    """At least one that is several formats behind, and one with the tables of today."""
    assert {FIRST_TABLES, LATEST} <= set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_work_of_every_kind_is_left(older: Callable[[str], World], version: str) -> None:
    """The states hold what an upgrade can meet: work in flight, work that waits, a read half done, messages."""
    world = older(version)
    state = sink.read(world.store, DEFAULT_DATASET)
    assert state.in_flight
    assert len(list(outbox.pending(world.store, DEFAULT_DATASET))) > len(state.in_flight)
    assert checkpoints.load(world.store, books.TENANT, "Invoices").read is not None
    assert world.store.queue_length(messages.QUEUE)
    assert "landed, not pushed" not in {row["Reference"] for row in world.rows("Invoices")}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_work_of_an_older_version_is_done(older: Callable[[str], World], version: str) -> None:
    """What landed, was in flight or queued reaches Power BI; every table equals Xero's books; nobody consents anew."""
    world = older(version)
    connected = connections.connected(world.store)
    if version == FIRST_TABLES:
        bring_up_to_date(world)
    else:
        world.settle(within=12 * 3600)
    references = [world.current("Invoices", number)[0]["Reference"] for number in (1, 2, 3)]
    assert references == [
        "landed, and its push died",
        "landed, not pushed",
        "only named by a webhook",
    ]
    assert world.differences() == []
    assert {name: world.unmirrored(name) for name in ("Invoices", "Contacts", "Payments")} == {
        name: [] for name in ("Invoices", "Contacts", "Payments")
    }
    assert not [name for name in books.ID_FIELDS if quarantine.listed(world.store, books.TENANT, name)]
    assert not world.store.queue_length(messages.POISON)
    assert [each.token_set for each in connections.connected(world.store)] == [connected[0].token_set]


def test_with_the_same_tables_the_operator_need_do_nothing(older: Callable[[str], World]) -> None:
    """Under the version after it, an organisation is read and pushed within an hour, and no record is put aside."""
    world = older(LATEST)
    assert world.settle() < 3600
    assert world.audit("quarantine") == []
