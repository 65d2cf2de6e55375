"""The calendar and the ageing buckets of each organisation, through poll and push."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shared.state import outbox, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import dataset
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.offices import AUCKLAND, PERTH, SYDNEY
from tests.support.world import World

NewWorld = Callable[..., World]
MINUTES = 60.0


def days(world: World, tenant_id: str = books.TENANT) -> dict[str, int]:
    """Current days of Calendar with their financial years, in the dataset that is there."""
    world.dataset_id = sink.read(world.store, DEFAULT_DATASET).powerbi_id
    rows = [row for row in world.rows("Calendar") if row["TenantID"] == tenant_id]
    newest: dict[str, int] = {}
    for row in rows:
        newest[row["CalendarKey"]] = max(newest.get(row["CalendarKey"], 0), row["RowVersion"])
    return {
        row["Date"][:10]: row["FiscalYear"] for row in rows if row["RowVersion"] == newest[row["CalendarKey"]]
    }


def buckets(world: World) -> list[str]:
    """Current buckets, in their order; the same by due date and by invoice date."""
    rows = world.rows("AgingBuckets")
    newest = max(row["RowVersion"] for row in rows)
    by_due_date, by_invoice_date = (
        [
            row["Bucket"]
            for row in sorted(rows, key=lambda row: row["Sort"])
            if row["RowVersion"] == newest and row["Basis"] == basis
        ]
        for basis in ("Due date", "Invoice date")
    )
    assert by_due_date == by_invoice_date
    return by_due_date


def end_year_on(world: World, month: int, day: int) -> None:
    """What an accountant does in Xero's settings."""
    fields = {"FinancialYearEndMonth": month, "FinancialYearEndDay": day}
    world.xero.documents.change(books.TENANT, "Organisation", books.TENANT, fields, [], False)


def run(world: World) -> None:
    world.refresh()
    world.poll()
    world.drain_queue()


def publishes(world: World) -> list[tuple[str, str, int]]:
    """What was landed of the calendar and the buckets."""
    return sorted(
        (row["resource"], row["why"], row["count"])
        for row in world.audit("publish", "landed")
        if row["resource"] != "SyncStatus"
    )


def test_an_organisation_has_its_days_and_buckets(settled: World) -> None:
    """From the year before the start date to two years ahead; the financial year is the organisation's own."""
    found = days(settled)
    assert (min(found), max(found), len(found)) == ("2025-01-01", "2028-12-31", 1461)
    assert (found["2026-06-30"], found["2026-07-01"]) == (2026, 2027)
    assert buckets(settled) == ["Current", "1–30", "31–60", "61–90", "Over 90"]
    assert len(settled.rows("AsAt")) == len(found)
    assert publishes(settled) == [("AgingBuckets", "first", 1), ("Calendar", "first", 4)]
    assert settled.differences() == []


def test_nothing_is_landed_while_nothing_changes(settled: World) -> None:
    """Runs later the same days are neither made nor pushed again."""
    rows = len(settled.rows("Calendar"))
    for _ in range(10):
        settled.advance(10 * MINUTES)
        run(settled)
    assert len(publishes(settled)) == 2
    assert len(settled.rows("Calendar")) == rows


def test_no_days_before_the_organisation_is_known(connected: World) -> None:
    """Its year end is taken from the mirror, so that they come right after its history's first push."""
    connected.poll()
    run(connected)
    assert publishes(connected) == []
    connected.dataset_id, _ = dataset.ensure_dataset(connected.connector, DEFAULT_DATASET)
    connected.advance(61 * MINUTES)
    connected.refresh()
    connected.drain_queue()
    assert len(publishes(connected)) == 2
    assert len(days(connected)) == 1461


