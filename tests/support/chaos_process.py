"""A process of the connector whose every effect fate sees: its storage, its vault and its vendors, none over a socket.

What the wire, the SDKs and the host do to a call is done here in their place, as contract tests hold them to it:
tests/contract/test_http.py, test_secrets.py, test_storage.py.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from azure.core.exceptions import (
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from requests.structures import CaseInsensitiveDict
from werkzeug.test import EnvironBuilder, run_wsgi_app

from local.identity.tokens import APPLICATION, POWER_BI
from local.keyvault.vault import Vault, VaultError
from shared.budgets import XeroBudget
from shared.clock import Clock
from shared.errors import OutcomeUnknown, Unavailable
from shared.http import Answer, Http
from shared.powerbi.client import DEADLINE_SECONDS, PowerBI
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage import Lease, Store
from shared.sync.connector import Connector
from shared.sync.refresh import ask_for_refresh
from shared.wiring import IDENTITY_SECONDS, XERO_SECONDS
from shared.xero.client import XeroClient
from shared.xero.identity import XeroIdentity
from tests.support.chaos_fate import Point
from tests.support.killing import Killed, Mortal

if TYPE_CHECKING:
    from tests.support.chaos_world import ChaosWorld

# A request whose answer is lost takes effect after so many seconds at most.
LATEST = 120
HTML = b"<html><head><title>Service unavailable</title></head><body>try again later</body></html>"


class Skewed:
    """A machine's clock, which is off by so many seconds. Sleeping moves everybody's time."""

    def __init__(self, world: "ChaosWorld", seconds: float) -> None:
        self._world, self._off = world, timedelta(seconds=seconds)

    def now(self) -> datetime:
        return self._world.clock.now() + self._off

    def sleep(self, seconds: float) -> None:
        self._world.clock.advance(seconds)


class Process:
    """An instance of the function app: what it remembers is lost when it ends."""

    def __init__(self, world: "ChaosWorld", name: str, seconds_off: float) -> None:
        self.world, self.name = world, name
        self.clock = Skewed(world, seconds_off)
        self.dead = False
        store = cast(Store, UnsureStore(self))
        self.connector = _connector(self, world.settings, self.clock, store)

    def point(self, where: str, what: str, *, effect: bool) -> str:
        """Fate may strike here; answers what it does to the call itself, "" for nothing."""
        if self.dead:
            raise Killed
        struck = self.world.at(self, Point(where, what, effect))
        if self.dead:
            raise Killed
        return struck


def _connector(process: Process, settings: Settings, clock: Clock, store: Store) -> Connector:
    world = process.world
    secrets = Secrets(cast(Any, UnsureVault(process, world.vault)), clock)
    budget = XeroBudget(
        store,
        clock,
        minute_limit=settings.xero_minute_limit,
        day_limit=settings.xero_day_limit,
        webhook_reserve=settings.xero_webhook_reserve,
    )
    xero = XeroClient(
        cast(Http, Wire(process, "xero", XERO_SECONDS)),
        settings.xero_api_url,
        secrets,
        budget,
        clock,
        lambda token_set: ask_for_refresh(store, token_set),
    )
    identity = XeroIdentity(
        cast(Http, Wire(process, "token", IDENTITY_SECONDS)),
        settings.xero_identity_url,
        settings.xero_api_url,
        settings.xero_client_id,
    )
    powerbi = PowerBI(
        cast(Http, Wire(process, "powerbi", DEADLINE_SECONDS)),
        settings.powerbi_api_url,
        settings.powerbi_workspace_id,
        Entra(world),
        clock,
        posts_per_minute=settings.powerbi_posts_per_minute,
    )
    drawn = random.Random(f"{process.name} {clock.now()}")
    return Connector(
        jitter=drawn.random,
        settings=settings,
        clock=clock,
        store=store,
        secrets=lambda: secrets,
        xero=lambda: xero,
        xero_identity=lambda: identity,
        powerbi=lambda: powerbi,
    )


class Entra:
    """Power BI tokens, kept while they live."""

    def __init__(self, world: "ChaosWorld") -> None:
        self._world = world
        self._token, self._until = "", 0.0

    def token(self, *, fresh: bool = False) -> str:
        now = self._world.clock.now().timestamp()
        if fresh or now >= self._until - 300:
            issued = self._world.identity.issuer.issue(POWER_BI, APPLICATION)
            self._token, self._until = issued.text, issued.expires_on
        return self._token


# Storage


class UnsureStore:
    """The store as one process has it: it fails, loses answers, and counts leases by the process's own clock."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._process.world.store, name)

        def call(*args: Any, **options: Any) -> Any:
            effect = name not in Mortal.READS
            struck = self._process.point("store", f"{name} {_named(args)}", effect=effect)
            if struck == "store fails":
                raise HttpResponseError("ServerBusy: storage failed")
            if struck == "store again":
                method(*args, **options)
            answer = method(*args, **options)
            if name in ("list_blobs", "query_entities"):
                answer = iter(list(answer))
            if struck == "store lost":
                raise ServiceResponseError("storage took effect and did not answer")
            return answer

        return call

    def acquire_lease(self, name: str, seconds: int) -> Lease | None:
        asked_at = self._process.clock.now()
        lease: Lease | None = self.__getattr__("acquire_lease")(name, seconds)
        return replace(lease, until=asked_at + timedelta(seconds=seconds)) if lease else None

    def renew_lease(self, lease: Lease) -> Lease:
        asked_at = self._process.clock.now()
        renewed: Lease = self.__getattr__("renew_lease")(lease)
        return replace(renewed, until=asked_at + timedelta(seconds=lease.seconds))


