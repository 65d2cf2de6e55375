"""The rows of what stands inside a record: its lines, its allocations, its options. One row an element.

A record without elements has one marker row: the record's own columns, number 0, no element.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from local.expected.effects import effect_of, ledger_amount
from local.expected.lists import NOTHING, SLOTS, Lists, category_of, slot_of, tax_of
from local.expected.values import (
    Record,
    Row,
    amount,
    converted,
    day,
    elements,
    inside,
    instant,
    key_of,
    number,
    rate_of,
    text,
    truth,
    whole,
)


def numbered(record: Record, name: str) -> Iterator[tuple[int, Record]]:
    """The elements of a nested list, each with its place from 1; for the marker, 0 and nothing."""
    found = elements(record, name)
    yield from enumerate(found or [{}], start=1 if found else 0)


def tracked(line: Record, name: str, at: int, lists: Lists) -> Row:
    """Each slot's category and the line's option of it. Of a marker there is nothing to be unassigned."""
    row: Row = {}
    for slot in SLOTS:
        option: Record = {}
        category = ""
        for each in elements(line, name):
            category = category_of(each, lists)
            if slot_of(category, lists) == slot:
                option = each
                break
        known = lists.categories.get(category.lower(), {}) if option else {}
        row |= {
            f"Tracking{slot}CategoryID": category if option else None,
            f"Tracking{slot}Category": text(known.get("Name") or option.get("Name")),
            f"Tracking{slot}Option": text(option.get("Option")) if option or at == 0 else "Unassigned",
        }
    return row


@dataclass(frozen=True)
class Lines:
    """The lines of one kind of document, which is known from the list that the document stands in."""

    kind: str
    id_field: str
    lines: str = "LineItems"

    def __call__(self, record: Record, tenant: str, base: str | None, lists: Lists = NOTHING) -> list[Row]:
        rate = rate_of(record, record.get("CurrencyCode"), base)
        inclusive = str(record.get("LineAmountTypes")).lower() == "inclusive"
        document: Row = {
            "TenantID": tenant,
            "DocumentKey": key_of(tenant, record.get(self.id_field)),
            "DocumentKind": self.kind,
            "DocumentID": text(record.get(self.id_field)),
            "DocumentType": text(record.get("Type")),
            "DocumentStatus": text(record.get("Status")),
            "DocumentDate": day(record, "Date"),
            "ContactKey": key_of(tenant, inside(record, "Contact").get("ContactID")),
            "CurrencyCode": text(record.get("CurrencyCode")),
            "Effect": effect_of(self.kind, record),
        }
        rows = []
        for at, line in numbered(record, self.lines):
            gross, tax = number(line.get("LineAmount")), number(line.get("TaxAmount"))
            net = gross - (tax or 0) if inclusive and gross is not None else gross
            item, taxed = inside(line, "Item"), tax_of(line, lists)
            rows.append(
                document
                | {
                    "LineKey": f"{document['DocumentKey']}|{at}",
                    "LineNumber": at,
                    "IsMarker": at == 0,
                    "LineItemID": text(line.get("LineItemID")),
                    "Description": text(line.get("Description")),
                    "Quantity": amount(number(line.get("Quantity"))),
                    "UnitAmount": amount(number(line.get("UnitAmount"))),
                    "ItemCode": text(line.get("ItemCode")),
                    "ItemID": text(item.get("ItemID")),
                    "ItemName": text(item.get("Name")),
                    "AccountCode": text(line.get("AccountCode")),
                    "AccountCodeKey": key_of(tenant, line.get("AccountCode")),
                    "AccountID": text(line.get("AccountID")),
                    "AccountKey": key_of(tenant, line.get("AccountID")),
                    "TaxType": text(line.get("TaxType")),
                    "TaxName": text(taxed["Name"]),
                    "TaxRate": amount(number(taxed["Rate"])),
                    "TaxAmount": amount(tax),
                    "LineAmount": amount(gross),
                    "NetAmount": amount(net),
                    "NetAmountBase": converted(net, rate),
                    "LedgerAmountBase": ledger_amount(self.kind, record, converted(net, rate)),
                    "TaxAmountBase": converted(tax, rate),
                    "DiscountRate": amount(number(line.get("DiscountRate"))),
                    "DiscountAmount": amount(number(line.get("DiscountAmount"))),
                    **tracked(line, "Tracking", at, lists),
                }
            )
        return rows


@dataclass(frozen=True)
class Allocations:
    """What one kind of document was set against."""

    kind: str
    id_field: str

    def __call__(self, record: Record, tenant: str, base: str | None) -> list[Row]:
        rate = rate_of(record, record.get("CurrencyCode"), base)
        document: Row = {
            "TenantID": tenant,
            "DocumentKey": key_of(tenant, record.get(self.id_field)),
            "DocumentKind": self.kind,
            "DocumentID": text(record.get(self.id_field)),
            "DocumentType": text(record.get("Type")),
            "DocumentStatus": text(record.get("Status")),
            "ContactKey": key_of(tenant, inside(record, "Contact").get("ContactID")),
            "CurrencyCode": text(record.get("CurrencyCode")),
        }
        rows = []
        for at, allocation in numbered(record, "Allocations"):
            invoice = inside(allocation, "Invoice")
            rows.append(
                document
                | {
                    "AllocationKey": f"{document['DocumentKey']}|{at}",
                    "AllocationNumber": at,
                    "IsMarker": at == 0,
                    "AllocationID": text(allocation.get("AllocationID")),
                    "Date": day(allocation, "Date"),
                    "Amount": amount(number(allocation.get("Amount"))),
                    "AmountBase": converted(number(allocation.get("Amount")), rate),
                    "InvoiceID": text(invoice.get("InvoiceID")),
                    "InvoiceKey": key_of(tenant, invoice.get("InvoiceID")),
                    "InvoiceNumber": text(invoice.get("InvoiceNumber")),
                    "IsAllocationDeleted": truth(allocation.get("IsDeleted")),
                }
            )
        return rows


def tracking_options(record: Record, tenant: str, _: str | None, lists: Lists = NOTHING) -> list[Row]:
    category_key = key_of(tenant, record.get("TrackingCategoryID"))
    return [
        {
            "TenantID": tenant,
            "TrackingCategoryKey": category_key,
            "TrackingOptionKey": f"{category_key}|{at}",
            "TrackingCategoryID": text(record.get("TrackingCategoryID")),
            "Category": text(record.get("Name")),
            "CategoryStatus": text(record.get("Status")),
            "Slot": slot_of(record.get("TrackingCategoryID"), lists),
            "OptionNumber": at,
            "IsMarker": at == 0,
            "TrackingOptionID": text(option.get("TrackingOptionID")),
            "Option": text(option.get("Name")),
            "OptionStatus": text(option.get("Status")),
            "IsActive": truth(option.get("IsActive")),
            "IsArchived": truth(option.get("IsArchived")),
        }
        for at, option in numbered(record, "Options")
    ]


def journal_lines(record: Record, tenant: str, _: str | None, lists: Lists = NOTHING) -> list[Row]:
    """Journals are in base currency."""
    journal_key = key_of(tenant, record.get("JournalID"))
    return [
        {
            "TenantID": tenant,
            "JournalKey": journal_key,
            "JournalLineKey": f"{journal_key}|{at}",
            "JournalID": text(record.get("JournalID")),
            "JournalNumber": whole(record.get("JournalNumber")),
            "JournalDate": day(record, "JournalDate"),
            "CreatedDateUTC": instant(record.get("CreatedDateUTC")),
            "Reference": text(record.get("Reference")),
            "SourceID": text(record.get("SourceID")),
            "SourceType": text(record.get("SourceType")),
            "LineNumber": at,
            "IsMarker": at == 0,
            "JournalLineID": text(line.get("JournalLineID")),
            "AccountID": text(line.get("AccountID")),
            "AccountKey": key_of(tenant, line.get("AccountID")),
            "AccountCode": text(line.get("AccountCode")),
            "AccountType": text(line.get("AccountType")),
            "AccountName": text(line.get("AccountName")),
            "Description": text(line.get("Description")),
            "NetAmount": amount(number(line.get("NetAmount"))),
            "GrossAmount": amount(number(line.get("GrossAmount"))),
            "TaxAmount": amount(number(line.get("TaxAmount"))),
            "TaxType": text(line.get("TaxType")),
            "TaxName": text(line.get("TaxName")),
            **tracked(line, "TrackingCategories", at, lists),
        }
        for at, line in numbered(record, "JournalLines")
    ]
