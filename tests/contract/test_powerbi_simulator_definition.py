"""The Power BI simulator checks definitions of datasets and tables as the service does."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.powerbi.schema import PROPERTIES
from tests.contract.powerbi_simulator import Simulator, dataset, said, table


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def service(running: Simulator) -> Iterator[Simulator]:
    yield running
    running.reset()


def related(**changes: str) -> dict[str, str]:
    """A good relationship between the tables of `two_tables`."""
    good = {
        "name": "R",
        "fromTable": "Invoices",
        "fromColumn": "Contact",
        "toTable": "Contacts",
        "toColumn": "Contact",
    }
    return good | changes


def two_tables(*relationships: dict[str, str]) -> dict[str, Any]:
    invoices = table("Invoices", {"Contact": "String", "Total": "Decimal", "Day": "DateTime"})
    contacts = table("Contacts", {"Contact": "String", "Name": "String"})
    return dataset(invoices, contacts, relationships=list(relationships))


def measured(expression: str, **others: str) -> dict[str, Any]:
    """A dataset with a measure M of this expression."""
    measures = [{"name": name, "expression": text} for name, text in {"M": expression, **others}.items()]
    calendar = table("Calendar", {"Date": "DateTime"})
    invoices = table("Invoices", {"InvoiceKey": "String", "RowVersion": "Int64", "Total": "Decimal"})
    return dataset(invoices | {"measures": measures}, calendar)


def many(count: int, make: Callable[[int], Any]) -> list[Any]:
    return [make(number) for number in range(count)]


def test_a_dataset_is_created_and_found(service: Simulator) -> None:
    """Creation answers 201 with id, name and retention; the lists have it, tables by name only."""
    answer = service.call(
        "POST", f"{service.datasets}?defaultRetentionPolicy=basicFIFO", dataset(name="Found")
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["name"], made["defaultRetentionPolicy"]) == ("Found", "basicFIFO")
    listed = service.call("GET", service.datasets).json()["value"]
    entry = next(entry for entry in listed if entry["id"] == made["id"])
    assert (entry["name"], entry["addRowsAPIEnabled"]) == ("Found", True)
    single = service.call("GET", f"{service.datasets}/{made['id']}").json()
    assert (single["id"], single["name"]) == (made["id"], "Found")
    tables = service.call("GET", f"{service.datasets}/{made['id']}/tables").json()["value"]
    assert tables == [{"name": "T"}]


def test_creation_is_not_idempotent(service: Simulator) -> None:
    """The same definition twice makes two datasets of one name."""
    first, second = service.create(dataset(name="Twice")), service.create(dataset(name="Twice"))
    names = [entry["name"] for entry in service.call("GET", service.datasets).json()["value"]]
    assert first != second
    assert names.count("Twice") == 2


def test_creation_may_answer_202(service: Simulator) -> None:
    """By switch, creation is accepted rather than done; the body is the same."""
    service.switch(create_status=202)
    answer = service.call("POST", service.datasets, dataset())
    assert (answer.status_code, answer.json()["name"]) == (202, "Books")


def test_retention_is_none_unless_asked_for(service: Simulator) -> None:
    """Without the parameter the policy is None; an unknown policy is refused."""
    answer = service.call("POST", service.datasets, dataset())
    assert answer.json()["defaultRetentionPolicy"] == "None"
    wrong = service.call("POST", f"{service.datasets}?defaultRetentionPolicy=fifo", dataset())
    assert wrong.status_code == 400


def test_a_deleted_dataset_is_gone(service: Simulator) -> None:
    """Deletion answers 200 without body; then the dataset is unknown, with either code."""
    made = service.create()
    answer = service.call("DELETE", f"{service.datasets}/{made}")
    assert (answer.status_code, answer.content) == (200, b"")
    for code in ("PowerBIEntityNotFound", "ItemNotFound"):
        service.switch(deleted_dataset_code=code)
        after = service.post(made, [{"Number": 1}])
        assert (after.status_code, after.json()["error"]["code"]) == (404, code)


def test_an_unknown_property_is_named(service: Simulator) -> None:
    """An unknown property is 400 in the service's own words."""
    answer = service.call("POST", service.datasets, dataset(compatibilityLevel=1550))
    assert answer.status_code == 400
    assert said(answer) == (
        "The property 'compatibilityLevel' does not exist on type 'Microsoft.PowerBI.ServiceContracts.Api.Dataset'. "
        "Make sure to only use property names that are defined by the type."
    )
    assert answer.json()["error"]["details"][0]["target"] == "dataset"


