"""Records become rows: every column by its rule, whole rows beside Xero's own recorded answers, and no other way out."""

import copy
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import floor, isfinite
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from local import expected
from shared.errors import BadRecord
from shared.powerbi import rows as powerbi_rows
from shared.tables import TABLES, fed_by
from shared.tables.table import Row, Source, Type, cut
from shared.xero import wire
from shared.xero.resources import RESOURCES

TENANT = "9f8e7d6c-5b4a-4938-8271-605f4e3d2c1b"
OTHER = "11111111-2222-4333-8444-555555555555"
INVOICE_ID = "2A1B3C4D-0000-4000-8000-00000000000A"
CONTACT_ID = "C0FFEE00-0000-4000-8000-00000000000B"
CASSETTES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "xero-python" / "tests"
needs_recordings = pytest.mark.skipif(
    not CASSETTES.is_dir(), reason="the recorded answers lie beside the repository only"
)


def source(record: Mapping[str, Any], base: str = "NZD") -> Source:
    return Source(tenant_id=TENANT, base_currency=base, record=record, document=record)


def shaped(table: str, record: Mapping[str, Any], base: str = "NZD") -> list[Row]:
    return TABLES[table].shape(source(record, base))


def value(table: str, column: str, record: Mapping[str, Any], base: str = "NZD") -> Any:
    """One column of a record's first row. The id is there unless the record brings its own."""
    return shaped(table, {"InvoiceID": INVOICE_ID, "PaymentID": OTHER} | dict(record), base)[0][column]


def recorded(cassette: str) -> Any:
    """The first JSON body of a recording, decoded as the connector does."""
    text = (CASSETTES / cassette).read_text(encoding="utf-8")
    scalar = text.split('string: "', 1)[1].split('"\n    headers:', 1)[0]
    unfolded = re.sub(r"\s*\n\s*", " ", scalar)
    named = {"r": "\r", "n": "\n", "t": "\t"}
    body = re.sub(r"\\(.)", lambda match: named.get(match[1], match[1]), unfolded)
    return wire.decode(body.encode())


# Whole rows, written out by hand.

INCLUSIVE = {
    "Type": "ACCREC",
    "InvoiceID": INVOICE_ID,
    "InvoiceNumber": "INV-0042",
    "Reference": "PO 7",
    "AmountDue": Decimal("15.00"),
    "AmountPaid": Decimal("100.00"),
    "AmountCredited": Decimal("0.00"),
    "SentToContact": True,
    "IsDiscounted": "false",
    "HasAttachments": False,
    "Contact": {"ContactID": CONTACT_ID, "Name": "Ngā Toi & Söhne", "Addresses": [], "Phones": []},
    "DateString": "2026-03-31T00:00:00",
    "Date": "/Date(1774915200000+0000)/",
    "DueDate": "/Date(1776988800000+0000)/",
    "ExpectedPaymentDate": "/Date(1777075200000+0000)/",
    "BrandingThemeID": "dabc7637-62c1-4941-8a6e-ee44fa5090e7",
    "Status": "AUTHORISED",
    "LineAmountTypes": "Inclusive",
    "LineItems": [
        {
            "LineItemID": "aaaaaaaa-0000-4000-8000-000000000001",
            "ItemCode": "TSHIRT",
            "Description": "T-shirts",
            "Quantity": Decimal("2.0000"),
            "UnitAmount": "34.50",
            "TaxType": "OUTPUT2",
            "TaxAmount": Decimal("9.00"),
            "LineAmount": Decimal("69.00"),
            "AccountCode": 200,
            "AccountID": "bbbbbbbb-0000-4000-8000-000000000001",
            "Tracking": [
                {"TrackingCategoryID": "T1", "Name": "Region", "Option": "North", "Options": []},
                {"TrackingCategoryID": "T2", "Name": "Team", "Option": "Blue"},
            ],
        },
        {
            "Description": "Freight",
            "Quantity": "1",
            "UnitAmount": Decimal("46.00"),
            "LineAmount": "46.00",
            "DiscountRate": Decimal("12.5"),
            "Tracking": [],
        },
    ],
    "SubTotal": Decimal("106.00"),
    "TotalTax": Decimal("9.00"),
    "Total": Decimal("115.00"),
    "UpdatedDateUTC": "/Date(1774999999999+0000)/",
    "CurrencyCode": "NZD",
}
KEY = f"{TENANT}|{INVOICE_ID.lower()}"
CONTACT_KEY = f"{TENANT}|{CONTACT_ID.lower()}"


