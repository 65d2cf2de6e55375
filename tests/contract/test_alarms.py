"""Alarms: each situation raises exactly its own, its end ends it, and a day on which all is well raises none."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.powerbi.switches import Switches
from shared.state import connections, messages, mirror, proofs
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import POISON
from shared.state.proofs import Proof
from shared.state.sink import Writer
from shared.storage import Entity, Write
from shared.sync import alarms, health, lost, poll
from shared.sync.alarms import ALARMS, ask_for_test, tell_alarms
from shared.sync.dataset import ensure_dataset
from shared.sync.pause import pause, resume
from shared.sync.vitals import Health
from tests.support import books
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0
HOURS = 3600.0


def codes(world: World) -> set[str]:
    """The codes of the alarms that stand."""
    found = health.health(world.connector)
    assert all(each.since is not None and each.since <= found.at for each in found.alarms)
    return {each.code for each in found.alarms}


def run(world: World, *, minutes: float = 0, step: float = 5, tokens: bool = True) -> None:
    """Let the timers and the queue run for so long."""
    for _ in range(int(minutes // step) or 1):
        world.advance(step * MINUTES if minutes else 0)
        if tokens:
            world.refresh()
        world.poll()
        world.drain_queue()


def lines(caplog: pytest.LogCaptureFixture, begins: str = "alarm ") -> list[str]:
    return [each.getMessage() for each in caplog.records if each.getMessage().startswith(begins)]


# One situation each


def test_nothing_stands_when_all_is_well(settled: World) -> None:
    """A history that is in Power BI is no alarm, nor is one that is being read."""
    assert codes(settled) == set()


def test_a_history_under_way_is_no_alarm(new_world: NewWorld) -> None:
    """Before the first figures are there nothing is late."""
    world = new_world()
    world.load()
    world.connect()
    assert codes(world) == set()
    world.poll(seconds=0.3)
    assert codes(world) == set()


def test_not_polled(settled: World) -> None:
    """poll_timer stands still: within half an hour that is an alarm, and only that; its next run ends it."""
    for _ in range(2):
        settled.advance(14 * MINUTES)
        settled.refresh()
    assert codes(settled) == set()
    settled.advance(4 * MINUTES)
    assert codes(settled) == {"not-polled"}
    run(settled)
    assert codes(settled) == set()


def test_a_history_that_stands_still_is_not_polled(new_world: NewWorld) -> None:
    """Xero is down while the history is read: that is no patience for ever."""
    world = new_world()
    world.load()
    world.connect()
    world.xero_fault("status", status=503, times=10000)
    run(world, minutes=30)
    assert codes(world) == {"not-polled"}
    world.xero.faults.clear()
    world.settle()
    assert codes(world) == set()


def test_consent_lost(settled: World) -> None:
    """Xero refuses the organisation; until its user connects again that is the one alarm, whatever is late."""
    organisation = connections.find(settled.store, books.TENANT)
    assert organisation is not None
    connections.mark_consent_lost(settled.store, organisation)
    run(settled, minutes=60, step=30)
    assert codes(settled) == {"consent-lost"}
    settled.connect()
    run(settled)
    assert codes(settled) == set()


def test_token_refresh(settled: World) -> None:
    """Xero's token service is down for over half an hour; its words say what was answered."""
    settled.xero_fault("status", "/identity/.*|/connect/token", status=500, times=10000)
    run(settled, minutes=30)
    assert codes(settled) == set()
    run(settled, minutes=10)
    [alarm] = health.health(settled.connector).alarms
    assert (alarm.code, alarm.about) == ("token-refresh", "717677a2-1052-5fb1-9f10-981584261561")
    assert "59 of 60 days are left" in alarm.words
    assert "500" in alarm.words
    settled.xero.faults.clear()
    run(settled)
    run(settled)
    assert codes(settled) == set()


def test_stale(settled: World) -> None:
    """Xero answers for all but one resource: the tables that it feeds are stale, and no others."""
    settled.xero_fault("status", r"/api\.xro/2\.0/Invoices", status=503, times=10000)
    run(settled, minutes=40)
    found = health.health(settled.connector).alarms
    assert {each.code for each in found} == {"stale"}
    assert {each.about for each in found} == {"Invoices", "Lines", "OpenItems"}
    settled.xero.faults.clear()
    run(settled, minutes=20)
    assert codes(settled) == set()


