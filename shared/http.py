"""One HTTP call with a total deadline, and what its failure means: not sent, or sent with an unknown outcome.

A socket's timeout counts from byte to byte, so that a vendor that drips would hold a call for ever. Each call has a watch
beside it that cuts its connection at the deadline.
"""

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import msgspec
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from shared.errors import OutcomeUnknown, Unavailable
from shared.masking import masked, secrets_of

CONNECT_SECONDS = 10.0
# As unpacked. A page of 1,000 documents takes a few megabytes; decoded, an answer takes some ten times its bytes.
LARGEST_ANSWER = 64 * 1024 * 1024
WORDS = 4000


@dataclass(frozen=True)
class Answer:
    """What came back. `seconds` is how long the whole call took; header names are case-insensitive.

    secrets: what the request proved itself with, which nobody's words may repeat.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def words(self) -> str:
        """The body's beginning, for people, without the request's secrets."""
        # Masked before it is cut, which would leave the half of one; what is beyond cannot reach into the words.
        longest = max(map(len, self.secrets), default=0)
        text = self.masked(self.body[: 4 * (WORDS + longest)].decode("utf-8", "replace"))
        text = " ".join(text.split())
        return text if len(text) <= WORDS else text[:WORDS] + "…"

    def masked(self, text: str) -> str:
        """What the answer says, without the request's secrets."""
        return masked(text, self.secrets)

    def json(self) -> Any:
        """The body as JSON, or None when it is not: vendors answer HTML and plain text on bad days."""
        try:
            return msgspec.json.decode(self.body)
        except ValueError:  # DecodeError and UnicodeDecodeError.
            return None


class _Watch:
    """Cuts the connection of the call under way in this thread when its time is up."""

    def __init__(self, seconds: float) -> None:
        self.sent = False
        self.over = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _call.watch = self
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            # The connection may be another call's from now on.
            self._socket = None

    def sends(self, over: socket.socket) -> None:
        """Something is about to be sent. Raises TimeoutError when it is too late."""
        with self._lock:
            if self.over:
                raise TimeoutError("the deadline passed before the request was sent")
            self.sent = True
            self._socket = over

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            if self._socket is not None:
                with suppress(OSError):
                    # Beneath TLS, which the reading thread may be in the middle of.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Call(threading.local):
    watch: _Watch


_call = _Call()


class _Http(HTTPConnection):
    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _call.watch.sends(self.sock)
        super().send(data)


class _Https(HTTPSConnection):
    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _call.watch.sends(self.sock)
        super().send(data)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """Watched connections, and no retries of its own."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(*args, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager


class Http:
    """Keeps connections open for one vendor, and no cookies. May be used by several threads.

    use_proxies: take proxies and certificates from the environment, as everywhere but on loopback.
    """

    def __init__(self, *, deadline_seconds: float, use_proxies: bool = True) -> None:
        self.deadline_seconds = deadline_seconds
        self._session = requests.Session()
        self._session.trust_env = use_proxies
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.mount("https://", _Adapter())
        self._session.mount("http://", _Adapter())

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
        secrets = secrets_of(headers or {}, data)
        with _Watch(self.deadline_seconds) as watch:
            try:
                with self._session.request(
                    method,
                    url,
                    headers=headers,
                    params=params,
                    data=data,
                    timeout=(CONNECT_SECONDS, self.deadline_seconds),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    body = _read(response, called)
            except requests.RequestException as error:
                words = masked(_cause(error), secrets)
                if watch.sent:
                    raise OutcomeUnknown(
                        f"{called}: no whole answer", seconds=30, vendor_words=words
                    ) from error
                raise Unavailable(f"{called}: no connection", seconds=30, vendor_words=words) from error
            # An answer that was cut in its head, or that tells no length, looks like a whole one.
            if watch.over:
                raise OutcomeUnknown(f"{called}: no whole answer in {self.deadline_seconds:g} s", seconds=30)
        return Answer(response.status_code, response.headers, body, time.monotonic() - began, secrets)


def _read(response: requests.Response, called: str) -> bytes:
    pieces, size = [], 0
    for piece in response.iter_content(64 * 1024):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise OutcomeUnknown(f"{called}: the answer is larger than {LARGEST_ANSWER} bytes", seconds=300)
    return b"".join(pieces)


def _cause(error: BaseException) -> str:
    """The innermost reason without the addresses of objects that urllib3 puts around it."""
    while error.__context__ is not None or error.__cause__ is not None:
        error = error.__cause__ or error.__context__ or error
    return f"{type(error).__name__}: {error}"[:WORDS]
