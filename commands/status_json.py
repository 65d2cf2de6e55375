"""status, for machines: one JSON document, described in docs/operate.md. Names and meanings stay; more may be added."""

from datetime import UTC, datetime
from typing import Any

from shared.settings import Settings
from shared.state.proofs import Proof, ReportProof
from shared.sync.alarms import ALARMS, UNHEALTHY, by_severity
from shared.sync.vitals import (
    Alarm,
    DatasetHealth,
    Health,
    OrganisationHealth,
    QueueHealth,
    TableHealth,
    TokenSetHealth,
)

FORMAT = 1


def document(settings: Settings, found: Health) -> dict[str, Any]:
    """All of it. Instants as `2026-11-23T09:00:00Z`, null where something has not happened."""
    return {
        "format": FORMAT,
        "at": instant(found.at),
        "healthy": is_healthy(found),
        "alarms": [_alarm(each) for each in by_severity(found.alarms)],
        "organisations": [_organisation(settings, each, found.at) for each in found.organisations],
        "datasets": [_dataset(each) for each in found.datasets],
        "token_sets": [_token_set(each) for each in found.token_sets],
        "queue": _queue(found.queue),
        "alarms_looked_for_at": instant(found.looked_at),
        "test_alarm": {
            "asked_at": instant(found.trial.asked_at),
            "told_at": instant(found.trial.told_at),
        },
    }


def is_healthy(found: Health) -> bool:
    """Whether no alarm of severity 2 or worse stands."""
    return all(ALARMS[each.code].severity > UNHEALTHY for each in found.alarms)


def state(table: TableHealth, at: datetime) -> str:
    """A table's state in a word, the worst first."""
    if table.parked:
        return "parked"
    if table.fresh_until is not None and at > table.fresh_until:
        return "late"
    if table.quarantined:
        return "aside"
    if table.rebuilding:
        return "rebuild"
    if table.trouble:
        return "trouble"
    if table.is_read and table.fresh_as_of is None:
        return "not yet"
    return "good"


def instant(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else None


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "code": alarm.code,
        "severity": ALARMS[alarm.code].severity,
        "organisation": alarm.organisation,
        "about": alarm.about,
        "since": instant(alarm.since),
        "words": alarm.words,
    }


def _organisation(settings: Settings, found: OrganisationHealth, at: datetime) -> dict[str, Any]:
    ours, budget = found.organisation, found.budget
    return {
        "tenant_id": ours.tenant_id,
        "name": ours.name,
        "dataset": ours.dataset,
        "token_set": ours.token_set,
        "consent_lost": ours.consent_lost,
        "paused_since": instant(found.paused_since),
        "paused_why": found.paused_why,
        "fresh_as_of": instant(found.oldest),
        "last_poll": instant(found.last_poll),
        "last_webhook": instant(found.last_webhook),
        "histories": {"complete": found.complete, "of": found.resources},
        "calls": {
            "day_used": budget.day if budget else 0,
            "day_bytes": budget.bytes if budget else 0,
            "day_before_calls": budget.before_calls if budget else 0,
            "day_before_bytes": budget.before_bytes if budget else 0,
            "day_limit": settings.xero_day_limit,
            "webhook_reserve": settings.xero_webhook_reserve,
            "day_ends": instant(budget.day_ends) if budget and budget.day else None,
            "minute_used": budget.minute if budget else 0,
            "minute_limit": settings.xero_minute_limit,
            "blocked_by": budget.blocked_by if budget else "",
            "blocked_until": instant(budget.blocked_until) if budget else None,
        },
        "proof": {
            "oldest": instant(found.proof.oldest),
            "newest": instant(found.proof.newest),
            "proven": found.proof.proven,
            "months": found.proof.months,
            "differs": [_of(each) for each in found.proof.differs],
        },
        "mirror_lacks": sorted(name for name, each in found.kept.items() if each.lacks),
        "tables": [_table(each, at) for each in found.tables],
    }


def _of(proof: Proof | ReportProof) -> dict[str, Any]:
    return {
        "table": proof.table if isinstance(proof, Proof) else "",
        "month": proof.month if isinstance(proof, Proof) else "",
        "report": "" if isinstance(proof, Proof) else proof.about,
        "at": instant(proof.at),
        "words": proof.words,
    }


def _table(found: TableHealth, at: datetime) -> dict[str, Any]:
    lag = None if found.fresh_as_of is None else round((at - found.fresh_as_of).total_seconds() / 60, 1)
    return {
        "table": found.table,
        "state": state(found, at),
        "fresh_as_of": instant(found.fresh_as_of),
        "fresh_until": instant(found.fresh_until),
        "lag_minutes": lag,
        "last_poll": instant(found.last_poll),
        "next_poll": instant(found.next_poll),
        "last_push": instant(found.last_push),
        "records": found.records,
        "rows_at_most": found.rows_at_most,
        "pending": found.pending,
        "oldest_pending": instant(found.oldest_pending),
        "quarantined": found.quarantined,
        "parked": found.parked,
        "trouble": found.trouble,
        "rebuilding": found.rebuilding,
        "verified": found.verified,
    }


def _dataset(found: DatasetHealth) -> dict[str, Any]:
    rebuild = found.rebuild
    return {
        "dataset": found.dataset,
        "powerbi_id": found.powerbi_id,
        "pending": found.pending,
        "oldest_pending": instant(found.oldest_pending),
        "in_flight": found.in_flight,
        "unreadable": found.unreadable,
        "rows_at_most": found.rows_at_most,
        "last_push": instant(found.last_push),
        "refused": found.refused.words if found.refused else "",
        "rebuilding": rebuild.table if rebuild else "",
        "rebuild_phase": rebuild.phase if rebuild else "",
        "rebuild_since": instant(rebuild.since) if rebuild else None,
        "successor": found.successor,
    }


def _token_set(found: TokenSetHealth) -> dict[str, Any]:
    return {
        "token_set": found.token_set,
        "generation": found.generation,
        "obtained_at": instant(found.obtained_at),
        "expires_at": instant(found.expires_at),
        "days_left": found.days_left,
        "trying_since": instant(found.trying_since),
        "failure": found.failure,
        "unknown": found.unknown,
    }


def _queue(found: QueueHealth) -> dict[str, Any]:
    return {
        "waiting": found.waiting,
        "poisoned": found.poisoned,
        "swept_at": instant(found.swept_at),
        "put_aside": found.put_aside,
    }
