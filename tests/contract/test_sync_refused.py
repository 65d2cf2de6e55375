"""What Power BI does not take, or not now: sizes, limits, refusals. Nothing is lost, and everything else goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from local.powerbi.errors import bad_request
from local.powerbi.switches import Limits, Switches
from shared.errors import PermissionMissing
from shared.state import outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import refusals, superseded, sweep
from shared.sync.health import health
from shared.sync.replay import replay
from tests.support import books
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]


def quarantined(world: World, resource: str = "Invoices") -> list[str]:
    return quarantine.listed(world.store, books.TENANT, resource)


def poison(world: World, table: str, *texts: str) -> None:
    """Have Power BI refuse every POST that carries one of the texts."""
    posting: Any = world.powerbi.posting

    @contextmanager
    def refusing(dataset_id: str, name: str) -> Iterator[Any]:
        with posting(dataset_id, name) as entered:
            push = entered.push

            def refuse(body: bytes, *more: Any) -> None:
                if name == table and any(text.encode() in body for text in texts):
                    raise bad_request("A row is not to our liking.")
                push(body, *more)

            entered.push = refuse
            yield entered

    world.powerbi.posting = refusing  # type: ignore[assignment, method-assign]


@pytest.mark.parametrize("table", ["Invoices", "Lines"])
def test_a_refused_record(world: World, table: str) -> None:
    """A record that Power BI refuses is found by halving, kept with its payload and the error, and the others go in."""
    resources = books.plain_books(invoices=9)
    resources["Invoices"][4]["Reference"] = "poison"
    resources["Invoices"][4]["LineItems"][1]["Description"] = "poison"
    world.load(resources)
    world.connect()
    poison(world, table, "poison")
    world.settle()
    bad = books.record_id("Invoices", 5)
    assert quarantined(world) == [bad]
    assert world.differences(quarantined=[bad]) == []
    [row] = world.audit("quarantine")
    assert "not to our liking" in row["error"]
    assert bad in row["error"]
    where = row["why"].removeprefix("quarantine/")
    assert b'"Reference":"poison"' in (world.store.get_blob("quarantine", where) or b"")
    assert len(world.posts(table)) <= 1 + 2 * 4


def test_a_refused_record_is_healed(world: World) -> None:
    """A record that was refused arrives with its next good version, and leaves the quarantine."""
    world.connect()
    world.settle()
    poison(world, "Lines", "poison")
    world.edit(2, Reference="poison", LineItems=[{"Description": "poison"}])
    world.settle()
    assert quarantined(world) == [books.record_id("Invoices", 2)]
    world.edit(2, Reference="good", LineItems=[])
    world.settle()
    assert quarantined(world) == []
    assert world.differences() == []


def test_a_refused_record_goes_back(world: World) -> None:
    """A record that was refused in one table only is right again in all when it becomes what it was before."""
    world.connect()
    world.settle()
    before = dict(world.xero.store.find(books.TENANT, "Invoices", books.record_id("Invoices", 2)))
    poison(world, "Lines", "poison")
    world.edit(2, Reference="half", LineItems=[{"Description": "poison"}])
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] == "half"
    world.edit(2, Reference=before["Reference"], LineItems=before["LineItems"])
    # The very same record again, stamp and all.
    world.xero.store.put(books.TENANT, "Invoices", before, touch=False)
    world.webhook([("INVOICE", books.record_id("Invoices", 2))])
    world.settle()
    assert world.differences() == []
    assert quarantined(world) == []


def test_all_records_refused(world: World) -> None:
    """Records that are all refused are all kept, and their batches go on."""
    world.load(books.small_books(invoices=4))
    world.connect()
    poison(world, "Contacts", "Café")
    world.settle()
    assert len(quarantined(world, "Contacts")) == 3
    ids = [books.record_id("Contacts", number) for number in range(1, 4)]
    assert world.differences(quarantined=ids) == []


@pytest.mark.parametrize(
    ("settings", "most"),
    [({"POWERBI_ROWS_PER_POST": "7"}, 7), ({"POWERBI_BYTES_PER_POST": "10000"}, None), ({}, None)],
    ids=["rows", "bytes", "default"],
)
def test_sizes_of_posts(new_world: NewWorld, settings: dict[str, str], most: int | None) -> None:
    """A POST holds no more rows and bytes than the settings say, and as many as they allow."""
    bytes_a_post = int(settings.get("POWERBI_BYTES_PER_POST", 8_000_000))
    world = new_world(
        settings=settings, limits=Limits(rows_in_post=most or 10_000, body_bytes=bytes_a_post + 20)
    )
    world.load(books.plain_books(invoices=40))
    world.connect()
    world.settle()
    assert world.differences() == []
    assert {post.status for post in world.posts()} == {200}
    if not settings:
        # Eight tables of Xero's, and the four that are made here.
        assert len(world.posts()) == len({post.table for post in world.posts()}) == 12
    if most:
        assert [post.rows for post in world.posts("Lines")] == [7] * 11 + [5]
    if "POWERBI_BYTES_PER_POST" in settings:
        assert len(world.posts("Lines")) > 4


def test_a_row_larger_than_a_post(new_world: NewWorld) -> None:
    """A record whose rows no POST can hold is quarantined, and the others go in."""
    world = new_world(settings={"POWERBI_BYTES_PER_POST": "10000"}, limits=Limits(body_bytes=10_000))
    resources = books.small_books()
    resources["Invoices"][2]["Reference"] = "é" * 3000
    resources["Invoices"][2]["Url"] = "u" * 4000
    resources["Invoices"][2]["InvoiceNumber"] = "n" * 4000
    world.load(resources)
    world.connect()
    world.settle()
    bad = books.record_id("Invoices", 3)
    assert quarantined(world) == [bad]
    assert world.differences(quarantined=[bad]) == []


def test_a_full_table(new_world: NewWorld) -> None:
    """Before a table is full pushing stops and asks, with everything kept; it goes on when there is room."""
    world = new_world(settings={"POWERBI_ROWS_PER_TABLE": "3000"}, limits=Limits(rows_of_table=3000))
    world.load(books.small_books(invoices=30))
    world.connect()
    with sink.Writer.take(world.store, world.clock, DEFAULT_DATASET) as writer:
        # Of unknown outcome, so counted as landed.
        writer.reserve(0, (), {"Lines": 2950})
    world.poll()
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "POWERBI_ROWS_PER_TABLE" in row["error"]
    assert "Lines" in row["error"]
    assert len(list(outbox.pending(world.store, DEFAULT_DATASET))) > 0
    # Nothing but the status, which says so.
    assert [post.table for post in world.posts()] == ["SyncStatus"]
    world.environment["POWERBI_ROWS_PER_TABLE"] = "4000"
    world.advance(3601)
    world.refresh()
    world.restart()
    world.settle()
    assert world.differences() == []


def test_posts_a_minute(new_world: NewWorld) -> None:
    """POSTs keep their distance, so that their limit is never reached, however many there are."""
    settings = {"POWERBI_ROWS_PER_POST": "50", "POWERBI_POSTS_PER_MINUTE": "20"}
    world = new_world(settings=settings, limits=Limits(posts_a_minute=20))
    world.load(books.small_books(invoices=8))
    world.connect()
    world.settle()
    assert {post.status for post in world.posts()} == {200}
    assert len(world.posts()) > 60
    assert world.differences() == []


def test_ten_instances_keep_power_bis_limits(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSTs a minute and rows an hour of a dataset hold over ten instances that push in turn: Power BI never says wait."""
    monkeypatch.setattr(superseded, "ROWS_AN_HOUR", 3300)
    world = new_world(
        settings={"POWERBI_POSTS_PER_MINUTE": "20"}, limits=Limits(rows_an_hour=3300, posts_a_minute=24)
    )
    world.load(books.plain_books(invoices=4, contacts=2))
    world.connect()
    world.settle()
    world.advance(3600)
    world.refresh()
    world.poll()
    world.drain_queue()
    instances = [world.restart() for _ in range(10)]
    for turn in range(60):
        world.connector = instances[turn % 10]
        world.edit(1 + turn % 4, Reference=f"turn {turn}")
        world.drain_queue()
        # The lines of an invoice make a POST of many rows.
        if turn % 10 == 9:
            world.advance(20)
    assert {post.status for post in world.posts()} == {200}
    assert len(world.posts()) > 120
    told = [row["error"] for row in world.audit("push", "retried")]
    assert told == [] or all("nearly as much as Power BI takes in an hour" in each for each in told)


