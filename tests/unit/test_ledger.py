"""The simulator's general ledger: what each kind of record posts, by hand, and that nothing is ever left over."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from local.company import generate
from local.ledger import Chart, Ledger, Rules, keep
from tests.support.open_items import open_items

Record = dict[str, Any]

TENANT = "0b5f2c1e-3a44-4b0e-9a57-6b1d5a2f9c10"
ON = date(2026, 3, 9)
DAY = "/Date(1773014400000+0000)/"
# Code, type, class, system account. 091 is a bank account without currency, 880 an owner's account.
ACCOUNTS = """
090 BANK ASSET
091 BANK ASSET
200 REVENUE REVENUE
300 DIRECTCOSTS EXPENSE
404 EXPENSE EXPENSE
499 EXPENSE EXPENSE REALISEDCURRENCYGAIN
610 CURRENT ASSET DEBTORS
800 CURRLIAB LIABILITY CREDITORS
820 CURRLIAB LIABILITY GST
840 CURRLIAB LIABILITY HISTORICAL
860 CURRLIAB LIABILITY ROUNDING
880 EQUITY EQUITY
960 EQUITY EQUITY RETAINEDEARNINGS
"""


def accounts() -> list[Record]:
    found = []
    for code, kind, class_, *system in (row.split() for row in ACCOUNTS.strip().splitlines()):
        record = {"AccountID": f"A-{code}", "Code": code, "Name": f"Account {code}", "Type": kind}
        found.append(record | {"Class": class_, "SystemAccount": "".join(system)})
    return found


def line(amount: str, code: str, tax: str = "0.00") -> Record:
    return {"LineAmount": Decimal(amount), "TaxAmount": Decimal(tax), "AccountCode": code}


def document(total: str, *lines: Record, **fields: Any) -> Record:
    """An approved document of 9 March 2026, its amounts without tax."""
    return {
        "Status": "AUTHORISED",
        "Date": DAY,
        "LineAmountTypes": "Exclusive",
        "LineItems": list(lines),
        "Total": Decimal(total),
        "CurrencyCode": "AUD",
        **fields,
    }


def dollars(rate: str) -> Record:
    return {"CurrencyCode": "USD", "CurrencyRate": Decimal(rate)}


SALE = {"Type": "ACCREC", "InvoiceID": "I-1"}
BILL = {"Type": "ACCPAY", "InvoiceID": "I-2"}
FOREIGN = document("70.00", line("70.00", "200"), **SALE, **dollars("0.5"))
FOREIGN_BILL = document("70.00", line("70.00", "300"), **BILL, **dollars("0.5"))
NOTE = {"Type": "ACCRECCREDIT", "CreditNoteID": "C-1"}
FOREIGN_NOTE = document("70.00", line("70.00", "200"), **NOTE, **dollars("0.7"))


def posted(resource: str, record: Record, *documents: Record) -> dict[str, str]:
    """What a record posts to each account, by code, all on its own day."""
    keys = ("InvoiceID", "CreditNoteID", "PrepaymentID", "OverpaymentID")
    known = {each[key].lower(): each for each in documents for key in keys if key in each}
    chart = Chart(TENANT, accounts())
    postings = Rules(chart, "AUD", known).post(resource, record)
    assert {posting.on for posting in postings} <= {ON}
    found: dict[str, Decimal] = defaultdict(Decimal)
    for posting in postings:
        found[chart[posting.account].code] += posting.amount
    return {code: f"{amount.normalize():f}" for code, amount in sorted(found.items()) if amount}


def payment(amount: str, kind: str, **fields: Any) -> Record:
    return {
        "Status": "AUTHORISED",
        "PaymentType": kind,
        "Date": DAY,
        "Amount": Decimal(amount),
        "BankAmount": Decimal(amount),
        "Account": {"AccountID": "a-090"},
        **fields,
    }


def test_a_sales_invoice() -> None:
    """Customers owe the total; its lines earn their net, and the tax is owed on."""
    lines = line("100.00", "200", "10.00"), line("50.01", "404", "5.00")
    expected = {"200": "-100", "404": "-50.01", "610": "165.01", "820": "-15"}
    for status in ("AUTHORISED", "PAID"):
        assert posted("Invoices", document("165.01", *lines, **SALE, Status=status)) == expected


def test_a_bill_in_dollars_with_tax_inside() -> None:
    """Each amount is converted by itself at the document's rate; the odd ten-thousandth goes to rounding."""
    record = document("110.00", line("110.00", "300", "10.00"), **BILL, **dollars("0.7"))
    record["LineAmountTypes"] = "INCLUSIVE"
    assert posted("Invoices", record) == {
        "300": "142.8571",
        "800": "-157.1429",
        "820": "14.2857",
        "860": "0.0001",
    }