COLUMN = {"name": "C", "dataType": "String"}
GOOD: dict[str, dict[str, Any]] = {
    "all types": dataset(table("T")),
    "types as the samples spell them": dataset(
        table("T", {"A": "string", "B": "bool", "C": "dateTime", "D": "int64", "E": "double", "F": "decimal"})
    ),
    "column properties": dataset(
        {
            "name": "T",
            "isHidden": True,
            "description": "d",
            "columns": [
                COLUMN
                | {"formatString": "0.00", "summarizeBy": "none", "dataCategory": "City", "isHidden": False},
                {"name": "D", "dataType": "Int64", "sortByColumn": "C"},
            ],
        }
    ),
    "names": dataset(table("Tab #1-@^_~ \u00e9\u4e2d", {"any: 'name' [x] \\ {}": "String"})),
    "75 columns": dataset(table("T", {f"C{n}": "Int64" for n in range(75)})),
    "75 tables": dataset(*many(75, lambda n: table(f"T{n}", {"C": "Int64"}))),
    "relationship": two_tables(related(crossFilteringBehavior="BothDirections")),
    "streaming too": dataset(defaultMode="PushStreaming"),
    "no mode": {"name": "Books", "tables": [table("T")]},
}
BAD: dict[str, Any] = {
    "not an object": [],
    "no name": {"tables": [table("T")]},
    "empty name": dataset(name=""),
    "no tables": {"name": "Books"},
    "empty tables": dataset() | {"tables": []},
    "tables not an array": dataset() | {"tables": table("T")},
    "case of a dataset's key": {"Name": "Books", "tables": [table("T")]},
    "unknown mode": dataset(defaultMode="push"),
    "table without columns": dataset({"name": "T"}),
    "table with no column": dataset(table("T", {})),
    "case of datatype": dataset({"name": "T", "columns": [{"name": "C", "datatype": "String"}]}),
    "column without type": dataset({"name": "T", "columns": [{"name": "C"}]}),
    "unknown type": dataset(table("T", {"C": "Banana"})),
    "Int32": dataset(table("T", {"C": "Int32"})),
    "unknown column property": dataset({"name": "T", "columns": [COLUMN | {"isKey": True}]}),
    "isHidden as text": dataset({"name": "T", "columns": [COLUMN | {"isHidden": "true"}]}),
    "formatString null": dataset({"name": "T", "columns": [COLUMN | {"formatString": None}]}),
    "summarizeBy": dataset({"name": "T", "columns": [COLUMN | {"summarizeBy": "None"}]}),
    "dataCategory": dataset({"name": "T", "columns": [COLUMN | {"dataCategory": "Town"}]}),
    "sortByColumn": dataset({"name": "T", "columns": [COLUMN | {"sortByColumn": "D"}]}),
    "two columns of a name": dataset({"name": "T", "columns": [COLUMN, {"name": "c", "dataType": "Int64"}]}),
    "two tables of a name": dataset(table("T"), table("t")),
    "empty table name": dataset(table("")),
    "long table name": dataset(table("x" * 101)),
    "empty column name": dataset(table("T", {"": "Int64"})),
    "control character": dataset(table("T", {"C\x01": "Int64"})),
    "76 columns": dataset(table("T", {f"C{n}": "Int64" for n in range(76)})),
    "76 tables": dataset(*many(76, lambda n: table(f"T{n}", {"C": "Int64"}))),
    "76 relationships": two_tables(*many(76, lambda n: related(name=f"R{n}"))),
    "inactive relationship": two_tables(related(isActive="false")),
    "relationship without end": two_tables({"name": "R", "fromTable": "Invoices", "fromColumn": "Contact"}),
    "relationship's filter": two_tables(related(crossFilteringBehavior="Both")),
    "relationship's name": two_tables(related(name="a/b")),
    "relationship to no table": two_tables(related(toTable="Nobody")),
    "relationship of no column": two_tables(related(fromColumn="Nobody")),
    "second path between two tables": two_tables(related(), related(name="S", fromColumn="Day")),
    "relationship with itself": two_tables(related(toTable="Invoices")),
    "measure without expression": dataset(table("T", measures=[{"name": "M"}])),
    "measure named as a column": dataset(table("T", measures=[{"name": "number", "expression": "1"}])),
    "measure twice": dataset(
        table("T", measures=[{"name": "M", "expression": "1"}]),
        table("U", measures=[{"name": "m", "expression": "2"}]),
    ),
    "table called Date": dataset(table("Date")),
    "table called Measures": dataset(table("Measures")),
    "table called date": dataset(table("date")),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_definitions_are_accepted(service: Simulator, name: str) -> None:
    """What the vendor's schema and samples allow makes a dataset."""
    service.create(GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_bad_definitions_are_refused(service: Simulator, name: str) -> None:
    """What they do not allow is 400 in the first shape, and leaves no dataset."""
    before = len(service.workspace.datasets)
    answer = service.call("POST", service.datasets, BAD[name])
    assert answer.status_code == 400
    assert said(answer)
    assert len(service.workspace.datasets) == before


@pytest.mark.parametrize("character", "!\"$%&'()*+,./:;<=>?[\\]`{|}\x01")
def test_table_names_have_few_signs(service: Simulator, character: str) -> None:
    """Each sign that the vendor's pattern excludes is refused in the name of a table."""
    assert service.call("POST", service.datasets, dataset(table(f"a{character}b"))).status_code == 400


def star(facts: int) -> dict[str, Any]:
    """Two dimensions, both related to each of so many fact tables."""
    names = [f"Fact{number}" for number in range(facts)]
    joins = [
        {"name": f"{fact} {one}", "fromTable": fact, "fromColumn": "C", "toTable": one, "toColumn": "C"}
        for fact in names
        for one in ("One", "Other")
    ]
    tables = [table(name, {"C": "Int64"}) for name in ("One", "Other", *names)]
    return dataset(*tables, relationships=joins)


def test_75_relationships_are_accepted(service: Simulator) -> None:
    """The largest number of relationships makes a dataset, one more does not."""
    definition = star(38)
    assert service.call("POST", service.datasets, definition).status_code == 400
    definition["relationships"].pop()
    assert len(definition["relationships"]) == 75
    service.create(definition)


def test_a_diamond_of_relationships_is_refused(service: Simulator) -> None:
    """All relationships are active, so a filter must not have two ways from one table to another."""
    definition = star(1)
    bridge = {"name": "B", "fromTable": "One", "fromColumn": "C", "toTable": "Other", "toColumn": "C"}
    definition["relationships"].append(bridge)
    answer = service.call("POST", service.datasets, definition)
    assert answer.status_code == 400
    assert "ambiguous" in said(answer)


def test_switches_of_definitions(service: Simulator) -> None:
    """Tables called Date or Measures and a relationship to an unknown column are accepted where the switches say so."""
    service.switch(table_called_date="accepted", unknown_relationship_column="accepted")
    service.switch(table_called_measures="accepted")
    service.create(dataset(table("Date")))
    service.create(dataset(table("Measures")))
    service.create(two_tables(related(fromColumn="Nobody")))


LATEST = """
-- the newest version of each invoice
VAR Latest = ADDCOLUMNS ( VALUES ( Invoices[InvoiceKey] ), "@v", CALCULATE ( MAX ( Invoices[RowVersion] ) ) )
/* [Nobody] in a comment, and "[Nobody]" in a text */
RETURN SUMX ( FILTER ( Latest, [@v] > 0 ), [Net] ) + COUNTROWS ( 'Calendar' ) & "[Nobody]"
"""


@pytest.mark.parametrize(
    "expression",
    [
        "SUM ( Invoices[Total] )",
        "SUM ( 'Invoices'[total] ) + MAX('Calendar'[Date])",
        "[Net] / 2",
        "[net] / 2",
        LATEST,
        "SUMX ( Invoices, [Total] )",
        "SUMX ( GENERATESERIES ( 1, 3 ), [Value] ) + SUMX ( { (1, 2) }, [Value2] )",
        "Invoices[Net]",
    ],
)
def test_measures_over_what_exists_are_accepted(service: Simulator, expression: str) -> None:
    """Measures may refer to columns, measures and columns that they make themselves."""
    service.create(measured(expression, Net="SUM ( Invoices[Total] )"))


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        ("[Nett]", "Nett"),
        ("SUM ( Invoices[Amount] )", "Amount"),
        ("SUM ( 'Old Invoices'[Total] )", "Old Invoices"),
        ("SUM ( Bills[Total] )", "Bills"),
        ("SUMX ( Invoices, [Value] )", "Value"),
        (
            "CALCULATE ( [Net], USERELATIONSHIP ( Invoices[InvoiceKey], 'Calendar'[Date] ) )",
            "USERELATIONSHIP",
        ),
    ],
)
def test_measures_over_what_is_missing_are_refused(service: Simulator, expression: str, missing: str) -> None:
    """A missing measure, column or table, and USERELATIONSHIP, make the whole dataset invalid."""
    answer = service.call("POST", service.datasets, measured(expression, Net="SUM ( Invoices[Total] )"))
    assert answer.status_code == 400
    assert missing in said(answer)


