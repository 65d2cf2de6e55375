"""Tokens for Power BI: an app registration with a client secret, through MSAL."""

from collections.abc import Callable
from functools import partial

import msal
import msal.exceptions
import requests

from shared.errors import PermissionMissing, SettingsError, Unavailable

# MSAL raises its own error for a 5xx, requests' for a broken connection, ValueError for an answer that is no JSON.
FAILURES = (OSError, ValueError, msal.exceptions.MsalError)
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
TIMEOUT_SECONDS = 30
# Entra's "AADSTS7000215: Invalid client secret", "7000222: expired", "700016: application not found", "90002: tenant".
WRONG_SETTINGS = (7000215, 7000222, 700016, 90002)


class PowerBIIdentity:
    """Power BI access tokens. MSAL keeps them while they live, so `token` is cheap.

    `client_secret` is asked for with each new client, since a person may rotate it. `ca_file` and `known_authority=False`
    are for a stand-in of Entra on loopback.
    """

    def __init__(
        self,
        *,
        authority: str,
        client_id: str,
        client_secret: Callable[[], str],
        ca_file: str = "",
        known_authority: bool = True,
    ) -> None:
        self._authority = authority
        self._client_id = client_id
        self._client_secret = client_secret
        self._ca_file = ca_file
        self._known_authority = known_authority
        self._client: msal.ConfidentialClientApplication | None = None

    def token(self, *, fresh: bool = False) -> str:
        """A token; `fresh` after one was refused. Raises SettingsError, PermissionMissing, Unavailable."""
        if fresh or self._client is None:
            self._client = self._new_client()
        try:
            answer = self._client.acquire_token_for_client([SCOPE])
        except FAILURES as error:
            raise Unavailable(
                "Entra gives no token for Power BI.", seconds=60, vendor_words=str(error)[:500]
            ) from error
        if answer and "access_token" in answer:
            return str(answer["access_token"])
        self._client = None
        words = f"{(answer or {}).get('error', '')}: {(answer or {}).get('error_description', '')}"[:500]
        codes = (answer or {}).get("error_codes", [])
        if any(code in WRONG_SETTINGS for code in codes) or "invalid_client" in words:
            raise SettingsError(
                "Entra does not know the app registration with this secret: check POWERBI_TENANT_ID, POWERBI_CLIENT_ID "
                "and the secret powerbi-client-secret in Key Vault.",
                vendor_words=words,
            )
        raise PermissionMissing("Entra refuses a token for Power BI.", vendor_words=words)

    def _new_client(self) -> msal.ConfidentialClientApplication:
        http = requests.Session()
        if self._ca_file:
            # Else REQUESTS_CA_BUNDLE would take the place of the stand-in's own authority.
            http.trust_env = False
            http.verify = self._ca_file
        try:
            return msal.ConfidentialClientApplication(
                self._client_id,
                authority=self._authority,
                client_credential=self._client_secret(),
                instance_discovery=self._known_authority,
                http_client=_with_timeout(http),
            )
        except FAILURES as error:
            raise Unavailable("Entra does not answer.", seconds=60, vendor_words=str(error)[:500]) from error


def _with_timeout(session: requests.Session) -> requests.Session:
    """MSAL leaves timeouts to its HTTP client."""
    session.request = partial(session.request, timeout=TIMEOUT_SECONDS)  # type: ignore[method-assign]
    return session
