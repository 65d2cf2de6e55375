"""Rebuild: what a Power BI dataset does not have (any more) is pushed from the mirror, without a call to Xero."""

from itertools import batched

from shared.audit import Audit
from shared.state import connections, mirror, outbox
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.xero.client import Request
from shared.xero.resources import RESOURCES

# A batch of the outbox holds only their ids; a push takes ten batches at a time.
RECORDS_A_BATCH = 250


def rebuild(connector: Connector, audit: Audit, dataset: str, powerbi_id: str) -> int:
    """Land, for the next pushes, every record whose rows are in another Power BI dataset; answers how many.

    May run at any time and be repeated: what was pushed by then is not pushed again.
    """
    count = 0
    for organisation in connections.connected(connector.store):
        if organisation.dataset != dataset:
            continue
        for resource in RESOURCES:
            ids = mirror.pushed_elsewhere(connector.store, organisation.tenant_id, resource, powerbi_id)
            batches = [
                _land(connector, audit, organisation, resource, list(some))
                for some in batched(ids, RECORDS_A_BATCH, strict=False)
            ]
            if batches:
                audit.add(
                    "rebuild",
                    "landed",
                    organisation=organisation.tenant_id,
                    resource=resource,
                    count=len(ids),
                    batches=batches,
                )
            count += len(ids)
    return count


def _land(
    connector: Connector, audit: Audit, organisation: Organisation, resource: str, ids: list[str]
) -> str:
    now = connector.clock.now()
    header = outbox.Header(
        dataset=organisation.dataset,
        organisation=organisation.tenant_id,
        resource=resource,
        reason="rebuild",
        operation=audit.operation,
        request=Request(resource, {}),
        request_id="",
        fetched_from=now,
        fetched_to=now,
        landed_at=now,
        records=len(ids),
        from_mirror=ids,
    )
    return outbox.land(connector.store, header, b"")
