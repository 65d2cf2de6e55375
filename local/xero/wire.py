"""Xero's wire format: JSON with exact numbers, `/Date(...)/` instants, the layout of an answer's body."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

type Record = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_DATE = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
_QUOTED_DATE = re.compile(rb'"/(Date\(-?\d+(?:[+-]\d{4})?\))/"')

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_numbers = msgspec.json.Encoder(decimal_format="number")
_strings = msgspec.json.Encoder(decimal_format="string")


def decode(data: bytes) -> Any:
    """JSON with every fraction as Decimal, its trailing zeros kept. msgspec.DecodeError when it is no JSON."""
    return _decoder.decode(data)


def encode(value: Any) -> bytes:
    """Compact JSON, Decimals as numbers."""
    return _numbers.encode(value)


def milliseconds(instant: datetime) -> int:
    """Since 1970, in UTC, cut to whole milliseconds: what Xero's dates count."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def parse_date(text: Any) -> int | None:
    """The milliseconds of `/Date(1439434356790+0000)/`; None for anything else. An offset changes nothing."""
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    return int(match[1]) if match else None


def format_date(ms: int) -> str:
    return f"/Date({ms}+0000)/"


def format_iso(ms: int) -> str:
    """As `UpdatedDateUTCString` writes it: whole seconds with a Z."""
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%SZ")


def render(record: Record, numbers_as_strings: bool = False) -> bytes:
    """One record as it stands inside an answer: CRLF, two blanks a level, the slashes of dates escaped."""
    text = msgspec.json.format((_strings if numbers_as_strings else _numbers).encode(record), indent=2)
    return _QUOTED_DATE.sub(rb'"\\/\1\\/"', text).replace(b"\n", b"\r\n    ")


def envelope(head: Record, plural: str, rows: Sequence[bytes]) -> bytes:
    """A whole body: the fields of `head`, then the rendered rows under their plural."""
    text = msgspec.json.format(_numbers.encode(head), indent=2)
    start = _QUOTED_DATE.sub(rb'"\\/\1\\/"', text).replace(b"\n", b"\r\n").removesuffix(b"\r\n}")
    listed = b"[\r\n    " + b",\r\n    ".join(rows) + b"\r\n  ]" if rows else b"[]"
    return b"%b,\r\n  %b: %b\r\n}" % (start, _numbers.encode(plural), listed)
