"""audit: what happened, newest first; or what became of one record, from Xero to Power BI."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from commands.organisations import choose
from commands.replay import resource_name
from commands.terminal import Where, connector, say, say_json
from shared.errors import AskPerson
from shared.state import connections
from shared.sync.connector import Connector
from shared.sync.trail import Row, Story, Wanted, has_failed, rows, stories

# Of a long life only the newest batches are named; the rows tell of all.
LAST_BATCHES = 5
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# What a row means, by what and outcome, then by what alone. Names in braces are the row's.
MEANINGS = {
    "webhook queued": "Xero told of {count} {resource}",
    "webhook ignored": "Xero told of {count} events that do not concern us: {why}",
    "webhook paused": "Xero told of {count} {resource} in a pause; to be read after it",
    "fetch landed": "{count} {resource} came from Xero ({why}), {bytes} bytes",
    "fetch empty": "Xero has nothing to tell of {resource} ({why})",
    "fetch not found": "Xero has {resource} no more ({why})",
    "fetch retried": "{count} {resource} are fetched later: {why}",
    "fetch ignored": "{resource} are not fetched: {why}",
    "fetch joined": "{resource} are fetched with others, {why}",
    "fetch paused": "{count} requests for {resource} wait until the pause is over",
    "read complete": "{resource} were read whole ({why}): {count}",
    "read again": "{resource} will be read again: {why}",
    "read unproven": "{resource} were read ({why}), but numbers differ",
    "read repeated": "{resource} are read once more",
    "read split": "{resource} are too many for one list: {why}",
    "poll put off": "{resource} are not read {why}",
    "poll ended": "the read of {resource} ended early",
    "push done": "{count} {resource} are in Power BI, {unchanged} were there",
    "push again": "{count} {resource} were pushed again, since nobody knew",
    "push retried": "dataset {dataset} is pushed later: {why}",
    "push ask": "dataset {dataset} waits for a person: {why}",
    "post done": "{count} rows of {resource} were posted",
    "quarantine record": "a record of {resource} was put aside: {why}",
    "quarantine batch": "a batch could not be read: {why}",
    "message put aside": "a queue message was put aside: {why}",
    "message swept back": "a queue message came back from the poison queue: {why}",
    "refresh done": "tokens were renewed: {why}, generation {count}",
    "refresh retried": "tokens could not be renewed yet: {why}",
    "replay queued": "{count} {resource} are tried again",
    "replay due": "{resource}, which waited for a person, are read again",
    "connect done": "the organisation was connected: {why}",
    "disconnect done": "the organisation was disconnected",
    "pause paused": "paused: {why}",
    "pause resumed": "resumed, {why}",
    "delete done": "rows of {resource} were deleted, up to {count}",
    "publish landed": "{count} {resource} were made here ({why})",
    "compact": "compaction of {resource}: {outcome} ({why})",
    "upgrade": "upgrade: {outcome} ({why})",
    "dataset": "dataset {why}: {outcome}",
}


def run(
    where: Where,
    *,
    organisation: str,
    resource: str,
    record_id: str,
    operation: str,
    since: str,
    failed: bool,
    limit: int,
    as_json: bool,
) -> int:
    """Show the rows that fit, newest first, at most `limit`; or a record's story. 1 when there is none."""
    resource = resource_name(resource)
    ours = connector(where)
    tenant_id = choose(ours, organisation).tenant_id if organisation else ""
    if record_id:
        begin = when(since, ours.clock.now())
        found = stories(ours, tenant_id, resource, record_id.strip(), begin)
        _show(as_json, [_document(each) for each in found], [line for each in found for line in told(each)])
        if found and not as_json:
            say(
                [
                    f"Its last way, and all since {begin:%F %T} UTC. Next: `--since 90d` tells more of its life."
                ]
            )
        if not found and not as_json:
            say([f"Nothing is known of {record_id}: it has not come from Xero, or was never put aside."])
        return 0 if found else 1
    now = ours.clock.now()
    begin = when(since, now)
    wanted = Wanted(organisation=tenant_id, resource=resource, operation=operation.strip(), failed=failed)
    if as_json:
        _show(True, list(islice(rows(ours.store, begin, now, wanted), limit)), [])
        return 0
    names = _names(ours)
    count = 0
    for row in islice(rows(ours.store, begin, now, wanted), limit):
        say(lines(row, names))
        count += 1
    say(what_next(count, limit, begin))
    return 0


