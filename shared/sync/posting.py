"""POST what changed to a dataset of Power BI, table by table; what it refuses is traced down to the record."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import tables
from shared.audit import Audit
from shared.errors import AskPerson, Refused
from shared.powerbi import rows as powerbi_rows
from shared.powerbi.rows import EncodedRow
from shared.state import mirror
from shared.state.mirror import Known
from shared.state.sink import Writer
from shared.sync.compare import Change, put_aside, shape
from shared.sync.connector import Connector
from shared.sync.lists import is_needed
from shared.sync.lists import read as read_lists
from shared.sync.targets import CALL_SECONDS, Target
from shared.tables.lists import NO_LISTS

# So many records, each refused by itself, are no accident.
SAMPLE = 4


class TableFull(AskPerson):
    """Tables have no room for what is to be pushed."""

    def __init__(self, text: str, tables: Sequence[str]) -> None:
        super().__init__(text)
        self.tables = tables


class TableRefused(AskPerson):
    """Power BI takes no record at all into a table: its definition is another than ours, not the records are bad."""


def check_room(connector: Connector, dataset: str, upper: Mapping[str, int], more: Mapping[str, int]) -> None:
    """Above 5,000,000 rows Power BI answers 200 and drops them; stop well before, whatever landed of what was sent."""
    most = connector.settings.powerbi_rows_per_table
    full = [table for table in {**upper, **more} if upper.get(table, 0) + more.get(table, 0) > most]
    if full:
        raise TableFull(
            f"{', '.join(full)} of dataset {dataset} would hold more rows than POWERBI_ROWS_PER_TABLE ({most}) allows.",
            full,
        )


def posts(connector: Connector, rows: Iterable[EncodedRow]) -> Iterator[list[EncodedRow]]:
    """Rows cut into as few POSTs as the settings allow."""
    return powerbi_rows.chunks(
        rows,
        most_rows=connector.settings.powerbi_rows_per_post,
        most_bytes=connector.settings.powerbi_bytes_per_post,
    )


@dataclass
class Progress:
    """How far the POSTs of a round have come, one after the other. skip: so many of them are known to have landed before.

    under_way: rows, by table, of the one that is sent and not answered yet.
    """

    skip: int = 0
    done: int = 0
    under_way: dict[str, int] = field(default_factory=dict)


def post(
    connector: Connector,
    writer: Writer,
    target: Target,
    changes: Sequence[Change],
    audit: Audit,
    progress: Progress | None = None,
) -> None:
    """Send every change that was not refused before, to the tables that the dataset has.

    progress: counts the POSTs, those of earlier targets included.
    """
    progress = progress or Progress()
    for table in tables.TABLES:
        if not target.has(table):
            continue
        encoded = (
            powerbi_rows.encode(
                number,
                target.fitted(table, row | {"RowVersion": change.version, "IsDeleted": change.is_gone}),
            )
            for number, change in enumerate(changes)
            if not change.refused
            for row in change.rows.get(table, ())
        )
        for rows in posts(connector, encoded):
            if progress.done >= progress.skip:
                progress.under_way = {table: len(rows)}
                _Sending(connector, writer, target, table, rows, changes, audit).send()
                progress.under_way = {}
            progress.done += 1


class _Sending:
    """One POST; when Power BI refuses it, the search for the record that it refuses, so that the others go in."""

    def __init__(
        self,
        connector: Connector,
        writer: Writer,
        target: Target,
        table: str,
        rows: list[EncodedRow],
        changes: Sequence[Change],
        audit: Audit,
    ) -> None:
        self.connector, self.writer, self.target, self.table = connector, writer, target, table
        self.rows, self.changes, self.audit = rows, changes, audit
        self.refused: dict[int, Refused] = {}
        self.taken: set[int] = set()
        self.takes_what_it_has: bool | None = None

    def send(self) -> None:
        """Raises TableRefused when it is not the records; nothing is put aside then."""
        self._post_or_halve(sorted({row.record for row in self.rows}))
        if self.refused and not self.taken and self.takes_what_it_has is None:
            self._look_at_the_table()
        for record, error in self.refused.items():
            _refuse(self.connector, self.changes[record], self.table, error, self.audit)

    def _post_or_halve(self, records: Sequence[int]) -> None:
        # Those that were tried by themselves are through.
        records = [each for each in records if each not in self.taken and each not in self.refused]
        if not records or self._post(records) is None:
            return
        if len(records) == 1:
            if len(self.refused) == SAMPLE and not self.taken:
                self._look_at_the_table()
            return
        half = len(records) // 2
        for part in (records[:half], records[half:]):
            self._post_or_halve(part)

    def _post(self, records: Sequence[int]) -> Refused | None:
        """Answers why they are refused, None when they are not."""
        among = set(records)
        some = [row for row in self.rows if row.record in among]
        self.writer.hold(CALL_SECONDS)
        try:
            request_id = self.connector.powerbi().post_rows(
                self.target.powerbi_id, self.table, [row.json for row in some]
            )
        except Refused as error:
            if error.status not in (400, 413):
                raise
            if len(records) == 1:
                self.refused[records[0]] = error
            return error
        self.taken |= among
        self.audit.add("post", "done", resource=self.table, count=len(some), request_id=request_id)
        return None

    def _look_at_the_table(self) -> None:
        """Whatever was sent is refused, and none is taken: it may be the table. Raises TableRefused.

        A record that the table took before, sent once more, tells; where there is none, a few more of those to be sent.
        """
        error = next(iter(self.refused.values()))
        self.takes_what_it_has = self._is_taken_again()
        if self.takes_what_it_has is None:
            every = sorted({row.record for row in self.rows})
            others = [each for each in (every[len(every) // 2], every[-1]) if each not in self.refused]
            if len(others) < 2 or any(self._post([each]) is None for each in others):
                return
        elif self.takes_what_it_has:
            return
        raise TableRefused(
            f"{self.table} of dataset {self.writer.state.dataset} takes no record at all: it is defined otherwise in Power BI "
            "than here. `python3 manage.py dataset upgrade` mends it.",
            vendor_words=error.vendor_words,
        )

    def _is_taken_again(self) -> bool | None:
        """Whether a record that is in Power BI is taken under the version that it has; None where there is none."""
        # One of the same resource as what was refused: others may feed other tables.
        change = self.changes[next(iter(self.refused))]
        for known, record in mirror.living(
            self.connector.store, change.organisation.tenant_id, change.resource
        ):
            if known.record_id != change.fetch.record_id and known.powerbi_id == self.target.powerbi_id:
                return self._send_again(change, known, record)
        return None

    def _send_again(self, change: Change, known: Known, record: dict[str, Any]) -> bool | None:
        lists = read_lists(self.connector, change.organisation) if is_needed(change.resource) else NO_LISTS
        shaped = shape(change.organisation, change.resource, record, lists).get(self.table, [])
        stamp = {"RowVersion": known.version, "IsDeleted": known.deleted}
        rows = [powerbi_rows.encode(0, self.target.fitted(self.table, row | stamp)) for row in shaped]
        if not rows:
            return None
        self.writer.hold(CALL_SECONDS)
        self.writer.count({self.table: len(rows)})
        try:
            self.connector.powerbi().post_rows(self.target.powerbi_id, self.table, [row.json for row in rows])
        except Refused as error:
            if error.status not in (400, 413):
                raise
            return False
        self.audit.add(
            "post", "tried", resource=self.table, count=len(rows), why="whether the table takes anything"
        )
        return True


def _refuse(connector: Connector, change: Change, table: str, error: Refused, audit: Audit) -> None:
    """Power BI does not take this record; rows of it that went before stay, and are superseded when it is mended."""
    change.refused = f"{table}: {error}"
    put_aside(
        connector,
        audit,
        change.organisation.tenant_id,
        change.resource,
        change.fetch.record_id,
        change.fetch.record or {},
        change.refused,
        change.fetch.batch,
    )
