"""The comparison finds every kind of planted difference in every table, and finds none where there is none.

Xero's records and Power BI's rows are both written by hand, in tests/support/beside.
"""

from collections.abc import Collection
from copy import deepcopy
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

import pytest

from local.comparison import RESOURCES, Difference, Expected, TableComparison, differences, expected_rows
from local.expected import lists as own_lists
from local.expected.tables import TABLES
from tests.support.beside import SLOTS, power_bi, xero
from tests.support.beside.common import (
    CREDIT_NOTE,
    PAID,
    PAYMENT,
    PREPAYMENT,
    TENANT,
    USD,
    Records,
    Row,
    key,
)

OTHER_TENANT = "1c6a3d2f-4b55-4c1f-8b68-7c2e6b3a0d21"
KEYS = {table.name: (table.key, table.row_key) for table in TABLES}
# The tables that show what stands inside a record: a document of each with elements, one without, the number's column.
ELEMENTS = {
    "Lines": ("cn-1", "cn-2", "LineNumber"),
    "Allocations": ("cn-1", "pp-1", "AllocationNumber"),
    "TrackingCategories": ("t1", "t2", "OptionNumber"),
    "Journals": ("jo-1", "jo-2", "LineNumber"),
    "TrialBalance": ("2026-11-30", "2026-10-31", "LineNumber"),
    "ProfitAndLoss": ("2026-11-30", "2026-10-31", "LineNumber"),
}
LISTS = own_lists.read(xero(), SLOTS, personal=True)
EVERY_TABLE = pytest.mark.parametrize("table", list(KEYS))


@cache
def _plain(tenant_id: str) -> dict[str, Expected]:
    return expected_rows(xero(), tenant_id, lists=LISTS)


def compared(
    rows: Records,
    records: Records | None = None,
    start: date | None = None,
    quarantined: Collection[str] = (),
    tenant_id: str = TENANT,
) -> dict[str, TableComparison]:
    columns = {name: list(held[0]) for name, held in power_bi().items()}
    plain = records is None and start is None and not quarantined
    wanted = (
        _plain(tenant_id) if plain else expected_rows(records or xero(), tenant_id, start, quarantined, LISTS)
    )
    return {
        name: differences(
            expected,
            tenant_id,
            columns[name],
            [[row.get(column) for column in columns[name]] for row in rows.get(name, [])],
        )
        for name, expected in wanted.items()
    }


def mismatches(result: dict[str, TableComparison]) -> list[Difference]:
    return [found for table in result.values() for found in table.mismatches]


def test_nothing_differs() -> None:
    """Rows that show Xero's records exactly, column by column, give no mismatch, and the counts agree."""
    rows = power_bi()
    assert all(set(row) == set(held[0]) for held in rows.values() for row in held)
    result = compared(rows)
    assert mismatches(result) == []
    counts = {
        name: (found.xero_records, found.powerbi_rows, found.powerbi_current)
        for name, found in result.items()
    }
    assert counts == {
        "Invoices": (3, 3, 3),
        "CreditNotes": (2, 2, 2),
        "Prepayments": (1, 1, 1),
        "Overpayments": (2, 2, 2),
        "PurchaseOrders": (1, 1, 1),
        "ManualJournals": (2, 2, 2),
        "BankTransactions": (2, 2, 2),
        "BankTransfers": (2, 2, 2),
        "Payments": (2, 2, 2),
        "Lines": (9, 15, 9),
        "Allocations": (3, 6, 3),
        "OpenItems": (12, 12, 12),
        "CashMovements": (5, 8, 5),
        "Contacts": (2, 2, 2),
        "Accounts": (2, 2, 2),
        "Items": (2, 2, 2),
        "TaxRates": (2, 2, 2),
        "TrackingCategories": (2, 5, 2),
        "Organisations": (1, 1, 1),
        "Journals": (2, 3, 2),
        "TrialBalance": (2, 3, 2),
        "ProfitAndLoss": (3, 4, 3),
    }


def test_every_resource_is_written_down() -> None:
    """The hand-written records leave out no list of Xero, no table, and no column: each has a value somewhere."""
    assert set(xero()) == set(RESOURCES)
    assert set(power_bi()) == set(KEYS)
    for table, rows in power_bi().items():
        assert [column for column in rows[0] if all(row[column] is None for row in rows)] == [], table


CELLS = [
    (table, column)
    for table, held in power_bi().items()
    for column in held[0]
    if column not in ("TenantID", "RowVersion")
]


