"""Prepayments and overpayments: one row for each, what was paid before or beyond an invoice."""

from shared.tables.documents import BRANDING_THEME, CONTACT, CREDIT, CURRENCY
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, day, key, text

PREPAYMENTS = Table(
    name="Prepayments",
    means="Money received or spent before there was an invoice. The same money is also in BankTransactions.",
    resources=("Prepayments",),
    version_key="PrepaymentKey",
    columns=(
        TENANT,
        key("PrepaymentKey", "Unique over organisations.", "PrepaymentID"),
        text("PrepaymentID", "Xero's id of the prepayment."),
        text(
            "Type",
            "RECEIVE-PREPAYMENT or ARPREPAYMENT: from a customer. SPEND-PREPAYMENT or APPREPAYMENT: to a supplier.",
        ),
        text("Status", "AUTHORISED, PAID (used up) or VOIDED."),
        text("Reference", "The invoice number, which Xero gives here too."),
        text("InvoiceNumber", "The printed number of a customer's prepayment."),
        *CONTACT,
        day("Date", "When it was received or spent."),
        *CURRENCY,
        *CREDIT,
        BRANDING_THEME,
        ATTACHMENTS,
        UPDATED,
    ),
)

OVERPAYMENTS = Table(
    name="Overpayments",
    means="Money received or spent beyond what was due. The same money is also in BankTransactions.",
    resources=("Overpayments",),
    version_key="OverpaymentKey",
    columns=(
        TENANT,
        key("OverpaymentKey", "Unique over organisations.", "OverpaymentID"),
        text("OverpaymentID", "Xero's id of the overpayment."),
        text(
            "Type", "RECEIVE-OVERPAYMENT or AROVERPAYMENT: from a customer. SPEND-OVERPAYMENT: to a supplier."
        ),
        text("Status", "AUTHORISED, PAID (used up) or VOIDED."),
        text("Reference", "The overpayment's reference."),
        *CONTACT,
        day("Date", "When it was received or spent."),
        *CURRENCY,
        *CREDIT,
        ATTACHMENTS,
        UPDATED,
    ),
)
