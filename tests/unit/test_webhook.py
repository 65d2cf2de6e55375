"""Xero's webhooks: what is signed is read, what is not is refused, and only ids come out."""

import base64
import hashlib
import hmac
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.errors import BadWebhook
from shared.xero import webhook
from shared.xero.webhook import Event, read_delivery

# A key as Xero shows it: it looks like base64, and is used as the text that it is.
KEY = "XWx3O9MwJYeFXB0MAFIuZ1Hj5kb6dsLsNVnEfVq8JDgfJbsd3WF2/ex/RwKOIwTBLWbrv+uDqrEXqcnQrcdqmg=="
PREVIOUS = "b2xkIGtleQ=="
TENANT = "aef86862-2015-4b6b-88bc-d89032cecc50"
RESOURCE = "55d84274-a3da-4829-a7c0-0cab601b95cc"
SPEC = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "xero-webhooks.yaml"
# As Xero sends an Intent to Receive, spacing included.
INTENT = b'{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "BAHDHQFJRLTGMEWLAUWD"}'


def sign(body: bytes, key: str = KEY) -> str:
    """base64(HMAC-SHA256(raw body, key as UTF-8 text)), as Xero documents it."""
    return base64.b64encode(hmac.new(key.encode("utf-8"), body, hashlib.sha256).digest()).decode("ascii")


def event(**fields: Any) -> dict[str, Any]:
    return {
        "resourceUrl": f"https://api.xero.com/api.xro/2.0/Invoices/{RESOURCE}",
        "resourceId": RESOURCE,
        "tenantId": TENANT,
        "tenantType": "ORGANISATION",
        "eventCategory": "INVOICE",
        "eventType": "UPDATE",
        "eventDateUtc": "2026-11-23T00:44:09.923",
    } | fields


def delivery(*events: Any, **fields: Any) -> bytes:
    body = {
        "events": list(events),
        "firstEventSequence": 7,
        "lastEventSequence": 8,
        "entropy": "ABC",
    } | fields
    return json.dumps(body).encode()


def read(body: bytes, keys: tuple[str, ...] = (KEY,)) -> tuple[list[Event], int]:
    """What a rightly signed body holds."""
    return read_delivery(body, sign(body), keys)


def refusal(body: bytes, signature: str, keys: tuple[str, ...] = (KEY,)) -> int:
    """The status that a delivery is refused with."""
    with pytest.raises(BadWebhook) as refused:
        read_delivery(body, signature, keys)
    return refused.value.status


def test_a_signed_delivery_gives_its_events() -> None:
    """Whose record of what kind: that is all that is taken from an event."""
    assert read(delivery(event())) == ([Event(TENANT, "INVOICE", RESOURCE)], 0)


def test_a_signature_worked_out_by_hand_is_accepted() -> None:
    """The key is a text, not base64 to be decoded: signed with its decoded bytes, the same body is refused."""
    decoded = base64.b64encode(hmac.new(base64.b64decode(KEY), INTENT, hashlib.sha256).digest()).decode()
    assert read_delivery(INTENT, sign(INTENT), [KEY]) == ([], 0)
    assert refusal(INTENT, decoded) == 401


def test_spacing_is_part_of_what_is_signed() -> None:
    """The raw bytes count: the same JSON written by another hand has another signature."""
    assert read(INTENT) == ([], 0)
    rewritten = json.dumps(json.loads(INTENT)).encode()
    assert refusal(rewritten, sign(INTENT)) == 401


@given(data=st.data())
def test_any_changed_byte_of_the_body_is_401(data: st.DataObject) -> None:
    """One byte replaced, left out or put in: the signature is no longer of this body."""
    body = data.draw(
        st.sampled_from([INTENT, delivery(event()), delivery(event(), event(eventCategory="CONTACT"))])
    )
    place = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.binary(min_size=1, max_size=1))
    how = data.draw(st.sampled_from(["replaced", "left out", "put in"]))
    rest = body[place:] if how == "put in" else body[place + 1 :]
    changed = body[:place] + (b"" if how == "left out" else byte) + rest
    assume(changed != body)
    assert refusal(changed, sign(body)) == 401


@given(data=st.data())
def test_any_changed_character_of_the_signature_is_401(data: st.DataObject) -> None:
    """Xero's own test of a receiver changes one character; so do we, all of them and into anything."""
    body = delivery(event())
    signature = sign(body)
    place = data.draw(st.integers(0, len(signature)))
    character = data.draw(st.characters() | st.sampled_from("Aa0+/= \t\n\ud800"))
    how = data.draw(st.sampled_from(["replaced", "left out", "put in"]))
    rest = signature[place:] if how == "put in" else signature[place + 1 :]
    changed = signature[:place] + ("" if how == "left out" else character) + rest
    assume(changed != signature)
    assert refusal(body, changed) == 401


