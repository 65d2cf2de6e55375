"""The definition of a dataset, checked as the service checks it when one is created or a table is PUT.

Raises `Refusal` (400, first shape) wherever the service would answer 400.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local.powerbi import measures
from local.powerbi.errors import Refusal, bad_request
from local.powerbi.switches import Limits, Switches
from local.powerbi.values import SPELLINGS

# Property -> JSON type and whether it is required (microsoft/PowerBI-CSharp, sdk/swaggers/swagger.json).
PROPERTIES: Mapping[str, Mapping[str, tuple[type, bool]]] = {
    "Dataset": {
        "name": (str, True),
        "tables": (list, True),
        "relationships": (list, False),
        "datasources": (list, False),
        "defaultMode": (str, False),
    },
    "Table": {
        "name": (str, True),
        "columns": (list, True),
        "measures": (list, False),
        "rows": (list, False),
        "isHidden": (bool, False),
        "description": (str, False),
        "source": (list, False),
    },
    "Column": {
        "name": (str, True),
        "dataType": (str, True),
        "formatString": (str, False),
        "sortByColumn": (str, False),
        "dataCategory": (str, False),
        "isHidden": (bool, False),
        "summarizeBy": (str, False),
    },
    "Measure": {
        "name": (str, True),
        "expression": (str, True),
        "formatString": (str, False),
        "description": (str, False),
        "isHidden": (bool, False),
    },
    "Relationship": {
        "name": (str, True),
        "fromTable": (str, True),
        "fromColumn": (str, True),
        "toTable": (str, True),
        "toColumn": (str, True),
        "crossFilteringBehavior": (str, False),
    },
}
_VALUES: Mapping[str, frozenset[str]] = {
    "defaultMode": frozenset({"AsAzure", "AsOnPrem", "Push", "Streaming", "PushStreaming"}),
    "crossFilteringBehavior": frozenset({"OneDirection", "BothDirections", "Automatic"}),
    "summarizeBy": frozenset({"default", "none", "sum", "min", "max", "count", "average", "distinctCount"}),
    "dataCategory": frozenset(
        {"Address", "City", "Continent", "Country", "Image", "ImageUrl", "Latitude", "Longitude"}
        | {"Organization", "Place", "PostalCode", "StateOrProvince", "WebUrl"}
    ),
}
_PUSH_MODES = frozenset({"Push", "PushStreaming"})
_JSON_NAMES = {str: "a string", list: "an array", bool: "a boolean"}
# The swagger's patterns: of tables and relationships, and of columns and measures.
_TABLE_NAME = re.compile(r"[\t\n\r #\-0-9@A-Z^_a-z~\u007F-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]{1,100}")
_COLUMN_NAME = re.compile(r"[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]+")


@dataclass(frozen=True)
class Column:
    """`kind`: one of the six canonical types."""

    name: str
    kind: str


@dataclass(frozen=True)
class TableSchema:
    """A table's columns, and its measures: name to expression."""

    name: str
    columns: tuple[Column, ...]
    measures: Mapping[str, str]


@dataclass(frozen=True)
class Relationship:
    """From the many side to the one side."""

    name: str
    from_table: str
    from_column: str
    to_table: str
    to_column: str


@dataclass(frozen=True)
class DatasetSchema:
    name: str
    push: bool
    tables: tuple[TableSchema, ...]
    relationships: tuple[Relationship, ...]


def read_dataset(body: object, limits: Limits, switches: Switches) -> DatasetSchema:
    """The definition in the body of Post Dataset."""
    target = "dataset"
    definition = _object(body, "Dataset", target)
    if not definition["name"]:
        raise bad_request("The dataset's name is empty.", target)
    entries, related = definition["tables"], definition.get("relationships", [])
    _count(entries, limits.tables, "tables", target, least=1)
    _count(related, limits.relationships, "relationships", target)
    tables = tuple(_table(entry, limits, switches, target) for entry in entries)
    _distinct((table.name for table in tables), "table", target)
    relationships = tuple(_relationship(entry, target) for entry in related)
    check_model(tables, relationships, switches, target)
    push = definition.get("defaultMode", "Push") in _PUSH_MODES
    return DatasetSchema(definition["name"], push, tables, relationships)


def read_table(body: object, name: str, limits: Limits, switches: Switches) -> TableSchema:
    """The definition in the body of Put Table, which must be of the table that the path names."""
    table = _table(body, limits, switches, "requestMessage")
    if table.name != name:
        raise bad_request(f"The body defines table '{table.name}', not '{name}'.")
    return table


