"""Health: what is known of every organisation, table, dataset, budget, token set and queue, and which alarms stand.

Read from storage, and from the vault where it may be read. No call is made to Xero or Power BI, and nothing is written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.budgets import Spent, spent
from shared.errors import ConnectorError
from shared.state import alarms as told
from shared.state import connections, kept, messages, noted, outbox, proofs, quarantine, sink
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.state.noted import Note
from shared.state.sink import State
from shared.sync import outlook, promised, superseded
from shared.sync.connector import Connector
from shared.sync.outlook import Outlook, Status, Waiting
from shared.sync.standing import CONSENT_DAYS, alarms
from shared.sync.status import told_before
from shared.sync.vitals import (
    Alarm,
    DatasetHealth,
    Health,
    OrganisationHealth,
    QueueHealth,
    TableHealth,
    TokenSetHealth,
)
from shared.tables import TABLES
from shared.tables.table import Table
from shared.xero.resources import RESOURCES, Resource

# Minutes between two reads of what changes all day.
OFTEN = 60


def health(connector: Connector, *, tenant_id: str = "") -> Health:
    """Everything, or what concerns one organisation."""
    store, now = connector.store, connector.clock.now()
    organisations = [each for each in connections.connected(store) if tenant_id in ("", each.tenant_id)]
    notes = noted.noted(store)
    found = {each.tenant_id: outlook.outlook(connector, each) for each in organisations}
    names = sorted({each.dataset for each in organisations})
    # After the checkpoints: what their reads landed is pending, or done.
    waiting = {name: outlook.waiting(connector, name) for name in names}
    states = {name: sink.read(store, name) for name in names}
    state = told.load(store)
    known = Health(
        at=now,
        organisations=[
            _organisation(
                connector, each, found[each.tenant_id], states[each.dataset], waiting[each.dataset], notes
            )
            for each in organisations
        ],
        datasets=[
            _dataset(connector, states[name], waiting[name], notes.get(("refused", name))) for name in names
        ],
        token_sets=_token_sets(connector, organisations, notes),
        queue=QueueHealth(
            waiting=store.queue_length(messages.QUEUE),
            poisoned=store.queue_length(messages.POISON),
            swept_at=at.at if (at := notes.get(("swept", messages.QUEUE))) else None,
            put_aside=sum(1 for _ in store.list_blobs(quarantine.CONTAINER, "messages/")),
        ),
        looked_at=state.looked_at,
        trial=state.trial,
    )
    standing = [_since(each, state, now) for each in alarms(connector.settings, known)]
    return replace(known, alarms=standing)


def _since(alarm: Alarm, state: told.Told, now: datetime) -> Alarm:
    """Where nothing else tells since when, the run that found it first does."""
    seen = state.told.get(alarm.key)
    return alarm if alarm.since is not None else replace(alarm, since=seen.since if seen else now)


def _organisation(
    connector: Connector,
    organisation: Organisation,
    found: Outlook,
    state: State,
    waiting: Waiting,
    notes: Mapping[tuple[str, str], Note],
) -> OrganisationHealth:
    settings, now = connector.settings, connector.clock.now()
    known = told_before(connector, organisation)
    rebuilding = state.rebuild.table if state.rebuild else ""
    statuses = outlook.statuses(connector, organisation, found, state, known, rebuilding, {}, waiting)
    reads = {name: each for name, each in found.checkpoints.items() if name in connector.resources}
    budget = spent(connector.store, organisation.tenant_id, now)
    webhook = notes.get(("webhook", organisation.tenant_id))
    return OrganisationHealth(
        organisation=organisation,
        budget=budget,
        reads=reads,
        resources=len(connector.resources),
        complete=sum(each.is_complete for each in reads.values()),
        last_poll=max((each.completed_at for each in reads.values() if each.completed_at), default=None),
        last_webhook=webhook.at if webhook else None,
        unread_since=promised.unread_since(
            settings,
            connector.resources.values(),
            reads,
            last_call=budget.last_call if budget else None,
            day_spent=is_day_spent(connector, budget),
            now=now,
        ),
        paused_since=found.paused.since if found.paused else None,
        paused_why=found.paused.why if found.paused else "",
        proof=proofs.last(connector.store, organisation.tenant_id),
        kept=kept.load_all(connector.store, organisation.tenant_id),
        tables=[
            _table(connector, TABLES[str(each["SyncStatusID"])], each, reads, state, waiting)
            for each in statuses
        ],
    )


def is_day_spent(connector: Connector, budget: Spent | None) -> bool:
    """Whether polling has no call left of the day."""
    settings = connector.settings
    most = settings.xero_day_limit - min(settings.xero_webhook_reserve, settings.xero_day_limit // 2)
    return budget is not None and (budget.day >= most or budget.blocked_by == "day")


def _table(
    connector: Connector,
    table: Table,
    status: Status,
    reads: Mapping[str, Checkpoint],
    state: State,
    waiting: Waiting,
) -> TableHealth:
    names = outlook.read_for(connector, table)
    mine = [reads[name] for name in names if name in reads]
    polled = [each.completed_at for each in mine if each.completed_at is not None]
    pending = [each for each in waiting.pending if outbox.resource_of(each) in table.resources]
    pushed_at = state.table(table.name).pushed_at
    fresh = status["FreshAsOf"]
    return TableHealth(
        table=table.name,
        fresh_as_of=datetime.fromisoformat(fresh).replace(tzinfo=UTC) if fresh else None,
        fresh_until=promised.fresh_until(connector.settings, reads, names) if names else None,
        last_poll=min(polled) if polled and len(polled) == len(names) else None,
        next_poll=min((max(each.next_at, each.resume_at) for each in mine), default=None),
        last_push=datetime.fromtimestamp(pushed_at / 1000, UTC) if pushed_at else None,
        records=sum(each.records for each in mine),
        rows_at_most=state.rows_upper.get(table.name, 0),
        pending=len(pending),
        oldest_pending=outbox.landed_at(min(pending)) if pending else None,
        quarantined=int(status["Quarantined"]),
        parked=str(status["Parked"] or ""),
        trouble=str(status["Trouble"] or ""),
        rebuilding=bool(status["IsRebuilding"]),
        verified=status["IsVerified"],
        is_read=bool(names),
        moves=all(_is_read_often(RESOURCES[name]) for name in names),
    )


def _is_read_often(resource: Resource) -> bool:
    return resource.is_of_the_start or (resource.report is None and resource.minutes <= OFTEN)


def _dataset(connector: Connector, state: State, waiting: Waiting, refused: Note | None) -> DatasetHealth:
    oldest = outbox.landed_at(min(waiting.pending)) if waiting.pending else None
    pushed_at = max((each.pushed_at for each in state.tables.values()), default=0)
    rebuild = state.rebuild
    return DatasetHealth(
        dataset=state.dataset,
        powerbi_id=state.powerbi_id,
        pending=len(waiting.pending),
        oldest_pending=oldest,
        in_flight=len(state.in_flight),
        unreadable=len(waiting.aside),
        rows_at_most=sum(state.rows_upper.values()),
        last_push=datetime.fromtimestamp(pushed_at / 1000, UTC) if pushed_at else None,
        doubt_at=state.doubt_at,
        # What was refused is in the meantime posted when nothing of then waits any more.
        refused=refused if refused and oldest and oldest <= refused.at else None,
        rebuild=rebuild,
        rebuild_ends=rebuild.since
        + superseded.takes(connector.settings, state.table(rebuild.table).current)
        + promised.GRACE
        if rebuild
        else None,
        successor=state.successor.name if state.successor else "",
        parked={name: each.parked for name, each in state.tables.items() if each.parked},
        unverified=[name for name, each in state.tables.items() if each.verified is False],
    )


def _token_sets(
    connector: Connector, organisations: Sequence[Organisation], notes: Mapping[tuple[str, str], Note]
) -> list[TokenSetHealth]:
    """The sets of organisations whose consent is given."""
    found = []
    names = sorted({each.token_set for each in organisations if not each.consent_lost})
    attempts = {
        str(each.entity["RowKey"]): each.entity
        for each in connector.store.query_entities("checkpoints", "token-set")
    }
    for name in names:
        attempt = attempts.get(name, {})
        trying = int(attempt.get("intent", -1)) >= 0 and attempt.get("intended_at")
        since = datetime.fromisoformat(str(trying)) if trying else None
        note = notes.get(("refresh", name))
        try:
            tokens = connector.secrets().token_set(name)
        except ConnectorError as error:
            found.append(
                TokenSetHealth(
                    token_set=name,
                    unknown=str(error),
                    trying_since=since,
                    failure=note.words if note else "",
                )
            )
            continue
        ends = tokens.obtained_at + timedelta(days=CONSENT_DAYS)
        found.append(
            TokenSetHealth(
                token_set=name,
                generation=tokens.generation,
                obtained_at=tokens.obtained_at,
                expires_at=tokens.expires_at,
                days_left=max(0, (ends - connector.clock.now()).days) if tokens.refresh_token else None,
                trying_since=since,
                failure=note.words if note and note.at > tokens.obtained_at else "",
            )
        )
    return found
