"""Purchase orders, with their lines. The endpoint takes no `where`, so the history is all of them."""

from shared.xero.resources.resource import Resource

PURCHASE_ORDERS = Resource(
    name="PurchaseOrders",
    plural="PurchaseOrders",
    id_field="PurchaseOrderID",
    scope="accounting.invoices.read",
    fetch_by="one",
    windows="parameters",
    open_statuses=("DRAFT", "SUBMITTED", "AUTHORISED"),
    open_by="Status",
    nested=("LineItems",),
)
