"""Where storage holds something of a contact's person, and how it goes from there. See `shared.sync.forget`.

Texts that tell of her are added to the list before the place that they were found in is written without them: whoever goes
on after a crash still knows what to look for.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import batched
from typing import Any, cast

from shared.errors import BadMessage
from shared.state import checkpoints, mirror, noted, outbox, quarantine
from shared.state.forgotten import Forgetting
from shared.state.sink import Writer
from shared.storage import Store, Write
from shared.sync import winners
from shared.sync.connector import Connector
from shared.sync.remember import remember
from shared.sync.status import RESOURCE as STATUS
from shared.xero import persons, wire
from shared.xero.persons import REMOVED
from shared.xero.resources import RESOURCES

PIECE = 200
# What of an audit row is no text about a record.
NO_TEXTS = frozenset(
    {
        *("PartitionKey", "RowKey", "at", "operation", "what", "outcome", "organisation", "resource"),
        *("batches", "request_id"),
    }
)


def from_outbox(connector: Connector, each: Forgetting, until: datetime) -> Forgetting:
    """Write batches without her, those that wait and those that are done, of whatever dataset."""
    store = connector.store
    for some in batched(_behind(store, each.cursor), PIECE, strict=False):
        for where in some:
            if connector.clock.now() >= until:
                return each.save(store)
            each = replace(_from_batch(store, each, where), cursor=where)
        each = each.save(store)
    return replace(each, phase="quarantine", cursor="").save(store)


def _from_batch(store: Store, each: Forgetting, where: str) -> Forgetting:
    if outbox.resource_of(where.rpartition("/")[2]) not in persons.RESOURCES:
        return each
    try:
        batch = outbox.at(store, where)
    except BadMessage:
        # A push finds it and puts it aside.
        return each
    ids = {each.tenant_id: frozenset({each.contact_id})}
    if batch is None or (without := outbox.stripped(batch, ids)) is batch:
        return each
    for record in batch.records():
        each = _knowing(store, each, batch.header.resource, record)
    outbox.put(store, where, without)
    return each.counting(batches=1)


def _behind(store: Store, cursor: str) -> Iterator[str]:
    return (blob.name for blob in store.list_blobs(outbox.CONTAINER, "") if blob.name > cursor)


def from_quarantine(connector: Connector, each: Forgetting) -> Forgetting:
    """What was put aside: records without her, and the errors about them; unreadable batches and messages go whole."""
    store, ids = connector.store, {each.contact_id}
    for resource in persons.RESOURCES:
        for blob in list(store.list_blobs(quarantine.CONTAINER, f"records/{each.tenant_id}/{resource}/")):
            record = _decoded(store.get_blob(quarantine.CONTAINER, blob.name))
            without = persons.masked(resource, record, ids) if isinstance(record, dict) else record
            if without is record:
                continue
            each = _knowing(store, each, resource, record)
            name = blob.name.rpartition("/")[2].removesuffix(".json")
            quarantine.silence(store, each.tenant_id, resource, name, REMOVED)
            store.put_blob(quarantine.CONTAINER, blob.name, wire.encode(without))
            each = each.counting(quarantined=1)
    looked_for = persons.pattern([*each.words, each.contact_id])
    for folder in ("batches/", "messages/"):
        for blob in list(store.list_blobs(quarantine.CONTAINER, folder)):
            text = _unpacked(store.get_blob(quarantine.CONTAINER, blob.name) or b"").decode(
                "utf-8", "replace"
            )
            if looked_for and looked_for.search(text):
                store.delete_blob(quarantine.CONTAINER, blob.name)
                each = each.counting(unreadable=1)
    return replace(each, phase="mirror", cursor="").save(store)


def from_mirror(connector: Connector, writer: Writer, each: Forgetting, until: datetime) -> Forgetting:
    """Her record and her documents, under the versions that they have; then what older versions left behind."""
    store, tenant_id = connector.store, each.tenant_id
    at, _, after = each.cursor.partition("|")
    for resource in sorted((*persons.RESOURCES, STATUS)):
        if resource < at:
            continue
        found = mirror.everything(store, tenant_id, resource, after=after if resource == at else "")
        for some in batched(found, PIECE, strict=False):
            if connector.clock.now() >= until:
                return each.save(store)
            writes = []
            for known, record in some:
                without = _without(each, resource, record)
                if without is not record:
                    each = _knowing(store, each, resource, record)
                    writes.append(_masked(store, tenant_id, resource, known, without))
            if writes and resource not in each.touched:
                each = replace(each, touched=(*each.touched, resource)).save(store)
            remember(store, writer, writes)
            each = each.counting(records=len(writes))
            each = replace(each, cursor=f"{resource}|{some[-1][0].record_id}").save(store)
    _from_blobs(store, each)
    _from_checkpoints(store, each)
    return replace(each, phase="audit", cursor="", masked_at=connector.clock.now()).save(store)


def _without(each: Forgetting, resource: str, record: dict[str, Any]) -> dict[str, Any]:
    if resource != STATUS:
        return persons.masked(resource, record, {each.contact_id})
    looked_for = persons.pattern(each.words)
    told = [name for name, value in record.items() if isinstance(value, str) and _tells(looked_for, value)]
    return record | dict.fromkeys(told, REMOVED) if told else record


def _masked(
    store: Store, tenant_id: str, resource: str, known: mirror.Known, without: dict[str, Any]
) -> Write:
    # A status without a hash is told anew.
    lasting = "" if resource == STATUS else winners.content_hash(RESOURCES[resource].lasting(without))
    return mirror.keep(store, tenant_id, resource, replace(known, hash=lasting, rows=""), without, "")


def _from_blobs(store: Store, each: Forgetting) -> None:
    """Records too large for an entity: each version has left a blob of its own."""
    for resource in persons.RESOURCES:
        for blob in list(store.list_blobs("mirror", f"{each.tenant_id}/{resource}/")):
            record = _decoded(_unpacked(store.get_blob("mirror", blob.name) or b""))
            without = (
                persons.masked(resource, record, {each.contact_id}) if isinstance(record, dict) else record
            )
            if without is not record:
                store.put_blob("mirror", blob.name, gzip.compress(wire.encode(without), mtime=0))


def _from_checkpoints(store: Store, each: Forgetting) -> None:
    """What was wrong with a read may be told in Xero's words. Raises RunEnded when the read goes on meanwhile."""
    looked_for = persons.pattern(each.words)
    for checkpoint in checkpoints.load_all(store, each.tenant_id).values():
        if _tells(looked_for, checkpoint.trouble):
            replace(checkpoint, trouble=REMOVED).save(store)
    for (kind, name), note in noted.noted(store).items():
        if _tells(looked_for, note.words):
            noted.note(
                store,
                cast(noted.Kind, kind),
                name,
                note.at,
                words=REMOVED,
                about=note.about,
                since=note.since,
                attempts=note.attempts,
                until=note.until,
            )


