"""Bad records of every resource: put aside with payload and error, the rest goes on, replayed after the fix."""

from collections.abc import Callable, Iterator

import pytest

from shared import tables
from shared.state import mirror, outbox, quarantine
from shared.state.connections import DEFAULT_DATASET
from shared.sync.replay import replay
from shared.xero import wire
from shared.xero.resources import RESOURCES
from shared.xero.resources.resource import is_nameless
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
# A field that a resource's rows cannot do without looking at, and a value that it cannot have.
BROKEN: dict[str, tuple[str, object]] = {
    "Organisation": ("FinancialYearEndDay", "often"),
    "Accounts": ("Name", {"en": "Sales"}),
    "TaxRates": ("EffectiveRate", "a lot"),
    "TrackingCategories": ("Name", {"en": "Region"}),
    "Items": ("Name", {"en": "Chair"}),
    "Contacts": ("Name", {"en": "Café"}),
    "Invoices": ("Total", "a lot"),
    "CreditNotes": ("Total", "a lot"),
    "Prepayments": ("Total", "a lot"),
    "Overpayments": ("Total", "a lot"),
    "Payments": ("Amount", "a lot"),
    "BankTransactions": ("Total", "a lot"),
    "BankTransfers": ("Amount", "a lot"),
    "PurchaseOrders": ("Total", "a lot"),
    "ManualJournals": ("Narration", {"en": "Accrual"}),
    "Journals": ("JournalDate", "tomorrow"),
}
# Reports are read in another way (test_sync_reports.py).
LISTS = [name for name, resource in RESOURCES.items() if resource.report is None]
WITH_TABLES = [name for name in LISTS if tables.fed_by(name)]
STAMPED = [name for name in WITH_TABLES if RESOURCES[name].stamp_field]


# The n-th record of each resource.
RECORDS: dict[str, Callable[[int], books.Record]] = {
    "Organisation": lambda number: books.organisation(),
    "Accounts": books.account,
    "TaxRates": books.tax_rate,
    "TrackingCategories": books.tracking_category,
    "Items": books.item,
    "Contacts": books.contact,
    "Invoices": books.invoice,
    "CreditNotes": books.credit_note,
    "Prepayments": books.prepayment,
    "Overpayments": books.overpayment,
    "Payments": lambda number: books.payment(number, books.invoice(1)),
    "BankTransactions": books.bank_transaction,
    "BankTransfers": books.bank_transfer,
    "PurchaseOrders": books.purchase_order,
    "ManualJournals": books.manual_journal,
    "Journals": books.journal,
}


def record(resource: str, number: int) -> books.Record:
    """The n-th record of a resource, small and sound; an organisation has one."""
    return RECORDS[resource](number)


def key(resource: str, number: int) -> str:
    return str(record(resource, number)[RESOURCES[resource].id_field])


def broken(resource: str, number: int) -> books.Record:
    field, value = BROKEN[resource]
    return record(resource, number) | {field: value}


@pytest.fixture
def make(new_world: NewWorld) -> Callable[[str, list[books.Record]], World]:
    """A connected world whose books hold these records of a resource, beside the organisation itself."""

    def made(resource: str, records: list[books.Record]) -> World:
        world = new_world(settings={"READ_JOURNALS": "true"})
        world.xero.switches.journals_premium = True
        world.load({"Organisation": [books.organisation()], resource: records})
        world.connect()
        return world

    return made


def read(world: World) -> None:
    """What is due, into Power BI."""
    world.poll()
    world.drain_queue()
    assert list(outbox.pending(world.store, DEFAULT_DATASET)) == []


def shown(world: World, resource: str, number: int) -> bool:
    """Whether Power BI has rows of a record in every table that it feeds."""
    wanted = key(resource, number).lower()
    return all(
        any(wanted in str(value).lower() for row in world.rows(table.name) for value in row.values())
        for table in tables.fed_by(resource)
    )


def aside(world: World, resource: str) -> list[str]:
    return quarantine.listed(world.store, books.TENANT, resource)


def payloads(world: World, resource: str) -> Iterator[books.Record]:
    for name in aside(world, resource):
        yield wire.decode(quarantine.payload(world.store, books.TENANT, resource, name) or b"")


def land(world: World, resource: str, *records: object) -> None:
    """A batch as if it had been fetched now, which is pushed."""
    world.land(resource, wire.encode({RESOURCES[resource].plural: records}), records=len(records))
    world.store.send_message("push", WAKE)
    world.drain_queue()


WAKE = (
    '{"kind":"wake","dataset":"default","reason":"test","operation":"test",'
    '"first_enqueued_at":"2026-11-23T09:00:00Z"}'
)


def test_every_resource_is_looked_at() -> None:
    """Whoever adds a resource says here which of its fields may be broken."""
    assert list(BROKEN) == list(RECORDS) == LISTS
    assert len(WITH_TABLES) >= 5


