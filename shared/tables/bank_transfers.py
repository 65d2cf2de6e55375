"""Bank transfers: one row for money moved between two of the organisation's own bank accounts."""

from shared.tables.table import (
    ATTACHMENTS,
    TENANT,
    Table,
    amount,
    base_amount,
    day,
    flag,
    key,
    moment,
    rate,
    text,
)

BANK_TRANSFERS = Table(
    name="BankTransfers",
    means="Money moved between the organisation's own bank accounts, deleted transfers included.",
    resources=("BankTransfers",),
    version_key="BankTransferKey",
    columns=(
        TENANT,
        key("BankTransferKey", "Unique over organisations.", "BankTransferID"),
        text("BankTransferID", "Xero's id of the transfer."),
        text("Status", "AUTHORISED or DELETED; none on transfers from before July 2026."),
        text("Reference", "The transfer's reference."),
        day("Date", "When it was moved."),
        text("FromAccountID", "The bank account that it left.", "FromBankAccount.AccountID"),
        key("FromAccountKey", "The same, unique over organisations.", "FromBankAccount.AccountID"),
        text("FromAccountName", "The name of the account that it left.", "FromBankAccount.Name"),
        text("ToAccountID", "The bank account that it reached.", "ToBankAccount.AccountID"),
        key("ToAccountKey", "The same, unique over organisations.", "ToBankAccount.AccountID"),
        text("ToAccountName", "The name of the account that it reached.", "ToBankAccount.Name"),
        amount("Amount", "How much, in the currency of the account that it left."),
        # Xero names no currency here: without a rate the amount is in base currency already.
        base_amount("AmountBase", "Amount in base currency; without a rate, Amount itself.", "Amount"),
        rate("CurrencyRate", "Units of the transfer's currency for one of the base currency."),
        text("FromBankTransactionID", "Its transaction in the account that it left."),
        key("FromBankTransactionKey", "The same, unique over organisations.", "FromBankTransactionID"),
        text("ToBankTransactionID", "Its transaction in the account that it reached."),
        key("ToBankTransactionKey", "The same, unique over organisations.", "ToBankTransactionID"),
        flag("FromIsReconciled", "Whether its leaving is matched with a bank statement line."),
        flag("ToIsReconciled", "Whether its arrival is matched with a bank statement line."),
        ATTACHMENTS,
        moment("CreatedDateUTC", "When it was entered, in UTC."),
    ),
)
