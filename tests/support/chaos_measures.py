"""Every measure of what a world's Power BI holds, against Xero's records: by an evaluator of DAX and an oracle of their own."""

from typing import Any
from zoneinfo import ZoneInfo

from local.comparison import RESOURCES, in_scope
from local.expected.tables import ID_FIELDS, REPORTS
from shared.tables import TABLES
from tests.support import books
from tests.support.chaos_world import XERO, ChaosWorld
from tests.unit.dax.conftest import ZONES
from tests.unit.dax.proof import books_of, proof


def differing_measures(world: ChaosWorld) -> list[str]:
    """Where a measure says something else than Xero's records, in the scope of the history."""
    start = world.connector.settings.start_date
    every: dict[str, list[dict[str, Any]]] = {
        name: world.from_simulator(f"{XERO}/_sim/records/{books.TENANT}/{name}")["records"]
        for name in RESOURCES
        if name not in REPORTS
    }
    scope = in_scope(every, start)
    records = {
        name: [each for each in some if str(each[ID_FIELDS[name]]).lower() in scope[name]]
        for name, some in every.items()
    }
    [owner] = records["Organisation"]
    zone = ZoneInfo(ZONES.get(owner.get("Timezone", ""), "UTC"))
    today = world.clock.now().astimezone(zone).date()
    held = books_of(books.TENANT, records, today=today, start=start, reports={})
    return proof({table: world.rows(table) for table in TABLES}, [held])
