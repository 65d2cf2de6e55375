"""One record of each resource, as full as Xero writes them, and its rows asked of the tables."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from shared.tables import TABLES
from shared.tables.lists import Lists, TaxRate
from shared.tables.table import Row, Source

Record = dict[str, Any]

TENANT = "9f8e7d6c-5b4a-4938-8271-605f4e3d2c1b"
OTHER = "11111111-2222-4333-8444-555555555555"
CONTACT_ID = "C0FFEE00-0000-4000-8000-00000000000B"
CONTACT_KEY = f"{TENANT}|{CONTACT_ID.lower()}"
INVOICE_ID = "2A1B3C4D-0000-4000-8000-00000000000A"
# Which field holds a record's id, as Xero's pages have it.
ID_FIELDS = {
    "Organisation": "OrganisationID",
    "Accounts": "AccountID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
    "Items": "ItemID",
    "Contacts": "ContactID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Prepayments": "PrepaymentID",
    "Overpayments": "OverpaymentID",
    "PurchaseOrders": "PurchaseOrderID",
    "ManualJournals": "ManualJournalID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "Payments": "PaymentID",
    "Journals": "JournalID",
    "TrialBalance": "Through",
    "ProfitAndLoss": "Through",
    "BankSummary": "Through",
    "Calendar": "CalendarID",
    "AgingBuckets": "AgingBucketsID",
    "SyncStatus": "SyncStatusID",
}
_CONTACT = {"ContactID": CONTACT_ID, "Name": "Ngā Toi & Söhne", "Addresses": [], "Phones": []}


def id_of(resource: str) -> str:
    """The id of the one record below; in capitals, since keys are in lower case."""
    return f"{list(ID_FIELDS).index(resource):08X}-0000-4000-8000-ABCDEFABCDEF"


def key_of(resource: str) -> str:
    return f"{TENANT}|{id_of(resource).lower()}"


INVOICE: Record = {
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
    "Contact": _CONTACT,
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
            "Item": {"ItemID": "ABABABAB-0000-4000-8000-000000000001", "Name": "T-Shirt", "Code": "TSHIRT"},
            "Description": "T-shirts",
            "Quantity": Decimal("2.0000"),
            "UnitAmount": "34.50",
            "TaxType": "OUTPUT2",
            "TaxAmount": Decimal("9.00"),
            "LineAmount": Decimal("69.00"),
            "AccountCode": 200,
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000001",
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
            "Item": [],
            "Tracking": [],
        },
    ],
    "SubTotal": Decimal("106.00"),
    "TotalTax": Decimal("9.00"),
    "Total": Decimal("115.00"),
    "UpdatedDateUTC": "/Date(1774999999999+0000)/",
    "CurrencyCode": "NZD",
}
CREDIT_NOTE: Record = {
    "CreditNoteID": id_of("CreditNotes"),
    "CreditNoteNumber": "CN-0001",
    "ID": id_of("CreditNotes"),
    "Reference": "RMA 12",
    "Type": "ACCRECCREDIT",
    "Status": "AUTHORISED",
    "Contact": _CONTACT,
    "DateString": "2026-04-02T00:00:00",
    "Date": "/Date(1775088000000+0000)/",
    "DueDateString": "2026-04-03T00:00:00",
    "DueDate": "/Date(1775174400000+0000)/",
    "LineAmountTypes": "Exclusive",
    "LineItems": [{"LineAmount": Decimal("50.00"), "TaxAmount": Decimal("7.50"), "AccountCode": "200"}],
    "SubTotal": Decimal("50.00"),
    "TotalTax": Decimal("7.50"),
    "Total": Decimal("57.50"),
    "RemainingCredit": Decimal("17.50"),
    "AppliedAmount": Decimal("40.00"),
    "CurrencyCode": "USD",
    "CurrencyRate": Decimal("0.5"),
    "BrandingThemeID": OTHER,
    "SentToContact": "true",
    "HasAttachments": False,
    "Allocations": [
        {
            "AllocationID": "a1",
            "Amount": Decimal("30.00"),
            "DateString": "2026-04-05T00:00:00",
            "Date": "/Date(1775347200000+0000)/",
            "Invoice": {"InvoiceID": INVOICE_ID, "InvoiceNumber": "INV-0042", "LineItems": []},
            "IsDeleted": False,
        },
        {"Amount": "10.00", "Date": "/Date(1775433600000+0000)/", "Invoice": {"InvoiceID": OTHER}},
    ],
    "Payments": [],
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
    "UpdatedDateUTCString": "2026-04-06T00:00:00",
}
PREPAYMENT: Record = {
    "PrepaymentID": id_of("Prepayments"),
    "Type": "RECEIVE-PREPAYMENT",
    "Status": "PAID",
    "Reference": "INV-0042",
    "InvoiceNumber": "PP-1",
    "Contact": _CONTACT,
    "Date": "/Date(1775088000000+0000)/",
    "LineAmountTypes": "NoTax",
    "LineItems": [{"Description": "Deposit", "LineAmount": "80.00", "TaxAmount": 0}],
    "SubTotal": "80.00",
    "TotalTax": 0,
    "Total": Decimal("80.00"),
    "RemainingCredit": Decimal("0.00"),
    "AppliedAmount": 80,
    "CurrencyCode": "USD",
    "CurrencyRate": Decimal("0.64"),
    "BrandingThemeID": OTHER,
    "HasAttachments": True,
    "Allocations": [
        {"Amount": 80, "Date": "/Date(1775347200000+0000)/", "Invoice": {"InvoiceID": INVOICE_ID}}
    ],
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
OVERPAYMENT: Record = {
    "OverpaymentID": id_of("Overpayments"),
    "Type": "SPEND-OVERPAYMENT",
    "Status": "AUTHORISED",
    "Reference": "Paid twice",
    "Contact": _CONTACT,
    "DateString": "2026-04-02T00:00:00",
    "LineAmountTypes": "NoTax",
    "LineItems": [],
    "SubTotal": Decimal("20.00"),
    "TotalTax": Decimal("0.00"),
    "Total": Decimal("20.00"),
    "RemainingCredit": Decimal("20.00"),
    "AppliedAmount": Decimal("0"),
    "CurrencyCode": "NZD",
    "CurrencyRate": Decimal("1.000000"),
    "HasAttachments": "false",
    "Allocations": [],
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
PURCHASE_ORDER: Record = {
    "PurchaseOrderID": id_of("PurchaseOrders"),
    "PurchaseOrderNumber": "PO-0007",
    "Reference": "Spring",
    "Type": "PURCHASEORDER",
    "Status": "BILLED",
    "Contact": _CONTACT,
    "DateString": "2026-04-02T00:00:00",
    "DeliveryDate": "/Date(1775433600000+0000)/",
    "ExpectedArrivalDate": "/Date(1775520000000+0000)/",
    "LineAmountTypes": "Exclusive",
    "LineItems": [
        {
            "Quantity": 3,
            "UnitAmount": Decimal("10.1234"),
            "LineAmount": Decimal("30.37"),
            "TaxAmount": "4.56",
            "DiscountAmount": Decimal("1.5"),
            "DiscountRate": 5,
        }
    ],
    "SubTotal": Decimal("30.37"),
    "TotalTax": Decimal("4.56"),
    "Total": Decimal("34.93"),
    "TotalDiscount": "1.50",
    "CurrencyCode": "NZD",
    "BrandingThemeID": OTHER,
    "AttentionTo": "Receiving dock",
    "DeliveryAddress": "1 Quay St\nAuckland",
    "DeliveryInstructions": "Ring twice",
    "Telephone": 6421555,
    "SentToContact": False,
    "HasAttachments": False,
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
MANUAL_JOURNAL: Record = {
    "ManualJournalID": id_of("ManualJournals"),
    "Narration": "Accrued audit fee",
    "Status": "POSTED",
    "Date": "/Date(1775088000000+0000)/",
    "LineAmountTypes": "Inclusive",
    "ShowOnCashBasisReports": "false",
    "Url": "https://example.com/audit",
    "HasAttachments": False,
    "JournalLines": [
        {
            "Description": "Audit",
            "LineAmount": Decimal("115.00"),
            "TaxAmount": Decimal("15.00"),
            "TaxType": "INPUT2",
            "AccountCode": "412",
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000002",
            "Tracking": [{"TrackingCategoryID": "T1", "Name": "Region", "Option": "North"}],
            "IsBlank": False,
        },
        {"Description": "Accruals", "LineAmount": "-115.00", "TaxAmount": 0, "AccountCode": "805"},
    ],
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
BANK_TRANSACTION: Record = {
    "BankTransactionID": id_of("BankTransactions"),
    "Type": "RECEIVE-PREPAYMENT",
    "Status": "AUTHORISED",
    "Reference": "Deposit",
    "Contact": _CONTACT,
    "BankAccount": {"AccountID": "EEEEEEEE-0000-4000-8000-000000000001", "Code": "090", "Name": "Main"},
    "DateString": "2026-04-02T00:00:00",
    "Date": "/Date(1775088000000+0000)/",
    "LineAmountTypes": "NoTax",
    "LineItems": [{"Description": "Deposit", "LineAmount": "80.00", "TaxAmount": 0}],
    "SubTotal": "80.00",
    "TotalTax": 0,
    "Total": Decimal("80.00"),
    "CurrencyCode": "USD",
    "CurrencyRate": Decimal("0.64"),
    "PrepaymentID": id_of("Prepayments"),
    "IsReconciled": "true",
    "Url": "https://example.com/slip",
    "HasAttachments": False,
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
BANK_TRANSFER: Record = {
    "BankTransferID": id_of("BankTransfers"),
    "Status": "AUTHORISED",
    "Reference": "To savings",
    "DateString": "2026-04-02T00:00:00",
    "Date": "/Date(1775088000000+0000)/",
    "FromBankAccount": {"AccountID": "EEEEEEEE-0000-4000-8000-000000000001", "Name": "USD account"},
    "ToBankAccount": {"AccountID": "EEEEEEEE-0000-4000-8000-000000000002", "Name": "Main"},
    "Amount": Decimal("100.00"),
    "CurrencyRate": Decimal("0.581234"),
    "FromBankTransactionID": "DDDDDDDD-0000-4000-8000-000000000001",
    "ToBankTransactionID": "DDDDDDDD-0000-4000-8000-000000000002",
    "FromIsReconciled": True,
    "ToIsReconciled": "false",
    "HasAttachments": False,
    "CreatedDateUTC": "/Date(1775088000123+0000)/",
}
PAYMENT: Record = {
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
ITEM: Record = {
    "ItemID": id_of("Items"),
    "Code": "TSHIRT",
    "Name": "T-Shirt",
    "Description": "T-shirt, black",
    "PurchaseDescription": "T-shirt from the mill",
    "IsSold": True,
    "IsPurchased": "true",
    "IsTrackedAsInventory": True,
    "InventoryAssetAccountCode": "630",
    "SalesDetails": {"UnitPrice": Decimal("34.5"), "AccountCode": 200, "TaxType": "OUTPUT2"},
    "PurchaseDetails": {
        "UnitPrice": "12.3456",
        "AccountCode": "630",
        "COGSAccountCode": "310",
        "TaxType": "INPUT2",
    },
    "QuantityOnHand": Decimal("12.0000"),
    "TotalCostPool": Decimal("148.15"),
    "UpdatedDateUTC": "/Date(1775433600000+0000)/",
}
TAX_RATE: Record = {
    "TaxType": "OUTPUT2",
    "Name": "15% GST on Income",
    "Status": "ACTIVE",
    "ReportTaxType": "OUTPUT",
    "DisplayTaxRate": Decimal("15.0000"),
    "EffectiveRate": 15,
    "CanApplyToAssets": True,
    "CanApplyToEquity": "true",
    "CanApplyToExpenses": False,
    "CanApplyToLiabilities": "FALSE",
    "CanApplyToRevenue": True,
    "TaxComponents": [{"Name": "GST", "Rate": 15}],
}
TRACKING_CATEGORY: Record = {
    "TrackingCategoryID": id_of("TrackingCategories"),
    "Name": "Region",
    "Status": "ACTIVE",
    "Options": [
        {
            "TrackingOptionID": OTHER,
            "Name": "North",
            "Status": "ACTIVE",
            "IsActive": True,
            "IsArchived": False,
            "IsDeleted": False,
        },
        {"Name": "Old", "Status": "ARCHIVED"},
    ],
}
JOURNAL: Record = {
    "JournalID": id_of("Journals"),
    "JournalNumber": 1001,
    "JournalDate": "/Date(1775088000000+0000)/",
    "CreatedDateUTC": "/Date(1775433600987+0000)/",
    "Reference": "INV-0042",
    "SourceID": INVOICE_ID,
    "SourceType": "ACCREC",
    "JournalLines": [
        {
            "JournalLineID": OTHER,
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000001",
            "AccountCode": "610",
            "AccountType": "CURRENT",
            "AccountName": "Accounts Receivable",
            "Description": "T-shirts",
            "NetAmount": Decimal("115.00"),
            "GrossAmount": "115.00",
            "TaxAmount": 0,
            "TaxType": "NONE",
            "TaxName": "No GST",
            "TrackingCategories": [
                {"TrackingCategoryID": "T1", "Name": "Region", "Option": "North"},
                {"TrackingCategoryID": "T2", "Name": "Team", "Option": "Blue"},
            ],
        },
        {"AccountCode": "200", "NetAmount": Decimal("-100.00"), "TaxAmount": Decimal("-15.00")},
    ],
}
_OF_SALES = [{"Value": "BBBBBBBB-0000-4000-8000-000000000001", "Id": "account"}]
TRIAL_BALANCE: Record = {
    "Through": "2026-11-30",
    "ReportID": "TrialBalance",
    "ReportTitles": ["Trial Balance", "Ngā Toi", "As at 30 November 2026"],
    "Rows": [
        {
            "RowType": "Header",
            "Cells": [{"Value": word} for word in ("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")],
        },
        {
            "RowType": "Section",
            "Title": "Revenue",
            "Rows": [
                {
                    "RowType": "Row",
                    "Cells": [
                        {"Value": "Sales (200)", "Attributes": _OF_SALES},
                        *(
                            {"Value": value, "Attributes": _OF_SALES}
                            for value in ("", "1,234.50", "0.00", "(7.25)")
                        ),
                    ],
                }
            ],
        },
        {
            "RowType": "Section",
            "Title": "",
            "Rows": [{"RowType": "SummaryRow", "Cells": [{"Value": "Total"}, *({"Value": "0.00"},) * 4]}],
        },
    ],
}
PROFIT_AND_LOSS: Record = {
    "Through": "2026-11-30",
    "ReportID": "ProfitAndLoss",
    "Rows": [
        {"RowType": "Header", "Cells": [{"Value": ""}, {"Value": "30 Nov 26"}]},
        {
            "RowType": "Section",
            "Title": "Income",
            "Rows": [
                {
                    "RowType": "Row",
                    "Cells": [
                        {"Value": "Sales", "Attributes": _OF_SALES},
                        {"Value": "1234.50", "Attributes": _OF_SALES},
                    ],
                },
                {"RowType": "SummaryRow", "Cells": [{"Value": "Total Income"}, {"Value": "1234.50"}]},
            ],
        },
        {
            "RowType": "Section",
            "Title": "",
            "Rows": [{"RowType": "Row", "Cells": [{"Value": "Net Profit"}, {"Value": "1234.50"}]}],
        },
    ],
}


def _bank_row(kind: str, name: str, opening: str, account: str = "") -> Record:
    attributes = {"Attributes": [{"Value": account, "Id": "accountID"}]} if account else {}
    return {
        "RowType": kind,
        "Cells": [
            {"Value": name} | attributes,
            *({"Value": value} for value in (opening, "110.00", "9.00", "101.00")),
        ],
    }


BANK_SUMMARY: Record = {
    "Through": "2024-07-01",
    "ReportID": "BankSummary",
    "ReportType": "BankSummary",
    "Rows": [
        {
            "RowType": "Header",
            "Cells": [
                {"Value": word}
                for word in (
                    "Bank Accounts",
                    "Opening Balance",
                    "Cash Received",
                    "Cash Spent",
                    "Closing Balance",
                )
            ],
        },
        {
            "RowType": "Section",
            "Title": "",
            "Rows": [
                _bank_row("Row", "Main", "1,234.50", OTHER),
                _bank_row("Row", "Card", "(99.00)", CONTACT_ID),
                _bank_row("Row", "New", "0.00", INVOICE_ID),
                _bank_row("SummaryRow", "Total", "1135.50"),
            ],
        },
    ],
}
FULL: dict[str, Record] = {
    "Organisation": {
        "OrganisationID": OTHER,
        "FinancialYearEndDay": 31,
        "PeriodLockDate": "/Date(0)/",
        "CreatedDateUTC": "/Date(0)/",
        "IsDemoCompany": True,
    },
    "Accounts": {"AccountID": OTHER, "Code": "200", "AddToWatchlist": False, "UpdatedDateUTC": "/Date(1)/"},
    "TaxRates": TAX_RATE,
    "TrackingCategories": TRACKING_CATEGORY,
    "Items": ITEM,
    "Contacts": {
        "ContactID": CONTACT_ID,
        "IsSupplier": True,
        "Balances": {
            "AccountsReceivable": {"Outstanding": 1, "Overdue": "2"},
            "AccountsPayable": {"Outstanding": 4, "Overdue": 3},
        },
        "MergedToContactID": OTHER,
        "UpdatedDateUTC": "/Date(0)/",
    },
    "Invoices": INVOICE | {"CurrencyRate": Decimal("1.5"), "FullyPaidOnDate": "/Date(0)/"},
    "CreditNotes": CREDIT_NOTE,
    "Prepayments": PREPAYMENT,
    "Overpayments": OVERPAYMENT
    | {"LineItems": [{"LineAmount": 20}], "Allocations": [{"Amount": 1, "Invoice": {"InvoiceID": OTHER}}]},
    "PurchaseOrders": PURCHASE_ORDER,
    "ManualJournals": MANUAL_JOURNAL,
    "BankTransactions": BANK_TRANSACTION | {"OverpaymentID": OTHER},
    "BankTransfers": BANK_TRANSFER,
    "Payments": PAYMENT
    | {
        "Invoice": {
            "InvoiceID": INVOICE_ID,
            "InvoiceNumber": "INV-1",
            "CurrencyCode": "USD",
            "Contact": {"ContactID": CONTACT_ID},
        },
        "CreditNote": {"CreditNoteID": OTHER},
        "BatchPayment": {"BatchPaymentID": OTHER},
    },
    "Journals": JOURNAL,
    "TrialBalance": TRIAL_BALANCE,
    "ProfitAndLoss": PROFIT_AND_LOSS,
    "BankSummary": BANK_SUMMARY,
    "Calendar": {"CalendarID": "2026", "Year": 2026, "YearEndMonth": 3, "YearEndDay": 31},
    "AgingBuckets": {"AgingBucketsID": "buckets", "Days": [30, 60, 90]},
    "SyncStatus": {
        "SyncStatusID": "Invoices",
        "FreshAsOf": "2026-11-23T09:00:00",
        "Today": "2026-11-23",
        "StartDate": "2026-01-01",
        "IsRebuilding": False,
        "IsVerified": None,
        "Quarantined": 1,
        "Parked": "connect again",
        "Trouble": None,
        "UpdatedAtUTC": "2026-11-23T09:01:00",
    },
}


# The organisation's own lists: the third slot is that of TRACKING_CATEGORY.
LISTS = Lists(
    tax_rates={"OUTPUT2": TaxRate("15% GST on Income", Decimal(15)), "NONE": TaxRate("No GST", Decimal(0))},
    slots={"t1": 1, "t2": 2, id_of("TrackingCategories").lower(): 3},
    categories={"t1": "Region", "t2": "Team"},
)
# What a real line says that has no tracking.
UNTRACKED: Record = {f"Tracking{slot}Option": "Unassigned" for slot in range(1, 5)}


def source(resource: str, record: Mapping[str, Any], base: str = "NZD", lists: Lists = LISTS) -> Source:
    return Source(
        tenant_id=TENANT,
        base_currency=base,
        resource=resource,
        record=record,
        document=record,
        lists=lists,
    )


def shaped(
    table: str,
    record: Mapping[str, Any],
    resource: str = "",
    base: str = "NZD",
    lists: Lists = LISTS,
) -> list[Row]:
    """A record's rows of a table; the resource is the table's first unless told."""
    declared = TABLES[table]
    return declared.shape(source(resource or declared.resources[0], record, base, lists))


def value(table: str, column: str, record: Mapping[str, Any]) -> Any:
    """One column of a record's first row. The id is there unless the record brings its own."""
    id_field = ID_FIELDS[TABLES[table].resources[0]]
    return shaped(table, {id_field: OTHER} | dict(record))[0][column]


def half_up(exact: Fraction) -> Decimal:
    """Rounded to four places, halves away from zero, in whole numbers."""
    units = floor(abs(exact) * 10_000 + Fraction(1, 2))
    return Decimal(units if exact >= 0 else -units).scaleb(-4)


def units(text: str) -> int:
    """Length as Power BI counts it: characters beyond U+FFFF weigh two."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)
