"""The dataset as Power BI's create call wants it (Learn "Push Datasets - Datasets PostDatasetInGroup")."""

from typing import Any

from shared.tables import TABLES, measures
from shared.tables.table import Column, Table

VERSION_COLUMNS = (
    ("RowVersion", "Int64", "Which push the row came with: the highest of a key is the current one."),
    ("IsDeleted", "Boolean", "Whether the record is gone from Xero for good."),
)


def dataset(name: str) -> dict[str, Any]:
    """The whole dataset. Retention is told beside it, in the query."""
    tables = [table_schema(table) for table in TABLES.values()]
    return {"name": name, "defaultMode": "Push", "tables": [*tables, measures_schema()]}


def measures_schema() -> dict[str, Any]:
    """The table of the measures. Its one column is hidden, and nobody fills it."""
    return {
        "name": measures.TABLE,
        "columns": [{"name": measures.COLUMN, "dataType": "String", "isHidden": True}],
        "measures": [_measure(measure) for measure in measures.MEASURES.values()],
    }


def _measure(measure: measures.Measure) -> dict[str, Any]:
    told = {"name": measure.name, "expression": measure.expression, "description": measure.means}
    return told | ({"formatString": measure.format} if measure.format else {})


def table_schema(table: Table) -> dict[str, Any]:
    """A table with all its columns. Numbers are not summed by themselves: measures do that, over current rows only."""
    columns = [_column(column.name, column.type) for column in table.columns]
    columns += [_column(name, type_) for name, type_, _ in VERSION_COLUMNS]
    return {"name": table.name, "columns": columns}


def column_names(table: Table) -> list[str]:
    return [column.name for column in table.columns] + [name for name, _, _ in VERSION_COLUMNS]


def described(table: Table) -> list[Column]:
    """Every column that is pushed, with its meaning, for the data dictionary."""
    added = [Column(name, type_, means, lambda _: None) for name, type_, means in VERSION_COLUMNS]  # type: ignore[arg-type]
    return [*table.columns, *added]


def _column(name: str, type_: str) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "dataType": type_}
    if type_ in ("Int64", "Double", "Decimal"):
        column["summarizeBy"] = "none"
    return column
