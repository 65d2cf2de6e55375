"""The documents that name parts of the project name what is there."""

import re
from pathlib import Path

import pytest

from commands import docs
from shared.sync.alarms import ALARMS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    (ROOT / "docs" / name).read_text("utf-8")
    for name in ("promises.md", "faults.md", "operate.md", "security.md")
]
NAMED = sorted(
    {
        found
        for page in PAGES
        for found in re.findall(r"`((?:unit|contract|chaos|system)/\w+\.py)::(\w+)`", page)
    }
)


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_promise_names_a_test_that_is_there(file: str, test: str) -> None:
    """Whoever renames a test also mends the pages of promises and of faults."""
    assert f"def {test}(" in (ROOT / "tests" / file).read_text("utf-8")


def test_every_promise_names_a_test() -> None:
    """All twelve promises stand there, each with at least one test."""
    page = (ROOT / "docs" / "promises.md").read_text("utf-8")
    parts = re.split(r"^\*\*(\d+) ", page, flags=re.MULTILINE)
    assert [int(number) for number in parts[1::2]] == list(range(1, 13))
    assert all("::test_" in text for text in parts[2::2])


def test_every_fault_names_a_test_and_a_wait() -> None:
    """Each row of the page of faults says what happens, how long it takes, and which test shows it."""
    rows = [line.split(" | ") for line in PAGES[1].splitlines() if line.startswith("| ") and "::" in line]
    assert len(rows) > 40
    assert all(len(cells) == 4 and all(cell.strip("| ") for cell in cells) for cells in rows)
    for heading in re.split(r"^## ", PAGES[1], flags=re.MULTILINE)[1:-1]:
        table = [line for line in heading.splitlines() if line.startswith("| ")][1:]
        assert table, heading[:40]
        assert all("::test_" in line for line in table), heading[:40]


def test_every_parked_state_has_an_alarm_a_way_on_and_a_test() -> None:
    """Each row of the parked states names an alarm that there is, a command or setting, and a test."""
    part = PAGES[2].split("## Parked states")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 8
    for what, where, alarm, way, test in rows:
        assert what and where and "`" in way and "::test_" in test, what
        assert set(re.findall(r"`([a-z-]+)`", alarm)) <= set(ALARMS), what
        assert "`" in alarm, what


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


def test_every_threat_names_what_holds_and_a_test() -> None:
    """Each row of the page of security that says what holds says which test shows it."""
    _, _, table = PAGES[3].partition("| Threat | What holds | Shown by |")
    rows = [line.split(" | ") for line in table.partition("\n\n")[0].splitlines() if line.startswith("| ")]
    assert len(rows) > 12
    assert all(len(cells) == 3 and "::test_" in cells[2] for cells in rows)
