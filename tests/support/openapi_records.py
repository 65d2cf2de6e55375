"""A full record of every resource, by hand: each field that Xero answers, as section 7 of the facts says it is written.

From the endpoints' pages and Xero's recorded answers; not from the OpenAPI file, which these records are held against.
"""

from decimal import Decimal
from typing import Any

Record = dict[str, Any]

TENANT = "0b5f2c1e-3a44-4b0e-9a57-6b1d5a2f9c10"
DAY, DAY_TEXT = "/Date(1767225600000+0000)/", "2026-01-01T00:00:00"
STAMP, STAMP_TEXT = "/Date(1767262445123+0000)/", "2026-01-01T10:14:05Z"
_KINDS = (
    *(
        "Organisation",
        "Accounts",
        "Contacts",
        "Items",
        "TaxRates",
        "TrackingCategories",
        "Invoices",
        "CreditNotes",
    ),
    *("Payments", "Prepayments", "Overpayments", "BankTransactions", "BankTransfers", "PurchaseOrders"),
    *("ManualJournals", "Journals", "Lines", "Options", "Others"),
)


def guid(kind: str, number: int = 1) -> str:
    """The id of the n-th record of a resource; ids ascend with the number."""
    return f"{number:08x}-0000-4000-8000-{_KINDS.index(kind) + 1:012x}"


def money(text: str) -> Decimal:
    return Decimal(text)


def books() -> dict[str, list[Record]]:
    """Three records of every resource, and the one organisation."""
    return {
        name: [record(name, number) for number in ((1,) if name == "Organisation" else (1, 2, 3))]
        for name in RESOURCES
    }


def _days(*names: str) -> Record:
    return dict.fromkeys(names, DAY) | {f"{name}String": DAY_TEXT for name in names}


_CONTACT = {
    "ContactID": guid("Contacts"),
    "Name": "Café Larkspur",
    "Addresses": [],
    "Phones": [],
    "ContactGroups": [],
    "ContactPersons": [],
    "HasValidationErrors": False,
}
_TRACKING = {
    "TrackingCategoryID": guid("TrackingCategories"),
    "TrackingOptionID": guid("Options"),
    "Name": "Region",
    "Option": "North",
}
_LINE = {
    "LineItemID": guid("Lines"),
    "Description": "Beans, 1 kg",
    "ItemCode": "BEANS-1",
    "Item": {"ItemID": guid("Items"), "Name": "Beans", "Code": "BEANS-1"},
    "Quantity": money("2.0000"),
    "UnitAmount": money("60.0000"),
    "DiscountRate": money("10.00"),
    "DiscountAmount": money("12.0000"),
    "LineAmount": money("108.00"),
    "TaxType": "OUTPUT",
    "TaxAmount": money("10.80"),
    "AccountCode": "200",
    "AccountID": guid("Accounts"),
    "Tracking": [_TRACKING],
}
_TOTALS = {
    "CurrencyCode": "USD",
    "CurrencyRate": money("0.6543210000"),
    "LineAmountTypes": "Exclusive",
    "SubTotal": money("108.00"),
    "TotalTax": money("10.80"),
    "Total": money("118.80"),
}
_ACCOUNT = {"AccountID": guid("Accounts"), "Code": "090", "Name": "Everyday Account"}
_ALLOCATION = {
    "AllocationID": guid("Others", 9),
    "Invoice": {"InvoiceID": guid("Invoices"), "InvoiceNumber": "INV-1"},
    "Amount": money("18.80"),
    "Date": DAY,
}
_PAYMENT = {
    "PaymentID": guid("Payments"),
    "Date": DAY,
    "Amount": money("100.00"),
    "Reference": "Cheque 7",
    "CurrencyRate": money("0.6543210000"),
    "HasAccount": False,
    "HasValidationErrors": False,
}


