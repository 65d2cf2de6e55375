"""What goes into the deployment package and what is refused; tests/system/test_package.py builds it for real."""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from commands import building
from shared.version import Version

ROOT = Path(__file__).resolve().parents[2]
VERSION = Version("1.2.3", "abc")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small app with all that a checkout has beside it."""
    root = tmp_path / "checkout"
    for name in (
        *("function_app.py", "shared/__init__.py", "shared/sync/push.py", "poll_timer/__init__.py"),
        *("local/cloud.py", "tests/unit/test_x.py", "commands/demo.py", "infra/main.bicep", "docs/x.md"),
        *("bench/x.py", "report/x.pbix", "manage.py", "azure.yaml", "README.md", "CHANGELOG.md"),
        *("local.settings.json", "local.settings.example.json", ".env", ".local/settings.json"),
        *(".git/config", ".github/workflows/x.yml", "dist/connector.zip", ".venv/lib/x.py"),
        *("shared/__pycache__/x.pyc", "__pycache__/x.pyc", "pyproject.toml", "requirements-dev.txt"),
        *("host.json", "LICENSE", "requirements.txt", "requirements.in"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}" if name.endswith(".json") else "")
    shutil.copy(ROOT / ".funcignore", root)
    return root


def test_what_is_left_is_the_app(checkout: Path) -> None:
    """.funcignore leaves the app's own files of all that lies in a checkout."""
    found = building.app_files(checkout)
    assert found == sorted(
        [
            *("LICENSE", "function_app.py", "host.json", "poll_timer/__init__.py", "requirements.txt"),
            *("shared/__init__.py", "shared/sync/push.py"),
        ]
    )
    building.refuse_strangers(checkout, found)


def test_everything_in_this_repository_is_placed() -> None:
    """Whatever git knows here is of the app or named in .funcignore: a new folder is decided about, not forgotten."""
    if not (ROOT / ".git").exists():
        pytest.skip("no git here, so nobody says what belongs to the repository")
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    tracked = {name for name in done.stdout.splitlines() if (ROOT / name).exists()}
    left = tracked & set(building.app_files(ROOT))
    assert {name.partition("/")[0] for name in left} == set(building.FOLDERS) | set(building.FILES) - {
        "VERSION"
    }


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "customers.csv", "scratch/try.py", "shared/data.json", "shared/tests/x.py", "prod.pem"],
)
def test_a_stranger_is_refused(checkout: Path, name: str) -> None:
    """What is neither of the app nor ignored stops the build by name, so that nothing is deployed by oversight."""
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("")
    with pytest.raises(building.PackageError, match=name.replace(".", r"\.")):
        building.build(checkout, checkout / "dist" / "connector.zip", VERSION)


@pytest.mark.parametrize(
    "text",
    [
        "KEY = '''-----BEGIN RSA PRIVATE KEY-----'''",
        "S = 'DefaultEndpointsProtocol=https;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq=='",
        "U = 'https://x.blob.core.windows.net/c?sv=1&sig=aGVsbG8gaGVsbG8gaGVsbG8gaGVsbG8%3D'",
    ],
)
def test_a_secret_is_refused(checkout: Path, text: str) -> None:
    """A key in a module stops the build, without being printed."""
    (checkout / "shared" / "sync" / "push.py").write_text(text)
    with pytest.raises(building.PackageError, match=r"secret.*shared/sync/push\.py") as refused:
        building.build(checkout, checkout / "dist" / "connector.zip", VERSION)
    assert text[-20:] not in str(refused.value)


def test_what_is_missing_is_named(checkout: Path) -> None:
    """Without host.json there would be an app with no function."""
    (checkout / "host.json").unlink()
    with pytest.raises(building.PackageError, match=r"host\.json is missing"):
        building.build(checkout, checkout / "dist" / "connector.zip", VERSION)


def test_another_python_cannot_build(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled files are of one version of Python: with another one it says which is needed."""
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    with pytest.raises(building.PackageError, match=r"compiled for Python 3\.13"):
        building.build(checkout, checkout / "dist" / "connector.zip", VERSION)


def test_what_the_registry_says_is_told(checkout: Path) -> None:
    """A pin that cannot be had stops the build with the installer's own words."""
    (checkout / "requirements.txt").write_text("no-hash-here==1.0\n")
    with pytest.raises(building.PackageError, match=r"requirements\.txt cannot be installed:\n.*hash"):
        building.build(checkout, checkout / "dist" / "connector.zip", VERSION)


def test_equal_source_makes_an_equal_file(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built twice, at other dates and in another folder, the zip has the same bytes; another version differs."""
    monkeypatch.setattr(building, "_install", lambda requirements, target: target.mkdir(parents=True))
    (checkout / "shared" / "sync" / "push.py").write_text(
        "KINDS = {'a', 'b', 'c', 'd'}\nX = 'a' in {'a', 'b'}\n"
    )
    other = checkout.parent / "elsewhere"
    shutil.copytree(checkout, other)
    (other / "function_app.py").touch()
    digests = []
    for root, version in ((checkout, VERSION), (other, VERSION), (other, Version("1.2.4", "abc"))):
        file = root / "dist" / "connector.zip"
        building.build(root, file, version)
        digests.append(hashlib.sha256(file.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]
    with zipfile.ZipFile(other / "dist" / "connector.zip") as archive:
        assert "shared/sync/__pycache__/push.cpython-313.pyc" in archive.namelist()
