"""Bank transactions: one row for money spent or received without an invoice; payments of invoices are in Payments."""

from shared.tables.documents import CONTACT, CURRENCY, TOTALS, TOTALS_BASE
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, day, flag, key, text

BANK_TRANSACTIONS = Table(
    name="BankTransactions",
    means="Money spent and received that pays no invoice, deleted ones included.",
    resources=("BankTransactions",),
    version_key="BankTransactionKey",
    columns=(
        TENANT,
        key("BankTransactionKey", "Unique over organisations.", "BankTransactionID"),
        text("BankTransactionID", "Xero's id of the transaction."),
        text("Type", "RECEIVE or SPEND, each also with -PREPAYMENT, -OVERPAYMENT or -TRANSFER."),
        text("Status", "AUTHORISED, DELETED or VOIDED."),
        text("Reference", "The transaction's reference."),
        *CONTACT,
        text("AccountID", "Xero's id of the bank account.", "BankAccount.AccountID"),
        key("AccountKey", "The bank account, unique over organisations.", "BankAccount.AccountID"),
        text("AccountCode", "The bank account's code; it may have none.", "BankAccount.Code"),
        text("AccountName", "The bank account's name.", "BankAccount.Name"),
        day("Date", "When it was spent or received."),
        *CURRENCY,
        *TOTALS,
        *TOTALS_BASE,
        text("PrepaymentID", "The prepayment that it made."),
        key("PrepaymentKey", "The prepayment, unique over organisations.", "PrepaymentID"),
        text("OverpaymentID", "The overpayment that it made."),
        key("OverpaymentKey", "The overpayment, unique over organisations.", "OverpaymentID"),
        flag("IsReconciled", "Whether it is matched with a bank statement line."),
        text("Url", "A link to a source document."),
        ATTACHMENTS,
        UPDATED,
    ),
)