def record(resource: str, number: int = 1) -> Record:
    """The n-th full record of a resource; records differ in their ids and stamps."""
    made = dict(_RECORDS[resource])
    key = next(name for name, value in made.items() if value in (guid(resource), "OUTPUT"))
    if resource == "TaxRates":
        made[key] = f"OUTPUT{number}"
    elif resource != "Organisation":
        made[key] = guid(resource, number)
    if "UpdatedDateUTC" in made:
        made["UpdatedDateUTC"] = f"/Date({1767262445123 + 1000 * number}+0000)/"
    if resource == "Journals":
        made["JournalNumber"] = number
    return made


_RECORDS: dict[str, Record] = {
    "Organisation": {
        "OrganisationID": guid("Organisation"),
        "APIKey": "KEY",
        "Name": "Larkspur Trading",
        "LegalName": "Larkspur Trading Pty Ltd",
        "PaysTax": True,
        "Version": "AU",
        "OrganisationType": "COMPANY",
        "BaseCurrency": "AUD",
        "CountryCode": "AU",
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "RegistrationNumber": "53004085616",
        "TaxNumber": "53004085616",
        "FinancialYearEndDay": 30,
        "FinancialYearEndMonth": 6,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Exclusive",
        "PeriodLockDate": DAY,
        "EndOfYearLockDate": DAY,
        "CreatedDateUTC": STAMP,
        "OrganisationEntityType": "COMPANY",
        "Timezone": "AUSEASTERNSTANDARDTIME",
        "ShortCode": "!23eYt",
        "Class": "PREMIUM",
        "Edition": "BUSINESS",
        "LineOfBusiness": "Wholesale",
        "Addresses": [{"AddressType": "STREET", "AddressLine1": "1 Larkspur Lane", "City": "Sydney"}],
        "Phones": [{"PhoneType": "OFFICE", "PhoneNumber": "5550100", "PhoneAreaCode": "02"}],
        "ExternalLinks": [{"LinkType": "Website", "Url": "https://larkspur.example"}],
        "PaymentTerms": {
            "Bills": {"Day": 20, "Type": "OFFOLLOWINGMONTH"},
            "Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"},
        },
    },
    "Accounts": {
        "AccountID": guid("Accounts"),
        "Code": "090",
        "Name": "Everyday Account",
        "Status": "ACTIVE",
        "Type": "BANK",
        "TaxType": "BASEXCLUDED",
        "Class": "ASSET",
        "Description": "What comes in and goes out",
        "SystemAccount": "",
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "BankAccountNumber": "062000123456",
        "BankAccountType": "",
        "CurrencyCode": "AUD",
        "ReportingCode": "ASS",
        "ReportingCodeName": "Assets",
        "HasAttachments": False,
        "AddToWatchlist": True,
        "UpdatedDateUTC": STAMP,
    },
    "Contacts": {
        "ContactID": guid("Contacts"),
        "MergedToContactID": guid("Contacts", 9),
        "ContactNumber": "C-1",
        "AccountNumber": "A-1",
        "ContactStatus": "ACTIVE",
        "Name": "Café Larkspur",
        "FirstName": "Ann",
        "LastName": "Lark",
        "CompanyNumber": "123",
        "EmailAddress": "ann@larkspur.example",
        "BankAccountDetails": "",
        "TaxNumber": "53004085616",
        "AccountsReceivableTaxType": "OUTPUT",
        "AccountsPayableTaxType": "INPUT",
        "Addresses": [
            {"AddressType": "POBOX", "City": "Sydney", "Region": "NSW", "PostalCode": "2000", "Country": ""}
        ],
        "Phones": [
            {"PhoneType": "MOBILE", "PhoneNumber": "5550100", "PhoneAreaCode": "", "PhoneCountryCode": "61"}
        ],
        "ContactPersons": [
            {"FirstName": "Bo", "LastName": "Lark", "EmailAddress": "", "IncludeInEmails": True}
        ],
        "IsSupplier": True,
        "IsCustomer": True,
        "DefaultCurrency": "AUD",
        "SalesDefaultAccountCode": "200",
        "PurchasesDefaultAccountCode": "300",
        "SalesTrackingCategories": [{"TrackingCategoryName": "Region", "TrackingOptionName": "North"}],
        "PurchasesTrackingCategories": [],
        "PaymentTerms": {"Sales": {"Day": 14, "Type": "DAYSAFTERBILLDATE"}},
        "ContactGroups": [{"ContactGroupID": guid("Others", 2), "Name": "Cafés", "Status": "ACTIVE"}],
        "Website": "https://larkspur.example",
        "Discount": money("5.00"),
        "Balances": {
            "AccountsReceivable": {"Outstanding": money("118.80"), "Overdue": money("0.00")},
            "AccountsPayable": {"Outstanding": money("0.00"), "Overdue": money("0.00")},
        },
        "HasAttachments": False,
        "HasValidationErrors": False,
        "UpdatedDateUTC": STAMP,
    },
    "Items": {
        "ItemID": guid("Items"),
        "Code": "BEANS-1",
        "Name": "Beans",
        "Description": "Beans, 1 kg",
        "PurchaseDescription": "Beans, sack",
        "PurchaseDetails": {"UnitPrice": money("40.0000"), "COGSAccountCode": "310", "TaxType": "INPUT"},
        "SalesDetails": {"UnitPrice": money("60.0000"), "AccountCode": "200", "TaxType": "OUTPUT"},
        "IsTrackedAsInventory": True,
        "InventoryAssetAccountCode": "630",
        "TotalCostPool": money("3636.36"),
        "QuantityOnHand": money("91.0000"),
        "IsSold": True,
        "IsPurchased": True,
        "UpdatedDateUTC": STAMP,
    },
    "TaxRates": {
        "TaxType": "OUTPUT",
        "Name": "GST on Income",
        "ReportTaxType": "OUTPUT",
        "Status": "ACTIVE",
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": False,
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": True,
        "DisplayTaxRate": money("10.0000"),
        "EffectiveRate": money("10.0000"),
        "TaxComponents": [
            {"Name": "GST", "Rate": money("10.0000"), "IsCompound": False, "IsNonRecoverable": False}
        ],
    },
    "TrackingCategories": {
        "TrackingCategoryID": guid("TrackingCategories"),
        "Name": "Region",
        "Status": "ACTIVE",
        "Options": [
            {
                "TrackingOptionID": guid("Options"),
                "Name": "North",
                "Status": "ACTIVE",
                "HasValidationErrors": False,
                "IsDeleted": False,
                "IsArchived": False,
                "IsActive": True,
            }
        ],
    },
    "Invoices": {
        "Type": "ACCREC",
        "InvoiceID": guid("Invoices"),
        "InvoiceNumber": "INV-1",
        "Reference": "PO 7",
        "Payments": [_PAYMENT],
        "CreditNotes": [
            {
                "CreditNoteID": guid("CreditNotes"),
                "CreditNoteNumber": "CN-1",
                "ID": guid("CreditNotes"),
                "HasErrors": False,
                "AppliedAmount": money("18.80"),
                **_days("Date"),
                "LineItems": [],
                "Total": money("118.80"),
            }
        ],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": money("0.00"),
        "AmountPaid": money("100.00"),
        "AmountCredited": money("18.80"),
        "IsDiscounted": True,
        "TotalDiscount": money("12.00"),
        "HasAttachments": False,
        "HasErrors": False,
        "InvoiceAddresses": [],
        "Contact": _CONTACT,
        **_days("Date", "DueDate", "ExpectedPaymentDate"),
        "FullyPaidOnDate": DAY,
        "BrandingThemeID": guid("Others"),
        "Url": "https://larkspur.example/1",
        "Status": "PAID",
        "SentToContact": True,
        "RepeatingInvoiceID": guid("Others", 3),
        "LineItems": [{**_LINE, "Tracking": [{**_TRACKING, "Options": []}]}],
        **_TOTALS,
        "UpdatedDateUTC": STAMP,
        "UpdatedDateUTCString": STAMP_TEXT,
    },
    "CreditNotes": {
        "Type": "ACCRECCREDIT",
        "CreditNoteID": guid("CreditNotes"),
        "ID": guid("CreditNotes"),
        "CreditNoteNumber": "CN-1",
        "Reference": "Returned",
        "Contact": _CONTACT,
        **_days("Date", "DueDate"),
        "FullyPaidOnDate": DAY,
        "Status": "PAID",
        "SentToContact": True,
        "LineItems": [_LINE],
        **_TOTALS,
        "RemainingCredit": money("0.00"),
        "AppliedAmount": money("118.80"),
        "Allocations": [_ALLOCATION],
        "Payments": [_PAYMENT],
        "BrandingThemeID": guid("Others"),
        "HasAttachments": False,
        "HasErrors": False,
        "InvoiceAddresses": [],
        "UpdatedDateUTC": STAMP,
        "UpdatedDateUTCString": STAMP_TEXT,
    },
    "Payments": {
        "PaymentID": guid("Payments"),
        "BatchPaymentID": guid("Others", 4),
        "BatchPayment": {
            "Account": {"AccountID": guid("Accounts")},
            "BatchPaymentID": guid("Others", 4),
            "Date": DAY,
            "Type": "RECBATCH",
            "Status": "AUTHORISED",
            "TotalAmount": "100.00",
            "UpdatedDateUTC": STAMP,
            "IsReconciled": "true",
        },
        "Date": DAY,
        "Amount": money("100.00"),
        "BankAmount": money("152.83"),
        "Reference": "Cheque 7",
        "CurrencyRate": money("0.6543210000"),
        "PaymentType": "ACCRECPAYMENT",
        "Status": "AUTHORISED",
        "IsReconciled": True,
        "HasAccount": True,
        "HasValidationErrors": False,
        "Account": _ACCOUNT,
        "Invoice": {
            "Type": "ACCREC",
            "InvoiceID": guid("Invoices"),
            "InvoiceNumber": "INV-1",
            "CurrencyCode": "USD",
            "Contact": {"ContactID": guid("Contacts"), "Name": "Café Larkspur"},
            "LineItems": [],
        },
        "UpdatedDateUTC": STAMP,
        "UpdatedDateUTCString": STAMP_TEXT,
    },
    "Prepayments": {
        "Type": "RECEIVE-PREPAYMENT",
        "PrepaymentID": guid("Prepayments"),
        "ID": guid("Prepayments"),
        "Reference": "Deposit",
        "InvoiceNumber": "PRE-1",
        "Contact": _CONTACT,
        **_days("Date"),
        "Status": "PAID",
        "LineItems": [_LINE],
        **_TOTALS,
        "RemainingCredit": money("100.00"),
        "AppliedAmount": money("18.80"),
        "Allocations": [_ALLOCATION],
        "Payments": [_PAYMENT],
        "BrandingThemeID": guid("Others"),
        "HasAttachments": False,
        "UpdatedDateUTC": STAMP,
        "UpdatedDateUTCString": STAMP_TEXT,
    },
    "Overpayments": {
        "Type": "RECEIVE-OVERPAYMENT",
        "OverpaymentID": guid("Overpayments"),
        "ID": guid("Overpayments"),
        "Reference": "Too much",
        "Contact": _CONTACT,
        **_days("Date"),
        "Status": "AUTHORISED",
        "LineItems": [{**_LINE, "DiscountEnteredAsPercent": True, "ValidationErrors": []}],
        **_TOTALS,
        "RemainingCredit": money("100.00"),
        "AppliedAmount": money("18.80"),
        "Allocations": [_ALLOCATION],
        "Payments": [_PAYMENT],
        "HasAttachments": False,
        "UpdatedDateUTC": STAMP,
        "UpdatedDateUTCString": STAMP_TEXT,
    },
    "BankTransactions": {
        "Type": "SPEND",
        "BankTransactionID": guid("BankTransactions"),
        "BatchPayment": {"BatchPaymentID": guid("Others", 4), "Type": "PAYBATCH", "Status": "AUTHORISED"},
        "BankAccount": _ACCOUNT,
        "PrepaymentID": guid("Prepayments"),
        "OverpaymentID": guid("Overpayments"),
        "Contact": _CONTACT,
        **_days("Date"),
        "Reference": "Rent",
        "Url": "https://larkspur.example/rent",
        "Status": "AUTHORISED",
        "IsReconciled": True,
        "LineItems": [_LINE],
        **_TOTALS,
        "HasAttachments": False,
        "UpdatedDateUTC": STAMP,
    },
    "BankTransfers": {
        "BankTransferID": guid("BankTransfers"),
        "FromBankAccount": _ACCOUNT,
        "ToBankAccount": {"AccountID": guid("Accounts", 2), "Code": "091", "Name": "Savings Account"},
        "FromBankTransactionID": guid("BankTransactions"),
        "ToBankTransactionID": guid("BankTransactions", 2),
        "FromIsReconciled": True,
        "ToIsReconciled": False,
        "FromTracking": [_TRACKING],
        "ToTracking": [],
        "Amount": money("500.00"),
        "CurrencyRate": money("1.000000"),
        **_days("Date"),
        "Reference": "Put by",
        "Status": "AUTHORISED",
        "HasAttachments": False,
        "CreatedDateUTC": STAMP,
        "CreatedDateUTCString": STAMP_TEXT,
    },
    "PurchaseOrders": {
        "PurchaseOrderID": guid("PurchaseOrders"),
        "PurchaseOrderNumber": "PO-1",
        "Reference": "Beans",
        "Type": "PURCHASEORDER",
        "Contact": _CONTACT,
        **_days("Date", "DeliveryDate"),
        "ExpectedArrivalDate": DAY,
        "DeliveryAddress": "1 Larkspur Lane",
        "AttentionTo": "Ann",
        "Telephone": "5550100",
        "DeliveryInstructions": "At the back",
        "BrandingThemeID": guid("Others"),
        "Status": "AUTHORISED",
        "SentToContact": True,
        "IsDiscounted": True,
        "TotalDiscount": money("12.00"),
        "HasErrors": False,
        "LineItems": [_LINE],
        **_TOTALS,
        "HasAttachments": False,
        "UpdatedDateUTC": STAMP,
    },
    "ManualJournals": {
        "ManualJournalID": guid("ManualJournals"),
        "Narration": "Depreciation",
        "Date": DAY,
        "Status": "POSTED",
        "LineAmountTypes": "NoTax",
        "Url": "https://larkspur.example/journal",
        "ShowOnCashBasisReports": True,
        "HasAttachments": False,
        "JournalLines": [
            {
                "LineAmount": money(amount),
                "AccountCode": code,
                "AccountID": guid("Accounts"),
                "Description": "Depreciation",
                "TaxType": "BASEXCLUDED",
                "TaxAmount": money("0.00"),
                "Tracking": [_TRACKING],
                "IsBlank": False,
            }
            for amount, code in (("100.00", "416"), ("-100.00", "711"))
        ],
        "UpdatedDateUTC": STAMP,
    },
    "Journals": {
        "JournalID": guid("Journals"),
        "JournalDate": DAY,
        "JournalNumber": 1,
        "CreatedDateUTC": STAMP,
        "Reference": "INV-1",
        "SourceID": guid("Invoices"),
        "SourceType": "ACCREC",
        "JournalLines": [
            {
                "JournalLineID": guid("Lines", 7),
                "AccountID": guid("Accounts"),
                "AccountCode": "200",
                "AccountType": "REVENUE",
                "AccountName": "Sales",
                "Description": "Beans, 1 kg",
                "NetAmount": money("-108.00"),
                "GrossAmount": money("-118.80"),
                "TaxAmount": money("-10.80"),
                "TaxType": "OUTPUT",
                "TaxName": "GST on Income",
                "TrackingCategories": [
                    {"TrackingCategoryID": guid("TrackingCategories"), "Name": "Region", "Option": "North"}
                ],
            }
        ],
    },
}
RESOURCES = tuple(_RECORDS)
