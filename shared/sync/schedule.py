"""When a resource is read next: every so many minutes, outside quiet hours, or once a night before the report hour.

Reports are read in the night whatever the profile: a read of them is several calls, and their figures are the morning's.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.settings import Settings
from shared.xero.resources import Resource

# A night's reads are some thirty calls an organisation; two hours leave room for a limit or an outage.
BEFORE_REPORT = timedelta(hours=2)
A_DAY = timedelta(days=1)


def next_read(settings: Settings, resource: Resource, now: datetime) -> datetime:
    """The instant, in UTC, from which the resource is due again after a read that ended `now`."""
    zone = ZoneInfo(settings.time_zone)
    if settings.poll_profile == "nightly":
        return _next_at(settings.report_hour, zone, now + BEFORE_REPORT) - BEFORE_REPORT
    minutes = settings.poll_minutes_by_resource.get(
        resource.name, settings.poll_minutes if resource.report is None else None
    )
    due = now + timedelta(minutes=resource.minutes if minutes is None else minutes)
    if resource.report is not None and minutes is None:
        due = _next_at(settings.report_hour, zone, due - A_DAY + BEFORE_REPORT) - BEFORE_REPORT
    if settings.quiet_hours is None:
        return due
    begin, end = settings.quiet_hours
    return _next_at(end, zone, due) if _is_within(due.astimezone(zone).hour, begin, end) else due


def night_of(settings: Settings, now: datetime) -> datetime:
    """When the last night's reads were to begin: two hours before REPORT_HOUR, at or before `now`."""
    zone = ZoneInfo(settings.time_zone)
    begin = _next_at(settings.report_hour, zone, now + BEFORE_REPORT - 2 * A_DAY)
    while (following := _next_at(settings.report_hour, zone, begin)) <= now + BEFORE_REPORT:
        begin = following
    return begin - BEFORE_REPORT


def _is_within(hour: int, begin: int, end: int) -> bool:
    """Whether an hour lies in the hours from `begin` until `end`, which may go over midnight."""
    return begin <= hour < end if begin < end else hour >= begin or hour < end


def _next_at(hour: int, zone: ZoneInfo, after: datetime) -> datetime:
    """The first instant after `after` at which the zone's clock shows that whole hour."""
    local = after.astimezone(zone)
    for days in (0, 1, 2):
        day = local.date() + timedelta(days=days)
        # An hour that the clock skips in spring is the one after it.
        at = datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)
        if at > after:
            return at
    raise AssertionError("a day has every hour")
