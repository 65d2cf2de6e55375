"""What lines count for, and with which sign: each cell of the written table, and the money of whole books."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from local.company import generate
from local.expected.tables import TABLES as EXPECTED
from shared.tables.documents import KINDS
from shared.tables.table import Row
from tests.support.records import ID_FIELDS, OTHER, TENANT, Record, shaped

ROOT = Path(__file__).resolve().parents[2]
OPENAPI = ROOT.parent / "shared" / "specs" / "xero_accounting.yaml"
RESOURCES = {kind: resource for resource, kind in KINDS.items()}
COUNTED = ("Posted", "Advance")


def page() -> Iterator[tuple[str, str, str, str, str]]:
    """Each cell of the table in docs/effects.md: kind, type, sign, status, effect. An empty one is Unknown."""
    lines = (ROOT / "docs" / "effects.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.count("|") == 13]
    for kind, type_, sign, *effects in rows[2:]:
        for status, effect in zip(rows[0][3:], effects, strict=True):
            yield kind, type_, sign, status, effect or "Unknown"


CELLS = list(page())
SIGNS = {"−": Decimal(-12), "+": Decimal(12), "none": None}
# Types of invoices in Xero's file that no list of invoices was ever seen to hold.
ELSEWHERE = {
    *("ACCPAYCREDIT", "APOVERPAYMENT", "APPREPAYMENT"),
    *("ACCRECCREDIT", "AROVERPAYMENT", "ARPREPAYMENT"),
}


def document(kind: str, type_: str | None, status: str | None, amount: Any = 12, **fields: Any) -> Record:
    """A document of one line, in base currency."""
    lines = "JournalLines" if kind == "ManualJournal" else "LineItems"
    record = {f"{kind}ID": OTHER, "Type": type_, "Status": status, lines: [{"LineAmount": amount}], **fields}
    return {name: found for name, found in record.items() if found is not None}


def lines(kind: str, record: Record) -> list[Row]:
    """Its lines, which the comparison's own reading must have too."""
    rows = shaped("Lines", record, RESOURCES[kind])
    (table,) = (one for one in EXPECTED if one.name == "Lines")
    (build,) = (one.build for one in table.sources if one.resource == RESOURCES[kind])
    for row, other in zip(rows, build(record, TENANT, "NZD"), strict=True):
        assert (row["Effect"], row["LedgerAmountBase"]) == (other["Effect"], other["LedgerAmountBase"])
    return rows


def counts(kind: str, record: Record) -> tuple[str, Decimal | None]:
    (row,) = lines(kind, record)
    return row["Effect"], row["LedgerAmountBase"]


@pytest.mark.parametrize(("kind", "type_", "sign", "status", "effect"), CELLS)
def test_each_cell_of_the_written_table(kind: str, type_: str, sign: str, status: str, effect: str) -> None:
    """The page says what the lines say, for every kind, type and status, and the amount is there whatever counts."""
    for told in (None, "PURCHASEORDER") if type_ == "any" else (type_,):
        assert counts(kind, document(kind, told, status)) == (effect, SIGNS[sign])


def test_the_table_holds_every_value_that_xero_declares() -> None:
    """No type and no status of Xero's file is left to chance, but the types of invoices that its lists do not hold."""
    if not OPENAPI.is_file():
        pytest.skip("the OpenAPI file lies beside the repository only")
    schemas = yaml.load(OPENAPI.read_bytes(), Loader=yaml.CSafeLoader)["components"]["schemas"]
    declared = set()
    for kind in RESOURCES:
        fields = schemas[kind]["properties"]
        types = set(fields.get("Type", {}).get("enum", ["any"])) - (ELSEWHERE if kind == "Invoice" else set())
        declared |= {(kind, type_, status) for type_ in types for status in fields["Status"]["enum"]}
    assert {
        (kind, type_, status) for kind, type_, _, status, effect in CELLS if effect != "Unknown"
    } == declared


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("status", [None, "PARTIALLYBILLED", "authorised", ""])
def test_an_unknown_status_counts_for_nothing_and_says_so(kind: str, status: str | None) -> None:
    """A status that Xero adds one day is seen; the sign is the type's, as ever."""
    for _, type_, sign in {cell[:3] for cell in CELLS if cell[0] == kind}:
        assert counts(kind, document(kind, type_, status)) == ("Unknown", SIGNS[sign])


