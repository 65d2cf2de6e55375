"""Items: one row a thing that is bought or sold, with its stock where Xero tracks it."""

from shared.tables.table import TENANT, UPDATED, Table, amount, flag, key, text

ITEMS = Table(
    name="Items",
    means="What is bought and sold: prices, accounts, and the stock of tracked items.",
    resources=("Items",),
    version_key="ItemKey",
    columns=(
        TENANT,
        key("ItemKey", "Unique over organisations.", "ItemID"),
        text("ItemID", "Xero's id of the item."),
        text("Code", "The item's code."),
        text("Name", "The item's name."),
        text("Description", "What sales documents say of it."),
        text("PurchaseDescription", "What bills and orders say of it."),
        flag("IsSold", "Whether it may be sold."),
        flag("IsPurchased", "Whether it may be bought."),
        flag("IsTrackedAsInventory", "Whether Xero keeps its stock."),
        text("InventoryAssetAccountCode", "The code of the account that holds its stock."),
        amount("SalesUnitPrice", "The usual price at which one is sold.", "SalesDetails.UnitPrice"),
        text("SalesAccountCode", "The code of the account that its sales go to.", "SalesDetails.AccountCode"),
        text("SalesTaxType", "The tax type of its sales.", "SalesDetails.TaxType"),
        amount("PurchaseUnitPrice", "The usual price at which one is bought.", "PurchaseDetails.UnitPrice"),
        text(
            "PurchaseAccountCode",
            "The code of the account that its purchases go to.",
            "PurchaseDetails.AccountCode",
        ),
        text(
            "CostAccountCode",
            "The code of the account that takes the cost of goods sold of a tracked item.",
            "PurchaseDetails.COGSAccountCode",
        ),
        text("PurchaseTaxType", "The tax type of its purchases.", "PurchaseDetails.TaxType"),
        amount("QuantityOnHand", "How many are in stock, for a tracked item."),
        amount("TotalCostPool", "What the stock cost, by average cost, in base currency."),
        UPDATED,
    ),
)