def test_rows_of_an_hour_are_not_exceeded(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would exceed the rows of an hour waits in the outbox until there is room, whoever sent the others."""
    monkeypatch.setattr(superseded, "ROWS_AN_HOUR", 3030)
    world = new_world(limits=Limits(rows_an_hour=3030))
    world.load(books.plain_books(invoices=4, contacts=2))
    world.connect()
    world.poll()
    world.drain_queue()
    for turn in range(12):
        world.restart()
        world.edit(1 + turn % 4, Reference=f"turn {turn}")
        world.drain_queue()
    assert {post.status for post in world.posts()} == {200}
    assert "nearly as much as Power BI takes" in world.audit("push", "retried")[-1]["error"]
    world.advance(4000)
    world.refresh()
    world.settle()
    assert {post.status for post in world.posts()} == {200}
    assert world.differences() == []


# The history takes twelve POSTs; the calendar alone is four years of days, twice.
@pytest.mark.parametrize(
    "limits", [Limits(posts_a_minute=13), Limits(rows_an_hour=2 * 1461 + 69)], ids=["POSTs", "rows"]
)
def test_power_bi_says_wait(new_world: NewWorld, limits: Limits) -> None:
    """A 429 of Power BI is waited for by a message that is delayed so long, and nothing is sent before it is due."""
    world = new_world(limits=limits)
    world.load(books.plain_books(invoices=4, contacts=2))
    world.connect()
    world.settle()
    world.edit(2, Reference="one")
    world.drain_queue()
    [row] = world.audit("push", "retried")
    refused = len(world.posts())
    assert world.posts()[-1].status == 429
    delay = float(row["why"].rpartition("again in ")[2].removesuffix(" s"))
    assert 1 < delay <= 3600
    world.clock.advance(delay - 1)
    world.drain_queue()
    assert len(world.posts()) == refused
    world.advance(2)
    world.refresh()
    world.drain_queue()
    assert world.differences() == []
    assert not world.store.queue_length("push-poison")


@pytest.mark.parametrize("status", [401, 403])
def test_permission(new_world: NewWorld, status: int) -> None:
    """Without permission pushing asks a person, keeps everything, and goes on by itself once it is granted."""
    world = new_world()
    world.load()
    world.connect()
    world.powerbi.switches = Switches(service_principals="refused", no_role_status=status)  # type: ignore[arg-type]
    world.poll()
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "workspace" in row["error"]
    assert "PowerBINotAuthorizedException" in row["error"]
    world.powerbi.switches = Switches()
    world.advance(3601)
    world.refresh()
    world.settle()
    assert world.differences() == []


def test_no_dataset_yet(world: World) -> None:
    """Without a dataset everything waits in the outbox and a person is told; it goes in once it is made."""
    world.connect(with_dataset=False)
    world.poll()
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "manage.py dataset" in row["error"]
    world.connect()
    world.advance(3601)
    world.refresh()
    world.settle()
    assert world.differences() == []


def test_calls_while_a_post_waits(world: World) -> None:
    """Reading goes on while Power BI makes us wait."""
    world.connect()
    world.powerbi_fault("status", status=429, headers={"Retry-After": "600"}, times=1)
    seen: list[Call] = []
    world.poll()
    world.drain_queue()
    world.on_xero_call = seen.append
    world.edit(2, Reference="meanwhile")
    world.drain_queue()
    assert [call.resource for call in seen] == ["Invoices"]
    world.settle()
    assert world.differences() == []


def tries(world: World) -> int:
    """How often Power BI refused a push."""
    return len(world.audit("push", "ask"))


def refuse_all(new_world: NewWorld) -> World:
    """A world whose history is read, and to which Power BI gives no right to write."""
    world = new_world()
    world.load()
    world.connect()
    world.powerbi.switches = Switches(service_principals="refused")
    world.poll()
    world.drain_queue()
    return world


def hours_go_by(world: World, hours: float) -> None:
    """What the timer and the queue do by themselves, each twenty minutes; nothing is polled."""
    for _ in range(int(hours * 3)):
        world.advance(1200)
        sweep.sweep(world.connector)
        world.drain_queue()


def test_permission_is_asked_for_more_and_more_rarely(new_world: NewWorld) -> None:
    """A refused push is tried again after a minute, then twice as long each time up to two hours, whatever lands meanwhile."""
    world = refuse_all(new_world)
    waited = [float(world.audit("push", "ask")[0]["seconds"])]
    while len(waited) < 9:
        world.edit(1, Reference=f"lands meanwhile {len(waited)}")
        world.drain_queue()
        assert tries(world) == len(waited)
        world.advance(waited[-1] + 1)
        world.refresh()
        world.drain_queue()
        waited = [float(row["seconds"]) for row in world.audit("push", "ask")]
    assert waited == [60, 120, 240, 480, 960, 1920, 3840, 7200, 7200]
    assert all("PowerBINotAuthorizedException" in row["error"] for row in world.audit("push", "ask"))
    world.powerbi.switches = Switches()
    world.advance(7201)
    world.refresh()
    world.settle()
    assert world.differences() == []
    assert not world.store.queue_length("push-poison")


def test_the_waits_are_spread(new_world: NewWorld) -> None:
    """Many that were refused together do not come back together: a quarter sooner to a quarter later."""
    world = refuse_all(new_world)
    drawn = iter([0.0, 1.0])
    again = replace(world.connector, jitter=lambda: next(drawn))
    error = PermissionMissing("no")
    assert [refusals.refused(again, "another", error).seconds for _ in range(2)] == [45, 150]


def test_permission_is_parked_after_a_day(new_world: NewWorld) -> None:
    """After a day it is tried once a day only, with all that waits kept; an operator's replay tries it at once."""
    world = refuse_all(new_world)
    hours_go_by(world, 26)
    tried = tries(world)
    assert 15 < tried < 25
    hours_go_by(world, 12)
    assert tries(world) == tried
    assert next(outbox.pending(world.store, DEFAULT_DATASET), None) is not None
    [alarm] = [each for each in health(world.connector).alarms if each.code == "dataset"]
    assert "is parked" in alarm.words
    assert "PowerBINotAuthorizedException" in alarm.words
    world.powerbi.switches = Switches()
    assert replay(world.connector)["datasets"] == 1
    world.drain_queue()
    assert next(outbox.pending(world.store, DEFAULT_DATASET), None) is None
    world.refresh()
    for _ in range(3):
        world.advance(60)
        world.poll()
        world.drain_queue()
    assert world.differences() == []
    assert [each for each in health(world.connector).alarms if each.code == "dataset"] == []


def test_what_is_parked_goes_on_by_itself_within_a_day(new_world: NewWorld) -> None:
    """Once it is granted, nobody needs to say so."""
    world = refuse_all(new_world)
    hours_go_by(world, 26)
    world.powerbi.switches = Switches()
    hours_go_by(world, 25)
    assert next(outbox.pending(world.store, DEFAULT_DATASET), None) is None
    world.refresh()
    world.settle()
    assert world.differences() == []


def test_a_table_that_takes_nothing(world: World) -> None:
    """A table that refuses whatever it is sent is defined otherwise: no record is put aside, and all is there once it is mended."""
    world.load(books.plain_books(invoices=30))
    world.connect()
    usual: Any = world.powerbi.posting
    poison(world, "Invoices", '"InvoiceKey"')
    world.poll()
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "Invoices of dataset default takes no record at all" in row["error"]
    assert "not to our liking" in row["error"]
    assert quarantined(world) == []
    assert len(world.posts("Invoices")) < 16
    world.powerbi.posting = usual  # type: ignore[method-assign]
    world.advance(61)
    world.settle()
    assert quarantined(world) == []
    assert world.differences() == []


@pytest.mark.parametrize("records", [1, 3, 6])
def test_a_table_that_takes_nothing_any_more(world: World, records: int) -> None:
    """However few records come: one that the table took before is refused as well, so it is the table."""
    world.load(books.plain_books(invoices=10))
    world.connect()
    world.settle()
    usual: Any = world.powerbi.posting
    poison(world, "Invoices", '"InvoiceKey"')
    # What feeds other tables goes along, and says nothing of this one.
    world.change("Contacts", 1, EmailAddress="new@example.com")
    world.webhook([("CONTACT", books.record_id("Contacts", 1))])
    for number in range(1, records + 1):
        world.edit(number, Reference="new")
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "takes no record at all" in row["error"]
    assert quarantined(world) == []
    world.powerbi.posting = usual  # type: ignore[method-assign]
    world.advance(61)
    world.settle()
    assert world.differences() == []


def test_the_vendors_full_words(world: World) -> None:
    """A long answer of Power BI's stands in the audit to its end."""
    world.connect()
    words = "word " * 600 + "the end"
    world.powerbi_fault("status", status=403, body=words, times=3)
    world.poll()
    world.drain_queue()
    [row] = world.audit("push", "ask")
    assert "the end" in row["error"]


def test_several_bad_records_at_the_beginning(world: World) -> None:
    """The first records of a POST are bad, and others are good: these go in, and those are put aside."""
    resources = books.plain_books(invoices=30)
    for record in resources["Invoices"][:6]:
        record["Reference"] = "poison"
    world.load(resources)
    world.connect()
    poison(world, "Invoices", "poison")
    world.settle()
    bad = sorted(record["InvoiceID"] for record in resources["Invoices"][:6])
    assert sorted(quarantined(world)) == bad
    assert world.differences(quarantined=bad) == []
