"""version: what this checkout is, and what a deployment runs."""

import platform
import subprocess
import tomllib
from pathlib import Path

import msgspec

from commands.terminal import ROOT, Where, connector, say, say_json
from shared.state import deployed
from shared.version import Version

CHANGES = "+changes"
UNKNOWN = "unknown"


def run(where: Where, *, as_json: bool) -> int:
    """The versions, for a person or as one JSON document. The deployment's only when it was said which."""
    here = of_checkout()
    asked = bool(where.app or where.settings)
    there = deployed.version(connector(where).store) if asked else None
    if as_json:
        found = msgspec.to_builtins(here) | {"python": platform.python_version()}
        found |= {"deployed": msgspec.to_builtins(there)} if asked else {}
        say_json(found)
        return 0
    say([f"Version {here.version}, commit {here.commit}, Python {platform.python_version()}"])
    if asked:
        say([f"Deployed: {_told(there)}"])
    else:
        say(["Next: `python3 manage.py version --app APP` tells what a function app runs."])
    return 0


def of_checkout(root: Path = ROOT) -> Version:
    """The version of this checkout: pyproject.toml's, and git's commit, "unknown" where there is no git."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    commit, _, committed = _git(root, "show", "--no-patch", "--format=%H %cI", "HEAD").partition(" ")
    if not commit:
        return Version(project["version"], UNKNOWN)
    changed = _git(root, "status", "--porcelain")
    return Version(project["version"], commit + (CHANGES if changed else ""), committed)


def _told(version: Version | None) -> str:
    if version is None:
        return "unknown; it has not polled yet, or is older than 0.4.0"
    made = f", of {version.committed}" if version.committed else ""
    return f"version {version.version}, commit {version.commit}{made}"


def _git(root: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
