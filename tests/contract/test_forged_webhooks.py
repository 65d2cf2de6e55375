"""Ten thousand forged deliveries: none is accepted, none has an effect. Whoever lacks the key gets nowhere."""

import base64
import hashlib
import hmac
import pickle
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import webhook_http
from shared.errors import BadWebhook
from shared.sync.receive import receive_webhook
from shared.xero import webhook
from tests.support import books
from tests.support.world import WEBHOOK_KEY, World, sign

FORMER = "the-key-before-the-rotation"
INVOICE = books.record_id("Invoices", 2)
BODY = (
    f'{{"events":[{{"resourceUrl":"https://api.xero.com/api.xro/2.0/Invoices/{INVOICE}","resourceId":"{INVOICE}",'
    f'"tenantId":"{books.TENANT}","tenantType":"ORGANISATION","eventCategory":"INVOICE","eventType":"UPDATE",'
    '"eventDateUtc":"2026-11-23T00:44:09.923"}],"firstEventSequence": 7,"lastEventSequence": 7, "entropy": "S0M3"}'
).encode()
SIGNATURE = sign(BODY)


def many(examples: int) -> Callable[[Any], Any]:
    return settings(
        max_examples=examples, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )


@pytest.fixture
def door(connected: World) -> Iterator[World]:
    """A connected organisation whose key was rotated and the former one taken away; afterwards nothing is changed."""
    connected.restart()
    before = everything(connected)
    called: list[Any] = []
    connected.on_xero_call = connected.on_powerbi_call = called.append
    yield connected
    assert everything(connected) == before
    assert called == []


def everything(world: World) -> bytes:
    """All blobs, entities, messages and leases."""
    store = world.store
    return pickle.dumps([store._containers, store._tables, store._queues, store._leases])


def refused(world: World, body: bytes, signature: str) -> None:
    """The delivery is answered 401."""
    with pytest.raises(BadWebhook) as caught:
        receive_webhook(world.connector, body, signature)
    assert caught.value.status == 401


@many(2500)
@given(at=st.integers(0, len(BODY) - 1), to=st.integers(1, 255))
def test_one_byte_of_the_body(door: World, at: int, to: int) -> None:
    """Any byte of the body in place of another."""
    refused(door, BODY[:at] + bytes([BODY[at] ^ to]) + BODY[at + 1 :], SIGNATURE)


@many(1500)
@given(at=st.integers(0, len(SIGNATURE) - 1), to=st.characters())
def test_one_character_of_the_signature(door: World, at: int, to: str) -> None:
    """Any character of the signature in place of another, those that decode to the same bytes included."""
    assume(to != SIGNATURE[at])
    refused(door, BODY, SIGNATURE[:at] + to + SIGNATURE[at + 1 :])


@many(1500)
@given(st.integers(0, len(BODY)), st.integers(0, len(BODY)), st.binary(max_size=40))
def test_more_or_less_of_the_body(door: World, first: int, last: int, put: bytes) -> None:
    """A piece of the body cut out, and something put in its place, with the signature of the whole."""
    changed = BODY[:first] + put + BODY[last:]
    assume(changed != BODY)
    refused(door, changed, SIGNATURE)


@many(1000)
@given(st.integers(0, len(SIGNATURE)), st.integers(0, len(SIGNATURE)), st.text(max_size=20))
def test_more_or_less_of_the_signature(door: World, first: int, last: int, put: str) -> None:
    """A piece of the signature cut out or repeated, and something put in its place."""
    changed = SIGNATURE[:first] + put + SIGNATURE[last:]
    assume(changed != SIGNATURE)
    refused(door, BODY, changed)


events = st.fixed_dictionaries(
    {
        "tenantId": st.sampled_from([books.TENANT, books.OTHER_TENANT, "", "' or 1 eq 1"]),
        "resourceId": st.sampled_from([books.record_id("Invoices", 1), books.record_id("Contacts", 1), "x"]),
        "eventCategory": st.sampled_from(["INVOICE", "CONTACT", "QUOTE"]),
    }
)
bodies = st.lists(events, max_size=4).map(
    lambda some: str({"events": some, "entropy": len(some)}).replace("'", '"').encode()
)


@many(1500)
@given(body=bodies, other=st.sampled_from([SIGNATURE, sign(b""), sign(b"{}"), sign(BODY + b"\n")]))
def test_the_signature_of_another_body(door: World, body: bytes, other: str) -> None:
    """A delivery of any events with the signature of another, which was right for that one."""
    refused(door, body, other)


@many(1000)
@given(
    body=bodies | st.just(BODY),
    key=st.sampled_from(["", " ", FORMER, WEBHOOK_KEY.upper(), WEBHOOK_KEY[:-1], f"{WEBHOOK_KEY}\n"])
    | st.text(),
)
def test_the_signature_of_another_key(door: World, body: bytes, key: str) -> None:
    """A delivery that another key signed, the former one after its rotation included."""
    assume(key != WEBHOOK_KEY)
    refused(door, body, sign(body, key.encode("utf-8", "replace").decode()))


