"""The worker's contract with the runtime library, which a small module stands for here."""

import asyncio
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.host.protos import P, ParameterBinding, TypedData
from local.host.settings import HostError
from local.host.worker import Worker

QUEUE = {"direction": "IN", "type": "queueTrigger", "name": "msg", "queueName": "%WORK%"}
OUTPUT = {"direction": "OUT", "type": "queue", "name": "out", "queueName": "results"}
SUCCESS = P.StatusResult(status=P.StatusResult.Success)


class Runtime:
    """Answers as azure_functions_runtime does, with one function."""

    def __init__(self) -> None:
        self.capabilities: dict[str, str] = {}
        self.retry_options: object = None
        self.requests: list[Any] = []
        self.answer: Any = None
        self.executor = ThreadPoolExecutor(1)

    def start_threadpool_executor(self) -> None: ...

    def get_threadpool_executor(self) -> ThreadPoolExecutor:
        return self.executor

    async def worker_init_request(self, message: Any) -> Any:
        return P.WorkerInitResponse(result=SUCCESS, capabilities=self.capabilities)

    async def functions_metadata_request(self, message: Any) -> Any:
        metadata = P.RpcFunctionMetadata(
            name="work",
            function_id="id1",
            raw_bindings=[json.dumps(OUTPUT), json.dumps(QUEUE)],
            retry_options=self.retry_options,
        )
        return P.FunctionMetadataResponse(result=SUCCESS, function_metadata_results=[metadata])

    async def function_load_request(self, message: Any) -> Any:
        return P.FunctionLoadResponse(result=SUCCESS)

    async def invocation_request(self, message: Any) -> Any:
        self.requests.append(message.request.invocation_request)
        if self.answer is None:
            await asyncio.Event().wait()
        return self.answer


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    stand_in = Runtime()
    monkeypatch.setitem(sys.modules, "azure_functions_runtime", stand_in)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return stand_in


@pytest.fixture
def worker(runtime: Runtime, tmp_path: Path) -> Iterator[Worker]:
    made = Worker(tmp_path)
    yield made
    made.stop()


def test_functions_have_their_settings_filled_in(worker: Worker, tmp_path: Path) -> None:
    """The trigger is found by its type, not its place, and %SETTING% is replaced."""
    [function] = worker.start({"WORK": "jobs"})
    assert (function.name, function.id) == ("work", "id1")
    assert function.trigger["queueName"] == "jobs"
    assert [output["name"] for output in function.outputs] == ["out"]
    assert sys.path[0] == str(tmp_path)


def test_run_gives_the_trigger_and_returns_what_was_set(worker: Worker, runtime: Runtime) -> None:
    """Only the trigger's parameter is sent, with its metadata; outputs and return value come back by name."""
    [function] = worker.start({"WORK": "jobs"})
    runtime.answer = P.InvocationResponse(
        result=SUCCESS,
        return_value=TypedData(string="back"),
        output_data=[ParameterBinding(name="out", data=TypedData(string="x"))],
    )
    outcome = worker.invoke(function, TypedData(string="body"), {"Id": TypedData(string="7")})
    assert outcome.succeeded
    assert {name: value.string for name, value in outcome.values.items()} == {"out": "x", "$return": "back"}
    [request] = runtime.requests
    assert request.function_id == "id1"
    assert [(given.name, given.data.string) for given in request.input_data] == [("msg", "body")]
    assert request.trigger_metadata["Id"].string == "7"
    assert request.trace_context.trace_parent.count("-") == 3


def test_failure_carries_the_exceptions_text(worker: Worker, runtime: Runtime) -> None:
    """A failed answer has no outputs to look for, only its exception."""
    [function] = worker.start({"WORK": "jobs"})
    exception = P.RpcException(message="ValueError: wrong", stack_trace="the trace")
    runtime.answer = P.InvocationResponse(
        result=P.StatusResult(status=P.StatusResult.Failure, exception=exception)
    )
    outcome = worker.invoke(function, TypedData(), {})
    assert (outcome.succeeded, outcome.error, outcome.stack_trace) == (
        False,
        "ValueError: wrong",
        "the trace",
    )


def test_run_longer_than_the_function_timeout_has_failed(worker: Worker, runtime: Runtime) -> None:
    """functionTimeout ends the wait for a run, which then counts as failed."""
    [function] = worker.start({"WORK": "jobs"})
    outcome = worker.invoke(function, TypedData(), {}, timeout=0.01)
    assert outcome.error == "TimeoutError: longer than the functionTimeout of 0.01 s"


def test_what_this_host_cannot_do_is_refused(worker: Worker, runtime: Runtime) -> None:
    """A retry policy would silently not be carried out, so it is an error."""
    runtime.retry_options = SimpleNamespace(max_retry_count=3)
    with pytest.raises(HostError, match="work has a retry policy"):
        worker.start({"WORK": "jobs"})


def test_http_streaming_is_refused(worker: Worker, runtime: Runtime) -> None:
    """An app that streams HTTP would get no requests here, so it is an error."""
    runtime.capabilities = {"HttpUri": "http://127.0.0.1:1"}
    with pytest.raises(HostError, match="HTTP streaming"):
        worker.start({"WORK": "jobs"})
