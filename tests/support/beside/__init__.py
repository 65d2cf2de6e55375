"""Xero's records and the rows that Power BI must show of them, both written by hand, side by side."""

from copy import deepcopy

from tests.support.beside import (
    bank,
    credit_notes,
    entries,
    invoices,
    ledger,
    lists,
    orders,
    payments,
    prepaid,
    reports,
)
from tests.support.beside.common import Records

_PARTS = (ledger, invoices, payments, credit_notes, prepaid, orders, bank, lists, reports, entries)
# Which columns the tracking categories have in these rows.
SLOTS = {"t1": 1, "t2": 2, "t3": 3, "t4": 4}


def _joined(parts: list[Records]) -> Records:
    names = dict.fromkeys(name for part in parts for name in part)
    return {name: [deepcopy(one) for part in parts for one in part.get(name, [])] for name in names}


def xero() -> Records:
    """The records of one organisation as Xero sends them, by resource."""
    return _joined([part.RECORDS for part in _PARTS])


def power_bi() -> Records:
    """The rows that must stand in Power BI for `xero()`, worked out by hand, by table; numbers as JSON has them."""
    return _joined([part.ROWS for part in _PARTS])
