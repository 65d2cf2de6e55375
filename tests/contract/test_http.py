"""`shared.http` over real sockets, against a stand-in that misbehaves."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask, Response, request

from local.simulation import Clock, Fault, Faults, Served, Statistics, create_app
from shared.errors import OutcomeUnknown, Unavailable
from shared.http import WORDS, Answer, Http
from tests.support.servers import Servers

DEADLINE = 0.3


class Vendor:
    """A vendor that answers what it was sent, unless a fault is set."""

    def __init__(self) -> None:
        self.faults, self.statistics = Faults(), Statistics()
        self.app: Flask = create_app("vendor", Clock(), self.faults, self.statistics)
        self.received: list[bytes] = []
        self.cookies: list[str] = []

        @self.app.route("/<path:path>", methods=["GET", "POST"])
        def echo(path: str) -> Response:
            self.received.append(request.get_data())
            self.cookies.append(request.headers.get("Cookie", ""))
            answer = Response(b"x" * 9000, mimetype="text/plain", headers={"Set-Cookie": "session=1; Path=/"})
            if path == "moved":
                answer.status_code = 302
                answer.headers["Location"] = "/elsewhere"
            return answer


@pytest.fixture(scope="module")
def vendor() -> Iterator[tuple[Vendor, str]]:
    made = Vendor()
    with Served(made.app) as served:
        yield made, served.url


@pytest.fixture
def http(vendor: tuple[Vendor, str]) -> Http:
    made, _ = vendor
    made.faults.clear()
    made.received.clear()
    made.cookies.clear()
    return Http(deadline_seconds=DEADLINE, use_proxies=False)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drip", path="/any", seconds=3),
        Fault("silence", path="/any", seconds=1),
        Fault("silence", path="/any", seconds=1, commits=True),
    ],
    ids=["drip", "silence", "silence after it took effect"],
)
def test_total_deadline(vendor: tuple[Vendor, str], http: Http, fault: Fault) -> None:
    """A call ends at its deadline whether the vendor says nothing or a byte now and then; nobody knows what it did."""
    made, url = vendor
    made.faults.add(fault)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        http.request("POST", f"{url}/any", data=b"rows")
    assert time.monotonic() - began < 2.5 * DEADLINE


def test_total_deadline_of_the_head(http: Http) -> None:
    """A vendor that drips its headers is given up at the deadline, too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.02)
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            http.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/any")
        assert time.monotonic() - began < 2.5 * DEADLINE
        thread.join(5)


@pytest.mark.parametrize(
    "fault",
    [Fault("reset", path="/any"), Fault("reset", path="/any", commits=True), Fault("truncate", path="/any")],
    ids=["reset", "reset after it took effect", "cut short"],
)
def test_broken_answers(vendor: tuple[Vendor, str], http: Http, fault: Fault) -> None:
    """A connection that breaks after the request was sent leaves its outcome unknown, and is not tried again here."""
    made, url = vendor
    made.faults.add(fault)
    with pytest.raises(OutcomeUnknown):
        http.request("POST", f"{url}/any", data=b"rows")
    assert len(made.received) == (1 if fault.commits else 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", path="/any"),
        Fault("silence", path="/any", seconds=0.05),
        Fault("truncate", path="/any"),
    ],
    ids=["reset", "closed without a word", "cut short"],
)
def test_broken_tls(servers: Servers, monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """A TLS connection that breaks after the request was sent leaves its outcome unknown as well."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(servers.identity.ca))
    made = Vendor()
    made.faults.add(fault)
    with Served(made.app, tls=servers.identity.certificate.tls()) as served:
        http = Http(deadline_seconds=DEADLINE)
        with pytest.raises(OutcomeUnknown):
            http.request("POST", f"{served.url}/any", data=b"rows")
        assert http.request("POST", f"{served.url}/any", data=b"rows").status == 200


def test_wrong_certificate(servers: Servers) -> None:
    """A vendor with a certificate that nobody trusts is not sent anything."""
    made = Vendor()
    with (
        Served(made.app, tls=servers.identity.certificate.tls()) as served,
        pytest.raises(Unavailable) as caught,
    ):
        Http(deadline_seconds=DEADLINE, use_proxies=False).request("POST", f"{served.url}/any", data=b"rows")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert made.received == []


def test_a_deadline_is_of_one_call(vendor: tuple[Vendor, str], http: Http) -> None:
    """The deadline of a call that ended in time never cuts a later one on the same connection."""
    _, url = vendor
    began = time.monotonic()
    while time.monotonic() - began < 1.2 * DEADLINE:
        assert http.request("GET", f"{url}/any").status == 200


def test_nobody_there() -> None:
    """A vendor that takes no connection was certainly not sent anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        Http(deadline_seconds=DEADLINE, use_proxies=False).request("POST", f"http://127.0.0.1:{port}/any")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_every_status_is_an_answer(vendor: tuple[Vendor, str], http: Http) -> None:
    """A bad status is an answer for the caller to judge, with the whole body and how long it took."""
    made, url = vendor
    made.faults.add(
        Fault("status", path="/any", status=503, body="<h1>Down\n for tea</h1>", headers={"A": "b"})
    )
    answer = http.request("GET", f"{url}/any")
    assert (answer.status, answer.headers["a"], answer.words()) == (503, "b", "<h1>Down for tea</h1>")
    assert 0 < answer.seconds < DEADLINE
    assert answer.json() is None


def test_no_redirects(vendor: tuple[Vendor, str], http: Http) -> None:
    """A redirect is not followed: tokens go nowhere but to the address that was meant."""
    made, url = vendor
    assert http.request("GET", f"{url}/moved").status == 302
    assert len(made.received) == 1


def test_no_cookies(vendor: tuple[Vendor, str], http: Http) -> None:
    """A vendor's cookies are not kept: no session of one organisation reaches the next."""
    made, url = vendor
    for _ in range(2):
        http.request("GET", f"{url}/any")
    assert made.cookies == ["", ""]


@pytest.mark.parametrize("body", [b"\xff\xfe", b'{"error": "\xff"}', b"<html>", b""])
def test_an_answer_that_is_no_json(body: bytes) -> None:
    """A body that is no JSON, or no UTF-8, is None as JSON and still has words for people."""
    answer = Answer(200, {}, body, 0.1)
    assert answer.json() is None
    assert isinstance(answer.words(), str)


def test_words_are_short(vendor: tuple[Vendor, str], http: Http) -> None:
    """What is told of an answer is cut, whatever the vendor sends."""
    _, url = vendor
    assert len(http.request("GET", f"{url}/any").words()) == WORDS + 1
