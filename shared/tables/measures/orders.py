"""Purchase orders: what was ordered and is in no ledger yet."""

from collections.abc import Mapping

from shared.tables.measures.choices import Sum, total
from shared.tables.measures.measure import Measure, is_

CHOICES = ("Calendar", "Contacts", "Accounts", "Items")
_HOW = (
    "net of tax, from the orders' lines, by supplier, account, item and tracking, by the order's date, in base currency at each"
    " order's own rate"
)


def ordered(where: Mapping[str, str]) -> str:
    return total(
        [Sum("Lines", "NetAmountBase", {"DocumentKind": is_("PurchaseOrder"), **where})], choices=CHOICES
    )


MEASURES = (
    Measure(
        name="Open Purchase Commitments",
        means=f"Approved purchase orders that are not marked as billed, {_HOW}. In no ledger yet. Xero links no bill to an order:"
        " one billed in part counts in full.",
        expression=ordered({"Effect": is_("Commitment")}),
    ),
    Measure(
        name="Purchase Orders Awaiting Approval",
        means=f"Purchase orders that are submitted for approval, {_HOW}.",
        expression=ordered({"DocumentStatus": is_("SUBMITTED")}),
    ),
)
