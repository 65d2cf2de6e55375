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
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
    "Items": "ItemID",
    "CreditNotes": "CreditNoteID",
    "Prepayments": "PrepaymentID",
    "Overpayments": "OverpaymentID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "PurchaseOrders": "PurchaseOrderID",
    "ManualJournals": "ManualJournalID",
    "Journals": "JournalID",
}
_KINDS = {name: number for number, name in enumerate(ID_FIELDS, 1)}


def record_id(resource: str, number: int) -> str:
    """The id of the n-th record of a resource; ids ascend with the number. Tax rates have their type for one."""
    if resource == "TaxRates":
        return f"TAX{number:03}"
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


def tax_rate(number: int) -> Record:
    return {
        "Name": f"GST {number}",
        "TaxType": record_id("TaxRates", number),
        "Status": "ACTIVE",
        "DisplayTaxRate": Decimal("10.0000"),
        "EffectiveRate": Decimal("10.0000"),
        "TaxComponents": [{"Name": "GST", "Rate": Decimal("10.0000"), "IsCompound": False}],
    }


def tracking_category(number: int) -> Record:
    return {
        "TrackingCategoryID": record_id("TrackingCategories", number),
        "Name": f"Region {number}",
        "Status": "ACTIVE",
        "Options": [
            {
                "TrackingOptionID": f"{number:08x}-{at:04x}-4000-8000-0000000000fe",
                "Name": name,
                "Status": "ACTIVE",
            }
            for at, name in enumerate(("North", "South"), 1)
        ],
    }


def item(number: int) -> Record:
    return {
        "ItemID": record_id("Items", number),
        "Code": f"ITEM-{number}",
        "Name": f"Item {number}",
        "IsSold": True,
        "IsPurchased": False,
        "IsTrackedAsInventory": False,
        "SalesDetails": {"UnitPrice": Decimal("100.0000"), "AccountCode": "201"},
        "UpdatedDateUTC": stamp(RECENT + timedelta(seconds=number)),
    }


