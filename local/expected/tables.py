"""The tables of Power BI, and the lists of Xero that each one shows."""

from collections.abc import Callable
from dataclasses import dataclass

from local.expected import bank, documents, entries, lines, names, reports
from local.expected.lists import NOTHING, Lists
from local.expected.values import Record, Row

Build = Callable[[Record, str, str | None], list[Row]]
BuildByLists = Callable[[Record, str, str | None, Lists], list[Row]]


@dataclass(frozen=True)
class Source:
    """One resource of Xero in a table.

    plain: a record, the organisation's id and its base currency; the rows of the record, without the two columns
        that every row gets when it is pushed. by_lists: the same where the organisation's own lists say something.
    """

    resource: str
    plain: Build | None = None
    by_lists: BuildByLists | None = None

    def build(self, record: Record, tenant_id: str, base: str | None, lists: Lists = NOTHING) -> list[Row]:
        if self.by_lists is not None:
            return self.by_lists(record, tenant_id, base, lists)
        return self.plain(record, tenant_id, base) if self.plain is not None else []

    def rows(self, record: Record, tenant_id: str, base: str | None, lists: Lists = NOTHING) -> list[Row]:
        """The rows of a record as they are current: RowVersion may be any."""
        built = self.build(record, tenant_id, base, lists)
        return [row | {"RowVersion": None, "IsDeleted": False} for row in built]


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
    "TrialBalance": "Through",
    "ProfitAndLoss": "Through",
    "BankSummary": "Through",
}
# Xero makes these anew for each call; the simulator serves them under /_sim/reports.
REPORTS = ("TrialBalance", "ProfitAndLoss", "BankSummary")


def _plain(name: str, key: str, build: Build, resource: str | None = None) -> Table:
    """A table of one resource, one row a record."""
    return Table(name, key, key, (Source(resource or name, build),))


def _by_lists(name: str, key: str, build: BuildByLists) -> Table:
    """The same where the organisation's own lists say something."""
    return Table(name, key, key, (Source(name, by_lists=build),))


TABLES = (
    _plain("Invoices", "InvoiceKey", documents.invoice),
    _plain("CreditNotes", "CreditNoteKey", documents.credit_note),
    _plain("Prepayments", "PrepaymentKey", documents.prepayment),
    _plain("Overpayments", "OverpaymentKey", documents.overpayment),
    _by_lists("PurchaseOrders", "PurchaseOrderKey", documents.purchase_order),
    _plain("ManualJournals", "ManualJournalKey", documents.manual_journal),
    _plain("BankTransactions", "BankTransactionKey", bank.bank_transaction),
    _plain("BankTransfers", "BankTransferKey", bank.bank_transfer),
    _plain("Payments", "PaymentKey", bank.payment),
    Table(
        "Lines",
        "DocumentKey",
        "LineKey",
        (
            Source("Invoices", by_lists=lines.Lines("Invoice", "InvoiceID")),
            Source("CreditNotes", by_lists=lines.Lines("CreditNote", "CreditNoteID")),
            Source("BankTransactions", by_lists=lines.Lines("BankTransaction", "BankTransactionID")),
            Source("PurchaseOrders", by_lists=lines.Lines("PurchaseOrder", "PurchaseOrderID")),
            Source("Prepayments", by_lists=lines.Lines("Prepayment", "PrepaymentID")),
            Source("Overpayments", by_lists=lines.Lines("Overpayment", "OverpaymentID")),
            Source(
                "ManualJournals", by_lists=lines.Lines("ManualJournal", "ManualJournalID", "JournalLines")
            ),
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
    Table(
        "OpenItems",
        "DocumentKey",
        "EntryKey",
        (
            Source("Invoices", entries.OpenItems("Invoice", "InvoiceID", "InvoiceNumber", 1)),
            Source("CreditNotes", entries.OpenItems("CreditNote", "CreditNoteID", "CreditNoteNumber", -1)),
            Source("Prepayments", entries.OpenItems("Prepayment", "PrepaymentID", "InvoiceNumber", -1)),
            Source("Overpayments", entries.OpenItems("Overpayment", "OverpaymentID", "InvoiceNumber", -1)),
        ),
    ),
    Table(
        "CashMovements",
        "DocumentKey",
        "MovementKey",
        (
            Source("BankTransactions", entries.bank_transaction),
            Source("Payments", entries.payment),
            Source("BankTransfers", entries.bank_transfer),
            Source("BankSummary", reports.opening_balances),
        ),
    ),
    _by_lists("Contacts", "ContactKey", names.contact),
    _plain("Accounts", "AccountKey", names.account),
    _plain("Items", "ItemKey", names.item),
    _plain("TaxRates", "TaxRateKey", names.tax_rate),
    Table(
        "TrackingCategories",
        "TrackingCategoryKey",
        "TrackingOptionKey",
        (Source("TrackingCategories", by_lists=lines.tracking_options),),
    ),
    _plain("Organisations", "OrganisationKey", names.organisation, "Organisation"),
    Table("Journals", "JournalKey", "JournalLineKey", (Source("Journals", by_lists=lines.journal_lines),)),
    Table("TrialBalance", "ReportKey", "LineKey", (Source("TrialBalance", reports.trial_balance),)),
    Table("ProfitAndLoss", "ReportKey", "LineKey", (Source("ProfitAndLoss", reports.profit_and_loss),)),
)
# Those that no list of Xero feeds; what they must hold is in local/expected/made.py.
MADE = (
    Table("Calendar", "CalendarKey", "DayKey", ()),
    Table("AsAt", "CalendarKey", "DayKey", ()),
    Table("AgingBuckets", "BucketsKey", "BucketKey", ()),
    Table("SyncStatus", "StatusKey", "StatusKey", ()),
)
