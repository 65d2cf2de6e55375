"""Payments: one row a payment of an invoice, credit note, prepayment or overpayment, deleted ones included."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from shared.errors import BadRecord
from shared.tables.table import (
    TENANT,
    UPDATED,
    Source,
    Table,
    amount,
    at,
    cut,
    day,
    derived,
    flag,
    in_base,
    key,
    rate,
    text,
    unique,
)
from shared.xero import wire

DOCUMENTS = ("Invoice", "CreditNote", "Prepayment", "Overpayment")


def _document(source: Source) -> Mapping[str, Any]:
    """The stub of whichever document was paid."""
    for name in DOCUMENTS:
        found = source.at(name)
        if found:
            if not isinstance(found, Mapping):
                raise BadRecord(f"{name} is no object", field=name)
            return found
    return {}


def _of_document(path: str) -> Callable[[Source], str | None]:
    def value(source: Source) -> str | None:
        return cut(wire.text(at(_document(source), path), path))

    return value


def contact_id(source: Source) -> str | None:
    """The contact of the document that was paid."""
    return _of_document("Contact.ContactID")(source)


def currency(source: Source) -> str | None:
    """The currency of the document that was paid."""
    return _of_document("CurrencyCode")(source)


def _contact_key(source: Source) -> str | None:
    return unique(source.tenant_id, contact_id(source), "Contact.ContactID")


def _batch_payment_id(source: Source) -> str | None:
    own = wire.text(source.at("BatchPaymentID"), "BatchPaymentID")
    path = "BatchPayment.BatchPaymentID"
    return cut(own or wire.text(source.at(path), path))


def amount_base(source: Source) -> Decimal | None:
    """A payment's amount in base currency, at its own rate."""
    priced = {"CurrencyRate": source.at("CurrencyRate"), "CurrencyCode": currency(source)}
    return in_base(wire.number(source.at("Amount"), "Amount"), source, priced, "Amount")


PAYMENTS = Table(
    name="Payments",
    means="Payments. An edited payment is a deleted one and a new one.",
    resources=("Payments",),
    version_key="PaymentKey",
    columns=(
        TENANT,
        key("PaymentKey", "Unique over organisations.", "PaymentID"),
        text("PaymentID", "Xero's id of the payment."),
        text("PaymentType", "What was paid, and in which direction."),
        text("Status", "AUTHORISED or DELETED; the amount of a deleted payment is left as it was."),
        day("Date", "When it was paid."),
        amount("Amount", "In the currency of the document that was paid."),
        derived("AmountBase", "Decimal", "Amount in base currency, at the payment's own rate.", amount_base),
        amount("BankAmount", "In the currency of the bank account."),
        derived(
            "CurrencyCode",
            "String",
            "The currency of the document that was paid.",
            currency,
        ),
        rate("CurrencyRate", "Units of the document's currency for one of the base currency."),
        text("Reference", "The payment's reference."),
        flag("IsReconciled", "Whether it is matched with a bank statement line."),
        text("AccountID", "The account that it was paid from or into.", "Account.AccountID"),
        key("AccountKey", "The account, unique over organisations.", "Account.AccountID"),
        text("AccountCode", "The account's code, where Xero gives it.", "Account.Code"),
        text("InvoiceID", "The invoice that was paid.", "Invoice.InvoiceID"),
        key("InvoiceKey", "The invoice, unique over organisations.", "Invoice.InvoiceID"),
        text("InvoiceNumber", "The invoice's number.", "Invoice.InvoiceNumber"),
        text("CreditNoteID", "The credit note that was refunded.", "CreditNote.CreditNoteID"),
        key("CreditNoteKey", "The credit note, unique over organisations.", "CreditNote.CreditNoteID"),
        text("PrepaymentID", "The prepayment that was refunded.", "Prepayment.PrepaymentID"),
        key("PrepaymentKey", "The prepayment, unique over organisations.", "Prepayment.PrepaymentID"),
        text("OverpaymentID", "The overpayment that was refunded.", "Overpayment.OverpaymentID"),
        key("OverpaymentKey", "The overpayment, unique over organisations.", "Overpayment.OverpaymentID"),
        derived(
            "ContactID",
            "String",
            "The contact of the document that was paid.",
            contact_id,
        ),
        derived("ContactKey", "String", "The contact, unique over organisations.", _contact_key),
        derived("BatchPaymentID", "String", "The batch that it was paid in.", _batch_payment_id),
        UPDATED,
    ),
)
