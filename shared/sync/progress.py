"""How far an organisation's history is read, and what the rest will take in calls and minutes. No call is made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.settings import Settings
from shared.state import checkpoints
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.reports import days
from shared.xero.resources import Resource


@dataclass(frozen=True)
class Progress:
    """A resource's history. pages: None until Xero told how many there are. calls_left: at least, while that is so.

    records: those read so far, or of the last whole read. trouble: why it does not go on; waits_until: when it will.
    """

    resource: str
    done: bool
    page: int
    pages: int | None
    records: int
    calls_left: int
    trouble: str
    waits_until: datetime | None = None


def history_progress(connector: Connector, organisation: Organisation) -> list[Progress]:
    """The history of each resource that is read, in the order in which they are read."""
    return [
        _progress(
            connector,
            resource,
            checkpoints.load(connector.store, organisation.tenant_id, resource.name),
        )
        for resource in connector.resources.values()
    ]


def minutes_left(settings: Settings, progress: Sequence[Progress]) -> float:
    """Minutes that the calls left take an organisation within Xero's minute and day, the reserve left alone."""
    calls = sum(each.calls_left for each in progress)
    a_day = max(1, settings.xero_day_limit - settings.xero_webhook_reserve)
    return calls / settings.xero_minute_limit + (calls // a_day) * 24 * 60


def _progress(connector: Connector, resource: Resource, checkpoint: Checkpoint) -> Progress:
    read = checkpoint.read
    again = read is not None and read.kind == "history"
    done = bool(checkpoint.history) and not checkpoint.touching and not again
    until = checkpoint.resume_at if checkpoint.resume_at > connector.clock.now() else None
    calls, page, pages, records = 0, 0, None, checkpoint.records
    if read is not None and read.kind == "history":
        if resource.report is not None:
            asked, left = len(read.asked), len(read.days)
            return Progress(resource.name, done, asked, asked + left, asked, left, checkpoint.trouble, until)
        pages = read.page_count
        page = read.page - 1
        if read.descending and pages is not None:
            page = pages - read.page
        records = min(page * connector.settings.xero_page_size, read.item_count or 0)
        calls = 1 if pages is None else max(0, pages - page)
        # The correction, and perhaps a count, of what has more than one page; one answer each further window.
        calls += (2 if resource.paged and (pages or 0) > 1 else 0) + max(
            0, len(read.windows) - read.window - 1
        )
    elif not checkpoint.history:
        calls = 1 if resource.report is None else len(days(resource, connector))
    if checkpoint.touching:
        calls += 1
    return Progress(resource.name, done, page, pages, records, calls, checkpoint.trouble, until)
