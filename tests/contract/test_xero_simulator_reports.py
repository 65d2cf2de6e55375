"""The Xero stand-in's reports beside figures by hand: their shape, and that they follow every change of the documents."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from local.company import generate
from local.scenario import play
from local.xero.wire import Record, decode
from tests.contract.openapi_rounds import exchange
from tests.contract.xero_bench import CONTACT, SCOPES, TENANT, Bench, identifier
from tests.support.open_items import DOCUMENTS, SIDES, open_items
from tests.support.openapi_contract import Contract, unknown

REPORTS = ("TrialBalance", "ProfitAndLoss", "BankSummary")
REPORT_SCOPES = " ".join(f"accounting.reports.{name.lower()}.read" for name in REPORTS)
SEPTEMBER = {"fromDate": "2026-09-01", "toDate": "2026-09-30"}
NOTE, BILL = "d0000000-0000-4000-8000-000000000001", identifier(4)
# Code, name, type, class, system account.
CHART = """
090 Cheque BANK ASSET
- Dollars BANK ASSET
200 Sales REVENUE REVENUE
260 Interest OTHERINCOME REVENUE
300 Purchases DIRECTCOSTS EXPENSE
469 Rent EXPENSE EXPENSE
499 Gains EXPENSE EXPENSE REALISEDCURRENCYGAIN
610 Receivable CURRENT ASSET DEBTORS
711 Depreciation-so-far FIXED ASSET
800 Payable CURRLIAB LIABILITY CREDITORS
820 GST CURRLIAB LIABILITY GST
840 Historical CURRLIAB LIABILITY HISTORICAL
860 Rounding CURRLIAB LIABILITY ROUNDING
960 Earnings EQUITY EQUITY RETAINEDEARNINGS
"""


def account_id(name: str) -> str:
    names = [row.split()[1] for row in CHART.strip().splitlines()]
    return f"a0000000-0000-4000-8000-{names.index(name):012}"


def accounts() -> list[Record]:
    found = []
    for code, name, kind, class_, *system in (row.split() for row in CHART.strip().splitlines()):
        record = {"AccountID": account_id(name), "Name": name, "Type": kind, "Class": class_}
        record |= {"SystemAccount": "".join(system), "CurrencyCode": "USD" if name == "Dollars" else "NZD"}
        found.append(record | ({"Code": code} if code != "-" else {}))
    return found


def document(number: int, on: str, account: str, net: str, tax: str = "0.00", **fields: Any) -> Record:
    """An approved sales invoice with one line."""
    total = Decimal(net) + Decimal(tax)
    line = {"LineAmount": Decimal(net), "TaxAmount": Decimal(tax), "AccountCode": account}
    return {
        "Type": "ACCREC",
        "InvoiceID": identifier(number),
        "Status": "AUTHORISED",
        "Contact": {"ContactID": CONTACT},
        "DateString": f"{on}T00:00:00",
        "Date": "/Date(0)/",
        "LineAmountTypes": "Exclusive",
        "LineItems": [line],
        "Payments": [],
        "Total": total,
        "AmountDue": total,
        "AmountPaid": Decimal("0.00"),
        "AmountCredited": Decimal("0.00"),
        "CurrencyCode": "NZD",
        "UpdatedDateUTC": "/Date(1790000000000+0000)/",
        **fields,
    }


def banked(number: int, on: str, account: str, net: str, tax: str, kind: str) -> Record:
    own = {"BankTransactionID": identifier(number), "Type": kind}
    return document(number, on, account, net, tax, **own, BankAccount={"AccountID": account_id("Cheque")})


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Documents of a financial year that ends in March, of the one before it, and of September; today is the 25th."""
    with Bench() as bench:
        bench.xero.clock.set(datetime(2026, 9, 25, 3, tzinfo=UTC))
        note = {"CreditNoteID": NOTE, "Type": "ACCRECCREDIT", "RemainingCredit": Decimal("46.00")}
        bench.load(
            Organisation=[
                {
                    "OrganisationID": TENANT,
                    "BaseCurrency": "NZD",
                    "FinancialYearEndMonth": 3,
                    "FinancialYearEndDay": 31,
                }
            ],
            Accounts=accounts(),
            Invoices=[
                document(1, "2026-02-10", "200", "100.00", "15.00"),
                document(2, "2026-08-12", "200", "200.00", "30.00"),
                document(3, "2026-09-03", "200", "50.00", CurrencyCode="USD", CurrencyRate=Decimal("0.5")),
                document(4, "2026-09-05", "300", "50.00", "7.50", Type="ACCPAY"),
                document(5, "2026-09-06", "200", "9.00", Status="DRAFT"),
            ],
            CreditNotes=[document(6, "2026-09-08", "200", "40.00", "6.00", **note, Allocations=[])],
            BankTransactions=[
                banked(7, "2026-09-10", "469", "20.00", "3.00", "SPEND"),
                banked(8, "2026-07-01", "260", "10.00", "1.50", "RECEIVE"),
            ],
            Payments=[],
        )
        bench.connect(scope=f"{SCOPES} {REPORT_SCOPES}")
        yield bench


