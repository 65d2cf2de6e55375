"""What the other records add to what is owed, and the money that they moved: rows only."""

from decimal import Decimal

from tests.support.beside.common import (
    ACCOUNT,
    COMMON,
    CONTACT,
    DRAFT,
    PAID,
    USD,
    Records,
    Row,
    key,
    nulls,
)

RECORDS: Records = {
    "BankSummary": [
        {
            "Through": "2026-01-01",
            "Rows": [
                {
                    "RowType": "Header",
                    "Cells": [
                        {"Value": "Bank Accounts"},
                        {"Value": "Opening Balance"},
                        {"Value": "Cash Spent"},
                    ],
                },
                {
                    "RowType": "Section",
                    "Title": "",
                    "Rows": [
                        {
                            "RowType": "Row",
                            "Cells": [
                                {"Value": "Dollars", "Attributes": [{"Value": "dd-2", "Id": "account"}]},
                                {"Value": "(1,250.25)"},
                                {"Value": "1.00"},
                            ],
                        },
                        {
                            "RowType": "SummaryRow",
                            "Cells": [{"Value": "Total"}, {"Value": "(1,250.25)"}, {"Value": "1.00"}],
                        },
                    ],
                },
            ],
        }
    ],
}


def _item(identifier: str, kind: str, number: int = 0, **more: object) -> Row:
    """A document's own entry, of nothing known but what is told."""
    return {
        **COMMON,
        **nulls(
            "DocumentNumber ContactKey CurrencyCode CurrencyRate Date DocumentDate DueDate AgeingDate Amount AmountBase "
            "InvoiceKey"
        ),
        "DocumentKey": key(identifier),
        "EntryKey": f"{key(identifier)}|{number}",
        "DocumentKind": kind,
        "DocumentID": identifier,
        "EntryNumber": number,
        "Entry": "Document",
        "IsWithoutDueDate": True,
    } | more


_BILL: Row = {
    "DocumentType": "ACCPAY",
    "DocumentStatus": "PAID",
    "DocumentNumber": "77",
    "Side": "Payable",
    "Counts": True,
    "ContactKey": key(CONTACT),
    "DocumentDate": "1969-12-31T00:00:00",
    "AgeingDate": "1969-12-31T00:00:00",
}
_CREDIT: Row = {
    "DocumentType": "ACCRECCREDIT",
    "DocumentStatus": "AUTHORISED",
    "DocumentNumber": "CN-0001",
    "Side": "Receivable",
    "Counts": True,
    "ContactKey": key(CONTACT),
    "CurrencyCode": "USD",
    "CurrencyRate": Decimal("0.8"),
    "DocumentDate": "2026-02-28T00:00:00",
    "DueDate": "2026-03-01T00:00:00",
    "AgeingDate": "2026-03-01T00:00:00",
    "IsWithoutDueDate": False,
}
_SPENT_TWICE: Row = {
    "DocumentType": "SPEND-OVERPAYMENT",
    "DocumentStatus": "PAID",
    "Side": "Payable",
    "Counts": True,
    "ContactKey": key(CONTACT),
    "CurrencyCode": "EUR",
    "DocumentDate": "2026-03-01T00:00:00",
    "AgeingDate": "2026-03-01T00:00:00",
}


def _movement(identifier: str, source: str, number: int, **more: object) -> Row:
    return {
        **COMMON,
        **nulls(
            "SourceType SourceStatus Date AccountKey AccountID ContactKey Amount AmountBase IsReconciled"
        ),
        "DocumentKey": key(identifier),
        "MovementKey": f"{key(identifier)}|{number}",
        "Source": source,
        "SourceID": identifier,
        "MovementNumber": number,
        "IsMarker": number == 0,
        "IsTransfer": source == "BankTransfer",
    } | more


