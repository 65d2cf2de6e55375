"""The rows of what moves money: payments, bank transactions, transfers between bank accounts."""

from local.expected.documents import TOTALS, both, party
from local.expected.values import (
    Record,
    Row,
    amount,
    converted,
    day,
    double,
    inside,
    instant,
    key_of,
    number,
    rate_of,
    text,
    truth,
)


def payment(record: Record, tenant: str, base: str | None) -> list[Row]:
    documents = [inside(record, name) for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment")]
    invoice, credit_note, prepayment, overpayment = documents
    account = inside(record, "Account")
    currency = next((document["CurrencyCode"] for document in documents if "CurrencyCode" in document), None)
    contacts = [inside(document, "Contact") for document in documents]
    contact_id = next((contact["ContactID"] for contact in contacts if "ContactID" in contact), None)
    batch = inside(record, "BatchPayment").get("BatchPaymentID")
    return [
        {
            "TenantID": tenant,
            "PaymentKey": key_of(tenant, record.get("PaymentID")),
            "PaymentID": text(record.get("PaymentID")),
            "PaymentType": text(record.get("PaymentType")),
            "Status": text(record.get("Status")),
            "Date": day(record, "Date"),
            "Amount": amount(number(record.get("Amount"))),
            "AmountBase": converted(number(record.get("Amount")), rate_of(record, currency, base)),
            "BankAmount": amount(number(record.get("BankAmount"))),
            "CurrencyCode": text(currency),
            "CurrencyRate": double(record.get("CurrencyRate")),
            "Reference": text(record.get("Reference")),
            "IsReconciled": truth(record.get("IsReconciled")),
            "AccountID": text(account.get("AccountID")),
            "AccountKey": key_of(tenant, account.get("AccountID")),
            "AccountCode": text(account.get("Code")),
            "InvoiceID": text(invoice.get("InvoiceID")),
            "InvoiceKey": key_of(tenant, invoice.get("InvoiceID")),
            "InvoiceNumber": text(invoice.get("InvoiceNumber")),
            "CreditNoteID": text(credit_note.get("CreditNoteID")),
            "CreditNoteKey": key_of(tenant, credit_note.get("CreditNoteID")),
            "PrepaymentID": text(prepayment.get("PrepaymentID")),
            "PrepaymentKey": key_of(tenant, prepayment.get("PrepaymentID")),
            "OverpaymentID": text(overpayment.get("OverpaymentID")),
            "OverpaymentKey": key_of(tenant, overpayment.get("OverpaymentID")),
            "ContactID": text(contact_id),
            "ContactKey": key_of(tenant, contact_id),
            "BatchPaymentID": text(record.get("BatchPaymentID", batch)),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def bank_transaction(record: Record, tenant: str, base: str | None) -> list[Row]:
    account = inside(record, "BankAccount")
    return [
        {
            "TenantID": tenant,
            "BankTransactionKey": key_of(tenant, record.get("BankTransactionID")),
            "BankTransactionID": text(record.get("BankTransactionID")),
            "Type": text(record.get("Type")),
            "Status": text(record.get("Status")),
            "Reference": text(record.get("Reference")),
            **party(record, tenant),
            "AccountID": text(account.get("AccountID")),
            "AccountKey": key_of(tenant, account.get("AccountID")),
            "AccountCode": text(account.get("Code")),
            "AccountName": text(account.get("Name")),
            "Date": day(record, "Date"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            **both(record, base, TOTALS),
            "PrepaymentID": text(record.get("PrepaymentID")),
            "PrepaymentKey": key_of(tenant, record.get("PrepaymentID")),
            "OverpaymentID": text(record.get("OverpaymentID")),
            "OverpaymentKey": key_of(tenant, record.get("OverpaymentID")),
            "IsReconciled": truth(record.get("IsReconciled")),
            "Url": text(record.get("Url")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def bank_transfer(record: Record, tenant: str, base: str | None) -> list[Row]:
    from_account, to_account = inside(record, "FromBankAccount"), inside(record, "ToBankAccount")
    return [
        {
            "TenantID": tenant,
            "BankTransferKey": key_of(tenant, record.get("BankTransferID")),
            "BankTransferID": text(record.get("BankTransferID")),
            "Status": text(record.get("Status")),
            "Reference": text(record.get("Reference")),
            "Date": day(record, "Date"),
            "FromAccountID": text(from_account.get("AccountID")),
            "FromAccountKey": key_of(tenant, from_account.get("AccountID")),
            "FromAccountName": text(from_account.get("Name")),
            "ToAccountID": text(to_account.get("AccountID")),
            "ToAccountKey": key_of(tenant, to_account.get("AccountID")),
            "ToAccountName": text(to_account.get("Name")),
            "Amount": amount(number(record.get("Amount"))),
            # A transfer names no currency: without a rate it is in base currency.
            "AmountBase": converted(number(record.get("Amount")), rate_of(record, None, base)),
            "CurrencyRate": double(record.get("CurrencyRate")),
            "FromBankTransactionID": text(record.get("FromBankTransactionID")),
            "FromBankTransactionKey": key_of(tenant, record.get("FromBankTransactionID")),
            "ToBankTransactionID": text(record.get("ToBankTransactionID")),
            "ToBankTransactionKey": key_of(tenant, record.get("ToBankTransactionID")),
            "FromIsReconciled": truth(record.get("FromIsReconciled")),
            "ToIsReconciled": truth(record.get("ToIsReconciled")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "CreatedDateUTC": instant(record.get("CreatedDateUTC")),
        }
    ]
