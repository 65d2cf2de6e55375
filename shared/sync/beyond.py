"""What a list does not show: documents that the history's records refer to, and records that vanished from it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.audit import Audit
from shared.state import checkpoints, messages, mirror
from shared.state.checkpoints import Checkpoint, Phase
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.land import IDS_A_CALL, fetch_ids
from shared.xero.resources import RESOURCES, Resource

# The phases of a history whose ids are kept.
HISTORY: tuple[Phase, ...] = ("pages", "correction")
# By these words of a checkpoint's trouble an alarm is told from others.
VANISHED = "records are in Xero's list no more"


def touched_by(records: Iterable[Mapping[str, Any]], resource: Resource) -> dict[str, list[str]]:
    """Which documents of other resources the records refer to, by resource; what cannot be an id is nobody's."""
    touched: dict[str, set[str]] = {target: set() for _, target in resource.touches}
    for record in records:
        for target, ids in resource.touched_by(record).items():
            touched[target] |= {each for each in ids if RESOURCES[target].is_id(each)}
    return {target: sorted(ids) for target, ids in touched.items()}


def fetch_touched(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, checkpoint: Checkpoint
) -> tuple[Checkpoint, bool]:
    """Fetch the next 40 documents that the history's records refer to and that nothing has brought yet.

    What those refer to is fetched along with them. Answers the checkpoint, and False while a history that it depends on
    is not complete.
    """
    known: dict[str, set[str]] = {}
    for target in {target for _, target in resource.touches}:
        ids = _known_ids(connector, organisation, target)
        if ids is None:
            return checkpoint, False
        known[target] = ids
    touched: dict[str, set[str]] = {target: set() for target in known}
    # What was found only because it changed meanwhile belongs to the history, too.
    for phase in HISTORY:
        for kept in checkpoints.kept_ids(connector.store, checkpoint, checkpoint.history, phase):
            for target, some in kept.touched.items():
                touched[target] |= set(some)
    missing = [
        (target, record_id)
        for target in sorted(known)
        for record_id in sorted(touched[target] - known[target])
    ]
    for target in known:
        wanted = [record_id for name, record_id in missing[:IDS_A_CALL] if name == target]
        if wanted:
            _fetch(connector, audit, organisation, RESOURCES[target], wanted, f"touched by {resource.name}")
    rest = len(missing) > IDS_A_CALL
    return replace(checkpoint, touching=checkpoint.touching + 1 if rest else 0).save(connector.store), True


def _fetch(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    ids: list[str],
    reason: str,
) -> None:
    records = fetch_ids(connector, audit, organisation, resource, ids, reason, urgent=False)
    messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)
    for target, touched in touched_by(records, resource).items():
        further = set(touched) - (_known_ids(connector, organisation, target) or set())
        if further:
            _fetch(connector, audit, organisation, RESOURCES[target], sorted(further), reason)
    # Last, so that a run that is killed on the way asks for all of them again.
    checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource.name)
    checkpoints.keep_touched(connector.store, checkpoint, ids)


def _known_ids(connector: Connector, organisation: Organisation, resource: str) -> set[str] | None:
    """The ids that a resource's history held or that were fetched for another's; None while it is not complete."""
    checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource)
    if not checkpoint.history:
        return None
    return {
        record_id
        for phase in (*HISTORY, "touched")
        for record_id in checkpoints.distinct(
            checkpoints.kept_ids(connector.store, checkpoint, checkpoint.history, phase)
        )
    }


def fetch_vanished(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    listed: set[str],
    answered_at: datetime,
) -> str:
    """Ask for each record that a whole list no longer shows; only Xero's 404 makes it a deleted one.

    Answers what to tell when so many vanished at once that a person must look first, else "".
    """
    missing = mirror.alive(connector.store, organisation.tenant_id, resource.name) - listed
    if not missing:
        return ""
    most = connector.settings.vanished_at_most
    if len(missing) > most:
        trouble = (
            f"{len(missing)} {VANISHED}. If that is right, raise VANISHED_AT_MOST ({most}); "
            "until then they stay as they were."
        )
        audit.add(
            "read",
            "ask",
            organisation=organisation.tenant_id,
            resource=resource.name,
            count=len(missing),
            error=trouble,
        )
        return trouble
    fetch_ids(
        connector,
        audit,
        organisation,
        resource,
        missing,
        "not in the list any more",
        urgent=False,
        left_out_at=answered_at,
    )
    messages.wake(connector.store, connector.clock, organisation.dataset, "landed", audit.operation)
    return ""
