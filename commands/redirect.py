"""The redirect URI on localhost: waits for the browser that Xero sends back, and tells its user how it went."""

import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from shared.errors import AskPerson

# Xero tells of its limits on a page of its own, from which no redirect comes.
LIMITS = (
    "If Xero's page spoke of a limit: an app of the Starter tier connects 5 organisations, and an organisation takes 2 apps "
    "that Xero has not certified. Disconnect one (in Xero: Settings > Connected apps), take a larger tier, or use a custom "
    "connection, which counts in neither (docs/xero-setup.md)."
)
PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
 :root {{ color-scheme: light dark }}
 body {{ font: 17px/1.55 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
   background: light-dark(#f3f5f8, #14181d); color: light-dark(#1d2733, #e6eaf0) }}
 main {{ max-width: 26rem; margin: 1.5rem; padding: 2.2rem 2.4rem; border-radius: 14px;
   background: light-dark(#fff, #1d232b); box-shadow: 0 1px 2px #0002, 0 8px 28px #0001 }}
 .mark {{ width: 3rem; height: 3rem; border-radius: 50%; display: grid; place-items: center; font-size: 1.5rem;
   color: #fff; background: {colour} }}
 h1 {{ font-size: 1.45rem; line-height: 1.25; margin: 1.1rem 0 .5rem }}
 p {{ margin: .4rem 0 }}
</style></head>
<body><main><div class="mark" aria-hidden="true">{mark}</div><h1>{title}</h1><p>{text}</p></main></body>
</html>
"""
THANKS = PAGE.format(
    title="Thank you",
    colour="#15803d",
    mark="&#10003;",
    text="Xero has given its answer. You can close this page and go back to the terminal, where it goes on.",
)
NOT_GIVEN = PAGE.format(
    title="Access was not given",
    colour="#b45309",
    mark="!",
    text="Nothing was connected. The terminal says why. You can close this page.",
)
STRAY = PAGE.format(
    title="This is not the answer that was waited for",
    colour="#b91c1c",
    mark="&#10007;",
    text="It belongs to another request, so it was not used. Close this page and start connect again.",
)


class Redirect:
    """Waits on the redirect URI, which is on localhost, for the browser that Xero sends back.

    state: what the answer must carry for its user to be thanked; whoever exchanges the code checks it again.
    """

    def __init__(self, redirect_uri: str, state: str = "") -> None:
        self._parts = urlsplit(redirect_uri)
        self._state = state
        if self._parts.hostname != "localhost" or not self._parts.port:
            raise AskPerson(
                f"XERO_REDIRECT_URI is {redirect_uri}, where this command cannot listen: use --no-browser, or an "
                "address such as http://localhost:8400/callback."
            )
        self._arrived = threading.Event()
        self._address = ""
        try:
            self._server = make_server(
                "127.0.0.1", self._parts.port, Request.application(self._answer), request_handler=_Quiet
            )
        except (OSError, SystemExit) as error:
            raise AskPerson(
                f"Port {self._parts.port} of XERO_REDIRECT_URI is taken on this machine: end what listens there (another "
                "connect?), or use --no-browser."
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def wait(self, seconds: float) -> str:
        """The whole address that the browser came with. Raises AskPerson when none came."""
        if not self._arrived.wait(seconds):
            raise AskPerson(f"No answer from Xero within {seconds:.0f} s: start connect again. {LIMITS}")
        return self._address

    def _answer(self, request: Request) -> Response:
        if request.path != self._parts.path:
            return Response(status=404)
        page, status = THANKS, 200
        if self._state and request.args.get("state") != self._state:
            page, status = STRAY, 400
        elif "error" in request.args or "code" not in request.args:
            page = NOT_GIVEN
        # What came first counts: a reload changes nothing.
        self._address = self._address or request.url
        self._arrived.set()
        return Response(page, status, mimetype="text/html")

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
