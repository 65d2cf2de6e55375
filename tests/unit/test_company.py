"""The invented company's first office: its invoices add up, and hold what breaks careless software."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import pytest

from local.company import first_day, generate

TODAY = date(2026, 11, 23)
FIRST = date(2024, 11, 1)

# The order in which Xero's recorded answers have the fields of an invoice and of its lines.
RECORDED = {
    "invoice": """
        Type InvoiceID InvoiceNumber Reference Payments CreditNotes Prepayments Overpayments AmountDue AmountPaid
        AmountCredited SentToContact CurrencyRate IsDiscounted HasAttachments HasErrors Contact DateString Date
        DueDateString DueDate BrandingThemeID Status LineAmountTypes LineItems SubTotal TotalTax Total UpdatedDateUTC
        CurrencyCode FullyPaidOnDate
    """,
    "line": """
        ItemCode Description UnitAmount TaxType TaxAmount LineAmount AccountCode Tracking Quantity LineItemID
    """,
    "payment": "PaymentID Date Amount Reference CurrencyRate HasAccount HasValidationErrors",
}


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    # What a reader of the wire sees: JSON, its numbers exact.
    books: list[dict[str, Any]] = json.loads(json.dumps(generate(11, TODAY)), parse_float=Decimal)
    return books[0]


@pytest.fixture(scope="module")
def invoices(company: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = company["resources"]["Invoices"]
    return found


@pytest.fixture(scope="module")
def payments(company: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = company["resources"]["Payments"]
    return found


def number(value: Any) -> Decimal:
    return Decimal(str(value))


def milliseconds(value: str) -> int:
    found = re.fullmatch(r"/Date\((-?\d+)([+-]\d{4})?\)/", value)
    assert found, value
    return int(found[1])


def day(record: dict[str, Any], name: str = "Date") -> date | None:
    if name not in record:
        return None
    return date.fromordinal(date(1970, 1, 1).toordinal() + milliseconds(record[name]) // 86_400_000)


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def pays_an_invoice(payment: dict[str, Any]) -> bool:
    return payment["PaymentType"] in ("ACCRECPAYMENT", "ACCPAYPAYMENT")


def test_lines_and_statuses(invoices: list[dict[str, Any]]) -> None:
    """Invoices and bills have 1 to 12 lines, a few none, and every status and kind of amount often enough."""
    assert {len(record["LineItems"]) for record in invoices} == set(range(13))
    statuses = Counter(record["Status"] for record in invoices)
    assert all(
        statuses[status] >= 15 for status in ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
    )
    assert {record["Type"] for record in invoices} == {"ACCREC", "ACCPAY"}
    assert {record["LineAmountTypes"] for record in invoices} >= {"Inclusive", "Exclusive", "NoTax"}


def test_line_amounts(invoices: list[dict[str, Any]]) -> None:
    """A line's amount is quantity times price less its discount, its tax a tenth of the net, rounded by line."""
    checked = 0
    for record in invoices:
        kind = record["LineAmountTypes"].lower()
        for line in record["LineItems"]:
            if "Quantity" not in line:
                continue
            gross = number(line["Quantity"]) * number(line["UnitAmount"])
            amount = cents(gross * (100 - number(line.get("DiscountRate", 0))) / 100)
            amount -= number(line.get("DiscountAmount", 0))
            assert number(line["LineAmount"]) == amount, line
            taxed = line["TaxType"] in ("OUTPUT", "INPUT") and kind != "notax"
            rate = {"inclusive": Decimal(10) / 110, "exclusive": Decimal("0.1")}.get(kind, Decimal(0))
            assert number(line["TaxAmount"]) == (cents(amount * rate) if taxed else 0), line
            checked += 1
    assert checked > 10_000


