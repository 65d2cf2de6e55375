"""Sweep: bring back what crashes left behind, in the poison queue or in the outbox."""

import uuid
from datetime import timedelta

import msgspec

from shared.state import connections, messages, outbox, sink
from shared.sync import superseded
from shared.sync.connector import Connector
from shared.sync.honour import HIDDEN_SECONDS, TOGETHER, decode_or_put_aside, put_aside

SWEEPS = 5
PENDING_TOO_LONG = timedelta(minutes=1)


def sweep(connector: Connector) -> None:
    """Bring back poisoned messages, wake each dataset in which something waits, and ask for compactions that are due."""
    _sweep_poison(connector)
    for dataset in sorted({organisation.dataset for organisation in connections.connected(connector.store)}):
        _wake_waiting(connector, dataset)


def _sweep_poison(connector: Connector) -> None:
    """What comes back a sixth time is put aside for a person."""
    audit = connector.audit()
    for message in connector.store.receive_messages(
        messages.POISON, most=TOGETHER, visibility=HIDDEN_SECONDS
    ):
        decoded = decode_or_put_aside(connector, audit, message.text)
        if decoded is not None and decoded.swept >= SWEEPS:
            where = put_aside(connector, message.text)
            audit.add("message", "put aside", why=where, error=f"was poisoned {SWEEPS + 1} times")
        elif decoded is not None:
            messages.send(connector.store, msgspec.structs.replace(decoded, swept=decoded.swept + 1))
            audit.add("message", "swept back", why=decoded.reason, count=decoded.swept + 1)
        connector.store.delete_message(messages.POISON, message)
    audit.flush()


def _wake_waiting(connector: Connector, dataset: str) -> None:
    store, clock = connector.store, connector.clock
    now = clock.now()
    oldest = next(outbox.pending(store, dataset), None)
    state = sink.read(store, dataset)
    if oldest is not None and now - outbox.landed_at(oldest.name) > PENDING_TOO_LONG:
        messages.wake(store, clock, dataset, "pending for over a minute", "sweep")
    elif state.rebuild is not None and now - state.rebuild.since > PENDING_TOO_LONG:
        messages.wake(store, clock, dataset, f"{state.rebuild.table} is being compacted", "sweep")
    due = superseded.due(state, connector.settings, now)
    if due:
        messages.ask(store, clock, dataset, "compact", due[0][1], uuid.uuid4().hex)
