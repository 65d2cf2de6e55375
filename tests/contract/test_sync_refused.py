"""What Power BI does not take, or not now: sizes, limits, refusals. Nothing is lost, and everything else goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from local.powerbi.errors import bad_request
from local.powerbi.switches import Limits, Switches
from shared.state import outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
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
