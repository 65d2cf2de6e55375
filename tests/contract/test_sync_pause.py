"""Pauses: nothing is read or pushed meanwhile, nothing is lost, no message goes round, and no consent runs out."""

from datetime import timedelta

import pytest

from shared.errors import BadWebhook
from shared.state import connections, messages, outbox, sink
from shared.state.connections import DEFAULT_DATASET, EVERYTHING
from shared.state.messages import QUEUE
from shared.sync import pause as pausing
from shared.sync import receive, superseded
from shared.sync.pause import pause, resume
from shared.sync.sweep import sweep
from shared.xero import wire
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.offices import AUCKLAND, SYDNEY, settle
from tests.support.servers import Call
from tests.support.world import World

DAY = 24 * 3600


def parked(world: World) -> set[str]:
    """What the report says of what waits for a person, of the table of invoices."""
    rows = [row for row in world.rows("SyncStatus") if row["TableName"] == "Invoices"]
    newest = max(rows, key=lambda row: row["RowVersion"])
    return {newest["Parked"] or ""}


def calls(world: World) -> int:
    return len(world.calls)


def outbox_of(world: World, number: int, reference: str) -> bytes:
    """Xero's answer for an invoice of Sydney, as it is, with another reference."""
    record = dict(world.mirrored("Invoices", tenant_id=SYDNEY)[books.record_id("Invoices", number)])
    return wire.encode({"Invoices": [record | {"Reference": reference}]})


def test_nothing_is_read_of_what_is_paused(settled: World) -> None:
    """No call is made for a paused organisation however much is due; the first poll after the end finds what changed."""
    world = settled
    assert pause(world.connector, books.TENANT, "stocktaking")
    world.change("Invoices", 2, Reference="changed in the pause")
    before = calls(world)
    for _ in range(3):
        world.advance(DAY)
        world.refresh()
        world.poll()
        world.drain_queue()
    assert calls(world) == before
    assert resume(world.connector, books.TENANT)
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] == "changed in the pause"
    assert world.differences() == []


def test_a_pause_ends_a_run_at_its_next_call(connected: World) -> None:
    """A history that is being read stops after the call under way, and goes on where it was."""
    world = connected

    def stop(call: Call) -> None:
        pause(world.connector, books.TENANT)

    world.on_xero_call = stop
    before = calls(world)
    world.poll()
    assert calls(world) == before + 1
    world.on_xero_call = lambda call: None
    resume(world.connector, books.TENANT)
    world.connect()
    world.settle()
    assert world.differences() == []


def test_webhooks_are_answered_and_counted(settled: World) -> None:
    """A delivery for a paused organisation queues nothing, leaves its count in the audit, and its record is read later."""
    world = settled
    pause(world.connector, books.TENANT)
    world.change("Invoices", 3, Reference="told of by a webhook")
    assert world.webhook([("INVOICE", books.record_id("Invoices", 3))]) == 0
    assert world.store.queue_length(QUEUE) == 0
    [row] = world.audit("webhook", "paused")
    assert (row["organisation"], row["resource"], row["count"]) == (books.TENANT, "Invoices", 1)
    resume(world.connector, books.TENANT)
    world.poll()
    world.drain_queue()
    assert world.current("Invoices", 3)[0]["Reference"] == "told of by a webhook"


def test_a_delivery_that_xero_did_not_sign_is_refused_in_a_pause_too(settled: World) -> None:
    """A pause opens nothing."""
    pause(settled.connector)
    body, _ = settled.delivery([("INVOICE", books.record_id("Invoices", 3))])
    with pytest.raises(BadWebhook) as refused:
        receive.receive_webhook(settled.connector, body, "c2lnbmF0dXJl")
    assert refused.value.status == 401


def test_ids_on_the_queue_wait_outside_of_it(settled: World) -> None:
    """Ids that were queued before the pause, or in doubt, are neither fetched nor handed over again until it is over."""
    world = settled
    world.change("Invoices", 2, touch=False, Reference="without a new stamp")
    ids = [books.record_id("Invoices", 2)]
    messages.send_ids(world.store, world.clock, books.TENANT, "Invoices", ids, "in doubt", "operation-1")
    pause(world.connector, books.TENANT)
    before = calls(world)
    assert world.drain_queue() == 1
    world.poll()
    world.drain_queue()
    assert (calls(world), world.store.queue_length(QUEUE)) == (before, 0)
    resume(world.connector, books.TENANT)
    world.drain_queue()
    assert world.current("Invoices", 2)[0]["Reference"] == "without a new stamp"


