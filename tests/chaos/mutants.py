"""Each rule of the design, broken once: what a seed must catch. Patches at run time, for tests only."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec

from shared.settings import Settings
from shared.state import sink
from shared.state.sink import Writer
from shared.storage import Lease, Write
from shared.sync import compare, poll, posting, push, read, reader, winners
from tests.support.chaos_fate import Focus

Mutant = Callable[[], Any]


@contextmanager
def no_fencing() -> Iterator[None]:
    """Whoever took the lease once writes the sink and the mirror whatever happened since."""

    def hold(self: Writer, seconds: float) -> None:
        pass

    def remember(store: Any, writer: Writer, writes: Any) -> None:
        for each in writes:
            store.write_entity("mirror", _unconditional(each))

    with (
        _unguarded_sink(),
        patch.object(Writer, "hold", hold),
        patch.object(push, "remember", remember),
    ):
        yield


@contextmanager
def no_in_flight() -> Iterator[None]:
    """Nobody notes what is under way."""
    usual = Writer.reserve

    def reserve(self: Writer, versions: int, batches: Any, *more: Any, **options: Any) -> int:
        return usual(self, versions, (), *more, **options)

    with patch.object(Writer, "reserve", reserve):
        yield


@contextmanager
def mirror_before_post() -> Iterator[None]:
    """The mirror says that a record is in Power BI, and nothing is in flight any more, before it is sent."""
    post, remember = posting.post, push._remember

    def early(connector: Any, writer: Writer, target: Any, changes: Any, *more: Any) -> None:
        remember(connector, writer, compare.Work(changes=list(changes)))
        writer.land()
        post(connector, writer, target, changes, *more)

    def late(connector: Any, writer: Writer, work: compare.Work) -> None:
        remember(connector, writer, replace(work, changes=[]))

    with patch.object(push, "post", early), patch.object(push, "_remember", late):
        yield


@contextmanager
def lease_per_table() -> Iterator[None]:
    """Each writer holds the table that it came for, none the dataset."""

    class Each:
        def __init__(self, store: Any) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return getattr(self._store, name)

        def acquire_lease(self, name: str, seconds: int) -> Lease | None:
            found: Lease | None = self._store.acquire_lease(f"{name}/{uuid.uuid4().hex}", seconds)
            return found

    def take(store: Any, clock: Any, dataset: str) -> Any:
        return usual(Writer, Each(store), clock, dataset)

    usual = Writer.take.__func__  # type: ignore[attr-defined]
    with _unguarded_sink(), patch.object(Writer, "take", take):
        yield


@contextmanager
def hash_decides_the_stamp() -> Iterator[None]:
    """What has the same content but for its stamp is dropped, and the later stamp not noted."""
    usual = winners.content_hash

    def without_stamp(record: Mapping[str, Any]) -> str:
        return usual({name: value for name, value in record.items() if name != "UpdatedDateUTC"})

    with (
        patch.object(winners, "content_hash", without_stamp),
        patch.object(compare, "_see", lambda *_: None),
    ):
        yield


@contextmanager
def no_marker_rows() -> Iterator[None]:
    """A document without lines has no row among the lines."""
    usual = compare.shape

    def shape(*args: Any) -> dict[str, list[Any]]:
        shaped = usual(*args)
        return {
            table: [row for row in rows if row.get("IsMarker") is not True] for table, rows in shaped.items()
        }

    with patch.object(compare, "shape", shape):
        yield


@contextmanager
def no_settle_time() -> Iterator[None]:
    """What was sent and not answered is taken for over at once."""
    usual = Settings.__getattribute__

    def none(self: Settings, name: str) -> Any:
        return 0 if name == "settle_seconds" else usual(self, name)

    with patch.object(Settings, "__getattribute__", none):
        yield


@contextmanager
def our_clock_as_watermark() -> Iterator[None]:
    """The next increment begins where our clock says that the last one began."""
    usual = read.begin

    def carry_out(connector: Any, *more: Any) -> None:
        def begin(*args: Any, **options: Any) -> Any:
            return msgspec.structs.replace(usual(*args, **options), began=connector.clock.now())

        with patch.object(read, "begin", begin):
            kept(connector, *more)

    kept = reader.carry_out
    with patch.object(poll, "carry_out", carry_out):
        yield


@contextmanager
def _unguarded_sink() -> Iterator[None]:
    usual = Writer._write

    def write(self: Writer, state: sink.State) -> None:
        now = sink.read(self._store, state.dataset)
        usual(self, replace(state, etag=now.etag))

    with patch.object(Writer, "_write", write):
        yield


def _unconditional(write: Write) -> Write:
    return replace(write, kind="replace" if write.kind == "insert" else write.kind, etag=None)


MUTANTS: Mapping[str, Mutant] = {
    "no fencing": no_fencing,
    "no in_flight": no_in_flight,
    "mirror before POST": mirror_before_post,
    "lease per table": lease_per_table,
    "hash decides the stamp": hash_decides_the_stamp,
    "no marker rows": no_marker_rows,
    "no settle time": no_settle_time,
    "our clock as watermark": our_clock_as_watermark,
}

# Much is pushed, and hardly anything else done.
PUSHES = {"burst": 8.0, "honour": 8.0, "poll": 2.0, "compact": 0.0}
PUSHES |= {"refresh": 0.0, "connect": 0.0, "disconnect": 0.0}
COMPACTIONS = PUSHES | {"compact": 8.0}
ONLY_POLLS = {"poll": 10.0, "edit": 8.0, "burst": 0.0, "webhook": 0.0}
# What shows that a rule is broken: the trouble against which it is there, often, where it matters.
FOCUS: Mapping[str, Focus] = {
    "no fencing": Focus(only=("stall",), rate=0.02, steps=PUSHES, edits=("reference",)),
    "no in_flight": Focus(
        only=("powerbi late", "powerbi lost"), rate=0.02, steps=COMPACTIONS, edits=("reference", "lines")
    ),
    "mirror before POST": Focus(
        only=("kill", "powerbi unsent"), rate=0.02, steps=PUSHES, edits=("reference", "made")
    ),
    "lease per table": Focus(only=("turn", "stall"), rate=0.05, at="rows", steps=COMPACTIONS),
    "hash decides the stamp": Focus(only=("edit",), edits=("reference", "touched")),
    "no marker rows": Focus(only=("edit",), edits=("lines",)),
    "no settle time": Focus(only=("powerbi late",), rate=0.02, steps=COMPACTIONS),
    "our clock as watermark": Focus(
        only=("edit",), rate=0.02, steps=ONLY_POLLS, edits=("reference", "touched")
    ),
}
