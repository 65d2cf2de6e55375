"""reconcile and whatever shows the last proof: what it costs, what is asked for, what is said and which code it ends with."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from commands import reconcile, status
from commands.checks.check import Patient, Wrong
from commands.checks.proofs import CHECKS
from commands.terminal import Where, console
from shared.state import messages, proofs
from shared.state.messages import QUEUE, Request
from shared.state.proofs import Proof, ReportProof, Side
from shared.sync.health import health
from tests.support import books
from tests.support.world import World

MONTH = Side(3, {"Total": "600.50"})
PERMITTED = "queries are not permitted"


def proof(world: World, month: str = "2026-06", **more: object) -> Proof:
    """A proof that is kept, by default one that nothing differs in."""
    made = {
        "organisation": books.TENANT,
        "table": "Invoices",
        "month": month,
        "at": world.clock.now(),
        "xero": MONTH,
        "mirror": MONTH,
        "powerbi": MONTH,
        "outcome": "same",
        "calls": 1,
        "bytes": 3000,
    }
    found = Proof(**(made | more))  # type: ignore[arg-type]
    proofs.save(world.store, found)
    return found


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(settled: World, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command; answers its exit code and what it said. Each wait lets a minute go by."""
    monkeypatch.setattr(reconcile, "connector", lambda where: settled.connector)
    monkeypatch.setattr(console, "_width", 300)

    def command(organisation: str = "", **options: object) -> tuple[int, str]:
        given = {"now": False, "repair": False, "as_json": False, "yes": True}
        given["wait"] = lambda seconds: settled.clock.advance(60)  # type: ignore[assignment]
        with console.capture() as captured:
            code = reconcile.run(Where(), organisation, **(given | options))  # type: ignore[arg-type]
        return code, captured.get()

    return command


def asked(world: World) -> list[Request]:
    found = [
        messages.decode(each.text) for each in world.store.receive_messages(QUEUE, most=32, visibility=1)
    ]
    return [each for each in found if isinstance(each, Request)]


def test_the_next_slice(settled: World, run: Run) -> None:
    """Without options it asks for the next slice, shows what is known, and ends with 0 when nothing differs."""
    proof(settled)
    proof(settled, "2026-07")
    code, said = run()
    assert code == 0
    assert "Larkspur" in said
    assert "2 of 2" in said
    assert "Total 1,201.00" in said
    [request] = asked(settled)
    assert (request.action, request.organisation, request.now, request.repair) == (
        "reconcile",
        books.TENANT,
        False,
        False,
    )


def test_a_difference(settled: World, run: Run) -> None:
    """A difference ends with 1, with the ids and the command that repairs."""
    proof(settled, outcome="differs", differing=("id-1",), words="Xero has 3, the mirror 2", mirror=Side(2))
    code, said = run(repair=True)
    assert code == 1
    assert "Invoices 2026-06: Xero has 3, the mirror 2 (id-1)" in said
    assert "compared once more within minutes" in said
    assert [each.repair for each in asked(settled)] == [True]
    assert "reconcile --repair" in run()[1]


def test_a_report_that_differs(settled: World, run: Run) -> None:
    """Xero's own report says another sum than ours: 1, with both."""
    proofs.save(
        settled.store,
        ReportProof(
            organisation=books.TENANT,
            about="receivables",
            at=settled.clock.now(),
            as_of="2026-11-23",
            xero="10.00",
            ours="9.00",
            outcome="differs",
            words="1.00 apart",
        ),
    )
    code, said = run()
    assert code == 1
    assert "receivables as of 2026-11-23 (10.00, ours 9.00): 1.00 apart" in said


def test_power_bi_may_not_be_asked(settled: World, run: Run) -> None:
    """Where queries are not permitted that is said, and is no failure; a side of Xero that is missing is one."""
    proof(settled, powerbi=None, outcome="unproven", words=PERMITTED)
    code, said = run()
    assert code == 0
    assert f"The side of Power BI is unproven: {PERMITTED}." in said
    proof(settled, "2026-07", xero=None, outcome="unproven", words="Xero does not answer")
    code, said = run()
    assert code == 1
    assert "doctor" in said


def test_everything_now(settled: World, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It states calls and bytes first, asks, and follows until every month is compared anew."""
    proof(settled)
    monkeypatch.setattr(reconcile, "agreed", lambda question: False)
    code, said = run(now=True, yes=False)
    assert code == 1
    assert "Nothing was asked for" in said
    assert asked(settled) == []
    settled.poll()
    before = settled.clock.now()

    def compare(_: float) -> None:
        settled.clock.advance(60)
        proof(settled)
        proofs.finish(settled.store, books.TENANT, settled.clock.now())

    code, said = run(now=True, wait=compare)
    assert code == 0
    assert "of the 1,000 calls of a day" in said
    assert "as the last reads were" in said
    assert "1 months compared." in said
    assert settled.clock.now() - before < timedelta(minutes=3)
    assert [each.now for each in asked(settled)] == [True]


def test_nobody_compares(settled: World, run: Run) -> None:
    """When nothing moves it says that it goes on by itself, with 1: not all is proven."""
    proof(settled)
    settled.clock.advance(1)
    code, said = run(now=True)
    assert code == 1
    assert "Not all is compared yet" in said


def test_for_machines(settled: World, run: Run) -> None:
    """--json prints one document, and does not ask."""
    proof(settled, outcome="differs")
    code, said = run(as_json=True)
    assert code == 1
    found = json.loads(said)
    assert found["good"] is False
    assert found["organisations"][0]["proofs"][0]["xero"] == {"count": 3, "sums": {"Total": "600.50"}}


def test_status_and_doctor(settled: World) -> None:
    """status says when it was last compared, of how many months, and what differs; doctor finds it wrong."""
    patient = Patient(read=dict, build=lambda _: settled.connector, clock=settled.clock)
    patient.built = settled.connector
    [organisation] = health(settled.connector).organisations
    assert status.proven(organisation.proof, settled.clock.now()) == "Never compared with Xero yet."
    assert "never yet" in CHECKS[0].look(patient)
    proof(settled)
    assert "1 of 1 months" in CHECKS[0].look(patient)
    proof(settled, "2026-07", outcome="differs")
    found = health(settled.connector)
    said = status.proven(found.organisations[0].proof, settled.clock.now())
    assert "1 of 2 months" in said
    assert "Invoices differ" in said
    assert [each.code for each in found.alarms] == ["differs"]
    with pytest.raises(Wrong, match="Invoices"):
        CHECKS[0].look(patient)