def test_document_totals(invoices: list[dict[str, Any]]) -> None:
    """Tax is the sum of the lines' tax, and net and gross follow from whether amounts include it."""
    for record in invoices:
        amounts = sum(number(line.get("LineAmount", 0)) for line in record["LineItems"])
        tax = sum(number(line.get("TaxAmount", 0)) for line in record["LineItems"])
        net, total = number(record["SubTotal"]), number(record["Total"])
        assert number(record["TotalTax"]) == tax
        assert total == net + tax
        assert amounts == (total if record["LineAmountTypes"].lower() == "inclusive" else net)
        discounted = any(line.keys() & {"DiscountRate", "DiscountAmount"} for line in record["LineItems"])
        assert discounted == ("TotalDiscount" in record)
        assert str(record["IsDiscounted"]).lower() == str(discounted).lower()


def test_amounts_due(invoices: list[dict[str, Any]]) -> None:
    """What is due is what is neither paid nor credited; of paid documents nothing; of voided ones by either custom."""
    voided = set()
    for record in invoices:
        total, due, paid, credited = (
            number(record[name]) for name in ("Total", "AmountDue", "AmountPaid", "AmountCredited")
        )
        if record["Status"] in ("VOIDED", "DELETED"):
            assert paid == credited == 0
            assert due in (0, total)
            voided.add(due == 0)
        else:
            assert due == total - paid - credited, record
            assert (record["Status"] == "PAID") == (due == 0 and total != 0)
        assert ("FullyPaidOnDate" in record) == (record["Status"] == "PAID")
        stubs = [stub for kind in ("CreditNotes", "Prepayments", "Overpayments") for stub in record[kind]]
        assert sum(number(stub["AppliedAmount"]) for stub in stubs) == credited
    assert voided == {True, False}


def test_payments_and_their_stubs(invoices: list[dict[str, Any]], payments: list[dict[str, Any]]) -> None:
    """The payments inside the invoices are those of the list that are not deleted, and add up to AmountPaid."""
    by_invoice: dict[str, dict[str, dict[str, Any]]] = {}
    deleted = 0
    for payment in payments:
        if pays_an_invoice(payment):
            deleted += payment["Status"] == "DELETED"
            by_invoice.setdefault(payment["Invoice"]["InvoiceID"], {})[payment["PaymentID"]] = payment
    assert deleted >= 15
    assert set(by_invoice) <= {record["InvoiceID"] for record in invoices}
    for record in invoices:
        listed = by_invoice.get(record["InvoiceID"], {})
        alive = {key: payment for key, payment in listed.items() if payment["Status"] == "AUTHORISED"}
        assert {stub["PaymentID"] for stub in record["Payments"]} == set(alive)
        for stub in record["Payments"]:
            assert number(stub["Amount"]) == number(alive[stub["PaymentID"]]["Amount"])
            assert stub["Date"] == alive[stub["PaymentID"]]["Date"]
        assert sum((number(stub["Amount"]) for stub in record["Payments"]), Decimal(0)) == number(
            record["AmountPaid"]
        )
        for payment in listed.values():
            assert payment["Invoice"]["Type"] == record["Type"]
            assert payment["Invoice"]["Contact"]["ContactID"] == record["Contact"]["ContactID"]
            assert payment["Invoice"]["LineItems"] == []


def test_batches(payments: list[dict[str, Any]]) -> None:
    """A batch's total is the sum of its payments, which share its stamp."""
    batches: dict[str, list[dict[str, Any]]] = {}
    for payment in payments:
        if "BatchPaymentID" in payment:
            batches.setdefault(payment["BatchPaymentID"], []).append(payment)
    assert len(batches) > 50
    for identifier, members in batches.items():
        (total,) = {payment["BatchPayment"]["TotalAmount"] for payment in members}
        assert Decimal(total) == sum(number(payment["Amount"]) for payment in members)
        assert {payment["BatchPayment"]["BatchPaymentID"] for payment in members} == {identifier}


