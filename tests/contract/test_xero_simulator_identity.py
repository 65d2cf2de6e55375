"""Consent, tokens and connections of the Xero stand-in, over a real socket."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from local.simulation import Fault
from local.xero.identity import Client
from tests.contract.xero_bench import BACK, OTHER, SCOPES, TENANT, Bench, invoice

CUSTOM = Client("custom-app", "custom-secret", tenant_id=TENANT)
OLD = Client("old-app", "old-secret", ("https://old.example/back",), broad_scopes=True)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(Client(), CUSTOM, OLD) as bench:
        bench.load(TENANT, "Demo <NZ>", "user-1", Invoices=[invoice(0)])
        bench.load(OTHER, "Other", "user-2")
        yield bench


def refresh(bench: Bench, token: str) -> requests.Response:
    return bench.ask_token(grant_type="refresh_token", refresh_token=token)


def ask(bench: Bench, path: str, token: str, method: str = "GET") -> requests.Response:
    return requests.request(method, f"{bench.url}{path}", headers={"Authorization": f"Bearer {token}"})


def test_the_consent_page_lists_each_users_organisations(bench: Bench) -> None:
    """A person reads who asks for what, which organisations there are, and finds both buttons."""
    query = {
        "response_type": "code",
        "client_id": "local-xero-app",
        "redirect_uri": BACK,
        "scope": SCOPES,
        "state": "s",
    }
    response = requests.get(f"{bench.url}/identity/connect/authorize", params=query)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    forms = re.findall("<form.*?</form>", response.text, re.DOTALL)
    assert ["Demo &lt;NZ&gt;" in form for form in forms] == [True, False]
    assert ["Other" in form for form in forms] == [False, True]
    assert all("Allow access</button>" in form and "Cancel</button>" in form for form in forms)
    assert all(f'value="{TENANT if n == 0 else OTHER}"' in form for n, form in enumerate(forms))


def test_allowing_redirects_with_code_and_state(bench: Bench) -> None:
    """The browser comes back to the app with a code and the app's own state."""
    response = bench.authorize(state="a&b")
    target = urlsplit(response.headers["Location"])
    query = parse_qs(target.query)
    assert response.status_code == 302
    assert target._replace(query="").geturl() == BACK
    assert query["state"] == ["a&b"] and len(query["code"]) == 1


def test_cancel_redirects_with_access_denied(bench: Bench) -> None:
    """A user who declines sends the browser back without a code, and connects nothing."""
    target = bench.authorize(decision="cancel").headers["Location"]
    assert parse_qs(urlsplit(target).query) == {"error": ["access_denied"], "state": ["s1"]}
    assert not bench.xero.identity.connections


@pytest.mark.parametrize(
    "fields",
    [
        {"client_id": "nobody"},
        {"client_id": "custom-app"},
        {"client_id": "old-app"},
        {"redirect_uri": "http://127.0.0.1:7071/back"},
        {"redirect_uri": "http://example.com/back"},
        {"response_type": "token"},
        {"scope": ""},
        {"scope": "accounting.transactions.read"},
        {"scope": "accounting.nonsense"},
        {"tenant_id": []},
        {"tenant_id": [OTHER]},
        {"code_challenge": "x", "code_challenge_method": "plain"},
    ],
)
def test_an_unsound_request_stays_on_the_page(bench: Bench, fields: dict[str, str]) -> None:
    """Whatever Xero would not trust is told to the person and never redirected."""
    response = bench.authorize(**fields)
    assert response.status_code == 400
    assert "Location" not in response.headers


def test_only_old_apps_may_ask_for_broad_scopes(bench: Bench) -> None:
    """accounting.transactions opens invoices for an app of before March 2026, and for no other."""
    old = {
        "client_id": "old-app",
        "redirect_uri": OLD.redirect_uris[0],
        "scope": "accounting.transactions.read",
    }
    form = {
        "grant_type": "authorization_code",
        "code": bench.code(**old),
        "redirect_uri": OLD.redirect_uris[0],
    }
    token = bench.ask_token(("old-app", "old-secret"), **form).json()["access_token"]
    assert bench.get("Invoices", token=token).status_code == 200
    assert bench.authorize(scope="accounting.transactions.read").status_code == 400


