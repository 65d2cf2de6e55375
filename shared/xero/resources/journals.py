"""The general ledger's journals, with their lines: immutable, numbered, read on from the last number.

Only apps on Xero's Advanced tier may read them, so they are off unless the operator asks for them.
"""

from shared.xero.resources.resource import Resource

JOURNALS = Resource(
    name="Journals",
    plural="Journals",
    id_field="JournalID",
    scope="accounting.journals.read",
    optional="read_journals",
    paging="offset",
    modified_since=False,
    stamp_field="CreatedDateUTC",
    fetch_by="one",
    nested=("JournalLines",),
    minutes=60,
)
