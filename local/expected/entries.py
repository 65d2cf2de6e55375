"""The rows of what is owed and of what money moved, each entry with its own date and sign."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local.expected.values import (
    Record,
    Row,
    amount,
    converted,
    day,
    double,
    elements,
    inside,
    key_of,
    number,
    rate_of,
    text,
    truth,
)

CUSTOMERS = {
    "ACCREC",
    "ACCRECCREDIT",
    "RECEIVE-PREPAYMENT",
    "ARPREPAYMENT",
    "RECEIVE-OVERPAYMENT",
    "AROVERPAYMENT",
}
SUPPLIERS = {"ACCPAY", "ACCPAYCREDIT", "SPEND-PREPAYMENT", "APPREPAYMENT", "SPEND-OVERPAYMENT"}


def _times(sign: int, value: Decimal | None) -> Decimal | None:
    # 0 - x, since a negative zero is none of Power BI's numbers.
    return value if value is None or sign > 0 else amount(0 - value)


@dataclass(frozen=True)
class OpenItems:
    """What one kind of document adds to what is owed: the document, what was paid of it, what it was set against."""

    kind: str
    id_field: str
    number_field: str
    sign: int

    def __call__(self, record: Record, tenant: str, base: str | None) -> list[Row]:
        type_, key = text(record.get("Type")), key_of(tenant, record.get(self.id_field))
        rate = rate_of(record, record.get("CurrencyCode"), base)
        due, own = day(record, "DueDate"), day(record, "Date")
        document: Row = {
            "TenantID": tenant,
            "DocumentKey": key,
            "DocumentKind": self.kind,
            "DocumentID": text(record.get(self.id_field)),
            "DocumentType": type_,
            "DocumentStatus": text(record.get("Status")),
            "DocumentNumber": text(record.get(self.number_field)),
            "Side": "Receivable" if type_ in CUSTOMERS else "Payable" if type_ in SUPPLIERS else None,
            "Counts": record.get("Status") in ("AUTHORISED", "PAID"),
            "ContactKey": key_of(tenant, inside(record, "Contact").get("ContactID")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            "DocumentDate": own,
            "DueDate": due,
            "AgeingDate": due or own,
            "IsWithoutDueDate": due is None,
        }
        entries: list[tuple[str, Record, str, int]] = [("Document", record, "Total", self.sign)]
        for payment in elements(record, "Payments"):
            if payment.get("Status") != "DELETED":
                entries.append(("Payment", payment, "Amount", -self.sign))
        for allocation in elements(record, "Allocations") if self.kind != "Invoice" else ():
            if truth(allocation.get("IsDeleted")) is not True:
                entries.append(("Allocation", allocation, "Amount", -self.sign))
        rows = []
        for at, (entry, found, field, sign) in enumerate(entries):
            value = number(found.get(field))
            settles = inside(found, "Invoice").get("InvoiceID") if entry == "Allocation" else None
            rows.append(
                document
                | {
                    "EntryKey": f"{key}|{at}",
                    "EntryNumber": at,
                    "Entry": entry,
                    "Date": day(found, "Date"),
                    "Amount": _times(sign, amount(value)),
                    "AmountBase": _times(sign, converted(value, rate)),
                    "InvoiceKey": key_of(tenant, settles),
                }
            )
        return rows


# Where money comes in, and where it goes out; of other types it is not known.
RECEIVED = {
    *("RECEIVE", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"),
    *("ACCRECPAYMENT", "APCREDITPAYMENT", "APPREPAYMENTPAYMENT", "APOVERPAYMENTPAYMENT"),
}
SPENT = {
    *("SPEND", "SPEND-PREPAYMENT", "SPEND-OVERPAYMENT"),
    *("ACCPAYPAYMENT", "ARCREDITPAYMENT", "ARPREPAYMENTPAYMENT", "AROVERPAYMENTPAYMENT"),
}


def _movement(tenant: str, source: str, identifier: Any, at: int, **more: Any) -> Row:
    return {
        "TenantID": tenant,
        "DocumentKey": key_of(tenant, identifier),
        "MovementKey": f"{key_of(tenant, identifier)}|{at}",
        "Source": source,
        "SourceID": text(identifier),
        "SourceType": None,
        "SourceStatus": None,
        "MovementNumber": at,
        "IsMarker": at == 0,
        "Date": None,
        "AccountKey": key_of(tenant, more.get("AccountID")),
        "AccountID": None,
        "ContactKey": None,
        "Amount": None,
        "AmountBase": None,
        "IsReconciled": None,
        "IsTransfer": False,
    } | more


def _one(
    record: Record,
    tenant: str,
    source: str,
    type_: str | None,
    *,
    account: Any,
    contact: Any,
    moved: Decimal | None,
    base: Decimal | None,
    elsewhere: bool = False,
) -> list[Row]:
    """The one row of a bank transaction or payment."""
    sign = 1 if type_ in RECEIVED else -1 if type_ in SPENT else 0
    counts = record.get("Status") == "AUTHORISED" and sign != 0 and not elsewhere
    row = _movement(
        tenant,
        source,
        record.get(f"{source}ID"),
        1 if counts else 0,
        SourceType=type_,
        SourceStatus=text(record.get("Status")),
        Date=day(record, "Date"),
        AccountID=text(account),
        ContactKey=key_of(tenant, contact),
        IsReconciled=truth(record.get("IsReconciled")),
        IsTransfer=type_ in ("RECEIVE-TRANSFER", "SPEND-TRANSFER"),
    )
    return [
        row | {"Amount": _times(sign, amount(moved)), "AmountBase": _times(sign, base)} if counts else row
    ]


def bank_transaction(record: Record, tenant: str, base: str | None) -> list[Row]:
    total = number(record.get("Total"))
    return _one(
        record,
        tenant,
        "BankTransaction",
        text(record.get("Type")),
        account=inside(record, "BankAccount").get("AccountID"),
        contact=inside(record, "Contact").get("ContactID"),
        moved=total,
        base=converted(total, rate_of(record, record.get("CurrencyCode"), base)),
        elsewhere=bool(record.get("BatchPayment")),
    )


def _in_account(
    paid: Decimal | None, in_bank: Decimal | None, at_rate: Decimal | None, *, foreign: bool
) -> Decimal | None:
    """A payment in base currency: its bank amount if a foreign document was paid by way of an account in base currency.

    Such an account's amount is another than the document's and within a cent, or a 100,000th, of it at the rate.
    """
    if not foreign or in_bank is None or at_rate is None or in_bank == paid:
        return at_rate
    apart = abs(in_bank - at_rate)
    return amount(in_bank) if apart <= Decimal("0.01") or apart * 100_000 <= abs(at_rate) else at_rate


def payment(record: Record, tenant: str, base: str | None) -> list[Row]:
    documents = [inside(record, name) for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment")]
    paid = next((document for document in documents if document), {})
    paid_amount, in_bank = number(record.get("Amount")), number(record.get("BankAmount"))
    currency = paid.get("CurrencyCode")
    return _one(
        record,
        tenant,
        "Payment",
        text(record.get("PaymentType")),
        account=inside(record, "Account").get("AccountID"),
        contact=inside(paid, "Contact").get("ContactID"),
        moved=paid_amount if in_bank is None else in_bank,
        base=_in_account(
            paid_amount,
            in_bank,
            converted(paid_amount, rate_of(record, currency, base)),
            foreign=currency not in (None, base),
        ),
    )


def bank_transfer(record: Record, tenant: str, base: str | None) -> list[Row]:
    about = {
        "SourceStatus": text(record.get("Status")),
        "Date": day(record, "Date"),
        "IsTransfer": True,
    }
    identifier = record.get("BankTransferID")
    if record.get("Status") not in (None, "AUTHORISED"):
        return [_movement(tenant, "BankTransfer", identifier, 0, **about)]
    moved = number(record.get("Amount"))
    in_base = converted(moved, rate_of(record, None, base))
    return [
        _movement(
            tenant,
            "BankTransfer",
            identifier,
            at,
            **about,
            AccountID=text(inside(record, f"{end}BankAccount").get("AccountID")),
            IsReconciled=truth(record.get(f"{end}IsReconciled")),
            Amount=_times(sign, amount(moved)),
            AmountBase=_times(sign, in_base),
        )
        for at, end, sign in ((1, "From", -1), (2, "To", 1))
    ]
