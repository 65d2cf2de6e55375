"""The Power BI simulator lets in whom the service lets in, and its errors look like the service's."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msal
import pytest
import requests

from local.identity.stand_in import IdentityStandIn
from local.identity.tokens import (
    APPLICATION,
    APPLICATION_SECRET,
    MANAGED_IDENTITY,
    POWER_BI,
    VAULT,
    Principal,
    TokenIssuer,
)
from local.powerbi.app import create
from local.simulation import Clock, Served
from tests.contract.powerbi_simulator import Simulator, dataset, said

ROOT = Path(__file__).resolve().parents[2]
STRANGER = Principal("66666666-6666-4666-8666-666666666666", "66666666-0000-4000-8000-666666666666")
READER = Principal("77777777-7777-4777-8777-777777777777", "77777777-0000-4000-8000-777777777777")
MEMBER = Principal("88888888-8888-4888-8888-888888888888", "88888888-0000-4000-8000-888888888888")
ROLES = {
    APPLICATION.object_id: "Contributor",
    MANAGED_IDENTITY.object_id: "Contributor",
    READER.object_id: "Viewer",
    MEMBER.object_id: "Member",
}
NOT_AUTHORIZED = {
    "error": {
        "code": "PowerBINotAuthorizedException",
        "pbi.error": {
            "code": "PowerBINotAuthorizedException",
            "parameters": {},
            "details": [],
            "exceptionCulprit": 1,
        },
    }
}


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator(roles=ROLES) as simulator:
        yield simulator


@pytest.fixture
def service(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.reset()


def every_operation(service: Simulator, made: str, **options: Any) -> list[requests.Response]:
    """One call of each kind, on a dataset that is there or not."""
    path = f"{service.datasets}/{made}"
    calls: list[tuple[str, str, Any]] = [
        ("POST", service.datasets, dataset()),
        ("GET", service.datasets, None),
        ("GET", path, None),
        ("GET", f"{path}/tables", None),
        ("PUT", f"{path}/tables/T", {"name": "T"}),
        ("POST", f"{path}/tables/T/rows", {"rows": [{"Number": 1}]}),
        ("GET", f"{path}/tables/T/sequenceNumbers", None),
        ("POST", f"{path}/executeQueries", {"queries": []}),
        ("DELETE", f"{path}/tables/T/rows", None),
        ("DELETE", path, None),
    ]
    return [service.call(method, url, content, **options) for method, url, content in calls]


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer ", "Bearer nonsense", "Bearer a.b.c"])
def test_no_call_goes_without_a_token(service: Simulator, header: str) -> None:
    """Without a readable token every operation is 401 and has no effect."""
    made = service.create()
    for answer in every_operation(service, made, headers={"Authorization": header}):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert service.count(made) == 0


def test_an_expired_token_is_403(service: Simulator) -> None:
    """When the service's own clock has passed a token's end, it answers 403 TokenExpired, not 401."""
    made = service.create()
    token = service.issuer.issue(POWER_BI, APPLICATION)
    service.clock.advance(token.expires_in - 1)
    assert service.post(made, [{"Number": 1}], token=token.text).status_code == 200
    service.clock.advance(1)
    answer = service.post(made, [{"Number": 1}], token=token.text)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {
            "code": "TokenExpired",
            "message": "Access token has expired, resubmit with a new access token",
        }
    }
    assert service.post(made, [{"Number": 1}]).status_code == 200


@pytest.mark.parametrize("status", [401, 403])
def test_a_token_for_something_else_is_refused(service: Simulator, status: int) -> None:
    """A token for the vault opens no dataset; 401 or 403 by switch."""
    service.switch(wrong_audience_status=status)
    token = service.token(resource=VAULT)
    assert service.call("GET", service.datasets, token=token).status_code == status


def test_a_token_of_another_tenant_is_refused(service: Simulator) -> None:
    """A token that another tenant issued is 401."""
    foreign = TokenIssuer(service.clock, "99999999-9999-4999-8999-999999999999").issue(POWER_BI, APPLICATION)
    assert service.call("GET", service.datasets, token=foreign.text).status_code == 401


@pytest.mark.parametrize("status", [401, 403])
def test_a_principal_without_role_is_not_authorized(service: Simulator, status: int) -> None:
    """Without a role in the workspace every operation is PowerBINotAuthorizedException, 401 or 403 by switch."""
    service.switch(no_role_status=status)
    made = service.create()
    for answer in every_operation(service, made, token=service.token(STRANGER)):
        assert (answer.status_code, answer.json()) == (status, NOT_AUTHORIZED)


def test_a_viewer_may_only_read(service: Simulator) -> None:
    """A Viewer sees datasets and tables and can change nothing."""
    made = service.create()
    answers = every_operation(service, made, token=service.token(READER))
    assert [answer.status_code for answer in answers] == [401, 200, 200, 200, 401, 401, 200, 401, 401, 401]


def test_the_least_role_by_switch(service: Simulator) -> None:
    """A Contributor may push by default; where the switch wants a Member, only a Member may."""
    made = service.create()
    service.switch(least_role="Member")
    assert service.post(made, [{"Number": 1}]).status_code == 401
    assert service.post(made, [{"Number": 1}], token=service.token(MEMBER)).status_code == 200


def test_the_tenant_setting_by_switch(service: Simulator) -> None:
    """With service principals off, even one with a role is not authorized."""
    service.switch(service_principals="refused")
    answer = service.call("GET", service.datasets)
    assert (answer.status_code, answer.json()) == (401, NOT_AUTHORIZED)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_another_workspace_is_refused(service: Simulator, status: int) -> None:
    """A group that is not the simulator's is 401, 403 or 404 by switch."""
    service.switch(unknown_group_status=status)
    path = "/v1.0/myorg/groups/00000000-0000-4000-8000-000000000000/datasets"
    assert service.call("GET", path).status_code == status


