"""Items, tax rates, tracking categories with and without options, journals with and without lines."""

from decimal import Decimal

from tests.support.beside.common import COMMON, MARKER, UNTRACKED, Records, Row, key, nulls

RECORDS: Records = {
    "Items": [
        {
            "ItemID": "IT-1",
            "Code": "CUP-08",
            "Name": "Paper cup, 8 oz",
            "Description": "Sold as cup",
            "PurchaseDescription": "Bought as cup",
            "IsSold": True,
            "IsPurchased": "true",
            "IsTrackedAsInventory": True,
            "InventoryAssetAccountCode": "630",
            "SalesDetails": {"UnitPrice": 0.1234, "AccountCode": "200", "TaxType": "OUTPUT"},
            "PurchaseDetails": {"UnitPrice": "0.05", "COGSAccountCode": "310", "TaxType": "INPUT"},
            "QuantityOnHand": 1200.0000,
            "TotalCostPool": 60.00,
            "UpdatedDateUTC": "/Date(1772582400000+0000)/",
        },
        {
            "ItemID": "it-2",
            "Code": "LID",
            "SalesDetails": [],
            "PurchaseDetails": {"AccountCode": "300"},
            "IsTrackedAsInventory": False,
            "UpdatedDateUTC": "/Date(0)/",
        },
    ],
    "TaxRates": [
        {
            "Name": "GST on Income",
            "TaxType": "OUTPUT",
            "ReportTaxType": "OUTPUT",
            "CanApplyToAssets": True,
            "CanApplyToEquity": "true",
            "CanApplyToExpenses": False,
            "CanApplyToLiabilities": True,
            "CanApplyToRevenue": True,
            "DisplayTaxRate": 10.0000,
            "EffectiveRate": "10.0000",
            "Status": "ACTIVE",
            "TaxComponents": [{"Name": "GST", "Rate": 10.0000, "IsCompound": False}],
        },
        {"Name": "Old", "TaxType": "TAX001", "Status": "DELETED"},
    ],
    "TrackingCategories": [
        {
            "TrackingCategoryID": "T1",
            "Name": "Region",
            "Status": "ACTIVE",
            "Options": [
                {
                    "TrackingOptionID": "o1",
                    "Name": "North",
                    "Status": "ACTIVE",
                    "HasValidationErrors": False,
                    "IsDeleted": True,
                    "IsArchived": False,
                    "IsActive": True,
                },
                {"TrackingOptionID": "o2", "Name": "South", "Status": "ARCHIVED"},
            ],
        },
        {"TrackingCategoryID": "t2", "Name": "Channel", "Status": "ARCHIVED", "Options": []},
        {"TrackingCategoryID": "t3", "Name": "Campaign", "Status": "ARCHIVED", "Options": []},
        {"TrackingCategoryID": "t4", "Name": "Brand", "Status": "ARCHIVED", "Options": []},
    ],
    "Journals": [
        {
            "JournalID": "JO-1",
            "JournalDate": "/Date(1772366400000+0000)/",
            "JournalNumber": 41,
            "CreatedDateUTC": "/Date(1772582400500+0000)/",
            "Reference": "INV-7",
            "SourceID": "aa-1",
            "SourceType": "ACCREC",
            "JournalLines": [
                {
                    "JournalLineID": "jl-1",
                    "AccountID": "A610",
                    "AccountCode": "610",
                    "AccountType": "CURRENT",
                    "AccountName": "Accounts Receivable",
                    "Description": "",
                    "NetAmount": 110.00,
                    "GrossAmount": 110.00,
                    "TaxAmount": 0.00,
                    "TrackingCategories": [
                        {"Name": "Campaign", "Option": "Spring", "TrackingCategoryID": "t3"},
                        {"Name": "Brand", "Option": "Own", "TrackingCategoryID": "t4"},
                    ],
                },
                {
                    "JournalLineID": "jl-2",
                    "AccountID": "a200",
                    "AccountCode": "200",
                    "AccountType": "REVENUE",
                    "AccountName": "Sales",
                    "Description": "Cups",
                    "NetAmount": -100.00,
                    "GrossAmount": "-110.00",
                    "TaxAmount": -10.00,
                    "TaxType": "OUTPUT",
                    "TaxName": "GST on Income",
                    "TrackingCategories": [
                        {
                            "Name": "Region",
                            "Option": "North",
                            "TrackingCategoryID": "t1",
                            "TrackingOptionID": "o1",
                        },
                        {"Name": "Channel", "Option": "Web", "TrackingCategoryID": "t2"},
                    ],
                },
            ],
        },
        {"JournalID": "jo-2", "JournalNumber": "42", "CreatedDateUTC": "/Date(1772582400000)/"},
    ],
}

_JOURNAL_LINE: Row = {
    **COMMON,
    **nulls(
        "JournalDate Reference SourceID SourceType JournalLineID AccountID AccountKey AccountCode AccountType "
        "AccountName Description NetAmount GrossAmount TaxAmount TaxType TaxName"
    ),
    **UNTRACKED,
    "CreatedDateUTC": "2026-03-04T00:00:00",
    "IsMarker": False,
}
_FIRST_JOURNAL: Row = {
    **_JOURNAL_LINE,
    "JournalKey": key("jo-1"),
    "JournalID": "JO-1",
    "JournalNumber": 41,
    "JournalDate": "2026-03-01T00:00:00",
    "Reference": "INV-7",
    "SourceID": "aa-1",
    "SourceType": "ACCREC",
}
_REGION: Row = {
    **COMMON,
    "Slot": 1,
    "TrackingCategoryKey": key("t1"),
    "TrackingCategoryID": "T1",
    "Category": "Region",
    "CategoryStatus": "ACTIVE",
    "IsMarker": False,
}


