"""One answer of a list, and whether the answers of a read are all that there was.

Records are paged by their immutable id. What a page boundary loses or repeats while others edit is found by counting:
the distinct ids read, together with those of an If-Modified-Since pass from before the read began, must number the
list's itemCount.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from shared.errors import BadRecord, Unavailable
from shared.http import Answer
from shared.xero import wire
from shared.xero.resources.resource import Resource


@dataclass(frozen=True)
class Page:
    """A list's answer. `answered_at` is Xero's own clock; `item_count` and `page_count` are None on unpaged lists."""

    records: list[dict[str, Any]]
    answered_at: datetime
    request_id: str
    item_count: int | None
    page_count: int | None

    def ids(self, resource: Resource) -> list[str]:
        """The records' ids; one whose id cannot be read counts by its content, as it is named in the quarantine."""
        return [resource.name_of(record) for record in self.records]


def parse_page(answer: Answer, resource: Resource) -> Page:
    """The envelope {Id, DateTimeUTC, pagination?, <Plural>: [...]}. Raises Unavailable when a 200 is none of Xero's."""
    try:
        envelope = wire.decode(answer.body)
        answered_at = wire.instant(envelope["DateTimeUTC"], "DateTimeUTC")
        records = envelope[resource.plural]
        pagination = envelope.get("pagination") or {}
        if answered_at is None or not isinstance(records, list):
            raise KeyError(resource.plural)
        if resource.report is not None and len(records) != 1:
            raise ValueError(f"{len(records)} reports")
        return Page(
            records=[record if isinstance(record, dict) else {"": record} for record in records],
            answered_at=answered_at,
            request_id=str(envelope.get("Id", "")),
            item_count=_count(pagination.get("itemCount")),
            page_count=_count(pagination.get("pageCount")),
        )
    except (msgspec.DecodeError, BadRecord, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Unavailable(
            f"Xero answered 200 to {resource.name}, but with no list of them.",
            seconds=60,
            vendor_words=answer.words(),
        ) from error


def fetch_interval(answered_at: datetime, seconds: float) -> tuple[datetime, datetime]:
    """Between these two instants of Xero's clock the answer was true."""
    return answered_at - timedelta(seconds=seconds), answered_at


def _count(value: Any) -> int | None:
    return None if value is None else int(value)
