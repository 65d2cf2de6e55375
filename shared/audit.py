"""The audit: what happened, when, why, how many, with what outcome. One table a month.

Rows of a run are written together, by day, in the order in which they happened. Those that somebody may be looking for
are told in the log at once, without their words.
"""

import logging
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from shared import log
from shared.clock import Clock
from shared.storage import Entity, Store, Write, transactions

# Azure Tables holds 64 KiB of UTF-16 a string property, in which a character may take four bytes.
LONGEST = 15_000
# A row about so many records or fewer names them, so that the life of each can be told; a page of more is read for it.
NAMED = 100
# Outcomes that are told in the log whatever had them, and what is told whatever came of it. The rest is told in sum, by
# whoever runs it.
LEVELS = {
    "ask": logging.ERROR,
    "parked": logging.ERROR,
    "wrong": logging.ERROR,
    "differs": logging.ERROR,
    "put aside": logging.ERROR,
    "record": logging.WARNING,
    "batch": logging.WARNING,
    "lost": logging.WARNING,
    "unproven": logging.WARNING,
    "retried": logging.INFO,
    "put off": logging.INFO,
    "joined": logging.INFO,
    "ended": logging.INFO,
    "repeated": logging.INFO,
    "split": logging.INFO,
}
TOLD = ("compact", "connect", "delete", "disconnect", "pause", "refresh", "replay", "upgrade")
# Where something was put; elsewhere `why` are free words.
WHERE = ("message", "quarantine")

logger = logging.getLogger(__name__)


class Audit:
    """Rows of one run, all with its operation id, written by `flush`. `sums`: what they come to so far."""

    def __init__(self, store: Store, clock: Clock, operation: str) -> None:
        self._store = store
        self._clock = clock
        self.operation = operation
        self.sums: Counter[str] = Counter()
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
        ids: Collection[str] = (),
        request_id: str = "",
        error: str | Exception = "",
        operation: str = "",
        **more: str | int | float,
    ) -> None:
        """One row. `what`: webhook, fetch, push, refresh, quarantine …; `outcome`: done, retried, refused, lost …

        ids: of the records that it is about. operation: another than this run's, when it tells of work that was asked for by another.
        """
        now = self._clock.now()
        row: dict[str, Any] = {
            "PartitionKey": f"{now:%Y%m%d}",
            "RowKey": f"{now:%H%M%S.%f}-{uuid.uuid4().hex[:12]}",
            "format": 1,
            "at": now.isoformat(timespec="milliseconds"),
            "operation": operation or self.operation,
            "what": what,
            "outcome": outcome,
            "organisation": organisation,
            "resource": resource,
            "why": why,
            "count": count,
            "batches": " ".join(batches),
            "ids": " ".join(sorted(ids)) if len(ids) <= NAMED else "",
            "request_id": request_id,
            "error": str(error),
            **more,
        }
        self._rows.append(
            {
                name: value[:LONGEST] if isinstance(value, str) else value
                for name, value in row.items()
                if value != ""
            }
        )
        self._sum_up(what, outcome, count, len(batches))
        level = LEVELS.get(outcome, logging.INFO if what in TOLD else logging.NOTSET)
        if level:
            log.event(
                logger,
                f"{what} {outcome}",
                level=level,
                operation=operation or self.operation,
                organisation=organisation,
                resource=resource,
                count=count or None,
                request_id=request_id,
                where=why if what in WHERE else "",
                **more,
                **(log.cause(error) if isinstance(error, Exception) else {}),
            )

    def _sum_up(self, what: str, outcome: str, count: int, batches: int) -> None:
        """What it cost and brought: calls and records of Xero's, batches, POSTs and rows of Power BI's."""
        if what == "fetch" and outcome in ("landed", "empty", "not found"):
            self.sums += Counter(calls=1, records=count)
        elif what == "post" and outcome == "done":
            self.sums += Counter(posts=1, rows=count)
        elif what == "push" and batches:
            self.sums += Counter(batches=batches)

    def flush(self) -> None:
        """Write what was added since the last flush; what could not be written stays for the next."""
        for day in sorted({str(row["PartitionKey"]) for row in self._rows}):
            table = f"audit{day[:6]}"
            self._store.create_table(table)
            # Not as an insert, which fails where the answer to the same write was lost.
            of_day = [Write("replace", row) for row in self._rows if row["PartitionKey"] == day]
            for some in transactions(of_day):
                self._store.write_entities(table, some)
                written = {write.entity["RowKey"] for write in some}
                self._rows = [row for row in self._rows if row["RowKey"] not in written]
