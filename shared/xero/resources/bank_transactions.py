"""Money spent and received without an invoice, with its lines. Payments of invoices are not among them (see Payments)."""

from shared.xero.resources.resource import Resource

BANK_TRANSACTIONS = Resource(
    name="BankTransactions",
    plural="BankTransactions",
    id_field="BankTransactionID",
    scope="accounting.banktransactions.read",
    unitdp="lists and records",
    history_where="Date >= {start} OR Date == null OR UpdatedDateUTC >= {start}",
    nested=("LineItems",),
    minutes=15,
)
