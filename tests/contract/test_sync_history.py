"""The history: resumed wherever it was killed, in windows where it is too large, with the documents that it refers to."""

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from shared.state import checkpoints, mirror
from shared.state.checkpoints import Checkpoint, Read
from shared.storage import Write
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
WITH_JOURNALS = {"READ_JOURNALS": "true"}


def checkpoint(world: World, resource: str) -> Checkpoint:
    return checkpoints.load(world.store, books.TENANT, resource)


def begin_again(world: World, resource: str) -> None:
    """Make a resource as if nothing of it had been read yet; all others are done."""
    for blob in list(world.store.list_blobs(checkpoints.CONTAINER, f"{books.TENANT}/{resource}/")):
        world.store.delete_blob(checkpoints.CONTAINER, blob.name)
    world.store._tables[checkpoints.TABLE].partitions[books.TENANT].pop(resource)
    world.store._tables[mirror.TABLE].partitions.pop(mirror.partition(books.TENANT, resource))
    world.calls.clear()


# Killed anywhere


@pytest.mark.parametrize(
    ("resource", "row_limit"),
    [("CreditNotes", 0), ("ManualJournals", 0), ("Journals", 0), ("PurchaseOrders", 3), ("Payments", 0)],
    ids=["pages", "backwards", "offset", "windows", "what payments touch"],
)
def test_killed_anywhere(new_world: NewWorld, resource: str, row_limit: int) -> None:
    """A run that ends before or after any write or call of a history, at any page of it, loses no record."""
    world = new_world(settings={"XERO_PAGE_SIZE": "2"} | WITH_JOURNALS)
    world.xero.switches.journals_premium = True
    resources = books.small_books(credit_notes=5, manual_journals=5, journals=3, purchase_orders=5)
    for number, record in enumerate(resources["PurchaseOrders"]):
        record["Date"] = books.stamp(books.LONG_AGO + timedelta(days=200 * number))
    world.load(resources)
    world.connect()
    world.settle()
    if row_limit:
        world.xero.switches.row_limit = row_limit
    # What payments touch is not in the mirror either, and nobody else brings it.
    old = books.record_id("Invoices", 9001)
    begin_again(world, resource)
    if resource == "Payments":
        forget_touched(world)
    again = world.snapshot()
    whole = Life()
    world.poll(connector=world.mortal(whole))
    calls = len(world.calls)
    world.settle()
    expected = checkpoint(world, resource)
    assert expected.history
    assert world.unmirrored(resource) == []
    assert whole.effects > 12
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            world.poll(connector=world.mortal(Life(effect)))
        world.settle()
        assert world.unmirrored(resource) == [], effect
        assert old in world.mirrored("Invoices"), effect
        found = checkpoint(world, resource)
        assert (found.records, found.offset, found.touching) == (expected.records, expected.offset, 0)
        # What was under way may be asked for once more, and nothing else.
        asked = [call for call in world.calls if call.resource in (resource, "Invoices")]
        assert len(asked) <= calls + 1, effect


def forget_touched(world: World) -> None:
    """As if no history had brought the old invoice that the first payment is of."""
    folder = f"{books.TENANT}/Invoices/{checkpoint(world, 'Invoices').history}/touched-"
    for blob in list(world.store.list_blobs(checkpoints.CONTAINER, folder)):
        world.store.delete_blob(checkpoints.CONTAINER, blob.name)
    partition = mirror.partition(books.TENANT, "Invoices")
    world.store._tables[mirror.TABLE].partitions[partition].pop(books.record_id("Invoices", 9001))


# Windows