@pytest.mark.parametrize(
    ("kind", "control", "sign"), [("ACCRECCREDIT", "610", ""), ("ACCPAYCREDIT", "800", "-")]
)
def test_a_credit_note(kind: str, control: str, sign: str) -> None:
    """It posts what its invoice posts, the other way round."""
    record = document("110.00", line("100.00", "200", "10.00"), **NOTE | {"Type": kind})
    other = "-" if not sign else ""
    assert posted("CreditNotes", record) == {
        "200": f"{sign}100",
        control: f"{other}110",
        "820": f"{sign}10",
    }


def test_an_allocation_at_another_rate() -> None:
    """It leaves the credit at the credit's rate and the invoice at the invoice's; what lies between is lost or won."""
    allocation = {"Amount": "35.00", "Date": DAY, "Invoice": {"InvoiceID": "i-1"}, "IsDeleted": False}
    note = FOREIGN_NOTE | {"Allocations": [allocation]}
    # The note 70 / 0.7; of it 35 / 0.7 = 50 are used for 35 / 0.5 = 70 of the invoice.
    assert posted("CreditNotes", note, FOREIGN) == {"200": "100", "499": "20", "610": "-120"}
    taken_back = FOREIGN_NOTE | {"Allocations": [allocation | {"IsDeleted": "true"}]}
    assert posted("CreditNotes", taken_back, FOREIGN) == {"200": "100", "610": "-100"}


@pytest.mark.parametrize(
    ("kind", "paid", "stub", "expected"),
    [
        ("ACCRECPAYMENT", FOREIGN, "Invoice", {"090": "50", "499": "20", "610": "-70"}),
        ("ACCPAYPAYMENT", FOREIGN_BILL, "Invoice", {"090": "-50", "499": "-20", "800": "70"}),
        ("ARCREDITPAYMENT", FOREIGN_NOTE, "CreditNote", {"090": "-50", "610": "50"}),
    ],
)
def test_payments_in_dollars(kind: str, paid: Record, stub: str, expected: dict[str, str]) -> None:
    """Money comes at the payment's rate, what it settles goes at the document's, the difference to realised gains."""
    named = {stub: {f"{stub}ID": paid[f"{stub}ID"], "CurrencyCode": "USD"}}
    record = payment("35.00", kind, CurrencyRate="0.7", **named)
    assert posted("Payments", record, paid) == expected