def test_stale_by_power_bi(settled: World) -> None:
    """Power BI is down: what waits in the outbox is late after a quarter of an hour."""
    settled.powerbi_fault("status", status=503, times=10000)
    settled.edit(1, Reference="late")
    run(settled, minutes=10)
    assert codes(settled) == set()
    run(settled, minutes=10)
    assert codes(settled) == {"stale"}
    settled.powerbi_faults.clear()
    run(settled, minutes=10)
    assert codes(settled) == set()


def test_parked(settled: World) -> None:
    """Xero refuses a resource for good: it waits for a person, and its tables are not called stale beside."""
    settled.xero_fault("status", r"/api\.xro/2\.0/PurchaseOrders", status=404, times=10000)
    run(settled, minutes=90, step=30)
    found = health.health(settled.connector).alarms
    assert [(each.code, each.about) for each in found] == [("parked", "PurchaseOrders")]
    settled.xero.faults.clear()
    settled.advance(24 * HOURS)
    run(settled)
    run(settled)
    assert codes(settled) == set()


def test_vanished(settled: World) -> None:
    """More records are gone from Xero's list at once than may be; they come back, and all is well."""
    settled.environment["VANISHED_AT_MOST"] = "0"
    settled.restart()
    gone = settled.xero.store.records(books.TENANT, "Items")
    [kept] = [each for each in gone if each["ItemID"] == books.record_id("Items", 1)]
    settled.vanish("Items", 1)
    run(settled, minutes=245, step=35)
    found = health.health(settled.connector).alarms
    assert [(each.code, each.about) for each in found] == [("vanished", "Items")]
    settled.add("Items", kept)
    run(settled, minutes=245, step=35)
    assert codes(settled) == set()


def test_nothing_where_there_was_something(settled: World) -> None:
    """A whole list is empty all at once, few as they were: an alarm, until the next whole read says so again."""
    for number in (1, 2):
        settled.vanish("Items", number)
    run(settled, minutes=245, step=35)
    [alarm] = health.health(settled.connector).alarms
    assert (alarm.code, alarm.about) == ("vanished", "Items")
    assert "had 2 records" in alarm.words
    run(settled, minutes=245, step=35)
    assert codes(settled) == set()


def test_no_dataset(connected: World) -> None:
    """Nobody made the dataset: what is read waits, and after a quarter of an hour somebody is told."""
    run(connected, minutes=10)
    assert codes(connected) == set()
    run(connected, minutes=10)
    assert codes(connected) == {"dataset"}
    connected.dataset_id, _ = ensure_dataset(connected.connector, DEFAULT_DATASET)
    run(connected)
    connected.settle()
    assert codes(connected) == set()


def test_a_refused_dataset(settled: World) -> None:
    """Power BI refuses the connector: its words are told at once, and nothing is called stale beside."""
    settled.powerbi.switches = Switches(service_principals="refused")
    settled.edit(1, Reference="refused")
    run(settled, minutes=40, step=20)
    [alarm] = health.health(settled.connector).alarms
    assert (alarm.code, alarm.about) == ("dataset", DEFAULT_DATASET)
    assert "workspace" in alarm.words
    settled.powerbi.switches = Switches()
    run(settled, minutes=60, step=20)
    assert codes(settled) == set()


def test_a_full_table(settled: World) -> None:
    """A table without room keeps everything waiting for a person."""
    settled.environment["POWERBI_ROWS_PER_TABLE"] = "1000"
    settled.restart()
    with Writer.take(settled.store, settled.clock, DEFAULT_DATASET) as writer:
        writer.reserve(1, (), {"Invoices": 1000})
    settled.edit(1, Reference="no room")
    run(settled, minutes=40, step=20)
    [alarm] = health.health(settled.connector).alarms
    assert (alarm.code, alarm.about.partition(",")[0]) == ("parked", "Invoices")
    settled.environment["POWERBI_ROWS_PER_TABLE"] = "100000"
    settled.restart()
    run(settled, minutes=60, step=20)
    assert codes(settled) == set()


def test_poisoned(settled: World) -> None:
    """A message that failed too often is brought back, and told for half an hour, and longer if it fails again."""
    messages.wake(settled.store, settled.clock, DEFAULT_DATASET, "test", "test")
    message = settled.receive()
    assert message is not None
    settled.store.send_message(POISON, message.text)
    run(settled)
    assert codes(settled) == {"poisoned"}
    run(settled, minutes=35)
    assert codes(settled) == set()


