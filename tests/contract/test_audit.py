"""The audit: what happened, when, why, how many, with what outcome, and that no row of it is lost."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import HttpResponseError

from shared.audit import LONGEST, Audit
from shared.storage import Write
from tests.support import books
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore
from tests.support.world import World


def rows(store: MemoryStore, table: str, day: str) -> list[dict[str, object]]:
    return [dict(stored.entity) for stored in store.query_entities(table, day)]


def test_a_row() -> None:
    """A row tells when, what, with what outcome and of which run; what there is nothing to say about is left out."""
    clock = ManualClock(datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC))
    store = MemoryStore(clock)
    audit = Audit(store, clock, "operation-1")
    audit.add("fetch", "landed", organisation="org", count=3, batches=["a", "b"], bytes=17)
    audit.flush()
    [row] = rows(store, "audit202611", "20261123")
    del row["RowKey"]
    assert row == {
        "PartitionKey": "20261123",
        "format": 1,
        "at": "2026-11-23T09:00:00.123+00:00",
        "operation": "operation-1",
        "what": "fetch",
        "outcome": "landed",
        "organisation": "org",
        "count": 3,
        "batches": "a b",
        "bytes": 17,
    }


def test_order() -> None:
    """Rows read in the order in which things happened."""
    clock = ManualClock()
    store = MemoryStore(clock)
    audit = Audit(store, clock, "o")
    for number in range(250):
        audit.add("fetch", str(number))
        clock.advance(0.001)
    audit.flush()
    found = rows(store, "audit202611", "20261123")
    assert [row["outcome"] for row in found] == [str(number) for number in range(250)]


def test_months_and_days() -> None:
    """Each month has a table, each day a partition, also for a run that goes over midnight."""
    clock = ManualClock(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    store = MemoryStore(clock)
    audit = Audit(store, clock, "o")
    audit.add("poll", "first")
    clock.advance(2)
    audit.add("poll", "second")
    audit.flush()
    assert [row["outcome"] for row in rows(store, "audit202611", "20261130")] == ["first"]
    assert [row["outcome"] for row in rows(store, "audit202612", "20261201")] == ["second"]


def test_flushed_once() -> None:
    """Rows are written by one flush and not by the next."""
    clock = ManualClock()
    store = MemoryStore(clock)
    audit = Audit(store, clock, "o")
    audit.flush()
    audit.add("poll", "done")
    audit.flush()
    audit.flush()
    assert len(rows(store, "audit202611", "20261123")) == 1


@pytest.mark.parametrize(
    "text", ["x" * 100_000, "é" * 100_000, "🧨" * 100_000, "line\nbreak\t\x00 and \u2028"]
)
def test_long_and_odd_texts(text: str) -> None:
    """An error of any length and alphabet is kept, cut to what a table holds."""
    clock = ManualClock()
    store = MemoryStore(clock)
    audit = Audit(store, clock, "o")
    for _ in range(60):
        audit.add("push", "ask", error=text)
    audit.flush()
    found = rows(store, "audit202611", "20261123")
    assert len(found) == 60
    assert all(text.startswith(str(row["error"])) and len(str(row["error"])) <= LONGEST for row in found)
    assert len(str(found[0]["error"])) >= min(len(text), 15_000)


def test_storage_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that could not be written are written by the next flush, and none twice."""
    clock = ManualClock()
    store = MemoryStore(clock)
    audit = Audit(store, clock, "o")
    for number in range(250):
        audit.add("fetch", str(number))
    write = store.write_entities
    times = iter([False, True])

    def failing(table: str, writes: list[Write]) -> None:
        if next(times, False):
            raise HttpResponseError("storage is down")
        write(table, writes)

    monkeypatch.setattr(store, "write_entities", failing)
    with pytest.raises(HttpResponseError):
        audit.flush()
    audit.flush()
    assert len(rows(store, "audit202611", "20261123")) == 250


def test_the_story_of_a_record(world: World) -> None:
    """From the batch that a push names one comes to the fetch of it: request, size, count, Xero's request id."""
    world.connect()
    world.settle()
    world.edit(2, Reference="new")
    world.settle()
    push = world.audit("push", "done")[-1]
    [fetch] = [row for row in world.audit("fetch", "landed") if row["batches"] == push["batches"]]
    assert (fetch["resource"], fetch["count"], fetch["why"]) == ("Invoices", 1, "webhook")
    assert len(fetch["request_id"]) == 36
    assert fetch["bytes"] > 500
    posts = [row for row in world.audit("post") if row["operation"] == push["operation"]]
    assert {row["resource"]: row["count"] for row in posts} == {"Invoices": 1, "Lines": 2, "OpenItems": 1}
    assert all(len(row["request_id"]) == 36 for row in posts)


def test_every_step_leaves_a_row(world: World) -> None:
    """Consent, dataset, fetches, reads, posts, pushes, webhooks and refreshes are all told."""
    world.connect()
    world.settle()
    world.edit(2, Reference="new")
    world.advance(21 * 60)
    world.refresh()
    world.settle()
    told = {row["what"] for row in world.audit()}
    assert told >= {"connect", "dataset", "fetch", "read", "post", "push", "webhook", "refresh"}
    assert all(row["operation"] and row["at"] and row["outcome"] for row in world.audit())


def test_counts_agree(world: World) -> None:
    """What the audit says was posted is what Power BI holds."""
    world.load(books.small_books(invoices=12))
    world.connect()
    world.settle()
    for table in ("Invoices", "Lines", "Payments", "Contacts", "Accounts", "Organisations"):
        posted = sum(row["count"] for row in world.audit("post", "done") if row["resource"] == table)
        assert posted == len(world.rows(table))


def test_a_failed_run_leaves_its_rows(world: World) -> None:
    """A run that ends in a fault that nobody foresaw still writes what it did until then."""
    world.connect()
    world.settle()
    world.edit(2, Reference="new")
    message = world.receive()
    assert message is not None
    world.vault.set("powerbi-client-secret", {"value": "wrong"})
    world.restart()
    world.honour(message.text)
    assert world.audit("fetch", "landed")[-1]["why"] == "webhook"
    assert world.audit("push", "ask")[-1]["error"].startswith("Entra gives no token: the secret is wrong")


def test_a_lost_answer_of_storage_costs_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were written, and whose answer was lost, are written again and are there once."""
    clock = ManualClock()
    store = MemoryStore(clock)
    audit = Audit(store, clock, "operation")
    audit.add("fetch", "landed")
    usual = store.write_entities

    def lost(table: str, writes: Sequence[Write]) -> None:
        usual(table, writes)
        raise HttpResponseError("storage did not answer")

    monkeypatch.setattr(store, "write_entities", lost)
    with pytest.raises(HttpResponseError):
        audit.flush()
    monkeypatch.setattr(store, "write_entities", usual)
    audit.flush()
    assert len(rows(store, f"audit{clock.now():%Y%m}", f"{clock.now():%Y%m%d}")) == 1
