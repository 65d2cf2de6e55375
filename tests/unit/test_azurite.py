"""The Azurite launcher where Azurite itself is not needed."""

import os
import socket
from pathlib import Path

import pytest

from local.azurite import Azurite, AzuriteError, NodeMissing, install


def test_missing_node_is_one_line_that_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without node or npm nothing is begun, and the message fits on a line."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NodeMissing, match=r"needs Node\.js.*there is no node on PATH.*nodejs\.org") as caught:
        install(tmp_path)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="stands in for node and npm with shell scripts")
def test_failed_installation_shows_npms_output_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What npm said is in the error, and a later call does not take half an installation for a whole one."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("node", "npm"):
        program = programs / name
        program.write_text("#!/bin/sh\n/bin/mkdir node_modules\necho the registry is away >&2\nexit 1\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(AzuriteError, match=r"npm could not install Azurite:\nthe registry is away"):
        install(tmp_path)
    assert list((tmp_path / ".tools").iterdir()) == []


def test_port_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program on a chosen port is an error, not taken for Azurite."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr("local.azurite.install", lambda root: tmp_path)
        with pytest.raises(AzuriteError, match=f"port {port} is in use"):
            Azurite(ports=(port, port, port)).start()
