"""The documents that name parts of the project name what is there."""

import re
from pathlib import Path

import pytest

from commands import docs
from shared.sync.alarms import ALARMS

ROOT = Path(__file__).resolve().parents[2]
NAMED = re.findall(
    r"`((?:unit|contract|system)/\w+\.py)::(\w+)`", (ROOT / "docs" / "promises.md").read_text("utf-8")
)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_promise_names_a_test_that_is_there(file: str, test: str) -> None:
    """Whoever renames a test also mends the page of promises."""
    assert f"def {test}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_every_promise_names_a_test() -> None:
    """All twelve promises stand there, each with at least one test."""
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    parts = re.split(r"^\*\*(\d+) ", page, flags=re.MULTILINE)
    assert [int(number) for number in parts[1::2]] == list(range(1, 13))
    assert all("::test_" in text for text in parts[2::2])


def test_the_page_of_alarms_is_what_is_declared() -> None:
    """`manage.py docs` would write the same page, with each alarm in it."""
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    assert page == docs.operate()
    assert set(re.findall(r"^\| `([a-z-]+)` \| \d \|", page, re.MULTILINE)) == set(ALARMS)


def test_links_lead_somewhere() -> None:
    """Every relative link of the README and the docs leads to a file."""
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
