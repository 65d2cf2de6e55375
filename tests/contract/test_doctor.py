"""doctor: each planted fault is named, by the check that it belongs to and no other; nothing is changed, Xero is hardly asked."""

import json
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from commands import doctor
from commands.azure import DeployedApp
from commands.checks import CHECKS
from commands.checks.azure import FUNCTIONS, ROLES
from commands.checks.check import Outcome, Patient, examine
from commands.checks.powerbi import QUERIES, SWITCH
from commands.terminal import ROOT, Where, console
from local.identity.tokens import APPLICATION
from local.simulation import Fault
from shared import wiring
from shared.errors import AskPerson
from shared.secrets import TokenSet
from shared.state import connections, sink
from shared.state.connections import DEFAULT_DATASET
from shared.storage import Store
from shared.sync.dataset import ensure_dataset
from tests.contract.test_custom_connection import authorise, take
from tests.support.memory_store import MemoryStore
from tests.support.world import World

SCHEDULES = {"POLL_SCHEDULE": "0 * * * * *", "TOKEN_REFRESH_SCHEDULE": "0 */5 * * * *"}
NAMES = [check.name for check in CHECKS]


class App:
    """A function app as the Azure CLI would tell of it."""

    name = "func-books"

    def __init__(self) -> None:
        self.found = list(FUNCTIONS)
        self.assigned = set(ROLES)

    def functions(self) -> list[str]:
        return self.found

    def roles(self) -> set[str]:
        return self.assigned


@dataclass
class Ward:
    """A world that is well until a test plants something, and what doctor says of it."""

    world: World
    patch: pytest.MonkeyPatch
    environment: dict[str, str]
    app: App
    store: Any
    read: Callable[[], Mapping[str, str]] | None = None

    def patient(self) -> Patient:
        return Patient(
            read=self.read or (lambda: self.environment),
            build=lambda found: wiring.build(
                found, clock=self.world.clock, store=cast(Store, self.store), only_looks=True
            ),
            clock=self.world.clock,
            app=cast(DeployedApp, self.app),
        )

    def examine(self) -> list[Outcome]:
        return examine(self.patient(), CHECKS)

    def secret(self, name: str, value: str, **attributes: object) -> None:
        self.world.vault.set(
            name, {"value": value, "attributes": attributes} if attributes else {"value": value}
        )

    def tokens(self, **changes: Any) -> None:
        """Change the stored token set behind everybody's back."""
        [organisation] = connections.connected(self.world.store)
        secrets = self.world.connector.secrets()
        found: TokenSet = secrets.token_set(organisation.token_set, fresh=True)
        secrets.save_token_set(msgspec.structs.replace(found, **changes))


@pytest.fixture
def ward(settled: World, monkeypatch: pytest.MonkeyPatch) -> Ward:
    settled.vault.set("xero-webhook-key", {"value": "k" * 43 + "="})
    settled.refresh()
    return Ward(settled, monkeypatch, settled.environment | SCHEDULES, App(), settled.store)


class Refusing:
    """A store whose named methods fail."""

    def __init__(self, store: MemoryStore, error: Exception, *methods: str) -> None:
        self._store, self._error, self._methods = store, error, methods

    def __getattr__(self, name: str) -> Any:
        if name in self._methods:
            return self._fail
        return getattr(self._store, name)

    def _fail(self, *_: object, **__: object) -> Any:
        raise self._error


def forbidden() -> HttpResponseError:
    error = HttpResponseError(
        "AuthorizationPermissionMismatch: This request is not authorized to perform this operation"
    )
    error.status_code = 403
    return error


READS = ("get_entity", "query_entities", "list_blobs", "queue_length", "get_blob")


# The faults, each by what it does to a ward that was well


def setting_missing(ward: Ward) -> None:
    del ward.environment["XERO_CLIENT_ID"], ward.environment["POLL_SCHEDULE"]


def setting_wrong(ward: Ward) -> None:
    ward.environment["START_DATE"] = "yesterday"


