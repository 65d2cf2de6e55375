"""The proof can fail: expressions that are wrong in one place are refused, or come to something else than the records."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from tests.unit.dax.conftest import EDITED, History
from tests.unit.dax.engine import FUNCTIONS, KEYWORDS, Model, faults
from tests.unit.dax.oracle import CHOSEN_BY, EVERYTHING, Books, Choice
from tests.unit.dax.test_measures import EXPRESSIONS, differences

DIMENSIONS = "Organisations|Accounts|Contacts|Items|Calendar|AgingBuckets|SyncStatus"
TABLES = rf"\b(?!{DIMENSIONS})\w+"
# Others are written by the same lines of code as these, of what there is little in the books.
LIKE_OTHERS = (
    *("Other Income", "Operating Expenses", "Cash Transferred", "Net Cash", "Receivables Without Due Date"),
    *("Receivables Overdue", "Invoices Awaiting Approval", "Invoices in Draft", "Expected Cash Out"),
)
# Their reports were pushed once in these books.
PUSHED_ONCE = ("Net Profit (Xero)", "Receivables Control Account")
LOOKED_AT = [
    name
    for name in CHOSEN_BY
    if name not in (*LIKE_OTHERS, *PUSHED_ONCE)
    and not name.startswith(("Payables", "Bills", "Tax on", "Days Payable"))
]


def lose(pattern: str, instead: str = "") -> dict[str, str]:
    """The measures in which a pattern stands, each without it."""
    return {
        name: changed
        for name in LOOKED_AT
        if (changed := re.sub(pattern, instead, EXPRESSIONS[name])) != EXPRESSIONS[name]
    }


# What a measure could have been written without, of the tables that are summed.
LOST = {
    "the latest": lose(rf"({TABLES})\[RowVersion\] = \[@Latest\]", r"\1[RowVersion] > 0"),
    "all but the key": lose(rf", ALLEXCEPT \( {TABLES}, {TABLES}\[\w+\] \)"),
    "the deleted": lose(rf"({TABLES})\[IsDeleted\] <> TRUE \(\)", r"\1[RowVersion] > 0"),
    "the organisation": lose(
        rf"KEEPFILTERS \( TREATAS \( (Tenants|{{ Tenant }}), ({TABLES})\[TenantID\] \) \)",
        r"KEEPFILTERS ( TREATAS ( SUMMARIZE ( \2, \2[TenantID] ), \2[TenantID] ) )",
    ),
    "the status": lose(
        rf" && {TABLES}\[(Status|Effect|Counts|DocumentStatus)\] (IN {{[^}}]+}}|= \"\w+\"|= TRUE \(\))"
    ),
    "the side": lose(rf" && {TABLES}\[(Type|Side)\] (IN {{[^}}]+}}|= \"\w+\")"),
    "the flag": lose(rf" && {TABLES}\[(IsReconciled|IsTransfer)\] (<> |= )TRUE \(\)"),
    "the sign": lose(r"\n( *)- SUMX", r"\n\1+ SUMX"),
    "the day": lose(rf"{TABLES}\[Date\] <= OnDay", "TRUE ()"),
    "the first day": lose(rf"({TABLES})\[Date\] >= FirstDay", r"TRUE ()"),
    "the allocations": lose(r'"@Applied", \[@Applied\] \)', '"@Applied", 0 )'),
    "the rate": lose(r"IF \( ISBLANK \( \[@Rate\] \), 1, \[@Rate\] \)", "1"),
}
# What only some figures show: few movements are older than the history, few rates are not 1.
SELDOM = ("the first day", "the rate")


@pytest.mark.parametrize("what", LOST)
def test_a_measure_that_lost_something_is_found(what: str, history: History) -> None:
    """Without its latest version, status, side, organisation, day and so on each measure differs from the records."""
    found = (is_found(history, {name: wrong}, name) for name, wrong in LOST[what].items())
    assert any(found) if what in SELDOM else all(found)


def is_found(history: History, wrong: dict[str, str], name: str) -> bool:
    """Whether some organisation shows that a measure is wrong: as at a day, or of all time."""
    choices = [EVERYTHING, *([Choice(as_at=date(2026, 9, 30))] if "as_at" in CHOSEN_BY[name] else [])]
    return any(
        differences(history.model, [books], [choice], EXPRESSIONS | wrong, [name])
        for choice in choices
        for books in history.books
    )


def test_each_kind_of_loss_is_of_several_measures() -> None:
    """The patterns still fit how measures are written."""
    assert {what: len(changed) for what, changed in LOST.items() if len(changed) < 2} == {}
    assert len(LOST["the latest"]) == len(LOST["all but the key"]) == len(LOST["the deleted"]) > 12


@pytest.mark.parametrize(
    ("name", "pattern", "instead", "choice"),
    [
        (
            "Receivables Aged",
            r"AgingBuckets\[MinDays\] <= ",
            "AgingBuckets[MinDays] < ",
            Choice(bucket="1–30"),
        ),
        (
            "Receivables Aged",
            r" <= AgingBuckets\[MaxDays\]",
            " < AgingBuckets[MaxDays]",
            Choice(bucket="Current"),
        ),
        ("Receivables Overdue", r" > 0 \)", " > 1 )", EVERYTHING),
        ("Receivables As At", r"\[Date\] <= OnDay", "[Date] < OnDay", EVERYTHING),
        ("Sales", r"NOT ChoseCalendar", "1 = 1", Choice(month="2026-10")),
        ("Sales", r"NOT ChoseContacts", "1 = 1", Choice(contact="somebody")),
        ("Net Profit", r"NOT ChoseItems", "1 = 1", Choice(item="no such item")),
        ("Cash Balance", r" && CashMovements\[Date\] <= OnDay", "", Choice(month="2026-09")),
    ],
)
def test_a_choice_that_got_lost_or_a_bound_off_by_one_is_found(
    name: str, pattern: str, instead: str, choice: Choice, history: History
) -> None:
    """A bucket's bound, the day itself, a month, a contact: each organisation's figure is another one without."""
    wrong = re.sub(pattern, instead, EXPRESSIONS[name])
    assert wrong != EXPRESSIONS[name]
    model = on_the_edge(history)
    assert any(
        differences(model, [books], [choice], EXPRESSIONS | {name: wrong}, [name])
        for books in [edge_books(history), *history.books]
    )


EDGE = "2026-11-23"


def edge_books(history: History) -> Books:
    """Books with an invoice of today, one due yesterday, one due 30 days ago and one due today."""
    first = history.books[0]
    invoices = [
        {
            "InvoiceID": f"edge-{due}",
            "Type": "ACCREC",
            "Status": "AUTHORISED",
            "Date": "/Date(1795392000000+0000)/",
            "DateString": f"{EDGE}T00:00:00",
            "DueDateString": f"{due}T00:00:00",
            "DueDate": "/Date(1795392000000+0000)/",
            "Total": Decimal(100 + number),
            "CurrencyCode": first.currency,
        }
        for number, due in enumerate(("2026-11-23", "2026-11-22", "2026-10-24"))
    ]
    records = {**first.records, "Invoices": [*first.records["Invoices"], *invoices]}
    return replace(first, records=records)


def on_the_edge(history: History) -> Model:
    first, model = history.books[0], history.model
    for record in edge_books(history).records["Invoices"][-3:]:
        model = model.with_row(
            "OpenItems",
            TenantID=first.tenant_id,
            DocumentKey=f"{first.tenant_id}|{record['InvoiceID']}",
            EntryKey=f"{first.tenant_id}|{record['InvoiceID']}|0",
            Side="Receivable",
            Counts=True,
            Entry="Document",
            Date=record["DateString"],
            DocumentDate=record["DateString"],
            AgeingDate=record["DueDateString"],
            Amount=record["Total"],
            AmountBase=record["Total"],
            RowVersion=1,
            IsDeleted=False,
        )
    return model


def test_the_edge_itself_is_right(history: History) -> None:
    """The books on the edge agree with the measures as they are."""
    choices = [EVERYTHING, Choice(bucket="1–30"), Choice(bucket="Current")]
    assert (
        differences(
            on_the_edge(history),
            [edge_books(history)],
            choices,
            names=["Receivables Aged", "Receivables Overdue"],
        )
        == []
    )


def test_a_sum_over_doubled_rows_is_found(history: History) -> None:
    """The sum that a report makes by itself, over all rows, is another one when rows landed twice."""
    plain = 'SUMX ( FILTER ( Invoices, Invoices[Type] IN { "ACCREC" } ), Invoices[AmountDueBase] )'
    for model in (history.model, history.model.doubled(seed=2)):
        lost = EXPRESSIONS | {"Invoices Outstanding": plain}
        assert differences(model, history.books[:1], [EVERYTHING], lost, ["Invoices Outstanding"])


TYPOS = {
    "column Invoices[AmountDueBse]": ("Invoices[AmountDueBase]", "Invoices[AmountDueBse]"),
    "column Invoice[InvoiceKey]": ("Invoices[InvoiceKey]", "Invoice[InvoiceKey]"),
    "table Invoice": ("SUMMARIZE ( Invoices,", "SUMMARIZE ( Invoice,"),
    "measure [Curency]": ("[Currency]", "[Curency]"),
    "measure [@Last]": ("= [@Latest]", "= [@Last]"),
    "table Tenants2": ("TREATAS ( Tenants,", "TREATAS ( Tenants2,"),
    "function SUMXX": ("SUMX (", "SUMXX ("),
    "function USERELATIONSHIP": ("TRUE ()", "USERELATIONSHIP ()"),
}


@pytest.mark.parametrize("told", TYPOS)
def test_a_name_that_is_not_there_is_refused(told: str, history: History) -> None:
    """The engine would answer BLANK for it, which looks like an empty month."""
    right, wrong = TYPOS[told]
    expression = EXPRESSIONS["Invoices Outstanding"]
    assert right in expression
    columns = history.model.columns
    assert faults(expression, columns, EXPRESSIONS) == []
    assert told in faults(expression.replace(right, wrong), columns, EXPRESSIONS)
    with pytest.raises(ValueError, match="Invoices Outstanding: "):
        history.model.evaluate(
            EXPRESSIONS | {"Invoices Outstanding": expression.replace(right, wrong)}, ["Sales"], {}
        )


def test_blank_where_there_are_rows_is_found(history: History) -> None:
    """A measure that says nothing where the records say something is a difference."""
    blank = EXPRESSIONS | {"Sales": "SUMX ( FILTER ( Invoices, Invoices[RowVersion] = 0 ), 1 )"}
    [found] = differences(history.model, history.books[:1], [EVERYTHING], blank, ["Sales"])
    assert ": None, not " in found


def test_the_history_holds_what_a_measure_must_not_count(history: History) -> None:
    """Superseded rows and records gone for good are in every table that was edited."""
    for table in EDITED:
        names = list(history.model.columns[table])
        rows = history.model.rows[table]
        key = names.index(f"{table.removesuffix('s')}Key")
        assert len({row[key] for row in rows}) < len(rows)
        assert any(row[names.index("IsDeleted")] for row in rows)


def test_no_function_is_allowed_that_no_measure_needs() -> None:
    """What is on the list was seen to be evaluated rightly, in a measure."""
    used = {name for expression in EXPRESSIONS.values() for name in re.findall(r"\b([A-Z]+) \(", expression)}
    assert used - KEYWORDS == FUNCTIONS
