"""Documents beside invoices become rows, with their lines and allocations: whole rows, written out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from shared.state.connections import Organisation
from shared.sync.compare import shape
from tests.support.records import (
    BANK_TRANSACTION,
    CONTACT_ID,
    CONTACT_KEY,
    CREDIT_NOTE,
    FULL,
    ID_FIELDS,
    INVOICE_ID,
    MANUAL_JOURNAL,
    OTHER,
    OVERPAYMENT,
    PREPAYMENT,
    PURCHASE_ORDER,
    TENANT,
    UNTRACKED,
    id_of,
    key_of,
    shaped,
)

CONTACT = {"ContactID": CONTACT_ID, "ContactKey": CONTACT_KEY, "ContactName": "Ngā Toi & Söhne"}


def test_a_foreign_credit_note() -> None:
    """What is left and what was used, in its own currency and, at its own rate, in base currency."""
    assert shaped("CreditNotes", CREDIT_NOTE) == [
        {
            "TenantID": TENANT,
            "CreditNoteKey": key_of("CreditNotes"),
            "CreditNoteID": id_of("CreditNotes"),
            "CreditNoteNumber": "CN-0001",
            "Reference": "RMA 12",
            "Type": "ACCRECCREDIT",
            "Status": "AUTHORISED",
            **CONTACT,
            "Date": "2026-04-02T00:00:00",
            "DueDate": "2026-04-03T00:00:00",
            "FullyPaidOnDate": None,
            "LineAmountTypes": "Exclusive",
            "CurrencyCode": "USD",
            "CurrencyRate": 0.5,
            "SubTotal": Decimal("50.0000"),
            "TotalTax": Decimal("7.5000"),
            "TotalAmount": Decimal("57.5000"),
            "RemainingCredit": Decimal("17.5000"),
            "AppliedAmount": Decimal("40.0000"),
            "SubTotalBase": Decimal("100.0000"),
            "TotalTaxBase": Decimal("15.0000"),
            "TotalAmountBase": Decimal("115.0000"),
            "RemainingCreditBase": Decimal("35.0000"),
            "AppliedAmountBase": Decimal("80.0000"),
            "BrandingThemeID": OTHER,
            "SentToContact": True,
            "HasAttachments": False,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


def test_a_foreign_prepayment() -> None:
    """Used up; numbers that Xero wrote as texts are numbers."""
    assert shaped("Prepayments", PREPAYMENT) == [
        {
            "TenantID": TENANT,
            "PrepaymentKey": key_of("Prepayments"),
            "PrepaymentID": id_of("Prepayments"),
            "Type": "RECEIVE-PREPAYMENT",
            "Status": "PAID",
            "Reference": "INV-0042",
            "InvoiceNumber": "PP-1",
            **CONTACT,
            "Date": "2026-04-02T00:00:00",
            "LineAmountTypes": "NoTax",
            "CurrencyCode": "USD",
            "CurrencyRate": 0.64,
            "SubTotal": Decimal("80.0000"),
            "TotalTax": Decimal("0.0000"),
            "TotalAmount": Decimal("80.0000"),
            "RemainingCredit": Decimal("0.0000"),
            "AppliedAmount": Decimal("80.0000"),
            "SubTotalBase": Decimal("125.0000"),
            "TotalTaxBase": Decimal("0.0000"),
            "TotalAmountBase": Decimal("125.0000"),
            "RemainingCreditBase": Decimal("0.0000"),
            "AppliedAmountBase": Decimal("125.0000"),
            "BrandingThemeID": OTHER,
            "HasAttachments": True,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


def test_an_overpayment_to_a_supplier() -> None:
    """In base currency, where Xero writes a rate of 1."""
    assert shaped("Overpayments", OVERPAYMENT) == [
        {
            "TenantID": TENANT,
            "OverpaymentKey": key_of("Overpayments"),
            "OverpaymentID": id_of("Overpayments"),
            "Type": "SPEND-OVERPAYMENT",
            "Status": "AUTHORISED",
            "Reference": "Paid twice",
            **CONTACT,
            "Date": "2026-04-02T00:00:00",
            "LineAmountTypes": "NoTax",
            "CurrencyCode": "NZD",
            "CurrencyRate": 1.0,
            "SubTotal": Decimal("20.0000"),
            "TotalTax": Decimal("0.0000"),
            "TotalAmount": Decimal("20.0000"),
            "RemainingCredit": Decimal("20.0000"),
            "AppliedAmount": Decimal("0.0000"),
            "SubTotalBase": Decimal("20.0000"),
            "TotalTaxBase": Decimal("0.0000"),
            "TotalAmountBase": Decimal("20.0000"),
            "RemainingCreditBase": Decimal("20.0000"),
            "AppliedAmountBase": Decimal("0.0000"),
            "HasAttachments": False,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


def test_a_purchase_order() -> None:
    """Days as days, the address as it was typed; its Type, which is always the same, is not taken."""
    assert shaped("PurchaseOrders", PURCHASE_ORDER) == [
        {
            "TenantID": TENANT,
            "PurchaseOrderKey": key_of("PurchaseOrders"),
            "PurchaseOrderID": id_of("PurchaseOrders"),
            "PurchaseOrderNumber": "PO-0007",
            "Reference": "Spring",
            "Status": "BILLED",
            **CONTACT,
            "Date": "2026-04-02T00:00:00",
            "DeliveryDate": "2026-04-06T00:00:00",
            "ExpectedArrivalDate": "2026-04-07T00:00:00",
            "LineAmountTypes": "Exclusive",
            "CurrencyCode": "NZD",
            "CurrencyRate": None,
            "SubTotal": Decimal("30.3700"),
            "TotalTax": Decimal("4.5600"),
            "TotalAmount": Decimal("34.9300"),
            "TotalDiscount": Decimal("1.5000"),
            "SubTotalBase": Decimal("30.3700"),
            "TotalTaxBase": Decimal("4.5600"),
            "TotalAmountBase": Decimal("34.9300"),
            "BrandingThemeID": OTHER,
            "AttentionTo": "Receiving dock",
            "DeliveryAddress": "1 Quay St\nAuckland",
            "DeliveryInstructions": "Ring twice",
            "Telephone": "6421555",
            "SentToContact": False,
            "HasAttachments": False,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


def test_a_manual_journal() -> None:
    """The journal itself has no amount; its lines have."""
    assert shaped("ManualJournals", MANUAL_JOURNAL) == [
        {
            "TenantID": TENANT,
            "ManualJournalKey": key_of("ManualJournals"),
            "ManualJournalID": id_of("ManualJournals"),
            "Narration": "Accrued audit fee",
            "Status": "POSTED",
            "Date": "2026-04-02T00:00:00",
            "LineAmountTypes": "Inclusive",
            "ShowOnCashBasisReports": False,
            "Url": "https://example.com/audit",
            "HasAttachments": False,
            "UpdatedDateUTC": "2026-04-06T00:00:00",
        }
    ]


# Lines of each kind of document.


def test_lines_of_a_manual_journal_are_in_base_currency() -> None:
    """Debits and credits keep their signs; there is no type, contact or currency, and base amounts are the amounts."""
    head = {
        "TenantID": TENANT,
        "DocumentKey": key_of("ManualJournals"),
        "DocumentKind": "ManualJournal",
        "DocumentID": id_of("ManualJournals"),
        "DocumentStatus": "POSTED",
        "Effect": "Posted",
        "DocumentDate": "2026-04-02T00:00:00",
        "IsMarker": False,
    }
    rows = shaped("Lines", MANUAL_JOURNAL, "ManualJournals")
    null = dict.fromkeys(rows[0])
    assert rows == [
        null
        | head
        | UNTRACKED
        | {
            "LineKey": f"{key_of('ManualJournals')}|1",
            "LineNumber": 1,
            "Description": "Audit",
            "AccountCode": "412",
            "AccountCodeKey": f"{TENANT}|412",
            "AccountID": "BBBBBBBB-0000-4000-8000-000000000002",
            "AccountKey": f"{TENANT}|bbbbbbbb-0000-4000-8000-000000000002",
            "TaxType": "INPUT2",
            "TaxAmount": Decimal("15.0000"),
            "LineAmount": Decimal("115.0000"),
            "NetAmount": Decimal("100.0000"),
            "NetAmountBase": Decimal("100.0000"),
            "LedgerAmountBase": Decimal("100.0000"),
            "TaxAmountBase": Decimal("15.0000"),
            "Tracking1CategoryID": "T1",
            "Tracking1Category": "Region",
            "Tracking1Option": "North",
        },
        null
        | head
        | UNTRACKED
        | {
            "LineKey": f"{key_of('ManualJournals')}|2",
            "LineNumber": 2,
            "Description": "Accruals",
            "AccountCode": "805",
            "AccountCodeKey": f"{TENANT}|805",
            "TaxAmount": Decimal("0.0000"),
            "LineAmount": Decimal("-115.0000"),
            "NetAmount": Decimal("-115.0000"),
            "NetAmountBase": Decimal("-115.0000"),
            "LedgerAmountBase": Decimal("-115.0000"),
            "TaxAmountBase": Decimal("0.0000"),
        },
    ]


def test_the_line_of_a_purchase_order() -> None:
    """A unit price to four places, and both forms of a discount."""
    (row,) = shaped("Lines", PURCHASE_ORDER, "PurchaseOrders")
    assert row == dict.fromkeys(row) | UNTRACKED | {
        "TenantID": TENANT,
        "DocumentKey": key_of("PurchaseOrders"),
        "LineKey": f"{key_of('PurchaseOrders')}|1",
        "DocumentKind": "PurchaseOrder",
        "DocumentID": id_of("PurchaseOrders"),
        "DocumentType": "PURCHASEORDER",
        "DocumentStatus": "BILLED",
        "Effect": "Nothing",
        "DocumentDate": "2026-04-02T00:00:00",
        "ContactKey": CONTACT_KEY,
        "CurrencyCode": "NZD",
        "LineNumber": 1,
        "IsMarker": False,
        "Quantity": Decimal("3.0000"),
        "UnitAmount": Decimal("10.1234"),
        "TaxAmount": Decimal("4.5600"),
        "LineAmount": Decimal("30.3700"),
        "NetAmount": Decimal("30.3700"),
        "NetAmountBase": Decimal("30.3700"),
        "TaxAmountBase": Decimal("4.5600"),
        "DiscountRate": Decimal("5.0000"),
        "DiscountAmount": Decimal("1.5000"),
    }


KINDS = [
    ("Invoices", "Invoice"),
    ("CreditNotes", "CreditNote"),
    ("BankTransactions", "BankTransaction"),
    ("PurchaseOrders", "PurchaseOrder"),
    ("Prepayments", "Prepayment"),
    ("Overpayments", "Overpayment"),
    ("ManualJournals", "ManualJournal"),
]


@pytest.mark.parametrize(("resource", "kind"), KINDS)
def test_a_lines_document_is_told_by_the_resource_alone(resource: str, kind: str) -> None:
    """A record that has the ids of all other documents too has lines of its own kind, under its own key."""
    ids = dict.fromkeys(ID_FIELDS.values(), "99999999-0000-4000-8000-000000000000")
    for row in shaped("Lines", ids | FULL[resource], resource):
        assert row["DocumentKind"] == kind
        assert row["DocumentID"] == FULL[resource][ID_FIELDS[resource]]
        assert row["DocumentKey"] == f"{TENANT}|{FULL[resource][ID_FIELDS[resource]].lower()}"
        assert row["LineKey"] == f"{row['DocumentKey']}|{row['LineNumber']}"


@pytest.mark.parametrize("resource", [resource for resource, _ in KINDS])
def test_any_document_without_lines_has_one_marker_row(resource: str) -> None:
    """It says whose it is and nothing else."""
    (row,) = shaped("Lines", FULL[resource] | {"LineItems": [], "JournalLines": []}, resource)
    assert (row["LineKey"], row["LineNumber"], row["IsMarker"]) == (f"{row['DocumentKey']}|0", 0, True)
    columns = list(row)
    assert {row[name] for name in columns[columns.index("IsMarker") + 1 :]} == {None}
    assert row["DocumentStatus"] == FULL[resource]["Status"]


def test_the_line_of_a_bank_transaction_that_made_a_prepayment() -> None:
    """It is the bank transaction's, at the bank transaction's rate, though the prepayment's id stands beside it."""
    (row,) = shaped("Lines", BANK_TRANSACTION, "BankTransactions")
    assert row == dict.fromkeys(row) | UNTRACKED | {
        "TenantID": TENANT,
        "DocumentKey": key_of("BankTransactions"),
        "LineKey": f"{key_of('BankTransactions')}|1",
        "DocumentKind": "BankTransaction",
        "DocumentID": id_of("BankTransactions"),
        "DocumentType": "RECEIVE-PREPAYMENT",
        "DocumentStatus": "AUTHORISED",
        "Effect": "Nothing",
        "DocumentDate": "2026-04-02T00:00:00",
        "ContactKey": CONTACT_KEY,
        "CurrencyCode": "USD",
        "LineNumber": 1,
        "IsMarker": False,
        "Description": "Deposit",
        "TaxAmount": Decimal("0.0000"),
        "LineAmount": Decimal("80.0000"),
        "NetAmount": Decimal("80.0000"),
        "NetAmountBase": Decimal("125.0000"),
        "LedgerAmountBase": Decimal("-125.0000"),
        "TaxAmountBase": Decimal("0.0000"),
    }