def test_a_code_gives_tokens_as_recorded(bench: Bench) -> None:
    """The token answer has Xero's fields in Xero's order, and the access token is a JWT of 30 minutes."""
    answer = bench.tokens(scope=f"openid {SCOPES}")
    assert list(answer) == ["id_token", "access_token", "expires_in", "token_type", "refresh_token", "scope"]
    assert (answer["expires_in"], answer["token_type"]) == (1800, "Bearer")
    assert answer["scope"] == f"openid {SCOPES}"
    payload = answer["access_token"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] - claims["nbf"] == 1800
    assert claims["client_id"] == "local-xero-app"


def test_the_client_may_authenticate_in_the_body(bench: Bench) -> None:
    """Id and secret in the form work as Basic does; a wrong one is invalid_client either way."""
    form = {"grant_type": "authorization_code", "redirect_uri": BACK}
    body = {"client_id": "local-xero-app", "client_secret": "local-xero-secret"}
    assert bench.ask_token(None, code=bench.code(), **form, **body).status_code == 200
    for auth, extra in (
        (("local-xero-app", "wrong"), {}),
        (None, {**body, "client_secret": "x"}),
        (None, {}),
    ):
        response = bench.ask_token(auth, code=bench.code(), **form, **extra)
        assert (response.status_code, response.json()) == (400, {"error": "invalid_client"})


def test_a_code_works_once(bench: Bench) -> None:
    """A code that was used is an invalid grant."""
    form = {"grant_type": "authorization_code", "code": bench.code(), "redirect_uri": BACK}
    assert bench.ask_token(**form).status_code == 200
    again = bench.ask_token(**form)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 400)])
def test_a_code_lasts_five_minutes(bench: Bench, seconds: int, status: int) -> None:
    """A code is exchanged within five minutes or not at all."""
    code = bench.code()
    bench.xero.clock.advance(seconds)
    response = bench.ask_token(grant_type="authorization_code", code=code, redirect_uri=BACK)
    assert response.status_code == status


