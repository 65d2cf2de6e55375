"""Which version this is. `manage.py package` writes a file VERSION beside `shared/`; a checkout has none."""

from functools import cache
from pathlib import Path

import msgspec

FILE = Path(__file__).resolve().parents[1] / "VERSION"


class Version(msgspec.Struct, frozen=True):
    """version: that of pyproject.toml. commit: the commit that was packaged, with "+changes" when there were any on top.

    committed: when that commit was made, in ISO 8601; "" when there was no git.
    """

    version: str
    commit: str
    committed: str = ""


_decoder = msgspec.json.Decoder(Version)


@cache
def packaged() -> Version | None:
    """The version of the package that runs; None in a checkout."""
    return _decoder.decode(FILE.read_bytes()) if FILE.exists() else None
