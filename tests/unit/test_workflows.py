"""The workflows of GitHub Actions, read as YAML: what they run, by whose code, and with which rights."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def steps(path: Path) -> list[dict[str, Any]]:
    """All steps of all jobs."""
    return [step for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values() for step in job["steps"]]


def runs(path: Path) -> str:
    """All that is run in a shell."""
    return "\n".join(step.get("run", "") for step in steps(path))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(path: Path) -> None:
    """Whoever moves a tag of an action cannot change what runs here; the tag is told beside the commit."""
    used = [line.strip() for line in path.read_text("utf-8").splitlines() if re.match(r"\s*-? *uses:", line)]
    assert used
    assert [
        line for line in used if not re.fullmatch(r"-? *uses: [\w./-]+@[0-9a-f]{40} # v[\d.]+", line)
    ] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_ask_for_their_rights(path: Path) -> None:
    """Each workflow says what it may do, and nothing may write to the repository."""
    workflow = yaml.safe_load(path.read_text("utf-8"))
    granted = [workflow["permissions"], *(job.get("permissions", {}) for job in workflow["jobs"].values())]
    assert {(name, right) for rights in granted for name, right in rights.items()} <= {
        ("contents", "read"),
        ("id-token", "write"),
    }


def test_ci_runs_tests_compiler_and_audit() -> None:
    """A change is tested on the Python that Azure runs, compiled by the real Bicep, and audited with both locks."""
    path = ROOT / ".github" / "workflows" / "ci.yml"
    run = runs(path)
    for wanted in (
        *(
            "python3 manage.py test",
            "bicep build infra/main.bicep",
            "bicep build-params infra/main.bicepparam",
        ),
        *(
            'bicep lint "$file"',
            "exit 1",
            "--requirement requirements.txt",
            "--requirement requirements-dev.txt",
        ),
    ):
        assert wanted in run, wanted
    given = [step["with"] for step in steps(path) if "with" in step]
    assert {"python-version": "3.13"} in given
    assert {"node-version": "20"} in given


def test_the_audit_looks_at_what_is_installed_and_fails_the_build() -> None:
    """pip-audit, of one version, reads the lock with its hashes as it is, in its own job; whatever it finds fails the build.

    Nothing is left out of its judgement, and it runs each week, since holes become known without a change of ours.
    """
    path = ROOT / ".github" / "workflows" / "ci.yml"
    workflow = yaml.safe_load(path.read_text("utf-8"))
    job = workflow["jobs"]["audit"]
    assert "continue-on-error" not in job and "if" not in job
    [step] = [each for each in job["steps"] if "pip_audit" in each.get("run", "")]
    assert "continue-on-error" not in step and "if" not in step
    lines = [line.strip() for line in step["run"].splitlines()]
    assert re.fullmatch(r"python3 -m pip install pip-audit==\d+\.\d+\.\d+", lines[0])
    # bash -e of GitHub ends at the first that fails; nothing here takes the failure away.
    assert lines[1:] == [
        f"python3 -m pip_audit --require-hashes --disable-pip --requirement {name}"
        for name in ("requirements.txt", "requirements-dev.txt")
    ]
    # YAML reads the key `on` as true.
    assert workflow[True]["schedule"]
    lock = (ROOT / "requirements.txt").read_text("utf-8")
    entries = [each for each in re.split(r"^(?=\w)", lock, flags=re.MULTILINE) if re.match(r"\w", each)]
    assert len(entries) > 20
    pinned = re.compile(r"[\w.-]+==[\w.]+[^\n]* \\\n    --hash=sha256:[0-9a-f]{64}")
    assert [each for each in entries if not pinned.match(each)] == []


def test_ci_gives_every_parameter_without_a_default() -> None:
    """The variables that main.bicepparam needs are set where it is built."""
    text = (ROOT / "infra" / "main.bicepparam").read_text("utf-8")
    needed = set(re.findall(r"readEnvironmentVariable\('(\w+)'\)", text))
    job = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]["infra"]
    assert needed
    assert needed <= set(job["env"])
