"""Reconcile: prove that Xero, the mirror and Power BI say the same, part by part; mend what differs, and tell.

An hour's slice takes the parts whose proof is oldest, those that differ first, as long as the day's share of Xero's calls
lasts; what a person asks for now goes on until all is compared. Of each part

    1. the mirror's records are counted and summed by month, and Power BI's current rows by a query, where it may be asked
    2. Xero lists the same part, by pages until the ids number what Xero counts
    3. what ordinary reading should have brought and did not is fetched by its id, lands as a repair, and is pushed even
       against a stamp that went back; rows that Power BI has otherwise than the mirror are posted anew by a compaction
    4. minutes later what differed is compared once more: it is repaired, or still differs, which is an alarm

What changed in Xero after the last complete read began is no difference. More differences at once than VANISHED_AT_MOST are
told and mended only when a person asks.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.audit import Audit
from shared.errors import ConnectorError, ConsentLost, LimitReached, RetryLater
from shared.state import checkpoints, connections, messages, outbox, proofs, sink
from shared.state.checkpoints import LONG_AGO, Checkpoint
from shared.state.connections import Organisation
from shared.state.messages import Request
from shared.state.proofs import Proof
from shared.storage import Lease
from shared.sync.connector import Connector
from shared.sync.parts import Part, parts
from shared.sync.prove import AFTER_REPAIR, Proving, Share
from shared.sync.reader import hold
from shared.sync.reconcile_reports import compare_reports
from shared.xero.resources import Resource

LEASE_SECONDS = 60
# No part is proven again sooner, unless a person asks.
PROVEN_FOR = timedelta(days=1)
EACH = timedelta(hours=1)
# What has landed and is not pushed yet, or is compared by another run.
PENDING_SECONDS = 60.0


def ask_if_due(connector: Connector, dataset: str, operation: str) -> None:
    """Have the next slice compared, each hour, unless the setting says that none is."""
    if connector.settings.reconcile_percent and proofs.take_turn(
        connector.store, dataset, connector.clock.now(), EACH
    ):
        messages.ask(
            connector.store, connector.clock, dataset, "reconcile", "the next months in turn", operation
        )


def reconcile(connector: Connector, audit: Audit, request: Request, until: datetime) -> bool:
    """Compare the next parts of a dataset's organisations, or all; answers whether something is left when the time is up.

    Raises RetryLater for what was asked for now and must wait.
    """
    state = sink.read(connector.store, request.dataset)
    if state.in_flight or state.rebuild is not None:
        # What is being written is no side to compare.
        if request.now:
            raise RetryLater("The dataset is being written.", seconds=60)
        return False
    ours, _ = connections.of_dataset(connector.store, request.dataset)
    paused = connections.paused(connector.store)
    left, waits = False, 0.0
    for organisation in ours:
        if request.organisation not in ("", organisation.tenant_id) or organisation.consent_lost:
            continue
        if connections.pause_of(paused, organisation.tenant_id) is not None:
            continue
        lease = connector.store.acquire_lease(f"reconcile/{organisation.tenant_id}", LEASE_SECONDS)
        if lease is None:
            # Another run compares it.
            waits = max(waits, PENDING_SECONDS)
            continue
        try:
            run = Slice(connector, audit, organisation, request, until, lease)
            done = run.go()
            left = not done or left
            waits = max(waits, run.waits)
            if request.now and done and not run.waits and not run.again:
                proofs.finish(connector.store, organisation.tenant_id, request.first_enqueued_at)
        except LimitReached as wait:
            # Each organisation has limits of its own at Xero.
            waits = max(waits, wait.seconds)
            _tell(audit, organisation, "put off", wait)
        except ConsentLost as lost:
            outcome = "ask" if connections.mark_consent_lost(connector.store, organisation) else "ended"
            _tell(audit, organisation, outcome, lost)
        finally:
            connector.store.release_lease(lease)
    if request.now and waits and not left:
        raise RetryLater("Some months are compared later.", seconds=waits)
    return left and request.now


def _tell(audit: Audit, organisation: Organisation, outcome: str, error: ConnectorError) -> None:
    audit.add("reconcile", outcome, organisation=organisation.tenant_id, error=error)


class Slice:
    """One run over an organisation: which parts are due, as long as time and share last."""

    def __init__(
        self,
        connector: Connector,
        audit: Audit,
        organisation: Organisation,
        request: Request,
        until: datetime,
        lease: Lease,
    ) -> None:
        self.connector, self.audit, self.organisation = connector, audit, organisation
        self.request, self.until, self.lease = request, until, lease
        self.now = connector.clock.now()
        self.again = request.reason == AFTER_REPAIR
        self.share = Share(connector, organisation.tenant_id, asked=request.now)
        # So many seconds what could not be compared yet must wait.
        self.waits = 0.0

    def go(self) -> bool:
        """Answers whether all that was due is done. Raises LimitReached and ConsentLost."""
        store = self.connector.store
        known = proofs.of_organisation(store, self.organisation.tenant_id)
        reads = checkpoints.load_all(store, self.organisation.tenant_id)
        waiting = {outbox.resource_of(each.name) for each in outbox.pending(store, self.request.dataset)}
        if not self.again and not self.request.table and self.share.left > 0:
            asked_at = self.request.first_enqueued_at if self.request.now else None
            calls = compare_reports(
                self.connector, self.audit, self.organisation, asked_at=asked_at, at=self.now
            )
            self.share.spend(calls)
        for resource in sorted(self._resources(), key=lambda each: _age(known, each.name)):
            mine = [each for each in known if each.table == resource.name]
            checkpoint = reads.get(resource.name)
            if checkpoint is None or not checkpoint.is_complete or not self._is_due(mine):
                continue
            if resource.name in waiting:
                self.waits = max(self.waits, PENDING_SECONDS)
            elif not self._prove(resource, checkpoint, mine):
                return False
        return True

    def _resources(self) -> list[Resource]:
        """Reports are compared otherwise, and journals never change."""
        return [
            each
            for name, each in self.connector.resources.items()
            if each.report is None and each.paging != "offset" and self.request.table in ("", name)
        ]

    def _is_due(self, mine: Sequence[Proof]) -> bool:
        return self.request.now or not mine or any(self._wants(each) for each in mine)

    def _wants(self, proof: Proof | None) -> bool:
        """Whether a month is to be compared by this run."""
        if self.again:
            return proof is not None and proof.outcome == "differs"
        if self.request.now:
            return proof is None or proof.at < self.request.first_enqueued_at
        return proof is None or self.now - proof.at >= PROVEN_FOR

    def _prove(self, resource: Resource, checkpoint: Checkpoint, known: Sequence[Proof]) -> bool:
        """A resource's parts, oldest proof first; answers False when the time is up or the share is spent."""
        settings = self.connector.settings
        proving = Proving(self.connector, self.audit, self.organisation, resource, self.request, self.share)
        every = parts(
            resource,
            proving.held,
            is_dated=proving.shaper.is_dated,
            start=settings.start_date,
            today=self.now.date(),
            page_size=settings.xero_page_size,
        )
        by_month = {each.month: each for each in known}
        self._forget_others(every, known)
        wanted = [each for each in every if any(self._wants(by_month.get(month)) for month in each.months)]
        for part in sorted(wanted, key=lambda each: _age(known, resource.name, each.months)):
            if self.connector.clock.now() >= self.until:
                return False
            if part.calls > self.share.left:
                if part.calls <= self.share.a_day or self.request.now:
                    return False
                proving.tell_too_large(part)
                continue
            self.lease = hold(self.connector, self.lease)
            self.waits = max(self.waits, proving.prove(part, checkpoint, by_month))
            self.audit.flush()
        return True

    def _forget_others(self, every: Sequence[Part], known: Sequence[Proof]) -> None:
        """Months that are in no part any more, such as one whose records all moved."""
        there = {month for each in every for month in each.months}
        for proof in known:
            if proof.month not in there:
                proofs.forget(self.connector.store, proof)


def _age(known: Sequence[Proof], table: str, months: Sequence[str] = ()) -> datetime:
    """When a table, or these months of it, were last compared at all; what differs comes before all else."""
    mine = [each for each in known if each.table == table and (not months or each.month in months)]
    if not mine or any(each.outcome == "differs" for each in mine) or len(mine) < len(months):
        return LONG_AGO
    return min(each.at for each in mine)
