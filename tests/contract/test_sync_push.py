"""Writing Power BI: one writer, every version known before it is sent, nothing stuck, figures right throughout."""

from typing import Any

import pytest

from shared import tables
from shared.clock import milliseconds
from shared.errors import RunEnded
from shared.state import mirror, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.sink import Writer
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.servers import Call
from tests.support.world import World


def state(world: World) -> sink.State:
    return sink.read(world.store, DEFAULT_DATASET)


def test_versions(settled: World) -> None:
    """A version of a record is one number in all its tables, unique, never below now in milliseconds, below 2^53."""

    def versions(*names: str) -> set[tuple[str, int]]:
        return {
            (row[tables.TABLES[name].version_key], row["RowVersion"])
            for name in names
            for row in settled.rows(name)
        }

    # Each kind of document has a table of its own, of the same name.
    for inside in ("Lines", "Allocations"):
        assert versions(inside) == versions(*tables.TABLES[inside].resources)
    every = versions(*tables.TABLES)
    assert len({version for _, version in every}) == len(every)
    before = max(version for _, version in every)
    now = milliseconds(settled.clock.now())
    settled.edit(2, Reference="new")
    settled.settle()
    [row] = settled.current("Invoices", 2)
    assert max(before, now) < row["RowVersion"] < 2**53


def test_versions_never_go_back(settled: World) -> None:
    """A clock that goes back, or a state that is lost, cannot make a later version lower than an earlier one."""
    high = state(settled).version_high
    with Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        assert writer.reserve(5, (), {}) > high
        first = writer.reserve(10_000_000, (), {})
        assert writer.reserve(1, (), {}) == first + 10_000_000


def test_every_table_that_a_record_feeds(settled: World) -> None:
    """A document that loses its lines shows a marker in place of them, so that none of the old ones counts."""
    settled.edit(2, LineItems=[])
    settled.settle()
    [marker] = settled.current("Lines", 2)
    assert marker["IsMarker"] is True
    assert settled.differences() == []


def test_unchanged_records_are_not_sent(settled: World) -> None:
    """A record that Xero stamps anew without another change costs no row, and its stamp advances."""
    before = len(settled.posts())
    fetched = mirror.known(settled.store, books.TENANT, "Contacts", [books.record_id("Contacts", 2)])
    settled.webhook([("CONTACT", books.record_id("Contacts", 2))])
    settled.advance(10)
    settled.settle()
    assert len(settled.posts()) == before
    again = mirror.known(settled.store, books.TENANT, "Contacts", [books.record_id("Contacts", 2)])
    [old], [new] = fetched.values(), again.values()
    assert (new.hash, new.version) == (old.hash, old.version)
    assert new.fetched_to > old.fetched_to


