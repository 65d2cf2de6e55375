"""What becomes of a dataset when the code declares something else: any two definitions."""

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from shared.tables import TABLES, measures, schema
from shared.tables.definition import Definition, Plan, declared, definition_of, plan, put_schema

TYPES = st.sampled_from(["Int64", "Double", "String", "Decimal"])
COLUMNS = st.dictionaries(st.sampled_from("abcd"), TYPES, max_size=4)
NAMES = st.sampled_from(["Invoices", "Lines", "Contacts", "Items"])
DIGESTS = st.dictionaries(st.sampled_from(["Sales", "Cash", "Tax"]), st.sampled_from(["1", "2"]))


def definitions(
    columns: st.SearchStrategy[Any], digests: st.SearchStrategy[Any]
) -> st.SearchStrategy[Definition]:
    def made(tables: dict[str, Any], known: Any, measures_known: bool) -> Definition:
        own = {"About": "String"} if measures_known else None
        return Definition(tables=tables | {measures.TABLE: own}, measures=known if measures_known else None)

    return st.builds(made, st.dictionaries(NAMES, columns), digests, st.booleans())


ANY = definitions(COLUMNS | st.none(), DIGESTS)
WANTED = definitions(COLUMNS, DIGESTS).filter(lambda each: each.measures is not None)


@given(made=ANY, wanted=WANTED)
def test_what_is_done_in_place_is_enough(made: Definition, wanted: Definition) -> None:
    """Unless a new dataset is needed, putting the tables of the plan leaves nothing to be done."""
    todo = plan(made, wanted)
    if todo.side_by_side:
        return
    for name in todo.to_put:
        made = made.with_table(name, wanted)
    assert plan(made, wanted).nothing
    assert {name: made.tables[name] for name in wanted.tables} == wanted.tables
    assert made.measures == wanted.measures


@given(made=ANY, wanted=WANTED)
def test_a_new_dataset_is_needed_exactly_when_something_cannot_be_put(
    made: Definition, wanted: Definition
) -> None:
    """For a table that is not there, and a column that goes or changes its type; for nothing else."""
    cannot = False
    for name, columns in wanted.tables.items():
        before = made.tables.get(name)
        if name not in made.tables:
            cannot = True
        elif before is not None and columns is not None:
            cannot = cannot or any(columns.get(column) != type_ for column, type_ in before.items())
    assert plan(made, wanted).side_by_side == cannot


@given(made=ANY)
def test_the_same_needs_nothing(made: Definition) -> None:
    """A dataset of which all is known, and that is as declared, is left alone."""
    if None not in made.tables.values():
        assert plan(made, made) == Plan()


@given(made=ANY, wanted=WANTED)
def test_no_table_is_put_needlessly(made: Definition, wanted: Definition) -> None:
    """A table that is as declared is not touched, since touching it may cost its rows; measures come after all columns."""
    todo = plan(made, wanted)
    for name in todo.to_put:
        same = made.tables[name] == wanted.tables[name]
        assert not same or (name == measures.TABLE and made.measures != wanted.measures)
    assert measures.TABLE not in todo.to_put[:-1]


def test_what_is_declared_is_what_is_made() -> None:
    """The dataset of the create call, its columns, types and measures, is the definition that is remembered."""
    made = declared()
    assert made == definition_of(schema.dataset("x"))
    assert made.tables.keys() == {*TABLES, measures.TABLE}
    assert plan(made, declared()) == Plan()


def test_each_change_of_a_measure_is_seen() -> None:
    """Its expression, its words and its format."""
    digests = {
        str(
            (definition_of({"tables": [{"name": "M", "columns": [], "measures": [measure]}]}).measures or {})[
                "m"
            ]
        )
        for measure in (
            {"name": "m", "expression": "1", "description": "d"},
            {"name": "m", "expression": "2", "description": "d"},
            {"name": "m", "expression": "1", "description": "e"},
            {"name": "m", "expression": "1", "description": "d", "formatString": "0"},
        )
    }
    assert len(digests) == 4


def test_a_row_is_fitted_to_what_the_dataset_has() -> None:
    """Columns that the dataset lacks, or has with another type, are left out; where nothing is known nothing is."""
    row = {"TenantID": "t", "AccountKey": "k", "RowVersion": 1, "IsDeleted": False}
    columns = dict(declared().tables["Accounts"] or {})
    assert declared().fitted("Accounts", row) == row
    assert Definition(tables={"Accounts": None}).fitted("Accounts", row) == row
    columns |= {"TenantID": "Int64"}
    del columns["AccountKey"]
    fitted = Definition(tables={"Accounts": columns}).fitted("Accounts", row)
    assert fitted == {"RowVersion": 1, "IsDeleted": False}


@pytest.mark.parametrize("name", [*TABLES, measures.TABLE])
def test_a_table_is_put_in_full(name: str) -> None:
    """What Put Table is sent has every column and measure of the create call: what it left out would go."""
    [created] = [each for each in schema.dataset("")["tables"] if each["name"] == name]
    assert put_schema(name) == created
