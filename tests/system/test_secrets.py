"""Nothing that opens a door lies anywhere but in Key Vault."""

import gzip
import json
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.data.tables import TableServiceClient
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

from commands import support
from commands.status_json import document
from shared.sync.health import health
from shared.sync.refresh import ask_for_refresh
from tests.support.written import written
from tests.system.running import Running, delivery, event, eventually


def everything_stored(running: Running) -> Iterator[tuple[str, str]]:
    """Every entity, blob and message of the storage, and the host's log: where, and what."""
    connection = running.cloud.values["AzureWebJobsStorage"]
    tables = TableServiceClient.from_connection_string(connection)
    for table in tables.list_tables():
        for entity in tables.get_table_client(table.name).list_entities():
            for name, value in entity.items():
                yield f"table {table.name}, {name}", readable(value)
    blobs = BlobServiceClient.from_connection_string(connection)
    for container in blobs.list_containers():
        client = blobs.get_container_client(container.name)
        for blob in client.list_blobs():
            # A batch that is done meanwhile has moved; there are others of its kind.
            with suppress(ResourceNotFoundError):
                yield (
                    f"blob {container.name}/{blob.name}",
                    readable(client.download_blob(blob.name).readall()),
                )
    queues = QueueServiceClient.from_connection_string(connection)
    for queue in queues.list_queues():
        waiting = queues.get_queue_client(queue.name, message_decode_policy=TextBase64DecodePolicy())
        for message in waiting.peek_messages(32):
            yield f"queue {queue.name}", message.content
    yield "host.log", running.log()


def readable(value: object) -> str:
    if isinstance(value, bytes):
        if value.startswith(b"\x1f\x8b"):
            value = gzip.decompress(value)
        return value.decode("utf-8", "replace")
    return str(value)


def secrets(running: Running) -> dict[str, str]:
    """Every secret that the vault has ever held, the tokens by themselves."""
    vault = running.cloud.identity.vault
    found: dict[str, str] = {}
    for secret in vault.names(deleted=False):
        for number, version in enumerate(vault.versions(secret.name)[1]):
            if secret.name.startswith("xero-tokens-"):
                tokens = json.loads(version.value)
                for name in ("access_token", "refresh_token"):
                    found[f"{secret.name} {number} {name}"] = tokens[name]
            else:
                found[f"{secret.name} {number}"] = version.value
    ours = running.cloud.xero.identity
    found |= {f"Xero's token {number}": each for number, each in enumerate((*ours._access, *ours._sets))}
    parts = dict(
        part.split("=", 1) for part in running.cloud.values["AzureWebJobsStorage"].split(";") if part
    )
    found["storage's key"] = parts["AccountKey"]
    found["managed identity's header"] = os.environ["IDENTITY_HEADER"]
    return found


def commands_say(running: Running) -> Iterator[tuple[str, str]]:
    """What an operator's commands would write into files and pass on."""
    for name, text in support.bundle(running.connector, days=3).items():
        yield f"support {name}", text
    found = health(running.connector)
    yield "status --json", json.dumps(document(running.connector.settings, found))
    yield "audit", json.dumps(running.audit(), default=str)


@pytest.fixture
def refreshed(running: Running) -> Running:
    """The shared cloud after a day's kinds of work: a renewal of the tokens, a poll, webhooks good and bad."""
    vault = running.cloud.identity.vault
    token_set = f"xero-tokens-{running.organisation.token_set}"
    before = len(vault.versions(token_set)[1])
    ask_for_refresh(running.connector.store, running.organisation.token_set)
    running.cloud.fire("token_refresh_timer")
    eventually(lambda: len(vault.versions(token_set)[1]) > before, "a new version of the token set")
    running.poll()
    body = delivery(event(running.tenant_id, running.invoices()[16]))
    running.change("Invoices", running.invoices()[16], Reference="with new tokens")
    assert [running.post(body, signature).status_code for signature in ("", None)] == [401, 200]
    running.await_reference(running.invoices()[16], "with new tokens")
    return running


def test_tokens_are_renewed_by_the_timer(refreshed: Running) -> None:
    """A renewal that was asked for is made at the next run: one generation more, told in the audit, and reading goes on."""
    name = f"xero-tokens-{refreshed.organisation.token_set}"
    versions = [json.loads(each.value) for each in refreshed.cloud.identity.vault.versions(name)[1]]
    generations = sorted(each["generation"] for each in versions)
    assert generations == list(range(1, len(versions) + 1))
    assert len({each["refresh_token"] for each in versions}) == len(versions)
    assert refreshed.audit(what="refresh", outcome="done")[-1]["count"] == generations[-1]


def test_no_secret_is_stored_or_logged(refreshed: Running) -> None:
    """No token, client secret, webhook key or authorisation stands in a table, blob, message or log, old ones included."""
    known = secrets(refreshed)
    assert {"xero-client-secret 0", "xero-webhook-key 0", "powerbi-client-secret 0"} <= set(known)
    assert len(known) > 6
    assert {"storage's key", "managed identity's header", "Xero's token 0"} <= set(known)
    assert all(len(secret) > 8 for secret in known.values())
    searched = [*everything_stored(refreshed), *commands_say(refreshed)]
    # A search that reads nothing finds nothing.
    for kind in ("table audit", "table mirror", "blob outbox/done", "host.log", "support", "status", "audit"):
        assert any(where.startswith(kind) for where, _ in searched), kind
    assert any(refreshed.tenant_id in text for where, text in searched if where.startswith("blob outbox"))
    forms = [(name, form) for name, secret in known.items() for form in written(secret)]
    # Most of what is stored is not worth a search of its own for each of them.
    whole = "\n".join(text for _, text in searched)
    found = [(name, form) for name, form in forms if form in whole]
    assert [(name, where) for name, form in found for where, text in searched if form in text] == []
    for where, text in searched:
        assert "eyJ" not in text, f"a token in {where}"
        assert "Bearer " not in text, where
