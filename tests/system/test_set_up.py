"""A set-up that is incomplete or wrong: one message names all of it, wherever a person looks."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from local.cloud import Cloud
from tests.system.running import ROOT, eventually, manage, terminal

MISSING = ("START_DATE", "XERO_CLIENT_ID", "POWERBI_WORKSPACE_ID")
BAD = {
    "XERO_API_URL": "http://api.xero.example",
    "POWERBI_TENANT_ID": "contoso",
    "KEY_VAULT_URL": "my vault",
    "POLL_MINUTES": "often",
    "XERO_PAGE_SIZE": "5000",
    "POLL_MINUTES_BY_RESOURCE": "Bananas=15",
}
HEADLINE = f"{len(MISSING) + len(BAD)} setting(s) to mend"


@pytest.fixture
def broken(cloud: Cloud, tmp_path: Path) -> Path:
    """The shared cloud's settings without some, and with bad values for others."""
    values = {name: value for name, value in cloud.values.items() if name not in MISSING} | BAD
    # Every few seconds, so that a second message would be seen.
    values |= {"POLL_SCHEDULE": "*/2 * * * * *"}
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}), encoding="utf-8")
    return file


def assert_names_all(text: str) -> None:
    words = " ".join(text.split())
    assert HEADLINE in words
    for name in MISSING:
        assert f"- {name} is missing:" in words
    for name in BAD:
        assert f"- {name} " in words


@pytest.fixture
def log(broken: Path, tmp_path: Path) -> Iterator[Path]:
    """The log of a host that runs with the broken settings, on a queue that nobody uses."""
    path = tmp_path / "host.log"
    command = [
        sys.executable,
        "-m",
        "local.host",
        "--app",
        str(ROOT),
        "--settings",
        str(broken),
        "--port",
        "0",
    ]
    # Its push_queue must not take the messages of the shared cloud.
    quiet = terminal(**{"AzureWebJobs.push_queue.Disabled": "true"})
    with path.open("wb") as output:
        host = subprocess.Popen(command, cwd=ROOT, env=quiet, stdout=output, stderr=subprocess.STDOUT)
    yield path
    host.terminate()
    host.wait(30)


def test_a_host_with_bad_settings_names_all_of_them_at_once(log: Path, cloud: Cloud) -> None:
    """Every missing and bad setting stands in one message of the log; a webhook is kept by Xero, by a 500 without a body."""
    (url,) = eventually(
        lambda: re.findall(r"listening on (http://\S+)", log.read_text()), "a host that listens"
    )
    answer = requests.post(f"{url}/api/xero/webhook", data=b"{}", timeout=30)
    assert answer.status_code in (500, 503)
    assert answer.content == b""
    eventually(lambda: HEADLINE in log.read_text(), "the message")
    text = log.read_text()
    message = text[text.index(HEADLINE) :].split("\n\n")[0]
    # All of it in a piece: the headline and as many lines as it says.
    lines = message.splitlines()[1 : len(MISSING) + len(BAD) + 1]
    assert all(line.startswith("  - ") for line in lines), message[:3000]
    assert_names_all(message)
    assert "local.settings.json" in message
    assert cloud.webhook_key not in text


@pytest.mark.parametrize("command", ["connect", "dataset"])
def test_a_command_with_bad_settings_names_all_of_them_and_fails(command: str, broken: Path) -> None:
    """connect and dataset print the same message, without a traceback, and exit with 1."""
    done = manage(command, "--settings", str(broken))
    assert done.returncode == 1
    assert_names_all(done.stdout)
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        ("{", "is not valid JSON"),
    ],
)
def test_a_settings_file_that_is_none_is_said_in_a_line(
    content: str | None, words: str, tmp_path: Path
) -> None:
    """A settings file that is absent or broken: a sentence that says so, no traceback, exit code 1."""
    file = tmp_path / "my settings.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    done = manage("dataset", "--settings", str(file), columns=500)
    assert done.returncode == 1
    assert words in done.stdout
    assert str(file) in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
