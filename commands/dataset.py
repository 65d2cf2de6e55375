"""dataset: make sure that the datasets are in Power BI, and say which organisations go into each."""

import time
from pathlib import Path

import msgspec

from commands.terminal import connector, say
from shared.errors import AskPerson, LeaseBusy
from shared.state import connections, messages, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset, name_in_powerbi

# The lease of a run that died lasts a minute.
WAIT_SECONDS = 90


def run(settings: Path | None, name: str | None) -> int:
    """Find a dataset by its name, or make it; without a name all that organisations go into."""
    names = [] if name is None else [dataset_name(name)]
    ours = connector(settings)
    for each in names or assigned(ours):
        powerbi_id, made = _ensure(ours, each)
        say(what_it_is(ours, each, powerbi_id, made=made))
    say(["Next: poll_timer reads by itself; `python3 manage.py backfill --watch` shows how far it is."])
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
    return "python3 manage.py dataset" + ("" if name == DEFAULT_DATASET else f" {name}")


def is_made(connector: Connector, name: str) -> bool:
    """Whether the dataset is known to be in Power BI. No call is made."""
    return bool(sink.read(connector.store, name).powerbi_id)


def assigned(connector: Connector) -> list[str]:
    """The datasets that organisations go into; the default one while there is none."""
    return sorted({each.dataset for each in connections.connected(connector.store)}) or [DEFAULT_DATASET]


def what_it_is(connector: Connector, name: str, powerbi_id: str, *, made: bool) -> list[str]:
    """What a dataset is called in Power BI, and whose rows go into it."""
    theirs = [each.name for each in connections.connected(connector.store) if each.dataset == name]
    option = "" if name == DEFAULT_DATASET else f" --dataset {name}"
    nobody = f"none yet: `python3 manage.py connect{option}` adds one"
    return [
        f"{'Made' if made else 'Found'} dataset {name_in_powerbi(connector, name)!r} in Power BI: {powerbi_id}",
        f"  Organisations: {', '.join(theirs) if theirs else nobody}",
    ]


def _ensure(connector: Connector, name: str) -> tuple[str, bool]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return ensure_dataset(connector, name)
        except LeaseBusy as busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(busy.seconds)
