"""Carry out a read, call by call: each answer lands, then its ids are kept, then the checkpoint moves on by ETag."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import Audit
from shared.errors import Refused, RunEnded
from shared.state import checkpoints, connections, messages
from shared.state.checkpoints import Checkpoint, PageIds, Read
from shared.state.connections import Organisation
from shared.storage import Lease, LeaseLost
from shared.sync import read as reading
from shared.sync.beyond import fetch_touched, fetch_vanished, touched_by
from shared.sync.connector import Connector
from shared.sync.land import fetch_and_land
from shared.sync.read import Verdict
from shared.sync.schedule import next_read, night_of
from shared.xero.paging import Page
from shared.xero.resources import Resource

# A call and the writes after it end well within this.
CALL_SECONDS = 50


def carry_out(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    lease: Lease,
    until: datetime,
) -> None:
    """Begin a read that is due, or resume the one in progress, until it is over or the time is up.

    What the history refers to beyond itself is fetched when no read is in progress.
    """
    now = connector.clock.now()
    if checkpoint.read is None and checkpoint.next_at <= now:
        begun = reading.begin(
            resource,
            first=not checkpoint.history,
            whole=_whole_is_due(connector, checkpoint),
            open_ones=_open_is_due(connector, checkpoint),
            since=checkpoint.watermark,
            offset=checkpoint.offset,
            name=f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}",
        )
        checkpoint = replace(checkpoint, read=begun).save(connector.store)
    going = True
    while going and (checkpoint.read is not None or checkpoint.touching):
        lease = hold(connector, lease)
        if checkpoint.read is not None:
            checkpoint = _read_on(connector, audit, organisation, resource, checkpoint, checkpoint.read)
        else:
            checkpoint, going = fetch_touched(connector, audit, organisation, resource, checkpoint)
        # A crash later in this run must not take along what is known of this call.
        audit.flush()
        going = going and goes_on(connector, organisation, until)


def _read_on(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: Read,
) -> Checkpoint:
    """One call of a read, and where the checkpoint is after it."""
    start = connector.settings.start_date
    asked = reading.request(resource, read, start=start, page_size=connector.settings.xero_page_size)
    why = f"{read.kind}, {read.phase}"
    try:
        page = fetch_and_land(connector, audit, organisation, resource, asked, why)
    except Refused as refused:
        if read.kind == "open" and refused.status == 400:
            return _without_open(connector, audit, organisation, checkpoint, read, refused)
        parts = reading.split(resource, read, start=start, today=connector.clock.now().date())
        if refused.status != 400 or parts is None:
            raise
        audit.add(
            "read",
            "split",
            organisation=organisation.tenant_id,
            resource=resource.name,
            why=f"{len(parts.windows)} windows",
            error=refused,
        )
        checkpoints.forget_ids(connector.store, checkpoint, read.folder, read.window)
        return replace(checkpoint, read=parts, trouble="", parked=False).save(connector.store)
    checkpoint = _move_on(connector, audit, organisation, resource, checkpoint, read, page)
    if page.records:
        messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)
    return checkpoint


def _whole_is_due(connector: Connector, checkpoint: Checkpoint) -> bool:
    hours = connector.settings.reread_hours_by_resource.get(checkpoint.resource)
    return hours is not None and connector.clock.now() - checkpoint.whole_at >= timedelta(hours=hours)


def _open_is_due(connector: Connector, checkpoint: Checkpoint) -> bool:
    night = night_of(connector.settings, connector.clock.now())
    return connector.settings.reread_open and checkpoint.open_at < night


def _without_open(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    checkpoint: Checkpoint,
    read: Read,
    refused: Refused,
) -> Checkpoint:
    """Xero refuses the list of open documents, as when there are too many. Increments must go on all the same, and whole
    reads find what this one would have.
    """
    audit.add(
        "read",
        "ask",
        organisation=organisation.tenant_id,
        resource=checkpoint.resource,
        why="open documents are read again with all others only",
        error=refused,
    )
    checkpoints.forget_ids(connector.store, checkpoint, read.folder)
    return replace(checkpoint, read=None, open_at=connector.clock.now()).save(connector.store)


def _move_on(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: Read,
    page: Page,
) -> Checkpoint:
    """Keep the page's ids and write the checkpoint that follows from it."""
    this = PageIds(page.ids(resource), touched_by(page.records, resource))
    seen = corrected = set(this.ids)
    last = reading.is_last(resource, read, page)
    # The only page of its read; what is read from the last page to the first ends with page 1, too.
    alone = read.phase == "pages" and read.page == 1 and read.page_count is None and last
    alone = alone and read.kind != "history" and not read.windows
    if resource.paged and not alone:
        if read.phase in ("pages", "correction"):
            checkpoints.keep_ids(connector.store, checkpoint, read, this)
        if last:
            seen, corrected = (
                checkpoints.distinct(
                    checkpoints.kept_ids(connector.store, checkpoint, read.folder, phase, read.window)
                )
                for phase in ("pages", "correction")
            )
    verdict, following = reading.after(resource, read, page, seen, corrected)
    if verdict in (Verdict.COMPLETE, Verdict.UNPROVEN):
        ids = seen | corrected if resource.paging != "offset" else set()
        return _complete(connector, audit, organisation, resource, checkpoint, following, ids, verdict, page)
    if verdict is Verdict.REPEAT:
        audit.add(
            "read", "repeated", organisation=organisation.tenant_id, resource=resource.name, why=read.read_id
        )
        checkpoints.forget_ids(connector.store, checkpoint, read.folder, read.window)
    return replace(checkpoint, read=following, trouble="", parked=False).save(connector.store)


