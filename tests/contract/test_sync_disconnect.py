"""Leaving: an organisation is disconnected, whatever happens on the way, and others go on."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.state import checkpoints, connections, outbox
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import QUEUE
from shared.sync import poll
from shared.sync.disconnect import disconnect
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.offices import (
    AUCKLAND,
    NAMES,
    PERTH,
    SYDNEY,
    TOGETHER,
    counts,
    differences,
    join,
    leave,
    load,
    organisation,
    settle,
    unsettled,
)
from tests.support.servers import Call
from tests.support.world import World

NewWorld = Callable[..., World]


def remains(world: World, tenant_id: str) -> dict[str, object]:
    """What the storage and Xero still have of an office's connection and of how far it was read."""
    found: dict[str, object] = {
        name: stored.entity
        for name in RESOURCES
        if (stored := world.store.get_entity("checkpoints", tenant_id, name))
    }
    found |= {blob.name: blob for blob in world.store.list_blobs("reads", f"{tenant_id}/")}
    if stored := world.store.get_entity("connections", connections.PARTITION, tenant_id):
        found["connection"] = stored.entity
    return found | {
        each.id: each for each in world.xero.identity.connections.values() if each.tenant_id == tenant_id
    }


def test_leaving(offices: World) -> None:
    """A disconnected organisation is gone from Xero's connections and from what is read; all others go on."""
    settle(offices)
    before = counts(offices, AUCKLAND)
    done = leave(offices, AUCKLAND)
    assert (done.organisation.name, done.token_set_ended, done.trouble) == (NAMES[AUCKLAND], False, "")
    assert remains(offices, AUCKLAND) == {}
    [row] = offices.audit("disconnect")
    assert (row["organisation"], row["outcome"]) == (AUCKLAND, "done")
    for tenant_id in NAMES:
        offices.change("Contacts", 1, tenant_id=tenant_id, Name="Renamed")
    offices.advance(15 * 60)
    settle(offices)
    assert (differences(offices, SYDNEY), differences(offices, PERTH)) == ([], [])
    assert counts(offices, AUCKLAND) == before


def test_the_last_of_a_consent_ends_its_tokens(offices: World) -> None:
    """With its last organisation a consent's tokens are ended at Xero, and are renewed no more."""
    done = leave(offices, PERTH)
    assert done.token_set_ended
    assert remains(offices, PERTH) == {}
    assert offices.xero.statistics.as_dict()["by_path"]["POST /connect/revocation"] == 1
    tokens = offices.connector.secrets().token_set(done.organisation.token_set)
    offices.advance(25 * 60)
    offices.refresh()
    assert offices.connector.secrets().token_set(done.organisation.token_set, fresh=True) == tokens
    assert {row["why"] for row in offices.audit("refresh")} == {
        f"token set {organisation(offices, SYDNEY).token_set}"
    }


def test_what_is_pending_of_it_is_ignored(offices: World) -> None:
    """Batches that had landed before are done with and told, and hold up nothing."""
    offices.poll()
    leave(offices, AUCKLAND)
    offices.drain_queue()
    assert list(outbox.pending(offices.store, DEFAULT_DATASET)) == []
    ignored = offices.audit("push", "ignored")
    assert {(row["organisation"], row["why"]) for row in ignored} == {(AUCKLAND, "not connected any more")}
    assert not any(counts(offices, AUCKLAND).values())
    assert (differences(offices, SYDNEY), differences(offices, PERTH)) == ([], [])


def test_a_webhook_in_progress_while_it_leaves(offices: World) -> None:
    """Ids that are being fetched of an organisation that is disconnected meanwhile come to nothing, and ask nobody."""
    settle(offices)
    before = counts(offices, AUCKLAND)
    offices.change("Invoices", 1, tenant_id=AUCKLAND, Reference="unseen")
    offices.webhook([("INVOICE", books.record_id("Invoices", 1))], tenant_id=AUCKLAND)
    operator = offices.mortal(Life())

    def meanwhile(call: Call) -> None:
        offices.on_xero_call = lambda call: None
        disconnect(operator, organisation(offices, AUCKLAND))

    offices.on_xero_call = meanwhile
    offices.drain_queue()
    assert [row["organisation"] for row in offices.audit("fetch", "ended")] == [AUCKLAND]
    assert offices.audit("fetch", "ask") == []
    assert (remains(offices, AUCKLAND), counts(offices, AUCKLAND)) == ({}, before)
    assert unsettled(offices) == ""


def test_its_webhooks_are_counted_and_ignored(offices: World) -> None:
    """What Xero still tells of it is an unknown organisation's, and so are ids that were queued before."""
    settle(offices)
    key = books.record_id("Invoices", 1)
    offices.webhook([("INVOICE", key)], tenant_id=AUCKLAND)
    leave(offices, AUCKLAND)
    calls = len(offices.calls)
    assert offices.webhook([("INVOICE", key)], tenant_id=AUCKLAND) == 0
    [row] = offices.audit("webhook", "ignored")
    assert (row["why"], row["count"]) == ("unknown organisation", 1)
    offices.drain_queue()
    assert len(offices.calls) == calls
    assert [row["organisation"] for row in offices.audit("fetch", "ignored")] == [AUCKLAND]


