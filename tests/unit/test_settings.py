"""Settings: read once, typed, all mistakes in one message, and what local mode relaxes refused everywhere else."""

import ast
import json
import re
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import docs
from shared import secrets
from shared.errors import SettingsError
from shared.settings import MISSING, OF_THE_HOST, Settings, read_settings
from shared.xero.resources import RESOURCES

ROOT = Path(__file__).resolve().parents[2]
GUID = "11111111-1111-4111-8111-111111111111"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
AZURITE = (
    f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY}==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)
LEAST = {
    "XERO_CLIENT_ID": "app",
    "START_DATE": "2025-07-01",
    "KEY_VAULT_URL": "https://books.vault.azure.net",
    "POWERBI_TENANT_ID": GUID,
    "POWERBI_CLIENT_ID": GUID,
    "POWERBI_WORKSPACE_ID": GUID,
    "AzureWebJobsStorage__blobServiceUri": "https://books.blob.core.windows.net",
    "AzureWebJobsStorage__queueServiceUri": "https://books.queue.core.windows.net",
    "AzureWebJobsStorage__tableServiceUri": "https://books.table.core.windows.net",
}
DECLARED = {field.metadata["name"]: field for field in fields(Settings) if "name" in field.metadata}


def read(**more: str) -> Settings:
    return read_settings(LEAST | more, RESOURCES)


def complaint(environment: dict[str, str]) -> str:
    """What is said about an environment that is not good enough."""
    with pytest.raises(SettingsError) as refused:
        read_settings(environment, RESOURCES)
    return str(refused.value)


def test_the_least_that_is_needed() -> None:
    """Six settings and the storage; all else has the defaults that the page of settings shows."""
    found = read()
    assert found.start_date == date(2025, 7, 1)
    assert found.storage.queue_uri == "https://books.queue.core.windows.net"
    assert found.storage.connection_string == ""
    for field in DECLARED.values():
        if field.metadata["default"] is not MISSING:
            assert getattr(found, field.name) == field.metadata["default"]


def test_the_defaults() -> None:
    """What an operator gets who decides nothing: Xero's smallest tier, the vendors' largest sizes, real addresses."""
    found = read()
    assert {name: getattr(found, DECLARED[name].name) for name in DECLARED if name not in LEAST} == {
        "XERO_CONNECTION": "consent",
        "XERO_REDIRECT_URI": "http://localhost:8400/callback",
        "AZURE_CLIENT_ID": "",
        "POWERBI_DATASET_NAME": "Xero",
        "POWERBI_AUTH": "secret",
        "XERO_API_URL": "https://api.xero.com",
        "XERO_IDENTITY_URL": "https://identity.xero.com",
        "XERO_LOGIN_URL": "https://login.xero.com",
        "POWERBI_API_URL": "https://api.powerbi.com",
        "POWERBI_AUTHORITY_URL": "https://login.microsoftonline.com",
        "LOCAL_CA_FILE": "",
        "POLL_PROFILE": "steady",
        "POLL_MINUTES": None,
        "POLL_MINUTES_BY_RESOURCE": {},
        "TIME_ZONE": "UTC",
        "REPORT_HOUR": 7,
        "AGEING_DAYS": (30, 60, 90),
        "STATUS_MINUTES": 5.0,
        "QUIET_HOURS": None,
        "READ_JOURNALS": False,
        "CONTACT_PERSONAL_DATA": True,
        "READ_REPORTS": True,
        "REREAD_OPEN": True,
        "REREAD_HOURS_BY_RESOURCE": {
            "Contacts": 24.0,
            "Invoices": 168.0,
            "CreditNotes": 168.0,
            "Payments": 168.0,
            "Prepayments": 168.0,
            "Overpayments": 168.0,
            "BankTransactions": 168.0,
            "PurchaseOrders": 168.0,
            "ManualJournals": 168.0,
        },
        "VANISHED_AT_MOST": 20,
        "POLL_OVERLAP_SECONDS": 300,
        "XERO_DAY_LIMIT": 1000,
        "XERO_MINUTE_LIMIT": 60,
        "XERO_WEBHOOK_RESERVE": 100,
        "XERO_PAGE_SIZE": 1000,
        "POWERBI_ROWS_PER_POST": 10000,
        "POWERBI_BYTES_PER_POST": 8000000,
        "POWERBI_POSTS_PER_MINUTE": 100,
        "POWERBI_ROWS_PER_TABLE": 4900000,
        "SLOW_LANE_ROWS": 250000,
        "COMPACT_SHARE": 0.5,
        "RECONCILE_PERCENT": 1.0,
        "AUDIT_MONTHS": 13,
        "SETTLE_SECONDS": 300,
    }


