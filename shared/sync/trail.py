"""The trail: what the audit has of a time, and what became of one record, from Xero to Power BI. Reads storage only.

A row about few records names them; of a page of many the batch is read, while it is kept. So a record's life is told from its
first webhook or poll on, with each time that something had to wait or was tried again, and why.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from azure.core.exceptions import ResourceNotFoundError

from shared.audit import LEVELS
from shared.errors import BadMessage
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
    """What is known of one record. rows: of the audit, oldest first, those about it, the batches that hold it and their runs.

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


def stories(
    connector: Connector, tenant_id: str, resource: str, record_id: str, since: datetime | None = None
) -> list[Story]:
    """What is known of an id, in every organisation and resource that may have it.

    since: all that the audit has from then on is looked through; else only what is around its newest batch.
    """
    days = Days(connector.store)
    return [
        found
        for organisation in connections.connected(connector.store)
        if tenant_id in ("", organisation.tenant_id)
        for name in LANDED
        if resource in ("", name)
        if (found := story(connector, organisation, name, id_in(name, record_id), since, days)) is not None
    ]


def id_in(resource: str, text: str) -> str:
    """An id as a resource's records are kept under: GUIDs in lower case, others as they are."""
    return text.casefold() if LANDED[resource].ids_are_guids else text


def story(
    connector: Connector,
    organisation: Organisation,
    resource: str,
    record_id: str,
    since: datetime | None,
    days: "Days",
) -> Story | None:
    """What is known of a record of a resource; None when nothing is."""
    store, tenant_id = connector.store, organisation.tenant_id
    where = mirror.partition(tenant_id, resource)
    known = store.get_entity(
        mirror.TABLE, where, record_id, ("RowKey", "stamp", "version", "deleted", "batch")
    )
    aside = store.get_entity(quarantine.TABLE, where, record_id)
    life = Life(organisation, resource, record_id)
    for each in (known, aside):
        if each and each.entity.get("batch"):
            life.batches.append(str(each.entity["batch"]))
    rows_of = life.told(connector, days, since, pages=known is not None or aside is not None)
    if known is None and aside is None and not rows_of:
        return None
    stamp = int(known.entity["stamp"]) if known else -1
    return Story(
        organisation=organisation,
        resource=resource,
        record_id=record_id,
        stamp=datetime.fromtimestamp(stamp / 1000, UTC) if stamp >= 0 else None,
        version=int(known.entity["version"]) if known else 0,
        deleted=bool(known and known.entity["deleted"]),
        batches=life.batches,
        quarantined=str(aside.entity["error"]) if aside else "",
        pending=_pending(connector, organisation, resource, life.batches),
        rows=rows_of,
    )


def _pending(
    connector: Connector, organisation: Organisation, resource: str, batches: Sequence[str]
) -> list[str]:
    """The batches of the resource that wait; which records they hold is not known without reading them."""
    waiting = [blob.name for blob in outbox.pending(connector.store, organisation.dataset)]
    return [name for name in waiting if outbox.resource_of(name) == resource or name in batches]