def test_currencies(
    company: dict[str, Any], invoices: list[dict[str, Any]], payments: list[dict[str, Any]]
) -> None:
    """Foreign documents state foreign units for one AUD, and a payment's bank amount is in the bank's currency."""
    accounts = {record["AccountID"]: record for record in company["resources"]["Accounts"]}
    assert company["resources"]["Organisation"][0]["BaseCurrency"] == "AUD"
    for record in invoices:
        if record.get("CurrencyCode", "AUD") == "AUD":
            assert number(record.get("CurrencyRate", 1)) == 1
        elif "CurrencyRate" in record:
            assert number(record["CurrencyRate"]) != 1
            assert len(str(record["CurrencyRate"]).partition(".")[2]) <= 10
    places = {len(str(record.get("CurrencyRate")).partition(".")[2]) for record in invoices}
    assert places >= {6, 7, 8, 9, 10}
    converted = 0
    for payment in payments:
        if not pays_an_invoice(payment) or "CurrencyRate" not in payment:
            continue
        bank = accounts[payment["Account"]["AccountID"]]["CurrencyCode"]
        if bank == payment["Invoice"]["CurrencyCode"]:
            assert number(payment["BankAmount"]) == number(payment["Amount"])
        else:
            assert bank == "AUD"
            converted += 1
            base = number(payment["Amount"]) / number(payment["CurrencyRate"])
            assert number(payment["BankAmount"]) == cents(base)
    assert converted > 50


def test_accounts(company: dict[str, Any], invoices: list[dict[str, Any]]) -> None:
    """One bank account has no code, euros and dollars have accounts, and every line's account is in the chart."""
    accounts = company["resources"]["Accounts"]
    (codeless,) = (record for record in accounts if "Code" not in record)
    assert codeless["Type"] == "BANK"
    assert {record["CurrencyCode"] for record in accounts if record["Type"] == "BANK"} == {
        "AUD",
        "EUR",
        "USD",
    }
    by_code = {record.get("Code"): record["AccountID"] for record in accounts}
    assert "" in {record.get("SystemAccount") for record in accounts}
    for record in invoices:
        for line in record["LineItems"]:
            assert line.get("AccountCode") is None or line["AccountCode"] in by_code
            if "AccountID" in line:
                assert by_code[line["AccountCode"]] == line["AccountID"]


def test_contacts(company: dict[str, Any], invoices: list[dict[str, Any]]) -> None:
    """Documents name contacts of the list; some contacts are archived, and merged ones point at active ones."""
    contacts = {record["ContactID"]: record for record in company["resources"]["Contacts"]}
    for record in invoices:
        contact = contacts[record["Contact"]["ContactID"]]
        side = "IsCustomer" if record["Type"] == "ACCREC" else "IsSupplier"
        assert str(contact[side]).lower() == "true"
    merged = [record for record in contacts.values() if "MergedToContactID" in record]
    assert len(merged) == 6
    assert {contacts[record["MergedToContactID"]]["ContactStatus"] for record in merged} <= {
        "ACTIVE",
        "GDPRREQUEST",
    }
    archived = [record for record in contacts.values() if record["ContactStatus"] == "ARCHIVED"]
    assert len(archived) >= 12


def test_unusual_names(company: dict[str, Any]) -> None:
    """Names hold Chinese, Arabic, Hebrew, combining marks, emoji beyond the basic plane, quotes and a pipe."""
    names = "\n".join(record["Name"] for record in company["resources"]["Contacts"])
    for letters in (
        "[\u4e00-\u9fff]",
        "[\u0600-\u06ff]",
        "[\u0590-\u05ff]",
        "\u0301",
        "[\U0001f300-\U0001faff]",
    ):
        assert re.search(letters, names), letters
    assert {"|", "'", '"', "<", "&", "\u200d"} <= set(names)
    assert max(len(record["Name"]) for record in company["resources"]["Contacts"]) == 255


