"""A mirror that lost records is noticed, read again from Xero, pushed, and only then are tables compacted.

Nothing ever leaves the mirror, so that fewer records than were counted before are lost: a table or a partition that somebody
deleted, a storage account that was restored. poll_timer counts every hour (all the time while a history is being read),
and a compaction counts before it deletes anything and before it remembers what it posted. What is read again is pushed under
newer versions, for the mirror knows nothing of it: rows are in Power BI twice, which changes no measure, until the tables
are compacted.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import Audit
from shared.errors import RunEnded
from shared.state import checkpoints, connections, kept, messages, mirror, outbox, published, sink
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.state.kept import Kept
from shared.state.made import LANDED, MADE
from shared.state.sink import State
from shared.sync import superseded
from shared.sync.again import mark
from shared.sync.connector import Connector
from shared.tables import fed_by
from shared.tables.table import Table

COUNT_AFTER = timedelta(hours=1)
# A compaction that was asked for and did not come; the message may be lost, or wait for a limit.
ASK_AGAIN_AFTER = timedelta(hours=1)


def look(connector: Connector, operation: str = "") -> None:
    """Count what is due, and go on with what was lost. What others do at the same time is left to them."""
    gone = mirror.TABLE not in connector.store.list_tables(mirror.TABLE)
    if gone:
        # Every run would fail without it.
        connector.store.create_table(mirror.TABLE)
    audit = connector.audit(operation or uuid.uuid4().hex)
    organisations = connections.connected(connector.store)
    known = {each.tenant_id: kept.load_all(connector.store, each.tenant_id) for each in organisations}
    try:
        for organisation in organisations:
            mine = known[organisation.tenant_id]
            for resource in resources(connector):
                found = mine.get(resource) or Kept(tenant_id=organisation.tenant_id, resource=resource)
                with suppress(RunEnded):
                    if gone or _is_due(connector, found):
                        found = count(connector, audit, found)
                    phase = None
                    while phase != found.phase:
                        phase = found.phase
                        mine[resource] = found = _go_on(connector, audit, organisation, found)
        for dataset in sorted({each.dataset for each in organisations}):
            ours = [each for each in organisations if each.dataset == dataset]
            found_there = [each for one in ours for each in known[one.tenant_id].values()]
            _ask_for_compactions(connector, audit, dataset, found_there)
    finally:
        audit.flush()


def resources(connector: Connector) -> list[str]:
    """What can be brought back when it is lost: what is read of Xero, and what is made here."""
    return [name for name in LANDED if name in connector.resources or name in MADE]


def count(connector: Connector, audit: Audit, found: Kept) -> Kept:
    """Count a resource's records; fewer than before are lost. Raises RunEnded."""
    now = connector.clock.now()
    records = mirror.count(connector.store, found.tenant_id, found.resource)
    # What was read may be on its way still: as long as there are more, they are counted again soon.
    settled = records == found.count and _is_all(connector, found, records)
    if records >= found.count:
        return replace(found, count=records, counted_at=now, settled=settled).save(connector.store)
    return lose(connector, audit, found, records)


def _is_all(connector: Connector, found: Kept, records: int) -> bool:
    """Whether so many may be all that there are."""
    if found.resource in MADE:
        return records > 0
    checkpoint = checkpoints.load(connector.store, found.tenant_id, found.resource)
    return checkpoint.is_complete and (records > 0 or not checkpoint.records)


def lose(connector: Connector, audit: Audit, found: Kept, records: int, had: int = 0) -> Kept:
    """Note that records are lost, and tell of it. Raises RunEnded."""
    now, had = connector.clock.now(), max(had, found.count, found.had)
    changed = replace(found, count=records, counted_at=now, phase="lost", had=had, lost_at=now, since=now)
    changed = changed.save(connector.store)
    audit.add(
        "mirror",
        "lost",
        organisation=found.tenant_id,
        resource=found.resource,
        why=f"the mirror has {records} of {had} records; they are read again, and no table is compacted before",
        count=had - records,
    )
    return changed


