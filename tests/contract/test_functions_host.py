"""The local functions host as a process, with Microsoft's runtime in it and Azurite beside it."""

import base64
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local.azurite import Azurite

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "support" / "sample_app"
WAIT_SECONDS = 30


class HostProcess:
    """`python -m local.host` over the sample app, with queues and a host id of its own."""

    def __init__(self, azurite: Azurite, app: Path = SAMPLE, **settings: str) -> None:
        self.key = uuid4().hex[:12]
        self.storage = azurite.connection_string
        self.settings = {
            "AzureWebJobsStorage": azurite.connection_string,
            "AzureFunctionsWebHost__hostid": f"host{self.key}",
            "SAMPLE_WORK": f"work-{self.key}",
            "SAMPLE_SEEN": f"seen-{self.key}",
            "SAMPLE_OUTPUT": f"output-{self.key}",
            "SAMPLE_SCHEDULE": "0 0 0 1 1 *",
            **settings,
        }
        self._app = app
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.log: list[str] = []
        self.url = ""

    def start(self) -> None:
        self.launch()
        self.url = self.wait_for("listening on ").rpartition(" ")[2]

    def launch(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local.host", "--app", str(self._app), "--port", "0"],
            cwd=ROOT,
            env={**os.environ, **self.settings},
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, text: str) -> str:
        """The next line of the log that holds the text."""
        while True:
            line = self._lines.get(timeout=WAIT_SECONDS)
            assert line is not None, f"the host ended before it said {text!r}:\n" + "\n".join(self.log)
            self.log.append(line)
            if text in line:
                return line

    def rest_of_log(self) -> str:
        """Everything not yet waited for, once the host has ended."""
        while (line := self._lines.get(timeout=WAIT_SECONDS)) is not None:
            self.log.append(line)
        return "\n".join(self.log)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_SECONDS)

    def queue(self, name: str, raw: bool = False) -> QueueClient:
        policies: dict[str, Any] = {
            "message_encode_policy": TextBase64EncodePolicy(),
            "message_decode_policy": TextBase64DecodePolicy(),
        }
        return QueueClient.from_connection_string(
            self.storage, f"{name}-{self.key}", **({} if raw else policies)
        )

    def seen(self) -> Any:
        """The one message that the app wrote about what it saw."""
        message = self.queue("seen").receive_message()
        assert message is not None
        self.queue("seen").delete_message(message)
        return json.loads(message.content)


@pytest.fixture(scope="module")
def host(azurite: Azurite) -> Iterator[HostProcess]:
    process = HostProcess(azurite)
    process.start()
    process.queue("work").create_queue()
    yield process
    process.stop()


def test_functions_are_listed_with_what_triggers_them(host: HostProcess) -> None:
    """The start says of every function where it is called or what it listens to."""
    text = "\n".join(host.log)
    assert f"echo: POST,PUT {host.url}/api/echo/{{name}}/{{number:int?}}" in text
    assert f"work: work-{host.key}" in text
    assert "yearly: 0 0 0 1 1 *" in text


def test_http_function_sees_the_request_as_it_was_sent(host: HostProcess) -> None:
    """Body bytes, lower-case header names, non-empty query values and route values reach the function."""
    body = bytes(range(256))
    answer = requests.post(
        f"{host.url}/API/Echo/a%20b/7?x=1&empty=&y=2&y=3",
        data=body,
        headers={"X-Xero-Signature": "s="},
        timeout=10,
    )
    seen = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Sample"] == "yes"
    assert answer.headers["Set-Cookie"] == "a=1; HttpOnly; Path=/; SameSite=Lax"
    assert seen["method"] == "POST"
    assert seen["body"] == body.hex()
    assert seen["headers"]["x-xero-signature"] == "s="
    assert {name for name in seen["headers"] if name != name.lower()} == set()
    assert seen["query"] == {"x": "1", "y": "2,3"}
    assert seen["route"] == {"name": "a b", "number": "7"}
    assert seen["url"] == f"{host.url}/API/Echo/a%20b/7?x=1&empty=&y=2&y=3"
    assert seen["folder"] == str(SAMPLE)


