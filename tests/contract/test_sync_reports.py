"""Xero's reports: every month at first, then the recent ones, one older in turn, and what changed; no month is lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Response, request

from shared.state import checkpoints, outbox, quarantine
from shared.state.checkpoints import Checkpoint
from shared.state.connections import DEFAULT_DATASET
from shared.sync import connect, replay
from shared.sync.reports import months
from tests.support import books
from tests.support.clock import START
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]
HOUR = 3600.0
REPORTS = ("BankSummary", "TrialBalance", "ProfitAndLoss")
ON = {"READ_REPORTS": "true", "START_DATE": "2025-11-15"}
FIRST = START.date().replace(year=2025, day=15)
ALL_MONTHS = months(FIRST, START.date())


def with_reports(new_world: NewWorld, **settings: str) -> World:
    """A connected world that reads reports, of plain books."""
    world = new_world(settings=ON | settings)
    world.load(books.plain_books())
    world.connect()
    return world


def asked(world: World, name: str) -> list[str]:
    """The last days that a report was asked for, in the order of the calls."""
    return [
        call.query.get("date") or call.query["toDate"]
        for call in world.calls
        if call.path.endswith(f"/Reports/{name}")
    ]


def checkpoint(world: World, name: str) -> Checkpoint:
    return checkpoints.load(world.store, books.TENANT, name)


def next_night(world: World) -> None:
    """On to six in the morning, an hour after the reports are due; everything is read that is due by then."""
    world.calls.clear()
    night = (world.clock.now() + timedelta(days=1)).replace(hour=6, minute=0)
    world.advance((night - world.clock.now()).total_seconds())
    world.refresh()
    world.settle()


def differences(world: World) -> list[str]:
    """How the tables of reports differ from what Xero would serve now."""
    return [each for each in world.differences() if each.startswith(REPORTS)]


def current(world: World, table: str, day: str) -> list[dict[str, Any]]:
    """A report's rows of the highest RowVersion."""
    rows = [row for row in world.rows(table) if row["ReportKey"] == f"{books.TENANT}|{day}"]
    highest = max((row["RowVersion"] for row in rows), default=0)
    return [row for row in rows if row["RowVersion"] == highest]


@pytest.fixture
def settled_reports(new_world: NewWorld) -> World:
    """A world whose reports of 13 months are in Power BI; nothing else is read again."""
    world = with_reports(new_world, POLL_MINUTES="40000")
    world.settle()
    return world


# The history


def test_cash_is_as_fresh_as_what_moves(new_world: NewWorld) -> None:
    """The opening balances, read once a week, make cash no older than its payments and bank transactions are."""
    world = with_reports(new_world)
    world.settle()
    for _ in range(2):
        next_night(world)
    moving = ("Payments", "BankTransactions", "BankTransfers")
    oldest = min(str(checkpoint(world, name).fresh_as_of) for name in moving)
    assert str(checkpoint(world, "BankSummary").fresh_as_of) < oldest
    rows = [row for row in world.rows("SyncStatus") if row["TableName"] == "CashMovements"]
    newest = max(rows, key=lambda row: row["RowVersion"])
    assert newest["FreshAsOf"] == oldest[:19].replace(" ", "T")


def test_thirteen_months(new_world: NewWorld) -> None:
    """A call a month and report, newest first, and one for the opening balances; Power BI shows what Xero serves."""
    world = with_reports(new_world)
    world.settle()
    assert len(ALL_MONTHS) == 13
    assert asked(world, "TrialBalance") == asked(world, "ProfitAndLoss") == ALL_MONTHS[::-1]
    assert asked(world, "BankSummary") == ["2025-11-15"]
    assert world.differences() == []
    assert sorted(world.mirrored("TrialBalance")) == sorted(world.mirrored("ProfitAndLoss")) == ALL_MONTHS
    [opening] = world.mirrored("BankSummary").values()
    assert (opening["Through"], opening["ReportType"]) == ("2025-11-15", "BankSummary")
    # Five invoices of 200.00, and three payments of 100.00 that these books have in an account of sales.
    assert _net_profit(current(world, "ProfitAndLoss", "2026-06-30")) == 700
    trial = current(world, "TrialBalance", "2026-11-30")
    assert sum(row["Balance"] for row in trial) == 0
    assert [row["count"] for row in world.audit("read", "complete") if row["resource"] in REPORTS] == [
        1,
        13,
        13,
    ]
    assert [checkpoint(world, name).records for name in REPORTS] == [1, 13, 13]


