"""The comparison finds every kind of planted difference, and finds none where there is none.

Xero's records and Power BI's rows are both written here by hand.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, Response, jsonify
from hypothesis import given
from hypothesis import strategies as st

from local.company import generate
from local.comparison import Difference, TableComparison, compare, differences, expected_rows, in_scope, same
from local.expected import TABLES, amount, converted, day, instant, number, text, truth
from local.simulation import Served

TENANT = "0b5f2c1e-3a44-4b0e-9a57-6b1d5a2f9c10"
USD, DRAFT, PAID = "aa000000-0000-4000-8000-000000000001", "aa000000-0000-4000-8000-00000000000B", "aa-3"
PAYMENT, CONTACT, ACCOUNT, ORGANISATION = "bb-1", "cc-1", "dd-1", "ee-1"

Rows = dict[str, list[dict[str, Any]]]


def xero() -> dict[str, list[dict[str, Any]]]:
    """A foreign invoice of two lines, a draft without lines, a paid bill, its payment; as Xero sends them."""
    return {
        "Organisation": [
            {
                "Name": "Larkspur",
                "LegalName": "Larkspur Pty Ltd",
                "Version": "AU",
                "OrganisationType": "COMPANY",
                "BaseCurrency": "AUD",
                "CountryCode": "AU",
                "IsDemoCompany": False,
                "OrganisationStatus": "ACTIVE",
                "TaxNumber": "11 111 111 111",
                "FinancialYearEndDay": 30,
                "FinancialYearEndMonth": "6",
                "SalesTaxBasis": "ACCRUALS",
                "SalesTaxPeriod": "QUARTERLY1",
                "PeriodLockDate": "/Date(1254268800000+0000)/",
                "CreatedDateUTC": "/Date(1584566350680)/",
                "Timezone": "AUSEASTERNSTANDARDTIME",
                "ShortCode": "!1lqVQ",
                "OrganisationID": ORGANISATION,
                "Edition": "BUSINESS",
                "Class": "ULTRA",
            }
        ],
        "Accounts": [
            {
                "AccountID": ACCOUNT,
                "Name": "Everyday Trading Account",
                "Status": "ACTIVE",
                "Type": "BANK",
                "TaxType": "NONE",
                "Class": "ASSET",
                "SystemAccount": "",
                "EnablePaymentsToAccount": "true",
                "BankAccountNumber": "062000-1",
                "BankAccountType": "BANK",
                "CurrencyCode": "AUD",
                "HasAttachments": False,
                "UpdatedDateUTC": "/Date(1600000000000+0000)/",
            }
        ],
        "Contacts": [
            {
                "ContactID": CONTACT,
                "ContactStatus": "ARCHIVED",
                "Name": "Sunrise Café 🥐",
                "EmailAddress": "",
                "IsSupplier": "false",
                "IsCustomer": True,
                "DefaultCurrency": "USD",
                "Balances": {
                    "AccountsReceivable": {"Outstanding": "760.005", "Overdue": 0.00},
                    "AccountsPayable": [],
                },
                "MergedToContactID": "CC-2",
                "UpdatedDateUTC": "/Date(1480467600999+1300)/",
            }
        ],
        "Invoices": [
            {
                "Type": "ACCREC",
                "InvoiceID": USD,
                "InvoiceNumber": "INV-7",
                "Reference": "",
                "AmountDue": 220.00,
                "AmountPaid": "0.00",
                "AmountCredited": 0.00,
                "SentToContact": True,
                "CurrencyRate": 0.654321,
                "IsDiscounted": "true",
                "HasAttachments": False,
                "Contact": {"ContactID": CONTACT, "Name": "Sunrise Café"},
                "DateString": "2026-03-01T00:00:00",
                "Date": "/Date(1772366400000+0000)/",
                "DueDate": "/Date(1774915200000+0000)/",
                "Status": "AUTHORISED",
                "LineAmountTypes": "inclusive",
                "LineItems": [
                    {
                        "ItemCode": "CUP-08",
                        "Description": "Paper cup",
                        "UnitAmount": 115.79,
                        "TaxType": "OUTPUT",
                        "TaxAmount": 10.00,
                        "LineAmount": 110.00,
                        "AccountCode": "200",
                        "Tracking": [
                            {"Name": "Region", "Option": "North", "TrackingCategoryID": "t1", "Options": []},
                            {"Name": "Channel", "Option": "Web", "TrackingCategoryID": "t2", "Options": []},
                        ],
                        "Quantity": "1.0000",
                        "DiscountRate": 5,
                        "LineItemID": "l1",
                    },
                    {"Description": "Lids", "LineAmount": 110.00, "AccountID": "a1", "LineItemID": "l2"},
                ],
                "SubTotal": 210.00,
                "TotalTax": 10.00,
                "Total": 220.00,
                "TotalDiscount": 5.79,
                "UpdatedDateUTC": "/Date(1772582400999+0000)/",
                "CurrencyCode": "USD",
            },
            {
                "Type": "ACCREC",
                "InvoiceID": DRAFT,
                "Contact": {"ContactID": CONTACT, "Name": "Sunrise Café"},
                "Status": "DRAFT",
                "LineAmountTypes": "Exclusive",
                "LineItems": [],
                "Total": 0.00,
                "CurrencyCode": "EUR",
                "UpdatedDateUTC": "/Date(1500000000000)/",
            },
            {
                "Type": "ACCPAY",
                "InvoiceID": PAID,
                "InvoiceNumber": "77",
                "Contact": {"ContactID": CONTACT, "Name": "Sunrise Café"},
                "Date": "/Date(-86400000+0000)/",
                "Status": "PAID",
                "LineAmountTypes": "Exclusive",
                "LineItems": [{"LineAmount": 33.33, "TaxAmount": 3.33, "LineItemID": "l3", "Tracking": []}],
                "Total": 36.66,
                "FullyPaidOnDate": "/Date(1772366400000+0000)/",
                "UpdatedDateUTC": "/Date(1400000000000+0000)/",
            },
        ],
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
            }
        ],
    }


def key(identifier: str) -> str:
    return f"{TENANT}|{identifier.lower()}"


def power_bi() -> Rows:
    """The rows that must stand in Power BI for `xero()`, worked out by hand; numbers as JSON has them."""
    common = {"TenantID": TENANT, "RowVersion": 1_790_000_000_000, "IsDeleted": False}
    invoice = {
        **common,
        **dict.fromkeys(
            (
                *(
                    "InvoiceNumber",
                    "Reference",
                    "Date",
                    "DueDate",
                    "ExpectedPaymentDate",
                    "PlannedPaymentDate",
                ),
                *("FullyPaidOnDate", "CurrencyCode", "CurrencyRate", "SubTotal", "TotalTax", "TotalDiscount"),
                *(
                    "AmountDue",
                    "AmountPaid",
                    "AmountCredited",
                    "SubTotalBase",
                    "TotalTaxBase",
                    "TotalAmountBase",
                ),
                *("AmountDueBase", "AmountPaidBase", "AmountCreditedBase", "BrandingThemeID", "Url"),
                *("RepeatingInvoiceID", "SentToContact", "HasAttachments", "IsDiscounted"),
            )
        ),
        "ContactID": CONTACT,
        "ContactKey": key(CONTACT),
        "ContactName": "Sunrise Café",
    }
    line = {
        **common,
        "DocumentKind": "Invoice",
        "ContactKey": key(CONTACT),
        "IsMarker": False,
        **dict.fromkeys(
            (
                *(
                    "LineItemID",
                    "Description",
                    "Quantity",
                    "UnitAmount",
                    "ItemCode",
                    "AccountCode",
                    "AccountID",
                ),
                *("TaxType", "TaxAmount", "LineAmount", "NetAmount", "NetAmountBase", "TaxAmountBase"),
                *(
                    "DiscountRate",
                    "DiscountAmount",
                    "Tracking1CategoryID",
                    "Tracking1Category",
                    "DocumentDate",
                ),
                *(
                    "Tracking1Option",
                    "Tracking2CategoryID",
                    "Tracking2Category",
                    "Tracking2Option",
                    "CurrencyCode",
                ),
            )
        ),
    }
    usd_line = {
        **line,
        "DocumentKey": key(USD),
        "DocumentID": USD,
        "DocumentType": "ACCREC",
        "DocumentStatus": "AUTHORISED",
        "DocumentDate": "2026-03-01T00:00:00",
        "CurrencyCode": "USD",
        "LineAmount": 110,
    }
    return {
        "Organisations": [
            {
                **common,
                "OrganisationKey": key(ORGANISATION),
                "OrganisationID": ORGANISATION,
                "Name": "Larkspur",
                "LegalName": "Larkspur Pty Ltd",
                "Version": "AU",
                "OrganisationType": "COMPANY",
                "OrganisationStatus": "ACTIVE",
                "BaseCurrency": "AUD",
                "CountryCode": "AU",
                "IsDemoCompany": False,
                "FinancialYearEndDay": 30,
                "FinancialYearEndMonth": 6,
                "Timezone": "AUSEASTERNSTANDARDTIME",
                "ShortCode": "!1lqVQ",
                "TaxNumber": "11 111 111 111",
                "SalesTaxBasis": "ACCRUALS",
                "SalesTaxPeriod": "QUARTERLY1",
                "Edition": "BUSINESS",
                "Class": "ULTRA",
                "PeriodLockDate": "2009-09-30T00:00:00",
                "EndOfYearLockDate": None,
                "CreatedDateUTC": "2020-03-18T21:19:10",
            }
        ],
        "Accounts": [
            {
                **common,
                "AccountKey": key(ACCOUNT),
                "AccountID": ACCOUNT,
                "Code": None,
                "Name": "Everyday Trading Account",
                "Type": "BANK",
                "Class": "ASSET",
                "Status": "ACTIVE",
                "TaxType": "NONE",
                "Description": None,
                "CurrencyCode": "AUD",
                "BankAccountNumber": "062000-1",
                "BankAccountType": "BANK",
                "SystemAccount": "",
                "EnablePaymentsToAccount": True,
                "ShowInExpenseClaims": None,
                "AddToWatchlist": None,
                "ReportingCode": None,
                "ReportingCodeName": None,
                "HasAttachments": False,
                "UpdatedDateUTC": "2020-09-13T12:26:40",
            }
        ],
        "Contacts": [
            {
                **common,
                "ContactKey": key(CONTACT),
                "ContactID": CONTACT,
                "Name": "Sunrise Café 🥐",
                "ContactNumber": None,
                "AccountNumber": None,
                "ContactStatus": "ARCHIVED",
                "FirstName": None,
                "LastName": None,
                "EmailAddress": "",
                "TaxNumber": None,
                "IsSupplier": False,
                "IsCustomer": True,
                "DefaultCurrency": "USD",
                "ReceivableOutstanding": Decimal("760.005"),
                "ReceivableOverdue": 0,
                "PayableOutstanding": None,
                "PayableOverdue": None,
                "MergedToContactID": "CC-2",
                "MergedToContactKey": key("cc-2"),
                "HasAttachments": None,
                "UpdatedDateUTC": "2016-11-30T01:00:00",
            }
        ],
        "Invoices": [
            {
                **invoice,
                "InvoiceKey": key(USD),
                "InvoiceID": USD,
                "InvoiceNumber": "INV-7",
                "Reference": "",
                "Type": "ACCREC",
                "Status": "AUTHORISED",
                "Date": "2026-03-01T00:00:00",
                "DueDate": "2026-03-31T00:00:00",
                "LineAmountTypes": "inclusive",
                "CurrencyCode": "USD",
                "CurrencyRate": Decimal("0.654321"),
                "SubTotal": 210,
                "TotalTax": 10,
                "TotalAmount": 220,
                "TotalDiscount": Decimal("5.79"),
                "AmountDue": 220,
                "AmountPaid": 0,
                "AmountCredited": 0,
                "SubTotalBase": Decimal("320.9434"),
                "TotalTaxBase": Decimal("15.2830"),
                "TotalAmountBase": Decimal("336.2264"),
                "AmountDueBase": Decimal("336.2264"),
                "AmountPaidBase": 0,
                "AmountCreditedBase": 0,
                "SentToContact": True,
                "HasAttachments": False,
                "IsDiscounted": True,
                "UpdatedDateUTC": "2026-03-04T00:00:00",
            },
            {
                **invoice,
                "InvoiceKey": key(DRAFT),
                "InvoiceID": DRAFT,
                "Type": "ACCREC",
                "Status": "DRAFT",
                "LineAmountTypes": "Exclusive",
                "CurrencyCode": "EUR",
                "TotalAmount": 0,
                "UpdatedDateUTC": "2017-07-14T02:40:00",
            },
            {
                **invoice,
                "InvoiceKey": key(PAID),
                "InvoiceID": PAID,
                "InvoiceNumber": "77",
                "Type": "ACCPAY",
                "Status": "PAID",
                "Date": "1969-12-31T00:00:00",
                "FullyPaidOnDate": "2026-03-01T00:00:00",
                "LineAmountTypes": "Exclusive",
                "TotalAmount": Decimal("36.66"),
                "TotalAmountBase": Decimal("36.66"),
                "UpdatedDateUTC": "2014-05-13T16:53:20",
            },
        ],
        "Lines": [
            {
                **usd_line,
                "LineKey": f"{key(USD)}|1",
                "LineNumber": 1,
                "LineItemID": "l1",
                "Description": "Paper cup",
                "Quantity": 1,
                "UnitAmount": Decimal("115.79"),
                "ItemCode": "CUP-08",
                "AccountCode": "200",
                "TaxType": "OUTPUT",
                "TaxAmount": 10,
                "NetAmount": 100,
                "NetAmountBase": Decimal("152.8302"),
                "TaxAmountBase": Decimal("15.2830"),
                "DiscountRate": 5,
                "Tracking1CategoryID": "t1",
                "Tracking1Category": "Region",
                "Tracking1Option": "North",
                "Tracking2CategoryID": "t2",
                "Tracking2Category": "Channel",
                "Tracking2Option": "Web",
            },
            {
                **usd_line,
                "LineKey": f"{key(USD)}|2",
                "LineNumber": 2,
                "LineItemID": "l2",
                "Description": "Lids",
                "AccountID": "a1",
                "NetAmount": 110,
                "NetAmountBase": Decimal("168.1132"),
            },
            {
                **line,
                "DocumentKey": key(DRAFT),
                "LineKey": f"{key(DRAFT)}|0",
                "DocumentID": DRAFT,
                "DocumentType": "ACCREC",
                "DocumentStatus": "DRAFT",
                "CurrencyCode": "EUR",
                "LineNumber": 0,
                "IsMarker": True,
            },
            {
                **line,
                "DocumentKey": key(PAID),
                "LineKey": f"{key(PAID)}|1",
                "DocumentID": PAID,
                "DocumentType": "ACCPAY",
                "DocumentStatus": "PAID",
                "DocumentDate": "1969-12-31T00:00:00",
                "LineNumber": 1,
                "LineItemID": "l3",
                "LineAmount": Decimal("33.33"),
                "TaxAmount": Decimal("3.33"),
                "NetAmount": Decimal("33.33"),
                "NetAmountBase": Decimal("33.33"),
                "TaxAmountBase": Decimal("3.33"),
            },
        ],
        "Payments": [
            {
                **common,
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
                "PrepaymentID": None,
                "OverpaymentID": "op-1",
                "ContactID": "CC-9",
                "ContactKey": key("cc-9"),
                "BatchPaymentID": "bp-1",
                "UpdatedDateUTC": "2014-05-13T16:53:20",
            }
        ],
    }


def compared(
    rows: Rows,
    records: dict[str, Any] | None = None,
    start: date | None = None,
    quarantined: Iterable[str] = (),
) -> dict[str, TableComparison]:
    columns = {name: list(held[0]) for name, held in power_bi().items()}
    wanted = expected_rows(records or xero(), TENANT, start, list(quarantined))
    return {
        name: differences(
            expected,
            TENANT,
            columns[name],
            [[row.get(column) for column in columns[name]] for row in rows.get(name, [])],
        )
        for name, expected in wanted.items()
    }


def mismatches(result: dict[str, TableComparison]) -> list[Difference]:
    return [found for table in result.values() for found in table.mismatches]


def test_nothing_differs() -> None:
    """Rows that show Xero's records exactly give no mismatch, and the counts agree."""
    result = compared(power_bi())
    assert mismatches(result) == []
    counts = {
        name: (found.xero_records, found.powerbi_rows, found.powerbi_current)
        for name, found in result.items()
    }
    assert counts == {
        "Invoices": (3, 3, 3),
        "Lines": (3, 4, 3),
        "Payments": (1, 1, 1),
        "Contacts": (1, 1, 1),
        "Accounts": (1, 1, 1),
        "Organisations": (1, 1, 1),
    }