def test_the_defaults_are_good_settings() -> None:
    """Each default, written into its setting as the page shows it, is accepted and means the same."""
    written = {
        name: text.strip("`")
        for name, text in re.findall(r"^\| `(\w+)` \| (.+?) \|", docs.settings(), re.MULTILINE)
        if name in DECLARED and DECLARED[name].metadata["default"] not in (MISSING, "", None, {})
    }
    assert len(written) > 15
    assert read(**written) == read()


def test_one_message_names_everything_that_is_missing_and_where_to_set_it() -> None:
    """A person mends it all at once: every name, what it is for, and where settings go."""
    said = complaint({})
    for name in LEAST:
        assert name in said
    assert f"{len(LEAST)} setting(s)" in said
    assert "app settings" in said
    assert "local.settings.json" in said
    assert DECLARED["START_DATE"].metadata["means"] in said


def test_one_message_names_everything_that_is_wrong() -> None:
    """Missing and bad ones together, each with what is wrong about it."""
    wrong = {
        "START_DATE": "1 July",
        "KEY_VAULT_URL": "books.vault.azure.net",
        "POWERBI_TENANT_ID": "contoso",
        "POLL_MINUTES": "often",
        "POLL_MINUTES_BY_RESOURCE": "Journal=5",
        "REREAD_HOURS_BY_RESOURCE": "Contacts",
        "XERO_PAGE_SIZE": "5000",
        "XERO_DAY_LIMIT": "0",
        "POWERBI_POSTS_PER_MINUTE": "12.5",
        "AzureWebJobsStorage__queueServiceUri": "http://books.queue.core.windows.net",
    }
    environment = {name: value for name, value in (LEAST | wrong).items() if name != "POWERBI_CLIENT_ID"}
    said = complaint(environment)
    for name in (*wrong, "POWERBI_CLIENT_ID"):
        assert re.search(rf"^  - {name} ", said, re.MULTILINE), name
    assert f"{len(wrong) + 1} setting(s)" in said


def test_empty_and_blank_settings_count_as_missing() -> None:
    """Portals and templates leave empty settings behind."""
    assert "XERO_CLIENT_ID is missing" in complaint(LEAST | {"XERO_CLIENT_ID": "  "})
    assert read(POLL_MINUTES=" ").poll_minutes is None
    assert read(POLL_MINUTES=" 20 ").poll_minutes == 20.0


URLS = sorted(name for name, field in DECLARED.items() if field.metadata["parse"].__name__ == "url")


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize(
    "address",
    [
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:7081",
        "http://127.0.0.1@example.com",
        "http://10.0.0.4:7081",
        "http://[2001:db8::1]/",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "https://",
        "http://[bad",
        "api.xero.com",
    ],
)
def test_plain_http_is_refused_off_loopback(name: str, address: str) -> None:
    """Tokens and books travel encrypted; only an address on this machine itself is exempt."""
    assert f"- {name} " in complaint(LEAST | {name: address})


@pytest.mark.parametrize("name", URLS)
@pytest.mark.parametrize("address", ["http://127.0.0.1:7081", "http://localhost:7081", "http://[::1]:7081"])
def test_plain_http_is_accepted_on_loopback(name: str, address: str) -> None:
    """The stand-ins of the local cloud; a slash at the end makes no difference."""
    assert getattr(read(**{name: f"{address}/"}), DECLARED[name].name) == address


@pytest.mark.parametrize("name", ["KEY_VAULT_URL", "POWERBI_AUTHORITY_URL"])
def test_a_local_certificate_authority_is_refused_off_loopback(name: str) -> None:
    """Whoever could set it would otherwise read every secret on its way to the vault or to Entra."""
    on_loopback = {
        "KEY_VAULT_URL": "https://127.0.0.1:7083",
        "POWERBI_AUTHORITY_URL": "https://localhost:7084",
        "AzureWebJobsStorage": AZURITE,
        "LOCAL_CA_FILE": "/tmp/ca.pem",
    }
    assert read(**on_loopback).local_ca_file == "/tmp/ca.pem"
    off = on_loopback | {name: "https://books.vault.azure.net"}
    assert "LOCAL_CA_FILE" in complaint(LEAST | off)
    assert name in complaint(LEAST | off)


