"""The awkward values of credit notes, advances, bank transactions, transfers, orders, journals and items.

As in `oddities`: each was recorded, is in Xero's own samples or is said to happen, and none of them changes a sum.
"""

from collections.abc import Callable

from local.company.oddities import remove, written
from local.company.offices import Scene
from local.company.wire import Record

AMOUNTS = ("SubTotal", "TotalTax", "Total", "RemainingCredit", "AppliedAmount", "CurrencyRate")


def plant_elsewhere(books: dict[str, list[Record]], scene: Scene) -> None:
    """Change a few records in place. Raises LookupError when the books are too small to hold every kind.

    None of them is a draft or an unused credit: those are for the scenario.
    """
    base = scene.office.currency
    used: set[int] = set()

    def take(resource: str, fits: Callable[[Record], bool]) -> Record:
        for record in books[resource]:
            if id(record) not in used and fits(record):
                used.add(id(record))
                return record
        raise LookupError(
            f"the books are too small for every awkward value of {resource}; ask for more documents"
        )

    def applied(record: Record) -> bool:
        return bool(record["Allocations"])

    _without_a_rate(books, base)
    note = take("CreditNotes", applied)
    note |= written(note, AMOUNTS)
    note["Allocations"] = [one | written(one, ("Amount",)) for one in note["Allocations"]]
    note = take("CreditNotes", applied)
    note["Allocations"][0].pop("AllocationID", None)
    note["Status"] = "PARTIALLYAPPLIED" if note["RemainingCredit"] else "FULLYAPPLIED"
    note.pop("FullyPaidOnDate", None)
    note = take("CreditNotes", lambda one: bool(one["Payments"]))
    note |= {"InvoiceAddresses": [], "CreditReason": {"Code": "RETURN"}}
    note = take("CreditNotes", lambda one: one["Status"] == "VOIDED")
    note["LineItems"][0]["Item"] = []
    remove(note, "DateString", "DueDateString", "UpdatedDateUTCString")
    advance = take("Prepayments", lambda one: bool(one["Payments"]))
    advance["UpdatedDateUTC"] = advance["UpdatedDateUTC"].replace("+0000", "")
    advance = take("Overpayments", lambda one: one["Status"] == "PAID")
    advance["HasAttachments"] = str(advance["HasAttachments"]).lower()

    def spent(record: Record) -> bool:
        return bool(record["Type"] == "SPEND" and record["Status"] != "AUTHORISED")

    def end(record: Record) -> bool:
        return bool(record["Type"] == "RECEIVE-TRANSFER")

    movement = take("BankTransactions", spent)
    movement |= written(movement, AMOUNTS) | {"IsReconciled": str(movement["IsReconciled"]).lower()}
    remove(movement["LineItems"][0], "AccountCode", "AccountID")
    movement = take("BankTransactions", lambda one: one["Type"] == "RECEIVE" and one["Status"] == "VOIDED")
    movement["Contact"] = []
    movement = take("BankTransactions", end)
    movement |= {"Type": "RECEIVE-SWEEP", "BankFeedID": "unknown to the specification"}
    transfer = take("BankTransfers", lambda one: one.get("Status") == "DELETED")
    transfer |= written(transfer, ("Amount", "CurrencyRate"))

    order = take("PurchaseOrders", lambda one: one["Status"] == "BILLED")
    order["Status"] = "PARTIALLYBILLED"
    remove(order["LineItems"][0], "AccountCode", "AccountID")
    order = take("PurchaseOrders", lambda one: one["Status"] == "DELETED")
    remove(order, "Date", "DateString")

    journal = take("ManualJournals", lambda one: one["Status"] == "ARCHIVED")
    for line in journal["JournalLines"]:
        line.pop("AccountID")
        line |= written(line, ("LineAmount", "TaxAmount"))
    journal = take("ManualJournals", lambda one: one["Status"] == "VOIDED")
    journal["UpdatedDateUTC"] = journal["UpdatedDateUTC"].replace("+0000", "+1300")
    journal["JournalLines"][0] |= {"IsBlank": "false", "CostCentre": "unknown to the specification"}
    item = take("Items", lambda one: bool(one["IsTrackedAsInventory"]))
    item |= written(item, ("QuantityOnHand", "TotalCostPool"))
    item["Description"] = (item["Description"] + ", as in last year's catalogue" * 160)[:4001]
    item = take("Items", lambda one: not one["PurchaseDetails"])
    item |= {"PurchaseDetails": [], "UpdatedDateUTC": "/Date(0+0000)/"}


def _without_a_rate(books: dict[str, list[Record]], base: str) -> None:
    """Foreign documents that do not say what they are worth, where there are any."""

    def drop(resource: str, fits: Callable[[Record], bool]) -> None:
        foreign = (one for one in books[resource] if one["CurrencyCode"] != base and fits(one))
        if record := next(foreign, None):
            record.pop("CurrencyRate")

    drop("CreditNotes", lambda one: True)
    drop("PurchaseOrders", lambda one: one["Status"] in ("BILLED", "DELETED"))
    # Of the bank transactions those of transfers: the others keep what their credits say.
    drop("BankTransactions", lambda one: "TRANSFER" in one["Type"])