@pytest.mark.parametrize("place", range(44))
def test_each_place_of_the_signature_counts(place: int) -> None:
    """The last characters before the padding too, which a decoder might forgive."""
    signature = sign(INTENT)
    other = "B" if signature[place] == "A" else "A"
    assert refusal(INTENT, signature[:place] + other + signature[place + 1 :]) == 401


@pytest.mark.parametrize("signature", ["", " ", "null", "=" * 44, "A" * 44, "x" * 100_000])
def test_what_is_no_signature_is_401(signature: str) -> None:
    """A missing header, and noise."""
    assert refusal(INTENT, signature) == 401


@pytest.mark.parametrize("keys", [(KEY, PREVIOUS), (PREVIOUS, KEY)])
def test_two_keys_are_accepted_during_a_rotation(keys: tuple[str, ...]) -> None:
    """Each of them, and no third."""
    body = delivery(event())
    for key in keys:
        assert read_delivery(body, sign(body, key), keys)[0]
    assert refusal(body, sign(body, KEY + "x"), keys) == 401
    assert refusal(body, sign(body, PREVIOUS), (KEY,)) == 401


def test_every_key_is_tried_whichever_matches(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long an answer takes does not tell which key is right: all are computed, and compared in constant time."""
    compared: list[bytes] = []
    really = hmac.compare_digest

    def watched(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return really(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    read_delivery(INTENT, sign(INTENT), [KEY, PREVIOUS])
    assert len(compared) == 2


def test_without_a_key_the_answer_is_503() -> None:
    """Webhooks are not set up: Xero is told so, whatever it signed with."""
    assert refusal(INTENT, sign(INTENT), ()) == 503


@pytest.mark.parametrize("keys", [("",), ("", ""), (" ",), ("\n",)])
def test_an_empty_key_is_no_key(keys: tuple[str, ...]) -> None:
    """What anybody could sign with never opens the door."""
    assert refusal(INTENT, sign(INTENT, ""), keys) == 503
    assert refusal(INTENT, sign(INTENT, keys[0]), keys) == 503
    assert refusal(INTENT, sign(INTENT, keys[0]), (KEY, *keys)) == 401


def test_a_body_of_the_largest_size_is_read_and_one_byte_more_is_413() -> None:
    """Size is looked at before anything is computed over it."""
    fits = delivery(event(), entropy="x" * 100)
    fits = fits[:-1] + b" " * (webhook.LARGEST_BODY - len(fits)) + fits[-1:]
    assert len(read(fits)[0]) == 1
    assert refusal(fits + b" ", sign(fits + b" ")) == 413
    assert refusal(fits + b" ", "wrong") == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"events",
        b'{"events":null}',
        b'{"events":{}}',
        b'{"events":[}',
        b'{"events":[]',
        b'{"events":[]}x',
        b"\xff\xfe",
        b'{"\xff":1,"events":7}',
        b"[" * 200_000,
        b'{"events":' + b"[" * 200_000,
    ],
)
def test_a_signed_body_that_is_no_delivery_is_400(body: bytes) -> None:
    """Signed, so it is Xero's; but nothing can be made of it, and sending it again would not help."""
    assert refusal(body, sign(body)) == 400


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_signed_body_is_read_or_400(body: bytes) -> None:
    """No body that is signed raises anything else."""
    try:
        events, unreadable = read(body)
    except BadWebhook as refused:
        assert refused.status == 400
        return
    assert isinstance(json.loads(body)["events"], list)
    assert len(events) + unreadable == len(json.loads(body)["events"])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(RESOURCE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.lists(
        json_values
        | st.fixed_dictionaries(
            {},
            optional={"tenantId": json_values, "resourceId": json_values, "eventCategory": json_values},
        ),
        max_size=4,
    )
)
def test_whatever_is_among_the_events_is_an_event_or_counted(entries: list[Any]) -> None:
    """An entry without two UUIDs is counted as unreadable, and those beside it are read."""
    good = event()
    events, unreadable = read(delivery(*entries, good))
    assert events[-1] == Event(TENANT, "INVOICE", RESOURCE)
    assert len(events) + unreadable == len(entries) + 1
    for found in events:
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", found.resource_id)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"tenantId":"\xff"}',
        b"[" * 100_000 + b"]" * 100_000,
        b'{"tenantId":"\\ud800"}',
        b"17",
    ],
)
def test_an_event_of_broken_bytes_does_not_cost_the_others(broken: bytes) -> None:
    """What is wrong inside one entry stays inside it, or the whole is 400: never an error that Xero would repeat."""
    body = b'{"events":[' + broken + b"," + json.dumps(event()).encode() + b"]}"
    try:
        events, unreadable = read(body)
    except BadWebhook as refused:
        assert refused.status == 400
        return
    assert (len(events), unreadable) == (1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resourceId": "55d84274"},
        {"resourceId": RESOURCE + "0"},
        {"resourceId": RESOURCE.replace("-", "")},
        {"resourceId": "55d84274-a3da-4829-a7c0-0cab601b95cg"},
        {"resourceId": RESOURCE + "\n"},
        {"resourceId": "../../Invoices/" + RESOURCE[15:]},
        {"resourceId": None},
        {"resourceId": 5},
        {"tenantId": ""},
        {"tenantId": "'; drop table --"},
        {"tenantId": {"id": TENANT}},
        {"eventCategory": None},
    ],
)
def test_ids_that_are_no_uuids_are_counted_and_ignored(wrong: dict[str, Any]) -> None:
    """Nothing that is no UUID ever gets into an address, a message or a key."""
    assert read(delivery(event(**wrong), event())) == ([Event(TENANT, "INVOICE", RESOURCE)], 1)


