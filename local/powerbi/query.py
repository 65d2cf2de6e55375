"""executeQueries for the little DAX that a writer needs to read back what it wrote.

    EVALUATE ROW ( "name", AGGREGATE [, "name", AGGREGATE]... )
    AGGREGATE: COUNTROWS ( table ), or SUM, MIN, MAX, COUNT, DISTINCTCOUNT ( table[column] ),
        or COUNTROWS ( LATEST ), SUMX ( LATEST, table[column] ), for LATEST see local.powerbi.latest

Everything else is a DAX error here. An empty table gives BLANK, as in DAX, for COUNTROWS too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from local.powerbi.dataset import Row, Table
from local.powerbi.latest import Condition, LatestRows, Literal, latest, total
from local.powerbi.values import JsonValue, Stored, shown

MORE_THAN_ONE_TABLE = "More than one result table in a query"

_TOKEN = re.compile(
    r"""\s+ | --[^\n]* | //[^\n]* | /\*.*?\*/
      | (?P<text>"(?:[^"]|"")*") | (?P<quoted>'(?:[^']|'')+') | (?P<column>\[(?:[^\]]|\]\])+\])
      | (?P<word>[^\W\d]\w*) | (?P<number>\d+)
      | (?P<mark>&&|<>|>=|[(),=<]) | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_COLUMN_AGGREGATES = ("SUM", "MIN", "MAX", "COUNT", "DISTINCTCOUNT")


class DaxError(Exception):
    """A query that the service, or this subset of it, does not understand."""


@dataclass(frozen=True)
class Aggregate:
    """One column of the answer. `column` is None for COUNTROWS. of: the current rows, where only they are asked for."""

    name: str
    function: str
    table: str
    column: str | None
    of: LatestRows | None = None


def parse(query: str) -> tuple[list[Aggregate], bool]:
    """The aggregates of the first EVALUATE, and whether another EVALUATE follows. Raises: DaxError."""
    reader = _Reader(query)
    reader.word("EVALUATE")
    reader.word("ROW")
    reader.mark("(")
    aggregates = [reader.aggregate()]
    while reader.mark_if(","):
        aggregates.append(reader.aggregate())
    reader.mark(")")
    if reader.done():
        return aggregates, False
    reader.word("EVALUATE")
    return aggregates, True


def evaluate(
    aggregates: list[Aggregate], tables: Mapping[str, Table], countrows_of_nothing: JsonValue
) -> dict[str, JsonValue]:
    """The one row of the answer, with names in brackets as for all computed columns. Raises: DaxError."""
    by_name = {name.lower(): table for name, table in tables.items()}
    answer: dict[str, JsonValue] = {}
    for aggregate in aggregates:
        table = by_name.get(aggregate.table.lower())
        if table is None:
            raise DaxError(f"Cannot find table '{aggregate.table}'.")
        value: JsonValue
        if aggregate.of is not None:
            value = _over_latest(aggregate, aggregate.of, table, countrows_of_nothing)
        elif aggregate.column is None:
            value = len(table.rows) or countrows_of_nothing
        else:
            value = _aggregated(aggregate, table)
        answer[f"[{aggregate.name}]"] = value
    return answer


def _over_latest(
    aggregate: Aggregate, of: LatestRows, table: Table, countrows_of_nothing: JsonValue
) -> JsonValue:
    try:
        found = latest(of, table)
        return total(found, aggregate.column) if aggregate.column else (len(found) or countrows_of_nothing)
    except KeyError as error:
        raise DaxError(f"Column '{error.args[0]}' in table '{of.table}' cannot be found.") from error


def _aggregated(aggregate: Aggregate, table: Table) -> JsonValue:
    wanted = (aggregate.column or "").lower()
    for position, column in enumerate(table.schema.columns):
        if column.name.lower() == wanted:
            return _over(aggregate.function, column.kind, table.rows, position)
    raise DaxError(f"Column '{aggregate.column}' in table '{aggregate.table}' cannot be found.")


def _over(function: str, kind: str, rows: list[Row], position: int) -> JsonValue:
    values: list[Stored] = [row[position] for row in rows]
    if function == "DISTINCTCOUNT":
        return len(set(values)) or None  # BLANK is a value to DISTINCTCOUNT.
    if kind == "Boolean" or (function == "SUM" and kind in ("String", "DateTime")):
        raise DaxError(f"The function {function} cannot work with values of type {kind}.")
    present = [value for value in values if value is not None]
    if function == "COUNT":
        return len(present) or None
    if not present:
        return None
    if function == "SUM":
        total = sum(value for value in present if not isinstance(value, str))
        return Decimal(total).scaleb(-4) if kind == "Decimal" else total
    best = max if function == "MAX" else min
    return shown(kind, best(present))


