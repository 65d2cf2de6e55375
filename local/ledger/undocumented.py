"""What an organisation's ledger holds that no document of it shows, as in life: opening figures and depreciation.

Both are made from the organisation's id and its chart, so that the same books have the same; a chart without the accounts
for them has neither.
"""

import zlib
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from local.ledger.chart import HISTORICAL, Account, Chart
from local.ledger.postings import Posting


def conversion_balance(tenant_id: str, chart: Chart, base_currency: str, began: date) -> Iterator[Posting]:
    """200,000 to 300,000 on the first bank account in base currency when the organisation came to Xero."""
    bank = _first(chart, lambda one: one.kind == "BANK" and one.currency == base_currency)
    if bank and chart.has(HISTORICAL):
        amount = Decimal(20_000_000 + zlib.crc32(tenant_id.encode()) % 10_000_000) / 100
        yield Posting(began, bank.id, amount)
        yield Posting(began, chart.system(HISTORICAL), -amount)


def depreciation(tenant_id: str, chart: Chart, began: date, until: date) -> Iterator[Posting]:
    """1,000 to 3,000 at the end of each month, as the register of fixed assets posts it."""
    expense = _first(chart, lambda one: one.kind == "DEPRECIATN")
    worn = _first(chart, lambda one: one.kind == "FIXED" and "depreciation" in one.name.lower())
    if not expense or not worn:
        return
    amount = Decimal(100_000 + zlib.crc32(f"{tenant_id}/wear".encode()) % 200_000) / 100
    end = _month_end(began)
    while end <= until:
        yield Posting(end, expense.id, amount)
        yield Posting(end, worn.id, -amount)
        end = _month_end(end + timedelta(days=1))


def _month_end(on: date) -> date:
    return on.replace(day=monthrange(on.year, on.month)[1])


def _first(chart: Chart, fits: Callable[[Account], bool]) -> Account | None:
    return next((account for account in chart if fits(account)), None)
