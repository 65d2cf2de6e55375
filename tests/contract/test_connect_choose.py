"""`connect` lists what a consent opens, asks what to read and where to, and remembers what nobody chose."""

import socket
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
import requests

from commands import connect
from commands.choose import Wanted
from commands.redirect import Redirect
from commands.terminal import console
from shared.errors import AskPerson, ConsentLost
from shared.state import connections
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connect import ask_for_consent
from shared.sync.dataset import ensure_dataset
from shared.xero.identity import code_of_redirect
from tests.support import books, offices
from tests.support.offices import AUCKLAND, PERTH, SYDNEY
from tests.support.world import XERO_CLIENT, World

NewWorld = Callable[..., World]
ALL = Wanted(everything=True, yes=True)


class Person:
    """Gives consent at Xero, answers what the terminal asks, in this order, and then leaves. `shown`: what it said."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.shown = ""
        self._answers: list[str] = []
        patch.setattr(console, "input", self._answer)
        # So that a sentence is a line.
        patch.setattr(console, "_width", 1000)

    def connects(
        self, *answers: str, wanted: Wanted | None = None, user: str = "user-1", without: Iterable[str] = ()
    ) -> list[str]:
        """The lines that are shown. without: what is not ticked on Xero's page."""
        self._answers = list(answers)
        consent = ask_for_consent(self.world.connector)
        address = self.world.press_allow(consent.url, user, without=without)
        captured = console.capture()
        try:
            with captured:
                connect.finish(self.world.connector, consent, address, wanted or Wanted())
        finally:
            self.shown = captured.get()
        assert not self._answers, f"not asked for: {self._answers}"
        return self.shown.splitlines()

    def _answer(self, prompt: str) -> str:
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)


@pytest.fixture
def world(new_world: NewWorld) -> World:
    """Three offices of one user at Xero; none is connected."""
    made = new_world(settings={"POLL_MINUTES": "15"})
    offices.load(made, SYDNEY, AUCKLAND, PERTH, plain=True)
    return made


@pytest.fixture
def person(world: World, monkeypatch: pytest.MonkeyPatch) -> Person:
    return Person(world, monkeypatch)


def datasets(world: World) -> dict[str, str]:
    return {each.tenant_id: each.dataset for each in connections.connected(world.store)}


def left_out(world: World) -> set[str]:
    return {each.tenant_id for each in connections.not_chosen(world.store)}


def at_xero(world: World) -> set[str]:
    return {each.tenant_id for each in world.xero.identity.connections.values()}


# Asked


def test_each_new_organisation_is_asked_for(world: World, person: Person) -> None:
    """Yes by an empty line, into the dataset that is proposed; a new one after its name and a yes; no leaves one out."""
    lines = person.connects("", "islands", "yes", "no", "yes", "", "no")
    assert datasets(world) == {AUCKLAND: "islands", SYDNEY: DEFAULT_DATASET}
    assert left_out(world) == {PERTH}
    assert lines[0] == "Xero opens 3 organisations by this consent, 3 new."
    assert f"Sync Larkspur Auckland, {AUCKLAND}? yes or no (yes)" in lines
    assert "Into which dataset? There is default; another name makes a new one (default)" in lines
    assert "Into which dataset? There are default, islands; another name makes a new one (default)" in lines
    assert f"Not chosen: Larkspur Perth, {PERTH}. Nothing is read of it." in lines


def test_who_will_see_it_is_said(world: World, person: Person) -> None:
    """In one line, with whose figures the readers see already; push datasets have no row-level security."""
    person.connects(wanted=replace(ALL, everything=False, organisations=[SYDNEY]))
    lines = person.connects("no", "yes", "default", "no")
    [told] = [line for line in lines if line.startswith("Who sees it: ")]
    assert "'Xero' in Power BI" in told
    assert "and with it Larkspur Sydney" in told
    assert "no row-level security" in told


def test_a_new_dataset_is_confirmed(world: World, person: Person) -> None:
    """A mistyped name asks again; so does a no to a name that is new."""
    person.connects("yes", "is lands", "isalnds", "no", "default", "no", "no", "no")
    assert datasets(world) == {AUCKLAND: DEFAULT_DATASET}
    assert "names no dataset" in person.shown
    assert "isalnds is new: 'Xero isalnds'. Take it? yes or no (no)" in person.shown


