"""Two users' organisations in one running cloud: each goes into its own dataset, and one leaves without the other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
import requests

from local.cloud import Cloud
from local.company import first_day, generate
from local.comparison import compare
from shared import wiring
from shared.state.connections import Organisation, connected
from shared.tables import TABLES
from tests.system.running import BY_HAND, Running, browser_of, delivery, event, eventually, manage


@dataclass(frozen=True)
class Told:
    """What a command said, with exit code 0."""

    lines: list[str]

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@dataclass(frozen=True)
class Story:
    """Perth by a first user into the dataset that is the default, Auckland by a second one into `nz`; then Auckland leaves.

    told: the commands in their order. rows: of Auckland in nz's tables, before and after it left.
    """

    perth: Running
    auckland: Running
    told: dict[str, Told]
    before: dict[str, int]
    after: dict[str, int]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, today: date, azurite_installed: None) -> Iterator[Story]:
    """All of it, in a cloud of its own, by the commands that a person runs."""
    folder, start = tmp_path_factory.mktemp("organisations"), first_day(today)
    _, perth, auckland = generate(11, today, documents=300)
    with Cloud(folder, start_date=start, more=BY_HAND, fixed_ports=False) as cloud:
        told: dict[str, Told] = {}

        def run(name: str, *words: str, user: str = "") -> None:
            settings = ("--settings", str(cloud.settings_file))
            done = manage(*words, *settings, columns=1000, browser=browser_of(user, folder) if user else "")
            assert done.returncode == 0, done.stdout + done.stderr
            told[name] = Told(done.stdout.splitlines())

        cloud.xero.switches.update({"minute_limit": 6000})
        for books in (perth, auckland):
            cloud.load(books)
        connector = wiring.build(cloud.values)
        connector.store.prepare()
        run("connect", "connect", "--all", "--yes", user=perth["user"])
        run("connect nz", "connect", "--all", "--yes", "--dataset", "nz", user=auckland["user"])
        run("dataset", "dataset")
        ids = dict(re.findall(r"dataset '(.*)' in Power BI: (\S+)", "\n".join(told["dataset"].lines)))
        organisations = {each.tenant_id: each for each in connected(connector.store)}

        def running(books: dict[str, Any], name: str) -> Running:
            organisation: Organisation = organisations[books["tenant_id"]]
            return Running(cloud, connector, organisation, books, ids[name], start)

        here, there = running(perth, "Xero"), running(auckland, "Xero nz")
        cloud.subscribe()
        cloud.start_host()
        here.poll()
        for each in (here, there):
            eventually(lambda each=each: not each.differences(), "the history in Power BI", every=0.5)  # type: ignore[misc]
        run("organisations", "organisations")
        run("backfill", "backfill")
        run("replay", "replay")
        before = rows(there)
        run("disconnect", "disconnect", auckland["name"].upper(), "--yes")
        # Both change; only one is of interest any more, to webhooks and to the poll.
        changed = here.invoices()[0]
        for each in (there, here):
            each.change("Invoices", each.invoices()[0], Reference="after the other left")
        body = delivery(*(event(each.tenant_id, each.invoices()[0]) for each in (there, here)))
        assert here.post(body).status_code == 200
        here.await_reference(changed, "after the other left")
        here.change("Contacts", perth["resources"]["Contacts"][0]["ContactID"], Name="Renamed since")
        here.poll()
        eventually(lambda: here.rows("Contacts", Name="Renamed since"), "the change that the poll found")
        run("organisations after", "organisations")
        yield Story(here, there, told, before, rows(there))


def rows(running: Running) -> dict[str, int]:
    """How many rows of the organisation each table of its dataset holds."""
    return {name: len(running.rows(name, TenantID=running.tenant_id)) for name in TABLES}


def test_each_consent_says_where_its_rows_go(story: Story) -> None:
    """`connect` tells what it connected and into which dataset, and which command makes that."""
    perth, auckland = story.perth.organisation, story.auckland.organisation
    first, second = story.told["connect"], story.told["connect nz"]
    assert f"Connected: {perth.name} (AUD), {perth.tenant_id}, dataset default" in first
    assert "Next: `python3 manage.py dataset create`, since" in first
    assert f"Connected: {auckland.name} (NZD), {auckland.tenant_id}, dataset nz" in second
    assert "Next: `python3 manage.py dataset create nz`, since" in second
    assert perth.name not in second
    assert perth.token_set != auckland.token_set


def test_dataset_without_a_name_makes_all_in_use(story: Story) -> None:
    """Both datasets are made, each named with whose rows go into it."""
    told = story.told["dataset"]
    for running, name in ((story.perth, "Xero"), (story.auckland, "Xero nz")):
        assert f"Made dataset '{name}' in Power BI: {running.powerbi_id}" in told
        assert f"  Organisations: {running.organisation.name}" in told.lines
    made = requests.get(f"{story.perth.cloud.powerbi_url}/_sim/datasets", timeout=30).json()
    assert {each["id"]: each["name"] for each in made} == {
        story.perth.powerbi_id: "Xero",
        story.auckland.powerbi_id: "Xero nz",
    }


def test_rows_go_where_they_belong(story: Story) -> None:
    """Each dataset holds the rows of its own organisation, in the tables that have records, and nobody else's."""
    for running in (story.perth, story.auckland):
        assert running.rows("Invoices")
        assert len(running.rows("Organisations")) == 1
        for name in TABLES:
            assert {row["TenantID"] for row in running.rows(name)} <= {running.tenant_id}, name
    assert {row["BaseCurrency"] for row in story.auckland.rows("Organisations")} == {"NZD"}


