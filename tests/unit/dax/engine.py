"""Measures evaluated over rows as Power BI holds them, and what is refused beforehand.

The engine (pbix-mcp, plain Python) answers BLANK for a name that it does not know, so every name and function of an expression
is looked up first. It answers BLANK, too, for TREATAS and IN over a table made with SELECTCOLUMNS from one made with
ADDCOLUMNS; SUMMARIZE of the same is right, and means the same in Power BI.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

from pbix_mcp.dax.engine import evaluate_measures_batch  # type: ignore[import-untyped]

from tests.unit.dax.oracle import Choice

# What a push dataset's model allows (no USERELATIONSHIP), and what the engine was seen to evaluate rightly.
FUNCTIONS = frozenset(
    {"ADDCOLUMNS", "ALLEXCEPT", "BLANK", "CALCULATE", "CALCULATETABLE", "COALESCE", "COUNTROWS", "COUNTX"}
    | {"CURRENTGROUP", "DAY", "DIVIDE", "EOMONTH", "FILTER", "GROUPBY", "IF", "INT", "ISBLANK", "ISEMPTY"}
    | {"ISFILTERED", "KEEPFILTERS", "MAX", "MAXX", "MINX", "NATURALLEFTOUTERJOIN", "REMOVEFILTERS", "ROUND"}
    | {"ROW", "SELECTCOLUMNS", "SELECTEDVALUE", "SUMMARIZE", "SUMX", "TREATAS", "TRUE", "UNION", "VALUES"}
)
KEYWORDS = frozenset({"VAR", "RETURN", "IN", "NOT"})
PLACES = Decimal("0.0001")
# Else the engine takes a table with the columns Date and Month for a date table, and filters all others by it.
NO_DATE_TABLE = "(none)"

_TOKEN = re.compile(
    r'(?P<text>"[^"]*")|(?P<table>\w+)?\[(?P<name>[^\]]+)\]|(?P<variable>VAR\s+\w+)|(?P<call>\w+)\s*\(|(?P<word>[A-Za-z_]\w*)'
)

Filters = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Model:
    """Tables as Power BI holds them: the columns of each, and its rows."""

    columns: Mapping[str, Sequence[str]]
    rows: Mapping[str, Sequence[Sequence[Any]]]
    _given: dict[str, Any] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for name, rows in self.rows.items():
            given = [[float(value) if isinstance(value, Decimal) else value for value in row] for row in rows]
            self._given[name] = {"columns": list(self.columns[name]), "rows": given}

    def doubled(self, seed: int) -> "Model":
        """Every row there twice, in any order."""
        twice = {name: [*rows, *rows] for name, rows in self.rows.items()}
        for name, rows in twice.items():
            Random(f"{seed}/{name}").shuffle(rows)
        return Model(self.columns, twice)

    def of(self, tenant_id: str) -> "Model":
        """The rows of one organisation."""
        kept = {
            name: [row for row in rows if row[list(self.columns[name]).index("TenantID")] == tenant_id]
            if rows
            else []
            for name, rows in self.rows.items()
        }
        return Model(self.columns, kept)

    def without(self, table: str, keep: Callable[[int], bool]) -> "Model":
        """Rows of a table gone but those whose place is kept."""
        kept = [row for place, row in enumerate(self.rows[table]) if keep(place)]
        return Model(self.columns, {**self.rows, table: kept})

    def with_row(self, table: str, **values: Any) -> "Model":
        """One more row of a table, empty but for these."""
        row = [values.get(name) for name in self.columns[table]]
        return Model(self.columns, {**self.rows, table: [*self.rows[table], row]})

    def evaluate(self, measures: Mapping[str, str], names: Iterable[str], filters: Filters) -> dict[str, Any]:
        """Measures by name: a Decimal of four places, a text, or None for BLANK. Raises ValueError for a wrong expression."""
        for name, expression in measures.items():
            if wrong := faults(expression, self.columns, measures):
                raise ValueError(f"{name}: {', '.join(wrong)}")
        given = {key: list(values) for key, values in filters.items()}
        found = evaluate_measures_batch(
            list(names), self._given, dict(measures), given, date_table=NO_DATE_TABLE, relationships=[]
        )
        return {name: exact(value) for name, value in found.items()}


def exact(value: Any) -> Any:
    """The engine's float as the Decimal that it stands for: sums of values of four places have four."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(repr(float(value))).quantize(PLACES, ROUND_HALF_EVEN)
    return value


def faults(expression: str, columns: Mapping[str, Sequence[str]], measures: Iterable[str]) -> list[str]:
    """What an expression names that is not there: tables, columns, measures, functions. Case counts."""
    found, made, measures = [], set(), set(measures)
    for token in _TOKEN.finditer(expression):
        table, name, word = token["table"], token["name"], token["word"]
        if token["text"]:
            made.add(token["text"].strip('"'))
        elif token["variable"]:
            made.add(token["variable"].split()[1])
        elif token["call"]:
            if token["call"] not in FUNCTIONS | KEYWORDS:
                found.append(f"function {token['call']}")
        elif table and name not in columns.get(table, ()):
            found.append(f"column {table}[{name}]")
        elif name and not table and name not in measures and not (name.startswith("@") and name in made):
            found.append(f"measure [{name}]")
        elif word and word not in KEYWORDS and word not in columns and word not in made:
            found.append(f"table {word}")
    return found


def slicers(tenants: Sequence[str], choice: Choice) -> dict[str, list[Any]]:
    """What a report's slicers choose: organisations, and what else is chosen."""
    chosen: dict[str, list[Any]] = {"Organisations.TenantID": list(tenants)}
    if choice.month:
        chosen["Calendar.Month"] = [choice.month]
    if choice.as_at:
        chosen["AsAt.Date"] = [f"{choice.as_at.isoformat()}T00:00:00"]
    if choice.bucket:
        chosen["AgingBuckets.Bucket"] = [choice.bucket]
    if choice.by_invoice_date:
        chosen["AgingBuckets.Basis"] = ["Invoice date"]
    if choice.contact:
        chosen["Contacts.ContactID"] = [choice.contact]
    if choice.account:
        chosen["Accounts.AccountID"] = [choice.account]
    if choice.item:
        chosen["Items.Code"] = [choice.item]
    if choice.tracking:
        _, slot, option = choice.tracking
        chosen[f"Lines.Tracking{slot}Option"] = [option]
    return chosen
