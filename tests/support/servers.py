"""The ports of the vendors' stand-ins, open for a whole session; the applications behind them change with each world."""

import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wsgi import ClosingIterator

from local.identity.stand_in import IdentityStandIn
from local.simulation import Clock, Served
from tests.support.clock import ManualClock
from tests.support.openapi import Exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Following(Clock):
    """A stand-in's clock that goes with the world's; `advance` sets it apart from it."""

    def __init__(self, leader: ManualClock) -> None:
        super().__init__()
        self.leader = leader

    def now(self) -> datetime:
        return self.leader.now() + self._offset


@dataclass(frozen=True)
class Call:
    """A call as it reached a vendor."""

    path: str
    query: Mapping[str, str]
    modified_since: str
    tenant_id: str = ""

    @property
    def resource(self) -> str:
        """Of a call to Xero's Accounting API: the endpoint, or the report."""
        return self.path.removeprefix("/api.xro/2.0/").removeprefix("Reports/").partition("/")[0]


class Behind:
    """The application behind a server's port, which a world exchanges; hooks run before each call to a vendor.

    see: looks at each call with its answer; of one that a planted fault answered, at the call only.
    """

    def __init__(self, see: Callable[[Exchange], None] | None = None) -> None:
        self.app: WSGIApplication | None = None
        self.before: Callable[[Call], None] = lambda call: None
        self._see = see

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        assert self.app is not None
        if environ["PATH_INFO"].startswith("/_sim/"):
            return self.app(environ, start_response)
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        since, tenant_id = (
            environ.get(f"HTTP_{name}", "") for name in ("IF_MODIFIED_SINCE", "XERO_TENANT_ID")
        )
        self.before(Call(environ["PATH_INFO"], query, since, tenant_id))
        if self._see is None:
            return self.app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        exchange = _asked(environ, body)
        head: list[Any] = []

        def take_head(status: str, headers: list[tuple[str, str]], *_: Any) -> Callable[[bytes], object]:
            head[:] = status, headers
            # What PEP 3333 lets an application write to; no stand-in does.
            return lambda _: None

        try:
            pieces = ClosingIterator(self.app(environ, take_head))
            answer = b"".join(pieces)
            pieces.close()
            if "local.fault" not in environ:
                kinds = [value for name, value in head[1] if name.lower() == "content-type"]
                exchange = replace(
                    exchange, status=int(head[0][:3]), answer_type="".join(kinds), answer=answer
                )
        finally:
            # Of a call whose connection a fault broke, there is the request.
            self._see(exchange)
        start_response(*head)
        return [answer]


def _asked(environ: "WSGIEnvironment", body: bytes) -> Exchange:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or (name in ("CONTENT_TYPE", "CONTENT_LENGTH") and value)
    }
    query = parse_qsl(environ["QUERY_STRING"], keep_blank_values=True)
    return Exchange(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, body)


class Aside(HTTPAdapter):
    """Asks the application behind a port without the port: for a test's own questions, thousands of them."""

    def __init__(self, behind: Behind) -> None:
        super().__init__()
        self._behind = behind

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.url and request.method
        with closing(
            EnvironBuilder(
                request.path_url,
                method=request.method,
                headers=list(request.headers.items()),
                data=request.body,
            )
        ) as asked:
            body, status, headers = run_wsgi_app(self._behind, asked.get_environ(), buffered=True)
        answer = HTTPResponse(BytesIO(b"".join(body)), dict(headers), int(status[:3]), preload_content=False)
        return self.build_response(request, answer)


class Servers:
    """The ports of a session: Xero, Power BI, and the three of the identity stand-in.

    see: looks at every call of Xero and of Power BI, see `Behind`. session: for what a test itself asks the stand-ins.
    """

    def __init__(self, folder: Path, see: Callable[[Exchange], None] | None = None) -> None:
        self.xero, self.powerbi = Behind(see), Behind(see)
        self.identity_clock = Following(ManualClock())
        # Microsoft's libraries count by the machine's clock, and keep no token that is over by that one.
        self.identity = IdentityStandIn(folder, clock=self.identity_clock, readers=Clock())
        self._served = [Served(self.xero), Served(self.powerbi)]
        self.session = requests.Session()
        self.session.trust_env = False
        self.xero_url, self.powerbi_url = (served.url for served in self._served)
        for url, behind in ((self.xero_url, self.xero), (self.powerbi_url, self.powerbi)):
            self.session.mount(url, Aside(behind))

    def __enter__(self) -> "Servers":
        # Client and servers are threads of one process: they need not wait 5 ms for each other's turn.
        self._switch_interval = sys.getswitchinterval()
        sys.setswitchinterval(0.0002)
        self.identity.start()
        for served in self._served:
            served.start()
        return self

    def __exit__(self, *_: object) -> None:
        for served in self._served:
            served.stop()
        self.identity.stop()
        self.session.close()
        sys.setswitchinterval(self._switch_interval)
