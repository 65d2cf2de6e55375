"""Poll Xero: for each organisation and resource, the history first, then what changed, as the schedule has it due."""

import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from shared.audit import Audit
from shared.errors import (
    AskPerson,
    ConnectorError,
    ConsentLost,
    GiveUp,
    LimitReached,
    RetryLater,
    RunEnded,
)
from shared.state import checkpoints, connections, messages
from shared.state.checkpoints import Checkpoint, PageIds
from shared.state.connections import Organisation
from shared.storage import Lease, LeaseLost
from shared.sync import read as reading
from shared.sync.connector import Connector
from shared.sync.land import IDS_A_CALL, fetch_and_land, fetch_ids
from shared.sync.read import Verdict
from shared.sync.sweep import sweep
from shared.xero import wire
from shared.xero.paging import Page
from shared.xero.resources import RESOURCES, Resource

LEASE_SECONDS = 60
# A call and the writes after it end well within this.
CALL_SECONDS = 50
ASK_AGAIN = timedelta(hours=1)


def poll(connector: Connector, *, until: datetime) -> None:
    """Sweep, then read what is due of every organisation, until the time is up; the next run goes on at each cursor."""
    sweep(connector)
    audit = connector.audit()
    try:
        for organisation in connections.connected(connector.store):
            if not organisation.consent_lost:
                _poll_organisation(connector, audit, organisation, until)
    finally:
        audit.flush()


def _poll_organisation(
    connector: Connector, audit: Audit, organisation: Organisation, until: datetime
) -> None:
    """One resource after the other. What stops one stops only that, unless it concerns the whole organisation."""
    for resource in RESOURCES.values():
        if connector.clock.now() >= until:
            return
        try:
            _poll_resource(connector, audit, organisation, resource, until)
        except RunEnded as ended:
            audit.add(
                "poll", "ended", organisation=organisation.tenant_id, resource=resource.name, error=str(ended)
            )
        except ConsentLost as lost:
            connections.mark_consent_lost(connector.store, organisation)
            audit.add(
                "poll", "ask", organisation=organisation.tenant_id, resource=resource.name, error=str(lost)
            )
            return
        except (LimitReached, RetryLater) as wait:
            _put_off(connector, audit, organisation, resource, wait, timedelta(seconds=wait.seconds))
            if isinstance(wait, LimitReached):
                return
        except (AskPerson, GiveUp) as stop:
            _put_off(connector, audit, organisation, resource, stop, ASK_AGAIN)


def _put_off(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    error: ConnectorError,
    wait: timedelta,
) -> None:
    """No call for this resource before the wait is over; the reason stands in the checkpoint and the audit."""
    checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource.name)
    resume_at = connector.clock.now() + wait
    # Whoever moved the checkpoint on meanwhile knows better.
    with suppress(RunEnded):
        replace(checkpoint, resume_at=resume_at, trouble=str(error)).save(connector.store)
    outcome = "put off" if isinstance(error, RetryLater) else "ask"
    audit.add(
        "poll",
        outcome,
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=f"until {resume_at:%FT%TZ}",
        error=str(error),
    )


def _poll_resource(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, until: datetime
) -> None:
    if not checkpoints.load(connector.store, organisation.tenant_id, resource.name).is_due(
        connector.clock.now()
    ):
        return
    lease = connector.store.acquire_lease(f"poll/{organisation.tenant_id}/{resource.name}", LEASE_SECONDS)
    if lease is None:
        return
    try:
        checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource.name)
        if checkpoint.is_due(connector.clock.now()):
            _read(connector, audit, organisation, resource, checkpoint, lease, until)
    finally:
        connector.store.release_lease(lease)


