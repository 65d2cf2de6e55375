"""What there is to tell of an organisation's tables: how fresh each is and what stands in its way.

A table is fresh as of the start, by Xero's clock, of the last complete read of each resource that feeds it, the oldest of
them, once the batches of that read are posted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import tables
from shared.state import checkpoints, connections, outbox, quarantine
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation, Paused
from shared.state.mirror import Known
from shared.state.sink import State
from shared.sync.connector import Connector
from shared.sync.publish import LocalDay, digest, local_day, organisation_record
from shared.tables.table import Table
from shared.xero.resources import RESOURCES

CONSENT_LOST = "Xero's consent is lost: connect the organisation again"
# What may wait for STATUS_MINUTES, and what tells nothing by itself.
MOVING = ("FreshAsOf", "Trouble")
ALONE = "UpdatedAtUTC"

Status = dict[str, Any]
# What was last told of each table, and what the mirror knows of that.
Told = Mapping[str, tuple[Known, Status]]


@dataclass(frozen=True)
class Outlook:
    """What is known of an organisation without looking at what is on its way. said, moving: as `Published` has them."""

    checkpoints: Mapping[str, Checkpoint]
    today: LocalDay
    paused: Paused | None

    @property
    def pause(self) -> str:
        """What is said of its pause, "" when there is none."""
        if self.paused is None:
            return ""
        return f"paused since {self.paused.since:%F}" + (f": {self.paused.why}" if self.paused.why else "")

    def said(self, connector: Connector, organisation: Organisation) -> str:
        read = [
            (name, each.is_complete, each.trouble if each.parked else "")
            for name, each in sorted(self.checkpoints.items())
        ]
        settings = connector.settings
        return digest(
            [
                read,
                organisation.consent_lost,
                self.pause,
                organisation.dataset,
                self.today.day.isoformat(),
                settings.start_date.isoformat(),
                list(tables.TABLES),
                tables.TRANSFORM,
            ]
        )

    def moving(self) -> str:
        read = [
            (name, str(each.fresh_as_of), each.trouble) for name, each in sorted(self.checkpoints.items())
        ]
        return digest([read, self.today.trouble])


@dataclass(frozen=True)
class Waiting:
    """The names of a dataset's batches that wait to be posted, and of those that could not be read."""

    pending: Sequence[str]
    aside: Sequence[str]


def waiting(connector: Connector, dataset: str) -> Waiting:
    """To be listed after the checkpoints: what their reads landed is pending then, or done."""
    return Waiting(
        [blob.name for blob in outbox.pending(connector.store, dataset)],
        outbox.set_aside(connector.store, dataset),
    )


def outlook(connector: Connector, organisation: Organisation) -> Outlook:
    found = checkpoints.load_all(connector.store, organisation.tenant_id)
    paused = connections.pause_of(connections.paused(connector.store), organisation.tenant_id)
    return Outlook(found, local_day(connector, organisation_record(connector, organisation)), paused)


def news_of(status: Iterable[Status], known: Told, powerbi_id: str) -> tuple[list[Status], bool]:
    """What says something else than what was last told, and whether any of it must be told at once."""
    news: list[Status] = []
    loud = False
    for each in status:
        entry, before = known.get(each["SyncStatusID"], (None, {}))
        lost = entry is None or entry.hash == "" or entry.transform != tables.TRANSFORM
        if lost or (entry is not None and not entry.is_in(powerbi_id)):
            news.append(each)
            loud = True
            continue
        changed = {name for name in each.keys() | before.keys() if each.get(name) != before.get(name)}
        if not changed - {ALONE}:
            continue
        news.append(each)
        begins = (each["FreshAsOf"] is None) != (before.get("FreshAsOf") is None)
        loud = loud or begins or bool(changed - {ALONE, *MOVING})
    return news, loud


def statuses(
    connector: Connector,
    organisation: Organisation,
    found: Outlook,
    state: State,
    known: Told,
    rebuilding: str,
    parked: Mapping[str, str],
    waits_for: Waiting | None = None,
) -> list[Status]:
    """What is to be told of each table. waits_for: of the organisation's dataset, when that is known already."""
    batches = waits_for or waiting(connector, organisation.dataset)
    aside = batches.aside
    told: list[Status] = []
    resources = {resource for table in tables.TABLES.values() for resource in table.resources}
    quarantined = {
        resource: len(quarantine.listed(connector.store, organisation.tenant_id, resource))
        for resource in sorted(resources)
    }
    held = {
        name
        for name, checkpoint in found.checkpoints.items()
        if any(_is_before(batch, checkpoint) for batch in (*batches.pending, *aside))
    }
    unread = {name: sum(1 for batch in aside if outbox.resource_of(batch) == name) for name in resources}
    for table in tables.TABLES.values():
        read = read_for(connector, table)
        before = known[table.name][1]["FreshAsOf"] if table.name in known else None
        waits = [
            CONSENT_LOST if organisation.consent_lost and read else "",
            found.pause if read else "",
            *(
                f"{name}: {each.trouble}"
                for name, each in found.checkpoints.items()
                if name in read and each.parked and each.trouble
            ),
            *(f"{name}: {unread[name]} batches cannot be read" for name in table.resources if unread[name]),
            parked.get(table.name, ""),
            state.table(table.name).parked,
        ]
        troubles = [
            *(
                f"{name}: {each.trouble}"
                for name, each in found.checkpoints.items()
                if name in read and not each.parked and each.trouble
            ),
            found.today.trouble if {"Organisation", "Calendar"} & set(table.resources) else "",
        ]
        told.append(
            {
                "SyncStatusID": table.name,
                "FreshAsOf": _fresh_as_of(found, read, held, before),
                "Today": found.today.day.isoformat(),
                "StartDate": connector.settings.start_date.isoformat(),
                "IsRebuilding": table.name == rebuilding,
                "IsVerified": state.table(table.name).verified,
                "Quarantined": sum(quarantined[name] for name in table.resources),
                "Parked": "; ".join(filter(None, waits)) or None,
                "Trouble": "; ".join(filter(None, troubles)) or None,
                "UpdatedAtUTC": _instant(connector.clock.now()),
            }
        )
    return told


def read_for(connector: Connector, table: Table) -> list[str]:
    """The resources of Xero that are read for a table."""
    return [name for name in table.resources if name in RESOURCES and name in connector.resources]


def _is_before(batch: str, checkpoint: Checkpoint) -> bool:
    """Whether a batch of that resource landed before its last read ended."""
    if outbox.resource_of(batch) != checkpoint.resource or checkpoint.completed_at is None:
        return False
    return outbox.landed_at(batch) <= checkpoint.completed_at


def _fresh_as_of(found: Outlook, read: Sequence[str], held: set[str], before: str | None) -> str | None:
    """The oldest start of the last read of each resource; what was told before while a batch of one is not posted."""
    starts = {
        name: each.fresh_as_of
        for name in read
        if (each := found.checkpoints.get(name)) and each.is_complete and each.fresh_as_of
    }
    if not starts or len(starts) < len(read):
        return None
    # What was there before START_DATE makes nothing old that happened since, however seldom it is read.
    ageing = [start for name, start in starts.items() if not RESOURCES[name].is_of_the_start]
    return before if held & set(read) else _instant(min(ageing or starts.values()))


def _instant(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(timespec="seconds")
