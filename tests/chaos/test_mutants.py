"""A rule of the design that is broken is noticed, by one of the first seeds that are about the trouble against which it is there."""

from pathlib import Path

import pytest

from tests.chaos.mutants import FOCUS, MUTANTS
from tests.support.chaos_play import Stage

# No seed is named, since each change of the product moves what seeds draw.
SOON = 40


@pytest.mark.parametrize("rule", MUTANTS)
def test_a_broken_rule_is_noticed(stage: Stage, rule: str) -> None:
    """One of the first seeds goes wrong while the rule is broken, and goes well as it is."""
    for seed in range(1, SOON + 1):
        with MUTANTS[rule]():
            noticed = bool(stage.play(seed, FOCUS[rule]).wrong)
        if noticed:
            assert stage.play(seed, FOCUS[rule]).wrong == []
            return
    pytest.fail(f"{rule}: no seed notices")


def test_the_page_of_faults_names_each_rule_and_its_trouble() -> None:
    """What docs/faults.md says of broken rules is what is tested."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "faults.md").read_text("utf-8")
    for rule, focus in FOCUS.items():
        assert f"| {rule} | {', '.join(focus.only)} | " in page
    assert f"within {SOON} seeds" in page
    assert set(FOCUS) == set(MUTANTS)
