"""What is remembered of an organisation's own lists: the slots of its tracking categories, and what was last refreshed.

One entity an organisation, only ever written by whoever holds its dataset's lease, and guarded by its ETag. It stays when the
organisation is disconnected, since a slot is given for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import msgspec

from shared.storage import Entity, Store, Write

TABLE, PARTITION = "connections", "lists"
_numbers, _texts = msgspec.json.Decoder(dict[str, int]), msgspec.json.Decoder(dict[str, str])
_names = msgspec.json.Decoder(list[str])


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """slots: by the tracking category's id in lower case, from 1. slotless: categories that came when all were taken.

    digests: of what each resource takes from the lists, as they were when its records were last refreshed for them.
    """

    tenant_id: str
    slots: Mapping[str, int] = field(default_factory=dict)
    slotless: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    etag: str = ""

    def save(self, store: Store) -> Self:
        """Raises Conflict when somebody else wrote it meanwhile."""
        entity: Entity = {
            "PartitionKey": PARTITION,
            "RowKey": self.tenant_id,
            "format": 1,
            "slots": msgspec.json.encode(self.slots).decode(),
            "slotless": msgspec.json.encode(self.slotless).decode(),
            "digests": msgspec.json.encode(self.digests).decode(),
        }
        write = Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
        return type(self)(
            tenant_id=self.tenant_id,
            slots=self.slots,
            slotless=self.slotless,
            digests=self.digests,
            etag=store.write_entity(TABLE, write),
        )


def read(store: Store, tenant_id: str) -> Remembered:
    """What is remembered of an organisation; nothing yet for a new one."""
    stored = store.get_entity(TABLE, PARTITION, tenant_id)
    if stored is None:
        return Remembered(tenant_id=tenant_id)
    entity = stored.entity
    return Remembered(
        tenant_id=tenant_id,
        slots=_numbers.decode(str(entity["slots"])),
        slotless=tuple(_names.decode(str(entity["slotless"]))),
        digests=_texts.decode(str(entity["digests"])),
        etag=stored.etag,
    )
