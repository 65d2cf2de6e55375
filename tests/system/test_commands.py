"""The operator's commands, as a person runs them in a terminal."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Protocol

import pytest
import requests

from local.cloud import Cloud
from tests.system.running import ROOT, Running, browser_of, eventually, manage, terminal


def test_help_fits_a_terminal() -> None:
    """The first page that a person sees ends well and needs no more than 80 columns; tests/unit/test_manage.py has all."""
    done = manage("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("usage: python3 manage.py")
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["demo", "--documents", "299"],
            "299 is no number of documents: the made-up company has 300 at least",
        ),
        (["demo", "--documents", "many"], "many is no number of documents"),
        (["demo", "--documents", "-400"], "-400 is no number of documents"),
        (["demo", "--company", "nowhere"], "nowhere is no folder"),
        (["disconnect"], "required: ORGANISATION"),
        (["cats"], "invalid choice: 'cats'"),
        ([], "required: COMMAND"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: list[str], reason: str) -> None:
    """A usage line and a reason, exit code 2."""
    done = manage(*arguments)
    assert done.returncode == 2
    assert "usage: python3 manage.py" in done.stderr
    assert reason in done.stderr


def test_without_node_the_demo_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    """No Node.js on PATH: one sentence with the remedy, no traceback, exit code 1."""
    done = subprocess.run(
        [sys.executable, "manage.py", "demo", "--once", "--documents", "300"],
        cwd=checkout,
        env=terminal(PATH=str(tmp_path), COLUMNS="200"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "Azurite needs Node.js 20 or newer" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


class ConsentForm(HTMLParser):
    """The fields of the consent page's one form, as a browser sends them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input":
            self.fields.append((given["name"] or "", given["value"] or ""))


def redirected_to(consent_url: str, decision: str) -> str:
    """Where the browser is sent after a button of the consent page."""
    form = ConsentForm(requests.get(consent_url, timeout=30).text)
    answer = requests.post(
        consent_url.partition("?")[0],
        data=[*form.fields, ("decision", decision)],
        allow_redirects=False,
        timeout=30,
    )
    return answer.headers["Location"]


@dataclass
class Session:
    """A command that runs while a test talks to it."""

    process: subprocess.Popen[str]
    output: Path

    def shows(self, pattern: str) -> str:
        """Wait until the output has this; the first group."""
        found = eventually(
            lambda: re.findall(pattern, self.output.read_text(encoding="utf-8")),
            f"{pattern!r} in {self.output.read_text(encoding='utf-8')}",
        )
        return str(found[0])

    def end(self) -> int:
        return self.process.wait(60)


