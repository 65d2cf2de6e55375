"""One organisation's books out of a folder of recorded answers of Xero's API, as the stand-in's /_sim/load takes them."""

from local.recorded.folder import NotRecorded, Recorded, load_folder

__all__ = ["NotRecorded", "Recorded", "load_folder"]
