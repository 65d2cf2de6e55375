"""Compaction: a table's rows are deleted and its current ones posted again, so that plain columns are exact and it is small.

    staged     the report's status says that the table is being rebuilt, so that measures show nothing rather than a part
    deleting   a DELETE is sent, or may have been
    empty      it was answered; Power BI says that there is no row left, or the settle time is over
    posting    every record of the mirror, piece by piece, under the RowVersion that it has; the cursor moves with each POST
    verifying  counts, versions and a sum are what was posted, or Power BI may not be asked
    clean      the status says so

Each step is a conditional write of the one writer. Whoever takes the lease next finishes what is unfinished before
anything else is pushed. A DELETE under way could take rows that were posted after it, and a POST under way bring back
superseded ones: so nothing is deleted within the settle time of a POST whose answer was lost, and nothing posted within
that of such a DELETE, unless the count of rows tells that it has happened.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.audit import Audit
from shared.errors import AskPerson, ConnectorError, GiveUp, OutcomeUnknown, Refused, RetryLater
from shared.powerbi.client import DEADLINE_SECONDS
from shared.state import connections, definitions, quarantine, sink
from shared.state.messages import Request
from shared.state.sink import Rebuild, Tally, Writer
from shared.sync import refill, status, superseded, targets
from shared.sync.compare import put_aside
from shared.sync.connector import Connector
from shared.sync.readback import Held, difference, held
from shared.sync.refill import Part
from shared.tables import TABLES
from shared.tables.definition import declared, put_schema
from shared.tables.table import Table

logger = logging.getLogger(__name__)

STATUS = "SyncStatus"
# A call may be sent twice, when Power BI refuses the first token.
CALL_SECONDS = 2 * DEADLINE_SECONDS + 5
# Power BI shows rows a moment after it has answered; the mark must be seen before the rows are gone.
MARK_SECONDS = 5
LOOK_AGAIN_SECONDS = 10
# So often a DELETE may leave rows behind before somebody is told.
DELETES_UNTOLD = 3


def compact(connector: Connector, audit: Audit, request: Request, until: datetime) -> bool:
    """Compact the table that was asked for, or whichever is due; answers whether something is left when the time is up.

    What is pending lands afterwards, with newer versions. Raises AskPerson for a table that there is not, and RetryLater.
    """
    if request.table and request.table not in TABLES:
        raise AskPerson(f"There is no table {request.table!r}; there are {', '.join(TABLES)}.")
    settings = connector.settings
    with Writer.take(connector.store, connector.clock, request.dataset) as writer:
        if not writer.state.powerbi_id:
            raise AskPerson(f"Dataset {request.dataset} is not in Power BI yet.")
        while connector.clock.now() < until:
            if writer.state.rebuild is not None:
                if not finish(connector, writer, audit, until):
                    return True
                continue
            if writer.state.in_flight:
                raise RetryLater("Batches are in flight; they are pushed first.", seconds=60)
            if not request.table:
                found = superseded.due(writer.state, settings, connector.clock.now())
            elif _is_done(writer, request):
                found = []
            else:
                found = [(request.table, request.reason)]
                _wait(superseded.settles_in(writer.state, settings, connector.clock.now()))
            if not found:
                return False
            table, reason = found[0]
            begin(connector, writer, audit, TABLES[table], reason, asked=bool(request.table))
            if writer.state.rebuild is None and request.table:
                return False
    return True


def _is_done(writer: Writer, request: Request) -> bool:
    at = writer.state.table(request.table).compacted_at
    return at is not None and at >= request.first_enqueued_at


def begin(
    connector: Connector,
    writer: Writer,
    audit: Audit,
    table: Table,
    reason: str,
    *,
    asked: bool = False,
    define: bool = False,
) -> None:
    """Stage a table, unless rows would be lost or there is no room: then it is parked, and somebody told.

    asked: somebody named the table. define: it is defined anew as well.
    """
    name = table.name
    ours, moved = connections.of_dataset(connector.store, writer.state.dataset)
    records = refill.count(connector, table, ours)
    writer.hold(CALL_SECONDS)
    found = held(connector, writer, audit, table, patience=timedelta(0))
    why = _refusal(connector, writer, table, records, found) or (
        # Whoever asks for a table by name has read what becomes of such rows.
        "" if asked else _of_others(moved, records, found)
    )
    if why:
        _park(connector, writer, audit, name, why)
        return
    rebuild = Rebuild(
        table=name,
        phase="staged",
        reason=reason,
        operation=audit.operation,
        since=connector.clock.now(),
        had_rows=found is not None and found.rows > 0,
        define=define,
    )
    writer.move(rebuild)
    _tell(audit, rebuild, rows=writer.state.rows_upper.get(name, 0))


def _refusal(
    connector: Connector, writer: Writer, table: Table, records: dict[str, int], found: Held | None
) -> str:
    """Why a table must not be deleted; "" when it may."""
    for tenant_id, before in sink.proven(connector.store, writer.state.dataset, table.name).items():
        if records.get(tenant_id, before) < before:
            return (
                f"the mirror has {records[tenant_id]} records of organisation {tenant_id}, and had {before} when the "
                "table was last compacted: what it lacks would be lost"
            )
    if found is not None and found.organisations <= sum(count > 0 for count in records.values()):
        aside = sum(
            len(quarantine.listed(connector.store, tenant_id, resource))
            for tenant_id in records
            for resource in table.resources
        )
        if found.keys > sum(records.values()) + aside:
            return f"Power BI has {found.keys} keys and the mirror {sum(records.values())} records: what it lacks would be lost"
    current, limit = writer.state.table(table.name).current, connector.settings.powerbi_rows_per_table
    if current > superseded.LARGE * limit:
        return f"{current} current rows leave no room to spare below POWERBI_ROWS_PER_TABLE ({limit})"
    return ""


def _of_others(moved: Sequence[connections.Organisation], records: dict[str, int], found: Held | None) -> str:
    """Whose rows would go with the table and not come back; "" when nobody's would."""
    if found is not None and found.organisations <= sum(count > 0 for count in records.values()):
        return ""
    if moved:
        names = ", ".join(each.name for each in moved)
        return f"rows of {names}, now of another dataset, would go"
    return "rows of an organisation that is not known any more would go" if found is not None else ""


