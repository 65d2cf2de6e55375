"""The day that a measure is asked for, of each organisation: the chosen one, else its own today."""

from shared.tables.measures.rows import current

_STATUS = current("SyncStatus", {}, ["TenantID", "Today", "StartDate"], everywhere=True)
_TOLD = "MAXX ( FILTER ( Status, SyncStatus[TenantID] = Tenant ), SyncStatus[{column}] )"
TODAY = _TOLD.format(column="Today")
START = _TOLD.format(column="StartDate")
STATUS = f"VAR Status = {_STATUS}"


def days(day: str) -> str:
    """The chosen organisations with the day of each (@Day), its today (@Today) and the first day of its history (@Start).

    day: an expression that knows the organisation by the variable Tenant.
    """
    return f"""{STATUS}
VAR TenantDays = ADDCOLUMNS (
    Tenants,
    "@Day", VAR Tenant = Organisations[TenantID] RETURN {day},
    "@Today", VAR Tenant = Organisations[TenantID] RETURN {TODAY},
    "@Start", VAR Tenant = Organisations[TenantID] RETURN {START}
)"""


# The latest day chosen in AsAt: of a month its last.
AS_AT = f"IF ( ISFILTERED ( AsAt ), MAX ( AsAt[Date] ), {TODAY} )"
# Nobody can say what was before the history begins, nor which day it is where no status tells.
KNOWN = "ISEMPTY ( FILTER ( TenantDays, ISBLANK ( [@Day] ) || [@Day] < [@Start] ) )"


def over_tenants(body: str, variables: str = "") -> str:
    """The sum of an expression over organisations; it knows Tenant, OnDay, LocalDay and FirstDay."""
    return f"""SUMX (
        TenantDays,
        VAR Tenant = Organisations[TenantID]
        VAR OnDay = [@Day]
        VAR LocalDay = [@Today]
        VAR FirstDay = [@Start]
{variables}        RETURN {body}
    )"""
