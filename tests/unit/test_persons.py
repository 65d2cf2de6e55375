"""What of Xero's records tells of a contact's person, and how they look without it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.xero import persons
from shared.xero.persons import FORGOTTEN, masked, mentions, pattern, words

SPECS = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "xero_accounting.yaml"
CONTACT = "00000002-0000-4000-8000-000000000006"
OTHER = "00000003-0000-4000-8000-000000000006"
STUB = {"ContactID": CONTACT.upper(), "Name": "Zoë Quattlebaum", "EmailAddress": "z@q.example", "Phones": []}
INVOICE: dict[str, Any] = {
    "InvoiceID": "i",
    "InvoiceNumber": "INV-1",
    "Reference": "for Zoë",
    "Url": "https://q.example/zoe",
    "Total": 100,
    "Status": "PAID",
    "Contact": STUB,
    "LineItems": [
        {
            "Description": "Hair of Zoë",
            "LineAmount": 100,
            "AccountCode": "200",
            "Tracking": [{"Option": "North"}],
        }
    ],
    "Payments": [{"PaymentID": "p", "Amount": 100, "Reference": "thanks"}],
}


def test_a_document_keeps_its_figures() -> None:
    """Its texts and her name go; ids, numbers, amounts, codes and tracking are as they were."""
    assert masked("Invoices", INVOICE, {CONTACT}) == {
        "InvoiceID": "i",
        "InvoiceNumber": "INV-1",
        "Total": 100,
        "Status": "PAID",
        "Contact": {"ContactID": CONTACT.upper(), "Name": FORGOTTEN},
        "LineItems": [{"LineAmount": 100, "AccountCode": "200", "Tracking": [{"Option": "North"}]}],
        "Payments": [{"PaymentID": "p", "Amount": 100}],
    }


def test_a_contact_keeps_what_it_is() -> None:
    """Everything but a few named fields goes, also what nobody knows yet."""
    record = STUB | {
        "IsCustomer": True,
        "Balances": {"AccountsReceivable": {"Outstanding": 5}},
        "ShoeSize": 39,
    }
    assert masked("Contacts", record, {CONTACT}) == {
        "ContactID": CONTACT.upper(),
        "Name": FORGOTTEN,
        "IsCustomer": True,
        "Balances": {"AccountsReceivable": {"Outstanding": 5}},
    }


@pytest.mark.parametrize(("resource", "record"), [("Invoices", INVOICE), ("Contacts", STUB)])
def test_once_is_enough(resource: str, record: dict[str, Any]) -> None:
    """What was masked is the same object when it is masked again, so that nothing is written twice."""
    without = masked(resource, record, {CONTACT})
    assert masked(resource, without, {CONTACT}) is without
    assert mentions(resource, without, {CONTACT})


@pytest.mark.parametrize("contacts", [set(), {OTHER}])
def test_of_others_nothing_changes(contacts: set[str]) -> None:
    """A record that names none of the contacts is the same object."""
    for resource, record in (
        ("Invoices", INVOICE),
        ("Contacts", STUB),
        ("Items", {"Contact": 1, "Name": "x"}),
    ):
        assert masked(resource, record, contacts) is record
        assert words(resource, record, contacts) == set()


def test_a_payment_is_hers_by_its_invoice() -> None:
    """The contact stands in what was paid; the payment's own texts are about her, too."""
    payment = {
        "Amount": 5,
        "Reference": "from Zoë",
        "Invoice": {"InvoiceNumber": "zoë quattlebaum 3", "Contact": STUB},
    }
    assert masked("Payments", payment, {CONTACT}) == {
        "Amount": 5,
        "Invoice": {"InvoiceNumber": FORGOTTEN, "Contact": {"ContactID": CONTACT.upper(), "Name": FORGOTTEN}},
    }


@pytest.mark.parametrize(
    "odd", [None, [], "text", 5, {"Contact": []}, {"Contact": {"ContactID": 5}}, {"Contact": None}]
)
def test_odd_records(odd: Any) -> None:
    """Whatever Xero writes where a contact belongs breaks nothing."""
    assert not mentions("Invoices", odd, {CONTACT})
    assert not mentions("Contacts", odd, {CONTACT})


def test_words_to_look_for() -> None:
    """Names, addresses and numbers of persons are found in other texts as words; groups, types and cities are not."""
    record = STUB | {
        "ContactGroups": [{"Name": "Good customers"}],
        "Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "55512987"}],
        "Addresses": [{"City": "Sydney", "AddressLine1": "7 Lane"}],
        "ContactPersons": [{"FirstName": "Al", "LastName": "王伟"}],
    }
    found = words("Contacts", record, {CONTACT})
    assert found == {"Zoë Quattlebaum", "z@q.example", "55512987", "7 Lane", "王伟"}
    looked_for = pattern(found)
    assert looked_for is not None
    for text in ("contact ZOË QUATTLEBAUM is archived", "call 55512987!", "客户王伟先生", "(z@q.example)"):
        assert looked_for.search(text)
    for text in ("call 155512987", "17 Lane Street", "customers in Sydney"):
        assert not looked_for.search(text)
    assert pattern([]) is None


# What a document says in texts that nobody writes as she likes.
CODES = {
    "CurrencyCode",
    "LineAmountTypes",
    "UpdatedDateUTCString",
    "AccountCode",
    "ItemCode",
    "TaxType",
    "Code",
}


@pytest.mark.parametrize(
    "schema",
    [
        *(
            "Invoice",
            "CreditNote",
            "Payment",
            "BankTransaction",
            "PurchaseOrder",
            "Overpayment",
            "Prepayment",
        ),
        *("LineItem", "Allocation"),
    ],
)
def test_every_text_of_xeros_file_is_judged(schema: str) -> None:
    """A field that Xero's file calls a text is known to be free, a number that people write, or a code."""
    if not SPECS.exists():
        pytest.skip("Xero's OpenAPI file lies beside the repository only")
    with SPECS.open(encoding="utf-8") as file:
        found = yaml.load(file, yaml.CBaseLoader)["components"]["schemas"][schema]["properties"]
    texts = {
        name
        for name, declared in found.items()
        if declared.get("type") == "string"
        and not declared.get("enum")
        and declared.get("format") != "uuid"
        and not any(key.startswith("x-is-msdate") for key in declared)
    }
    assert texts - persons.FREE_TEXTS - persons.NUMBERS - CODES == set()
