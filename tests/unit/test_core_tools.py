"""Core Tools in place of the project's own host: how `func` is started, and what is said where there is none."""

import json
import os
import sys
from datetime import date
from pathlib import Path

import pytest

from local import core_tools
from local.cloud import Cloud

# Writes down how it was called, then answers as the host does when it is up.
FUNC = """#!{python}
import http.server, json, os, pathlib, sys
told = {{"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}}
pathlib.Path({told!r}).write_text(json.dumps(told))

class Status(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/admin/host/status" else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

port = int(sys.argv[sys.argv.index("--port") + 1])
http.server.HTTPServer(("127.0.0.1", port), Status).serve_forever()
"""


@pytest.mark.skipif(
    os.name != "posix", reason="the stand-in of func is a script that only POSIX starts by itself"
)
def test_func_runs_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`func start` gets the app's folder, the port, Python, this environment's packages, and every app setting."""
    told = tmp_path / "told.json"
    func = tmp_path / "func"
    func.write_text(FUNC.format(python=sys.executable, told=str(told)))
    func.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("XERO_CLIENT_ID", "of-the-terminal")
    cloud = Cloud(tmp_path, start_date=date(2026, 1, 1), fixed_ports=False, func=core_tools.find_func())
    cloud.values = {"XERO_CLIENT_ID": "local-xero-app", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    cloud.host_port = _free_port()
    cloud.host_url = f"http://127.0.0.1:{cloud.host_port}"
    cloud.start_host()
    host = cloud._host
    cloud.stop_host(kill=True)
    assert host is not None
    assert host.returncode is not None
    found = json.loads(told.read_text())
    assert found["arguments"] == ["start", "--python", "--port", str(cloud.host_port)]
    assert Path(found["folder"]) == Path(str(core_tools.__file__)).resolve().parents[1]
    environment = found["environment"]
    assert environment.items() >= cloud.values.items()
    assert environment["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)


def test_without_func_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One sentence that names the package, and the way without it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(core_tools.FuncMissing, match=r"npm install --global azure-functions-core-tools@4"):
        core_tools.find_func()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
