"""Apps, consents, connections and tokens: what identity.xero.com knows."""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4, uuid5

from local.simulation import Clock
from local.xero.scopes import BROAD_SCOPES, SCOPES
from local.xero.store import Store
from local.xero.switches import Switches
from local.xero.wire import Record, encode

_ISSUER = "https://identity.xero.com"
# There is no user to know of and nothing to refresh; no journals for a custom connection made after 29 April 2026.
_NOT_FOR_CUSTOM = frozenset(
    {"openid", "profile", "email", "offline_access", "accounting.journals", "accounting.journals.read"}
)


@dataclass(frozen=True)
class Client:
    """An app registered with Xero.

    redirect_uris: where it may be sent back to, anywhere if empty. broad_scopes: an app of before 2 March 2026, which may
    still ask for them. custom: it is a custom connection, which asks for tokens with its own credentials and knows no
    consent page; tenant_id: the organisation that it was authorised for, None before that; scopes: those that were picked for
    it, every one if empty.
    """

    client_id: str = "local-xero-app"
    client_secret: str = "local-xero-secret"
    redirect_uris: tuple[str, ...] = ()
    tenant_id: str | None = None
    broad_scopes: bool = False
    custom: bool = False
    scopes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.tenant_id is not None:
            object.__setattr__(self, "custom", True)

    def may_ask(self, scopes: Iterable[str]) -> bool:
        return set(scopes) <= (SCOPES | BROAD_SCOPES if self.broad_scopes else SCOPES)


