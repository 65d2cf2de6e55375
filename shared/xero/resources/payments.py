"""Payments of invoices, credit notes, prepayments and overpayments. An edited payment is a deleted one and a new one."""

from shared.xero.resources.resource import Resource

PAYMENTS = Resource(
    name="Payments",
    plural="Payments",
    id_field="PaymentID",
    scope="accounting.payments.read",
    history_where="Date >= {start} OR UpdatedDateUTC >= {start}",
    webhook_category="PAYMENT",
    touches=(
        ("Invoice.InvoiceID", "Invoices"),
        ("CreditNote.CreditNoteID", "CreditNotes"),
        ("Prepayment.PrepaymentID", "Prepayments"),
        ("Overpayment.OverpaymentID", "Overpayments"),
    ),
    minutes=15,
)
