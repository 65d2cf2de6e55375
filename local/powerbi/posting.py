"""A POST of rows: what is checked before its body is read, and what then happens to its rows."""

from typing import TYPE_CHECKING, Any

from local.powerbi.access import Caller
from local.powerbi.body import read_rows
from local.powerbi.dataset import Dataset, Operation, Row, Table
from local.powerbi.errors import Refusal, bad_request
from local.powerbi.switches import Switches
from local.powerbi.values import WrongValue, reader

if TYPE_CHECKING:
    from local.powerbi.workspace import Workspace

ROWS_PER_HOUR = (
    "You are over your rows per hour limit for this dataset. To push more rows per hour, "
    "upgrade your account to Power BI Pro or retry your push later."
)


class Posting:
    """One POST of rows. It is pending from `Workspace.posting` on, so while its body still arrives, too."""

    def __init__(self, workspace: "Workspace", dataset_id: str, table: str) -> None:
        self._workspace = workspace
        self._dataset_id = dataset_id
        self._table_name = table
        self.rows = 0

    def admit(self) -> None:
        """Before the body is read: is there such a table, and may it be sent a POST now?"""
        workspace = self._workspace
        limits, switches = workspace.limits, workspace.switches
        with workspace.lock:
            dataset, _ = workspace.table(self._dataset_id, self._table_name)
            if workspace.retired() and switches.post_after_retirement == "refused":
                raise bad_request("Rows can no longer be pushed to this semantic model.")
            now = workspace.now()
            if dataset.pending_posts(now) > limits.pending_posts:
                raise workspace.too_many("There are too many pending POST rows requests for this dataset.", 1)
            wait = dataset.posts_of_minute.wait(now, 1, limits.posts_a_minute)
            if dataset.in_slow_lane(limits, switches):
                hourly = dataset.posts_of_hour.wait(now, 1, limits.posts_an_hour_in_slow_lane)
                wait = max(wait, hourly)
            if wait:
                raise workspace.too_many("You are over your requests limit for this dataset.", wait)
            dataset.posts_of_minute.add(now)
            dataset.posts_of_hour.add(now)

    def push(self, body: bytes, caller: Caller, sequence_number: int | None) -> None:
        """The body, once read: check it, count it, append its rows."""
        workspace = self._workspace
        limits, switches = workspace.limits, workspace.switches
        if len(body) > limits.body_bytes:
            message = f"The request body is larger than {limits.body_bytes} bytes."
            raise bad_request(message, status=switches.body_too_large_status)
        entries = read_rows(body)
        self.rows = len(entries)
        if self.rows > limits.rows_in_post:
            message = f"A request cannot have more than {limits.rows_in_post} rows."
            raise bad_request(message, status=switches.too_many_rows_status)
        with workspace.lock:
            # Looked up again: the dataset may have changed while the body arrived.
            dataset, table = workspace.table(self._dataset_id, self._table_name)
            now = workspace.now()
            wait = dataset.rows_of_hour.wait(now, self.rows, limits.rows_an_hour)
            if wait:
                raise workspace.too_many(ROWS_PER_HOUR, wait)
            last = table.sequence_numbers.get(caller.client_id)
            is_old = sequence_number is not None and last is not None and sequence_number <= last
            if is_old and switches.sequence_header == "refuses_old":
                raise bad_request(f"The sequence number {sequence_number} is not above {last}.")
            if is_old and switches.sequence_header == "drops_old":
                return
            rows, error = _read(entries, table, switches)
            if error is None:
                error = _duplicate(rows, dataset, table, switches)
                rows = rows if error is None else []
            if error is not None and switches.bad_row_effect == "nothing":
                raise error
            dataset.rows_of_hour.add(now, len(rows))
            table.queue.append(Operation(now + switches.ingest_seconds, rows))
            dataset.settle(now, limits, switches)
            if error is not None:
                raise error
            if sequence_number is not None and switches.sequence_header != "ignored":
                table.sequence_numbers[caller.client_id] = sequence_number


def _read(entries: list[Any], table: Table, switches: Switches) -> tuple[list[Row], Refusal | None]:
    """The rows up to the first bad one, and what is wrong with that."""
    columns = table.schema.columns
    known = {
        column.name: (position, reader(column.kind, switches)) for position, column in enumerate(columns)
    }
    rows: list[Row] = []
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry:
            return rows, bad_request(f"Row {number} is not an object with values.")
        values: list[Any] = [None] * len(columns)
        for name, raw in entry.items():
            if name not in known:
                message = f"Row {number}: column '<pi>{name}</pi>' is not found in the table."
                return rows, bad_request(message, status=switches.bad_row_status)
            if raw is None:
                continue
            position, read = known[name]
            try:
                values[position] = read(raw)
            except (WrongValue, TypeError) as wrong:
                reason = str(wrong) if isinstance(wrong, WrongValue) else "is not a single value"
                message = f"Row {number}: the value of column '<pi>{name}</pi>' {reason}."
                return rows, bad_request(message, status=switches.bad_row_status)
        rows.append(tuple(values))
    return rows, None


def _duplicate(rows: list[Row], dataset: Dataset, table: Table, switches: Switches) -> Refusal | None:
    if switches.duplicate_on_one_side == "accepted":
        return None
    names = [column.name for column in table.schema.columns]
    for relationship in dataset.relationships:
        if relationship.to_table != table.schema.name or relationship.to_column not in names:
            continue
        position = names.index(relationship.to_column)
        pending = [row for operation in table.queue for row in operation.rows or ()]
        seen = {row[position] for row in [*table.rows, *pending]}
        for row in rows:
            if row[position] in seen:
                message = (
                    f"Column '{relationship.to_column}' contains a duplicate value, which is not allowed."
                )
                return bad_request(message, status=switches.bad_row_status)
            seen.add(row[position])
    return None