def from_audit(connector: Connector, each: Forgetting, until: datetime) -> Forgetting:
    """Texts of the audit that tell of her, day by day; and every error about her record or a document of hers."""
    store = connector.store
    looked_for = persons.pattern(each.words)
    for table in store.list_tables("audit"):
        month = table.removeprefix("audit")
        for day in (f"{month}{number:02}" for number in range(1, 32)):
            if day <= each.cursor:
                continue
            if connector.clock.now() >= until:
                return each.save(store)
            for stored in list(store.query_entities(table, day)):
                row = stored.entity
                if row.get("organisation", each.tenant_id) != each.tenant_id:
                    continue
                told = {
                    name: REMOVED
                    for name, value in row.items()
                    if isinstance(value, str) and name not in NO_TEXTS and _tells(looked_for, value)
                }
                if "error" in row and _is_about(store, each, str(row.get("why", "")), str(row["error"])):
                    told["error"] = REMOVED
                if told and any(row[name] != REMOVED for name in told):
                    key = {"PartitionKey": day, "RowKey": row["RowKey"]}
                    store.write_entity(table, Write("merge", {**key, **told}))
                    each = each.counting(audit=1)
            each = replace(each, cursor=day)
        each = each.save(store)
    return replace(each, phase="tables", cursor="").save(store)


def _is_about(store: Store, each: Forgetting, why: str, error: str) -> bool:
    """Whether an error is about her record, or that of a document of hers, whatever of it the text has."""
    if each.contact_id in why or each.contact_id in error:
        return True
    place = why.removeprefix("quarantine/").split("/")
    if len(place) != 4 or place[0] != "records" or place[2] not in persons.RESOURCES:
        return False
    record = mirror.record(store, each.tenant_id, place[2], place[3].removesuffix(".json"))
    if record is None:
        record = _decoded(quarantine.payload(store, each.tenant_id, place[2], place[3].removesuffix(".json")))
    return persons.mentions(place[2], record, {each.contact_id})


def _knowing(store: Store, each: Forgetting, resource: str, record: Any) -> Forgetting:
    """The same with what this record says of her, stored before the record is written without it."""
    more = persons.words(resource, record, {each.contact_id}) - each.words
    return replace(each, words=each.words | more).save(store) if more else each


def _tells(looked_for: Any, text: str) -> bool:
    return bool(looked_for and looked_for.search(text))


def _unpacked(blob: bytes) -> bytes:
    try:
        return gzip.decompress(blob)
    except (OSError, EOFError, zlib.error):
        return blob


def _decoded(payload: bytes | None) -> Any:
    try:
        return wire.decode(payload or b"null")
    except ValueError:
        return None
