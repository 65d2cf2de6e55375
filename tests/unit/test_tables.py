"""Invoices, their lines and payments become rows: whole rows, by hand and beside Xero's own recorded answers."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from local.expected.tables import TABLES as EXPECTED
from shared.tables.lists import NO_LISTS
from shared.tables.table import Row
from shared.xero import wire
from tests.support.records import (
    CONTACT_ID,
    CONTACT_KEY,
    INVOICE,
    INVOICE_ID,
    PAYMENT,
    TENANT,
    UNTRACKED,
    shaped,
    value,
)

CASSETTES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "xero-python" / "tests"
needs_recordings = pytest.mark.skipif(
    not CASSETTES.is_dir(), reason="the recorded answers lie beside the repository only"
)
KEY = f"{TENANT}|{INVOICE_ID.lower()}"


def recorded(cassette: str) -> Any:
    """The first JSON body of a recording, decoded as the connector does."""
    text = (CASSETTES / cassette).read_text(encoding="utf-8")
    scalar = text.split('string: "', 1)[1].split('"\n    headers:', 1)[0]
    unfolded = re.sub(r"\s*\n\s*", " ", scalar)
    named = {"r": "\r", "n": "\n", "t": "\t"}
    body = re.sub(r"\\(.)", lambda match: named.get(match[1], match[1]), unfolded)
    return wire.decode(body.encode())


# Whole rows, written out by hand.


def test_an_invoice_in_base_currency_with_inclusive_tax() -> None:
    """Xero's words and values, ids as keys, days as days; without a rate the base amounts are the amounts."""
    assert shaped("Invoices", INVOICE) == [
        {
            "TenantID": TENANT,
            "InvoiceKey": KEY,
            "InvoiceID": INVOICE_ID,
            "InvoiceNumber": "INV-0042",
            "Reference": "PO 7",
            "Type": "ACCREC",
            "Status": "AUTHORISED",
            "ContactID": CONTACT_ID,
            "ContactKey": CONTACT_KEY,
            "ContactName": "Ngā Toi & Söhne",
            "Date": "2026-03-31T00:00:00",
            "DueDate": "2026-04-24T00:00:00",
            "ExpectedPaymentDate": "2026-04-25T00:00:00",
            "PlannedPaymentDate": None,
            "FullyPaidOnDate": None,
            "LineAmountTypes": "Inclusive",
            "CurrencyCode": "NZD",
            "CurrencyRate": None,
            "SubTotal": Decimal("106.0000"),
            "TotalTax": Decimal("9.0000"),
            "TotalAmount": Decimal("115.0000"),
            "TotalDiscount": None,
            "AmountDue": Decimal("15.0000"),
            "AmountPaid": Decimal("100.0000"),
            "AmountCredited": Decimal("0.0000"),
            "SubTotalBase": Decimal("106.0000"),
            "TotalTaxBase": Decimal("9.0000"),
            "TotalAmountBase": Decimal("115.0000"),
            "AmountDueBase": Decimal("15.0000"),
            "AmountPaidBase": Decimal("100.0000"),
            "AmountCreditedBase": Decimal("0.0000"),
            "BrandingThemeID": "dabc7637-62c1-4941-8a6e-ee44fa5090e7",
            "RepeatingInvoiceID": None,
            "Url": None,
            "SentToContact": True,
            "HasAttachments": False,
            "IsDiscounted": False,
            "UpdatedDateUTC": "2026-03-31T23:33:19",
        }
    ]