def check_model(
    tables: Iterable[TableSchema],
    relationships: Iterable[Relationship],
    switches: Switches,
    target: str = "requestMessage",
) -> None:
    """What holds between tables: names of measures, references in them, and relationships."""
    tables, relationships = list(tables), list(relationships)
    columns = {table.name: [column.name for column in table.columns] for table in tables}
    all_measures = [name for table in tables for name in table.measures]
    _distinct(all_measures, "measure", target)
    names = measures.Names(columns, all_measures)
    for table in tables:
        _distinct(
            [*columns[table.name], *table.measures], f"column or measure of table '{table.name}'", target
        )
        for name, expression in table.measures.items():
            wrong = measures.fault(expression, names)
            if wrong:
                raise bad_request(f"The expression of measure '{name}' is not valid. {wrong}", target)
    _distinct((relationship.name for relationship in relationships), "relationship", target)
    for relationship in relationships:
        ends = (
            (relationship.from_table, relationship.from_column),
            (relationship.to_table, relationship.to_column),
        )
        for end_table, end_column in ends:
            if end_table not in columns:
                raise bad_request(f"Relationship '{relationship.name}': no table '{end_table}'.", target)
            if end_column not in columns[end_table] and switches.unknown_relationship_column == "refused":
                message = f"Relationship '{relationship.name}': no column '{end_column}' in '{end_table}'."
                raise bad_request(message, target)
    two_ways = _second_path(relationships)
    if two_ways:
        raise bad_request(f"There are ambiguous paths between '{two_ways[0]}' and '{two_ways[1]}'.", target)


def _second_path(relationships: Iterable[Relationship]) -> tuple[str, str] | None:
    """Two tables between which filters have two ways: all relationships are active, so no model may have them."""
    one_sides: dict[str, list[str]] = {}
    for relationship in relationships:
        one_sides.setdefault(relationship.from_table, []).append(relationship.to_table)
    for start in one_sides:
        reached, to_visit = {start}, [start]
        while to_visit:
            for table in one_sides.get(to_visit.pop(), ()):
                if table in reached:
                    return start, table
                reached.add(table)
                to_visit.append(table)
    return None


def _table(body: object, limits: Limits, switches: Switches, target: str) -> TableSchema:
    definition = _object(body, "Table", target)
    name = definition["name"]
    _named(name, _TABLE_NAME, "table", target)
    if name.lower() == "date" and switches.table_called_date == "refused":
        raise bad_request("A table of a push dataset cannot be called 'Date'.", target)
    if name.lower() == "measures" and switches.table_called_measures == "refused":
        raise bad_request("A table cannot be called 'Measures', which is a reserved word.", target)
    _count(definition["columns"], limits.columns, f"columns of table '{name}'", target, least=1)
    columns = [_object(entry, "Column", target) for entry in definition["columns"]]
    names = {column["name"] for column in columns}
    for column in columns:
        _named(column["name"], _COLUMN_NAME, "column", target)
        if column["dataType"] not in SPELLINGS:
            message = f"The data type '{column['dataType']}' of column '{column['name']}' is not supported."
            raise bad_request(message, target)
        if column.get("sortByColumn", column["name"]) not in names:
            message = f"Column '{column['name']}' is sorted by '{column['sortByColumn']}', which is not in the table."
            raise bad_request(message, target)
    measured = [_object(entry, "Measure", target) for entry in definition.get("measures", [])]
    for measure in measured:
        _named(measure["name"], _COLUMN_NAME, "measure", target)
    _distinct((measure["name"] for measure in measured), "measure", target)
    return TableSchema(
        name,
        tuple(Column(column["name"], SPELLINGS[column["dataType"]]) for column in columns),
        {measure["name"]: measure["expression"] for measure in measured},
    )


def _relationship(body: object, target: str) -> Relationship:
    definition = _object(body, "Relationship", target)
    _named(definition["name"], _TABLE_NAME, "relationship", target)
    return Relationship(
        definition["name"],
        definition["fromTable"],
        definition["fromColumn"],
        definition["toTable"],
        definition["toColumn"],
    )


def _object(body: object, kind: str, target: str) -> dict[str, Any]:
    """A JSON object with only known properties, all required ones, and values of the right types."""
    if not isinstance(body, dict):
        raise bad_request(f"A {kind} must be a JSON object.", target)
    properties = PROPERTIES[kind]
    for name, value in body.items():
        if name not in properties:
            raise _unknown(name, kind, target)
        expected = properties[name][0]
        if type(value) is not expected:
            raise bad_request(f"The property '{name}' of a {kind} must be {_JSON_NAMES[expected]}.", target)
        if name in _VALUES and value not in _VALUES[name]:
            raise bad_request(f"'{value}' is not a value of the property '{name}'.", target)
    for name, (_, required) in properties.items():
        if required and name not in body:
            raise bad_request(f"The property '{name}' of a {kind} is required.", target)
    return body


def _unknown(name: str, kind: str, target: str) -> Refusal:
    return bad_request(
        f"The property '{name}' does not exist on type 'Microsoft.PowerBI.ServiceContracts.Api.{kind}'. "
        "Make sure to only use property names that are defined by the type.",
        target,
    )


def _named(name: str, pattern: re.Pattern[str], what: str, target: str) -> None:
    if not pattern.fullmatch(name):
        raise bad_request(f"The {what} name '{name}' is not valid.", target)


def _count(entries: list[object], most: int, what: str, target: str, least: int = 0) -> None:
    if not least <= len(entries) <= most:
        raise bad_request(f"There must be from {least} to {most} {what}, not {len(entries)}.", target)


def _distinct(names: Iterable[str], what: str, target: str) -> None:
    """Names differ by more than case, as everywhere in a tabular model."""
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise bad_request(f"There is more than one {what} called '{name}'.", target)
        seen.add(name.lower())