class Start(Protocol):
    """Starts a command of manage.py."""

    def __call__(self, *arguments: str, folder: Path = ROOT, **environment: str) -> Session: ...


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts commands of manage.py; those that still run are killed at the end."""
    running: list[subprocess.Popen[str]] = []

    def run(*arguments: str, folder: Path = ROOT, **environment: str) -> Session:
        output = tmp_path / f"output-{len(running)}"
        with output.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=folder,
                env=terminal(COLUMNS="1000", **environment),
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        running.append(process)
        return Session(process, output)

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()


def connect_pasting(start: Start, cloud: Cloud, paste: Callable[[str], str]) -> Session:
    """`connect --no-browser`, with what a person makes of the address that it shows."""
    session = start("connect", "--no-browser", "--settings", str(cloud.settings_file))
    consent_url = session.shows(r"(http://\S+/identity/connect/authorize\?\S+)\n")
    assert session.process.stdin
    session.process.stdin.write(paste(consent_url) + "\n")
    session.process.stdin.flush()
    return session


def test_connect_takes_the_redirect_pasted(running: Running, start: Start) -> None:
    """Without a browser: open the shown address elsewhere, allow, paste where it ends; the organisation is connected."""
    session = connect_pasting(start, running.cloud, lambda url: redirected_to(url, "allow"))
    assert session.end() == 0
    renewed = session.shows(r"Renewed: (.*)")
    assert renewed == f"{running.organisation.name} (AUD), {running.tenant_id}, dataset default"
    saved = running.audit(what="connect")
    assert len(saved) >= 2


def test_commands_that_look_and_try_again(running: Running) -> None:
    """Against a running cloud `organisations`, `backfill` and `replay` show what there is, in 80 columns, exit code 0."""
    settings = ("--settings", str(running.cloud.settings_file))
    listed = manage("organisations", *settings, columns=1000)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert (
        f"{running.organisation.name} (AUD), {running.tenant_id}: dataset default, consent given"
        in listed.stdout
    )

    shown = manage("backfill", *settings)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert re.search(r"│ Invoices +│ read +│", shown.stdout)
    assert max(len(line) for line in shown.stdout.splitlines() if "│" in line) <= 80

    replayed = manage("replay", "--resource", "Contacts", *settings)
    assert (replayed.returncode, replayed.stderr) == (0, "")
    assert "Nothing that fits lies in the quarantine" in replayed.stdout


def test_status_for_people_and_machines(running: Running) -> None:
    """Against a running cloud `status` fits 80 columns and `--json` is one document alone; the exit code says the same."""
    settings = ("--settings", str(running.cloud.settings_file))
    running.poll()
    shown, told = manage("status", "--all", *settings), manage("status", "--json", *settings)
    found = json.loads(told.stdout)
    assert (shown.stderr, told.stderr) == ("", "")
    assert (shown.returncode, told.returncode) == ((0, 0) if found["healthy"] else (1, 1))
    [organisation] = [each for each in found["organisations"] if each["tenant_id"] == running.tenant_id]
    assert organisation["fresh_as_of"]
    tables = [line for line in shown.stdout.splitlines() if re.match(r"\w+ +(good|late|parked|aside) ", line)]
    assert len(tables) >= 20
    assert max(map(len, tables)) <= 80


def test_doctor_examines_the_local_cloud(running: Running) -> None:
    """`doctor` finds nothing wrong with it, then the one fault that was planted, by the exit code and as JSON."""
    settings = ("--settings", str(running.cloud.settings_file))
    switches = f"{running.cloud.powerbi_url}/_sim/switches"
    well = manage("doctor", *settings)
    assert (well.returncode, well.stderr) == (0, ""), well.stdout
    assert "ok Power BI: queries: permitted" in well.stdout
    assert max(map(len, well.stdout.splitlines()[1:])) <= 80
    requests.post(switches, json={"execute_queries": "refused"}, timeout=30).raise_for_status()
    try:
        ill = manage("doctor", "--json", *settings)
    finally:
        requests.post(switches, json={"execute_queries": "allowed"}, timeout=30).raise_for_status()
    found = json.loads(ill.stdout)
    assert ill.returncode == 1
    assert [each["name"] for each in found["checks"] if each["state"] == "wrong"] == ["powerbi-queries"]


def test_webhook_test_finds_the_local_host(running: Running) -> None:
    """Without an address it tries the running host's, with the key of the vault; all is well, exit code 0."""
    done = manage("webhook", "test", "--settings", str(running.cloud.settings_file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("wanted 200") == 2
    assert done.stdout.count("wanted 401") == 3
    assert "Xero would believe it." in done.stdout


def test_refusals_have_an_exit_code(running: Running) -> None:
    """What cannot be done is said in one sentence with what there is, exit code 1, and nothing is changed."""
    settings = ("--settings", str(running.cloud.settings_file))
    for words, said in (
        (("disconnect", "Nobody", "--yes"), running.organisation.name),
        (("disconnect", running.tenant_id), "Nothing was changed"),
        (("replay", "--resource", "Cats"), "is no resource"),
        (("connect", "--dataset", "a b"), "names no dataset"),
        (("dataset", "../x"), "names no dataset"),
    ):
        done = manage(*words, *settings, columns=1000)
        assert done.returncode == 1, words
        assert said in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    assert running.organisation.name in manage("organisations", *settings, columns=1000).stdout


@pytest.mark.parametrize(
    ("paste", "words"),
    [
        (lambda url: redirected_to(url, "cancel"), "did not give the consent"),
        (lambda url: redirected_to(url, "allow").replace("state=", "state=x"), "does not carry the state"),
        (
            lambda url: re.sub("code=[^&]*", "code=guessed", redirected_to(url, "allow")),
            "does not accept this",
        ),
    ],
    ids=["cancelled", "another state", "another code"],
)
def test_a_redirect_that_is_no_consent_connects_nothing(
    paste: Callable[[str], str], words: str, running: Running, start: Start
) -> None:
    """A refusal, a foreign state, a made-up code: a sentence that says so, exit code 1, nothing saved."""
    before = len(running.audit(what="connect"))
    tokens = token_sets(running)
    session = connect_pasting(start, running.cloud, paste)
    assert session.end() == 1
    shown = session.output.read_text(encoding="utf-8")
    assert words in shown
    assert "Traceback" not in shown
    assert len(running.audit(what="connect")) == before
    assert token_sets(running) == tokens


def token_sets(running: Running) -> dict[str, int]:
    """The vault's token sets, and how many versions each has."""
    vault = running.cloud.identity.vault
    names = [secret.name for secret in vault.names(deleted=False) if secret.name.startswith("xero-tokens-")]
    return {name: len(vault.versions(name)[1]) for name in names}


def test_local_connect_dataset(checkout: Path, start: Start, tmp_path: Path) -> None:
    """The README's steps: `local` starts, `connect` in a browser, `dataset`; then the functions work by themselves.

    What was read before there was a dataset is pushed as soon as there is one, not an hour later. A second `dataset` finds what the first one made. Ctrl-C ends everything, and later commands do not look for it.
    """
    local = start("local", folder=checkout)
    local.shows("Next, in another terminal: (.*)")
    powerbi = local.shows(r"Power BI +(http://\S+)")

    connect = start("connect", folder=checkout, BROWSER=browser_of("user-1", tmp_path))
    assert connect.process.stdin
    # What is proposed, for both organisations of this user: yes, and the default dataset.
    connect.process.stdin.write("\n" * 4)
    connect.process.stdin.flush()
    assert connect.end() == 0
    assert "(AUD)" in connect.shows("Connected: (.*)")
    log = checkout / ".local" / "host.log"
    eventually(lambda: "push ask " in log.read_text(), "a push that misses the dataset")

    made, found = (manage("dataset", folder=checkout, columns=200) for _ in range(2))
    assert (made.returncode, found.returncode) == (0, 0)
    (powerbi_id,) = re.findall(r"Made dataset 'Xero' in Power BI: (\S+)", made.stdout)
    assert f"Found dataset 'Xero' in Power BI: {powerbi_id}" in found.stdout
    (dataset,) = requests.get(f"{powerbi}/_sim/datasets", timeout=30).json()
    assert dataset["id"] == powerbi_id

    def rows() -> dict[str, int]:
        (dataset,) = requests.get(f"{powerbi}/_sim/datasets", timeout=30).json()
        return {table["name"]: table["rows"] for table in dataset["tables"]}

    # Two years of a whole company are on their way; the first of them will do.
    eventually(lambda: any(rows().values()), "the first rows in Power BI", seconds=120, every=0.5)
    local.process.send_signal(signal.SIGINT)
    assert local.end() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{powerbi}/_sim/datasets", timeout=5)
    after = manage("dataset", folder=checkout)
    assert after.returncode == 1
    assert "setting(s) to mend" in after.stdout
