"""Every amount of every table, and every numbered row: beside whole-number arithmetic, for any values."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tables import TABLES
from tests.support.records import ID_FIELDS, OTHER, Record, half_up, shaped

# (table, resource, where the amounts stand, columns). A column's field is its own name unless told after "<"; one with
# "+" after it is there in base currency too, under the name with Base.
TOTALS = "SubTotal+ TotalTax+ TotalAmount+<Total"
CREDIT = f"{TOTALS} RemainingCredit+ AppliedAmount+"
AMOUNTS = [
    (
        "Contacts",
        "Contacts",
        "",
        "ReceivableOutstanding<Balances.AccountsReceivable.Outstanding ReceivableOverdue<Balances.AccountsReceivable.Overdue"
        " PayableOutstanding<Balances.AccountsPayable.Outstanding PayableOverdue<Balances.AccountsPayable.Overdue",
    ),
    ("Invoices", "Invoices", "", f"{TOTALS} TotalDiscount AmountDue+ AmountPaid+ AmountCredited+"),
    ("CreditNotes", "CreditNotes", "", CREDIT),
    ("Prepayments", "Prepayments", "", CREDIT),
    ("Overpayments", "Overpayments", "", CREDIT),
    ("PurchaseOrders", "PurchaseOrders", "", f"{TOTALS} TotalDiscount"),
    ("BankTransactions", "BankTransactions", "", TOTALS),
    ("BankTransfers", "BankTransfers", "", "Amount+"),
    ("Payments", "Payments", "", "Amount+ BankAmount"),
    (
        "Items",
        "Items",
        "",
        "SalesUnitPrice<SalesDetails.UnitPrice PurchaseUnitPrice<PurchaseDetails.UnitPrice QuantityOnHand TotalCostPool",
    ),
    ("TaxRates", "TaxRates", "", "DisplayTaxRate EffectiveRate"),
    ("Journals", "Journals", "JournalLines", "NetAmount GrossAmount TaxAmount"),
    *(
        ("Allocations", resource, "Allocations", "Amount+")
        for resource in ("CreditNotes", "Prepayments", "Overpayments")
    ),
    *(
        (
            "Lines",
            resource,
            "JournalLines" if resource == "ManualJournals" else "LineItems",
            "Quantity UnitAmount TaxAmount+ LineAmount NetAmount+<LineAmount DiscountRate DiscountAmount",
        )
        for resource in (
            "Invoices",
            "CreditNotes",
            "Prepayments",
            "Overpayments",
            "BankTransactions",
            "PurchaseOrders",
            "ManualJournals",
        )
    ),
]
money = st.decimals(
    min_value=Decimal(-(10**13)), max_value=Decimal(10**13), places=6, allow_nan=False, allow_infinity=False
)
rates = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**8), places=10)


def columns_of(told: str) -> list[tuple[str, bool, str]]:
    """Each column, whether it is there in base currency too, and the path of its field."""
    parted = [column.partition("<") for column in told.split()]
    return [(name.rstrip("+"), name.endswith("+"), path or name.rstrip("+")) for name, _, path in parted]


def put(record: Record, path: str, found: Any) -> None:
    *parents, name = path.split(".")
    for parent in parents:
        record = record.setdefault(parent, {})
    record[name] = found


def test_every_amount_is_named_here() -> None:
    """No Decimal column is left out of what follows."""
    declared = {
        (table.name, column.name)
        for table in TABLES.values()
        for column in table.columns
        if column.type == "Decimal"
    }
    named = {
        (table, name + base)
        for table, _, _, told in AMOUNTS
        for name, in_base, _ in columns_of(told)
        for base in (("", "Base") if in_base else ("",))
    }
    # What reports hold are texts: unit/test_tables_reports.py.
    # Those of entries have signs, and are one of several fields: unit/test_tables_entries.py.
    elsewhere = ("TrialBalance", "ProfitAndLoss", "OpenItems", "CashMovements")
    declared = {(table, column) for table, column in declared if table not in elsewhere}
    # The sign of the first is for unit/test_effects.py; the second is the tax list's.
    assert named | {("Lines", "LedgerAmountBase"), ("Lines", "TaxRate")} == declared
    fed = {(table.name, resource) for table in TABLES.values() for resource in table.resources}
    assert {(table, resource) for table, resource, _, _ in AMOUNTS} == {
        (table, resource) for table, resource in fed if any(table == name for name, _ in declared)
    }


@pytest.mark.parametrize(("table", "resource", "inside", "told"), AMOUNTS)
@settings(max_examples=25)
@given(data=st.data())
def test_amounts_are_rounded_half_up_and_divided_by_the_rate(
    table: str, resource: str, inside: str, told: str, data: st.DataObject
) -> None:
    """Four places, halves away from zero, from numbers or texts; in base currency divided by the document's rate."""
    rate = data.draw(rates)
    paths = sorted({path for _, _, path in columns_of(told)})
    values = {path: data.draw(money) for path in paths}
    holder: Record = {}
    for path, found in values.items():
        put(holder, path, data.draw(st.sampled_from([found, str(found)])))
    record: Record = {ID_FIELDS[resource]: OTHER, "CurrencyRate": rate, "LineAmountTypes": "Exclusive"}
    record |= {inside: [{}, holder]} if inside else holder
    row = shaped(table, record, resource)[-1]
    for name, in_base, path in columns_of(told):
        assert row[name] == half_up(Fraction(values[path])), name
        if in_base:
            assert row[f"{name}Base"] == half_up(Fraction(values[path]) / Fraction(rate)), name


NUMBERED = [
    *((table, resource, inside) for table, resource, inside, _ in AMOUNTS if inside),
    ("TrackingCategories", "TrackingCategories", "Options"),
]
NUMBER = {"Allocations": "AllocationNumber", "TrackingCategories": "OptionNumber"}
KEYS = {"Lines": "LineKey", "Allocations": "AllocationKey", "TrackingCategories": "TrackingOptionKey"}


@pytest.mark.parametrize(("table", "resource", "path"), NUMBERED)
@settings(max_examples=15)
@given(elements=st.lists(st.dictionaries(st.sampled_from(["Name", "Description"]), st.text()), max_size=12))
def test_n_elements_have_n_rows_numbered_from_1(
    table: str, resource: str, path: str, elements: list[dict[str, str]]
) -> None:
    """In Xero's order, each with a key of its own; for none, one row with number 0 and IsMarker."""
    rows = shaped(table, {ID_FIELDS[resource]: OTHER, path: elements}, resource)
    numbers = list(range(1, len(elements) + 1)) or [0]
    assert [row[NUMBER.get(table, "LineNumber")] for row in rows] == numbers
    assert [row["IsMarker"] for row in rows] == [number == 0 for number in numbers]
    key = rows[0][TABLES[table].version_key]
    assert [row[KEYS.get(table, "JournalLineKey")] for row in rows] == [
        f"{key}|{number}" for number in numbers
    ]
    column, field = {
        "TrackingCategories": ("Option", "Name"),
        "Allocations": ("AllocationID", "AllocationID"),
    }.get(table, ("Description", "Description"))
    assert [row[column] for row in rows] == [element.get(field) for element in elements or [{}]]
