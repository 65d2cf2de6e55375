"""Read Xero's reports: which are due, and one call after the other until none is left or the time is up.

    first      every month from START_DATE's to the running one, newest first
    later      the running month and the one before it (and those between, after a pause), and one older month in its turn,
               so that what is corrected in a month that was closed long ago is found without reading all of them
    a change   a trial balance that differs from the mirror's makes its neighbours due, since balances carry on: the months
               are read back to the first that is as it was; and each month that differs has its profit and loss read, too.
               What moves from one profit account to another carries on to the end of its financial year only, so the trial
               balance of each year's end is read every night

The bank summary is read for START_DATE alone. A checkpoint holds which reports are left, so that a run that is killed or
stopped by a limit goes on with the next one; one that was fetched twice is the same record.
"""

import calendar
import uuid
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from shared.audit import Audit
from shared.errors import RunEnded
from shared.state import checkpoints, messages, mirror
from shared.state.checkpoints import Checkpoint, Read
from shared.state.connections import Organisation
from shared.storage import Lease
from shared.sync.connector import Connector
from shared.sync.land import fetch_and_land, land_gone, report_of
from shared.sync.publish import organisation_record
from shared.sync.reader import goes_on, hold
from shared.sync.schedule import next_read
from shared.sync.winners import content_hash
from shared.xero.resources import RESOURCES, Resource


def carry_out_reports(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    lease: Lease,
    until: datetime,
) -> None:
    """Begin a round of reports that is due, or resume the one in progress, until it is over or the time is up."""
    now = connector.clock.now()
    if checkpoint.read is None:
        begun = _begin(connector, organisation, resource, checkpoint, now)
        checkpoint = replace(checkpoint, read=begun).save(connector.store)
        _forget_others(connector, audit, organisation, resource, now)
    while (read := checkpoint.read) is not None and goes_on(connector, organisation, until):
        if read.days:
            lease = hold(connector, lease)
            checkpoint = _read_one(connector, audit, organisation, resource, checkpoint, read)
        else:
            checkpoint = _complete(connector, audit, organisation, resource, checkpoint, read)
        # A crash later in this run must not take along what is known of this call.
        audit.flush()


def days(resource: Resource, connector: Connector) -> list[str]:
    """The ids of all reports of a resource that there are to read today, oldest first."""
    start = connector.settings.start_date
    if resource.is_of_the_start:
        return [start.isoformat()]
    return months(start, local_day(connector, connector.clock.now()))


