"""What a line counts for and which sign it has, read off the requirements line by line, for the independent check."""

from decimal import Decimal

from local.expected.values import Record, inside, text

# list | type | D where a positive amount is a debit, C where it is a credit | status: what it counts for
READING = """
Invoice         | ACCREC              | C | AUTHORISED PAID: Posted; DRAFT SUBMITTED: Draft; VOIDED DELETED: Nothing
Invoice         | ACCPAY              | D | AUTHORISED PAID: Posted; DRAFT SUBMITTED: Draft; VOIDED DELETED: Nothing
CreditNote      | ACCRECCREDIT        | D | AUTHORISED PAID: Posted; DRAFT SUBMITTED: Draft; VOIDED DELETED: Nothing
CreditNote      | ACCPAYCREDIT        | C | AUTHORISED PAID: Posted; DRAFT SUBMITTED: Draft; VOIDED DELETED: Nothing
Prepayment      | RECEIVE-PREPAYMENT  | C | AUTHORISED PAID: Advance; VOIDED: Nothing
Prepayment      | SPEND-PREPAYMENT    | D | AUTHORISED PAID: Advance; VOIDED: Nothing
Prepayment      | ARPREPAYMENT        | C | AUTHORISED PAID: Advance; VOIDED: Nothing
Prepayment      | APPREPAYMENT        | D | AUTHORISED PAID: Advance; VOIDED: Nothing
Overpayment     | RECEIVE-OVERPAYMENT | C | AUTHORISED PAID: Advance; VOIDED: Nothing
Overpayment     | SPEND-OVERPAYMENT   | D | AUTHORISED PAID: Advance; VOIDED: Nothing
Overpayment     | AROVERPAYMENT       | C | AUTHORISED PAID: Advance; VOIDED: Nothing
BankTransaction | RECEIVE             | C | AUTHORISED: Posted; VOIDED DELETED: Nothing
BankTransaction | SPEND               | D | AUTHORISED: Posted; VOIDED DELETED: Nothing
BankTransaction | RECEIVE-PREPAYMENT  | C | AUTHORISED VOIDED DELETED: Nothing
BankTransaction | SPEND-PREPAYMENT    | D | AUTHORISED VOIDED DELETED: Nothing
BankTransaction | RECEIVE-OVERPAYMENT | C | AUTHORISED VOIDED DELETED: Nothing
BankTransaction | SPEND-OVERPAYMENT   | D | AUTHORISED VOIDED DELETED: Nothing
BankTransaction | RECEIVE-TRANSFER    | C | AUTHORISED VOIDED DELETED: Nothing
BankTransaction | SPEND-TRANSFER      | D | AUTHORISED VOIDED DELETED: Nothing
PurchaseOrder   | any                 |   | AUTHORISED: Commitment; DRAFT SUBMITTED: Draft; BILLED DELETED: Nothing
ManualJournal   | any                 | D | POSTED: Posted; DRAFT: Draft; VOIDED DELETED ARCHIVED: Nothing
"""


def _read(table: str) -> tuple[dict[str, str], dict[str, str]]:
    sides: dict[str, str] = {}
    effects: dict[str, str] = {}
    for row in table.strip().splitlines():
        kind, type_, side, cells = (cell.strip() for cell in row.split("|"))
        sides[f"{kind} {type_}"] = side
        for cell in cells.split(";"):
            statuses, effect = cell.split(":")
            effects |= {f"{kind} {type_} {status}": effect.strip() for status in statuses.split()}
    return sides, effects


SIDES, EFFECTS = _read(READING)


def _name(kind: str, record: Record) -> str:
    return f"{kind} {'any' if kind in ('PurchaseOrder', 'ManualJournal') else text(record.get('Type'))}"


def effect_of(kind: str, record: Record) -> str:
    """Unknown for a type or status that the reading does not have."""
    counted = EFFECTS.get(f"{_name(kind, record)} {text(record.get('Status'))}", "Unknown")
    again = record.get("PrepaymentID") or record.get("OverpaymentID") or inside(record, "BatchPayment")
    return "Nothing" if kind == "BankTransaction" and counted == "Posted" and again else counted


def ledger_amount(kind: str, record: Record, net: Decimal | None) -> Decimal | None:
    """Debit positive, credit negative; nothing where there is no side."""
    side = SIDES.get(_name(kind, record))
    if net is None or not side:
        return None
    return net if side == "D" else 0 - net
