"""Lines: one row a line of a document, and one marker row for a document that has none (any more)."""

from decimal import Decimal

from shared.tables import effects
from shared.tables.documents import KINDS
from shared.tables.lists import TaxRate
from shared.tables.nested import (
    DOCUMENT,
    DOCUMENT_CONTACT,
    DOCUMENT_CURRENCY,
    DOCUMENT_KEY,
    document_key,
    element_key,
    marker,
    numbered,
    place,
    tracking,
)
from shared.tables.table import (
    TENANT,
    Source,
    Table,
    amount,
    base_amount,
    cut,
    day,
    derived,
    in_base,
    key,
    of_document,
    rounded,
    text,
)
from shared.xero import wire

NO_TAX_RATE = TaxRate(None, None)


def _rows(source: Source) -> list[Source]:
    return numbered(source, "JournalLines" if source.resource == "ManualJournals" else "LineItems")


def _net(source: Source) -> Decimal | None:
    line_amount = wire.number(source.at("LineAmount"), "LineAmount")
    amounts_are = wire.text(source.document.get("LineAmountTypes"), "LineAmountTypes") or ""
    if line_amount is None or amounts_are.lower() != "inclusive":
        return line_amount
    return line_amount - (wire.number(source.at("TaxAmount"), "TaxAmount") or 0)


def _net_base(source: Source) -> Decimal | None:
    return in_base(_net(source), source, source.document, "LineAmount")


def _ledger_amount(source: Source) -> Decimal | None:
    return effects.ledger_amount(KINDS[source.resource], _of_document(source, "Type"), _net_base(source))


def _effect(source: Source) -> str:
    kind, type_, status = KINDS[source.resource], _of_document(source, "Type"), _of_document(source, "Status")
    return effects.effect(kind, type_, status, source.document)


def _of_document(source: Source, field: str) -> str | None:
    return wire.text(source.document.get(field), field)


def _tax_rate(source: Source) -> TaxRate:
    return source.lists.tax_rates.get(wire.text(source.at("TaxType"), "TaxType") or "", NO_TAX_RATE)


LINES = Table(
    name="Lines",
    means="The lines of documents. A document without lines has one row with IsMarker.",
    resources=tuple(KINDS),
    version_key="DocumentKey",
    rows=_rows,
    columns=(
        TENANT,
        DOCUMENT_KEY,
        element_key("LineKey", "The line, unique over organisations.", document_key),
        *DOCUMENT,
        of_document(day("DocumentDate", "The document's date.", "Date")),
        DOCUMENT_CONTACT,
        DOCUMENT_CURRENCY,
        derived(
            "Effect",
            "String",
            "What the document's lines count for. Posted: profit and balances, by their account. Advance: a prepayment"
            " or overpayment, balances only, since what it pays for is in an invoice. Draft: not approved yet (DRAFT or"
            " SUBMITTED). Commitment: ordered and approved, not billed. Nothing: voided, deleted, archived, a billed"
            " order, or money that another document counts. Unknown: a type or status that Xero is not known to have;"
            " it counts for nothing until somebody looks.",
            _effect,
        ),
        place("LineNumber", "The line's place in the document, from 1; 0 on a marker."),
        marker("True on the one row of a document without lines."),
        text(
            "LineItemID",
            "Xero's id of the line; may change with each edit. Manual journals' lines have none.",
        ),
        text("Description", "What was sold or bought, or why an amount is in a manual journal."),
        amount("Quantity", "How many."),
        amount("UnitAmount", "Price of one."),
        text("ItemCode", "The item's code."),
        text("ItemID", "Xero's id of the item, where the line has it.", "Item.ItemID"),
        text("ItemName", "The item's name, where the line has it.", "Item.Name"),
        text("AccountCode", "The account's code."),
        key(
            "AccountCodeKey",
            "The account by its code, unique over organisations: Accounts[CodeKey], which every line with an account has.",
            "AccountCode",
        ),
        text("AccountID", "Xero's id of the account, where the line has it."),
        key("AccountKey", "The account, unique over organisations, where the line has its id.", "AccountID"),
        text("TaxType", "The tax type."),
        derived(
            "TaxName",
            "String",
            "The tax rate's name as it is now in TaxRates.",
            lambda source: cut(_tax_rate(source).name),
            uses="tax rates",
        ),
        derived(
            "TaxRate",
            "Decimal",
            "The tax rate in percent as it is now in TaxRates; TaxAmount is what the line was taxed.",
            lambda source: rounded(_tax_rate(source).percent, "TaxRate"),
            uses="tax rates",
        ),
        amount("TaxAmount", "The line's tax."),
        amount(
            "LineAmount",
            "The line's amount as Xero has it: with tax when LineAmountTypes is Inclusive; in a manual journal,"
            " debits are positive and credits negative.",
        ),
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
            _net_base,
        ),
        derived(
            "LedgerAmountBase",
            "Decimal",
            "NetAmountBase as the line's account has it: debit positive, credit negative. Sales invoices and money"
            " received are credits, bills and money spent are debits, credit notes the other way round, manual journals"
            " as they were entered. Empty for purchase orders and for unknown types. It is there for drafts and voided"
            " documents too: Effect says what counts.",
            _ledger_amount,
        ),
        base_amount("TaxAmountBase", "TaxAmount in base currency.", "TaxAmount"),
        amount("DiscountRate", "Discount in percent."),
        amount("DiscountAmount", "Discount as an amount."),
        *tracking("Tracking"),
    ),
)
