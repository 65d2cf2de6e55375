"""dataset: make sure that the datasets are in Power BI, say what they are, upgrade and delete them."""

import time
from collections.abc import Callable

import msgspec

from commands import dataset_show, dataset_upgrade
from commands.terminal import Where, connector, say, typed
from shared.errors import AskPerson, LeaseBusy
from shared.state import connections, messages, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import dataset
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset, name_in_powerbi

# The lease of a run that died lasts a minute.
WAIT_SECONDS = 90
ACTIONS = ("create", "show", "upgrade", "delete")
# Which of the options each of them takes.
OPTIONS = {
    "create": ("adopt",),
    "upgrade": ("side_by_side", "switch", "cancel", "yes"),
    "delete": ("old", "yes"),
}


def manage(where: Where, action: str, name: str | None, **options: bool) -> int:
    """`dataset ACTION NAME`; `dataset NAME` creates. Raises AskPerson for what does not go together."""
    if action not in ACTIONS:
        if name is not None:
            raise AskPerson(f"{action[:80]!r} is nothing to do with a dataset: {', '.join(ACTIONS)} are.")
        action, name = "create", action
    given = [option for option, is_given in options.items() if is_given]
    for option in given:
        if option not in OPTIONS.get(action, ()):
            raise AskPerson(f"`dataset {action}` takes no --{option.replace('_', '-')}.")
    if len(set(given) & {"side_by_side", "switch", "cancel"}) > 1:
        raise AskPerson("Take one of --side-by-side, --switch and --cancel.")
    if name is not None:
        name = dataset_name(name)
    match action:
        case "show":
            return show(where, name)
        case "upgrade":
            wanted = next((option for option in given if option != "yes"), "")
            return upgrade(where, name, wanted, yes=options.get("yes", False))
        case "delete":
            return delete(where, name, old=options.get("old", False), yes=options.get("yes", False))
        case _:
            return run(where, name, adopt=options.get("adopt", False))


def run(where: Where, name: str | None, *, adopt: bool = False) -> int:
    """Find a dataset by its name, or make it; without a name all that organisations go into.

    adopt: take over one that this deployment did not make.
    """
    names = [] if name is None else [dataset_name(name)]
    ours = connector(where)
    for each in names or assigned(ours):
        powerbi_id, made = patiently(lambda each=each: ensure_dataset(ours, each, adopt=adopt))  # type: ignore[misc]
        say(what_it_is(ours, each, powerbi_id, made=made))
    say(["Next: poll_timer reads by itself; `python3 manage.py backfill --watch` shows how far it is."])
    return 0


def show(where: Where, name: str | None) -> int:
    """Say what datasets are, whose rows go into them, and what in the code differs from them."""
    ours = connector(where)
    for each in [name] if name else assigned(ours):
        say(dataset_show.shown(ours, each))
    return 0


def upgrade(where: Where, name: str | None, wanted: str, *, yes: bool) -> int:
    """Have push_queue do what is asked for; only giving up is done here. 1 when the person does not agree."""
    ours = connector(where)
    chosen = name or _only(ours)
    if wanted != "cancel":
        say(dataset_upgrade.asked(ours, chosen, wanted))
        return 0
    successor = sink.read(ours.store, chosen).successor
    if successor is None:
        raise AskPerson(f"Nothing is to take the place of dataset {chosen}.")
    say([f"{successor.name!r} will be deleted in Power BI; dataset {chosen} stays as it is."])
    if not yes and not typed(chosen):
        return 1
    patiently(lambda: dataset.cancel(ours, chosen))
    say([f"{successor.name!r} is deleted."])
    return 0


def delete(where: Where, name: str | None, *, old: bool, yes: bool) -> int:
    """Delete a dataset in Power BI, or those that were succeeded; 1 when the person does not agree."""
    ours = connector(where)
    chosen = name or _only(ours)
    say(dataset_upgrade.what_deleting_means(ours, chosen, old=old))
    if not yes and not typed(chosen):
        return 1
    if old:
        gone = patiently(lambda: dataset.delete_old(ours, chosen))
        say([f"Deleted {len(gone)} in Power BI."])
    elif patiently(lambda: dataset.delete_dataset(ours, chosen)):
        say([f"Deleted. Next: `{command_for(chosen)}` makes it anew and fills it, without a call to Xero."])
    else:
        say(["It was not in Power BI any more."])
    return 0


def dataset_name(text: str) -> str:
    """The same text, if it may name a dataset. Raises AskPerson."""
    try:
        return msgspec.convert(text, messages.Dataset)
    except msgspec.ValidationError as error:
        raise AskPerson(
            f"{text[:80]!r} names no dataset: take 1 to 63 letters, digits, - and _ (of English)."
        ) from error


def command_for(name: str) -> str:
    """What the operator runs to make a dataset."""
    return "python3 manage.py dataset create" + ("" if name == DEFAULT_DATASET else f" {name}")


def is_made(connector: Connector, name: str) -> bool:
    """Whether the dataset is known to be in Power BI. No call is made."""
    return bool(sink.read(connector.store, name).powerbi_id)


def assigned(connector: Connector) -> list[str]:
    """The datasets that organisations go into; the default one while there is none."""
    return sorted({each.dataset for each in connections.connected(connector.store)}) or [DEFAULT_DATASET]


def what_it_is(connector: Connector, name: str, powerbi_id: str, *, made: bool) -> list[str]:
    """What a dataset is called in Power BI, and whose rows go into it."""
    called = name_in_powerbi(connector, name)
    return [
        f"{'Made' if made else 'Found'} dataset {called!r} in Power BI: {powerbi_id}",
        dataset_show.organisations(connector, name),
    ]


def patiently[T](touch: Callable[[], T]) -> T:
    """What touches a dataset, once no other run writes it. Raises LeaseBusy when that takes too long."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return touch()
        except LeaseBusy as busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(busy.seconds)


def _only(connector: Connector) -> str:
    """The one dataset that organisations go into. Raises AskPerson when there are several."""
    names = assigned(connector)
    if len(names) > 1:
        raise AskPerson(f"Say which dataset: {', '.join(names)}.")
    return names[0]
