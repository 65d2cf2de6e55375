"""What the connector costs: operations measured in a simulated week, times prices that are written in prices.json.

    python3 -m bench.costs                      # prints the tables of docs/costs.md
    python3 -m bench.costs --write              # and writes them there
    python3 -m bench.costs --prices mine.json   # with the prices of your region and contract

Vendors are the stand-ins, storage is in memory, time is simulated: operations, calls and bytes are counted, not timed.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from azure.core.pipeline.transport import HttpTransport

from local.company import first_day, generate
from local.company.offices import OFFICES
from shared import wiring
from shared.state.messages import QUEUE
from tests.support import books
from tests.support.memory_store import MemoryStore
from tests.support.openapi import Exchange
from tests.support.servers import Servers
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "costs.md"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")
SEED = 7
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
# Years of history, of which the last is the one whose documents a year are asked for.
MONTHS = 12
DAYS_A_MONTH = 30
# Two sizes, of which a straight line is drawn.
SMALL, LARGE = 600, 2400
CHANGES = 40
# A document is written so many times in its life: entered, approved, sent, paid.
VERSIONS = 4
# Entities that a query answers at once.
QUERY_PAGE = 1000

Counts = Counter[str]
RUNS = ("runs of poll_timer", "runs of token_refresh_timer", "runs of push_queue", "runs of webhook_http")


class Counting:
    """A store that counts what Azure bills: each request by its kind. Everything else is the store's."""

    KINDS: Mapping[str, str] = {
        "put_blob": "blob write",
        "get_blob": "blob read",
        "list_blobs": "blob list",
        "acquire_lease": "blob other",
        "renew_lease": "blob other",
        "release_lease": "blob other",
        "get_entity": "table",
        "query_entities": "table",
        "write_entity": "table",
        "write_entities": "table",
        "create_table": "table",
        "send_message": "queue",
        "receive_messages": "queue",
        "delete_message": "queue",
        "queue_length": "queue",
    }

    def __init__(self, store: MemoryStore, counts: Counts) -> None:
        self._store = store
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        kind = self.KINDS.get(name)
        if kind is None:
            return found

        def counted(*given: Any, **named: Any) -> Any:
            self._counts[kind] += 1
            answer = found(*given, **named)
            return self._paged(answer, kind) if name in ("query_entities", "list_blobs") else answer

        return counted

    def _paged(self, items: Iterator[Any], kind: str) -> Iterator[Any]:
        for number, item in enumerate(items):
            if number and number % QUERY_PAGE == 0:
                self._counts[kind] += 1
            yield item


@dataclass(frozen=True)
class Measured:
    """What one size of books took. history: once. quiet: a day without a change. change: one document written once.
    reread: what a day takes on top in which the lists that are read whole once a week are.
    """

    documents: int
    history: Counts
    quiet: Counts
    change: Counts
    reread: Counts
    stored: int


def measure(documents: int, servers: Servers, seen: Counts) -> Measured:
    """Read a year of `documents` documents, then live a day in which nothing happens, then one with changes."""
    company = generate(SEED, START.date(), MONTHS, round(documents / OFFICES[0].share))[0]
    world = World(servers, start=START, settings={"START_DATE": first_day(START.date(), MONTHS).isoformat()})
    counts: Counts = Counter()
    counting(world, counts)
    office = cast(Mapping[str, Any], company)
    world.xero.store.load(books.TENANT, office["name"], office["resources"], "user-1")
    seen.clear()
    with during(world, counts, seen) as history:
        world.connect()
        live(world, counts, until=lambda: not world.unsettled(), at_most=timedelta(days=2))
    with during(world, counts, seen) as quiet:
        live(world, counts, at_most=timedelta(days=1))
    keys = [record["InvoiceID"] for record in office["resources"]["Invoices"][:CHANGES]]
    with during(world, counts, seen) as changes:
        for number, key in enumerate(keys):
            world.xero.documents.change(
                books.TENANT, "Invoices", key, {"Reference": f"seen {number}"}, [], True
            )
            world.webhook([("INVOICE", key)])
            counts["runs of webhook_http"] += 1
            push(world, counts)
            world.advance(60)
    world.advance(timedelta(days=6).total_seconds())
    with during(world, counts, seen) as weekly:
        live(world, counts, at_most=timedelta(days=1))
    return Measured(
        documents=documents,
        history=history,
        quiet=quiet,
        change=Counter({name: count / CHANGES for name, count in changes.items()}),
        reread=Counter({name: weekly[name] - quiet[name] for name in weekly}),
        stored=size(world),
    )


