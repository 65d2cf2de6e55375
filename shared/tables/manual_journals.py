"""Manual journals: one row a journal that somebody entered. It is in base currency; its amounts stand in Lines."""

from shared.tables.documents import AMOUNT_TYPES
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, day, flag, key, text

MANUAL_JOURNALS = Table(
    name="ManualJournals",
    means="Journals entered by hand, drafts, voided and deleted ones included. Their debits and credits are in Lines.",
    resources=("ManualJournals",),
    version_key="ManualJournalKey",
    columns=(
        TENANT,
        key("ManualJournalKey", "Unique over organisations.", "ManualJournalID"),
        text("ManualJournalID", "Xero's id of the journal."),
        text("Narration", "What the journal is for."),
        text("Status", "DRAFT, POSTED, VOIDED, DELETED or ARCHIVED."),
        day("Date", "The journal's date."),
        AMOUNT_TYPES,
        flag("ShowOnCashBasisReports", "Whether it counts in reports by cash."),
        text("Url", "A link to a source document."),
        ATTACHMENTS,
        UPDATED,
    ),
)
