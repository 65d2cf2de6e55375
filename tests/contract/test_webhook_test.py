"""`webhook test`: what Xero sends before it believes an address, what it wants to hear, and what to click when it hears else."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import azure.functions as func
import pytest
from werkzeug.wrappers import Request, Response

import webhook_http
from commands import terminal, webhook
from commands.intent import address_is_wrong, deliver, deliveries
from commands.terminal import Where, console
from local.simulation import Served
from shared.errors import AskPerson, SettingsError
from tests.support.world import WEBHOOK_KEY, World

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PATH = "/api/xero/webhook"
# What the host tells of an invocation.
CONTEXT = SimpleNamespace(invocation_id="one", trace_context=SimpleNamespace(trace_parent=""))
Answer = Callable[[Request], Response]


class Site:
    """What listens at an address: the connector's own webhook_http, or what `instead` makes of a request."""

    def __init__(self) -> None:
        self.instead: Answer | None = None
        self.seen: list[Request] = []

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        request.get_data()
        self.seen.append(request)
        if self.instead is not None:
            return self.instead(request)
        if request.path != PATH:
            return Response(status=404)
        asked = func.HttpRequest(
            request.method, request.url, headers=dict(request.headers), body=request.get_data()
        )
        answer = webhook_http.webhook_http.build().get_user_function()(asked, CONTEXT)
        return Response(answer.get_body(), answer.status_code)


@pytest.fixture
def site(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, str]]:
    """A function app of this world, and its address."""
    monkeypatch.setattr(webhook_http, "connector", lambda: world.connector)
    monkeypatch.setattr(webhook, "connector", lambda where: world.connector)
    made = Site()
    with Served(made) as served:
        yield made, served.url


def run(url: str, *, as_json: bool = False) -> tuple[int, str]:
    with console.capture() as captured:
        code = webhook.run(Where(), url, as_json=as_json)
    # Long sentences are wrapped.
    return code, " ".join(captured.get().split())


def test_the_connectors_own_function_passes(site: tuple[Site, str]) -> None:
    """Right signatures are answered 200, wrong ones 401, empty, without cookies; then it says where to go on."""
    made, url = site
    code, said = run(url + PATH)
    assert code == 0, said
    assert said.count(" ok ") == 5
    assert "Xero would believe it" in said
    signatures = [request.headers["x-xero-signature"] for request in made.seen]
    assert len(set(signatures)) == len(signatures) == 5
    bodies = [json.loads(request.get_data()) for request in made.seen]
    assert all((body["events"], body["lastEventSequence"]) == ([], 0) for body in bodies)


def test_both_keys_of_a_rotation(world: World, site: tuple[Site, str]) -> None:
    """While a key is rotated, what is signed with either is tried."""
    world.vault.set("xero-webhook-key-previous", {"value": "the key before"})
    world.restart()
    code, said = run(site[1] + PATH)
    assert (code, "signed with the previous key: 200" in said) == (0, True)


def test_nothing_is_queued(world: World, site: tuple[Site, str]) -> None:
    """It changes nothing."""
    queued = world.store.queue_length("push")
    run(site[1] + PATH)
    assert world.store.queue_length("push") == queued


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda request: Response(status=404), "must end in /api/xero/webhook"),
        (lambda request: Response(status=401), "The function app has another key than this vault"),
        (lambda request: Response(status=503), "The function app finds no key: add the secret"),
        (lambda request: Response("The service is unavailable.", 503), "The function app does not start"),
        (lambda request: Response(status=200), "What Xero did not sign was taken"),
        (lambda request: Response(status=500), "Application Insights > Failures"),
        (lambda request: Response(status=403), "Overview > Start"),
        (lambda request: Response(status=302, headers={"Location": "/login"}), "It redirects to /login"),
        (lambda request: Response(status=418), "418 instead of 200"),
    ],
    ids=["404", "401", "503", "503 of Azure", "200", "500", "403", "302", "418"],
)
def test_each_wrong_answer_says_what_to_do(site: tuple[Site, str], answer: Answer, said: str) -> None:
    """The exit code is 1, and the sentence names the place to click."""
    site[0].instead = answer
    code, shown = run(site[1] + PATH)
    assert code == 1
    assert said in shown
    assert "Xero would not believe this address" in shown


def test_a_body_and_a_cookie(site: tuple[Site, str]) -> None:
    """The right status is not enough: nothing may be in the body, and no cookie set."""
    site[0].instead = lambda request: Response("ok", 200, headers={"Set-Cookie": "ARRAffinity=x"})
    first = deliver(site[1] + PATH, next(deliveries([WEBHOOK_KEY])))
    assert [each.partition(":")[0].partition(" has ")[0] for each in first.wrong] == [
        "The body",
        "The answer sets a cookie",
    ]


@pytest.mark.parametrize(("seconds", "is_wrong"), [(4.9, False), (5.1, True)])
def test_a_slow_answer(site: tuple[Site, str], seconds: float, is_wrong: bool) -> None:
    """What takes longer than Xero waits is wrong, though it comes."""
    ticks = iter([0.0, seconds])
    first = deliver(site[1] + PATH, next(deliveries([WEBHOOK_KEY])), timer=lambda: next(ticks))
    assert first.status == 200
    assert any(f"It took {seconds} s" in each for each in first.wrong) == is_wrong


def test_nobody_listens() -> None:
    """No host, no port: said in words, not as a stack of exceptions."""
    first = deliver(f"http://127.0.0.1:9{PATH}", next(deliveries(["k"])))
    assert (first.status, first.wrong[0].startswith("Nothing listens at 127.0.0.1")) == (None, True)


@pytest.mark.parametrize(
    ("url", "is_wrong"),
    [
        ("http://127.0.0.1:7071/api/xero/webhook", False),
        ("https://a.example/api/xero/webhook", False),
        ("https://a.example:443/api/xero/webhook", False),
        ("https://a.example:8443/api/xero/webhook", True),
        ("http://a.example/api/xero/webhook", True),
    ],
)
def test_where_xero_would_send(url: str, is_wrong: bool) -> None:
    """https on port 443, but for the local cloud."""
    assert bool(address_is_wrong(url)) == is_wrong


def test_no_key(world: World, site: tuple[Site, str]) -> None:
    """Without a key in the vault nothing is sent, and it is said where Xero shows it."""
    world.vault.delete("xero-webhook-key")
    world.restart()
    with pytest.raises(SettingsError, match="My Apps > the app > Webhooks"):
        run(site[1] + PATH)
    assert site[0].seen == []


def test_no_address(site: tuple[Site, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When neither settings nor the command line tell the address, it is asked for."""
    monkeypatch.setattr(terminal, "LOCAL_SETTINGS", tmp_path / "nowhere.json")
    monkeypatch.setattr(terminal, "ROOT", tmp_path)
    with pytest.raises(AskPerson, match="--url"):
        run("")


def test_json(site: tuple[Site, str]) -> None:
    """One document for machines, with the same verdict."""
    site[0].instead = lambda request: Response(status=401)
    code, words = run(site[1] + PATH, as_json=True)
    found = json.loads(words)
    assert (code, found["good"]) == (1, False)
    assert [each["status"] for each in found["deliveries"]] == [401] * 5
    assert [bool(each["wrong"]) for each in found["deliveries"]] == [True, False, False, False, True]