CELLS = [
    (table, place, column)
    for table, held in power_bi().items()
    for place, row in enumerate(held)
    for column in row
    if column not in ("TenantID", "RowVersion")
]


@pytest.mark.parametrize(("table", "place", "column"), CELLS)
def test_any_changed_cell_is_found(table: str, place: int, column: str) -> None:
    """A wrong value in any column of any row is reported under that row and column, and nothing else is."""
    rows = power_bi()
    row = rows[table][place]
    old = row[column]
    row[column] = _other(old)
    found = compared(rows)
    assert all(not result.mismatches for name, result in found.items() if name != table)
    (declared,) = (one for one in TABLES if one.name == table)
    problems = {one.problem for one in found[table].mismatches}
    if column in (declared.key, declared.row_key):
        assert problems == {"missing", "extra"}
    else:
        (difference,) = found[table].mismatches
        assert (difference.problem, difference.column) == ("differs", column)
        assert difference.key == row[declared.row_key]
        assert column in str(difference)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + Decimal("0.0001")
    if value is None:
        return ""
    return f"{value} "


@pytest.mark.parametrize("table", list(power_bi()))
def test_a_missing_record_is_found(table: str) -> None:
    """A record of Xero without a row is missing."""
    rows = power_bi()
    (declared,) = (one for one in TABLES if one.name == table)
    gone = rows[table][0][declared.key]
    rows[table] = [row for row in rows[table] if row[declared.key] != gone]
    found = compared(rows)[table]
    assert [(one.problem, one.key) for one in found.mismatches] == [("missing", gone)]
    assert found.powerbi_current < found.xero_records


