"""Xero's Intent to Receive: the deliveries that it sends to an address before it believes it, and what it wants to hear.

Source: Xero "Configuring your server". Some are signed rightly, which wants 200, some wrongly, often by one character, which
wants 401; each within five seconds, with nothing in the body and no cookie.
"""

import base64
import hashlib
import hmac
import secrets
import string
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from shared.parsing import is_loopback

SECONDS = 5.0
# So long is waited for an answer, so that a slow one can be told from none.
PATIENCE = 30.0
PORTAL = "developer.xero.com > My Apps > the app > Webhooks"


@dataclass(frozen=True)
class Delivery:
    """One request of an Intent to Receive: what is wrong with its signature, if anything, and what it wants to hear."""

    what: str
    body: bytes
    signature: str
    wants: int


@dataclass(frozen=True)
class Heard:
    """What came of a delivery. status: None when nothing came. wrong: what Xero would refuse, each with what to do."""

    what: str
    wants: int
    status: int | None
    seconds: float
    wrong: tuple[str, ...] = field(default=())


def deliveries(keys: Sequence[str]) -> Iterator[Delivery]:
    """What Xero sends, for each of the keys: the current one and, in a rotation, the one before it."""
    for number, key in enumerate(keys):
        of_key = "signed with the key" if number == 0 else "signed with the previous key"
        body = _body()
        yield Delivery(of_key, body, sign(body, key), 200)
    body = _body()
    yield Delivery("signed wrongly by one character", body, _off_by_one(sign(body, keys[0])), 401)
    body = _body()
    yield Delivery("signed with another key", body, sign(body, secrets.token_urlsafe(48)), 401)
    body = _body()
    yield Delivery("signed for another body", body, sign(_body(), keys[0]), 401)
    body = _body()
    yield Delivery("signed with the key, once more", body, sign(body, keys[0]), 200)


def sign(body: bytes, key: str) -> str:
    """What Xero puts into `x-xero-signature`."""
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()


def deliver(url: str, delivery: Delivery, *, timer: Callable[[], float] = time.monotonic) -> Heard:
    """Send one as Xero does, and judge the answer. timer: seconds."""
    headers = {"x-xero-signature": delivery.signature, "Content-Type": "application/json"}
    began = timer()
    with requests.Session() as session:
        session.trust_env = not is_loopback(url)
        try:
            answer = session.post(
                url, data=delivery.body, headers=headers, timeout=PATIENCE, allow_redirects=False
            )
        except requests.RequestException as error:
            return Heard(delivery.what, delivery.wants, None, timer() - began, (_silence(url, error),))
    seconds = timer() - began
    return Heard(
        delivery.what,
        delivery.wants,
        answer.status_code,
        seconds,
        tuple(_wrong(delivery, answer, seconds)),
    )


def address_is_wrong(url: str) -> str:
    """Why Xero would not send there at all; "" when it would."""
    parts = urlsplit(url)
    if is_loopback(url):
        return ""
    if parts.scheme != "https" or parts.port not in (None, 443):
        return "Xero sends to https on port 443 only."
    return ""


def _wrong(delivery: Delivery, answer: requests.Response, seconds: float) -> Iterator[str]:
    status = answer.status_code
    if status != delivery.wants:
        yield _why(delivery, answer)
    elif answer.content:
        yield (
            f"The body has {len(answer.content)} bytes and must be empty: something in front of the function adds them (a "
            "proxy, an error page); Xero must reach the function app itself."
        )
    if answer.cookies or "Set-Cookie" in answer.headers:
        yield (
            "The answer sets a cookie: in the Azure portal open the function app > Settings > Configuration > General "
            "settings, and set Session affinity to Off."
        )
    if seconds > SECONDS:
        yield (
            f"It took {seconds:.1f} s, and Xero waits {SECONDS:g}. The first request after a pause starts the app: try again "
            "at once, and when that is fast set an always-ready instance for the http group (docs/infra.md)."
        )


def _why(delivery: Delivery, answer: requests.Response) -> str:
    """What an unexpected status means here, and where it is mended."""
    status = answer.status_code
    if delivery.wants == 401 and status == 200:
        return "What Xero did not sign was taken: that is not this connector's webhook_http."
    if status == 401:
        return (
            "The function app has another key than this vault: compare its KEY_VAULT_URL, and the secret xero-webhook-key "
            f"with the key shown at {PORTAL}. The app reads the vault anew after five minutes."
        )
    if status == 503 and not answer.content:
        return (
            "The function app finds no key: add the secret xero-webhook-key in the Azure portal under the vault > Objects > "
            f"Secrets (the value is shown at {PORTAL}); the app reads the vault anew after five minutes."
        )
    if status == 404:
        return (
            "Nothing answers to this path: it must end in /api/xero/webhook, and the function app's Overview in the Azure "
            "portal must list the function webhook_http; if it does not, deploy (docs/deploy.md)."
        )
    if status in (301, 302, 307, 308):
        return (
            f"It redirects to {answer.headers.get('Location', 'nowhere')[:200]}, which Xero does not follow: use https, and in the "
            "Azure portal see that the function app > Settings > Authentication has no identity provider."
        )
    if status == 403:
        return (
            "The app is stopped, or lets nobody in: in the Azure portal open the function app, Overview > Start, and Settings > "
            "Networking > Public network access."
        )
    if status in (502, 503, 504):
        return (
            "The function app does not start: in the Azure portal open the function app > Diagnose and solve problems, or "
            "Application Insights > Failures; settings that are missing are named there."
        )
    if status >= 500:
        return (
            "The function failed: in the Azure portal open Application Insights > Failures; often its identity may not read the "
            "vault or write the queue (docs/infra.md lists its roles)."
        )
    return f"{status} instead of {delivery.wants}: something else than webhook_http answers there."


def _silence(url: str, error: requests.RequestException) -> str:
    host = urlsplit(url).hostname
    if isinstance(error, requests.Timeout):
        return f"No answer within {PATIENCE:g} s: the function app does not start, or a firewall drops what comes."
    if isinstance(error, requests.exceptions.SSLError):
        return f"The certificate of {host} is not valid for it, and Xero would not accept it."
    if "resolve" in str(error).casefold() or "getaddrinfo" in str(error).casefold():
        return f"No host is called {host}: take the name from the function app's Overview > Default domain."
    return f"Nothing listens at {host}: the app is stopped, or the address is wrong."


def _body() -> bytes:
    """Spaced as Xero spaces it, so that whoever parses and writes it again signs something else."""
    entropy = "".join(secrets.choice(string.ascii_uppercase) for _ in range(20))
    return f'{{"events":[],"firstEventSequence": 0,"lastEventSequence": 0, "entropy": "{entropy}"}}'.encode()


def _off_by_one(signature: str) -> str:
    at = secrets.randbelow(len(signature) - 2)
    other = "A" if signature[at] != "A" else "B"
    return signature[:at] + other + signature[at + 1 :]
