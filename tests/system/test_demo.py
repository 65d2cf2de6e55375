"""The demo, as the README says to run it, and what makes it fail."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests

from commands.figures import conclude
from local.azurite import KEY
from local.company import first_day, generate
from local.comparison import RESOURCES, in_scope
from local.expected.tables import REPORTS
from local.identity.managed import IDENTITY_HEADER
from local.identity.tokens import APPLICATION_SECRET
from local.scenario import play
from local.simulation import Served
from local.xero.app import create
from local.xero.resources import RESOURCES as SIMULATED
from local.xero.wire import encode
from tests.system.proving import staying
from tests.system.running import Running
from tests.unit.dax.proof import proof

DOCUMENTS = 300
SEED = 11


def books_after_the_day() -> list[dict[str, list[dict[str, Any]]]]:
    """What Xero holds once the demo's day is over: the same company and the same day, played without a connector."""
    today = datetime.now(UTC).date()
    offices = []
    for books in generate(SEED, today, documents=DOCUMENTS):
        with Served(create().app) as xero:
            requests.post(f"{xero.url}/_sim/load", data=encode(books), timeout=60).raise_for_status()
            play(xero.url, books["tenant_id"], SEED)
            offices.append(
                {
                    resource: requests.get(
                        f"{xero.url}/_sim/records/{books['tenant_id']}/{resource}", timeout=60
                    ).json()["records"]
                    for resource in RESOURCES
                    if resource not in REPORTS
                }
                | {name: served_reports(xero.url, books["tenant_id"], name) for name in REPORTS}
            )
    return offices


def served_reports(url: str, tenant_id: str, name: str) -> list[dict[str, Any]]:
    """The report of each month of the history; of the bank, of its first day."""
    today = datetime.now(UTC).date()
    first = day = first_day(today)
    found = []
    while day <= today:
        following = (day + timedelta(days=31)).replace(day=1)
        last = first if name == "BankSummary" else following - timedelta(days=1)
        query = {"date": f"{last}", "fromDate": f"{day}", "toDate": f"{last}"}
        answer = requests.get(f"{url}/_sim/reports/{tenant_id}/{name}", params=query, timeout=60)
        found.append({"Through": f"{last}"} | answer.json())
        if name == "BankSummary":
            break
        day = following
    return found


def expected_records() -> dict[str, int]:
    """How many records each table must show, counted in the generator's own books."""
    counted: Counter[str] = Counter()
    for resources in books_after_the_day():
        scope = in_scope(resources, first_day(datetime.now(UTC).date()))
        for name in ("TrialBalance", "ProfitAndLoss"):
            kinds = ("Row",) if name == "TrialBalance" else ("Row", "SummaryRow")
            counted[name] += sum(
                line["RowType"] in kinds
                for report in resources[name]
                for section in report["Rows"]
                for line in section.get("Rows", ())
            )
        for resource, ids in scope.items():
            if resource in REPORTS:
                continue
            records = [each for each in resources[resource] if _id(resource, each) in ids]
            counted["Organisations" if resource == "Organisation" else resource] += len(records)
            for nested, table in NESTED.items():
                counted[table] += sum(len(each.get(nested) or []) for each in records)
            counted["OpenItems"] += sum(map(entries, records)) if resource in OWED else 0
            counted["CashMovements"] += sum(movements(resource, each) for each in records)
        [bank] = resources["BankSummary"]
        accounts = [line for section in bank["Rows"] for line in section.get("Rows", ())]
        counted["CashMovements"] += sum(
            each["RowType"] == "Row" and Decimal(each["Cells"][1]["Value"] or 0) != 0 for each in accounts
        )
    # One row an option, and a journal a line.
    counted["TrackingCategories"] = counted.pop("Options")
    # Of each office: four years' days that must be there, one of which has a leap day, and five buckets by either date.
    ours = {"Calendar": 3 * 1461, "AsAt": 3 * 1461, "AgingBuckets": 3 * 2 * 5, "SyncStatus": 0}
    return {"Journals": 0} | dict(counted) | ours


OWED = ("Invoices", "CreditNotes", "Prepayments", "Overpayments")


def entries(document: dict[str, Any]) -> int:
    """The document itself, each of its payments, and each time that it was set against an invoice."""
    return 1 + sum(len(document.get(name) or []) for name in ("Payments", "Allocations"))


def movements(resource: str, record: dict[str, Any]) -> int:
    """How often money moved in a bank account: a transfer is two, by its own record."""
    if record.get("Status", "AUTHORISED") != "AUTHORISED":
        return 0
    if resource == "BankTransactions":
        kinds = ("", "-PREPAYMENT", "-OVERPAYMENT")
        known = {f"{way}{kind}" for way in ("RECEIVE", "SPEND") for kind in kinds}
        return 0 if record["Type"] not in known or record.get("BatchPayment") else 1
    return {"Payments": 1, "BankTransfers": 2}.get(resource, 0)


NESTED = {"LineItems": "Lines", "JournalLines": "Lines", "Allocations": "Allocations", "Options": "Options"}


def _id(resource: str, record: dict[str, Any]) -> str:
    return str(record[SIMULATED[resource].key]).lower()