def test_creation_can_be_out_of_order(service: Simulator) -> None:
    """As in March 2026, creation may answer a plain 400 to a good definition."""
    service.switch(create_outage=True)
    answer = service.call("POST", service.datasets, dataset())
    assert answer.status_code == 400
    assert "missing or invalid information" in said(answer)


# PUT


def test_a_put_may_add_columns_and_measures(service: Simulator) -> None:
    """Rows stay when only columns and measures are added; the new column is blank in them."""
    made = service.create(dataset(table("T", {"A": "Int64"})))
    service.post(made, [{"A": 1}]).raise_for_status()
    wider = table("T", {"B": "String", "A": "Int64"}, measures=[{"name": "M", "expression": "SUM(T[A])"}])
    answer = service.put(made, wider)
    assert (answer.status_code, answer.json()["name"]) == (200, "T")
    service.post(made, [{"A": 2, "B": "x"}]).raise_for_status()
    assert service.content(made) == [{"A": 1}, {"A": 2, "B": "x"}]
    assert service.summary(made)["tables"][0]["measures"] == {"M": "SUM(T[A])"}


@pytest.mark.parametrize(
    ("put_rows", "columns", "left"),
    [
        ("kept_when_adding", {"A": "Int64", "B": "Int64", "C": "Int64"}, [{"A": 1, "B": 2}]),
        ("kept_when_adding", {"A": "Int64"}, []),
        ("kept_when_adding", {"A": "Int64", "B": "String"}, []),
        ("kept", {"A": "Int64"}, [{"A": 1}]),
        ("kept", {"A": "Int64", "B": "String"}, [{"A": 1}]),
        ("lost", {"A": "Int64", "B": "Int64", "C": "Int64"}, []),
        ("lost", {"A": "Int64", "B": "Int64"}, []),
    ],
)
def test_what_a_put_does_to_rows(
    service: Simulator, put_rows: str, columns: dict[str, str], left: list[dict[str, Any]]
) -> None:
    """Rows are kept or lost by switch; a column that is retyped is blank in rows that are kept."""
    service.switch(put_rows=put_rows)
    made = service.create(dataset(table("T", {"A": "Int64", "B": "Int64"})))
    service.post(made, [{"A": 1, "B": 2}]).raise_for_status()
    assert service.put(made, table("T", columns)).status_code == 200
    assert service.content(made) == left


