"""Run the Xero stand-in alone: `python -m local.xero --port 8081`."""

import argparse
import contextlib

from local.simulation import Served
from local.xero.app import create
from local.xero.identity import Client


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.xero", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--client-id", default=Client.client_id)
    parser.add_argument("--client-secret", default=Client.client_secret)
    parser.add_argument("--redirect-uri", action="append", default=[], help="only these, if any is given")
    parser.add_argument("--broad-scopes", action="store_true", help="an app of before 2 March 2026")
    parser.add_argument(
        "--custom-connection", metavar="TENANT", help="the app is a custom connection to this organisation"
    )
    options = parser.parse_args()
    client = Client(
        options.client_id,
        options.client_secret,
        tuple(options.redirect_uri),
        options.custom_connection,
        options.broad_scopes,
    )
    served = Served(create((client,)).app, options.port, options.host)
    print(f"Xero stand-in: {served.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        served.serve_forever()


if __name__ == "__main__":
    main()
