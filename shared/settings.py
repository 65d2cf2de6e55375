"""Every setting of the connector: read once, typed, checked together.

`docs/settings.md` is derived from the declarations below; a test fails when it is stale.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any

from shared.errors import SettingsError
from shared.parsing import (
    by_resource,
    day,
    flag,
    guid,
    hours,
    is_loopback,
    number,
    one_of,
    rising,
    text,
    url,
    whole,
    zone,
)

WHERE = "app settings of the function app in Azure, or `Values` of local.settings.json on a laptop"
MISSING = object()
SERVICES = ("blob", "queue", "table")
# What the Functions host reads as well, or alone: name, meaning.
OF_THE_HOST = (
    (
        "AzureWebJobsStorage",
        "Connection string of Azurite, accepted on loopback only. In Azure leave it out and set the next five: storage "
        "has no keys.",
    ),
    *(
        (
            f"AzureWebJobsStorage__{service}ServiceUri",
            f"Where {service}s are kept: `https://ACCOUNT.{service}.core.windows.net`.",
        )
        for service in SERVICES
    ),
    ("AzureWebJobsStorage__credential", "`managedidentity`, which tells the host to use an identity."),
    (
        "AzureWebJobsStorage__clientId",
        "Client id of the user-assigned identity that may use the storage; empty for a system-assigned one.",
    ),
    (
        "FUNCTIONS_WORKER_RUNTIME",
        "`python`, in local.settings.json only; never in Azure, where the plan knows.",
    ),
    (
        "POLL_SCHEDULE",
        "When poll_timer fires, as NCRONTAB with seconds, in UTC: `0 * * * * *` is each minute. What is due is decided "
        "by POLL_MINUTES, so fire often. Required.",
    ),
    (
        "TOKEN_REFRESH_SCHEDULE",
        "When token_refresh_timer fires, as above: `0 */5 * * * *` is every five minutes. Required.",
    ),
)


def setting(
    name: str,
    parse: Callable[[str], Any],
    means: str,
    default: Any = MISSING,
    *,
    unless: tuple[str, str] | None = None,
) -> Any:
    """A field of Settings that is read from the environment. Without a default it is required.

    unless: the name and value of a setting with which this one, a text, may be left out.
    """
    return field(
        metadata={"name": name, "parse": parse, "means": means, "default": default, "unless": unless}
    )


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """Where blobs, queues and tables are: a connection string (Azurite only), or service URIs and an identity."""

    connection_string: str = ""
    blob_uri: str = ""
    queue_uri: str = ""
    table_uri: str = ""
    client_id: str = ""

    @property
    def uris(self) -> dict[str, str]:
        """The service URIs by service; "" where a connection string says it."""
        return {"blob": self.blob_uri, "queue": self.queue_uri, "table": self.table_uri}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator decides. Made by `read_settings`."""

    storage: StorageSettings

    xero_client_id: str = setting(
        "XERO_CLIENT_ID", text, "The Xero app's client id. Its secret is `xero-client-secret` in Key Vault."
    )
    xero_connection: str = setting(
        "XERO_CONNECTION",
        one_of("consent", "custom"),
        "`consent`: users allow access on Xero's page. `custom`: the app is a custom connection of one organisation, which "
        "needs no consent page and no refresh token.",
        "consent",
    )
    xero_redirect_uri: str = setting(
        "XERO_REDIRECT_URI",
        url,
        "Where Xero sends the browser after consent; one of the app's redirect URIs.",
        "http://localhost:8400/callback",
    )
    start_date: date = setting(
        "START_DATE", day, "History begins here: documents dated from this day, changed since, or open."
    )
    key_vault_url: str = setting(
        "KEY_VAULT_URL", url, "The vault that holds token sets, client secrets and webhook keys."
    )
    managed_identity_client_id: str = setting(
        "AZURE_CLIENT_ID",
        text,
        "Client id of the user-assigned identity; empty for a system-assigned one.",
        "",
    )
    powerbi_tenant_id: str = setting("POWERBI_TENANT_ID", guid, "The Entra tenant of the Power BI workspace.")
    powerbi_auth: str = setting(
        "POWERBI_AUTH",
        one_of("secret", "certificate", "managed-identity"),
        "How the connector proves to Power BI who it is: an app registration with a `secret` or a `certificate`, which lies "
        "in Key Vault, or the function app's own `managed-identity`, with neither. See powerbi-setup.md.",
        "secret",
    )
    powerbi_client_id: str = setting(
        "POWERBI_CLIENT_ID",
        guid,
        "Application (client) id of the app registration that writes to Power BI. Its secret is `powerbi-client-secret` in "
        "Key Vault, or its certificate `powerbi-client-certificate`. Not needed when POWERBI_AUTH is managed-identity.",
        unless=("POWERBI_AUTH", "managed-identity"),
    )
    powerbi_workspace_id: str = setting(
        "POWERBI_WORKSPACE_ID", guid, "The workspace (group) that holds the dataset."
    )
    powerbi_dataset_name: str = setting(
        "POWERBI_DATASET_NAME", text, "The dataset's name; found by name or created.", "Xero"
    )

    xero_api_url: str = setting("XERO_API_URL", url, "Xero's API.", "https://api.xero.com")
    xero_identity_url: str = setting(
        "XERO_IDENTITY_URL", url, "Xero's token service.", "https://identity.xero.com"
    )
    xero_login_url: str = setting("XERO_LOGIN_URL", url, "Xero's consent page.", "https://login.xero.com")
    powerbi_api_url: str = setting("POWERBI_API_URL", url, "Power BI's REST API.", "https://api.powerbi.com")
    powerbi_authority_url: str = setting(
        "POWERBI_AUTHORITY_URL", url, "Entra's token service.", "https://login.microsoftonline.com"
    )
    local_ca_file: str = setting(
        "LOCAL_CA_FILE",
        text,
        "Certificate authority of the stand-ins. Refused unless vault, authority and storage are on loopback.",
        "",
    )

    poll_profile: str = setting(
        "POLL_PROFILE",
        one_of("steady", "nightly"),
        "`steady` reads all day; `nightly` reads once, two hours before REPORT_HOUR, and leaves the rest to webhooks.",
        "steady",
    )
    poll_minutes: float | None = setting(
        "POLL_MINUTES",
        number(0, 44640),
        "How often each resource is read, in minutes, in place of each one's own: 15 for invoices, payments and bank "
        "transactions, 30 for other documents and contacts, 60 for accounts, 240 for items and tracking, 1440 for the rest. "
        "Reports are read in the night before REPORT_HOUR whatever it says.",
        None,
    )
    poll_minutes_by_resource: Mapping[str, float] = setting(
        "POLL_MINUTES_BY_RESOURCE",
        by_resource(44640),
        "Exceptions to it, as `Accounts=60,Organisation=1440`.",
        {},
    )
    time_zone: str = setting(
        "TIME_ZONE", zone, "The operator's time zone, by its IANA name such as `Australia/Sydney`.", "UTC"
    )
    report_hour: int = setting(
        "REPORT_HOUR", whole(0, 23), "By this hour of TIME_ZONE the figures of the night must be there.", 7
    )
    ageing_days: tuple[int, ...] = setting(
        "AGEING_DAYS",
        rising(1, 9999, count=10),
        "Where the buckets of ageing reports end, in days overdue; the last bucket holds what is beyond.",
        (30, 60, 90),
    )
    status_minutes: float = setting(
        "STATUS_MINUTES",
        number(0, 1440),
        "SyncStatus tells at most so often that nothing but the freshness moved; everything else at once.",
        5.0,
    )
    quiet_hours: tuple[int, int] | None = setting(
        "QUIET_HOURS",
        hours,
        "Hours of TIME_ZONE in which no read begins, as `20-6`; a history goes on, and webhooks are served.",
        None,
    )
    read_journals: bool = setting(
        "READ_JOURNALS",
        flag,
        "`true` reads the general ledger's journals, which Xero opens to apps of the Advanced tier only.",
        False,
    )
    read_reports: bool = setting(
        "READ_REPORTS",
        flag,
        "`false` leaves out Xero's own reports (trial balance, profit and loss, opening bank balances), their scopes and "
        "their calls.",
        True,
    )
    contact_personal_data: bool = setting(
        "CONTACT_PERSONAL_DATA",
        flag,
        "`false` keeps what is about persons out of Power BI: names, e-mail address and tax number of contacts, and who "
        "takes a delivery where. Rows that are there go at the dataset's next compaction, once they are superseded.",
        True,
    )
    reread_hours_by_resource: Mapping[str, float] = setting(
        "REREAD_HOURS_BY_RESOURCE",
        by_resource(8760),
        "How often a resource is read whole, to find what Xero changes without moving UpdatedDateUTC: balances, due dates.",
        {
            "Contacts": 24.0,
            **dict.fromkeys(
                (
                    *("Invoices", "CreditNotes", "Payments", "Prepayments", "Overpayments"),
                    *("BankTransactions", "PurchaseOrders", "ManualJournals"),
                ),
                168.0,
            ),
        },
    )
    reread_open: bool = setting(
        "REREAD_OPEN",
        flag,
        "`true` reads documents that are not over (drafts, and what is submitted or approved and unpaid) again each night, two hours "
        "before REPORT_HOUR, to find due dates and account codes that changed without a new UpdatedDateUTC.",
        True,
    )
    vanished_at_most: int = setting(
        "VANISHED_AT_MOST",
        whole(0, 1000000),
        "So many records of a resource may vanish from Xero's list at once before the connector asks a person.",
        20,
    )
    poll_overlap_seconds: int = setting(
        "POLL_OVERLAP_SECONDS",
        whole(2, 86400),
        "How far an increment reaches back before the last read began, by Xero's clock.",
        300,
    )
    xero_day_limit: int = setting(
        "XERO_DAY_LIMIT",
        whole(1, 1000000),
        "Xero's calls a day and organisation: 1000 on the Starter tier, 5000 above.",
        1000,
    )
    xero_minute_limit: int = setting(
        "XERO_MINUTE_LIMIT", whole(1, 100000), "Xero's calls a minute and organisation.", 60
    )
    xero_webhook_reserve: int = setting(
        "XERO_WEBHOOK_RESERVE", whole(0, 1000000), "Calls of the day that polling leaves to webhooks.", 100
    )
    xero_page_size: int = setting(
        "XERO_PAGE_SIZE", whole(1, 1000), "Records a page; Xero takes 1000 at most.", 1000
    )
    powerbi_rows_per_post: int = setting(
        "POWERBI_ROWS_PER_POST", whole(1, 10000), "Rows a POST; Power BI takes 10000 at most.", 10000
    )
    powerbi_bytes_per_post: int = setting(
        "POWERBI_BYTES_PER_POST",
        whole(10000, 16000000),
        "Bytes a POST; Power BI takes 16 MB at most.",
        8000000,
    )
    powerbi_posts_per_minute: int = setting(
        "POWERBI_POSTS_PER_MINUTE",
        whole(1, 120),
        "POSTs a minute and dataset; Power BI takes 120 at most.",
        100,
    )
    powerbi_rows_per_table: int = setting(
        "POWERBI_ROWS_PER_TABLE",
        whole(1000, 5000000),
        "Rows at which pushing to a table stops and asks; Power BI drops what is above 5,000,000 without a word.",
        4900000,
    )
    slow_lane_rows: int = setting(
        "SLOW_LANE_ROWS",
        whole(10, 5000000),
        "Rows of a table from which Power BI takes 120 POSTs an hour in place of 120 a minute; a table is compacted before.",
        250000,
    )
    compact_share: float = setting(
        "COMPACT_SHARE",
        number(0.01, 1),
        "A table is compacted when this share of its rows is superseded: small ones after ten quiet minutes, others in the "
        "night before REPORT_HOUR. 1 leaves compaction to `manage.py compact` and to tables that grow too large.",
        0.5,
    )
    reconcile_percent: float = setting(
        "RECONCILE_PERCENT",
        number(0, 100),
        "The share of a day's calls, in percent, that comparing with Xero by itself may spend; 0 leaves it to "
        "`manage.py reconcile`.",
        1.0,
    )
    audit_months: int = setting(
        "AUDIT_MONTHS",
        whole(1, 1200),
        "Whole months for which the audit is kept beside the running one; older tables are dropped once a day.",
        13,
    )
    settle_seconds: int = setting(
        "SETTLE_SECONDS",
        whole(0, 3600),
        "How long a POST or DELETE whose answer was lost may still take effect in Power BI. Nothing is deleted before a POST, "
        "and nothing posted before a DELETE, can no longer be under way.",
        300,
    )