def months(first: date, last: date) -> list[str]:
    """The month ends from the month of a day to that of another, oldest first; none when it begins after that."""
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    numbers = range(first.month - 1, first.month - 1 + count)
    return [_month_end(first.year + number // 12, number % 12 + 1) for number in numbers]


def due(all_days: list[str], last_read: date, turn: str, also: list[str]) -> tuple[list[str], str]:
    """What a later round asks for, in this order, and whose turn it is ("" when all are recent).

    last_read: the organisation's day of the last round. turn: the older one that had it last. also: older ones that are due for
    another reason.
    """
    since = _month_end_before(last_read)
    recent = [day for day in all_days if day >= since] or all_days[-1:]
    older = [day for day in all_days if day not in recent]
    next_turn = next((day for day in older if day > turn), older[0]) if older else ""
    found = [*reversed(recent), *(day for day in also if day in older), next_turn]
    return list(dict.fromkeys(filter(None, found))), next_turn


def _begin(
    connector: Connector,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    now: datetime,
) -> Read:
    name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    all_days = days(resource, connector)
    if not checkpoint.history or checkpoint.watermark is None:
        newest_first = tuple(reversed(all_days))
        return Read(kind="history", read_id=f"history-{name}", began=now, days=newest_first)
    last_read = local_day(connector, checkpoint.watermark)
    also = _changed_elsewhere(connector, organisation, resource, checkpoint.watermark)
    also += _year_ends(connector, organisation, resource, all_days)
    found, turn = due(all_days, last_read, checkpoint.turn, also)
    return Read(kind="increment", read_id=f"increment-{name}", began=now, days=tuple(found), turn=turn)


def _changed_elsewhere(
    connector: Connector, organisation: Organisation, resource: Resource, since: datetime
) -> list[str]:
    """The months whose trial balance was found to be another one since this report was read."""
    if resource.report is None or resource.report.carries or resource.report.of != "months":
        return []
    found: set[str] = set()
    for other in RESOURCES.values():
        if other.report is not None and other.report.carries:
            theirs = checkpoints.load(connector.store, organisation.tenant_id, other.name)
            found |= {day for day, at in theirs.changed.items() if at >= since}
    return sorted(found)


def _year_ends(
    connector: Connector, organisation: Organisation, resource: Resource, all_days: list[str]
) -> list[str]:
    """The months in which the organisation's financial years end; none while its record is not there."""
    if resource.report is None or not resource.report.carries:
        return []
    record = organisation_record(connector, organisation) or {}
    end = f"-{record.get('FinancialYearEndMonth') or 0:>02}-"
    return [day for day in all_days if day[4:8] == end]


def _read_one(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: Read,
) -> Checkpoint:
    """One call, its report in the outbox, and where the checkpoint is after it."""
    day = read.days[0]
    request = report_of(resource, day)
    page = fetch_and_land(connector, audit, organisation, resource, request, f"{read.kind}, {day}")
    messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)
    changed = dict(checkpoint.changed)
    left = list(read.days[1:])
    asked = (*read.asked, day)
    record = resource.named(page.records[0], request.params)
    if _differs(connector, organisation, resource, day, content_hash(resource.lasting(record))):
        changed[day] = connector.clock.now()
        if resource.report is not None and resource.report.carries and read.kind != "history":
            beside = _beside(days(resource, connector), day)
            left += [each for each in beside if each not in asked and each not in left]
    following = msgspec.structs.replace(read, days=tuple(left), asked=asked)
    return replace(checkpoint, read=following, changed=changed, trouble="").save(connector.store)


def _differs(
    connector: Connector, organisation: Organisation, resource: Resource, day: str, found: str
) -> bool:
    """Whether a report is another one than the mirror has; one that it does not know says nothing of others."""
    known = mirror.known(connector.store, organisation.tenant_id, resource.name, [day]).get(day)
    return known is not None and known.hash != found


def _beside(all_days: list[str], day: str) -> list[str]:
    at = all_days.index(day) if day in all_days else -1
    return [] if at < 0 else [*all_days[max(0, at - 1) : at], *all_days[at + 1 : at + 2]]


def _complete(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    checkpoint: Checkpoint,
    read: Read,
) -> Checkpoint:
    now = connector.clock.now()
    began = read.began or now
    audit.add(
        "read",
        "complete",
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=read.kind,
        count=len(read.asked),
    )
    if any(at >= began for at in checkpoint.changed.values()):
        _make_others_due(connector, organisation, resource, now)
    return replace(
        checkpoint,
        history=checkpoint.history or read.folder,
        watermark=began,
        read=None,
        next_at=next_read(connector.settings, resource, now),
        completed_at=now,
        fresh_as_of=began,
        parked=False,
        records=len(days(resource, connector)),
        turn=read.turn or checkpoint.turn,
        trouble="",
    ).save(connector.store)


def _make_others_due(
    connector: Connector, organisation: Organisation, resource: Resource, now: datetime
) -> None:
    """What a trial balance's change concerns is read at once, not a night later."""
    if resource.report is None or not resource.report.carries:
        return
    for other in connector.resources.values():
        if other.report is None or other.report.carries or other.report.of != "months":
            continue
        theirs = checkpoints.load(connector.store, organisation.tenant_id, other.name)
        if theirs.history and theirs.next_at > now:
            # Whoever reads them meanwhile knows of the change the next time.
            with suppress(RunEnded):
                replace(theirs, next_at=now).save(connector.store)


def _forget_others(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, now: datetime
) -> None:
    """The opening balances of another START_DATE count no more."""
    if not resource.is_of_the_start:
        return
    start = connector.settings.start_date.isoformat()
    others = sorted(mirror.alive(connector.store, organisation.tenant_id, resource.name) - {start})
    if others:
        land_gone(
            connector,
            audit,
            organisation,
            resource,
            report_of(resource, start),
            others,
            "START_DATE is another one",
            at=now,
            error="",
        )
        messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)


def local_day(connector: Connector, now: datetime) -> date:
    return now.astimezone(ZoneInfo(connector.settings.time_zone)).date()


def _month_end(year: int, month: int) -> str:
    return date(year, month, calendar.monthrange(year, month)[1]).isoformat()


def _month_end_before(day: date) -> str:
    return (day.replace(day=1) - timedelta(days=1)).isoformat()
