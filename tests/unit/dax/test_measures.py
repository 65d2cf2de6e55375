"""The measures of the dataset, held against Xero's own records, by all that a report chooses."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from shared.tables import TABLES
from shared.tables.measures import MEASURES
from shared.tables.measures.rows import ROW_KEYS
from tests.unit.dax import oracle
from tests.unit.dax.conftest import EDITED, START_DATE, History
from tests.unit.dax.engine import Model, slicers
from tests.unit.dax.oracle import BUCKETS, CHOSEN_BY, EVERYTHING, Books, Choice

EXPRESSIONS = {measure.name: measure.expression for measure in MEASURES.values()}
NAMES = ("Currency", *CHOSEN_BY)
AGED = ("Receivables Aged", "Payables Aged")
AS_AT = tuple(name for name, chosen in CHOSEN_BY.items() if "as_at" in chosen)
PLACES = Decimal("0.0001")


def months_of(books: Iterable[Books]) -> list[str]:
    """All months of the history that documents are dated in, a later one that is empty, and "" for all time."""
    found = {oracle.month_of(record) for each in books for name in EDITED for record in each.records[name]}
    return ["", *sorted(month for month in found if month >= f"{START_DATE:%Y-%m}"), "2027-05"]


def differences(
    model: Model,
    books: list[Books],
    choices: Iterable[Choice] = (EVERYTHING,),
    expressions: Mapping[str, str] = EXPRESSIONS,
    names: Collection[str] = NAMES,
) -> list[str]:
    """Where a measure says something else than the records do: BLANK where there are some, too."""
    found = []
    for choice in choices:
        told = model.evaluate(expressions, names, slicers([each.tenant_id for each in books], choice))
        for name, value in told.items():
            right = rounded(oracle.figure(name, books, choice))
            if value != right:
                found.append(f"{name} {choice}: {value}, not {right}")
    return found


def rounded(value: Decimal | str | None) -> Decimal | str | None:
    return value.quantize(PLACES, ROUND_HALF_UP) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def doubled(history: History) -> Model:
    """What Power BI holds when every batch was pushed twice and the rows landed in any order."""
    return history.model.doubled(seed=1)


@pytest.fixture(scope="module")
def alone(doubled: Model, history: History) -> list[Model]:
    """The same, of each organisation by itself, which is quicker to look at."""
    return [doubled.of(books.tenant_id) for books in history.books]


@pytest.mark.parametrize("number", range(3))
def test_each_measure_is_right_by_organisation_and_month(
    number: int, history: History, alone: list[Model]
) -> None:
    """To the fourth place, over superseded and doubled rows: each measure in each month and over all time."""
    books = [history.books[number]]
    assert differences(alone[number], books, (Choice(month=month) for month in months_of(books))) == []


def test_an_organisation_is_chosen_among_others(history: History, doubled: Model) -> None:
    """With all organisations' rows there, those of the chosen one alone count."""
    assert differences(doubled, [history.books[1]]) == []


@pytest.mark.parametrize("number", range(3))
def test_what_is_owed_is_right_by_bucket_and_month(number: int, history: History, alone: list[Model]) -> None:
    """Each bucket, by due date in each month and by invoice date over all time."""
    books = [history.books[number]]
    choices = [Choice(month=month, bucket=bucket) for month in months_of(books) for bucket in BUCKETS]
    choices += [Choice(bucket=bucket, by_invoice_date=True) for bucket in BUCKETS]
    assert differences(alone[number], books, choices, names=AGED) == []


def days_to_look_at(books: Books) -> list[date]:
    """Before the history, its first day, a month end with much in it, some day, today, and one that is to come."""
    return [
        START_DATE - timedelta(days=1),
        START_DATE,
        date(2026, 9, 30),
        date(2026, 11, 12),
        books.today,
        date(2027, 2, 28),
    ]


@pytest.mark.parametrize("number", range(3))
def test_balances_are_right_as_at_any_day(number: int, history: History, alone: list[Model]) -> None:
    """What was owed, overdue and in the bank on each of several days; nothing before the start date."""
    books = history.books[number]
    choices = [Choice(as_at=day) for day in days_to_look_at(books)]
    assert differences(alone[number], [books], choices, names=AS_AT) == []


