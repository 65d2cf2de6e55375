"""The arithmetic of a document's lines and totals, in exact decimals from and to JSON numbers."""

from collections.abc import Callable, Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Record = dict[str, Any]
Percent = Callable[[str], Decimal]

AMOUNTS = ("Total", "AmountDue", "AmountPaid", "RemainingCredit", "Amount")


def is_exact(record: Record) -> bool:
    """Whether its amounts are numbers, as they mostly are, and not strings."""
    return all(isinstance(record.get(name, 0), int | float) for name in AMOUNTS)


def is_priced(lines: Sequence[Record]) -> bool:
    """Whether there are lines, each with a quantity and a price and no discount."""
    return bool(lines) and all(
        isinstance(line.get("Quantity"), int | float)
        and isinstance(line.get("UnitAmount"), int | float)
        and not line.keys() & {"DiscountRate", "DiscountAmount"}
        for line in lines
    )


def reprice(line: Record, amount_types: str, percent: Percent) -> None:
    """LineAmount from quantity and price, and the tax that is in it or comes on top."""
    amount = cents(decimal(line["Quantity"]) * decimal(line["UnitAmount"]))
    kind = amount_types.lower()
    rate = Decimal(0) if kind == "notax" else percent(line.get("TaxType", ""))
    whole = Decimal(100) + rate if kind == "inclusive" else Decimal(100)
    line["LineAmount"] = float(amount)
    line["TaxAmount"] = float(cents(amount * rate / whole))


def totals(record: Record, lines: Sequence[Record]) -> Record:
    """The lines and the fields that follow from them."""
    amounts = sum((decimal(line.get("LineAmount", 0)) for line in lines), Decimal(0))
    tax = sum((decimal(line.get("TaxAmount", 0)) for line in lines), Decimal(0))
    net = amounts - tax if record["LineAmountTypes"].lower() == "inclusive" else amounts
    return {
        "LineItems": list(lines),
        "SubTotal": float(net),
        "TotalTax": float(tax),
        "Total": float(net + tax),
    }


def invoice_totals(record: Record, lines: Sequence[Record]) -> Record:
    """For an invoice that nothing was paid of."""
    found = totals(record, lines)
    return found | {"AmountDue": found["Total"]}


def decimal(value: Any) -> Decimal:
    return Decimal(str(value))


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def wire_day(on: date) -> str:
    return f"/Date({(on - date(1970, 1, 1)).days * 86_400_000}+0000)/"
