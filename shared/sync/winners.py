"""Which of several fetches of a record is the newest, and what the mirror makes of it. No I/O."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.clock import milliseconds
from shared.errors import BadRecord
from shared.state.mirror import Known
from shared.state.outbox import Batch
from shared.xero import wire

# Begins the reason of what is fetched because the mirror was found to be wrong.
REPAIR = "repair"


@dataclass(frozen=True, kw_only=True)
class Fetch:
    """A record as one answer had it. `record` is None when Xero said that there is none (any more).

    from_mirror: it is what was known already, taken from the mirror to be pushed once more. repairs: it was fetched since what is
    known is wrong: when it was fetched decides, whatever the stamps say, and it is pushed even if nothing differs.
    """

    record_id: str
    record: dict[str, Any] | None
    stamp: int
    fetched_from: int
    fetched_to: int
    hash: str
    batch: str
    from_mirror: bool = False
    repairs: bool = False


def fetches(batch: Batch) -> tuple[list[Fetch], list[tuple[str, dict[str, Any], str]]]:
    """A batch's records; and those whose id or stamp cannot be read: id ("" for none), record, what is wrong.

    Raises BadMessage.
    """
    resource, header = batch.resource, batch.header
    fetched_from, fetched_to = milliseconds(header.fetched_from), milliseconds(header.fetched_to)
    repairs = header.reason.startswith(REPAIR)
    good: list[Fetch] = []
    bad: list[tuple[str, dict[str, Any], str]] = []
    for record in batch.records():
        found = resource.id_of(record)
        try:
            if not resource.is_id(found):
                raise BadRecord(
                    f"{resource.id_field} is {record.get(resource.id_field)!r}", field=resource.id_field
                )
            stamp = (
                wire.instant(record.get(resource.stamp_field), resource.stamp_field)
                if resource.stamp_field
                else None
            )
        except BadRecord as error:
            bad.append((found if resource.is_id(found) else "", record, str(error)))
            continue
        good.append(
            Fetch(
                record_id=found,
                record=record,
                stamp=milliseconds(stamp) if stamp else -1,
                fetched_from=fetched_from,
                fetched_to=fetched_to,
                hash=content_hash(resource.lasting(record)),
                batch=batch.name,
                repairs=repairs,
            )
        )
    for missing in header.missing:
        gone = Fetch(
            record_id=missing,
            record=None,
            stamp=-1,
            fetched_from=fetched_from,
            fetched_to=fetched_to,
            hash="",
            batch=batch.name,
            repairs=repairs,
        )
        good.append(gone)
    return good, bad


def fetch_of(known: Known, record: dict[str, Any], batch: str) -> Fetch:
    """A record of the mirror as the fetch that brought it there."""
    return Fetch(
        record_id=known.record_id,
        record=record,
        stamp=known.stamp,
        fetched_from=known.fetched_from,
        fetched_to=known.fetched_to,
        hash=known.hash,
        batch=batch,
        from_mirror=True,
    )


def content_hash(record: Mapping[str, Any]) -> str:
    """The same for the same content, whatever the order of fields."""
    return hashlib.sha256(msgspec.json.encode(record, order="deterministic", enc_hook=str)).hexdigest()[:32]


def is_newer(one: Fetch | Known, other: Fetch | Known) -> bool:
    """Whether `one` is at least as new as `other`: by stamp, then by when it was fetched.

    A record without a stamp, one that is gone, and one that was fetched to repair, is judged by its fetch alone.
    """
    if _repairs(one) or _repairs(other):
        return one.fetched_to >= other.fetched_to
    if one.stamp >= 0 and other.stamp >= 0 and one.stamp != other.stamp:
        return one.stamp > other.stamp
    return one.fetched_to >= other.fetched_to


def _repairs(one: Fetch | Known) -> bool:
    return isinstance(one, Fetch) and one.repairs


def is_in_doubt(one: Fetch | Known, other: Fetch | Known) -> bool:
    """Same stamp (or none), other content, and fetches that overlapped: nobody can say which is newer."""
    return (
        (one.stamp == other.stamp or min(one.stamp, other.stamp) < 0)
        and one.hash != other.hash
        and one.fetched_from <= other.fetched_to
        and other.fetched_from <= one.fetched_to
    )


def newest(found: list[Fetch]) -> tuple[dict[str, Fetch], set[str]]:
    """The newest fetch of each record, and the ids of those in doubt."""
    best: dict[str, Fetch] = {}
    doubtful: set[str] = set()
    for fetch in found:
        other = best.get(fetch.record_id)
        if other is not None and is_in_doubt(fetch, other):
            doubtful.add(fetch.record_id)
        if other is None or is_newer(fetch, other):
            best[fetch.record_id] = fetch
    return best, doubtful
