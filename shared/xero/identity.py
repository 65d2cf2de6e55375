"""Xero's identity service: the consent page's address, tokens for a code, a refresh token or a secret, connections."""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt

from shared.errors import ConsentLost, GiveUp, Refused, SettingsError, Unavailable
from shared.http import Answer, Http
from shared.xero.resources.resource import UUID

USER = re.compile(r"[0-9a-z-]{1,64}")
CONNECTION_ID = re.compile(r"[0-9a-z-]{1,64}")


class InvalidGrant(GiveUp):
    """Xero knows no such code or refresh token (any more)."""


@dataclass(frozen=True, repr=False)
class Tokens:
    """Xero's answer of the token endpoint. `user` is Xero's id of the consenting user, "" when it is not told."""

    access_token: str
    refresh_token: str
    expires_in: timedelta
    scope: str
    user: str


@dataclass(frozen=True)
class Connection:
    """One organisation that a user connected to this app (GET /connections).

    created_at: when it was first; updated_at: when a consent last named it. None when Xero does not say.
    """

    connection_id: str
    tenant_id: str
    tenant_type: str
    name: str
    created_at: datetime | None = None
    updated_at: datetime | None = None


def authorize_url(login_url: str, client_id: str, redirect_uri: str, state: str, scopes: str) -> str:
    """Where the browser goes for consent to `scopes` (Xero "The standard authorization code flow")."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": scopes,
        "state": state,
    }
    return f"{login_url}/identity/connect/authorize?{urlencode(query)}"


def code_of_redirect(redirected_to: str, state: str) -> str:
    """The code in the address that Xero sent the browser to. Raises ConsentLost unless it answers our own request."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(redirected_to).query).items()}
    if query.get("state") != state:
        raise ConsentLost(
            "The redirect does not carry the state that this request began with; start connect again."
        )
    if "error" in query:
        words = f"{query['error']} {query.get('error_description', '')}".strip()
        if query["error"] == "access_denied":
            raise ConsentLost("Xero's user did not give the consent.", vendor_words=words)
        raise ConsentLost("Xero did not take the consent.", vendor_words=words)
    if "code" not in query:
        raise ConsentLost("The redirect carries no code; start connect again.")
    return query["code"]


class XeroIdentity:
    """Calls of identity.xero.com and /connections. Each takes the client's id and secret from the caller."""

    def __init__(self, http: Http, identity_url: str, api_url: str, client_id: str) -> None:
        self._http = http
        self._token_url = f"{identity_url}/connect/token"
        self._revocation_url = f"{identity_url}/connect/revocation"
        self._connections_url = f"{api_url}/connections"
        self._client_id = client_id

    def exchange_code(self, code: str, redirect_uri: str, client_secret: str) -> Tokens:
        """Tokens for the code of a redirect; a code lives five minutes and works once. Raises InvalidGrant."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        return self._tokens(form, client_secret)

    def refresh(self, refresh_token: str, client_secret: str) -> Tokens:
        """New tokens for a refresh token. The old one works for 30 minutes more, so a lost answer is asked for again.

        Raises InvalidGrant, Unavailable, OutcomeUnknown, SettingsError.
        """
        return self._tokens({"grant_type": "refresh_token", "refresh_token": refresh_token}, client_secret)

    def client_credentials(self, scopes: str, client_secret: str) -> Tokens:
        """Tokens of a custom connection: no user, nothing to refresh with; asking again costs nothing.

        Raises Unavailable, OutcomeUnknown, SettingsError.
        """
        return self._tokens({"grant_type": "client_credentials", "scope": scopes}, client_secret)

    def connections(self, access_token: str) -> list[Connection]:
        """The organisations that the tokens' user connected. Raises ConsentLost when Xero refuses the token."""
        answer = self._http.request(
            "GET",
            self._connections_url,
            headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"},
        )
        if answer.status in (401, 403):
            raise ConsentLost(
                "Xero refuses the token when asked for its connections.", vendor_words=answer.words()
            )
        found = answer.json()
        if answer.status != 200 or not isinstance(found, list):
            raise Unavailable(
                f"Xero answered {answer.status} to /connections", seconds=60, vendor_words=answer.words()
            )
        if not all(_is_connection(entry) for entry in found):
            raise Unavailable(
                "Xero answered 200 to /connections, but with ids that are none.",
                seconds=60,
                vendor_words=answer.words(),
            )
        return [
            Connection(
                connection_id=entry["id"],
                tenant_id=entry["tenantId"].lower(),
                tenant_type=entry.get("tenantType", ""),
                name=entry.get("tenantName") or entry["tenantId"],
                created_at=_instant(entry.get("createdDateUtc")),
                updated_at=_instant(entry.get("updatedDateUtc")),
            )
            for entry in found
        ]

    def disconnect(self, access_token: str, connection_id: str) -> bool:
        """Remove a connection; False when Xero has no such one (any more). Raises ConsentLost, Unavailable."""
        answer = self._http.request(
            "DELETE",
            f"{self._connections_url}/{connection_id}",
            headers={"Authorization": f"Bearer {access_token}", "Accept": "application/json"},
        )
        if answer.status in (204, 404):
            return answer.status == 204
        if answer.status in (401, 403):
            raise ConsentLost("Xero refuses the token when asked to disconnect.", vendor_words=answer.words())
        raise Unavailable(
            f"Xero answered {answer.status} when asked to disconnect.",
            seconds=60,
            vendor_words=answer.words(),
        )

    def revoke(self, refresh_token: str, client_secret: str) -> None:
        """End a token set: its tokens, and every connection of its user to this app, are gone. Raises as `refresh`."""
        answer = self._post(self._revocation_url, {"token": refresh_token}, client_secret)
        if answer.status != 200:
            found = answer.json()
            raise _token_error(answer, found if isinstance(found, dict) else {}, "revocation")

    def _tokens(self, form: dict[str, str], client_secret: str) -> Tokens:
        answer = self._post(self._token_url, form, client_secret)
        found = answer.json()
        if answer.status == 200 and isinstance(found, dict) and found.get("access_token"):
            return Tokens(
                access_token=found["access_token"],
                refresh_token=found.get("refresh_token", ""),
                expires_in=timedelta(seconds=int(found.get("expires_in", 1800))),
                scope=found.get("scope", ""),
                user=_user(found),
            )
        raise _token_error(answer, found if isinstance(found, dict) else {}, form["grant_type"])

    def _post(self, url: str, form: dict[str, str], client_secret: str) -> Answer:
        basic = base64.b64encode(f"{self._client_id}:{client_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Accept": "application/json"}
        return self._http.request("POST", url, headers=headers, data=form)


