"""Money received or paid beyond an invoice, with what it was allocated to. Its bank transaction shows it once more."""

from shared.xero.resources.resource import Resource

OVERPAYMENTS = Resource(
    name="Overpayments",
    plural="Overpayments",
    id_field="OverpaymentID",
    scope="accounting.payments.read",
    unitdp="lists",
    history_where='Date >= {start} OR Date == null OR Status == "AUTHORISED" OR UpdatedDateUTC >= {start}',
    open_statuses=("AUTHORISED",),
    open_by="where",
    webhook_category="OVERPAYMENT",
    nested=("LineItems", "Allocations"),
    touches=(("Allocations.Invoice.InvoiceID", "Invoices"),),
)
