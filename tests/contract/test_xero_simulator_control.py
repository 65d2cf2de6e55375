"""The control interface of the Xero stand-in and what happens to documents, over a real socket."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from local.xero.wire import Record, milliseconds
from tests.contract.xero_bench import (
    ACCOUNT,
    CONTACT,
    DAY,
    OTHER,
    START,
    TENANT,
    Bench,
    date,
    identifier,
    invoice,
)

FOREIGN_ACCOUNT = "a0000000-0000-4000-8000-000000000002"
CREDIT_NOTE = "d0000000-0000-4000-8000-000000000001"


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A sales invoice, a bill in dollars, a draft, a contact with balances, two bank accounts."""
    with Bench() as bench:
        bench.load(
            Invoices=[
                invoice(0),
                invoice(1, Type="ACCPAY", CurrencyCode="USD", CurrencyRate=Decimal("0.500000")),
                invoice(2, Status="DRAFT"),
            ],
            Contacts=[
                {
                    "ContactID": CONTACT,
                    "ContactStatus": "ACTIVE",
                    "Balances": {
                        "AccountsReceivable": {
                            "Outstanding": Decimal("100.00"),
                            "Overdue": Decimal("100.00"),
                        },
                        "AccountsPayable": {"Outstanding": Decimal("200.00"), "Overdue": Decimal("0.00")},
                    },
                    "UpdatedDateUTC": date(START),
                }
            ],
            Accounts=[
                {"AccountID": ACCOUNT, "Code": "090", "CurrencyCode": "NZD"},
                {"AccountID": FOREIGN_ACCOUNT, "CurrencyCode": "USD"},
            ],
            Payments=[],
        )
        yield bench


def stored(bench: Bench, resource: str, key: str) -> Any:
    records = bench.sim(f"records/{TENANT}/{resource}")["records"]
    return next(record for record in records if key in record.values())


def now(bench: Bench) -> str:
    return date(milliseconds(bench.xero.clock.now()))


def pay(bench: Bench, number: int, amount: str, **fields: Any) -> Any:
    body = {"tenant_id": TENANT, "invoice_id": identifier(number), "amount": Decimal(amount), **fields}
    return bench.sim("pay", body)


def without_stamps(record: Record) -> Record:
    return {name: value for name, value in record.items() if not name.startswith("UpdatedDateUTC")}


def test_records_come_back_as_loaded(bench: Bench) -> None:
    """The store gives the records as they were loaded, numbers with their zeros and fields in their order."""
    text = requests.get(f"{bench.url}/_sim/records/{TENANT}/Invoices").text
    assert '"AmountDue":100.00,"AmountPaid":0.00' in text
    assert list(stored(bench, "Invoices", identifier(0))) == list(invoice(0))
    assert bench.sim(f"records/{TENANT}/Quotes") == {"records": []}
    bench.sim(f"records/{OTHER}/Invoices", status=404)
    bench.sim(f"records/{TENANT}/Nonsense", status=404)


def test_loading_replaces_an_organisations_books(bench: Bench) -> None:
    """A second load replaces everything of that organisation, nothing of another, and fires no webhook."""
    bench.load(OTHER, Invoices=[invoice(7)])
    bench.load(Invoices=[invoice(8)])
    names = [
        bench.sim(f"records/{tenant}/Invoices")["records"][0]["InvoiceNumber"] for tenant in (TENANT, OTHER)
    ]
    assert names == ["INV-0008", "INV-0007"]
    assert bench.sim(f"records/{TENANT}/Contacts")["records"] == []
    assert bench.sim("webhooks")["pending"] == []


@pytest.mark.parametrize(
    ("resources", "status"),
    [
        ({"Nonsense": []}, 404),
        ({"Invoices": [{"Total": 1}]}, 404),
        ({"Invoices": [invoice(1), invoice(1)]}, 400),
    ],
)
def test_unsound_books_are_refused_whole(bench: Bench, resources: Any, status: int) -> None:
    """Books with an unknown resource, a record without id or two of one id change nothing."""
    bench.sim("load", {"tenant_id": TENANT, "name": "x", "resources": resources}, status)
    assert len(bench.sim(f"records/{TENANT}/Invoices")["records"]) == 3


