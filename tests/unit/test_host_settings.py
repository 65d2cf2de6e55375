"""App settings, host.json and connections as the local functions host reads them."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from local.azurite import KEY
from local.host.host import host_id
from local.host.settings import HostError, is_disabled, load_values, read_host_json, resolve
from local.host.storage import Connections

STRING = f"DefaultEndpointsProtocol=https;AccountName=abc;AccountKey={KEY};EndpointSuffix=core.windows.net"


def host_json(folder: Path, **document: Any) -> Path:
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **document}))
    return folder


def test_defaults_of_host_json_are_azures(tmp_path: Path) -> None:
    """Without a word in host.json the documented defaults hold; the threshold depends on the processors."""
    options = read_host_json(host_json(tmp_path), {}, processors=2)
    queues = options.queues
    assert options.function_timeout == timedelta(minutes=30)
    assert options.route_prefix == "api"
    assert (queues.batch_size, queues.new_batch_threshold, queues.max_dequeue_count) == (16, 16, 5)
    assert (queues.visibility_timeout, queues.max_polling_interval) == (timedelta(), timedelta(minutes=1))
    assert queues.base64


def test_host_json_and_its_app_settings_are_read(tmp_path: Path) -> None:
    """What host.json says holds, and a setting AzureFunctionsJobHost__... goes before it."""
    queues = {
        "batchSize": 1, "newBatchThreshold": 0, "maxDequeueCount": 10, "visibilityTimeout": "1.00:00:30",
        "maxPollingInterval": "00:00:00.2500000", "messageEncoding": "none",
    }  # fmt: skip
    folder = host_json(
        tmp_path, functionTimeout="-1", extensions={"queues": queues, "http": {"routePrefix": "/x/y/"}}
    )
    environ = {"AzureFunctionsJobHost__extensions__queues__maxDequeueCount": "3"}
    options = read_host_json(folder, environ)
    assert options.function_timeout is None
    assert options.route_prefix == "x/y"
    assert (options.queues.batch_size, options.queues.new_batch_threshold) == (1, 0)
    assert options.queues.max_dequeue_count == 3
    assert options.queues.visibility_timeout == timedelta(days=1, seconds=30)
    assert options.queues.max_polling_interval == timedelta(milliseconds=250)
    assert not options.queues.base64


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"version": "1.0"}, '"version" must be "2.0"'),
        ({"functionTimeout": "10 minutes"}, "functionTimeout must be hours:minutes:seconds"),
        ({"functionTimeout": "00:61:00"}, "functionTimeout must be hours:minutes:seconds"),
        ({"extensions": {"queues": {"batchSize": 33}}}, "batchSize must be a whole number from 1 to 32"),
        ({"extensions": {"queues": {"maxDequeueCount": "many"}}}, "maxDequeueCount must be a whole number"),
        ({"extensions": {"queues": {"maxPollingInterval": "00:00:00.05"}}}, "100 milliseconds or more"),
        ({"extensions": {"queues": {"messageEncoding": "utf8"}}}, "messageEncoding must be"),
        ({"extensions": {"queues": {"batchsize": 1}}}, "has no option batchsize"),
    ],
)
def test_host_json_that_is_wrong_is_refused(tmp_path: Path, document: Any, complaint: str) -> None:
    """A wrong or unknown option is an error that names it, never a silent default."""
    with pytest.raises(HostError, match=complaint):
        read_host_json(host_json(tmp_path, **document), {})


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    """A file that is not there or no JSON is an error with its path."""
    with pytest.raises(HostError, match=r"host\.json cannot be read"):
        read_host_json(tmp_path, {})
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(HostError, match=r"host\.json is not valid JSON"):
        read_host_json(tmp_path, {})


def test_values_do_not_override_the_environment(tmp_path: Path) -> None:
    """The settings file fills what is missing; a byte order mark does not hurt."""
    path = tmp_path / "local.settings.json"
    path.write_text(json.dumps({"IsEncrypted": False, "Values": {"A": "file", "B": "file"}}), "utf-8-sig")
    environ = {"A": "set"}
    load_values(path, environ)
    assert environ == {"A": "set", "B": "file"}


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"IsEncrypted": True, "Values": {}}, "encrypted"),
        ({"Values": {"A": 1}}, "value of A must be a text"),
        ({"Values": []}, "must be an object"),
        ([], "must hold a JSON object"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, document: Any, complaint: str) -> None:
    """Encrypted files and values that are no text are errors."""
    path = tmp_path / "local.settings.json"
    path.write_text(json.dumps(document))
    with pytest.raises(HostError, match=complaint):
        load_values(path, {})


def test_percent_names_are_replaced_or_named() -> None:
    """%NAME% becomes the setting; a missing one is named with the place that wants it."""
    assert resolve("a-%X%-%Y%", {"X": "1", "Y": "2"}, "queueName of work") == "a-1-2"
    assert resolve("50%", {}, "queueName of work") == "50%"
    with pytest.raises(HostError, match="queueName of work is '%X%', but there is no setting X"):
        resolve("%X%", {}, "queueName of work")


def test_functions_are_disabled_by_setting() -> None:
    """AzureWebJobs.NAME.Disabled, with dots or underscores, turns one function off."""
    assert is_disabled("work", {"AzureWebJobs.work.Disabled": "true"})
    assert is_disabled("work", {"AzureWebJobs__work__Disabled": "1"})
    assert not is_disabled(
        "work", {"AzureWebJobs.other.Disabled": "true", "AzureWebJobs.work.Disabled": "false"}
    )


@pytest.mark.parametrize(
    ("connection", "environ"),
    [
        ("", {"AzureWebJobsStorage": STRING}),
        ("AzureWebJobsStorage", {"AzureWebJobsStorage": STRING}),
        ("Other", {"Other": STRING}),
        ("Other", {"AzureWebJobsOther": STRING, "Other": "wrong"}),
        ("Other", {"Other__queueServiceUri": "https://abc.queue.core.windows.net"}),
        ("Other", {"Other__accountName": "abc", "Other__clientId": "0" * 32}),
    ],
)
def test_connection_is_found_by_its_name(connection: str, environ: dict[str, str]) -> None:
    """A connection is the setting AzureWebJobsNAME or NAME, a string or the settings of an identity."""
    queue = Connections(environ).queue(connection, "work")
    assert queue.name == "work"
    assert queue._client.primary_hostname == "abc.queue.core.windows.net"


def test_missing_or_wrong_connection_is_named() -> None:
    """Without its settings a connection is an error that names them, without their values."""
    with pytest.raises(HostError, match="no setting AzureWebJobsOther or Other"):
        Connections({}).queue("Other", "work")
    with pytest.raises(HostError, match="__blobServiceUri"):
        Connections({"AzureWebJobsStorage__queueServiceUri": "https://abc.queue.core.windows.net"}).container(
            "", "x"
        )
    with pytest.raises(HostError, match="no setting AzureWebJobsStorage, nor"):
        Connections({}).queue("AzureWebJobsStorage", "work")
    with pytest.raises(HostError, match="'Other' is no connection string") as caught:
        Connections({"Other": "secret-thing"}).queue("Other", "work")
    assert "secret-thing" not in str(caught.value)


def test_host_id_is_stable_and_short() -> None:
    """Blobs of timers are found again: the id depends on machine and folder, or on the setting."""
    first = host_id(Path("/apps/one"), {})
    assert first == host_id(Path("/apps/one"), {}) != host_id(Path("/apps/two"), {})
    assert len(first) <= 32
    assert host_id(Path("/apps/one"), {"AzureFunctionsWebHost__hostid": "Chosen"}) == "chosen"
