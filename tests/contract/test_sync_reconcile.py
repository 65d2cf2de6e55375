"""Reconcile: what is equal is proven so, what differs is told and mended, within a share of the day's calls."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from shared.state import messages, mirror, proofs
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import Request
from shared.state.proofs import Proof
from shared.storage import Write
from shared.sync import forget, pause
from tests.support import books, offices
from tests.support.killing import Killed, Life
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]
DAY = 86400.0
# No slice is asked for by the timer.
QUIET = {"READ_REPORTS": "false", "RECONCILE_PERCENT": "0"}


@pytest.fixture(name="settled")
def settled_world(new_world: NewWorld) -> World:
    world = new_world(settings=QUIET)
    world.load()
    world.connect()
    world.settle()
    world.advance(601)
    return world


def ask(world: World, *, now: bool = True, repair: bool = False, table: str = "") -> None:
    messages.ask(
        world.store,
        world.clock,
        DEFAULT_DATASET,
        "reconcile",
        "asked",
        uuid.uuid4().hex,
        now=now,
        repair=repair,
        table=table,
    )


def pass_time(world: World, minutes: int) -> None:
    """What the queue does meanwhile; nothing is polled."""
    for _ in range(minutes):
        world.drain_queue()
        world.advance(60)


def found(world: World, table: str = "") -> list[Proof]:
    return [each for each in proofs.of_organisation(world.store, books.TENANT) if table in ("", each.table)]


def outcomes(world: World, table: str = "") -> set[str]:
    return {each.outcome for each in found(world, table)}


def forget_in_mirror(world: World, resource: str, number: int) -> None:
    key = {
        "PartitionKey": mirror.partition(books.TENANT, resource),
        "RowKey": books.record_id(resource, number),
    }
    world.store.write_entity("mirror", Write("delete", dict(key)))


def change_in_mirror(world: World, resource: str, number: int, **facts: Any) -> None:
    key = {
        "PartitionKey": mirror.partition(books.TENANT, resource),
        "RowKey": books.record_id(resource, number),
    }
    world.store.write_entity("mirror", Write("merge", {**key, **facts}))


def test_all_is_the_same(settled: World) -> None:
    """Every record of Xero's is counted once, in its month, with its sum; and so on each side."""
    before = len(settled.calls)
    ask(settled)
    pass_time(settled, 2)
    assert outcomes(settled) == {"same"}, {(q["resource"], q["error"][:600]) for q in settled.audit("query")}
    for resource in ("Invoices", "CreditNotes", "Payments", "Contacts", "PurchaseOrders", "ManualJournals"):
        mine = found(settled, resource)
        # What is open before the start is listed by status, too, beside its ids.
        counts = [each.xero.count for each in mine if each.xero and " before" not in each.month]
        assert sum(counts) == len(settled.mirrored(resource)) > 0
        assert settled.unmirrored(resource) == []
        assert [each.xero for each in mine] == [each.mirror for each in mine]
        assert all(each.powerbi in (None, each.mirror) for each in mine)
    assert any(each.powerbi is not None and each.powerbi.count for each in found(settled, "Invoices"))
    assert len(settled.calls) > before
    assert len(settled.audit("reconcile", "same")) >= len(found(settled))


def test_a_record_that_the_mirror_lacks(settled: World) -> None:
    """It is fetched, landed, pushed; and what was told as a difference is told as repaired."""
    forget_in_mirror(settled, "Invoices", 1)
    ask(settled)
    settled.drain_queue()
    [wrong] = [each for each in found(settled, "Invoices") if each.outcome == "differs"]
    assert wrong.differing == (books.record_id("Invoices", 1),)
    assert wrong.words == "1 missing in the mirror"
    pass_time(settled, 5)
    assert outcomes(settled, "Invoices") == {"same", "repaired"}
    assert settled.differences() == []


def test_a_stamp_that_went_back(settled: World) -> None:
    """What Xero says now is pushed, though the mirror has a later stamp of it."""
    change_in_mirror(settled, "Invoices", 2, stamp=9_000_000_000_000, hash="0" * 32)
    settled.xero.documents.change(
        books.TENANT, "Invoices", books.record_id("Invoices", 2), {"Reference": "as it is"}, [], False
    )
    ask(settled)
    pass_time(settled, 6)
    assert settled.current("Invoices", 2)[0]["Reference"] == "as it is"
    assert outcomes(settled, "Invoices") == {"same", "repaired"}


def test_an_edit_without_a_stamp(settled: World) -> None:
    settled.xero.documents.change(
        books.TENANT,
        "Invoices",
        books.record_id("Invoices", 3),
        {"DueDate": "/Date(1700000000000+0000)/"},
        [],
        False,
    )
    ask(settled)
    pass_time(settled, 6)
    assert outcomes(settled, "Invoices") == {"same", "repaired"}
    assert settled.differences() == []