@pytest.mark.parametrize("table", list(power_bi()))
def test_an_extra_record_is_found_unless_deleted(table: str) -> None:
    """A current row of no record of Xero is extra; once marked as deleted it is as it must be."""
    (declared,) = (one for one in TABLES if one.name == table)
    for deleted in (False, True):
        rows = power_bi()
        row = deepcopy(rows[table][0])
        row[declared.key] = row[declared.row_key] = f"{TENANT}|ff"
        row["IsDeleted"] = deleted
        rows[table].append(row)
        found = compared(rows)[table]
        assert [one.problem for one in found.mismatches] == ([] if deleted else ["extra"])
        assert found.powerbi_current == found.xero_records + (not deleted)


def test_a_deletion_that_did_not_happen_is_found() -> None:
    """A record that Xero still has must not be marked as deleted."""
    rows = power_bi()
    rows["Invoices"].append(rows["Invoices"][0] | {"RowVersion": 1_790_000_000_001, "IsDeleted": True})
    (difference,) = mismatches(compared(rows))
    assert (difference.column, difference.xero, difference.powerbi) == ("IsDeleted", False, True)


def test_superseded_rows_do_not_matter() -> None:
    """What older versions show is history, whatever the order of the rows."""
    rows = power_bi()
    for table, held in rows.items():
        old = [row | {"RowVersion": 5, "IsDeleted": True} for row in held]
        rows[table] = [*held, *old] if table == "Invoices" else [*old, *held]
    rows["Lines"].append(rows["Lines"][0] | {"LineKey": f"{key(USD)}|9", "LineNumber": 9})
    result = compared(rows)
    assert mismatches(result) == []
    assert result["Invoices"].powerbi_rows == 6
    assert result["Invoices"].powerbi_current == 3


