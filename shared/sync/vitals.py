"""The shapes of what is known of the connector's health; `shared.sync.health` fills them, `standing` judges them.

Instants are UTC; None where something has not happened yet.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.budgets import Spent
from shared.state import alarms as told
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.state.kept import Kept
from shared.state.noted import Note
from shared.state.proofs import Standing
from shared.state.rebuilds import Rebuild


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """Something that a person must know. code: of ALARMS. organisation: a tenant id, "" when it concerns all.

    about: the table, resource, dataset, token set or queue, which never changes while it stands. since: None where only the
    first look that found it can tell. words: what was met, without names or amounts of the books.
    """

    code: str
    organisation: str = ""
    about: str = ""
    since: datetime | None = None
    words: str

    @property
    def key(self) -> told.Key:
        return told.Key(self.code, self.organisation, self.about)


@dataclass(frozen=True, kw_only=True)
class TableHealth:
    """A table of an organisation.

    is_read: whether Xero is asked for it. moves: whether it is read several
    times a day, as documents are, lists and reports are not. fresh_as_of: the figures are Xero's of then. fresh_until: from then on that is older than promised. last_poll, next_poll:
    of the resource that was read longest ago, and that is due next. records: in Xero's lists. rows_at_most, pending (batches)
    and last_push are of the dataset's table, whosoever's.
    """

    table: str
    fresh_as_of: datetime | None
    fresh_until: datetime | None
    last_poll: datetime | None
    next_poll: datetime | None
    last_push: datetime | None
    records: int
    rows_at_most: int
    pending: int
    oldest_pending: datetime | None
    quarantined: int
    parked: str
    trouble: str
    rebuilding: bool
    verified: bool | None
    is_read: bool
    moves: bool


@dataclass(frozen=True, kw_only=True)
class OrganisationHealth:
    """resources, complete: how many are read, and of how many the history is there. paused_since, paused_why: while it is.

    budget: None before the first call. reads: the checkpoints, by resource. proof: what the last comparisons with Xero and
    Power BI found. kept: what is known of the mirror, by resource.
    """

    organisation: Organisation
    budget: Spent | None
    reads: Mapping[str, Checkpoint]
    resources: int
    complete: int
    last_poll: datetime | None
    last_webhook: datetime | None
    unread_since: datetime | None
    paused_since: datetime | None
    paused_why: str
    tables: Sequence[TableHealth]
    proof: Standing = field(default_factory=Standing)
    kept: Mapping[str, Kept] = field(default_factory=dict)

    @property
    def oldest(self) -> datetime | None:
        """As of when its oldest figures are, of documents and payments; None while a table that is read has none."""
        read = [each for each in self.tables if each.is_read]
        if any(each.fresh_as_of is None for each in read):
            return None
        return min((each.fresh_as_of for each in read if each.fresh_as_of and each.moves), default=None)


@dataclass(frozen=True, kw_only=True)
class DatasetHealth:
    """powerbi_id: "" while it is not made. pending: batches that wait; unreadable: those that were put aside.

    refused: what keeps them waiting for a person. last_push: of any table; doubt_at:
    when something was last sent again, since its answer was lost or was a refusal for now. rebuild_ends: when its compaction should be over.
    """

    dataset: str
    powerbi_id: str
    pending: int
    oldest_pending: datetime | None
    in_flight: int
    unreadable: int
    rows_at_most: int
    last_push: datetime | None
    doubt_at: datetime | None
    refused: Note | None
    rebuild: Rebuild | None
    rebuild_ends: datetime | None
    successor: str
    parked: Mapping[str, str]
    unverified: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class TokenSetHealth:
    """unknown: why the vault tells nothing, "" when it does. days_left: until the consent ends unless the set is renewed.

    trying_since: an attempt that did not end. failure: why the last one failed.
    """

    token_set: str
    generation: int = 0
    obtained_at: datetime | None = None
    expires_at: datetime | None = None
    days_left: int | None = None
    trying_since: datetime | None = None
    failure: str = ""
    unknown: str = ""


@dataclass(frozen=True, kw_only=True)
class QueueHealth:
    """waiting, poisoned: about so many messages. put_aside: those that no run takes up by itself any more."""

    waiting: int
    poisoned: int
    swept_at: datetime | None
    put_aside: int


@dataclass(frozen=True, kw_only=True)
class Health:
    """looked_at: when poll_timer last looked for alarms. trial: an alarm that an operator asked for."""

    at: datetime
    organisations: Sequence[OrganisationHealth]
    datasets: Sequence[DatasetHealth]
    token_sets: Sequence[TokenSetHealth]
    queue: QueueHealth
    looked_at: datetime | None
    trial: told.Trial
    alarms: Sequence[Alarm] = ()
