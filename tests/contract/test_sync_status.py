"""SyncStatus: what a report knows of its own freshness, through poll and push."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.audit import Audit
from shared.errors import OutcomeUnknown
from shared.state import checkpoints, connections, outbox, published, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.sink import Writer
from shared.sync.status import post_status
from shared.tables import TABLES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.offices import AUCKLAND, SYDNEY, join, leave
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
DAY = 86400.0


def told(world: World, table: str = "Invoices", *, tenant_id: str = books.TENANT) -> dict[str, Any]:
    """The current status of a table, in the dataset that is there."""
    world.dataset_id = sink.read(world.store, DEFAULT_DATASET).powerbi_id
    rows = [row for row in world.rows("SyncStatus") if row["StatusKey"] == f"{tenant_id}|{table.lower()}"]
    return max(rows, key=lambda row: row["RowVersion"]) if rows else {}


def status_posts(world: World) -> int:
    return len(world.posts("SyncStatus"))


def run(world: World) -> None:
    """A minute's runs of the timers and the queue."""
    world.refresh()
    world.poll()
    world.drain_queue()


def pass_minutes(world: World, minutes: int) -> None:
    for _ in range(minutes):
        world.advance(MINUTES)
        run(world)


def post(world: World, *, rebuilding: str = "", connector: Any = None, **more: Any) -> None:
    ours = connector or world.connector
    audit: Audit = ours.audit()
    with Writer.take(ours.store, ours.clock, DEFAULT_DATASET) as writer:
        post_status(ours, writer, audit, rebuilding=rebuilding, **more)


def test_every_table_has_a_status_once_the_history_is_there(settled: World) -> None:
    """One row a table, fresh as of when its read began, by Xero's clock; none where nothing is read."""
    assert {row["TableName"] for row in settled.rows("SyncStatus")} == set(TABLES)
    read = checkpoints.load(settled.store, books.TENANT, "Invoices")
    assert read.completed_at is not None
    fresh = told(settled)["FreshAsOf"]
    assert fresh == f"{read.fresh_as_of:%Y-%m-%dT%H:%M:%S}"
    assert fresh < f"{read.completed_at:%Y-%m-%dT%H:%M:%S.%f}"
    assert {name for name in TABLES if told(settled, name)["FreshAsOf"] is None} == {
        *("Journals", "TrialBalance", "ProfitAndLoss"),
        *("Calendar", "AsAt", "AgingBuckets", "SyncStatus"),
    }
    row = told(settled)
    # 9 o'clock in the morning, UTC, is the same day's evening in Sydney.
    assert (row["Today"], row["StartDate"]) == ("2026-11-23T00:00:00", "2026-01-01T00:00:00")
    assert (row["IsRebuilding"], row["IsVerified"], row["Quarantined"]) == (False, None, 0)
    assert (row["Parked"], row["Trouble"]) == (None, None)


def test_no_table_is_fresh_before_its_history_is_complete(new_world: NewWorld) -> None:
    """A table of several resources waits for the last of them."""
    world = new_world()
    world.connect()
    world.xero_fault("status", r"/api\.xro/2\.0/CreditNotes", status=503, times=5)
    run(world)
    assert told(world)["FreshAsOf"] is not None
    assert told(world, "CreditNotes")["FreshAsOf"] is None
    assert told(world, "Lines")["FreshAsOf"] is None
    assert "CreditNotes" in told(world, "Lines")["Trouble"]
    world.settle()
    pass_minutes(world, 6)
    assert told(world, "Lines")["FreshAsOf"] is not None
    assert told(world, "Lines")["Trouble"] is None


def test_freshness_moves_with_a_read_that_found_nothing(settled: World) -> None:
    """No batch tells of it, so poll wakes the dataset; a table of several resources is as fresh as the oldest read."""
    before, lines = told(settled)["FreshAsOf"], told(settled, "Lines")["FreshAsOf"]
    batches = list(outbox.pending(settled.store, DEFAULT_DATASET))
    pass_minutes(settled, 16)
    assert told(settled)["FreshAsOf"] > before
    assert told(settled, "Lines")["FreshAsOf"] == lines
    assert list(outbox.pending(settled.store, DEFAULT_DATASET)) == batches == []
    pass_minutes(settled, 16)
    assert told(settled, "Lines")["FreshAsOf"] > lines


