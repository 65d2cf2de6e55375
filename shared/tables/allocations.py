"""Allocations: one row for each time that a credit note, prepayment or overpayment was set against an invoice."""

from shared.tables.nested import (
    DOCUMENT,
    DOCUMENT_CONTACT,
    DOCUMENT_CURRENCY,
    DOCUMENT_KEY,
    document_key,
    element_key,
    marker,
    numbered,
    place,
)
from shared.tables.table import TENANT, Table, amount, base_amount, day, flag, key, text

ALLOCATIONS = Table(
    name="Allocations",
    means="What credit notes, prepayments and overpayments settled. One that settled nothing has a row with IsMarker.",
    resources=("CreditNotes", "Prepayments", "Overpayments"),
    version_key="DocumentKey",
    rows=lambda source: numbered(source, "Allocations"),
    columns=(
        TENANT,
        DOCUMENT_KEY,
        element_key("AllocationKey", "The allocation, unique over organisations.", document_key),
        *DOCUMENT,
        DOCUMENT_CONTACT,
        DOCUMENT_CURRENCY,
        place("AllocationNumber", "The allocation's place in the document, from 1; 0 on a marker."),
        marker("True on the one row of a document without allocations."),
        text("AllocationID", "Xero's id of the allocation, where Xero gives it."),
        day("Date", "When it was set against the invoice."),
        amount("Amount", "How much, in the document's currency."),
        base_amount("AmountBase", "Amount in base currency, at the document's own rate.", "Amount"),
        text("InvoiceID", "The invoice that it settled, in part or whole.", "Invoice.InvoiceID"),
        key("InvoiceKey", "The invoice, unique over organisations.", "Invoice.InvoiceID"),
        text("InvoiceNumber", "The invoice's number.", "Invoice.InvoiceNumber"),
        flag("IsAllocationDeleted", "Whether the allocation was taken back.", "IsDeleted"),
    ),
)
