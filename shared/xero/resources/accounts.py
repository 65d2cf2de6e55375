"""The chart of accounts, bank accounts included. Read whole each time, since an increment does not show every removal."""

from shared.xero.resources.resource import Resource

ACCOUNTS = Resource(
    name="Accounts",
    plural="Accounts",
    id_field="AccountID",
    scope="accounting.settings.read",
    paging="whole",
    modified_since=False,
    fetch_by="one",
    vanishes=True,
    minutes=60,
)
