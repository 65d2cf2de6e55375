"""The steps of a compaction, each of which moves it to its next phase by one conditional write. See `shared.sync.compact`."""

from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from shared.audit import Audit
from shared.errors import AskPerson, ConnectorError, GiveUp, OutcomeUnknown, RetryLater
from shared.state import connections, definitions, sink
from shared.state.rebuilds import Rebuild, Tally
from shared.state.sink import Writer
from shared.sync import lost, refill, status, superseded, targets
from shared.sync.connector import Connector
from shared.sync.readback import Held, difference, held
from shared.sync.repost import post_piece
from shared.sync.targets import CALL_SECONDS
from shared.tables.definition import declared, put_schema
from shared.tables.table import Table

# Power BI shows rows a moment after it has answered; the mark must be seen before the rows are gone.
MARK_SECONDS = 5
LOOK_AGAIN_SECONDS = 10
# So often a DELETE may leave rows behind before somebody is told.
DELETES_UNTOLD = 3


def park(connector: Connector, writer: Writer, audit: Audit, table: str, why: str, **known: Any) -> None:
    """No compaction of this table until somebody asks for it by name, and somebody is told."""
    dataset = writer.state.dataset
    audit.add("compact", "parked", resource=table, why="not any more", error=why, dataset=dataset)
    rebuild = writer.state.rebuild
    writer.conclude(table, replace(rebuild, phase="clean") if rebuild else None, parked=why, **known)
    if rebuild is None:
        show(connector, writer, audit)


def mark(connector: Connector, writer: Writer, audit: Audit, rebuild: Rebuild) -> None:
    """Nothing is deleted yet: whatever only a person can mend ends the compaction, so that pushes go on."""
    # The status cannot be marked in its own table; no measure of money reads it.
    if rebuild.table != status.RESOURCE:
        try:
            status.post_status(connector, writer, audit, rebuilding=rebuild.table)
        except (AskPerson, GiveUp) as error:
            park(connector, writer, audit, rebuild.table, f"it cannot be marked as being rebuilt: {error}")
            return
        connector.clock.sleep(MARK_SECONDS)
    _go(connector, writer, audit, replace(rebuild, phase="deleting"))


