"""Push: drain a dataset's outbox into Power BI, as its one writer.

    1 take the oldest batches, keep the newest fetch of each record, drop what the mirror has already
    2 one conditional write reserves versions, counts rows and notes the batches as in flight
    3 POST, table by table; each version of a record has at least one row in each table that it feeds
    4 only then: the mirror, the batches to done/, nothing in flight, the audit

Whoever finds batches in flight pushes their records again, whatever the mirror has: nobody knows which POSTs landed. A
record has then two rows of the same content and different versions, which changes no measure.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from shared import tables
from shared.audit import Audit
from shared.errors import AskPerson, BadMessage, Refused, RunEnded
from shared.powerbi import rows as powerbi_rows
from shared.powerbi.client import DEADLINE_SECONDS
from shared.powerbi.rows import EncodedRow
from shared.state import connections, messages, mirror, outbox, quarantine
from shared.state.outbox import Batch
from shared.state.sink import Writer
from shared.storage import Conflict, Write
from shared.sync.compare import Change, Work, compare, known_after, put_aside
from shared.sync.connector import Connector

# As many batches as fill the largest POSTs; what they weigh packed bounds the memory of a run.
BATCHES = 10
PACKED_BYTES = 3_000_000
# A POST may be sent twice, when Power BI refuses the first token.
POST_SECONDS = 2 * DEADLINE_SECONDS + 5
STORAGE_SECONDS = 20.0


def drain(connector: Connector, dataset: str, audit: Audit, *, until: datetime) -> bool:
    """Push what is pending, oldest first; answers whether something is left when the time is up.

    Raises LeaseBusy, RunEnded, LimitReached, OutcomeUnknown, PermissionMissing and others: what is in flight then is
    pushed again by the next run.
    """
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        if not writer.state.powerbi_id:
            if all(each.dataset != dataset for each in connections.connected(connector.store)):
                # Everybody who went into it was disconnected: nobody is to be asked for it every hour.
                return False
            raise AskPerson(
                f"Dataset {dataset} is not in Power BI yet: run `python3 manage.py dataset {dataset}`."
            )
        while connector.clock.now() < until:
            again = bool(writer.state.in_flight)
            batches, were_there = _take_batches(connector, dataset, writer, audit)
            if not batches:
                if again:
                    writer.land()
                elif not were_there:
                    return False
                continue
            _push_batches(connector, dataset, writer, batches, audit, again=again)
            audit.flush()
    return True


def _take_batches(
    connector: Connector, dataset: str, writer: Writer, audit: Audit
) -> tuple[list[Batch], bool]:
    """The batches in flight, or else the oldest pending ones, and whether there were any.

    Unreadable ones go to the quarantine, so that there may be more behind them.
    """
    names = list(writer.state.in_flight)
    if not names:
        weight = 0
        for blob in islice(outbox.pending(connector.store, dataset), BATCHES):
            weight += blob.size
            if names and weight > PACKED_BYTES:
                break
            names.append(blob.name)
    batches: list[Batch] = []
    for name in names:
        try:
            batch = outbox.read(connector.store, dataset, name)
            if batch is not None:
                batch.records()
                batches.append(batch)
        except BadMessage as error:
            aside = outbox.put_aside(connector.store, dataset, name)
            audit.add("quarantine", "batch", why=aside, batches=[name], error=str(error))
    return batches, bool(names)


def _push_batches(
    connector: Connector, dataset: str, writer: Writer, batches: Sequence[Batch], audit: Audit, *, again: bool
) -> None:
    work = compare(connector, batches, audit, powerbi_id=writer.state.powerbi_id, again=again)
    names = [batch.name for batch in batches]
    if work.changes or again:
        _check_room(connector, writer, work.changes)
        counts: dict[str, int] = defaultdict(int)
        for change in work.changes:
            for table, rows in change.rows.items():
                counts[table] += len(rows)
        first = writer.reserve(len(work.changes), names, counts)
        for number, change in enumerate(work.changes):
            change.version = first + number
        _post(connector, writer, work.changes, audit)
    # Before the mirror forgets that there was a doubt.
    for organisation, resource, ids in work.doubtful:
        messages.send_ids(
            connector.store, connector.clock, organisation, resource, ids, "in doubt", audit.operation
        )
    _remember(connector, writer, work)
    for batch in batches:
        outbox.finish(connector.store, dataset, batch.name)
    if writer.state.in_flight:
        writer.land()
    _tell(audit, batches, work, again=again)


def _check_room(connector: Connector, writer: Writer, changes: Sequence[Change]) -> None:
    """Above 5,000,000 rows Power BI answers 200 and drops them; stop well before, whatever landed of what was sent."""
    counts: dict[str, int] = dict(writer.state.rows_upper)
    for change in changes:
        for table, rows in change.rows.items():
            counts[table] = counts.get(table, 0) + len(rows)
    full = [table for table, count in counts.items() if count > connector.settings.powerbi_rows_per_table]
    if full:
        raise AskPerson(
            f"{', '.join(full)} of dataset {writer.state.dataset} would hold more rows than "
            f"POWERBI_ROWS_PER_TABLE ({connector.settings.powerbi_rows_per_table}) allows."
        )


def _post(connector: Connector, writer: Writer, changes: list[Change], audit: Audit) -> None:
    for table in tables.TABLES:
        encoded = (
            powerbi_rows.encode(
                number, row | {"RowVersion": change.version, "IsDeleted": change.fetch.record is None}
            )
            for number, change in enumerate(changes)
            if not change.refused
            for row in change.rows.get(table, ())
        )
        for rows in powerbi_rows.chunks(
            encoded,
            most_rows=connector.settings.powerbi_rows_per_post,
            most_bytes=connector.settings.powerbi_bytes_per_post,
        ):
            _post_or_bisect(connector, writer, table, rows, changes, audit)


def _post_or_bisect(
    connector: Connector,
    writer: Writer,
    table: str,
    rows: list[EncodedRow],
    changes: list[Change],
    audit: Audit,
) -> None:
    """POST rows; when Power BI refuses them, find the record that it refuses and go on with the others."""
    writer.hold(POST_SECONDS)
    try:
        request_id = connector.powerbi().post_rows(writer.state.powerbi_id, table, [row.json for row in rows])
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
            _post_or_bisect(connector, writer, table, some, changes, audit)
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


def _remember(connector: Connector, writer: Writer, work: Work) -> None:
    """What Power BI has now, into the mirror. A record that was refused stays as it was known."""
    writes: dict[tuple[str, str], list[Write]] = defaultdict(
        list, {key: list(some) for key, some in work.unchanged.items()}
    )
    healed: list[tuple[str, str, str]] = []
    for change in work.changes:
        if change.refused:
            continue
        tenant_id, fetch = change.organisation.tenant_id, change.fetch
        etag = change.known.etag if change.known else ""
        entry = known_after(
            fetch,
            change.version,
            etag,
            powerbi_id=writer.state.powerbi_id,
            deleted=fetch.record is None,
        )
        if fetch.record is None:
            writes[tenant_id, change.resource].append(mirror.advance(tenant_id, change.resource, entry))
        else:
            writes[tenant_id, change.resource].append(
                mirror.keep(connector.store, tenant_id, change.resource, entry, fetch.record, fetch.batch)
            )
        healed.append((tenant_id, change.resource, fetch.record_id))
    for some in writes.values():
        for start in range(0, len(some), 500):
            writer.hold(STORAGE_SECONDS)
            try:
                mirror.write(connector.store, some[start : start + 500])
            except Conflict as error:
                raise RunEnded(
                    f"Another run writes dataset {writer.state.dataset} by now: {error}"
                ) from error
    quarantine.heal(connector.store, healed)


def _tell(audit: Audit, batches: Sequence[Batch], work: Work, *, again: bool) -> None:
    pushed: dict[tuple[str, str], int] = defaultdict(int)
    without_rate: dict[tuple[str, str], int] = defaultdict(int)
    for change in work.changes:
        if not change.refused:
            pushed[change.organisation.tenant_id, change.resource] += 1
            without_rate[change.organisation.tenant_id, change.resource] += change.lacks_rate
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for batch in batches:
        names[batch.header.organisation, batch.header.resource].append(batch.name)
    for (tenant_id, resource), some in names.items():
        audit.add(
            "push",
            "again" if again else "done",
            organisation=tenant_id,
            resource=resource,
            count=pushed[tenant_id, resource],
            unchanged=len(work.unchanged.get((tenant_id, resource), ())),
            without_rate=without_rate[tenant_id, resource],
            batches=some,
        )
