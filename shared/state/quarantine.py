"""The quarantine: records that could not be shaped or that Power BI refused, with their payload and the error.

An entity a record says what is wrong and where its payload lies. A later good version of the record takes it out again.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from shared.audit import LONGEST
from shared.clock import Clock
from shared.state.mirror import partition
from shared.storage import Conflict, Entity, Store, Write
from shared.xero import wire
from shared.xero.resources.resource import name_of_content

TABLE = "quarantine"
CONTAINER = "quarantine"


def keep(
    store: Store,
    clock: Clock,
    organisation: str,
    resource: str,
    record_id: str,
    record: dict[str, Any],
    error: str,
    batch: str,
) -> str:
    """Put a record aside; answers where its payload lies. A record without a readable id is named by its content."""
    payload = wire.encode(record)
    name = record_id or name_of_content(record)
    where = _where(organisation, resource, name)
    store.put_blob(CONTAINER, where, payload)
    store.write_entity(
        TABLE,
        Write(
            "replace",
            {
                "PartitionKey": partition(organisation, resource),
                "RowKey": name,
                "format": 1,
                "at": clock.now().isoformat(),
                "batch": batch,
                "payload": f"{CONTAINER}/{where}",
                "error": error[:LONGEST],
            },
        ),
    )
    return f"{CONTAINER}/{where}"


def listed(store: Store, organisation: str, resource: str) -> list[str]:
    """The ids (or names) of the records of a resource that lie in the quarantine."""
    stored = store.query_entities(TABLE, partition(organisation, resource), select=("RowKey",))
    return [str(entry.entity["RowKey"]) for entry in stored]


def payload(store: Store, organisation: str, resource: str, name: str) -> bytes | None:
    """The record that was put aside under a name, as JSON."""
    return store.get_blob(CONTAINER, _where(organisation, resource, name))


def silence(store: Store, organisation: str, resource: str, name: str, instead: str) -> None:
    """Put another text in place of the error of a record that was put aside, if it lies there still."""
    key: Entity = {"PartitionKey": partition(organisation, resource), "RowKey": name}
    stored = store.get_entity(TABLE, str(key["PartitionKey"]), name, ("error",))
    if stored is not None:
        with suppress(Conflict):
            store.write_entity(TABLE, Write("merge", key | {"error": instead}, stored.etag))


def _where(organisation: str, resource: str, name: str) -> str:
    return f"records/{organisation}/{resource}/{name}.json"


def heal(store: Store, pushed: Iterable[tuple[str, str, str]]) -> None:
    """Take out what was pushed since; (organisation, resource, record id) each."""
    by_resource: dict[tuple[str, str], set[str]] = {}
    for organisation, resource, record_id in pushed:
        by_resource.setdefault((organisation, resource), set()).add(record_id)
    for (organisation, resource), ids in by_resource.items():
        for record_id in ids.intersection(listed(store, organisation, resource)):
            key: Entity = {"PartitionKey": partition(organisation, resource), "RowKey": record_id}
            # What nobody needs any more is not kept: it may tell of persons.
            store.delete_blob(CONTAINER, _where(organisation, resource, record_id))
            store.write_entity(TABLE, Write("delete", key))
