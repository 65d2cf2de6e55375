"""What the connector knows of one of Xero's endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Resource:
    """How a resource is read. The source of each fact is Xero's OpenAPI file 16.1.0 and the endpoint's page.

    name: the endpoint, as in /api.xro/2.0/Invoices. plural: its key in the envelope. id_field: the immutable key.
    paged: takes `page`, `pageSize` and `order`, and answers `pagination`.
    modified_since: an increment may be asked for by If-Modified-Since; without it every read is of the whole list.
    stamp_field: when a record last changed; None where Xero has no such field.
    parameters: always sent. fetch_by: how ids are fetched together: the list's `IDs` parameter, a `where` over the
    id, or not at all (the list is small and read whole).
    history_where: the filter of the first read, with {start} as DateTime(y,m,d); empty reads everything. It must be
    one that a record cannot leave by being edited, or pages shift under the reader.
    touches: (path of an id in a record, resource): documents that belong to the history because this record does.
    """

    name: str
    plural: str
    id_field: str
    scope: str
    paged: bool = True
    modified_since: bool = True
    stamp_field: str | None = "UpdatedDateUTC"
    parameters: Mapping[str, str] = field(default_factory=dict)
    fetch_by: Literal["IDs", "where", "list"] = "where"
    history_where: str = ""
    webhook_category: str = ""
    touches: tuple[tuple[str, str], ...] = ()
