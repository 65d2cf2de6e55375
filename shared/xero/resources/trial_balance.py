"""The trial balance at each month end: every account's movement of the month and balance, as Xero itself counts them.

A record is the report, named by its month end in `Through`, which is ours. Balances carry on: whatever is changed in a month
changes the trial balances after it, too.
"""

from shared.xero.resources.resource import Report, Resource

TRIAL_BALANCE = Resource(
    name="TrialBalance",
    plural="Reports",
    id_field="Through",
    ids_are_guids=False,
    scope="accounting.reports.trialbalance.read",
    optional="read_reports",
    paging="reports",
    report=Report(last="date", carries=True),
    modified_since=False,
    stamp_field=None,
    passing=("ReportDate", "UpdatedDateUTC"),
    fetch_by="one",
    minutes=1440,
)