def test_a_change_meanwhile_is_no_difference(settled: World) -> None:
    """What changed after the last complete read is for the next one."""
    record_id = books.record_id("Invoices", 1)
    settled.xero.documents.change(books.TENANT, "Invoices", record_id, {"Reference": "new"}, [], True)
    ask(settled)
    settled.drain_queue()
    assert outcomes(settled, "Invoices") == {"same"}
    assert any("changed since" in each.words for each in found(settled, "Invoices"))


def test_a_month_that_the_mirror_knows_nothing_of(settled: World) -> None:
    """A record of a list without bounds, in a month of its own, is told and mended as any other."""

    def transfer(number: int, day: str) -> None:
        at = int(datetime.fromisoformat(f"{day}T00:00:00+00:00").timestamp() * 1000)
        record = books.bank_transfer(number) | {"Date": f"/Date({at}+0000)/", "DateString": f"{day}T00:00:00"}
        settled.xero.documents.add(books.TENANT, "BankTransfers", record)

    transfer(50, "2026-01-05")
    transfer(51, "2026-02-05")
    settled.advance(1800)
    settled.refresh()
    settled.settle()
    settled.advance(601)
    transfer(60, "2026-04-05")
    ask(settled, table="BankTransfers")
    settled.drain_queue()
    wrong = [each for each in found(settled, "BankTransfers") if each.outcome == "differs"]
    assert [each.month for each in wrong] == ["2026-04"]
    pass_time(settled, 5)
    assert outcomes(settled, "BankTransfers") == {"same", "repaired"}


def test_gone_from_xero(settled: World) -> None:
    """Only Xero's 404 makes it so."""
    settled.vanish("Invoices", 4)
    ask(settled)
    pass_time(settled, 6)
    assert outcomes(settled, "Invoices") == {"same", "repaired"}
    assert settled.current("Invoices", 4)[0]["IsDeleted"] is True


def test_many_at_once_are_told_and_left(new_world: NewWorld) -> None:
    """More than VANISHED_AT_MOST are mended when a person asks, and not before."""
    world = new_world(settings=QUIET | {"VANISHED_AT_MOST": "1"})
    world.load()
    world.connect()
    world.settle()
    world.advance(601)
    for number in (1, 2, 3):
        change_in_mirror(world, "Invoices", number, hash="0" * 32)
    ask(world)
    pass_time(world, 6)
    wrong = [each for each in found(world, "Invoices") if each.outcome == "differs"]
    assert wrong and "only by reconcile --repair" in wrong[0].words
    ask(world, repair=True)
    pass_time(world, 6)
    assert outcomes(world, "Invoices") == {"same", "repaired"}


def test_power_bi_lacks_a_row(settled: World) -> None:
    """The table is posted anew from the mirror, and compared once more."""
    shown = settled.powerbi.settled(settled.dataset_id)
    assert shown is not None
    del shown.tables["Invoices"].rows[0]
    ask(settled)
    settled.drain_queue()
    assert [each.words for each in found(settled, "Invoices") if each.outcome == "differs"] == [
        "Power BI has other rows than the mirror"
    ]
    pass_time(settled, 30)
    assert outcomes(settled, "Invoices") == {"same", "repaired"}
    assert settled.differences() == []


def test_power_bi_may_not_be_asked(settled: World) -> None:
    settled.powerbi.switches = settled.powerbi.switches.changed({"execute_queries": "refused"})
    ask(settled)
    pass_time(settled, 2)
    assert outcomes(settled, "Contacts") == outcomes(settled, "Payments") == {"unproven"}
    assert {each.words for each in found(settled, "Contacts")} == {"queries are not permitted"}
    assert all(each.xero == each.mirror for each in found(settled))


def test_the_share_of_a_day(new_world: NewWorld) -> None:
    """An hour's slice takes the share's calls at most, and the next days go on until all is proven; then it begins anew."""
    world = new_world(settings=QUIET | {"RECONCILE_PERCENT": "0.1", "XERO_DAY_LIMIT": "5000"})
    world.load()
    world.connect()
    world.settle()
    proven: list[int] = []
    for _ in range(7):
        before = len(world.audit("fetch", "compared"))
        for _ in range(4):
            world.advance(3601)
            world.refresh()
            ask(world, now=False)
            world.drain_queue()
        assert len(world.audit("fetch", "compared")) - before <= 5
        proven.append(len(found(world)))
        world.advance(DAY - 4 * 3601)
        world.refresh()
        world.settle()
    assert proven[0] < proven[-1]
    assert outcomes(world) == {"same"}


