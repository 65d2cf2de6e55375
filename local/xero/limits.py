"""Xero's four rate limits: calls in progress, calls a minute and a day of a tenant, calls a minute of the app.

The windows are fixed and begin at another moment for every tenant, which nothing announces but `Retry-After`.
"""

import math
import threading
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.simulation import Clock
from local.xero.switches import Switches
from local.xero.wire import milliseconds

MINUTE, DAY = 60_000, 86_400_000


class Window:
    """Calls counted in a window of a fixed length in milliseconds; `name` decides when it begins."""

    def __init__(self, length: int, name: str) -> None:
        self._length = length
        self._offset = zlib.crc32(name.encode()) % length
        self._current = -1
        self._calls = 0

    def calls(self, now: int) -> int:
        current = (now - self._offset) // self._length
        if current != self._current:
            self._current, self._calls = current, 0
        return self._calls

    def count(self, now: int) -> None:
        self._calls = self.calls(now) + 1

    def seconds_left(self, now: int) -> int:
        return math.ceil((self._length - (now - self._offset) % self._length) / 1000)


@dataclass(frozen=True)
class Refusal:
    """Why a call gets 429; `retry_after` in seconds, None where Xero promises none."""

    problem: str
    retry_after: int | None


class Limits:
    """Counts the calls of each app (client id) to each tenant."""

    def __init__(self, clock: Clock, switches: Switches) -> None:
        self._clock = clock
        self._switches = switches
        self._lock = threading.Lock()
        self._windows: dict[tuple[int, str], Window] = {}
        self._in_progress: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def call(self, client_id: str, tenant_id: str) -> Iterator[Refusal | None]:
        """A call in progress, counted, or the reason why it must not be; a refused call is not counted."""
        with self._lock:
            refusal = self._refusal(client_id, tenant_id)
            if refusal is None:
                now = self._now()
                for window in self._of(client_id, tenant_id):
                    window.count(now)
                self._in_progress[client_id, tenant_id] += 1
        try:
            yield refusal
        finally:
            if refusal is None:
                with self._lock:
                    self._in_progress[client_id, tenant_id] -= 1

    def headers(self, client_id: str, tenant_id: str) -> dict[str, str]:
        """The three `...Limit-Remaining` headers as they stand now."""
        with self._lock:
            now = self._now()
            minute, day, app = self._of(client_id, tenant_id)
            left = {
                "X-DayLimit-Remaining": self._switches.day_limit - day.calls(now),
                "X-MinLimit-Remaining": self._switches.minute_limit - minute.calls(now),
                "X-AppMinLimit-Remaining": self._switches.app_minute_limit - app.calls(now),
            }
        return {name: str(max(0, value)) for name, value in left.items()}

    def _now(self) -> int:
        return milliseconds(self._clock.now())

    def _of(self, client_id: str, tenant_id: str) -> tuple[Window, Window, Window]:
        names = (MINUTE, f"{client_id} {tenant_id}"), (DAY, f"{client_id} {tenant_id}"), (MINUTE, client_id)
        minute, day, app = (self._windows.setdefault(key, Window(*key)) for key in names)
        return minute, day, app

    def _refusal(self, client_id: str, tenant_id: str) -> Refusal | None:
        switches, now = self._switches, self._now()
        minute, day, app = self._of(client_id, tenant_id)
        problem, window, tells = "", minute, True
        if day.calls(now) >= switches.day_limit:
            problem, window = "day", day
        elif minute.calls(now) >= switches.minute_limit:
            problem = "minute"
        elif app.calls(now) >= switches.app_minute_limit:
            problem, window, tells = switches.app_minute_problem, app, switches.retry_after_on_app_minute
        elif self._in_progress[client_id, tenant_id] >= switches.concurrent_limit:
            problem, tells = "concurrent", switches.retry_after_on_concurrent
        if not problem:
            return None
        seconds = 1 if problem == "concurrent" else window.seconds_left(now)
        if switches.limit_problem_case == "title":
            problem = problem.title()
        return Refusal(problem, seconds if tells else None)
