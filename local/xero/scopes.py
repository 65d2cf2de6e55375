"""Which scopes there are: those of today, and the broad ones that only older apps may ask for."""

from local.xero.resources import RESOURCES

_OPEN = {scope for resource in RESOURCES.values() for scope in resource.scopes} | {"accounting.attachments"}
BROAD_SCOPES = frozenset(
    {"accounting.transactions", "accounting.transactions.read", "accounting.reports.read"}
)
SCOPES = (
    frozenset({"openid", "profile", "email", "offline_access", "accounting.reports.tenninetynine.read"})
    | {f"{scope}{ending}" for scope in _OPEN for ending in ("", ".read")}
    | {
        f"accounting.reports.{report}.read"
        for report in (
            *("aged", "balancesheet", "banksummary", "budgetsummary", "executivesummary", "profitandloss"),
            *("trialbalance", "taxreports"),
        )
    }
) - BROAD_SCOPES
