"""The Python worker: indexes the app and runs its functions through Microsoft's azure-functions-runtime 1.3.0."""

import asyncio
import concurrent.futures
import importlib
import json
import os
import sys
import threading
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.host.protos import P, ParameterBinding, TypedData
from local.host.settings import HostError, resolve

type Binding = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """A function as the runtime indexed it. In `bindings`, the decorators' JSON, settings are filled in."""

    name: str
    id: str
    bindings: tuple[Binding, ...]

    @property
    def trigger(self) -> Binding:
        return next(binding for binding in self.bindings if str(binding["type"]).lower().endswith("trigger"))

    @property
    def outputs(self) -> list[Binding]:
        return [binding for binding in self.bindings if str(binding["direction"]).lower() == "out"]


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `values` holds the outputs that were set, by the binding's name, `$return` among them."""

    error: str | None = None
    stack_trace: str = ""
    values: Mapping[str, TypedData] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.error is None


class Worker:
    """The runtime library and the event loop that it runs in. One per process: the library keeps global state."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="worker", daemon=True)
        self._runtime: Any = None

    def start(self, environ: Mapping[str, str] | None = None) -> list[Function]:
        """Import and index the app; its functions, in the order of the file.

        Raises HostError with the runtime's own message when indexing fails, and when there are no functions, which
        the runtime takes for a success.
        """
        environ = os.environ if environ is None else environ
        sys.path.insert(0, str(self._folder))
        # Imported this late because the app settings must be in the environment before anything of the app is imported.
        self._runtime = importlib.import_module("azure_functions_runtime")
        self._runtime.start_threadpool_executor()
        self._thread.start()
        folder = str(self._folder)
        answer = self._ask("worker_init_request", capabilities={}, function_app_directory=folder)
        if answer.result.status != P.StatusResult.Success:
            raise HostError(f"the app in {folder} cannot be indexed: {answer.result.exception.message}")
        if "HttpUri" in answer.capabilities:
            raise HostError("the app uses HTTP streaming, which this host does not offer")
        answer = self._ask("functions_metadata_request", function_app_directory=folder)
        found = answer.function_metadata_results or []
        if not found:
            script = environ.get("PYTHON_SCRIPT_FILE_NAME", "function_app.py")
            raise HostError(
                f"no functions found: there is no {script} in {folder}, or it registers no function"
            )
        functions = [_function(metadata, environ) for metadata in found]
        for function, metadata in zip(functions, found, strict=True):
            self._ask("function_load_request", function_id=function.id, metadata=metadata)
        return functions

    def invoke(
        self,
        function: Function,
        data: TypedData,
        metadata: Mapping[str, TypedData],
        timeout: float | None = None,
    ) -> Outcome:
        """Run the function to its end. After `timeout` seconds the run counts as failed, though its thread runs on."""
        invocation = str(uuid.uuid4())
        running = self._begin(
            "invocation_request",
            invocation_id=invocation,
            function_id=function.id,
            input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=dict(metadata),
            trace_context=SimpleNamespace(
                trace_parent=f"00-{uuid.uuid4().hex}-{uuid.uuid4().hex[:16]}-00",
                trace_state="",
                attributes={},
            ),
            retry_context=SimpleNamespace(retry_count=0, max_retry_count=0, exception=None),
        )
        try:
            answer = running.result(timeout)
        except concurrent.futures.TimeoutError:
            return Outcome(f"TimeoutError: longer than the functionTimeout of {timeout:g} s")
        if answer.result.status != P.StatusResult.Success:
            return Outcome(answer.result.exception.message, answer.result.exception.stack_trace)
        values = {output.name: output.data for output in answer.output_data if output.data is not None}
        if answer.return_value is not None:
            values["$return"] = answer.return_value
        return Outcome(values=values)

    def stop(self) -> None:
        """End the event loop, and the threads that run nothing."""
        if self._thread.is_alive():
            self._runtime.get_threadpool_executor().shutdown(wait=False)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _begin(self, name: str, **fields: Any) -> concurrent.futures.Future[Any]:
        message = SimpleNamespace(
            request=SimpleNamespace(**{name: SimpleNamespace(**fields)}),
            properties={"protos": P, "host": "127.0.0.1"},
        )
        coroutine: Coroutine[Any, Any, Any] = getattr(self._runtime, name)(message)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _ask(self, name: str, **fields: Any) -> Any:
        return self._begin(name, **fields).result()


def _function(metadata: Any, environ: Mapping[str, str]) -> Function:
    if metadata.retry_options is not None:
        raise HostError(f"{metadata.name} has a retry policy, which this host does not carry out")
    bindings = []
    for text in metadata.raw_bindings:
        binding = json.loads(text)
        for key, value in binding.items():
            if isinstance(value, str):
                binding[key] = resolve(value, environ, f"{key} of {metadata.name}")
        bindings.append(binding)
    return Function(metadata.name, metadata.function_id, tuple(bindings))
