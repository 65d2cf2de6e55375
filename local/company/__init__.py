"""An invented wholesale distributor whose books fill the Xero simulator: made from a seed, the same each time."""

from local.company.books import first_day, generate

__all__ = ["first_day", "generate"]
