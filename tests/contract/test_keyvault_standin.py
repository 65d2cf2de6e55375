"""The Key Vault stand-in against the unmodified azure-keyvault-secrets and azure-identity."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.identity import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient

from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import APPLICATION, MANAGED_IDENTITY, POWER_BI, VAULT
from local.simulation import Clock, Fault

VERSION = {"api-version": "2026-04-01"}


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[IdentityStandIn]:
    clock = Clock()
    clock.freeze()
    with IdentityStandIn(tmp_path, clock=clock, secrets={"seeded": "from the start"}) as running:
        yield running


@pytest.fixture
def client(stand_in: IdentityStandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretClient]:
    for name, value in stand_in.environment().items():
        monkeypatch.setenv(name, value)
    with (
        ManagedIdentityCredential(client_id=MANAGED_IDENTITY.client_id) as credential,
        SecretClient(
            stand_in.vault_url,
            credential,
            verify_challenge_resource=False,
            connection_verify=str(stand_in.ca),
        ) as made,
    ):
        yield made


def call(stand_in: IdentityStandIn, method: str, path: str, **options: Any) -> requests.Response:
    """A bare request with a good token, for what the SDK never sends."""
    token = stand_in.issuer.issue(VAULT, MANAGED_IDENTITY).text
    options.setdefault("headers", {"Authorization": f"Bearer {token}"})
    options.setdefault("params", VERSION)
    return requests.request(method, stand_in.vault_url + path, verify=str(stand_in.ca), timeout=10, **options)


def code(error: HttpResponseError) -> tuple[int | None, str, str | None]:
    """Status, code and inner code of what the SDK raised."""
    assert error.response is not None
    described = json.loads(error.response.text())["error"]
    return error.status_code, described["code"], described.get("innererror", {}).get("code")


def test_a_seeded_secret_can_be_read(client: SecretClient) -> None:
    """A secret given at the start is there for the unmodified SDK."""
    secret = client.get_secret("seeded")
    assert secret.value == "from the start"
    assert secret.properties.enabled


def test_a_set_secret_is_the_latest(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """Each set makes a version; a get without version answers the last one set, with all its properties."""
    first = client.set_secret("token-set", "one")
    stand_in.clock.advance(60)
    expires = datetime(2027, 1, 1, tzinfo=UTC)
    second = client.set_secret(
        "token-set", "two", content_type="application/json", tags={"set": "1"}, expires_on=expires
    )
    latest = client.get_secret("token-set")
    assert (latest.value, latest.properties.version) == ("two", second.properties.version)
    assert latest.properties.content_type == "application/json"
    assert latest.properties.tags == {"set": "1"}
    assert latest.properties.expires_on == expires
    assert latest.properties.recovery_level == "Recoverable+Purgeable"
    assert latest.properties.recoverable_days == 90
    assert latest.properties.created_on == stand_in.clock.now().replace(microsecond=0)
    assert client.get_secret("token-set", first.properties.version).value == "one"
    assert client.get_secret("TOKEN-SET").value == "two"


def test_versions_are_listed_without_values_and_in_no_order_of_time(
    client: SecretClient, stand_in: IdentityStandIn
) -> None:
    """All versions are listed over several pages, by their random id, so a client has to sort by `created_on`."""
    made = []
    for number in range(30):
        made.append(client.set_secret("token-set", f"value {number}").properties.version or "")
        stand_in.clock.advance(1)
    listed = list(client.list_properties_of_secret_versions("token-set", max_page_size=7))
    assert [entry.version for entry in listed] == sorted(made)
    assert [entry.version for entry in sorted(listed, key=lambda entry: str(entry.created_on))] == made
    assert stand_in.statistics["vault"].by_path["GET /secrets/token-set/versions"] == 5
    raw = call(stand_in, "GET", "/secrets/token-set/versions").json()
    assert "value" not in raw["value"][0]
    assert len(raw["value"]) == 25
    assert raw["nextLink"].startswith(stand_in.vault_url)


def test_secrets_are_listed_with_ids_that_have_no_version(
    client: SecretClient, stand_in: IdentityStandIn
) -> None:
    """The list of secrets has one entry a secret, without version and value."""
    client.set_secret("another", "x")
    client.set_secret("another", "y")
    assert [entry.name for entry in client.list_properties_of_secrets()] == ["another", "seeded"]
    raw = call(stand_in, "GET", "/secrets").json()
    assert raw["value"][0]["id"] == f"{stand_in.vault_url}/secrets/another"
    assert raw["nextLink"] is None


def test_properties_change_without_a_new_version(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """An update touches what it names, answers no value, and leaves version and value alone."""
    made = client.set_secret("token-set", "one", content_type="text/plain", tags={"a": "1"})
    stand_in.clock.advance(5)
    changed = client.update_secret_properties("token-set", made.properties.version, tags={"b": "2"})
    assert changed.tags == {"b": "2"}
    assert made.properties.updated_on is not None
    assert changed.updated_on == made.properties.updated_on + timedelta(seconds=5)
    latest = client.get_secret("token-set")
    assert (latest.value, latest.properties.content_type) == ("one", "text/plain")
    assert latest.properties.version == made.properties.version
    answer = call(stand_in, "PATCH", "/secrets/token-set/", json={"contentType": "x"})
    assert answer.json()["contentType"] == "x"
    assert "value" not in answer.json()


def test_a_disabled_version_cannot_be_read_but_can_be_replaced(client: SecretClient) -> None:
    """A disabled version answers 403 SecretDisabled until it is enabled again or a new version is set."""
    client.update_secret_properties("seeded", enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("seeded")
    assert code(refused.value) == (403, "Forbidden", "SecretDisabled")
    assert [entry.enabled for entry in client.list_properties_of_secret_versions("seeded")] == [False]
    client.set_secret("seeded", "new")
    assert client.get_secret("seeded").value == "new"


@pytest.mark.parametrize("version", [None, "0" * 32])
def test_what_is_not_there_is_404(client: SecretClient, version: str | None) -> None:
    """Neither an unknown secret nor an unknown version can be read."""
    with pytest.raises(ResourceNotFoundError) as refused:
        client.get_secret("seeded" if version else "unknown", version)
    assert code(refused.value) == (404, "SecretNotFound", None)


def test_soft_delete_and_recovery(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """A deleted secret keeps its name taken for 90 days, and comes back with all versions."""
    client.set_secret("seeded", "second")
    deleted = client.begin_delete_secret("seeded")
    deleted.wait()
    result = deleted.result()
    assert result.scheduled_purge_date is not None
    assert result.deleted_date is not None
    assert result.scheduled_purge_date - result.deleted_date == timedelta(days=90)
    assert result.recovery_id == f"{stand_in.vault_url}/deletedsecrets/seeded"
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("seeded")
    with pytest.raises(ResourceExistsError) as refused:
        client.set_secret("seeded", "third")
    assert code(refused.value) == (409, "Conflict", "ObjectIsDeletedButRecoverable")
    assert [entry.name for entry in client.list_deleted_secrets()] == ["seeded"]
    assert list(client.list_properties_of_secrets()) == []

    client.begin_recover_deleted_secret("seeded").wait()
    assert client.get_secret("seeded").value == "second"
    assert len(list(client.list_properties_of_secret_versions("seeded"))) == 2
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret("seeded")


def test_purged_and_expired_deletions_are_gone(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """After a purge, or after 90 days, nothing is left and the name is free."""
    client.begin_delete_secret("seeded").wait()
    client.purge_deleted_secret("seeded")
    with pytest.raises(ResourceNotFoundError):
        client.get_deleted_secret("seeded")
    client.set_secret("seeded", "again")
    stand_in.vault.delete("seeded")
    stand_in.clock.advance(89 * 86400)
    assert [secret.name for secret in stand_in.vault.names(deleted=True)] == ["seeded"]
    stand_in.clock.advance(86400)
    assert stand_in.vault.names(deleted=True) == []
    stand_in.vault.set("seeded", {"value": "free"})


def test_backup_and_restore(client: SecretClient) -> None:
    """A backup restores all versions, but never over a secret that is there."""
    client.set_secret("seeded", "second")
    backup = client.backup_secret("seeded")
    with pytest.raises(ResourceExistsError):
        client.restore_secret_backup(backup)
    client.begin_delete_secret("seeded").wait()
    client.purge_deleted_secret("seeded")
    client.restore_secret_backup(backup)
    assert client.get_secret("seeded").value == "second"
    assert len(list(client.list_properties_of_secret_versions("seeded"))) == 2
    with pytest.raises(HttpResponseError):
        client.restore_secret_backup(b"nonsense")


def test_a_value_of_more_than_25_kb_is_refused(client: SecretClient) -> None:
    """25 KB fit, counted in bytes; one byte more does not."""
    client.set_secret("large", "x" * 25_600)
    with pytest.raises(HttpResponseError) as refused:
        client.set_secret("large", "x" * 25_599 + "é")
    assert code(refused.value) == (400, "BadParameter", None)


@pytest.mark.parametrize("name", ["with_underscore", "with.dot", "x" * 128])
def test_names_are_checked(stand_in: IdentityStandIn, name: str) -> None:
    """Only letters, digits and hyphens, at most 127 of them, make a name."""
    answer = call(stand_in, "PUT", f"/secrets/{name}", json={"value": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("body", [{}, {"value": 1}, {"value": "x", "tags": {"a": 1}}, [], None])
def test_bodies_are_checked(stand_in: IdentityStandIn, body: object) -> None:
    """A body without value, or with a property of a wrong type, is refused."""
    assert call(stand_in, "PUT", "/secrets/name", json=body).status_code == 400


def test_the_first_call_is_answered_with_a_challenge(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """The SDK's first call to a vault has no token and no body; the 401 tells it where to get one."""
    client.set_secret("first", "with body")
    client.set_secret("first", "again")
    statistics = stand_in.statistics["vault"]
    assert (statistics.by_status["401"], statistics.by_status["200"]) == (1, 2)
    answer = call(stand_in, "GET", "/secrets", headers={})
    assert answer.status_code == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer authorization="https://login.microsoftonline.com/')
    assert challenge.endswith('resource="https://vault.azure.net"')


