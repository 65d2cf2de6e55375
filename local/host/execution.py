"""One run of a function: invoke it, write its outputs, say in the log how it went; and who is still running."""

import logging
import threading
import time
from collections.abc import Callable, Mapping

from local.host.outputs import QueueOutputs
from local.host.protos import TypedData
from local.host.worker import Function, Outcome

log = logging.getLogger("local.host")


class Execution:
    """Runs one function.

    invoke: runs it in the worker. clock: seconds that only grow.
    """

    def __init__(
        self,
        function: Function,
        invoke: Callable[[Function, TypedData, Mapping[str, TypedData]], Outcome],
        outputs: QueueOutputs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.function = function
        self._invoke = invoke
        self._outputs = outputs
        self._clock = clock

    def run(self, data: TypedData, metadata: Mapping[str, TypedData] | None = None) -> Outcome:
        """The outcome; an output that cannot be written makes it a failure, although the function returned."""
        start = self._clock()
        outcome = self._invoke(self.function, data, metadata or {})
        if outcome.succeeded:
            try:
                self._outputs.write(outcome)
            except Exception as error:
                outcome = Outcome(f"the output cannot be written: {type(error).__name__}: {error}")
        milliseconds = (self._clock() - start) * 1000
        if outcome.succeeded:
            log.info("%s succeeded in %.0f ms", self.function.name, milliseconds)
        else:
            text = f"{outcome.error}\n{outcome.stack_trace}".rstrip()
            log.error("%s failed in %.0f ms: %s", self.function.name, milliseconds, text)
        return outcome


class Running:
    """Counts what is under way, so that a stop can wait for it."""

    def __init__(self) -> None:
        self._count = 0
        self._changed = threading.Condition()

    def enter(self) -> None:
        with self._changed:
            self._count += 1

    def leave(self) -> None:
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self, timeout: float) -> int:
        """Wait until nothing is under way, at most `timeout` seconds: how many still are."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, timeout)
            return self._count
