"""The arithmetic of docs/costs.md; the operations themselves are counted by running `python3 -m bench.costs`."""

import json
from collections import Counter
from dataclasses import replace

from bench.costs import LARGE, ROOT, SMALL, Measured, estimate, page

PRICES = json.loads((ROOT / "bench" / "prices.json").read_text())
# Every minute a poll, every five a refresh; calls and rows by documents.
SMALL_BOOKS = Measured(
    documents=SMALL,
    history=Counter({"Xero calls": 20, "Xero bytes": 1_000_000}),
    quiet=Counter(
        {"runs of poll_timer": 1440, "runs of token_refresh_timer": 288, "Xero calls": 600, "table": 1000}
    ),
    change=Counter({"runs of webhook_http": 1, "runs of push_queue": 1, "Power BI POSTs": 3, "table": 50}),
    reread=Counter({"Xero calls": 30, "Xero bytes": 1_000_000}),
    stored=4_000_000,
)
LARGE_BOOKS = replace(
    SMALL_BOOKS,
    documents=LARGE,
    history=Counter({"Xero calls": 26, "Xero bytes": 4_000_000}),
    reread=Counter({"Xero calls": 30, "Xero bytes": 4_000_000}),
    stored=13_000_000,
)


def test_the_line_through_both_sizes() -> None:
    """The history's calls rise by 6 over 1,800 documents, and a month reads everything again 30 / 7 times."""
    found = estimate(SMALL_BOOKS, LARGE_BOOKS, 6000, PRICES).operations
    assert found["Xero calls of the history, once"] == 20 + 6 * 5400 / 1800
    assert round(found["MB from Xero a month"], 6) == round(30 / 7 * 10, 6)
    assert found["MB stored after a year"] == 4 + 9 * 5400 / 1800


def test_changes_of_a_day() -> None:
    """A document is written four times in its life, so 365 documents a year are four changes a day."""
    found = estimate(SMALL_BOOKS, LARGE_BOOKS, 365, PRICES).operations
    assert round(found["Runs of functions a month"]) == 30 * (1440 + 288 + 4 * 2)
    assert round(found["Power BI POSTs a day"]) == 12


def test_what_is_free_costs_nothing() -> None:
    """Grants are taken off before a price is put on what is above them."""
    small = estimate(SMALL_BOOKS, LARGE_BOOKS, 365, PRICES)
    assert small.dollars["Functions: runs"] == 0
    paid = estimate(SMALL_BOOKS, LARGE_BOOKS, 365, PRICES | {"free runs": 0, "free GB-seconds": 0})
    assert paid.dollars["Functions: runs"] == small.operations["Runs of functions a month"] * 0.4 / 1e6
    above = small.operations["GB-seconds a month"] * PRICES["GB-second"]
    assert paid.dollars["Functions: GB-seconds"] == above


def test_the_page_has_what_was_written() -> None:
    """docs/costs.md holds the rows that the script prints, whatever their figures."""
    text = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
    printed = page(SMALL_BOOKS, LARGE_BOOKS, [1000], PRICES)
    names = [name for row in printed if row.startswith("| ") and (name := row.split("|")[1].strip())]
    assert len(names) > 15
    assert [name for name in names if f"| {name} |" not in text] == []
