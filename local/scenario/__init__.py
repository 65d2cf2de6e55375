"""A day of work in the simulated Xero: edits, payments, credits, voids and new records, the same for the same seed.

Everything goes through the simulator's control interface, so that webhooks wait and stamps move as they would.
Nothing is delivered until `deliver` is called.
"""

from collections.abc import Callable, Sequence

import requests

from local.scenario import credits, invoices, ledger, lists
from local.scenario.day import Day, Record

__all__ = ["deliver", "play"]

STEPS: Sequence[Callable[[Day], list[str]]] = (
    invoices.change_a_line,
    invoices.correct_references,
    invoices.empty_a_draft,
    credits.write_and_allocate_a_credit_note,
    invoices.pay_in_part,
    invoices.pay_in_full,
    invoices.take_a_payment_back,
    invoices.void_and_delete,
    credits.void_a_credit_note,
    lists.open_an_account,
    lists.win_a_customer,
    invoices.write_invoices,
    credits.apply_a_prepayment,
    ledger.approve_and_bill_orders,
    ledger.post_and_void_journals,
    ledger.edit_and_delete_bank_transactions,
    ledger.delete_a_transfer,
    lists.rename_a_contact,
    lists.archive_a_contact,
    lists.merge_a_contact,
    lists.archive_an_account,
    lists.rename_a_tracking_option,
    lists.delete_an_item,
    lists.add_a_tax_rate,
)


def play(xero_url: str, tenant_id: str, seed: int, *, session: requests.Session | None = None) -> list[str]:
    """Work through one day in an organisation that `local.company` made; a line of plain words per step.

    Playing again needs another seed, as new records get their ids from it, and larger books than the smallest.
    Raises LookupError when the books hold nothing that a step could be done to, requests.RequestException.
    """
    day = Day(xero_url, tenant_id, seed, session or requests.Session())
    return [line for step in STEPS for line in step(day)]


def deliver(xero_url: str, *, session: requests.Session | None = None) -> list[Record]:
    """Have the simulator deliver its pending webhook events; the deliveries, as the simulator reports them."""
    response = (session or requests.Session()).post(f"{xero_url}/_sim/webhooks/deliver", json={}, timeout=120)
    response.raise_for_status()
    deliveries: list[Record] = response.json()["deliveries"]
    return deliveries
