"""Purchase orders: one row an order to a supplier, a commitment that is in no ledger yet."""

from shared.tables.documents import BRANDING_THEME, CONTACT, CURRENCY, TOTALS, TOTALS_BASE
from shared.tables.table import ATTACHMENTS, TENANT, UPDATED, Table, amount, day, flag, key, personal, text

PURCHASE_ORDERS = Table(
    name="PurchaseOrders",
    means="Orders to suppliers, drafts, billed and deleted ones included.",
    resources=("PurchaseOrders",),
    version_key="PurchaseOrderKey",
    columns=(
        TENANT,
        key("PurchaseOrderKey", "Unique over organisations.", "PurchaseOrderID"),
        text("PurchaseOrderID", "Xero's id of the order."),
        text("PurchaseOrderNumber", "The printed number."),
        text("Reference", "The order's reference."),
        text("Status", "DRAFT, SUBMITTED, AUTHORISED, BILLED or DELETED."),
        *CONTACT,
        day("Date", "The order's date."),
        day("DeliveryDate", "When delivery is asked for."),
        day("ExpectedArrivalDate", "When the goods are expected."),
        *CURRENCY,
        *TOTALS,
        amount("TotalDiscount", "Discounts of the lines."),
        *TOTALS_BASE,
        BRANDING_THEME,
        personal(text("AttentionTo", "Who takes the delivery.")),
        personal(text("DeliveryAddress", "Where it goes.")),
        personal(text("DeliveryInstructions", "What the carrier should know.")),
        personal(text("Telephone", "The telephone number of who takes the delivery.")),
        flag("SentToContact", "Whether it is marked as sent."),
        ATTACHMENTS,
        UPDATED,
    ),
)
