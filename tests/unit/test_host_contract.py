"""host.json, settings and bindings against docs/host-contract.md: a check for each row of that page."""

import ast
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import azure.functions as func
import msgspec
import pytest

import function_app
from shared.state import messages

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "host-contract.md").read_text("utf-8")
RULES = re.findall(r"^\| ([a-z-]+) \| ", PAGE, re.MULTILINE)
# The host's own triggers and those of the extension bundle that this app may use.
TRIGGERS = {"httpTrigger", "timerTrigger", "queueTrigger"}
SECTIONS = {"version", "extensionBundle", "functionTimeout", "extensions", "logging", "telemetryMode"}
QUEUE_OPTIONS = {
    *("batchSize", "newBatchThreshold", "maxDequeueCount"),
    *("visibilityTimeout", "maxPollingInterval", "messageEncoding"),
}
# What the host knows of a queue message by itself.
METADATA = {
    *("queuetrigger", "id", "dequeuecount", "insertiontime"),
    *("expirationtime", "nextvisibletime", "popreceipt", "sys"),
}
# Learn, "Flex Consumption plan deprecations".
REFUSED = {
    *("ENABLE_ORYX_BUILD", "FUNCTIONS_EXTENSION_VERSION", "FUNCTIONS_WORKER_RUNTIME"),
    *("FUNCTIONS_WORKER_RUNTIME_VERSION", "FUNCTIONS_MAX_HTTP_CONCURRENCY"),
    *("FUNCTIONS_WORKER_PROCESS_COUNT", "FUNCTIONS_WORKER_DYNAMIC_CONCURRENCY_ENABLED"),
    *("SCM_DO_BUILD_DURING_DEPLOYMENT", "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING"),
    *("WEBSITE_CONTENTOVERVNET", "WEBSITE_CONTENTSHARE", "WEBSITE_DNS_SERVER"),
    *("WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT", "WEBSITE_NODE_DEFAULT_VERSION"),
    *("WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_SKIP_CONTENTSHARE_VALIDATION", "WEBSITE_VNET_ROUTE_ALL"),
    *("WEBSITE_TIME_ZONE", "TZ", "WEBSITE_LOAD_CERTIFICATES"),
}

HOST: dict[str, Any] = json.loads((ROOT / "host.json").read_text("utf-8"))
QUEUES: dict[str, Any] = HOST["extensions"]["queues"]
LOCAL: dict[str, Any] = json.loads((ROOT / "local.settings.example.json").read_text("utf-8"))
BICEP = "\n".join(file.read_text("utf-8") for file in (ROOT / "infra").rglob("*.bicep"))
FUNCTIONS = function_app.app.get_functions()


def bindings(function: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(str(function))["bindings"]
    return found


def triggers() -> Iterator[tuple[str, dict[str, Any]]]:
    for function in FUNCTIONS:
        yield str(function.get_function_name()), bindings(function)[0]


def seconds(text: str) -> float:
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d(?:\.\d+)?)", text)
    assert match, text
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3])


def host_known() -> None:
    assert set(HOST) <= SECTIONS
    assert set(HOST["extensions"]) <= {"queues", "http"}
    assert set(QUEUES) <= QUEUE_OPTIONS


def host_bundle() -> None:
    bundle = HOST["extensionBundle"]
    assert bundle == {"id": "Microsoft.Azure.Functions.ExtensionBundle", "version": "[4.0.0, 5.0.0)"}


def queue_encoding() -> None:
    assert QUEUES["messageEncoding"] == "base64"
    assert "TextBase64EncodePolicy" in (ROOT / "shared" / "storage_azure.py").read_text("utf-8")


def settings_shape() -> None:
    assert LOCAL["IsEncrypted"] is False
    assert LOCAL["Values"]
    assert all(isinstance(value, str) for value in LOCAL["Values"].values())


def settings_runtime() -> None:
    assert LOCAL["Values"]["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert "FUNCTIONS_WORKER_RUNTIME" not in BICEP


def settings_storage() -> None:
    assert LOCAL["Values"]["AzureWebJobsStorage"]
    for suffix in ("credential", "clientId", "blobServiceUri", "queueServiceUri", "tableServiceUri"):
        assert re.search(rf"^ +AzureWebJobsStorage__{suffix}: ", BICEP, re.MULTILINE), suffix


def settings_referred() -> None:
    referred = {name for _, trigger in triggers() for name in re.findall(r"%(\w+)%", json.dumps(trigger))}
    assert referred
    for name in referred:
        assert name in LOCAL["Values"]
        assert re.search(rf"^ +{name}: ", BICEP, re.MULTILINE), name


def app_file() -> None:
    assert (ROOT / "function_app.py").is_file()
    assert not list(ROOT.glob("*/function.json"))


def app_one() -> None:
    named = [name for name, value in vars(function_app).items() if isinstance(value, func.FunctionApp)]
    assert named == ["app"]


def function_names() -> None:
    names = [str(function.get_function_name()) for function in FUNCTIONS]
    assert len(names) == len({name.lower() for name in names}) == 4
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]{0,126}", name) for name in names)


