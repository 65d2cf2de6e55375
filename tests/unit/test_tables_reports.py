"""Rows out of Xero's reports: read by their own words, to the cent, or refused."""

import copy
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import yaml
from defusedxml.ElementTree import parse
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRecord
from shared.tables.reports import parse_amount, report_rows, value_under
from shared.tables.table import Row
from shared.xero.resources import RESOURCES
from tests.support.records import OTHER, PROFIT_AND_LOSS, TENANT, TRIAL_BALANCE, Record, shaped, source

BESIDE = Path(__file__).resolve().parents[2].parent / "shared"
OPENAPI = BESIDE / "specs" / "xero_accounting.yaml"
RECORDED = BESIDE / "samples" / "xeroizer" / "test" / "stub_responses" / "reports" / "trial_balance.xml"
COLUMNS = ("Account", "Debit", "Credit", "YTD Debit", "YTD Credit")


def report(words: list[str], sections: list[tuple[str, list[list[str]]]], account: str = OTHER) -> Record:
    """A report whose rows all name one account in each cell."""
    attributes = [{"Id": "account", "Value": account}]
    return {
        "Through": "2026-11-30",
        "Rows": [
            {"RowType": "Header", "Cells": [{"Value": word} for word in words]},
            *(
                {
                    "RowType": "Section",
                    "Title": title,
                    "Rows": [
                        {
                            "RowType": "Row",
                            "Cells": [{"Value": value, "Attributes": attributes} for value in row],
                        }
                        for row in rows
                    ],
                }
                for title, rows in sections
            ),
        ],
    }


