"""Fixtures that several test files share."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from local.azurite import Azurite, NodeMissing

# The same examples each time, and no verdict by the clock: a slow machine is no failing test.
settings.register_profile("repository", derandomize=True, deadline=None)
settings.load_profile("repository")
# A tenth of the run went into looking, again and again, through what stays to the end anyway.
gc.set_threshold(50_000, 20, 20)


def pytest_collection_finish() -> None:
    """What imports and collection have made is no garbage any more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """One Azurite for the whole run, in memory. Queues, containers and tables of a test need names of their own."""
    try:
        emulator = Azurite().start()
    except NodeMissing as error:
        # A build without Azurite would pass for the wrong reason.
        if os.environ.get("CI"):
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))
    yield emulator
    emulator.stop()
