"""Key Vault through the real SDK: what is remembered, what is written, how it fails; and that no secret ever leaks."""

import gzip
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local.identity.tokens import APPLICATION_SECRET
from local.simulation import Fault
from shared import wiring
from shared.errors import ConnectorError, OutcomeUnknown, PermissionMissing, SettingsError
from shared.secrets import TokenSet
from shared.storage import Stored
from shared.sync.receive import receive_webhook
from shared.sync.refresh import LEASE_SECONDS
from tests.support.world import WEBHOOK_KEY, XERO_CLIENT_SECRET, World
from tests.support.written import written

NAME = "xero-client-secret"


def calls(world: World) -> int:
    return int(world.identity.statistics["vault"].as_dict()["calls"])


def made_set(world: World, generation: int = 1, **fields: Any) -> TokenSet:
    now = world.clock.now()
    usual: dict[str, Any] = {
        "token_set": "user",
        "generation": generation,
        "access_token": f"access {generation}",
        "refresh_token": f"refresh {generation}",
        "obtained_at": now,
        "expires_at": now + timedelta(minutes=30),
        "scope": "openid",
    }
    return TokenSet(**usual | fields)


def test_a_secret_is_remembered_for_five_minutes(world: World) -> None:
    """A burst of work costs one read of the vault, and a secret that a person rotates is used within five minutes."""
    secrets = world.connector.secrets()
    assert secrets.require(NAME) == XERO_CLIENT_SECRET
    before = calls(world)
    for _ in range(5):
        assert secrets.require(NAME) == XERO_CLIENT_SECRET
    assert calls(world) == before
    world.vault.set(NAME, {"value": "rotated"})
    world.clock.advance(301)
    assert secrets.require(NAME) == "rotated"


def test_an_absent_secret(world: World) -> None:
    """A secret that is not there is None, remembered as such, and named when it is needed."""
    secrets = world.connector.secrets()
    assert secrets.read("nothing") is None
    before = calls(world)
    assert secrets.read("nothing") is None
    assert calls(world) == before
    with pytest.raises(SettingsError, match="nothing"):
        secrets.require("nothing")


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_secret(world: World, value: str | None) -> None:
    """An empty secret is as good as none."""
    world.vault.set("blank", {"value": value or ""})
    with pytest.raises(SettingsError):
        world.connector.secrets().require("blank")


def test_tokens_are_kept_whole(world: World) -> None:
    """A token set comes back as it was saved, to the microsecond, in every process."""
    tokens = made_set(world, obtained_at=datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC))
    world.connector.secrets().save_token_set(tokens)
    assert world.connector.secrets().token_set("user") == tokens
    assert world.restart().secrets().find_token_set("user") == tokens
    [version] = world.vault.versions("xero-tokens-user")[1]
    assert version.content_type == "application/json"


def test_fresh(world: World) -> None:
    """What another process saved is seen when it is asked for, and after five minutes at the latest."""
    first, second = world.connector.secrets(), world.restart().secrets()
    first.save_token_set(made_set(world, 1))
    assert second.token_set("user").generation == 1
    first.save_token_set(made_set(world, 2))
    assert second.token_set("user").generation == 1
    assert second.token_set("user", fresh=True).generation == 2
    first.save_token_set(made_set(world, 3))
    found = second.find_token_set("user")
    assert found is not None and found.generation == 3
    assert second.find_token_set("nobody") is None


def test_earlier_versions(world: World) -> None:
    """The versions of a set since an instant come newest first, however the vault orders them."""
    secrets = world.connector.secrets()
    for generation in range(1, 8):
        secrets.save_token_set(made_set(world, generation))
        world.clock.advance(480)
    since = world.clock.now() - timedelta(minutes=30)
    assert [tokens.generation for tokens in secrets.earlier_token_sets("user", since)] == [7, 6, 5]


def test_many_versions(world: World) -> None:
    """A set with more versions than a page of the vault's list is read through."""
    secrets = world.connector.secrets()
    for generation in range(1, 31):
        secrets.save_token_set(made_set(world, generation))
        world.clock.advance(1)
    found = secrets.earlier_token_sets("user", world.clock.now() - timedelta(minutes=30))
    assert [tokens.generation for tokens in found] == list(range(30, 0, -1))


@pytest.mark.parametrize("status", [401, 403])
def test_no_permission(world: World, status: int) -> None:
    """A vault that refuses the identity is told with the role that it needs."""
    body = '{"error":{"code":"Forbidden","message":"Caller is not authorized"}}'
    fault = Fault("status", path="/secrets/.*", status=status, body=body, times=10)
    fault.headers = {"Content-Type": "application/json"}
    world.connector.secrets().read(NAME)
    world.identity.faults["vault"].add(fault)
    with pytest.raises(PermissionMissing, match="Key Vault Secrets Officer") as caught:
        world.connector.secrets().find_token_set("user")
    assert "Caller is not authorized" in caught.value.vendor_words