def test_a_new_year_brings_its_days(new_world: NewWorld) -> None:
    """In the organisation's own new year, which is not yet ours, one more year is pushed, and no old one again."""
    world = new_world(start=datetime(2026, 12, 31, 12, 50, tzinfo=UTC))
    world.load()
    world.connect()
    world.settle()
    assert max(days(world)) == "2028-12-31"
    rows = len(world.rows("Calendar"))
    world.advance(15 * MINUTES)
    run(world)
    # 13:05 UTC is five past midnight in Sydney.
    assert max(days(world)) == "2029-12-31"
    assert len(world.rows("Calendar")) == rows + 365
    assert world.differences() == []


def test_another_year_end_changes_the_financial_years(settled: World) -> None:
    """When the organisation changes its year end in Xero, its days follow with the next read of it."""
    end_year_on(settled, 3, 31)
    settled.advance(1441 * MINUTES)
    settled.settle()
    run(settled)
    found = days(settled)
    assert (found["2026-03-31"], found["2026-04-01"], found["2026-06-30"]) == (2026, 2027, 2027)
    assert settled.differences() == []


@pytest.mark.parametrize("wrong", [{"FinancialYearEndMonth": None}, {"FinancialYearEndMonth": 13}])
def test_without_a_year_end_it_is_that_of_the_calendar(new_world: NewWorld, wrong: dict[str, object]) -> None:
    """Where Xero does not tell it, or tells none that there is."""
    world = new_world()
    found = books.small_books()
    found["Organisation"][0] |= wrong | {"FinancialYearEndDay": None}
    world.load(found)
    world.connect()
    world.settle()
    assert {day[:4]: year for day, year in days(world).items()} == {
        str(year): year for year in range(2025, 2029)
    }
    assert (days(world)["2026-01-01"], days(world)["2026-12-31"]) == (2026, 2026)


def test_other_buckets_take_the_place_of_those_before(settled: World) -> None:
    """A changed AGEING_DAYS is pushed with the next run; the buckets before are no current rows any more."""
    settled.environment["AGEING_DAYS"] = "7,14"
    settled.restart()
    run(settled)
    assert buckets(settled) == ["Current", "1–7", "8–14", "Over 14"]
    assert ("AgingBuckets", "changed", 1) in publishes(settled)
    assert len(publishes(settled)) == 3
    assert settled.differences(ageing_days=(7, 14)) == []
    assert settled.differences() != []


def test_each_organisation_has_its_own_days(offices: World) -> None:
    """Three organisations have three sets of days, by their own year ends."""
    offices.settle()
    assert [len(days(offices, tenant_id)) for tenant_id in (SYDNEY, AUCKLAND, PERTH)] == [1461] * 3


def test_a_deleted_dataset_gets_its_days_back(settled: World) -> None:
    """They are rebuilt from the mirror as Xero's records are."""
    settled.powerbi.delete_dataset(settled.dataset_id)
    settled.dataset_id, _ = dataset.ensure_dataset(settled.connector, DEFAULT_DATASET)
    settled.drain_queue()
    assert len(days(settled)) == 1461
    assert buckets(settled) == ["Current", "1–30", "31–60", "61–90", "Over 90"]
    assert len({row["TableName"] for row in settled.rows("SyncStatus")}) > 20
    assert len(publishes(settled)) == 2


def test_a_process_killed_while_it_publishes(settled: World) -> None:
    """Killed anywhere between landing the days and remembering that, the next runs end with the right ones."""
    settled.environment["AGEING_DAYS"] = "10"
    end_year_on(settled, 12, 31)
    settled.advance(1441 * MINUTES)
    settled.refresh()
    settled.poll()
    settled.drain_queue()
    settled.restart()
    again = settled.snapshot()
    whole = Life()
    settled.poll(connector=settled.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            settled.poll(connector=settled.mortal(Life(effect)))
        settled.advance(2 * MINUTES)
        settled.settle()
        assert settled.differences(ageing_days=(10,)) == [], effect
        assert not list(outbox.pending(settled.store, DEFAULT_DATASET))
