"""dataset: make sure that the dataset is in Power BI."""

from pathlib import Path

from commands.terminal import connector, console
from shared.state.connections import DEFAULT_DATASET
from shared.sync.dataset import ensure_dataset


def run(settings: Path | None) -> int:
    """Find the dataset by its name, or make it."""
    ours = connector(settings)
    powerbi_id, made = ensure_dataset(ours, DEFAULT_DATASET)
    verb = "Made" if made else "Found"
    console.print(f"{verb} dataset {ours.settings.powerbi_dataset_name!r} in Power BI: {powerbi_id}")
    console.print("Next: poll_timer reads the history by itself; nothing is to be done.")
    return 0
