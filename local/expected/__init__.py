"""The rows that Power BI must show of Xero's records: the comparison's own reading of both.

Kept apart from the connector on purpose, and written out column by column, so that it can be read beside the
data dictionary. A function a table: a record, the organisation's id and base currency; the rows of the record.
"""
