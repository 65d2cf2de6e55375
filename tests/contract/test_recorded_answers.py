"""What Xero really answered, read by the product: the recorded bytes and headers, served as they were."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shared.budgets import XeroBudget
from shared.errors import (
    ConnectorError,
    ConsentLost,
    LimitReached,
    NotFound,
    Refused,
    RetryLater,
    Unavailable,
)
from shared.http import Answer
from shared.state import connections
from shared.state.connections import Organisation
from shared.sync.compare import shape
from shared.xero.client import Request, Tenant
from shared.xero.identity import Connection, Tokens
from shared.xero.paging import Page, parse_page
from shared.xero.resources import RESOURCES
from tests.support import books, recordings
from tests.support.clock import ManualClock
from tests.support.memory_store import MemoryStore
from tests.support.recordings import Player, Recording, recorded, stub
from tests.support.servers import Servers
from tests.support.world import World

pytestmark = recordings.needs_recordings

API = "/api.xro/2.0/"
# The one organisation of the cassettes.
RECORDED_TENANT = "a46fcb6f-2773-40c4-a119-8aa08bca1e8e"


@pytest.fixture
def token_set(connected: World) -> str:
    found = connections.find(connected.store, books.TENANT)
    assert found is not None
    return found.token_set


def play(servers: Servers, **answers: Recording) -> None:
    """From now on Xero is these recordings and nothing else, each under its resource or as `connections`, `token`."""
    paths = {"connections": "/connections", "token": "/connect/token"}
    servers.xero.app = Player({paths.get(name, API + name): answer for name, answer in answers.items()})


def get(world: World, token_set: str, resource: str, tenant_id: str = RECORDED_TENANT) -> Answer:
    return world.connector.xero().get(
        Tenant(tenant_id, token_set), Request(resource, {"page": "1"} if RESOURCES[resource].paged else {})
    )


def straight(recording: Recording, plural: str) -> list[dict[str, Any]]:
    """The records of a recorded body, by the standard library."""
    found: list[dict[str, Any]] = json.loads(recording.body, parse_float=Decimal)[plural]
    return found


def summed(found: Iterable[tuple[str, Any]]) -> dict[str, tuple[int, Decimal]]:
    """Count and sum of (group, number)."""
    sums: dict[str, tuple[int, Decimal]] = defaultdict(lambda: (0, Decimal()))
    for group, number in found:
        count, total = sums[group]
        sums[group] = (count + 1, total + Decimal(number))
    return dict(sums)


# Identity


def test_the_recorded_token_answer(connected: World, servers: Servers) -> None:
    """A refresh's answer gives both tokens, their half hour and the scopes; cookies and the like change nothing."""
    play(servers, token=recorded(recordings.TOKENS))
    tokens = connected.connector.xero_identity().refresh("old", "secret")
    assert tokens == Tokens(
        access_token="xero-access-token",
        refresh_token="xero-refresh-token",
        expires_in=timedelta(minutes=30),
        scope="email profile openid accounting.reports.read accounting.attachments.read accounting.settings "
        "accounting.settings.read accounting.attachments accounting.transactions accounting.journals.read "
        "accounting.transactions.read accounting.contacts accounting.contacts.read offline_access",
        user="",
    )


def test_the_recorded_connection(connected: World, servers: Servers) -> None:
    """A connection from before Xero told names is called by its tenant id."""
    play(servers, connections=recorded(recordings.CONNECTIONS))
    assert connected.connector.xero_identity().connections("token") == [
        Connection(
            connection_id="f4a87932-0878-4884-abcf-73191dd810ba",
            tenant_id=RECORDED_TENANT,
            tenant_type="ORGANISATION",
            name=RECORDED_TENANT,
            created_at=datetime(2020, 3, 18, 21, 20, 7, 717925, UTC),
            updated_at=datetime(2020, 3, 30, 5, 15, 13, 351362, UTC),
        )
    ]


