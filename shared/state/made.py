"""The resources whose records are made here, not read from Xero, and every resource whose records land in the outbox.

A made record lands like an answer of Xero's (`header.reason` says why it was made) and is pushed, mirrored, rebuilt and
compacted by the same path. Nobody polls for it, and no message asks for it by id.
"""

from shared.xero.resources import RESOURCES, Resource


def _made(name: str) -> Resource:
    return Resource(
        name=name,
        plural=name,
        id_field=f"{name}ID",
        ids_are_guids=False,
        scope="",
        paging="whole",
        modified_since=False,
        stamp_field=None,
    )


# A year of an organisation's calendar; its ageing buckets, one record; what is known of one of its tables.
MADE: dict[str, Resource] = {name: _made(name) for name in ("Calendar", "AgingBuckets", "SyncStatus")}
LANDED: dict[str, Resource] = RESOURCES | MADE
