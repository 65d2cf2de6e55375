"""What a set of batches comes to: which records changed, which did not, which cannot be shaped or told apart."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import tables
from shared.audit import Audit
from shared.errors import BadRecord
from shared.state import connections, mirror, quarantine
from shared.state.connections import Organisation
from shared.state.mirror import Known
from shared.state.outbox import Batch
from shared.storage import Write
from shared.sync import winners
from shared.sync.connector import Connector
from shared.sync.winners import Fetch
from shared.tables.table import Row, Source
from shared.xero import wire

logger = logging.getLogger(__name__)


@dataclass
class Change:
    """A record that is to be pushed, and what the mirror knew of it."""

    organisation: Organisation
    resource: str
    fetch: Fetch
    known: Known | None
    rows: dict[str, list[Row]]
    version: int = 0
    refused: str = ""

    @property
    def lacks_rate(self) -> bool:
        """Whether it is in a foreign currency and Xero gives no rate: its amounts in base currency are null."""
        home = (None, self.organisation.base_currency)
        return any(
            row["CurrencyCode"] not in home and not row["CurrencyRate"]
            for rows in self.rows.values()
            for row in rows
            if row.keys() >= {"CurrencyCode", "CurrencyRate"}
        )


@dataclass
class Work:
    """What a set of batches comes to."""

    changes: list[Change] = field(default_factory=list)
    unchanged: dict[tuple[str, str], list[Write]] = field(default_factory=lambda: defaultdict(list))
    doubtful: list[tuple[str, str, set[str]]] = field(default_factory=list)


def compare(
    connector: Connector, batches: Sequence[Batch], audit: Audit, *, powerbi_id: str, again: bool
) -> Work:
    """The newest fetch of each record against the mirror. powerbi_id: the dataset that the rows go to."""
    work = Work()
    by_resource: dict[tuple[str, str], list[Batch]] = defaultdict(list)
    for batch in batches:
        by_resource[batch.header.organisation, batch.header.resource].append(batch)
    for (tenant_id, resource), some in by_resource.items():
        organisation = connections.find(connector.store, tenant_id)
        if organisation is None or organisation.dataset != some[0].header.dataset:
            why = "not connected any more" if organisation is None else "moved to another dataset"
            names = [batch.name for batch in some]
            audit.add("push", "ignored", organisation=tenant_id, why=why, batches=names)
            continue
        found: list[Fetch] = []
        for batch in some:
            good, bad = winners.fetches(batch)
            found += good
            for record_id, record, error in bad:
                put_aside(connector, audit, tenant_id, resource, record_id, record, error, batch.name)
            ids = batch.header.from_mirror
            for remembered, record in mirror.remembered(connector.store, tenant_id, resource, ids):
                if not remembered.deleted:
                    found.append(winners.fetch_of(remembered, record, batch.name))
        best, doubtful = winners.newest(found)
        known = mirror.known(connector.store, tenant_id, resource, best)
        # What Power BI refused in part it may show in part, whatever the mirror says.
        aside = set(quarantine.listed(connector.store, tenant_id, resource))
        for record_id, fetch in best.items():
            _judge(
                connector,
                organisation,
                resource,
                fetch,
                known.get(record_id),
                work,
                doubtful,
                audit,
                powerbi_id=powerbi_id,
                again=again or record_id in aside,
            )
        if doubtful:
            work.doubtful.append((tenant_id, resource, doubtful))
    return work


def _judge(
    connector: Connector,
    organisation: Organisation,
    resource: str,
    fetch: Fetch,
    known: Known | None,
    work: Work,
    doubtful: set[str],
    audit: Audit,
    *,
    powerbi_id: str,
    again: bool,
) -> None:
    """One record: changed, unchanged, older than what we have, or bad."""
    if known is None and fetch.record is None:
        if again:
            _forget_gone(connector, organisation, resource, fetch.record_id)
        return
    if known is not None:
        if winners.is_in_doubt(fetch, known):
            doubtful.add(fetch.record_id)
        if not winners.is_newer(fetch, known):
            return
        same = (
            fetch.hash == known.hash
            and known.transform == tables.TRANSFORM
            and known.powerbi_id in ("", powerbi_id)
        )
        if same and not again:
            seen = known_after(fetch, known.version, known.etag, powerbi_id=powerbi_id, deleted=known.deleted)
            work.unchanged[organisation.tenant_id, resource].append(
                mirror.advance(organisation.tenant_id, resource, seen)
            )
            return
    record = fetch.record
    if record is None:
        record = mirror.record(connector.store, organisation.tenant_id, resource, fetch.record_id) or {}
    try:
        rows = shape(organisation, resource, record)
    except BadRecord as error:
        put_aside(
            connector,
            audit,
            organisation.tenant_id,
            resource,
            fetch.record_id,
            record,
            str(error),
            fetch.batch,
        )
        return
    work.changes.append(Change(organisation, resource, fetch, known, rows))


def _forget_gone(connector: Connector, organisation: Organisation, resource: str, record_id: str) -> None:
    """A quarantined record that Xero has no more, and of which Power BI never got a row, is nobody's trouble any more."""
    payload = quarantine.payload(connector.store, organisation.tenant_id, resource, record_id)
    if payload is None:
        return
    try:
        shape(organisation, resource, wire.decode(payload))
    except BadRecord:
        quarantine.heal(connector.store, [(organisation.tenant_id, resource, record_id)])


def put_aside(
    connector: Connector,
    audit: Audit,
    tenant_id: str,
    resource: str,
    record_id: str,
    record: dict[str, Any],
    error: str,
    batch: str,
) -> None:
    """Quarantine a record, and say so where people look: the log and the audit. Its batch goes on."""
    where = quarantine.keep(
        connector.store, connector.clock, tenant_id, resource, record_id, record, error, batch
    )
    said = f"{record_id or 'a record without id'}: {error}"
    logger.warning("Quarantined of %s of %s: %s (%s)", resource, tenant_id, said, where)
    audit.add(
        "quarantine",
        "record",
        organisation=tenant_id,
        resource=resource,
        why=where,
        batches=[batch],
        error=said,
    )


def shape(organisation: Organisation, resource: str, record: dict[str, Any]) -> dict[str, list[Row]]:
    """A record's rows in each table that it feeds, without their version. Raises BadRecord."""
    source = Source(
        tenant_id=organisation.tenant_id,
        base_currency=organisation.base_currency,
        resource=resource,
        record=record,
        document=record,
    )
    return {table.name: table.shape(source) for table in tables.fed_by(resource)}


def known_after(fetch: Fetch, version: int, etag: str, *, powerbi_id: str, deleted: bool) -> Known:
    """What the mirror knows once a fetch is pushed under a version."""
    return Known(
        record_id=fetch.record_id,
        stamp=fetch.stamp,
        fetched_from=fetch.fetched_from,
        fetched_to=fetch.fetched_to,
        hash=fetch.hash,
        transform=tables.TRANSFORM,
        version=version,
        deleted=deleted,
        powerbi_id=powerbi_id,
        etag=etag,
    )
