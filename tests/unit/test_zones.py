"""Xero's names of time zones."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from shared.xero.zones import iana_name

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "specs" / "xero_accounting.yaml"
# Zones that Windows gave up years ago.
GIVEN_UP = {"KAMCHATKASTANDARDTIME", "MIDATLANTICSTANDARDTIME"}


@pytest.mark.parametrize(
    ("timezone", "iana"),
    [
        ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
        ("AUSEASTERNSTANDARDTIME", "Australia/Sydney"),
        ("GMTSTANDARDTIME", "Europe/London"),
        ("EEUROPESTANDARDTIME", "Europe/Chisinau"),
        ("UTC11", "Etc/GMT+11"),
        ("PACIFICSTANDARDTIME(MEXICO)", "America/Tijuana"),
        ("New Zealand Standard Time", "Pacific/Auckland"),
        ("NOWHERESTANDARDTIME", None),
        ("", None),
    ],
)
def test_the_zone_of_a_name(timezone: str, iana: str | None) -> None:
    """Windows' names in capitals without spaces, dots and hyphens; None for what nobody knows."""
    assert iana_name(timezone) == iana


def test_every_zone_of_xeros_file_is_known() -> None:
    """All names that Xero's OpenAPI file lists but two lead to a zone that Python has."""
    if not FILE.is_file():
        pytest.skip("Xero's OpenAPI file lies beside the repository only")
    listed = FILE.read_text(encoding="utf-8").partition("description: Timezone specifications")[2]
    names = re.findall(r"^ +- (\S+)$", listed.partition("\n    PaymentTerm:")[0], re.MULTILINE)
    assert len(names) > 130
    assert {name for name in names if iana_name(name) is None} <= GIVEN_UP
    assert all(ZoneInfo(found) for name in names if (found := iana_name(name)))
