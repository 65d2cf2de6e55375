"""The comparison's own reading of single values, and what it takes for the same value."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.comparison import same
from local.expected.values import (
    Record,
    amount,
    converted,
    day,
    elements,
    inside,
    instant,
    number,
    text,
    truth,
)


def test_values_must_have_their_kind() -> None:
    """A number written as text, a boolean as a number or a date with a zone is not the same value."""
    moment = datetime(2026, 3, 1)  # noqa: DTZ001
    assert same(Decimal("1.50"), Decimal("1.5"))
    assert same(Decimal("2"), 2)
    assert same(0.654321, Decimal("0.654321"))
    assert same(moment, "2026-03-01T00:00:00")
    assert same(moment, "2026-03-01T00:00:00.000")
    for xero_value, shown in (
        (Decimal("1.5"), "1.5"),
        (Decimal(1), True),
        (1, True),
        (1, Decimal("1.5")),
        (True, 1),
        (False, None),
        (None, ""),
        (None, False),
        ("", None),
        ("1", 1),
        (moment, "2026-03-01T00:00:00Z"),
        (moment, "2026-03-01T00:00:00.003"),
        (moment, "a day"),
        (moment, None),
        (0.654321, Decimal("0.654322")),
    ):
        assert not same(xero_value, shown), (xero_value, shown)


@given(st.integers(-(10**14) // 3, 10**14 // 3), st.sampled_from(["", "+0000", "+1300", "-0930"]))
def test_instants(milliseconds: int, offset: str) -> None:
    """A /Date()/ counts milliseconds since 1970 in UTC whatever its offset; fractions of seconds are cut."""
    moment = instant(f"/Date({milliseconds}{offset})/")
    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert moment == wanted.replace(microsecond=0, tzinfo=None)


@given(st.dates())
def test_days(on: date) -> None:
    """A calendar day is the written one where it is written, else the day in UTC, at any hour of it."""
    midnight = datetime(on.year, on.month, on.day)  # noqa: DTZ001
    start = (on - date(1970, 1, 1)).days * 86_400_000
    for late in (0, 86_399_999):
        assert day({"Date": f"/Date({start + late}+0000)/"}, "Date") == midnight
    assert day({"Date": "/Date(0)/", "DateString": f"{on.isoformat()}T00:00:00"}, "Date") == midnight
    assert day({}, "Date") is None


@pytest.mark.parametrize(
    "value", ["2026-03-01", "Date(1)", "/Date()/", "/Date(1.5)/", "/Date(1+00)/", "/Date(x)/"]
)
def test_what_is_no_instant(value: str) -> None:
    """Anything else is refused rather than guessed."""
    with pytest.raises(ValueError, match="is not a /Date"):
        instant(value)


@given(st.decimals(-(10**10), 10**10, places=4))
def test_numbers(value: Decimal) -> None:
    """A number is the same whether Xero sends it as a JSON number or as a string."""
    assert number(value) == number(str(value)) == value
    assert amount(value) == value


@pytest.mark.parametrize("value", ["", "1,000.00", "NaN", "Infinity", True, [1]])
def test_what_is_no_number(value: object) -> None:
    """Anything else is refused rather than taken for zero."""
    with pytest.raises(ValueError, match="is not a number"):
        number(value)


@given(st.decimals(-(10**8), 10**8, places=6), st.decimals(Decimal("0.000001"), 10**4, places=6))
def test_rounding(value: Decimal, rate: Decimal) -> None:
    """Four places, halves away from zero: never further than half a step from the exact value."""
    half = Decimal("0.00005")
    rounded = amount(value)
    assert rounded is not None
    assert rounded.as_tuple().exponent == -4
    assert abs(rounded - value) <= half
    assert abs(rounded - value) < half or abs(rounded) > abs(value)
    base = converted(value, rate)
    assert base is not None
    assert abs(base * rate - value) <= half * rate


def test_booleans() -> None:
    """Booleans may be words; other words are refused."""
    assert [truth(value) for value in (True, False, "true", "False", None)] == [
        True,
        False,
        True,
        False,
        None,
    ]
    for value in ("yes", 1, ""):
        with pytest.raises(ValueError, match="is not a boolean"):
            truth(value)


LENGTHS: list[tuple[str, str]] = [
    ("x" * 4000, "x" * 4000),
    ("x" * 4001, "x" * 3999 + "…"),
    ("📦" * 2000, "📦" * 2000),
    ("📦" * 2001, "📦" * 1999 + "…"),
    ("x" + "📦" * 2000, "x" + "📦" * 1999 + "…"),
    ("x" * 3998 + "📦📦", "x" * 3998 + "…"),
]


@pytest.mark.parametrize(("written", "shown"), LENGTHS)
def test_long_text_is_cut(written: str, shown: str) -> None:
    """Text beyond 4,000 UTF-16 units ends in an ellipsis, and no character is cut in two."""
    assert text(written) == shown


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(0, 4010))
def test_cut_text_fits(tail: str, before: int) -> None:
    """Whatever the text, what is shown fits into 4,000 units and begins as the text begins."""
    whole = "é" * before + tail
    shown = text(whole)
    assert shown is not None
    assert len(shown.encode("utf-16-le")) <= 8000
    assert shown == whole or whole.startswith(shown.removesuffix("…"))


@pytest.mark.parametrize("value", ["text", [{"A": 1}], 7])
def test_what_is_no_nested_object(value: object) -> None:
    """A nested record is an object, or nothing in one of Xero's spellings of nothing."""
    nothing: list[Record] = [{}, {"Contact": None}, {"Contact": []}, {"Contact": {}}]
    assert [inside(record, "Contact") for record in nothing] == [{}] * 4
    with pytest.raises(ValueError, match="Contact"):
        inside({"Contact": value}, "Contact")


@pytest.mark.parametrize("value", ["text", {"A": 1}, 7, ["x"], [None]])
def test_what_is_no_nested_list(value: object) -> None:
    """Nested records are a list of objects, or nothing."""
    nothing: list[Record] = [{}, {"Lines": None}, {"Lines": []}]
    assert [list(elements(record, "Lines")) for record in nothing] == [[]] * 3
    with pytest.raises(ValueError, match="Lines"):
        elements({"Lines": value}, "Lines")
