"""Power BI: token, tenant settings, workspace, role, datasets, queries. Each question tells one cause from the next."""

from commands.checks.check import Check, NotChecked, Patient, Trouble, Wrong, of_error
from shared.errors import ConnectorError, NotFound, PermissionMissing, Refused
from shared.state import connections, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync.dataset import name_in_powerbi, names
from shared.tables import TABLES

SWITCH = "Service principals can call Fabric public APIs"
QUERIES = "Dataset Execute Queries REST API"
PORTAL = "Power BI > Settings (gear) > Admin portal > Tenant settings"
ACCESS = "Power BI > Workspaces > the workspace > Manage access > Add people or groups"


def _token(patient: Patient) -> str:
    powerbi, settings = patient.connector.powerbi(), patient.connector.settings
    powerbi.sign_in()
    if settings.powerbi_auth == "managed-identity" and patient.app:
        return "you have one; the function app asks as its own identity, which is not looked at from here"
    return f"by {settings.powerbi_auth}"


def _tenant(patient: Patient) -> str:
    """Listing workspaces asks for no role in any: who may not is kept out by the tenant."""
    powerbi = patient.connector.powerbi()
    try:
        powerbi.workspaces()
    except PermissionMissing as error:
        raise Wrong(
            Trouble(
                f"The tenant does not let this service principal call Power BI: {SWITCH!r} is off, or is on for a security "
                "group that it is not in.",
                f"{PORTAL} > Developer settings > {SWITCH}: on, for the group; and Entra > Groups > the group > Members "
                f"holds {_who(patient)}. It takes up to 15 minutes to count.",
                error.vendor_words,
            )
        ) from error
    except ConnectorError as error:
        raise Wrong(
            of_error(error, "Power BI does not answer: see the service's status at support.powerbi.com.")
        ) from error
    finally:
        patient.note_time("Power BI", powerbi.date)
    return f"{SWITCH!r} holds for {_who(patient)}"


def _workspace(patient: Patient) -> str:
    wanted = patient.connector.settings.powerbi_workspace_id
    found = patient.connector.powerbi().workspaces()
    if wanted not in found:
        others = ", ".join(f"{name} ({key})" for key, name in found.items()) or "none"
        raise Wrong(
            Trouble(
                f"{_who(patient)} has no role in the workspace POWERBI_WORKSPACE_ID, {wanted}; it has one in: {others}.",
                f"{ACCESS}: Contributor at least; or mend POWERBI_WORKSPACE_ID (behind /groups/ in the workspace's address).",
            )
        )
    return found[wanted] or wanted


def _datasets(patient: Patient) -> str:
    connector = patient.connector
    there = names(connector)
    troubles = []
    for dataset in _assigned(patient):
        powerbi_id, name = sink.read(connector.store, dataset).powerbi_id, name_in_powerbi(connector, dataset)
        command = "python3 manage.py dataset create" + ("" if dataset == DEFAULT_DATASET else f" {dataset}")
        if not powerbi_id:
            troubles.append(Trouble(f"Dataset {dataset} was not made yet.", f"Run `{command}`."))
        elif powerbi_id not in there:
            troubles.append(
                Trouble(
                    f"The dataset {name!r} ({powerbi_id}) is gone from the workspace.",
                    f"Run `{command}`, which makes it anew and fills it; reports have to be bound to it again.",
                )
            )
    if troubles:
        raise Wrong(*troubles)
    return ", ".join(repr(name_in_powerbi(connector, dataset)) for dataset in _assigned(patient))


def _role(patient: Patient) -> str:
    try:
        patient.connector.powerbi().ask_to_write(_a_dataset(patient))
    except PermissionMissing as error:
        raise Wrong(
            Trouble(
                f"The role of {_who(patient)} in the workspace is too small to write: it is Viewer, presumably.",
                f"{ACCESS}: make it Contributor at least.",
                error.vendor_words,
            )
        ) from error
    return "enough to write"


def _queries(patient: Patient) -> str:
    table = next(iter(TABLES))
    click = f"{PORTAL} > Integration settings > {QUERIES}: on, for the same group. Without it nothing proves what a compaction posted."
    try:
        answer = patient.connector.powerbi().query(_a_dataset(patient), {"n": f"COUNTROWS('{table}')"})
    except (Refused, NotFound) as error:
        raise Wrong(of_error(error, click)) from error
    if answer is None:
        raise Wrong(Trouble(f"Power BI does not let {_who(patient)} query: {QUERIES!r} is off.", click))
    return "permitted"


def _a_dataset(patient: Patient) -> str:
    return sink.read(patient.connector.store, _assigned(patient)[0]).powerbi_id


def _assigned(patient: Patient) -> list[str]:
    found = sorted({each.dataset for each in connections.connected(patient.connector.store)})
    if not found:
        raise NotChecked("because no organisation is connected")
    return found


def _who(patient: Patient) -> str:
    settings = patient.connector.settings
    if settings.powerbi_auth == "managed-identity":
        return "you" if patient.app else "the managed identity"
    return f"app registration {settings.powerbi_client_id}"


CHECKS = (
    Check("powerbi-token", "Power BI: token", _token, ("powerbi-secret",)),
    Check("powerbi-tenant", "Power BI: tenant settings", _tenant, ("powerbi-token",)),
    Check("powerbi-workspace", "Power BI: workspace", _workspace, ("powerbi-tenant",)),
    Check("powerbi-dataset", "Power BI: datasets", _datasets, ("powerbi-workspace", "storage-tables")),
    Check("powerbi-role", "Power BI: role in the workspace", _role, ("powerbi-dataset",)),
    Check("powerbi-queries", "Power BI: queries", _queries, ("powerbi-role",)),
)
