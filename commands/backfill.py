"""backfill: how far the histories are read, what the rest will take, and why something waits. No call is made.

`--again` has them read once more, whole.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from commands.dataset import command_for, is_made
from commands.organisations import NOBODY, by_name, choose
from commands.replay import resource_name
from commands.terminal import Where, agreed, connector, console, say
from shared.errors import AskPerson
from shared.state import connections, outbox
from shared.state.connections import Organisation
from shared.sync.again import cost, read_again
from shared.sync.connector import Connector
from shared.sync.progress import Progress, history_progress, minutes_left
from shared.xero.resources import Resource

LOOK_AGAIN_SECONDS = 2.0


@dataclass(frozen=True)
class History:
    """The history of an organisation. minutes: at least so many, within Xero's limits."""

    organisation: Organisation
    progress: list[Progress]
    minutes: float

    @property
    def calls_left(self) -> int:
        return sum(each.calls_left for each in self.progress)

    @property
    def done(self) -> bool:
        return all(each.done for each in self.progress)


def run(
    where: Where,
    *,
    watch: bool,
    again: bool = False,
    organisation: str = "",
    resource: str = "",
    yes: bool = False,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Show the histories; with `watch` until those of organisations whose consent is given are read.

    again: have them read once more first, when the person agrees, else 1.
    """
    if (organisation or resource) and not again:
        raise AskPerson("Say --again to have an organisation or a resource read once more.")
    ours = connector(where)
    if again and not _agreed_to_read_again(ours, organisation, resource_name(resource), yes=yes):
        return 1
    found = histories(ours)
    if not found:
        say([NOBODY])
        return 0
    if watch:
        with Live(summary(found), console=console, auto_refresh=False) as live:
            while any(not each.done and not each.organisation.consent_lost for each in found):
                wait(LOOK_AGAIN_SECONDS)
                found = histories(ours)
                live.update(summary(found), refresh=True)
    console.print(shown(found))
    say(why_it_waits(ours, found))
    say(what_next(ours, found))
    return 0


def _agreed_to_read_again(connector: Connector, organisation: str, resource: str, *, yes: bool) -> bool:
    chosen = [choose(connector, organisation)] if organisation else by_name(connector)
    wanted = [each for name, each in connector.resources.items() if resource in ("", name)]
    say(what_it_costs(connector, chosen, wanted))
    if not yes and not agreed("Read again?"):
        say(["Nothing was changed."])
        return False
    for each in chosen:
        marked = read_again(connector, each, wanted)
        say([f"{each.name}: {len(marked)} of {len(wanted)} resources are read again."])
    return True


def what_it_costs(
    connector: Connector, organisations: list[Organisation], resources: list[Resource]
) -> list[str]:
    """Calls and minutes of reading again, of each organisation, and what it changes."""
    lines = []
    a_day = connector.settings.xero_day_limit - connector.settings.xero_webhook_reserve
    for organisation in organisations:
        found = [each for one in resources if (each := cost(connector, organisation, one)) is not None]
        calls = sum(each.calls for each in found)
        records = sum(each.records for each in found)
        lines.append(
            f"{organisation.name}: {len(found)} resources, {records:,} records: at least {calls:,} of the {a_day:,} "
            "calls of a day."
        )
    return [
        *lines,
        "- Records that Xero has as we have them are pushed again nowhere; what differs is corrected in the report.",
        "- Changes go on being read: each resource when its history is.",
    ]


def histories(connector: Connector) -> list[History]:
    """How far each connected organisation is read, by name."""
    found = []
    for organisation in by_name(connector):
        progress = history_progress(connector, organisation)
        found.append(History(organisation, progress, minutes_left(connector.settings, progress)))
    return found


def summary(found: list[History]) -> Table:
    """A line for each organisation, so that all of them fit on a screen while one watches."""
    table = Table("Organisation", "Read", "Now")
    for column in ("Records", "Calls left", "Minutes"):
        table.add_column(column, justify="right")
    for history in found:
        now = next((each for each in history.progress if not each.done), None)
        table.add_row(
            Text(history.organisation.name),
            f"{sum(each.done for each in history.progress)} of {len(history.progress)}",
            f"{now.resource} {_page(now)}".strip() if now else "",
            f"{sum(each.records for each in history.progress):,}",
            f"{history.calls_left:,}",
            f"{math.ceil(history.minutes):,}",
        )
    return table


def shown(found: list[History]) -> Group:
    """A table for each organisation, and a line of what is left."""
    parts: list[Table | Text] = []
    for history in found:
        table = Table("Resource", "State", title=Text(history.organisation.name), title_justify="left")
        for column in ("Page", "Records", "Calls left"):
            table.add_column(column, justify="right")
        for each in history.progress:
            table.add_row(
                each.resource, _state(each), _page(each), f"{each.records:,}", f"{each.calls_left:,}"
            )
        parts += [table, Text(_left(history))]
    return Group(*parts)


def why_it_waits(connector: Connector, found: list[History]) -> list[str]:
    """What holds an organisation or a resource up, in the words of whoever met it."""
    lines = []
    paused = connections.paused(connector.store)
    for history in found:
        name = history.organisation.name
        if pause := connections.pause_of(paused, history.organisation.tenant_id):
            lines.append(f"{name} waits: it is paused since {pause.since:%F %T} UTC.")
        if history.organisation.consent_lost:
            lines.append(f"{name} waits: its consent is lost.")
        lines += [
            f"{name}, {each.resource}{_until(each)}: {each.trouble}"
            for each in history.progress
            if each.trouble
        ]
    return lines


def what_next(connector: Connector, found: list[History]) -> list[str]:
    """What a person is to do, or that nothing is."""
    lines = []
    if any(each.organisation.consent_lost for each in found):
        lines.append(
            "Next: `python3 manage.py connect`, by a user of the organisation whose consent is lost."
        )
    for dataset in sorted({each.organisation.dataset for each in found}):
        if not is_made(connector, dataset):
            lines.append(f"Next: `{command_for(dataset)}`, since that dataset is not in Power BI yet.")
        elif waiting := sum(1 for _ in outbox.pending(connector.store, dataset)):
            lines.append(f"Dataset {dataset}: {waiting} batches are on their way to Power BI.")
    if lines:
        return lines
    if all(each.done for each in found):
        return [
            "All histories are read and in Power BI; changes follow by themselves. Nothing is to be done."
        ]
    return ["poll_timer reads on by itself. Nothing is to be done."]


def _until(progress: Progress) -> str:
    return f" (waits until {progress.waits_until:%Y-%m-%d %H:%M} UTC)" if progress.waits_until else ""


def _state(progress: Progress) -> str:
    if progress.done:
        return "read"
    if progress.trouble:
        return "waits"
    return "being read" if progress.page or progress.pages else "to be read"


def _page(progress: Progress) -> str:
    if progress.pages is None:
        return ""
    return f"{progress.page} of {progress.pages}"


def _left(history: History) -> str:
    if history.done:
        return "The history is read.\n"
    unknown = any(each.pages is None and not each.done for each in history.progress)
    least = "at least " if unknown else ""
    return (
        f"Calls left: {least}{history.calls_left:,}. Minutes left: {least}{math.ceil(history.minutes):,}.\n"
    )
