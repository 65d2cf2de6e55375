"""How tables and columns are declared, and how a record becomes a row.

A column names its type, what it means, and how its value is found in a record. Types are Power BI's: Int64, Double,
Boolean, DateTime, String, Decimal (Learn "Push dataset properties").
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Literal

from shared.errors import BadRecord
from shared.tables.lists import NO_LISTS, Lists
from shared.xero import wire

Type = Literal["Int64", "Double", "Boolean", "DateTime", "String", "Decimal"]
Row = dict[str, Any]
# What a column takes from elsewhere than its record: when that changes, rows that were pushed say something old.
Uses = Literal["tax rates", "tracking", "personal data"]

LONGEST_TEXT = 4000
# Xero's ids have 36; a key of much more would not fit a column.
LONGEST_ID = 100
PLACES = Decimal("0.0001")
# Power BI's Decimal: 28 digits, 4 of them behind the point.
LARGEST = Decimal(10) ** 24
_exact = Context(prec=60, rounding=ROUND_HALF_UP)


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a row is made from: a record (or one line of a document) of an organisation.

    resource: the name of the resource that the record came from, which tells what kind of document it is.
    record: the record, or the line. document: the record that the line stands in, or the record itself.
    number: the line's place, from 1; 0 for a record, and for the marker row of a document without lines.
    lists: what the organisation's own lists say.
    """

    tenant_id: str
    base_currency: str
    resource: str
    record: Mapping[str, Any]
    document: Mapping[str, Any]
    number: int = 0
    lists: Lists = NO_LISTS

    def at(self, path: str) -> Any:
        """The value at a dotted path; None where Xero left it out."""
        return at(self.record, path)


@dataclass(frozen=True)
class Column:
    """A column: `value` finds it in the source, or raises BadRecord. uses: what it takes from the source's lists."""

    name: str
    type: Type
    means: str
    value: Callable[[Source], Any]
    uses: Uses | None = None


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the dataset.

    resources: whose records feed it. version_key: the column that says which rows are versions of the same thing; the
    highest RowVersion of each is the current one. rows: the sources of a record's rows, at least one.
    """

    name: str
    means: str
    resources: Sequence[str]
    version_key: str
    columns: Sequence[Column]
    rows: Callable[[Source], list[Source]] = field(default=lambda source: [source])

    def shape(self, source: Source) -> list[Row]:
        """A record's rows, without RowVersion and IsDeleted, which the push adds. Raises BadRecord."""
        return [{column.name: column.value(one) for column in self.columns} for one in self.rows(source)]


def at(record: Any, path: str) -> Any:
    """The value at a dotted path. Xero may write an empty array where an object or value is null."""
    for name in path.split("."):
        if record is None or record == []:
            return None
        if not isinstance(record, Mapping):
            raise BadRecord(f"{path} is not inside an object", field=path)
        record = record.get(name)
    return None if record == [] else record


def text(name: str, means: str, path: str = "") -> Column:
    """A text of at most 4,000 characters; a longer one ends with an ellipsis."""
    where = path or name
    return Column(name, "String", means, lambda source: cut(wire.text(source.at(where), where)))


def cut(value: str | None) -> str | None:
    """A text within Power BI's 4,000 characters, counted as UTF-16 does, never through the middle of a character."""
    if value is None or len(value) * 2 <= LONGEST_TEXT or _units(value) <= LONGEST_TEXT:
        return value
    kept = value.encode("utf-16-le", "surrogatepass")[: (LONGEST_TEXT - 1) * 2].decode("utf-16-le", "ignore")
    return kept + "…"


def _units(value: str) -> int:
    return len(value.encode("utf-16-le", "surrogatepass")) // 2


def flag(name: str, means: str, path: str = "") -> Column:
    where = path or name
    return Column(name, "Boolean", means, lambda source: wire.boolean(source.at(where), where))


def whole(name: str, means: str, path: str = "") -> Column:
    where = path or name

    def value(source: Source) -> int | None:
        found = wire.number(source.at(where), where)
        if found is not None and (found != found.to_integral_value() or abs(found) >= 2**53):
            raise BadRecord(f"{where} is no whole number: {found}", field=where)
        return None if found is None else int(found)

    return Column(name, "Int64", means, value)


def rate(name: str, means: str, path: str = "") -> Column:
    """A number with more than four places, such as an exchange rate."""
    where = path or name

    def value(source: Source) -> float | None:
        found = wire.number(source.at(where), where)
        return None if found is None else float(found)

    return Column(name, "Double", means, value)


