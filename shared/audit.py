"""The audit: what happened, when, why, how many, with what outcome. One table a month.

Rows of a run are written together, by day, in the order in which they happened.
"""

import uuid
from collections.abc import Sequence
from typing import Any

from shared.clock import Clock
from shared.storage import Entity, Store, Write, transactions

# Azure Tables holds 64 KiB of UTF-16 a string property, in which a character may take four bytes.
LONGEST = 15_000


class Audit:
    """Rows of one run, all with its operation id, written by `flush`."""

    def __init__(self, store: Store, clock: Clock, operation: str) -> None:
        self._store = store
        self._clock = clock
        self.operation = operation
        self._rows: list[Entity] = []

    def add(
        self,
        what: str,
        outcome: str,
        *,
        organisation: str = "",
        resource: str = "",
        why: str = "",
        count: int = 0,
        batches: Sequence[str] = (),
        request_id: str = "",
        error: str = "",
        **more: str | int | float,
    ) -> None:
        """One row. `what`: webhook, fetch, push, refresh, quarantine …; `outcome`: done, retried, refused, lost …"""
        now = self._clock.now()
        row: dict[str, Any] = {
            "PartitionKey": f"{now:%Y%m%d}",
            "RowKey": f"{now:%H%M%S.%f}-{uuid.uuid4().hex[:12]}",
            "at": now.isoformat(timespec="milliseconds"),
            "operation": self.operation,
            "what": what,
            "outcome": outcome,
            "organisation": organisation,
            "resource": resource,
            "why": why,
            "count": count,
            "batches": " ".join(batches),
            "request_id": request_id,
            "error": error,
            **more,
        }
        self._rows.append(
            {
                name: value[:LONGEST] if isinstance(value, str) else value
                for name, value in row.items()
                if value != ""
            }
        )

    def flush(self) -> None:
        """Write what was added since the last flush; what could not be written stays for the next."""
        for day in sorted({str(row["PartitionKey"]) for row in self._rows}):
            table = f"audit{day[:6]}"
            self._store.create_table(table)
            of_day = [Write("insert", row) for row in self._rows if row["PartitionKey"] == day]
            for some in transactions(of_day):
                self._store.write_entities(table, some)
                written = {write.entity["RowKey"] for write in some}
                self._rows = [row for row in self._rows if row["RowKey"] not in written]
