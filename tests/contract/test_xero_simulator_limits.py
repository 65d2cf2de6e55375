"""The four rate limits of the Xero stand-in, over a real socket."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.xero_bench import OTHER, TENANT, Bench

REMAINING = ("X-DayLimit-Remaining", "X-MinLimit-Remaining", "X-AppMinLimit-Remaining")


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as bench:
        bench.load(TENANT)
        bench.load(OTHER)
        bench.connect(tenant_id=[TENANT, OTHER])
        # Begin just after the tenant's day and minute began.
        bench.sim("switches", {"day_limit": 0})
        bench.xero.clock.advance(float(bench.get("Accounts").headers["Retry-After"]))
        bench.connect(tenant_id=[TENANT, OTHER])
        bench.sim("switches", {"day_limit": 1000})
        yield bench


def test_every_answer_tells_what_remains(bench: Bench) -> None:
    """Good and bad answers of a tenant count and carry the three headers."""
    for used, (path, status) in enumerate([("Accounts", 200), ("Nonsense", 404), ("Journals", 401)], start=1):
        response = bench.get(path)
        assert response.status_code == status
        assert [int(response.headers[name]) for name in REMAINING] == [1000 - used, 60 - used, 10_000 - used]
    refused = bench.get("Accounts", accept="*/*", tenant=OTHER)
    assert [int(refused.headers[name]) for name in REMAINING] == [999, 59, 9996]


def test_the_61st_call_of_a_minute_waits(bench: Bench) -> None:
    """The minute limit answers 429 with the seconds until the window ends; then all 60 calls are there again."""
    assert [bench.get("Accounts").status_code for _ in range(60)] == [200] * 60
    refused = bench.get("Accounts")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "minute")
    assert refused.headers["X-MinLimit-Remaining"] == "0"
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 60
    bench.xero.clock.advance(wait - 1)
    assert bench.get("Accounts").status_code == 429
    bench.xero.clock.advance(1)
    assert bench.get("Accounts").headers["X-MinLimit-Remaining"] == "59"


def test_refused_calls_are_not_counted(bench: Bench) -> None:
    """A 429 takes nothing from the day."""
    bench.sim("switches", {"minute_limit": 1})
    left = [bench.get("Accounts").headers["X-DayLimit-Remaining"] for _ in range(3)]
    assert left == ["999", "999", "999"]


def test_windows_are_fixed_and_of_each_tenant(bench: Bench) -> None:
    """A window does not begin with the first call, nor on the full minute, nor for two tenants together."""
    bench.sim("switches", {"minute_limit": 0})
    waits = [int(bench.get("Accounts", tenant=tenant).headers["Retry-After"]) for tenant in (TENANT, OTHER)]
    assert waits[0] != waits[1]
    seconds = bench.xero.clock.now().second
    assert all((seconds + wait) % 60 != 0 for wait in waits)
    bench.xero.clock.advance(7)
    assert int(bench.get("Accounts").headers["Retry-After"]) == (waits[0] - 7) % 60 or 60


def test_tenants_have_their_own_calls(bench: Bench) -> None:
    """One organisation's full minute leaves another's alone."""
    bench.sim("switches", {"minute_limit": 1})
    assert [bench.get("Accounts").status_code for _ in range(2)] == [200, 429]
    assert bench.get("Accounts", tenant=OTHER).status_code == 200


def test_the_day_limit_tells_hours(bench: Bench) -> None:
    """The day limit names itself, even in a full minute, and its Retry-After can be many hours."""
    bench.sim("switches", {"day_limit": 2, "minute_limit": 2})
    assert [bench.get("Accounts").status_code for _ in range(2)] == [200, 200]
    refused = bench.get("Accounts")
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "day")
    wait = int(refused.headers["Retry-After"])
    assert 80_000 < wait <= 86_400
    bench.xero.clock.advance(wait)
    # An access token lives for 30 minutes only.
    bench.connect(tenant_id=[TENANT])
    assert bench.get("Accounts").status_code == 200


@pytest.mark.parametrize("told", [False, True])
def test_the_sixth_call_in_progress_is_refused(bench: Bench, told: bool) -> None:
    """Five calls of a tenant may be in progress; Retry-After comes by switch only."""
    bench.sim("switches", {"retry_after_on_concurrent": told})
    with ExitStack() as calls:
        for _ in range(4):
            calls.enter_context(bench.xero.limits.call("local-xero-app", TENANT))
        assert bench.get("Accounts").status_code == 200
        calls.enter_context(bench.xero.limits.call("local-xero-app", TENANT))
        refused = bench.get("Accounts")
        assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, "concurrent")
        assert ("Retry-After" in refused.headers) is told
        assert bench.get("Accounts", tenant=OTHER).status_code == 200
    assert bench.get("Accounts").status_code == 200


@pytest.mark.parametrize("spelling", ["appminute", "app-minute"])
def test_the_app_minute_limit_is_of_all_tenants(bench: Bench, spelling: str) -> None:
    """The app's own limit counts the calls of all tenants and promises no Retry-After."""
    bench.sim("switches", {"app_minute_limit": 2, "app_minute_problem": spelling})
    assert [bench.get("Accounts", tenant=tenant).status_code for tenant in (TENANT, OTHER)] == [200, 200]
    refused = bench.get("Accounts", tenant=OTHER)
    assert (refused.status_code, refused.headers["X-Rate-Limit-Problem"]) == (429, spelling)
    assert "Retry-After" not in refused.headers
    bench.sim("switches", {"retry_after_on_app_minute": True})
    assert 1 <= int(bench.get("Accounts").headers["Retry-After"]) <= 60


def test_the_case_of_the_problem_is_a_switch(bench: Bench) -> None:
    """Older answers wrote Minute where today's write minute."""
    bench.sim("switches", {"minute_limit": 0, "limit_problem_case": "title"})
    assert bench.get("Accounts").headers["X-Rate-Limit-Problem"] == "Minute"


def test_what_never_reaches_a_tenant_is_not_counted(bench: Bench) -> None:
    """Calls without a good token, tenant or address leave the tenant's budget alone."""
    bench.get("Accounts", token="nonsense")
    bench.get("Accounts", tenant=None)
    bench.get("Accounts", {"where": "x" * 3000})
    assert bench.get("Accounts").headers["X-DayLimit-Remaining"] == "999"