# Allocations.

ALLOCATING = {
    "TenantID": TENANT,
    "DocumentKey": key_of("CreditNotes"),
    "DocumentKind": "CreditNote",
    "DocumentID": id_of("CreditNotes"),
    "DocumentType": "ACCRECCREDIT",
    "DocumentStatus": "AUTHORISED",
    "ContactKey": CONTACT_KEY,
    "CurrencyCode": "USD",
}


def test_allocations_of_a_credit_note() -> None:
    """A row each, dated, at the credit note's own rate; Xero's older records give no id and no IsDeleted."""
    assert shaped("Allocations", CREDIT_NOTE) == [
        ALLOCATING
        | {
            "AllocationKey": f"{key_of('CreditNotes')}|1",
            "AllocationNumber": 1,
            "IsMarker": False,
            "AllocationID": "a1",
            "Date": "2026-04-05T00:00:00",
            "Amount": Decimal("30.0000"),
            "AmountBase": Decimal("60.0000"),
            "InvoiceID": INVOICE_ID,
            "InvoiceKey": f"{TENANT}|{INVOICE_ID.lower()}",
            "InvoiceNumber": "INV-0042",
            "IsAllocationDeleted": False,
        },
        ALLOCATING
        | {
            "AllocationKey": f"{key_of('CreditNotes')}|2",
            "AllocationNumber": 2,
            "IsMarker": False,
            "AllocationID": None,
            "Date": "2026-04-06T00:00:00",
            "Amount": Decimal("10.0000"),
            "AmountBase": Decimal("20.0000"),
            "InvoiceID": OTHER,
            "InvoiceKey": f"{TENANT}|{OTHER}",
            "InvoiceNumber": None,
            "IsAllocationDeleted": None,
        },
    ]


