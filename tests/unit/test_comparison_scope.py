"""What must be in Power BI when the history begins at a given day, and what need not."""

from datetime import date
from typing import Any

import pytest

from local.comparison import Difference, TableComparison, differences, expected_rows, in_scope
from local.expected import lists as own_lists
from tests.support.beside import SLOTS, power_bi, xero
from tests.support.beside.common import CREDIT_NOTE, PAID, TENANT, USD, Records, Row, key

LISTS = own_lists.read(xero(), SLOTS, personal=True)
START = date(2026, 1, 1)
OLD = "/Date(1700000000000+0000)/"
WITHIN = "/Date(1768000000000+0000)/"
# The day's first instant, and the millisecond before it.
FIRST, BEFORE = "/Date(1767225600000+0000)/", "/Date(1767225599999+0000)/"

DATED = (
    "Invoices",
    "CreditNotes",
    "Prepayments",
    "Overpayments",
    "Payments",
    "BankTransactions",
    "ManualJournals",
)
OF_ANY_DATE = (
    "Organisation",
    "Accounts",
    "Contacts",
    "Items",
    "TaxRates",
    "TrackingCategories",
    "BankTransfers",
    "PurchaseOrders",
    "Journals",
)
ID = {
    "Organisation": "OrganisationID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
}


def scope(resource: str, record: dict[str, Any], **others: list[dict[str, Any]]) -> bool:
    """Whether a record of an old date must be shown."""
    id_field = ID.get(resource, f"{resource.removesuffix('s')}ID")
    old = {id_field: "One", "Date": OLD, "UpdatedDateUTC": OLD, "Status": "PAID"} | record
    whole = {name: value for name, value in old.items() if value is not None}
    records: Records = {resource: [whole], **others}
    assert in_scope(records, None)[resource] == {"one"}
    return "one" in in_scope(records, START)[resource]


@pytest.mark.parametrize("resource", DATED)
def test_dates(resource: str) -> None:
    """What is dated or updated on the first day or later must be there; what lies before it need not."""
    assert not scope(resource, {})
    assert not scope(resource, {"Date": BEFORE, "UpdatedDateUTC": BEFORE})
    assert scope(resource, {"Date": FIRST})
    assert scope(resource, {"DateString": "2026-01-01T00:00:00"})
    assert not scope(resource, {"DateString": "2025-12-31T00:00:00", "Date": FIRST})
    assert scope(resource, {"UpdatedDateUTC": FIRST})
    assert scope(resource, {"Date": "no date"}), "what cannot be read is not taken for old"


@pytest.mark.parametrize("resource", OF_ANY_DATE)
def test_what_has_no_beginning(resource: str) -> None:
    """Names, orders and transfers must all be there, however old."""
    assert scope(resource, {})


STATUSES = {
    "Invoices": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "CreditNotes": {"DRAFT", "SUBMITTED", "AUTHORISED"},
    "Prepayments": {"AUTHORISED"},
    "Overpayments": {"AUTHORISED"},
    "ManualJournals": {"DRAFT"},
    "Payments": set(),
    "BankTransactions": set(),
}


@pytest.mark.parametrize("resource", DATED)
def test_open_records(resource: str) -> None:
    """What is still open must be there, however old; which statuses are open depends on the list."""
    statuses = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "POSTED", "VOIDED", "DELETED", "DISPUTED", None)
    assert {status for status in statuses if scope(resource, {"Status": status})} == STATUSES[resource]


@pytest.mark.parametrize("resource", DATED)
def test_undated_records(resource: str) -> None:
    """An invoice or a credit note without a date must be there; no filter by date would find it."""
    assert scope(resource, {"Date": None}) == (resource in ("Invoices", "CreditNotes"))


@pytest.mark.parametrize("resource", ["Invoices", "CreditNotes", "Prepayments", "Overpayments"])
def test_what_a_payment_touches(resource: str) -> None:
    """A document that a payment of the range pays or refunds must be there, in whatever case its id is written."""
    name = resource.removesuffix("s")

    def paid(**payment: Any) -> bool:
        whole = {"PaymentID": "p", "Date": OLD, "UpdatedDateUTC": OLD} | payment
        return scope(resource, {}, Payments=[whole])

    stub = {name: {f"{name}ID": "ONE"}}
    assert paid(Date=WITHIN, **stub)
    assert paid(UpdatedDateUTC=WITHIN, Status="DELETED", **stub)
    assert not paid(**stub)
    assert not paid(Date=WITHIN, **{name: {f"{name}ID": "two"}})
    assert not paid(Date=WITHIN, Payment={f"{name}ID": "one"})
    assert not paid(Date=WITHIN, **{name: []})
    assert not paid(Date=WITHIN, **{name: "one"})


