"""Transfers between bank accounts. Without a stamp, so read whole; deleted ones are listed only when asked for."""

from shared.xero.resources.resource import Resource

BANK_TRANSFERS = Resource(
    name="BankTransfers",
    plural="BankTransfers",
    id_field="BankTransferID",
    scope="accounting.banktransactions.read",
    paging="whole",
    modified_since=False,
    stamp_field=None,
    parameters={"includeDeleted": "true"},
    fetch_by="one",
    # Those deleted before July 2026 have no Status and are in no list.
    vanishes=True,
)