def test_a_stale_current_row_is_found() -> None:
    """When the newest version shows old content, that is a mismatch although an older row is right."""
    rows = power_bi()
    rows["Contacts"].append(rows["Contacts"][0] | {"RowVersion": 1_790_000_000_009, "Name": "Before"})
    (difference,) = mismatches(compared(rows))
    assert (difference.column, difference.powerbi) == ("Name", "Before")


def test_doubled_rows_count_once() -> None:
    """A row pushed twice changes nothing but the number of rows."""
    rows = power_bi()
    result = compared({table: held * 2 for table, held in rows.items()})
    assert mismatches(result) == []
    assert result["Lines"].powerbi_rows == 8
    assert result["Lines"].powerbi_current == 3


def test_unequal_twins_are_found() -> None:
    """Two rows of one key and one version must be equal, in older versions too."""
    for version in (1_790_000_000_000, 4):
        rows = power_bi()
        rows["Payments"].insert(0, rows["Payments"][0] | {"RowVersion": version})
        rows["Payments"].append(rows["Payments"][0] | {"Amount": 1})
        found = mismatches(compared(rows))
        assert [(one.problem, one.column) for one in found] == [("doubled", "Amount")]


def test_missing_and_extra_lines_are_found() -> None:
    """A document shows exactly its lines: one too few or too many is reported by its key."""
    rows = power_bi()
    rows["Lines"][1] = rows["Lines"][0] | {"LineKey": f"{key(USD)}|3", "LineNumber": 3}
    found = mismatches(compared(rows))
    assert {(one.problem, one.key) for one in found} == {
        ("missing", f"{key(USD)}|2"),
        ("extra", f"{key(USD)}|3"),
    }