@pytest.mark.parametrize("kind", sorted(RESOURCES.keys() - {"PurchaseOrder", "ManualJournal"}))
@pytest.mark.parametrize(
    "type_", [None, "", "any", "RECEIVE-SWEEP", "PURCHASEORDER", "accrec", *sorted(ELSEWHERE)]
)
def test_an_unknown_type_has_no_sign(kind: str, type_: str | None) -> None:
    """Whether it is a debit nobody knows, so it has no amount; nor does it count, even if its status is known."""
    if (kind, type_) not in {cell[:2] for cell in CELLS}:
        assert counts(kind, document(kind, type_, "AUTHORISED")) == ("Unknown", None)


@pytest.mark.parametrize("elsewhere", ["PrepaymentID", "OverpaymentID", "BatchPayment"])
@pytest.mark.parametrize("type_", ["RECEIVE", "SPEND"])
def test_a_bank_transaction_whose_money_another_document_has(type_: str, elsewhere: str) -> None:
    """It counts for nothing whatever its type, as the type RECEIVE of one that made a prepayment in Xero's samples."""
    found = {"BatchPaymentID": OTHER} if elsewhere == "BatchPayment" else OTHER
    for status, effect in (("AUTHORISED", "Nothing"), ("DELETED", "Nothing"), ("HELD", "Unknown")):
        told = document("BankTransaction", type_, status, **{elsewhere: found})
        assert counts("BankTransaction", told)[0] == effect
    told = document("BankTransaction", type_, "AUTHORISED", **{elsewhere: []})
    assert counts("BankTransaction", told)[0] == "Posted"


@pytest.mark.parametrize(
    ("kind", "type_"), [("Invoice", "ACCREC"), ("ManualJournal", None), ("PurchaseOrder", None)]
)
def test_no_amount_stays_none(kind: str, type_: str | None) -> None:
    """A line of words, a line in a currency without a rate and the marker of no lines have no ledger amount."""
    for record in (
        document(kind, type_, "DRAFT", None),
        document(kind, type_, "DRAFT", CurrencyCode="USD"),
        {f"{kind}ID": OTHER, "Type": type_, "Status": "DRAFT"},
    ):
        assert counts(kind, record) == ("Draft", None)


money = st.decimals(min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=2)
priced = st.lists(st.tuples(money, money), min_size=1, max_size=5)
rates = st.one_of(st.none(), st.decimals(min_value=Decimal("0.01"), max_value=Decimal(100), places=6))


def several(kind: str, type_: str, amounts: list[tuple[Decimal, Decimal]], **fields: Any) -> list[Row]:
    record = document(kind, type_, **{"status": "AUTHORISED"} | fields)
    record["LineItems"] = [{"LineAmount": amount, "TaxAmount": tax} for amount, tax in amounts]
    return lines(kind, record)


def counted(rows: list[Row]) -> Decimal:
    return sum((row["LedgerAmountBase"] for row in rows if row["Effect"] in COUNTED), Decimal(0))


@pytest.mark.parametrize(("invoice", "note"), [("ACCREC", "ACCRECCREDIT"), ("ACCPAY", "ACCPAYCREDIT")])
@given(amounts=priced, rate=rates, kind=st.sampled_from(["Inclusive", "Exclusive", "NoTax"]))
def test_an_invoice_and_its_full_credit_note_come_to_nothing(
    invoice: str, note: str, amounts: list[tuple[Decimal, Decimal]], rate: Decimal | None, kind: str
) -> None:
    """To the last of the four places, whatever tax and currency; and a sale is the opposite of a purchase."""
    fields = {"LineAmountTypes": kind, "CurrencyRate": rate}
    both = several("Invoice", invoice, amounts, **fields) + several("CreditNote", note, amounts, **fields)
    assert counted(both) == 0
    assert {row["Effect"] for row in both} == {"Posted"}
    sale, purchase = (several("Invoice", type_, amounts, **fields) for type_ in ("ACCREC", "ACCPAY"))
    assert counted(sale) == -counted(purchase) == -sum(row["NetAmountBase"] for row in sale)


