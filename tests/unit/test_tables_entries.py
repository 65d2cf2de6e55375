"""What is owed, and money that moved: each entry once, with its own date and sign."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.expected.entries import payment as expected_payment
from shared.errors import BadRecord
from tests.support.records import (
    BANK_SUMMARY,
    BANK_TRANSACTION,
    BANK_TRANSFER,
    CONTACT_ID,
    CONTACT_KEY,
    CREDIT_NOTE,
    ID_FIELDS,
    INVOICE,
    INVOICE_ID,
    OTHER,
    PAYMENT,
    TENANT,
    half_up,
    id_of,
    key_of,
    shaped,
)

PAID = [
    {"PaymentID": OTHER, "Date": "/Date(1775433600000+0000)/", "Amount": "100.00", "CurrencyRate": 9},
    {"PaymentID": "gone", "Date": "/Date(0)/", "Amount": 1, "Status": "DELETED"},
]
MARCH, APRIL_5, APRIL_6 = "2026-03-31T00:00:00", "2026-04-05T00:00:00", "2026-04-06T00:00:00"
CREDITS = ("CreditNotes", "Prepayments", "Overpayments")


def test_an_invoice_and_its_payments() -> None:
    """The whole rows: the invoice adds its total, a payment takes from it on its own day, a deleted payment is none."""
    key = f"{TENANT}|{INVOICE_ID.lower()}"
    head = {
        "TenantID": TENANT,
        "DocumentKey": key,
        "DocumentKind": "Invoice",
        "DocumentID": INVOICE_ID,
        "DocumentType": "ACCREC",
        "DocumentStatus": "AUTHORISED",
        "DocumentNumber": "INV-0042",
        "Side": "Receivable",
        "Counts": True,
        "ContactKey": CONTACT_KEY,
        "CurrencyCode": "NZD",
        "CurrencyRate": 2.0,
        "DocumentDate": MARCH,
        "DueDate": "2026-04-24T00:00:00",
        "AgeingDate": "2026-04-24T00:00:00",
        "IsWithoutDueDate": False,
        "InvoiceKey": None,
    }
    # An invoice lists what settled it as well; that stands in the rows of the credits.
    settled = {"Allocations": [{"Amount": 5, "Invoice": {"InvoiceID": OTHER}}], "CreditNotes": [{"Total": 5}]}
    assert shaped("OpenItems", INVOICE | settled | {"Payments": PAID, "CurrencyRate": 2}) == [
        head
        | {
            "EntryKey": f"{key}|0",
            "EntryNumber": 0,
            "Entry": "Document",
            "Date": MARCH,
            "Amount": Decimal("115.0000"),
            "AmountBase": Decimal("57.5000"),
        },
        head
        | {
            "EntryKey": f"{key}|1",
            "EntryNumber": 1,
            "Entry": "Payment",
            "Date": APRIL_6,
            "Amount": Decimal("-100.0000"),
            # At the invoice's rate: what it was booked at is what is settled.
            "AmountBase": Decimal("-50.0000"),
        },
    ]


def test_a_credit_its_refund_and_its_allocations() -> None:
    """A credit takes its total from what is owed; what is refunded or set against an invoice is added again."""
    taken_back = {"Amount": 9, "IsDeleted": "true", "Invoice": {"InvoiceID": OTHER}}
    allocations = [taken_back, *CREDIT_NOTE["Allocations"]]
    record = CREDIT_NOTE | {"Payments": PAID, "Allocations": allocations}
    rows = shaped("OpenItems", record, "CreditNotes")
    told = ("EntryNumber", "Entry", "Date", "InvoiceKey")
    assert [tuple(row[name] for name in told) for row in rows[:3]] == [
        (0, "Document", "2026-04-02T00:00:00", None),
        (1, "Payment", APRIL_6, None),
        (2, "Allocation", APRIL_5, f"{TENANT}|{INVOICE_ID.lower()}"),
    ]
    total = CREDIT_NOTE["Total"]
    assert [row["Amount"] for row in rows[:3]] == [-total, Decimal(100), Decimal(30)]
    assert not any(row["Amount"] == 9 for row in rows)


@pytest.mark.parametrize(
    ("resource", "type_", "side"),
    [
        ("Invoices", "ACCREC", "Receivable"),
        ("Invoices", "ACCPAY", "Payable"),
        ("CreditNotes", "ACCRECCREDIT", "Receivable"),
        ("CreditNotes", "ACCPAYCREDIT", "Payable"),
        ("Prepayments", "RECEIVE-PREPAYMENT", "Receivable"),
        ("Prepayments", "ARPREPAYMENT", "Receivable"),
        ("Prepayments", "SPEND-PREPAYMENT", "Payable"),
        ("Prepayments", "APPREPAYMENT", "Payable"),
        ("Overpayments", "RECEIVE-OVERPAYMENT", "Receivable"),
        ("Overpayments", "AROVERPAYMENT", "Receivable"),
        ("Overpayments", "SPEND-OVERPAYMENT", "Payable"),
        ("Invoices", "ACCNEW", None),
        ("Overpayments", None, None),
    ],
)
def test_the_side_of_each_type(resource: str, type_: str | None, side: str | None) -> None:
    """Who owes whom is told by the type; a type that nobody knows has no side."""
    (row,) = shaped("OpenItems", {ID_FIELDS[resource]: OTHER, "Type": type_, "Total": 1}, resource)
    assert row["Side"] == side
    assert row["Amount"] == (1 if resource == "Invoices" else -1)


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        *(("AUTHORISED", True), ("PAID", True), ("DRAFT", False), ("SUBMITTED", False)),
        *(("VOIDED", False), ("DELETED", False), ("NEW", False), (None, False)),
    ],
)
def test_only_approved_documents_count(status: str | None, counts: bool) -> None:
    """A draft is owed by nobody yet, a voided document by nobody any more; their rows are there all the same."""
    (row,) = shaped("OpenItems", {"InvoiceID": OTHER, "Status": status, "Total": 7})
    assert (row["Counts"], row["Amount"]) == (counts, 7)


@pytest.mark.parametrize(
    ("dates", "ageing", "without"),
    [
        ({"DueDate": "2026-04-24", "Date": "2026-03-31"}, "2026-04-24T00:00:00", False),
        ({"Date": "2026-03-31"}, MARCH, True),
        ({"DueDate": "", "DateString": "2026-03-31"}, MARCH, True),
        ({}, None, True),
    ],
)
def test_what_has_no_due_date_ages_by_its_own(
    dates: dict[str, str], ageing: str | None, without: bool
) -> None:
    """And says so; a document without any date ages not at all."""
    (row,) = shaped("OpenItems", {"InvoiceID": OTHER} | dates)
    assert (row["AgeingDate"], row["IsWithoutDueDate"]) == (ageing, without)


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=3)


@given(
    resource=st.sampled_from(("Invoices", *CREDITS)),
    total=amounts,
    paid=st.lists(amounts, max_size=4),
    set_against=st.lists(st.tuples(amounts, st.booleans()), max_size=4),
    rate=st.decimals(min_value=Decimal("0.0001"), max_value=1000, places=4),
)
def test_the_entries_of_a_document_add_up_to_what_is_open(
    resource: str,
    total: Decimal,
    paid: list[Decimal],
    set_against: list[tuple[Decimal, bool]],
    rate: Decimal,
) -> None:
    """An invoice less its payments; a credit, negative, less refunds and standing allocations; base at one rate."""
    record = {
        ID_FIELDS[resource]: OTHER,
        "Total": total,
        "CurrencyRate": rate,
        "Payments": [{"Amount": amount} for amount in paid],
        "Allocations": [{"Amount": amount, "IsDeleted": gone} for amount, gone in set_against],
    }
    rows = shaped("OpenItems", record, resource)
    standing = [amount for amount, gone in set_against if not gone]
    used = sum(paid) + (0 if resource == "Invoices" else sum(standing))
    assert sum(row["Amount"] for row in rows) == (total - used) * (1 if resource == "Invoices" else -1)
    assert [row["EntryNumber"] for row in rows] == list(range(len(rows)))
    assert len({row["EntryKey"] for row in rows}) == len(rows)
    for row in rows:
        assert abs(row["AmountBase"]) == half_up(abs(Fraction(row["Amount"])) / Fraction(rate))


# Money that moved.

MOVED: dict[str | None, int] = {
    **dict.fromkeys(("RECEIVE", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT"), 1),
    **dict.fromkeys(("SPEND", "SPEND-PREPAYMENT", "SPEND-OVERPAYMENT"), -1),
    **dict.fromkeys(("RECEIVE-TRANSFER", "SPEND-TRANSFER", "RECEIVE-NEW", None), 0),
}
PAYMENTS: dict[str | None, int] = {
    **dict.fromkeys(("ACCRECPAYMENT", "APCREDITPAYMENT", "APPREPAYMENTPAYMENT", "APOVERPAYMENTPAYMENT"), 1),
    **dict.fromkeys(("ACCPAYPAYMENT", "ARCREDITPAYMENT", "ARPREPAYMENTPAYMENT", "AROVERPAYMENTPAYMENT"), -1),
    **dict.fromkeys(("NEWPAYMENT", None), 0),
}


@pytest.mark.parametrize(
    ("resource", "field", "type_", "sign"),
    [
        *(("BankTransactions", "Type", type_, sign) for type_, sign in MOVED.items()),
        *(("Payments", "PaymentType", type_, sign) for type_, sign in PAYMENTS.items()),
    ],
)
@pytest.mark.parametrize("status", ["AUTHORISED", "DELETED", "VOIDED", "NEW", None])
def test_the_sign_of_each_type_and_status(
    resource: str, field: str, type_: str | None, sign: int, status: str | None
) -> None:
    """In is positive, out negative; what is not authorised, of no known type or an end of a transfer moves nothing."""
    record = {ID_FIELDS[resource]: OTHER, field: type_, "Status": status, "Total": 7, "Amount": 7}
    (row,) = shaped("CashMovements", record, resource)
    moves = bool(sign) and status == "AUTHORISED"
    assert (row["Amount"], row["AmountBase"]) == ((7 * sign, 7 * sign) if moves else (None, None))
    assert (row["IsMarker"], row["MovementNumber"]) == (not moves, int(moves))
    assert row["IsTransfer"] == str(type_).endswith("-TRANSFER")
    assert (row["SourceType"], row["SourceStatus"]) == (type_, status)


def test_a_bank_transaction_moves_its_total() -> None:
    """The whole row: the prepayment that it made is not counted elsewhere."""
    assert shaped("CashMovements", BANK_TRANSACTION) == [
        {
            "TenantID": TENANT,
            "DocumentKey": key_of("BankTransactions"),
            "MovementKey": f"{key_of('BankTransactions')}|1",
            "Source": "BankTransaction",
            "SourceID": id_of("BankTransactions"),
            "SourceType": "RECEIVE-PREPAYMENT",
            "SourceStatus": "AUTHORISED",
            "MovementNumber": 1,
            "IsMarker": False,
            "Date": "2026-04-02T00:00:00",
            "AccountKey": f"{TENANT}|eeeeeeee-0000-4000-8000-000000000001",
            "AccountID": "EEEEEEEE-0000-4000-8000-000000000001",
            "ContactKey": CONTACT_KEY,
            "Amount": Decimal("80.0000"),
            "AmountBase": Decimal("125.0000"),
            "IsReconciled": True,
            "IsTransfer": False,
        }
    ]


def test_a_batch_is_counted_by_its_payments() -> None:
    """The bank transaction that names it moves nothing; a payment in it does."""
    batch = {"BatchPayment": {"BatchPaymentID": OTHER}}
    (row,) = shaped("CashMovements", BANK_TRANSACTION | batch)
    assert (row["IsMarker"], row["Amount"], row["AmountBase"]) == (True, None, None)
    (row,) = shaped("CashMovements", PAYMENT | batch, "Payments")
    assert row["IsMarker"] is False


@pytest.mark.parametrize(
    ("in_bank", "moved"),
    [(Decimal("155.10"), Decimal("155.1000")), ("0", Decimal("0.0000")), (None, Decimal("100.0000"))],
)
def test_a_payment_moves_what_the_bank_saw(in_bank: Any, moved: Decimal) -> None:
    """In the account's currency where Xero tells it; in base currency at the payment's own rate."""
    paid = {"Invoice": {"InvoiceID": INVOICE_ID, "CurrencyCode": "USD", "Contact": {"ContactID": CONTACT_ID}}}
    (row,) = shaped("CashMovements", PAYMENT | paid | {"BankAmount": in_bank}, "Payments")
    assert (row["Amount"], row["AmountBase"]) == (moved, Decimal("172.0477"))
    assert row["ContactKey"] == CONTACT_KEY


# Amount 100.00 at 0.581234 is 172.0477; 100,000.00 is 172,047.7467, of which a 100,000th is 1.7205.
@pytest.mark.parametrize(
    ("code", "fields", "base"),
    [
        pytest.param("USD", {"BankAmount": Decimal("172.05")}, "172.05", id="an account in base currency"),
        pytest.param("USD", {"BankAmount": "172.0577"}, "172.0577", id="a cent from the rate"),
        pytest.param("USD", {"BankAmount": "172.0377"}, "172.0377", id="a cent from the rate, below"),
        pytest.param("USD", {"BankAmount": "172.0578"}, "172.0477", id="more than a cent from the rate"),
        pytest.param("USD", {"BankAmount": "172.0376"}, "172.0477", id="more than a cent below"),
        pytest.param(
            "USD", {"Amount": 100000, "BankAmount": "172049.46"}, "172049.46", id="much money, few digits"
        ),
        pytest.param(
            "USD", {"Amount": 100000, "BankAmount": "172049.47"}, "172047.7467", id="much money, too far"
        ),
        pytest.param(
            "USD", {"Amount": -100000, "BankAmount": "-172049.46"}, "-172049.46", id="much, the other way"
        ),
        pytest.param("USD", {"BankAmount": Decimal("100.00")}, "172.0477", id="an account in dollars"),
        pytest.param(
            "USD",
            {"CurrencyRate": "0.99995", "BankAmount": 100},
            "100.0050",
            id="in dollars, which are worth the same",
        ),
        pytest.param("USD", {"BankAmount": Decimal("155.10")}, "172.0477", id="a third currency"),
        pytest.param("USD", {"BankAmount": None}, "172.0477", id="no bank amount"),
        pytest.param("USD", {"CurrencyRate": None}, None, id="no rate"),
        pytest.param("USD", {"CurrencyRate": 0}, None, id="a rate of nothing"),
        pytest.param("NZD", {"BankAmount": Decimal("172.05")}, "172.0477", id="a document in base currency"),
        pytest.param(None, {"BankAmount": Decimal("172.05")}, "172.0477", id="a document of no currency"),
        pytest.param("USD", {"BankAmount": "0", "Amount": "0.0001"}, "0.0000", id="too little for the bank"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "sign"), [("ACCRECPAYMENT", 1), ("ACCPAYPAYMENT", -1), ("ARCREDITPAYMENT", -1)]
)
def test_what_a_payment_moved_in_base_currency(
    code: str | None, fields: dict[str, Any], base: str | None, kind: str, sign: int
) -> None:
    """To the cent what the bank saw, if its account is in base currency; else at the payment's rate; a refund too."""
    paid = {"CreditNote" if "CREDIT" in kind else "Invoice": {"InvoiceID": OTHER, "CurrencyCode": code}}
    record = PAYMENT | paid | fields | {"PaymentType": kind}
    (row,) = shaped("CashMovements", record, "Payments")
    assert row["AmountBase"] == (None if base is None else sign * Decimal(base))
    # Beside it the comparison reads the record by itself, and Payments stays at the rate.
    (beside,) = expected_payment(record, TENANT, "NZD")
    assert beside["AmountBase"] == row["AmountBase"]
    (payment,) = shaped("Payments", record)
    assert payment["AmountBase"] == shaped("Payments", record | {"BankAmount": None})[0]["AmountBase"]


