"""Tracking categories: one row an option, and one marker row for a category that has none (any more)."""

from shared.tables.nested import element_key, marker, numbered, place, record_key
from shared.tables.table import TENANT, Source, Table, at, derived, flag, key, of_document, text
from shared.xero import wire


def _slot(source: Source) -> int | None:
    field = "TrackingCategoryID"
    return source.lists.slots.get((wire.text(at(source.document, field), field) or "").lower())


TRACKING_CATEGORIES = Table(
    name="TrackingCategories",
    means="Tracking categories and their options. A category without options has one row with IsMarker.",
    resources=("TrackingCategories",),
    version_key="TrackingCategoryKey",
    rows=lambda source: numbered(source, "Options"),
    columns=(
        TENANT,
        of_document(
            key("TrackingCategoryKey", "The category, unique over organisations.", "TrackingCategoryID")
        ),
        element_key(
            "TrackingOptionKey",
            "The category's option, unique over organisations.",
            lambda source: record_key(source, "TrackingCategoryID"),
        ),
        of_document(text("TrackingCategoryID", "Xero's id of the category.")),
        of_document(text("Category", "The category's name, such as Region.", "Name")),
        of_document(text("CategoryStatus", "ACTIVE, ARCHIVED or DELETED.", "Status")),
        derived(
            "Slot",
            "Int64",
            "Which columns of Lines and Journals show it: 1 is Tracking1, and so on. Given once, for ever; empty for what"
            " came when all four were taken.",
            _slot,
            uses="tracking",
        ),
        place("OptionNumber", "The option's place in the category, from 1; 0 on a marker."),
        marker("True on the one row of a category without options."),
        text("TrackingOptionID", "Xero's id of the option."),
        text("Option", "The option's name, such as North.", "Name"),
        text("OptionStatus", "ACTIVE, ARCHIVED or DELETED.", "Status"),
        flag("IsActive", "Whether the option may be used."),
        flag("IsArchived", "Whether the option is archived."),
    ),
)