def test_a_local_certificate_authority_is_refused_with_storage_in_azure() -> None:
    """The same for blobs, queues and tables by identity."""
    said = complaint(
        LEAST
        | {
            "KEY_VAULT_URL": "https://127.0.0.1:7083",
            "POWERBI_AUTHORITY_URL": "https://127.0.0.1:7084",
            "LOCAL_CA_FILE": "/tmp/ca.pem",
        }
    )
    for service in ("blob", "queue", "table"):
        assert f"AzureWebJobsStorage__{service}ServiceUri" in said


@pytest.mark.parametrize(
    "accepted", [AZURITE, "UseDevelopmentStorage=true", AZURITE.replace("127.0.0.1", "localhost")]
)
def test_an_account_key_is_accepted_on_loopback(accepted: str) -> None:
    """Azurite's key is public."""
    assert read(AzureWebJobsStorage=accepted).storage.connection_string == accepted


@pytest.mark.parametrize(
    "refused",
    [
        f"DefaultEndpointsProtocol=https;AccountName=books;AccountKey={KEY}==;EndpointSuffix=core.windows.net",
        AZURITE.replace("http://127.0.0.1:10002/devstoreaccount1", "https://books.table.core.windows.net"),
        AZURITE.replace("QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;", ""),
        AZURITE + "tableendpoint=https://books.table.core.windows.net;",
        AZURITE + "FileEndpoint=https://books.file.core.windows.net;",
        AZURITE + "BlobSecondaryEndpoint=https://books-secondary.blob.core.windows.net;",
        AZURITE.replace("http://127.0.0.1:10000", "http://[bad"),
        AZURITE.replace("127.0.0.1", "127.0.0.1.example.com"),
        "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://example.com",
        "BlobEndpoint=https://books.blob.core.windows.net;SharedAccessSignature=sv=2026&sig=abc",
        "nonsense",
    ],
)
def test_an_account_key_is_refused_off_loopback(refused: str) -> None:
    """Storage has no keys in Azure: a connection string with any endpoint there, or one left to Azure, is refused.

    And the message, which goes to logs, does not repeat it.
    """
    said = complaint(LEAST | {"AzureWebJobsStorage": refused})
    assert "AzureWebJobsStorage" in said
    assert "storage has no keys" in said
    assert KEY not in said
    assert "sig=" not in said


def test_storage_by_identity() -> None:
    """Service addresses and the identity's client id, by the names that the host itself reads."""
    assert read(AzureWebJobsStorage__clientId=GUID).storage.client_id == GUID


@pytest.mark.parametrize("name", ["POLL_MINUTES_BY_RESOURCE", "REREAD_HOURS_BY_RESOURCE"])
@pytest.mark.parametrize("value", ["Invoice=5", "invoices=5", "Invoices=5,Journal=5", "=5"])
def test_unknown_resources_are_refused_by_name(name: str, value: str) -> None:
    """A misspelt resource would otherwise be read at another pace than its operator thinks; the right names are told."""
    said = complaint(LEAST | {name: value})
    assert f"- {name} names" in said
    assert ", ".join(RESOURCES) in said


@pytest.mark.parametrize(
    "value", ["Invoices", "Invoices=", "Invoices=soon", "Invoices=-1", "Invoices=nan", "Invoices:5"]
)
def test_bad_amounts_by_resource_are_refused(value: str) -> None:
    """Each entry is a resource and a number, as the message shows."""
    assert "Invoices=15" in complaint(LEAST | {"POLL_MINUTES_BY_RESOURCE": value})


