"""Webhooks over HTTP, at a running functions host: only what Xero signed has an effect, and nothing disturbs the rest."""

import base64
import json
import re
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from tests.system.running import Running, delivery, event, eventually, guid, sign

STRANGER = guid(1)


def one_byte_off(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def padded(body: bytes, size: int) -> bytes:
    return body + b" " * (size - len(body))


def chunked(body: bytes) -> Iterator[bytes]:
    """Makes requests send the body in chunks, without a Content-Length."""
    yield body


type Sending = Callable[[Running, bytes], requests.Response]

# What the door must answer to each; the body is a delivery that names an invoice.
REFUSED: dict[str, tuple[int, Sending]] = {
    "unsigned": (401, lambda running, body: running.post(body, "")),
    "signed with another key": (401, lambda running, body: running.post(body, key="another key")),
    "signature off by its first character": (
        401,
        lambda running, body: running.post(body, one_byte_off(sign(body, running.cloud.webhook_key), 0)),
    ),
    "signature off by its last character": (
        401,
        lambda running, body: running.post(body, one_byte_off(sign(body, running.cloud.webhook_key), 42)),
    ),
    "signature in hexadecimal": (
        401,
        lambda running, body: running.post(
            body, base64.b64decode(sign(body, running.cloud.webhook_key)).hex()
        ),
    ),
    "signature that is no ASCII": (401, lambda running, body: running.post(body, "ß" * 44)),
    "body off by one byte": (
        401,
        lambda running, body: running.post(body + b" ", sign(body, running.cloud.webhook_key)),
    ),
    "body written anew": (
        401,
        lambda running, body: running.post(
            json.dumps(json.loads(body)).encode(), sign(body, running.cloud.webhook_key)
        ),
    ),
    "too large": (413, lambda running, body: running.post(padded(body, 16 * 1024 * 1024 + 1))),
    "too large and unsigned": (
        413,
        lambda running, body: running.post(padded(body, 16 * 1024 * 1024 + 1), ""),
    ),
    "signed, but cut off": (400, lambda running, body: running.post(body[:-40])),
    "signed, but no object": (400, lambda running, body: running.post(b"[" + body + b"]")),
    "signed, but no list of events": (400, lambda running, body: running.post(b'{"events": {}}')),
    "signed, but no JSON": (400, lambda running, body: running.post(b"\xff\xfe" + body)),
    "empty": (401, lambda running, body: running.post(b"", "")),
    "empty, signed": (400, lambda running, body: running.post(b"")),
    # The host passes on no body without a Content-Length, as Azure may not: it is not the one that was signed.
    "in chunks": (
        401,
        lambda running, body: requests.post(
            running.cloud.webhook_url,
            data=chunked(body),
            headers={"x-xero-signature": sign(body, running.cloud.webhook_key)},
            timeout=30,
        ),
    ),
}


@pytest.fixture
def silent_change(running: Running) -> tuple[str, str]:
    """An invoice that was changed in Xero without a word: it gets a row of this reference as soon as somebody fetches it."""
    invoice_id, reference = running.invoices()[0], f"nobody was told {uuid.uuid4().hex[:6]}"
    running.change("Invoices", invoice_id, Reference=reference)
    return invoice_id, reference


def queued(running: Running) -> int:
    return len(running.audit(what="webhook", outcome="queued"))


@pytest.mark.parametrize(("status", "send"), REFUSED.values(), ids=list(REFUSED))
def test_a_delivery_that_is_none_is_refused_without_a_word(
    running: Running, silent_change: tuple[str, str], status: int, send: Sending
) -> None:
    """Whatever is not a delivery that Xero signed gets its status, no body and no cookie."""
    answer = send(running, delivery(event(running.tenant_id, silent_change[0])))
    assert (answer.status_code, answer.content) == (status, b"")
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_is_a_webhook(running: Running, method: str) -> None:
    """Other methods find nothing at the webhook's address."""
    assert requests.request(method, running.cloud.webhook_url, timeout=30).status_code in (404, 405)


def test_nothing_refused_has_an_effect(running: Running, silent_change: tuple[str, str]) -> None:
    """Refused deliveries queue nothing: when a later good one is in Power BI, what they named is not."""
    named, unseen = silent_change
    signal = running.invoices()[1]
    before = queued(running)
    for _, send in REFUSED.values():
        send(running, delivery(event(running.tenant_id, named)))
    running.change("Invoices", signal, Reference="after the refused ones")
    assert running.post(delivery(event(running.tenant_id, signal))).status_code == 200
    running.await_reference(signal, "after the refused ones")
    assert queued(running) == before + 1
    assert unseen not in running.references(named)


def test_a_refusal_is_told_without_what_was_sent(running: Running, silent_change: tuple[str, str]) -> None:
    """The host's log says that a delivery was refused, with which status, and holds neither key nor signature."""
    body = delivery(event(running.tenant_id, silent_change[0]))
    already = len(running.log())
    running.post(body, "")
    eventually(
        lambda: re.search("webhook refused .*status=401 ", running.log()[already:]) is not None,
        "the refusal in the log",
    )
    assert running.cloud.webhook_key not in running.log()
    assert sign(body, running.cloud.webhook_key) not in running.log()


def test_intent_to_receive(running: Running) -> None:
    """Xero's Intent to Receive passes: right signatures 200, wrong by one character 401, nothing in the answer."""
    answer = requests.post(f"{running.cloud.xero_url}/_sim/webhooks/intent", json={}, timeout=60).json()
    assert answer["passed"], answer["deliveries"]
    assert {each["status"] for each in answer["deliveries"]} == {200, 401}


@pytest.mark.parametrize(
    ("number", "category", "kind"),
    [(2, "INVOICE", "UPDATE"), (3, "invoice", "Create"), (4, "Invoice", "a kind that Xero has not told us")],
)
def test_a_signed_event_becomes_a_row(running: Running, number: int, category: str, kind: str) -> None:
    """200 with an empty body and no cookie, and the record's row, whatever the case of category, type and ids."""
    invoice_id, reference = running.invoices()[number], f"by {category} {kind}"
    running.change("Invoices", invoice_id, Reference=reference)
    answer = running.post(
        delivery(event(running.tenant_id.upper(), invoice_id.upper(), category, kind, data={"any": [1]}))
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert "Set-Cookie" not in answer.headers
    running.await_reference(invoice_id, reference)


def test_one_operation_from_the_door_to_the_push(running: Running) -> None:
    """The trace id of a webhook's invocation is in the lines of webhook_http and in those of push_queue."""
    invoice_id = running.invoices()[5]
    running.change("Invoices", invoice_id, Reference="one operation")
    already = len(running.log())
    assert running.post(delivery(event(running.tenant_id, invoice_id))).status_code == 200
    running.await_reference(invoice_id, "one operation")
    received = re.search("webhook received .*operation=([0-9a-f]{32}) .*queued=1", running.log()[already:])
    assert received is not None
    # Taken along by another run, it says so.
    eventually(
        lambda: (
            re.search(f"(ids fetched|fetch joined) .*operation={received[1]} ", running.log()[already:])
            is not None
        ),
        "the operation in a line of push_queue",
    )


def test_xeros_own_deliveries_are_answered_as_xero_demands(running: Running) -> None:
    """Many events, out of order and everything twice: each is answered 200 in time, and Power BI agrees in the end."""
    for invoice_id in running.invoices("PAID")[:40]:
        running.change("Invoices", invoice_id, Reference="one of forty")
    answer = requests.post(
        f"{running.cloud.xero_url}/_sim/webhooks/deliver",
        json={"per_delivery": 9, "duplicate": True, "shuffle": True},
        timeout=120,
    ).json()
    assert [each["problems"] for each in answer["deliveries"]] == [[]] * len(answer["deliveries"])
    assert len(answer["deliveries"]) >= 10
    eventually(
        lambda: len(running.rows("Invoices", Reference="one of forty")) >= 40, "forty new rows", every=0.25
    )


def ignored(running: Running) -> list[tuple[str, int]]:
    return [(row["why"], row["count"]) for row in running.audit(what="webhook", outcome="ignored")]


def test_events_about_nothing_of_ours_are_counted_and_ignored(
    running: Running, silent_change: tuple[str, str]
) -> None:
    """Ids that are no UUIDs, unknown organisations and unknown categories: 200, a row in the audit, no effect."""
    named, unseen = silent_change
    signal = running.invoices()[5]
    before, queued_before = len(ignored(running)), queued(running)
    foreign: list[Mapping[str, object]] = [
        event(running.tenant_id, "INV-10001"),
        event(running.tenant_id, f"{named}' or '1'='1"),
        event("no tenant", named),
        event(running.tenant_id, named) | {"resourceId": 7},
        {"eventCategory": "INVOICE"},
        event(STRANGER, named),
        event(STRANGER, guid(2)),
        event(running.tenant_id, named, "QUOTE"),
        event(running.tenant_id, named, "../../connections"),
    ]
    answer = running.post(delivery(*foreign))
    assert (answer.status_code, answer.content) == (200, b"")
    assert sorted(ignored(running)[before:]) == [
        ("category ../../CONNECTIONS", 1),
        ("category QUOTE", 1),
        ("no ids", 5),
        ("unknown organisation", 2),
    ]
    # Mixed with such events, a good one counts all the same.
    running.change("Invoices", signal, Reference="among strangers")
    assert running.post(delivery(*foreign, event(running.tenant_id, signal))).status_code == 200
    running.await_reference(signal, "among strangers")
    assert queued(running) == queued_before + 1
    assert unseen not in running.references(named)


def test_an_address_in_an_event_is_never_followed(running: Running) -> None:
    """`resourceUrl` is not called, whoever signed it: the record is fetched from the API that the operator set."""
    called = threading.Event()

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.set()
            self.send_error(500)

    invoice_id = running.invoices()[6]
    running.change("Invoices", invoice_id, Reference="from the right place")
    with HTTPServer(("127.0.0.1", 0), Trap) as trap:
        thread = threading.Thread(target=trap.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{trap.server_port}/Invoices/{invoice_id}"
        running.post(delivery(event(running.tenant_id, invoice_id, resourceUrl=url)))
        running.await_reference(invoice_id, "from the right place")
        trap.shutdown()
        thread.join()
    assert not called.is_set()


def test_without_a_key_webhooks_wait_and_everything_else_runs(running: Running) -> None:
    """No key in the vault: 503 to every delivery, so that Xero keeps it, while the poll brings what changed.

    During a rotation the previous key counts as well as the current one.
    """
    vault, key = running.cloud.identity.vault, running.cloud.webhook_key
    by_poll, by_previous_key = running.invoices()[7:9]
    body = delivery(event(running.tenant_id, by_previous_key))
    vault.delete("xero-webhook-key")
    try:
        running.restart()
        assert [running.post(body, signature).status_code for signature in (None, "", "x")] == [503] * 3
        assert running.post(body, "").content == b""
        assert re.search(r"webhook refused .* status=503 ", running.log())
        running.change("Invoices", by_poll, Reference="without webhooks")
        running.poll()
        running.await_reference(by_poll, "without webhooks")
    finally:
        vault.recover("xero-webhook-key")
    vault.set("xero-webhook-key", {"value": "the new key"})
    vault.set("xero-webhook-key-previous", {"value": key})
    try:
        running.restart()
        running.change("Invoices", by_previous_key, Reference="by the previous key")
        assert running.post(body, key="the new key").status_code == 200
        assert running.post(body, key="an older key").status_code == 401
        assert running.post(body, key=key).status_code == 200
        running.await_reference(by_previous_key, "by the previous key")
    finally:
        vault.set("xero-webhook-key", {"value": key})
        running.restart()
