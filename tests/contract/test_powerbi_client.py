"""Power BI's client and the dataset's making: each bad answer under its name, one dataset, POSTs at a distance."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from local.powerbi.switches import Switches
from local.simulation import Fault
from shared.errors import (
    ConnectorError,
    LimitReached,
    NotFound,
    OutcomeUnknown,
    PermissionMissing,
    Refused,
    SettingsError,
    Unavailable,
)
from shared.state import sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync.dataset import ensure_dataset
from shared.tables import TABLES, measures
from tests.support.killing import Killed, Life
from tests.support.world import World

ROW = [b'{"Name":"x"}']


@pytest.fixture
def made(world: World) -> World:
    """A world with a dataset and nobody connected."""
    world.dataset_id, _ = ensure_dataset(world.connector, DEFAULT_DATASET)
    return world


def token_calls(world: World) -> int:
    by_path = world.identity.statistics["authority"].as_dict()["by_path"]
    return sum(count for path, count in by_path.items() if path.endswith("/token"))


def test_the_dataset_is_made_once(world: World) -> None:
    """Making the dataset again finds it, and it keeps all rows for ever."""
    first, made = ensure_dataset(world.connector, DEFAULT_DATASET)
    again, made_again = ensure_dataset(world.restart(), DEFAULT_DATASET)
    assert (first, made, made_again) == (again, True, False)
    [dataset] = world.powerbi.datasets.values()
    assert dataset.retention == "None"
    assert set(dataset.tables) == {*TABLES, measures.TABLE}


def test_killed_anywhere_while_the_dataset_is_made(world: World) -> None:
    """A crash at any point while the dataset is made leaves one dataset, not two, when it is made again."""
    whole = Life()
    again = world.snapshot()
    ensure_dataset(world.mortal(whole), DEFAULT_DATASET)
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            ensure_dataset(world.mortal(Life(effect)), DEFAULT_DATASET)
        world.advance(61)
        powerbi_id, _ = ensure_dataset(world.connector, DEFAULT_DATASET)
        assert list(world.powerbi.datasets) == [powerbi_id], effect
        assert sink.read(world.store, DEFAULT_DATASET).powerbi_id == powerbi_id


def test_the_answer_of_making_it_is_lost(world: World) -> None:
    """A dataset whose making had an unknown outcome is looked up by its name, not made a second time."""
    world.powerbi_faults.add(Fault("reset", method="POST", path=".*/datasets", commits=True))
    with pytest.raises(OutcomeUnknown):
        ensure_dataset(world.connector, DEFAULT_DATASET)
    powerbi_id, made = ensure_dataset(world.connector, DEFAULT_DATASET)
    assert not made
    assert list(world.powerbi.datasets) == [powerbi_id]


def test_a_dataset_that_was_deleted(made: World) -> None:
    """A dataset that somebody deleted in Power BI is made anew when asked for."""
    made.powerbi.datasets.clear()
    powerbi_id, is_new = ensure_dataset(made.connector, DEFAULT_DATASET)
    assert is_new
    assert sink.read(made.store, DEFAULT_DATASET).powerbi_id == powerbi_id


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 400, "body": '{"error":{"code":"BadRequest"}}'}, Refused),
        ({"status": 404}, NotFound),
        ({"status": 413}, Refused),
        ({"status": 401, "times": 2}, PermissionMissing),
        ({"status": 403}, PermissionMissing),
        ({"status": 429, "headers": {"Retry-After": "17"}}, LimitReached),
        ({"status": 500, "body": "<html>"}, OutcomeUnknown),
        ({"status": 503}, OutcomeUnknown),
    ],
    ids=["400", "404", "413", "401 twice", "403", "429", "500", "503"],
)
def test_bad_answers(made: World, fault: dict[str, object], expected: type[ConnectorError]) -> None:
    """Each bad answer has its name, says which call it was, and carries Power BI's words."""
    made.powerbi_fault("status", **({"body": "their words"} | fault))  # type: ignore[arg-type]
    with pytest.raises(expected) as caught:
        made.connector.powerbi().post_rows(made.dataset_id, "Accounts", ROW)
    assert type(caught.value) is expected
    assert f"POST /{made.dataset_id}/tables/Accounts/rows" in str(caught.value)
    assert str(fault.get("body", "their words")) in str(caught.value)
    if isinstance(caught.value, LimitReached):
        assert caught.value.seconds == 17
    if isinstance(caught.value, Refused):
        assert caught.value.status == fault["status"]


@pytest.mark.parametrize("header", [{}, {"Retry-After": "soon"}])
def test_429_without_a_time(made: World, header: dict[str, str]) -> None:
    """A 429 that does not say for how long is waited for a minute."""
    made.powerbi_fault("status", status=429, headers=header)
    with pytest.raises(LimitReached) as caught:
        made.connector.powerbi().post_rows(made.dataset_id, "Accounts", ROW)
    assert caught.value.seconds == 60