def amount(name: str, means: str, path: str = "") -> Column:
    """Money or a quantity: Decimal, rounded half-up to four places."""
    where = path or name
    return Column(name, "Decimal", means, lambda source: rounded(wire.number(source.at(where), where), where))


def base_amount(name: str, means: str, path: str) -> Column:
    """An amount in the organisation's base currency, at the document's own rate (Xero: foreign units per base unit)."""
    return Column(
        name,
        "Decimal",
        means,
        lambda source: in_base(wire.number(source.at(path), path), source, source.document, path),
    )


def in_base(
    value: Decimal | None,
    source: Source,
    document: Mapping[str, Any],
    path: str,
    currency_path: str = "CurrencyCode",
) -> Decimal | None:
    """value / CurrencyRate. Without a rate: the value when the currency is the base currency, else None; so for a rate of 0."""
    if value is None:
        return None
    found = wire.number(at(document, "CurrencyRate"), "CurrencyRate")
    if found is None:
        currency = wire.text(at(document, currency_path), currency_path)
        return rounded(value, path) if currency in (None, source.base_currency) else None
    if found < 0:
        raise BadRecord(f"CurrencyRate is {found}", field="CurrencyRate")
    if found == 0:
        return None
    return rounded(_exact.divide(value, found), path)


def rounded(value: Decimal | None, path: str) -> Decimal | None:
    """A value as Power BI's Decimal holds it. Raises BadRecord above 24 digits before the point."""
    if value is None:
        return None
    if abs(value) >= LARGEST:
        raise BadRecord(f"{path} is too large: {value}", field=path)
    return value.quantize(PLACES, context=_exact)


def negated(value: Decimal | None) -> Decimal | None:
    """The other sign, digit for digit (`-` would round to 28 of them), and no negative zero."""
    return value.copy_negate() if value else value


def day(name: str, means: str, path: str = "") -> Column:
    """A calendar day of the organisation. Xero's own DateString is taken where it stands beside the /Date()/."""
    where = path or name

    def value(source: Source) -> str | None:
        return _day_text(wire.day(source.at(f"{where}String") or source.at(where), where))

    return Column(name, "DateTime", means, value)


def _day_text(value: date | None) -> str | None:
    return f"{value.isoformat()}T00:00:00" if value else None


def moment(name: str, means: str, path: str = "") -> Column:
    """An instant in UTC, to the whole second."""
    where = path or name

    def value(source: Source) -> str | None:
        found = wire.instant(source.at(where), where)
        return None if found is None else found.replace(tzinfo=None).isoformat(timespec="seconds")

    return Column(name, "DateTime", means, value)


def key(name: str, means: str, path: str) -> Column:
    """An id made unique over organisations: tenant|id in lower case; None where Xero gives no id."""

    def value(source: Source) -> str | None:
        return unique(source.tenant_id, wire.text(source.at(path), path), path)

    return Column(name, "String", means, value)


def unique(tenant_id: str, record_id: str | None, path: str) -> str | None:
    """The key of an id. Raises BadRecord for a text that is too long to be one."""
    if record_id and len(record_id) > LONGEST_ID:
        raise BadRecord(f"{path} is no id: {record_id[:LONGEST_ID]}…", field=path)
    return f"{tenant_id}|{record_id.lower()}" if record_id else None


def derived(
    name: str, type_: Type, means: str, value: Callable[[Source], Any], uses: Uses | None = None
) -> Column:
    """A column with a rule of its own."""
    return Column(name, type_, means, value, uses)


def personal(column: Column) -> Column:
    """The same column, about a person: empty where the operator keeps such data out."""

    def value(source: Source) -> Any:
        return column.value(source) if source.lists.personal_data else None

    means = f"{column.means} Personal: empty where CONTACT_PERSONAL_DATA is false."
    return replace(column, means=means, value=value, uses="personal data")


def of_document(column: Column) -> Column:
    """The same column, taken from the document that a line stands in."""

    def value(source: Source) -> Any:
        return column.value(replace(source, record=source.document, number=0))

    return replace(column, value=value)


TENANT = Column("TenantID", "String", "Xero's id of the organisation.", lambda source: source.tenant_id)
ATTACHMENTS = flag("HasAttachments", "Whether files are attached.")
UPDATED = moment("UpdatedDateUTC", "When Xero last changed the record, in UTC.")
