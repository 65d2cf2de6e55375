"""Checkpoints: how far each resource of each organisation is read, moved on by ETag after what was read is durable.

A read of many pages also keeps the ids of each page, in the container `reads`, so that it can be resumed anywhere and its
completeness proven at the end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, Self

import msgspec

from shared.errors import RunEnded
from shared.storage import Conflict, Entity, Store, Write

TABLE = "checkpoints"
CONTAINER = "reads"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

Phase = Literal["pages", "correction", "count", "touched"]


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A read in progress.

    kind: "history" (the first), "increment" (changed since), "whole" (the history's range once more).
    phase: "pages" (the list), "correction" (what changed since the read began), "count" (how many there are now),
    "touched" (documents that the records of a history refer to). page: the next one to ask for.
    began: Xero's clock at the first answer. item_count: what the last page said. attempt: repetitions so far.
    """

    kind: Literal["history", "increment", "whole"]
    read_id: str
    since: datetime | None = None
    phase: Phase = "pages"
    page: int = 1
    began: datetime | None = None
    item_count: int | None = None
    attempt: int = 1
    corrections: int = 0

    @property
    def folder(self) -> str:
        return f"{self.read_id}.{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a resource of an organisation is read.

    history: the folder of the complete first read's ids, "" before. watermark: the next increment begins here, by Xero's
    clock. read: what is in progress. next_at: when the next read is due; resume_at: no call before this, by our clock.
    whole_at: when everything was last read.
    """

    tenant_id: str
    resource: str
    history: str = ""
    watermark: datetime | None = None
    read: Read | None = None
    next_at: datetime = LONG_AGO
    resume_at: datetime = LONG_AGO
    completed_at: datetime | None = None
    whole_at: datetime = LONG_AGO
    records: int = 0
    trouble: str = ""
    etag: str = ""

    def is_due(self, now: datetime) -> bool:
        return self.resume_at <= now and (self.read is not None or self.next_at <= now)

    def save(self, store: Store) -> Self:
        """Write it if nobody else moved it on. Raises RunEnded."""
        entity: Entity = {
            "PartitionKey": self.tenant_id,
            "RowKey": self.resource,
            "format": 1,
            "history": self.history,
            "watermark": _text(self.watermark),
            "read": msgspec.json.encode(self.read).decode() if self.read else "",
            "next_at": _text(self.next_at),
            "resume_at": _text(self.resume_at),
            "completed_at": _text(self.completed_at),
            "whole_at": _text(self.whole_at),
            "records": self.records,
            "trouble": self.trouble[:4000],
        }
        write = Write("replace", entity, self.etag) if self.etag else Write("insert", entity)
        try:
            return replace(self, etag=store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run reads {self.resource} of {self.tenant_id} by now.") from error


def load(store: Store, tenant_id: str, resource: str) -> Checkpoint:
    stored = store.get_entity(TABLE, tenant_id, resource)
    if stored is None:
        return Checkpoint(tenant_id=tenant_id, resource=resource)
    entity = stored.entity
    read = str(entity["read"])
    return Checkpoint(
        tenant_id=tenant_id,
        resource=resource,
        history=str(entity["history"]),
        watermark=_instant(entity["watermark"]),
        read=msgspec.json.decode(read, type=Read) if read else None,
        next_at=_instant(entity["next_at"]) or LONG_AGO,
        resume_at=_instant(entity["resume_at"]) or LONG_AGO,
        completed_at=_instant(entity["completed_at"]),
        whole_at=_instant(entity["whole_at"]) or LONG_AGO,
        records=int(entity["records"]),
        trouble=str(entity["trouble"]),
        etag=stored.etag,
    )


class PageIds(msgspec.Struct, frozen=True):
    """The ids of a page, and those that its records touch, by resource."""

    ids: list[str]
    touched: dict[str, list[str]] = {}


def keep_ids(store: Store, checkpoint: Checkpoint, phase: str, page: int, ids: PageIds) -> None:
    """Remember a page of the read in progress; the same page again takes its place."""
    if checkpoint.read is not None:
        name = f"{_folder(checkpoint, checkpoint.read.folder)}{phase}-{page:06}"
        store.put_blob(CONTAINER, name, msgspec.json.encode(ids))


def kept_ids(store: Store, checkpoint: Checkpoint, folder: str, phase: str = "pages") -> Iterator[PageIds]:
    """The pages of a phase of a read."""
    for blob in store.list_blobs(CONTAINER, f"{_folder(checkpoint, folder)}{phase}-"):
        yield msgspec.json.decode(store.get_blob(CONTAINER, blob.name) or b'{"ids":[]}', type=PageIds)


def forget_ids(store: Store, checkpoint: Checkpoint, folder: str) -> None:
    for blob in list(store.list_blobs(CONTAINER, _folder(checkpoint, folder))):
        store.delete_blob(CONTAINER, blob.name)


def distinct(pages: Iterable[PageIds]) -> set[str]:
    return {record_id for page in pages for record_id in page.ids}


def _folder(checkpoint: Checkpoint, folder: str) -> str:
    return f"{checkpoint.tenant_id}/{checkpoint.resource}/{folder}/"


def _text(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
