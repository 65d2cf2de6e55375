"""Several organisations side by side, each with its own limits, consent and dataset."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from shared.state import connections, sink
from shared.state.connections import DEFAULT_DATASET
from shared.sync import receive
from tests.support import books
from tests.support.offices import (
    AUCKLAND,
    NAMES,
    PERTH,
    SYDNEY,
    TOGETHER,
    counts,
    differences,
    join,
    load,
    organisation,
    pass_time,
    rows,
    settle,
    use_up,
)
from tests.support.world import XERO_CLIENT, World

NewWorld = Callable[..., World]


def refusals(world: World) -> int:
    """How often Xero said 429."""
    return int(world.xero.statistics.as_dict()["by_status"].get("429", 0))


# Side by side


def test_three_at_once_each_with_its_own_limits(offices: World) -> None:
    """One at its day's limit and one at its minute's stop after one refusal each; the third is complete meanwhile."""
    use_up(offices, SYDNEY, "day")
    use_up(offices, AUCKLAND, "minute")
    for _ in range(2):
        offices.poll()
        offices.drain_queue()
    assert refusals(offices) == 2
    assert differences(offices, PERTH) == []
    assert counts(offices, SYDNEY) == counts(offices, AUCKLAND) == dict.fromkeys(counts(offices, PERTH), 0)
    waits = {row["organisation"]: row["error"] for row in offices.audit("poll", "put off")}
    assert waits.keys() == {SYDNEY, AUCKLAND}
    assert "day limit" in waits[SYDNEY]
    assert "minute limit" in waits[AUCKLAND]

    offices.advance(61)
    offices.poll()
    offices.drain_queue()
    assert differences(offices, AUCKLAND) == []
    assert not any(counts(offices, SYDNEY).values())
    assert refusals(offices) == 2

    pass_time(offices, hours=24)
    settle(offices)
    assert [differences(offices, each) for each in NAMES] == [[], [], []]


def test_currencies_and_time_zones(offices: World) -> None:
    """Amounts are in each organisation's own base currency, at the document's rate; days are the organisation's own."""
    settle(offices)
    assert [differences(offices, each) for each in NAMES] == [[], [], []]
    assert {each.tenant_id: each.base_currency for each in connections.connected(offices.store)} == {
        SYDNEY: "AUD",
        AUCKLAND: "NZD",
        PERTH: "AUD",
    }
    first = books.record_id("Invoices", 1)
    [foreign] = [row for row in rows(offices, "Invoices", AUCKLAND) if row["InvoiceKey"].endswith(first)]
    assert (foreign["CurrencyCode"], foreign["TotalAmount"]) == ("AUD", Decimal(200))
    # 200 / 0.92 = 217.391304…
    assert foreign["TotalAmountBase"] == Decimal("217.3913")
    [home] = [row for row in rows(offices, "Invoices", PERTH) if row["InvoiceKey"].endswith(first)]
    assert home["TotalAmountBase"] == home["TotalAmount"] == Decimal(200)
    assert home["Date"] == foreign["Date"]


def test_keys_of_different_organisations_never_meet(offices: World) -> None:
    """Records of the same id in two organisations are two records."""
    settle(offices)
    for table, key in (("Invoices", "InvoiceKey"), ("Contacts", "ContactKey"), ("Accounts", "AccountKey")):
        keys = [{row[key] for row in rows(offices, table, each)} for each in NAMES]
        assert len(set.union(*keys)) == sum(map(len, keys)) > 0


# Consents


def test_a_token_set_for_each_user(offices: World) -> None:
    """Two users' consents are two token sets, each renewed by itself."""
    sets = {each: organisation(offices, each).token_set for each in NAMES}
    assert sets[SYDNEY] == sets[AUCKLAND] != sets[PERTH]
    for _ in range(3):
        offices.advance(20 * 60)
        offices.refresh()
    generations = [offices.connector.secrets().token_set(name).generation for name in set(sets.values())]
    assert generations == [4, 4]
    settle(offices)
    assert [differences(offices, each) for each in NAMES] == [[], [], []]


def test_a_revoked_consent_stops_its_organisations_only(offices: World) -> None:
    """When a user revokes, the organisations of that consent stop and ask for connect; those of the other go on."""
    settle(offices)
    tokens = offices.connector.secrets().token_set(organisation(offices, SYDNEY).token_set)
    offices.xero.identity.revoke(offices.xero.identity.clients[XERO_CLIENT], tokens.refresh_token)
    for tenant_id in NAMES:
        offices.change("Contacts", 1, tenant_id=tenant_id, Name="Renamed")
    pass_time(offices, hours=1)
    settle(offices)
    assert {each.tenant_id: each.consent_lost for each in connections.connected(offices.store)} == {
        SYDNEY: True,
        AUCKLAND: True,
        PERTH: False,
    }
    assert differences(offices, PERTH) == []
    assert differences(offices, SYDNEY) != []
    calls = len(offices.calls)
    offices.poll()
    assert len(offices.calls) == calls

    join(offices)
    pass_time(offices, hours=1)
    settle(offices)
    assert [differences(offices, each) for each in NAMES] == [[], [], []]


