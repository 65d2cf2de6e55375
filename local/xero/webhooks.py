"""Xero's webhooks: what happened, told to one address in signed deliveries, and how well that address answers."""

import base64
import hmac
import random
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from local.simulation import Clock
from local.xero.resources import Resource
from local.xero.switches import Switches
from local.xero.wire import Record, encode

_ACCOUNTING = "https://api.xero.com/api.xro/2.0"


@dataclass(frozen=True)
class Event:
    """Something to tell; `body` is as it goes over the wire."""

    sequence: int
    happened: datetime
    body: Record


@dataclass
class Subscription:
    """Where to, with which key, about what. An app has one for all its tenants.

    ca_file: the authority of a receiver with a certificate of its own making.
    """

    url: str
    key: str
    categories: tuple[str, ...]
    ca_file: str | None = None
    failing_since: datetime | None = None
    disabled: bool = False


class Webhooks:
    """Collects events and delivers them when told to; a delivery that fails stays pending, in its order."""

    def __init__(
        self, clock: Clock, switches: Switches, categories: tuple[str, ...] = ("INVOICE", "CONTACT")
    ) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._switches = switches
        self._categories = categories
        self._sequence = 0
        self._pending: list[Event] = []
        self._chance = random.Random(1)
        self.subscription: Subscription | None = None

    def subscribe(self, url: str, key: str, categories: tuple[str, ...], ca_file: str | None = None) -> None:
        with self._lock:
            self.subscription = Subscription(url, key, categories, ca_file)
            self._categories = categories

    def record(self, tenant_id: str, resource: Resource, record: Record, kind: str) -> None:
        """Something was created or updated; collected when the app listens to that category."""
        if resource.category in self._categories and resource.category is not None:
            data = {name: record[name] for name in resource.event_data if name in record}
            key = str(record[resource.key])
            self.collect(
                tenant_id, resource.category, f"{_ACCOUNTING}/{resource.name}/{key}", key, kind, data
            )

    def collect(
        self, tenant_id: str, category: str, url: str, key: str, kind: str, data: Record | None = None
    ) -> None:
        """Queue one event as it is given, whatever its category."""
        now = self._clock.now()
        body = {
            "resourceUrl": url,
            "resourceId": key,
            "tenantId": tenant_id,
            "tenantType": "ORGANISATION",
            "eventCategory": category,
            "eventType": kind,
            "eventDateUtc": f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03}",
            **({"data": data} if data else {}),
        }
        with self._lock:
            self._sequence += 1
            self._pending.append(Event(self._sequence, now, body))

    def pending(self) -> list[Event]:
        """Those not delivered yet and not too old for Xero to keep."""
        with self._lock:
            now, keep = self._clock.now(), self._switches.webhook_keep_seconds
            self._pending = [
                event for event in self._pending if (now - event.happened).total_seconds() < keep
            ]
            return list(self._pending)

    def deliver(
        self, per_delivery: int = 20, duplicate: bool = False, shuffle: bool = False, corrupt: bool = False
    ) -> list[Record]:
        """One attempt to deliver what is pending: `{status, events, milliseconds, problems}` a delivery.

        duplicate: every delivery goes out twice. corrupt: all are wrongly signed, ought to be answered 401, and their
        events stay pending. Nothing is sent while the subscription is disabled, as it is after failing for a day.
        """
        subscription = self._subscribed()
        events = self.pending()
        if shuffle:
            self._chance.shuffle(events)
        outcomes = []
        for start in range(0, len(events), per_delivery):
            if self._is_disabled(subscription):
                break
            batch = events[start : start + per_delivery]
            body = self._body(batch)
            for _ in range(2 if duplicate else 1):
                outcome = self._post(subscription, body, not corrupt)
                outcomes.append({**outcome, "events": len(batch)})
                if not corrupt:
                    self._settle(subscription, batch, not outcome["problems"])
        return outcomes

    def intent_to_receive(self) -> tuple[bool, list[Record]]:
        """Send empty deliveries, some signed wrongly by one character; passing makes the subscription work again."""
        subscription = self._subscribed()
        outcomes = []
        for right in (True, False, True, False):
            outcomes.append(
                {**self._post(subscription, self._body([]), right), "events": 0, "signed_right": right}
            )
        passed = all(not outcome["problems"] for outcome in outcomes)
        if passed:
            subscription.failing_since, subscription.disabled = None, False
        return passed, outcomes

    def _subscribed(self) -> Subscription:
        if self.subscription is None:
            raise LookupError("there is no webhook subscription")
        return self.subscription

    def _is_disabled(self, subscription: Subscription) -> bool:
        since = subscription.failing_since
        if since is not None:
            failing = (self._clock.now() - since).total_seconds()
            subscription.disabled |= failing >= self._switches.webhook_disable_seconds
        return subscription.disabled

    def _settle(self, subscription: Subscription, batch: list[Event], delivered: bool) -> None:
        if not delivered:
            subscription.failing_since = subscription.failing_since or self._clock.now()
            return
        subscription.failing_since = None
        done = {event.sequence for event in batch}
        with self._lock:
            self._pending = [event for event in self._pending if event.sequence not in done]

    def _body(self, events: list[Event]) -> bytes:
        """Spaced as Xero spaces it: parsing and writing it again gives other bytes."""
        numbers = [event.sequence for event in events] or [0]
        letters = "".join(self._chance.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=20))
        return b'{"events":[%b],"firstEventSequence": %d,"lastEventSequence": %d, "entropy": "%b"}' % (
            b",".join(encode(event.body) for event in events),
            min(numbers),
            max(numbers),
            letters.encode(),
        )

    def _post(self, subscription: Subscription, body: bytes, right: bool) -> Record:
        digest = hmac.digest(subscription.key.encode(), body, "sha256")
        signature = base64.b64encode(digest).decode()
        if not right:
            place = self._chance.randrange(len(signature) - 2)
            signature = signature[:place] + ("A" if signature[place] != "A" else "B") + signature[place + 1 :]
        limit = self._switches.webhook_answer_seconds
        status, problems = None, []
        started = time.perf_counter()
        try:
            with requests.Session() as session:
                session.trust_env = False
                response = session.post(
                    subscription.url,
                    data=body,
                    headers={
                        "Content-Type": "application/json",
                        "x-xero-signature": signature,
                        "User-Agent": "Xero",
                    },
                    timeout=limit,
                    allow_redirects=False,
                    verify=subscription.ca_file or True,
                )
        except requests.RequestException as error:
            problems.append(f"no answer: {type(error).__name__}")
        else:
            status = response.status_code
            problems += _problems(response, 200 if right else 401)
        seconds = time.perf_counter() - started
        if seconds > limit:
            problems.append(f"{seconds:.1f} s, more than {limit:g} s")
        return {"status": status, "milliseconds": round(seconds * 1000), "problems": problems}


def _problems(response: requests.Response, expected: int) -> list[Any]:
    problems = []
    if response.status_code != expected:
        problems.append(f"status {response.status_code}, not {expected}")
    if expected == 200 and response.content:
        problems.append("body not empty")
    if "Set-Cookie" in response.headers:
        problems.append("cookie set")
    return problems
