"""The operator's command line: what may be asked, how its help reads, and that it starts anywhere."""

import argparse
import ast
import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

from commands import arguments

MANAGE = Path(str(arguments.__file__)).resolve().parents[1] / "manage.py"
COMMANDS = (
    *("demo", "local", "connect", "disconnect", "organisations", "webhook", "dataset", "compact"),
    *("status", "doctor", "alarm", "audit", "backfill", "reconcile", "replay", "pause", "resume"),
    *("support", "forget", "uninstall", "test", "package", "version", "lock", "docs"),
)


def parse(*words: str) -> argparse.Namespace:
    found: argparse.Namespace = arguments.parser().parse_args(words)  # type: ignore[no-untyped-call]
    return found


def help_of(*words: str) -> str:
    """What --help shows on a terminal of 80 columns."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), pytest.raises(SystemExit) as end:
        parse(*words, "--help")
    assert end.value.code == 0
    return shown.getvalue()


@pytest.mark.parametrize("command", ["", *COMMANDS, "webhook test"])
def test_help_fits_a_terminal(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every help page needs no more than 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = help_of(*command.split())
    assert shown.startswith("usage: python3 manage.py")
    assert max(map(len, shown.splitlines())) <= 80


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands that there are, each with what it is for, and no other."""
    monkeypatch.setenv("COLUMNS", "80")
    assert re.findall(r"^    (\w+) +\w.*$", help_of(), re.MULTILINE) == list(COMMANDS)


def test_every_command_is_run_by_something() -> None:
    """What can be typed has a case of its own where commands are run, and no case is left of what cannot."""
    source = (MANAGE.parent / "commands" / "dispatch.py").read_text(encoding="utf-8")
    assert sorted(re.findall(r'^        case "(\w+)":$', source, re.MULTILINE)) == sorted(COMMANDS)


@pytest.mark.parametrize("file", [MANAGE, Path(str(arguments.__file__))], ids=lambda file: file.name)
def test_it_starts_on_any_python(file: Path) -> None:
    """Python 3.8 parses what runs before the environment exists, which imports the standard library and itself."""
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {
        name
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([each.name for each in node.names] if isinstance(node, ast.Import) else [node.module])
    }
    assert imported
    assert {
        str(name).partition(".")[0] for name in imported - {"commands.arguments"}
    } <= sys.stdlib_module_names


def test_what_is_taken_when_nothing_is_said() -> None:
    """Connect opens a browser and takes the default dataset, disconnect asks, backfill and replay take everything."""
    connect = parse("connect")
    assert (connect.dataset, connect.no_browser, connect.settings) == ("default", False, None)
    assert (connect.organisation, connect.all, connect.yes, connect.disconnect_others) == (
        [],
        False,
        False,
        False,
    )
    assert parse("webhook", "test").url == ""
    assert parse("disconnect", "Larkspur").yes is False
    assert (parse("dataset").action, parse("dataset").name) == ("create", None)
    assert parse("backfill").watch is False
    replay = parse("replay")
    assert (replay.organisation, replay.resource, replay.record) == ("", "", "")


def test_what_may_be_said() -> None:
    """Each option reaches its command."""
    assert parse("connect", "--dataset", "Sales", "--no-browser").dataset == "Sales"
    assert parse("connect", "--organisation", "A", "--organisation", "B").organisation == ["A", "B"]
    assert parse("webhook", "test", "--url", "https://x", "--json").url == "https://x"
    disconnect = parse("disconnect", "Larkspur Trading", "--yes", "--settings", "mine.json")
    assert (disconnect.organisation, disconnect.yes) == ("Larkspur Trading", True)
    assert disconnect.settings == Path("mine.json")
    assert parse("dataset", "Sales").action == "Sales"
    assert parse("dataset", "show", "Sales").name == "Sales"
    assert parse("dataset", "upgrade", "--switch").switch
    assert parse("backfill", "--watch").watch
    replay = parse("replay", "--organisation", "X", "--resource", "Invoices", "--record", "7")
    assert (replay.organisation, replay.resource, replay.record) == ("X", "Invoices", "7")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["disconnect"],
        ["launch"],
        ["organisations", "more"],
        ["webhook"],
        ["connect", "--all", "--organisation", "A"],
    ],
)
def test_a_wrong_command_line_is_explained(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A usage line and a reason, exit code 2."""
    with pytest.raises(SystemExit) as end:
        parse(*words)
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "usage: python3 manage.py" in said
    assert "error: " in said
