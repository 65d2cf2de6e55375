"""Rows on their way into POSTs: in order, none lost, few POSTs, every limit kept."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.powerbi import rows
from shared.powerbi.rows import EncodedRow

encoded = st.lists(st.builds(EncodedRow, st.integers(0, 9), st.binary(min_size=2, max_size=40)), max_size=60)


def body(some: list[EncodedRow]) -> bytes:
    """What a POST sends."""
    return b'{"rows":[' + b",".join(row.json for row in some) + b"]}"


@given(encoded, st.integers(1, 10), st.integers(60, 400))
def test_rows_are_cut_into_posts_within_both_limits(
    some: list[EncodedRow], most_rows: int, most_bytes: int
) -> None:
    """Every row once and in order; no POST has more rows, or its whole body more bytes, than allowed."""
    cut = list(rows.chunks(some, most_rows=most_rows, most_bytes=most_bytes))
    assert [row for chunk in cut for row in chunk] == some
    assert all(0 < len(chunk) <= most_rows for chunk in cut)
    assert all(len(body(chunk)) <= most_bytes for chunk in cut)


@given(encoded, st.integers(1, 10), st.integers(60, 400))
def test_no_post_could_have_taken_the_next_row(
    some: list[EncodedRow], most_rows: int, most_bytes: int
) -> None:
    """As few POSTs as the limits allow: each is full by rows or by bytes."""
    cut = list(rows.chunks(some, most_rows=most_rows, most_bytes=most_bytes))
    for chunk, following in pairwise(cut):
        assert len(chunk) == most_rows or len(body([*chunk, following[0]])) > most_bytes


def test_a_row_above_the_limit_goes_alone() -> None:
    """It is Power BI that refuses it, and the rows beside it are not refused with it."""
    small, large = EncodedRow(0, b"{}"), EncodedRow(1, b"x" * 500)
    cut = list(rows.chunks([small, large, small], most_rows=10, most_bytes=100))
    assert [[row.record for row in chunk] for chunk in cut] == [[0], [1], [0]]


def test_rows_stream_through() -> None:
    """A POST's rows are handed on before the next are asked for, so that memory does not grow with the rows."""
    asked: list[int] = []

    def source() -> Iterator[EncodedRow]:
        for number in range(100):
            asked.append(number)
            yield EncodedRow(number, b"{}")

    first = next(rows.chunks(source(), most_rows=10, most_bytes=10_000))
    assert len(first) == 10
    assert len(asked) == 11


def test_decimals_are_json_numbers() -> None:
    """Digit for digit, never as text and never through a float; null is null."""
    row = {
        "A": Decimal("9999999999999999999999.9999"),
        "B": Decimal("0.0000"),
        "C": None,
        "D": 0.1,
        "E": True,
    }
    assert rows.encode(7, row) == EncodedRow(
        7, b'{"A":9999999999999999999999.9999,"B":0.0000,"C":null,"D":0.1,"E":true}'
    )


@given(st.decimals(places=4, min_value=Decimal(-(10**23)), max_value=Decimal(10**23)), st.text(max_size=40))
def test_what_is_sent_says_what_the_row_says(amount: Decimal, text: str) -> None:
    """A row is the same for whoever reads its JSON."""
    sent = rows.encode(0, {"Amount": amount, "Text": text}).json
    read = msgspec.json.Decoder(float_hook=Decimal).decode(sent)
    assert (str(read["Amount"]), read["Text"]) == (str(amount), text)
