"""The general ledger of each organisation, kept from its books as they are now."""

from local.ledger import Ledger, keep
from local.simulation import Clock
from local.xero.store import Books, Row, Store
from local.xero.switches import Switches


class GeneralLedgers:
    """Answers an organisation's ledger; it is kept anew only when the books have changed since."""

    def __init__(self, clock: Clock, store: Store, switches: Switches) -> None:
        self._clock, self._store, self._switches = clock, store, switches
        self._kept: dict[str, tuple[object, dict[str, dict[str, Row]], Ledger]] = {}

    def of(self, books: Books) -> Ledger:
        """The ledger at this moment."""
        switches, today = self._switches, self._clock.now().date()
        made_with = (today, switches.conversion_balance, switches.depreciation)
        with self._store.lock:
            before = self._kept.get(books.tenant_id)
            # A change makes a new row, so that equal tables are the same rows.
            if before and before[0] == made_with and before[1] == books.tables:
                return before[2]
            tables = {name: dict(rows) for name, rows in books.tables.items()}
        ledger = keep(
            books.tenant_id,
            {name: [row.record for row in rows.values()] for name, rows in tables.items()},
            today,
            opening=switches.conversion_balance,
            wear=switches.depreciation,
        )
        self._kept[books.tenant_id] = (made_with, tables, ledger)
        return ledger
