"""What of Xero's records tells of a contact's person, and how a record looks without it. No I/O.

A contact keeps its id, what it is (customer, supplier, archived) and its balances; everything else goes, also what Xero may
add later. A document of the contact keeps its id, number, dates and amounts; its free texts go, since nobody can judge them.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

FORGOTTEN = "Forgotten contact"
# What stands in place of a text that told of a person.
REMOVED = "(removed: it told of a forgotten contact)"
# Of a contact, or of its stub in a document.
KEPT = frozenset(
    {
        *("ContactID", "ContactStatus", "IsSupplier", "IsCustomer", "DefaultCurrency", "Balances"),
        *("MergedToContactID", "HasAttachments", "UpdatedDateUTC", "UpdatedDateUTCString"),
    }
)
# Of its documents, at any depth (string fields of Xero's OpenAPI file 16.1.0 that a person writes as she likes).
FREE_TEXTS = frozenset(
    {
        *("Reference", "Description", "Url", "Narration", "Narrative", "Details", "Particulars"),
        *("AttentionTo", "Telephone", "DeliveryAddress", "DeliveryInstructions", "InvoiceAddresses"),
        *("BankAccountNumber", "StatusAttributeString", "ValidationErrors", "Warnings", "Attachments"),
    }
)
# Numbers that people write themselves; a supplier's may be her name.
NUMBERS = frozenset({"InvoiceNumber", "CreditNoteNumber", "PurchaseOrderNumber"})
# The resources whose records name a contact.
RESOURCES = (
    *("Contacts", "Invoices", "CreditNotes", "Prepayments", "Overpayments", "BankTransactions"),
    *("PurchaseOrders", "Payments"),
)
# What tells of a person wherever it stands; a city or a tax type does not.
_WORDS = frozenset(
    {
        *("Name", "FirstName", "LastName", "EmailAddress", "TaxNumber", "CompanyNumber", "ContactNumber"),
        *("AccountNumber", "BankAccountDetails", "BankAccountNumber", "BankAccountName", "SkypeUserName"),
        *("Website", "PhoneNumber", "AddressLine1", "AddressLine2", "AddressLine3", "AddressLine4"),
        *("AttentionTo", "Details"),
    }
)
# Of a contact, but not about it.
_LISTS = frozenset(
    {"ContactGroups", "SalesTrackingCategories", "PurchasesTrackingCategories", "BrandingTheme"}
)
_SHORTEST = 3


def mentions(resource: str, record: Any, contacts: Collection[str]) -> bool:
    """Whether a record is one of these contacts, or names one. contacts: their ids, in lower case."""
    return next(_of(resource, record, contacts), None) is not None


def masked(resource: str, record: dict[str, Any], contacts: Collection[str]) -> dict[str, Any]:
    """The record without what tells of these contacts; itself when it names none of them, or nothing of them."""
    found = list(_of(resource, record, contacts))
    if not found:
        return record
    if found[0] is record:
        kept = _contact(record)
        return record if kept == record else kept
    names = [name for each in found if isinstance(name := each.get("Name"), str) and name != FORGOTTEN]
    without: dict[str, Any] = _document(record, contacts, [name.casefold() for name in names if name])
    return record if without == record else without


def words(resource: str, record: Any, contacts: Collection[str]) -> set[str]:
    """The texts in a record that tell of these contacts, to look for them elsewhere."""
    found: set[str] = set()
    for contact in _of(resource, record, contacts):
        found |= {text.strip() for text in _texts(contact)}
    return {each for each in found if len(each) >= _SHORTEST or not each.isascii()} - {FORGOTTEN}


def pattern(found: Iterable[str]) -> re.Pattern[str] | None:
    """What finds any of these texts in another, those of English letters as words of their own; None for no text."""
    each = sorted(filter(None, found), key=len, reverse=True)
    alone = [
        rf"(?<![^\W_]){re.escape(text)}(?![^\W_])" if text.isascii() else re.escape(text) for text in each
    ]
    return re.compile("|".join(alone), re.IGNORECASE) if alone else None


def _of(resource: str, record: Any, contacts: Collection[str]) -> Iterator[dict[str, Any]]:
    """Each of these contacts in a record, whole or a stub."""
    if resource == "Contacts" and _is_one(record, contacts):
        yield record
        return
    holders: list[Any] = [record]
    while holders:
        holder = holders.pop()
        if isinstance(holder, list):
            holders += holder
        elif isinstance(holder, dict):
            for name, value in holder.items():
                if name == "Contact" and _is_one(value, contacts):
                    yield value
                else:
                    holders.append(value)


def _is_one(found: Any, contacts: Collection[str]) -> bool:
    return (
        isinstance(found, dict)
        and isinstance(given := found.get("ContactID"), str)
        and given.lower() in contacts
    )


def _contact(record: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in record.items() if name in KEPT}
    return kept | {"Name": FORGOTTEN}


def _document(value: Any, contacts: Collection[str], names: list[str]) -> Any:
    if isinstance(value, list):
        return [_document(each, contacts, names) for each in value]
    if not isinstance(value, dict):
        return value
    kept: dict[str, Any] = {}
    for name, each in value.items():
        if name == "Contact" and _is_one(each, contacts):
            kept[name] = _contact(each)
        elif name in NUMBERS and isinstance(each, str) and any(told in each.casefold() for told in names):
            kept[name] = FORGOTTEN
        elif name not in FREE_TEXTS:
            kept[name] = _document(each, contacts, names)
    return kept


def _texts(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for inner, each in value.items():
            if inner not in _LISTS:
                yield from _texts(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, name)
    elif isinstance(value, str) and name in _WORDS:
        yield value
