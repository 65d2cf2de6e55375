"""The tables of Power BI, and the lists of Xero that each one shows."""

from collections.abc import Callable
from dataclasses import dataclass

from local.expected import bank, documents, lines, names
from local.expected.values import Record, Row

Build = Callable[[Record, str, str | None], list[Row]]


@dataclass(frozen=True)
class Source:
    """One resource of Xero in a table.

    build: a record, the organisation's id and its base currency; the rows of the record, without the two columns
        that every row gets when it is pushed.
    """

    resource: str
    build: Build

    def rows(self, record: Record, tenant_id: str, base: str | None) -> list[Row]:
        """The rows of a record as they are current: RowVersion may be any."""
        return [row | {"RowVersion": None, "IsDeleted": False} for row in self.build(record, tenant_id, base)]


@dataclass(frozen=True)
class Table:
    """key: the column whose highest RowVersion is current; row_key: the column that names one row of it."""

    name: str
    key: str
    row_key: str
    sources: tuple[Source, ...]


# What identifies a record of each resource; a tax rate has no id but its TaxType.
ID_FIELDS = {
    "Organisation": "OrganisationID",
    "Accounts": "AccountID",
    "Contacts": "ContactID",
    "Items": "ItemID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Payments": "PaymentID",
    "Prepayments": "PrepaymentID",
    "Overpayments": "OverpaymentID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "PurchaseOrders": "PurchaseOrderID",
    "ManualJournals": "ManualJournalID",
    "Journals": "JournalID",
}


def _plain(name: str, key: str, build: Build, resource: str | None = None) -> Table:
    """A table of one resource, one row a record."""
    return Table(name, key, key, (Source(resource or name, build),))


TABLES = (
    _plain("Invoices", "InvoiceKey", documents.invoice),
    _plain("CreditNotes", "CreditNoteKey", documents.credit_note),
    _plain("Prepayments", "PrepaymentKey", documents.prepayment),
    _plain("Overpayments", "OverpaymentKey", documents.overpayment),
    _plain("PurchaseOrders", "PurchaseOrderKey", documents.purchase_order),
    _plain("ManualJournals", "ManualJournalKey", documents.manual_journal),
    _plain("BankTransactions", "BankTransactionKey", bank.bank_transaction),
    _plain("BankTransfers", "BankTransferKey", bank.bank_transfer),
    _plain("Payments", "PaymentKey", bank.payment),
    Table(
        "Lines",
        "DocumentKey",
        "LineKey",
        (
            Source("Invoices", lines.Lines("Invoice", "InvoiceID")),
            Source("CreditNotes", lines.Lines("CreditNote", "CreditNoteID")),
            Source("BankTransactions", lines.Lines("BankTransaction", "BankTransactionID")),
            Source("PurchaseOrders", lines.Lines("PurchaseOrder", "PurchaseOrderID")),
            Source("Prepayments", lines.Lines("Prepayment", "PrepaymentID")),
            Source("Overpayments", lines.Lines("Overpayment", "OverpaymentID")),
            Source("ManualJournals", lines.Lines("ManualJournal", "ManualJournalID", "JournalLines")),
        ),
    ),
    Table(
        "Allocations",
        "DocumentKey",
        "AllocationKey",
        (
            Source("CreditNotes", lines.Allocations("CreditNote", "CreditNoteID")),
            Source("Prepayments", lines.Allocations("Prepayment", "PrepaymentID")),
            Source("Overpayments", lines.Allocations("Overpayment", "OverpaymentID")),
        ),
    ),
    _plain("Contacts", "ContactKey", names.contact),
    _plain("Accounts", "AccountKey", names.account),
    _plain("Items", "ItemKey", names.item),
    _plain("TaxRates", "TaxRateKey", names.tax_rate),
    Table(
        "TrackingCategories",
        "TrackingCategoryKey",
        "TrackingOptionKey",
        (Source("TrackingCategories", lines.tracking_options),),
    ),
    _plain("Organisations", "OrganisationKey", names.organisation, "Organisation"),
    Table("Journals", "JournalKey", "JournalLineKey", (Source("Journals", lines.journal_lines),)),
)
