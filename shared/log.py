"""Log lines: fixed words, then key=value pairs. Ids, counts, codes and durations; nothing that tells of the books, no error's
words, which may quote a record: those are in the audit, under the operation that every line names.

The host of Azure Functions passes on a line's text and nothing beside it, so that the text is what can be queried.
"""

import json
import logging
import re
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path

type Pair = str | int | float | datetime | None

_PLAIN = re.compile(r"[A-Za-z0-9_.:/+-]+")
# W3C trace context: version, trace id, parent id, flags.
_TRACE_PARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*")
# They tell of every request, with headers, at INFO.
TALKATIVE = ("azure", "msal", "requests", "urllib3")

_run: ContextVar[dict[str, Pair] | None] = ContextVar("run", default=None)


def event(logger: logging.Logger, words: str, /, *, level: int = logging.INFO, **pairs: Pair) -> None:
    """One line, with what all lines of this run say. Pairs of nothing ("" or None) are left out.

    The pairs are attributes of the log record, too, for exporters that pass them on.
    """
    said = {name: value for name, value in ((_run.get() or {}) | pairs).items() if value not in ("", None)}
    text = " ".join([words, *(f"{name}={_shown(value)}" for name, value in said.items())])
    # A per cent sign in the text is no placeholder as long as there are no arguments.
    logger.log(level, text, extra=said | {"event": words}, stacklevel=2)


@contextmanager
def run(**pairs: Pair) -> Iterator[None]:
    """What every line says until the end, in this thread and those that are given its context."""
    token = _run.set((_run.get() or {}) | pairs)
    try:
        yield
    finally:
        _run.reset(token)


def cause(error: BaseException) -> dict[str, Pair]:
    """What a line may say of an error: its kind, the vendor's status or limit, and where in the code it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "cause": type(error).__name__,
        "status": getattr(error, "status", None),
        "limit": getattr(error, "limit", None),
        "at": f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else None,
    }


def operation_of(trace_parent: str | None) -> str:
    """The operation of an invocation: its trace id, by which the host's own telemetry goes, or a new one."""
    found = _TRACE_PARENT.fullmatch(trace_parent or "")
    trace_id = found[1] if found else ""
    return trace_id if trace_id.strip("0") else uuid.uuid4().hex


def quieten() -> None:
    """Have the vendors' libraries tell of warnings only."""
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _shown(value: Pair) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """A text as JSON, with whatever some viewer would take for a new line or obey written as an escape."""
    quoted = json.dumps(text, ensure_ascii=False)
    if quoted.isprintable():
        return quoted
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in quoted)
