"""The rows that Power BI must show of Xero's records: the comparison's own reading of both.

Kept apart from the connector on purpose, and written out column by column, so that it can be read beside the
data dictionary. Values are str, int, bool, None, Decimal (four places), float (Double), datetime without zone.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

Record = Mapping[str, Any]
Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  Power BI's DateTime has no zone; neither has anything here.
EXACT = Context(prec=60)


def instant(value: Any) -> datetime | None:
    """The UTC instant of a /Date(milliseconds+0000)/, whole seconds; an offset names a zone, moves nothing."""
    if value is None:
        return None
    found = re.fullmatch(r"/Date\((-?[0-9]+)(?:[+-][0-9]{4})?\)/", value)
    if not found:
        raise ValueError(f"{value!r} is not a /Date()/")
    return EPOCH + timedelta(seconds=int(found[1]) // 1000)


def day(record: Record, name: str) -> datetime | None:
    """The calendar day, at midnight: of the ...String beside the field if given, else of the instant in UTC."""
    written = record.get(f"{name}String")
    if written is not None:
        on = date.fromisoformat(written[:10])
        return datetime(on.year, on.month, on.day)  # noqa: DTZ001
    moment = instant(record.get(name))
    return moment and moment.replace(hour=0, minute=0, second=0)


def number(value: Any) -> Decimal | None:
    """A JSON number or a string of one; exact when the JSON was read with parse_float=Decimal."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not parsed.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return parsed


def truth(value: Any) -> bool | None:
    """A JSON boolean, or "true" and "false" in any case."""
    known = {None: None, "true": True, "false": False}
    spelt = value.lower() if isinstance(value, str) else value
    if isinstance(spelt, bool):
        return spelt
    if spelt not in known:
        raise ValueError(f"{value!r} is not a boolean")
    return known[spelt]


def text(value: Any) -> str | None:
    """A string of at most 4,000 UTF-16 code units: what is longer is cut to 3,999 (or 3,998) and an ellipsis."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")
    units = value.encode("utf-16-le")
    if len(units) <= 2 * 4000:
        return value
    # An odd surrogate at the cut belongs to a character that does not fit whole.
    return units[: 2 * 3999].decode("utf-16-le", errors="ignore") + "…"


def amount(value: Decimal | None) -> Decimal | None:
    """Rounded to the four places of Power BI's Decimal, halves away from zero."""
    return None if value is None else value.quantize(Decimal("0.0001"), ROUND_HALF_UP, EXACT)


def converted(value: Decimal | None, rate: Decimal | None) -> Decimal | None:
    """In base currency; a rate is foreign units for one unit of base currency."""
    return None if value is None or not rate else amount(EXACT.divide(value, rate))


def _rate(record: Record, currency: str | None, base: str | None) -> Decimal | None:
    given = number(record.get("CurrencyRate"))
    return Decimal(1) if given is None and currency in (None, base) else given


def _double(value: Any) -> float | None:
    parsed = number(value)
    return None if parsed is None else float(parsed)


def _whole(value: Any) -> int | None:
    parsed = number(value)
    return None if parsed is None else int(parsed)


def _key(tenant: str, identifier: str | None) -> str | None:
    return None if identifier is None else f"{tenant}|{identifier.lower()}"


def inside(record: Record, name: str) -> Record:
    """A nested object; Xero may write an absent one as an empty array."""
    return record.get(name) or {}


# One function a table: a record of Xero, the organisation's id and base currency; the rows of the record.


def _invoice(record: Record, tenant: str, base: str | None) -> list[Row]:
    contact = inside(record, "Contact")
    rate = _rate(record, record.get("CurrencyCode"), base)
    row: Row = {
        "TenantID": tenant,
        "InvoiceKey": _key(tenant, record.get("InvoiceID")),
        "InvoiceID": text(record.get("InvoiceID")),
        "InvoiceNumber": text(record.get("InvoiceNumber")),
        "Reference": text(record.get("Reference")),
        "Type": text(record.get("Type")),
        "Status": text(record.get("Status")),
        "ContactID": text(contact.get("ContactID")),
        "ContactKey": _key(tenant, contact.get("ContactID")),
        "ContactName": text(contact.get("Name")),
        "Date": day(record, "Date"),
        "DueDate": day(record, "DueDate"),
        "ExpectedPaymentDate": day(record, "ExpectedPaymentDate"),
        "PlannedPaymentDate": day(record, "PlannedPaymentDate"),
        "FullyPaidOnDate": day(record, "FullyPaidOnDate"),
        "LineAmountTypes": text(record.get("LineAmountTypes")),
        "CurrencyCode": text(record.get("CurrencyCode")),
        "CurrencyRate": _double(record.get("CurrencyRate")),
        "TotalDiscount": amount(number(record.get("TotalDiscount"))),
        "BrandingThemeID": text(record.get("BrandingThemeID")),
        "RepeatingInvoiceID": text(record.get("RepeatingInvoiceID")),
        "Url": text(record.get("Url")),
        "SentToContact": truth(record.get("SentToContact")),
        "HasAttachments": truth(record.get("HasAttachments")),
        "IsDiscounted": truth(record.get("IsDiscounted")),
        "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
        "RowVersion": None,
        "IsDeleted": False,
    }
    for column, name in (
        ("SubTotal", "SubTotal"),
        ("TotalTax", "TotalTax"),
        ("TotalAmount", "Total"),
        ("AmountDue", "AmountDue"),
        ("AmountPaid", "AmountPaid"),
        ("AmountCredited", "AmountCredited"),
    ):
        row[column] = amount(number(record.get(name)))
        row[f"{column}Base"] = converted(number(record.get(name)), rate)
    return [row]


