"""What rows take from an organisation's own lists: tax rates, slots of tracking categories, personal data."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tables import TABLES, uses
from shared.tables.lists import Lists, TaxRate
from tests.support.records import CONTACT_ID, ID_FIELDS, INVOICE_ID, OTHER, PURCHASE_ORDER, shaped

LISTS = Lists(
    tax_rates={"OUTPUT": TaxRate("GST on Income", Decimal("12.34567")), "OLD": TaxRate(None, None)},
    slots={"a1": 1, "b2": 2, "c3": 4, "gone": 3},
    categories={"a1": "Region", "b2": "Team", "c3": "Team", "d4": "Beyond"},
)


def line(**fields: Any) -> dict[str, Any]:
    (row,) = shaped("Lines", {"InvoiceID": INVOICE_ID, "LineItems": [fields]}, lists=LISTS)
    return row


@pytest.mark.parametrize(
    ("tax_type", "name", "percent"),
    [
        ("OUTPUT", "GST on Income", Decimal("12.3457")),
        ("OLD", None, None),
        ("output", None, None),
        ("INPUT", None, None),
        (None, None, None),
    ],
)
def test_a_line_tells_its_tax(tax_type: str | None, name: str | None, percent: Decimal | None) -> None:
    """Name and percentage by the organisation's own list; nothing is made up for a type that it does not have."""
    row = line(TaxType=tax_type)
    assert (row["TaxName"], row["TaxRate"]) == (name, percent)


@pytest.mark.parametrize(
    ("tracking", "shown"),
    [
        ([{"TrackingCategoryID": "A1", "Name": "Of old", "Option": "North"}], {1: ("A1", "Region", "North")}),
        (
            [
                {"TrackingCategoryID": "c3", "Name": "Team", "Option": "Red"},
                {"TrackingCategoryID": "b2", "Name": "Team", "Option": "Blue"},
            ],
            {2: ("b2", "Team", "Blue"), 4: ("c3", "Team", "Red")},
        ),
        # A category that Xero has no more keeps its slot, and the name that the line has.
        ([{"TrackingCategoryID": "gone", "Name": "Shop", "Option": "City"}], {3: ("gone", "Shop", "City")}),
        # By name alone, where one category is called so.
        ([{"Name": "Region", "Option": "South"}], {1: ("a1", "Region", "South")}),
        ([{"Name": "Team", "Option": "Red"}], {}),
        ([{"Name": "Nobody's", "Option": "Red"}], {}),
        # The fifth has no slot.
        ([{"TrackingCategoryID": "d4", "Name": "Beyond", "Option": "X"}], {}),
        ([], {}),
        (None, {}),
    ],
)
def test_a_category_stands_in_the_same_columns_on_every_line(
    tracking: Any, shown: dict[int, tuple[str, str, str]]
) -> None:
    """By its slot, whatever its place on the line; where a line has no option, it says Unassigned."""
    row = line(Tracking=tracking)
    assert {
        slot: tuple(row[f"Tracking{slot}{name}"] for name in ("CategoryID", "Category", "Option"))
        for slot in (1, 2, 3, 4)
    } == dict.fromkeys((1, 2, 3, 4), (None, None, "Unassigned")) | shown


def test_a_marker_has_nothing_to_be_unassigned() -> None:
    """Else a slicer on Unassigned would find rows that are no lines."""
    for table, record in (("Lines", {"InvoiceID": OTHER}), ("Journals", {"JournalID": OTHER})):
        (row,) = shaped(table, record, lists=LISTS)
        assert {row[f"Tracking{slot}Option"] for slot in (1, 2, 3, 4)} == {None}


@given(order=st.permutations(["a1", "b2", "c3", "gone"]), kept=st.integers(0, 4))
def test_the_order_on_the_line_means_nothing(order: list[str], kept: int) -> None:
    """Any order of any categories gives each option in its category's slot, in Lines and in Journals alike."""
    tracking = [{"TrackingCategoryID": each, "Option": f"of {each}"} for each in order[:kept]]
    journal = {"JournalID": OTHER, "JournalLines": [{"TrackingCategories": tracking}]}
    for row in (line(Tracking=tracking), *shaped("Journals", journal, lists=LISTS)):
        for category, slot in LISTS.slots.items():
            wanted = f"of {category}" if category in order[:kept] else "Unassigned"
            assert row[f"Tracking{slot}Option"] == wanted


def test_a_category_tells_its_slot() -> None:
    """By its id in any case; one that came when all were taken has none."""
    for category, slot in (("A1", 1), ("gone", 3), ("d4", None)):
        (row,) = shaped("TrackingCategories", {"TrackingCategoryID": category}, lists=LISTS)
        assert row["Slot"] == slot


PERSONAL = {
    "Contacts": {"FirstName", "LastName", "EmailAddress", "TaxNumber"},
    "PurchaseOrders": {"AttentionTo", "Telephone", "DeliveryAddress", "DeliveryInstructions"},
}


def test_personal_data_can_be_left_out() -> None:
    """Of contacts and of deliveries; business names, numbers and balances stay."""
    contact = {"ContactID": CONTACT_ID, "Name": "Café"} | dict.fromkeys(PERSONAL["Contacts"], "Ann")
    for table, record in (("Contacts", contact), ("PurchaseOrders", PURCHASE_ORDER)):
        (kept,) = shaped(table, record)
        (left_out,) = shaped(table, record, lists=Lists(personal_data=False))
        changed = {name for name in kept if kept[name] != left_out[name]}
        assert changed == PERSONAL[table]
        assert {left_out[name] for name in changed} == {None}


def test_personal_columns_are_declared_and_told() -> None:
    """No other column is; and the data dictionary says what the setting does to each."""
    declared = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.uses == "personal data"
    }
    assert declared == {(table, name) for table, names in PERSONAL.items() for name in names}
    told = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if "CONTACT_PERSONAL_DATA" in column.means
    }
    assert told == declared


@pytest.mark.parametrize(
    ("resource", "used"),
    [
        ("Invoices", {"tax rates", "tracking"}),
        ("ManualJournals", {"tax rates", "tracking"}),
        ("PurchaseOrders", {"tax rates", "tracking", "personal data"}),
        ("Contacts", {"personal data"}),
        ("Journals", {"tracking"}),
        ("TrackingCategories", {"tracking"}),
        ("TaxRates", set()),
        ("Payments", set()),
        ("Accounts", set()),
    ],
)
def test_what_a_resource_takes_from_the_lists_is_known(resource: str, used: set[str]) -> None:
    """So that a change of a list looks again at the records that may say it, and at no others."""
    assert uses(resource) == used


@pytest.mark.parametrize(
    ("code", "told"), [("200", "200"), (200, "200"), ("Aa-1", "aa-1"), ("", None), (None, None)]
)
def test_lines_and_accounts_meet_by_code(code: Any, told: str | None) -> None:
    """The same key on both sides, whatever the case; none for an account without a code."""
    (account,) = shaped("Accounts", {ID_FIELDS["Accounts"]: OTHER, "Code": code})
    assert line(AccountCode=code)["AccountCodeKey"] == account["CodeKey"]
    assert (account["CodeKey"] or "|").split("|")[1] == (told or "")
