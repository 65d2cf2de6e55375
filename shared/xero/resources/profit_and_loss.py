"""Profit and loss of each month, one call a month: nobody knows how Xero cuts months of different length when it compares.

A record is the report, named by its month end in `Through`, which is ours. The standard layout is asked for, since a user
may arrange the other one at will.
"""

from shared.xero.resources.resource import Report, Resource

PROFIT_AND_LOSS = Resource(
    name="ProfitAndLoss",
    plural="Reports",
    id_field="Through",
    ids_are_guids=False,
    scope="accounting.reports.profitandloss.read",
    optional="read_reports",
    paging="reports",
    report=Report(first="fromDate", last="toDate"),
    modified_since=False,
    stamp_field=None,
    passing=("ReportDate", "UpdatedDateUTC"),
    parameters={"standardLayout": "true"},
    fetch_by="one",
    minutes=1440,
)
