"""Prove a part of a resource's records: its three sides, what differs, what is to be mended, and what is remembered of it."""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil
from typing import Any

import msgspec

from shared.audit import Audit
from shared.clock import milliseconds
from shared.errors import AskPerson, ConsentLost, GiveUp, LimitReached, RetryLater
from shared.state import messages, proofs, quarantine, sink
from shared.state.checkpoints import Checkpoint
from shared.state.connections import Organisation
from shared.state.messages import Request
from shared.state.proofs import Proof, Side
from shared.sync import sides
from shared.sync.connector import Connector
from shared.sync.findings import Findings, compare, in_month, of_month
from shared.sync.land import fetch_ids
from shared.sync.parts import Part
from shared.sync.sides import Entry, Listed, Shaper
from shared.sync.winners import REPAIR
from shared.xero.resources import Resource

AFTER_REPAIR = "what was repaired is compared once more"
# A push and what Power BI takes to show it; a compaction.
LOOK_AFTER, COMPACTED_AFTER = 120.0, 900.0
TOLD = 20


class Share:
    """Calls of Xero that a run may spend on comparing an organisation. What a person asks for now has no share."""

    def __init__(self, connector: Connector, tenant_id: str, *, asked: bool) -> None:
        settings = connector.settings
        self.a_day = max(1, int(settings.xero_day_limit * settings.reconcile_percent / 100))
        self._store, self._tenant_id, self._now = connector.store, tenant_id, connector.clock.now()
        self._asked = asked
        spent = proofs.spent(self._store, tenant_id, self._now)
        self.left = settings.xero_day_limit if asked else max(0, self.a_day - spent)

    def spend(self, calls: int) -> None:
        """Count calls, before they are made."""
        self.left -= calls
        if calls and not self._asked:
            proofs.spend(self._store, self._tenant_id, self._now, calls)