def function_trigger() -> None:
    for function in FUNCTIONS:
        kinds = [each["type"] for each in bindings(function) if str(each["type"]).endswith("Trigger")]
        assert len(kinds) == 1
        assert kinds[0] in TRIGGERS


def function_parameters() -> None:
    for function in FUNCTIONS:
        bound = {each["name"] for each in bindings(function)} - {"$return"}
        taken = set(inspect.signature(function.get_user_function()).parameters) - {"context"}
        assert bound == taken


def function_return() -> None:
    returning = {
        function.get_function_name()
        for function in FUNCTIONS
        for each in bindings(function)
        if each["name"] == "$return"
    }
    assert returning == {"webhook_http"}
    for function in FUNCTIONS:
        annotation = inspect.signature(function.get_user_function()).return_annotation
        expected = func.HttpResponse if function.get_function_name() in returning else None
        assert annotation is expected, function.get_function_name()


def http_auth() -> None:
    doors = [(name, each) for name, each in triggers() if each["type"] == "httpTrigger"]
    assert [(name, str(each["authLevel"]), each["methods"]) for name, each in doors] == [
        ("webhook_http", "ANONYMOUS", ["POST"])
    ]


def timer_schedule() -> None:
    names = [each["schedule"] for _, each in triggers() if each["type"] == "timerTrigger"]
    assert len(names) == 2
    for name in names:
        assert len(LOCAL["Values"][name.strip("%")].split()) == 6


def timer_start() -> None:
    assert not any(each.get("runOnStartup") for _, each in triggers())


def queue_names() -> None:
    queues = [each["queueName"] for _, each in triggers() if each["type"] == "queueTrigger"]
    assert queues == [messages.QUEUE]
    assert f"{messages.QUEUE}-poison" == messages.POISON
    for name in (messages.QUEUE, messages.POISON):
        assert re.fullmatch(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*", name)


def message_fields() -> None:
    for kind in (messages.Ids, messages.Wake, messages.Request):
        named = {field.encode_name.lower() for field in msgspec.structs.fields(kind)}
        assert not named & METADATA, kind.__name__


def environment() -> None:
    named = set(re.findall(r"^ +'?([A-Z][A-Z_]+)'?: ", BICEP, re.MULTILINE))
    assert len(named) > 5
    assert not named & REFUSED


CHECKS: dict[str, Callable[[], None]] = {
    "host-version": lambda: _is(HOST["version"], "2.0"),
    "host-bundle": host_bundle,
    "host-known": host_known,
    "host-timeout": lambda: _within(seconds(HOST["functionTimeout"]), 1, 1800),
    "queue-serial": lambda: _is((QUEUES["batchSize"], QUEUES["newBatchThreshold"]), (1, 0)),
    "queue-tries": lambda: _within(
        seconds(QUEUES["visibilityTimeout"]) * QUEUES["maxDequeueCount"], 60, 3600
    ),
    "queue-idle": lambda: _within(seconds(QUEUES["maxPollingInterval"]), 0.1, 60),
    "queue-encoding": queue_encoding,
    "route-prefix": lambda: _is(HOST["extensions"]["http"]["routePrefix"], "api"),
    "settings-shape": settings_shape,
    "settings-runtime": settings_runtime,
    "settings-storage": settings_storage,
    "settings-referred": settings_referred,
    "app-file": app_file,
    "app-one": app_one,
    "function-names": function_names,
    "function-trigger": function_trigger,
    "function-parameters": function_parameters,
    "function-return": function_return,
    "http-auth": http_auth,
    "timer-schedule": timer_schedule,
    "timer-start": timer_start,
    "queue-names": queue_names,
    "message-fields": message_fields,
    "environment": environment,
}


def _is(found: Any, wanted: Any) -> None:
    assert found == wanted


def _within(found: float, lowest: float, highest: float) -> None:
    assert lowest <= found <= highest


def test_every_rule_has_its_check() -> None:
    """The page and the checks name the same rules, in the same order."""
    assert len(RULES) > 20
    assert list(CHECKS) == RULES


@pytest.mark.parametrize("rule", RULES)
def test_the_app_keeps_the_rule(rule: str) -> None:
    """The app, its host.json, its settings and its Bicep are as the row of the page says."""
    CHECKS[rule]()


def test_no_function_reads_a_message_by_its_metadata() -> None:
    """What is known of a message stands in its body: the host's own would be replaced by a field of the same name."""
    tree = ast.parse((ROOT / "push_queue" / "__init__.py").read_text("utf-8"))
    read = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert "get_body" in read
    assert not read & {"id", "dequeue_count", "insertion_time", "pop_receipt"}
