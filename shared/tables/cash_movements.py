"""CashMovements: each movement of a bank account once, whatever Xero shows of it, and what was there before.

Money that Xero may show twice counts where it is always shown: a transfer by its own record and not by the bank
transactions of its two ends; what was paid in a batch by its payments and not by the batch's bank transaction; a prepayment
or overpayment by its bank transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shared.errors import BadRecord
from shared.tables.documents import KINDS
from shared.tables.nested import element_key, place, record_key
from shared.tables.payments import amount_base, contact_id, currency
from shared.tables.reports import THROUGH, day_of, report_rows, value_under
from shared.tables.table import (
    TENANT,
    Source,
    Table,
    amount,
    day,
    derived,
    flag,
    in_base,
    key,
    negated,
    rounded,
    text,
)
from shared.xero import wire

OPENING_BALANCE = "opening balance"
# What a movement is told by, whatever its record is called: the columns below are asked of this.
Movement = dict[str, Any]

KIND = {
    "BankTransactions": KINDS["BankTransactions"],
    "Payments": "Payment",
    "BankTransfers": "BankTransfer",
    "BankSummary": "OpeningBalance",
}
# Which way money moves: in is positive.
BANK_TRANSACTIONS: Mapping[str, int] = {
    "RECEIVE": 1,
    "RECEIVE-PREPAYMENT": 1,
    "RECEIVE-OVERPAYMENT": 1,
    "SPEND": -1,
    "SPEND-PREPAYMENT": -1,
    "SPEND-OVERPAYMENT": -1,
}
TRANSFERS = ("RECEIVE-TRANSFER", "SPEND-TRANSFER")
# A customer pays an invoice and is refunded a credit; a supplier the other way round.
PAYMENTS: Mapping[str, int] = {
    "ACCRECPAYMENT": 1,
    "ARCREDITPAYMENT": -1,
    "ARPREPAYMENTPAYMENT": -1,
    "AROVERPAYMENTPAYMENT": -1,
    "ACCPAYPAYMENT": -1,
    "APCREDITPAYMENT": 1,
    "APPREPAYMENTPAYMENT": 1,
    "APOVERPAYMENTPAYMENT": 1,
}
# How far a bank amount in base currency may be from the amount at the payment's rate: the bank's cent, the rate's digits.
CENT, OF_BASE = Decimal("0.01"), Decimal("0.00001")


def _bank_transaction(source: Source) -> list[Movement]:
    type_, status = _text(source, "Type"), _text(source, "Status")
    sign = BANK_TRANSACTIONS.get(type_ or "", 0)
    total = wire.number(source.at("Total"), "Total")
    found = _dated(source) | {
        "SourceType": type_,
        "SourceStatus": status,
        "AccountID": source.at("BankAccount.AccountID"),
        "ContactID": source.at("Contact.ContactID"),
        "IsReconciled": source.at("IsReconciled"),
        "IsTransfer": type_ in TRANSFERS,
    }
    if status != "AUTHORISED" or not sign or source.at("BatchPayment"):
        return [found]
    return [
        found
        | {"Amount": _signed(total, sign)}
        | {"AmountBase": _signed(in_base(total, source, source.record, "Total"), sign)}
    ]


def _payment(source: Source) -> list[Movement]:
    type_, status = _text(source, "PaymentType"), _text(source, "Status")
    sign = PAYMENTS.get(type_ or "", 0)
    in_bank = wire.number(source.at("BankAmount"), "BankAmount")
    found = _dated(source) | {
        "SourceType": type_,
        "SourceStatus": status,
        "AccountID": source.at("Account.AccountID"),
        "ContactID": contact_id(source),
        "IsReconciled": source.at("IsReconciled"),
        "IsTransfer": False,
    }
    if status != "AUTHORISED" or not sign:
        return [found]
    moved = wire.number(source.at("Amount"), "Amount") if in_bank is None else in_bank
    return [
        found | {"Amount": _signed(moved, sign), "AmountBase": _signed(_paid_base(source, in_bank), sign)}
    ]


def _paid_base(source: Source, in_bank: Decimal | None) -> Decimal | None:
    """What a payment moved, in base currency: to the cent where its account is kept in that, else at its own rate.

    Xero tells the account by its id alone. That it is in base currency shows in its amount: not the document's, and
    what the rate makes of that but for rounding.
    """
    base = amount_base(source)
    if in_bank is None or base is None or currency(source) in (None, source.base_currency):
        return base
    is_base = in_bank != wire.number(source.at("Amount"), "Amount") and abs(in_bank - base) <= max(
        CENT, OF_BASE * abs(base)
    )
    return rounded(in_bank, "BankAmount") if is_base else base


def _bank_transfer(source: Source) -> list[Movement]:
    """Out of one account, into the other. Transfers from before July 2026 have no status."""
    status, moved = _text(source, "Status"), wire.number(source.at("Amount"), "Amount")
    found = _dated(source) | {"SourceStatus": status, "IsTransfer": True}
    if status not in (None, "AUTHORISED"):
        return [found]
    # Xero names no currency here: without a rate the amount is in base currency already.
    base = in_base(moved, source, {"CurrencyRate": source.at("CurrencyRate")}, "Amount")
    return [
        found
        | {
            "AccountID": source.at(f"{end}BankAccount.AccountID"),
            "IsReconciled": source.at(f"{end}IsReconciled"),
            "Amount": _signed(moved, sign),
            "AmountBase": _signed(base, sign),
        }
        for end, sign in (("From", -1), ("To", 1))
    ]


def _opening_balance(source: Source) -> list[Movement]:
    """What each account held before the history begins, in base currency. Accounts without any are left out."""
    first = day_of(source)
    if first == date.min:
        raise BadRecord(f"there is no day before {first}", field=THROUGH)
    before = (first - timedelta(days=1)).isoformat()
    found: Movement = {"SourceID": source.at(THROUGH), "Date": before, "IsTransfer": False}
    balances = [
        (row.record.get("AccountID"), value_under(row, OPENING_BALANCE))
        for row in report_rows(source, summaries=False, needs=(OPENING_BALANCE,))
    ]
    return [found | {"AccountID": account, "AmountBase": held} for account, held in balances if held] or [
        found
    ]


MOVEMENTS: Mapping[str, Callable[[Source], list[Movement]]] = {
    "BankTransactions": _bank_transaction,
    "Payments": _payment,
    "BankTransfers": _bank_transfer,
    "BankSummary": _opening_balance,
}


def _dated(source: Source) -> Movement:
    return {
        "SourceID": source.at(_id_field(source)),
        "Date": source.at("Date"),
        "DateString": source.at("DateString"),
    }


def _text(source: Source, path: str) -> str | None:
    return wire.text(source.at(path), path)


def _signed(value: Decimal | None, sign: int) -> Decimal | None:
    return value if sign > 0 else negated(value)


def _id_field(source: Source) -> str:
    return THROUGH if source.resource == "BankSummary" else f"{KIND[source.resource]}ID"


def _rows(source: Source) -> list[Source]:
    """A source for each movement, numbered from 1; for a record that moves nothing one with number 0."""
    return [
        replace(source, record=movement, number=number if _moves(movement) else 0)
        for number, movement in enumerate(MOVEMENTS[source.resource](source), 1)
    ]


def _moves(movement: Movement) -> bool:
    return "AmountBase" in movement


def _document_key(source: Source) -> str:
    return record_key(source, _id_field(source))


CASH_MOVEMENTS = Table(
    name="CashMovements",
    means="Each movement of money once, by bank account, and the balance that an account began with. Payments by way of"
    " other accounts are here too: measures take accounts of type BANK. A record that moves no money has one row with"
    " IsMarker.",
    resources=tuple(MOVEMENTS),
    version_key="DocumentKey",
    rows=_rows,
    columns=(
        TENANT,
        derived("DocumentKey", "String", "The record, unique over organisations.", _document_key),
        element_key("MovementKey", "The movement, unique over organisations.", _document_key),
        derived(
            "Source",
            "String",
            "What moved it: BankTransaction, Payment, BankTransfer; or OpeningBalance.",
            lambda source: KIND[source.resource],
        ),
        text(
            "SourceID",
            "Xero's id of what moved it; of an opening balance, the day on which the history begins.",
        ),
        text("SourceType", "Xero's Type of the bank transaction, PaymentType of the payment."),
        text("SourceStatus", "Xero's Status of it."),
        place(
            "MovementNumber", "Of a transfer, 1: out of an account, 2: into the other. Else 1; 0 on a marker."
        ),
        derived(
            "IsMarker",
            "Boolean",
            "True on the one row of a record that moves no money: voided or deleted, of a type that Xero is not known to"
            " have, or counted by another record (the two ends of a transfer, the bank transaction of a batch payment).",
            lambda source: source.number == 0,
        ),
        day("Date", "When it moved; of an opening balance, the day before the history begins."),
        key("AccountKey", "The account, unique over organisations.", "AccountID"),
        text("AccountID", "Xero's id of the account."),
        key("ContactKey", "The contact, unique over organisations; transfers have none.", "ContactID"),
        amount(
            "Amount",
            "In positive, out negative, in the account's currency; of a transfer, in that of the account that it left."
            " Empty for an opening balance, whose currency Xero does not tell.",
        ),
        amount(
            "AmountBase",
            "The same in base currency: of a bank transaction at its own rate, of a payment at the payment's; of a"
            " payment in foreign currency by way of an account in base currency what moved there, to the cent.",
        ),
        flag("IsReconciled", "Whether it is matched with a bank statement line."),
        flag("IsTransfer", "Whether it moves between the organisation's own accounts."),
    ),
)
