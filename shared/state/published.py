"""What was last published of the records that are made here, so that nothing is made again that says the same.

An entity an organisation and made resource, beside its checkpoints, and forgotten with them.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from shared.errors import RunEnded
from shared.storage import Conflict, Entity, Store, Write

TABLE = "checkpoints"


@dataclass(frozen=True, kw_only=True)
class Published:
    """said: a digest of what must be told at once. moving: one of what may wait. at: when it was last told."""

    tenant_id: str
    resource: str
    said: str = ""
    moving: str = ""
    at: datetime | None = None
    etag: str = ""

    def save(self, store: Store) -> Self:
        """Write it if nobody else published meanwhile. Raises RunEnded."""
        entity: Entity = {
            "PartitionKey": self.tenant_id,
            "RowKey": self.resource,
            "format": 1,
            "said": self.said,
            "moving": self.moving,
            "at": self.at.isoformat() if self.at else "",
        }
        write = Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
        try:
            return replace(self, etag=store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run publishes {self.resource} of {self.tenant_id} by now.") from error


def load(store: Store, tenant_id: str, resource: str) -> Published:
    stored = store.get_entity(TABLE, tenant_id, resource)
    if stored is None:
        return Published(tenant_id=tenant_id, resource=resource)
    entity = stored.entity
    return Published(
        tenant_id=tenant_id,
        resource=resource,
        said=str(entity["said"]),
        moving=str(entity["moving"]),
        at=datetime.fromisoformat(str(entity["at"])) if entity["at"] else None,
        etag=stored.etag,
    )