# Two years of reports wait for Xero's minutes, and another cloud runs beside.
@pytest.mark.timeout(600)
def test_the_demo_ends_with_equal_figures(checkout: Path) -> None:
    """Every table has Xero's records, none differs; each measure of each office says what the records say; the report has the
    shape that is documented; the log holds no secret; Ctrl-C ends it well."""
    report = checkout / "report.json"
    arguments = ("--report", str(report), "--documents", str(DOCUMENTS), "--seed", str(SEED))
    today = datetime.now(UTC).date()
    start = first_day(today)
    with staying(*arguments, folder=checkout) as demo:
        offices = [books["tenant_id"] for books in generate(SEED, today, documents=DOCUMENTS)]
        books = [demo.books(tenant_id, start, reports=True) for tenant_id in offices]
        assert proof(demo.rows(), books) == []
    assert demo.code == 0
    written = json.loads(report.read_text(encoding="utf-8"))

    assert set(written) == {
        "tables",
        "organisations",
        "sums",
        "xero_calls",
        "xero_calls_by_resource",
        "xero_bytes",
        "powerbi_posts",
        "seconds",
        "webhook_to_row_ms",
    }
    expected = expected_records()
    assert {name: table["xero_records"] for name, table in written["tables"].items()} == expected
    for table in written["tables"].values():
        assert set(table) == {"xero_records", "powerbi_rows", "powerbi_current", "mismatches"}
        assert table["mismatches"] == 0
        assert table["powerbi_current"] == table["xero_records"]
        assert table["powerbi_rows"] >= table["powerbi_current"]
    # The day's versions are rows of their own: edits, payments and voids are seen.
    assert written["tables"]["Invoices"]["powerbi_rows"] > expected["Invoices"] + 10

    assert len(written["organisations"]) == 3
    for name, total in written["tables"].items():
        for key, count in total.items():
            assert count == sum(tables[name][key] for tables in written["organisations"].values())
    assert all(isinstance(written[name], int) for name in ("xero_calls", "xero_bytes", "powerbi_posts"))
    calls = written["xero_calls_by_resource"]
    # All reports are called Reports.
    assert set(calls) == {"Reports", *RESOURCES} - {"Journals", *REPORTS}
    assert 3 * len(calls) <= sum(calls.values()) <= written["xero_calls"]
    # The history and the webhooks' records; then each office's lists every quarter of a minute, however long it takes.
    assert written["xero_calls"] < 150 + 3 * 49 + 3 * len(calls) * written["seconds"] / 15
    assert len(expected) <= written["powerbi_posts"] < 400
    assert written["xero_bytes"] > 100_000
    assert written["seconds"] > 0
    webhook = written["webhook_to_row_ms"]
    assert set(webhook) == {"p50", "p95", "max"}
    assert 0 < webhook["p50"] <= webhook["p95"] <= webhook["max"]

    for name, table in written["tables"].items():
        cells = [
            f"{table[key]:,}" for key in ("xero_records", "powerbi_rows", "powerbi_current", "mismatches")
        ]
        assert any(line.strip("│ ").startswith(name) and all(cell in line for cell in cells) for line in demo.shown.splitlines())  # fmt: skip

    shown = demo.shown.splitlines()
    assert max(map(len, shown)) <= 80
    assert "Power BI holds what Xero holds, in every field of every table." in shown
    assert "The local cloud stays up; Ctrl-C ends it." in shown

    log = (checkout / ".local" / "host.log").read_text(encoding="utf-8")
    assert "webhook_http" in log
    for secret in (KEY, APPLICATION_SECRET, IDENTITY_HEADER, "eyJ", "Bearer ", "refresh_token", "AccountKey"):
        assert secret not in log


def test_a_difference_fails_the_demo(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One field that Power BI does not have as Xero does: it is counted, named, and the exit code is 1."""
    invoice_id = running.invoices()[15]
    was = next(each for each in running.records("Invoices") if each["InvoiceID"] == invoice_id)["Reference"]
    agreed = conclude(running.cloud, {"Office": running.compare()}, [1.0, 3.0, 2.0], 1.0, None)
    # As Xero does it where it moves no UpdatedDateUTC: nobody is told.
    running.change_silently("Invoices", invoice_id, Reference="planted")
    try:
        report = tmp_path / "report.json"
        differs = conclude(running.cloud, {"Office": running.compare()}, [1.0, 3.0, 2.0], 1.0, report)
    finally:
        running.change_silently("Invoices", invoice_id, Reference=was)
    assert (agreed, differs) == (0, 1)
    tables = json.loads(report.read_text(encoding="utf-8"))["tables"]
    # The document's reference stands in its lines as well, where they show it.
    assert tables["Invoices"]["mismatches"] == 1
    assert (
        sum(table["mismatches"] for name, table in tables.items() if name not in ("Invoices", "Lines")) == 0
    )
    shown = capsys.readouterr().out.replace("\n", "")
    assert invoice_id in shown
    assert "planted" in shown
    assert "Power BI holds what Xero holds" in shown
    assert (
        f"Power BI differs from Xero in {sum(table['mismatches'] for table in tables.values())} places."
        in shown
    )
