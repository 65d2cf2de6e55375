"""Which alarms were told when, so that each is repeated seldom enough and by one instance only. One entity, by ETag."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import msgspec

from shared.storage import Conflict, Entity, Store, Write

TABLE, PARTITION, ROW = "checkpoints", "alarms", "told"


class Key(NamedTuple):
    """What makes two alarms the same."""

    code: str
    organisation: str
    about: str


class Seen(NamedTuple):
    """since: as the alarm tells, or when it was first seen. at: when it was last told."""

    since: datetime
    at: datetime


@dataclass(frozen=True)
class Trial:
    """An alarm that an operator asked for. told_at: when the deployed app wrote it."""

    asked_at: datetime | None = None
    told_at: datetime | None = None

    @property
    def stands(self) -> bool:
        return self.asked_at is not None and (self.told_at is None or self.told_at < self.asked_at)


@dataclass(frozen=True)
class Told:
    """told: the alarms that stood when a run last looked for alarms, which was at looked_at."""

    told: Mapping[Key, Seen] = field(default_factory=dict)
    looked_at: datetime | None = None
    trial: Trial = Trial()
    etag: str = ""

    def save(self, store: Store) -> bool:
        """Answers whether nobody else wrote it meanwhile."""
        standing = [[*key, *seen] for key, seen in self.told.items()]
        entity: Entity = {
            "PartitionKey": PARTITION,
            "RowKey": ROW,
            "format": 1,
            "told": gzip.compress(msgspec.json.encode(standing), mtime=0),
            "looked_at": _text(self.looked_at),
            "trial_asked_at": _text(self.trial.asked_at),
            "trial_told_at": _text(self.trial.told_at),
        }
        try:
            store.write_entity(
                TABLE, Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
            )
        except Conflict:
            return False
        return True


_told = msgspec.json.Decoder(list[tuple[str, str, str, datetime, datetime]])


def load(store: Store) -> Told:
    stored = store.get_entity(TABLE, PARTITION, ROW)
    if stored is None:
        return Told()
    entity = stored.entity
    packed = bytes(entity["told"])  # type: ignore[arg-type]
    return Told(
        {Key(*row[:3]): Seen(*row[3:]) for row in _told.decode(gzip.decompress(packed))},
        _instant(entity["looked_at"]),
        Trial(_instant(entity["trial_asked_at"]), _instant(entity["trial_told_at"])),
        stored.etag,
    )


def _text(at: datetime | None) -> str:
    return at.isoformat() if at else ""


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
