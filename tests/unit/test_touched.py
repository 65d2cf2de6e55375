"""Which documents belong to the history because a record of it refers to them."""

from typing import Any

import pytest

from shared.sync.beyond import touched_by
from shared.xero.resources import RESOURCES

INVOICE = "22b3fab4-ef56-4d70-a110-a7cc3c1a26cd"


def test_a_reference_is_found_in_either_case() -> None:
    """Each document that records refer to is named once, in lower case."""
    records = [{"Invoice": {"InvoiceID": each}} for each in (INVOICE, INVOICE.upper())]
    assert touched_by(records, RESOURCES["Payments"])["Invoices"] == [INVOICE]


@pytest.mark.parametrize("value", ["", "../Users", "x' or 1", "no-id-0123456789abcdef", 7, None, [], {}])
def test_what_is_no_id_is_not_asked_for(value: Any) -> None:
    """A reference that cannot be an id never reaches an address, and does not hide the others."""
    records = [{"Invoice": {"InvoiceID": value}}, {"Invoice": {"InvoiceID": INVOICE}}]
    assert touched_by(records, RESOURCES["Payments"])["Invoices"] == [INVOICE]
