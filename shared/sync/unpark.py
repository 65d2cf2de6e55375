"""What waits for a person is tried again now, since an operator says that its cause is mended.

Nothing is forced: what is not mended is parked again, with the words that it had. Limits are waited for as before.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import replace

from shared.errors import RunEnded
from shared.state import checkpoints, connections, messages, noted, outbox, sink
from shared.state.connections import Organisation
from shared.sync import refusals
from shared.sync.connector import Connector
from shared.xero.resources import RESOURCES

# A compaction for this reason has nobody's word for rows that the mirror cannot give back.
REPLAY = "replay"


def unpark_reads(connector: Connector, organisation: Organisation, resource: str = "") -> list[str]:
    """Make the parked resources of an organisation due; answers which. poll_timer reads them in its next run."""
    now = connector.clock.now()
    due = []
    for name, checkpoint in checkpoints.load_all(connector.store, organisation.tenant_id).items():
        if checkpoint.parked and name in RESOURCES and resource in ("", name):
            # A run that moved it on meanwhile reads already.
            with suppress(RunEnded):
                replace(
                    checkpoint,
                    resume_at=min(checkpoint.resume_at, now),
                    next_at=min(checkpoint.next_at, now),
                ).save(connector.store)
                due.append(name)
    return due


def unpark_datasets(connector: Connector, operation: str) -> Counter[str]:
    """Have push_queue try what Power BI or a full table refused, and compact the tables that were parked; how many of each."""
    tried: Counter[str] = Counter()
    refused = {name for kind, name in noted.noted(connector.store) if kind == "refused"}
    for dataset in sorted({each.dataset for each in connections.connected(connector.store)}):
        if dataset in refused and next(outbox.pending(connector.store, dataset), None) is not None:
            refusals.accepted(connector, dataset)
            # The wake that is outstanding may be due in a day.
            messages.send_wake(connector.store, connector.clock, dataset, REPLAY, operation)
            tried["datasets"] += 1
        for table, standing in sink.read(connector.store, dataset).tables.items():
            if standing.parked:
                messages.ask(
                    connector.store, connector.clock, dataset, "compact", REPLAY, operation, table=table
                )
                tried["tables"] += 1
    return tried
