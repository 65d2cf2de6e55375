"""What is sold and bought, by code. Read whole, since deleted ones vanish."""

from shared.xero.resources.resource import Resource

ITEMS = Resource(
    name="Items",
    plural="Items",
    id_field="ItemID",
    scope="accounting.settings.read",
    paging="whole",
    modified_since=False,
    unitdp="lists and records",
    fetch_by="one",
    vanishes=True,
    minutes=240,
)
