"""The project's Python environment: finds Python 3.13, makes .venv, installs the locked packages, runs in it.

Standard library only, and Python 3.8 suffices, since this runs under whatever `python3` is before there is anything else.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = "3.13"
REQUIREMENTS = "requirements-dev.txt"
MARKER = "requirements-dev.sha256"

# Debian has Pythons without ensurepip, which cannot make an environment. Of one in an environment the base is wanted,
# since --clear would remove its own.
_PROBE = "import sys, ensurepip, ssl, venv; print('%d.%d' % sys.version_info[:2], sys._base_executable)"


class SetupError(Exception):
    """The environment cannot be made; the text says what to do."""


def run_in_environment(root: Path, argv: list[str]) -> None:
    """Return when this process runs in an up-to-date .venv; else make it and run `argv` (script, arguments) there.

    In the second case this call does not return: the process ends with the exit code of the other. When no environment
    can be made it ends with 1 and a message.
    """
    try:
        python = ensure_environment(root)
    except SetupError as error:
        raise SystemExit(str(error)) from None
    if is_inside(root):
        return
    command = [str(python), *argv]
    if os.name == "posix":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execv(command[0], command)
    # On Windows exec neither quotes arguments nor keeps the terminal waiting. Ctrl-C is for the other process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(subprocess.call(command))


def ensure_environment(root: Path) -> Path:
    """The interpreter of root/.venv, which has exactly the locked packages of requirements-dev.txt.

    Makes the environment when it is missing or does not work, installs when the lock has changed since the last time.
    Raises SetupError.
    """
    environment = root / ".venv"
    python = environment_python(environment)
    if _probe([str(python)]) is None:
        found = find_python()
        _say("Making .venv with " + str(found))
        command = [str(found), "-m", "venv", "--clear", str(environment)]
        _run(command, root, "Python could not make the environment .venv")
    lock = root / REQUIREMENTS
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    marker = environment / MARKER
    if not marker.exists() or marker.read_text() != digest:
        _say("Installing " + REQUIREMENTS)
        command = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
        ]
        _run([*command, "--require-hashes", "-r", str(lock)], root, "pip could not install " + REQUIREMENTS)
        marker.write_text(digest)
    return python


def find_python() -> Path:
    """A Python 3.13 that works: of several candidates the first that could be run. Raises SetupError."""
    for candidate in candidates():
        found = _probe(candidate)
        if found is not None:
            return found
    raise SetupError(
        f"Python {VERSION} is needed and was not found: install it from python.org or with `uv python install {VERSION}`"
    )


def candidates() -> Iterator[list[str]]:
    """Commands that may be the Python, the likeliest first: this one, PATH, pyenv's versions, py launcher, uv."""
    if sys.executable:
        yield [sys.executable]
    for name in ("python" + VERSION, "python3", "python"):
        # Every one on PATH, not only the first: a shim of pyenv fails when its version is not selected.
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            path = shutil.which(name, path=folder) if folder else None
            if path:
                yield [path]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for pattern in (
        "versions/{0}*/bin/python{0}",
        "pyenv-win/versions/{0}*/python.exe",
        "versions/{0}*/python.exe",
    ):
        for found in sorted(pyenv.glob(pattern.format(VERSION)), reverse=True):
            yield [str(found)]
    launcher = shutil.which("py")
    if launcher:
        yield [launcher, "-" + VERSION]
    uv = shutil.which("uv")
    if uv:
        answer = _output([uv, "python", "find", VERSION])
        if answer:
            yield [answer]


def environment_python(environment: Path) -> Path:
    """Where a virtual environment has its interpreter."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def is_inside(root: Path) -> bool:
    """Whether this process runs in root/.venv."""
    return Path(sys.prefix).resolve() == (root / ".venv").resolve()


def _probe(command: list[str]) -> Path | None:
    """The interpreter behind a command, when it runs and is of the wanted version."""
    version, _, path = _output([*command, "-c", _PROBE]).partition(" ")
    return Path(path) if version == VERSION and path else None


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""


def _run(command: list[str], root: Path, failure: str) -> None:
    """Run without a word, or raise SetupError with all that it said."""
    done = subprocess.run(
        command, cwd=str(root), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        raise SetupError(failure + ":\n" + done.stdout.decode(errors="replace").strip())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
