"""The rows of Xero's reports, as the simulator serves them: amounts by their column's place under the header."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from local.expected.values import Record, Row, amount, elements, key_of, number, text


def trial_balance(record: Record, tenant: str, base: str | None) -> list[Row]:
    """One row an account."""
    del base
    found = []
    for section, line in _lines(record):
        if line.get("RowType") != "Row":
            continue
        debit, credit, debit_held, credit_held = (
            _amount(line, _place(record, word)) for word in ("Debit", "Credit", "YTD Debit", "YTD Credit")
        )
        found.append(
            {
                "Section": section or None,
                **_account(line, tenant),
                "AccountName": _text(line, 0),
                "Debit": debit,
                "Credit": credit,
                "YTDDebit": debit_held,
                "YTDCredit": credit_held,
                "Movement": _less(debit, credit),
                "Balance": _less(debit_held, credit_held),
            }
        )
    nothing = ("Section", "AccountKey", "AccountID", "AccountName", "Debit", "Credit")
    return _numbered(record, tenant, found, (*nothing, "YTDDebit", "YTDCredit", "Movement", "Balance"))


def profit_and_loss(record: Record, tenant: str, base: str | None) -> list[Row]:
    """One row a line, sums too."""
    del base
    found = [
        {
            "Section": section or None,
            "Line": _text(line, 0),
            **_account(line, tenant),
            "IsSummary": line.get("RowType") == "SummaryRow" or not section,
            "Amount": _amount(line, 1),
        }
        for section, line in _lines(record)
    ]
    return _numbered(
        record, tenant, found, ("Section", "Line", "AccountKey", "AccountID", "IsSummary", "Amount")
    )


def opening_balances(record: Record, tenant: str, base: str | None) -> list[Row]:
    """What each bank account held when the history begins, among the movements of money."""
    del base
    through = text(record.get("Through"))
    key = key_of(tenant, through)
    before = date.fromisoformat(through or "2000-01-01") - timedelta(days=1)
    nothing = [
        "SourceType",
        "SourceStatus",
        "AccountKey",
        "AccountID",
        "ContactKey",
        "Amount",
        "AmountBase",
        "IsReconciled",
    ]
    head: Row = {"TenantID": tenant, "DocumentKey": key, "Source": "OpeningBalance", "SourceID": through}
    head |= dict.fromkeys(nothing)
    head |= {"Date": datetime(before.year, before.month, before.day), "IsTransfer": False}  # noqa: DTZ001
    rows = []
    for _, line in _lines(record):
        if line.get("RowType") != "Row":
            continue
        opening = _amount(line, _place(record, "Opening Balance"))
        if opening:
            rows.append(head | _account(line, tenant) | {"AmountBase": opening})
    return [
        row | {"MovementKey": f"{key}|{at}", "MovementNumber": at, "IsMarker": at == 0}
        for at, row in (list(enumerate(rows, 1)) or [(0, head)])
    ]


def _numbered(record: Record, tenant: str, found: list[Row], columns: tuple[str, ...]) -> list[Row]:
    """The rows with what every row has; a marker when there is none."""
    through = record.get("Through")
    on = date.fromisoformat(str(through)) if through else date.min
    return [
        {
            "TenantID": tenant,
            "ReportKey": key_of(tenant, through),
            "LineKey": f"{key_of(tenant, through)}|{at}",
            "IsMarker": not at,
            "LineNumber": at,
            "Date": datetime(on.year, on.month, on.day),  # noqa: DTZ001
            **row,
        }
        for at, row in list(enumerate(found, 1)) or [(0, dict.fromkeys(columns))]
    ]


def _lines(record: Record) -> Iterator[tuple[str, Record]]:
    for section in elements(record, "Rows"):
        if section.get("RowType") == "Section":
            for line in elements(section, "Rows"):
                yield section.get("Title", ""), line


def _place(record: Record, word: str) -> int:
    header = next(row for row in elements(record, "Rows") if row.get("RowType") == "Header")
    return [cell.get("Value") for cell in elements(header, "Cells")].index(word)


def _text(line: Record, place: int) -> str:
    return text(elements(line, "Cells")[place].get("Value")) or ""


def _amount(line: Record, place: int) -> Decimal | None:
    written = _text(line, place).replace(",", "")
    if written.startswith("("):
        written = f"-{written[1:-1]}"
    return amount(number(written)) if written else None


def _less(debit: Decimal | None, credit: Decimal | None) -> Decimal | None:
    return None if debit is None and credit is None else (debit or Decimal("0.0000")) - (credit or 0)


def _account(line: Record, tenant: str) -> Row:
    """By the cell of its name, or of its amounts."""
    for cell in elements(line, "Cells"):
        for attribute in elements(cell, "Attributes"):
            if attribute.get("Id") in ("account", "accountID"):
                identifier = str(attribute["Value"]).lower()
                return {"AccountKey": f"{tenant}|{identifier}", "AccountID": identifier}
    return {"AccountKey": None, "AccountID": None}