def _lines(record: Record, tenant: str, base: str | None) -> list[Row]:
    rate = _rate(record, record.get("CurrencyCode"), base)
    inclusive = str(record.get("LineAmountTypes")).lower() == "inclusive"
    document_key = _key(tenant, record.get("InvoiceID"))
    lines: list[Record] = record.get("LineItems") or []
    rows = []
    # A document without lines has one marker row: the document's own columns, LineNumber 0, no line.
    for at, line in enumerate(lines or [{}], start=1 if lines else 0):
        gross, tax = number(line.get("LineAmount")), number(line.get("TaxAmount"))
        net = gross - (tax or 0) if inclusive and gross is not None else gross
        tracking: list[Record] = [*(line.get("Tracking") or []), {}, {}]
        first, second = tracking[:2]
        rows.append(
            {
                "TenantID": tenant,
                "DocumentKey": document_key,
                "LineKey": f"{document_key}|{at}",
                "DocumentKind": "Invoice",
                "DocumentID": text(record.get("InvoiceID")),
                "DocumentType": text(record.get("Type")),
                "DocumentStatus": text(record.get("Status")),
                "DocumentDate": day(record, "Date"),
                "ContactKey": _key(tenant, inside(record, "Contact").get("ContactID")),
                "CurrencyCode": text(record.get("CurrencyCode")),
                "LineNumber": at,
                "IsMarker": at == 0,
                "LineItemID": text(line.get("LineItemID")),
                "Description": text(line.get("Description")),
                "Quantity": amount(number(line.get("Quantity"))),
                "UnitAmount": amount(number(line.get("UnitAmount"))),
                "ItemCode": text(line.get("ItemCode")),
                "AccountCode": text(line.get("AccountCode")),
                "AccountID": text(line.get("AccountID")),
                "TaxType": text(line.get("TaxType")),
                "TaxAmount": amount(tax),
                "LineAmount": amount(gross),
                "NetAmount": amount(net),
                "NetAmountBase": converted(net, rate),
                "TaxAmountBase": converted(tax, rate),
                "DiscountRate": amount(number(line.get("DiscountRate"))),
                "DiscountAmount": amount(number(line.get("DiscountAmount"))),
                "Tracking1CategoryID": text(first.get("TrackingCategoryID")),
                "Tracking1Category": text(first.get("Name")),
                "Tracking1Option": text(first.get("Option")),
                "Tracking2CategoryID": text(second.get("TrackingCategoryID")),
                "Tracking2Category": text(second.get("Name")),
                "Tracking2Option": text(second.get("Option")),
                "RowVersion": None,
                "IsDeleted": False,
            }
        )
    return rows


