"""A dataset's successor: made beside it under a name of its own, and filled from the mirror, without a call to Xero.

The mirror says of each record whether its rows are in the successor, too. Filling goes through what is not, in bounded
pieces, while every push goes to both; so it may be ended and repeated at any point, and what another has put only into the
present dataset meanwhile is found by the next pass.
"""

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

from msgspec.structs import replace

from shared.audit import Audit
from shared.errors import BadRecord, RetryLater, RunEnded
from shared.powerbi.client import DEADLINE_SECONDS
from shared.state import connections, definitions, mirror
from shared.state.connections import Organisation
from shared.state.made import LANDED
from shared.state.rebuilds import Successor
from shared.state.sink import Writer
from shared.sync import dataset, lists, targets, winners
from shared.sync.compare import Change, put_aside, shape
from shared.sync.connector import Connector
from shared.sync.posting import check_room, post
from shared.sync.remember import remember
from shared.sync.targets import Target
from shared.tables.lists import NO_LISTS

# So many at once fill large POSTs, of which the slow lane takes few, and fit into memory.
RECORDS_A_PIECE = 2000
# Of the 1,000,000 rows that Power BI takes in an hour; the rest is left to what changes meanwhile.
ROWS_AN_HOUR = 800_000
HOUR = timedelta(hours=1)


def begin(connector: Connector, writer: Writer, audit: Audit) -> None:
    """Choose a name that no dataset has: Power BI would take one that is there already."""
    base = dataset.name_in_powerbi(connector, writer.state.dataset)
    writer.hold(2 * DEADLINE_SECONDS)
    taken = set(dataset.names(connector).values())
    number = next(number for number in range(2, len(taken) + 3) if f"{base} ({number})" not in taken)
    successor = Successor(name=f"{base} ({number})", since=connector.clock.now())
    writer.succeed(successor)
    audit.add("upgrade", "begun", why=f"dataset {writer.state.dataset}: {successor.name}")


def make(connector: Connector, writer: Writer, audit: Audit) -> None:
    """Make the successor, unless it is made already, be it by a call whose answer was lost."""
    successor = _of(writer)
    if successor.powerbi_id:
        return
    writer.hold(2 * DEADLINE_SECONDS)
    ids = [one for one, called in dataset.names(connector).items() if called == successor.name]
    powerbi_id = ids[0] if ids else dataset.create(connector, writer, successor.name)
    definitions.adopt(connector.store, writer.state.dataset, successor.name, powerbi_id)
    writer.succeed(replace(successor, powerbi_id=powerbi_id))
    audit.add("dataset", "made", why=successor.name, request_id=powerbi_id)


def fill(connector: Connector, writer: Writer, audit: Audit, until: datetime) -> bool:
    """Post what the successor lacks, from the cursor on; answers whether the end was reached.

    Raises RetryLater when the rows of an hour are used up, and whatever a POST raises.
    """
    target = targets.successor(connector, writer)
    if target is None:
        return False
    for organisation, resource, ids in _lacking(connector, writer, target):
        if connector.clock.now() >= until:
            return False
        _piece(connector, writer, audit, target, organisation, resource, ids)
        audit.flush()
    successor = _of(writer)
    filled = successor.filled_at or connector.clock.now()
    # Whoever comes again begins at the beginning: little is left to be found.
    writer.succeed(replace(successor, cursor=("", "", ""), filled_at=filled))
    if successor.filled_at is None:
        audit.add("upgrade", "filled", why=successor.name, count=successor.records)
    return True


def _lacking(
    connector: Connector, writer: Writer, target: Target
) -> Iterator[tuple[Organisation, str, list[str]]]:
    """The records behind the cursor that are in the present dataset and not in the successor, piece by piece."""
    begun = _of(writer).cursor
    ours, _ = connections.of_dataset(connector.store, writer.state.dataset)
    for organisation in sorted(ours, key=lambda each: each.tenant_id):
        for resource in sorted(LANDED):
            where = (organisation.tenant_id, resource)
            if where < begun[:2]:
                continue
            after = begun[2] if where == begun[:2] else ""
            while ids := mirror.lacking(
                connector.store,
                *where,
                writer.state.powerbi_id,
                target.powerbi_id,
                after=after,
                most=RECORDS_A_PIECE,
            ):
                yield organisation, resource, ids
                after = ids[-1]


def _piece(
    connector: Connector,
    writer: Writer,
    audit: Audit,
    target: Target,
    organisation: Organisation,
    resource: str,
    ids: list[str],
) -> None:
    tenant_id = organisation.tenant_id
    found = mirror.remembered(connector.store, tenant_id, resource, ids)
    own_lists = lists.read(connector, organisation) if lists.is_needed(resource) else NO_LISTS
    changes: list[Change] = []
    for known, record in found:
        try:
            rows = shape(organisation, resource, record, own_lists)
        except BadRecord as error:
            # Its rows of older code stay behind; mended, it is pushed whatever the mirror says.
            if not known.deleted:
                put_aside(connector, audit, tenant_id, resource, known.record_id, record, str(error), "")
            continue
        fetch = winners.fetch_of(known, record, "")
        if known.deleted:
            fetch = dataclasses.replace(fetch, record=None)
        changes.append(Change(organisation, resource, fetch, known, rows, version=known.version))
    _count(connector, writer, target, changes)
    post(connector, writer, target, changes, audit)
    powerbi_id = writer.state.powerbi_id
    both = [
        mirror.is_in_both(tenant_id, resource, known, powerbi_id, target.powerbi_id) for known, _ in found
    ]
    remember(connector.store, writer, both)
    successor = _of(writer)
    cursor = (tenant_id, resource, ids[-1])
    writer.succeed(replace(successor, cursor=cursor, records=successor.records + len(found)))
    audit.add("upgrade", "posted", organisation=tenant_id, resource=resource, count=len(found))


def _count(connector: Connector, writer: Writer, target: Target, changes: list[Change]) -> None:
    """Count the rows before they are sent; what became of them may never be known."""
    successor, now = _of(writer), connector.clock.now()
    counts = target.counts(changes)
    check_room(connector, successor.name, successor.rows, counts)
    began, before = successor.hour, successor.hour_rows
    if began is None or now - began >= HOUR:
        began, before = now, 0
    rows = sum(counts.values())
    if before and before + rows > ROWS_AN_HOUR:
        wait = (began + HOUR - now).total_seconds()
        raise RetryLater(f"{successor.name} has taken the rows of an hour.", seconds=wait)
    writer.succeed(replace(successor.counting(counts, counts), hour=began, hour_rows=before + rows))


def _of(writer: Writer) -> Successor:
    if writer.state.successor is None:
        raise RunEnded(f"Dataset {writer.state.dataset} has no successor any more.")
    return writer.state.successor
