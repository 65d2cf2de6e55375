"""The Xero stand-in beside Xero's own recorded answers and the field lists of its OpenAPI file."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from local.recorded import load_folder
from local.xero.fields import FIELDS
from local.xero.resources import RESOURCES
from local.xero.wire import Record, decode, parse_date
from tests.contract.xero_bench import ACCOUNT, TENANT, Bench
from tests.support.recordings import INVOICES, ORGANISATION, SHARED, STUBS, needs_recordings, recorded

FIELD_LISTS = SHARED / "specs" / "xero-field-lists.txt"
ENTITIES = {"Invoices": "Invoice", "Payments": "Payment", "Organisation": "Organisation"}

pytestmark = needs_recordings


def body_of(cassette: str) -> bytes:
    return recorded(cassette).body


@pytest.fixture
def loaded() -> Iterator[Bench]:
    """The recorded demo company."""
    with Bench() as bench:
        invoices, organisations = (decode(body_of(cassette)) for cassette in (INVOICES, ORGANISATION))
        bench.load(
            Invoices=invoices["Invoices"],
            Organisation=organisations["Organisations"],
            Accounts=[{"AccountID": ACCOUNT, "Code": "090"}],
        )
        bench.connect()
        yield bench


def without_head(body: bytes) -> bytes:
    """The rows of a body: the fields before them differ in each answer."""
    return body[re.search(rb'  "(Invoices|Organisations)": \[', body).start() :]  # type: ignore[union-attr]


def test_the_recorded_organisation_is_answered_byte_for_byte(loaded: Bench) -> None:
    """Loaded with what Xero once answered, the stand-in answers the same bytes."""
    assert without_head(loaded.get("Organisation").content) == without_head(body_of(ORGANISATION))


def test_recorded_invoices_are_answered_byte_for_byte(loaded: Bench) -> None:
    """Each of the 79 recorded invoices comes back in the same bytes, and in the recorded order but for one pair.

    That pair has the same stamp to the millisecond; Xero documents the id to decide, the recording shows otherwise.
    """
    expected, answer = (
        without_head(body).removesuffix(b"\r\n    }\r\n  ]\r\n}").split(b"\r\n    },\r\n    {\r\n")
        for body in (body_of(INVOICES), loaded.get("Invoices", {"page": 1}).content)
    )
    moved = [
        place for place, (theirs, ours) in enumerate(zip(expected, answer, strict=True)) if theirs != ours
    ]
    assert len(expected) == 79
    assert [expected[place] for place in moved] == [answer[place] for place in reversed(moved)]
    stamps = {re.findall(rb'"UpdatedDateUTC": "(.*?)"', expected[place])[-1] for place in moved}
    assert (len(moved), len(stamps)) == (2, 1)


def test_the_head_of_a_body_is_as_recorded(loaded: Bench) -> None:
    """The envelope has the recorded fields in the recorded form; `pagination` came in 2024."""
    numbers = rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=Date\()\d+|(?<=ProviderName\": \")[^\"]+"
    heads = [
        re.sub(numbers, b"#", body[: -len(without_head(body))])
        for body in (body_of(ORGANISATION), loaded.get("Organisation").content)
    ]
    assert heads[0] == heads[1]


def test_a_recorded_folder_is_answered_whole() -> None:
    """Loaded with the books of a folder of recordings, the stand-in lists every record of them, digit for digit."""
    books = load_folder(STUBS).books
    with Bench() as bench:
        bench.sim("load", {**books, "tenant_id": TENANT})
        bench.connect()
        documents = ("Invoices", "CreditNotes", "Payments", "ManualJournals")
        for name in (*documents, "Contacts", "Accounts", "TaxRates"):
            key, listed = RESOURCES[name].key, bench.rows(name, {"page": 1, "pageSize": 1000})
            expected = sorted(books["resources"][name], key=lambda row: row[key])
            assert repr(sorted(listed, key=lambda row: row[key])) == repr(expected)


def kinds() -> dict[str, dict[str, str]]:
    """Entity -> field -> kind, from the lists `Field : kind | description`."""
    entities: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    for line in FIELD_LISTS.read_text(encoding="utf-8").splitlines():
        if title := re.match(r"## (\w+) \(", line):
            fields = entities.setdefault(title[1], {})
        elif entry := re.match(r"   (\w+) : ([^|]*)\|", line):
            fields[entry[1]] = entry[2].strip()
    return entities


def misfits(row: Record, fields: dict[str, str]) -> list[str]:
    """The fields of a row that the lists do not have or have of another kind."""
    return [name for name, value in row.items() if name not in fields or not _fits(value, fields[name])]


def _fits(value: Any, kind: str) -> bool:
    if kind.startswith("string"):
        return isinstance(value, str) and (("x-is-msdate" not in kind) or parse_date(value) is not None)
    if kind.startswith("number"):
        return isinstance(value, int | Decimal)
    if kind.startswith("boolean"):
        return isinstance(value, bool)
    if kind.startswith("integer"):
        return isinstance(value, int)
    if kind.startswith("array"):
        return isinstance(value, list)
    return isinstance(value, str | dict)


def test_rows_have_the_fields_of_the_openapi_file(loaded: Bench) -> None:
    """Recorded rows and the documents that the stand-in makes itself have declared fields of the declared kinds,
    but for those that Xero answers without declaring them."""
    undeclared = {"DateString", "DueDateString", "HasAccount", "HasValidationErrors"}
    (open_invoice, *_) = (
        row for row in loaded.rows("Invoices", {"page": 1, "Statuses": "AUTHORISED"}) if row["AmountDue"] > 1
    )
    pay = {"tenant_id": TENANT, "invoice_id": open_invoice["InvoiceID"], "account_id": ACCOUNT}
    loaded.sim("pay", {**pay, "amount": open_invoice["AmountDue"]})
    declared = kinds()
    for path, entity in ENTITIES.items():
        rows = loaded.rows(path, {"page": 1})
        assert rows
        for row in rows:
            assert set(misfits(row, declared[entity])) <= undeclared
    (payment,) = loaded.rows("Payments")
    assert misfits(payment["Invoice"], declared["Invoice"]) == []


def test_the_field_names_are_the_openapi_files() -> None:
    """The names that `where` and `order` accept are the declared ones."""
    declared = kinds()
    for resource, entity in {
        **ENTITIES,
        "Contacts": "Contact",
        "Accounts": "Account",
        "Items": "Item",
    }.items():
        assert FIELDS[resource] == set(declared[entity])
