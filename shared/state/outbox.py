"""The outbox: Xero's answers as received, durable before anything else happens to them.

A batch is one answer, gzipped: a line of JSON that says what was asked and when, then the body byte for byte. Batches lie
under `pending/<dataset>/` until their rows are in Power BI and their records in the mirror, then under `done/`, which a
lifecycle rule empties.
"""

import gzip
import uuid
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared.errors import BadMessage
from shared.state import forgotten
from shared.state.made import LANDED
from shared.storage import Blob, Store
from shared.xero import persons, wire
from shared.xero.client import Request
from shared.xero.resources import Resource

CONTAINER = "outbox"


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, why, and between which instants of Xero's clock the answer was true.

    missing: ids that Xero was asked for one by one and answered 404. from_mirror: ids of records that are pushed once
    more as the mirror has them; then there is no answer.
    """

    format: int = 1
    dataset: str
    organisation: str
    resource: str
    reason: str
    operation: str
    request: Request
    request_id: str
    fetched_from: datetime
    fetched_to: datetime
    landed_at: datetime
    records: int
    missing: list[str] = []
    from_mirror: list[str] = []


_header = msgspec.json.Decoder(Header)


class Batch(msgspec.Struct, frozen=True):
    """A batch as it lies in the outbox."""

    name: str
    header: Header
    body: bytes

    @property
    def resource(self) -> Resource:
        return LANDED[self.header.resource]

    def records(self) -> list[dict[str, Any]]:
        """The answer's records, a report under the id that it was asked for by. Raises BadMessage when the body is none of
        Xero's.
        """
        if not self.body:
            return []
        try:
            records = wire.decode(self.body)[self.resource.plural]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise BadMessage(f"batch {self.name} holds no list of {self.header.resource}") from error
        if not isinstance(records, list):
            raise BadMessage(f"batch {self.name} holds no list of {self.header.resource}")
        asked = self.header.request.params
        return [
            self.resource.named(record if isinstance(record, dict) else {"": record}, asked)
            for record in records
        ]


def land(store: Store, header: Header, body: bytes) -> str:
    """Put an answer into the outbox; answers the batch's name, under which it is durable now.

    As received, but for contacts that are forgotten: of these no name is stored any more.
    """
    name = f"{header.landed_at:%Y%m%dT%H%M%S%f}-{header.resource}-{uuid.uuid4().hex[:12]}"
    if header.resource in persons.RESOURCES:
        body = _stripped(header, body, forgotten.contacts(store))
    store.put_blob(CONTAINER, f"pending/{header.dataset}/{name}", _packed(header, body))
    return name


def _packed(header: Header, body: bytes) -> bytes:
    # Level 1: pages are large and short-lived, the time counts more than the bytes.
    return gzip.compress(msgspec.json.encode(header) + b"\n" + body, compresslevel=1, mtime=0)


def _stripped(header: Header, body: bytes, ids: Mapping[str, frozenset[str]]) -> bytes:
    plural = LANDED[header.resource].plural
    return forgotten.stripped(body, header.resource, plural, ids.get(header.organisation, frozenset()))


def pending(store: Store, dataset: str) -> Iterator[Blob]:
    """The batches that wait, oldest first; a blob's name here is the batch's."""
    prefix = f"pending/{dataset}/"
    for blob in store.list_blobs(CONTAINER, prefix):
        yield Blob(blob.name.removeprefix(prefix), blob.size)


def landed_at(name: str) -> datetime:
    """When a batch landed, by our clock, as its name tells."""
    return datetime.strptime(name[:21], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)


def resource_of(name: str) -> str:
    """The resource that a batch is of, as its name tells."""
    return name[22:].rpartition("-")[0]


def set_aside(store: Store, dataset: str) -> list[str]:
    """The names of the batches that could not be read."""
    prefix = f"batches/{dataset}/"
    return [blob.name.removeprefix(prefix) for blob in store.list_blobs("quarantine", prefix)]


def read(
    store: Store, dataset: str, name: str, contacts: Mapping[str, frozenset[str]] | None = None
) -> Batch | None:
    """A waiting batch; None when it is done already. Raises BadMessage when the blob is none of ours.

    contacts: those that are forgotten, by organisation. One that landed while that was asked for is stripped of them here.
    """
    where = f"pending/{dataset}/{name}"
    batch = at(store, where)
    if batch is None:
        return None
    without = stripped(batch, contacts or {})
    if without is not batch:
        put(store, where, without)
    return without


def at(store: Store, where: str) -> Batch | None:
    """The batch of a blob, waiting or done; None when there is none. Raises BadMessage when the blob is none of ours."""
    packed = store.get_blob(CONTAINER, where)
    return None if packed is None else unpacked(where.rpartition("/")[2], packed)


def stripped(batch: Batch, contacts: Mapping[str, frozenset[str]]) -> Batch:
    """The batch without what tells of contacts that are forgotten; itself when it tells of none."""
    body = _stripped(batch.header, batch.body, contacts)
    return batch if body == batch.body else Batch(batch.name, batch.header, body)


def put(store: Store, where: str, batch: Batch) -> None:
    """Write a batch over the blob that it was in."""
    store.put_blob(CONTAINER, where, _packed(batch.header, batch.body))


def unpacked(name: str, packed: bytes) -> Batch:
    """A batch as its blob has it. Raises BadMessage when that is none of ours."""
    try:
        header_line, _, body = gzip.decompress(packed).partition(b"\n")
        header = _header.decode(header_line)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as error:  # msgspec's are ValueErrors.
        raise BadMessage(f"batch {name} is not readable: {error}") from error
    if header.format != 1 or header.resource not in LANDED:
        raise BadMessage(f"batch {name} has format {header.format} and resource {header.resource!r}")
    return Batch(name, header, body)


def finish(store: Store, dataset: str, name: str) -> None:
    """Move a batch to done/."""
    _move(store, dataset, name, CONTAINER, f"done/{dataset}/{name}")


def put_aside(store: Store, dataset: str, name: str) -> str:
    """Move an unreadable batch to the quarantine; answers where it lies."""
    aside = f"batches/{dataset}/{name}"
    _move(store, dataset, name, "quarantine", aside)
    return f"quarantine/{aside}"


def take_back(store: Store, dataset: str, name: str) -> None:
    """Move a batch from the quarantine back to those that wait."""
    aside = f"batches/{dataset}/{name}"
    packed = store.get_blob("quarantine", aside)
    if packed is not None:
        store.put_blob(CONTAINER, f"pending/{dataset}/{name}", packed)
        store.delete_blob("quarantine", aside)


def _move(store: Store, dataset: str, name: str, container: str, target: str) -> None:
    source = f"pending/{dataset}/{name}"
    packed = store.get_blob(CONTAINER, source)
    if packed is not None:
        store.put_blob(container, target, packed)
        store.delete_blob(CONTAINER, source)
