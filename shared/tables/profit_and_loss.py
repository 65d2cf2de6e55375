"""ProfitAndLoss: one row a line and month, from Xero's own report, in base currency."""

from decimal import Decimal

from shared.errors import BadRecord
from shared.tables.nested import element_key, marker, place, record_key
from shared.tables.reports import ACCOUNT, DATE, REPORT_KEY, THROUGH, report_rows, value_under
from shared.tables.table import TENANT, Source, Table, derived, text


def _amount(source: Source) -> Decimal | None:
    """The one amount of a line; its column is named by the period. Raises BadRecord where there are several."""
    words = [*source.record.get("Values", {})]
    if source.number and len(words) != 1:
        raise BadRecord(f"the report has columns {words} where one month was asked for", field="Rows.Cells")
    return value_under(source, words[0]) if words else None


def _is_summary(source: Source) -> bool | None:
    """Gross and net profit are plain rows at Xero, in sections without a title and of no account."""
    if not source.number:
        return None
    of_no_account = not source.record["AccountID"] and not source.record["Section"]
    return source.record["RowType"] == "SummaryRow" or of_no_account


PROFIT_AND_LOSS = Table(
    name="ProfitAndLoss",
    means="Xero's profit and loss of each month, accrual basis, base currency, standard layout: the headline profit. A month "
    "without lines has one row with IsMarker.",
    resources=("ProfitAndLoss",),
    version_key="ReportKey",
    rows=lambda source: report_rows(source, summaries=True),
    columns=(
        TENANT,
        REPORT_KEY,
        element_key(
            "LineKey",
            "The report's line, unique over organisations.",
            lambda source: record_key(source, THROUGH),
        ),
        marker("True on the one row of a report without lines."),
        place("LineNumber", "The line's place in the report, from 1; 0 on a marker."),
        DATE,
        text(
            "Section",
            "The report's section, such as Income or Less Operating Expenses; empty for gross and net profit.",
        ),
        text("Line", "The account's name, or the sum's, such as Net Profit.", "Label"),
        *ACCOUNT,
        derived(
            "IsSummary",
            "Boolean",
            "Whether the line is a sum of others, such as Total Income and Net Profit.",
            _is_summary,
        ),
        derived(
            "Amount",
            "Decimal",
            "The amount as the report shows it: income and costs are both positive.",
            _amount,
        ),
    ),
)