def test_lines_that_went_away_need_a_marker() -> None:
    """A document that lost its last line shows a marker of a newer version; without it the old lines are extra."""
    records = xero()
    records["Invoices"][0]["LineItems"] = []
    found = mismatches(compared(power_bi(), records))
    assert {one.problem for one in found} == {"missing", "extra"}
    rows = power_bi()
    marker = deepcopy(rows["Lines"][2]) | {
        "DocumentKey": key(USD),
        "LineKey": f"{key(USD)}|0",
        "DocumentID": USD,
        "DocumentStatus": "AUTHORISED",
        "DocumentDate": "2026-03-01T00:00:00",
        "CurrencyCode": "USD",
        "RowVersion": 1_790_000_000_001,
    }
    rows["Lines"].append(marker)
    result = compared(rows, records)
    assert mismatches(result) == []
    assert result["Lines"].powerbi_current == result["Lines"].xero_records == 1


def test_other_organisations_do_not_matter() -> None:
    """Rows of other organisations are not looked at; a row of no organisation is a mismatch."""
    rows = power_bi()
    rows["Accounts"].append(rows["Accounts"][0] | {"TenantID": "another", "Name": "?", "RowVersion": None})
    assert mismatches(compared(rows)) == []
    rows["Accounts"].append(rows["Accounts"][0] | {"TenantID": None})
    assert [one.problem for one in mismatches(compared(rows))] == ["tenant"]


@pytest.mark.parametrize("version", [None, True, 0, -1, Decimal("1.5"), "7", 2**53])
def test_versions_are_whole_numbers(version: Any) -> None:
    """A RowVersion that is not a whole number between 1 and 2^53 cannot say which row is current."""
    rows = power_bi()
    rows["Contacts"].append(rows["Contacts"][0] | {"RowVersion": version})
    assert [one.problem for one in mismatches(compared(rows))] == ["version"]


def test_columns_are_compared_too() -> None:
    """A column that Power BI lacks is a mismatch, and so is one that no rule here explains."""
    wanted = expected_rows(xero(), TENANT)["Accounts"]
    row = power_bi()["Accounts"][0]
    row.pop("Code")
    row["Colour"] = None
    found = differences(wanted, TENANT, list(row), [list(row.values())]).mismatches
    assert {(one.problem, one.column) for one in found} == {("column", "Code"), ("column", "Colour")}


