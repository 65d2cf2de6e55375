"""Runs of several processes whose turns one scheduler gives: threads of which exactly one goes on at a time.

A run may be left standing at any of its effects, while others go on and time passes, and wake up later: as a process that
the machine did not schedule for a while. Who goes on is decided by whoever calls, so a replay is exact.
"""

import threading
from collections.abc import Callable

from tests.support.killing import Killed


class Run:
    """One run of a function in its own thread, which goes on only while `go_on` waits for it."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.name = name
        self.ended = False
        self.error: BaseException | None = None
        self._act = act
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def go_on(self) -> None:
        """Give it the turn, until it stands still or ends."""
        self._go.release()
        self._back.acquire()
        if self.ended:
            self._thread.join()

    def stand_still(self) -> None:
        """Called by the run itself: the turn goes back to whoever gave it."""
        self._back.release()
        self._go.acquire()

    def _main(self) -> None:
        self._go.acquire()
        try:
            self._act()
        except (Exception, Killed) as error:
            self.error = error
        finally:
            self.ended = True
            self._back.release()
