"""Access tokens: who they are for, how long they last, how a stand-in reads them.

They are JWTs as Entra's v1.0 endpoint issues them, except that one fixed key signs and verifies (HS256): they
must be worthless anywhere but here. Azurite's `--oauth basic` takes them too, because it checks `iss`, `aud`,
`nbf`, `iat` and `exp` but no signature.
"""

import random
import threading
import uuid
from dataclasses import dataclass
from typing import Any

import jwt

from local.simulation import Clock

TENANT = "22222222-2222-4222-8222-222222222222"
VAULT = "https://vault.azure.net"
STORAGE = "https://storage.azure.com"
POWER_BI = "https://analysis.windows.net/powerbi/api"
RESOURCES = frozenset({VAULT, STORAGE, POWER_BI})

_KEY = "local stand-ins only: this key signs tokens that no real service accepts"
# Validators allow clocks to differ by five minutes when a token is young; an old token gets no such grace here.
_SKEW_SECONDS = 300


@dataclass(frozen=True)
class Principal:
    """A service principal: an app registration, or a managed identity (the same thing to Power BI)."""

    client_id: str
    object_id: str


MANAGED_IDENTITY = Principal("33333333-3333-4333-8333-333333333333", "33333333-0000-4000-8000-333333333333")
APPLICATION = Principal("44444444-4444-4444-8444-444444444444", "44444444-0000-4000-8000-444444444444")
APPLICATION_SECRET = "local-application-secret"


@dataclass(frozen=True)
class AccessToken:
    """A token as issued. `expires_on` is in unix seconds, `expires_in` in seconds from its issue."""

    text: str
    resource: str
    expires_on: int
    expires_in: int


class TokenIssuer:
    """Issues tokens that last 60-90 minutes, at random (Entra: configurable-token-lifetimes, 2025-05).

    seed: makes the lifetimes of one process the same in each run.
    """

    def __init__(self, clock: Clock, tenant: str = TENANT, seed: int = 0) -> None:
        self.clock = clock
        self.tenant = tenant
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    def issue(self, resource: str, principal: Principal) -> AccessToken:
        """A token with which `principal` may call `resource` (one of `RESOURCES`)."""
        with self._lock:
            lifetime = self._random.randint(3600, 5400)
        now = int(self.clock.now().timestamp())
        claims = {
            "aud": resource,
            "iss": f"https://sts.windows.net/{self.tenant}/",
            "iat": now,
            "nbf": now,
            "exp": now + lifetime,
            "appid": principal.client_id,
            "oid": principal.object_id,
            "sub": principal.object_id,
            "tid": self.tenant,
            "idtyp": "app",
            "uti": uuid.uuid4().hex,
            "ver": "1.0",
        }
        return AccessToken(jwt.encode(claims, _KEY, algorithm="HS256"), resource, now + lifetime, lifetime)


class Unacceptable(Exception):
    """A token that a stand-in refuses. `reason`: "absent", "invalid", "audience" or "expired"."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the access token is refused: {reason}")
        self.reason = reason


def bearer(authorization: str | None, audience: str, clock: Clock, tenant: str = TENANT) -> dict[str, Any]:
    """The claims of the token in an `Authorization` header, once everything about it is in order.

    Raises: Unacceptable, with the first thing that is not.
    """
    scheme, _, text = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise Unacceptable("absent")
    try:
        claims: dict[str, Any] = jwt.decode(
            text.strip(),
            _KEY,
            algorithms=["HS256"],
            # Times are compared with the stand-in's clock below, which jwt does not know.
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "verify_aud": False,
                "require": ["aud", "iss", "exp", "nbf", "oid", "appid", "tid"],
            },
        )
    except jwt.InvalidTokenError as error:
        raise Unacceptable("invalid") from error
    now = clock.now().timestamp()
    issued_by = f"https://sts.windows.net/{tenant}/"
    if claims["iss"] != issued_by or claims["nbf"] > now + _SKEW_SECONDS:
        raise Unacceptable("invalid")
    if str(claims["aud"]).rstrip("/") != audience:
        raise Unacceptable("audience")
    if claims["exp"] <= now:
        raise Unacceptable("expired")
    return claims
