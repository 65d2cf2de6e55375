"""Push: drain a dataset's outbox into Power BI, as its one writer.

    1 take the oldest batches, keep the newest fetch of each record, drop what the mirror has already
    2 one conditional write reserves versions, counts rows and notes the batches as in flight
    3 POST, table by table; each version of a record has at least one row in each table that it feeds. While a dataset has a
      successor, to both
    4 only then: the mirror, the batches to done/, nothing in flight, the audit

Whoever finds batches in flight pushes their records again, whatever the mirror has: nobody knows which POSTs landed. A
record has then two rows of the same content and different versions, which changes no measure. Where a run was stopped by a
limit or a lost answer and could still say how far it came, the next one goes on from there, under the same versions, if it
would send exactly the same: so a push that needs more POSTs than may be pending is finished.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

from shared.audit import Audit
from shared.clock import milliseconds
from shared.errors import AskPerson, BadMessage, LimitReached, NotFound, OutcomeUnknown, RetryLater
from shared.state import connections, forgotten, messages, mirror, outbox, quarantine
from shared.state.outbox import Batch
from shared.state.rebuilds import Round
from shared.state.sink import State, Writer
from shared.storage import Write
from shared.sync import compact, lists, superseded, targets
from shared.sync.compare import Change, Work, compare, known_after
from shared.sync.connector import Connector
from shared.sync.posting import Progress, TableFull, check_room, post
from shared.sync.publish import publish
from shared.sync.remember import remember
from shared.sync.status import RESOURCE as STATUS
from shared.sync.status import land_status, post_pause, tell_parked
from shared.sync.targets import Target

# As many batches as fill the largest POSTs; what they weigh packed bounds the memory of a run.
BATCHES = 40
PACKED_BYTES = 3_000_000
# In milliseconds: the window of Power BI's limit of POSTs.
A_MINUTE = 60_000


def drain(connector: Connector, dataset: str, audit: Audit, *, until: datetime) -> bool:
    """Push what is pending, oldest first; answers whether something is left when the time is up.

    When everything is paused, a compaction under way is finished, since its table is empty meanwhile, and that is all.

    Raises LeaseBusy, RunEnded, LimitReached, OutcomeUnknown, PermissionMissing and others: what is in flight then is
    pushed again by the next run.
    """
    with Writer.take(connector.store, connector.clock, dataset) as writer:
        if not writer.state.powerbi_id:
            if not connections.going_into(connector.store, dataset):
                # Everybody who went into it was disconnected: nobody is to be asked for it every hour.
                return False
            raise AskPerson(
                f"Dataset {dataset} is not in Power BI yet: run `python3 manage.py dataset create {dataset}`."
            )
        # A table that is empty or half full comes before everything.
        if not compact.finish(connector, writer, audit, until):
            return True
        pushed = told = False
        while connector.clock.now() < until:
            if connections.is_paused(connector.store):
                post_pause(connector, writer, audit)
                return False
            again = bool(writer.state.in_flight)
            batches, were_there = _take_batches(connector, dataset, writer, audit)
            if not batches:
                if again:
                    writer.land()
                elif not were_there:
                    if pushed and not told and _publish(connector, dataset, audit):
                        continue
                    # Once a run: pushing the status is nothing to tell of.
                    if told or not land_status(connector, writer, audit, pushed=pushed):
                        return False
                    told = True
                continue
            try:
                _push_batches(connector, dataset, writer, batches, audit, again=again)
            except TableFull as full:
                _tell_full(connector, writer, audit, full)
                raise
            pushed = True
            audit.flush()
    return True


def _publish(connector: Connector, dataset: str, audit: Audit) -> bool:
    """An organisation that was just pushed may be new, or have another year end; answers whether anything landed.

    Of the next organisation once that is pushed.
    """
    found = connections.going_into(connector.store, dataset)
    return any(publish(connector, audit, organisation) for organisation in found)


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
    done: list[str] = []
    contacts = forgotten.contacts(connector.store) if names else {}
    for name in names:
        try:
            batch = outbox.read(connector.store, dataset, name, contacts)
            if batch is not None:
                batch.records()
                batches.append(batch)
            else:
                done.append(name)
        except BadMessage as error:
            aside = outbox.put_aside(connector.store, dataset, name)
            audit.add("quarantine", "batch", why=aside, batches=[name], error=error)
    if done:
        audit.add("push", "done", why="by a run that ended before it could tell", batches=done)
    return batches, bool(names)


def _push_batches(
    connector: Connector, dataset: str, writer: Writer, batches: Sequence[Batch], audit: Audit, *, again: bool
) -> None:
    work = compare(connector, batches, audit, powerbi_id=writer.state.powerbi_id, again=again)
    names = [batch.name for batch in batches]
    if work.changes or again:
        ours, successor = targets.present(connector, writer), targets.successor(connector, writer)
        digest = _digest(connector, work.changes, ours, successor) if again else ""
        progress = _resume(writer, work.changes, digest)
        if progress is None:
            progress = Progress()
            _reserve(connector, writer, work.changes, names, ours, successor, again=again)
        try:
            for target in filter(None, (ours, successor)):
                try:
                    post(connector, writer, target, work.changes, audit, progress)
                except NotFound:
                    if not targets.is_gone(connector, writer, audit, target):
                        raise
        except (RetryLater, AskPerson) as error:
            digest = digest or _digest(connector, work.changes, ours, successor)
            _pause(writer, work.changes, digest, progress, error)
            raise
    # Before the mirror forgets that there was a doubt.
    for tenant_id, resource, ids in work.doubtful:
        messages.send_ids(
            connector.store, connector.clock, tenant_id, resource, ids, "in doubt", audit.operation
        )
    _remember(connector, writer, work)
    for organisation, found in work.lists:
        lists.refresh(connector, audit, organisation, found)
    for batch in batches:
        outbox.finish(connector.store, dataset, batch.name)
    if writer.state.in_flight:
        writer.land()
    _tell(audit, batches, work, again=again)


def _digest(connector: Connector, changes: Sequence[Change], ours: Target, successor: Target | None) -> str:
    """The same for rows that are sent to the same places in the same POSTs."""
    settings = connector.settings
    sent = [
        (
            change.organisation.tenant_id,
            change.resource,
            change.fetch.record_id,
            change.is_gone,
            change.content,
        )
        for change in changes
    ]
    where = [(target.powerbi_id, target.definition) for target in (ours, successor) if target]
    return lists.hash_of([sent, where, settings.powerbi_rows_per_post, settings.powerbi_bytes_per_post])


def _resume(writer: Writer, changes: Sequence[Change], digest: str) -> Progress | None:
    """Where the POSTs of what is in flight go on; None when they begin anew, under newer versions.

    What was sent beside them meanwhile has newer versions than they.
    """
    stopped = writer.state.round
    if stopped is None or stopped.digest != digest or stopped.last != writer.state.version_high:
        return None
    for number, change in enumerate(changes):
        change.version = stopped.first + number
    writer.resume()
    return Progress(skip=stopped.posts)


def _pause(
    writer: Writer,
    changes: Sequence[Change],
    digest: str,
    progress: Progress,
    error: Exception,
) -> None:
    """Note which POSTs landed. A record that was refused is in the next round's way, which begins anew."""
    if progress.done and not any(change.refused for change in changes):
        last = writer.state.version_high
        stopped = Round(first=changes[0].version, last=last, digest=digest, posts=progress.done)
        writer.pause(stopped, progress.under_way if isinstance(error, OutcomeUnknown) else {})