def counted(
    connector: Connector, audit: Audit, table: Table, organisations: Sequence[Organisation]
) -> dict[str, int]:
    """How many records of each organisation feed a table; what was lost is noticed. Raises RunEnded."""
    records: dict[str, int] = {}
    for each in organisations:
        known = kept.load_all(connector.store, each.tenant_id)
        ours = resources(connector)
        records[each.tenant_id] = 0
        for name in table.resources:
            if name in ours:
                found = known.get(name) or Kept(tenant_id=each.tenant_id, resource=name)
                records[each.tenant_id] += count(connector, audit, found).count
            else:
                records[each.tenant_id] += mirror.count(connector.store, each.tenant_id, name)
    return records


def compare(
    connector: Connector, audit: Audit, table: Table, records: Mapping[str, int], proven: Mapping[str, int]
) -> None:
    """Fewer than a table was last posted from are lost, too, should nothing else be known. Raises RunEnded."""
    for tenant_id, had in proven.items():
        if records.get(tenant_id, had) < had:
            for name in set(table.resources) & set(resources(connector)):
                found = kept.load(connector.store, tenant_id, name)
                lose(connector, audit, found, found.count, found.count + had - records[tenant_id])


def of_dataset(connector: Connector, dataset: str) -> list[Kept]:
    """What is known of the mirror of a dataset's organisations."""
    ours, _ = connections.of_dataset(connector.store, dataset)
    return [found for each in ours for found in kept.load_all(connector.store, each.tenant_id).values()]


def is_whole_since(found: Iterable[Kept], at: datetime) -> bool:
    """Whether something was lost, and is whole again since then."""
    return any(each.phase == "whole" and each.since is not None and each.since > at for each in found)


def waits_for(found: Iterable[Kept]) -> str:
    """Why nothing is compacted, "" when nothing is in the way."""
    lacking = [each for each in found if each.lacks]
    if not lacking:
        return ""
    names = ", ".join(sorted({each.resource for each in lacking}))
    return (
        f"the mirror lost records ({names}), which are read again; no table is compacted before it is whole"
    )


def was_lost(found: Iterable[Kept], table: Table) -> bool:
    """Whether a table's records were lost and are all there again, and it was not compacted since."""
    return any(each.phase == "whole" and each.resource in table.resources for each in found)


def _is_due(connector: Connector, found: Kept) -> bool:
    at = found.counted_at
    return at is None or not found.settled or connector.clock.now() - at >= COUNT_AFTER


def _go_on(connector: Connector, audit: Audit, organisation: Organisation, found: Kept) -> Kept:
    """To the next phase, if it has come to that. Each step may be repeated after a crash. Raises RunEnded."""
    match found.phase:
        case "lost":
            _read_again(connector, audit, organisation, found)
            return _now(connector, found, "reading")
        case "reading" if _is_read(connector, found):
            for each in _touching(connector, found):
                if each.history and not each.touching:
                    replace(each, touching=1).save(connector.store)
            return _now(connector, found, "touching")
        case "touching" if all(_has_touched(each) for each in _touching(connector, found)):
            return _now(connector, found, "landing")
        case "landing" if not _is_pending(connector, organisation, found):
            records = mirror.count(connector.store, found.tenant_id, found.resource)
            found = replace(found, count=records, counted_at=connector.clock.now(), settled=True)
            audit.add("mirror", "whole", organisation=found.tenant_id, resource=found.resource, count=records)
            return _now(connector, found, "whole")
        case "whole" if _is_compacted(connector, organisation, found):
            return replace(found, phase="", since=None, lost_at=None, had=0).save(connector.store)
    return found


def _now(connector: Connector, found: Kept, phase: kept.Phase) -> Kept:
    return replace(found, phase=phase, since=connector.clock.now()).save(connector.store)