def test_an_unreadable_record_is_told() -> None:
    """A record whose fields break Xero's own rules is a mismatch, until it is named as quarantined."""
    records = xero()
    records["Invoices"][0]["Total"] = "a lot"
    found = mismatches(compared(power_bi(), records))
    assert [(one.problem, one.key) for one in found] == [("unreadable", key(USD))]
    assert "a lot" in str(found[0])
    assert mismatches(compared(power_bi(), records, quarantined=[USD.upper()])) == []


def test_quarantined_records_pass() -> None:
    """Records kept out on purpose may be absent, old or present, and are not counted."""
    rows = power_bi()
    rows["Lines"][0]["Description"] = "an old version"
    rows["Payments"] = []
    result = compared(rows, quarantined=[USD, PAYMENT])
    assert mismatches(result) == []
    assert result["Invoices"].xero_records == result["Invoices"].powerbi_current == 2
    assert result["Lines"].xero_records == result["Lines"].powerbi_current == 1
    assert result["Payments"].xero_records == result["Payments"].powerbi_current == 0


SCOPE: dict[str, tuple[dict[str, Any], bool]] = {
    "dated before": ({}, False),
    "dated on the day": ({"Date": "/Date(1767225600000+0000)/"}, True),
    "dated the day before": ({"Date": "/Date(1767139200000+0000)/"}, False),
    "dated by its string": ({"DateString": "2026-01-01T00:00:00"}, True),
    "without a date": ({"Date": None}, True),
    "updated on the day": ({"UpdatedDateUTC": "/Date(1767225600000+0000)/"}, True),
    "updated a second before": ({"UpdatedDateUTC": "/Date(1767225599999+0000)/"}, False),
    "a draft": ({"Status": "DRAFT"}, True),
    "submitted": ({"Status": "SUBMITTED"}, True),
    "open": ({"Status": "AUTHORISED"}, True),
    "voided": ({"Status": "VOIDED"}, False),
    "of an unknown status": ({"Status": "DISPUTED"}, False),
    "paid within": ({"InvoiceID": "Paid-Within"}, True),
    "paid before": ({"InvoiceID": "paid-before"}, False),
    "paid before, the payment touched within": ({"InvoiceID": "paid-touched"}, True),
}


@pytest.mark.parametrize("case", SCOPE)
def test_scope(case: str) -> None:
    """With a start, records dated or updated since, undated, open or paid since must be there; others need not."""
    changes, wanted = SCOPE[case]
    old = "/Date(1700000000000+0000)/"
    record = {"InvoiceID": "i", "Date": old, "Status": "PAID", "UpdatedDateUTC": old} | changes
    record = {name: value for name, value in record.items() if value is not None}
    within = "/Date(1768000000000+0000)/"
    records: dict[str, list[dict[str, Any]]] = {
        "Organisation": [{"OrganisationID": "o"}],
        "Accounts": [{"AccountID": "a"}],
        "Contacts": [{"ContactID": "c", "UpdatedDateUTC": old}],
        "Invoices": [record],
        "Payments": [
            {
                "PaymentID": "p1",
                "Date": within,
                "UpdatedDateUTC": old,
                "Invoice": {"InvoiceID": "paid-within"},
            },
            {"PaymentID": "p2", "Date": old, "UpdatedDateUTC": old, "Invoice": {"InvoiceID": "paid-before"}},
            {
                "PaymentID": "p3",
                "Date": old,
                "UpdatedDateUTC": within,
                "Invoice": {"InvoiceID": "paid-touched"},
            },
            {"PaymentID": "p4", "Date": within, "UpdatedDateUTC": old, "CreditNote": {"CreditNoteID": "n"}},
        ],
    }
    scope = in_scope(records, date(2026, 1, 1))
    assert (record["InvoiceID"].lower() in scope["Invoices"]) == wanted
    assert scope["Payments"] == {"p1", "p3", "p4"}
    assert (scope["Contacts"], scope["Accounts"], scope["Organisation"]) == ({"c"}, {"a"}, {"o"})
    assert in_scope(records, None)["Invoices"] == {record["InvoiceID"].lower()}


def test_records_beyond_the_scope_may_be_there() -> None:
    """What lies before the start may be absent; when present it must be right, and is counted apart."""
    records = xero()
    records["Payments"] = []
    start = date(2026, 3, 1)
    rows = power_bi() | {"Payments": []}
    result = compared(rows, records, start)
    assert mismatches(result) == []
    invoices = result["Invoices"]
    assert (invoices.xero_records, invoices.powerbi_current, invoices.beyond_scope) == (2, 3, 1)
    assert result["Lines"].beyond_scope == 1
    absent = {
        name: [row for row in held if PAID not in (row.get("InvoiceID"), row.get("DocumentID"))]
        for name, held in rows.items()
    }
    assert mismatches(compared(absent, records, start)) == []
    assert {one.problem for one in mismatches(compared(absent, records))} == {"missing"}
    rows["Invoices"][2]["Status"] = "AUTHORISED"
    assert [one.column for one in mismatches(compared(rows, records, start))] == ["Status"]