def nobody_logged_in(ward: Ward) -> None:
    def read() -> Mapping[str, str]:
        raise AskPerson("Nobody is logged in to Azure: run `az login`")

    ward.read = read


def storage_down(ward: Ward) -> None:
    ward.store = Refusing(ward.store, ServiceRequestError("connection refused"), *READS)


def role_for_tables(ward: Ward) -> None:
    ward.store = Refusing(ward.store, forbidden(), "get_entity", "query_entities")


def role_for_blobs(ward: Ward) -> None:
    ward.store = Refusing(ward.store, forbidden(), "get_blob", "list_blobs")


def role_for_queues(ward: Ward) -> None:
    ward.store = Refusing(ward.store, forbidden(), "queue_length")


def table_missing(ward: Ward) -> None:
    del ward.store._tables["budgets"]


def vault_down(ward: Ward) -> None:
    ward.world.identity.faults["vault"].add(Fault("status", path="/secrets.*", status=503, times=50))


def vault_role(ward: Ward) -> None:
    body = '{"error": {"code": "Forbidden", "message": "Caller is not authorized to perform action on resource."}}'
    ward.world.identity.faults["vault"].add(
        Fault("status", path="/secrets.*", status=403, body=body, times=50)
    )


def secret_missing(ward: Ward) -> None:
    ward.world.vault.delete("xero-client-secret")


def secret_empty(ward: Ward) -> None:
    ward.secret("xero-client-secret", " ")


def secret_near_its_end(ward: Ward) -> None:
    soon = ward.world.clock.now() + timedelta(days=10, hours=1)
    ward.secret("xero-client-secret", "value", exp=int(soon.timestamp()))


def powerbi_secret_expired(ward: Ward) -> None:
    gone = ward.world.clock.now() - timedelta(days=1)
    ward.secret("powerbi-client-secret", "value", exp=int(gone.timestamp()))


def no_certificate(ward: Ward) -> None:
    ward.environment["POWERBI_AUTH"] = "certificate"
    ward.secret("powerbi-client-certificate", "a password, not a certificate")


def webhook_key_missing(ward: Ward) -> None:
    ward.world.vault.delete("xero-webhook-key")


def webhook_key_bad(ward: Ward) -> None:
    ward.secret("xero-webhook-key", "k" * 43 + "=\n")


def nobody_connected(ward: Ward) -> None:
    for each in connections.connected(ward.world.store):
        connections.remove(ward.world.store, each.tenant_id)


def consent_lost(ward: Ward) -> None:
    [organisation] = connections.connected(ward.world.store)
    connections.save(ward.world.store, replace(organisation, consent_lost=True))


def tokens_old(ward: Ward) -> None:
    ward.world.clock.advance(45 * 60)


def tokens_gone(ward: Ward) -> None:
    [organisation] = connections.connected(ward.world.store)
    ward.world.vault.delete(f"xero-tokens-{organisation.token_set}")


def scope_missing(ward: Ward) -> None:
    ward.tokens(scope="offline_access accounting.settings.read")


def disconnected_at_xero(ward: Ward) -> None:
    ward.world.xero.identity.connections.clear()


def token_refused(ward: Ward) -> None:
    ward.tokens(access_token="nobody's")


def xero_down(ward: Ward) -> None:
    ward.world.xero.faults.add(Fault("status", path="/connections", status=503, times=9))


def xero_offline(ward: Ward) -> None:
    ward.world.xero_fault("status", path="/api.xro/.*", status=503, body="The Organisation is offline")


def xero_refuses(ward: Ward) -> None:
    """A token that dies between two calls, so that everybody else would have it renewed."""
    ward.world.xero_fault("status", path="/api.xro/.*", status=401, times=9)


def secret_wrong(ward: Ward) -> None:
    ward.secret("powerbi-client-secret", "its Secret ID")


def secret_expired_at_entra(ward: Ward) -> None:
    registration = ward.world.identity.registration
    ward.patch.setattr(registration, "secret_expires", ward.world.clock.now())


