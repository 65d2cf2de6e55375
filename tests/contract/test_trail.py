"""The trail: rows newest first, over days and months, in few operations; and a record's way from Xero to Power BI."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands import audit as command
from commands.terminal import Where, console
from shared.audit import Audit
from shared.errors import AskPerson
from shared.state import mirror, quarantine
from shared.sync.compare import put_aside
from shared.sync.replay import replay
from shared.sync.trail import Wanted, rows
from tests.support import books
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore
from tests.support.world import World

NewWorld = Callable[..., World]
DAY = 86400.0
MINUTE_LIMIT = {"X-Rate-Limit-Problem": "minute", "Retry-After": "30"}
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def show(world: World, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[int, str]:
    monkeypatch.setattr(command, "connector", lambda where: world.connector)
    usual: dict[str, Any] = {
        "organisation": "",
        "resource": "",
        "record_id": "",
        "operation": "",
        "since": "24h",
        "failed": False,
        "limit": 100,
        "as_json": False,
    }
    with console.capture() as captured:
        code = command.run(Where(), **(usual | options))
    return code, captured.get()


def written(*hours_ago: float) -> MemoryStore:
    """A store whose audit has a row of each of these times, the first one earliest."""
    clock = ManualClock(NOW - timedelta(hours=hours_ago[0]))
    store = MemoryStore(clock)
    for hours in hours_ago:
        clock.advance((NOW - timedelta(hours=hours) - clock.now()).total_seconds())
        audit = Audit(store, clock, f"operation-{hours:g}")
        audit.add(
            "fetch", "landed" if hours != 5 else "retried", organisation="X", resource="Invoices", count=1
        )
        audit.flush()
    return store


def test_newest_first_across_months() -> None:
    """Days and months follow each other backwards, and what is older than asked for stays away; missing months are none."""
    store = written(40, 20, 13, 11, 1)
    found = rows(store, NOW - timedelta(hours=24 * 70), NOW, Wanted())
    assert [row["operation"] for row in found] == [f"operation-{hours}" for hours in (1, 11, 13, 20, 40)]
    found = rows(store, NOW - timedelta(hours=14), NOW, Wanted())
    assert [row["operation"] for row in found] == [f"operation-{hours}" for hours in (1, 11, 13)]


def test_what_is_wanted() -> None:
    """Organisation, resource, operation and failure each leave only what fits."""
    store = written(20, 5, 1)
    since = NOW - timedelta(days=2)
    assert len(list(rows(store, since, NOW, Wanted(organisation="X", resource="Invoices")))) == 3
    assert list(rows(store, since, NOW, Wanted(organisation="Y"))) == []
    assert list(rows(store, since, NOW, Wanted(resource="Contacts"))) == []
    assert [row["operation"] for row in rows(store, since, NOW, Wanted(failed=True))] == ["operation-5"]
    assert len(list(rows(store, since, NOW, Wanted(operation="operation-20")))) == 1


def test_a_day_is_one_question() -> None:
    """The newest row is shown for one query of storage, however long ago one looks back to."""
    store = written(40, 20, 1)
    asked: list[str] = []
    query = store.query_entities

    def counting(table: str, partition: str, **options: Any) -> Any:
        asked.append(partition)
        return query(table, partition, **options)

    store.query_entities = counting  # type: ignore[method-assign]
    next(rows(store, NOW - timedelta(days=300), NOW, Wanted()))
    assert asked == ["20261201"]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T09:00", datetime(2026, 11, 23, 9, tzinfo=UTC)),
    ],
)
def test_since(text: str, at: datetime) -> None:
    """How long ago, a day, or a time in UTC."""
    assert command.when(text, NOW) == at


def test_no_time() -> None:
    """Anything else is refused with examples."""
    with pytest.raises(AskPerson, match="say 90m"):
        command.when("yesterday", NOW)


def test_a_record_is_followed(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the webhook over Xero's answer and the POSTs to the RowVersion that Power BI has, in the order of happening."""
    world = settled
    world.advance(3600)
    world.refresh()
    world.edit(2, Reference="new")
    world.drain_queue()
    record = books.record_id("Invoices", 2)
    code, text = show(world, monkeypatch, record_id=record)
    assert code == 0
    assert text.startswith(f"Invoices {record} of Larkspur:\n  Xero: changed 2026-11-23 ")
    order = ["told of 1 Invoices", "1 Invoices came from Xero (webhook)", "rows of Invoices were posted"]
    order += ["1 Invoices are in Power BI", f"RowVersion {world.current('Invoices', 2)[0]['RowVersion']}"]
    places = [text.rindex(each) for each in order]
    assert places == sorted(places)
    code, text = show(world, monkeypatch, record_id=record, as_json=True)
    [document] = json.loads(text)
    assert document["row_version"] == world.current("Invoices", 2)[0]["RowVersion"]
    assert {row["what"] for row in document["rows"]} >= {"webhook", "fetch", "post", "push"}


