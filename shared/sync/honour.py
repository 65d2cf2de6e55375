"""Honour the queue's messages: fetch the ids that they name, together, then drain the outbox of each dataset concerned,
then do what was requested of it.

A received message is honoured in the same run. What must wait goes back as a new message with a delay and an attempt count,
so that the queue's own count of tries stays for crashes.
"""

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from shared import log
from shared.audit import Audit
from shared.errors import AskPerson, BadMessage, ConnectorError, ConsentLost, GiveUp, RetryLater, RunEnded
from shared.state import connections, messages, noted
from shared.state.connections import Paused
from shared.state.messages import Action, Ids, Message, Request, Wake
from shared.storage import Message as Received
from shared.sync import refusals
from shared.sync.compact import compact
from shared.sync.connector import Connector
from shared.sync.forget import forget
from shared.sync.land import fetch_ids
from shared.sync.pause import put_off
from shared.sync.posting import TableFull
from shared.sync.push import drain
from shared.sync.reconcile import reconcile
from shared.sync.upgrade import replace_dataset, switch, upgrade
from shared.xero.resources import RESOURCES

logger = logging.getLogger(__name__)

# The most that Azure hands out at once.
TOGETHER = 32
# Messages taken along come back after this, should the run crash.
HIDDEN_SECONDS = 300
LONGEST_DELAY = 3600.0
ASK_AGAIN_SECONDS = 3600.0
# What may mend a refusal of Power BI.
DEFINES: tuple[Action, ...] = ("upgrade", "replace", "switch")
# Who carries out a request; it answers whether something is left when the time is up.
ACTIONS: Mapping[Action, Callable[[Connector, Audit, Request, datetime], bool]] = {
    "compact": compact,
    "upgrade": upgrade,
    "replace": replace_dataset,
    "switch": switch,
    "forget": forget,
    "reconcile": reconcile,
}


def honour(connector: Connector, text: str, *, until: datetime) -> None:
    """Honour the message that woke us and whatever else is waiting: a burst of webhooks is fetched together."""
    audit = connector.audit(_operation(text))
    try:
        along = connector.store.receive_messages(messages.QUEUE, most=TOGETHER, visibility=HIDDEN_SECONDS)
        received = [
            decode_or_put_aside(connector, audit, each)
            for each in (text, *(message.text for message in along))
        ]
        paused = connections.paused(connector.store)
        datasets = _fetch(
            connector, audit, [message for message in received if isinstance(message, Ids)], paused
        )
        wakes = {message.dataset: message for message in received if isinstance(message, Wake)}
        # The same asked twice is done once.
        requests = {
            (message.dataset, message.action, message.table, message.organisation, message.now): message
            for message in received
            if isinstance(message, Request)
        }
        # Pending batches are found by themselves, should this run crash; requests are not.
        later = [each for each, found in zip(along, received[1:], strict=True) if isinstance(found, Request)]
        _delete(connector, [message for message in along if message not in later])
        waits: dict[str, float] = {}
        for dataset in sorted({*datasets, *wakes, *(request.dataset for request in requests.values())}):
            waits[dataset] = _drain(connector, audit, dataset, wakes.get(dataset), until)
        for request in requests.values():
            if connections.EVERYTHING in paused:
                put_off(connector, request)
                audit.add(request.action, "paused", resource=request.table, why=request.reason)
            elif waits[request.dataset]:
                _ask_again(connector, audit, request, waits[request.dataset], "after the outbox")
            else:
                _carry_out(connector, audit, request, until)
        _delete(connector, later)
    finally:
        audit.flush()


def _delete(connector: Connector, received: list[Received]) -> None:
    for message in received:
        connector.store.delete_message(messages.QUEUE, message)


def _operation(text: str) -> str:
    try:
        return messages.decode(text).operation
    except BadMessage:
        return ""


def decode_or_put_aside(connector: Connector, audit: Audit, text: str) -> Message | None:
    """A message of ours; what is none is put aside with its text, for a person to look at."""
    try:
        return messages.decode(text)
    except BadMessage as error:
        where = put_aside(connector, text)
        audit.add("message", "put aside", why=where, error=error)
        return None


