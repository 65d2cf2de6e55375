"""A process of the connector that is really killed, or stopped: what runs in it, and how the test speaks to it.

Processes are forks of a server that has imported everything (`multiprocessing`'s forkserver). In each, one place sees every
request of the connector: to the vendors, to Key Vault, to Entra and to storage. There it ends or stops itself by a signal,
before a request is sent, when it is sent and not answered, or when it is answered and nobody knows yet.
"""

import fcntl
import os
import re
import signal
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from azure.core.pipeline.transport import HttpTransport
from requests.adapters import HTTPAdapter

from shared import wiring
from shared.sync import honour, poll, receive, refresh
from tests.chaos.mutants import MUTANTS
from tests.support.clock import ManualClock

MOMENTS = ("before", "amid", "after")
PRELOADED = ["tests.support.killed_process", "azure.keyvault.secrets", "shared.powerbi.identity"]
# A function's run in one of these takes a second or two.
PATIENCE = 60.0


class SharedClock(ManualClock):
    """The world's time: the machine's and an offset in milliseconds, kept in a file that every process reads."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        if not os.fstat(self._file).st_size:
            self._put(0.0)
        self._mine = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(milliseconds=self._offset())

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._mine:
            # The kernel lets go of what a dead process held.
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            self._put(self._offset() + seconds * 1000)
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def set(self, instant: datetime) -> None:
        """A new story begins at this instant."""
        self._put((instant - datetime.now(UTC)).total_seconds() * 1000)

    @property
    def _now(self) -> datetime:
        return self.now()

    @_now.setter
    def _now(self, instant: datetime) -> None:
        self.set(instant)

    def _offset(self) -> float:
        [found] = struct.unpack("<d", os.pread(self._file, 8, 0))
        return float(found)

    def _put(self, milliseconds: float) -> None:
        os.pwrite(self._file, struct.pack("<d", milliseconds), 0)


@dataclass(frozen=True)
class Strike:
    """What happens to a process at the n-th request that matches, and at which of MOMENTS.

    what: "kill", or "stall": it stops until it is told to go on. where: an expression found in "PLACE METHOD path".
    """

    what: str
    moment: str
    where: str
    number: int


@dataclass(frozen=True)
class Birth:
    """What a process is born with. places: the servers by host and port; mutant: a broken rule of tests/chaos/mutants.py."""

    environment: Mapping[str, str]
    clock: Path
    places: Mapping[str, str]
    mutant: str = ""


class Process:
    """A process, seen from outside."""

    def __init__(self, name: str, birth: Birth, born_at: datetime) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.name, self.born_at = name, born_at
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_live, args=(theirs, birth), name=name, daemon=True)
        self._process.start()
        theirs.close()

    def order(self, what: str, argument: object, strike: Strike | None) -> None:
        """Begin to run a function; `hear` tells how it ends."""
        self._pipe.send((what, argument, strike))

    def hear(self) -> tuple[str, str]:
        """("done" | "failed", words) at a run's end, ("kill" | "stall", where) just before that, ("dead", "") ever after."""
        if not self._pipe.poll(PATIENCE):
            raise TimeoutError(f"{self.name} says nothing")
        try:
            word, words = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            return "dead", ""
        return word, words

    def go_on(self) -> None:
        """After a stall, until it says something: the signal may come before the one by which it stops."""
        deadline = time.monotonic() + PATIENCE
        while True:
            self._signal(signal.SIGCONT)
            if self._pipe.poll(0.05) or time.monotonic() > deadline:
                return

    def killed(self) -> bool:
        """Whether it was ended by SIGKILL; waits for its end."""
        self._process.join(PATIENCE)
        return self._process.exitcode == -signal.SIGKILL

    def end(self) -> None:
        self._process.kill()
        self._process.join(PATIENCE)
        self._pipe.close()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)


# In the process


def _live(pipe: Connection, birth: Birth) -> None:
    os.environ.update(birth.environment)
    clock = SharedClock(birth.clock)
    # Between their retries the SDKs sleep in the world's time.
    HttpTransport.sleep = lambda _, seconds: clock.sleep(seconds)  # type: ignore[method-assign, assignment]
    door = _Door(pipe, birth.places)
    connector = wiring.build(birth.environment, clock=clock)
    # Kept for as long as the process lives.
    broken = MUTANTS[birth.mutant]() if birth.mutant else nullcontext()
    broken.__enter__()
    while True:
        try:
            what, argument, strike = pipe.recv()
        except EOFError:
            return
        door.arm(strike)
        until = clock.now() + timedelta(seconds=240)
        try:
            match what:
                case "poll":
                    poll.poll(connector, until=until)
                case "honour":
                    honour.honour(connector, argument, until=until)
                case "refresh":
                    refresh.refresh_tokens(connector)
                case _:
                    receive.receive_webhook(connector, *argument)
        except Exception as error:
            pipe.send(("failed", f"{type(error).__name__}: {error}"))
        else:
            pipe.send(("done", ""))


class _Door:
    """Through which every request of this process goes."""

    def __init__(self, pipe: Connection, places: Mapping[str, str]) -> None:
        self._pipe, self._places = pipe, places
        self._strike: Strike | None = None
        self._left = 0
        self._lock = threading.Lock()
        self._called = threading.local()
        door, send, getresponse = self, HTTPAdapter.send, urllib3.connection.HTTPConnection.getresponse

        def watched(
            self: HTTPAdapter, request: requests.PreparedRequest, *args: Any, **options: Any
        ) -> requests.Response:
            door._begin(request)
            answer = send(self, request, *args, **options)
            door._at("after")
            return answer

        def answered(self: urllib3.connection.HTTPConnection) -> Any:
            door._at("amid")
            return getresponse(self)

        HTTPAdapter.send = watched  # type: ignore[method-assign]
        urllib3.connection.HTTPConnection.getresponse = answered  # type: ignore[method-assign]

    def arm(self, strike: Strike | None) -> None:
        self._strike, self._left = strike, strike.number if strike else 0

    def _begin(self, request: requests.PreparedRequest) -> None:
        parts = urlsplit(request.url or "")
        told = f"{self._places.get(str(parts.netloc), 'elsewhere')} {request.method} {parts.path!s}"
        self._called.struck = None
        with self._lock:
            strike = self._strike
            if strike is not None and re.search(strike.where, told):
                self._left -= 1
                if self._left == 0:
                    self._called.struck, self._called.told, self._strike = strike, told, None
        self._at("before")

    def _at(self, moment: str) -> None:
        strike = getattr(self._called, "struck", None)
        if strike is None or strike.moment != moment:
            return
        self._called.struck = None
        self._pipe.send((strike.what, f"{moment} {self._called.told}"))
        os.kill(os.getpid(), signal.SIGKILL if strike.what == "kill" else signal.SIGSTOP)