def test_the_commands_that_look_name_both(story: Story) -> None:
    """`organisations` lists dataset, consent and history; `backfill` says that nothing is to be done; `replay` that there is nothing."""
    told, listed = story.told, story.told["organisations"]
    for running, dataset, currency in ((story.perth, "default", "AUD"), (story.auckland, "nz", "NZD")):
        each = running.organisation
        assert (
            f"{each.name} ({currency}), {each.tenant_id}: dataset {dataset}, consent given, "
            f"token set {each.token_set}, history read"
        ) in listed.lines
        assert each.name in told["backfill"]
    assert sum(line.strip() == "The history is read." for line in told["backfill"].lines) == 2
    assert "All histories are read and in Power BI" in told["backfill"]
    assert "Nothing lies in the quarantine that could be tried again." in told["replay"].lines


def test_disconnect_says_what_stays(story: Story) -> None:
    """Rows, records and audit stay, the tokens of a consent that nobody needs are ended at Xero, which forgets the connection."""
    told, auckland = story.told["disconnect"], story.auckland.organisation
    assert f"Disconnected {auckland.name}." in told.lines
    assert "- Power BI: its rows stay in 'Xero nz'." in told
    assert "- Storage: its records stay in table mirror" in told
    assert f"the tokens of xero-tokens-{auckland.token_set} are ended" in told
    assert "- Xero: the connection is gone." in told.lines
    assert story.after == story.before
    assert story.after["Invoices"] >= 30
    identity = story.auckland.cloud.xero.identity
    assert [each.tenant_id for each in identity.connections.values()] == [story.perth.tenant_id]


def test_the_other_goes_on(story: Story) -> None:
    """What was changed since arrives by webhook and by poll; the events of the one that left are counted as unknown."""
    assert story.told["organisations after"].lines[-1].startswith(story.perth.organisation.name)
    assert story.auckland.organisation.name not in story.told["organisations after"]
    start = story.perth.start
    cloud = story.perth.cloud
    tables = compare(
        cloud.xero_url, cloud.powerbi_url, story.perth.tenant_id, story.perth.powerbi_id, start=start
    )
    assert [str(each) for table in tables.values() for each in table.mismatches] == []
    (ignored,) = story.perth.audit(what="webhook", outcome="ignored")
    assert (ignored["why"], ignored["count"]) == ("unknown organisation", 1)
