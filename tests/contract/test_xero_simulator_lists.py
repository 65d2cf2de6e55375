"""Lists and single records of the Xero stand-in, over a real socket."""

import re
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from local.simulation import Fault
from local.xero.resources import RESOURCES
from local.xero.wire import Record
from tests.contract.xero_bench import ACCOUNT, CONTACT, DAY, SCOPES, START, Bench, date, identifier, invoice

STATUSES = ("AUTHORISED", "DRAFT", "PAID", "VOIDED")


def contact(number: int, **fields: Any) -> Record:
    return {
        "ContactID": identifier(number),
        "ContactStatus": "ACTIVE",
        "Name": f"Contact {number}",
        "ContactPersons": [{"FirstName": "A"}],
        "IsCustomer": True,
        "Balances": {"AccountsReceivable": {"Outstanding": Decimal("1.00")}},
        "MergedToContactID": identifier(99),
        "UpdatedDateUTC": date(START),
        **fields,
    }


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Twelve invoices, number n of them n seconds after START; the statuses and days follow one another."""
    with Bench() as bench:
        bench.load(
            Invoices=[
                invoice(
                    n, Status=STATUSES[n % 4], Date=date(DAY + n * 86_400_000), Total=Decimal(100 + n % 3)
                )
                for n in reversed(range(12))
            ],
            Contacts=[
                contact(1),
                contact(2, ContactStatus="ARCHIVED"),
                contact(3, ContactStatus="GDPRREQUEST"),
            ],
            Accounts=[{"AccountID": ACCOUNT, "Code": "090", "Name": "Bank", "UpdatedDateUTC": date(START)}],
            Organisation=[{"Name": "Demo", "PaymentTerms": {}, "OrganisationID": identifier(1)}],
        )
        bench.connect(scope=f"{SCOPES} accounting.journals.read")
        bench.sim("switches", {"minute_limit": 10_000})
        yield bench


def test_an_answer_is_laid_out_as_recorded(bench: Bench) -> None:
    """Meta fields, CRLF, two blanks a level, escaped slashes in dates and exact numbers, byte for byte."""
    response = bench.get("Organisation")
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    identity = response.headers["Xero-Correlation-Id"]
    now = int(bench.xero.clock.now().timestamp() * 1000)
    assert response.content.decode() == "\r\n".join(
        [
            "{",
            f'  "Id": "{identity}",',
            '  "Status": "OK",',
            '  "ProviderName": "Local stand-in",',
            rf'  "DateTimeUTC": "\/Date({now})\/",',
            '  "Organisations": [',
            "    {",
            '      "Name": "Demo",',
            '      "PaymentTerms": {},',
            f'      "OrganisationID": "{identifier(1)}"',
            "    }",
            "  ]",
            "}",
        ]
    )
    text = bench.get("Invoices", {"page": 1}).text
    assert rf'"Date": "\/Date({DAY}+0000)\/"' in text
    assert '"AmountDue": 100.00,\r\n' in text
    assert '"Payments": [],\r\n' in text


def test_every_answer_has_its_own_id(bench: Bench) -> None:
    """Xero-Correlation-Id is the Id of the envelope, and new each time."""
    answers = [bench.get("Accounts") for _ in range(2)]
    assert [answer.json()["Id"] for answer in answers] == [a.headers["Xero-Correlation-Id"] for a in answers]
    assert answers[0].json()["Id"] != answers[1].json()["Id"]


@pytest.mark.parametrize("accept", ["*/*", "application/xml", "text/html,*/*"])
def test_json_must_be_asked_for(bench: Bench, accept: str) -> None:
    """Without Accept: application/json the answer is XML, and no success."""
    response = bench.get("Invoices", accept=accept)
    assert response.status_code == 406
    assert response.headers["Content-Type"].startswith("text/xml")
    assert response.text.startswith("<?xml")


def test_unknown_addresses_are_404_in_plain_words(bench: Bench) -> None:
    """A record or an endpoint that is not there is 404 without JSON."""
    for path in (f"Invoices/{identifier(500)}", "Invoices/nonsense", "Nonsense"):
        response = bench.get(path)
        assert (response.status_code, response.text) == (
            404,
            "The resource you're looking for cannot be found",
        )


def test_a_single_record_is_whole(bench: Bench) -> None:
    """A GET by id answers an envelope of one record with its lines, whatever its status, and no pagination."""
    response = bench.get(f"Invoices/{identifier(3).upper()}")
    assert "pagination" not in response.json()
    (row,) = response.json()["Invoices"]
    assert row["InvoiceNumber"] == "INV-0003" and row["Status"] == "VOIDED" and len(row["LineItems"]) == 1
    (archived,) = bench.rows(f"Contacts/{identifier(2)}")
    assert archived["MergedToContactID"] == identifier(99)


def test_the_default_order_is_stamp_then_id(bench: Bench) -> None:
    """Without `order`, a list ascends by UpdatedDateUTC, and by id among equals."""
    assert bench.numbers() == list(range(12))
    for number in (2, 4, 6):
        bench.sim("change", {**target(number), "set": {"UpdatedDateUTC": date(START)}, "touch": False})
    assert bench.numbers() == [6, 4, 2, 0, 1, 3, 5, 7, 8, 9, 10, 11]


def target(number: int) -> dict[str, str]:
    return {
        "tenant_id": "11111111-1111-4111-8111-111111111111",
        "resource": "Invoices",
        "id": identifier(number),
    }


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("InvoiceID", list(reversed(range(12)))),
        ("invoiceid asc", list(reversed(range(12)))),
        ("InvoiceID DESC", list(range(12))),
        ("UpdatedDateUTC DESC", list(reversed(range(12)))),
        ("Date", list(range(12))),
        ("Total DESC,InvoiceNumber", [2, 5, 8, 11, 1, 4, 7, 10, 0, 3, 6, 9]),
        ("Contact.Name, Date DESC", list(reversed(range(12)))),
    ],
)
def test_order_sorts_by_any_field(bench: Bench, order: str, expected: list[int]) -> None:
    """`order` takes fields, dotted ones too, each ascending unless it says DESC."""
    assert bench.numbers({"order": order}) == expected
    assert bench.numbers({"order": order, "page": 2, "pageSize": 5}) == expected[5:10]


@pytest.mark.parametrize("order", ["Nonsense", "Total UPWARDS", "Total,,Date", "Total ASC DESC"])
def test_a_malformed_order_is_400(bench: Bench, order: str) -> None:
    """An order by nothing that exists is refused."""
    assert bench.get("Invoices", {"order": order}).status_code == 400


def test_pages_tell_where_they_stand(bench: Bench) -> None:
    """`pagination` gives page, size, pages and items, and stands before the rows."""
    body = bench.get("Invoices", {"page": 2, "pageSize": 5}).json()
    assert list(body) == ["Id", "Status", "ProviderName", "DateTimeUTC", "pagination", "Invoices"]
    assert body["pagination"] == {"page": 2, "pageSize": 5, "pageCount": 3, "itemCount": 12}
    assert [row["InvoiceNumber"] for row in body["Invoices"]] == [f"INV-{n:04}" for n in range(5, 10)]


def test_a_page_past_the_end_is_empty(bench: Bench) -> None:
    """Past the last page there is an empty array and an honest count."""
    response = bench.get("Invoices", {"page": 4, "pageSize": 5})
    assert response.json()["Invoices"] == []
    assert response.json()["pagination"]["itemCount"] == 12
    assert '"Invoices": []' in response.text


@pytest.mark.parametrize(
    ("asked", "given"), [("0", 1), ("-5", 1), ("1", 1), ("1000", 1000), ("5000", 1000), ("", 100)]
)
def test_page_sizes_are_clamped(bench: Bench, asked: str, given: int) -> None:
    """pageSize outside 1 to 1000 is moved there, not refused; 100 is the default."""
    body = bench.get("Invoices", {"page": 1, "pageSize": asked}).json()
    assert body["pagination"]["pageSize"] == given
    assert len(body["Invoices"]) == min(given, 12)


def test_a_list_without_page_is_whole_and_without_lines(bench: Bench) -> None:
    """pageSize alone does nothing; lines come with `page` or `Statuses`, not with IDs alone."""
    assert "pagination" not in bench.get("Invoices", {"pageSize": 5}).json()
    queries: dict[str, dict[str, Any]] = {
        "all": {"pageSize": 5},
        "page": {"page": 1},
        "statuses": {"Statuses": "PAID"},
        "ids": {"IDs": identifier(2)},
        "ids and page": {"IDs": identifier(2), "page": 1},
    }
    lines = {
        name: [len(row["LineItems"]) for row in bench.rows("Invoices", query)]
        for name, query in queries.items()
    }
    assert lines == {"all": [0] * 12, "page": [1] * 12, "statuses": [1] * 3, "ids": [0], "ids and page": [1]}


def test_unpaged_contacts_lack_what_xero_leaves_out(bench: Bench) -> None:
    """Merged-to, persons and balances of contacts come with a page only."""
    (bare, *_), (whole, *_) = bench.rows("Contacts"), bench.rows("Contacts", {"page": 1})
    assert "MergedToContactID" not in bare and "Balances" not in bare and bare["ContactPersons"] == []
    assert whole["MergedToContactID"] and whole["Balances"] and whole["ContactPersons"]


def test_summaries_are_smaller(bench: Bench) -> None:
    """summaryOnly drops the documented fields, of pages too."""
    (row, *_) = bench.rows("Invoices", {"page": 1, "summaryOnly": "true"})
    assert {"LineItems", "Payments"}.isdisjoint(row) and "AmountDue" in row
    (row, *_) = bench.rows("Contacts", {"page": 1, "summaryOnly": "true"})
    assert {"Balances", "ContactPersons", "IsCustomer"}.isdisjoint(row) and "Name" in row


def test_archived_contacts_hide(bench: Bench) -> None:
    """Archived contacts are listed only with includeArchived, by IDs too."""
    everyone, shown = [identifier(3), identifier(2), identifier(1)], [identifier(3), identifier(1)]
    assert [row["ContactID"] for row in bench.rows("Contacts", {"page": 1})] == shown
    flag = {"page": 1, "includeArchived": "true"}
    assert [row["ContactID"] for row in bench.rows("Contacts", flag)] == everyone
    assert bench.rows("Contacts", {"IDs": identifier(2)}) == []
    assert len(bench.rows("Contacts", {"IDs": identifier(2), "includeArchived": "True"})) == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"IDs={identifier(4)},{identifier(2).upper()}, {identifier(400)}", [2, 4]),
        (f"IDs={identifier(4)}&IDs={identifier(2)}", [2, 4]),
        ("IDs=", list(range(12))),
        ("InvoiceNumbers=INV-0007,INV-0001", [1, 7]),
        ("Statuses=PAID,DRAFT", [1, 2, 5, 6, 9, 10]),
        (f"ContactIDs={CONTACT}&Statuses=VOIDED", [3, 7, 11]),
        (f"ContactIDs={identifier(1)}", []),
        ("searchTerm=inv-000", list(range(10))),
        ("createdByMyApp=true", []),
        ("nonsense=1&page_size=3", list(range(12))),
        ('where=Status=="PAID" AND Total>100', [2, 10]),
        ('where=Status%3D%3D"PAID"%20%26%26%20Date%3E%3DDateTime(2026,9,25)', [6, 10]),
        (f'where=InvoiceID==guid("{identifier(3)}") OR InvoiceID==guid("{identifier(1)}")', [1, 3]),
        (f'where=Contact.ContactID==guid("{CONTACT}") AND Status=="VOIDED"', [3, 7, 11]),
        ("where=DueDate==null", []),
    ],
)
def test_filters_choose(bench: Bench, query: str, expected: list[int]) -> None:
    """IDs, numbers, contacts, statuses, search and where choose; parameters that Xero does not know do nothing."""
    assert bench.numbers(query) == expected


def test_where_sees_milliseconds_of_stamps(bench: Bench) -> None:
    """UpdatedDateUTC compares as an instant."""
    stamp = "DateTime(2026,9,21,14,13,24)"
    assert bench.numbers({"where": f"UpdatedDateUTC<={stamp}"}) == [0, 1, 2, 3, 4]
    assert bench.numbers({"where": f"UpdatedDateUTC>{stamp}"}) == list(range(5, 12))


@pytest.mark.parametrize("where", ["Status==", 'Nonsense=="x"', "Status==1", f'InvoiceID=="{identifier(1)}"'])
def test_a_malformed_where_is_a_validation_exception(bench: Bench, where: str) -> None:
    """A filter that says nothing is 400 in Xero's validation shape, or by switch in that of its query parser."""
    response = bench.get("Invoices", {"where": where})
    body = response.json()
    assert response.status_code == 400
    assert (body["ErrorNumber"], body["Type"]) == (10, "ValidationException")
    assert body["Elements"][0]["ValidationErrors"][0]["Message"]
    bench.sim("switches", {"query_error": "QueryParseException"})
    assert list(bench.get("Invoices", {"where": where}).json()) == ["ErrorNumber", "Type", "Message"]


