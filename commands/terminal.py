"""Talking to a person: plain words, colour only on a terminal, settings from where they are."""

import argparse
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from azure.core.credentials import TokenCredential
from rich.console import Console
from rich.text import Text

from local.host.settings import load_values
from shared import wiring
from shared.sync.connector import Connector

ROOT = Path(__file__).resolve().parents[1]
LOCAL_SETTINGS = ROOT / ".local" / "settings.json"

# Unicode's categories of what is obeyed and not seen: control, format, half a character, ends of lines and paragraphs.
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")

console = Console(highlight=False, emoji=False)


def say(lines: Iterable[str]) -> None:
    """Print sentences as they are, each whole, since names may hold what looks like markup."""
    for line in lines:
        console.print(visible(line), markup=False, soft_wrap=True)


def say_json(document: object) -> None:
    """Print one JSON document, in ASCII, for a machine whatever its code page."""
    console.print(json.dumps(document, indent=2), markup=False, soft_wrap=True)


def tell(lines: Iterable[str]) -> None:
    """Print sentences as they are, each over as many lines as it takes, broken between words."""
    for line in lines:
        for part in Text(visible(line)).wrap(console, console.width):
            console.print(part.plain.rstrip(), markup=False, soft_wrap=True)


def visible(text: str) -> str:
    """The same text, with what a terminal would obey in place of showing it (control, direction and line marks) as \\x1b."""
    return "".join(
        each.encode("unicode_escape").decode() if unicodedata.category(each) in UNSEEN else each
        for each in text
    )


def agreed(question: str) -> bool:
    """Whether the person answers yes; where nobody can answer, no."""
    return _answer(f"{question} Type yes: ").casefold() in ("yes", "y")


def typed(name: str) -> bool:
    """Whether the person types a name as it is; says that nothing was changed when not."""
    same = _answer(f"Type {name} to go on: ") == name
    if not same:
        say(["Nothing was changed."])
    return same


def _answer(prompt: str) -> str:
    try:
        return console.input(prompt).strip()
    except EOFError:
        return ""


def item(line: str) -> None:
    """Print a line of a list, indented, and what does not fit on it under it."""
    for number, part in enumerate(Text(visible(line)).wrap(console, console.width - 4)):
        console.print(("    " if number else "  ") + part.plain.rstrip(), markup=False)


@dataclass(frozen=True)
class Where:
    """Where a command finds its settings: a file, a function app in Azure, or what lies at hand.

    quiet: nothing is said of it, as a command does whose output is for a machine.
    """

    settings: Path | None = None
    app: str = ""
    resource_group: str = ""
    quiet: bool = False

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> Self:
        """As it was typed; a function app is taken from XERO_POWERBI_APP when nothing was."""
        settings = getattr(arguments, "settings", None)
        app = getattr(arguments, "app", "") or (
            os.environ.get("XERO_POWERBI_APP", "") if not settings else ""
        )
        return cls(
            settings=settings,
            app=app,
            resource_group=getattr(arguments, "resource_group", ""),
            quiet=getattr(arguments, "json", False),
        )


def connector(where: Where) -> Connector:
    """The connector of the settings there, see `environment`. In Azure it acts as whoever is logged in by `az login`."""
    found, credential = environment(where)
    return wiring.build(found, credential=credential)


def environment(where: Where) -> tuple[Mapping[str, str], TokenCredential | None]:
    """Settings: of a function app, of a file, else of local.settings.json, else of the running local cloud, else as the
    environment has them. With those of an app, a credential. Raises AskPerson.
    """
    if where.app:
        from commands.azure import DeployedApp, OperatorCredential

        app = DeployedApp(where.app, where.resource_group)
        settings = app.settings()
        _say_where(where, f"function app {where.app} in Azure")
        return settings, OperatorCredential()
    for file in (where.settings, ROOT / "local.settings.json", LOCAL_SETTINGS):
        if file is not None and (file.exists() or file == where.settings):
            load_values(file)
            _say_where(where, str(file.name if file.parent == ROOT else file))
            break
    return os.environ, None


def _say_where(where: Where, settings: str) -> None:
    if not where.quiet:
        console.print(f"Settings: {settings}", style="dim", markup=False)
