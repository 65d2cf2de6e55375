"""Time as a dependency, so that a test can run a month in a second."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The current instant, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait; only ever for seconds, longer waits are messages with a delay."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, the unit of stamps, fetch intervals and row versions."""
    return int(instant.timestamp() * 1000)
