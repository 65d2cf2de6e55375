"""Each measure once for each organisation, of whatever rows Power BI holds and records Xero has: for the demo, say."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from local.expected.values import Record
from shared.tables import schema
from tests.unit.dax.engine import Model, slicers
from tests.unit.dax.oracle import EVERYTHING, Books
from tests.unit.dax.test_measures import EXPRESSIONS, NAMES, differences

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def model_of(rows: Rows) -> Model:
    """rows: of each table, as Power BI holds them, by column. A table that is not there has none."""
    columns = {
        table["name"]: [column["name"] for column in table["columns"]]
        for table in schema.dataset("Xero")["tables"]
    }
    return Model(
        columns,
        {
            name: [[row.get(column) for column in columns[name]] for row in rows.get(name, ())]
            for name in columns
        },
    )


def books_of(
    tenant_id: str,
    records: Mapping[str, Sequence[Record]],
    *,
    today: date,
    start: date,
    reports: Mapping[str, Sequence[Record]],
) -> Books:
    """Xero's side. records: by resource, Organisation among them, numbers as Decimal; of documents those that the connector
    should have. reports: each with the field Through, the last day that was asked for."""
    [owner] = records["Organisation"]
    return Books(tenant_id, owner["BaseCurrency"], records, today, start, reports)


def proof(rows: Rows, books: Sequence[Books]) -> list[str]:
    """Where a measure says something else than Xero's records; [] when all agree, to the fourth place."""
    model = model_of(rows)
    return [each for one in books for each in differences(model.of(one.tenant_id), [one])]


def figures(rows: Rows, books: Books) -> dict[str, Decimal | str | None]:
    """What the measures of an organisation say, for whoever wants to read them."""
    return (
        model_of(rows)
        .of(books.tenant_id)
        .evaluate(EXPRESSIONS, NAMES, slicers([books.tenant_id], EVERYTHING))
    )