def test_the_dataset_of_the_command_line_is_proposed(world: World, person: Person) -> None:
    """--dataset is what an empty line takes."""
    person.connects("", "", "no", "no", "no", wanted=Wanted(dataset="islands"))
    assert datasets(world) == {AUCKLAND: "islands"}


def test_nobody_answers(world: World, person: Person) -> None:
    """A closed terminal keeps the consent: known organisations are renewed, nothing new is read, the next connect offers it."""
    person.connects(wanted=replace(ALL, everything=False, organisations=["Larkspur Sydney"]))
    with pytest.raises(AskPerson, match="--all or --organisation"):
        person.connects()
    assert datasets(world) == {SYDNEY: DEFAULT_DATASET}
    assert f"Renewed: Larkspur Sydney (AUD), {SYDNEY}, dataset default" in person.shown
    assert left_out(world) == {AUCKLAND, PERTH}
    organisation = offices.organisation(world, SYDNEY)
    assert world.connector.secrets().token_set(organisation.token_set, fresh=True).generation == 2


def test_one_that_was_not_chosen_is_not_proposed_again(world: World, person: Person) -> None:
    """It is offered, told as such, and an empty line leaves it out once more; a yes reads it."""
    person.connects("no", "no", "no", "no")
    lines = person.connects("", "yes", "", "", "no")
    assert f"Sync Larkspur Perth (not chosen last time), {PERTH}? yes or no (no)" in lines
    assert (datasets(world), left_out(world)) == ({PERTH: DEFAULT_DATASET}, {AUCKLAND, SYDNEY})


@pytest.mark.parametrize("answer", ["maybe", "1"])
def test_an_answer_that_is_none(world: World, person: Person, answer: str) -> None:
    """It is asked for again, a few times."""
    person.connects(answer, "no", "no", "no", "no")
    assert "Type yes or no." in person.shown
    with pytest.raises(AskPerson):
        person.connects(*[answer] * 10)


# Said on the command line


def test_named_organisations_alone(world: World, person: Person) -> None:
    """By name in any case or tenant id, several; nobody is asked, the others are left out."""
    person.connects(wanted=Wanted(organisations=["larkspur sydney", PERTH]))
    assert datasets(world) == {SYDNEY: DEFAULT_DATASET, PERTH: DEFAULT_DATASET}
    assert left_out(world) == {AUCKLAND}


def test_an_unknown_name(world: World, person: Person) -> None:
    """The refusal lists what the consent opens, and nothing is connected."""
    with pytest.raises(AskPerson) as caught:
        person.connects(wanted=Wanted(organisations=["Larkspur"]))
    assert all(f"  {each}  {name}" in str(caught.value) for each, name in offices.NAMES.items())
    assert datasets(world) == {}


def test_a_name_that_is_connected_already(world: World, person: Person) -> None:
    """Naming it again is no mistake: a script may be run twice."""
    named = Wanted(organisations=["Larkspur Sydney"], yes=True)
    person.connects(wanted=named)
    person.connects(wanted=named)
    assert datasets(world) == {SYDNEY: DEFAULT_DATASET}


def test_a_script_says_yes_to_a_new_dataset(world: World, person: Person) -> None:
    """Without --yes a dataset of a new name is asked for; a script that nobody sits at ends, and nothing is connected."""
    with pytest.raises(AskPerson):
        person.connects(wanted=Wanted(dataset="islands", everything=True))
    assert datasets(world) == {}
    assert "Dataset islands is new: 'Xero islands'." in person.shown
    person.connects(wanted=replace(ALL, dataset="islands"))
    assert set(datasets(world).values()) == {"islands"}


# What is not chosen


def test_what_is_not_chosen_is_neither_read_nor_forgotten(world: World, person: Person) -> None:
    """It is not polled, and its webhooks are counted as what they are; choosing it later reads its history."""
    person.connects(wanted=Wanted(organisations=[SYDNEY]))
    ensure_dataset(world.connector, DEFAULT_DATASET)
    world.calls.clear()
    offices.settle(world)
    assert {call.tenant_id for call in world.calls} == {SYDNEY}
    assert world.webhook([("INVOICE", books.record_id("Invoices", 1))], tenant_id=PERTH) == 0
    stranger = "4f9d6a52-7e88-4f42-8e9b-af5b9e6d3a54"
    assert world.webhook([("INVOICE", books.record_id("Invoices", 1))], tenant_id=stranger) == 0
    ignored = {row["why"]: row["count"] for row in world.audit("webhook", "ignored")}
    assert ignored == {"organisation not chosen": 1, "unknown organisation": 1}
    person.connects(wanted=ALL)
    assert left_out(world) == set()
    offices.settle(world)
    assert offices.differences(world, PERTH) == []