def _named(args: tuple[Any, ...]) -> str:
    entity = getattr(args[1], "entity", None) if len(args) > 1 else None
    if entity:
        return f"{args[0]} {entity['PartitionKey']} {entity['RowKey']}"
    return " ".join(str(each)[:60] for each in args[:2] if isinstance(each, str))


# The vault


class UnsureVault:
    """Key Vault's SDK, as far as `Secrets` uses it, with the errors that it raises."""

    def __init__(self, process: Process, vault: Vault) -> None:
        self._process, self._vault = process, vault

    def get_secret(self, name: str, version: str = "") -> Any:
        with self._call(f"get {name}", effect=False):
            _, found = self._vault.get(name, version)
        return found

    def set_secret(self, name: str, value: str, *, content_type: str = "") -> None:
        with self._call(f"set {name}", effect=True):
            self._vault.set(name, {"value": value, "contentType": content_type})

    def list_properties_of_secret_versions(self, name: str) -> Iterator[Any]:
        with self._call(f"versions of {name}", effect=False):
            _, found = self._vault.versions(name)
        return iter([_Properties(each) for each in found])

    @contextmanager
    def _call(self, what: str, *, effect: bool) -> Iterator[None]:
        world = self._process.world
        struck = self._process.point("vault", what, effect=effect)
        if struck == "vault down":
            world.vault_down_until = world.clock.now() + timedelta(minutes=20)
        if struck in ("vault fails", "vault down") or world.clock.now() < world.vault_down_until:
            world.clock.advance(15)
            error = HttpResponseError("the vault is unavailable")
            error.status_code = 503
            raise error
        try:
            yield
        except VaultError as refused:
            if refused.status == 404:
                raise ResourceNotFoundError(str(refused)) from refused
            raise HttpResponseError(str(refused)) from refused
        if struck == "vault lost":
            raise ServiceResponseError("the vault took effect and did not answer")


class _Properties:
    def __init__(self, version: Any) -> None:
        self.version, self.enabled = version.id, version.enabled
        self.created_on = datetime.fromtimestamp(version.created, tz=UTC)


# The wire


