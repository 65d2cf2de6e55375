"""The sink of a dataset: whose turn it is to write, which versions are taken, which batches are in flight.

One entity a dataset, only ever written If-Match. Taking the dataset's lease raises the epoch, so that a writer that lost its
turn without noticing meets a changed ETag at its next write and ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import msgspec

from shared.clock import Clock, milliseconds
from shared.errors import LeaseBusy, RunEnded
from shared.storage import Conflict, Entity, Lease, LeaseLost, Store, Write

TABLE = "sink"
LEASE_SECONDS = 60
_names, _counts = msgspec.json.Decoder(list[str]), msgspec.json.Decoder(dict[str, int])


@dataclass(frozen=True, kw_only=True)
class State:
    """version_high: the highest RowVersion ever reserved. rows_upper: at most so many rows are in each table."""

    dataset: str
    epoch: int = 0
    version_high: int = 0
    in_flight: tuple[str, ...] = ()
    rows_upper: Mapping[str, int]
    powerbi_id: str = ""
    etag: str = ""


def read(store: Store, dataset: str) -> State:
    """The dataset's state, for reading only."""
    stored = store.get_entity(TABLE, dataset, "sink")
    if stored is None:
        return State(dataset=dataset, rows_upper={})
    entity = stored.entity
    return State(
        dataset=dataset,
        epoch=int(entity["epoch"]),
        version_high=int(entity["version_high"]),
        in_flight=tuple(_names.decode(str(entity["in_flight"]))),
        rows_upper=_counts.decode(str(entity["rows_upper"])),
        powerbi_id=str(entity["powerbi_id"]),
        etag=stored.etag,
    )


class Writer:
    """The one writer of a dataset, as a context: `with Writer.take(...) as writer`.

    `state` is what this writer last wrote. Every method raises RunEnded when the turn is over.
    """

    def __init__(self, store: Store, clock: Clock, lease: Lease, state: State) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self.state = state

    @classmethod
    def take(cls, store: Store, clock: Clock, dataset: str) -> Self:
        """Take the dataset's lease and raise its epoch. Raises LeaseBusy while another writes."""
        lease = store.acquire_lease(f"dataset/{dataset}", LEASE_SECONDS)
        if lease is None:
            raise LeaseBusy(f"Dataset {dataset} is being written by another run.", seconds=5)
        writer = cls(store, clock, lease, read(store, dataset))
        writer._write(replace(writer.state, epoch=writer.state.epoch + 1))
        return writer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.release_lease(self._lease)

    def hold(self, seconds: float) -> None:
        """Make sure that the lease lasts for what comes next, which takes at most so long."""
        if (self._lease.until - self._clock.now()).total_seconds() > seconds:
            return
        try:
            self._lease = self._store.renew_lease(self._lease)
        except LeaseLost as error:
            raise RunEnded(f"The lease of dataset {self.state.dataset} was lost.") from error

    def reserve(self, versions: int, batches: Sequence[str], rows: Mapping[str, int]) -> int:
        """Take `versions` row versions, note the batches as in flight and count their rows; answers the first version.

        Versions never repeat, never go back, and are never below now in milliseconds (which keeps them rising should
        the state ever be lost).
        """
        first = max(self.state.version_high + 1, milliseconds(self._clock.now()))
        upper = dict(self.state.rows_upper)
        for table, count in rows.items():
            upper[table] = upper.get(table, 0) + count
        self._write(
            replace(
                self.state,
                version_high=first + max(0, versions - 1),
                in_flight=tuple(batches),
                rows_upper=upper,
            )
        )
        return first

    def land(self) -> None:
        """Nothing is in flight any more."""
        self._write(replace(self.state, in_flight=()))

    def bind(self, powerbi_id: str, *, empty: bool) -> None:
        """Remember which Power BI dataset this is; an empty one has no rows yet."""
        rows = {} if empty else self.state.rows_upper
        self._write(replace(self.state, powerbi_id=powerbi_id, rows_upper=rows))

    def _write(self, state: State) -> None:
        entity: Entity = {
            "PartitionKey": state.dataset,
            "RowKey": "sink",
            "format": 1,
            "epoch": state.epoch,
            "version_high": state.version_high,
            "in_flight": msgspec.json.encode(state.in_flight).decode(),
            "rows_upper": msgspec.json.encode(state.rows_upper).decode(),
            "powerbi_id": state.powerbi_id,
        }
        write = Write("replace", entity, state.etag) if state.etag else Write("insert", entity)
        try:
            self.state = replace(state, etag=self._store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run writes dataset {state.dataset} by now.") from error
