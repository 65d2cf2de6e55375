"""Processes of the connector that are really killed, on Azurite, by schedules that seeds draw.

Real: the processes and SIGKILL (and SIGSTOP, for a holder that stalls past its lease), Microsoft's SDKs over sockets, Azurite.
Time is the story's own, in the processes, the vendors' stand-ins and Azurite alike: a lease of a dead process runs out after
60 seconds of that. The test plays the functions host: it fires timers and hands messages over. A seed draws the same schedule
each time, but processes run side by side as the machine lets them, so a seed that went wrong may go well the next time: what it
prints tells what happened. `KILLED_SEED=7` plays that seed alone.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.killed_play import PLACES, play
from tests.support.killed_process import MOMENTS
from tests.support.killed_world import KilledWorld, killed_world

ALONE = os.environ.get("KILLED_SEED", "")
ALL = range(1, 23)
# Whose first strike is at a POST to Power BI.
AT_POWER_BI = [seed for seed in range(1, 60) if list(PLACES)[seed % len(PLACES)].startswith("powerbi")]
SEEDS = (int(ALONE),) if ALONE else ALL
PLAYED: set[int] = set()
STRUCK: Counter[tuple[str, str, str]] = Counter()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, azurite_installed: None) -> Iterator[KilledWorld]:
    with killed_world(tmp_path_factory.mktemp("killed")) as world:
        yield world


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_processes_lose_nothing(world: KilledWorld, seed: int) -> None:
    """After the last kill the others run until nothing waits: every field is Xero's, nothing is stuck, no secret is stored."""
    outcome = play(world, seed)
    PLAYED.add(seed)
    STRUCK.update(outcome.struck)
    assert outcome.wrong == [], outcome.told()


def test_kills_come_everywhere(world: KilledWorld) -> None:
    """The seeds really killed: before, amid and after requests, to Power BI, the vault and storage."""
    if len(PLAYED) < len(ALL):
        pytest.skip("not all seeds were played")
    kills = {(moment, place): count for (what, moment, place), count in STRUCK.items() if what == "kill"}
    assert sum(kills.values()) >= len(ALL)
    assert {moment for moment, _ in kills} == set(MOMENTS)
    assert {place for _, place in kills} >= {"powerbi", "vault", "blob", "table"}
    assert any(what == "stall" for what, _, _ in STRUCK)


def test_a_broken_rule_is_noticed(world: KilledWorld) -> None:
    """Where the mirror is written before the POST, a process that is killed in between loses rows, and a seed says so."""
    assert any(play(world, seed, mutant="mirror before POST").wrong for seed in AT_POWER_BI)
