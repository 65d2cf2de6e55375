"""Xero's limits, shared by instances that have nothing in common but one entity of the store."""

from datetime import timedelta

import pytest

from shared.budgets import XeroBudget
from shared.errors import LimitReached, RetryLater
from shared.storage import Write
from tests.support.books import OTHER_TENANT, TENANT
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MemoryStore:
    return MemoryStore(clock)


def budget(
    store: MemoryStore, clock: ManualClock, *, minute: int = 60, day: int = 1000, reserve: int = 100
) -> XeroBudget:
    return XeroBudget(store, clock, minute_limit=minute, day_limit=day, webhook_reserve=reserve)


def takes(budget: XeroBudget, *, urgent: bool = False, most: int = 10_000) -> int:
    """How many calls may begin now."""
    for taken in range(most):
        try:
            budget.take(TENANT, urgent=urgent)
        except LimitReached:
            return taken
    return most


def test_ten_instances_share_a_minute(store: MemoryStore, clock: ManualClock) -> None:
    """Ten instances together begin as many calls a minute as Xero allows one."""
    instances = [budget(store, clock) for _ in range(10)]
    begun = 0
    for turn in range(200):
        try:
            instances[turn % 10].take(TENANT, urgent=False)
        except LimitReached as reached:
            assert reached.limit == "minute"
            assert 0 < reached.seconds <= 60
        else:
            begun += 1
    assert begun == 60


def test_every_minute_anew(store: MemoryStore, clock: ManualClock) -> None:
    """A window that is over is forgotten: the next has its whole allowance, minute after minute."""
    ours = budget(store, clock)
    for _ in range(5):
        assert takes(ours) == 60
        clock.advance(60)


def test_every_day_anew(store: MemoryStore, clock: ManualClock) -> None:
    """A day's calls are counted over its minutes and forgotten at its end, used up or not."""
    for used in (7, 1000, 1000):
        ours = budget(store, clock, minute=100_000)
        assert takes(ours, urgent=True, most=used) == used
        if used == 1000:
            assert takes(ours, urgent=True) == 0
        clock.advance(86_400)


def test_a_day_of_single_calls(store: MemoryStore, clock: ManualClock) -> None:
    """Calls that come one by one, day after day, never use up what belongs to one day."""
    ours = budget(store, clock, day=300, reserve=0)
    for _ in range(24 * 12 * 4):
        ours.take(TENANT, urgent=False)
        clock.advance(300)


def test_the_wait_is_true(store: MemoryStore, clock: ManualClock) -> None:
    """Whoever waits as long as it is told may begin then."""
    ours = budget(store, clock, minute=2, day=5, reserve=0)
    for _ in range(20):
        try:
            ours.take(TENANT, urgent=False)
        except LimitReached as reached:
            clock.advance(reached.seconds)
            ours.take(TENANT, urgent=False)


@pytest.mark.parametrize("reserve", [0, 5, 20])
def test_the_reserve(store: MemoryStore, clock: ManualClock, reserve: int) -> None:
    """Only urgent calls use the day's reserve, and they may use all of the rest as well."""
    assert takes(budget(store, clock, day=50, reserve=reserve)) == 50 - reserve
    assert takes(budget(store, clock, day=50, reserve=reserve), urgent=True) == reserve


def test_a_reserve_never_takes_it_all(store: MemoryStore, clock: ManualClock) -> None:
    """A reserve that is larger than half the day leaves half to polling."""
    assert takes(budget(store, clock, day=50, reserve=1_000_000)) == 25


def test_organisations_do_not_share(store: MemoryStore, clock: ManualClock) -> None:
    """One organisation's limits are not another's."""
    ours = budget(store, clock)
    assert takes(ours) == 60
    ours.take(OTHER_TENANT, urgent=False)
    assert ours.used(TENANT) == {"minute": 60, "day": 60}
    assert ours.used(OTHER_TENANT) == {"minute": 1, "day": 1}


def test_headers_only_lower(store: MemoryStore, clock: ManualClock) -> None:
    """What Xero says is left counts when it is less than we thought, and never when it is more."""
    ours = budget(store, clock)
    ours.take(TENANT, urgent=False)
    ours.observe(TENANT, {"X-MinLimit-Remaining": "3", "X-DayLimit-Remaining": "990"})
    assert takes(ours) == 3
    assert ours.used(TENANT) == {"minute": 60, "day": 13}


