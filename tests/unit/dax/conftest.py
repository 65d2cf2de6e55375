"""Three organisations whose history, and whose many edits, went through the product into the Power BI simulator."""

import copy
from calendar import monthrange
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
import requests
from azure.core.pipeline.transport import HttpTransport

from local.company import generate
from local.expected.values import day, number
from shared.state import connections, messages
from shared.tables import schema
from tests.support.books import ID_FIELDS, stamp
from tests.support.clock import START
from tests.support.servers import Servers
from tests.support.world import World
from tests.unit.dax.engine import Model
from tests.unit.dax.oracle import RESOURCES, Books

SEED = 7
START_DATE = date(2026, 1, 1)
ZONES = {
    "AUSEASTERNSTANDARDTIME": "Australia/Sydney",
    "WAUSTRALIASTANDARDTIME": "Australia/Perth",
    "NEWZEALANDSTANDARDTIME": "Pacific/Auckland",
}
EDITED = (
    "Invoices",
    "CreditNotes",
    "Prepayments",
    "Overpayments",
    "PurchaseOrders",
    "BankTransactions",
    "Payments",
)
KINDS = ("gone", "amounts", "status", "date", "flag")
AMOUNTS = ("SubTotal", "TotalTax", "Total", "AmountDue", "RemainingCredit", "Amount")


@dataclass(frozen=True)
class History:
    """model: all rows that Power BI got, superseded ones too. books: Xero at the end, an entry an organisation.

    clean: the same before somebody edited single fields, while the books still agree with themselves.
    """

    model: Model
    books: list[Books]
    clean: "History | None" = None


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Two offices in AUD, one in NZD; of each type and status some records are edited, and some gone for good.

    The servers are gone afterwards, with what they put into the environment: other tests of the process have their own.
    """
    with pytest.MonkeyPatch.context() as patch, Servers(tmp_path_factory.mktemp("identity"), None) as servers:
        for name, value in servers.identity.environment().items():
            patch.setenv(name, value)
        patch.setattr(HttpTransport, "sleep", lambda _, seconds: servers.identity_clock.leader.sleep(seconds))
        return live_through(
            World(servers, settings={"START_DATE": START_DATE.isoformat(), "READ_REPORTS": "true"})
        )


def live_through(world: World) -> History:
    """What the offices' history and two rounds of edits leave in Power BI and in Xero."""
    for office in generate(SEED, START.date(), months=4, documents=300):
        world.xero.store.load(office["tenant_id"], office["name"], office["resources"], "user-1")
    world.connect()
    world.settle()
    clean = taken(world, None)
    # Twice, so that what the first edits made, such as drafts of bills, is edited and removed, too.
    for _ in range(2):
        world.advance(3600)
        for turn, organisation in enumerate(connections.connected(world.store)):
            for resource in EDITED:
                gone = edit(world, organisation.tenant_id, resource, turn)
                messages.send_ids(
                    world.store, world.clock, organisation.tenant_id, resource, gone, "a test", "edits"
                )
        world.settle()
    return taken(world, clean)


def taken(world: World, clean: History | None) -> History:
    """What is in Power BI now, and in Xero."""
    tables = schema.dataset("Xero")["tables"]
    columns = {table["name"]: [column["name"] for column in table["columns"]] for table in tables}
    rows = {name: [[row[column] for column in columns[name]] for row in world.rows(name)] for name in columns}
    reports = {one.tenant_id: one.reports for one in clean.books} if clean else {}
    books = [books_of(world, tenant_id, reports.get(tenant_id)) for tenant_id in world.xero.store.books]
    return History(Model(columns, rows), books, clean)


def edit(world: World, tenant_id: str, resource: str, turn: int) -> list[str]:
    """Edits records of each type and status, and removes others; answers the ids of those. `turn` says which of them."""
    random, gone = Random(f"{SEED}/{tenant_id}/{resource}"), []
    seen: Counter[tuple[Any, Any]] = Counter()
    for record in list(world.xero.store.records(tenant_id, resource)):
        kind = record.get("Type") or record.get("PaymentType"), record["Status"]
        what = (*KINDS, "nothing", "nothing")[(seen[kind] + turn) % (len(KINDS) + 2)]
        seen[kind] += 1
        record_id = record[ID_FIELDS[resource]]
        if what == "gone":
            world.xero.store.remove(tenant_id, resource, record_id)
            gone.append(record_id)
        elif what != "nothing":
            fields, without = edits(record, what, random)
            world.xero.documents.change(tenant_id, resource, record_id, fields, without, True)
    return gone


def edits(record: dict[str, Any], what: str, random: Random) -> tuple[dict[str, Any], list[str]]:
    """What somebody did to a record: the fields that are new, and those that Xero shows no more."""
    if what == "amounts":
        found = {name: number(record.get(name)) for name in AMOUNTS}
        return {name: value + Decimal("13.37") for name, value in found.items() if value is not None}, []
    if what == "status":
        choices = ("VOIDED", "DELETED", "AUTHORISED", "SUBMITTED", "DRAFT", "PAID")
        return {"Status": random.choice(choices)}, []
    if what == "date" and (on := day(record, "Date")):
        moved = on + timedelta(days=random.choice((-40, -31, 31)))
        return {"Date": stamp(datetime.fromisoformat(f"{moved.isoformat()}+00:00"))}, ["DateString"]
    return {}, ["IsReconciled"]


def books_of(world: World, tenant_id: str, reports: Mapping[str, Sequence[Any]] | None) -> Books:
    """reports: those that Power BI has, where they are older than the records."""
    records = {name: copy.deepcopy(list(world.xero.store.records(tenant_id, name))) for name in RESOURCES}
    [owner] = world.xero.store.records(tenant_id, "Organisation")
    today = world.clock.now().astimezone(ZoneInfo(ZONES[owner["Timezone"]])).date()
    return Books(
        tenant_id, owner["BaseCurrency"], records, today, START_DATE, reports or reports_of(world, tenant_id)
    )


def reports_of(world: World, tenant_id: str) -> dict[str, list[Any]]:
    """Xero's reports: of each month since the start date, and of the first day for what banks began with."""
    found: dict[str, list[Any]] = {"TrialBalance": [], "ProfitAndLoss": [], "BankSummary": []}
    first = START_DATE
    found["BankSummary"].append(report_of(world, tenant_id, "BankSummary", fromDate=first, toDate=first))
    while first <= world.clock.now().date():
        last = first.replace(day=monthrange(first.year, first.month)[1])
        found["TrialBalance"].append(report_of(world, tenant_id, "TrialBalance", date=last))
        found["ProfitAndLoss"].append(
            report_of(world, tenant_id, "ProfitAndLoss", fromDate=first, toDate=last)
        )
        first = last + timedelta(days=1)
    return found


def report_of(world: World, tenant_id: str, name: str, **days: date) -> Any:
    query = urlencode({key: value.isoformat() for key, value in days.items()})
    answer = requests.get(f"{world.xero_url}/_sim/reports/{tenant_id}/{name}?{query}", timeout=10)
    return answer.json(parse_float=Decimal) | {"Through": (days.get("toDate") or days["date"]).isoformat()}
