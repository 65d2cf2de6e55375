"""The measures of the dataset: what finance reads, each a DAX expression over current rows only.

A push dataset has no inactive relationship and no calculated column, and none of its relationships may lead to a table with
two rows of a key (docs/decisions.md). So there are none: what a report chooses is carried by the measures (choices).
"""

from shared.tables.measures import cash, orders, owed, profit, status, trade
from shared.tables.measures.measure import SEVERAL, Measure

# The table of the measures. It has no rows; the column is there because a table needs one. Analysis Services keeps the name
# "Measures" for itself: Power BI Desktop renames such a table (github.com/microsoft/DataConnectors/issues/164).
TABLE, COLUMN = "_Measures", "About"

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for subject in (status, trade, owed, profit, cash, orders)
    for measure in subject.MEASURES
}

__all__ = ["COLUMN", "MEASURES", "SEVERAL", "TABLE", "Measure"]
