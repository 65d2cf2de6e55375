"""Talking to a person: plain words, colour only on a terminal, settings from where they are."""

import os
from pathlib import Path

from rich.console import Console

from local.host.settings import load_values
from shared import wiring
from shared.sync.connector import Connector

ROOT = Path(__file__).resolve().parents[1]
LOCAL_SETTINGS = ROOT / ".local" / "settings.json"

console = Console(highlight=False)


def connector(settings: Path | None) -> Connector:
    """A connector from a settings file, else local.settings.json, else the running local cloud, else the environment."""
    for file in (settings, ROOT / "local.settings.json", LOCAL_SETTINGS):
        if file is not None and (file.exists() or file == settings):
            load_values(file)
            console.print(f"Settings: {file.name if file.parent == ROOT else file}", style="dim")
            break
    return wiring.build(os.environ)