@pytest.mark.parametrize(("table", "column"), CELLS)
def test_any_changed_cell_is_found(table: str, column: str) -> None:
    """A wrong value in any column of any row is reported under that row and column, and nothing else is."""
    key_column, row_key = KEYS[table]
    for place in range(len(power_bi()[table])):
        rows = power_bi()
        row = rows[table][place]
        row[column] = _other(row[column])
        found = compared(rows)[table].mismatches
        if column in (key_column, row_key):
            # Where the record has other rows, it is current all the same: only the moved row is missing.
            assert {one.problem for one in found} == {"missing", "extra"}
            assert row[row_key] in {one.key for one in found if one.problem == "extra"}
        else:
            (difference,) = found
            assert (difference.problem, difference.column) == ("differs", column)
            assert difference.key == row[row_key]
            assert column in str(difference)


def _other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + Decimal("0.0001")
    if value is None:
        return ""
    return f"{value} "


@EVERY_TABLE
def test_a_missing_record_is_found(table: str) -> None:
    """A record of Xero without a row is missing."""
    rows = power_bi()
    gone = rows[table][0][KEYS[table][0]]
    rows[table] = [row for row in rows[table] if row[KEYS[table][0]] != gone]
    found = compared(rows)
    assert [(one.problem, one.key) for one in mismatches(found)] == [("missing", gone)]
    assert found[table].powerbi_current < found[table].xero_records


@EVERY_TABLE
def test_an_extra_record_is_found_unless_deleted(table: str) -> None:
    """A current row of no record of Xero is extra; once marked as deleted it is as it must be."""
    for deleted in (False, True):
        rows = power_bi()
        row = deepcopy(rows[table][0])
        for column in KEYS[table]:
            row[column] = f"{TENANT}|ff"
        row["IsDeleted"] = deleted
        rows[table].append(row)
        found = compared(rows)[table]
        assert [one.problem for one in found.mismatches] == ([] if deleted else ["extra"])
        assert found.powerbi_current == found.xero_records + (not deleted)


@EVERY_TABLE
def test_a_vanished_record_must_be_marked_as_deleted(table: str) -> None:
    """What Xero no longer has may not be current; each of its newest rows says that it was deleted."""
    sources = next(one.sources for one in TABLES if one.name == table)
    records = {
        name: [] if name in {source.resource for source in sources} else held for name, held in xero().items()
    }
    rows = power_bi()
    found = compared(rows, records)[table]
    assert len(found.mismatches) == len(rows[table])
    assert {one.problem for one in found.mismatches} == {"extra"}
    rows[table] += [row | {"RowVersion": 1_790_000_000_001, "IsDeleted": True} for row in rows[table]]
    found = compared(rows, records)[table]
    assert (found.mismatches, found.xero_records, found.powerbi_current) == ([], 0, 0)


@EVERY_TABLE
def test_a_deletion_that_did_not_happen_is_found(table: str) -> None:
    """A record that Xero still has, of whatever status, must not be marked as deleted."""
    rows = power_bi()
    rows[table][-1]["IsDeleted"] = True
    (difference,) = mismatches(compared(rows))
    assert (difference.column, difference.xero, difference.powerbi) == ("IsDeleted", False, True)


def test_superseded_rows_do_not_matter() -> None:
    """What older versions show is history, whatever the order of the rows."""
    rows = power_bi()
    for table, held in rows.items():
        old = [row | {"RowVersion": 5, "IsDeleted": True} for row in held]
        rows[table] = [*held, *old] if table == "Invoices" else [*old, *held]
    for table in ELEMENTS:
        rows[table].append(rows[table][0] | {KEYS[table][1]: f"{key(USD)}|9"})
    result = compared(rows)
    assert mismatches(result) == []
    assert result["Invoices"].powerbi_rows == 6
    assert result["Invoices"].powerbi_current == 3


@EVERY_TABLE
def test_a_stale_current_row_is_found(table: str) -> None:
    """When the newest version shows old content, that is a mismatch although an older row is right."""
    rows = power_bi()
    key_column = KEYS[table][0]
    first = [row for row in rows[table] if row[key_column] == rows[table][0][key_column]]
    newer = [row | {"RowVersion": 1_790_000_000_009} for row in first]
    column = next(
        name
        for name in ("Name", "Status", "DocumentKind", "Category", "SourceType", "AccountName", "Line")
        if name in newer[0]
    )
    newer[-1][column] = "Before"
    rows[table] += newer
    (difference,) = mismatches(compared(rows))
    assert (difference.column, difference.powerbi) == (column, "Before")


