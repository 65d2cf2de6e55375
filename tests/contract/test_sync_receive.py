"""Receiving webhooks: every event of a rightly signed delivery is stored before the answer, and nothing else has effect."""

from typing import Any

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError

from local.simulation import Fault
from shared.errors import BadWebhook, OutcomeUnknown
from shared.state import messages
from shared.state.messages import QUEUE, Ids
from shared.sync.receive import receive_webhook
from shared.xero.webhook import LARGEST_BODY
from tests.support import books
from tests.support.world import WEBHOOK_KEY, World, sign

INVOICE = books.record_id("Invoices", 2)


def queued(world: World) -> list[Ids]:
    found = [messages.decode(entry.text) for entry in world.store._queues[QUEUE]]
    return [message for message in found if isinstance(message, Ids)]


def body(*events: dict[str, Any]) -> bytes:
    """A delivery of events, each with what an event has unless it says otherwise."""
    usual = {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{INVOICE}",
        "resourceId": INVOICE,
        "tenantId": books.TENANT,
        "eventCategory": "INVOICE",
        "eventType": "UPDATE",
    }
    return msgspec.json.encode({"events": [usual | event for event in events], "firstEventSequence": 1})


def refused(world: World, content: bytes, signature: str) -> int:
    """The status of the answer; nothing may have been queued."""
    with pytest.raises(BadWebhook) as caught:
        receive_webhook(world.connector, content, signature)
    assert world.store.queue_length(QUEUE) == 0
    return caught.value.status


def test_a_delivery(connected: World) -> None:
    """The ids of a delivery are queued by kind, each once, with the reason and the run that the audit tells of."""
    contact = books.record_id("Contacts", 1)
    content = body({}, {}, {"resourceId": contact, "eventCategory": "CONTACT"})
    assert receive_webhook(connected.connector, content, sign(content)) == 2
    by_resource = {message.resource: message for message in queued(connected)}
    assert {name: message.ids for name, message in by_resource.items()} == {
        "Invoices": [INVOICE],
        "Contacts": [contact],
    }
    rows = connected.audit("webhook", "queued")
    assert {(row["resource"], row["count"]) for row in rows} == {("Invoices", 1), ("Contacts", 1)}
    assert {row["operation"] for row in rows} == {message.operation for message in queued(connected)}
    assert {message.reason for message in queued(connected)} == {"webhook"}


def test_intent_to_receive(world: World) -> None:
    """A rightly signed delivery of nothing is accepted even before anything is connected, a wrong one is not."""
    content = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "S0m3r4nd0mt3xt"}'
    assert receive_webhook(world.connector, content, sign(content)) == 0
    assert refused(world, content, sign(content, "another key")) == 401
    assert refused(world, content.replace(b"S0", b"s0"), sign(content)) == 401


def test_each_byte_counts(connected: World) -> None:
    """A delivery of which any single byte of body or signature is another is answered 401 and has no effect."""
    content = body({})
    signature = sign(content)
    for at in range(len(content)):
        changed = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert refused(connected, changed, signature) == 401
    for at in range(len(signature)):
        wrong = signature[:at] + ("A" if signature[at] != "A" else "B") + signature[at + 1 :]
        assert refused(connected, content, wrong) == 401


@pytest.mark.parametrize(
    "signature",
    ["", " ", "=", "null", "\u00e9\u20ac", "x" * 10_000, "\x00", "sha256="],
    ids=["none", "blank", "padding", "null", "not ASCII", "long", "NUL", "prefix"],
)
def test_signatures_that_are_none(connected: World, signature: str) -> None:
    """Whatever stands in the header, if it is not the signature it is 401."""
    assert refused(connected, body({}), signature) == 401
    assert refused(connected, b"", signature) == 401


@pytest.mark.parametrize("ending", [" ", "\n", "="])
def test_a_signature_with_more_behind(connected: World, ending: str) -> None:
    """A signature is the whole header and nothing more."""
    content = body({})
    assert refused(connected, content, sign(content) + ending) == 401


def test_two_keys(connected: World) -> None:
    """While a key is rotated the previous one is good as well; afterwards it is not."""
    content = body({})
    connected.vault.set("xero-webhook-key", {"value": "the next key"})
    connected.vault.set("xero-webhook-key-previous", {"value": WEBHOOK_KEY})
    connected.restart()
    for key in (WEBHOOK_KEY, "the next key"):
        assert receive_webhook(connected.connector, content, sign(content, key)) == 1
    connected.vault.delete("xero-webhook-key-previous")
    connected.clock.advance(301)
    with pytest.raises(BadWebhook):
        receive_webhook(connected.connector, content, sign(content))


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_key(connected: World, value: str | None) -> None:
    """Without a key no signature is good, least of all that of an empty one: 503, and polling runs on."""
    if value is None:
        connected.vault.delete("xero-webhook-key")
    else:
        connected.vault.set("xero-webhook-key", {"value": value})
    connected.restart()
    for key in ("", "  ", WEBHOOK_KEY):
        assert refused(connected, body({}), sign(body({}), key)) == 503
    connected.poll()
    assert connected.calls_of("Invoices") != []


def test_oversized(connected: World) -> None:
    """A body above the limit is 413 whatever its signature, and one at the limit is read."""
    content = b'{"events":[]}' + b" " * (LARGEST_BODY - 13)
    assert receive_webhook(connected.connector, content, sign(content)) == 0
    assert refused(connected, content + b" ", sign(content + b" ")) == 413


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"{}",
        b'{"events":{}}',
        b'{"events":null}',
        b"<html>",
        b"\xff\xfe",
        b'{"events":[' + b"[" * 5000 + b"]" * 5000 + b"]} x",
    ],
)
def test_malformed(connected: World, content: bytes) -> None:
    """A signed body that is no delivery is 400, since to send it again would not help."""
    assert refused(connected, content, sign(content)) == 400