@pytest.mark.parametrize(
    ("number", "plural"),
    # The first office's books hold a credit note of a status that nobody knows: what it settled is settled all the same.
    [(number, plural) for number in range(3) for plural in ("Receivables", "Payables")],
)
def test_as_at_today_meets_xeros_open_amounts_and_its_control_account(
    number: int, plural: str, history: History
) -> None:
    """What documents, payments and credits come to is what Xero says is due, and what its trial balance says."""
    assert history.clean
    books = history.clean.books[number]
    names = [f"{plural} {what}" for what in ("As At", "Outstanding", "Control Account")]
    model = history.clean.model.of(books.tenant_id)
    as_at, outstanding, control = model.evaluate(
        EXPRESSIONS, names, slicers([books.tenant_id], EVERYTHING)
    ).values()
    assert as_at == outstanding is not None
    assert cents(as_at) == cents(control)


def cents(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize("number", range(3))
def test_the_buckets_sum_to_what_is_owed(number: int, history: History, alone: list[Model]) -> None:
    """By either date no document falls between buckets or into two."""
    tenants = [history.books[number].tenant_id]
    for plural in ("Receivables", "Payables"):
        name = f"{plural} Aged"
        [whole] = (
            alone[number].evaluate(EXPRESSIONS, [f"{plural} As At"], slicers(tenants, EVERYTHING)).values()
        )
        for by_invoice_date in (False, True):
            found = [
                alone[number].evaluate(
                    EXPRESSIONS,
                    [name],
                    slicers(tenants, Choice(bucket=bucket, by_invoice_date=by_invoice_date)),
                )[name]
                for bucket in BUCKETS
            ]
            assert sum(part for part in found if part is not None) == whole


def test_contacts_accounts_and_items_are_carried_to_what_is_summed(
    history: History, alone: list[Model]
) -> None:
    """A choice among contacts, accounts or items is followed by the measures that can, and empties the others."""
    books = history.books[0]
    merged = next(one for one in books.records["Contacts"] if one.get("MergedToContactID"))
    account = next(one for one in books.records["Accounts"] if one["Type"] == "REVENUE")
    bank = next(one for one in books.records["Accounts"] if one["Type"] == "BANK")
    expense = next(one for one in books.records["Accounts"] if one["Type"] == "EXPENSE")
    item = next(
        line["ItemCode"]
        for record in books.records["Invoices"]
        if record["Status"] in ("AUTHORISED", "PAID")
        for line in record["LineItems"]
        if line.get("ItemCode")
    )
    choices = [
        Choice(contact=oracle.survivor(books, merged["ContactID"].lower())),
        Choice(contact=books.records["Invoices"][0]["Contact"]["ContactID"]),
        *(Choice(account=one["AccountID"]) for one in (account, bank, expense)),
        Choice(item=item),
    ]
    assert differences(alone[0], [books], choices) == []


@pytest.mark.parametrize("number", range(3))
def test_profit_and_commitments_are_right_by_tracking(
    number: int, history: History, alone: list[Model]
) -> None:
    """By each option of each category, and without one, whatever its place on a line; other measures are empty."""
    books = history.books[number]
    shown = alone[number].columns["TrackingCategories"].index("Slot")
    of = alone[number].columns["TrackingCategories"].index("TrackingCategoryID")
    slots = {row[of].lower(): row[shown] for row in alone[number].rows["TrackingCategories"] if row[shown]}
    choices = []
    for category in books.records["TrackingCategories"]:
        known = category["TrackingCategoryID"].lower()
        options = [option["Name"] for option in category.get("Options") or ()]
        choices += [Choice(tracking=(known, slots[known], name)) for name in (*options, "Unassigned")]
    assert len(choices) > 4
    some = [oracle.figure("Revenue", [books], choice) for choice in choices]
    assert len({each for each in some if each}) > 2
    names = (
        "Revenue",
        "Gross Profit",
        "Net Profit",
        "Open Purchase Commitments",
        "Sales",
        "Net Profit (Xero)",
    )
    assert differences(alone[number], [books], choices, names=names) == []


def test_a_merged_contact_counts_under_the_one_that_is_left(history: History, alone: list[Model]) -> None:
    """It shows nothing itself, and all contacts one by one come to what all of them come to."""
    books, names = history.books[0], ["Purchases"]
    of_each = []
    for contact in books.records["Contacts"]:
        told = alone[0].evaluate(
            EXPRESSIONS, names, slicers([books.tenant_id], Choice(contact=contact["ContactID"]))
        )
        if contact.get("MergedToContactID"):
            assert told == dict.fromkeys(names)
        of_each.append(told)
    for name in names:
        assert sum(each[name] for each in of_each if each[name] is not None) == rounded(
            oracle.figure(name, [books])
        )


def test_organisations_of_one_currency_are_added_up(history: History, doubled: Model) -> None:
    """Two offices with the same base currency come to what both have, each as at its own today."""
    books = [each for each in history.books if each.currency == "AUD"]
    assert len(books) == 2
    names = ["Currency", "Sales", "Receivables Aged", "Net Profit", "Cash Balance", "Expected Cash In"]
    assert differences(doubled, books, [EVERYTHING, Choice(month="2026-10")], names=names) == []


def test_money_of_several_currencies_is_blank(history: History, doubled: Model) -> None:
    """Dollars of two countries are never added: every sum is BLANK, and Currency says so."""
    tenants = [each.tenant_id for each in history.books]
    for filters in ({}, slicers(tenants, Choice(month="2026-10"))):
        told = doubled.evaluate(EXPRESSIONS, NAMES, filters)
        assert told.pop("Currency") == "several"
        assert set(told.values()) == {None}


def test_an_organisation_may_be_chosen_by_its_name(history: History, doubled: Model) -> None:
    """Whatever column of Organisations is sliced, the measures follow."""
    names = doubled.columns["Organisations"]
    both = {(row[names.index("TenantID")], row[names.index("Name")]) for row in doubled.rows["Organisations"]}
    assert len(both) == 3
    some = [
        "Currency",
        "Sales",
        "Receivables As At",
        "Net Profit",
        "Cash Balance",
        "Open Purchase Commitments",
    ]
    for tenant_id, name in both:
        by_name = doubled.evaluate(EXPRESSIONS, some, {"Organisations.Name": [name]})
        by_id = doubled.evaluate(EXPRESSIONS, some, {"Organisations.TenantID": [tenant_id]})
        assert by_name == by_id
        assert by_name["Sales"] is not None


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Invoices Outstanding", "Invoices.Status=AUTHORISED"),
        ("Bills Outstanding", "Invoices.Status=AUTHORISED"),
        ("Invoices in Draft", "Invoices.Status=DRAFT"),
        ("Open Purchase Commitments", "Lines.Effect=Commitment"),
        ("Cash In", "CashMovements.SourceStatus=AUTHORISED"),
    ],
)
def test_a_slicer_makes_no_superseded_row_current(
    name: str, status: str, history: History, alone: list[Model]
) -> None:
    """Who shows one status only sees the same figure: what had that status before does not come back."""
    column, _, value = status.partition("=")
    for each, model in zip(history.books, alone, strict=True):
        chosen = slicers([each.tenant_id], EVERYTHING)
        [told] = model.evaluate(EXPRESSIONS, [name], chosen | {column: [value]}).values()
        assert told == rounded(oracle.figure(name, [each]))


