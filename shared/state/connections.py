"""Which organisations are connected, by whose consent, and into which dataset each goes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.storage import Conflict, Entity, Store, Stored, Value, Write
from shared.xero.client import Tenant

PARTITION = "organisation"
# Organisations that were disconnected, by dataset: their rows stay there.
FORMER = "former"
# Organisations that Xero connected to the app and nobody chose to read.
NOT_CHOSEN = "not-chosen"
PAUSED = "paused"
EVERYTHING = "all"
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


@dataclass(frozen=True, kw_only=True)
class NotChosen:
    """An organisation that a consent covers and that is not read. `token_set` is of the consent that named it last."""

    tenant_id: str
    name: str
    connection_id: str
    token_set: str


@dataclass(frozen=True, kw_only=True)
class Paused:
    """Of which nothing is read (and, when it is everything, pushed) since then.

    tenant_id: an organisation's, or "all". resumed_at: since when it is over, until what waited is brought back.
    made_due: whether its reads were made due again.
    """

    tenant_id: str
    since: datetime
    why: str = ""
    resumed_at: datetime | None = None
    made_due: bool = False
    etag: str = field(default="", compare=False)


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


def datasets_of(store: Store, tenant_id: str) -> tuple[list[str], list[str]]:
    """Which datasets have an organisation's rows: those that its records go into, or went into until it was disconnected;
    and those that it left for another one.
    """
    now = find(store, tenant_id)
    former = {
        dataset
        for stored in store.query_entities("connections", FORMER, select=("RowKey",))
        for dataset, _, whose in (str(stored.entity["RowKey"]).partition("|"),)
        if whose == tenant_id
    }
    if now is None:
        return sorted(former), []
    return [now.dataset], sorted(former - {now.dataset})


def known(store: Store) -> list[Organisation]:
    """The organisations that are connected, and those that were: what was copied of them is held still."""
    found = {each.tenant_id: each for each in connected(store)}
    for stored in store.query_entities("connections", FORMER):
        former = _organisation(stored)
        found.setdefault(former.tenant_id, former)
    return sorted(found.values(), key=lambda each: each.tenant_id)


def remove(store: Store, tenant_id: str) -> None:
    """The organisation is connected no more; gone afterwards, whether it was there or not. Where its rows are is kept."""
    store.write_entity("connections", Write("delete", {"PartitionKey": PAUSED, "RowKey": tenant_id}))
    stored = store.get_entity("connections", PARTITION, tenant_id)
    if stored is not None:
        key = f"{_organisation(stored).dataset}|{tenant_id}"
        former = stored.entity | {"PartitionKey": FORMER, "RowKey": key}
        store.write_entity("connections", Write("replace", former))
    store.write_entity("connections", Write("delete", {"PartitionKey": PARTITION, "RowKey": tenant_id}))


def not_chosen(store: Store) -> list[NotChosen]:
    """The organisations that are connected at Xero and not read."""
    return [
        NotChosen(
            tenant_id=str(stored.entity["RowKey"]),
            name=str(stored.entity["name"]),
            connection_id=str(stored.entity["connection_id"]),
            token_set=str(stored.entity["token_set"]),
        )
        for stored in store.query_entities("connections", NOT_CHOSEN)
    ]


def leave_out(store: Store, organisation: NotChosen) -> None:
    """Remember that nobody chose to read an organisation, as far as is known today."""
    entity: Entity = {
        "PartitionKey": NOT_CHOSEN,
        "RowKey": organisation.tenant_id,
        "format": 1,
        "name": organisation.name,
        "connection_id": organisation.connection_id,
        "token_set": organisation.token_set,
    }
    store.write_entity("connections", Write("replace", entity))


def forget_not_chosen(store: Store, tenant_id: str) -> None:
    """It is read from now on, or no longer connected; gone afterwards, whether it was there or not."""
    key: Entity = {"PartitionKey": NOT_CHOSEN, "RowKey": tenant_id}
    store.write_entity("connections", Write("delete", key))


def was_connected(store: Store) -> set[str]:
    """The tenant ids of organisations that were disconnected here."""
    return {_organisation(stored).tenant_id for stored in store.query_entities("connections", FORMER)}


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


def paused(store: Store) -> dict[str, Paused]:
    """What is paused: organisations by tenant id, and "all" when everything is."""
    return {each.tenant_id: each for each in pauses(store) if each.resumed_at is None}


def pauses(store: Store) -> list[Paused]:
    """What is paused, and what was until just now."""
    found = []
    for stored in store.query_entities("connections", PAUSED):
        entity = stored.entity
        resumed_at = str(entity["resumed_at"])
        found.append(
            Paused(
                tenant_id=str(entity["RowKey"]),
                since=datetime.fromisoformat(str(entity["since"])),
                why=str(entity["why"]),
                resumed_at=datetime.fromisoformat(resumed_at) if resumed_at else None,
                made_due=bool(entity["made_due"]),
                etag=stored.etag,
            )
        )
    return found


def pause_of(paused: Mapping[str, Paused], tenant_id: str) -> Paused | None:
    """What holds an organisation up: everything's pause, or its own."""
    return paused.get(EVERYTHING) or paused.get(tenant_id)


def is_paused(store: Store, tenant_id: str = EVERYTHING) -> bool:
    """Whether an organisation is, by its own pause or everything's; or whether everything is."""
    return pause_of(paused(store), tenant_id) is not None


def save_pause(store: Store, pause: Paused) -> None:
    """Pause, or note how far its end is. Raises Conflict when another was faster."""
    entity: Entity = {
        "PartitionKey": PAUSED,
        "RowKey": pause.tenant_id,
        "format": 1,
        "since": pause.since.isoformat(),
        "why": pause.why,
        "resumed_at": pause.resumed_at.isoformat() if pause.resumed_at else "",
        "made_due": pause.made_due,
    }
    write = Write("replace", entity, pause.etag) if pause.etag else Write("insert", entity)
    store.write_entity("connections", write)


def forget_pause(store: Store, pause: Paused) -> None:
    """Its end is complete. Raises Conflict when it was paused again."""
    key: Entity = {"PartitionKey": PAUSED, "RowKey": pause.tenant_id}
    store.write_entity("connections", Write("delete", key, pause.etag))


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