@pytest.mark.parametrize("how", ["asked", "said"])
def test_its_connection_may_be_ended_at_xero(world: World, person: Person, how: str) -> None:
    """Only when it is wished: a connection counts in Xero's tier. Tokens and the chosen ones live on."""
    if how == "asked":
        person.connects("yes", "", "no", "no", "yes")
    else:
        person.connects(wanted=Wanted(organisations=[AUCKLAND], disconnect_others=True))
    assert (at_xero(world), left_out(world)) == ({AUCKLAND}, set())
    assert "Disconnected at Xero: Larkspur Perth" in person.shown
    world.advance(1300)
    world.refresh()
    assert world.audit("refresh", "ask") == []


def test_it_stays_connected_at_xero_otherwise(world: World, person: Person) -> None:
    """A script that does not say so ends no connection."""
    person.connects(wanted=Wanted(organisations=[AUCKLAND]))
    assert at_xero(world) == {SYDNEY, AUCKLAND, PERTH}


# What is lost, missing or full


def test_fewer_organisations_than_before(world: World, person: Person) -> None:
    """What Xero lists no more is said with what that means, is not read any more, and heals by the next consent."""
    person.connects(wanted=ALL)
    held = world.xero.identity.connections
    [gone] = [key for key, each in held.items() if each.tenant_id == PERTH]
    del held[gone]
    lines = person.connects(wanted=ALL, without=[PERTH])
    [told] = [line for line in lines if line.startswith("Lost: ")]
    assert told.startswith(f"Lost: Larkspur Perth, {PERTH}.")
    assert [each.tenant_id for each in connections.connected(world.store) if each.consent_lost] == [PERTH]
    person.connects(wanted=ALL)
    assert not any(each.consent_lost for each in connections.connected(world.store))


def test_one_that_is_not_ticked_again_is_not_lost(world: World, person: Person) -> None:
    """Xero keeps the connection of an organisation that a later consent does not name, and so does the connector."""
    person.connects(wanted=ALL)
    world.advance(86400)
    lines = person.connects(wanted=ALL, without=[PERTH])
    assert f"Renewed: Larkspur Perth (AUD), {PERTH}, dataset default" in lines
    assert not any(each.consent_lost for each in connections.connected(world.store))


def test_the_starter_tier_is_full(world: World, person: Person) -> None:
    """With five connections, chosen or not, it is said that no more fit; a larger tier is not told so."""
    for letter in "ab":
        world.load(offices.office(SYDNEY), tenant_id=f"{SYDNEY[:-1]}{letter}", name=f"More {letter}")
    lines = person.connects(wanted=Wanted(organisations=[SYDNEY]))
    assert any("Starter tier takes 5" in line for line in lines)
    world.environment["XERO_DAY_LIMIT"] = "5000"
    world.restart()
    assert not any("Starter" in line for line in person.connects(wanted=Wanted(organisations=[SYDNEY])))