ROWS: Records = {
    "OpenItems": [
        _item(
            USD,
            "Invoice",
            DocumentType="ACCREC",
            DocumentStatus="AUTHORISED",
            DocumentNumber="INV-7",
            Side="Receivable",
            Counts=True,
            ContactKey=key(CONTACT),
            CurrencyCode="USD",
            CurrencyRate=Decimal("0.654321"),
            Date="2026-03-01T00:00:00",
            DocumentDate="2026-03-01T00:00:00",
            DueDate="2026-03-31T00:00:00",
            AgeingDate="2026-03-31T00:00:00",
            IsWithoutDueDate=False,
            Amount=220,
            AmountBase=Decimal("336.2264"),
        ),
        _item(
            DRAFT,
            "Invoice",
            DocumentType="ACCREC",
            DocumentStatus="DRAFT",
            Side="Receivable",
            Counts=False,
            ContactKey=key(CONTACT),
            CurrencyCode="EUR",
            Amount=0,
        ),
        _item(
            PAID,
            "Invoice",
            **_BILL,
            Date="1969-12-31T00:00:00",
            Amount=Decimal("36.66"),
            AmountBase=Decimal("36.66"),
        ),
        _item(
            PAID,
            "Invoice",
            1,
            **_BILL,
            Entry="Payment",
            Date="2026-03-01T00:00:00",
            Amount=Decimal("-29.66"),
            AmountBase=Decimal("-29.66"),
        ),
        _item(
            "CN-1",
            "CreditNote",
            **_CREDIT,
            Date="2026-02-28T00:00:00",
            Amount=-110,
            AmountBase=Decimal("-137.5"),
        ),
        _item(
            "CN-1",
            "CreditNote",
            1,
            **_CREDIT,
            Entry="Payment",
            Date="2026-03-02T00:00:00",
            Amount=4,
            AmountBase=5,
        ),
        _item(
            "CN-1",
            "CreditNote",
            2,
            **_CREDIT,
            Entry="Allocation",
            Date="2026-03-01T00:00:00",
            Amount=30,
            AmountBase=Decimal("37.5"),
            InvoiceKey=key(USD),
        ),
        _item(
            "cn-2",
            "CreditNote",
            DocumentType="ACCPAYCREDIT",
            DocumentStatus="VOIDED",
            Side="Payable",
            Counts=False,
            CurrencyCode="AUD",
            Amount=-5,
            AmountBase=-5,
        ),
        _item(
            "Pp-1",
            "Prepayment",
            DocumentType="RECEIVE-PREPAYMENT",
            DocumentStatus="AUTHORISED",
            DocumentNumber="PRE-9",
            Side="Receivable",
            Counts=True,
            ContactKey=key(CONTACT),
            CurrencyCode="AUD",
            CurrencyRate=1,
            Date="2026-03-01T00:00:00",
            DocumentDate="2026-03-01T00:00:00",
            AgeingDate="2026-03-01T00:00:00",
            Amount=-55,
            AmountBase=-55,
        ),
        _item("op-1", "Overpayment", **_SPENT_TWICE, Date="2026-03-01T00:00:00", Amount=-7),
        _item("op-1", "Overpayment", 1, **_SPENT_TWICE, Entry="Allocation", Amount=7, InvoiceKey=key(PAID)),
        _item(
            "OP-2",
            "Overpayment",
            DocumentType="RECEIVE-OVERPAYMENT",
            DocumentStatus="VOIDED",
            Side="Receivable",
            Counts=False,
            CurrencyCode="USD",
            CurrencyRate=Decimal("0.5"),
            Amount=Decimal("-1.1"),
            AmountBase=Decimal("-2.2"),
        ),
    ],
    "CashMovements": [
        _movement(
            "BT-1",
            "BankTransaction",
            1,
            SourceType="RECEIVE-PREPAYMENT",
            SourceStatus="AUTHORISED",
            Date="2026-03-01T00:00:00",
            AccountKey=key("dd-1"),
            AccountID="DD-1",
            ContactKey=key(CONTACT),
            Amount=55,
            AmountBase=50,
            IsReconciled=True,
        ),
        _movement(
            "bt-2",
            "BankTransaction",
            0,
            SourceType="SPEND",
            SourceStatus="DELETED",
            IsReconciled=False,
        ),
        _movement(
            "bb-1",
            "Payment",
            0,
            SourceType="ACCPAYPAYMENT",
            SourceStatus="DELETED",
            Date="2026-03-01T00:00:00",
            AccountKey=key(ACCOUNT),
            AccountID=ACCOUNT,
            IsReconciled=False,
        ),
        _movement(
            "bb-2",
            "Payment",
            1,
            SourceType="ARCREDITPAYMENT",
            SourceStatus="AUTHORISED",
            AccountKey=key("dd-2"),
            AccountID="DD-2",
            ContactKey=key(CONTACT),
            Amount=-4,
            AmountBase=-8,
        ),
        _movement(
            "TR-1",
            "BankTransfer",
            1,
            SourceStatus="AUTHORISED",
            Date="2026-03-03T00:00:00",
            AccountKey=key(ACCOUNT),
            AccountID=ACCOUNT,
            Amount=-20,
            AmountBase=Decimal("-33.3333"),
            IsReconciled=True,
        ),
        _movement(
            "TR-1",
            "BankTransfer",
            2,
            SourceStatus="AUTHORISED",
            Date="2026-03-03T00:00:00",
            AccountKey=key("dd-2"),
            AccountID="DD-2",
            Amount=20,
            AmountBase=Decimal("33.3333"),
            IsReconciled=False,
        ),
        _movement("tr-2", "BankTransfer", 0, SourceStatus="DELETED"),
        _movement(
            "2026-01-01",
            "OpeningBalance",
            1,
            Date="2025-12-31T00:00:00",
            AccountKey=key("dd-2"),
            AccountID="dd-2",
            AmountBase=Decimal("-1250.25"),
        ),
    ],
}
