"""The comparison reads both sides as they stand in the simulators."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask, Response, jsonify

from local.company import generate
from local.comparison import RESOURCES, Difference, TableComparison, compare, expected_rows
from local.expected import made
from local.simulation import Served
from tests.support.beside import power_bi, xero
from tests.support.beside.common import CREDIT_NOTE, PAYMENT, TENANT, USD, Records, Row, key

OTHER_TENANT = "1c6a3d2f-4b55-4c1f-8b68-7c2e6b3a0d21"


def mismatches(result: dict[str, TableComparison]) -> list[Difference]:
    return [found for table in result.values() for found in table.mismatches]


def test_every_invented_record_is_readable() -> None:
    """The rules know what to make of every awkward value in the invented company's books."""
    for books in generate(3, date(2026, 11, 23), documents=400):
        wanted = expected_rows(books["resources"], books["tenant_id"])
        assert all(not expected.unreadable for expected in wanted.values())
        assert len(wanted["Invoices"].records) == len(books["resources"]["Invoices"]) > 0
        with_lines = [
            *("Invoices", "CreditNotes", "BankTransactions", "PurchaseOrders"),
            *("Prepayments", "Overpayments", "ManualJournals"),
        ]
        documents = sum(len(books["resources"].get(one, ())) for one in with_lines)
        assert len(wanted["Lines"].records) == documents


def serve(answers: dict[str, Callable[[], Response]]) -> Served:
    app = Flask("answers")
    for path, answer in answers.items():
        app.add_url_rule(path, path, answer)
    return Served(app)


def xero_side(**books: Records) -> Served:
    """Xero's records of each organisation; an empty list for what it has none of."""

    def listed(records: list[Row]) -> Callable[[], Response]:
        return lambda: jsonify(records=records)

    return serve(
        {
            f"/_sim/records/{tenant_id}/{name}": listed(records.get(name, []))
            for tenant_id, records in books.items()
            for name in RESOURCES
        }
    )


def ours(*tenants: str, base: int = 1) -> Records:
    """Rows of the tables that no list of Xero feeds, as they must be for a history from 2030 on."""
    organisation = xero()["Organisation"][0]
    found: Records = {"Calendar": [], "AsAt": [], "AgingBuckets": [], "SyncStatus": []}
    for tenant_id in tenants:
        days = made.calendar(organisation, tenant_id, date(2029, 1, 1), date(2032, 12, 31))
        for name, held in (
            ("Calendar", days),
            ("AsAt", made.as_at(days)),
            ("AgingBuckets", made.buckets(tenant_id, (30, 60, 90))),
        ):
            for rows in held.values():
                found[name] += [
                    {
                        column: value.isoformat() if isinstance(value, datetime) else value
                        for column, value in row.items()
                    }
                    | {"RowVersion": base}
                    for row in rows.values()
                ]
        at = "2030-01-01T00:00:00"
        found["SyncStatus"].append(
            dict.fromkeys(made.STATUS_COLUMNS)
            | {"TenantID": tenant_id, "StatusKey": f"{tenant_id}|invoices", "TableName": "Invoices"}
            | {"Today": at, "StartDate": at, "UpdatedAtUTC": at, "Quarantined": 0}
            | {"IsRebuilding": False, "IsDeleted": False, "RowVersion": base}
        )
    return found


def powerbi_side(datasets: list[dict[str, Any]], rows: Records) -> Served:
    """A list of datasets; the first one holds the rows."""

    def held(name: str) -> Callable[[], Response]:
        columns = list(rows[name][0])
        values = [
            [float(row[column]) if isinstance(row[column], Decimal) else row[column] for column in columns]
            for row in rows[name]
        ]
        return lambda: jsonify(columns=columns, rows=values)

    first = f"/_sim/datasets/{datasets[0]['id']}/tables"
    return serve(
        {"/_sim/datasets": lambda: jsonify(datasets)}
        | {f"{first}/{table['name']}/rows": held(table["name"]) for table in datasets[0]["tables"]}
    )


def dataset(rows: Records, *absent: str) -> dict[str, Any]:
    tables = [{"name": name, "rows": len(held)} for name, held in rows.items() if name not in absent]
    return {"id": "d-1", "name": "Xero", "tables": tables}


def without_reports() -> Records:
    """The rows that a connector pushes which reads no reports."""
    rows = power_bi()
    movements = [row for row in rows["CashMovements"] if row["Source"] != "OpeningBalance"]
    return rows | {"CashMovements": movements}


