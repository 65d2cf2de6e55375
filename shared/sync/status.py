"""SyncStatus: how fresh each table is and what stands in its way, told in the report's own data.

What must be known at once (a person is waited for, records are kept out, a table is being rebuilt, a new day began, a
history is complete) is told by the drain that finds it; that only the freshness moved, at most every STATUS_MINUTES. A status
from which nobody would read anything new is not sent.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import Audit
from shared.clock import milliseconds
from shared.errors import RunEnded
from shared.powerbi import rows as powerbi_rows
from shared.state import checkpoints, connections, messages, mirror, published
from shared.state.connections import Organisation
from shared.state.mirror import Known
from shared.state.sink import Writer
from shared.storage import Write
from shared.sync import targets, winners
from shared.sync.compare import known_after, shape
from shared.sync.connector import Connector
from shared.sync.outlook import Outlook, Status, Told, news_of, outlook, statuses
from shared.sync.posting import posts
from shared.sync.publish import land, later_than
from shared.sync.remember import remember
from shared.sync.targets import CALL_SECONDS

RESOURCE = "SyncStatus"


def wake_for_status(connector: Connector, organisations: Iterable[Organisation], operation: str) -> None:
    """Wake each dataset of which there is something to tell that no batch will: reads that found nothing, a new day."""
    for organisation in organisations:
        found = outlook(connector, organisation)
        last = published.load(connector.store, organisation.tenant_id, RESOURCE)
        if found.checkpoints and _is_due(connector, organisation, found, last):
            messages.wake(connector.store, connector.clock, organisation.dataset, "status", operation)


def _is_due(
    connector: Connector, organisation: Organisation, found: Outlook, last: published.Published
) -> bool:
    return found.said(connector, organisation) != last.said or (
        found.moving() != last.moving and _may_move(connector, last)
    )


def _may_move(connector: Connector, last: published.Published) -> bool:
    wait = timedelta(minutes=connector.settings.status_minutes)
    return last.at is None or connector.clock.now() - last.at >= wait


def land_status(connector: Connector, writer: Writer, audit: Audit, *, pushed: bool) -> bool:
    """Land what is to be told of each organisation of the writer's dataset; answers whether anything is.

    pushed: whether this run pushed anything, so that more may have changed than reads.
    """
    landed = False
    for organisation in connections.going_into(connector.store, writer.state.dataset):
        found = outlook(connector, organisation)
        last = published.load(connector.store, organisation.tenant_id, RESOURCE)
        if not found.checkpoints or not (pushed or _is_due(connector, organisation, found, last)):
            continue
        known = told_before(connector, organisation)
        rebuilding = writer.state.rebuild.table if writer.state.rebuild else ""
        status = statuses(connector, organisation, found, writer.state, known, rebuilding, {})
        news, loud = news_of(status, known, writer.state.powerbi_id)
        said = found.said(connector, organisation)
        if not news:
            _note(connector, last, said=said, moving=found.moving())
        elif loud or _may_move(connector, last):
            at = later_than(connector.clock.now(), _newest(known))
            land(connector, audit, organisation, RESOURCE, news, at, "status")
            _note(connector, last, said=said, moving=found.moving(), at=connector.clock.now())
            landed = True
        else:
            _note(connector, last, said=said, moving=last.moving)
    return landed


def _note(
    connector: Connector,
    last: published.Published,
    *,
    said: str,
    moving: str,
    at: datetime | None = None,
) -> None:
    now = replace(last, said=said, moving=moving, at=at or last.at)
    if now != last:
        # Forgotten or noted by another meanwhile: whoever comes next compares once more.
        with suppress(RunEnded):
            now.save(connector.store)


def post_status(
    connector: Connector,
    writer: Writer,
    audit: Audit,
    *,
    rebuilding: str = "",
    parked: Mapping[str, str] | None = None,
) -> None:
    """POST the status of every organisation of the dataset at once, beside the outbox, while the writer is held.

    rebuilding: the table that is being rebuilt. parked: why a table waits for a person, by table. Raises as a POST does; the
    mirror then does not take for told what may have been lost.
    """
    powerbi_id = writer.state.powerbi_id
    if not powerbi_id:
        return
    target = targets.present(connector, writer)
    if not target.has(RESOURCE):
        # Made by older code; nobody reads what it cannot hold.
        return
    told: list[tuple[Organisation, winners.Fetch, Known | None]] = []
    for organisation in connections.going_into(connector.store, writer.state.dataset):
        found = outlook(connector, organisation)
        known = told_before(connector, organisation)
        at = milliseconds(later_than(connector.clock.now(), _newest(known)))
        for status in statuses(connector, organisation, found, writer.state, known, rebuilding, parked or {}):
            before = known.get(status["SyncStatusID"])
            told.append((organisation, _fetch(status, at), before[0] if before else None))
    if not told:
        return
    fresh = sum(1 for _, _, before in told if before is None)
    first = writer.reserve(len(told), writer.state.in_flight, {RESOURCE: len(told)}, {RESOURCE: fresh})
    # Whoever finds a status without a hash sends it again, whatever it says.
    _remember(connector, writer, told, first)
    rows = (
        powerbi_rows.encode(
            number, target.fitted(RESOURCE, row | {"RowVersion": first + number, "IsDeleted": False})
        )
        for number, (organisation, fetch, _) in enumerate(told)
        for row in shape(organisation, RESOURCE, fetch.record or {})[RESOURCE]
    )
    for some in posts(connector, rows):
        writer.hold(CALL_SECONDS)
        request_id = connector.powerbi().post_rows(powerbi_id, RESOURCE, [row.json for row in some])
        audit.add("post", "done", resource=RESOURCE, count=len(some), request_id=request_id)
    _remember_posted(connector, writer, told)


def post_pause(connector: Connector, writer: Writer, audit: Audit) -> None:
    """POST that everything is paused, beside the outbox, since what waits there stays there; nothing else, and once."""
    due = False
    seen = []
    for organisation in connections.going_into(connector.store, writer.state.dataset):
        found = outlook(connector, organisation)
        last = published.load(connector.store, organisation.tenant_id, RESOURCE)
        if not found.checkpoints or not _is_due(connector, organisation, found, last):
            continue
        known = told_before(connector, organisation)
        for status in statuses(connector, organisation, found, writer.state, known, "", {}):
            _, before = known.get(status["SyncStatusID"], (None, {}))
            due = due or status["Parked"] != before.get("Parked")
        seen.append((last, found.said(connector, organisation), found.moving()))
    if due:
        post_status(connector, writer, audit)
    for last, said, moving in seen:
        _note(connector, last, said=said, moving=moving)


def tell_parked(connector: Connector, writer: Writer, audit: Audit, parked: Mapping[str, str]) -> None:
    """POST why tables wait for a person, unless that was told already."""
    for organisation in connections.going_into(connector.store, writer.state.dataset):
        known = told_before(connector, organisation)
        for table, why in parked.items():
            entry, status = known.get(table, (None, {}))
            if entry is None or not entry.hash or why not in str(status["Parked"]):
                rebuilding = writer.state.rebuild.table if writer.state.rebuild else ""
                post_status(connector, writer, audit, rebuilding=rebuilding, parked=parked)
                return


def _fetch(status: Status, at: int) -> winners.Fetch:
    return winners.Fetch(
        record_id=status["SyncStatusID"],
        record=status,
        stamp=-1,
        fetched_from=at,
        fetched_to=at,
        hash=winners.content_hash(status),
        batch="",
    )


def _remember(
    connector: Connector,
    writer: Writer,
    told: Sequence[tuple[Organisation, winners.Fetch, Known | None]],
    first: int,
) -> None:
    """What is about to be sent, into the mirror, without a hash."""
    writes: dict[str, list[Write]] = defaultdict(list)
    for number, (organisation, fetch, before) in enumerate(told):
        entry = known_after(
            replace(fetch, hash=""),
            first + number,
            before.etag if before else "",
            powerbi_id=writer.state.powerbi_id,
            deleted=False,
            lists="",
            rows="",
        )
        writes[organisation.tenant_id].append(
            mirror.keep(
                connector.store, organisation.tenant_id, RESOURCE, entry, fetch.record or {}, fetch.batch
            )
        )
    _write(connector, writer, writes)


def _remember_posted(
    connector: Connector,
    writer: Writer,
    told: Sequence[tuple[Organisation, winners.Fetch, Known | None]],
) -> None:
    """What was sent has arrived."""
    hashes = {(organisation.tenant_id, fetch.record_id): fetch.hash for organisation, fetch, _ in told}
    writes: dict[str, list[Write]] = defaultdict(list)
    for tenant_id in {organisation.tenant_id for organisation, _, _ in told}:
        for known, _ in mirror.living(connector.store, tenant_id, RESOURCE):
            if (tenant_id, known.record_id) in hashes:
                arrived = replace(known, hash=hashes[tenant_id, known.record_id])
                writes[tenant_id].append(mirror.advance(tenant_id, RESOURCE, arrived))
    _write(connector, writer, writes)


def _write(connector: Connector, writer: Writer, writes: Mapping[str, Sequence[Write]]) -> None:
    for some in writes.values():
        remember(connector.store, writer, some)


def told_before(connector: Connector, organisation: Organisation) -> dict[str, tuple[Known, Status]]:
    """What was last told of each table."""
    found = mirror.living(connector.store, organisation.tenant_id, RESOURCE)
    return {known.record_id: (known, status) for known, status in found}


def _newest(known: Told) -> datetime | None:
    newest = max((entry.fetched_to for entry, _ in known.values()), default=None)
    return None if newest is None else checkpoints.LONG_AGO + timedelta(milliseconds=newest)