def test_a_code_is_bound_to_redirect_client_and_verifier(bench: Bench) -> None:
    """Another redirect_uri, another app or a wrong PKCE verifier gets nothing for a code."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
    grant = {"grant_type": "authorization_code"}
    assert bench.ask_token(**grant, code=bench.code(), redirect_uri=f"{BACK}/").status_code == 400
    assert (
        bench.ask_token(("old-app", "old-secret"), **grant, code=bench.code(), redirect_uri=BACK).status_code
        == 400
    )
    for verifier, status in (("v" * 43, 200), ("w" * 43, 400), ("", 400)):
        form = {"code": bench.code(**pkce), "redirect_uri": BACK, "code_verifier": verifier}
        assert bench.ask_token(**grant, **form).status_code == status


def test_no_refresh_token_without_offline_access(bench: Bench) -> None:
    """A consent without offline_access ends with its access token."""
    assert "refresh_token" not in bench.tokens(scope="accounting.invoices.read")


def test_every_refresh_rotates(bench: Bench) -> None:
    """A refresh answers a new refresh token and a new access token, and both access tokens work."""
    first = bench.tokens()
    second = refresh(bench, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    for answer in (first, second):
        assert bench.get("Invoices", token=answer["access_token"]).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(1799, 200), (1800, 400)])
def test_an_old_refresh_token_works_30_minutes_more(bench: Bench, seconds: int, status: int) -> None:
    """The token before the last is good for a retry during 30 minutes, then a grant without a description is
    invalid; retrying does not prolong that."""
    old = bench.tokens()["refresh_token"]
    refresh(bench, old)
    bench.xero.clock.advance(900)
    assert refresh(bench, old).status_code == 200
    bench.xero.clock.advance(seconds - 900)
    response = refresh(bench, old)
    assert response.status_code == status
    if status == 400:
        assert response.json() == {"error": "invalid_grant"}


def test_of_two_branches_only_the_newest_lives_on(bench: Bench) -> None:
    """When two stores refresh one set, the one that came first has lost it half an hour later."""
    old = bench.tokens()["refresh_token"]
    first = refresh(bench, old).json()["refresh_token"]
    second = refresh(bench, old).json()["refresh_token"]
    bench.xero.clock.advance(1800)
    assert refresh(bench, first).status_code == 400
    assert refresh(bench, second).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(60 * 86400 - 1, 200), (60 * 86400, 400)])
def test_a_refresh_token_dies_after_60_unused_days(bench: Bench, seconds: int, status: int) -> None:
    """Sixty days without a refresh end a token set."""
    token = bench.tokens()["refresh_token"]
    bench.xero.clock.advance(seconds)
    assert refresh(bench, token).status_code == status


def test_a_refresh_whose_answer_is_lost_can_be_retried(bench: Bench) -> None:
    """A refresh that took effect but whose answer never came is repeated with the old token."""
    token = bench.tokens()["refresh_token"]
    bench.xero.faults.add(Fault("reset", path="/connect/token", commits=True))
    with pytest.raises(requests.ConnectionError):
        refresh(bench, token)
    bench.xero.clock.advance(1799)
    assert refresh(bench, token).status_code == 200
    bench.xero.clock.advance(1)
    assert refresh(bench, token).status_code == 400


def test_a_refresh_token_belongs_to_its_app(bench: Bench) -> None:
    """Another app cannot refresh with it, and a token that never was is no better."""
    token = bench.tokens()["refresh_token"]
    other = bench.ask_token(("old-app", "old-secret"), grant_type="refresh_token", refresh_token=token)
    assert (other.status_code, other.json()) == (400, {"error": "invalid_grant"})
    assert refresh(bench, "nonsense").json() == {"error": "invalid_grant"}
    assert bench.ask_token(grant_type="password").json() == {"error": "unsupported_grant_type"}


def test_an_access_token_dies_after_30_minutes(bench: Bench) -> None:
    """An expired token gets the Title-case 401 that says when it expired."""
    bench.connect()
    bench.xero.clock.advance(1799)
    assert bench.get("Invoices").status_code == 200
    bench.xero.clock.advance(1)
    response = bench.get("Invoices")
    body = response.json()
    assert response.status_code == 401
    assert list(body) == ["Title", "Status", "Detail", "Instance"]
    expired = f"{bench.xero.clock.now():%m/%d/%Y %H:%M:%S}"
    assert (body["Title"], body["Status"]) == ("Unauthorized", 401)
    assert body["Detail"] == f"TokenExpired: token expired at {expired}"


def test_a_bad_access_token_is_401(bench: Bench) -> None:
    """A token that Xero never gave, or none, is AuthenticationUnsuccessful, in Title case."""
    for token in ("nonsense", "eyJ.eyJ.x"):
        response = bench.get("Invoices", token=token)
        assert response.status_code == 401
        assert response.json()["Detail"] == "AuthenticationUnsuccessful"
    assert ask(bench, "/connections", "nonsense").json()["Title"] == "Unauthorized"


@pytest.mark.parametrize("spelling", ["insufficent_scope", "insufficient_scope"])
def test_insufficient_scope_is_401_with_a_challenge(bench: Bench, spelling: str) -> None:
    """A resource outside the consent is 401, not 403, told apart by WWW-Authenticate only."""
    bench.sim("switches", {"scope_error": spelling})
    bench.connect(scope="accounting.contacts.read")
    response = bench.get("Invoices")
    assert response.status_code == 401
    assert spelling in response.headers["WWW-Authenticate"]
    assert bench.get("Contacts").status_code == 200


@pytest.mark.parametrize("tenant", [None, "", OTHER, "33333333-3333-4333-8333-333333333333"])
def test_a_wrong_or_missing_tenant_is_a_lower_case_403(bench: Bench, tenant: str | None) -> None:
    """A tenant that is unknown, unconnected or not named is forbidden, with keys in lower case."""
    bench.connect()
    response = bench.get("Invoices", tenant=tenant)
    body = response.json()
    assert response.status_code == 403
    assert list(body) == ["title", "status", "detail", "instance"]
    assert (body["title"], body["status"], body["detail"]) == ("Forbidden", 403, "AuthenticationUnsuccessful")


def test_connections_is_a_bare_array_as_recorded(bench: Bench) -> None:
    """A connection has Xero's fields and dates with seven decimals and no zone; the 2020 form lacks two fields."""
    token = bench.tokens()["access_token"]
    (entry,) = ask(bench, "/connections", token).json()
    assert set(entry) == {
        *("id", "tenantId", "authEventId", "tenantType", "tenantName", "createdDateUtc", "updatedDateUtc"),
    }
    assert (entry["tenantId"], entry["tenantName"], entry["tenantType"]) == (
        TENANT,
        "Demo <NZ>",
        "ORGANISATION",
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}", entry["createdDateUtc"])
    assert len(ask(bench, f"/connections?authEventId={entry['authEventId']}", token).json()) == 1
    assert ask(bench, f"/connections?authEventId={OTHER}", token).json() == []
    bench.sim("switches", {"connection_names": False})
    assert list(ask(bench, "/connections", token).json()[0]) == [
        *("id", "tenantId", "tenantType", "createdDateUtc", "updatedDateUtc")
    ]


