"""The bank summary of START_DATE alone, for the balance that each bank account had before that day.

A record is the report, named by that day in `Through`, which is ours:

    {"Through": "2024-07-01", "ReportType": "BankSummary", "Rows": [
        {"RowType": "Header", "Cells": [{"Value": "Bank Accounts"}, {"Value": "Opening Balance"}, {"Value": "Cash Received"},
                                        {"Value": "Cash Spent"}, {"Value": "Closing Balance"}]},
        {"RowType": "Section", "Title": "", "Rows": [
            {"RowType": "Row", "Cells": [
                {"Value": "Big City Bank", "Attributes": [{"Value": "03f9cf1e-...", "Id": "accountID"}]},
                {"Value": "10.00"}, {"Value": "110.00", "Attributes": [...]}, ...]},
            {"RowType": "SummaryRow", "Cells": [{"Value": "Total"}, {"Value": "10.00"}, ...]}]}]}
"""

from shared.xero.resources.resource import Report, Resource

BANK_SUMMARY = Resource(
    name="BankSummary",
    plural="Reports",
    id_field="Through",
    ids_are_guids=False,
    scope="accounting.reports.banksummary.read",
    optional="read_reports",
    paging="reports",
    report=Report(first="fromDate", last="toDate", of="start"),
    modified_since=False,
    stamp_field=None,
    passing=("ReportDate", "UpdatedDateUTC"),
    fetch_by="one",
    minutes=10080,
)
