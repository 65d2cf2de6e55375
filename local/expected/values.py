"""What the fields of Xero's records mean: the comparison's own reading of dates, numbers, flags and texts.

Values are str, int, bool, None, Decimal (four places), float (Double), datetime without zone. What breaks the
rules of a field raises ValueError (OverflowError for a date beyond the year 9999).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

Record = Mapping[str, Any]
Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  Power BI's DateTime has no zone; neither has anything here.
EXACT = Context(prec=60)


def instant(value: Any) -> datetime | None:
    """The UTC instant of a /Date(milliseconds+0000)/, whole seconds; an offset names a zone, moves nothing."""
    if value is None:
        return None
    found = re.fullmatch(r"/Date\((-?[0-9]+)(?:[+-][0-9]{4})?\)/", str(value))
    if not found:
        raise ValueError(f"{value!r} is not a /Date()/")
    return EPOCH + timedelta(seconds=int(found[1]) // 1000)


def day(record: Record, name: str) -> datetime | None:
    """The calendar day, at midnight: of the ...String beside the field if given, else of the instant in UTC."""
    written = record.get(f"{name}String")
    if written is not None:
        if not isinstance(written, str):
            raise ValueError(f"{name}String {written!r} is not a string")
        on = date.fromisoformat(written[:10])
        return datetime(on.year, on.month, on.day)  # noqa: DTZ001
    moment = instant(record.get(name))
    return moment and moment.replace(hour=0, minute=0, second=0)


def number(value: Any) -> Decimal | None:
    """A JSON number or a string of one; exact when the JSON was read with parse_float=Decimal."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError(f"{value!r} is not a number")
    try:
        parsed = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not parsed.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return parsed


def truth(value: Any) -> bool | None:
    """A JSON boolean, or "true" and "false" in any case."""
    known = {None: None, "true": True, "false": False}
    spelt = value.lower() if isinstance(value, str) else value
    if isinstance(spelt, bool):
        return spelt
    if not (spelt is None or isinstance(spelt, str)) or spelt not in known:
        raise ValueError(f"{value!r} is not a boolean")
    return known[spelt]


def text(value: Any) -> str | None:
    """A string of at most 4,000 UTF-16 code units: what is longer is cut to 3,999 (or 3,998) and an ellipsis."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a string")
    units = value.encode("utf-16-le")
    if len(units) <= 2 * 4000:
        return value
    # An odd surrogate at the cut belongs to a character that does not fit whole.
    return units[: 2 * 3999].decode("utf-16-le", errors="ignore") + "…"


def amount(value: Decimal | None) -> Decimal | None:
    """Rounded to the four places of Power BI's Decimal, halves away from zero."""
    return None if value is None else value.quantize(Decimal("0.0001"), ROUND_HALF_UP, EXACT)


def converted(value: Decimal | None, rate: Decimal | None) -> Decimal | None:
    """In base currency; a rate is foreign units for one unit of base currency."""
    return None if value is None or not rate else amount(EXACT.divide(value, rate))


def rate_of(record: Record, currency: str | None, base: str | None) -> Decimal | None:
    """The record's CurrencyRate; 1 where a record in base currency, or in none, leaves it out."""
    given = number(record.get("CurrencyRate"))
    return Decimal(1) if given is None and currency in (None, base) else given


def double(value: Any) -> float | None:
    """A number as Power BI's Double."""
    parsed = number(value)
    return None if parsed is None else float(parsed)


def whole(value: Any) -> int | None:
    """A number as Power BI's Int64."""
    parsed = number(value)
    return None if parsed is None else int(parsed)


def key_of(tenant: str, identifier: Any) -> str | None:
    """What joins the tables: ids are the same in either case."""
    known = text(identifier)
    return None if known is None else f"{tenant}|{known.lower()}"


def inside(record: Record, name: str) -> Record:
    """A nested object; Xero may write an absent one as an empty array."""
    found = record.get(name) or {}
    if not isinstance(found, Mapping):
        raise ValueError(f"{name} {found!r} is not an object")
    return found


def elements(record: Record, name: str) -> Sequence[Record]:
    """A nested list of objects; none when it is absent."""
    found = record.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise ValueError(f"{name} {found!r} is not a list of objects")
    return found