@pytest.mark.parametrize(
    ("inclusive", "expected"), [(True, [5, 6, 7, 8, 9, 10, 11]), (False, [6, 7, 8, 9, 10, 11])]
)
def test_if_modified_since_counts_whole_seconds(bench: Bench, inclusive: bool, expected: list[int]) -> None:
    """A stamp later in the named second counts as that second, which is in or out by switch; a page follows."""
    bench.sim("switches", {"if_modified_since_inclusive": inclusive})
    bench.sim("change", {**target(5), "set": {"UpdatedDateUTC": date(START + 5999)}, "touch": False})
    since = "2026-09-21T14:13:25"
    assert bench.numbers(since=since) == expected
    response = bench.get("Invoices", {"page": 1, "pageSize": 4}, since=since)
    assert response.json()["pagination"]["itemCount"] == len(expected)


def test_nothing_modified_is_an_empty_200(bench: Bench) -> None:
    """There is no 304."""
    assert bench.numbers(since="2030-01-01T00:00:00") == []


@pytest.mark.parametrize(
    "since", ["2026-09-21T14:13:30Z", "2026-09-22T02:13:30.500+12:00", "Mon, 21 Sep 2026 14:13:30 GMT"]
)
def test_other_forms_of_if_modified_since_are_a_switch(bench: Bench, since: str) -> None:
    """Only the documented form is sure to be understood; the rest may be ignored, so that everything comes."""
    assert bench.numbers(since=since) == list(range(12))
    bench.sim("switches", {"if_modified_since_formats": "any"})
    assert bench.numbers(since=since) == [10, 11]
    assert bench.numbers(since="tomorrow") == list(range(12))


