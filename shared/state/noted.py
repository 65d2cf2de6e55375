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
    """at: when, by our clock. about: the tables that it concerns, "" when all."""

    at: datetime
    words: str = ""
    about: str = ""


def note(store: Store, kind: Kind, name: str, at: datetime, *, words: str = "", about: str = "") -> None:
    """Note it in place of what was noted before."""
    entity: Entity = {
        "PartitionKey": PARTITION,
        "RowKey": f"{kind}|{name}",
        "format": 1,
        "at": at.isoformat(),
        "words": words[:4000],
        "about": about[:4000],
    }
    store.write_entity(TABLE, Write("replace", entity))


def noted(store: Store) -> dict[tuple[str, str], Note]:
    """Everything that is noted, by kind and name."""
    found = {}
    for stored in store.query_entities(TABLE, PARTITION):
        kind, _, name = str(stored.entity["RowKey"]).partition("|")
        at = datetime.fromisoformat(str(stored.entity["at"]))
        found[kind, name] = Note(at, str(stored.entity["words"]), str(stored.entity["about"]))
    return found
