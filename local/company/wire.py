"""Values as Xero writes them on the wire, and the arithmetic of whole cents that they come from."""

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

Record = dict[str, Any]

DAY = 86_400_000


def guid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def half_up(numerator: int, denominator: int) -> int:
    """The nearest whole number, halves away from zero; the denominator is positive."""
    size = (2 * abs(numerator) + denominator) // (2 * denominator)
    return size if numerator >= 0 else -size


def money(cents: int) -> float:
    """The JSON number of an amount; a quotient of an integer by 100 prints with two places at most."""
    return cents / 100


def midnight(on: date) -> int:
    """Milliseconds since 1970 of the day's first instant in UTC: how Xero writes a calendar day."""
    return (on - date(1970, 1, 1)).days * DAY


def stamp(milliseconds: int) -> str:
    return f"/Date({milliseconds}+0000)/"


def day(on: date) -> str:
    return stamp(midnight(on))


def day_string(on: date) -> str:
    return f"{on.isoformat()}T00:00:00"


def instant_string(milliseconds: int) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds_of(value: str) -> int:
    """What stands between the parentheses, without an offset."""
    inside = value.removeprefix("/Date(").removesuffix(")/")
    return int(inside[:-5] if inside[-5:-4] in ("+", "-") else inside)
