"""From an organisation's rows to an answer's rows: hiding, filters, order, pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from local.xero.fields import FIELDS
from local.xero.looks import Query, look
from local.xero.resources import Resource
from local.xero.store import Row
from local.xero.switches import Switches
from local.xero.where import Condition, Instant, WhereError, parse, value_of
from local.xero.wire import milliseconds

_PAGE = 100
_LARGEST_PAGE = 1000
# How many journals a page holds that ends before the last journal; those after offsets 100-199, 500-599, ... do.
_SHORT_PAGE = 25


class QueryError(ValueError):
    """A list that Xero refuses with 400, with the reason."""


@dataclass(frozen=True)
class Listing:
    """A list's rows, rendered, and the fields of `pagination` when the answer has one."""

    rows: list[bytes]
    pagination: dict[str, int] | None = None


def list_rows(
    resource: Resource, table: dict[str, Row], query: Query, since: str | None, switches: Switches
) -> Listing:
    """What a GET of the whole endpoint answers. QueryError for what Xero refuses."""
    rows = _chosen(resource, table, query, since, switches)
    if resource.paging == "offset":
        return Listing([look(resource, row, query, switches) for row in _journals(rows, query, switches)])
    rows = _ordered(resource, rows, query)
    paged = resource.paging == "page" and "page" in query
    if resource.name == "ManualJournals" and "order" in query and switches.manual_journals_order_unpaged:
        paged = False
    pagination = None
    if paged:
        size = _clamped_page_size(query) if resource.page_size else _PAGE
        page = max(1, _whole_number(query, "page", 1))
        if resource.page_size:
            pages = -(-len(rows) // size)
            pagination = {"page": page, "pageSize": size, "pageCount": pages, "itemCount": len(rows)}
        rows = rows[(page - 1) * size : page * size]
    with_lines = any(query.get(name) for name in resource.lines_with)
    return Listing([look(resource, row, query, switches, not with_lines) for row in rows], pagination)


def modified_since(text: str | None, switches: Switches) -> int | None:
    """The header If-Modified-Since in milliseconds, at whole seconds; None when Xero would not see one."""
    if not text:
        return None
    for read in (
        (_documented,)
        if switches.if_modified_since_formats == "documented"
        else (_iso, parsedate_to_datetime)
    ):
        try:
            return milliseconds(read(text).replace(microsecond=0).astimezone(UTC))
        except ValueError:
            continue
    return None


def _documented(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)


def _iso(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _chosen(
    resource: Resource, table: dict[str, Row], query: Query, since: str | None, switches: Switches
) -> list[Row]:
    """The rows that a query asks for, in no order; QueryError when that takes more rows than Xero looks at."""
    tests: list[Callable[[Row], bool]] = []
    if resource.hidden is not None and query.get(resource.hidden.flag, "").lower() != "true":
        field, value = resource.hidden.field, resource.hidden.value
        tests.append(lambda row: row.record.get(field) != value)
    for parameter, path in resource.lists.items():
        if texts := ",".join(query.getlist(parameter)):
            tests.append(_one_of(path, texts.split(",")))
    for parameter, path in resource.equals.items():
        if text := query.get(parameter):
            tests.append(_one_of(path, [text]))
    for parameter, (path, sign) in resource.ranges.items():
        if text := query.get(parameter):
            tests.append(_range(parameter, text, path, sign))
    if sought := query.get("searchTerm", "").casefold() if resource.search else "":
        tests.append(lambda row: any(sought in _plain(row.record.get(name, "")) for name in resource.search))
    if resource.name == "Invoices" and query.get("createdByMyApp", "").lower() == "true":
        tests.append(lambda _: False)
    instant = modified_since(since, switches) if resource.modified_since else None
    if instant is not None:
        tests.append(_changed(instant, switches.if_modified_since_inclusive))
    rows = [row for row in table.values() if all(test(row) for test in tests)]

    looked_at = len(rows)
    if resource.where and (text := query.get("where", "").strip()):
        try:
            condition = parse(text)
            _known(resource, (path.split(".")[0] for path in condition.fields), table)
            rows = [row for row in rows if condition.matches(row.record)]
        except WhereError as error:
            raise QueryError(str(error)) from error
        if _is_optimised(resource, condition):
            looked_at = len(rows)
    if resource.limited:
        fast = {name.casefold() for name in (*resource.optimised_order, resource.key, resource.stamp or "")}
        if any(name.casefold() not in fast for name, _ in _order(resource, query)):
            looked_at = max(looked_at, len(table))
        if looked_at > switches.row_limit:
            raise QueryError(
                f"more than {switches.row_limit} rows: use paging, If-Modified-Since or a filter"
            )
    return rows


def _is_optimised(resource: Resource, condition: Condition) -> bool:
    """Whether Xero answers a filter without looking at all rows; OR is for the ids of its own fields alone."""
    ids = {resource.key.casefold(), *(name.casefold() for name in resource.optimised if name.endswith("ID"))}
    fast = ids if condition.has_or else ids | {name.casefold() for name in resource.optimised}
    return all(name.casefold() in fast for name in condition.fields)


def _known(resource: Resource, names: Any, table: dict[str, Row]) -> None:
    known = {name.casefold() for name in FIELDS[resource.name]}
    for name in names:
        if name.casefold() in known:
            continue
        if not any(key.casefold() == name.casefold() for row in table.values() for key in row.record):
            raise WhereError(f"No property or field '{name}' exists in type '{resource.name}'")


def _one_of(path: str, texts: Sequence[str]) -> Callable[[Row], bool]:
    wanted = {_plain(text.strip()) for text in texts}
    return lambda row: _plain(value_of(row.record, path)) in wanted


def _plain(value: Any) -> str:
    return str(value).casefold()


def _range(parameter: str, text: str, path: str, sign: int) -> Callable[[Row], bool]:
    try:
        bound = milliseconds(_iso(text))
    except ValueError as error:
        raise QueryError(f"{parameter} is not a date: {text}") from error

    def test(row: Row) -> bool:
        value = value_of(row.record, path)
        return isinstance(value, Instant) and (value - bound) * sign >= 0

    return test


def _changed(instant: int, inclusive: bool) -> Callable[[Row], bool]:
    first = instant if inclusive else instant + 1000
    return lambda row: row.stamp is not None and row.stamp >= first


def _order(resource: Resource, query: Query) -> list[tuple[str, bool]]:
    """The fields of `order` and whether each descends. QueryError when it is malformed."""
    parts = query.get("order", "").split(",") if resource.order and query.get("order", "").strip() else []
    order = []
    for part in parts:
        words = part.split()
        if len(words) not in (1, 2) or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise QueryError(f"Syntax error in order '{part.strip()}'")
        order.append((words[0], len(words) == 2 and words[1].upper() == "DESC"))
    return order


def _ordered(resource: Resource, rows: list[Row], query: Query) -> list[Row]:
    if resource.stamp is not None:
        rows = sorted(rows, key=lambda row: (row.stamp or 0, row.key))
    order = _order(resource, query)
    try:
        _known(resource, (name.split(".")[0] for name, _ in order), {row.key: row for row in rows})
    except WhereError as error:
        raise QueryError(str(error)) from error
    for name, descends in reversed(order):
        rows = sorted(rows, key=_place(resource, name), reverse=descends)
    return rows


def _place(resource: Resource, name: str) -> Callable[[Row], Any]:
    if name.casefold() == resource.key.casefold():
        return lambda row: row.key
    return lambda row: _rank(value_of(row.record, name))


def _rank(value: Any) -> tuple[int, Any]:
    """Nulls first; the kinds of one field never mix with another's."""
    if value is None:
        return 0, 0
    if isinstance(value, bool | Decimal | Instant):
        return 1, value
    return 2, str(value)


def _whole_number(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    try:
        return int(text) if text else default
    except ValueError as error:
        raise QueryError(f"{name} is not a whole number: {text}") from error


def _clamped_page_size(query: Query) -> int:
    return min(_LARGEST_PAGE, max(1, _whole_number(query, "pageSize", _PAGE)))


def _journals(rows: Sequence[Row], query: Query, switches: Switches) -> list[Row]:
    """Up to 100 journals after the offset, by number; a page may be short long before the last."""
    offset = _whole_number(query, "offset", 0)
    rest = sorted(
        (row for row in rows if row.record["JournalNumber"] > offset),
        key=lambda row: row.record["JournalNumber"],
    )
    short = switches.journals_short_pages and offset // _PAGE % 4 == 1
    return rest[: _SHORT_PAGE if short else _PAGE]
