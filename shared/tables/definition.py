"""What a Power BI dataset was made with, and what becomes of it when the code declares something else. No I/O.

Facts: Put Table takes new columns and measures, and may lose the table's rows; nothing can add a table; what becomes of rows
when a column goes or changes its type, nobody has written down (Learn "Push Datasets - Datasets PutTableInGroup").
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared.tables import TABLES, measures, schema
from shared.tables.table import Row


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """tables: each one's columns with their types, None where only its name is known. measures: a digest of each by name,
    None where they are not known.
    """

    tables: dict[str, dict[str, str] | None]
    measures: dict[str, str] | None = None

    def fitted(self, table: str, row: Row) -> Row:
        """What of a row the dataset has columns for, of the types that are declared now."""
        columns, wanted = self.tables[table], _declared_columns(table)
        if columns is None or wanted.items() <= columns.items():
            return row
        return {name: value for name, value in row.items() if columns.get(name) == wanted.get(name)}

    def with_table(self, name: str, of: "Definition") -> "Definition":
        """The same once a table was put as another definition has it, the measures with theirs."""
        own = of.measures if name == measures.TABLE else self.measures
        return Definition(tables={**self.tables, name: of.tables[name]}, measures=own)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a dataset differs from what is declared; columns by table.

    unknown: tables of which only the name is known. left: tables that nobody declares any more; they stay as they are.
    changed_measures: "new", "changed" or "removed" by name; empty where they are not known.
    """

    new_tables: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    new_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    removed_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    retyped_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed_measures: Mapping[str, str] = field(default_factory=dict)

    @property
    def side_by_side(self) -> bool:
        """Whether it takes a new dataset."""
        return bool(self.new_tables or self.removed_columns or self.retyped_columns)

    @property
    def nothing(self) -> bool:
        return not (self.side_by_side or self.unknown or self.new_columns or self.changed_measures)

    @property
    def to_put(self) -> tuple[str, ...]:
        """The tables that are changed in place, that of the measures last, since they refer to columns."""
        changed = {*self.unknown, *self.new_columns} | ({measures.TABLE} if self.changed_measures else set())
        return tuple(sorted(changed, key=lambda name: (name == measures.TABLE, name)))


def declared() -> Definition:
    """What the code declares now."""
    return definition_of(schema.dataset(""))


def definition_of(dataset: Mapping[str, Any]) -> Definition:
    """A dataset as Power BI's create call wants it, to be remembered."""
    return Definition(
        tables={
            table["name"]: {column["name"]: column["dataType"] for column in table["columns"]}
            for table in dataset["tables"]
        },
        measures={
            measure["name"]: hashlib.sha256(msgspec.json.encode(measure, order="sorted")).hexdigest()[:16]
            for table in dataset["tables"]
            for measure in table.get("measures", ())
        },
    )


def put_schema(name: str) -> dict[str, Any]:
    """A table in full, as Put Table wants it: what it leaves out would go."""
    return schema.measures_schema() if name == measures.TABLE else schema.table_schema(TABLES[name])


def plan(made: Definition, wanted: Definition) -> Plan:
    """What is to be done so that a dataset of the definition `made` gets to be as `wanted`."""
    new: dict[str, tuple[str, ...]] = {}
    removed: dict[str, tuple[str, ...]] = {}
    retyped: dict[str, tuple[str, ...]] = {}
    unknown = []
    for name, columns in wanted.tables.items():
        if name not in made.tables:
            continue
        before = made.tables[name]
        if before is None or columns is None:
            unknown.append(name)
            continue
        for into, found in (
            (new, [each for each in columns if each not in before]),
            (removed, [each for each in before if each not in columns]),
            (retyped, [each for each in columns if each in before and before[each] != columns[each]]),
        ):
            if found:
                into[name] = tuple(found)
    return Plan(
        new_tables=tuple(name for name in wanted.tables if name not in made.tables),
        left=tuple(name for name in made.tables if name not in wanted.tables),
        unknown=tuple(unknown),
        new_columns=new,
        removed_columns=removed,
        retyped_columns=retyped,
        changed_measures=_changed(made.measures, wanted.measures or {}),
    )


def _changed(made: Mapping[str, str] | None, wanted: Mapping[str, str]) -> dict[str, str]:
    if made is None:
        return {}
    names = [*wanted, *(name for name in made if name not in wanted)]
    return {
        name: "new" if name not in made else "changed" if name in wanted else "removed"
        for name in names
        if made.get(name) != wanted.get(name)
    }


def _declared_columns(table: str) -> dict[str, str]:
    columns = {column.name: str(column.type) for column in TABLES[table].columns}
    return columns | {name: type_ for name, type_, _ in schema.VERSION_COLUMNS}
