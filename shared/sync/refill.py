"""A table's rows as the mirror has them, in pieces that fill a POST, from any point on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.errors import BadRecord
from shared.powerbi import rows as powerbi_rows
from shared.powerbi.rows import AROUND, EncodedRow
from shared.state import mirror
from shared.state.connections import Organisation
from shared.state.mirror import Known
from shared.state.rebuilds import Tally
from shared.sync.compare import shape
from shared.sync.connector import Connector
from shared.sync.lists import is_needed, read
from shared.sync.targets import Target
from shared.tables.lists import NO_LISTS
from shared.tables.table import Row, Table

Cursor = tuple[str, str, str]


@dataclass
class Part:
    """A record's rows of the table, and what they add to the tally. trouble: why it cannot be shaped any more."""

    cursor: Cursor
    rows: list[EncodedRow]
    tally: Tally
    record: dict[str, Any]
    trouble: str = ""

    @property
    def size(self) -> int:
        return sum(len(row.json) + 1 for row in self.rows)


def count(connector: Connector, table: Table, organisations: Sequence[Organisation]) -> dict[str, int]:
    """How many records of each organisation feed a table."""
    return {
        each.tenant_id: sum(
            mirror.count(connector.store, each.tenant_id, resource) for resource in table.resources
        )
        for each in organisations
    }


def pieces(
    connector: Connector,
    table: Table,
    organisations: Sequence[Organisation],
    after: Cursor,
    target: Target,
) -> Iterator[list[Part]]:
    """Records behind `after`, as many together as fill a POST; one alone may need several."""
    most_rows, most_bytes = (
        connector.settings.powerbi_rows_per_post,
        connector.settings.powerbi_bytes_per_post - AROUND,
    )
    some: list[Part] = []
    rows = size = 0
    for part in _parts(connector, table, organisations, after, target):
        if some and (rows + len(part.rows) > most_rows or size + part.size > most_bytes):
            yield some
            some, rows, size = [], 0, 0
        some.append(part)
        rows += len(part.rows)
        size += part.size
    if some:
        yield some


def _parts(
    connector: Connector,
    table: Table,
    organisations: Sequence[Organisation],
    after: Cursor,
    target: Target,
) -> Iterator[Part]:
    for organisation in sorted(organisations, key=lambda each: each.tenant_id):
        for resource in sorted(table.resources):
            where = (organisation.tenant_id, resource)
            if where < after[:2]:
                continue
            behind = after[2] if where == after[:2] else ""
            lists = read(connector, organisation) if is_needed(resource) else NO_LISTS
            for known, record in mirror.everything(connector.store, *where, after=behind):
                cursor = (*where, known.record_id)
                try:
                    shaped = shape(organisation, resource, record, lists)[table.name]
                except BadRecord as error:
                    yield Part(cursor, [], Tally(), record, str(error))
                    continue
                yield _part(cursor, table, known, record, shaped, target)


def _part(
    cursor: Cursor, table: Table, known: Known, record: dict[str, Any], shaped: list[Row], target: Target
) -> Part:
    stamp = {"RowVersion": known.version, "IsDeleted": known.deleted}
    money = money_of(table)
    tally = Tally(
        rows=len(shaped),
        keys=len({row[table.version_key] for row in shaped}),
        lowest=known.version,
        highest=known.version,
        total=str(sum((Decimal(str(row[money] or 0)) for row in shaped), Decimal()) if money else 0),
    )
    rows = [powerbi_rows.encode(0, target.fitted(table.name, row | stamp)) for row in shaped]
    return Part(cursor, rows, tally, record)


def money_of(table: Table) -> str:
    """The column whose sum is verified; "" when the table has no money."""
    return next((column.name for column in table.columns if column.type == "Decimal"), "")


def added(one: Tally, other: Tally) -> Tally:
    """Both together."""
    if not other.rows:
        return one
    return Tally(
        rows=one.rows + other.rows,
        keys=one.keys + other.keys,
        lowest=min(one.lowest, other.lowest) if one.rows else other.lowest,
        highest=max(one.highest, other.highest),
        total=str(Decimal(one.total) + Decimal(other.total)),
    )
