"""The current rows of a table, as a query asks for them: of each key those of the highest version, that meet conditions.

FILTER ( ADDCOLUMNS ( FILTER ( SUMMARIZE ( T, T[column]... ), CONDITION [&& CONDITION]... ),
    "@Latest", CALCULATE ( MAX ( T[version] ), ALLEXCEPT ( T, T[key] ) ) ), T[version] = [@Latest] )
CONDITION: T[column] followed by =, <>, >= or <, and a text, a number, TRUE (), BLANK () or DATE ( y, m, d )
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from local.powerbi.dataset import Table
from local.powerbi.values import JsonValue, Stored, shown

type Literal = str | int | bool | datetime | None


@dataclass(frozen=True)
class Condition:
    column: str
    operator: str
    value: Literal


@dataclass(frozen=True)
class LatestRows:
    """columns: by which rows are told apart; equal ones are one."""

    table: str
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...]
    version: str
    key: str


def places(rows: LatestRows, table: Table) -> dict[str, int]:
    """Where the columns are in a row. Raises KeyError with the name of one that there is not."""
    there = {column.name.lower(): position for position, column in enumerate(table.schema.columns)}
    wanted = [*rows.columns, *(each.column for each in rows.conditions), rows.version, rows.key]
    return {name: there[name.lower()] for name in wanted}


def latest(rows: LatestRows, table: Table) -> list[dict[str, JsonValue]]:
    """The rows, each once. Raises KeyError."""
    at = places(rows, table)
    key, version = at[rows.key], at[rows.version]
    highest: dict[Stored, int] = {}
    for row in table.rows:
        highest[row[key]] = max(highest.get(row[key], 0), int(row[version] or 0))
    kinds = [column.kind for column in table.schema.columns]
    found: set[tuple[Stored, ...]] = set()
    for row in table.rows:
        if all(_holds(each, kinds[at[each.column]], row[at[each.column]]) for each in rows.conditions):
            found.add(tuple(row[at[name]] for name in rows.columns))
    number_of = {name: number for number, name in enumerate(rows.columns)}
    return [
        {name: shown(kinds[at[name]], row[number]) for name, number in number_of.items()}
        for row in found
        if row[number_of[rows.version]] == highest[row[number_of[rows.key]]]
    ]


def total(some: Sequence[dict[str, JsonValue]], column: str) -> JsonValue:
    """The sum of a column, BLANK of nothing. Raises KeyError."""
    values = [row[column] for row in some]
    present = [Decimal(str(value)) for value in values if value is not None]
    return sum(present, Decimal()) if present else None


def _holds(condition: Condition, kind: str, stored: Stored) -> bool:
    value, wanted = shown(kind, stored), condition.value
    if wanted is None:
        # BLANK equals nothing, an empty text, and 0; the last two are never asked for.
        return (value is None) == (condition.operator == "=")
    if isinstance(wanted, bool):
        return (bool(value) == wanted) == (condition.operator == "=")
    if isinstance(wanted, datetime):
        # To an order, BLANK is 0: the day before 1899-12-31.
        day = datetime.fromisoformat(str(value)) if value is not None else datetime(1899, 12, 30)  # noqa: DTZ001
        return {
            "=": day == wanted,
            "<>": day != wanted,
            ">=": day >= wanted,
            "<": day < wanted,
        }[condition.operator]
    # Texts are compared without their case.
    same = str(value).lower() == str(wanted).lower() if value is not None else False
    return same == (condition.operator == "=")
