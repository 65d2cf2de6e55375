"""POST what a compaction takes from the mirror, a piece at a time; what Power BI refuses is found and put aside."""

from shared.audit import Audit
from shared.errors import Refused
from shared.state.rebuilds import Tally
from shared.state.sink import Writer
from shared.sync.compare import put_aside
from shared.sync.connector import Connector
from shared.sync.posting import posts
from shared.sync.refill import Part
from shared.sync.targets import CALL_SECONDS
from shared.tables.table import Table


def post_piece(
    connector: Connector, writer: Writer, audit: Audit, table: Table, piece: list[Part], landed: list[int]
) -> int:
    """POST records; one that Power BI refuses, or that makes no rows any more, is put aside and its rows not counted.

    Answers how many rows of what was refused may be there all the same. landed: how many rows each POST had that was taken.
    """
    for part in piece:
        if part.trouble:
            _aside(connector, audit, part, part.trouble)
    piece = [part for part in piece if part.rows]
    rows = [row for part in piece for row in part.rows]
    if not rows:
        return 0
    doubled = 0
    try:
        for some in posts(connector, rows):
            writer.hold(CALL_SECONDS)
            request_id = connector.powerbi().post_rows(
                writer.state.powerbi_id, table.name, [row.json for row in some]
            )
            landed.append(len(some))
            audit.add("post", "done", resource=table.name, count=len(some), request_id=request_id)
    except Refused as error:
        if error.status not in (400, 413):
            raise
        doubled = len(rows)
        if len(piece) == 1:
            _aside(connector, audit, piece[0], f"{table.name}: {error}")
            piece[0].tally = Tally()
            return doubled
        middle = len(piece) // 2
        for half in (piece[:middle], piece[middle:]):
            doubled += post_piece(connector, writer, audit, table, half, landed)
    return doubled


def _aside(connector: Connector, audit: Audit, part: Part, why: str) -> None:
    tenant_id, resource, record_id = part.cursor
    put_aside(connector, audit, tenant_id, resource, record_id, part.record, why, "")
