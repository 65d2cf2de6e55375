"""dataset: make sure that the dataset is in Power BI."""

import time
from pathlib import Path

from commands.terminal import connector, console
from shared.errors import LeaseBusy
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset

# The lease of a run that died lasts a minute.
WAIT_SECONDS = 90


def run(settings: Path | None) -> int:
    """Find the dataset by its name, or make it."""
    ours = connector(settings)
    powerbi_id, made = _ensure(ours)
    verb = "Made" if made else "Found"
    console.print(f"{verb} dataset {ours.settings.powerbi_dataset_name!r} in Power BI: {powerbi_id}")
    console.print("Next: poll_timer reads the history by itself; nothing is to be done.")
    return 0


def _ensure(connector: Connector) -> tuple[str, bool]:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return ensure_dataset(connector, DEFAULT_DATASET)
        except LeaseBusy as busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(busy.seconds)