def test_lines_of_an_inclusive_invoice_lose_their_tax() -> None:
    """A row a line in Xero's order; net is without the tax that an inclusive amount holds, and absent tax is none."""
    head = {
        "TenantID": TENANT,
        "DocumentKey": KEY,
        "DocumentKind": "Invoice",
        "DocumentID": INVOICE_ID,
        "DocumentType": "ACCREC",
        "DocumentStatus": "AUTHORISED",
        "Effect": "Posted",
        "DocumentDate": "2026-03-31T00:00:00",
        "ContactKey": CONTACT_KEY,
        "CurrencyCode": "NZD",
        "IsMarker": False,
    }
    assert shaped("Lines", INVOICE) == [
        head
        | {
            "LineKey": f"{KEY}|1",
            "LineNumber": 1,
            "LineItemID": "aaaaaaaa-0000-4000-8000-000000000001",
            "Description": "T-shirts",
            "Quantity": Decimal("2.0000"),
            "UnitAmount": Decimal("34.5000"),
            "ItemCode": "TSHIRT",
            "ItemID": "ABABABAB-0000-4000-8000-000000000001",
            "ItemName": "T-Shirt",
            "AccountCode": "200",
            "AccountCodeKey": f"{TENANT}|200",
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000001",
            "AccountKey": f"{TENANT}|bbbbbbbb-0000-4000-8000-000000000001",
            "TaxType": "OUTPUT2",
            "TaxName": "15% GST on Income",
            "TaxRate": Decimal("15.0000"),
            "TaxAmount": Decimal("9.0000"),
            "LineAmount": Decimal("69.0000"),
            "NetAmount": Decimal("60.0000"),
            "NetAmountBase": Decimal("60.0000"),
            "LedgerAmountBase": Decimal("-60.0000"),
            "TaxAmountBase": Decimal("9.0000"),
            "DiscountRate": None,
            "DiscountAmount": None,
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
        head
        | {
            "LineKey": f"{KEY}|2",
            "LineNumber": 2,
            "LineItemID": None,
            "Description": "Freight",
            "Quantity": Decimal("1.0000"),
            "UnitAmount": Decimal("46.0000"),
            "ItemCode": None,
            "ItemID": None,
            "ItemName": None,
            "AccountCode": None,
            "AccountCodeKey": None,
            "AccountID": None,
            "AccountKey": None,
            "TaxType": None,
            "TaxName": None,
            "TaxRate": None,
            "TaxAmount": None,
            "LineAmount": Decimal("46.0000"),
            "NetAmount": Decimal("46.0000"),
            "NetAmountBase": Decimal("46.0000"),
            "LedgerAmountBase": Decimal("-46.0000"),
            "TaxAmountBase": None,
            "DiscountRate": Decimal("12.5000"),
            "DiscountAmount": None,
            **dict.fromkeys(
                f"Tracking{slot}{name}" for slot in (1, 2, 3, 4) for name in ("CategoryID", "Category")
            ),
            **UNTRACKED,
        },
    ]


def test_a_foreign_invoice_with_exclusive_tax() -> None:
    """Base amounts at the document's own rate, foreign units for one of base; an exclusive line is net as it stands."""
    bill = {
        "Type": "ACCPAY",
        "InvoiceID": INVOICE_ID,
        "Status": "PAID",
        "LineAmountTypes": "EXCLUSIVE",
        "CurrencyCode": "USD",
        "CurrencyRate": Decimal("0.581234"),
        "SubTotal": Decimal("1000.00"),
        "TotalTax": Decimal("150.00"),
        "Total": Decimal("1150.00"),
        "AmountDue": Decimal("0.00"),
        "AmountPaid": "1150.00",
        "LineItems": [
            {"LineAmount": Decimal("1000.00"), "TaxAmount": Decimal("150.00"), "AccountCode": "300"}
        ],
    }
    (invoice,) = shaped("Invoices", bill)
    assert invoice["CurrencyRate"] == 0.581234
    assert {name: amount for name, amount in invoice.items() if name.endswith("Base")} == {
        # 1000 / 0.581234 = 1720.477329…, 150 / 0.581234 = 258.071599…, 1150 / 0.581234 = 1978.548928…
        "SubTotalBase": Decimal("1720.4775"),
        "TotalTaxBase": Decimal("258.0716"),
        "TotalAmountBase": Decimal("1978.5491"),
        "AmountDueBase": Decimal("0.0000"),
        "AmountPaidBase": Decimal("1978.5491"),
        "AmountCreditedBase": None,
    }
    (line,) = shaped("Lines", bill)
    wanted = ("NetAmount", "TaxAmount", "NetAmountBase", "TaxAmountBase", "CurrencyCode", "DocumentDate")
    assert [line[name] for name in wanted] == [
        Decimal("1000.0000"),
        Decimal("150.0000"),
        Decimal("1720.4775"),
        Decimal("258.0716"),
        "USD",
        None,
    ]


@pytest.mark.parametrize("lines", [{}, {"LineItems": []}, {"LineItems": None}])
def test_a_document_without_lines_has_one_marker_row(lines: dict[str, Any]) -> None:
    """So that the lines of its earlier versions stop being the newest; all that is a line's own is null."""
    (row,) = shaped("Lines", {"InvoiceID": INVOICE_ID, "Type": "ACCREC", "Status": "DELETED"} | lines)
    head = {
        "TenantID": TENANT,
        "DocumentKey": KEY,
        "LineKey": f"{KEY}|0",
        "DocumentKind": "Invoice",
        "DocumentID": INVOICE_ID,
        "DocumentType": "ACCREC",
        "DocumentStatus": "DELETED",
        "Effect": "Nothing",
        "LineNumber": 0,
        "IsMarker": True,
    }
    assert row == dict.fromkeys(row) | head


PAYMENT_ROW = {
    "TenantID": TENANT,
    "PaymentKey": f"{TENANT}|dddddddd-0000-4000-8000-000000000001",
    "PaymentID": "DDDDDDDD-0000-4000-8000-000000000001",
    "PaymentType": "ACCRECPAYMENT",
    "Status": "AUTHORISED",
    "Date": "2016-02-17T00:00:00",
    "Amount": Decimal("100.0000"),
    "AmountBase": Decimal("172.0477"),
    "BankAmount": Decimal("172.0500"),
    "CurrencyCode": "USD",
    "CurrencyRate": 0.581234,
    "Reference": "",
    "IsReconciled": True,
    "AccountID": "EEEEEEEE-0000-4000-8000-000000000001",
    "AccountKey": f"{TENANT}|eeeeeeee-0000-4000-8000-000000000001",
    "AccountCode": "090",
    "InvoiceID": None,
    "InvoiceKey": None,
    "InvoiceNumber": None,
    "CreditNoteID": None,
    "CreditNoteKey": None,
    "PrepaymentID": None,
    "PrepaymentKey": None,
    "OverpaymentID": None,
    "OverpaymentKey": None,
    "ContactID": CONTACT_ID,
    "ContactKey": CONTACT_KEY,
    "BatchPaymentID": None,
    "UpdatedDateUTC": "2010-11-12T14:36:22",
}
DOCUMENT_ID = "FFFFFFFF-0000-4000-8000-000000000001"
DOCUMENT_KEY = f"{TENANT}|ffffffff-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (
            "Invoice",
            {"InvoiceID": DOCUMENT_ID, "InvoiceKey": DOCUMENT_KEY, "InvoiceNumber": "INV-1"},
        ),
        ("CreditNote", {"CreditNoteID": DOCUMENT_ID, "CreditNoteKey": DOCUMENT_KEY}),
        ("Prepayment", {"PrepaymentID": DOCUMENT_ID, "PrepaymentKey": DOCUMENT_KEY}),
        ("Overpayment", {"OverpaymentID": DOCUMENT_ID, "OverpaymentKey": DOCUMENT_KEY}),
    ],
)
@pytest.mark.parametrize(
    "absent", [{}, {"Invoice": [], "CreditNote": None, "Prepayment": [], "Overpayment": []}]
)
def test_a_payment_of_each_kind_of_document(kind: str, more: dict[str, str], absent: dict[str, Any]) -> None:
    """Currency, contact and the document's id come from whichever document was paid; an empty array is no document."""
    document = {
        f"{kind}ID": DOCUMENT_ID,
        f"{kind}Number": "INV-1",
        "Type": "ACCREC",
        "CurrencyCode": "USD",
        "LineItems": [],
        "Contact": {"ContactID": CONTACT_ID, "Name": "Any"},
    }
    assert shaped("Payments", PAYMENT | absent | {kind: document}) == [PAYMENT_ROW | more]


