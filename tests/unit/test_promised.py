"""Until when figures are fresh enough, and when an organisation counts as not read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.settings import Settings, StorageSettings, read_settings
from shared.state.checkpoints import Checkpoint, Read
from shared.sync.promised import GRACE, fresh_until, unread_since
from shared.xero.resources import RESOURCES

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NEEDED = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "XERO_CLIENT_ID": "x",
    "START_DATE": "2026-01-01",
    "KEY_VAULT_URL": "https://v.vault.azure.net",
    **dict.fromkeys(
        ("POWERBI_TENANT_ID", "POWERBI_CLIENT_ID", "POWERBI_WORKSPACE_ID"),
        "00000000-0000-0000-0000-000000000000",
    ),
}


def settings(**more: str) -> Settings:
    found = read_settings(NEEDED | more, RESOURCES)
    assert isinstance(found.storage, StorageSettings)
    return found


def read_at(name: str, at: datetime, **more: Any) -> Checkpoint:
    """A resource whose history is there and that was last read then."""
    return Checkpoint(tenant_id="t", resource=name, history="h", completed_at=at, **more)


def until(name: str, at: datetime, **more: str) -> datetime | None:
    return fresh_until(settings(**more), {name: read_at(name, at)}, [name])


def since(found: dict[str, Checkpoint], now: datetime, **more: Any) -> datetime | None:
    """Since when nothing is read, of just these resources."""
    facts: dict[str, Any] = {"last_call": None, "day_spent": False} | more
    return unread_since(settings(), [RESOURCES[name] for name in found], found, now=now, **facts)


@pytest.mark.parametrize(
    ("name", "more", "minutes"),
    [
        ("Invoices", {}, 15),
        ("Contacts", {}, 30),
        ("Invoices", {"POLL_MINUTES": "5"}, 5),
        # Until six in the morning nothing is read, and nothing is late.
        ("Invoices", {"QUIET_HOURS": "9-6"}, 21 * 60),
        # Two hours before seven.
        ("Invoices", {"POLL_PROFILE": "nightly"}, 20 * 60),
        ("TrialBalance", {}, 20 * 60),
    ],
)
def test_the_promise_follows_the_schedule(name: str, more: dict[str, str], minutes: int) -> None:
    """Read at nine, a table is fresh enough until its next read is due, and a quarter of an hour for that."""
    assert until(name, NINE, **more) == NINE + minutes * MINUTE + GRACE


def test_long_lists_take_longer() -> None:
    """While a list of a hundred pages is read whole, its tables are not late."""
    reading = read_at("Invoices", NINE, read=Read(kind="whole", read_id="w", page_count=90))
    assert fresh_until(settings(), {"Invoices": reading}, ["Invoices"]) == NINE + 30 * MINUTE + 15 * MINUTE


def test_without_a_history_there_is_no_promise() -> None:
    """A table of two resources has one from when both are read."""
    found = {
        "Invoices": read_at("Invoices", NINE),
        "Payments": Checkpoint(tenant_id="t", resource="Payments"),
    }
    assert fresh_until(settings(), found, ["Invoices", "Payments"]) is None
    assert fresh_until(settings(), found, ["Invoices", "CreditNotes"]) is None


def test_one_resource_that_fails_is_not_all() -> None:
    """While others are read, the organisation is; when they stand still, too, it is not, since then."""
    found = {"Invoices": read_at("Invoices", NINE), "Contacts": read_at("Contacts", NINE + 60 * MINUTE)}
    assert since(found, NINE + 90 * MINUTE) is None
    assert since(found, NINE + 106 * MINUTE) == NINE + 90 * MINUTE


def test_a_history_waits_for_the_day() -> None:
    """What has no history yet is not late because no call is left of the day; without a call for long it is."""
    found = {"Invoices": Checkpoint(tenant_id="t", resource="Invoices")}
    now = NINE + 16 * MINUTE
    assert since(found, now, last_call=NINE) == NINE
    assert since(found, now, last_call=NINE, day_spent=True) is None
    assert since(found, now, last_call=NINE + 10 * MINUTE) is None


def test_what_waits_for_a_person_is_told_elsewhere() -> None:
    """A parked resource is no sign that nothing is read."""
    found = {"Invoices": read_at("Invoices", NINE, parked=True, trouble="refused")}
    assert since(found, NINE + 600 * MINUTE) is None