def switch_off(ward: Ward) -> None:
    ward.world.powerbi.switches = ward.world.powerbi.switches.changed({"service_principals": "refused"})


def not_in_the_workspace(ward: Ward) -> None:
    ward.patch.delitem(ward.world.powerbi_roles, APPLICATION.object_id)


def other_workspace(ward: Ward) -> None:
    ward.environment["POWERBI_WORKSPACE_ID"] = "99999999-9999-4999-8999-999999999999"


def viewer_only(ward: Ward) -> None:
    ward.patch.setitem(ward.world.powerbi_roles, APPLICATION.object_id, "Viewer")


def dataset_gone(ward: Ward) -> None:
    ward.world.powerbi.datasets.clear()


def dataset_never_made(ward: Ward) -> None:
    with sink.Writer.take(ward.world.store, ward.world.clock, DEFAULT_DATASET) as writer:
        writer.bind("", empty=True)


def queries_refused(ward: Ward) -> None:
    ward.world.powerbi.switches = ward.world.powerbi.switches.changed({"execute_queries": "refused"})


def powerbi_down(ward: Ward) -> None:
    ward.world.powerbi_faults.add(Fault("status", path="/v1.0/myorg/groups.*", status=503, times=9))


def clock_wrong(ward: Ward) -> None:
    ward.world.powerbi_clock.advance(90)
    ward.patch.setattr(ward.world.powerbi_clock, "_offset", timedelta(seconds=90))


def function_missing(ward: Ward) -> None:
    ward.app.found.remove("push_queue")


def function_too_many(ward: Ward) -> None:
    ward.app.found.append("HttpExample")


def app_role(ward: Ward) -> None:
    ward.app.assigned.remove("Key Vault Secrets Officer")


AFTER_STORAGE = "xero-consent xero-tokens xero-scopes xero-connections xero-organisation powerbi-dataset powerbi-role powerbi-queries proofs"
STORAGE = "storage-tables storage-blobs storage-queues"
XERO = "xero-tokens xero-scopes xero-connections xero-organisation"
WRITES = "powerbi-role powerbi-queries"
POWERBI = f"powerbi-workspace powerbi-dataset {WRITES}"
SECRETS = "xero-secret powerbi-secret webhook-key"
ALL = " ".join(NAMES[1:])

