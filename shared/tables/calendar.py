"""Calendar, AsAt and AgingBuckets: tables of ours that reports slice by, one set for each organisation.

A record of Calendar is one year of an organisation: its number, and the day and month on which the organisation's
financial year ends. Days are worked out from it here.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import Any

from shared.errors import BadRecord
from shared.tables.table import TENANT, Column, Source, Table, Type, derived
from shared.xero import wire

YEARS = range(1900, 2200)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
# Beyond every due date that anybody writes.
FAR = 99999
MOST_BUCKETS = 10
# By what documents age; the first one where a report does not choose.
BASES = BY_DUE_DATE, BY_INVOICE_DATE = ("Due date", "Invoice date")


@cache
def year_end(year: int, month: int, day: int) -> date:
    """The last day of the financial year that ends in `year`. The last day of February is that in leap years, too."""
    last = monthrange(year, month)[1]
    return date(year, month, last if (month, day) == (2, 28) else min(day, last))


def fiscal_year(day: date, end_month: int, end_day: int) -> int:
    """The financial year that a day lies in, named by the year in which it ends."""
    return day.year if day <= year_end(day.year, end_month, end_day) else day.year + 1


def fiscal_year_start(day: date, end_month: int, end_day: int) -> date:
    """The first day of the financial year that a day lies in."""
    return year_end(fiscal_year(day, end_month, end_day) - 1, end_month, end_day) + timedelta(days=1)


def fiscal_period(day: date, end_month: int, end_day: int) -> int:
    """Which of its financial year's twelve months a day lies in, each of which ends on the day on which the year ends.

    A month too short for that day ends with its last; where the year ends with a month, so does each of its months.
    """
    whole_months = end_day >= _length(2001, end_month)
    month_end = _last(day) if whole_months else min(end_day, _last(day))
    in_month = day.month if day.day <= month_end else day.month + 1
    return (in_month - end_month - 1) % 12 + 1


def _last(day: date) -> int:
    return _length(day.year, day.month)


@cache
def _length(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def _number(source: Source, field: str, among: range) -> int:
    """A whole number of the record. Raises BadRecord."""
    found = wire.number(source.document.get(field), field)
    if found is None or found != found.to_integral_value() or int(found) not in among:
        raise BadRecord(f"{field} is {found}", field=field)
    return int(found)


def _days(source: Source) -> list[Source]:
    """A source for each day of the record's year; `record` holds the day and its financial year. Raises BadRecord."""
    year = _number(source, "Year", YEARS)
    month = _number(source, "YearEndMonth", range(1, 13))
    last = _number(source, "YearEndDay", range(1, 32))
    return [
        replace(source, record=day, number=number) for number, day in enumerate(_year(year, month, last), 1)
    ]


@lru_cache(maxsize=20)
def _year(year: int, month: int, last: int) -> list[dict[str, Any]]:
    """A year's days: two tables show them, of each organisation."""
    first = date(year, 1, 1)
    days = [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]
    return [
        {
            "day": day,
            "year": fiscal_year(day, month, last),
            "start": fiscal_year_start(day, month, last),
            "period": fiscal_period(day, month, last),
        }
        for day in days
    ]


def _of_day(name: str, type_: Type, means: str, value: Callable[[date], Any]) -> Column:
    return derived(name, type_, means, lambda source: value(source.record["day"]))


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"


_CALENDAR_KEY = derived(
    "CalendarKey",
    "String",
    "The year and organisation; all its days are pushed together.",
    lambda source: f"{source.tenant_id}|{source.record['day'].year}",
)
_DAY_KEY = derived(
    "DayKey",
    "String",
    "The day, unique over organisations.",
    lambda source: f"{source.tenant_id}|{source.record['day'].isoformat()}",
)
_DATE = _of_day("Date", "DateTime", "The day.", _midnight)
_MONTH = _of_day(
    "Month", "String", "The month, such as 2026-11; sorts by itself.", lambda day: f"{day:%Y-%m}"
)

