"""The resources that are read from Xero, each as data in a file of its own.

Adding one is a file here and a table in shared/tables; nothing else changes.
"""

from collections.abc import Iterable

from shared.xero.resources.accounts import ACCOUNTS
from shared.xero.resources.bank_summary import BANK_SUMMARY
from shared.xero.resources.bank_transactions import BANK_TRANSACTIONS
from shared.xero.resources.bank_transfers import BANK_TRANSFERS
from shared.xero.resources.contacts import CONTACTS
from shared.xero.resources.credit_notes import CREDIT_NOTES
from shared.xero.resources.invoices import INVOICES
from shared.xero.resources.items import ITEMS
from shared.xero.resources.journals import JOURNALS
from shared.xero.resources.manual_journals import MANUAL_JOURNALS
from shared.xero.resources.organisation import ORGANISATION
from shared.xero.resources.overpayments import OVERPAYMENTS
from shared.xero.resources.payments import PAYMENTS
from shared.xero.resources.prepayments import PREPAYMENTS
from shared.xero.resources.profit_and_loss import PROFIT_AND_LOSS
from shared.xero.resources.purchase_orders import PURCHASE_ORDERS
from shared.xero.resources.resource import Resource
from shared.xero.resources.tax_rates import TAX_RATES
from shared.xero.resources.tracking_categories import TRACKING_CATEGORIES
from shared.xero.resources.trial_balance import TRIAL_BALANCE

# In the order in which they are first read: what others refer to comes first.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        ORGANISATION,
        ACCOUNTS,
        TAX_RATES,
        TRACKING_CATEGORIES,
        ITEMS,
        CONTACTS,
        INVOICES,
        CREDIT_NOTES,
        PREPAYMENTS,
        OVERPAYMENTS,
        PAYMENTS,
        BANK_TRANSACTIONS,
        BANK_TRANSFERS,
        PURCHASE_ORDERS,
        MANUAL_JOURNALS,
        BANK_SUMMARY,
        TRIAL_BALANCE,
        PROFIT_AND_LOSS,
        JOURNALS,
    )
}
BY_WEBHOOK_CATEGORY = {
    resource.webhook_category: resource for resource in RESOURCES.values() if resource.webhook_category
}
SIGN_IN = ("openid", "profile", "offline_access")


def scopes(resources: Iterable[Resource]) -> str:
    """What a consent asks for to read these: read only, granular (Xero devblog 30 Mar 2026), and a refresh token."""
    return " ".join([*SIGN_IN, reading_scopes(resources)])


def reading_scopes(resources: Iterable[Resource]) -> str:
    """The scopes alone that reading these takes: what a custom connection asks for, which has no user to sign in."""
    return " ".join(sorted({resource.scope for resource in resources}))


__all__ = ["BY_WEBHOOK_CATEGORY", "RESOURCES", "Resource", "reading_scopes", "scopes"]