@pytest.mark.parametrize(
    "event",
    [
        {"resourceId": "1"},
        {"resourceId": ""},
        {"resourceId": None},
        {"resourceId": f"{INVOICE}'"},
        {"resourceId": f"{INVOICE}\n"},
        {"resourceId": "../../../../etc/passwd"},
        {"resourceId": "\u0663" * 36},
        {"resourceId": 7},
        {"tenantId": "x' or 1 eq 1"},
        {"tenantId": f"{books.TENANT}/"},
        {"eventCategory": 7},
    ],
)
def test_ids_that_are_none(connected: World, event: dict[str, Any]) -> None:
    """An event whose ids are no UUIDs is counted and left out; those beside it are queued."""
    content = body(event, {})
    assert receive_webhook(connected.connector, content, sign(content)) == 1
    [message] = queued(connected)
    assert message.ids == [INVOICE]
    [row] = connected.audit("webhook", "ignored")
    assert (row["why"], row["count"]) == ("no ids", 1)


@pytest.mark.parametrize("event", [7, "text", None, [], [[]], {}])
def test_events_that_are_none(connected: World, event: Any) -> None:
    """An entry that is no event at all is counted and left out."""
    content = msgspec.json.encode({"events": [event]})
    assert receive_webhook(connected.connector, content, sign(content)) == 0
    assert connected.audit("webhook", "ignored")[0]["why"] == "no ids"


def test_unknown_organisations_and_categories(connected: World) -> None:
    """What concerns no connected organisation, or no resource that is read, is counted and ignored: still 200."""
    content = body(
        {"tenantId": books.OTHER_TENANT},
        {"tenantId": books.OTHER_TENANT},
        {"eventCategory": "SUBSCRIPTION"},
        {"eventCategory": "X" * 5000},
    )
    assert receive_webhook(connected.connector, content, sign(content)) == 0
    assert connected.store.queue_length(QUEUE) == 0
    ignored = {row["why"]: row["count"] for row in connected.audit("webhook", "ignored")}
    assert ignored == {"unknown organisation": 2, "category SUBSCRIPTION": 1, f"category {'X' * 40}": 1}


@pytest.mark.parametrize("changed", [str.upper, str.lower, str.title])
def test_any_case(connected: World, changed: Any) -> None:
    """Categories, types and ids are known in any case."""
    content = body(
        {
            "eventCategory": changed("invoice"),
            "eventType": changed("update"),
            "resourceId": changed(INVOICE),
            "tenantId": changed(books.TENANT),
        }
    )
    assert receive_webhook(connected.connector, content, sign(content)) == 1
    assert queued(connected)[0].ids == [INVOICE]


def test_the_address_is_never_followed(connected: World) -> None:
    """`resourceUrl` is not looked at, wherever it points: the record is asked for by its id from Xero's own API."""
    content = body({"resourceUrl": f"{connected.powerbi_url}/v1.0/steal"})
    receive_webhook(connected.connector, content, sign(content))
    called: list[Any] = []
    connected.on_powerbi_call = called.append
    message = connected.receive()
    assert message is not None
    connected.honour(message.text)
    assert connected.calls[-1].query["IDs"] == INVOICE
    assert called == []


@pytest.mark.parametrize("fails_at", [0, 1])
def test_storage_fails(connected: World, fails_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """When an event could not be stored the delivery fails, so that Xero sends all of it again."""
    send = connected.store.send_message
    calls: list[str] = []

    def failing(queue: str, text: str, *, delay: float = 0) -> None:
        calls.append(text)
        if len(calls) == fails_at + 1:
            raise HttpResponseError("storage is down")
        send(queue, text, delay=delay)

    monkeypatch.setattr(connected.store, "send_message", failing)
    content = body({}, {"resourceId": books.record_id("Contacts", 1), "eventCategory": "CONTACT"})
    with pytest.raises(HttpResponseError):
        receive_webhook(connected.connector, content, sign(content))
    assert receive_webhook(connected.connector, content, sign(content)) == 2
    assert {message.resource for message in queued(connected)} == {"Invoices", "Contacts"}


def test_the_vault_fails(connected: World) -> None:
    """While the vault cannot be read no delivery is judged: it fails, and Xero sends it again."""
    connected.restart()
    connected.identity.faults["vault"].add(Fault("status", path="/secrets/.*", status=503, times=100))
    with pytest.raises(OutcomeUnknown):
        receive_webhook(connected.connector, body({}), sign(body({})))
    assert connected.store.queue_length(QUEUE) == 0


def test_the_audit_fails(connected: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events that are stored are answered 200 even when their audit rows were lost."""

    def failing(table: str) -> None:
        raise HttpResponseError("storage is down")

    monkeypatch.setattr(connected.store, "create_table", failing)
    assert receive_webhook(connected.connector, body({}), sign(body({}))) == 1
    assert len(queued(connected)) == 1


def test_one_operation_from_webhook_to_row(connected: World) -> None:
    """The rows of the audit tell one story: webhook, fetch and push carry the same operation."""
    connected.connect()
    connected.settle()
    connected.change("Invoices", 2, Reference="new")
    content = body({})
    receive_webhook(connected.connector, content, sign(content))
    connected.drain_queue()
    operation = connected.audit("webhook", "queued")[-1]["operation"]
    story = {(row["what"], row["outcome"]) for row in connected.audit() if row["operation"] == operation}
    assert story == {("webhook", "queued"), ("fetch", "landed"), ("post", "done"), ("push", "done")}
