"""Poll Xero: for each organisation and resource, the history first, then what changed, as the schedule has it due."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

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
from shared.sync.connector import Connector
from shared.sync.publish import publish
from shared.sync.reader import carry_out
from shared.sync.reports import carry_out_reports
from shared.sync.status import wake_for_status
from shared.sync.sweep import sweep
from shared.xero.resources import Resource

LEASE_SECONDS = 60
ASK_AGAIN = timedelta(hours=1)
# A tier does not change within the hour, nor do scopes without a new consent, which makes what waits due at once.
ASK_AGAIN_FOR_RIGHTS = timedelta(days=1)
ORGANISATIONS_AT_ONCE = 4


def poll(connector: Connector, *, until: datetime) -> None:
    """Sweep, then read what is due of every organisation, until the time is up; the next run goes on at each cursor.

    Organisations are read side by side: each has limits of its own at Xero.
    """
    sweep(connector)
    _poll_organisations(connector, until)
    wake_for_status(connector, connections.connected(connector.store))


def _poll_organisations(connector: Connector, until: datetime) -> None:
    operation = uuid.uuid4().hex
    organisations = [each for each in connections.connected(connector.store) if not each.consent_lost]
    if len(organisations) < 2:
        for organisation in organisations:
            _poll_organisation(connector, operation, organisation, until)
        return
    with ThreadPoolExecutor(ORGANISATIONS_AT_ONCE, "poll") as pool:
        runs = [
            pool.submit(_poll_organisation, connector, operation, organisation, until)
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
    try:
        if publish(connector, audit, organisation):
            messages.wake(connector.store, connector.clock, organisation.dataset, "landed", operation)
        for resource in connector.resources.values():
            if connector.clock.now() >= until:
                return
            if not _poll_or_put_off(connector, audit, organisation, resource, until):
                return
    finally:
        audit.flush()


def _poll_or_put_off(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, until: datetime
) -> bool:
    """Read a resource; answers whether the organisation's next one may be read."""
    try:
        _poll_resource(connector, audit, organisation, resource, until)
    except RunEnded as ended:
        audit.add(
            "poll", "ended", organisation=organisation.tenant_id, resource=resource.name, error=str(ended)
        )
        return _is_connected(connector, organisation)
    except ConsentLost as lost:
        # A connection that was renewed or removed meanwhile asks nobody for anything.
        outcome = "ask" if connections.mark_consent_lost(connector.store, organisation) else "ended"
        audit.add(
            "poll", outcome, organisation=organisation.tenant_id, resource=resource.name, error=str(lost)
        )
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
        audit.add(
            "poll", "ended", organisation=organisation.tenant_id, resource=resource.name, error=str(error)
        )
        return
    resume_at = connector.clock.now() + wait
    # Whoever moved the checkpoint on meanwhile knows better.
    with suppress(RunEnded):
        parked = not isinstance(error, RetryLater)
        replace(checkpoint, resume_at=resume_at, trouble=str(error), parked=parked).save(connector.store)
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
            if not _is_connected(connector, organisation):
                raise RunEnded(f"{organisation.name} is not connected any more.")
            read = carry_out if resource.report is None else carry_out_reports
            read(connector, audit, organisation, resource, checkpoint, lease, until)
    finally:
        connector.store.release_lease(lease)


def _is_connected(connector: Connector, organisation: Organisation) -> bool:
    """Whether it still is, for nothing is begun for one that was disconnected while this run read other resources."""
    now = connections.find(connector.store, organisation.tenant_id)
    return now is not None and not now.consent_lost