def _payment(record: Record, tenant: str, base: str | None) -> list[Row]:
    documents = [inside(record, name) for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment")]
    invoice, credit_note, prepayment, overpayment = documents
    account = inside(record, "Account")
    currency = next((document["CurrencyCode"] for document in documents if "CurrencyCode" in document), None)
    contacts = [inside(document, "Contact") for document in documents]
    contact_id = next((contact["ContactID"] for contact in contacts if "ContactID" in contact), None)
    batch = inside(record, "BatchPayment").get("BatchPaymentID")
    return [
        {
            "TenantID": tenant,
            "PaymentKey": _key(tenant, record.get("PaymentID")),
            "PaymentID": text(record.get("PaymentID")),
            "PaymentType": text(record.get("PaymentType")),
            "Status": text(record.get("Status")),
            "Date": day(record, "Date"),
            "Amount": amount(number(record.get("Amount"))),
            "AmountBase": converted(number(record.get("Amount")), _rate(record, currency, base)),
            "BankAmount": amount(number(record.get("BankAmount"))),
            "CurrencyCode": text(currency),
            "CurrencyRate": _double(record.get("CurrencyRate")),
            "Reference": text(record.get("Reference")),
            "IsReconciled": truth(record.get("IsReconciled")),
            "AccountID": text(account.get("AccountID")),
            "AccountKey": _key(tenant, account.get("AccountID")),
            "AccountCode": text(account.get("Code")),
            "InvoiceID": text(invoice.get("InvoiceID")),
            "InvoiceKey": _key(tenant, invoice.get("InvoiceID")),
            "InvoiceNumber": text(invoice.get("InvoiceNumber")),
            "CreditNoteID": text(credit_note.get("CreditNoteID")),
            "PrepaymentID": text(prepayment.get("PrepaymentID")),
            "OverpaymentID": text(overpayment.get("OverpaymentID")),
            "ContactID": text(contact_id),
            "ContactKey": _key(tenant, contact_id),
            "BatchPaymentID": text(record.get("BatchPaymentID", batch)),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
            "RowVersion": None,
            "IsDeleted": False,
        }
    ]


def _contact(record: Record, tenant: str, _: str | None) -> list[Row]:
    receivable = inside(inside(record, "Balances"), "AccountsReceivable")
    payable = inside(inside(record, "Balances"), "AccountsPayable")
    return [
        {
            "TenantID": tenant,
            "ContactKey": _key(tenant, record.get("ContactID")),
            "ContactID": text(record.get("ContactID")),
            "Name": text(record.get("Name")),
            "ContactNumber": text(record.get("ContactNumber")),
            "AccountNumber": text(record.get("AccountNumber")),
            "ContactStatus": text(record.get("ContactStatus")),
            "FirstName": text(record.get("FirstName")),
            "LastName": text(record.get("LastName")),
            "EmailAddress": text(record.get("EmailAddress")),
            "TaxNumber": text(record.get("TaxNumber")),
            "IsSupplier": truth(record.get("IsSupplier")),
            "IsCustomer": truth(record.get("IsCustomer")),
            "DefaultCurrency": text(record.get("DefaultCurrency")),
            "ReceivableOutstanding": amount(number(receivable.get("Outstanding"))),
            "ReceivableOverdue": amount(number(receivable.get("Overdue"))),
            "PayableOutstanding": amount(number(payable.get("Outstanding"))),
            "PayableOverdue": amount(number(payable.get("Overdue"))),
            "MergedToContactID": text(record.get("MergedToContactID")),
            "MergedToContactKey": _key(tenant, record.get("MergedToContactID")),
            "HasAttachments": truth(record.get("HasAttachments")),
            "UpdatedDateUTC": instant(record.get("UpdatedDateUTC")),
            "RowVersion": None,
            "IsDeleted": False,
        }
    ]


def _account(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "AccountKey": _key(tenant, record.get("AccountID")),
            "AccountID": text(record.get("AccountID")),
            "Code": text(record.get("Code")),
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
            "RowVersion": None,
            "IsDeleted": False,
        }
    ]


def _organisation(record: Record, tenant: str, _: str | None) -> list[Row]:
    return [
        {
            "TenantID": tenant,
            "OrganisationKey": _key(tenant, record.get("OrganisationID")),
            "OrganisationID": text(record.get("OrganisationID")),
            "Name": text(record.get("Name")),
            "LegalName": text(record.get("LegalName")),
            "Version": text(record.get("Version")),
            "OrganisationType": text(record.get("OrganisationType")),
            "OrganisationStatus": text(record.get("OrganisationStatus")),
            "BaseCurrency": text(record.get("BaseCurrency")),
            "CountryCode": text(record.get("CountryCode")),
            "IsDemoCompany": truth(record.get("IsDemoCompany")),
            "FinancialYearEndDay": _whole(record.get("FinancialYearEndDay")),
            "FinancialYearEndMonth": _whole(record.get("FinancialYearEndMonth")),
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
            "RowVersion": None,
            "IsDeleted": False,
        }
    ]


@dataclass(frozen=True)
class Table:
    """key: the column whose highest RowVersion is current; row_key: the column that names one row of it."""

    name: str
    resource: str
    id_field: str
    key: str
    row_key: str
    build: Callable[[Record, str, str | None], list[Row]]


TABLES = (
    Table("Invoices", "Invoices", "InvoiceID", "InvoiceKey", "InvoiceKey", _invoice),
    Table("Lines", "Invoices", "InvoiceID", "DocumentKey", "LineKey", _lines),
    Table("Payments", "Payments", "PaymentID", "PaymentKey", "PaymentKey", _payment),
    Table("Contacts", "Contacts", "ContactID", "ContactKey", "ContactKey", _contact),
    Table("Accounts", "Accounts", "AccountID", "AccountKey", "AccountKey", _account),
    Table(
        "Organisations", "Organisation", "OrganisationID", "OrganisationKey", "OrganisationKey", _organisation
    ),
)
