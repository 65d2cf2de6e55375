"""Compares Xero's books with what a Power BI dataset shows of them: record by record, field by field.

It reads both sides through the simulators' control interfaces and works out by rules of its own what every
current row must be. Nothing of the connector is used here: a copy is not checked with the copier's own ruler.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import requests

from local.expected import TABLES, Record, Row, day, inside, instant

Resources = Mapping[str, Sequence[Record]]

RESOURCES = ("Organisation", "Accounts", "Contacts", "Invoices", "Payments")
OPEN_STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED")


@dataclass(frozen=True)
class Difference:
    """One thing that Power BI shows and Xero does not say, or the reverse.

    problem: "differs"; "missing" (a record or a row of one that is not current in Power BI, or a whole table);
    "extra" (current in Power BI, not in Xero); "doubled" (rows of one key and version that are not equal);
    "version" (RowVersion is not a positive whole number); "column" (one is absent, or no rule says what it must
    hold); "unreadable" (Xero's record breaks the rules of its own fields); "tenant" (a row without TenantID).
    """

    key: str
    column: str | None
    xero: object
    powerbi: object
    problem: str = "differs"

    def __str__(self) -> str:
        where = f"{self.key} {self.column}" if self.column else self.key
        return f"{where}: {self.problem}: Xero {_shown(self.xero)}, Power BI {_shown(self.powerbi)}"


@dataclass
class TableComparison:
    """One table of Power BI beside its records of Xero.

    xero_records: records of Xero that the table must show (Lines: elements of LineItems), quarantined ones
        left out. powerbi_rows: all rows of the organisation, superseded and doubled ones too.
    powerbi_current: distinct current records that are not deleted (Lines: current lines without markers).
    beyond_scope: those of powerbi_current that Xero has and that need not be there. When nothing differs,
        powerbi_current - beyond_scope == xero_records.
    """

    table: str
    xero_records: int = 0
    powerbi_rows: int = 0
    powerbi_current: int = 0
    beyond_scope: int = 0
    mismatches: list[Difference] = field(default_factory=list)


@dataclass
class Expected:
    """What one table must show. `records` holds by record key (Lines: DocumentKey) the rows, by row key."""

    table: str
    columns: frozenset[str]
    records: dict[str, dict[str, Row]] = field(default_factory=dict)
    beyond_scope: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)
    unreadable: list[Difference] = field(default_factory=list)


def compare(
    xero_url: str,
    powerbi_url: str,
    tenant_id: str,
    dataset_id: str | None = None,
    *,
    start: date | None = None,
    quarantined: Collection[str] = (),
    session: requests.Session | None = None,
) -> dict[str, TableComparison]:
    """Compare one organisation's books in the Xero simulator with a dataset of the Power BI simulator.

    dataset_id: may be left out when the simulator holds exactly one dataset.
    start: the history's first day; None demands every record. See `in_scope`.
    quarantined: Xero ids of records kept out of Power BI on purpose; whatever Power BI shows of them passes.
    session: for simulators behind TLS, a session that trusts their certificate.
    Raises LookupError when the dataset is not there or not unambiguous, requests.RequestException.
    """
    session = session or requests.Session()
    tenant = quote(tenant_id, safe="")
    resources = {
        resource: _read(session, f"{xero_url}/_sim/records/{tenant}/{resource}")["records"]
        for resource in RESOURCES
    }
    dataset = _dataset(_read(session, f"{powerbi_url}/_sim/datasets"), dataset_id)
    present = {table["name"] for table in dataset["tables"]}
    result = {}
    for name, expected in expected_rows(resources, tenant_id, start, quarantined).items():
        columns: list[str] = []
        rows: list[list[Any]] = []
        if name in present:
            path = f"/_sim/datasets/{quote(dataset['id'], safe='')}/tables/{quote(name, safe='')}/rows"
            answer = _read(session, powerbi_url + path)
            columns, rows = answer["columns"], answer["rows"]
        result[name] = differences(expected, tenant_id, columns, rows)
    return result


def expected_rows(
    resources: Resources, tenant_id: str, start: date | None = None, quarantined: Collection[str] = ()
) -> dict[str, Expected]:
    """What each table must show of these Xero records, by table name."""
    organisation = next(iter(resources["Organisation"]), {})
    base = organisation.get("BaseCurrency")
    scope = in_scope(resources, start)
    skipped = {identifier.lower() for identifier in quarantined}
    result = {}
    for table in TABLES:
        none = dict.fromkeys(table.build({}, tenant_id, base)[0])
        expected = result[table.name] = Expected(table.name, frozenset(none))
        for record in resources[table.resource]:
            identifier = record[table.id_field].lower()
            key = f"{tenant_id}|{identifier}"
            if identifier in skipped:
                expected.quarantined.add(key)
                continue
            if identifier not in scope[table.resource]:
                expected.beyond_scope.add(key)
            try:
                rows = table.build(record, tenant_id, base)
            except (ValueError, OverflowError) as error:
                expected.unreadable.append(Difference(key, None, str(error), None, "unreadable"))
                expected.quarantined.add(key)
                continue
            expected.records[key] = {row[table.row_key]: row for row in rows}
    return result


def in_scope(resources: Resources, start: date | None) -> dict[str, set[str]]:
    """The ids, lower-case, of the records that Power BI must show when the history begins at `start`.

    Invoices dated or updated from then on, without a date, open, or paid by a payment of that range;
    payments dated or updated from then on; and all contacts, accounts and the organisation.
    """
    ids = {
        table.resource: {record[table.id_field].lower() for record in resources[table.resource]}
        for table in TABLES
    }
    if start is None:
        return ids
    first = datetime(start.year, start.month, start.day)  # noqa: DTZ001

    def recent(record: Record, *moments: Callable[[Record], datetime | None]) -> bool:
        for moment in moments:
            try:
                value = moment(record)
            except (ValueError, OverflowError):
                return True
            if value is not None and value >= first:
                return True
        return False

    def dated(record: Record) -> datetime | None:
        return day(record, "Date")

    def updated(record: Record) -> datetime | None:
        return instant(record.get("UpdatedDateUTC"))

    payments = [record for record in resources["Payments"] if recent(record, dated, updated)]
    paid = {str(inside(record, "Invoice").get("InvoiceID")).lower() for record in payments}
    ids["Payments"] = {record["PaymentID"].lower() for record in payments}
    ids["Invoices"] = {
        record["InvoiceID"].lower()
        for record in resources["Invoices"]
        if record.get("Status") in OPEN_STATUSES
        or ("Date" not in record and "DateString" not in record)
        or record["InvoiceID"].lower() in paid
        or recent(record, dated, updated)
    }
    return ids


def differences(
    expected: Expected, tenant_id: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> TableComparison:
    """What the rows of one table, as Power BI holds them, show otherwise than they must."""
    table = next(table for table in TABLES if table.name == expected.table)
    result = TableComparison(table.name, mismatches=list(expected.unreadable))
    if not columns:
        result.mismatches.append(Difference(table.name, None, "a table", None, "missing"))
    else:
        result.mismatches += [
            Difference(table.name, column, "a column" if column in expected.columns else None, None, "column")
            for column in sorted(expected.columns.symmetric_difference(columns))
        ]
    result.xero_records = sum(
        _count(held.values()) for key, held in expected.records.items() if key not in expected.beyond_scope
    )

    versions: dict[str, dict[int, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        key, row_key, version = row.get(table.key), row.get(table.row_key), row.get("RowVersion")
        if row.get("TenantID") is None:
            result.mismatches.append(Difference(str(row_key), "TenantID", tenant_id, None, "tenant"))
        if row.get("TenantID") != tenant_id:
            continue
        result.powerbi_rows += 1
        if key is None or row_key is None:
            result.mismatches.append(Difference("(no key)", table.row_key, None, row_key, "extra"))
        elif not isinstance(version, int) or isinstance(version, bool) or not 0 < version < 2**53:
            result.mismatches.append(Difference(row_key, "RowVersion", "1 to 2^53 - 1", version, "version"))
        else:
            twin = versions[key][version].setdefault(row_key, row)
            result.mismatches += [
                Difference(row_key, column, twin[column], row[column], "doubled")
                for column in columns
                if twin[column] != row[column]
            ]

    for key, by_version in versions.items():
        if key in expected.quarantined:
            continue
        current = by_version[max(by_version)]
        alive = _count(row for row in current.values() if row.get("IsDeleted") is not True)
        result.powerbi_current += alive
        if key in expected.records:
            result.beyond_scope += alive if key in expected.beyond_scope else 0
            result.mismatches += _record(expected.records[key], current)
        else:
            result.mismatches += [
                Difference(row_key, None, None, "a current row", "extra")
                for row_key, row in current.items()
                if row.get("IsDeleted") is not True
            ]
    for key, held in expected.records.items():
        if key not in versions and key not in expected.beyond_scope:
            result.mismatches.append(Difference(key, None, f"{len(held)} row(s)", None, "missing"))
    return result


def _record(must: Mapping[str, Row], shown: Mapping[str, Row]) -> Iterable[Difference]:
    """Differences between the rows that a record must have and its current rows."""
    for row_key, row in must.items():
        if row_key not in shown:
            yield Difference(row_key, None, "a row", None, "missing")
            continue
        for column, value in row.items():
            actual = shown[row_key].get(column)
            if column in shown[row_key] and column != "RowVersion" and not same(value, actual):
                yield Difference(row_key, column, value, actual)
    for row_key in shown.keys() - must.keys():
        yield Difference(row_key, None, None, "a current row", "extra")


def same(xero: object, powerbi: object) -> bool:
    """Whether Power BI's value is the one that must be there, of the right kind and exact to the last digit."""
    number = isinstance(powerbi, int | float | Decimal) and not isinstance(powerbi, bool)
    if xero is None or isinstance(xero, bool):
        return powerbi is xero
    if isinstance(xero, int):
        return isinstance(powerbi, int) and number and powerbi == xero
    if isinstance(xero, Decimal):
        return number and Decimal(str(powerbi)) == xero
    if isinstance(xero, float):
        return number and float(str(powerbi)) == xero
    if isinstance(xero, datetime):
        try:
            return isinstance(powerbi, str) and datetime.fromisoformat(powerbi) == xero
        except ValueError:
            return False
    return isinstance(powerbi, str) and powerbi == xero


def _count(rows: Iterable[Row]) -> int:
    return sum(1 for row in rows if row.get("IsMarker") is not True)


def _shown(value: object) -> str:
    shown = str(value) if isinstance(value, datetime | Decimal | float) else repr(value)
    return shown if len(shown) <= 200 else f"{shown[:199]}… ({len(shown)} characters)"


def _read(session: requests.Session, url: str) -> Any:
    response = session.get(url, timeout=120)
    response.raise_for_status()
    return response.json(parse_float=Decimal)


def _dataset(datasets: Sequence[Record], dataset_id: str | None) -> Record:
    found = [dataset for dataset in datasets if dataset_id is None or dataset["id"] == dataset_id]
    if len(found) != 1:
        names = ", ".join(f"{dataset['name']} ({dataset['id']})" for dataset in datasets) or "none"
        raise LookupError(f"{len(found)} datasets match {dataset_id or 'no id'}; the simulator holds {names}")
    return found[0]