def _park(connector: Connector, writer: Writer, audit: Audit, table: str, why: str, **known: Any) -> None:
    """No compaction of this table until somebody asks for it by name, and somebody is told."""
    dataset = writer.state.dataset
    logger.error("Table %s of dataset %s is not compacted any more: %s", table, dataset, why)
    audit.add("compact", "parked", resource=table, why=f"dataset {dataset}", error=why)
    rebuild = writer.state.rebuild
    writer.conclude(table, replace(rebuild, phase="clean") if rebuild else None, parked=why, **known)
    if rebuild is None:
        _show(connector, writer, audit)


def finish(connector: Connector, writer: Writer, audit: Audit, until: datetime) -> bool:
    """Go on with the compaction that is under way; answers whether it is finished.

    Raises RetryLater when something must settle, or Power BI asks for patience; the next writer goes on from there.
    """
    while (rebuild := writer.state.rebuild) is not None:
        if connector.clock.now() >= until:
            return False
        audit.flush()
        table = TABLES.get(rebuild.table)
        if table is None:
            # Declared no more: nobody fills it.
            writer.conclude(rebuild.table, None)
            continue
        match rebuild.phase:
            case "staged":
                _mark(connector, writer, audit, rebuild)
            case "deleting":
                _delete(connector, writer, audit, table, rebuild)
            case "empty":
                _see_empty(connector, writer, audit, table, rebuild)
            case "posting":
                if not _post(connector, writer, audit, table, rebuild, until):
                    return False
            case "verifying":
                _verify(connector, writer, audit, table, rebuild)
            case "clean":
                _show(connector, writer, audit)
                writer.conclude(rebuild.table, None)
    return True


