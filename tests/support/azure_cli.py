"""A stand-in of the Azure CLI: a program `az` for PATH that answers as it was told, and tokens from a managed identity's endpoint.

Shapes: `az functionapp config appsettings list` answers {name, slotSetting, value}; `az functionapp function list` names
functions APP/FUNCTION; `az account get-access-token` answers accessToken, expiresOn in local time, expires_on in unix
seconds; without a login every command ends with 1 and "ERROR: Please run 'az login' to setup account.".
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

APP, GROUP = "func-books", "rg-books"
FUNCTIONS = ("poll_timer", "push_queue", "token_refresh_timer", "webhook_http")
_PROGRAM = """\
import json, sys, urllib.parse, urllib.request
from datetime import datetime
from pathlib import Path

state = json.loads(Path({state!r}).read_text())
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words) + "\\n")


def option(name):
    return words[words.index(name) + 1] if name in words else ""


if not state["logged_in"]:
    sys.exit("ERROR: Please run 'az login' to setup account.")
if words[:2] == ["account", "get-access-token"]:
    query = urllib.parse.urlencode(
        {{"api-version": "2019-08-01", "resource": option("--resource"), "client_id": state["client_id"]}}
    )
    asked = urllib.request.Request(state["endpoint"] + "?" + query, headers={{"X-IDENTITY-HEADER": state["header"]}})
    with urllib.request.build_opener(urllib.request.ProxyHandler({{}})).open(asked) as answer:
        found = json.load(answer)
    expires = int(found["expires_on"])
    print(json.dumps({{
        "accessToken": found["access_token"], "tokenType": "Bearer", "expires_on": expires,
        "expiresOn": datetime.fromtimestamp(expires).strftime("%Y-%m-%d %H:%M:%S.%f"),
    }}))
    sys.exit()
command = " ".join(words[: next((n for n, word in enumerate(words) if word.startswith("--")), len(words))])
if state["errors"].get(command):
    sys.exit("ERROR: " + state["errors"][command])
if option("--name") and (option("--name"), option("--resource-group")) != (state["app"], state["group"]):
    sys.exit("ERROR: (ResourceNotFound) The Resource 'Microsoft.Web/sites/%s' was not found." % option("--name"))
if command not in state["answers"]:
    sys.exit("ERROR: '%s' is misspelled or not recognized by the system." % command)
print(json.dumps(state["answers"][command]))
"""


@dataclass
class AzureCli:
    """The program in `folder`, which goes to the front of PATH. What it answers may be changed until it runs."""

    folder: Path
    settings: Mapping[str, str]
    logged_in: bool = True
    functions: tuple[str, ...] = FUNCTIONS
    # By command, what it fails with.
    errors: dict[str, str] = field(default_factory=dict)
    # Of a managed identity, from whose endpoint the operator's tokens are.
    endpoint: str = ""
    header: str = ""
    client_id: str = ""

    def install(self) -> "AzureCli":
        """Write the program and what it answers."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "az"
        state, log = str(self.folder / "az.json"), str(self.folder / "az.log")
        program.write_text(
            f"#!{sys.executable} -IS\n" + _PROGRAM.format(state=state, log=log), encoding="utf-8"
        )
        program.chmod(0o755)
        app: dict[str, Any] = {"name": APP, "resourceGroup": GROUP, "kind": "functionapp,linux"}
        document = {
            "logged_in": self.logged_in,
            "app": APP,
            "group": GROUP,
            "errors": self.errors,
            "endpoint": self.endpoint,
            "header": self.header,
            "client_id": self.client_id,
            "answers": {
                "functionapp list": [{"name": "another", "resourceGroup": "rg-else"}, app],
                "functionapp config appsettings list": [
                    {"name": name, "slotSetting": False, "value": value}
                    for name, value in self.settings.items()
                ],
                "functionapp function list": [
                    {"name": f"{APP}/{name}", "resourceGroup": GROUP, "type": "Microsoft.Web/sites/functions"}
                    for name in self.functions
                ],
            },
        }
        Path(state).write_text(json.dumps(document), encoding="utf-8")
        return self

    @property
    def calls(self) -> list[str]:
        """The commands that were run, as typed after `az`."""
        log = self.folder / "az.log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []
