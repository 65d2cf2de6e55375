"""Invoices: one row a sales invoice or bill, in Xero's words and signs."""

from shared.tables.documents import BRANDING_THEME, CONTACT, CURRENCY, TOTALS, TOTALS_BASE
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, amount, base_amount, day, flag, key, text

INVOICES = Table(
    name="Invoices",
    means="Sales invoices (ACCREC) and bills (ACCPAY), drafts, voided and deleted ones included.",
    resources=("Invoices",),
    version_key="InvoiceKey",
    columns=(
        TENANT,
        key("InvoiceKey", "Unique over organisations.", "InvoiceID"),
        text("InvoiceID", "Xero's id of the invoice."),
        text("InvoiceNumber", "The printed number; not unique for bills."),
        text("Reference", "The reference of a sales invoice."),
        text("Type", "ACCREC: sales invoice. ACCPAY: bill."),
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, PAID, VOIDED or DELETED."),
        *CONTACT,
        day("Date", "The invoice's date."),
        day("DueDate", "When it is due."),
        day("ExpectedPaymentDate", "When a customer is expected to pay."),
        day("PlannedPaymentDate", "When a bill is planned to be paid."),
        day("FullyPaidOnDate", "When it was paid in full."),
        *CURRENCY,
        *TOTALS,
        amount("TotalDiscount", "Discounts of the lines."),
        amount("AmountDue", "What remains to be paid."),
        amount("AmountPaid", "What was paid."),
        amount("AmountCredited", "What credit notes, prepayments and overpayments settled."),
        *TOTALS_BASE,
        base_amount("AmountDueBase", "AmountDue in base currency.", "AmountDue"),
        base_amount("AmountPaidBase", "AmountPaid in base currency.", "AmountPaid"),
        base_amount("AmountCreditedBase", "AmountCredited in base currency.", "AmountCredited"),
        BRANDING_THEME,
        text("RepeatingInvoiceID", "The repeating invoice that made it."),
        text("Url", "A link to a source document."),
        flag("SentToContact", "Whether it is marked as sent."),
        ATTACHMENTS,
        flag("IsDiscounted", "Whether a line has a discount."),
        UPDATED,
    ),
)
