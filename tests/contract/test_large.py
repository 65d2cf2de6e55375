"""What is too large, too much or too deep: handled in a bounded memory, or refused in words, and everything else goes on."""

import gzip
import threading
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import msgspec
import pytest

import webhook_http
from shared import http
from shared.errors import OutcomeUnknown
from shared.http import Http
from shared.state import messages
from shared.state.messages import IDS_A_MESSAGE, QUEUE
from shared.sync.receive import receive_webhook
from shared.xero.webhook import LARGEST_BODY
from tests.support import books
from tests.support.world import World, sign

MIB = 1024 * 1024
EVENTS = 10_000
# Of an answer: one page of it, as this test would have it.
LARGEST = 4 * MIB


def peak_of(run: Callable[[], Any]) -> int:
    """The most bytes that Python's own memory took beyond what there was, while something ran.

    The lower of two runs: what the interpreter makes once in a process, some ten megabytes at a time, is not the run's.
    """
    peaks = []
    for _ in range(2):
        tracemalloc.start()
        try:
            run()
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    return min(peaks)


def delivery(count: int) -> bytes:
    """A delivery of so many events, each of another invoice."""
    ids = [str(uuid.UUID(int=number, version=4)) for number in range(count)]
    events = [
        {
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{each}",
            "resourceId": each,
            "tenantId": books.TENANT,
            "tenantType": "ORGANISATION",
            "eventCategory": "INVOICE",
            "eventType": "UPDATE",
            "eventDateUtc": "2026-11-23T00:44:09.923",
        }
        for each in ids
    ]
    return msgspec.json.encode({"events": events, "firstEventSequence": 1, "entropy": "S0M3"})


def answer_to(world: World, body: bytes, signature: str, patch: pytest.MonkeyPatch) -> int:
    """The status by which the function answers a delivery."""
    patch.setattr(webhook_http, "connector", lambda: world.connector)
    context = SimpleNamespace(trace_context=SimpleNamespace(trace_parent=""), invocation_id="i-1")
    request = func.HttpRequest(method="POST", url="/", headers={"x-xero-signature": signature}, body=body)
    return int(webhook_http.webhook_http(request, context).status_code)


