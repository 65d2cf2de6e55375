"""Pause: nothing is read of an organisation until it is resumed; when everything is paused, nothing is pushed either.

Tokens go on being renewed, so that a pause of months costs no consent. Webhooks are answered and counted; what they told of
is found by the increments after the end, from the watermarks on. Other messages (ids in doubt, replays, requests) wait in
container `reads`, outside of the queue, where they would be handed over again and again.

The end is a mark first, then what it takes, then nothing: whoever finds the mark goes on with it.
"""

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import msgspec

from shared.errors import BadMessage, RunEnded
from shared.state import checkpoints, connections, messages
from shared.state.connections import EVERYTHING, Paused
from shared.state.messages import Ids, Message
from shared.storage import Conflict
from shared.sync.connector import Connector

# A run of push_queue that began before the end may still have something wait, for as long as a function may run.
LOOK_ON = timedelta(minutes=15)


def pause(connector: Connector, tenant_id: str = EVERYTHING, why: str = "") -> bool:
    """Pause an organisation, or everything; answers False when it was already. Raises RunEnded."""
    found = _find(connector, tenant_id)
    if found is not None and found.resumed_at is None:
        return False
    now = connector.clock.now()
    _save(connector, Paused(tenant_id=tenant_id, since=now, why=why, etag=found.etag if found else ""))
    _tell(connector, "paused", tenant_id, why)
    return True


def resume(connector: Connector, tenant_id: str = EVERYTHING) -> bool:
    """End a pause; answers False when there was none. May be repeated after a crash. Raises RunEnded."""
    found = _find(connector, tenant_id)
    if found is None:
        return False
    if found.resumed_at is None:
        _save(connector, replace(found, resumed_at=connector.clock.now()))
        _tell(connector, "resumed", tenant_id, f"paused since {found.since:%FT%TZ}")
    go_on(connector)
    return True


def go_on(connector: Connector) -> dict[str, Paused]:
    """Do what pauses that are over take, however often; answers those that are not."""
    found = connections.pauses(connector.store)
    paused = {each.tenant_id: each for each in found if each.resumed_at is None}
    for each in found:
        # Changed meanwhile: the next run sees how.
        if each.resumed_at is not None:
            with suppress(Conflict):
                _end(connector, each, paused)
    return paused


def put_off(connector: Connector, message: Message) -> None:
    """Have a message wait until the pause is over."""
    text = msgspec.json.encode(message).decode()
    tenant_id = message.organisation if isinstance(message, Ids) else EVERYTHING
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    connector.store.put_blob(checkpoints.CONTAINER, f"{_folder(tenant_id)}{name}", text.encode())


def _end(connector: Connector, over: Paused, paused: dict[str, Paused]) -> None:
    ours = [each.tenant_id for each in connections.connected(connector.store)]
    concerned = [over.tenant_id] if over.tenant_id != EVERYTHING else ours
    going = [each for each in concerned if connections.pause_of(paused, each) is None]
    if not over.made_due:
        for tenant_id in going:
            _make_due(connector, tenant_id)
    for tenant_id in [*going, *([EVERYTHING] if EVERYTHING not in paused else [])]:
        _bring_back(connector, tenant_id)
    if not over.made_due:
        for dataset in sorted({each.dataset for each in connections.connected(connector.store)}):
            messages.wake(connector.store, connector.clock, dataset, "resumed", "resume")
        connections.save_pause(connector.store, replace(over, made_due=True))
    elif over.resumed_at and connector.clock.now() - over.resumed_at > LOOK_ON:
        connections.forget_pause(connector.store, over)


def _make_due(connector: Connector, tenant_id: str) -> None:
    """Have everything read anew that changed since it was last read."""
    now = connector.clock.now()
    for checkpoint in checkpoints.load_all(connector.store, tenant_id).values():
        if checkpoint.next_at > now:
            # A run that moved it on meanwhile reads already.
            with suppress(RunEnded):
                replace(checkpoint, next_at=now).save(connector.store)


def _bring_back(connector: Connector, tenant_id: str) -> None:
    """Put what waits back on the queue; killed in between, it is there twice, which does no harm."""
    for blob in list(connector.store.list_blobs(checkpoints.CONTAINER, _folder(tenant_id))):
        text = (connector.store.get_blob(checkpoints.CONTAINER, blob.name) or b"").decode()
        with suppress(BadMessage):
            messages.send(connector.store, messages.decode(text))
        connector.store.delete_blob(checkpoints.CONTAINER, blob.name)


def _folder(tenant_id: str) -> str:
    # Beside an organisation's reads, so that it is forgotten with them.
    return f"{tenant_id}/put-off/"


def _find(connector: Connector, tenant_id: str) -> Paused | None:
    found = [each for each in connections.pauses(connector.store) if each.tenant_id == tenant_id]
    return found[0] if found else None


def _save(connector: Connector, paused: Paused) -> None:
    try:
        connections.save_pause(connector.store, paused)
    except Conflict as error:
        raise RunEnded("Somebody else paused or resumed at the same time: try again.") from error


def _tell(connector: Connector, outcome: str, tenant_id: str, why: str) -> None:
    audit = connector.audit()
    organisation = "" if tenant_id == EVERYTHING else tenant_id
    audit.add("pause", outcome, organisation=organisation, why=why)
    audit.flush()
