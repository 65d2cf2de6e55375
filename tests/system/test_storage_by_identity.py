"""Storage as it is reached in Azure: by service URIs, https and a managed identity, with no key anywhere.

The whole contract of the storage seam is asked again, of a store with an identity; then one change goes all the way.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.identity import ManagedIdentityCredential
from azure.storage.queue import QueueServiceClient

from local.cloud import Cloud
from local.company import first_day
from local.identity.tokens import MANAGED_IDENTITY
from shared import wiring
from shared.clock import SystemClock
from shared.errors import SettingsError
from shared.state import connections
from shared.state.connections import Organisation
from shared.storage import Message
from shared.storage_azure import AzureStore
from tests.contract import test_storage as contract
from tests.contract.test_storage import store, unique  # noqa: F401  # fixtures of the contract
from tests.support.azure_cli import APP, AzureCli
from tests.system.running import BY_HAND, ROOT, connect, delivery, event, terminal

URIS = [f"AzureWebJobsStorage__{service}ServiceUri" for service in ("blob", "queue", "table")]


@pytest.fixture(scope="module")
def keyless(
    tmp_path_factory: pytest.TempPathFactory,
    today: date,
    process_environment: pytest.MonkeyPatch,
    azurite_installed: None,
) -> Iterator[Cloud]:
    """A cloud whose Azurite speaks https and takes the tokens of a managed identity."""
    folder = tmp_path_factory.mktemp("keyless")
    with Cloud(
        folder, start_date=first_day(today), more=BY_HAND, fixed_ports=False, storage_by_identity=True
    ) as cloud:
        for name, value in cloud.identity.environment().items():
            process_environment.setenv(name, value)
        yield cloud


@pytest.fixture(scope="module")
def azure_store(keyless: Cloud) -> AzureStore:
    """The store that production's wiring makes of these settings."""
    made = wiring.build(keyless.values).store
    assert isinstance(made, AzureStore)
    made.prepare()
    return made


@pytest.fixture(scope="module")
def queues(keyless: Cloud) -> QueueServiceClient:
    return QueueServiceClient(
        keyless.values[URIS[1]],
        credential=ManagedIdentityCredential(client_id=MANAGED_IDENTITY.client_id),
        connection_verify=str(keyless.identity.ca),
    )


@pytest.fixture
def subject(azure_store: AzureStore, queues: QueueServiceClient) -> contract.Subject:
    """What the contract's tests work with."""
    queue = f"q{uuid.uuid4().hex}"

    def create_queue() -> str:
        queues.create_queue(queue)
        return queue

    def reveal(queue: str, message: Message) -> None:
        queues.get_queue_client(queue).update_message(
            message.message_id, message.receipt, visibility_timeout=0
        )

    return contract.Subject(azure_store, SystemClock(), create_queue, reveal)


class TestEntities(contract.TestEntities):
    """Single entities."""


class TestQueries(contract.TestQueries):
    """Queries of a partition."""


class TestTransactions(contract.TestTransactions):
    """Transactions."""


class TestBlobs(contract.TestBlobs):
    """Blobs."""


class TestQueues(contract.TestQueues):
    """Queues."""


class TestLeases(contract.TestLeases):
    """Leases."""


def test_no_setting_holds_a_key(keyless: Cloud) -> None:
    """The settings name addresses and an identity; nothing in them opens the storage."""
    settings = json.dumps(keyless.values)
    assert all(keyless.values[name].startswith("https://127.0.0.1:") for name in URIS)
    assert "AccountKey" not in settings
    assert "AzureWebJobsStorage" not in keyless.values


def test_an_identity_that_the_app_does_not_have_is_refused(keyless: Cloud) -> None:
    """Storage is not read under another client id than the app's own."""
    stranger = keyless.values | {"AzureWebJobsStorage__clientId": str(uuid.uuid4())}
    with pytest.raises(ClientAuthenticationError):
        wiring.build(stranger).store.get_entity("sink", "default", "sink")


def test_a_certificate_of_nobody_is_refused(keyless: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the stand-ins' own authority the store does not talk to them: certificates are checked."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    storage = wiring.build(keyless.values).settings.storage
    strict = AzureStore(storage, ManagedIdentityCredential(client_id=storage.client_id), SystemClock())
    with pytest.raises(AzureError, match="CERTIFICATE_VERIFY_FAILED"):
        strict.get_entity("sink", "default", "sink")


@pytest.mark.parametrize("name", URIS)
def test_the_stand_ins_authority_is_refused_for_a_storage_elsewhere(name: str, keyless: Cloud) -> None:
    """LOCAL_CA_FILE with a storage account in Azure is a mistake that nothing starts with."""
    elsewhere = keyless.values | {name: "https://account.blob.core.windows.net"}
    with pytest.raises(SettingsError, match=f"LOCAL_CA_FILE is for stand-ins on loopback, but {name} is"):
        wiring.build(elsewhere)


def test_a_webhook_becomes_a_row_with_no_key_anywhere(
    keyless: Cloud, books: dict[str, Any], today: date, process_environment: pytest.MonkeyPatch
) -> None:
    """Host, functions and connector reach queue, blobs and tables by their identity: the history and a change arrive."""
    running = connect(keyless, books, first_day(today), process_environment.setenv)
    keyless.start_host()
    running.poll()
    invoice_id = running.invoices()[0]
    running.change("Invoices", invoice_id, Reference="by identity")
    assert running.post(delivery(event(running.tenant_id, invoice_id))).status_code == 200
    running.await_reference(invoice_id, "by identity")
    assert running.differences() == []


def test_an_operator_on_a_laptop(keyless: Cloud, azure_store: AzureStore, tmp_path: Path) -> None:
    """`manage.py ... --app NAME` reads storage and vault of a function app by `az login` alone, with no settings here."""
    identity = keyless.identity.environment()
    AzureCli(
        tmp_path,
        keyless.values,
        endpoint=identity["IDENTITY_ENDPOINT"],
        header=identity["IDENTITY_HEADER"],
        client_id=MANAGED_IDENTITY.client_id,
    ).install()
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    organisation = Organisation(
        tenant_id=str(uuid.uuid4()), name="Far away", connection_id="", token_set="nobody"
    )
    connections.save(azure_store, organisation)
    try:
        done = subprocess.run(
            [sys.executable, "manage.py", "organisations", "--app", APP],
            cwd=ROOT,
            env=terminal(PATH=path, COLUMNS="200"),
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        connections.remove(azure_store, organisation.tenant_id)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Settings: function app {APP} in Azure" in done.stdout
    assert f"Far away (), {organisation.tenant_id}" in done.stdout
