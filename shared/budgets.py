"""Xero's limits, shared by all functions and instances through one entity an organisation.

Each call takes its place with one conditional write, so that no call begins after a limit is recorded, whoever recorded
it. The windows are Xero's own fixed ones, whose beginnings nobody tells: ours begin with the first call, and Xero's
headers and 429s may only lower what is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.clock import Clock
from shared.errors import LimitReached, RetryLater
from shared.storage import Conflict, Entity, Store, Stored, Write

WINDOWS = {"minute": timedelta(minutes=1), "day": timedelta(days=1)}
HEADERS = {"minute": "X-MinLimit-Remaining", "day": "X-DayLimit-Remaining"}
ATTEMPTS = 20


@dataclass(frozen=True)
class Spent:
    """An organisation's calls in the current minute and day. last_call: the last one began at most a minute after it.

    day_ends: when the day's calls count no more. blocked_by, blocked_until: the limit that Xero said was reached.
    """

    minute: int
    day: int
    day_ends: datetime
    last_call: datetime
    blocked_by: str = ""
    blocked_until: datetime | None = None


def spent(store: Store, tenant_id: str, now: datetime) -> Spent | None:
    """What is used by now, for reading only; None before the first call."""
    stored = store.get_entity("budgets", tenant_id, "xero")
    if stored is None:
        return None
    entity = stored.entity
    until = datetime.fromisoformat(str(entity["blocked_until"]))
    blocked = until > now and bool(entity["blocked_by"])
    return Spent(
        minute=_used(entity, "minute", now),
        day=_used(entity, "day", now),
        day_ends=datetime.fromisoformat(str(entity["day_began"])) + WINDOWS["day"],
        last_call=datetime.fromisoformat(str(entity["minute_began"])),
        blocked_by=str(entity["blocked_by"]) if blocked else "",
        blocked_until=until if blocked else None,
    )


class XeroBudget:
    """The calls of each organisation in the current minute and day."""

    def __init__(
        self, store: Store, clock: Clock, *, minute_limit: int, day_limit: int, webhook_reserve: int
    ) -> None:
        self._store = store
        self._clock = clock
        self._limits = {"minute": minute_limit, "day": day_limit}
        self._reserve = min(webhook_reserve, day_limit // 2)
        # What Xero's headers last said was used, by organisation and window; lost with the process, without harm.
        self._observed: dict[tuple[str, str], tuple[datetime, int]] = {}

    def take(self, tenant_id: str, *, urgent: bool) -> None:
        """One call's place; only urgent calls may use the day's reserve.

        Raises LimitReached with the seconds until there may be a place.
        """
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            stored = self._read(tenant_id, now)
            entity = self._with_one_call(tenant_id, dict(stored.entity), now, urgent)
            if self._write(entity, stored.etag):
                return
        raise RetryLater(f"The budget of {tenant_id} is contended.", seconds=5)

    def observe(self, tenant_id: str, headers: Mapping[str, str]) -> None:
        """Remember what Xero says is left; it counts when it is less than we thought."""
        for window, header in HEADERS.items():
            remaining = headers.get(header, "").strip()
            if remaining.isdigit():
                used = self._limits[window] - int(remaining)
                self._observed[tenant_id, window] = (self._clock.now(), used)

    def block(self, tenant_id: str, limit: str, seconds: float) -> None:
        """Xero said 429: no call of anybody begins before `seconds` have passed."""
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            stored = self._read(tenant_id, now)
            until = now + timedelta(seconds=seconds)
            # A minute's 429 that was under way does not end a day's.
            if datetime.fromisoformat(str(stored.entity["blocked_until"])) >= until:
                return
            blocked: Entity = {"blocked_by": limit, "blocked_until": until.isoformat()}
            if self._write(stored.entity | blocked, stored.etag):
                return
        raise RetryLater(f"The budget of {tenant_id} is contended.", seconds=5)

    def used(self, tenant_id: str) -> dict[str, int]:
        """Calls used in the current minute and day, for status."""
        now = self._clock.now()
        entity = self._read(tenant_id, now).entity
        return {window: _used(entity, window, now) for window in WINDOWS}

    def _with_one_call(self, tenant_id: str, entity: Entity, now: datetime, urgent: bool) -> Entity:
        blocked_until = datetime.fromisoformat(str(entity["blocked_until"]))
        if blocked_until > now:
            raise LimitReached(
                f"Xero's {entity['blocked_by']!s} limit of {tenant_id} is reached.",
                limit=str(entity["blocked_by"]),
                seconds=(blocked_until - now).total_seconds(),
            )
        for window, length in WINDOWS.items():
            counted = _used(entity, window, now)
            if counted == 0:
                entity[f"{window}_began"] = now.isoformat()
            began = datetime.fromisoformat(str(entity[f"{window}_began"]))
            seen_at, seen = self._observed.get((tenant_id, window), (began, 0))
            used = max(counted, seen if seen_at >= began else 0)
            held_back = self._reserve if window == "day" and not urgent else 0
            if used >= self._limits[window] - held_back:
                raise LimitReached(
                    f"Our share of Xero's {window} limit of {tenant_id} is used up.",
                    limit=window,
                    seconds=max(1.0, (began + length - now).total_seconds()),
                )
            entity[f"{window}_used"] = used + 1
        return entity

    def _read(self, tenant_id: str, now: datetime) -> Stored:
        fresh: Entity = {"PartitionKey": tenant_id, "RowKey": "xero", "format": 1, "blocked_by": ""}
        for moment in ("minute_began", "day_began", "blocked_until"):
            fresh[moment] = now.isoformat()
        return self._store.get_entity("budgets", tenant_id, "xero") or Stored(
            fresh | {"minute_used": 0, "day_used": 0}, ""
        )

    def _write(self, entity: Entity, etag: str) -> bool:
        write = Write("replace", entity, etag) if etag else Write("insert", entity)
        try:
            self._store.write_entity("budgets", write)
        except Conflict:
            return False
        return True


def _used(entity: Entity, window: str, now: datetime) -> int:
    began = datetime.fromisoformat(str(entity[f"{window}_began"]))
    return int(entity[f"{window}_used"]) if now - began < WINDOWS[window] else 0
