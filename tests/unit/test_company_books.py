"""The invented company's three offices: whatever a record names exists, and all sums agree across the books."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

import pytest

from local.company import first_day, generate
from local.company.wire import milliseconds_of

TODAY = date(2026, 11, 23)

Record = dict[str, Any]
Books = dict[str, Any]

KEYS = {
    "Accounts": "AccountID",
    "TaxRates": "TaxType",
    "TrackingCategories": "TrackingCategoryID",
    "Items": "ItemID",
    "Contacts": "ContactID",
    "Invoices": "InvoiceID",
    "CreditNotes": "CreditNoteID",
    "Prepayments": "PrepaymentID",
    "Overpayments": "OverpaymentID",
    "PurchaseOrders": "PurchaseOrderID",
    "BankTransactions": "BankTransactionID",
    "BankTransfers": "BankTransferID",
    "ManualJournals": "ManualJournalID",
    "Payments": "PaymentID",
}
# What counts as a document.
DOCUMENTS = (
    *("Invoices", "CreditNotes", "Prepayments", "Overpayments", "PurchaseOrders"),
    *("BankTransactions", "BankTransfers", "ManualJournals"),
)
WITH_LINES = tuple(name for name in DOCUMENTS if name not in ("BankTransfers", "ManualJournals"))
CREDITS = ("CreditNotes", "Prepayments", "Overpayments")
STATUSES = {
    "Invoices": {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"},
    "CreditNotes": {"DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "VOIDED", "DELETED"},
    "Prepayments": {"AUTHORISED", "PAID", "VOIDED"},
    "Overpayments": {"AUTHORISED", "PAID", "VOIDED"},
    "PurchaseOrders": {"DRAFT", "SUBMITTED", "AUTHORISED", "BILLED", "DELETED"},
    "BankTransactions": {"AUTHORISED", "VOIDED", "DELETED"},
    "BankTransfers": {"AUTHORISED", "DELETED"},
    "ManualJournals": {"DRAFT", "POSTED", "DELETED", "VOIDED", "ARCHIVED"},
    "Payments": {"AUTHORISED", "DELETED"},
}


def made(seed: int, today: date, months: int = 24, documents: int = 12_000) -> list[Books]:
    """The books as JSON on the wire, their numbers exact."""
    text = json.dumps(generate(seed, today, months, documents))
    books: list[Books] = json.loads(text, parse_float=Decimal)
    return books


@pytest.fixture(scope="module")
def company() -> list[Books]:
    return made(11, TODAY)


@pytest.fixture(scope="module", params=[(24, 12_000), (24, 300), (3, 300)], ids=["large", "small", "young"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    """Months and documents."""
    months, documents = request.param
    return months, documents


@pytest.fixture(scope="module")
def books(size: tuple[int, int], company: list[Books]) -> list[Books]:
    return company if size == (24, 12_000) else made(4, TODAY, *size)


def number(value: Any) -> Decimal:
    return Decimal(str(value))


def total(values: Iterator[Any]) -> Decimal:
    return sum((number(value) for value in values), Decimal(0))


def held(office: Books, resource: str) -> dict[str, Record]:
    return {record[KEYS[resource]]: record for record in office["resources"][resource]}


def each(books: list[Books], *resources: str) -> Iterator[tuple[Books, str, Record]]:
    for office in books:
        for resource in resources:
            for record in office["resources"][resource]:
                yield office, resource, record


def lines(record: Record) -> list[Record]:
    found: list[Record] = record["JournalLines"] if "JournalLines" in record else record["LineItems"]
    return found


def test_three_offices(company: list[Books]) -> None:
    """Three organisations in two base currencies and three time zones belong to two users, and no id is shared."""
    organisations = [office["resources"]["Organisation"][0] for office in company]
    assert [office["user"] for office in company] == ["user-1", "user-1", "user-2"]
    assert [one["BaseCurrency"] for one in organisations] == ["AUD", "AUD", "NZD"]
    assert [one["Timezone"] for one in organisations] == [
        "AUSEASTERNSTANDARDTIME",
        "WAUSTRALIASTANDARDTIME",
        "NEWZEALANDSTANDARDTIME",
    ]
    assert [office["name"] for office in company] == [one["Name"] for one in organisations]
    assert len({office["name"] for office in company}) == 3
    assert all(set(office) == {"tenant_id", "name", "user", "resources"} for office in company)
    assert all(list(office["resources"]) == ["Organisation", *KEYS] for office in company)
    ids = [office["tenant_id"] for office in company]
    ids += [record[KEYS[name]] for _, name, record in each(company, *(set(KEYS) - {"TaxRates"}))]
    ids += [
        line["LineItemID"]
        for _, _, record in each(company, *WITH_LINES)
        for line in lines(record)
        if "LineItemID" in line
    ]
    assert len(set(ids)) == len(ids) > 40_000


@pytest.mark.parametrize("documents", [300, 301, 307, 350, 500, 999, 2000])
def test_counts(documents: int) -> None:
    """The three books together hold as many documents as asked for, however many that is."""
    made_books = generate(2, TODAY, 24, documents)
    assert sum(1 for _ in each(made_books, *DOCUMENTS)) == documents


def test_proportions(company: list[Books]) -> None:
    """In 12,000 documents no kind is rare, and each office has contacts, items and accounts enough."""
    counts = Counter(resource for _, resource, _ in each(company, *DOCUMENTS))
    assert sum(counts.values()) == 12_000
    assert counts["Invoices"] > 6000
    assert all(counts[resource] >= 120 for resource in DOCUMENTS)
    for office in company:
        resources = office["resources"]
        assert len(resources["Contacts"]) >= 200
        assert len(resources["Items"]) >= 40
        assert 45 <= len(resources["Accounts"]) <= 60


def test_statuses(books: list[Books]) -> None:
    """Every status that a kind can have occurs."""
    seen: dict[str, set[str]] = {name: set() for name in STATUSES}
    for _, resource, record in each(books, *STATUSES):
        seen[resource].add(record.get("Status", "AUTHORISED"))
    for resource, statuses in STATUSES.items():
        assert seen[resource] >= statuses, resource


def test_what_lines_name_exists(books: list[Books]) -> None:
    """Accounts, tax types, items and tracking options of all lines are in the lists, under the ids that are given."""
    for office in books:
        accounts = held(office, "Accounts")
        codes = {one["Code"]: key for key, one in accounts.items() if "Code" in one}
        items = {one["Code"]: one["ItemID"] for one in office["resources"]["Items"]}
        rates = held(office, "TaxRates")
        options = {
            (category["TrackingCategoryID"], category["Name"], option["Name"]): option["TrackingOptionID"]
            for category in office["resources"]["TrackingCategories"]
            for option in category["Options"]
        }
        tracked = 0
        for _, _, record in each([office], *WITH_LINES, "ManualJournals"):
            for line in lines(record):
                assert line.get("TaxType", "NONE") in rates
                if "AccountCode" in line:
                    assert line.get("AccountID", codes[line["AccountCode"]]) == codes[line["AccountCode"]]
                elif "AccountID" in line:
                    assert accounts[line["AccountID"]]["Type"] == "BANK"
                if "ItemCode" in line:
                    named = line.get("Item") or {}
                    assert named.get("ItemID", items[line["ItemCode"]]) == items[line["ItemCode"]]
                for one in line["Tracking"]:
                    option = options[one["TrackingCategoryID"], one["Name"], one["Option"]]
                    assert one.get("TrackingOptionID", option) == option
                    tracked += 1
        assert tracked


def test_lines_add_up(books: list[Books]) -> None:
    """The lines of every document add up to its totals, and those of a manual journal to nothing."""
    for _, resource, record in each(books, *WITH_LINES, "ManualJournals"):
        amounts = total(line.get("LineAmount", 0) for line in lines(record))
        tax = total(line.get("TaxAmount", 0) for line in lines(record))
        if resource == "ManualJournals":
            assert amounts == tax == 0
            assert len(lines(record)) >= 2
            continue
        net, whole = number(record["SubTotal"]), number(record["Total"])
        assert number(record["TotalTax"]) == tax == whole - net
        assert amounts == (whole if record["LineAmountTypes"].lower() == "inclusive" else net)
        if resource != "Invoices":
            assert whole > 0


def test_contacts_and_currencies(books: list[Books]) -> None:
    """Documents are with contacts of the list; foreign ones state a rate, but for a few, and others have none but 1."""
    without = 0
    for office in books:
        contacts, base = held(office, "Contacts"), office["resources"]["Organisation"][0]["BaseCurrency"]
        for _, _, record in each([office], *WITH_LINES):
            if record.get("Contact"):
                assert record["Contact"]["ContactID"] in contacts
            if record.get("CurrencyCode", base) == base:
                assert number(record.get("CurrencyRate", 1)) == 1
            else:
                without += "CurrencyRate" not in record
                assert number(record.get("CurrencyRate", 2)) != 1
    assert without


def test_credits_and_allocations(books: list[Books]) -> None:
    """An invoice is credited with exactly what credits of its contact and currency allocate to it, by their ids."""
    for office in books:
        invoices = held(office, "Invoices")
        credits = {key: one for name in CREDITS for key, one in held(office, name).items()}
        applied: dict[tuple[str, str], Decimal] = {}
        for key, credit in credits.items():
            for allocation in credit["Allocations"]:
                invoice = invoices[allocation["Invoice"]["InvoiceID"]]
                assert invoice["Contact"]["ContactID"] == credit["Contact"]["ContactID"]
                assert invoice.get("CurrencyCode", credit["CurrencyCode"]) == credit["CurrencyCode"]
                assert (invoice["Type"] == "ACCREC") == credit["Type"].startswith(("RECEIVE", "ACCREC"))
                assert number(allocation["Amount"]) > 0
                pair = (invoice["InvoiceID"], key)
                applied[pair] = applied.get(pair, Decimal(0)) + number(allocation["Amount"])
        stubs = {
            (invoice["InvoiceID"], stub[KEYS[name]]): stub
            for invoice in invoices.values()
            for name in CREDITS
            for stub in invoice[name]
        }
        assert stubs.keys() == applied.keys()
        credited = dict.fromkeys(invoices, Decimal(0))
        for (invoice_id, credit_id), stub in stubs.items():
            assert number(stub["AppliedAmount"]) == applied[invoice_id, credit_id]
            assert number(stub["Total"]) == number(credits[credit_id]["Total"])
            credited[invoice_id] += number(stub["AppliedAmount"])
        assert {key: number(one["AmountCredited"]) for key, one in invoices.items()} == credited


def test_remaining_credit(books: list[Books]) -> None:
    """A credit has left what was neither applied nor refunded; when that is nothing it is PAID, with the last day."""
    refunded = set()
    for office, resource, credit in each(books, *CREDITS):
        alive = credit["Payments"]
        applied = total(one["Amount"] for one in credit["Allocations"])
        left = number(credit["Total"]) - applied - total(one["Amount"] for one in alive)
        assert number(credit["RemainingCredit"]) == left >= 0
        assert number(credit.get("AppliedAmount", 0)) == applied
        if credit["Status"] in ("AUTHORISED", "PAID"):
            assert (credit["Status"] == "PAID") == (left == 0)
        elif credit["Status"] in STATUSES[resource]:
            assert not credit["Allocations"] and not alive
        if alive:
            refunded.add((office["user"], resource))
    assert {resource for _, resource in refunded} == set(CREDITS)


def test_payments(books: list[Books]) -> None:
    """Every payment is of one document that exists, and its documents hold stubs of those not deleted, to the cent."""
    for office in books:
        accounts = held(office, "Accounts")
        known = {name: held(office, name) for name in ("Invoices", *CREDITS)}
        paid: dict[str, dict[str, Record]] = {}
        for payment in office["resources"]["Payments"]:
            assert accounts[payment["Account"]["AccountID"]]["Type"] == "BANK"
            kind, key = _paid(payment)
            assert key in known[kind], payment["PaymentType"]
            if payment["Status"] != "DELETED":
                paid.setdefault(key, {})[payment["PaymentID"]] = payment
        for _, resource, record in each([office], "Invoices", *CREDITS):
            listed = paid.get(record[KEYS[resource]], {})
            assert {stub["PaymentID"] for stub in record["Payments"]} == listed.keys()
            for stub in record["Payments"]:
                assert number(stub["Amount"]) == number(listed[stub["PaymentID"]]["Amount"])
            if resource == "Invoices":
                assert total(stub["Amount"] for stub in record["Payments"]) == number(record["AmountPaid"])


def _paid(payment: Record) -> tuple[str, str]:
    """Resource and id of what a payment pays or refunds, by its type."""
    kind = payment["PaymentType"]
    if kind in ("ACCRECPAYMENT", "ACCPAYPAYMENT"):
        return "Invoices", payment["Invoice"]["InvoiceID"]
    if "CREDIT" in kind:
        note = payment.get("CreditNote") or payment["Invoice"]
        return "CreditNotes", note.get("CreditNoteID") or note["InvoiceID"]
    name = "Prepayment" if "PREPAYMENT" in kind else "Overpayment"
    return f"{name}s", payment[name][f"{name}ID"]


def test_advances_are_bank_transactions(books: list[Books]) -> None:
    """Each prepayment and overpayment is one bank transaction of its type, contact, day and total, and none is more."""
    for office in books:
        advances = {**held(office, "Prepayments"), **held(office, "Overpayments")}
        found: Counter[str] = Counter()
        for movement in office["resources"]["BankTransactions"]:
            key = movement.get("PrepaymentID", movement.get("OverpaymentID"))
            assert (key is not None) == movement["Type"].endswith("PAYMENT")
            if key is None:
                continue
            found[key] += 1
            advance = advances[key]
            assert ("PrepaymentID" in movement) == ("PrepaymentID" in advance)
            for name in ("Type", "Total", "Date", "CurrencyCode"):
                assert movement[name] == advance[name]
            assert movement["Contact"]["ContactID"] == advance["Contact"]["ContactID"]
            assert (movement["Status"] == "VOIDED") == (advance["Status"] == "VOIDED")
        assert found == dict.fromkeys(advances, 1)


def test_transfers_have_two_ends(books: list[Books]) -> None:
    """A transfer's two bank transactions are at its accounts, spend its amount, receive its worth, and share its fate."""
    foreign = 0
    for office in books:
        movements = held(office, "BankTransactions")
        accounts = held(office, "Accounts")
        ends = {key for key, one in movements.items() if one["Type"].endswith(("TRANSFER", "SWEEP"))}
        for transfer in office["resources"]["BankTransfers"]:
            source, target = (movements[transfer[f"{side}BankTransactionID"]] for side in ("From", "To"))
            ends -= {source["BankTransactionID"], target["BankTransactionID"]}
            assert source["Type"] == "SPEND-TRANSFER"
            assert source["BankAccount"]["AccountID"] == transfer["FromBankAccount"]["AccountID"]
            assert target["BankAccount"]["AccountID"] == transfer["ToBankAccount"]["AccountID"]
            assert number(transfer["Amount"]) == number(source["Total"])
            arrived = number(transfer["Amount"]) / number(transfer.get("CurrencyRate", 1))
            assert number(target["Total"]) == arrived.quantize(Decimal("0.01"), ROUND_HALF_UP)
            foreign += "CurrencyRate" in transfer
            deleted = transfer.get("Status") == "DELETED"
            assert {source["Status"], target["Status"]} == {"DELETED" if deleted else "AUTHORISED"}
        assert not ends
        for movement in movements.values():
            account = accounts[movement["BankAccount"]["AccountID"]]
            assert account["CurrencyCode"] == movement["CurrencyCode"]
            assert movement["BankAccount"].get("Code") == account.get("Code")
    assert foreign >= 3


