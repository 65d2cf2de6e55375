"""Upgrade: a dataset gets what the code declares by now, in place or by a successor beside it.

In place go new and changed measures, whose table has no rows, and new columns: the table is defined anew, which may lose its
rows, and then compacted, which posts them again with the new column filled. New tables, and columns that go or change their
type, need another dataset. It is made beside the present one and filled from the mirror; pushes go to both; once reports are
on it, the operator has it take the other's place.
"""

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from shared.audit import Audit
from shared.errors import AskPerson, NotFound, Refused, RetryLater
from shared.state import connections, mirror, quarantine
from shared.state.messages import Request
from shared.state.rebuilds import Successor
from shared.state.sink import Writer
from shared.sync import compact, compaction_steps, refusals, successor, targets
from shared.sync.connector import Connector
from shared.sync.targets import CALL_SECONDS
from shared.tables import TABLES, definition, measures

# Rows are seen a while after they were posted; so often one looks again.
LOOKS = 5
LOOK_AGAIN_SECONDS = 60


def upgrade(connector: Connector, audit: Audit, request: Request, until: datetime) -> bool:
    """Do what the difference asks for; answers whether something is left when the time is up."""
    return _upgrade(connector, audit, request, until, beside=False)


def replace_dataset(connector: Connector, audit: Audit, request: Request, until: datetime) -> bool:
    """The same by a successor, whatever could be done in place."""
    return _upgrade(connector, audit, request, until, beside=True)


def _upgrade(connector: Connector, audit: Audit, request: Request, until: datetime, *, beside: bool) -> bool:
    with Writer.take(connector.store, connector.clock, request.dataset) as writer:
        if not _is_ready(connector, writer, audit, until):
            return True
        if writer.state.successor is None:
            todo = definition.plan(targets.present(connector, writer).definition, definition.declared())
            if not (beside or todo.side_by_side):
                return _in_place(connector, writer, audit, until)
            ended = writer.state.successor_ended_at
            if ended is not None and request.first_enqueued_at <= ended:
                # Asked for before the last one; the message came twice.
                return False
            successor.begin(connector, writer, audit)
        successor.make(connector, writer, audit)
        target = targets.successor(connector, writer)
        try:
            return not successor.fill(connector, writer, audit, until)
        except NotFound:
            if target is None or not targets.is_gone(connector, writer, audit, target):
                raise
            return False


def _is_ready(connector: Connector, writer: Writer, audit: Audit, until: datetime) -> bool:
    """Whether nothing is unfinished that goes before. Raises AskPerson and RetryLater."""
    if not writer.state.powerbi_id:
        raise AskPerson(f"Dataset {writer.state.dataset} is not in Power BI yet.")
    if not compact.finish(connector, writer, audit, until):
        return False
    # What Power BI refuses stays in flight until it is mended, perhaps by this; it is pushed again afterwards.
    if writer.state.in_flight and not refusals.waits(connector, writer.state.dataset):
        raise RetryLater("Batches are in flight; they are pushed first.", seconds=60)
    return True


def _in_place(connector: Connector, writer: Writer, audit: Audit, until: datetime) -> bool:
    """Define anew what differs, table by table; answers whether something is left when the time is up."""
    while connector.clock.now() < until:
        wanted = definition.declared()
        todo = definition.plan(targets.present(connector, writer).definition, wanted)
        name = next(iter(todo.to_put), None)
        if name is None:
            audit.add("upgrade", "done", why=f"dataset {writer.state.dataset}")
            return False
        if name == measures.TABLE or not writer.state.rows_upper.get(name):
            compaction_steps.define(connector, writer, audit, name)
            continue
        reason = f"its columns change: {', '.join(todo.new_columns.get(name, ('unknown',)))}"
        compact.begin(connector, writer, audit, TABLES[name], reason, define=True)
        if writer.state.rebuild is None:
            raise _cannot(writer, name)
        if not compact.finish(connector, writer, audit, until):
            return True
        if targets.present(connector, writer).definition.tables[name] != wanted.tables[name]:
            raise _cannot(writer, name)
    return True


