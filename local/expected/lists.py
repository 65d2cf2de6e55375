"""What an organisation's own lists say in the rows of its documents, and which columns its tracking categories have.

Names and rates are those of Xero's lists. The slot of a category is the connector's to give: it is taken from the rows of
TrackingCategories, after a look whether each category has one slot only and each slot one category.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.expected.values import Record, Row

SLOTS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Lists:
    """rates, categories: Xero's records by TaxType, by TrackingCategoryID in lower case. slots: by the same id.

    personal: whether data about persons is kept.
    """

    rates: Mapping[str, Record] = field(default_factory=dict)
    categories: Mapping[str, Record] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    personal: bool = True


NOTHING = Lists()


def read(resources: Mapping[str, Sequence[Record]], slots: Mapping[str, int], *, personal: bool) -> Lists:
    """The lists of the books."""
    return Lists(
        {str(each.get("TaxType")): each for each in resources.get("TaxRates", ())},
        {
            str(each.get("TrackingCategoryID")).lower(): each
            for each in resources.get("TrackingCategories", ())
        },
        slots,
        personal,
    )


def slots_shown(tenant: str, rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, int], list[str]]:
    """The slot of each category by any row that was ever pushed, and what is wrong with them."""
    given: dict[str, set[int]] = defaultdict(set)
    wrong = []
    for row in rows:
        if row.get("TenantID") != tenant:
            continue
        category, slot = str(row.get("TrackingCategoryID")).lower(), row.get("Slot")
        if slot in SLOTS:
            given[category].add(slot)
        elif slot is not None:
            wrong.append(f"{category} has slot {slot!r}")
    wrong += [f"{category} had slots {sorted(slots)}" for category, slots in given.items() if len(slots) > 1]
    slots = {category: max(some) for category, some in given.items()}
    for slot in SLOTS:
        sharing = sorted(category for category, own in slots.items() if own == slot)
        if len(sharing) > 1:
            wrong.append(f"slot {slot} is of {' and '.join(sharing)}")
    return slots, wrong


def slot_of(category_id: Any, lists: Lists) -> int | None:
    return lists.slots.get(str(category_id).lower())


def category_of(option: Record, lists: Lists) -> str:
    """The id of a line's category; where Xero wrote the name alone, that of the only category called so."""
    if option.get("TrackingCategoryID"):
        return str(option["TrackingCategoryID"])
    called = [name for name, each in lists.categories.items() if each.get("Name") == option.get("Name")]
    return called[0] if len(called) == 1 else ""


def tax_of(line: Record, lists: Lists) -> Row:
    """Name and percentage of a line's tax; the effective one, where Xero tells it."""
    rate = lists.rates.get(str(line.get("TaxType")), {})
    shown = rate.get("EffectiveRate")
    return {"Name": rate.get("Name"), "Rate": rate.get("DisplayTaxRate") if shown is None else shown}
