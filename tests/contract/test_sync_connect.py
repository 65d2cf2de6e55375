"""Connecting organisations: a consent that was asked for, answered and kept, whatever happens on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from local.simulation import Fault
from shared.errors import ConnectorError, ConsentLost, LeaseBusy, LimitReached, SettingsError
from shared.state import checkpoints, connections, sink
from shared.state.checkpoints import Checkpoint
from shared.state.connections import DEFAULT_DATASET
from shared.sync.connect import ask_for_consent, finish_consent
from shared.sync.refresh import LEASE_SECONDS, hold_token_set
from shared.xero.identity import InvalidGrant
from shared.xero.resources import RESOURCES, scopes
from tests.support import books, offices
from tests.support.killing import Killed, Life
from tests.support.world import XERO_CLIENT, World

NewWorld = Callable[..., World]


def organisation(world: World) -> connections.Organisation:
    found = connections.find(world.store, books.TENANT)
    assert found is not None
    return found


def test_the_whole_flow(world: World) -> None:
    """A consent given in the browser becomes a token set in the vault and an organisation with its base currency."""
    [found] = world.connect()
    assert (found.tenant_id, found.name, found.base_currency) == (books.TENANT, "Larkspur", "AUD")
    assert found == organisation(world)
    tokens = world.connector.secrets().token_set(found.token_set)
    assert (tokens.generation, tokens.token_set) == (1, found.token_set)
    assert tokens.scope.split() == scopes(world.connector.resources.values()).split()
    assert tokens.expires_at - tokens.obtained_at == timedelta(minutes=30)
    [row] = world.audit("connect", "done")
    assert row["organisation"] == books.TENANT


def test_only_reading_is_asked_for() -> None:
    """The consent asks for reading what is read, for a refresh token, and for nothing else."""
    asked = set(scopes(RESOURCES.values()).split())
    assert asked >= {resource.scope for resource in RESOURCES.values()} | {"offline_access"}
    assert all(scope.endswith(".read") for scope in asked - {"openid", "profile", "offline_access"})


@pytest.mark.parametrize("wrong", ["", "x", "state of another"])
def test_a_wrong_state(world: World, wrong: str) -> None:
    """A redirect with another state than ours is refused, its code never used, and nothing is stored."""
    consent = ask_for_consent(world.connector)
    answer = world.press_allow(consent.url).replace(consent.state, wrong)
    with pytest.raises(ConsentLost, match="state"):
        finish_consent(world.connector, consent, answer)
    assert connections.connected(world.store) == []
    assert "POST /connect/token" not in world.xero.statistics.as_dict()["by_path"]


def test_states_cannot_be_guessed(world: World) -> None:
    """Each consent has a state of its own, long enough that nobody guesses it."""
    states = {ask_for_consent(world.connector).state for _ in range(20)}
    assert len(states) == 20
    assert min(map(len, states)) >= 40


def test_a_refusal(world: World) -> None:
    """A user who cancels is told so, in Xero's word."""
    consent = ask_for_consent(world.connector)
    answer = world.press_allow(consent.url, decision="cancel")
    with pytest.raises(ConsentLost) as caught:
        finish_consent(world.connector, consent, answer)
    assert caught.value.vendor_words == "access_denied"


def test_a_code_works_once(world: World) -> None:
    """A redirect that is used a second time changes nothing of what the first one brought."""
    consent = ask_for_consent(world.connector)
    answer = world.press_allow(consent.url)
    finish_consent(world.connector, consent, answer)
    with pytest.raises(InvalidGrant):
        finish_consent(world.connector, consent, answer)
    assert world.connector.secrets().token_set(organisation(world).token_set).generation == 1


def test_a_code_that_is_too_old(world: World) -> None:
    """A redirect that comes after five minutes asks to start again."""
    consent = ask_for_consent(world.connector)
    answer = world.press_allow(consent.url)
    world.clock.advance(301)
    with pytest.raises(InvalidGrant):
        finish_consent(world.connector, consent, answer)


def test_a_redirect_without_a_code(world: World) -> None:
    """A redirect that carries no code is told as such."""
    consent = ask_for_consent(world.connector)
    with pytest.raises(ConsentLost, match="no code"):
        finish_consent(world.connector, consent, f"http://localhost:8400/callback?state={consent.state}")


