"""How the text of a setting becomes its value; a ValueError says what is wrong with it, to follow the setting's name."""

import re
from collections.abc import Callable
from datetime import date
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False


def url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("is not an address such as https://example.com")
    if parts.scheme == "http" and not is_loopback(text):
        raise ValueError("must be https; plain http is for loopback only")
    return text.rstrip("/")


def guid(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text):
        raise ValueError("is not a GUID such as 11111111-1111-4111-8111-111111111111")
    return text.lower()


def text(value: str) -> str:
    return value


def day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is not a day such as 2024-07-01") from None


def number(least: float, most: float) -> Callable[[str], float]:
    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            raise ValueError("is not a number") from None
        if not least <= parsed <= most:
            raise ValueError(f"is not between {least:g} and {most:g}")
        return parsed

    return parse


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"-?\d+", value) or not least <= int(value) <= most:
            raise ValueError(f"is not a whole number between {least} and {most}")
        return int(value)

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return value

    return parse


def flag(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return value.lower() == "true"


def zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone such as Australia/Sydney") from None
    return value


def hours(value: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,2})-(\d{1,2})", value)
    if not found or int(found[1]) > 23 or int(found[2]) > 23 or int(found[1]) == int(found[2]):
        raise ValueError("is not a span of hours such as 20-6")
    return int(found[1]), int(found[2])


def rising(least: int, most: int, *, count: int) -> Callable[[str], tuple[int, ...]]:
    """One to `count` whole numbers, each larger than the one before."""

    def parse(value: str) -> tuple[int, ...]:
        parts = [part.strip() for part in value.split(",")]
        found = tuple(int(part) for part in parts if re.fullmatch(r"\d{1,9}", part, re.ASCII))
        if len(found) != len(parts) or len(found) > count or sorted(set(found)) != list(found):
            raise ValueError(f"is not one to {count} rising whole numbers such as 30,60,90")
        if not least <= found[0] <= found[-1] <= most:
            raise ValueError(f"has a number that is not between {least} and {most}")
        return found

    return parse


def by_resource(most: float) -> Callable[[str], dict[str, float]]:
    def parse(value: str) -> dict[str, float]:
        parsed = {}
        for entry in filter(None, (part.strip() for part in value.split(","))):
            name, _, amount = entry.partition("=")
            try:
                parsed[name.strip()] = number(0, most)(amount)
            except ValueError:
                raise ValueError(f"has {entry!r}, which is not like Invoices=15") from None
        return parsed

    return parse
