"""Bank transactions, transfers, purchase orders and manual journals as Xero lists them."""

from datetime import UTC, date, datetime
from random import Random

from local.company.documents import BankTransaction, Journal, Order, Transfer, TransferEnd
from local.company.records import Ledger, line_records, tracking_record
from local.company.taxes import REGION
from local.company.wire import Record, day, day_string, instant_string, money, stamp

# Xero's transfers have a Status since then.
_STATUS_SINCE = datetime(2026, 7, 1, tzinfo=UTC).timestamp() * 1000
_ORDER_STATUS = {"open": "AUTHORISED", "billed": "BILLED"}


def bank_transaction_record(movement: BankTransaction, ledger: Ledger, random: Random) -> Record:
    record: Record = {
        "BankTransactionID": movement.id,
        "BankAccount": _bank(ledger, movement.bank),
        "Type": movement.type,
    }
    if movement.reference:
        record["Reference"] = movement.reference
    record["IsReconciled"] = movement.reconciled
    if movement.currency != ledger.office.currency or random.random() < 0.6:
        record["CurrencyRate"] = movement.rate
    record |= movement.credit
    return record | {
        "HasAttachments": random.random() < 0.15,
        "Contact": movement.contact.stub,
        "DateString": day_string(movement.on),
        "Date": day(movement.on),
        "Status": movement.fate.upper() if movement.fate in ("deleted", "voided") else "AUTHORISED",
        "LineAmountTypes": movement.amount_types,
        "LineItems": line_records(movement, ledger, modern=random.random() < 0.7),
        "SubTotal": money(movement.total - movement.tax),
        "TotalTax": money(movement.tax),
        "Total": money(movement.total),
        "UpdatedDateUTC": stamp(movement.updated),
        "CurrencyCode": movement.currency,
    }


def transfer_record(transfer: Transfer, ledger: Ledger, random: Random) -> Record:
    record: Record = {
        "BankTransferID": transfer.id,
        "CreatedDateUTCString": instant_string(transfer.created),
        "CreatedDateUTC": stamp(transfer.created),
        "DateString": day_string(transfer.on),
        "Date": day(transfer.on),
    }
    if transfer.deleted or transfer.created >= _STATUS_SINCE:
        record["Status"] = "DELETED" if transfer.deleted else "AUTHORISED"
    for name, end in (("From", transfer.source), ("To", transfer.target)):
        account = ledger.banks[end.bank]
        record[f"{name}BankAccount"] = {"AccountID": account["AccountID"], "Name": account["Name"]}
    record["Amount"] = money(transfer.source.amount)
    if transfer.source.currency != ledger.office.currency:
        record["CurrencyRate"] = transfer.source.rate
    record |= {
        "FromBankTransactionID": transfer.source.id,
        "ToBankTransactionID": transfer.target.id,
        "FromIsReconciled": transfer.source.reconciled,
        "ToIsReconciled": transfer.target.reconciled,
        "Reference": transfer.reference,
        "HasAttachments": False,
    }
    if random.random() < 0.5:
        record |= {"FromTracking": [], "ToTracking": []}
    return record


def transfer_end_record(transfer: Transfer, end: TransferEnd, ledger: Ledger) -> Record:
    """The bank transaction of one side: without a contact, its line booked to the other bank account."""
    other = transfer.target if end is transfer.source else transfer.source
    account = ledger.banks[other.bank]
    line: Record = {
        "Description": f"Bank transfer {'to' if end is transfer.source else 'from'} {account['Name']}",
        "UnitAmount": money(end.amount),
        "TaxType": "NONE",
        "TaxAmount": 0.0,
        "LineAmount": money(end.amount),
    }
    if "Code" in account:
        line["AccountCode"] = account["Code"]
    line |= {
        "Tracking": [],
        "Quantity": 1.0,
        "LineItemID": end.line_id,
        "AccountID": account["AccountID"],
    }
    record: Record = {
        "BankTransactionID": end.id,
        "BankAccount": _bank(ledger, end.bank),
        "Type": end.type,
        "IsReconciled": end.reconciled,
    }
    if end.currency != ledger.office.currency:
        record["CurrencyRate"] = end.rate
    return record | {
        "HasAttachments": False,
        "DateString": day_string(transfer.on),
        "Date": day(transfer.on),
        "Status": "DELETED" if transfer.deleted else "AUTHORISED",
        "LineAmountTypes": "NoTax",
        "LineItems": [line],
        "SubTotal": money(end.amount),
        "TotalTax": 0.0,
        "Total": money(end.amount),
        "UpdatedDateUTC": stamp(transfer.created),
        "CurrencyCode": end.currency,
    }