def test_doubled_rows_count_once() -> None:
    """Rows pushed twice change nothing but the number of rows."""
    once, twice = compared(power_bi()), compared({table: held * 2 for table, held in power_bi().items()})
    assert mismatches(twice) == []
    for table, found in twice.items():
        assert found.powerbi_rows == 2 * once[table].powerbi_rows
        assert found.powerbi_current == once[table].powerbi_current


@EVERY_TABLE
@pytest.mark.parametrize("version", [1_790_000_000_000, 4])
def test_unequal_twins_are_found(table: str, version: int) -> None:
    """Two rows of one key and one version must be equal, in older versions too."""
    rows = power_bi()
    row = rows[table][0]
    column = next(name for name in row if name not in (*KEYS[table], "TenantID", "RowVersion", "IsDeleted"))
    rows[table] = [row | {"RowVersion": version}, *rows[table], row | {"RowVersion": version, column: "?"}]
    found = mismatches(compared(rows))
    assert [(one.problem, one.column) for one in found] == [("doubled", column)]


@pytest.mark.parametrize("table", ELEMENTS)
def test_missing_and_extra_elements_are_found(table: str) -> None:
    """A record shows exactly its elements: one too few or too many is reported by its key."""
    document, _, number = ELEMENTS[table]
    rows = power_bi()
    first = next(row for row in rows[table] if row[KEYS[table][0]] == key(document))
    first[KEYS[table][1]] = f"{key(document)}|9"
    first[number] = 9
    found = mismatches(compared(rows))
    assert {(one.problem, one.key) for one in found} == {
        ("missing", f"{key(document)}|1"),
        ("extra", f"{key(document)}|9"),
    }


@pytest.mark.parametrize("table", ELEMENTS)
def test_a_record_without_elements_needs_its_marker(table: str) -> None:
    """A record that has no elements shows its marker and nothing else; what it has left must be of an older version."""
    _, document, number = ELEMENTS[table]
    rows = power_bi()
    marker = next(row for row in rows[table] if row[KEYS[table][0]] == key(document))
    left = marker | {KEYS[table][1]: f"{key(document)}|1", number: 1, "IsMarker": False}
    rows[table].append(left)
    found = mismatches(compared(rows))
    assert [(one.problem, one.key) for one in found] == [("extra", f"{key(document)}|1")]
    left["RowVersion"] = 4
    assert mismatches(compared(rows)) == []
    marker["RowVersion"] = 3
    assert {one.problem for one in mismatches(compared(rows))} == {"missing", "extra"}


def test_lines_that_went_away_need_a_marker() -> None:
    """A document that lost its last line shows a marker of a newer version; without it the old lines are extra."""
    records = xero()
    records["Invoices"][0]["LineItems"] = []
    found = mismatches(compared(power_bi(), records))
    assert {one.problem for one in found} == {"missing", "extra"}
    rows = power_bi()
    marker = deepcopy(rows["Lines"][2]) | {
        "DocumentKey": key(USD),
        "LineKey": f"{key(USD)}|0",
        "DocumentID": USD,
        "DocumentStatus": "AUTHORISED",
        "Effect": "Posted",
        "DocumentDate": "2026-03-01T00:00:00",
        "CurrencyCode": "USD",
        "RowVersion": 1_790_000_000_001,
    }
    rows["Lines"].append(marker)
    result = compared(rows, records)
    assert mismatches(result) == []
    assert result["Lines"].powerbi_current == result["Lines"].xero_records == 7


def other(rows: Records) -> Records:
    """The same rows of another organisation: its id stands in front of every key."""

    def moved(row: Row) -> Row:
        return {
            column: value.replace(TENANT, OTHER_TENANT) if isinstance(value, str) else value
            for column, value in row.items()
        }

    return {table: [moved(row) for row in held] for table, held in rows.items()}


def test_two_organisations_in_one_dataset() -> None:
    """Each organisation is compared with its own rows, although ids, tax types and versions are the same in both."""
    rows, others = power_bi(), other(power_bi())
    both = {table: [*others[table], *held] for table, held in rows.items()}
    alone = compared(rows)
    for tenant_id in (TENANT, OTHER_TENANT):
        result = compared(both, tenant_id=tenant_id)
        assert mismatches(result) == []
        for table, found in result.items():
            assert (found.powerbi_rows, found.powerbi_current) == (
                alone[table].powerbi_rows,
                alone[table].powerbi_current,
            )


