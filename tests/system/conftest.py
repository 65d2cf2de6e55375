"""The running clouds that system tests share. Everything is real but the vendors, and those are behind sockets."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from local.azurite import NodeMissing
from local.cloud import Cloud
from local.company import first_day, generate
from tests.system.running import BY_HAND, ROOT, Running, connect, eventually

# Of all three offices.
DOCUMENTS = 500


def pytest_itemcollected(item: pytest.Item) -> None:
    """What a person starts in a checkout takes the same ports as the next one, so these run one after the other."""
    if "checkout" in getattr(item, "fixturenames", []):
        item.add_marker("fixed_ports")


@pytest.fixture(scope="session")
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture(scope="session")
def books(today: date) -> dict[str, Any]:
    """The first office of a small company; its history is the same for every cloud of a run."""
    return generate(20261123, today, documents=DOCUMENTS)[0]


@pytest.fixture(scope="session")
def process_environment() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, today: date, azurite_installed: None) -> Iterator[Cloud]:
    """A cloud of its own folder and ports, whose timers run only when they are fired."""
    folder = tmp_path_factory.mktemp("cloud")
    with Cloud(folder, start_date=first_day(today), more=BY_HAND, fixed_ports=False) as cloud:
        yield cloud


@pytest.fixture(scope="session")
def running(
    cloud: Cloud, books: dict[str, Any], today: date, process_environment: pytest.MonkeyPatch
) -> Running:
    """The shared cloud with its history in Power BI and the host up. A test takes invoices of its own to change."""
    running = connect(cloud, books, first_day(today), process_environment.setenv)
    cloud.start_host()
    running.poll()
    eventually(lambda: not running.differences(), "the history in Power BI", every=0.5)
    return running


@pytest.fixture(scope="session")
def azurite_installed() -> None:
    """Skips where there is no Node.js, except in a build, which would pass for the wrong reason."""
    if shutil.which("node") is None:
        text = str(NodeMissing("there is no node on PATH"))
        if os.environ.get("CI"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)


@pytest.fixture
def checkout(tmp_path: Path, azurite_installed: None) -> Path:
    """A copy of the project with the same environment and tools, so that its .local is nobody else's."""
    shared = (".venv", ".tools")
    skipped = {".git", ".local", ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache", *shared}
    (ROOT / ".tools").mkdir(exist_ok=True)
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=lambda _, names: skipped.intersection(names))
    for name in shared:
        if (ROOT / name).exists():
            (copy / name).symlink_to(ROOT / name, target_is_directory=True)
    return copy