# What is planted, the check that names it, those that then cannot be made, words found, what to click.
PLANTED: list[tuple[Callable[[Ward], None], str, str, str, str]] = [
    (setting_missing, "settings", ALL, "XERO_CLIENT_ID is missing", "Environment variables > App settings"),
    (setting_wrong, "settings", ALL, "START_DATE is not a day", "Environment variables > App settings"),
    (nobody_logged_in, "settings", ALL, "Nobody is logged in", ""),
    (storage_down, "storage", f"{STORAGE} {AFTER_STORAGE}", "does not answer", "Networking"),
    (
        role_for_tables,
        "storage-tables",
        AFTER_STORAGE,
        "role Storage Table Data Contributor",
        "Access control (IAM)",
    ),
    (role_for_blobs, "storage-blobs", "", "role Storage Blob Data Owner", "Access control (IAM)"),
    (role_for_queues, "storage-queues", "", "role Storage Queue Data Contributor", "Access control (IAM)"),
    (table_missing, "storage-tables", AFTER_STORAGE, "no table budgets", "infra/"),
    (
        vault_down,
        "vault",
        f"{SECRETS} {XERO} powerbi-token powerbi-tenant {POWERBI}",
        "does not answer",
        "Vault URI",
    ),
    (
        vault_role,
        "vault",
        f"{SECRETS} {XERO} powerbi-token powerbi-tenant {POWERBI}",
        "Secrets Officer is missing",
        "(IAM)",
    ),
    (secret_missing, "xero-secret", "", "no secret xero-client-secret", "developer.xero.com > My Apps"),
    (secret_empty, "xero-secret", "", "xero-client-secret is empty", "Generate/Import"),
    (secret_near_its_end, "xero-secret", "", "expires in 10 days", "Generate/Import"),
    (
        powerbi_secret_expired,
        "powerbi-secret",
        f"powerbi-token powerbi-tenant {POWERBI}",
        "is expired",
        "Certificates & secrets",
    ),
    (no_certificate, "powerbi-secret", f"powerbi-token powerbi-tenant {POWERBI}", "holds no certificate", ""),
    (webhook_key_missing, "webhook-key", "", "no secret xero-webhook-key", "Webhooks"),
    (webhook_key_bad, "webhook-key", "", "does not look like a webhook key", "Webhooks"),
    (
        nobody_connected,
        "xero-consent",
        f"{XERO} powerbi-dataset {WRITES} proofs",
        "No organisation is connected",
        "manage.py connect",
    ),
    (consent_lost, "xero-consent", XERO, "is lost", "manage.py connect"),
    (
        tokens_old,
        "xero-tokens",
        "xero-scopes xero-connections xero-organisation",
        "minutes old",
        "token_refresh_timer",
    ),
    (
        tokens_gone,
        "xero-tokens",
        "xero-scopes xero-connections xero-organisation",
        "no tokens",
        "manage.py connect",
    ),
    (
        scope_missing,
        "xero-scopes",
        "xero-organisation",
        "lacks accounting.banktransactions.read",
        "manage.py connect",
    ),
    (
        disconnected_at_xero,
        "xero-connections",
        "xero-organisation",
        "does not list Larkspur",
        "Connected apps",
    ),
    (token_refused, "xero-connections", "xero-organisation", "refuses the token", "manage.py connect"),
    (xero_down, "xero-connections", "xero-organisation", "does not answer", "status.xero.com"),
    (xero_refuses, "xero-organisation", "", "refuses the newest access token", "five minutes"),
    (xero_offline, "xero-organisation", "", "Xero answered 503", ""),
    (secret_wrong, "powerbi-token", f"powerbi-tenant {POWERBI}", "not its Secret ID", ""),
    (secret_expired_at_entra, "powerbi-token", f"powerbi-tenant {POWERBI}", "the secret expired", ""),
    (
        switch_off,
        "powerbi-tenant",
        POWERBI,
        "'Service principals can call Fabric public APIs' is off",
        "Developer settings",
    ),
    (powerbi_down, "powerbi-tenant", POWERBI, "Power BI answered 503", "status"),
    (
        not_in_the_workspace,
        "powerbi-workspace",
        f"powerbi-dataset {WRITES}",
        "has no role in the workspace",
        "Manage access",
    ),
    (
        other_workspace,
        "powerbi-workspace",
        f"powerbi-dataset {WRITES}",
        "it has one in: Finance",
        "POWERBI_WORKSPACE_ID",
    ),
    (dataset_gone, "powerbi-dataset", WRITES, "is gone from the workspace", "manage.py dataset create"),
    (dataset_never_made, "powerbi-dataset", WRITES, "was not made yet", "manage.py dataset create"),
    (viewer_only, "powerbi-role", "powerbi-queries", "too small to write", "Manage access"),
    (
        queries_refused,
        "powerbi-queries",
        "",
        "'Dataset Execute Queries REST API' is off",
        "Integration settings",
    ),
    (clock_wrong, "clock", "", "s behind Power BI's", "Sync now"),
    (function_missing, "functions", "", "push_queue is not among", "Log stream"),
    (function_too_many, "functions", "", "HttpExample: not ours", "holds nothing else"),
    (app_role, "app-roles", "", "has not the role Key Vault Secrets Officer", "Access control (IAM)"),
]


def test_a_deployment_that_is_well(ward: Ward) -> None:
    """Everything is looked at, and everything is good."""
    outcomes = ward.examine()
    assert [(each.check.name, each.state, each.troubles) for each in outcomes] == [
        (name, "good", ()) for name in NAMES
    ]


