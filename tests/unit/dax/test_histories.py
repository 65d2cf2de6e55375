"""Any history of a few documents: edits, approvals, voids, deletions, other dates, rates and signs, every row sent twice."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from shared.tables import TABLES, fed_by, schema
from shared.tables.table import Source
from tests.support.books import ID_FIELDS, record_id
from tests.unit.dax import oracle
from tests.unit.dax.conftest import AMOUNTS, EDITED
from tests.unit.dax.engine import Model
from tests.unit.dax.oracle import Books
from tests.unit.dax.test_measures import differences

BANK = {"AccountID": record_id("Accounts", 1), "Type": "BANK", "Status": "ACTIVE"}
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
SEEDS = 25

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
        **{name: Decimal(random.randint(-500_000, 500_000)) / 100 for name in AMOUNTS},
        **({"PaymentType" if resource == "Payments" else "Type": kind} if kind else {}),
        "Status": random.choice(STATUSES),
        "Date": f"/Date({random.choice((1790000000000, 1793000000000))}+0000)/",
        "CurrencyCode": "USD" if rate else "AUD",
        **({"CurrencyRate": Decimal(rate)} if rate else {}),
        **random.choice(({}, {"IsReconciled": True}, {"IsReconciled": "false"})),
        "Account": random.choice((BANK, {"AccountID": record_id("Accounts", 2)})),
    }
    return tenant_id, resource, number, record


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
        push(tenant_id, "Accounts", BANK)
    for tenant_id, resource, number, said in history:
        known = last.get((tenant_id, resource, number))
        if said is None and known is None:
            continue
        record = {**(said or known or {}), ID_FIELDS[resource]: record_id(resource, number)}
        push(tenant_id, resource, record, deleted=said is None)
        last[tenant_id, resource, number] = said
    books = []
    for tenant_id in ("one", "two"):
        found = {
            name: [each for key, each in last.items() if key[:2] == (tenant_id, name) and each]
            for name in EDITED
        }
        books.append(Books(tenant_id, "AUD", {**found, "Accounts": [BANK]}))
    return Model(columns, rows), books


@pytest.mark.parametrize("seed", range(SEEDS))
def test_the_measures_of_any_history_are_those_of_its_last_records(seed: int) -> None:
    """However records were edited and rows repeated, an organisation and both together come to what is left."""
    random = Random(seed)
    # Two kinds of documents a history, so that the same one is met again and again.
    resources = random.sample(EDITED, 2)
    model, books = model_of([version(random, resources) for _ in range(24)])
    for chosen in (books[:1], books):
        assert differences(model.doubled(seed), chosen, ["", "2026-09"]) == []


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
    }
    model, books = model_of([("one", resource, 1, record)])
    assert any(oracle.figure(name, books, "") is not None for name in oracle.FIGURES)
    assert differences(model, books, [""]) == []
