"""executeQueries of the Power BI simulator: the little DAX that reads back what was pushed."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import requests

from tests.contract.powerbi_simulator import Simulator, dataset, table


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def service(running: Simulator) -> Iterator[Simulator]:
    running.clock.advance(60)  # A minute's queries for each test.
    yield running
    running.reset()


@pytest.fixture
def made(service: Simulator) -> str:
    """A dataset with three rows in one table and none in the other."""
    books = dataset(table("T"), table("Its empty #1", {"Some [key]": "Int64"}))
    dataset_id = service.create(books)
    rows: list[dict[str, Any]] = [
        {"Number": 3, "Amount": Decimal("0.1"), "At": "2026-01-01T00:00:00", "Text": "b", "Flag": True},
        {"Number": -7, "Amount": Decimal("0.2"), "At": "2026-02-01T00:00:00", "Text": "a", "Ratio": 0.5},
        {"Number": 3, "Text": "B"},
    ]
    service.post(dataset_id, rows).raise_for_status()
    return dataset_id


def row(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    results = answer.json(parse_float=Decimal)["results"]
    assert len(results) == 1
    assert "error" not in results[0]
    rows = results[0]["tables"][0]["rows"]
    assert len(rows) == 1
    found: dict[str, Any] = rows[0]
    return found


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("COUNTROWS(T)", 3),
        ("countrows ( 't' )", 3),
        ("MAX(T[Number])", 3),
        ("MIN('T'[number])", -7),
        ("SUM(T[Number])", -1),
        ("COUNT(T[Amount])", 2),
        ("DISTINCTCOUNT(T[Number])", 2),
        ("MAX(T[Amount])", Decimal("0.2")),
        ("SUM(T[Amount])", Decimal("0.3")),
        ("SUM(T[Ratio])", Decimal("0.5")),
        ("MAX(T[At])", "2026-02-01T00:00:00"),
        ("MAX(T[Text])", "b"),
        ("COUNTROWS('Its empty #1')", None),
        ("MAX('Its empty #1'[Some [key]]])", None),
    ],
)
def test_aggregates(service: Simulator, made: str, expression: str, value: object) -> None:
    """Counts, sums and extremes are answered exactly, under the name in brackets; of nothing they are BLANK."""
    assert row(service.query(made, f'EVALUATE ROW("n", {expression})')) == {"[n]": value}


def test_several_aggregates_in_one_row(service: Simulator, made: str) -> None:
    """One query may ask for several figures; comments and line ends do not matter."""
    dax = '''EVALUATE -- read back
    row ( "rows", COUNTROWS ( T ), /* and */ "high ""one""", MAX ( T[Number] ) )'''
    assert row(service.query(made, dax)) == {"[rows]": 3, '[high "one"]': 3}


def test_blank_is_absent_without_include_nulls(service: Simulator, made: str) -> None:
    """Without includeNulls a BLANK has no key at all, so a count of nothing is an empty row."""
    dax = 'EVALUATE ROW("n", COUNTROWS(\'Its empty #1\'), "m", COUNTROWS(T))'
    assert row(service.query(made, dax, nulls=False)) == {"[m]": 3}
    service.switch(countrows_of_nothing="zero")
    assert row(service.query(made, dax, nulls=False)) == {"[n]": 0, "[m]": 3}


@pytest.mark.parametrize(
    "dax",
    [
        "",
        "EVALUATE T",
        'EVALUATE ROW("n", COUNTROWS(Nobody))',
        'EVALUATE ROW("n", MAX(T[Nobody]))',
        'EVALUATE ROW("n", MAX(T))',
        'EVALUATE ROW("n", COUNTROWS(T)',
        'EVALUATE ROW("n", COUNTROWS(T)) ORDER BY [n]',
        'EVALUATE ROW("n", COUNTROWS(T) + 1)',
        "EVALUATE ROW(n, COUNTROWS(T))",
        'EVALUATE ROW("n", SUM(T[Text]))',
        'EVALUATE ROW("n", SUM(T[At]))',
        'EVALUATE ROW("n", MAX(T[Flag]))',
        'EVALUATE ROW("n", AVERAGE(T[Number]))',
        'SELECT * FROM T -- "n"',
    ],
)
def test_what_is_not_understood_is_an_error(service: Simulator, made: str, dax: str) -> None:
    """DAX that is wrong, or beyond the simulator, is 400 with the reason inside; it never guesses."""
    answer = service.query(made, dax)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "DatasetExecuteQueriesError"
    assert error["pbi.error"]["details"][0]["detail"]["value"].startswith("DAX query failure.")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"queries": "EVALUATE T"},
        {"queries": []},
        {"queries": [{"query": 'EVALUATE ROW("n", COUNTROWS(T))'}] * 2},
        {"queries": [{}]},
        {"queries": [{"query": 'EVALUATE ROW("n", COUNTROWS(T))'}], "more": 1},
        {
            "queries": [{"query": 'EVALUATE ROW("n", COUNTROWS(T))'}],
            "serializerSettings": {"includeNulls": 1},
        },
    ],
)
def test_requests_are_checked(service: Simulator, made: str, body: object) -> None:
    """A request has exactly one query, and no property that nobody knows."""
    assert service.call("POST", f"{service.datasets}/{made}/executeQueries", body).status_code == 400


def test_two_tables_are_200_with_an_error_inside(service: Simulator, made: str) -> None:
    """More than one result table is a success with limited data and an error in it."""
    answer = service.query(made, 'EVALUATE ROW("n", COUNTROWS(T)) EVALUATE ROW("m", COUNTROWS(T))')
    assert answer.status_code == 200
    result = answer.json()["results"][0]
    assert result["error"]["message"] == "More than one result table in a query"
    assert result["tables"] == [{"rows": [{"[n]": 3}]}]


def test_queries_may_be_refused_or_fail_inside(service: Simulator, made: str) -> None:
    """By switch the tenant forbids queries, or an answer of 200 holds an error and no row."""
    service.switch(execute_queries="refused")
    answer = service.query(made, 'EVALUATE ROW("n", COUNTROWS(T))')
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "PowerBINotAuthorizedException")
    service.switch(execute_queries="error_inside")
    answer = service.query(made, 'EVALUATE ROW("n", COUNTROWS(T))')
    assert answer.status_code == 200
    assert answer.json()["results"][0]["tables"] == [{"rows": []}]
    assert "error" in answer.json()["results"][0]


def test_queries_see_what_has_taken_effect(service: Simulator, made: str) -> None:
    """A query counts rows as they are by the clock, not as they were announced."""
    service.switch(delete_seconds=10)
    service.delete_rows(made)
    dax = 'EVALUATE ROW("n", COUNTROWS(T))'
    assert row(service.query(made, dax)) == {"[n]": 3}
    service.clock.advance(10)
    assert row(service.query(made, dax)) == {"[n]": None}
