"""What Power BI gets: every table and column, declared once. Schema, rows and the data dictionary come from here."""

from shared.tables.accounts import ACCOUNTS
from shared.tables.allocations import ALLOCATIONS
from shared.tables.bank_transactions import BANK_TRANSACTIONS
from shared.tables.bank_transfers import BANK_TRANSFERS
from shared.tables.calendar import AGING_BUCKETS, AS_AT, CALENDAR
from shared.tables.cash_movements import CASH_MOVEMENTS
from shared.tables.contacts import CONTACTS
from shared.tables.credit_notes import CREDIT_NOTES
from shared.tables.invoices import INVOICES
from shared.tables.items import ITEMS
from shared.tables.journals import JOURNALS
from shared.tables.lines import LINES
from shared.tables.manual_journals import MANUAL_JOURNALS
from shared.tables.open_items import OPEN_ITEMS
from shared.tables.organisations import ORGANISATIONS
from shared.tables.payments import PAYMENTS
from shared.tables.prepayments import OVERPAYMENTS, PREPAYMENTS
from shared.tables.profit_and_loss import PROFIT_AND_LOSS
from shared.tables.purchase_orders import PURCHASE_ORDERS
from shared.tables.sync_status import SYNC_STATUS
from shared.tables.table import Column, Table
from shared.tables.tax_rates import TAX_RATES
from shared.tables.tracking_categories import TRACKING_CATEGORIES
from shared.tables.trial_balance import TRIAL_BALANCE

# In the order in which a push fills them: what others refer to comes first.
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ORGANISATIONS,
        ACCOUNTS,
        TAX_RATES,
        TRACKING_CATEGORIES,
        ITEMS,
        CONTACTS,
        INVOICES,
        CREDIT_NOTES,
        PREPAYMENTS,
        OVERPAYMENTS,
        PURCHASE_ORDERS,
        MANUAL_JOURNALS,
        BANK_TRANSACTIONS,
        LINES,
        ALLOCATIONS,
        OPEN_ITEMS,
        PAYMENTS,
        BANK_TRANSFERS,
        CASH_MOVEMENTS,
        TRIAL_BALANCE,
        PROFIT_AND_LOSS,
        JOURNALS,
        CALENDAR,
        AS_AT,
        AGING_BUCKETS,
        SYNC_STATUS,
    )
}

# Raised when a declaration changes what rows say, so that unchanged records are pushed again.
TRANSFORM = 4


def fed_by(resource: str) -> list[Table]:
    """The tables that a resource's records have rows in: at least one row a record in each."""
    return [table for table in TABLES.values() if resource in table.resources]


def uses(resource: str) -> set[str]:
    """What the rows of a resource's records take from elsewhere than the records."""
    return {column.uses for table in fed_by(resource) for column in table.columns if column.uses}


__all__ = ["TABLES", "TRANSFORM", "Column", "Table", "fed_by", "uses"]