def test_a_long_url_is_404(bench: Bench) -> None:
    """40 ids fit however they are joined; 53 joined by encoded commas do not, and that looks like not found."""
    ids = [identifier(number) for number in range(60)]
    for joint in (",", "%2C"):
        assert bench.get("Invoices", f"page=1&pageSize=1000&IDs={joint.join(ids[:40])}").status_code == 200
    refused = bench.get("Invoices", f"IDs={'%2C'.join(ids[:53])}")
    assert refused.status_code == 404 and refused.headers["Content-Type"].startswith("text/html")
    bench.sim("switches", {"url_limit": 100})
    assert bench.get("Invoices", f"IDs={quote(','.join(ids[:3]))}").status_code == 404


def test_too_many_rows_are_400(bench: Bench) -> None:
    """Above the row limit a read is refused, as is a scan of all rows, unless a fast filter narrows it first."""
    bench.sim("switches", {"row_limit": 11})
    queries: dict[str, dict[str, Any]] = {
        "all": {"page": 1},
        "fast": {"page": 1, "where": 'Status=="PAID"'},
        "slow": {"page": 1, "where": "Total>101"},
        "slow order": {"page": 1, "where": 'Status=="PAID"', "order": "Total"},
        "fast order": {"page": 1, "where": 'Status=="PAID"', "order": "Date"},
        "or": {"page": 1, "where": 'Status=="PAID" OR Status=="DRAFT"'},
        "ids": {"where": f'InvoiceID==guid("{identifier(1)}") OR InvoiceID==guid("{identifier(2)}")'},
    }
    statuses = {name: bench.get("Invoices", query).status_code for name, query in queries.items()}
    assert statuses == {
        "all": 400,
        "fast": 200,
        "slow": 400,
        "slow order": 400,
        "fast order": 200,
        "or": 400,
        "ids": 200,
    }
    assert bench.get("Invoices", {"page": 1}, since="2026-09-21T14:13:30").status_code == 200


