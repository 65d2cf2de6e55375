"""What documents sum to, and what Xero's own trial balance says: receivables, payables, bank accounts."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from local.company import first_day, generate
from shared.state import messages, mirror, proofs
from shared.state.connections import DEFAULT_DATASET
from shared.state.proofs import ReportProof
from shared.storage import Write
from tests.support.clock import START
from tests.support.world import World

NewWorld = Callable[..., World]
OFFICE: Any = generate(3, START.date(), months=12, documents=300)[0]
TENANT = OFFICE["tenant_id"]


@pytest.fixture(name="settled")
def settled_world(new_world: NewWorld) -> World:
    """The books of an office of a wholesale distributor, with foreign currencies, credits, prepayments and transfers."""
    start = first_day(START.date()).isoformat()
    world = new_world(settings={"RECONCILE_PERCENT": "0", "READ_REPORTS": "true", "START_DATE": start})
    world.load(OFFICE["resources"], tenant_id=TENANT, name=OFFICE["name"])
    world.connect()
    world.settle()
    return world


def compare(world: World, *, now: bool = True) -> dict[str, ReportProof]:
    """Compare what is due, or all; answers what the reports came to, by what they are about."""
    messages.ask(
        world.store,
        world.clock,
        DEFAULT_DATASET,
        "reconcile",
        "asked",
        uuid.uuid4().hex,
        now=now,
    )
    world.drain_queue()
    return {each.about: each for each in proofs.reports_of(world.store, TENANT)}


def test_reports_agree(settled: World) -> None:
    """What is owed by customers and to suppliers, and what each bank account holds, is what Xero's report says."""
    found = compare(settled)
    assert {"receivables", "payables"} < set(found)
    assert {each.outcome for each in found.values()} == {"same"}
    assert Decimal(found["receivables"].xero) != 0


def test_a_report_that_differs(settled: World) -> None:
    """A difference counts once it was found twice with the same figures, an hour apart; and is over when it is mended."""
    settled.environment["VANISHED_AT_MOST"] = "0"
    settled.restart()
    [lost] = [
        known.record_id
        for known, record in mirror.living(settled.store, TENANT, "Invoices")
        if record["Type"] == "ACCREC" and Decimal(str(record["AmountDue"])) > 1000
    ][:1]
    key = {"PartitionKey": mirror.partition(TENANT, "Invoices"), "RowKey": lost}
    settled.store.write_entity("mirror", Write("delete", dict(key)))
    first = compare(settled)["receivables"]
    assert first.outcome == "unproven"
    assert first.words.startswith("Xero's report says ")
    settled.advance(timedelta(hours=1).total_seconds())
    settled.refresh()
    assert compare(settled)["receivables"].outcome == "differs"
    messages.ask(
        settled.store,
        settled.clock,
        DEFAULT_DATASET,
        "reconcile",
        "asked",
        uuid.uuid4().hex,
        now=True,
        repair=True,
    )
    settled.drain_queue()
    settled.advance(60)
    found = compare(settled)
    assert found["receivables"].outcome == "repaired"
    assert {found[each].outcome for each in found if each != "receivables"} == {"same"}


def test_a_day_takes_one_call(settled: World) -> None:
    """What was compared is compared again a day later, unless somebody asks."""
    compare(settled)
    settled.calls.clear()
    compare(settled, now=False)
    assert [call for call in settled.calls if "TrialBalance" in call.path] == []
    settled.advance(86_400)
    settled.refresh()
    compare(settled, now=False)
    assert len([call for call in settled.calls if "TrialBalance" in call.path]) == 1


def test_reports_may_not_be_read(settled: World) -> None:
    """When Xero does not answer, nothing is said of reports, and everything else is compared."""
    settled.xero_fault("status", r"/api\.xro/2\.0/Reports/.*", status=503, times=10)
    assert compare(settled) == {}
    assert settled.audit("reconcile", "unproven")
    assert proofs.of_organisation(settled.store, TENANT)
