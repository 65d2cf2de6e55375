"""No record is lost while a list is read, whatever people do to it between two calls.

3,000 records, of which after each call five that were read already are edited, five leave the filter as far as an edit
can, some are voided and some are made. Lists that come whole in one answer have no two calls to lose a record between.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from shared.state import checkpoints
from shared.state.checkpoints import Read
from shared.sync import read as reading
from shared.sync.read import Verdict
from shared.xero.client import Request
from shared.xero.paging import Page
from shared.xero.resources import RESOURCES, Resource
from tests.support import books
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]
Ask = Callable[..., Request]
MINUTES = 60.0
# What a record has become that was voided, and one that has left the open ones.
ENDS = {
    "Contacts": ("ContactStatus", "ARCHIVED", "ARCHIVED"),
    "Payments": ("Status", "DELETED", "DELETED"),
    "BankTransactions": ("Status", "DELETED", "VOIDED"),
    "PurchaseOrders": ("Status", "DELETED", "BILLED"),
    "ManualJournals": ("Status", "VOIDED", "ARCHIVED"),
}
# A text of each record that people may edit.
TEXTS = {"Contacts": "AccountNumber", "ManualJournals": "Narration"}
FIRST_NEW = 500_000
PAGED = [name for name, resource in RESOURCES.items() if resource.paged]
LARGE = ("Invoices", "Payments", "CreditNotes", "BankTransactions", "ManualJournals")


def sizes(resource: str) -> tuple[int, int]:
    """How many records, and how many a page: three pages of each."""
    return (3000, 1000) if resource in LARGE else (300, 100)


def make(resource: str, number: int, on: datetime = books.RECENT) -> books.Record:
    """The n-th record of a resource, not open, so that nothing but its date and its stamp keep it in the history."""
    match resource:
        case "Contacts":
            return books.contact(number)
        case "Invoices":
            return books.invoice(number, on=on, lines=1, status="PAID")
        case "CreditNotes":
            return books.credit_note(number, on=on, status="PAID")
        case "Prepayments":
            return books.prepayment(number, on=on, status="PAID")
        case "Overpayments":
            return books.overpayment(number, on=on, status="PAID")
        case "Payments":
            return books.payment(number, books.invoice(1), on=on)
        case "BankTransactions":
            return books.bank_transaction(number, on=on)
        case "PurchaseOrders":
            return books.purchase_order(number, on=on)
    return books.manual_journal(number, on=on)


def busy_world(
    new_world: NewWorld, resource: str, *, spread: bool = False, calls: int = 4, row_limit: int = 0
) -> World:
    """A connected world with many records of a resource, on which people work before each of its calls 2 to `calls`.

    spread: the documents are dated over eight months, so that windows can part them. row_limit: Xero's.
    """
    count, page_size = sizes(resource)
    world = new_world(settings={"XERO_PAGE_SIZE": str(page_size)})
    resources = books.small_books()
    days = 240 if spread else 0
    resources[resource] = [
        make(resource, number, books.RECENT - timedelta(days=150 - number * days / count))
        for number in range(1, count + 1)
    ]
    world.load(resources)
    world.connect()
    if row_limit:
        world.xero.switches.row_limit = row_limit
    world.calls.clear()

    def meanwhile(call: Call) -> None:
        at = len(world.calls_of(resource))
        # Xero takes sixty calls a minute, no faster.
        world.clock.advance(1)
        if call.resource == resource and 1 < at <= calls:
            work(world, resource, count, at)

    world.on_xero_call = meanwhile
    return world


def work(world: World, resource: str, count: int, at: int) -> None:
    """What people do before a resource's call `at`: to the first records and to the last ones, for either way to page."""
    field, voided, left = ENDS.get(resource, ("Status", "VOIDED", "PAID"))
    before = {field: left}
    if resource != "Contacts":
        before["Date"] = books.stamp(books.LONG_AGO)
    for end in (20 * at, count - 20 * at):
        for number in range(end, end + 5):
            change(world, resource, number, {TEXTS.get(resource, "Reference"): f"before call {at}"})
        for number in range(end + 5, end + 10):
            change(world, resource, number, before)
        for number in range(end + 10, end + 12):
            change(world, resource, number, {field: voided})
    for number in (FIRST_NEW + at, 0 if at == 2 else FIRST_NEW + 100 + at):
        world.add(resource, make(resource, number))


def change(world: World, resource: str, number: int, fields: dict[str, Any]) -> None:
    world.clock.advance(0.1)
    key = books.record_id(resource, number)
    world.xero.documents.change(books.TENANT, resource, key, fields, [], True)


