"""A clock that stands still until a test moves it."""

import threading
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class ManualClock:
    """`shared.clock.Clock` under a test's control: sleeping costs no time, it moves the clock.

    start: the first instant, with a time zone.
    """

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock starts at an instant with a time zone")
        self._lock = threading.Lock()
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The current instant, in UTC."""
        with self._lock:
            return self._now

    def sleep(self, seconds: float) -> None:
        """As `advance`: whoever sleeps finds the time gone by."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`; ValueError for a step back."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += timedelta(seconds=seconds)