class Days:
    """The audit's rows by day, each day asked for once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: dict[str, list[Row]] = {}

    def of(self, day: date) -> list[Row]:
        name = f"{day:%Y%m%d}"
        if name not in self._rows:
            self._rows[name] = _of_day(self._store, name, None)
        return self._rows[name]

    def all(self) -> list[Row]:
        """Those of all days that were asked for, oldest first."""
        return [row for name in sorted(self._rows) for row in self._rows[name]]


@dataclass
class Life:
    """The life of a record as the audit has it. batches: those that are known to hold it."""

    organisation: Organisation
    resource: str
    record_id: str
    batches: list[str] = field(default_factory=list)

    def told(self, connector: Connector, days: Days, since: datetime | None, *, pages: bool) -> list[Row]:
        """The rows about it, oldest first. pages: whether batches of many records are read to see if it is among them."""
        now = connector.clock.now()
        for batch in self.batches:
            _look_around(days, batch, now)
        if since is not None:
            for back in range((now.date() - since.date()).days + 1):
                days.of(now.date() - timedelta(days=back))
        around = days.all()
        naming = [row for row in around if self._names(row)]
        found = {name for row in naming for name in str(row.get("batches", "")).split()}
        if pages and since is not None:
            found |= self._pages(connector, around, found)
        self.batches = sorted(found | set(self.batches), key=outbox.landed_at)
        holding = [row for row in around if not self._batches_of(row).isdisjoint(self.batches)]
        operations = {row["operation"] for row in (*naming, *holding)}
        # A run that took the ids of another along tells of that one.
        operations |= {row["operation"] for row in around if row.get("by") in operations}
        spans = [self._span(batch, holding, now) for batch in self.batches]
        about = {(row["PartitionKey"], row["RowKey"]) for row in (*naming, *holding)}
        return [
            row
            for row in around
            if (row["PartitionKey"], row["RowKey"]) in about or self._concerns(row, operations, spans)
        ]

    def _batches_of(self, row: Row) -> set[str]:
        return set(str(row.get("batches", "")).split())

    def _names(self, row: Row) -> bool:
        """Whether a row names the record itself."""
        if (row.get("organisation"), row.get("resource")) != (self.organisation.tenant_id, self.resource):
            return False
        named = self.record_id in str(row.get("ids", "")).split()
        return named or f"/{self.record_id}.json" in str(row.get("why", ""))

    def _pages(self, connector: Connector, around: Sequence[Row], found: set[str]) -> set[str]:
        """The batches of more records than a row names which hold this one, as far as they are kept."""
        holding = set()
        for row in around:
            ours = (row.get("organisation"), row.get("resource")) == (
                self.organisation.tenant_id,
                self.resource,
            )
            if row["what"] == "fetch" and ours and not row.get("ids"):
                holding |= {
                    name for name in self._batches_of(row) - found if self._is_held_by(connector, name)
                }
        return holding

    def _is_held_by(self, connector: Connector, name: str) -> bool:
        for place in ("done", "pending"):
            try:
                batch = outbox.at(connector.store, f"{place}/{self.organisation.dataset}/{name}")
                if batch is not None:
                    records = batch.records()
                    return any(batch.resource.id_of(record) == self.record_id for record in records)
            except BadMessage:
                return False
        return False

    def _span(self, batch: str, holding: Sequence[Row], now: datetime) -> tuple[str, str, bool]:
        """From when to when a batch waited to be pushed, and whether a poll fetched it."""
        of_batch = [row for row in holding if batch in self._batches_of(row)]
        pushed = max((str(row["at"]) for row in of_batch if row["what"] == "push"), default=_ever(now))
        # "increment, pages": what a read asks for has its phase behind it.
        polled = any(row["what"] == "fetch" and ", " in str(row.get("why", "")) for row in of_batch)
        return _ever(outbox.landed_at(batch)), pushed, polled

    def _concerns(self, row: Row, operations: set[str], spans: Sequence[tuple[str, str, bool]]) -> bool:
        """Whether a row that names neither the record nor its batches tells of them: how the record was told of, what had to
        wait and why, and the POSTs.
        """
        at, what = str(row["at"]), row["what"]
        waiting = any(landed <= at <= pushed for landed, pushed, _ in spans)
        ours = (row.get("organisation"), row.get("resource")) == (self.organisation.tenant_id, self.resource)
        if what == "poll" and ours:
            hour = BEFORE_LANDING
            return any(
                polled and _ever(datetime.fromisoformat(landed) - hour) <= at <= landed
                for landed, _, polled in spans
            )
        if what == "push":
            return waiting and has_failed(row) and row.get("dataset") == self.organisation.dataset
        if row["operation"] not in operations:
            return False
        if what == "post":
            table = TABLES.get(str(row.get("resource", "")))
            return waiting and table is not None and self.resource in table.resources
        if row.get("ids"):
            return False
        if what == "fetch":
            return bool(row["outcome"] == "joined")
        return bool(what == "webhook" and row.get("resource", self.resource) == self.resource)


def _look_around(days: Days, batch: str, now: datetime) -> None:
    """Ask for the days from before a batch landed until it was pushed."""
    landed = outbox.landed_at(batch)
    day = (landed - BEFORE_LANDING).date()
    while day <= min(now, landed + AFTER_LANDING).date():
        of_day = days.of(day)
        if any(row["what"] == "push" and batch in str(row.get("batches", "")).split() for row in of_day):
            return
        day += timedelta(days=1)


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