def test_off(new_world: NewWorld) -> None:
    """READ_REPORTS=false asks for no scope of a report and makes no call."""
    world = with_reports(new_world, READ_REPORTS="false")
    world.settle()
    assert "accounting.reports" not in connect.ask_for_consent(world.connector).url
    assert not any("/Reports/" in call.path for call in world.calls)


def test_the_first_consent_asks_for_the_scopes(new_world: NewWorld) -> None:
    """One granular scope a report, and none of the broad one."""
    url = connect.ask_for_consent(with_reports(new_world).connector).url
    for report in ("trialbalance", "profitandloss", "banksummary"):
        assert f"accounting.reports.{report}.read" in url
    assert "accounting.reports.read" not in url


def test_the_day_limit_in_the_middle(new_world: NewWorld) -> None:
    """Where Xero's day ends is where the next day begins: no month is asked for twice, none is left out."""
    world = with_reports(new_world)
    world.settle()
    total = len(world.calls)
    world = with_reports(new_world, XERO_WEBHOOK_RESERVE="0", POLL_MINUTES="40000")
    world.xero.switches.day_limit = total - 20
    world.poll()
    first = asked(world, "TrialBalance") + asked(world, "ProfitAndLoss")
    assert 0 < len(first) < 26
    assert checkpoint(world, "ProfitAndLoss").trouble or checkpoint(world, "TrialBalance").trouble
    world.poll()
    assert asked(world, "TrialBalance") + asked(world, "ProfitAndLoss") == first
    world.settle(within=25 * HOUR, step=600)
    landed = [row["why"] for row in world.audit("fetch", "landed") if row["resource"] in REPORTS[1:]]
    assert sum(why.startswith("history") for why in landed) == 26
    assert differences(world) == []


def test_a_short_run_goes_on_where_it_stopped(new_world: NewWorld) -> None:
    """A run of the timer that ends in the middle of the months has the next one go on with the month after."""
    world = with_reports(new_world)
    runs = 0
    while not checkpoint(world, "ProfitAndLoss").history:
        world.poll(seconds=0.4)
        world.drain_queue()
        runs += 1
    assert runs > 5
    assert asked(world, "TrialBalance") == asked(world, "ProfitAndLoss") == ALL_MONTHS[::-1]
    world.settle()
    assert world.differences() == []


def test_killed_anywhere(new_world: NewWorld) -> None:
    """A crash at any effect of a round of reports costs at most one call, and no figure."""
    world = with_reports(new_world, START_DATE="2026-10-10", POLL_MINUTES="30000")
    world.settle()
    world.change("Invoices", 1, Status="VOIDED", AmountDue=Decimal(0))
    world.advance(26 * HOUR)
    world.refresh()
    again = world.snapshot()
    whole = Life()
    world.poll(connector=world.mortal(whole))
    assert whole.effects > 20
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            world.poll(connector=world.mortal(Life(effect)))
        world.advance(61)
        world.settle()
        assert differences(world) == [], effect


# The nights


def test_a_night(settled_reports: World) -> None:
    """The running month, the one before, the financial year's end, and one older in its turn; nothing is pushed that is as it was."""
    world = settled_reports
    rows = {name: len(world.rows(name)) for name in ("TrialBalance", "ProfitAndLoss")}
    for turn in ALL_MONTHS[:3]:
        next_night(world)
        assert asked(world, "TrialBalance") == ["2026-11-30", "2026-10-31", "2026-06-30", turn]
        assert asked(world, "ProfitAndLoss") == ["2026-11-30", "2026-10-31", turn]
        assert asked(world, "BankSummary") == []
    assert {name: len(world.rows(name)) for name in rows} == rows
    assert differences(world) == []
    next_night(world)
    for _ in range(3):
        next_night(world)
    assert asked(world, "BankSummary") == ["2025-11-15"]


