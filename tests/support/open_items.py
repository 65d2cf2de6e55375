"""What is open by the documents themselves: AmountDue of invoices less RemainingCredit of credits, in base currency."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Record = Mapping[str, Any]

SIDES = {
    "DEBTORS": ("ACCREC", "ACCRECCREDIT", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"),
    "CREDITORS": ("ACCPAY", "ACCPAYCREDIT", "SPEND-PREPAYMENT", "SPEND-OVERPAYMENT"),
}
DOCUMENTS = ("Invoices", "CreditNotes", "Prepayments", "Overpayments")
# What takes from a document, wherever it stands in it.
PARTS = ("Payments", "Allocations", "CreditNotes", "Prepayments", "Overpayments")


def open_items(resources: Mapping[str, Sequence[Record]], base: str, side: str) -> tuple[Decimal, Decimal]:
    """The sum of approved documents' open amounts at their own rates, and by how much rounding may differ from it.

    Each amount is rounded to four places once. Who rounds the total and every payment and allocation by itself may be half
    a ten-thousandth apart for each; in base currency nobody may. A foreign document without a rate is not counted.
    """
    total, slack = Decimal(0), Decimal(0)
    for name in DOCUMENTS:
        for record in resources[name]:
            if record["Type"] not in SIDES[side] or record["Status"] not in ("AUTHORISED", "PAID"):
                continue
            left = _number(record.get("AmountDue" if name == "Invoices" else "RemainingCredit"))
            rate = _number(record.get("CurrencyRate"))
            if record.get("CurrencyCode", base) == base:
                rate = Decimal(1)
            elif not rate:
                continue
            else:
                parts = sum(len(record.get(part) or ()) for part in PARTS)
                slack += Decimal("0.00005") * (parts + 2 if parts else 0)
            worth = (left / rate).quantize(Decimal("0.0001"), ROUND_HALF_UP)
            total += worth if name == "Invoices" else -worth
    return total, slack


def _number(value: Any) -> Decimal:
    return Decimal(str(value or 0))