@pytest.mark.parametrize(
    "fault", [Fault("status", path="/secrets/.*", status=503), Fault("reset", path="/secrets/.*")]
)
def test_a_short_failure(world: World, fault: Fault) -> None:
    """A failure of a moment is not seen: the SDK tries again."""
    world.connector.secrets().read(NAME)
    world.identity.faults["vault"].add(fault)
    assert world.connector.secrets().find_token_set("user") is None


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_a_long_failure(world: World, kind: str) -> None:
    """A vault that stays down is to be tried later."""
    world.connector.secrets().read(NAME)
    world.identity.faults["vault"].add(Fault(kind, path="/secrets/.*", status=500, times=50))
    with pytest.raises(OutcomeUnknown):
        world.connector.secrets().find_token_set("user")
    with pytest.raises(OutcomeUnknown):
        world.connector.secrets().save_token_set(made_set(world))


def test_a_silent_vault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vault that takes the call and never answers is given up, well inside a token set's lease."""
    patience = wiring.VAULT_PATIENCE
    longest = (patience["retry_total"] + 1) * max(patience["connection_timeout"], patience["read_timeout"])
    assert longest < LEASE_SECONDS
    monkeypatch.setitem(patience, "read_timeout", 0.1)
    secrets = world.restart().secrets()
    secrets.read(NAME)
    world.identity.faults["vault"].add(Fault("silence", path="/secrets/.*", seconds=0.5, times=9))
    with pytest.raises(OutcomeUnknown):
        secrets.find_token_set("user")


def test_the_managed_identity_fails(world: World) -> None:
    """When Azure gives the identity no token the vault is to be tried later, in words."""
    world.identity.faults["managed_identity"].add(Fault("status", path="/msi/token", status=500, times=50))
    with pytest.raises(ConnectorError):
        world.restart().secrets().read(NAME)


def test_a_spoilt_token_set(world: World) -> None:
    """A token set that somebody edited into something else asks for connect instead of crashing."""
    world.vault.set("xero-tokens-user", {"value": "not json"})
    with pytest.raises(ConnectorError, match="connect"):
        world.connector.secrets().token_set("user")


def test_representations(world: World) -> None:
    """What is printed of tokens by accident shows none of them."""
    tokens = made_set(world)
    consent = world.connect(with_dataset=False)
    for shown in (repr(tokens), str(tokens), f"{tokens}", repr(consent), repr([tokens])):
        assert "access 1" not in shown
        assert "refresh 1" not in shown


def run_of_everything(world: World) -> Iterator[BaseException]:
    """A run through the whole product with as many failures as it meets; the errors that reach a caller."""
    world.load()
    world.connect()
    world.settle()
    world.edit(2, Reference="edited", Total="a lot")
    world.settle()
    for kind in ("reset", "truncate", "status"):
        for path in ("/connect/token", "/connections", r"/api\.xro/.*"):
            for status in (401, 400) if kind == "status" else (0,):
                world.xero_fault(kind, path=path, status=status, body='{"error":"their words"}')
                try:
                    world.advance(21 * 60)
                    world.refresh()
                    world.edit(3, Reference=f"{kind} {path}")
                    world.poll()
                    world.drain_queue()
                    world.connect()
                except ConnectorError as error:
                    yield error
                world.xero.faults.clear()
    for name in ("vault", "authority", "managed_identity"):
        world.identity.faults[name].add(Fault("status", status=500, body="their words", times=40))
        world.restart()
        world.advance(21 * 60)
        try:
            world.refresh()
            world.poll()
            world.edit(3, Reference=name)
            world.drain_queue()
        except ConnectorError as error:
            yield error
        world.identity.faults[name].clear()
        # MSAL remembers a failure for a minute of the machine's time.
        world.restart()
    for status in (400, 401, 403, 429, 500):
        world.powerbi_fault("status", status=status, body="their words", times=2)
        world.edit(3, Reference=f"Power BI {status}")
        world.drain_queue()
        world.powerbi_faults.clear()
    for wrong in (b"{", b"[]", b""):
        try:
            receive_webhook(world.connector, wrong, "no signature")
        except ConnectorError as error:
            yield error
    world.store.send_message("push", "hello")
    world.drain_queue()
    world.xero.identity.revoke(
        world.xero.identity.clients["test-xero-app"], next(iter(world.xero.identity._sets))
    )
    world.advance(3600)
    world.refresh()
    world.poll()