def test_others_go_on_and_what_landed_is_pushed(offices: World) -> None:
    """While one organisation is paused another is read and pushed, and so is what the paused one had landed."""
    world = offices
    settle(world)
    world.dataset_id = sink.read(world.store, DEFAULT_DATASET).powerbi_id
    world.change("Invoices", 1, tenant_id=AUCKLAND, Reference="of Auckland")
    world.land("Invoices", outbox_of(world, 2, "had landed"))
    pause(world.connector, SYDNEY)
    world.change("Invoices", 3, tenant_id=SYDNEY, Reference="of Sydney")
    world.advance(20 * 60)
    world.poll()
    world.drain_queue()
    found = {row["Reference"] for row in world.rows("Invoices")}
    assert {"of Auckland", "had landed"} <= found
    assert "of Sydney" not in found


def test_nothing_is_pushed_while_everything_is_paused(settled: World) -> None:
    """What landed stays in the outbox, the queue comes to rest and stays so, and the end pushes it."""
    world = settled
    world.edit(2, Reference="told of before")
    landed = world.change("Invoices", 3, Reference="landed before")
    world.land("Invoices", wire.encode({"Invoices": [landed]}))
    pause(world.connector, why="Power BI moves house")
    world.poll()
    world.drain_queue()
    posts, before = len(world.posts()), calls(world)
    handed = 0
    for _ in range(24):
        world.advance(3600)
        world.refresh()
        world.poll()
        handed += world.drain_queue()
    assert (len(world.posts()), calls(world)) == (posts, before)
    assert handed <= 2, "at most for a new day"
    assert len(list(outbox.pending(world.store, DEFAULT_DATASET))) == 1
    resume(world.connector)
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] == "told of before"
    assert world.differences() == []


@pytest.mark.parametrize("what", [books.TENANT, EVERYTHING])
def test_the_report_says_that_it_is_paused(settled: World, what: str) -> None:
    """SyncStatus says so, since when and why, within a poll, and no more when it is over."""
    world = settled
    assert parked(world) == {""}
    pause(world.connector, what, "stocktaking")
    world.poll()
    world.drain_queue()
    assert parked(world) == {f"paused since {world.clock.now():%F}: stocktaking"}
    resume(world.connector, what)
    world.settle()
    assert parked(world) == {""}
    assert world.differences() == []


def test_requests_wait_while_everything_is_paused(settled: World) -> None:
    """A compaction that was asked for is neither begun nor forgotten, and none is asked for by itself."""
    world = settled
    pause(world.connector)
    messages.ask(
        world.store, world.clock, DEFAULT_DATASET, "compact", "asked", "operation-1", table="Invoices"
    )
    world.drain_queue()
    for _ in range(3):
        world.advance(DAY)
        world.refresh()
        world.poll()
        world.drain_queue()
    assert world.audit("compact", "staged") == []
    resume(world.connector)
    world.drain_queue()
    assert [row["resource"] for row in world.audit("compact", "clean")] == ["Invoices"]


