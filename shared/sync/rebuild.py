"""Rebuild: what a Power BI dataset does not have (any more) is pushed from the mirror, without a call to Xero."""

from itertools import batched

from shared.audit import Audit
from shared.state import connections, mirror, outbox
from shared.state.connections import Organisation
from shared.state.made import LANDED
from shared.sync.connector import Connector
from shared.xero.client import Request

# A batch of the outbox holds only their ids; a push takes forty batches at a time.
RECORDS_A_BATCH = 100


def rebuild(connector: Connector, audit: Audit, dataset: str, powerbi_id: str) -> int:
    """Land, for the next pushes, every record whose rows are in another Power BI dataset; answers how many.

    May run at any time and be repeated: what was pushed by then is not pushed again.
    """
    count = 0
    for organisation in connections.going_into(connector.store, dataset):
        for resource in LANDED:
            ids = mirror.pushed_elsewhere(connector.store, organisation.tenant_id, resource, powerbi_id)
            batches = [
                land(connector, audit, organisation, resource, list(some), "rebuild")
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


def land(
    connector: Connector, audit: Audit, organisation: Organisation, resource: str, ids: list[str], reason: str
) -> str:
    """Land a batch of records that the next push takes from the mirror."""
    now = connector.clock.now()
    header = outbox.Header(
        dataset=organisation.dataset,
        organisation=organisation.tenant_id,
        resource=resource,
        reason=reason,
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
