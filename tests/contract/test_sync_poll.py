"""Reading Xero: the history first, then what changed, and no record lost whatever happens between two calls."""

import math
import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.state import checkpoints
from shared.state.checkpoints import Checkpoint
from shared.sync.read import CORRECTIONS
from shared.xero.client import if_modified_since
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
DAY = 86400.0


def checkpoint(world: World, resource: str) -> Checkpoint:
    return checkpoints.load(world.store, books.TENANT, resource)


def paged_world(
    new_world: NewWorld, page_size: int, *, contacts: int = 3, invoices: int = 3, **settings: str
) -> World:
    """A connected world whose pages are small."""
    made = new_world(settings={"XERO_PAGE_SIZE": str(page_size), **settings})
    made.load(books.small_books(contacts=contacts, invoices=invoices, payments=1))
    made.connect()
    made.calls.clear()
    return made


def test_history_then_changes(world: World) -> None:
    """The first reads bring the history, later ones only what changed since, and nothing is asked before it is due."""
    world.connect()
    world.settle()
    assert world.differences() == []
    history = len(world.calls)
    world.poll()
    assert len(world.calls) == history
    world.change("Invoices", 2, Reference="changed")
    world.add("Contacts", books.contact(77))
    world.advance(15 * MINUTES)
    world.poll()
    world.drain_queue()
    asked = {call.resource: call.modified_since for call in world.calls[history:]}
    assert asked.keys() == {"Invoices", "Payments", "BankTransactions"}
    assert all(asked.values())
    world.advance(15 * MINUTES)
    world.refresh()
    world.poll()
    world.drain_queue()
    assert world.differences() == []
    counts = [(row["resource"], row["count"]) for row in world.audit("read") if row["why"] == "increment"]
    assert counts[:3] == [("Invoices", 1), ("Payments", 0), ("BankTransactions", 0)]
    assert ("Contacts", 1) in counts[3:]


@pytest.mark.parametrize("records", [1, 3, 4, 5, 8, 9])
def test_calls_of_a_read(new_world: NewWorld, records: int) -> None:
    """n records cost ceil(n / page size) calls and one that proves them complete; a single page proves itself."""
    world = paged_world(new_world, 4, contacts=records)
    world.poll()
    pages = math.ceil(records / 4)
    assert len(world.calls_of("Contacts")) == (1 if pages == 1 else pages + 1)
    assert checkpoint(world, "Contacts").records == records
    assert not [row for row in world.audit("read") if row["outcome"] != "complete"]


# By how a resource is read: calls of a history of n records, pages of 4.
def pages(records: int) -> int:
    """One when a page holds all; else the pages and the correction."""
    return 1 if records <= 4 else math.ceil(records / 4) + 1


def backwards(records: int) -> int:
    """Page 1 is asked for twice: first for how many pages there are."""
    return 1 if records <= 4 else pages(records) + 1


def offset(records: int) -> int:
    """A hundred a call, whatever the page size, and the empty answer that ends it."""
    return math.ceil(records / 100) + 1


COSTS: dict[str, Callable[[int], int]] = {
    **dict.fromkeys(
        (
            *("Contacts", "Invoices", "CreditNotes", "Prepayments", "Overpayments", "Payments"),
            *("BankTransactions", "PurchaseOrders"),
        ),
        pages,
    ),
    "ManualJournals": backwards,
    "Journals": offset,
    **dict.fromkeys(("TaxRates", "TrackingCategories", "Items", "BankTransfers"), lambda records: 1),
}
# How small books name them.
OPTIONS = {name: re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in COSTS}


