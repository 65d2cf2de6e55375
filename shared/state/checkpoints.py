"""Checkpoints: how far each resource of each organisation is read, moved on by ETag after what was read is durable.

A read of many pages also keeps the ids of each page, in the container `reads`, so that it can be resumed anywhere and its
completeness proven at the end.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Literal, Self

import msgspec

from shared.errors import RunEnded
from shared.storage import Conflict, Entity, Store, Stored, Write

TABLE = "checkpoints"
CONTAINER = "reads"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# "touched": the documents that others' histories refer to. In format 1 it was a read's phase, now `Checkpoint.touching`.
Phase = Literal["pages", "correction", "matching", "count", "still", "touched"]


class Window(msgspec.Struct, frozen=True):
    """A part of a list that is too large for one: documents dated from `first` and before `before`, where given.

    undated: those without a date. status: only those with it. changed: only those changed since the history's start.
    statuses: only those with one of them, as documents have that are not over.
    """

    first: date | None = None
    before: date | None = None
    undated: bool = False
    status: str = ""
    changed: bool = False
    statuses: tuple[str, ...] = ()


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """A read in progress.

    kind: "history" (the first), "increment" (changed since), "whole" (the history's range once more),
    "open" (documents that are not over once more).
    phase: "pages" (the list), "correction" (what changed since the read began), "matching" (how many of those are in
    the window), "count" (how many there are now), "still" (whether nothing changed since the correction).
    page: the next one to ask for; page_count: how many there are.
    descending: pages are asked for from the last to the first. offset: the number after which to go on.
    began: Xero's clock at the first answer; opened: at the first of this window. item_count: what the last page said.
    matching: what the phase of that name found. corrected: Xero's clock at the correction's first answer. attempt: repetitions so far, of this window.
    windows: the parts of a list that is too large, in their order; window: which of them is being read.
    unproven: whether the numbers of one of them did not agree to the end.
    days: of reports, the ids of those that are still to be asked for, in this order; asked: of those that were; turn:
    of the one among them whose turn it is.
    """

    kind: Literal["history", "increment", "whole", "open"]
    read_id: str
    since: datetime | None = None
    phase: Phase = "pages"
    page: int = 1
    page_count: int | None = None
    descending: bool = False
    offset: int = 0
    began: datetime | None = None
    opened: datetime | None = None
    item_count: int | None = None
    matching: int | None = None
    corrected: datetime | None = None
    attempt: int = 1
    corrections: int = 0
    windows: tuple[Window, ...] = ()
    window: int = 0
    unproven: bool = False
    days: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    turn: str = ""

    @property
    def folder(self) -> str:
        return self.read_id


_read = msgspec.json.Decoder(Read)
_changed = msgspec.json.Decoder(dict[str, datetime])


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a resource of an organisation is read.

    history: the folder of the complete first read's ids, "" before. watermark: the next increment begins here, by Xero's
    clock; offset: it goes on after this number. read: what is in progress. touching: how often documents that the
    history's records refer to are fetched with the next time, 0 when none are left. next_at: when the next read is due;
    resume_at: no call before this, by our clock. whole_at: when everything was last read, open_at: when open documents were.
    unproven: how many of the last
    reads could not be proven complete. turn: of reports, the one that was last read because its turn had come; changed: when
    each was last found to be another than before. fresh_as_of: when the last complete read began, by Xero's clock. trouble:
    what was wrong last, and troubled_at since when anything was, by our clock; parked: whether it waits for a person.
    emptied: how many records there were when the last whole read found none, 0 once another one found none, too.
    """

    tenant_id: str
    resource: str
    history: str = ""
    watermark: datetime | None = None
    offset: int = 0
    read: Read | None = None
    touching: int = 0
    next_at: datetime = LONG_AGO
    resume_at: datetime = LONG_AGO
    completed_at: datetime | None = None
    whole_at: datetime = LONG_AGO
    open_at: datetime = LONG_AGO
    records: int = 0
    unproven: int = 0
    turn: str = ""
    changed: Mapping[str, datetime] = field(default_factory=dict)
    trouble: str = ""
    troubled_at: datetime | None = None
    parked: bool = False
    emptied: int = 0
    fresh_as_of: datetime | None = None
    etag: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether the history is, with all that it refers to."""
        return bool(self.history) and not self.touching

    def troubled_since(self, now: datetime) -> datetime:
        """Since when something is wrong, if it is now."""
        return self.troubled_at if self.trouble and self.troubled_at else now

    def is_due(self, now: datetime) -> bool:
        return self.resume_at <= now and (self.read is not None or self.touching > 0 or self.next_at <= now)

    def save(self, store: Store) -> Self:
        """Write it if nobody else moved it on. Raises RunEnded."""
        entity: Entity = {
            "PartitionKey": self.tenant_id,
            "RowKey": self.resource,
            "format": 2,
            "history": self.history,
            "watermark": _text(self.watermark),
            "offset": self.offset,
            "touching": self.touching,
            "read": msgspec.json.encode(self.read).decode() if self.read else "",
            "next_at": _text(self.next_at),
            "resume_at": _text(self.resume_at),
            "completed_at": _text(self.completed_at),
            "whole_at": _text(self.whole_at),
            "open_at": _text(self.open_at),
            "records": self.records,
            "unproven": self.unproven,
            "turn": self.turn,
            "changed": msgspec.json.encode(self.changed).decode() if self.changed else "",
            "trouble": self.trouble[:4000],
            "troubled_at": _text(self.troubled_at) if self.trouble else "",
            "parked": self.parked,
            "emptied": self.emptied,
            "fresh_as_of": _text(self.fresh_as_of),
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
    return _checkpoint(stored)


def load_all(store: Store, tenant_id: str) -> dict[str, Checkpoint]:
    """The checkpoints of an organisation, by resource, in one query; those of resources never read are left out."""
    stored = store.query_entities(TABLE, tenant_id)
    return {str(each.entity["RowKey"]): _checkpoint(each) for each in stored if "next_at" in each.entity}


def _checkpoint(stored: Stored) -> Checkpoint:
    entity = stored.entity
    watermark = _instant(entity["watermark"])
    text = str(entity["read"])
    read = _read.decode(text) if text else None
    touching = int(entity.get("touching", 0))
    if read is not None and read.phase == "touched":
        touching, read = read.page, None
    return Checkpoint(
        tenant_id=str(entity["PartitionKey"]),
        resource=str(entity["RowKey"]),
        history=str(entity["history"]),
        watermark=watermark,
        offset=int(entity.get("offset", 0)),
        read=read,
        touching=touching,
        next_at=_instant(entity["next_at"]) or LONG_AGO,
        resume_at=_instant(entity["resume_at"]) or LONG_AGO,
        completed_at=_instant(entity["completed_at"]),
        whole_at=_instant(entity["whole_at"]) or LONG_AGO,
        # Before it was kept: as if everything had been read then.
        open_at=_instant(entity.get("open_at", entity["whole_at"])) or LONG_AGO,
        records=int(entity["records"]),
        unproven=int(entity.get("unproven", 0)),
        turn=str(entity.get("turn", "")),
        changed=_changed.decode(str(entity.get("changed") or "{}")),
        trouble=str(entity["trouble"]),
        troubled_at=_instant(entity.get("troubled_at", "")),
        parked=bool(entity.get("parked", False)),
        emptied=int(entity.get("emptied", 0)),
        # Before it was kept: the watermark, which is a little earlier.
        fresh_as_of=_instant(entity["fresh_as_of"]) if "fresh_as_of" in entity else watermark,
        etag=stored.etag,
    )


def forget(store: Store, tenant_id: str, resources: Iterable[str]) -> None:
    """Forget how far an organisation was read, so that its history is read again."""
    for resource in resources:
        store.write_entity(TABLE, Write("delete", {"PartitionKey": tenant_id, "RowKey": resource}))
    for blob in list(store.list_blobs(CONTAINER, f"{tenant_id}/")):
        store.delete_blob(CONTAINER, blob.name)


class PageIds(msgspec.Struct, frozen=True):
    """The ids of a page, and those that its records touch, by resource."""

    ids: list[str]
    touched: dict[str, list[str]] = {}
    format: int = 1


_page_ids = msgspec.json.Decoder(PageIds)


def keep_ids(store: Store, checkpoint: Checkpoint, read: Read, ids: PageIds) -> None:
    """Remember the page of `read` that is being read; the same page again takes its place."""
    name = f"{_folder(checkpoint, read.folder)}{read.phase}-{read.window:04}-{read.page:06}"
    store.put_blob(CONTAINER, name, msgspec.json.encode(ids))


def keep_touched(store: Store, checkpoint: Checkpoint, ids: list[str]) -> None:
    """Remember documents, one or more, that were fetched because another resource's history refers to them."""
    name = f"{_folder(checkpoint, checkpoint.history)}touched-{ids[0]}"
    store.put_blob(CONTAINER, name, msgspec.json.encode(PageIds(ids)))


def kept_ids(
    store: Store, checkpoint: Checkpoint, folder: str, phase: Phase = "pages", window: int | None = None
) -> Iterator[PageIds]:
    """The pages of a phase of a read, of one window or of all."""
    of = "" if window is None else f"{window:04}-"
    for blob in store.list_blobs(CONTAINER, f"{_folder(checkpoint, folder)}{phase}-{of}"):
        yield _page_ids.decode(store.get_blob(CONTAINER, blob.name) or b'{"ids":[]}')


def forget_ids(store: Store, checkpoint: Checkpoint, folder: str, window: int | None = None) -> None:
    """Forget a read's pages, or those of one window."""
    prefixes = [""] if window is None else [f"{phase}-{window:04}-" for phase in ("pages", "correction")]
    for prefix in prefixes:
        for blob in list(store.list_blobs(CONTAINER, f"{_folder(checkpoint, folder)}{prefix}")):
            store.delete_blob(CONTAINER, blob.name)


def distinct(pages: Iterable[PageIds]) -> set[str]:
    return {record_id for page in pages for record_id in page.ids}


def _folder(checkpoint: Checkpoint, folder: str) -> str:
    return f"{checkpoint.tenant_id}/{checkpoint.resource}/{folder}/"


def _text(instant: datetime | None) -> str:
    return instant.isoformat() if instant else ""


def _instant(text: object) -> datetime | None:
    return datetime.fromisoformat(str(text)) if text else None