def test_compare_reads_both_simulators() -> None:
    """Both sides are read through their control interfaces; a table that is not there lacks all of its records."""
    rows = without_reports() | ours(TENANT)
    rows["Invoices"][0]["Reference"] = "changed"
    datasets = [dataset(rows, "Payments")]
    with xero_side(**{TENANT: xero()}) as books, powerbi_side(datasets, rows) as shown:
        for dataset_id in (None, "d-1"):
            result = compare(books.url, shown.url, TENANT, dataset_id)
            found = [(one.problem, one.column, one.key) for one in mismatches(result)]
            assert found == [
                ("differs", "Reference", key(USD)),
                ("missing", None, "Payments"),
                ("missing", None, key(PAYMENT)),
                ("missing", None, key("bb-2")),
            ]
        result = compare(
            books.url, shown.url, TENANT, start=date(2030, 1, 1), quarantined=[USD, PAYMENT, "bb-2"]
        )
        assert [one.key for one in mismatches(result)] == ["Payments"]
        with pytest.raises(LookupError, match="d-2"):
            compare(books.url, shown.url, TENANT, "d-2")
        datasets.append({"id": "d-3", "name": "Another", "tables": []})
        with pytest.raises(LookupError, match="2 datasets"):
            compare(books.url, shown.url, TENANT)


def test_organisations_of_one_dataset_are_compared_one_by_one() -> None:
    """Two organisations share a dataset; the second has its own currency and fewer records."""
    whole = ("Organisation", "TaxRates", "TrackingCategories")
    second = {name: xero()[name] for name in whole} | {"CreditNotes": xero()["CreditNotes"][:1]}
    second["Organisation"][0]["BaseCurrency"] = "USD"
    second["CreditNotes"][0].pop("CurrencyRate")
    rows = without_reports() | ours(TENANT, OTHER_TENANT)
    whole = ("Organisations", *whole[1:])
    for table in (*whole, "CreditNotes", "Lines", "Allocations", "OpenItems"):
        for row in power_bi()[table]:
            if key(CREDIT_NOTE) in (row.get("CreditNoteKey"), row.get("DocumentKey")) or table in whole:
                moved = {
                    column: value.replace(TENANT, OTHER_TENANT) if isinstance(value, str) else value
                    for column, value in row.items()
                }
                # In the base currency of its organisation, the credit note needs no rate.
                moved |= {
                    column: moved[column.removesuffix("Base").replace("Ledger", "Net")]
                    for column in moved
                    if column.endswith("Base")
                }
                unrated = {"CurrencyRate": None, "BaseCurrency": "USD"}
                rows[table].append(moved | {name: unrated[name] for name in unrated if name in moved})
    with (
        xero_side(**{TENANT: xero(), OTHER_TENANT: second}) as books,
        powerbi_side([dataset(rows)], rows) as shown,
    ):
        first, other = (compare(books.url, shown.url, one) for one in (TENANT, OTHER_TENANT))
        assert mismatches(first) == mismatches(other) == []
        assert (first["CreditNotes"].powerbi_rows, other["CreditNotes"].powerbi_rows) == (2, 1)
        assert (first["Allocations"].powerbi_current, other["Allocations"].powerbi_current) == (3, 2)
        assert other["Invoices"].powerbi_rows == 0


WRONG: dict[str, Callable[[Records], object]] = {
    "Calendar": lambda rows: rows["Calendar"][100].update(FiscalYear=2001),
    "AsAt": lambda rows: rows["AsAt"].pop(40),
    "AgingBuckets": lambda rows: rows["AgingBuckets"][1].update(MaxDays=31),
    "SyncStatus": lambda rows: rows["SyncStatus"][0].update(Today=None),
}


@pytest.mark.parametrize("table", WRONG)
def test_tables_of_ours_are_compared_by_rules_of_their_own(table: str) -> None:
    """A day in another financial year, a day too few, a bucket too wide and a status without its day are each told, alone."""
    rows = power_bi() | ours(TENANT)
    WRONG[table](rows)
    with xero_side(**{TENANT: xero()}) as books, powerbi_side([dataset(rows)], rows) as shown:
        result = compare(books.url, shown.url, TENANT, start=date(2030, 1, 1))
        assert [name for name in WRONG if result[name].mismatches] == [table]


def test_days_are_needed_from_the_start_on() -> None:
    """The years around the start must be there; others need not, and are right where they are."""
    rows = power_bi() | ours(TENANT)
    with xero_side(**{TENANT: xero()}) as books, powerbi_side([dataset(rows)], rows) as shown:
        for start, missing in ((date(2030, 1, 1), 0), (date(2031, 1, 1), 1), (None, 0)):
            result = compare(books.url, shown.url, TENANT, start=start)
            assert [len(result[name].mismatches) for name in ("Calendar", "AsAt")] == [missing] * 2
