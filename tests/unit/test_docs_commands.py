"""What the pages say to type can be typed."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from commands.arguments import parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# To the end of a line of a block, or of the quoted part of a sentence; what follows `|`, `&&` or `#` is the shell's.
SAID = re.compile(r"python3? manage\.py ([^`\n|#&]+)")


def commands() -> list[tuple[str, str]]:
    """Each command of each page; `[...]` is what may be left out, ALL CAPITALS what is to be filled in."""
    found = set()
    for page in PAGES:
        for said in SAID.findall(page.read_text(encoding="utf-8")):
            words = re.sub(r"\[[^\]]*\]", "", said).strip().rstrip(".,;:")
            if words and words.split()[0] != "COMMAND":
                found.add((page.name, words))
    return sorted(found)


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda text: text.replace(" ", "_")[:60])
def test_what_a_page_says_can_be_typed(page: str, words: str) -> None:
    """Each command of a page is one that manage.py takes, with these arguments."""
    said = io.StringIO()
    filled = re.sub(r"\bN\b", "300", words) if "--documents" in words else words
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            parser().parse_args(shlex.split(filled))  # type: ignore[no-untyped-call]
        except SystemExit as end:
            assert end.code == 0, f"{page}: {words}: {said.getvalue()}"
    assert words


def test_commands_are_found() -> None:
    """Pages of which none says a command would pass for nothing."""
    assert {("README.md", "demo"), ("README.md", "test"), ("README.md", "local")} <= set(commands())
