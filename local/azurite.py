"""Azurite, Microsoft's storage emulator: installs it once into .tools/azurite, starts and stops it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from local.errors import LocalError

_ROOT = Path(__file__).resolve().parents[1]
_LOCK = Path(__file__).resolve().parent / "azurite"

ACCOUNT = "devstoreaccount1"
# Published by Microsoft; every Azurite has it.
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

# Runs inside of Azurite's process: when our end of its standard input closes, because of `stop` or because we are no more,
# it ends as on SIGINT. So no death of ours leaves it behind, and stopping is the same on Windows, which has no SIGINT.
_FOLLOW = """
const end = () => { setTimeout(process.exit, 5000).unref(); process.emit('SIGINT') || process.exit() }
process.stdin.on('close', end).on('error', () => {}).resume()
"""


class AzuriteError(LocalError):
    """Azurite could not be installed or started; the text says why."""


class NodeMissing(AzuriteError):
    """Node.js is not installed."""


def install(root: Path = _ROOT) -> Path:
    """Azurite's program, installed with `npm ci` when it is not there or the committed lock has changed.

    It is built beside its place and moved there when it is whole, so a broken installation is never taken for one.
    Raises NodeMissing without node or npm, AzuriteError with npm's output when it fails.
    """
    _program("node")
    home = root / ".tools" / "azurite"
    program = home / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
    digest = hashlib.sha256((_LOCK / "package-lock.json").read_bytes()).hexdigest()
    marker = home / "installed.sha256"
    if program.exists() and marker.exists() and marker.read_text() == digest:
        return program
    npm = _program("npm")
    home.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=home.parent, prefix="azurite-", ignore_cleanup_errors=True
    ) as folder:
        fresh = Path(folder) / "azurite"
        fresh.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_LOCK / name, fresh)
        command = [npm, "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
        done = subprocess.run(
            command, cwd=fresh, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace"
        )
        if done.returncode:
            raise AzuriteError(f"npm could not install Azurite:\n{done.stdout}{done.stderr}".rstrip())
        (fresh / marker.name).write_text(digest)
        if home.exists():
            home.rename(Path(folder) / "previous")
        # Another process may have been quicker; its installation is as good.
        with contextlib.suppress(FileExistsError, OSError):
            fresh.rename(home)
    if not program.exists():
        raise AzuriteError(f"npm has installed no {program}")
    return program


class Azurite:
    """An Azurite of one's own, as a context manager or by `start` and `stop`.

    folder: where it keeps its data; None keeps all in memory.
    ports: of blob, queue and table; None chooses free ones.
    root: the project, in whose .tools it is installed.
    certificate: (chain, key) as PEM files: it then speaks https, and takes the tokens of an identity as well as the key.
    """

    def __init__(
        self,
        folder: Path | None = None,
        ports: tuple[int, int, int] | None = None,
        root: Path = _ROOT,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        self._folder = folder
        self._wanted_ports = ports
        self._root = root
        self._certificate = certificate
        self._scheme = "https" if certificate else "http"
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self.ports = ports or (0, 0, 0)

    @property
    def connection_string(self) -> str:
        """For AzureWebJobsStorage and the SDKs' from_connection_string."""
        return (
            f"DefaultEndpointsProtocol={self._scheme};AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self._url(0)};QueueEndpoint={self._url(1)};TableEndpoint={self._url(2)};"
        )

    @property
    def service_uris(self) -> dict[str, str]:
        """The addresses of "blob", "queue" and "table", for clients with an identity."""
        return {service: self._url(number) for number, service in enumerate(("blob", "queue", "table"))}

    def start(self, deadline: float = 60) -> Self:
        """Start and wait until the three ports accept. Raises AzuriteError when they do not within `deadline` seconds."""
        program = install(self._root)
        # Between choosing free ports and Azurite's taking them, another process may take one.
        attempts = 1 if self._wanted_ports else 3
        for attempt in range(1, attempts + 1):
            self.ports = self._wanted_ports or _free_ports()
            try:
                self._launch(program, time.monotonic() + deadline)
                return self
            except AzuriteError as error:
                self.stop()
                if attempt == attempts or "EADDRINUSE" not in str(error):
                    raise
        return self

    def stop(self) -> None:
        """Stop it; without a folder its data are gone."""
        process, self._process = self._process, None
        if process and process.stdin:
            process.stdin.close()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._output:
            self._output.close()
            self._output = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _launch(self, program: Path, deadline: float) -> None:
        persistence = ["--inMemoryPersistence"]
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            persistence = ["-l", str(self._folder.resolve())]
        identity: list[str] = []
        if self._certificate is not None:
            chain, key = (str(file.resolve()) for file in self._certificate)
            identity = ["--oauth", "basic", "--cert", chain, "--key", key]
        blob, queue, table = (str(port) for port in self.ports)
        for port in self.ports:
            if _accepts(port):
                # Azurite would end, but its ports would seem to be open.
                raise AzuriteError(f"Azurite cannot start: port {port} is in use (EADDRINUSE)")
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [
                _program("node"), "--import", f"data:text/javascript,{quote(_FOLLOW)}", str(program),
                "--silent", *persistence, *identity, "--skipApiVersionCheck", "--disableTelemetry",
                "--blobPort", blob, "--queuePort", queue, "--tablePort", table,
            ],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for us; Azurite must outlive the functions that still write to it.
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )  # fmt: skip
        for port in self.ports:
            while not _accepts(port):
                if self._process.poll() is not None:
                    raise AzuriteError(f"Azurite ended at its start:\n{self._tail()}")
                if time.monotonic() > deadline:
                    raise AzuriteError(f"Azurite does not accept on port {port}:\n{self._tail()}")
                time.sleep(0.05)

    def _tail(self) -> str:
        assert self._output is not None
        self._output.seek(0)
        return self._output.read()[-2000:].decode(errors="replace").strip()

    def _url(self, service: int) -> str:
        return f"{self._scheme}://127.0.0.1:{self.ports[service]}/{ACCOUNT}"


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NodeMissing(
            f"Azurite needs Node.js 20 or newer, but there is no {name} on PATH: install it from nodejs.org"
        )
    return found


def _free_ports() -> tuple[int, int, int]:
    with contextlib.ExitStack() as sockets:
        held = [sockets.enter_context(socket.socket()) for _ in range(3)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        blob, queue, table = (one.getsockname()[1] for one in held)
        return blob, queue, table


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
