"""reconcile: whether Xero, the mirror and Power BI say the same, by organisation, table and month.

The command asks and shows; push_queue compares. So a laptop's lid may close.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from commands.organisations import NOBODY, by_name, choose
from commands.status_json import instant
from commands.terminal import Where, agreed, connector, console, item, say, say_json
from shared.state import kept, messages, mirror, proofs
from shared.state.connections import Organisation
from shared.state.proofs import Proof, ReportProof
from shared.sync.connector import Connector

LOOK_AGAIN_SECONDS = 2.0
# Without a proof for so long, it waits for something: a limit, or whoever runs the functions.
PATIENCE = timedelta(minutes=5)
# Of a record in a list, in Xero's JSON, before any was measured.
BYTES_A_RECORD = 2_000


@dataclass(frozen=True)
class Compared:
    """An organisation, and what the last comparisons of it found."""

    organisation: Organisation
    proofs: Sequence[Proof]
    reports: Sequence[ReportProof]

    @property
    def every(self) -> list[Proof | ReportProof]:
        return [*self.proofs, *self.reports]

    @property
    def is_good(self) -> bool:
        """Whether nothing differs, and no side is unproven but Power BI where nobody may query it."""
        whole = all(each.xero is not None and each.mirror is not None for each in self.proofs)
        return whole and all(each.outcome != "differs" for each in self.every)


def run(
    where: Where,
    organisation: str,
    *,
    now: bool,
    repair: bool,
    as_json: bool,
    yes: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Ask for the next slice, or with `now` for everything when the person agrees; 1 when anything differs."""
    ours = connector(where)
    chosen = [choose(ours, organisation)] if organisation else by_name(ours)
    if not chosen:
        say([NOBODY])
        return 0
    if now and not as_json:
        say(what_it_costs(ours, chosen))
    # Who asks for JSON cannot be asked in between.
    if now and not yes and (as_json or not agreed("Compare everything now?")):
        say(
            [
                "Nothing was asked for: --json asks nobody, so add --yes."
                if as_json
                else "Nothing was asked for."
            ]
        )
        return 1
    asked_at = ours.clock.now()
    ask(ours, chosen, now=now, repair=repair)
    if now:
        follow(ours, chosen, asked_at, wait, quiet=as_json)
    found, done = compared(ours, chosen), not now or is_finished(ours, chosen, asked_at)
    if as_json:
        say_json(document(found))
    else:
        show(found)
        say(what_next(found, finished=done, repair=repair))
    return 0 if done and all(each.is_good for each in found) else 1


def ask(connector: Connector, chosen: Sequence[Organisation], *, now: bool, repair: bool) -> None:
    """Queue a request for each organisation."""
    for each in chosen:
        messages.ask(
            connector.store,
            connector.clock,
            each.dataset,
            "reconcile",
            "an operator asked",
            uuid.uuid4().hex,
            organisation=each.tenant_id,
            now=now,
            repair=repair,
        )