def test_a_webhook_leaves_the_freshness_where_it_was(settled: World) -> None:
    """It brings one record, and says nothing of the others; no status is pushed for it."""
    before, posts = told(settled), status_posts(settled)
    settled.edit(1, Reference="edited")
    settled.drain_queue()
    assert settled.current("Invoices", 1)[0]["Reference"] == "edited"
    assert (told(settled), status_posts(settled)) == (before, posts)


def test_nothing_new_is_not_told(settled: World) -> None:
    """While no read ends and nothing happens, the dataset is not woken and no status is pushed."""
    pass_minutes(settled, 6)
    posts = status_posts(settled)
    pass_minutes(settled, 5)
    assert status_posts(settled) == posts
    assert settled.store.queue_length("push") == 0


def test_a_pending_batch_holds_the_freshness_back(settled: World) -> None:
    """A read is only told once what it found is in Power BI."""
    before = told(settled)["FreshAsOf"]
    settled.change("Invoices", 1, Reference="late")
    settled.advance(16 * MINUTES)
    settled.refresh()
    settled.poll()
    assert list(outbox.pending(settled.store, DEFAULT_DATASET))
    post(settled)
    assert told(settled)["FreshAsOf"] == before
    assert told(settled, "BankTransactions")["FreshAsOf"] > before
    settled.drain_queue()
    pass_minutes(settled, 6)
    assert told(settled)["FreshAsOf"] > before


def test_quarantined_records_are_counted(settled: World) -> None:
    """A record that is kept out is told at once with each table that lacks it, and no more once it is mended."""
    settled.change("Invoices", 1, Total="many")
    settled.webhook([("INVOICE", books.record_id("Invoices", 1))])
    settled.drain_queue()
    assert quarantine.listed(settled.store, books.TENANT, "Invoices")
    assert [told(settled, name)["Quarantined"] for name in ("Invoices", "Lines", "Contacts")] == [1, 1, 0]
    settled.change("Invoices", 1, Total=100)
    settled.webhook([("INVOICE", books.record_id("Invoices", 1))])
    settled.drain_queue()
    assert [told(settled, name)["Quarantined"] for name in ("Invoices", "Lines")] == [0, 0]


def test_an_unreadable_batch_is_waited_for(settled: World) -> None:
    """A batch that cannot be read is told with its table, whose freshness stays before it."""
    before = told(settled)["FreshAsOf"]
    settled.change("Invoices", 1, Reference="lost")
    settled.advance(16 * MINUTES)
    settled.refresh()
    settled.poll()
    [blob] = outbox.pending(settled.store, DEFAULT_DATASET)
    settled.store.put_blob(outbox.CONTAINER, f"pending/{DEFAULT_DATASET}/{blob.name}", b"torn")
    settled.drain_queue()
    assert "Invoices: 1 batches" in told(settled)["Parked"]
    assert told(settled)["FreshAsOf"] == before


def test_a_lost_consent_is_told(settled: World) -> None:
    """Every table that is read waits for a person, until the user connects again."""
    organisation = connections.find(settled.store, books.TENANT)
    assert organisation is not None
    connections.mark_consent_lost(settled.store, organisation)
    run(settled)
    assert "connect" in told(settled)["Parked"]
    assert told(settled, "Calendar")["Parked"] is None
    settled.connect()
    run(settled)
    assert told(settled)["Parked"] is None


def test_what_waits_for_a_person_is_told(settled: World) -> None:
    """So many records vanished that a person must look; the tables that they feed say so."""
    settled.vanish("Items", 1)
    settled.environment["VANISHED_AT_MOST"] = "0"
    settled.restart()
    settled.advance(241 * MINUTES)
    run(settled)
    assert "VANISHED_AT_MOST" in told(settled, "Items")["Parked"]
    assert told(settled)["Parked"] is None


