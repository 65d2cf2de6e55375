"""Xero's client: what is sent, and what each bad answer leads to."""

from collections.abc import Callable

import pytest

from shared.errors import (
    ConnectorError,
    ConsentLost,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    Refused,
    RetryLater,
    ScopeMissing,
    SettingsError,
    Unavailable,
)
from shared.state import connections
from shared.sync.refresh import ask_for_refresh
from shared.xero.client import Request, Tenant
from shared.xero.identity import InvalidGrant
from tests.support import books
from tests.support.servers import Call
from tests.support.world import World

INVOICES = Request("Invoices", {"page": "1"})


def tenant(world: World, tenant_id: str = books.TENANT) -> Tenant:
    found = connections.find(world.store, tenant_id)
    assert found is not None
    return found.tenant


def test_what_is_asked(connected: World) -> None:
    """A call carries its parameters and its If-Modified-Since, and is answered in JSON with Xero's lists."""
    asked = Request("Contacts", {"page": "1", "includeArchived": "true"}, "2026-11-01T00:00:00")
    answer = connected.connector.xero().get(tenant(connected), asked)
    assert answer.json()["Contacts"] == []
    [call] = connected.calls
    assert (call.query, call.modified_since) == (asked.params, asked.modified_since)


@pytest.mark.parametrize(
    ("fault", "expected", "seconds"),
    [
        ({"status": 400, "body": "{}"}, Refused, None),
        ({"status": 404}, NotFound, None),
        ({"status": 500, "body": "<html>"}, Unavailable, 60),
        ({"status": 503, "headers": {"Retry-After": "9"}}, Unavailable, 300),
        ({"status": 502}, Unavailable, 60),
        ({"status": 403, "body": "{}"}, Unavailable, 60),
    ],
    ids=["400", "404", "500", "503", "502", "passing 403"],
)
def test_bad_answers(
    connected: World, fault: dict[str, object], expected: type[ConnectorError], seconds: float | None
) -> None:
    """Each bad answer has its name and its wait, and says which call of which organisation it was."""
    connected.xero_fault("status", **({"body": "their words"} | fault))  # type: ignore[arg-type]
    with pytest.raises(expected) as caught:
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert type(caught.value) is expected
    assert f"GET Invoices of {books.TENANT}" in str(caught.value)
    assert getattr(caught.value, "seconds", None) == seconds


@pytest.mark.parametrize("kind", ["reset", "truncate"])
def test_a_broken_answer(connected: World, kind: str) -> None:
    """An answer that breaks off is no answer."""
    connected.xero_fault(kind)
    with pytest.raises(OutcomeUnknown):
        connected.connector.xero().get(tenant(connected), INVOICES)


@pytest.mark.parametrize("limit", ["minute", "day", "appminute", "concurrent"])
@pytest.mark.parametrize("spelt", ["lower", "title"])
def test_limits(connected: World, limit: str, spelt: str) -> None:
    """A 429 is told by its limit, with the seconds that Xero gives or what is known of that limit."""
    switches = connected.xero.switches
    switches.limit_problem_case = spelt  # type: ignore[assignment]
    switches.update({f"{'app_minute' if limit == 'appminute' else limit}_limit": 0})
    with pytest.raises(LimitReached) as caught:
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert caught.value.limit == limit
    assert 0 < caught.value.seconds <= {"day": 86400, "concurrent": 2}.get(limit, 60)


@pytest.mark.parametrize("spelt", ["app-minute", "AppMinute", ""])
def test_spellings_of_limits(connected: World, spelt: str) -> None:
    """A limit that is spelt otherwise, or not told, still means to wait."""
    connected.xero_fault("status", status=429, headers={"X-Rate-Limit-Problem": spelt, "Retry-After": "x"})
    with pytest.raises(LimitReached) as caught:
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert caught.value.limit == ("appminute" if spelt else "minute")
    assert caught.value.seconds == 60


@pytest.mark.parametrize("limit", ["minute", "day", "appminute"])
def test_no_call_after_a_limit_is_recorded(connected: World, limit: str) -> None:
    """Once a limit is recorded no call begins before its time, by any process; then they go on."""
    headers = {"X-Rate-Limit-Problem": limit, "Retry-After": "120"}
    connected.xero_fault("status", status=429, headers=headers)
    with pytest.raises(LimitReached):
        connected.connector.xero().get(tenant(connected), INVOICES)
    for _ in range(3):
        with pytest.raises(LimitReached) as caught:
            connected.restart().xero().get(tenant(connected), INVOICES, urgent=True)
        assert caught.value.limit == limit
        connected.clock.advance(30)
    assert len(connected.calls) == 1
    connected.clock.advance(31)
    assert connected.connector.xero().get(tenant(connected), INVOICES).status == 200


def test_the_scope_is_missing(connected: World) -> None:
    """A 401 for want of a scope asks for a new consent, and does not renew the tokens for nothing."""
    connected.xero_fault(
        "status", status=401, headers={"WWW-Authenticate": 'Bearer error="insufficent_scope"'}
    )
    with pytest.raises(ScopeMissing, match=r"manage\.py connect"):
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert len(connected.calls) == 1
    assert asked_for_refresh(connected) is False


