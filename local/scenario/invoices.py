"""What a day does to sales invoices and bills: corrected, paid, un-paid, voided, written."""

from datetime import timedelta
from decimal import Decimal

from local.scenario.amounts import cents, decimal, invoice_totals, is_exact, is_priced, reprice, wire_day
from local.scenario.day import Day, Record, contact_stub, name_of


def correct_references(day: Day) -> list[str]:
    told = []
    for invoice in day.choose("Invoices", lambda one: one["Status"] == "AUTHORISED" and _sale(one), 2):
        reference = f"PO {day.random.randrange(10_000, 99_999)} (corrected)"
        day.change("Invoices", invoice, {"Reference": reference})
        told.append(f"{name_of(invoice)}: the reference becomes {reference!r}")
    return told


def change_a_line(day: Day) -> list[str]:
    told = []
    # The second time by a client that sends lines without their ids: Xero makes new ones.
    for recreated in (False, True):
        (invoice,) = day.choose("Invoices", lambda one: is_unpaid(one) and is_priced(one["LineItems"][:1]))
        lines = [dict(line) for line in invoice["LineItems"]]
        line = lines[0]
        line["Quantity"] = float(decimal(line["Quantity"]) + day.random.randrange(1, 6))
        reprice(line, invoice["LineAmountTypes"], day.percent)
        if recreated:
            lines = [line | {"LineItemID": day.guid()} for line in lines]
        changed = invoice_totals(invoice, lines)
        day.change("Invoices", invoice, changed)
        told.append(
            f"{name_of(invoice)}: the first line's quantity becomes {line['Quantity']:g}, "
            f"the total {invoice['Total']:.2f} becomes {changed['Total']:.2f}"
            + (", with new line ids" if recreated else "")
        )
    return told


def empty_a_draft(day: Day) -> list[str]:
    (draft,) = day.choose(
        "Invoices",
        lambda one: one["Status"] == "DRAFT" and len(one["LineItems"]) == 3 and is_priced(one["LineItems"]),
    )
    for kept in (1, 0):
        lines = draft["LineItems"][1 : 1 + kept]
        day.change("Invoices", draft, invoice_totals(draft, lines))
    return [
        f"draft {name_of(draft)}: only its second line is kept, of three",
        f"draft {name_of(draft)}: its last line is removed",
    ]


def pay_in_part(day: Day) -> list[str]:
    invoices = day.choose("Invoices", lambda one: is_unpaid(one) and day.is_domestic(one), 2)
    return [_pay(day, invoice, cents(decimal(invoice["AmountDue"]) * 2 / 5)) for invoice in invoices]


def pay_in_full(day: Day) -> list[str]:
    domestic = day.choose("Invoices", lambda one: is_unpaid(one) and day.is_domestic(one), 2)
    # A foreign one with the currency and rate that a payment takes over.
    foreign = day.choose(
        "Invoices",
        lambda one: (
            is_unpaid(one) and not day.is_domestic(one) and {"CurrencyCode", "CurrencyRate"} <= one.keys()
        ),
    )
    return [_pay(day, invoice, decimal(invoice["AmountDue"])) for invoice in [*domestic, *foreign]]


def take_a_payment_back(day: Day) -> list[str]:
    paid = {
        one["InvoiceID"]
        for one in day.records("Invoices")
        if one["Status"] == "PAID" and is_exact(one) and one["InvoiceID"] not in day.touched
    }
    (payment,) = day.choose(
        "Payments",
        lambda one: (
            one["Status"] == "AUTHORISED"
            and "BatchPaymentID" not in one
            and one.get("Invoice", {}).get("InvoiceID") in paid
        ),
    )
    day.touched.add(payment["Invoice"]["InvoiceID"])
    invoice = day.post("unpay", payment_id=payment["PaymentID"])["invoice"]
    return [f"{name_of(invoice)}: its payment of {float(payment['Amount']):.2f} is taken back"]


