"""Bad input of every kind: a clear word where a person sees it, nothing lost, and the rest goes on."""

import gzip
import logging
from collections.abc import Callable
from typing import Any

import pytest

from shared import wiring
from shared.errors import AskPerson, BadMessage, SettingsError
from shared.settings import Settings
from shared.state import messages, outbox, quarantine
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import POISON, QUEUE
from shared.xero import wire
from shared.xero.client import Request
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
IDS = (
    '{"kind":"ids","organisation":"%s","resource":"Invoices","ids":["%s"],"reason":"r","operation":"o",'
    '"first_enqueued_at":"2026-11-23T09:00:00Z"%s}'
)
INVOICE = books.record_id("Invoices", 2)

FOREIGN = {
    "empty": "",
    "text": "hello",
    "html": "<html>",
    "list": "[]",
    "null": "null",
    "number": "7",
    "another kind": '{"kind":"launch"}',
    "no kind": '{"ids":[]}',
    "unknown field": IDS % (books.TENANT, INVOICE, ',"shell":"rm"'),
    "later format": IDS % (books.TENANT, INVOICE, ',"format":2'),
    "id that is none": IDS % (books.TENANT, "../../secret", ""),
    "OData in an id": IDS % (books.TENANT, "x' or 1 eq 1 or 'a' eq '", ""),
    "organisation that is none": IDS % ("x' or 1 eq 1", INVOICE, ""),
    "upper case": IDS % (books.TENANT.upper(), INVOICE, ""),
    "unknown resource": (IDS % (books.TENANT, INVOICE, "")).replace('"Invoices"', '"../Users"'),
    "dataset that is a path": '{"kind":"wake","dataset":"../x","reason":"r","operation":"o",'
    '"first_enqueued_at":"2026-11-23T09:00:00Z"}',
    "deep": "[" * 20_000,
    "long": '{"kind":"' + "x" * 40_000 + '"}',
    "emoji": "🧨" * 10,
}


