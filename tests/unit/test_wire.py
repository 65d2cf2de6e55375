"""Xero's values as they come over the wire: dates, numbers, booleans and texts, read without loss or refused by name."""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import BadRecord
from shared.xero import wire

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MILLISECONDS = st.integers((FIRST - EPOCH) // MILLISECOND, (LAST - EPOCH) // MILLISECOND)
OFFSETS = st.sampled_from(["", "+0000", "+1300", "-0800", "+0545", "-1200"])
ASCII_DIGITS = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)

# Digits of a JSON number, as text: what Xero may write for an amount, a quantity or a rate.
json_integers = st.integers(-(10**30), 10**30).map(str)
json_decimals = st.builds(
    lambda sign, whole, places: f"{sign}{whole}.{places}",
    st.sampled_from(["", "-"]),
    st.integers(0, 10**18),
    st.text("0123456789", min_size=1, max_size=10),
)
# Anything that JSON can hold.
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("/Date(1439434356790)/", datetime(2015, 8, 13, 2, 52, 36, 790000, tzinfo=UTC)),
        ("/Date(1419937200000+0000)/", datetime(2014, 12, 30, 11, tzinfo=UTC)),
        ("/Date(1289566516347+0000)/", datetime(2010, 11, 12, 12, 55, 16, 347000, tzinfo=UTC)),
        ("/Date(1563753600000+1300)/", datetime(2019, 7, 22, tzinfo=UTC)),
        ("/Date(1563753600000-0800)/", datetime(2019, 7, 22, tzinfo=UTC)),
        ("/Date(0)/", EPOCH),
        ("/Date(0+0000)/", EPOCH),
        ("/Date(-1565568000000+0000)/", datetime(1920, 5, 23, tzinfo=UTC)),
        ("/Date(-1)/", EPOCH - MILLISECOND),
        ("2018-10-20T00:00:00", datetime(2018, 10, 20, tzinfo=UTC)),
        ("2018-10-20", datetime(2018, 10, 20, tzinfo=UTC)),
        ("2025-12-02T00:44:09.923", datetime(2025, 12, 2, 0, 44, 9, 923000, tzinfo=UTC)),
        ("2019-07-09T23:40:30.1833130", datetime(2019, 7, 9, 23, 40, 30, 183313, tzinfo=UTC)),
        ("2026-01-01T00:00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2020-02-06T12:17:43.202-08:00", datetime(2020, 2, 6, 20, 17, 43, 202000, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
def test_every_recorded_form_of_a_date_is_read(written: str | None, meant: datetime | None) -> None:
    """Each form that Xero's answers and documents hold gives its instant in UTC; nothing stays nothing."""
    assert wire.instant(written, "UpdatedDateUTC") == meant


@given(MILLISECONDS, OFFSETS)
def test_the_milliseconds_of_a_date_are_utc_whatever_the_offset(milliseconds: int, offset: str) -> None:
    """An offset never moves the instant, nor the day: Xero writes the organisation's day as its midnight in UTC."""
    written = f"/Date({milliseconds}{offset})/"
    assert wire.instant(written, "Date") == EPOCH + milliseconds * MILLISECOND
    assert wire.day(written, "Date") == (EPOCH + milliseconds * MILLISECOND).date()


@given(st.dates())
def test_a_day_written_as_midnight_stays_that_day(written: date) -> None:
    """A business day comes out as it went in, from /Date()/, from DateString and from a bare ISO day."""
    midnight = datetime(written.year, written.month, written.day, tzinfo=UTC)
    forms = (f"/Date({(midnight - EPOCH) // MILLISECOND}+0000)/", f"{written}T00:00:00", str(written))
    assert [wire.day(form, "Date") for form in forms] == [written] * 3


@given(
    st.integers(2, 3652057),
    st.integers(-14 * 60, 14 * 60),
)
def test_an_iso_offset_is_honoured(days: int, minutes: int) -> None:
    """Where an ISO instant names its zone, that is what counts."""
    zone = timezone(timedelta(minutes=minutes))
    zoned = datetime(1, 1, 1, 9, 30, 1, tzinfo=zone) + timedelta(days=days)
    assert wire.instant(zoned.isoformat(), "CreatedDateUTC") == zoned


@pytest.mark.parametrize(
    "written",
    [
        "/Date(99999999999999999)/",
        "/Date(-99999999999999999)/",
        f"/Date({'9' * 5000})/",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "2019-02-30",
        "2019-13-01T00:00:00",
        "2019-01-01T24:61:00",
        "/Date()/",
        "/Date(12.5)/",
        "/Date(0)/ ",
        "/Date(٣)/",
        "\\/Date(0)\\/",
        "07/30/2014",
        "Thu, 06 Feb 2020 12:17:43 GMT",
        "yesterday",
        0,
        Decimal("1.5"),
        True,
        [],
        {},
    ],
)
def test_what_is_no_date_is_refused_by_name(written: Any) -> None:
    """A field that is no date, or one that no calendar holds, makes a BadRecord that names the field."""
    with pytest.raises(BadRecord, match="DueDate") as refused:
        wire.instant(written, "DueDate")
    assert refused.value.field == "DueDate"


@given(json_integers | json_decimals)
def test_a_number_is_the_same_from_json_and_from_a_string(digits: str) -> None:
    """50.00 and "50.00" are one value, with every digit that Xero sent."""
    bare, quoted = wire.decode(f"[{digits}]".encode())[0], wire.decode(f'["{digits}"]'.encode())[0]
    assert wire.number(bare, "Total") == wire.number(quoted, "Total") == Decimal(digits)


@given(json_integers | json_decimals)
def test_digits_survive_from_bytes_to_bytes(digits: str) -> None:
    """No digit of an amount is lost or made up between Xero's bytes and the bytes that are kept or sent."""
    if digits.startswith("-0") and "." not in digits:
        return
    body = f'{{"Total":{digits}}}'.encode()
    assert wire.encode(wire.decode(body)) == body


@pytest.mark.parametrize("body", [b'{"Rate":1E-10}', b'{"Rate":0.0000000001}', b'{"Rate":1.10}', b"[-0.0]"])
def test_awkward_numbers_survive_as_well(body: bytes) -> None:
    """Trailing zeros, tiny rates and signs of zero mean the same after a round trip, and never pass through a float."""
    again = wire.decode(wire.encode(wire.decode(body)))
    assert repr(again) == repr(wire.decode(body))
    assert "float" not in repr(type(next(iter(again.values() if isinstance(again, dict) else again))))


@given(json_values)
def test_a_number_is_a_number_or_refused(value: Any) -> None:
    """Whatever a number field holds: an exact finite value that arithmetic can bear, null, or a BadRecord."""
    try:
        found = wire.number(value, "Amount")
    except BadRecord as refused:
        assert refused.field == "Amount"
        assert "Amount" in str(refused)
        return
    if found is None:
        assert value is None or value == ""
        return
    assert not isinstance(value, bool)
    assert found == Decimal(value)
    assert found.is_finite()
    assert -400 < found.adjusted() < 400


@given(st.text(max_size=30))
def test_only_digits_make_a_number(written: str) -> None:
    """A text counts as a number exactly when JSON could write it so (a plus or a bare point forgiven)."""
    try:
        found = wire.number(written, "Amount")
    except BadRecord:
        assert not ASCII_DIGITS.fullmatch(written) or abs(Decimal(written).adjusted()) > 60
        return
    assert (found is None) == (written == "")
    assert not written or ASCII_DIGITS.fullmatch(written)


@pytest.mark.parametrize(
    "written",
    [
        "NaN",
        "Infinity",
        "-inf",
        "1,000.00",
        "1_000",
        " 1",
        "١٢",
        "0x10",
        "--1",
        "1e99999999",
        "$5",
        True,
        [],
        {},
    ],
)
def test_what_is_no_number_is_refused_by_name(written: Any) -> None:
    """Nothing that only looks like a number becomes an amount."""
    with pytest.raises(BadRecord, match="Total"):
        wire.number(written, "Total")


def test_null_is_never_zero() -> None:
    """What Xero leaves out, nulls or empties has no value; zero is zero."""
    assert wire.number(None, "Total") is None
    assert wire.number("", "Total") is None
    assert wire.number(0, "Total") == wire.number("0.00", "Total") == 0
    assert wire.boolean(None, "IsSupplier") is wire.boolean("", "IsSupplier") is None


@given(json_values)
def test_a_boolean_is_true_false_null_or_refused(value: Any) -> None:
    """Booleans come as JSON booleans or as "true" and "false" in any case, and as nothing else: 1 and "yes" are refused."""
    try:
        found = wire.boolean(value, "IsReconciled")
    except BadRecord as refused:
        assert refused.field == "IsReconciled"
        return
    if isinstance(value, str) and value:
        assert value.lower() == str(found).lower()
    else:
        assert found is (None if value == "" else value)


@pytest.mark.parametrize("value", [0, 1, "yes", "1", "no", " true", [], {}, Decimal(1)])
def test_what_is_no_boolean_is_refused_by_name(value: Any) -> None:
    """A flag is never guessed."""
    with pytest.raises(BadRecord, match="IsReconciled"):
        wire.boolean(value, "IsReconciled")


@pytest.mark.parametrize("written", ["true", "True", "TRUE"])
def test_written_booleans_are_read(written: str) -> None:
    """Samples write "false" as a text; so do we read it."""
    assert wire.boolean(written, "HasAttachments") is True
    assert wire.boolean(written.lower().replace("true", "false"), "HasAttachments") is False


@given(json_values)
def test_a_text_is_kept_or_refused(value: Any) -> None:
    """A text is taken as it is, a number by its digits; an object, an array and a boolean are no text."""
    try:
        found = wire.text(value, "Code")
    except BadRecord as refused:
        assert refused.field == "Code"
        assert isinstance(value, (bool, list, dict))
        return
    assert found == (value if value is None or isinstance(value, str) else str(value))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_bytes_that_are_no_json_are_refused_as_such(body: bytes) -> None:
    """Whatever arrives, decode answers a value or msgspec's DecodeError, which callers know how to treat."""
    with suppress(msgspec.DecodeError):
        wire.decode(body)


@pytest.mark.parametrize(
    "body", [b'{"a":"x\xffy","n":1.10}', b'{"a":"x\\ud83dy","n":1.10}', b'{"a":"x\\udc00y","n":1.10}']
)
def test_a_text_that_is_none_does_not_cost_its_page(body: bytes) -> None:
    """A broken byte or half an emoji becomes U+FFFD, and everything beside it stays digit for digit."""
    found = wire.decode(body)
    assert found == {"a": "x\ufffdy", "n": Decimal("1.10")}
    assert str(found["n"]) == "1.10"
    assert wire.decode(wire.encode(found)) == found


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"", b'{"a":NaN}'])
def test_bytes_of_the_worst_kind_are_refused_as_such(body: bytes) -> None:
    """Bottomless nesting, nothing at all and what is no number are no JSON."""
    with pytest.raises(msgspec.DecodeError):
        wire.decode(body)


