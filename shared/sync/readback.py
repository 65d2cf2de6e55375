"""What Power BI says that a table holds, where queries are permitted, and whether that is what was posted."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from shared.audit import Audit
from shared.errors import Refused, RetryLater
from shared.state.rebuilds import Rebuild, Tally
from shared.state.sink import Writer
from shared.sync.connector import Connector
from shared.sync.refill import money_of
from shared.tables.table import Table

# Power BI sums in its own fixed-point type, and may tell a large sum as a fraction of 53 bits.
NEXT_TO_NOTHING = Decimal("0.0001")
OF_A_SUM = Decimal("1e-14")


@dataclass(frozen=True)
class Held:
    """What is in a table. Counts are 0 where it has none; lowest and highest are of RowVersion."""

    rows: int
    keys: int
    versions: int
    organisations: int
    lowest: int
    highest: int
    total: Decimal


def held(
    connector: Connector, writer: Writer, audit: Audit, table: Table, *, patience: timedelta = timedelta()
) -> Held | None:
    """What Power BI has in a table; None where it cannot be asked.

    patience: raise what a later try may mend, Unavailable and LimitReached, only before so much of the compaction's phase
    is over.
    """
    name = "'" + table.name.replace("'", "''") + "'"
    money = money_of(table)
    asked = {
        "rows": f"COUNTROWS({name})",
        "keys": f"DISTINCTCOUNT({name}[{table.version_key}])",
        "versions": f"DISTINCTCOUNT({name}[RowVersion])",
        "organisations": f"DISTINCTCOUNT({name}[TenantID])",
        "lowest": f"MIN({name}[RowVersion])",
        "highest": f"MAX({name}[RowVersion])",
    } | ({"total": f"SUM({name}[{money}])"} if money else {})
    try:
        found = connector.powerbi().query(writer.state.powerbi_id, asked)
    except Refused as error:
        audit.add("query", "refused", resource=table.name, error=str(error))
        return None
    except RetryLater as error:
        rebuild = writer.state.rebuild
        if rebuild is not None and connector.clock.now() - rebuild.since < patience:
            raise
        audit.add("query", "refused", resource=table.name, error=str(error))
        return None
    if found is None:
        audit.add("query", "refused", resource=table.name, why="queries are not permitted")
        return None
    total = Decimal(str(found.pop("total", None) or 0))
    return Held(**{each: _whole(value) for each, value in found.items()}, total=total)


def _whole(value: Any) -> int:
    return int(value or 0)


def difference(found: Held, posted: Tally, rebuild: Rebuild) -> str:
    """How a table differs from what was posted to it; "" when it does not. What was sent twice may be there twice."""
    said = []
    if not posted.rows <= found.rows <= posted.rows + rebuild.doubled:
        more = f" or up to {rebuild.doubled} more" if rebuild.doubled else ""
        said.append(f"{found.rows} rows in place of {posted.rows}{more}")
    if found.keys != posted.keys:
        said.append(f"{found.keys} keys in place of {posted.keys}")
    if found.versions > posted.keys:
        said.append(f"{found.versions} versions of {posted.keys} keys")
    if posted.rows and (found.lowest, found.highest) != (posted.lowest, posted.highest):
        said.append(f"versions {found.lowest} to {found.highest}, not {posted.lowest} to {posted.highest}")
    total = Decimal(posted.total)
    exact = found.rows == posted.rows
    if exact and abs(found.total - total) > max(NEXT_TO_NOTHING, abs(total) * OF_A_SUM):
        said.append(f"a sum of {found.total} in place of {total}")
    return "; ".join(said)
