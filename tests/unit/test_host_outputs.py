"""Queue outputs, and what the host of Azure makes of their texts."""

import base64
import logging
from collections.abc import Mapping

import pytest

from local.host.execution import Execution
from local.host.json_net import indented, scalar
from local.host.outputs import QueueOutputs, messages
from local.host.protos import TypedData
from local.host.storage import Message
from local.host.worker import Function, Outcome


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (TypedData(string="plain"), ["plain"]),
        (TypedData(string=" {} x"), [" {} x"]),
        (TypedData(string='{"a":1,"b":[]}'), ['{\n  "a": 1,\n  "b": []\n}']),
        (
            TypedData(string='["x", 7, true, null, 1.0, {"a": "é"}]'),
            ["x", "7", "True", "", "1", '{\n  "a": "é"\n}'],
        ),
        (TypedData(json='["{\\"a\\":1}", "x"]'), ['{"a":1}', "x"]),
        (TypedData(json='{"id": null, "body": "x"}'), ['{\n  "id": null,\n  "body": "x"\n}']),
        (TypedData(bytes=b'{"a":1}'), ['{"a":1}']),
    ],
)
def test_output_becomes_messages_as_in_azure(value: TypedData, expected: list[str]) -> None:
    """Arrays are split, objects indented, lists and bytes kept."""
    assert [message.decode() for message in messages(value)] == expected


@pytest.mark.parametrize("value", [TypedData(string="[not json]"), TypedData(int=1)])
def test_output_that_is_no_message_is_an_error(value: TypedData) -> None:
    """A text that only looks like JSON is not sent as it is."""
    with pytest.raises(ValueError, match=r"."):
        messages(value)


def test_dates_are_written_anew() -> None:
    """Json.NET shortens fractions, moves offsets to UTC and knows Microsoft's own dates, which Xero sends."""
    dates = {
        "short": "2026-11-22T13:00:00.1200Z",
        "offset": "2026-11-22T13:00:00+13:00",
        "bare": "2026-11-22T13:00:00",
        "xero": "/Date(1543276800120+0000)/",
        "utc": "/Date(-1000)/",
        "day": "2026-11-22",
        "no date": "2026-13-22T13:00:00",
    }
    assert indented(dates) == (
        '{\n  "short": "2026-11-22T13:00:00.12Z",\n  "offset": "2026-11-22T00:00:00+00:00",\n'
        '  "bare": "2026-11-22T13:00:00",\n  "xero": "2018-11-27T00:00:00.12+00:00",\n'
        '  "utc": "1969-12-31T23:59:59Z",\n  "day": "2026-11-22",\n  "no date": "2026-13-22T13:00:00"\n}'
    )
    assert scalar("2026-11-22T13:00:00Z") == "11/22/2026 13:00:00"
    assert scalar(2.5) == "2.5"


class Sent:
    def __init__(self, name: str) -> None:
        self.name = name
        self.texts: list[str] = []

    def send(self, text: str) -> None:
        if text == "full":
            raise OSError("no room")
        self.texts.append(text)

    def receive(self, count: int, visibility: int) -> list[Message]:
        return []

    def delete(self, message_id: str, pop_receipt: str) -> None: ...

    def hide(self, message_id: str, pop_receipt: str, visibility: int) -> str:
        return ""


def test_outputs_are_encoded_and_announced() -> None:
    """Each output goes to its queue in host.json's encoding, and the listener of that queue is told."""
    one, two = Sent("one"), Sent("two")
    told: list[str] = []
    outcome = Outcome(values={"a": TypedData(string="x")})
    QueueOutputs({"a": one, "b": two}, True, told.append).write(outcome)
    QueueOutputs({"a": two}, False, told.append).write(outcome)
    assert one.texts == [base64.b64encode(b"x").decode()]
    assert two.texts == ["x"]
    assert told == ["one", "two"]


def test_run_is_logged_and_a_failed_output_fails_it(caplog: pytest.LogCaptureFixture) -> None:
    """The log has function, outcome and time of each run; a failed run writes no output."""
    queue = Sent("one")
    outcomes = [
        Outcome(values={"a": TypedData(string="x")}),
        Outcome(values={"a": TypedData(string="full")}),
        Outcome("ValueError: wrong", "the trace", {"a": TypedData(string="never")}),
    ]
    given: list[TypedData] = []

    def invoke(function: Function, data: TypedData, metadata: Mapping[str, TypedData]) -> Outcome:
        given.append(data)
        return outcomes[len(given) - 1]

    times = iter([0.0, 0.012, 1.0, 1.001, 2.0, 2.5])
    execution = Execution(
        Function("work", "1", ()),
        invoke,
        QueueOutputs({"a": queue}, False, lambda name: None),
        lambda: next(times),
    )
    with caplog.at_level(logging.INFO, "local.host"):
        succeeded = [execution.run(TypedData()).succeeded for _ in range(3)]
    assert succeeded == [True, False, False]
    assert queue.texts == ["x"]
    assert caplog.messages == [
        "work succeeded in 12 ms",
        "work failed in 1 ms: the output cannot be written: OSError: no room",
        "work failed in 500 ms: ValueError: wrong\nthe trace",
    ]


def test_typed_data_holds_one_value() -> None:
    """The stand-in for the gRPC message behaves as the runtime needs it."""
    value = TypedData(string="")
    assert value.WhichOneof("data") == "string"
    assert TypedData().WhichOneof("data") is None
    assert value.json is None
    assert not hasattr(value, "TypedData")
    with pytest.raises(ValueError, match="string and json"):
        TypedData(string="a", json="b")
