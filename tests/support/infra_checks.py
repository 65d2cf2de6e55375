"""What must hold between infra/ and the code. Each check takes the texts of infra/ and tells what is wrong."""

import re
from collections.abc import Iterator
from dataclasses import fields

from shared.errors import SettingsError
from shared.settings import MISSING, OF_THE_HOST, SERVICES, Settings, read_settings
from shared.state import messages, outbox
from shared.storage import CONTAINERS, QUEUES, TABLES
from shared.sync.alarms import ALARMS
from shared.xero.resources import RESOURCES
from tests.support import bicep_text
from tests.support.bicep_text import Texts

AUTHS = ("secret", "certificate", "managed-identity")

# What neither the connector nor OF_THE_HOST reads, and why it is set.
OF_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_CONNECTION_STRING": "where the host sends telemetry",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": "as whom, since the component takes no key",
    "AzureWebJobsDisableHomepage": "no page that tells a passer-by what runs here",
}
# Learn, "Flex Consumption plan", deprecated settings; and what holds a key.
NEVER_SET = (
    *(
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
    ),
    *(
        "FUNCTIONS_MAX_HTTP_CONCURRENCY",
        "FUNCTIONS_WORKER_PROCESS_COUNT",
        "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED",
    ),
    *(
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTOVERVNET",
        "WEBSITE_CONTENTSHARE",
    ),
    *(
        "WEBSITE_DNS_SERVER",
        "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
        "WEBSITE_NODE_DEFAULT_VERSION",
        "WEBSITE_RUN_FROM_PACKAGE",
    ),
    *(
        "WEBSITE_SKIP_CONTENTSHARE_VALIDATION",
        "WEBSITE_VNET_ROUTE_ALL",
        "WEBSITE_TIME_ZONE",
        "TZ",
        "WEBSITE_LOAD_CERTIFICATES",
    ),
    *("AzureWebJobsDashboard", "APPINSIGHTS_INSTRUMENTATIONKEY"),
    *(
        "linuxFxVersion",
        "windowsFxVersion",
        "netFrameworkVersion",
        "javaVersion",
        "powerShellVersion",
        "ftpsState",
        "use32BitWorkerProcess",
    ),
    *(
        "preWarmedInstanceCount",
        "functionAppScaleLimit",
        "functionsRuntimeScaleMonitoringEnabled",
        "vnetRouteAllEnabled",
        "alwaysOn",
    ),
    *("pythonVersion", "nodeVersion", "numberOfWorkers", "siteUpdateStrategy"),
    *("listKeys", "listAccountSas", "listServiceSas", "accessPolicies"),
)
KEYS = ("AccountKey=", "SharedAccessSignature", "sig=", "InstrumentationKey=")
# Who may do what, on which resource, and why. Ids as Microsoft's built-in roles have them.
APP_ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": ("storage", "blobs, timer leases, and the package that it runs"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": ("storage", "receives, sends, and counts messages"),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": ("storage", "state, and a new audit table each month"),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": ("vault", "saves renewed token sets"),
    "3913510d-42f4-4e42-8a64-420c390055eb": ("component", "sends telemetry without a key"),
}
OPERATOR_ROLES = {
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": ("storage", "reads the outbox and the quarantine, takes leases"),
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": ("storage", "asks for compactions and replays"),
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": ("storage", "reads the state, writes connections"),
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": ("vault", "puts secrets there, and token sets by connect"),
    "43d0d8ad-25c7-4714-9337-8ba259a9fe05": ("component", "reads logs and the workbook"),
}
SAMPLE = {
    "START_DATE": "2025-07-01",
    "POWERBI_TENANT_ID": "11111111-1111-4111-8111-111111111111",
    "POWERBI_CLIENT_ID": "22222222-2222-4222-8222-222222222222",
    "POWERBI_WORKSPACE_ID": "33333333-3333-4333-8333-333333333333",
    "KEY_VAULT_URL": "https://kv-x.vault.azure.net/",
    "XERO_CONNECTION": "consent",
    **{f"AzureWebJobsStorage__{service}ServiceUri": f"https://st.{service}.example/" for service in SERVICES},
}