def _read(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    lease: Lease,
    until: datetime,
) -> None:
    """Begin or resume a read; each answer lands, then its ids are kept, then the checkpoint moves on."""
    if checkpoint.read is None:
        begun = reading.begin(
            resource,
            first=not checkpoint.history,
            whole=_whole_is_due(connector, checkpoint),
            since=checkpoint.watermark,
            name=f"{connector.clock.now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        )
        checkpoint = replace(checkpoint, read=begun).save(connector.store)
    while (read := checkpoint.read) is not None:
        lease = _hold(connector, lease)
        if read.phase == "touched":
            checkpoint, going = _fetch_touched(connector, audit, organisation, resource, checkpoint)
        else:
            asked = reading.request(
                resource,
                read,
                start=connector.settings.start_date,
                page_size=connector.settings.xero_page_size,
            )
            page = fetch_and_land(
                connector, audit, organisation, resource, asked, f"{read.kind}, {read.phase}"
            )
            checkpoint, going = _move_on(connector, audit, organisation, resource, checkpoint, page), True
            if page.records:
                messages.wake(
                    connector.store, connector.clock, organisation.dataset, "landed", audit.operation
                )
        # A crash later in this run must not take along what is known of this call.
        audit.flush()
        if not going or connector.clock.now() >= until:
            return


def _whole_is_due(connector: Connector, checkpoint: Checkpoint) -> bool:
    hours = connector.settings.reread_hours_by_resource.get(checkpoint.resource)
    return hours is not None and connector.clock.now() - checkpoint.whole_at >= timedelta(hours=hours)


def _move_on(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    page: Page,
) -> Checkpoint:
    """Keep the page's ids and write the checkpoint that follows from it."""
    read = checkpoint.read
    assert read is not None  # noqa: S101
    this = PageIds(page.ids(resource), _touched(page, resource))
    seen = corrected = set(this.ids)
    is_short = read.phase == "pages" and read.page == 1 and reading.is_last(resource, read, page)
    if read.kind == "history" or not is_short:
        if read.phase != "count":
            checkpoints.keep_ids(connector.store, checkpoint, read.phase, read.page, this)
        if reading.is_last(resource, read, page):
            seen = checkpoints.distinct(
                checkpoints.kept_ids(connector.store, checkpoint, read.folder, "pages")
            )
            corrected = checkpoints.distinct(
                checkpoints.kept_ids(connector.store, checkpoint, read.folder, "correction")
            )
    verdict, following = reading.after(resource, read, page, seen, corrected)
    if verdict in (Verdict.COMPLETE, Verdict.UNPROVEN):
        return _complete(
            connector, audit, organisation, resource, checkpoint, following, len(seen | corrected), verdict
        )
    if verdict is Verdict.REPEAT:
        audit.add(
            "read", "repeated", organisation=organisation.tenant_id, resource=resource.name, why=read.read_id
        )
        checkpoints.forget_ids(connector.store, checkpoint, read.folder)
    return replace(checkpoint, read=following, trouble="").save(connector.store)


def _complete(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: checkpoints.Read,
    count: int,
    verdict: Verdict,
) -> Checkpoint:
    """The read is over: the watermark moves to its beginning, by Xero's clock, minus the overlap."""
    audit.add(
        "read",
        verdict.value,
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=read.kind,
        count=count,
        error="" if verdict is Verdict.COMPLETE else f"{count} ids read, but Xero counts {read.item_count}",
    )
    now = connector.clock.now()
    settings = connector.settings
    minutes = settings.poll_minutes_by_resource.get(resource.name, settings.poll_minutes)
    overlap = timedelta(seconds=settings.poll_overlap_seconds)
    touches = bool(resource.touches) and read.kind == "history"
    if read.kind != "history":
        checkpoints.forget_ids(connector.store, checkpoint, read.folder)
    return replace(
        checkpoint,
        history=read.folder if read.kind == "history" else checkpoint.history,
        watermark=(read.began or now) - overlap,
        read=msgspec.structs.replace(read, phase="touched", page=1) if touches else None,
        next_at=now + timedelta(minutes=minutes),
        completed_at=now,
        whole_at=now if read.kind != "increment" else checkpoint.whole_at,
        records=count if read.kind != "increment" else checkpoint.records,
        trouble="" if verdict is Verdict.COMPLETE else "the last read could not be proven complete",
    ).save(connector.store)


def _fetch_touched(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, checkpoint: Checkpoint
) -> tuple[Checkpoint, bool]:
    """Fetch the next 40 documents that the history's records refer to and its own filter left out.

    Answers the checkpoint, and False while a history that it depends on is not complete.
    """
    read = checkpoint.read
    assert read is not None  # noqa: S101
    touched: dict[str, set[str]] = {target: set() for _, target in resource.touches}
    for kept in checkpoints.kept_ids(connector.store, checkpoint, read.folder):
        for target, some in kept.touched.items():
            touched[target] |= set(some)
    missing: list[tuple[str, str]] = []
    for target, ids in touched.items():
        other = checkpoints.load(connector.store, organisation.tenant_id, target)
        if not other.history:
            return checkpoint, False
        known = checkpoints.distinct(checkpoints.kept_ids(connector.store, other, other.history, "pages"))
        known |= checkpoints.distinct(
            checkpoints.kept_ids(connector.store, other, other.history, "correction")
        )
        missing += [(target, record_id) for record_id in sorted(ids - known)]
    first = (read.page - 1) * IDS_A_CALL
    for target in touched:
        wanted = [record_id for name, record_id in missing[first : first + IDS_A_CALL] if name == target]
        if wanted:
            reason = f"touched by {resource.name}"
            fetch_ids(connector, audit, organisation, RESOURCES[target], wanted, reason, urgent=False)
            messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)
    if first + IDS_A_CALL >= len(missing):
        return replace(checkpoint, read=None).save(connector.store), True
    following = replace(checkpoint, read=msgspec.structs.replace(read, page=read.page + 1))
    return following.save(connector.store), True


def _touched(page: Page, resource: Resource) -> dict[str, list[str]]:
    """Which documents of other resources the page's records refer to."""
    touched: dict[str, list[str]] = {}
    for path, target in resource.touches:
        ids = [record_id for record in page.records if (record_id := wire.id_at(record, path))]
        touched[target] = sorted({*touched.get(target, []), *ids})
    return touched


def _hold(connector: Connector, lease: Lease) -> Lease:
    """The lease, renewed when it would not outlive the next call."""
    if (lease.until - connector.clock.now()).total_seconds() > CALL_SECONDS:
        return lease
    try:
        return connector.store.renew_lease(lease)
    except LeaseLost as error:
        raise RunEnded(f"The lease {lease.name} was lost.") from error
