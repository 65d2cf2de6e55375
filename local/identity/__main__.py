"""Runs the authority, the managed identity endpoint and the Key Vault stand-in, with one clock for the three.

    python -m local.identity --folder DIR --port P --vault-port V --managed-identity-port M

writes DIR/ca.pem (what clients must trust), DIR/server.pem and DIR/server-key.pem (for another https service,
such as Azurite), then prints the addresses as one line of JSON and serves until it is interrupted.
"""

import argparse
import contextlib
import json
import threading
from pathlib import Path

from local.identity.managed import IDENTITY_HEADER
from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import MANAGED_IDENTITY, TENANT


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m local.identity", description="Entra authority, managed identity endpoint, Key Vault"
    )
    parser.add_argument("--folder", type=Path, required=True, help="where the certificates are written")
    parser.add_argument("--port", type=int, required=True, help="of the authority (https)")
    parser.add_argument("--vault-port", type=int, required=True, help="of the Key Vault (https)")
    parser.add_argument("--managed-identity-port", type=int, required=True, help="http")
    parser.add_argument("--tenant", default=TENANT)
    parser.add_argument("--identity-header", default=IDENTITY_HEADER)
    parser.add_argument(
        "--system-assigned",
        action="store_true",
        help="answer also when no client id is given (Azure does not)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the tokens' random lifetimes")
    parser.add_argument("--secret", action="append", default=[], metavar="NAME=VALUE", help="may be repeated")
    arguments = parser.parse_args()
    secrets = {}
    for entry in arguments.secret:
        name, equals, value = entry.partition("=")
        if not equals:
            parser.error(f"--secret takes NAME=VALUE, not {entry!r}")
        secrets[name] = value

    stand_in = IdentityStandIn(
        arguments.folder,
        port=arguments.port,
        vault_port=arguments.vault_port,
        managed_identity_port=arguments.managed_identity_port,
        tenant=arguments.tenant,
        secrets=secrets,
        identity_header=arguments.identity_header,
        system_assigned=MANAGED_IDENTITY if arguments.system_assigned else None,
        seed=arguments.seed,
    )
    with stand_in, contextlib.suppress(KeyboardInterrupt):
        addresses = {
            "authority": stand_in.authority_url,
            "identity_endpoint": stand_in.identity_endpoint,
            "vault": stand_in.vault_url,
            "ca": str(stand_in.ca),
        }
        print(json.dumps(addresses), flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