def test_a_message_that_nobody_can_read(settled: World) -> None:
    """What is put aside for a person stands until somebody takes it away."""
    settled.store.send_message("push", "not one of ours")
    run(settled, minutes=40, step=20)
    assert codes(settled) == {"poisoned"}
    for blob in list(settled.store.list_blobs("quarantine", "messages/")):
        settled.store.delete_blob("quarantine", blob.name)
    assert codes(settled) == set()


def test_quarantined(settled: World) -> None:
    """A record that cannot be shaped is told with the tables that lack it, until a good version comes."""
    settled.change("Invoices", 1, Total="many")
    settled.webhook([("INVOICE", books.record_id("Invoices", 1))])
    settled.drain_queue()
    [alarm] = health.health(settled.connector).alarms
    assert alarm.code == "quarantined"
    assert "1 of Invoices" in alarm.words
    settled.change("Invoices", 1, Total=100)
    settled.webhook([("INVOICE", books.record_id("Invoices", 1))])
    settled.drain_queue()
    assert codes(settled) == set()


def test_an_unreadable_batch(settled: World) -> None:
    """It is told until it is read after all."""
    name = settled.land("Invoices", b"{}")
    settled.store.put_blob("outbox", f"pending/{DEFAULT_DATASET}/{name}", b"torn")
    run(settled, minutes=5)
    assert codes(settled) == {"quarantined"}
    settled.store.put_blob(
        "quarantine", f"batches/{DEFAULT_DATASET}/{settled.land('Invoices', b'{"Invoices":[]}')}", b""
    )
    for blob in list(settled.store.list_blobs("quarantine", "batches/")):
        settled.store.delete_blob("quarantine", blob.name)
    run(settled, minutes=5)
    assert codes(settled) == set()


def test_day_budget(settled: World) -> None:
    """Nine tenths of the calls that polling may make are made; the next day it is over."""
    row: dict[str, Any] = {"PartitionKey": books.TENANT, "RowKey": "xero", "day_used": 805}
    settled.store.write_entity("budgets", Write("merge", row))
    assert codes(settled) == set()
    settled.store.write_entity("budgets", Write("merge", row | {"day_used": 815}))
    assert codes(settled) == {"day-budget"}
    began = settled.clock.now() - timedelta(days=1)
    settled.store.write_entity("budgets", Write("merge", row | {"day_began": began.isoformat()}))
    assert codes(settled) == set()


def test_a_spent_day(settled: World) -> None:
    """When no call is left, what is not read any more is told as well, with the reason."""
    row: dict[str, Any] = {"PartitionKey": books.TENANT, "RowKey": "xero", "day_used": 900}
    settled.store.write_entity("budgets", Write("merge", row))
    run(settled, minutes=40, step=20)
    found = {each.code: each for each in health.health(settled.connector).alarms}
    assert found.keys() == {"day-budget", "not-polled"}
    assert "day limit" in found["not-polled"].words


def test_compaction(settled: World) -> None:
    """A table that is emptied and not filled again within the time that it takes is told, and nothing stale beside."""
    settled.powerbi_fault("status", "Invoices", method="DELETE", status=503, times=10000)
    messages.ask(settled.store, settled.clock, DEFAULT_DATASET, "compact", "test", "test", table="Invoices")
    settled.edit(1, Reference="waits")
    run(settled, minutes=25)
    assert codes(settled) == set()
    run(settled, minutes=15)
    assert codes(settled) == {"compaction"}
    settled.powerbi_faults.clear()
    run(settled, minutes=20)
    assert codes(settled) == set()


def test_paused(settled: World) -> None:
    """A pause is an operator's will for a day; after that somebody is reminded."""
    pause(settled.connector, books.TENANT, "the auditors are there")
    run(settled, minutes=23 * 60, step=60 * 23)
    assert codes(settled) == set()
    run(settled, minutes=120, step=60)
    assert codes(settled) == {"paused"}
    resume(settled.connector, books.TENANT)
    run(settled)
    run(settled)
    assert codes(settled) == set()


# Telling


