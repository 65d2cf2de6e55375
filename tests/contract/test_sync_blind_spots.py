"""What Xero changes without moving UpdatedDateUTC: found within the cycle that the settings promise, at a known cost.

Each edit is made in Xero with its stamp left as it was and no webhook, or takes out what no list tells of; then time goes by.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.state import checkpoints
from shared.sync.schedule import night_of
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
HOUR = 3600.0
OPEN = ("DRAFT", "SUBMITTED", "AUTHORISED")
LATER = books.stamp(books.RECENT + timedelta(days=90))
# A book with a document of each kind that is not over.
ALL_OPEN = ("Invoices", "CreditNotes", "Prepayments", "Overpayments", "PurchaseOrders")


def go_by(world: World, hours: float) -> None:
    """So much time without any run, then the timers, until nothing waits."""
    world.advance(hours * HOUR)
    world.refresh()
    world.settle()


def to_night(world: World) -> None:
    """The next night's read of open documents, and what follows from it."""
    settings, now = world.connector.settings, world.clock.now()
    begins = night_of(settings, now + timedelta(days=1))
    go_by(world, ((begins if begins > now else begins + timedelta(days=1)) - now).total_seconds() / HOUR)
    # The increment comes right after the read of open documents.
    go_by(world, 0.5)


def number_of(world: World, resource: str, but: Collection[int] = ()) -> int:
    """The number of a record of the resource that is not over."""
    for number in range(1, 10):
        record = world.xero.store.find(books.TENANT, resource, books.record_id(resource, number))
        if record["Status"] in OPEN and number not in but:
            return number
    raise AssertionError(f"no such record of {resource}")


def other_account(world: World, resource: str, number: int) -> list[dict[str, Any]]:
    """The lines of a record, booked to an account that none of them had."""
    field = "JournalLines" if resource == "ManualJournals" else "LineItems"
    found = world.xero.store.find(books.TENANT, resource, books.record_id(resource, number))
    return [line | {"AccountCode": "999"} for line in found[field]]


def is_found_after(world: World, resources: Iterable[str], hours: float) -> None:
    """The mirror lacks the edits until the cycle is over; then every field of every table is Xero's."""
    go_by(world, 2)
    for resource in resources:
        assert world.unmirrored(resource) != [], f"{resource}: found by an increment, the stamp has moved"
    go_by(world, hours - 2)
    assert [each for resource in resources for each in world.unmirrored(resource)] == []
    assert world.differences() == []


# Open documents, each night


def test_an_open_document(settled: World) -> None:
    """A due date, a sent mark, a delivery, a line's account of what is not over: each found in the next night, two hours before
    the report, and not before.
    """
    for number, edit in (
        (1, {"SentToContact": True}),
        (2, {"DueDate": LATER}),
        (3, {"ExpectedPaymentDate": LATER}),
    ):
        settled.change("Invoices", number, touch=False, **edit)
    settled.change("PurchaseOrders", 2, touch=False, DeliveryDate=LATER)
    edited = {"Invoices": {1, 2, 3}, "PurchaseOrders": {2}}
    for resource in ALL_OPEN:
        number = number_of(settled, resource, but=edited.setdefault(resource, set()))
        settled.change(resource, number, touch=False, LineItems=other_account(settled, resource, number))
        edited[resource].add(number)
    go_by(settled, 2)
    for resource, numbers in edited.items():
        missing = sorted(books.record_id(resource, number) for number in numbers)
        assert settled.unmirrored(resource) == missing, "found by an increment: the stamp has moved"
    to_night(settled)
    assert {resource: settled.unmirrored(resource) for resource in edited} == {key: [] for key in edited}
    assert settled.differences() == []


def test_an_open_document_in_the_nightly_profile(new_world: NewWorld) -> None:
    """Who reads once a night has open documents read then, too, and what changed besides."""
    world = new_world(settings={"POLL_PROFILE": "nightly"})
    world.load()
    world.connect()
    world.settle()
    world.change("Invoices", number_of(world, "Invoices"), touch=False, DueDate=LATER)
    # Over before the night, so that the read of open documents does not show it.
    world.change("Invoices", 3, Status="PAID", AmountDue=Decimal(0))
    world.change("Contacts", 1, Name="Renamed")
    to_night(world)
    assert world.unmirrored("Invoices") == world.unmirrored("Contacts") == []
    assert world.differences() == []


