"""The measures of the dataset: what finance reads, each a DAX expression over current rows only.

All are built from `current`: of each key's rows those of its highest RowVersion, whatever a slicer hides, and one of
each, however often a row was sent. A push dataset has no inactive relationship and no calculated column, and none of its
relationships may lead to a table with two rows of a key (docs/decisions.md). So organisations are chosen by the columns of
Organisations, and the measures carry the choice to the other tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.tables import TABLES

# The table of the measures. It has no rows; the column is there because a table needs one. Analysis Services keeps the name
# "Measures" for itself: Power BI Desktop renames such a table (github.com/microsoft/DataConnectors/issues/164).
TABLE, COLUMN = "_Measures", "About"
MONEY = "#,0.00"
# What stands for a currency where organisations keep their books in different ones.
SEVERAL = "several"

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
# Money into and out of bank accounts: customers pay invoices and suppliers refund credits, and the other way round.
MONEY_IN = {
    "BankTransactions": ("RECEIVE", "RECEIVE-PREPAYMENT", "RECEIVE-OVERPAYMENT", "RECEIVE-TRANSFER"),
    "Payments": ("ACCRECPAYMENT", "APCREDITPAYMENT", "APPREPAYMENTPAYMENT", "APOVERPAYMENTPAYMENT"),
}
MONEY_OUT = {
    "BankTransactions": ("SPEND", "SPEND-PREPAYMENT", "SPEND-OVERPAYMENT", "SPEND-TRANSFER"),
    "Payments": ("ACCPAYPAYMENT", "ARCREDITPAYMENT", "ARPREPAYMENTPAYMENT", "AROVERPAYMENTPAYMENT"),
}
# A document that is settled is PAID; it was approved before.
OPEN, BOOKED = ("AUTHORISED",), ("AUTHORISED", "PAID")
# Xero may leave a flag out.
NOT_TRUE = "<> TRUE ()"


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure. means: what it tells, in an accountant's words, with basis, currency and date rule."""

    name: str
    means: str
    expression: str
    format: str = MONEY


@dataclass(frozen=True)
class Sum:
    """An amount over the current rows of a table that meet conditions: what stands behind each column, such as = 1."""

    table: str
    amount: str
    where: Mapping[str, str]

    def dax(self) -> str:
        """The sum over the organisations in the variable Tenants; BLANK when there are no such rows."""
        tenants = f"TREATAS ( Tenants, {self.table}[TenantID] )"
        return (
            f"SUMX ( {current(self.table, self.where, [self.amount], tenants)}, {self.table}[{self.amount}] )"
        )


def current(table: str, where: Mapping[str, str], columns: Sequence[str], only: str = "") -> str:
    """The current rows of a table that meet the conditions, with their columns and these. only: a filter beside.

    ALLEXCEPT keeps a superseded row from becoming the latest because a slicer hides the newer ones.
    """
    key, version = f"{table}[{TABLES[table].version_key}]", f"{table}[RowVersion]"
    names = dict.fromkeys(("IsDeleted", *where, *columns))
    rows = f"SUMMARIZE ( {', '.join([table, key, version, *(f'{table}[{name}]' for name in names)])} )"
    if only:
        rows = f"CALCULATETABLE ( {rows}, KEEPFILTERS ( {only} ) )"
    latest = f"CALCULATE ( MAX ( {version} ), ALLEXCEPT ( {table}, {key} ) )"
    conditions = {"RowVersion": "= [@Latest]", "IsDeleted": NOT_TRUE, **where}
    chosen = " && ".join(f"{table}[{name}] {condition}" for name, condition in conditions.items())
    return f'FILTER ( ADDCOLUMNS ( {rows}, "@Latest", {latest} ), {chosen} )'


def among(values: Sequence[str]) -> str:
    """The condition that a text is one of these."""
    return f"IN {{ {', '.join(f'"{value}"' for value in values)} }}"


