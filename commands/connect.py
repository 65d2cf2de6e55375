"""connect: a user's consent at Xero, in the browser, becomes organisations that are read."""

import threading
import webbrowser
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from commands.terminal import connector, console
from shared.errors import AskPerson
from shared.state.connections import Organisation
from shared.sync import connect

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


def run(settings: Path | None, *, browser: bool) -> int:
    """Ask for consent, wait for it, connect what was chosen."""
    ours = connector(settings)
    consent = connect.ask_for_consent(ours)
    if browser:
        with Redirect(ours.settings.xero_redirect_uri) as redirect:
            console.print("Opening Xero in your browser. If nothing opens, go to:")
            console.print(consent.url, soft_wrap=True)
            webbrowser.open(consent.url)
            redirected_to = redirect.wait(WAIT_SECONDS)
    else:
        console.print("Open this address, allow access, and paste the address that you end at:")
        console.print(consent.url, soft_wrap=True)
        try:
            redirected_to = console.input("> ").strip()
        except EOFError as error:
            raise AskPerson("No address was pasted: start connect again.") from error
    tell(connect.finish_consent(ours, consent, redirected_to))
    console.print("Next: `python3 manage.py dataset`, if the dataset is not there yet.")
    return 0


def tell(organisations: list[Organisation]) -> None:
    for organisation in organisations:
        console.print(
            f"Connected: {organisation.name} ({organisation.base_currency}), {organisation.tenant_id}"
        )