def report(bench: Bench, name: str, query: dict[str, str]) -> Any:
    bench.xero.clock.advance(2)
    answer = bench.get(f"Reports/{name}", query)
    assert answer.status_code == 200, answer.text
    (found,) = decode(answer.content)["Reports"]
    return found


def texts(bench: Bench, name: str, query: dict[str, str]) -> list[str]:
    """The rows of a report, one text each: sections by their titles, cells apart by a bar."""
    found = []
    for row in report(bench, name, query)["Rows"]:
        if "Title" in row:
            found.append(f"[{row['Title']}]")
        for inner in (*([row] if "Cells" in row else []), *row.get("Rows", [])):
            found.append(" | ".join([inner["RowType"], *(cell["Value"] for cell in inner["Cells"])]))
    return found


def balances(bench: Bench, on: str = "2026-09-30") -> dict[str, str]:
    """What each account holds by the control interface, without those that hold nothing."""
    listed = bench.sim(f"ledger/{TENANT}?date={on}")["balances"]
    return {each["Name"]: f"{Decimal(each['Balance']):.2f}" for each in listed if Decimal(each["Balance"])}


BEFORE = {
    "Cheque": "-11.50",
    "Sales": "-260.00",
    "Interest": "-10.00",
    "Purchases": "50.00",
    "Rent": "20.00",
    "Receivable": "399.00",
    "Payable": "-57.50",
    "GST": "-30.00",
    "Earnings": "-100.00",
}


def test_a_trial_balance(bench: Bench) -> None:
    """Debit and Credit are what the month moved, YTD what an account holds; the profit of last year is in earnings."""
    assert texts(bench, "TrialBalance", {"date": "2026-09-30"}) == [
        "Header | Account | Debit | Credit | YTD Debit | YTD Credit",
        "[Revenue]",
        "Row | Interest (260) |  | 0.00 |  | 10.00",
        "Row | Sales (200) |  | 60.00 |  | 260.00",
        "[Expenses]",
        "Row | Purchases (300) | 50.00 |  | 50.00 | ",
        "Row | Rent (469) | 20.00 |  | 20.00 | ",
        "[Assets]",
        "Row | Cheque (090) |  | 23.00 |  | 11.50",
        "Row | Receivable (610) | 54.00 |  | 399.00 | ",
        "[Liabilities]",
        "Row | GST (820) | 16.50 |  |  | 30.00",
        "Row | Payable (800) |  | 57.50 |  | 57.50",
        "[Equity]",
        "Row | Earnings (960) |  | 0.00 |  | 100.00",
        "[]",
        "SummaryRow | Total | 140.50 | 140.50 | 469.00 | 469.00",
    ]
    assert balances(bench) == BEFORE


def test_a_trial_balance_within_a_month(bench: Bench) -> None:
    """The month counts up to the day that is asked for."""
    rows = texts(bench, "TrialBalance", {"date": "2026-09-04"})
    assert "Row | Sales (200) |  | 100.00 |  | 300.00" in rows
    assert not [row for row in rows if "Purchases" in row]


def test_a_profit_and_loss(bench: Bench) -> None:
    """Income less cost of sales is gross profit; other income is added, operating expenses are taken away."""
    assert texts(bench, "ProfitAndLoss", {"fromDate": "2026-04-01", "toDate": "2026-09-30"}) == [
        "Header |  | 30 Sep 26",
        "[Income]",
        "Row | Sales | 260.00",
        "SummaryRow | Total Income | 260.00",
        "[Less Cost of Sales]",
        "Row | Purchases | 50.00",
        "SummaryRow | Total Cost of Sales | 50.00",
        "[]",
        "Row | Gross Profit | 210.00",
        "[Plus Other Income]",
        "Row | Interest | 10.00",
        "SummaryRow | Total Other Income | 10.00",
        "[Less Operating Expenses]",
        "Row | Rent | 20.00",
        "SummaryRow | Total Operating Expenses | 20.00",
        "[]",
        "Row | Net Profit | 200.00",
    ]
    bench.sim("switches", {"profit_row_type": "SummaryRow"})
    assert texts(bench, "ProfitAndLoss", SEPTEMBER)[-1] == "SummaryRow | Net Profit | -10.00"


