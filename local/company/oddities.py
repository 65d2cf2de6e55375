"""The awkward values that Xero's books are known to hold, planted a few each into otherwise plain records.

Every kind was seen in recorded answers or is in Xero's own documents; none of them changes a sum.
"""

from collections.abc import Callable
from datetime import date

from local.company.catalogue import BASE_CURRENCY
from local.company.records import document_stub
from local.company.wire import DAY, Record, instant_string, midnight, milliseconds_of, stamp

LONG = "Delivered in instalments as agreed; see the schedule of the standing order. "
AMOUNTS = ("AmountDue", "AmountPaid", "AmountCredited", "SubTotal", "TotalTax", "Total", "CurrencyRate")


def plant(invoices: list[Record], payments: list[Record], contacts: list[Record], first: date) -> None:
    """Change some records in place, each for one reason only, and add payments of other things than invoices.

    The records lie within the months from `first`, and none of them is a draft: those are for the scenario.
    Raises LookupError when the books are too small to hold every kind.
    """
    begin = midnight(first)
    _plant_contacts(contacts)
    _plant_payments(payments, begin)
    used: set[str] = set()
    # From the middle on: the books' newest records are what a reader of the demo sees first.
    dated = [record for record in invoices if milliseconds_of(record["Date"]) >= begin]
    order = dated[len(dated) // 2 :] + dated[: len(dated) // 2]

    def take(fits: Callable[[Record], bool], count: int = 1) -> list[Record]:
        found = [record for record in order if record["InvoiceID"] not in used and fits(record)][:count]
        if len(found) < count:
            raise LookupError("the books are too small for every awkward value; ask for more documents")
        used.update(record["InvoiceID"] for record in found)
        return found

    def paid(record: Record) -> bool:
        return bool(record["Status"] == "PAID")

    def awaited(record: Record) -> bool:
        return bool(record["Status"] == "AUTHORISED" and not record["Payments"])

    def unpaid(record: Record) -> bool:
        return awaited(record) and bool(record["CurrencyCode"] == BASE_CURRENCY)

    def bill(record: Record) -> bool:
        return paid(record) and bool(record["Type"] == "ACCPAY")

    def unpaid_bill(record: Record) -> bool:
        return unpaid(record) and bool(record["Type"] == "ACCPAY")

    def voided(record: Record) -> bool:
        return bool(record["Status"] == "VOIDED")

    def plain_sale(record: Record) -> bool:
        return paid(record) and record["Type"] == "ACCREC" and not record["IsDiscounted"]

    def foreign(record: Record) -> bool:
        return awaited(record) and bool(record["CurrencyCode"] != BASE_CURRENCY)

    for record in take(foreign, 4):
        record.pop("CurrencyRate")
    for record in take(lambda record: paid(record) and record["CurrencyCode"] == BASE_CURRENCY, 2):
        record.pop("CurrencyRate", None)
        record.pop("CurrencyCode")
    for record in take(bill, 2):
        _remove(record, "DateString", "DueDateString")
        record |= {"Date": stamp(0), "DueDate": stamp(-1_565_568_000_000)}
    for record in take(bill):
        record |= {"Date": stamp(-DAY), "DateString": "1969-12-31T00:00:00"}
    for record in take(paid, 4):
        _remove(record, "DateString", "DueDateString", "UpdatedDateUTCString")
    for record in take(paid, 3):
        for name in ("Date", "DueDate", "UpdatedDateUTC"):
            record[name] = record[name].replace("+0000", "")
    for record in take(unpaid, 2):
        _remove(record, "Date", "DateString")
    for record in take(unpaid, 3):
        _remove(record, "DueDate", "DueDateString")
    for record in take(paid, 2):
        _remove(record, "Date", "DateString", "DueDate", "DueDateString")
    for record in take(paid, 3):
        record |= _written(record, AMOUNTS)
        record["LineItems"] = [
            line | _written(line, ("UnitAmount", "TaxAmount", "LineAmount", "Quantity"))
            for line in record["LineItems"]
        ]
    for record in take(paid, 3):
        for name in ("IsDiscounted", "HasAttachments", "HasErrors", "SentToContact"):
            if name in record:
                record[name] = "true" if record[name] else "false"
    for record in take(bill, 3):
        _remove(record["LineItems"][0], "AccountCode", "AccountID")
    for record in take(lambda record: plain_sale(record) and len(record["LineItems"]) < 12, 3):
        # A line may be nothing but words.
        words = {"Description": "Deliver to the rear dock before 7 am.", "Tracking": []}
        record["LineItems"].append(words | {"LineItemID": _sibling(record["InvoiceID"], 1)})
    for record in take(unpaid_bill, 2):
        record.pop("InvoiceNumber")
    for record in take(unpaid_bill, 2):
        record["InvoiceNumber"] = "1001"
    for record in take(voided):
        record["AmountDue"] = record["Total"]
    for years, record in enumerate(take(paid, 3), start=2):
        moved = milliseconds_of(record["UpdatedDateUTC"]) - (10 + years) * 365 * DAY
        record |= {"UpdatedDateUTC": stamp(moved), "UpdatedDateUTCString": instant_string(moved)}
    for record in take(paid, 2):
        record |= {"EInvoice": {"State": "ACCEPTED", "Attempts": 2}, "RoundingAmount": 0.0}
        record["LineItems"][0]["Taxability"] = "NOT_APPLICABLE"
    for record, status in zip(take(unpaid, 2), ("AWAITINGRELEASE", "DISPUTED"), strict=True):
        record["Status"] = status
    for record in take(paid):
        record["LineAmountTypes"] = record["LineAmountTypes"].upper()
    for record in take(voided):
        # The largest amount that a line may have.
        vast = {
            "TaxType": "NONE",
            "Quantity": 1.0,
            "UnitAmount": 9_999_999_999.99,
            "TaxAmount": 0.0,
            "LineAmount": 9_999_999_999.99,
        }
        record["LineItems"] = [record["LineItems"][0] | vast]
        _remove(record["LineItems"][0], "DiscountRate", "DiscountAmount")
        _remove(record, "TotalDiscount")
        record |= {
            "SubTotal": 9_999_999_999.99,
            "TotalTax": 0.0,
            "Total": 9_999_999_999.99,
            "IsDiscounted": False,
        }
    texts = (
        # 4,000 UTF-16 units fit; beyond them, once in the middle of an emoji.
        (LONG * 60)[:4000],
        (LONG * 60)[:4300],
        (LONG * 60)[:3998] + "📦" * 40,
        "Línea uno\r\nline two\twith a tab, “quotes”, a back\\slash and \u202bעברית\u202c",
    )
    for record, description in zip(take(plain_sale, len(texts)), texts, strict=True):
        record["LineItems"][0]["Description"] = description


def _plant_payments(payments: list[Record], begin: int) -> None:
    settled = [
        record
        for record in payments
        if record["Status"] == "AUTHORISED" and milliseconds_of(record["Date"]) >= begin
    ]
    if len(settled) < 20:
        raise LookupError("the books are too small for every awkward payment; ask for more documents")
    middle = len(settled) // 2
    foreign = [record for record in settled if record["Invoice"]["CurrencyCode"] != BASE_CURRENCY]
    for record in foreign[:2]:
        record.pop("CurrencyRate")
    plain = [
        record
        for record in settled[middle:] + settled[:middle]
        if record["Invoice"]["CurrencyCode"] == BASE_CURRENCY
    ]
    for record in plain[0:2]:
        record |= _written(record, ("Amount", "BankAmount", "CurrencyRate"))
    for record in plain[2:4]:
        record |= {name: str(record[name]).lower() for name in ("HasAccount", "IsReconciled")}
    plain[4]["Invoice"].pop("InvoiceNumber")
    plain[5]["UpdatedDateUTC"] = plain[5]["UpdatedDateUTC"].replace("+0000", "")
    plain[6]["CreditNote"] = []
    plain[7]["Reference"] = "Überweisung – 振込 💸"
    payments += [_refund(record, place) for place, record in enumerate(plain[8:14])]


def _refund(model: Record, place: int) -> Record:
    """A payment that repays a credit note, prepayment or overpayment, shaped after one that pays an invoice.

    A credit note's refund comes in two shapes: with a CreditNote, and, as in Xero's specification, with an
    Invoice whose Type is ACCRECCREDIT and whose id belongs to no invoice.
    """
    contact, currency = model["Invoice"]["Contact"], model["Invoice"]["CurrencyCode"]
    record = {name: value for name, value in model.items() if name not in ("Invoice", "HasValidationErrors")}
    _remove(record, "BatchPaymentID", "BatchPayment")
    record["PaymentID"] = _sibling(model["PaymentID"], 2)
    document = _sibling(model["PaymentID"], 3)
    shared = {"Contact": contact, "LineItems": [], "CurrencyCode": currency}
    if place < 2:
        record["PaymentType"] = "ARCREDITPAYMENT"
        record["CreditNote"] = {"CreditNoteID": document, "CreditNoteNumber": f"CN-R{place}"} | shared
    elif place < 4:
        record["PaymentType"] = "ARCREDITPAYMENT"
        record["Invoice"] = document_stub("ACCRECCREDIT", document, f"CN-R{place}", contact, currency)
    elif place == 4:
        record["PaymentType"] = "APPREPAYMENTPAYMENT"
        record["Prepayment"] = {"PrepaymentID": document} | shared
    else:
        record["PaymentType"] = "AROVERPAYMENTPAYMENT"
        record["Overpayment"] = {"OverpaymentID": document} | shared
    return record | {"HasValidationErrors": False}


def _plant_contacts(contacts: list[Record]) -> None:
    # Merged contacts trade no more, so these stay as they are whatever is done to the books.
    merged = [record for record in contacts if "MergedToContactID" in record]
    nothing = {"Outstanding": "0.00", "Overdue": "0.00"}
    merged[0]["Balances"] = {"AccountsReceivable": nothing, "AccountsPayable": nothing}
    merged[1]["Balances"] = []
    contacts[40] |= {"IsSupplier": str(contacts[40]["IsSupplier"]).lower(), "HasAttachments": "false"}
    contacts[41]["UpdatedDateUTC"] = contacts[41]["UpdatedDateUTC"].replace("+0000", "+1300")
    contacts[42]["UpdatedDateUTC"] = contacts[42]["UpdatedDateUTC"].replace("+0000", "")
    contacts[43]["ContactStatus"] = "GDPRREQUEST"
    contacts[44] |= {"TaxNumberType": "ABN", "TradingName": "unknown to the specification"}
    contacts[45]["Name"] = (contacts[45]["Name"] + " and all of its branches, " * 12)[:255]


def _written(record: Record, names: tuple[str, ...]) -> Record:
    """These numbers as strings, as many of Xero's own samples have them."""
    places = {"CurrencyRate": 6, "Quantity": 4}
    return {name: f"{record[name]:.{places.get(name, 2)}f}" for name in names if name in record}


def _remove(record: Record, *names: str) -> None:
    for name in names:
        record.pop(name, None)


def _sibling(identifier: str, number: int) -> str:
    """Another id, as far from the others as they are from each other, made from one of them."""
    digit = "0123456789abcdef"[(int(identifier[0], 16) + number) % 16]
    return digit + identifier[1:]
