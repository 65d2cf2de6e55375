"""What each record posts: debit positive, credit negative, in base currency; every entry adds up to nothing.

Amounts have four places. Each amount of a record - a line's net, a line's tax, a total, a payment, an allocation - is
divided by the document's own rate and rounded half up by itself, so that the control account holds, to the last place,
the total of every approved document less what its payments and allocations took from it, all at that document's rate.
Where the lines of a document then miss its total, the difference goes to the rounding account; where a payment or an
allocation comes at another rate than what it settles, to the realised currency gains. A payment in foreign currency moves
in a bank account that is kept in base currency what the bank says; what that is off the rate goes to the same gains.
Reports round to cents at the end.

What cannot be told goes to the historical adjustment, and only that part: a line without an account, a payment of what
is not in the books. A foreign amount without a rate posts nothing at all.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, NamedTuple

from local.ledger.chart import CREDITORS, DEBTORS, GAINS, HISTORICAL, ROUNDING, TAX, Chart
from local.xero.wire import parse_date

Record = dict[str, Any]

APPROVED = ("AUTHORISED", "PAID")
_ENDED = ("DRAFT", "SUBMITTED", "VOIDED", "DELETED")
# A document without a date counts at every date.
ALWAYS = date.min

# The control account, and whether the document's total stands on its debit side (1) or its credit side (-1).
DOCUMENTS: Mapping[str, tuple[str, int]] = {
    "ACCREC": (DEBTORS, 1),
    "ACCPAY": (CREDITORS, -1),
    "ACCRECCREDIT": (DEBTORS, -1),
    "ACCPAYCREDIT": (CREDITORS, 1),
    "RECEIVE-PREPAYMENT": (DEBTORS, -1),
    "ARPREPAYMENT": (DEBTORS, -1),
    "SPEND-PREPAYMENT": (CREDITORS, 1),
    "APPREPAYMENT": (CREDITORS, 1),
    "RECEIVE-OVERPAYMENT": (DEBTORS, -1),
    "AROVERPAYMENT": (DEBTORS, -1),
    "SPEND-OVERPAYMENT": (CREDITORS, 1),
    "APOVERPAYMENT": (CREDITORS, 1),
}
# The control account, and whether the money comes in (1) or goes out (-1).
PAYMENTS: Mapping[str, tuple[str, int]] = {
    "ACCRECPAYMENT": (DEBTORS, 1),
    "ARCREDITPAYMENT": (DEBTORS, -1),
    "ARPREPAYMENTPAYMENT": (DEBTORS, -1),
    "AROVERPAYMENTPAYMENT": (DEBTORS, -1),
    "ACCPAYPAYMENT": (CREDITORS, -1),
    "APCREDITPAYMENT": (CREDITORS, 1),
    "APPREPAYMENTPAYMENT": (CREDITORS, 1),
    "APOVERPAYMENTPAYMENT": (CREDITORS, 1),
}
KEYS = {
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Prepayments": "PrepaymentID",
    "Overpayments": "OverpaymentID",
}

_PLACES, _CENT = Decimal("0.0001"), Decimal("0.01")
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


class Posting(NamedTuple):
    """account: its id. amount: in base currency, debit positive."""

    on: date
    account: str
    amount: Decimal


class Rules:
    """How the records of one organisation post. documents: its invoices and credits by id, in lower case."""

    def __init__(self, chart: Chart, base_currency: str, documents: Mapping[str, Record]) -> None:
        self._chart, self._base, self._documents = chart, base_currency, documents
        self._posts: Mapping[str, Callable[[Record], list[Posting]]] = {
            "Invoices": self._invoice,
            "CreditNotes": lambda record: self._invoice(record) + self._allocations(record),
            "Prepayments": lambda record: self._advance(record) + self._allocations(record),
            "Overpayments": lambda record: self._advance(record) + self._allocations(record),
            "Payments": self._payment,
            "BankTransactions": self._bank_transaction,
            "BankTransfers": self._transfer,
            "ManualJournals": self._journal,
        }

    def post(self, resource: str, record: Record) -> list[Posting]:
        """The postings of a record; none of a draft, of what is voided or deleted, of an order, of a list's entry."""
        handle = self._posts.get(resource)
        return [each for each in handle(record) if each.amount] if handle else []

    def _invoice(self, record: Record) -> list[Posting]:
        """An invoice, bill or credit note: its total on the control account against its lines and their tax."""
        control, sign = DOCUMENTS.get(record.get("Type", ""), ("", 0))
        if not sign or record.get("Status") not in APPROVED:
            return []
        on, account = day(record), self._chart.system(control)
        return self._with_lines(record, Posting(on, account, sign * self._worth(record, "Total")), -sign)

    def _advance(self, record: Record) -> list[Posting]:
        """A prepayment or overpayment: its total on the control account, against what its bank transaction posts.

        The two meet on the historical adjustment, which holds something only where one is there without the other.
        """
        control, sign = DOCUMENTS.get(record.get("Type", ""), ("", 0))
        if not sign or record.get("Status") not in APPROVED:
            return []
        on, amount = day(record), sign * self._worth(record, "Total")
        return self._pair(on, self._chart.system(control), self._chart.system(HISTORICAL), amount)

    def _allocations(self, record: Record) -> list[Posting]:
        """What a credit settled moves inside of the control account, from the credit's rate to the invoice's."""
        control, sign = DOCUMENTS.get(record.get("Type", ""), ("", 0))
        if not sign or record.get("Status") in _ENDED:
            return []
        account, found = self._chart.system(control), []
        for allocation in record.get("Allocations") or []:
            if str(allocation.get("IsDeleted", False)).lower() == "true":
                continue
            on, amount = day(allocation), number(allocation.get("Amount"))
            freed = self._settled(record, amount)
            settled = self._settled(self._documents.get(_id(allocation.get("Invoice"), "InvoiceID")), amount)
            entry = [
                Posting(on, account, -sign * (freed or Decimal(0))),
                Posting(on, account, sign * (settled or Decimal(0))),
            ]
            found += self._closed(entry, HISTORICAL if freed is None or settled is None else GAINS)
        return found

    def _payment(self, record: Record) -> list[Posting]:
        """Money against the control account, or the other way round; as it moved, and at the document's rate."""
        control, sign = PAYMENTS.get(record.get("PaymentType", ""), ("", 0))
        if not sign or record.get("Status") != "AUTHORISED":
            return []
        on, amount = day(record), number(record.get("Amount"))
        stub, document = self._paid(record)
        moved = self._moved(record, amount, stub.get("CurrencyCode"))
        settled = self._settled(document, amount)
        entry = [
            Posting(on, self._chart.named_by(record.get("Account")), sign * (moved or Decimal(0))),
            Posting(on, self._chart.system(control), -sign * (settled or Decimal(0))),
        ]
        return self._closed(entry, HISTORICAL if moved is None or settled is None else GAINS)

    def _bank_transaction(self, record: Record) -> list[Posting]:
        """Money against lines; that of a prepayment or overpayment against what that record posts.

        The two ends of a transfer, and what pays a batch, are posted by the transfer and by the payments.
        """
        kind, _, more = str(record.get("Type", "")).partition("-")
        sign = {"RECEIVE": 1, "SPEND": -1}.get(kind, 0)
        if not sign or record.get("Status") != "AUTHORISED" or record.get("BatchPayment"):
            return []
        on, bank = day(record), self._chart.named_by(record.get("BankAccount"))
        amount = sign * self._worth(record, "Total")
        if more in ("PREPAYMENT", "OVERPAYMENT") or record.get("PrepaymentID") or record.get("OverpaymentID"):
            return self._pair(on, bank, self._chart.system(HISTORICAL), amount)
        return [] if more else self._with_lines(record, Posting(on, bank, amount), -sign)

    def _transfer(self, record: Record) -> list[Posting]:
        """From one bank account to another. Transfers from before July 2026 have no status."""
        if record.get("Status", "AUTHORISED") != "AUTHORISED":
            return []
        # Xero names no currency here: without a rate the amount is in base currency.
        amount = self._base_of(number(record.get("Amount")), record.get("CurrencyRate"), None)
        target, source = (self._chart.named_by(record.get(f"{end}BankAccount")) for end in ("To", "From"))
        return self._pair(day(record), target, source, amount or Decimal(0))

    def _journal(self, record: Record) -> list[Posting]:
        """A manual journal, in base currency as it is given: debits positive already."""
        if record.get("Status") != "POSTED":
            return []
        return self._closed(self._lines(record, "JournalLines", 1), ROUNDING)

    # What they share.

    def _with_lines(self, record: Record, total: Posting, sign: int) -> list[Posting]:
        return self._closed([total, *self._lines(record, "LineItems", sign)], ROUNDING)

    def _lines(self, record: Record, name: str, sign: int) -> list[Posting]:
        """Each line's net on its account and its tax on the tax account."""
        on, tax_account = day(record), self._chart.system(TAX)
        rate, currency = record.get("CurrencyRate"), record.get("CurrencyCode")
        inclusive = str(record.get("LineAmountTypes", "")).lower() == "inclusive"
        found = []
        for line in record.get(name) or []:
            amount, tax = number(line.get("LineAmount")), number(line.get("TaxAmount"))
            for account, value in (
                (self._chart.named_by(line), amount - tax if inclusive else amount),
                (tax_account, tax),
            ):
                base = self._base_of(value, rate, currency)
                found.append(Posting(on, account, sign * (base or Decimal(0))))
        return found

    def _pair(self, on: date, debit: str, credit: str, amount: Decimal) -> list[Posting]:
        return [Posting(on, debit, amount), Posting(on, credit, -amount)]

    def _closed(self, entry: list[Posting], system: str) -> list[Posting]:
        """The entry with what it lacks to nothing on that account."""
        rest = sum((posting.amount for posting in entry), Decimal(0))
        return [*entry, Posting(entry[0].on, self._chart.system(system), -rest)] if rest else entry

    def _paid(self, payment: Record) -> tuple[Record, Record | None]:
        """The stub of what a payment paid, and the document itself. A credit note's may stand where an invoice's does."""
        for name in ("Invoice", "CreditNote", "Prepayment", "Overpayment"):
            if isinstance(stub := payment.get(name), dict):
                return stub, self._documents.get(_id(stub, f"{name}ID"))
        return {}, None

    def _moved(self, payment: Record, amount: Decimal, currency: Any) -> Decimal | None:
        """A payment's money in its account: at the payment's rate, or the bank's amount if that is in base currency."""
        at_rate = self._base_of(amount, payment.get("CurrencyRate"), currency)
        if at_rate is None or currency in (None, "", self._base) or payment.get("BankAmount") is None:
            return at_rate
        in_bank = number(payment["BankAmount"])
        # An account in the document's currency has the same amount, one in a third currency some other.
        slack = max(_CENT, abs(at_rate) / 100_000)
        if in_bank == amount or not at_rate - slack <= in_bank <= at_rate + slack:
            return at_rate
        return in_bank.quantize(_PLACES, context=_EXACT)

    def _settled(self, document: Record | None, amount: Decimal) -> Decimal | None:
        """What an amount of an approved document is on the control account, at its rate; None where it is not there."""
        if document is None or document.get("Status") not in APPROVED:
            return None
        return self._base_of(amount, document.get("CurrencyRate"), document.get("CurrencyCode"))

    def _worth(self, record: Record, name: str) -> Decimal:
        found = self._base_of(
            number(record.get(name)), record.get("CurrencyRate"), record.get("CurrencyCode")
        )
        return found or Decimal(0)

    def _base_of(self, amount: Decimal, rate: Any, currency: Any) -> Decimal | None:
        """amount / rate, in four places. Without a rate only an amount in base currency can be told."""
        units = number(rate) if rate is not None else Decimal(1 if currency in (None, "", self._base) else 0)
        return _EXACT.divide(amount, units).quantize(_PLACES, context=_EXACT) if units else None


def number(value: Any) -> Decimal:
    """A JSON number, or a string of one; nothing where there is none."""
    return Decimal(str(value)) if value is not None and value != [] else Decimal(0)


def day(record: Record) -> date:
    """The record's Date, as Xero writes it beside it or else in UTC."""
    if written := record.get("DateString"):
        return date.fromisoformat(str(written)[:10])
    moment = parse_date(record.get("Date"))
    if moment is None:
        return ALWAYS
    return date.fromordinal(datetime(1970, 1, 1, tzinfo=UTC).toordinal() + moment // 86_400_000)


def _id(stub: Any, name: str) -> str:
    return str(stub.get(name, "")).lower() if isinstance(stub, dict) else ""
