"""What documents refer to becomes rows: contacts, accounts, items, tax rates, tracking options; whole rows by hand."""

from decimal import Decimal

import pytest

from tests.support.records import (
    CONTACT_ID,
    CONTACT_KEY,
    ITEM,
    OTHER,
    TAX_RATE,
    TENANT,
    TRACKING_CATEGORY,
    id_of,
    key_of,
    shaped,
)


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


def test_a_tracked_item() -> None:
    """Prices to four places, what it is sold and bought under, and its stock."""
    assert shaped("Items", ITEM) == [
        {
            "TenantID": TENANT,
            "ItemKey": key_of("Items"),
            "ItemID": id_of("Items"),
            "Code": "TSHIRT",
            "Name": "T-Shirt",
            "Description": "T-shirt, black",
            "PurchaseDescription": "T-shirt from the mill",
            "IsSold": True,
            "IsPurchased": True,
            "IsTrackedAsInventory": True,
            "InventoryAssetAccountCode": "630",
            "SalesUnitPrice": Decimal("34.5000"),
            "SalesAccountCode": "200",
            "SalesTaxType": "OUTPUT2",
            "PurchaseUnitPrice": Decimal("12.3456"),
            "PurchaseAccountCode": "630",
            "CostAccountCode": "310",
            "PurchaseTaxType": "INPUT2",
            "QuantityOnHand": Decimal("12.0000"),
            "TotalCostPool": Decimal("148.1500"),
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


def test_a_tax_rate_is_keyed_by_its_type() -> None:
    """It has no other id; rates are percents."""
    assert shaped("TaxRates", TAX_RATE) == [
        {
            "TenantID": TENANT,
            "TaxRateKey": f"{TENANT}|output2",
            "TaxType": "OUTPUT2",
            "Name": "15% GST on Income",
            "Status": "ACTIVE",
            "ReportTaxType": "OUTPUT",
            "DisplayTaxRate": Decimal("15.0000"),
            "EffectiveRate": Decimal("15.0000"),
            "CanApplyToAssets": True,
            "CanApplyToEquity": True,
            "CanApplyToExpenses": False,
            "CanApplyToLiabilities": False,
            "CanApplyToRevenue": True,
        }
    ]


CATEGORY = {
    "TenantID": TENANT,
    "TrackingCategoryKey": key_of("TrackingCategories"),
    "TrackingCategoryID": id_of("TrackingCategories"),
    "Category": "Region",
    "CategoryStatus": "ACTIVE",
    "Slot": 3,
}


def test_a_tracking_category_has_a_row_an_option() -> None:
    """Each with the category's own columns; name and status of the two are told apart."""
    assert shaped("TrackingCategories", TRACKING_CATEGORY) == [
        CATEGORY
        | {
            "TrackingOptionKey": f"{key_of('TrackingCategories')}|1",
            "OptionNumber": 1,
            "IsMarker": False,
            "TrackingOptionID": OTHER,
            "Option": "North",
            "OptionStatus": "ACTIVE",
            "IsActive": True,
            "IsArchived": False,
        },
        CATEGORY
        | {
            "TrackingOptionKey": f"{key_of('TrackingCategories')}|2",
            "OptionNumber": 2,
            "IsMarker": False,
            "TrackingOptionID": None,
            "Option": "Old",
            "OptionStatus": "ARCHIVED",
            "IsActive": None,
            "IsArchived": None,
        },
    ]


@pytest.mark.parametrize("options", [{"Options": []}, {"Options": None}])
def test_a_tracking_category_without_options_has_a_marker_row(options: dict[str, None]) -> None:
    """So that the options of its earlier versions stop being the newest; the category is still there."""
    (row,) = shaped("TrackingCategories", TRACKING_CATEGORY | options)
    assert row == dict.fromkeys(row) | CATEGORY | {
        "TrackingOptionKey": f"{key_of('TrackingCategories')}|0",
        "OptionNumber": 0,
        "IsMarker": True,
    }
