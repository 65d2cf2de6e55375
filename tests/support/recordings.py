"""Xero's answers as others recorded them, beside the repository: cassettes of xero-python, error files of xeroizer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CASSETTES = SHARED / "samples" / "xero-python" / "tests"
STUBS = SHARED / "samples" / "xeroizer" / "test" / "stub_responses"

INVOICES = "accounting/api/cassettes/test_invoice_attachment_upload_and_download.yaml"
ORGANISATION = "accounting/api/cassettes/test_get_organisations.yaml"
SAME_ORGANISATION = "test_api_client/cassettes/test_call_api_get_organisations.yaml"
CONNECTIONS = "identity/api/cassettes/test_get_connections.yaml"
TOKENS = "test_api_client/cassettes/test_token_api_refresh_token.yaml"

needs_recordings = pytest.mark.skipif(
    not (CASSETTES.is_dir() and STUBS.is_dir()), reason="the recorded answers lie beside the repository only"
)


@dataclass(frozen=True)
class Recording:
    """An answer: its status, its headers (each value that was sent) and its body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def recorded(cassette: str) -> Recording:
    """The first answer of a cassette."""
    # Every scalar as text: a header's timestamp or number is what stands there.
    played = yaml.load((CASSETTES / cassette).read_bytes(), Loader=yaml.CBaseLoader)
    answer = played["interactions"][0]["response"]
    headers = [(name, value) for name, values in answer["headers"].items() for value in values]
    return Recording(int(answer["status"]["code"]), tuple(headers), answer["body"]["string"].encode())


def stub(name: str, status: int = 200) -> Recording:
    """A JSON file of xeroizer, which has no headers."""
    headers = (("Content-Type", "application/json; charset=utf-8"),)
    return Recording(status, headers, (STUBS / name).read_bytes())


class Player:
    """A WSGI application that plays recordings by path; 404 for any other."""

    # The server's own affair; the token answer's length is that of the tokens that were crossed out.
    LEFT_OUT = ("Connection", "Content-Length", "Date", "Server")

    def __init__(self, recordings: Mapping[str, Recording]) -> None:
        self._recordings = recordings

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # What Xero itself answered is not held against what the stand-in may answer.
        environ["local.fault"] = "recorded"
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        played = self._recordings.get(environ["PATH_INFO"], Recording(404, (), b""))
        headers = [(name, value) for name, value in played.headers if name not in self.LEFT_OUT]
        status = f"{played.status} {HTTPStatus(played.status).phrase}"
        start_response(status, [*headers, ("Content-Length", str(len(played.body)))])
        return [played.body]
