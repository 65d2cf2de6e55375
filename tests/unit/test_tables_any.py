"""Records as wrong as JSON allows: rows that fit the schema, or a BadRecord, and no other way out."""

import copy
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadRecord
from shared.powerbi import rows as powerbi_rows
from shared.tables import TABLES, fed_by
from shared.tables.table import Type
from tests.support.records import FULL, source, units

FIELDS = sorted(
    {column.name for table in TABLES.values() for column in table.columns}
    | {name for record in FULL.values() for name in record}
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "",
            "true",
            "12.50",
            "/Date(0)/",
            "/Date(253402300799999)/",
            "/Date(-62135596800000)/",
            "2024-02-29T00:00:00",
            "0001-01-01T00:00:00+14:00",
            "1e60",
            "-1e-60",
            "x" * 4001,
            "🧾" * 2500,
            10**24,
            2**53,
            Decimal("1e400"),
            Decimal("1e-400"),
        ]
    )
)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def paths(found: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a record."""
    children: Any = (
        found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    )
    for name, child in children:
        yield (*path, name)
        yield from paths(child, (*path, name))


@st.composite
def damaged(draw: st.DrawFn, resource: str) -> dict[str, Any]:
    """A good record with one to three of its values replaced by anything."""
    record: dict[str, Any] = copy.deepcopy(FULL[resource])
    for _ in range(draw(st.integers(1, 3))):
        *parents, name = draw(st.sampled_from(list(paths(record))))
        inside: Any = record
        for parent in parents:
            inside = inside[parent]
        inside[name] = draw(anything)
    return record


def fits(type_: Type, found: Any) -> bool:
    """Whether Power BI takes a value for a column of this type, by Microsoft's list of data types."""
    if found is None:
        return True
    match type_:
        case "Int64":
            return type(found) is int and abs(found) < 2**63
        case "Double":
            return type(found) is float and isfinite(found)
        case "Boolean":
            return type(found) is bool
        case "String":
            return type(found) is str and units(found) <= 4000
        case "Decimal":
            exponent = found.as_tuple().exponent if type(found) is Decimal else None
            return exponent == -4 and len(found.as_tuple().digits) <= 28
        case "DateTime":
            return (
                type(found) is str
                and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", found) is not None
                and datetime.fromisoformat(found) is not None
            )


def check(resource: str, record: dict[str, Any]) -> None:
    for table in fed_by(resource):
        try:
            rows = table.shape(source(resource, record))
        except BadRecord as refused:
            assert refused.field
            assert str(refused)
            continue
        assert rows, "at least one row a record in each table that it feeds"
        for row in rows:
            assert list(row) == [column.name for column in table.columns]
            for column in table.columns:
                assert fits(column.type, row[column.name]), (column.name, row[column.name])
            powerbi_rows.encode(0, row)


def test_there_is_a_record_of_every_resource() -> None:
    """No table is left out of what follows."""
    assert {resource for table in TABLES.values() for resource in table.resources} == set(FULL)


@pytest.mark.parametrize("resource", FULL)
def test_the_undamaged_records_have_rows(resource: str) -> None:
    """What the next tests damage is good to begin with."""
    for table in fed_by(resource):
        assert table.shape(source(resource, FULL[resource]))
    check(resource, FULL[resource])


@pytest.mark.parametrize("resource", FULL)
@settings(max_examples=80)
@given(data=st.data())
def test_a_damaged_record_fits_the_schema_or_is_refused(resource: str, data: st.DataObject) -> None:
    """Rows with exactly the declared columns and types, or a BadRecord that names a field: there is no third way."""
    check(resource, data.draw(damaged(resource)))


@pytest.mark.parametrize("resource", FULL)
@settings(max_examples=40)
@given(record=st.dictionaries(st.sampled_from(FIELDS), anything, max_size=8))
def test_any_record_fits_the_schema_or_is_refused(resource: str, record: dict[str, Any]) -> None:
    """The same for records that never were good."""
    check(resource, record)
