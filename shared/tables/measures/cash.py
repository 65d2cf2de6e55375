"""Money in bank accounts: what came in and went out, what is there, what is expected."""

from collections.abc import Mapping, Sequence

from shared.tables.measures.choices import Scope, Sum, carried, tenant, tenants
from shared.tables.measures.days import AS_AT, KNOWN, TODAY, days, over_tenants
from shared.tables.measures.measure import NOT_TRUE, TRUE, Measure, is_
from shared.tables.measures.rows import current, values

_BANKS = f"VAR Banks = {values('Accounts', ['AccountKey'], current('Accounts', {'Type': is_('BANK')}, []))}"
_MOVED = {"AccountKey": "IN Banks", "IsMarker": NOT_TRUE}
_OPENING = {"Source": is_("OpeningBalance")}
# The opening balance holds what was before.
_SINCE = {"Date": ">= FirstDay"}
_NOT_OPENING = {"Source": '<> "OpeningBalance"'}
# The accounts are chosen by Banks.
_CARRIED = ("Calendar", "Contacts")


def moved(where: Mapping[str, str], sign: str = "") -> str:
    """Movements since the start date: before it there are only those that later documents name. sign: turns money out."""
    one = Sum("CashMovements", "AmountBase", {**_MOVED, **_NOT_OPENING, **_SINCE, **where})
    body = over_tenants(f"{sign}{one.dax(_CARRIED, tenant('CashMovements'))}")
    scope = Scope(tables=["CashMovements"], choices=_CARRIED, beside=["Accounts"], also=["SyncStatus"])
    return scope.measure(body, variables=f"{_BANKS}\n{days(TODAY)}")


def balance() -> str:
    """All movements up to a day, with the opening balance: of an organisation without one nobody knows the balance."""
    only = [tenant("CashMovements")]
    began = current("CashMovements", {**_MOVED, **_OPENING}, ["AmountBase"], only)
    until = {"Date": ">= FirstDay && CashMovements[Date] <= OnDay"}
    since = current("CashMovements", {**_MOVED, **_NOT_OPENING, **until}, ["AmountBase"], only)
    opened = current("CashMovements", _OPENING, ["TenantID"], [tenants("CashMovements")])
    chosen = "MAXX ( FILTER ( ChosenDays, Calendar[TenantID] = Tenant ), Calendar[Date] )"
    scope = Scope(
        tables=["CashMovements"], choices=["Calendar"], beside=["Accounts", "AsAt"], also=["SyncStatus"]
    )
    variables = [
        _BANKS,
        f"VAR Opened = {values('CashMovements', ['TenantID'], opened)}",
        days(f"IF ( ChoseCalendar, {chosen}, {AS_AT} )"),
    ]
    guards = [
        KNOWN,
        "ISEMPTY ( FILTER ( Tenants, NOT Organisations[TenantID] IN Opened ) )",
        "NOT ISFILTERED ( CashMovements )",
    ]
    body = over_tenants(
        f"SUMX ( {began}, CashMovements[AmountBase] )\n        + SUMX ( {since}, CashMovements[AmountBase] )"
    )
    return scope.measure(body, variables="\n".join(variables), guards=guards)


def expected(type_: str, day: str) -> str:
    """What is due on approved invoices, on the day on which it is expected, at the earliest today."""
    dates: Sequence[str] = (day, "DueDate", "Date")
    rows = current(
        "Invoices",
        {"Type": is_(type_), "Status": is_("AUTHORISED")},
        ["AmountDueBase", *dates],
        [tenant("Invoices"), *carried("Invoices", ["Contacts"])],
    )
    written = f"COALESCE ( {', '.join(f'Invoices[{name}]' for name in dates)} )"
    days_of_tenant = values("Calendar", ["Date"], "FILTER ( ChosenDays, Calendar[TenantID] = Tenant )")
    variables = f"        VAR Dates = {days_of_tenant}\n"
    when = f'ADDCOLUMNS ( {rows}, "@When", IF ( {written} < LocalDay, LocalDay, {written} ) )'
    body = over_tenants(
        f"SUMX ( FILTER ( {when}, NOT ChoseCalendar || [@When] IN Dates ), Invoices[AmountDueBase] )",
        variables,
    )
    scope = Scope(tables=["Invoices"], choices=_CARRIED, also=["SyncStatus"])
    return scope.measure(body, variables=days(TODAY), guards=[KNOWN])


_BASIS = (
    "of bank accounts (cash basis), by the day it was paid, in base currency at each movement's own rate; gross. Each movement"
    " counts once, whatever Xero shows of it, from the start date on; payments through other accounts are not in it."
)
_EXPECTED = (
    "as it stands now, gross, in base currency at each document's own rate, no credit taken away. Days of Calendar are those on"
    " which it is expected: {day}, else the due date, else the document's date; what is past counts today, by the"
    " organisation's own day."
)

MEASURES = (
    Measure(
        name="Cash In",
        means=f"What came into bank accounts, transfers between them left out: {_BASIS}",
        expression=moved({"AmountBase": "> 0", "IsTransfer": NOT_TRUE}),
    ),
    Measure(
        name="Cash Out",
        means=f"What left bank accounts, as a positive amount, transfers between them left out: {_BASIS}",
        expression=moved({"AmountBase": "< 0", "IsTransfer": NOT_TRUE}, "-1 * "),
    ),
    Measure(
        name="Net Cash",
        means=f"What came in less what went out, with transfers, which net to zero over all accounts: {_BASIS}",
        expression=moved({}),
    ),
    Measure(
        name="Cash Transferred",
        means=f"Transfers between bank accounts, in positive, out negative; zero over all accounts: {_BASIS}",
        expression=moved({"IsTransfer": TRUE}),
    ),
    Measure(
        name="Cash Balance",
        means="What is in bank accounts by Xero's books at the end of the last chosen day of Calendar, or of the day chosen in"
        " AsAt, or today: the opening balance before the start date and every movement since, in base currency at each"
        " movement's own rate, not revalued (cash basis). By account or over all; empty before the start date, and for"
        " organisations whose opening balance Xero did not tell.",
        expression=balance(),
    ),
    Measure(
        name="Expected Cash In",
        means="What is due on approved sales invoices, " + _EXPECTED.format(day="ExpectedPaymentDate"),
        expression=expected("ACCREC", "ExpectedPaymentDate"),
    ),
    Measure(
        name="Expected Cash Out",
        means="What is due on approved bills, " + _EXPECTED.format(day="PlannedPaymentDate"),
        expression=expected("ACCPAY", "PlannedPaymentDate"),
    ),
    Measure(
        name="Unreconciled Bank Amount",
        means="Money in less money out of bank accounts that is not matched with a bank statement line yet, as it stands now;"
        f" of a transfer each end by itself: {_BASIS}",
        expression=moved({"IsReconciled": NOT_TRUE}),
    ),
)
