"""lock: pin the requirements anew, with hashes, from requirements.in and requirements-dev.in."""

import subprocess
import sys

from commands.terminal import ROOT, console


def run() -> int:
    """Write requirements.txt and requirements-dev.txt; versions that still fit stay."""
    for name in ("requirements", "requirements-dev"):
        command = [sys.executable, "-m", "uv", "pip", "compile", f"{name}.in", "--output-file", f"{name}.txt"]
        command += ["--quiet", "--generate-hashes", "--universal", "--python-version", "3.13", "--no-header"]
        done = subprocess.run(command, cwd=ROOT)
        if done.returncode:
            return done.returncode
        console.print(f"{name}.txt is written.")
    return 0
