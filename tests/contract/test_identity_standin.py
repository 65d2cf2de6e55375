"""The identity stand-in against the unmodified clients: azure-identity, msal, and the tokens that they get."""

import base64
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msal
import pytest
import requests
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import ManagedIdentityCredential

from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import (
    APPLICATION,
    APPLICATION_SECRET,
    MANAGED_IDENTITY,
    POWER_BI,
    STORAGE,
    TENANT,
    VAULT,
    TokenIssuer,
    Unacceptable,
    bearer,
)
from local.simulation import Clock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityStandIn]:
    with IdentityStandIn(tmp_path_factory.mktemp("identity"), secrets={"seeded": "value"}) as running:
        yield running


@pytest.fixture
def environment(stand_in: IdentityStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stand_in.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def no_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """requests prefers these variables to the `verify` of a session, which is all that msal sets."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)


def application(
    stand_in: IdentityStandIn, secret: str = APPLICATION_SECRET
) -> msal.ConfidentialClientApplication:
    return msal.ConfidentialClientApplication(
        APPLICATION.client_id,
        client_credential=secret,
        authority=stand_in.authority_url,
        instance_discovery=False,
        verify=str(stand_in.ca),
    )


def ask(stand_in: IdentityStandIn, **form: str) -> requests.Response:
    complete = {
        "grant_type": "client_credentials",
        "client_id": APPLICATION.client_id,
        "client_secret": APPLICATION_SECRET,
        "scope": f"{POWER_BI}/.default",
    }
    url = f"{stand_in.authority_url}/oauth2/v2.0/token"
    return requests.post(url, data=complete | form, verify=str(stand_in.ca), timeout=10)


def payload(token: str) -> dict[str, Any]:
    """The claims as any client can read them, without the key."""
    middle = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    return claims


def test_msal_gets_a_power_bi_token_for_a_client_secret(stand_in: IdentityStandIn) -> None:
    """An unmodified ConfidentialClientApplication discovers the authority and gets a token for Power BI."""
    result = application(stand_in).acquire_token_for_client([f"{POWER_BI}/.default"])
    claims = bearer(f"Bearer {result['access_token']}", POWER_BI, stand_in.clock)
    assert (claims["appid"], claims["oid"]) == (APPLICATION.client_id, APPLICATION.object_id)
    assert claims["tid"] == TENANT
    assert claims["iss"] == f"https://sts.windows.net/{TENANT}/"
    assert 3600 <= result["expires_in"] <= 5400


def test_msal_serves_its_second_token_from_its_cache(stand_in: IdentityStandIn) -> None:
    """One application asks the authority once, whatever number of tokens its caller wants."""
    client = application(stand_in)
    first = client.acquire_token_for_client([f"{POWER_BI}/.default"])
    stand_in.statistics["authority"].clear()
    second = client.acquire_token_for_client([f"{POWER_BI}/.default"])
    assert second["access_token"] == first["access_token"]
    assert stand_in.statistics["authority"].calls == 0


def test_msal_takes_a_session_that_ignores_the_environment(
    stand_in: IdentityStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine has a bundle of its own, msal needs a session that trusts ca.pem whatever that says."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stand_in.certificate.chain))
    with requests.Session() as session:
        session.verify = str(stand_in.ca)
        session.trust_env = False
        result = msal.ConfidentialClientApplication(
            APPLICATION.client_id,
            client_credential=APPLICATION_SECRET,
            authority=stand_in.authority_url,
            instance_discovery=False,
            http_client=session,
        ).acquire_token_for_client([f"{POWER_BI}/.default"])
    assert result["token_type"] == "Bearer"


def test_msal_reports_a_wrong_secret_as_entra_does(stand_in: IdentityStandIn) -> None:
    """A wrong secret is invalid_client with AADSTS7000215, and the description does not repeat the secret."""
    result = application(stand_in, "not the secret").acquire_token_for_client([f"{POWER_BI}/.default"])
    assert result["error"] == "invalid_client"
    assert result["error_codes"] == [7000215]
    assert result["error_description"].startswith("AADSTS7000215: ")
    assert "not the secret" not in result["error_description"]


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"grant_type": ""}, 400, "invalid_request", 900144),
        ({"client_id": "55555555-5555-4555-8555-555555555555"}, 400, "unauthorized_client", 700016),
        ({"client_secret": ""}, 401, "invalid_client", 7000216),
        ({"scope": POWER_BI}, 400, "invalid_scope", 1002012),
        ({"scope": "https://elsewhere.example/.default"}, 400, "invalid_resource", 500011),
    ],
)
def test_the_token_endpoint_refuses(
    stand_in: IdentityStandIn, form: dict[str, str], status: int, error: str, number: int
) -> None:
    """Each malformed request has its own status, OAuth error and AADSTS number."""
    answer = ask(stand_in, **form)
    assert (answer.status_code, answer.json()["error"], answer.json()["error_codes"]) == (
        status,
        error,
        [number],
    )


def test_an_unknown_tenant_has_no_authority(stand_in: IdentityStandIn) -> None:
    """msal refuses to be built for a tenant that the authority does not know."""
    url = stand_in.authority_url.replace(TENANT, "99999999-9999-4999-8999-999999999999")
    with pytest.raises(ValueError, match="authority configuration"):
        msal.ConfidentialClientApplication(
            APPLICATION.client_id,
            client_credential=APPLICATION_SECRET,
            authority=url,
            instance_discovery=False,
            verify=str(stand_in.ca),
        ).acquire_token_for_client([f"{POWER_BI}/.default"])


def test_the_authority_is_trusted_by_its_own_certificate_only(stand_in: IdentityStandIn) -> None:
    """A client that does not trust ca.pem gets no answer."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{stand_in.authority_url}/v2.0/.well-known/openid-configuration", timeout=10)


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("resource", [VAULT, STORAGE, POWER_BI])
def test_azure_identity_gets_tokens_for_vault_storage_and_power_bi(
    stand_in: IdentityStandIn, resource: str
) -> None:
    """An unmodified ManagedIdentityCredential gets a token of 60-90 minutes for each resource that the app uses."""
    with ManagedIdentityCredential(client_id=MANAGED_IDENTITY.client_id) as credential:
        token = credential.get_token(f"{resource}/.default")
    claims = bearer(f"Bearer {token.token}", resource, stand_in.clock)
    assert claims["oid"] == MANAGED_IDENTITY.object_id
    assert 3600 <= claims["exp"] - claims["iat"] <= 5400
    assert abs(token.expires_on - claims["exp"]) <= 2


