"""The log of the functions: one operation from the webhook to the push, by whichever thread, and little of it on a quiet day."""

import logging
import re
from types import SimpleNamespace
from typing import Any

import pytest
from azure.functions import HttpRequest
from azure.functions.queue import QueueMessage

import poll_timer as poll_function
import push_queue as push_function
import token_refresh_timer as refresh_function
import webhook_http as webhook_function
from shared.state import connections
from shared.state.messages import QUEUE
from tests.support import books
from tests.support.offices import settle
from tests.support.world import World

TRACE = "0af7651916cd43dd8448eb211c80319c"
# What Log Analytics bills of a row beside its text, at a guess on the high side.
BESIDE = 1000


class Functions:
    """The four functions as the worker calls them, on a world's connector."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self._world = world
        self._number = 0
        for function in (poll_function, push_function, refresh_function, webhook_function):
            patch.setattr(function, "connector", lambda: world.connector)

    def webhook(self, body: bytes, signature: str, *, trace: str = TRACE) -> int:
        request = HttpRequest("POST", "/api/xero/webhook", headers={"x-xero-signature": signature}, body=body)
        return int(_user(webhook_function.webhook_http)(request, self._context(trace)).status_code)

    def push(self) -> int:
        """Handle what is on the queue; answers how many messages were handed over."""
        handed = 0
        while (message := self._world.receive()) is not None:
            handed += 1
            _user(push_function.push_queue)(QueueMessage(body=message.text.encode()), self._context())  # type: ignore[no-untyped-call]
            self._world.store.delete_message(QUEUE, message)
        return handed

    def poll(self, trace: str = "") -> None:
        _user(poll_function.poll_timer)(None, self._context(trace))

    def refresh(self) -> None:
        _user(refresh_function.token_refresh_timer)(None, self._context())

    def _context(self, trace: str = "") -> Any:
        self._number += 1
        parent = f"00-{trace}-00f067aa0ba902b7-01" if trace else ""
        return SimpleNamespace(
            invocation_id=f"invocation-{self._number}", trace_context=SimpleNamespace(trace_parent=parent)
        )


def _user(function: Any) -> Any:
    return function.build().get_user_function()


@pytest.fixture
def functions(settled: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Functions:
    caplog.set_level(logging.INFO)
    return Functions(settled, monkeypatch)


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that the functions and what they use have written."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(
            ("shared", "webhook_http", "poll_timer", "push_queue", "token_refresh_timer")
        )
    ]


def test_one_operation(settled: World, functions: Functions, caplog: pytest.LogCaptureFixture) -> None:
    """The trace id of the webhook's invocation names its lines, those of the push, the audit rows and the batch."""
    settled.change("Invoices", 2, Reference="new")
    assert functions.webhook(*settled.delivery([("INVOICE", books.record_id("Invoices", 2))])) == 200
    functions.push()
    lines = [line for line in ours(caplog) if f"operation={TRACE}" in line]
    assert [line.partition(" invocation=")[0] for line in lines] == [
        "webhook received",
        "ids fetched",
        "push ended",
    ]
    assert re.search(r" invocation=invocation-1 .* events=2 queued=1 ignored=0 paused=0$", lines[0])
    assert re.search(r" resource=Invoices reason=webhook ids=1 calls=1 records=1 seconds=[\d.]+$", lines[1])
    assert re.search(r" dataset=default outcome=done batches=1 posts=\d rows=4 seconds=[\d.]+$", lines[2])
    told = {row["what"] for row in settled.audit() if row["operation"] == TRACE}
    assert told == {"webhook", "fetch", "post", "push"}


def test_ids_taken_along(settled: World, functions: Functions, caplog: pytest.LogCaptureFixture) -> None:
    """Of a delivery whose ids another run fetches along with its own, a line says in which operation they went on."""
    for number, trace in ((2, "a" * 32), (3, "b" * 32)):
        settled.change("Invoices", number, Reference="new")
        functions.webhook(*settled.delivery([("INVOICE", books.record_id("Invoices", number))]), trace=trace)
    assert functions.push() >= 1
    [line] = [line for line in ours(caplog) if line.startswith("fetch joined ")]
    assert f"operation={'b' * 32}" in line
    assert f"by={'a' * 32}" in line


def test_a_refused_delivery(settled: World, functions: Functions, caplog: pytest.LogCaptureFixture) -> None:
    """A wrong signature is a warning with its status, and an unforeseen failure an error that names its place."""
    body, signature = settled.delivery([("INVOICE", books.record_id("Invoices", 2))])
    assert functions.webhook(body + b" ", signature) == 401
    assert ours(caplog)[-1].startswith("webhook refused ")
    assert " status=401 " in ours(caplog)[-1]
    settled.store.send_message = None  # type: ignore[method-assign, assignment]
    try:
        assert functions.webhook(body, signature) == 500
    finally:
        del settled.store.send_message
    last = caplog.records[-1]
    assert (last.levelno, last.getMessage().partition(" invocation")[0]) == (logging.ERROR, "webhook failed")
    assert " cause=TypeError at=messages.py:" in last.getMessage()


def test_organisations_side_by_side(
    offices: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Lines of threads of a poll name the invocation, by which the host knows whose they are, and the operation."""
    caplog.set_level(logging.INFO)
    functions = Functions(offices, monkeypatch)
    settle(offices)
    caplog.clear()
    offices.advance(20 * 60)
    functions.poll(TRACE)
    lines = [line for line in ours(caplog) if line.startswith("poll ended ")]
    assert len(lines) == 3
    assert all(f"invocation=invocation-1 operation={TRACE} organisation=" in line for line in lines)


def test_a_retry_and_a_person(settled: World, functions: Functions, caplog: pytest.LogCaptureFixture) -> None:
    """What is tried later is told with the cause, and what waits for a person as an error."""
    settled.powerbi_fault("status", "Invoices", status=503, times=1)
    settled.edit(2, Reference="new")
    functions.push()
    [line] = [line for line in ours(caplog) if line.startswith("push retried ")]
    assert re.search(r" attempt=1 seconds=\d.* cause=\w+", line)
    [organisation] = connections.connected(settled.store)
    settled.xero.identity.revoke(
        settled.xero.identity.clients["test-xero-app"], next(iter(settled.xero.identity._sets))
    )
    settled.advance(3600)
    functions.refresh()
    asked = [record for record in caplog.records if record.getMessage().startswith("refresh ask ")]
    assert [record.levelno for record in asked] == [logging.ERROR]
    assert organisation.name not in caplog.text


def test_a_quiet_day(settled: World, functions: Functions, caplog: pytest.LogCaptureFixture) -> None:
    """On a day on which nothing changes one organisation makes some 300 lines of ours, 0.4 MB with what is billed beside."""
    hours = 2
    caplog.clear()
    for minute in range(hours * 60):
        settled.advance(60)
        functions.poll()
        functions.push()
        if minute % 5 == 0:
            functions.refresh()
    lines = [*ours(caplog)]
    a_day = len(lines) * 24 / hours
    size = sum(len(line) + BESIDE for line in lines) * 24 / hours
    kinds = {" ".join(line.split(" ")[:2]) for line in lines}
    assert kinds == {"poll ended", "resource read", "push ended", "refresh done"}
    assert 200 < a_day < 400
    assert size < 500_000
