"""Keep out of a vendor's words what a request proved itself with: some answers, and proxies on bad days, echo the request."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

MASK = "***"
# A form's fields that open a door.
FIELDS = ("code", "refresh_token", "token", "client_secret", "client_assertion", "code_verifier")
# Shorter ones are no secrets, and their letters are in other words.
SHORTEST = 8
# What looks like a token is one, whosever it is: a JSON web token, what follows a scheme of HTTP.
_TOKENS = re.compile(
    r"\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}|(?<=\bBearer )[\w.~+/=-]{8,}|(?<=\bBasic )[\w+/=-]{8,}"
)


def secrets_of(headers: Mapping[str, str], form: object) -> tuple[str, ...]:
    """What opens a door in a request: the credential of `Authorization`, a Basic one's password, a form's own."""
    found = []
    scheme, _, credential = headers.get("Authorization", "").partition(" ")
    if scheme == "Basic":
        found.append(base64.b64decode(credential).decode("utf-8", "replace").partition(":")[2])
    found.append(credential)
    if isinstance(form, Mapping):
        found += [str(form[name]) for name in FIELDS if name in form]
    return tuple(secret for secret in found if len(secret) >= SHORTEST)


def masked(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, however they are written in it."""
    for secret in secrets:
        for form in forms(secret):
            text = text.replace(form, MASK)
    return text


def forms(secret: str) -> set[str]:
    """A secret as it stands in a header, an address, a form, JSON, and base64."""
    in_base64 = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),
        secret.replace("/", "\\/"),
        in_base64,
        in_base64.replace("+", "-").replace("/", "_"),
    }


def without_tokens(text: str) -> str:
    """The text without whatever looks like a token, for what no request of ours carried."""
    return _TOKENS.sub(MASK, text)