def test_an_invoice_in_base_currency_with_inclusive_tax() -> None:
    """Xero's words and values, ids as keys, days as days; without a rate the base amounts are the amounts."""
    assert shaped("Invoices", INCLUSIVE) == [
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
        "DocumentDate": "2026-03-31T00:00:00",
        "ContactKey": CONTACT_KEY,
        "CurrencyCode": "NZD",
        "IsMarker": False,
    }
    assert shaped("Lines", INCLUSIVE) == [
        head
        | {
            "LineKey": f"{KEY}|1",
            "LineNumber": 1,
            "LineItemID": "aaaaaaaa-0000-4000-8000-000000000001",
            "Description": "T-shirts",
            "Quantity": Decimal("2.0000"),
            "UnitAmount": Decimal("34.5000"),
            "ItemCode": "TSHIRT",
            "AccountCode": "200",
            "AccountID": "bbbbbbbb-0000-4000-8000-000000000001",
            "TaxType": "OUTPUT2",
            "TaxAmount": Decimal("9.0000"),
            "LineAmount": Decimal("69.0000"),
            "NetAmount": Decimal("60.0000"),
            "NetAmountBase": Decimal("60.0000"),
            "TaxAmountBase": Decimal("9.0000"),
            "DiscountRate": None,
            "DiscountAmount": None,
            "Tracking1CategoryID": "T1",
            "Tracking1Category": "Region",
            "Tracking1Option": "North",
            "Tracking2CategoryID": "T2",
            "Tracking2Category": "Team",
            "Tracking2Option": "Blue",
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
            "AccountCode": None,
            "AccountID": None,
            "TaxType": None,
            "TaxAmount": None,
            "LineAmount": Decimal("46.0000"),
            "NetAmount": Decimal("46.0000"),
            "NetAmountBase": Decimal("46.0000"),
            "TaxAmountBase": None,
            "DiscountRate": Decimal("12.5000"),
            "DiscountAmount": None,
            "Tracking1CategoryID": None,
            "Tracking1Category": None,
            "Tracking1Option": None,
            "Tracking2CategoryID": None,
            "Tracking2Category": None,
            "Tracking2Option": None,
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
        "LineNumber": 0,
        "IsMarker": True,
    }
    assert row == dict.fromkeys(row) | head


PAYMENT = {
    "PaymentID": "DDDDDDDD-0000-4000-8000-000000000001",
    "PaymentType": "ACCRECPAYMENT",
    "Status": "AUTHORISED",
    "Date": "/Date(1455667200000+0000)/",
    "Amount": Decimal("100.00"),
    "BankAmount": Decimal("172.05"),
    "CurrencyRate": Decimal("0.581234"),
    "Reference": "",
    "IsReconciled": "true",
    "Account": {"AccountID": "EEEEEEEE-0000-4000-8000-000000000001", "Code": "090"},
    "HasAccount": True,
    "UpdatedDateUTC": "/Date(1289572582537+0000)/",
}
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
    "PrepaymentID": None,
    "OverpaymentID": None,
    "ContactID": CONTACT_ID,
    "ContactKey": CONTACT_KEY,
    "BatchPaymentID": None,
    "UpdatedDateUTC": "2010-11-12T14:36:22",
}
DOCUMENT_ID = "FFFFFFFF-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (
            "Invoice",
            {
                "InvoiceID": DOCUMENT_ID,
                "InvoiceKey": f"{TENANT}|{DOCUMENT_ID.lower()}",
                "InvoiceNumber": "INV-1",
            },
        ),
        ("CreditNote", {"CreditNoteID": DOCUMENT_ID}),
        ("Prepayment", {"PrepaymentID": DOCUMENT_ID}),
        ("Overpayment", {"OverpaymentID": DOCUMENT_ID}),
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


