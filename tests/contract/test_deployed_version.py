"""The function app says which version it runs, and `manage.py version` finds it."""

import logging

import pytest

from shared import version
from shared.state import deployed
from shared.sync.deployed import tell_version
from shared.version import Version
from tests.support.world import World

OLD = Version("1.0.0", "aaa", "2026-11-01T00:00:00+00:00")
NEW = Version("1.1.0", "bbb")


def test_it_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A package writes down its version at its first poll, once, and logs it; an upgrade and a way back do so again."""
    caplog.set_level(logging.INFO)
    for found in (OLD, OLD, NEW, OLD):
        monkeypatch.setattr(version, "packaged", lambda found=found: found)
        tell_version(world.connector)
        assert deployed.version(world.store) == found
    assert [record.getMessage() for record in caplog.records] == [
        "version running version=1.0.0 commit=aaa",
        "version running version=1.1.0 commit=bbb",
        "version running version=1.0.0 commit=aaa",
    ]


def test_a_checkout_says_nothing(world: World) -> None:
    """Without a VERSION file nothing is known of what runs, and nothing is written."""
    assert version.packaged() is None
    tell_version(world.connector)
    assert deployed.version(world.store) is None
