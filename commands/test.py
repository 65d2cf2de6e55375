"""test: ruff, mypy and the tests; all of them, or one kind; and whole runs under faults drawn from seeds."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack

from commands.terminal import ROOT, console

KINDS = ("unit", "contract", "system", "chaos")
# Each test of these is on its own.
SIDE_BY_SIDE = ("unit", "contract")
KILLED = "tests/system/test_killed_processes.py"
LONG = ["tests/system/test_commands.py", "tests/system/test_connect_browser.py", "tests/system/test_crash.py"]
# Running clouds wait for Xero's minute, or for a dead run's lease, half of the time: some at once, and what computes beside them.
BESIDE = {
    "system": [
        ["tests/system", "-m", "not fixed_ports", *(f"--ignore={each}" for each in (KILLED, *LONG))],
        [*LONG, "-m", "not fixed_ports"],
        ["tests/system", "-m", "fixed_ports", f"--ignore={KILLED}"],
        [KILLED],
    ],
    "chaos": [["tests/chaos"]],
}
# pytest's answer when nothing was left to run.
NOTHING = 5


def run(kind: str | None, more: list[str], *, seeds: int | None = None, seed: int | None = None) -> int:
    """Run checks and tests; answers the first failure's exit code. seeds, seed: play so many seeds, from this one on."""
    if seeds is not None or seed is not None:
        return _play(1 if seed is None else seed, 1 if seeds is None else seeds)
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
    beside = [["pytest", *each, *more] for kind in kinds for each in BESIDE.get(kind, [])]
    return _run_beside(beside) if beside else 0


def _play(first: int, count: int) -> int:
    processes = str(min(count, os.cpu_count() or 1))
    command = ["-m", "tests.chaos.run", "--seed", str(first), "--seeds", str(count), "--processes", processes]
    return subprocess.run([sys.executable, *command], cwd=ROOT).returncode


def _run_beside(steps: Sequence[Sequence[str]]) -> int:
    """Run all at once; what the first tells is seen as it comes, the others' when they have ended.

    Answers the first failure's exit code, NOTHING where none had a test to run.
    """
    first, *others = steps
    _show(first)
    with ExitStack() as stack:
        running = []
        for step in others:
            told = stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
            process = subprocess.Popen(
                [sys.executable, "-m", *step], cwd=ROOT, stdout=told, stderr=subprocess.STDOUT
            )
            stack.callback(process.kill)
            running.append((step, process, told))
        codes = [subprocess.run([sys.executable, "-m", *first], cwd=ROOT).returncode]
        for step, process, told in running:
            codes.append(process.wait())
            _show(step)
            told.seek(0)
            console.out(told.read(), highlight=False)
    return next((each for each in codes if each not in (0, NOTHING)), min(codes))


def _show(step: Sequence[str]) -> None:
    console.print(f"$ {' '.join(step)}", style="bold", markup=False)
