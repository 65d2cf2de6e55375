"""connect: a user's consent at Xero, in the browser, becomes organisations that are read."""

import threading
import webbrowser
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from commands.dataset import command_for, dataset_name, is_made
from commands.terminal import connector, console, say
from shared.errors import AskPerson, ConnectorError
from shared.state import connections
from shared.state.connections import Organisation
from shared.sync import connect
from shared.sync.connect import Consent
from shared.sync.connector import Connector

WAIT_SECONDS = 300
THANKS = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Connected</title>"
    "<body style='font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem'>"
    "<h1>Thank you</h1><p>Xero answered. You can close this page and go back to the terminal.</p>"
)


class Redirect:
    """Waits on the redirect URI, which is on localhost, for the browser that Xero sends back."""

    def __init__(self, redirect_uri: str) -> None:
        self._parts = urlsplit(redirect_uri)
        if self._parts.hostname != "localhost" or not self._parts.port:
            raise AskPerson(
                f"XERO_REDIRECT_URI is {redirect_uri}, where this command cannot listen: use --no-browser, or an "
                "address such as http://localhost:8400/callback."
            )
        self._arrived = threading.Event()
        self._address = ""
        self._server = make_server(
            "127.0.0.1", self._parts.port, Request.application(self._answer), request_handler=_Quiet
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def wait(self, seconds: float) -> str:
        """The whole address that the browser came with. Raises AskPerson when none came."""
        if not self._arrived.wait(seconds):
            raise AskPerson(f"No answer from Xero within {seconds:.0f} s: start connect again.")
        return self._address

    def _answer(self, request: Request) -> Response:
        if request.path != self._parts.path:
            return Response(status=404)
        self._address = request.url
        self._arrived.set()
        return Response(THANKS, mimetype="text/html")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """The address carries the code, which is for nobody's log."""


def run(settings: Path | None, *, dataset: str, browser: bool) -> int:
    """Ask for consent, wait for it, connect what was chosen; new organisations go into `dataset`."""
    dataset = dataset_name(dataset)
    ours = connector(settings)
    consent = connect.ask_for_consent(ours)
    redirected_to = _wait_for_browser(ours, consent) if browser else _wait_for_paste(consent)
    finish(ours, consent, redirected_to, dataset)
    return 0


def finish(connector: Connector, consent: Consent, redirected_to: str, dataset: str) -> None:
    """Connect what the user chose; say what became of each organisation, and what to do next."""
    before = {each.tenant_id for each in connections.connected(connector.store)}
    try:
        connected = connect.finish_consent(connector, consent, redirected_to, dataset=dataset)
    except ConnectorError:
        # What stopped one did not stop those that are new since.
        tell(each for each in connections.connected(connector.store) if each.tenant_id not in before)
        raise
    tell(connected, before)
    say(what_next(connector, connected))


def _wait_for_browser(connector: Connector, consent: Consent) -> str:
    with Redirect(connector.settings.xero_redirect_uri) as redirect:
        console.print("Opening Xero in your browser. If nothing opens, go to:")
        console.print(consent.url, soft_wrap=True)
        webbrowser.open(consent.url)
        return redirect.wait(WAIT_SECONDS)


def _wait_for_paste(consent: Consent) -> str:
    console.print("Open this address, allow access, and paste the address that you end at:")
    console.print(consent.url, soft_wrap=True)
    try:
        return console.input("> ").strip()
    except EOFError as error:
        raise AskPerson("No address was pasted: start connect again.") from error


def tell(organisations: Iterable[Organisation], before: Collection[str] = ()) -> None:
    """Say of each organisation what became of it. before: the tenant ids of those that were connected already."""
    say(
        f"{'Renewed' if each.tenant_id in before else 'Connected'}: {each.name} ({each.base_currency}), "
        f"{each.tenant_id}, dataset {each.dataset}"
        for each in organisations
    )


def what_next(connector: Connector, organisations: Iterable[Organisation]) -> list[str]:
    """Which datasets are still to be made; else that nothing is to be done."""
    datasets = sorted({each.dataset for each in organisations})
    missing = [name for name in datasets if not is_made(connector, name)]
    if not missing:
        return ["Next: poll_timer reads by itself; `python3 manage.py backfill --watch` shows how far it is."]
    return [f"Next: `{command_for(name)}`, since that dataset is not in Power BI yet." for name in missing]