def test_one_document_shows_what_is_open_of_it(history: History, alone: list[Model]) -> None:
    """A list of documents, as a report draws it from OpenItems, sums to what is owed, credits set against them included."""
    books, model = history.books[0], alone[0]
    names = model.columns["OpenItems"]
    keys = {
        row[names.index("DocumentKey")]
        for row in model.rows["OpenItems"]
        if row[names.index("Side")] == "Payable"
    }
    chosen = slicers([books.tenant_id], EVERYTHING)
    found = [
        model.evaluate(EXPRESSIONS, ["Payables As At"], chosen | {"OpenItems.DocumentKey": [key]})[
            "Payables As At"
        ]
        for key in keys
    ]
    assert sum(part for part in found if part is not None) == rounded(
        oracle.figure("Payables As At", [books])
    )


def test_a_choice_that_a_measure_cannot_follow_makes_it_blank(history: History, alone: list[Model]) -> None:
    """October's invoices less everybody's credit notes would be a figure of nothing; so would a supplier's share of tax."""
    books, model = history.books[0], alone[0]
    chosen = slicers([books.tenant_id], EVERYTHING)

    def told(column: str, value: object) -> dict[str, object]:
        return model.evaluate(EXPRESSIONS, NAMES, chosen | {column: [value]})

    half = told("Invoices.Status", "AUTHORISED")
    assert {
        half[name]
        for name in ("Receivables Outstanding", "Sales", "Tax on Purchases", "Days Sales Outstanding")
    } == {None}
    assert half["Invoices Outstanding"] == rounded(oracle.figure("Invoices Outstanding", [books]))
    elsewhere = told("TaxRates.Name", "no such rate")
    assert {value for name, value in elsewhere.items() if name != "Currency"} == {None}
    torn = told("OpenItems.Entry", "Document")
    assert torn["Receivables As At"] is None
    tracked = told("Lines.Tracking1Option", "Unassigned")
    assert tracked["Net Profit"] is not None
    assert tracked["Profit Not in Documents"] is tracked["Net Profit (Xero)"] is None