def example(path: str) -> Record:
    """The example of a report in Xero's OpenAPI file."""
    if not OPENAPI.is_file():
        pytest.skip("Xero's OpenAPI file lies beside the repository only")
    loaded = yaml.load(OPENAPI.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    answer = loaded["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["example"]
    return {"Through": "2019-04-30", **answer["Reports"][0]}


def recorded() -> Record:
    """The trial balance that was recorded of Xero's demo company, as JSON says it."""
    if not RECORDED.is_file():
        pytest.skip("the recorded trial balance lies beside the repository only")

    def row(element: Element) -> Record:
        found: Record = {"RowType": element.findtext("RowType"), "Title": element.findtext("Title")}
        found["Rows"] = [row(each) for each in element.findall("Rows/Row")]
        found["Cells"] = [
            {
                "Value": cell.findtext("Value"),
                "Attributes": [
                    {"Id": each.findtext("Id"), "Value": each.findtext("Value")}
                    for each in cell.findall("Attributes/Attribute")
                ],
            }
            for cell in element.findall("Cells/Cell")
        ]
        return found

    return {
        "Through": "2011-03-31",
        "Rows": [row(each) for each in parse(RECORDED).findall("Reports/Report/Rows/Row")],
    }


def total(rows: list[Row], column: str) -> Decimal:
    return sum((row[column] or Decimal(0) for row in rows), Decimal(0))


# What Xero wrote


def test_the_recorded_trial_balance() -> None:
    """Every account with its id; debits and credits meet the report's own totals; balances are told with their sign."""
    rows = shaped("TrialBalance", recorded())
    assert [total(rows, name) for name in ("Debit", "Credit", "YTDDebit", "YTDCredit")] == [
        *(Decimal("33244.04"), Decimal("33244.04"), Decimal("80938.93"), Decimal("80938.93"))
    ]
    assert total(rows, "Movement") == total(rows, "Balance") == 0
    assert all(row["AccountKey"] == f"{TENANT}|{row['AccountID']}" for row in rows)
    assert [row["LineNumber"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[0] == {
        "TenantID": TENANT,
        "ReportKey": f"{TENANT}|2011-03-31",
        "LineKey": f"{TENANT}|2011-03-31|1",
        "IsMarker": False,
        "LineNumber": 1,
        "Date": "2011-03-31T00:00:00",
        "Section": "Revenue",
        "AccountKey": f"{TENANT}|1335b8b2-4d63-4af8-937f-04087ae2e36e",
        "AccountID": "1335b8b2-4d63-4af8-937f-04087ae2e36e",
        "AccountName": "Interest Income (270)",
        "Debit": None,
        "Credit": Decimal("97.0500"),
        "YTDDebit": None,
        "YTDCredit": Decimal("287.4800"),
        "Movement": Decimal("-97.0500"),
        "Balance": Decimal("-287.4800"),
    }


def test_the_trial_balance_of_the_openapi_file() -> None:
    """Xero's own example in JSON has a row for each account, and none for its total."""
    rows = shaped("TrialBalance", example("/Reports/TrialBalance"))
    assert all(row["AccountID"] for row in rows)
    assert "Total" not in {row["AccountName"] for row in rows}
    sales = next(row for row in rows if row["AccountName"] == "Sales (400)")
    assert (sales["Movement"], sales["Balance"]) == (Decimal("-200.0000"), Decimal("-1020.2200"))


def test_the_bank_summary_of_the_openapi_file() -> None:
    """The opening balance of each bank account, whose id stands in the attribute accountID; its total is no account."""
    rows = report_rows(source("BankSummary", example("/Reports/BankSummary")), summaries=False)
    [bank] = rows
    assert bank.record["Label"] == "Big City Bank"
    assert bank.record["AccountID"] == "03f9cf1e-2deb-4bf1-b0a8-b57f08672eb8"
    assert value_under(bank, "Opening Balance") == 0
    assert value_under(bank, "Cash Received") == Decimal("110.0000")


# Any report

cents = st.integers(-(10**13), 10**13).map(lambda units: Decimal(units).scaleb(-2))
amounts = st.none() | cents


def written(value: Decimal | None, way: int) -> str:
    """An amount in one of the ways in which reports write it."""
    if value is None:
        return ""
    match way:
        case 0:
            return f"{value:.2f}"
        case 1:
            return f"{value:,.2f}"
        case _:
            return f"({-value:,.2f})" if value < 0 else f"{value:,.2f}"


@given(
    columns=st.permutations([*COLUMNS, "Budget"]),
    sections=st.lists(
        st.tuples(
            st.sampled_from(["Revenue", "Assets", ""]),
            st.lists(
                st.fixed_dictionaries(dict.fromkeys(COLUMNS[1:], amounts) | {"Budget": st.just(Decimal(7))}),
                max_size=4,
            ),
        ),
        max_size=4,
    ),
    way=st.integers(0, 2),
)
def test_any_order_of_columns_sections_and_rows(
    columns: list[str], sections: list[tuple[str, list[dict[str, Decimal | None]]]], way: int
) -> None:
    """An amount is found under its column's name wherever that stands, beside columns that nobody asked for."""
    told = [
        (
            title,
            [["Sales" if each == "Account" else written(row[each], way) for each in columns] for row in rows],
        )
        for title, rows in sections
    ]
    rows = shaped("TrialBalance", report(columns, told))
    expected = [(title or None, row) for title, some in sections for row in some]
    if not expected:
        [marker] = rows
        assert (marker["IsMarker"], marker["LineNumber"], marker["Movement"]) == (True, 0, None)
        assert marker["ReportKey"] == f"{TENANT}|2026-11-30"
        return
    assert len(rows) == len(expected)
    for shown, (title, row) in zip(rows, expected, strict=True):
        assert (shown["Section"], shown["AccountName"], shown["AccountID"]) == (title, "Sales", OTHER)
        for column, word in (("Debit", "Debit"), ("YTDCredit", "YTD Credit")):
            assert shown[column] == row[word]
        empty = row["Debit"] is None and row["Credit"] is None
        assert shown["Movement"] == (None if empty else (row["Debit"] or 0) - (row["Credit"] or 0))


@given(value=cents, way=st.integers(0, 2))
def test_an_amount_comes_back_as_it_was_written(value: Decimal, way: int) -> None:
    """Plain, with commas, with brackets for minus: the same amount, to the cent."""
    assert parse_amount(written(value, way), "Debit") == value


@pytest.mark.parametrize(
    "text",
    [
        "1.234,50",
        "1,23",
        "12,34.00",
        "1 234",
        "$5.00",
        "5-",
        "(-5.00)",
        "((5.00))",
        "5.00 CR",
        "12%",
        "nil",
        "٣",
        "-",
    ],
)
def test_what_is_no_amount_for_sure_is_refused(text: str) -> None:
    """A figure is never guessed: the record is put aside with the text that was not understood."""
    bad = report([*COLUMNS], [("Assets", [["Bank", text, "", "", ""]])])
    with pytest.raises(BadRecord, match="is no amount") as refused:
        shaped("TrialBalance", bad)
    assert text in str(refused.value)


def damaged(how: str) -> Record:
    found = copy.deepcopy(TRIAL_BALANCE)
    header, revenue, _ = found["Rows"]
    row = revenue["Rows"][0]
    match how:
        case "another header":
            found["Rows"].append(header)
        case "no header":
            found["Rows"].remove(header)
        case "a column less":
            header["Cells"][4]["Value"] = "Balance"
        case "a column twice":
            header["Cells"][4]["Value"] = "debit"
        case "a cell less":
            row["Cells"].pop()
        case "another kind of row":
            row["RowType"] = "Footnote"
        case "two accounts":
            row["Cells"][1]["Attributes"] = [{"Id": "accountID", "Value": OTHER}]
        case "no list":
            found["Rows"] = {"RowType": "Header"}
        case "no day":
            del found["Through"]
    return found


@pytest.mark.parametrize(
    "how",
    [
        *("another header", "no header", "a column less", "a column twice", "a cell less"),
        *("another kind of row", "two accounts", "no list", "no day"),
    ],
)
def test_a_report_of_another_shape_is_refused(how: str) -> None:
    """Where a figure might stand under the wrong name, the report is put aside and says why."""
    assert shaped("TrialBalance", TRIAL_BALANCE)
    with pytest.raises(BadRecord) as refused:
        shaped("TrialBalance", damaged(how))
    assert refused.value.field


# Profit and loss


def test_sums_are_told_from_lines() -> None:
    """Totals, gross and net profit are marked, so that a sum over the lines counts nothing twice."""
    rows = shaped("ProfitAndLoss", PROFIT_AND_LOSS)
    assert [(row["Section"], row["Line"], row["IsSummary"], row["Amount"]) for row in rows] == [
        ("Income", "Sales", False, Decimal("1234.5000")),
        ("Income", "Total Income", True, Decimal("1234.5000")),
        (None, "Net Profit", True, Decimal("1234.5000")),
    ]
    assert [row["AccountID"] for row in rows] == ["bbbbbbbb-0000-4000-8000-000000000001", None, None]


def test_several_months_in_one_profit_and_loss_are_refused() -> None:
    """One month was asked for: with a second column nobody could say which it is."""
    two = report(["", "30 Nov 26", "31 Oct 26"], [("Income", [["Sales", "1.00", "2.00"]])])
    with pytest.raises(BadRecord, match="one month"):
        shaped("ProfitAndLoss", two)


@pytest.mark.parametrize("table", ["TrialBalance", "ProfitAndLoss"])
@pytest.mark.parametrize("rows", [[], None, [{"RowType": "Header", "Cells": []}]])
def test_an_empty_report_has_a_marker(table: str, rows: Any) -> None:
    """A month in which nothing was booked (any more) replaces what was shown of it before."""
    [marker] = shaped(table, {"Through": "2026-02-28", "Rows": rows})
    assert (marker["IsMarker"], marker["Date"]) == (True, "2026-02-28T00:00:00")
    assert marker["LineKey"] == f"{TENANT}|2026-02-28|0"


# How they are asked for


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_report_is_asked_for_by_its_id_and_named_by_what_was_asked(day: date) -> None:
    """A month's call goes from its first to its last day, and the record gets that last day as its id."""
    end = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    for name, parameters in {
        "TrialBalance": {"date": f"{end}"},
        "ProfitAndLoss": {"fromDate": f"{end:%Y-%m}-01", "toDate": f"{end}", "standardLayout": "true"},
        "BankSummary": {"fromDate": f"{end}", "toDate": f"{end}"},
    }.items():
        resource = RESOURCES[name]
        assert resource.path == f"Reports/{name}"
        assert resource.report_parameters(f"{end}") == parameters
        record = resource.named({"Rows": []}, parameters)
        assert resource.is_id(resource.id_of(record))
        assert resource.id_of(record) == f"{end}"


@pytest.mark.parametrize(
    "text", ["", "2026-02-30", "2026-2-3", "20260203", "2026-W05-1", OTHER, "2026-11-30x"]
)
def test_what_is_no_day_is_no_id_of_a_report(text: str) -> None:
    """Nothing else gets into an address."""
    assert not RESOURCES["TrialBalance"].is_id(text)
