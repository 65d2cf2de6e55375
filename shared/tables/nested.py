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
from shared.tables.table import Column, Source, at, cut, derived, key, of_document, text, unique
from shared.xero import wire


def numbered(source: Source, path: str) -> list[Source]:
    """A source for each element of the list at a path, from 1; for none, one with number 0. Raises BadRecord."""
    elements = _objects(source.at(path), path)
    return [
        replace(source, record=element, number=number)
        for number, element in list(enumerate(elements, 1)) or [(0, {})]
    ]


def _objects(found: Any, path: str) -> list[dict[str, Any]]:
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
    """The two tracking categories that a line can have, and its option of each."""

    def column(name: str, means: str, slot: int, field: str) -> Column:
        def value(source: Source) -> str | None:
            options = _objects(source.at(path), path)
            return (
                cut(wire.text(options[slot].get(field), f"{path}.{field}")) if len(options) > slot else None
            )

        return derived(name, "String", means, value)

    return tuple(
        column(name.format(slot + 1), means.format(which), slot, field)
        for slot, which in enumerate(("first", "second"))
        for name, means, field in (
            ("Tracking{}CategoryID", "The {} tracking category's id.", "TrackingCategoryID"),
            ("Tracking{}Category", "The {} tracking category.", "Name"),
            ("Tracking{}Option", "The option of the {} tracking category.", "Option"),
        )
    )