def test_a_new_month(settled_reports: World) -> None:
    """On the first the month that ended is read to its end, and the new one is there; after a pause, all between."""
    world = settled_reports
    while world.clock.now().date().isoformat() < "2026-11-30":
        next_night(world)
    next_night(world)
    assert world.clock.now().date().isoformat() == "2026-12-01"
    assert asked(world, "TrialBalance")[:3] == ["2026-12-31", "2026-11-30", "2026-10-31"]
    world.advance(45 * 24 * HOUR)
    world.refresh()
    world.calls.clear()
    world.settle()
    assert asked(world, "ProfitAndLoss")[:3] == ["2027-01-31", "2026-12-31", "2026-11-30"]
    assert differences(world) == []


def test_a_change_of_an_old_month_is_found_the_same_night(settled_reports: World) -> None:
    """An invoice of June is voided in November: every trial balance since, and June's profit and loss, are read again."""
    world = settled_reports
    before = current(world, "ProfitAndLoss", "2026-06-30")
    world.change("Invoices", 1, Status="VOIDED", AmountDue=Decimal(0))
    next_night(world)
    since_may = [day for day in ALL_MONTHS if day >= "2026-05"][::-1]
    assert asked(world, "TrialBalance")[:2] == ["2026-11-30", "2026-10-31"]
    assert set(asked(world, "TrialBalance")) == {*since_may, ALL_MONTHS[0]}
    assert len(asked(world, "TrialBalance")) == len(since_may) + 1
    assert differences(world) == []
    after = current(world, "ProfitAndLoss", "2026-06-30")
    assert _net_profit(before) - _net_profit(after) == Decimal(200)
    # The next night costs what a night costs.
    next_night(world)
    assert len(asked(world, "TrialBalance")) == 4
    # The last month that was found to differ in the very instant in which the others began to be read comes once more.
    assert len(asked(world, "ProfitAndLoss")) in (3, 4)


def _net_profit(rows: list[dict[str, Any]]) -> Decimal:
    return next(Decimal(row["Amount"]) for row in rows if row["Line"] == "Net Profit")


def test_a_change_makes_profit_and_loss_due_at_once(settled_reports: World) -> None:
    """Also when it was read a minute before the trial balance, and would not be due before the next night."""
    world = settled_reports
    next_night(world)
    world.change("Invoices", 1, Status="VOIDED", AmountDue=Decimal(0))
    trial = checkpoint(world, "TrialBalance")
    replace(trial, next_at=world.clock.now()).save(world.store)
    world.calls.clear()
    world.settle()
    assert "2026-06-30" in asked(world, "ProfitAndLoss")
    assert differences(world) == []


def test_a_line_of_a_closed_year_that_moves_to_another_account(settled_reports: World) -> None:
    """Profit accounts begin anew in July, so that only June's trial balance shows it, which every night reads."""
    world = settled_reports
    lines = next(iter(world.xero.store.records(books.TENANT, "Invoices")))["LineItems"]
    world.change("Invoices", 1, LineItems=[line | {"AccountCode": "202"} for line in lines])
    assert differences(world)
    next_night(world)
    assert asked(world, "TrialBalance")[:3] == ["2026-11-30", "2026-10-31", "2026-06-30"]
    assert differences(world) == []


def test_a_change_that_no_other_month_shows_is_found_in_its_turn(settled_reports: World) -> None:
    """An invoice moves from March to February: only these two months differ, which February's turn finds."""
    world = settled_reports
    world.change("Invoices", 1, Date=books.stamp(datetime(2026, 3, 10, tzinfo=UTC)))
    next_night(world)
    assert differences(world) == []
    world.change("Invoices", 1, Date=books.stamp(datetime(2026, 2, 10, tzinfo=UTC)))
    for _ in ALL_MONTHS[1 : ALL_MONTHS.index("2026-02-28")]:
        next_night(world)
        assert len(asked(world, "TrialBalance")) == 4
        assert differences(world)
    next_night(world)
    assert asked(world, "TrialBalance")[3:] == ["2026-02-28", "2026-01-31", "2026-03-31", "2026-04-30"]
    assert differences(world) == []


def test_the_opening_balances_of_another_start_date(settled_reports: World) -> None:
    """Those of the old one are marked as gone, so that no balance opens twice."""
    world = settled_reports
    world.environment["START_DATE"] = "2025-12-01"
    world.restart()
    for _ in range(8):
        next_night(world)
    assert list(world.mirrored("BankSummary")) == ["2025-12-01"]
    assert list(world.mirrored("BankSummary", deleted=True)) == ["2025-11-15"]


