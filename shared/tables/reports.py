"""Rows of Xero's reports: a report is a table of texts, and this reads it by its own words.

Columns are found by the words of the Header row, never by their place; an account by the attribute of its cells ("account"
or "accountID"); an amount is a text such as "1,234.50", "-12.00" or "(12.00)". Whatever cannot be understood for sure makes
the report a BadRecord, because a figure that is guessed is worse than none.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from shared.errors import BadRecord
from shared.tables.nested import record_key
from shared.tables.table import Column, Source, at, derived, rounded, unique
from shared.xero import wire

# The field of ours that names a report: the last day that it covers.
THROUGH = "Through"
# What stands above the names: "Account" in the trial balance, "Bank Accounts" in the bank summary, nothing in profit and
# loss.
LABELS = ("", "account", "accounts", "bank account", "bank accounts")
PLAIN = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", re.ASCII)
IN_BRACKETS = re.compile(r"\(([^-()]+)\)")


def report_rows(source: Source, *, summaries: bool, needs: tuple[str, ...] = ()) -> list[Source]:
    """A source for each row of the report, numbered from 1; for none, one with number 0. Raises BadRecord.

    Its record: RowType, Section (the title of the section that it stands in), Label, AccountID (None where the row is of no
    account), and Values by the Header's words in lower case. summaries: whether SummaryRows are among them. needs: the
    words without which the report is another one than it is taken for.
    """
    rows = _objects(at(source.record, "Rows"), "Rows")
    found = [(section, row) for section, row in _walk(rows) if summaries or row.get("RowType") == "Row"]
    words = _words(rows)
    if not found:
        return [replace(source, record={}, number=0)]
    missing = [word for word in needs if word not in words]
    if missing:
        raise BadRecord(f"the report has no column {', '.join(missing)}, but {words}", field="Rows")
    return [
        replace(source, record=_flat(section, row, words), number=number)
        for number, (section, row) in enumerate(found, 1)
    ]


def _walk(rows: list[dict[str, Any]], section: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for row in rows:
        kind = row.get("RowType")
        if kind == "Section":
            title = wire.text(row.get("Title"), "Rows.Title") or section
            yield from _walk(_objects(row.get("Rows"), "Rows.Rows"), title)
        elif kind in ("Row", "SummaryRow"):
            if row.get("Cells"):
                yield section, row
        elif kind != "Header":
            raise BadRecord(f"a row of the report is a {kind!r}", field="Rows.RowType")


def _words(rows: list[dict[str, Any]]) -> list[str]:
    """The Header's words in lower case, one a column; the label's is "". Raises BadRecord where they are not told apart."""
    headers = [row for row in rows if row.get("RowType") == "Header"]
    if len(headers) > 1:
        raise BadRecord(f"the report has {len(headers)} Header rows", field="Rows")
    words = [_text(cell).lower() for row in headers for cell in _objects(row.get("Cells"), "Rows.Cells")]
    words = ["" if word in LABELS else word for word in words]
    if len(set(words)) < len(words):
        raise BadRecord(f"the report has two columns of one name: {words}", field="Rows.Cells")
    return words


def _flat(section: str, row: Mapping[str, Any], words: list[str]) -> dict[str, Any]:
    cells = _objects(row.get("Cells"), "Rows.Cells")
    if len(cells) != len(words):
        raise BadRecord(f"a row has {len(cells)} cells under {len(words)} columns", field="Rows.Cells")
    values = dict(zip(words, (_text(cell) for cell in cells), strict=True))
    return {
        "RowType": row["RowType"],
        "Section": section or None,
        "Label": values.pop("", ""),
        "AccountID": _account(cells),
        "Values": values,
    }


def _account(cells: list[dict[str, Any]]) -> str | None:
    """The account that a row's cells name. Raises BadRecord where they name several."""
    ids: set[str] = set()
    for cell in cells:
        for attribute in _objects(cell.get("Attributes"), "Rows.Cells.Attributes"):
            name = wire.text(attribute.get("Id"), "Attributes.Id") or ""
            value = wire.text(attribute.get("Value"), "Attributes.Value")
            if name.lower() in ("account", "accountid") and value:
                ids.add(value.lower())
    if len(ids) > 1:
        raise BadRecord(f"a row of the report names several accounts: {sorted(ids)}", field="Rows.Cells")
    return ids.pop() if ids else None


def _text(cell: Mapping[str, Any]) -> str:
    return (wire.text(cell.get("Value"), "Rows.Cells.Value") or "").strip()


def _objects(found: Any, path: str) -> list[dict[str, Any]]:
    found = [] if found is None else found
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadRecord(f"{path} is no list of objects", field=path)
    return found


def value_under(source: Source, word: str) -> Decimal | None:
    """The amount in the column of that name; None for an empty cell and on a marker. Raises BadRecord."""
    return parse_amount(source.record.get("Values", {}).get(word.lower()), word)


def parse_amount(value: str | None, field: str) -> Decimal | None:
    """An amount as a report writes it: "" is none, brackets are minus, commas group thousands. Raises BadRecord."""
    if not value:
        return None
    bare, sign = (found[1], -1) if (found := IN_BRACKETS.fullmatch(value)) else (value, 1)
    if not PLAIN.fullmatch(bare):
        raise BadRecord(f"{field} is no amount: {value!r}", field=field)
    return rounded(Decimal(bare.replace(",", "")) * sign, field)


def day_of(source: Source) -> date:
    """The last day that the report covers. Raises BadRecord."""
    found = wire.day(source.document.get(THROUGH), THROUGH)
    if found is None:
        raise BadRecord(f"the report has no {THROUGH}", field=THROUGH)
    return found


REPORT_KEY = derived(
    "ReportKey",
    "String",
    "The report, unique over organisations: the organisation and the month end.",
    lambda source: record_key(source, THROUGH),
)
DATE = derived(
    "Date",
    "DateTime",
    "The month's last day, also while the month runs.",
    lambda source: f"{day_of(source).isoformat()}T00:00:00",
)
ACCOUNT: tuple[Column, ...] = (
    derived(
        "AccountKey",
        "String",
        "The account, unique over organisations; empty on a row of no account.",
        lambda source: unique(source.tenant_id, source.record.get("AccountID"), "AccountID"),
    ),
    derived(
        "AccountID", "String", "Xero's id of the account.", lambda source: source.record.get("AccountID")
    ),
)
