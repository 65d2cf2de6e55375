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

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.audit import Audit
from shared.errors import AskPerson, RetryLater
from shared.state import connections, quarantine, sink
from shared.state.messages import Request
from shared.state.rebuilds import Rebuild
from shared.state.sink import Writer
from shared.sync import compaction_steps as steps
from shared.sync import lost, superseded
from shared.sync.connector import Connector
from shared.sync.readback import Held, held
from shared.sync.targets import CALL_SECONDS
from shared.sync.unpark import REPLAY
from shared.tables import TABLES
from shared.tables.table import Table

# A resource that is read again takes minutes at least.
WAIT_FOR_MIRROR = 600.0
# Phases in which a table is not whole any more.
HELD_UP = ("deleting", "empty", "posting", "verifying")


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
                if is_held_up(connector, writer):
                    return False
                if not finish(connector, writer, audit, until):
                    return True
                continue
            if writer.state.in_flight:
                raise RetryLater("Batches are in flight; they are pushed first.", seconds=60)
            if why := lost.waits_for(lost.of_dataset(connector, writer.state.dataset)):
                # What is asked for by name comes back; what is due is due again.
                if request.table and not _is_done(writer, request):
                    raise RetryLater(f"Nothing is compacted now: {why}.", seconds=WAIT_FOR_MIRROR)
                audit.add("compact", "put off", why=why, dataset=request.dataset)
                return False
            if not request.table:
                found = superseded.due(writer.state, settings, connector.clock.now())
            elif _is_done(writer, request):
                found = []
            else:
                found = [(request.table, request.reason)]
                steps.wait(superseded.settles_in(writer.state, settings, connector.clock.now()))
            if not found:
                return False
            table, reason = found[0]
            begin(connector, writer, audit, TABLES[table], reason, asked=_names(request))
            if writer.state.rebuild is None and request.table:
                return False
    return True


def _names(request: Request) -> bool:
    """Whether somebody named the table, and not only asked for all that waits."""
    return bool(request.table) and request.reason != REPLAY


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
    records = lost.counted(connector, audit, table, ours)
    proven = sink.proven(connector.store, writer.state.dataset, table.name)
    found_there = lost.of_dataset(connector, writer.state.dataset)
    restored = lost.was_lost(found_there, table)
    if not restored and not lost.waits_for(found_there):
        lost.compare(connector, audit, table, records, proven)
        found_there = lost.of_dataset(connector, writer.state.dataset)
    if why := lost.waits_for(found_there):
        audit.add("compact", "put off", resource=name, why=why, dataset=writer.state.dataset)
        return
    writer.hold(CALL_SECONDS)
    found = held(connector, writer, audit, table, patience=timedelta(0))
    # What was read whole again since is all that there is.
    why = ("" if restored else _refusal(connector, writer, table, records, found)) or (
        # Whoever asks for a table by name has read what becomes of such rows.
        "" if asked else _of_others(moved, records, found)
    )
    if why:
        steps.park(connector, writer, audit, name, why)
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
    steps.tell(audit, rebuild, rows=writer.state.rows_upper.get(name, 0))


def is_held_up(connector: Connector, writer: Writer) -> bool:
    """Whether a compaction under way waits, since the mirror lost what would have to be posted."""
    rebuild = writer.state.rebuild
    if rebuild is None or rebuild.phase not in HELD_UP:
        return False
    return bool(lost.waits_for(lost.of_dataset(connector, writer.state.dataset)))


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
        if is_held_up(connector, writer):
            # The table stays marked, and what is read again is pushed meanwhile.
            return True
        kept = lost.of_dataset(connector, writer.state.dataset)
        if rebuild.phase == "staged" and (why := lost.waits_for(kept)):
            audit.add("compact", "put off", resource=rebuild.table, why=why, dataset=writer.state.dataset)
            writer.conclude(rebuild.table, replace(rebuild, phase="clean"))
            continue
        if rebuild.phase in HELD_UP and lost.is_whole_since(kept, rebuild.since):
            steps.begin_anew(connector, writer, audit, rebuild)
            continue
        match rebuild.phase:
            case "staged":
                steps.mark(connector, writer, audit, rebuild)
            case "deleting":
                steps.delete(connector, writer, audit, table, rebuild)
            case "empty":
                steps.see_empty(connector, writer, audit, table, rebuild)
            case "posting":
                if not steps.post(connector, writer, audit, table, rebuild, until):
                    return False
            case "verifying":
                steps.verify(connector, writer, audit, table, rebuild)
            case "clean":
                steps.show(connector, writer, audit)
                writer.conclude(rebuild.table, None)
    return True
