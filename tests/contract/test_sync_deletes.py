"""Deletes: each resource by its own rule. A status says it, a flag shows it, or it vanishes and only a 404 says so."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared import tables
from shared.state import checkpoints
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
DAY = 86400.0
# Which field says that a record is over, and what it says, by what a person can do in Xero.
ENDS = {
    "Invoices": ("Status", "VOIDED"),
    "CreditNotes": ("Status", "VOIDED"),
    "Prepayments": ("Status", "VOIDED"),
    "Overpayments": ("Status", "VOIDED"),
    "ManualJournals": ("Status", "VOIDED"),
    "Payments": ("Status", "DELETED"),
    "BankTransactions": ("Status", "DELETED"),
    "PurchaseOrders": ("Status", "DELETED"),
    "BankTransfers": ("Status", "DELETED"),
    "Contacts": ("ContactStatus", "ARCHIVED"),
    "TrackingCategories": ("Status", "ARCHIVED"),
    "Accounts": ("Status", "ARCHIVED"),
}
NEVER_APPLIED = {"CreditNotes": {"Allocations": [], "RemainingCredit": Decimal("100.00")}}
VANISHING = [name for name, resource in RESOURCES.items() if resource.vanishes]
WITH_LINES = [name for name, resource in RESOURCES.items() if "LineItems" in resource.nested]


def a_read_later(world: World, resource: str) -> None:
    """The next regular read of a resource, and what follows from it."""
    world.advance(RESOURCES[resource].minutes * MINUTES)
    world.refresh()
    world.settle()


def end(world: World, resource: str, record_id: str) -> None:
    """What a person does to end a record. Xero asks for a credit to be freed first of what it is applied to."""
    world.clock.advance(1)
    found = world.xero.store.find(books.TENANT, resource, record_id)
    if found.get("Allocations"):
        freed = {"Allocations": [], "RemainingCredit": found["Total"]}
        world.xero.documents.change(books.TENANT, resource, record_id, freed, [], True)
    world.xero.documents.void(books.TENANT, resource, record_id)


def shown(world: World, resource: str, record_id: str) -> dict[str, list[dict[str, Any]]]:
    """The current rows of a record, by each table that its resource feeds: none of them may have none."""
    found = {}
    for table in tables.fed_by(resource):
        key = f"{books.TENANT}|{record_id.lower()}"
        rows = [row for row in world.rows(table.name) if row[table.version_key] == key]
        assert rows, f"{table.name} has no row of {key}"
        highest = max(row["RowVersion"] for row in rows)
        found[table.name] = [row for row in rows if row["RowVersion"] == highest]
    return found


@pytest.mark.parametrize("resource", ENDS)
def test_a_status_says_that_it_is_over(settled: World, resource: str) -> None:
    """Voided, deleted or archived: the record's next version says so within its minutes; it is no tombstone."""
    field, over = ENDS[resource]
    record_id = books.record_id(resource, 1)
    end(settled, resource, record_id)
    a_read_later(settled, resource)
    assert settled.mirrored(resource)[record_id][field] == over
    assert settled.unmirrored(resource) == []
    for rows in shown(settled, resource, record_id).values():
        assert {row["IsDeleted"] for row in rows} == {False}
        assert {row[field] for row in rows if field in row} <= {over}
    assert not [call for call in settled.calls if call.path.endswith(record_id)]
    assert settled.differences() == []


@pytest.mark.parametrize("resource", ["Invoices", "CreditNotes", "ManualJournals"])
def test_a_draft_is_deleted(world: World, resource: str) -> None:
    """A draft ends as DELETED, which its stamp tells like any other edit."""
    resources = books.small_books()
    resources[resource][0] |= {"Status": "DRAFT"} | NEVER_APPLIED.get(resource, {})
    world.load(resources)
    world.connect()
    world.settle()
    end(world, resource, books.record_id(resource, 1))
    a_read_later(world, resource)
    assert world.mirrored(resource)[books.record_id(resource, 1)]["Status"] == "DELETED"
    assert world.differences() == []


def test_a_merged_contact(settled: World) -> None:
    """A contact that was merged is archived and names the one that it went into."""
    target = books.record_id("Contacts", 1)
    settled.change("Contacts", 2, ContactStatus="ARCHIVED", MergedToContactID=target)
    a_read_later(settled, "Contacts")
    [row] = settled.current("Contacts", 2)
    assert (row["ContactStatus"], row["MergedToContactID"]) == ("ARCHIVED", target)
    assert row["MergedToContactKey"] == settled.current("Contacts", 1)[0]["ContactKey"]
    assert settled.differences() == []