def read_settings(environment: Mapping[str, str], resources: Collection[str]) -> Settings:
    """The settings in `environment`, or one SettingsError that names every missing and bad one.

    resources: the names that settings by resource may use.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for declared in fields(Settings):
        if declared.name == "storage":
            continue
        name, default = declared.metadata["name"], declared.metadata["default"]
        given = environment.get(name, "").strip()
        if not given:
            unless = declared.metadata["unless"]
            if unless and environment.get(unless[0], "").strip() == unless[1]:
                default = ""
            if default is MISSING:
                problems.append(f"{name} is missing: {declared.metadata['means']}")
            values[declared.name] = default
            continue
        try:
            values[declared.name] = declared.metadata["parse"](given)
        except ValueError as error:
            problems.append(f"{name} {error}.")
        if name.endswith("_BY_RESOURCE"):
            unknown = sorted(set(values.get(declared.name, ())) - set(resources))
            if unknown:
                problems.append(f"{name} names {', '.join(unknown)}; resources are {', '.join(resources)}.")
    storage = _read_storage(environment, problems)
    if values.get("local_ca_file"):
        trusting = {name.upper(): values.get(name) for name in ("key_vault_url", "powerbi_authority_url")}
        for service, uri in storage.uris.items():
            trusting[f"AzureWebJobsStorage__{service}ServiceUri"] = uri
        for name, address in trusting.items():
            if isinstance(address, str) and address and not is_loopback(address):
                problems.append(f"LOCAL_CA_FILE is for stand-ins on loopback, but {name} is {address}.")
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise SettingsError(f"{len(problems)} setting(s) to mend, in {WHERE}:\n{listed}")
    return Settings(storage=storage, **values)


def _is_local(connection_string: str) -> bool:
    """Whether every service's endpoint is on loopback. One that is left out would be Azure's own; names have no case."""
    parts = [part.partition("=") for part in connection_string.split(";")]
    endpoints = [
        (name.strip().lower(), value) for name, _, value in parts if name.strip().lower().endswith("endpoint")
    ]
    named = {name for name, _ in endpoints}
    return named >= {f"{service}endpoint" for service in SERVICES} and all(
        is_loopback(value) for _, value in endpoints
    )


def _read_storage(environment: Mapping[str, str], problems: list[str]) -> StorageSettings:
    """The host's own storage settings, so that the connector and its triggers always use the same account."""
    connection_string = environment.get("AzureWebJobsStorage", "").strip()
    if connection_string:
        if connection_string != "UseDevelopmentStorage=true" and not _is_local(connection_string):
            problems.append(
                "AzureWebJobsStorage is a connection string, which is for Azurite on loopback only. In Azure set "
                "AzureWebJobsStorage__blobServiceUri, __queueServiceUri, __tableServiceUri and __clientId instead: "
                "storage has no keys."
            )
        return StorageSettings(connection_string=connection_string)
    found: dict[str, str] = {}
    for service in SERVICES:
        name = f"AzureWebJobsStorage__{service}ServiceUri"
        given = environment.get(name, "").strip()
        if not given:
            problems.append(
                f"{name} is missing: where {service}s are kept, e.g. https://ACCOUNT.{service}.core.windows.net."
            )
            continue
        try:
            found[f"{service}_uri"] = url(given)
        except ValueError as error:
            problems.append(f"{name} {error}.")
    client_id = environment.get("AzureWebJobsStorage__clientId", "").strip()
    return StorageSettings(client_id=client_id, **found)
