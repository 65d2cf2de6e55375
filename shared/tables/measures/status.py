"""What a report can say of its own data: the currency, how fresh it is, and what stands in its way."""

from collections.abc import Mapping

from shared.tables.measures.choices import Scope, tenants
from shared.tables.measures.measure import COUNT, MOMENT, NOT_TRUE, SEVERAL, TRUE, Measure
from shared.tables.measures.rows import current, values


def _currency() -> str:
    codes = values("Organisations", ["BaseCurrency"], current("Organisations", {}, ["BaseCurrency"]))
    return (
        f'VAR Codes = {codes}\nRETURN IF ( COUNTROWS ( Codes ) > 1, "{SEVERAL}", '
        "MAXX ( Codes, Organisations[BaseCurrency] ) )"
    )


def _told(body: str, where: Mapping[str, str], *columns: str, rebuilding: bool = False) -> str:
    """An expression over the current rows of SyncStatus in the variable Told. rebuilding: also while tables are rebuilt."""
    variables = f"VAR Told = {current('SyncStatus', where, columns, [tenants('SyncStatus')])}"
    return Scope(tables=["SyncStatus"], money=False, rebuilding=rebuilding).measure(body, variables=variables)


_FRESH = {"FreshAsOf": "<> BLANK ()"}
_OLDEST = "FILTER ( Told, SyncStatus[FreshAsOf] = Oldest )"
_CHOSEN = "of the chosen organisations and tables (SyncStatus). Not money: no currency, basis or date rule."

MEASURES = (
    Measure(
        name="Currency",
        means=f"The base currency of the chosen organisations, such as AUD; “{SEVERAL}” where they have different ones.",
        expression=_currency(),
        format="",
    ),
    Measure(
        name="Fresh As Of",
        means=f"What Xero had by this instant (UTC) is in every table: the oldest {_CHOSEN}",
        expression=_told("MINX ( Told, SyncStatus[FreshAsOf] )", _FRESH),
        format=MOMENT,
    ),
    Measure(
        name="Least Fresh Table",
        means=f"The table that is as old as Fresh As Of says, {_CHOSEN}",
        expression=_told(
            "VAR Oldest = MINX ( Told, SyncStatus[FreshAsOf] ) RETURN MAXX ( "
            f"{_OLDEST}, SyncStatus[TableName] )",
            _FRESH,
            "TableName",
        ),
        format="",
    ),
    Measure(
        name="Quarantined Records",
        means="Records that Power BI does not have because they could not be read or were refused; one that feeds several"
        f" tables counts in each, {_CHOSEN}",
        expression=_told("SUMX ( Told, SyncStatus[Quarantined] )", {"Quarantined": "> 0"}),
        format=COUNT,
    ),
    Measure(
        name="Tables Rebuilding",
        means=f"Tables that are being emptied and filled again, whose measures are empty meanwhile, {_CHOSEN}",
        expression=_told("COUNTROWS ( Told )", {"IsRebuilding": TRUE}, rebuilding=True),
        format=COUNT,
    ),
    Measure(
        name="Tables Not Verified",
        means=f"Tables that were never counted against Xero's records, or differed when they were, {_CHOSEN}",
        expression=_told("COUNTROWS ( Told )", {"IsVerified": NOT_TRUE}),
        format=COUNT,
    ),
    Measure(
        name="Tables Parked",
        means=f"Tables that wait for a person, {_CHOSEN}",
        expression=_told("COUNTROWS ( Told )", {"Parked": "<> BLANK ()"}),
        format=COUNT,
    ),
)