@pytest.mark.parametrize(
    ("plant", "named", "left_out", "found", "click"), PLANTED, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_planted_fault_is_named(
    ward: Ward, plant: Callable[[Ward], None], named: str, left_out: str, found: str, click: str
) -> None:
    """The one check that it belongs to fails, with what was found and what to click; only what needs it is left out."""
    plant(ward)
    outcomes = ward.examine()
    wrong = {each.check.name: each for each in outcomes if each.state == "wrong"}
    assert list(wrong) == [named], wrong
    assert {each.check.name for each in outcomes if each.state == "not checked"} == set(left_out.split())
    told = wrong[named].troubles
    assert any(found in each.found for each in told), told
    assert any(click in each.click for each in told), told
    # What the vendor said is shown where a vendor said something, and no secret is.
    assert "secret-9f2c" not in str(outcomes)


def test_every_setting_is_named_at_once(ward: Ward) -> None:
    """With several settings wrong each is a trouble of its own, the host's included."""
    setting_missing(ward)
    setting_wrong(ward)
    [settings, *_] = ward.examine()
    assert sorted(each.found.split()[0] for each in settings.troubles) == [
        "POLL_SCHEDULE",
        "START_DATE",
        "XERO_CLIENT_ID",
    ]


def kept(ward: Ward) -> dict[str, bytes]:
    """All that lies outside of the process, but the budgets of Xero's calls."""
    store = ward.world.store
    tables = {name: table for name, table in store._tables.items() if name != "budgets"}
    return {
        "tables": pickle.dumps(tables),
        "blobs": pickle.dumps(store._containers),
        "queues": pickle.dumps(store._queues),
        "leases": pickle.dumps(store._leases),
        "vault": pickle.dumps(ward.world.vault._secrets),
        "xero": pickle.dumps(ward.world.xero.identity._sets),
        "datasets": pickle.dumps(
            {key: len(pickle.dumps(each.tables)) for key, each in ward.world.powerbi.datasets.items()}
        ),
    }


@pytest.mark.parametrize(
    "plant", [None, disconnected_at_xero, token_refused, xero_refuses, viewer_only, xero_offline]
)
def test_nothing_is_changed(ward: Ward, plant: Callable[[Ward], None] | None) -> None:
    """Storage, queue, vault, Xero and Power BI are the same afterwards; only the budget knows of the call that was made."""
    if plant:
        plant(ward)
    before = kept(ward)
    ward.examine()
    assert kept(ward) == before


@pytest.mark.parametrize(
    ("plant", "calls"), [(None, 2), (xero_offline, 2), (disconnected_at_xero, 1), (scope_missing, 1)]
)
def test_xero_is_hardly_asked(ward: Ward, plant: Callable[[Ward], None] | None, calls: int) -> None:
    """Two calls when all is well, three at most; the one of the organisation is counted in its budget."""
    if plant:
        plant(ward)
    [organisation] = connections.connected(ward.world.store)
    used = ward.world.connector.xero()._budget.used(organisation.tenant_id)["day"]
    ward.world.xero.statistics.clear()
    ward.examine()
    by_path = ward.world.xero.statistics.as_dict()["by_path"]
    assert sum(by_path.values()) == calls, by_path
    after = ward.world.connector.xero()._budget.used(organisation.tenant_id)["day"]
    assert after - used == sum(count for path, count in by_path.items() if "/api.xro/" in path)


def test_a_passing_403_takes_the_third_call(ward: Ward) -> None:
    """When Xero refuses the organisation, /connections is asked once more, and that is all."""
    ward.world.xero_fault("status", path="/api.xro/.*", status=403, times=9)
    ward.world.xero.statistics.clear()
    ward.examine()
    assert ward.world.xero.statistics.as_dict()["calls"] == 3


def test_a_managed_identity_has_no_secret_to_look_at(ward: Ward) -> None:
    """With POWERBI_AUTH=managed-identity nothing of Power BI is looked for in the vault, and the rest is looked at."""
    ward.environment |= {"POWERBI_AUTH": "managed-identity", "POWERBI_CLIENT_ID": ""}
    ward.world.vault.delete("powerbi-client-secret")
    assert {each.check.name: each.state for each in ward.examine()}["powerbi-queries"] == "good"


def test_a_custom_connection_is_well(
    new_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app with no user to consent and nothing to refresh with is examined as any other."""
    world = new_world(settings={"XERO_CONNECTION": "custom"} | SCHEDULES)
    world.load()
    authorise(world)
    take(world.connector)
    ensure_dataset(world.connector, DEFAULT_DATASET)
    ward = Ward(world, monkeypatch, world.environment, App(), world.store)
    ward.secret("xero-webhook-key", "k" * 43 + "=")
    assert [each for each in ward.examine() if each.state != "good"] == []


def test_without_a_function_app(ward: Ward) -> None:
    """On a laptop what only Azure can tell is left out, and that is no fault."""
    patient = replace(ward.patient(), app=None)
    states = {each.check.name: each.state for each in examine(patient, CHECKS)}
    assert {name for name, state in states.items() if state != "good"} == {"functions", "app-roles"}
    assert "wrong" not in states.values()


# What is shown


def shown(ward: Ward, *, as_json: bool = False) -> tuple[int, str]:
    ward.patch.setattr(doctor, "patient", lambda where: ward.patient())
    ward.patch.setattr(console, "width", 80)
    with console.capture() as captured:
        code = doctor.run(Where(), as_json=as_json)
    return code, captured.get()


def test_what_is_shown(ward: Ward) -> None:
    """One line a check within 80 columns, for a fault what to do, exit code 1, and what comes next."""
    code, text = shown(ward)
    assert (code, text.splitlines()[0]) == (0, "ok Settings: all that is needed is there")
    function_missing(ward)
    code, text = shown(ward)
    assert code == 1
    assert (
        "!! Deployed functions\n  push_queue is not among the functions of func-books.\n  Do: Deploy again"
        in text
    )
    assert max(map(len, text.splitlines())) <= 80
    assert text.splitlines()[-1].startswith("Next: mend 'Deployed functions'")


def test_for_a_machine(ward: Ward) -> None:
    """--json is one document with every check, and the exit code is the same."""
    storage_down(ward)
    code, words = shown(ward, as_json=True)
    found = json.loads(words)
    assert (code, found["good"]) == (1, False)
    assert [each["name"] for each in found["checks"]] == NAMES
    [storage] = [each for each in found["checks"] if each["state"] == "wrong"]
    assert storage["troubles"][0]["vendor_words"] == "connection refused"


def test_settings_that_are_not_there(ward: Ward, tmp_path: Path) -> None:
    """A file that cannot be read is a trouble of the settings, not the end of the doctor."""
    outcomes = examine(doctor.patient(Where(settings=tmp_path / "none.json", quiet=True)), CHECKS)
    assert outcomes[0].state == "wrong"
    assert "cannot be read" in outcomes[0].troubles[0].found
    assert {each.state for each in outcomes[1:]} == {"not checked"}


def test_what_a_check_needs_comes_before_it() -> None:
    """Each name is one check's, and whatever a check needs is looked at earlier."""
    seen: set[str] = set()
    for check in CHECKS:
        assert check.name not in seen
        assert seen.issuperset(check.needs)
        seen.add(check.name)


def test_the_page_names_what_doctor_names() -> None:
    """What doctor tells people to click in Power BI and Entra stands under the same names in docs/powerbi-setup.md."""
    page = " ".join((ROOT / "docs" / "powerbi-setup.md").read_text("utf-8").replace("*", "").split())
    names = (SWITCH, QUERIES, "Developer settings", "Integration settings", "Manage access", "Admin portal")
    for name in (*names, "Certificates & secrets", "powerbi-client-secret", "powerbi-client-certificate"):
        assert name in page
