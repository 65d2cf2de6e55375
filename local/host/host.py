"""The host as a whole: reads host.json, indexes the app, starts a listener for each trigger, stops them again."""

import logging
import os
import platform
import re
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from local.host.execution import Execution, Running
from local.host.http import Endpoint, HttpTriggers
from local.host.outputs import QueueOutputs
from local.host.protos import RpcHttp, TypedData
from local.host.queue import QueueListener, poison_name
from local.host.routes import Route
from local.host.settings import HostError, is_disabled, read_host_json
from local.host.storage import Connections
from local.host.timer import Schedule, StatusBlob, TimerListener
from local.host.worker import Binding, Function, Outcome, Worker
from local.simulation import Served

log = logging.getLogger("local.host")


class Host:
    """Runs the app in `folder`. The settings must be in the environment already (see `settings.load_values`).

    port: 0 is any free one; `url` tells which. One host per process, as the worker's library keeps global state.
    """

    def __init__(self, folder: Path, port: int = 7071) -> None:
        self._folder = folder.resolve()
        self._port = port
        self._environ: Mapping[str, str] = os.environ
        self._worker = Worker(self._folder)
        self._running = Running()
        self._connections = Connections(self._environ)
        self._endpoints: list[Endpoint] = []
        self._queues: list[QueueListener] = []
        self._pools: list[ThreadPoolExecutor] = []
        self._timers: list[TimerListener] = []
        self._admin: dict[str, Callable[[str], object]] = {}
        self._served: Served | None = None
        self.host_id = host_id(self._folder, self._environ)

    @property
    def url(self) -> str:
        """Where HTTP is served, without a slash at the end; empty before `start`."""
        return self._served.url if self._served else ""

    def start(self) -> list[Function]:
        """Index the app and begin to listen: its functions. Raises HostError for what must be put right first."""
        self._options = read_host_json(self._folder, self._environ)
        functions = self._worker.start(self._environ)
        for function in functions:
            self._bind(function)
        application = HttpTriggers(self._endpoints, self._admin, self.host_id, self._running)
        try:
            self._served = Served(application, self._port)
        except SystemExit as error:
            # So ends werkzeug, after it has printed why.
            raise HostError(f"port {self._port} cannot be used") from error
        for queue in self._queues:
            queue.start()
        for timer in self._timers:
            timer.start()
        self._served.start()
        return functions

    def stop(self, patience: float = 30) -> int:
        """Listen no more and let running functions end: how many had not after `patience` seconds."""
        deadline = time.monotonic() + patience
        for queue in self._queues:
            queue.stop()
        for timer in self._timers:
            timer.stop()
        if self._served:
            self._served.stop()
        late = sum(not timer.join(max(deadline - time.monotonic(), 0)) for timer in self._timers)
        late += self._running.wait(max(deadline - time.monotonic(), 0))
        for pool in self._pools:
            pool.shutdown(wait=False)
        if not late:
            self._worker.stop()
        return late

    def describe(self, function: Function) -> str:
        """A line for the terminal: the function and what triggers it."""
        trigger = function.trigger
        kind = str(trigger["type"]).lower()
        if is_disabled(function.name, self._environ):
            return f"{function.name}: disabled"
        if kind == "httptrigger":
            methods = ",".join(str(method) for method in trigger.get("methods") or ["any method"])
            return f"{function.name}: {methods} {self.url}/{self._template(function)}"
        return f"{function.name}: {trigger.get('queueName') or trigger.get('schedule')}"

    def _bind(self, function: Function) -> None:
        execution = Execution(function, self._invoke, self._outputs(function))
        kind = str(function.trigger["type"]).lower()
        binds = {
            "httptrigger": self._bind_http,
            "queuetrigger": self._bind_queue,
            "timertrigger": self._bind_timer,
        }.get(kind)
        if binds is None:
            raise HostError(
                f"{function.name}: this host knows no trigger of the type {function.trigger['type']}"
            )
        binds(function, execution, not is_disabled(function.name, self._environ))

    def _bind_http(self, function: Function, execution: Execution, enabled: bool) -> None:
        route = Route(self._template(function))
        methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or [])
        if enabled:
            self._endpoints.append(Endpoint(route, methods, execution))

        def start(text: str) -> Outcome:
            request = RpcHttp(
                method="POST",
                url=f"{self.url}/admin/functions/{function.name}",
                headers={"content-type": "text/plain; charset=utf-8"},
                query={},
                params={},
                body=TypedData(bytes=text.encode()) if text else TypedData(),
            )
            return execution.run(TypedData(http=request))

        self._admin[function.name.lower()] = start

    def _bind_queue(self, function: Function, execution: Execution, enabled: bool) -> None:
        trigger = function.trigger
        name, connection = str(trigger["queueName"]).lower(), str(trigger.get("connection") or "")
        binary = str(trigger.get("dataType", "")).lower() == "binary"
        poison = poison_name(name)
        options = self._options.queues
        if enabled:
            pool = ThreadPoolExecutor(options.batch_size + options.new_batch_threshold, f"queue {name}")
            listener = QueueListener(
                self._connections.queue(connection, name),
                self._connections.queue(connection, poison) if poison else None,
                options,
                lambda data, metadata: execution.run(data, metadata).succeeded,
                lambda task: self._spawn(pool, task),
                binary=binary,
                notify=self._notify,
            )
            self._pools.append(pool)
            self._queues.append(listener)

        def start(text: str) -> Outcome:
            metadata = {"QueueTrigger": TypedData(string=text), "Id": TypedData(string=str(uuid.uuid4()))}
            data = TypedData(bytes=text.encode()) if binary else TypedData(string=text)
            return execution.run(data, {**metadata, "DequeueCount": TypedData(json="0")})

        self._admin[function.name.lower()] = start

    def _bind_timer(self, function: Function, execution: Execution, enabled: bool) -> None:
        trigger = function.trigger
        schedule = Schedule(str(trigger["schedule"]), f"schedule of {function.name}")
        monitored = trigger.get("useMonitor") is not False and not schedule.is_too_quick(datetime.now(UTC))
        store = None
        if monitored and enabled:
            container = self._connections.container("", StatusBlob.CONTAINER)
            store = StatusBlob(container, self.host_id, function.name)
        listener = TimerListener(
            function.name,
            schedule,
            execution.run,
            store,
            lambda: datetime.now(UTC),
            run_on_startup=bool(trigger.get("runOnStartup")),
        )
        if enabled:
            self._timers.append(listener)
        self._admin[function.name.lower()] = lambda text: execution.run(listener.data())

    def _outputs(self, function: Function) -> QueueOutputs:
        queues = {}
        for binding in function.outputs:
            if binding["type"] == "queue":
                name, connection = str(binding["queueName"]).lower(), str(binding.get("connection") or "")
                queues[str(binding["name"])] = self._connections.queue(connection, name)
            elif binding["type"] != "http":
                raise HostError(f"{function.name}: this host knows no output of the type {binding['type']}")
        for binding in function.bindings:
            if binding is not function.trigger and binding not in function.outputs:
                raise HostError(f"{function.name}: this host knows no input of the type {binding['type']}")
        return QueueOutputs(queues, self._options.queues.base64, self._notify)

    def _invoke(self, function: Function, data: TypedData, metadata: Mapping[str, TypedData]) -> Outcome:
        timeout = self._options.function_timeout
        return self._worker.invoke(function, data, metadata, timeout.total_seconds() if timeout else None)

    def _notify(self, queue: str) -> None:
        for listener in self._queues:
            if listener.queue_name == queue:
                listener.wake()

    def _spawn(self, pool: ThreadPoolExecutor, task: Callable[[], None]) -> None:
        def work() -> None:
            try:
                task()
            finally:
                self._running.leave()

        self._running.enter()
        pool.submit(work)

    def _template(self, function: Function) -> str:
        trigger: Binding = function.trigger
        route = str(trigger.get("route") or function.name).strip("/")
        return f"{self._options.route_prefix}/{route}".strip("/")


def host_id(folder: Path, environ: Mapping[str, str]) -> str:
    """Under which name this host keeps its blobs: the setting AzureFunctionsWebHost__hostid, or the machine and folder.

    At most 32 characters, lower case.
    """
    if chosen := environ.get("AzureFunctionsWebHost__hostid"):
        return chosen.lower()[:32]
    machine = re.sub(r"[^a-z0-9]", "", platform.node().lower())[:20]
    return f"{machine}-{zlib.crc32(str(folder).encode())}".strip("-")
