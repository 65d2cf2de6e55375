"""What runs note down for whoever looks at the connector's health; nobody's work depends on it.

Entities of one partition, so that a look costs one query.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.storage import Entity, Store, Write

TABLE, PARTITION = "checkpoints", "noted"

Kind = Literal["refused", "refresh", "swept", "webhook"]
"""refused: Power BI or a missing dataset keeps a dataset's batches waiting, by dataset. refresh: why a token set was not
renewed, by set. swept: messages came back from the poison queue, by queue. webhook: when ids came, by tenant id."""


@dataclass(frozen=True)
class Note:
    """at: when, by our clock. about: the tables that it concerns, "" when all.

    Of what was refused: since when, how often it was tried, and until when it is not tried again.
    """

    at: datetime
    words: str = ""
    about: str = ""
    since: datetime | None = None
    attempts: int = 0
    until: datetime | None = None


def note(
    store: Store,
    kind: Kind,
    name: str,
    at: datetime,
    *,
    words: str = "",
    about: str = "",
    since: datetime | None = None,
    attempts: int = 0,
    until: datetime | None = None,
) -> None:
    """Note it in place of what was noted before."""
    entity: Entity = {
        "PartitionKey": PARTITION,
        "RowKey": f"{kind}|{name}",
        "format": 1,
        "at": at.isoformat(),
        "words": words[:4000],
        "about": about[:4000],
        "since": since.isoformat() if since else "",
        "attempts": attempts,
        "until": until.isoformat() if until else "",
    }
    store.write_entity(TABLE, Write("replace", entity))


def find(store: Store, kind: Kind, name: str) -> Note | None:
    """What is noted of one thing."""
    stored = store.get_entity(TABLE, PARTITION, f"{kind}|{name}")
    return _note(stored.entity) if stored else None


def forget(store: Store, kind: Kind, name: str) -> None:
    """It is so no more."""
    store.write_entity(TABLE, Write("delete", {"PartitionKey": PARTITION, "RowKey": f"{kind}|{name}"}))


def noted(store: Store) -> dict[tuple[str, str], Note]:
    """Everything that is noted, by kind and name."""
    found = {}
    for stored in store.query_entities(TABLE, PARTITION):
        kind, _, name = str(stored.entity["RowKey"]).partition("|")
        found[kind, name] = _note(stored.entity)
    return found


def _note(entity: Entity) -> Note:
    since, until = str(entity.get("since", "")), str(entity.get("until", ""))
    return Note(
        at=datetime.fromisoformat(str(entity["at"])),
        words=str(entity["words"]),
        about=str(entity["about"]),
        since=datetime.fromisoformat(since) if since else None,
        attempts=int(entity.get("attempts", 0)),
        until=datetime.fromisoformat(until) if until else None,
    )