def _cannot(writer: Writer, table: str) -> AskPerson:
    return AskPerson(
        f"{table} of dataset {writer.state.dataset} cannot be changed in place: {writer.state.table(table).parked}. "
        "`dataset upgrade --side-by-side` makes a new dataset instead."
    )


def switch(connector: Connector, audit: Audit, request: Request, until: datetime) -> bool:
    """The successor takes the place of the dataset, once it has all that that one has."""
    with Writer.take(connector.store, connector.clock, request.dataset) as writer:
        found = writer.state.successor
        if found is None or request.first_enqueued_at < found.since:
            return False
        if not _is_ready(connector, writer, audit, until):
            return True
        target = targets.successor(connector, writer)
        if target is None or found.filled_at is None:
            raise AskPerson(f"{found.name!r} is not filled yet.")
        try:
            # Not everything goes through the outbox; what came since the last pass.
            if not successor.fill(connector, writer, audit, until):
                return True
            said = _differences(connector, writer, target)
        except NotFound:
            if not targets.is_gone(connector, writer, audit, target):
                raise
            raise AskPerson(f"{found.name!r} was deleted in Power BI.") from None
        if said:
            if request.attempt < LOOKS:
                raise RetryLater(said, seconds=LOOK_AGAIN_SECONDS)
            writer.succeed(replace(writer.state.successor or found, trouble=said))
            raise AskPerson(f"{found.name!r} is not what it should be: {said}")
        before = writer.state.powerbi_id
        writer.switch()
        audit.add("upgrade", "switched", why=f"{request.dataset}: {found.name}, was {before}")
    return False


def _differences(connector: Connector, writer: Writer, target: targets.Target) -> str:
    """What the successor lacks, by what Power BI says of keys and the mirror of records; "" when nothing, or it may not be
    asked."""
    ours, _ = connections.of_dataset(connector.store, writer.state.dataset)
    beside = writer.state.successor or Successor(name="", since=connector.clock.now())
    said = []
    now_there, there = (
        _keys(connector, writer, powerbi_id, [name for name, rows in counted.items() if rows])
        for powerbi_id, counted in (
            (writer.state.powerbi_id, writer.state.rows_upper),
            (target.powerbi_id, beside.rows),
        )
    )
    if there is None:
        return ""
    for name, table in TABLES.items():
        if not target.has(name):
            continue
        theirs = there.get(name, (0, 0))
        records = aside = 0
        for organisation in ours:
            for resource in table.resources:
                where = (organisation.tenant_id, resource)
                records += mirror.count_in(connector.store, *where, target.powerbi_id)
                aside += len(quarantine.listed(connector.store, *where))
        if theirs[0] < records - aside:
            said.append(f"{name} has {theirs[0]} keys, and {records} records belong there")
        present = now_there.get(name, (0, 0)) if now_there else (0, 0)
        # Rows of organisations that went elsewhere stay behind.
        if present[1] <= theirs[1] and present[0] - aside > theirs[0]:
            said.append(f"{name} has {theirs[0]} keys, and {present[0]} in the present dataset")
    return "; ".join(said)


def _keys(
    connector: Connector, writer: Writer, powerbi_id: str, names: Iterable[str]
) -> dict[str, tuple[int, int]] | None:
    """How many version keys and organisations each table has; None where Power BI may not be asked, or does not answer."""
    found = [TABLES[name] for name in names if name in TABLES]
    asked = {f"keys {table.name}": f"DISTINCTCOUNT('{table.name}'[{table.version_key}])" for table in found}
    asked |= {f"organisations {table.name}": f"DISTINCTCOUNT('{table.name}'[TenantID])" for table in found}
    if not asked:
        return {}
    writer.hold(CALL_SECONDS)
    try:
        told = connector.powerbi().query(powerbi_id, asked)
    except Refused:
        return None
    except NotFound:
        if powerbi_id != writer.state.powerbi_id:
            raise
        return None
    if told is None:
        return None
    return {
        table.name: (int(told[f"keys {table.name}"] or 0), int(told[f"organisations {table.name}"] or 0))
        for table in found
    }
