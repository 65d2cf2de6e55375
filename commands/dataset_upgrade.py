"""Upgrading a dataset: what is asked of push_queue, and what is said before and after."""

import uuid

from commands import dataset_show
from commands.organisations import by_name
from shared.errors import AskPerson
from shared.state import messages, sink
from shared.state.messages import Action
from shared.sync import targets
from shared.sync.connector import Connector
from shared.sync.dataset import name_in_powerbi, names
from shared.tables.definition import declared, plan

NEXT = "push_queue does it now, in runs of minutes; `python3 manage.py dataset show` tells how far it is."


def asked(connector: Connector, name: str, wanted: str) -> list[str]:
    """Ask for an upgrade ("", "side_by_side") or the switch; answers what to say. Raises AskPerson."""
    state = sink.read(connector.store, name)
    if not state.powerbi_id:
        raise AskPerson(f"Dataset {name} is not in Power BI yet: `dataset create {name}` makes it.")
    if wanted == "switch":
        successor = state.successor
        if successor is None:
            raise AskPerson(f"Nothing is to take the place of dataset {name}.")
        if successor.filled_at is None:
            raise AskPerson("\n".join(dataset_show.beside(connector, name, successor)))
        _ask(connector, name, "switch")
        return [
            f"{successor.name!r} takes the place of dataset {name} once it is seen to have all that that one has.",
            "From then on only it is written; the old one stays readable until `dataset delete --old`.",
            NEXT,
        ]
    if state.successor is not None:
        # Whatever stopped it may be mended.
        _ask(connector, name, "upgrade")
        return [*dataset_show.beside(connector, name, state.successor), NEXT]
    todo = plan(targets.definition(connector, name, state.powerbi_id), declared())
    if wanted == "side_by_side":
        _ask(connector, name, "replace")
        return [*dataset_show.differences(todo), "A new dataset is made side by side, as you ask.", NEXT]
    said = [*dataset_show.differences(todo), dataset_show.what_to_do(todo)]
    if todo.nothing:
        return said
    _ask(connector, name, "upgrade")
    return [*said, NEXT]


def what_deleting_means(connector: Connector, name: str, *, old: bool) -> list[str]:
    """What a person agrees to. Raises AskPerson when there is nothing to delete."""
    state = sink.read(connector.store, name)
    if old:
        if not state.old:
            raise AskPerson(f"Dataset {name} has succeeded none that is still in Power BI.")
        called = names(connector)
        return [
            "These go from Power BI, with all reports that are still on them:",
            *(f"- {called.get(each, 'deleted there already')!r}, {each}" for each in state.old),
        ]
    if not state.powerbi_id:
        raise AskPerson(f"Dataset {name} is not in Power BI.")
    theirs = [each.name for each in by_name(connector) if each.dataset == name]
    called_now = names(connector).get(state.powerbi_id, name_in_powerbi(connector, name))
    lines = [
        f"{called_now!r} ({state.powerbi_id}) goes from Power BI, and reports on it show nothing any more.",
        "- Storage: what is known of Xero's records stays; `dataset create` fills a new one from there.",
    ]
    if theirs:
        lines.append(
            f"- {', '.join(theirs)} {'go' if len(theirs) > 1 else 'goes'} into it: what is read of them meanwhile waits in "
            "the outbox until there is a dataset again."
        )
    return lines


def _ask(connector: Connector, name: str, action: Action) -> None:
    messages.ask(connector.store, connector.clock, name, action, "asked by the operator", uuid.uuid4().hex)
