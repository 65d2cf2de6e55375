"""Compares Xero's books with what a Power BI dataset shows of them: record by record, field by field.

It reads both sides through the simulators' control interfaces and works out by rules of its own what every
current row must be. Nothing of the connector is used here: a copy is not checked with the copier's own ruler.
"""

from calendar import monthrange
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import requests

from local.expected import lists as own_lists
from local.expected import made
from local.expected.lists import NOTHING, Lists
from local.expected.scope import Resources, in_scope
from local.expected.tables import ID_FIELDS, MADE, REPORTS, TABLES
from local.expected.values import Record, Row

__all__ = [
    "RESOURCES",
    "Difference",
    "Expected",
    "TableComparison",
    "compare",
    "differences",
    "expected_rows",
    "in_scope",
    "same",
]

RESOURCES = tuple(ID_FIELDS)


@dataclass(frozen=True)
class Difference:
    """One thing that Power BI shows and Xero does not say, or the reverse.

    problem: "differs"; "missing" (a record or a row of one that is not current in Power BI, or a whole table);
    "extra" (current in Power BI, not in Xero); "doubled" (rows of one key and version that are not equal);
    "version" (RowVersion is not a positive whole number); "column" (one is absent, or no rule says what it must
    hold); "unreadable" (Xero's record breaks the rules of its own fields); "twofold" (two records of Xero have
    one key, so that no row can be either's); "tenant" (a row without TenantID).
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

    xero_records: records of Xero that the table must show, quarantined ones left out. In a table of elements
        (Lines, Allocations, TrackingCategories, Journals): lines, allocations, options and journal lines.
    powerbi_rows: all rows of the organisation, superseded and doubled ones too.
    powerbi_current: distinct current records that are not deleted; distinct current elements, markers left out.
    beyond_scope: those of powerbi_current that Xero has and that need not be there. When nothing differs,
        powerbi_current - beyond_scope == xero_records.
    sums: of each money column of Power BI's, over what powerbi_current counts.
    """

    table: str
    xero_records: int = 0
    powerbi_rows: int = 0
    powerbi_current: int = 0
    beyond_scope: int = 0
    sums: dict[str, Decimal] = field(default_factory=dict)
    mismatches: list[Difference] = field(default_factory=list)


@dataclass
class Expected:
    """What one table must show. `records` holds by record key (Table.key) the rows, by row key."""

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
    personal: bool = True,
    ageing_days: Sequence[int] = (30, 60, 90),
    session: requests.Session | None = None,
    reports_until: date | None = None,
    without: Collection[str] = (),
) -> dict[str, TableComparison]:
    """Compare one organisation's books in the Xero simulator with a dataset of the Power BI simulator.

    dataset_id: may be left out when the simulator holds exactly one dataset.
    start: the history's first day; None demands every record. See `in_scope`.
    quarantined: Xero ids of records kept out of Power BI on purpose; whatever Power BI shows of them passes.
    personal: whether data about persons is kept.
    ageing_days: where the ageing buckets must end.
    session: for simulators behind TLS, a session that trusts their certificate.
    reports_until: the reports of every month from `start` to this day's must be shown, as the simulator would serve them
        now; None leaves the tables of reports out, as a connector that reads none does.
    without: tables that the connector makes and that are not looked at.
    Raises LookupError when the dataset is not there or not unambiguous, requests.RequestException.
    """
    session = session or requests.Session()
    tenant = quote(tenant_id, safe="")
    resources = {
        resource: _read(session, f"{xero_url}/_sim/records/{tenant}/{resource}")["records"]
        for resource in RESOURCES
        if resource not in REPORTS
    }
    if reports_until and start:
        for name in REPORTS:
            asked = _first_day(start) if name == "BankSummary" else _months(start, reports_until)
            resources[name] = [
                {"Through": query["toDate"]}
                | _read(session, f"{xero_url}/_sim/reports/{tenant}/{name}?{urlencode(query)}")
                for query in asked
            ]
    dataset = _dataset(_read(session, f"{powerbi_url}/_sim/datasets"), dataset_id)
    present = {table["name"] for table in dataset["tables"]}

    def shown(name: str) -> tuple[list[str], list[list[Any]]]:
        if name not in present:
            return [], []
        path = f"/_sim/datasets/{quote(dataset['id'], safe='')}/tables/{quote(name, safe='')}/rows"
        answer = _read(session, powerbi_url + path)
        return answer["columns"], answer["rows"]

    columns, rows = shown("TrackingCategories")
    slots, wrong = own_lists.slots_shown(
        tenant_id, (dict(zip(columns, values, strict=True)) for values in rows)
    )
    lists = own_lists.read(resources, slots, personal=personal)
    result = {
        name: differences(expected, tenant_id, *shown(name))
        for name, expected in expected_rows(resources, tenant_id, start, quarantined, lists).items()
        if name not in REPORTS or name in resources
    }
    result["TrackingCategories"].mismatches += [
        Difference("(slots)", "Slot", "one slot a category", each, "differs") for each in wrong
    ]
    organisation: Record = next(iter(resources["Organisation"]), {})
    known = str(organisation.get("OrganisationID")).lower() not in {each.lower() for each in quarantined}
    for table in MADE:
        if table.name in without:
            continue
        columns, rows = shown(table.name)
        if table.name == "SyncStatus":
            result[table.name] = status_shape(tenant_id, columns, rows)
        else:
            expected = expected_of_ours(
                table.name, organisation, tenant_id, start if known else None, ageing_days, columns, rows
            )
            result[table.name] = differences(expected, tenant_id, columns, rows)
    return result


