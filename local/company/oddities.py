"""The awkward values that Xero's books are known to hold, planted a few each into otherwise plain records.

Every kind was seen in recorded answers or is in Xero's own documents; none of them changes a sum.
"""

from collections.abc import Callable

from local.company.offices import Scene
from local.company.wire import DAY, Record, instant_string, midnight, milliseconds_of, stamp

LONG = "Delivered in instalments as agreed; see the schedule of the standing order. "
AMOUNTS = ("AmountDue", "AmountPaid", "AmountCredited", "SubTotal", "TotalTax", "Total", "CurrencyRate")


def plant(books: dict[str, list[Record]], scene: Scene, *, sparing: bool) -> None:
    """Change some invoices, payments and contacts in place, each for one reason only.

    The records lie within the months of the books, and none of them is a draft: those are for the scenario.
    sparing: one of each kind where there are several else. Raises LookupError when the books are too small to hold
    every kind.
    """
    invoices, begin, base = books["Invoices"], midnight(scene.first), scene.office.currency
    _plant_contacts(books["Contacts"])
    _plant_payments(books["Payments"], begin, base)
    used: set[str] = set()
    # From the middle on: the books' newest records are what a reader of the demo sees first.
    dated = [record for record in invoices if milliseconds_of(record["Date"]) >= begin]
    order = dated[len(dated) // 2 :] + dated[: len(dated) // 2]

    def take(fits: Callable[[Record], bool], count: int = 1, *, all_of_them: bool = False) -> list[Record]:
        wanted = 1 if sparing and not all_of_them else count
        found = [record for record in order if record["InvoiceID"] not in used and fits(record)][:wanted]
        if len(found) < wanted:
            raise LookupError("the books are too small for every awkward value; ask for more documents")
        used.update(record["InvoiceID"] for record in found)
        return found

    def paid(record: Record) -> bool:
        return bool(record["Status"] == "PAID")

    def awaited(record: Record) -> bool:
        return bool(record["Status"] == "AUTHORISED" and record["AmountDue"] == record["Total"])

    def unpaid(record: Record) -> bool:
        return awaited(record) and bool(record["CurrencyCode"] == base)

    def bill(record: Record) -> bool:
        return paid(record) and bool(record["Type"] == "ACCPAY")

    def unpaid_bill(record: Record) -> bool:
        return unpaid(record) and bool(record["Type"] == "ACCPAY")

    def voided(record: Record) -> bool:
        return bool(record["Status"] == "VOIDED")

    def plain_sale(record: Record) -> bool:
        return paid(record) and record["Type"] == "ACCREC" and not record["IsDiscounted"]

    def foreign(record: Record) -> bool:
        return awaited(record) and bool(record["CurrencyCode"] != base)

    # Those that only few records fit come first.
    texts = (
        # 4,000 UTF-16 units fit; beyond them, once in the middle of an emoji.
        (LONG * 60)[:4000],
        (LONG * 60)[:4300],
        (LONG * 60)[:3998] + "📦" * 40,
        "Línea uno\r\nline two\twith a tab, “quotes”, a back\\slash and \u202bעברית\u202c",
    )
    for record, description in zip(take(plain_sale, len(texts), all_of_them=True), texts, strict=True):
        record["LineItems"][0]["Description"] = description
    for record in take(lambda record: plain_sale(record) and len(record["LineItems"]) < 12, 3):
        # A line may be nothing but words.
        words = {"Description": "Deliver to the rear dock before 7 am.", "Tracking": []}
        record["LineItems"].append(words | {"LineItemID": sibling(record["InvoiceID"], 1)})
    for record in take(bill, 2):
        remove(record, "DateString", "DueDateString")
        record |= {"Date": stamp(0), "DueDate": stamp(-1_565_568_000_000)}
    for record in take(bill):
        record |= {"Date": stamp(-DAY), "DateString": "1969-12-31T00:00:00"}
    for record in take(bill, 3):
        remove(record["LineItems"][0], "AccountCode", "AccountID")
    for record in take(foreign, 4):
        record.pop("CurrencyRate")
    for record in take(lambda record: paid(record) and record["CurrencyCode"] == base, 2):
        record.pop("CurrencyRate", None)
        record.pop("CurrencyCode")
    for record in take(paid, 4):
        remove(record, "DateString", "DueDateString", "UpdatedDateUTCString")
    for record in take(paid, 3):
        for name in ("Date", "DueDate", "UpdatedDateUTC"):
            record[name] = record[name].replace("+0000", "")
    for record in take(unpaid, 2):
        remove(record, "Date", "DateString")
    for record in take(unpaid, 3):
        remove(record, "DueDate", "DueDateString")
    for record in take(paid, 2):
        remove(record, "Date", "DateString", "DueDate", "DueDateString")
    for record in take(paid, 3):
        record |= written(record, AMOUNTS)
        record["LineItems"] = [
            line | written(line, ("UnitAmount", "TaxAmount", "LineAmount", "Quantity"))
            for line in record["LineItems"]
        ]
    for record in take(paid, 3):
        for name in ("IsDiscounted", "HasAttachments", "HasErrors", "SentToContact"):
            if name in record:
                record[name] = "true" if record[name] else "false"
    for record in take(unpaid_bill, 2):
        record.pop("InvoiceNumber")
    for record in take(unpaid_bill, 2, all_of_them=True):
        record["InvoiceNumber"] = "1001"
    for record in take(voided):
        record["AmountDue"] = record["Total"]
    for years, record in enumerate(take(paid, 3), start=2):
        moved = milliseconds_of(record["UpdatedDateUTC"]) - (10 + years) * 365 * DAY
        record |= {"UpdatedDateUTC": stamp(moved), "UpdatedDateUTCString": instant_string(moved)}
    for record in take(paid, 2):
        record |= {"EInvoice": {"State": "ACCEPTED", "Attempts": 2}, "RoundingAmount": 0.0}
        record["LineItems"][0]["Taxability"] = "NOT_APPLICABLE"
    for record, status in zip(
        take(unpaid, 2, all_of_them=True), ("AWAITINGRELEASE", "DISPUTED"), strict=True
    ):
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
        remove(record["LineItems"][0], "DiscountRate", "DiscountAmount")
        remove(record, "TotalDiscount")
        record |= {
            "SubTotal": 9_999_999_999.99,
            "TotalTax": 0.0,
            "Total": 9_999_999_999.99,
            "IsDiscounted": False,
        }


def _plant_payments(payments: list[Record], begin: int, base: str) -> None:
    settled = [
        record
        for record in payments
        if record["Status"] == "AUTHORISED"
        and "Invoice" in record
        and record["Invoice"]["Type"] in ("ACCREC", "ACCPAY")
        and milliseconds_of(record["Date"]) >= begin
    ]
    middle = len(settled) // 2
    foreign = [record for record in settled if record["Invoice"]["CurrencyCode"] != base]
    for record in foreign[:2]:
        record.pop("CurrencyRate")
    plain = [
        record for record in settled[middle:] + settled[:middle] if record["Invoice"]["CurrencyCode"] == base
    ]
    if len(plain) < 8:
        raise LookupError("the books are too small for every awkward payment; ask for more documents")
    for record in plain[0:2]:
        record |= written(record, ("Amount", "BankAmount", "CurrencyRate"))
    for record in plain[2:4]:
        record |= {name: str(record[name]).lower() for name in ("HasAccount", "IsReconciled")}
    plain[4]["Invoice"].pop("InvoiceNumber")
    plain[5]["UpdatedDateUTC"] = plain[5]["UpdatedDateUTC"].replace("+0000", "")
    plain[6]["CreditNote"] = []
    plain[7]["Reference"] = "Überweisung – 振込 💸"


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


def written(record: Record, names: tuple[str, ...]) -> Record:
    """These numbers as strings, as many of Xero's own samples have them."""
    places = {"CurrencyRate": 6, "Quantity": 4}
    return {name: f"{record[name]:.{places.get(name, 2)}f}" for name in names if name in record}


def remove(record: Record, *names: str) -> None:
    for name in names:
        record.pop(name, None)


def sibling(identifier: str, number: int) -> str:
    """Another id, as far from the others as they are from each other, made from one of them."""
    digit = "0123456789abcdef"[(int(identifier[0], 16) + number) % 16]
    return digit + identifier[1:]