def test_a_failed_get_has_no_unknown_outcome(made: World) -> None:
    """A question that fails is only unavailable: it changed nothing."""
    made.powerbi_faults.add(Fault("status", method="GET", path=".*/datasets", status=502))
    with pytest.raises(Unavailable) as caught:
        made.connector.powerbi().datasets()
    assert not isinstance(caught.value, OutcomeUnknown)


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token(made: World, status: int) -> None:
    """A token that Power BI calls expired, by 401 or its own 403, is renewed once, and the call made again."""
    client = made.connector.powerbi()
    client.datasets()
    before = token_calls(made)
    body = json.dumps({"error": {"code": "TokenExpired", "message": "Access token has expired"}})
    made.powerbi_fault("status", status=status, body=body)
    client.post_rows(made.dataset_id, "Accounts", ROW)
    assert len(made.rows("Accounts")) == 1
    assert token_calls(made) == before + 1


def test_tokens_are_kept(made: World) -> None:
    """A token is asked for once, and used for as long as it lives."""
    client = made.connector.powerbi()
    client.datasets()
    before = token_calls(made)
    for _ in range(3):
        client.post_rows(made.dataset_id, "Accounts", ROW)
    assert token_calls(made) == before


def test_a_wrong_secret(world: World) -> None:
    """A wrong client secret is named, with the places to look."""
    world.vault.set("powerbi-client-secret", {"value": "wrong"})
    with pytest.raises(SettingsError, match="powerbi-client-secret") as caught:
        world.restart().powerbi().datasets()
    assert "7000215" in caught.value.vendor_words


def test_a_rotated_secret(made: World) -> None:
    """A secret that a person put right in Key Vault is used within five minutes, without a restart."""
    good = made.vault.get("powerbi-client-secret")[1].value
    made.vault.set("powerbi-client-secret", {"value": "wrong"})
    client = made.restart().powerbi()
    with pytest.raises(SettingsError):
        client.datasets()
    made.vault.set("powerbi-client-secret", {"value": good})
    made.clock.advance(301)
    assert len(client.datasets()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "reset"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 200, "body": "<html>"},
    ],
    ids=["reset", "503", "HTML"],
)
@pytest.mark.parametrize("path", [".*/token", ".*/openid-configuration"])
def test_entra_is_down(world: World, fault: dict[str, Any], path: str) -> None:
    """When Entra gives no token the call is tried later, and nobody is asked."""
    world.identity.faults["authority"].add(Fault(path=path, times=20, **fault))
    with pytest.raises(Unavailable):
        world.connector.powerbi().datasets()


def test_distance(made: World) -> None:
    """POSTs are as far apart as the limit of a minute asks, in the time of the clock that is given."""
    client = made.connector.powerbi()
    began = made.clock.now()
    for _ in range(5):
        client.post_rows(made.dataset_id, "Accounts", ROW)
    distance = timedelta(minutes=1) / made.connector.settings.powerbi_posts_per_minute
    assert made.clock.now() - began >= 4 * distance


def test_permission_by_the_tenant_setting(made: World) -> None:
    """A tenant that does not let service principals in is told with the two things to look at."""
    made.powerbi.switches = Switches(service_principals="refused")
    with pytest.raises(PermissionMissing, match="developer settings") as caught:
        made.connector.powerbi().datasets()
    assert "PowerBINotAuthorizedException" in caught.value.vendor_words


def test_delete_rows(made: World) -> None:
    """All rows of a table can be deleted."""
    client = made.connector.powerbi()
    client.post_rows(made.dataset_id, "Accounts", ROW)
    client.delete_rows(made.dataset_id, "Accounts")
    assert made.rows("Accounts") == []


def test_queries(made: World) -> None:
    """Values come back exact and by name; not being permitted is an answer, a broken query or a part of a row is none."""
    ask = {"rows": "COUNTROWS('Invoices')", "sum": "SUM('Invoices'[TotalAmount])"}
    powerbi = made.connector.powerbi()
    assert powerbi.query(made.dataset_id, ask) == {"rows": None, "sum": None}
    columns = {"TenantID": "t", "InvoiceKey": "t|1", "RowVersion": 1, "IsDeleted": False}
    row = json.dumps(columns)[:-1] + ', "TotalAmount": 1234567890123.4567}'
    powerbi.post_rows(made.dataset_id, "Invoices", [row.encode()] * 3)
    assert powerbi.query(made.dataset_id, ask) == {"rows": 3, "sum": Decimal("3703703670370.3701")}
    with pytest.raises(Refused, match="400"):
        powerbi.query(made.dataset_id, {"rows": "COUNTROWS('Nothing')"})
    made.powerbi.switches = made.powerbi.switches.changed({"execute_queries": "error_inside"})
    with pytest.raises(Refused, match="no whole row"):
        powerbi.query(made.dataset_id, ask)
    made.powerbi.switches = made.powerbi.switches.changed({"execute_queries": "refused"})
    assert powerbi.query(made.dataset_id, ask) is None
    with pytest.raises(NotFound):
        powerbi.query("00000000-0000-0000-0000-000000000000", ask)
    made.powerbi_faults.add(Fault("status", method="POST", path=".*/executeQueries", status=503))
    with pytest.raises(Unavailable):
        powerbi.query(made.dataset_id, ask)
    made.powerbi_faults.add(Fault("status", method="POST", path=".*/executeQueries", status=200, body="[]"))
    with pytest.raises(Refused):
        powerbi.query(made.dataset_id, ask)
