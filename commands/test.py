"""test: ruff, mypy and the tests; all of them, or one kind."""

import subprocess
import sys

from commands.terminal import ROOT, console

KINDS = ("unit", "contract", "system")


def run(kind: str | None, more: list[str]) -> int:
    """Run checks and tests; answers the first failure's exit code."""
    steps = [] if kind else [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    folders = [f"tests/{name}" for name in KINDS if kind in (None, name)]
    steps.append(["pytest", *folders, *more])
    for step in steps:
        console.print(f"$ {' '.join(step)}", style="bold")
        done = subprocess.run([sys.executable, "-m", *step], cwd=ROOT)
        if done.returncode:
            return done.returncode
    return 0
