"""What a dataset is, in words: whose rows it holds, what the code declares beyond it, what is to take its place."""

from collections.abc import Mapping

from commands.organisations import by_name
from shared.state import connections, mirror, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.made import LANDED
from shared.state.rebuilds import Successor
from shared.state.sink import State
from shared.sync import targets
from shared.sync.connector import Connector
from shared.sync.dataset import name_in_powerbi, names
from shared.tables import measures
from shared.tables.definition import Plan, declared, plan


def shown(connector: Connector, name: str) -> list[str]:
    """All that there is to say of a dataset."""
    state = sink.read(connector.store, name)
    if not state.powerbi_id:
        expected = name_in_powerbi(connector, name)
        return [
            f"Dataset {name}: not in Power BI yet; `dataset create {name}` makes {expected!r}.",
            organisations(connector, name),
        ]
    called = names(connector)
    if state.powerbi_id not in called:
        return [
            f"Dataset {name}: {state.powerbi_id} is not in Power BI any more; `dataset create {name}` makes and fills it.",
            organisations(connector, name),
        ]
    lines = [
        f"Dataset {name}: {called[state.powerbi_id]!r} in Power BI, {state.powerbi_id}",
        organisations(connector, name),
        *_tables(state),
    ]
    todo = plan(targets.definition(connector, name, state.powerbi_id), declared())
    lines += ["  " + line for line in (*differences(todo), what_to_do(todo))]
    if state.successor is not None:
        lines += ["  " + line for line in beside(connector, name, state.successor)]
    lines += [
        f"  Succeeded, and still in Power BI: {called.get(old, 'deleted there')!r}, {old}; `dataset delete --old` deletes it."
        for old in state.old
    ]
    return lines


def organisations(connector: Connector, name: str) -> str:
    """Whose rows go into a dataset."""
    theirs = [each.name for each in by_name(connector) if each.dataset == name]
    option = "" if name == DEFAULT_DATASET else f" --dataset {name}"
    nobody = f"none yet: `python3 manage.py connect{option}` adds one"
    return f"  Organisations: {', '.join(theirs) if theirs else nobody}"


def differences(todo: Plan) -> list[str]:
    """What the code declares otherwise than the dataset has it."""
    changed = [f"{name} ({what})" for name, what in todo.changed_measures.items()]
    return [
        f"{what}: {', '.join(which)}"
        for what, which in (
            ("Tables that it lacks", todo.new_tables),
            ("New columns", _columns(todo.new_columns)),
            ("Columns that are declared no more", _columns(todo.removed_columns)),
            ("Columns of another type", _columns(todo.retyped_columns)),
            ("Measures", changed),
            ("Tables whose columns nobody knows, since older code made them", todo.unknown),
            ("Tables that nobody fills any more; they stay as they are", todo.left),
        )
        if which
    ]


def what_to_do(todo: Plan) -> str:
    """Whether it takes an upgrade, in which way, and why."""
    if todo.nothing:
        return "It has all that the code declares."
    if todo.side_by_side:
        return (
            "`dataset upgrade` makes a new dataset side by side, since Power BI adds no table to one that is there, and "
            "what becomes of rows when a column goes or changes its type is not documented."
        )
    tables = [name for name in todo.to_put if name != measures.TABLE]
    if not tables:
        return "`dataset upgrade` defines the measures anew, in place; no row is touched."
    return (
        f"`dataset upgrade` changes it in place: {', '.join(tables)} defined anew, and posted again from the mirror, since "
        "Power BI may lose a table's rows then. Measures of a table show nothing for minutes meanwhile."
    )


def beside(connector: Connector, name: str, successor: Successor) -> list[str]:
    """How far a dataset's successor is."""
    if not successor.powerbi_id:
        return [f"Successor {successor.name!r}: about to be made."]
    ours, _ = connections.of_dataset(connector.store, name)
    records = sum(
        mirror.count(connector.store, each.tenant_id, resource) for each in ours for resource in LANDED
    )
    rows = sum(successor.rows.values())
    lines = [
        f"Successor {successor.name!r}, {successor.powerbi_id}: {rows:,} rows at most, every push goes to both."
    ]
    if successor.filled_at is None:
        lines.append(f"  Filled: {successor.records:,} of {records:,} records.")
    else:
        lines.append(
            f"  Filled at {successor.filled_at:%Y-%m-%d %H:%M} UTC. Re-bind the reports to it, then "
            "`dataset upgrade --switch`; `--cancel` gives it up."
        )
    if successor.trouble:
        lines.append(f"  It was not let in: {successor.trouble}")
    todo = plan(targets.definition(connector, name, successor.powerbi_id), declared())
    if not todo.nothing:
        lines.append("  The code has changed since it was made: " + "; ".join(differences(todo)))
    return lines


def _tables(state: State) -> list[str]:
    lines = [f"  Rows at most: {sum(state.rows_upper.values()):,}"]
    for name, rows in sorted(state.rows_upper.items()):
        standing = state.table(name)
        known = [f"{rows:,}", f"about {min(standing.current, rows):,} current"]
        if standing.compacted_at:
            verified = {True: "verified", False: "NOT what was posted", None: "unverified"}[standing.verified]
            known.append(f"compacted at {standing.compacted_at:%Y-%m-%d %H:%M} UTC, {verified}")
        if state.rebuild and state.rebuild.table == name:
            known.append(f"being rebuilt: {state.rebuild.phase}")
        if standing.parked:
            known.append(f"parked: {standing.parked}")
        lines.append(f"    {name}: {', '.join(known)}")
    return lines


def _columns(by_table: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"{table}[{column}]" for table, columns in by_table.items() for column in columns]
