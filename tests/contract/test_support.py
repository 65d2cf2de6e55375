"""The support bundle: enough to help, and nothing that is nobody's business."""

import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from commands import support
from commands.redaction import NUMBER, Redactor, words
from commands.terminal import Where, console
from local.identity.tokens import APPLICATION_SECRET
from shared.state import checkpoints, connections, quarantine
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import QUEUE
from shared.sync import forget
from shared.tables import TABLES
from tests.support import books
from tests.support.world import WEBHOOK_KEY, XERO_CLIENT_SECRET, World

NewWorld = Callable[..., World]

NAMES = (
    "Wobbleton Quillfeather Pty",
    "Zoë Quattlebaum",
    "Ottokar Vuxberg",
    "zoe.q@quattle.example",
    "Gribblesnatch",
)
AMOUNTS = (Decimal("73915.46"), Decimal("8642.97"), Decimal("1234567.89"))
RECORD = books.record_id("Invoices", 2)


def said(name: str, amount: Decimal) -> str:
    """What an error may say, in a vendor's words or in ours."""
    return (
        f"Xero answered 400 to GET Invoices. They said: contact '{name}' owes {amount} (that is {amount:,}), see {RECORD} "
        f"of {books.TENANT}, token eyJhbGciOiJSUzI1NiJ9.{name.split()[0]} and 0401 555 129"
    )


@pytest.fixture
def nasty(new_world: NewWorld) -> World:
    """Names and amounts stand in records, in errors of every kind, in names of organisation and datasets, and in settings."""
    world = new_world(settings={"POWERBI_DATASET_NAME": "Wobbleton figures"})
    found = books.small_books()
    found["Organisation"][0]["Name"] = NAMES[0]
    found["Contacts"][1] |= {"Name": NAMES[1], "FirstName": "Zoë", "EmailAddress": NAMES[3]}
    found["Invoices"][1] |= {
        "Reference": NAMES[4],
        "Contact": {"ContactID": books.record_id("Contacts", 2), "Name": NAMES[1]},
    }
    found["Invoices"][1] |= {"Total": AMOUNTS[0], "AmountDue": AMOUNTS[1]}
    world.load(found, name=NAMES[0])
    world.connect()
    world.settle()
    audit = world.connector.audit()
    for name, amount in zip(NAMES, (*AMOUNTS, *AMOUNTS), strict=False):
        audit.add(
            "fetch",
            "refused",
            organisation=books.TENANT,
            resource="Invoices",
            why=name,
            error=said(name, amount),
        )
        quarantine.keep(
            world.store,
            world.clock,
            books.TENANT,
            "Invoices",
            RECORD,
            {"a": 1},
            said(name, amount),
            "20261123T090000650000-Invoices-cdaf8682a73b",
        )
    audit.flush()
    checkpoint = checkpoints.load(world.store, books.TENANT, "Contacts")
    replace(checkpoint, trouble=said(NAMES[2], AMOUNTS[2])).save(world.store)
    forget.ask(world.connector, books.TENANT, books.record_id("Contacts", 2))
    return world


def told(world: World) -> dict[str, Any]:
    found = support.bundle(world.connector, days=3)
    return {name: text if name.endswith(".txt") else json.loads(text) for name, text in found.items()}


