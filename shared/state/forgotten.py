"""Contacts that are to be forgotten, and how far that is. From the moment an id stands here, what Xero tells of it lands masked.

One entity a contact, in table `connections`, for good: Xero goes on telling of the person until she is forgotten there, too.
`words`, by which texts about her are found, stand here only until all is done.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Self

import msgspec

from shared.errors import RunEnded
from shared.storage import Conflict, Entity, Store, Stored, Write
from shared.xero import persons, wire

TABLE, PARTITION = "connections", "forgotten"
# In this order.
Phase = Literal["outbox", "quarantine", "mirror", "audit", "tables", "done"]
# So many of so many characters fit a property, which holds 64 KiB.
WORDS, LONGEST_WORD = 70, 200

_texts = msgspec.json.Decoder(list[str])
_counts = msgspec.json.Decoder(dict[str, int])


@dataclass(frozen=True, kw_only=True)
class Forgetting:
    """How far a contact is forgotten.

    cursor: up to where the phase is done. masked_at: since when the mirror says nothing of her; touched: the resources of whose
    records it said something before. compacted: the datasets whose tables were compacted since. counts: what was removed, by
    where. seen_at: when a run last worked at it. trouble: what only a person can mend.
    """

    tenant_id: str
    contact_id: str
    asked_at: datetime
    phase: Phase = "outbox"
    cursor: str = ""
    words: frozenset[str] = frozenset()
    masked_at: datetime | None = None
    touched: tuple[str, ...] = ()
    compacted: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    seen_at: datetime
    done_at: datetime | None = None
    trouble: str = ""
    etag: str = ""

    def counting(self, **more: int) -> Self:
        """The same with more removed."""
        return replace(
            self, counts={**self.counts, **{name: self.counts.get(name, 0) + n for name, n in more.items()}}
        )

    def save(self, store: Store) -> Self:
        """Write it if nobody else did since it was read. Raises RunEnded."""
        words = sorted(each for each in self.words if len(each) <= LONGEST_WORD)[:WORDS]
        entity: Entity = {
            "PartitionKey": PARTITION,
            "RowKey": f"{self.tenant_id}|{self.contact_id}",
            "format": 1,
            "asked_at": self.asked_at.isoformat(),
            "phase": self.phase,
            "cursor": self.cursor,
            "words": msgspec.json.encode(words),
            "masked_at": self.masked_at.isoformat() if self.masked_at else "",
            "touched": msgspec.json.encode(self.touched).decode(),
            "compacted": msgspec.json.encode(self.compacted).decode(),
            "counts": msgspec.json.encode(self.counts).decode(),
            "seen_at": self.seen_at.isoformat(),
            "done_at": self.done_at.isoformat() if self.done_at else "",
            "trouble": self.trouble[:4000],
        }
        write = Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
        try:
            return replace(self, etag=store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run forgets contact {self.contact_id} by now.") from error


def load(store: Store, tenant_id: str, contact_id: str) -> Forgetting | None:
    stored = store.get_entity(TABLE, PARTITION, f"{tenant_id}|{contact_id}")
    return _forgetting(stored) if stored else None


def every(store: Store) -> list[Forgetting]:
    """All that were ever asked for, those that are done included."""
    return [_forgetting(stored) for stored in store.query_entities(TABLE, PARTITION)]


def standing(store: Store) -> list[Forgetting]:
    """Those that are not done yet."""
    return [each for each in every(store) if each.phase != "done"]


def contacts(store: Store) -> dict[str, frozenset[str]]:
    """The ids of the contacts that are forgotten, or being forgotten, by organisation."""
    found: dict[str, set[str]] = defaultdict(set)
    for stored in store.query_entities(TABLE, PARTITION, select=("RowKey",)):
        tenant_id, _, contact_id = str(stored.entity["RowKey"]).partition("|")
        found[tenant_id].add(contact_id)
    return {tenant_id: frozenset(ids) for tenant_id, ids in found.items()}


def stripped(body: bytes, resource: str, plural: str, ids: frozenset[str]) -> bytes:
    """An answer of Xero's without what tells of these contacts; the same bytes when it names none of them.

    What is no list of records is left as it is: nobody reads it.
    """
    told = body.lower()
    if resource not in persons.RESOURCES or not any(each.encode() in told for each in ids):
        return body
    try:
        envelope = wire.decode(body)
        records = envelope[plural]
        without = [
            persons.masked(resource, each, ids) if isinstance(each, dict) else each for each in records
        ]
    except (msgspec.DecodeError, KeyError, TypeError):
        return body
    if all(one is other for one, other in zip(without, records, strict=True)):
        return body
    return wire.encode({**envelope, plural: without})


def _forgetting(stored: Stored) -> Forgetting:
    entity = stored.entity
    tenant_id, _, contact_id = str(entity["RowKey"]).partition("|")
    return Forgetting(
        tenant_id=tenant_id,
        contact_id=contact_id,
        asked_at=datetime.fromisoformat(str(entity["asked_at"])),
        phase=entity["phase"],  # type: ignore[arg-type]
        cursor=str(entity["cursor"]),
        words=frozenset(_texts.decode(bytes(entity["words"]))),  # type: ignore[arg-type]
        masked_at=_instant(entity["masked_at"]),
        touched=tuple(_texts.decode(str(entity["touched"]))),
        compacted=tuple(_texts.decode(str(entity["compacted"]))),
        counts=_counts.decode(str(entity["counts"])),
        seen_at=datetime.fromisoformat(str(entity["seen_at"])),
        done_at=_instant(entity["done_at"]),
        trouble=str(entity["trouble"]),
        etag=stored.etag,
    )


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