def test_a_bank_summary(bench: Bench) -> None:
    """Every bank account: what it held before, what came in and went out, what it holds after."""
    assert texts(bench, "BankSummary", SEPTEMBER) == [
        "Header | Bank Accounts | Opening Balance | Cash Received | Cash Spent | Closing Balance",
        "[]",
        "Row | Cheque | 11.50 | 0.00 | 23.00 | -11.50",
        "Row | Dollars | 0.00 | 0.00 | 0.00 | 0.00",
        "SummaryRow | Total | 11.50 | 0.00 | 23.00 | -11.50",
    ]


def test_first_and_last_days_count(bench: Bench) -> None:
    """A month has its first day, a period both its ends, and nothing that comes after."""
    july = texts(bench, "TrialBalance", {"date": "2026-07-31"})
    assert "Row | Interest (260) |  | 10.00 |  | 10.00" in july
    one_day = {"fromDate": "2026-07-01", "toDate": "2026-07-01"}
    assert texts(bench, "BankSummary", one_day)[2] == "Row | Cheque | 0.00 | 11.50 | 0.00 | 11.50"
    assert "Row | Interest | 10.00" in texts(bench, "ProfitAndLoss", one_day)


def test_what_surrounds_the_rows(bench: Bench) -> None:
    """Each report has an envelope, says what it is and for when; without dates it is about now."""
    for name, words in (
        ("TrialBalance", ["Trial Balance", "Demo", "As at 25 September 2026"]),
        ("ProfitAndLoss", ["Profit & Loss", "Demo", "1 September 2026 to 30 September 2026"]),
        ("BankSummary", ["Bank Summary", "Demo", "From 1 September 2026 to 30 September 2026"]),
    ):
        answer = bench.get(f"Reports/{name}")
        body = decode(answer.content)
        assert list(body) == ["Id", "Status", "ProviderName", "DateTimeUTC", "Reports"]
        assert rb'"UpdatedDateUTC": "\/Date(' in answer.content
        (found,) = body["Reports"]
        assert (found["ReportID"], found["ReportType"], found["ReportTitles"]) == (name, name, words)
        assert found["ReportDate"] == "25 September 2026"


def test_cells_name_their_accounts(bench: Bench) -> None:
    """An account's cells bear its id; those of totals none."""
    rows = report(bench, "TrialBalance", {})["Rows"]
    bearing = {"Value": account_id("Interest"), "Id": "account"}
    assert [cell["Attributes"] for cell in rows[1]["Rows"][0]["Cells"]] == [[bearing]] * 5
    assert all("Attributes" not in cell for cell in rows[-1]["Rows"][0]["Cells"])
    bank = report(bench, "BankSummary", SEPTEMBER)["Rows"][1]["Rows"][0]["Cells"]
    assert [cell.get("Attributes", [{}])[0].get("Id") for cell in bank] == [
        "accountID",
        None,
        "account",
        "account",
        None,
    ]


@pytest.mark.parametrize("name", REPORTS)
def test_reports_are_as_the_openapi_file_says(bench: Bench, files: Contract, name: str) -> None:
    """Path, parameters and every field of the answer are in Xero's OpenAPI file."""
    query = {"date": "2026-09-30"} if name == "TrialBalance" else SEPTEMBER
    answer = bench.get(f"Reports/{name}", query)
    assert answer.status_code == 200
    assert unknown(files.check(exchange(answer))) == []
    broken = answer.content.replace(b'"RowType": "Header"', b'"RowType": "Heading"')
    answer._content = broken
    assert unknown(files.check(exchange(answer))) != []


# What happens to documents shows in the next report.


def test_a_payment_at_another_rate(bench: Bench) -> None:
    """Money goes from receivables to the bank; what the rate moved is a realised gain; taken back, all is as before."""
    body = {
        "tenant_id": TENANT,
        "invoice_id": identifier(3),
        "amount": Decimal("50.00"),
        "date": "2026-09-20",
    }
    paid = bench.sim("pay", body | {"account_id": account_id("Dollars")})["payment"]
    assert balances(bench) == BEFORE | {"Receivable": "299.00", "Dollars": "100.00"}
    change = {"tenant_id": TENANT, "resource": "Payments", "id": paid["PaymentID"]}
    bench.sim("change", change | {"set": {"CurrencyRate": Decimal("0.4")}})
    assert balances(bench) == BEFORE | {"Receivable": "299.00", "Dollars": "125.00", "Gains": "-25.00"}
    assert balances(bench, "2026-09-19") == BEFORE
    assert "Row | Gains | -25.00" in texts(bench, "ProfitAndLoss", SEPTEMBER)
    assert "Row | Dollars | 0.00 | 125.00 | 0.00 | 125.00" in texts(bench, "BankSummary", SEPTEMBER)
    bench.sim("unpay", {"tenant_id": TENANT, "payment_id": paid["PaymentID"]})
    assert balances(bench) == BEFORE


