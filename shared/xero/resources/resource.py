"""What the connector knows of one of Xero's endpoints."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from shared.xero import wire

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# What a key of Azure Tables and an address can hold as it is, which is more than Xero's tax types use.
TEXT_ID = re.compile(r"[A-Za-z0-9._-]{1,60}")
# Begins the name of a record whose id cannot be read.
NAMELESS = "no-id-"


@dataclass(frozen=True, kw_only=True)
class Report:
    """How a report is asked for by days; its last day is the id of its record.

    last: the parameter that takes the last day; first: the one that takes the first, "" where there is none.
    of: "months" is a report for each month (the first and the last day are the month's); "start" is one of START_DATE
    alone. carries: a change of one month shows in those after it.
    """

    last: str
    first: str = ""
    of: Literal["months", "start"] = "months"
    carries: bool = False


@dataclass(frozen=True, kw_only=True)
class Resource:
    """How a resource is read. The source of each fact is Xero's OpenAPI file 16.1.0 and the endpoint's page.

    name: the endpoint, as in /api.xro/2.0/Invoices. plural: its key in the envelope. id_field: the immutable key;
    ids_are_guids: else it is a text, such as a tax type.
    scope: what the consent must cover. optional: the setting by which the operator asks for it, "" where it is always
    read.
    paging: "pages" takes `page`, `pageSize`, `order` and answers `pagination`; "backwards" takes no `order`, so that
    it is read from its last page to its first; "offset" goes on after a number; "whole" answers everything at once; "reports"
    answers one report a call, which `report` tells how to ask for.
    modified_since: an increment may be asked for by If-Modified-Since; without it every read is of the whole list.
    stamp_field: when a record last changed; None where Xero has no such field. passing: fields that only tell when the
    answer was made, so that a record which differs in nothing else is unchanged.
    parameters: always sent with a list. unitdp: where unit prices have four places when asked for.
    fetch_by: how ids are fetched together: the list's `IDs` parameter, a `where` over the id, one by one, or by the list
    where Xero has no call for a record.
    history_where: the filter of the first read, with {start} as DateTime(y,m,d); empty reads everything. It must be
    one that a record cannot leave by being edited, or pages shift under the reader.
    windows: how a history that is too large for one list is split by the documents' dates: by `where`, by the
    parameters DateFrom and DateTo, or not at all. open_statuses: of documents that are not over, which belong to the
    history whatever their date, and are read again each night; open_by: how a list is narrowed to those, by the parameter
    `Statuses`, by `Status` which takes one, or by `where`; "" where they are not read apart.
    webhook_category: "" where Xero sends none.
    vanishes: a deleted record is in no list any more. Else a status says it: what the list leaves out stays.
    nested: lists inside a record that feed tables of their own.
    touches: (path of an id in a record, resource): documents that belong to the history because this record does. A
    list on the way is walked through.
    minutes: how often it is read by default.
    """

    name: str
    plural: str
    id_field: str
    scope: str
    ids_are_guids: bool = True
    optional: Literal["", "read_journals", "read_reports"] = ""
    paging: Literal["pages", "backwards", "offset", "whole", "reports"] = "pages"
    report: Report | None = None
    modified_since: bool = True
    stamp_field: str | None = "UpdatedDateUTC"
    passing: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    unitdp: Literal["lists and records", "lists", "nowhere"] = "nowhere"
    fetch_by: Literal["IDs", "where", "one", "list"] = "where"
    history_where: str = ""
    windows: Literal["where", "parameters", ""] = ""
    open_statuses: tuple[str, ...] = ()
    open_by: Literal["Statuses", "Status", "where", ""] = ""
    webhook_category: str = ""
    vanishes: bool = False
    nested: tuple[str, ...] = ()
    touches: tuple[tuple[str, str], ...] = ()
    minutes: float = 30

    @property
    def is_of_the_start(self) -> bool:
        """Whether it tells what was before START_DATE, and nothing that happens since."""
        return self.report is not None and self.report.of == "start"

    @property
    def path(self) -> str:
        """Where it stands below /api.xro/2.0."""
        return f"Reports/{self.name}" if self.report is not None else self.name

    @property
    def paged(self) -> bool:
        """Whether a list is read page by page and counted by `pagination`."""
        return self.paging in ("pages", "backwards")

    @property
    def list_parameters(self) -> dict[str, str]:
        return dict(self.parameters) | ({"unitdp": "4"} if self.unitdp != "nowhere" else {})

    @property
    def record_parameters(self) -> dict[str, str]:
        """What a GET of one record takes; a price must not differ from that in a list."""
        return {"unitdp": "4"} if self.unitdp == "lists and records" else {}

    def id_of(self, record: Mapping[str, Any]) -> str:
        """The id under which a record is kept: a GUID in lower case, a text as it is; "" when it has none."""
        value = record.get(self.id_field)
        if not isinstance(value, str):
            return ""
        return value.lower() if self.ids_are_guids else value

    def is_id(self, text: str) -> bool:
        """Whether a text may be an id of this resource; nothing else is put into an address or a key."""
        if self.report is not None:
            return is_day(text)
        return bool((UUID if self.ids_are_guids else TEXT_ID).fullmatch(text)) and not is_nameless(text)

    def name_of(self, record: Mapping[str, Any]) -> str:
        """What a record counts as in a list: its id, or where none can be read, a name of its content."""
        found = self.id_of(record)
        return found if self.is_id(found) else name_of_content(record)

    def report_parameters(self, record_id: str) -> dict[str, str]:
        """What asks for the report that has this id."""
        if self.report is None:
            raise ValueError(f"{self.name} is no report")
        last = date.fromisoformat(record_id)
        first = last.replace(day=1) if self.report.of == "months" else last
        days = {self.report.first: first.isoformat()} if self.report.first else {}
        return days | {self.report.last: record_id} | dict(self.parameters)

    def named(self, record: dict[str, Any], parameters: Mapping[str, str]) -> dict[str, Any]:
        """The record with the id that it was asked for by. Only a report needs it: Xero's answer has none of its own."""
        if self.report is None or self.report.last not in parameters:
            return record
        return record | {self.id_field: parameters[self.report.last]}

    def lasting(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """The record without what every answer has anew."""
        if not self.passing:
            return record
        return {name: value for name, value in record.items() if name not in self.passing}

    def touched_by(self, record: Mapping[str, Any]) -> dict[str, set[str]]:
        """The ids of other resources' documents that a record refers to, by resource."""
        found: dict[str, set[str]] = {}
        for path, target in self.touches:
            found.setdefault(target, set()).update(wire.ids_at(record, path))
        return found


def name_of_content(record: Mapping[str, Any]) -> str:
    """A name for a record whose id cannot be read: the same for the same JSON, and no resource's id."""
    return f"{NAMELESS}{hashlib.sha256(wire.encode(record)).hexdigest()[:16]}"


def is_nameless(name: str) -> bool:
    """Whether a name is of a record's content."""
    return name.startswith(NAMELESS)


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar, such as 2026-11-30."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
