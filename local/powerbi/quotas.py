"""How much a dataset has been sent lately, and when it may be sent more.

All windows slide: a quota that resets at full hours would let a sender through twice as fast around them.
"""

import math
from collections import deque
from dataclasses import dataclass, field

MINUTE = 60.0
HOUR = 3600.0


@dataclass
class Window:
    """Amounts of the last `seconds`. Times are unix seconds and never decrease."""

    seconds: float
    total: int = 0
    _entries: deque[tuple[float, int]] = field(default_factory=deque)

    def sum(self, now: float) -> int:
        while self._entries and self._entries[0][0] <= now - self.seconds:
            self.total -= self._entries.popleft()[1]
        return self.total

    def add(self, now: float, amount: int = 1) -> None:
        self._entries.append((now, amount))
        self.total += amount

    def wait(self, now: float, amount: int, limit: int) -> int:
        """Whole seconds until `amount` more stay within `limit`; 0: now; never more than the window."""
        excess = self.sum(now) + amount - limit
        if excess <= 0:
            return 0
        for at, leaving in self._entries:
            excess -= leaving
            if excess <= 0:
                return max(1, math.ceil(at + self.seconds - now))
        return math.ceil(self.seconds)