def lost(world: World, resource: str) -> list[str]:
    """Records that the mirror has not, or not as Xero has them, once the history and the next increment are done."""
    world.poll()
    [verdict] = [
        row for row in world.audit("read") if (row.get("resource"), row["outcome"]) == (resource, "complete")
    ]
    assert verdict["why"] == "history"
    world.on_xero_call = lambda call: None
    world.settle()
    world.advance(30 * MINUTES)
    world.refresh()
    world.settle()
    assert checkpoints.load(world.store, books.TENANT, resource).trouble == ""
    return world.unmirrored(resource)


@pytest.mark.parametrize("resource", PAGED)
def test_no_record_is_lost_while_reading(new_world: NewWorld, resource: str) -> None:
    """Edited, voided, added, moved out of the range: all of it is in the mirror, as it is now, and so is all the rest."""
    world = busy_world(new_world, resource)
    assert lost(world, resource) == []
    assert len(world.calls_of(resource)) > 4


@pytest.mark.parametrize(
    "resource", [name for name in PAGED if RESOURCES[name].history_where and name != "Contacts"]
)
def test_no_edit_leaves_the_history(new_world: NewWorld, resource: str) -> None:
    """The filter's last clause keeps what was moved out of the range meanwhile: the list's count never falls."""
    world = busy_world(new_world, resource)
    world.poll()
    asked = [call for call in world.calls_of(resource) if "where" in call.query and not call.modified_since]
    assert len({call.query["where"] for call in asked}) == 1
    [counted] = [row["count"] for row in world.audit("read", "complete") if row["resource"] == resource]
    assert counted == len(list(world.xero.store.records(books.TENANT, resource)))
    assert not world.audit("read", "repeated")


@pytest.mark.parametrize("resource", ["Invoices", "PurchaseOrders"])
def test_no_record_is_lost_while_reading_windows(new_world: NewWorld, resource: str) -> None:
    """Out of a window records do leave, and push others past the reader: the count finds it, and the window is read again."""
    count, _ = sizes(resource)
    world = busy_world(new_world, resource, spread=True, calls=12, row_limit=count * 7 // 10)
    assert lost(world, resource) == []
    assert world.audit("read", "split") != []
    assert {row["resource"] for row in world.audit("read", "repeated")} == {resource}


# Readers as others write them, in the same scenarios.


def by_stamp(resource: Resource, read: Read, *, start: Any, page_size: int) -> Request:
    """Xero's default order, and what most connectors page by; the first page first, whatever the resource."""
    forward = msgspec.structs.replace(read, descending=False)
    request = reading_request(resource, forward, start=start, page_size=page_size)
    order = {"order": "UpdatedDateUTC"} if resource.paging == "pages" else {}
    return Request(request.path, {**request.params, **order}, request.modified_since)


def unchecked(
    resource: Resource, read: Read, page: Page, seen: set[str], corrected: set[str]
) -> tuple[Verdict, Read]:
    """A reader that believes that it is done with the last page, or with the last page of a window."""
    if resource.paged and reading.is_last(resource, msgspec.structs.replace(read, descending=False), page):
        read = msgspec.structs.replace(read, began=read.began or page.answered_at)
        return reading._close(resource, read)
    return reading_after(resource, read, page, seen, corrected)


def forward(resource: Resource, read: Read, **changes: Any) -> Read:
    return msgspec.structs.replace(reading_opened(resource, read, **changes), descending=False)


reading_request, reading_after, reading_opened = reading.request, reading.after, reading._opened


@pytest.mark.parametrize("resource", LARGE)
def test_a_reader_by_stamp_loses_records(
    new_world: NewWorld, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paged by UpdatedDateUTC and not counted, the same afternoon costs records that nobody touched, for good."""
    monkeypatch.setattr(reading, "request", by_stamp)
    monkeypatch.setattr(reading, "after", unchecked)
    monkeypatch.setattr(reading, "_opened", forward)
    world = busy_world(new_world, resource)
    missing = lost(world, resource)
    assert len(missing) >= 10
    untouched = {books.record_id(resource, number) for number in range(200, sizes(resource)[0] - 200)}
    assert set(missing) <= untouched


@pytest.mark.parametrize("resource", ["Invoices", "PurchaseOrders"])
def test_a_reader_that_does_not_count_loses_records(
    new_world: NewWorld, resource: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paged by the id but not counted: what pushed others out of sight by leaving a window costs records, for good."""
    monkeypatch.setattr(reading, "after", unchecked)
    count, _ = sizes(resource)
    world = busy_world(new_world, resource, spread=True, calls=12, row_limit=count * 7 // 10)
    assert lost(world, resource) != []