@pytest.mark.parametrize("status", ["AUTHORISED", None])
def test_a_transfer_leaves_one_account_and_reaches_another(status: str | None) -> None:
    """Two rows that are nothing together; transfers from before July 2026 have no status and count."""
    rows = shaped("CashMovements", BANK_TRANSFER | {"Status": status}, "BankTransfers")
    told = ("MovementNumber", "AccountID", "Amount", "AmountBase", "IsReconciled", "IsTransfer", "IsMarker")
    left, reached = "EEEEEEEE-0000-4000-8000-000000000001", "EEEEEEEE-0000-4000-8000-000000000002"
    assert [tuple(row[name] for name in told) for row in rows] == [
        (1, left, Decimal("-100.0000"), Decimal("-172.0477"), True, True, False),
        (2, reached, Decimal("100.0000"), Decimal("172.0477"), False, True, False),
    ]
    assert len({row["MovementKey"] for row in rows}) == 2


@pytest.mark.parametrize("status", ["DELETED", "NEW"])
def test_a_deleted_transfer_moves_nothing(status: str) -> None:
    """Its earlier rows stop being current by the one marker row."""
    (row,) = shaped("CashMovements", BANK_TRANSFER | {"Status": status}, "BankTransfers")
    assert (row["IsMarker"], row["MovementNumber"], row["AmountBase"]) == (True, 0, None)