def test_http_body_without_length_does_not_arrive(host: HostProcess) -> None:
    """A body sent in chunks is dropped, as the host of Azure forwards only what has a Content-Length."""
    chunks = iter([b"some", b"thing"])
    answer = requests.post(f"{host.url}/api/echo/a", data=chunks, timeout=10)
    assert answer.json()["body"] == ""
    assert answer.json()["route"] == {"name": "a"}


def test_http_answers_for_text_failures_and_unknown_paths(host: HostProcess) -> None:
    """A str is a plain 200, an exception a 500 without a body, another path or method a 404."""
    plain = requests.get(f"{host.url}/api/text", timeout=10)
    assert (plain.status_code, plain.text) == (200, "plain")
    assert plain.headers["Content-Type"] == "text/plain; charset=utf-8"
    failed = requests.get(f"{host.url}/api/raise", timeout=10)
    assert (failed.status_code, failed.content) == (500, b"")
    assert "RuntimeError: on purpose" in host.wait_for("raises failed in")
    assert requests.get(f"{host.url}/api/echo/a", timeout=10).status_code == 404
    assert requests.post(f"{host.url}/api/echo/a/b", timeout=10).status_code == 404


def test_status_is_served(host: HostProcess) -> None:
    """The admin interface says that the host runs."""
    status = requests.get(f"{host.url}/admin/host/status", timeout=10).json()
    assert status["state"] == "Running"
    assert status["id"] == f"host{host.key}"


def test_queue_message_reaches_the_function_with_its_metadata(host: HostProcess) -> None:
    """A message is decoded, run once with id, count, times and receipt, and deleted."""
    sent = host.queue("work").send_message("Grüße")
    host.wait_for("work succeeded in")
    seen = host.seen()
    assert seen["body"] == "Grüße"
    assert (seen["message_id"], seen["tries"]) == (sent.id, 1)
    assert seen["inserted"] == str(sent.inserted_on)
    assert seen["expires"] == str(sent.expires_on)
    assert seen["next_visible"] > seen["inserted"]
    assert seen["receipt"]


def test_body_properties_override_the_metadata(azurite: Azurite, host: HostProcess) -> None:
    """A JSON body's top-level id becomes the message's id, and an insertionTime makes the run fail, as in Azure."""
    host.queue("work").send_message('{"iD": 7, "dequeuecount": 3, "list": [1], "nothing": null}')
    host.wait_for("work succeeded in")
    seen = host.seen()
    assert (seen["message_id"], seen["tries"]) == ("7", 3)
    host.queue("work").send_message('{"insertionTime": "2026-11-22T13:00:00Z"}')
    assert "ValueError" in host.wait_for("work failed in")
    host.wait_for(f"moved to work-{host.key}-poison after 2 tries")
    assert len(poison(azurite, host)) == 1


def test_failing_message_is_tried_again_and_given_up(azurite: Azurite, host: HostProcess) -> None:
    """An exception brings a message back, and after maxDequeueCount tries its copy lies in the poison queue."""
    sent = host.queue("work").send_message("fail")
    assert "ValueError: told to fail, try 1" in host.wait_for("work failed in")
    assert "ValueError: told to fail, try 2" in host.wait_for("work failed in")
    assert sent.id in host.wait_for("after 2 tries")
    [copy] = poison(azurite, host)
    assert base64.b64decode(copy) == b"fail"


def test_undecodable_message_is_given_up_without_a_run(azurite: Azurite, host: HostProcess) -> None:
    """What is not base64 goes to the poison queue as it is, at once."""
    host.queue("work", raw=True).send_message("{not base64}")
    host.wait_for("Message decoding has failed!")
    before = len(host.log)
    host.wait_for("moved to")
    assert poison(azurite, host) == ["{not base64}"]
    assert not any("work failed" in line or "work succeeded" in line for line in host.log[before:])


