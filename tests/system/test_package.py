"""The deployment package, built for real: what is in it, that it needs no build, and that the app runs from it alone."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from commands import building
from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import MANAGED_IDENTITY
from shared.version import Version

ROOT = Path(__file__).resolve().parents[2]
VERSION = Version("9.8.7", "0123456789abcdef", "2026-11-25T20:00:00+00:00")
PACKAGES = ".python_packages/lib/site-packages/"
APP = {"function_app", "poll_timer", "push_queue", "shared", "token_refresh_timer", "webhook_http"}
# What docs/deploy.md says of its size, with room for a year of upgrades.
MOST_MEGABYTES, MOST_UNPACKED, MOST_FILES = 20, 60, 3500
SOMEBODY = "00000000-0000-4000-8000-000000000001"
# Runs the app as the local host does, with the package's modules and no others; only the host's own come from this checkout.
HOSTED = """
import importlib.machinery, json, sys, urllib.error, urllib.request
package, packages, checkout, environment = sys.argv[1:]
sys.path[:0] = [package, packages]
OF_THE_HOST = {"local", "cronsim", "flask", "jinja2", "click", "itsdangerous", "blinker"}

class HostOnly:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in OF_THE_HOST:
            return importlib.machinery.PathFinder.find_spec(name, path or [checkout, environment], target)

sys.meta_path.append(HostOnly)
from pathlib import Path
from local.host.host import Host

host = Host(Path(package), 0)
functions = [function.name for function in host.start()]
try:
    request = urllib.request.Request(host.url + "/api/xero/webhook", b"{}", {"x-xero-signature": "wrong"})
    status = urllib.request.urlopen(request, timeout=30).status
except urllib.error.HTTPError as error:
    status = error.code
