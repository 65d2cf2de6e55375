"""Vendors that echo what they were sent: no error, log line, audit row or blob repeats a secret."""

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError
from werkzeug.wrappers import Request, Response

from local.identity.tokens import APPLICATION_SECRET
from local.simulation import Fault
from shared import masking
from shared.errors import ConnectorError, OutcomeUnknown, Refused
from shared.http import WORDS, Answer
from shared.secrets import _vault_errors
from shared.sync import connect
from tests.contract.test_secrets import every_secret, everything_stored
from tests.support.openapi_contract import Contract
from tests.support.world import World
from tests.support.written import written

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SECRET = 's3cr3t/with+signs=and "quotes" of 40 letters'

# Not in a line that a traceback would show.
CODE, APP_SECRET = "a-code-of-a-redirect", "x" * 20


def echo(status: int, kind: str) -> "WSGIApplication":
    """A vendor, or a proxy on the way, whose every answer tells what it was asked with."""

    @Request.application
    def app(request: Request) -> Response:
        credential = request.headers.get("Authorization", "")
        body = request.get_data(as_text=True)
        said = [credential, body, *(value for _, value in parse_qsl(body))]
        if credential.startswith("Basic "):
            said.append(base64.b64decode(credential.removeprefix("Basic ")).decode())
        said += [form for each in list(said) if each for form in written(each)]
        words = " ".join(said)
        if kind == "html":
            return Response(f"<html>{words}</html>", status, mimetype="text/html")
        return Response(
            json.dumps({"error": "unknown", "error_description": words, "Detail": said}),
            status,
            mimetype="application/json",
        )

    return app


def work(world: World) -> Iterator[BaseException]:
    """What the functions do; the errors that reach a caller."""
    token_set = world.connector.secrets().token_sets()[0]
    steps: list[Callable[[], object]] = [
        lambda: world.poll(),
        lambda: world.honour(_ids(world)),
        lambda: world.refresh(),
        lambda: world.drain_queue(),
        lambda: connect.ask_for_consent(world.connector),
        lambda: world.connector.xero_identity().exchange_code(CODE, "http://localhost", APP_SECRET),
        lambda: world.connector.xero_identity().connections(
            world.connector.secrets().token_set(token_set).access_token
        ),
        lambda: world.connector.powerbi().datasets(),
    ]
    for step in steps:
        try:
            step()
        except ConnectorError as error:
            yield error


def _ids(world: World) -> str:
    world.edit(3, Reference="asked for by its id")
    message = world.receive()
    assert message is not None
    return message.text


@pytest.mark.parametrize("kind", ["html", "json"])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 429, 500])
def test_a_vendor_that_echoes(
    settled: World, contract: Contract | None, status: int, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the status, what a request proved itself with is in no error, traceback, log line, row or blob."""
    caplog.set_level(logging.INFO)
    settled.advance(26 * 60)
    app = echo(status, kind)
    settled._servers.xero.app = settled._servers.powerbi.app = app
    errors = list(work(settled))
    if contract:
        # Which these answers are not meant to be as the vendors' files say.
        contract.drain()
    secrets = every_secret(settled) | {CODE, APP_SECRET}
    assert len(secrets) > 4
    assert len(errors) > 1
    told = "\n".join(line for error in errors for line in traceback.format_exception(error))
    assert "***" in told
    for place, text in {"errors": told, "log": caplog.text, "storage": everything_stored(settled)}.items():
        assert [secret[:12] for secret in secrets for form in written(secret) if form in text] == [], place


@pytest.mark.parametrize("number", [7000215, 50000])
def test_entra_echoes(settled: World, number: int) -> None:
    """Nor does what Entra says of the app's secret."""
    body = {
        "error": "invalid_client",
        "error_description": f"{APPLICATION_SECRET} is wrong",
        "error_codes": [number],
    }
    settled.identity.faults["authority"].add(
        Fault("status", path=".*token", status=401, body=json.dumps(body), times=9)
    )
    settled.restart()
    with pytest.raises(ConnectorError) as caught:
        settled.connector.powerbi().datasets()
    assert "*** is wrong" in str(caught.value)
    assert APPLICATION_SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("kind", [HttpResponseError, ServiceRequestError])
def test_the_vault_echoes(kind: type[Exception]) -> None:
    """Nor does what the vault says of a token set that it was to keep."""
    with pytest.raises(OutcomeUnknown) as caught, _vault_errors("saving", "a refresh token"):
        raise kind(f"cannot keep 'a refresh token' {'x' * 600}")
    assert "cannot keep '***'" in str(caught.value)


@pytest.mark.parametrize("form", sorted(written(SECRET)))
@pytest.mark.parametrize("at", [0, WORDS - 10, WORDS, 4 * WORDS - 10])
def test_words_are_masked_before_they_are_cut(form: str, at: int) -> None:
    """A secret that stands where words are cut leaves no half of it, however it is written."""
    words = Answer(400, {}, b"-" * at + form.encode() + b" end", 0.1, (SECRET,)).words()
    assert form[:6] not in words
    assert ("***" in words) == (at < WORDS)


@pytest.mark.parametrize(
    "said",
    [
        "Bearer abcdef0123456789",
        "authorization: Basic dXNlcjpzZWNyZXQ=",
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "?access_token=eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.",
    ],
)
def test_what_looks_like_a_token(said: str) -> None:
    """Whosever token it is, a vendor's words that hold one hold it no more once they are an error of ours."""
    error = str(Refused("no", status=400, vendor_words=f"you sent {said}"))
    assert "***" in error
    assert said.split()[-1] not in error


def test_what_is_a_secret_of_a_request() -> None:
    """Its credential, a Basic one's password, and the fields of a form that open a door; nothing that is in every text."""
    basic = base64.b64encode(b"app:the password").decode()
    found = masking.secrets_of(
        {"Authorization": f"Basic {basic}"},
        {"grant_type": "refresh_token", "refresh_token": "a refresh token"},
    )
    assert set(found) == {"the password", basic, "a refresh token"}
    assert masking.secrets_of({}, b"rows") == ()
    assert masking.secrets_of({"Authorization": "Bearer x"}, None) == ()