def test_connected_again_only_what_differs_is_pushed(offices: World) -> None:
    """Back in the same dataset its history is read again, and only what changed meanwhile gets rows."""
    settle(offices)
    before = counts(offices, AUCKLAND)
    leave(offices, AUCKLAND)
    offices.change("Contacts", 2, tenant_id=AUCKLAND, Name="Renamed")
    offices.calls.clear()
    join(offices)
    settle(offices)
    assert {call.resource for call in offices.calls if not call.modified_since} >= {"Contacts", "Invoices"}
    assert differences(offices, AUCKLAND) == []
    assert counts(offices, AUCKLAND) == before | {"Contacts": before["Contacts"] + 1}


def test_connected_again_into_another_dataset(offices: World) -> None:
    """There everything is pushed; what the first dataset had stays there as it was."""
    settle(offices)
    before = counts(offices, AUCKLAND)
    leave(offices, AUCKLAND)
    join(offices, into="islands")
    settle(offices)
    assert differences(offices, AUCKLAND, "islands") == []
    assert counts(offices, AUCKLAND, "islands") == counts(offices, AUCKLAND) == before
    assert counts(offices, SYDNEY, "islands") == dict.fromkeys(before, 0)
    assert organisation(offices, SYDNEY).dataset == DEFAULT_DATASET

    offices.change("Contacts", 1, tenant_id=AUCKLAND, Name="Renamed")
    leave(offices, AUCKLAND)
    join(offices)
    settle(offices)
    assert differences(offices, AUCKLAND) == []
    # Of the contact as the mirror had it and as Xero has it, both in one round, the newer alone is pushed.
    assert counts(offices, AUCKLAND) == {table: 2 * count for table, count in before.items()}


def test_what_lands_late_does_not_follow_into_another_dataset(offices: World) -> None:
    """Batches that wait for the dataset of before are not pushed there once the organisation goes into another."""
    offices.poll()
    leave(offices, AUCKLAND)
    join(offices, into="islands")
    settle(offices)
    assert not any(counts(offices, AUCKLAND).values())
    assert differences(offices, AUCKLAND, "islands") == []
    assert {row["why"] for row in offices.audit("push", "ignored")} == {"moved to another dataset"}


def test_a_crash_at_every_effect_of_leaving(new_world: NewWorld) -> None:
    """Killed anywhere and begun again, a disconnection is whole; killed and never begun again, a connect puts it right."""
    world = new_world(settings=TOGETHER | {"XERO_PAGE_SIZE": "2"})
    load(world, PERTH, user="user-2", plain=True)
    join(world, user="user-2")
    settle(world)
    load(world, SYDNEY, plain=True)
    join(world)
    # In the middle of a history, so that there are ids of pages to forget.
    world.poll(seconds=0.6)
    world.drain_queue()
    assert any(world.store.list_blobs(checkpoints.CONTAINER, f"{SYDNEY}/"))
    again = world.snapshot()
    whole = Life()
    disconnect(world.mortal(whole), organisation(world, SYDNEY))
    assert remains(world, SYDNEY) == {}
    assert whole.effects > 20
    for effect in range(whole.effects):
        for repeated in (True, False):
            again()
            with pytest.raises(Killed):
                disconnect(world.mortal(Life(effect)), organisation(world, SYDNEY))
            if repeated:
                world.poll()
                leave(world, SYDNEY)
                assert remains(world, SYDNEY) == {}, effect
                assert world.audit("disconnect", "done")
                world.drain_queue()
                assert list(outbox.pending(world.store, DEFAULT_DATASET)) == []
            if effect % 6 == 0 or not repeated:
                join(world)
                settle(world)
                assert differences(world, SYDNEY) == differences(world, PERTH) == [], effect


@pytest.mark.parametrize("resource", ["Organisation", "Contacts", "Invoices", "Payments"])
@pytest.mark.parametrize("last", [False, True])
def test_a_poll_in_progress_ends_cleanly(new_world: NewWorld, resource: str, last: bool) -> None:
    """A run that reads an organisation while it is disconnected ends, asks nobody, and leaves no half of it behind.

    last: of its consent, whose tokens end with it.
    """
    world = new_world(settings=TOGETHER | {"XERO_PAGE_SIZE": "2"})
    load(world, SYDNEY, *([] if last else [AUCKLAND]))
    join(world)
    operator = world.mortal(Life())

    def meanwhile(call: Call) -> None:
        # Organisations are read side by side: another one's call would come at any moment of this one's.
        if call.resource == resource and call.tenant_id == SYDNEY:
            world.on_xero_call = lambda call: None
            disconnect(operator, organisation(world, SYDNEY))

    world.on_xero_call = meanwhile
    world.poll()
    assert remains(world, SYDNEY) == {}
    assert world.audit("poll", "ask") == []
    assert {row["organisation"] for row in world.audit("poll", "ended")} == {SYDNEY}
    if not last:
        settle(world)
        assert differences(world, AUCKLAND) == []
    join(world)
    settle(world)
    assert differences(world, SYDNEY) == []


