"""Fetch from Xero and land: whatever was fetched is durable in the outbox before anything else happens to it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched

from shared.audit import Audit
from shared.errors import NotFound
from shared.http import Answer
from shared.state import outbox
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.xero.client import Request
from shared.xero.paging import Page, fetch_interval, parse_page
from shared.xero.resources import Resource

# Xero recommends 40 ids a call; an address of some 2,000 characters is answered 404, as if the records were gone.
IDS_A_CALL = 40
# One id of a `where` takes some 80 characters of the address.
IDS_A_WHERE = 20


def fetch_and_land(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    request: Request,
    reason: str,
    *,
    urgent: bool = False,
) -> Page:
    """One call, its answer in the outbox, one audit row; answers what was fetched. Raises as XeroClient.get does."""
    answer = connector.xero().get(organisation.tenant, request, urgent=urgent)
    page = parse_page(answer, resource)
    if page.records:
        batch = _land(connector, audit, organisation, resource, request, reason, answer, page)
        audit.add(
            "fetch",
            "landed",
            organisation=organisation.tenant_id,
            resource=resource.name,
            why=reason,
            count=len(page.records),
            batches=[batch],
            request_id=page.request_id,
            bytes=len(answer.body),
        )
    else:
        audit.add(
            "fetch",
            "empty",
            organisation=organisation.tenant_id,
            resource=resource.name,
            why=reason,
            request_id=page.request_id,
        )
    return page


def fetch_ids(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    ids: Iterable[str],
    reason: str,
    *,
    urgent: bool = True,
) -> int:
    """Fetch records by their ids, many a call, and land them; answers how many Xero has.

    An id that the list leaves out is asked for by itself; only Xero's 404 to that says that the record is gone.
    """
    if resource.fetch_by == "list":
        request = Request(resource.name, dict(resource.parameters))
        return len(
            fetch_and_land(connector, audit, organisation, resource, request, reason, urgent=urgent).records
        )
    found = 0
    most = IDS_A_CALL if resource.fetch_by == "IDs" else IDS_A_WHERE
    for some in batched(sorted(set(ids)), most, strict=False):
        request = _by_ids(resource, some, connector.settings.xero_page_size)
        page = fetch_and_land(connector, audit, organisation, resource, request, reason, urgent=urgent)
        found += len(page.records)
        for record_id in sorted(set(some) - set(page.ids(resource))):
            found += _fetch_one(
                connector, audit, organisation, resource, record_id, reason, urgent, page.answered_at
            )
    return found


def _fetch_one(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    record_id: str,
    reason: str,
    urgent: bool,
    left_out_at: datetime,
) -> int:
    """A record that the list left out, at an instant of Xero's clock."""
    request = Request(f"{resource.name}/{record_id}", {})
    try:
        fetch_and_land(connector, audit, organisation, resource, request, f"{reason}, alone", urgent=urgent)
    except NotFound as gone:
        now = connector.clock.now()
        header = outbox.Header(
            dataset=organisation.dataset,
            organisation=organisation.tenant_id,
            resource=resource.name,
            reason=f"{reason}, not found",
            operation=audit.operation,
            request=request,
            request_id="",
            # Xero's 404 carries no clock of its own, and ours may be minutes off.
            fetched_from=left_out_at,
            fetched_to=left_out_at,
            landed_at=now,
            records=0,
            missing=[record_id],
        )
        batch = outbox.land(connector.store, header, b"")
        audit.add(
            "fetch",
            "not found",
            organisation=organisation.tenant_id,
            resource=resource.name,
            why=f"{reason}: {record_id}",
            batches=[batch],
            error=str(gone),
        )
        return 0
    return 1


def _by_ids(resource: Resource, ids: Sequence[str], page_size: int) -> Request:
    params = dict(resource.parameters)
    if resource.paged:
        # Lines come with a page, and only with a page.
        params |= {"page": "1", "pageSize": str(page_size)}
    if resource.fetch_by == "IDs":
        params["IDs"] = ",".join(ids)
    else:
        params["where"] = " OR ".join(f'{resource.id_field} == guid("{record_id}")' for record_id in ids)
    return Request(resource.name, params)


def _land(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    request: Request,
    reason: str,
    answer: Answer,
    page: Page,
) -> str:
    fetched_from, fetched_to = fetch_interval(page.answered_at, answer.seconds)
    header = outbox.Header(
        dataset=organisation.dataset,
        organisation=organisation.tenant_id,
        resource=resource.name,
        reason=reason,
        operation=audit.operation,
        request=request,
        request_id=page.request_id,
        fetched_from=fetched_from,
        fetched_to=fetched_to,
        landed_at=connector.clock.now(),
        records=len(page.records),
    )
    return outbox.land(connector.store, header, answer.body)