def test_a_consent_renewed(world: World) -> None:
    """A new consent goes on where the last one stopped: same dataset, next generation, nothing read again."""
    world.connect()
    world.settle()
    connections.save(world.store, replace(organisation(world), dataset="special"))
    before = {name: checkpoints.load(world.store, books.TENANT, name) for name in RESOURCES}
    [found] = world.connect(with_dataset=False)
    assert found.dataset == "special"
    assert world.connector.secrets().token_set(found.token_set).generation == 2
    assert {name: checkpoints.load(world.store, books.TENANT, name) for name in RESOURCES} == before


def test_what_was_put_off_is_due_again(world: World) -> None:
    """What waited for a person is read as soon as the new consent is there."""
    world.connect()
    world.xero_fault(
        "status",
        path=r"/api\.xro/2\.0/Contacts",
        status=401,
        headers={"WWW-Authenticate": 'Bearer error="insufficent_scope"'},
    )
    world.poll()
    [asked] = world.audit("poll", "ask")
    assert (asked["resource"], "connect" in asked["error"]) == ("Contacts", True)
    assert checkpoints.load(world.store, books.TENANT, "Invoices").history
    world.connect()
    world.poll()
    world.drain_queue()
    assert world.differences() == []


def test_two_organisations_of_one_user(new_world: NewWorld) -> None:
    """One consent may connect several organisations, which then share a token set."""
    world = new_world()
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other")
    found = world.connect()
    assert {each.tenant_id for each in found} == {books.TENANT, books.OTHER_TENANT}
    assert len({each.token_set for each in found}) == 1
    world.settle()
    assert world.differences() == []
    assert world.differences(tenant_id=books.OTHER_TENANT) == []


def test_a_second_connect_adds_and_moves_nothing(new_world: NewWorld) -> None:
    """Who connects one more organisation into another dataset leaves those of before where and as they were."""
    world = new_world()
    offices.load(world, offices.SYDNEY)
    offices.join(world)
    offices.settle(world)
    before = {name: checkpoints.load(world.store, offices.SYDNEY, name) for name in world.connector.resources}
    high = sink.read(world.store, DEFAULT_DATASET).version_high
    offices.load(world, offices.AUCKLAND)
    found = {each.tenant_id: each.dataset for each in offices.join(world, into="islands")}
    assert found == {offices.SYDNEY: DEFAULT_DATASET, offices.AUCKLAND: "islands"}
    assert before == {
        name: checkpoints.load(world.store, offices.SYDNEY, name) for name in world.connector.resources
    }
    offices.settle(world)
    assert sink.read(world.store, DEFAULT_DATASET).version_high == high
    assert offices.differences(world, offices.SYDNEY) == []
    assert offices.differences(world, offices.AUCKLAND, "islands") == []


def test_two_users_of_one_organisation(new_world: NewWorld) -> None:
    """An organisation that a second user connects lives on the newer consent, and outlives the end of the older."""
    world = new_world()
    offices.load(world, offices.SYDNEY)
    [first] = offices.join(world)
    offices.load(world, offices.SYDNEY, user="user-2")
    [second] = offices.join(world, user="user-2")
    assert first.token_set != second.token_set
    assert first.connection_id != second.connection_id
    older = world.connector.secrets().token_set(first.token_set)
    world.xero.identity.revoke(world.xero.identity.clients[XERO_CLIENT], older.refresh_token)
    offices.pass_time(world, hours=1)
    offices.settle(world)
    assert not offices.organisation(world, offices.SYDNEY).consent_lost
    assert offices.differences(world, offices.SYDNEY) == []
    assert world.connector.secrets().token_set(first.token_set, fresh=True) == older


def test_renewing_needs_no_call_of_the_day(new_world: NewWorld) -> None:
    """A consent is renewed, and another organisation added, while one of them is at its limit."""
    world = new_world()
    offices.load(world, offices.SYDNEY)
    offices.join(world)
    offices.use_up(world, offices.SYDNEY, "day")
    offices.load(world, offices.AUCKLAND)
    world.calls.clear()
    found = {each.tenant_id: each.base_currency for each in offices.join(world)}
    assert found == {offices.SYDNEY: "AUD", offices.AUCKLAND: "NZD"}
    assert [call.resource for call in world.calls] == ["Organisation"]


