"""The same figures from Xero's records, in plain Python: shares no code with the product, nor its lists of types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local.expected.values import Record, converted, day, inside, number, rate_of, truth

Entry = tuple[Record, Decimal | None]


@dataclass(frozen=True)
class Books:
    """An organisation's records, by resource, as Xero has them now."""

    tenant_id: str
    currency: str
    records: Mapping[str, Sequence[Record]]

    def of(self, resource: str, statuses: str, **wanted: Any) -> Iterator[Record]:
        """Records of these statuses (words), whose fields meet what is wanted of them."""
        for record in self.records[resource]:
            if record.get("Status") in statuses.split() and all(
                wanted[name](record.get(name) or "") for name in wanted
            ):
                yield record

    def entry(self, record: Record, field: str, sign: int = 1) -> Entry:
        """An amount in base currency, at the document's own rate."""
        base = converted(
            number(record.get(field)), rate_of(record, record.get("CurrencyCode"), self.currency)
        )
        return record, None if base is None else sign * base


def of_customers(kind: str) -> bool:
    """Whose a document is: ACCREC…, AR… and RECEIVE… are of customers, ACCPAY…, AP… and SPEND… of suppliers."""
    return kind.startswith(("ACCREC", "AR", "RECEIVE"))


def of_suppliers(kind: str) -> bool:
    return not of_customers(kind)


def documents(
    books: Books, side: Callable[[str], bool], resource: str, statuses: str, field: str, sign: int = 1
) -> Iterator[Entry]:
    for record in books.of(resource, statuses, Type=side):
        yield books.entry(record, field, sign)


def outstanding(books: Books, side: Callable[[str], bool]) -> Iterator[Entry]:
    yield from documents(books, side, "Invoices", "AUTHORISED", "AmountDue")
    for resource in ("CreditNotes", "Prepayments", "Overpayments"):
        yield from documents(books, side, resource, "AUTHORISED", "RemainingCredit", -1)


def booked(books: Books, side: Callable[[str], bool], field: str) -> Iterator[Entry]:
    yield from documents(books, side, "Invoices", "AUTHORISED PAID", field)
    yield from documents(books, side, "CreditNotes", "AUTHORISED PAID", field, -1)


def ordered(books: Books, status: str) -> Iterator[Entry]:
    for record in books.of("PurchaseOrders", status):
        yield books.entry(record, "SubTotal")


def unreconciled(books: Books) -> Iterator[Entry]:
    for record in books.of("BankTransactions", "AUTHORISED"):
        if truth(record.get("IsReconciled")) is not True:
            yield books.entry(record, "Total", 1 if record["Type"].startswith("RECEIVE") else -1)
    banks = {
        account["AccountID"].lower() for account in books.records["Accounts"] if account["Type"] == "BANK"
    }
    for record in books.of("Payments", "AUTHORISED"):
        if truth(record.get("IsReconciled")) is True:
            continue
        if str(inside(record, "Account").get("AccountID")).lower() not in banks:
            continue
        paid = [inside(record, name) for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment")]
        currency = next((stub["CurrencyCode"] for stub in paid if "CurrencyCode" in stub), None)
        amount = converted(number(record["Amount"]), rate_of(record, currency, books.currency))
        # A customer's payment comes in, and so does a supplier's refund.
        kind = record["PaymentType"]
        came_in = kind == "ACCRECPAYMENT" or (kind.startswith("AP") and kind != "ACCPAYPAYMENT")
        yield record, None if amount is None else amount if came_in else -amount


FIGURES: dict[str, Callable[[Books], Iterator[Entry]]] = {
    "Receivables Outstanding": lambda books: outstanding(books, of_customers),
    "Invoices Outstanding": lambda books: documents(
        books, of_customers, "Invoices", "AUTHORISED", "AmountDue"
    ),
    "Invoices Awaiting Approval": lambda books: documents(
        books, of_customers, "Invoices", "SUBMITTED", "Total"
    ),
    "Invoices in Draft": lambda books: documents(books, of_customers, "Invoices", "DRAFT", "Total"),
    "Payables Outstanding": lambda books: outstanding(books, of_suppliers),
    "Bills Outstanding": lambda books: documents(books, of_suppliers, "Invoices", "AUTHORISED", "AmountDue"),
    "Bills Awaiting Approval": lambda books: documents(books, of_suppliers, "Invoices", "SUBMITTED", "Total"),
    "Bills in Draft": lambda books: documents(books, of_suppliers, "Invoices", "DRAFT", "Total"),
    "Sales": lambda books: booked(books, of_customers, "SubTotal"),
    "Tax on Sales": lambda books: booked(books, of_customers, "TotalTax"),
    "Purchases": lambda books: booked(books, of_suppliers, "SubTotal"),
    "Tax on Purchases": lambda books: booked(books, of_suppliers, "TotalTax"),
    "Open Purchase Commitments": lambda books: ordered(books, "AUTHORISED"),
    "Purchase Orders Awaiting Approval": lambda books: ordered(books, "SUBMITTED"),
    "Unreconciled Bank Amount": unreconciled,
}


def figure(name: str, chosen: Sequence[Books], month: str) -> Decimal | str | None:
    """A measure of these organisations, in a month such as 2026-11 or ("") over all time; None where there is nothing."""
    currencies = {books.currency for books in chosen}
    if name == "Currency":
        return "several" if len(currencies) > 1 else next(iter(currencies))
    if len(currencies) > 1:
        return None
    found = [
        amount
        for books in chosen
        for record, amount in FIGURES[name](books)
        if amount is not None and (not month or month_of(record) == month)
    ]
    return sum(found, Decimal()) if found else None


def month_of(record: Record) -> str:
    on = day(record, "Date")
    return on.strftime("%Y-%m") if on else ""