@pytest.mark.parametrize(
    ("fields", "batch"),
    [
        ({"BatchPaymentID": "b1"}, "b1"),
        ({"BatchPayment": {"BatchPaymentID": "b2", "Account": []}}, "b2"),
        ({"BatchPaymentID": "b1", "BatchPayment": {"BatchPaymentID": "b2"}}, "b1"),
        ({"BatchPaymentID": None, "BatchPayment": []}, None),
    ],
)
def test_the_batch_of_a_payment(fields: dict[str, Any], batch: str | None) -> None:
    """The batch stands in the payment itself or in the stub."""
    assert value("Payments", "BatchPaymentID", fields) == batch


# Xero's recorded answers.


def as_expected(table: str, record: Mapping[str, Any], base: str) -> list[Row]:
    """The comparison's own reading of a record, which shares no code with the connector, in the connector's terms."""
    (build,) = (one.sources[0].build for one in EXPECTED if one.name == table)

    def told(found: Any) -> Any:
        return found.isoformat(timespec="seconds") if isinstance(found, datetime) else found

    return [{name: told(found) for name, found in row.items()} for row in build(record, TENANT, base)]


@needs_recordings
def test_recorded_invoices_become_the_rows_that_another_reading_expects() -> None:
    """All 79 recorded invoices and their 92 lines, whole rows; and their lines' net and tax are the document's."""
    page = recorded("accounting/api/cassettes/test_invoice_attachment_upload_and_download.yaml")["Invoices"]
    rows = [row for record in page for row in shaped("Invoices", record)]
    lines = [shaped("Lines", record, lists=NO_LISTS) for record in page]
    assert rows == [row for record in page for row in as_expected("Invoices", record, "NZD")]
    assert lines == [as_expected("Lines", record, "NZD") for record in page]
    assert (len(rows), sum(not row["IsMarker"] for some in lines for row in some)) == (79, 92)
    for row, some in zip(rows, lines, strict=True):
        assert sum(line["NetAmount"] or 0 for line in some) == row["SubTotal"]
        assert row["SubTotal"] + row["TotalTax"] == row["TotalAmount"]