def test_a_change_moves_the_stamp(bench: Bench) -> None:
    """An edit sets and removes fields in place, moves both stamps, and shows at once in lists."""
    bench.connect()
    bench.get("Invoices")
    body = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(0).upper()}
    answer = bench.sim("change", {**body, "set": {"Reference": "new"}, "remove": ["DueDate"]})
    assert list(answer) == [name for name in invoice(0) if name != "DueDate"]
    assert (answer["Reference"], answer["UpdatedDateUTC"]) == ("new", now(bench))
    assert answer["UpdatedDateUTCString"] == f"{bench.xero.clock.now():%Y-%m-%dT%H:%M:%SZ}"
    assert bench.rows("Invoices")[-1]["Reference"] == "new"
    assert stored(bench, "Invoices", identifier(0)) == answer


def test_an_untouched_change_is_xeros_blind_spot(bench: Bench) -> None:
    """With touch false a field changes, but neither the stamp nor a webhook tells."""
    body = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(0), "touch": False}
    answer = bench.sim("change", {**body, "set": {"DueDate": date(0)}})
    assert answer == {**invoice(0), "DueDate": date(0)}
    assert bench.sim("webhooks")["pending"] == []


def test_what_is_not_there_or_not_right_is_told(bench: Bench) -> None:
    """Unknown ids and names are 404, impossible orders 400, each with a reason."""
    absent = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(9)}
    for path, body, status in (
        ("change", {**absent, "set": {}}, 404),
        ("change", {**absent, "id": identifier(0), "set": {"InvoiceID": identifier(5)}}, 400),
        ("vanish", absent, 404),
        ("add", {**absent, "resource": "Nonsense", "record": {}}, 404),
        ("add", {**absent, "record": invoice(0)}, 400),
        ("void", {**absent, "tenant_id": OTHER}, 404),
        ("pay", {"tenant_id": TENANT}, 404),
        (
            "pay",
            {"tenant_id": TENANT, "invoice_id": identifier(0), "amount": 1, "account_id": identifier(5)},
            404,
        ),
        ("pay", {"tenant_id": TENANT, "invoice_id": identifier(0), "amount": "much"}, 400),
        ("pay", {"tenant_id": TENANT, "invoice_id": identifier(0), "amount": 1, "date": "someday"}, 400),
    ):
        assert bench.sim(path, body, status)["error"]
    assert requests.post(f"{bench.url}/_sim/change", data=b"{").status_code == 400
    assert bench.sim(f"records/{TENANT}/Payments")["records"] == []


def test_an_added_record_gets_what_it_lacks(bench: Bench) -> None:
    """A record without id and stamp is given both; one with them keeps them."""
    body = {"tenant_id": TENANT, "resource": "Invoices"}
    bare = bench.sim("add", {**body, "record": {"Status": "DRAFT"}})
    assert list(bare) == ["InvoiceID", "Status", "UpdatedDateUTC"] and bare["UpdatedDateUTC"] == now(bench)
    assert bench.sim("add", {**body, "record": invoice(5)}) == invoice(5)
    assert len(bench.sim(f"records/{TENANT}/Invoices")["records"]) == 5
    assert [event["eventType"] for event in bench.sim("webhooks")["pending"]] == ["CREATE", "CREATE"]


def test_a_vanished_record_is_gone_without_a_word(bench: Bench) -> None:
    """A hard delete leaves no row, no stamp and no webhook."""
    bench.connect()
    bench.sim("vanish", {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(0)})
    assert bench.numbers() == [1, 2]
    assert bench.get(f"Invoices/{identifier(0)}").status_code == 404
    assert bench.sim("webhooks")["pending"] == []