@pytest.mark.parametrize("records", [4, 9])
@pytest.mark.parametrize("resource", COSTS)
def test_calls_of_each_resource(new_world: NewWorld, resource: str, records: int) -> None:
    """A history of n records costs its pages and one proof, the next look at it one call; whole lists cost one, always."""
    world = new_world(settings={"XERO_PAGE_SIZE": "4", "READ_JOURNALS": "true"})
    world.xero.switches.journals_premium = True
    wanted = {OPTIONS[resource]: records}
    resources = books.small_books(**{"payments": 1, **wanted})  # type: ignore[arg-type]
    if resource == "Invoices":
        resources["Invoices"] = [
            each for each in resources["Invoices"] if each["InvoiceNumber"] != "INV-9001"
        ]
        for name in ("Payments", "CreditNotes", "Prepayments", "Overpayments"):
            resources[name] = []
    if resource == "Payments":
        resources["Payments"] = [
            books.payment(number, resources["Invoices"][0]) for number in range(1, records + 1)
        ]
    world.load(resources)
    world.connect()
    world.settle()
    listed = [call for call in world.calls_of(resource) if "IDs" not in call.query]
    assert len(listed) == COSTS[resource](records)
    assert checkpoint(world, resource).records == records
    world.calls.clear()
    world.advance(RESOURCES[resource].minutes * MINUTES)
    world.refresh()
    world.poll()
    assert len([call for call in world.calls_of(resource) if "IDs" not in call.query]) == 1
    assert world.unmirrored(resource) == []


@pytest.mark.parametrize("kind", ["increment", "whole"])
def test_manual_journals_later_on(new_world: NewWorld, kind: str) -> None:
    """Increments and re-reads of several pages are read backwards as the history was, and proven at once."""
    again = {"REREAD_HOURS_BY_RESOURCE": "ManualJournals=0.5" if kind == "whole" else "Contacts=24"}
    world = new_world(settings={"XERO_PAGE_SIZE": "2"} | again)
    world.load(books.small_books(manual_journals=5))
    world.connect()
    world.settle()
    for number in range(1, 6):
        world.change("ManualJournals", number, Narration=f"changed {number}")
    world.advance(30 * MINUTES)
    world.refresh()
    world.calls.clear()

    def meanwhile(call: Call) -> None:
        # What is read backwards moves to the front when others move behind it.
        if call.resource == "ManualJournals" and len(world.calls_of("ManualJournals")) == 3:
            world.change("ManualJournals", 1, Narration="changed meanwhile")

    world.on_xero_call = meanwhile
    world.poll()
    [ended] = [
        row for row in world.audit("read") if row["why"] == kind and row["resource"] == "ManualJournals"
    ]
    assert (ended["outcome"], ended["count"]) == ("complete", 5)
    assert world.audit("read", "repeated") == []
    world.on_xero_call = lambda call: None
    world.settle()
    world.advance(30 * MINUTES)
    world.refresh()
    world.settle()
    assert world.unmirrored("ManualJournals") == []


def test_memory_does_not_grow_with_history(new_world: NewWorld) -> None:
    """Each page lands as a batch of its own: none holds more than a page."""
    world = paged_world(new_world, 4, contacts=11)
    world.poll()
    landed = [row for row in world.audit("fetch", "landed") if row["resource"] == "Contacts"]
    assert sorted(row["count"] for row in landed) == [3, 4, 4]


def test_out_of_time(new_world: NewWorld) -> None:
    """A run that is out of time stops, and the next goes on at the cursor: no page is asked for twice."""
    world = paged_world(new_world, 2, contacts=6, invoices=5)
    runs = 0
    while not runs or "being read" in world.unsettled():
        runs += 1
        world.poll(seconds=0.08)
    pages = [(call.path, *sorted(call.query.items()), call.modified_since) for call in world.calls]
    assert len(pages) == len(set(pages))
    assert runs > 5
    world.settle()
    assert world.differences() == []


