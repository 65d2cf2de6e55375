"""An organisation's own lists beside its records: tax rates, slots of tracking categories, whether personal data is kept.

They stand in the rows of other records. So the mirror notes with each record what they said when it was pushed, and when they
change, the records that took something else from them are looked at again, from the mirror.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import batched
from typing import Any

import msgspec

from shared import tables
from shared.audit import Audit
from shared.errors import BadRecord, RunEnded
from shared.state import lists as state
from shared.state import mirror
from shared.state.connections import Organisation
from shared.storage import Conflict
from shared.sync.connector import Connector
from shared.sync.rebuild import RECORDS_A_BATCH, land
from shared.sync.winners import Fetch
from shared.tables.lists import SLOTS, Lists, TaxRate
from shared.xero import wire
from shared.xero.resources import RESOURCES

TAX_RATES, TRACKING_CATEGORIES = "TaxRates", "TrackingCategories"
USERS = tuple(name for name in RESOURCES if tables.uses(name))


def is_needed(resource: str) -> bool:
    """Whether a resource's rows take something from the lists, or its records are what the lists are made of."""
    return resource in USERS or resource in (TAX_RATES, TRACKING_CATEGORIES)


def load(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    fetched: Mapping[str, Iterable[Fetch]] | None = None,
) -> Lists:
    """The lists as the mirror has them, with what was fetched since and is about to be pushed, by resource.

    A tracking category that is new gets its slot here, for ever: call it only under the dataset's lease. Raises RunEnded
    when somebody else writes meanwhile.
    """
    fetched = fetched or {}
    rates = _parsed(connector, organisation, TAX_RATES, fetched.get(TAX_RATES, ()), _tax_rate)
    of_categories = fetched.get(TRACKING_CATEGORIES, ())
    categories = _parsed(connector, organisation, TRACKING_CATEGORIES, of_categories, _category)
    remembered = state.read(connector.store, organisation.tenant_id)
    given = _with_slots(remembered, categories)
    if given != remembered:
        _save(connector, given)
        for category in set(given.slotless) - set(remembered.slotless):
            audit.add(
                "lists",
                "no slot",
                organisation=organisation.tenant_id,
                resource=TRACKING_CATEGORIES,
                why=f"all {SLOTS} slots are taken: {category} is in no column",
            )
    return _lists(connector, rates, categories, given.slots)


def read(connector: Connector, organisation: Organisation) -> Lists:
    """The lists as the mirror has them, for rows that are made of the mirror alone. May be asked at any time."""
    return _lists(
        connector,
        _parsed(connector, organisation, TAX_RATES, (), _tax_rate),
        _parsed(connector, organisation, TRACKING_CATEGORIES, (), _category),
        state.read(connector.store, organisation.tenant_id).slots,
    )


def _lists(
    connector: Connector,
    rates: Mapping[str, TaxRate],
    categories: Mapping[str, tuple[str, bool]],
    slots: Mapping[str, int],
) -> Lists:
    return Lists(
        tax_rates=rates,
        slots=slots,
        categories={category: name for category, (name, _) in categories.items()},
        personal_data=connector.settings.contact_personal_data,
    )


def digest(lists: Lists, resource: str) -> str:
    """The same for the same of what a resource's rows take from the lists; "" where they take nothing."""
    parts: dict[str, Any] = {
        "tax rates": {name: (rate.name, str(rate.percent)) for name, rate in lists.tax_rates.items()},
        "tracking": (lists.slots, lists.categories),
        "personal data": lists.personal_data,
    }
    used = {name: parts[name] for name in sorted(tables.uses(resource))}
    return hash_of(used) if used else ""


def hash_of(value: Any) -> str:
    """The same for the same value, whatever the order of names."""
    encoded = msgspec.json.encode(value, order="deterministic", enc_hook=str)
    return hashlib.sha256(encoded).hexdigest()[:32]


def refresh(connector: Connector, audit: Audit, organisation: Organisation, lists: Lists) -> None:
    """Where the lists say something else than at the last time, land from the mirror whatever was pushed by them.

    Only under the dataset's lease, after the mirror has what was pushed. May be repeated. The first time there is nothing
    to refresh. Raises RunEnded when somebody else writes meanwhile.
    """
    remembered = state.read(connector.store, organisation.tenant_id)
    now = {resource: digest(lists, resource) for resource in USERS}
    if now == remembered.digests:
        return
    for resource in USERS if remembered.digests else ():
        if now[resource] == remembered.digests.get(resource):
            continue
        ids = mirror.shaped_otherwise(connector.store, organisation.tenant_id, resource, now[resource])
        batches = [
            land(connector, audit, organisation, resource, list(some), "lists changed")
            for some in batched(ids, RECORDS_A_BATCH, strict=False)
        ]
        if batches:
            audit.add(
                "lists",
                "landed",
                organisation=organisation.tenant_id,
                resource=resource,
                why="tax rates, tracking or CONTACT_PERSONAL_DATA changed",
                count=len(ids),
                batches=batches,
            )
    _save(connector, replace(remembered, digests=now))


def _save(connector: Connector, remembered: state.Remembered) -> None:
    try:
        remembered.save(connector.store)
    except Conflict as error:
        raise RunEnded(f"Another run writes the lists of {remembered.tenant_id} by now.") from error


def _parsed[T](
    connector: Connector,
    organisation: Organisation,
    resource: str,
    fetched: Iterable[Fetch],
    parse: Callable[[Mapping[str, Any]], T],
) -> dict[str, T]:
    """What the records that Xero has say, by id: those fetched in Xero's order, then those of the mirror.

    One that cannot be read goes to the quarantine by itself, and says here what it said before.
    """
    living = mirror.living(connector.store, organisation.tenant_id, resource)
    known = {entry.record_id: record for entry, record in living}
    found = {fetch.record_id: fetch.record for fetch in fetched}
    found |= {name: record for name, record in known.items() if name not in found}
    parsed: dict[str, T] = {}
    for name, record in found.items():
        for each in (record, known.get(name)) if record is not None else ():
            try:
                if each is not None:
                    parsed[name] = parse(each)
                    break
            except BadRecord:
                continue
    return parsed


def _tax_rate(record: Mapping[str, Any]) -> TaxRate:
    percent = wire.number(record.get("EffectiveRate"), "EffectiveRate")
    if percent is None:
        percent = wire.number(record.get("DisplayTaxRate"), "DisplayTaxRate")
    return TaxRate(wire.text(record.get("Name"), "Name"), percent)


def _category(record: Mapping[str, Any]) -> tuple[str, bool]:
    """Its name and whether it is in use."""
    name, status = wire.text(record.get("Name"), "Name"), wire.text(record.get("Status"), "Status")
    return name or "", status == "ACTIVE"


def _with_slots(remembered: state.Remembered, categories: Mapping[str, tuple[str, bool]]) -> state.Remembered:
    """Slots for those that have none, as long as there are some: first for those in use, in the list's order."""
    slots, slotless = dict(remembered.slots), list(remembered.slotless)
    new = [(category, is_used) for category, (_, is_used) in categories.items() if category not in slots]
    for category, _ in sorted(new, key=lambda each: not each[1]):
        if len(slots) < SLOTS:
            slots[category] = len(slots) + 1
        elif category not in slotless:
            slotless.append(category)
    return replace(remembered, slots=slots, slotless=tuple(slotless))
