"""Sales invoices and bills, with their lines.

The history's filter ends with UpdatedDateUTC, so that a record edited while it is read still matches: none leaves.
"""

from shared.xero.resources.resource import Resource

INVOICES = Resource(
    name="Invoices",
    plural="Invoices",
    id_field="InvoiceID",
    scope="accounting.invoices.read",
    unitdp="lists and records",
    fetch_by="IDs",
    history_where=(
        'Date >= {start} OR Date == null OR Status == "DRAFT" OR Status == "SUBMITTED" OR Status == "AUTHORISED"'
        " OR UpdatedDateUTC >= {start}"
    ),
    windows="where",
    open_statuses=("DRAFT", "SUBMITTED", "AUTHORISED"),
    open_by="Statuses",
    webhook_category="INVOICE",
    nested=("LineItems",),
    minutes=15,
)
