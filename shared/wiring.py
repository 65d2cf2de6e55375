"""Wiring: the one place that builds clients from settings. Nothing is built before it is used."""

import os
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from azure.core.credentials import TokenCredential
from azure.identity import ManagedIdentityCredential

from shared import log
from shared.budgets import XeroBudget
from shared.clock import Clock, SystemClock
from shared.http import Http
from shared.parsing import is_loopback
from shared.powerbi.client import DEADLINE_SECONDS, Identity, PowerBI
from shared.secrets import POWERBI_CLIENT_CERTIFICATE, POWERBI_CLIENT_SECRET, Secrets
from shared.settings import Settings, read_settings
from shared.storage import Store
from shared.storage_azure import AzureStore
from shared.sync.connector import Connector
from shared.sync.refresh import ask_for_refresh
from shared.xero.client import XeroClient
from shared.xero.identity import XeroIdentity
from shared.xero.resources import RESOURCES

# A page of 1,000 invoices with lines takes Xero several seconds; a lease lasts 60.
XERO_SECONDS = 45.0
IDENTITY_SECONDS = 30.0
# The SDK would wait 300 seconds for each byte. A token set is saved under a lease of 60.
VAULT_PATIENCE: dict[str, Any] = {"retry_total": 2, "connection_timeout": 5, "read_timeout": 10}


@cache
def connector() -> Connector:
    """The connector of this process. Raises SettingsError at the first use when the set-up is wrong."""
    log.quieten()
    return build(os.environ)


def build(
    environment: Mapping[str, str],
    *,
    clock: Clock | None = None,
    store: Store | None = None,
    credential: TokenCredential | None = None,
    only_looks: bool = False,
) -> Connector:
    """A connector from an environment's settings; a test may bring its own clock and store. Raises SettingsError.

    credential: who reaches storage and vault in place of the app's managed identity, as an operator does on a laptop.
    only_looks: a refused token makes nobody renew it, so that reading Xero changes nothing but the budget.
    """
    settings = read_settings(environment, RESOURCES)
    clock = clock or SystemClock()
    parts = _Parts(settings, clock, store, credential, only_looks=only_looks)
    return Connector(
        settings=settings,
        clock=clock,
        store=parts.store,
        secrets=lambda: parts.secrets,
        xero=lambda: parts.xero,
        xero_identity=lambda: parts.xero_identity,
        powerbi=lambda: parts.powerbi,
    )


class _Parts:
    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        store: Store | None,
        credential: TokenCredential | None,
        *,
        only_looks: bool,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._store = store
        self._credential = credential
        self._only_looks = only_looks

    @cached_property
    def store(self) -> Store:
        if self._store is not None:
            return self._store
        storage = self._settings.storage
        credential = None if storage.connection_string else self._identity(storage.client_id)
        return AzureStore(storage, credential, self._clock, verify=self._verify)

    @cached_property
    def secrets(self) -> Secrets:
        from azure.keyvault.secrets import SecretClient

        # A stand-in on loopback cannot answer for vault.azure.net; settings refuse its certificate anywhere else.
        local = is_loopback(self._settings.key_vault_url)
        client = SecretClient(
            self._settings.key_vault_url,
            self._identity(self._settings.managed_identity_client_id),
            verify_challenge_resource=not local,
            connection_verify=self._verify,
            **VAULT_PATIENCE,
        )
        return Secrets(client, self._clock)

    @cached_property
    def xero(self) -> XeroClient:
        settings = self._settings
        budget = XeroBudget(
            self.store,
            self._clock,
            minute_limit=settings.xero_minute_limit,
            day_limit=settings.xero_day_limit,
            webhook_reserve=settings.xero_webhook_reserve,
        )
        return XeroClient(
            _http(XERO_SECONDS, settings.xero_api_url),
            settings.xero_api_url,
            self.secrets,
            budget,
            self._clock,
            self._ask_for_refresh,
        )

    @cached_property
    def xero_identity(self) -> XeroIdentity:
        settings = self._settings
        return XeroIdentity(
            _http(IDENTITY_SECONDS, settings.xero_identity_url),
            settings.xero_identity_url,
            settings.xero_api_url,
            settings.xero_client_id,
        )

    @cached_property
    def powerbi(self) -> PowerBI:
        settings = self._settings
        return PowerBI(
            _http(DEADLINE_SECONDS, settings.powerbi_api_url),
            settings.powerbi_api_url,
            settings.powerbi_workspace_id,
            self._powerbi_identity(),
            self._clock,
            posts_per_minute=settings.powerbi_posts_per_minute,
        )

    def _ask_for_refresh(self, token_set: str) -> None:
        if not self._only_looks:
            ask_for_refresh(self.store, token_set)

    def _powerbi_identity(self) -> Identity:
        from shared.powerbi.identity import ManagedIdentity, PowerBIIdentity

        settings = self._settings
        if settings.powerbi_auth == "managed-identity":
            return ManagedIdentity(self._identity(settings.managed_identity_client_id))
        return PowerBIIdentity(
            authority=f"{settings.powerbi_authority_url}/{settings.powerbi_tenant_id}",
            client_id=settings.powerbi_client_id,
            client_credential=self._client_credential,
            ca_file=settings.local_ca_file,
            known_authority=not is_loopback(settings.powerbi_authority_url),
        )

    def _client_credential(self) -> str | dict[str, str]:
        if self._settings.powerbi_auth == "secret":
            return self.secrets.require(POWERBI_CLIENT_SECRET)
        from shared.powerbi.certificate import read_certificate

        text = self.secrets.require(POWERBI_CLIENT_CERTIFICATE)
        return read_certificate(text, POWERBI_CLIENT_CERTIFICATE).credential()

    @cached_property
    def _verify(self) -> str | bool:
        return self._settings.local_ca_file or True

    def _identity(self, client_id: str) -> TokenCredential:
        if self._credential is not None:
            return self._credential
        return ManagedIdentityCredential(client_id=client_id) if client_id else ManagedIdentityCredential()


def _http(deadline_seconds: float, url: str) -> Http:
    return Http(deadline_seconds=deadline_seconds, use_proxies=not is_loopback(url))