def test_history(invoices: list[dict[str, Any]], payments: list[dict[str, Any]]) -> None:
    """Before the months lie documents still open, ones long settled, and one that only a payment ties to them."""
    assert first_day(TODAY) == FIRST
    begin = milliseconds("/Date(1730419200000)/")
    old = [
        record for record in invoices if (day(record) or TODAY) < FIRST and (day(record) or TODAY).year > 2000
    ]
    assert len([record for record in old if record["Status"] == "AUTHORISED"]) >= 10
    recent = {
        payment["Invoice"]["InvoiceID"]
        for payment in payments
        if "Invoice" in payment and milliseconds(payment["Date"]) >= begin
    }
    settled = [
        record
        for record in old
        if record["Status"] == "PAID" and milliseconds(record["UpdatedDateUTC"]) < begin
    ]
    assert len([record for record in settled if record["InvoiceID"] not in recent]) >= 5
    assert len([record for record in settled if record["InvoiceID"] in recent]) >= 1
    months = Counter(f"{on:%Y-%m}" for record in invoices if (on := day(record)) and on >= FIRST)
    assert len(months) == 25
    assert min(months.values()) >= 50


def test_stamps(company: dict[str, Any]) -> None:
    """Lists ascend by UpdatedDateUTC, some stamps are shared, and none lies in the future."""
    limit = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp() * 1000
    for resource in ("Invoices", "Payments", "Contacts"):
        stamps = [milliseconds(record["UpdatedDateUTC"]) for record in company["resources"][resource]]
        assert all(earlier <= later for earlier, later in pairwise(stamps))
        assert len(set(stamps)) < len(stamps)
        assert len(set(stamps)) > len(stamps) / 2
        assert max(stamps) < limit
    for record in company["resources"]["Invoices"]:
        if "UpdatedDateUTCString" in record:
            written = datetime.fromisoformat(record["UpdatedDateUTCString"])
            assert written.timestamp() == milliseconds(record["UpdatedDateUTC"]) // 1000


def test_fields_in_the_recorded_order(invoices: list[dict[str, Any]]) -> None:
    """Fields come in the order of Xero's recorded answers, and nothing absent is written as null."""

    def in_order(record: dict[str, Any], kind: str) -> None:
        names = RECORDED[kind].split()
        shared = [name for name in record if name in names]
        assert shared == [name for name in names if name in record]
        assert None not in record.values()

    changed = {"TaxAmount", "LineAmount"}
    for record in invoices:
        in_order(record, "invoice")
        for payment in record["Payments"]:
            in_order(payment, "payment")
        for line in record["LineItems"]:
            if changed <= line.keys():
                in_order(line, "line")
            for tracking in line["Tracking"]:
                assert [*tracking] in (
                    ["Name", "Option", "TrackingCategoryID", "Options"],
                    ["Name", "Option", "TrackingCategoryID", "TrackingOptionID", "Options"],
                )
    tracked = Counter(len(line["Tracking"]) for record in invoices for line in record["LineItems"])
    assert set(tracked) == {0, 1, 2}


