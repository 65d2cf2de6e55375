"""What a day does to credits: a credit note is written and applied, another voided, a prepayment used."""

from local.scenario.amounts import decimal, is_priced, reprice, totals, wire_day
from local.scenario.day import Day, Record, contact_stub, name_of
from local.scenario.invoices import is_unpaid, new_invoice


def write_and_allocate_a_credit_note(day: Day) -> list[str]:
    """For one piece of what an unpaid invoice is about."""
    (invoice,) = day.choose(
        "Invoices",
        lambda one: (
            is_unpaid(one)
            and one["Type"] == "ACCREC"
            and day.is_domestic(one)
            and is_priced(one["LineItems"][:1])
            and one["LineItems"][0]["Quantity"] >= 1
            # A negative line may leave less than that piece.
            and one["LineItems"][0]["UnitAmount"] * 1.2 < one["Total"]
        ),
    )
    line = {name: value for name, value in invoice["LineItems"][0].items() if name != "LineItemID"}
    line |= {"Description": "Returned: one piece", "Quantity": 1.0, "LineItemID": day.guid()}
    reprice(line, invoice["LineAmountTypes"], day.percent)
    note = day.add("CreditNotes", _credit_note(day, invoice, line))
    amount = decimal(note["Total"])
    day.post(
        "allocate",
        resource="CreditNotes",
        id=note["CreditNoteID"],
        invoice_id=invoice["InvoiceID"],
        amount=float(amount),
    )
    return [
        f"{name_of(note)}: written for {invoice['Contact']['Name']!r}, {amount:.2f}",
        f"{name_of(note)}: {amount:.2f} allocated to {name_of(invoice)}",
    ]


def void_a_credit_note(day: Day) -> list[str]:
    (note,) = day.choose(
        "CreditNotes",
        lambda one: one["Status"] == "AUTHORISED" and not one["Allocations"] and not one["Payments"],
    )
    day.end("CreditNotes", note["CreditNoteID"])
    return [f"{name_of(note)}: voided"]


def apply_a_prepayment(day: Day) -> list[str]:
    """What was paid for in advance is invoiced, and the prepayment used for it."""
    (prepayment,) = day.choose(
        "Prepayments",
        lambda one: (
            one["Status"] == "AUTHORISED"
            and one["Type"] == "RECEIVE-PREPAYMENT"
            and one["RemainingCredit"] > 0
            and day.is_domestic(one)
        ),
    )
    invoice = day.add("Invoices", new_invoice(day, prepayment["Contact"], 2))
    amount = min(decimal(prepayment["RemainingCredit"]), decimal(invoice["Total"]))
    day.post(
        "allocate",
        resource="Prepayments",
        id=prepayment["PrepaymentID"],
        invoice_id=invoice["InvoiceID"],
        amount=float(amount),
    )
    return [
        f"{name_of(invoice)}: written for what {invoice['Contact']['Name']!r} paid in advance",
        f"{name_of(prepayment)}: {amount:.2f} applied to {name_of(invoice)}",
    ]


def _credit_note(day: Day, invoice: Record, line: Record) -> Record:
    identifier = day.guid()
    record: Record = {
        "CreditNoteID": identifier,
        "CreditNoteNumber": day.next_number("CN", "CreditNotes", "CreditNoteNumber"),
        "Payments": [],
        "ID": identifier,
        "CurrencyRate": 1.0,
        "Type": "ACCRECCREDIT",
        "Reference": "",
        "RemainingCredit": 0.0,
        "Allocations": [],
        "HasAttachments": False,
        "Contact": contact_stub(invoice["Contact"]),
        "DateString": f"{day.today}T00:00:00",
        "Date": wire_day(day.today),
        "DueDateString": f"{day.today}T00:00:00",
        "DueDate": wire_day(day.today),
        "Status": "AUTHORISED",
        "LineAmountTypes": invoice["LineAmountTypes"],
        "LineItems": [],
        "SubTotal": 0.0,
        "TotalTax": 0.0,
        "Total": 0.0,
        "CurrencyCode": day.base,
    }
    record |= totals(record, [line])
    return record | {"RemainingCredit": record["Total"]}