def test_a_merged_contact() -> None:
    """An archived contact says into which other it was merged, and its balances are its own."""
    contact = {
        "ContactID": CONTACT_ID,
        "ContactStatus": "ARCHIVED",
        "Name": "City Agency (merged)",
        "FirstName": "Ann",
        "LastName": "O'Hara",
        "EmailAddress": "",
        "AccountNumber": "CA-1",
        "ContactNumber": 17,
        "TaxNumber": "12-345",
        "Addresses": [{"AddressType": "STREET"}],
        "IsSupplier": "true",
        "IsCustomer": False,
        "DefaultCurrency": "GBP",
        "Balances": {
            "AccountsReceivable": {"Outstanding": Decimal("-849.50"), "Overdue": "0.00"},
            "AccountsPayable": [],
        },
        "MergedToContactID": "ABABABAB-0000-4000-8000-000000000001",
        "HasAttachments": False,
        "UpdatedDateUTC": "/Date(1488391422280+0000)/",
    }
    assert shaped("Contacts", contact) == [
        {
            "TenantID": TENANT,
            "ContactKey": CONTACT_KEY,
            "ContactID": CONTACT_ID,
            "Name": "City Agency (merged)",
            "ContactNumber": "17",
            "AccountNumber": "CA-1",
            "ContactStatus": "ARCHIVED",
            "FirstName": "Ann",
            "LastName": "O'Hara",
            "EmailAddress": "",
            "TaxNumber": "12-345",
            "IsSupplier": True,
            "IsCustomer": False,
            "DefaultCurrency": "GBP",
            "ReceivableOutstanding": Decimal("-849.5000"),
            "ReceivableOverdue": Decimal("0.0000"),
            "PayableOutstanding": None,
            "PayableOverdue": None,
            "MergedToContactID": "ABABABAB-0000-4000-8000-000000000001",
            "MergedToContactKey": f"{TENANT}|abababab-0000-4000-8000-000000000001",
            "HasAttachments": False,
            "UpdatedDateUTC": "2017-03-01T18:03:42",
        }
    ]


def test_an_organisation() -> None:
    """The organisation's own record, lock days as days and its beginning as an instant."""
    organisation = {
        "OrganisationID": "CDCDCDCD-0000-4000-8000-000000000001",
        "Name": "Wholesale Ltd",
        "LegalName": "Wholesale Limited",
        "Version": "NZ",
        "OrganisationType": "COMPANY",
        "OrganisationStatus": "ACTIVE",
        "BaseCurrency": "NZD",
        "CountryCode": "NZ",
        "IsDemoCompany": False,
        "FinancialYearEndDay": 31,
        "FinancialYearEndMonth": "3",
        "Timezone": "NEWZEALANDSTANDARDTIME",
        "ShortCode": "!23eYt",
        "SalesTaxBasis": "ACCRUALS",
        "Edition": "BUSINESS",
        "Class": "ULTRA",
        "PeriodLockDate": "/Date(1222732800000+0000)/",
        "CreatedDateUTC": "/Date(-1)/",
    }
    assert shaped("Organisations", organisation) == [
        {
            "TenantID": TENANT,
            "OrganisationKey": f"{TENANT}|cdcdcdcd-0000-4000-8000-000000000001",
            "OrganisationID": "CDCDCDCD-0000-4000-8000-000000000001",
            "Name": "Wholesale Ltd",
            "LegalName": "Wholesale Limited",
            "Version": "NZ",
            "OrganisationType": "COMPANY",
            "OrganisationStatus": "ACTIVE",
            "BaseCurrency": "NZD",
            "CountryCode": "NZ",
            "IsDemoCompany": False,
            "FinancialYearEndDay": 31,
            "FinancialYearEndMonth": 3,
            "Timezone": "NEWZEALANDSTANDARDTIME",
            "ShortCode": "!23eYt",
            "TaxNumber": None,
            "SalesTaxBasis": "ACCRUALS",
            "SalesTaxPeriod": None,
            "Edition": "BUSINESS",
            "Class": "ULTRA",
            "PeriodLockDate": "2008-09-30T00:00:00",
            "EndOfYearLockDate": None,
            "CreatedDateUTC": "1969-12-31T23:59:59",
        }
    ]


