"""The sink of a dataset: whose turn it is to write, which versions are taken, which batches are in flight, and how far the
compaction of a table has come.

One entity a dataset, only ever written If-Match. Taking the dataset's lease raises the epoch, so that a writer that lost its
turn without noticing meets a changed ETag at its next write and ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

import msgspec

from shared.clock import Clock, milliseconds
from shared.errors import LeaseBusy, RunEnded
from shared.state.rebuilds import Rebuild, Round, Standing, Successor
from shared.storage import Conflict, Entity, Lease, LeaseLost, Store, Write

TABLE = "sink"
LEASE_SECONDS = 60
# The most that Power BI takes in one.
ROWS_A_POST = 10_000
# Rows and POSTs are counted by so many milliseconds; those of the last hour are kept, and a little more.
SENT_EACH = 600_000
SENT_KEPT = 7


_names, _counts = msgspec.json.Decoder(list[str]), msgspec.json.Decoder(dict[str, int])
_rebuild = msgspec.json.Decoder(Rebuild | None)
_standings = msgspec.json.Decoder(dict[str, Standing])
_round = msgspec.json.Decoder(Round | None)
_successor = msgspec.json.Decoder(Successor | None)
_sent = msgspec.json.Decoder(dict[str, tuple[int, int]])


@dataclass(frozen=True, kw_only=True)
class State:
    """version_high: the highest RowVersion ever reserved. rows_upper: at most so many rows are in each table.

    round: how far the POSTs of what is in flight had come. rebuild: the compaction under way. doubt_at: when a POST of unknown outcome may last have been sent. sent: rows and POSTs
    of the last hour, by tens of minutes. successor: what every push goes to as well; successor_ended_at: when the last one
    took its place or was given up. old: Power BI datasets that were succeeded and are there still.
    """

    dataset: str
    epoch: int = 0
    version_high: int = 0
    in_flight: tuple[str, ...] = ()
    round: Round | None = None
    rows_upper: Mapping[str, int]
    powerbi_id: str = ""
    rebuild: Rebuild | None = None
    tables: Mapping[str, Standing] = field(default_factory=dict)
    doubt_at: datetime | None = None
    sent: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    successor: Successor | None = None
    successor_ended_at: datetime | None = None
    old: tuple[str, ...] = ()
    etag: str = ""

    def table(self, name: str) -> Standing:
        return self.tables.get(name, Standing())


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
        round=_round.decode(str(entity.get("round", "null"))),
        rows_upper=_counts.decode(str(entity["rows_upper"])),
        powerbi_id=str(entity["powerbi_id"]),
        # From here on of format 2.
        rebuild=_rebuild.decode(str(entity.get("rebuild", "null"))),
        tables=_standings.decode(str(entity.get("tables", "{}"))),
        doubt_at=datetime.fromisoformat(doubt_at) if (doubt_at := str(entity.get("doubt_at", ""))) else None,
        sent=_sent.decode(str(entity.get("sent", "{}"))),
        successor=_successor.decode(str(entity.get("successor", "null"))),
        successor_ended_at=datetime.fromisoformat(ended) if (ended := str(entity.get("ended", ""))) else None,
        old=tuple(_names.decode(str(entity.get("old", "[]")))),
        etag=stored.etag,
    )


def proven(store: Store, dataset: str, table: str) -> dict[str, int]:
    """How many records of each organisation the mirror had for a table when it was last compacted."""
    stored = store.get_entity(TABLE, dataset, f"proof.{table}")
    return _counts.decode(str(stored.entity["records"])) if stored else {}


def prove(store: Store, dataset: str, table: str, records: Mapping[str, int]) -> None:
    """Remember that a table was posted from so many records of each organisation."""
    told = msgspec.json.encode(records).decode()
    entity: Entity = {"PartitionKey": dataset, "RowKey": f"proof.{table}", "format": 1, "records": told}
    store.write_entity(TABLE, Write("replace", entity))


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

    def reserve(
        self,
        versions: int,
        batches: Sequence[str],
        rows: Mapping[str, int],
        fresh: Mapping[str, int] | None = None,
        successor: Successor | None = None,
    ) -> int:
        """Take `versions` row versions, note the batches as in flight and count their rows; answers the first version.

        Versions never repeat, never go back, and are never below now in milliseconds (which keeps them rising should
        the state ever be lost). fresh: those of the rows that are no newer version of something. successor: the same with
        what is sent to it counted.
        """
        now = milliseconds(self._clock.now())
        first = max(self.state.version_high + 1, now)
        tables = dict(self.state.tables)
        for table in rows:
            standing = tables.get(table, Standing())
            current = standing.current + (fresh or {}).get(table, 0)
            tables[table] = msgspec.structs.replace(standing, current=current, pushed_at=now)
        self._write(
            replace(
                self._counting(rows),
                version_high=first + max(0, versions - 1),
                in_flight=tuple(batches),
                round=None,
                tables=tables,
                successor=successor or self.state.successor,
                # Batches in flight from before: nobody knows which of their POSTs will land, and when.
                doubt_at=self._clock.now() if self.state.in_flight else self.state.doubt_at,
            )
        )
        return first

    def count(self, rows: Mapping[str, int]) -> None:
        """So many more rows are sent, which are there already."""
        self._write(self._counting(rows))

    def pause(self, stopped: Round, doubtful: Mapping[str, int]) -> None:
        """The POSTs of what is in flight stop here for a while. doubtful: rows, by table, that were sent and may land again."""
        state = self._counting(doubtful)
        doubt_at = self._clock.now() if doubtful else state.doubt_at
        self._write(replace(state, round=stopped, doubt_at=doubt_at))

    def resume(self) -> None:
        """They go on. Should this run die, nobody knows how far it came."""
        self._write(replace(self.state, round=None))

    def land(self) -> None:
        """Nothing is in flight any more."""
        self._write(replace(self.state, in_flight=(), round=None))

    def bind(self, powerbi_id: str, *, empty: bool) -> None:
        """Remember which Power BI dataset this is, "" for none; an empty one has no rows yet, and nothing to be compacted."""
        old = tuple(each for each in self.state.old if each != powerbi_id)
        state = replace(self.state, powerbi_id=powerbi_id, old=old)
        if empty:
            state = replace(state, rows_upper={}, rebuild=None, tables={}, doubt_at=None, sent={})
        self._write(state)

    def succeed(self, successor: Successor) -> None:
        """There is a successor, or it is further than it was."""
        self._write(replace(self.state, successor=successor))

    def give_up(self) -> None:
        """There is no successor any more."""
        self._write(replace(self.state, successor=None, successor_ended_at=self._clock.now()))

    def switch(self) -> None:
        """The successor takes the present dataset's place, which is old from now on."""
        successor = self.state.successor
        if successor is None or not successor.powerbi_id:
            raise ValueError(f"dataset {self.state.dataset} has no successor")
        now = self._clock.now()
        state = replace(
            self.state,
            powerbi_id=successor.powerbi_id,
            rows_upper=successor.rows,
            tables={
                name: Standing(current=successor.current.get(name, 0), pushed_at=milliseconds(now))
                for name in successor.rows
            },
            rebuild=None,
            sent={},
            successor=None,
            successor_ended_at=now,
            old=(*self.state.old, self.state.powerbi_id),
        )
        self._write(state)

    def forget_old(self, powerbi_id: str) -> None:
        """A dataset that was succeeded is gone."""
        self._write(replace(self.state, old=tuple(each for each in self.state.old if each != powerbi_id)))

    def move(self, rebuild: Rebuild, *, emptied: bool = False, sending: int = 0, doubt: bool = False) -> None:
        """The compaction goes on to where `rebuild` says.

        emptied: its table has no rows from now on. sending: so many rows are about to be sent to it. doubt: so may earlier
        ones still.
        """
        state = self._counting({rebuild.table: sending} if sending else {})
        if emptied:
            state = replace(state, rows_upper={**state.rows_upper, rebuild.table: 0})
        doubt_at = self._clock.now() if doubt else state.doubt_at
        self._write(replace(state, rebuild=rebuild, doubt_at=doubt_at))

    def conclude(self, table: str, rebuild: Rebuild | None, *, rows: int | None = None, **known: Any) -> None:
        """What is known of a table from now on (see Standing), and where its compaction goes on, if it does.

        rows: how many rows it has.
        """
        standing = msgspec.structs.replace(self.state.table(table), **known)
        upper = self.state.rows_upper if rows is None else {**self.state.rows_upper, table: rows}
        tables = {**self.state.tables, table: standing}
        self._write(replace(self.state, rebuild=rebuild, rows_upper=upper, tables=tables))

    def _counting(self, rows: Mapping[str, int]) -> State:
        """The state once these rows are sent."""
        upper = dict(self.state.rows_upper)
        for table, count in rows.items():
            upper[table] = upper.get(table, 0) + count
        part = milliseconds(self._clock.now()) // SENT_EACH
        sent = {key: each for key, each in self.state.sent.items() if int(key) > part - SENT_KEPT}
        if rows:
            before = sent.get(str(part), (0, 0))
            posts = sum(-(-count // ROWS_A_POST) for count in rows.values())
            sent[str(part)] = (before[0] + sum(rows.values()), before[1] + posts)
        return replace(self.state, rows_upper=upper, sent=sent)

    def _write(self, state: State) -> None:
        entity: Entity = {
            "PartitionKey": state.dataset,
            "RowKey": "sink",
            "format": 2,
            "epoch": state.epoch,
            "version_high": state.version_high,
            "in_flight": msgspec.json.encode(state.in_flight).decode(),
            "round": msgspec.json.encode(state.round).decode(),
            "rows_upper": msgspec.json.encode(state.rows_upper).decode(),
            "powerbi_id": state.powerbi_id,
            "rebuild": msgspec.json.encode(state.rebuild).decode(),
            "tables": msgspec.json.encode(state.tables).decode(),
            "doubt_at": state.doubt_at.isoformat() if state.doubt_at else "",
            "sent": msgspec.json.encode(state.sent).decode(),
            "successor": msgspec.json.encode(state.successor).decode(),
            "ended": state.successor_ended_at.isoformat() if state.successor_ended_at else "",
            "old": msgspec.json.encode(state.old).decode(),
        }
        write = Write("replace", entity, state.etag) if state.etag else Write("insert", entity)
        try:
            self.state = replace(state, etag=self._store.write_entity(TABLE, write))
        except Conflict as error:
            raise RunEnded(f"Another run writes dataset {state.dataset} by now.") from error
