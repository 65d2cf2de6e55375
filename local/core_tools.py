"""Azure Functions Core Tools in place of the project's own host: the same app, run by Microsoft's `func start`."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from local.errors import LocalError

# Its first start on a machine fetches the extension bundle that host.json names.
START_SECONDS = 240


class FuncMissing(LocalError):
    """There is no `func` on PATH; the text says what to install."""


def find_func() -> str:
    """Where `func` is. Raises FuncMissing."""
    found = shutil.which("func")
    if found is None:
        raise FuncMissing(
            "--host func needs Azure Functions Core Tools 4, and there is no `func` on PATH. Install it with "
            "`npm install --global azure-functions-core-tools@4`, or leave --host away: the project's own host needs nothing."
        )
    return found


def start_command(func: str, port: int) -> list[str]:
    """The functions of the working directory, on this port. It would ask for the language where no settings file has it."""
    return [func, "start", "--python", "--port", str(port)]


def environment(values: Mapping[str, str], terminal: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What `func` starts with: app settings stand in the environment, which goes before any local.settings.json.

    Core Tools runs the app by the first Python on PATH, and takes its packages from there: this process's own.
    """
    environment = dict(terminal) | dict(values)
    folder = Path(sys.executable).parent
    environment["PATH"] = os.pathsep.join([str(folder), terminal.get("PATH", "")])
    environment["VIRTUAL_ENV"] = sys.prefix
    environment["FUNCTIONS_WORKER_RUNTIME"] = "python"
    environment["FUNCTIONS_CORE_TOOLS_TELEMETRY_OPTOUT"] = "1"
    return environment


def end_children(pid: int) -> None:
    """End what `func` started and left behind: the worker that runs the app, which a killed `func` cannot end itself."""
    if os.name == "posix":
        # Its process group, which bears its id since it was started in a session of its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    else:
        subprocess.run(["taskkill", "/T", "/F", "/PID", str(pid)], capture_output=True)
