"""What can go wrong, ordered by what to do about it.

ConnectorError
├── RetryLater            the same again after `seconds`; nobody is asked
│   ├── LimitReached      a vendor's limit or our share of it is used up
│   ├── Unavailable       the vendor is down, slow or answers nonsense
│   │   └── OutcomeUnknown    the request was sent and its answer lost: it may have taken effect
│   └── LeaseBusy         another run does this work now
├── RunEnded              this run lost its right to write; the next run goes on from what is stored
├── GiveUp                the same again cannot help; what was refused is kept and shown
│   ├── Refused           the vendor refuses the request as it is
│   ├── NotFound          the vendor has no such thing
│   ├── BadRecord         a record that cannot be shaped into rows
│   ├── BadMessage        a queue message or stored batch that is not ours
│   └── BadWebhook        a delivery that Xero did not sign, or that is no delivery at all
└── AskPerson             only a person can mend it; the message says where
    ├── SettingsError     settings are missing or wrong
    ├── ConsentLost       Xero's user withdrew the consent, or it ran out
    ├── ScopeMissing      the consent does not cover what is read
    ├── TierMissing       Xero opens the endpoint to other tiers only
    └── PermissionMissing Power BI or Azure refuses the connector's identity
"""

from shared.masking import without_tokens

# What stands before a vendor's own words, so that they can be told from ours.
VENDOR_WORDS = " They said: "


class ConnectorError(Exception):
    """Something that the connector knows how to treat.

    message: what happened, to which record. vendor_words: what the vendor's answer said, shortened, never a secret.
    """

    def __init__(self, message: str, *, vendor_words: str = "") -> None:
        super().__init__(message)
        self.vendor_words = without_tokens(vendor_words)

    def __str__(self) -> str:
        said = f"{VENDOR_WORDS}{self.vendor_words}" if self.vendor_words else ""
        return super().__str__() + said


class RetryLater(ConnectorError):
    """The same again after `seconds`."""

    def __init__(self, message: str, *, seconds: float, vendor_words: str = "") -> None:
        super().__init__(message, vendor_words=vendor_words)
        self.seconds = seconds


class LimitReached(RetryLater):
    """`limit` names which one: "minute", "day", "concurrent", "appminute", "rows" or "posts"."""

    def __init__(self, message: str, *, limit: str, seconds: float, vendor_words: str = "") -> None:
        super().__init__(message, seconds=seconds, vendor_words=vendor_words)
        self.limit = limit


class Unavailable(RetryLater):
    """The vendor is down, slow or answers nonsense."""


class OutcomeUnknown(Unavailable):
    """The request was sent and its answer lost: it may have taken effect."""


class LeaseBusy(RetryLater):
    """Another run does this work now."""


class RunEnded(ConnectorError):
    """This run lost its lease or met a newer writer; what it did is safe and the next run goes on from there."""


class GiveUp(ConnectorError):
    """The same again cannot help; what was refused is kept and shown."""


class Refused(GiveUp):
    """The vendor refuses the request as it is. `status` is the HTTP status."""

    def __init__(self, message: str, *, status: int, vendor_words: str = "") -> None:
        super().__init__(message, vendor_words=vendor_words)
        self.status = status


class NotFound(GiveUp):
    """The vendor has no such thing."""


class BadRecord(GiveUp):
    """A record that cannot be shaped into rows; `field` is the path of what is wrong in it."""

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class BadMessage(GiveUp):
    """A queue message or stored batch that is not ours."""


class BadWebhook(GiveUp):
    """A delivery that Xero did not sign, or that is no delivery at all. `status` is the HTTP answer it gets."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class AskPerson(ConnectorError):
    """Only a person can mend it; the message says where."""


class SettingsError(AskPerson):
    """Settings are missing or wrong; the message names all of them."""


class ConsentLost(AskPerson):
    """Xero's user withdrew the consent, or it ran out: run `python3 manage.py connect` again."""


class ScopeMissing(AskPerson):
    """The consent does not cover what is read: run `python3 manage.py connect` again."""


class TierMissing(AskPerson):
    """Xero opens the endpoint to apps of another tier only: leave the resource off, or move the app."""


class PermissionMissing(AskPerson):
    """Power BI or Azure refuses the connector's identity."""
