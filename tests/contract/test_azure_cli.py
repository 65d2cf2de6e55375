"""The operator's way into Azure: what is asked of the Azure CLI, and what is said when it cannot answer."""

import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken

from commands import arguments, azure, terminal
from commands.azure import DeployedApp, OperatorCredential
from commands.terminal import Where
from shared.errors import AskPerson, SettingsError
from tests.support.azure_cli import APP, FUNCTIONS, GROUP, AzureCli
from tests.support.clock import ManualClock
from tests.support.world import World

SETTINGS = {"KEY_VAULT_URL": "https://books.vault.azure.net", "EMPTY": ""}


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AzureCli:
    """An `az` at the front of PATH, of an operator who is logged in."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return AzureCli(tmp_path, SETTINGS).install()


def test_the_settings_of_a_deployed_app(cli: AzureCli) -> None:
    """They are what the Azure CLI tells, from the app in the resource group that was named: one run of az."""
    assert DeployedApp(APP, GROUP).settings() == SETTINGS
    [asked] = cli.calls
    assert asked.startswith("functionapp config appsettings list --name func-books --resource-group rg-books")


def test_the_resource_group_is_looked_for(cli: AzureCli) -> None:
    """Without --resource-group the app is found by its name, in any case, and its group is asked for once only."""
    app = DeployedApp(APP.upper().lower())
    assert (app.settings(), app.functions()) == (SETTINGS, sorted(FUNCTIONS))
    assert [call.partition(" --")[0] for call in cli.calls] == [
        "functionapp list",
        "functionapp config appsettings list",
        "functionapp function list",
    ]


@pytest.mark.parametrize("name", ["", "a b", "x;ls", "x&calc", "%PATH%", "../x", "x" * 61])
def test_what_is_no_name(cli: AzureCli, name: str) -> None:
    """A name that a command interpreter could read as more than a name is refused, and az is never run."""
    with pytest.raises(AskPerson, match="names no"):
        DeployedApp(name)
    if name:
        with pytest.raises(AskPerson, match="names no"):
            DeployedApp(APP, name.replace("x" * 61, "x" * 91))
    assert cli.calls == []


def test_nobody_is_logged_in(cli: AzureCli) -> None:
    """The person is told to run `az login`, for settings and for tokens."""
    cli.logged_in = False
    cli.install()
    for ask in (
        DeployedApp(APP).settings,
        lambda: OperatorCredential().get_token("https://vault.azure.net/.default"),
    ):
        with pytest.raises(AskPerson, match="run `az login`"):
            ask()


def test_there_is_no_azure_cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The person is told what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AskPerson, match="The Azure CLI is not on PATH: install it"):
        DeployedApp(APP).settings()


def test_an_app_that_is_not_there(cli: AzureCli) -> None:
    """It says that the app is not in this subscription, and how to choose another; with a group, what Azure said."""
    with pytest.raises(AskPerson, match="no function app func-nobody in this subscription"):
        DeployedApp("func-nobody").settings()
    with pytest.raises(AskPerson, match="ResourceNotFound"):
        DeployedApp("func-nobody", GROUP).settings()


def test_an_app_that_one_may_not_read(cli: AzureCli) -> None:
    """The role that is missing is named."""
    cli.errors["functionapp config appsettings list"] = (
        "(AuthorizationFailed) The client does not have authorization"
    )
    cli.install()
    with pytest.raises(AskPerson, match="role Website Contributor"):
        DeployedApp(APP, GROUP).settings()


def test_on_windows_it_is_az_cmd(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the search for `az` finds is run by its whole path, so that Windows runs az.cmd; no shell is in between."""
    ran: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        assert "shell" not in options
        return subprocess.CompletedProcess(command, 0, stdout="[]", stderr="")

    path = r"C:\Program Files\Microsoft SDKs\Azure\CLI2\wbin\az.CMD"
    monkeypatch.setattr(shutil, "which", lambda name: path if name == "az" else None)
    monkeypatch.setattr(subprocess, "run", run)
    assert DeployedApp(APP, GROUP).settings() == {}
    assert ran[0][0] == path


@pytest.mark.parametrize("answer", ["", "<html>", "WARNING: upgrade"])
def test_what_is_no_json(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """An answer that cannot be read is shown, not followed by a traceback."""
    done = subprocess.CompletedProcess(["az"], 0, stdout=answer, stderr="")
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/az")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(AskPerson, match="answered no JSON"):
        DeployedApp(APP, GROUP).settings()


def test_a_token_is_kept_while_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of az takes seconds: it is made once for each service, and again five minutes before the token's end."""
    clock = ManualClock(datetime(2026, 11, 23, 9, tzinfo=UTC))
    asked: list[str] = []

    class Cli:
        def __init__(self, **_: object) -> None: ...

        def get_token(self, scope: str, **_: object) -> AccessToken:
            asked.append(scope)
            return AccessToken(f"token {len(asked)}", int((clock.now() + timedelta(hours=1)).timestamp()))

    monkeypatch.setattr(azure, "AzureCliCredential", Cli)
    credential = OperatorCredential(clock)
    for scope in ("a", "b", "a", "b"):
        credential.get_token(scope)
    clock.advance(54 * 60)
    assert credential.get_token("a").token == "token 1"
    clock.advance(2 * 60)
    assert credential.get_token("a").token == "token 3"
    assert asked == ["a", "b", "a"]


# Which settings a command takes


def where(*words: str) -> Where:
    return Where.of(arguments.parser().parse_args(words))  # type: ignore[no-untyped-call]


def test_what_is_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file, or an app with or without its group; XERO_POWERBI_APP stands for --app when nothing is typed."""
    assert where("organisations") == Where()
    assert where("organisations", "--app", "x", "--resource-group", "rg") == Where(None, "x", "rg")
    monkeypatch.setenv("XERO_POWERBI_APP", "mine")
    assert where("organisations").app == "mine"
    assert where("organisations", "--app", "x").app == "x"
    assert where("organisations", "--settings", "f.json") == Where(Path("f.json"))


def test_a_file_and_an_app_do_not_go_together() -> None:
    """It is a wrong command line, so that nobody works on another deployment than he thinks."""
    with pytest.raises(SystemExit):
        where("organisations", "--settings", "f.json", "--app", "x")


def test_settings_of_this_machine_do_not_mix_in(cli: AzureCli, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that the app lacks is missing, also when this terminal's environment has it."""
    monkeypatch.setenv("XERO_CLIENT_ID", "of the laptop")
    with pytest.raises(SettingsError, match="XERO_CLIENT_ID is missing"):
        terminal.connector(Where(app=APP))
    assert "KEY_VAULT_URL" not in os.environ


def test_the_operator_reaches_the_vault_as_himself(cli: AzureCli, world: World) -> None:
    """With --app the vault is read with the operator's own token; no managed identity is asked on a laptop."""
    identity = world.identity.environment()
    cli.settings = world.environment
    cli.endpoint, cli.header = identity["IDENTITY_ENDPOINT"], identity["IDENTITY_HEADER"]
    cli.client_id = world.environment["AZURE_CLIENT_ID"]
    cli.install()
    found = terminal.connector(Where(app=APP, resource_group=GROUP, quiet=True))
    assert found.secrets().webhook_keys()
    assert any(call.startswith("account get-access-token") for call in cli.calls)
