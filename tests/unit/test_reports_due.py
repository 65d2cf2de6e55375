"""Which reports a night asks for: the recent ones always, the older ones in turn, and what changed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.reports import due, months

THREE_YEARS = months(date(2023, 12, 1), date(2026, 11, 25))


def test_the_months_of_a_history() -> None:
    """From the month of the first day to that of the last, each by its last day, also in a leap year."""
    assert months(date(2023, 12, 31), date(2024, 3, 1)) == [
        *("2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31")
    ]
    assert months(date(2026, 11, 25), date(2026, 11, 1)) == ["2026-11-30"]


def test_a_history_that_begins_in_the_future_has_no_months() -> None:
    """Nothing is asked for before there is anything."""
    assert months(date(2027, 1, 1), date(2026, 11, 25)) == []
    assert due([], date(2026, 11, 25), "", []) == ([], "")


@pytest.mark.parametrize(
    ("last_read", "recent"),
    [
        (date(2026, 11, 24), ["2026-11-30", "2026-10-31"]),
        (date(2026, 11, 1), ["2026-11-30", "2026-10-31"]),
        # On the first of the month, a last time the one before the one before.
        (date(2026, 10, 31), ["2026-11-30", "2026-10-31", "2026-09-30"]),
        # After a pause, all that ran meanwhile.
        (date(2026, 8, 3), ["2026-11-30", "2026-10-31", "2026-09-30", "2026-08-31", "2026-07-31"]),
    ],
)
def test_the_recent_months(last_read: date, recent: list[str]) -> None:
    """The running month, the one before the last read's, and all between; then the one whose turn it is."""
    asked, turn = due(THREE_YEARS, last_read, "2024-05-31", [])
    assert asked == [*recent, "2024-06-30"]
    assert turn == "2024-06-30"


def test_changed_months_come_before_the_turn_and_nothing_comes_twice() -> None:
    """A month is one call a night, for however many reasons it is due."""
    changed = ["2024-06-30", "2025-01-31", "2026-11-30", "1999-12-31"]
    asked, turn = due(THREE_YEARS, date(2026, 11, 24), "2024-05-31", changed)
    assert asked == ["2026-11-30", "2026-10-31", "2024-06-30", "2025-01-31"]
    assert turn == "2024-06-30"


@given(st.integers(1, 60))
def test_every_older_month_has_its_turn(count: int) -> None:
    """As many nights as there are older months read each of them once, beginning with the oldest."""
    today = date(2026, 11, 25)
    all_months = months(date(2015, 1, 1), today)[-count:]
    turn, turns = "", []
    for _ in all_months[:-2]:
        asked, turn = due(all_months, today - timedelta(days=1), turn, [])
        turns.append(turn)
        assert set(asked) == {turn, *all_months[-2:]}
    assert turns == all_months[:-2]
    assert due(all_months, today, turn, [])[1] == (all_months[0] if count > 2 else "")
