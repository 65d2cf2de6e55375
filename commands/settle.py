"""Waiting, with something to see, until what is read has arrived in Power BI."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

import requests
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from commands.terminal import console
from local.cloud import Cloud
from shared.state import checkpoints, outbox, sink
from shared.state.connections import Organisation
from shared.state.made import MADE
from shared.state.messages import QUEUE
from shared.sync.connector import Connector
from shared.tables import TABLES

SETTLE_SECONDS = 900
# Tables whose rows are not one a record that Xero holds.
OF_CHILDREN = (
    *("Lines", "Allocations", "TrackingCategories", "Journals"),
    *("OpenItems", "CashMovements", "TrialBalance", "ProfitAndLoss"),
)
# Tables of which Xero has no record.
OURS = {name for name, table in TABLES.items() if set(table.resources) <= set(MADE)}


def backfill(connector: Connector, cloud: Cloud, organisations: Sequence[Organisation], records: int) -> None:
    """Wait for the history with a bar: records that have arrived, of those that Xero holds."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("Records", total=records)

        def show() -> None:
            answer = requests.get(f"{cloud.powerbi_url}/_sim/datasets", timeout=30).json()
            arrived = sum(
                table["rows"]
                for dataset in answer
                for table in dataset["tables"]
                if table["name"] in TABLES.keys() - OF_CHILDREN - OURS
            )
            progress.update(bar, completed=min(records, arrived))

        settle(connector, organisations, meanwhile=show)
        progress.update(bar, completed=records)


def settle(
    connector: Connector,
    organisations: Sequence[Organisation],
    *,
    read_since: datetime | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Wait until every resource is read (again, since an instant) and nothing is on its way to Power BI.

    Raises TimeoutError with what is still missing.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    while missing := unsettled(connector, organisations, read_since):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not settled after {SETTLE_SECONDS} s: {missing}")
        meanwhile()
        time.sleep(0.5)


def unsettled(
    connector: Connector, organisations: Sequence[Organisation], read_since: datetime | None = None
) -> str:
    """What is still to be read or on its way; "" when nothing is."""
    for organisation in organisations:
        for name, resource in connector.resources.items():
            checkpoint = checkpoints.load(connector.store, organisation.tenant_id, name)
            fresh = read_since is None or (checkpoint.fresh_as_of or checkpoints.LONG_AGO) > read_since
            # What a report shows to be changed may make another one due at once.
            if read_since and resource.report and checkpoint.is_due(connector.clock.now()):
                fresh = False
            if not checkpoint.history or checkpoint.touching or not fresh:
                trouble = f": {checkpoint.trouble}" if checkpoint.trouble else ""
                return f"{name} of {organisation.name} is being read{trouble}"
    for dataset in sorted({organisation.dataset for organisation in organisations}):
        if next(outbox.pending(connector.store, dataset), None):
            return f"batches of dataset {dataset} are pending"
        if sink.read(connector.store, dataset).in_flight:
            return f"batches of dataset {dataset} are in flight"
    return "messages are queued" if connector.store.queue_length(QUEUE) else ""
