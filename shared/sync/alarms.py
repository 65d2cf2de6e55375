"""Alarms: what must not stay unnoticed. Declared here once; the alert rules and the operator's page follow.

A line `alarm code=stale operation=… organisation=… about=… since=… words="…"` is written for each that stands, and
`alarm over code=…` once when it stands no more. Pairs of nothing are left out.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import log
from shared.errors import VENDOR_WORDS, RunEnded
from shared.state import alarms as state
from shared.state.alarms import Seen
from shared.sync.connector import Connector
from shared.sync.health import health
from shared.sync.vitals import Alarm

logger = logging.getLogger(__name__)

# Looking costs some operations of storage an organisation; nobody is told sooner than by the alert rules' own pace.
LOOK_AFTER = timedelta(minutes=5)
TELL_AGAIN_AFTER = timedelta(minutes=10)
# What fits into the entity that remembers them.
MOST = 2000
LONGEST = 300


@dataclass(frozen=True)
class AlarmKind:
    """A kind of alarm. severity: Azure Monitor's, 0 critical to 4 verbose. action: what a person does, "" when nothing.

    standing: whether `health` finds it and `status` shows it; the others are told by the webhook where they happen, since
    nothing can be stored while storage fails.
    """

    severity: int
    meaning: str
    action: str
    standing: bool = True


# Up to this severity an alarm makes `manage.py status` end with 1.
UNHEALTHY = 2

ALARMS: dict[str, AlarmKind] = {
    "not-polled": AlarmKind(
        1,
        "Nothing of an organisation was read from Xero for longer than the schedule allows: poll_timer does not run, or "
        "Xero does not answer.",
        "See in the portal whether the function app runs and poll_timer is listed, then its failures in Application "
        "Insights. Is Xero down (https://status.xero.com)? Then it heals by itself.",
    ),
    "consent-lost": AlarmKind(
        1,
        "Xero refuses the connector's access to an organisation: whoever consented was removed or withdrew it, or its "
        "60 days ran out. Nothing of the organisation is read.",
        "Run `python3 manage.py connect` with a user of the organisation who may read everything.",
    ),
    "token-refresh": AlarmKind(
        1,
        "Xero's tokens of a set could not be renewed for over 30 minutes. After 60 days without a renewal the consent is "
        "lost.",
        "See why in the alarm's words. Usual are the vault not reached or its role missing, a client secret that was "
        "rotated at Xero but not in the vault, and token_refresh_timer not running.",
    ),
    "stale": AlarmKind(
        1,
        "A table's figures are older than the schedule promises, although nothing else that is known of stands in its way.",
        "Look at the table in `python3 manage.py status --all`: whether it is read late (last poll), or lands late "
        "(pending batches). Power BI or Xero being slow heals by itself.",
    ),
    "parked": AlarmKind(
        1,
        "A resource or a table waits for a person, since going on by itself could do harm. Its figures stay as they are.",
        "The alarm's words say what was met and which command goes on.",
    ),
    "vanished": AlarmKind(
        1,
        "Many records of a resource were gone from Xero's list at once, and stay as they were until a person has looked; or "
        "there is nothing where there was something: a list, or a table of Power BI, is empty all at once.",
        "Look in Xero whether they are gone. If they are, raise VANISHED_AT_MOST until the next re-read; if not, do nothing: "
        "the next complete read ends the alarm. A table that Power BI has emptied: `python3 manage.py compact --table T`.",
    ),
    "dataset": AlarmKind(
        1,
        "Power BI has no such dataset, or refuses it to the connector. What is read waits in the outbox; nothing is lost.",
        "If it is not made yet: `python3 manage.py dataset create`. Else see that the connector's identity is a member of "
        "the workspace, and that its secret did not end.",
    ),
    "differs": AlarmKind(
        1,
        "A comparison of Xero, the connector's mirror and Power BI found a difference that no repair ended, or a sum differs "
        "from Xero's own report by more than rounding.",
        "`python3 manage.py reconcile --repair` fetches and pushes what differs; `python3 manage.py reconcile` shows what "
        "that is. If it stays, `python3 manage.py audit --record ID` with an id that is named there.",
    ),
    "poisoned": AlarmKind(
        2,
        "Messages failed again and again and were put aside by the Functions host.",
        "poll_timer puts them back by itself, five times. When it stands for over an hour, see push_queue's failures in "
        "Application Insights. What is put aside lies under `messages/` of container `quarantine`: `python3 manage.py replay` "
        "tries it again; delete what nobody needs.",
    ),
    "quarantined": AlarmKind(
        2,
        "Records were put aside with their payload and error, since Power BI refused them or they could not be understood. "
        "All others go on; reports lack these, or show their last good version.",
        "The error is in table `quarantine`. After its cause is mended (usually a newer version of the connector): "
        "`python3 manage.py replay`.",
    ),
    "compaction": AlarmKind(
        2,
        "A table is being emptied and filled again for longer than it should take. Its measures show nothing meanwhile.",
        "See the words, and whether Power BI answers. The next run goes on where it stopped; nothing is lost, since the "
        "table is filled from the mirror.",
    ),
    "mirror-lost": AlarmKind(
        2,
        "Records of the connector's own copy in the storage account (table `mirror`) are gone. They are read again from Xero "
        "by themselves; figures stay right, plain columns show rows twice, and no table is compacted until all is there.",
        "Nothing; `python3 manage.py backfill --watch` shows how far it is. See in the storage account's activity log who "
        "deleted them.",
    ),
    "webhook-failed": AlarmKind(
        2,
        "Webhooks of Xero were answered with an error of ours. Xero sends them again; polling finds what they told.",
        "See webhook_http's failures in Application Insights: the storage account not reached, or a setting missing.",
        standing=False,
    ),
    "webhook-refused": AlarmKind(
        3,
        "Many webhooks were refused because their signature does not fit: the key in the vault is not Xero's, or somebody "
        "else knocks.",
        "Compare the webhook key at https://developer.xero.com/app/manage with the vault's; then "
        "`python3 manage.py webhook test`.",
        standing=False,
    ),
    "day-budget": AlarmKind(
        3,
        "An organisation's calls of the day are nearly spent. What is left is kept for webhooks; reading goes on when Xero "
        "opens the day again.",
        "Nothing on a day of many changes or of a history. If it comes daily: raise POLL_MINUTES, or XERO_DAY_LIMIT if the "
        "Xero app's tier allows more; see whether another app reads the same organisation.",
    ),
    "unproven": AlarmKind(
        3,
        "Figures were not compared with Xero for longer than the schedule of proofs allows, or never yet.",
        "See whether the day's calls are spent (`day-budget`), or raise RECONCILE_PERCENT; "
        "`python3 manage.py reconcile --now` compares everything at once.",
    ),
    "paused": AlarmKind(
        3,
        "Reading is paused, by an operator, for over a day.",
        "`python3 manage.py resume`, unless it is meant.",
    ),
    "test": AlarmKind(
        3,
        "An operator asked for it by `python3 manage.py alarm test`, to see that alarms arrive.",
        "",
    ),
}


def by_severity(standing: Iterable[Alarm]) -> list[Alarm]:
    """The most serious first; within a severity the kinds as they are declared, then the oldest."""
    order = {code: number for number, code in enumerate(ALARMS)}
    return sorted(
        standing,
        key=lambda each: (ALARMS[each.code].severity, order[each.code], str(each.since), each.key),
    )


def tell_alarms(connector: Connector) -> None:
    """Write a line for each alarm that stands, again every ten minutes, and one for each that is over.

    Looks every few minutes, or at once when an operator asked for a test. Of two instances one tells.
    """
    now = connector.clock.now()
    before = state.load(connector.store)
    if before.looked_at is not None and now - before.looked_at < LOOK_AFTER and not before.trial.stands:
        return
    standing = by_severity(health(connector).alarms)[:MOST]
    seen: dict[state.Key, Seen] = {}
    due: list[Alarm] = []
    for alarm in standing:
        known = before.told.get(alarm.key)
        again = known is None or now - known.at >= TELL_AGAIN_AFTER
        seen[alarm.key] = Seen(alarm.since or now, now if again or known is None else known.at)
        if again:
            due.append(alarm)
    trial = replace(before.trial, told_at=now) if before.trial.stands else before.trial
    if not replace(before, told=seen, looked_at=now, trial=trial).save(connector.store):
        # Another instance looked meanwhile, or an operator asks for a test, which the next run tells.
        return
    for alarm in due:
        _tell(alarm)
    for key in before.told.keys() - seen.keys():
        log.event(
            logger,
            f"alarm over code={key.code}",
            level=logging.WARNING,
            organisation=key.organisation,
            about=key.about,
        )


def ask_for_test(connector: Connector) -> datetime:
    """Have the next run of the deployed app tell a test alarm; answers when it was asked. Raises RunEnded."""
    now = connector.clock.now()
    for _ in range(10):
        before = state.load(connector.store)
        if replace(before, trial=replace(before.trial, asked_at=now)).save(connector.store):
            return now
    raise RunEnded("Others write what is told of alarms all the time; run this again.")


def _tell(alarm: Alarm) -> None:
    log.event(
        logger,
        f"alarm code={alarm.code}",
        level=logging.ERROR if ALARMS[alarm.code].severity <= 1 else logging.WARNING,
        organisation=alarm.organisation,
        about=alarm.about,
        since=alarm.since,
        words=for_a_log(alarm.words),
    )


def for_a_log(words: str) -> str:
    """Our own words of an alarm, on one line: what a vendor said may hold something of the books."""
    return " ".join(words.partition(VENDOR_WORDS)[0].split())[:LONGEST]
