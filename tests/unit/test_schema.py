"""The dataset's schema: within what Power BI documents, and what the tables promise."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from shared.state.made import LANDED, MADE
from shared.tables import TABLES, fed_by, schema
from shared.tables.table import Table
from shared.xero.resources import RESOURCES

STRICT = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "powerbi-push.prism.json"
TYPES = {"Int64", "Double", "Boolean", "DateTime", "String", "Decimal"}
# Tables: letters, digits, space and `# - @ ^ _ ~`, 1 to 100 of them.
TABLE_NAME = re.compile(r"[A-Za-z0-9 #\-@^_~\u0080-\uffff]{1,100}")
tables = pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)


def faults(value: Any, rule: dict[str, Any], definitions: dict[str, Any], path: str = "$") -> list[str]:
    """What is wrong with a value by the rules of the file: types, required, unknown and patterned names, limits.

    A rule of a kind that is not known here is a fault, so that nothing passes for lack of a check.
    """
    known = {
        "type",
        "required",
        "properties",
        "additionalProperties",
        "items",
        "minItems",
        "maxItems",
        "enum",
    }
    known |= {"pattern", "minLength", "maxLength", "$ref", "description", "example", "x-ms-enum", "format"}
    if "$ref" in rule:
        return faults(value, definitions[rule["$ref"].removeprefix("#/definitions/")], definitions, path)
    found = [f"{path}: rule {name} is not known" for name in rule.keys() - known]
    kinds: dict[str, type] = {"string": str, "boolean": bool, "array": list, "object": dict}
    kind = kinds[rule["type"]] if "type" in rule else object
    if not isinstance(value, kind):
        return [*found, f"{path}: {value!r} is no {rule['type']}"]
    if "enum" in rule and value not in rule["enum"]:
        found.append(f"{path}: {value!r} is not among {rule['enum']}")
    if "pattern" in rule and not re.search(python_pattern(rule["pattern"]), str(value)):
        found.append(f"{path}: {value!r} does not match {rule['pattern']}")
    size = len(value) if isinstance(value, (str, list)) else 0
    if (
        not rule.get("minItems", rule.get("minLength", 0))
        <= size
        <= rule.get("maxItems", rule.get("maxLength", size))
    ):
        found.append(f"{path}: {size} is outside the limits")
    if isinstance(value, dict):
        properties = rule.get("properties", {})
        found += [f"{path}: {name} is missing" for name in rule.get("required", ()) if name not in value]
        for name, inner in value.items():
            if name in properties:
                found += faults(inner, properties[name], definitions, f"{path}.{name}")
            elif rule.get("additionalProperties") is not True:
                found.append(f"{path}: {name} is unknown")
    if isinstance(value, list) and "items" in rule:
        for number, inner in enumerate(value):
            found += faults(inner, rule["items"], definitions, f"{path}[{number}]")
    return found


def python_pattern(pattern: str) -> str:
    r"""A pattern of the file for Python, which wants eight digits for what is written \u10000."""
    return re.sub(r"\\u(10000|10FFFF)(?![0-9A-F])", lambda match: f"\\U{match[1]:0>8}", pattern)


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """The definitions of the strict push subset."""
    if not STRICT.is_file():
        pytest.skip("Power BI's strict push subset lies beside the repository only")
    found: dict[str, Any] = json.loads(STRICT.read_text(encoding="utf-8"))["definitions"]
    return found


def test_the_vendors_strict_file_accepts_the_dataset(definitions: dict[str, Any]) -> None:
    """Required names, enums, patterns, limits and no unknown property, for the dataset and all in it."""
    assert faults(schema.dataset("Xero"), definitions["CreateDatasetRequest"], definitions) == []


@tables
def test_the_vendors_strict_file_accepts_each_table_alone(table: Table, definitions: dict[str, Any]) -> None:
    """The same body is what a later PUT of a table sends."""
    assert faults(schema.table_schema(table), definitions["Table"], definitions) == []


def damaged() -> list[dict[str, Any]]:
    """Datasets that Power BI refuses, made from ours by one change each."""

    def changed(change: Any) -> dict[str, Any]:
        dataset: dict[str, Any] = json.loads(json.dumps(schema.dataset("Xero")))
        change(dataset)
        return dataset

    def column(dataset: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = dataset["tables"][0]["columns"][0]
        return found

    return [
        changed(lambda dataset: dataset.pop("name")),
        changed(lambda dataset: dataset.update(defaultMode="push")),
        changed(lambda dataset: dataset.update(compatibilityLevel=1200)),
        changed(lambda dataset: dataset.update(tables=[])),
        changed(lambda dataset: dataset["tables"][0].update(name="Lines & More")),
        changed(lambda dataset: dataset["tables"][0].update(columns=dataset["tables"][0]["columns"] * 20)),
        changed(lambda dataset: column(dataset).update(dataType="Money")),
        changed(lambda dataset: column(dataset).update(datatype=column(dataset).pop("dataType"))),
        changed(lambda dataset: column(dataset).update(summarizeBy="None")),
        changed(lambda dataset: column(dataset).update(isHidden="false")),
        changed(lambda dataset: column(dataset).update(name="")),
    ]


@pytest.mark.parametrize("number", range(11))
def test_the_check_refuses_what_power_bi_refuses(number: int, definitions: dict[str, Any]) -> None:
    """The check itself can fail: a missing name, a wrong case, an unknown property, too many columns."""
    assert faults(damaged()[number], definitions["CreateDatasetRequest"], definitions)


# The rules of Microsoft's pages and of those who met the service.


def test_the_dataset_is_a_push_dataset_with_known_fields() -> None:
    """Push mode is said outright, and nothing is sent that the create call does not know."""
    found = schema.dataset("Books")
    assert set(found) <= {"name", "tables", "relationships", "defaultMode"}
    assert (found["name"], found["defaultMode"]) == ("Books", "Push")


def beyond(dataset: dict[str, Any]) -> list[str]:
    """What the service refuses of a dataset's tables and columns, by its documented numbers, names and types."""
    found = [] if 1 <= len(dataset["tables"]) <= 75 else [f"{len(dataset['tables'])} tables"]
    names = [table["name"] for table in dataset["tables"]]
    found += [f"table name {name!r}" for name in names if not TABLE_NAME.fullmatch(name)]
    found += [f"{name!r} is what the service cannot bear" for name in names if name.lower() == "date"]
    found += [f"two tables {name!r}" for name in twice(names)]
    for table in dataset["tables"]:
        columns = table["columns"]
        if not 1 <= len(columns) <= 75:
            found.append(f"{len(columns)} columns in {table['name']}")
        names = [column["name"] for column in columns]
        # Power BI allows spaces around a name; nobody could see them.
        bad = [name for name in names if not name.isprintable() or name.strip() != name or not name]
        found += [f"column name {name!r} in {table['name']}" for name in bad]
        found += [f"two columns {name!r} in {table['name']}" for name in twice(names)]
        for column in columns:
            if column["dataType"] not in TYPES:
                found.append(f"{table['name']}[{column['name']}] is {column['dataType']}")
    return found