def test_a_record_in_the_quarantine(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was put aside is told with its error and what to do."""
    record = settled.mirrored("Invoices")[books.record_id("Invoices", 2)]
    audit = settled.connector.audit()
    batch = settled.audit("fetch", "landed")[-1]["batches"]
    put_aside(
        settled.connector,
        audit,
        books.TENANT,
        "Invoices",
        record["InvoiceID"],
        record,
        "Total: no number",
        batch,
    )
    audit.flush()
    _, text = show(settled, monkeypatch, record_id=books.record_id("Invoices", 2))
    assert "Quarantine: Total: no number" in text
    assert "manage.py replay" in text


def in_order(text: str, *parts: str) -> None:
    """Each part stands in the text, behind the one before it."""
    at = 0
    for part in parts:
        assert part in text[at:], f"{part!r} is not behind {text[:at]!r} in {text[at:]!r}"
        at = text.index(part, at) + len(part)


def test_a_life_with_every_trouble(new_world: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit at its fetch, a lost answer at its POST, a crash, the quarantine and a replay: all told in order, with causes,
    also when newer batches have come and its old ones are emptied out of the outbox.
    """
    world = new_world()
    world.load()
    world.connect()
    world.settle()
    world.advance(DAY)
    world.refresh()
    world.settle()
    record = books.record_id("Invoices", 2)
    # A limit.
    world.xero_fault("status", status=429, headers=MINUTE_LIMIT, times=1)
    world.edit(2, Reference="first")
    world.drain_queue()
    world.settle()
    # A lost answer.
    world.powerbi_fault("reset", "Invoices", commits=True)
    world.edit(2, Reference="second")
    world.drain_queue()
    world.settle()
    # A crash, between the POST and the mirror.
    world.edit(2, Reference="third")
    message = world.receive()
    assert message is not None
    with pytest.MonkeyPatch.context() as crash:
        crash.setattr(mirror, "write", _crash)
        with pytest.raises(RuntimeError):
            world.honour(message.text)
    world.restart()
    world.advance(120)
    world.settle()
    # The quarantine, and a replay of what is mended.
    world.powerbi_fault("status", "Invoices", status=400, body="Power BI's words")
    world.edit(2, Reference="fourth")
    world.settle()
    assert quarantine.listed(world.store, books.TENANT, "Invoices") == [record]
    replay(world.connector)
    world.settle()
    assert quarantine.listed(world.store, books.TENANT, "Invoices") == []
    for blob in list(world.store.list_blobs("outbox", "done/")):
        world.store.delete_blob("outbox", blob.name)
    world.advance(3 * DAY)
    world.refresh()
    code, text = show(world, monkeypatch, record_id=record, since="10d")
    assert code == 0
    in_order(
        text,
        "told of 1 Invoices",
        "1 Invoices are fetched later: attempt 1",
        "minute limit is reached",
        "1 Invoices came from Xero (webhook)",
        "1 Invoices are in Power BI",
        "told of 1 Invoices",
        "dataset default is pushed later: attempt 1",
        "1 Invoices were pushed again, since nobody knew",
        "told of 1 Invoices",
        "1 Invoices came from Xero (webhook)",
        "1 Invoices were pushed again, since nobody knew",
        "told of 1 Invoices",
        "a record of Invoices was put aside",
        "Power BI's words",
        "1 Invoices are tried again",
        "1 Invoices came from Xero (replay)",
        "1 Invoices are in Power BI",
        "RowVersion",
    )
    assert books.record_id("Invoices", 3) not in text


def test_a_record_that_a_poll_found(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll's wait and its cause stand before the fetch; of a page of many the batch is read to see who is in it."""
    settled.advance(3600)
    settled.refresh()
    settled.xero_fault("status", path=r"/api\.xro/2\.0/Contacts", status=503, times=1)
    settled.change("Contacts", 2, Name="Renamed")
    settled.settle()
    _, text = show(settled, monkeypatch, record_id=books.record_id("Contacts", 2))
    in_order(
        text, "Contacts are not read until", "503", "1 Contacts came from Xero (increment", "in Power BI"
    )
    monkeypatch.setattr("shared.audit.NAMED", 0)
    settled.advance(3600)
    settled.refresh()
    settled.change("Contacts", 2, Name="Renamed again")
    settled.settle()
    settled.change("Contacts", 2, Name="And again")
    settled.advance(3600)
    settled.refresh()
    settled.settle()
    _, text = show(settled, monkeypatch, record_id=books.record_id("Contacts", 2))
    assert text.count("1 Contacts came from Xero (increment") == 3
    _, text = show(settled, monkeypatch, record_id=books.record_id("Contacts", 1))
    assert "1 Contacts came from Xero (increment" not in text


def test_a_record_that_has_not_come_yet(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Xero told of it and refuses to show it: that much is known, with the cause."""
    settled.xero_fault("status", status=500, times=1)
    made = settled.add("Invoices", books.invoice(77))
    settled.webhook([("INVOICE", made["InvoiceID"])])
    settled.drain_queue()
    code, text = show(settled, monkeypatch, record_id=made["InvoiceID"])
    assert code == 0
    in_order(text, "told of 1 Invoices", "1 Invoices are fetched later", "500", "Power BI: has no version")


def test_a_tax_rate_is_followed(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that are no GUIDs are found as Xero writes them."""
    code, text = show(settled, monkeypatch, record_id="TAX001")
    assert (code, text.startswith("TaxRates TAX001 of Larkspur")) == (0, True)


def _crash(*_: Any, **__: Any) -> None:
    raise RuntimeError("killed")


def test_an_unknown_record(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what nobody has seen nothing is told, and the exit code says so."""
    code, text = show(settled, monkeypatch, record_id="00000000-0000-4000-8000-000000000000")
    assert (code, text.startswith("Nothing is known of ")) == (1, True)


def test_every_row_has_a_meaning(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a whole history leaves is told in words, without an empty place; most lines fit a terminal."""
    code, text = show(settled, monkeypatch, limit=1000)
    assert code == 0
    lines = text.splitlines()
    assert len(lines) > 50
    assert "{" not in text
    assert sum(len(line) > 80 for line in lines) < len(lines) / 20
    assert lines[-1].endswith("follows one.")
    code, text = show(settled, monkeypatch, limit=3)
    assert len(text.splitlines()) == 4


def test_json(settled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """For machines: one JSON document, and nothing else on the output."""
    code, text = show(settled, monkeypatch, as_json=True, limit=5, failed=False)
    assert code == 0
    assert [set(row) >= {"at", "operation", "what", "outcome"} for row in json.loads(text)] == [True] * 5