@pytest.mark.parametrize(
    ("kind", "paid", "stub", "amount", "in_bank", "expected"),
    [
        # 33.33 at 0.7 is 47.6143; at the invoice's 0.5 it is 66.66.
        (
            "ACCRECPAYMENT",
            FOREIGN,
            "Invoice",
            "33.33",
            "47.61",
            {"090": "47.61", "499": "19.05", "610": "-66.66"},
        ),
        (
            "ACCPAYPAYMENT",
            FOREIGN_BILL,
            "Invoice",
            "33.33",
            "47.61",
            {"090": "-47.61", "499": "-19.05", "800": "66.66"},
        ),
        # The note's rate is the payment's: what is off it is all that there is to win.
        (
            "ARCREDITPAYMENT",
            FOREIGN_NOTE,
            "CreditNote",
            "33.33",
            "47.61",
            {"090": "-47.61", "499": "-0.0043", "610": "47.6143"},
        ),
        # A bank amount that is missing, in the document's currency, or in a third one.
        *(
            (
                "ACCRECPAYMENT",
                FOREIGN,
                "Invoice",
                "33.33",
                in_bank,
                {"090": "47.6143", "499": "19.0457", "610": "-66.66"},
            )
            for in_bank in (None, "33.33", "47.63", "47.60", "40.00")
        ),
        # A 100,000th of 100,000 is one.
        (
            "ARCREDITPAYMENT",
            FOREIGN_NOTE,
            "CreditNote",
            "70000",
            "100001",
            {"090": "-100001", "499": "1", "610": "100000"},
        ),
        (
            "ARCREDITPAYMENT",
            FOREIGN_NOTE,
            "CreditNote",
            "70000",
            "100001.01",
            {"090": "-100000", "610": "100000"},
        ),
    ],
)
def test_payments_in_dollars_from_an_account_in_base_currency(
    kind: str, paid: Record, stub: str, amount: str, in_bank: str | None, expected: dict[str, str]
) -> None:
    """The bank moves to the cent what it says, the control account is settled as ever, gains take what is between."""
    named = {stub: {f"{stub}ID": paid[f"{stub}ID"], "CurrencyCode": "USD"}}
    record = payment(amount, kind, CurrencyRate="0.7", BankAmount=in_bank, **named)
    assert posted("Payments", record, paid) == expected


def test_an_account_in_dollars_that_are_nearly_worth_the_same() -> None:
    """The document's own amount is that of an account in its currency, however near it is to the one in base."""
    named = {"Invoice": {"InvoiceID": "I-1", "CurrencyCode": "USD"}}
    record = payment("35.00", "ACCRECPAYMENT", CurrencyRate="0.9999", **named)
    assert posted("Payments", record, FOREIGN) == {"090": "35.0035", "499": "34.9965", "610": "-70"}


def test_a_bank_amount_beside_a_payment_in_base_currency() -> None:
    """A document in base currency has one amount, and what the bank's says beside it is not looked at."""
    record = payment("20.00", "ACCPAYPAYMENT", BankAmount="20.01", Invoice={"InvoiceID": "I-2"})
    bill = document("70.00", line("70.00", "300"), **BILL)
    assert posted("Payments", record, bill) == {"090": "-20", "800": "20"}
    record["Invoice"]["CurrencyCode"] = "AUD"
    assert posted("Payments", record, bill) == {"090": "-20", "800": "20"}


def test_the_refund_of_a_credit_note_that_stands_as_an_invoice() -> None:
    """A refund may name its credit note where others name an invoice."""
    record = payment("35.00", "ARCREDITPAYMENT", CurrencyRate="0.7", CreditNote=[])
    record["Invoice"] = {"InvoiceID": "C-1", "Type": "ACCRECCREDIT", "CurrencyCode": "USD"}
    assert posted("Payments", record, FOREIGN_NOTE) == {"090": "-50", "610": "50"}


def test_a_payment_by_way_of_an_account_that_is_no_bank_account() -> None:
    """What the owner paid goes against the owner's account."""
    record = payment("20.00", "ACCPAYPAYMENT", Account={"Code": "880"}, Invoice={"InvoiceID": "I-2"})
    bill = document("70.00", line("70.00", "300"), **BILL)
    assert posted("Payments", record, bill) == {"800": "20", "880": "-20"}


@pytest.mark.parametrize("kind", ["Prepayment", "Overpayment"])
def test_an_advance_meets_its_bank_transaction(kind: str) -> None:
    """Together the two post bank against the control account, whatever their lines say; alone neither is lost."""
    own = {f"{kind}ID": "P-1"}
    advance = document("33.00", line("30.00", "200", "3.00"), Type=f"RECEIVE-{kind.upper()}", **own)
    assert posted(f"{kind}s", advance) == {"610": "-33", "840": "33"}
    banked = advance | {"BankAccount": {"Code": "090"}}
    assert posted("BankTransactions", banked) == {"090": "33", "840": "-33"}
    # As Xero's samples have it, a plain type may name what it belongs to.
    assert posted("BankTransactions", banked | {"Type": "RECEIVE"}) == {"090": "33", "840": "-33"}
    paid_ahead = {"Type": f"SPEND-{kind.upper()}"}
    assert posted(f"{kind}s", advance | paid_ahead) == {"800": "33", "840": "-33"}
    assert posted("BankTransactions", banked | paid_ahead) == {"090": "-33", "840": "33"}