def _without_options(category: str, name: str, slot: int) -> Row:
    return {
        **COMMON,
        **nulls("TrackingOptionID Option OptionStatus IsActive IsArchived"),
        "Slot": slot,
        "TrackingCategoryKey": key(category),
        "TrackingOptionKey": f"{key(category)}|0",
        "TrackingCategoryID": category,
        "Category": name,
        "CategoryStatus": "ARCHIVED",
        "OptionNumber": 0,
        "IsMarker": True,
    }


ROWS: Records = {
    "Items": [
        {
            **COMMON,
            "ItemKey": key("it-1"),
            "ItemID": "IT-1",
            "Code": "CUP-08",
            "Name": "Paper cup, 8 oz",
            "Description": "Sold as cup",
            "PurchaseDescription": "Bought as cup",
            "IsSold": True,
            "IsPurchased": True,
            "IsTrackedAsInventory": True,
            "InventoryAssetAccountCode": "630",
            "SalesUnitPrice": Decimal("0.1234"),
            "SalesAccountCode": "200",
            "SalesTaxType": "OUTPUT",
            "PurchaseUnitPrice": Decimal("0.05"),
            "PurchaseAccountCode": None,
            "CostAccountCode": "310",
            "PurchaseTaxType": "INPUT",
            "QuantityOnHand": 1200,
            "TotalCostPool": 60,
            "UpdatedDateUTC": "2026-03-04T00:00:00",
        },
        {
            **COMMON,
            **nulls(
                "Name Description PurchaseDescription IsSold IsPurchased InventoryAssetAccountCode "
                "SalesUnitPrice SalesAccountCode SalesTaxType PurchaseUnitPrice CostAccountCode "
                "PurchaseTaxType QuantityOnHand TotalCostPool"
            ),
            "ItemKey": key("it-2"),
            "ItemID": "it-2",
            "Code": "LID",
            "IsTrackedAsInventory": False,
            "PurchaseAccountCode": "300",
            "UpdatedDateUTC": "1970-01-01T00:00:00",
        },
    ],
    "TaxRates": [
        {
            **COMMON,
            "TaxRateKey": key("output"),
            "TaxType": "OUTPUT",
            "Name": "GST on Income",
            "Status": "ACTIVE",
            "ReportTaxType": "OUTPUT",
            "DisplayTaxRate": 10,
            "EffectiveRate": 10,
            "CanApplyToAssets": True,
            "CanApplyToEquity": True,
            "CanApplyToExpenses": False,
            "CanApplyToLiabilities": True,
            "CanApplyToRevenue": True,
        },
        {
            **COMMON,
            **nulls(
                "ReportTaxType DisplayTaxRate EffectiveRate CanApplyToAssets CanApplyToEquity "
                "CanApplyToExpenses CanApplyToLiabilities CanApplyToRevenue"
            ),
            "TaxRateKey": key("tax001"),
            "TaxType": "TAX001",
            "Name": "Old",
            "Status": "DELETED",
        },
    ],
    "TrackingCategories": [
        {
            **_REGION,
            "TrackingOptionKey": f"{key('t1')}|1",
            "OptionNumber": 1,
            "TrackingOptionID": "o1",
            "Option": "North",
            "OptionStatus": "ACTIVE",
            "IsActive": True,
            "IsArchived": False,
        },
        {
            **_REGION,
            "TrackingOptionKey": f"{key('t1')}|2",
            "OptionNumber": 2,
            "TrackingOptionID": "o2",
            "Option": "South",
            "OptionStatus": "ARCHIVED",
            "IsActive": None,
            "IsArchived": None,
        },
        _without_options("t2", "Channel", 2),
        _without_options("t3", "Campaign", 3),
        _without_options("t4", "Brand", 4),
    ],
    "Journals": [
        {
            **_FIRST_JOURNAL,
            "JournalLineKey": f"{key('jo-1')}|1",
            "LineNumber": 1,
            "JournalLineID": "jl-1",
            "AccountID": "A610",
            "AccountKey": key("a610"),
            "AccountCode": "610",
            "AccountType": "CURRENT",
            "AccountName": "Accounts Receivable",
            "Description": "",
            "NetAmount": 110,
            "GrossAmount": 110,
            "TaxAmount": 0,
            "Tracking3CategoryID": "t3",
            "Tracking3Category": "Campaign",
            "Tracking3Option": "Spring",
            "Tracking4CategoryID": "t4",
            "Tracking4Category": "Brand",
            "Tracking4Option": "Own",
        },
        {
            **_FIRST_JOURNAL,
            "JournalLineKey": f"{key('jo-1')}|2",
            "LineNumber": 2,
            "JournalLineID": "jl-2",
            "AccountID": "a200",
            "AccountKey": key("a200"),
            "AccountCode": "200",
            "AccountType": "REVENUE",
            "AccountName": "Sales",
            "Description": "Cups",
            "NetAmount": -100,
            "GrossAmount": -110,
            "TaxAmount": -10,
            "TaxType": "OUTPUT",
            "TaxName": "GST on Income",
            "Tracking1CategoryID": "t1",
            "Tracking1Category": "Region",
            "Tracking1Option": "North",
            "Tracking2CategoryID": "t2",
            "Tracking2Category": "Channel",
            "Tracking2Option": "Web",
        },
        {
            **_JOURNAL_LINE,
            "JournalKey": key("jo-2"),
            "JournalLineKey": f"{key('jo-2')}|0",
            "JournalID": "jo-2",
            "JournalNumber": 42,
            "LineNumber": 0,
            **MARKER,
        },
    ],
}
