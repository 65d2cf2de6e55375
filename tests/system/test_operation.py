"""An operator's life with a running cloud, command by command in a terminal: follow, pause, forget, pack, uninstall.

The tests tell one story about one office, in their order; the last one ends it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import requests

from local.cloud import Cloud
from local.company import first_day
from tests.system.running import (
    BY_HAND,
    ROOT,
    Running,
    connect,
    delivery,
    event,
    eventually,
    terminal,
)


@pytest.fixture(scope="module")
def office(
    tmp_path_factory: pytest.TempPathFactory, books: dict[str, Any], today: date, azurite_installed: None
) -> Iterator[Running]:
    """An office of its own, with its history in Power BI and the host up."""
    folder = tmp_path_factory.mktemp("operation")
    with (
        pytest.MonkeyPatch.context() as patch,
        Cloud(
            folder, start_date=first_day(today), more=BY_HAND | {"SETTLE_SECONDS": "0"}, fixed_ports=False
        ) as cloud,
    ):
        running = connect(cloud, books, first_day(today), patch.setenv)
        cloud.start_host()
        running.poll()
        eventually(lambda: not running.differences(), "the history in Power BI", every=0.5)
        yield running


def run(office: Running, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """A command on this office's cloud; its last words name what to do next or that nothing is."""
    return subprocess.run(
        [sys.executable, "manage.py", *words, "--settings", str(office.cloud.settings_file)],
        cwd=ROOT,
        env=terminal(COLUMNS="80"),
        capture_output=True,
        text=True,
        input=typed,
        timeout=120,
    )


def told(office: Running, invoice_id: str, reference: str) -> None:
    """An invoice is edited in Xero, which tells of it by a webhook."""
    office.change("Invoices", invoice_id, Reference=reference)
    assert office.post(delivery(event(office.tenant_id, invoice_id))).status_code == 200


def test_audit_follows_a_record(office: Running) -> None:
    """From Xero's webhook over the fetch and the POST to the RowVersion that Power BI has; as JSON, too."""
    invoice = office.invoices()[0]
    told(office, invoice, "followed")
    office.await_reference(invoice, "followed")
    version = max(row["RowVersion"] for row in office.rows("Invoices", InvoiceID=invoice))

    def story() -> str:
        return run(office, "audit", "--record", invoice).stdout

    shown = eventually(lambda: story() if str(version) in story() else "", "the record's story", every=1)
    assert re.search(
        "Xero told of 1 .*came from Xero .webhook.*rows of Invoices were posted", shown, re.DOTALL
    ), shown
    assert "Payments" not in shown, shown
    rows = json.loads(run(office, "audit", "--json", "--resource", "Invoices").stdout)
    assert {"webhook", "fetch"} <= {row["what"] for row in rows}


def test_the_copy_is_proven(office: Running) -> None:
    """reconcile says what it costs, has the running app compare everything, and ends with 0 when nothing differs."""
    done = run(office, "reconcile", "--now", "--yes")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert re.search(r"records, at least \d+ of the", done.stdout.replace("\n", " "))
    assert "Nothing differs." in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert any("Invoices" in row and row[-1] == "0" for row in rows), done.stdout
    [organisation] = json.loads(run(office, "status", "--json").stdout)["organisations"]
    assert organisation["proof"]["months"] > 20


def test_pause_and_resume(office: Running) -> None:
    """While an organisation is paused nothing of it is read, and status says so; resumed, what was missed arrives."""
    invoice = office.invoices()[1]
    paused = run(office, "pause", office.organisation.name, "--why", "year end")
    assert (paused.returncode, paused.stderr) == (0, "")
    assert "(year end)" in paused.stdout
    before = requests.get(f"{office.cloud.xero_url}/_sim/statistics", timeout=30).json()
    told(office, invoice, "while paused")
    office.cloud.fire("poll_timer")
    eventually(lambda: office.audit(what="webhook", outcome="paused"), "the webhook in the audit")
    status = json.loads(run(office, "status", "--json").stdout)
    assert [each["paused_why"] for each in status["organisations"]] == ["year end"]
    assert requests.get(f"{office.cloud.xero_url}/_sim/statistics", timeout=30).json() == before
    assert "while paused" not in office.references(invoice)
    resumed = run(office, "resume", office.organisation.name)
    assert resumed.returncode == 0
    office.poll()
    office.await_reference(invoice, "while paused")
    assert office.differences() == []


def test_forget_a_contact(office: Running) -> None:
    """The name of a contact is gone from Power BI when the command says so; its figures are what they were."""
    contact_id = next(
        record["Contact"]["ContactID"] for record in office.records("Invoices") if record["Status"] == "PAID"
    )
    name = next(each["Name"] for each in office.records("Contacts") if each["ContactID"] == contact_id)
    key = f"{office.tenant_id}|{contact_id}"
    totals = figures(office, key)
    assert name in json.dumps(office.rows("Contacts")) and totals
    asked = run(office, "forget", "--contact", contact_id, "--yes")
    assert (asked.returncode, asked.stderr) == (0, "")

    def done() -> str:
        office.cloud.fire("poll_timer")
        found = run(office, "forget", "--contact", contact_id).stdout
        return found if "is forgotten." in found else ""

    certificate = eventually(done, "the end of it", seconds=180, every=2)
    assert "Remains" in certificate
    assert all(name not in json.dumps(office.rows(table)) for table in ("Contacts", "Invoices", "Payments"))
    assert figures(office, key) == totals


def figures(office: Running, contact_key: str) -> dict[str, Any]:
    """The newest total of each of a contact's invoices in Power BI."""
    rows = sorted(office.rows("Invoices", ContactKey=contact_key), key=lambda row: row["RowVersion"])
    return {row["InvoiceID"]: row["TotalAmount"] for row in rows}


def test_support_packs_no_name(office: Running, tmp_path: Path) -> None:
    """The bundle tells of every part, and nothing in it names the organisation or a contact."""
    bundle = tmp_path / "bundle.zip"
    done = run(office, "support", "--output", str(bundle))
    assert (done.returncode, done.stderr) == (0, "")
    with ZipFile(bundle) as packed:
        texts = {name: packed.read(name).decode() for name in packed.namelist()}
    assert {"manifest.txt", "settings.json"} <= texts.keys()
    names = [
        office.organisation.name,
        office.tenant_id,
        *(each["Name"] for each in office.records("Contacts")),
    ]
    assert [name for name in names if any(name in text for text in texts.values())] == []


def test_uninstall(office: Running) -> None:
    """First it only says what it would do; then, once the name is typed, Xero, vault and Power BI are left."""
    datasets = f"{office.cloud.powerbi_url}/_sim/datasets"
    planned = run(office, "uninstall", "--delete-datasets")
    assert planned.returncode == 0
    assert "Nothing was changed" in planned.stdout
    assert office.organisation.name in planned.stdout
    refused = run(office, "uninstall", "--yes", "--delete-datasets", typed="another\n")
    assert refused.returncode == 1
    assert requests.get(datasets, timeout=30).json()
    done = run(office, "uninstall", "--yes", "--delete-datasets", typed="local\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What stays" in done.stdout
    assert requests.get(datasets, timeout=30).json() == []
    kept = [each.name for each in office.cloud.identity.vault.names(deleted=False)]
    assert [name for name in kept if name.startswith("xero-tokens-")] == []
    assert office.organisation.name not in run(office, "organisations").stdout
