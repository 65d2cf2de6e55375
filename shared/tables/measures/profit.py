"""Profit: from the lines of documents, and from Xero's own report beside it."""

from collections.abc import Mapping

from shared.tables.measures.choices import Scope, Sum, carried, tenant, tenants
from shared.tables.measures.days import AS_AT, KNOWN, days, over_tenants
from shared.tables.measures.measure import NOT_TRUE, Measure, among, is_
from shared.tables.measures.rows import current, values

# Which accounts make a figure, by columns of Accounts.
REVENUE = {"Class": is_("REVENUE"), "Type": '<> "OTHERINCOME"'}
OTHER_INCOME = {"Type": is_("OTHERINCOME")}
COST_OF_SALES = {"Type": is_("DIRECTCOSTS")}
EXPENSES = {"Class": is_("EXPENSE"), "Type": '<> "DIRECTCOSTS"'}
ALL = {"Class": among(["REVENUE", "EXPENSE"])}
# Accounts are chosen by the measure itself.
_CARRIED = ("Calendar", "Contacts", "Items")
_KEYS, _CODES = "Lines[AccountKey]", "Lines[AccountCodeKey]"


def _accounts(where: Mapping[str, str]) -> str:
    """The accounts that make a figure, of those that the report chose."""
    return f"""VAR FigureAccounts = {current("Accounts", where, ["CodeKey"])}
VAR FigureKeys = {values("Accounts", ["AccountKey"], "FigureAccounts")}
VAR FigureCodes = {values("Accounts", ["CodeKey"], "FigureAccounts")}"""


# A line names its account by id, or by its code alone.
_OF_ACCOUNTS = (
    f"KEEPFILTERS ( TREATAS ( FILTER ( SUMMARIZE ( Lines, {_KEYS}, {_CODES} ), {_KEYS} IN FigureKeys"
    f" || ISBLANK ( {_KEYS} ) && {_CODES} IN FigureCodes ), {_KEYS}, {_CODES} ) )"
)
_POSTED = Sum("Lines", "LedgerAmountBase", {"Effect": is_("Posted")})


def lines(where: Mapping[str, str], sign: str) -> str:
    """What lines say of these accounts; sign: turns debits, which are positive in the ledger, for income."""
    scope = Scope(tables=["Lines"], choices=_CARRIED, beside=["Accounts"])
    return scope.measure(f"{sign}{_POSTED.dax(_CARRIED, _OF_ACCOUNTS)}", variables=_accounts(where))


def reported() -> str:
    """Income less costs of Xero's profit and loss, of whole months."""

    def of(keys: str) -> str:
        rows = {"IsSummary": NOT_TRUE, "AccountKey": f"IN {keys}"}
        return Sum("ProfitAndLoss", "Amount", rows).dax(["Calendar"])

    def keys(name: str, class_: str) -> str:
        return f"VAR {name} = {values('Accounts', ['AccountKey'], current('Accounts', {'Class': is_(class_)}, []))}"

    scope = Scope(tables=["ProfitAndLoss"], choices=["Calendar"], beside=["Accounts"])
    return scope.measure(
        f"{of('IncomeKeys')}\n    - {of('CostKeys')}",
        variables=f"{keys('IncomeKeys', 'REVENUE')}\n{keys('CostKeys', 'EXPENSE')}",
        guards=[_WHOLE_MONTHS],
    )


_WHOLE_MONTHS = (
    'ISEMPTY ( FILTER ( GROUPBY ( CalendarRows, Calendar[TenantID], Calendar[MonthEnd], "@Days",'
    " COUNTX ( CURRENTGROUP (), Calendar[Date] ) ), [@Days] < DAY ( Calendar[MonthEnd] ) ) )"
)