def test_money_spent_and_received() -> None:
    """The bank against the lines and their tax."""
    bank = {"BankAccount": {"AccountID": "A-090"}}
    record = document("44.00", line("40.00", "404", "4.00"), Type="SPEND", **bank)
    assert posted("BankTransactions", record) == {"090": "-44", "404": "40", "820": "4"}
    record = document("44.00", line("44.00", "200"), Type="RECEIVE", **bank, **dollars("0.5"))
    assert posted("BankTransactions", record) == {"090": "88", "200": "-88"}


def test_a_transfer() -> None:
    """Out of one account, into the other, at its rate; its two ends among the bank transactions post nothing."""
    record = {
        "Date": DAY,
        "Amount": "35.00",
        "CurrencyRate": "0.7",
        "FromBankAccount": {"AccountID": "A-091"},
        "ToBankAccount": {"AccountID": "A-090"},
    }
    assert posted("BankTransfers", record) == {"090": "50", "091": "-50"}
    end = document("35.00", line("35.00", "090"), BankAccount={"AccountID": "A-091"})
    assert posted("BankTransactions", end | {"Type": "SPEND-TRANSFER"}) == {}


def test_a_manual_journal() -> None:
    """Lines as given, debits positive, with their tax; what a journal lacks to nothing is rounding."""
    record = {
        "Date": DAY,
        "Status": "POSTED",
        "LineAmountTypes": "Exclusive",
        "JournalLines": [line("40.00", "404", "4.00"), line("-40.00", "300", "-4.00"), line("0.01", "200")],
    }
    assert posted("ManualJournals", record) == {
        "200": "0.01",
        "300": "-40",
        "404": "40",
        "860": "-0.01",
    }
    inside = record | {"LineAmountTypes": "Inclusive", "JournalLines": [line("44.00", "404", "4.00")]}
    assert posted("ManualJournals", inside) == {"404": "40", "820": "4", "860": "-44"}


def test_what_cannot_be_told_goes_to_the_historical_adjustment() -> None:
    """A line without an account, and money of what is not in the books or of no known worth, is kept apart."""
    record = document("50.00", line("50.00", "nowhere"), **SALE)
    assert posted("Invoices", record) == {"610": "50", "840": "-50"}
    of_nothing = payment("20.00", "ACCRECPAYMENT", Invoice={"InvoiceID": "gone"})
    assert posted("Payments", of_nothing) == {"090": "20", "840": "-20"}
    unknown = payment("35.00", "ACCRECPAYMENT", Invoice={"InvoiceID": "I-1", "CurrencyCode": "USD"})
    assert posted("Payments", unknown, FOREIGN) == {"610": "-70", "840": "70"}
    assert posted("Invoices", document("70.00", line("70.00", "200"), **SALE, CurrencyCode="USD")) == {}


NOTHING = [
    *(("Invoices", SALE, status) for status in ("DRAFT", "SUBMITTED", "VOIDED", "DELETED", "DISPUTED")),
    *(("CreditNotes", NOTE, status) for status in ("DRAFT", "VOIDED", "DELETED")),
    ("Prepayments", {"Type": "RECEIVE-PREPAYMENT"}, "VOIDED"),
    ("BankTransactions", {"Type": "SPEND", "BankAccount": {"Code": "090"}}, "DELETED"),
    ("BankTransactions", {"Type": "SPEND", "BankAccount": {"Code": "090"}, "BatchPayment": {"x": 1}}, ""),
    ("BankTransfers", {"Amount": 10, "FromBankAccount": {"Code": "090"}}, "DELETED"),
    ("Payments", {"PaymentType": "ACCRECPAYMENT", "Amount": 10}, "DELETED"),
    *(
        ("ManualJournals", {"JournalLines": [line("1.00", "200")]}, status)
        for status in ("DRAFT", "VOIDED", "ARCHIVED")
    ),
    ("PurchaseOrders", {}, ""),
    ("Contacts", {}, ""),
]


