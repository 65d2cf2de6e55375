"""Sweep: bring back what crashes left behind, in the poison queue or in the outbox."""

import uuid
from datetime import timedelta

import msgspec

from shared.state import connections, messages, noted, outbox, sink
from shared.sync import forget, reconcile, superseded
from shared.sync.connector import Connector
from shared.sync.honour import HIDDEN_SECONDS, TOGETHER, decode_or_put_aside, put_aside
from shared.sync.retain import retain

SWEEPS = 5
PENDING_TOO_LONG = timedelta(minutes=1)


def sweep(connector: Connector, *, operation: str = "", paused: bool = False) -> None:
    """Bring back poisoned messages, wake each dataset in which something waits, and ask for compactions that are due.

    paused: everything is, so that only a compaction under way goes on, whose table is empty meanwhile.
    """
    operation = operation or uuid.uuid4().hex
    _sweep_poison(connector, operation)
    for dataset in sorted({organisation.dataset for organisation in connections.connected(connector.store)}):
        _wake_waiting(connector, dataset, operation, paused=paused)
        if not paused:
            reconcile.ask_if_due(connector, dataset, operation)
    if not paused:
        forget.ask_again(connector)
    retain(connector)


def _sweep_poison(connector: Connector, operation: str) -> None:
    """What comes back a sixth time is put aside for a person."""
    audit = connector.audit(operation)
    found = connector.store.receive_messages(messages.POISON, most=TOGETHER, visibility=HIDDEN_SECONDS)
    if found:
        noted.note(connector.store, "swept", messages.QUEUE, connector.clock.now(), words=str(len(found)))
    for message in found:
        decoded = decode_or_put_aside(connector, audit, message.text)
        if decoded is not None and decoded.swept >= SWEEPS:
            where = put_aside(connector, message.text)
            audit.add("message", "put aside", why=where, error=f"was poisoned {SWEEPS + 1} times")
        elif decoded is not None:
            messages.send(connector.store, msgspec.structs.replace(decoded, swept=decoded.swept + 1))
            audit.add("message", "swept back", why=decoded.reason, count=decoded.swept + 1)
        connector.store.delete_message(messages.POISON, message)
    audit.flush()


def _wake_waiting(connector: Connector, dataset: str, operation: str, *, paused: bool) -> None:
    store, clock = connector.store, connector.clock
    now = clock.now()
    oldest = next(outbox.pending(store, dataset), None) if not paused else None
    state = sink.read(store, dataset)
    if oldest is not None and now - outbox.landed_at(oldest.name) > PENDING_TOO_LONG:
        messages.wake(store, clock, dataset, "pending for over a minute", operation)
    elif state.rebuild is not None and now - state.rebuild.since > PENDING_TOO_LONG:
        messages.wake(store, clock, dataset, f"{state.rebuild.table} is being compacted", operation)
    due = superseded.due(state, connector.settings, now) if not paused else []
    if due:
        messages.ask(store, clock, dataset, "compact", due[0][1], operation)