def test_a_put_replaces_the_definition(service: Simulator) -> None:
    """What a PUT leaves out is gone: the column is unknown and the measure, too."""
    made = service.create(
        dataset(table("T", {"A": "Int64", "B": "Int64"}, measures=[{"name": "M", "expression": "1"}]))
    )
    assert service.put(made, table("T", {"A": "Int64"})).status_code == 200
    assert service.post(made, [{"A": 1, "B": 2}]).status_code == 400
    assert service.summary(made)["tables"][0]["measures"] == {}


def test_a_put_makes_no_table(service: Simulator) -> None:
    """PUT of an unknown table is 404 ItemNotFound with tags in its message; case matters."""
    made = service.create()
    answer = service.put(made, table("Cr"), "Cr")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "ItemNotFound"
    assert "Table '<pi>Cr</pi>' not found in dataset" in answer.json()["error"]["message"]
    assert service.put(made, table("t"), "t").status_code == 404


@pytest.mark.parametrize(
    "definition",
    [
        table("Other", {"A": "Int64"}),
        {"name": "T"},
        table("T", {"A": "Banana"}),
        table("T", {"A": "Int64"}, extra=1),
        table("T", {"A": "Int64"}, measures=[{"name": "M", "expression": "[Nobody]"}]),
    ],
)
def test_bad_tables_are_refused(service: Simulator, definition: dict[str, Any]) -> None:
    """A PUT is checked like a creation, and changes nothing when it is refused."""
    made = service.create(dataset(table("T", {"A": "Int64"})))
    answer = service.put(made, definition)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["target"] == "requestMessage"
    assert service.post(made, [{"A": 1}]).status_code == 200


