"""Queue outputs: which messages a value that a function set becomes, written after the function returned."""

import base64
import json
from collections.abc import Callable, Mapping

from local.host.json_net import indented
from local.host.protos import TypedData
from local.host.storage import Queue
from local.host.worker import Outcome


def messages(value: TypedData) -> list[bytes]:
    """The messages of one output value, as the host of Azure makes them.

    A text that looks like JSON is parsed: an array is one message per element, an object is written anew, indented.
    A list that the function set keeps its texts. Raises ValueError for a text that only looks like JSON.
    """
    kind = value.WhichOneof("data")
    if kind == "bytes":
        return [value.bytes or b""]
    if kind == "json":
        parsed = json.loads(value.json or "")
    elif kind == "string":
        text = (value.string or "").strip()
        if not (text.startswith("{") and text.endswith("}")) and not (
            text.startswith("[") and text.endswith("]")
        ):
            return [(value.string or "").encode()]
        parsed = json.loads(text)
    else:
        raise ValueError(f"a queue output cannot be made of {value}")
    return [
        (element if isinstance(element, str) else indented(element)).encode()
        for element in (parsed if isinstance(parsed, list) else [parsed])
    ]


class QueueOutputs:
    """The queue outputs of one function: binding name -> queue. `notify` hears the name of each queue written to."""

    def __init__(
        self, queues: Mapping[str, Queue], encode_base64: bool, notify: Callable[[str], None]
    ) -> None:
        self._queues = queues
        self._encode_base64 = encode_base64
        self._notify = notify

    def write(self, outcome: Outcome) -> None:
        """Write what the run set. Raises whatever makes a message fail; the ones before it stay written."""
        for name, queue in self._queues.items():
            value = outcome.values.get(name)
            if value is None:
                continue
            for message in messages(value):
                queue.send(base64.b64encode(message).decode() if self._encode_base64 else message.decode())
            self._notify(queue.name)
