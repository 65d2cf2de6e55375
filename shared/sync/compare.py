"""What a set of batches comes to: which records changed, which did not, which cannot be shaped or told apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import tables
from shared.audit import Audit
from shared.errors import BadRecord
from shared.state import connections, mirror, quarantine
from shared.state.connections import Organisation
from shared.state.made import MADE
from shared.state.mirror import Known
from shared.state.outbox import Batch
from shared.storage import Write
from shared.sync import winners
from shared.sync.connector import Connector
from shared.sync.lists import digest, hash_of, is_needed, load
from shared.sync.winners import Fetch
from shared.tables.lists import NO_LISTS, Lists
from shared.tables.table import Row, Source
from shared.xero import wire


@dataclass
class Change:
    """A record that is to be pushed, and what the mirror knew of it."""

    organisation: Organisation
    resource: str
    fetch: Fetch
    known: Known | None
    rows: dict[str, list[Row]]
    lists: str = ""
    version: int = 0
    refused: str = ""

    def is_in(self, powerbi_id: str) -> bool:
        """Whether that dataset has an earlier version of it."""
        return self.known is not None and self.known.is_in(powerbi_id)

    def is_beside(self, successor: str) -> bool:
        """Whether the dataset that is to succeed the present one has an earlier version of it."""
        return self.known is not None and successor in (self.known.powerbi_id, self.known.also_in)

    @property
    def is_gone(self) -> bool:
        """Whether the record is gone from Xero for good."""
        return self.fetch.record is None

    @property
    def content(self) -> str:
        """The same for rows that say the same."""
        return hash_of(self.rows)

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
    """What a set of batches comes to. lists: those of the organisations where they were needed."""

    changes: list[Change] = field(default_factory=list)
    unchanged: dict[tuple[str, str], list[Write]] = field(default_factory=lambda: defaultdict(list))
    doubtful: list[tuple[str, str, set[str]]] = field(default_factory=list)
    lists: list[tuple[Organisation, Lists]] = field(default_factory=list)


@dataclass
class Found:
    """The newest fetches of one resource of an organisation, and what the mirror knows of these records."""

    organisation: Organisation
    resource: str
    best: dict[str, Fetch]
    doubtful: set[str]
    known: dict[str, Known]

    @property
    def newer(self) -> list[Fetch]:
        """The fetches that the mirror does not know something newer than."""
        return [
            fetch
            for fetch in self.best.values()
            if fetch.record_id not in self.known or winners.is_newer(fetch, self.known[fetch.record_id])
        ]


def compare(
    connector: Connector, batches: Sequence[Batch], audit: Audit, *, powerbi_id: str, again: bool
) -> Work:
    """The newest fetch of each record against the mirror. powerbi_id: the dataset that the rows go to."""
    work = Work()
    lists: dict[str, Lists] = {}
    found = _found(connector, batches, audit)
    for each in found:
        organisation, tenant_id = each.organisation, each.organisation.tenant_id
        if tenant_id not in lists and is_needed(each.resource):
            fetched = {
                other.resource: other.newer for other in found if other.organisation.tenant_id == tenant_id
            }
            lists[tenant_id] = load(connector, audit, organisation, fetched)
            work.lists.append((organisation, lists[tenant_id]))
        by_lists = digest(lists.get(tenant_id, NO_LISTS), each.resource)
        # What Power BI refused in part it may show in part, whatever the mirror says.
        aside = set(quarantine.listed(connector.store, tenant_id, each.resource))
        for record_id, fetch in each.best.items():
            _judge(
                connector,
                each,
                fetch,
                work,
                audit,
                lists=lists.get(tenant_id, NO_LISTS),
                by_lists=by_lists,
                powerbi_id=powerbi_id,
                again=again or record_id in aside,
            )
        # What is made here is never asked of Xero.
        if each.doubtful and each.resource not in MADE:
            work.doubtful.append((tenant_id, each.resource, each.doubtful))
    return work


def _found(connector: Connector, batches: Sequence[Batch], audit: Audit) -> list[Found]:
    """What the batches hold, resource by resource; what cannot be read goes to the quarantine."""
    every: list[Found] = []
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
        every.append(Found(organisation, resource, best, doubtful, known))
    return every


def _judge(
    connector: Connector,
    found: Found,
    fetch: Fetch,
    work: Work,
    audit: Audit,
    *,
    lists: Lists,
    by_lists: str,
    powerbi_id: str,
    again: bool,
) -> None:
    """One record: changed, unchanged, older than what we have, or bad."""
    organisation, resource = found.organisation, found.resource
    known = found.known.get(fetch.record_id)
    if known is None and fetch.record is None:
        if again:
            _forget_gone(connector, organisation, resource, fetch.record_id, lists)
        return
    same = False
    if known is not None:
        if winners.is_in_doubt(fetch, known):
            found.doubtful.add(fetch.record_id)
        if not winners.is_newer(fetch, known):
            return
        same = (
            fetch.hash == known.hash
            and known.transform == tables.TRANSFORM
            and known.is_in(powerbi_id)
            and not again
            and not fetch.repairs
        )
        if same and known.lists == by_lists:
            _see(work, found, fetch, known, powerbi_id, by_lists)
            return
    record = fetch.record
    if record is None:
        record = mirror.record(connector.store, organisation.tenant_id, resource, fetch.record_id) or {}
    try:
        rows = shape(organisation, resource, record, lists)
    except BadRecord as error:
        tenant_id, why = organisation.tenant_id, str(error)
        put_aside(connector, audit, tenant_id, resource, fetch.record_id, record, why, fetch.batch)
        return
    change = Change(organisation, resource, fetch, known, rows, by_lists)
    if known is not None and same and known.rows == change.content:
        # The lists say something else, but nothing of what stands in this record's rows.
        _see(work, found, fetch, known, powerbi_id, by_lists)
    else:
        work.changes.append(change)


def _see(work: Work, found: Found, fetch: Fetch, known: Known, powerbi_id: str, lists: str) -> None:
    """Note a later look at a record of which Power BI has everything."""
    seen = known_after(
        fetch,
        known.version,
        known.etag,
        powerbi_id=powerbi_id,
        also_in="" if known.also_in == powerbi_id else known.also_in,
        deleted=known.deleted,
        lists=lists,
        rows=known.rows,
    )
    where = found.organisation.tenant_id, found.resource
    work.unchanged[where].append(mirror.advance(*where, seen))


def _forget_gone(
    connector: Connector, organisation: Organisation, resource: str, record_id: str, lists: Lists
) -> None:
    """A quarantined record that Xero has no more, and of which Power BI never got a row, is nobody's trouble any more."""
    payload = quarantine.payload(connector.store, organisation.tenant_id, resource, record_id)
    if payload is None:
        return
    try:
        shape(organisation, resource, wire.decode(payload), lists)
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
    audit.add(
        "quarantine",
        "record",
        organisation=tenant_id,
        resource=resource,
        why=where,
        batches=[batch],
        ids=[record_id] if record_id else (),
        error=said,
    )


def shape(
    organisation: Organisation, resource: str, record: dict[str, Any], lists: Lists = NO_LISTS
) -> dict[str, list[Row]]:
    """A record's rows in each table that it feeds, without their version. Raises BadRecord."""
    source = Source(
        tenant_id=organisation.tenant_id,
        base_currency=organisation.base_currency,
        resource=resource,
        record=record,
        document=record,
        lists=lists,
    )
    return {table.name: table.shape(source) for table in tables.fed_by(resource)}


def known_after(
    fetch: Fetch,
    version: int,
    etag: str,
    *,
    powerbi_id: str,
    deleted: bool,
    lists: str,
    rows: str,
    also_in: str = "",
) -> Known:
    """What the mirror knows once a fetch is pushed under a version, to that dataset and the one that is to succeed it."""
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
        lists=lists,
        rows=rows,
        also_in=also_in,
        etag=etag,
    )