BASES: list[tuple[dict[str, Any], object]] = [
    ({"CurrencyCode": "AUD"}, Decimal(10)),
    ({}, Decimal(10)),
    ({"CurrencyCode": "USD"}, None),
    ({"CurrencyCode": "USD", "CurrencyRate": "0.5"}, Decimal(20)),
    ({"CurrencyCode": "AUD", "CurrencyRate": 1.0}, Decimal(10)),
    ({"CurrencyCode": "USD", "CurrencyRate": 3}, Decimal("3.3333")),
    ({"CurrencyCode": "USD", "CurrencyRate": 0}, None),
]


@pytest.mark.parametrize(("currency", "wanted"), BASES)
def test_base_amounts(currency: dict[str, Any], wanted: object) -> None:
    """Base amounts divide by the document's own rate: 1 where a base-currency document omits it, unknown else."""
    records = xero()
    records["Invoices"] = [{"InvoiceID": "x", "Total": 10.0, "LineItems": [{"LineAmount": 10}], **currency}]
    records["Payments"] = [{"PaymentID": "y", "Amount": "10", "Invoice": currency, **currency}]
    wanted_rows = expected_rows(records, TENANT)
    for table, column in (
        ("Invoices", "TotalAmountBase"),
        ("Lines", "NetAmountBase"),
        ("Payments", "AmountBase"),
    ):
        ((row,),) = (held.values() for held in wanted_rows[table].records.values())
        assert row[column] == wanted


@pytest.mark.parametrize("kind", ["Exclusive", "NoTax", None, "EXCLUSIVE"])
def test_only_inclusive_lines_hold_their_tax(kind: str | None) -> None:
    """The net of a line is its amount unless the document's amounts include tax."""
    records = xero()
    records["Invoices"][0]["LineAmountTypes"] = kind
    line = expected_rows(records, TENANT)["Lines"].records[key(USD)][f"{key(USD)}|1"]
    assert line["NetAmount"] == 110


def test_values_must_have_their_kind() -> None:
    """A number written as text, a boolean as a number or a date with a zone is not the same value."""
    moment = datetime(2026, 3, 1)  # noqa: DTZ001
    assert same(Decimal("1.50"), Decimal("1.5"))
    assert same(Decimal("2"), 2)
    assert same(0.654321, Decimal("0.654321"))
    assert same(moment, "2026-03-01T00:00:00")
    assert same(moment, "2026-03-01T00:00:00.000")
    for xero_value, shown in (
        (Decimal("1.5"), "1.5"),
        (Decimal(1), True),
        (1, True),
        (1, Decimal("1.5")),
        (True, 1),
        (False, None),
        (None, ""),
        (None, False),
        ("", None),
        ("1", 1),
        (moment, "2026-03-01T00:00:00Z"),
        (moment, "2026-03-01T00:00:00.003"),
        (moment, "a day"),
        (moment, None),
        (0.654321, Decimal("0.654322")),
    ):
        assert not same(xero_value, shown), (xero_value, shown)


