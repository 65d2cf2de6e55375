"""The six types of columns: what each takes from JSON, how it is kept, what it gives back.

Kept compactly, so that a million rows fit in memory: Decimal as a count of ten-thousandths, DateTime as a count
of 1/300 seconds since year 1; both are also exactly what survives in the service (api-dataset-properties.md).
"""

import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from local.powerbi.switches import Switches

type Stored = int | float | bool | str | None
type JsonValue = int | float | bool | str | Decimal | None
type Reader = Callable[[object], Stored]

# The spellings seen in official samples and tools. No others: the official list of types is the canonical six.
SPELLINGS = {
    **{kind: kind for kind in ("Int64", "Double", "Boolean", "DateTime", "String", "Decimal")},
    "int64": "Int64",
    "double": "Double",
    "boolean": "Boolean",
    "bool": "Boolean",
    "dateTime": "DateTime",
    "string": "String",
    "decimal": "Decimal",
}

LONGEST_STRING = 4000
DECIMAL_PLACES = Decimal("0.0001")
_PRECISION = Context(prec=28, rounding=ROUND_HALF_EVEN)
_INT64 = 2**63
_TICKS_A_SECOND = 300
_YEAR_ONE = datetime(1, 1, 1)  # noqa: DTZ001 - DateTime has no zone
_DATETIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?(Z|[+-]\d\d:\d\d)?", re.ASCII
)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class WrongValue(Exception):
    """A JSON value that a column of its type does not take."""


def reader(kind: str, switches: Switches) -> Reader:
    """A function from JSON values (never null) to what is stored, for the columns of one POST.

    Equal texts of a column share one object, which is much of what keeps tables small.
    Raises, when called: WrongValue; TypeError for an array or object, where a text is expected.
    """
    if kind == "Boolean":
        return _boolean
    if kind == "Int64":
        return _numeric(_int64, switches)
    if kind == "Double":
        return _numeric(_double, switches)
    if kind == "Decimal":
        return _numeric(_decimal, switches)
    if kind == "DateTime":
        return _Shared(lambda raw: _datetime(raw, switches.datetime_zone)).__getitem__
    return _Shared(_string).__getitem__


def shown(kind: str, value: Stored) -> JsonValue:
    """A stored value as it is answered."""
    if value is None:
        return None
    if kind == "Decimal":
        return Decimal(value).scaleb(-4, _PRECISION)
    if kind == "DateTime":
        assert isinstance(value, int)
        seconds, ticks = divmod(value, _TICKS_A_SECOND)
        text = (_YEAR_ONE + timedelta(seconds=seconds)).isoformat()
        return f"{text}.{round(ticks * 1000 / _TICKS_A_SECOND):03d}" if ticks else text
    return value


class _Shared(dict[object, Stored]):
    """What each text of a column was read as. Only texts get in: for the rest `read` raises WrongValue."""

    def __init__(self, read: Reader) -> None:
        self._read = read

    def __missing__(self, raw: object) -> Stored:
        value = self[raw] = self._read(raw)
        return value


def _numeric(read: Reader, switches: Switches) -> Reader:
    if switches.numbers_as_strings == "refused":
        return read

    def read_text(raw: object) -> Stored:
        if isinstance(raw, str) and _NUMBER.fullmatch(raw):
            return read(int(raw) if raw.lstrip("-").isdigit() else Decimal(raw))
        return read(raw)

    return read_text


def _boolean(raw: object) -> Stored:
    if not isinstance(raw, bool):
        raise WrongValue("is not a Boolean")
    return raw


def _int64(raw: object) -> Stored:
    if type(raw) is not int:
        raise WrongValue("is not an Int64")
    # Neither the least nor the greatest Int64 is allowed.
    if not -_INT64 < raw < _INT64 - 1:
        raise WrongValue("is outside of what an Int64 column takes")
    return raw


def _double(raw: object) -> Stored:
    if type(raw) not in (int, Decimal):
        raise WrongValue("is not a Double")
    try:
        value = float(raw)  # type: ignore[arg-type]
    except OverflowError as error:
        raise WrongValue("is outside of what a Double column takes") from error
    if abs(value) >= sys.float_info.max:
        raise WrongValue("is outside of what a Double column takes")
    return value


def _decimal(raw: object) -> Stored:
    if type(raw) not in (int, Decimal):
        raise WrongValue("is not a Decimal")
    try:
        kept = Decimal(raw).quantize(DECIMAL_PLACES, context=_PRECISION)  # type: ignore[arg-type]
    except InvalidOperation as error:
        raise WrongValue("has more than 28 digits at 4 decimal places") from error
    return int(kept.scaleb(4, _PRECISION))


def _string(raw: object) -> Stored:
    if not isinstance(raw, str):
        raise WrongValue("is not a String")
    units = len(raw)
    if not raw.isascii():
        try:
            # A character is a UTF-16 unit there, so those beyond U+FFFF count twice.
            units = len(raw.encode("utf-16-le")) // 2
        except UnicodeEncodeError as error:
            raise WrongValue("is not valid text") from error
    if units > LONGEST_STRING:
        raise WrongValue(f"is longer than {LONGEST_STRING} characters")
    return raw


def _datetime(raw: object, zone: str) -> Stored:
    match = _DATETIME.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        raise WrongValue("is not a DateTime of the form YYYY-MM-DDTHH:MM:SS[.fff]")
    *numbers, fraction, offset = match.groups()
    if offset and zone == "refused":
        raise WrongValue("has a time zone, which a DateTime has not")
    try:
        instant = datetime(*map(int, numbers))  # type: ignore[arg-type]  # noqa: DTZ001
        if offset and zone == "converted":
            instant = (
                datetime.fromisoformat(f"{instant.isoformat()}{offset}").astimezone(UTC).replace(tzinfo=None)
            )
    except (ValueError, OverflowError) as error:
        raise WrongValue("is not a DateTime that exists") from error
    past = instant - _YEAR_ONE
    ten_millionths = int((fraction or "0").ljust(7, "0"))
    ticks = (ten_millionths * _TICKS_A_SECOND + 5_000_000) // 10_000_000
    return (past.days * 86_400 + past.seconds) * _TICKS_A_SECOND + ticks
