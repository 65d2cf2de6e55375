"""The demo, as the README says to run it, and what makes it fail."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from commands import demo
from local.azurite import KEY
from local.company import first_day, generate
from local.comparison import in_scope
from local.identity.managed import IDENTITY_HEADER
from local.identity.tokens import APPLICATION_SECRET
from local.scenario import play
from local.simulation import Served
from local.xero.app import create
from tests.system.running import Running, manage

DOCUMENTS = 200
SEED = 11


def books_after_the_day() -> dict[str, list[dict[str, Any]]]:
    """What Xero holds once the demo's day is over: the same company and the same day, played without a connector."""
    today = datetime.now(UTC).date()
    books = generate(SEED, today, documents=DOCUMENTS)
    with Served(create().app) as xero:
        requests.post(f"{xero.url}/_sim/load", json=books, timeout=60).raise_for_status()
        play(xero.url, books["tenant_id"], SEED)
        return {
            resource: requests.get(
                f"{xero.url}/_sim/records/{books['tenant_id']}/{resource}", timeout=60
            ).json()["records"]
            for resource in books["resources"]
        }


def expected_records() -> dict[str, int]:
    """How many records each table must show, counted in the generator's own books."""
    resources = books_after_the_day()
    scope = in_scope(resources, first_day(datetime.now(UTC).date()))
    lines = sum(
        len(record.get("LineItems", ()))
        for record in resources["Invoices"]
        if record["InvoiceID"].lower() in scope["Invoices"]
    )
    counted = {"Organisations" if name == "Organisation" else name: len(ids) for name, ids in scope.items()}
    return counted | {"Lines": lines}


def test_the_demo_ends_with_equal_figures(checkout: Path) -> None:
    """Every table has Xero's records, none differs; the report has the shape that is documented; the log holds no secret."""
    report = checkout / "report.json"
    done = manage(
        *("demo", "--once", "--report", str(report), "--documents", str(DOCUMENTS), "--seed", str(SEED)),
        folder=checkout,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(report.read_text(encoding="utf-8"))

    assert set(written) == {
        "tables",
        "xero_calls",
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

    assert all(isinstance(written[name], int) for name in ("xero_calls", "xero_bytes", "powerbi_posts"))
    assert len(expected) <= written["xero_calls"] < 100
    assert len(expected) <= written["powerbi_posts"] < 120
    assert written["xero_bytes"] > 100_000
    assert 0 < written["seconds"] < 240
    webhook = written["webhook_to_row_ms"]
    assert set(webhook) == {"p50", "p95", "max"}
    assert 0 < webhook["p50"] <= webhook["p95"] <= webhook["max"]

    for name, table in written["tables"].items():
        cells = [
            f"{table[key]:,}" for key in ("xero_records", "powerbi_rows", "powerbi_current", "mismatches")
        ]
        assert any(line.strip("│ ").startswith(name) and all(cell in line for cell in cells) for line in done.stdout.splitlines())  # fmt: skip

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
    agreed = demo.conclude(running.cloud, running.compare(), [1.0, 3.0, 2.0], 1.0, None)
    # As Xero does it where it moves no UpdatedDateUTC: nobody is told.
    running.change_silently("Invoices", invoice_id, Reference="planted")
    try:
        report = tmp_path / "report.json"
        differs = demo.conclude(running.cloud, running.compare(), [1.0, 3.0, 2.0], 1.0, report)
    finally:
        running.change_silently("Invoices", invoice_id, Reference=was)
    assert (agreed, differs) == (0, 1)
    tables = json.loads(report.read_text(encoding="utf-8"))["tables"]
    # The document's reference stands in its lines as well, where they show it.
    assert tables["Invoices"]["mismatches"] == 1
    assert (
        sum(tables[name]["mismatches"] for name in ("Payments", "Contacts", "Accounts", "Organisations")) == 0
    )
    shown = capsys.readouterr().out.replace("\n", "")
    assert invoice_id in shown
    assert "planted" in shown
