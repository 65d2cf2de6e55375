"""The timer trigger's semantics with a status in memory and times that the test chooses."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from local.host.protos import TypedData
from local.host.settings import HostError
from local.host.timer import Schedule, Status, TimerListener

START = datetime(2026, 11, 23, 9, 2, 30, tzinfo=UTC)
FIVE = "0 */5 * * * *"


def at(text: str) -> datetime:
    """A time of the day on which the tests happen."""
    return datetime.fromisoformat(f"2026-11-23T{text}+00:00")


class MemoryStatus:
    def __init__(self, status: Status | None = None) -> None:
        self.status = status
        self.writes = 0

    def read(self) -> Status | None:
        return self.status

    def write(self, status: Status) -> None:
        self.status = status
        self.writes += 1


class Bench:
    """A timer whose runs are recorded as what the function is told."""

    def __init__(
        self,
        schedule: str = FIVE,
        status: Status | None = None,
        *,
        monitored: bool = True,
        on_startup: bool = False,
    ) -> None:
        self.store = MemoryStatus(status)
        self.runs: list[dict[str, Any]] = []
        self.timer = TimerListener(
            "tick",
            Schedule(schedule, "schedule of tick"),
            self._run,
            self.store if monitored else None,
            lambda: START,
            run_on_startup=on_startup,
        )

    def _run(self, data: TypedData) -> None:
        self.runs.append(json.loads(data.json or ""))


def test_first_start_writes_the_status_and_does_not_run() -> None:
    """A timer that was never seen keeps when it will run, and waits for it."""
    bench = Bench()
    bench.timer.begin(START)
    assert bench.runs == []
    assert bench.store.status == Status(None, at("09:05:00"), START)
    assert bench.store.status.as_json() == {
        "Last": "0001-01-01T00:00:00",
        "Next": "2026-11-23T09:05:00+00:00",
        "LastUpdated": "2026-11-23T09:02:30+00:00",
    }


def test_occurrence_runs_once_with_the_status_before_it() -> None:
    """A run is told of the run before; afterwards the next occurrence is kept."""
    bench = Bench()
    bench.timer.begin(START)
    assert not bench.timer.run_due(at("09:04:59"))
    assert bench.timer.run_due(at("09:05:00.020"))
    assert not bench.timer.run_due(at("09:05:00.030"))
    assert bench.runs == [
        {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": "0001-01-01T00:00:00",
                "Next": "2026-11-23T09:05:00+00:00",
                "LastUpdated": "2026-11-23T09:02:30+00:00",
            },
            "IsPastDue": False,
        }
    ]
    assert bench.store.status == Status(at("09:05:00.020"), at("09:10:00"), at("09:05:00.020"))


def test_long_run_is_followed_by_one_run_at_once() -> None:
    """The next occurrence counts from the run's start, so a run that outlasts several is followed by one."""
    bench = Bench()
    bench.timer.begin(START)
    assert bench.timer.run_due(at("09:05:00"))
    assert bench.timer.run_due(at("09:17:00"))
    assert not bench.timer.run_due(at("09:17:01"))
    assert bench.store.status is not None
    assert bench.store.status.next == at("09:20:00")
    assert [run["IsPastDue"] for run in bench.runs] == [False, False]


def test_early_fire_counts_as_its_occurrence() -> None:
    """A wait that ends a little early does not lead to a second run at the true time."""
    bench = Bench()
    bench.timer.begin(START)
    assert bench.timer.run_due(at("09:04:59.800"))
    assert bench.store.status == Status(at("09:05:00"), at("09:10:00"), at("09:05:00"))


def test_missed_occurrences_are_one_past_due_run() -> None:
    """After hours of standstill the start runs once, at once, and says that it is late."""
    kept = Status(at("05:00:00"), at("05:05:00"), at("05:00:00"))
    bench = Bench(status=kept, on_startup=True)
    bench.timer.begin(START)
    assert [(run["IsPastDue"], run["ScheduleStatus"]["Next"]) for run in bench.runs] == [
        (True, "2026-11-23T05:05:00+00:00")
    ]
    assert bench.store.status == Status(START, at("09:05:00"), START)


def test_start_before_the_next_occurrence_changes_nothing() -> None:
    """A restart between two occurrences neither runs nor writes."""
    bench = Bench(status=Status(at("09:00:00"), at("09:05:00"), at("09:00:00")))
    bench.timer.begin(START)
    assert (bench.runs, bench.store.writes) == ([], 0)
    assert bench.timer.run_due(at("09:05:00"))


