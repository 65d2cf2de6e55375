"""Until when what was read is fresh enough, as the schedule and the settings promise: quiet hours and nights included.

It is worked out from when a read ended, not from the checkpoint's own date of the next one, so that a checkpoint that is
never due again is noticed.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.settings import Settings
from shared.state.checkpoints import Checkpoint
from shared.sync.schedule import next_read
from shared.xero.resources import RESOURCES, Resource

# What a read that is due may take until its figures are in Power BI: with the 15 minutes of invoices, half an hour.
GRACE = timedelta(minutes=15)
# A page of 1,000 documents takes Xero seconds, and an organisation's lists are read one after the other.
A_PAGE = timedelta(seconds=10)
# While a dataset takes rows all the time, as after a new organisation's history, what waits behind them may be so old.
BUSY = timedelta(hours=1)


def patience(read: Iterable[Checkpoint]) -> timedelta:
    """What reads may take: longer while lists of many pages are read whole."""
    pages = sum((each.read.page_count or 0) for each in read if each.read is not None)
    return GRACE + pages * A_PAGE


def due_at(settings: Settings, checkpoint: Checkpoint) -> datetime | None:
    """When the next read is due by the settings; None before the first one is complete."""
    if checkpoint.completed_at is None or not checkpoint.is_complete:
        return None
    return next_read(settings, RESOURCES[checkpoint.resource], checkpoint.completed_at)


def fresh_until(
    settings: Settings, found: Mapping[str, Checkpoint], resources: Iterable[str]
) -> datetime | None:
    """Until when a table that these resources feed keeps the promise; None while one of them has no history."""
    wait = patience(found.values())
    ends = [due_at(settings, found[name]) if name in found else None for name in resources]
    complete = [end for end in ends if end is not None]
    return min(complete) + wait if complete and len(complete) == len(ends) else None


def unread_since(
    settings: Settings,
    resources: Iterable[Resource],
    found: Mapping[str, Checkpoint],
    *,
    last_call: datetime | None,
    day_spent: bool,
    now: datetime,
) -> datetime | None:
    """Since when nothing of an organisation is read although something is due; None while the promise is kept.

    last_call: the last one to Xero. day_spent: no call is left of the day, for which a history waits and nothing else.
    """
    wait = patience(found.values())
    begun: list[datetime] = []
    for resource in resources:
        checkpoint = found.get(resource.name)
        if checkpoint is not None and checkpoint.parked:
            continue
        due = due_at(settings, checkpoint) if checkpoint is not None else None
        if due is None and not day_spent:
            troubled = checkpoint.troubled_since(now) if checkpoint is not None else now
            due = min(filter(None, (last_call, troubled)))
        if due is not None and now - due > wait:
            begun.append(due)
    # One that fails by itself for long must not hide that all the others stand still since.
    last = max((each.completed_at for each in found.values() if each.completed_at), default=None)
    return min((due for due in begun if last is None or last <= due), default=None)