def put_aside(connector: Connector, text: str) -> str:
    """Keep a message's text in the quarantine; answers where it lies."""
    name = f"messages/{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    connector.store.put_blob("quarantine", name, text.encode())
    return f"quarantine/{name}"


def _fetch(connector: Connector, audit: Audit, received: list[Ids], paused: Mapping[str, Paused]) -> set[str]:
    """Fetch and land the distinct ids of all messages; answers the datasets that they belong to."""
    together: dict[tuple[str, str], list[Ids]] = defaultdict(list)
    for message in received:
        together[message.organisation, message.resource].append(message)
    datasets: set[str] = set()
    _note_webhooks(connector, received)
    for (tenant_id, resource), some in together.items():
        organisation = connections.find(connector.store, tenant_id)
        if organisation is None or organisation.consent_lost:
            why = (
                "not connected"
                if organisation is None
                else "consent lost; connect reads what changed meanwhile"
            )
            told = {record_id for message in some for record_id in message.ids}
            audit.add("fetch", "ignored", organisation=tenant_id, resource=resource, why=why, ids=told)
            continue
        if connections.pause_of(paused, tenant_id):
            for message in some:
                put_off(connector, message)
            audit.add("fetch", "paused", organisation=tenant_id, resource=resource, count=len(some))
            continue
        ids = {record_id for message in some for record_id in message.ids}
        began, before = connector.clock.now(), audit.sums.copy()
        try:
            fetch_ids(connector, audit, organisation, RESOURCES[resource], ids, some[0].reason)
        except ConsentLost as lost:
            outcome = "ask" if connections.mark_consent_lost(connector.store, organisation) else "ended"
            audit.add("fetch", outcome, organisation=tenant_id, resource=resource, ids=ids, error=lost)
        except (RetryLater, AskPerson, GiveUp) as error:
            _again(connector, audit, some, ids, error)
        for other in sorted({message.operation for message in some} - {audit.operation}):
            audit.add(
                "fetch",
                "joined",
                organisation=tenant_id,
                resource=resource,
                why=f"in operation {audit.operation}",
                ids=ids,
                operation=other,
                by=audit.operation,
            )
        spent = audit.sums - before
        log.event(
            logger,
            "ids fetched",
            operation=audit.operation,
            organisation=tenant_id,
            resource=resource,
            reason=some[0].reason,
            ids=len(ids),
            calls=spent["calls"],
            records=spent["records"],
            seconds=(connector.clock.now() - began).total_seconds(),
        )
        datasets.add(organisation.dataset)
    return datasets


def _note_webhooks(connector: Connector, received: list[Ids]) -> None:
    """When each organisation's last webhook came; not those that are tried again."""
    last: dict[str, datetime] = {}
    for message in received:
        if message.reason == "webhook" and not message.attempt:
            at = message.first_enqueued_at
            last[message.organisation] = max(at, last.get(message.organisation, at))
    for tenant_id, at in last.items():
        noted.note(connector.store, "webhook", tenant_id, at)


def _again(connector: Connector, audit: Audit, some: list[Ids], ids: set[str], error: ConnectorError) -> None:
    """Put ids back with a delay; those that landed already are fetched once more, which does no harm."""
    attempt = max(message.attempt for message in some) + 1
    delay = min(LONGEST_DELAY, error.seconds if isinstance(error, RetryLater) else ASK_AGAIN_SECONDS)
    messages.send_ids(
        connector.store,
        connector.clock,
        some[0].organisation,
        some[0].resource,
        ids,
        some[0].reason,
        audit.operation,
        delay=delay,
        attempt=attempt,
    )
    audit.add(
        "fetch",
        "retried" if isinstance(error, RetryLater) else "ask",
        organisation=some[0].organisation,
        resource=some[0].resource,
        why=f"attempt {attempt} in {delay:.0f} s",
        count=len(ids),
        ids=ids,
        error=error,
        attempt=attempt,
        seconds=delay,
    )


