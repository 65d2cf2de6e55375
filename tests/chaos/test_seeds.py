"""Schedules of faults, drawn from seeds, and what each must come to."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.mutants import MUTANTS
from tests.chaos.run import told
from tests.support.chaos_fate import EVERY, Focus
from tests.support.chaos_play import Stage

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 24
# Each kind of trouble has struck by this many seeds that know no other.
SOON = 40


def test_whatever_goes_wrong_everything_is_right_afterwards() -> None:
    """Whole runs of all troubles: afterwards every field equals Xero, nothing is stuck, no secret is anywhere."""
    command = ["-m", "tests.chaos.run", "--seeds", str(SEEDS)]
    command += ["--processes", str(os.cpu_count() or 1)]
    played = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert played.returncode == 0, played.stdout[-6000:] + played.stderr[-2000:]
    counts = [int(count) for count in re.findall(r"^(\d+) seeds from", played.stdout, re.MULTILINE)]
    assert sum(counts) == SEEDS


@pytest.mark.parametrize("trouble", EVERY)
def test_each_trouble_alone(stage: Stage, trouble: str) -> None:
    """Each kind of trouble strikes, and by itself leaves nothing wrong."""
    for seed in range(1, SOON):
        outcome = stage.play(seed, Focus(only=(trouble,) if trouble != "turn" else ("turn", "stall")))
        assert outcome.wrong == [], told(outcome)
        if trouble in outcome.struck:
            return
    pytest.fail(f"{trouble} never strikes")


def test_a_seed_plays_the_same_again(stage: Stage) -> None:
    """A seed tells the same story each time, whatever was played before it."""
    first, _, again = stage.play(20), stage.play(7), stage.play(20)
    assert first.story == again.story
    assert first.seconds == again.seconds


def test_a_seed_that_goes_wrong_tells_all(stage: Stage) -> None:
    """What happened, what is wrong, and how to play it again."""
    with MUTANTS["no marker rows"]():
        outcome = next(found for seed in range(1, SOON) if (found := stage.play(seed)).wrong)
    text = told(outcome)
    assert text.startswith(f"seed {outcome.seed}: ")
    assert "WRONG: " in text
    assert text.endswith(f"Again: python3 manage.py test chaos --seed {outcome.seed}")
