"""The HTTP side of the host: HTTP triggers, and of the admin interface the calls that start a function and ask for the state.

    {any}  /{route prefix}/{route}      an HTTP function
    POST   /admin/functions/{name}      {"input": text}: 202, any function runs on its own
    GET    /admin/host/status           {"id", "state": "Running", "processUptime": milliseconds}

Keys are not checked, as `func start` does not.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.http import dump_cookie
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import ClosingIterator

from local.host.execution import Execution, Running
from local.host.protos import RpcHttp, TypedData
from local.host.routes import Route
from local.host.worker import Outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger("local.host")


@dataclass(frozen=True)
class Endpoint:
    """An HTTP function and where it is found; no methods are all methods."""

    route: Route
    methods: frozenset[str]
    execution: Execution


class HttpTriggers:
    """The WSGI application of a host.

    functions: by name in lower case, how the admin interface starts a function with an input text.
    """

    def __init__(
        self,
        endpoints: Iterable[Endpoint],
        functions: Mapping[str, Callable[[str], object]],
        host_id: str,
        running: Running,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoints = sorted(endpoints, key=lambda endpoint: endpoint.route.precedence)
        self._functions = functions
        self._host_id = host_id
        self._running = running
        self._clock = clock
        self._start = clock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # Until the answer is written, not only made: a stop must not cut it off.
        self._running.enter()
        try:
            response = self._answer(Request(environ))
            return ClosingIterator(response(environ, start_response), self._running.leave)
        except BaseException:
            self._running.leave()
            raise

    def _answer(self, request: Request) -> Response:
        path = str(request.environ.get("RAW_URI", request.path)).partition("?")[0]
        if path.lower().startswith("/admin/"):
            return self._admin(request, path)
        for endpoint in self._endpoints:
            values = endpoint.route.match(path)
            if values is not None and (not endpoint.methods or request.method in endpoint.methods):
                data = TypedData(http=http_request(request, values))
                return http_answer(endpoint.execution, endpoint.execution.run(data))
        return Response(status=404)

    def _admin(self, request: Request, path: str) -> Response:
        parts = path.lower().strip("/").split("/")
        if parts == ["admin", "host", "status"] and request.method == "GET":
            uptime = round((self._clock() - self._start) * 1000)
            return _json({"id": self._host_id, "state": "Running", "processUptime": uptime})
        if len(parts) == 3 and parts[1] == "functions" and request.method == "POST":
            start = self._functions.get(parts[2])
            if start is None:
                return Response(status=404)
            try:
                body = json.loads(request.get_data() or b"{}")
                text = body.get("input") or ""
            except (ValueError, AttributeError):
                return Response(status=400)
            self._begin(start, text if isinstance(text, str) else json.dumps(text))
            return Response(status=202)
        return Response(status=404)

    def _begin(self, start: Callable[[str], object], text: str) -> None:
        def work() -> None:
            try:
                start(text)
            finally:
                self._running.leave()

        self._running.enter()
        threading.Thread(target=work, name="admin", daemon=True).start()


def http_request(request: Request, values: Mapping[str, str]) -> RpcHttp:
    """A request as the host passes it on: the body's raw bytes, header names in lower case, no empty query values.

    A body is passed on only with a Content-Length above 0, so one sent in chunks is lost, as it may be in Azure.
    """
    body = request.get_data()
    return RpcHttp(
        method=request.method,
        url=f"{request.scheme}://{request.headers.get('Host', '')}{request.environ.get('RAW_URI', request.path)}",
        headers={name.lower(): value for name, value in request.headers.items()},
        query={name: joined for name, parts in request.args.lists() if (joined := ",".join(parts))},
        params=dict(values),
        body=TypedData(bytes=body) if (request.content_length or 0) > 0 else TypedData(),
    )


def http_answer(execution: Execution, outcome: Outcome) -> Response:
    """The answer to a run: 500 without a body when it failed, the texts of `str` functions as 200."""
    if not outcome.succeeded:
        return Response(status=500)
    name = next(
        (binding["name"] for binding in execution.function.outputs if binding["type"] == "http"), "$return"
    )
    value = outcome.values.get(name)
    if value is None:
        return Response(status=204)
    if value.http is None:
        return Response(value.string, mimetype="text/plain")
    answer = value.http
    response = Response(answer.body.bytes, int(answer.status_code))
    response.headers.pop("Content-Type", None)
    for header, text in answer.headers.items():
        response.headers[header] = text
    for cookie in answer.cookies or []:
        response.headers.add("Set-Cookie", _cookie(cookie))
    return response


def _cookie(cookie: Any) -> str:
    same_site = {1: "Lax", 2: "Strict", 3: "None"}.get(cookie.same_site)
    return dump_cookie(
        cookie.name,
        cookie.value,
        max_age=int(cookie.max_age.value) if cookie.max_age else None,
        expires=cookie.expires.value.seconds if cookie.expires else None,
        path=cookie.path.value if cookie.path else None,
        domain=(cookie.domain.value or None) if cookie.domain else None,
        secure=bool(cookie.secure and cookie.secure.value),
        httponly=bool(cookie.http_only and cookie.http_only.value),
        samesite=same_site,
    )


def _json(value: object) -> Response:
    return Response(json.dumps(value), mimetype="application/json")
