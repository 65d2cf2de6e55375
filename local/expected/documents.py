"""The rows of documents: each with its total, in its own currency and in base currency at its own rate."""

from collections.abc import Mapping
from decimal import Decimal

from local.expected.lists import NOTHING, Lists
from local.expected.values import (
    Record,
    Row,
    amount,
    converted,
    day,
    double,
    inside,
    instant,
    key_of,
    number,
    rate_of,
    text,
    truth,
)


def party(record: Record, tenant: str) -> Row:
    """Whom a document is for or from."""
    contact = inside(record, "Contact")
    return {
        "ContactID": text(contact.get("ContactID")),
        "ContactKey": key_of(tenant, contact.get("ContactID")),
        "ContactName": text(contact.get("Name")),
    }


def both(record: Record, base: str | None, columns: Mapping[str, str]) -> Row:
    """Amounts, and beside each the same in base currency; `columns` names the field of each column."""
    rate = rate_of(record, record.get("CurrencyCode"), base)
    row: Row = {}
    for column, name in columns.items():
        value: Decimal | None = number(record.get(name))
        row[column] = amount(value)
        row[f"{column}Base"] = converted(value, rate)
    return row


TOTALS = {"SubTotal": "SubTotal", "TotalTax": "TotalTax", "TotalAmount": "Total"}
CREDITS = TOTALS | {"RemainingCredit": "RemainingCredit", "AppliedAmount": "AppliedAmount"}
DUES = TOTALS | {"AmountDue": "AmountDue", "AmountPaid": "AmountPaid", "AmountCredited": "AmountCredited"}


def invoice(record: Record, tenant: str, base: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "InvoiceKey": key_of(tenant, record.get("InvoiceID")),
            "InvoiceID": text(record.get("InvoiceID")),
            "InvoiceNumber": text(record.get("InvoiceNumber")),
            "Reference": text(record.get("Reference")),
            "Type": text(record.get("Type")),
            "Status": text(record.get("Status")),
            **party(record, tenant),
            "Date": day(record, "Date"),
            "DueDate": day(record, "DueDate"),
            "ExpectedPaymentDate": day(record, "ExpectedPaymentDate"),
            "PlannedPaymentDate": day(record, "PlannedPaymentDate"),
            "FullyPaidOnDate": day(record, "FullyPaidOnDate"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            "TotalDiscount": amount(number(record.get("TotalDiscount"))),
            "BrandingThemeID": text(record.get("BrandingThemeID")),
            "RepeatingInvoiceID": text(record.get("RepeatingInvoiceID")),
            "Url": text(record.get("Url")),
            "SentToContact": truth(record.get("SentToContact")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "IsDiscounted": truth(record.get("IsDiscounted")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
            **both(record, base, DUES),
        }
    ]


def credit_note(record: Record, tenant: str, base: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "CreditNoteKey": key_of(tenant, record.get("CreditNoteID")),
            "CreditNoteID": text(record.get("CreditNoteID")),
            "CreditNoteNumber": text(record.get("CreditNoteNumber")),
            "Reference": text(record.get("Reference")),
            "Type": text(record.get("Type")),
            "Status": text(record.get("Status")),
            **party(record, tenant),
            "Date": day(record, "Date"),
            "DueDate": day(record, "DueDate"),
            "FullyPaidOnDate": day(record, "FullyPaidOnDate"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            **both(record, base, CREDITS),
            "BrandingThemeID": text(record.get("BrandingThemeID")),
            "SentToContact": truth(record.get("SentToContact")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def prepayment(record: Record, tenant: str, base: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "PrepaymentKey": key_of(tenant, record.get("PrepaymentID")),
            "PrepaymentID": text(record.get("PrepaymentID")),
            "Type": text(record.get("Type")),
            "Status": text(record.get("Status")),
            "Reference": text(record.get("Reference")),
            "InvoiceNumber": text(record.get("InvoiceNumber")),
            **party(record, tenant),
            "Date": day(record, "Date"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            **both(record, base, CREDITS),
            "BrandingThemeID": text(record.get("BrandingThemeID")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def overpayment(record: Record, tenant: str, base: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "OverpaymentKey": key_of(tenant, record.get("OverpaymentID")),
            "OverpaymentID": text(record.get("OverpaymentID")),
            "Type": text(record.get("Type")),
            "Status": text(record.get("Status")),
            "Reference": text(record.get("Reference")),
            **party(record, tenant),
            "Date": day(record, "Date"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            **both(record, base, CREDITS),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def purchase_order(record: Record, tenant: str, base: str | None, lists: Lists = NOTHING) -> list[Row]:
    person = record if lists.personal else {}
    return [
        {
            "TenantID": tenant,
            "PurchaseOrderKey": key_of(tenant, record.get("PurchaseOrderID")),
            "PurchaseOrderID": text(record.get("PurchaseOrderID")),
            "PurchaseOrderNumber": text(record.get("PurchaseOrderNumber")),
            "Reference": text(record.get("Reference")),
            "Status": text(record.get("Status")),
            **party(record, tenant),
            "Date": day(record, "Date"),
            "DeliveryDate": day(record, "DeliveryDate"),
            "ExpectedArrivalDate": day(record, "ExpectedArrivalDate"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "CurrencyRate": double(record.get("CurrencyRate")),
            **both(record, base, TOTALS),
            "TotalDiscount": amount(number(record.get("TotalDiscount"))),
            "BrandingThemeID": text(record.get("BrandingThemeID")),
            "AttentionTo": text(person.get("AttentionTo")),
            "DeliveryAddress": text(person.get("DeliveryAddress")),
            "DeliveryInstructions": text(person.get("DeliveryInstructions")),
            "Telephone": text(person.get("Telephone")),
            "SentToContact": truth(record.get("SentToContact")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]


def manual_journal(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "ManualJournalKey": key_of(tenant, record.get("ManualJournalID")),
            "ManualJournalID": text(record.get("ManualJournalID")),
            "Narration": text(record.get("Narration")),
            "Status": text(record.get("Status")),
            "Date": day(record, "Date"),
            "LineAmountTypes": text(record.get("LineAmountTypes")),
            "ShowOnCashBasisReports": truth(record.get("ShowOnCashBasisReports")),
            "Url": text(record.get("Url")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        }
    ]