CALENDAR = Table(
    name="Calendar",
    means="The days of each organisation, with its own financial year: from the year before the start date to two years"
    " ahead.",
    resources=("Calendar",),
    version_key="CalendarKey",
    rows=_days,
    columns=(
        TENANT,
        _CALENDAR_KEY,
        _DAY_KEY,
        _DATE,
        _of_day("Year", "Int64", "The calendar year.", lambda day: day.year),
        _of_day(
            "Quarter",
            "String",
            "The calendar quarter, such as 2026 Q4.",
            lambda day: f"{day.year} Q{(day.month + 2) // 3}",
        ),
        _MONTH,
        _of_day(
            "MonthName",
            "String",
            "The month as one reads it, such as Nov 2026; sort it by Month.",
            lambda day: f"{MONTHS[day.month - 1]} {day.year}",
        ),
        _of_day("MonthNumber", "Int64", "The month of the calendar year, 1 to 12.", lambda day: day.month),
        _of_day("DayOfMonth", "Int64", "The day of the month.", lambda day: day.day),
        _of_day("Weekday", "String", "Monday to Sunday.", lambda day: WEEKDAYS[day.weekday()]),
        _of_day("WeekdayNumber", "Int64", "1 is Monday, 7 is Sunday.", lambda day: day.isoweekday()),
        _of_day(
            "MonthEnd",
            "DateTime",
            "The last day of its calendar month.",
            lambda day: _midnight(day.replace(day=_last(day))),
        ),
        derived(
            "FiscalYear",
            "Int64",
            "The organisation's financial year, named by the year in which it ends.",
            lambda source: source.record["year"],
        ),
        derived(
            "FiscalQuarter",
            "String",
            "The quarter of the financial year, such as FY2027 Q3.",
            lambda source: f"FY{source.record['year']} Q{(source.record['period'] + 2) // 3}",
        ),
        derived(
            "FiscalPeriod",
            "Int64",
            "The month of the financial year, 1 to 12.",
            lambda source: source.record["period"],
        ),
        derived(
            "FiscalYearStart",
            "DateTime",
            "The first day of its financial year.",
            lambda source: _midnight(source.record["start"]),
        ),
    ),
)

AS_AT = Table(
    name="AsAt",
    means="The same days, to choose as at which of them balances are shown. Nothing else is filtered by it.",
    resources=("Calendar",),
    version_key="CalendarKey",
    rows=_days,
    columns=(
        TENANT,
        _CALENDAR_KEY,
        _DAY_KEY,
        _DATE,
        _MONTH,
        _of_day(
            "IsMonthEnd",
            "Boolean",
            "Whether it is the last day of a calendar month.",
            lambda day: day.day == _last(day),
        ),
    ),
)


def _buckets(source: Source) -> list[Source]:
    """A source for each bucket: what is not overdue, the bounds' spans, and what is beyond the last. Raises BadRecord."""
    bounds = source.document.get("Days")
    numbers = bounds if isinstance(bounds, list) else []
    if (
        not 1 <= len(numbers) <= MOST_BUCKETS
        or not all(type(number) is int and 0 < number < FAR for number in numbers)
        or sorted(set(numbers)) != numbers
    ):
        raise BadRecord("Days is no list of rising whole numbers", field="Days")
    spans = [("Current", -FAR, 0)]
    spans += [
        (_span(low + 1, high), low + 1, high) for low, high in zip([0, *numbers], numbers, strict=False)
    ]
    spans.append((f"Over {numbers[-1]}", numbers[-1] + 1, FAR))
    return [
        replace(source, record={"basis": basis, "name": name, "from": low, "to": high}, number=number)
        for basis in BASES
        for number, (name, low, high) in enumerate(spans, 1)
    ]


def _span(low: int, high: int) -> str:
    # An en dash, as one writes a span.
    return str(low) if low == high else f"{low}–{high}"


AGING_BUCKETS = Table(
    name="AgingBuckets",
    means="By how many days a document is overdue, or old: the buckets of ageing reports, from the setting AGEING_DAYS, once for"
    " each date that documents may age by.",
    resources=("AgingBuckets",),
    version_key="BucketsKey",
    rows=_buckets,
    columns=(
        TENANT,
        derived(
            "BucketsKey",
            "String",
            "The organisation; all its buckets are pushed together.",
            lambda source: source.tenant_id,
        ),
        derived(
            "BucketKey",
            "String",
            "The bucket and basis, unique over organisations.",
            lambda source: f"{source.tenant_id}|{source.record['basis']}|{source.number}",
        ),
        derived(
            "Basis",
            "String",
            "What documents age by: Due date, or Invoice date. A slicer on it turns the aged measures; without one they age by"
            " due date.",
            lambda source: source.record["basis"],
        ),
        derived("Bucket", "String", "Its name, such as 31–60.", lambda source: source.record["name"]),
        derived("MinDays", "Int64", "From so many days overdue.", lambda source: source.record["from"]),
        derived("MaxDays", "Int64", "Up to so many days overdue.", lambda source: source.record["to"]),
        derived("Sort", "Int64", "The order in which they are shown, from 1.", lambda source: source.number),
    ),
)
