"""One recorded answer as the records in it, in Xero's wire JSON, whether it was recorded as JSON or as XML."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from local.recorded.kinds import KINDS, LISTS, SCHEDULE, Kind
from local.xero.resources import RESOURCES
from local.xero.wire import Record, decode, format_date, milliseconds

PLURALS = {resource.plural or name: resource for name, resource in RESOURCES.items()}
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
WHOLE = re.compile(r"-?[0-9]+")


class NoRecords(ValueError):
    """The file holds no records of a resource that the stand-in knows; says why."""


def read_answer(data: bytes, suffix: str) -> dict[str, list[Any]]:
    """Resource → what its list holds in an envelope {Id, Status, ..., <Plural>: [...]}. Raises NoRecords."""
    if not data.strip():
        raise NoRecords("is empty")
    found = _from_xml(data) if suffix == ".xml" else _from_json(data)
    if not found:
        raise NoRecords("is an answer without records")
    return found


def _from_json(data: bytes) -> dict[str, list[Any]]:
    try:
        envelope = decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoRecords(f"is no JSON: {error}") from None
    if not isinstance(envelope, dict):
        raise NoRecords("is JSON, but no envelope of Xero's Accounting API")
    if any(name.endswith("ID") for name in envelope):
        # An invoice by itself has lists of payments and credit notes, too.
        raise NoRecords("is a record without its envelope")
    lists = {name: value for name, value in envelope.items() if isinstance(value, list)}
    if not PLURALS.keys() & lists:
        words = (envelope.get(name) for name in ("Detail", "detail", "Message", "error"))
        raise _no_list_in([*lists], next((str(each) for each in words if each), ""))
    return {PLURALS[name].name: records for name, records in lists.items() if name in PLURALS}


def _from_xml(data: bytes) -> dict[str, list[Any]]:
    try:
        root = fromstring(data)
    except (ParseError, DefusedXmlException, LookupError) as error:
        raise NoRecords(f"is no XML to be read: {error}") from None
    if root.tag != "Response":
        raise NoRecords(f"is <{root.tag}>, not the <Response> of Xero's Accounting API")
    if not any(child.tag in PLURALS for child in root):
        raise _no_list_in([child.tag for child in root if len(child)], root.findtext(".//Description") or "")
    return {
        PLURALS[child.tag].name: [_object(record) for record in child]
        for child in root
        if child.tag in PLURALS
    }


def _no_list_in(names: list[str], words: str) -> NoRecords:
    if words:
        return NoRecords(f"is an error answer: {words}")
    if names:
        return NoRecords(f"holds {', '.join(names)}, which the stand-in does not serve")
    return NoRecords("has no list of records")


def _object(element: Element) -> Record:
    """The children by their names; empty ones are left out, as Xero's JSON leaves out nulls."""
    kinds = KINDS | SCHEDULE if element.tag == "Schedule" else KINDS
    values = ((child.tag, _value(child, kinds)) for child in element)
    return {name: value for name, value in values if value not in ("", [], {})}


def _value(element: Element, kinds: Mapping[str, Kind]) -> Any:
    if element.tag in LISTS:
        return [each for each in (_object(child) for child in element) if each]
    if len(element):
        return _object(element)
    text = element.text or ""
    return _typed(text, kinds.get(element.tag)) if text.strip() else ""


def _typed(text: str, kind: Kind | None) -> Any:
    """Text by its kind, and as it stands where it is none of that kind: a recording is played back as it is."""
    stripped = text.strip()
    match kind:
        case "integer" if WHOLE.fullmatch(stripped):
            return int(stripped)
        case "number" if NUMBER.fullmatch(stripped):
            # Digit for digit: 1.0000 stays 1.0000.
            return Decimal(stripped)
        case "boolean" if stripped in ("true", "false"):
            return stripped == "true"
        case "date":
            return _date(stripped) or text
        case _:
            return text


def _date(text: str) -> str | None:
    """XML says when in ISO 8601, in UTC unless it names a zone; JSON counts milliseconds, and so cuts what is finer."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    zoned = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return format_date(milliseconds(zoned))