# Trouble


def test_a_consent_without_the_scopes(new_world: NewWorld) -> None:
    """All else is read; a person is told once a day to run connect again, which makes the reports due at once."""
    world = with_reports(new_world, READ_REPORTS="false")
    world.settle()
    world.environment["READ_REPORTS"] = "true"
    world.restart()
    world.calls.clear()
    world.poll()
    world.drain_queue()
    for name in REPORTS:
        assert "manage.py connect" in checkpoint(world, name).trouble
        assert len(asked(world, name)) == 1
    assert [row["resource"] for row in world.audit("poll", "ask")] == [*REPORTS]
    for _ in range(5):
        world.advance(4 * HOUR)
        world.refresh()
        world.poll()
        world.drain_queue()
    assert sum("/Reports/" in call.path for call in world.calls) == 3
    assert checkpoint(world, "Invoices").trouble == ""
    world.advance(4.1 * HOUR)
    world.refresh()
    world.poll()
    assert sum("/Reports/" in call.path for call in world.calls) == 6
    world.connect(with_dataset=False)
    world.settle()
    assert world.differences() == []
    assert [checkpoint(world, name).trouble for name in REPORTS] == ["", "", ""]


def test_an_answer_without_a_report(new_world: NewWorld) -> None:
    """A 200 that holds no report is Xero being down for this report: it is asked again, and nothing landed."""
    world = with_reports(new_world)
    broken = [True]
    body = json.dumps({"Id": "x", "Status": "OK", "DateTimeUTC": "/Date(0)/", "Reports": []})

    def nothing() -> Response | None:
        wanted = request.path.endswith("/Reports/TrialBalance") and broken[0]
        return Response(body, mimetype="application/json") if wanted else None

    world.xero.app.before_request_funcs.setdefault(None, []).append(nothing)
    world.poll()
    assert "no list" in checkpoint(world, "TrialBalance").trouble
    assert not [row for row in world.audit("fetch", "landed") if row["resource"] == "TrialBalance"]
    broken[0] = False
    world.settle()
    assert world.differences() == []


def test_a_report_that_xero_does_not_find(settled_reports: World) -> None:
    """404 to a report deletes no figure: it is put off, a person is told, and all else is read."""
    world = settled_reports
    world.xero_fault("status", path=r".*/Reports/TrialBalance", status=404, times=1)
    next_night(world)
    assert world.mirrored("TrialBalance", deleted=True) == {}
    assert differences(world) == []


def test_a_report_that_cannot_be_read_is_put_aside_and_replayed(new_world: NewWorld) -> None:
    """One month's odd report waits in the quarantine with its text, the others are there; replay asks for it again."""
    world = with_reports(new_world)
    odd = [True]

    def strange(response: Response) -> Response:
        if odd[0] and request.path.endswith("/Reports/TrialBalance") and request.args["date"] == "2026-06-30":
            body = response.get_json()
            body["Reports"][0]["Rows"][1]["Rows"][0]["Cells"][1]["Value"] = "about a hundred"
            response.set_data(json.dumps(body))
        return response

    world.xero.app.after_request_funcs.setdefault(None, []).append(strange)
    world.settle()
    assert quarantine.listed(world.store, books.TENANT, "TrialBalance") == ["2026-06-30"]
    assert len(world.mirrored("TrialBalance")) == 12
    odd[0] = False
    assert replay.replay(world.connector) == {"TrialBalance": 1}
    world.settle()
    assert quarantine.listed(world.store, books.TENANT, "TrialBalance") == []
    assert world.differences() == []


def test_what_landed_says_which_month_it_is(new_world: NewWorld) -> None:
    """The outbox has the answer as it came; its record is named by the day that was asked for."""
    world = with_reports(new_world, START_DATE="2026-10-10")
    world.poll()
    found = [
        outbox.read(world.store, DEFAULT_DATASET, blob.name)
        for blob in outbox.pending(world.store, DEFAULT_DATASET)
    ]
    trials = [batch for batch in found if batch is not None and batch.header.resource == "TrialBalance"]
    assert [batch.records()[0]["Through"] for batch in trials] == ["2026-11-30", "2026-10-31"]
    assert all(b"Through" not in batch.body for batch in trials)