@needs_recordings
def test_the_first_recorded_invoice_by_hand() -> None:
    """A voided bill of 2019, as Xero really answered it."""
    record = recorded("accounting/api/cassettes/test_invoice_attachment_upload_and_download.yaml")[
        "Invoices"
    ][0]
    (row,), (line,) = shaped("Invoices", record), shaped("Lines", record)
    key = f"{TENANT}|22b3fab4-ef56-4d70-a110-a7cc3c1a26cd"
    assert row == dict.fromkeys(row) | {
        "TenantID": TENANT,
        "InvoiceKey": key,
        "InvoiceID": "22b3fab4-ef56-4d70-a110-a7cc3c1a26cd",
        "InvoiceNumber": "Elec.",
        "Reference": "",
        "Type": "ACCPAY",
        "Status": "VOIDED",
        "ContactID": "9b9ba9e5-e907-4b4e-8210-54d82b0aa479",
        "ContactKey": f"{TENANT}|9b9ba9e5-e907-4b4e-8210-54d82b0aa479",
        "ContactName": "PowerDirect",
        "Date": "2019-07-22T00:00:00",
        "DueDate": "2019-08-01T00:00:00",
        "LineAmountTypes": "Inclusive",
        "CurrencyCode": "NZD",
        "CurrencyRate": 1.0,
        "SubTotal": Decimal("77.3900"),
        "TotalTax": Decimal("11.6100"),
        "TotalAmount": Decimal("89.0000"),
        "AmountDue": Decimal("0.0000"),
        "AmountPaid": Decimal("0.0000"),
        "AmountCredited": Decimal("0.0000"),
        "SubTotalBase": Decimal("77.3900"),
        "TotalTaxBase": Decimal("11.6100"),
        "TotalAmountBase": Decimal("89.0000"),
        "AmountDueBase": Decimal("0.0000"),
        "AmountPaidBase": Decimal("0.0000"),
        "AmountCreditedBase": Decimal("0.0000"),
        "HasAttachments": True,
        "IsDiscounted": False,
        "UpdatedDateUTC": "2010-11-12T12:55:16",
    }
    assert (line["LineKey"], line["NetAmount"], line["TaxAmount"]) == (
        f"{key}|1",
        Decimal("77.3900"),
        Decimal("11.6100"),
    )


@needs_recordings
def test_the_recorded_organisation_becomes_the_row_that_another_reading_expects() -> None:
    """The demo company's own record, whole."""
    (record,) = recorded("accounting/api/cassettes/test_get_organisations.yaml")["Organisations"]
    assert shaped("Organisations", record) == as_expected("Organisations", record, "NZD")
