"""Settings, and what is deployed: the functions that Azure found, and the roles of the function app's identity."""

from collections.abc import Mapping

from commands.checks.check import Check, NotChecked, Patient, Trouble, Wrong, of_error
from local.host.settings import HostError
from shared.errors import AskPerson, SettingsError

IN_AZURE = "Function App > Settings > Environment variables > App settings"
HERE = "`Values` of local.settings.json"
SCHEDULES = ("POLL_SCHEDULE", "TOKEN_REFRESH_SCHEDULE")
FUNCTIONS = ("poll_timer", "push_queue", "token_refresh_timer", "webhook_http")
# What the identity needs, and on what.
ROLES = {
    "Storage Blob Data Owner": "the storage account",
    "Storage Queue Data Contributor": "the storage account",
    "Storage Table Data Contributor": "the storage account",
    "Key Vault Secrets Officer": "the key vault",
    "Monitoring Metrics Publisher": "Application Insights",
}


def _settings(patient: Patient) -> str:
    """Every setting that is missing or wrong, those of the host included."""
    where = IN_AZURE if patient.app else HERE
    try:
        patient.environment = patient.read()
    except HostError as error:
        raise Wrong(Trouble(str(error), f"Mend {HERE}.")) from error
    problems = _of_the_host(patient.environment)
    try:
        patient.built = patient.build(patient.environment)
    except SettingsError as error:
        problems = [line.removeprefix("  - ") for line in str(error).splitlines()[1:]] + problems
    if problems:
        patient.built = None
        raise Wrong(*(Trouble(problem, f"Set it under {where}.") for problem in problems))
    return "all that is needed is there"


def _of_the_host(environment: Mapping[str, str]) -> list[str]:
    found = [
        f"{name} is missing: without it the host does not start."
        for name in SCHEDULES
        if not environment.get(name)
    ]
    by_identity = any(
        environment.get(f"AzureWebJobsStorage__{service}ServiceUri") for service in ("blob", "queue", "table")
    )
    if by_identity and environment.get("AzureWebJobsStorage__credential") != "managedidentity":
        found.append("AzureWebJobsStorage__credential is not managedidentity: the host would look for a key.")
    return found


def _functions(patient: Patient) -> str:
    if patient.app is None:
        raise NotChecked("because no function app was named: --app NAME")
    found = patient.app.functions()
    missing, others = sorted(set(FUNCTIONS) - set(found)), sorted(set(found) - set(FUNCTIONS))
    troubles = []
    if missing:
        troubles.append(
            Trouble(
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not among the functions of {patient.app.name}.",
                "Deploy again (docs/deploy.md); if it stays away: Function App > Monitoring > Log stream tells why the app "
                "does not start.",
            )
        )
    if others:
        troubles.append(
            Trouble(f"{', '.join(others)}: not ours.", "Deploy to a function app that holds nothing else.")
        )
    if troubles:
        raise Wrong(*troubles)
    return "the four functions are there"


def _roles(patient: Patient) -> str:
    if patient.app is None:
        raise NotChecked("because no function app was named: --app NAME")
    try:
        found = patient.app.roles()
    except AskPerson as error:
        if "AuthorizationFailed" in error.vendor_words:
            raise NotChecked("because you may not read role assignments") from error
        raise Wrong(of_error(error)) from error
    missing = [role for role in ROLES if role not in found]
    if missing:
        raise Wrong(
            *(
                Trouble(
                    f"The identity of {patient.app.name} has not the role {role}.",
                    f"Deploy infra/ again, or {ROLES[role]} > Access control (IAM) > Add role assignment.",
                )
                for role in missing
            )
        )
    return "the function app's identity has all that it needs"


SETTINGS = (Check("settings", "Settings", _settings),)
DEPLOYED = (
    Check("functions", "Deployed functions", _functions, ("settings",)),
    Check("app-roles", "Roles of the function app", _roles, ("settings",)),
)