@pytest.mark.parametrize("none", [{"Allocations": []}, {"Allocations": None}])
def test_a_document_that_settled_nothing_has_one_marker_row(none: dict[str, Any]) -> None:
    """So that allocations that were taken back stop being the newest; it shows no date, amount or invoice."""
    (row,) = shaped("Allocations", CREDIT_NOTE | none)
    assert row == dict.fromkeys(row) | ALLOCATING | {
        "AllocationKey": f"{key_of('CreditNotes')}|0",
        "AllocationNumber": 0,
        "IsMarker": True,
    }


@pytest.mark.parametrize(
    ("resource", "kind"), [("Prepayments", "Prepayment"), ("Overpayments", "Overpayment")]
)
def test_allocations_of_other_documents(resource: str, kind: str) -> None:
    """They say whose they are by their resource."""
    (row,) = shaped("Allocations", FULL[resource], resource)
    assert (row["DocumentKind"], row["DocumentID"], row["DocumentKey"]) == (
        kind,
        id_of(resource),
        key_of(resource),
    )


@pytest.mark.parametrize(
    ("currency", "base_amount"),
    [({"CurrencyCode": "NZD"}, Decimal("5.0000")), ({}, Decimal("5.0000")), ({"CurrencyCode": "USD"}, None)],
)
def test_an_allocation_without_a_rate(currency: dict[str, str], base_amount: Decimal | None) -> None:
    """The document's currency decides, as it does for the document: nothing is made up for a foreign one."""
    record = {"CreditNoteID": OTHER, "Allocations": [{"Amount": 5, "CurrencyRate": 2}]} | currency
    (row,) = shaped("Allocations", record)
    assert row["AmountBase"] == base_amount


def test_a_record_is_shaped_as_what_its_resource_says() -> None:
    """The push gives each record's rows in all tables that its resource feeds, and its lines are that resource's."""
    organisation = Organisation(
        tenant_id=TENANT, name="Office", connection_id="c", token_set="t", base_currency="USD"
    )
    rows = shape(organisation, "BankTransactions", BANK_TRANSACTION)
    assert list(rows) == ["BankTransactions", "Lines", "CashMovements"]
    assert [row["DocumentKind"] for row in rows["Lines"]] == ["BankTransaction"]
    fed = ["Overpayments", "Lines", "Allocations", "OpenItems"]
    assert list(shape(organisation, "Overpayments", OVERPAYMENT)) == fed