def test_a_raised_transform_pushes_again(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When rows of a record would say something else by now, an unchanged record is sent again."""
    monkeypatch.setattr(tables, "TRANSFORM", tables.TRANSFORM + 1)
    settled.webhook([("CONTACT", books.record_id("Contacts", 2))])
    settled.settle()
    assert len(settled.rows("Contacts")) == 4


RESET = {"kind": "reset"}


@pytest.mark.parametrize("commits", [True, False], ids=["took effect", "had no effect"])
@pytest.mark.parametrize(
    ("table", "fault"),
    [
        *((table, RESET) for table in ("Organisations", "Invoices", "Lines", "Payments")),
        ("Contacts", {"kind": "status", "status": 500}),
        ("Contacts", {"kind": "status", "status": 504, "body": "<html>"}),
    ],
)
def test_unknown_outcome(world: World, table: str, fault: dict[str, Any], commits: bool) -> None:
    """A POST whose answer is lost is sent again: rows may double, and every current row is right."""
    world.connect()
    world.powerbi_fault(table=table, commits=commits, **fault)
    world.settle()
    assert world.differences() == []
    rows = world.rows(table)
    distinct = {tuple(sorted((name, str(row[name])) for name in row.keys() - {"RowVersion"})) for row in rows}
    # The first POST is the one whose answer is lost; what had no effect has not reached the table.
    assert len(rows) - len(distinct) == (world.posts(table)[0].rows if commits else 0)
    assert [row["outcome"] for row in world.audit("push")].count("retried") == 1


def test_killed_anywhere_in_a_push(world: World) -> None:
    """A push that is killed before or after any write or POST is made again: figures are right, nothing is stuck."""
    world.load(books.plain_books())
    world.connect()
    world.poll()
    message = world.receive()
    assert message is not None
    again = world.snapshot()
    whole = Life()
    world.honour(message.text, connector=world.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            world.honour(message.text, connector=world.mortal(Life(effect)))
        world.settle(step=300)
        assert world.differences() == [], effect
        assert state(world).in_flight == ()
        rows = len(world.rows("Invoices"))
        assert rows <= state(world).rows_upper["Invoices"], effect


def test_killed_again_and_again(world: World) -> None:
    """A second crash in the middle of mending the first leaves nothing wrong either."""
    world.connect()
    world.poll()
    for effect in (9, 14, 11, 17, 8):
        message = world.receive()
        if message is not None:
            with pytest.raises(Killed):
                world.honour(message.text, connector=world.mortal(Life(effect)))
        world.advance(61)
        world.restart()
        world.poll()
    world.settle()
    assert world.differences() == []


def test_a_stalled_writer_ends(settled: World) -> None:
    """A writer that stalls past its lease and wakes after another wrote cannot write any more."""
    stalled = Writer.take(settled.store, settled.clock, DEFAULT_DATASET)
    stalled.reserve(1, ["a"], {"Invoices": 1})
    settled.clock.advance(61)
    with Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as other:
        assert other.state.in_flight == ("a",)
        assert other.state.epoch == stalled.state.epoch + 1
        for act in (lambda: stalled.hold(10), stalled.land, lambda: stalled.reserve(1, ["b"], {})):
            with pytest.raises(RunEnded):
                act()
    with pytest.raises(RunEnded):
        stalled.hold(10)
    assert state(settled).in_flight == ("a",)


def test_nothing_is_sent_without_a_lease_that_lasts(settled: World) -> None:
    """Before each POST the lease is made to outlive it; when that cannot be, nothing is sent."""
    writer = Writer.take(settled.store, settled.clock, DEFAULT_DATASET)
    settled.clock.advance(30)
    writer.hold(45)
    settled.clock.advance(45)
    assert settled.store.acquire_lease(f"dataset/{DEFAULT_DATASET}", 60) is None


@pytest.mark.parametrize("table", ["Invoices", "Lines"])
def test_an_older_version_lands_late(settled: World, table: str) -> None:
    """A POST of a writer that stalls while another pushes a newer version lands late, and never wins."""
    settled.edit(2, Reference="older", LineItems=[])
    other = settled.mortal(Life())

    def stall(call: Call) -> None:
        if call.path.endswith(f"/tables/{table}/rows"):
            settled.on_powerbi_call = lambda call: None
            settled.clock.advance(90)
            settled.edit(2, Reference="newer")
            message = settled.receive()
            assert message is not None
            settled.honour(message.text, connector=other)
            settled.store.delete_message("push", message)

    settled.on_powerbi_call = stall
    settled.drain_queue()
    assert settled.current("Invoices", 2)[0]["Reference"] == "newer"
    settled.settle()
    assert settled.differences() == []
    assert "retried" in {row["outcome"] for row in settled.audit("push")}


def test_documents_without_a_rate_are_counted(world: World) -> None:
    """A foreign document that Xero gives no rate for has no amount in base currency, and the audit tells how many those are."""
    resources = books.small_books()
    foreign = {"CurrencyCode": "USD"}
    resources["Invoices"][0] |= foreign
    resources["Invoices"][1] |= foreign | {"CurrencyRate": 0}
    resources["Invoices"][2] |= foreign | {"CurrencyRate": "0.650000"}
    world.load(resources)
    world.connect()
    world.settle()
    rows = [world.current("Invoices", number)[0] for number in (1, 2, 3, 4)]
    assert [row["TotalAmountBase"] is None for row in rows] == [True, True, False, False]
    [told] = [
        row for row in world.audit("push", "done") if row["resource"] == "Invoices" and row["without_rate"]
    ]
    assert told["without_rate"] == 2


def test_a_push_names_only_its_own_batches(world: World) -> None:
    """With several organisations in one dataset, each one's audit row names the batches that were its own."""
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other")
    world.connect()
    world.settle()
    for row in world.audit("push", "done"):
        landed = [
            each
            for each in (*world.audit("fetch", "landed"), *world.audit("publish", "landed"))
            if each["batches"] in row["batches"].split()
        ]
        assert {each["organisation"] for each in landed} == {row["organisation"]}