def not_in_documents() -> str:
    """Xero's profit less that of the lines dated in the months that its report tells of."""
    months = current(
        "ProfitAndLoss",
        {},
        ["TenantID", "Date"],
        [tenants("ProfitAndLoss"), *carried("ProfitAndLoss", ["Calendar"])],
    )
    dates = "Calendar[TenantID], Calendar[Date]"
    variables = f"""{_accounts(ALL)}
VAR Months = {values("ProfitAndLoss", ["TenantID", "Date"], months)}
VAR MonthDays = CALCULATETABLE (
    SUMMARIZE ( Calendar, {dates} ),
    REMOVEFILTERS ( Calendar ),
    TREATAS ( Months, Calendar[TenantID], Calendar[MonthEnd] )
)"""
    in_months = "KEEPFILTERS ( TREATAS ( MonthDays, Lines[TenantID], Lines[DocumentDate] ) )"
    scope = Scope(tables=["ProfitAndLoss", "Lines"], choices=["Calendar"], beside=["Accounts"])
    return scope.measure(
        f"[Net Profit (Xero)]\n    + {_POSTED.dax([], _OF_ACCOUNTS, in_months)}",
        variables=variables,
        guards=["NOT ISFILTERED ( Lines )", "NOT ISBLANK ( [Net Profit (Xero)] )"],
    )


def control(system_account: str, sign: str) -> str:
    """The balance of an account that Xero keeps itself, at a month's end, or today for the month that runs."""
    accounts = current("Accounts", {"SystemAccount": is_(system_account)}, [])
    rows = current(
        "TrialBalance",
        {"IsMarker": NOT_TRUE, "AccountKey": "IN ControlKeys", "Date": "= EOMONTH ( OnDay, 0 )"},
        ["Balance"],
        [tenant("TrialBalance")],
    )
    body = over_tenants(f"SUMX ( {rows}, {sign}TrialBalance[Balance] )")
    variables = f"VAR ControlKeys = {values('Accounts', ['AccountKey'], accounts)}\n{days(AS_AT)}"
    scope = Scope(tables=["TrialBalance"], beside=["AsAt"], also=["Accounts", "SyncStatus"])
    told = "ISEMPTY ( FILTER ( TenantDays, [@Day] <> [@Today] && [@Day] <> EOMONTH ( [@Day], 0 ) ) )"
    return scope.measure(body, variables=variables, guards=[KNOWN, told])


_LINES = (
    "from the lines of approved documents, money received and spent and posted manual journals, by account and tracking, net of"
    " tax, by the document's date (accrual basis), in base currency at each document's own rate. What Xero posts without a"
    " document is not in it: see Profit Not in Documents."
)
_XERO = "of Xero's own profit and loss by month (accrual basis, base currency): whole months of Calendar only"
_CONTROL = "in Xero's trial balance, at the month end chosen in AsAt, or today; empty on other days. In base currency."

MEASURES = (
    Measure(
        name="Revenue",
        means=f"Trading income: revenue accounts but other income, {_LINES}",
        expression=lines(REVENUE, "-1 * "),
    ),
    Measure(name="Cost of Sales", means=f"Direct costs, {_LINES}", expression=lines(COST_OF_SALES, "")),
    Measure(
        name="Gross Profit",
        means=f"Revenue less Cost of Sales, {_LINES}",
        expression="[Revenue] - [Cost of Sales]",
    ),
    Measure(
        name="Other Income",
        means=f"Accounts of type other income, {_LINES}",
        expression=lines(OTHER_INCOME, "-1 * "),
    ),
    Measure(
        name="Operating Expenses",
        means=f"All expense accounts but direct costs, {_LINES}",
        expression=lines(EXPENSES, ""),
    ),
    Measure(name="Net Profit", means=f"All income less all costs, {_LINES}", expression=lines(ALL, "-1 * ")),
    Measure(
        name="Net Profit (Xero)",
        means=f"All income less all costs {_XERO}. The headline profit; by account.",
        expression=reported(),
    ),
    Measure(
        name="Profit Not in Documents",
        means="Net Profit (Xero) less the Net Profit of the lines dated in the same months: what Xero posts without a document,"
        f" such as the cost of stock, depreciation and currency revaluation, {_XERO}; by account, not by contact or tracking.",
        expression=not_in_documents(),
    ),
    Measure(
        name="Receivables Control Account",
        means=f"What customers owe by the control account {_CONTROL}",
        expression=control("DEBTORS", ""),
    ),
    Measure(
        name="Payables Control Account",
        means=f"What suppliers are owed by the control account {_CONTROL}",
        expression=control("CREDITORS", "-1 * "),
    ),
)
