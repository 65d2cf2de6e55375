"""Values as Xero writes them: /Date()/, numbers and booleans that may be strings, fields left out."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from shared.errors import BadRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MSDATE = re.compile(r"/Date\((-?\d{1,18})([+-]\d{4})?\)/", re.ASCII)
ISO = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# No amount, quantity or rate comes near it, and arithmetic overflows nowhere below it.
LARGEST_EXPONENT = 60

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def decode(body: bytes) -> Any:
    """JSON with its decimal numbers as Decimal, digit for digit. Raises msgspec.DecodeError.

    Bytes and escapes that are no text (half an emoji, where somebody cut a note) become U+FFFD, so that one bad record
    does not hold up its page.
    """
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            lenient = json.loads(
                body.decode("utf-8", "replace"), parse_float=Decimal, parse_constant=_no_number
            )
            return _mended(lenient)
        except (ValueError, RecursionError) as error:
            raise msgspec.DecodeError(str(error)) from error


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_mended(each) for each in value]
    if isinstance(value, dict):
        return {_mended(name): _mended(each) for name, each in value.items()}
    return value


def encode(value: Any) -> bytes:
    """JSON with Decimals as numbers, digit for digit."""
    return _encoder.encode(value)


def instant(value: Any, field: str) -> datetime | None:
    """An instant in UTC from /Date(milliseconds+offset)/ or ISO 8601 (without a zone: UTC); None stays None.

    The milliseconds of /Date()/ are UTC already; the offset only says how a reader might show them (facts of the
    recorded answers; Microsoft's JSON date format). Raises BadRecord.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if found := MSDATE.fullmatch(value):
            try:
                return EPOCH + timedelta(milliseconds=int(found[1]))
            except OverflowError:
                raise BadRecord(f"{field} is a date out of range: {value}", field=field) from None
        if ISO.fullmatch(value):
            try:
                parsed = datetime.fromisoformat(value)
                return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            except (ValueError, OverflowError):
                raise BadRecord(f"{field} is no date: {value}", field=field) from None
    raise BadRecord(f"{field} is no date: {value!r}", field=field)


def day(value: Any, field: str) -> date | None:
    """An organisation's calendar day. Xero writes it as that day's midnight in UTC, so the UTC date is the day."""
    parsed = instant(value, field)
    return parsed.date() if parsed else None


def number(value: Any, field: str) -> Decimal | None:
    """A number, also from a string; None stays None. Raises BadRecord for anything else, NaN and infinity included."""
    if value is None or value == "":
        return None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        parsed = Decimal(value)
    elif isinstance(value, str) and NUMBER.fullmatch(value):
        try:
            parsed = Decimal(value)
        except InvalidOperation:
            raise BadRecord(f"{field} is out of range: {value}", field=field) from None
    else:
        raise BadRecord(f"{field} is no number: {value!r}", field=field)
    if parsed.is_finite() and abs(parsed.adjusted()) <= LARGEST_EXPONENT:
        return parsed
    raise BadRecord(f"{field} is no number: {value!r}", field=field)


def boolean(value: Any, field: str) -> bool | None:
    """A boolean, also from "true" and "false" in any case; None stays None. Raises BadRecord."""
    if value is None or value == "" or isinstance(value, bool):
        return None if value == "" else value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise BadRecord(f"{field} is no boolean: {value!r}", field=field)


def text(value: Any, field: str) -> str | None:
    """A text; numbers are taken by their digits, since samples write codes both ways. Raises BadRecord."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return str(value)
    raise BadRecord(f"{field} is no text: {value!r}", field=field)


def ids_at(record: Any, path: str) -> set[str]:
    """The ids at a dotted path, in lower case; lists on the way are walked through. For following references, so it never
    raises.
    """
    found = [record]
    for name in path.split("."):
        found = [each for holder in found for each in (holder if isinstance(holder, list) else [holder])]
        found = [holder.get(name) for holder in found if isinstance(holder, dict)]
    return {each.lower() for each in found if isinstance(each, str) and each}
