"""Key Vault: token sets, client secrets and webhook keys. The only place that reads or writes a secret.

Names in the vault: `xero-client-secret`, `xero-webhook-key`, `xero-webhook-key-previous`, `powerbi-client-secret` or
`powerbi-client-certificate`, and `xero-tokens-<token set>` for each consenting user.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.keyvault.secrets import SecretClient

from shared.clock import Clock
from shared.errors import AskPerson, OutcomeUnknown, PermissionMissing, SettingsError
from shared.masking import masked, without_tokens

XERO_CLIENT_SECRET = "xero-client-secret"  # noqa: S105
XERO_WEBHOOK_KEYS = ("xero-webhook-key", "xero-webhook-key-previous")
POWERBI_CLIENT_SECRET = "powerbi-client-secret"  # noqa: S105
POWERBI_CLIENT_CERTIFICATE = "powerbi-client-certificate"
# A secret that a person rotates is read again this often.
CACHE = timedelta(minutes=5)
# A deletion or recovery shows within seconds.
VAULT_SECONDS = 30


class TokenSet(msgspec.Struct, frozen=True, kw_only=True):
    """What one consenting user's connection to Xero lives on. The generation grows by one with each save."""

    format: int = 1
    token_set: str
    generation: int
    access_token: str
    refresh_token: str
    obtained_at: datetime
    expires_at: datetime
    scope: str = ""

    def __repr__(self) -> str:
        return (
            f"TokenSet({self.token_set!r}, generation={self.generation}, expires_at={self.expires_at:%FT%TZ})"
        )


_token_set = msgspec.json.Decoder(TokenSet)


@dataclass(frozen=True)
class Described:
    """What the vault tells of a secret beside its value."""

    enabled: bool
    expires: datetime | None


class Secrets:
    """Key Vault with a short memory, so that a burst of work costs one read."""

    def __init__(self, client: SecretClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._cache: dict[str, tuple[datetime, str | None]] = {}

    def read(self, name: str) -> str | None:
        """A secret's value, at most five minutes old; None when the vault has no such secret."""
        now = self._clock.now()
        kept = self._cache.get(name)
        if kept is None or now - kept[0] > CACHE:
            with _vault_errors(f"reading secret {name}"):
                try:
                    kept = (now, self._client.get_secret(name).value)
                except ResourceNotFoundError:
                    kept = (now, None)
            self._cache[name] = kept
        return kept[1]

    def require(self, name: str) -> str:
        """A secret that must be there. Raises SettingsError."""
        value = self.read(name)
        if not value:
            raise SettingsError(
                f"Key Vault has no secret {name}: add it under Objects > Secrets of the vault."
            )
        return value

    def described(self) -> dict[str, Described]:
        """Every secret of the vault by its name, without a value."""
        with _vault_errors("listing secrets"):
            return {
                str(each.name): Described(bool(each.enabled), each.expires_on)
                for each in self._client.list_properties_of_secrets()
            }

    def webhook_keys(self) -> list[str]:
        """The current key and, during a rotation, the previous one; empty when webhooks are not set up."""
        return [key for name in XERO_WEBHOOK_KEYS if (key := self.read(name))]

    def token_set(self, token_set: str, *, fresh: bool = False) -> TokenSet:
        """The newest saved tokens of a consenting user; `fresh` asks the vault whatever is remembered."""
        name = _name(token_set)
        if fresh:
            self._cache.pop(name, None)
        value = self.read(name)
        if value is None:
            raise AskPerson(f"Key Vault has no {name}: run `python3 manage.py connect`.")
        tokens = _decode(value)
        if tokens is None:
            raise AskPerson(f"{name} in Key Vault is no token set: run `python3 manage.py connect`.")
        return tokens

    def find_token_set(self, token_set: str) -> TokenSet | None:
        """As `token_set`, always from the vault; None before the first consent, or when what is there is no token set."""
        self._cache.pop(_name(token_set), None)
        value = self.read(_name(token_set))
        return None if value is None else _decode(value)

    def save_token_set(self, tokens: TokenSet) -> None:
        """Write a new version. Raises OutcomeUnknown when the vault's answer was lost: read again before trying again."""
        name = _name(tokens.token_set)
        value = msgspec.json.encode(tokens).decode()
        self._cache.pop(name, None)
        with _vault_errors(f"saving secret {name}", value, tokens.access_token, tokens.refresh_token):
            try:
                self._client.set_secret(name, value, content_type="application/json")
            except ResourceExistsError:
                # Deleted by `uninstall`, and kept by the vault for a while under its name.
                self._client.begin_recover_deleted_secret(name).wait(VAULT_SECONDS)
                self._client.set_secret(name, value, content_type="application/json")

    def token_sets(self) -> list[str]:
        """The token sets that the vault has."""
        prefix = _name("")
        with _vault_errors("listing its secrets"):
            names = [str(each.name) for each in self._client.list_properties_of_secrets()]
        return sorted(name.removeprefix(prefix) for name in names if name.startswith(prefix))

    def delete_token_set(self, token_set: str) -> None:
        """Gone afterwards, whether it was there or not; the vault keeps a deleted secret until it is purged."""
        name = _name(token_set)
        self._cache.pop(name, None)
        with _vault_errors(f"deleting secret {name}"), suppress(ResourceNotFoundError):
            self._client.begin_delete_secret(name).wait(VAULT_SECONDS)

    def earlier_token_sets(self, token_set: str, since: datetime) -> list[TokenSet]:
        """Versions saved since an instant, newest first: Xero honours a used refresh token for 30 minutes."""
        name = _name(token_set)
        with _vault_errors(f"reading versions of secret {name}"):
            versions = [
                properties
                for properties in self._client.list_properties_of_secret_versions(name)
                if properties.enabled and properties.created_on and properties.created_on >= since
            ]
            versions.sort(key=lambda properties: properties.created_on or since, reverse=True)
            values = [self._client.get_secret(name, properties.version).value for properties in versions]
        return [tokens for value in values if value and (tokens := _decode(value))]


def _decode(value: str) -> TokenSet | None:
    try:
        return _token_set.decode(value)
    except ValueError:
        return None


def _name(token_set: str) -> str:
    return f"xero-tokens-{token_set}"


def _said(words: object, secrets: tuple[str, ...]) -> str:
    return without_tokens(masked(str(words), [secret for secret in secrets if secret]))[:500]


@contextmanager
def _vault_errors(doing: str, *secrets: str) -> Iterator[None]:
    """What the vault says becomes an error of ours, without what it was sent."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code in (401, 403):
            raise PermissionMissing(
                f"Key Vault refused {doing}: give the identity the role Key Vault Secrets Officer on the vault.",
                vendor_words=_said(error.message, secrets),
            ) from error
        raise OutcomeUnknown(
            f"Key Vault failed {doing}", seconds=60, vendor_words=_said(error.message, secrets)
        ) from error
    except (AzureError, ValueError) as error:
        # ValueError: the managed identity's endpoint answered something that is no JSON.
        raise OutcomeUnknown(
            f"Key Vault failed {doing}", seconds=60, vendor_words=_said(error, secrets)
        ) from error