def test_billed_orders(books: list[Books]) -> None:
    """A billed order is to a supplier who billed the same goods."""
    for office in books:
        bills = {
            (one["Contact"]["ContactID"], number(one["Total"])) for one in office["resources"]["Invoices"]
        }
        orders = office["resources"]["PurchaseOrders"]
        billed = [one for one in orders if one["Status"] == "BILLED"]
        matched = [one for one in billed if (one["Contact"]["ContactID"], number(one["Total"])) in bills]
        assert matched
        assert len(matched) > len(billed) * 3 // 4
        assert len({one["PurchaseOrderNumber"] for one in orders}) == len(orders)


def test_tracked_stock(books: list[Books]) -> None:
    """Tracked items have stock at what it cost, and accounts for it; others have neither; services are not goods."""
    for office in books:
        codes = {record.get("Code"): record for record in office["resources"]["Accounts"]}
        tracked = [one for one in office["resources"]["Items"] if one["IsTrackedAsInventory"]]
        assert len(tracked) >= 30
        for item in tracked:
            assert codes[item["InventoryAssetAccountCode"]]["Type"] == "INVENTORY"
            assert codes[item["PurchaseDetails"]["COGSAccountCode"]]["Type"] == "DIRECTCOSTS"
            assert number(item["QuantityOnHand"]) >= 0
            worth = number(item["QuantityOnHand"]) * number(item["PurchaseDetails"]["UnitPrice"])
            assert number(item["TotalCostPool"]) == worth
        for item in office["resources"]["Items"]:
            assert ("QuantityOnHand" in item) == item["IsTrackedAsInventory"]


