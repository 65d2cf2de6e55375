"""infra/ against the code: names, settings, roles and alerts, read from the Bicep text. Each check is shown to catch its faults."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import bicep_text, infra_checks
from tests.support.bicep_text import Texts
from tests.support.infra_checks import Problems

ROOT = Path(__file__).resolve().parents[2]
CHECKER = ROOT.parent / "shared" / "tools" / "bicep" / "bicep_check.py"

Check = Callable[[Texts], Problems]
# Each check, and faults (file, text, what stands there instead) that it must find.
CHECKS: dict[Check, list[tuple[str, str, str]]] = {
    infra_checks.names_of_storage: [
        ("modules/storage.bicep", "  'reads'\n", ""),
        ("modules/storage.bicep", "  'leases'\n", "  'lease'\n"),
        ("modules/storage.bicep", "  'push-poison'\n", ""),
        ("modules/storage.bicep", "  'checkpoints'\n", "  'checkpoint'\n"),
        ("modules/storage.bicep", "deploymentContainer = 'deployment'", "deploymentContainer = 'outbox'"),
        ("modules/storage.bicep", "concat(containers, [deploymentContainer])", "containers"),
    ],
    infra_checks.lifecycle: [
        ("modules/storage.bicep", "'outbox/done/'", "'outbox/'"),
        ("modules/storage.bicep", "['outbox/done/']", "['outbox/done/', 'quarantine/']"),
        ("modules/storage.bicep", "GreaterThan: doneDays", "GreaterThan: 1"),
        ("modules/storage.bicep", "      rules: [\n", "      rules: [\n        { name: 'all' }\n"),
    ],
    infra_checks.settings_known: [
        ("modules/app.bicep", "XERO_CLIENT_ID:", "XERO_CLIENTID:"),
        ("modules/app.bicep", "AzureWebJobsStorage__blobServiceUri:", "AzureWebJobsStorage__blobUri:"),
    ],
    infra_checks.settings_suffice: [
        ("modules/app.bicep", "      START_DATE: startDate\n", ""),
        ("modules/app.bicep", "{ POWERBI_CLIENT_ID: powerBiClientId }", "{}"),
        ("modules/app.bicep", "AzureWebJobsStorage__tableServiceUri:", "AzureWebJobsStorage__tableUri:"),
        ("modules/app.bicep", "      POLL_SCHEDULE: pollSchedule\n", ""),
    ],
    infra_checks.settings_required: [
        ("modules/app.bicep", "      KEY_VAULT_URL: vault.properties.vaultUri\n", ""),
        ("modules/app.bicep", "POWERBI_CLIENT_ID: powerBiClientId", ""),
    ],
    infra_checks.settings_win: [
        ("modules/app.bicep", "    moreSettings,\n    {", "    {"),
        ("modules/app.bicep", "properties: union(", "properties: intersection("),
    ],
    infra_checks.nothing_forbidden: [
        ("modules/app.bicep", "siteConfig: {", "siteConfig: { alwaysOn: false, "),
        ("modules/app.bicep", "AzureWebJobsDisableHomepage", "FUNCTIONS_WORKER_RUNTIME"),
        ("modules/app.bicep", "AzureWebJobsDisableHomepage", "AzureWebJobsStorage"),
        (
            "modules/app.bicep",
            "storage.properties.primaryEndpoints.blob\n",
            "storage.listKeys().keys[0].value\n",
        ),
        ("main.bicepparam", "'XERO_CLIENT_ID'", "'AccountKey=x'"),
        ("modules/vault.bicep", "Microsoft.KeyVault/vaults@", "Microsoft.KeyVault/vaults/secrets@"),
        ("main.bicep", "'modules/vault.bicep'", "'br/public:avm/res/key-vault/vault:0.1.0'"),
    ],
    infra_checks.keyless: [
        ("modules/storage.bicep", "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
        ("modules/storage.bicep", "publicAccess: 'None'", "publicAccess: 'Blob'"),
        ("modules/vault.bicep", "enablePurgeProtection: true", "enablePurgeProtection: null"),
        ("modules/monitoring.bicep", "    DisableLocalAuth: true", "    DisableLocalAuth: false"),
        ("modules/app.bicep", "    clientAffinityEnabled: false\n", ""),
        ("modules/app.bicep", "Authorization=AAD", "Authorization=none"),
        ("modules/app.bicep", "properties: { allow: false }", "properties: { allow: true }"),
    ],
    infra_checks.runtime: [
        ("modules/app.bicep", "'3.13'", "'3.12'"),
        ("modules/app.bicep", "name: 'python', version", "name: 'Python', version"),
    ],
    infra_checks.role_list: [
        (
            "modules/roles.bicep",
            "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
            "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        ),
        ("modules/roles.bicep", "scope: vault", "scope: storage"),
        ("modules/roles.bicep", "param principalId string", "var principalId = 'x'"),
        ("modules/operator-roles.bicep", "  '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' //", "  //"),
        ("modules/identity.bicep", "output name", "// roleAssignments@2022-04-01\noutput name"),
    ],
    infra_checks.alarm_alerts: [
        ("modules/alerts.bicep", "code: 'stale', severity: 1", "code: 'stale', severity: 2"),
        ("modules/alerts.bicep", "code: 'parked'", "code: 'stuck'"),
        ("modules/alerts.bicep", "line: 'alarm code=dataset '", "line: 'alarm code=dataset'"),
        ("modules/alerts.bicep", "line: 'webhook failed '", "line: 'webhook failure '"),
        ("modules/alerts.bicep", "${alarm.line}", "${alarm.code}"),
    ],
    infra_checks.other_alerts: [
        ("modules/alerts.bicep", "function: 'poll_timer'", "function: 'poller'"),
        ("modules/alerts.bicep", "OverQuota", "Quota"),
        ("modules/alerts.bicep", "OnDemandFunctionExecutionCount", "FunctionExecutionCount"),
        ("modules/alerts.bicep", "actions: [{ actionGroupId: people.id }]", "actions: []"),
    ],
    infra_checks.parameters: [
        ("main.bicepparam", "param location = readEnvironmentVariable('AZURE_LOCATION')\n", ""),
        ("main.bicepparam", "// User, Group or ServicePrincipal.\n", ""),
        ("modules/app.bicep", "@description('The vault.')\n", ""),
    ],
    infra_checks.outputs: [
        ("main.bicep", "output WEBHOOK_URL", "output WEBHOOK"),
        ("modules/app.bicep", "/api/xero/webhook'", "/api/webhook'"),
    ],
    infra_checks.workbook: [("modules/workbook.json", "alarm over ", "alarm done ")],
}
MUTATIONS = [(check, *fault) for check, faults in CHECKS.items() for fault in faults]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return bicep_text.texts()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_infra_says_what_the_code_says(check: Check, texts: dict[str, str]) -> None:
    """What Bicep provisions, sets, grants and watches is what the code names, and what Flex Consumption takes."""
    assert list(check(texts)) == []


@pytest.mark.parametrize(
    ("check", "path", "was", "becomes"),
    MUTATIONS,
    ids=[f"{fault[0].__name__}-{at}" for at, fault in enumerate(MUTATIONS)],
)
def test_a_planted_fault_is_found(
    check: Check, path: str, was: str, becomes: str, texts: dict[str, str]
) -> None:
    """Each check finds what it is for: the fault is planted in the text, and the check tells of it."""
    assert was in texts[path]
    planted = texts | {path: texts[path].replace(was, becomes)}
    assert set(check(planted)) - set(check(texts))


def test_each_check_has_faults_to_find() -> None:
    """No check is left that was never seen to fail."""
    assert all(CHECKS.values())


@pytest.mark.skipif(
    not CHECKER.exists(), reason="the Bicep checker lies beside the repository, and is not there"
)
def test_types_names_and_linter_rules_hold() -> None:
    """Microsoft's types and linter rules find no error and no warning, and nothing was left unchecked."""
    command = [sys.executable, str(CHECKER), str(ROOT / "infra"), "--fail-on", "warning"]
    done = subprocess.run(
        [*command, "--allow", "use-recent-api-versions"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout
    assert " 0 errors," in done.stdout
    assert " 0 infos " in done.stdout.splitlines()[-1]


def test_every_setting_role_and_parameter_is_justified(texts: dict[str, str]) -> None:
    """docs/infra.md has a line for each app setting, role, parameter, and alert rule."""
    page = (ROOT / "docs" / "infra.md").read_text("utf-8")
    variables = re.findall(r"readEnvironmentVariable\('(\w+)'", texts["main.bicepparam"])
    assert len(variables) == len(set(variables)) > 20
    assert [name for name in variables if f"`{name}`" not in page] == []
    settings = bicep_text.app_settings(texts["modules/app.bicep"])
    assert [name for name in settings if f"`{name}`" not in page] == []
    for who, path in (("App", "modules/roles.bicep"), ("Operator", "modules/operator-roles.bicep")):
        names = re.findall(r"' // (.+)", texts[path])
        assert re.findall(rf"^\| {who} \| ([^|]+) \|", page, re.MULTILINE) == names
    rules = re.findall(r"^  name: '([a-z0-9-]+)'\n  location", texts["modules/alerts.bicep"], re.MULTILINE)
    assert [name for name in rules if f"`{name}`" not in page] == []
