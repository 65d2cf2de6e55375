"""Sweep: bring back what crashes left behind, in the poison queue or in the outbox."""

from datetime import timedelta

import msgspec

from shared.state import connections, messages, outbox
from shared.sync.connector import Connector
from shared.sync.honour import HIDDEN_SECONDS, TOGETHER, decode_or_put_aside, put_aside

SWEEPS = 5
PENDING_TOO_LONG = timedelta(minutes=1)


def sweep(connector: Connector) -> None:
    """Bring back poisoned messages, and wake each dataset whose outbox has waited for over a minute."""
    _sweep_poison(connector)
    _wake_pending(connector)


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


def _wake_pending(connector: Connector) -> None:
    now = connector.clock.now()
    for dataset in sorted({organisation.dataset for organisation in connections.connected(connector.store)}):
        oldest = next(outbox.pending(connector.store, dataset), None)
        if oldest is not None and now - outbox.landed_at(oldest.name) > PENDING_TOO_LONG:
            messages.wake(connector.store, connector.clock, dataset, "pending for over a minute", "sweep")