def test_a_storage_token_has_what_azurite_reads(stand_in: IdentityStandIn) -> None:
    """Azurite's `--oauth basic` compares aud and the beginning of iss, and wants nbf, iat and exp."""
    claims = payload(stand_in.issuer.issue(STORAGE, MANAGED_IDENTITY).text)
    assert claims["aud"] == "https://storage.azure.com"
    assert claims["iss"].startswith("https://sts.windows.net/")
    assert claims["nbf"] == claims["iat"] < claims["exp"]
    assert {"oid", "tid"} <= claims.keys()


@pytest.mark.usefixtures("environment")
def test_a_managed_identity_that_the_app_does_not_have_is_refused() -> None:
    """A client id that is not assigned to the app gets no token."""
    with (
        ManagedIdentityCredential(client_id="55555555-5555-4555-8555-555555555555") as credential,
        pytest.raises(ClientAuthenticationError, match="no managed identity was found"),
    ):
        credential.get_token(f"{VAULT}/.default")


@pytest.mark.usefixtures("environment")
def test_a_wrong_identity_header_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not know IDENTITY_HEADER gets no token."""
    monkeypatch.setenv("IDENTITY_HEADER", "guessed")
    with (
        ManagedIdentityCredential(client_id=MANAGED_IDENTITY.client_id) as credential,
        pytest.raises(ClientAuthenticationError, match="X-IDENTITY-HEADER"),
    ):
        credential.get_token(f"{VAULT}/.default")


@pytest.mark.parametrize(
    ("query", "header", "status"),
    [
        ({}, None, 200),
        ({}, "guessed", 401),
        ({"api-version": "2017-09-01"}, None, 400),
        ({"resource": "https://elsewhere.example"}, None, 400),
        ({"client_id": None}, None, 400),
    ],
)
def test_the_managed_identity_contract(
    stand_in: IdentityStandIn, query: dict[str, str | None], header: str | None, status: int
) -> None:
    """The endpoint keeps the 2019-08-01 contract; without a system-assigned identity a client id is a must."""
    complete: dict[str, str | None] = {
        "api-version": "2019-08-01",
        "resource": VAULT,
        "client_id": MANAGED_IDENTITY.client_id,
    }
    answer = requests.get(
        stand_in.identity_endpoint,
        params=complete | query,
        headers={"X-IDENTITY-HEADER": header or stand_in.identity_header, "Metadata": "true"},
        timeout=10,
    )
    assert answer.status_code == status
    if status == 200:
        body = answer.json()
        assert body.keys() == {"access_token", "expires_on", "resource", "token_type", "client_id"}
        assert body["expires_on"] == str(payload(body["access_token"])["exp"])
        assert (body["resource"], body["token_type"]) == (VAULT, "Bearer")


def test_lifetimes_are_random_but_the_same_for_a_seed() -> None:
    """Tokens last from 60 to 90 minutes, not always the same, and a seed repeats them."""

    def lifetimes(seed: int) -> list[int]:
        issuer = TokenIssuer(Clock(), seed=seed)
        return [issuer.issue(VAULT, MANAGED_IDENTITY).expires_in for _ in range(200)]

    drawn = lifetimes(7)
    assert min(drawn) >= 3600
    assert max(drawn) <= 5400
    assert len(set(drawn)) > 100
    assert drawn == lifetimes(7) != lifetimes(8)


def _damaged(token: str) -> str:
    head, middle, signature = token.split(".")
    return f"{head}.{middle}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def test_a_reader_says_what_is_wrong_with_a_token() -> None:
    """Absent, damaged, for another resource, of another tenant and expired tokens are told apart."""
    clock = Clock()
    clock.freeze()
    token = TokenIssuer(clock).issue(VAULT, MANAGED_IDENTITY)

    def reason(authorization: str | None, audience: str = VAULT, tenant: str = TENANT) -> str:
        with pytest.raises(Unacceptable) as refusal:
            bearer(authorization, audience, clock, tenant)
        return refusal.value.reason

    assert bearer(f"Bearer {token.text}", VAULT, clock)["appid"] == MANAGED_IDENTITY.client_id
    assert reason(None) == "absent"
    assert reason("Basic eDp5") == "absent"
    assert reason("Bearer ") == "absent"
    assert reason(f"Bearer {_damaged(token.text)}") == "invalid"
    assert reason(f"Bearer {token.text}", tenant="99999999-9999-4999-8999-999999999999") == "invalid"
    assert reason(f"Bearer {token.text}", audience=POWER_BI) == "audience"
    clock.advance(token.expires_in)
    assert reason(f"Bearer {token.text}") == "expired"


def test_faults_reach_the_clients(stand_in: IdentityStandIn) -> None:
    """A fault of the authority fails exactly as many requests as it says."""
    requests.post(
        f"{stand_in.authority_url.rsplit('/', 1)[0]}/_sim/faults",
        json={"kind": "status", "path": ".*/token", "status": 503},
        verify=str(stand_in.ca),
        timeout=10,
    ).raise_for_status()
    assert [ask(stand_in).status_code, ask(stand_in).status_code] == [503, 200]


def test_the_command_starts_everything(tmp_path: Path) -> None:
    """`python -m local.identity` writes ca.pem, prints where it listens, and has the secrets that it was given."""
    ports = [_free_port() for _ in range(3)]
    command = [
        sys.executable,
        "-m",
        "local.identity",
        "--folder",
        str(tmp_path / "made"),
        "--secret",
        "a=b=c",
    ]
    for option, port in zip(("--port", "--vault-port", "--managed-identity-port"), ports, strict=True):
        command += [option, str(port)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}
    ) as process:
        try:
            assert process.stdout is not None
            addresses = json.loads(process.stdout.readline())
            assert addresses["authority"] == f"https://127.0.0.1:{ports[0]}/{TENANT}"
            token = requests.get(
                addresses["identity_endpoint"],
                params={
                    "api-version": "2019-08-01",
                    "resource": VAULT,
                    "client_id": MANAGED_IDENTITY.client_id,
                },
                headers={"X-IDENTITY-HEADER": "local-identity-header"},
                timeout=10,
            ).json()["access_token"]
            secret = requests.get(
                f"https://localhost:{ports[1]}/secrets/a/?api-version=2026-04-01",
                headers={"Authorization": f"Bearer {token}"},
                verify=str(tmp_path / "made" / "ca.pem"),
                timeout=10,
            )
            assert secret.json()["value"] == "b=c"
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
