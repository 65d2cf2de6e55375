"""Documents before they are written down: who traded what with whom, and the sums in whole cents."""

from dataclasses import dataclass, field
from datetime import date

from local.company.catalogue import Item
from local.company.contacts import Contact
from local.company.taxes import PERCENT
from local.company.wire import half_up


@dataclass
class Line:
    """quantity in ten-thousandths, price and reduction in cents, discount in percent."""

    id: str
    description: str
    quantity: int
    price: int
    account: str
    tax_type: str
    item: Item | None = None
    discount: int = 0
    reduction: int = 0
    region: str | None = None
    channel: str | None = None

    @property
    def gross(self) -> int:
        return half_up(self.quantity * self.price, 10_000)

    @property
    def amount(self) -> int:
        return half_up(self.quantity * self.price * (100 - self.discount), 1_000_000) - self.reduction

    def tax(self, amount_types: str) -> int:
        rate = 0 if amount_types == "NoTax" else PERCENT.get(self.tax_type, 0)
        return half_up(self.amount * rate, 100 + rate if amount_types == "Inclusive" else 100)


@dataclass
class Payment:
    """amount in cents of the document's currency, bank_amount in cents of the bank account's."""

    id: str
    on: date
    amount: int
    bank_amount: int
    account: int  # position in chart.banks
    rate: float
    updated: int
    deleted: bool = False
    reconciled: bool = True
    batch: str | None = None


@dataclass(kw_only=True)
class Document:
    """fate: what becomes of it: "draft", "submitted", "deleted", "voided", or how it was settled."""

    id: str
    type: str
    contact: Contact
    on: date
    currency: str
    rate: float
    amount_types: str
    lines: list[Line]
    fate: str
    created: int
    updated: int
    number: str = ""
    reference: str = ""

    @property
    def tax(self) -> int:
        return sum(line.tax(self.amount_types) for line in self.lines)

    @property
    def total(self) -> int:
        amounts = sum(line.amount for line in self.lines)
        return amounts if self.amount_types == "Inclusive" else amounts + self.tax

    @property
    def discounts(self) -> int:
        return sum(line.gross - line.amount for line in self.lines)

    @property
    def finished(self) -> bool:
        return self.fate not in ("draft", "submitted", "deleted", "voided")


@dataclass(kw_only=True)
class Invoice(Document):
    """A sales invoice or a bill; of one that is finished the fate is "open", "part" or "paid"."""

    due: date
    payments: list[Payment] = field(default_factory=list)
    allocations: list["Allocation"] = field(default_factory=list)

    @property
    def sale(self) -> bool:
        return self.type == "ACCREC"

    @property
    def paid(self) -> int:
        return sum(payment.amount for payment in self.payments if not payment.deleted)

    @property
    def credited(self) -> int:
        return sum(allocation.amount for allocation in self.allocations)

    @property
    def due_amount(self) -> int:
        closed = self.fate in ("voided", "deleted")
        return 0 if closed else self.total - self.paid - self.credited


@dataclass(kw_only=True)
class Credit(Document):
    """A credit note, prepayment or overpayment; one that is finished is allocated, refunded or neither.

    kind: the resource. bank, bank_id: account and id of the bank transaction that a prepayment or overpayment is.
    refunded_as_invoice: which of two shapes the refund of a credit note has.
    """

    kind: str
    sale: bool
    allocations: list["Allocation"] = field(default_factory=list)
    refunds: list[Payment] = field(default_factory=list)
    bank: int = 0
    bank_id: str = ""
    refunded_as_invoice: bool = False

    @property
    def applied(self) -> int:
        return sum(allocation.amount for allocation in self.allocations)

    @property
    def remaining(self) -> int:
        return self.total - self.applied - sum(refund.amount for refund in self.refunds)


@dataclass(repr=False)
class Allocation:
    """So much of a credit, in cents of its currency, applied to an invoice on a day.

    instant: when that was done; moves_invoice: whether the invoice's stamp says so.
    """

    id: str
    credit: Credit
    invoice: Invoice
    on: date
    amount: int
    instant: int
    moves_invoice: bool = True


@dataclass(kw_only=True)
class Order(Document):
    """A purchase order; of one that is finished the fate is "open" or "billed"."""

    delivery: date


@dataclass(kw_only=True)
class BankTransaction(Document):
    """Money spent or received directly, at the bank account of that position in `chart.banks`."""

    bank: int
    reconciled: bool
    # What it is when it is no plain one: {"PrepaymentID": id} or {"OverpaymentID": id}.
    credit: dict[str, str] = field(default_factory=dict)


@dataclass
class TransferEnd:
    """A bank transaction that is one side of a transfer, in cents of its account's currency."""

    id: str
    type: str
    bank: int
    amount: int
    currency: str
    rate: float
    line_id: str
    reconciled: bool


@dataclass
class Transfer:
    """From one bank account to another."""

    id: str
    on: date
    source: TransferEnd
    target: TransferEnd
    reference: str
    created: int
    deleted: bool


@dataclass
class JournalLine:
    """amount in cents, debit positive."""

    amount: int
    account: str
    description: str
    tax_type: str
    tax: int = 0
    region: str | None = None


@dataclass
class Journal:
    """A manual journal; its lines add up to nothing."""

    id: str
    on: date
    narration: str
    amount_types: str
    status: str
    lines: list[JournalLine]
    updated: int
