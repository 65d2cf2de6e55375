"""Retention: what is older than it may be goes, once a day. Batches under `done/` go by a rule of the storage account itself."""

from datetime import datetime

from shared.storage import Conflict, Entity, Write
from shared.sync.connector import Connector

TABLE = "checkpoints"
KEY: Entity = {"PartitionKey": "retention", "RowKey": "audit"}


def retain(connector: Connector) -> list[str]:
    """Drop the audit of months before AUDIT_MONTHS, the first time a day; answers which tables went.

    Killed in between, it is done the next day.
    """
    now = connector.clock.now()
    today = f"{now:%Y-%m-%d}"
    stored = connector.store.get_entity(TABLE, str(KEY["PartitionKey"]), str(KEY["RowKey"]))
    if stored is not None and stored.entity["day"] == today:
        return []
    entity = KEY | {"format": 1, "day": today}
    try:
        write = Write("replace", entity, stored.etag) if stored else Write("insert", entity)
        connector.store.write_entity(TABLE, write)
    except Conflict:
        # Another instance does it.
        return []
    oldest = f"audit{_months_before(now, connector.settings.audit_months)}"
    gone = [table for table in connector.store.list_tables("audit") if table < oldest]
    for table in gone:
        connector.store.delete_table(table)
    if gone:
        audit = connector.audit()
        audit.add("retention", "dropped", why=", ".join(gone), count=len(gone))
        audit.flush()
    return gone


def _months_before(now: datetime, months: int) -> str:
    count = now.year * 12 + now.month - 1 - months
    return f"{count // 12:04}{count % 12 + 1:02}"
