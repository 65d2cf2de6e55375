"""Money in the bank and the general ledger become rows: bank transactions, transfers, journals; whole rows by hand."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support.records import (
    BANK_TRANSACTION,
    BANK_TRANSFER,
    CONTACT_ID,
    CONTACT_KEY,
    INVOICE_ID,
    JOURNAL,
    OTHER,
    TENANT,
    UNTRACKED,
    id_of,
    key_of,
    shaped,
)


def test_a_bank_transaction_that_made_a_prepayment() -> None:
    """It refers to the prepayment by id and key, and is keyed by its own id."""
    assert shaped("BankTransactions", BANK_TRANSACTION) == [
        {
            "TenantID": TENANT,
            "BankTransactionKey": key_of("BankTransactions"),
            "BankTransactionID": id_of("BankTransactions"),
            "Type": "RECEIVE-PREPAYMENT",
            "Status": "AUTHORISED",
            "Reference": "Deposit",
            "ContactID": CONTACT_ID,
            "ContactKey": CONTACT_KEY,
            "ContactName": "Ngā Toi & Söhne",
            "AccountID": "EEEEEEEE-0000-4000-8000-000000000001",
            "AccountKey": f"{TENANT}|eeeeeeee-0000-4000-8000-000000000001",
            "AccountCode": "090",
            "AccountName": "Main",
            "Date": "2026-04-02T00:00:00",
            "LineAmountTypes": "NoTax",
            "CurrencyCode": "USD",
            "CurrencyRate": 0.64,
            "SubTotal": Decimal("80.0000"),
            "TotalTax": Decimal("0.0000"),
            "TotalAmount": Decimal("80.0000"),
            "SubTotalBase": Decimal("125.0000"),
            "TotalTaxBase": Decimal("0.0000"),
            "TotalAmountBase": Decimal("125.0000"),
            "PrepaymentID": id_of("Prepayments"),
            "PrepaymentKey": key_of("Prepayments"),
            "OverpaymentID": None,
            "OverpaymentKey": None,
            "IsReconciled": True,
            "Url": "https://example.com/slip",
            "HasAttachments": False,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


TRANSFER_ROW = {
    "TenantID": TENANT,
    "BankTransferKey": key_of("BankTransfers"),
    "BankTransferID": id_of("BankTransfers"),
    "Status": "AUTHORISED",
    "Reference": "To savings",
    "Date": "2026-04-02T00:00:00",
    "FromAccountID": "EEEEEEEE-0000-4000-8000-000000000001",
    "FromAccountKey": f"{TENANT}|eeeeeeee-0000-4000-8000-000000000001",
    "FromAccountName": "USD account",
    "ToAccountID": "EEEEEEEE-0000-4000-8000-000000000002",
    "ToAccountKey": f"{TENANT}|eeeeeeee-0000-4000-8000-000000000002",
    "ToAccountName": "Main",
    "Amount": Decimal("100.0000"),
    "AmountBase": Decimal("172.0477"),
    "CurrencyRate": 0.581234,
    "FromBankTransactionID": "DDDDDDDD-0000-4000-8000-000000000001",
    "FromBankTransactionKey": f"{TENANT}|dddddddd-0000-4000-8000-000000000001",
    "ToBankTransactionID": "DDDDDDDD-0000-4000-8000-000000000002",
    "ToBankTransactionKey": f"{TENANT}|dddddddd-0000-4000-8000-000000000002",
    "FromIsReconciled": True,
    "ToIsReconciled": False,
    "HasAttachments": False,
    "CreatedDateUTC": "2026-04-02T00:00:00",
}


def test_a_transfer_out_of_a_foreign_account() -> None:
    """Both ends with account and transaction; the amount in base currency at the transfer's rate."""
    assert shaped("BankTransfers", BANK_TRANSFER) == [TRANSFER_ROW]


def test_a_transfer_without_a_rate_is_in_base_currency() -> None:
    """Xero names no currency of a transfer. An account that is left out, or an empty array, is null."""
    record = {
        name: found for name, found in BANK_TRANSFER.items() if name not in ("CurrencyRate", "ToBankAccount")
    }
    assert shaped("BankTransfers", record | {"FromBankAccount": []}) == [
        TRANSFER_ROW
        | {"AmountBase": Decimal("100.0000"), "CurrencyRate": None}
        | dict.fromkeys(f"{end}Account{what}" for end in ("From", "To") for what in ("ID", "Key", "Name"))
    ]


JOURNAL_HEAD = {
    "TenantID": TENANT,
    "JournalKey": key_of("Journals"),
    "JournalID": id_of("Journals"),
    "JournalNumber": 1001,
    "JournalDate": "2026-04-02T00:00:00",
    "CreatedDateUTC": "2026-04-06T00:00:00",
    "Reference": "INV-0042",
    "SourceID": INVOICE_ID,
    "SourceType": "ACCREC",
}


def test_a_journal_has_a_row_a_line() -> None:
    """Debits are positive, credits negative, and both tracking categories stand side by side."""
    rows = shaped("Journals", JOURNAL)
    null = dict.fromkeys(rows[0])
    assert rows == [
        JOURNAL_HEAD
        | {
            "JournalLineKey": f"{key_of('Journals')}|1",
            "LineNumber": 1,
            "IsMarker": False,
            "JournalLineID": OTHER,
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000001",
            "AccountKey": f"{TENANT}|bbbbbbbb-0000-4000-8000-000000000001",
            "AccountCode": "610",
            "AccountType": "CURRENT",
            "AccountName": "Accounts Receivable",
            "Description": "T-shirts",
            "NetAmount": Decimal("115.0000"),
            "GrossAmount": Decimal("115.0000"),
            "TaxAmount": Decimal("0.0000"),
            "TaxType": "NONE",
            "TaxName": "No GST",
            "Tracking1CategoryID": "T1",
            "Tracking1Category": "Region",
            "Tracking1Option": "North",
            "Tracking2CategoryID": "T2",
            "Tracking2Category": "Team",
            "Tracking2Option": "Blue",
            "Tracking3CategoryID": None,
            "Tracking3Category": None,
            "Tracking3Option": "Unassigned",
            "Tracking4CategoryID": None,
            "Tracking4Category": None,
            "Tracking4Option": "Unassigned",
        },
        null
        | JOURNAL_HEAD
        | UNTRACKED
        | {
            "JournalLineKey": f"{key_of('Journals')}|2",
            "LineNumber": 2,
            "IsMarker": False,
            "AccountCode": "200",
            "NetAmount": Decimal("-100.0000"),
            "TaxAmount": Decimal("-15.0000"),
        },
    ]


@pytest.mark.parametrize("lines", [[], None])
def test_a_journal_without_lines_has_one_marker_row(lines: Any) -> None:
    """At least one row a record in each table that it feeds."""
    (row,) = shaped("Journals", JOURNAL | {"JournalLines": lines})
    assert row == dict.fromkeys(row) | JOURNAL_HEAD | {
        "JournalLineKey": f"{key_of('Journals')}|0",
        "LineNumber": 0,
        "IsMarker": True,
    }
