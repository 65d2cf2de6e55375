"""The resources that are read from Xero, each as data in a file of its own.

Adding one is a file here and a table in shared/tables; nothing else changes.
"""

from shared.xero.resources.accounts import ACCOUNTS
from shared.xero.resources.contacts import CONTACTS
from shared.xero.resources.invoices import INVOICES
from shared.xero.resources.organisation import ORGANISATION
from shared.xero.resources.payments import PAYMENTS
from shared.xero.resources.resource import Resource

# In the order in which they are first read: what others refer to comes first.
RESOURCES: dict[str, Resource] = {
    resource.name: resource for resource in (ORGANISATION, ACCOUNTS, CONTACTS, INVOICES, PAYMENTS)
}
BY_WEBHOOK_CATEGORY = {
    resource.webhook_category: resource for resource in RESOURCES.values() if resource.webhook_category
}
# What the first consent asks for: read only, granular (Xero devblog 30 Mar 2026), and a refresh token.
SCOPES = " ".join(
    ["openid", "profile", "offline_access", *sorted({resource.scope for resource in RESOURCES.values()})]
)

__all__ = ["BY_WEBHOOK_CATEGORY", "RESOURCES", "SCOPES", "Resource"]
