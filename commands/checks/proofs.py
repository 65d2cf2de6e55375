"""Proofs: whether what was copied was lately compared with Xero, and is the same. Read from storage; no call is made."""

from commands.checks.check import Check, NotChecked, Patient, Trouble, Wrong
from shared.state import connections, proofs
from shared.state.proofs import Proof
from shared.sync.standing import PROVEN_WITHIN


def _proven(patient: Patient) -> str:
    store, now = patient.connector.store, patient.clock.now()
    organisations = connections.connected(store)
    if not organisations:
        raise NotChecked("because no organisation is connected")
    troubles, told = [], []
    for each in organisations:
        found = proofs.last(store, each.tenant_id)
        if found.differs:
            names = {
                one.table if isinstance(one, Proof) else f"the report of {one.about}" for one in found.differs
            }
            troubles.append(
                Trouble(
                    f"{each.name}: the last comparison found a difference in {', '.join(sorted(names))}.",
                    "Run `python3 manage.py reconcile --repair`.",
                )
            )
        elif found.oldest is not None and now - found.oldest > PROVEN_WITHIN:
            troubles.append(
                Trouble(
                    f"{each.name}: some months were last compared at {found.oldest:%F %H:%M} UTC.",
                    "Run `python3 manage.py reconcile --now`, or raise RECONCILE_PERCENT.",
                )
            )
        elif found.newest is None:
            told.append(f"{each.name}: never yet")
        else:
            told.append(
                f"{each.name}: {found.proven} of {found.months} months, last {found.newest:%F %H:%M} UTC"
            )
    if troubles:
        raise Wrong(*troubles)
    return "; ".join(told)


CHECKS = (Check("proofs", "Xero, mirror and Power BI are the same", _proven, ("storage-tables",)),)
