"""Replay: try again what was put aside or waits for a person, after the cause is mended.

A record with an id is fetched anew from Xero, since it may have changed; one without is taken from its payload. Whatever
still cannot be shaped or is refused goes back where it was.
"""

from collections import Counter
from collections.abc import Iterable

import msgspec

from shared.audit import Audit
from shared.errors import BadMessage
from shared.state import connections, messages, outbox, quarantine
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.unpark import unpark_datasets, unpark_reads
from shared.xero.client import Request
from shared.xero.resources import RESOURCES
from shared.xero.resources.resource import is_nameless


def replay(
    connector: Connector, *, organisation: str = "", resource: str = "", record_id: str = ""
) -> Counter[str]:
    """Queue the quarantined records that fit, of all organisations and resources when none is named.

    Answers how many of each resource. Without a record parked reads that fit are due again; messages, batches, tables and
    datasets that wait are tried when nothing is named.
    """
    audit = connector.audit()
    replayed: Counter[str] = Counter()
    for each in connections.connected(connector.store):
        if organisation in ("", each.tenant_id):
            for name in RESOURCES:
                if resource in ("", name):
                    some = _replay_records(connector, each, name, record_id, audit.operation)
                    replayed[name] += len(some)
                    if some:
                        audit.add(
                            "replay",
                            "queued",
                            organisation=each.tenant_id,
                            resource=name,
                            count=len(some),
                            ids=some,
                        )
            if not record_id and not each.consent_lost:
                _unpark_reads(connector, audit, each, resource, replayed)
    if not (organisation or resource or record_id):
        for what, count in unpark_datasets(connector, audit.operation).items():
            replayed[what] += count
            audit.add("replay", "queued", why=what, count=count)
        for what, count in (
            ("messages", _replay_messages(connector)),
            ("batches", _replay_batches(connector)),
        ):
            replayed[what] += count
            if count:
                audit.add("replay", "queued", why=what, count=count)
    audit.flush()
    return +replayed


def _unpark_reads(
    connector: Connector, audit: Audit, organisation: Organisation, resource: str, replayed: Counter[str]
) -> None:
    due = unpark_reads(connector, organisation, resource)
    for name in due:
        audit.add("replay", "due", organisation=organisation.tenant_id, resource=name)
    replayed["reads"] += len(due)


def _replay_records(
    connector: Connector, organisation: Organisation, resource: str, record_id: str, operation: str
) -> list[str]:
    names = [
        name
        for name in quarantine.listed(connector.store, organisation.tenant_id, resource)
        if record_id in ("", name)
    ]
    ids = [name for name in names if not is_nameless(name)]
    messages.send_ids(
        connector.store, connector.clock, organisation.tenant_id, resource, ids, "replay", operation
    )
    _land_payloads(connector, organisation, resource, set(names) - set(ids), operation)
    return names


def _land_payloads(
    connector: Connector, organisation: Organisation, resource: str, names: Iterable[str], operation: str
) -> None:
    """Records without an id, as they came, as a batch of their own; those still bad are put aside once more."""
    now = connector.clock.now()
    for name in sorted(names):
        payload = quarantine.payload(connector.store, organisation.tenant_id, resource, name)
        if payload is None:
            continue
        body = b'{"%b":[%b]}' % (RESOURCES[resource].plural.encode(), payload)
        header = outbox.Header(
            dataset=organisation.dataset,
            organisation=organisation.tenant_id,
            resource=resource,
            reason="replay",
            operation=operation,
            request=Request(resource, {}),
            request_id="",
            fetched_from=now,
            fetched_to=now,
            landed_at=now,
            records=1,
        )
        outbox.land(connector.store, header, body)
        quarantine.heal(connector.store, [(organisation.tenant_id, resource, name)])
        messages.wake(connector.store, connector.clock, organisation.dataset, "replay", operation)


def _replay_messages(connector: Connector) -> int:
    """Messages that can be read (by this version, perhaps not by the one that put them aside) go back to the queue."""
    replayed = 0
    for blob in list(connector.store.list_blobs(quarantine.CONTAINER, "messages/")):
        text = (connector.store.get_blob(quarantine.CONTAINER, blob.name) or b"").decode()
        try:
            message = messages.decode(text)
        except BadMessage:
            continue
        messages.send(connector.store, msgspec.structs.replace(message, swept=0))
        connector.store.delete_blob(quarantine.CONTAINER, blob.name)
        replayed += 1
    return replayed


def _replay_batches(connector: Connector) -> int:
    """Batches go back to the outbox of their dataset; what still cannot be read is put aside again by the push."""
    replayed = 0
    for blob in list(connector.store.list_blobs(quarantine.CONTAINER, "batches/")):
        _, dataset, name = blob.name.split("/", 2)
        outbox.take_back(connector.store, dataset, name)
        messages.wake(connector.store, connector.clock, dataset, "replay", "replay")
        replayed += 1
    return replayed
