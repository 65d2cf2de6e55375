"""One HTTP call with a total deadline, and what its failure means: not sent, or sent with an unknown outcome."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import msgspec
import requests
from requests.adapters import HTTPAdapter

from shared.errors import OutcomeUnknown, Unavailable

CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 128 * 1024 * 1024
WORDS = 500


@dataclass(frozen=True)
class Answer:
    """What came back. `seconds` is how long the whole call took; header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def words(self) -> str:
        """The body's beginning, for people."""
        text = " ".join(self.body[: 4 * WORDS].decode("utf-8", "replace").split())
        return text if len(text) <= WORDS else text[:WORDS] + "…"

    def json(self) -> Any:
        """The body as JSON, or None when it is not: vendors answer HTML and plain text on bad days."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            return None


class Http:
    """Keeps connections open for one vendor, and no cookies. May be used by several threads.

    use_proxies: take proxies and certificates from the environment, as everywhere but on loopback.
    """

    def __init__(self, *, deadline_seconds: float, use_proxies: bool = True) -> None:
        self.deadline_seconds = deadline_seconds
        self._session = requests.Session()
        self._session.trust_env = use_proxies
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", HTTPAdapter(max_retries=0))
        self._session.mount("http://", HTTPAdapter(max_retries=0))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
    ) -> Answer:
        """Send and read the whole answer, whatever its status.

        Raises Unavailable when the request certainly was not sent, OutcomeUnknown when it may have been: no whole
        answer within the deadline, a broken connection, an answer cut short.
        """
        began = time.monotonic()
        called = f"{method} {url}"
        try:
            response = self._session.request(
                method,
                url,
                headers=headers,
                params=params,
                data=data,
                timeout=(CONNECT_SECONDS, self.deadline_seconds),
                allow_redirects=False,
                stream=True,
            )
        except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
            raise Unavailable(f"{called}: no connection", seconds=30, vendor_words=_cause(error)) from error
        except requests.RequestException as error:
            if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
                raise Unavailable(
                    f"{called}: no connection", seconds=30, vendor_words=_cause(error)
                ) from error
            raise OutcomeUnknown(f"{called}: no answer", seconds=30, vendor_words=_cause(error)) from error
        with response:
            body = self._read(response, called, began)
        return Answer(response.status_code, response.headers, body, time.monotonic() - began)

    def _read(self, response: requests.Response, called: str, began: float) -> bytes:
        pieces, size = [], 0
        try:
            for piece in response.iter_content(64 * 1024):
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise OutcomeUnknown(
                        f"{called}: the answer is larger than {LARGEST_ANSWER} bytes", seconds=300
                    )
                if time.monotonic() - began > self.deadline_seconds:
                    raise OutcomeUnknown(
                        f"{called}: no whole answer in {self.deadline_seconds:g} s", seconds=30
                    )
        except requests.RequestException as error:
            raise OutcomeUnknown(
                f"{called}: the answer broke off", seconds=30, vendor_words=_cause(error)
            ) from error
        return b"".join(pieces)


def _cause(error: BaseException) -> str:
    """The innermost reason without the addresses of objects that urllib3 puts around it."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"[:WORDS]
