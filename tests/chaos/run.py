"""`python -m tests.chaos.run --seeds N [--seed S] [--processes P]`: play seeds; 1 when any goes wrong.

With `--mutant RULE` (see tests/chaos/mutants.py) that rule of the design is broken, and the first seed that notices is told, of
those that are about the trouble against which it is there.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from shared.tables import TABLES
from tests.chaos.mutants import FOCUS, MUTANTS
from tests.support.chaos_fate import Focus
from tests.support.chaos_play import Outcome, Stage

# Sets and dicts of another order would make another schedule.
HASH_SEED = "0"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="manage.py test chaos")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="the first, or the only one")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="no seed begins after so many")
    parser.add_argument(
        "--mutant", choices=tuple(MUTANTS), help="break this rule; end with the seed that notices"
    )
    parser.add_argument(
        "--duplicates", action="store_true", help="of seeds with kills alone: what they leave twice"
    )
    asked = parser.parse_args(arguments)
    if os.environ.get("PYTHONHASHSEED") != HASH_SEED:
        return subprocess.run(
            [sys.executable, "-m", "tests.chaos.run", *(arguments or sys.argv[1:])],
            env=os.environ | {"PYTHONHASHSEED": HASH_SEED},
        ).returncode
    if asked.processes > 1 and asked.seeds > asked.processes:
        return _side_by_side(asked)
    seeds = range(asked.seed, asked.seed + asked.seeds)
    if asked.duplicates:
        return _duplicates(seeds)
    return _find(seeds, asked.mutant) if asked.mutant else _play(seeds, asked.seconds)


def _find(seeds: range, mutant: str) -> int:
    stage = Stage.make()
    for seed in seeds:
        with MUTANTS[mutant]():
            outcome = stage.play(seed, FOCUS[mutant])
        if outcome.wrong:
            print(f"{mutant}: seed {seed}: {outcome.wrong[0]}", flush=True)
            return 0
    print(f"{mutant}: no seed from {seeds.start} to {seeds.stop - 1} notices")
    return 1


def _duplicates(seeds: range) -> int:
    """How many rows a push that was killed leaves twice: the same but for their RowVersion, before any compaction."""
    stage, found, pushes = Stage.make(), [], 0
    for seed in seeds:
        stage.play(seed, Focus(only=("kill",), steps={"compact": 0.0}))
        world = stage.world
        killed = len({row["operation"] for row in world.audit("push", "again")})
        if not killed:
            continue
        twice = 0
        for table in TABLES:
            # A status is posted anew at any time.
            if table != "SyncStatus":
                rows = [_same(row) for row in world.rows(table)]
                twice += len(rows) - len(set(rows))
        pushes += killed
        found.append(twice / killed)
    print(
        f"{len(seeds)} seeds, {pushes} pushes killed, in {len(found)} seeds; rows that stand twice, a killed push: median "
        f"{statistics.median(found):.0f}, at most {max(found):.0f}"
    )
    return 0


def _same(row: Mapping[str, Any]) -> str:
    return str(sorted((name, str(value)) for name, value in row.items() if name != "RowVersion"))


def _side_by_side(asked: argparse.Namespace) -> int:
    each = -(-asked.seeds // asked.processes)
    running = []
    for first in range(asked.seed, asked.seed + asked.seeds, each):
        count = min(each, asked.seed + asked.seeds - first)
        command = [sys.executable, "-m", "tests.chaos.run", "--seed", str(first), "--seeds", str(count)]
        if asked.seconds:
            command += ["--seconds", str(asked.seconds)]
        running.append(subprocess.Popen(command))
    return max(each.wait() for each in running)


def _play(seeds: range, seconds: float | None) -> int:
    stage, began, wrong, played = Stage.make(), time.monotonic(), [], 0
    longest = 0.0
    for seed in seeds:
        if seconds and time.monotonic() - began > seconds:
            break
        outcome = stage.play(seed)
        played += 1
        longest = max(longest, outcome.seconds)
        if outcome.wrong:
            wrong.append(seed)
            print(told(outcome), flush=True)
    took = time.monotonic() - began
    print(
        f"{played} seeds from {seeds.start} in {took:.0f} s ({played / max(took, 0.001):.1f} a second), "
        f"settled after {longest:.0f} s of their time at most, wrong: {wrong or 'none'}",
        flush=True,
    )
    return 1 if wrong else 0


def told(outcome: Outcome) -> str:
    """A seed that went wrong: what happened, what is wrong, and how to play it again."""
    return "\n".join(
        [
            *outcome.story,
            *(f"WRONG: {each}" for each in outcome.wrong),
            f"Again: python3 manage.py test chaos --seed {outcome.seed}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