class Wire:
    """What `shared.http.Http` is to a client, with the vendor in the same thread."""

    def __init__(self, process: Process, vendor: str, deadline: float) -> None:
        self._process, self._vendor, self._deadline = process, vendor, deadline

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
    ) -> Answer:
        world, vendor = self._process.world, self._vendor
        path = urlsplit(url).path
        called = f"{method} {path.rpartition('/datasets')[2] or path} {dict(params or {})}"
        struck = self._process.point(vendor, called, effect=method != "GET" or vendor == "token")
        began = world.clock.now()
        call = _Call(world, vendor, method, url, headers, params, data)
        kind = struck.removeprefix(f"{vendor} ")
        if kind == "unsent":
            world.clock.advance(world.fate.between(0, 10))
            raise Unavailable(f"{called}: no connection", seconds=30)
        if kind == "late":
            world.fate.tell(began, "  and takes effect later")
            world.clock.later(world.fate.between(1, LATEST), call)
            world.clock.advance(self._deadline)
            raise OutcomeUnknown(f"{called}: no whole answer", seconds=30)
        if kind == "gone":
            world.xero.identity.connections.clear()
        if kind in ("5xx", "lost") and vendor == "powerbi" and world.fate.chance(0.5):
            kind += " before"
        if (refusal := _refusal(world, vendor, kind)) is not None:
            return refusal
        if kind == "lost before":
            world.clock.advance(world.fate.between(0, self._deadline))
            raise OutcomeUnknown(f"{called}: no whole answer", seconds=30)
        if kind == "slow":
            world.clock.advance(world.fate.between(0.5, 0.98) * self._deadline)
        lag = world.fate.between(2, 200) if kind == "lag" else 0.0
        status, answered, body = call(lag)
        if kind == "5xx":
            return Answer(502, CaseInsensitiveDict({"Content-Type": "text/html"}), HTML, 1.0)
        if kind == "lost":
            world.clock.advance(world.fate.between(0, self._deadline))
            raise OutcomeUnknown(f"{called}: no whole answer", seconds=30)
        if kind == "cut":
            body = body[: world.fate.random.randrange(len(body) or 1)]
        seconds = (world.clock.now() - began).total_seconds()
        return Answer(status, answered, body, seconds)


def _refusal(world: "ChaosWorld", vendor: str, kind: str) -> Answer | None:
    """What a vendor answers to a call that has no effect."""
    fate = world.fate
    headers: dict[str, str] = {}
    body = HTML
    match vendor, kind:
        case "xero", "minute" | "day" | "concurrent":
            status, body = 429, b""
            headers["X-Rate-Limit-Problem"] = fate.one_of((kind, kind.title()))
            if fate.chance(0.5):
                headers["Retry-After"] = str(int(fate.between(1, 60 if kind != "day" else 7200)))
        case "xero", "401":
            status, body = 401, b'{"Title":"Unauthorized","Status":401,"Detail":"TokenExpired"}'
        case "xero", "scope":
            status, body = 401, b'{"Title":"Unauthorized","Status":401,"Detail":"AuthorizationUnsuccessful"}'
            headers["WWW-Authenticate"] = 'Bearer error="insufficient_scope"'
        case "xero", "403":
            status, body = 403, b'{"Title":"Forbidden","Status":403,"Detail":"AuthenticationUnsuccessful"}'
        case "xero", "404":
            status = 404
        case "xero", "html":
            status = 200
        case (("xero" | "token"), "5xx"):
            status = fate.one_of((500, 502, 503, 504))
            body = fate.one_of((HTML, b"upstream connect error", b""))
        case "powerbi", "5xx before":
            status = fate.one_of((500, 502, 503, 504))
        case "powerbi", "429":
            status, body = 429, b'{"error":{"code":"TooManyRequests"}}'
            if fate.chance(0.5):
                headers["Retry-After"] = str(int(fate.between(1, 90)))
        case "powerbi", "401":
            status, body = 401, b'{"error":{"code":"TokenExpired"}}'
        case "powerbi", "refuses":
            status, body = 403, b'{"error":{"code":"PowerBINotAuthorizedException"}}'
        case _:
            return None
    return Answer(status, CaseInsensitiveDict(headers), body, 0.1)


class _Call:
    """A request on its way to a vendor."""

    def __init__(
        self,
        world: "ChaosWorld",
        vendor: str,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        data: bytes | Mapping[str, str] | None,
    ) -> None:
        self._world = world
        self._app = world.powerbi_door if vendor == "powerbi" else world.xero_door
        parts = urlsplit(url)
        self._builder: dict[str, Any] = {
            "method": method,
            "path": parts.path,
            "base_url": f"{parts.scheme}://{parts.netloc}",
            "query_string": dict(params) if params else parts.query,
            "headers": dict(headers or {}),
            "data": dict(data) if isinstance(data, Mapping) else data,
        }

    def __call__(self, lag: float = 0.0) -> tuple[int, CaseInsensitiveDict[str], bytes]:
        environ = EnvironBuilder(**self._builder).get_environ()
        with self._world.as_of(lag):
            pieces, status, headers = run_wsgi_app(self._app, environ, buffered=True)
            body = b"".join(pieces)
        return int(status[:3]), CaseInsensitiveDict(headers.items()), body