def test_a_history_of_more_invoices_than_a_list_may_have(new_world: NewWorld) -> None:
    """Above the limit the list is read in windows: recent, undated, open or changed old ones; closed old ones are not."""
    world = new_world()
    resources = books.small_books(payments=0, credit_notes=0, prepayments=0, overpayments=0)
    recent = [
        books.invoice(number, on=books.RECENT - timedelta(days=number), lines=1) for number in range(1, 91)
    ]
    undated = [books.invoice(number, lines=1, status="DRAFT") for number in range(101, 106)]
    for record in undated:
        del record["Date"]
    open_ones = [
        books.invoice(
            number, on=books.LONG_AGO, lines=1, status=("DRAFT", "SUBMITTED", "AUTHORISED")[number % 3]
        )
        for number in range(201, 211)
    ]
    changed = [books.invoice(number, on=books.LONG_AGO, lines=1, status="PAID") for number in range(301, 306)]
    for record in changed:
        record["UpdatedDateUTC"] = books.stamp(books.RECENT)
    closed = [books.invoice(number, on=books.LONG_AGO, lines=1, status="PAID") for number in range(401, 411)]
    resources["Invoices"] = [*recent, *undated, *open_ones, *changed, *closed]
    world.load(resources)
    world.xero.switches.row_limit = 50
    world.connect()
    world.settle()
    wanted = {record["InvoiceID"] for record in (*recent, *undated, *open_ones, *changed)}
    assert set(world.mirrored("Invoices")) == wanted
    assert world.differences() == []
    assert checkpoint(world, "Invoices").records == len(wanted)
    # The first refusal makes seven windows: the year, the future, undated, three open states, changed. Each makes one more.
    splits = len(world.audit("read", "split"))
    assert splits >= 2
    assert len(world.calls_of("Invoices")) == splits + 7 + splits - 1


def test_a_history_of_more_orders_than_a_list_may_have(new_world: NewWorld) -> None:
    """Purchase orders take no filter, but DateFrom and DateTo: every order is in one window, and read once."""
    world = new_world(settings={"REREAD_HOURS_BY_RESOURCE": "PurchaseOrders=24"})
    resources = books.small_books()
    resources["PurchaseOrders"] = [
        books.purchase_order(number, on=books.RECENT + timedelta(days=200 - 4 * number))
        for number in range(1, 121)
    ]
    world.load(resources)
    world.xero.switches.row_limit = 50
    world.connect()
    world.settle()
    assert world.unmirrored("PurchaseOrders") == []
    assert checkpoint(world, "PurchaseOrders").records == 120
    asked = [call.query for call in world.calls_of("PurchaseOrders")]
    assert any("DateFrom" not in query and "DateTo" in query for query in asked)
    assert any("DateFrom" in query and "DateTo" not in query for query in asked)
    landed = [row for row in world.audit("fetch", "landed") if row["resource"] == "PurchaseOrders"]
    assert sum(row["count"] for row in landed) == 120
    # The next whole read is split in the same way, and counts what it read in all windows.
    world.change("PurchaseOrders", 7, touch=False, Reference="moves no stamp")
    world.advance(25 * 60 * MINUTES)
    world.refresh()
    world.settle()
    assert world.unmirrored("PurchaseOrders") == []
    assert checkpoint(world, "PurchaseOrders").records == 120
    assert [row["why"] for row in world.audit("read", "complete") if row["resource"] == "PurchaseOrders"][
        -1
    ] == "whole"


def test_a_list_that_grows_too_large_while_it_is_read(new_world: NewWorld) -> None:
    """Refused at a later page, the list is read in windows from there on; what was read of it before counts no more."""
    world = new_world(settings={"XERO_PAGE_SIZE": "4"})
    resources = books.small_books(purchase_orders=10)
    world.load(resources)
    world.connect()

    def grow(call: Call) -> None:
        if call.resource == "PurchaseOrders" and call.query["page"] == "3":
            world.on_xero_call = lambda call: None
            world.xero.switches.row_limit = 10
            world.add("PurchaseOrders", books.purchase_order(99, on=books.LONG_AGO))
            world.clock.advance(10)

    world.on_xero_call = grow
    world.settle()
    assert world.unmirrored("PurchaseOrders") == []
    assert len(world.audit("read", "split")) == 1
    assert world.audit("read", "repeated") == []