@pytest.mark.parametrize(
    ("resource", "flag", "fields"),
    [
        ("Contacts", "includeArchived", {"ContactStatus": "ARCHIVED"}),
        ("TrackingCategories", "includeArchived", {"Status": "ARCHIVED"}),
        ("BankTransfers", "includeDeleted", {"Status": "DELETED"}),
    ],
)
def test_what_is_listed_only_when_asked_for(
    world: World, resource: str, flag: str, fields: dict[str, str]
) -> None:
    """Records that Xero hides are part of the history and of every later read, and never taken for vanished ones."""
    resources = books.small_books()
    resources[resource][0] |= fields
    world.load(resources)
    world.connect()
    world.settle()
    a_read_later(world, resource)
    assert {call.query.get(flag) for call in world.calls_of(resource)} == {"true"}
    assert world.unmirrored(resource) == []
    assert world.mirrored(resource, deleted=True) == {}
    assert len(world.calls_of(resource)) == 2


# Vanished ones


def tombstones(world: World, resource: str) -> set[str]:
    return set(world.mirrored(resource, deleted=True))


@pytest.mark.parametrize("resource", VANISHING)
def test_a_vanished_record(new_world: NewWorld, resource: str) -> None:
    """In the list no more: it is asked for by its id, and Xero's 404 makes it a tombstone, once."""
    world = new_world()
    world.load(books.small_books(items=3, tax_rates=3, tracking_categories=3, bank_transfers=3))
    world.connect()
    world.settle()
    gone = books.record_id(resource, 2)
    world.vanish(resource, 2)
    a_read_later(world, resource)
    asked = [call for call in world.calls if call.path == f"/api.xro/2.0/{resource}/{gone}"]
    assert len(asked) == 1
    assert tombstones(world, resource) == {gone}
    assert world.unmirrored(resource) == []
    for rows in shown(world, resource, gone).values():
        assert {row["IsDeleted"] for row in rows} == {True}
    a_read_later(world, resource)
    assert len([call for call in world.calls if call.path.endswith(gone)]) == 1
    assert world.differences() == []


@pytest.mark.parametrize("resource", VANISHING)
def test_absence_only_nominates(new_world: NewWorld, resource: str) -> None:
    """A record that a list leaves out, but that Xero has by its id, stays as it is."""
    world = new_world()
    world.load(books.small_books(items=3, tax_rates=3, tracking_categories=3, bank_transfers=3))
    world.connect()
    world.settle()
    table = world.xero.store.books[books.TENANT].tables[resource]
    key = books.record_id(resource, 2).lower()
    hidden = table[key]

    def lagging(call: Call) -> None:
        if call.path == f"/api.xro/2.0/{resource}":
            table.pop(key, None)
        else:
            table[key] = hidden

    world.on_xero_call = lagging
    a_read_later(world, resource)
    assert [call.path for call in world.calls if call.path.lower().endswith(key)] != []
    world.on_xero_call = lambda call: None
    table[key] = hidden
    assert tombstones(world, resource) == set()
    assert world.unmirrored(resource) == []
    assert world.differences() == []


def test_a_vanished_record_that_cannot_be_asked_for(new_world: NewWorld) -> None:
    """Until Xero says 404 to its id it stays; any other answer is asked for again."""
    world = new_world()
    world.load(books.small_books(items=3))
    world.connect()
    world.settle()
    gone = books.record_id("Items", 2)
    world.vanish("Items", 2)
    world.xero_fault("status", path=f".*/Items/{gone}", status=500, times=2)
    world.advance(240 * MINUTES)
    world.refresh()
    world.poll()
    world.drain_queue()
    assert tombstones(world, "Items") == set()
    assert gone in world.mirrored("Items")
    assert checkpoints.load(world.store, books.TENANT, "Items").trouble != ""
    world.settle()
    assert tombstones(world, "Items") == {gone}
    assert checkpoints.load(world.store, books.TENANT, "Items").trouble == ""


@pytest.mark.parametrize("resource", VANISHING)
def test_many_that_vanish_at_once_ask_a_person(new_world: NewWorld, resource: str) -> None:
    """More than VANISHED_AT_MOST: none is asked for, none is deleted, and the trouble says what to do; then they go."""
    world = new_world(settings={"VANISHED_AT_MOST": "1"})
    world.load(books.small_books(items=3, tax_rates=3, tracking_categories=3, bank_transfers=3))
    world.connect()
    world.settle()
    whole = set(world.mirrored(resource))
    gone = {books.record_id(resource, number) for number in (1, 2)}
    for number in (1, 2):
        world.vanish(resource, number)
    a_read_later(world, resource)
    assert tombstones(world, resource) == set()
    assert set(world.mirrored(resource)) == whole
    assert "VANISHED_AT_MOST (1)" in checkpoints.load(world.store, books.TENANT, resource).trouble
    assert [row["count"] for row in world.audit("read", "ask")] == [2]
    assert not [call for call in world.calls if call.path.endswith(tuple(gone))]
    world.environment["VANISHED_AT_MOST"] = "2"
    world.restart()
    a_read_later(world, resource)
    assert tombstones(world, resource) == gone
    assert checkpoints.load(world.store, books.TENANT, resource).trouble == ""
    assert world.unmirrored(resource) == []