def test_tracking_categories(books: list[Books]) -> None:
    """Two categories are active, one is archived, and an archived option of an active one stands on old lines."""
    for office in books:
        categories = office["resources"]["TrackingCategories"]
        assert sorted(one["Status"] for one in categories) == ["ACTIVE", "ACTIVE", "ARCHIVED"]
        archived = {
            option["Name"]
            for one in categories
            if one["Status"] == "ACTIVE"
            for option in one["Options"]
            if option["Status"] == "ARCHIVED"
        }
        assert len(archived) == 1
        if len(office["resources"]["Invoices"]) > 1000:
            options = {
                tracking["Option"]
                for _, _, record in each([office], "Invoices")
                for line in lines(record)
                for tracking in line["Tracking"]
            }
            assert archived <= options


def test_allocations_reach_back(books: list[Books], size: tuple[int, int]) -> None:
    """In each office a credit of every kind from before the months was applied within them, unseen by its invoice."""
    first = first_day(TODAY, size[0])
    for office in books:
        invoices = held(office, "Invoices")
        reached = set()
        for _, resource, credit in each([office], *CREDITS):
            for allocation in credit["Allocations"]:
                invoice = invoices[allocation["Invoice"]["InvoiceID"]]
                dated = [on for one in (credit, invoice) if (on := day(one)) and on < first]
                applied = day(allocation)
                if len(dated) == 2 and applied and applied >= first:
                    reached.add(resource)
                    stamps = [milliseconds_of(one["UpdatedDateUTC"]) for one in (invoice, credit)]
                    assert stamps[0] < stamps[1]
        assert reached == set(CREDITS)


