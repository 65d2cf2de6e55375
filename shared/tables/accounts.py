"""Accounts: one row an account of the chart of accounts, bank accounts included."""

from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, flag, key, text

ACCOUNTS = Table(
    name="Accounts",
    means="The chart of accounts, archived ones included.",
    resources=("Accounts",),
    version_key="AccountKey",
    columns=(
        TENANT,
        key("AccountKey", "Unique over organisations.", "AccountID"),
        text("AccountID", "Xero's id of the account."),
        text("Code", "The account's code; bank accounts may have none."),
        key("CodeKey", "The code, unique over organisations: what Lines[AccountCodeKey] names.", "Code"),
        text("Name", "The account's name."),
        text("Type", "BANK, REVENUE, EXPENSE and so on."),
        text("Class", "ASSET, EQUITY, EXPENSE, LIABILITY or REVENUE."),
        text("Status", "ACTIVE, ARCHIVED or DELETED."),
        text("TaxType", "The account's default tax."),
        text("Description", "What the account is for."),
        text("CurrencyCode", "The currency of a bank account."),
        text("BankAccountNumber", "The number of a bank account."),
        text("BankAccountType", "BANK, CREDITCARD or PAYPAL."),
        text("SystemAccount", "What Xero itself uses it for, such as DEBTORS."),
        flag("EnablePaymentsToAccount", "Whether payments may be made to it."),
        flag("ShowInExpenseClaims", "Whether expense claims may use it."),
        flag("AddToWatchlist", "Whether it is on Xero's watch list."),
        text("ReportingCode", "The reporting code."),
        text("ReportingCodeName", "The reporting code's name."),
        ATTACHMENTS,
        UPDATED,
    ),
)