def test_an_empty_list_is_an_alarm(new_world: NewWorld) -> None:
    """Nothing where there was something deletes nothing before Xero said so for each record."""
    world = new_world()
    world.load(books.small_books(items=25))
    world.connect()
    world.settle()
    for number in range(1, 26):
        world.vanish("Items", number)
    a_read_later(world, "Items")
    assert len(world.mirrored("Items")) == 25
    assert "VANISHED_AT_MOST (20)" in checkpoints.load(world.store, books.TENANT, "Items").trouble


def test_what_a_paged_list_leaves_out_stays(settled: World) -> None:
    """A document never vanishes: what a whole read does not show is not even asked for."""
    settled.xero.store.remove(books.TENANT, "BankTransactions", books.record_id("BankTransactions", 1))
    settled.advance(7 * DAY)
    settled.refresh()
    settled.settle()
    assert books.record_id("BankTransactions", 1) in settled.mirrored("BankTransactions")
    assert tombstones(settled, "BankTransactions") == set()


# What is inside of a document


@pytest.mark.parametrize("resource", WITH_LINES)
def test_lines_three_one_none(settled: World, resource: str) -> None:
    """A document's lines are those of its latest version: three, then one, then none, of which a marker row tells."""
    record_id = books.record_id(resource, 1)
    first = settled.xero.store.find(books.TENANT, resource, record_id)["LineItems"][0]
    for count in (3, 1, 0):
        lines = [first | {"LineItemID": f"{at:08x}-0000-4000-8000-0000000000aa"} for at in range(count)]
        total = Decimal("100.00") * count
        settled.change(resource, 1, LineItems=lines, SubTotal=total, Total=total)
        a_read_later(settled, resource)
        assert len(settled.mirrored(resource)[record_id]["LineItems"]) == count
        rows = shown(settled, resource, record_id).get("Lines")
        if rows is not None:
            assert len([row for row in rows if not row["IsMarker"]]) == count
            assert len([row for row in rows if row["IsMarker"]]) == (0 if count else 1)
        assert settled.differences() == []


@pytest.mark.parametrize("resource", WITH_LINES)
def test_line_ids_that_are_recreated(settled: World, resource: str) -> None:
    """Who saves a document without the ids of its lines gets new ones: the old lines count no more."""
    record_id = books.record_id(resource, 1)
    lines = settled.xero.store.find(books.TENANT, resource, record_id)["LineItems"]
    fresh = [line | {"LineItemID": f"{at:08x}-0000-4000-8000-0000000000bb"} for at, line in enumerate(lines)]
    settled.change(resource, 1, LineItems=fresh)
    a_read_later(settled, resource)
    assert settled.mirrored(resource)[record_id]["LineItems"] == fresh
    rows = shown(settled, resource, record_id).get("Lines")
    if rows is not None:
        assert {row["LineItemID"] for row in rows} == {line["LineItemID"] for line in fresh}
        assert len(rows) == len(fresh)
    assert settled.differences() == []


def test_an_edited_payment(settled: World) -> None:
    """Xero deletes it and makes another: the old one stays with its amount and says DELETED, the new one counts."""
    invoice_id, account_id = books.record_id("Invoices", 3), books.record_id("Accounts", 1)
    pay, unpay = settled.xero.documents.pay, settled.xero.documents.unpay
    settled.clock.advance(1)
    old, _ = pay(books.TENANT, invoice_id, Decimal("100.00"), account_id, None)
    a_read_later(settled, "Payments")
    settled.clock.advance(1)
    unpay(books.TENANT, old["PaymentID"])
    new, _ = pay(books.TENANT, invoice_id, Decimal("60.00"), account_id, None)
    a_read_later(settled, "Payments")
    of_old = shown(settled, "Payments", old["PaymentID"])["Payments"]
    of_new = shown(settled, "Payments", new["PaymentID"])["Payments"]
    assert [(row["Status"], row["Amount"]) for row in of_old] == [("DELETED", Decimal(100))]
    assert [(row["Status"], row["Amount"]) for row in of_new] == [("AUTHORISED", Decimal(60))]
    [invoice] = settled.current("Invoices", 3)
    assert (invoice["AmountPaid"], invoice["AmountDue"]) == (Decimal(60), Decimal(140))
    assert settled.differences() == []


@pytest.mark.parametrize("resource", ["Invoices", "Payments", "CreditNotes", "Contacts"])
def test_what_is_over_stops_counting_within_half_an_hour(settled: World, resource: str) -> None:
    """With no webhook at all, by the default settings: the half hour, and the timer's next minute."""
    began = settled.clock.now()
    end(settled, resource, books.record_id(resource, 1))
    while settled.unmirrored(resource):
        settled.advance(60)
        settled.refresh()
        settled.poll()
        settled.drain_queue()
    assert settled.clock.now() - began <= timedelta(minutes=31)
