"""`connect` with a real browser: Chromium on Xero's consent page and on the page that it ends at."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Cloud
from shared import wiring
from shared.state import connections
from shared.sync.connector import Connector
from tests.support import books
from tests.system import chromium
from tests.system.running import ROOT, terminal

USER = "owner@example.com"
# A name that a page would take for its own, were it not escaped.
NAMES = {"a1": "Anchor & <b>Sons</b>", "b2": "Breakwater", "c3": "Causeway"}
TENANTS = {name: f"5a0e7b63-8f99-4053-9fac-b06caf7e4b{key}" for key, name in NAMES.items()}
ANCHOR, BREAKWATER, CAUSEWAY = TENANTS.values()


@pytest.fixture(scope="module")
def program() -> str:
    """Skips where there is no Chromium, except in a build, which would pass for the wrong reason."""
    found = chromium.find()
    if found is None:
        text = "there is no Chromium or Chrome on PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    return found


@pytest.fixture
def connector(cloud: Cloud, process_environment: pytest.MonkeyPatch) -> Iterator[Connector]:
    """The shared cloud with three organisations of a user of their own; they are gone afterwards."""
    for name, value in cloud.identity.environment().items():
        process_environment.setenv(name, value)
    for name, tenant_id in TENANTS.items():
        resources = {"Organisation": books.plain_books(tenant_id=tenant_id)["Organisation"]}
        cloud.xero.store.load(tenant_id, name, resources, USER)
    made = wiring.build(cloud.values)
    made.store.prepare()
    yield made
    for tenant_id in TENANTS.values():
        del cloud.xero.store.books[tenant_id]
        connections.remove(made.store, tenant_id)
        connections.forget_not_chosen(made.store, tenant_id)


def browser(program: str, folder: Path) -> str:
    """A browser as webbrowser looks for it in BROWSER, whose user unticks an organisation, allows, and reads on."""
    script = folder / "browser"
    form = f'form:has(input[name="user"][value="{USER}"])'
    script.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.system.chromium import Chromium\n"
        f"with Chromium({program!r}) as chromium:\n"
        "    chromium.go(sys.argv[1])\n"
        f"    chromium.click('{form} input[value=\"{CAUSEWAY}\"]')\n"
        f"    chromium.picture(Path({str(folder / 'consent.png')!r}))\n"
        f"    Path({str(folder / 'consent.txt')!r}).write_text(chromium.evaluate('document.body.innerText'))\n"
        f"    chromium.click('{form} button[value=allow]')\n"
        "    chromium.wait_for('document.title == \"Thank you\"')\n"
        f"    chromium.picture(Path({str(folder / 'thanks.png')!r}))\n"
        f"    Path({str(folder / 'thanks.txt')!r}).write_text(chromium.evaluate('document.body.innerText'))\n",
        encoding="utf-8",
    )
    script.chmod(0o700)
    return str(script)


def test_connect_in_a_browser(program: str, connector: Connector, cloud: Cloud, tmp_path: Path) -> None:
    """A person unticks an organisation on Xero's page, allows, is thanked, and chooses in the terminal what is read where.

    What was not ticked is unknown here; what was not chosen is not read, and its connection ended where that is said.
    """
    # Anchor into a dataset of its own, which is new; Breakwater not, and its connection is to end.
    answers = "yes\nharbour\nyes\nno\nyes\n"
    done = subprocess.run(
        [sys.executable, "manage.py", "connect", "--settings", str(cloud.settings_file)],
        cwd=ROOT,
        env=terminal(COLUMNS="200", BROWSER=browser(program, tmp_path)),
        input=answers,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    consent, thanks = ((tmp_path / name).read_text() for name in ("consent.txt", "thanks.txt"))
    assert all(name in consent for name in NAMES.values())
    assert "accounting.invoices.read" in consent
    assert thanks.split("\n")[1:2] == ["Thank you"]
    assert "Xero opens 2 organisations by this consent, 2 new." in done.stdout
    assert f"Connected: Anchor & <b>Sons</b> (AUD), {ANCHOR}, dataset harbour" in done.stdout
    assert f"Not chosen: Breakwater, {BREAKWATER}" in done.stdout
    assert "Disconnected at Xero: Breakwater" in done.stdout
    assert "Causeway" not in done.stdout
    ours = {each.tenant_id: each.dataset for each in connections.connected(connector.store)}
    assert {tenant_id: ours[tenant_id] for tenant_id in TENANTS.values() if tenant_id in ours} == {
        ANCHOR: "harbour"
    }
    at_xero = {each.tenant_id for each in cloud.xero.identity.connections.values()}
    assert at_xero & set(TENANTS.values()) == {ANCHOR}
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("consent.png", "thanks.png"))