def test_an_account_without_a_code() -> None:
    """A bank account need not have a code; Xero's empty texts stay empty texts."""
    account = {
        "AccountID": "EFEFEFEF-0000-4000-8000-000000000001",
        "Name": "Business Bank Account",
        "Status": "ACTIVE",
        "Type": "BANK",
        "TaxType": "NONE",
        "Class": "ASSET",
        "EnablePaymentsToAccount": "false",
        "ShowInExpenseClaims": False,
        "BankAccountNumber": "121234567890",
        "BankAccountType": "BANK",
        "CurrencyCode": "NZD",
        "SystemAccount": "",
        "ReportingCode": "ASS",
        "HasAttachments": False,
        "UpdatedDateUTC": "/Date(1289572582537+0000)/",
        "AddToWatchlist": False,
    }
    (row,) = shaped("Accounts", account)
    assert row == dict.fromkeys(row) | account | {
        "TenantID": TENANT,
        "AccountKey": f"{TENANT}|efefefef-0000-4000-8000-000000000001",
        "EnablePaymentsToAccount": False,
        "UpdatedDateUTC": "2010-11-12T14:36:22",
    }
    assert (row["Code"], row["Description"], row["ReportingCodeName"]) == (None, None, None)


# Xero's recorded answers.


def as_expected(table: str, record: Mapping[str, Any], base: str) -> list[Row]:
    """The comparison's own reading of a record, which shares no code with the connector, in the connector's terms."""
    (build,) = (one.build for one in expected.TABLES if one.name == table)

    def told(found: Any) -> Any:
        return found.isoformat(timespec="seconds") if isinstance(found, datetime) else found

    added = ("RowVersion", "IsDeleted")
    return [
        {name: told(found) for name, found in row.items() if name not in added}
        for row in build(record, TENANT, base)
    ]


@needs_recordings
def test_recorded_invoices_become_the_rows_that_another_reading_expects() -> None:
    """All 79 recorded invoices and their 92 lines, whole rows; and their lines' net and tax are the document's."""
    page = recorded("accounting/api/cassettes/test_invoice_attachment_upload_and_download.yaml")["Invoices"]
    rows = [row for record in page for row in shaped("Invoices", record)]
    lines = [shaped("Lines", record) for record in page]
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


# Amounts.

money = st.decimals(
    min_value=Decimal(-(10**13)), max_value=Decimal(10**13), places=6, allow_nan=False, allow_infinity=False
)
rates = st.decimals(min_value=Decimal("0.0000000001"), max_value=Decimal(10**8), places=10)


def half_up(exact: Fraction) -> Decimal:
    """Rounded to four places, halves away from zero, in whole numbers."""
    units = floor(abs(exact) * 10_000 + Fraction(1, 2))
    return Decimal(units if exact >= 0 else -units).scaleb(-4)


