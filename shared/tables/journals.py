"""Journals: one row a line of the general ledger's journals, in base currency. Read only where asked for."""

from shared.tables.nested import element_key, marker, numbered, place, record_key, tracking
from shared.tables.table import TENANT, Table, amount, day, key, moment, of_document, text, whole

JOURNALS = Table(
    name="Journals",
    means="The general ledger, in base currency, line by line. A journal without lines has one row with IsMarker.",
    resources=("Journals",),
    version_key="JournalKey",
    rows=lambda source: numbered(source, "JournalLines"),
    columns=(
        TENANT,
        of_document(key("JournalKey", "The journal, unique over organisations.", "JournalID")),
        element_key(
            "JournalLineKey",
            "The journal's line, unique over organisations.",
            lambda source: record_key(source, "JournalID"),
        ),
        of_document(text("JournalID", "Xero's id of the journal.")),
        of_document(whole("JournalNumber", "Xero's running number of the journal.")),
        of_document(day("JournalDate", "The day that it counts for.")),
        of_document(moment("CreatedDateUTC", "When it was posted, in UTC.")),
        of_document(text("Reference", "The reference of what made it.")),
        of_document(text("SourceID", "Xero's id of what made it, such as an invoice.")),
        of_document(text("SourceType", "What made it: ACCREC, ACCPAYPAYMENT, MANJOURNAL and so on.")),
        place("LineNumber", "The line's place in the journal, from 1; 0 on a marker."),
        marker("True on the one row of a journal without lines."),
        text("JournalLineID", "Xero's id of the line."),
        text("AccountID", "Xero's id of the account."),
        key("AccountKey", "The account, unique over organisations.", "AccountID"),
        text("AccountCode", "The account's code."),
        text("AccountType", "BANK, REVENUE, EXPENSE and so on."),
        text("AccountName", "The account's name."),
        text("Description", "What the line of the source says."),
        amount("NetAmount", "Without tax: debits are positive, credits negative."),
        amount("GrossAmount", "With tax: debits are positive, credits negative."),
        amount("TaxAmount", "The line's tax."),
        text("TaxType", "The tax type."),
        text("TaxName", "The tax rate's name."),
        *tracking("TrackingCategories"),
    ),
)
