"""What the lines of a document count for, and the sign that its ledger has: a table by kind, type and status.

The values of Type and Status are those of Xero's OpenAPI file. What is not in the table counts for nothing and says so:
its effect is Unknown, so that a type or status which Xero adds one day is seen and not silently counted.

Money that Xero shows twice counts where it is always shown (docs/effects.md tells why):

- A prepayment or overpayment counts as itself, its bank transaction for nothing: every such bank transaction names its
  prepayment or overpayment, but ARPREPAYMENT, APPREPAYMENT and AROVERPAYMENT may have no bank transaction.
- The two ends of a transfer count for nothing: money that changes accounts is neither earned nor spent. Cash has both.
- A payment has no lines, and nor has a batch of payments: what they pay is in the lines of invoices.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

# In the ledger: counts for profit and for balances, as the line's account says.
POSTED = "Posted"
# In the ledger, but for balances alone: when a prepayment is applied to an invoice, Xero takes it off its account again,
# which no line shows, and the invoice's lines bring the whole amount. Counted for profit it would be there twice.
ADVANCE = "Advance"
# Not approved yet.
DRAFT = "Draft"
# Ordered and approved, not billed yet.
COMMITMENT = "Commitment"
# Voided, deleted, archived or billed; or counted by another document.
NOTHING = "Nothing"
# A type or status that is not in the table: counts for nothing until a person says what it is.
UNKNOWN = "Unknown"

DEBIT, CREDIT = 1, -1

_INVOICED = {
    "DRAFT": DRAFT,
    "SUBMITTED": DRAFT,
    "AUTHORISED": POSTED,
    "PAID": POSTED,
    "VOIDED": NOTHING,
    "DELETED": NOTHING,
}
_ADVANCED = {"AUTHORISED": ADVANCE, "PAID": ADVANCE, "VOIDED": NOTHING}
_BANKED = {"AUTHORISED": POSTED, "VOIDED": NOTHING, "DELETED": NOTHING}
_BANKED_ELSEWHERE = dict.fromkeys(_BANKED, NOTHING)
_ORDERED = {
    "DRAFT": DRAFT,
    "SUBMITTED": DRAFT,
    "AUTHORISED": COMMITMENT,
    "BILLED": NOTHING,
    "DELETED": NOTHING,
}
_ENTERED = {"DRAFT": DRAFT, "POSTED": POSTED, "VOIDED": NOTHING, "DELETED": NOTHING, "ARCHIVED": NOTHING}

# Of these kinds there is one type, which Xero writes for some and for others not: it is not looked at.
TYPELESS = ("PurchaseOrder", "ManualJournal")
# What a bank transaction of any type names when its money is in another list as well. In Xero's own samples one of type
# RECEIVE names a prepayment and a batch of payments.
ELSEWHERE = ("PrepaymentID", "OverpaymentID", "BatchPayment")


@dataclass(frozen=True)
class Rule:
    """sign: DEBIT or CREDIT for a positive amount of a line, None for what no ledger holds. effects: by status."""

    sign: int | None
    effects: Mapping[str, str]


# By kind of document and type; "" for kinds without types.
RULES: Mapping[tuple[str, str], Rule] = {
    ("Invoice", "ACCREC"): Rule(CREDIT, _INVOICED),
    ("Invoice", "ACCPAY"): Rule(DEBIT, _INVOICED),
    ("CreditNote", "ACCRECCREDIT"): Rule(DEBIT, _INVOICED),
    ("CreditNote", "ACCPAYCREDIT"): Rule(CREDIT, _INVOICED),
    ("Prepayment", "RECEIVE-PREPAYMENT"): Rule(CREDIT, _ADVANCED),
    ("Prepayment", "ARPREPAYMENT"): Rule(CREDIT, _ADVANCED),
    ("Prepayment", "SPEND-PREPAYMENT"): Rule(DEBIT, _ADVANCED),
    ("Prepayment", "APPREPAYMENT"): Rule(DEBIT, _ADVANCED),
    ("Overpayment", "RECEIVE-OVERPAYMENT"): Rule(CREDIT, _ADVANCED),
    ("Overpayment", "AROVERPAYMENT"): Rule(CREDIT, _ADVANCED),
    ("Overpayment", "SPEND-OVERPAYMENT"): Rule(DEBIT, _ADVANCED),
    ("BankTransaction", "RECEIVE"): Rule(CREDIT, _BANKED),
    ("BankTransaction", "RECEIVE-PREPAYMENT"): Rule(CREDIT, _BANKED_ELSEWHERE),
    ("BankTransaction", "RECEIVE-OVERPAYMENT"): Rule(CREDIT, _BANKED_ELSEWHERE),
    ("BankTransaction", "RECEIVE-TRANSFER"): Rule(CREDIT, _BANKED_ELSEWHERE),
    ("BankTransaction", "SPEND"): Rule(DEBIT, _BANKED),
    ("BankTransaction", "SPEND-PREPAYMENT"): Rule(DEBIT, _BANKED_ELSEWHERE),
    ("BankTransaction", "SPEND-OVERPAYMENT"): Rule(DEBIT, _BANKED_ELSEWHERE),
    ("BankTransaction", "SPEND-TRANSFER"): Rule(DEBIT, _BANKED_ELSEWHERE),
    ("PurchaseOrder", ""): Rule(None, _ORDERED),
    # Their amounts are debits and credits already.
    ("ManualJournal", ""): Rule(DEBIT, _ENTERED),
}


def effect(kind: str, type_: str | None, status: str | None, document: Mapping[str, Any]) -> str:
    """What the lines of a document count for."""
    rule = _rule(kind, type_)
    found = rule.effects.get(status or "", UNKNOWN) if rule else UNKNOWN
    if kind == "BankTransaction" and found == POSTED and any(document.get(name) for name in ELSEWHERE):
        return NOTHING
    return found


def ledger_amount(kind: str, type_: str | None, amount: Decimal | None) -> Decimal | None:
    """An amount of a document's line as its account has it: debit positive, credit negative; None where nobody knows."""
    rule = _rule(kind, type_)
    if amount is None or rule is None or rule.sign is None:
        return None
    return amount if rule.sign == DEBIT else -amount


def _rule(kind: str, type_: str | None) -> Rule | None:
    return RULES.get((kind, "" if kind in TYPELESS else type_ or "-"))
