"""The bootstrap that makes .venv before there is anything else."""

import ast
import os
import shutil
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from local import bootstrap

posix_only = pytest.mark.skipif(os.name != "posix", reason="stands in for interpreters with shell scripts")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in a folder with a space in its name, whose lock is empty, so that nothing is downloaded."""
    root = tmp_path_factory.mktemp("a project")
    (root / bootstrap.REQUIREMENTS).write_text("# nothing\n")
    return root


def test_it_is_written_for_old_pythons_and_the_standard_library() -> None:
    """Python 3.8 parses the file, and it imports nothing that has to be installed."""
    tree = ast.parse(Path(bootstrap.__file__).read_text(), feature_version=(3, 8))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported
    assert {name.partition(".")[0] for name in imported} <= sys.stdlib_module_names


@posix_only
def test_candidates_are_tried_by_running_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shim that fails, a program that is not there and another version are passed over."""
    shim, other, absent = tmp_path / "shim", tmp_path / "other", tmp_path / "absent"
    shim.write_text("#!/bin/sh\nexit 127\n")
    other.write_text("#!/bin/sh\necho 3.12 /usr/bin/python3.12\n")
    right = tmp_path / "right one"
    right.write_text(f'#!/bin/sh\necho {bootstrap.VERSION} "{right}"\n')
    for script in (shim, other, right):
        script.chmod(0o755)
    commands = [[str(path)] for path in (shim, absent, other, right)]
    monkeypatch.setattr(bootstrap, "candidates", lambda: iter(commands))
    assert bootstrap.find_python() == right


def test_without_a_python_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message is one line, names the version, and the process ends with it."""
    monkeypatch.setattr(bootstrap, "candidates", lambda: iter([]))
    with pytest.raises(SystemExit) as caught:
        bootstrap.run_in_environment(tmp_path, ["manage.py"])
    assert str(caught.value) == (
        "Python 3.13 is needed and was not found: install it from python.org or with `uv python install 3.13`"
    )


@posix_only
def test_every_python_on_path_and_pyenvs_versions_are_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the first of a name on PATH: it may be a shim that fails. Newest of pyenv's versions first."""
    places = [
        tmp_path / "shims" / "python3.13",
        tmp_path / "bin" / "python3.13",
        tmp_path / "bin" / "python3",
        tmp_path / "versions" / "3.13.9" / "bin" / "python3.13",
        tmp_path / "versions" / "3.13.1" / "bin" / "python3.13",
    ]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n")
        place.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "shims"), "", str(tmp_path / "bin")]))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert list(bootstrap.candidates()) == [[sys.executable], *([str(place)] for place in places)]


def test_environment_is_made_once_and_follows_the_lock(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The first call makes and installs, the second does nothing, a changed lock installs, a broken one says why."""
    python = bootstrap.ensure_environment(project)
    assert python == bootstrap.environment_python(project / ".venv")
    said = capfd.readouterr().err
    assert "Making .venv with" in said
    assert "Installing requirements-dev.txt" in said

    assert bootstrap.ensure_environment(project) == python
    assert capfd.readouterr().err == ""

    lock = project / bootstrap.REQUIREMENTS
    lock.write_text("this is no requirement!\n")
    with pytest.raises(bootstrap.SetupError, match=r"(?s)pip could not install.*this is no requirement!"):
        bootstrap.ensure_environment(project)
    capfd.readouterr()

    lock.write_text("# nothing, changed\n")
    bootstrap.ensure_environment(project)
    assert capfd.readouterr().err == "Installing requirements-dev.txt\n"


def test_script_runs_in_the_environment(project: Path) -> None:
    """A script started by any Python goes on in .venv with its arguments, and its exit code comes back."""
    script = project / "manage.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(bootstrap.__file__).parents[1])!r})\n"
        "from local import bootstrap\n"
        "bootstrap.run_in_environment(Path(__file__).parent, [__file__, *sys.argv[1:]])\n"
        "print(Path(sys.prefix).name, sys.argv[1:])\n"
        "sys.exit(7)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script), "demo", "a b"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (7, ".venv ['demo', 'a b']\n"), done.stderr


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bootstrap believes that it runs on Windows, which has no exec worth the name."""
    monkeypatch.setattr(bootstrap, "os", types.SimpleNamespace(name="nt", environ=os.environ, pathsep=";"))


def test_on_windows_the_interpreter_is_elsewhere(windows: None, tmp_path: Path) -> None:
    """A virtual environment of Windows has Scripts/python.exe, and that is what is probed and run."""
    assert bootstrap.environment_python(tmp_path) == tmp_path / "Scripts" / "python.exe"


def test_on_windows_the_terminal_waits(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other process runs beside this one, its arguments whole; Ctrl-C is left to it, and its exit code comes back."""
    ran: list[list[str]] = []
    ignored: list[object] = []

    def call(command: list[str]) -> int:
        assert ignored
        ran.append(command)
        return 3

    monkeypatch.setattr(bootstrap, "ensure_environment", lambda root: root / "python.exe")
    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(signal, "signal", lambda *what: ignored.append(what))
    with pytest.raises(SystemExit) as ended:
        bootstrap.run_in_environment(tmp_path, ["manage.py", "connect", "a b"])
    assert ended.value.code == 3
    assert ran == [[str(tmp_path / "python.exe"), "manage.py", "connect", "a b"]]


def test_on_windows_py_is_a_candidate(windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher of python.org's installer is asked for the version, when nothing else was found."""
    launcher = r"C:\Windows\py.exe"
    monkeypatch.setattr(shutil, "which", lambda name, path=None: launcher if name == "py" else None)
    assert [launcher, "-3.13"] in list(bootstrap.candidates())