@EVERY_TABLE
def test_a_difference_belongs_to_one_organisation(table: str) -> None:
    """What is wrong or missing in one organisation is told of that one only, and is not made up for by the other."""
    rows, others = power_bi(), other(power_bi())
    both = {name: [*others[name], *held] for name, held in rows.items()}
    both[table] = others[table]
    assert {one.problem for one in mismatches(compared(both))} == {"missing"}
    assert mismatches(compared(both, tenant_id=OTHER_TENANT)) == []
    both[table] = [*others[table], *(row | {"IsDeleted": None} for row in rows[table])]
    assert {one.column for one in mismatches(compared(both))} == {"IsDeleted"}
    assert mismatches(compared(both, tenant_id=OTHER_TENANT)) == []


def test_a_row_of_no_organisation_is_found() -> None:
    """Whatever other organisations' rows hold does not matter; a row of no organisation is a mismatch."""
    rows = power_bi()
    rows["Accounts"].append(rows["Accounts"][0] | {"TenantID": "another", "Name": "?", "RowVersion": None})
    assert mismatches(compared(rows)) == []
    rows["Accounts"].append(rows["Accounts"][0] | {"TenantID": None})
    assert [one.problem for one in mismatches(compared(rows))] == ["tenant"]


@EVERY_TABLE
@pytest.mark.parametrize("version", [None, True, 0, -1, Decimal("1.5"), "7", 2**53])
def test_versions_are_whole_numbers(table: str, version: Any) -> None:
    """A RowVersion that is not a whole number between 1 and 2^53 cannot say which row is current."""
    rows = power_bi()
    rows[table].append(rows[table][0] | {"RowVersion": version})
    assert [one.problem for one in mismatches(compared(rows))] == ["version"]


@EVERY_TABLE
def test_columns_are_compared_too(table: str) -> None:
    """Any column that Power BI lacks is a mismatch, and so is one that no rule here explains."""
    wanted = _plain(TENANT)[table]
    rows = power_bi()[table]
    for column in set(rows[0]) - {"TenantID", "RowVersion", *KEYS[table]}:
        columns = [name for name in rows[0] if name != column]
        values = [[*(row[name] for name in columns), None] for row in rows]
        found = differences(wanted, TENANT, [*columns, "Colour"], values).mismatches
        assert {(one.problem, one.column) for one in found} == {("column", column), ("column", "Colour")}


@EVERY_TABLE
def test_a_table_that_is_not_there_is_told(table: str) -> None:
    """A table must be there also where Xero has no record for it."""
    nothing: Records = {"Organisation": []}
    for records in (xero(), nothing):
        found = differences(expected_rows(records, TENANT)[table], TENANT, [], []).mismatches
        assert (found[0].problem, found[0].key) == ("missing", table)


