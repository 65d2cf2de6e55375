"""A custom connection: one organisation, no user, no refresh token; its tokens are asked for with the app's secret."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from commands import connect, redirect
from commands.choose import Wanted
from commands.terminal import Where, console
from local.simulation import Fault
from local.xero.identity import Client
from shared.errors import ConsentLost, SettingsError
from shared.secrets import TokenSet
from shared.state import connections
from shared.sync.connect import Granted, connect_chosen, take_custom_connection
from shared.sync.connector import Connector
from shared.sync.dataset import ensure_dataset
from shared.sync.disconnect import disconnect
from shared.sync.refresh import LEASE_SECONDS, ask_for_refresh
from shared.xero.client import CUSTOM
from shared.xero.resources import reading_scopes
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.world import XERO_CLIENT, XERO_CLIENT_SECRET, World

MINUTE = 60.0
NewWorld = Callable[..., World]


def authorise(world: World, tenant_id: str | None = books.TENANT, **more: object) -> None:
    """The app is a custom connection, authorised at Xero for an organisation, or not yet."""
    client = Client(XERO_CLIENT, XERO_CLIENT_SECRET, tenant_id=tenant_id, custom=True)
    world.xero.identity.clients[XERO_CLIENT] = replace(client, **more)  # type: ignore[arg-type]


def take(connector: Connector, dataset: str = connections.DEFAULT_DATASET) -> list[connections.Organisation]:
    granted = take_custom_connection(connector)
    return connect_chosen(connector, granted, {each.tenant_id: dataset for each in granted.new})


def tokens(world: World) -> TokenSet:
    return world.connector.secrets().token_set(CUSTOM, fresh=True)


@pytest.fixture
def custom(new_world: NewWorld) -> World:
    """A world whose app is a custom connection that nobody has connected yet."""
    world = new_world(settings={"XERO_CONNECTION": "custom"})
    world.load()
    authorise(world)
    return world


def test_the_whole_flow(custom: World) -> None:
    """A token for the app's secret, one organisation, its rows in Power BI; no refresh token, and no tenant header."""
    [found] = take(custom.connector)
    assert (found.tenant_id, found.token_set, found.base_currency) == (books.TENANT, CUSTOM, "AUD")
    assert (tokens(custom).generation, tokens(custom).refresh_token) == (1, "")
    assert tokens(custom).scope.split() == reading_scopes(custom.connector.resources.values()).split()
    assert tokens(custom).expires_at - tokens(custom).obtained_at == timedelta(minutes=30)
    custom.dataset_id, _ = ensure_dataset(custom.connector, connections.DEFAULT_DATASET)
    custom.settle()
    assert custom.differences() == []
    assert {each.tenant_id for each in custom.calls} == {""}


def test_only_reading_is_asked_for(custom: World) -> None:
    """No scope but those for reading: there is nobody to sign in, and nothing to refresh."""
    take(custom.connector)
    assert all(each.endswith(".read") for each in tokens(custom).scope.split())


@pytest.mark.parametrize(
    ("app", "secret", "said"),
    [
        ({}, "wrong", "generate a secret"),
        ({"scopes": frozenset({"accounting.contacts.read"})}, XERO_CLIENT_SECRET, "pick the scopes"),
        ({"tenant_id": None}, XERO_CLIENT_SECRET, "nobody has authorised it yet"),
        ({"tenant_id": None, "custom": False}, XERO_CLIENT_SECRET, "set XERO_CONNECTION to consent"),
    ],
    ids=["wrong secret", "scope missing", "not authorised", "a web app"],
)
def test_what_a_person_must_mend(custom: World, app: dict[str, object], secret: str, said: str) -> None:
    """Each refusal says what to do where, and nothing is saved."""
    authorise(custom, **{"tenant_id": books.TENANT, **app})  # type: ignore[arg-type]
    custom.vault.set("xero-client-secret", {"value": secret})
    custom.restart()
    with pytest.raises(SettingsError, match=said):
        take_custom_connection(custom.connector)
    assert connections.connected(custom.store) == []
    assert custom.connector.secrets().find_token_set(CUSTOM) is None


def test_a_token_without_a_connection(custom: World) -> None:
    """Where Xero gives a token before anybody authorised the connection, the same is said."""
    authorise(custom, None)
    custom.xero.switches.update({"custom_unauthorised_refused": False})
    with pytest.raises(ConsentLost, match="have the connection authorised"):
        take_custom_connection(custom.connector)
    assert connections.connected(custom.store) == []


def test_killed_anywhere_while_connecting(custom: World) -> None:
    """A crash at any effect leaves nothing that a second connect does not put right."""
    again = custom.snapshot()
    whole = Life()
    take(custom.mortal(whole))
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            take(custom.mortal(Life(effect)))
        custom.advance(LEASE_SECONDS + 1)
        take(custom.connector)
        [found] = connections.connected(custom.store)
        assert (found.tenant_id, found.consent_lost) == (books.TENANT, False), effect
        assert connections.not_chosen(custom.store) == [], effect
        assert tokens(custom).expires_at > custom.clock.now(), effect


def test_killed_anywhere_while_refreshing(custom: World) -> None:
    """A renewal that dies at any effect is made good by the next run, however late, and nobody is asked."""
    take(custom.connector)
    custom.advance(20 * MINUTE)
    again = custom.snapshot()
    whole = Life()
    custom.refresh(connector=custom.mortal(whole))
    assert whole.effects >= 6
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            custom.refresh(connector=custom.mortal(Life(effect)))
        custom.advance(86400)
        custom.refresh()
        assert tokens(custom).expires_at > custom.clock.now(), effect
        assert custom.audit("refresh", "ask") == [], effect


