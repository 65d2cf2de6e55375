"""What deploys: azure.yaml, the workflow and its script, and the versions that they carry."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import version
from commands.package import OUTPUT

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / ".github" / "deploy.sh"
FOUR = "app/poll_timer app/push_queue app/token_refresh_timer app/webhook_http"
# Stand for az and curl: they write down each call, and answer from the environment.
AZ = """#!/bin/sh
echo "az $*" >> "$CALLS"
case "$*" in
  *--query*\\[].name*) printf '%s\\n' $NAMES ;;
  *--query\\ id*) echo /subscriptions/s/app ;;
  *defaultHostName*) echo app.example ;;
  *host/default/sync*) exit 1 ;;
esac
"""
CURL = """#!/bin/sh
echo "curl $*" >> "$CALLS"
printf %s "$STATUS"
"""


def read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_azd_deploys_what_package_builds() -> None:
    """azd runs `manage.py package` on every system, and sends that file as it is to the app of the agreed tag."""
    found = read("azure.yaml")
    [(name, service)] = found["services"].items()
    bicep = (ROOT / "infra" / "modules" / "app.bicep").read_text("utf-8")
    assert f"'azd-service-name': '{name}'" in bicep
    assert (service["host"], service["language"], service["remoteBuild"]) == ("function", "custom", False)
    assert ROOT / service["dist"] == OUTPUT
    for system in ("posix", "windows"):
        assert service["hooks"]["prepackage"][system]["run"].endswith(
            f"manage.py package --output {service['dist']}"
        )
    assert (ROOT / found["infra"]["path"] / f"{found['infra']['module']}.bicep").is_file()


def test_the_workflow_deploys_one_file_to_test_then_to_production() -> None:
    """One package; production waits for test; only the two that deploy may ask for a token, and they read no code."""
    jobs = read(".github/workflows/deploy.yml")["jobs"]
    assert list(jobs) == ["package", "test", "production"]
    assert jobs["test"]["needs"] == "package"
    assert jobs["production"]["needs"] == ["package", "test"]
    for name in ("test", "production"):
        assert jobs[name]["environment"] == name
        assert jobs[name]["permissions"] == {"id-token": "write"}
        assert jobs[name]["steps"] == jobs["test"]["steps"]
    assert "permissions" not in jobs["package"]
    text = (ROOT / ".github" / "workflows" / "deploy.yml").read_text("utf-8")
    assert "secrets." not in text


def deployed(tmp_path: Path, **answers: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """A run of the script against the stand-ins, and what it called."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("deploy.sh needs bash")
    for name, text in (("az", AZ), ("curl", CURL)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    calls = tmp_path / "calls"
    done = subprocess.run(
        [bash, str(SCRIPT), "group", "app", "connector.zip"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), "PAUSE": "0", **answers},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done, calls.read_text().splitlines()


@pytest.mark.parametrize("status", ["401", "503"])
def test_a_deployment_that_runs(tmp_path: Path, status: str) -> None:
    """The package is sent as it is; four functions and a webhook that refuses an unsigned call are what is wanted."""
    done, calls = deployed(tmp_path, NAMES=FOUR, STATUS=status)
    assert done.returncode == 0, done.stderr
    assert calls[0] == (
        "az functionapp deployment source config-zip --resource-group group --name app --src connector.zip --output none"
    )
    assert calls[-1].endswith("https://app.example/api/xero/webhook")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"NAMES": "app/WarmUp", "STATUS": "401"}, "has these functions: WarmUp"),
        ({"NAMES": "", "STATUS": "401"}, "has these functions: none"),
        ({"NAMES": FOUR, "STATUS": "500"}, "The webhook answered 500"),
        ({"NAMES": FOUR, "STATUS": "200"}, "The webhook answered 200"),
    ],
)
def test_a_deployment_that_does_not_run(tmp_path: Path, answers: dict[str, str], told: str) -> None:
    """A missing function or a webhook that takes anything fails the workflow, which names what is wrong."""
    done, _ = deployed(tmp_path, **answers)
    assert done.returncode == 1
    assert told in done.stderr


def test_the_changelog_begins_with_this_version() -> None:
    """Whoever raises the version says what it brings, newest first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    entries = re.findall(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert entries[0] == project
    assert entries == sorted(entries, key=lambda each: [int(part) for part in each.split(".")], reverse=True)


def test_the_version_of_a_checkout(tmp_path: Path) -> None:
    """pyproject.toml's number and git's commit, marked when there is more than it; without git the commit is unknown."""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.1.0"\n')
    outside = version.of_checkout(tmp_path)
    assert (outside.version, outside.commit) == ("7.1.0", "unknown")

    def git(*words: str) -> str:
        named = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "init.defaultBranch=main"]
        done = subprocess.run(
            ["git", *named, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("add", "--all")
    git("commit", "--quiet", "--message", "one")
    committed = version.of_checkout(tmp_path)
    assert committed.commit == git("rev-parse", "HEAD")
    assert committed.committed.startswith("20")
    (tmp_path / "new.py").write_text("")
    assert version.of_checkout(tmp_path).commit == f"{committed.commit}+changes"