@pytest.mark.parametrize(("resource", "fields", "status"), NOTHING)
def test_what_posts_nothing(resource: str, fields: Record, status: str) -> None:
    """Drafts, what has ended, what another record posts, orders and lists are in no account."""
    record = document("50.00", line("50.00", "200"), **fields)
    assert posted(resource, record | ({"Status": status} if status else {})) == {}


def test_days_and_dates() -> None:
    """The day that Xero writes beside the instant comes first; without either a record counts at every date."""
    chart = Chart(TENANT, accounts())
    rules = Rules(chart, "AUD", {})
    for fields, on in (
        ({"DateString": "2026-02-28T00:00:00"}, date(2026, 2, 28)),
        ({"Date": "/Date(-1)/"}, date(1969, 12, 31)),
        ({"Date": None}, date.min),
    ):
        record = document("50.00", line("50.00", "200"), **SALE) | fields
        assert {posting.on for posting in rules.post("Invoices", record)} == {on}


def small(*journals: tuple[str, str, str], end: tuple[int, int] = (6, 30), **options: Any) -> Ledger:
    """A ledger of journals: a day, a code that is debited, an amount; all against 880."""
    books: dict[str, list[Record]] = {
        "Organisation": [
            {
                "BaseCurrency": "AUD",
                "FinancialYearEndMonth": end[0],
                "FinancialYearEndDay": end[1],
                "CreatedDateUTC": "/Date(1768435200000)/",  # 15 January 2026
            }
        ],
        "Accounts": accounts(),
        "ManualJournals": [
            {
                "DateString": f"{on}T00:00:00",
                "Status": "POSTED",
                "JournalLines": [line(amount, code), line(f"-{amount}", "880")],
            }
            for on, code, amount in journals
        ],
    }
    books |= options.pop("books", {})
    return keep(TENANT, books, date(2026, 4, 2), **{"opening": False, "wear": False} | options)


def held(ledger: Ledger, on: str) -> dict[str, str]:
    amounts = ledger.balances(date.fromisoformat(on))
    return {ledger.chart[account].code: f"{amount:.2f}" for account, amount in amounts.items() if amount}


def test_a_new_financial_year_begins_at_nothing() -> None:
    """The profit of the year is in its accounts up to the last day, and in retained earnings from the next."""
    ledger = small(
        ("2026-06-30", "404", "10.00"), ("2026-07-01", "404", "3.00"), ("2025-06-30", "610", "2.00")
    )
    assert held(ledger, "2026-06-29") == {"610": "2.00", "880": "-2.00"}
    assert held(ledger, "2026-06-30") == {"610": "2.00", "404": "10.00", "880": "-12.00"}
    assert held(ledger, "2026-07-01") == {"610": "2.00", "404": "3.00", "960": "10.00", "880": "-15.00"}


@pytest.mark.parametrize(
    ("end", "on", "start"),
    [
        ((6, 30), "2026-06-30", "2025-07-01"),
        ((6, 30), "2026-07-01", "2026-07-01"),
        ((12, 31), "2026-12-31", "2026-01-01"),
        ((2, 29), "2026-02-28", "2025-03-01"),
        ((2, 29), "2028-02-29", "2027-03-01"),
        ((2, 29), "2028-03-01", "2028-03-01"),
    ],
)
def test_when_a_financial_year_begins(end: tuple[int, int], on: str, start: str) -> None:
    """The day after the last year's end, where February has no such day after its last."""
    assert small(end=end).year_start(date.fromisoformat(on)) == date.fromisoformat(start)