def _reserve(
    connector: Connector,
    writer: Writer,
    changes: Sequence[Change],
    names: Sequence[str],
    ours: Target,
    successor: Target | None,
    *,
    again: bool,
) -> None:
    """Take a version for each change, and count its rows wherever they go, before anything is sent."""
    counts = ours.counts(changes)
    check_room(connector, writer.state.dataset, writer.state.rows_upper, counts)
    _keep_within_limits(connector, writer.state, counts)
    # What is pushed again was counted the first time.
    news = () if again else changes
    fresh = ours.counts(change for change in news if not change.is_in(ours.powerbi_id))
    beside = writer.state.successor
    if beside is not None and successor is not None:
        theirs = successor.counts(changes)
        check_room(connector, writer.state.dataset, beside.rows, theirs)
        new_there = (change for change in news if not change.is_beside(successor.powerbi_id))
        beside = beside.counting(theirs, successor.counts(new_there))
    first = writer.reserve(len(changes), names, counts, fresh, beside)
    for number, change in enumerate(changes):
        change.version = first + number


def _keep_within_limits(connector: Connector, state: State, counts: Mapping[str, int]) -> None:
    """Power BI's limits are the dataset's, whichever instance sends. Raises LimitReached before it would."""
    now = connector.clock.now()
    seconds = superseded.waits(state, connector.settings, sum(counts.values()), len(counts), now)
    if seconds:
        raise LimitReached(
            f"Dataset {state.dataset} was sent nearly as much as Power BI takes in an hour.",
            limit="rows",
            seconds=seconds,
        )
    pushed_at = max((each.pushed_at for each in state.tables.values()), default=0)
    if milliseconds(now) - pushed_at < A_MINUTE:
        connector.powerbi().somebody_posted()


def _tell_full(connector: Connector, writer: Writer, audit: Audit, full: TableFull) -> None:
    """What waits in the outbox cannot be pushed, so that the status is told beside it."""
    if STATUS not in full.tables:
        tell_parked(connector, writer, audit, dict.fromkeys(full.tables, str(full)))


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
            also_in=writer.state.successor.powerbi_id if writer.state.successor else "",
            deleted=fetch.record is None,
            lists=change.lists,
            rows=change.content,
        )
        if fetch.record is None:
            writes[tenant_id, change.resource].append(mirror.advance(tenant_id, change.resource, entry))
        else:
            writes[tenant_id, change.resource].append(
                mirror.keep(connector.store, tenant_id, change.resource, entry, fetch.record, fetch.batch)
            )
        # What was put aside since is newer than what the mirror has.
        if not fetch.from_mirror:
            healed.append((tenant_id, change.resource, fetch.record_id))
    for some in writes.values():
        remember(connector.store, writer, some)
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
