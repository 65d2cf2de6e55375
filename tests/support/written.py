"""The ways in which a secret may stand in a text, for whoever searches for it."""

import base64
import json
from urllib.parse import quote, quote_plus


def written(secret: str) -> set[str]:
    """As it is, in an address or a form, in JSON (with and without escaped slashes), in both kinds of base64."""
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        secret.replace("/", "\\/"),
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    }