def twice(names: list[str]) -> list[str]:
    """Names, in lower case, of which there are two that differ by case at most."""
    lower = [name.lower() for name in names]
    return sorted({name for name in lower if lower.count(name) > 1})


def test_numbers_names_and_types_are_what_the_service_accepts() -> None:
    """At most 75 tables of 75 columns; allowed names, distinct whatever the case; no table Date; the six types."""
    assert beyond(schema.dataset("Xero")) == []
    assert list(TABLES) == [table.name for table in TABLES.values()]


def table_of(*columns: str, name: str = "T", type_: str = "String") -> dict[str, Any]:
    return {"name": name, "columns": [{"name": column, "dataType": type_} for column in columns]}


# What a declaration could get wrong, and what the complaint says.
WRONG: dict[str, list[dict[str, Any]]] = {
    "0 tables": [],
    "76 tables": [table_of("A", name=f"T{number}") for number in range(76)],
    "0 columns": [table_of()],
    "76 columns": [table_of(*(f"C{number}" for number in range(76)))],
    "cannot bear": [table_of("A", name="date")],
    "two tables 'lines'": [table_of("A", name="Lines"), table_of("A", name="LINES")],
    "two columns 'id'": [table_of("ID", "Name", "Id")],
    "column name ''": [table_of("")],
    "column name ' A'": [table_of(" A")],
    r"column name 'A\x07'": [table_of("A\x07")],
    "is Money": [table_of("A", type_="Money")],
    "is string": [table_of("A", type_="string")],
    "table name ''": [table_of("A", name="")],
    "table name 'TT": [table_of("A", name="T" * 101)],
    **{
        f"table name {'T' + bad!r}": [table_of("A", name=f"T{bad}")]
        for bad in "!\"$%&'()*+,./:;<=>?[\\]`{|}\n"
    },
}


