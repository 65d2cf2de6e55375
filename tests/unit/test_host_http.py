"""Routes, and the WSGI application of the local functions host without a socket and without the runtime."""

import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from werkzeug.test import Client

from local.host.execution import Execution, Running
from local.host.http import Endpoint, HttpTriggers
from local.host.outputs import QueueOutputs
from local.host.protos import Fields, RpcHttp, RpcHttpCookie, TypedData
from local.host.routes import Route
from local.host.settings import HostError
from local.host.worker import Function, Outcome


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("api/webhook", "/api/webhook", {}),
        ("api/webhook", "/API/WebHook/", {}),
        ("api/webhook", "/api/webhooks", None),
        ("api/a.b", "/api/aXb", None),
        ("api/{name}", "/api/x%20y", {"name": "x y"}),
        ("api/{name}", "/api/x%2Fy", {"name": "x%2Fy"}),
        ("api/{name}", "/api/", None),
        ("api/{name?}", "/api", {}),
        ("api/{name?}", "/api/x", {"name": "x"}),
        ("api/{id:int}", "/api/12", {"id": "12"}),
        ("api/{id:int}", "/api/x", None),
        ("api/{id:int?}", "/api", {}),
        (
            "api/{id:guid}",
            "/api/0A0b0c0d-0000-0000-0000-000000000000",
            {"id": "0A0b0c0d-0000-0000-0000-000000000000"},
        ),
        ("api/{*rest}", "/api/a/b/c", {"rest": "a/b/c"}),
        ("api/{*rest}", "/api", {}),
        ("api/{name}.{kind}", "/api/a.json", {"name": "a", "kind": "json"}),
        ("", "/", {}),
    ],
)
def test_route_matches_as_aspnet_does(template: str, path: str, expected: Mapping[str, str] | None) -> None:
    """Literals without regard to case; parameters optional, constrained or catching all."""
    assert Route(template).match(path) == expected


@pytest.mark.parametrize("template", ["a/{b=1}", "a/{b:datetime}", "a/{b", "a//b", "a/{}"])
def test_unknown_route_syntax_is_refused(template: str) -> None:
    """A template that this host would misread is an error, not a route that never matches."""
    with pytest.raises(HostError, match="route"):
        Route(template)


class Site:
    """An HTTP application over functions that are plain Python: template -> (methods, outcome)."""

    def __init__(self, **functions: Any) -> None:
        self.requests: list[RpcHttp] = []
        self.running = Running()
        self.started: list[str] = []
        self.ran = threading.Event()
        endpoints = [
            Endpoint(
                Route(template),
                frozenset(methods),
                Execution(self._function(name), self._invoke(outcome), OUTPUTS),
            )
            for name, (template, methods, outcome) in functions.items()
        ]
        self.client = Client(
            HttpTriggers(endpoints, {"work": self._start}, "host1", self.running, lambda: 0.0)
        )

    def _start(self, text: str) -> None:
        self.started.append(text)
        self.ran.set()

    @staticmethod
    def _function(name: str) -> Function:
        trigger = {"direction": "IN", "type": "httpTrigger", "name": "req"}
        return Function(name, name, (trigger, {"direction": "OUT", "type": "http", "name": "$return"}))

    def _invoke(self, outcome: Outcome) -> Any:
        def invoke(function: Function, data: TypedData, metadata: Mapping[str, TypedData]) -> Outcome:
            assert data.http is not None
            self.requests.append(data.http)
            return outcome

        return invoke


OUTPUTS = QueueOutputs({}, True, lambda queue: None)


def answer(text: str, **fields: Any) -> Outcome:
    http = {"status_code": "200", "headers": {"content-type": "text/x"}, "cookies": None, **fields}
    return Outcome(values={"$return": TypedData(http=RpcHttp(body=TypedData(bytes=text.encode()), **http))})


def test_most_precise_route_is_tried_first() -> None:
    """A literal goes before a constrained parameter, that before a free one, that before the rest."""
    site = Site(
        rest=("api/{*rest}", (), answer("rest")),
        free=("api/{name}", (), answer("free")),
        number=("api/{id:int}", (), answer("number")),
        literal=("api/fixed", (), answer("literal")),
    )
    texts = [site.client.get(f"/api/{part}").text for part in ("fixed", "7", "x", "x/y")]
    assert texts == ["literal", "number", "free", "rest"]


def test_methods_choose_between_functions_of_one_route() -> None:
    """GET and POST of one path may be two functions; other methods find none."""
    site = Site(reads=("api/x", ("GET",), answer("read")), writes=("api/x", ("POST",), answer("written")))
    assert site.client.get("/api/x").text == "read"
    assert site.client.post("/api/x").text == "written"
    assert site.client.put("/api/x").status_code == 404


def test_answer_has_the_functions_headers_and_cookies() -> None:
    """Status, headers and cookies are the function's, and no content type is added to its own."""
    nullable = {
        "max_age": None,
        "expires": None,
        "domain": None,
        "secure": Fields(value=True),
        "http_only": None,
    }
    cookie = RpcHttpCookie(name="a", value="1", path=Fields(value="/x"), same_site=2, **nullable)
    site = Site(
        one=("api/x", (), answer("ü", status_code="202", headers={"content-type": "a/b"}, cookies=[cookie]))
    )
    response = site.client.get("/api/x")
    assert (response.status_code, response.data) == (202, "ü".encode())
    assert response.headers.get_all("Content-Type") == ["a/b"]
    assert response.headers.get_all("Set-Cookie") == ["a=1; Secure; Path=/x; SameSite=Strict"]


def test_failed_run_is_an_empty_500() -> None:
    """Nothing of an exception reaches the caller."""
    response = Site(one=("api/x", (), Outcome("ValueError: secret"))).client.get("/api/x")
    assert (response.status_code, response.data) == (500, b"")


def test_body_is_passed_on_with_a_length_only() -> None:
    """A body with Content-Length arrives as bytes; without a body the field is empty."""
    site = Site(one=("api/x", (), answer("")))
    site.client.post("/api/x", data=b"\x00\xff")
    site.client.post("/api/x")
    assert [request.body.bytes for request in site.requests] == [b"\x00\xff", None]


def test_running_ends_when_the_answer_is_taken() -> None:
    """A stop waits for answers that are not yet sent."""
    site = Site(one=("api/x", (), answer("x" * 10)))
    response = site.client.get("/api/x", buffered=False)
    assert site.running.wait(0) == 1
    response.close()
    assert site.running.wait(0) == 0
    site.client.get("/nowhere").close()
    assert site.running.wait(0) == 0


def test_admin_starts_functions_and_tells_the_state() -> None:
    """202 for a known function whatever the case, 404 for others, 400 for what is no JSON object."""
    site = Site()
    assert site.client.post("/admin/functions/WORK", json={"input": "text"}).status_code == 202
    assert site.ran.wait(10)
    assert site.started == ["text"]
    assert site.client.post("/admin/functions/none", json={}).status_code == 404
    assert site.client.get("/admin/functions/work").status_code == 404
    assert site.client.post("/admin/functions/work", data=b"{").status_code == 400
    assert site.client.post("/admin/functions/work", data=b"[]").status_code == 400
    status = json.loads(site.client.get("/admin/host/status").data)
    assert status == {"id": "host1", "state": "Running", "processUptime": 0}
