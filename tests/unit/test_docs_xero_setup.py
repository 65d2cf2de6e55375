"""docs/xero-setup.md and docs/for-the-client.md say what the code asks for."""

import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

from commands.redirect import LIMITS
from commands.webhook import PATH
from shared.secrets import XERO_CLIENT_SECRET, XERO_WEBHOOK_KEYS
from shared.settings import Settings
from shared.xero.resources import BY_WEBHOOK_CATEGORY, RESOURCES, SIGN_IN, reading_scopes, scopes

DOCS = Path(__file__).resolve().parents[2] / "docs"
SETUP = (DOCS / "xero-setup.md").read_text("utf-8")
CLIENT = (DOCS / "for-the-client.md").read_text("utf-8")
# What an owner of books calls the resources; a new one is told to the client before it is read.
TOLD = {
    "Organisation": "the organisation's name",
    "Accounts": "accounts",
    "TaxRates": "tax rates",
    "TrackingCategories": "tracking categories",
    "Items": "items",
    "Contacts": "customers and suppliers",
    "Invoices": "invoices, bills",
    "CreditNotes": "credit notes",
    "Prepayments": "prepayments",
    "Overpayments": "overpayments",
    "PurchaseOrders": "purchase orders",
    "Payments": "payments",
    "BankTransactions": "bank transactions",
    "BankTransfers": "transfers between accounts",
    "ManualJournals": "manual journals",
    "TrialBalance": "trial balance",
    "ProfitAndLoss": "profit and loss",
    "BankSummary": "bank summary",
}


def test_the_scopes_are_those_that_are_asked_for() -> None:
    """Each scope with what is read by it, and the setting that leaves it out; no other."""
    rows = re.findall(r"^\| `(accounting\.\S+)` \| ([\w, ]+) \| ?(?:`(\w+)`)?", SETUP, re.MULTILINE)
    told = {scope: (set(read.strip().split(", ")), setting) for scope, read, setting in rows}
    asked: dict[str, set[str]] = defaultdict(set)
    optional: dict[str, str] = {}
    for resource in RESOURCES.values():
        asked[resource.scope].add(resource.name)
        optional[resource.scope] = resource.optional.upper()
    assert told == {scope: (names, optional[scope]) for scope, names in asked.items()}


def test_signing_in_is_for_a_consent_alone() -> None:
    """What the page says of openid, profile and offline_access is so; a custom connection asks for reading only."""
    some = RESOURCES.values()
    assert scopes(some).split() == [*SIGN_IN, *reading_scopes(some).split()]
    assert all(f"`{each}`" in SETUP for each in SIGN_IN)


def test_names_that_must_be_typed_are_right() -> None:
    """Secrets, settings, categories, the redirect URI and the webhook's path are those of the code."""
    for name in (XERO_CLIENT_SECRET, *XERO_WEBHOOK_KEYS):
        assert f"`{name}`" in SETUP
    settings = {
        field.metadata["name"]: field.metadata for field in fields(Settings) if "name" in field.metadata
    }
    assert f"`{settings['XERO_REDIRECT_URI']['default']}`" in SETUP
    assert set(re.findall(r"\bXERO_[A-Z_]+\b", SETUP)) <= set(settings)
    assert f".azurewebsites.net{PATH}`" in SETUP
    categories = re.search(r"\((`[A-Z]+`(?:, `[A-Z]+`)+)\)", SETUP)
    assert categories
    assert set(re.findall(r"[A-Z]+", categories[1])) == set(BY_WEBHOOK_CATEGORY)


def test_the_client_is_told_all_that_is_read() -> None:
    """A resource that is read by default stands in the letter, in an owner's words."""
    by_default = {name for name, each in RESOURCES.items() if each.optional != "read_journals"}
    assert set(TOLD) == by_default
    told = CLIENT.casefold()
    assert [words for words in TOLD.values() if words not in told] == []


def test_limits_are_told_alike() -> None:
    """What `connect` says of Xero's limits and what the page says is the same."""
    assert re.findall(r"connects (\d+) .* takes (\d+) apps", LIMITS) == [("5", "2")]
    assert "| Organisations connected to the app | 5 |" in SETUP
    assert "takes **two uncertified apps**" in SETUP
