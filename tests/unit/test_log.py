"""Log lines: what they look like, and what is never in them."""

import logging
import re
from datetime import UTC, datetime
from threading import Thread

import pytest

from shared import log
from shared.errors import LimitReached, Refused

logger = logging.getLogger("test")
TRACE = "0af7651916cd43dd8448eb211c80319c"


def test_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """Fixed words, then pairs in the order given; what is nothing is left out, and odd text is quoted."""
    caplog.set_level(logging.INFO)
    log.event(
        logger,
        "push ended",
        operation=TRACE,
        dataset="default",
        organisation="",
        cause=None,
        rows=0,
        seconds=1.23456,
        since=datetime(2026, 11, 23, 9, tzinfo=UTC),
        where='a b\n100% "x" é',
    )
    assert caplog.messages == [
        f"push ended operation={TRACE} dataset=default rows=0 seconds=1.23 since=2026-11-23T09:00:00Z "
        'where="a b\\n100% \\"x\\" é"'
    ]
    [record] = caplog.records
    assert (record.levelno, record.event, record.rows) == (logging.INFO, "push ended", 0)  # type: ignore[attr-defined]


def test_what_all_lines_of_a_run_say(caplog: pytest.LogCaptureFixture) -> None:
    """A run's own pairs are on each of its lines, until its end, and on no other thread's."""
    with log.run(invocation="i-1"):
        log.event(logger, "one", level=logging.WARNING, ids=2)
        other = Thread(target=lambda: log.event(logger, "elsewhere", level=logging.WARNING))
        other.start()
        other.join()
    log.event(logger, "two", level=logging.WARNING)
    assert caplog.messages == ["one invocation=i-1 ids=2", "elsewhere", "two"]


def test_the_words_of_an_error_stay_out() -> None:
    """Of an error a line tells the kind, status, limit and place, since its words may quote a record or a vendor."""
    try:
        raise Refused("the contact Marta Ödegård", status=403, vendor_words="Marta")
    except Refused as error:
        said = log.cause(error)
    assert "Marta" not in str(said)
    assert (said["cause"], said["status"]) == ("Refused", 403)
    assert re.fullmatch(r"test_log\.py:\d+", str(said["at"]))
    assert log.cause(LimitReached("", limit="day", seconds=1))["limit"] == "day"


@pytest.mark.parametrize(
    "trace_parent",
    [
        "",
        None,
        "00-zzz",
        f"00-{TRACE}",
        f"00-{TRACE[1:]}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
    ],
)
def test_an_invocation_without_a_trace(trace_parent: str | None) -> None:
    """Without a valid trace id the operation is a new one."""
    first, second = log.operation_of(trace_parent), log.operation_of(trace_parent)
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first != second


def test_the_operation_is_the_trace_id() -> None:
    """The operation is the trace id of the invocation's traceparent, by which the host's telemetry goes."""
    assert log.operation_of(f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE
    assert log.operation_of(f"cc-{TRACE}-00f067aa0ba902b7-00-more") == TRACE


def test_vendors_libraries_are_quiet() -> None:
    """Their lines about each request, which hold headers, are not written; warnings are."""
    log.quieten()
    for name in (
        "azure.core.pipeline.policies.http_logging_policy",
        "azure.identity._internal.decorators",
        "msal.application",
        "urllib3.connectionpool",
    ):
        assert not logging.getLogger(name).isEnabledFor(logging.INFO)
        assert logging.getLogger(name).isEnabledFor(logging.WARNING)