def test_each_user_sees_the_own_organisations(bench: Bench) -> None:
    """A token set reaches what its user connected, whatever others connected to the same app."""
    first = bench.tokens()["access_token"]
    second = bench.tokens(user="user-2", tenant_id=[OTHER])["access_token"]
    seen = [
        [entry["tenantId"] for entry in ask(bench, "/connections", token).json()] for token in (first, second)
    ]
    assert seen == [[TENANT], [OTHER]]
    assert bench.get("Invoices", token=second, tenant=TENANT).status_code == 403
    assert bench.get("Invoices", token=second, tenant=OTHER).status_code == 200


def test_connecting_again_keeps_the_connection(bench: Bench) -> None:
    """A second consent renews the connection's event and update date, not its id or creation date."""
    (before,) = ask(bench, "/connections", bench.tokens()["access_token"]).json()
    bench.xero.clock.advance(60)
    (after,) = ask(bench, "/connections", bench.tokens()["access_token"]).json()
    kept = ("id", "createdDateUtc")
    assert [before[name] for name in kept] == [after[name] for name in kept]
    assert (
        before["authEventId"] != after["authEventId"] and before["updatedDateUtc"] < after["updatedDateUtc"]
    )


def test_disconnecting_closes_the_tenant(bench: Bench) -> None:
    """DELETE of a connection is 204 and then 404; the tenant is forbidden from then on."""
    bench.connect()
    (entry,) = ask(bench, "/connections", bench.token).json()
    other = bench.tokens(user="user-2", tenant_id=[OTHER])["access_token"]
    path = f"/connections/{entry['id']}"
    assert ask(bench, path, other, "DELETE").status_code == 404
    assert ask(bench, path, bench.token, "DELETE").status_code == 204
    assert ask(bench, path, bench.token, "DELETE").status_code == 404
    assert bench.get("Invoices").status_code == 403


