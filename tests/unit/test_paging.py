"""Xero's envelopes: a list's answer is read whole, or is no answer at all and asked for again."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Unavailable
from shared.http import Answer
from shared.sync import read
from shared.sync.read import Verdict
from shared.xero import paging
from shared.xero.paging import parse_page
from shared.xero.resources import RESOURCES, Resource

INVOICES = RESOURCES["Invoices"]
ORGANISATION = RESOURCES["Organisation"]
GOOD = "22b3fab4-ef56-4d70-a110-a7cc3c1a26cd"
# As Xero writes it: indented with CRLF, slashes of dates escaped, numbers with their zeros.
RECORDED = (
    b'{\r\n  "Id": "12b9c7bc-4c28-4920-a54c-136e7014eaa2",\r\n  "Status": "OK",\r\n  "ProviderName": "python-sdk",\r\n'
    b'  "DateTimeUTC": "\\/Date(1588633397422)\\/",\r\n  "pagination": {\r\n    "page": 1,\r\n    "pageSize": 1000,\r\n'
    b'    "pageCount": 2,\r\n    "itemCount": 1500\r\n  },\r\n  "Invoices": [\r\n    {\r\n'
    b'      "InvoiceID": "22B3FAB4-EF56-4D70-A110-A7CC3C1A26CD",\r\n      "Total": 89.00\r\n    }\r\n  ]\r\n}'
)


def answer(body: bytes) -> Answer:
    return Answer(200, {}, body, 1.0)


def envelope(**fields: Any) -> bytes:
    return msgspec.json.encode({"Id": "1", "DateTimeUTC": "/Date(0)/", "Invoices": []} | fields)


def test_a_recorded_envelope_is_read() -> None:
    """Records with their digits, Xero's own clock, the request id, and the counts of the whole list."""
    page = parse_page(answer(RECORDED), INVOICES)
    assert page.records == [{"InvoiceID": "22B3FAB4-EF56-4D70-A110-A7CC3C1A26CD", "Total": Decimal("89.00")}]
    assert page.answered_at == datetime(2020, 5, 4, 23, 3, 17, 422000, tzinfo=UTC)
    assert page.request_id == "12b9c7bc-4c28-4920-a54c-136e7014eaa2"
    assert (page.item_count, page.page_count) == (1500, 2)


def test_ids_are_compared_in_lower_case() -> None:
    """Whatever case Xero writes an id in, it is one record."""
    page = parse_page(answer(envelope(Invoices=[{"InvoiceID": GOOD.upper()}, {"InvoiceID": GOOD}])), INVOICES)
    assert page.ids(INVOICES) == [GOOD, GOOD]


UNREADABLE = [{"InvoiceID": 7}, {"InvoiceID": None}, {"InvoiceID": "AB"}, {"Total": 1}, {}, "text", None, [1]]


def test_an_unreadable_id_counts_by_its_content() -> None:
    """Each record without a readable id counts as one, under the same name wherever the same record stands again."""
    page = parse_page(answer(envelope(Invoices=UNREADABLE)), INVOICES)
    names = page.ids(INVOICES)
    assert len(set(names)) == len(UNREADABLE)
    assert names[4] == f"no-id-{hashlib.sha256(b'{}').hexdigest()[:16]}"
    turned = parse_page(answer(envelope(Invoices=UNREADABLE[::-1])), INVOICES)
    assert turned.ids(INVOICES) == names[::-1]


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=list(RESOURCES))
def test_a_name_of_content_is_nobodys_id(resource: Resource) -> None:
    """What a record without an id is called can never be asked for, not even where ids are texts."""
    name = resource.name_of({"Total": 1})
    assert not resource.is_id(name)
    assert resource.name_of({resource.id_field: name}) != name


def test_a_list_with_two_unreadable_records_is_complete_at_once() -> None:
    """They do not leave the count short, which would read the list again and again and prove nothing."""
    found = [*({"InvoiceID": each} for each in (GOOD, None, 7)), "text"]
    body = envelope(Invoices=found, pagination={"itemCount": len(found), "pageCount": 1})
    page = parse_page(answer(body), INVOICES)
    begun = read.begin(INVOICES, first=True, whole=False, since=None, offset=0, name="r")
    verdict, after = read.after(INVOICES, begun, page, set(page.ids(INVOICES)), set())
    assert (verdict, after.attempt) == (Verdict.COMPLETE, 1)


def test_an_unpaged_list_has_no_counts() -> None:
    """The organisation's envelope names its records in the plural and has no pagination."""
    page = parse_page(answer(envelope(Organisations=[{"OrganisationID": "x"}])), ORGANISATION)
    assert (len(page.records), page.item_count, page.page_count) == (1, None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"The Organisation is offline",
        b"<html><body>Bad Gateway</body></html>",
        RECORDED[:-30],
        RECORDED.replace(b"Invoices", b"Contacts"),
        b"[]",
        b"null",
        b'"\xff"',
        b"[" * 200_000,
        envelope(DateTimeUTC=None),
        envelope(DateTimeUTC="today"),
        envelope(DateTimeUTC=5),
        envelope(Invoices=None),
        envelope(Invoices={"InvoiceID": "x"}),
        envelope(pagination=[1]),
        envelope(pagination={"itemCount": "many"}),
        envelope(pagination={"itemCount": []}),
        b'{"Status":"OK"}',
    ],
)
def test_a_200_that_is_no_list_is_asked_for_again(body: bytes) -> None:
    """A cut body, a page of HTML or somebody else's JSON is never taken for an empty list."""
    with pytest.raises(Unavailable, match="Invoices") as refused:
        parse_page(answer(body), INVOICES)
    assert refused.value.seconds > 0


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["/Date(0)/", 1e300]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(["Id", "DateTimeUTC", "Invoices", "pagination"]), values))
def test_any_answer_is_a_page_or_unavailable(found: dict[str, Any]) -> None:
    """There is no third outcome, whatever Xero answers with a 200."""
    try:
        page = parse_page(answer(msgspec.json.encode(found)), INVOICES)
    except Unavailable:
        return
    assert len(page.records) == len(found["Invoices"])
    assert all(isinstance(record, dict) for record in page.records)


def test_the_fetch_interval_ends_with_xeros_clock() -> None:
    """The answer was true at some instant of the call, which ended when Xero says so."""
    ended = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
    assert paging.fetch_interval(ended, 1.5) == (ended - timedelta(seconds=1.5), ended)
