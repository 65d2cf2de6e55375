"""Fixtures of the product's contract tests: one set of servers a session, a fresh world behind them each test."""

from collections.abc import Callable, Iterator

import pytest
from azure.core.pipeline.transport import HttpTransport

from tests.support import openapi_contract
from tests.support.offices import AUCKLAND, PERTH, SYDNEY, TOGETHER, join, load
from tests.support.openapi_contract import Contract
from tests.support.servers import Servers
from tests.support.world import World


@pytest.fixture(scope="session")
def contract() -> Contract | None:
    """The vendors' OpenAPI files; None where they are not, so that calls go unseen (test_openapi.py skips, saying so)."""
    return openapi_contract.load()


@pytest.fixture(scope="session")
def files(contract: Contract | None) -> Contract:
    """The vendors' files, for tests that are about them."""
    if contract is None:
        pytest.skip(openapi_contract.ABSENT)
    return contract


@pytest.fixture(autouse=True)
def calls_are_as_the_vendors_files_say(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every call that passes through the servers' ports during a test, and its answer, is as the vendors' files say."""
    yield
    if "servers" not in request.fixturenames or (seeing := request.getfixturevalue("contract")) is None:
        return
    test = f"{request.path.name}::{request.node.originalname}"
    found = [
        each
        for each in openapi_contract.unknown(seeing.drain())
        if not openapi_contract.is_of_odd_books(each, test)
        and not openapi_contract.is_of_custom_connections(each, test)
    ]
    if found:
        pytest.fail("\n".join(str(each) for each in found), pytrace=False)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory, contract: Contract | None) -> Iterator[Servers]:
    see = contract.see if contract else None
    with pytest.MonkeyPatch.context() as patch, Servers(tmp_path_factory.mktemp("identity"), see) as running:
        for name, value in running.identity.environment().items():
            patch.setenv(name, value)
        # Between its retries Microsoft's libraries sleep in the world's time.
        patch.setattr(HttpTransport, "sleep", lambda _, seconds: running.identity_clock.leader.sleep(seconds))
        yield running


@pytest.fixture
def new_world(servers: Servers) -> Callable[..., World]:
    """Makes a world; a second one takes the first one's place. Takes what `World` takes beside the servers."""
    return lambda **options: World(servers, **options)


@pytest.fixture
def world(new_world: Callable[..., World]) -> World:
    """A world with small books that nobody has connected yet."""
    made = new_world()
    made.load()
    return made


@pytest.fixture(scope="session")
def prepared(servers: Servers) -> tuple[World, Callable[[], None], Callable[[], None]]:
    """A world, and what puts it back to where it was connected, and to where its history was in Power BI."""
    world = World(servers)
    world.connect(with_dataset=False)
    to_connected = world.snapshot()
    world.connect()
    world.settle()
    return world, to_connected, world.snapshot()


@pytest.fixture
def connected(prepared: tuple[World, Callable[[], None], Callable[[], None]]) -> World:
    """A world whose organisation is connected; there is no dataset yet."""
    world, to_connected, _ = prepared
    to_connected()
    return world


@pytest.fixture
def settled(prepared: tuple[World, Callable[[], None], Callable[[], None]]) -> World:
    """A world whose history is in Power BI."""
    world, _, to_settled = prepared
    to_settled()
    return world


@pytest.fixture
def offices(new_world: Callable[..., World]) -> World:
    """Sydney and Auckland by the consent of one user, Perth by that of another; nothing is read yet."""
    world = new_world(settings=TOGETHER)
    load(world, SYDNEY, AUCKLAND)
    load(world, PERTH, user="user-2")
    join(world)
    join(world, user="user-2")
    return world