def test_tokens_are_verified(stand_in: IdentityStandIn) -> None:
    """A token for another resource and an expired one are 401; one of a stranger to the vault is 403."""

    def status(token: str) -> int:
        return call(stand_in, "GET", "/secrets", headers={"Authorization": f"Bearer {token}"}).status_code

    good = stand_in.issuer.issue(VAULT, MANAGED_IDENTITY)
    assert status(good.text) == 200
    assert status(stand_in.issuer.issue(POWER_BI, MANAGED_IDENTITY).text) == 401
    assert status(stand_in.issuer.issue(VAULT, APPLICATION).text) == 403
    stand_in.clock.advance(good.expires_in)
    assert status(good.text) == 401


def test_the_api_version_is_required(stand_in: IdentityStandIn) -> None:
    """A call without api-version is BadParameter."""
    answer = call(stand_in, "GET", "/secrets", params={})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BadParameter")


@pytest.mark.parametrize("maxresults", ["0", "26", "many"])
def test_the_size_of_a_page_is_checked(stand_in: IdentityStandIn, maxresults: str) -> None:
    """A page has from 1 to 25 entries."""
    assert call(stand_in, "GET", "/secrets", params=VERSION | {"maxresults": maxresults}).status_code == 400


def test_the_sdk_repeats_what_was_throttled(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """A 429 reaches the SDK's own retry policy, and the second try finds the secret."""
    client.get_secret("seeded")
    stand_in.faults["vault"].add(
        Fault("status", method="GET", path="/secrets/seeded/", status=429, headers={"Retry-After": "0"})
    )
    assert client.get_secret("seeded").value == "from the start"
    assert stand_in.statistics["vault"].by_status["429"] == 1


def test_a_throttled_call_without_retries_fails(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """A client that may not retry sees the 429."""
    client.get_secret("seeded")
    stand_in.faults["vault"].add(Fault("status", path="/secrets/.*", status=429))
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("seeded", retry_total=0)
    assert refused.value.status_code == 429


def test_a_write_may_take_effect_and_still_fail(client: SecretClient, stand_in: IdentityStandIn) -> None:
    """A fault that commits leaves a version behind of which the client knows nothing."""
    client.get_secret("seeded")
    stand_in.faults["vault"].add(Fault("status", method="PUT", status=500, commits=True))
    with pytest.raises(HttpResponseError):
        client.set_secret("seeded", "landed", retry_total=0)
    assert client.get_secret("seeded").value == "landed"


def test_the_vault_is_https_only(stand_in: IdentityStandIn) -> None:
    """The SDK refuses an http address before any call, so the stand-in has none."""
    with (
        ManagedIdentityCredential() as credential,
        SecretClient(
            stand_in.vault_url.replace("https", "http"), credential, verify_challenge_resource=False
        ) as plain,
        pytest.raises(ServiceRequestError, match="not permitted for non-TLS"),
    ):
        plain.get_secret("seeded", retry_total=0)