def poison(azurite: Azurite, host: HostProcess) -> list[str]:
    """The texts in the poison queue of `work`, taken out."""
    client = QueueClient.from_connection_string(azurite.connection_string, f"work-{host.key}-poison")
    taken = []
    for message in client.receive_messages():
        client.delete_message(message)
        taken.append(str(message.content))
    return taken


def test_outputs_are_written_as_azure_writes_them(host: HostProcess) -> None:
    """A list keeps its texts and wakes the listener of this host, a JSON object is written anew, an array is split."""
    requests.post(f"{host.url}/api/write", json={"many": ['{"a":1}'], "one": '{"a":1}'}, timeout=10)
    host.wait_for("work succeeded in")
    assert host.seen()["body"] == '{"a":1}'
    requests.post(f"{host.url}/api/write", json={"one": '["x", {"b": 2}]'}, timeout=10)
    texts = [message.content for message in host.queue("output").receive_messages()]
    assert texts == ['{\n  "a": 1\n}', "x", '{\n  "b": 2\n}']


def test_output_that_cannot_be_written_fails_the_run(host: HostProcess) -> None:
    """A text that only looks like JSON makes the call a 500, although the function returned."""
    answer = requests.post(f"{host.url}/api/write", json={"one": "[not json]"}, timeout=10)
    assert answer.status_code == 500
    assert "the output cannot be written" in host.wait_for("write failed in")


def test_admin_call_starts_any_function(host: HostProcess) -> None:
    """POST /admin/functions/NAME is answered 202 and the function runs, with the input as its text."""
    answer = requests.post(f"{host.url}/admin/functions/Work", json={"input": "by hand"}, timeout=10)
    assert answer.status_code == 202
    host.wait_for("work succeeded in")
    assert host.seen()["body"] == "by hand"
    assert requests.post(f"{host.url}/admin/functions/tick", json={}, timeout=10).status_code == 202
    host.wait_for("tick succeeded in")
    seen = host.seen()
    assert seen["past_due"] is False
    assert seen["status"]["Last"] == "0001-01-01T00:00:00"
    assert requests.post(f"{host.url}/admin/functions/none", json={}, timeout=10).status_code == 404
    assert requests.post(f"{host.url}/admin/functions/work", data=b"[", timeout=10).status_code == 400


def test_timer_does_not_run_at_its_first_start_but_keeps_its_status(
    azurite: Azurite, host: HostProcess
) -> None:
    """A timer that the storage account does not know yet writes when it will run, and waits."""
    status = read_status(azurite, host, "yearly")
    assert status["Last"] == "0001-01-01T00:00:00"
    assert status["Next"].endswith("-01-01T00:00:00+00:00")
    assert not any("yearly succeeded" in line for line in host.log)


def read_status(azurite: Azurite, host: HostProcess, function: str) -> Any:
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    blob = service.get_blob_client("azure-webjobs-hosts", f"timers/host{host.key}/{function}/status")
    return json.loads(blob.download_blob().readall())