class TokenError(Exception):
    """An OAuth error of the token endpoint, answered with 400; `description` is often missing at Xero's."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass
class Connection:
    """A tenant that a user has connected to an app."""

    id: str
    client_id: str
    user: str
    tenant_id: str
    auth_event_id: str
    created: datetime
    updated: datetime


@dataclass(frozen=True)
class Grant:
    """What a consent gave: a token set is this grant with its tokens of the moment."""

    client_id: str
    user: str
    scopes: tuple[str, ...]
    auth_event_id: str


@dataclass(frozen=True)
class Code:
    grant: Grant
    redirect_uri: str
    challenge: str
    issued: datetime


@dataclass(frozen=True)
class AccessToken:
    grant: Grant
    expires: datetime


@dataclass
class _TokenSet:
    """The refresh tokens of one grant: token -> (when issued, when a newer one was)."""

    grant: Grant
    tokens: dict[str, tuple[datetime, datetime | None]] = field(default_factory=dict)


class Identity:
    """State of consents and tokens, by the stand-in's clock."""

    def __init__(self, clock: Clock, switches: Switches, store: Store, clients: Iterable[Client]) -> None:
        self._lock = threading.RLock()
        self._clock = clock
        self._switches = switches
        self._store = store
        self._key = secrets.token_bytes(32)
        self.clients = {client.client_id: client for client in clients}
        self.connections: dict[str, Connection] = {}
        self._codes: dict[str, Code] = {}
        self._access: dict[str, AccessToken] = {}
        self._sets: dict[str, _TokenSet] = {}

    def authenticate(self, client_id: str, client_secret: str) -> Client:
        """TokenError when there is no such app, or not with that secret."""
        client = self.clients.get(client_id)
        if client is None or not hmac.compare_digest(client.client_secret.encode(), client_secret.encode()):
            raise TokenError("invalid_client")
        return client

    def consent(
        self,
        client: Client,
        user: str,
        tenant_ids: Iterable[str],
        scopes: Iterable[str],
        redirect_uri: str,
        challenge: str = "",
    ) -> str:
        """The user allows access: connect the tenants and answer the code, to be used once within 5 minutes."""
        with self._lock:
            event = str(uuid4())
            for tenant_id in tenant_ids:
                self._connect(client.client_id, user, tenant_id, event)
            code = secrets.token_urlsafe(32)
            grant = Grant(client.client_id, user, tuple(scopes), event)
            self._codes[code] = Code(grant, redirect_uri, challenge, self._clock.now())
        return code

    def exchange(self, client: Client, code: str, redirect_uri: str, verifier: str = "") -> Record:
        """The first tokens for a code. TokenError when it is used, too old, or of another app or redirect."""
        with self._lock:
            found = self._codes.pop(code, None)
            if (
                found is None
                or found.grant.client_id != client.client_id
                or found.redirect_uri != redirect_uri
            ):
                raise TokenError("invalid_grant")
            if self._seconds_since(found.issued) >= self._switches.code_seconds:
                raise TokenError("invalid_grant")
            digest = (
                base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            )
            if found.challenge and not hmac.compare_digest(found.challenge, digest):
                raise TokenError("invalid_grant")
            return self._issue(_TokenSet(found.grant))

    def refresh(self, client: Client, token: str) -> Record:
        """New tokens for old. Every other refresh token of the set has 30 minutes left, counted from the moment a
        newer one was first issued. TokenError when this one's are over, or it lay unused for 60 days."""
        with self._lock:
            tokens = self._sets.get(token)
            if tokens is None or tokens.grant.client_id != client.client_id:
                raise TokenError("invalid_grant")
            issued, replaced = tokens.tokens[token]
            if replaced is None:
                dead = self._seconds_since(issued) >= self._switches.refresh_unused_seconds
            else:
                dead = self._seconds_since(replaced) >= self._switches.refresh_grace_seconds
            if dead:
                raise TokenError("invalid_grant")
            return self._issue(tokens)

    def client_credentials(self, client: Client, scopes: Iterable[str]) -> Record:
        """A token for a custom connection: one organisation, no user, nothing to refresh with."""
        scopes = tuple(scopes)
        if not client.custom:
            raise TokenError("unauthorized_client")
        if not scopes or not client.may_ask(scopes) or not _NOT_FOR_CUSTOM.isdisjoint(scopes):
            raise TokenError("invalid_scope")
        if client.scopes and not client.scopes.issuperset(scopes):
            raise TokenError("invalid_scope")
        if client.tenant_id is None and self._switches.custom_unauthorised_refused:
            raise TokenError("unauthorized_client")
        with self._lock:
            grant = Grant(client.client_id, client.client_id, scopes, str(uuid4()))
            if client.tenant_id is not None:
                self._connect(client.client_id, client.client_id, client.tenant_id, grant.auth_event_id)
            return self._access_token(grant)

    def revoke(self, client: Client, token: str) -> None:
        """End a token set, and by switch every connection of its user to the app; an unknown token is no error."""
        with self._lock:
            tokens = self._sets.get(token)
            if tokens is None or tokens.grant.client_id != client.client_id:
                return
            owner = (client.client_id, tokens.grant.user)
            self._sets = {
                name: held
                for name, held in self._sets.items()
                if held is not tokens and (held.grant.client_id, held.grant.user) != owner
            }
            if self._switches.revocation_removes_connections:
                for connection in self.connections_of(tokens.grant):
                    del self.connections[connection.id]

    def access(self, token: str) -> AccessToken | None:
        """What an access token stands for, also after its end; None for a string that never was one."""
        with self._lock:
            return self._access.get(token)

    def is_full(self, client: Client, tenant_ids: Iterable[str]) -> str:
        """Which limit of Xero's connecting these would break, "" for none: the app's, or an organisation's of apps."""
        with self._lock:
            custom = {each.client_id for each in self.clients.values() if each.custom}
            there = {
                (each.client_id, each.tenant_id)
                for each in self.connections.values()
                if each.client_id not in custom
            }
        after = there | {(client.client_id, tenant_id) for tenant_id in tenant_ids}
        if sum(1 for app, _ in after if app == client.client_id) > self._switches.connections_limit:
            return "connection"
        tenants = [tenant_id for _, tenant_id in after - there]
        apps = max((sum(1 for _, each in after if each == tenant_id) for tenant_id in tenants), default=0)
        return "uncertified app" if apps > self._switches.uncertified_apps_limit else ""

    def connections_of(self, grant: Grant) -> list[Connection]:
        with self._lock:
            return [
                connection
                for connection in self.connections.values()
                if (connection.client_id, connection.user) == (grant.client_id, grant.user)
            ]

    def is_connected(self, grant: Grant, tenant_id: str) -> bool:
        return any(connection.tenant_id == tenant_id for connection in self.connections_of(grant))

    def disconnect(self, grant: Grant, connection_id: str) -> bool:
        """Remove a connection of the grant's user; False when it is not there."""
        with self._lock:
            if all(connection.id != connection_id for connection in self.connections_of(grant)):
                return False
            del self.connections[connection_id]
            return True

    def _connect(self, client_id: str, user: str, tenant_id: str, event: str) -> None:
        now = self._clock.now()
        for connection in self.connections.values():
            if (connection.client_id, connection.user, connection.tenant_id) == (client_id, user, tenant_id):
                connection.auth_event_id, connection.updated = event, now
                return
        made = Connection(str(uuid4()), client_id, user, tenant_id, event, now, now)
        self.connections[made.id] = made

    def _issue(self, tokens: _TokenSet) -> Record:
        answer = self._access_token(tokens.grant)
        if "offline_access" not in tokens.grant.scopes:
            return answer
        now = self._clock.now()
        for token, (issued, replaced) in tokens.tokens.items():
            tokens.tokens[token] = issued, replaced or now
        newest = secrets.token_urlsafe(32)
        tokens.tokens[newest] = now, None
        self._sets[newest] = tokens
        scope = answer.pop("scope")
        return {**answer, "refresh_token": newest, "scope": scope}

    def _access_token(self, grant: Grant) -> Record:
        now = self._clock.now()
        seconds = self._switches.access_token_seconds
        claims = {
            "nbf": int(now.timestamp()),
            "exp": int(now.timestamp()) + seconds,
            "iss": _ISSUER,
            "aud": f"{_ISSUER}/resources",
            "client_id": grant.client_id,
            **self._user_claims(grant),
            "jti": secrets.token_hex(16),
            "authentication_event_id": grant.auth_event_id,
            "scope": list(grant.scopes),
        }
        token = self._signed(claims)
        self._access[token] = AccessToken(grant, now + timedelta(seconds=seconds))
        answer = {"access_token": token, "expires_in": seconds, "token_type": "Bearer"}
        if "openid" in grant.scopes:
            answer = {"id_token": self._signed({**claims, "aud": grant.client_id}), **answer}
        return {**answer, "scope": " ".join(grant.scopes)}

    def _user_claims(self, grant: Grant) -> Record:
        """Nobody signed in for a custom connection."""
        if self.clients[grant.client_id].custom:
            return {}
        user = uuid5(UUID(int=0), grant.user)
        return {"sub": user.hex, "xero_userid": str(user)}

    def _signed(self, claims: Record) -> str:
        parts = [encode({"alg": "HS256", "typ": "JWT"}), encode(claims)]
        text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        signature = hmac.digest(self._key, text, "sha256")
        return b".".join((text, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()

    def _seconds_since(self, instant: datetime) -> float:
        return (self._clock.now() - instant).total_seconds()
