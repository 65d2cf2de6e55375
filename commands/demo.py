"""demo: the whole path on a laptop, from Xero's consent to proven figures in Power BI, without an account anywhere."""

import json
import shutil
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from commands.connect import Redirect, tell
from commands.terminal import ROOT, console
from local.cloud import Cloud
from local.company import first_day, generate
from local.comparison import TableComparison, compare
from local.scenario import deliver, play
from shared import wiring
from shared.state import checkpoints, outbox, sink
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.state.messages import QUEUE
from shared.sync import connect
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset
from shared.xero.resources import RESOURCES

SEED = 20261123
SETTLE_SECONDS = 600
# A quarter of a minute, so that the demo need not wait as many minutes for the poll, nor a day for contacts' balances.
HURRY = {
    "POLL_MINUTES_BY_RESOURCE": ",".join(f"{name}=0.25" for name in RESOURCES),
    "REREAD_HOURS_BY_RESOURCE": "Contacts=0,Invoices=168,Payments=168",
}
# The changes whose way from webhook to row is timed, one after the other.
TIMED = 10


def run(*, once: bool, report: Path | None, documents: int, seed: int) -> int:
    """Play the demo with a company of so many documents; 1 when any figure differs.

    Without `once` it stays up until Ctrl-C.
    """
    began = time.monotonic()
    folder = ROOT / ".local"
    shutil.rmtree(folder, ignore_errors=True)
    today = datetime.now(UTC).date()
    start = first_day(today)
    console.print("[bold]1 Starting the local cloud[/bold]")
    with Cloud(folder, start_date=start, more=HURRY) as cloud:
        books = generate(seed, today, documents=documents)
        cloud.load(books)
        cloud.use_settings()
        connector = wiring.build(cloud.values)
        connector.store.prepare()
        show_addresses(cloud)
        console.print(f"[bold]2 Connecting {books['name']}[/bold] by Xero's consent page")
        organisation = give_consent(connector, cloud)
        console.print("[bold]3 Making the dataset[/bold]")
        powerbi_id, _ = ensure_dataset(connector, DEFAULT_DATASET)
        console.print(f"Dataset {connector.settings.powerbi_dataset_name!r}: {powerbi_id}")
        console.print(f"[bold]4 Reading the history[/bold] from {start}")
        cloud.start_host()
        cloud.subscribe()
        _intent_to_receive(cloud)
        backfill(connector, cloud, organisation, books)
        console.print("[bold]5 A day of work in Xero[/bold]")
        for line in play(cloud.xero_url, organisation.tenant_id, seed):
            console.print(f"  {line}")
        changed_at = connector.clock.now()
        for delivery in deliver(cloud.xero_url):
            took = f"answered {delivery['status']} in {delivery['milliseconds']} ms"
            console.print(f"  Webhook with {delivery['events']} events {took}")
        with console.status("Waiting for the poll to find what has no webhook"):
            settle(connector, organisation, read_since=changed_at)
        console.print(f"[bold]6 Timing {TIMED} webhooks[/bold], from delivery to row")
        latencies = time_webhooks(cloud, organisation)
        settle(connector, organisation)
        console.print("[bold]7 Comparing Power BI with Xero[/bold], field by field")
        tables = compare(cloud.xero_url, cloud.powerbi_url, organisation.tenant_id, powerbi_id, start=start)
        code = conclude(cloud, tables, latencies, time.monotonic() - began, report)
        if not once:
            _stay(cloud)
        return code


def conclude(
    cloud: Cloud,
    tables: dict[str, TableComparison],
    latencies: list[float],
    seconds: float,
    report: Path | None,
) -> int:
    """Show the figures, write them to the report; the exit code, 1 when any figure differs."""
    summary = _report(cloud, tables, latencies, seconds)
    _show(summary, tables)
    if report:
        report.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return 1 if any(table["mismatches"] for table in summary["tables"].values()) else 0


