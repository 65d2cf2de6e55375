"""Credit notes of sales and of bills, with their lines and with what they were allocated to."""

from shared.xero.resources.resource import Resource

CREDIT_NOTES = Resource(
    name="CreditNotes",
    plural="CreditNotes",
    id_field="CreditNoteID",
    scope="accounting.invoices.read",
    unitdp="lists and records",
    history_where=(
        'Date >= {start} OR Date == null OR Status == "DRAFT" OR Status == "SUBMITTED" OR Status == "AUTHORISED"'
        " OR UpdatedDateUTC >= {start}"
    ),
    open_statuses=("DRAFT", "SUBMITTED", "AUTHORISED"),
    open_by="where",
    webhook_category="CREDITNOTE",
    nested=("LineItems", "Allocations"),
    touches=(("Allocations.Invoice.InvoiceID", "Invoices"),),
)
