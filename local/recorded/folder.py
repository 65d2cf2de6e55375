"""A folder of recorded answers as one organisation's books, and a word on every file that gave nothing.

    recorded = load_folder(Path("stub_responses"))
    recorded.books         # {"tenant_id", "name", "user", "resources": {"Invoices": [...], ...}}
    recorded.passed_over   # {"employees.xml": "holds Employees, which the stand-in does not serve", ...}

Every JSON and XML file counts, in subfolders too, by what it holds. Only at the top does its name count as well: there a
file that is named after one record (`invoice.xml`) or after a write (`create_invoice.xml`) is an example, of whatever
organisation.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from local.errors import LocalError
from local.recorded.answers import NoRecords, read_answer
from local.xero.resources import RESOURCES, Resource
from local.xero.wire import Record, encode, parse_date

USER = "user-1"
ORGANISATION = RESOURCES["Organisation"]
_WRITE = re.compile(r"(create|update|delete|put|post)[_\W]", re.IGNORECASE)


class NotRecorded(LocalError):
    """The folder holds no organisation's books; says what was looked at."""


@dataclass
class Recorded:
    """What a folder came to.

    books: as /_sim/load takes them; encode with local.xero.wire.encode, which writes each number digit for digit.
    passed_over: what is not in the books, and why: a file by its path in the folder, a record with its place in it.
    given: what the recording lacks and was given, with the reason.
    """

    books: dict[str, Any] = field(default_factory=dict)
    passed_over: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)


def load_folder(folder: Path) -> Recorded:
    """The books in a folder. Raises NotRecorded for a folder without an organisation, or with several."""
    if not folder.is_dir():
        raise NotRecorded(f"{folder} is no folder")
    recorded = Recorded()
    tables: dict[str, dict[str, Record]] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        try:
            answer = _answer(file, at_the_top="/" not in name)
        except NoRecords as error:
            recorded.passed_over[name] = str(error)
            continue
        for resource_name, records in answer.items():
            table = tables.setdefault(resource_name, {})
            for number, record in enumerate(records, 1):
                _take(RESOURCES[resource_name], table, record, f"{name}: {resource_name} {number}", recorded)
    organisation = _organisation(folder, tables, recorded)
    recorded.books = {
        "tenant_id": organisation[ORGANISATION.key],
        "name": organisation["Name"],
        "user": USER,
        "resources": {name: list(table.values()) for name, table in sorted(tables.items()) if table},
    }
    return recorded


def _answer(file: Path, *, at_the_top: bool) -> dict[str, list[Any]]:
    suffix = file.suffix.lower()
    if suffix not in (".json", ".xml"):
        raise NoRecords("is neither .json nor .xml")
    answer = read_answer(file.read_bytes(), suffix)
    if at_the_top and _WRITE.match(file.stem):
        raise NoRecords("answers a write, by its name")
    if at_the_top and any(_is_named_after_one(file.stem, RESOURCES[name]) for name in answer):
        raise NoRecords("is an example of one record, by its name")
    return answer


def _is_named_after_one(stem: str, resource: Resource) -> bool:
    said, plural = re.sub(r"[\W_]", "", stem).lower(), (resource.plural or resource.name).lower()
    singular = f"{plural[:-3]}y" if plural.endswith("ies") else plural.removesuffix("s")
    return said.startswith(singular) and not said.startswith((plural, resource.name.lower()))


def _take(resource: Resource, table: dict[str, Record], record: Any, place: str, recorded: Recorded) -> None:
    if not isinstance(record, dict):
        recorded.passed_over[place] = "is no record"
        return
    # Organisations had no id until 2013 or so; two answers about one are told by its name.
    key = record.get(resource.key) or (record.get("Name") if resource is ORGANISATION else None)
    if not isinstance(key, str) or not key:
        recorded.passed_over[place] = f"has no {resource.key}"
        return
    known = table.get(key.lower())
    table[key.lower()] = record if known is None else _fuller(resource, known, record)


def _fuller(resource: Resource, known: Record, other: Record) -> Record:
    """Of two answers about one record the one with lines, then the newer, then the longer; the later when alike.

    What only the other has is kept unless that one is of another time: single manual journals were recorded without
    the UpdatedDateUTC that their list has.
    """

    def weight(record: Record) -> tuple[bool, int, int]:
        return any(record.get(name) for name in resource.lacks), _stamp(resource, record), _leaves(record)

    less, more = sorted((known, other), key=weight)
    stamps = {_stamp(resource, record) for record in (less, more)} - {0}
    return more if len(stamps) > 1 else less | more


def _stamp(resource: Resource, record: Record) -> int:
    return (parse_date(record.get(resource.stamp)) if resource.stamp else None) or 0


def _leaves(value: Any) -> int:
    if isinstance(value, dict | list):
        return sum(_leaves(each) for each in (value.values() if isinstance(value, dict) else value))
    return 1


def _organisation(folder: Path, tables: dict[str, dict[str, Record]], recorded: Recorded) -> Record:
    """The one organisation of the books, in its table under an id."""
    found = list(tables.get(ORGANISATION.name, {}).values())
    if not found:
        passed = [f"{name} {why}" for name, why in recorded.passed_over.items()]
        said = f" Passed over: {'; '.join(passed[:5])}{'; …' if len(passed) > 5 else ''}." if passed else ""
        raise NotRecorded(f"{folder} holds no answer of Xero's about an organisation (Organisations).{said}")
    if len(found) > 1:
        names = ", ".join(sorted(str(each.get("Name") or each.get(ORGANISATION.key)) for each in found))
        raise NotRecorded(f"{folder} holds answers about several organisations: {names}")
    organisation = found[0]
    if ORGANISATION.key not in organisation:
        made = str(uuid5(NAMESPACE_URL, encode(organisation).decode()))
        organisation = {ORGANISATION.key: made} | organisation
        recorded.given[f"Organisation.{ORGANISATION.key}"] = f"{made}, made of the recorded organisation"
    if not organisation.get("Name"):
        organisation = organisation | {"Name": folder.name}
        recorded.given["Organisation.Name"] = "the folder's"
    tables[ORGANISATION.name] = {organisation[ORGANISATION.key].lower(): organisation}
    return organisation
