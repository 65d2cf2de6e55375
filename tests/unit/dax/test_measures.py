"""The measures of the dataset, held against Xero's own records: each measure by organisation and month."""

from collections.abc import Collection, Mapping

import pytest

from shared.tables.measures import MEASURES
from tests.unit.dax import oracle
from tests.unit.dax.conftest import EDITED, History
from tests.unit.dax.engine import Model, slicers
from tests.unit.dax.oracle import Books

EXPRESSIONS = {measure.name: measure.expression for measure in MEASURES.values()}


def months_of(books: list[Books]) -> list[str]:
    """All months that a document is dated in, a later one that is empty, and "" for all time."""
    found = {oracle.month_of(record) for each in books for name in EDITED for record in each.records[name]}
    return ["", *sorted(found - {""}), "2031-05"]


def differences(
    model: Model,
    books: list[Books],
    months: list[str],
    expressions: Mapping[str, str] = EXPRESSIONS,
    names: Collection[str] = EXPRESSIONS.keys(),
) -> list[str]:
    """Where a measure says something else than the records do: BLANK where there are some, too."""
    found = []
    for month in months:
        chosen = slicers(model, [each.tenant_id for each in books], month)
        told = model.evaluate(expressions, names, chosen)
        for name, value in told.items():
            right = oracle.figure(name, books, month)
            if value != right:
                found.append(f"{name} {month}: {value}, not {right}")
    return found


@pytest.fixture(scope="module")
def doubled(history: History) -> Model:
    """What Power BI holds when every batch was pushed twice and the rows landed in any order."""
    return history.model.doubled(seed=1)


@pytest.mark.parametrize("number", range(3))
def test_each_measure_is_right_by_organisation_and_month(
    number: int, history: History, doubled: Model
) -> None:
    """To the fourth place, over superseded and doubled rows: for each organisation in each month and over all time."""
    books = [history.books[number]]
    assert differences(doubled, books, months_of(books)) == []


def test_organisations_of_one_currency_are_added_up(history: History, doubled: Model) -> None:
    """Two offices with the same base currency come to what both have, in that currency."""
    books = [each for each in history.books if each.currency == "AUD"]
    assert len(books) == 2
    assert differences(doubled, books, ["", "2026-10"]) == []


def test_money_of_several_currencies_is_blank(history: History, doubled: Model) -> None:
    """Dollars of two countries are never added: every sum is BLANK, and Currency says so."""
    tenants = [each.tenant_id for each in history.books]
    for filters in ({}, slicers(doubled, tenants, ""), slicers(doubled, tenants, "2026-10")):
        told = doubled.evaluate(EXPRESSIONS, EXPRESSIONS, filters)
        assert told.pop("Currency") == "several"
        assert set(told.values()) == {None}


def test_an_organisation_may_be_chosen_by_its_name(history: History, doubled: Model) -> None:
    """Whatever column of Organisations is sliced, the measures follow."""
    names = doubled.columns["Organisations"]
    both = {(row[names.index("TenantID")], row[names.index("Name")]) for row in doubled.rows["Organisations"]}
    assert len(both) == 3
    for tenant_id, name in both:
        by_name = doubled.evaluate(EXPRESSIONS, EXPRESSIONS, {"Organisations.Name": [name]})
        by_id = doubled.evaluate(EXPRESSIONS, EXPRESSIONS, {"Organisations.TenantID": [tenant_id]})
        assert by_name == by_id
        assert by_name["Sales"] is not None


def test_rows_that_landed_twice_change_nothing(history: History, doubled: Model) -> None:
    """The measures of rows that are there once and of the same rows twice, in another order, are equal."""
    for each in history.books[1:]:
        chosen = slicers(doubled, [each.tenant_id], "")
        once = history.model.evaluate(EXPRESSIONS, EXPRESSIONS, chosen)
        assert once == doubled.evaluate(EXPRESSIONS, EXPRESSIONS, chosen)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Invoices Outstanding", "Invoices.Status=AUTHORISED"),
        ("Bills Outstanding", "Invoices.Status=AUTHORISED"),
        ("Invoices in Draft", "Invoices.Status=DRAFT"),
        ("Open Purchase Commitments", "PurchaseOrders.Status=AUTHORISED"),
    ],
)
def test_a_slicer_makes_no_superseded_row_current(
    name: str, status: str, history: History, doubled: Model
) -> None:
    """Who shows one status only sees the same figure: what had that status before does not come back."""
    column, _, value = status.partition("=")
    for each in history.books:
        chosen = slicers(doubled, [each.tenant_id], "")
        [told] = doubled.evaluate(EXPRESSIONS, [name], chosen | {column: [value]}).values()
        assert told == oracle.figure(name, [each], "")


def test_a_filter_on_one_of_several_tables_gives_no_figure(history: History, doubled: Model) -> None:
    """October's invoices less everybody's credits of all time would be a figure of nothing: it is BLANK."""
    [each, *_] = history.books
    chosen = slicers(doubled, [each.tenant_id], "2026-10")
    half = {
        name: days for name, days in chosen.items() if name in ("Organisations.TenantID", "Invoices.Date")
    }
    told = doubled.evaluate(EXPRESSIONS, EXPRESSIONS, half)
    assert {told[name] for name in ("Receivables Outstanding", "Sales", "Tax on Purchases")} == {None}
    assert told["Invoices Outstanding"] == oracle.figure("Invoices Outstanding", [each], "2026-10")


def test_every_measure_has_an_oracle_and_words() -> None:
    """No measure is unproven; each says its currency, and money its basis or that it is as of now."""
    assert set(EXPRESSIONS) == {"Currency", *oracle.FIGURES}
    for measure in MEASURES.values():
        assert "currency" in measure.means
        assert measure.means.endswith(".")
