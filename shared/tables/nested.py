"""Rows of what stands inside a record: lines, allocations, options. One row an element, or one marker row for none.

All rows of a record's version carry its RowVersion, so that the current ones are those of the record's highest version;
the marker is there so that a record which has none (any more) has a row of that version too. Elements are numbered by
their place: Xero's ids of them are missing at times, and new ones are made when a client updates without them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.errors import BadRecord
from shared.tables.documents import KINDS
from shared.tables.lists import SLOTS, UNASSIGNED
from shared.tables.table import Column, Source, at, cut, derived, key, of_document, text, unique
from shared.xero import wire


def numbered(source: Source, path: str) -> list[Source]:
    """A source for each element of the list at a path, from 1; for none, one with number 0. Raises BadRecord."""
    elements = objects(source.at(path), path)
    return [
        replace(source, record=element, number=number)
        for number, element in list(enumerate(elements, 1)) or [(0, {})]
    ]


def objects(found: Any, path: str) -> list[dict[str, Any]]:
    """A list of objects, empty where Xero left it out. Raises BadRecord."""
    found = [] if found is None else found
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadRecord(f"{path} is no list of objects", field=path)
    return found


def record_key(source: Source, field: str) -> str:
    """The key of the record that a row stands in. Raises BadRecord for a record without id: its rows need one."""
    found = unique(source.tenant_id, wire.text(at(source.document, field), field), field)
    if found is None:
        raise BadRecord(f"the record has no {field}", field=field)
    return found


def element_key(name: str, means: str, key_of: Callable[[Source], str]) -> Column:
    """The record's key and the element's number."""
    return derived(name, "String", means, lambda source: f"{key_of(source)}|{source.number}")


def place(name: str, means: str) -> Column:
    """The element's number."""
    return derived(name, "Int64", means, lambda source: source.number)


def marker(means: str) -> Column:
    """Whether the row only says that there is no element."""
    return derived("IsMarker", "Boolean", means, lambda source: source.number == 0)


def document_id_field(source: Source) -> str:
    """Where a document's id stands. The resource says it: a bank transaction may have a PrepaymentID too."""
    return f"{KINDS[source.resource]}ID"


def document_key(source: Source) -> str:
    """The key of the document that a row stands in. Raises BadRecord for a document without id."""
    return record_key(source, document_id_field(source))


DOCUMENT_KEY = derived("DocumentKey", "String", "The document, unique over organisations.", document_key)
# The document that an element stands in, by columns that every kind of document has.
DOCUMENT = (
    derived(
        "DocumentKind",
        "String",
        "Which kind of document: Invoice, CreditNote, Prepayment and so on.",
        lambda source: KINDS[source.resource],
    ),
    derived(
        "DocumentID",
        "String",
        "Xero's id of the document.",
        lambda source: wire.text(source.document.get(document_id_field(source)), document_id_field(source)),
    ),
    of_document(text("DocumentType", "The document's Type.", "Type")),
    of_document(text("DocumentStatus", "The document's Status.", "Status")),
)
DOCUMENT_CONTACT = of_document(
    key("ContactKey", "The document's contact, unique over organisations.", "Contact.ContactID")
)
DOCUMENT_CURRENCY = of_document(text("CurrencyCode", "The document's currency."))


def tracking(path: str) -> tuple[Column, ...]:
    """The tracking categories of a line and its option of each: a category stands in the same columns on every line."""

    def column(name: str, means: str, slot: int, value_of: Callable[[Source, int], str | None]) -> Column:
        return derived(name, "String", means, lambda source: value_of(source, slot), uses="tracking")

    def category_id(source: Source, slot: int) -> str | None:
        found = _tracked(source, path, slot)
        return None if found is None else (wire.text(found[1].get("TrackingCategoryID"), path) or found[0])

    def category(source: Source, slot: int) -> str | None:
        found = _tracked(source, path, slot)
        if found is None:
            return None
        return cut(source.lists.categories.get(found[0]) or wire.text(found[1].get("Name"), f"{path}.Name"))

    def option(source: Source, slot: int) -> str | None:
        found = _tracked(source, path, slot)
        if found is None:
            return UNASSIGNED if source.number else None
        return cut(wire.text(found[1].get("Option"), f"{path}.Option"))

    return tuple(
        column(name.format(slot), means.format(slot), slot, value_of)
        for slot in range(1, SLOTS + 1)
        for name, means, value_of in (
            (
                "Tracking{}CategoryID",
                "Xero's id of the tracking category of slot {}, on a line that has an option of it. A category has one"
                " slot for ever: see TrackingCategories[Slot].",
                category_id,
            ),
            ("Tracking{}Category", "That category's name as it is now.", category),
            (
                "Tracking{}Option",
                f"The line's option of the category of slot {{}}; {UNASSIGNED} where it has none.",
                option,
            ),
        )
    )


def _tracked(source: Source, path: str, slot: int) -> tuple[str, dict[str, Any]] | None:
    """The line's option in a slot, and its category's id in lower case. Without an id, the name says the category."""
    for found in objects(source.at(path), path):
        given = wire.text(found.get("TrackingCategoryID"), f"{path}.TrackingCategoryID")
        category = given or source.lists.category_named(wire.text(found.get("Name"), f"{path}.Name")) or ""
        if source.lists.slots.get(category.lower()) == slot:
            return category.lower(), found
    return None
