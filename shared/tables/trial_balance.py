"""TrialBalance: one row an account and month end, from Xero's own report, in base currency."""

from collections.abc import Callable
from decimal import Decimal

from shared.tables.nested import element_key, marker, place, record_key
from shared.tables.reports import ACCOUNT, DATE, REPORT_KEY, THROUGH, report_rows, value_under
from shared.tables.table import TENANT, Column, Source, Table, derived, rounded, text

DEBIT, CREDIT, YTD_DEBIT, YTD_CREDIT = WORDS = ("debit", "credit", "ytd debit", "ytd credit")


def _rows(source: Source) -> list[Source]:
    return report_rows(source, summaries=False, needs=WORDS)


def _amount(name: str, means: str, word: str) -> Column:
    return derived(name, "Decimal", means, lambda source: value_under(source, word))


def _difference(debit: str, credit: str) -> Callable[[Source], Decimal | None]:
    def value(source: Source) -> Decimal | None:
        more, less = value_under(source, debit), value_under(source, credit)
        return None if more is None and less is None else rounded((more or 0) - (less or Decimal()), debit)

    return value


TRIAL_BALANCE = Table(
    name="TrialBalance",
    means="Xero's trial balance at each month end, accrual basis, base currency: the figures that everything else must "
    "meet. The running month is as at its end. A month without accounts has one row with IsMarker.",
    resources=("TrialBalance",),
    version_key="ReportKey",
    rows=_rows,
    columns=(
        TENANT,
        REPORT_KEY,
        element_key(
            "LineKey",
            "The report's line, unique over organisations.",
            lambda source: record_key(source, THROUGH),
        ),
        marker("True on the one row of a report without accounts."),
        place("LineNumber", "The line's place in the report, from 1; 0 on a marker."),
        DATE,
        text("Section", "The report's section: Revenue, Expenses, Assets, Liabilities, Equity."),
        *ACCOUNT,
        text("AccountName", "The account as the report writes it, with its code.", "Label"),
        _amount("Debit", "The month's movement, when it is a debit.", DEBIT),
        _amount("Credit", "The month's movement, when it is a credit.", CREDIT),
        _amount(
            "YTDDebit",
            "The balance at the month end, when it is a debit; of the year, for profit.",
            YTD_DEBIT,
        ),
        _amount("YTDCredit", "The balance at the month end, when it is a credit.", YTD_CREDIT),
        derived("Movement", "Decimal", "Debit less Credit.", _difference(DEBIT, CREDIT)),
        derived("Balance", "Decimal", "YTDDebit less YTDCredit.", _difference(YTD_DEBIT, YTD_CREDIT)),
    ),
)