CREDITED = {"Overpayments", "Lines", "Allocations", "OpenItems"}
UNREADABLE: dict[str, tuple[str, str, Any, str, set[str]]] = {
    "a total": ("Invoices", "Total", "a lot", USD, {"Invoices", "OpenItems"}),
    "a credit": ("CreditNotes", "RemainingCredit", True, "cn-1", {"CreditNotes"}),
    "a date": ("CreditNotes", "DateString", 20260301, "cn-1", {"CreditNotes", "Lines", "OpenItems"}),
    "lines": ("PurchaseOrders", "LineItems", "none", "po-1", {"Lines"}),
    "a line": ("ManualJournals", "JournalLines", ["none"], "mj-1", {"Lines"}),
    "allocations": ("Prepayments", "Allocations", {"Amount": 1}, "pp-1", {"Allocations", "OpenItems"}),
    "a contact": ("Overpayments", "Contact", "Sunrise", "op-1", CREDITED),
    "an account": (
        "BankTransactions",
        "BankAccount",
        ["DD-1"],
        "bt-1",
        {"BankTransactions", "CashMovements"},
    ),
    "a stamp": ("BankTransfers", "CreatedDateUTC", 5, "tr-1", {"BankTransfers"}),
    "a flag": ("Items", "IsSold", "perhaps", "it-1", {"Items"}),
    "a rate": ("TaxRates", "EffectiveRate", "10 %", "output", {"TaxRates"}),
    "options": ("TrackingCategories", "Options", [1], "t1", {"TrackingCategories"}),
    "a number": ("Journals", "JournalNumber", "first", "jo-1", {"Journals"}),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_an_unreadable_record_is_told(case: str) -> None:
    """A record whose fields break Xero's own rules is a mismatch where they show, until it is named as quarantined."""
    resource, field, value, identifier, tables = UNREADABLE[case]
    records = xero()
    records[resource][0][field] = value
    result = compared(power_bi(), records)
    assert {name for name, found in result.items() if found.mismatches} == tables
    assert {(one.problem, one.key) for one in mismatches(result)} == {("unreadable", key(identifier))}
    assert mismatches(compared(power_bi(), records, quarantined=[identifier.upper()])) == []


def test_quarantined_records_pass() -> None:
    """Records kept out on purpose may be absent, old or present, and are not counted."""
    rows = power_bi()
    rows["Lines"][0]["Description"] = "an old version"
    rows["Payments"].pop(0)
    rows["CreditNotes"] = rows["CreditNotes"][1:]
    result = compared(rows, quarantined=[USD, PAYMENT, CREDIT_NOTE])
    assert mismatches(result) == []
    for table, count in {
        "Invoices": 2,
        "Lines": 6,
        "Payments": 1,
        "CreditNotes": 1,
        "Allocations": 1,
        "OpenItems": 8,
    }.items():
        assert result[table].xero_records == result[table].powerbi_current == count


def test_two_records_of_one_key_are_told() -> None:
    """Where two of Xero's records would share a key in a table, no row could be right: that is told, not hidden."""
    records = xero()
    records["BankTransactions"][0]["BankTransactionID"] = PREPAYMENT
    found = compared(power_bi(), records)["Lines"].mismatches
    assert [(one.problem, one.key) for one in found if one.problem == "twofold"] == [
        ("twofold", key(PREPAYMENT))
    ]


def test_the_kind_of_a_line_comes_from_its_list() -> None:
    """A bank transaction that names a prepayment is a bank transaction; so is one that carries any other id."""
    records = xero()
    records["BankTransactions"][0]["InvoiceID"] = PAID
    lines = expected_rows(records, TENANT)["Lines"].records
    assert {row["DocumentKind"] for row in lines[key("bt-1")].values()} == {"BankTransaction"}
    assert {row["DocumentKind"] for row in lines[key("pp-1")].values()} == {"Prepayment"}


BASES: list[tuple[dict[str, Any], object]] = [
    ({"CurrencyCode": "AUD"}, Decimal(10)),
    ({}, Decimal(10)),
    ({"CurrencyCode": "USD"}, None),
    ({"CurrencyCode": "USD", "CurrencyRate": "0.5"}, Decimal(20)),
    ({"CurrencyCode": "AUD", "CurrencyRate": 1.0}, Decimal(10)),
    ({"CurrencyCode": "USD", "CurrencyRate": 3}, Decimal("3.3333")),
    ({"CurrencyCode": "USD", "CurrencyRate": 0}, None),
]


@pytest.mark.parametrize(("currency", "wanted"), BASES)
def test_base_amounts(currency: dict[str, Any], wanted: object) -> None:
    """Base amounts divide by the document's own rate: 1 where a base-currency document omits it, unknown else."""
    total = {"Total": 10.0, "LineItems": [{"LineAmount": 10}], "Allocations": [{"Amount": "10"}], **currency}
    records: Records = {
        "Organisation": xero()["Organisation"],
        "Invoices": [{"InvoiceID": "i", **total}],
        "CreditNotes": [{"CreditNoteID": "c", **total}],
        "Prepayments": [{"PrepaymentID": "p", **total}],
        "Overpayments": [{"OverpaymentID": "o", **total}],
        "PurchaseOrders": [{"PurchaseOrderID": "u", **total}],
        "BankTransactions": [{"BankTransactionID": "b", **total}],
        "Payments": [{"PaymentID": "y", "Amount": "10", "Invoice": currency, **currency}],
    }
    wanted_rows = expected_rows(records, TENANT)
    for resource in records.keys() - {"Organisation", "Payments"}:
        ((row,),) = (held.values() for held in wanted_rows[resource].records.values())
        assert row["TotalAmountBase"] == wanted, resource
    for table, column, count in (
        ("Lines", "NetAmountBase", 6),
        ("Allocations", "AmountBase", 3),
        ("Payments", "AmountBase", 1),
    ):
        found = [row[column] for held in wanted_rows[table].records.values() for row in held.values()]
        assert found == [wanted] * count


@pytest.mark.parametrize("kind", ["Exclusive", "NoTax", None, "EXCLUSIVE"])
def test_only_inclusive_lines_hold_their_tax(kind: str | None) -> None:
    """The net of a line is its amount unless the document's amounts include tax."""
    records = xero()
    records["Invoices"][0]["LineAmountTypes"] = records["ManualJournals"][0]["LineAmountTypes"] = kind
    lines = expected_rows(records, TENANT)["Lines"].records
    assert lines[key(USD)][f"{key(USD)}|1"]["NetAmount"] == 110
    assert lines[key("mj-1")][f"{key('mj-1')}|1"]["NetAmount"] == 250
