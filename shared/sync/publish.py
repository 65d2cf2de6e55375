"""Publish what an organisation's reports slice by: the days of its calendar, by its own financial year, and its ageing buckets.

They land whenever they would say something else than what was last landed: in a new year, after a change of the settings
or of the organisation's year end. Else it costs two reads of storage.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from shared import tables
from shared.audit import Audit
from shared.clock import milliseconds
from shared.errors import BadRecord, RunEnded
from shared.state import mirror, outbox, published
from shared.state.connections import Organisation
from shared.state.made import MADE
from shared.sync.connector import Connector
from shared.xero import wire
from shared.xero.client import Request
from shared.xero.zones import iana_name

BUCKETS = "buckets"
# The usual year end, where Xero does not tell an organisation's own.
YEAR_END = (12, 31)


@dataclass(frozen=True)
class LocalDay:
    """An organisation's own calendar day. trouble: why it may be another, "" when it may not."""

    day: date
    trouble: str


def organisation_record(connector: Connector, organisation: Organisation) -> dict[str, Any] | None:
    """The organisation as Xero describes it; None until that is in Power BI."""
    found = [record for _, record in mirror.living(connector.store, organisation.tenant_id, "Organisation")]
    return found[0] if found else None


def local_day(connector: Connector, record: dict[str, Any] | None) -> LocalDay:
    """The day where the organisation is; by the operator's clock while Xero's name of its time zone tells nothing."""
    timezone = record.get("Timezone") if record else None
    name = iana_name(timezone) if isinstance(timezone, str) else None
    trouble = ""
    if record is not None and name is None:
        trouble = f"its time zone {timezone!r} is not known: Today is that of TIME_ZONE"
    zone = ZoneInfo(name or connector.settings.time_zone)
    return LocalDay(connector.clock.now().astimezone(zone).date(), trouble)


def publish(connector: Connector, audit: Audit, organisation: Organisation) -> bool:
    """Land the organisation's days and buckets if they are not what was last landed; answers whether anything was."""
    record = organisation_record(connector, organisation)
    if record is None:
        return False
    landed = False
    today = local_day(connector, record).day
    for resource, found in (
        ("Calendar", _years(connector, record, today)),
        ("AgingBuckets", [{"AgingBucketsID": BUCKETS, "Days": list(connector.settings.ageing_days)}]),
    ):
        last = published.load(connector.store, organisation.tenant_id, resource)
        said = digest([found, tables.TRANSFORM, organisation.dataset])
        if said == last.said:
            continue
        at = later_than(connector.clock.now(), last.at)
        land(connector, audit, organisation, resource, found, at, "changed" if last.said else "first")
        # Whoever published meanwhile said the same.
        with suppress(RunEnded):
            replace(last, said=said, at=at).save(connector.store)
        landed = True
    return landed


def _years(connector: Connector, record: dict[str, Any], today: date) -> list[dict[str, Any]]:
    month = _whole(record.get("FinancialYearEndMonth"))
    day = _whole(record.get("FinancialYearEndDay"))
    if month not in range(1, 13) or day not in range(1, 32):
        month, day = YEAR_END
    return [
        {"CalendarID": str(year), "Year": year, "YearEndMonth": month, "YearEndDay": day}
        for year in range(connector.settings.start_date.year - 1, today.year + 3)
    ]


def _whole(value: Any) -> int:
    try:
        return int(wire.number(value, "FinancialYearEnd") or 0)
    except BadRecord:
        return 0


def land(
    connector: Connector,
    audit: Audit,
    organisation: Organisation,
    resource: str,
    records: Sequence[dict[str, Any]],
    at: datetime,
    reason: str,
) -> str:
    """Put records of ours into the outbox, as true at that instant; answers the batch's name."""
    header = outbox.Header(
        dataset=organisation.dataset,
        organisation=organisation.tenant_id,
        resource=resource,
        reason=reason,
        operation=audit.operation,
        request=Request(resource, {}),
        request_id="",
        fetched_from=at,
        fetched_to=at,
        landed_at=connector.clock.now(),
        records=len(records),
    )
    batch = outbox.land(connector.store, header, wire.encode({MADE[resource].plural: list(records)}))
    audit.add(
        "publish",
        "landed",
        organisation=organisation.tenant_id,
        resource=resource,
        why=reason,
        count=len(records),
        batches=[batch],
    )
    return batch


def later_than(now: datetime, last: datetime | None) -> datetime:
    """Now, or just after what was last said: made records have no stamp but the time at which they were made."""
    after = last + timedelta(milliseconds=1) if last else now
    return after if milliseconds(after) > milliseconds(now) else now


def digest(found: Any) -> str:
    return hashlib.sha256(wire.encode(found)).hexdigest()[:32]
