"""Which tables are compacted when: large ones in time, small ones in quiet minutes, others in the night, within quotas."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.clock import milliseconds
from shared.settings import Settings, read_settings
from shared.state.rebuilds import Rebuild, Standing
from shared.state.sink import SENT_EACH, State
from shared.sync.superseded import due, takes
from shared.xero.resources import RESOURCES
from tests.unit.test_schedule import LEAST

SYDNEY = ZoneInfo("Australia/Sydney")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=SYDNEY)
NIGHT = datetime(2026, 11, 24, 4, 0, tzinfo=SYDNEY)


def settings(**more: str) -> Settings:
    return read_settings(LEAST | {"TIME_ZONE": "Australia/Sydney"} | more, RESOURCES)


def state(upper: int, current: int, now: datetime, *, quiet: float = 3600, **more: Any) -> State:
    """A dataset of one table, last pushed to `quiet` seconds ago."""
    pushed_at = milliseconds(now - timedelta(seconds=quiet))
    known: dict[str, Any] = {
        "rows_upper": {"Lines": upper},
        "tables": {"Lines": Standing(current=current, pushed_at=pushed_at)},
    }
    return State(**({"dataset": "default", "powerbi_id": "p"} | known | more))


def is_due(upper: int, current: int, now: datetime, *, quiet: float = 3600, **more: Any) -> bool:
    return bool(due(state(upper, current, now, quiet=quiet, **more), settings(), now))


@pytest.mark.parametrize(
    ("upper", "current", "now", "quiet", "expected"),
    [
        (9000, 4000, NOON, 601, True),
        (9000, 4000, NOON, 599, False),
        (9000, 5000, NOON, 601, False),
        (1500, 700, NOON, 601, False),
        (1500, 700, NIGHT, 0, True),
        (100_000, 20_000, NOON, 601, False),
        (100_000, 20_000, NIGHT, 0, True),
        (200_000, 150_000, NOON, 601, True),
        (199_999, 150_000, NOON, 601, False),
        (200_000, 150_001, NOON, 601, False),
        (260_000, 200_000, NIGHT, 0, False),
        (4_000_000, 2_500_000, NOON, 601, True),
        (3, 3, NIGHT, 601, False),
        (0, 0, NIGHT, 601, False),
    ],
)
def test_when(upper: int, current: int, now: datetime, quiet: float, expected: bool) -> None:
    """Small tables after ten quiet minutes, others in the night; before the slow lane where the current rows allow it."""
    assert is_due(upper, current, now, quiet=quiet) is expected


@pytest.mark.parametrize("report_hour", [0, 2, 7, 23])
@pytest.mark.parametrize("current", [300, 60_000, 240_000, 2_000_000])
def test_it_ends_before_the_report_hour(report_hour: int, current: int) -> None:
    """Whenever a large table is begun there is time for it before the report hour of the operator's zone."""
    ours = settings(REPORT_HOUR=str(report_hour))
    begun = 0
    for minutes in range(0, 24 * 60, 10):
        now = NOON + timedelta(minutes=minutes)
        if _is_begun(ours, current, now):
            begun += 1
            end = (now + takes(ours, current)).astimezone(SYDNEY)
            report = end.replace(hour=report_hour, minute=0)
            ahead = report - end if report >= end else report + timedelta(days=1) - end
            assert timedelta(minutes=29) < ahead <= timedelta(hours=6, minutes=31), now
    assert 30 <= begun <= 40


def _is_begun(ours: Settings, current: int, now: datetime) -> bool:
    return bool(due(state(current * 3, current, now, quiet=0), ours, now))


def test_the_hours_quota_counts_reposts() -> None:
    """What was sent within the hour leaves no room for rows that would wait while their table is empty."""
    part = str(milliseconds(NIGHT) // SENT_EACH)
    assert is_due(200_000, 60_000, NIGHT, sent={part: (800_000, 90)})
    assert not is_due(200_000, 60_000, NIGHT, sent={part: (860_000, 90)})
    earlier = str(milliseconds(NIGHT - timedelta(hours=2)) // SENT_EACH)
    assert is_due(200_000, 60_000, NIGHT, sent={earlier: (999_000, 90)})
    # In the slow lane POSTs are as scarce.
    assert is_due(300_000, 60_000, NIGHT, sent={part: (300_000, 90)})
    assert not is_due(300_000, 60_000, NIGHT, sent={part: (300_000, 100)})


def test_what_must_come_first() -> None:
    """Nothing is begun while another is unfinished, batches are in flight, a POST may still land, or a person is asked."""
    assert is_due(9000, 4000, NOON)
    rebuild = Rebuild(table="Lines", phase="staged", reason="", operation="", since=NOON)
    for more in ({"rebuild": rebuild}, {"in_flight": ("a",)}, {"doubt_at": NOON}, {"powerbi_id": ""}):
        assert not is_due(9000, 4000, NOON, **more), more
    assert is_due(9000, 4000, NOON, doubt_at=NOON - timedelta(seconds=301))
    parked = Standing(current=4000, parked="the mirror has less")
    assert not is_due(9000, 4000, NOON, tables={"Lines": parked})
    lately = Standing(current=4000, compacted_at=NOON - timedelta(minutes=50))
    assert not is_due(9000, 4000, NOON, tables={"Lines": lately})


def test_the_worst_comes_first() -> None:
    """Of several tables the one with the largest superseded share is compacted first."""
    tables = {name: Standing(current=count) for name, count in (("Lines", 4000), ("Invoices", 400))}
    found = due(
        State(
            dataset="default",
            powerbi_id="p",
            rows_upper={"Lines": 9000, "Invoices": 9000, "Items": 0},
            tables=tables,
        ),
        settings(),
        NOON,
    )
    assert [table for table, _ in found] == ["Invoices", "Lines"]
