"""What each Power BI dataset was made with, beside the sink: one entity for each dataset of Power BI."""

import gzip
import hashlib

import msgspec

from shared.state.sink import TABLE
from shared.storage import Entity, Store, Write
from shared.tables.definition import Definition

_decoder = msgspec.json.Decoder(Definition)


def load(store: Store, dataset: str, powerbi_id: str) -> Definition | None:
    """None when nobody remembers."""
    return _load(store, dataset, f"definition.{powerbi_id}")


def save(store: Store, dataset: str, powerbi_id: str, definition: Definition) -> None:
    _save(store, dataset, f"definition.{powerbi_id}", definition)


def intend(store: Store, dataset: str, name: str, definition: Definition) -> None:
    """A Power BI dataset of this name is about to be made; whether it is, its creator may never learn."""
    _save(store, dataset, _intended(name), definition)


def is_ours(store: Store, dataset: str, name: str, powerbi_id: str) -> bool:
    """Whether this deployment made the dataset that is called so, as far as it knows, or may have."""
    made = load(store, dataset, powerbi_id) is not None
    return made or _load(store, dataset, _intended(name)) is not None


def adopt(store: Store, dataset: str, name: str, powerbi_id: str) -> None:
    """The dataset that is called so is this one: it is what was intended, unless it is known already."""
    intended = _load(store, dataset, _intended(name))
    if intended is None:
        return
    if load(store, dataset, powerbi_id) is None:
        save(store, dataset, powerbi_id, intended)
    _forget(store, dataset, _intended(name))


def forget(store: Store, dataset: str, powerbi_id: str) -> None:
    """The Power BI dataset is gone."""
    _forget(store, dataset, f"definition.{powerbi_id}")


def _intended(name: str) -> str:
    # A name may hold what a key may not.
    return f"intended.{hashlib.sha256(name.encode()).hexdigest()[:32]}"


def _load(store: Store, dataset: str, row: str) -> Definition | None:
    stored = store.get_entity(TABLE, dataset, row)
    packed = bytes(stored.entity["packed"]) if stored else b""  # type: ignore[arg-type]
    return _decoder.decode(gzip.decompress(packed)) if packed else None


def _save(store: Store, dataset: str, row: str, definition: Definition) -> None:
    packed = gzip.compress(msgspec.json.encode(definition), mtime=0)
    entity: Entity = {"PartitionKey": dataset, "RowKey": row, "format": 1, "packed": packed}
    store.write_entity(TABLE, Write("replace", entity))


def _forget(store: Store, dataset: str, row: str) -> None:
    store.write_entity(TABLE, Write("delete", {"PartitionKey": dataset, "RowKey": row}))
