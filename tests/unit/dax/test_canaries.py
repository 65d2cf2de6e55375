"""The proof can fail: expressions that are wrong in one place are refused, or come to something else than the records."""

import re

import pytest

from tests.unit.dax.conftest import EDITED, History
from tests.unit.dax.engine import FUNCTIONS, faults
from tests.unit.dax.test_measures import EXPRESSIONS, differences

TABLES = r"\b(?!Organisations|Accounts)\w+"


def lose(pattern: str, instead: str = "") -> dict[str, str]:
    """The measures in which a pattern stands, each without it."""
    return {
        name: changed
        for name, expression in EXPRESSIONS.items()
        if (changed := re.sub(pattern, instead, expression)) != expression
    }


# What a measure could have been written without, of the tables of documents.
LOST = {
    "the latest": lose(rf"({TABLES})\[RowVersion\] = \[@Latest\] && "),
    "all but the key": lose(rf", ALLEXCEPT \( {TABLES}, {TABLES}\[\w+\] \)"),
    "the deleted": lose(rf" && {TABLES}\[IsDeleted\] <> TRUE \(\)"),
    "the status": lose(rf" && {TABLES}\[Status\] IN {{[^}}]+}}"),
    "the type": lose(rf" && ({TABLES}\[\w*Type\]) IN {{[^}}]+}}"),
    "the organisation": lose(
        rf"TREATAS \( Tenants, ({TABLES})\[TenantID\] \)",
        r"TREATAS ( SUMMARIZE ( \1, \1[TenantID] ), \1[TenantID] )",
    ),
    "the flag": lose(rf" && {TABLES}\[IsReconciled\] <> TRUE \(\)"),
    "the sign": lose(r"\n    - SUMX", r"\n    + SUMX"),
}
CANARIES = [(what, name) for what, changed in LOST.items() for name in changed]


@pytest.mark.parametrize(("what", "name"), CANARIES, ids=lambda text: text)
def test_a_measure_that_lost_something_is_found(what: str, name: str, history: History) -> None:
    """Without its latest version, status, type, organisation and so on a measure differs from the records."""
    lost = EXPRESSIONS | {name: LOST[what][name]}
    found = [
        each for books in history.books for each in differences(history.model, [books], [""], lost, [name])
    ]
    assert found


def test_each_kind_of_loss_is_of_many_measures() -> None:
    """The patterns still fit how measures are written."""
    assert {
        what: len(changed) > 10 for what, changed in LOST.items() if what not in ("the flag", "the sign")
    } == {what: True for what in LOST if what not in ("the flag", "the sign")}
    assert len(LOST["the flag"]) == 1
    assert len(LOST["the sign"]) == 7


def test_a_sum_over_doubled_rows_is_found(history: History) -> None:
    """The sum that a report makes by itself, over all rows, is another one when rows landed twice."""
    plain = 'SUMX ( FILTER ( Invoices, Invoices[Type] IN { "ACCREC" } ), Invoices[AmountDueBase] )'
    for model in (history.model, history.model.doubled(seed=2)):
        lost = EXPRESSIONS | {"Invoices Outstanding": plain}
        assert differences(model, history.books[:1], [""], lost, ["Invoices Outstanding"])


TYPOS = {
    "column Invoices[AmountDueBse]": ("Invoices[AmountDueBase]", "Invoices[AmountDueBse]"),
    "column Invoice[InvoiceKey]": ("Invoices[InvoiceKey]", "Invoice[InvoiceKey]"),
    "table Invoice": ("SUMMARIZE ( Invoices,", "SUMMARIZE ( Invoice,"),
    "measure [Curency]": ("[Currency]", "[Curency]"),
    "measure [@Last]": ("= [@Latest]", "= [@Last]"),
    "table Tenant": ("TREATAS ( Tenants,", "TREATAS ( Tenant,"),
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
    [found] = differences(history.model, history.books[:1], [""], blank, ["Sales"])
    assert found.startswith("Sales : None, not ")


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
    used = {name for expression in EXPRESSIONS.values() for name in re.findall(r"([A-Z]+) \(", expression)}
    assert used - {"IN", "RETURN"} == FUNCTIONS