def test_recorded_connections_of_two_organisations(connected: World, servers: Servers) -> None:
    """Each is found, also one whose connection id is no UUID."""
    play(servers, connections=stub("connections.json"))
    found = connected.connector.xero_identity().connections("token")
    assert [(each.connection_id, each.tenant_id) for each in found] == [
        ("9332e669-0a35-4084-8f05-cd1ff31918c2", "7f5fabdd-9565-416a-9b62-d53d852bb2a3"),
        ("8774aba8-708f-48d1-865e-zedf93a0d5d5", "b4aca7b2-6fab-4ee7-a969-477f9128f636"),
    ]


# Lists


@pytest.mark.parametrize(
    ("cassette", "request_id", "milliseconds"),
    [
        (recordings.ORGANISATION, "da2106d9-a432-4230-a7b4-eb15ffe09f8b", 1584585851967),
        (recordings.SAME_ORGANISATION, "01d8d84f-4a48-48d9-abd5-30b60f609da9", 1584585851380),
    ],
)
def test_the_recorded_organisation(
    connected: World, servers: Servers, token_set: str, cassette: str, request_id: str, milliseconds: int
) -> None:
    """The unpaged list of one record, with Xero's clock and request id; its row says what the record says."""
    play(servers, Organisation=recorded(cassette))
    page = parse_page(get(connected, token_set, "Organisation"), RESOURCES["Organisation"])
    assert page == Page(
        records=straight(recorded(cassette), "Organisations"),
        answered_at=datetime.fromtimestamp(milliseconds // 1000, UTC)
        + timedelta(milliseconds=milliseconds % 1000),
        request_id=request_id,
        item_count=None,
        page_count=None,
    )
    [row] = rows(page.records, "Organisation")["Organisations"]
    said = {
        "OrganisationID": RECORDED_TENANT,
        "Name": "Demo Company (NZ)",
        "BaseCurrency": "NZD",
        "FinancialYearEndMonth": 3,
    }
    assert {name: row[name] for name in said} == said


def rows(records: list[dict[str, Any]], resource: str) -> dict[str, list[dict[str, Any]]]:
    """The rows that the product makes of records, by table."""
    organisation = Organisation(
        tenant_id=RECORDED_TENANT,
        name="Demo Company (NZ)",
        connection_id="",
        token_set="",
        base_currency="NZD",
    )
    tables: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        for table, made in shape(organisation, resource, record).items():
            tables[table] += made
    return tables


def test_the_recorded_invoices(connected: World, servers: Servers, token_set: str) -> None:
    """All 79 invoices come off the wire as they were sent, digit for digit, on a list without pagination."""
    play(servers, Invoices=recorded(recordings.INVOICES))
    page = parse_page(get(connected, token_set, "Invoices"), RESOURCES["Invoices"])
    sent = straight(recorded(recordings.INVOICES), "Invoices")
    assert len(page.records) == 79
    assert repr(page.records) == repr(sent)
    assert len(set(page.ids(RESOURCES["Invoices"]))) == 79
    assert (page.item_count, page.page_count) == (None, None)


def test_rows_of_the_recorded_invoices_add_up() -> None:
    """79 rows of invoices and 92 of lines; every sum, by type and status or by account, is that of the recording."""
    sent = straight(recorded(recordings.INVOICES), "Invoices")
    made = rows(sent, "Invoices")
    assert (len(made["Invoices"]), len(made["Lines"])) == (79, 92)
    for column, field in (
        ("TotalAmount", "Total"),
        ("TotalAmountBase", "Total"),
        ("SubTotal", "SubTotal"),
        ("TotalTax", "TotalTax"),
        ("AmountDue", "AmountDue"),
        ("AmountPaid", "AmountPaid"),
        ("AmountCredited", "AmountCredited"),
    ):
        assert summed((f"{row['Type']} {row['Status']}", row[column]) for row in made["Invoices"]) == summed(
            (f"{each['Type']} {each['Status']}", each[field]) for each in sent
        )
    lines = [(each, line) for each in sent for line in each["LineItems"]]
    assert summed((str(row["AccountCode"]), row["LineAmount"]) for row in made["Lines"]) == summed(
        (str(line.get("AccountCode")), line["LineAmount"]) for _, line in lines
    )
    # Without tax: what the lines of a document come to is its SubTotal.
    by_document = summed((row["DocumentID"], row["NetAmount"]) for row in made["Lines"])
    assert {key: total for key, (_, total) in by_document.items()} == {
        each["InvoiceID"]: each["SubTotal"] for each in sent
    }


def test_days_of_the_recorded_invoices() -> None:
    """The /Date()/ of a document is the day that Xero writes beside it, whichever of the two is read."""
    sent = straight(recorded(recordings.INVOICES), "Invoices")
    without = [{name: value for name, value in each.items() if not name.endswith("String")} for each in sent]
    assert len(without[0]) < len(sent[0])
    expected = [(each["DateString"], each.get("DueDateString")) for each in sent]
    for records in (sent, without):
        made = rows(records, "Invoices")["Invoices"]
        assert [(row["Date"], row["DueDate"]) for row in made] == expected


# Limits


def test_the_recorded_limits_count(connected: World, servers: Servers, token_set: str) -> None:
    """What the headers say is left of the minute and of the day is all that is used, were there others that called."""
    play(servers, Invoices=recorded(recordings.INVOICES))
    headers = get(connected, token_set, "Invoices").headers
    assert (headers["x-minlimit-remaining"], headers["X-DayLimit-Remaining"]) == ("59", "4984")
    clock = ManualClock()
    budget = XeroBudget(MemoryStore(clock), clock, minute_limit=60, day_limit=5000, webhook_reserve=0)
    budget.release(budget.take(RECORDED_TENANT, urgent=False), 0, headers)
    taken, of_a_minute = 0, []
    while True:
        try:
            budget.release(budget.take(RECORDED_TENANT, urgent=False), 0)
            taken += 1
        except LimitReached as reached:
            of_a_minute.append(taken)
            if reached.limit == "day":
                break
            clock.advance(60)
    assert of_a_minute[0] == 59
    assert taken == 4984


# Errors


@pytest.mark.parametrize(
    ("file", "status", "expected", "words"),
    [
        ("expired_oauth2_token.json", 401, RetryLater, "TokenExpired: token expired at 01/23/2020"),
        ("invalid_oauth2_request_token.json", 401, RetryLater, "AuthenticationUnsuccessful"),
        ("bad_request.json", 400, Refused, "exceeded the maximum length of 20"),
        ("object_not_found.json", 404, NotFound, "The statement was not found."),
        ("generic_response_error.json", 409, Refused, "marked as a duplicate"),
    ],
)
def test_recorded_errors(
    connected: World,
    servers: Servers,
    token_set: str,
    file: str,
    status: int,
    expected: type[ConnectorError],
    words: str,
) -> None:
    """Each recorded error has its name and Xero's own words; only a refused token asks for a refresh."""
    recording = stub(file, status)
    assert {json.loads(recording.body).get(name) for name in ("Status", "status")} == {status, None}
    play(servers, Invoices=recording, connections=recorded(recordings.CONNECTIONS))
    with pytest.raises(expected) as caught:
        get(connected, token_set, "Invoices")
    assert type(caught.value) is expected
    assert words in caught.value.vendor_words
    checkpoint = connected.store.get_entity("checkpoints", "token-set", token_set)
    assert bool(checkpoint and checkpoint.entity.get("asked")) is (status == 401)


@pytest.mark.parametrize(
    ("tenant_id", "expected"), [(RECORDED_TENANT, Unavailable), (books.TENANT, ConsentLost)]
)
def test_the_recorded_403(
    connected: World, servers: Servers, token_set: str, tenant_id: str, expected: type[ConnectorError]
) -> None:
    """The 403 of a wrong tenant passes where /connections lists the organisation, and is a lost consent where not."""
    play(
        servers,
        Invoices=stub("invalid_tenant_header.json", 403),
        connections=recorded(recordings.CONNECTIONS),
    )
    with pytest.raises(expected) as caught:
        get(connected, token_set, "Invoices", tenant_id)
    assert type(caught.value) is expected
    assert "AuthenticationUnsuccessful" in caught.value.vendor_words
