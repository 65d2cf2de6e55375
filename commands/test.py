"""test: ruff, mypy and the tests; all of them, or one kind."""

import os
import subprocess
import sys

from commands.terminal import ROOT, console

KINDS = ("unit", "contract", "system")
# Each test of these is on its own; a running cloud has the machine to itself.
SIDE_BY_SIDE = ("unit", "contract")


def run(kind: str | None, more: list[str]) -> int:
    """Run checks and tests; answers the first failure's exit code."""
    steps = [] if kind else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    kinds = [kind] if kind else KINDS
    together = [f"tests/{name}" for name in kinds if name in SIDE_BY_SIDE]
    alone = [f"tests/{name}" for name in kinds if name not in SIDE_BY_SIDE]
    if together:
        # One more than there are processors: many a test waits for a socket.
        processes = str((os.cpu_count() or 1) + 1)
        steps.append(["pytest", "--numprocesses", processes, "--dist", "worksteal", *together, *more])
    if alone:
        steps.append(["pytest", *alone, *more])
    for step in steps:
        console.print(f"$ {' '.join(step)}", style="bold")
        done = subprocess.run([sys.executable, "-m", *step], cwd=ROOT)
        if done.returncode:
            return done.returncode
    return 0
