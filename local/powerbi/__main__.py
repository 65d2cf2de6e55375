"""Runs the Power BI simulator: python -m local.powerbi --port N

--group GUID            the workspace
--role OBJECT-ID=ROLE   who may do what there, in place of the defaults; may be repeated
--switch NAME=VALUE     see local/powerbi/switches.py; VALUE is JSON or plain text; may be repeated
"""

import argparse
import contextlib
import json
from typing import Any

import msgspec

from local.identity.tokens import TENANT
from local.powerbi.access import DEFAULT_ROLES, GROUP, ROLES
from local.powerbi.app import create
from local.powerbi.switches import Switches
from local.simulation import Served


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.powerbi", description="Power BI push datasets")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--group", default=GROUP, help="the id of the workspace")
    parser.add_argument("--tenant", default=TENANT)
    parser.add_argument("--role", action="append", default=[], metavar="OBJECT-ID=ROLE")
    parser.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    roles = dict(entry.partition("=")[::2] for entry in arguments.role)
    if not set(roles.values()) <= set(ROLES):
        parser.error(f"a role is one of {', '.join(ROLES)}")
    try:
        switches = Switches().changed(dict(_switch(entry) for entry in arguments.switch))
    except msgspec.ValidationError as error:
        parser.error(str(error))
    app, _ = create(
        group=arguments.group, tenant=arguments.tenant, roles=roles or DEFAULT_ROLES, switches=switches
    )
    server = Served(app, arguments.port)
    print(json.dumps({"powerbi": server.url}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def _switch(entry: str) -> tuple[str, Any]:
    name, _, text = entry.partition("=")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


if __name__ == "__main__":
    main()
