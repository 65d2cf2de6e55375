"""docs/add-a-column.md is done as it says: its lines are put into the sources, and its code is run."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from commands import docs
from local.comparison import same
from shared import tables
from shared.tables import TABLES, schema
from shared.tables.table import Table
from tests.support.records import FULL, TENANT, source

ROOT = Path(__file__).resolve().parents[2]
LINE, RULE, TRIED = re.findall(
    r"^```python\n(.*?)^```$",
    (ROOT / "docs" / "add-a-column.md").read_text("utf-8"),
    re.MULTILINE | re.DOTALL,
)
RECORD = FULL["Invoices"] | {"CISDeduction": Decimal("120.005"), "CurrencyRate": Decimal(2)}


def with_line(file: str, before: str, line: str) -> dict[str, Any]:
    """What a module of the repository has in it once the one line stands before another one."""
    text = (ROOT / file).read_text("utf-8")
    assert text.count(before) >= 1, before
    assert "CISDeduction" not in text, "the example is a column by now; choose another"
    start, _, end = text.partition(before)
    assert line.count("\n") == 1
    names: dict[str, Any] = {"__name__": "extended"}
    exec(compile(f"{start}{line}{before}{end}", file, "exec"), names)
    return names


@pytest.fixture
def extended() -> Table:
    """Invoices with the page's line in its declaration."""
    table: Table = with_line("shared/tables/invoices.py", "        UPDATED,\n", LINE)["INVOICES"]
    return table


def test_one_line_adds_a_column_to_the_rows(extended: Table) -> None:
    """The new value is in the row, and every other value is as it was."""
    [row] = extended.shape(source("Invoices", RECORD))
    [before] = TABLES["Invoices"].shape(source("Invoices", RECORD))
    assert row.pop("CISDeduction") == Decimal("120.0050")
    assert row == before


def test_one_line_adds_a_column_to_the_dataset(extended: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema that Power BI gets has the column, of its type, and all that it had."""
    before = {table["name"]: table["columns"] for table in schema.dataset("Xero")["tables"]}
    monkeypatch.setitem(tables.TABLES, "Invoices", extended)
    after = {table["name"]: table["columns"] for table in schema.dataset("Xero")["tables"]}
    new = {"name": "CISDeduction", "dataType": "Decimal", "summarizeBy": "none"}
    assert [column for column in after["Invoices"] if column not in before["Invoices"]] == [new]
    assert [column for column in after["Invoices"] if column != new] == before.pop("Invoices")
    assert {name: after[name] for name in before} == before


def test_one_line_adds_a_column_to_the_dictionary(extended: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The derived page has one row more, with the meaning that the line gives."""
    before = docs.data_dictionary().splitlines()
    monkeypatch.setitem(tables.TABLES, "Invoices", extended)
    [more] = [line for line in docs.data_dictionary().splitlines() if line not in before]
    assert re.fullmatch(r"\| `CISDeduction` \| Decimal \| .+\. \|", more)


def test_one_line_adds_the_rule_of_the_comparison(extended: Table) -> None:
    """With the page's rule, the comparison's own reading of a record has the columns and values of the row."""
    rules = with_line("local/expected/documents.py", "            **both(record, base, DUES),\n", RULE)
    [expected] = rules["invoice"](RECORD, TENANT, "NZD")
    [row] = extended.shape(source("Invoices", RECORD))
    assert expected.keys() == row.keys()
    assert same(expected["CISDeduction"], row["CISDeduction"])


def test_the_example_runs_and_says_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Each print of the example puts out what stands behind it on the page; the columns are in the dataset's schema."""
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(TRIED, "docs/add-a-column.md", "exec"), names)
    promised = re.findall(r"^print\(.+\)  # (.+)$", TRIED, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == promised
    assert len(promised) == TRIED.count("print(") == 2
    [row] = names["extended"].shape(source("Invoices", RECORD))
    assert row["CISDeduction"] == Decimal("120.0050")
    columns = [column["name"] for column in schema.table_schema(names["extended"])["columns"]]
    assert [name for name in columns if name not in schema.column_names(TABLES["Invoices"])] == [
        "CISDeduction",
        "DaysToPay",
    ]
