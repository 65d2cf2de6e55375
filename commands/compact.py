"""compact: have a table's superseded rows taken out of Power BI now."""

import uuid

from commands.dataset import command_for, dataset_name, is_made
from commands.terminal import Where, connector, say
from shared.errors import AskPerson
from shared.state import messages, sink
from shared.state.sink import State
from shared.sync import superseded
from shared.sync.connector import Connector
from shared.tables import TABLES


def run(where: Where, name: str, *, table: str) -> int:
    """Queue the compaction of one table, or of those that are due, and say what happens next."""
    ours = connector(where)
    say(ask(ours, dataset_name(name), table_name(table)))
    return 0


def ask(connector: Connector, dataset: str, table: str) -> list[str]:
    """Queue the request; answers what is told. Raises AskPerson for a dataset that is not there."""
    if not is_made(connector, dataset):
        raise AskPerson(f"Dataset {dataset} is not in Power BI yet: run `{command_for(dataset)}`.")
    state = sink.read(connector.store, dataset)
    now = connector.clock.now()
    if not table and not state.rebuild and not superseded.due(state, connector.settings, now):
        return [
            *standings(state),
            "No table is due now. Name one with `--table` to have it compacted all the same.",
        ]
    messages.ask(
        connector.store,
        connector.clock,
        dataset,
        "compact",
        "an operator asked",
        uuid.uuid4().hex,
        table=table,
    )
    return [
        *standings(state),
        f"Queued: {table or 'the tables that are due'} of dataset {dataset}.",
        "Next: push_queue deletes the rows and posts the current ones again. The table is marked as being rebuilt until "
        "it is done, and measures of it show nothing meanwhile; today's audit has a row `compact` for each step.",
    ]


def table_name(text: str) -> str:
    """The table of a name in any case; "" for none. Raises AskPerson with those that there are."""
    names = {name.casefold(): name for name in TABLES}
    if text and text.casefold() not in names:
        raise AskPerson(f"{text[:80]!r} is no table; there are {', '.join(TABLES)}.")
    return names.get(text.casefold(), "")


def standings(state: State) -> list[str]:
    """What is under way, and each table that has superseded rows or is parked."""
    told = []
    if state.rebuild is not None:
        told.append(
            f"{state.rebuild.table} is being compacted: {state.rebuild.phase} since {state.rebuild.since:%F %T} UTC."
        )
    for table, upper in state.rows_upper.items():
        standing = state.table(table)
        if standing.parked:
            told.append(f"{table} is parked: {standing.parked}.")
        elif upper > standing.current:
            told.append(f"{table}: up to {upper} rows, about {standing.current} of them current.")
    return told
