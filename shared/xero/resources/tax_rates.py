"""Tax rates, keyed by their type. Without a stamp, read whole."""

from shared.xero.resources.resource import Resource

TAX_RATES = Resource(
    name="TaxRates",
    plural="TaxRates",
    id_field="TaxType",
    scope="accounting.settings.read",
    ids_are_guids=False,
    paging="whole",
    modified_since=False,
    stamp_field=None,
    fetch_by="one",
    vanishes=True,
    minutes=1440,
)