def give_consent(connector: Connector, cloud: Cloud) -> Organisation:
    """What `connect` does, with a browser that presses the button by itself."""
    consent = connect.ask_for_consent(connector)
    with Redirect(connector.settings.xero_redirect_uri) as redirect:
        press_allow(consent.url, cloud.xero.store.users()[0])
        organisations = connect.finish_consent(connector, consent, redirect.wait(30))
    tell(organisations)
    return organisations[0]


def press_allow(consent_url: str, user: str) -> None:
    """Allow everything on the simulator's consent page and follow its redirect."""
    with requests.Session() as browser:
        browser.trust_env = False
        page = browser.get(consent_url, timeout=30)
        page.raise_for_status()
        form = _form(page.text, user)
        browser.post(consent_url, data=[*form, ("decision", "allow")], timeout=30).raise_for_status()


def _form(page: str, user: str) -> list[tuple[str, str]]:
    """The fields of a user's form on the consent page, as a browser would send them."""
    from html.parser import HTMLParser

    class Forms(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.forms: list[list[tuple[str, str]]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            given = dict(attrs)
            if tag == "form":
                self.forms.append([])
            if tag == "input" and self.forms and given.get("name"):
                self.forms[-1].append((str(given["name"]), given.get("value") or ""))

    parser = Forms()
    parser.feed(page)
    return next(form for form in parser.forms if ("user", user) in form)


def backfill(connector: Connector, cloud: Cloud, organisation: Organisation, books: dict[str, Any]) -> None:
    """Wait for the history with a bar: records that have arrived, of those that Xero holds."""
    total = sum(len(records) for records in books["resources"].values())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Records", total=total)

        def show() -> None:
            answer = requests.get(f"{cloud.powerbi_url}/_sim/datasets", timeout=30).json()
            rows = {table["name"]: table["rows"] for table in answer[0]["tables"]}
            progress.update(bar, completed=min(total, sum(rows.values()) - rows.get("Lines", 0)))

        settle(connector, organisation, meanwhile=show)
        progress.update(bar, completed=total)


def settle(
    connector: Connector,
    organisation: Organisation,
    *,
    read_since: datetime | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Wait until every resource is read (again, since an instant) and nothing is on its way to Power BI.

    Raises TimeoutError with what is still missing.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while missing := _unsettled(connector, organisation, read_since):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not settled after {SETTLE_SECONDS} s: {missing}")
        meanwhile()
        time.sleep(0.5)


def _unsettled(connector: Connector, organisation: Organisation, read_since: datetime | None) -> str:
    for name in RESOURCES:
        checkpoint = checkpoints.load(connector.store, organisation.tenant_id, name)
        fresh = read_since is None or (checkpoint.completed_at or checkpoints.LONG_AGO) > read_since
        if not checkpoint.history or (checkpoint.read and checkpoint.read.kind == "history") or not fresh:
            return f"{name} is being read{': ' + checkpoint.trouble if checkpoint.trouble else ''}"
    if next(outbox.pending(connector.store, organisation.dataset), None):
        return "batches are pending"
    if sink.read(connector.store, organisation.dataset).in_flight:
        return "batches are in flight"
    return "messages are queued" if connector.store.queue_length(QUEUE) else ""


def time_webhooks(cloud: Cloud, organisation: Organisation) -> list[float]:
    """Milliseconds from a webhook's delivery to its row, for changes made one after the other."""
    records = requests.get(
        f"{cloud.xero_url}/_sim/records/{organisation.tenant_id}/Invoices", timeout=60
    ).json()
    some = [record["InvoiceID"] for record in records["records"] if record.get("Status") == "AUTHORISED"][
        :TIMED
    ]
    latencies = []
    for number, invoice_id in enumerate(some):
        change = {
            "tenant_id": organisation.tenant_id,
            "resource": "Invoices",
            "id": invoice_id,
            "set": {"Reference": f"timed {number}"},
        }
        requests.post(f"{cloud.xero_url}/_sim/change", json=change, timeout=30).raise_for_status()
        before = _invoice_rows(cloud)
        began = time.monotonic()
        deliver(cloud.xero_url)
        while _invoice_rows(cloud) == before:
            if time.monotonic() - began > 60:
                raise TimeoutError(f"no row within 60 s of the webhook for invoice {invoice_id}")
            time.sleep(0.02)
        latencies.append((time.monotonic() - began) * 1000)
    return latencies


def _invoice_rows(cloud: Cloud) -> int:
    answer = requests.get(f"{cloud.powerbi_url}/_sim/datasets", timeout=30).json()
    return next(int(table["rows"]) for table in answer[0]["tables"] if table["name"] == "Invoices")


def show_addresses(cloud: Cloud) -> None:
    """Where everything listens."""
    for name, address in {
        "Functions host": cloud.host_url,
        "Webhook": cloud.webhook_url,
        "Xero": f"{cloud.xero_url} (control under /_sim/)",
        "Power BI": f"{cloud.powerbi_url} (control under /_sim/)",
        "Key Vault": cloud.identity.vault_url,
        "Settings": str(cloud.settings_file.relative_to(ROOT)),
        "Host's log": str(cloud.host_log.relative_to(ROOT)),
    }.items():
        console.print(f"  {name:<15}{address}")


def _intent_to_receive(cloud: Cloud) -> None:
    answer = requests.post(f"{cloud.xero_url}/_sim/webhooks/intent", json={}, timeout=60).json()
    if not answer["passed"]:
        raise RuntimeError(f"Xero's Intent to Receive failed: {answer['deliveries']}")
    console.print(f"Xero's Intent to Receive passed: {len(answer['deliveries'])} deliveries")


def _report(
    cloud: Cloud, tables: dict[str, TableComparison], latencies: list[float], seconds: float
) -> dict[str, Any]:
    posts = requests.get(f"{cloud.powerbi_url}/_sim/posts", timeout=30).json()
    ordered = sorted(latencies)
    return {
        "tables": {
            name: {
                "xero_records": table.xero_records,
                "powerbi_rows": table.powerbi_rows,
                "powerbi_current": table.powerbi_current - table.beyond_scope,
                "mismatches": len(table.mismatches),
            }
            for name, table in tables.items()
        },
        "xero_calls": cloud.xero.statistics.calls,
        "xero_bytes": cloud.xero.statistics.bytes,
        "powerbi_posts": len(posts),
        "seconds": round(seconds, 1),
        "webhook_to_row_ms": {
            "p50": round(statistics.median(ordered)),
            "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]),
            "max": round(ordered[-1]),
        },
    }


def _show(summary: dict[str, Any], tables: dict[str, TableComparison]) -> None:
    shown = Table("Table", "Xero's records", "Rows in Power BI", "Current in Power BI", "Differences")
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, table in summary["tables"].items():
        shown.add_row(
            name,
            *(f"{table[key]:,}" for key in ("xero_records", "powerbi_rows", "powerbi_current", "mismatches")),
        )
    console.print(shown)
    for table in tables.values():
        for difference in table.mismatches[:5]:
            console.print(f"  {table.table}: {difference}", style="red", markup=False)
    webhook = summary["webhook_to_row_ms"]
    console.print(
        f"{summary['xero_calls']} calls to Xero ({summary['xero_bytes'] / 1e6:.1f} MB), {summary['powerbi_posts']} POSTs "
        f"to Power BI, webhook to row {webhook['p50']} ms (median) to {webhook['max']} ms, {summary['seconds']:.0f} s in all"
    )


def _stay(cloud: Cloud) -> None:
    console.print("The local cloud stays up. Change a record through /_sim/ and watch; Ctrl-C ends it.")
    show_addresses(cloud)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("Stopping.")