@given(money, rates)
@example(Decimal("1.00005"), Decimal(1))
@example(Decimal("-1.00005"), Decimal(1))
@example(Decimal("0.00015"), Decimal(3))
@example(Decimal("9999999999.99"), Decimal("0.0000000003"))
def test_base_amounts_are_exact_and_rounded_half_up(amount: Decimal, rate: Decimal) -> None:
    """value / CurrencyRate as whole-number arithmetic has it, to the last of the four places."""
    exact = Fraction(amount) / Fraction(rate)
    assume(abs(exact) < 10**23)
    record = {"InvoiceID": INVOICE_ID, "Total": amount, "CurrencyRate": str(rate), "CurrencyCode": "XXX"}
    (row,) = shaped("Invoices", record)
    assert row["TotalAmountBase"] == half_up(exact)
    assert row["TotalAmount"] == half_up(Fraction(amount))


@given(money, money, rates)
def test_net_amounts_in_base_are_rounded_once(gross: Decimal, tax: Decimal, rate: Decimal) -> None:
    """Net is taken from unrounded values, so that rounding happens once, at the end."""
    record = {
        "InvoiceID": INVOICE_ID,
        "LineAmountTypes": "inclusive",
        "CurrencyRate": rate,
        "LineItems": [{"LineAmount": gross, "TaxAmount": tax}],
    }
    net = Fraction(gross) - Fraction(tax)
    assume(abs(net / Fraction(rate)) < 10**23)
    (row,) = shaped("Lines", record)
    assert row["NetAmount"] == half_up(net)
    assert row["NetAmountBase"] == half_up(net / Fraction(rate))


@pytest.mark.parametrize(
    ("currency", "base_amount"),
    [({"CurrencyCode": "NZD"}, Decimal("5.0000")), ({}, Decimal("5.0000")), ({"CurrencyCode": "USD"}, None)],
)
def test_without_a_rate_only_base_currency_has_base_amounts(
    currency: dict[str, str], base_amount: Decimal | None
) -> None:
    """Rate 1 is assumed for the base currency and for no currency at all; for another, nothing is made up."""
    assert value("Invoices", "TotalAmountBase", {"Total": "5"} | currency) == base_amount
    payment = {"Amount": "5", "Invoice": {"InvoiceID": OTHER} | currency}
    assert value("Payments", "AmountBase", payment) == base_amount


@pytest.mark.parametrize("rate", [0, "0.000000"])
def test_a_rate_of_nothing_gives_no_base_amount(rate: Any) -> None:
    """Nothing can be divided by it, and no figure is invented."""
    assert value("Invoices", "TotalAmountBase", {"Total": 5, "CurrencyRate": rate}) is None


def test_a_negative_rate_is_refused() -> None:
    """There is no such rate."""
    with pytest.raises(BadRecord, match="CurrencyRate"):
        value("Invoices", "TotalAmountBase", {"Total": 5, "CurrencyRate": Decimal("-1.5")})


@given(st.integers(0, 10**24 - 1), st.integers(0, 9999))
def test_amounts_reach_power_bi_digit_for_digit(whole: int, places: int) -> None:
    """All 28 digits of Power BI's Decimal arrive from Xero's bytes in the bytes that are sent."""
    written = f"{whole}.{places:04}"
    record = wire.decode(f'{{"InvoiceID":"{INVOICE_ID}","Total":{written}}}'.encode())
    (row,) = shaped("Invoices", record)
    assert f'"TotalAmount":{written},'.encode() in powerbi_rows.encode(0, row).json


@pytest.mark.parametrize("huge", ["1e24", "999999999999999999999999.99995", "-1e60", "1e400", "1e99999999"])
def test_an_amount_beyond_power_bis_digits_is_refused_by_name(huge: str) -> None:
    """More than 24 digits before the point: a BadRecord, never a wrong or infinite figure."""
    for table, column in (("Invoices", "Total"), ("Invoices", "TotalDiscount")):
        with pytest.raises(BadRecord, match=column):
            shaped(table, {"InvoiceID": INVOICE_ID, column: wire.decode(huge.encode())})


# Texts.

