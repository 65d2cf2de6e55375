"""What every stand-in of the local cloud shares: a clock that tests move, faults, statistics, serving.

A stand-in is a Flask application made by `create_app`, which adds the control interface `/_sim/`:

    GET    /_sim/clock        {"now": "2026-11-23T09:00:00.000000+00:00"}
    POST   /_sim/clock        {"advance": seconds} or {"set": "ISO time"}; answers as GET
    GET    /_sim/faults       the faults that are still to happen
    POST   /_sim/faults       one fault or a list of them (see `Fault`)
    DELETE /_sim/faults       forget them all
    GET    /_sim/statistics   {"calls": n, "bytes": n, "by_path": {...}, "by_status": {...}}
    DELETE /_sim/statistics   start to count again

Calls to `/_sim/` are neither counted nor subject to faults.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import BadRequest
from werkzeug.http import http_date
from werkzeug.routing import Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response as Answer
from werkzeug.wsgi import get_input_stream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Clock:
    """The stand-in's own time: the machine's plus an offset, or still once `freeze` was called."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        return (self._frozen or datetime.now(UTC)) + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)

    def set(self, instant: datetime) -> None:
        self._offset += instant - self.now()

    def freeze(self) -> None:
        self._frozen = datetime.now(UTC)


@dataclass
class Fault:
    """Something that goes wrong at chosen calls.

    method, path: regular expressions that the whole method and the whole path must match.
    after: how many matching calls pass first; times: how many then fail.
    kind: "status" (answer `status` with `body`, `headers`), "reset" (the connection is reset), "silence"
        (no answer, connection held for `seconds`, then closed), "truncate" (the true answer, its body cut to
        `size` bytes), "drip" (the true answer, its body sent byte by byte over `seconds`).
    commits: the call takes effect before it fails. "truncate" and "drip" always commit.
    """

    kind: str
    method: str = ".*"
    path: str = ".*"
    after: int = 0
    times: int = 1
    commits: bool = False
    status: int = 500
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 30.0
    size: int = 10

    KINDS = ("status", "reset", "silence", "truncate", "drip")

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise ValueError(f"a fault is one of {', '.join(self.KINDS)}, not {self.kind!r}")
        if self.kind in ("truncate", "drip"):
            self.commits = True


class Faults:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._pending.extend(faults)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()

    def pending(self) -> list[Fault]:
        with self._lock:
            return list(self._pending)

    def strike(self, method: str, path: str) -> Fault | None:
        """The first fault that meets this call, counted down; None when the call may go well."""
        with self._lock:
            for fault in self._pending:
                if not (re.fullmatch(fault.method, method) and re.fullmatch(fault.path, path)):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self._pending.remove(fault)
                return fault
        return None


class Statistics:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        self.calls = 0
        self.bytes = 0
        self.by_path: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()

    def count(self, method: str, path: str, status: int, size: int) -> None:
        with self._lock:
            self.calls += 1
            self.bytes += size
            self.by_path[f"{method} {path}"] += 1
            self.by_status[str(status)] += 1

    def as_dict(self) -> dict[str, Any]:
        with self._lock:
            return {
                "calls": self.calls,
                "bytes": self.bytes,
                "by_path": dict(self.by_path),
                "by_status": dict(self.by_status),
            }