def test_ten_thousand_events(connected: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery of 10,000 events is 200, and all of them are stored, by twenty messages and one row of the audit.

    How long storage takes is what the answer takes: within Xero's five seconds by far.
    """
    writes: list[str] = []
    for name in ("send_message", "write_entity", "write_entities", "put_blob"):
        original = getattr(connected.store, name)

        def counted(*given: Any, _name: str = name, _original: Any = original, **more: Any) -> Any:
            writes.append(_name)
            return _original(*given, **more)

        monkeypatch.setattr(connected.store, name, counted)
    body = delivery(EVENTS)
    signature = sign(body)
    assert answer_to(connected, body, signature, monkeypatch) == 200
    assert (writes.count("send_message"), len(writes)) == (
        EVENTS // IDS_A_MESSAGE,
        EVENTS // IDS_A_MESSAGE + 1,
    )
    found = [messages.decode(each.text) for each in connected.store._queues[QUEUE]]
    assert len({key for each in found if isinstance(each, messages.Ids) for key in each.ids}) == EVENTS


def test_the_memory_of_ten_thousand_events(connected: World) -> None:
    """What a signed delivery takes grows with its own size and no faster."""
    body = delivery(EVENTS)
    signature = sign(body)
    connected.connector.secrets().webhook_keys()
    assert peak_of(lambda: receive_webhook(connected.connector, body, signature)) < 6 * len(body)


def test_the_memory_of_events_that_are_none(connected: World) -> None:
    """Nor does one of as many entries as its bytes can hold, none of them an event, take more than fits an instance."""
    body = b'{"events":[' + b"1," * (MIB // 8) + b"1]}"
    signature = sign(body)
    connected.connector.secrets().webhook_keys()
    peak = peak_of(lambda: receive_webhook(connected.connector, body, signature))
    # An instance has 2,048 MiB.
    assert peak * LARGEST_BODY / len(body) < 700 * MIB


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "forged"])
def test_fifty_megabytes(connected: World, monkeypatch: pytest.MonkeyPatch, signed: bool) -> None:
    """A body of 50 MB is refused by its size before anything is done with it: no copy is made, nothing is stored."""
    body = bytes(50 * MIB)
    signature = sign(body) if signed else sign(b"")
    connected.connector.secrets().webhook_keys()
    answered: list[int] = []
    peak = peak_of(lambda: answered.append(answer_to(connected, body, signature, monkeypatch)))
    assert answered == [413, 413]
    assert peak < len(body) / 2
    assert connected.store.queue_length(QUEUE) == 0
    assert connected.audit("webhook") == []


PLAIN = b"x" * 50 * MIB
BOMB = gzip.compress(bytes(100 * MIB), 1)
TWICE = gzip.compress(gzip.compress(bytes(100 * MIB)), 9)


class Vendor(BaseHTTPRequestHandler):
    """Answers by the path: more bytes than anybody wants."""

    def do_GET(self) -> None:
        body, encoding = {
            "/plain": (PLAIN, ""),
            "/bomb": (BOMB, "gzip"),
            "/twice": (TWICE, "gzip, gzip"),
        }[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if encoding:
            self.send_header("Content-Encoding", encoding)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Vendor) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/plain", "/bomb", "/twice"])
def test_an_answer_that_is_too_large(vendor: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer is read no further than to its limit, however small it is packed, and refused in words."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", LARGEST)
    client = Http(deadline_seconds=30, use_proxies=False)

    def ask() -> None:
        with pytest.raises(OutcomeUnknown, match=f"larger than {LARGEST} bytes"):
            client.request("GET", f"{vendor}{path}")

    assert peak_of(ask) < 3 * LARGEST


def test_a_resource_whose_answer_is_too_large(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That resource waits, and says why; the others are read."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", LARGEST)
    settled.advance(3600)
    settled.refresh()
    settled.xero_fault(
        "status", path=r"/api\.xro/2\.0/Contacts", status=200, body=" " * (LARGEST + 1), times=9
    )
    settled.change("Invoices", 2, Reference="read all the same")
    settled.poll()
    settled.drain_queue()
    [row] = [
        each
        for each in settled.audit("read") + settled.audit("poll") + settled.audit("fetch")
        if "larger than" in each.get("error", "")
    ]
    assert (row["resource"], row["outcome"]) == ("Contacts", "put off")
    assert settled.current("Invoices", 2)[0]["Reference"] == "read all the same"


@pytest.mark.parametrize("depth", [200, 900, 5_000, 100_000])
def test_deep_answers(settled: World, depth: int) -> None:
    """What is nested deep is data; what is nested without end is refused, and its resource put off. The next read is whole."""
    settled.advance(3600)
    settled.refresh()
    contact = books.contact(1) | {"UpdatedDateUTC": books.stamp(settled.clock.now()), "Odd": "?"}
    envelope = {"Id": "1", "DateTimeUTC": books.stamp(settled.clock.now()), "Contacts": [contact]}
    body = msgspec.json.encode(envelope).decode().replace('"?"', "[" * depth + "]" * depth)
    settled.xero_fault("status", path=r"/api\.xro/2\.0/Contacts", status=200, body=body, times=1)
    settled.change("Contacts", 2, Name="Read in the end")
    before = len(settled.audit())
    settled.poll()
    refused = [row["resource"] for row in settled.audit()[before:] if row["outcome"] == "put off"]
    assert refused == (["Contacts"] if depth == 100_000 else [])
    settled.settle()
    assert settled.current("Contacts", 2)[0]["Name"] == "Read in the end"
    assert settled.store.queue_length("push-poison") == 0
