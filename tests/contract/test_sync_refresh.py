"""Keeping the tokens alive: whatever goes wrong around a refresh, the next run works without a human."""

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from local.simulation import Fault
from local.xero.identity import TokenError
from shared.errors import RunEnded
from shared.secrets import TokenSet
from shared.state import connections
from shared.sync.alarms import ALARMS
from shared.sync.connector import Connector
from shared.sync.health import health
from shared.sync.refresh import GRACE, LEASE_SECONDS, ask_for_refresh, hold_token_set, save_tokens
from shared.xero.client import Request
from shared.xero.identity import XeroIdentity
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import XERO_CLIENT_SECRET, World

MINUTE = 60.0
NewWorld = Callable[..., World]


def name(world: World) -> str:
    found = connections.find(world.store, books.TENANT)
    assert found is not None
    return found.token_set


def tokens(world: World) -> TokenSet:
    """What the vault has."""
    return world.connector.secrets().token_set(name(world), fresh=True)


def works(world: World) -> bool:
    """Whether Xero takes the tokens of the vault, the refresh token too."""
    organisation = connections.find(world.store, books.TENANT)
    assert organisation is not None
    answer = world.connector.xero().get(organisation.tenant, Request("Organisation", {}))
    try:
        world.xero.identity.refresh(world.xero.identity.clients["test-xero-app"], tokens(world).refresh_token)
    except TokenError:
        return False
    return answer.status == 200


def refreshes(world: World) -> int:
    by_path = world.xero.statistics.as_dict()["by_path"]
    return int(by_path.get("POST /connect/token", 0))


def alarms(world: World) -> list[str]:
    return [row["error"] for row in world.audit("refresh", "ask")]


@pytest.mark.parametrize(("minutes", "renewed"), [(0, 0), (5, 0), (19.9, 0), (20, 1), (24, 1)])
def test_when(connected: World, minutes: float, renewed: int) -> None:
    """A token set is renewed when it is 20 minutes old, and not before."""
    connected.clock.advance(minutes * MINUTE)
    connected.refresh()
    assert tokens(connected).generation == 1 + renewed
    assert works(connected)


def test_every_five_minutes_for_hours(connected: World) -> None:
    """Over six hours of timers the access token never runs out, and Xero is asked no more than it must be."""
    asked = refreshes(connected)
    for _ in range(6 * 12):
        connected.advance(5 * MINUTE)
        connected.refresh()
        assert tokens(connected).expires_at > connected.clock.now()
    assert refreshes(connected) - asked <= 6 * 3
    assert works(connected)


def test_asked_for(connected: World) -> None:
    """A set is renewed at once when somebody met a refused token, and only once for that."""
    ask_for_refresh(connected.store, name(connected))
    connected.refresh()
    connected.refresh()
    assert tokens(connected).generation == 2


@pytest.mark.parametrize("late", [1.0, 5.0, 25.0])
def test_killed_anywhere(connected: World, late: float) -> None:
    """A refresh that is killed anywhere around Xero's answer and the save is made good by the next run in the grace."""
    connected.advance(20 * MINUTE)
    again = connected.snapshot()
    whole = Life()
    connected.refresh(connector=connected.mortal(whole))
    assert whole.effects >= 6
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            connected.refresh(connector=connected.mortal(Life(effect)))
        connected.advance(max(late * MINUTE, LEASE_SECONDS + 1))
        connected.refresh()
        assert works(connected), effect
        assert alarms(connected) == []


def test_a_lost_answer_of_xero(connected: World) -> None:
    """When Xero's answer is lost the old refresh token is used again, within the grace."""
    connected.advance(20 * MINUTE)
    connected.xero_fault("reset", path="/connect/token", commits=True)
    connected.refresh()
    assert [row["outcome"] for row in connected.audit("refresh")] == ["retried"]
    assert tokens(connected).generation == 1
    connected.advance(5 * MINUTE)
    connected.refresh()
    assert tokens(connected).generation == 2
    assert works(connected)


