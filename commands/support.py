"""support: a zip file with what a maintainer needs to help, that one can read before one sends it."""

import json
import platform
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from commands import status_json, version
from commands.redaction import Redactor
from commands.terminal import Where, connector, item, say
from shared import parsing, tables
from shared.budgets import spent
from shared.state import (
    checkpoints,
    connections,
    forgotten,
    messages,
    mirror,
    outbox,
    proofs,
    quarantine,
    sink,
)
from shared.sync.connector import Connector
from shared.sync.dataset import known_datasets
from shared.sync.health import health

ROWS = 20_000
# Whose request ids are a vendor's of a call; others are ids of datasets.
CALLS = ("fetch", "post")
# Settings that name somebody's accounts, or what somebody typed.
NAMING = (parsing.text, parsing.url, parsing.guid)
MEANS = {
    "version.json": "this checkout, Python, the packages",
    "settings.json": "settings: values that are numbers or choices; others as labels",
    "organisations.json": "organisations as labels: dataset, base currency, consent",
    "health.json": "what `status --json` says",
    "checkpoints.json": "how far each resource is read, and what was wrong last",
    "budgets.json": "calls of Xero that are used",
    "datasets.json": "each dataset's state: rows, versions, compaction, successor",
    "queues.json": "how many messages and batches wait",
    "quarantine.json": "what was put aside: which kind of error, and when; no record",
    "forgotten.json": "how far contacts are forgotten, as labels",
    "proofs.json": "the last comparisons with Xero and Power BI: when, which outcome, how many records; no sums",
    "audit.json": "what happened in the last days, errors without their particulars",
}


def run(where: Where, output: Path | None, *, days: int) -> int:
    """Write the bundle and say what is in it."""
    ours = connector(where)
    file = output or Path(f"support-{ours.clock.now():%Y%m%d-%H%M}.zip")
    found = bundle(ours, days=days)
    write(file, found)
    say([f"Wrote {file}:"])
    for name in found:
        item(f"{name}: {MEANS.get(name, 'what is in, what is not')}")
    say(
        [
            "No name, amount, e-mail address, token, secret or record is in it. Read it before you send it.",
            "Next: add it to your report of what is wrong, with what you did and what you expected.",
        ]
    )
    return 0