texts = st.text(
    st.characters(codec="utf-8") | st.sampled_from("é🧾👩‍👩‍👧ह्रि\U0001f1f3\U0001f1ff"),
    min_size=1,
    max_size=20,
)


def units(text: str) -> int:
    """Length as Power BI counts it: characters beyond U+FFFF weigh two."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@given(texts, st.integers(1, 4200))
def test_a_long_text_is_cut_to_4000_units_between_characters(pattern: str, times: int) -> None:
    """At most 4,000 UTF-16 units, ending with an ellipsis, a beginning of the whole, and never half a character."""
    whole = (pattern * times)[:9000]
    kept = cut(whole)
    assert kept is not None
    if units(whole) <= 4000:
        assert kept == whole
        return
    assert kept.endswith("…")
    assert whole.startswith(kept[:-1])
    assert units(kept) == 4000 or (units(kept) == 3999 and units(whole[len(kept) - 1]) == 2)
    assert not any(unicodedata.category(character) == "Cs" for character in kept)


@pytest.mark.parametrize(
    ("whole", "kept"),
    [
        ("a" * 4000, "a" * 4000),
        ("a" * 4001, "a" * 3999 + "…"),
        ("🧾" * 2000, "🧾" * 2000),
        ("🧾" * 2001, "🧾" * 1999 + "…"),
        ("a" + "🧾" * 2000, "a" + "🧾" * 1999 + "…"),
        ("", ""),
        (None, None),
    ],
)
def test_texts_at_the_limit(whole: str | None, kept: str | None) -> None:
    """4,000 units fit; one more costs two characters' place for the ellipsis of one."""
    assert cut(whole) == kept


# Days.


@pytest.mark.parametrize(
    ("fields", "day"),
    [
        ({"DueDateString": "2026-04-24T00:00:00", "DueDate": "/Date(0)/"}, "2026-04-24T00:00:00"),
        ({"DueDateString": "2026-04-24"}, "2026-04-24T00:00:00"),
        ({"DueDateString": None, "DueDate": "/Date(1777075199999+1300)/"}, "2026-04-24T00:00:00"),
        ({"DueDate": "/Date(-2208988800000+0000)/"}, "1900-01-01T00:00:00"),
        ({"DueDate": "/Date(-62135596800000)/"}, "0001-01-01T00:00:00"),
        ({"DueDate": "9999-12-31T00:00:00"}, "9999-12-31T00:00:00"),
        ({"DueDate": ""}, None),
    ],
)
def test_a_day_is_the_organisations_own(fields: dict[str, Any], day: str | None) -> None:
    """Xero's DueDateString before its /Date()/, whose UTC date is the day; far-off days are kept as they are."""
    assert value("Invoices", "DueDate", fields) == day


# Nulls, empty arrays, wrong types.

NULLABLE = [(table.name, column.name) for table in TABLES.values() for column in table.columns]


@pytest.mark.parametrize("empty", [{}, None, []])
def test_what_xero_leaves_out_is_null_and_never_zero(empty: Any) -> None:
    """Left out, null and the empty array that stands for a null object: null in every column but the keys' own."""
    own = {"TenantID", "LineKey", "DocumentKey", "DocumentKind", "DocumentID", "LineNumber", "IsMarker"}
    for table in TABLES.values():
        field = RESOURCES[table.resources[0]].id_field
        record = {field: OTHER}
        if empty != {}:
            nested = ("Contact", "Balances", "Account", "Invoice", "CreditNote", "BatchPayment", "LineItems")
            record |= dict.fromkeys(nested, empty)
        (row,) = table.shape(source(record))
        own |= {field, table.version_key}
        assert {name for name, found in row.items() if found is not None} <= own


