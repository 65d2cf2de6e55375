"""Fetch from Xero and land: whatever was fetched is durable in the outbox before anything else happens to it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Any

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
            ids=page.ids(resource),
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
    left_out_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """Fetch records by their ids, as many a call as the resource allows, and land them; answers those that Xero has.

    An id that the list leaves out is asked for by itself; only Xero's 404 to that says that the record is gone.
    left_out_at: when, by Xero's clock, a list of everything left them out.
    """
    found: list[dict[str, Any]] = []
    if resource.report is not None:
        # A report is made anew for each call: Xero's 404 is no word about its figures.
        for record_id in sorted(set(ids)):
            request = report_of(resource, record_id)
            found += fetch_and_land(
                connector, audit, organisation, resource, request, reason, urgent=urgent
            ).records
        return found
    if resource.fetch_by == "list":
        request = Request(resource.name, resource.list_parameters)
        return fetch_and_land(
            connector, audit, organisation, resource, request, reason, urgent=urgent
        ).records
    if resource.fetch_by == "one":
        for record_id in sorted(set(ids)):
            found += _fetch_one(
                connector, audit, organisation, resource, record_id, reason, urgent, left_out_at
            )
        return found
    most = IDS_A_CALL if resource.fetch_by == "IDs" else IDS_A_WHERE
    for some in batched(sorted(set(ids)), most, strict=False):
        request = by_ids(resource, some, connector.settings.xero_page_size)
        page = fetch_and_land(connector, audit, organisation, resource, request, reason, urgent=urgent)
        found += page.records
        for record_id in sorted(set(some) - set(page.ids(resource))):
            found += _fetch_one(
                connector,
                audit,
                organisation,
                resource,
                record_id,
                f"{reason}, alone",
                urgent,
                page.answered_at,
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
    left_out_at: datetime | None = None,
) -> list[dict[str, Any]]:
    """A record by itself. left_out_at: when, by Xero's clock, a list left it out; Xero's 404 carries no clock of its own."""
    request = one(resource, record_id)
    asked_at = connector.clock.now()
    try:
        page = fetch_and_land(connector, audit, organisation, resource, request, reason, urgent=urgent)
    except NotFound as gone:
        # Ours may be minutes off, so that only a version seen before counts as older for sure.
        at = left_out_at or asked_at
        land_gone(
            connector,
            audit,
            organisation,
            resource,
            request,
            [record_id],
            f"{reason}, not found",
            at=at,
            error=str(gone),
        )
        return []
    return page.records


def land_gone(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: Resource,
    request: Request,
    ids: Sequence[str],
    reason: str,
    *,
    at: datetime,
    error: str,
) -> None:
    """Land that there are no such records (any more): `at`, by Xero's clock."""
    header = outbox.Header(
        dataset=organisation.dataset,
        organisation=organisation.tenant_id,
        resource=resource.name,
        reason=reason,
        operation=audit.operation,
        request=request,
        request_id="",
        fetched_from=at,
        fetched_to=at,
        landed_at=connector.clock.now(),
        records=0,
        missing=list(ids),
    )
    batch = outbox.land(connector.store, header, b"")
    audit.add(
        "fetch",
        "not found",
        organisation=organisation.tenant_id,
        resource=resource.name,
        why=f"{reason.removesuffix(', not found')}: {', '.join(ids)}",
        batches=[batch],
        ids=ids,
        error=error,
    )


def one(resource: Resource, record_id: str) -> Request:
    """The call for a record by itself."""
    return Request(f"{resource.name}/{record_id}", resource.record_parameters)


def report_of(resource: Resource, record_id: str) -> Request:
    """The call for one report."""
    return Request(resource.path, resource.report_parameters(record_id))


def by_ids(resource: Resource, ids: Sequence[str], page_size: int) -> Request:
    """The call for some records by their ids."""
    params = resource.list_parameters
    if resource.paged:
        # Lines come with a page, and only with a page.
        params |= {"page": "1", "pageSize": str(max(page_size, len(ids)))}
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
