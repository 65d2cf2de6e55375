"""Talking to a person: plain words, colour only on a terminal, settings from where they are."""

import os
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.text import Text

from local.host.settings import load_values
from shared import wiring
from shared.sync.connector import Connector

ROOT = Path(__file__).resolve().parents[1]
LOCAL_SETTINGS = ROOT / ".local" / "settings.json"

console = Console(highlight=False)


def say(lines: Iterable[str]) -> None:
    """Print sentences as they are, each whole, since names may hold what looks like markup."""
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def item(line: str) -> None:
    """Print a line of a list, indented, and what does not fit on it under it."""
    for number, part in enumerate(Text(line).wrap(console, console.width - 4)):
        console.print(("    " if number else "  ") + part.plain.rstrip(), markup=False)


def connector(settings: Path | None) -> Connector:
    """A connector from a settings file, else local.settings.json, else the running local cloud, else the environment."""
    for file in (settings, ROOT / "local.settings.json", LOCAL_SETTINGS):
        if file is not None and (file.exists() or file == settings):
            load_values(file)
            console.print(f"Settings: {file.name if file.parent == ROOT else file}", style="dim")
            break
    return wiring.build(os.environ)