def _drain(connector: Connector, audit: Audit, dataset: str, wake: Wake | None, until: datetime) -> float:
    """Drain a dataset's outbox; answers how many seconds must pass before anything else is tried, 0 when nothing.

    What only a person can mend may be just what was requested: a table that is full is compacted.
    """
    if wake is not None:
        messages.wake_arrived(connector.store, dataset)
    attempt = wake.attempt + 1 if wake else 1
    if held := refusals.waits(connector, dataset):
        # What was refused is not asked for with each batch that lands.
        messages.wake(
            connector.store, connector.clock, dataset, "again", audit.operation, delay=held, attempt=attempt
        )
        return 0
    began, before = connector.clock.now(), audit.sums.copy()
    try:
        more = drain(connector, dataset, audit, until=until)
        if audit.sums["posts"] > before["posts"]:
            refusals.accepted(connector, dataset)
        _tell_push(
            connector, audit, dataset, began, audit.sums - before, "more is pending" if more else "done"
        )
        if more:
            messages.wake(connector.store, connector.clock, dataset, "more is pending", audit.operation)
        return 0
    except RunEnded as ended:
        error: ConnectorError = ended
        delay = 5.0
    except RetryLater as wait:
        error, delay = wait, min(LONGEST_DELAY, wait.seconds)
    except TableFull as full:
        error, delay = full, ASK_AGAIN_SECONDS
        now, about = connector.clock.now(), ", ".join(full.tables)
        noted.note(connector.store, "refused", dataset, now, words=str(full), about=about)
    except (AskPerson, GiveUp) as stop:
        found = refusals.refused(connector, dataset, stop)
        error, delay, attempt = stop, found.seconds, found.attempt
    outcome = "ask" if isinstance(error, (AskPerson, GiveUp)) else "retried"
    _tell_push(connector, audit, dataset, began, audit.sums - before, outcome)
    audit.add(
        "push",
        outcome,
        why=f"attempt {attempt}, again in {delay:.0f} s",
        error=error,
        dataset=dataset,
        attempt=attempt,
        seconds=delay,
    )
    messages.wake(
        connector.store, connector.clock, dataset, "again", audit.operation, delay=delay, attempt=attempt
    )
    return 0 if isinstance(error, (AskPerson, GiveUp)) else delay


def _tell_push(
    connector: Connector, audit: Audit, dataset: str, began: datetime, spent: Counter[str], outcome: str
) -> None:
    """A line in the log, unless there was nothing to push."""
    if spent or outcome != "done":
        log.event(
            logger,
            "push ended",
            operation=audit.operation,
            dataset=dataset,
            outcome=outcome,
            batches=spent["batches"],
            posts=spent["posts"],
            rows=spent["rows"],
            seconds=(connector.clock.now() - began).total_seconds(),
        )


def _carry_out(connector: Connector, audit: Audit, request: Request, until: datetime) -> None:
    """Do what was requested; what is unfinished or must wait is asked for again, with a delay."""
    try:
        if ACTIONS[request.action](connector, audit, request, until):
            _ask_again(connector, audit, request, 0, "unfinished")
        elif request.action in DEFINES:
            refusals.accepted(connector, request.dataset)
            messages.send_wake(
                connector.store, connector.clock, request.dataset, request.action, audit.operation
            )
    except RunEnded as ended:
        _ask_again(connector, audit, request, 5, ended)
    except RetryLater as wait:
        _ask_again(connector, audit, request, wait.seconds, wait)
    except (AskPerson, GiveUp) as stop:
        # Asking again changes nothing; a person asks anew once the cause is mended.
        audit.add(
            request.action,
            "ask",
            resource=request.table,
            why=request.reason,
            error=stop,
            dataset=request.dataset,
        )


def _ask_again(
    connector: Connector, audit: Audit, request: Request, seconds: float, error: str | Exception
) -> None:
    """Put a request back with a delay, which does not get shorter than its attempts are many."""
    again = msgspec.structs.replace(request, attempt=request.attempt + 1)
    delay = min(LONGEST_DELAY, max(seconds, float(min(request.attempt, 60))))
    messages.send(connector.store, again, delay=delay)
    audit.add(
        request.action,
        "retried",
        resource=request.table,
        why=f"attempt {again.attempt}, again in {delay:.0f} s",
        error=error,
        dataset=request.dataset,
        attempt=again.attempt,
        seconds=delay,
    )
