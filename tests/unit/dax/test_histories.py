"""Any history of a few documents: edits, approvals, voids, deletions, other dates, rates and signs, every row sent twice."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared.tables import TABLES, fed_by, schema
from shared.tables.table import Source
from tests.support.books import ID_FIELDS, record_id
from tests.unit.dax import oracle
from tests.unit.dax.conftest import AMOUNTS, EDITED
from tests.unit.dax.engine import Model, slicers
from tests.unit.dax.oracle import CHOSEN_BY, EVERYTHING, Books, Choice
from tests.unit.dax.test_measures import EXPRESSIONS, differences, rounded

BANK = {
    "AccountID": record_id("Accounts", 1),
    "Type": "BANK",
    "Class": "ASSET",
    "Status": "ACTIVE",
    "Code": "090",
}
SALES = {"AccountID": record_id("Accounts", 3), "Type": "SALES", "Class": "REVENUE", "Code": "200"}
COSTS = {"AccountID": record_id("Accounts", 4), "Type": "DIRECTCOSTS", "Class": "EXPENSE", "Code": "310"}
ACCOUNTS = (BANK, SALES, COSTS)
CONTACTS = (
    {"ContactID": record_id("Contacts", 1), "Name": "left"},
    {"ContactID": record_id("Contacts", 2), "Name": "merged", "MergedToContactID": record_id("Contacts", 1)},
)
TODAY, START_DATE = date(2026, 10, 10), date(2026, 1, 1)
STATUS = {"SyncStatusID": "Organisations", "Today": TODAY.isoformat(), "StartDate": START_DATE.isoformat()}
CALENDAR = {"CalendarID": "2026", "Year": 2026, "YearEndMonth": 6, "YearEndDay": 30}
# In September, in October after today.
STAMPS = (1790000000000, 1793000000000)
TYPES = {
    "Invoices": ("ACCREC", "ACCPAY"),
    "CreditNotes": ("ACCRECCREDIT", "ACCPAYCREDIT"),
    "Prepayments": ("RECEIVE-PREPAYMENT", "ARPREPAYMENT", "SPEND-PREPAYMENT", "APPREPAYMENT"),
    "Overpayments": ("RECEIVE-OVERPAYMENT", "AROVERPAYMENT", "SPEND-OVERPAYMENT"),
    "PurchaseOrders": ("",),
    "BankTransactions": tuple(
        f"{way}{kind}"
        for way in ("RECEIVE", "SPEND")
        for kind in ("", "-PREPAYMENT", "-OVERPAYMENT", "-TRANSFER")
    ),
    "Payments": (
        *("ACCRECPAYMENT", "ARCREDITPAYMENT", "AROVERPAYMENTPAYMENT", "ARPREPAYMENTPAYMENT"),
        *("ACCPAYPAYMENT", "APCREDITPAYMENT", "APOVERPAYMENTPAYMENT", "APPREPAYMENTPAYMENT"),
    ),
}
STATUSES = ("DRAFT", "SUBMITTED", "AUTHORISED", "AUTHORISED", "PAID", "VOIDED", "DELETED")
SEEDS, REBUILDS = 6, 6

# A version of a document: whose, which, what it says (None: gone for good).
Version = tuple[str, str, int, Mapping[str, Any] | None]


def version(random: Random, resources: Sequence[str]) -> Version:
    tenant_id, resource, number = (
        random.choice(("one", "two")),
        random.choice(resources),
        random.choice((1, 2)),
    )
    if random.random() < 0.2:
        return tenant_id, resource, number, None
    rate = random.choice((None, None, "0.917431", "1.0", "163.25"))
    kind = random.choice(TYPES[resource])
    record = {
        **{name: amount_of(random) for name in AMOUNTS},
        **({"PaymentType" if resource == "Payments" else "Type": kind} if kind else {}),
        "Status": random.choice(STATUSES),
        **dated(random),
        **random.choice(({}, {"DueDate": f"/Date({random.choice(STAMPS)}+0000)/"})),
        "CurrencyCode": "USD" if rate else "AUD",
        **({"CurrencyRate": Decimal(rate)} if rate else {}),
        **random.choice(({}, {"IsReconciled": True}, {"IsReconciled": "false"})),
        "Account": random.choice((BANK, {"AccountID": record_id("Accounts", 2)})),
        "BankAccount": random.choice((BANK, {"AccountID": record_id("Accounts", 2)})),
        "Contact": {"ContactID": random.choice(CONTACTS)["ContactID"]},
        "Payments": [entry(random) for _ in range(random.choice((0, 0, 1, 2)))],
        "LineAmountTypes": random.choice(("Exclusive", "Inclusive")),
        "LineItems": [line(random) for _ in range(random.choice((0, 1, 2)))],
    }
    if resource in ("CreditNotes", "Prepayments", "Overpayments"):
        record["Allocations"] = [
            entry(random) | {"Invoice": {"InvoiceID": record_id("Invoices", random.choice((1, 2, 3)))}}
            for _ in range(random.choice((0, 1, 2)))
        ]
    return tenant_id, resource, number, record


def amount_of(random: Random) -> Decimal:
    return Decimal(random.randint(-500_000, 500_000)) / 100


def dated(random: Random) -> dict[str, str]:
    return {"Date": f"/Date({random.choice(STAMPS)}+0000)/"}


def entry(random: Random) -> dict[str, Any]:
    """A payment of a document, or an allocation."""
    return {"Amount": amount_of(random), **dated(random)}


def line(random: Random) -> dict[str, Any]:
    account = random.choice(
        ({"AccountID": SALES["AccountID"]}, {"AccountCode": "310"}, {"AccountCode": "200"}, {})
    )
    return {"LineAmount": amount_of(random), "TaxAmount": amount_of(random), **account}


def model_of(history: list[Version]) -> tuple[Model, list[Books]]:
    """The rows of each version under the number of its push, and the records that are left."""
    columns = {
        table["name"]: [column["name"] for column in table["columns"]]
        for table in schema.dataset("Xero")["tables"]
    }
    rows: dict[str, list[list[Any]]] = {name: [] for name in columns}
    last: dict[tuple[str, str, int], Any] = {}

    def push(tenant_id: str, resource: str, record: Mapping[str, Any], *, deleted: bool = False) -> None:
        source = Source(
            tenant_id=tenant_id, base_currency="AUD", resource=resource, record=record, document=record
        )
        version = sum(len(each) for each in rows.values()) + 1
        for table in fed_by(resource):
            for row in TABLES[table.name].shape(source):
                told = row | {"RowVersion": version, "IsDeleted": deleted}
                rows[table.name].append([told[name] for name in columns[table.name]])

    for tenant_id in ("one", "two"):
        push(tenant_id, "Organisation", {"OrganisationID": tenant_id, "BaseCurrency": "AUD"})
        for account in ACCOUNTS:
            push(tenant_id, "Accounts", account)
        for contact in CONTACTS:
            push(tenant_id, "Contacts", contact)
        push(tenant_id, "SyncStatus", STATUS)
        push(tenant_id, "Calendar", CALENDAR)
    for tenant_id, resource, number, said in history:
        known = last.get((tenant_id, resource, number))
        if said is None and known is None:
            continue
        record = {**(said or known or {}), ID_FIELDS[resource]: record_id(resource, number)}
        push(tenant_id, resource, record, deleted=said is None)
        last[tenant_id, resource, number] = record if said else None
    books = []
    for tenant_id in ("one", "two"):
        found = {
            name: [each for key, each in last.items() if key[:2] == (tenant_id, name) and each]
            for name in EDITED
        }
        lists = {"Accounts": ACCOUNTS, "Contacts": CONTACTS}
        books.append(Books(tenant_id, "AUD", {**found, **lists}, TODAY, START_DATE))
    return Model(columns, rows), books


def test_equal_lines_and_payments_of_a_document_are_several() -> None:
    """Two lines that say the same are summed, and so are two payments of one day; told apart by their own keys only."""
    twice = {"LineAmount": Decimal("12.34"), "AccountCode": "200"}
    paid = {"Amount": Decimal("10.00"), "Date": f"/Date({STAMPS[0]}+0000)/"}
    record = {
        "Type": "ACCREC",
        "Status": "AUTHORISED",
        "Date": f"/Date({STAMPS[0]}+0000)/",
        "CurrencyCode": "AUD",
        "Total": Decimal("100.00"),
        "LineItems": [twice, twice],
        "Payments": [paid, paid],
    }
    model, books = model_of([("one", "Invoices", 1, record)])
    names = ["Revenue", "Receivables As At"]
    assert differences(model, books, names=names) == []
    assert oracle.figure("Receivables As At", books) == Decimal("80.00")
    for name, key in zip(names, (", Lines[LineKey]", ", OpenItems[EntryKey]"), strict=True):
        wrong = EXPRESSIONS[name].replace(key, "")
        assert wrong != EXPRESSIONS[name]
        assert differences(model, books, expressions=EXPRESSIONS | {name: wrong}, names=[name])


CHOICES = (
    EVERYTHING,
    Choice(month="2026-09"),
    Choice(contact=CONTACTS[0]["ContactID"], as_at=date(2026, 10, 31)),
)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_measures_of_any_history_are_those_of_its_last_records(seed: int) -> None:
    """However records were edited and rows repeated, an organisation and both together come to what is left."""
    random = Random(seed)
    # A few kinds of documents a history, so that the same one is met again and again.
    resources = [*random.sample(EDITED, 2), *(["Invoices"] if seed % 2 else [])]
    model, books = model_of([version(random, resources) for _ in range(24)])
    doubled = model.doubled(seed)
    assert differences(doubled, books[:1], CHOICES) == []
    assert differences(doubled, books) == []


@pytest.mark.parametrize("seed", range(100, 100 + REBUILDS))
def test_no_measure_shows_a_part_while_a_table_is_rebuilt(seed: int) -> None:
    """Some rows gone, some there again: BLANK, or right. Once only the current rows are left, everything is right."""
    random = Random(seed)
    model, books = model_of([version(random, random.sample(EDITED, 3)) for _ in range(24)])
    table = random.choice(
        (
            "Invoices",
            "CreditNotes",
            "OpenItems",
            "Lines",
            "CashMovements",
            "Accounts",
            "Contacts",
            "Organisations",
        )
    )
    part = model.without(table, lambda _: random.random() < 0.5)
    for tenant_id in ("one", "two"):
        part = part.with_row(
            "SyncStatus",
            TenantID=tenant_id,
            StatusKey=f"{tenant_id}|{table.lower()}",
            TableName=table,
            IsRebuilding=True,
            RowVersion=2**52,
            IsDeleted=False,
            Today=f"{TODAY.isoformat()}T00:00:00",
            StartDate=f"{START_DATE.isoformat()}T00:00:00",
        )
    told = part.evaluate(EXPRESSIONS, CHOSEN_BY, slicers(["one"], EVERYTHING))
    right = {name: rounded(oracle.figure(name, books[:1])) for name in told}
    assert [name for name in told if told[name] not in (None, right[name])] == []
    assert differences(compacted(model, table), books[:1]) == []


def compacted(model: Model, table: str) -> Model:
    """Superseded rows of a table gone."""
    names = list(model.columns[table])
    key, version_ = names.index(TABLES[table].version_key), names.index("RowVersion")
    latest: dict[Any, int] = {}
    for row in model.rows[table]:
        latest[row[key]] = max(latest.get(row[key], 0), row[version_])
    return model.without(
        table, lambda place: model.rows[table][place][version_] == latest[model.rows[table][place][key]]
    )


@pytest.mark.parametrize(
    ("resource", "kind"), [(resource, kind) for resource, kinds in TYPES.items() for kind in kinds]
)
def test_a_document_of_each_type_counts_where_it_belongs(resource: str, kind: str) -> None:
    """Alone in the books, approved and not reconciled, it is in the right measures with the right sign, and in no other."""
    record = {
        **dict.fromkeys(AMOUNTS, Decimal("12.34")),
        **({"PaymentType" if resource == "Payments" else "Type": kind} if kind else {}),
        "Status": "AUTHORISED",
        "Date": "/Date(1790000000000+0000)/",
        "CurrencyCode": "AUD",
        "Account": BANK,
        "BankAccount": BANK,
        "LineItems": [{"LineAmount": Decimal("12.34"), "AccountCode": "200"}],
    }
    model, books = model_of([("one", resource, 1, record)])
    # The two ends of a transfer count by the transfer's own record.
    counts = any(oracle.figure(name, books) is not None for name in oracle.FIGURES)
    assert counts == (not kind.endswith("-TRANSFER"))
    assert differences(model, books) == []