def test_a_full_table_is_told_beside_the_outbox(new_world: NewWorld) -> None:
    """What is full holds up everything in the outbox, so that the status does not wait behind it; it is told once."""
    world = new_world()
    world.connect()
    world.settle()
    world.environment["POWERBI_ROWS_PER_TABLE"] = "1000"
    world.restart()
    # Each try counts nothing, since it is refused before.
    with Writer.take(world.store, world.clock, DEFAULT_DATASET) as writer:
        writer.reserve(1, (), {"Invoices": 1000})
    world.edit(1, Reference="no room")
    world.drain_queue()
    assert "POWERBI_ROWS_PER_TABLE" in told(world)["Parked"]
    assert told(world, "Contacts")["Parked"] is None
    posts = status_posts(world)
    world.advance(61 * MINUTES)
    world.drain_queue()
    assert world.audit("push", "ask")
    assert status_posts(world) == posts
    world.environment["POWERBI_ROWS_PER_TABLE"] = "100000"
    world.restart()
    world.advance(61 * MINUTES)
    run(world)
    assert told(world)["Parked"] is None


def test_today_is_each_organisations_own(offices: World) -> None:
    """At 12 o'clock UTC it is still today in Sydney, and tomorrow in Auckland."""
    offices.settle()
    offices.advance(3 * 3600)
    offices.settle()
    run(offices)
    days = [told(offices, tenant_id=tenant_id)["Today"][:10] for tenant_id in (SYDNEY, AUCKLAND)]
    assert days == ["2026-11-23", "2026-11-24"]


@pytest.mark.parametrize("timezone", ["NOWHERESTANDARDTIME", None])
def test_an_unknown_time_zone_is_told(new_world: NewWorld, timezone: str | None) -> None:
    """Then the operator's own day is shown, and the report says so."""
    world = new_world(settings={"TIME_ZONE": "Pacific/Kiritimati"})
    found = books.small_books()
    found["Organisation"][0]["Timezone"] = timezone
    world.load(found)
    world.advance(3 * 3600)
    world.connect()
    world.settle()
    run(world)
    assert told(world)["Today"] == "2026-11-24T00:00:00"
    assert "TIME_ZONE" in told(world, "Organisations")["Trouble"]
    assert told(world)["Trouble"] is None


def test_a_rebuild_is_told_at_once_and_taken_back(settled: World) -> None:
    """Whoever rebuilds a table says so before it is emptied; the next drain finds that it is over, and says that too."""
    before = {row["RowVersion"] for row in settled.rows("SyncStatus")}
    post(settled, rebuilding="Lines")
    assert told(settled, "Lines")["IsRebuilding"] is True
    assert told(settled)["IsRebuilding"] is False
    assert told(settled, "Lines")["RowVersion"] > max(before)
    settled.edit(1, Reference="more")
    settled.drain_queue()
    assert told(settled, "Lines")["IsRebuilding"] is False


def test_a_status_whose_post_is_lost_is_told_again(settled: World) -> None:
    """The mirror does not take for told what may have landed or not."""
    for commits in (True, False):
        settled.powerbi_fault("reset", "SyncStatus", times=3, commits=commits)
        with pytest.raises(OutcomeUnknown):
            post(settled, rebuilding="Lines")
        settled.powerbi_faults.clear()
        settled.edit(1, Reference=str(commits))
        settled.advance(MINUTES)
        settled.drain_queue()
        assert told(settled, "Lines")["IsRebuilding"] is False


@pytest.mark.parametrize("commits", [True, False])
def test_a_freshness_whose_post_is_lost_is_told_again(settled: World, commits: bool) -> None:
    """Though it is the same as the mirror has by then: a status without a hash is one that nobody may have."""
    before = told(settled)["FreshAsOf"]
    settled.advance(16 * MINUTES)
    settled.refresh()
    settled.poll()
    settled.powerbi_fault("reset", "SyncStatus", times=3, commits=commits)
    with pytest.raises(OutcomeUnknown):
        post(settled)
    settled.powerbi_faults.clear()
    posts = status_posts(settled)
    settled.drain_queue()
    assert status_posts(settled) == posts + 1
    assert told(settled)["FreshAsOf"] > before
    settled.edit(1, Reference="more")
    settled.drain_queue()
    assert status_posts(settled) == posts + 1