def test_scopes_that_were_not_granted(world: World, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """When Xero grants less than was asked for, it is said which, and where to look."""
    issue = world.xero.identity._access_token

    def less(grant: object) -> object:
        answer = issue(grant)  # type: ignore[arg-type]
        return answer | {"scope": answer["scope"].replace("accounting.contacts.read", "")}

    monkeypatch.setattr(world.xero.identity, "_access_token", less)
    lines = person.connects(wanted=ALL)
    assert any("did not grant accounting.contacts.read" in line for line in lines)


# Another deployment with the same app


def test_an_app_that_another_deployment_uses(world: World, person: Person) -> None:
    """What Xero connected to the app before, and not for this deployment, is said and not connected without a yes."""
    world.xero.identity.consent(
        world.xero.identity.clients[XERO_CLIENT], "user-1", [PERTH], ["openid"], "http://localhost/x"
    )
    world.advance(86400)
    with pytest.raises(AskPerson):
        person.connects(wanted=Wanted(everything=True))
    assert datasets(world) == {}
    assert "Xero connected Larkspur Perth to this app on 2026-" in person.shown
    assert "same XERO_CLIENT_ID" in person.shown


def test_ours_is_no_other_deployment(world: World, person: Person) -> None:
    """What this deployment saw, left out or disconnected is told from what another did."""
    person.connects(wanted=Wanted(organisations=[SYDNEY, AUCKLAND]))
    offices.leave(world, SYDNEY)
    world.advance(86400)
    person.connects(wanted=Wanted(everything=True))
    assert "another" not in person.shown.casefold()
    assert set(datasets(world)) == {SYDNEY, AUCKLAND, PERTH}


def test_a_dataset_that_another_deployment_made(world: World, new_world: NewWorld) -> None:
    """One of the same name is refused with what to do, and taken over only when asked to; then nothing is made twice."""
    ensure_dataset(world.connector, DEFAULT_DATASET)
    [theirs] = world.powerbi.datasets
    world.store = type(world.store)(world.clock)
    world.restart()
    with pytest.raises(AskPerson, match="POWERBI_DATASET_NAME"):
        ensure_dataset(world.connector, DEFAULT_DATASET)
    assert ensure_dataset(world.connector, DEFAULT_DATASET, adopt=True) == (theirs, False)
    assert ensure_dataset(world.connector, DEFAULT_DATASET) == (theirs, False)
    assert list(world.powerbi.datasets) == [theirs]


def test_what_is_said_fits_a_terminal(world: World, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What explains and asks is broken between words at 80 columns; lines of ids may run over."""
    monkeypatch.setattr(console, "_width", 80)
    lines = person.connects("yes", "islands", "yes", "no", "no", "no")
    assert [line for line in lines if len(line) > 80 and "dataset islands" not in line] == []


# Names, pages, errors


@pytest.mark.parametrize(
    "name", ["\x1b[2J\x1b]0;gone\x07Co", "A\r\nConnected: B", "Co \u202egnp.exe", "[red]Co[/red]"]
)
def test_names_are_data(world: World, person: Person, name: str) -> None:
    """Nothing in a name moves the terminal, hides the rest or makes a line of its own."""
    world.load(offices.office(SYDNEY), tenant_id=SYDNEY, name=name)
    person.connects(wanted=Wanted(organisations=[SYDNEY]))
    assert not set(person.shown) & set("\x1b\x07\r\u202e")
    shown = name.encode("unicode_escape").decode()
    assert f"Connected: {shown} (AUD), {SYDNEY}, dataset default" in person.shown.splitlines()


@pytest.fixture
def callback() -> str:
    """A redirect URI on a port that nobody listens at, since tests run side by side."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://localhost:{free.getsockname()[1]}/callback"


@pytest.mark.parametrize(
    ("query", "status", "title"),
    [
        ("code=c&state=right", 200, "Thank you"),
        ("error=access_denied&state=right", 200, "Access was not given"),
        ("code=c&state=other", 400, "This is not the answer that was waited for"),
        ("code=c", 400, "This is not the answer that was waited for"),
    ],
)
def test_the_page_says_how_it_went(query: str, status: int, title: str, callback: str) -> None:
    """Only an answer to our own request is thanked for; the code is not on the page, and the first answer counts."""
    with Redirect(callback, "right") as waiting, requests.Session() as browser:
        browser.trust_env = False
        answer = browser.get(f"{callback}?{query}", timeout=10)
        browser.get(f"{callback}?code=later&state=right", timeout=10)
        assert browser.get(callback.replace("callback", "other"), timeout=10).status_code == 404
        assert waiting.wait(1).endswith(f"?{query}")
    assert (answer.status_code, f"<h1>{title}</h1>" in answer.text) == (status, True)


def test_the_port_is_taken(callback: str) -> None:
    """A second connect on the same machine says so."""
    with Redirect(callback), pytest.raises(AskPerson, match=r"Port \d+ of XERO_REDIRECT_URI is taken"):
        Redirect(callback)


def test_no_answer_tells_of_xeros_limits(callback: str) -> None:
    """Xero's limits end on its own page, so whoever waits in vain is told of them."""
    with (
        Redirect(callback) as waiting,
        pytest.raises(AskPerson, match="2 apps that Xero has not certified"),
    ):
        waiting.wait(0.01)


def test_another_error_of_xero() -> None:
    """A redirect with an error that is no refusal carries Xero's own words."""
    with pytest.raises(ConsentLost, match="did not take") as caught:
        code_of_redirect("http://localhost/x?error=server_error&error_description=later&state=s", "s")
    assert caught.value.vendor_words == "server_error later"
