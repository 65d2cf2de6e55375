"""Three organisations of one company, of two users, in two currencies and three time zones, and what they come to."""

import math
from decimal import Decimal

from shared.state import checkpoints, connections, outbox, sink
from shared.state.connections import DEFAULT_DATASET, Organisation
from shared.state.messages import QUEUE
from shared.sync import connect, dataset, disconnect
from tests.support import books
from tests.support.world import XERO_CLIENT, World

SYDNEY, AUCKLAND = books.TENANT, books.OTHER_TENANT
PERTH = "2d7b4e30-5c66-4d20-9c79-8d3f7c4b1e32"
NAMES = {SYDNEY: "Larkspur Sydney", AUCKLAND: "Larkspur Auckland", PERTH: "Larkspur Perth"}
ZONES = {
    SYDNEY: "AUSEASTERNSTANDARDTIME",
    AUCKLAND: "NEWZEALANDSTANDARDTIME",
    PERTH: "WAUSTRALIASTANDARDTIME",
}


# Everything in one world is due together.
TOGETHER = {"POLL_MINUTES": "15"}


def office(tenant_id: str, *, plain: bool = False) -> books.Resources:
    """The small books of an office: Auckland keeps them in NZD, with a first invoice in AUD at 0.92.

    plain: books that fill six tables only.
    """
    found = books.plain_books(tenant_id=tenant_id) if plain else books.small_books(tenant_id=tenant_id)
    found["Organisation"][0] |= {"Name": NAMES[tenant_id], "Timezone": ZONES[tenant_id]}
    if tenant_id == AUCKLAND:
        found["Organisation"][0] |= {"BaseCurrency": "NZD", "CountryCode": "NZ"}
        for invoice in found["Invoices"]:
            invoice["CurrencyCode"] = "NZD"
        found["Invoices"][0] |= {"CurrencyCode": "AUD", "CurrencyRate": Decimal("0.920000")}
        for payment in found["Payments"]:
            payment["Invoice"]["CurrencyCode"] = "NZD"
    return found


def load(world: World, *tenants: str, user: str = "user-1", plain: bool = False) -> None:
    """Put the books of offices into Xero, which `user` may connect."""
    for tenant_id in tenants:
        world.load(office(tenant_id, plain=plain), tenant_id=tenant_id, name=NAMES[tenant_id], user=user)


def join(world: World, *, user: str = "user-1", into: str = DEFAULT_DATASET) -> list[Organisation]:
    """A user connects all organisations that are theirs; the dataset is made."""
    consent = connect.ask_for_consent(world.connector)
    answer = world.press_allow(consent.url, user)
    found = connect.finish_consent(world.connector, consent, answer, dataset=into)
    dataset.ensure_dataset(world.connector, into)
    return found


def leave(world: World, tenant_id: str) -> disconnect.Disconnected:
    """Disconnect an office."""
    return disconnect.disconnect(world.connector, organisation(world, tenant_id))


def organisation(world: World, tenant_id: str) -> Organisation:
    found = connections.find(world.store, tenant_id)
    assert found is not None
    return found


def settle(world: World, *, rounds: int = 60) -> None:
    """Let timers and queue run until nothing waits, in any dataset, of organisations whose consent is given."""
    for _ in range(rounds):
        world.poll()
        world.drain_queue()
        if not unsettled(world):
            return
        world.advance(60)
        world.refresh()
    raise AssertionError(unsettled(world))


def unsettled(world: World) -> str:
    """What still waits to be read or pushed; "" when nothing does."""
    connected = [each for each in connections.connected(world.store) if not each.consent_lost]
    for each in connected:
        for name in world.connector.resources:
            checkpoint = checkpoints.load(world.store, each.tenant_id, name)
            if not checkpoint.history or checkpoint.read or checkpoint.is_due(world.clock.now()):
                return f"{name} of {each.name} is being read {checkpoint.trouble}"
    for name in {each.dataset for each in connected}:
        if any(outbox.pending(world.store, name)) or sink.read(world.store, name).in_flight:
            return f"dataset {name} is being pushed"
    return "messages are queued" if world.store.queue_length(QUEUE) else ""


def differences(world: World, tenant_id: str, name: str = DEFAULT_DATASET) -> list[str]:
    """How an office's rows in a dataset differ from its books."""
    world.dataset_id = sink.read(world.store, name).powerbi_id
    return world.differences(tenant_id=tenant_id)


def rows(world: World, table: str, tenant_id: str, name: str = DEFAULT_DATASET) -> list[books.Record]:
    """All rows of an office in a table of a dataset, superseded ones too."""
    world.dataset_id = sink.read(world.store, name).powerbi_id
    return [row for row in world.rows(table) if row["TenantID"] == tenant_id]


def counts(world: World, tenant_id: str, name: str = DEFAULT_DATASET) -> dict[str, int]:
    """How many rows an office has in each table of a dataset."""
    tables = ("Organisations", "Accounts", "Contacts", "Invoices", "Lines", "Payments")
    return {table: len(rows(world, table, tenant_id, name)) for table in tables}


def use_up(world: World, tenant_id: str, limit: str) -> None:
    """Spend the rest of an office's minute or day at Xero, as another app of the same name would."""
    now = int(world.xero_clock.now().timestamp() * 1000)
    minute, day, _ = world.xero.limits._of(XERO_CLIENT, tenant_id)
    window, most = {
        "minute": (minute, world.xero.switches.minute_limit),
        "day": (day, world.xero.switches.day_limit),
    }[limit]
    while window.calls(now) < most:
        window.count(now)


def pass_time(world: World, *, hours: float) -> None:
    """Let hours pass in which only the tokens are kept alive."""
    for _ in range(math.ceil(2 * hours)):
        world.advance(1800)
        world.refresh()
