"""A check of `doctor`: what it looks at, what it needs to be right first, and what it found."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from azure.core.exceptions import AzureError

from commands.azure import DeployedApp
from shared.clock import Clock
from shared.errors import ConnectorError
from shared.secrets import Described
from shared.sync.connector import Connector

State = Literal["good", "wrong", "not checked"]


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong: what was found, what to click where, and the vendor's own words."""

    found: str
    click: str = ""
    vendor_words: str = ""


class Wrong(Exception):
    """What a check raises when something is not as it should be."""

    def __init__(self, *troubles: Trouble) -> None:
        super().__init__("; ".join(trouble.found for trouble in troubles))
        self.troubles = troubles


class NotChecked(Exception):
    """What a check raises when there is nothing to look at; the text is the reason."""


@dataclass
class Patient:
    """What is examined. `connector` and `described` are there once the checks of settings and vault went well.

    read: brings the settings. build: makes a connector of them that only looks. app: the function app, if one was named.
    """

    read: Callable[[], Mapping[str, str]]
    build: Callable[[Mapping[str, str]], Connector]
    clock: Clock
    app: DeployedApp | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    built: Connector | None = None
    described: dict[str, Described] = field(default_factory=dict)
    # The tenant ids that Xero lists, and by service what it had as the time, and we.
    listed: frozenset[str] = frozenset()
    times: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    @property
    def connector(self) -> Connector:
        if self.built is None:
            raise LookupError("a check needs settings and does not say so")
        return self.built

    @property
    def whose(self) -> str:
        """Who asks storage and vault: with a function app it is the person at the laptop."""
        return "you" if self.app else "the connector's identity"

    def note_time(self, service: str, date: str) -> None:
        """Remember a Date header that came just now; "" is none."""
        if date:
            self.times[service] = (date, self.clock.now())


@dataclass(frozen=True)
class Check:
    """look: says what is good, or raises Wrong, NotChecked, or what the connector raises. needs: names of checks."""

    name: str
    title: str
    look: Callable[[Patient], str]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """found: what is good, or why it was not checked."""

    check: Check
    state: State
    found: str = ""
    troubles: tuple[Trouble, ...] = ()


def examine(patient: Patient, checks: Iterable[Check]) -> list[Outcome]:
    """Look at everything that can be looked at, in order."""
    outcomes: dict[str, Outcome] = {}
    for check in checks:
        missing = [name for name in check.needs if outcomes[name].state != "good"]
        if missing:
            title = outcomes[missing[0]].check.title
            because = "is wrong" if outcomes[missing[0]].state == "wrong" else "was not checked"
            outcomes[check.name] = Outcome(check, "not checked", f"because {title!r} {because}")
        else:
            outcomes[check.name] = _look(patient, check)
    return list(outcomes.values())


def _look(patient: Patient, check: Check) -> Outcome:
    try:
        return Outcome(check, "good", check.look(patient))
    except Wrong as wrong:
        return Outcome(check, "wrong", troubles=wrong.troubles)
    except NotChecked as reason:
        return Outcome(check, "not checked", str(reason))
    except ConnectorError as error:
        # Its message says what to do already.
        return Outcome(check, "wrong", troubles=(of_error(error),))
    except AzureError as error:
        found = f"Azure refused or did not answer: {type(error).__name__}"
        return Outcome(check, "wrong", troubles=(Trouble(found, "", words(error)),))


def of_error(error: ConnectorError, click: str = "") -> Trouble:
    """A trouble of what the connector raised."""
    return Trouble(str(error.args[0]) if error.args else type(error).__name__, click, error.vendor_words)


def words(error: Exception) -> str:
    """What an error of Azure's libraries says, shortened to one line."""
    return " ".join(str(getattr(error, "message", "") or error).split())[:300]
