"""What Json.NET does to JSON that passes through the host of Azure: it reads dates into dates and writes them anew.

An ISO text with an offset comes out in the machine's zone, which is UTC; fractions lose their trailing zeros; Microsoft's
`/Date(1543276800000+0000)/` becomes ISO. So a queue output that is a JSON object is not the text that was set.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7})\d*)?(Z|[+-]\d\d:?\d\d)?")
_MICROSOFT = re.compile(r"/Date\((-?\d+)([+-]\d\d:?\d\d)?\)/")


def indented(value: object) -> str:
    """The text of a value as JToken.ToString() gives it: texts bare, objects and arrays indented by two."""
    if isinstance(value, dict | list):
        return json.dumps(_dated(value), indent=2, ensure_ascii=False)
    return scalar(value)


def scalar(value: object) -> str:
    """A single value as .NET writes it in text: True, 7, 1.5; a date in its invariant form; null is empty."""
    if value is None:
        return ""
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, str) and (date := _parse(value)):
        return f"{date[0]:%m/%d/%Y %H:%M:%S}"
    return str(value)


def _dated(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _dated(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_dated(inner) for inner in value]
    if isinstance(value, str) and (date := _parse(value)):
        instant, fraction, zone = date
        return instant.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "") + zone
    return value


def _parse(text: str) -> tuple[datetime, str, str] | None:
    """The whole seconds, the fraction's digits and the zone's text (Z, +00:00 or none) of a date; None for others."""
    try:
        if match := _ISO.fullmatch(text):
            instant, zone = datetime.fromisoformat(match[1]), match[3] or ""
            if zone not in ("", "Z"):
                instant, zone = datetime.fromisoformat(match[1] + zone).astimezone(UTC), "+00:00"
            return instant, (match[2] or "").rstrip("0"), zone
        if match := _MICROSOFT.fullmatch(text):
            milliseconds = int(match[1])
            instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=milliseconds // 1000)
            fraction = f"{milliseconds % 1000:03}".rstrip("0")
            return instant, fraction, "+00:00" if match[2] else "Z"
    except (ValueError, OverflowError):
        return None
    return None
