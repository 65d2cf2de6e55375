"""What Power BI gets: every table and column, declared once. Schema, rows and the data dictionary come from here."""

from shared.tables.accounts import ACCOUNTS
from shared.tables.contacts import CONTACTS
from shared.tables.invoices import INVOICES
from shared.tables.lines import LINES
from shared.tables.organisations import ORGANISATIONS
from shared.tables.payments import PAYMENTS
from shared.tables.table import Column, Table

TABLES: dict[str, Table] = {
    table.name: table for table in (ORGANISATIONS, ACCOUNTS, CONTACTS, INVOICES, LINES, PAYMENTS)
}

# Raised when a declaration changes what rows say, so that unchanged records are pushed again.
TRANSFORM = 1


def fed_by(resource: str) -> list[Table]:
    """The tables that a resource's records have rows in: at least one row a record in each."""
    return [table for table in TABLES.values() if resource in table.resources]


__all__ = ["TABLES", "TRANSFORM", "Column", "Table", "fed_by"]
