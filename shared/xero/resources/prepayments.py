"""Money received or paid ahead of an invoice, with what it was allocated to. Its bank transaction shows it once more."""

from shared.xero.resources.resource import Resource

PREPAYMENTS = Resource(
    name="Prepayments",
    plural="Prepayments",
    id_field="PrepaymentID",
    scope="accounting.payments.read",
    unitdp="lists",
    history_where='Date >= {start} OR Date == null OR Status == "AUTHORISED" OR UpdatedDateUTC >= {start}',
    open_statuses=("AUTHORISED",),
    open_by="where",
    webhook_category="PREPAYMENT",
    nested=("LineItems", "Allocations"),
    touches=(("Allocations.Invoice.InvoiceID", "Invoices"),),
)
