"""status: whether figures are fresh, what stands in the way, and what to do. Read from storage; no call to a vendor is made."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

from commands.organisations import NOBODY, choose
from commands.status_json import document, is_healthy, state
from commands.terminal import Where, connector, console, item, say, say_json
from shared.budgets import Spent
from shared.settings import Settings
from shared.state.proofs import Proof, Standing
from shared.sync.alarms import ALARMS, by_severity
from shared.sync.health import health
from shared.sync.vitals import Alarm, DatasetHealth, Health, OrganisationHealth, TableHealth, TokenSetHealth

SEVERITIES = ("critical", "error", "warning", "note", "note")
STYLES = ("bold red", "red", "yellow", "", "")
# poll_timer looks every few minutes; well above, somebody should ask why it does not.
NOT_LOOKED = timedelta(minutes=30)
DAY, HOUR, MINUTE = 86400, 3600, 60


def run(where: Where, organisation: str, *, everything: bool, as_json: bool) -> int:
    """Show the health of an organisation, or of all; 1 when an alarm of severity 2 or worse stands."""
    ours = connector(where)
    tenant_id = choose(ours, organisation).tenant_id if organisation else ""
    found = health(ours, tenant_id=tenant_id)
    if as_json:
        say_json(document(ours.settings, found))
    elif not found.organisations:
        say([NOBODY])
    else:
        show(ours.settings, found, everything=everything)
    return 0 if is_healthy(found) else 1


def show(settings: Settings, found: Health, *, everything: bool) -> None:
    """What a person needs first comes first."""
    say([headline(found)])
    show_alarms(found)
    for organisation in found.organisations:
        console.print()
        _show_organisation(settings, organisation, found.at, everything=everything)
    console.print()
    for line in (
        *(_dataset(each, found.at) for each in found.datasets),
        *(_token_set(each, found.at) for each in found.token_sets),
        _queue(found),
    ):
        item(line)
    console.print()
    say([_next(found, everything=everything)])


def headline(found: Health) -> str:
    """One sentence: is it well, and how old are the oldest figures?"""
    count = len(found.organisations)
    all_of = "The organisation is" if count == 1 else f"All {count} organisations are"
    if found.alarms:
        return f"{len(found.alarms)} alarm{'s stand' if len(found.alarms) > 1 else ' stands'}:"
    reading = [each for each in found.organisations if each.oldest is None]
    if reading:
        return f"Being set up: of {len(reading)} of {count} organisations not every table is in Power BI yet."
    oldest = min(each.oldest for each in found.organisations if each.oldest is not None)
    return f"{all_of} fresh; the oldest figures of documents are {ago(found.at, oldest)} old."


def show_alarms(found: Health) -> None:
    """Each alarm, the most serious first, with what to do."""
    names = {each.organisation.tenant_id: each.organisation.name for each in found.organisations}
    shown: set[str] = set()
    for alarm in by_severity(found.alarms):
        severity = ALARMS[alarm.code].severity
        console.print(
            Text(f"  {SEVERITIES[severity]}: {_of(alarm, names)}", STYLES[severity]), soft_wrap=True
        )
        item(f"  {alarm.words}")
        if alarm.code not in shown and ALARMS[alarm.code].action:
            item(f"  Do: {ALARMS[alarm.code].action}")
        shown.add(alarm.code)


def ago(now: datetime, at: datetime | None) -> str:
    """How long ago, in words."""
    if at is None:
        return "never"
    seconds = max(0.0, (now - at).total_seconds())
    for length, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= 2 * length or (length == MINUTE and seconds >= length):
            count = int(seconds // length)
            return f"{count} {word}{'s' if count > 1 else ''}"
    return "less than a minute"


def _of(alarm: Alarm, names: dict[str, str]) -> str:
    parts = [alarm.code, names.get(alarm.organisation, alarm.organisation), alarm.about]
    since = f"since {alarm.since:%Y-%m-%d %H:%M} UTC" if alarm.since else ""
    return ", ".join(filter(None, [*parts, since]))


def _cost(budget: Spent | None) -> str:
    """What the day has cost so far, and the one before: Xero bills bytes, too."""
    if budget is None:
        return "Nothing was read yet."
    day = f"{megabytes(budget.bytes)} were read"
    if not budget.before_calls:
        return f"{day}."
    return f"{day}; the day before {budget.before_calls:,} calls and {megabytes(budget.before_bytes)}."


def megabytes(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1_000_000:,.1f} MB"


def _show_organisation(
    settings: Settings, found: OrganisationHealth, at: datetime, *, everything: bool
) -> None:
    ours, budget = found.organisation, found.budget
    say([f"{ours.name}, into dataset {ours.dataset}"])
    used = budget.day if budget else 0
    left = f"; blocked until {budget.blocked_until:%H:%M} UTC" if budget and budget.blocked_until else ""
    webhook = f"{ago(at, found.last_webhook)} ago" if found.last_webhook else "none yet"
    oldest = f"{ago(at, found.oldest)} old" if found.oldest else "not all there yet"
    for line in (
        f"Oldest figures {oldest}; last read {ago(at, found.last_poll)} ago; last webhook {webhook}.",
        f"Calls of this day: {used:,} of {settings.xero_day_limit:,}, of which {settings.xero_webhook_reserve:,} are "
        f"kept for webhooks{left}. {_cost(budget)}",
    ):
        item(line)
    item(proven(found.proof, at))
    if lacking := sorted(name for name, each in found.kept.items() if each.lacks):
        item(
            f"The mirror lost records of {', '.join(lacking)}; they are read again, and compactions wait for it."
        )
    if found.complete < found.resources:
        item(
            f"Histories read: {found.complete} of {found.resources}; `backfill` shows how far the others are."
        )
    shown = [each for each in found.tables if everything or state(each, at) != "good"]
    if shown:
        console.print(_tables(shown, at))
    elif not everything:
        item(f"All {len(found.tables)} tables are good.")
    for each in shown:
        words = each.parked or each.trouble
        if words:
            item(words if words.startswith(f"{each.table}: ") else f"{each.table}: {words}")


def proven(proof: Standing, at: datetime) -> str:
    """When it was last compared with Xero, how much of it, and what differs."""
    if proof.newest is None:
        return "Never compared with Xero yet."
    names = {
        each.table if isinstance(each, Proof) else f"the report of {each.about}" for each in proof.differs
    }
    said = f"; {', '.join(sorted(names))} differ: see `reconcile`" if names else ""
    return (
        f"Last compared with Xero {ago(at, proof.newest)} ago, the oldest month {ago(at, proof.oldest)} ago: "
        f"{proof.proven:,} of {proof.months:,} months of its tables are the same{said}."
    )


def _tables(shown: Sequence[TableHealth], at: datetime) -> Table:
    """Ages in minutes, hours or days. Rows and batches are the dataset's, of all its organisations."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("Table", "State"):
        table.add_column(name, no_wrap=True)
    for name in ("Age", "Polled", "Pushed", "Records", "Rows", "Batch", "Aside"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in shown:
        table.add_row(
            each.table,
            state(each, at),
            *(_short(at, when) for when in (each.fresh_as_of, each.last_poll, each.last_push)),
            *(f"{count:,}" for count in (each.records, each.rows_at_most, each.pending, each.quarantined)),
        )
    return table


def _short(now: datetime, at: datetime | None) -> str:
    if at is None:
        return ""
    seconds = max(0.0, (now - at).total_seconds())
    for length, word in ((DAY, "d"), (HOUR, "h")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{word}"
    return f"{int(seconds // MINUTE)}m"


def _dataset(found: DatasetHealth, at: datetime) -> str:
    if not found.powerbi_id:
        return f"Dataset {found.dataset}: not in Power BI yet; {found.pending:,} batches wait for it."
    parts = [
        f"at most {found.rows_at_most:,} rows",
        f"{found.pending:,} batches wait" if found.pending else "nothing waits",
        f"last push {ago(at, found.last_push)} ago" if found.last_push else "nothing pushed yet",
    ]
    if found.rebuild:
        parts.append(f"{found.rebuild.table} is being rebuilt ({found.rebuild.phase})")
    if found.successor:
        parts.append(f"successor {found.successor}")
    return f"Dataset {found.dataset}: {', '.join(parts)}."


def _token_set(found: TokenSetHealth, at: datetime) -> str:
    if found.obtained_at is None:
        return f"Token set {found.token_set}: age not known. {found.unknown}"
    left = f", {found.days_left} of 60 days left" if found.days_left is not None else ""
    return f"Token set {found.token_set}: generation {found.generation}, renewed {ago(at, found.obtained_at)} ago{left}."


def _queue(found: Health) -> str:
    queue = found.queue
    return (
        f"Queue: {queue.waiting:,} messages, {queue.poisoned:,} poisoned, {queue.put_aside:,} put aside. "
        f"Alarms were looked for {f'{ago(found.at, found.looked_at)} ago' if found.looked_at else 'never'}."
    )


def _next(found: Health, *, everything: bool) -> str:
    if found.looked_at is None or found.at - found.looked_at > NOT_LOOKED:
        return "Next: see in the portal whether poll_timer runs, since it should look every few minutes."
    if found.alarms:
        return "Next: what stands after `Do:`. docs/operate.md says more of each alarm."
    if everything:
        return "Next: nothing is to be done."
    return "Next: nothing is to be done. `python3 manage.py status --all` shows every table."