@pytest.mark.parametrize("complaint", WRONG)
def test_the_check_refuses_what_is_beyond_a_limit(complaint: str) -> None:
    """Each limit of numbers, names and types is one that the check above would notice, and alone."""
    [told] = beyond({"name": "Xero", "tables": WRONG[complaint]})
    assert complaint in told


def test_the_check_accepts_what_is_just_within() -> None:
    """75 tables of 75 columns, names of a hundred letters, and the signs that a table's name may have."""
    most = [table_of(*(f"C{number}" for number in range(75)), name=f"T{number}") for number in range(75)]
    assert beyond({"name": "Xero", "tables": most}) == []
    odd = [
        table_of("% of sales [net]", name=name) for name in ("A #-@^_~ 9", "Überträge", "T" * 100, "Dates")
    ]
    assert beyond({"name": "Xero", "tables": odd}) == []


@tables
def test_columns_have_known_fields_and_are_not_summed_by_themselves(table: Table) -> None:
    """Measures add numbers up, over current rows only; a report that drags a column in does not."""
    for column in schema.table_schema(table)["columns"]:
        assert set(column) <= {"name", "dataType", "summarizeBy"}
        assert (column.get("summarizeBy") == "none") == (column["dataType"] in {"Int64", "Double", "Decimal"})


@tables
def test_every_table_has_its_keys_and_versions(table: Table) -> None:
    """Whose row, which record, which version, whether deleted: in every row of every table."""
    types = {column["name"]: column["dataType"] for column in schema.table_schema(table)["columns"]}
    assert types["TenantID"] == types[table.version_key] == "String"
    # A DateTime would be rounded to 1/300 s; a version must order exactly.
    assert (types["RowVersion"], types["IsDeleted"]) == ("Int64", "Boolean")
    assert schema.column_names(table) == list(types)
    assert [column.name for column in schema.described(table)] == list(types)


@tables
def test_columns_say_by_their_name_what_they_are(table: Table) -> None:
    """Money is Decimal and rates are not, since four places would spoil them; days, instants and flags by their types."""
    for column in table.columns:
        if column.name.endswith(
            ("Base", "Amount", "UnitPrice", "Credit", "SubTotal", "TotalTax", "AmountDue")
        ):
            assert column.type == "Decimal", column.name
        if column.name.startswith(("Is", "Has", "CanApply")):
            assert column.type == "Boolean", column.name
        if column.name == "CurrencyRate":
            assert column.type == "Double"
        if column.name.endswith(("Date", "DateUTC")) and not column.name.startswith("Is"):
            assert column.type == "DateTime", column.name
        if column.name.endswith(("ID", "Key")):
            assert column.type == "String", column.name


@tables
def test_everything_has_a_meaning(table: Table) -> None:
    """One sentence for each table and column, for the data dictionary."""
    meanings = [table.means, *(column.means for column in schema.described(table))]
    assert all(means.endswith(".") for means in meanings)


def test_every_resource_feeds_a_table_and_every_table_is_fed() -> None:
    """Nothing is read or made for nobody, and no table stays empty."""
    assert not set(MADE) & set(RESOURCES)
    assert all(fed_by(resource) for resource in LANDED)
    assert all(set(table.resources) <= set(LANDED) for table in TABLES.values())
    assert all(table.resources for table in TABLES.values())
