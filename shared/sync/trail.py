"""The trail: what the audit has of a time, and what became of one record, from Xero to Power BI. Reads storage only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from shared.audit import LEVELS
from shared.state import connections, mirror, outbox, quarantine
from shared.state.connections import Organisation
from shared.state.made import LANDED
from shared.storage import Store, Stored
from shared.sync.connector import Connector
from shared.tables import TABLES

type Row = dict[str, Any]

# Told as it is, whatever its outcome: it neither failed nor waits.
FINE = frozenset({"joined", "repeated", "split"})
# A webhook is fetched within seconds, a batch pushed within minutes, unless something stands in the way for days.
BEFORE_LANDING = timedelta(hours=1)
AFTER_LANDING = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows; what is "" or False leaves all through."""

    organisation: str = ""
    resource: str = ""
    operation: str = ""
    failed: bool = False

    def fits(self, row: Row) -> bool:
        return (
            self.organisation in ("", row.get("organisation"))
            and self.resource in ("", row.get("resource"))
            and self.operation in ("", row.get("operation"), row.get("by"))
            and (not self.failed or has_failed(row))
        )


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is known of one record. rows: of the audit, oldest first, those about the batches that hold it and their runs.

    stamp, version: of the mirror: the UpdatedDateUTC of its newest version, and the RowVersion that Power BI has of it.
    """

    organisation: Organisation
    resource: str
    record_id: str
    stamp: datetime | None = None
    version: int = 0
    deleted: bool = False
    batches: list[str] = field(default_factory=list)
    quarantined: str = ""
    pending: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)


def has_failed(row: Row) -> bool:
    """Whether a row tells of what went wrong or had to wait."""
    return bool(row.get("error")) or (row["outcome"] in LEVELS and row["outcome"] not in FINE)


def rows(store: Store, since: datetime, until: datetime, wanted: Wanted) -> Iterator[Row]:
    """The rows that fit, newest first; a day is read at a time, and only when it is asked for."""
    day = until.astimezone(UTC).date()
    while day >= since.astimezone(UTC).date():
        first = f"{since:%H%M%S.%f}" if day == since.date() else None
        for row in reversed(_of_day(store, f"{day:%Y%m%d}", first)):
            if row["at"] <= until.isoformat() and wanted.fits(row):
                yield row
        day -= timedelta(days=1)


def story(connector: Connector, organisation: Organisation, resource: str, record_id: str) -> Story | None:
    """What is known of a record of a resource; None when nothing is."""
    store, tenant_id = connector.store, organisation.tenant_id
    where = mirror.partition(tenant_id, resource)
    known = store.get_entity(
        mirror.TABLE, where, record_id, ("RowKey", "stamp", "version", "deleted", "batch")
    )
    aside = store.get_entity(quarantine.TABLE, where, record_id)
    if known is None and aside is None:
        return None
    batches = [str(each.entity["batch"]) for each in (known, aside) if each and each.entity.get("batch")]
    stamp = int(known.entity["stamp"]) if known else -1
    return Story(
        organisation=organisation,
        resource=resource,
        record_id=record_id,
        stamp=datetime.fromtimestamp(stamp / 1000, UTC) if stamp >= 0 else None,
        version=int(known.entity["version"]) if known else 0,
        deleted=bool(known and known.entity["deleted"]),
        batches=batches,
        quarantined=str(aside.entity["error"]) if aside else "",
        pending=_pending(connector, organisation, resource, batches),
        rows=_of_batches(connector, batches),
    )


def stories(connector: Connector, tenant_id: str, resource: str, record_id: str) -> list[Story]:
    """What is known of an id, in every organisation and resource that may have it."""
    return [
        found
        for organisation in connections.connected(connector.store)
        if tenant_id in ("", organisation.tenant_id)
        for name in LANDED
        if resource in ("", name)
        if (found := story(connector, organisation, name, record_id)) is not None
    ]


def _pending(
    connector: Connector, organisation: Organisation, resource: str, batches: Sequence[str]
) -> list[str]:
    """The batches of the resource that wait; which records they hold is not known without reading them."""
    waiting = [blob.name for blob in outbox.pending(connector.store, organisation.dataset)]
    return [name for name in waiting if outbox.resource_of(name) == resource or name in batches]


def _of_batches(connector: Connector, batches: Sequence[str]) -> list[Row]:
    """The rows that name a batch, and those of the runs that they belong to."""
    found: dict[tuple[str, str], Row] = {}
    for batch in batches:
        landed = outbox.landed_at(batch)
        until = min(connector.clock.now(), landed + AFTER_LANDING)
        around: list[Row] = []
        day = (landed - BEFORE_LANDING).date()
        naming: list[Row] = []
        while day <= until.date():
            around += _of_day(connector.store, f"{day:%Y%m%d}", None)
            naming = [row for row in around if batch in str(row.get("batches", "")).split()]
            if any(row["what"] == "push" for row in naming):
                break
            day += timedelta(days=1)
        operations = {row["operation"] for row in naming}
        # A run that took the ids of another along tells of that one.
        operations |= {row["operation"] for row in around if row.get("by") in operations}
        pushed = max((str(row["at"]) for row in naming if row["what"] == "push"), default=_ever(until))
        for row in around:
            if row in naming or (row["operation"] in operations and _tells_of(row, batch, pushed)):
                found[row["PartitionKey"], row["RowKey"]] = row
    return [found[key] for key in sorted(found)]


def _tells_of(row: Row, batch: str, pushed: str) -> bool:
    """Whether a row of a batch's runs, which does not name it, is about it: how it was told of, and its POSTs."""
    if row["what"] == "fetch":
        return bool(row["outcome"] == "joined")
    if row["what"] != "post":
        return bool(row["what"] == "webhook")
    table = TABLES.get(str(row.get("resource", "")))
    fed = bool(table is not None and outbox.resource_of(batch) in table.resources)
    return fed and _ever(outbox.landed_at(batch)) <= str(row["at"]) <= pushed


def _ever(at: datetime) -> str:
    """An instant as the audit writes it, so that texts can be compared."""
    return at.isoformat(timespec="milliseconds")


def _of_day(store: Store, day: str, first: str | None) -> list[Row]:
    try:
        return [_row(stored) for stored in store.query_entities(f"audit{day[:6]}", day, first=first)]
    except ResourceNotFoundError:
        # A month of which nothing was told, or which is kept no longer.
        return []


def _row(stored: Stored) -> Row:
    return dict(stored.entity)