@pytest.mark.parametrize("kind", ["status", "reset"])
@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("times", [1, 4])
def test_a_lost_reply_of_the_vault(connected: World, kind: str, commits: bool, times: int) -> None:
    """When the vault's reply to a save is lost it is read before it is written again; the tokens are right."""
    connected.advance(20 * MINUTE)
    fault = Fault(
        kind, method="PUT", path="/secrets/xero-tokens-.*", commits=commits, times=times, status=503
    )
    connected.identity.faults["vault"].add(fault)
    connected.refresh()
    assert tokens(connected).generation == 2
    assert works(connected)
    assert alarms(connected) == []


@pytest.mark.parametrize("minutes", [5.0, 20.0])
def test_the_vault_is_down(connected: World, minutes: float) -> None:
    """A vault that is down for minutes in the middle of a save costs nothing: the runs after it make it good."""
    connected.advance(20 * MINUTE)
    down = Fault("status", method="PUT", path="/secrets/.*", status=503, times=100_000)
    connected.identity.faults["vault"].add(down)
    for _ in range(int(minutes // 5)):
        connected.refresh()
        connected.advance(5 * MINUTE)
    connected.identity.faults["vault"].clear()
    connected.refresh()
    assert tokens(connected).generation == 2
    assert works(connected)
    assert alarms(connected) == []


def test_the_whole_vault_is_down(connected: World) -> None:
    """From the save on it neither reads nor writes, for 20 minutes, and the process is another one meanwhile: no human is needed."""
    connected.advance(20 * MINUTE)
    vault = connected.identity.faults["vault"]
    vault.add(Fault("status", method="PUT", path="/secrets/.*", status=503, times=100_000))
    connected.refresh()
    vault.add(Fault("status", method="GET", path="/secrets/.*", status=503, times=100_000))
    connected.restart()
    for _ in range(4):
        connected.refresh()
        connected.poll()
        connected.advance(5 * MINUTE)
    vault.clear()
    connected.refresh()
    assert tokens(connected).generation == 2
    assert works(connected)
    assert alarms(connected) == []


def test_the_vault_cannot_be_read(connected: World) -> None:
    """Without the vault Xero is not asked: an answer that cannot be kept is not fetched."""
    connected.advance(20 * MINUTE)
    asked = refreshes(connected)
    connected.restart()
    connected.identity.faults["vault"].add(Fault("status", path="/secrets/.*", status=503, times=1000))
    connected.refresh()
    assert refreshes(connected) == asked
    assert [row["outcome"] for row in connected.audit("refresh")] == ["retried"]


def test_two_at_once(connected: World) -> None:
    """Two runs at once renew once: the second finds the lease taken and leaves."""
    connected.advance(20 * MINUTE)
    other = connected.mortal(Life())
    lease = hold_token_set(connected.connector, name(connected))
    connected.refresh(connector=other)
    assert tokens(connected).generation == 1
    connected.store.release_lease(lease)
    connected.refresh(connector=other)
    assert tokens(connected).generation == 2


def test_a_stalled_holder(connected: World) -> None:
    """A run that stalls with Xero's answer in hand, and wakes after another has saved, saves nothing."""
    connected.advance(20 * MINUTE)
    stalled = connected.connector
    lease = hold_token_set(stalled, name(connected))
    asked_at = stalled.clock.now()
    answer = stalled.xero_identity().refresh(tokens(connected).refresh_token, XERO_CLIENT_SECRET)
    connected.clock.advance(LEASE_SECONDS + 1)
    connected.refresh(connector=connected.mortal(Life()))
    saved = tokens(connected)
    with pytest.raises(RunEnded):
        save_tokens(stalled, lease, name(connected), answer, asked_at, expected=1)
    assert tokens(connected) == saved
    assert works(connected)


def stalling(world: World, minutes: float) -> Connector:
    """A process that stalls just before it asks Xero; another renews the set as soon as it may."""
    other = world.mortal(Life())
    usual = world.connector.xero_identity

    def identity() -> XeroIdentity:
        world.clock.advance(LEASE_SECONDS + 1)
        world.refresh(connector=other)
        world.clock.advance(minutes * MINUTE)
        return usual()

    return dataclasses.replace(world.connector, xero_identity=identity)


def test_a_stalled_holder_that_asks_late(connected: World) -> None:
    """From its question on the tokens that another saved live for the grace only: the next run renews them at once."""
    connected.advance(20 * MINUTE)
    connected.refresh(connector=stalling(connected, 1))
    assert tokens(connected).generation == 2
    connected.advance(5 * MINUTE)
    connected.refresh()
    assert tokens(connected).generation == 3
    connected.clock.advance(GRACE.total_seconds() + 1)
    connected.refresh()
    assert works(connected)


def test_a_stalled_holder_that_asks_too_late(connected: World) -> None:
    """A run that wakes when its token is long over, and another's is in the vault, takes no consent for lost."""
    connected.advance(20 * MINUTE)
    connected.refresh(connector=stalling(connected, 31))
    assert tokens(connected).generation == 2
    assert alarms(connected) == []
    organisation = connections.find(connected.store, books.TENANT)
    assert organisation is not None and not organisation.consent_lost
    connected.refresh()
    assert works(connected)


def test_a_lease_that_ended_before_the_save(connected: World) -> None:
    """A run whose lease has ended saves nothing, even if nobody took it: another may be asking Xero."""
    lease = hold_token_set(connected.connector, name(connected))
    asked_at = connected.clock.now()
    answer = connected.connector.xero_identity().refresh(tokens(connected).refresh_token, XERO_CLIENT_SECRET)
    connected.clock.advance(LEASE_SECONDS)
    with pytest.raises(RunEnded, match="ended before the save"):
        save_tokens(connected.connector, lease, name(connected), answer, asked_at, expected=1)
    assert tokens(connected).generation == 1


def test_a_newer_generation(connected: World) -> None:
    """A run that finds a newer generation in the vault just before its save drops its own, lease or no lease."""
    lease = hold_token_set(connected.connector, name(connected))
    asked_at = connected.clock.now()
    answer = connected.connector.xero_identity().refresh(tokens(connected).refresh_token, XERO_CLIENT_SECRET)
    other = msgspec.structs.replace(tokens(connected), generation=2)
    connected.connector.secrets().save_token_set(other)
    with pytest.raises(RunEnded, match="generation 2"):
        save_tokens(connected.connector, lease, name(connected), answer, asked_at, expected=1)
    assert tokens(connected) == other


def test_connect_in_between(connected: World) -> None:
    """A consent that is given while a refresh stalls wins: the refresh sees a new generation and drops its own."""
    connected.advance(20 * MINUTE)
    stalled = connected.connector
    lease = hold_token_set(stalled, name(connected))
    asked_at = stalled.clock.now()
    answer = stalled.xero_identity().refresh(tokens(connected).refresh_token, XERO_CLIENT_SECRET)
    connected.clock.advance(LEASE_SECONDS + 1)
    connected.restart()
    connected.connect(with_dataset=False)
    consented = tokens(connected)
    with pytest.raises(RunEnded):
        save_tokens(stalled, lease, name(connected), answer, asked_at, expected=1)
    assert tokens(connected) == consented
    assert consented.generation == 2
    assert works(connected)


def test_an_earlier_version_still_works(connected: World) -> None:
    """When Xero knows the newest refresh token no more, those of the last 30 minutes are tried, newest first."""
    connected.advance(20 * MINUTE)
    good = tokens(connected)
    connected.refresh()
    newest = tokens(connected)
    unknown = msgspec.structs.replace(newest, refresh_token="never-issued", generation=newest.generation + 1)
    connected.connector.secrets().save_token_set(unknown)
    connected.advance(20 * MINUTE)
    assert good.refresh_token != newest.refresh_token
    connected.refresh()
    assert tokens(connected).generation == newest.generation + 2
    assert works(connected)
    assert alarms(connected) == []


@pytest.mark.parametrize("how", ["revoked", "sixty days"])
def test_the_consent_is_lost(connected: World, how: str) -> None:
    """A consent that is revoked, or lay unused for 60 days, gives one alarm that names the cure; connect heals it."""
    if how == "revoked":
        client = connected.xero.identity.clients["test-xero-app"]
        connected.xero.identity.revoke(client, tokens(connected).refresh_token)
    connected.advance(60 * 86400 if how == "sixty days" else 20 * MINUTE)
    for _ in range(5):
        connected.refresh()
        connected.poll()
        connected.advance(5 * MINUTE)
    [alarm] = connected.audit("refresh", "ask")
    assert "connect" in alarm["why"]
    organisation = connections.find(connected.store, books.TENANT)
    assert organisation is not None and organisation.consent_lost
    connected.connect(with_dataset=False)
    assert works(connected)
    connected.advance(20 * MINUTE)
    connected.refresh()
    assert tokens(connected).expires_at > connected.clock.now()


def test_one_alarm_tells_of_a_lost_consent(settled: World) -> None:
    """Polls, webhooks and renewals that all meet it make one alarm, with the command that mends it, and nothing follows from it."""
    client = settled.xero.identity.clients["test-xero-app"]
    settled.xero.identity.revoke(client, tokens(settled).refresh_token)
    for minute in range(80):
        settled.advance(MINUTE)
        if minute % 5 == 0:
            settled.refresh()
        if minute % 7 == 0:
            settled.webhook([("INVOICE", books.record_id("Invoices", 2))])
        settled.poll()
        settled.drain_queue()
    [alarm] = health(settled.connector).alarms
    assert alarm.code == "consent-lost"
    assert "manage.py connect" in ALARMS[alarm.code].action
    assert len([row for row in settled.audit() if row["outcome"] == "ask"]) == 1


@pytest.mark.parametrize("how", ["poll", "webhook", "renewal"])
def test_others_go_on_when_a_consent_is_lost(new_world: NewWorld, how: str) -> None:
    """Whoever meets it first asks once; nothing of the organisation is called for any more, and all others are read."""
    world = new_world()
    world.load()
    world.load(books.small_books(tenant_id=books.OTHER_TENANT), tenant_id=books.OTHER_TENANT, user="user-2")
    world.connect()
    world.connect(user="user-2")
    world.settle()
    client = world.xero.identity.clients["test-xero-app"]
    world.xero.identity.revoke(client, tokens(world).refresh_token)
    world.change("Invoices", 2, Reference="of the other", tenant_id=books.OTHER_TENANT)
    for _ in range(3):
        world.advance((21 if how == "renewal" else 16) * MINUTE)
        if how == "renewal":
            world.refresh()
        if how == "webhook":
            for tenant_id in (books.TENANT, books.OTHER_TENANT):
                world.webhook([("INVOICE", books.record_id("Invoices", 2))], tenant_id=tenant_id)
            world.drain_queue()
        world.poll()
        world.drain_queue()
        world.refresh()
    asked = [row for row in world.audit() if row["outcome"] == "ask"]
    assert [row["what"] for row in asked] == [{"poll": "poll", "webhook": "fetch", "renewal": "refresh"}[how]]
    assert world.unmirrored("Invoices", tenant_id=books.OTHER_TENANT) == []
    lost = {each.tenant_id: each.consent_lost for each in connections.connected(world.store)}
    assert lost == {books.TENANT: True, books.OTHER_TENANT: False}


def test_each_set_by_itself(new_world: NewWorld) -> None:
    """What happens to one user's tokens does not keep another's from being renewed."""
    world = new_world()
    world.load()
    world.load(tenant_id=books.OTHER_TENANT, name="Other", user="user-2")
    world.connect(with_dataset=False)
    world.connect(user="user-2", with_dataset=False)
    client = world.xero.identity.clients["test-xero-app"]
    sets = sorted({each.token_set for each in connections.connected(world.store)})
    assert len(sets) == 2
    world.xero.identity.revoke(client, world.connector.secrets().token_set(sets[0]).refresh_token)
    world.advance(20 * MINUTE)
    world.refresh()
    generations = [world.connector.secrets().token_set(each, fresh=True).generation for each in sets]
    assert generations == [1, 2]
    assert [each.consent_lost for each in connections.connected(world.store)].count(True) == 1


@pytest.mark.parametrize("ours_is_ahead", [-240.0, 240.0])
def test_clocks_apart(new_world: NewWorld, ours_is_ahead: float) -> None:
    """Clocks that are minutes apart neither lose the tokens nor leave a call without one."""
    world = new_world()
    world.load()
    world.xero_clock.advance(-ours_is_ahead)
    world.connect(with_dataset=False)
    for _ in range(30):
        world.advance(5 * MINUTE)
        world.refresh()
        assert works(world)


def test_the_grace(connected: World) -> None:
    """The grace that the runs count on is Xero's."""
    assert GRACE.total_seconds() == connected.xero.switches.refresh_grace_seconds
