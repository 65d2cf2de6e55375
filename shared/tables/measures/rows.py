"""The current rows of a table, once each: what every measure is built from.

Of each key's rows those of its highest RowVersion are current, whatever a slicer hides; and of equal rows one counts, however
often it was sent.
"""

from collections.abc import Mapping, Sequence

from shared.tables import TABLES
from shared.tables.measures.measure import NOT_TRUE

# What tells the rows of one version apart, where a record has several.
ROW_KEYS = {
    "Lines": "LineKey",
    "OpenItems": "EntryKey",
    "CashMovements": "MovementKey",
    "TrialBalance": "LineKey",
    "ProfitAndLoss": "LineKey",
    "Calendar": "DayKey",
    "AgingBuckets": "BucketKey",
}


def current(
    table: str,
    where: Mapping[str, str],
    columns: Sequence[str],
    only: Sequence[str] = (),
    *,
    everywhere: bool = False,
    when: str = "",
) -> str:
    """The current rows of a table that meet the conditions, with their columns and these.

    where: what stands behind each column, such as = 1. only: filters beside those of the report. everywhere: whether the
    report's own filters of the table are left aside. when: a variable without which there are none. ALLEXCEPT keeps a
    superseded row from becoming the latest because a slicer hides the newer ones; only rows that meet the conditions are
    asked whether they are.
    """
    key, version = f"{table}[{TABLES[table].version_key}]", f"{table}[RowVersion]"
    its_own = [ROW_KEYS[table]] if table in ROW_KEYS else []
    names = dict.fromkeys(("IsDeleted", *its_own, *where, *columns))
    rows = f"SUMMARIZE ( {', '.join([table, key, version, *(f'{table}[{name}]' for name in names)])} )"
    filters = [*only, *([f"FILTER ( VALUES ( {table}[TenantID] ), {when} )"] if when else [])]
    if filters:
        rows = f"CALCULATETABLE ( {', '.join([rows, *filters])} )"
    conditions = {"IsDeleted": NOT_TRUE, **where}
    chosen = " && ".join(f"{table}[{name}] {condition}" for name, condition in conditions.items())
    latest = f"CALCULATE ( MAX ( {version} ), ALLEXCEPT ( {table}, {key} ) )"
    rows = (
        f'FILTER ( ADDCOLUMNS ( FILTER ( {rows}, {chosen} ), "@Latest", {latest} ), {version} = [@Latest] )'
    )
    return f"CALCULATETABLE ( {rows}, REMOVEFILTERS ( {table} ) )" if everywhere else rows


def values(table: str, columns: Sequence[str], rows: str) -> str:
    """The values of these columns in rows of a table."""
    return f"SUMMARIZE ( {rows}, {', '.join(f'{table}[{name}]' for name in columns)} )"