def test_no_compaction_is_asked_for(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are superseded, each poll of a pause of everything leaves the queue as it was."""
    monkeypatch.setattr(superseded, "due", lambda *arguments: [("Invoices", "many are superseded")])
    sweep(settled.connector)
    assert settled.store.queue_length(QUEUE) == 1
    settled.store.receive_messages(QUEUE, most=1, visibility=DAY)
    sweep(settled.connector, paused=True)
    assert settled.store.queue_length(QUEUE) == 1


def test_a_compaction_under_way_is_finished(settled: World) -> None:
    """A table that is empty when everything is paused is filled first, so that the report does not lack it for months."""
    world = settled
    messages.ask(
        world.store, world.clock, DEFAULT_DATASET, "compact", "asked", "operation-1", table="Invoices"
    )
    world.powerbi_fault("status", "Invoices", status=503, times=1)
    message = world.receive()
    assert message is not None
    world.honour(message.text)
    world.store.delete_message(QUEUE, message)
    assert sink.read(world.store, DEFAULT_DATASET).rebuild is not None
    pause(world.connector)
    for _ in range(5):
        world.advance(120)
        world.poll()
        world.drain_queue()
    assert sink.read(world.store, DEFAULT_DATASET).rebuild is None
    assert len(world.rows("Invoices")) == len(world.mirrored("Invoices"))


def test_a_pause_of_ninety_days(settled: World) -> None:
    """After 90 days with webhooks the tokens live, nothing has piled up, and all that changed is in Power BI."""
    world = settled
    pause(world.connector)
    before = calls(world)
    for day in range(0, 90, 9):
        world.advance(9 * DAY)
        world.refresh()
        world.edit(1 + day % 2, Reference=f"day {day}")
        world.poll()
        world.drain_queue()
    assert calls(world) == before
    assert world.store.queue_length(QUEUE) == 0
    [organisation] = connections.connected(world.store)
    assert not organisation.consent_lost
    resume(world.connector)
    world.settle()
    assert world.current("Invoices", 2)[0]["Reference"] == "day 81"
    assert world.differences() == []


def test_killed_at_any_step(settled: World) -> None:
    """Wherever pausing or resuming is killed, nothing is half done for longer than until the next poll."""
    world = settled
    ids = [books.record_id("Invoices", 2)]
    finished = 0
    for step in range(40):
        # Xero allows 60 calls a minute.
        world.advance(120)
        world.refresh()
        life = Life(step)
        mortal = world.mortal(life)
        with_ids = len(world.audit("fetch", "landed"))
        try:
            pause(mortal)
            messages.send_ids(
                world.store, world.clock, books.TENANT, "Invoices", ids, "in doubt", "operation"
            )
            world.drain_queue()
            resume(mortal)
        except Killed:
            pass
        else:
            finished += 1
        if EVERYTHING in connections.paused(world.store):
            resume(world.connector)
        world.poll()
        world.drain_queue()
        assert connections.paused(world.store) == {}
        assert world.store.queue_length(QUEUE) == 0
        assert list(world.store.list_blobs("reads", f"{books.TENANT}/put-off/")) == []
        if finished:
            assert len(world.audit("fetch", "landed")) > with_ids
            break
    assert finished == 1


def test_a_run_from_before_the_end_loses_nothing(settled: World) -> None:
    """What a run that read of the pause puts off after its end is brought back by the next poll; the mark goes later."""
    world = settled
    pause(world.connector, books.TENANT)
    resume(world.connector, books.TENANT)
    world.poll()
    world.drain_queue()
    late = messages.Ids(
        organisation=books.TENANT,
        resource="Invoices",
        ids=[books.record_id("Invoices", 2)],
        reason="replay",
        operation="operation-1",
        first_enqueued_at=world.clock.now(),
    )
    pausing.put_off(world.connector, late)
    world.poll()
    assert [row for row in world.audit("fetch") if row["why"] == "replay"] == []
    world.drain_queue()
    assert len([row for row in world.audit("fetch") if row["why"] == "replay"]) == 1
    world.advance((pausing.LOOK_ON + timedelta(minutes=1)).total_seconds())
    world.poll()
    assert connections.pauses(world.store) == []


def test_paused_again_before_the_end_is_complete(settled: World) -> None:
    """A new pause takes the place of the end of the last one."""
    world = settled
    pause(world.connector, books.TENANT, "first")
    assert not pause(world.connector, books.TENANT, "again")
    resume(world.connector, books.TENANT)
    assert pause(world.connector, books.TENANT, "second")
    world.poll()
    assert connections.paused(world.store)[books.TENANT].why == "second"
    assert not resume(world.connector, EVERYTHING)


def test_the_pause_of_an_organisation_outlasts_that_of_everything(settled: World) -> None:
    """Ending the pause of everything leaves those that are paused by themselves."""
    world = settled
    pause(world.connector, books.TENANT)
    pause(world.connector)
    resume(world.connector)
    before = calls(world)
    world.advance(DAY)
    world.refresh()
    world.poll()
    assert calls(world) == before
    assert set(connections.paused(world.store)) == {books.TENANT}