def test_an_allocation_stays_within_the_control_account(bench: Bench) -> None:
    """A credit note that is applied changes no account: what is due of the invoice and what is left fall together."""
    body = {"tenant_id": TENANT, "resource": "CreditNotes", "id": NOTE, "invoice_id": identifier(2)}
    bench.sim("allocate", body | {"amount": Decimal("46.00"), "date": "2026-09-21"})
    assert balances(bench) == BEFORE
    due = {one["InvoiceID"]: one["AmountDue"] for one in bench.rows("Invoices")}
    assert due[identifier(2)] == Decimal("184.00")


def test_a_bill_that_is_voided(bench: Bench) -> None:
    """It is in no account any more, as if it had never been."""
    bench.sim("void", {"tenant_id": TENANT, "resource": "Invoices", "id": BILL})
    expected = BEFORE | {"GST": "-37.50"}
    del expected["Payable"], expected["Purchases"]
    assert balances(bench) == expected
    assert "Row | Gross Profit | 60.00" in texts(bench, "ProfitAndLoss", SEPTEMBER)


def test_a_line_that_is_changed(bench: Bench) -> None:
    """Revenue, tax and receivables follow the document, in its own month."""
    line = {"LineAmount": Decimal("300.00"), "TaxAmount": Decimal("45.00"), "AccountCode": "200"}
    total = {"Total": Decimal("345.00"), "AmountDue": Decimal("345.00")}
    body = {"tenant_id": TENANT, "resource": "Invoices", "id": identifier(2)}
    bench.sim("change", body | {"set": {"LineItems": [line], **total}})
    assert balances(bench) == BEFORE | {"Sales": "-360.00", "GST": "-45.00", "Receivable": "514.00"}
    august = {"fromDate": "2026-08-01", "toDate": "2026-08-31"}
    assert texts(bench, "ProfitAndLoss", august)[-1] == "Row | Net Profit | 300.00"
    assert texts(bench, "ProfitAndLoss", SEPTEMBER)[-1] == "Row | Net Profit | -10.00"


def test_rounding_keeps_debits_and_credits_equal(bench: Bench) -> None:
    """Where cents are lost by rounding each account, the rounding account has them."""
    # 0.01 / 3 on each of two accounts is nothing in cents, both together on the control account are one.
    lines = [{"LineAmount": Decimal("0.01"), "AccountCode": code} for code in ("200", "260")]
    bill = document(9, "2026-09-07", "300", "0.02", LineItems=lines, CurrencyRate=Decimal(3))
    bench.sim("add", {"tenant_id": TENANT, "resource": "Invoices", "record": bill | {"CurrencyCode": "USD"}})
    rows = texts(bench, "TrialBalance", {"date": "2026-09-30"})
    assert "Row | Rounding (860) |  | 0.01 |  | 0.01" in rows
    assert rows[-1] == "SummaryRow | Total | 140.51 | 140.51 | 469.01 | 469.01"


def test_what_no_document_shows_can_be_switched_off(bench: Bench) -> None:
    """Depreciation and the conversion balance are in the reports, and gone by switch."""
    wear = {"AccountID": identifier(90), "Name": "Depreciation", "Type": "DEPRECIATN", "Class": "EXPENSE"}
    bench.sim("add", {"tenant_id": TENANT, "resource": "Accounts", "record": wear})
    body = {"tenant_id": TENANT, "resource": "Organisation", "id": TENANT}
    bench.sim("change", body | {"set": {"CreatedDateUTC": "/Date(1785542400000)/"}, "touch": False})
    found = balances(bench)
    month, opening = Decimal(found["Depreciation"]), -Decimal(found["Historical"])
    assert month >= 1000 and opening >= 200_000
    changed = {"Depreciation": str(month), "Depreciation-so-far": str(-month)}
    changed |= {"Historical": str(-opening), "Cheque": str(opening - Decimal("11.50"))}
    assert found == BEFORE | changed
    bench.sim("switches", {"depreciation": False, "conversion_balance": False})
    assert balances(bench) == BEFORE


