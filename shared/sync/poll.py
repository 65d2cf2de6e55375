"""Poll Xero: for each organisation and resource, the history first, then what changed, as the schedule has it due."""

import logging
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime, timedelta

from shared import log
from shared.audit import Audit
from shared.errors import (
    AskPerson,
    ConnectorError,
    ConsentLost,
    GiveUp,
    LimitReached,
    RetryLater,
    RunEnded,
    ScopeMissing,
    TierMissing,
)
from shared.state import checkpoints, connections, messages
from shared.state.connections import Organisation
from shared.sync import lost
from shared.sync.alarms import tell_alarms
from shared.sync.connector import Connector
from shared.sync.pause import go_on
from shared.sync.publish import publish
from shared.sync.reader import carry_out
from shared.sync.reports import carry_out_reports
from shared.sync.status import wake_for_status
from shared.sync.sweep import sweep
from shared.xero.resources import Resource

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
ASK_AGAIN = timedelta(hours=1)
# A tier does not change within the hour, nor do scopes without a new consent, which makes what waits due at once.
ASK_AGAIN_FOR_RIGHTS = timedelta(days=1)
ORGANISATIONS_AT_ONCE = 4


def poll(connector: Connector, *, until: datetime, operation: str = "") -> None:
    """Sweep, then read what is due of every organisation, until the time is up; the next run goes on at each cursor.

    Organisations are read side by side: each has limits of its own at Xero. Nothing is read of what is paused. Whatever fails,
    alarms are told at the end.
    """
    operation = operation or uuid.uuid4().hex
    try:
        _poll(connector, operation, until)
    except Exception:
        _tell_alarms(connector)
        raise
    _tell_alarms(connector)


def _poll(connector: Connector, operation: str, until: datetime) -> None:
    paused = go_on(connector)
    sweep(connector, operation=operation, paused=connections.EVERYTHING in paused)
    lost.look(connector, operation)
    organisations = connections.connected(connector.store)
    reading = [
        each
        for each in organisations
        if not each.consent_lost and connections.pause_of(paused, each.tenant_id) is None
    ]
    _poll_organisations(connector, operation, reading, until)
    wake_for_status(connector, connections.connected(connector.store), operation)


def _tell_alarms(connector: Connector) -> None:
    try:
        tell_alarms(connector)
    except Exception as error:
        # What was read is durable; the next run looks again.
        log.event(logger, "alarms not told", level=logging.ERROR, **log.cause(error))


def _poll_organisations(
    connector: Connector, operation: str, organisations: list[Organisation], until: datetime
) -> None:
    if len(organisations) < 2:
        for organisation in organisations:
            _poll_organisation(connector, operation, organisation, until)
        return
    with ThreadPoolExecutor(ORGANISATIONS_AT_ONCE, "poll") as pool:
        runs = [
            # With the context of this thread, by which the host knows whose a line of the log is.
            pool.submit(copy_context().run, _poll_organisation, connector, operation, organisation, until)
            for organisation in organisations
        ]
    failed = [error for run in runs if (error := run.exception()) is not None]
    if failed:
        raise BaseExceptionGroup("while polling several organisations", failed)


def _poll_organisation(
    connector: Connector, operation: str, organisation: Organisation, until: datetime
) -> None:
    """One resource after the other. What stops one stops only that, unless it concerns the whole organisation."""
    audit = connector.audit(operation)
    began = connector.clock.now()
    try:
        if publish(connector, audit, organisation):
            messages.wake(connector.store, connector.clock, organisation.dataset, "landed", operation)
        for resource in connector.resources.values():
            if connector.clock.now() >= until:
                return
            if not _poll_or_put_off(connector, audit, organisation, resource, until):
                return
    finally:
        _tell(connector, "poll ended", audit, organisation, began, audit.sums)
        audit.flush()


def _tell(
    connector: Connector,
    words: str,
    audit: Audit,
    organisation: Organisation,
    began: datetime,
    spent: Counter[str],
    resource: str = "",
) -> None:
    """A line in the log, unless no call was made."""
    if spent["calls"]:
        log.event(
            logger,
            words,
            operation=audit.operation,
            organisation=organisation.tenant_id,
            calls=spent["calls"],
            records=spent["records"],
            seconds=(connector.clock.now() - began).total_seconds(),
            resource=resource,
        )


def _poll_or_put_off(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, until: datetime
) -> bool:
    """Read a resource; answers whether the organisation's next one may be read."""
    try:
        _poll_resource(connector, audit, organisation, resource, until)
    except RunEnded as ended:
        audit.add("poll", "ended", organisation=organisation.tenant_id, resource=resource.name, error=ended)
        return _is_connected(connector, organisation)
    except ConsentLost as lost:
        # A connection that was renewed or removed meanwhile asks nobody for anything.
        outcome = "ask" if connections.mark_consent_lost(connector.store, organisation) else "ended"
        audit.add("poll", outcome, organisation=organisation.tenant_id, resource=resource.name, error=lost)
        return False
    except (LimitReached, RetryLater) as wait:
        _put_off(connector, audit, organisation, resource, wait, timedelta(seconds=wait.seconds))
        return not isinstance(wait, LimitReached)
    except (ScopeMissing, TierMissing) as stop:
        _put_off(connector, audit, organisation, resource, stop, ASK_AGAIN_FOR_RIGHTS)
    except (AskPerson, GiveUp) as stop:
        _put_off(connector, audit, organisation, resource, stop, ASK_AGAIN)
    return True


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
    if not checkpoint.etag:
        # Forgotten by disconnect, or never begun.
        audit.add("poll", "ended", organisation=organisation.tenant_id, resource=resource.name, error=error)
        return
    now = connector.clock.now()
    resume_at = now + wait
    # Whoever moved the checkpoint on meanwhile knows better.
    with suppress(RunEnded):
        replace(
            checkpoint,
            resume_at=resume_at,
            trouble=str(error),
            troubled_at=checkpoint.troubled_since(now),
            parked=not isinstance(error, RetryLater),
        ).save(connector.store)
    outcome = "put off" if isinstance(error, RetryLater) else "ask"
    audit.add(
        "poll",
        outcome,
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=f"until {resume_at:%FT%TZ}",
        error=error,
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
            if not _is_connected(connector, organisation):
                raise RunEnded(f"{organisation.name} is not connected any more.")
            if connections.is_paused(connector.store, organisation.tenant_id):
                return
            began, before = connector.clock.now(), audit.sums.copy()
            read = carry_out if resource.report is None else carry_out_reports
            try:
                read(connector, audit, organisation, resource, checkpoint, lease, until)
            finally:
                spent = audit.sums - before
                # That nothing changed is told in sum.
                if spent["records"]:
                    _tell(
                        connector, "resource read", audit, organisation, began, spent, resource=resource.name
                    )
    finally:
        connector.store.release_lease(lease)


def _is_connected(connector: Connector, organisation: Organisation) -> bool:
    """Whether it still is, for nothing is begun for one that was disconnected while this run read other resources."""
    now = connections.find(connector.store, organisation.tenant_id)
    return now is not None and not now.consent_lost