def _first_day(start: date) -> list[dict[str, str]]:
    """What asks for the report of the day on which the history begins."""
    return [{"fromDate": start.isoformat(), "toDate": start.isoformat()}]


def _months(first: date, last: date) -> Iterable[dict[str, str]]:
    """What asks for the reports of each month, from that of the first to that of the last day."""
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        begins = date(number // 12, number % 12 + 1, 1)
        ends = begins.replace(day=monthrange(begins.year, begins.month)[1]).isoformat()
        yield {"date": ends, "fromDate": begins.isoformat(), "toDate": ends}


def expected_rows(
    resources: Resources,
    tenant_id: str,
    start: date | None = None,
    quarantined: Collection[str] = (),
    lists: Lists = NOTHING,
) -> dict[str, Expected]:
    """What each table must show of these Xero records, by table name."""
    organisation = next(iter(resources.get("Organisation", ())), {})
    base = organisation.get("BaseCurrency")
    scope = in_scope(resources, start)
    skipped = {identifier.lower() for identifier in quarantined}
    result = {}
    for table in TABLES:
        columns = table.sources[0].rows({}, tenant_id, base)[0].keys()
        expected = result[table.name] = Expected(table.name, frozenset(columns))
        for source in table.sources:
            id_field, wanted = ID_FIELDS[source.resource], scope[source.resource]
            for record in resources.get(source.resource, ()):
                identifier = record[id_field].lower()
                key = f"{tenant_id}|{identifier}"
                if identifier in skipped:
                    expected.quarantined.add(key)
                    continue
                if identifier not in wanted:
                    expected.beyond_scope.add(key)
                try:
                    rows = source.rows(record, tenant_id, base, lists)
                except (ValueError, OverflowError) as error:
                    expected.unreadable.append(Difference(key, None, str(error), None, "unreadable"))
                    expected.quarantined.add(key)
                    continue
                if key in expected.records:
                    what = f"a record of {source.resource}"
                    expected.unreadable.append(Difference(key, None, what, None, "twofold"))
                expected.records[key] = {row[table.row_key]: row for row in rows}
    return result


def expected_of_ours(
    name: str,
    organisation: Record,
    tenant_id: str,
    start: date | None,
    ageing_days: Sequence[int],
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> Expected:
    """What a table of days or buckets must show. Days need be there from `start`, and none without; no rows, no columns."""
    beyond: set[str] = set()
    if name == "AgingBuckets":
        records = made.buckets(tenant_id, ageing_days)
        beyond = set(records) if start is None else set()
    else:
        at = columns.index("CalendarKey") if "CalendarKey" in columns else None
        keys = {str(row[at]).rpartition("|") for row in rows} if at is not None else set()
        years = {int(year) for tenant, _, year in keys if tenant == tenant_id and year.isdecimal()}
        records, beyond = made.years(organisation, tenant_id, start, years)
        records = made.as_at(records) if name == "AsAt" else records
    found = {column for held in records.values() for row in held.values() for column in row}
    return Expected(name, frozenset(found or columns), records, beyond)


def status_shape(tenant_id: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> TableComparison:
    """SyncStatus is ours alone: Xero knows nothing that it could be held against, so that only its values' kinds are."""
    result = TableComparison("SyncStatus")
    latest: dict[str, int] = {}
    if not columns:
        result.mismatches.append(Difference("SyncStatus", None, "a table", None, "missing"))
    for values in rows:
        row = dict(zip(columns, values, strict=True))
        if row.get("TenantID") != tenant_id:
            continue
        result.powerbi_rows += 1
        key = str(row.get("StatusKey"))
        latest[key] = max(latest.get(key, 0), int(row.get("RowVersion") or 0))
        result.mismatches += [
            Difference(key, column, made.STATUS_COLUMNS[column], row.get(column))
            for column in made.misshapen(row)
        ]
    result.powerbi_current = result.beyond_scope = len(latest)
    return result


def differences(
    expected: Expected, tenant_id: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> TableComparison:
    """What the rows of one table, as Power BI holds them, show otherwise than they must."""
    table = next(table for table in (*TABLES, *MADE) if table.name == expected.table)
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
                for column in (columns if twin != row else ())
                if twin[column] != row[column]
            ]

    money = {column for held in expected.records.values() for row in held.values() for column in _money(row)}
    result.sums = dict.fromkeys(sorted(money), Decimal(0))
    for key, by_version in versions.items():
        if key in expected.quarantined:
            continue
        current = by_version[max(by_version)]
        living = [row for row in current.values() if row.get("IsDeleted") is not True]
        alive = _count(living)
        result.powerbi_current += alive
        for row in living:
            for column in money:
                result.sums[column] += Decimal(str(row.get(column) or 0))
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
    if xero is None or isinstance(xero, bool):
        return powerbi is xero
    if isinstance(xero, str):
        return isinstance(powerbi, str) and powerbi == xero
    if isinstance(xero, datetime):
        try:
            return isinstance(powerbi, str) and datetime.fromisoformat(powerbi) == xero
        except ValueError:
            return False
    if isinstance(powerbi, bool) or not isinstance(powerbi, (int, float, Decimal)):
        return False
    if isinstance(xero, int):
        return isinstance(powerbi, int) and powerbi == xero
    # A number of JSON as it is written, not as a float happens to hold it.
    if isinstance(xero, Decimal):
        return Decimal(str(powerbi)) == xero
    return isinstance(xero, float) and float(str(powerbi)) == xero


def _money(row: Row) -> Iterable[str]:
    return (column for column, value in row.items() if isinstance(value, Decimal))


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
