"""Invoices and payments written down as Xero's wire JSON: fields in the order recorded, nulls left out."""

from collections.abc import Mapping, Sequence
from random import Random

from local.company.documents import Credit, Document, Invoice, Line, Payment
from local.company.offices import Office
from local.company.taxes import CHANNEL, REGION
from local.company.wire import Record, day, day_string, instant_string, money, stamp

STATUS = {
    "draft": "DRAFT",
    "submitted": "SUBMITTED",
    "deleted": "DELETED",
    "voided": "VOIDED",
    "open": "AUTHORISED",
    "part": "AUTHORISED",
    "paid": "PAID",
}

REFUNDED = {"CreditNotes": "CREDIT", "Prepayments": "PREPAYMENT", "Overpayments": "OVERPAYMENT"}


class Ledger:
    """What records refer to besides each other: accounts, tracking categories, items, the branding theme."""

    def __init__(self, office: Office, accounts: Sequence[Record], ids: Mapping[str, str]) -> None:
        self.office = office
        self.banks = [record for record in accounts if record["Type"] == "BANK"]
        self.account_ids = {record["Code"]: record["AccountID"] for record in accounts if "Code" in record}
        self._ids = ids

    def id_of(self, name: str) -> str:
        """The id of a tracking category, tracking option, item or the branding theme."""
        return self._ids[name]


def invoice_record(document: Invoice, ledger: Ledger, random: Random) -> Record:
    tax, total = document.tax, document.total
    net = total - tax
    modern = random.random() < 0.7
    record: Record = {
        "Type": document.type,
        "InvoiceID": document.id,
        "InvoiceNumber": document.number,
        "Reference": document.reference,
        "Payments": [payment_stub(payment) for payment in document.payments if not payment.deleted],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": money(document.due_amount),
        "AmountPaid": money(document.paid),
        "AmountCredited": money(document.credited),
    }
    for allocation in document.allocations:
        credit = allocation.credit
        stub = credit_stub(credit) | {
            "ID": credit.id,
            "HasErrors": False,
            "AppliedAmount": money(allocation.amount),
            "DateString": day_string(credit.on),
            "Date": day(credit.on),
            "LineItems": [],
            "Total": money(credit.total),
        }
        record[credit.kind].append(stub)
    approved = document.fate not in ("draft", "submitted", "deleted")
    if document.sale and approved and random.random() < 0.7:
        record["SentToContact"] = random.random() < 0.9
    if document.currency != ledger.office.currency or random.random() < 0.8:
        record["CurrencyRate"] = document.rate
    record |= {
        "IsDiscounted": bool(document.discounts),
        "HasAttachments": not document.sale and random.random() < 0.3,
        "HasErrors": False,
        "Contact": document.contact.stub,
        "DateString": day_string(document.on),
        "Date": day(document.on),
        "DueDateString": day_string(document.due),
        "DueDate": day(document.due),
    }
    if document.fate in ("open", "part") and random.random() < 0.15:
        name = "ExpectedPaymentDate" if document.sale else "PlannedPaymentDate"
        record |= {f"{name}String": day_string(document.due), name: day(document.due)}
    if document.sale:
        record["BrandingThemeID"] = ledger.id_of("theme")
    elif any(line.account == "469" for line in document.lines):
        record["RepeatingInvoiceID"] = ledger.id_of("rent")
    if random.random() < 0.03:
        record["Url"] = f"https://orders.example.com/documents/{document.id[:8]}"
    record |= {
        "Status": STATUS[document.fate],
        "LineAmountTypes": document.amount_types,
        "LineItems": line_records(document, ledger, modern=modern),
        "SubTotal": money(net),
        "TotalTax": money(tax),
        "Total": money(total),
    }
    if document.discounts:
        record["TotalDiscount"] = money(document.discounts)
    record |= {
        "UpdatedDateUTC": stamp(document.updated),
        "UpdatedDateUTCString": instant_string(document.updated),
        "CurrencyCode": document.currency,
    }
    if document.fate == "paid":
        days = [payment.on for payment in document.payments if not payment.deleted]
        record["FullyPaidOnDate"] = day(max([*days, *(allocation.on for allocation in document.allocations)]))
    return record


def line_records(document: Document, ledger: Ledger, *, modern: bool) -> list[Record]:
    return [_line_record(line, document.amount_types, ledger, modern=modern) for line in document.lines]


