"""The `where` filter of the Xero stand-in, without a socket."""

from decimal import Decimal
from typing import Any

import pytest

from local.xero.where import WhereError, parse

GUID = "9b9ba9e5-e907-4b4e-8210-54d82b0aa479"
RECORD: dict[str, Any] = {
    "InvoiceID": GUID,
    "InvoiceNumber": "INV-1",
    "Reference": 'say "hi"',
    "Status": "PAID",
    "Type": "ACCREC",
    "Total": Decimal("89.00"),
    "AmountPaid": "89.00",
    "IsDiscounted": False,
    "HasAttachments": True,
    "Contact": {"ContactID": GUID.upper(), "Name": "PowerDirect"},
    "Date": "/Date(1563753600000+0000)/",
    "UpdatedDateUTC": "/Date(1289566516347+0000)/",
}


@pytest.mark.parametrize(
    "text",
    [
        'Status=="PAID"',
        'status == "PAID"',
        'Status!="DRAFT"',
        "Total==89",
        "Total>=89.00 AND Total<=89.00",
        "Total>88.99 && Total<89.01",
        "Total!=-89",
        "HasAttachments==true",
        "HasAttachments",
        "IsDiscounted==false",
        "FullyPaidOnDate==null",
        "Status!=null",
        "FullyPaidOnDate!=DateTime(2020,1,1)",
        f'InvoiceID==guid("{GUID}")',
        f'Contact.ContactID==Guid("{GUID}")',
        "Contact.Missing.Deeper==null",
        'Contact.Name=="PowerDirect"',
        'Contact.Name.StartsWith("Power") AND Contact.Name.EndsWith("Direct")',
        'Contact.Name.ToLower().Contains("rdir")',
        'Contact.Name.ToUpper()=="POWERDIRECT"',
        'Reference=="say ""hi"""',
        "Date==DateTime(2019,7,22)",
        "Date==DateTime(2019, 07, 22, 0, 0, 0)",
        "Date>=DateTime(2019,7,22) AND Date<DateTime(2019,7,23)",
        'Date > DateTime.Parse("2019-07-21T23:59:59")',
        "UpdatedDateUTC>DateTime(2010,11,12,12,55,16) AND UpdatedDateUTC<DateTime(2010,11,12,12,55,17)",
        'Status=="DRAFT" OR Status=="PAID"',
        'Status=="DRAFT" || (Type=="ACCREC" and Total==89)',
        'Type=="ACCREC" OR Type=="ACCPAY" AND Status=="DRAFT"',
        "AmountPaid==89",
        "Total==AmountPaid",
    ],
)
def test_a_true_filter_matches(text: str) -> None:
    """Each form that Xero documents matches the record that it describes."""
    assert parse(text).matches(RECORD)


@pytest.mark.parametrize(
    "text",
    [
        'Status=="paid"',
        'Status!="PAID"',
        "Total<89",
        "FullyPaidOnDate>=DateTime(1900,1,1)",
        "FullyPaidOnDate<DateTime(2100,1,1)",
        "FullyPaidOnDate",
        "Date!=DateTime(2019,7,22)",
        '(Type=="ACCREC" OR Type=="ACCPAY") AND Status=="DRAFT"',
        f'InvoiceID!=guid("{GUID}")',
        'Missing.Contains("x")',
    ],
)
def test_a_false_filter_does_not_match(text: str) -> None:
    """A record that a filter does not describe is left out; null is neither smaller nor greater than anything."""
    assert not parse(text).matches(RECORD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "Status==",
        "==1",
        'Status=="PAID" AND',
        'Status=="PAID" AND ()',
        '(Status=="PAID"',
        'Status=="PAID")',
        'Status=="PAID',
        "Status=='PAID'",
        'Status="PAID"',
        'Status=="PAID" Type=="ACCREC"',
        "Total==12x",
        "Date==DateTime(2019,13,1)",
        "Date==DateTime(2019,1)",
        'Date==DateTime.Parse("yesterday")',
        'InvoiceID==guid("123")',
        "InvoiceID==guid(123)",
        "Contact.==1",
        'Contact.Name.ToLower().Reverse()=="x"',
        "Total==1; DROP",
    ],
)
def test_a_malformed_filter_is_refused(text: str) -> None:
    """What is no filter by the grammar is an error and never an empty or a full list."""
    with pytest.raises(WhereError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f'InvoiceID=="{GUID}"',
        'Date=="2019-07-22"',
        "Status==1",
        'Total=="many"',
        "HasAttachments==1",
        'Status>"A"',
        'Total.Contains("8")',
        "Status",
        'Type=="ACCREC" OR Status==1',
    ],
)
def test_kinds_must_agree(text: str) -> None:
    """An id is compared with guid(...), a date with DateTime(...), and nothing is converted silently."""
    condition = parse(text)
    with pytest.raises(WhereError):
        condition.matches(RECORD)


def test_a_condition_tells_its_fields_and_whether_it_has_or() -> None:
    """What decides whether Xero answers a filter without a scan is known from the parsed filter."""
    both = parse('Contact.Name=="a" AND Total>1')
    either = parse('Contact.Name.Contains("a") OR Total>1')
    assert (both.fields, both.has_or) == (("Contact.Name", "Total"), False)
    assert (either.fields, either.has_or) == (("Contact.Name", "Total"), True)