def test_killed_anywhere_in_an_increment(new_world: NewWorld) -> None:
    """A run that is killed anywhere while it reads changes loses none of them."""
    seldom = ",".join(f"{name}=600" for name in books.ID_FIELDS if name != "Invoices")
    world = paged_world(new_world, 2, POLL_MINUTES_BY_RESOURCE=seldom)
    world.settle()
    for number in range(1, 4):
        world.change("Invoices", number, Reference=f"changed {number}")
    world.advance(15 * MINUTES)
    again = world.snapshot()
    whole = Life()
    world.poll(connector=world.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            world.poll(connector=world.mortal(Life(effect)))
        world.settle()
        assert world.differences() == [], effect


def test_documents_that_payments_touch(world: World) -> None:
    """A document from before the history belongs to it when a payment of the history is of it, and no other does."""
    resources = books.small_books()
    resources["Invoices"].append(books.invoice(9002, on=books.LONG_AGO, status="PAID"))
    world.load(resources)
    world.connect()
    world.settle()
    assert world.differences() == []
    assert world.current("Invoices", 9001) != []
    assert world.current("Invoices", 9002) == []


def test_open_documents_belong_to_the_history(world: World) -> None:
    """Documents from before the start are read when they are open or were changed since."""
    resources = books.small_books()
    edited = books.invoice(9003, on=books.LONG_AGO, status="PAID")
    edited["UpdatedDateUTC"] = books.stamp(books.RECENT)
    open_ones = [
        books.invoice(9004 + at, on=books.LONG_AGO, status=status)
        for at, status in enumerate(("DRAFT", "SUBMITTED", "AUTHORISED"))
    ]
    resources["Invoices"] += [edited, *open_ones]
    world.load(resources)
    world.connect()
    world.settle()
    for number in (9003, 9004, 9005, 9006):
        assert len(world.current("Lines", number)) == 2


@pytest.mark.parametrize("ours_is_ahead", [-600.0, 0.0, 600.0])
def test_watermark_is_xeros_clock(world: World, ours_is_ahead: float) -> None:
    """The next read begins where the last began by Xero's clock, minus the overlap, however far ours is off."""
    world.xero_clock.advance(-ours_is_ahead)
    world.connect()
    began = []

    def first_answer(call: Call) -> None:
        if call.resource == "Contacts":
            began.append(world.xero_clock.now())

    world.on_xero_call = first_answer
    world.poll()
    overlap = timedelta(seconds=world.connector.settings.poll_overlap_seconds)
    watermark = checkpoint(world, "Contacts").watermark
    assert watermark is not None
    assert abs(watermark - (began[0] - overlap)) < timedelta(milliseconds=2)
    world.change("Contacts", 1, Name="Renamed")
    world.settle()
    world.advance(30 * MINUTES)
    world.refresh()
    world.settle()
    assert world.differences() == []
    assert if_modified_since(watermark) in {call.modified_since for call in world.calls_of("Contacts")}


def edit_and_add(world: World, at: int) -> None:
    """Edit one record that is surely read and one that is not yet, and make one that shifts what follows."""
    world.change("Contacts", 1, Name=f"First, at call {at}")
    world.change("Contacts", 6, Name=f"Last, at call {at}")
    world.add("Contacts", books.contact(0) | {"ContactID": f"00000000-0000-4000-8000-{at:012x}"})
    world.add("Contacts", books.contact(1000 + at))


@pytest.mark.parametrize("at", range(1, 6))
def test_changes_between_pages(new_world: NewWorld, at: int) -> None:
    """Whatever is edited or made between two calls of a read, it ends complete and every record arrives."""
    world = paged_world(new_world, 2, contacts=6)

    def meanwhile(call: Call) -> None:
        if call.resource == "Contacts" and len(world.calls_of("Contacts")) == at:
            edit_and_add(world, at)

    world.on_xero_call = meanwhile
    world.poll()
    [verdict] = [row for row in world.audit("read") if row["resource"] == "Contacts"]
    assert verdict["outcome"] == "complete"
    world.settle()
    world.advance(15 * MINUTES)
    world.settle()
    assert world.differences() == []


def test_changes_between_all_calls(new_world: NewWorld) -> None:
    """A list that changes at every single call is read all the same, within the corrections that are planned."""
    world = paged_world(new_world, 2, contacts=6)

    def meanwhile(call: Call) -> None:
        if call.resource == "Contacts" and len(world.calls_of("Contacts")) < 12:
            edit_and_add(world, len(world.calls_of("Contacts")))

    world.on_xero_call = meanwhile
    world.settle()
    world.advance(15 * MINUTES)
    world.settle()
    assert world.differences() == []
    assert len(world.calls_of("Contacts")) > CORRECTIONS


def test_lost_records_are_noticed(new_world: NewWorld) -> None:
    """A page that comes short is found by counting, and the whole read is repeated until the count is right."""
    world = paged_world(new_world, 2, contacts=6)
    hidden = world.xero.store.books[books.TENANT].tables["Contacts"]
    lost = hidden[books.record_id("Contacts", 3)]

    def meanwhile(call: Call) -> None:
        # A lagging replica answers the second page of the first read.
        page = call.query.get("page")
        first = len(world.calls_of("Contacts")) == 2
        if call.resource == "Contacts" and page == "2" and first:
            hidden.pop(lost.key, None)
        elif call.resource == "Contacts":
            hidden[lost.key] = lost

    world.on_xero_call = meanwhile
    world.settle()
    assert [row["outcome"] for row in world.audit("read") if row["resource"] == "Contacts"] == [
        "repeated",
        "complete",
    ]
    assert world.differences() == []


def test_changes_that_were_not_proven_are_read_again(new_world: NewWorld) -> None:
    """When Xero hides a change from a read in all its attempts, the next read of changes begins where that one began."""
    world = paged_world(new_world, 3, invoices=6, XERO_MINUTE_LIMIT="600")
    world.xero.switches.minute_limit = 600
    world.settle()
    for number in range(1, 6):
        world.change("Invoices", number, Reference=f"changed {number}")
    rows = world.xero.store.books[books.TENANT].tables["Invoices"]
    hidden = rows[books.record_id("Invoices", 3)]

    def lag(call: Call) -> None:
        # A lagging replica answers each first page; the list's end and its count know better.
        if call.resource == "Invoices" and (call.query["page"], call.query["pageSize"]) == ("1", "3"):
            rows.pop(hidden.key, None)
        elif call.resource == "Invoices":
            rows[hidden.key] = hidden

    world.on_xero_call = lag
    world.advance(15 * MINUTES)
    world.poll()
    world.on_xero_call = lambda call: None
    rows[hidden.key] = hidden
    assert [row["resource"] for row in world.audit("read", "unproven")] == ["Invoices"]
    assert checkpoint(world, "Invoices").trouble
    world.advance(15 * MINUTES)
    world.settle()
    assert world.differences() == []
    assert checkpoint(world, "Invoices").unproven == 0
    assert checkpoint(world, "Invoices").trouble == ""


def test_reread_finds_what_moves_no_stamp(world: World) -> None:
    """What Xero changes without moving UpdatedDateUTC is found by the next whole read, at the cycle of the settings."""
    world.connect()
    world.settle()
    due = books.stamp(books.RECENT + timedelta(days=90))
    world.change("Invoices", 2, touch=False, DueDate=due)
    world.advance(15 * MINUTES)
    world.settle()
    assert world.differences() != []
    world.advance(168 * 3600)
    world.refresh()
    world.settle()
    assert world.differences() == []


def test_two_pollers(world: World) -> None:
    """Two runs at once share the work: no resource is read by both."""
    world.connect()
    second = world.restart()
    first = world.restart()

    def meanwhile(call: Call) -> None:
        if call.resource == "Contacts":
            world.on_xero_call = lambda call: None
            world.poll(connector=second)

    world.calls.clear()
    world.on_xero_call = meanwhile
    world.poll(connector=first)
    asked = [(call.path, call.query.get("page")) for call in world.calls if "IDs" not in call.query]
    assert len(asked) == len(set(asked))
    world.settle()
    assert world.differences() == []


def test_a_stalled_poller_ends(new_world: NewWorld) -> None:
    """A run that stalls past its lease, while another reads on, ends without moving the checkpoint back."""
    world = paged_world(new_world, 2, contacts=6)
    other = world.mortal(Life())

    def stall(call: Call) -> None:
        if call.resource == "Contacts" and call.query.get("page") == "2":
            world.on_xero_call = lambda call: None
            world.clock.advance(90)
            world.poll(connector=other)

    world.on_xero_call = stall
    world.poll()
    assert [row["resource"] for row in world.audit("poll", "ended")] == ["Contacts"]
    assert checkpoint(world, "Contacts").read is None
    assert checkpoint(world, "Contacts").records == 6
    world.settle()
    assert world.differences() == []


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"kind": "status", "status": 500, "body": "<html>oops"}, 60),
        ({"kind": "status", "status": 503}, 300),
        ({"kind": "status", "status": 200, "body": "<html>All is well</html>"}, 60),
        ({"kind": "status", "status": 200, "body": '{"Id":"1"}'}, 60),
        ({"kind": "status", "status": 403, "body": "{}"}, 60),
        ({"kind": "status", "status": 400, "body": "{}"}, 3600),
        ({"kind": "truncate", "size": 30}, 30),
        ({"kind": "reset"}, 30),
    ],
    ids=["500", "503", "200 with HTML", "200 without a list", "403", "400", "truncated", "reset"],
)
@pytest.mark.parametrize("after", [0, 2])
def test_a_bad_call_waits_its_time(
    new_world: NewWorld, fault: dict[str, object], wait: int, after: int
) -> None:
    """A call that goes wrong puts its resource off, says why, stops no other, and is made again when the wait is over."""
    world = paged_world(new_world, 2)
    world.xero_fault(path=r"/api\.xro/2\.0/Contacts", after=after, **fault)  # type: ignore[arg-type]
    world.poll()
    [row] = [row for row in world.audit("poll") if row["resource"] == "Contacts"]
    assert row["outcome"] == ("ask" if wait == 3600 else "put off")
    assert checkpoint(world, "Contacts").trouble == row["error"]
    assert checkpoint(world, "Invoices").history
    calls = len(world.calls_of("Contacts"))
    world.advance(wait - 5)
    world.poll()
    assert len(world.calls_of("Contacts")) == calls
    world.advance(6)
    world.refresh()
    world.settle()
    assert checkpoint(world, "Contacts").trouble == ""
    assert world.differences() == []


def test_a_history_larger_than_a_minutes_allowance(new_world: NewWorld) -> None:
    """A history of more calls than a minute allows is read minute by minute, and Xero hardly ever has to say 429."""
    world = paged_world(new_world, 2, contacts=9, invoices=9, XERO_MINUTE_LIMIT="5")
    world.xero.switches.minute_limit = 5
    taken = world.settle()
    assert world.differences() == []
    assert 120 <= taken <= 1200
    # Xero's minutes begin when nobody knows, ours with the first call: a 429 now and then is the price.
    assert world.xero.statistics.as_dict()["by_status"].get("429", 0) <= 3


def test_one_organisation_stops_no_other(new_world: NewWorld) -> None:
    """An organisation that is at its limit, or down, holds up no other."""
    world = new_world()
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other")
    world.connect()
    world.xero_fault("status", status=429, headers={"X-Rate-Limit-Problem": "day", "Retry-After": "80000"})
    world.poll()
    world.drain_queue()
    [stopped] = world.audit("poll", "put off")
    other = ({books.TENANT, books.OTHER_TENANT} - {stopped["organisation"]}).pop()
    assert world.differences(tenant_id=other) == []
