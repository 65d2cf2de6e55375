"""Receive a webhook: verify it, keep what concerns connected organisations, queue the ids. Fast, and durable before 200."""

import logging
from collections import defaultdict

from shared.state import connections, messages
from shared.sync.connector import Connector
from shared.xero.resources import BY_WEBHOOK_CATEGORY
from shared.xero.webhook import read_delivery

logger = logging.getLogger(__name__)


def receive_webhook(connector: Connector, body: bytes, signature: str) -> int:
    """Queue the ids of a delivery; answers how many. When it returns, every one of them is stored.

    Raises BadWebhook, whose status is the HTTP answer; any other error means 5xx, so that Xero sends again.
    """
    events, unreadable = read_delivery(body, signature, connector.secrets().webhook_keys())
    audit = connector.audit()
    organisations = (
        {organisation.tenant_id for organisation in connections.connected(connector.store)}
        if events
        else set()
    )
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    ignored: dict[str, int] = defaultdict(int)
    for event in events:
        resource = BY_WEBHOOK_CATEGORY.get(event.category)
        if event.tenant_id not in organisations:
            ignored["unknown organisation"] += 1
        elif resource is None:
            ignored[f"category {event.category[:40]}"] += 1
        else:
            ids[event.tenant_id, resource.name].add(event.resource_id)
    if unreadable:
        ignored["no ids"] += unreadable
    queued = 0
    for (tenant_id, resource_name), some in ids.items():
        queued += messages.send_ids(
            connector.store, connector.clock, tenant_id, resource_name, some, "webhook", audit.operation
        )
        audit.add("webhook", "queued", organisation=tenant_id, resource=resource_name, count=len(some))
    for why, count in ignored.items():
        audit.add("webhook", "ignored", why=why, count=count)
    try:
        audit.flush()
    except Exception:
        # The events are stored; a lost audit row is no reason to have them sent again.
        logger.exception("The audit rows of a webhook were lost.")
    return queued