def test_a_lost_answer_harms_nothing(custom: World) -> None:
    """When Xero's answer is lost the next run asks again; the token in use lives on meanwhile."""
    take(custom.connector)
    custom.advance(20 * MINUTE)
    custom.xero_fault("reset", path="/connect/token", commits=True)
    custom.refresh()
    assert [row["outcome"] for row in custom.audit("refresh")] == ["retried"]
    assert tokens(custom).generation == 1
    custom.advance(5 * MINUTE)
    custom.refresh()
    assert tokens(custom).generation == 2


def test_months_without_a_run(custom: World) -> None:
    """A custom connection that lay unused for months needs no person: the next run renews it, and reading goes on."""
    take(custom.connector)
    custom.dataset_id, _ = ensure_dataset(custom.connector, connections.DEFAULT_DATASET)
    custom.settle()
    custom.advance(90 * 86400)
    custom.refresh()
    custom.edit(1, Reference="after three months")
    custom.drain_queue()
    assert custom.current("Invoices", 1)[0]["Reference"] == "after three months"
    assert custom.audit("refresh", "ask") == []


@pytest.mark.parametrize("refusal", ["wrong secret", "not authorised"])
def test_a_refusal_is_told_and_ends_nothing(custom: World, refusal: str) -> None:
    """A secret that was rotated, or an authorisation withdrawn, asks a person; when it is mended the next run goes on."""
    take(custom.connector)
    custom.advance(20 * MINUTE)
    if refusal == "wrong secret":
        authorise(custom, client_secret="rotated")
    else:
        authorise(custom, None)
    custom.refresh()
    [row] = custom.audit("refresh", "ask")
    assert "developer.xero.com > My Apps" in row["error"]
    [found] = connections.connected(custom.store)
    assert not found.consent_lost
    authorise(custom)
    custom.refresh()
    assert tokens(custom).generation == 2


def test_authorised_for_another_organisation(custom: World) -> None:
    """Its tokens are not taken, since its books would be read in the first one's name; connect goes on with the other."""
    take(custom.connector)
    custom.load(tenant_id=books.OTHER_TENANT, name="Other")
    custom.xero.identity.connections.clear()
    authorise(custom, books.OTHER_TENANT)
    custom.advance(20 * MINUTE)
    custom.refresh()
    [row] = custom.audit("refresh", "ask")
    assert "no longer to Larkspur" in row["error"]
    assert tokens(custom).generation == 1
    granted = take_custom_connection(custom.connector)
    assert [each.tenant_id for each in granted.lost] == [books.TENANT]
    connect_chosen(custom.connector, granted, {books.OTHER_TENANT: "other"})
    ask_for_refresh(custom.store, CUSTOM)
    custom.refresh()
    assert tokens(custom).generation == 3
    assert {each.tenant_id: each.consent_lost for each in connections.connected(custom.store)} == {
        books.TENANT: True,
        books.OTHER_TENANT: False,
    }


@pytest.mark.parametrize("now", ["custom", "consent"])
def test_the_other_kind_of_app(new_world: NewWorld, now: str) -> None:
    """An organisation that was connected by an app of the other kind is told to be connected anew, and goes on after it."""
    world = new_world(settings={"XERO_CONNECTION": "consent" if now == "custom" else "custom"})
    world.load()
    web = world.xero.identity.clients[XERO_CLIENT]
    if now == "custom":
        world.connect(with_dataset=False)
    else:
        authorise(world)
        take(world.connector)
    world.environment["XERO_CONNECTION"] = now
    world.restart()
    world.advance(20 * MINUTE)
    world.refresh()
    [row] = world.audit("refresh", "ask")
    assert "run `python3 manage.py connect`" in row["error"]
    if now == "custom":
        authorise(world)
        take(world.connector)
    else:
        world.xero.identity.clients[XERO_CLIENT] = web
        world.connect(with_dataset=False)
    world.advance(20 * MINUTE)
    world.refresh()
    [found] = connections.connected(world.store)
    assert (found.token_set == CUSTOM) == (now == "custom")
    assert world.connector.secrets().token_set(found.token_set, fresh=True).generation == 2
    assert len(world.audit("refresh", "ask")) == 1


def test_disconnect(custom: World) -> None:
    """Leaving ends the connection at Xero; there is no refresh token to revoke."""
    [found] = take(custom.connector)
    done = disconnect(custom.connector, found)
    assert (done.trouble, done.token_set_ended) == ("", True)
    assert connections.connected(custom.store) == []
    assert "POST /connect/revocation" not in custom.xero.statistics.as_dict()["by_path"]


def test_the_vaults_reply_is_lost(custom: World) -> None:
    """The save is looked at before it is repeated, as for every token set."""
    custom.identity.faults["vault"].add(
        Fault("reset", method="PUT", path="/secrets/xero-tokens-custom", commits=True)
    )
    take(custom.connector)
    assert tokens(custom).generation == 1


def test_what_is_granted_twice(custom: World) -> None:
    """A second connect renews: same dataset, next generation, nothing new to choose."""
    take(custom.connector, "special")
    granted: Granted = take_custom_connection(custom.connector)
    assert (granted.new, [each.dataset for each in granted.renewed]) == ((), ["special"])
    assert granted.elsewhere == frozenset()
    assert tokens(custom).generation == 2


def test_the_command_opens_no_browser(custom: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command asks for a token, then for the dataset, as after a consent."""
    monkeypatch.setattr(connect, "connector", lambda where: custom.connector)
    monkeypatch.setattr(redirect, "make_server", lambda *_: pytest.fail("a redirect was waited for"))
    with console.capture() as captured:
        assert connect.run(Where(), Wanted(everything=True), browser=True) == 0
    assert f"Connected: Larkspur (AUD), {books.TENANT}, dataset default" in captured.get()
    assert "Next: `python3 manage.py dataset create`" in captured.get()
