"""The ports of the vendors' stand-ins, open for a whole session; the applications behind them change with each world."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import requests

from local.identity.stand_in import IdentityStandIn
from local.simulation import Clock, Served
from tests.support.clock import ManualClock

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

    @property
    def resource(self) -> str:
        """Of a call to Xero's Accounting API: the endpoint."""
        return self.path.removeprefix("/api.xro/2.0/").partition("/")[0]


class Behind:
    """The application behind a server's port, which a world exchanges; hooks run before each call to a vendor."""

    def __init__(self) -> None:
        self.app: WSGIApplication | None = None
        self.before: Callable[[Call], None] = lambda call: None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        assert self.app is not None
        if not environ["PATH_INFO"].startswith("/_sim/"):
            query = dict(parse_qsl(environ["QUERY_STRING"]))
            self.before(Call(environ["PATH_INFO"], query, environ.get("HTTP_IF_MODIFIED_SINCE", "")))
        return self.app(environ, start_response)


class Servers:
    """The ports of a session: Xero, Power BI, and the three of the identity stand-in."""

    def __init__(self, folder: Path) -> None:
        self.xero, self.powerbi = Behind(), Behind()
        self.identity_clock = Following(ManualClock())
        self.identity = IdentityStandIn(folder, clock=self.identity_clock)
        self._served = [Served(self.xero), Served(self.powerbi)]
        self.session = requests.Session()
        self.session.trust_env = False
        self.xero_url, self.powerbi_url = (served.url for served in self._served)

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
