"""The messages of the queue `push`, and the one wake that may be outstanding for a dataset.

A message's top level never holds id, dequeueCount, insertionTime or their like in any case: the Functions host would put
them in place of the message's own metadata. `attempt` counts re-enqueueings, `swept` returns from the poison queue.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import batched
from typing import Annotated, Literal

import msgspec

from shared.clock import Clock
from shared.errors import BadMessage
from shared.storage import Conflict, Entity, Store, Write
from shared.xero.resources import RESOURCES
from shared.xero.resources.resource import UUID

QUEUE = "push"
POISON = "push-poison"
# A message holds 48 KiB of text; an id takes 39 bytes of it.
IDS_A_MESSAGE = 500
# A wake older than this was lost with the run that should have sent it.
WAKE_LOST_AFTER = timedelta(minutes=1)

# What may be asked of a dataset; `shared.sync.honour` knows who carries it out.
Action = Literal["compact", "upgrade", "replace", "switch", "forget", "reconcile"]
# A dataset's name stands in names of blobs and leases and in keys of tables.
Dataset = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,63}\Z")]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Ids(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="ids", forbid_unknown_fields=True):
    """Fetch these records and push them. `organisation` is Xero's tenant id."""

    format: int = 1
    organisation: str
    resource: str
    ids: list[str]
    reason: str
    operation: str
    first_enqueued_at: Instant
    attempt: Count = 0
    swept: Count = 0


class Wake(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="wake", forbid_unknown_fields=True
):
    """Drain a dataset's outbox."""

    format: int = 1
    dataset: Dataset
    reason: str
    operation: str
    first_enqueued_at: Instant
    attempt: Count = 0
    swept: Count = 0


class Request(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="request", forbid_unknown_fields=True
):
    """Do this to a dataset, after its outbox. `table`: the one it is about, "" for whichever needs it.

    Of `reconcile`: organisation, the tenant id, "" for all of the dataset; repair: mend what differs; now: everything,
    not only the next slice.
    """

    format: int = 1
    dataset: Dataset
    action: Action
    table: str = ""
    organisation: str = ""
    repair: bool = False
    now: bool = False
    reason: str
    operation: str
    first_enqueued_at: Instant
    attempt: Count = 0
    swept: Count = 0


Message = Ids | Wake | Request

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decode(text: str) -> Message:
    """A message of ours. Raises BadMessage for anything else, unknown resources and ids that are none included."""
    try:
        message = _decoder.decode(text)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError) as error:
        raise BadMessage(f"not a message of this connector: {str(error)[:200]}") from error
    if message.format != 1:
        raise BadMessage(f"a message of format {message.format}, which this version does not know")
    if isinstance(message, Ids):
        if message.resource not in RESOURCES:
            raise BadMessage(f"a message about {message.resource[:50]!r}, which is no resource")
        strangers = [] if UUID.fullmatch(message.organisation) else [message.organisation]
        strangers += [entry for entry in message.ids if not RESOURCES[message.resource].is_id(entry)]
        if strangers:
            raise BadMessage(
                f"a message with {len(strangers)} ids that are none, the first {strangers[0][:50]!r}"
            )
    return message


def ask(
    store: Store,
    clock: Clock,
    dataset: str,
    action: Action,
    reason: str,
    operation: str,
    *,
    table: str = "",
    organisation: str = "",
    repair: bool = False,
    now: bool = False,
) -> None:
    """Queue a request."""
    message = Request(
        dataset=dataset,
        action=action,
        table=table,
        organisation=organisation,
        repair=repair,
        now=now,
        reason=reason,
        operation=operation,
        first_enqueued_at=clock.now(),
    )
    send(store, message)


def send(store: Store, message: Message, *, delay: float = 0) -> None:
    store.send_message(QUEUE, msgspec.json.encode(message).decode(), delay=delay)


def send_ids(
    store: Store,
    clock: Clock,
    organisation: str,
    resource: str,
    ids: Iterable[str],
    reason: str,
    operation: str,
    *,
    delay: float = 0,
    attempt: int = 0,
) -> int:
    """Queue distinct ids to be fetched; answers how many there were."""
    distinct = sorted(set(ids))
    for some in batched(distinct, IDS_A_MESSAGE, strict=False):
        message = Ids(
            organisation=organisation,
            resource=resource,
            ids=list(some),
            reason=reason,
            operation=operation,
            first_enqueued_at=clock.now(),
            attempt=attempt,
        )
        send(store, message, delay=delay)
    return len(distinct)


def wake(
    store: Store,
    clock: Clock,
    dataset: str,
    reason: str,
    operation: str,
    *,
    delay: float = 0,
    attempt: int = 0,
) -> bool:
    """Send a wake unless one is outstanding; answers whether it was sent."""
    key: Entity = {"PartitionKey": "wake", "RowKey": dataset}
    stored = store.get_entity("checkpoints", "wake", dataset)
    now = clock.now()
    if stored is not None:
        due = datetime.fromisoformat(str(stored.entity["due_at"]))
        if bool(stored.entity["outstanding"]) and now < due + WAKE_LOST_AFTER:
            return False
    entity = key | {"format": 1, "outstanding": True, "due_at": (now + timedelta(seconds=delay)).isoformat()}
    try:
        store.write_entity(
            "checkpoints", Write("replace", entity, stored.etag) if stored else Write("insert", entity)
        )
    except Conflict:
        return False
    send_wake(store, clock, dataset, reason, operation, delay=delay, attempt=attempt)
    return True


def send_wake(
    store: Store,
    clock: Clock,
    dataset: str,
    reason: str,
    operation: str,
    *,
    delay: float = 0,
    attempt: int = 0,
) -> None:
    """Send a wake whether one is outstanding or not, for whoever cannot wait until that one is due."""
    message = Wake(
        dataset=dataset,
        reason=reason,
        operation=operation,
        first_enqueued_at=clock.now(),
        attempt=attempt,
    )
    send(store, message, delay=delay)


def wake_arrived(store: Store, dataset: str) -> None:
    """The outstanding wake is being honoured: what lands from now on needs another."""
    entity: Entity = {
        "PartitionKey": "wake",
        "RowKey": dataset,
        "format": 1,
        "outstanding": False,
        "due_at": "",
    }
    stored = store.get_entity("checkpoints", "wake", dataset)
    if stored is not None and stored.entity["outstanding"]:
        store.write_entity("checkpoints", Write("replace", entity | {"due_at": stored.entity["due_at"]}))
