"""Which tables are to be compacted, from what the sink knows alone: no call to Power BI, nothing read of the mirror."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from shared.clock import milliseconds
from shared.settings import Settings
from shared.state.rebuilds import Standing
from shared.state.sink import SENT_EACH, State

# Power BI's, of a dataset: rows an hour, and POSTs an hour in the slow lane. A share is left to what lands meanwhile.
ROWS_AN_HOUR = 1_000_000
POSTS_AN_HOUR = 120
OURS = 0.9
# A table is large from this share of a limit on, and worth it when its current rows are fewer than the other.
LARGE = 0.8
WORTH_IT = 0.6
QUIET = timedelta(minutes=10)
# By day a table is not taken away from its readers for less.
FEWEST_BY_DAY = 1000
# However many rows may have been sent twice, nothing is compacted over and over; in the night once.
AGAIN_AFTER = timedelta(hours=1)
ONCE_A_NIGHT = timedelta(hours=8)
NIGHT = timedelta(hours=6)
SPARE = timedelta(minutes=30)
# What a POST of rows with many columns holds within the bytes that it may have, and what it takes with the work around it.
ROWS_OF_LARGE_POST = 5_000
SECONDS_A_POST = 6


def due(state: State, settings: Settings, now: datetime) -> list[tuple[str, str]]:
    """The tables that are to be compacted now, each with the reason, those first that have most to lose."""
    if not state.powerbi_id or state.rebuild or state.in_flight or settles_in(state, settings, now) > 0:
        return []
    found: list[tuple[float, str, str]] = []
    for table, upper in state.rows_upper.items():
        standing = state.table(table)
        current = min(standing.current, upper)
        if standing.parked or upper <= current or not _fits_the_hour(state, settings, current, now):
            continue
        reason = _reason(standing, table, upper, current, settings, now)
        if reason:
            found.append(((upper - current) / upper, table, reason))
    return [(table, reason) for _, table, reason in sorted(found, reverse=True)]


def settles_in(state: State, settings: Settings, now: datetime) -> float:
    """Seconds until no POST whose answer was lost can still land."""
    if state.doubt_at is None:
        return 0
    return settings.settle_seconds - (now - state.doubt_at).total_seconds()


def _reason(
    standing: Standing, table: str, upper: int, current: int, settings: Settings, now: datetime
) -> str:
    """Why a table is to be compacted now; "" when it is not."""
    since = timedelta.max if standing.compacted_at is None else now - standing.compacted_at
    if since < AGAIN_AFTER:
        return ""
    quiet = milliseconds(now) - standing.pushed_at >= QUIET / timedelta(milliseconds=1)
    night = since > ONCE_A_NIGHT and _is_night(settings, now, current)
    for what, limit in (
        ("the slow lane", settings.slow_lane_rows),
        ("what it may hold", settings.powerbi_rows_per_table),
    ):
        if upper >= LARGE * limit and current <= WORTH_IT * limit and (quiet or night):
            return f"{table} has up to {upper} rows, near {what}; {current} are current"
    superseded = upper - current
    if superseded < settings.compact_share * upper:
        return ""
    by_day = quiet and current <= settings.powerbi_rows_per_post and superseded >= FEWEST_BY_DAY
    return f"{superseded} of {upper} rows of {table} are superseded" if by_day or night else ""


def _fits_the_hour(state: State, settings: Settings, current: int, now: datetime) -> bool:
    """Whether Power BI takes the table's rows back without making us wait while it is empty, as far as one hour goes."""
    rows, posts = _sent(state, now)
    most = ROWS_AN_HOUR * OURS
    if rows + current > most and (current <= most or rows > ROWS_AN_HOUR - most):
        return False
    return (
        not _is_in_slow_lane(state, settings)
        or posts + min(_posts(current), POSTS_AN_HOUR // 2) <= POSTS_AN_HOUR * OURS
    )


def waits(state: State, settings: Settings, rows: int, posts: int, now: datetime) -> float:
    """Seconds until so many rows may be sent within Power BI's limits of an hour, 0 when now; what exceeds an hour goes alone."""
    before, before_posts = _sent(state, now)
    too_many = before and before + rows > ROWS_AN_HOUR
    too_often = before_posts and before_posts + posts > POSTS_AN_HOUR and _is_in_slow_lane(state, settings)
    return SENT_EACH / 1000 if too_many or too_often else 0


def _sent(state: State, now: datetime) -> tuple[int, int]:
    """Rows and POSTs of the last hour, by whichever instance."""
    begin = milliseconds(now) - 3_600_000
    sent = [each for part, each in state.sent.items() if (int(part) + 1) * SENT_EACH > begin]
    return sum(each[0] for each in sent), sum(each[1] for each in sent)


def _is_in_slow_lane(state: State, settings: Settings) -> bool:
    return any(upper >= settings.slow_lane_rows for upper in state.rows_upper.values())


def _is_night(settings: Settings, now: datetime, current: int) -> bool:
    """Whether so many rows, if taken up now, are there again by the report hour, and not long before it."""
    zone = ZoneInfo(settings.time_zone)
    local = now.astimezone(zone)
    report = datetime(local.year, local.month, local.day, settings.report_hour, tzinfo=zone).astimezone(UTC)
    if report <= now:
        day = local.date() + timedelta(days=1)
        report = datetime(day.year, day.month, day.day, settings.report_hour, tzinfo=zone).astimezone(UTC)
    last = report - SPARE - takes(settings, current)
    return last - NIGHT <= now <= last


def may_be_taken(settings: Settings, rows: int, now: datetime) -> bool:
    """Whether a table of so many rows may be taken from its readers now: for a moment, or in the night."""
    return rows <= settings.powerbi_rows_per_post or _is_night(settings, now, rows)


def takes(settings: Settings, current: int) -> timedelta:
    """How long a compaction may take, at the worst but for outages."""
    posts = _posts(current)
    work = timedelta(seconds=posts * SECONDS_A_POST + 3 * settings.settle_seconds)
    hours = current // int(ROWS_AN_HOUR * OURS)
    if current >= settings.slow_lane_rows:
        hours = max(hours, posts // POSTS_AN_HOUR)
    return work + timedelta(hours=hours)


def _posts(rows: int) -> int:
    return -(-rows // ROWS_OF_LARGE_POST)