def test_one_that_cannot_be_connected_stops_no_other(new_world: NewWorld) -> None:
    """What Xero does not answer about one organisation is raised when the others are connected; the next try adds it."""
    world = new_world()
    offices.load(world, *offices.NAMES)
    offices.use_up(world, offices.AUCKLAND, "minute")
    with pytest.raises(LimitReached) as caught:
        offices.join(world)
    assert offices.NAMES[offices.AUCKLAND] in str(caught.value.__notes__)
    assert {each.tenant_id for each in connections.connected(world.store)} == {offices.SYDNEY, offices.PERTH}
    [row] = world.audit("connect", "ask")
    assert row["organisation"] == offices.AUCKLAND
    world.advance(61)
    offices.join(world)
    offices.settle(world)
    assert [offices.differences(world, each) for each in offices.NAMES] == [[], [], []]


def test_what_a_late_run_left_behind(world: World) -> None:
    """An organisation that is connected anew begins with its history, whatever checkpoints lie there."""
    late = Checkpoint(tenant_id=books.TENANT, resource="Invoices", history="history-of-old", records=7)
    replace(late, next_at=world.clock.now() + timedelta(days=1)).save(world.store)
    world.connect()
    world.settle()
    assert world.differences() == []


def test_no_organisation(world: World) -> None:
    """A user who connected nothing is told to choose an organisation."""
    consent = ask_for_consent(world.connector)
    answer = world.press_allow(consent.url)
    world.xero.identity.connections.clear()
    with pytest.raises(ConsentLost, match="choose one"):
        finish_consent(world.connector, consent, answer)


def test_killed_anywhere(world: World) -> None:
    """A crash at any point of connect leaves nothing that a second connect does not put right."""
    world.load(books.plain_books())
    again = world.snapshot()
    whole = Life()
    consent = ask_for_consent(world.connector)
    finish_consent(world.mortal(whole), consent, world.press_allow(consent.url))
    for effect in range(whole.effects):
        again()
        consent = ask_for_consent(world.connector)
        with pytest.raises(Killed):
            finish_consent(world.mortal(Life(effect)), consent, world.press_allow(consent.url))
        world.connect()
        world.settle()
        assert world.differences() == [], effect


@pytest.mark.parametrize("commits", [True, False])
def test_the_vaults_reply_is_lost(world: World, commits: bool) -> None:
    """A consent is not lost with the vault's reply to its save."""
    world.identity.faults["vault"].add(
        Fault("reset", method="PUT", path="/secrets/xero-tokens-.*", commits=commits, times=4)
    )
    world.connect()
    world.settle()
    assert world.differences() == []


def test_a_refresh_under_way(world: World) -> None:
    """Connect waits for a refresh that is under way, whose tokens would else take the place of the new ones."""
    world.connect(with_dataset=False)
    hold_token_set(world.connector, organisation(world).token_set)
    began = world.clock.now()
    world.restart()
    world.connect(with_dataset=False)
    assert world.connector.secrets().token_set(organisation(world).token_set).generation == 2
    assert world.clock.now() - began >= timedelta(seconds=LEASE_SECONDS)


def test_a_lease_that_never_ends(world: World) -> None:
    """Connect does not wait for ever."""
    world.connect(with_dataset=False)
    token_set = organisation(world).token_set
    hold_token_set(world.connector, token_set)
    with pytest.raises(LeaseBusy):
        hold_token_set(world.connector, token_set, patience=10)


@pytest.mark.parametrize("path", ["/connect/token", "/connections", r"/api\.xro/.*"])
@pytest.mark.parametrize("kind", ["status", "reset"])
def test_xero_is_down(world: World, path: str, kind: str) -> None:
    """When Xero is down connect fails in words, and works when it is tried again."""
    world.xero_fault(kind, path=path, status=503)
    with pytest.raises(ConnectorError):
        world.connect()
    world.connect()
    world.settle()
    assert world.differences() == []


def test_no_client_secret(world: World) -> None:
    """Without the app's secret connect says where to put it, before the user's code is spent."""
    world.vault.delete("xero-client-secret")
    with pytest.raises(SettingsError, match="xero-client-secret"):
        world.connect()
    assert "POST /connect/token" not in world.xero.statistics.as_dict()["by_path"]