PLACES_OF_WRONG_VALUES = [
    ("Invoices", {"Total": "twelve"}, "Total"),
    ("Invoices", {"Total": True}, "Total"),
    ("Invoices", {"Total": {}}, "Total"),
    ("Invoices", {"DueDate": "soon"}, "DueDate"),
    ("Invoices", {"DueDate": 12}, "DueDate"),
    ("Invoices", {"Contact": "Ann"}, "Contact.ContactID"),
    ("Invoices", {"Contact": [{"ContactID": OTHER}]}, "Contact.ContactID"),
    ("Invoices", {"SentToContact": "maybe"}, "SentToContact"),
    ("Invoices", {"Status": ["PAID"]}, "Status"),
    ("Invoices", {"CurrencyRate": "1e400"}, "CurrencyRate"),
    ("Lines", {"LineItems": "none"}, "LineItems"),
    ("Lines", {"LineItems": ""}, "LineItems"),
    ("Lines", {"LineItems": {}}, "LineItems"),
    ("Lines", {"LineItems": False}, "LineItems"),
    ("Lines", {"LineItems": [None]}, "LineItems"),
    ("Lines", {"LineItems": [{"Tracking": "North"}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": 0}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": [7]}]}, "Tracking"),
    ("Lines", {"LineItems": [{"Tracking": [{"Name": {}}]}]}, "Tracking.Name"),
    ("Lines", {"LineItems": [{"Quantity": "many"}]}, "Quantity"),
    ("Lines", {"LineAmountTypes": True, "LineItems": [{"LineAmount": 1}]}, "LineAmountTypes"),
    ("Lines", {"InvoiceID": None}, "InvoiceID"),
    ("Lines", {"InvoiceID": {"a": 1}}, "InvoiceID"),
    ("Lines", {"InvoiceID": "i" * 5000}, "InvoiceID"),
    ("Payments", {"Invoice": "INV-1"}, "Invoice"),
    ("Payments", {"Invoice": {"CurrencyCode": "NZD", "Contact": "Ann"}}, "Contact"),
    ("Payments", {"Invoice": {"CurrencyCode": {}}}, "CurrencyCode"),
    ("Payments", {"BatchPaymentID": {}}, "BatchPaymentID"),
    ("Payments", {"BatchPayment": "b"}, "BatchPayment"),
    ("Payments", {"Account": {"AccountID": True}}, "Account.AccountID"),
    ("Contacts", {"Balances": {"AccountsReceivable": 5}}, "Balances.AccountsReceivable"),
    ("Contacts", {"MergedToContactID": "m" * 5000}, "MergedToContactID"),
    ("Organisations", {"FinancialYearEndDay": "31.5"}, "FinancialYearEndDay"),
    ("Organisations", {"FinancialYearEndDay": "1e30"}, "FinancialYearEndDay"),
    ("Organisations", {"PeriodLockDate": "/Date(1e9)/"}, "PeriodLockDate"),
]


@pytest.mark.parametrize(("table", "fields", "named"), PLACES_OF_WRONG_VALUES)
def test_a_field_of_the_wrong_type_is_refused_by_name(table: str, fields: dict[str, Any], named: str) -> None:
    """The record is bad as a whole, and the error says which field; nothing is dropped and nothing guessed."""
    with pytest.raises(BadRecord) as refused:
        value(table, "TenantID", fields)
    assert refused.value.field.startswith(named)
    assert named in str(refused.value)


# Whole records, as wrong as JSON allows.