@given(st.integers(-(10**14) // 3, 10**14 // 3), st.sampled_from(["", "+0000", "+1300", "-0930"]))
def test_instants(milliseconds: int, offset: str) -> None:
    """A /Date()/ counts milliseconds since 1970 in UTC whatever its offset; fractions of seconds are cut."""
    moment = instant(f"/Date({milliseconds}{offset})/")
    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert moment == wanted.replace(microsecond=0, tzinfo=None)


@given(st.dates())
def test_days(on: date) -> None:
    """A calendar day is the written one where it is written, else the day in UTC, at any hour of it."""
    midnight = datetime(on.year, on.month, on.day)  # noqa: DTZ001
    start = (on - date(1970, 1, 1)).days * 86_400_000
    for late in (0, 86_399_999):
        assert day({"Date": f"/Date({start + late}+0000)/"}, "Date") == midnight
    assert day({"Date": "/Date(0)/", "DateString": f"{on.isoformat()}T00:00:00"}, "Date") == midnight
    assert day({}, "Date") is None


@pytest.mark.parametrize(
    "value", ["2026-03-01", "Date(1)", "/Date()/", "/Date(1.5)/", "/Date(1+00)/", "/Date(x)/"]
)
def test_what_is_no_instant(value: str) -> None:
    """Anything else is refused rather than guessed."""
    with pytest.raises(ValueError, match="is not a /Date"):
        instant(value)


@given(st.decimals(-(10**10), 10**10, places=4))
def test_numbers(value: Decimal) -> None:
    """A number is the same whether Xero sends it as a JSON number or as a string."""
    assert number(value) == number(str(value)) == value
    assert amount(value) == value


@pytest.mark.parametrize("value", ["", "1,000.00", "NaN", "Infinity", True, [1]])
def test_what_is_no_number(value: object) -> None:
    """Anything else is refused rather than taken for zero."""
    with pytest.raises(ValueError, match="is not a number"):
        number(value)


@given(st.decimals(-(10**8), 10**8, places=6), st.decimals(Decimal("0.000001"), 10**4, places=6))
def test_rounding(value: Decimal, rate: Decimal) -> None:
    """Four places, halves away from zero: never further than half a step from the exact value."""
    half = Decimal("0.00005")
    rounded = amount(value)
    assert rounded is not None
    assert rounded.as_tuple().exponent == -4
    assert abs(rounded - value) <= half
    assert abs(rounded - value) < half or abs(rounded) > abs(value)
    base = converted(value, rate)
    assert base is not None
    assert abs(base * rate - value) <= half * rate


def test_booleans() -> None:
    """Booleans may be words; other words are refused."""
    assert [truth(value) for value in (True, False, "true", "False", None)] == [
        True,
        False,
        True,
        False,
        None,
    ]
    for value in ("yes", 1, ""):
        with pytest.raises(ValueError, match="is not a boolean"):
            truth(value)


LENGTHS: list[tuple[str, str]] = [
    ("x" * 4000, "x" * 4000),
    ("x" * 4001, "x" * 3999 + "…"),
    ("📦" * 2000, "📦" * 2000),
    ("📦" * 2001, "📦" * 1999 + "…"),
    ("x" + "📦" * 2000, "x" + "📦" * 1999 + "…"),
    ("x" * 3998 + "📦📦", "x" * 3998 + "…"),
]


@pytest.mark.parametrize(("written", "shown"), LENGTHS)
def test_long_text_is_cut(written: str, shown: str) -> None:
    """Text beyond 4,000 UTF-16 units ends in an ellipsis, and no character is cut in two."""
    assert text(written) == shown


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(0, 4010))
def test_cut_text_fits(tail: str, before: int) -> None:
    """Whatever the text, what is shown fits into 4,000 units and begins as the text begins."""
    whole = "é" * before + tail
    shown = text(whole)
    assert shown is not None
    assert len(shown.encode("utf-16-le")) <= 8000
    assert shown == whole or whole.startswith(shown.removesuffix("…"))


def test_every_invented_record_is_readable() -> None:
    """The rules know what to make of every awkward value in the invented company's books."""
    books = generate(3, date(2026, 11, 23), documents=400)
    wanted = expected_rows(books["resources"], books["tenant_id"])
    assert all(not expected.unreadable for expected in wanted.values())
    assert len(wanted["Lines"].records) == len(wanted["Invoices"].records) == 400


def serve(answers: dict[str, Callable[[], Response]]) -> Served:
    app = Flask("answers")
    for path, answer in answers.items():
        app.add_url_rule(path, path, answer)
    return Served(app)


def test_compare_reads_both_simulators() -> None:
    """Both sides are read through their control interfaces; a table that is not there lacks all of its records."""
    records, rows = xero(), power_bi()
    rows["Invoices"][0]["Reference"] = "changed"
    tables = [{"name": name, "rows": len(held)} for name, held in rows.items() if name != "Payments"]

    def held_as(name: str) -> Callable[[], Response]:
        columns = list(rows[name][0])
        values = [
            [float(row[column]) if isinstance(row[column], Decimal) else row[column] for column in columns]
            for row in rows[name]
        ]
        return lambda: jsonify(columns=columns, rows=values)

    def listed(resource: str) -> Callable[[], Response]:
        return lambda: jsonify(records=records[resource])

    datasets = [{"id": "d-1", "name": "Xero", "tables": tables}]
    with (
        serve({f"/_sim/records/{TENANT}/{name}": listed(name) for name in records}) as xero_side,
        serve(
            {"/_sim/datasets": lambda: jsonify(datasets)}
            | {
                f"/_sim/datasets/d-1/tables/{table['name']}/rows": held_as(str(table["name"]))
                for table in tables
            }
        ) as powerbi_side,
    ):
        for dataset_id in (None, "d-1"):
            result = compare(xero_side.url, powerbi_side.url, TENANT, dataset_id)
            found = [(one.problem, one.column, one.key) for one in mismatches(result)]
            assert found == [
                ("differs", "Reference", key(USD)),
                ("missing", None, "Payments"),
                ("missing", None, key(PAYMENT)),
            ]
        result = compare(
            xero_side.url, powerbi_side.url, TENANT, start=date(2030, 1, 1), quarantined=[USD, PAYMENT]
        )
        assert [one.key for one in mismatches(result)] == ["Payments"]
        with pytest.raises(LookupError, match="d-2"):
            compare(xero_side.url, powerbi_side.url, TENANT, "d-2")
        datasets.append({"id": "d-3", "name": "Another", "tables": []})
        with pytest.raises(LookupError, match="2 datasets"):
            compare(xero_side.url, powerbi_side.url, TENANT)
