"""Credit notes, prepayments and overpayments as Xero lists them, with their allocations."""

from random import Random

from local.company.documents import Allocation, Credit
from local.company.records import Ledger, invoice_stub, line_records, payment_stub
from local.company.wire import Record, day, day_string, instant_string, money, stamp

_STATUS = {"draft": "DRAFT", "submitted": "SUBMITTED", "deleted": "DELETED", "voided": "VOIDED"}


def credit_record(credit: Credit, ledger: Ledger, random: Random) -> Record:
    note = credit.kind == "CreditNotes"
    record: Record = {f"{credit.kind[:-1]}ID": credit.id}
    if note:
        record["CreditNoteNumber"] = credit.number
        record["Payments"] = [payment_stub(refund) for refund in credit.refunds]
    record["ID"] = credit.id
    if credit.currency != ledger.office.currency or random.random() < 0.7:
        record["CurrencyRate"] = credit.rate
    record["Type"] = credit.type
    if note and credit.sale and credit.finished:
        record["SentToContact"] = random.random() < 0.6
    record |= {"Reference": _reference(credit), "RemainingCredit": money(credit.remaining)}
    if credit.kind == "Prepayments" and record["Reference"]:
        # The reference of a prepayment is the number of the invoice that it was for.
        record["InvoiceNumber"] = record["Reference"]
    if credit.allocations:
        record["AppliedAmount"] = money(credit.applied)
    record["Allocations"] = [_allocation(one, modern=random.random() < 0.8) for one in credit.allocations]
    if not note:
        record["Payments"] = [payment_stub(refund) for refund in credit.refunds]
    record |= {
        "HasAttachments": random.random() < 0.1,
        "Contact": credit.contact.stub,
        "DateString": day_string(credit.on),
        "Date": day(credit.on),
    }
    if note:
        record |= {"DueDateString": day_string(credit.on), "DueDate": day(credit.on)}
    if note and credit.sale:
        record["BrandingThemeID"] = ledger.id_of("theme")
    modern = random.random() < 0.7
    lines = line_records(credit, ledger, modern=modern)
    if not note:
        # As in Xero's own samples, where only the bank transaction names the lines.
        for line in lines:
            del line["LineItemID"]
    record |= {
        "Status": _STATUS.get(credit.fate, "AUTHORISED" if credit.remaining else "PAID"),
        "LineAmountTypes": credit.amount_types,
        "LineItems": lines,
        "SubTotal": money(credit.total - credit.tax),
        "TotalTax": money(credit.tax),
        "Total": money(credit.total),
        "UpdatedDateUTC": stamp(credit.updated),
        "UpdatedDateUTCString": instant_string(credit.updated),
        "CurrencyCode": credit.currency,
    }
    if note and record["Status"] == "PAID":
        days = [one.on for one in credit.allocations] + [refund.on for refund in credit.refunds]
        record["FullyPaidOnDate"] = day(max(days))
    return record


def _reference(credit: Credit) -> str:
    if credit.kind == "CreditNotes":
        return f"RMA {credit.id[:6].upper()}" if credit.sale else ""
    return credit.allocations[0].invoice.number if credit.allocations else ""


def _allocation(allocation: Allocation, *, modern: bool) -> Record:
    """modern: with an id and IsDeleted, which Xero's samples of 2019 do not have."""
    record: Record = {"AllocationID": allocation.id} if modern else {}
    record |= {
        "Amount": money(allocation.amount),
        "Date": day(allocation.on),
        "Invoice": invoice_stub(allocation.invoice.id, allocation.invoice.number),
    }
    return record | ({"IsDeleted": False} if modern else {})