def when(text: str, now: datetime) -> datetime:
    """An instant, from how long ago (90m, 24h, 7d) or a date or time in UTC. Raises AskPerson."""
    ago = re.fullmatch(r"(\d{1,6})([mhd])", text.strip())
    if ago:
        return now - timedelta(**{UNITS[ago[2]]: int(ago[1])})
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise AskPerson(
            f"{text[:40]!r} is no time: say 90m, 24h, 7d, 2026-11-23 or 2026-11-23T09:00."
        ) from None
    return at.replace(tzinfo=at.tzinfo or UTC)


def lines(row: Row, names: Mapping[str, str]) -> list[str]:
    """What a row means, in one line; and its error, operation and request under it when something went wrong."""
    name = names.get(row.get("organisation", ""), "") if len(names) > 1 else ""
    at = datetime.fromisoformat(row["at"])
    first = f"{at:%m-%d %H:%M:%S}  {f'{name}: ' if name else ''}{meaning(row)}"
    if not has_failed(row):
        return [first]
    more = [row.get("error", ""), f"operation {row['operation']}"]
    if row.get("request_id"):
        more.append(f"request {row['request_id']}")
    return [first, *(f"                {each}" for each in more if each)]


def meaning(row: Row) -> str:
    """A row in words."""
    template = MEANINGS.get(f"{row['what']} {row['outcome']}") or MEANINGS.get(row["what"])
    if template is None:
        template = "{what} {outcome}" + "".join(
            f", {{{name}}}" for name in ("resource", "count", "why") if row.get(name)
        )
    said = re.sub(r"\{(\w+)\}", lambda found: str(row.get(found[1], "")), template)
    return re.sub(r" +", " ", said.replace(" ()", "")).rstrip(" :")


def told(story: Story) -> list[str]:
    """What became of a record, oldest first."""
    parts = [
        f"{story.resource} {story.record_id} of {story.organisation.name}:",
        f"  Xero: changed {story.stamp:%F %T} UTC" if story.stamp else "  Xero: tells no time of change",
    ]
    if story.deleted:
        parts.append("  Xero: has it no more")
    names: dict[str, str] = {}
    parts += [f"  {line}" for row in story.rows for line in lines(row, names)]
    parts += [f"  batch {batch}" for batch in story.batches[-LAST_BATCHES:]]
    if not story.rows:
        parts.append("  The audit has nothing of its last batch any more.")
    if story.version:
        parts.append(f"  Power BI: dataset {story.organisation.dataset}, RowVersion {story.version}")
    else:
        parts.append("  Power BI: has no version of it")
    if story.quarantined:
        parts.append(f"  Quarantine: {story.quarantined}")
        parts.append("  Next: mend the cause, then `python3 manage.py replay`.")
    if story.pending:
        parts.append(f"  {len(story.pending)} batches of {story.resource} wait to be pushed.")
    return parts


def what_next(count: int, limit: int, begin: datetime) -> list[str]:
    if not count:
        return [f"Nothing since {begin:%F %T} UTC. Next: look further back with `--since 7d`."]
    if count == limit:
        return [f"The newest {limit}. Next: `--limit {limit * 10}` shows more, `--operation ID` one run."]
    return [f"{count} rows since {begin:%F %T} UTC. Next: `--operation ID` or `--record ID` follows one."]


def _names(connector: Connector) -> dict[str, str]:
    return {each.tenant_id: each.name for each in connections.connected(connector.store)}


def _document(story: Story) -> dict[str, Any]:
    return {
        "organisation": story.organisation.tenant_id,
        "resource": story.resource,
        "record": story.record_id,
        "changed_at": story.stamp.isoformat() if story.stamp else None,
        "deleted": story.deleted,
        "row_version": story.version,
        "dataset": story.organisation.dataset,
        "batches": story.batches,
        "quarantined": story.quarantined or None,
        "pending": len(story.pending),
        "rows": story.rows,
    }


def _show(as_json: bool, found: list[Any], text: list[str]) -> None:
    if as_json:
        say_json(found)
    else:
        say(text)