@pytest.mark.parametrize("name", ["Prepayment", "Overpayment"])
@pytest.mark.parametrize("side", ["RECEIVE", "SPEND"])
@given(amounts=priced, rate=rates, status=st.sampled_from(["AUTHORISED", "PAID", "VOIDED"]))
def test_an_advance_and_its_bank_transaction_count_once(
    name: str, side: str, amounts: list[tuple[Decimal, Decimal]], rate: Decimal | None, status: str
) -> None:
    """Once while it is valid, used up or not; never when it is void. Both show the same amount, with the same sign."""
    type_ = f"{side}-{name.upper()}"
    advance = several(name, type_, amounts, CurrencyRate=rate, status=status)
    banked = several(
        "BankTransaction",
        type_,
        amounts,
        CurrencyRate=rate,
        status="VOIDED" if status == "VOIDED" else "AUTHORISED",
        **{f"{name}ID": OTHER},
    )
    amount = sum(row["LedgerAmountBase"] for row in banked)
    assert amount == sum(row["NetAmountBase"] for row in banked) * (1 if side == "SPEND" else -1)
    assert counted(advance + banked) == (0 if status == "VOIDED" else amount)


# Whole books.


@pytest.fixture(scope="module")
def offices() -> list[tuple[dict[str, list[Record]], dict[str, list[Row]]]]:
    """The books of the invented company, and their lines by the id of the document."""
    found = []
    books = json.dumps(generate(11, date(2026, 11, 23), 12, 300))
    for office in json.loads(books, parse_float=Decimal):
        records = office["resources"]
        base = records["Organisation"][0]["BaseCurrency"]
        rows: dict[str, list[Row]] = defaultdict(list)
        for resource in KINDS:
            for record in records[resource]:
                rows[record[ID_FIELDS[resource]]] += shaped("Lines", record, resource, base)
        found.append((records, rows))
    return found


Offices = list[tuple[dict[str, list[Record]], dict[str, list[Row]]]]


def test_posted_journals_come_to_nothing(offices: Offices) -> None:
    """In each office debits are credits, to the cent."""
    for records, rows in offices:
        ids = [one["ManualJournalID"] for one in records["ManualJournals"]]
        posted = [row for id_ in ids for row in rows[id_] if row["Effect"] == "Posted"]
        assert len(posted) > 3
        assert any(row["LedgerAmountBase"] > 0 for row in posted)
        assert sum(row["LedgerAmountBase"] for row in posted) == 0


def test_each_advance_of_the_books_is_counted_once_or_never(offices: Offices) -> None:
    """Of a prepayment or overpayment and its bank transaction one counts, with its net amount; of a void one, none."""
    seen = set()
    for records, rows in offices:
        for name in ("Prepayment", "Overpayment"):
            for advance in records[f"{name}s"]:
                id_ = f"{name}ID"
                banked = [one for one in records["BankTransactions"] if one.get(id_) == advance[id_]]
                shown = [advance[id_], *(one["BankTransactionID"] for one in banked)]
                assert len(shown) == 2
                counting = [row for one in shown for row in rows[one] if row["Effect"] in COUNTED]
                valid = advance["Status"] != "VOIDED"
                assert len({row["DocumentKey"] for row in counting}) == valid
                net = sum(row["NetAmount"] for row in counting)
                assert net == (Decimal(advance["SubTotal"]) if valid else 0)
                seen.add((name, advance["Status"]))
    assert len(seen) == 6


def test_no_transfer_of_the_books_is_counted(offices: Offices) -> None:
    """Neither of its ends counts: the one of a type that Xero does not have is Unknown, the others are Nothing."""
    effects = []
    for records, rows in offices:
        for transfer in records["BankTransfers"]:
            for end in ("From", "To"):
                (row,) = rows[transfer[f"{end}BankTransactionID"]]
                effects.append((row["Effect"], row["DocumentType"]))
    assert len(effects) > 10
    assert {effect for effect, _ in effects} <= {"Nothing", "Unknown"}
    assert [type_ for effect, type_ in effects if effect == "Unknown"] == ["RECEIVE-SWEEP"]


def test_every_document_of_the_books_has_one_effect(offices: Offices) -> None:
    """All its lines have the same, and Unknown only those with a type or status that was planted."""
    planted = {
        "RECEIVE-SWEEP",
        "AWAITINGRELEASE",
        "DISPUTED",
        "FULLYAPPLIED",
        "PARTIALLYAPPLIED",
        "PARTIALLYBILLED",
    }
    seen = set()
    for _, rows in offices:
        for lines_ in rows.values():
            (effect,) = {row["Effect"] for row in lines_}
            seen.add(effect)
            assert (effect == "Unknown") == bool(
                {lines_[0]["DocumentType"], lines_[0]["DocumentStatus"]} & planted
            )
    assert seen == {"Posted", "Advance", "Draft", "Commitment", "Nothing", "Unknown"}
