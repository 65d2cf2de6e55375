"""The books of the organisations: every record as Xero's wire JSON, by resource and id."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from local.simulation import Clock
from local.xero.resources import RESOURCES, Resource
from local.xero.wire import Record, format_date, format_iso, milliseconds, parse_date


class Row:
    """A record with what lists need of it. A change makes a new row, so a row's renderings never age."""

    __slots__ = ("key", "record", "renderings", "stamp")

    def __init__(self, resource: Resource, record: Record) -> None:
        self.record = record
        self.key = str(record[resource.key]).lower()
        self.stamp = parse_date(record.get(resource.stamp)) if resource.stamp else None
        self.renderings: dict[Any, bytes] = {}


@dataclass
class Books:
    """One organisation. `users` may connect it."""

    tenant_id: str
    name: str
    users: set[str] = field(default_factory=set)
    tables: dict[str, dict[str, Row]] = field(default_factory=dict)

    def table(self, resource: Resource) -> dict[str, Row]:
        return self.tables.setdefault(resource.name, {})


class Store:
    """All books. Hold `lock` over whatever must be seen, or happen, at once."""

    def __init__(self, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.books: dict[str, Books] = {}
        self._clock = clock

    def load(self, tenant_id: str, name: str, resources: dict[str, list[Record]], user: str) -> None:
        """Replace an organisation's books. KeyError for an unknown resource or a record without its id."""
        tables: dict[str, dict[str, Row]] = {}
        for resource_name, records in resources.items():
            resource = RESOURCES[resource_name]
            rows = [Row(resource, record) for record in records]
            tables[resource_name] = {row.key: row for row in rows}
            if len(tables[resource_name]) < len(rows):
                raise ValueError(f"two records of {resource_name} have the same {resource.key}")
        with self.lock:
            books = self.books.setdefault(tenant_id, Books(tenant_id, name))
            books.name, books.tables = name, tables
            books.users.add(user)

    def of_user(self, user: str) -> list[Books]:
        with self.lock:
            return [books for books in self.books.values() if user in books.users]

    def users(self) -> list[str]:
        with self.lock:
            return sorted({user for books in self.books.values() for user in books.users})

    def records(self, tenant_id: str, resource_name: str) -> Iterator[Record]:
        with self.lock:
            return iter([row.record for row in self._table(tenant_id, resource_name).values()])

    def find(self, tenant_id: str, resource_name: str, key: str) -> Record:
        """KeyError when there is no such organisation, resource or record."""
        with self.lock:
            return self._table(tenant_id, resource_name)[key.lower()].record

    def add(self, tenant_id: str, resource_name: str, record: Record) -> Record:
        """Add a record; an id and a stamp that it lacks are given. ValueError when its id is taken."""
        resource = RESOURCES[resource_name]
        record = dict(record) if resource.key in record else {resource.key: str(uuid4()), **record}
        with self.lock:
            table = self._table(tenant_id, resource_name)
            if resource.stamp and resource.stamp not in record:
                record[resource.stamp] = None
                self._stamp(resource, record)
            row = Row(resource, record)
            if row.key in table:
                raise ValueError(f"there is already a {resource.key} {row.key}")
            table[row.key] = row
        return record

    def put(self, tenant_id: str, resource_name: str, record: Record, touch: bool = True) -> Record:
        """Replace the record of the same id; `touch` moves UpdatedDateUTC to now, never CreatedDateUTC."""
        resource = RESOURCES[resource_name]
        with self.lock:
            table = self._table(tenant_id, resource_name)
            old = table[str(record[resource.key]).lower()]
            record = dict(record)
            if touch and resource.stamp == "UpdatedDateUTC":
                self._stamp(resource, record)
            table[old.key] = Row(resource, record)
        return record

    def remove(self, tenant_id: str, resource_name: str, key: str) -> None:
        with self.lock:
            del self._table(tenant_id, resource_name)[key.lower()]

    def _table(self, tenant_id: str, resource_name: str) -> dict[str, Row]:
        return self.books[tenant_id].table(RESOURCES[resource_name])

    def _stamp(self, resource: Resource, record: Record) -> None:
        now = milliseconds(self._clock.now())
        assert resource.stamp is not None
        record[resource.stamp] = format_date(now)
        if f"{resource.stamp}String" in record:
            record[f"{resource.stamp}String"] = format_iso(now)
