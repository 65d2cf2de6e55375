"""The demo with the recorded Demo Company (AU): Power BI shows what the files hold, counted straight from them."""

import json
import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from commands.demo import LONG_AGO
from tests.system.proving import staying
from tests.system.running import ROOT, manage
from tests.unit.dax.proof import figures, proof

RECORDED = ROOT.parent / "shared" / "samples" / "xeroizer" / "test" / "stub_responses"


def records(kind: str) -> list[ElementTree.Element]:
    """The single records of a kind, each in a file of its own."""
    return [
        element
        for file in sorted((RECORDED / "records").glob("*.xml"))
        for element in ElementTree.parse(file).getroot().iterfind(f"{kind}s/{kind}")
    ]


def listed(file: str, path: str) -> list[ElementTree.Element]:
    return ElementTree.parse(RECORDED / file).getroot().findall(path)


def total(elements: list[ElementTree.Element], field: str) -> Decimal:
    return sum((Decimal(each.findtext(field) or 0) for each in elements), Decimal(0))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded company is not beside this checkout")
def test_the_recorded_company_arrives_whole(checkout: Path) -> None:
    """All invoices with their lines, payments, credit notes, journals, contacts and accounts; every sum to the cent."""
    report = checkout / "report.json"
    done = manage("demo", "--once", "--company", str(RECORDED), "--report", str(report), folder=checkout)
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(report.read_text(encoding="utf-8"))
    invoices, payments = records("Invoice"), listed("payments.xml", "Payments/Payment")
    notes, journals = records("CreditNote"), records("ManualJournal")
    prepayments = records("Prepayment")
    accounts, items = listed("accounts.xml", "Accounts/Account"), listed("items.xml", "Items/Item")
    rates = listed("tax_rates.xml", "TaxRates/TaxRate")
    options = listed("tracking_categories.xml", "TrackingCategories/TrackingCategory/Options/Option")
    invoice_lines = [line for each in invoices for line in each.iterfind("LineItems/LineItem")]
    lines = [
        line
        for each in (*invoices, *notes, *prepayments, *journals)
        for line in (*each.iterfind("LineItems/LineItem"), *each.iterfind("JournalLines/JournalLine"))
    ]
    documents = (*invoices, *notes, *prepayments)
    entries = [each for one in documents for each in one.iterfind("Payments/Payment")]
    entries += [each for one in (*notes, *prepayments) for each in one.iterfind("Allocations/Allocation")]
    counted = {name: table["powerbi_current"] for name, table in written["tables"].items()}
    assert counted == {
        "Organisations": 1,
        "Accounts": len(accounts),
        "Items": len(items),
        "TaxRates": len(rates),
        "TrackingCategories": len(options),
        "Contacts": len(records("Contact")),
        "Invoices": len(invoices),
        "CreditNotes": len(notes),
        "Payments": len(payments),
        "Prepayments": len(prepayments),
        "ManualJournals": len(journals),
        "Lines": len(lines),
        "Allocations": len(
            [each for note in (*notes, *prepayments) for each in note.iterfind("Allocations/Allocation")]
        ),
        "OpenItems": len(documents) + len(entries),
        "CashMovements": len([each for each in payments if each.findtext("Status") != "DELETED"]),
        # Four years are asked for, one of which has a leap day.
        **dict.fromkeys(("Calendar", "AsAt"), 1461),
        "AgingBuckets": 2 * 5,
        **dict.fromkeys(
            ("Overpayments", "BankTransactions", "BankTransfers", "PurchaseOrders", "Journals", "SyncStatus"),
            0,
        ),
    }
    # What the recording is known to hold.
    assert (len(invoices), len(invoice_lines), len(payments), len(notes), len(journals)) == (82, 90, 50, 8, 4)
    assert (counted["Contacts"], len(accounts)) == (104, 56)
    assert len([each for each in payments if each.findtext("Status") == "DELETED"]) == 1
    shown = done.stdout.splitlines()
    assert shown[-3] == "Next:"
    assert all(line.startswith("  python3 manage.py ") for line in shown[-2:])
    # A person sees how much was taken and passed over, within 80 columns; each passed-over file is in a file.
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert re.search(r"^  .*\bInvoices +82\b", done.stdout, re.MULTILINE)
    listed_files = (checkout / ".local" / "passed-over.txt").read_text(encoding="utf-8").splitlines()
    assert f"Passed over: {len(listed_files)}, each with its reason in .local/passed-over.txt" in done.stdout
    assert any(line.startswith("employees.xml: ") for line in listed_files)
    assert "employees.xml" not in done.stdout
    sums = {
        name: {column: Decimal(text) for column, text in of_table.items()}
        for name, of_table in written["sums"].items()
    }
    assert sums["Invoices"]["TotalAmount"] == total(invoices, "Total") > 0
    assert sums["Invoices"]["SubTotal"] == total(invoices, "SubTotal")
    assert sums["Invoices"]["AmountPaid"] == total(invoices, "AmountPaid")
    assert sums["Invoices"]["AmountDue"] == total(invoices, "AmountDue")
    assert sums["Invoices"]["AmountCredited"] == total(invoices, "AmountCredited")
    assert sums["Invoices"]["TotalTax"] == total(invoices, "TotalTax")
    assert sums["Payments"]["Amount"] == total(payments, "Amount") > 0
    assert sums["CreditNotes"]["TotalAmount"] == total(notes, "Total")
    assert sums["CreditNotes"]["TotalTax"] == total(notes, "TotalTax")
    assert sums["Prepayments"]["RemainingCredit"] == total(prepayments, "RemainingCredit") > 0
    assert sums["Lines"]["LineAmount"] == total(lines, "LineAmount")
    assert sums["Lines"]["TaxAmount"] == total(lines, "TaxAmount")


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded company is not beside this checkout")
def test_the_measures_of_the_recorded_company(checkout: Path) -> None:
    """Each measure says what the recorded records say, and there is something owed, sold and bought."""
    with staying("--company", str(RECORDED), folder=checkout) as demo:
        rows = demo.rows()
        [tenant_id] = {row["TenantID"] for row in rows["Organisations"]}
        books = demo.books(tenant_id, LONG_AGO, reports=False)
    assert demo.code == 0
    assert proof(rows, [books]) == []
    told = figures(rows, books)
    some = ("Receivables As At", "Payables As At", "Sales", "Purchases", "Cash In", "Cash Out")
    assert [name for name in some if not told[name]] == []


def test_a_folder_without_a_recording_is_said_in_a_sentence(checkout: Path, tmp_path: Path) -> None:
    """Nothing recorded in it: which folder, what was missed and what was passed over, no traceback, exit code 1, nothing started."""
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    other.mkdir()
    (other / "notes.txt").write_text("to be recorded on Monday", encoding="utf-8")
    for folder, passed_over in ((empty, ""), (other, " Passed over: notes.txt is neither .json nor .xml.")):
        done = manage("demo", "--once", "--company", str(folder), folder=checkout, columns=1000)
        assert done.returncode == 1
        said = f"{folder} holds no answer of Xero's about an organisation (Organisations).{passed_over}"
        assert done.stdout.splitlines() == [said]
        assert done.stderr == ""
        assert not (checkout / ".local").exists()
