"""The rows of what documents refer to: the organisation, its contacts, accounts, items and tax rates."""

from local.expected.lists import NOTHING, Lists
from local.expected.values import (
    Record,
    Row,
    amount,
    day,
    inside,
    instant,
    key_of,
    number,
    text,
    truth,
    whole,
)


def contact(record: Record, tenant: str, _: str | None, lists: Lists = NOTHING) -> list[Row]:
    person = record if lists.personal else {}
    receivable = inside(inside(record, "Balances"), "AccountsReceivable")
    payable = inside(inside(record, "Balances"), "AccountsPayable")
    return [
        {
            "TenantID": tenant,
            "ContactKey": key_of(tenant, record.get("ContactID")),
            "ContactID": text(record.get("ContactID")),
            "Name": text(record.get("Name")),
            "ContactNumber": text(record.get("ContactNumber")),
            "AccountNumber": text(record.get("AccountNumber")),
            "ContactStatus": text(record.get("ContactStatus")),
            "FirstName": text(person.get("FirstName")),
            "LastName": text(person.get("LastName")),
            "EmailAddress": text(person.get("EmailAddress")),
            "TaxNumber": text(person.get("TaxNumber")),
            "IsSupplier": truth(record.get("IsSupplier")),
            "IsCustomer": truth(record.get("IsCustomer")),
            "DefaultCurrency": text(record.get("DefaultCurrency")),
            "ReceivableOutstanding": amount(number(receivable.get("Outstanding"))),
            "ReceivableOverdue": amount(number(receivable.get("Overdue"))),
            "PayableOutstanding": amount(number(payable.get("Outstanding"))),
            "PayableOverdue": amount(number(payable.get("Overdue"))),
            "MergedToContactID": text(record.get("MergedToContactID")),
            "MergedToContactKey": key_of(tenant, record.get("MergedToContactID")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def account(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "AccountKey": key_of(tenant, record.get("AccountID")),
            "AccountID": text(record.get("AccountID")),
            "Code": text(record.get("Code")),
            "CodeKey": key_of(tenant, record.get("Code")),
            "Name": text(record.get("Name")),
            "Type": text(record.get("Type")),
            "Class": text(record.get("Class")),
            "Status": text(record.get("Status")),
            "TaxType": text(record.get("TaxType")),
            "Description": text(record.get("Description")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "BankAccountNumber": text(record.get("BankAccountNumber")),
            "BankAccountType": text(record.get("BankAccountType")),
            "SystemAccount": text(record.get("SystemAccount")),
            "EnablePaymentsToAccount": truth(record.get("EnablePaymentsToAccount")),
            "ShowInExpenseClaims": truth(record.get("ShowInExpenseClaims")),
            "AddToWatchlist": truth(record.get("AddToWatchlist")),
            "ReportingCode": text(record.get("ReportingCode")),
            "ReportingCodeName": text(record.get("ReportingCodeName")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def organisation(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "OrganisationKey": key_of(tenant, record.get("OrganisationID")),
            "OrganisationID": text(record.get("OrganisationID")),
            "Name": text(record.get("Name")),
            "LegalName": text(record.get("LegalName")),
            "Version": text(record.get("Version")),
            "OrganisationType": text(record.get("OrganisationType")),
            "OrganisationStatus": text(record.get("OrganisationStatus")),
            "BaseCurrency": text(record.get("BaseCurrency")),
            "CountryCode": text(record.get("CountryCode")),
            "IsDemoCompany": truth(record.get("IsDemoCompany")),
            "FinancialYearEndDay": whole(record.get("FinancialYearEndDay")),
            "FinancialYearEndMonth": whole(record.get("FinancialYearEndMonth")),
            "Timezone": text(record.get("Timezone")),
            "ShortCode": text(record.get("ShortCode")),
            "TaxNumber": text(record.get("TaxNumber")),
            "SalesTaxBasis": text(record.get("SalesTaxBasis")),
            "SalesTaxPeriod": text(record.get("SalesTaxPeriod")),
            "Edition": text(record.get("Edition")),
            "Class": text(record.get("Class")),
            "PeriodLockDate": day(record, "PeriodLockDate"),
            "EndOfYearLockDate": day(record, "EndOfYearLockDate"),
            "CreatedDateUTC": instant(record.get("CreatedDateUTC")),
        }
    ]


def item(record: Record, tenant: str, _: str | None) -> list[Row]:
    sales, purchase = inside(record, "SalesDetails"), inside(record, "PurchaseDetails")
    return [
        {
            "TenantID": tenant,
            "ItemKey": key_of(tenant, record.get("ItemID")),
            "ItemID": text(record.get("ItemID")),
            "Code": text(record.get("Code")),
            "Name": text(record.get("Name")),
            "Description": text(record.get("Description")),
            "PurchaseDescription": text(record.get("PurchaseDescription")),
            "IsSold": truth(record.get("IsSold")),
            "IsPurchased": truth(record.get("IsPurchased")),
            "IsTrackedAsInventory": truth(record.get("IsTrackedAsInventory")),
            "InventoryAssetAccountCode": text(record.get("InventoryAssetAccountCode")),
            "SalesUnitPrice": amount(number(sales.get("UnitPrice"))),
            "SalesAccountCode": text(sales.get("AccountCode")),
            "SalesTaxType": text(sales.get("TaxType")),
            "PurchaseUnitPrice": amount(number(purchase.get("UnitPrice"))),
            "PurchaseAccountCode": text(purchase.get("AccountCode")),
            "CostAccountCode": text(purchase.get("COGSAccountCode")),
            "PurchaseTaxType": text(purchase.get("TaxType")),
            "QuantityOnHand": amount(number(record.get("QuantityOnHand"))),
            "TotalCostPool": amount(number(record.get("TotalCostPool"))),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def tax_rate(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "TaxRateKey": key_of(tenant, record.get("TaxType")),
            "TaxType": text(record.get("TaxType")),
            "Name": text(record.get("Name")),
            "Status": text(record.get("Status")),
            "ReportTaxType": text(record.get("ReportTaxType")),
            "DisplayTaxRate": amount(number(record.get("DisplayTaxRate"))),
            "EffectiveRate": amount(number(record.get("EffectiveRate"))),
            "CanApplyToAssets": truth(record.get("CanApplyToAssets")),
            "CanApplyToEquity": truth(record.get("CanApplyToEquity")),
            "CanApplyToExpenses": truth(record.get("CanApplyToExpenses")),
            "CanApplyToLiabilities": truth(record.get("CanApplyToLiabilities")),
            "CanApplyToRevenue": truth(record.get("CanApplyToRevenue")),
        }
    ]
