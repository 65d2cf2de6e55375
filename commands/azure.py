"""The operator's way into Azure: `az login` and no key. The Azure CLI tells the settings of a deployed app, and gives tokens."""

import json
import os
import re
import shutil
import subprocess
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity import AzureCliCredential

from shared.clock import Clock, SystemClock
from shared.errors import AskPerson

# The CLI is a Python of its own: on Windows it needs several seconds to start.
SECONDS = 120
TOKEN_SECONDS = 60
# A token is asked for again when it has no longer to live than this.
NEARLY_OVER_SECONDS = 300
LOG_IN = "run `az login` (and `az account set --subscription NAME`), then this command again."
# Names as Azure allows them, and nothing that a command interpreter would read as its own (az.cmd on Windows).
APP_NAME = re.compile(r"[A-Za-z0-9-]{1,60}")
GROUP_NAME = re.compile(r"[\w.()-]{1,90}")


class DeployedApp:
    """A function app in Azure, as the Azure CLI tells of it. Each question is one or two runs of `az`."""

    def __init__(self, name: str, resource_group: str = "") -> None:
        """Raises AskPerson when a name is none."""
        if not APP_NAME.fullmatch(name):
            raise AskPerson(f"{name!r} names no function app: letters, digits and hyphens, 60 at most.")
        if resource_group and not GROUP_NAME.fullmatch(resource_group):
            raise AskPerson(f"{resource_group!r} names no resource group.")
        self.name = name
        self._resource_group = resource_group

    def settings(self) -> dict[str, str]:
        """Its app settings. Raises AskPerson."""
        found = self._of_app("functionapp", "config", "appsettings", "list")
        return {str(each["name"]): str(each.get("value") or "") for each in found}

    def functions(self) -> list[str]:
        """The names of the functions that Azure found in what was deployed. Raises AskPerson."""
        found = self._of_app("functionapp", "function", "list")
        return sorted(str(each["name"]).rpartition("/")[2] for each in found)

    def roles(self) -> set[str]:
        """The roles that its identities have, on whatever resource. Raises AskPerson."""
        found = self._of_app("functionapp", "identity", "show") or {}
        assigned = found.get("userAssignedIdentities") or {}
        principals = [str(each["principalId"]) for each in assigned.values()]
        if found.get("principalId"):
            principals.append(str(found["principalId"]))
        return {
            str(each["roleDefinitionName"])
            for principal in principals
            for each in az("role", "assignment", "list", "--assignee", principal, "--all")
        }

    def host_name(self) -> str:
        """Where it answers, such as NAME.azurewebsites.net. Raises AskPerson."""
        found = self._of_app("functionapp", "show")
        return str(found.get("defaultHostName") or found.get("properties", {}).get("defaultHostName") or "")

    @property
    def resource_group(self) -> str:
        """Where it is; looked for by its name when nobody told. Raises AskPerson."""
        if not self._resource_group:
            groups = {
                str(each.get("resourceGroup", ""))
                for each in az("functionapp", "list")
                if str(each.get("name", "")).casefold() == self.name.casefold()
            }
            if not groups:
                raise AskPerson(
                    f"There is no function app {self.name} in this subscription: `az account show` tells which one it is, "
                    "`az account set --subscription NAME` chooses another."
                )
            [self._resource_group] = groups
        return self._resource_group

    def _of_app(self, *words: str) -> Any:
        try:
            return az(*words, "--name", self.name, "--resource-group", self.resource_group)
        except AskPerson as error:
            if "AuthorizationFailed" in error.vendor_words:
                raise AskPerson(
                    f"You may not read {self.name}: have the role Website Contributor assigned to you on it, under "
                    "Access control (IAM).",
                    vendor_words=error.vendor_words,
                ) from error
            raise


class OperatorCredential:
    """Tokens of who is logged in to the Azure CLI, kept while they live: each new one is a run of `az`."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._cli = AzureCliCredential(process_timeout=TOKEN_SECONDS)
        self._clock = clock or SystemClock()
        self._kept: dict[tuple[str, ...], AccessToken] = {}

    def get_token(
        self, *scopes: str, claims: str | None = None, tenant_id: str | None = None, **more: Any
    ) -> AccessToken:
        """As azure-core's TokenCredential. Raises AskPerson when nobody is logged in."""
        key = (*scopes, tenant_id or "", claims or "")
        kept = self._kept.get(key)
        if kept is None or kept.expires_on - self._clock.now().timestamp() < NEARLY_OVER_SECONDS:
            try:
                kept = self._cli.get_token(*scopes, claims=claims, tenant_id=tenant_id, **more)
            except AzureError as error:
                raise AskPerson(
                    f"The Azure CLI gives no token for {scopes[0].removesuffix('/.default')}: {LOG_IN}",
                    vendor_words=str(error)[:500],
                ) from error
            self._kept[key] = kept
        return kept


def az(*words: str) -> Any:
    """What a command of the Azure CLI answers, from JSON. Raises AskPerson, with the CLI's words and what to do.

    The command is az.cmd on Windows, which the search for it knows.
    """
    command = shutil.which("az")
    if command is None:
        raise AskPerson(
            "The Azure CLI is not on PATH: install it (https://aka.ms/azure-cli), then `az login`."
        )
    called = f"az {' '.join(words)}"
    try:
        done = subprocess.run(
            [command, *words, "--output", "json", "--only-show-errors"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            env={**os.environ, "AZURE_CORE_NO_COLOR": "true"},
            check=False,
        )
    except OSError as error:
        raise AskPerson(f"`{called}` could not be started.", vendor_words=str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise AskPerson(f"`{called}` did not end within {SECONDS} s.") from error
    if done.returncode:
        words_said = " ".join(done.stderr.split())[:500]
        if "az login" in words_said or "AADSTS" in words_said:
            raise AskPerson(f"Nobody is logged in to Azure: {LOG_IN}", vendor_words=words_said)
        raise AskPerson(f"`{called}` failed.", vendor_words=words_said)
    try:
        return json.loads(done.stdout)
    except ValueError as error:
        raise AskPerson(f"`{called}` answered no JSON.", vendor_words=done.stdout[:200]) from error
