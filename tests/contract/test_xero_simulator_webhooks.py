"""Webhooks of the Xero stand-in, received by a small server on a real socket."""

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask import Flask, Response, request

from local.simulation import Served
from tests.contract.xero_bench import OTHER, TENANT, Bench, identifier, invoice

KEY = "bm90IGRlY29kZWQ="


@dataclass
class Receiver:
    """Answers as a good receiver would unless `answer` is set; keeps what came."""

    bodies: list[bytes] = field(default_factory=list)
    answer: Callable[[], Response] | None = None
    url: str = ""

    def receive(self) -> Response:
        body = request.get_data()
        signature = base64.b64encode(hmac.digest(KEY.encode(), body, "sha256")).decode()
        if not hmac.compare_digest(signature, request.headers["x-xero-signature"]):
            return Response(status=401)
        self.bodies.append(body)
        return self.answer() if self.answer else Response(status=200)

    def events(self) -> list[list[Any]]:
        return [json.loads(body)["events"] for body in self.bodies]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    app = Flask("receiver")
    app.post("/webhook")(receiver.receive)
    with Served(app) as served:
        receiver.url = f"{served.url}/webhook"
        yield receiver


@pytest.fixture
def bench(receiver: Receiver) -> Iterator[Bench]:
    with Bench() as bench:
        bench.load(Invoices=[], CreditNotes=[])
        bench.load(OTHER, Invoices=[])
        bench.sim("webhooks/subscription", {"url": receiver.url, "key": KEY})
        yield bench


def add(bench: Bench, *numbers: int, tenant: str = TENANT) -> None:
    for number in numbers:
        bench.sim("add", {"tenant_id": tenant, "resource": "Invoices", "record": invoice(number)})


def deliver(bench: Bench, **options: Any) -> list[Any]:
    deliveries = bench.sim("webhooks/deliver", options)["deliveries"]
    assert isinstance(deliveries, list)
    return deliveries


def pending(bench: Bench) -> int:
    return len(bench.sim("webhooks")["pending"])


def test_an_event_is_thin_and_signed(bench: Bench, receiver: Receiver) -> None:
    """The payload names the resource and no more; key as text, body as bytes, spaced as nobody else would."""
    add(bench, 1)
    (outcome,) = deliver(bench)
    assert (outcome["status"], outcome["events"], outcome["problems"]) == (200, 1, [])
    payload = json.loads(receiver.bodies[0])
    now = bench.xero.clock.now()
    assert payload["events"] == [
        {
            "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{identifier(1)}",
            "resourceId": identifier(1),
            "tenantId": TENANT,
            "tenantType": "ORGANISATION",
            "eventCategory": "INVOICE",
            "eventType": "CREATE",
            "eventDateUtc": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}",
        }
    ]
    assert (payload["firstEventSequence"], payload["lastEventSequence"]) == (1, 1)
    assert (
        receiver.bodies[0].startswith(b'{"events":[{"')
        and b'],"firstEventSequence": 1,"last' in receiver.bodies[0]
    )
    assert json.dumps(payload).encode() != receiver.bodies[0]
    assert json.dumps(payload, separators=(",", ":")).encode() != receiver.bodies[0]
    assert pending(bench) == 0


def test_deliveries_mix_tenants(bench: Bench, receiver: Receiver) -> None:
    """Events of several organisations share a delivery, in order, split at the size asked for."""
    add(bench, 1)
    add(bench, 2, tenant=OTHER)
    add(bench, 3)
    assert [outcome["events"] for outcome in deliver(bench, per_delivery=2)] == [2, 1]
    tenants = [[event["tenantId"] for event in events] for events in receiver.events()]
    assert tenants == [[TENANT, OTHER], [TENANT]]


def test_duplicates_and_disorder_on_demand(bench: Bench, receiver: Receiver) -> None:
    """A delivery can come twice, byte for byte, and events in another order."""
    add(bench, *range(20))
    assert len(deliver(bench, duplicate=True)) == 2
    assert receiver.bodies[0] == receiver.bodies[1]
    add(bench, *range(20, 40))
    deliver(bench, shuffle=True)
    ids = [event["resourceId"] for event in receiver.events()[-1]]
    assert sorted(ids) == sorted(identifier(n) for n in range(20, 40)) and ids != [
        identifier(n) for n in range(20, 40)
    ]


def test_a_corrupt_delivery_must_be_refused(bench: Bench, receiver: Receiver) -> None:
    """Wrongly signed, a delivery ought to get 401; its events stay pending, and 200 is the problem."""
    add(bench, 1)
    (outcome,) = deliver(bench, corrupt=True)
    assert (outcome["status"], outcome["problems"], receiver.bodies) == (401, [], [])
    assert pending(bench) == 1
    assert deliver(bench)[0]["status"] == 200


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda: Response("OK"), "body not empty"),
        (lambda: Response(headers={"Set-Cookie": "ARRAffinity=1"}), "cookie set"),
        (lambda: Response(status=204), "status 204, not 200"),
        (lambda: Response(status=500), "status 500, not 200"),
        (lambda: Response(status=302, headers={"Location": "/webhook"}), "status 302, not 200"),
    ],
)
def test_answers_that_xero_dislikes_are_told(
    bench: Bench, receiver: Receiver, answer: Callable[[], Response], problem: str
) -> None:
    """Anything but 200 with nothing in it and no cookie is a problem, and the events come again."""
    add(bench, 1)
    receiver.answer = answer
    (outcome,) = deliver(bench)
    assert outcome["problems"] == [problem]
    assert pending(bench) == 1
    receiver.answer = None
    assert deliver(bench)[0]["problems"] == []
    assert pending(bench) == 0


