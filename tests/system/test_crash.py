"""The functions host is killed in the middle of reading the history, and started again: nothing is lost, nothing begins anew.

Each crash has a cloud of its own. They are killed one after the other and then heal at the same time, unaided, since the
leases of the dead must run out first, which takes a minute of real time.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

import pytest

from local.cloud import Cloud
from local.company import first_day
from shared.state import outbox, sink
from shared.state.connections import DEFAULT_DATASET
from tests.system.running import BY_HAND, Running, Tap, connect, eventually

# Small pages and POSTs, so that there is much to be killed between; and a poll that comes by itself.
SETTINGS = BY_HAND | {
    "POLL_SCHEDULE": "*/5 * * * * *",
    "POLL_MINUTES": "600",
    "POLL_MINUTES_BY_RESOURCE": "Accounts=600",
    "XERO_PAGE_SIZE": "50",
    "POWERBI_ROWS_PER_POST": "100",
}
# A lease lasts a minute, and what lies in the outbox for a minute is woken by a poll.
HEALED_SECONDS = 150


@dataclass(frozen=True)
class Crash:
    """Kill the host at the n-th call that matches; commits: when the call has taken effect, before the answer."""

    at: str
    chosen: str
    number: int
    commits: bool = False


CRASHES = (
    Crash("xero", "^GET .*/Invoices", 1),
    Crash("xero", "^GET .*/Invoices", 4),
    Crash("xero", "IDs=", 1),
    Crash("powerbi", "^POST .*/rows", 1),
    Crash("powerbi", "/tables/Lines/rows", 4, commits=True),
)


@dataclass(frozen=True)
class Story:
    """A cloud after its crash, and the calls that reached it from beginning to end."""

    running: Running
    xero: Tap
    powerbi: Tap

    def survive(self) -> None:
        """Start the host, wait for the crash, start it again, wait until Power BI is as Xero."""
        cloud = self.running.cloud
        cloud.start_host()
        self.xero.arm()
        self.powerbi.arm()
        assert next(tap for tap in (self.xero, self.powerbi) if tap.number).struck.wait(60), "no crash"
        assert self.running.differences(), "the crash came when all was done"
        cloud.start_host()
        eventually(
            lambda: not self.running.differences(),
            f"Power BI as Xero, after the crash; the log ends:\n{self.running.log()[-2000:]}",
            seconds=HEALED_SECONDS,
            every=4,
        )
        eventually(lambda: not self.unfinished(), "nothing left in flight", every=1)
        # Else the poll would go on between one look of a test and the next.
        cloud.stop_host()

    def unfinished(self) -> list[str]:
        store = self.running.connector.store
        waiting = [blob.name for blob in outbox.pending(store, DEFAULT_DATASET)]
        return [*waiting, *sink.read(store, DEFAULT_DATASET).in_flight]


@pytest.fixture(scope="module")
def stories(
    tmp_path_factory: pytest.TempPathFactory,
    books: dict[str, Any],
    today: date,
    process_environment: pytest.MonkeyPatch,
    azurite_installed: None,
) -> Iterator[dict[Crash, Story]]:
    start, told = first_day(today), dict[Crash, Story]()
    clouds = [
        Cloud(tmp_path_factory.mktemp("crash"), start_date=start, more=SETTINGS, fixed_ports=False)
        for _ in CRASHES
    ]
    with ExitStack() as stack, ThreadPoolExecutor(len(CRASHES)) as pool:
        for cloud in clouds:
            stack.callback(cloud.stop)
        list(pool.map(Cloud.start, clouds))
        for crash, cloud in zip(CRASHES, clouds, strict=True):
            running = connect(cloud, books, start, process_environment.setenv)
            taps = {"xero": Tap(cloud.xero.app), "powerbi": Tap(cloud.powerbi_app)}
            tap = taps[crash.at]
            tap.chosen, tap.number, tap.commits = crash.chosen, crash.number, crash.commits
            tap.instead = partial(cloud.stop_host, kill=True)
            told[crash] = Story(running, **taps)
        for done in [pool.submit(story.survive) for story in told.values()]:
            done.result()
        yield told


@pytest.fixture(params=CRASHES, ids=lambda crash: f"{crash.at}-{crash.number}-{crash.chosen}")
def story(request: pytest.FixtureRequest, stories: dict[Crash, Story]) -> Story:
    return stories[request.param]


def test_everything_arrives_after_a_crash(story: Story) -> None:
    """After kill -9 and a new start, every field of every record is in Power BI, and nothing is left on the way."""
    tables = story.running.compare()
    for name, table in tables.items():
        assert table.mismatches == []
        assert table.powerbi_current - table.beyond_scope == table.xero_records
        # Journals are not read unless the operator wants them; the status is of our making.
        assert (table.xero_records > 0) == (name not in ("Journals", "SyncStatus"))
    assert story.unfinished() == []


def test_a_crashed_read_is_resumed(story: Story) -> None:
    """No call to Xero is made twice but the one that the crash cut off: reading goes on at the cursor."""
    assert sum(story.xero.counted.values()) > 15
    again = {str(call): times for call, times in story.xero.counted.items() if times > 1}
    assert len(again) <= 1
    assert all(times == 2 for times in again.values())


def test_a_crash_loses_no_row_of_the_audit(story: Story) -> None:
    """Every call to Xero stands in the audit, those before the crash too; only the one that was cut off may be missing."""
    told = story.running.audit(what="fetch")
    assert 0 <= sum(story.xero.counted.values()) - len(told) <= 1


def test_a_crashed_push_doubles_rows_but_no_figure(stories: dict[Crash, Story]) -> None:
    """A POST that landed before the crash is sent again: Power BI holds rows twice, and each record counts once."""
    tables = stories[CRASHES[-1]].running.compare()
    assert tables["Lines"].powerbi_rows > tables["Lines"].powerbi_current
    assert tables["Lines"].powerbi_current - tables["Lines"].beyond_scope == tables["Lines"].xero_records