def test_a_day_that_is_too_large_asks_a_person(new_world: NewWorld) -> None:
    """More documents of one day than a list may have: the resource waits with Xero's words, and all others go on."""
    world = new_world()
    world.load(books.small_books(purchase_orders=5))
    world.xero.switches.row_limit = 4
    world.connect()
    world.poll()
    world.drain_queue()
    found = checkpoint(world, "PurchaseOrders")
    assert "more than 4 rows" in found.trouble
    assert found.resume_at > world.clock.now() + timedelta(minutes=50)
    assert checkpoint(world, "ManualJournals").history
    calls = len(world.calls_of("PurchaseOrders"))
    assert calls < 20
    world.poll()
    assert len(world.calls_of("PurchaseOrders")) == calls
    world.xero.switches.row_limit = 100
    world.advance(3600)
    world.refresh()
    world.settle()
    assert world.unmirrored("PurchaseOrders") == []


# What the history refers to


def payment_of(number: int, kind: str, document: books.Record) -> books.Record:
    """A payment, or refund, of a credit note, prepayment or overpayment."""
    record = books.payment(number, books.invoice(1))
    del record["Invoice"]
    id_field = f"{kind}ID"
    return record | {kind: {id_field: document[id_field]}}


def test_documents_that_payments_and_allocations_touch(new_world: NewWorld) -> None:
    """Old, closed documents come with the payments and allocations of the history, and with them what they touch in turn."""
    world = new_world()
    resources = books.small_books()
    olds = {number: books.invoice(number, on=books.LONG_AGO, status="PAID") for number in range(9101, 9107)}
    note = books.credit_note(901, olds[9101], on=books.LONG_AGO, status="PAID")
    early = books.prepayment(901, olds[9102], on=books.LONG_AGO, status="PAID")
    over = books.overpayment(901, olds[9103], on=books.LONG_AGO, status="PAID")
    resources["Invoices"] += olds.values()
    resources["CreditNotes"] += [note, books.credit_note(902, olds[9105], on=books.LONG_AGO, status="PAID")]
    resources["Prepayments"] += [early]
    resources["Overpayments"] += [over]
    resources["Payments"] += [
        payment_of(901, "CreditNote", note),
        payment_of(902, "Prepayment", early),
        payment_of(903, "Overpayment", over),
    ]
    resources["CreditNotes"].append(books.credit_note(903, olds[9104]))
    world.load(resources)
    world.connect()
    world.settle()
    kept = world.mirrored("Invoices")
    assert [number for number in olds if books.record_id("Invoices", number) in kept] == [
        9101,
        9102,
        9103,
        9104,
    ]
    assert books.record_id("CreditNotes", 901) in world.mirrored("CreditNotes")
    assert books.record_id("CreditNotes", 902) not in world.mirrored("CreditNotes")
    assert books.record_id("Prepayments", 901) in world.mirrored("Prepayments")
    assert books.record_id("Overpayments", 901) in world.mirrored("Overpayments")
    assert world.differences() == []


def test_what_several_touch_is_fetched_once(new_world: NewWorld) -> None:
    """No call is wasted: a document that payments, credits and allocations all refer to is asked for once."""
    world = new_world()
    resources = books.small_books()
    world.load(resources)
    world.connect()
    world.settle()
    old = books.record_id("Invoices", 9001)
    assert old in world.mirrored("Invoices")
    assert len([call for call in world.calls if old in call.query.get("IDs", "")]) == 1


def test_many_touched_documents(new_world: NewWorld) -> None:
    """They are fetched forty a call, however small the pages of lists are: a hundred old invoices cost three calls more."""
    world = new_world(settings={"XERO_PAGE_SIZE": "30"})
    resources = books.small_books(credit_notes=0, prepayments=0, overpayments=0)
    olds = [books.invoice(number, on=books.LONG_AGO, status="PAID") for number in range(8000, 8100)]
    resources["Invoices"] += olds
    resources["Payments"] = [books.payment(number, of) for number, of in enumerate(olds, 1)]
    world.load(resources)
    world.connect()
    world.settle()
    assert {record["InvoiceID"] for record in olds} <= set(world.mirrored("Invoices"))
    asked = [call.query["IDs"].split(",") for call in world.calls if "IDs" in call.query]
    assert sorted(map(len, asked)) == [20, 40, 40]
    assert not [call for call in world.calls if "/Invoices/" in call.path]


