"""Uninstalling: every organisation, consent and secret of ours goes, whatever happens on the way, and nothing else does."""

from collections.abc import Callable

import pytest

from shared.state import connections
from shared.sync import connect, dataset
from shared.sync.uninstall import Step, plan, uninstall
from tests.support import offices as company
from tests.support.killing import Killed, Life
from tests.support.offices import AUCKLAND, NAMES, PERTH, SYDNEY
from tests.support.world import World

NewWorld = Callable[..., World]


def secrets(world: World, *, deleted: bool = False) -> set[str]:
    return {secret.name for secret in world.vault.names(deleted=deleted)}


def do(world: World, *, delete_datasets: bool = False) -> list[Step]:
    return list(uninstall(world.connector, delete_datasets=delete_datasets))


def is_gone(world: World) -> None:
    """Nothing is connected, at Xero or here, and no token is left in the vault."""
    assert connections.connected(world.store) == []
    assert world.xero.identity.connections == {}
    assert not [name for name in secrets(world) if name.startswith("xero-tokens-")]
    assert connections.is_paused(world.store)


def test_everything_of_ours_goes(offices: World) -> None:
    """Connections, consents and token sets; datasets, rows and what the operator typed into the vault stay."""
    company.settle(offices)
    rows, tokens = company.counts(offices, SYDNEY), {name for name in secrets(offices) if "tokens" in name}
    steps = do(offices)
    assert [step.trouble for step in steps] == [""] * len(steps)
    is_gone(offices)
    assert secrets(offices) == {"xero-client-secret", "xero-webhook-key", "powerbi-client-secret"}
    assert secrets(offices, deleted=True) == tokens
    assert company.counts(offices, SYDNEY) == rows
    assert offices.audit("uninstall", "done")
    calls = len(offices.calls)
    offices.advance(86400)
    offices.poll()
    offices.refresh()
    offices.drain_queue()
    assert len(offices.calls) == calls


def test_the_plan_changes_nothing(offices: World) -> None:
    """What would be done is said, name by name, and nothing in storage, vault, Xero or Power BI is another afterwards."""
    company.settle(offices)

    def everything() -> object:
        return [
            repr(each)
            for each in (
                offices.store._tables,
                offices.store._containers,
                offices.store._queues,
                secrets(offices),
                offices.xero.identity.connections,
                list(offices.powerbi.datasets),
            )
        ]

    before = everything()
    told = [step.about for step in plan(offices.connector, delete_datasets=True)]
    assert everything() == before
    assert [each for each in told if "disconnect" in each] == [
        f"disconnect {NAMES[each]} at Xero" for each in (AUCKLAND, PERTH, SYDNEY)
    ]
    assert sum("end token set" in each for each in told) == 2
    assert "delete dataset 'Xero' in Power BI, and those that it succeeded" in told


def test_datasets_go_when_asked_for(offices: World) -> None:
    """With every dataset that an organisation goes into, or went into before."""
    company.leave(offices, AUCKLAND)
    company.join(offices, into="islands")
    dataset.ensure_dataset(offices.connector, "islands")
    assert len(offices.powerbi.datasets) == 2
    do(offices, delete_datasets=True)
    assert offices.powerbi.datasets == {}


def test_one_that_xero_is_not_told_of_stops_no_other(offices: World) -> None:
    """While Xero does not answer, what cannot be done is said and its tokens stay; done again later, all of it is."""
    offices.xero_fault("status", path="/connections/.*", status=503, times=1)
    offices.xero_fault("status", path="/connect/revocation", status=503, times=9)
    steps = do(offices)
    assert sum(bool(step.trouble) for step in steps) >= 2
    assert connections.connected(offices.store) == []
    assert {name for name in secrets(offices) if "tokens" in name}
    offices.xero.faults.clear()
    assert [step.trouble for step in do(offices) if step.trouble] == []
    is_gone(offices)


def test_a_dead_consent(offices: World) -> None:
    """Tokens that Xero does not take any more are as good as ended: their secrets go, and what is listed at Xero is told."""
    offices.xero.identity._sets.clear()
    offices.xero.identity._access.clear()
    offices.advance(3 * 3600)
    steps = do(offices)
    assert sum(bool(step.trouble) for step in steps) == 3
    assert not [name for name in secrets(offices) if "tokens" in name]
    assert connections.connected(offices.store) == []


def test_killed_anywhere(new_world: NewWorld) -> None:
    """Begun again after any crash, it ends with nothing connected and no token left."""
    world = new_world()
    company.load(world, SYDNEY, plain=True)
    company.join(world)
    again = world.snapshot()
    whole = Life()
    list(uninstall(world.mortal(whole), delete_datasets=True))
    is_gone(world)
    assert whole.effects > 20
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            list(uninstall(world.mortal(Life(effect)), delete_datasets=True))
        # The lease of the run that died.
        world.advance(90)
        assert [step.trouble for step in do(world, delete_datasets=True) if step.trouble] == [], effect
        is_gone(world)
        assert world.powerbi.datasets == {}, effect


def test_connected_again_afterwards(offices: World) -> None:
    """The vault keeps a deleted secret under its name; a new consent of the same user gets it back and works."""
    do(offices)
    consent = connect.ask_for_consent(offices.connector)
    answer = offices.press_allow(consent.url, "user-1")
    connect.finish_consent(offices.connector, consent, answer, dataset="default")
    found = connections.connected(offices.store)
    assert {each.tenant_id for each in found} == {SYDNEY, AUCKLAND}
    assert offices.connector.secrets().token_set(found[0].token_set, fresh=True).access_token
