"""The app as Azure sees it: what Microsoft's own runtime makes of function_app.py, to the last binding, and host.json."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Indexes the app in a process of its own, since the runtime keeps what it found in globals. Prints what it told.
INDEX = """
import asyncio, json, sys
from types import SimpleNamespace
folder = sys.argv[1]
sys.path.insert(0, folder)
import azure_functions_runtime as runtime
from local.host.protos import P

def ask(name, **fields):
    request = SimpleNamespace(**{name: SimpleNamespace(**fields)})
    return getattr(runtime, name)(SimpleNamespace(request=request, properties={"protos": P, "host": "127.0.0.1"}))

async def index():
    answer = await ask("worker_init_request", capabilities={}, function_app_directory=folder)
    if answer.result.status != P.StatusResult.Success:
        raise SystemExit(answer.result.exception.message)
    answer = await ask("functions_metadata_request", function_app_directory=folder)
    return [
        {
            "name": found.name,
            "bindings": [json.loads(binding) for binding in found.raw_bindings],
            "retries": found.retry_options is not None,
        }
        for found in answer.function_metadata_results or []
    ]

runtime.start_threadpool_executor()
found = asyncio.run(index())
built = sys.modules["shared.wiring"].connector.cache_info().currsize
print("INDEX" + json.dumps({"functions": found, "built": built, "imported": sorted(sys.modules)}))
runtime.stop_threadpool_executor()
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the runtime says of the app, indexed without a single setting."""
    kept = ("PATH", "HOME", "SYSTEMROOT", "TEMP", "TMP")
    environment = {name: value for name, value in os.environ.items() if name.upper() in kept}
    done = subprocess.run(
        [sys.executable, "-c", INDEX, str(ROOT)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("INDEX"))
    found: dict[str, Any] = json.loads(line.removeprefix("INDEX"))
    return found


def test_the_index_is_exactly_this(told: dict[str, Any]) -> None:
    """Four functions: names, triggers, routes, methods, authorisation, schedules, queue and connection, no more bindings.

    Comparing the whole list, since an app that cannot be found is indexed "successfully" with no function at all.
    """
    assert told["functions"] == [
        {
            "name": "webhook_http",
            "bindings": [
                {
                    "direction": "IN",
                    "type": "httpTrigger",
                    "name": "req",
                    "methods": ["POST"],
                    "authLevel": "ANONYMOUS",
                    "route": "xero/webhook",
                },
                {"direction": "OUT", "type": "http", "name": "$return"},
            ],
            "retries": False,
        },
        {
            "name": "poll_timer",
            "bindings": [
                {"direction": "IN", "type": "timerTrigger", "name": "timer", "schedule": "%POLL_SCHEDULE%"}
            ],
            "retries": False,
        },
        {
            "name": "push_queue",
            "bindings": [
                {
                    "direction": "IN",
                    "type": "queueTrigger",
                    "name": "message",
                    "queueName": "push",
                    "connection": "AzureWebJobsStorage",
                }
            ],
            "retries": False,
        },
        {
            "name": "token_refresh_timer",
            "bindings": [
                {
                    "direction": "IN",
                    "type": "timerTrigger",
                    "name": "timer",
                    "schedule": "%TOKEN_REFRESH_SCHEDULE%",
                }
            ],
            "retries": False,
        },
    ]


def test_indexing_builds_no_client(told: dict[str, Any]) -> None:
    """A cold start connects to nothing and loads nothing of the laptop's: settings are read by the first run."""
    assert told["built"] == 0
    assert not {"commands", "local.cloud", "rich", "flask", "aiohttp"}.intersection(told["imported"])


@pytest.fixture(scope="module")
def host() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))
    return found


def test_one_message_at_a_time(host: dict[str, Any]) -> None:
    """batchSize 1 and newBatchThreshold 0 together make the queue strictly serial on an instance."""
    queues = host["extensions"]["queues"]
    assert (queues["batchSize"], queues["newBatchThreshold"]) == (1, 0)


def test_our_lines_reach_application_insights(host: dict[str, Any]) -> None:
    """The host exports by OpenTelemetry, our lines too, and nothing of it is sampled away; others tell of warnings."""
    assert host["telemetryMode"] == "OpenTelemetry"
    assert host["logging"]["logLevel"] == {
        "default": "Warning",
        "Function": "Information",
        "Host.Results": "Information",
    }
    # Not asked in this mode, but whoever takes the mode back loses no alarm.
    assert host["logging"]["applicationInsights"]["samplingSettings"] == {"isEnabled": False}


def test_a_message_is_seen_within_two_seconds(host: dict[str, Any]) -> None:
    """An idle listener looks every maxPollingInterval, whose default is a minute."""
    assert host["extensions"]["queues"]["maxPollingInterval"] in ("00:00:01", "00:00:02")


def test_messages_are_base64(host: dict[str, Any]) -> None:
    """As the connector writes them (tests/contract/test_storage.py): else each would be poisoned without a run."""
    assert host["extensions"]["queues"]["messageEncoding"] == "base64"


def test_a_crash_is_tried_often_and_not_at_once(host: dict[str, Any]) -> None:
    """Ten tries or more with a pause between: the default would burn five within seconds."""
    queues = host["extensions"]["queues"]
    assert queues["maxDequeueCount"] >= 10
    assert queues["visibilityTimeout"] >= "00:00:10"


def test_the_extension_bundle_is_of_version_4(host: dict[str, Any]) -> None:
    """The bundle holds the queue trigger; its range is the one that Microsoft names for these extensions."""
    assert host["version"] == "2.0"
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.0.0, 5.0.0)",
    }


def test_runs_end_before_the_host_ends_them(host: dict[str, Any]) -> None:
    """The functions stop by themselves with time to spare under functionTimeout."""
    import poll_timer
    import push_queue

    hours, minutes, seconds = map(int, host["functionTimeout"].split(":"))
    timeout = hours * 3600 + minutes * 60 + seconds
    for run in (poll_timer.RUN, push_queue.RUN):
        assert run.total_seconds() <= timeout / 2


def test_the_webhooks_address(host: dict[str, Any]) -> None:
    """What the operator gives to Xero: /api/xero/webhook."""
    assert host["extensions"]["http"]["routePrefix"] == "api"
