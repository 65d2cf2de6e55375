"""test: ruff, mypy and the tests; all of them, or one kind."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from commands.terminal import ROOT, console

KINDS = ("unit", "contract", "system")
# Each test of these is on its own.
SIDE_BY_SIDE = ("unit", "contract")
# pytest's answer when nothing was left to run.
NOTHING = 5


def run(kind: str | None, more: list[str]) -> int:
    """Run checks and tests; answers the first failure's exit code."""
    steps = [] if kind else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    kinds = [kind] if kind else KINDS
    together = [f"tests/{name}" for name in kinds if name in SIDE_BY_SIDE]
    if together:
        # One more than there are processors: many a test waits for a socket.
        processes = str((os.cpu_count() or 1) + 1)
        steps.append(["pytest", "--numprocesses", processes, "--dist", "worksteal", *together, *more])
    for step in steps:
        _show(step)
        done = subprocess.run([sys.executable, "-m", *step], cwd=ROOT)
        if done.returncode:
            return done.returncode
    return _run_clouds(more) if "system" in kinds else 0


def _run_clouds(more: Sequence[str]) -> int:
    """Running clouds, two at a time: one waits for Xero's minute or a dead run's lease while the other works."""
    system = ["pytest", "tests/system", *more, "-m"]
    first, second = [*system, "not fixed_ports"], [*system, "fixed_ports"]
    _show(first)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as told:
        beside = subprocess.Popen(
            [sys.executable, "-m", *second], cwd=ROOT, stdout=told, stderr=subprocess.STDOUT
        )
        try:
            code = subprocess.run([sys.executable, "-m", *first], cwd=ROOT).returncode
            other = beside.wait()
        finally:
            beside.kill()
        _show(second)
        told.seek(0)
        console.out(told.read(), highlight=False)
    return next((each for each in (code, other) if each not in (0, NOTHING)), min(code, other))


def _show(step: Sequence[str]) -> None:
    console.print(f"$ {' '.join(step)}", style="bold", markup=False)
