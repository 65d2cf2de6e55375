"""What lies in the queue and is none of ours is kept for a person; what a crash left in the poison queue comes back."""

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy

from tests.system.running import Running, eventually, guid


def message(running: Running, *ids: str, **differently: object) -> str:
    """A message as webhook_http sends it, with fields that differ."""
    return json.dumps(
        {
            "kind": "ids",
            "format": 1,
            "organisation": running.tenant_id,
            "resource": "Invoices",
            "ids": list(ids),
            "reason": "webhook",
            "operation": guid(9).replace("-", ""),
            "first_enqueued_at": datetime.now(UTC).isoformat(),
            "attempt": 0,
            "swept": 0,
        }
        | differently
    )


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def is_empty(queue: QueueClient) -> bool:
    """Whether nothing is left, visible or not."""
    return not queue.get_queue_properties().approximate_message_count


@pytest.fixture
def push(running: Running) -> QueueClient:
    return running.queue("push")


@pytest.fixture
def poison(running: Running) -> QueueClient:
    return running.queue("push-poison")


def test_messages_that_are_not_ours_are_put_aside(running: Running, push: QueueClient) -> None:
    """Each leaves the queue after one look, lies in the quarantine word for word, and stands in the audit with its error."""
    invoice_id = running.invoices()[10]
    strangers = {
        "hello": "not a message of this connector",
        "": "not a message of this connector",
        "[]": "not a message of this connector",
        '{"kind": "order", "id": "7", "dequeueCount": "x"}': "not a message of this connector",
        message(running, invoice_id)[:-20]: "not a message of this connector",
        message(running, invoice_id, format=2): "format 2",
        message(running, invoice_id, more=1): "not a message of this connector",
        message(running, invoice_id, ids="all"): "not a message of this connector",
        message(running, invoice_id, resource="../connections"): "no resource",
        message(running, invoice_id, "INV-10001"): "1 ids that are none, the first 'INV-10001'",
        message(running, invoice_id, organisation="*"): "1 ids that are none, the first '*'",
    }
    for text in strangers:
        push.send_message(encoded(text))
    running.change("Invoices", invoice_id, Reference="after the strangers")
    push.send_message(encoded(message(running, invoice_id)))
    running.await_reference(invoice_id, "after the strangers")
    eventually(lambda: is_empty(push), "an empty queue")

    kept = running.blobs("quarantine", "messages/")
    told = {row["why"]: row["error"] for row in running.audit(what="message", outcome="put aside")}
    for text, error in strangers.items():
        name = f"messages/{sha256(text.encode()).hexdigest()[:32]}"
        assert kept[name] == text.encode()
        assert error in told[f"quarantine/{name}"]
    assert "message put aside " in running.log()


def test_a_message_that_is_not_base64_ends_in_the_quarantine(
    running: Running, push: QueueClient, poison: QueueClient
) -> None:
    """The host moves it to the poison queue as it is, and the next poll puts it aside with the audit's row."""
    text = "%% not base64 %%"
    push.send_message(text)
    eventually(lambda: not is_empty(poison), "the message in the poison queue")
    running.poll()
    eventually(lambda: is_empty(poison), "an empty poison queue")
    assert text.encode() in running.blobs("quarantine", "messages/").values()
    assert "Message decoding has failed!" in running.log()


def test_an_organisation_that_is_not_connected_is_not_fetched(running: Running, push: QueueClient) -> None:
    """A message about it is honoured by an audit row, and costs no call to Xero."""
    stranger, invoice_id = guid(3), running.invoices()[11]
    calls = running.cloud.xero.statistics.calls
    push.send_message(encoded(message(running, invoice_id, organisation=stranger)))
    (row,) = eventually(
        lambda: running.audit(what="fetch", outcome="ignored", organisation=stranger), "the audit's row"
    )
    assert row["why"] == "not connected"
    eventually(lambda: is_empty(push), "an empty queue")
    assert running.cloud.xero.statistics.calls == calls


def test_records_that_xero_does_not_have_do_no_harm(running: Running, push: QueueClient) -> None:
    """An id that Xero answers 404 costs the others of its message nothing, and is told in the audit."""
    invoice_id, unknown = running.invoices()[12], guid(4)
    running.change("Invoices", invoice_id, Reference="beside an unknown one")
    push.send_message(encoded(message(running, unknown, invoice_id)))
    running.await_reference(invoice_id, "beside an unknown one")
    eventually(
        lambda: any(unknown in row["why"] for row in running.audit(what="fetch", outcome="not found")),
        "the audit's row",
    )
    assert not running.rows("Invoices", InvoiceID=unknown)


def test_what_crashed_again_and_again_comes_back_from_the_poison_queue(
    running: Running, push: QueueClient, poison: QueueClient
) -> None:
    """A message whose runs died ten times is poisoned without a run; the sweep brings it back and its record arrives."""
    invoice_id = running.invoices()[13]
    running.change("Invoices", invoice_id, Reference="swept back")
    running.cloud.stop_host()
    try:
        push.send_message(encoded(message(running, invoice_id)))
        for _ in range(10):
            (received,) = push.receive_messages(messages_per_page=1, visibility_timeout=30)
            push.update_message(received, visibility_timeout=0)
    finally:
        running.cloud.start_host()
    eventually(lambda: not is_empty(poison), "the message in the poison queue")
    assert "swept back" not in running.references(invoice_id)
    running.poll()
    running.await_reference(invoice_id, "swept back")
    (row,) = running.audit(what="message", outcome="swept back")
    assert row["count"] == 1
    eventually(lambda: is_empty(poison) and is_empty(push), "empty queues")


def test_what_is_swept_back_for_the_sixth_time_is_put_aside(running: Running, poison: QueueClient) -> None:
    """A message that kills whoever takes it does not go round for ever: it lies in the quarantine in the end."""
    text = message(running, running.invoices()[14], swept=5)
    policy = TextBase64EncodePolicy()
    poison.send_message(policy.encode(text))
    running.poll()
    eventually(lambda: is_empty(poison), "an empty poison queue")
    assert text.encode() in running.blobs("quarantine", "messages/").values()
    assert any(
        "poisoned 6 times" in row["error"] for row in running.audit(what="message", outcome="put aside")
    )