def order_record(order: Order, ledger: Ledger, random: Random) -> Record:
    approved = order.fate in ("open", "billed")
    record: Record = {
        "PurchaseOrderID": order.id,
        "PurchaseOrderNumber": order.number,
        "DateString": day_string(order.on),
        "Date": day(order.on),
    }
    if random.random() < 0.8:
        record |= _dated("DeliveryDate", order.delivery)
    if approved and random.random() < 0.4:
        record |= _dated("ExpectedArrivalDate", order.delivery)
    if random.random() < 0.5:
        office = ledger.office
        record |= {
            "DeliveryAddress": f"{office.street}\r\n{office.city} {office.post_code}",
            "AttentionTo": "Goods inwards",
            "Telephone": "".join(office.phone),
            "DeliveryInstructions": "Call half an hour ahead; the gate is locked after 3 pm.",
        }
    record |= {"HasErrors": False, "IsDiscounted": bool(order.discounts), "Reference": order.reference}
    record["Type"] = order.type
    if order.currency != ledger.office.currency or random.random() < 0.8:
        record["CurrencyRate"] = order.rate
    record |= {"CurrencyCode": order.currency, "Contact": order.contact.stub}
    if approved:
        record["SentToContact"] = random.random() < 0.8
    record |= {
        "BrandingThemeID": ledger.id_of("theme"),
        "Status": _ORDER_STATUS.get(order.fate, order.fate.upper()),
        "LineAmountTypes": order.amount_types,
        "LineItems": line_records(order, ledger, modern=random.random() < 0.7),
        "SubTotal": money(order.total - order.tax),
        "TotalTax": money(order.tax),
        "Total": money(order.total),
    }
    if order.discounts:
        record["TotalDiscount"] = money(order.discounts)
    return record | {"UpdatedDateUTC": stamp(order.updated), "HasAttachments": random.random() < 0.1}


def journal_record(journal: Journal, ledger: Ledger, random: Random) -> Record:
    record: Record = {
        "Date": day(journal.on),
        "Status": journal.status,
        "LineAmountTypes": journal.amount_types,
        "UpdatedDateUTC": stamp(journal.updated),
        "ManualJournalID": journal.id,
        "Narration": journal.narration,
        "JournalLines": [
            {
                "Description": line.description,
                "TaxType": line.tax_type,
                "TaxAmount": money(line.tax),
                "LineAmount": money(line.amount),
                "AccountCode": line.account,
                "Tracking": [tracking_record(REGION, line.region, ledger, modern=True)]
                if line.region
                else [],
                "AccountID": ledger.account_ids[line.account],
                "IsBlank": False,
            }
            for line in journal.lines
        ],
    }
    if random.random() < 0.1:
        record["Url"] = f"https://payroll.example.com/journals/{journal.id[:8]}"
    return record | {
        "ShowOnCashBasisReports": random.random() < 0.9,
        "HasAttachments": random.random() < 0.1,
    }


def _bank(ledger: Ledger, place: int) -> Record:
    account = ledger.banks[place]
    return {name: account[name] for name in ("AccountID", "Code", "Name") if name in account}


def _dated(name: str, on: date) -> Record:
    return {f"{name}String": day_string(on), name: day(on)}