def test_a_full_payment_pays_the_invoice(bench: Bench) -> None:
    """Payment and invoice look as Xero lists them: stubs on both sides, PAID, fully paid on the payment's day."""
    answer = pay(bench, 0, "100", account_id=ACCOUNT, date="2026-09-30")
    payment, paid = answer["payment"], answer["invoice"]
    day = date(1_790_726_400_000)
    assert payment == {
        "PaymentID": payment["PaymentID"],
        "Date": day,
        "BankAmount": Decimal("100.00"),
        "Amount": Decimal("100.00"),
        "Reference": "",
        "CurrencyRate": Decimal("1.000000"),
        "PaymentType": "ACCRECPAYMENT",
        "Status": "AUTHORISED",
        "UpdatedDateUTC": now(bench),
        "UpdatedDateUTCString": f"{bench.xero.clock.now():%Y-%m-%dT%H:%M:%SZ}",
        "HasAccount": True,
        "IsReconciled": False,
        "Account": {"AccountID": ACCOUNT},
        "Invoice": {
            "Contact": {"ContactID": CONTACT, "Name": "Marine Systems"},
            "CurrencyCode": "NZD",
            "Type": "ACCREC",
            "InvoiceID": identifier(0),
            "InvoiceNumber": "INV-0000",
        },
        "HasValidationErrors": False,
    }
    stub = {name: payment[name] for name in ("PaymentID", "Date", "Amount", "Reference", "CurrencyRate")}
    assert without_stamps(paid) == without_stamps(
        {
            **invoice(0),
            "Payments": [{**stub, "HasAccount": True, "HasValidationErrors": False}],
            "AmountDue": Decimal("0.00"),
            "AmountPaid": Decimal("100.00"),
            "Status": "PAID",
            "FullyPaidOnDate": day,
        }
    )
    assert list(paid) == [*invoice(0), "FullyPaidOnDate"]
    assert paid["UpdatedDateUTC"] == now(bench)
    assert stored(bench, "Invoices", identifier(0)) == paid
    assert stored(bench, "Payments", payment["PaymentID"]) == payment


def test_part_payments_add_up(bench: Bench) -> None:
    """An invoice stays open until it is paid to the cent; the last day counts, and it cannot be overpaid."""
    first = pay(bench, 0, "33.33", date="2026-10-02")["invoice"]
    assert (first["Status"], first["AmountDue"], first["AmountPaid"]) == (
        "AUTHORISED",
        Decimal("66.67"),
        Decimal("33.33"),
    )
    assert "FullyPaidOnDate" not in first
    too_much = {"tenant_id": TENANT, "invoice_id": identifier(0), "amount": Decimal("66.68")}
    bench.sim("pay", too_much, 400)
    second = pay(bench, 0, "66.67", date="2026-10-01")["invoice"]
    assert (second["Status"], second["AmountDue"], len(second["Payments"])) == ("PAID", Decimal("0.00"), 2)
    assert second["FullyPaidOnDate"] == first["Payments"][0]["Date"]
    bench.sim("pay", {**too_much, "amount": Decimal("0.01")}, 400)


def test_numbers_held_as_text_are_paid_too(bench: Bench) -> None:
    """Records whose numbers are strings, as some of Xero's samples are, can be paid like any other."""
    text = {"AmountDue": "100.00", "AmountPaid": "0.00", "CurrencyRate": "2.000000"}
    body = {"tenant_id": TENANT, "resource": "Invoices", "record": invoice(5, **text)}
    bench.sim("add", body)
    paid = pay(bench, 5, "100.00")["invoice"]
    assert (paid["Status"], paid["AmountDue"]) == ("PAID", Decimal("0.00"))


@pytest.mark.parametrize(
    ("account", "bank_amount"), [(ACCOUNT, "200.00"), (FOREIGN_ACCOUNT, "100.00"), (None, "100.00")]
)
def test_a_foreign_invoice_is_paid_in_the_banks_currency(
    bench: Bench, account: str | None, bank_amount: str
) -> None:
    """Amount is in the invoice's currency, BankAmount in the account's: units of base are amount over rate."""
    fields = {"account_id": account} if account else {}
    payment = pay(bench, 1, "100.00", **fields)["payment"]
    assert (payment["Amount"], payment["BankAmount"]) == (Decimal("100.00"), Decimal(bank_amount))
    assert (payment["PaymentType"], payment["CurrencyRate"]) == ("ACCPAYPAYMENT", Decimal("0.500000"))
    assert payment["HasAccount"] is ("Account" in payment) is (account is not None)


