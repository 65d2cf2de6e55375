"""What nobody knows about the real service, as switches; and its limits, as numbers.

Each switch stands for a question that the facts leave open or on which sources disagree. Its default is what is
most likely or, where that cannot be said, what is least kind to the caller. A connector should work with all.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

import msgspec

type Seconds = Annotated[float, msgspec.Meta(ge=0)]


class Switches(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The simulator's switches. Changed by `changed`, which checks names and values."""

    # Creating datasets
    create_status: Literal[201, 202] = 201
    create_outage: bool = False
    """As in March 2026: creation is answered with a plain 400."""
    table_called_date: Literal["refused", "accepted"] = "refused"
    table_called_measures: Literal["refused", "accepted"] = "refused"
    """The engine keeps the name for itself; what the service does with it, nobody has written down."""
    unknown_relationship_column: Literal["refused", "accepted"] = "refused"
    create_after_retirement: Literal["refused", "accepted"] = "refused"
    """From `retired_on`, 00:00 UTC."""
    post_after_retirement: Literal["accepted", "refused"] = "accepted"
    retired_on: date = date(2027, 10, 31)

    # Rows
    too_many_rows_status: Literal[400, 413] = 400
    body_too_large_status: Literal[413, 400] = 413
    bad_row_status: Literal[400, 404, 500] = 400
    bad_row_effect: Literal["nothing", "rows_before"] = "nothing"
    """What a POST with a bad row leaves in the table: nothing of it, or the rows before the bad one."""
    numbers_as_strings: Literal["refused", "accepted"] = "refused"
    datetime_zone: Literal["refused", "converted", "ignored"] = "refused"
    """A DateTime with Z or an offset: refused, converted to UTC, or the zone cut off."""
    duplicate_on_one_side: Literal["accepted", "refused"] = "accepted"
    """A value that the one-side column of a relationship has already."""
    ingest_seconds: Seconds = 0.0
    """How long a POST stays pending after its answer, and its rows unseen."""

    # Changing and deleting
    put_rows: Literal["kept_when_adding", "kept", "lost"] = "kept_when_adding"
    """What PUT does to rows; with "kept_when_adding" they stay if all old columns stay with their types."""
    delete_seconds: Seconds = 0.0
    """How long after its answer a DELETE rows takes effect."""
    delete_takes: Literal["everything", "older"] = "everything"
    """What a delayed DELETE removes: all rows seen when it takes effect, or those posted before it."""
    deleted_dataset_code: Literal["PowerBIEntityNotFound", "ItemNotFound"] = "PowerBIEntityNotFound"

    # Limits
    retry_after: bool = True
    slow_lane_after_delete: Literal["ends", "stays"] = "ends"
    fifo_slack: Literal[0, 10_000] = 0
    """How far above its limit a basicFIFO table grows before it is cut down to it."""

    # The undocumented sequence number of a POST
    sequence_header: Literal["recorded", "ignored", "refuses_old", "drops_old"] = "recorded"
    """A number that is not above the last: recorded all the same, refused with 400, or dropped with 200."""

    # Queries
    execute_queries: Literal["allowed", "refused", "error_inside"] = "allowed"
    countrows_of_nothing: Literal["blank", "zero"] = "blank"
    """DAX has BLANK, which is JSON null, and absent without includeNulls."""

    # Who may
    service_principals: Literal["allowed", "refused"] = "allowed"
    """The tenant setting."""
    least_role: Literal["Contributor", "Member"] = "Contributor"
    no_role_status: Literal[401, 403] = 401
    wrong_audience_status: Literal[401, 403] = 401
    unknown_group_status: Literal[401, 403, 404] = 401

    # How errors look
    error_shape: Literal["documented", "message", "text", "extra"] = "documented"
    """All errors as documented, as {"Message"}, as text that is no JSON, or with fields that nobody knows."""

    def changed(self, changes: dict[str, Any]) -> "Switches":
        """These switches with some changed. Raises: msgspec.ValidationError for an unknown name or value."""
        return msgspec.convert(msgspec.structs.asdict(self) | changes, Switches)


@dataclass(frozen=True)
class Limits:
    """Limits of a push dataset (push-datasets-limitations.md). Tests of what lies beyond may make them smaller."""

    columns: int = 75
    tables: int = 75
    relationships: int = 75
    rows_in_post: int = 10_000
    # "16 MB" in the documents; the smaller reading.
    body_bytes: int = 16_000_000
    pending_posts: int = 5
    posts_a_minute: int = 120
    posts_an_hour_in_slow_lane: int = 120
    slow_lane_rows: int = 250_000
    rows_an_hour: int = 1_000_000
    rows_of_table: int = 5_000_000
    rows_of_fifo_table: int = 200_000
    queries_a_minute: int = 120
