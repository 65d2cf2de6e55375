"""One stage for all tests that play seeds."""

import pytest

from tests.support.chaos_play import Stage


@pytest.fixture(scope="session")
def stage() -> Stage:
    return Stage.make()
