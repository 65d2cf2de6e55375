"""Tracking categories with their options. Without a stamp, read whole; archived ones are listed only when asked for."""

from shared.xero.resources.resource import Resource

TRACKING_CATEGORIES = Resource(
    name="TrackingCategories",
    plural="TrackingCategories",
    id_field="TrackingCategoryID",
    scope="accounting.settings.read",
    paging="whole",
    modified_since=False,
    stamp_field=None,
    parameters={"includeArchived": "true"},
    fetch_by="one",
    vanishes=True,
    nested=("Options",),
    minutes=240,
)