def _token_error(answer: Answer, found: dict[str, Any], grant: str) -> Exception:
    error = str(found.get("error", ""))
    words = answer.masked(f"{error} {found.get('error_description', '')}".strip()) or f"HTTP {answer.status}"
    if grant == "client_credentials" and error:
        return _custom_error(error, words)
    if error == "invalid_grant":
        return InvalidGrant(f"Xero does not accept this {grant}.", vendor_words=words)
    if error in ("invalid_client", "unauthorized_client", "invalid_scope", "unsupported_grant_type"):
        return SettingsError(
            "Xero does not accept the app: check XERO_CLIENT_ID, the secret xero-client-secret and the app's scopes.",
            vendor_words=words,
        )
    if answer.status == 429 or answer.status >= 500 or answer.status == 200:
        return Unavailable("Xero's token service is down.", seconds=60, vendor_words=words)
    return Refused(f"Xero refuses the {grant}.", status=answer.status, vendor_words=words)


def _custom_error(error: str, words: str) -> SettingsError:
    """What Xero refuses a custom connection for, and where a person mends it. Nothing is lost by it, so nothing is ended."""
    what = {
        "invalid_client": "it knows no app of this XERO_CLIENT_ID and secret. At developer.xero.com > My Apps > the app > "
        "Configuration compare the client id, generate a secret, and put that into the vault as xero-client-secret",
        "invalid_scope": "the app lacks a scope. At developer.xero.com > My Apps > the app pick the scopes that "
        "docs/xero-setup.md lists, and have the connection authorised anew; READ_REPORTS and READ_JOURNALS decide "
        "whether theirs are asked for",
    }.get(
        error,
        "the app is no custom connection, or nobody has authorised it yet (any more). At developer.xero.com > My Apps > "
        "the app see that it is a custom connection and that its connection is authorised: the user named there gets an "
        "e-mail with a link. For an app of the type web app set XERO_CONNECTION to consent",
    )
    return SettingsError(f"Xero gives this custom connection no token: {what}.", vendor_words=words)


def _is_connection(entry: Any) -> bool:
    """Ids of connections stand in addresses, those of organisations in keys and headers, so that they must be what they are.

    A recorded id of a connection is no UUID; of an organisation each is.
    """
    found = (entry.get("id"), entry.get("tenantId")) if isinstance(entry, dict) else (None, None)
    return all(
        isinstance(each, str) and pattern.fullmatch(each.lower())
        for each, pattern in zip(found, (CONNECTION_ID, UUID), strict=True)
    )


def _instant(text: object) -> datetime | None:
    """Xero's `2020-03-16T20:37:06.4719890`, which is UTC without saying so; None for what is none."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _user(found: dict[str, Any]) -> str:
    """Xero's id of the user, read from the tokens without a check: it came from Xero itself over TLS."""
    for token in (found.get("id_token"), found.get("access_token")):
        try:
            claims = jwt.decode(token or "", options={"verify_signature": False})
        except jwt.PyJWTError:
            continue
        # It stands in the name of a secret; what cannot is as good as none.
        user = str(claims.get("xero_userid") or "").lower()
        if USER.fullmatch(user):
            return user
    return ""


def expires_at(tokens: Tokens, asked_at: datetime) -> datetime:
    """When the access token dies, counted from before it was asked for."""
    return asked_at + tokens.expires_in