def void_and_delete(day: Day) -> list[str]:
    (valid,) = day.choose("Invoices", lambda one: is_unpaid(one) and _sale(one))
    (draft,) = day.choose("Invoices", lambda one: one["Status"] in ("DRAFT", "SUBMITTED"))
    for invoice in (valid, draft):
        day.end("Invoices", invoice["InvoiceID"])
    return [f"{name_of(valid)}: voided", f"{draft['Status'].lower()} {name_of(draft)}: deleted"]


def write_invoices(day: Day) -> list[str]:
    """For the day's new customer and two others, on the day's new account."""
    regulars = [one for one in day.records("Contacts") if one.get("ContactStatus") == "ACTIVE"]
    told = []
    for contact, count in (
        (day.new_contact, 4),
        (day.random.choice(regulars), 1),
        (day.random.choice(regulars), 12),
    ):
        invoice = day.add("Invoices", new_invoice(day, contact, count))
        told.append(
            f"{name_of(invoice)}: written for {contact['Name']!r}, {count} line(s), {invoice['Total']:.2f}"
        )
    return told


def is_unpaid(invoice: Record) -> bool:
    return bool(invoice["Status"] == "AUTHORISED" and invoice["AmountDue"] == invoice["Total"] > 0)


def new_invoice(day: Day, contact: Record, count: int) -> Record:
    """An approved sales invoice of today, in base currency."""
    lines: list[Record] = []
    for number in range(1, count + 1):
        line: Record = {
            "Description": f"Fair package {number}",
            "UnitAmount": day.random.randrange(500, 20_000) / 100,
            "TaxType": day.new_account["TaxType"],
            "TaxAmount": 0.0,
            "LineAmount": 0.0,
            "AccountCode": day.new_account["Code"],
            "Tracking": [],
            "Quantity": float(day.random.randrange(1, 30)),
            "LineItemID": day.guid(),
            "AccountID": day.new_account["AccountID"],
        }
        reprice(line, "Exclusive", day.percent)
        lines.append(line)
    following = day.next_number("INV", "Invoices", "InvoiceNumber")
    return document(day, "ACCREC", following, contact, "Exclusive", day.base, lines)


def document(
    day: Day,
    kind: str,
    number: str,
    contact: Record,
    amount_types: str,
    currency: str,
    lines: list[Record],
    rate: float = 1.0,
) -> Record:
    """An approved invoice or bill of today."""
    due = day.today + timedelta(days=30)
    record: Record = {
        "Type": kind,
        "InvoiceID": day.guid(),
        "InvoiceNumber": number,
        "Reference": "",
        "Payments": [],
        "CreditNotes": [],
        "Prepayments": [],
        "Overpayments": [],
        "AmountDue": 0.0,
        "AmountPaid": 0.0,
        "AmountCredited": 0.0,
        "CurrencyRate": rate,
        "IsDiscounted": False,
        "HasAttachments": False,
        "HasErrors": False,
        "Contact": contact_stub(contact),
        "DateString": f"{day.today}T00:00:00",
        "Date": wire_day(day.today),
        "DueDateString": f"{due}T00:00:00",
        "DueDate": wire_day(due),
        "Status": "AUTHORISED",
        "LineAmountTypes": amount_types,
        "LineItems": [],
        "SubTotal": 0.0,
        "TotalTax": 0.0,
        "Total": 0.0,
        "CurrencyCode": currency,
    }
    return record | invoice_totals(record, lines)


def _sale(invoice: Record) -> bool:
    return bool(invoice["Type"] == "ACCREC")


def _pay(day: Day, invoice: Record, amount: Decimal) -> str:
    bank = day.bank_account(invoice["CurrencyCode"])
    day.post("pay", invoice_id=invoice["InvoiceID"], amount=float(amount), account_id=bank["AccountID"])
    return f"{name_of(invoice)}: {amount:.2f} of {invoice['AmountDue']:.2f} {invoice['CurrencyCode']} paid"
