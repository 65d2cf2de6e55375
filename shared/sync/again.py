"""Read again: the history of what was read, whole, as if it had never been read; what was pushed stays where it is.

Records that are the same as the mirror has them are only noted, so that nothing is pushed twice. Until it is over,
freshness and watermark stay as they are.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace

from shared.audit import Audit
from shared.errors import RunEnded
from shared.state import checkpoints
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.sync import read as reading
from shared.sync.connector import Connector
from shared.sync.reports import days
from shared.xero.resources import Resource

# Whoever reads it now moves its checkpoint on with each page.
TRIES = 5


@dataclass(frozen=True)
class Cost:
    """What it takes to read a resource again. calls: at least."""

    resource: str
    records: int
    calls: int


def cost(connector: Connector, organisation: Organisation, resource: Resource) -> Cost | None:
    """None for a resource whose history has not been read yet, which is under way anyway."""
    checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource.name)
    if not checkpoint.history:
        return None
    if resource.report is not None:
        return Cost(resource.name, checkpoint.records, len(days(resource, connector)))
    size = 100 if resource.paging == "offset" else connector.settings.xero_page_size
    pages = -(-checkpoint.records // size) if resource.paged or resource.paging == "offset" else 1
    # What has more than one page is corrected and counted; what is numbered ends with an empty page.
    more = 1 if resource.paging == "offset" else 2 if pages > 1 else 0
    return Cost(resource.name, checkpoint.records, max(1, pages) + more)


def read_again(connector: Connector, organisation: Organisation, resources: Iterable[Resource]) -> list[str]:
    """Have poll_timer read the history of these resources again; answers the names of those that were read before.

    May be repeated after a crash: what is marked begins anew. Raises RunEnded when a reader is faster every time.
    """
    audit = connector.audit()
    marked = []
    for resource in resources:
        if mark(connector, audit, organisation, resource, "an operator asked"):
            marked.append(resource.name)
    audit.flush()
    return marked


def mark(
    connector: Connector, audit: Audit, organisation: Organisation, resource: Resource, why: str
) -> bool:
    """Have one resource read again; answers False when its history was never complete, which then begins anew.

    Raises RunEnded when a reader is faster every time.
    """
    marked = _mark(connector, organisation, resource)
    if marked:
        audit.add("read", "again", organisation=organisation.tenant_id, resource=resource.name, why=why)
    return marked


def _mark(connector: Connector, organisation: Organisation, resource: Resource) -> bool:
    for last in [False] * (TRIES - 1) + [True]:
        checkpoint = checkpoints.load(connector.store, organisation.tenant_id, resource.name)
        if not checkpoint.history:
            return False
        try:
            _again(connector, resource, checkpoint).save(connector.store)
        except RunEnded:
            if last:
                raise
        else:
            if checkpoint.read is not None:
                checkpoints.forget_ids(connector.store, checkpoint, checkpoint.read.folder)
            return True
    return False


def _again(connector: Connector, resource: Resource, checkpoint: Checkpoint) -> Checkpoint:
    now = connector.clock.now()
    if resource.report is not None:
        # Without a watermark all days are asked for.
        return replace(checkpoint, read=None, watermark=None, next_at=now)
    name = f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
    read = reading.begin(resource, first=True, whole=True, since=None, offset=0, name=name)
    records = 0 if resource.paging == "offset" else checkpoint.records
    return replace(checkpoint, read=read, offset=0, records=records, next_at=now)