AWKWARD: dict[str, Callable[[dict[str, Any]], object]] = {
    "a date of 0": lambda one: one.get("Date") == "/Date(0+0000)/" and "DateString" not in one,
    "a negative date": lambda one: one.get("DueDate", "").startswith("/Date(-"),
    "a stamp without offset": lambda one: re.fullmatch(r"/Date\(\d+\)/", one["UpdatedDateUTC"]),
    "amounts as strings": lambda one: isinstance(one["Total"], str),
    "line amounts as strings": lambda one: any(
        isinstance(line["Quantity"], str) for line in one["LineItems"][:1]
    ),
    "booleans as strings": lambda one: isinstance(one["HasAttachments"], str),
    "no Date": lambda one: "Date" not in one and "DateString" not in one and "DueDate" in one,
    "no DueDate": lambda one: "DueDate" not in one and "DueDateString" not in one and "Date" in one,
    "neither date": lambda one: "Date" not in one and "DueDate" not in one,
    "no DateString": lambda one: "Date" in one and "DateString" not in one,
    "a line without AccountCode": lambda one: any(
        "AccountCode" not in line and "LineAmount" in line for line in one["LineItems"]
    ),
    "a line of words": lambda one: any("LineAmount" not in line for line in one["LineItems"]),
    "no lines": lambda one: not one["LineItems"],
    "no InvoiceNumber": lambda one: "InvoiceNumber" not in one,
    "a stamp years before the date": lambda one: (
        "Date" in one and milliseconds(one["UpdatedDateUTC"]) < milliseconds(one["Date"]) - 10**11
    ),
    "an unknown field": lambda one: "EInvoice" in one,
    "an unknown status": lambda one: (
        one["Status"] not in ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
    ),
    "LineAmountTypes in capitals": lambda one: one["LineAmountTypes"].isupper(),
    "no CurrencyCode": lambda one: "CurrencyCode" not in one,
    "foreign without a rate": lambda one: (
        one.get("CurrencyCode", "AUD") != "AUD" and "CurrencyRate" not in one
    ),
    "base currency without a rate": lambda one: (
        one.get("CurrencyCode") == "AUD" and "CurrencyRate" not in one
    ),
    "the largest amount": lambda one: number(one["Total"]) == Decimal("9999999999.99"),
    "a voided bill that is due": lambda one: one["Status"] == "VOIDED" and number(one["AmountDue"]) > 0,
    "a negative line": lambda one: any(number(line.get("LineAmount", 0)) < 0 for line in one["LineItems"]),
    "a quantity of four places": lambda one: any(
        number(line.get("Quantity", 0)) % Decimal("0.01") for line in one["LineItems"]
    ),
    "a discount as an amount": lambda one: any("DiscountAmount" in line for line in one["LineItems"]),
    "a description of 4,000": lambda one: any(len(line["Description"]) == 4000 for line in one["LineItems"]),
    "a description beyond 4,000": lambda one: any(
        len(line["Description"]) > 4000 for line in one["LineItems"]
    ),
    "an emoji at the cut": lambda one: any(
        len(line["Description"][:3999].encode("utf-16-le")) == 8000 for line in one["LineItems"]
    ),
}


@pytest.mark.parametrize("kind", AWKWARD)
def test_awkward_invoices(invoices: list[dict[str, Any]], kind: str) -> None:
    """Every kind of awkward value that Xero is known to send is in the books, and does not fill them."""
    found = [record for record in invoices if AWKWARD[kind](record)]
    assert 1 <= len(found) < len(invoices) / 4


def test_awkward_values_elsewhere(company: dict[str, Any], invoices: list[dict[str, Any]]) -> None:
    """Contacts and payments have theirs too, bills share numbers, and payments refund what is no invoice."""
    contacts, payments = company["resources"]["Contacts"], company["resources"]["Payments"]
    numbers = Counter(record.get("InvoiceNumber") for record in invoices if record["Type"] == "ACCPAY")
    assert numbers["1001"] >= 2
    assert any(record.get("Balances") == [] for record in contacts)
    assert any(record["UpdatedDateUTC"].endswith("+1300)/") for record in contacts)
    assert any(isinstance(record["IsSupplier"], str) for record in contacts)
    assert any(record["ContactStatus"] == "GDPRREQUEST" for record in contacts)
    assert any(isinstance(record["Amount"], str) for record in payments)
    assert any(isinstance(record["IsReconciled"], str) for record in payments)
    assert any("InvoiceNumber" not in record["Invoice"] for record in payments if "Invoice" in record)
    assert any("CurrencyRate" not in record for record in payments)
    kinds = Counter(record["PaymentType"] for record in payments)
    for what in ("CREDIT", "PREPAYMENT", "OVERPAYMENT"):
        assert kinds[f"AR{what}PAYMENT"] and kinds[f"AP{what}PAYMENT"]
    shapes = {
        ("CreditNote" in record, record.get("Invoice", {}).get("Type", "").endswith("CREDIT"))
        for record in payments
        if "CREDITPAYMENT" in record["PaymentType"]
    }
    assert shapes == {(True, False), (False, True)}
