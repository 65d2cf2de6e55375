"""Calendar, AsAt and AgingBuckets: an organisation's days, financial years and ageing buckets."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from local.comparison import same
from local.expected import made
from shared.errors import BadRecord
from shared.tables.calendar import fiscal_period, fiscal_year, fiscal_year_start
from tests.support.records import TENANT, shaped


def days_of(table: str, year: int, month: int, day: int) -> list[dict[str, Any]]:
    record = {"CalendarID": str(year), "Year": year, "YearEndMonth": month, "YearEndDay": day}
    return shaped(table, record)


def told(found: Mapping[str, Any]) -> tuple[Any, ...]:
    return found["FiscalYear"], found["FiscalPeriod"], found["FiscalQuarter"], found["FiscalYearStart"][:10]


@given(st.integers(2000, 2050), st.integers(1, 12), st.integers(1, 31))
@example(2023, 2, 28)
@example(2024, 2, 28)
@example(2024, 2, 29)
@example(2027, 4, 5)
@example(2028, 2, 31)
@example(2026, 1, 30)
@settings(max_examples=40, deadline=None)
def test_days_agree_with_counting_them_one_by_one(year: int, month: int, day: int) -> None:
    """Whatever day a financial year ends on, every column of every day is what a slow walk through the years comes to."""
    organisation = {"FinancialYearEndDay": day, "FinancialYearEndMonth": month}
    walked = made.calendar(organisation, TENANT, date(year, 1, 1), date(year, 12, 31))
    for table, expected in (("Calendar", walked), ("AsAt", made.as_at(walked))):
        rows = list(expected[f"{TENANT}|{year}"].values())
        ours = days_of(table, year, month, day)
        assert len(ours) == len(rows) == (date(year + 1, 1, 1) - date(year, 1, 1)).days
        for row, wanted in zip(ours, rows, strict=True):
            assert set(row) | {"RowVersion", "IsDeleted"} == set(wanted)
            assert [name for name in row if not same(wanted[name], row[name])] == [], (row, wanted)


@pytest.mark.parametrize(
    ("day", "year_end", "expected"),
    [
        ("2026-11-25", (6, 30), (2027, 5, "FY2027 Q2", "2026-07-01")),
        ("2026-06-30", (6, 30), (2026, 12, "FY2026 Q4", "2025-07-01")),
        ("2026-07-01", (6, 30), (2027, 1, "FY2027 Q1", "2026-07-01")),
        ("2026-04-05", (4, 5), (2026, 12, "FY2026 Q4", "2025-04-06")),
        ("2026-04-06", (4, 5), (2027, 1, "FY2027 Q1", "2026-04-06")),
        ("2028-02-29", (2, 28), (2028, 12, "FY2028 Q4", "2027-03-01")),
        ("2028-03-01", (2, 28), (2029, 1, "FY2029 Q1", "2028-03-01")),
        ("2026-12-31", (12, 31), (2026, 12, "FY2026 Q4", "2026-01-01")),
        ("2026-04-30", (4, 31), (2026, 12, "FY2026 Q4", "2025-05-01")),
    ],
)
def test_financial_years_as_accountants_name_them(
    day: str, year_end: tuple[int, int], expected: tuple[Any, ...]
) -> None:
    """By the year in which they end; the last of February is that in leap years, too; a day too late is the month's last."""
    [row] = [row for row in days_of("Calendar", int(day[:4]), *year_end) if row["Date"] == f"{day}T00:00:00"]
    assert told(row) == expected


@given(st.dates(date(1990, 1, 1), date(2080, 12, 31)), st.integers(1, 12), st.integers(1, 31))
def test_a_financial_year_has_twelve_months_and_no_gap(day: date, month: int, last: int) -> None:
    """Tomorrow is in the same month of the books or in the next; the thirteenth is the first of the next year."""
    after = day + timedelta(days=1)
    here, there = (
        (fiscal_year(each, month, last) * 12 + fiscal_period(each, month, last)) for each in (day, after)
    )
    assert there - here in (0, 1)
    start = fiscal_year_start(day, month, last)
    assert start <= day < start + timedelta(days=366)
    assert fiscal_period(start, month, last) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"Year": "soon"},
        {"Year": 1},
        {"YearEndMonth": 13},
        {"YearEndMonth": None},
        {"YearEndDay": 0},
        {"YearEndDay": 1.5},
    ],
)
def test_a_year_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    """A record that makes no year is a bad record, which names its field."""
    record = {"CalendarID": "2026", "Year": 2026, "YearEndMonth": 3, "YearEndDay": 31} | wrong
    with pytest.raises(BadRecord) as refused:
        shaped("Calendar", record)
    assert refused.value.field in wrong


BOUNDS = st.lists(st.integers(1, 9999), min_size=1, max_size=10, unique=True).map(sorted)


@given(BOUNDS, st.integers(-5000, 20000))
def test_every_day_overdue_is_in_one_bucket(bounds: list[int], days: int) -> None:
    """Buckets leave no gap and do not overlap, whatever the bounds, and are sorted as they follow each other."""
    rows = shaped("AgingBuckets", {"AgingBucketsID": "buckets", "Days": bounds})
    for basis in ("Due date", "Invoice date"):
        some = [row for row in rows if row["Basis"] == basis]
        assert len([row for row in some if row["MinDays"] <= days <= row["MaxDays"]]) == 1
        assert [row["Sort"] for row in some] == list(range(1, len(bounds) + 3))
        assert [row["MinDays"] for row in some] == sorted(row["MinDays"] for row in some)
    expected = made.buckets(TENANT, bounds)[TENANT]
    assert [row | {"RowVersion": None, "IsDeleted": False} for row in rows] == list(expected.values())


def test_the_usual_buckets() -> None:
    """Current, then thirty days each, then the rest."""
    rows = shaped("AgingBuckets", {"AgingBucketsID": "buckets", "Days": [30, 60, 90]})
    usual = [
        ("Current", -99999, 0),
        ("1–30", 1, 30),
        ("31–60", 31, 60),
        ("61–90", 61, 90),
        ("Over 90", 91, 99999),
    ]
    assert [(row["Basis"], row["Bucket"], row["MinDays"], row["MaxDays"]) for row in rows] == [
        (basis, *bucket) for basis in ("Due date", "Invoice date") for bucket in usual
    ]


@pytest.mark.parametrize(
    "bounds", [[], None, "30", [30, 30], [60, 30], [0], [30.5], ["30"], [True], [100000]]
)
def test_bounds_that_do_not_rise_are_refused(bounds: Any) -> None:
    """Whoever calls it without the setting's own check gets a bad record rather than overlapping buckets."""
    with pytest.raises(BadRecord):
        shaped("AgingBuckets", {"AgingBucketsID": "buckets", "Days": bounds})
