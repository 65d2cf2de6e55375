"""What the records and rows written by hand have in common."""

from typing import Any

Row = dict[str, Any]
Records = dict[str, list[Row]]

TENANT = "0b5f2c1e-3a44-4b0e-9a57-6b1d5a2f9c10"
USD, DRAFT, PAID = "aa000000-0000-4000-8000-000000000001", "aa000000-0000-4000-8000-00000000000B", "aa-3"
PAYMENT, CONTACT, ACCOUNT, ORGANISATION = "bb-1", "cc-1", "dd-1", "ee-1"
CREDIT_NOTE, VOIDED_CREDIT, PREPAYMENT, OVERPAYMENT = "CN-1", "cn-2", "Pp-1", "op-1"
ORDER, JOURNAL, DRAFT_JOURNAL = "Po-1", "MJ-1", "mj-2"
RECEIVED, SPENT, TRANSFER, DELETED_TRANSFER = "BT-1", "bt-2", "TR-1", "tr-2"


def key(identifier: str) -> str:
    return f"{TENANT}|{identifier.lower()}"


def nulls(columns: str) -> Row:
    return dict.fromkeys(columns.split())


COMMON: Row = {"TenantID": TENANT, "RowVersion": 1_790_000_000_000, "IsDeleted": False}
UNTRACKED: Row = {
    f"Tracking{slot}{name}": value
    for slot in (1, 2, 3, 4)
    for name, value in (("CategoryID", None), ("Category", None), ("Option", "Unassigned"))
}
LINE: Row = {
    **COMMON,
    "IsMarker": False,
    **nulls(
        "DocumentType DocumentDate ContactKey CurrencyCode LineItemID Description Quantity UnitAmount ItemCode "
        "ItemID ItemName AccountCode AccountID AccountKey TaxType TaxAmount LineAmount NetAmount NetAmountBase "
        "LedgerAmountBase TaxAmountBase DiscountRate DiscountAmount AccountCodeKey TaxName TaxRate"
    ),
    **UNTRACKED,
}
# What a line says that is none: it has nothing that could be unassigned.
MARKER: Row = {"IsMarker": True, **dict.fromkeys(UNTRACKED)}
ALLOCATION: Row = {
    **COMMON,
    "IsMarker": False,
    **nulls("AllocationID Date Amount AmountBase InvoiceID InvoiceKey InvoiceNumber IsAllocationDeleted"),
}