def test_amounts_by_resource() -> None:
    """Several entries, spaces forgiven; what is named replaces the default's list."""
    found = read(POLL_MINUTES_BY_RESOURCE=" Invoices = 5, Accounts=0.5 ,").poll_minutes_by_resource
    assert found == {"Invoices": 5.0, "Accounts": 0.5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL_MINUTES", "nan"),
        ("POLL_MINUTES", "inf"),
        ("POLL_MINUTES", "-1"),
        ("XERO_PAGE_SIZE", "1001"),
        ("XERO_PAGE_SIZE", "0"),
        ("POWERBI_ROWS_PER_POST", "10001"),
        ("POWERBI_BYTES_PER_POST", "16000001"),
        ("POWERBI_POSTS_PER_MINUTE", "121"),
        ("POWERBI_ROWS_PER_TABLE", "5000001"),
        ("POLL_OVERLAP_SECONDS", "1"),
        ("XERO_DAY_LIMIT", "1e3"),
        ("XERO_DAY_LIMIT", "9" * 5000),
        ("START_DATE", "2025-02-30"),
        ("POWERBI_WORKSPACE_ID", f"{{{GUID}}}"),
    ],
)
def test_nobody_can_set_more_than_a_vendor_takes(name: str, value: str) -> None:
    """Limits of Xero and Power BI are limits of the settings."""
    assert f"- {name} " in complaint(LEAST | {name: value})


@given(
    st.dictionaries(
        st.sampled_from([*DECLARED, *(name for name, _ in OF_THE_HOST)]),
        st.text(max_size=30)
        | st.sampled_from(["1", "http://[x", "https://a", "A=B;BlobEndpoint=http://[", GUID, "Invoices=1"]),
    )
)
def test_any_environment_gives_settings_or_one_message(environment: dict[str, str]) -> None:
    """Whatever stands in the settings, a person gets SettingsError and never a stack of something else."""
    try:
        found = read_settings(LEAST | environment, RESOURCES)
    except SettingsError as refused:
        assert re.match(r"\d+ setting\(s\) to mend", str(refused))
        return
    assert found.start_date


# The pages that tell of them.


def test_the_page_of_settings_is_fresh() -> None:
    """docs/settings.md is what the declarations say; `python3 manage.py docs` writes it."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == docs.settings()


def test_every_setting_and_secret_is_on_the_page() -> None:
    """Whatever the code reads from the environment or the vault has its row."""
    page = docs.settings()
    names = {*DECLARED, *(name for name, _ in OF_THE_HOST)}
    rows = re.findall(r"^\| `([\w…-]+)` \|", page, re.MULTILINE)
    told = [
        value
        for name, value in vars(secrets).items()
        if name.isupper() and name not in ("CACHE", "VAULT_SECONDS")
    ]
    kept = {name for one in told for name in ([one] if isinstance(one, str) else one)}
    assert sorted(rows) == sorted({*names, *kept, "xero-tokens-…"})


def test_schedules_of_the_functions_are_on_the_page() -> None:
    """%NAME% in a trigger is a setting too."""
    used: set[str] = set()
    for file in ROOT.glob("*/__init__.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used |= set(re.findall(r"%(\w+)%", node.value))
    assert used == {"POLL_SCHEDULE", "TOKEN_REFRESH_SCHEDULE"}
    assert used <= {name for name, _ in OF_THE_HOST}


def test_the_example_of_local_settings_is_good_and_documented() -> None:
    """What a person copies is accepted as it is, and has no setting that the page does not know."""
    example: dict[str, Any] = json.loads((ROOT / "local.settings.example.json").read_text(encoding="utf-8"))
    values = example["Values"]
    read_settings(values, RESOURCES)
    assert set(values) <= {*DECLARED, *(name for name, _ in OF_THE_HOST)}
    assert example["IsEncrypted"] is False


def test_a_table_escapes_its_bars() -> None:
    """A bar in a meaning does not make a column."""
    assert docs.table(("A", "B"), [("x|y", "z")]) == "| A | B |\n| --- | --- |\n| x\\|y | z |"


@pytest.mark.parametrize(
    ("given", "days"),
    [
        ("30,60,90", (30, 60, 90)),
        (" 7 , 14", (7, 14)),
        ("1", (1,)),
        (",".join(map(str, range(1, 11))), tuple(range(1, 11))),
    ],
)
def test_ageing_days(given: str, days: tuple[int, ...]) -> None:
    """One to ten whole numbers, each larger than the one before."""
    assert read(AGEING_DAYS=given).ageing_days == days


@pytest.mark.parametrize(
    "given",
    [
        "30,30",
        "60,30",
        "0,30",
        "30,",
        "30;60",
        "-5",
        "1.5",
        "30,sixty",
        "10000",
        ",".join(map(str, range(1, 12))),
    ],
)
def test_ageing_days_that_are_none(given: str) -> None:
    """Twice the same, falling, zero, too large, too many or no numbers at all are refused by name."""
    with pytest.raises(SettingsError, match="AGEING_DAYS"):
        read(AGEING_DAYS=given)
