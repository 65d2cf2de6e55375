"""The ledger of an organisation: all that its records post, and what each account holds on a day."""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from local.ledger.chart import EARNINGS, Chart
from local.ledger.postings import KEYS, Posting, Rules, day, number
from local.ledger.undocumented import conversion_balance, depreciation

Record = dict[str, Any]
Amounts = dict[str, Decimal]

POSTED_FROM = (
    *("Invoices", "CreditNotes", "Prepayments", "Overpayments", "Payments", "BankTransactions"),
    *("BankTransfers", "ManualJournals"),
)


class Ledger:
    """The postings of an organisation by account and day. year_end: month and day on which its financial year ends."""

    def __init__(self, chart: Chart, year_end: tuple[int, int], postings: Iterable[Posting]) -> None:
        self.chart, self._year_end = chart, year_end
        self._by_account: dict[str, list[Posting]] = defaultdict(list)
        self._days: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for posting in postings:
            self._by_account[posting.account].append(posting)
            self._days[posting.account][posting.on] += posting.amount

    def moved(self, first: date, last: date) -> Amounts:
        """What was posted to each account from one day to another, both included; accounts that were posted to."""
        found: Amounts = {}
        for account, days in self._days.items():
            inside = [amount for on, amount in days.items() if first <= on <= last]
            if inside:
                found[account] = sum(inside, Decimal(0))
        return found

    def cash(self, account: str, first: date, last: date) -> tuple[Decimal, Decimal, Decimal]:
        """What an account held before a day, and what came in and went out from then to another day."""
        opening = received = spent = Decimal(0)
        for posting in self._by_account[account]:
            if posting.on < first:
                opening += posting.amount
            elif posting.on <= last:
                received += max(posting.amount, Decimal(0))
                spent -= min(posting.amount, Decimal(0))
        return opening, received, spent

    def split(self, on: date) -> tuple[Amounts, Amounts]:
        """What each account of the balance sheet has received before and since the financial year that holds a day began.

        Up to that day. Profit accounts hold this year's; the profit of earlier years is in retained earnings.
        """
        start = self.year_start(on)
        return self.moved(date.min, start - timedelta(days=1)), self.moved(start, on)

    def balances(self, on: date) -> Amounts:
        """What each account holds at the end of a day: profit accounts since the financial year began.

        What earlier years earned is in retained earnings, so that all balances add up to nothing.
        """
        before, held = self.split(on)
        earned = Decimal(0)
        for account, amount in before.items():
            if self.chart[account].is_profit:
                earned += amount
            else:
                held[account] = held.get(account, Decimal(0)) + amount
        if earned:
            earnings = self.chart.system(EARNINGS)
            held[earnings] = held.get(earnings, Decimal(0)) + earned
        return held

    def year_start(self, on: date) -> date:
        """The first day of the financial year that holds a day."""
        month, last = self._year_end

        def end(year: int) -> date:
            return date(year, month, min(last, monthrange(year, month)[1]))

        return (end(on.year) if end(on.year) < on else end(on.year - 1)) + timedelta(days=1)


def keep(
    tenant_id: str,
    books: Mapping[str, Iterable[Record]],
    today: date,
    *,
    opening: bool = True,
    wear: bool = True,
) -> Ledger:
    """Keep the ledger of an organisation from all of its records. today: no depreciation is posted after it.

    opening, wear: whether there are a conversion balance and depreciation, which no document shows.
    """
    organisation: Record = next(iter(books.get("Organisation", ())), {})
    chart = Chart(tenant_id, books.get("Accounts", ()))
    base = str(organisation.get("BaseCurrency") or "")
    documents = {
        str(record[key]).lower(): record for name, key in KEYS.items() for record in books.get(name, ())
    }
    rules = Rules(chart, base, documents)
    postings = [
        posting
        for name in POSTED_FROM
        for record in books.get(name, ())
        for posting in rules.post(name, record)
    ]
    if "CreatedDateUTC" in organisation:
        began = day({"Date": organisation["CreatedDateUTC"]})
        postings += conversion_balance(tenant_id, chart, base, began) if opening else ()
        postings += depreciation(tenant_id, chart, began, today) if wear else ()
    month, last = (
        int(number(organisation.get(f"FinancialYearEnd{part}")) or other)
        for part, other in (("Month", 12), ("Day", 31))
    )
    return Ledger(chart, (month, last), postings)