def _complete(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: Read,
    ids: set[str],
    verdict: Verdict,
    page: Page,
) -> Checkpoint:
    """The read is over: the watermark moves to its beginning, by Xero's clock, minus the overlap.

    An increment that could not be proven complete does not move it the first time.
    """
    if read.windows:
        ids = checkpoints.distinct(checkpoints.kept_ids(connector.store, checkpoint, read.folder))
    count = len(ids) if resource.paging != "offset" else read.offset - checkpoint.offset
    trouble = "" if verdict is Verdict.COMPLETE else "the last read could not be proven complete"
    parked = False
    audit.add(
        "read",
        verdict.value,
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=read.kind,
        count=count,
        error=""
        if verdict is Verdict.COMPLETE
        else f"{count} ids read, but Xero counts {page.item_count} ({read.phase})",
    )
    if resource.vanishes and verdict is Verdict.COMPLETE:
        trouble = fetch_vanished(connector, audit, organisation, resource, ids, page.answered_at)
        parked = bool(trouble)
    now = connector.clock.now()
    if read.kind == "open":
        # It tells nothing of what else changed, so that an increment is due as it was.
        checkpoints.forget_ids(connector.store, checkpoint, read.folder)
        following = replace(checkpoint, read=None, open_at=now, trouble="", parked=False)
        return following.save(connector.store)
    overlap = timedelta(seconds=connector.settings.poll_overlap_seconds)
    unproven = 0 if verdict is Verdict.COMPLETE else checkpoint.unproven + 1
    # What changed is asked for once more, with what comes next; but not for ever, since that may never be proven.
    again = read.kind == "increment" and unproven == 1
    if read.kind != "history":
        checkpoints.forget_ids(connector.store, checkpoint, read.folder)
    elif checkpoint.history not in ("", read.folder):
        # Of the history before this one, when it was read again.
        checkpoints.forget_ids(connector.store, checkpoint, checkpoint.history)
    return replace(
        checkpoint,
        history=read.folder if read.kind == "history" else checkpoint.history,
        watermark=checkpoint.watermark if again else (read.began or now) - overlap,
        offset=read.offset,
        read=None,
        touching=1 if resource.touches and read.kind == "history" else checkpoint.touching,
        next_at=next_read(connector.settings, resource, now),
        completed_at=now,
        whole_at=now if read.kind != "increment" else checkpoint.whole_at,
        open_at=now if read.kind != "increment" else checkpoint.open_at,
        records=_records(resource, checkpoint, read, count),
        unproven=unproven,
        trouble=trouble,
        troubled_at=checkpoint.troubled_since(now),
        parked=parked,
        emptied=_emptied(resource, checkpoint, read, count),
        fresh_as_of=checkpoint.fresh_as_of if again else (read.began or now),
    ).save(connector.store)


def _records(resource: Resource, checkpoint: Checkpoint, read: Read, count: int) -> int:
    """How many records the list was last known to hold."""
    if resource.paging == "offset":
        return checkpoint.records + count
    return count if read.kind != "increment" else checkpoint.records


def _emptied(resource: Resource, checkpoint: Checkpoint, read: Read, count: int) -> int:
    """How many records there were, if this read of everything is the first that finds none."""
    if resource.paging == "offset" or read.kind == "increment":
        return checkpoint.emptied
    return checkpoint.records if count == 0 else 0


def goes_on(connector: Connector, organisation: Organisation, until: datetime) -> bool:
    """Whether another call of a read may follow: the time is not up, and nobody has paused the organisation."""
    paused = connections.paused(connector.store)
    return connector.clock.now() < until and connections.pause_of(paused, organisation.tenant_id) is None


def hold(connector: Connector, lease: Lease) -> Lease:
    """The lease, renewed when it would not outlive the next call."""
    if (lease.until - connector.clock.now()).total_seconds() > CALL_SECONDS:
        return lease
    try:
        return connector.store.renew_lease(lease)
    except LeaseLost as error:
        raise RunEnded(f"The lease {lease.name} was lost.") from error
