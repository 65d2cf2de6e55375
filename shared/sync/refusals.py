"""What Power BI refuses for a reason that only a person can mend: no permission, no dataset, a table that is defined otherwise.

It is tried again after a minute, then twice as long each time up to two hours, a little more or less so that many do not come
together; so it goes on by itself once it is granted. After a day it is parked: tried once a day, and whenever an operator
says so (`replay`, `dataset create`, `dataset upgrade`). What is to be pushed stays in the outbox.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.errors import ConnectorError
from shared.state import noted
from shared.sync.connector import Connector

FIRST_SECONDS, LONGEST_SECONDS = 60.0, 7200.0
PARKED_AFTER = timedelta(days=1)
PARKED_SECONDS = 86_400.0
# From a quarter less to a quarter more.
SPREAD = 0.5


@dataclass(frozen=True)
class Wait:
    """How long nothing is tried, and which attempt failed. parked: it was tried for a day."""

    seconds: float
    attempt: int
    parked: bool


def waits(connector: Connector, dataset: str) -> float:
    """For how many seconds nothing is to be pushed to a dataset, 0 when it may be."""
    found = noted.find(connector.store, "refused", dataset)
    if found is None or found.until is None:
        return 0
    return max(0.0, (found.until - connector.clock.now()).total_seconds())


def refused(connector: Connector, dataset: str, error: ConnectorError) -> Wait:
    """Note a refusal; answers when to try again."""
    now = connector.clock.now()
    before = noted.find(connector.store, "refused", dataset)
    attempts = before.attempts + 1 if before else 1
    since = before.since if before and before.since else now
    parked = now - since >= PARKED_AFTER
    seconds = PARKED_SECONDS if parked else min(LONGEST_SECONDS, FIRST_SECONDS * 2 ** min(attempts - 1, 20))
    seconds *= 1 + SPREAD * (connector.jitter() - 0.5)
    noted.note(
        connector.store,
        "refused",
        dataset,
        now,
        words=str(error),
        since=since,
        attempts=attempts,
        until=now + timedelta(seconds=seconds),
    )
    return Wait(seconds, attempts, parked)


def accepted(connector: Connector, dataset: str) -> None:
    """Something was pushed, or somebody mended what was refused: there is nothing to wait for."""
    if noted.find(connector.store, "refused", dataset) is not None:
        noted.forget(connector.store, "refused", dataset)


def is_parked(note: noted.Note) -> bool:
    """Whether what was refused was tried for a day."""
    return note.since is not None and note.at - note.since >= PARKED_AFTER