@pytest.mark.parametrize("resource", WITH_TABLES)
def test_one_bad_record(make: Callable[[str, list[books.Record]], World], resource: str) -> None:
    """It is put aside with payload and error; others of its batch arrive; mended in Xero and replayed it arrives too."""
    alone = resource == "Organisation"
    found = (
        [broken(resource, 1)] if alone else [record(resource, 2), broken(resource, 1), record(resource, 3)]
    )
    world = make(resource, found)
    read(world)
    field, value = BROKEN[resource]
    bad = key(resource, 1)
    assert aside(world, resource) == [bad]
    [payload] = payloads(world, resource)
    assert (payload[RESOURCES[resource].id_field], payload[field]) == (bad, value)
    [told] = world.audit("quarantine", "record")
    assert (told["resource"], told["organisation"]) == (resource, books.TENANT)
    assert told["error"].startswith(f"{bad}: ")
    assert field in told["error"]
    assert alone or (shown(world, resource, 2) and shown(world, resource, 3))
    assert mirror.known(world.store, books.TENANT, resource, [bad]) == {}

    # Replayed too early it goes back where it was.
    world.clock.advance(1)
    assert replay(world.connector) == {resource: 1}
    world.drain_queue()
    assert aside(world, resource) == [bad]

    world.clock.advance(1)
    world.xero.store.put(books.TENANT, resource, record(resource, 1))
    assert replay(world.connector, organisation=books.TENANT, resource=resource, record_id=bad) == {
        resource: 1
    }
    world.drain_queue()
    assert aside(world, resource) == []
    assert shown(world, resource, 1)
    assert not replay(world.connector)


@pytest.mark.parametrize("resource", WITH_TABLES)
def test_a_good_record_that_turns_bad(
    make: Callable[[str, list[books.Record]], World], resource: str
) -> None:
    """What Power BI shows stays until the record is mended; then a read alone heals it, without a replay."""
    world = make(resource, [record(resource, 1)])
    read(world)
    assert shown(world, resource, 1)
    rows = {table.name: len(world.rows(table.name)) for table in tables.fed_by(resource)}
    land(world, resource, broken(resource, 1) | later(world, resource))
    assert aside(world, resource) == [key(resource, 1)]
    assert {table.name: len(world.rows(table.name)) for table in tables.fed_by(resource)} == rows
    land(world, resource, record(resource, 1) | later(world, resource))
    assert aside(world, resource) == []


def later(world: World, resource: str) -> books.Record:
    """The stamp of a change that was made now."""
    stamp = RESOURCES[resource].stamp_field
    return {stamp: books.stamp(world.clock.now())} if stamp else {}


@pytest.mark.parametrize("resource", WITH_TABLES)
def test_what_is_unknown_is_not_bad(make: Callable[[str, list[books.Record]], World], resource: str) -> None:
    """Values that Xero's lists do not have yet, and fields that are new, hold nothing up."""
    new = {
        name: "LAUNCHED"
        for name in ("Status", "Type", "ContactStatus", "PaymentType", "LineAmountTypes", "Class")
        if name in record(resource, 1)
    }
    fields = {"Novelty": {"deep": [1, {"deeper": None}]}, "": "nameless", "Новый": [[]]}
    world = make(resource, [record(resource, 1) | new | fields])
    read(world)
    assert aside(world, resource) == []
    assert world.audit("quarantine") == []
    assert shown(world, resource, 1)


@pytest.mark.parametrize("resource", WITH_TABLES)
def test_a_record_without_an_id(make: Callable[[str, list[books.Record]], World], resource: str) -> None:
    """It lies under a name of its content, its batch goes on, and a replay finds it as bad as before."""
    world = make(resource, [record(resource, 1)])
    read(world)
    nameless = {
        name: value for name, value in record(resource, 2).items() if name != RESOURCES[resource].id_field
    }
    land(world, resource, nameless, record(resource, 1) | later(world, resource))
    [name] = aside(world, resource)
    assert is_nameless(name)
    [payload] = payloads(world, resource)
    assert payload == wire.decode(wire.encode(nameless))
    assert shown(world, resource, 1)
    for _ in range(2):
        assert replay(world.connector) == {resource: 1}
        world.drain_queue()
        assert aside(world, resource) == [name]
    assert list(payloads(world, resource)) == [payload]


@pytest.mark.parametrize("resource", STAMPED)
def test_a_bad_stamp(make: Callable[[str, list[books.Record]], World], resource: str) -> None:
    """A record with an id and a stamp that is none lies under its id; the replay fetches it anew."""
    world = make(resource, [record(resource, 1), record(resource, 2)])
    read(world)
    stamp = RESOURCES[resource].stamp_field or ""
    land(world, resource, record(resource, 1) | {stamp: "yesterday"}, record(resource, 2))
    assert aside(world, resource) == [key(resource, 1)]
    [told] = world.audit("quarantine", "record")
    assert stamp in told["error"]
    world.clock.advance(1)
    world.xero.store.put(books.TENANT, resource, record(resource, 1))
    assert replay(world.connector) == {resource: 1}
    world.drain_queue()
    assert aside(world, resource) == []