def counting(world: World, counts: Counts) -> None:
    """Put the counting store before the world's, for every process that it starts."""
    store = cast(MemoryStore, Counting(world.store, counts))

    def restart() -> Any:
        world.connector = wiring.build(world.environment, clock=world.clock, store=store)
        world._started = world.clock.now()
        return world.connector

    world.restart = restart  # type: ignore[method-assign]
    world.restart()


def live(
    world: World,
    counts: Counts,
    *,
    at_most: timedelta,
    until: Callable[[], bool] = lambda: False,
) -> None:
    """Let the timers and the queue run, by their schedules."""
    end = world.clock.now() + at_most
    while world.clock.now() < end:
        minute = world.clock.now().minute
        counts["runs of poll_timer"] += 1
        world.poll()
        if minute % 5 == 0:
            counts["runs of token_refresh_timer"] += 1
            world.refresh()
        push(world, counts)
        if until():
            return
        world.advance(max(1, 60 - world.clock.now().second))


def push(world: World, counts: Counts) -> None:
    """Hand what is queued to push_queue, message by message."""
    while (message := world.receive()) is not None:
        counts["runs of push_queue"] += 1
        # What the host itself does with a message.
        counts["queue"] += 2
        world.honour(message.text)
        world.store.delete_message(QUEUE, message)


@contextmanager
def during(world: World, counts: Counts, seen: Counts) -> Iterator[Counts]:
    """Yields the counts of what happens inside."""
    before, seen_before, found = counts.copy(), seen.copy(), Counter[str]()
    yield found
    found.update({name: counts[name] - before[name] for name in counts})
    found.update({name: seen[name] - seen_before[name] for name in seen})


def size(world: World) -> int:
    """Bytes in blobs and entities; properties beside the record itself count for a few."""
    store = world.store
    blobs = sum(len(data) for container in store._containers.values() for data in container.values())
    values = (
        value
        for table in store._tables.values()
        for partition in table.partitions.values()
        for stored in partition.values()
        for value in stored.entity.values()
    )
    return blobs + sum(len(value) if isinstance(value, bytes) else 2 * len(str(value)) for value in values)


def see(seen: Counts) -> Callable[[Exchange], None]:
    def look(exchange: Exchange) -> None:
        if exchange.path.startswith("/api.xro/"):
            seen["Xero calls"] += 1
            seen["Xero bytes"] += len(exchange.answer)
        elif exchange.path.endswith("/rows") and exchange.method == "POST":
            seen["Power BI POSTs"] += 1
            seen["Power BI rows"] += exchange.body.count(b'"RowVersion"')

    return look


def line(small: Measured, large: Measured, part: str, name: str, documents: int) -> float:
    """The straight line through both sizes, at a size."""
    low, high = getattr(small, part)[name], getattr(large, part)[name]
    slope = (high - low) / (large.documents - small.documents)
    return float(max(0.0, low + slope * (documents - small.documents)))


def page(small: Measured, large: Measured, sizes: Sequence[int], prices: Mapping[str, float]) -> list[str]:
    """The tables of docs/costs.md."""
    estimates = [estimate(small, large, documents, prices) for documents in sizes]
    return [
        f"Measured with a year of {SMALL:,} and of {LARGE:,} documents of one organisation, and a straight line drawn through both:",
        "",
        *table(
            ("", *(f"{documents:,} documents a year" for documents in sizes)),
            [
                (name, *(f"{each.operations[name]:,.0f}" for each in estimates))
                for name in estimates[0].operations
            ],
        ),
        "",
        "A month in US dollars, after free grants:",
        "",
        *table(
            ("", *(f"{documents:,} documents a year" for documents in sizes)),
            [
                *(
                    (name, *(f"{each.dollars[name]:,.2f}" for each in estimates))
                    for name in estimates[0].dollars
                ),
                ("**together**", *(f"**{sum(each.dollars.values()):,.2f}**" for each in estimates)),
            ],
        ),
    ]


@dataclass(frozen=True)
class Estimate:
    operations: Mapping[str, float]
    dollars: Mapping[str, float]