def test_each_organisation_has_its_share(new_world: NewWorld) -> None:
    """Several organisations of a dataset are all proven, whichever comes first and whoever's consent is lost."""
    world = new_world(settings=QUIET | {"RECONCILE_PERCENT": "0.2"} | offices.TOGETHER)
    offices.load(world, offices.SYDNEY, offices.AUCKLAND)
    offices.join(world)
    offices.settle(world)
    for _ in range(3):
        world.advance(3601)
        world.refresh()
        ask(world, now=False)
        world.drain_queue()
    shares = [len(proofs.of_organisation(world.store, each)) for each in (offices.SYDNEY, offices.AUCKLAND)]
    assert min(shares) > 0
    rows = world.audit("fetch", "compared")
    for tenant_id in (offices.SYDNEY, offices.AUCKLAND):
        assert 0 < sum(row["organisation"] == tenant_id for row in rows) <= 2


def test_a_forgotten_contact(settled: World) -> None:
    """What is masked here and not at Xero is no difference."""
    contact = books.record_id("Contacts", 1)
    forget.ask(settled.connector, books.TENANT, contact)
    pass_time(settled, 20)
    settled.refresh()
    before = settled.xero.store.find(books.TENANT, "Contacts", contact)
    assert settled.mirrored("Contacts")[contact]["Name"] != before["Name"]
    ask(settled, table="Contacts")
    pass_time(settled, 2)
    assert outcomes(settled, "Contacts") == {"same"}


def test_an_extra_row_in_power_bi(settled: World) -> None:
    """A row that the mirror knows nothing of goes with the table's next compaction, which a proof asks for."""
    shown = settled.powerbi.settled(settled.dataset_id)
    assert shown is not None
    table = shown.tables["Contacts"]
    at = [column.name for column in table.schema.columns].index("ContactKey")
    row = list(table.rows[0])
    row[at] = f"{row[at]}-of-nobody"
    table.rows.append(tuple(row))
    ask(settled, table="Contacts")
    settled.drain_queue()
    assert outcomes(settled, "Contacts") == {"differs"}


def test_killed_anywhere(settled: World) -> None:
    """Whoever comes next proves what is left, and what differs is mended."""
    forget_in_mirror(settled, "Invoices", 1)
    ask(settled, table="Invoices")
    message = settled.receive()
    assert message is not None
    restore = settled.snapshot()
    effects, effect = 1000, 0
    while effect < effects:
        restore()
        life = Life(effect)
        try:
            settled.honour(message.text, connector=settled.mortal(life))
            effects = effect
        except Killed:
            settled.advance(61)
            settled.honour(message.text)
            pass_time(settled, 8)
            assert outcomes(settled) <= {"same", "repaired"}, effect
            assert settled.differences() == [], effect
        effect += 5


def test_two_at_once(settled: World) -> None:
    """One instance compares an organisation; another leaves it."""
    lease = settled.store.acquire_lease(f"reconcile/{books.TENANT}", 60)
    assert lease is not None
    ask(settled)
    settled.drain_queue()
    assert found(settled) == []
    settled.store.release_lease(lease)
    pass_time(settled, 3)
    assert outcomes(settled) == {"same"}


def test_not_before_the_history_is_there(new_world: NewWorld) -> None:
    world = new_world(settings=QUIET)
    world.load()
    world.connect()
    ask(world)
    world.drain_queue()
    assert found(world) == []


def test_nothing_is_compared_of_a_pause(settled: World) -> None:
    pause.pause(settled.connector, tenant_id=books.TENANT, why="asked")
    ask(settled, now=False)
    settled.drain_queue()
    assert found(settled) == []


def test_a_request_of_the_version_before(settled: World) -> None:
    """A message that knows of no organisation is one for all of them."""
    ask(settled)
    message = settled.receive()
    assert message is not None
    decoded = messages.decode(message.text)
    assert isinstance(decoded, Request)
    text = (
        message.text.replace('"organisation":"",', "")
        .replace('"repair":false,', "")
        .replace('"now":true,', "")
    )
    assert '"now"' not in text
    assert messages.decode(text) == msgspec.structs.replace(decoded, now=False)


def test_a_record_edited_between_pages(new_world: NewWorld) -> None:
    """A list that changes while it is read is read again, until its ids are what Xero counts."""
    world = new_world(settings=QUIET | {"XERO_PAGE_SIZE": "2"})
    world.load()
    world.connect()
    world.settle()
    world.advance(601)
    touched = 0

    def edit(call: Call) -> None:
        nonlocal touched
        if "/Invoices" in call.path and touched < 3:
            touched += 1
            world.edit(touched, Reference=f"while reading {touched}")

    world.on_xero_call = edit
    ask(world)
    pass_time(world, 3)
    assert outcomes(world, "Invoices") == {"same"}
    assert touched == 3