def test_my_workspace_is_not_for_service_principals(service: Simulator) -> None:
    """The operations without a group belong to users."""
    answer = service.call("POST", "/v1.0/myorg/datasets", dataset())
    assert (answer.status_code, answer.json()) == (401, NOT_AUTHORIZED)
    assert service.call("POST", "/v1.0/myorg/datasets/x/tables/T/rows", {"rows": []}).status_code == 401


def test_no_such_operation(service: Simulator) -> None:
    """An address that is none has the third shape of errors, and so has a method that is none."""
    answer = service.call("GET", "/v1.0/myorg/nothing")
    assert (answer.status_code, answer.json().keys()) == (404, {"Message"})
    answer = service.call("PATCH", service.datasets, {})
    assert (answer.status_code, answer.json().keys()) == (405, {"Message"})


def test_every_answer_has_a_request_id(service: Simulator) -> None:
    """Good and bad answers carry an id of their own."""
    ids = {answer.headers["RequestId"] for answer in every_operation(service, "nothing")}
    assert len(ids) == 10


def test_errors_in_other_shapes_by_switch(service: Simulator) -> None:
    """An error may be {"Message"}, no JSON at all, or have fields that nobody knows; status and header stay."""
    for _ in range(2):
        assert "'X' does not exist" in said(service.call("POST", service.datasets, dataset(X=1)))
    service.switch(error_shape="message")
    answer = service.call("POST", service.datasets, dataset(X=1))
    assert answer.status_code == 400
    assert "'X' does not exist" in answer.json()["Message"]
    service.switch(error_shape="text")
    answer = service.call("POST", service.datasets, dataset(X=1))
    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (400, "text/html")
    service.switch(error_shape="extra")
    answer = service.call("POST", service.datasets, dataset(X=1))
    assert answer.json().keys() > {"error"}


def test_an_early_refusal_reads_the_body_to_its_end(service: Simulator) -> None:
    """A client without token that sends slowly gets its 401 and no reset."""
    address = urlsplit(service.url)
    head = f"POST {service.datasets} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 2000000\r\n\r\n"
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as connection:
        connection.sendall(head.encode())
        for _ in range(30):  # Others are served while the body is on its way.
            assert service.call("GET", service.datasets).status_code == 200
        connection.sendall(b"x" * 2_000_000)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_retirement() -> None:
    """From 2027-10-31 creation fails; existing datasets work on, or not; each by switch."""
    with Simulator(roles=ROLES) as service:
        made = service.create()
        service.call("POST", "/_sim/clock", {"set": "2027-10-30T23:59:59+00:00"}).raise_for_status()
        assert service.call("POST", service.datasets, dataset()).status_code == 201
        service.clock.advance(1)
        assert service.call("POST", service.datasets, dataset()).status_code == 400
        assert service.post(made, [{"Number": 1}]).status_code == 200
        service.switch(post_after_retirement="refused", create_after_retirement="accepted")
        assert service.call("POST", service.datasets, dataset()).status_code == 201
        assert service.post(made, [{"Number": 1}]).status_code == 400
        service.switch(retired_on="2028-01-01")
        assert service.post(made, [{"Number": 1}]).status_code == 200