def test_deleting_a_payment_opens_the_invoice(bench: Bench) -> None:
    """The payment stays, DELETED with its amount; the invoice is as before, but newer."""
    made = pay(bench, 0, "100.00")["payment"]
    bench.xero.clock.advance(10)
    body = {"tenant_id": TENANT, "payment_id": made["PaymentID"]}
    answer = bench.sim("unpay", body)
    assert without_stamps(answer["payment"]) == {**without_stamps(made), "Status": "DELETED"}
    assert without_stamps(answer["invoice"]) == without_stamps(invoice(0))
    assert answer["invoice"]["UpdatedDateUTC"] == answer["payment"]["UpdatedDateUTC"] == now(bench)
    bench.sim("unpay", body, 400)
    bench.connect()
    assert [row["Status"] for row in bench.rows("Payments", {"page": 1})] == ["DELETED"]


def test_balances_follow_without_a_stamp(bench: Bench) -> None:
    """What a contact owes changes with payments, in base currency, and never moves the contact's stamp."""
    pay(bench, 0, "40.00")
    pay(bench, 1, "25.00")
    contact = stored(bench, "Contacts", CONTACT)
    assert contact["Balances"] == {
        "AccountsReceivable": {"Outstanding": Decimal("60.00"), "Overdue": Decimal("60.00")},
        "AccountsPayable": {"Outstanding": Decimal("150.00"), "Overdue": Decimal("-50.00")},
    }
    assert contact["UpdatedDateUTC"] == date(START)
    bench.sim("switches", {"payment_moves_balances": False})
    pay(bench, 0, "60.00")
    assert stored(bench, "Contacts", CONTACT) == contact


def test_what_a_payment_does_to_its_invoice_is_switched(bench: Bench) -> None:
    """Whether a payment moves the invoice's stamp and fires INVOICE UPDATE is unknown, so both can be had."""
    pay(bench, 0, "10.00")
    assert [event["eventType"] for event in bench.sim("webhooks")["pending"]] == ["UPDATE"]
    bench.sim("switches", {"payment_moves_invoice_stamp": False, "payment_fires_invoice_event": False})
    before = stored(bench, "Invoices", identifier(0))["UpdatedDateUTC"]
    bench.xero.clock.advance(10)
    assert pay(bench, 0, "10.00")["invoice"]["UpdatedDateUTC"] == before
    assert len(bench.sim("webhooks")["pending"]) == 1


@pytest.mark.parametrize(("switch", "due"), [("zero", "0.00"), ("total", "100.00")])
def test_voiding_ends_an_approved_invoice(bench: Bench, switch: str, due: str) -> None:
    """AUTHORISED becomes VOIDED with its total, nothing due or, by switch, all of it; once only."""
    bench.sim("switches", {"voided_amount_due": switch})
    body = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(0)}
    answer = bench.sim("void", body)
    assert (answer["Status"], answer["AmountDue"]) == ("VOIDED", Decimal(due))
    assert answer["Total"] == Decimal("100.00") and answer["UpdatedDateUTC"] == now(bench)
    assert stored(bench, "Contacts", CONTACT)["Balances"]["AccountsReceivable"]["Outstanding"] == Decimal(
        "0.00"
    )
    bench.sim("void", body, 400)
    assert len(bench.sim("webhooks")["pending"]) == 1