def write(file: Path, found: dict[str, str]) -> None:
    """A zip of texts."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in found.items():
            packed.writestr(name, text)


def bundle(connector: Connector, *, days: int) -> dict[str, str]:
    """The files, the manifest first. What cannot be read is said in its file, and holds up nothing else."""
    known = connections.known(connector.store)
    names = [each.name for each in known] + [connector.settings.powerbi_dataset_name]
    redactor = Redactor((each.tenant_id for each in known), names)
    parts: dict[str, Callable[[], Any]] = {
        "version.json": _version,
        "settings.json": lambda: _settings(connector, redactor),
        "organisations.json": lambda: [_organisation(each, redactor) for each in known],
        "health.json": lambda: _health(connector, redactor),
        "checkpoints.json": lambda: _checkpoints(connector, redactor),
        "budgets.json": lambda: _budgets(connector, redactor),
        "datasets.json": lambda: _datasets(connector, redactor),
        "queues.json": lambda: _queues(connector, redactor),
        "quarantine.json": lambda: _quarantine(connector, redactor),
        "forgotten.json": lambda: _forgotten(connector, redactor),
        "proofs.json": lambda: _proofs(connector, redactor),
        "audit.json": lambda: list(_audit(connector, redactor, days)),
    }
    found = {}
    for name, part in parts.items():
        try:
            told = part()
        except Exception as error:
            # Whatever is broken is what somebody wants help with.
            told = {"could not be read": type(error).__name__, "words": redactor.text(str(error))}
        found[name] = json.dumps(told, indent=1, ensure_ascii=False, default=str)
    return {"manifest.txt": _manifest(connector, days)} | found


def _manifest(connector: Connector, days: int) -> str:
    lines = [
        f"Support bundle of {connector.clock.now():%Y-%m-%d %H:%M} UTC, audit of {days} days, all times in UTC.",
        "",
        *(f"{name:20} {means}" for name, means in MEANS.items()),
        "",
        "Left out: names, amounts, e-mail addresses, contents of records, tokens, secrets.",
        "Texts have the connector's own words only: … stands for another word, # for a number.",
        "Organisations are organisation-xxxxxxxx and other ids id-xxxxxxxx, the same in each bundle.",
        "Vendors' request ids and the connector's operation ids are as they are.",
    ]
    return "\n".join(lines) + "\n"


def _version() -> dict[str, Any]:
    packages = {}
    for each in (
        "azure-data-tables",
        "azure-identity",
        "azure-keyvault-secrets",
        "msal",
        "msgspec",
        "requests",
    ):
        try:
            packages[each] = metadata.version(each)
        except metadata.PackageNotFoundError:
            packages[each] = "missing"
    here = msgspec.to_builtins(version.of_checkout())
    return {"checkout": here, "python": platform.python_version(), "system": platform.system()} | {
        "transform": tables.TRANSFORM,
        "packages": packages,
    }


def _settings(connector: Connector, redactor: Redactor) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for each in fields(connector.settings):
        value = getattr(connector.settings, each.name)
        if each.name == "storage":
            told["AzureWebJobsStorage"] = "a connection string" if value.connection_string else "by identity"
        elif not value or value == each.metadata["default"] or each.metadata["parse"] not in NAMING:
            told[each.metadata["name"]] = (
                value if isinstance(value, int | float | bool | None) else str(value)
            )
        else:
            told[each.metadata["name"]] = redactor.label(str(value))
    return told


def _organisation(each: connections.Organisation, redactor: Redactor) -> dict[str, Any]:
    return {
        "organisation": redactor.label(each.tenant_id),
        "dataset": redactor.dataset(each.dataset),
        "base_currency": each.base_currency,
        "consent_lost": each.consent_lost,
        "token_set": redactor.label(each.token_set),
    }


def _health(connector: Connector, redactor: Redactor) -> Any:
    return redactor.everything(status_json.document(connector.settings, health(connector)))


def _checkpoints(connector: Connector, redactor: Redactor) -> list[Any]:
    told = []
    for organisation in connections.known(connector.store):
        for each in checkpoints.load_all(connector.store, organisation.tenant_id).values():
            read = each.read
            told.append(
                {
                    "organisation": redactor.label(organisation.tenant_id),
                    "resource": each.resource,
                    "history": bool(each.history),
                    "watermark": each.watermark,
                    "next_at": each.next_at,
                    "resume_at": each.resume_at,
                    "completed_at": each.completed_at,
                    "fresh_as_of": each.fresh_as_of,
                    "records": each.records,
                    "unproven": each.unproven,
                    "touching": each.touching,
                    "parked": each.parked,
                    "trouble": redactor.text(each.trouble),
                    "read": [read.kind, read.phase, read.page, read.page_count, read.attempt]
                    if read
                    else None,
                }
            )
    return told


def _budgets(connector: Connector, redactor: Redactor) -> dict[str, Any]:
    now = connector.clock.now()
    return {
        redactor.label(each.tenant_id): {
            "minute": found.minute,
            "day": found.day,
            "blocked_by": found.blocked_by,
            "blocked_until": found.blocked_until,
        }
        for each in connections.known(connector.store)
        if (found := spent(connector.store, each.tenant_id, now)) is not None
    }


def _datasets(connector: Connector, redactor: Redactor) -> dict[str, Any]:
    told = {}
    for name in known_datasets(connector):
        state = sink.read(connector.store, name)
        standings = {
            table: msgspec.to_builtins(each) | {"parked": redactor.text(each.parked)}
            for table, each in state.tables.items()
        }
        told[redactor.dataset(name)] = {
            "powerbi_id": redactor.label(state.powerbi_id),
            "epoch": state.epoch,
            "version_high": state.version_high,
            "in_flight": list(state.in_flight),
            "rows_upper": dict(state.rows_upper),
            "rebuild": redactor.everything(msgspec.to_builtins(_without_sums(state.rebuild))),
            "tables": standings,
            "doubt_at": state.doubt_at,
            "successor": None
            if state.successor is None
            else {
                "since": state.successor.since,
                "filled_at": state.successor.filled_at,
                "records": state.successor.records,
                "trouble": redactor.text(state.successor.trouble),
            },
            "old": len(state.old),
        }
    return told


def _without_sums(rebuild: Any) -> Any:
    """A compaction under way knows the sum of money that it has posted."""
    if rebuild is None:
        return None
    return msgspec.structs.replace(rebuild, posted=msgspec.structs.replace(rebuild.posted, total="0"))


def _queues(connector: Connector, redactor: Redactor) -> dict[str, Any]:
    store = connector.store
    return {
        "push": store.queue_length(messages.QUEUE),
        "push-poison": store.queue_length(messages.POISON),
        "messages put aside": sum(1 for _ in store.list_blobs(quarantine.CONTAINER, "messages/")),
        "pending": {
            redactor.dataset(name): [blob.name for blob in outbox.pending(store, name)]
            for name in known_datasets(connector)
        },
        "batches put aside": {
            redactor.dataset(name): outbox.set_aside(store, name) for name in known_datasets(connector)
        },
    }


def _quarantine(connector: Connector, redactor: Redactor) -> list[Any]:
    told = []
    for organisation in connections.known(connector.store):
        for resource in tables.TABLES:
            where = mirror.partition(organisation.tenant_id, resource)
            for stored in connector.store.query_entities(quarantine.TABLE, where):
                entity = stored.entity
                told.append(
                    {
                        "organisation": redactor.label(organisation.tenant_id),
                        "resource": resource,
                        "record": redactor.label(str(entity["RowKey"])),
                        "at": str(entity["at"]),
                        "batch": redactor.text(str(entity["batch"])),
                        "error": redactor.text(str(entity["error"])),
                    }
                )
    return told


def _forgotten(connector: Connector, redactor: Redactor) -> list[Any]:
    return [
        {
            "organisation": redactor.label(each.tenant_id),
            "contact": redactor.label(each.contact_id),
            "asked_at": each.asked_at,
            "phase": each.phase,
            "counts": dict(each.counts),
            "done_at": each.done_at,
            "trouble": redactor.text(each.trouble),
        }
        for each in forgotten.every(connector.store)
    ]


def _proofs(connector: Connector, redactor: Redactor) -> list[Any]:
    return [
        {
            "organisation": redactor.label(organisation.tenant_id),
            "table": each.table,
            "month": each.month,
            "at": each.at,
            "outcome": each.outcome,
            "counts": [side.count if side else None for side in (each.xero, each.mirror, each.powerbi)],
            "differing": [redactor.label(record_id) for record_id in each.differing],
            "words": redactor.text(each.words),
            "calls": each.calls,
            "bytes": each.bytes,
        }
        for organisation in connections.known(connector.store)
        for each in proofs.of_organisation(connector.store, organisation.tenant_id)
    ]


def _audit(connector: Connector, redactor: Redactor, days: int) -> Iterator[dict[str, Any]]:
    """The newest rows of the last days, oldest first."""
    now = connector.clock.now()
    existing = set(connector.store.list_tables("audit"))
    rows: list[dict[str, Any]] = []
    for back in range(days):
        day = now - timedelta(days=back)
        if f"audit{day:%Y%m}" in existing and len(rows) < ROWS:
            of_day = list(connector.store.query_entities(f"audit{day:%Y%m}", f"{day:%Y%m%d}"))
            rows = [stored.entity for stored in of_day[-(ROWS - len(rows)) :]] + rows
    for row in rows:
        told = {
            name: redactor.text(value) if isinstance(value, str) else value
            for name, value in row.items()
            if name not in ("PartitionKey", "RowKey", "organisation", "operation", "request_id", "at")
        }
        request_id = str(row.get("request_id", ""))
        yield {
            "at": row["at"],
            "operation": row.get("operation", ""),
            "request_id": request_id if row["what"] in CALLS else redactor.label(request_id),
            "organisation": redactor.label(str(row.get("organisation", ""))),
        } | told
