"""What is older than it may be goes, once a day; what is young enough stays."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from shared.sync.retain import retain
from tests.support.clock import START
from tests.support.killing import Killed, Life
from tests.support.world import World

NewWorld = Callable[..., World]


def audit_of(world: World, *months: str) -> None:
    """Audit tables as those months have left them."""
    for month in months:
        world.store.create_table(f"audit{month}")


def months(world: World) -> list[str]:
    return [name.removeprefix("audit") for name in world.store.list_tables("audit")]


def test_months_before_the_retention_go(new_world: NewWorld) -> None:
    """Of thirteen whole months beside the running one none is dropped, of older ones all, and the audit says so."""
    world = new_world()
    assert (START.year, START.month) == (2026, 11)
    audit_of(world, "202401", "202509", "202510", "202512", "202601", "202611")
    assert retain(world.connector) == ["audit202401", "audit202509"]
    assert months(world) == ["202510", "202512", "202601", "202611"]
    [row] = world.audit("retention", "dropped")
    assert (row["count"], row["why"]) == (2, "audit202401, audit202509")


@pytest.mark.parametrize(
    ("now", "kept", "oldest"),
    [
        (datetime(2027, 1, 1, 0, 1, tzinfo=UTC), 1, "202612"),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), 12, "202512"),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), 26, "202512"),
    ],
)
def test_whole_months_over_a_new_year(new_world: NewWorld, now: datetime, kept: int, oldest: str) -> None:
    """Months are counted, not days, whatever the year."""
    world = new_world(start=now, settings={"AUDIT_MONTHS": str(kept)})
    audit_of(world, *(f"{year}{month:02}" for year in range(2025, 2029) for month in range(1, 13)))
    retain(world.connector)
    assert months(world)[0] == oldest


def test_poll_does_it_once_a_day(new_world: NewWorld) -> None:
    """The first poll of a day drops what is old, later ones ask storage for one entity and nothing else."""
    world = new_world()
    audit_of(world, "202401")
    world.poll()
    assert "202401" not in months(world)
    audit_of(world, "202402")
    world.advance(3600)
    world.poll()
    assert "202402" in months(world)
    world.advance(86400)
    world.poll()
    assert "202402" not in months(world)


def test_killed_in_between(new_world: NewWorld) -> None:
    """What a killed run left is dropped the next day."""
    world = new_world()
    audit_of(world, "202401", "202402")
    again = world.snapshot()
    for effect in range(4):
        again()
        with pytest.raises(Killed):
            retain(world.mortal(Life(effect)))
        world.advance(86400)
        retain(world.connector)
        assert not {"202401", "202402"} & set(months(world)), effect
