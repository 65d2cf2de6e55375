"""The timer trigger, by the semantics of Microsoft's timer extension (TimerListener, ScheduleMonitor): UTC, NCRONTAB."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from cronsim import CronSim, CronSimError

from local.host.protos import TypedData
from local.host.settings import HostError

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

log = logging.getLogger("local.host")

# A timer that fires so much before its occurrence is taken to fire at it, as clocks and waits are not exact.
EARLY = timedelta(milliseconds=500)

# .NET's default date, in place of "never".
NEVER = "0001-01-01T00:00:00"


class Schedule:
    """An NCRONTAB expression: {second} {minute} {hour} {day} {month} {day of week}; both day fields must match.

    Raises HostError, with `where` in its text, for what NCRONTAB does not know, such as five fields, L, W, # and 7.
    """

    def __init__(self, text: str, where: str) -> None:
        fields = text.upper().split()
        if len(fields) != 6:
            raise HostError(
                f"{where}: an NCRONTAB schedule has six fields, seconds first: {text!r} has {len(fields)}"
            )
        # cronsim knows the first three letters of names only, and more than NCRONTAB does.
        plain = " ".join(re.sub(r"[A-Z]+", lambda name: name[0][:3], field) for field in fields)
        if re.search(r"[^0-9A-Z*,/ -]|\b(?:L|W|LW)\b|[0-9][A-Z]", plain) or re.search(
            r"(?<![0-9/])7(?![0-9])", fields[5]
        ):
            raise HostError(f"{where}: {text!r} is not an NCRONTAB schedule")
        self.text = plain
        try:
            self.after(datetime(2024, 1, 1, tzinfo=UTC))
        except (CronSimError, StopIteration) as error:
            raise HostError(f"{where}: {text!r} is not a schedule that ever comes: {error}") from error

    def after(self, instant: datetime) -> datetime:
        """The first occurrence later than `instant`."""
        moments = CronSim(self.text, instant.astimezone(UTC))
        # Cron lets either day field do; NCRONTAB wants both.
        moments.day_and = True
        return next(moments)

    def is_too_quick(self, now: datetime) -> bool:
        """Whether two of the next occurrences are less than a minute apart: then no status is kept."""
        previous = self.after(now)
        for _ in range(5):
            following = self.after(previous)
            if following - previous < timedelta(minutes=1):
                return True
            previous = following
        return False


@dataclass(frozen=True)
class Status:
    """What a timer remembers: its last run (None: never), the next, and the moment from which `next` was reckoned."""

    last: datetime | None
    next: datetime
    updated: datetime | None

    def as_json(self) -> dict[str, str]:
        return {
            "Last": self.last.isoformat() if self.last else NEVER,
            "Next": self.next.isoformat(),
            "LastUpdated": self.updated.isoformat() if self.updated else NEVER,
        }

    @classmethod
    def from_json(cls, document: dict[str, str]) -> Status:
        last, following, updated = (_instant(document.get(name)) for name in ("Last", "Next", "LastUpdated"))
        return cls(last, following or datetime.min.replace(tzinfo=UTC), updated)


def _instant(text: str | None) -> datetime | None:
    if not text or text.startswith("0001-01-01"):
        return None
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


class StatusStore(Protocol):
    def read(self) -> Status | None: ...
    def write(self, status: Status) -> None: ...


class StatusBlob:
    """The status in the storage account: azure-webjobs-hosts/timers/<host id>/<function>/status.

    container: the client of that container, which is made when it does not exist.
    """

    CONTAINER = "azure-webjobs-hosts"

    def __init__(self, container: ContainerClient, host_id: str, function: str) -> None:
        self._container = container
        self._name = f"timers/{host_id}/{function}/status"

    def read(self) -> Status | None:
        try:
            return Status.from_json(json.loads(self._container.download_blob(self._name).readall()))
        except ResourceNotFoundError:
            return None

    def write(self, status: Status) -> None:
        text = json.dumps(status.as_json())
        try:
            self._container.upload_blob(self._name, text, overwrite=True)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):
                self._container.create_container()
            self._container.upload_blob(self._name, text, overwrite=True)


class TimerListener:
    """Runs one function by its schedule, one run at a time.

    run: runs the function with the trigger's data; a failed run changes nothing in the schedule.
    store: None for a timer without a monitor; the function then gets no status.
    clock: now, aware.

    `start` works in a thread of its own; `begin` and `run_due` are its two steps, for a caller that has its own time.
    """

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        run: Callable[[TypedData], object],
        store: StatusStore | None,
        clock: Callable[[], datetime],
        *,
        run_on_startup: bool = False,
    ) -> None:
        self._name = name
        self._schedule = schedule
        self._run = run
        self._store = store
        self._clock = clock
        self._run_on_startup = run_on_startup
        self._status: Status | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name=f"timer {name}", daemon=True)

    @property
    def status(self) -> Status | None:
        """The status as of the last run; None before `begin`."""
        return self._status

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Begin no more runs."""
        self._stopping.set()

    def join(self, timeout: float) -> bool:
        """Wait for the run that goes on, at most `timeout` seconds: whether it has ended."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def begin(self, now: datetime) -> None:
        """What happens at the host's start: one run when an occurrence was missed, or on wish, else none."""
        past_due = False
        if self._store is not None:
            kept = self._store.read()
            self._status = self._checked(kept, now)
            if self._status != kept:
                self._store.write(self._status)
            past_due = now > self._status.next
        else:
            self._status = Status(None, self._schedule.after(now), None)
        if past_due or self._run_on_startup:
            self._fire(now, past_due=past_due)

    def run_due(self, now: datetime) -> bool:
        """Run when the next occurrence has come: whether it had. Occurrences missed meanwhile are one run."""
        assert self._status is not None, "begin comes first"
        if now + EARLY < self._status.next:
            return False
        self._fire(max(now, self._status.next), past_due=False)
        return True

    def data(self, past_due: bool = False) -> TypedData:
        """What a run is told: the status is the one before it, and null for a timer without a monitor."""
        status = self._status.as_json() if self._store is not None and self._status else None
        return TypedData(
            json=json.dumps(
                {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
            )
        )

    def _checked(self, kept: Status | None, now: datetime) -> Status:
        """The kept status, or a new one when there is none or it belongs to another schedule."""
        if kept is None:
            return Status(None, self._schedule.after(now), now)
        reckoned_from = kept.last or kept.updated or now
        expected = self._schedule.after(reckoned_from)
        if kept.next == expected:
            return kept
        if now > expected:
            # An occurrence that only the new schedule would have had was not missed.
            return Status(None, self._schedule.after(now), now)
        return Status(None, expected, reckoned_from)

    def _fire(self, counts_as: datetime, *, past_due: bool) -> None:
        self._run(self.data(past_due))
        self._status = Status(counts_as, self._schedule.after(counts_as), counts_as)
        if self._store is not None:
            try:
                self._store.write(self._status)
            except Exception as error:
                log.warning("%s: the timer's status cannot be stored: %s", self._name, error)

    def _listen(self) -> None:
        while not self._stopping.is_set():
            try:
                self.begin(self._clock())
                break
            except Exception as error:
                log.warning("%s: the timer cannot start: %s", self._name, error)
                self._stopping.wait(5)
        while not self._stopping.is_set():
            assert self._status is not None
            ahead = (self._status.next - self._clock()).total_seconds()
            # In short pieces, because a wait does not count the time during which the machine sleeps.
            if ahead > 0:
                self._stopping.wait(min(ahead, 30))
            else:
                self.run_due(self._clock())
