"""The chart of accounts. Never paged; read whole each time, since an increment does not show every removal."""

from shared.xero.resources.resource import Resource

ACCOUNTS = Resource(
    name="Accounts",
    plural="Accounts",
    id_field="AccountID",
    scope="accounting.settings.read",
    paged=False,
    modified_since=False,
    fetch_by="list",
)