def _document(
    resource: str, number: int, type_: str, on: datetime, status: str, lines: int, **more: Any
) -> Record:
    """What documents with lines share: `lines` lines at 100.00, tax exclusive, in the base currency."""
    total = Decimal("100.00") * lines
    return {
        ID_FIELDS[resource]: record_id(resource, number),
        "Type": type_,
        "Contact": {"ContactID": record_id("Contacts", 1), "Name": "Café 1"},
        "Date": stamp(on),
        "Status": status,
        "LineAmountTypes": "Exclusive",
        "LineItems": [
            {
                "LineItemID": f"{number:08x}-{at:04x}-4000-8000-{_KINDS[resource]:08x}00ff",
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
        "CurrencyCode": "AUD",
        "UpdatedDateUTC": stamp(on + timedelta(seconds=number)),
        **more,
    }


def _allocations(to: Record | None, on: datetime) -> list[Record]:
    """What a credit of any kind was applied to: 40.00 of an invoice, or nothing."""
    if to is None:
        return []
    invoice_part = {name: to[name] for name in ("InvoiceID", "InvoiceNumber")}
    return [{"Amount": Decimal("40.00"), "Date": stamp(on), "Invoice": invoice_part}]


def credit_note(
    number: int,
    to: Record | None = None,
    *,
    on: datetime = RECENT,
    lines: int = 1,
    status: str = "AUTHORISED",
) -> Record:
    """A credit note of sales, of which 40.00 are applied to an invoice."""
    return _document(
        "CreditNotes",
        number,
        "ACCRECCREDIT",
        on,
        status,
        lines,
        CreditNoteNumber=f"CN-{number}",
        RemainingCredit=Decimal("60.00"),
        Allocations=_allocations(to, on),
    )


def prepayment(
    number: int, to: Record | None = None, *, on: datetime = RECENT, status: str = "AUTHORISED"
) -> Record:
    """Money received ahead of an invoice, of which 40.00 are applied to one."""
    return _document(
        "Prepayments",
        number,
        "RECEIVE-PREPAYMENT",
        on,
        status,
        1,
        RemainingCredit=Decimal("60.00"),
        Allocations=_allocations(to, on),
    )


def overpayment(
    number: int, to: Record | None = None, *, on: datetime = RECENT, status: str = "AUTHORISED"
) -> Record:
    """Money received beyond an invoice, of which 40.00 are applied to another."""
    return _document(
        "Overpayments",
        number,
        "RECEIVE-OVERPAYMENT",
        on,
        status,
        1,
        RemainingCredit=Decimal("60.00"),
        Allocations=_allocations(to, on),
    )


def bank_transaction(
    number: int, *, on: datetime = RECENT, lines: int = 1, status: str = "AUTHORISED"
) -> Record:
    bank = {"AccountID": record_id("Accounts", 2), "Code": "202", "Name": "Sales 2"}
    return _document(
        "BankTransactions", number, "SPEND", on, status, lines, BankAccount=bank, IsReconciled=True
    )


def bank_transfer(number: int, *, on: datetime = RECENT) -> Record:
    ends = {
        "FromBankAccount": {"AccountID": record_id("Accounts", 1), "Name": "Sales 1"},
        "ToBankAccount": {"AccountID": record_id("Accounts", 2), "Name": "Sales 2"},
    }
    return {
        "BankTransferID": record_id("BankTransfers", number),
        "CreatedDateUTC": stamp(on + timedelta(seconds=number)),
        "Date": stamp(on),
        **ends,
        "Amount": Decimal("100.00"),
        "CurrencyRate": Decimal("1.000000"),
        "FromBankTransactionID": f"{number:08x}-0000-4000-8000-0000000000fc",
        "ToBankTransactionID": f"{number:08x}-0000-4000-8000-0000000000fd",
        "Status": "AUTHORISED",
    }


def purchase_order(
    number: int, *, on: datetime = RECENT, lines: int = 1, status: str = "AUTHORISED"
) -> Record:
    record = _document("PurchaseOrders", number, "", on, status, lines, PurchaseOrderNumber=f"PO-{number}")
    del record["Type"]
    return record


def manual_journal(number: int, *, on: datetime = RECENT, status: str = "POSTED", lines: int = 2) -> Record:
    """Its lines have no ids, and come to nothing in pairs: debit positive, credit negative."""
    return {
        "ManualJournalID": record_id("ManualJournals", number),
        "Date": stamp(on),
        "Status": status,
        "LineAmountTypes": "NoTax",
        "Narration": f"Accrual {number}",
        "JournalLines": [
            {
                "LineAmount": Decimal("100.00") if at % 2 else Decimal("-100.00"),
                "AccountCode": "201" if at % 2 else "202",
                "AccountID": record_id("Accounts", 1 if at % 2 else 2),
                "TaxAmount": Decimal("0.00"),
                "Description": f"Line {at}",
            }
            for at in range(1, lines + 1)
        ],
        "UpdatedDateUTC": stamp(on + timedelta(seconds=number)),
    }


def journal(number: int, *, on: datetime = RECENT) -> Record:
    """A journal of the general ledger; `number` is its JournalNumber, too."""
    return {
        "JournalID": record_id("Journals", number),
        "JournalDate": stamp(on),
        "JournalNumber": number,
        "CreatedDateUTC": stamp(on + timedelta(seconds=number)),
        "SourceID": record_id("Invoices", number),
        "SourceType": "ACCREC",
        "JournalLines": [
            {
                "JournalLineID": f"{number:08x}-{at:04x}-4000-8000-0000000000fb",
                "AccountID": record_id("Accounts", at),
                "AccountCode": str(200 + at),
                "NetAmount": amount,
                "GrossAmount": amount,
                "TaxAmount": Decimal("0.00"),
            }
            for at, amount in enumerate((Decimal("100.00"), Decimal("-100.00")), 1)
        ],
    }


def small_books(
    *,
    invoices: int = 5,
    contacts: int = 3,
    payments: int = 3,
    credit_notes: int = 2,
    prepayments: int = 1,
    overpayments: int = 1,
    bank_transactions: int = 2,
    bank_transfers: int = 1,
    purchase_orders: int = 2,
    manual_journals: int = 2,
    items: int = 2,
    tax_rates: int = 2,
    tracking_categories: int = 1,
    journals: int = 0,
    tenant_id: str = TENANT,
) -> Resources:
    """Recent documents of every kind. The first payment and the first credit are of an invoice from before the history.

    That old, paid invoice belongs to the history only because they do.
    """
    old = invoice(9001, on=LONG_AGO, status="PAID")
    recent = [invoice(number) for number in range(1, invoices + 1)]
    known = [old, *recent]

    def of(number: int) -> Record:
        return known[(number - 1) % len(known)]

    def each(count: int, make: Any) -> list[Record]:
        return [make(number) for number in range(1, count + 1)]

    return {
        "Organisation": [organisation(tenant_id)],
        "Accounts": [account(1), account(2)],
        "TaxRates": each(tax_rates, tax_rate),
        "TrackingCategories": each(tracking_categories, tracking_category),
        "Items": each(items, item),
        "Contacts": each(contacts, contact),
        "Invoices": [*recent, old],
        "CreditNotes": each(credit_notes, lambda number: credit_note(number, of(number))),
        "Prepayments": each(prepayments, lambda number: prepayment(number, of(number))),
        "Overpayments": each(overpayments, lambda number: overpayment(number, of(number))),
        "Payments": [payment(number, paid) for number, paid in enumerate(known[:payments], 1)],
        "BankTransactions": each(bank_transactions, bank_transaction),
        "BankTransfers": each(bank_transfers, bank_transfer),
        "PurchaseOrders": each(purchase_orders, purchase_order),
        "ManualJournals": each(manual_journals, manual_journal),
        "Journals": each(journals, journal),
    }


def plain_books(
    *, invoices: int = 5, contacts: int = 3, payments: int = 3, tenant_id: str = TENANT
) -> Resources:
    """Small books that fill six tables only: for what can be counted by hand, or is done very many times."""
    return small_books(
        invoices=invoices,
        contacts=contacts,
        payments=payments,
        credit_notes=0,
        prepayments=0,
        overpayments=0,
        bank_transactions=0,
        bank_transfers=0,
        purchase_orders=0,
        manual_journals=0,
        items=0,
        tax_rates=0,
        tracking_categories=0,
        tenant_id=tenant_id,
    )