def test_documents_that_are_over_are_left_alone(settled: World) -> None:
    """A night's read of open documents deletes and moves nothing of what it does not show: absence says nothing here."""
    before = {name: settled.mirrored(name) for name in ALL_OPEN}
    marks = {name: checkpoints.load(settled.store, books.TENANT, name) for name in ALL_OPEN}
    to_night(settled)
    assert {name: settled.mirrored(name) for name in ALL_OPEN} == before
    for name in ALL_OPEN:
        after = checkpoints.load(settled.store, books.TENANT, name)
        assert (after.records, after.whole_at) == (marks[name].records, marks[name].whole_at)
        assert after.open_at > marks[name].open_at
    assert [row["resource"] for row in settled.audit("read", "complete") if row["why"] == "open"] == [
        name for name in RESOURCES if name in ALL_OPEN
    ]


def test_it_can_be_switched_off(settled: World) -> None:
    """REREAD_OPEN=false: no call is made for it in the night, and the week's whole read is left to find such edits."""
    settled.environment["REREAD_OPEN"] = "false"
    settled.restart()
    settled.calls.clear()
    to_night(settled)
    assert [call for call in settled.calls if call.query.get("Statuses") or call.query.get("Status")] == []


def test_documents_that_end_while_they_are_read(new_world: NewWorld) -> None:
    """Each document that is paid between two pages shifts the rest: the one that slips through is found all the same."""
    world = new_world(settings={"XERO_PAGE_SIZE": "3"})
    world.load(books.plain_books(invoices=9))
    world.connect()
    world.settle()
    for number in range(1, 10):
        world.change("Invoices", number, touch=False, DueDate=LATER)
    paid = iter((1, 2))

    def meanwhile(call: Any) -> None:
        if call.query.get("Statuses") and (number := next(paid, 0)):
            world.change("Invoices", number, Status="PAID", AmountDue=Decimal(0))

    world.on_xero_call = meanwhile
    to_night(world)
    world.on_xero_call = lambda call: None
    assert world.unmirrored("Invoices") == []


def test_xero_refuses_the_list_of_open_documents(settled: World) -> None:
    """Too many of them, say: told in the audit, and the increment goes on as before."""
    begins = night_of(settled.connector.settings, settled.clock.now() + timedelta(days=1))
    settled.advance((begins - settled.clock.now()).total_seconds())
    settled.refresh()
    settled.xero_fault("status", path=r"/api\.xro/2\.0/CreditNotes", status=400, times=1)
    settled.change("CreditNotes", 1, Reference="while nobody looked")
    settled.settle()
    go_by(settled, 0.5)
    [told] = [row for row in settled.audit("read", "ask") if row["resource"] == "CreditNotes"]
    assert "read again with all others" in told["why"]
    assert settled.unmirrored("CreditNotes") == []
    assert checkpoints.load(settled.store, books.TENANT, "CreditNotes").trouble == ""


# Everything else, by its cycle


def test_a_document_that_is_over(settled: World) -> None:
    """An account code of what is paid or booked, a payment's reconciled mark: found by the week's read of everything."""
    # Number 2 is changed to be over, by an edit that an increment sees.
    settled.change("Invoices", 2, Status="PAID", AmountDue=Decimal(0))
    go_by(settled, 1)
    for resource, field in (
        ("Invoices", "LineItems"),
        ("BankTransactions", "LineItems"),
        ("ManualJournals", "JournalLines"),
    ):
        number = 2 if resource == "Invoices" else 1
        edit: dict[str, Any] = {field: other_account(settled, resource, number)}
        settled.change(resource, number, touch=False, **edit)
    settled.change("Payments", 1, touch=False, IsReconciled=True)
    to_night(settled)
    is_found_after(settled, ("Invoices", "BankTransactions", "ManualJournals", "Payments"), 168)


