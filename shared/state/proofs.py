"""Proofs: what the last comparison of Xero, mirror and Power BI found, of each organisation, table and month.

Entities of two partitions an organisation, in table `checkpoints`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

import msgspec

from shared.storage import Conflict, Entity, Store, Write

TABLE = "checkpoints"


class Side(msgspec.Struct, frozen=True):
    """One side's count and sums of a month. sums: a column's name, and its sum as text."""

    count: int
    sums: dict[str, str] = {}


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The last comparison of an organisation's table (resource) and month. at: by our clock.

    month: "2026-10"; "" for what has no date. xero, mirror, powerbi: None where that side was not asked, `words` says why.
    outcome: same, differs, repaired, or unproven (Power BI may not be asked, and the others are the same). differing: ids,
    at most 20.
    """

    organisation: str
    table: str
    month: str
    at: datetime
    xero: Side | None = None
    mirror: Side | None = None
    powerbi: Side | None = None
    outcome: str
    differing: tuple[str, ...] = ()
    words: str = ""
    calls: int = 0
    bytes: int = 0


class ReportProof(msgspec.Struct, frozen=True, kw_only=True):
    """The last comparison with a report of Xero's. about: receivables, payables, or an account's id."""

    organisation: str
    about: str
    at: datetime
    as_of: str
    xero: str
    ours: str
    outcome: str
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What all proofs of an organisation come to. oldest, newest: when. proven: of so many months (`months`) of its tables
    the last comparison found nothing that differs. differs: those, and reports, in which something does.
    """

    oldest: datetime | None = None
    newest: datetime | None = None
    proven: int = 0
    months: int = 0
    differs: tuple[Proof | ReportProof, ...] = ()


_proof = msgspec.json.Decoder(Proof)
_report = msgspec.json.Decoder(ReportProof)


def save(store: Store, proof: Proof | ReportProof) -> None:
    """Remember it in place of the last one."""
    if isinstance(proof, Proof):
        partition, row = f"proof.{proof.organisation}", f"{proof.table}|{proof.month}"
    else:
        partition, row = f"report-proof.{proof.organisation}", quote(proof.about, safe="")
    entity: Entity = {
        "PartitionKey": partition,
        "RowKey": row,
        "format": 1,
        "proof": msgspec.json.encode(proof).decode(),
    }
    store.write_entity(TABLE, Write("replace", entity))


def forget(store: Store, proof: Proof) -> None:
    """There is no such month any more."""
    key: Entity = {"PartitionKey": f"proof.{proof.organisation}", "RowKey": f"{proof.table}|{proof.month}"}
    store.write_entity(TABLE, Write("delete", key))


def of_organisation(store: Store, tenant_id: str) -> list[Proof]:
    return [
        _proof.decode(str(each.entity["proof"])) for each in store.query_entities(TABLE, f"proof.{tenant_id}")
    ]


def reports_of(store: Store, tenant_id: str) -> list[ReportProof]:
    found = store.query_entities(TABLE, f"report-proof.{tenant_id}")
    return [_report.decode(str(each.entity["proof"])) for each in found]


def last(store: Store, tenant_id: str) -> Standing:
    return standing(of_organisation(store, tenant_id), reports_of(store, tenant_id))


def standing(found: Sequence[Proof], reports: Sequence[ReportProof] = ()) -> Standing:
    """What these come to."""
    every: list[Proof | ReportProof] = [*found, *reports]
    return Standing(
        oldest=min((each.at for each in found), default=None),
        newest=max((each.at for each in found), default=None),
        proven=sum(each.outcome != "differs" for each in found),
        months=len(found),
        differs=tuple(each for each in every if each.outcome == "differs"),
    )


def finish(store: Store, tenant_id: str, asked_at: datetime) -> None:
    """All that somebody asked for at that time is compared."""
    entity: Entity = {
        "PartitionKey": "proof-now",
        "RowKey": tenant_id,
        "format": 1,
        "asked_at": asked_at.isoformat(),
    }
    store.write_entity(TABLE, Write("replace", entity))


def finished(store: Store, tenant_id: str) -> datetime | None:
    """When that was asked for which was last compared as a whole."""
    stored = store.get_entity(TABLE, "proof-now", tenant_id)
    return datetime.fromisoformat(str(stored.entity["asked_at"])) if stored else None


def spent(store: Store, tenant_id: str, now: datetime) -> int:
    """Calls of Xero that comparing has taken today."""
    stored = store.get_entity(TABLE, "proof-share", tenant_id)
    today = stored is not None and stored.entity["day"] == f"{now:%Y%m%d}"
    return int(stored.entity["calls"]) if stored is not None and today else 0


def spend(store: Store, tenant_id: str, now: datetime, calls: int) -> None:
    """Count calls before they are made. One run at a time compares an organisation."""
    entity: Entity = {"PartitionKey": "proof-share", "RowKey": tenant_id, "format": 1, "day": f"{now:%Y%m%d}"}
    store.write_entity(TABLE, Write("replace", entity | {"calls": spent(store, tenant_id, now) + calls}))


def take_turn(store: Store, dataset: str, now: datetime, each: timedelta) -> bool:
    """Whether it is time for the next slice of a dataset, which nobody else takes then."""
    stored = store.get_entity(TABLE, "proof-turn", dataset)
    if stored is not None and now - datetime.fromisoformat(str(stored.entity["at"])) < each:
        return False
    entity: Entity = {"PartitionKey": "proof-turn", "RowKey": dataset, "format": 1, "at": now.isoformat()}
    try:
        store.write_entity(
            TABLE, Write("replace", entity, stored.etag) if stored else Write("insert", entity)
        )
    except Conflict:
        return False
    return True