def test_what_no_document_shows() -> None:
    """Depreciation at each month's end up to today, and the opening balance of the first bank account, by switch."""
    worn = [
        {"AccountID": "w1", "Code": "416", "Name": "Depreciation", "Type": "DEPRECIATN", "Class": "EXPENSE"},
        {"AccountID": "w2", "Code": "711", "Name": "Depreciation so far", "Type": "FIXED", "Class": "ASSET"},
        {"AccountID": "b1", "Code": "092", "Type": "BANK", "Class": "ASSET", "CurrencyCode": "AUD"},
    ]
    books = {"Accounts": [*accounts(), *worn]}
    ledger = small(books=books, wear=True)
    found = [held(ledger, on) for on in ("2026-01-30", "2026-01-31", "2026-03-31", "2026-12-31")]
    month = Decimal(found[1]["416"])
    assert found[0] == {} and 1000 <= month < 3000
    # After the second of April, which is today, nothing is posted yet.
    assert found[2] == {"416": f"{3 * month:.2f}", "711": f"{-3 * month:.2f}"}
    assert found[3] == {"960": f"{3 * month:.2f}", "711": f"{-3 * month:.2f}"}
    ledger = small(books=books, opening=True)
    assert held(ledger, "2026-01-14") == {}
    opening = Decimal(held(ledger, "2026-01-15")["092"])
    assert 200_000 <= opening < 300_000
    assert held(ledger, "2026-01-15") == {"092": f"{opening:.2f}", "840": f"{-opening:.2f}"}


def test_a_chart_without_system_accounts() -> None:
    """What Xero posts to by itself is there even if nobody lists it, under the same id each time."""
    charts = [Chart(TENANT, []) for _ in range(2)]
    names = ("DEBTORS", "CREDITORS", "GST", "ROUNDING", "HISTORICAL", "REALISEDCURRENCYGAIN")
    ids = [[chart.system(name) for name in names] for chart in charts]
    assert ids[0] == ids[1] and len(set(ids[0])) == len(names)
    assert not charts[0].has("DEBTORS") and Chart(TENANT, accounts()).has("DEBTORS")
    assert charts[0][ids[0][0]].class_ == "ASSET"


# The company that is made up.

SEEDS = (1, 2, 3, 5, 8, 13)


def offices(seed: int) -> Iterator[tuple[str, dict[str, list[Record]]]]:
    for office in generate(seed, date(2026, 11, 25), 6, 300 + 100 * seed):
        yield office["tenant_id"], office["resources"]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_of_a_company_balances(seed: int) -> None:
    """Debits equal credits in every record, on every day, and so in the whole ledger at any date."""
    several = 0
    for tenant_id, resources in offices(seed):
        documents = {
            record[f"{name[:-1]}ID"].lower(): record
            for name in ("Invoices", "CreditNotes", "Prepayments", "Overpayments")
            for record in resources[name]
        }
        base = resources["Organisation"][0]["BaseCurrency"]
        rules = Rules(Chart(tenant_id, resources["Accounts"]), base, documents)
        for name, records in resources.items():
            for record in records:
                days: dict[date, Decimal] = defaultdict(Decimal)
                for posting in rules.post(name, record):
                    days[posting.on] += posting.amount
                assert not any(days.values()), record
                several += len(days) > 1
        ledger = keep(tenant_id, resources, date(2026, 11, 25))
        for on in (date(2025, 6, 30), date(2026, 7, 1), date(2026, 11, 30)):
            assert sum(ledger.balances(on).values()) == 0
    assert several, "no credit was applied on another day than its own"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_control_accounts_hold_what_is_open(seed: int) -> None:
    """Receivables and payables are approved documents' AmountDue less RemainingCredit, at each document's own rate."""
    apart = Decimal(0)
    for tenant_id, resources in offices(seed):
        ledger = keep(tenant_id, resources, date(2026, 11, 25))
        held_now = ledger.balances(date(2026, 11, 30))
        for side, sign in (("DEBTORS", 1), ("CREDITORS", -1)):
            total, slack = open_items(resources, resources["Organisation"][0]["BaseCurrency"], side)
            owed = sign * held_now[ledger.chart.system(side)]
            assert abs(owed - total) <= slack < Decimal("0.01"), (side, owed, total)
            assert total > 0
            apart += slack
    assert apart, "no document in foreign currency was settled"


def test_the_same_company_has_the_same_ledger() -> None:
    """Two makings of a company have the same balances, to the last place, under the same ids."""
    (first, books), (second, again) = next(offices(4)), next(offices(4))
    on = date(2026, 11, 25)
    assert first == second
    assert keep(first, books, on).balances(on) == keep(second, again, on).balances(on)
    assert len(keep(first, books, on).balances(on)) > 20