def test_a_contact(new_world: NewWorld) -> None:
    """Balances, what it is, archived or merged: found once a day, also where the stamp has not moved."""
    world = new_world()
    world.load(books.small_books(contacts=5))
    world.connect()
    world.settle()
    owed = {"Outstanding": Decimal("77.70"), "Overdue": Decimal("7.70")}
    edits: list[dict[str, Any]] = [
        {"Balances": {"AccountsReceivable": owed, "AccountsPayable": owed}},
        {"IsSupplier": True, "IsCustomer": False},
        {"ContactStatus": "ARCHIVED"},
        {"ContactStatus": "ARCHIVED", "MergedToContactID": books.record_id("Contacts", 1)},
    ]
    for number, fields in enumerate(edits, 2):
        world.change("Contacts", number, touch=False, **fields)
    assert len(world.unmirrored("Contacts")) == len(edits)
    is_found_after(world, ["Contacts"], 24)


def test_a_deleted_tracking_option(settled: World) -> None:
    """It vanishes from its category, which has no stamp at all: found by the next read of the list, four hours at most."""
    found = settled.xero.store.find(
        books.TENANT, "TrackingCategories", books.record_id("TrackingCategories", 1)
    )
    settled.change("TrackingCategories", 1, Options=found["Options"][1:])
    assert settled.unmirrored("TrackingCategories") != []
    go_by(settled, RESOURCES["TrackingCategories"].minutes / 60)
    assert settled.unmirrored("TrackingCategories") == []
    assert settled.differences() == []


def test_a_deleted_item(settled: World) -> None:
    """It vanishes without a word: found by the next read of the list, four hours at most, and gone by Xero's 404 only."""
    settled.vanish("Items", 1)
    go_by(settled, RESOURCES["Items"].minutes / 60)
    assert books.record_id("Items", 1) in settled.mirrored("Items", deleted=True)
    assert [
        call.path for call in settled.calls_of("Items") if call.path.endswith(books.record_id("Items", 1))
    ]
    assert settled.differences() == []


def test_a_deleted_transfer(settled: World) -> None:
    """Transfers have only the stamp of their making: each read of them is of all, deleted ones too."""
    settled.change("BankTransfers", 1, Status="DELETED")
    go_by(settled, RESOURCES["BankTransfers"].minutes / 60)
    assert settled.mirrored("BankTransfers")[books.record_id("BankTransfers", 1)]["Status"] == "DELETED"
    assert settled.differences() == []


# What a night costs


@pytest.mark.parametrize(("documents", "calls"), [(5, 1), (12, 4)])
def test_the_cost_of_a_night(new_world: NewWorld, documents: int, calls: int) -> None:
    """One call for up to a page of open documents, else one a page and one more; with purchase orders one for each of three
    statuses. The audit says the bytes: less than 2,000 a document of two lines.
    """
    world = new_world(settings={"XERO_PAGE_SIZE": "5"})
    small = books.small_books()
    small["Invoices"] = [books.invoice(number) for number in range(1, documents + 1)]
    for name in ("Payments", "CreditNotes", "Prepayments", "Overpayments", "PurchaseOrders"):
        small[name] = []
    world.load(small)
    world.connect()
    world.settle()
    to_night(world)
    rows = [row for row in world.audit("fetch") if str(row.get("why", "")).startswith("open, ")]
    counted = {name: len([row for row in rows if row["resource"] == name]) for name in ALL_OPEN}
    assert counted == {
        "Invoices": calls,
        "CreditNotes": 1,
        "Prepayments": 1,
        "Overpayments": 1,
        "PurchaseOrders": 3,
    }
    read = sum(int(row.get("bytes", 0)) for row in rows if row["resource"] == "Invoices")
    assert read <= 600 * calls + 2000 * documents


def test_the_night_is_before_the_report_hour(new_world: NewWorld) -> None:
    """By the operator's clock: in Sydney at 05:00 for figures at 07:00."""
    world = new_world(settings={"TIME_ZONE": "Australia/Sydney"})
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert night_of(world.connector.settings, now) == datetime(2026, 11, 23, 18, tzinfo=UTC)
