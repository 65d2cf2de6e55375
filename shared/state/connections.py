"""Which organisations are connected, by whose consent, and into which dataset each goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.storage import Conflict, Entity, Store, Stored, Value, Write
from shared.xero.client import Tenant

PARTITION = "organisation"
# Organisations that were disconnected, by dataset: their rows stay there.
FORMER = "former"
DEFAULT_DATASET = "default"


@dataclass(frozen=True, kw_only=True)
class Organisation:
    """A connected organisation. `base_currency` is what connect asked Xero for; `dataset` is where its rows go."""

    tenant_id: str
    name: str
    connection_id: str
    token_set: str
    dataset: str = DEFAULT_DATASET
    base_currency: str = ""
    consent_lost: bool = False
    etag: str = field(default="", compare=False)

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.tenant_id, self.token_set)


def connected(store: Store) -> list[Organisation]:
    """All organisations, those whose consent is lost included."""
    return [_organisation(stored) for stored in store.query_entities("connections", PARTITION)]


def find(store: Store, tenant_id: str) -> Organisation | None:
    stored = store.get_entity("connections", PARTITION, tenant_id)
    return _organisation(stored) if stored else None


def save(store: Store, organisation: Organisation) -> None:
    """Connect an organisation, or renew its connection."""
    entity: Entity = {
        "PartitionKey": PARTITION,
        "RowKey": organisation.tenant_id,
        "format": 1,
        "name": organisation.name,
        "connection_id": organisation.connection_id,
        "token_set": organisation.token_set,
        "dataset": organisation.dataset,
        "base_currency": organisation.base_currency,
        "consent_lost": organisation.consent_lost,
    }
    store.write_entity("connections", Write("replace", entity))


def going_into(store: Store, dataset: str) -> list[Organisation]:
    """The organisations whose records are pushed to a dataset."""
    return [each for each in connected(store) if each.dataset == dataset]


def of_dataset(store: Store, dataset: str) -> tuple[list[Organisation], list[Organisation]]:
    """Whose rows are in a dataset: those that go into it, or did until they were disconnected; and those that went into it
    and go into another one now.
    """
    now = connected(store)
    ours = [each for each in now if each.dataset == dataset]
    elsewhere = {each.tenant_id for each in now if each.dataset != dataset}
    taken = {each.tenant_id for each in ours}
    moved = []
    for stored in store.query_entities("connections", FORMER, first=f"{dataset}|", last=f"{dataset}|~"):
        former = _organisation(stored)
        if former.tenant_id in elsewhere:
            moved.append(former)
        elif former.tenant_id not in taken:
            ours.append(former)
    return sorted(ours, key=lambda each: each.tenant_id), moved


def remove(store: Store, tenant_id: str) -> None:
    """The organisation is connected no more; gone afterwards, whether it was there or not. Where its rows are is kept."""
    stored = store.get_entity("connections", PARTITION, tenant_id)
    if stored is not None:
        key = f"{_organisation(stored).dataset}|{tenant_id}"
        former = stored.entity | {"PartitionKey": FORMER, "RowKey": key}
        store.write_entity("connections", Write("replace", former))
    store.write_entity("connections", Write("delete", {"PartitionKey": PARTITION, "RowKey": tenant_id}))


def mark_consent_lost(store: Store, organisation: Organisation) -> bool:
    """No call is made for an organisation whose consent is lost, until `connect` brings a new one.

    Nothing is marked, and False answered, when the connection was renewed or removed since `organisation` was read.
    """
    key: Entity = {"PartitionKey": PARTITION, "RowKey": organisation.tenant_id}
    try:
        store.write_entity("connections", Write("merge", key | {"consent_lost": True}, organisation.etag))
    except Conflict:
        return False
    return True


def _organisation(stored: Stored) -> Organisation:
    entity: Mapping[str, Value] = stored.entity
    return Organisation(
        tenant_id=str(entity["RowKey"]).rpartition("|")[2],
        name=str(entity["name"]),
        connection_id=str(entity["connection_id"]),
        token_set=str(entity["token_set"]),
        dataset=str(entity["dataset"]),
        base_currency=str(entity["base_currency"]),
        consent_lost=bool(entity["consent_lost"]),
        etag=stored.etag,
    )