Problems = Iterator[str]


def names_of_storage(texts: Texts) -> Problems:
    """Containers, queues and tables are those of the code, poison queues included; the package has one of its own."""
    storage = texts["modules/storage.bicep"]
    for kind, wanted in (("containers", CONTAINERS), ("queues", QUEUES), ("tables", TABLES)):
        if bicep_text.strings(storage, kind) != list(wanted):
            yield f"{kind} differ from shared/storage.py"
    queues = bicep_text.strings(storage, "queues")
    if any(f"{name}-poison" not in queues for name in queues if not name.endswith("-poison")):
        yield "a queue has no poison queue"
    if not {messages.QUEUE, messages.POISON} <= set(queues):
        yield "the queue of shared/state/messages.py is missing"
    own = re.search(r"^var deploymentContainer = '([^']+)'", storage, re.MULTILINE)
    if not own or own[1] in CONTAINERS:
        yield "the package has no container of its own"
    if "concat(containers, [deploymentContainer])" not in storage:
        yield "not every container is made"


def lifecycle(texts: Texts) -> Problems:
    """One rule, which removes what is done and nothing else."""
    rules = bicep_text.lifecycle_rules(texts["modules/storage.bicep"])
    if len(rules) != 1:
        yield f"{len(rules)} lifecycle rules"
    for rule in rules:
        if re.findall(r"prefixMatch: \[([^\]]*)\]", rule) != [f"'{outbox.CONTAINER}/done/'"]:
            yield "a rule touches more than done/"
        if "daysAfterModificationGreaterThan: doneDays" not in rule:
            yield "the days are no parameter"


def settings_known(texts: Texts) -> Problems:
    """Each name that is set is read by the connector or the host, or is on the platform's list; none comes twice."""
    declared = {field.metadata["name"] for field in fields(Settings) if "name" in field.metadata}
    known = declared | {name for name, _ in OF_THE_HOST} | set(OF_THE_PLATFORM)
    for name in bicep_text.app_settings(texts["modules/app.bicep"]):
        if name not in known:
            yield f"nobody reads {name}"


def settings_suffice(texts: Texts) -> Problems:
    """With what Bicep sets and nothing more, the connector starts, however Power BI lets it in."""
    app = texts["modules/app.bicep"]
    for auth in AUTHS:
        found = bicep_text.app_settings(app) if auth != "managed-identity" else bicep_text.always_set(app)
        environment = {name: SAMPLE.get(name, "x") for name in found} | {"POWERBI_AUTH": auth}
        try:
            read_settings(environment, RESOURCES)
        except SettingsError as error:
            yield f"{auth}: {error}"
    for name in ("POLL_SCHEDULE", "TOKEN_REFRESH_SCHEDULE", "AzureWebJobsStorage__credential"):
        if name not in bicep_text.always_set(app):
            yield f"the host needs {name}"


def settings_required(texts: Texts) -> Problems:
    """What has no default is set always, but for the client id that managed-identity does without."""
    for field in fields(Settings):
        name = field.metadata.get("name", "POWERBI_CLIENT_ID")
        if field.metadata.get("default") is MISSING and name != "POWERBI_CLIENT_ID":
            found = name in bicep_text.always_set(texts["modules/app.bicep"])
            yield from () if found else (f"{name} is required",)
    if "POWERBI_CLIENT_ID" not in bicep_text.app_settings(texts["modules/app.bicep"]):
        yield "POWERBI_CLIENT_ID is required with secret and certificate"


def settings_win(texts: Texts) -> Problems:
    """moreSettings come first in the union, so that they replace nothing."""
    if not re.search(r"properties: union\(\s*moreSettings,\s*\{", texts["modules/app.bicep"]):
        yield "moreSettings could replace what is set"


