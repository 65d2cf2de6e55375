"""Xero's limits, shared by instances that have nothing in common but one entity of the store."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.budgets import XeroBudget, spent
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


def call(
    budget: XeroBudget,
    tenant_id: str = TENANT,
    *,
    urgent: bool = False,
    size: int = 0,
    headers: Mapping[str, str] | None = None,
) -> None:
    """One call from its beginning to its end, and the headers of its answer."""
    budget.release(budget.take(tenant_id, urgent=urgent), size, headers)


def takes(budget: XeroBudget, *, urgent: bool = False, most: int = 10_000) -> int:
    """How many calls may begin now."""
    for taken in range(most):
        try:
            call(budget, urgent=urgent)
        except LimitReached:
            return taken
    return most


def test_ten_instances_share_a_minute(store: MemoryStore, clock: ManualClock) -> None:
    """Ten instances together begin as many calls a minute as Xero allows one."""
    instances = [budget(store, clock) for _ in range(10)]
    begun = 0
    for turn in range(200):
        try:
            call(instances[turn % 10])
        except LimitReached as reached:
            assert reached.limit == "minute"
            assert 0 < reached.seconds <= 60
        else:
            begun += 1
    assert begun == 60


def test_ten_instances_share_what_xero_takes_at_once(store: MemoryStore, clock: ManualClock) -> None:
    """Five calls of an organisation are under way at once, whoever makes them; another's do not count."""
    instances = [budget(store, clock) for _ in range(10)]
    places = [instances[number].take(TENANT, urgent=False) for number in range(5)]
    with pytest.raises(LimitReached) as reached:
        instances[5].take(TENANT, urgent=True)
    assert (reached.value.limit, reached.value.seconds) == ("concurrent", 2)
    instances[6].take(OTHER_TENANT, urgent=False)
    instances[0].release(places[0], 0)
    instances[7].take(TENANT, urgent=False)
    with pytest.raises(LimitReached):
        instances[8].take(TENANT, urgent=False)


def test_a_place_of_a_dead_process_ends_by_itself(store: MemoryStore, clock: ManualClock) -> None:
    """Calls that nobody ends are over two minutes later, when the deadline of each has passed by anybody's clock."""
    for _ in range(5):
        budget(store, clock).take(TENANT, urgent=False)
    clock.advance(119)
    with pytest.raises(LimitReached):
        call(budget(store, clock))
    clock.advance(1)
    call(budget(store, clock))


def test_a_call_takes_three_operations(store: MemoryStore, clock: ManualClock) -> None:
    """A read and a write before, a write after, as long as nobody else is at it."""
    ours, operations = budget(store, clock), 0
    call(ours)
    write, get = store.write_entity, store.get_entity

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any) -> Any:
            nonlocal operations
            operations += 1
            return function(*args)

        return count

    store.write_entity, store.get_entity = counted(write), counted(get)  # type: ignore[method-assign]
    call(ours)
    assert operations == 3


