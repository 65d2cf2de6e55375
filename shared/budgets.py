"""Xero's limits, shared by all functions and instances through one entity an organisation.

Each call takes its place with one conditional write, so that no call begins after a limit is recorded, whoever recorded
it, and gives it back with another, which counts the answer's bytes. A place that nobody gives back, because its process died, ends
by itself. The windows are Xero's own fixed ones, whose beginnings nobody tells: ours begin with the first call, and Xero's
headers and 429s may only lower what is left.
"""

import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from azure.core.exceptions import AzureError

from shared import log
from shared.clock import Clock
from shared.errors import LimitReached, RetryLater
from shared.storage import Conflict, Entity, Store, Stored, Write

logger = logging.getLogger(__name__)

WINDOWS = {"minute": timedelta(minutes=1), "day": timedelta(days=1)}
HEADERS = {"minute": "X-MinLimit-Remaining", "day": "X-DayLimit-Remaining"}
ATTEMPTS = 20
# Xero's calls at once, of one app and organisation (Xero "API limits"); and how long a call may take, by clocks that are a minute apart.
AT_ONCE = 5
PLACE_SECONDS = 120
PLACE_TAKEN_SECONDS = 2.0

_places = msgspec.json.Decoder(dict[str, datetime])


@dataclass(frozen=True)
class Spent:
    """An organisation's calls in the current minute and day. last_call: the last one began at most a minute after it.

    day_ends: when the day's calls count no more. blocked_by, blocked_until: the limit that Xero said was reached. bytes: of the
    day's answers, unpacked. before_calls, before_bytes: of the day before, counted as this one; at_once: calls under way.
    """

    minute: int
    day: int
    day_ends: datetime
    last_call: datetime
    blocked_by: str = ""
    blocked_until: datetime | None = None
    bytes: int = 0
    before_calls: int = 0
    before_bytes: int = 0
    at_once: int = 0


@dataclass(frozen=True)
class Place:
    """One call's place among those at once, until it is given back. `entity`, `etag`: the budget as it was taken from."""

    tenant_id: str
    name: str
    entity: Entity = field(repr=False)
    etag: str = field(repr=False)


def spent(store: Store, tenant_id: str, now: datetime) -> Spent | None:
    """What is used by now, for reading only; None before the first call."""
    stored = store.get_entity("budgets", tenant_id, "xero")
    if stored is None:
        return None
    entity = stored.entity
    until = datetime.fromisoformat(str(entity["blocked_until"]))
    blocked = until > now and bool(entity["blocked_by"])
    day, day_bytes = _used(entity, "day", now), int(entity.get("day_bytes", 0))
    before = (int(entity.get("before_used", 0)), int(entity.get("before_bytes", 0)))
    if not day:
        # Nothing was called since the day that was counted last.
        before, day_bytes = (int(entity["day_used"]), day_bytes), 0
    return Spent(
        minute=_used(entity, "minute", now),
        day=day,
        bytes=day_bytes,
        before_calls=before[0],
        before_bytes=before[1],
        at_once=len(_under_way(entity, now)),
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

    def take(self, tenant_id: str, *, urgent: bool) -> Place:
        """One call's place; only urgent calls may use the day's reserve.

        Raises LimitReached with the seconds until there may be a place.
        """
        name = uuid.uuid4().hex[:12]
        for _ in range(ATTEMPTS):
            now = self._clock.now()
            stored = self._read(tenant_id, now)
            entity = self._with_one_call(tenant_id, dict(stored.entity), now, urgent)
            places = _under_way(entity, now) | {name: now + timedelta(seconds=PLACE_SECONDS)}
            entity["places"] = msgspec.json.encode(places).decode()
            if etag := self._write(entity, stored.etag):
                return Place(tenant_id, name, entity, etag)
        raise RetryLater(f"The budget of {tenant_id} is contended.", seconds=5)

    def release(self, place: Place, size: int, headers: Mapping[str, str] | None = None) -> None:
        """The call is over; `size`: bytes of its answer, unpacked.

        headers: what Xero says is left, for all instances; it counts when it is less than we thought. A place that cannot be
        given back ends by itself, so that a failure of storage does not take the answer along.
        """
        try:
            self._release(place, size, headers or {})
        except AzureError as error:
            log.event(logger, "place not given back", level=logging.WARNING, **log.cause(error))

    def _release(self, place: Place, size: int, headers: Mapping[str, str]) -> None:
        stored: Stored | None = Stored(place.entity, place.etag)
        for _ in range(ATTEMPTS):
            if stored is None:
                return
            entity = dict(stored.entity)
            places = _under_way(entity, self._clock.now())
            places.pop(place.name, None)
            entity["places"] = msgspec.json.encode(places).decode()
            entity["day_bytes"] = int(entity.get("day_bytes", 0)) + size
            for window, header in HEADERS.items():
                remaining = headers.get(header, "").strip()
                if remaining.isdigit():
                    # Xero may not have counted yet what is under way.
                    seen = self._limits[window] - int(remaining) + len(places)
                    entity[f"{window}_used"] = max(int(entity[f"{window}_used"]), seen)
            if self._write(entity, stored.etag):
                return
            stored = self._store.get_entity("budgets", place.tenant_id, "xero")

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
        if len(_under_way(entity, now)) >= AT_ONCE:
            raise LimitReached(
                f"{AT_ONCE} calls of {tenant_id} are under way, as many as Xero takes at once.",
                limit="concurrent",
                seconds=PLACE_TAKEN_SECONDS,
            )
        for window, length in WINDOWS.items():
            counted = _used(entity, window, now)
            if counted == 0:
                if window == "day":
                    entity |= {"before_used": entity["day_used"], "before_bytes": entity.get("day_bytes", 0)}
                    entity["day_bytes"] = 0
                entity[f"{window}_began"] = now.isoformat()
            began = datetime.fromisoformat(str(entity[f"{window}_began"]))
            held_back = self._reserve if window == "day" and not urgent else 0
            if counted >= self._limits[window] - held_back:
                raise LimitReached(
                    f"Our share of Xero's {window} limit of {tenant_id} is used up.",
                    limit=window,
                    seconds=max(1.0, (began + length - now).total_seconds()),
                )
            entity[f"{window}_used"] = counted + 1
        return entity

    def _read(self, tenant_id: str, now: datetime) -> Stored:
        fresh: Entity = {"PartitionKey": tenant_id, "RowKey": "xero", "format": 1, "blocked_by": ""}
        for moment in ("minute_began", "day_began", "blocked_until"):
            fresh[moment] = now.isoformat()
        return self._store.get_entity("budgets", tenant_id, "xero") or Stored(
            fresh | {"minute_used": 0, "day_used": 0}, ""
        )

    def _write(self, entity: Entity, etag: str) -> str:
        """The new ETag, "" when somebody else was first."""
        write = Write("replace", entity, etag) if etag else Write("insert", entity)
        try:
            return self._store.write_entity("budgets", write)
        except Conflict:
            return ""


def _under_way(entity: Entity, now: datetime) -> dict[str, datetime]:
    """The places that are taken, each until when."""
    places = _places.decode(str(entity.get("places", "{}")))
    return {name: until for name, until in places.items() if until > now}


def _used(entity: Entity, window: str, now: datetime) -> int:
    began = datetime.fromisoformat(str(entity[f"{window}_began"]))
    return int(entity[f"{window}_used"]) if now - began < WINDOWS[window] else 0