@given(st.data())
def test_case_does_not_matter(data: st.DataObject) -> None:
    """Categories and ids come in any case and leave in one."""

    def any_case(word: str) -> str:
        upper = data.draw(st.lists(st.booleans(), min_size=len(word), max_size=len(word)))
        return "".join(
            letter.upper() if raised else letter.lower() for letter, raised in zip(word, upper, strict=True)
        )

    written = event(
        eventCategory=any_case("INVOICE"),
        eventType=any_case("UPDATE"),
        resourceId=any_case(RESOURCE),
        tenantId=any_case(TENANT),
    )
    assert read(delivery(written)) == ([Event(TENANT, "INVOICE", RESOURCE)], 0)


def test_unknown_categories_types_and_fields_are_no_error() -> None:
    """Xero adds categories and fields without asking; who uses them decides what to do with them."""
    strange = event(
        eventCategory="PREPAYMENT",
        eventType="Archive",
        data={"Type": "ARPREPAYMENT", "Status": "PAID"},
        more=[1],
    )
    assert read(delivery(strange, correlation={"a": 1})) == ([Event(TENANT, "PREPAYMENT", RESOURCE)], 0)


@pytest.mark.parametrize(
    "url", [None, "", 7, "http://169.254.169.254/latest", "https://evil.example/Invoices/" + TENANT, ["x"]]
)
def test_the_resource_url_is_never_looked_at(url: Any) -> None:
    """Wherever it points, the event is the same: nothing of it comes out."""
    assert read(delivery(event(resourceUrl=url))) == ([Event(TENANT, "INVOICE", RESOURCE)], 0)


def test_several_organisations_in_one_delivery_keep_apart() -> None:
    """One address serves all organisations of the app; order and repetition are kept for the caller to settle."""
    other = "11111111-2222-4333-8444-555555555555"
    found, _ = read(delivery(event(), event(tenantId=other, eventCategory="Contact"), event()))
    assert found == [
        Event(TENANT, "INVOICE", RESOURCE),
        Event(other, "CONTACT", RESOURCE),
        Event(TENANT, "INVOICE", RESOURCE),
    ]


@pytest.mark.skipif(not SPEC.is_file(), reason="Xero's webhook file lies beside the repository only")
def test_the_example_of_xeros_own_file_is_read() -> None:
    """The one example of Xero's OpenAPI file of webhooks, taken from its text, with its data and sequences."""
    text = SPEC.read_text(encoding="utf-8").split("examples:", 1)[1].split("responses:", 1)[0]
    fields = dict(re.findall(r"^\s+(?:- )?(\w+): (\S.*)$", text, re.MULTILINE))
    datetime.fromisoformat(fields["eventDateUtc"])
    example = event(
        **{name: fields[name] for name in event()}, data={"Type": fields["Type"], "Status": fields["Status"]}
    )
    sequences = {name: int(fields[name]) for name in ("firstEventSequence", "lastEventSequence")}
    body = delivery(example, **sequences, entropy=fields["entropy"])
    assert read(body) == (
        [Event("aef86862-2015-4b6b-88bc-d89032cecc50", "CREDITNOTE", "55d84274-a3da-4829-a7c0-0cab601b95cc")],
        0,
    )