@pytest.mark.parametrize(
    ("query", "status"), [({"page": "x"}, 400), ({"page": 1, "pageSize": "x"}, 400), ({"page": 0}, 200)]
)
def test_pages_are_numbers(bench: Bench, query: dict[str, Any], status: int) -> None:
    """A page that is no number is refused; one below the first is the first."""
    assert bench.get("Invoices", query).status_code == status


def test_unit_amounts_have_two_decimals_unless_four_are_asked_for(bench: Bench) -> None:
    """unitdp=4 brings the four decimals of UnitAmount, which are rounded otherwise."""
    amounts = [
        bench.rows("Invoices", {"page": 1, **query})[0]["LineItems"][0]["UnitAmount"]
        for query in ({}, {"unitdp": 4})
    ]
    assert [str(amount) for amount in amounts] == ["33.33", "33.3333"]


def test_how_records_look_is_switched(bench: Bench) -> None:
    """Numbers as text, absent date texts and absent option ids are switches, at once for pages seen before."""
    bench.rows("Invoices", {"page": 1})
    bench.sim("switches", {"numbers_as_strings": True, "date_strings": False, "tracking_option_ids": False})
    row = bench.rows("Invoices", {"page": 1})[0]
    assert row["AmountDue"] == "100.00" and "UpdatedDateUTCString" not in row
    assert row["LineItems"][0]["Tracking"] == [{"Name": "Region", "Option": "South"}]


