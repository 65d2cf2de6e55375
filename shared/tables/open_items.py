"""OpenItems: what each invoice, credit note, prepayment and overpayment adds to what is owed, dated.

A document adds its total, each payment and each allocation takes from it, so that the rows dated up to a day are what was
open on that day. An invoice's allocations stand in the credits that settled it: their rows name it by InvoiceKey.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from shared.tables.documents import KINDS
from shared.tables.nested import (
    DOCUMENT,
    DOCUMENT_CONTACT,
    DOCUMENT_CURRENCY,
    DOCUMENT_KEY,
    document_key,
    element_key,
    objects,
    place,
)
from shared.tables.table import (
    TENANT,
    Source,
    Table,
    at,
    day,
    derived,
    in_base,
    key,
    negated,
    of_document,
    rate,
    rounded,
    text,
)
from shared.xero import wire

RECEIVABLE, PAYABLE = "Receivable", "Payable"
SIDES: Mapping[str, str] = {
    "ACCREC": RECEIVABLE,
    "ACCPAY": PAYABLE,
    "ACCRECCREDIT": RECEIVABLE,
    "ACCPAYCREDIT": PAYABLE,
    "RECEIVE-PREPAYMENT": RECEIVABLE,
    "ARPREPAYMENT": RECEIVABLE,
    "SPEND-PREPAYMENT": PAYABLE,
    "APPREPAYMENT": PAYABLE,
    "RECEIVE-OVERPAYMENT": RECEIVABLE,
    "AROVERPAYMENT": RECEIVABLE,
    "SPEND-OVERPAYMENT": PAYABLE,
}
# What is approved; a draft is owed by nobody yet, a voided one by nobody any more.
COUNTED = ("AUTHORISED", "PAID")
DOCUMENT_ENTRY, PAYMENT, ALLOCATION = "Document", "Payment", "Allocation"


def _rows(source: Source) -> list[Source]:
    """The document, its payments, its allocations. Each row's record holds one of them under the entry's name."""
    payments = [each for each in objects(source.at("Payments"), "Payments") if not _is_deleted(each)]
    allocations = (
        []
        if source.resource == "Invoices"
        else [
            each
            for each in objects(source.at("Allocations"), "Allocations")
            if not wire.boolean(each.get("IsDeleted"), "Allocations.IsDeleted")
        ]
    )
    entries: list[dict[str, Any]] = [
        {DOCUMENT_ENTRY: source.record},
        *({PAYMENT: each} for each in payments),
        *({ALLOCATION: each} for each in allocations),
    ]
    return [replace(source, record=entry, number=number) for number, entry in enumerate(entries)]


def _is_deleted(payment: Mapping[str, Any]) -> bool:
    """Xero leaves deleted payments out; should one be there, its Status says it."""
    return wire.text(payment.get("Status"), "Payments.Status") == "DELETED"


def _entry(source: Source) -> str:
    return next(iter(source.record))


def _inside(source: Source) -> Source:
    """The entry itself, so that a column can be asked of it."""
    return replace(source, record=source.record[_entry(source)])


def _date(source: Source) -> str | None:
    found: str | None = day("Date", "").value(_inside(source))
    return found


def _due_date(source: Source) -> str | None:
    found: str | None = day("DueDate", "").value(replace(source, record=source.document))
    return found


def _ageing_date(source: Source) -> str | None:
    found: str | None = day("Date", "").value(replace(source, record=source.document))
    return _due_date(source) or found


def _amount(source: Source) -> Decimal | None:
    entry = _entry(source)
    path = "Total" if entry == DOCUMENT_ENTRY else "Amount"
    found = wire.number(_inside(source).at(path), path)
    # An invoice is owed and its payments take from that; a credit is the other way round.
    is_added = (source.resource == "Invoices") == (entry == DOCUMENT_ENTRY)
    return found if is_added else negated(found)


def _invoice_key(source: Source) -> str | None:
    """Only an allocation names an invoice that it settles."""
    if _entry(source) != ALLOCATION:
        return None
    found: str | None = key("InvoiceKey", "", "Invoice.InvoiceID").value(_inside(source))
    return found


OPEN_ITEMS = Table(
    name="OpenItems",
    means="What is owed, dated: a row for each invoice, credit note, prepayment and overpayment, and one for each of its"
    " payments and allocations. What is open of a document on a day is the sum of its rows dated up to then; an invoice"
    " is reduced by the allocations that name it too. A row without a date counts on every day.",
    resources=("Invoices", "CreditNotes", "Prepayments", "Overpayments"),
    version_key="DocumentKey",
    rows=_rows,
    columns=(
        TENANT,
        DOCUMENT_KEY,
        element_key("EntryKey", "The entry, unique over organisations.", document_key),
        *DOCUMENT,
        derived(
            "DocumentNumber",
            "String",
            "The printed number, of an invoice or credit note, or of a customer's prepayment.",
            lambda source: text("DocumentNumber", "", _number_field(source)).value(
                replace(source, record=source.document)
            ),
        ),
        derived(
            "Side",
            "String",
            "Receivable: owed by customers. Payable: owed to suppliers. Empty for a type that Xero is not known to have.",
            lambda source: SIDES.get(wire.text(at(source.document, "Type"), "Type") or ""),
        ),
        derived(
            "Counts",
            "Boolean",
            "Whether the document is approved: AUTHORISED or PAID.",
            lambda source: wire.text(at(source.document, "Status"), "Status") in COUNTED,
        ),
        DOCUMENT_CONTACT,
        DOCUMENT_CURRENCY,
        of_document(rate("CurrencyRate", "Units of the document's currency for one of the base currency.")),
        place("EntryNumber", "The entry's place in the document, 0 for the document itself."),
        derived(
            "Entry",
            "String",
            "Document: its total. Payment: a payment of an invoice, or a refund of a credit. Allocation: a credit set"
            " against an invoice; one that was taken back has no row.",
            _entry,
        ),
        derived("Date", "DateTime", "The entry's own date: from then on it counts.", _date),
        of_document(day("DocumentDate", "The document's date.", "Date")),
        of_document(day("DueDate", "When the document is due; prepayments and overpayments never are.")),
        derived("AgeingDate", "DateTime", "DueDate, or DocumentDate where there is none.", _ageing_date),
        derived(
            "IsWithoutDueDate",
            "Boolean",
            "Whether the document has no due date, so that it ages by its own date.",
            lambda source: _due_date(source) is None,
        ),
        derived(
            "Amount",
            "Decimal",
            "What the entry adds to what is owed on its side, in the document's currency: an invoice its total, a payment"
            " of it negative; a credit its total negative, a refund or allocation of it positive.",
            lambda source: rounded(_amount(source), "Amount"),
        ),
        derived(
            "AmountBase",
            "Decimal",
            "Amount in base currency, at the document's own rate whatever the entry.",
            lambda source: in_base(_amount(source), source, source.document, "Amount"),
        ),
        derived(
            "InvoiceKey",
            "String",
            "Of an allocation: the invoice that it settles, unique over organisations.",
            _invoice_key,
        ),
    ),
)


def _number_field(source: Source) -> str:
    return "CreditNoteNumber" if KINDS[source.resource] == "CreditNote" else "InvoiceNumber"