from shared import version
modules = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print("TOLD" + json.dumps({
    "functions": functions, "status": status, "version": version.packaged().version,
    "modules": {name: file for name, file in modules.items() if name.partition(".")[0] not in OF_THE_HOST},
}))
sys.stdout.flush()
import os
os._exit(0)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, built as `manage.py package` builds it; unpacked it lies beside it."""
    file = tmp_path_factory.mktemp("package") / "connector.zip"
    try:
        building.build(ROOT, file, VERSION)
    except building.PackageError as error:
        if os.environ.get("CI") or not re.search(
            r"connect|resolve|fetch|timed out", str(error), re.IGNORECASE
        ):
            raise
        pytest.skip(f"the package registry cannot be reached: {str(error)[-200:]}")
    return file


@pytest.fixture(scope="module")
def entries(package: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(package) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def own(entries: dict[str, bytes]) -> list[str]:
    return [name for name in entries if not name.startswith(".python_packages/")]


def test_it_holds_the_app_and_nothing_else(entries: dict[str, bytes]) -> None:
    """Every module of the app, host.json, and what says which version it is: no test, no stand-in, no command, no setting."""
    sources = {name for name in own(entries) if not name.endswith(".pyc")}
    modules = {
        file.relative_to(ROOT).as_posix()
        for folder in APP - {"function_app"}
        for file in (ROOT / folder).rglob("*.py")
    }
    assert len(modules) > 100
    others = {"LICENSE", "VERSION", "function_app.py", "host.json", "requirements.txt"}
    assert sources == modules | others
    assert entries["host.json"] == (ROOT / "host.json").read_bytes()
    assert json.loads(entries["VERSION"]) == {
        "version": "9.8.7",
        "commit": "0123456789abcdef",
        "committed": "2026-11-25T20:00:00+00:00",
    }


def test_it_holds_no_secret(entries: dict[str, bytes]) -> None:
    """No settings file, key or token, and no path of the machine that built it, in any file of the app."""
    named = re.compile(r"settings\.json|\.env\b|\.(pem|key|pfx|cer)$|\.local/|\.git/|\.venv/")
    assert [name for name in own(entries) if named.search(name)] == []
    told = re.compile(rb"PRIVATE KEY-----\s*\n\s*[A-Za-z0-9+/]{40}|AccountKey=\w{20}|\beyJ[\w-]{20,}\.eyJ")
    assert [name for name in own(entries) if told.search(entries[name])] == []
    here = str(ROOT).encode()
    assert [name for name in own(entries) if here in entries[name]] == []


def test_its_size(package: Path, entries: dict[str, bytes]) -> None:
    """Small enough to start fast; what is stated in docs/deploy.md is true to a fifth."""
    size, unpacked = package.stat().st_size / 1e6, sum(map(len, entries.values())) / 1e6
    assert size < MOST_MEGABYTES
    assert unpacked < MOST_UNPACKED
    assert len(entries) < MOST_FILES
    page = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    stated = re.search(r"([\d.]+) MB, unpacked ([\d.]+) MB, ([\d,]+) files", page)
    assert stated
    said = [float(text.replace(",", "")) for text in stated.groups()]
    assert said == pytest.approx([size, unpacked, len(entries)], rel=0.2)


def test_packages_are_the_pinned_ones_for_azures_linux(entries: dict[str, bytes]) -> None:
    """Each requirement in its pinned version, as a wheel that is pure or for CPython 3.13 on any Linux since glibc 2.17."""
    wheels = {
        name: entries[name].decode()
        for name in entries
        if name.startswith(PACKAGES) and name.endswith(".dist-info/WHEEL")
    }
    installed = {name.removeprefix(PACKAGES).partition(".dist-info")[0].lower() for name in wheels}
    lines = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    pinned = {line.replace("==", "-").replace("_", "-").lower() for line in lines if "==" in line}
    assert pinned <= {each.replace("_", "-") for each in installed}
    fits = re.compile(
        r"^Tag: (py\d|py2\.py3)-none-any$|^Tag: cp3\d+-(cp313|abi3)-manylinux(2014|_2_17)_x86_64$", re.M
    )
    assert [name for name, text in wheels.items() if not fits.search(text)] == []
    native = [name for name in entries if re.search(r"\.(so|pyd|dylib|dll)(\.|$)", name)]
    assert native
    assert [name for name in native if not re.search(r"(cpython-313-x86_64-linux-gnu|abi3)\.so$", name)] == []
    assert not [name for name in entries if name.startswith(f"{PACKAGES}bin/")]


def test_everything_is_compiled_and_stays_valid(entries: dict[str, bytes]) -> None:
    """Each module has its compiled file of Python 3.13, valid whatever the dates become, and made from that source."""
    assert sys.version_info[:2] == (3, 13)
    modules = [name for name in entries if name.endswith(".py")]
    assert len(modules) > 800
    for name in modules:
        folder, _, file = name.rpartition("/")
        compiled = f"{folder}/__pycache__/{file[:-3]}.cpython-313.pyc".removeprefix("/")
        assert compiled in entries, name
        head = entries[compiled][:16]
        assert head[:4] == importlib.util.MAGIC_NUMBER
        # PEP 552: by hash, and not to be checked against the source.
        assert int.from_bytes(head[4:8], "little") == 0b01
        assert head[8:16] == importlib.util.source_hash(entries[name])
    assert {name for name in entries if name.endswith(".pyc") and "__pycache__" not in name} == set()


def test_entries_are_sorted_undated_and_readable(package: Path) -> None:
    """Equal content is an equal file: names in order, one date, a mode that Linux lets everyone read."""
    with zipfile.ZipFile(package) as archive:
        found = archive.infolist()
    assert [entry.filename for entry in found] == sorted(entry.filename for entry in found)
    assert {entry.date_time for entry in found} == {(1980, 1, 1, 0, 0, 0)}
    assert {(entry.create_system, entry.external_attr >> 16) for entry in found} == {(3, 0o100644)}


@pytest.mark.parametrize(("secrets", "status"), [({}, 503), ({"xero-webhook-key": "a-key"}, 401)])
def test_the_app_runs_from_it_alone(
    package: Path, tmp_path: Path, secrets: dict[str, str], status: int
) -> None:
    """With the package's own modules and no others: four functions are found, and the webhook refuses what is unsigned."""
    folder = building.folder_of(package)
    with IdentityStandIn(tmp_path, secrets=secrets) as identity:
        settings = {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "POLL_SCHEDULE": "0 0 0 1 1 *",
            "TOKEN_REFRESH_SCHEDULE": "0 0 0 1 1 *",
            "START_DATE": "2026-01-01",
            "KEY_VAULT_URL": identity.vault_url,
            "AZURE_CLIENT_ID": MANAGED_IDENTITY.client_id,
            "LOCAL_CA_FILE": str(identity.ca),
            "XERO_CLIENT_ID": "app",
            "POWERBI_TENANT_ID": SOMEBODY,
            "POWERBI_CLIENT_ID": SOMEBODY,
            "POWERBI_WORKSPACE_ID": SOMEBODY,
            "POWERBI_AUTHORITY_URL": "https://127.0.0.1:1",
            **{
                f"AzureWebJobs.{name}.Disabled": "true"
                for name in ("poll_timer", "push_queue", "token_refresh_timer")
            },
            **identity.environment(),
        }
        told = hosted(folder, settings)
    assert sorted(told["functions"]) == ["poll_timer", "push_queue", "token_refresh_timer", "webhook_http"]
    assert told["status"] == status
    assert told["version"] == VERSION.version
    library = Path(os.__file__).parent
    strangers = {
        name: file
        for name, file in told["modules"].items()
        if file
        and not Path(file).is_relative_to(folder)
        and (not Path(file).is_relative_to(library) or "site-packages" in file)
    }
    assert strangers == {}


def hosted(folder: Path, settings: dict[str, str]) -> dict[str, Any]:
    kept = {
        name: value for name, value in os.environ.items() if name.upper() in ("PATH", "SYSTEMROOT", "TEMP")
    }
    environment = next(path for path in sys.path if path.endswith("site-packages"))
    done = subprocess.run(
        [
            *(sys.executable, "-I", "-S", "-B", "-c", HOSTED),
            *(str(folder), str(folder / PACKAGES), str(ROOT), environment),
        ],
        cwd=folder,
        env=kept | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("TOLD")]
    assert lines, done.stderr[-3000:]
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(lines[0].removeprefix("TOLD"))
    return told