def _line_record(line: Line, amount_types: str, ledger: Ledger, *, modern: bool) -> Record:
    """modern: with Item, AccountID and TrackingOptionID, which the recordings of 2020 do not have."""
    record: Record = {}
    if line.item:
        record["ItemCode"] = line.item.code
    record |= {
        "Description": line.description,
        "UnitAmount": money(line.price),
        "TaxType": line.tax_type,
        "TaxAmount": money(line.tax(amount_types)),
        "LineAmount": money(line.amount),
        "AccountCode": line.account,
    }
    if modern and line.item:
        code = line.item.code
        record["Item"] = {"ItemID": ledger.id_of(f"item {code}"), "Name": line.item.name[:50], "Code": code}
    record["Tracking"] = [
        tracking_record(name, option, ledger, modern=modern)
        for name, option in ((REGION, line.region), (CHANNEL, line.channel))
        if option
    ]
    record["Quantity"] = line.quantity / 10_000
    if line.discount:
        record["DiscountRate"] = float(line.discount)
    if line.reduction:
        record["DiscountAmount"] = money(line.reduction)
    record["LineItemID"] = line.id
    if modern:
        record["AccountID"] = ledger.account_ids[line.account]
    return record


def tracking_record(name: str, option: str, ledger: Ledger, *, modern: bool) -> Record:
    record: Record = {"Name": name, "Option": option, "TrackingCategoryID": ledger.id_of(name)}
    if modern:
        record["TrackingOptionID"] = ledger.id_of(f"{name} {option}")
    return record | {"Options": []}


def payment_stub(payment: Payment) -> Record:
    return {
        "PaymentID": payment.id,
        "Date": day(payment.on),
        "Amount": money(payment.amount),
        "Reference": "",
        "CurrencyRate": payment.rate,
        "HasAccount": False,
        "HasValidationErrors": False,
    }


def payment_record(
    document: Invoice | Credit, payment: Payment, ledger: Ledger, batch_total: int | None = None
) -> Record:
    """A row of the Payments list. batch_total: cents of the whole batch that the payment belongs to.

    A credit note's refund comes in two shapes: with a CreditNote, and, as in Xero's specification, with an
    Invoice whose Type is ACCRECCREDIT or ACCPAYCREDIT and whose id is the credit note's.
    """
    bank = ledger.banks[payment.account]
    account = {name: bank[name] for name in ("AccountID", "Code") if name in bank}
    record: Record = {"PaymentID": payment.id}
    if payment.batch and batch_total is not None:
        record |= {
            "BatchPaymentID": payment.batch,
            "BatchPayment": {
                "Account": {"AccountID": bank["AccountID"]},
                "BatchPaymentID": payment.batch,
                "Date": day(payment.on),
                "Type": "PAYBATCH",
                "Status": "AUTHORISED",
                "TotalAmount": f"{batch_total / 100:.2f}",
                "UpdatedDateUTC": stamp(payment.updated),
                "IsReconciled": "true" if payment.reconciled else "false",
            },
        }
    if isinstance(document, Invoice):
        kind = f"{document.type}PAYMENT"
    else:
        kind = f"{'AR' if document.sale else 'AP'}{REFUNDED[document.kind]}PAYMENT"
    return record | {
        "Date": day(payment.on),
        "BankAmount": money(payment.bank_amount),
        "Amount": money(payment.amount),
        "Reference": "",
        "CurrencyRate": payment.rate,
        "PaymentType": kind,
        "Status": "DELETED" if payment.deleted else "AUTHORISED",
        "UpdatedDateUTC": stamp(payment.updated),
        "UpdatedDateUTCString": instant_string(payment.updated),
        "HasAccount": True,
        "IsReconciled": payment.reconciled,
        "Account": account,
        **_paid_stub(document),
        "HasValidationErrors": False,
    }


def _paid_stub(document: Invoice | Credit) -> Record:
    contact, currency = document.contact.stub, document.currency
    if isinstance(document, Invoice) or document.refunded_as_invoice:
        return {"Invoice": document_stub(document.type, document.id, document.number, contact, currency)}
    shared = {"Contact": contact, "LineItems": [], "CurrencyCode": currency}
    return {document.kind[:-1]: credit_stub(document) | shared}


def credit_stub(credit: Credit) -> Record:
    """How a credit note, prepayment or overpayment is named inside another record."""
    record: Record = {f"{credit.kind[:-1]}ID": credit.id}
    if credit.kind == "CreditNotes":
        record["CreditNoteNumber"] = credit.number
    return record


def document_stub(kind: str, identifier: str, number: str, contact: Record, currency: str) -> Record:
    """How an invoice stands inside a payment: empty arrays say nothing about what it holds."""
    return {"Type": kind} | invoice_stub(identifier, number) | {"Contact": contact, "CurrencyCode": currency}


def invoice_stub(identifier: str, number: str) -> Record:
    """How an invoice stands inside an allocation."""
    return {
        "InvoiceID": identifier,
        "InvoiceNumber": number,
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "HasErrors": False,
        "IsDiscounted": False,
        "LineItems": [],
    }
