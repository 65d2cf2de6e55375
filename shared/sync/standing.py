"""Which alarms stand, judged from what `health` read. A cause silences what follows from it, so that one thing is one alarm."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from shared.settings import Settings
from shared.state.noted import Note
from shared.state.proofs import Proof
from shared.sync.beyond import VANISHED
from shared.sync.promised import BUSY, GRACE
from shared.sync.refresh import RENEW_AFTER
from shared.sync.refusals import is_parked
from shared.sync.vitals import (
    Alarm,
    DatasetHealth,
    Health,
    OrganisationHealth,
    TableHealth,
    TokenSetHealth,
)
from shared.tables import TABLES

# An unused refresh token lives so long, and with it the consent.
CONSENT_DAYS = 60
# Renewed at 20 minutes, or 5 or 10 later; a set that is older than this ran out.
RENEWAL_LATE = RENEW_AFTER + timedelta(minutes=15)
# This share of the calls that polling may make in a day.
NEARLY = 0.9
PAUSED_LONG = timedelta(days=1)
# Scheduled comparisons come round to each month well within this; the first ones come within days.
PROVEN_WITHIN = timedelta(days=45)
FIRST_PROVEN_WITHIN = timedelta(days=7)
NAMED_HISTORY = re.compile(r"history-(\d{8}T\d{6})-")
# Messages that were brought back fail again within minutes, if they do.
SWEPT = timedelta(minutes=30)


def alarms(settings: Settings, found: Health) -> list[Alarm]:
    """What of all that is known is an alarm."""
    standing = [*_of_token_sets(found), *_of_datasets(found), *_of_queue(found)]
    for organisation in found.organisations:
        mine = [*_of_organisation(settings, found, organisation)]
        if organisation.paused_since is None and not any(
            each.code in ("consent-lost", "not-polled") for each in mine
        ):
            mine += _stale(found, organisation, [*standing, *mine])
        standing += mine
    if found.trial.stands:
        standing.append(
            Alarm(code="test", since=found.trial.asked_at, words="An operator asked for this alarm.")
        )
    return standing


def _of_organisation(settings: Settings, found: Health, organisation: OrganisationHealth) -> Iterator[Alarm]:
    tenant_id = organisation.organisation.tenant_id
    if organisation.organisation.consent_lost:
        yield Alarm(
            code="consent-lost",
            organisation=tenant_id,
            words="Xero's consent is lost: a user of the organisation must connect again.",
        )
        return
    paused = organisation.paused_since
    if paused is not None and found.at - paused > PAUSED_LONG:
        yield Alarm(
            code="paused",
            organisation=tenant_id,
            since=paused,
            words="Reading is paused by an operator.",
        )
    if paused is None and organisation.unread_since is not None:
        troubles = sorted(
            {each.trouble for each in organisation.reads.values() if each.trouble and not each.parked}
        )
        yield Alarm(
            code="not-polled",
            organisation=tenant_id,
            since=organisation.unread_since,
            words=f"Nothing was read since it was due at {_at(organisation.unread_since)}. {' '.join(troubles[:2])}".strip(),
        )
    yield from _of_reads(found, tenant_id, organisation)
    yield from _of_mirror(tenant_id, organisation)
    yield from _of_proofs(settings, found, tenant_id, organisation)
    yield from _of_budget(settings, tenant_id, organisation)
    counted = [each for each in organisation.tables if each.quarantined]
    if counted:
        # A record counts in each table that it feeds.
        yield Alarm(
            code="quarantined",
            organisation=tenant_id,
            words=f"Records put aside: {', '.join(f'{each.quarantined} of {each.table}' for each in counted)}.",
        )


def _of_reads(found: Health, tenant_id: str, organisation: OrganisationHealth) -> Iterator[Alarm]:
    for name, checkpoint in sorted(organisation.reads.items()):
        if checkpoint.parked:
            code = "vanished" if VANISHED in checkpoint.trouble else "parked"
            yield Alarm(
                code=code,
                organisation=tenant_id,
                about=name,
                since=checkpoint.troubled_since(found.at),
                words=f"{name}: {checkpoint.trouble}",
            )
        elif checkpoint.emptied:
            yield Alarm(
                code="vanished",
                organisation=tenant_id,
                about=name,
                since=checkpoint.whole_at,
                words=f"{name}: Xero's list is empty, and had {checkpoint.emptied} records before.",
            )
    yield from _emptied_tables(tenant_id, organisation)


def _of_mirror(tenant_id: str, organisation: OrganisationHealth) -> Iterator[Alarm]:
    lacking = [each for each in organisation.kept.values() if each.lacks]
    if lacking:
        told = ", ".join(f"{each.had} of {each.resource}" for each in lacking)
        yield Alarm(
            code="mirror-lost",
            organisation=tenant_id,
            since=min((each.lost_at for each in lacking if each.lost_at), default=None),
            words=f"The mirror has fewer records than it had ({told}): they are read again, and no table is compacted before.",
        )


def _of_proofs(
    settings: Settings, found: Health, tenant_id: str, organisation: OrganisationHealth
) -> Iterator[Alarm]:
    proof = organisation.proof
    if proof.differs:
        what = sorted(
            {
                each.table if isinstance(each, Proof) else f"the report of {each.about}"
                for each in proof.differs
            }
        )
        yield Alarm(
            code="differs",
            organisation=tenant_id,
            since=min(each.at for each in proof.differs),
            words=f"The last comparison found a difference in {', '.join(what)}.",
        )
    if not settings.reconcile_percent or organisation.paused_since is not None:
        return
    if proof.oldest is not None and found.at - proof.oldest > PROVEN_WITHIN:
        words = f"Some months were last compared with Xero at {_at(proof.oldest)}."
        yield Alarm(code="unproven", organisation=tenant_id, since=proof.oldest + PROVEN_WITHIN, words=words)
    began = _history_began(organisation)
    if proof.oldest is None and began is not None and found.at - began > FIRST_PROVEN_WITHIN:
        yield Alarm(
            code="unproven",
            organisation=tenant_id,
            since=began + FIRST_PROVEN_WITHIN,
            words="Nothing was ever compared with Xero.",
        )


def _history_began(organisation: OrganisationHealth) -> datetime | None:
    """When the oldest history that is complete began to be read, as its name says; None while none is."""
    found = [
        datetime.strptime(named[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        for each in organisation.reads.values()
        if each.is_complete and (named := NAMED_HISTORY.match(each.history))
    ]
    return min(found, default=None) if organisation.complete == organisation.resources else None


def _emptied_tables(tenant_id: str, organisation: OrganisationHealth) -> Iterator[Alarm]:
    """Tables of which Power BI has no row, although records that feed them are read and posted."""
    for table in organisation.tables:
        resources = TABLES[table.table].resources
        read = [organisation.reads[name] for name in resources if name in organisation.reads]
        posted = table.last_push is not None and not table.pending and not table.rebuilding
        if posted and not table.rows_at_most and any(each.records for each in read):
            yield Alarm(
                code="vanished",
                organisation=tenant_id,
                about=table.table,
                words=f"{table.table} has no row in Power BI, and Xero has {table.records} records for it.",
            )


def _of_budget(settings: Settings, tenant_id: str, organisation: OrganisationHealth) -> Iterator[Alarm]:
    budget = organisation.budget
    if budget is None:
        return
    most = settings.xero_day_limit - min(settings.xero_webhook_reserve, settings.xero_day_limit // 2)
    if budget.day >= NEARLY * most or budget.blocked_by == "day":
        ends = budget.blocked_until if budget.blocked_by == "day" else budget.day_ends
        yield Alarm(
            code="day-budget",
            organisation=tenant_id,
            since=budget.day_ends - timedelta(days=1),
            words=f"{budget.day} of {most} calls of the day are made; it begins anew at {_at(ends or budget.day_ends)}.",
        )


def _of_token_sets(found: Health) -> Iterator[Alarm]:
    for each in found.token_sets:
        since = _unrenewed_since(found.at, each)
        if since is not None:
            left = f" {each.days_left} of {CONSENT_DAYS} days are left." if each.days_left is not None else ""
            yield Alarm(
                code="token-refresh",
                about=each.token_set,
                since=since,
                words=f"Token set {each.token_set} was not renewed since {_at(since)}.{left} {each.failure}".strip(),
            )


def _unrenewed_since(now: datetime, tokens: TokenSetHealth) -> datetime | None:
    began = tokens.obtained_at or tokens.trying_since
    return began if began is not None and now - began > RENEWAL_LATE else None


def _of_datasets(found: Health) -> Iterator[Alarm]:
    for each in found.datasets:
        waits = each.oldest_pending
        if not each.powerbi_id:
            if waits is not None and found.at - waits > GRACE:
                yield Alarm(
                    code="dataset",
                    about=each.dataset,
                    since=waits,
                    words=f"Dataset {each.dataset} is not in Power BI yet; {each.pending} batches wait.",
                )
        elif each.refused is not None:
            yield Alarm(
                code="parked" if each.refused.about else "dataset",
                about=each.refused.about or each.dataset,
                since=waits or each.refused.at,
                words=_refused(found, each.refused),
            )
        if each.unreadable:
            yield Alarm(
                code="quarantined",
                about=each.dataset,
                words=f"{each.unreadable} batches of dataset {each.dataset} cannot be read.",
            )
        yield from _of_compaction(found, each)


def _refused(found: Health, note: Note) -> str:
    """Why a dataset takes nothing, and what becomes of it."""
    if note.until is None or note.until <= found.at:
        return note.words
    parked = "It was tried for a day and is parked; `python3 manage.py replay` tries it at once. "
    then = f"It is tried again at {_at(note.until)}."
    return f"{parked if is_parked(note) else ''}{then} {note.words}"


def _of_compaction(found: Health, dataset: DatasetHealth) -> Iterator[Alarm]:
    rebuild, ends = dataset.rebuild, dataset.rebuild_ends
    if rebuild is not None and ends is not None and found.at > ends:
        yield Alarm(
            code="compaction",
            about=rebuild.table,
            since=rebuild.since,
            words=f"{rebuild.table} of dataset {dataset.dataset} is {rebuild.phase} since {_at(rebuild.since)}.",
        )
    for table, why in dataset.parked.items():
        code = "compaction" if table in dataset.unverified else "parked"
        yield Alarm(code=code, about=table, words=f"{table}: {why}")


def _of_queue(found: Health) -> Iterator[Alarm]:
    queue = found.queue
    swept = queue.swept_at
    recently = swept is not None and found.at - swept < SWEPT
    if queue.put_aside or queue.poisoned or recently:
        yield Alarm(
            code="poisoned",
            about="push",
            words=f"Messages put aside for a person: {queue.put_aside}; in the poison queue: {queue.poisoned}.",
        )


def _stale(found: Health, organisation: OrganisationHealth, others: list[Alarm]) -> Iterator[Alarm]:
    """The tables that are older than promised, unless another alarm says why."""
    mine = organisation.organisation
    dataset = next(each for each in found.datasets if each.dataset == mine.dataset)
    told = {each.about for each in others if each.code in ("dataset", "compaction")}
    if dataset.dataset in told or (dataset.rebuild is not None and dataset.rebuild.table in told):
        return
    if dataset.refused is not None:
        return
    explained = {
        each.about
        for each in others
        if each.code in ("parked", "vanished") and each.organisation == mine.tenant_id
    }
    for table in organisation.tables:
        if table.table in explained or explained.intersection(TABLES[table.table].resources):
            continue
        since = _late_since(found.at, table, dataset)
        if since is not None:
            fresh = f"as of {_at(table.fresh_as_of)}" if table.fresh_as_of else "not there yet"
            why = f" {table.pending} batches wait." if table.pending else ""
            yield Alarm(
                code="stale",
                organisation=mine.tenant_id,
                about=table.table,
                since=since,
                words=f"{table.table} is {fresh}.{why} {table.trouble}".strip(),
            )


def _late_since(now: datetime, table: TableHealth, dataset: DatasetHealth) -> datetime | None:
    """Since when a table is older than promised: it was not read in time, or what was read is not posted."""
    if table.fresh_until is not None and now > table.fresh_until:
        return table.fresh_until
    if table.oldest_pending is None or dataset.rebuild is not None:
        return None
    again = dataset.doubt_at is not None and now - dataset.doubt_at <= GRACE
    moving = dataset.last_push is not None and now - dataset.last_push <= GRACE and not again
    late = table.oldest_pending + (BUSY if moving else GRACE)
    return late if now > late else None


def _at(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