def test_a_full_table_whose_post_is_lost_is_told_again(settled: World) -> None:
    """The next try to push what has no room tells it, and the one after that does not."""
    settled.environment["POWERBI_ROWS_PER_TABLE"] = "3000"
    settled.restart()
    with Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.reserve(1, (), {"Invoices": 3000})
    settled.powerbi_fault("reset", "SyncStatus", times=3, commits=False)
    settled.edit(1, Reference="no room")
    settled.drain_queue()
    assert told(settled)["Parked"] is None
    settled.powerbi_faults.clear()
    for _ in range(2):
        settled.advance(61 * MINUTES)
        settled.refresh()
        settled.drain_queue()
        assert "POWERBI_ROWS_PER_TABLE" in told(settled)["Parked"]
    versions = {row["RowVersion"] for row in settled.rows("SyncStatus") if row["TableName"] == "Invoices"}
    assert len(versions) == 2


def test_a_process_killed_while_it_tells_leaves_no_false_status(settled: World) -> None:
    """Killed anywhere in a POST beside the outbox, the next drain shows what is true."""
    again = settled.snapshot()
    whole = Life()
    post(settled, rebuilding="Lines", connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            post(settled, rebuilding="Lines", connector=settled.mortal(Life(effect)))
        settled.advance(2 * MINUTES)
        settled.edit(1, Reference="after")
        settled.drain_queue()
        assert told(settled, "Lines")["IsRebuilding"] is False, effect
        assert settled.differences() == []


def test_a_process_killed_while_it_publishes_tells_in_the_end(settled: World) -> None:
    """Killed anywhere between landing a status and having told it, the next runs tell it."""
    settled.change("Invoices", 1, Total="many")
    settled.advance(16 * MINUTES)
    settled.refresh()
    settled.poll()
    message = settled.receive()
    assert message is not None
    again = settled.snapshot()
    whole = Life()
    settled.honour(message.text, connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.honour(message.text, connector=settled.mortal(Life(effect)))
        pass_minutes(settled, 3)
        assert told(settled)["Quarantined"] == 1, effect


def test_a_disconnected_organisation_is_told_anew_when_it_returns(offices: World) -> None:
    """What was last published is forgotten with the checkpoints; connected again, its tables are told as they are."""
    offices.settle()
    leave(offices, AUCKLAND)
    for resource in ("Calendar", "AgingBuckets", "SyncStatus"):
        assert published.load(offices.store, AUCKLAND, resource).said == ""
        assert published.load(offices.store, SYDNEY, resource).said != ""
    assert told(offices, tenant_id=AUCKLAND)
    rows = len(offices.rows("Calendar"))
    join(offices)
    run(offices)
    offices.settle()
    pass_minutes(offices, 6)
    assert told(offices, tenant_id=AUCKLAND)["FreshAsOf"] is not None
    # The same days are no news.
    assert len(offices.rows("Calendar")) == rows


def test_posts_of_a_quiet_day(settled: World) -> None:
    """By default settings reads fall due together, so that four status POSTs an hour tell of them all, 96 a day."""
    pass_minutes(settled, 30)
    before, rows = status_posts(settled), len(settled.rows("SyncStatus"))
    pass_minutes(settled, QUIET_HOURS * 60)
    posts, pushed = status_posts(settled) - before, len(settled.rows("SyncStatus")) - rows
    assert QUIET_HOURS * 4 - 1 <= posts <= QUIET_HOURS * 4 + 1
    assert posts <= pushed <= posts * len(TABLES) / 2


def test_a_read_each_minute_is_told_each_fifth(new_world: NewWorld) -> None:
    """However often something is read, the freshness alone costs twelve POSTs an hour at most, or as many as are allowed."""
    for minutes, most in (("5", 12), ("20", 3)):
        world = new_world(settings={"POLL_MINUTES": "1", "STATUS_MINUTES": minutes, "XERO_DAY_LIMIT": "5000"})
        world.load(books.plain_books())
        world.connect()
        world.settle()
        before = status_posts(world)
        pass_minutes(world, 60)
        assert 0 < status_posts(world) - before <= most


# Of the day's 24; every hour is like the others.
QUIET_HOURS = 4
