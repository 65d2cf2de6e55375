"""Contacts: one row a customer or supplier, archived and merged ones included."""

from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, amount, flag, key, personal, text

CONTACTS = Table(
    name="Contacts",
    means="Customers and suppliers.",
    resources=("Contacts",),
    version_key="ContactKey",
    columns=(
        TENANT,
        key("ContactKey", "Unique over organisations.", "ContactID"),
        text("ContactID", "Xero's id of the contact."),
        text(
            "Name", "The contact's name as it is now; documents keep the name that they were last sent with."
        ),
        text("ContactNumber", "The contact's number in another system."),
        text("AccountNumber", "The number that you gave the contact."),
        text("ContactStatus", "ACTIVE, ARCHIVED or GDPRREQUEST."),
        personal(text("FirstName", "First name of the contact person.")),
        personal(text("LastName", "Last name of the contact person.")),
        personal(text("EmailAddress", "The contact's e-mail address.")),
        personal(text("TaxNumber", "The contact's tax number.")),
        flag("IsSupplier", "Whether a bill was ever entered for it."),
        flag("IsCustomer", "Whether a sales invoice was ever entered for it."),
        text("DefaultCurrency", "The currency of its new documents."),
        amount(
            "ReceivableOutstanding",
            "What it owes, in base currency.",
            "Balances.AccountsReceivable.Outstanding",
        ),
        amount("ReceivableOverdue", "What it owes and is overdue.", "Balances.AccountsReceivable.Overdue"),
        amount(
            "PayableOutstanding",
            "What is owed to it, in base currency.",
            "Balances.AccountsPayable.Outstanding",
        ),
        amount("PayableOverdue", "What is owed to it and is overdue.", "Balances.AccountsPayable.Overdue"),
        text("MergedToContactID", "The contact that this one was merged into."),
        key("MergedToContactKey", "The same, unique over organisations.", "MergedToContactID"),
        ATTACHMENTS,
        UPDATED,
    ),
)
