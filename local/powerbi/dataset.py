"""Datasets as they are: tables with rows, and what was accepted but has not taken effect yet."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from local.powerbi.quotas import HOUR, MINUTE, Window
from local.powerbi.schema import DatasetSchema, Relationship, TableSchema
from local.powerbi.switches import Limits, Switches
from local.powerbi.values import Stored

type Row = tuple[Stored, ...]


@dataclass
class Operation:
    """A POST's rows, or (rows is None) a DELETE, that takes effect at `due` (unix seconds).

    older_than: a DELETE that spares what was posted after it: how many rows had been appended before it.
    """

    due: float
    rows: Sequence[Row] | None
    older_than: int | None = None


@dataclass
class Table:
    """Rows in the order in which they landed. `settle` before reading them."""

    schema: TableSchema
    rows: list[Row] = field(default_factory=list)
    queue: list[Operation] = field(default_factory=list)
    sequence_numbers: dict[str, int] = field(default_factory=dict)
    ignored: int = 0
    """Rows that the service answered 200 for and dropped, because the table was full."""
    _appended: int = 0
    _dropped: int = 0

    def settle(self, now: float, fifo: bool, limits: Limits, switches: Switches) -> None:
        """Let everything that is due take effect, in the order of its time."""
        due = [operation for operation in self.queue if operation.due <= now]
        if not due:
            return
        self.queue = [operation for operation in self.queue if operation.due > now]
        for operation in sorted(due, key=lambda operation: operation.due):
            if operation.rows is None:
                self._delete(operation.older_than)
            else:
                self._append(operation.rows, fifo, limits, switches)

    def delete_later(self, due: float, *, spares_later_rows: bool) -> None:
        """Queue a DELETE of all rows; `spares_later_rows`: only of those posted until now."""
        if not spares_later_rows:
            self.queue.append(Operation(due, None))
            return
        # Pending POSTs are older than the DELETE, so they count among the rows that it takes.
        pending = sum(len(operation.rows) for operation in self.queue if operation.rows is not None)
        self.queue.append(Operation(due, None, self._appended + pending))

    def pending_posts(self, now: float) -> int:
        return sum(operation.rows is not None and operation.due > now for operation in self.queue)

    def replace_schema(self, schema: TableSchema, keeps: str) -> None:
        """PUT: see `Switches.put_rows`. Where rows stay, a column that is new or of a new type is blank."""
        old = {column: position for position, column in enumerate(self.schema.columns)}
        adds_only = old.keys() <= set(schema.columns)
        positions = [old.get(column) for column in schema.columns]

        def fitted(rows: Sequence[Row]) -> list[Row]:
            return [tuple(None if at is None else row[at] for at in positions) for row in rows]

        if keeps == "lost" or (keeps == "kept_when_adding" and not adds_only):
            self._delete(None)
        elif positions != list(range(len(self.schema.columns))):
            self.rows = fitted(self.rows)
        for operation in self.queue:
            if operation.rows is not None:
                operation.rows = fitted(operation.rows)
        self.schema = schema

    def _append(self, rows: Sequence[Row], fifo: bool, limits: Limits, switches: Switches) -> None:
        if not fifo:
            room = max(0, limits.rows_of_table - len(self.rows))
            self.ignored += max(0, len(rows) - room)
            rows = rows[:room]
        self.rows.extend(rows)
        self._appended += len(rows)
        if fifo and len(self.rows) > limits.rows_of_fifo_table + switches.fifo_slack:
            self._drop(len(self.rows) - limits.rows_of_fifo_table)

    def _delete(self, older_than: int | None) -> None:
        self._drop(len(self.rows) if older_than is None else max(0, older_than - self._dropped))

    def _drop(self, count: int) -> None:
        count = min(count, len(self.rows))
        del self.rows[:count]
        self._dropped += count


@dataclass
class Dataset:
    """A dataset of the workspace. `retention` is "None" or "basicFIFO", for ever."""

    id: str
    name: str
    push: bool
    retention: str
    created_by: str
    tables: dict[str, Table]
    relationships: tuple[Relationship, ...]
    posts_of_minute: Window = field(default_factory=lambda: Window(MINUTE))
    posts_of_hour: Window = field(default_factory=lambda: Window(HOUR))
    rows_of_hour: Window = field(default_factory=lambda: Window(HOUR))
    open_posts: int = 0
    slow_once: bool = False

    @classmethod
    def made(cls, dataset_id: str, schema: DatasetSchema, retention: str, created_by: str) -> "Dataset":
        tables = {table.name: Table(table) for table in schema.tables}
        return cls(dataset_id, schema.name, schema.push, retention, created_by, tables, schema.relationships)

    def settle(self, now: float, limits: Limits, switches: Switches) -> None:
        for table in self.tables.values():
            table.settle(now, self.retention == "basicFIFO", limits, switches)
            self.slow_once |= len(table.rows) >= limits.slow_lane_rows

    def in_slow_lane(self, limits: Limits, switches: Switches) -> bool:
        """Whether the hourly limit of POSTs holds: a table is (or was, by the switch) large."""
        if switches.slow_lane_after_delete == "stays":
            return self.slow_once
        return any(len(table.rows) >= limits.slow_lane_rows for table in self.tables.values())

    def pending_posts(self, now: float) -> int:
        """POSTs that are being answered, and those answered whose rows have not landed."""
        return self.open_posts + sum(table.pending_posts(now) for table in self.tables.values())