def _written(digest: bytes, how: str) -> str:
    right = base64.b64encode(digest).decode()
    return {
        "hex": digest.hex(),
        "base64 of hex": base64.b64encode(digest.hex().encode()).decode(),
        "base64 twice": base64.b64encode(right.encode()).decode(),
        "base32": base64.b32encode(digest).decode(),
        "unpadded": right.rstrip("="),
        "prefixed": f"sha256={right}",
        "quoted": f'"{right}"',
        "blank before": f" {right}",
        "blank behind": f"{right} ",
        "line": f"{right}\r\n",
        "NUL": f"{right}\0",
        "twice": f"{right},{right}",
        "list": f"{right};{right}",
        "upper": right.upper(),
        "lower": right.lower(),
        "percent": right.replace("=", "%3D"),
        "fullwidth": right.replace("=", "\uff1d"),
    }[how]


HOWS = "hex,base64 of hex,base64 twice,base32,unpadded,prefixed,quoted,blank before,blank behind,line,NUL,twice,list,upper,lower"


@many(500)
@given(body=bodies | st.just(BODY), how=st.sampled_from([*HOWS.split(","), "percent", "fullwidth"]))
def test_the_right_digest_written_otherwise(door: World, body: bytes, how: str) -> None:
    """Of all ways to write a right digest only Xero's own is taken."""
    refused(door, body, _written(hmac.digest(WEBHOOK_KEY.encode(), body, "sha256"), how))


@many(500)
@given(
    body=st.binary(max_size=300) | bodies,
    digest=st.sampled_from(["md5", "sha1", "sha512", "sha3_256", "plain"]),
    noise=st.text(max_size=60) | st.text(min_size=1, max_size=3).map(lambda some: some * 20_000),
)
def test_other_digests_and_any_text(door: World, body: bytes, digest: str, noise: str) -> None:
    """Another digest of the right key, none but a plain hash, and any text in the header, however long."""
    made = (
        hashlib.sha256(body).digest()
        if digest == "plain"
        else hmac.digest(WEBHOOK_KEY.encode(), body, digest)
    )
    refused(door, body, base64.b64encode(made).decode())
    refused(door, body, noise)


@pytest.mark.parametrize("signed_by", ["the current key", "the former key", "nobody"])
def test_every_key_is_always_tried(monkeypatch: pytest.MonkeyPatch, signed_by: str) -> None:
    """Whichever key signed, or none, as many digests are made and compared in constant time as there are keys."""
    made: list[str] = []

    def counting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*given: Any) -> Any:
            made.append(name)
            return original(*given)

        return counted

    keys = {"the current key": WEBHOOK_KEY, "the former key": FORMER}
    signature = sign(BODY, keys.get(signed_by, "another"))
    for name in ("digest", "compare_digest"):
        monkeypatch.setattr(hmac, name, counting(name, getattr(hmac, name)))
    if signed_by == "nobody":
        with pytest.raises(BadWebhook):
            webhook.read_delivery(BODY, signature, [*keys.values()])
    else:
        assert len(webhook.read_delivery(BODY, signature, [*keys.values()])[0]) == 1
    assert made == ["digest", "compare_digest"] * 2


def test_through_the_function(
    door: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The function itself answers 401 with no body, whatever headers are named or repeated like the signature's."""
    monkeypatch.setattr(webhook_http, "connector", lambda: door.connector)
    context = SimpleNamespace(
        trace_context=SimpleNamespace(trace_parent="00-zz\nforged=1"), invocation_id="i-1"
    )
    wrong = sign(BODY, FORMER)
    headers: list[dict[str, str]] = [
        {},
        {"x-xero-signature": ""},
        {"X-XERO-SIGNATURE": wrong},
        {"x-xero-signature": f"{SIGNATURE}, {wrong}"},
        {"x-xero-signature": f"{SIGNATURE},{SIGNATURE}"},
        {"x_xero_signature": SIGNATURE},
        {"x-xero-signature ": SIGNATURE},
        {"x-hub-signature": SIGNATURE},
        {"authorization": f"Bearer {SIGNATURE}"},
        {"x-xero-signature": "\u00e9" * 70_000},
        {"x-xero-signature": f"{wrong}\nwebhook received events=1"},
    ]
    for each in headers:
        request = func.HttpRequest(method="POST", url="/api/xero/webhook", headers=each, body=BODY)
        answer = webhook_http.webhook_http(request, context)
        assert (answer.status_code, answer.get_body()) == (401, b""), each
    assert SIGNATURE not in caplog.text
    assert not any("\n" in message for message in caplog.messages)
