"""Small books of an organisation, as Xero writes them: few records, of every kind that the connector tells apart."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

Record = dict[str, Any]
Resources = dict[str, list[Record]]

TENANT = "0b5f2c1e-3a44-4b0e-9a57-6b1d5a2f9c10"
OTHER_TENANT = "1c6a3d2f-4b55-4c1f-8b68-7c2e6b3a0d21"
# The history begins here; an invoice of 2025 lies before it.
START_DATE = date(2026, 1, 1)
RECENT = datetime(2026, 6, 1, tzinfo=UTC)
LONG_AGO = datetime(2025, 5, 1, tzinfo=UTC)
# Which field holds a record's id.
ID_FIELDS = {
    "Organisation": "OrganisationID",
    "Accounts": "AccountID",
    "Contacts": "ContactID",
    "Invoices": "InvoiceID",
    "Payments": "PaymentID",
}
_KINDS = {name: number for number, name in enumerate(ID_FIELDS, 1)}


def record_id(resource: str, number: int) -> str:
    """The id of the n-th record of a resource; ids ascend with the number."""
    return f"{number:08x}-0000-4000-8000-{_KINDS[resource]:012x}"


def stamp(instant: datetime) -> str:
    return f"/Date({int(instant.timestamp() * 1000)}+0000)/"


def organisation(tenant_id: str = TENANT) -> Record:
    return {
        "OrganisationID": tenant_id,
        "Name": "Larkspur Trading",
        "BaseCurrency": "AUD",
        "CountryCode": "AU",
        "IsDemoCompany": False,
        "FinancialYearEndDay": 30,
        "FinancialYearEndMonth": 6,
        "Timezone": "AUSEASTERNSTANDARDTIME",
        "CreatedDateUTC": "/Date(1584566350680)/",
    }


def account(number: int = 1) -> Record:
    return {
        "AccountID": record_id("Accounts", number),
        "Code": str(200 + number),
        "Name": f"Sales {number}",
        "Status": "ACTIVE",
        "Type": "REVENUE",
        "Class": "REVENUE",
        "EnablePaymentsToAccount": "false",
        "UpdatedDateUTC": stamp(RECENT),
    }


def contact(number: int) -> Record:
    return {
        "ContactID": record_id("Contacts", number),
        "Name": f"Café {number}",
        "ContactStatus": "ACTIVE",
        "IsSupplier": False,
        "IsCustomer": True,
        "UpdatedDateUTC": stamp(RECENT + timedelta(seconds=number)),
    }


def invoice(number: int, *, on: datetime = RECENT, lines: int = 2, status: str = "AUTHORISED") -> Record:
    """A sales invoice of `lines` lines at 100.00, tax exclusive."""
    total = Decimal(100) * lines
    return {
        "Type": "ACCREC",
        "InvoiceID": record_id("Invoices", number),
        "InvoiceNumber": f"INV-{number}",
        "Reference": "",
        "Contact": {"ContactID": record_id("Contacts", 1), "Name": "Café 1"},
        "Date": stamp(on),
        "DueDate": stamp(on + timedelta(days=30)),
        "Status": status,
        "LineAmountTypes": "Exclusive",
        "LineItems": [
            {
                "LineItemID": f"{number:08x}-{at:04x}-4000-8000-0000000000ff",
                "Description": f"Line {at}",
                "Quantity": Decimal("1.0000"),
                "UnitAmount": Decimal("100.00"),
                "LineAmount": Decimal("100.00"),
                "TaxAmount": Decimal("0.00"),
                "AccountCode": "201",
                "Tracking": [],
            }
            for at in range(1, lines + 1)
        ],
        "SubTotal": total,
        "TotalTax": Decimal("0.00"),
        "Total": total,
        "AmountDue": Decimal("0.00") if status == "PAID" else total,
        "AmountPaid": total if status == "PAID" else Decimal("0.00"),
        "AmountCredited": Decimal("0.00"),
        "CurrencyCode": "AUD",
        "Payments": [],
        "UpdatedDateUTC": stamp(on + timedelta(seconds=number)),
    }


def payment(number: int, of: Record, *, on: datetime = RECENT) -> Record:
    """A payment of 100.00 of an invoice."""
    return {
        "PaymentID": record_id("Payments", number),
        "PaymentType": "ACCRECPAYMENT",
        "Status": "AUTHORISED",
        "Date": stamp(on),
        "Amount": Decimal("100.00"),
        "BankAmount": Decimal("100.00"),
        "CurrencyRate": Decimal("1.000000"),
        "Account": {"AccountID": record_id("Accounts", 1)},
        "Invoice": {name: of[name] for name in ("InvoiceID", "InvoiceNumber", "CurrencyCode", "Contact")},
        "UpdatedDateUTC": stamp(on + timedelta(seconds=number)),
    }


def small_books(
    *, invoices: int = 5, contacts: int = 3, payments: int = 3, tenant_id: str = TENANT
) -> Resources:
    """Recent invoices and the payments of the first; the first payment is of one from before the history.

    The old, paid invoice belongs to the history only because that payment does.
    """
    old = invoice(9001, on=LONG_AGO, status="PAID")
    recent = [invoice(number) for number in range(1, invoices + 1)]
    paid = [old, *recent][:payments]
    return {
        "Organisation": [organisation(tenant_id)],
        "Accounts": [account(1), account(2)],
        "Contacts": [contact(number) for number in range(1, contacts + 1)],
        "Invoices": [*recent, old],
        "Payments": [payment(number, each) for number, each in enumerate(paid, 1)],
    }
