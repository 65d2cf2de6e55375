"""Reports/TrialBalance, ProfitAndLoss and BankSummary, worked out from the general ledger when they are asked for.

Shapes: the examples of Xero's OpenAPI file 16.1.0 and a recorded trial balance. Amounts are texts with two places; where
rounding to cents would leave debits and credits apart, the rounding account makes up for it.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from local.ledger import Account, Ledger
from local.ledger.balances import Amounts
from local.ledger.chart import ROUNDING
from local.simulation import Clock
from local.xero.general_ledger import GeneralLedgers
from local.xero.lists import QueryError
from local.xero.looks import Query
from local.xero.store import Books
from local.xero.switches import Switches
from local.xero.wire import Record, format_date, milliseconds

# The last part of each report's scope.
SCOPES: Mapping[str, str] = {
    "TrialBalance": "trialbalance",
    "ProfitAndLoss": "profitandloss",
    "BankSummary": "banksummary",
}
# Parameters that change what a report means: this stand-in knows none of them, and does not pretend to.
_REFUSED = (
    *("periods", "timeframe", "trackingCategoryID", "trackingCategoryID2"),
    *("trackingOptionID", "trackingOptionID2"),
)
_CLASSES = (
    ("Revenue", "REVENUE"),
    ("Expenses", "EXPENSE"),
    ("Assets", "ASSET"),
    ("Liabilities", "LIABILITY"),
    ("Equity", "EQUITY"),
)
_INCOME, _OTHER_INCOME, _COST = ("REVENUE", "SALES"), ("OTHERINCOME",), ("DIRECTCOSTS",)
_LONGEST = 365
_CENT = Decimal("0.01")


class Reports:
    """Answers reports of an organisation. QueryError for parameters that Xero refuses."""

    def __init__(self, clock: Clock, ledgers: GeneralLedgers, switches: Switches) -> None:
        self._clock, self._ledgers, self._switches = clock, ledgers, switches

    def report(self, books: Books, name: str, query: Query) -> Record:
        """One report of `SCOPES` as it stands under Reports."""
        if query.get("paymentsOnly", "false").lower() == "true" or any(query.get(one) for one in _REFUSED):
            raise QueryError("this stand-in reports on accrual basis, one period, without tracking")
        ledger, today = self._ledgers.of(books), self._clock.now().date()
        if name == "TrialBalance":
            on = _day(query, "date", today)
            title, period, rows = "Trial Balance", f"As at {_words(on)}", _trial_balance(ledger, on)
        else:
            first = _day(query, "fromDate", today.replace(day=1))
            last = _day(
                query, "toDate", first.replace(day=monthrange(first.year, first.month)[1]), least=first
            )
            if name == "ProfitAndLoss":
                title, period = "Profit and Loss", f"{_words(first)} to {_words(last)}"
                rows = _profit_and_loss(ledger, first, last, self._switches.profit_row_type)
            else:
                title, period = "Bank Summary", f"From {_words(first)} to {_words(last)}"
                rows = _bank_summary(ledger, first, last)
        return {
            "ReportID": name,
            "ReportName": title,
            "ReportType": name,
            "ReportTitles": [title.replace(" and ", " & "), books.name, period],
            "ReportDate": _words(today),
            "UpdatedDateUTC": format_date(milliseconds(self._clock.now())),
            "Fields": [],
            "Rows": rows,
        }


def _trial_balance(ledger: Ledger, on: date) -> list[Record]:
    """Debit and Credit are what the month moved up to the day, YTD what the account holds."""
    held = _rounded(ledger, ledger.balances(on))
    moved = _rounded(ledger, ledger.moved(on.replace(day=1), on))
    rows = [
        _row("Header", [_cell(text) for text in ("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")])
    ]
    for title, class_ in _CLASSES:
        listed = []
        for account in _by_name(ledger, held | moved):
            if account.class_ != class_:
                continue
            month, year = moved.get(account.id, Decimal(0)), held.get(account.id, Decimal(0))
            if not month and not year:
                continue
            texts = (_label(account), *_sides(account, month), *_sides(account, year))
            listed.append(_row("Row", [_cell(text, account.id) for text in texts]))
        if listed:
            rows.append(_section(title, listed))
    total = [
        sum((max(sign * amount, Decimal(0)) for amount in side.values()), Decimal(0))
        for side in (moved, held)
        for sign in (1, -1)
    ]
    return [
        *rows,
        _section("", [_row("SummaryRow", [_cell("Total"), *(_cell(f"{one:.2f}") for one in total)])]),
    ]


def _profit_and_loss(ledger: Ledger, first: date, last: date, profit_row_type: str) -> list[Record]:
    moved = {
        account: _cents(amount)
        for account, amount in ledger.moved(first, last).items()
        if ledger.chart[account].is_profit
    }
    rows = [_row("Header", [_cell(""), _cell(f"{last.day} {last:%b %y}")])]

    def section(title: str, total_of: str, sign: int, fits: Callable[[Account], bool]) -> Decimal:
        """List the accounts of a section; what it comes to. A section without accounts is not there."""
        listed = [
            (account, sign * moved[account.id])
            for account in _by_name(ledger, moved)
            if fits(account) and moved[account.id]
        ]
        total = sum((amount for _, amount in listed), Decimal(0))
        if listed:
            lines = [
                _row("Row", [_cell(text, account.id) for text in (account.name, f"{amount:.2f}")])
                for account, amount in listed
            ]
            summary = _row("SummaryRow", [_cell(f"Total {total_of}"), _cell(f"{total:.2f}")])
            rows.append(_section(title, [*lines, summary]))
        return total

    def profit(name: str, amount: Decimal) -> None:
        rows.append(_section("", [_row(profit_row_type, [_cell(name), _cell(f"{amount:.2f}")])]))

    gross = section("Income", "Income", -1, lambda one: one.kind in _INCOME)
    gross -= section("Less Cost of Sales", "Cost of Sales", 1, lambda one: one.kind in _COST)
    profit("Gross Profit", gross)
    other = section("Plus Other Income", "Other Income", -1, lambda one: one.kind in _OTHER_INCOME)
    spent = section(
        "Less Operating Expenses",
        "Operating Expenses",
        1,
        lambda one: one.kind not in (*_INCOME, *_COST, *_OTHER_INCOME),
    )
    profit("Net Profit", gross + other - spent)
    return rows


def _bank_summary(ledger: Ledger, first: date, last: date) -> list[Record]:
    """Every bank account in base currency, whether it moved or not."""
    names = ("Bank Accounts", "Opening Balance", "Cash Received", "Cash Spent", "Closing Balance")
    banks = sorted((one for one in ledger.chart if one.kind == "BANK"), key=lambda one: one.name)
    listed, totals = [], [Decimal(0)] * 4
    for account in banks:
        opening, received, spent = ledger.cash(account.id, first, last)
        closing = _cents(opening + received - spent)
        opening, received = _cents(opening), _cents(received)
        # The odd cent of rounding is spent, so that a line adds up.
        amounts = [opening, received, opening + received - closing, closing]
        totals = [total + amount for total, amount in zip(totals, amounts, strict=True)]
        cells = [_cell(account.name, account.id, "accountID")]
        for place, amount in enumerate(amounts):
            cells.append(_cell(f"{amount:.2f}", account.id if place in (1, 2) else ""))
        listed.append(_row("Row", cells))
    total_cells = [_cell("Total"), *(_cell(f"{total:.2f}") for total in totals)]
    return [
        _row("Header", [_cell(name) for name in names]),
        _section("", [*listed, _row("SummaryRow", total_cells)]),
    ]


def _rounded(ledger: Ledger, amounts: Amounts) -> Amounts:
    """In cents, and still adding up to nothing: by the rounding account."""
    found = {account: _cents(amount) for account, amount in amounts.items()}
    if rest := sum(found.values(), Decimal(0)):
        rounding = ledger.chart.system(ROUNDING)
        found[rounding] = found.get(rounding, Decimal(0)) - rest
    return found


def _by_name(ledger: Ledger, amounts: Iterable[str]) -> list[Account]:
    return sorted((ledger.chart[account] for account in amounts), key=lambda one: (one.name, one.id))


def _sides(account: Account, amount: Decimal) -> tuple[str, str]:
    """What stands under debit and credit. Nothing at all stands as 0.00 where the account's class has its balance."""
    is_debit = amount > 0 if amount else account.class_ in ("ASSET", "EXPENSE")
    text = f"{abs(amount):.2f}"
    return (text, "") if is_debit else ("", text)


def _label(account: Account) -> str:
    return f"{account.name} ({account.code})" if account.code else account.name


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _cell(text: str, account_id: str = "", kind: str = "account") -> Record:
    return {"Value": text} | ({"Attributes": [{"Value": account_id, "Id": kind}]} if account_id else {})


def _row(kind: str, cells: list[Record]) -> Record:
    return {"RowType": kind, "Cells": cells}


def _section(title: str, rows: list[Record]) -> Record:
    return {"RowType": "Section", "Title": title, "Rows": rows}


def _day(query: Query, name: str, default: date, least: date | None = None) -> date:
    """A parameter's day, such as 2026-11-30. QueryError when it is none, before `least`, or a year or more after it."""
    text: Any = query.get(name)
    try:
        on = date.fromisoformat(text[:10]) if text else default
    except ValueError:
        raise QueryError(f"{text!r} is no date for {name}; it is written YYYY-MM-DD") from None
    if least is not None and not least <= on <= least + timedelta(days=_LONGEST):
        raise QueryError(f"{name} must be after fromDate, and at most {_LONGEST} days")
    return on


def _words(on: date) -> str:
    return f"{on.day} {on:%B %Y}"