def test_new_schedule_is_not_past_due() -> None:
    """When the schedule has changed, occurrences that only the new one would have had were not missed."""
    bench = Bench("0 0 * * * *", status=Status(at("05:00:00"), at("05:05:00"), at("05:00:00")))
    bench.timer.begin(START)
    assert bench.runs == []
    assert bench.store.status == Status(None, at("10:00:00"), START)
    later = Bench("0 30 9 * * *", status=Status(at("09:00:00"), at("09:05:00"), at("09:00:00")))
    later.timer.begin(START)
    assert later.store.status == Status(None, at("09:30:00"), at("09:00:00"))


def test_run_on_startup_runs_at_every_start() -> None:
    """On wish the start runs, which is no late run."""
    bench = Bench(on_startup=True)
    bench.timer.begin(START)
    assert [run["IsPastDue"] for run in bench.runs] == [False]
    assert bench.store.status == Status(START, at("09:05:00"), START)


def test_timer_without_a_monitor_gets_no_status() -> None:
    """Without a monitor nothing is kept, nothing is late, and the function is told null."""
    bench = Bench(status=Status(at("05:00:00"), at("05:05:00"), at("05:00:00")), monitored=False)
    bench.timer.begin(START)
    assert bench.timer.run_due(at("09:05:00"))
    assert [run["ScheduleStatus"] for run in bench.runs] == [None]
    assert bench.store.writes == 0


def test_status_that_cannot_be_stored_does_not_stop_the_timer() -> None:
    """Storage that is away costs the memory of a run, not the next run."""
    bench = Bench()
    bench.timer.begin(START)

    def fail(status: Status) -> None:
        raise OSError("away")

    bench.store.write = fail  # type: ignore[method-assign]
    assert bench.timer.run_due(at("09:05:00"))
    assert bench.timer.run_due(at("09:10:00"))


def test_status_reads_back_what_azure_or_this_host_wrote() -> None:
    """Seven fraction digits, Z and .NET's default date are understood."""
    status = Status(None, at("09:05:00"), START)
    assert Status.from_json(status.as_json()) == status
    kept = {
        "Last": "2026-11-23T09:00:00.0012345+00:00",
        "Next": "2026-11-23T09:05:00Z",
        "LastUpdated": "0001-01-01T00:00:00",
    }
    assert Status.from_json(kept) == Status(at("09:00:00.001234"), at("09:05:00"), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 */5 * * * *", "2026-11-23T09:05:00"),
        ("30 2 9 * * *", "2026-11-24T09:02:30"),
        ("*/15 * * * * *", "2026-11-23T09:02:45"),
        ("0 0 9-17 * * MON-FRI", "2026-11-23T10:00:00"),
        ("0 0 0 1 January *", "2027-01-01T00:00:00"),
        # Both day fields must match: the next 13th that is a Friday, not the next Friday.
        ("0 0 0 13 * 5", "2027-08-13T00:00:00"),
    ],
)
def test_schedule_finds_the_next_occurrence(text: str, expected: str) -> None:
    """Six fields, seconds first, UTC, day of month and day of week both."""
    assert Schedule(text, "schedule of tick").after(START) == datetime.fromisoformat(f"{expected}+00:00")


@pytest.mark.parametrize(
    "text",
    [
        "*/5 * * * *",
        "0 0 0 0 * *",
        "0 0 0 L * *",
        "0 0 0 * * 7",
        "0 0 0 * * MON#1",
        "0 0 0 30 2 *",
        "00:05:00",
        "0 0 0 30 2 1",
    ],
)
def test_schedule_refuses_what_ncrontab_does_not_know(text: str) -> None:
    """Five fields, L, #, Sunday as 7, days that never come: an error that names the function."""
    with pytest.raises(HostError, match="schedule of tick"):
        Schedule(text, "schedule of tick")


def test_quick_schedules_have_no_monitor() -> None:
    """Occurrences less than a minute apart, even if only some are, are not kept."""
    assert Schedule("*/30 * * * * *", "").is_too_quick(START)
    assert Schedule("0,10 0 * * * *", "").is_too_quick(START)
    assert not Schedule("0 * * * * *", "").is_too_quick(START)


def test_thread_runs_due_occurrences_and_stops() -> None:
    """Started, the timer runs what is due by its clock and ends when it is told."""
    ran: list[TypedData] = []
    times = iter([START, at("09:05:00"), at("09:05:00")])

    def run(data: TypedData) -> None:
        ran.append(data)
        timer.stop()

    timer = TimerListener("tick", Schedule(FIVE, ""), run, None, lambda: next(times))
    timer.start()
    assert timer.join(10)
    assert len(ran) == 1
