"""Tax rates, tracking categories and the setting of personal data stand in rows of other records, and follow their changes."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from shared.state import connections, mirror, outbox, sink
from shared.state import lists as state
from shared.state.connections import DEFAULT_DATASET
from shared.sync.compare import shape
from shared.sync.lists import load, read
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]
# When tax rates, which are read once a day, are read again.
A_DAY = 24 * 3600 + 60


def category(number: int, **more: Any) -> books.Record:
    return books.tracking_category(number) | more


def tracked(number: int, *options: tuple[int, str], tax: int = 1) -> books.Record:
    """An invoice of one line, with an option of some categories."""
    invoice = books.invoice(number, lines=1)
    [line] = invoice["LineItems"]
    line |= {
        "TaxType": books.record_id("TaxRates", tax),
        "Tracking": [
            {
                "TrackingCategoryID": books.record_id("TrackingCategories", category),
                "Name": f"Region {category}",
                "Option": option,
            }
            for category, option in options
        ],
    }
    return invoice


# Of what the killed pushes are not about there is little or nothing.
NOTHING_ELSE: dict[str, Any] = dict.fromkeys(
    (
        *("payments", "credit_notes", "prepayments", "overpayments", "bank_transactions", "bank_transfers"),
        *("purchase_orders", "manual_journals", "items"),
    ),
    0,
)


def loaded(world: World, *, categories: int = 2, **counts: Any) -> World:
    """Three invoices: of both tax rates, and of two, one and no tracking categories."""
    resources = books.small_books(tax_rates=2, tracking_categories=categories, **counts)
    resources["Invoices"] = [
        tracked(1, (1, "North"), (2, "South")),
        tracked(2, (2, "North"), tax=2),
        tracked(3),
    ]
    world.load(resources)
    world.connect()
    world.settle()
    return world


@pytest.fixture
def listed(world: World) -> World:
    return loaded(world)


def options(world: World, number: int) -> list[str]:
    [row] = world.current("Lines", number, "Invoices")
    return [row[f"Tracking{slot}Option"] for slot in (1, 2, 3, 4)]


def slots(world: World) -> dict[int, int | None]:
    """The slot of each category, by its number."""
    return {
        int(row["TrackingCategoryID"][:8], 16): row["Slot"]
        for row in world.rows("TrackingCategories")
        if row["TenantID"] == books.TENANT
    }


def later(world: World) -> None:
    """A day passes, then whatever is due is read."""
    world.advance(A_DAY)
    world.refresh()
    world.settle()


def test_lines_are_right_from_the_first_push_on(listed: World) -> None:
    """Lists are read before documents: no line is pushed twice only to get its tax and tracking."""
    assert listed.differences() == []
    assert options(listed, 1) == ["North", "South", "Unassigned", "Unassigned"]
    assert options(listed, 2) == ["Unassigned", "North", "Unassigned", "Unassigned"]
    assert options(listed, 3) == ["Unassigned"] * 4
    assert [listed.current("Lines", number, "Invoices")[0]["TaxName"] for number in (1, 2)] == [
        "GST 1",
        "GST 2",
    ]
    assert len(listed.rows("Invoices")) == 3
    assert listed.audit("lists") == []


def test_a_renamed_tax_rate_is_shown_at_once(listed: World) -> None:
    """Only the records that say it are pushed, without a call to Xero for any of them."""
    # The night's read of what is open would bring them along.
    listed.environment["REREAD_OPEN"] = "false"
    listed.restart()
    listed.change("TaxRates", 2, touch=False, Name="GST of today", EffectiveRate=Decimal("12.5"))
    calls = len(listed.calls_of("Invoices"))
    before = {number: len(of_invoice(listed, number)) for number in (1, 2, 3)}
    later(listed)
    [row] = listed.current("Lines", 2, "Invoices")
    assert (row["TaxName"], row["TaxRate"]) == ("GST of today", Decimal("12.5"))
    after = {number: len(of_invoice(listed, number)) for number in (1, 2, 3)}
    assert after == before | {2: before[2] + 1}
    assert listed.differences() == []
    by_id = [call for call in listed.calls_of("Invoices")[calls:] if "IDs=" in str(call)]
    assert by_id == []
    [told] = [each for each in listed.audit("lists", "landed") if each["resource"] == "Invoices"]
    assert told["count"] == 3


def of_invoice(world: World, number: int) -> list[dict[str, Any]]:
    key = f"{books.TENANT}|{books.record_id('Invoices', number)}"
    return [row for row in world.rows("Invoices") if row["InvoiceKey"] == key]


def test_a_new_tax_rate_pushes_no_document(listed: World) -> None:
    """What no record says changes no row, however often the lists are looked at."""
    listed.add("TaxRates", books.tax_rate(9))
    posted = len(listed.posts("Lines"))
    later(listed)
    assert len(listed.posts("Lines")) == posted
    assert listed.differences() == []


def test_a_slot_is_given_for_ever(listed: World) -> None:
    """By the list's order; a renamed, vanished and returned category has it still, and a new one gets the next."""
    assert slots(listed) == {1: 1, 2: 2}
    listed.change("TrackingCategories", 1, touch=False, Name="Area")
    listed.add("TrackingCategories", category(3, Name="Campaign"))
    listed.add("Invoices", tracked(4, (3, "North"), (1, "South")))
    later(listed)
    assert slots(listed) == {1: 1, 2: 2, 3: 3}
    assert options(listed, 4) == ["South", "Unassigned", "North", "Unassigned"]
    assert listed.current("Lines", 1, "Invoices")[0]["Tracking1Category"] == "Area"
    listed.vanish("TrackingCategories", 1)
    later(listed)
    assert options(listed, 1) == ["North", "South", "Unassigned", "Unassigned"]
    listed.add("TrackingCategories", category(1, Name="Area"))
    listed.add("TrackingCategories", category(4))
    later(listed)
    assert slots(listed) == {1: 1, 2: 2, 3: 3, 4: 4}
    assert listed.differences() == []


