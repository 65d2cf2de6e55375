"""SyncStatus: how fresh each table of each organisation is, and what stands in its way, in the report's own data."""

from shared.tables.table import TENANT, Table, day, flag, key, moment, text, whole

SYNC_STATUS = Table(
    name="SyncStatus",
    means="One row an organisation and table: how fresh it is, and what keeps it from being fresher.",
    resources=("SyncStatus",),
    version_key="StatusKey",
    columns=(
        TENANT,
        key("StatusKey", "The organisation and table.", "SyncStatusID"),
        text("TableName", "The table that the row tells of.", "SyncStatusID"),
        moment(
            "FreshAsOf",
            "An instant in UTC: what Xero had by then is in the table. Empty until its history is complete, and for tables"
            " that are not read from Xero.",
        ),
        day("Today", "The organisation's own calendar day when the row was made."),
        day("StartDate", "Documents are complete from this day on."),
        flag(
            "IsRebuilding",
            "Whether the table is being emptied and filled anew; measures of it are empty meanwhile.",
        ),
        flag(
            "IsVerified",
            "Whether the table held what it should when that was last checked; empty when it never was.",
        ),
        whole(
            "Quarantined", "Records that are kept out of Power BI because they cannot be read or are refused."
        ),
        text("Parked", "What waits for a person, and why; empty when nothing does."),
        text("Trouble", "What hinders and heals by itself, or should be known; empty when there is nothing."),
        moment("UpdatedAtUTC", "When the row was made, in UTC."),
    ),
)
