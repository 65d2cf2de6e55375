"""The version that the function app runs, as it said itself."""

from shared.clock import Clock
from shared.storage import Entity, Store, Write
from shared.version import Version

KEY = ("checkpoints", "version", "running")


def version(store: Store) -> Version | None:
    """The version that ran last; None before the first run, and of versions that did not tell."""
    stored = store.get_entity(*KEY)
    if stored is None:
        return None
    entity = stored.entity
    return Version(str(entity["version"]), str(entity["commit"]), str(entity["committed"]))


def remember(store: Store, clock: Clock, found: Version) -> None:
    table, partition, row = KEY
    entity: Entity = {
        "PartitionKey": partition,
        "RowKey": row,
        "format": 1,
        "version": found.version,
        "commit": found.commit,
        "committed": found.committed,
        "since": clock.now().isoformat(),
    }
    store.write_entity(table, Write("replace", entity))
