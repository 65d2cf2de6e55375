"""An organisation's own lists, as far as rows of other records say what stands in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

# Xero allows two active tracking categories; the others are for those of former years.
SLOTS = 4
UNASSIGNED = "Unassigned"


@dataclass(frozen=True)
class TaxRate:
    """percent: compound components included."""

    name: str | None
    percent: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Lists:
    """What shaping is told beside the record itself.

    tax_rates: by TaxType. slots: which of the columns Tracking1 to Tracking4 a tracking category has, by its id in lower
    case. categories: its name as it is now, by the same. personal_data: whether that of contacts is kept.
    """

    tax_rates: Mapping[str, TaxRate] = field(default_factory=dict)
    slots: Mapping[str, int] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    personal_data: bool = True

    def category_named(self, name: str | None) -> str | None:
        """The id of the one category of this name; None where there is none, or several."""
        found = [category for category, known in self.categories.items() if known == name]
        return found[0] if len(found) == 1 else None


NO_LISTS = Lists()
