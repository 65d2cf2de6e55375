"""The organisation itself: base currency, time zone, financial year. One record, no stamp, read whole."""

from shared.xero.resources.resource import Resource

ORGANISATION = Resource(
    name="Organisation",
    plural="Organisations",
    id_field="OrganisationID",
    scope="accounting.settings.read",
    paging="whole",
    modified_since=False,
    stamp_field=None,
    fetch_by="list",
    minutes=1440,
)
