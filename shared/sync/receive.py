"""Receive a webhook: verify it, keep what concerns connected organisations, queue the ids. Fast, and durable before 200."""

import logging
from collections import defaultdict

from shared import log
from shared.errors import BadWebhook
from shared.state import connections, messages
from shared.sync.connector import Connector
from shared.xero.resources import BY_WEBHOOK_CATEGORY
from shared.xero.webhook import read_delivery

logger = logging.getLogger(__name__)


def receive_webhook(connector: Connector, body: bytes, signature: str, *, operation: str = "") -> int:
    """Queue the ids of a delivery; answers how many. When it returns, every one of them is stored, or of an organisation
    that is paused and read from its watermark on when that is over.

    Raises BadWebhook, whose status is the HTTP answer; any other error means 5xx, so that Xero sends again.
    """
    audit = connector.audit(operation)
    try:
        events, unreadable = read_delivery(body, signature, connector.secrets().webhook_keys())
    except BadWebhook as refused:
        log.event(
            logger,
            "webhook refused",
            level=logging.WARNING,
            operation=audit.operation,
            bytes=len(body),
            **log.cause(refused),
        )
        raise
    organisations: set[str] = set()
    left_out: set[str] = set()
    paused: set[str] = set()
    if events:
        organisations = {organisation.tenant_id for organisation in connections.connected(connector.store)}
        pauses = connections.paused(connector.store)
        paused = {each for each in organisations if connections.pause_of(pauses, each)}
        if {event.tenant_id for event in events} - organisations:
            left_out = {each.tenant_id for each in connections.not_chosen(connector.store)}
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    ignored: dict[str, int] = defaultdict(int)
    for event in events:
        resource = BY_WEBHOOK_CATEGORY.get(event.category)
        if event.tenant_id not in organisations:
            ignored["organisation not chosen" if event.tenant_id in left_out else "unknown organisation"] += 1
        elif resource is None:
            ignored[f"category {event.category[:40]}"] += 1
        else:
            ids[event.tenant_id, resource.name].add(event.resource_id)
    if unreadable:
        ignored["no ids"] += unreadable
    queued = 0
    for (tenant_id, resource_name), some in ids.items():
        if tenant_id in paused:
            # Found by the increment after the pause, from the watermark on.
            audit.add(
                "webhook", "paused", organisation=tenant_id, resource=resource_name, count=len(some), ids=some
            )
            continue
        queued += messages.send_ids(
            connector.store, connector.clock, tenant_id, resource_name, some, "webhook", audit.operation
        )
        audit.add(
            "webhook", "queued", organisation=tenant_id, resource=resource_name, count=len(some), ids=some
        )
    for why, count in ignored.items():
        audit.add("webhook", "ignored", why=why, count=count)
    log.event(
        logger,
        "webhook received",
        operation=audit.operation,
        events=len(events) + unreadable,
        queued=queued,
        ignored=sum(ignored.values()),
        paused=sum(len(some) for (tenant_id, _), some in ids.items() if tenant_id in paused),
    )
    try:
        audit.flush()
    except Exception as error:
        # The events are stored; a lost audit row is no reason to have them sent again.
        log.event(logger, "audit lost", level=logging.WARNING, operation=audit.operation, **log.cause(error))
    return queued