def delete(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
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
        wait(superseded.settles_in(writer.state, connector.settings, connector.clock.now()))
    rebuild = replace(rebuild, deletes=rebuild.deletes + 1, deleted_at=connector.clock.now())
    writer.move(rebuild)
    writer.hold(CALL_SECONDS)
    try:
        connector.powerbi().delete_rows(writer.state.powerbi_id, table.name)
    except (AskPerson, GiveUp) as error:
        if rebuild.deletes == 1:
            # Refused for certain: every row is there still.
            park(connector, writer, audit, table.name, f"its rows cannot be deleted: {error}")
            return
        raise
    audit.add("delete", "done", resource=table.name, count=writer.state.rows_upper.get(table.name, 0))
    _go(connector, writer, audit, replace(rebuild, phase="empty"))


def _define(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    """Define the table anew. That may take its rows as a DELETE does, so it counts as one until it is known that it did not."""
    if not rebuild.deletes:
        wait(superseded.settles_in(writer.state, connector.settings, connector.clock.now()))
    rebuild = replace(rebuild, deletes=rebuild.deletes + 1, deleted_at=connector.clock.now())
    writer.move(rebuild)
    try:
        define(connector, writer, audit, table.name)
    except (AskPerson, GiveUp) as error:
        if rebuild.deletes == 1:
            park(connector, writer, audit, table.name, f"its definition cannot be changed: {error}")
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


def see_empty(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    found = _held(connector, writer, audit, table)
    if not _shows_that_it_landed(found, rebuild):
        since = rebuild.deleted_at or rebuild.since
        left = connector.settings.settle_seconds - (connector.clock.now() - since).total_seconds()
        # One DELETE may show itself sooner; of several, a late one could still be under way.
        can_show = found is not None and rebuild.had_rows and rebuild.deletes == 1
        wait(min(left, LOOK_AGAIN_SECONDS) if can_show else left, left)
        if found is not None and found.rows:
            outcome = "wrong" if rebuild.deletes >= DELETES_UNTOLD else "lost"
            audit.add("delete", outcome, resource=table.name, count=found.rows, deletes=rebuild.deletes)
            _go(connector, writer, audit, replace(rebuild, phase="deleting"))
            return
    begun = replace(
        rebuild, phase="posting", since=connector.clock.now(), cursor=("", "", ""), posted=Tally(), doubled=0
    )
    writer.move(begun, emptied=True)
    tell(audit, begun)


def post(
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
            doubled = post_piece(connector, writer, audit, table, piece, landed)
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


def verify(connector: Connector, writer: Writer, audit: Audit, table: Table, rebuild: Rebuild) -> None:
    found = _held(connector, writer, audit, table)
    said = difference(found, rebuild.posted, rebuild) if found is not None else ""
    if said:
        settled = connector.settings.settle_seconds - (connector.clock.now() - rebuild.since).total_seconds()
        wait(min(settled, 3 * LOOK_AGAIN_SECONDS), settled)
        _tell_wrong(connector, writer, audit, table, rebuild, said, emptied=found is None or not found.rows)
        return
    ours, _ = connections.of_dataset(connector.store, writer.state.dataset)
    records = lost.counted(connector, audit, table, ours)
    if lost.waits_for(lost.of_dataset(connector, writer.state.dataset)):
        # What was posted may lack what the mirror lost meanwhile.
        return
    sink.prove(connector.store, writer.state.dataset, table.name, records)
    clean = replace(rebuild, phase="clean", since=connector.clock.now())
    # What may still land is counted as it was sent.
    settled = superseded.settles_in(writer.state, connector.settings, connector.clock.now()) <= 0
    writer.conclude(
        table.name,
        clean,
        rows=found.rows if found is not None and settled else None,
        current=rebuild.posted.rows,
        compacted_at=connector.clock.now(),
        verified=True if found is not None else None,
        parked="",
    )
    tell(audit, clean, more="" if found is not None else "; unverified")


def begin_anew(connector: Connector, writer: Writer, audit: Audit, rebuild: Rebuild) -> None:
    """Delete once more and post everything: rows were pushed to the table while its compaction was held up."""
    sent = rebuild.phase in ("deleting", "empty")
    again = Rebuild(
        table=rebuild.table,
        phase="deleting",
        reason=rebuild.reason,
        operation=rebuild.operation,
        since=connector.clock.now(),
        # A DELETE of before may be under way still.
        deletes=rebuild.deletes if sent else 0,
        deleted_at=rebuild.deleted_at if sent else None,
        failures=rebuild.failures,
        define=rebuild.define,
    )
    writer.move(again)
    tell(audit, again)


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
    audit.add(
        "compact",
        "wrong",
        resource=table.name,
        why="not what was posted",
        error=said,
        dataset=writer.state.dataset,
    )
    if rebuild.failures:
        park(
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
    tell(audit, again)


def _held(connector: Connector, writer: Writer, audit: Audit, table: Table) -> Held | None:
    writer.hold(CALL_SECONDS)
    return held(
        connector, writer, audit, table, patience=timedelta(seconds=connector.settings.settle_seconds)
    )


def show(connector: Connector, writer: Writer, audit: Audit) -> None:
    """The status as it is now. What only a person can mend must not keep pushes waiting."""
    try:
        status.post_status(connector, writer, audit)
    except (AskPerson, GiveUp) as error:
        audit.add("status", "ask", error=error, dataset=writer.state.dataset)


def _go(connector: Connector, writer: Writer, audit: Audit, rebuild: Rebuild) -> None:
    rebuild = replace(rebuild, since=connector.clock.now(), sending=0)
    writer.move(rebuild)
    tell(audit, rebuild)


def tell(audit: Audit, rebuild: Rebuild, *, rows: int = 0, more: str = "") -> None:
    audit.add(
        "compact",
        rebuild.phase,
        resource=rebuild.table,
        why=rebuild.reason + more,
        count=rows or rebuild.posted.rows,
    )


def wait(seconds: float, left: float | None = None) -> None:
    """Raises RetryLater while `left` seconds (by default `seconds`) are to go; to be looked at again after `seconds`."""
    if (seconds if left is None else left) > 0:
        raise RetryLater("Power BI may not have done yet what was sent to it.", seconds=max(1.0, seconds))