def create_app(name: str, clock: Clock, faults: Faults, statistics: Statistics) -> Flask:
    """A Flask application with the control interface, into which a stand-in puts its own routes."""
    app = Flask(name, static_folder=None)
    app.url_rule_class = _Route
    app.url_map.strict_slashes = False
    app.wsgi_app = _Interference(app.wsgi_app, clock, faults, statistics)  # type: ignore[method-assign]

    @app.get("/_sim/clock")
    def read_clock() -> Response:
        return jsonify(now=clock.now().isoformat(timespec="microseconds"))

    @app.post("/_sim/clock")
    def move_clock() -> Response:
        body = request.get_json()
        if "advance" in body:
            clock.advance(float(body["advance"]))
        elif "set" in body:
            clock.set(datetime.fromisoformat(body["set"]))
        else:
            raise BadRequest("a clock takes advance (seconds) or set (ISO time)")
        return read_clock()

    @app.get("/_sim/faults")
    def read_faults() -> Response:
        return jsonify([asdict(fault) for fault in faults.pending()])

    @app.post("/_sim/faults")
    def add_faults() -> Response:
        body = request.get_json()
        try:
            faults.add(*(Fault(**entry) for entry in (body if isinstance(body, list) else [body])))
        except (TypeError, ValueError) as error:
            raise BadRequest(str(error)) from error
        return read_faults()

    @app.delete("/_sim/faults")
    def clear_faults() -> Response:
        faults.clear()
        return read_faults()

    @app.get("/_sim/statistics")
    def read_statistics() -> Response:
        return jsonify(statistics.as_dict())

    @app.delete("/_sim/statistics")
    def clear_statistics() -> Response:
        statistics.clear()
        return read_statistics()

    return app


class _Route(Rule):
    """A route that addresses are matched with and never built from: compiling that is most of making an application."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def build(*_: object, **__: object) -> tuple[str, str]:
            raise NotImplementedError("a stand-in builds no address of a route")

        return build


class _Interference:
    """Stands between the socket and the application: lets faults happen, counts calls."""

    def __init__(
        self, application: WSGIApplication, clock: Clock, faults: Faults, statistics: Statistics
    ) -> None:
        self._application = application
        self._clock = clock
        self._faults = faults
        self._statistics = statistics

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/_sim/"):
            return self._application(environ, start_response)
        fault = self._faults.strike(method, path)
        if fault is not None:
            # For whoever stands in front and looks at answers: this one is not the vendor's own.
            environ["local.fault"] = fault.kind
        if fault is None or fault.commits:
            response = Answer.from_app(self._application, environ, buffered=True)
        else:
            get_input_stream(environ).read()
        if fault is not None:
            response = _fail(fault, response if fault.commits else Answer(), environ["werkzeug.socket"])
        self._statistics.count(method, path, response.status_code, len(response.get_data()))
        # Else the server behind the socket tells the machine's time.
        response.headers.setdefault("Date", http_date(self._clock.now()))
        return response(environ, start_response)


def _fail(fault: Fault, response: Answer, connection: socket.socket) -> Answer:
    """The answer that the fault gives; or ConnectionAbortedError when it breaks the connection."""
    if fault.kind == "status":
        return Answer(fault.body, fault.status, fault.headers)
    body = response.get_data()
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers if name != "Connection")
    if fault.kind in ("truncate", "drip"):
        connection.sendall(f"HTTP/1.1 {response.status}\r\n{head}Connection: close\r\n\r\n".encode("latin-1"))
    if fault.kind == "reset":
        # A linger of zero seconds makes close() send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif fault.kind == "silence":
        time.sleep(fault.seconds)
    elif fault.kind == "truncate":
        connection.sendall(body[: fault.size])
    else:
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(fault.seconds / len(body))
    raise ConnectionAbortedError(f"{fault.kind} by a fault")


class _Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # Without it, an answer of two writes waits 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def send_response(self, code: int, message: str | None = None) -> None:
        """The status line alone: a Date is the stand-in's own, not the machine's."""
        self.send_response_only(code, message)

    def log(self, type: str, message: str, *args: object) -> None:
        """Statistics count the calls; a line for each would drown what matters."""

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        self.close_connection = True


class Served:
    """A running stand-in. `url` has no slash at its end. Use as a context manager, or call `stop`."""

    def __init__(
        self, app: WSGIApplication, port: int = 0, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
    ) -> None:
        self._server: BaseWSGIServer = make_server(
            host, port, app, threaded=True, request_handler=_Handler, ssl_context=tls
        )
        self.port: int = self._server.port
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    def start(self) -> Served:
        self._thread.start()
        return self

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Served:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