def nothing_forbidden(texts: Texts) -> Problems:
    """No setting or property that Flex Consumption refuses, no key, no secret made here."""
    for path, text in texts.items():
        if not path.endswith((".bicep", ".bicepparam")):
            continue
        found = bicep_text.code(text)
        for name in NEVER_SET:
            if re.search(rf"(?<![\w-]){name}(?![\w-])", found):
                yield f"{path} has {name}"
        for key in KEYS:
            if key in found:
                yield f"{path} has {key}"
        if re.search(r"\bAzureWebJobsStorage(?!__)", found):
            yield f"{path} sets AzureWebJobsStorage itself"
        if "vaults/secrets" in found:
            yield f"{path} writes a secret, which a deployment would set back"
        if "br/public" in found or "br:" in found:
            yield f"{path} uses a module of a registry"


def keyless(texts: Texts) -> Problems:
    """Keys, passwords, anonymous access, and cookies in the webhook's answer are switched off wherever there is a switch."""
    for path, switches in {
        "modules/storage.bicep": (
            *(
                "allowSharedKeyAccess: false",
                "allowBlobPublicAccess: false",
                "defaultToOAuthAuthentication: true",
            ),
            *(
                "supportsHttpsTrafficOnly: true",
                "minimumTlsVersion: 'TLS1_2'",
                "allowCrossTenantReplication: false",
            ),
            *("isLocalUserEnabled: false", "publicAccess: 'None'"),
            *("deleteRetentionPolicy: { enabled: true,", "containerDeleteRetentionPolicy: { enabled: true,"),
        ),
        "modules/vault.bicep": (
            *("enableRbacAuthorization: true", "enablePurgeProtection: true", "enableSoftDelete: true"),
        ),
        "modules/monitoring.bicep": (
            "DisableLocalAuth: true",
            "disableLocalAuth: true",
            "dailyQuotaGb: dailyCapGb",
        ),
        "modules/app.bicep": (
            *(
                "httpsOnly: true",
                "clientAffinityEnabled: false",
                "type: 'UserAssignedIdentity'",
                "AzureWebJobsStorage__credential: 'managedidentity'",
            ),
            *("AzureWebJobsStorage__clientId: identity.properties.clientId", "minTlsVersion: '1.2'"),
            "APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'",
        ),
    }.items():
        for switch in switches:
            if switch not in bicep_text.code(texts[path]):
                yield f"{path} lacks {switch}"
    if bicep_text.code(texts["modules/app.bicep"]).count("properties: { allow: false }") != 2:
        yield "publishing by password is not off for both doors"


def runtime(texts: Texts) -> Problems:
    """Exactly python 3.13: Azure takes any text, and a wrong one fails only at the start."""
    if re.findall(r"runtime: (\{.*\})", texts["modules/app.bicep"]) != [
        "{ name: 'python', version: '3.13' }"
    ]:
        yield "the runtime is another"


def role_list(texts: Texts) -> Problems:
    """Roles are those written down here, on single resources, and whose they are is a parameter of the module."""
    for path, wanted in (
        ("modules/roles.bicep", APP_ROLES),
        ("modules/operator-roles.bicep", OPERATOR_ROLES),
    ):
        if bicep_text.roles(texts[path]) != list(wanted):
            yield f"{path} assigns other roles"
        if "principalId" not in bicep_text.parameters(texts[path]):
            yield f"{path} does not take the identity as a parameter"
        scopes = re.findall(r"^ +scope: (\w+)$", texts[path], re.MULTILINE)
        if scopes != list(dict.fromkeys(on for on, _ in wanted.values())):
            yield f"{path} assigns roles elsewhere"
    for path, text in texts.items():
        if "roleAssignments@" in text and path not in ("modules/roles.bicep", "modules/operator-roles.bicep"):
            yield f"{path} assigns roles, too"