PRIVATE = ("Name", "FirstName", "LastName", "EmailAddress", "Reference", "Description", "Narration")


def every_secret(world: World) -> set[str]:
    """All that nobody may ever see: the vault's values, Xero's tokens and codes, Azure's tokens."""
    found = {WEBHOOK_KEY, XERO_CLIENT_SECRET, APPLICATION_SECRET}
    found |= (
        set(world.xero.identity._access) | set(world.xero.identity._sets) | set(world.xero.identity._codes)
    )
    for secret in world.vault.names(deleted=False):
        for version in world.vault.versions(secret.name)[1]:
            found.add(version.value)
    return {secret for secret in found if len(secret) > 8}


def everything_stored(world: World) -> str:
    """All blobs unpacked, all entities, all messages, as one text."""
    parts: list[bytes] = []
    for container in world.store._containers.values():
        for name, data in container.items():
            parts += [name.encode(), gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data]
    for table in world.store._tables.values():
        for partition in table.partitions.values():
            for stored in partition.values():
                parts += unpacked(stored)
    parts.append(pickle.dumps([queued.text for queue in world.store._queues.values() for queued in queue]))
    return b"\n".join(parts).decode("utf-8", "replace")


def unpacked(stored: Stored) -> Iterator[bytes]:
    """An entity's values; a record of the mirror is gzipped into one property."""
    for value in stored.entity.values():
        if isinstance(value, bytes):
            yield gzip.decompress(value)
        else:
            yield str(value).encode()


def test_no_secret_leaks(
    new_world: Callable[..., World], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes right or wrong, no secret and no token appears in storage, messages, audit, log or errors."""
    caplog.set_level(logging.DEBUG)
    world = new_world()
    redirects: list[str] = []
    press_allow = world.press_allow

    def pressed(*given: Any, **more: Any) -> str:
        redirects.append(press_allow(*given, **more))
        return redirects[-1]

    monkeypatch.setattr(world, "press_allow", pressed)
    errors = list(run_of_everything(world))
    secrets = every_secret(world)
    assert len(secrets) > 15
    # A code is forgotten once it was used; the state guards the way back.
    codes = {
        value for address in redirects for _, value in parse_qsl(urlsplit(address).query) if len(value) > 20
    }
    assert len(codes) > 4
    assert len(errors) > 8
    assert len(world.audit()) > 100
    said = [f"{error!r} {error} {getattr(error, '__notes__', '')}" for error in errors]
    said += [f"{error.__cause__!r} {error.__context__!r}" for error in errors]
    said += ["".join(traceback.format_exception(error)) for error in errors]
    logged = [record.getMessage() for record in caplog.records] + [caplog.text]
    for place, text in {
        "storage": everything_stored(world),
        "log": "\n".join(logged),
        "errors": "\n".join(said),
    }.items():
        found = [secret[:12] for secret in secrets for form in written(secret) if form in text]
        assert found == [], place
    # The browser's own calls, which carry them, are told by what this test browses with.
    quiet = "\n".join(each.getMessage() for each in caplog.records if not each.name.startswith("urllib3"))
    for text in (everything_stored(world), quiet, "\n".join(said)):
        assert [code[:12] for code in codes for form in written(code) if form in text] == []
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("shared."))
    assert len(ours.splitlines()) > 100
    words = set(private_words(world))
    assert len(words) > 30
    assert [word for word in words if word in ours] == []


def private_words(world: World) -> Iterator[str]:
    """What the books say that no line of the log may: names, addresses, references, amounts of five characters and more."""
    found: list[object] = [
        [row.record for row in table.values()]
        for each in world.xero.store.books.values()
        for table in each.tables.values()
    ]
    while found:
        value = found.pop()
        if isinstance(value, dict):
            found += value.values()
            for name, each in value.items():
                if isinstance(each, str) and len(each) > 4 and name in PRIVATE:
                    yield each
        elif isinstance(value, list):
            found += value
        elif isinstance(value, Decimal) and len(str(value)) > 4:
            yield f"={value}"
            yield f" {value}"


def test_the_search_finds_what_is_there(world: World) -> None:
    """The search for secrets would find one in a blob, a record, a message and an entity."""
    world.connect()
    world.settle()
    for place in ("one", "two", "three"):
        assert f"planted-{place}" not in everything_stored(world)
    world.edit(2, Reference="planted-one")
    world.settle()
    world.store.send_message("push", "planted-two")
    world.store.put_blob("outbox", "x", gzip.compress(b"planted-three"))
    for place in ("one", "two", "three"):
        assert f"planted-{place}" in everything_stored(world)