def test_quotes_have_pages_of_100_and_no_pagination(bench: Bench) -> None:
    """Quotes obey page but not pageSize, and filter by day."""
    quotes = [
        {"QuoteID": identifier(n), "Date": date(DAY + n * 86_400_000), "Status": "SENT"} for n in range(101)
    ]
    bench.load(Quotes=quotes)
    first, second = (bench.get("Quotes", {"page": page, "pageSize": 10}).json() for page in (1, 2))
    assert (len(first["Quotes"]), len(second["Quotes"])) == (100, 1)
    assert "pagination" not in first
    days = {"DateFrom": "2026-09-22", "DateTo": "2026-09-24"}
    assert len(bench.rows("Quotes", days)) == 3
    assert bench.rows("Quotes", {"Status": "DRAFT"}) == []


def test_whole_lists_ignore_page(bench: Bench) -> None:
    """Accounts know no page: every page is the whole list."""
    for page in (1, 2):
        body = bench.get("Accounts", {"page": page, "pageSize": 1}).json()
        assert len(body["Accounts"]) == 1 and "pagination" not in body
    assert bench.rows("Accounts", since="2030-01-01T00:00:00") == []


def test_what_the_table_denies_is_ignored(bench: Bench) -> None:
    """Organisation has no If-Modified-Since, purchase orders no where, and neither complains."""
    assert len(bench.rows("Organisation", since="2030-01-01T00:00:00")) == 1
    bench.load(PurchaseOrders=[{"PurchaseOrderID": identifier(1), "UpdatedDateUTC": date(START)}])
    assert len(bench.rows("PurchaseOrders", {"where": "nonsense =="})) == 1