@pytest.mark.parametrize(("switch", "total"), [("kept", "100.00"), ("zero", "0.00")])
def test_voiding_a_draft_deletes_it(bench: Bench, switch: str, total: str) -> None:
    """DRAFT becomes DELETED and stays listed; its total is kept or, by switch, zero."""
    bench.sim("switches", {"deleted_total": switch, "void_fires_event": False})
    answer = bench.sim("void", {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(2)})
    assert (answer["Status"], answer["Total"]) == ("DELETED", Decimal(total))
    bench.connect()
    assert 2 in bench.numbers({"Statuses": "DELETED"})
    assert bench.sim("webhooks")["pending"] == []


def test_paid_invoices_are_not_voided(bench: Bench) -> None:
    """An invoice with a payment must be un-paid first; voiding the payment does that; contacts are archived."""
    payment = pay(bench, 0, "10.00")["payment"]
    body = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(0)}
    bench.sim("void", body, 400)
    deleted = bench.sim("void", {"tenant_id": TENANT, "resource": "Payments", "id": payment["PaymentID"]})
    assert deleted["Status"] == "DELETED"
    assert bench.sim("void", body)["Status"] == "VOIDED"
    archived = bench.sim("void", {"tenant_id": TENANT, "resource": "Contacts", "id": CONTACT})
    assert archived["ContactStatus"] == "ARCHIVED"


def credit_note(**fields: Any) -> Record:
    """An AUTHORISED credit note of 60.00 to the contact of the invoices."""
    return {
        "CreditNoteID": CREDIT_NOTE,
        "CreditNoteNumber": "CN-0001",
        "Payments": [],
        "ID": CREDIT_NOTE,
        "Type": "ACCRECCREDIT",
        "RemainingCredit": Decimal("60.00"),
        "Allocations": [],
        "Contact": {"ContactID": CONTACT, "Name": "Marine Systems"},
        "Date": date(DAY),
        "Status": "AUTHORISED",
        "LineItems": [],
        "Total": Decimal("60.00"),
        "UpdatedDateUTC": date(START),
        "CurrencyCode": "NZD",
        **fields,
    }


def allocate(bench: Bench, number: int, amount: str, status: int = 200, **fields: Any) -> Any:
    body = {
        "tenant_id": TENANT,
        "resource": "CreditNotes",
        "id": CREDIT_NOTE,
        "invoice_id": identifier(number),
        "amount": Decimal(amount),
        **fields,
    }
    return bench.sim("allocate", body, status)


def add_credit_note(bench: Bench, **fields: Any) -> None:
    bench.sim("add", {"tenant_id": TENANT, "resource": "CreditNotes", "record": credit_note(**fields)})


def test_an_allocation_stands_on_both_sides(bench: Bench) -> None:
    """The credit names the invoice, the invoice the credit; sums, status, stamps and balances follow."""
    add_credit_note(bench)
    answer = allocate(bench, 0, "25", date="2026-09-30")
    day = date(1_790_726_400_000)
    credit, credited = answer["credit"], answer["invoice"]
    (allocation,) = credit["Allocations"]
    assert allocation == {
        "AllocationID": allocation["AllocationID"],
        "Amount": Decimal("25.00"),
        "Date": day,
        "Invoice": {
            "InvoiceID": identifier(0),
            "InvoiceNumber": "INV-0000",
            "Payments": [],
            "CreditNotes": [],
            "Prepayments": [],
            "Overpayments": [],
            "HasErrors": False,
            "IsDiscounted": False,
            "LineItems": [],
        },
        "IsDeleted": False,
    }
    assert (credit["RemainingCredit"], credit["AppliedAmount"]) == (Decimal("35.00"), Decimal("25.00"))
    assert (credit["Status"], credit["UpdatedDateUTC"]) == ("AUTHORISED", now(bench))
    assert credited["CreditNotes"] == [
        {
            "CreditNoteID": CREDIT_NOTE,
            "CreditNoteNumber": "CN-0001",
            "ID": CREDIT_NOTE,
            "Date": date(DAY),
            "Total": Decimal("60.00"),
            "HasErrors": False,
            "AppliedAmount": Decimal("25.00"),
            "LineItems": [],
        }
    ]
    assert (credited["AmountDue"], credited["AmountCredited"]) == (Decimal("75.00"), Decimal("25.00"))
    assert (credited["AmountPaid"], credited["Status"]) == (Decimal("0.00"), "AUTHORISED")
    assert credited["UpdatedDateUTC"] == now(bench)
    balances = stored(bench, "Contacts", CONTACT)["Balances"]["AccountsReceivable"]
    assert balances["Outstanding"] == Decimal("75.00")
    assert stored(bench, "CreditNotes", CREDIT_NOTE) == credit