def test_nothing_of_the_books_is_in_it(nasty: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of the zip, as bytes, has no name, address, amount, text of a record, id, secret or token."""
    monkeypatch.setattr(support, "connector", lambda where: nasty.connector)
    file = tmp_path / "bundle.zip"
    with console.capture() as captured:
        assert support.run(Where(), file, days=7) == 0
    assert "Read it before you send it" in captured.get()
    with zipfile.ZipFile(file) as packed:
        text = "\n".join(packed.read(name).decode() for name in packed.namelist())
    tokens = [nasty.connector.secrets().token_set(each) for each in nasty.connector.secrets().token_sets()]
    forbidden = {
        *NAMES,
        *(
            word
            for name in NAMES
            for word in re.split(r"[\s@.]", name)
            if len(word) > 4 and word != "example"
        ),
        *(form for amount in AMOUNTS for form in (str(amount), f"{amount:,}", str(int(amount)))),
        *(XERO_CLIENT_SECRET, WEBHOOK_KEY, APPLICATION_SECRET, "0401", "555 129", "eyJhbGci"),
        *(each.access_token for each in tokens),
        *(each.refresh_token for each in tokens),
        *(books.TENANT, RECORD, books.record_id("Contacts", 2), "figures", nasty.dataset_id),
        *(
            nasty.environment[name]
            for name in ("XERO_CLIENT_ID", "POWERBI_TENANT_ID", "POWERBI_WORKSPACE_ID", "KEY_VAULT_URL")
        ),
        *(
            str(record[field])
            for resource in ("Contacts", "Accounts", "Items")
            for record in nasty.mirrored(resource).values()
            for field in ("Name",)
        ),
        *(stored.token_set for stored in connections.connected(nasty.store)),
    }
    assert tokens
    assert len(forbidden) > 40
    # Digits alone may stand inside of an id.
    numbers = {each for each in forbidden if each.isdigit()}
    found = [each for each in forbidden - numbers if each.casefold() in text.casefold()]
    assert found + [each for each in numbers if re.search(rf"(?<![0-9a-f.]){each}(?![0-9a-f])", text)] == []


def test_enough_to_help_is_in_it(nasty: World) -> None:
    """What failed, when, how often, by which request; which settings; how far everything is."""
    found = told(nasty)
    assert next(iter(found)) == "manifest.txt"
    assert all(name in found["manifest.txt"] for name in found if name != "manifest.txt")
    label = Redactor([books.TENANT]).label(books.TENANT)
    assert re.fullmatch(r"organisation-[0-9a-f]{8}", label)
    row, *_ = [row for row in found["audit.json"] if row.get("why") == "… …" and row["what"] == "fetch"]
    assert row["organisation"] == label
    assert row["error"].startswith(
        f"Xero answered 400 to GET Invoices. They said: contact '… …' owes {NUMBER}.{NUMBER}"
    )
    [aside] = found["quarantine.json"]
    assert (aside["organisation"], aside["resource"]) == (label, "Invoices")
    assert aside["batch"] == "20261123T090000650000-Invoices-cdaf8682a73b"
    settings = found["settings.json"]
    assert (settings["XERO_DAY_LIMIT"], settings["POLL_PROFILE"], settings["START_DATE"]) == (
        1000,
        "steady",
        "2026-01-01",
    )
    assert re.fullmatch(r"id-[0-9a-f]{8}", settings["POWERBI_DATASET_NAME"])
    assert found["datasets.json"][DEFAULT_DATASET]["rows_upper"]["Contacts"] == 3
    assert found["budgets.json"][label]["day"] > 10
    assert found["queues.json"]["push"] == nasty.store.queue_length(QUEUE) > 0
    assert found["health.json"]["organisations"][0]["histories"]["of"] == len(nasty.connector.resources)
    assert {each["resource"] for each in found["checkpoints.json"]} >= {"Contacts", "Invoices"}
    assert found["forgotten.json"][0]["phase"] == "outbox"


def test_what_cannot_be_read_holds_up_nothing(nasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that fails says so in its file, and the others are there."""
    nasty.store.delete_table("budgets")
    found = told(nasty)
    assert "could not be read" in found["budgets.json"]
    assert found["audit.json"]


def test_only_words_of_ours_are_left() -> None:
    """Names, numbers, addresses and tokens go; instants, labels, batches and statuses stay."""
    redactor = Redactor([books.TENANT], ["Power Plumbing"])
    for text, left in {
        "Power BI answered 429 at 2026-11-23T09:00:00Z": "… BI answered 429 at 2026-11-23T09:00:00Z",
        "Total is no number: 'a lot'": "Total is no number: 'a …'",
        "INV-2041 of Jane, 512.40 EUR, 429": f"…-{NUMBER} of …, {NUMBER}.{NUMBER} …, {NUMBER}",
        "jane@doe.invalid or 0401555": f"…@….… or {NUMBER}",
        f"{books.TENANT.upper()}": redactor.label(books.TENANT),
    }.items():
        assert redactor.text(text) == left


def test_our_words_are_words() -> None:
    """Tables, resources and settings are among them; no number and no docstring's own example is."""
    known = words()
    assert {*TABLES, "Xero", "answered", "XERO_DAY_LIMIT"} <= known
    assert not [word for word in known if any(map(str.isdigit, word))]
    assert len(known) < 6000
