"""The rows that go to Power BI, and those that the comparison expects there: two readings of the same records agree."""

from typing import Any

import pytest

from local.comparison import same
from local.expected.lists import Lists
from local.expected.tables import ID_FIELDS, TABLES, Source
from shared.state.made import MADE
from shared.tables import TABLES as OURS
from tests.support.records import FULL, TENANT, Record, shaped

BASE = "NZD"
# What tests/support/records.py has in its own words.
LISTS = Lists(
    rates={
        "OUTPUT2": {"Name": "15% GST on Income", "DisplayTaxRate": "15"},
        "NONE": {"Name": "No GST", "EffectiveRate": 0, "DisplayTaxRate": "9"},
    },
    slots={"t1": 1, "t2": 2, str(FULL["TrackingCategories"]["TrackingCategoryID"]).lower(): 3},
    categories={"t1": {"Name": "Region"}, "t2": {"Name": "Team"}},
)
# Written as numbers in some of Xero's samples; the comparison takes these as texts only.
TEXTS = frozenset(["AccountCode", "Telephone"])
SOURCES = [(table.name, source) for table in TABLES for source in table.sources]


def full(resource: str) -> Record:
    """A record as full as Xero writes it."""
    return dict(_texts_as_texts(FULL[resource]))


def flat(resource: str) -> Record:
    """Without what is inside: no lines, contact, allocations, details."""
    return {name: value for name, value in full(resource).items() if not isinstance(value, (dict, list))}


def hollow(resource: str) -> Record:
    """What is inside is there, as the empty array that Xero may write for nothing."""
    return {name: [] if isinstance(value, (dict, list)) else value for name, value in full(resource).items()}


def bare(resource: str) -> Record:
    """Nothing but the id."""
    return {ID_FIELDS[resource]: FULL[resource][ID_FIELDS[resource]]}


def _texts_as_texts(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {each: _texts_as_texts(inner, each) for each, inner in value.items()}
    if isinstance(value, list):
        return [_texts_as_texts(each) for each in value]
    return str(value) if name in TEXTS else value


def disagreements(table: str, source: Source, record: Record, base: str) -> list[str]:
    expected = source.build(record, TENANT, base, LISTS)
    ours = shaped(table, record, source.resource, base)
    assert [set(row) for row in ours] == [set(row) for row in expected]
    return [
        f"row {at}, {column}: expected {wanted!r}, shaped {ours[at][column]!r}"
        for at, row in enumerate(expected)
        for column, wanted in row.items()
        if not same(wanted, ours[at][column])
    ]


@pytest.mark.parametrize("base", [BASE, "USD"])
@pytest.mark.parametrize("record_of", [full, flat, hollow, bare])
@pytest.mark.parametrize(
    ("table", "source"), SOURCES, ids=[f"{table}-{source.resource}" for table, source in SOURCES]
)
def test_both_readings_agree(table: str, source: Source, record_of: Any, base: str) -> None:
    """Row for row and column for column they say the same of a record, whatever Xero left out of it."""
    assert disagreements(table, source, record_of(source.resource), base) == []


def test_every_table_is_looked_at() -> None:
    """No table and no resource of Xero that feeds it is left out; where a table shows what is inside there is something."""
    fed = [
        (name, resource)
        for name, table in OURS.items()
        for resource in table.resources
        if resource not in MADE
    ]
    assert sorted(fed) == sorted((table, source.resource) for table, source in SOURCES)
    for table, source in SOURCES:
        rows = shaped(table, full(source.resource), source.resource, BASE)
        assert not any(row.get("IsMarker") for row in rows), table
