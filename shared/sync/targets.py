"""Which Power BI datasets a push goes to, and what of its rows each of them can take.

Usually that is one. While another is to take its place everything goes to both (`shared.sync.upgrade`). A dataset that was
made by older code lacks tables and columns; what it has no place for is left out, until it is upgraded.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.audit import Audit
from shared.errors import Unavailable
from shared.powerbi.client import DEADLINE_SECONDS
from shared.state import definitions
from shared.state.sink import Writer
from shared.sync.compare import Change
from shared.sync.connector import Connector
from shared.tables.definition import Definition
from shared.tables.table import Row

# A call may be sent twice, when Power BI refuses the first token.
CALL_SECONDS = 2 * DEADLINE_SECONDS + 5


@dataclass(frozen=True)
class Target:
    """A dataset of Power BI, and what it was made with."""

    powerbi_id: str
    definition: Definition

    def has(self, table: str) -> bool:
        return table in self.definition.tables

    def fitted(self, table: str, row: Row) -> Row:
        """What of a row it has columns for."""
        return self.definition.fitted(table, row)

    def counts(self, changes: Iterable[Change]) -> dict[str, int]:
        """How many rows of what is pushed go to each of its tables."""
        found: dict[str, int] = {}
        for change in changes:
            for table, rows in change.rows.items():
                if self.has(table):
                    found[table] = found.get(table, 0) + len(rows)
        return found


def present(connector: Connector, writer: Writer) -> Target:
    """The dataset that reports are on."""
    return _target(connector, writer, writer.state.powerbi_id)


def successor(connector: Connector, writer: Writer) -> Target | None:
    """The one that is to take its place, if there is one."""
    found = writer.state.successor
    return _target(connector, writer, found.powerbi_id) if found and found.powerbi_id else None


def is_gone(connector: Connector, writer: Writer, audit: Audit, target: Target) -> bool:
    """Whether a target that was not found is a successor that somebody deleted, which is forgotten then."""
    found = writer.state.successor
    if found is None or target.powerbi_id != found.powerbi_id:
        return False
    writer.hold(CALL_SECONDS)
    if target.powerbi_id in {str(each["id"]) for each in connector.powerbi().datasets()}:
        return False
    writer.give_up()
    definitions.forget(connector.store, writer.state.dataset, target.powerbi_id)
    audit.add("upgrade", "gone", why=f"{found.name} was deleted in Power BI", request_id=found.powerbi_id)
    return True


def definition(connector: Connector, dataset: str, powerbi_id: str) -> Definition:
    """What a dataset was made with; of one that nobody remembers, what Power BI tells: the names of its tables."""
    known = definitions.load(connector.store, dataset, powerbi_id)
    if known is not None:
        return known
    return Definition(tables=dict.fromkeys(connector.powerbi().tables(powerbi_id)))


def _target(connector: Connector, writer: Writer, powerbi_id: str) -> Target:
    store, dataset = connector.store, writer.state.dataset
    known = definitions.load(store, dataset, powerbi_id)
    if known is None:
        writer.hold(CALL_SECONDS)
        known = definition(connector, dataset, powerbi_id)
        if not known.tables:
            raise Unavailable(f"Power BI does not tell the tables of dataset {dataset}.", seconds=60)
        definitions.save(store, dataset, powerbi_id, known)
    return Target(powerbi_id, known)
