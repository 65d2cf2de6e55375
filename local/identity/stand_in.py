"""The authority, the managed identity endpoint and the Key Vault, running together on one clock."""

from collections.abc import Mapping
from pathlib import Path

from local.identity import authority, certificate, managed
from local.identity.registration import Registration
from local.identity.tokens import APPLICATION, APPLICATION_SECRET, TENANT, Principal, TokenIssuer
from local.keyvault.app import create as create_vault
from local.simulation import Clock, Faults, Served, Statistics


class IdentityStandIn:
    """Three servers of this process. Use as a context manager, or call `start` and `stop`.

    folder: receives ca.pem, server.pem and server-key.pem before any port is open.
    ports: 0 takes a free one. secrets: what the vault holds at first. seed: of the tokens' lifetimes.
    system_assigned, readers: see `local.identity.managed.create`.

    Afterwards: `authority_url` (with the tenant, as msal wants it), `vault_url`, `identity_endpoint`, `ca`,
    `vault` (its secrets), `registration` (of the one application), `clock`, and `faults` and `statistics` by "authority", "managed_identity", "vault".
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        vault_port: int = 0,
        managed_identity_port: int = 0,
        clock: Clock | None = None,
        tenant: str = TENANT,
        secrets: Mapping[str, str] | None = None,
        identity_header: str = managed.IDENTITY_HEADER,
        system_assigned: Principal | None = None,
        readers: Clock | None = None,
        seed: int = 0,
    ) -> None:
        self.clock = clock or Clock()
        self.certificate = certificate.make(folder)
        self.ca = self.certificate.ca
        self.faults = {name: Faults() for name in ("authority", "managed_identity", "vault")}
        self.statistics = {name: Statistics() for name in self.faults}
        self.identity_header = identity_header
        self.issuer = TokenIssuer(self.clock, tenant, seed)

        def watched(name: str) -> tuple[Faults, Statistics]:
            return self.faults[name], self.statistics[name]

        faults, statistics = watched("authority")
        self.registration = Registration(APPLICATION_SECRET)
        entra = authority.create(
            self.issuer, {APPLICATION: self.registration}, faults=faults, statistics=statistics
        )
        faults, statistics = watched("managed_identity")
        endpoint = managed.create(
            self.issuer,
            header=identity_header,
            system_assigned=system_assigned,
            readers=readers,
            faults=faults,
            statistics=statistics,
        )
        faults, statistics = watched("vault")
        vault, self.vault = create_vault(
            clock=self.clock, tenant=tenant, secrets=secrets, faults=faults, statistics=statistics
        )
        tls = self.certificate.tls()
        self._servers = [
            Served(entra, port, tls=tls),
            Served(endpoint, managed_identity_port),
            Served(vault, vault_port, tls=tls),
        ]
        self.authority_url = f"{self._servers[0].url}/{tenant}"
        self.identity_endpoint = f"{self._servers[1].url}/msi/token"
        self.vault_url = self._servers[2].url

    def environment(self) -> dict[str, str]:
        """The variables by which azure-identity finds the managed identity endpoint."""
        return {"IDENTITY_ENDPOINT": self.identity_endpoint, "IDENTITY_HEADER": self.identity_header}

    def start(self) -> "IdentityStandIn":
        for server in self._servers:
            server.start()
        return self

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def __enter__(self) -> "IdentityStandIn":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
