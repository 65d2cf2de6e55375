"""Rows on their way into POSTs: as few as the limits of rows and bytes allow."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from shared.tables.table import Row

# What a POST's body has around its rows: {"rows":[]}, of which each row's comma counts one too many.
AROUND = 10
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class EncodedRow:
    """A row as JSON, and which record it is of, so that a refused POST can be traced to the record."""

    record: int
    json: bytes


def encode(record: int, row: Row) -> EncodedRow:
    """`record` is the caller's number of the record."""
    return EncodedRow(record, _encoder.encode(row))


def chunks(rows: Iterable[EncodedRow], *, most_rows: int, most_bytes: int) -> Iterator[list[EncodedRow]]:
    """Rows in order, cut so that no POST exceeds a limit; a single row above the bytes goes alone."""
    some: list[EncodedRow] = []
    size = AROUND
    for row in rows:
        weighs = len(row.json) + 1
        if some and (len(some) == most_rows or size + weighs > most_bytes):
            yield some
            some, size = [], AROUND
        some.append(row)
        size += weighs
    if some:
        yield some