def test_a_slow_answer_fails(bench: Bench, receiver: Receiver) -> None:
    """Who does not answer in time (5 s, less here) has not answered."""
    bench.sim("switches", {"webhook_answer_seconds": 0.1})
    add(bench, 1)
    freed = threading.Event()

    def late() -> Response:
        freed.wait(30)
        return Response()

    receiver.answer = late
    try:
        (outcome,) = deliver(bench)
    finally:
        freed.set()
    assert outcome["status"] is None
    assert outcome["problems"][0].startswith("no answer")
    assert pending(bench) == 1


def test_a_closed_door_is_told(bench: Bench) -> None:
    """An address where nobody listens is a failed delivery and no crash; no subscription is an error."""
    add(bench, 1)
    bench.sim("webhooks/subscription", {"url": "http://127.0.0.1:9/webhook", "key": KEY})
    (outcome,) = deliver(bench)
    assert outcome["status"] is None and pending(bench) == 1
    bench.xero.webhooks.subscription = None
    bench.sim("webhooks/deliver", {}, 404)


def test_only_what_is_subscribed_is_collected(bench: Bench, receiver: Receiver) -> None:
    """Categories are opt-in; credit notes carry data; any category at all can be sent by hand."""
    note = {"CreditNoteID": identifier(1), "Type": "ACCRECCREDIT", "Status": "DRAFT", "Total": 1}
    body = {"tenant_id": TENANT, "resource": "CreditNotes", "record": note}
    bench.sim("add", body)
    assert pending(bench) == 0
    bench.sim("webhooks/subscription", {"url": receiver.url, "key": KEY, "categories": ["CREDITNOTE"]})
    bench.sim("add", {**body, "record": {**note, "CreditNoteID": identifier(2)}})
    add(bench, 1)
    bench.sim("webhooks/event", {"tenant_id": TENANT, "category": "TEAPOT", "id": "x", "type": "BOIL"})
    deliver(bench)
    ((credit_note, teapot),) = receiver.events()
    assert credit_note["data"] == {"Type": "ACCRECCREDIT", "Status": "DRAFT"}
    assert (teapot["eventCategory"], teapot["eventType"]) == ("TEAPOT", "BOIL") and "data" not in teapot


def test_a_day_of_failures_disables_the_subscription(bench: Bench, receiver: Receiver) -> None:
    """After 24 hours of failures nothing is sent until Intent to Receive passes; then the events come in order."""
    add(bench, 1, 2)
    receiver.answer = lambda: Response(status=500)
    deliver(bench)
    bench.xero.clock.advance(86_399)
    assert len(deliver(bench)) == 1
    bench.xero.clock.advance(1)
    assert bench.sim("webhooks/deliver", {}) == {"deliveries": [], "disabled": True}
    receiver.answer = None
    assert deliver(bench) == []
    assert bench.sim("webhooks/intent", {})["passed"]
    deliver(bench)
    assert [event["resourceId"] for event in receiver.events()[-1]] == [identifier(1), identifier(2)]


def test_events_are_kept_31_days(bench: Bench) -> None:
    """What was not delivered in 31 days is forgotten."""
    add(bench, 1)
    bench.xero.clock.advance(31 * 86_400 - 1)
    assert pending(bench) == 1
    bench.xero.clock.advance(1)
    assert pending(bench) == 0


def test_intent_to_receive_asks_for_both_answers(bench: Bench, receiver: Receiver) -> None:
    """Right signatures must get 200 and wrong ones, by one character, 401; the payload is empty with zeros."""
    answer = bench.sim("webhooks/intent", {})
    assert answer["passed"]
    assert sorted(outcome["status"] for outcome in answer["deliveries"]) == [200, 200, 401, 401]
    assert receiver.bodies[0].startswith(
        b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "'
    )


def test_a_receiver_that_believes_everything_fails(bench: Bench) -> None:
    """Answering 200 to a wrong signature fails the intent, as does answering 401 to a right one."""
    for status in (200, 401):
        app = Flask("credulous")
        app.post("/")(lambda status=status: Response(status=status))
        with Served(app) as served:
            bench.sim("webhooks/subscription", {"url": f"{served.url}/", "key": KEY})
            answer = bench.sim("webhooks/intent", {})
        assert not answer["passed"]
        assert sum(bool(outcome["problems"]) for outcome in answer["deliveries"]) == 2