def test_storage_that_fails_at_the_end_of_a_call(
    store: MemoryStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is not lost with it: the place ends by itself, and a line of the log tells."""
    ours = budget(store, clock)
    place = ours.take(TENANT, urgent=False)

    def fail(*_: object) -> str:
        raise HttpResponseError("storage did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_entity", fail)
        ours.release(place, 10)
    assert "place not given back" in caplog.text
    clock.advance(120)
    assert takes(ours) == 60


def test_bytes_of_a_day(store: MemoryStore, clock: ManualClock) -> None:
    """Calls and bytes of the day are counted, whoever made them, and those of the day before are kept."""
    call(budget(store, clock), size=1000)
    call(budget(store, clock), size=500)
    assert (found := spent(store, TENANT, clock.now())) is not None
    assert (found.day, found.bytes, found.before_calls, found.before_bytes) == (2, 1500, 0, 0)
    clock.advance(86_400)
    assert (found := spent(store, TENANT, clock.now())) is not None
    assert (found.day, found.bytes, found.before_calls, found.before_bytes) == (0, 0, 2, 1500)
    call(budget(store, clock), size=7)
    assert (found := spent(store, TENANT, clock.now())) is not None
    assert (found.day, found.bytes, found.before_calls, found.before_bytes) == (1, 7, 2, 1500)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 70), st.integers(0, 30)), max_size=80))
def test_headers_only_lower_the_view(said: list[tuple[int, int, int]]) -> None:
    """Whatever headers say is left, ten instances begin at most a minute's calls in each minute."""
    clock = ManualClock()
    store = MemoryStore(clock)
    instances = [budget(store, clock) for _ in range(10)]
    begun: list[datetime] = []
    for who, left, seconds in said:
        for _ in range(9):
            with suppress(LimitReached):
                call(instances[who], headers={"X-MinLimit-Remaining": str(left)})
                begun.append(clock.now())
        clock.advance(seconds)
    first = begun[:1]
    for at in begun:
        if at - first[-1] >= timedelta(minutes=1):
            first.append(at)
    for window in first:
        assert sum(window <= at < window + timedelta(minutes=1) for at in begun) <= 60


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
        call(ours)
        clock.advance(300)


def test_the_wait_is_true(store: MemoryStore, clock: ManualClock) -> None:
    """Whoever waits as long as it is told may begin then."""
    ours = budget(store, clock, minute=2, day=5, reserve=0)
    for _ in range(20):
        try:
            call(ours)
        except LimitReached as reached:
            clock.advance(reached.seconds)
            call(ours)


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
    call(ours, OTHER_TENANT)
    assert ours.used(TENANT) == {"minute": 60, "day": 60}
    assert ours.used(OTHER_TENANT) == {"minute": 1, "day": 1}


def test_headers_only_lower(store: MemoryStore, clock: ManualClock) -> None:
    """What Xero says is left counts when it is less than we thought, and never when it is more."""
    call(budget(store, clock), headers={"X-MinLimit-Remaining": "3", "X-DayLimit-Remaining": "990"})
    another = budget(store, clock)
    assert takes(another) == 3
    assert another.used(TENANT) == {"minute": 60, "day": 13}


@pytest.mark.parametrize("headers", [{}, {"X-MinLimit-Remaining": "many"}, {"X-MinLimit-Remaining": "-1"}])
def test_headers_that_say_nothing(store: MemoryStore, clock: ManualClock, headers: dict[str, str]) -> None:
    """Headers that are missing or no numbers change nothing."""
    ours = budget(store, clock)
    call(ours, headers=headers)
    assert takes(ours) == 59


def test_a_generous_header_raises_nothing(store: MemoryStore, clock: ManualClock) -> None:
    """A header that says more is left than we count does not give more."""
    ours = budget(store, clock)
    for _ in range(60):
        call(ours, headers={"X-MinLimit-Remaining": "60", "X-DayLimit-Remaining": "5000"})
    assert takes(ours) == 0


def test_nothing_left_by_the_header(store: MemoryStore, clock: ManualClock) -> None:
    """When Xero says that nothing is left of the minute no call begins, and the next minute they do."""
    ours = budget(store, clock)
    call(ours, headers={"X-MinLimit-Remaining": "0"})
    assert takes(ours) == 0
    clock.advance(60)
    assert takes(ours) == 60


def test_a_recorded_limit_stops_everybody(store: MemoryStore, clock: ManualClock) -> None:
    """A 429 that one instance met stops all of them, urgent calls too, until its time is over."""
    budget(store, clock).block(TENANT, "day", 3600)
    for urgent in (True, False):
        with pytest.raises(LimitReached) as caught:
            call(budget(store, clock), urgent=urgent)
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
        call(ours, urgent=True)
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
            call(second)
        return write_entity(table, write)

    store.write_entity = meet  # type: ignore[method-assign]
    call(first)
    assert first.used(TENANT)["minute"] == 3


def test_endless_contention(store: MemoryStore, clock: ManualClock) -> None:
    """An instance that never gets its turn gives up for some seconds rather than spin."""
    other = budget(store, clock, minute=1000)
    call(other)
    write_entity = store.write_entity

    def always_meet(table: str, write: Write) -> str:
        store.write_entity = write_entity  # type: ignore[method-assign]
        call(other)
        store.write_entity = always_meet  # type: ignore[method-assign]
        return write_entity(table, write)

    store.write_entity = always_meet  # type: ignore[method-assign]
    with pytest.raises(RetryLater) as caught:
        call(budget(store, clock, minute=1000))
    assert not isinstance(caught.value, LimitReached)
    assert 0 < caught.value.seconds < 60


def test_no_stand_still_when_time_jumps(store: MemoryStore, clock: ManualClock) -> None:
    """After any length of silence the first call begins."""
    for seconds in (59, 61, 86_399, 86_401, timedelta(days=400).total_seconds()):
        ours = budget(store, clock, minute=1, day=10_000)
        clock.advance(61)
        assert takes(ours) == 1
        clock.advance(seconds)
