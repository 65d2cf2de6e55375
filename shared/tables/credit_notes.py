"""Credit notes: one row a credit note to a customer or from a supplier, in Xero's words and signs."""

from shared.tables.documents import BRANDING_THEME, CONTACT, CREDIT, CURRENCY
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, day, flag, key, text

CREDIT_NOTES = Table(
    name="CreditNotes",
    means="Credit notes to customers and from suppliers, drafts, voided and deleted ones included.",
    resources=("CreditNotes",),
    version_key="CreditNoteKey",
    columns=(
        TENANT,
        key("CreditNoteKey", "Unique over organisations.", "CreditNoteID"),
        text("CreditNoteID", "Xero's id of the credit note."),
        text("CreditNoteNumber", "The printed number."),
        text("Reference", "The reference of a customer's credit note."),
        text("Type", "ACCRECCREDIT: to a customer. ACCPAYCREDIT: from a supplier."),
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, PAID (used up), VOIDED or DELETED."),
        *CONTACT,
        day("Date", "The credit note's date."),
        day("DueDate", "When it is due."),
        day("FullyPaidOnDate", "When it was used up."),
        *CURRENCY,
        *CREDIT,
        BRANDING_THEME,
        flag("SentToContact", "Whether it is marked as sent."),
        ATTACHMENTS,
        UPDATED,
    ),
)
