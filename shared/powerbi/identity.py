"""Tokens for Power BI: of an app registration with a secret or a certificate, or of a managed identity with neither."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msal
import msal.exceptions
import requests
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError

from shared.errors import PermissionMissing, SettingsError, Unavailable
from shared.masking import masked, without_tokens

# MSAL raises its own error for a 5xx, requests' for a broken connection, ValueError for an answer that is no JSON.
FAILURES = (OSError, ValueError, msal.exceptions.MsalError)
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
TIMEOUT_SECONDS = 30
# What Entra's AADSTS numbers mean for us (Learn "Microsoft Entra authentication and authorization error codes").
WHAT_TO_DO = {
    7000215: "the secret is wrong. Put a client secret's Value, not its Secret ID, into powerbi-client-secret in Key Vault",
    7000222: "the secret expired. Add a client secret under Certificates & secrets of the app registration, and put its "
    "Value into powerbi-client-secret in Key Vault",
    700016: "the tenant has no such app. Check POWERBI_CLIENT_ID (Application (client) ID of the app registration) and "
    "POWERBI_TENANT_ID",
    7000229: "the app has no service principal in that tenant. Check POWERBI_TENANT_ID, or register the app there",
    90002: "there is no such tenant. Check POWERBI_TENANT_ID (Directory (tenant) ID of the app registration)",
    700027: "the app registration does not have this certificate, or it expired. Upload the certificate of "
    "powerbi-client-certificate under Certificates & secrets > Certificates of the app registration",
    700024: "the assertion is too old or too young. Set this machine's clock",
}
CHECK_ALL = (
    "check POWERBI_TENANT_ID, POWERBI_CLIENT_ID and the secret powerbi-client-secret (or powerbi-client-certificate) in "
    "Key Vault"
)


class PowerBIIdentity:
    """Power BI access tokens of an app registration. MSAL keeps them while they live, so `token` is cheap.

    `client_credential` is a secret, or a certificate as MSAL takes it; it is asked for with each new client, since a person
    may rotate it. `ca_file` and `known_authority=False` are for a stand-in of Entra on loopback.
    """

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        client_credential: Callable[[], str | dict[str, str]],
        ca_file: str = "",
        known_authority: bool = True,
    ) -> None:
        self._authority = authority
        self._client_id = client_id
        self._client_credential = client_credential
        self._ca_file = ca_file
        self._known_authority = known_authority
        self._client: msal.ConfidentialClientApplication | None = None
        self._secrets: tuple[str, ...] = ()

    def token(self, *, fresh: bool = False) -> str:
        """A token; `fresh` after one was refused. Raises SettingsError, PermissionMissing, Unavailable."""
        kept, self._client = None if fresh else self._client, None
        # What a kept client knows may have been rotated since.
        for client in (kept, None) if kept else (None,):
            client = client or self._new_client()
            answer = _ask(client, self._secrets)
            if "access_token" in answer:
                self._client = client
                return str(answer["access_token"])
        raise _refused(answer, self._secrets)

    def _new_client(self) -> msal.ConfidentialClientApplication:
        http = requests.Session()
        if self._ca_file:
            # Else REQUESTS_CA_BUNDLE would take the place of the stand-in's own authority.
            http.trust_env = False
            http.verify = self._ca_file
        credential = self._client_credential()
        self._secrets = (credential,) if isinstance(credential, str) else tuple(credential.values())
        try:
            return msal.ConfidentialClientApplication(
                self._client_id,
                authority=self._authority,
                client_credential=credential,
                instance_discovery=self._known_authority,
                http_client=_with_timeout(http),
            )
        except FAILURES as error:
            # MSAL tells of Entra's answer only in the error that it handled.
            if "AADSTS90002" in f"{error} {error.__context__}":
                raise SettingsError(
                    f"Entra gives no token: {WHAT_TO_DO[90002]}.", vendor_words=_said(error, self._secrets)
                ) from error
            words = _said(error, self._secrets)
            raise Unavailable("Entra does not answer.", seconds=60, vendor_words=words) from error


class ManagedIdentity:
    """Power BI access tokens with no secret: of the app's managed identity, or of whoever is logged in on a laptop.

    The credential keeps tokens while they live.
    """

    def __init__(self, credential: TokenCredential) -> None:
        self._credential = credential

    def token(self, *, fresh: bool = False) -> str:
        """A token. Raises PermissionMissing, Unavailable, and AskPerson when nobody is logged in."""
        try:
            return self._credential.get_token(SCOPE).token
        except ClientAuthenticationError as error:
            raise PermissionMissing(
                "Azure gives the managed identity no token for Power BI: check that AZURE_CLIENT_ID is the client id of an "
                "identity under Identity > User assigned of the function app.",
                vendor_words=_said(error),
            ) from error
        except (AzureError, ValueError) as error:
            # ValueError: its endpoint answered something that is no JSON.
            raise Unavailable(
                "The managed identity's endpoint does not answer.", seconds=60, vendor_words=_said(error)
            ) from error


def _said(words: object, secrets: tuple[str, ...] = ()) -> str:
    """Words for people: without secrets, and cut only then."""
    return without_tokens(masked(str(words), secrets))[:500]


def _ask(client: msal.ConfidentialClientApplication, secrets: tuple[str, ...]) -> dict[str, Any]:
    try:
        return client.acquire_token_for_client([SCOPE]) or {}
    except FAILURES as error:
        raise Unavailable(
            "Entra gives no token for Power BI.", seconds=60, vendor_words=_said(error, secrets)
        ) from error


def _refused(answer: dict[str, Any], secrets: tuple[str, ...]) -> Exception:
    words = _said(f"{answer.get('error', '')}: {answer.get('error_description', '')}", secrets)
    for code in answer.get("error_codes", []):
        if code in WHAT_TO_DO:
            return SettingsError(f"Entra gives no token: {WHAT_TO_DO[code]}.", vendor_words=words)
    if "invalid_client" in words:
        return SettingsError(f"Entra does not know the app registration: {CHECK_ALL}.", vendor_words=words)
    return PermissionMissing("Entra refuses a token for Power BI.", vendor_words=words)


def _with_timeout(session: requests.Session) -> requests.Session:
    """MSAL leaves timeouts to its HTTP client."""
    session.request = partial(session.request, timeout=TIMEOUT_SECONDS)  # type: ignore[method-assign]
    return session