@pytest.mark.parametrize("resource", ["CreditNotes", "Prepayments", "Overpayments"])
def test_what_an_allocation_touches(resource: str) -> None:
    """An invoice that a credit in scope is set against must be there; a credit beyond the scope touches nothing."""
    allocations: dict[str, Any] = {
        "Allocations": [{"Invoice": {"InvoiceID": "x"}}, {"Invoice": {"InvoiceID": "ONE"}}]
    }
    credit = {f"{resource.removesuffix('s')}ID": "c", "Date": OLD, "UpdatedDateUTC": OLD, "Status": "PAID"}

    def touched(**changes: Any) -> bool:
        return scope("Invoices", {}, **{resource: [credit | allocations | changes]})

    assert not touched()
    assert touched(Date=WITHIN)
    assert touched(UpdatedDateUTC=WITHIN)
    assert touched(Status="AUTHORISED")
    assert not touched(Date=WITHIN, Allocations=[])
    assert not touched(Date=WITHIN, Allocations="none")
    assert not touched(Date=WITHIN, Allocations=[{"Invoice": []}, {}])


def test_a_refund_leads_to_the_invoices_of_the_credit() -> None:
    """A payment of the range refunds an old credit note, which stands against an old invoice: all must be there."""
    credit = {"CreditNoteID": "C", "Date": OLD, "Allocations": [{"Invoice": {"InvoiceID": "one"}}]}
    payment = {"PaymentID": "p", "Date": WITHIN, "CreditNote": {"CreditNoteID": "c"}}
    assert scope("Invoices", {}, CreditNotes=[credit | {"Status": "PAID"}], Payments=[payment])
    assert not scope(
        "Invoices", {}, CreditNotes=[credit | {"Status": "PAID"}], Payments=[payment | {"Date": OLD}]
    )


def test_only_records_of_xero_are_in_scope() -> None:
    """What a payment or an allocation names and Xero does not have is not demanded."""
    payment = {
        "PaymentID": "p",
        "Date": WITHIN,
        "Invoice": {"InvoiceID": "i"},
        "Prepayment": {"PrepaymentID": "r"},
    }
    found = in_scope({"Payments": [payment]}, START)
    assert {name: ids for name, ids in found.items() if ids} == {"Payments": {"p"}}


def listed(table: str, rows: list[Row]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows as the Power BI simulator lists them."""
    columns = list(power_bi()[table][0])
    return columns, [[row[column] for column in columns] for row in rows]


def compared(rows: Records, records: Records, start: date | None) -> dict[str, TableComparison]:
    return {
        name: differences(expected, TENANT, *listed(name, rows[name]))
        for name, expected in expected_rows(records, TENANT, start, lists=LISTS).items()
    }


def test_records_beyond_the_scope_may_be_there() -> None:
    """What lies before the start may be absent; when present it must be right, and is counted apart."""
    records, rows = xero(), power_bi()
    # What would touch the paid bill: its payment, and allocations.
    records["Payments"], rows["Payments"] = [], []
    rows["CashMovements"] = [row for row in rows["CashMovements"] if row["Source"] != "Payment"]
    records["Overpayments"][0]["Allocations"][0]["Invoice"]["InvoiceID"] = USD
    records["CreditNotes"][0]["Allocations"].pop()
    rows["Allocations"] = [row for row in rows["Allocations"] if row["InvoiceID"] != PAID.upper()]
    allocation = next(row for row in rows["Allocations"] if row["InvoiceID"] == PAID)
    allocation |= {"InvoiceID": USD, "InvoiceKey": key(USD)}
    [entry] = [row for row in rows["OpenItems"] if row["InvoiceKey"] == key(PAID)]
    entry["InvoiceKey"] = key(USD)
    start = date(2026, 3, 1)

    def mismatches(shown: Records, since: date | None) -> list[Difference]:
        return [one for table in compared(shown, records, since).values() for one in table.mismatches]

    result = compared(rows, records, start)
    assert mismatches(rows, start) == []
    counts = {name: (one.xero_records, one.powerbi_current, one.beyond_scope) for name, one in result.items()}
    assert counts["Invoices"] == (2, 3, 1)
    assert counts["Lines"] == (8, 9, 1)
    assert all(current - beyond == xeros for xeros, current, beyond in counts.values())
    absent = {
        name: [row for row in held if PAID not in (row.get("InvoiceID"), row.get("DocumentID"))]
        for name, held in rows.items()
    }
    assert mismatches(absent, start) == []
    assert {one.problem for one in mismatches(absent, None)} == {"missing"}
    rows["Invoices"][2]["Status"] = "AUTHORISED"
    assert [one.column for one in mismatches(rows, start)] == ["Status"]


@pytest.mark.parametrize("table", ["CreditNotes", "Lines", "Allocations"])
def test_a_credit_note_beyond_the_scope_may_be_there(table: str) -> None:
    """Before the start a record may be absent from each of the tables that show it, and is counted apart in each."""
    records = xero()
    records["CreditNotes"][0] |= {"Status": "PAID", "UpdatedDateUTC": "/Date(0)/"}
    wanted = expected_rows(records, TENANT, date(2026, 3, 1), lists=LISTS)[table]
    rows = power_bi()[table]
    present = differences(wanted, TENANT, *listed(table, rows))
    assert present.beyond_scope == present.powerbi_current - present.xero_records > 0
    absent = [row for row in rows if row.get("DocumentID", row.get("CreditNoteID")) != CREDIT_NOTE]
    assert len(absent) < len(rows)
    found = differences(wanted, TENANT, *listed(table, absent))
    assert (found.mismatches, found.beyond_scope) == ([], 0)