class _Reader:
    """Tokens of a query, one after another."""

    def __init__(self, query: str) -> None:
        found = ((match.lastgroup, match.group()) for match in _TOKEN.finditer(query))
        self._tokens = [(kind, text) for kind, text in found if kind is not None]
        self._at = 0

    def done(self) -> bool:
        return self._at == len(self._tokens)

    def word(self, *wanted: str) -> str:
        text = self._take("word").upper()
        if text not in wanted:
            raise DaxError(f"The syntax for '{text}' is incorrect: {' or '.join(wanted)} was expected.")
        return text

    def mark(self, wanted: str) -> None:
        if not self.mark_if(wanted):
            raise DaxError(f"'{wanted}' was expected.")

    def mark_if(self, wanted: str) -> bool:
        if not self.done() and self._tokens[self._at] == ("mark", wanted):
            self._at += 1
            return True
        return False

    def aggregate(self) -> Aggregate:
        name = self._take("text")[1:-1].replace('""', '"')
        self.mark(",")
        function = self.word("COUNTROWS", "SUMX", *_COLUMN_AGGREGATES)
        self.mark("(")
        if function == "SUMX" or self._is_next("FILTER"):
            of = self._latest_rows()
            column = None
            if function == "SUMX":
                self.mark(",")
                _, column = self._column(of.table)
            self.mark(")")
            return Aggregate(name, function, of.table, column, of)
        table = self._table()
        column = None
        if function != "COUNTROWS":
            column = self._take("column")[1:-1].replace("]]", "]")
        self.mark(")")
        return Aggregate(name, function, table, column)

    def _latest_rows(self) -> LatestRows:
        self._opened("FILTER", "ADDCOLUMNS", "FILTER", "SUMMARIZE")
        table = self._table()
        columns: list[str] = []
        while self.mark_if(","):
            columns.append(self._column(table)[1])
        self.mark(")")
        self.mark(",")
        conditions = [self._condition(table)]
        while self.mark_if("&&"):
            conditions.append(self._condition(table))
        self.mark(")")
        self.mark(",")
        latest_name = self._take("text")[1:-1]
        self.mark(",")
        self._opened("CALCULATE", "MAX")
        _, version = self._column(table)
        self.mark(")")
        self.mark(",")
        self._opened("ALLEXCEPT")
        self._named(table)
        self.mark(",")
        _, key = self._column(table)
        for mark in (")", ")", ")", ","):
            self.mark(mark)
        self._column(table, version)
        self.mark("=")
        if self._take("column")[1:-1] != latest_name:
            raise DaxError(f"'[{latest_name}]' was expected.")
        self.mark(")")
        return LatestRows(table, tuple(columns), tuple(conditions), version, key)

    def _condition(self, table: str) -> Condition:
        _, column = self._column(table)
        operator = self._take("mark")
        if operator not in ("=", "<>", ">=", "<"):
            raise DaxError(f"The syntax for '{operator}' is incorrect.")
        return Condition(column, operator, self._literal())

    def _literal(self) -> Literal:
        kind = None if self.done() else self._tokens[self._at][0]
        if kind == "text":
            return self._take("text")[1:-1].replace('""', '"')
        if kind == "number":
            return int(self._take("number"))
        function = self.word("TRUE", "BLANK", "DATE")
        self.mark("(")
        parts: list[int] = []
        if function == "DATE":
            for number in range(3):
                if number:
                    self.mark(",")
                parts.append(int(self._take("number")))
        self.mark(")")
        if function == "DATE":
            return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001 - DateTime has no zone
        return True if function == "TRUE" else None

    def _opened(self, *functions: str) -> None:
        for function in functions:
            self.word(function)
            self.mark("(")

    def _is_next(self, word: str) -> bool:
        return not self.done() and self._tokens[self._at] == ("word", word)

    def _table(self) -> str:
        table = self._take("word", "quoted")
        return table[1:-1].replace("''", "'") if table.startswith("'") else table

    def _named(self, table: str) -> None:
        if self._table().lower() != table.lower():
            raise DaxError(f"Table '{table}' was expected.")

    def _column(self, table: str, name: str = "") -> tuple[str, str]:
        self._named(table)
        column = self._take("column")[1:-1].replace("]]", "]")
        if name and column != name:
            raise DaxError(f"Column '{name}' was expected.")
        return table, column

    def _take(self, *kinds: str) -> str:
        if self.done():
            raise DaxError("The query ends too early.")
        kind, text = self._tokens[self._at]
        if kind not in kinds:
            raise DaxError(f"The syntax for '{text}' is incorrect.")
        self._at += 1
        return text