def what_it_costs(connector: Connector, chosen: Sequence[Organisation]) -> list[str]:
    """Calls and bytes of comparing everything, of each organisation, at least."""
    lines = []
    for each in chosen:
        records = {
            name: found.count or mirror.count(connector.store, each.tenant_id, name)
            for name, found in kept.load_all(connector.store, each.tenant_id).items()
            if name in connector.resources
        }
        calls = sum(max(1, -(-count // connector.settings.xero_page_size)) for count in records.values())
        total = sum(records.values())
        a_record, how = _bytes_a_record(proofs.of_organisation(connector.store, each.tenant_id))
        lines.append(
            f"{each.name}: {total:,} records, at least {calls:,} of the {connector.settings.xero_day_limit:,} calls of a "
            f"day, and about {size(total * a_record)} from Xero ({how})."
        )
    return [
        *lines,
        "- Webhooks and polls go on meanwhile; the calls that are kept for webhooks are not touched.",
    ]


def _bytes_a_record(found: Sequence[Proof]) -> tuple[int, str]:
    """Bytes of a record, and how that is known."""
    measured = [
        (each.bytes, each.xero.count) for each in found if each.bytes and each.xero and each.xero.count
    ]
    if not measured:
        return BYTES_A_RECORD, "not measured yet"
    return max(
        1, sum(one for one, _ in measured) // sum(count for _, count in measured)
    ), "as the last reads were"


def size(count: int) -> str:
    """Bytes for people."""
    for unit, one in (("GB", 1_000_000_000), ("MB", 1_000_000)):
        if count >= one:
            return f"{count / one:,.1f} {unit}"
    return f"{max(1, round(count / 1000)) if count else 0:,} kB"


def follow(
    connector: Connector,
    chosen: Sequence[Organisation],
    asked_at: datetime,
    wait: Callable[[float], None],
    *,
    quiet: bool,
) -> None:
    """Wait until every month is compared anew, or nothing was for a while; tells how far it is."""
    before, moved_at = -1, connector.clock.now()
    while True:
        found = [each for one in compared(connector, chosen) for each in one.proofs]
        done = sum(each.at >= asked_at for each in found)
        if done != before:
            before, moved_at = done, connector.clock.now()
            if done and not quiet:
                say([f"{done:,} months compared."])
        if is_finished(connector, chosen, asked_at) or connector.clock.now() - moved_at >= PATIENCE:
            return
        wait(LOOK_AGAIN_SECONDS)


def is_finished(connector: Connector, chosen: Sequence[Organisation], asked_at: datetime) -> bool:
    """Whether all that was asked for is compared."""
    ended = [proofs.finished(connector.store, each.tenant_id) for each in chosen]
    return all(each is not None and each >= asked_at for each in ended)


def compared(connector: Connector, chosen: Sequence[Organisation]) -> list[Compared]:
    return [
        Compared(
            each,
            proofs.of_organisation(connector.store, each.tenant_id),
            proofs.reports_of(connector.store, each.tenant_id),
        )
        for each in chosen
    ]


def show(found: Sequence[Compared]) -> None:
    """A line for each organisation and table, then what differs."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("Organisation", "Table"):
        table.add_column(name)
    for name in ("Months", "Records", "Sums", "Differ"):
        table.add_column(name, justify="right")
    for each in found:
        for name, some in by_table(each.proofs).items():
            table.add_row(Text(each.organisation.name), name, *_figures(some))
    if table.row_count:
        console.print(table)
    for each in found:
        for one in each.every:
            if one.outcome == "differs":
                item(f"{each.organisation.name}, {_what(one)}: {one.words}{_ids(one)}")
    unasked = sorted({each.words for one in found for each in one.proofs if each.powerbi is None})
    if unasked:
        item(
            f"The side of Power BI is unproven: {'; '.join(filter(None, unasked)) or 'queries are not permitted'}."
        )


def by_table(found: Sequence[Proof]) -> dict[str, list[Proof]]:
    """The proofs of each table, by name."""
    tables: dict[str, list[Proof]] = defaultdict(list)
    for each in found:
        tables[each.table].append(each)
    return dict(sorted(tables.items()))


def _figures(some: Sequence[Proof]) -> tuple[str, ...]:
    differ = sum(each.outcome == "differs" for each in some)
    records = sum(each.xero.count for each in some if each.xero)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for each in some:
        for name, value in (each.xero.sums if each.xero else {}).items():
            sums[name] += Decimal(value)
    told = ", ".join(f"{name} {value:,}" for name, value in sorted(sums.items()))
    return f"{len(some) - differ} of {len(some)}", f"{records:,}", told, str(differ)


def _what(one: Proof | ReportProof) -> str:
    if isinstance(one, ReportProof):
        return f"Xero's report of {one.about} as of {one.as_of} ({one.xero}, ours {one.ours})"
    return f"{one.table} {one.month or 'without a date'}"


def _ids(one: Proof | ReportProof) -> str:
    return f" ({', '.join(one.differing)})" if isinstance(one, Proof) and one.differing else ""


def what_next(found: Sequence[Compared], *, finished: bool, repair: bool) -> list[str]:
    """What a person is to do, or that nothing is."""
    if not finished:
        return ["Not all is compared yet; it goes on by itself. Next: `python3 manage.py reconcile`."]
    if repair:
        return [
            "What differs is fetched, pushed and compared once more within minutes. Next: `python3 manage.py reconcile`."
        ]
    if any(each.outcome == "differs" for one in found for each in one.every):
        return ["Next: `python3 manage.py reconcile --repair`, which fetches and pushes what differs."]
    if not all(each.proofs for each in found):
        return ["Nothing is compared yet; push_queue begins within seconds. Next: this again, later."]
    if not all(each.is_good for each in found):
        return ["Next: a side could not be asked; `python3 manage.py doctor` says why."]
    return ["Nothing differs. The next months are compared by themselves; nothing is to be done."]


def document(found: Sequence[Compared]) -> dict[str, Any]:
    """For a machine."""
    return {
        "good": all(each.is_good for each in found),
        "organisations": [
            {
                "tenant_id": each.organisation.tenant_id,
                "name": each.organisation.name,
                "proofs": [_proof(one) for one in each.proofs],
                "reports": [
                    {
                        "about": one.about,
                        "at": instant(one.at),
                        "as_of": one.as_of,
                        "xero": one.xero,
                        "ours": one.ours,
                        "outcome": one.outcome,
                        "words": one.words,
                    }
                    for one in each.reports
                ],
            }
            for each in found
        ],
    }


def _proof(one: Proof) -> Mapping[str, Any]:
    sides = {"xero": one.xero, "mirror": one.mirror, "powerbi": one.powerbi}
    return {
        "table": one.table,
        "month": one.month,
        "at": instant(one.at),
        "outcome": one.outcome,
        **{name: {"count": each.count, "sums": each.sums} if each else None for name, each in sides.items()},
        "differing": list(one.differing),
        "words": one.words,
        "calls": one.calls,
        "bytes": one.bytes,
    }