def test_a_credit_settles_what_is_left(bench: Bench) -> None:
    """Payment and credit together make an invoice PAID on the later day; a credit used up is PAID too."""
    add_credit_note(bench)
    pay(bench, 0, "40.00", date="2026-10-02")
    answer = allocate(bench, 0, "60.00", date="2026-10-05")
    for record in (answer["credit"], answer["invoice"]):
        assert record["Status"] == "PAID"
        assert record["FullyPaidOnDate"] == date(1_791_158_400_000)
    allocate(bench, 0, "0.01", 400)
    body = {"tenant_id": TENANT, "resource": "CreditNotes", "id": CREDIT_NOTE}
    bench.sim("void", body, 400)


def test_what_cannot_be_allocated(bench: Bench) -> None:
    """Not more than is left or due, nothing negative, not to a draft, another currency or another contact."""
    add_credit_note(bench)
    for number, amount in ((0, "60.01"), (0, "0"), (0, "-1"), (1, "10.00"), (2, "10.00")):
        assert allocate(bench, number, amount, 400)["error"]
    allocate(bench, 9, "10.00", 404)
    allocate(bench, 0, "10.00", 400, date="someday")
    other = {"Contact": {"ContactID": identifier(8), "Name": "Somebody else"}}
    bench.sim("add", {"tenant_id": TENANT, "resource": "Invoices", "record": invoice(5, **other)})
    allocate(bench, 5, "10.00", 400)
    assert stored(bench, "CreditNotes", CREDIT_NOTE) == credit_note()
    assert stored(bench, "Invoices", identifier(0)) == invoice(0)


def test_an_applied_credit_is_not_voided(bench: Bench) -> None:
    """A credit note of which something is applied stays; one that is whole is VOIDED and keeps its total."""
    add_credit_note(bench)
    body = {"tenant_id": TENANT, "resource": "CreditNotes", "id": CREDIT_NOTE}
    allocate(bench, 0, "1.00")
    bench.sim("void", body, 400)
    whole = {"CreditNoteID": identifier(7), "ID": identifier(7)}
    add_credit_note(bench, **whole)
    answer = bench.sim("void", {**body, "id": identifier(7)})
    assert (answer["Status"], answer["Total"]) == ("VOIDED", Decimal("60.00"))


def test_switches_are_told_and_checked(bench: Bench) -> None:
    """Every switch is listed; an unknown name or a wrong value changes nothing at all."""
    before = bench.sim("switches")
    assert (before["day_limit"], before["minute_limit"], before["voided_amount_due"]) == (1000, 60, "zero")
    for wrong in ({"nonsense": 1}, {"day_limit": "many"}, {"day_limit": True}, {"voided_amount_due": "half"}):
        bench.sim("switches", {"minute_limit": 5, **wrong}, 400)
    assert bench.sim("switches") == before
    after = bench.sim(
        "switches", {"day_limit": 5000, "call_seconds": Decimal("0.25"), "numbers_as_strings": True}
    )
    assert (after["day_limit"], after["call_seconds"]) == (5000, Decimal("0.25"))


def test_it_runs_alone() -> None:
    """`python -m local.xero` prints one line with its address and answers there."""
    command = [sys.executable, "-m", "local.xero", "--client-id", "a", "--client-secret", "b"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            answer = requests.post(f"{url}/connect/token", auth=("a", "b"), data={"grant_type": "x"})
            assert answer.json() == {"error": "unsupported_grant_type"}
        finally:
            process.terminate()