def asked_for_refresh(world: World) -> bool:
    stored = world.store.get_entity("checkpoints", "token-set", tenant(world).token_set)
    return bool(stored and stored.entity.get("asked"))


def test_a_refused_token_is_read_again(connected: World) -> None:
    """A token that Xero refuses is read from the vault once more: another process may have renewed it."""
    old = connected.connector
    old.xero().get(tenant(connected), INVOICES)
    connected.clock.advance(60)
    other = connected.restart()
    ask_for_refresh(connected.store, tenant(connected).token_set)
    connected.refresh(connector=other)
    connected.xero_fault("status", status=401, body="TokenExpired")
    connected.calls.clear()
    assert old.xero().get(tenant(connected), INVOICES).status == 200
    assert len(connected.calls) == 2
    assert asked_for_refresh(connected) is False


def test_a_refused_newest_token(connected: World) -> None:
    """When Xero refuses the newest token there is, a refresh is asked for and the call waits."""
    connected.xero_fault("status", status=401, times=9)
    with pytest.raises(RetryLater):
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert len(connected.calls) == 1
    assert asked_for_refresh(connected)
    connected.xero.faults.clear()
    before = connected.connector.secrets().token_set(tenant(connected).token_set).generation
    connected.refresh()
    assert connected.connector.secrets().token_set(tenant(connected).token_set).generation == before + 1


def test_an_expired_token_is_not_sent(connected: World) -> None:
    """A token whose time is over costs no call: it is read again, and a refresh asked for."""
    connected.clock.advance(1801)
    with pytest.raises(RetryLater, match="expired"):
        connected.connector.xero().get(tenant(connected), INVOICES)
    assert connected.calls == []
    assert asked_for_refresh(connected)


def test_the_consent_is_lost(connected: World) -> None:
    """A 403 for an organisation that /connections no longer lists means that the consent is lost."""
    connected.xero.identity.connections.clear()
    with pytest.raises(ConsentLost, match=r"manage\.py connect"):
        connected.connector.xero().get(tenant(connected), INVOICES)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 200, "body": "<html>"},
        {"kind": "reset"},
    ],
    ids=["500", "HTML", "reset"],
)
def test_a_403_that_nobody_can_explain(connected: World, fault: dict[str, object]) -> None:
    """When /connections gives no answer a 403 is passing: no consent is called lost on a bad day."""
    connected.xero.identity.connections.clear()
    connected.xero_fault(path="/connections", **fault)  # type: ignore[arg-type]
    with pytest.raises(RetryLater):
        connected.connector.xero().get(tenant(connected), INVOICES)


def test_five_calls_at_once(connected: World) -> None:
    """Calls beyond Xero's concurrent limit wait seconds, and stop nobody else."""
    connected.xero.switches.concurrent_limit = 1
    other = connected.restart()
    outcomes: list[str] = []

    def meanwhile(call: Call) -> None:
        connected.on_xero_call = lambda call: None
        in_progress = connected.xero.limits.call("test-xero-app", books.TENANT)
        with in_progress, pytest.raises(LimitReached) as caught:
            other.xero().get(tenant(connected), INVOICES)
        outcomes.append(caught.value.limit)

    connected.on_xero_call = meanwhile
    assert connected.connector.xero().get(tenant(connected), INVOICES).status == 200
    assert outcomes == ["concurrent"]
    assert connected.connector.xero().get(tenant(connected), INVOICES).status == 200


# The token service


def test_wrong_client_secret(new_world: Callable[..., World]) -> None:
    """An app that Xero does not know with this secret is told where the secret is."""
    world = new_world()
    world.load()
    world.vault.set("xero-client-secret", {"value": "wrong"})
    with pytest.raises(SettingsError, match="xero-client-secret"):
        world.connect()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 200, "body": "<html>"},
        {"kind": "reset"},
        {"kind": "truncate"},
    ],
    ids=["500", "429", "HTML", "reset", "truncated"],
)
def test_the_token_service_is_down(connected: World, fault: dict[str, object]) -> None:
    """A token service that is down is asked again later; no token is thought dead because of it."""
    connected.xero_fault(path="/connect/token", **fault)  # type: ignore[arg-type]
    tokens = connected.connector.secrets().token_set(tenant(connected).token_set)
    with pytest.raises(Unavailable):
        connected.connector.xero_identity().refresh(tokens.refresh_token, "xero-client-secret-9f2c")


def test_a_token_that_is_none(connected: World) -> None:
    """A refresh token that Xero does not know is told as such."""
    with pytest.raises(InvalidGrant):
        connected.connector.xero_identity().refresh("no-such-token", "xero-client-secret-9f2c")


def test_connections_without_names(connected: World) -> None:
    """Connections are read also as they were recorded in 2020, without name and event."""
    connected.xero.switches.connection_names = False
    tokens = connected.connector.secrets().token_set(tenant(connected).token_set)
    [found] = connected.connector.xero_identity().connections(tokens.access_token)
    assert (found.tenant_id, found.name, found.tenant_type) == (books.TENANT, books.TENANT, "ORGANISATION")


def test_a_token_that_connections_refuses(connected: World) -> None:
    """A dead token at /connections asks for a new consent."""
    with pytest.raises(ConsentLost):
        connected.connector.xero_identity().connections("dead")
