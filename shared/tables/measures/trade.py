"""Sales, purchases and what is owed as it stands now: sums over documents as Xero shows them."""

from collections.abc import Mapping, Sequence

from shared.tables.measures.choices import Sum, total
from shared.tables.measures.measure import Measure, among

# Whose a document is, by its Type. Money paid before or beyond an invoice has two names in Xero's file of its API, after the
# bank transaction or after the ledger; APOVERPAYMENT is not in it, and follows the same rule.
RECEIVABLE = {
    "Invoices": ("ACCREC",),
    "CreditNotes": ("ACCRECCREDIT",),
    "Prepayments": ("RECEIVE-PREPAYMENT", "ARPREPAYMENT"),
    "Overpayments": ("RECEIVE-OVERPAYMENT", "AROVERPAYMENT"),
}
PAYABLE = {
    "Invoices": ("ACCPAY",),
    "CreditNotes": ("ACCPAYCREDIT",),
    "Prepayments": ("SPEND-PREPAYMENT", "APPREPAYMENT"),
    "Overpayments": ("SPEND-OVERPAYMENT", "APOVERPAYMENT"),
}
# A document that is settled is PAID; it was approved before.
OPEN, BOOKED = ("AUTHORISED",), ("AUTHORISED", "PAID")
CHOICES = ("Calendar", "Contacts")


def documents(table: str, amount: str, types: Mapping[str, Sequence[str]], statuses: Sequence[str]) -> Sum:
    return Sum(table, amount, {"Type": among(types[table]), "Status": among(statuses)})


def outstanding(types: Mapping[str, Sequence[str]]) -> str:
    """What is due on invoices less what is left of credits."""
    credits = ("CreditNotes", "Prepayments", "Overpayments")
    return total(
        [documents("Invoices", "AmountDueBase", types, OPEN)],
        [documents(table, "RemainingCreditBase", types, OPEN) for table in credits],
        choices=CHOICES,
    )


def booked(amount: str, types: Mapping[str, Sequence[str]]) -> str:
    """Invoices less credit notes, approved or settled."""
    return total(
        [documents("Invoices", amount, types, BOOKED)],
        [documents("CreditNotes", amount, types, BOOKED)],
        choices=CHOICES,
    )


def invoices(amount: str, types: Mapping[str, Sequence[str]], status: str) -> str:
    return total([documents("Invoices", amount, types, [status])], choices=CHOICES)


_NOW = "as it stands now. Gross, in base currency at each document's own rate; days are those of the documents' own dates."
_BOOKED = (
    "by the document's date whether it is paid or not (accrual basis), in base currency at each document's own rate. "
    "Drafts, documents awaiting approval and void ones never count; money received or spent without an invoice, and manual "
    "journals, are not in it."
)
_CREDITS = "less what is left of approved credit notes, prepayments and overpayments"

MEASURES = (
    Measure(
        name="Receivables Outstanding",
        means=f"What customers owe: what is due on approved sales invoices, {_CREDITS} of customers, {_NOW}",
        expression=outstanding(RECEIVABLE),
    ),
    Measure(
        name="Invoices Outstanding",
        means=f"What is due on approved sales invoices, no credit taken away, {_NOW}",
        expression=invoices("AmountDueBase", RECEIVABLE, "AUTHORISED"),
    ),
    Measure(
        name="Invoices Awaiting Approval",
        means=f"The totals of sales invoices that are submitted for approval, {_NOW}",
        expression=invoices("TotalAmountBase", RECEIVABLE, "SUBMITTED"),
    ),
    Measure(
        name="Invoices in Draft",
        means=f"The totals of sales invoices that are drafts, {_NOW}",
        expression=invoices("TotalAmountBase", RECEIVABLE, "DRAFT"),
    ),
    Measure(
        name="Payables Outstanding",
        means=f"What suppliers are owed: what is due on approved bills, {_CREDITS} of suppliers, {_NOW}",
        expression=outstanding(PAYABLE),
    ),
    Measure(
        name="Bills Outstanding",
        means=f"What is due on approved bills, no credit taken away, {_NOW}",
        expression=invoices("AmountDueBase", PAYABLE, "AUTHORISED"),
    ),
    Measure(
        name="Bills Awaiting Approval",
        means=f"The totals of bills that are submitted for approval, {_NOW}",
        expression=invoices("TotalAmountBase", PAYABLE, "SUBMITTED"),
    ),
    Measure(
        name="Bills in Draft",
        means=f"The totals of bills that are drafts, {_NOW}",
        expression=invoices("TotalAmountBase", PAYABLE, "DRAFT"),
    ),
    Measure(
        name="Sales",
        means=f"Sales invoices less credit notes to customers, net of tax, {_BOOKED}",
        expression=booked("SubTotalBase", RECEIVABLE),
    ),
    Measure(
        name="Tax on Sales",
        means=f"The tax on what Sales counts, {_BOOKED} It is not the tax return.",
        expression=booked("TotalTaxBase", RECEIVABLE),
    ),
    Measure(
        name="Purchases",
        means=f"Bills less credit notes from suppliers, net of tax, whatever was bought, {_BOOKED}",
        expression=booked("SubTotalBase", PAYABLE),
    ),
    Measure(
        name="Tax on Purchases",
        means=f"The tax on what Purchases counts, {_BOOKED} It is not the tax return.",
        expression=booked("TotalTaxBase", PAYABLE),
    ),
)