@pytest.mark.parametrize(
    ("record", "path", "found"),
    [
        ({"Invoice": {"InvoiceID": "AB-1"}}, "Invoice.InvoiceID", {"ab-1"}),
        ({"Invoice": []}, "Invoice.InvoiceID", set()),
        ({"Invoice": {"InvoiceID": 5}}, "Invoice.InvoiceID", set()),
        ({}, "Invoice.InvoiceID", set()),
        ("text", "Invoice", set()),
        (
            {"All": [{"Invoice": {"ID": "A"}}, {"Invoice": []}, 5, {"Invoice": {"ID": "B"}}]},
            "All.Invoice.ID",
            {"a", "b"},
        ),
    ],
)
def test_references_are_followed_without_raising(record: Any, path: str, found: set[str]) -> None:
    """The ids at a path in lower case, lists on the way walked through, and nothing where there is none."""
    assert wire.ids_at(record, path) == found


@pytest.mark.parametrize("parse", [wire.instant, wire.day, wire.number, wire.boolean])
@given(value=json_values)
def test_no_parser_raises_anything_but_badrecord(parse: Callable[[Any, str], Any], value: Any) -> None:
    """A wrong value is always a BadRecord that names the field, never another exception."""
    try:
        parse(value, "Field")
    except BadRecord as refused:
        assert refused.field == "Field"
