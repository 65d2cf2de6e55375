"""POST what changed to a dataset of Power BI, table by table; what it refuses is traced down to the record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from shared import tables
from shared.audit import Audit
from shared.errors import AskPerson, Refused
from shared.powerbi import rows as powerbi_rows
from shared.powerbi.rows import EncodedRow
from shared.state.sink import Writer
from shared.sync.compare import Change, put_aside
from shared.sync.connector import Connector
from shared.sync.targets import CALL_SECONDS, Target


class TableFull(AskPerson):
    """Tables have no room for what is to be pushed."""

    def __init__(self, text: str, tables: Sequence[str]) -> None:
        super().__init__(text)
        self.tables = tables


def check_room(connector: Connector, dataset: str, upper: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Above 5,000,000 rows Power BI answers 200 and drops them; stop well before, whatever landed of what was sent."""
    most = connector.settings.powerbi_rows_per_table
    full = [table for table in {**upper, **more} if upper.get(table, 0) + more.get(table, 0) > most]
    if full:
        raise TableFull(
            f"{', '.join(full)} of dataset {dataset} would hold more rows than POWERBI_ROWS_PER_TABLE ({most}) allows.",
            full,
        )


def posts(connector: Connector, rows: Iterable[EncodedRow]) -> Iterator[list[EncodedRow]]:
    """Rows cut into as few POSTs as the settings allow."""
    return powerbi_rows.chunks(
        rows,
        most_rows=connector.settings.powerbi_rows_per_post,
        most_bytes=connector.settings.powerbi_bytes_per_post,
    )


def post(
    connector: Connector, writer: Writer, target: Target, changes: Sequence[Change], audit: Audit
) -> None:
    """Send every change that was not refused before, to the tables that the dataset has."""
    for table in tables.TABLES:
        if not target.has(table):
            continue
        encoded = (
            powerbi_rows.encode(
                number,
                target.fitted(table, row | {"RowVersion": change.version, "IsDeleted": change.is_gone}),
            )
            for number, change in enumerate(changes)
            if not change.refused
            for row in change.rows.get(table, ())
        )
        for rows in posts(connector, encoded):
            _post_or_bisect(connector, writer, target, table, rows, changes, audit)


def _post_or_bisect(
    connector: Connector,
    writer: Writer,
    target: Target,
    table: str,
    rows: list[EncodedRow],
    changes: Sequence[Change],
    audit: Audit,
) -> None:
    """POST rows; when Power BI refuses them, find the record that it refuses and go on with the others."""
    writer.hold(CALL_SECONDS)
    try:
        request_id = connector.powerbi().post_rows(target.powerbi_id, table, [row.json for row in rows])
    except Refused as error:
        records = sorted({row.record for row in rows})
        if error.status not in (400, 413):
            raise
        if len(records) == 1:
            _refuse(connector, changes[records[0]], table, error, audit)
            return
        half = set(records[: len(records) // 2])
        for part in (half, set(records) - half):
            some = [row for row in rows if row.record in part]
            _post_or_bisect(connector, writer, target, table, some, changes, audit)
        return
    audit.add("post", "done", resource=table, count=len(rows), request_id=request_id)


def _refuse(connector: Connector, change: Change, table: str, error: Refused, audit: Audit) -> None:
    """Power BI does not take this record; rows of it that went before stay, and are superseded when it is mended."""
    change.refused = f"{table}: {error}"
    put_aside(
        connector,
        audit,
        change.organisation.tenant_id,
        change.resource,
        change.fetch.record_id,
        change.fetch.record or {},
        change.refused,
        change.fetch.batch,
    )