def test_what_the_accounts_held_before_the_history() -> None:
    """A row an account that held something, the day before, in base currency; totals and empty accounts are no rows."""
    rows = shaped("CashMovements", BANK_SUMMARY, "BankSummary")
    head = {
        "TenantID": TENANT,
        "DocumentKey": f"{TENANT}|2024-07-01",
        "Source": "OpeningBalance",
        "SourceID": "2024-07-01",
        "IsMarker": False,
        "Date": "2024-06-30T00:00:00",
        "IsTransfer": False,
    }
    assert rows == [
        dict.fromkeys(rows[0])
        | head
        | {
            "MovementKey": f"{TENANT}|2024-07-01|{number}",
            "MovementNumber": number,
            "AccountKey": f"{TENANT}|{account.lower()}",
            "AccountID": account.lower(),
            "AmountBase": held,
        }
        for number, account, held in ((1, OTHER, Decimal("1234.5000")), (2, CONTACT_ID, Decimal("-99.0000")))
    ]


def test_nothing_held_before_the_history() -> None:
    """One marker row, so that what an earlier report said is no longer current."""
    (row,) = shaped("CashMovements", {"Through": "2024-07-01", "Rows": []}, "BankSummary")
    assert (row["IsMarker"], row["AmountBase"], row["Date"]) == (True, None, "2024-06-30T00:00:00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Through": "0001-01-01"},
        {"Rows": BANK_SUMMARY["Rows"][1:]},
    ],
)
def test_an_opening_balance_that_cannot_be_read_is_refused(wrong: dict[str, Any]) -> None:
    """A report of no day, or without the column, is quarantined rather than guessed."""
    with pytest.raises(BadRecord):
        shaped("CashMovements", BANK_SUMMARY | wrong, "BankSummary")


@pytest.mark.parametrize(
    ("table", "resource", "record", "field"),
    [
        ("OpenItems", "Invoices", {"Payments": "none"}, "Payments"),
        ("OpenItems", "Invoices", {"Payments": [{"Amount": "much"}]}, "Amount"),
        ("OpenItems", "CreditNotes", {"Allocations": [{"IsDeleted": "perhaps"}]}, "Allocations.IsDeleted"),
        ("CashMovements", "BankTransactions", {"Total": "much"}, "Total"),
        ("CashMovements", "Payments", {"BankAmount": "much"}, "BankAmount"),
        ("CashMovements", "BankTransfers", {"Amount": True}, "Amount"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused(
    table: str, resource: str, record: dict[str, Any], field: str
) -> None:
    """The record goes to the quarantine with the field's name, and no figure is made up."""
    with pytest.raises(BadRecord) as refused:
        shaped(table, {ID_FIELDS[resource]: OTHER} | record, resource)
    assert refused.value.field == field
