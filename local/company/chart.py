"""The organisation and its chart of accounts."""

from datetime import date
from random import Random

from local.company.offices import Office
from local.company.wire import DAY, Record, day, guid, midnight, stamp

# Code, name, type, class, Australian tax type, description; system account where the ledger needs it.
LEDGER: tuple[tuple[str, str, str, str, str, str, str], ...] = (
    ("200", "Sales - Trade", "REVENUE", "REVENUE", "OUTPUT", "Goods sold to trade customers", ""),
    ("201", "Sales - Web Shop", "REVENUE", "REVENUE", "OUTPUT", "Goods sold online", ""),
    ("202", "Sales - Export", "REVENUE", "REVENUE", "EXEMPTEXPORT", "Goods sold overseas", ""),
    ("205", "Freight Recovered", "REVENUE", "REVENUE", "OUTPUT", "Freight charged to customers", ""),
    ("260", "Other Revenue", "REVENUE", "REVENUE", "OUTPUT", "Income outside of trading", ""),
    ("270", "Interest Income", "REVENUE", "REVENUE", "EXEMPTOUTPUT", "Interest earned", ""),
    (
        "299",
        "Sales - Catalogue (closed)",
        "REVENUE",
        "REVENUE",
        "OUTPUT",
        "Mail order until the web shop",
        "",
    ),
    ("300", "Purchases", "DIRECTCOSTS", "EXPENSE", "INPUT", "Goods bought for resale", ""),
    ("305", "Inbound Freight", "DIRECTCOSTS", "EXPENSE", "INPUT", "Sea and road freight of goods", ""),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "EXPENSE", "BASEXCLUDED", "Cost of stock that was sold", ""),
    ("315", "Customs Duty", "DIRECTCOSTS", "EXPENSE", "GSTONIMPORTS", "Duty on imported goods", ""),
    ("400", "Advertising", "EXPENSE", "EXPENSE", "INPUT", "Advertising and sponsorship", ""),
    ("404", "Bank Fees", "EXPENSE", "EXPENSE", "EXEMPTEXPENSES", "Fees charged by the bank", ""),
    ("408", "Cleaning", "EXPENSE", "EXPENSE", "INPUT", "Cleaning of the premises", ""),
    ("412", "Consulting & Accounting", "EXPENSE", "EXPENSE", "INPUT", "Accountants and advisers", ""),
    ("416", "Depreciation", "DEPRECIATN", "EXPENSE", "BASEXCLUDED", "Wear of fixed assets", ""),
    ("425", "Freight & Courier", "EXPENSE", "EXPENSE", "INPUT", "Deliveries to customers", ""),
    ("433", "Insurance", "EXPENSE", "EXPENSE", "INPUT", "Insurance of business and goods", ""),
    ("437", "Interest Expense", "EXPENSE", "EXPENSE", "EXEMPTEXPENSES", "Interest paid", ""),
    ("441", "Legal Expenses", "EXPENSE", "EXPENSE", "INPUT", "Lawyers", ""),
    ("445", "Light, Power, Heating", "EXPENSE", "EXPENSE", "INPUT", "Energy", ""),
    ("449", "Motor Vehicle Expenses", "EXPENSE", "EXPENSE", "INPUT", "Vans and fuel", ""),
    ("453", "Office Expenses", "EXPENSE", "EXPENSE", "INPUT", "Consumables of the office", ""),
    ("461", "Printing & Stationery", "EXPENSE", "EXPENSE", "INPUT", "Printed matter", ""),
    ("469", "Rent", "EXPENSE", "EXPENSE", "INPUT", "Warehouse and showroom", ""),
    ("473", "Repairs and Maintenance", "EXPENSE", "EXPENSE", "INPUT", "Keeping things running", ""),
    ("477", "Wages and Salaries", "EXPENSE", "EXPENSE", "BASEXCLUDED", "Pay", ""),
    ("478", "Superannuation", "EXPENSE", "EXPENSE", "BASEXCLUDED", "Superannuation of employees", ""),
    ("485", "Subscriptions", "EXPENSE", "EXPENSE", "INPUT", "Software and journals", ""),
    ("489", "Telephone & Internet", "EXPENSE", "EXPENSE", "INPUT", "Lines and data", ""),
    ("493", "Travel - National", "EXPENSE", "EXPENSE", "INPUT", "Travel", ""),
    ("497", "Bank Revaluations", "EXPENSE", "EXPENSE", "BASEXCLUDED", "Unrealised, bank", "BANKCURRENCYGAIN"),
    ("499", "Realised Currency Gains", "EXPENSE", "EXPENSE", "BASEXCLUDED", "Paid", "REALISEDCURRENCYGAIN"),
    ("610", "Accounts Receivable", "CURRENT", "ASSET", "BASEXCLUDED", "Owed by customers", "DEBTORS"),
    ("620", "Prepayments", "CURRENT", "ASSET", "BASEXCLUDED", "Paid ahead", ""),
    ("630", "Stock on Hand", "INVENTORY", "ASSET", "BASEXCLUDED", "Goods in the warehouse", ""),
    ("710", "Plant & Equipment", "FIXED", "ASSET", "INPUT", "Forklifts, racking, vans", ""),
    ("711", "Less Accumulated Depreciation", "FIXED", "ASSET", "BASEXCLUDED", "On plant and equipment", ""),
    ("800", "Accounts Payable", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Owed to suppliers", "CREDITORS"),
    ("805", "Accruals", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Received, not billed yet", ""),
    ("820", "GST", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Goods and services tax", "GST"),
    ("825", "PAYG Withholdings Payable", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Tax withheld", ""),
    ("840", "Historical Adjustment", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Opening figures", "HISTORICAL"),
    ("850", "Suspense", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "To be sorted", ""),
    ("860", "Rounding", "CURRLIAB", "LIABILITY", "BASEXCLUDED", "Odd cents", "ROUNDING"),
    ("900", "Equipment Loan", "TERMLIAB", "LIABILITY", "BASEXCLUDED", "Loan for plant", ""),
    ("960", "Retained Earnings", "EQUITY", "EQUITY", "BASEXCLUDED", "Earlier years", "RETAINEDEARNINGS"),
    ("970", "Share Capital", "EQUITY", "EQUITY", "BASEXCLUDED", "Paid-up capital", ""),
)


def banks(office: Office) -> tuple[tuple[str | None, str, str, str, str], ...]:
    """Code, name, type, currency and number. The first is the account of most payments, and has no code."""
    foreign_name, foreign = office.foreign_bank
    return (
        (None, "Everyday Trading Account", "BANK", office.currency, "062000-10447213"),
        ("091", "Business Savings", "BANK", office.currency, "062000-10447221"),
        ("092", "US Dollar Account", "BANK", "USD", "062999-88120034"),
        ("093", foreign_name, "BANK", foreign, "062999-88120042"),
        ("094", "Company Visa", "CREDITCARD", office.currency, "4715-xxxx-xxxx-0092"),
    )


def organisation(random: Random, office: Office, company: str, first: date) -> Record:
    new_zealand = office.country == "NZ"
    founded = midnight(first) - random.randrange(900, 2500) * DAY + random.randrange(DAY)
    # The financial year ends in June, in New Zealand in March.
    month, last = (3, 31) if new_zealand else (6, 30)
    year = first.year if first.month > month else first.year - 1
    return {
        "Name": f"{company} {office.place}",
        "LegalName": f"{company} {'NZ Limited' if new_zealand else 'Pty Ltd'}",
        "PaysTax": True,
        "Version": office.country,
        "OrganisationType": "COMPANY",
        "BaseCurrency": office.currency,
        "CountryCode": office.country,
        "IsDemoCompany": False,
        "OrganisationStatus": "ACTIVE",
        "TaxNumber": f"{random.randrange(10**10, 10**11)}",
        "FinancialYearEndDay": last,
        "FinancialYearEndMonth": month,
        "SalesTaxBasis": "ACCRUALS",
        "SalesTaxPeriod": "TWOMONTHS" if new_zealand else "QUARTERLY1",
        "DefaultSalesTax": "Tax Exclusive",
        "DefaultPurchasesTax": "Tax Inclusive",
        "PeriodLockDate": day(date(year, month, last)),
        # Without an offset, as recorded.
        "CreatedDateUTC": f"/Date({founded})/",
        "OrganisationEntityType": "COMPANY",
        "Timezone": office.timezone,
        "ShortCode": "!"
        + "".join(random.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=5)),
        "OrganisationID": guid(random),
        "Edition": "BUSINESS",
        "Class": "ULTRA",
        "Addresses": [
            {
                "AddressType": "STREET",
                "AddressLine1": office.street,
                "City": office.city,
                "Region": office.region,
                "PostalCode": office.post_code,
                "Country": "New Zealand" if new_zealand else "Australia",
                "AttentionTo": "",
            }
        ],
        "Phones": [{"PhoneType": "OFFICE", "PhoneNumber": office.phone[1], "PhoneAreaCode": office.phone[0]}],
        "ExternalLinks": [],
        "PaymentTerms": {"Bills": {"Day": 30, "Type": "DAYSAFTERBILLDATE"}, "Sales": {}},
    }


def accounts(random: Random, office: Office, first: date) -> list[Record]:
    """Bank accounts first, in the order of `banks`, then the ledger by code."""
    opened = midnight(first) - 400 * DAY
    records = []
    for code, name, bank_type, currency, account_number in banks(office):
        record: Record = {"AccountID": guid(random)}
        if code:
            record["Code"] = code
        record |= {
            "Name": name,
            "Status": "ACTIVE",
            "Type": "BANK",
            "TaxType": office.tax("BASEXCLUDED"),
            "Class": "ASSET",
            "EnablePaymentsToAccount": False,
            "ShowInExpenseClaims": False,
            "BankAccountNumber": account_number,
            "BankAccountType": bank_type,
            "CurrencyCode": currency,
            "ReportingCode": "ASS",
            "ReportingCodeName": "Assets",
            "HasAttachments": False,
            "UpdatedDateUTC": stamp(opened),
            "AddToWatchlist": False,
        }
        records.append(record)
    for code, name, kind, account_class, tax, description, system in LEDGER:
        moved = random.random() < 0.3
        record = {
            "AccountID": guid(random),
            "Code": code,
            "Name": name,
            "Status": "ARCHIVED" if code == "299" else "ACTIVE",
            "Type": kind,
            "TaxType": office.tax(tax),
            "Description": description,
            "Class": account_class,
        }
        # Accounts outside of the system have the field empty or not at all.
        if system or random.random() < 0.2:
            record["SystemAccount"] = system
        record |= {
            "EnablePaymentsToAccount": code == "850",
            "ShowInExpenseClaims": account_class == "EXPENSE" and random.random() < 0.3,
            "BankAccountType": "",
            "ReportingCode": account_class[:3],
            "ReportingCodeName": account_class.title(),
            "HasAttachments": False,
            "UpdatedDateUTC": stamp(opened + (random.randrange(390 * DAY) if moved else 0)),
            "AddToWatchlist": code in ("200", "300", "469"),
        }
        records.append(record)
    return records