FULL: dict[str, dict[str, Any]] = {
    "Invoices": INCLUSIVE | {"CurrencyRate": Decimal("1.5"), "FullyPaidOnDate": "/Date(0)/"},
    "Payments": PAYMENT
    | {
        "Invoice": {
            "InvoiceID": DOCUMENT_ID,
            "InvoiceNumber": "INV-1",
            "CurrencyCode": "USD",
            "Contact": {"ContactID": CONTACT_ID},
        },
        "BatchPayment": {"BatchPaymentID": OTHER},
    },
    "Contacts": {
        "ContactID": CONTACT_ID,
        "IsSupplier": True,
        "Balances": {
            "AccountsReceivable": {"Outstanding": 1, "Overdue": "2"},
            "AccountsPayable": {"Overdue": 3},
        },
        "MergedToContactID": OTHER,
        "UpdatedDateUTC": "/Date(0)/",
    },
    "Accounts": {"AccountID": OTHER, "Code": "200", "AddToWatchlist": False, "UpdatedDateUTC": "/Date(1)/"},
    "Organisation": {
        "OrganisationID": OTHER,
        "FinancialYearEndDay": 31,
        "PeriodLockDate": "/Date(0)/",
        "CreatedDateUTC": "/Date(0)/",
        "IsDemoCompany": True,
    },
}
FIELDS = sorted(
    {column.name for table in TABLES.values() for column in table.columns} | set(INCLUSIVE) | set(PAYMENT)
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "",
            "true",
            "12.50",
            "/Date(0)/",
            "/Date(253402300799999)/",
            "/Date(-62135596800000)/",
            "2024-02-29T00:00:00",
            "0001-01-01T00:00:00+14:00",
            "1e60",
            "-1e-60",
            "x" * 4001,
            "🧾" * 2500,
            10**24,
            2**53,
            Decimal("1e400"),
            Decimal("1e-400"),
        ]
    )
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def paths(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record."""
    children: Any = (
        found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    )
    for name, child in children:
        yield (*path, name)
        yield from paths(child, (*path, name))


@st.composite
def damaged(draw: st.DrawFn, resource: str) -> dict[str, Any]:
    """A good record with one to three of its values replaced by anything."""
    record: dict[str, Any] = copy.deepcopy(FULL[resource])
    for _ in range(draw(st.integers(1, 3))):
        *parents, name = draw(st.sampled_from(list(paths(record))))
        inside: Any = record
        for parent in parents:
            inside = inside[parent]
        inside[name] = draw(anything)
    return record


def fits(type_: Type, found: Any) -> bool:
    """Whether Power BI takes a value for a column of this type, by Microsoft's list of data types."""
    if found is None:
        return True
    match type_:
        case "Int64":
            return type(found) is int and abs(found) < 2**63
        case "Double":
            return type(found) is float and isfinite(found)
        case "Boolean":
            return type(found) is bool
        case "String":
            return type(found) is str and units(found) <= 4000
        case "Decimal":
            exponent = found.as_tuple().exponent if type(found) is Decimal else None
            return exponent == -4 and len(found.as_tuple().digits) <= 28
        case "DateTime":
            return (
                type(found) is str
                and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found) is not None
                and datetime.fromisoformat(found) is not None
            )


def check(resource: str, record: dict[str, Any]) -> None:
    for table in fed_by(resource):
        try:
            rows = table.shape(source(record))
        except BadRecord as refused:
            assert refused.field
            assert str(refused)
            continue
        assert rows, "at least one row a record in each table that it feeds"
        for row in rows:
            assert list(row) == [column.name for column in table.columns]
            for column in table.columns:
                assert fits(column.type, row[column.name]), (column.name, row[column.name])
            powerbi_rows.encode(0, row)


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_undamaged_records_have_rows(resource: str) -> None:
    """What the next tests damage is good to begin with."""
    for table in fed_by(resource):
        assert table.shape(source(FULL[resource]))
    check(resource, FULL[resource])


@pytest.mark.parametrize("resource", RESOURCES)
@settings(max_examples=120)
@given(data=st.data())
def test_a_damaged_record_fits_the_schema_or_is_refused(resource: str, data: st.DataObject) -> None:
    """Rows with exactly the declared columns and types, or a BadRecord that names a field: there is no third way."""
    check(resource, data.draw(damaged(resource)))


@pytest.mark.parametrize("resource", RESOURCES)
@settings(max_examples=60)
@given(record=st.dictionaries(st.sampled_from(FIELDS), anything, max_size=8))
def test_any_record_fits_the_schema_or_is_refused(resource: str, record: dict[str, Any]) -> None:
    """The same for records that never were good."""
    check(resource, record)