def test_a_test_is_told_once(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """The next run of poll_timer tells it, though it looked just now; then it is over."""
    run(settled)
    ask_for_test(settled.connector)
    assert codes(settled) == {"test"}
    run(settled)
    [line] = lines(caplog, "alarm code=test ")
    assert 'words="An operator asked for this alarm."' in line
    assert codes(settled) == set()
    run(settled, minutes=30)
    assert len(lines(caplog, "alarm code=test ")) == 1
    assert len(lines(caplog, "alarm over code=test")) == 1


def test_alarms_are_told_at_most_every_ten_minutes(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """However often poll_timer runs; and once when it is over."""
    settled.store.send_message("push", "not one of ours")
    run(settled, minutes=60, step=1)
    told = lines(caplog, "alarm code=poisoned ")
    assert 5 <= len(told) <= 7
    assert all(each.levelno == logging.WARNING for each in caplog.records if each.getMessage() in told)
    assert not lines(caplog, "alarm over")
    for blob in list(settled.store.list_blobs("quarantine", "messages/")):
        settled.store.delete_blob("quarantine", blob.name)
    run(settled, minutes=30, step=1)
    assert lines(caplog, "alarm over") == ["alarm over code=poisoned about=push"]


def test_a_line_says_all_that_an_alert_needs(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """Code, organisation, what it is about, since when, in words; what is serious is an error."""
    settled.xero_fault("status", r"/api\.xro/2\.0/Payments", status=503, times=10000)
    run(settled, minutes=40)
    told = [each for each in caplog.records if each.getMessage().startswith("alarm code=stale ")]
    assert {each.levelno for each in told} == {logging.ERROR}
    pattern = rf'alarm code=stale organisation={books.TENANT} about=(\w+) since=2026-11-23T\d\d:\d\d:\d\dZ words=".+"'
    found = {match[1] for each in told if (match := re.fullmatch(pattern, each.getMessage()))}
    assert found == {"Payments", "CashMovements"}


def test_no_line_holds_what_is_of_the_books(settled: World, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an organisation's name, nor what a vendor said, nor a person's reason for a pause."""
    said = '{"Detail": "Mrs Secret owes 4711.00"}'
    settled.xero_fault("status", r"/api\.xro/2\.0/Items", status=404, body=said, times=10000)
    settled.powerbi_fault("status", "Invoices", status=403, body=said, times=10000)
    settled.change("Invoices", 2, Total="Mrs Secret")
    settled.webhook([("INVOICE", books.record_id("Invoices", 2))])
    settled.edit(1, Reference="Mrs Secret")
    pause(settled.connector, books.TENANT, "Mrs Secret asked")
    run(settled, minutes=24 * 60 + 10, step=24 * 60 + 10)
    resume(settled.connector, books.TENANT)
    run(settled, minutes=300, step=60)
    told = lines(caplog)
    assert {"paused", "parked", "dataset"} <= {each.partition("code=")[2].partition(" ")[0] for each in told}
    for each in told:
        assert not re.search("Secret|4711|Larkspur", each), each


def test_of_two_instances_one_tells(
    settled: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both find the same alarm at the same time; there is one line."""
    settled.store.send_message("push", "not one of ours")
    settled.drain_queue()
    found = health.health(settled.connector)
    other = settled.restart()
    inside: list[int] = []

    def meanwhile(connector: Any) -> Health:
        if not inside:
            inside.append(1)
            tell_alarms(other)
        return found

    settled.advance(6 * MINUTES)
    monkeypatch.setattr(alarms, "health", meanwhile)
    tell_alarms(settled.connector)
    assert len(lines(caplog, "alarm code=poisoned ")) == 1


def test_telling_never_fails_the_poll(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong while alarms are looked for stops nothing else."""
    monkeypatch.setattr(alarms, "health", lambda connector: 1 / 0)
    settled.advance(16 * MINUTES)
    settled.poll()
    assert settled.calls_of("Invoices")


def test_a_failing_poll_tells_alarms(
    settled: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When polling fails outright, that nothing is read any more is told all the same."""

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(poll, "sweep", fails)
    for _ in range(8):
        settled.advance(5 * MINUTES)
        settled.refresh()
        with pytest.raises(RuntimeError, match="broken"):
            settled.poll()
    assert lines(caplog, "alarm code=not-polled ")


# A day


def edits(world: World, minute: int) -> None:
    """What people do in Xero by day."""
    if minute % 30 == 0 and minute < 8 * 60:
        for number in (1, 2, 3):
            world.edit(number, Reference=f"at {minute}")
    if minute % 45 == 0:
        world.change("Contacts", 1, Name=f"Contact at {minute}")


@pytest.mark.parametrize(
    "settings",
    [
        {"REREAD_HOURS_BY_RESOURCE": "Contacts=8,Invoices=6", "COMPACT_SHARE": "0.2", "READ_REPORTS": "true"},
        {"POLL_PROFILE": "nightly", "READ_REPORTS": "true"},
        {"QUIET_HOURS": "18-5", "TIME_ZONE": "Europe/Berlin"},
    ],
    ids=["steady, re-reads and compaction", "nightly", "quiet hours"],
)
def test_a_day_on_which_all_is_well(
    new_world: NewWorld, caplog: pytest.LogCaptureFixture, settings: dict[str, str]
) -> None:
    """Not one alarm in 24 hours, nights and quiet hours included."""
    world = new_world(settings=settings)
    world.load()
    world.connect()
    world.settle()
    step = 10 if "COMPACT_SHARE" in settings else 30 if "POLL_PROFILE" in settings else 15
    for minute in range(0, 24 * 60, step):
        world.advance(step * MINUTES)
        edits(world, minute)
        world.refresh()
        world.poll()
        world.drain_queue()
    assert lines(caplog) == []
    if "COMPACT_SHARE" in settings:
        assert world.differences() == []
        assert world.audit("compact", "clean")
        assert [row for row in world.audit("read", "complete") if row["why"] == "whole"]


def prove(world: World, outcome: str) -> None:
    """A comparison of now."""
    found = Proof(
        organisation=books.TENANT, table="Invoices", month="2026-06", at=world.clock.now(), outcome=outcome
    )
    proofs.save(world.store, found)


def test_a_proof_that_differs(settled: World) -> None:
    """A difference that stands is an alarm; the next comparison that finds none ends it."""
    prove(settled, "differs")
    [alarm] = health.health(settled.connector).alarms
    assert (alarm.code, alarm.organisation) == ("differs", books.TENANT)
    assert "Invoices" in alarm.words
    prove(settled, "repaired")
    assert health.health(settled.connector).alarms == []


def test_unproven_for_long(settled: World) -> None:
    """Nothing compared within a week, or a month not for too long, is an alarm, unless that is switched off."""

    def unproven() -> list[str]:
        return [each.words for each in health.health(settled.connector).alarms if each.code == "unproven"]

    proving = replace(settled.connector.settings, reconcile_percent=1.0)
    settled.connector = replace(settled.connector, settings=proving)
    settled.clock.advance(6 * 86400)
    assert unproven() == []
    settled.clock.advance(2 * 86400)
    assert unproven() == ["Nothing was ever compared with Xero."]
    prove(settled, "same")
    assert unproven() == []
    settled.clock.advance(46 * 86400)
    [words] = unproven()
    assert "last compared" in words
    settings = replace(settled.connector.settings, reconcile_percent=0.0)
    settled.connector = replace(settled.connector, settings=settings)
    assert unproven() == []


def test_a_mirror_that_lost_records(settled: World) -> None:
    """Records that are gone from the mirror are one alarm until they are read again."""
    for _ in range(2):
        lost.look(settled.connector)
    key: Entity = {
        "PartitionKey": mirror.partition(books.TENANT, "Items"),
        "RowKey": books.record_id("Items", 1),
    }
    settled.store.write_entity(mirror.TABLE, Write("delete", key))
    settled.advance(3600)
    lost.look(settled.connector)
    [alarm] = [each for each in health.health(settled.connector).alarms if each.code == "mirror-lost"]
    assert "2 of Items" in alarm.words
    settled.refresh()
    settled.settle()
    settled.poll()
    assert health.health(settled.connector).alarms == []


def test_every_code_is_declared_and_raised_here() -> None:
    """Each alarm that `health` can find is one of ALARMS, and has a test above by which it was raised and ended."""
    text = Path(__file__).read_text("utf-8")
    for code, kind in ALARMS.items():
        assert 0 <= kind.severity <= 4
        assert kind.meaning.endswith(".")
        if kind.standing:
            assert f'"{code}"' in text or f"code={code}" in text, code