def test_reported_profit_is_of_whole_months_only(history: History, alone: list[Model]) -> None:
    """Half a month of lines is never held against a month of Xero's."""
    chosen = slicers([history.books[0].tenant_id], EVERYTHING)
    half = chosen | {"Calendar.Date": [f"2026-10-{day:02}T00:00:00" for day in range(1, 16)]}
    told = alone[0].evaluate(
        EXPRESSIONS, ["Net Profit (Xero)", "Profit Not in Documents", "Net Profit"], half
    )
    assert told["Net Profit (Xero)"] is told["Profit Not in Documents"] is None
    assert told["Net Profit"] is not None


def read_by(name: str) -> set[str]:
    """The tables whose rows an expression sums or looks at, itself or through measures that it names."""
    expression = EXPRESSIONS[name]
    found = {table for table in TABLES if f"SUMMARIZE ( {table}," in expression}
    for other in EXPRESSIONS:
        if f"[{other}]" in expression and other != name:
            found |= read_by(other)
    return found


@pytest.mark.parametrize(
    "table", ["Invoices", "OpenItems", "Lines", "CashMovements", "Organisations", "Accounts", "ProfitAndLoss"]
)
def test_a_table_that_is_rebuilt_empties_its_measures(
    table: str, history: History, alone: list[Model]
) -> None:
    """With half of its rows there and SyncStatus saying so, no measure of it shows a part; the others go on."""
    books = history.books[0]
    chosen = slicers([books.tenant_id], EVERYTHING)
    status = {
        "TenantID": books.tenant_id,
        "StatusKey": f"{books.tenant_id}|{table.lower()}",
        "TableName": table,
    }
    half = (
        alone[0]
        .without(table, lambda place: place % 2 == 0)
        .with_row(
            "SyncStatus",
            **status,
            RowVersion=2**52,
            IsDeleted=False,
            IsRebuilding=True,
            Today=f"{books.today.isoformat()}T00:00:00",
            StartDate=f"{START_DATE.isoformat()}T00:00:00",
        )
    )
    some = [name for name in NAMES if name not in ("Currency", *oracle.RATIOS)]
    told = half.evaluate(EXPRESSIONS, some, chosen)
    touched = {name for name in some if table in read_by(name)}
    assert touched
    assert {told[name] for name in touched} == {None}
    for name in set(some) - touched:
        assert told[name] == rounded(oracle.figure(name, [books])), name
    assert half.evaluate(EXPRESSIONS, ["Tables Rebuilding"], chosen)["Tables Rebuilding"] == 1


def test_the_status_of_the_data_is_told(history: History, alone: list[Model]) -> None:
    """Freshness is that of the oldest table, which is named; what is kept out, parked or not verified is counted."""
    books = history.books[0]
    model = alone[0].without("SyncStatus", lambda _: False)
    statuses: dict[str, dict[str, Any]] = {
        "Invoices": {"FreshAsOf": "2026-11-23T08:00:00", "IsVerified": True, "Quarantined": 2},
        "Payments": {
            "FreshAsOf": "2026-11-22T08:00:00",
            "IsVerified": False,
            "Parked": "many vanished",
            "Quarantined": 3,
        },
        "Items": {"FreshAsOf": "2026-11-23T09:00:00"},
    }
    for table, told_of in statuses.items():
        row = {"TenantID": books.tenant_id, "StatusKey": table, "TableName": table, "IsDeleted": False}
        older = {"FreshAsOf": "2026-11-01T00:00:00"}
        model = model.with_row("SyncStatus", **{**row, **told_of, **older, "RowVersion": 1})
        model = model.with_row("SyncStatus", **{**row, **told_of, "RowVersion": 2})
    told = model.evaluate(
        EXPRESSIONS,
        [name for name in EXPRESSIONS if name not in NAMES],
        slicers([books.tenant_id], EVERYTHING),
    )
    assert told == {
        "Fresh As Of": "2026-11-22T08:00:00",
        "Least Fresh Table": "Payments",
        "Quarantined Records": 5,
        "Tables Rebuilding": None,
        "Tables Not Verified": 2,
        "Tables Parked": 1,
    }


def test_every_measure_has_an_oracle_and_words() -> None:
    """No measure is unproven; each says its currency, and money its basis or that it is as of now."""
    of_status = {
        "Fresh As Of",
        "Least Fresh Table",
        "Quarantined Records",
        "Tables Rebuilding",
        "Tables Not Verified",
        "Tables Parked",
    }
    assert set(EXPRESSIONS) == {*NAMES, *of_status}
    for measure in MEASURES.values():
        assert "currency" in measure.means
        assert measure.means.endswith(".")


def test_tables_of_several_rows_a_record_are_summed_row_by_row() -> None:
    """Two lines that say the same are two: the row's own key tells them apart."""
    for table, key in ROW_KEYS.items():
        assert key in {column.name for column in TABLES[table].columns}
        assert key != TABLES[table].version_key