def test_what_only_the_correction_saw_touches_too(new_world: NewWorld) -> None:
    """An old payment that somebody edits while payments are read belongs to the range, and so does what it is of."""
    world = new_world(settings={"XERO_PAGE_SIZE": "2"})
    resources = books.small_books(credit_notes=0, prepayments=0, overpayments=0)
    paid = books.invoice(9100, on=books.LONG_AGO, status="PAID")
    resources["Invoices"].append(paid)
    resources["Payments"].append(books.payment(0, paid, on=books.LONG_AGO))
    world.load(resources)
    world.connect()

    def meanwhile(call: Call) -> None:
        if call.resource == "Payments" and call.query["page"] == "2":
            world.on_xero_call = lambda call: None
            world.change("Payments", 0, Reference="found")

    world.on_xero_call = meanwhile
    world.settle()
    assert books.record_id("Payments", 0) in world.mirrored("Payments")
    assert books.record_id("Invoices", 9100) in world.mirrored("Invoices")


def test_a_checkpoint_of_format_1_goes_on(world: World) -> None:
    """What was a phase of the read there is a number beside it now: the documents that payments touch are still fetched."""
    world.connect()
    world.settle()
    forget_touched(world)
    stored = world.store.get_entity(checkpoints.TABLE, books.TENANT, "Payments")
    assert stored is not None
    old = {name: value for name, value in stored.entity.items() if name not in ("touching", "offset")}
    read = Read(kind="history", read_id=checkpoint(world, "Payments").history, phase="touched")
    old |= {"format": 1, "read": msgspec.json.encode(read).decode()}
    world.store.write_entity(checkpoints.TABLE, Write("replace", old))
    world.poll()
    world.drain_queue()
    assert checkpoint(world, "Payments").touching == 0
    assert books.record_id("Invoices", 9001) in world.mirrored("Invoices")


# What stops one stops no other


MISSING_SCOPE = {
    "status": 401,
    "headers": {"WWW-Authenticate": 'Bearer error="insufficent_scope"'},
    "body": '{"Title":"Unauthorized","Status":401,"Detail":"AuthorizationUnsuccessful"}',
}


@pytest.mark.parametrize(
    ("fault", "said"),
    [(MISSING_SCOPE, "lacks a scope"), ({"status": 400, "body": "{}"}, "answered 400")],
    ids=["a scope is missing", "refused"],
)
def test_a_resource_that_cannot_be_read_stops_no_other(
    new_world: NewWorld, fault: dict[str, object], said: str
) -> None:
    """Its reason is told; the others' histories and increments go on, and only what it would bring is waited for."""
    world = new_world()
    world.load(books.small_books())
    world.connect()
    world.xero_fault("status", path=r"/api\.xro/2\.0/Prepayments.*", times=1000, **fault)
    world.poll()
    world.drain_queue()
    assert said in checkpoint(world, "Prepayments").trouble
    for name in [
        each.name for each in RESOURCES.values() if not each.optional and each.name != "Prepayments"
    ]:
        assert checkpoint(world, name).history, name
    assert checkpoint(world, "Payments").touching == 1
    world.change("Payments", 1, Reference="changed")
    world.advance(15 * MINUTES)
    world.poll()
    world.drain_queue()
    assert (
        checkpoint(world, "Payments").completed_at == world.clock.now() or world.unmirrored("Payments") == []
    )
    assert world.unmirrored("Payments") == []
    assert len(world.calls_of("Prepayments")) == 1
    world.xero.faults.clear()
    world.advance(45 * MINUTES)
    world.refresh()
    if fault is MISSING_SCOPE:
        # Nobody waits for the day to end once the consent is renewed.
        world.connect()
    world.settle()
    assert checkpoint(world, "Payments").touching == 0
    assert world.unmirrored("Prepayments") == []
    assert world.differences() == []