# The control interface


def test_switches_are_shown_and_checked(service: Simulator) -> None:
    """Switches have names and values; what is neither is refused and changes nothing."""
    before = service.call("GET", "/_sim/switches").json()
    assert (before["create_status"], before["retired_on"], before["retry_after"]) == (201, "2027-10-31", True)
    for name, value in (("nobody", 1), ("create_status", 500), ("delete_seconds", -1), ("retry_after", "no")):
        assert service.call("POST", "/_sim/switches", {name: value}).status_code == 400
    assert service.call("POST", "/_sim/switches", []).status_code == 400
    assert service.call("GET", "/_sim/switches").json() == before
    changed = service.call("POST", "/_sim/switches", {"ingest_seconds": 3, "put_rows": "lost"}).json()
    assert changed == before | {"ingest_seconds": 3.0, "put_rows": "lost"}
    assert service.call("DELETE", "/_sim/switches").json() == before


def test_datasets_and_posts_are_shown(service: Simulator) -> None:
    """The control interface lists datasets with row counts and every POST with its time, size and status."""
    service.call("DELETE", "/_sim/posts")
    made = service.create(dataset(name="Shown"))
    service.post(made, [{"Number": 1}, {"Number": 2}])
    service.clock.advance(5)
    service.post(made, [{"Number": "x"}])
    service.post("nothing", [{"Number": 1}])
    service.post(made, [{"Number": 1}], token="bad")
    now = service.clock.now()
    posts = service.call("GET", "/_sim/posts").json()
    assert [(post["table"], post["rows"], post["status"]) for post in posts] == [
        ("T", 2, 200),
        ("T", 1, 400),
        ("T", 0, 404),
        ("T", 0, 401),
    ]
    assert posts[1] == {"table": "T", "rows": 1, "at": now.isoformat(), "status": 400}
    assert len(service.call("GET", f"/_sim/posts?dataset={made}").json()) == 3
    entry = next(entry for entry in service.call("GET", "/_sim/datasets").json() if entry["id"] == made)
    assert entry == {"id": made, "name": "Shown", "tables": [{"name": "T", "rows": 2}]}


def test_unknown_datasets_are_not_shown(service: Simulator) -> None:
    """The control interface answers 404 for what is not there."""
    made = service.create()
    assert service.call("GET", "/_sim/datasets/nothing").status_code == 404
    assert service.call("GET", "/_sim/datasets/nothing/tables/T/rows").status_code == 404
    assert service.call("GET", f"/_sim/datasets/{made}/tables/U/rows").status_code == 404


# With the identity stand-in


def test_msal_and_the_simulator_together(tmp_path: Path) -> None:
    """A token that unmodified msal gets for a client secret opens the workspace; tokens expire by one clock."""
    with IdentityStandIn(tmp_path) as identity, requests.Session() as session:
        session.verify = str(identity.ca)
        session.trust_env = False
        app, _ = create(clock=identity.clock)
        with Served(app) as power_bi:
            token = msal.ConfidentialClientApplication(
                APPLICATION.client_id,
                client_credential=APPLICATION_SECRET,
                authority=identity.authority_url,
                instance_discovery=False,
                http_client=session,
            ).acquire_token_for_client([f"{POWER_BI}/.default"])["access_token"]
            url = f"{power_bi.url}/v1.0/myorg/groups/11111111-1111-4111-8111-111111111111/datasets"
            headers = {"Authorization": f"Bearer {token}"}
            assert session.get(url, headers=headers, timeout=10).json()["value"] == []
            identity.clock.advance(5400)
            assert session.get(url, headers=headers, timeout=10).status_code == 403


def test_the_command_starts_the_simulator() -> None:
    """`python -m local.powerbi` serves the workspace, roles and switches that it is given."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    group = "12345678-1234-4234-8234-123456789abc"
    command = [sys.executable, "-m", "local.powerbi", "--port", str(port), "--group", group]
    command += ["--role", f"{STRANGER.object_id}=Admin", "--switch", "create_status=202"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            assert b"powerbi" in process.stdout.readline()
            token = TokenIssuer(Clock()).issue(POWER_BI, STRANGER).text
            answer = requests.post(
                f"http://127.0.0.1:{port}/v1.0/myorg/groups/{group}/datasets",
                json=dataset(),
                headers={"Authorization": f"Bearer {token}"},
                timeout=10,
            )
            assert answer.status_code == 202
        finally:
            process.terminate()