def alarm_alerts(texts: Texts) -> Problems:
    """Each alarm that is more than verbose has its alert, of its severity, that waits for its line; none is unknown."""
    found = bicep_text.alarms(texts["modules/alerts.bicep"])
    wanted = {name: kind.severity for name, kind in ALARMS.items() if kind.severity <= 3}
    if {name: item["severity"] for name, item in found.items()} != wanted:
        yield "alerts are not those of shared/sync/alarms.py"
    for name, item in found.items():
        line = (
            f"alarm code={name} "
            if name not in ALARMS or ALARMS[name].standing
            else f"{name.replace('-', ' ')} "
        )
        if item["line"] != line:
            yield f"{name} waits for another line"
    if "query: 'traces | where message contains \"${alarm.line}\"'" not in texts["modules/alerts.bicep"]:
        yield "the alerts do not look for their lines"


def other_alerts(texts: Texts) -> Problems:
    """Silence is noticed in three more ways: no successful run, no telemetry, no execution; webhook failures and costs, too."""
    text = bicep_text.code(texts["modules/alerts.bicep"])
    for needed in (
        *("function: 'poll_timer'", "function: 'token_refresh_timer'", "operator: 'LessThan'"),
        *('_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"',),
        *(
            "metricName: 'OnDemandFunctionExecutionCount'",
            'resultCode startswith "5"',
            "Microsoft.Consumption/budgets@",
        ),
    ):
        if needed not in text:
            yield f"no alert has {needed}"
    rules = text.count("scheduledQueryRules@") + text.count("metricAlerts@")
    told = text.count("actionGroups: [people.id]") + text.count("actionGroupId: people.id")
    if rules != 5 or told != rules:
        yield f"{rules} kinds of alert rules, {told} tell somebody"


def parameters(texts: Texts) -> Problems:
    """Every parameter is described, in main.bicep and in main.bicepparam, which gives all but the month."""
    described = bicep_text.parameters(texts["main.bicep"])
    given = bicep_text.parameters(texts["main.bicepparam"])
    if set(given) != set(described) - {"budgetStart"}:
        yield f"main.bicepparam differs in {sorted(set(given) ^ set(described))}"
    if len(re.findall(r"^// .*\nparam ", texts["main.bicepparam"], re.MULTILINE)) != len(given):
        yield "a parameter of main.bicepparam has no description"
    for path, text in texts.items():
        if path.endswith(".bicep"):
            blocks = re.findall(r"((?:^@.*\n)*)^param (\w+)", text, re.MULTILINE)
            yield from (
                f"{path} does not describe {name}"
                for decorators, name in blocks
                if "@description" not in decorators
            )


def outputs(texts: Texts) -> Problems:
    """What azd and the operator need afterwards, and nothing that is called a secret."""
    found = set(re.findall(r"^output (\w+)", texts["main.bicep"], re.MULTILINE))
    wanted = {
        "AZURE_FUNCTION_APP_NAME",
        "AZURE_RESOURCE_GROUP",
        "AZURE_STORAGE_ACCOUNT",
        "KEY_VAULT_URL",
        "WEBHOOK_URL",
    }
    if found != wanted | {"IDENTITY_NAME", "IDENTITY_CLIENT_ID", "IDENTITY_PRINCIPAL_ID"}:
        yield "outputs are others"
    if "/api/xero/webhook'" not in texts["modules/app.bicep"]:
        yield "the webhook's address is another"


def workbook(texts: Texts) -> Problems:
    """The workbook shows alarms, runs and webhooks."""
    asked = "\n".join(bicep_text.workbook_queries(texts["modules/workbook.json"]))
    for part in ("alarm code=", "alarm over ", "requests", "webhook_http", "operation={Operation}"):
        if part not in asked:
            yield f"the workbook does not ask for {part}"