def _read_again(connector: Connector, audit: Audit, organisation: Organisation, found: Kept) -> None:
    if found.resource in MADE:
        said = published.load(connector.store, found.tenant_id, found.resource)
        if said.etag:
            replace(said, said="", moving="").save(connector.store)
        return
    resource = connector.resources[found.resource]
    if mark(connector, audit, organisation, resource, "the mirror lost its records"):
        return
    # Its first history is being read: what was read of it begins anew.
    checkpoint = checkpoints.load(connector.store, found.tenant_id, found.resource)
    if checkpoint.etag and not checkpoint.history:
        now = connector.clock.now()
        replace(checkpoint, read=None, offset=0, records=0, next_at=now).save(connector.store)


def _is_read(connector: Connector, found: Kept) -> bool:
    """Whether the history was read, whole, since it was asked for."""
    if found.resource in MADE:
        said = published.load(connector.store, found.tenant_id, found.resource)
        return bool(said.said)
    checkpoint = checkpoints.load(connector.store, found.tenant_id, found.resource)
    at, since = checkpoint.completed_at, found.since
    return at is not None and since is not None and at >= since and _has_touched(checkpoint)


def _touching(connector: Connector, found: Kept) -> list[Checkpoint]:
    """The resources whose histories refer to records of this one, such as a payment to its invoice."""
    return [
        checkpoints.load(connector.store, found.tenant_id, name)
        for name, each in connector.resources.items()
        if any(target == found.resource for _, target in each.touches)
    ]


def _has_touched(checkpoint: Checkpoint) -> bool:
    """Whether all that a history refers to was asked for; one that is read again asks afterwards."""
    busy = checkpoint.read is not None and checkpoint.read.kind == "history"
    return checkpoint.is_complete and not busy


def _is_pending(connector: Connector, organisation: Organisation, found: Kept) -> bool:
    """Whether something that landed before the phase began is not in the mirror yet."""
    return any(
        outbox.resource_of(blob.name) == found.resource
        and (found.since is None or outbox.landed_at(blob.name) <= found.since)
        for blob in outbox.pending(connector.store, organisation.dataset)
    )


def _is_compacted(connector: Connector, organisation: Organisation, found: Kept) -> bool:
    """Whether every table that the resource feeds was compacted since it was whole."""
    state = sink.read(connector.store, organisation.dataset)
    return all(_is_done(state, table.name, found) for table in fed_by(found.resource))


def _ask_for_compactions(connector: Connector, audit: Audit, dataset: str, found: Sequence[Kept]) -> None:
    """Have the tables that were filled twice compacted: small ones now, others in the night. Asked once an hour."""
    now, state = connector.clock.now(), sink.read(connector.store, dataset)
    due = [
        each
        for each in found
        if each.phase == "whole" and (each.asked_at is None or now - each.asked_at >= ASK_AGAIN_AFTER)
    ]
    if waits_for(found) or state.rebuild is not None or not state.powerbi_id:
        return
    tables: dict[str, None] = {}
    for each in due:
        mine = [
            table.name
            for table in fed_by(each.resource)
            if not _is_done(state, table.name, each)
            and not state.table(table.name).parked
            and superseded.may_be_taken(connector.settings, state.rows_upper[table.name], now)
        ]
        if mine:
            # Who asks says so first, so that of two runs one does.
            with suppress(RunEnded):
                replace(each, asked_at=now).save(connector.store)
                tables |= dict.fromkeys(mine)
    for name in tables:
        reason = "the mirror was lost and is whole again"
        messages.ask(
            connector.store, connector.clock, dataset, "compact", reason, audit.operation, table=name
        )


def _is_done(state: State, table: str, found: Kept) -> bool:
    """Whether a table was compacted since a resource that feeds it is whole, or has no row at all."""
    if table not in state.rows_upper:
        return True
    at, since = state.table(table).compacted_at, found.since
    return at is not None and since is not None and at >= since