def test_a_day_of_work(bench: Bench) -> None:
    """After a day of edits, payments, credits, voids and new documents the reports meet the documents to the cent."""
    office = generate(3, date(2026, 9, 24), documents=300)[0]
    tenant, name = office["tenant_id"], office["name"]
    bench.sim("load", office)
    bench.connect(scope=f"{SCOPES} {REPORT_SCOPES}", tenant_id=[tenant])

    def month() -> tuple[dict[str, list[str]], dict[str, Decimal]]:
        """The trial balance by account, and what is open by the documents."""
        answer = bench.get("Reports/TrialBalance", {"date": "2026-09-30"}, tenant=tenant)
        (found,) = decode(answer.content)["Reports"]
        assert found["ReportTitles"][1] == name
        rows = [row for section in found["Rows"][1:] for row in section["Rows"]]
        cells = [[cell["Value"] for cell in row["Cells"]] for row in rows]
        resources = {one: bench.sim(f"records/{tenant}/{one}")["records"] for one in DOCUMENTS}
        due = {side: open_items(resources, "AUD", side)[0] for side in SIDES}
        return {first: rest for first, *rest in cells}, due

    before, due_before = month()
    told = play(bench.url, tenant, 11)
    after, due = month()
    assert len(told) > 20 and due["DEBTORS"] != due_before["DEBTORS"]
    for found, owed in ((before, due_before), (after, due)):
        assert found["Accounts Receivable (610)"][2] == f"{owed['DEBTORS']:.2f}"
        assert found["Accounts Payable (800)"][3] == f"{owed['CREDITORS']:.2f}"
        debit, credit, year_debit, year_credit = found["Total"]
        assert debit == credit and year_debit == year_credit


# Who may ask, and how.


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_a_scope_of_its_own(bench: Bench, name: str) -> None:
    """The scopes of the other reports do not open it."""
    own = f"accounting.reports.{name.lower()}.read"
    bench.connect(scope=f"{SCOPES} {REPORT_SCOPES}".replace(f" {own}", ""))
    refused = bench.get(f"Reports/{name}")
    assert refused.status_code == 401
    assert "insufficent_scope" in refused.headers["WWW-Authenticate"]
    bench.connect(scope=f"{SCOPES} {own}")
    assert bench.get(f"Reports/{name}").status_code == 200


def test_a_report_is_a_call(bench: Bench) -> None:
    """It counts for the limits, and its answer says what is left of them."""
    left = [int(bench.get("Reports/TrialBalance").headers["X-DayLimit-Remaining"]) for _ in range(2)]
    assert left[0] - left[1] == 1
    bench.sim("switches", {"minute_limit": 2})
    refused = bench.get("Reports/BankSummary")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "minute")


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("TrialBalance", {"date": "30/09/2026"}, 400),
        ("TrialBalance", {"date": "2026-09-31"}, 400),
        ("TrialBalance", {"paymentsOnly": "true"}, 400),
        ("ProfitAndLoss", {"fromDate": "2026-09-30", "toDate": "2026-09-01"}, 400),
        ("ProfitAndLoss", {"fromDate": "2025-01-01", "toDate": "2026-01-02"}, 400),
        ("ProfitAndLoss", {**SEPTEMBER, "periods": "3", "timeframe": "MONTH"}, 400),
        ("BankSummary", {"fromDate": "September"}, 400),
        ("BalanceSheet", {}, 404),
        ("", {}, 404),
    ],
)
def test_what_is_refused(bench: Bench, name: str, query: dict[str, str], status: int) -> None:
    """Dates that are none, periods that are none, and what this stand-in does not work out."""
    answer = bench.get(f"Reports/{name}".rstrip("/"), query)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["Elements"][0]["ValidationErrors"][0]["Message"]


def test_reports_are_xml_unless_asked_otherwise(bench: Bench) -> None:
    """As with every other call, JSON has to be asked for."""
    assert bench.get("Reports/TrialBalance", accept="*/*").status_code == 406


def test_the_ledger_of_the_control_interface(bench: Bench) -> None:
    """It needs an organisation that is there, and a day."""
    bench.sim(f"ledger/{identifier(99)}?date=2026-09-30", status=404)
    bench.sim(f"ledger/{TENANT}?date=soon", status=400)
    assert bench.sim(f"ledger/{TENANT.upper()}?date=2026-02-09") == {"date": "2026-02-09", "balances": []}
