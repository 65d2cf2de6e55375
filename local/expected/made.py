"""The rows of the tables that no list of Xero feeds: an organisation's days, its ageing buckets, how fresh its tables are.

Days are counted one by one, from the first of the financial year that was before all of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from local.expected.values import Record, Row

DAY = timedelta(days=1)
# Column, then what kind of value it holds; "?" where it may be empty.
STATUS_COLUMNS = {
    "TenantID": "text",
    "StatusKey": "text",
    "TableName": "text",
    "FreshAsOf": "time?",
    "Today": "time",
    "StartDate": "time",
    "IsRebuilding": "truth",
    "IsVerified": "truth?",
    "Quarantined": "count",
    "Parked": "text?",
    "Trouble": "text?",
    "UpdatedAtUTC": "time",
    "RowVersion": "count",
    "IsDeleted": "truth",
}


def _at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001  Power BI's DateTime has no zone.


def _closes(day: date, dom: int) -> bool:
    """Whether a month of the books ends on a day, when they end on `dom` or with a month that has no such day."""
    return day.day == dom or ((day + DAY).day == 1 and day.day < dom)


def _walk(organisation: Record, first: date, last: date) -> Iterator[tuple[date, int, int, date]]:
    """Each day with its financial year, the month of it and its first day, walked from an earlier year's end."""
    month = int(organisation.get("FinancialYearEndMonth") or 12)
    dom = int(organisation.get("FinancialYearEndDay") or 31)
    # Books that end with the last day of a month do so whatever the month's length.
    if (month, dom) in ((2, 28), (2, 29), (2, 30), (4, 30), (6, 30), (9, 30), (11, 30)):
        dom = 31
    day = date(first.year - 3, 1, 1)
    while not (day.month == month and _closes(day, dom)):
        day += DAY
    opened, period, ends = day + DAY, 0, day.year
    while day < last:
        if day.month == month and _closes(day, dom):
            opened, period, ends = day + DAY, 0, ends + 1
        if _closes(day, dom):
            period += 1
        day += DAY
        if day >= first:
            yield day, ends, period, opened


def calendar(organisation: Record, tenant: str, first: date, last: date) -> dict[str, dict[str, Row]]:
    """By key of the year and of the day: what Calendar shows of the days from `first` to `last`."""
    found: dict[str, dict[str, Row]] = {}
    for day, ends, period, opened in _walk(organisation, first, last):
        year_key, day_key = f"{tenant}|{day:%Y}", f"{tenant}|{day:%Y-%m-%d}"
        month_end = day
        while (month_end + DAY).month == day.month:
            month_end += DAY
        found.setdefault(year_key, {})[day_key] = {
            "TenantID": tenant,
            "CalendarKey": year_key,
            "DayKey": day_key,
            "Date": _at(day),
            "Year": day.year,
            "Quarter": f"{day.year} Q{'111222333444'[day.month - 1]}",
            "Month": str(day)[:7],
            "MonthName": f"{'JanFebMarAprMayJunJulAugSepOctNovDec'[day.month * 3 - 3 : day.month * 3]} {day.year}",
            "MonthNumber": day.month,
            "DayOfMonth": day.day,
            "Weekday": ("Sun", "Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur")[day.isoweekday() % 7]
            + "day",
            "WeekdayNumber": (day - date(1900, 1, 1)).days % 7 + 1,
            "MonthEnd": _at(month_end),
            "FiscalYear": ends,
            "FiscalQuarter": f"FY{ends} Q{'111222333444'[period - 1]}",
            "FiscalPeriod": period,
            "FiscalYearStart": _at(opened),
            "RowVersion": None,
            "IsDeleted": False,
        }
    return found


def years(
    organisation: Record, tenant: str, start: date | None, shown: Iterable[int]
) -> tuple[dict[str, dict[str, Row]], set[str]]:
    """Calendar of the years that must be there and of those that are shown; and the keys of those that need not be there.

    Everybody needs the year before the history, its first and two more; how much later it is there, only a clock tells.
    """
    needed = set(range(start.year - 1, start.year + 3)) if start else set()
    found: dict[str, dict[str, Row]] = {}
    for year in sorted(needed | {year for year in shown if 1990 <= year < 2100}):
        found |= calendar(organisation, tenant, date(year, 1, 1), date(year, 12, 31))
    return found, {key for key in found if int(key.rpartition("|")[2]) not in needed}


def as_at(days: Mapping[str, Mapping[str, Row]]) -> dict[str, dict[str, Row]]:
    """The same days, in the few columns of AsAt."""
    kept = ("TenantID", "CalendarKey", "DayKey", "Date", "Month", "RowVersion", "IsDeleted")
    return {
        year_key: {
            day_key: {name: row[name] for name in kept} | {"IsMonthEnd": row["Date"] == row["MonthEnd"]}
            for day_key, row in rows.items()
        }
        for year_key, rows in days.items()
    }


def buckets(tenant: str, bounds: Sequence[int]) -> dict[str, dict[str, Row]]:
    """What AgingBuckets shows: every number of days lies in one of them."""
    begins = [-99999, 1, *(bound + 1 for bound in bounds)]
    ends = [0, *bounds, 99999]
    names = ["Current", *(f"{a}–{b}" if a != b else f"{a}" for a, b in zip(begins[1:], bounds, strict=False))]
    names.append(f"Over {bounds[-1]}")
    rows: dict[str, Row] = {
        f"{tenant}|{basis}|{number}": {
            "TenantID": tenant,
            "BucketsKey": tenant,
            "BucketKey": f"{tenant}|{basis}|{number}",
            "Basis": basis,
            "Bucket": name,
            "MinDays": low,
            "MaxDays": high,
            "Sort": number,
            "RowVersion": None,
            "IsDeleted": False,
        }
        for basis in ("Due date", "Invoice date")
        for number, (name, low, high) in enumerate(zip(names, begins, ends, strict=True), 1)
    }
    return {tenant: rows}


def misshapen(row: Row) -> list[str]:
    """The columns of a row of SyncStatus that hold what they never may."""
    return [name for name, kind in STATUS_COLUMNS.items() if not _fits(row.get(name), kind)]


def _fits(value: object, kind: str) -> bool:
    if value is None:
        return kind.endswith("?")
    match kind.removesuffix("?"):
        case "text":
            return isinstance(value, str) and value != ""
        case "time":
            return isinstance(value, str) and len(value) == len("2026-11-23T09:00:00") and value[10] == "T"
        case "truth":
            return isinstance(value, bool)
        case _:
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
