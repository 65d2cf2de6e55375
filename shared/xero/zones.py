"""Xero's names of time zones: those of Windows in capitals, without spaces, dots and hyphens, as NEWZEALANDSTANDARDTIME."""

import re

from tzlocal.windows_tz import win_tz


def _bare(name: str) -> str:
    return re.sub(r"[\s.-]", "", name).upper()


_ZONES = {_bare(windows): iana for windows, iana in win_tz.items()}


def iana_name(timezone: str) -> str | None:
    """The IANA name of an organisation's Timezone; None for one that nobody knows."""
    return _ZONES.get(_bare(timezone))
