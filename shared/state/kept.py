"""How many records the mirror holds, as it was last counted, and how far it is where it was lost.

    ""        as many as were counted before, or more: nothing ever leaves the mirror
    lost      there are fewer; nobody has been asked to read them again yet
    reading   the resource is read again, whole
    touching  it was read, and others fetch again what their histories refer to of it
    landing   it was read, and what that brought is on its way into the mirror
    whole     the mirror has it; the tables that it feeds are still to be compacted, since their rows are there twice

An entity an organisation and resource, beside the checkpoints and not forgotten with them, since the mirror stays, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self, cast

from shared.errors import RunEnded
from shared.storage import Conflict, Entity, Store, Stored, Write

TABLE = "checkpoints"

Phase = Literal["", "lost", "reading", "touching", "landing", "whole"]
# While one of these is met, nothing is deleted from Power BI: the mirror could not bring it back.
LACKING: tuple[Phase, ...] = ("lost", "reading", "touching", "landing")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """count: records, those that are gone from Xero included. had: so many before they were lost. lost_at: when that was
    noticed; since: when the phase began. asked_at: when compactions of it were asked for last. settled: whether the history was complete when it was counted, and there were as many as before. Our clock.
    """

    tenant_id: str
    resource: str
    count: int = 0
    counted_at: datetime | None = None
    settled: bool = False
    phase: Phase = ""
    had: int = 0
    lost_at: datetime | None = None
    since: datetime | None = None
    asked_at: datetime | None = None
    etag: str = ""

    @property
    def lacks(self) -> bool:
        """Whether the mirror holds less than it should."""
        return self.phase in LACKING

    def save(self, store: Store) -> Self:
        """Write it if nobody else counted meanwhile. Raises RunEnded."""
        entity: Entity = {
            "PartitionKey": _partition(self.tenant_id),
            "RowKey": self.resource,
            "format": 1,
            "count": self.count,
            "counted_at": _text(self.counted_at),
            "settled": self.settled,
            "phase": self.phase,
            "had": self.had,
            "lost_at": _text(self.lost_at),
            "since": _text(self.since),
            "asked_at": _text(self.asked_at),
        }
        write = Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
        try:
            return replace(self, etag=store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run counts {self.resource} of {self.tenant_id} by now.") from error


def load(store: Store, tenant_id: str, resource: str) -> Kept:
    stored = store.get_entity(TABLE, _partition(tenant_id), resource)
    return _kept(tenant_id, stored) if stored else Kept(tenant_id=tenant_id, resource=resource)


def load_all(store: Store, tenant_id: str) -> dict[str, Kept]:
    """What was ever counted of an organisation, by resource."""
    found = (_kept(tenant_id, each) for each in store.query_entities(TABLE, _partition(tenant_id)))
    return {each.resource: each for each in found}


def lacking(store: Store, tenant_ids: Iterable[str]) -> list[Kept]:
    """Where the mirror of these organisations holds less than it should."""
    return [each for tenant_id in tenant_ids for each in load_all(store, tenant_id).values() if each.lacks]


def _partition(tenant_id: str) -> str:
    return f"kept.{tenant_id}"


def _kept(tenant_id: str, stored: Stored) -> Kept:
    entity = stored.entity
    return Kept(
        tenant_id=tenant_id,
        resource=str(entity["RowKey"]),
        count=int(entity["count"]),
        counted_at=_instant(entity["counted_at"]),
        settled=bool(entity["settled"]),
        phase=cast(Phase, str(entity["phase"])),
        had=int(entity["had"]),
        lost_at=_instant(entity["lost_at"]),
        since=_instant(entity["since"]),
        asked_at=_instant(entity["asked_at"]),
        etag=stored.etag,
    )


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