def test_categories_in_use_come_first_and_a_fifth_is_told(world: World) -> None:
    """Four columns for those in use and what room there is for those of old; the audit says once which has none."""
    resources = books.small_books(tax_rates=2)
    archived = {"Status": "ARCHIVED"}
    resources["TrackingCategories"] = [category(1, **archived), category(2), *map(category, (3, 4, 5))]
    resources["Invoices"] = [tracked(1, (1, "North"), (5, "South"))]
    world.load(resources)
    world.connect()
    world.settle()
    assert slots(world) == {1: None, 2: 1, 3: 2, 4: 3, 5: 4}
    assert options(world, 1) == ["Unassigned", "Unassigned", "Unassigned", "South"]
    assert world.differences() == []
    later(world)
    world.edit(1, Reference="again")
    world.settle()
    told = world.audit("lists", "no slot")
    assert [books.record_id("TrackingCategories", 1) in each["why"] for each in told] == [True]


def test_a_category_that_comes_after_its_lines(world: World) -> None:
    """An invoice that names a category which the list did not have yet is mended when it has."""
    loaded(world, categories=1)
    assert options(world, 1) == ["North", "Unassigned", "Unassigned", "Unassigned"]
    world.add("TrackingCategories", category(2))
    later(world)
    assert options(world, 1) == ["North", "South", "Unassigned", "Unassigned"]
    assert world.differences() == []


def test_organisations_have_slots_of_their_own(world: World) -> None:
    """The first category of each has its first slot."""
    for tenant_id in (books.TENANT, books.OTHER_TENANT):
        resources = books.small_books(tenant_id=tenant_id, tracking_categories=1)
        if tenant_id == books.OTHER_TENANT:
            resources["TrackingCategories"] = [category(7)]
        world.load(resources, tenant_id=tenant_id, name=tenant_id)
    world.connect()
    world.settle()
    given = [state.read(world.store, tenant).slots for tenant in (books.TENANT, books.OTHER_TENANT)]
    assert given == [
        {books.record_id("TrackingCategories", 1): 1},
        {books.record_id("TrackingCategories", 7): 1},
    ]


def test_personal_data_left_out_and_taken_back(new_world: NewWorld) -> None:
    """Changing the setting mends what was pushed at the next push, and nothing but what is about persons changes."""
    world = new_world()
    resources = books.small_books()
    resources["Contacts"][0] |= {"FirstName": "Ann", "EmailAddress": "ann@example.com"}
    world.load(resources)
    world.connect()
    world.settle()
    for setting, name in (("false", None), ("true", "Ann")):
        world.environment["CONTACT_PERSONAL_DATA"] = setting
        world.restart()
        world.edit(1, Reference=setting)
        world.settle()
        [row] = world.current("Contacts", 1)
        assert row["FirstName"] == name
        assert row["Name"] == "Café 1"
        assert world.differences() == []


def test_rows_of_the_mirror_alone_have_the_same_lists(listed: World) -> None:
    """Whoever makes rows of the mirror, as a compaction does, gets those that a push made."""
    [organisation] = connections.connected(listed.store)
    found = read(listed.connector, organisation)
    assert found == load(listed.connector, listed.connector.audit(), organisation)
    for number in (1, 2, 3):
        record = mirror.record(listed.store, books.TENANT, "Invoices", books.record_id("Invoices", number))
        [line] = shape(organisation, "Invoices", record or {}, found)["Lines"]
        [pushed] = listed.current("Lines", number)
        same = ("TaxName", *(f"Tracking{slot}Option" for slot in (1, 2, 3, 4)))
        assert [line[name] for name in same] == [pushed[name] for name in same]


def test_killed_anywhere_while_a_list_changes(world: World) -> None:
    """Wherever a push ends that brings a changed list, the next one shows it everywhere, under the same slots."""
    listed = loaded(world, **NOTHING_ELSE)
    listed.change("TaxRates", 1, touch=False, Name="GST of today")
    listed.add("TrackingCategories", category(3))
    listed.advance(A_DAY)
    listed.refresh()
    listed.poll()
    message = next(iter(messages(listed)))
    again = listed.snapshot()
    whole = Life()
    listed.honour(message, connector=listed.mortal(whole))
    assert whole.effects > 10
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            listed.honour(message, connector=listed.mortal(Life(effect)))
        listed.advance(61)
        listed.honour(message)
        listed.drain_queue()
        assert list(outbox.pending(listed.store, DEFAULT_DATASET)) == [], effect
        assert not sink.read(listed.store, DEFAULT_DATASET).in_flight, effect
        assert slots(listed) == {1: 1, 2: 2, 3: 3}, effect
        assert listed.current("Lines", 1, "Invoices")[0]["TaxName"] == "GST of today", effect
        assert listed.differences() == [], effect


def messages(world: World) -> Iterator[str]:
    while (message := world.receive()) is not None:
        yield message.text
