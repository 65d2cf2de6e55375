"""A deleted payment of a bill that came with an overpayment, a refund of a credit note and a prepayment."""

from decimal import Decimal

from tests.support.beside.common import ACCOUNT, COMMON, CONTACT, PAID, PAYMENT, Records, key, nulls

RECORDS: Records = {
    "Payments": [
        {
            "PaymentID": PAYMENT,
            "BatchPayment": {"BatchPaymentID": "bp-1"},
            "Date": "/Date(1772366400000+0000)/",
            "BankAmount": 56.03,
            "Amount": 36.66,
            "CurrencyRate": 0.65432,
            "PaymentType": "ACCPAYPAYMENT",
            "Status": "DELETED",
            "UpdatedDateUTC": "/Date(1400000000000+0000)/",
            "IsReconciled": "false",
            "Account": {"AccountID": ACCOUNT},
            "Invoice": {"InvoiceID": PAID, "InvoiceNumber": "77", "LineItems": []},
            "CreditNote": [],
            "Overpayment": {
                "OverpaymentID": "op-1",
                "CurrencyCode": "USD",
                "Contact": {"ContactID": "CC-9"},
            },
        },
        {
            "PaymentID": "bb-2",
            "BatchPaymentID": "bp-2",
            "Amount": "4.00",
            "CurrencyRate": 0.5,
            "PaymentType": "ARCREDITPAYMENT",
            "Status": "AUTHORISED",
            "Reference": "Refund",
            "Account": {"AccountID": "DD-2", "Code": "091"},
            "CreditNote": {"CreditNoteID": "CN-1", "CurrencyCode": "USD", "Contact": {"ContactID": CONTACT}},
            "Prepayment": {"PrepaymentID": "Pp-1"},
        },
    ],
}

ROWS: Records = {
    "Payments": [
        {
            **COMMON,
            "PaymentKey": key(PAYMENT),
            "PaymentID": PAYMENT,
            "PaymentType": "ACCPAYPAYMENT",
            "Status": "DELETED",
            "Date": "2026-03-01T00:00:00",
            "Amount": Decimal("36.66"),
            "AmountBase": Decimal("56.0276"),
            "BankAmount": Decimal("56.03"),
            "CurrencyCode": "USD",
            "CurrencyRate": Decimal("0.65432"),
            "Reference": None,
            "IsReconciled": False,
            "AccountID": ACCOUNT,
            "AccountKey": key(ACCOUNT),
            "AccountCode": None,
            "InvoiceID": PAID,
            "InvoiceKey": key(PAID),
            "InvoiceNumber": "77",
            "CreditNoteID": None,
            "CreditNoteKey": None,
            "PrepaymentID": None,
            "PrepaymentKey": None,
            "OverpaymentID": "op-1",
            "OverpaymentKey": key("op-1"),
            "ContactID": "CC-9",
            "ContactKey": key("cc-9"),
            "BatchPaymentID": "bp-1",
            "UpdatedDateUTC": "2014-05-13T16:53:20",
        },
        {
            **COMMON,
            **nulls(
                "Date BankAmount IsReconciled InvoiceID InvoiceKey InvoiceNumber OverpaymentID "
                "OverpaymentKey UpdatedDateUTC"
            ),
            "PaymentKey": key("bb-2"),
            "PaymentID": "bb-2",
            "PaymentType": "ARCREDITPAYMENT",
            "Status": "AUTHORISED",
            "Amount": 4,
            "AmountBase": 8,
            "CurrencyCode": "USD",
            "CurrencyRate": Decimal("0.5"),
            "Reference": "Refund",
            "AccountID": "DD-2",
            "AccountKey": key("dd-2"),
            "AccountCode": "091",
            "CreditNoteID": "CN-1",
            "CreditNoteKey": key("cn-1"),
            "PrepaymentID": "Pp-1",
            "PrepaymentKey": key("pp-1"),
            "ContactID": CONTACT,
            "ContactKey": key(CONTACT),
            "BatchPaymentID": "bp-2",
        },
    ],
}