@pytest.mark.parametrize("headers", [{}, {"X-MinLimit-Remaining": "many"}, {"X-MinLimit-Remaining": "-1"}])
def test_headers_that_say_nothing(store: MemoryStore, clock: ManualClock, headers: dict[str, str]) -> None:
    """Headers that are missing or no numbers change nothing."""
    ours = budget(store, clock)
    ours.observe(TENANT, headers)
    assert takes(ours) == 60


def test_a_generous_header_raises_nothing(store: MemoryStore, clock: ManualClock) -> None:
    """A header that says more is left than we count does not give more."""
    ours = budget(store, clock)
    for _ in range(60):
        ours.take(TENANT, urgent=False)
        ours.observe(TENANT, {"X-MinLimit-Remaining": "60", "X-DayLimit-Remaining": "5000"})
    assert takes(ours) == 0


def test_nothing_left_by_the_header(store: MemoryStore, clock: ManualClock) -> None:
    """When Xero says that nothing is left of the minute no call begins, and the next minute they do."""
    ours = budget(store, clock)
    ours.take(TENANT, urgent=False)
    ours.observe(TENANT, {"X-MinLimit-Remaining": "0"})
    assert takes(ours) == 0
    clock.advance(60)
    assert takes(ours) == 60


def test_a_recorded_limit_stops_everybody(store: MemoryStore, clock: ManualClock) -> None:
    """A 429 that one instance met stops all of them, urgent calls too, until its time is over."""
    budget(store, clock).block(TENANT, "day", 3600)
    for urgent in (True, False):
        with pytest.raises(LimitReached) as caught:
            budget(store, clock).take(TENANT, urgent=urgent)
        assert (caught.value.limit, caught.value.seconds) == ("day", 3600)
    clock.advance(3599)
    assert takes(budget(store, clock)) == 0
    clock.advance(1)
    assert takes(budget(store, clock)) == 60


def test_a_shorter_wait_ends_no_longer_one(store: MemoryStore, clock: ManualClock) -> None:
    """A minute's 429 that arrives after a day's does not open the day again."""
    ours = budget(store, clock)
    ours.block(TENANT, "day", 3600)
    ours.block(TENANT, "minute", 30)
    clock.advance(31)
    with pytest.raises(LimitReached) as caught:
        ours.take(TENANT, urgent=True)
    assert caught.value.limit == "day"
    ours.block(TENANT, "day", 7200)
    clock.advance(3600)
    assert takes(ours) == 0


def test_instances_that_meet(store: MemoryStore, clock: ManualClock) -> None:
    """Two instances that write at once are both counted: the later one looks again."""
    first, second = budget(store, clock), budget(store, clock)
    write_entity = store.write_entity
    meetings = iter([True, True])

    def meet(table: str, write: Write) -> str:
        if next(meetings, False):
            second.take(TENANT, urgent=False)
        return write_entity(table, write)

    store.write_entity = meet  # type: ignore[method-assign]
    first.take(TENANT, urgent=False)
    assert first.used(TENANT)["minute"] == 3


def test_endless_contention(store: MemoryStore, clock: ManualClock) -> None:
    """An instance that never gets its turn gives up for some seconds rather than spin."""
    other = budget(store, clock, minute=1000)
    write_entity = store.write_entity

    def always_meet(table: str, write: Write) -> str:
        store.write_entity = write_entity  # type: ignore[method-assign]
        other.take(TENANT, urgent=False)
        store.write_entity = always_meet  # type: ignore[method-assign]
        return write_entity(table, write)

    store.write_entity = always_meet  # type: ignore[method-assign]
    with pytest.raises(RetryLater) as caught:
        budget(store, clock, minute=1000).take(TENANT, urgent=False)
    assert not isinstance(caught.value, LimitReached)
    assert 0 < caught.value.seconds < 60


def test_no_stand_still_when_time_jumps(store: MemoryStore, clock: ManualClock) -> None:
    """After any length of silence the first call begins."""
    for seconds in (59, 61, 86_399, 86_401, timedelta(days=400).total_seconds()):
        ours = budget(store, clock, minute=1, day=10_000)
        clock.advance(61)
        assert takes(ours) == 1
        clock.advance(seconds)