def test_one_organisation_that_xero_lists_no_more(offices: World) -> None:
    """An organisation that its user disconnected at Xero stops alone, though others share its token set."""
    settle(offices)
    [gone] = [key for key, each in offices.xero.identity.connections.items() if each.tenant_id == AUCKLAND]
    del offices.xero.identity.connections[gone]
    for tenant_id in NAMES:
        offices.change("Contacts", 1, tenant_id=tenant_id, Name="Renamed")
    offices.advance(15 * 60)
    settle(offices)
    lost = {each.tenant_id for each in connections.connected(offices.store) if each.consent_lost}
    assert lost == {AUCKLAND}
    [asked] = offices.audit("poll", "ask")
    assert (asked["organisation"], "manage.py connect" in asked["error"]) == (AUCKLAND, True)
    assert (differences(offices, SYDNEY), differences(offices, PERTH)) == ([], [])


def test_a_renewed_connection_is_not_marked_lost(offices: World) -> None:
    """Who finds a consent lost by a connection of before changes nothing of one that was renewed meanwhile."""
    before = organisation(offices, SYDNEY)
    join(offices)
    assert connections.mark_consent_lost(offices.store, before) is False
    assert not organisation(offices, SYDNEY).consent_lost
    assert connections.mark_consent_lost(offices.store, organisation(offices, SYDNEY)) is True
    assert organisation(offices, SYDNEY).consent_lost


def test_a_removed_connection_is_not_marked_lost(offices: World) -> None:
    """Nor does it bring back half of one that was removed."""
    before = organisation(offices, SYDNEY)
    connections.remove(offices.store, SYDNEY)
    assert connections.mark_consent_lost(offices.store, before) is False
    assert connections.find(offices.store, SYDNEY) is None


# Datasets


@pytest.fixture
def two_datasets(new_world: NewWorld) -> World:
    """Sydney goes into the default dataset, Perth into `west`; both are in Power BI."""
    world = new_world(settings=TOGETHER)
    load(world, SYDNEY)
    load(world, PERTH, user="user-2")
    join(world)
    join(world, user="user-2", into="west")
    settle(world)
    return world


def test_rows_go_only_where_they_are_assigned(two_datasets: World) -> None:
    """Each dataset has all rows of its organisations, none of others, and a name of its own in Power BI."""
    world = two_datasets
    assert differences(world, SYDNEY) == differences(world, PERTH, "west") == []
    nothing = dict.fromkeys(counts(world, SYDNEY), 0)
    assert counts(world, SYDNEY, "west") == counts(world, PERTH) == nothing
    names = {each["name"]: each["id"] for each in world.connector.powerbi().datasets()}
    assert names == {
        "Xero": sink.read(world.store, DEFAULT_DATASET).powerbi_id,
        "Xero west": sink.read(world.store, "west").powerbi_id,
    }


def test_each_dataset_has_its_own_versions(two_datasets: World) -> None:
    """A push into one dataset takes no version of another, and reserves none there."""
    world = two_datasets
    before = {name: sink.read(world.store, name).version_high for name in (DEFAULT_DATASET, "west")}
    world.change("Contacts", 1, tenant_id=PERTH, Name="Renamed")
    world.webhook([("CONTACT", books.record_id("Contacts", 1))], tenant_id=PERTH)
    world.drain_queue()
    assert sink.read(world.store, DEFAULT_DATASET).version_high == before[DEFAULT_DATASET]
    versions = [row["RowVersion"] for row in rows(world, "Contacts", PERTH, "west")]
    assert max(versions) == sink.read(world.store, "west").version_high > before["west"]
    assert differences(world, PERTH, "west") == []


def test_one_dataset_that_is_down_stops_no_other(two_datasets: World) -> None:
    """Rows of other datasets are pushed while one dataset is held by another run."""
    world = two_datasets
    lease = world.store.acquire_lease(f"dataset/{DEFAULT_DATASET}", 60)
    assert lease is not None
    for tenant_id in (SYDNEY, PERTH):
        world.change("Contacts", 1, tenant_id=tenant_id, Name="Renamed")
    world.advance(15 * 60 - 50)
    lease = world.store.acquire_lease(f"dataset/{DEFAULT_DATASET}", 60) or lease
    world.advance(50)
    world.poll()
    world.drain_queue()
    assert differences(world, PERTH, "west") == []
    assert differences(world, SYDNEY) != []
    world.store.release_lease(lease)
    settle(world)
    assert differences(world, SYDNEY) == []


# Webhooks


def test_two_organisations_in_one_delivery(offices: World) -> None:
    """A delivery about two organisations is fetched from each, with the consent of each."""
    settle(offices)
    offices.change("Invoices", 1, tenant_id=SYDNEY, Reference="Sydney's")
    offices.change("Invoices", 1, tenant_id=PERTH, Reference="Perth's")
    offices.calls.clear()
    key = books.record_id("Invoices", 1)
    offices.xero.webhooks.collect(SYDNEY, "INVOICE", f"https://api.xero.com/x/{key}", key, "UPDATE")
    body, signature = offices.delivery([("INVOICE", key)], tenant_id=PERTH)
    assert receive.receive_webhook(offices.connector, body, signature) == 2
    offices.drain_queue()
    assert len(offices.calls) == 2
    assert [differences(offices, each) for each in NAMES] == [[], [], []]