def test_revocation_ends_the_set_and_the_users_connections(bench: Bench) -> None:
    """Revoking a refresh token is 200 with nothing in it and leaves its user, and no other, with nothing."""
    tokens = bench.tokens()
    other = bench.tokens(user="user-2", tenant_id=[OTHER])
    auth = ("local-xero-app", "local-xero-secret")
    url = f"{bench.url}/connect/revocation"
    response = requests.post(url, data={"token": tokens["refresh_token"]}, auth=auth)
    assert (response.status_code, response.content) == (200, b"")
    assert refresh(bench, tokens["refresh_token"]).status_code == 400
    assert bench.get("Invoices", token=tokens["access_token"]).status_code == 403
    assert refresh(bench, other["refresh_token"]).status_code == 200
    assert requests.post(url, data={"token": "x"}, auth=("local-xero-app", "no")).status_code == 400


def test_a_custom_connection_needs_no_user_and_no_tenant_header(bench: Bench) -> None:
    """client_credentials gives a token for one organisation and nothing to refresh with; web apps get none."""
    form = {"grant_type": "client_credentials", "scope": "accounting.invoices.read"}
    answer = bench.ask_token(("custom-app", "custom-secret"), **form).json()
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]
    assert len(bench.rows("Invoices", token=answer["access_token"], tenant=None)) == 1
    assert bench.get("Invoices", token=answer["access_token"], tenant=OTHER).status_code == 403
    assert bench.ask_token(**form).json() == {"error": "unauthorized_client"}
    broad = {"grant_type": "client_credentials", "scope": "accounting.transactions"}
    assert bench.ask_token(("custom-app", "custom-secret"), **broad).json() == {"error": "invalid_scope"}


def test_a_custom_connection_has_no_user(bench: Bench) -> None:
    """Its token tells of no user, and it may ask for nothing that needs one, nor for journals, nor for nothing."""
    form = {"grant_type": "client_credentials", "scope": "accounting.invoices.read"}
    token = bench.ask_token(("custom-app", "custom-secret"), **form).json()["access_token"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert not {"sub", "xero_userid"} & set(claims)
    for scope in ("openid", "offline_access", "accounting.journals.read", ""):
        form["scope"] = f"accounting.invoices.read {scope}" if scope else ""
        answer = bench.ask_token(("custom-app", "custom-secret"), **form)
        assert (answer.status_code, answer.json()) == (400, {"error": "invalid_scope"}), scope


@pytest.mark.parametrize("refused", [True, False])
def test_a_custom_connection_that_nobody_authorised(refused: bool) -> None:
    """It gets no token, or one that opens nothing, as the switch says; scopes that were not picked are refused."""
    picked = frozenset({"accounting.contacts.read"})
    with Bench(Client("custom-app", "custom-secret", custom=True, scopes=picked)) as bench:
        bench.xero.switches.update({"custom_unauthorised_refused": refused})
        form = {"grant_type": "client_credentials", "scope": "accounting.contacts.read"}
        answer = bench.ask_token(("custom-app", "custom-secret"), **form).json()
        if refused:
            assert answer == {"error": "unauthorized_client"}
        else:
            headers = {"Authorization": f"Bearer {answer['access_token']}"}
            assert requests.get(f"{bench.url}/connections", headers=headers).json() == []
        form["scope"] = "accounting.invoices.read"
        assert bench.ask_token(("custom-app", "custom-secret"), **form).json() == {"error": "invalid_scope"}


def test_limits_of_connecting_stay_on_the_page(bench: Bench) -> None:
    """An app that is full, and an organisation with two apps already, end on Xero's page; nothing is connected more."""
    bench.xero.switches.update({"connections_limit": 1})
    bench.tokens()
    before = dict(bench.xero.identity.connections)
    refused = bench.authorize(tenant_id=[OTHER], user="user-2")
    assert (refused.status_code, "connection limit" in refused.text) == (400, True)
    bench.xero.switches.update({"connections_limit": 5, "uncertified_apps_limit": 0})
    refused = bench.authorize(tenant_id=[OTHER], user="user-2")
    assert "uncertified app limit" in refused.text
    assert bench.xero.identity.connections == before
    assert bench.authorize().status_code == 302