def test_deleted_transfers_hide(bench: Bench) -> None:
    """A deleted bank transfer is listed with includeDeleted only, and CreatedDateUTC is all its time."""
    transfer = {"BankTransferID": identifier(1), "Status": "DELETED", "CreatedDateUTC": date(START)}
    bench.load(BankTransfers=[transfer])
    assert bench.rows("BankTransfers") == []
    assert len(bench.rows("BankTransfers", {"includeDeleted": "true"}, since="2026-09-21T14:13:20")) == 1
    assert bench.rows("BankTransfers", {"includeDeleted": "true"}, since="2026-09-21T14:13:21") == []


def test_ordered_manual_journals_come_unpaged(bench: Bench) -> None:
    """Xero's bug: with `order`, manual journals ignore the page; a switch repairs it."""
    bench.load(
        ManualJournals=[{"ManualJournalID": identifier(n), "UpdatedDateUTC": date(START)} for n in range(3)]
    )
    query = {"page": 1, "pageSize": 2, "order": "ManualJournalID"}
    assert len(bench.rows("ManualJournals", query)) == 3
    bench.sim("switches", {"manual_journals_order_unpaged": False})
    assert len(bench.rows("ManualJournals", query)) == 2


def test_journals_need_the_premium_and_end_empty(bench: Bench) -> None:
    """Journals are 401 without the premium; with it, pages by offset may be short before the end."""
    journals = [
        {"JournalID": identifier(n), "JournalNumber": n, "CreatedDateUTC": date(START)} for n in range(1, 251)
    ]
    bench.load(Journals=journals)
    refused = bench.get("Journals")
    assert (refused.status_code, refused.json()["Detail"]) == (401, "AuthorizationUnsuccessful")
    bench.sim("switches", {"journals_premium": True})
    offset, sizes, seen = 0, [], []
    while page := bench.rows("Journals", {"offset": offset}):
        sizes.append(len(page))
        seen += [row["JournalNumber"] for row in page]
        offset = seen[-1]
    assert seen == list(range(1, 251))
    assert sizes == [100, 25, 25, 25, 25, 50]


def test_every_declared_resource_is_served(bench: Bench) -> None:
    """Each endpoint of the table lists and finds a record under its own plural; an organisation has no call of its own."""
    bench.connect(scope=" ".join(sorted({f"{resource.scopes[0]}.read" for resource in RESOURCES.values()})))
    bench.sim("switches", {"journals_premium": True})
    books: dict[str, Any] = {
        name: [{resource.key: identifier(1), "JournalNumber": 1, "UpdatedDateUTC": date(START)}]
        for name, resource in RESOURCES.items()
    }
    bench.load(**books)
    for name, resource in RESOURCES.items():
        for path in (name, f"{name}/{identifier(1)}"):
            response = bench.get(path)
            if path == f"Organisation/{identifier(1)}":
                assert response.status_code == 404
                continue
            assert [row[resource.key] for row in response.json()[resource.plural or name]] == [identifier(1)]


def test_faults_take_the_place_of_answers(bench: Bench) -> None:
    """What Xero sends on bad days is set by a test: here the plain text of an organisation that is offline."""
    bench.xero.faults.add(Fault("status", path=".*/Invoices", status=503, body="The Organisation is offline"))
    response = bench.get("Invoices")
    assert (response.status_code, response.text) == (503, "The Organisation is offline")
    assert bench.get("Invoices").status_code == 200


def test_thousands_of_invoices_do_not_take_seconds(bench: Bench) -> None:
    """4,000 invoices by pages of 1,000 cost well below a second of processor time a page, seen before or not."""
    line = invoice(0)["LineItems"][0]
    bench.load(Invoices=[invoice(number, LineItems=[line] * 4) for number in range(4_000)])
    for query in (
        {},
        {"order": "InvoiceID"},
        {"where": "Date>=DateTime(2026,1,1) AND Date<DateTime(2027,1,1)"},
    ):
        started = time.process_time()
        pages = [
            bench.get("Invoices", {"page": page, "pageSize": 1000, **query}).text for page in (1, 2, 3, 4)
        ]
        assert time.process_time() - started < 4
        assert len({row for page in pages for row in re.findall(r'"InvoiceID": "([^"]+)"', page)}) == 4_000
