"""The data dictionary: derived, whole, and true in what it says of all tables."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from commands import docs
from shared import tables
from shared.tables import TABLES
from shared.tables.table import Table, text
from shared.xero.resources import RESOURCES
from tests.support.records import FULL, shaped

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-dictionary.md"
each_table = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


def section(page: str, name: str) -> str:
    """What stands under a heading."""
    [found] = re.findall(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_data_dictionary_is_fresh() -> None:
    """docs/data-dictionary.md is what the declarations say; `python3 manage.py docs` writes it."""
    assert PAGE.read_text(encoding="utf-8") == docs.data_dictionary()


def test_a_new_column_makes_the_page_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds a column and forgets the page is told."""
    items = TABLES["Items"]
    more = replace(items, columns=(*items.columns, text("Colour", "Which colour | shade it has.")))
    monkeypatch.setitem(tables.TABLES, "Items", more)
    page = docs.data_dictionary()
    assert "| `Colour` | String | Which colour \\| shade it has. |" in section(page, "Items")
    assert PAGE.read_text(encoding="utf-8") != page


def test_every_table_is_listed_once_and_leads_to_its_section() -> None:
    """The list at the top names all tables in order, and each name is a link to a heading of the page."""
    page = PAGE.read_text(encoding="utf-8")
    listed = re.findall(r"^\| \[(\w+)\]\(#(\w+)\) \|", section(page, "All tables"), re.MULTILINE)
    assert [name for name, _ in listed] == list(TABLES)
    headings = [heading.lower() for heading in re.findall(r"^## (.+)$", page, re.MULTILINE)]
    assert len(set(headings)) == len(headings)
    assert {anchor for _, anchor in listed} <= set(headings)


@each_table
def test_a_section_tells_what_a_table_holds(table: Table) -> None:
    """What it is, whose records feed it, its version key, and whether it has marker rows."""
    told = section(PAGE.read_text(encoding="utf-8"), table.name)
    assert table.means in told
    made = not set(table.resources) & set(RESOURCES)
    assert ("Made here." in told) == made
    assert made or all(resource in told for resource in table.resources)
    assert f"version key is `{table.version_key}`" in told
    [first, *_] = shaped(table.name, FULL[table.resources[0]])
    assert ("Leave out rows with `IsMarker`" in told) == ("IsMarker" in first)


@each_table
def test_a_section_has_every_column_of_a_row(table: Table) -> None:
    """Every column that a shaped row has, and the two that the push adds, in the order of the schema."""
    told = section(PAGE.read_text(encoding="utf-8"), table.name)
    rows = [row for resource in table.resources for row in shaped(table.name, FULL[resource], resource)]
    columns = re.findall(r"^\| `(\w+)` \| \w+ \| .+\. \|$", told, re.MULTILINE)
    assert rows
    assert all([*row, "RowVersion", "IsDeleted"] == columns for row in rows)


@each_table
def test_days_are_at_midnight_and_instants_say_utc(table: Table) -> None:
    """A DateTime is a calendar day unless its name ends in UTC or its meaning says that it is an instant."""
    days = [
        column
        for column in table.columns
        if column.type == "DateTime" and column.name[-3:] != "UTC" and "instant in UTC" not in column.means
    ]
    rows = [row for resource in table.resources for row in shaped(table.name, FULL[resource], resource)]
    for column in days:
        assert all(row[column.name] is None or row[column.name].endswith("T00:00:00") for row in rows)


def test_the_page_names_the_types_that_there_are() -> None:
    """All six of Power BI's types are explained, and no other."""
    told = section(PAGE.read_text(encoding="utf-8"), "Types")
    named = re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE)
    assert sorted(named) == ["Boolean", "DateTime", "Decimal", "Double", "Int64", "String"]


def test_what_is_off_by_default_says_so() -> None:
    """Nobody looks for rows that are never read."""
    told = section(PAGE.read_text(encoding="utf-8"), "Journals")
    assert "Journals (off by default)" in told
    assert "(off by default)" not in section(PAGE.read_text(encoding="utf-8"), "Invoices")
