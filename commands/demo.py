"""demo: the whole path on a laptop, from Xero's consent to proven figures in Power BI, without an account anywhere."""

import shutil
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import batched
from pathlib import Path
from typing import Any

import requests
from rich.markup import escape

from commands.consent import give_consent
from commands.figures import conclude
from commands.settle import OF_CHILDREN, backfill, settle
from commands.terminal import ROOT, console, item
from local.cloud import Cloud
from local.company import first_day, generate
from local.comparison import compare
from local.recorded import Recorded, load_folder
from local.scenario import deliver, play
from shared import wiring
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset
from shared.xero.resources import RESOURCES

Books = Mapping[str, Any]

SEED = 20261123
# The history of recorded books begins before any of them.
LONG_AGO = date(2000, 1, 1)
# Half a minute, so that the demo need not wait as many minutes for the poll, nor a day for contacts' balances. Reports are
# several calls each; Xero takes 60 a minute, of which the lists leave half to the reports' history.
HURRY = {
    "POLL_MINUTES_BY_RESOURCE": ",".join(
        f"{name}={0.5 if resource.report is None else 1}" for name, resource in RESOURCES.items()
    ),
    "REREAD_HOURS_BY_RESOURCE": "Contacts=0,Invoices=168,Payments=168",
}
# Reasons to pass over a recorded file that are shown; a file has them all.
REASONS = 6
# The changes whose way from webhook to row is timed, one after the other.
TIMED = 10


def run(*, once: bool, report: Path | None, documents: int, seed: int, company: Path | None) -> int:
    """Play the demo with a company of so many documents, or with recorded books; 1 when any figure differs.

    Without `once` it stays up until Ctrl-C.
    """
    began = time.monotonic()
    folder = ROOT / ".local"
    shutil.rmtree(folder, ignore_errors=True)
    today = datetime.now(UTC).date()
    all_books = [_recorded(company, folder)] if company else generate(seed, today, documents=documents)
    start = LONG_AGO if company else first_day(today)
    # Nobody recorded the reports of a quarter of a century.
    more = HURRY | ({"READ_REPORTS": "false"} if company else {})
    console.print("[bold]1 Starting the local cloud[/bold]")
    with Cloud(folder, start_date=start, more=more) as cloud:
        for books in all_books:
            cloud.load(dict(books))
        cloud.use_settings()
        connector = wiring.build(cloud.values)
        connector.store.prepare()
        show_addresses(cloud)
        users = sorted({books["user"] for books in all_books})
        console.print("[bold]2 Connecting[/bold] by Xero's consent page")
        organisations = [each for user in users for each in give_consent(connector, user)]
        for each in organisations:
            item(f"{each.name} ({each.base_currency})  {each.tenant_id}")
        console.print("[bold]3 Making the dataset[/bold]")
        powerbi_id, _ = ensure_dataset(connector, DEFAULT_DATASET)
        item(f"{connector.settings.powerbi_dataset_name}  {powerbi_id}")
        console.print(f"[bold]4 Reading the history[/bold]{'' if company else f' from {start}'}")
        cloud.start_host()
        cloud.subscribe()
        _intent_to_receive(cloud)
        records = sum(
            len(some)
            for books in all_books
            for name, some in books["resources"].items()
            if name in connector.resources and name not in OF_CHILDREN
        )
        backfill(connector, cloud, organisations, records)
        latencies = [] if company else _live(connector, cloud, organisations, seed)
        console.print(f"[bold]{5 if company else 7} Comparing Power BI with Xero[/bold], field by field")
        compared = {
            each.name: compare(
                cloud.xero_url,
                cloud.powerbi_url,
                each.tenant_id,
                powerbi_id,
                start=start,
                reports_until=None if company else today,
            )
            for each in organisations
        }
        code = conclude(cloud, compared, latencies, time.monotonic() - began, report)
        if once:
            console.print("Next:")
            item("python3 manage.py demo     without --once it stays up, to look around in")
            item("python3 manage.py local    the same cloud, and connecting is left to you")
        else:
            _stay(cloud)
        return code


def _recorded(company: Path, folder: Path) -> Books:
    """A folder of recorded answers as one organisation's books. Raises NotRecorded."""
    recorded = load_folder(company)
    console.print(f"[bold]0 Taking what was recorded[/bold] of {escape(recorded.books['name'])}")
    counted = [f"{name:<17}{len(some):>6}" for name, some in recorded.books["resources"].items()]
    for some in batched(counted, 3, strict=False):
        item("  ".join(some))
    for name, why in recorded.given.items():
        item(f"{name}: {why}")
    if recorded.passed_over:
        _tell_what_was_passed_over(recorded, folder)
    return recorded.books


def _tell_what_was_passed_over(recorded: Recorded, folder: Path) -> None:
    """Each reason once, the most common first; every file with its own words in a file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "passed-over.txt"
    file.write_text(
        "".join(f"{name}: {why}\n" for name, why in recorded.passed_over.items()), encoding="utf-8"
    )
    reasons = Counter(why.partition(":")[0] for why in recorded.passed_over.values()).most_common()
    item(f"Passed over: {len(recorded.passed_over)}, each with its reason in {file.relative_to(ROOT)}")
    for why, count in reasons[:REASONS]:
        item(f"- {why}: {count}")
    if more := sum(count for _, count in reasons[REASONS:]):
        item(f"- other reasons: {more}")


def _live(
    connector: Connector, cloud: Cloud, organisations: Sequence[Organisation], seed: int
) -> list[float]:
    """A day of work in every office, told by webhooks and found by the poll; answers webhooks' milliseconds to the row."""
    console.print("[bold]5 A day of work in Xero[/bold]")
    for number, organisation in enumerate(organisations):
        done = play(cloud.xero_url, organisation.tenant_id, seed)
        if number:
            item(f"{organisation.name}: {len(done)} changes of the same kinds")
            continue
        item(f"{organisation.name}:")
        for line in done:
            item(f"- {line}")
    changed_at = connector.clock.now()
    for delivery in deliver(cloud.xero_url):
        took = f"answered {delivery['status']} in {delivery['milliseconds']} ms"
        item(f"Webhook with {delivery['events']} events {took}")
    with console.status("Waiting for the poll to find what has no webhook"):
        settle(connector, organisations, read_since=changed_at)
    console.print(f"[bold]6 Timing {TIMED} webhooks[/bold], from delivery to row")
    latencies = time_webhooks(cloud, organisations[0])
    settle(connector, organisations)
    return latencies


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
    item(f"Xero's Intent to Receive passed, {len(answer['deliveries'])} deliveries")


def _stay(cloud: Cloud) -> None:
    console.print("The local cloud stays up; Ctrl-C ends it.")
    show_addresses(cloud)
    console.print("Next, in another terminal:")
    item("python3 manage.py organisations    what is connected, and how far it is read")
    item("docs/local-cloud.md                how to change a record and watch it arrive")
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        console.print("Stopping.")