def test_past_due_timer_runs_once_and_stop_is_graceful(azurite: Azurite) -> None:
    """A missed occurrence is one run with the status before it; SIGTERM lets what runs end, then the exit is 0."""
    gate = socket.create_server(("127.0.0.1", 0))
    gate.settimeout(WAIT_SECONDS)
    host = HostProcess(azurite, SAMPLE_GATE=str(gate.getsockname()[1]))
    year = datetime.now(UTC).year
    last, missed = f"{year - 2}-06-01T00:00:00+00:00", f"{year - 1}-01-01T00:00:00+00:00"
    service = BlobServiceClient.from_connection_string(azurite.connection_string)
    container = service.get_container_client("azure-webjobs-hosts")
    if not container.exists():
        container.create_container()
    container.upload_blob(
        f"timers/host{host.key}/tick/status", json.dumps({"Last": last, "Next": missed, "LastUpdated": last})
    )
    host.start()
    try:
        host.wait_for("tick succeeded in")
        assert host.seen() == {
            "past_due": True,
            "status": {"Last": last, "Next": missed, "LastUpdated": last},
        }
        host.queue("work").create_queue()
        host.queue("work").send_message("the last one")
        connection = http.client.HTTPConnection(host.url.removeprefix("http://"), timeout=20)
        connection.request("GET", "/api/slow")
        call, _ = gate.accept()
        host.wait_for("work succeeded in")
        host.process.send_signal(signal.SIGTERM)
        host.wait_for("stopping")
        call.close()
        assert connection.getresponse().read() == b"ended"
        assert host.process.wait(WAIT_SECONDS) == 0
    finally:
        gate.close()
        host.stop()
    assert datetime.fromisoformat(read_status(azurite, host, "tick")["Last"]) > datetime.now(UTC) - timedelta(
        minutes=5
    )
    assert "abandoned" not in host.rest_of_log()
    assert host.queue("work").get_queue_properties().approximate_message_count == 0


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import azure.functions as func\napp = func.FunctionApp()\n", "no functions found"),
        ("import azure.functions as func\nimport not_there\n", "No module named 'not_there'"),
        (None, "there is no function_app.py"),
        (
            "import azure.functions as func\napp = func.FunctionApp()\n"
            "@app.queue_trigger(arg_name='msg', queue_name='%NOT_SET%', connection='AzureWebJobsStorage')\n"
            "def work(msg: func.QueueMessage) -> None: ...\n",
            "queueName of work is '%NOT_SET%', but there is no setting NOT_SET",
        ),
        (
            "import azure.functions as func\napp = func.FunctionApp()\n"
            "@app.queue_trigger(arg_name='msg', queue_name='abc', connection='Elsewhere')\n"
            "def work(msg: func.QueueMessage) -> None: ...\n",
            "no setting AzureWebJobsElsewhere or Elsewhere",
        ),
        (
            "import azure.functions as func\napp = func.FunctionApp()\n"
            "@app.blob_trigger(arg_name='blob', path='a/b', connection='AzureWebJobsStorage')\n"
            "def work(blob: func.InputStream) -> None: ...\n",
            "no trigger of the type blobTrigger",
        ),
    ],
)
def test_app_that_cannot_run_is_refused_with_the_reason(
    azurite: Azurite, tmp_path: Path, source: str | None, complaint: str
) -> None:
    """No functions, failed imports, missing settings and unknown triggers end the host with a line that says so."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    if source is not None:
        (tmp_path / "function_app.py").write_text(source)
    host = HostProcess(azurite, tmp_path)
    host.launch()
    assert host.process.wait(WAIT_SECONDS) == 1
    assert complaint in host.rest_of_log()


def test_settings_file_fills_the_environment_without_overriding_it(azurite: Azurite, tmp_path: Path) -> None:
    """Values of local.settings.json are there when the app is imported; what the environment has wins."""
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    values = {"FROM_FILE": "from-file", "FROM_BOTH": "file", "AzureFunctionsWebHost__hostid": "file"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    (tmp_path / "function_app.py").write_text(
        "import os\nimport azure.functions as func\n"
        "app = func.FunctionApp()\n"
        "value = os.environ['FROM_FILE'] + '-' + os.environ['FROM_BOTH']\n"
        "@app.route(route=value)\n"
        "def http(req: func.HttpRequest) -> str:\n    return value\n"
    )
    host = HostProcess(azurite, tmp_path, FROM_BOTH="environment")
    del host.settings["AzureFunctionsWebHost__hostid"]
    host.start()
    try:
        answer = requests.get(f"{host.url}/api/from-file-environment", timeout=10)
        assert answer.text == "from-file-environment"
        assert requests.get(f"{host.url}/admin/host/status", timeout=10).json()["id"] == "file"
    finally:
        assert host.stop() == 0
