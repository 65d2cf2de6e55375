"""A trial balance and a profit and loss of one month, and of one in which there was nothing."""

from decimal import Decimal

from tests.support.beside.common import COMMON, Records, Row, key, nulls

NOVEMBER, OCTOBER = "2026-11-30", "2026-10-31"
SALES = [{"Value": "DD-2", "Id": "account"}]
BANK = [{"Value": "DD-1", "Id": "accountID"}]

RECORDS: Records = {
    "TrialBalance": [
        {
            "Through": NOVEMBER,
            "ReportID": "TrialBalance",
            "ReportDate": "25 November 2026",
            "Rows": [
                {
                    "RowType": "Header",
                    "Cells": [
                        {"Value": "Account"},
                        {"Value": "YTD Debit"},
                        {"Value": "YTD Credit"},
                        {"Value": "Debit"},
                        {"Value": "Credit"},
                    ],
                },
                {
                    "RowType": "Section",
                    "Title": "Revenue",
                    "Rows": [
                        {
                            "RowType": "Row",
                            "Cells": [
                                {"Value": "Sales (200)", "Attributes": SALES},
                                {"Value": "", "Attributes": SALES},
                                {"Value": "1,340.00", "Attributes": SALES},
                                {"Value": "", "Attributes": SALES},
                                {"Value": "120.50", "Attributes": SALES},
                            ],
                        }
                    ],
                },
                {
                    "RowType": "Section",
                    "Title": "Assets",
                    "Rows": [
                        {
                            "RowType": "Row",
                            "Cells": [
                                {"Value": "Everyday Trading Account"},
                                {"Value": "1340.00", "Attributes": BANK},
                                {"Value": ""},
                                {"Value": "120.50"},
                                {"Value": ""},
                            ],
                        }
                    ],
                },
                {
                    "RowType": "Section",
                    "Title": "",
                    "Rows": [
                        {
                            "RowType": "SummaryRow",
                            "Cells": [
                                {"Value": "Total"},
                                {"Value": "1340.00"},
                                {"Value": "1340.00"},
                                {"Value": "120.50"},
                                {"Value": "120.50"},
                            ],
                        }
                    ],
                },
            ],
        },
        {"Through": OCTOBER, "ReportID": "TrialBalance", "Rows": []},
    ],
    "ProfitAndLoss": [
        {
            "Through": NOVEMBER,
            "ReportID": "ProfitAndLoss",
            "Rows": [
                {"RowType": "Header", "Cells": [{"Value": ""}, {"Value": "30 Nov 26"}]},
                {
                    "RowType": "Section",
                    "Title": "Less Operating Expenses",
                    "Rows": [
                        {
                            "RowType": "Row",
                            "Cells": [{"Value": "Rounding", "Attributes": SALES}, {"Value": "(0.05)"}],
                        },
                        {
                            "RowType": "SummaryRow",
                            "Cells": [{"Value": "Total Operating Expenses"}, {"Value": "-0.05"}],
                        },
                    ],
                },
                {
                    "RowType": "Section",
                    "Title": "",
                    "Rows": [{"RowType": "Row", "Cells": [{"Value": "Net Profit"}, {"Value": "0.05"}]}],
                },
            ],
        },
        {"Through": OCTOBER, "ReportID": "ProfitAndLoss", "Rows": [{"RowType": "Header", "Cells": []}]},
    ],
}


def row(through: str, number: int, **more: object) -> Row:
    return {
        **COMMON,
        "ReportKey": key(through),
        "LineKey": f"{key(through)}|{number}",
        "IsMarker": not number,
        "LineNumber": number,
        "Date": f"{through}T00:00:00",
        **more,
    }


ROWS: Records = {
    "TrialBalance": [
        row(
            NOVEMBER,
            1,
            Section="Revenue",
            AccountKey=key("dd-2"),
            AccountID="dd-2",
            AccountName="Sales (200)",
            Debit=None,
            Credit=Decimal("120.5"),
            YTDDebit=None,
            YTDCredit=1340,
            Movement=Decimal("-120.5"),
            Balance=-1340,
        ),
        row(
            NOVEMBER,
            2,
            Section="Assets",
            AccountKey=key("dd-1"),
            AccountID="dd-1",
            AccountName="Everyday Trading Account",
            Debit=Decimal("120.5"),
            Credit=None,
            YTDDebit=1340,
            YTDCredit=None,
            Movement=Decimal("120.5"),
            Balance=1340,
        ),
        row(
            OCTOBER,
            0,
            **nulls(
                "Section AccountKey AccountID AccountName Debit Credit YTDDebit YTDCredit Movement Balance"
            ),
        ),
    ],
    "ProfitAndLoss": [
        row(
            NOVEMBER,
            1,
            Section="Less Operating Expenses",
            Line="Rounding",
            AccountKey=key("dd-2"),
            AccountID="dd-2",
            IsSummary=False,
            Amount=Decimal("-0.05"),
        ),
        row(
            NOVEMBER,
            2,
            Section="Less Operating Expenses",
            Line="Total Operating Expenses",
            AccountKey=None,
            AccountID=None,
            IsSummary=True,
            Amount=Decimal("-0.05"),
        ),
        row(
            NOVEMBER,
            3,
            Section=None,
            Line="Net Profit",
            AccountKey=None,
            AccountID=None,
            IsSummary=True,
            Amount=Decimal("0.05"),
        ),
        row(OCTOBER, 0, **nulls("Section Line AccountKey AccountID IsSummary Amount")),
    ],
}
