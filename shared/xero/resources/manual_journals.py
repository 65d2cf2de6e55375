"""Manual journals, with their lines. `order` makes Xero answer everything unpaged (seen; facts of the endpoint)."""

from shared.xero.resources.resource import Resource

MANUAL_JOURNALS = Resource(
    name="ManualJournals",
    plural="ManualJournals",
    id_field="ManualJournalID",
    scope="accounting.manualjournals.read",
    paging="backwards",
    history_where='Date >= {start} OR Date == null OR Status == "DRAFT" OR UpdatedDateUTC >= {start}',
    nested=("JournalLines",),
)