def test_foreign_messages(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """Queue messages that are not ours are put aside whole and told in log and audit, and real work among them goes on."""
    for text in FOREIGN.values():
        settled.store.send_message(QUEUE, text)
    settled.edit(2, Reference="real work")
    settled.drain_queue()
    rows = settled.audit("message", "put aside")
    kept = {settled.store.get_blob("quarantine", row["why"].removeprefix("quarantine/")) for row in rows}
    assert kept == {text.encode() for text in FOREIGN.values()}
    assert all(row["error"] and row["why"] in caplog.text for row in rows)
    assert [call.query["IDs"] for call in settled.calls] == [INVOICE]
    assert settled.differences() == []
    assert settled.store.queue_length(QUEUE) == 0


@pytest.mark.parametrize("name", FOREIGN)
def test_what_is_foreign(name: str) -> None:
    """Only a whole message of ours, about our resources and with ids that are UUIDs, is taken for one."""
    with pytest.raises(BadMessage):
        messages.decode(FOREIGN[name])
    assert messages.decode(IDS % (books.TENANT, INVOICE, ""))


def test_a_foreign_message_that_wakes(settled: World) -> None:
    """A foreign message that arrives alone ends its run in order; the host does not see it again."""
    settled.honour("not ours")
    assert len(settled.audit("message", "put aside")) == 1


def test_an_unknown_organisation(settled: World) -> None:
    """A message about an organisation that is not connected is told in the audit and costs no call."""
    calls = len(settled.calls)
    settled.honour(IDS % (books.OTHER_TENANT, INVOICE, ""))
    [row] = settled.audit("fetch", "ignored")
    assert (row["organisation"], row["why"]) == (books.OTHER_TENANT, "not connected")
    assert len(settled.calls) == calls


def test_a_batch_of_an_unknown_organisation(settled: World) -> None:
    """A batch of an organisation that was disconnected is told and done with; it holds up no other."""
    settled.change("Contacts", 1, Name="unseen")
    settled.advance(1200)
    settled.refresh()
    settled.advance(600)
    settled.poll()
    stored = settled.store.get_entity("connections", "organisation", books.TENANT)
    assert stored is not None
    del settled.store._tables["connections"].partitions["organisation"][books.TENANT]
    settled.drain_queue()
    assert settled.audit("push", "ignored")[-1]["why"] == "not connected any more"
    assert list(outbox.pending(settled.store, DEFAULT_DATASET)) == []


WRONG: tuple[dict[str, Any], ...] = (
    {"Total": "a lot"},
    {"SubTotal": {"Value": 1}},
    {"TotalTax": "NaN"},
    {"Date": "tomorrow"},
    {"DueDate": "/Date(99999999999999999+0000)/"},
    {"SentToContact": "perhaps"},
    {"Contact": "Café"},
    {"LineItems": "none"},
    {"LineItems": [{"Quantity": "many"}]},
    {"LineItems": [{"Tracking": ["North"]}]},
    {"CurrencyRate": -1},
    {"Status": {}},
)


def test_records_of_wrong_type(new_world: NewWorld, caplog: pytest.LogCaptureFixture) -> None:
    """A record with a field of a wrong type is quarantined with payload and error, its batch goes on, and it heals."""
    world = new_world()
    world.load(books.small_books(invoices=len(WRONG) + 1))
    world.connect()
    world.settle()
    bad = [books.record_id("Invoices", number) for number in range(1, len(WRONG) + 1)]
    for number, fields in enumerate(WRONG, 1):
        world.change("Invoices", number, **fields)
    world.change("Invoices", len(WRONG) + 1, Reference="beside them")
    every = [*bad, books.record_id("Invoices", len(WRONG) + 1)]
    world.webhook([("INVOICE", record_id) for record_id in every])
    world.drain_queue()
    assert quarantine.listed(world.store, books.TENANT, "Invoices") == bad
    assert world.differences(quarantined=bad) == []
    rows = {row["error"].partition(":")[0]: row for row in world.audit("quarantine", "record")}
    for record_id, fields in zip(bad, WRONG, strict=True):
        inner = [name for lines in fields.values() if isinstance(lines, list) for name in lines[0]]
        assert any(field in rows[record_id]["error"] for field in (*fields, *inner))
        payload = world.store.get_blob("quarantine", rows[record_id]["why"].removeprefix("quarantine/"))
        assert record_id.encode() in (payload or b"")
        assert record_id in caplog.text
    world.clock.advance(1)
    for number in range(1, len(WRONG) + 1):
        world.xero.store.put(books.TENANT, "Invoices", books.invoice(number))
    world.webhook([("INVOICE", record_id) for record_id in bad])
    world.drain_queue()
    assert quarantine.listed(world.store, books.TENANT, "Invoices") == []
    assert world.differences() == []


@pytest.mark.parametrize(
    "record",
    [
        {"InvoiceID": None},
        {"InvoiceID": 7},
        {"InvoiceID": ""},
        {"InvoiceID": "a/b#c?d\\e"},
        {"InvoiceID": "x" * 2000},
        {"Reference": "no id"},
        "text",
        None,
        [1],
    ],
    ids=["null", "number", "empty", "path", "long", "none", "text", "null record", "list"],
)
def test_a_record_without_an_id(settled: World, record: Any) -> None:
    """A record whose id is none is quarantined under its content, and its batch goes on."""
    body = wire.encode({"Id": "1", "Invoices": [record, books.invoice(2) | {"Reference": "beside it"}]})
    land(settled, body)
    settled.settle()
    [name] = quarantine.listed(settled.store, books.TENANT, "Invoices")
    assert name.startswith("no-id-")
    assert settled.current("Invoices", 2)[0]["Reference"] == "beside it"


def land(world: World, body: bytes) -> str:
    """A batch of invoices as if it had been fetched now."""
    world.clock.advance(1)
    now = world.clock.now()
    header = outbox.Header(
        dataset=DEFAULT_DATASET,
        organisation=books.TENANT,
        resource="Invoices",
        reason="test",
        operation="test",
        request=Request("Invoices", {}),
        request_id="",
        fetched_from=now,
        fetched_to=now,
        landed_at=now,
        records=1,
    )
    return outbox.land(world.store, header, body)


def damaged(packed: bytes) -> dict[str, bytes]:
    """A batch's blob, spoilt in each way."""
    content = gzip.decompress(packed)
    head, _, body = content.partition(b"\n")
    middle = len(packed) // 2
    return {
        "empty": b"",
        "no gzip": b"hello",
        "cut": packed[:middle],
        "a flipped byte": packed[:middle] + bytes([packed[middle] ^ 0xFF]) + packed[middle + 1 :],
        "wrong sum": packed[:-8] + b"\x00" * 8,
        "no header": gzip.compress(b"\n" + body),
        "header of another": gzip.compress(b'{"hello":1}\n' + body),
        "header that is no text": gzip.compress(b'{"dataset":"\xff"}\n' + body),
        "deep header": gzip.compress(b"[" * 100_000),
        "later format": gzip.compress(head.replace(b'"format":1', b'"format":9') + b"\n" + body),
        "unknown resource": gzip.compress(head.replace(b'"Invoices"', b'"Nothing"', 1) + b"\n" + body),
        "no list": gzip.compress(head + b'\n{"Invoices":7}'),
        "other list": gzip.compress(head + b'\n{"Contacts":[]}'),
        "HTML": gzip.compress(head + b"\n<html>"),
    }


def test_unreadable_batches(settled: World) -> None:
    """Batches that cannot be read are put aside whole and told in the audit, and the batches after them are pushed."""
    name = land(settled, wire.encode({"Invoices": [books.invoice(2)]}))
    spoilt = damaged(settled.store.get_blob("outbox", f"pending/{DEFAULT_DATASET}/{name}") or b"")
    settled.store.delete_blob("outbox", f"pending/{DEFAULT_DATASET}/{name}")
    for how, packed in spoilt.items():
        name = land(settled, b"")
        settled.store.put_blob("outbox", f"pending/{DEFAULT_DATASET}/{name}-{how}", packed)
        settled.store.delete_blob("outbox", f"pending/{DEFAULT_DATASET}/{name}")
    settled.edit(3, Reference="after them")
    settled.drain_queue()
    rows = settled.audit("quarantine", "batch")
    assert {row["batches"].partition("-Invoices-")[2][13:] for row in rows} == set(spoilt)
    assert all(row["error"] for row in rows)
    kept = {settled.store.get_blob("quarantine", row["why"].removeprefix("quarantine/")) for row in rows}
    assert kept == set(spoilt.values())
    assert settled.differences() == []
    assert settled.unsettled() == ""


def test_poison(settled: World) -> None:
    """What crashes put into the poison queue is brought back, at most five times; then it waits for a person."""
    text = IDS % (books.TENANT, INVOICE, "")
    settled.change("Invoices", 2, Reference="late")
    for returned in range(1, 7):
        settled.store.send_message(POISON, text)
        settled.poll()
        if returned <= 5:
            [message] = settled.store.receive_messages(QUEUE, most=1, visibility=60)
            assert messages.decode(message.text).swept == returned
            settled.store.delete_message(QUEUE, message)
            text = message.text
    assert settled.store.queue_length(QUEUE) == settled.store.queue_length(POISON) == 0
    [row] = settled.audit("message", "put aside")
    assert settled.store.get_blob("quarantine", row["why"].removeprefix("quarantine/")) == text.encode()


def test_foreign_poison(settled: World) -> None:
    """A foreign message in the poison queue is put aside and not brought back."""
    settled.store.send_message(POISON, "hello")
    settled.poll()
    assert settled.store.queue_length(QUEUE) == settled.store.queue_length(POISON) == 0
    assert len(settled.audit("message", "put aside")) == 1


REQUIRED = [
    "START_DATE",
    "KEY_VAULT_URL",
    "XERO_CLIENT_ID",
    "POWERBI_TENANT_ID",
    "POWERBI_CLIENT_ID",
    "POWERBI_WORKSPACE_ID",
]


def test_missing_settings() -> None:
    """Without settings one message names every one that is needed, what it means and where it goes."""
    with pytest.raises(SettingsError) as caught:
        wiring.build({})
    said = str(caught.value)
    for name in (*REQUIRED, *(f"AzureWebJobsStorage__{service}ServiceUri" for service in ("blob", "queue"))):
        assert f"  - {name} is missing" in said
    assert "local.settings.json" in said


def test_bad_settings(world: World) -> None:
    """Bad settings are named together in one message, each with what it ought to be."""
    bad = {
        "START_DATE": "yesterday",
        "POWERBI_TENANT_ID": "contoso",
        "KEY_VAULT_URL": "http://vault.example.com",
        "XERO_PAGE_SIZE": "1001",
        "POLL_MINUTES": "often",
        "POLL_MINUTES_BY_RESOURCE": "Invoices=1,Cats=2",
        "POWERBI_ROWS_PER_POST": "10001",
        "XERO_API_URL": "ftp://x",
        "AzureWebJobsStorage": "AccountName=a;AccountKey=b;BlobEndpoint=https://a.blob.core.windows.net",
    }
    with pytest.raises(SettingsError) as caught:
        wiring.build(world.environment | bad)
    said = str(caught.value)
    assert said.startswith(f"{len(bad)} setting(s) to mend")
    assert all(name in said for name in bad)
    assert "AccountKey=b" not in said


def test_a_stand_ins_certificate_is_for_loopback(world: World) -> None:
    """What local mode relaxes is refused for any host but loopback."""
    with pytest.raises(SettingsError, match="loopback"):
        wiring.build(world.environment | {"KEY_VAULT_URL": "https://mine.vault.azure.net"})
    assert isinstance(world.connector.settings, Settings)


@pytest.mark.parametrize("secret", ["powerbi-client-secret", "xero-tokens"])
def test_missing_secrets(settled: World, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    """A secret that is missing from the vault is named where a person looks, and all waits for it."""
    caplog.set_level(logging.ERROR)
    [name] = [each.name for each in settled.vault.names(deleted=False) if each.name.startswith(secret)]
    settled.vault.delete(name)
    settled.restart()
    settled.edit(2, Reference="late")
    settled.drain_queue()
    asked = [row for row in settled.audit() if row["outcome"] == "ask"]
    assert any(name in row["error"] for row in asked)
    settled.vault.recover(name)
    settled.advance(3601)
    settled.refresh()
    settled.settle()
    assert settled.differences() == []


def test_no_tokens(world: World) -> None:
    """An organisation whose tokens are not in the vault asks for connect, and is no crash."""
    world.connect()
    for secret in world.vault.names(deleted=False):
        if secret.name.startswith("xero-tokens"):
            world.vault.delete(secret.name)
    world.restart()
    world.poll()
    world.refresh()
    assert {row["outcome"] for row in world.audit("poll")} == {"ask"}
    assert "manage.py connect" in world.audit("refresh", "ask")[0]["error"]
    with pytest.raises(AskPerson):
        world.connector.secrets().token_set("nobody")