class Proving:
    """How the parts of one resource of an organisation are proven, in one run."""

    def __init__(
        self,
        connector: Connector,
        audit: Audit,
        organisation: Organisation,
        resource: Resource,
        request: Request,
        share: Share,
    ) -> None:
        self.connector, self.audit, self.organisation = connector, audit, organisation
        self.resource, self.request, self.share = resource, request, share
        self.now = connector.clock.now()
        self.again = request.reason == AFTER_REPAIR
        self.shaper = Shaper(connector, organisation, resource)
        self.held = sides.in_mirror(connector, organisation, resource, self.shaper)

    def prove(self, part: Part, checkpoint: Checkpoint, known: Mapping[str, Proof]) -> float:
        """Compare a part, and have mended what differs; answers in how many seconds to compare it, 0 when it is done.

        known: what was found last, by month. Raises LimitReached and ConsentLost.
        """
        mine = {key: each for key, each in self.held.items() if part.kind != "open" and part.holds(key, each)}
        shown = self._in_powerbi(part)
        if shown is not None and self._is_on_its_way(part, mine, shown):
            return LOOK_AFTER
        try:
            listed = self._in_xero(part)
        except (LimitReached, ConsentLost):
            raise
        except RetryLater as error:
            self._tell("unproven", error=error)
            return error.seconds
        except (AskPerson, GiveUp) as error:
            for month in part.months:
                self._save(month, "unproven", words=str(error))
            return 0
        if part.kind == "open":
            mine = {key: self.held[key] for key in listed.entries if key in self.held}
        aside = set(quarantine.listed(self.connector.store, self.organisation.tenant_id, self.resource.name))
        younger = self._younger_than(checkpoint)
        found = compare(listed.entries, mine, self.held, aside, younger)
        if 0 < len(found.unlisted) <= self._most and self.resource.fetch_by != "list":
            self._ask_for_unlisted(found, younger)
        self._conclude(part, listed, mine, shown, found, known)
        return 0

    def tell_too_large(self, part: Part) -> None:
        """A part that no day's share is enough for."""
        words = f"takes {part.calls} calls at once, more than RECONCILE_PERCENT leaves a day; reconcile --now takes them"
        for month in part.months:
            self._save(month, "unproven", words=words)

    @property
    def _most(self) -> int:
        return self.connector.settings.vanished_at_most

    def _younger_than(self, checkpoint: Checkpoint) -> int:
        """By Xero's clock: what was changed from here on need not have been read yet."""
        at = checkpoint.fresh_as_of or self.now - timedelta(days=1)
        return milliseconds(at - timedelta(seconds=self.connector.settings.poll_overlap_seconds))

    def _in_powerbi(self, part: Part) -> dict[str, Side] | None:
        """What Power BI shows of a part's months; None where it is not asked."""
        state = sink.read(self.connector.store, self.request.dataset)
        if not state.powerbi_id or not part.is_shown:
            return None
        return sides.in_powerbi(
            self.connector,
            self.audit,
            state.powerbi_id,
            self.organisation,
            self.shaper.table,
            part.months,
            first=part.window.first if part.window else None,
            before=part.before,
        )

    def _is_on_its_way(self, part: Part, mine: Mapping[str, Entry], shown: Mapping[str, Side]) -> bool:
        """Whether Power BI says something else, and was pushed to a moment ago."""
        table = self.shaper.table
        pushed_at = sink.read(self.connector.store, self.request.dataset).table(table.name).pushed_at
        settled = milliseconds(self.now) - pushed_at >= self.connector.settings.settle_seconds * 1000
        return not settled and not all(
            sides.agrees(shown[month], of_month(self.shaper, part, mine, month)) for month in part.months
        )

    def _in_xero(self, part: Part) -> Listed:
        of = self.connector, self.audit, self.organisation, self.resource, self.shaper
        self.share.spend(part.calls)
        listed = sides.by_id(*of, part.ids) if part.kind == "ids" else sides.listed(*of, part.window)
        self.share.spend(max(0, listed.calls - part.calls))
        return listed

    def _ask_for_unlisted(self, found: Findings, younger: int) -> None:
        """Whether what a list leaves out moved to another month, or is gone: only a GET of each can tell."""
        page_size = self.connector.settings.xero_page_size
        self.share.spend(len(sides.requests_for(self.resource, found.unlisted, page_size)))
        asked = sides.by_id(
            self.connector, self.audit, self.organisation, self.resource, self.shaper, found.unlisted
        )
        there = compare(asked.entries, {}, self.held, set(), younger)
        found.other += there.other
        found.younger += there.younger
        found.unlisted = [each for each in found.unlisted if each not in asked.entries]

    def _conclude(
        self,
        part: Part,
        listed: Listed,
        mine: Mapping[str, Entry],
        shown: Mapping[str, Side] | None,
        found: Findings,
        known: Mapping[str, Proof],
    ) -> None:
        """Have mended what differs, then remember what each month came to: a run that dies in between compares it again."""
        repairs = self.request.repair or len(found.wrong) <= self._most
        if found.wrong and repairs and not self.again:
            self._repair(found)
        calls, size = ceil(listed.calls / len(part.months)), listed.bytes // len(part.months)
        unseen = False
        # A list without bounds may have a month that the mirror knows nothing of.
        beyond = {each.month for each in listed.entries.values()} if part.window is None else set()
        months = (*part.months, *sorted(beyond - {*part.months})) if len(part.months) > 1 else part.months
        for month in months:
            ours = of_month(self.shaper, part, mine, month)
            ids = in_month(found, part, month, listed.entries, mine)
            outcome, words = "same", found.fresh
            if ids:
                outcome, words = "differs", found.words
                if not repairs:
                    words += "; so many are mended only by reconcile --repair"
            elif shown is not None and month in shown and not sides.agrees(shown[month], ours):
                outcome, words, unseen = "differs", "Power BI has other rows than the mirror", True
            elif (before := known.get(month)) is not None and before.outcome == "differs":
                outcome, words = "repaired", f"was: {before.words}"
            elif shown is None:
                outcome = "unproven" if part.is_shown else "same"
                words = "queries are not permitted" if part.is_shown else "Power BI is not asked for it"
            self._save(
                month,
                outcome,
                words=words,
                xero=of_month(self.shaper, part, listed.entries, month),
                mirror=ours,
                powerbi=shown.get(month) if shown is not None else None,
                differing=tuple(ids[:TOLD]),
                calls=calls,
                bytes=size,
            )
        if unseen and not self.again:
            self._post_anew()

    def _repair(self, found: Findings) -> None:
        store, clock = self.connector.store, self.connector.clock
        page_size = self.connector.settings.xero_page_size
        self.share.spend(len(sides.requests_for(self.resource, found.wrong, page_size)))
        fetch_ids(
            self.connector, self.audit, self.organisation, self.resource, found.wrong, REPAIR, urgent=False
        )
        messages.wake(store, clock, self.request.dataset, REPAIR, self.audit.operation)
        self._look_again(LOOK_AFTER)

    def _post_anew(self) -> None:
        """Power BI lacks rows, or has some that the mirror does not know: the table is posted anew from the mirror."""
        messages.ask(
            self.connector.store,
            self.connector.clock,
            self.request.dataset,
            "compact",
            "Power BI has other rows than the mirror",
            self.audit.operation,
            table=self.shaper.table.name,
        )
        self._look_again(COMPACTED_AFTER)

    def _look_again(self, seconds: float) -> None:
        again = msgspec.structs.replace(
            self.request,
            table=self.resource.name,
            organisation=self.organisation.tenant_id,
            repair=False,
            reason=AFTER_REPAIR,
            operation=self.audit.operation,
            attempt=0,
        )
        messages.send(self.connector.store, again, delay=seconds)

    def _save(
        self,
        month: str,
        outcome: str,
        *,
        words: str = "",
        xero: Side | None = None,
        mirror: Side | None = None,
        powerbi: Side | None = None,
        differing: tuple[str, ...] = (),
        calls: int = 0,
        bytes: int = 0,
    ) -> None:
        proof = Proof(
            organisation=self.organisation.tenant_id,
            table=self.resource.name,
            month=month,
            at=self.connector.clock.now(),
            xero=xero,
            mirror=mirror,
            powerbi=powerbi,
            outcome=outcome,
            differing=differing,
            words=words,
            calls=calls,
            bytes=bytes,
        )
        proofs.save(self.connector.store, proof)
        self._tell(
            # That Power BI was not asked is nobody's trouble.
            "same" if outcome == "unproven" and xero is not None else outcome,
            why=month or "without a date",
            count=xero.count if xero else 0,
            ids=differing,
            error=words if outcome == "differs" else "",
        )

    def _tell(self, outcome: str, **more: Any) -> None:
        self.audit.add(
            "reconcile",
            outcome,
            organisation=self.organisation.tenant_id,
            resource=self.resource.name,
            **more,
        )
