"""What is under way with a dataset: a push, the compaction of a table, a successor; and how its tables stand. All of it lies
in the sink.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

Phase = Literal["staged", "deleting", "empty", "posting", "verifying", "clean"]


class Tally(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was posted to a table. total: the sum of its first column of money."""

    rows: int = 0
    keys: int = 0
    lowest: int = 0
    highest: int = 0
    total: str = "0"


class Rebuild(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The compaction of a table that is under way. `shared.sync.compact` says what the phases are.

    since: when the phase began. had_rows: whether Power BI said that there were rows to delete. deletes: DELETEs that were
    sent, or may have been, the last of them at `deleted_at`. cursor: organisation, resource and record up to which all is
    posted, under the RowVersions of the mirror. sending: the rows of the next POST, which may have landed. doubled: rows
    that were sent a second time. failures: verifications that found something else than what was posted. define: the table
    is defined anew before its rows are deleted, which may lose them as well.
    """

    table: str
    phase: Phase
    reason: str
    operation: str
    since: datetime
    had_rows: bool = False
    deletes: int = 0
    deleted_at: datetime | None = None
    cursor: tuple[str, str, str] = ("", "", "")
    sending: int = 0
    doubled: int = 0
    posted: Tally = Tally()
    failures: int = 0
    define: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a table beside rows_upper.

    current: about so many rows are of records' newest versions. pushed_at: milliseconds of the last push. compacted_at:
    when it was last compacted; verified: whether Power BI then said that it has what was posted, None when it could not be
    asked. parked: why the table is not compacted until a person asks for it, "" when it is.
    """

    current: int = 0
    pushed_at: int = 0
    compacted_at: datetime | None = None
    verified: bool | None = None
    parked: str = ""


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """How far the POSTs of what is in flight had come when Power BI asked for patience or did not answer.

    first: the first of its versions, of which `last` is the highest; digest: what is sent, and where to; posts: so many
    POSTs, from the first on, are known to have landed.
    """

    first: int
    last: int
    digest: str
    posts: int


class Successor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The Power BI dataset that is to take the present one's place.

    name: what it is called there; powerbi_id: "" until it is known to be made. rows, current: as rows_upper and
    Standing.current. cursor: organisation, resource and record up to which it is filled; records: so many were. filled_at:
    when that was all of the mirror. hour: since when the rows of an hour are counted. trouble: why it was not let in.
    """

    name: str
    since: datetime
    powerbi_id: str = ""
    rows: dict[str, int] = {}
    current: dict[str, int] = {}
    cursor: tuple[str, str, str] = ("", "", "")
    records: int = 0
    filled_at: datetime | None = None
    hour: datetime | None = None
    hour_rows: int = 0
    trouble: str = ""

    def counting(self, rows: Mapping[str, int], fresh: Mapping[str, int]) -> "Successor":
        """The same once these rows are sent. fresh: those of them that are no newer version of something."""
        return msgspec.structs.replace(
            self,
            rows={name: self.rows.get(name, 0) + rows.get(name, 0) for name in {**self.rows, **rows}},
            current={
                name: self.current.get(name, 0) + fresh.get(name, 0) for name in {**self.current, **fresh}
            },
        )
