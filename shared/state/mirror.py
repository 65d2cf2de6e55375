"""The mirror: the newest version of each record as Xero sent it, and under which RowVersion Power BI has it.

One entity a record, in a partition an organisation and resource. Rows are derived from the mirror, so that a new column or
a new dataset needs no call to Xero.
"""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from shared.storage import PROPERTY_BYTES, Entity, Store, Write, transactions
from shared.xero import wire

TABLE = "mirror"
# Above this an entity would near its limit of 1 MiB; the record goes to a blob.
INLINE_BYTES = 700 * 1024
# Fewer ids than this are asked for one by one, more by one query over the range that holds them.
POINT_READS = 100
FACTS = (
    "RowKey",
    "stamp",
    "fetched_from",
    "fetched_to",
    "hash",
    "transform",
    "version",
    "deleted",
    "powerbi_id",
    "lists",
    "rows",
    "also_in",
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the mirror knows of a record, without the record. Times are milliseconds of Xero's clock; stamp -1: none.

    powerbi_id: the Power BI dataset that its rows were pushed to, "" when format 1 did not say. also_in: another one that
    has the same rows, since it is to take that one's place. lists: what its rows take from the organisation's own lists;
    rows: what they say, both as hashes; "" when nothing is known of it.
    """

    record_id: str
    stamp: int
    fetched_from: int
    fetched_to: int
    hash: str
    transform: int
    version: int
    deleted: bool
    powerbi_id: str
    lists: str = ""
    rows: str = ""
    also_in: str = ""
    etag: str = ""

    def is_in(self, powerbi_id: str) -> bool:
        """Whether a Power BI dataset has its rows."""
        return powerbi_id in (self.powerbi_id, self.also_in) or not self.powerbi_id


def partition(organisation: str, resource: str) -> str:
    return f"{organisation}.{resource}"


def known(store: Store, organisation: str, resource: str, ids: Iterable[str]) -> dict[str, Known]:
    """What the mirror knows of these records; those that it does not know are left out."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    where = partition(organisation, resource)
    if len(wanted) <= POINT_READS:
        stored = [store.get_entity(TABLE, where, record_id, FACTS) for record_id in wanted]
    else:
        stored = list(store.query_entities(TABLE, where, first=wanted[0], last=wanted[-1], select=FACTS))
    among = set(wanted)
    found = [_known(entry.entity, entry.etag) for entry in stored if entry is not None]
    return {entry.record_id: entry for entry in found if entry.record_id in among}


def alive(store: Store, organisation: str, resource: str) -> set[str]:
    """The ids of a resource's records that Xero is not known to have deleted for good."""
    stored = store.query_entities(TABLE, partition(organisation, resource), select=("RowKey", "deleted"))
    return {str(entry.entity["RowKey"]) for entry in stored if not entry.entity["deleted"]}


def count(store: Store, organisation: str, resource: str) -> int:
    """How many records of a resource there are, those that are gone from Xero included."""
    return sum(1 for _ in store.query_entities(TABLE, partition(organisation, resource), select=("RowKey",)))


def count_in(store: Store, organisation: str, resource: str, powerbi_id: str) -> int:
    """How many records of a resource have their rows in a Power BI dataset, those that are gone from Xero included."""
    stored = store.query_entities(
        TABLE, partition(organisation, resource), select=("RowKey", "powerbi_id", "also_in")
    )
    return sum(
        powerbi_id in (entry.entity.get("powerbi_id", ""), entry.entity.get("also_in", ""))
        for entry in stored
    )


def everything(
    store: Store, organisation: str, resource: str, *, after: str = ""
) -> Iterator[tuple[Known, dict[str, Any]]]:
    """All records of a resource in the order of their ids, those that are gone from Xero included; from behind an id on."""
    for stored in store.query_entities(TABLE, partition(organisation, resource), first=after or None):
        if stored.entity["RowKey"] != after:
            yield _known(stored.entity, stored.etag), _unpacked(store, stored.entity)


def pushed_elsewhere(store: Store, organisation: str, resource: str, powerbi_id: str) -> list[str]:
    """The ids of records that Xero has and whose rows are in another Power BI dataset than this one."""
    select = ("RowKey", "deleted", "powerbi_id")
    stored = store.query_entities(TABLE, partition(organisation, resource), select=select)
    return [
        str(entry.entity["RowKey"])
        for entry in stored
        if not entry.entity["deleted"]
        and entry.entity.get("powerbi_id", "") not in ("", powerbi_id)
        and entry.entity.get("also_in", "") != powerbi_id
    ]


def shaped_otherwise(store: Store, organisation: str, resource: str, lists: str) -> list[str]:
    """The ids of records that Xero has and that were last looked at with other lists of the organisation than these."""
    stored = store.query_entities(
        TABLE, partition(organisation, resource), select=("RowKey", "deleted", "lists")
    )
    return [
        str(entry.entity["RowKey"])
        for entry in stored
        if not entry.entity["deleted"] and entry.entity.get("lists", "") != lists
    ]


def lacking(
    store: Store, organisation: str, resource: str, powerbi_id: str, successor: str, *, after: str, most: int
) -> list[str]:
    """The first ids behind `after` of records that are in a Power BI dataset and not in the one that is to succeed it."""
    where = partition(organisation, resource)
    stored = store.query_entities(
        TABLE, where, first=after or None, select=("RowKey", "powerbi_id", "also_in")
    )
    found = (
        str(entry.entity["RowKey"])
        for entry in stored
        if entry.entity["RowKey"] != after
        and entry.entity.get("also_in", "") != successor
        and (
            entry.entity.get("powerbi_id", "") in ("", powerbi_id)
            or entry.entity.get("also_in", "") == powerbi_id
        )
    )
    return list(islice(found, most))


def is_in_both(organisation: str, resource: str, entry: Known, powerbi_id: str, successor: str) -> Write:
    """The write that notes that a record's rows are in the successor, too."""
    key: Entity = {"PartitionKey": partition(organisation, resource), "RowKey": entry.record_id}
    return Write("merge", key | {"powerbi_id": powerbi_id, "also_in": successor}, entry.etag)


def remembered(
    store: Store, organisation: str, resource: str, ids: Sequence[str]
) -> list[tuple[Known, dict[str, Any]]]:
    """What the mirror knows of these records, with the records; those that it does not know are left out."""
    if not ids:
        return []
    wanted = set(ids)
    stored = store.query_entities(TABLE, partition(organisation, resource), first=min(ids), last=max(ids))
    return [
        (_known(entry.entity, entry.etag), _unpacked(store, entry.entity))
        for entry in stored
        if entry.entity["RowKey"] in wanted
    ]


def living(store: Store, organisation: str, resource: str) -> Iterator[tuple[Known, dict[str, Any]]]:
    """All records of a resource that Xero is not known to have deleted for good; for those of which there are few."""
    for stored in store.query_entities(TABLE, partition(organisation, resource)):
        if not stored.entity["deleted"]:
            yield _known(stored.entity, stored.etag), _unpacked(store, stored.entity)


def record(store: Store, organisation: str, resource: str, record_id: str) -> dict[str, Any] | None:
    """A record as Xero sent it, or None when the mirror does not have it."""
    stored = store.get_entity(TABLE, partition(organisation, resource), record_id)
    return _unpacked(store, stored.entity) if stored else None


def _unpacked(store: Store, entity: Entity) -> dict[str, Any]:
    if entity.get("blob"):
        packed = store.get_blob("mirror", str(entity["blob"]))
    else:
        packed = b"".join(bytes(entity[f"p{n}"]) for n in range(int(entity["chunks"])))  # type: ignore[arg-type]
    found: dict[str, Any] = wire.decode(gzip.decompress(packed or b""))
    return found


def keep(
    store: Store, organisation: str, resource: str, entry: Known, found: dict[str, Any], batch: str
) -> Write:
    """The write that puts a record into the mirror; a large one's blob is written here and now."""
    packed = gzip.compress(wire.encode(found), mtime=0)
    entity = _facts(organisation, resource, entry) | {"batch": batch, "chunks": 0, "blob": ""}
    if len(packed) > INLINE_BYTES:
        name = f"{organisation}/{resource}/{entry.record_id}-{entry.version}"
        store.put_blob("mirror", name, packed)
        entity["blob"] = name
    else:
        chunks = [packed[start : start + PROPERTY_BYTES] for start in range(0, len(packed), PROPERTY_BYTES)]
        entity["chunks"] = len(chunks)
        entity |= {f"p{n}": chunk for n, chunk in enumerate(chunks)}
    return Write("replace", entity, entry.etag) if entry.etag else Write("insert", entity)


def advance(organisation: str, resource: str, entry: Known) -> Write:
    """The write that notes a later look at an unchanged record."""
    return Write("merge", _facts(organisation, resource, entry), entry.etag)


def write(store: Store, writes: Sequence[Write]) -> None:
    """All writes of one partition, transaction by transaction. Raises Conflict."""
    for some in transactions(writes):
        store.write_entities(TABLE, some)


def _facts(organisation: str, resource: str, entry: Known) -> Entity:
    return {
        "PartitionKey": partition(organisation, resource),
        "RowKey": entry.record_id,
        "format": 3,
        "stamp": entry.stamp,
        "fetched_from": entry.fetched_from,
        "fetched_to": entry.fetched_to,
        "hash": entry.hash,
        "transform": entry.transform,
        "version": entry.version,
        "deleted": entry.deleted,
        "powerbi_id": entry.powerbi_id,
        "lists": entry.lists,
        "rows": entry.rows,
        "also_in": entry.also_in,
    }


def _known(entity: Entity, etag: str) -> Known:
    return Known(
        record_id=str(entity["RowKey"]),
        stamp=int(entity["stamp"]),
        fetched_from=int(entity["fetched_from"]),
        fetched_to=int(entity["fetched_to"]),
        hash=str(entity["hash"]),
        transform=int(entity["transform"]),
        version=int(entity["version"]),
        deleted=bool(entity["deleted"]),
        powerbi_id=str(entity.get("powerbi_id", "")),
        lists=str(entity.get("lists", "")),
        rows=str(entity.get("rows", "")),
        also_in=str(entity.get("also_in", "")),
        etag=etag,
    )
