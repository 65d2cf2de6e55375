"""The deployment package: the app's files, its packages as manylinux wheels, everything compiled, the same bytes each time.

Flex Consumption mounts the zip read-only: what is not compiled in it, or compiled files that the dates of a zip made stale,
would be compiled at every cold start. Hence compiled files that are valid whatever the dates (PEP 552, unchecked-hash).
"""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from local.errors import LocalError
from shared.version import Version

# What the function app runs; compiled files and native packages are of one version only.
PYTHON = "3.13"
# Every wheel runs with glibc 2.17 or newer, so whatever Linux Azure puts under the app.
PLATFORM = "x86_64-manylinux2014"
PACKAGES = ".python_packages/lib/site-packages"
# What the app consists of; anything else in the package is a mistake.
FOLDERS = ("poll_timer", "push_queue", "shared", "token_refresh_timer", "webhook_http")
FILES = ("LICENSE", "VERSION", "function_app.py", "host.json", "requirements.txt")

# The zip format begins here.
DATE = (1980, 1, 1, 0, 0, 0)
SECRET = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----|AccountKey=[A-Za-z0-9+/]{20}|SharedAccessSignature=|[?&]sig=[A-Za-z0-9%]{20}"
)


class PackageError(LocalError):
    """The package cannot be built, or would hold what must not be in it; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """What the package came to. own_files: those of the app, without compiled ones."""

    bytes: int
    unpacked_bytes: int
    files: int
    own_files: int
    distributions: int
    compiled: int


def folder_of(file: Path) -> Path:
    """Where the package lies unpacked, for Core Tools, which publishes a folder."""
    return file.with_suffix("")


def build(root: Path, file: Path, version: Version) -> Built:
    """Write the package of the app in `root` to `file`, and unpacked beside it. Raises PackageError."""
    if ".".join(map(str, sys.version_info[:2])) != PYTHON:
        raise PackageError(
            f"The package is compiled for Python {PYTHON}, and this is Python {sys.version.split()[0]}: run "
            f"`python{PYTHON} manage.py package`"
        )
    if file.suffix != ".zip":
        raise PackageError(f"{file.name} must end in .zip")
    folder = folder_of(file)
    shutil.rmtree(folder, ignore_errors=True)
    own = app_files(root)
    refuse_strangers(root, own)
    for name in own:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target)
    (folder / "VERSION").write_bytes(msgspec.json.encode(version))
    _install(root / "requirements.txt", folder / PACKAGES)
    _compile(folder)
    names = sorted(_names(folder))
    _zip(folder, names, file)
    return Built(
        bytes=file.stat().st_size,
        unpacked_bytes=sum((folder / name).stat().st_size for name in names),
        files=len(names),
        own_files=len(own) + 1,
        distributions=len(list((folder / PACKAGES).glob("*.dist-info"))),
        compiled=sum(name.endswith(".pyc") for name in names),
    )


def app_files(root: Path) -> list[str]:
    """The files that .funcignore leaves, by name from the root, sorted."""
    ignored = _ignored(root / ".funcignore")
    found = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        folders[:] = [name for name in folders if not ignored.match((here / name).as_posix())]
        found += [(here / name).as_posix() for name in files if not ignored.match((here / name).as_posix())]
    return sorted(found)


def refuse_strangers(root: Path, names: list[str]) -> None:
    """Raises PackageError when a file is not of the app, or holds what looks like a secret."""
    strangers = [name for name in names if not _belongs(name)]
    if strangers:
        some = "\n".join(f"  {name}" for name in strangers[:10])
        raise PackageError(
            f"{len(strangers)} files are not part of the app and would be deployed with it:\n{some}\n"
            "Name them in .funcignore or move them; FOLDERS and FILES in commands/building.py say what belongs."
        )
    secrets = [name for name in names if SECRET.search((root / name).read_bytes())]
    if secrets:
        raise PackageError(f"What looks like a secret stands in {', '.join(secrets)}; nothing was built")
    if missing := [name for name in FILES if name not in (*names, "VERSION")]:
        raise PackageError(f"{', '.join(missing)} is missing, or .funcignore names it")


def _belongs(name: str) -> bool:
    top, _, rest = name.partition("/")
    return (top in FOLDERS and name.endswith(".py") and "test" not in rest) if rest else top in FILES


def _ignored(file: Path) -> re.Pattern[str]:
    """.funcignore as Core Tools reads it: from the root on, each pattern up to the end of a word."""
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    patterns = [line.removeprefix("/").rstrip("/") for line in lines if line and not line.startswith("#")]
    if negated := [line for line in patterns if line.startswith("!")]:
        raise PackageError(f".funcignore: {negated[0]} is more than this command understands")
    parts = [re.escape(line).replace(r"\*\*", ".+").replace(r"\*", "[^/]+") for line in patterns]
    return re.compile(rf"(?:{'|'.join(parts)})\b") if parts else re.compile(r"\Z.")


def _install(requirements: Path, target: Path) -> None:
    """Put the pinned packages there, as wheels for the function app's Linux, each with the hash that is pinned.

    By uv, which reads the pins' conditions for that Linux and not for this machine. What its cache has is not fetched again.
    """
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(target)]
    command += ["--python-platform", PLATFORM, "--python-version", PYTHON, "--only-binary", ":all:"]
    command += ["--require-hashes", "--no-deps", "--link-mode", "copy", "--requirements", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace")
    if done.returncode:
        raise PackageError(f"The packages of requirements.txt cannot be installed:\n{done.stderr.strip()}")
    # Commands of the packages: nobody runs them in Azure, and they hold this machine's path.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for record in target.glob("*.dist-info/RECORD"):
        lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
        record.write_text("".join(line for line in lines if "../bin/" not in line), encoding="utf-8")
    for lock in target.glob(".lock"):
        lock.unlink()


def _compile(folder: Path) -> None:
    """Compile everything, in a process of its own, file by file and with one order of sets: equal source, equal bytes."""
    command = [sys.executable, "-m", "compileall", "-q", "-j", "1", "--invalidation-mode", "unchecked-hash"]
    done = subprocess.run(
        [*command, "-s", str(folder), str(folder)],
        env=os.environ | {"PYTHONHASHSEED": "0", "PYTHONPYCACHEPREFIX": "", "PYTHONOPTIMIZE": ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise PackageError(f"Not everything could be compiled:\n{done.stdout}{done.stderr}")


def _names(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.relative_to(folder).as_posix()


def _zip(folder: Path, names: list[str], file: Path) -> None:
    """Sorted, of one date and one mode, so that equal content makes an equal file."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, DATE)
            # A file that all may read, made on Unix wherever this runs: else Linux would mount it unreadable.
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED)