def money(plus: Sequence[Sum], minus: Sequence[Sum] = (), variables: str = "") -> str:
    """Sums added and taken away. BLANK over several base currencies, and where a filter is on some of the tables only:

    a customer of Invoices says nothing of CreditNotes, and a difference of one customer's and everybody's is no figure.
    """
    tenants = f"SUMMARIZE ( {current('Organisations', {}, ['TenantID'])}, Organisations[TenantID] )"
    first, *others = dict.fromkeys(one.table for one in (*plus, *minus))
    guards = [
        f'[Currency] <> "{SEVERAL}"',
        *(f"ISFILTERED ( {first} ) = ISFILTERED ( {other} )" for other in others),
    ]
    added = "\n    + ".join(one.dax() for one in plus)
    taken = "".join(f"\n    - {one.dax()}" for one in minus)
    return f"VAR Tenants = {tenants}\n{variables}RETURN IF ( {' && '.join(guards)},\n    {added}{taken} )"


def documents(table: str, amount: str, types: Mapping[str, Sequence[str]], statuses: Sequence[str]) -> Sum:
    return Sum(table, amount, {"Type": among(types[table]), "Status": among(statuses)})


def outstanding(types: Mapping[str, Sequence[str]]) -> str:
    """What is due on invoices less what is left of credits."""
    credits = ("CreditNotes", "Prepayments", "Overpayments")
    return money(
        [documents("Invoices", "AmountDueBase", types, OPEN)],
        [documents(table, "RemainingCreditBase", types, OPEN) for table in credits],
    )


def booked(amount: str, types: Mapping[str, Sequence[str]]) -> str:
    """Invoices less credit notes, approved or settled."""
    return money(
        [documents("Invoices", amount, types, BOOKED)], [documents("CreditNotes", amount, types, BOOKED)]
    )


def invoices(amount: str, types: Mapping[str, Sequence[str]], status: str) -> str:
    return money([documents("Invoices", amount, types, [status])])


def orders(status: str) -> str:
    return money([Sum("PurchaseOrders", "SubTotalBase", {"Status": among([status])})])


def _unreconciled() -> str:
    banks = current("Accounts", {"Type": '= "BANK"'}, ["AccountKey"])
    conditions = {"Status": among(OPEN), "IsReconciled": NOT_TRUE}

    def moved(types: Mapping[str, Sequence[str]]) -> list[Sum]:
        paid = {"PaymentType": among(types["Payments"]), **conditions, "AccountKey": "IN Banks"}
        own = {"Type": among(types["BankTransactions"]), **conditions}
        return [Sum("BankTransactions", "TotalAmountBase", own), Sum("Payments", "AmountBase", paid)]

    variables = f"VAR Banks = SUMMARIZE ( {banks}, Accounts[AccountKey] )\n"
    return money(moved(MONEY_IN), moved(MONEY_OUT), variables)


def _currency() -> str:
    codes = f"SUMMARIZE ( {current('Organisations', {}, ['BaseCurrency'])}, Organisations[BaseCurrency] )"
    return (
        f'VAR Codes = {codes}\nRETURN IF ( COUNTROWS ( Codes ) > 1, "{SEVERAL}", '
        "MAXX ( Codes, Organisations[BaseCurrency] ) )"
    )


_NOW = "as it stands now. Gross, in base currency at each document's own rate; dates are the documents' own."
_BOOKED = (
    "by the document's date whether it is paid or not (accrual basis), in base currency at each document's own rate. "
    "Drafts, documents awaiting approval and void ones never count; money received or spent without an invoice, and manual "
    "journals, are not in it."
)
_CREDITS = "less what is left of approved credit notes, prepayments and overpayments"

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            name="Currency",
            means=f"The base currency of the chosen organisations, such as AUD; “{SEVERAL}” where they have different ones.",
            expression=_currency(),
            format="",
        ),
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
        Measure(
            name="Open Purchase Commitments",
            means="Approved purchase orders that are not marked as billed, net of tax, by the order's date, in base currency at"
            " each order's own rate. In no ledger yet. Xero links no bill to an order: one billed in part counts in full.",
            expression=orders("AUTHORISED"),
        ),
        Measure(
            name="Purchase Orders Awaiting Approval",
            means="Purchase orders that are submitted for approval, net of tax, by the order's date, in base currency at each"
            " order's own rate.",
            expression=orders("SUBMITTED"),
        ),
        Measure(
            name="Unreconciled Bank Amount",
            means="Money in less money out of bank accounts that is not matched with a bank statement line yet: bank"
            " transactions, both ends of transfers, payments and refunds, as it stands now (cash basis). Gross, in base"
            " currency at each one's own rate, by the day it was paid. Payments through other accounts are not in it.",
            expression=_unreconciled(),
        ),
    )
}
