"""App settings and host.json: what the host reads before it starts the app."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.errors import LocalError


class HostError(LocalError):
    """Something that the developer must put right before the host can start. Its text is for the terminal."""


@dataclass(frozen=True)
class QueueOptions:
    """host.json's `extensions.queues`, which applies to every queue trigger and queue output of the app."""

    batch_size: int
    new_batch_threshold: int
    max_dequeue_count: int
    visibility_timeout: timedelta
    max_polling_interval: timedelta
    base64: bool


@dataclass(frozen=True)
class HostOptions:
    """host.json. A `function_timeout` of None is none at all; `route_prefix` has no slash at its ends."""

    function_timeout: timedelta | None
    route_prefix: str
    queues: QueueOptions


def load_values(path: Path, environ: MutableMapping[str, str] | None = None) -> None:
    """Put the "Values" of a local.settings.json into the environment; what is set there already stays.

    Raises HostError when the file cannot be read, is encrypted, or holds a value that is no text.
    """
    environ = os.environ if environ is None else environ
    document = _read_json(path)
    if document.get("IsEncrypted"):
        raise HostError(
            f"{path}: encrypted settings cannot be read here; `func settings decrypt` makes them plain"
        )
    values = document.get("Values", {})
    if not isinstance(values, dict):
        raise HostError(f'{path}: "Values" must be an object of names and texts')
    for name, value in values.items():
        if not isinstance(value, str):
            raise HostError(f"{path}: the value of {name} must be a text, as app settings are")
        environ.setdefault(name, value)


def resolve(text: str, environ: Mapping[str, str], where: str) -> str:
    """`text` with each %NAME% replaced by that app setting. `where` is named in the HostError for a missing one."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environ:
            raise HostError(f"{where} is {text!r}, but there is no setting {name}")
        return environ[name]

    return re.sub(r"%([^%]+)%", value, text)


def is_disabled(function: str, environ: Mapping[str, str]) -> bool:
    """Whether the setting `AzureWebJobs.<function>.Disabled` (on Linux also with __) turns the function off."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs__{function}__Disabled")
    return any(environ.get(name, "").lower() in ("true", "1") for name in names)


def read_host_json(
    folder: Path, environ: Mapping[str, str] | None = None, processors: int | None = None
) -> HostOptions:
    """The options of the app in `folder`, settings `AzureFunctionsJobHost__a__b` before host.json's a.b.

    Raises HostError for what the host of Azure would refuse, and for queue options that do not exist, since a misspelt
    one would silently leave the default in force.
    """
    environ = os.environ if environ is None else environ
    path = folder / "host.json"
    document = _read_json(path)
    for name, value in environ.items():
        if name.startswith("AzureFunctionsJobHost__"):
            _put(document, name.split("__")[1:], value)
    if document.get("version") != "2.0":
        raise HostError(f'{path}: "version" must be "2.0"')
    extensions = document.get("extensions", {})
    timeout = document.get("functionTimeout", "00:30:00")
    return HostOptions(
        function_timeout=None if timeout == "-1" else _interval(timeout, "functionTimeout"),
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        queues=_queue_options(extensions.get("queues", {}), processors or os.process_cpu_count() or 1),
    )


def _queue_options(section: Mapping[str, Any], processors: int) -> QueueOptions:
    known = {
        "batchSize", "newBatchThreshold", "maxDequeueCount", "visibilityTimeout", "maxPollingInterval",
        "messageEncoding",
    }  # fmt: skip
    if unknown := sorted(set(section) - known):
        raise HostError(f"host.json: extensions.queues has no option {', '.join(unknown)}")

    def integer(name: str, default: int, lowest: int, highest: int = 2**31 - 1) -> int:
        try:
            value = int(section.get(name, default))
        except (TypeError, ValueError):
            value = lowest - 1
        if not lowest <= value <= highest:
            raise HostError(f"host.json: {name} must be a whole number from {lowest} to {highest}")
        return value

    batch_size = integer("batchSize", 16, 1, 32)
    encoding = str(section.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise HostError('host.json: messageEncoding must be "base64" or "none"')
    polling = _interval(section.get("maxPollingInterval", "00:01:00"), "maxPollingInterval")
    if polling < timedelta(milliseconds=100):
        raise HostError("host.json: maxPollingInterval must be 100 milliseconds or more")
    return QueueOptions(
        batch_size=batch_size,
        new_batch_threshold=integer("newBatchThreshold", batch_size // 2 * processors, 0),
        max_dequeue_count=integer("maxDequeueCount", 5, 1),
        visibility_timeout=_interval(section.get("visibilityTimeout", "00:00:00"), "visibilityTimeout"),
        max_polling_interval=polling,
        base64=encoding == "base64",
    )


def _interval(text: object, name: str) -> timedelta:
    """A .NET TimeSpan: [days.]hours:minutes:seconds[.fraction]."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d{1,7})?)", str(text))
    if not match or int(match[2]) > 23 or int(match[3]) > 59 or float(match[4]) >= 60:
        raise HostError(f"host.json: {name} must be hours:minutes:seconds, not {text!r}")
    days, hours, minutes, seconds = match.groups()
    return timedelta(days=int(days or 0), hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def _put(document: dict[str, Any], keys: list[str], value: str) -> None:
    for key in keys[:-1]:
        document = document.setdefault(key, {})
    document[keys[-1]] = value


def _read_json(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise HostError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise HostError(f"{path} must hold a JSON object")
    return document