def _mark(connector: Connector, writer: Writer, audit: Audit, rebuild: Rebuild) -> None:
    """Nothing is deleted yet: whatever only a person can mend ends the compaction, so that pushes go on."""
    # The status cannot be marked in its own table; no measure of money reads it.
    if rebuild.table != STATUS:
        try:
            status.post_status(connector, writer, audit, rebuilding=rebuild.table)
        except (AskPerson, GiveUp) as error:
            _park(connector, writer, audit, rebuild.table, f"it cannot be marked as being rebuilt: {error}")
            return
        connector.clock.sleep(MARK_SECONDS)
    _go(connector, writer, audit, replace(rebuild, phase="deleting"))


def _delete(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    if rebuild.define:
        _define(connector, writer, audit, table, rebuild)
        return
    if rebuild.deletes:
        # The answer to a DELETE was lost.
        found = _held(connector, writer, audit, table)
        if _shows_that_it_landed(found, rebuild):
            _go(connector, writer, audit, replace(rebuild, phase="empty"))
            return
    else:
        _wait(superseded.settles_in(writer.state, connector.settings, connector.clock.now()))
    rebuild = replace(rebuild, deletes=rebuild.deletes + 1, deleted_at=connector.clock.now())
    writer.move(rebuild)
    writer.hold(CALL_SECONDS)
    try:
        connector.powerbi().delete_rows(writer.state.powerbi_id, table.name)
    except (AskPerson, GiveUp) as error:
        if rebuild.deletes == 1:
            # Refused for certain: every row is there still.
            _park(connector, writer, audit, table.name, f"its rows cannot be deleted: {error}")
            return
        raise
    audit.add("delete", "done", resource=table.name, count=writer.state.rows_upper.get(table.name, 0))
    _go(connector, writer, audit, replace(rebuild, phase="empty"))


def _define(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    """Define the table anew. That may take its rows as a DELETE does, so it counts as one until it is known that it did not."""
    if not rebuild.deletes:
        _wait(superseded.settles_in(writer.state, connector.settings, connector.clock.now()))
    rebuild = replace(rebuild, deletes=rebuild.deletes + 1, deleted_at=connector.clock.now())
    writer.move(rebuild)
    try:
        define(connector, writer, audit, table.name)
    except (AskPerson, GiveUp) as error:
        if rebuild.deletes == 1:
            _park(connector, writer, audit, table.name, f"its definition cannot be changed: {error}")
            return
        raise
    found = _held(connector, writer, audit, table)
    if _shows_that_it_landed(found, rebuild):
        _go(connector, writer, audit, replace(rebuild, phase="empty", define=False))
        return
    # Of several, one could still be under way.
    deletes = 0 if rebuild.deletes == 1 else rebuild.deletes
    had_rows = found is not None and found.rows > 0
    writer.move(replace(rebuild, define=False, deletes=deletes, had_rows=had_rows))


def define(connector: Connector, writer: Writer, audit: Audit, table: str) -> None:
    """Put a table's definition as it is declared now, and remember that. Its rows may be gone afterwards."""
    target, dataset = targets.present(connector, writer), writer.state.dataset
    writer.hold(CALL_SECONDS)
    connector.powerbi().put_table(target.powerbi_id, put_schema(table))
    changed = target.definition.with_table(table, declared())
    definitions.save(connector.store, dataset, target.powerbi_id, changed)
    audit.add("upgrade", "defined", resource=table, why=f"dataset {dataset}")


def _shows_that_it_landed(found: Held | None, rebuild: Rebuild) -> bool:
    """Whether no DELETE can be under way any more: there were rows, one DELETE was sent, and there are none."""
    return found is not None and not found.rows and rebuild.had_rows and rebuild.deletes == 1


def _see_empty(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    found = _held(connector, writer, audit, table)
    if not _shows_that_it_landed(found, rebuild):
        since = rebuild.deleted_at or rebuild.since
        left = connector.settings.settle_seconds - (connector.clock.now() - since).total_seconds()
        # One DELETE may show itself sooner; of several, a late one could still be under way.
        can_show = found is not None and rebuild.had_rows and rebuild.deletes == 1
        _wait(min(left, LOOK_AGAIN_SECONDS) if can_show else left, left)
        if found is not None and found.rows:
            if rebuild.deletes >= DELETES_UNTOLD:
                logger.error("Table %s keeps rows after %d DELETEs.", table.name, rebuild.deletes)
            audit.add("delete", "lost", resource=table.name, count=found.rows)
            _go(connector, writer, audit, replace(rebuild, phase="deleting"))
            return
    begun = replace(
        rebuild, phase="posting", since=connector.clock.now(), cursor=("", "", ""), posted=Tally(), doubled=0
    )
    writer.move(begun, emptied=True)
    _tell(audit, begun)


def _post(
    connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild, until: datetime
) -> bool:
    """Post what is behind the cursor; answers whether that was all."""
    if rebuild.sending:
        # Whoever was here before did not tell what became of it.
        rebuild = replace(rebuild, doubled=rebuild.doubled + rebuild.sending, sending=0)
        writer.move(rebuild, doubt=True)
    ours, _ = connections.of_dataset(connector.store, writer.state.dataset)
    target = targets.present(connector, writer)
    for piece in refill.pieces(connector, table, ours, rebuild.cursor, target):
        if connector.clock.now() >= until:
            # What is posted already is known to be.
            writer.move(rebuild)
            return False
        rows = sum(len(part.rows) for part in piece)
        _check_room(connector, writer, table, rows)
        writer.move(replace(rebuild, sending=rows), sending=rows)
        landed: list[int] = []
        try:
            doubled = _post_or_bisect(connector, writer, audit, table, piece, landed)
        except OutcomeUnknown:
            raise
        except ConnectorError:
            # Not taken, for certain, but for what went before.
            rebuild = replace(rebuild, doubled=rebuild.doubled + sum(landed))
            writer.move(rebuild, sending=sum(landed) - rows)
            raise
        posted = rebuild.posted
        for part in piece:
            posted = refill.added(posted, part.tally)
        rebuild = replace(rebuild, cursor=piece[-1].cursor, posted=posted, doubled=rebuild.doubled + doubled)
    _go(connector, writer, audit, replace(rebuild, phase="verifying"))
    return True


def _check_room(connector: Connector, writer: Writer, table: Table, rows: int) -> None:
    limit = connector.settings.powerbi_rows_per_table
    if writer.state.rows_upper.get(table.name, 0) + rows > limit:
        raise AskPerson(
            f"{table.name} of dataset {writer.state.dataset} would hold more rows than POWERBI_ROWS_PER_TABLE ({limit}) "
            "allows, with those that may have been sent twice."
        )


def _post_or_bisect(
    connector: Connector, writer: Writer, audit: Audit, table: Table, piece: list[Part], landed: list[int]
) -> int:
    """POST records; one that Power BI refuses, or that makes no rows any more, is put aside and its rows not counted.

    Answers how many rows of what was refused may be there all the same. landed: how many rows each POST had that was taken.
    """
    for part in piece:
        if part.trouble:
            _put_aside(connector, audit, part, part.trouble)
    piece = [part for part in piece if part.rows]
    rows = [row for part in piece for row in part.rows]
    if not rows:
        return 0
    doubled = 0
    try:
        for some in refill.posts(connector, rows):
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
            _put_aside(connector, audit, piece[0], f"{table.name}: {error}")
            piece[0].tally = Tally()
            return doubled
        middle = len(piece) // 2
        for half in (piece[:middle], piece[middle:]):
            doubled += _post_or_bisect(connector, writer, audit, table, half, landed)
    return doubled


def _put_aside(connector: Connector, audit: Audit, part: Part, why: str) -> None:
    tenant_id, resource, record_id = part.cursor
    put_aside(connector, audit, tenant_id, resource, record_id, part.record, why, "")


def _verify(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    found = _held(connector, writer, audit, table)
    said = difference(found, rebuild.posted, rebuild) if found is not None else ""
    if said:
        settled = connector.settings.settle_seconds - (connector.clock.now() - rebuild.since).total_seconds()
        _wait(min(settled, 3 * LOOK_AGAIN_SECONDS), settled)
        _tell_wrong(connector, writer, audit, table, rebuild, said, emptied=found is None or not found.rows)
        return
    ours, _ = connections.of_dataset(connector.store, writer.state.dataset)
    sink.prove(connector.store, writer.state.dataset, table.name, refill.count(connector, table, ours))
    clean = replace(rebuild, phase="clean", since=connector.clock.now())
    writer.conclude(
        table.name,
        clean,
        rows=found.rows if found is not None else None,
        current=rebuild.posted.rows,
        compacted_at=connector.clock.now(),
        verified=True if found is not None else None,
        parked="",
    )
    _tell(audit, clean, more="" if found is not None else "; unverified")


def _tell_wrong(
    connector: Connector,
    writer: Writer,
    audit: Audit,
    table: Table,
    rebuild: Rebuild,
    said: str,
    *,
    emptied: bool,
) -> None:
    """Once more from the beginning; when that is wrong, too, it is a person's."""
    logger.error("Table %s of dataset %s is not what was posted: %s", table.name, writer.state.dataset, said)
    audit.add("compact", "wrong", resource=table.name, why=f"dataset {writer.state.dataset}", error=said)
    if rebuild.failures:
        _park(
            connector,
            writer,
            audit,
            table.name,
            f"Power BI has not what was posted: {said}",
            current=rebuild.posted.rows,
            compacted_at=connector.clock.now(),
            verified=False,
        )
        return
    again = Rebuild(
        table=rebuild.table,
        phase="deleting",
        reason=rebuild.reason,
        operation=rebuild.operation,
        since=connector.clock.now(),
        had_rows=not emptied,
        failures=1,
    )
    writer.move(again)
    _tell(audit, again)


def _held(connector: Connector, writer: Writer, audit: Audit, table: Table) -> Held | None:
    writer.hold(CALL_SECONDS)
    return held(
        connector, writer, audit, table, patience=timedelta(seconds=connector.settings.settle_seconds)
    )


def _show(connector: Connector, writer: Writer, audit: Audit) -> None:
    """The status as it is now. What only a person can mend must not keep pushes waiting."""
    try:
        status.post_status(connector, writer, audit)
    except (AskPerson, GiveUp) as error:
        logger.error("The status of dataset %s cannot be shown: %s", writer.state.dataset, error)
        audit.add("status", "ask", error=str(error))


def _go(connector: Connector, writer: Writer, audit: Audit, rebuild: Rebuild) -> None:
    rebuild = replace(rebuild, since=connector.clock.now(), sending=0)
    writer.move(rebuild)
    _tell(audit, rebuild)


def _tell(audit: Audit, rebuild: Rebuild, *, rows: int = 0, more: str = "") -> None:
    audit.add(
        "compact",
        rebuild.phase,
        resource=rebuild.table,
        why=rebuild.reason + more,
        count=rows or rebuild.posted.rows,
    )


def _wait(seconds: float, left: float | None = None) -> None:
    """Raises RetryLater while `left` seconds (by default `seconds`) are to go; to be looked at again after `seconds`."""
    if (seconds if left is None else left) > 0:
        raise RetryLater("Power BI may not have done yet what was sent to it.", seconds=max(1.0, seconds))