def estimate(small: Measured, large: Measured, documents: int, prices: Mapping[str, float]) -> Estimate:
    """What a month takes and costs, at so many documents a year."""
    changes = documents * VERSIONS / 365

    def history(name: str) -> float:
        return line(small, large, "history", name, documents)

    def day(name: str) -> float:
        return line(small, large, "quiet", name, documents) + changes * large.change[name]

    def month(name: str) -> float:
        return DAYS_A_MONTH * (day(name) + line(small, large, "reread", name, documents) / 7)

    runs = sum(month(name) for name in RUNS)
    # Vendors' answers are waited for; what a run takes beside them is rounded up to the least that is billed.
    seconds = runs * prices["least billed seconds of a run"] + prices["seconds of a vendor's answer"] * (
        month("Xero calls") + month("Power BI POSTs")
    )
    gigabyte_seconds = seconds * prices["instance GB"]
    per_document = (large.stored - small.stored) / (large.documents - small.documents)
    stored = (small.stored + per_document * (documents - small.documents)) * prices["years kept"] / 1e9
    logged = (
        runs * prices["logged bytes of a run"] + month("Xero calls") * prices["logged bytes of a call"]
    ) / 1e9
    operations = {
        "Xero calls of the history, once": history("Xero calls"),
        "MB from Xero of the history, once": history("Xero bytes") / 1e6,
        "Xero calls a day": day("Xero calls"),
        "MB from Xero a month": month("Xero bytes") / 1e6,
        "Power BI POSTs a day": day("Power BI POSTs"),
        "Runs of functions a month": runs,
        "GB-seconds a month": gigabyte_seconds,
        "Storage operations a month: blobs": sum(
            month(f"blob {kind}") for kind in ("write", "read", "list", "other")
        ),
        "Storage operations a month: tables": month("table"),
        "Storage operations a month: queues": month("queue") + prices["queue looks a month"],
        "MB stored after a year": (small.stored + per_document * (documents - small.documents)) / 1e6,
        "MB logged a month": logged * 1e3,
    }
    dollars = {
        "Functions: GB-seconds": max(0, gigabyte_seconds - prices["free GB-seconds"]) * prices["GB-second"],
        "Functions: runs": max(0, runs - prices["free runs"]) * prices["million runs"] / 1e6,
        "Storage: operations": (
            (month("blob write") + month("blob list")) * prices["10,000 blob writes or lists"]
            + (month("blob read") + month("blob other")) * prices["10,000 blob reads"]
            + month("table") * prices["10,000 table operations"]
            + (month("queue") + prices["queue looks a month"]) * prices["10,000 queue operations"]
        )
        / 1e4,
        "Storage: kept": stored * prices["GB stored a month"],
        "Key Vault": month("vault") * prices["10,000 vault operations"] / 1e4
        + runs / prices["runs of a process"] * 4 * prices["10,000 vault operations"] / 1e4,
        "Logs": max(0, logged - prices["free GB logged"]) * prices["GB logged"],
        "Alert rules": prices["log alert rules"] * prices["log alert rule a month"]
        + prices["metric alert rules"] * prices["metric alert rule a month"],
    }
    return Estimate(operations, dollars)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|---|{'---:|' * (len(head) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    arguments.add_argument(
        "--documents", type=int, nargs="+", default=[1_000, 100_000], metavar="N", help="a year"
    )
    arguments.add_argument("--prices", type=Path, default=ROOT / "bench" / "prices.json")
    arguments.add_argument("--write", action="store_true", help="into docs/costs.md")
    given = arguments.parse_args()
    seen: Counts = Counter()
    with tempfile.TemporaryDirectory() as folder, Servers(Path(folder), see(seen)) as servers:
        os.environ.update(servers.identity.environment())
        HttpTransport.sleep = lambda _, seconds: servers.identity_clock.leader.sleep(seconds)  # type: ignore[assignment, method-assign]
        small, large = (measure(documents, servers, seen) for documents in (SMALL, LARGE))
    text = "\n".join(page(small, large, given.documents, json.loads(given.prices.read_text())))
    sys.stdout.write(text + "\n")
    if given.write:
        head, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
        tail = rest.partition(MARKS[1])[2]
        PAGE.write_text(f"{head}{MARKS[0]}\n{text}\n{MARKS[1]}{tail}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
