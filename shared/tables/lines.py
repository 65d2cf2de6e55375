"""Lines: one row a line of a document, and one marker row for a document that has none (any more).

All rows of a document's version carry its RowVersion, so that the current lines are those of the document's highest one.
Line ids do not serve as keys: Xero makes new ones when a client updates without them.
"""

from decimal import Decimal
from typing import Any

from shared.errors import BadRecord
from shared.tables.table import (
    TENANT,
    Source,
    Table,
    amount,
    cut,
    day,
    derived,
    in_base,
    key,
    of_document,
    rounded,
    text,
    unique,
)
from shared.xero import wire

# Where a document's id stands, and what kind it is, by the resource that holds it.
KINDS = {"InvoiceID": "Invoice"}


def _rows(source: Source) -> list[Source]:
    lines = source.at("LineItems")
    lines = [] if lines is None else lines
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise BadRecord("LineItems is no list of lines", field="LineItems")
    numbered: list[tuple[int, dict[str, Any]]] = list(enumerate(lines, 1)) or [(0, {})]
    return [
        Source(
            tenant_id=source.tenant_id,
            base_currency=source.base_currency,
            record=line,
            document=source.record,
            number=number,
        )
        for number, line in numbered
    ]


def _id_field(source: Source) -> str:
    found = next((field for field in KINDS if source.document.get(field)), None)
    if found is None:
        raise BadRecord(f"the document has no {' or '.join(KINDS)}", field=next(iter(KINDS)))
    return found


def _document_id(source: Source) -> str | None:
    field = _id_field(source)
    return wire.text(source.document[field], field)


def _document_key(source: Source) -> str | None:
    return unique(source.tenant_id, _document_id(source), _id_field(source))


def _net(source: Source) -> Decimal | None:
    line_amount = wire.number(source.at("LineAmount"), "LineAmount")
    amounts_are = wire.text(source.document.get("LineAmountTypes"), "LineAmountTypes") or ""
    if line_amount is None or amounts_are.lower() != "inclusive":
        return line_amount
    return line_amount - (wire.number(source.at("TaxAmount"), "TaxAmount") or 0)


def _tracking(name: str, means: str, slot: int, field: str) -> Any:
    def value(source: Source) -> str | None:
        options = source.at("Tracking")
        options = [] if options is None else options
        if not isinstance(options, list) or not all(isinstance(option, dict) for option in options):
            raise BadRecord("Tracking is no list of options", field="Tracking")
        return cut(wire.text(options[slot].get(field), f"Tracking.{field}")) if len(options) > slot else None

    return derived(name, "String", means, value)


LINES = Table(
    name="Lines",
    means="The lines of documents. A document without lines has one row with IsMarker.",
    resources=("Invoices",),
    version_key="DocumentKey",
    rows=_rows,
    columns=(
        TENANT,
        derived("DocumentKey", "String", "The document, unique over organisations.", _document_key),
        derived(
            "LineKey",
            "String",
            "The line, unique over organisations.",
            lambda source: f"{_document_key(source)}|{source.number}",
        ),
        derived("DocumentKind", "String", "Invoice.", lambda source: KINDS[_id_field(source)]),
        derived("DocumentID", "String", "Xero's id of the document.", _document_id),
        of_document(text("DocumentType", "The document's Type.", "Type")),
        of_document(text("DocumentStatus", "The document's Status.", "Status")),
        of_document(day("DocumentDate", "The document's date.", "Date")),
        of_document(
            key("ContactKey", "The document's contact, unique over organisations.", "Contact.ContactID")
        ),
        of_document(text("CurrencyCode", "The document's currency.")),
        derived(
            "LineNumber",
            "Int64",
            "The line's place in the document, from 1; 0 on a marker.",
            lambda source: source.number,
        ),
        derived(
            "IsMarker",
            "Boolean",
            "True on the one row of a document without lines.",
            lambda source: source.number == 0,
        ),
        text("LineItemID", "Xero's id of the line; may change with each edit."),
        text("Description", "What was sold or bought."),
        amount("Quantity", "How many."),
        amount("UnitAmount", "Price of one."),
        text("ItemCode", "The item's code."),
        text("AccountCode", "The account's code."),
        text("AccountID", "Xero's id of the account, where the line has it."),
        text("TaxType", "The tax type."),
        amount("TaxAmount", "The line's tax."),
        amount("LineAmount", "The line's amount as Xero has it: with tax when LineAmountTypes is Inclusive."),
        derived(
            "NetAmount",
            "Decimal",
            "The line's amount without tax.",
            lambda source: rounded(_net(source), "LineAmount"),
        ),
        derived(
            "NetAmountBase",
            "Decimal",
            "NetAmount in base currency.",
            lambda source: in_base(_net(source), source, source.document, "LineAmount"),
        ),
        derived(
            "TaxAmountBase",
            "Decimal",
            "TaxAmount in base currency.",
            lambda source: in_base(
                wire.number(source.at("TaxAmount"), "TaxAmount"), source, source.document, "TaxAmount"
            ),
        ),
        amount("DiscountRate", "Discount in percent."),
        amount("DiscountAmount", "Discount as an amount."),
        _tracking("Tracking1CategoryID", "The first tracking category's id.", 0, "TrackingCategoryID"),
        _tracking("Tracking1Category", "The first tracking category.", 0, "Name"),
        _tracking("Tracking1Option", "The option of the first tracking category.", 0, "Option"),
        _tracking("Tracking2CategoryID", "The second tracking category's id.", 1, "TrackingCategoryID"),
        _tracking("Tracking2Category", "The second tracking category.", 1, "Name"),
        _tracking("Tracking2Option", "The option of the second tracking category.", 1, "Option"),
    ),
)