@pytest.mark.parametrize("status", [429, 400, 503])
def test_a_call_that_fails_while_it_leaves(
    offices: World, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is put off for an organisation that is disconnected during a call that fails: there is nothing of it left."""
    monkeypatch.setattr(poll, "ORGANISATIONS_AT_ONCE", 1)
    operator = offices.mortal(Life())

    def meanwhile(call: Call) -> None:
        offices.on_xero_call = lambda call: None
        for tenant_id in NAMES:
            disconnect(operator, organisation(offices, tenant_id))
        offices.xero_fault("status", status=status, times=len(NAMES))

    offices.on_xero_call = meanwhile
    offices.poll()
    assert [remains(offices, each) for each in NAMES] == [{}, {}, {}]
    assert offices.audit("poll", "ended")


def test_a_poll_begins_nothing_for_one_that_left(offices: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that knows it from before asks Xero nothing more, once the organisation is disconnected."""
    monkeypatch.setattr(poll, "ORGANISATIONS_AT_ONCE", 1)
    before: list[int] = []

    def meanwhile(call: Call) -> None:
        offices.on_xero_call = lambda call: None
        operator = offices.mortal(Life())
        for tenant_id in NAMES:
            disconnect(operator, organisation(offices, tenant_id))
        before.append(len(offices.calls))

    offices.on_xero_call = meanwhile
    offices.poll()
    assert len(offices.calls) == before[0]
    assert [remains(offices, each) for each in NAMES] == [{}, {}, {}]


def test_leaving_with_a_dead_consent(offices: World) -> None:
    """Without tokens that Xero takes the organisation is disconnected here, and what is left to do at Xero is said."""
    tokens = offices.connector.secrets().token_set(organisation(offices, PERTH).token_set)
    offices.xero.identity._sets.clear()
    offices.xero.identity._access.clear()
    done = leave(offices, PERTH)
    assert "Xero refuses the token" in done.trouble
    assert not done.token_set_ended
    assert connections.find(offices.store, PERTH) is None
    [row] = offices.audit("disconnect")
    assert row["error"] == done.trouble

    offices.advance(2 * 3600)
    done = leave(offices, SYDNEY)
    assert "does not accept" in done.trouble
    assert connections.find(offices.store, SYDNEY) is None
    for word in (tokens.access_token, tokens.refresh_token):
        assert word not in str(offices.audit())


def test_leaving_when_the_timer_stands_still(offices: World) -> None:
    """Tokens that ran out only because nobody renewed them are renewed first, so that Xero can be told."""
    offices.advance(3600)
    done = leave(offices, AUCKLAND)
    assert done.trouble == ""
    assert remains(offices, AUCKLAND) == {}
    settle(offices)
    assert differences(offices, SYDNEY) == []


@pytest.mark.parametrize(
    ("path", "kind"), [("/connections/.*", "reset"), ("/connections/.*", "status"), ("/connect/.*", "status")]
)
def test_leaving_while_xero_is_down(offices: World, path: str, kind: str) -> None:
    """When Xero cannot be told it is said, and the organisation is disconnected here all the same."""
    offices.xero_fault(kind, path=path, status=503, times=5)
    done = leave(offices, PERTH)
    assert done.trouble
    assert not done.token_set_ended
    assert connections.find(offices.store, PERTH) is None


def test_nobody_is_asked_for_a_dataset_that_nobody_goes_into(offices: World) -> None:
    """When everybody has left a dataset that was never made, no message about it goes round any more."""
    leave(offices, PERTH)
    connections.save(offices.store, replace(organisation(offices, AUCKLAND), dataset="islands"))
    offices.poll()
    offices.drain_queue()
    [asked] = offices.audit("push", "ask")
    assert "manage.py dataset create islands" in asked["error"]
    leave(offices, AUCKLAND)
    for _ in range(3):
        offices.advance(3601)
        offices.refresh()
        offices.drain_queue()
    assert len(offices.audit("push", "ask")) == 1
    assert offices.store.queue_length(QUEUE) == 0


def test_how_far_it_was_read_is_forgotten(offices: World) -> None:
    """After leaving there is no checkpoint, so that a new connection begins with the history."""
    settle(offices)
    assert all(checkpoints.load(offices.store, PERTH, name).history for name in offices.connector.resources)
    leave(offices, PERTH)
    assert not any(checkpoints.load(offices.store, PERTH, name).etag for name in RESOURCES)
    assert unsettled(offices) == ""
