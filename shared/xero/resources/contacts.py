"""Customers and suppliers. Archived ones are listed only when asked for."""

from shared.xero.resources.resource import Resource

CONTACTS = Resource(
    name="Contacts",
    plural="Contacts",
    id_field="ContactID",
    scope="accounting.contacts.read",
    parameters={"includeArchived": "true"},
    fetch_by="IDs",
    webhook_category="CONTACT",
)