def day(record: Record) -> date | None:
    if "Date" not in record:
        return None
    return date.fromordinal(date(1970, 1, 1).toordinal() + milliseconds_of(record["Date"]) // 86_400_000)


def test_stamps(books: list[Books]) -> None:
    """Lists with a stamp ascend by it and the id, and no stamp lies in the future."""
    limit = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp() * 1000
    for office in books:
        for resource, key in KEYS.items():
            if resource in ("Accounts", "TaxRates", "TrackingCategories"):
                continue
            stamp = "CreatedDateUTC" if resource == "BankTransfers" else "UpdatedDateUTC"
            order = [
                (milliseconds_of(record[stamp]), record[key]) for record in office["resources"][resource]
            ]
            assert all(earlier < later for earlier, later in pairwise(order)), resource
            assert order[-1][0] < limit


def test_nothing_is_null(company: list[Books]) -> None:
    """Xero leaves out what it does not know, so no field is null at any depth."""
    text = json.dumps([office["resources"] for office in company], default=str)
    assert not re.search(r"[:\[,] null[,}\]]", text)


def test_awkward_values_of_every_kind(books: list[Books]) -> None:
    """The kinds besides invoices have their awkward values too, in the smallest books as in large ones."""
    resources = books[0]["resources"]
    base = resources["Organisation"][0]["BaseCurrency"]

    def some(resource: str, text: str) -> bool:
        return any(text in json.dumps(record, default=str) for record in resources[resource])

    notes, advances = resources["CreditNotes"], resources["Prepayments"] + resources["Overpayments"]
    movements, transfers = resources["BankTransactions"], resources["BankTransfers"]
    orders, journals = resources["PurchaseOrders"], resources["ManualJournals"]
    assert any(isinstance(one["Total"], str) for one in notes)
    assert any("AllocationID" not in allocation for one in notes for allocation in one["Allocations"])
    assert {one["Status"] for one in notes} - STATUSES["CreditNotes"]
    assert some("CreditNotes", "CreditReason")
    assert any("UpdatedDateUTCString" not in one for one in notes)
    assert any(line.get("Item") == [] for one in notes for line in one["LineItems"])
    assert any("+0000" not in one["UpdatedDateUTC"] for one in advances)
    assert any(isinstance(one["HasAttachments"], str) for one in advances)
    assert any("LineItemID" not in line for one in advances for line in one["LineItems"])
    assert any("Code" not in one["BankAccount"] for one in movements)
    assert any(isinstance(one["Total"], str) for one in movements)
    assert any("AccountCode" not in one["LineItems"][0] and one["Type"] == "SPEND" for one in movements)
    assert any(one.get("Contact") == [] for one in movements)
    assert any("Contact" not in one for one in movements)
    assert any(one["Type"] == "RECEIVE-SWEEP" for one in movements)
    assert any(one["CurrencyCode"] != base and "CurrencyRate" not in one for one in movements)
    assert any(isinstance(one["Amount"], str) for one in transfers)
    assert any(one["Status"] == "PARTIALLYBILLED" for one in orders)
    assert any("Date" not in one for one in orders)
    assert any("AccountCode" not in line for one in orders for line in one["LineItems"])
    assert any("AccountID" not in line for one in journals for line in one["JournalLines"])
    assert any(isinstance(line["IsBlank"], str) for one in journals for line in one["JournalLines"])
    assert any(isinstance(one.get("QuantityOnHand"), str) for one in resources["Items"])
    assert any(one["PurchaseDetails"] == [] for one in resources["Items"])


def test_rare_values(company: list[Books]) -> None:
    """Credit notes in foreign currency without a rate, and transfers from before they had a status."""
    for office in company:
        base = office["resources"]["Organisation"][0]["BaseCurrency"]
        notes = office["resources"]["CreditNotes"]
        assert any(one["CurrencyCode"] != base and "CurrencyRate" not in one for one in notes)
        for transfer in office["resources"]["BankTransfers"]:
            made_on = datetime.fromisoformat(transfer["CreatedDateUTCString"]).date()
            with_status = made_on >= date(2026, 7, 1) or transfer.get("Status") == "DELETED"
            assert ("Status" in transfer) == with_status


def test_same_seed_same_books() -> None:
    """A seed fixes every byte of the books, and another seed makes another company."""
    once, again, other = (json.dumps(generate(seed, TODAY, documents=600)) for seed in (5, 5, 6))
    assert once == again
    assert once != other
    assert not {one["tenant_id"] for one in json.loads(once)} & {
        one["tenant_id"] for one in json.loads(other)
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("months", "today"), [(3, date(2026, 11, 1)), (24, date(2028, 2, 29)), (3, date(2026, 11, 30))]
)
def test_small_books(seed: int, months: int, today: date) -> None:
    """The smallest books have room for every awkward value, whatever the seed and the day."""
    books = generate(seed, today, months, 300)
    assert sum(1 for _ in each(books, *DOCUMENTS)) == 300


def test_books_too_small() -> None:
    """Books too small to hold all that they promise are refused."""
    for months, documents in ((24, 299), (2, 4000)):
        with pytest.raises(ValueError, match="300 documents and three months"):
            generate(1, TODAY, months, documents)
