"""What a day does to purchase orders, manual journals, bank transactions and transfers."""

from local.scenario.amounts import decimal, is_priced, reprice, totals
from local.scenario.day import Day, Record, name_of
from local.scenario.invoices import document


def approve_and_bill_orders(day: Day) -> list[str]:
    """One order is approved; another is billed: the bill is a copy of it, under its own line ids."""
    (submitted,) = day.choose("PurchaseOrders", lambda one: one["Status"] == "SUBMITTED")
    (approved,) = day.choose(
        "PurchaseOrders",
        lambda one: (
            one["Status"] == "AUTHORISED"
            and (day.is_domestic(one) or "CurrencyRate" in one)
            and one["Total"] > 0
        ),
    )
    day.change("PurchaseOrders", submitted, {"Status": "AUTHORISED", "SentToContact": True})
    lines = [line | {"LineItemID": day.guid()} for line in approved["LineItems"]]
    bill = day.add(
        "Invoices",
        document(
            day,
            "ACCPAY",
            f"B{day.random.randrange(10_000, 99_999)}",
            approved["Contact"],
            approved["LineAmountTypes"],
            approved["CurrencyCode"],
            lines,
            approved.get("CurrencyRate", 1.0),
        ),
    )
    day.change("PurchaseOrders", approved, {"Status": "BILLED"})
    return [
        f"{name_of(submitted)}: approved",
        f"{name_of(approved)}: billed, as {name_of(bill)} of {bill['Total']:.2f}",
    ]


def post_and_void_journals(day: Day) -> list[str]:
    """A draft is posted with one amount corrected, and the one against it; another journal is voided."""

    def balanced(journal: Record) -> bool:
        amounts = [line["LineAmount"] for line in journal["JournalLines"][:2]]
        return all(isinstance(one, int | float) for one in amounts) and sum(amounts) == 0

    (draft,) = day.choose("ManualJournals", lambda one: one["Status"] == "DRAFT")
    (posted,) = day.choose("ManualJournals", lambda one: one["Status"] == "POSTED" and balanced(one))
    lines = [dict(line) for line in draft["JournalLines"]]
    # The first and the last stand against each other in every kind of journal.
    for line, amount in ((lines[0], 12.5), (lines[-1], -12.5)):
        line["LineAmount"] = float(decimal(line["LineAmount"]) + decimal(amount))
    day.change("ManualJournals", draft, {"Status": "POSTED", "JournalLines": lines})
    day.end("ManualJournals", posted["ManualJournalID"])
    return [
        f"journal {draft['Narration']!r}: posted with {lines[0]['LineAmount']:.2f} on its first line",
        f"journal {posted['Narration']!r}: voided",
    ]


def edit_and_delete_bank_transactions(day: Day) -> list[str]:
    def plain(one: Record) -> bool:
        return one["Status"] == "AUTHORISED" and one["Type"] in ("SPEND", "RECEIVE")

    (edited,) = day.choose("BankTransactions", lambda one: plain(one) and is_priced(one["LineItems"][:1]))
    (deleted,) = day.choose("BankTransactions", plain)
    lines = [dict(line) for line in edited["LineItems"]]
    lines[0]["UnitAmount"] = float(decimal(lines[0]["UnitAmount"]) + day.random.randrange(1, 40))
    reprice(lines[0], edited["LineAmountTypes"], day.percent)
    changed = totals(edited, lines)
    day.change("BankTransactions", edited, changed)
    day.end("BankTransactions", deleted["BankTransactionID"])
    return [
        f"{name_of(edited)}: the total {edited['Total']:.2f} becomes {changed['Total']:.2f}",
        f"{name_of(deleted)}: deleted",
    ]


def delete_a_transfer(day: Day) -> list[str]:
    """It is listed no more unless one asks for deleted ones, moves no stamp, and takes its two ends with it."""
    (transfer,) = day.choose("BankTransfers", lambda one: one.get("Status") != "DELETED")
    # Older ones have no status that could end.
    day.change("BankTransfers", transfer, {"Status": "DELETED"})
    for end in ("From", "To"):
        key = transfer[f"{end}BankTransactionID"]
        day.touched.add(key)
        day.end("BankTransactions", key)
    source, target = transfer["FromBankAccount"]["Name"], transfer["ToBankAccount"]["Name"]
    return [f"transfer of {transfer['Amount']:.2f} from {source!r} to {target!r}: deleted"]
