"""Xero's webhook deliveries: raw body, signature header and keys in; events out, or a named error. No I/O.

Source: Xero "Webhooks overview" and the webhooks OpenAPI file 16.1.0. The signature is base64 of HMAC-SHA256 over the raw
bytes, with the key as it is shown (not base64-decoded).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shared.errors import BadWebhook
from shared.xero.resources.resource import UUID

# Xero documents no size. An event takes some 330 bytes, so this is 50,000 of them, more than a month's arrears of a busy
# company in one delivery; the worst that a body of it can be decoded to is half a gigabyte.
LARGEST_BODY = 16 * 1024 * 1024
UNREADABLE = (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Event:
    """One change: which record of whose books. Thin by design; `resourceUrl` is never followed."""

    tenant_id: str
    category: str
    resource_id: str


class _Event(msgspec.Struct):
    tenantId: str = ""
    eventCategory: str = ""
    resourceId: str = ""


class _Delivery(msgspec.Struct):
    events: list[msgspec.Raw]


_delivery, _of_event = msgspec.json.Decoder(_Delivery), msgspec.json.Decoder(_Event)


def read_delivery(body: bytes, signature: str, keys: Sequence[str]) -> tuple[list[Event], int]:
    """The events of a signed delivery, and how many entries were none (no UUIDs, no texts).

    An Intent to Receive is a delivery of no events. Raises BadWebhook with the status of the answer: 503 without a key,
    413 above LARGEST_BODY, 401 for a signature of neither key, 400 for a signed body that is no delivery.
    """
    keys = [key for key in keys if key.strip()]
    if not keys:
        raise BadWebhook("No webhook key is set: add the secret xero-webhook-key to Key Vault.", status=503)
    if len(body) > LARGEST_BODY:
        raise BadWebhook(f"The delivery has {len(body)} bytes.", status=413)
    if not _is_signed(body, signature, keys):
        raise BadWebhook("The signature is not of this body and our keys.", status=401)
    try:
        entries = _delivery.decode(body).events
    except UNREADABLE as error:
        raise BadWebhook(f"The signed body is no delivery: {error}", status=400) from error
    events = [event for entry in entries if (event := _event(entry))]
    return events, len(entries) - len(events)


def _is_signed(body: bytes, signature: str, keys: Sequence[str]) -> bool:
    """Whether one of the keys made the signature; every key is tried, so that time tells nothing."""
    given = signature.encode("utf-8", "replace")
    matches = [
        hmac.compare_digest(base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)), given)
        for key in keys
    ]
    return any(matches)


def _event(entry: msgspec.Raw) -> Event | None:
    try:
        found = _of_event.decode(entry)
    except UNREADABLE:
        return None
    tenant_id, resource_id = found.tenantId.lower(), found.resourceId.lower()
    if not (UUID.fullmatch(tenant_id) and UUID.fullmatch(resource_id)):
        return None
    return Event(tenant_id, found.eventCategory.upper(), resource_id)