def test_a_put_cannot_break_what_other_tables_need(service: Simulator) -> None:
    """A column that a relationship or another table's measure uses cannot be put away."""
    made = service.create(two_tables(related()))
    assert service.put(made, table("Contacts", {"Name": "String"}), "Contacts").status_code == 400
    used = dataset(
        table("T", {"A": "Int64", "B": "Int64"}),
        table("U", {"C": "Int64"}, measures=[{"name": "M", "expression": "SUM(T[B])"}]),
    )
    made = service.create(used)
    assert service.put(made, table("T", {"A": "Int64"})).status_code == 400


def test_a_streaming_dataset_is_not_a_push_dataset(service: Simulator) -> None:
    """The push operations answer 404 for a dataset of another kind."""
    made = service.create(dataset(defaultMode="Streaming"))
    for answer in (
        service.post(made, [{"Number": 1}]),
        service.put(made, table("T")),
        service.delete_rows(made),
        service.call("GET", f"{service.datasets}/{made}/tables"),
    ):
        assert answer.status_code == 404
        assert answer.json()["error"]["message"] == f"Dataset {made} is not Push API dataset."
    listed = service.call("GET", f"{service.datasets}/{made}").json()
    assert listed["addRowsAPIEnabled"] is False


VENDOR_FILE = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "powerbi-push.prism.json"


@pytest.mark.skipif(
    not VENDOR_FILE.exists(), reason="the vendor's API description is not beside the checkout"
)
@pytest.mark.parametrize("kind", ["Dataset", "Table", "Column", "Measure", "Relationship"])
def test_properties_are_those_of_the_vendor(kind: str) -> None:
    """The properties that are known and required are exactly those of the vendor's API description."""
    name = "CreateDatasetRequest" if kind == "Dataset" else kind
    described = json.loads(VENDOR_FILE.read_text())["definitions"][name]
    assert PROPERTIES[kind].keys() == described["properties"].keys()
    required = {name for name, (_, required) in PROPERTIES[kind].items() if required}
    assert required == set(described["required"])
