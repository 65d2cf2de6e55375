"""The cloud on a laptop: storage, stand-ins of Xero, Power BI, Entra and Key Vault, and the functions host, on loopback.

Azurite and the functions host are processes of their own; the stand-ins are threads of this one.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from local import core_tools
from local.azurite import Azurite
from local.errors import LocalError
from local.host.settings import load_values
from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import APPLICATION, APPLICATION_SECRET, MANAGED_IDENTITY, TENANT
from local.powerbi.access import GROUP
from local.powerbi.app import create as create_powerbi
from local.simulation import Served
from local.xero.app import create as create_xero
from local.xero.identity import Client
from local.xero.wire import encode

ROOT = Path(__file__).resolve().parents[1]
# Taken when they are free, so that addresses stay the same from one start to the next.
PORTS = {
    "host": 7071,
    "xero": 7081,
    "powerbi": 7082,
    "vault": 7083,
    "authority": 7084,
    "identity": 7085,
    "redirect": 8400,
}
START_SECONDS = 60
# Those that Xero is known to send; whether PAYMENT is among them, sources disagree.
WEBHOOK_CATEGORIES = ("INVOICE", "CONTACT", "CREDITNOTE", "PREPAYMENT", "OVERPAYMENT")


class CloudError(LocalError):
    """A part of the local cloud did not start; the text says which, and where its log is."""


class Cloud:
    """All parts, running. `values` are the app settings that join them, as in local.settings.json.

    folder: where settings, certificates and logs go. more: app settings that differ from those of the local cloud.
    storage_by_identity: reach Azurite as storage is reached in Azure, by https and a managed identity. func: where Core
    Tools' `func` is, which then runs the functions; None for the project's own host.
    """

    def __init__(
        self,
        folder: Path,
        *,
        start_date: date,
        more: dict[str, str] | None = None,
        fixed_ports: bool = True,
        day_limit: int = 5000,
        storage_by_identity: bool = False,
        func: str | None = None,
    ) -> None:
        self.folder = folder
        self._start_date = start_date
        self._more = more or {}
        self._fixed_ports = fixed_ports
        self._day_limit = day_limit
        self._storage_by_identity = storage_by_identity
        self._func = func
        self._stack = ExitStack()
        self._host: subprocess.Popen[bytes] | None = None
        self.values: dict[str, str] = {}
        self.webhook_key = secrets.token_urlsafe(48)

    @property
    def settings_file(self) -> Path:
        return self.folder / "settings.json"

    @property
    def host_log(self) -> Path:
        return self.folder / "host.log"

    def start(self) -> Self:
        """Start everything but the functions host, which needs the storage prepared first. Raises CloudError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        client_secret = secrets.token_urlsafe(24)
        try:
            self.identity = self._stack.enter_context(
                IdentityStandIn(
                    self.folder,
                    port=self._port("authority"),
                    vault_port=self._port("vault"),
                    managed_identity_port=self._port("identity"),
                    secrets={
                        "xero-client-secret": client_secret,
                        "xero-webhook-key": self.webhook_key,
                        "powerbi-client-secret": APPLICATION_SECRET,
                    },
                )
            )
            made = self.identity.certificate
            azurite = self._stack.enter_context(
                Azurite(certificate=(made.chain, made.key) if self._storage_by_identity else None)
            )
            self.xero = create_xero((Client("local-xero-app", client_secret),))
            self.xero.switches.update({"day_limit": self._day_limit})
            xero = self._stack.enter_context(Served(self.xero.app, self._port("xero")))
            self.powerbi_app, self.powerbi = create_powerbi(group=GROUP)
            powerbi = self._stack.enter_context(Served(self.powerbi_app, self._port("powerbi")))
        except BaseException:
            self._stack.close()
            raise
        self.xero_url, self.powerbi_url = xero.url, powerbi.url
        self.host_port = self._port("host") or _free_port()
        self.host_url = f"http://127.0.0.1:{self.host_port}"
        self.webhook_url = f"{self.host_url}/api/xero/webhook"
        self.redirect_uri = f"http://localhost:{self._port('redirect') or _free_port()}/callback"
        self.values = self._values() | self._storage(azurite) | self._more
        document = {
            "IsEncrypted": False,
            "Values": self.values,
            "Host": {"LocalHttpPort": self.host_port},
        }
        self.settings_file.write_text(json.dumps(document, indent=2), encoding="utf-8")
        return self

    def start_host(self) -> None:
        """Start the functions host and wait until it answers. Raises CloudError."""
        command = [sys.executable, "-m", "local.host", "--app", str(ROOT), "--port", str(self.host_port)]
        command += ["--settings", str(self.settings_file), "--follow"]
        # Settings of the terminal must not reach into the local cloud.
        environment = {name: value for name, value in os.environ.items() if name not in self.values}
        if self._func:
            command = core_tools.start_command(self._func, self.host_port)
            environment = core_tools.environment(self.values)
        if self._storage_by_identity:
            # For the host's own clients; the connector trusts LOCAL_CA_FILE.
            environment["REQUESTS_CA_BUNDLE"] = str(self.identity.ca)
        with self.host_log.open("ab") as log:
            self._host = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                # It closes with this process, however that ends.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=os.name == "posix",
            )
        deadline = time.monotonic() + (core_tools.START_SECONDS if self._func else START_SECONDS)
        while time.monotonic() < deadline and self._host.poll() is None:
            try:
                if requests.get(f"{self.host_url}/admin/host/status", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        tail = self.host_log.read_text(errors="replace")[-1500:]
        raise CloudError(f"The functions host did not start; the end of {self.host_log}:\n{tail}")

    def stop_host(self, *, kill: bool = False) -> None:
        """End the functions host; `kill` ends it as a crash would."""
        host, self._host = self._host, None
        if host is None:
            return
        if kill:
            host.kill()
        else:
            host.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
        try:
            host.wait(40)
        except subprocess.TimeoutExpired:
            host.kill()
            host.wait()
        if host.stdin:
            host.stdin.close()
        if self._func:
            core_tools.end_children(host.pid)

    def stop(self) -> None:
        """End everything; storage and stand-ins forget, and the settings that led there are gone. Logs stay."""
        # Nothing of it lasts, so nobody need wait for a run to end.
        self.stop_host(kill=True)
        self._stack.close()
        self.settings_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def fire(self, function: str) -> None:
        """Have the host run a timer function now."""
        requests.post(
            f"{self.host_url}/admin/functions/{function}", json={"input": ""}, timeout=10
        ).raise_for_status()

    def load(self, books: dict[str, Any]) -> None:
        """Put an organisation's books into Xero."""
        requests.post(f"{self.xero_url}/_sim/load", data=encode(books), timeout=120).raise_for_status()

    def subscribe(self) -> None:
        """Have Xero send its webhooks to the functions host."""
        body = {"url": self.webhook_url, "key": self.webhook_key, "categories": WEBHOOK_CATEGORIES}
        requests.post(f"{self.xero_url}/_sim/webhooks/subscription", json=body, timeout=30).raise_for_status()

    def use_settings(self) -> None:
        """Give this process the settings of the local cloud, for the operator's commands."""
        for name in self.values:
            os.environ.pop(name, None)
        load_values(self.settings_file)

    def _port(self, part: str) -> int:
        return PORTS[part] if self._fixed_ports and _is_free(PORTS[part]) else 0

    def _storage(self, azurite: Azurite) -> dict[str, str]:
        if not self._storage_by_identity:
            return {"AzureWebJobsStorage": azurite.connection_string}
        uris = {
            f"AzureWebJobsStorage__{service}ServiceUri": uri for service, uri in azurite.service_uris.items()
        }
        return uris | {
            "AzureWebJobsStorage__credential": "managedidentity",
            "AzureWebJobsStorage__clientId": MANAGED_IDENTITY.client_id,
        }

    def _values(self) -> dict[str, str]:
        return {
            "FUNCTIONS_WORKER_RUNTIME": "python",
            "POLL_SCHEDULE": "*/5 * * * * *",
            "TOKEN_REFRESH_SCHEDULE": "0 */5 * * * *",
            "START_DATE": self._start_date.isoformat(),
            "KEY_VAULT_URL": self.identity.vault_url,
            "AZURE_CLIENT_ID": MANAGED_IDENTITY.client_id,
            "LOCAL_CA_FILE": str(self.identity.ca),
            "XERO_CLIENT_ID": "local-xero-app",
            "XERO_REDIRECT_URI": self.redirect_uri,
            "XERO_API_URL": self.xero_url,
            "XERO_IDENTITY_URL": self.xero_url,
            "XERO_LOGIN_URL": self.xero_url,
            "XERO_DAY_LIMIT": str(self._day_limit),
            "POWERBI_API_URL": self.powerbi_url,
            "POWERBI_AUTHORITY_URL": self.identity.authority_url.removesuffix(f"/{TENANT}"),
            "POWERBI_TENANT_ID": TENANT,
            "POWERBI_CLIENT_ID": APPLICATION.client_id,
            "POWERBI_WORKSPACE_ID": GROUP,
            **self.identity.environment(),
        }


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if os.name == "posix" else 0)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
