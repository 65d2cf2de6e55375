"""Items as Xero lists them, with the stock that is left of what was bought and sold."""

from random import Random

from local.company.catalogue import ITEMS
from local.company.documents import Invoice
from local.company.offices import Scene
from local.company.wire import DAY, Record, guid, half_up, midnight, money, stamp

# Not goods: charged or bought, but never in the warehouse.
SERVICES = (
    ("DELIVERY", "Delivery", "Delivery within the region", 1850, True, False),
    ("SERVICE-H", "Service hour", "Espresso machine technician, hour", 12_500, True, False),
    ("PALLET", "Pallet", "Pallet, plain", None, False, True),
)


def items(random: Random, scene: Scene, invoices: list[Invoice], ids: dict[str, str]) -> list[Record]:
    """All items. Tracked ones have a quantity on hand and what it cost, at the average cost of their purchase."""
    office = scene.office
    moved: dict[str, list[int]] = {item.code: [0, 0] for item in ITEMS}
    for invoice in invoices:
        for line in invoice.lines if invoice.finished else ():
            if line.item and line.quantity > 0:
                moved[line.item.code][0 if invoice.sale else 1] += line.quantity
    records: list[Record] = []
    opened = midnight(scene.first) - 300 * DAY
    for item in ITEMS:
        taxed = item.taxed or office.food_is_taxed
        price = half_up(int(item.price * office.price_level * 100), 100)
        cost = half_up(int(item.price * office.price_level * 58), 100)
        sold, bought = moved[item.code]
        # Never less than nothing: what was sold beyond what was bought was there when the books began.
        left = max(0, bought - sold) // 10_000 + random.randrange(0, 200)
        record: Record = {"ItemID": ids[f"item {item.code}"], "Code": item.code, "Description": item.name}
        if random.random() < 0.6:
            record["PurchaseDescription"] = f"{item.name}, as ordered"
        purchase: Record = {"UnitPrice": money(cost)}
        purchase["COGSAccountCode" if item.tracked else "AccountCode"] = "310" if item.tracked else "300"
        record |= {
            "UpdatedDateUTC": stamp(random.randrange(opened, scene.limit)),
            "PurchaseDetails": purchase | {"TaxType": office.tax("INPUT" if taxed else "EXEMPTEXPENSES")},
            "SalesDetails": {
                "UnitPrice": money(price),
                "AccountCode": "200",
                "TaxType": office.tax("OUTPUT" if taxed else "EXEMPTOUTPUT"),
            },
            "Name": item.name[:50],
            "IsTrackedAsInventory": item.tracked,
        }
        if item.tracked:
            record |= {
                "InventoryAssetAccountCode": "630",
                "TotalCostPool": money(left * cost),
                "QuantityOnHand": float(left),
            }
        records.append(record | {"IsSold": True, "IsPurchased": True})
    for code, name, description, service_price, sold_too, purchased in SERVICES:
        sales: Record = {"AccountCode": "205", "TaxType": office.tax("OUTPUT")} if sold_too else {}
        if service_price is not None:
            sales = {"UnitPrice": money(service_price)} | sales
        records.append(
            {
                "ItemID": guid(random),
                "Code": code,
                "Description": description,
                "UpdatedDateUTC": stamp(opened),
                "PurchaseDetails": {},
                "SalesDetails": sales,
                "Name": name,
                "IsTrackedAsInventory": False,
                "IsSold": sold_too,
                "IsPurchased": purchased,
            }
        )
    return records
