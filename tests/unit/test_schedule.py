"""When a resource is read next: its own minutes, the operator's, quiet hours, or once a night; and what a day costs."""

from datetime import UTC, date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import Settings, read_settings
from shared.sync.reports import due, months
from shared.sync.schedule import BEFORE_REPORT, next_read, night_of
from shared.xero.resources import RESOURCES, Resource

GUID = "11111111-1111-4111-8111-111111111111"
LEAST = {
    "XERO_CLIENT_ID": "app",
    "START_DATE": "2025-07-01",
    "KEY_VAULT_URL": "https://books.vault.azure.net",
    "POWERBI_TENANT_ID": GUID,
    "POWERBI_CLIENT_ID": GUID,
    "POWERBI_WORKSPACE_ID": GUID,
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# On both hemispheres, half an hour off, without and with summer time, one with summer time of half an hour.
ZONES = (
    *("UTC", "Australia/Sydney", "Pacific/Auckland", "America/New_York", "Europe/London", "Asia/Kolkata"),
    *("Australia/Lord_Howe", "America/St_Johns", "Pacific/Kiritimati"),
)
INVOICES, ACCOUNTS = RESOURCES["Invoices"], RESOURCES["Accounts"]
LISTS = [resource for resource in RESOURCES.values() if resource.report is None]
REPORTS = [resource for resource in RESOURCES.values() if resource.report is not None]
ALWAYS = [resource for resource in LISTS if not resource.optional]


def settings(**more: str) -> Settings:
    return read_settings(LEAST | more, RESOURCES)


def local(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone))


@pytest.mark.parametrize("resource", LISTS, ids=lambda resource: resource.name)
def test_each_resource_has_minutes_of_its_own(resource: Resource) -> None:
    """Unless the operator says otherwise, a resource is due as often as its declaration says."""
    assert next_read(settings(), resource, NOON) == NOON + timedelta(minutes=resource.minutes)


def test_the_operators_minutes() -> None:
    """POLL_MINUTES takes the place of all, POLL_MINUTES_BY_RESOURCE of one."""
    found = settings(POLL_MINUTES="5", POLL_MINUTES_BY_RESOURCE="Accounts=600")
    assert next_read(found, INVOICES, NOON) == NOON + timedelta(minutes=5)
    assert next_read(found, ACCOUNTS, NOON) == NOON + timedelta(minutes=600)
    only_one = settings(POLL_MINUTES_BY_RESOURCE="Accounts=600")
    assert next_read(only_one, INVOICES, NOON) == NOON + timedelta(minutes=15)


@pytest.mark.parametrize("more", [{}, {"POLL_MINUTES": "5"}, {"POLL_PROFILE": "nightly"}])
@pytest.mark.parametrize(
    ("name", "now", "due"),
    [
        ("TrialBalance", "2026-11-23T12:00", "2026-11-24T05:00"),
        ("TrialBalance", "2026-11-24T04:59", "2026-11-24T05:00"),
        ("TrialBalance", "2026-11-24T05:00", "2026-11-25T05:00"),
        ("ProfitAndLoss", "2026-11-24T05:01", "2026-11-25T05:00"),
    ],
)
def test_reports_are_read_in_the_night(name: str, now: str, due: str, more: dict[str, str]) -> None:
    """Two hours before the report hour of the operator's clock, whatever POLL_MINUTES and the profile say."""
    zone = "Australia/Sydney"
    at = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = next_read(settings(TIME_ZONE=zone, **more), RESOURCES[name], at)
    assert f"{local(found, zone):%FT%H:%M}" == due


def test_reports_have_exceptions_too() -> None:
    """The bank summary is read in every seventh night; POLL_MINUTES_BY_RESOURCE is obeyed; quiet hours put a report off."""
    bank, trial = RESOURCES["BankSummary"], RESOURCES["TrialBalance"]
    assert next_read(settings(), bank, NOON) == datetime(2026, 11, 30, 5, tzinfo=UTC)
    often = settings(POLL_MINUTES_BY_RESOURCE="TrialBalance=30")
    assert next_read(often, trial, NOON) == NOON + timedelta(minutes=30)
    assert next_read(settings(QUIET_HOURS="20-6"), trial, NOON) == datetime(2026, 11, 24, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "at", "due"),
    [
        ("20-6", "19:00", "19:15"),
        ("20-6", "19:44", "19:59"),
        ("20-6", "19:45", "06:00"),
        ("20-6", "23:50", "06:00"),
        ("20-6", "03:00", "06:00"),
        ("20-6", "05:44", "06:00"),
        ("20-6", "05:45", "06:00"),
        ("20-6", "06:00", "06:15"),
        ("1-5", "00:44", "00:59"),
        ("1-5", "00:45", "05:00"),
        ("1-5", "23:50", "00:05"),
        ("1-5", "05:00", "05:15"),
        ("0-23", "12:00", "23:00"),
    ],
)
def test_quiet_hours(quiet: str, at: str, due: str) -> None:
    """What would be due in the quiet hours, over midnight too, is due when they end, on the operator's clock."""
    zone = "Australia/Sydney"
    now = datetime.fromisoformat(f"2026-11-23T{at}").replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = next_read(settings(QUIET_HOURS=quiet, TIME_ZONE=zone), INVOICES, now)
    assert f"{local(found, zone):%H:%M}" == due
    assert timedelta(0) < found - now < timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "now", "quiet", "due"),
    [
        # New York, 8 March 2026: 01:59 EST is followed by 03:00 EDT; 1 November: 01:00 to 01:59 come twice.
        ("America/New_York", "2026-03-08T04:00", "20-6", "2026-03-08T10:00"),
        ("America/New_York", "2026-03-08T06:40", "0-2", "2026-03-08T07:00"),
        ("America/New_York", "2026-11-01T04:00", "20-6", "2026-11-01T11:00"),
        ("America/New_York", "2026-11-01T05:50", "1-2", "2026-11-01T07:00"),
        ("America/New_York", "2026-11-01T06:10", "1-2", "2026-11-01T07:00"),
        # Lord Howe, 4 October 2026: 02:00 is followed by 02:30.
        ("Australia/Lord_Howe", "2026-10-03T13:00", "20-6", "2026-10-03T19:00"),
    ],
)
def test_quiet_hours_when_the_clock_changes(zone: str, now: str, quiet: str, due: str) -> None:
    """They end by the operator's clock in the night of a change, too; an hour that is skipped is the next one."""
    began = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = next_read(settings(QUIET_HOURS=quiet, TIME_ZONE=zone), INVOICES, began)
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("report_hour", [0, 2, 7, 23])
def test_the_nightly_profile_is_done_by_the_report_hour(zone: str, report_hour: int) -> None:
    """Every day of a year has one read, which begins two hours before the report hour of the operator's clock."""
    found = settings(POLL_PROFILE="nightly", TIME_ZONE=zone, REPORT_HOUR=str(report_hour))
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    days = []
    for _ in range(365):
        at = next_read(found, ACCOUNTS, at)
        report = local(at + BEFORE_REPORT, zone)
        # An hour that the clock skips is the one after it; Lord Howe's half an hour is skipped from 02:00.
        assert report.hour in (report_hour, report_hour + 1)
        assert report.hour == report_hour or report.utcoffset() != (report - timedelta(hours=2)).utcoffset()
        days.append(report.date())
    assert len(set(days)) == 365
    assert days == sorted(days)
    assert (days[-1] - days[0]).days == 364


instants = st.timedeltas(timedelta(0), timedelta(days=4000)).map(lambda later: NOON + later)
quiet_hours = st.tuples(st.integers(0, 23), st.integers(0, 23)).filter(lambda pair: pair[0] != pair[1])


@given(
    instants,
    st.sampled_from(ZONES),
    st.sampled_from(["steady", "nightly"]),
    st.integers(0, 23),
    st.none() | quiet_hours,
    st.sampled_from(list(RESOURCES.values())),
)
def test_the_next_read_lies_ahead(
    now: datetime,
    zone: str,
    profile: str,
    report_hour: int,
    quiet: tuple[int, int] | None,
    resource: Resource,
) -> None:
    """Whatever the clock and the settings say, a resource that was read is due later, and within two days and a bit;
    the bank summary within eight.
    """
    more = {"QUIET_HOURS": f"{quiet[0]}-{quiet[1]}"} if quiet else {}
    found = settings(POLL_PROFILE=profile, TIME_ZONE=zone, REPORT_HOUR=str(report_hour), **more)
    due = next_read(found, resource, now)
    assert now < due <= now + timedelta(days=8 if resource.minutes > 1440 else 2, hours=2)
    assert due.utcoffset() == timedelta(0)


@given(instants, st.sampled_from(ZONES), st.integers(0, 23))
def test_the_night_of_open_documents(now: datetime, zone: str, report_hour: int) -> None:
    """The last night lies behind, less than a day and an hour, and two hours before the report hour; it stays the same until
    the next.
    """
    found = settings(TIME_ZONE=zone, REPORT_HOUR=str(report_hour))
    night = night_of(found, now)
    assert timedelta(0) <= now - night <= timedelta(hours=25)
    assert local(night + BEFORE_REPORT, zone).hour in (report_hour, report_hour + 1)
    assert night_of(found, night) == night
    assert night_of(found, night - timedelta(seconds=1)) < night


def test_zero_minutes_mean_every_run() -> None:
    """Whoever sets 0 has a resource read by each run of the timer."""
    assert next_read(settings(POLL_MINUTES="0"), INVOICES, NOON) == NOON


# What a day costs


def increments_a_day(resources: list[Resource]) -> float:
    """Calls a day when nothing or little changes: one a read."""
    return sum(1440 / resource.minutes for resource in resources)


def rereads(hours: dict[str, float], records: int) -> int:
    """Calls of a day in which all that is re-read is re-read once: its pages, a correction, and page 1 of those that are
    read backwards once more.
    """
    return sum(ceil(records / 1000) + 1 + (RESOURCES[name].paging == "backwards") for name in hours)


def open_documents_a_night() -> int:
    """Calls of a night for open documents, up to 1,000 of each list: one, or one for each status where a list takes one."""
    return sum(len(each.open_statuses) if each.open_by == "Status" else 1 for each in ALWAYS if each.open_by)


def test_the_default_cadence_leaves_the_reserve_alone() -> None:
    """662 calls a day for increments, 686 with journals, 37 on a day on which every list of 3,000 records is re-read,
    7 for up to 1,000 open documents of each list, and 12 for reports on the first of a month: 742 of Xero's 1,000 for its smallest tier, of which 100 are the webhooks'.
    """
    found = settings()
    hours = dict(found.reread_hours_by_resource)
    assert increments_a_day(ALWAYS) == 662
    assert increments_a_day(LISTS) == 686
    assert (rereads(hours, 3000), min(hours.values())) == (37, 24)
    assert reports_a_night(date(2026, 11, 1)) == 12
    assert open_documents_a_night() == 7
    assert found.xero_day_limit - found.xero_webhook_reserve >= 686 + 37 + 7 + 12


def reports_a_night(today: date) -> int:
    """Calls of a night for the reports of three years, of which the last were read the day before: none has changed."""
    all_months = months(date(2023, 11, 1), today)
    yesterday, turn, year_ends = (
        today - timedelta(days=1),
        "2024-04-30",
        [f"{each}-06-30" for each in (2024, 2025, 2026)],
    )
    trial, _ = due(all_months, yesterday, turn, year_ends)
    profit, _ = due(all_months, yesterday, turn, [])
    return (
        len(trial)
        + len(profit)
        + len([each for each in REPORTS if each.report and each.report.of == "start"])
    )


def test_what_reports_cost() -> None:
    """36 months are 36 calls for each of two reports, once; then a night has 10, and 12 on the first of a month."""
    assert len(months(date(2023, 12, 15), date(2026, 11, 25))) == 36
    assert [reports_a_night(date(2026, 11, day)) for day in (1, 2, 30)] == [12, 10, 10]


def test_the_nightly_profile_costs_next_to_nothing() -> None:
    """15 calls a night beside the reports' and 7 for open documents, 59 in a night in which every list of 3,000 records is
    re-read; within a minute's 60.
    """
    found = settings(POLL_PROFILE="nightly")
    nightly = len(ALWAYS) + open_documents_a_night() + rereads(dict(found.reread_hours_by_resource), 3000)
    assert (len(ALWAYS), nightly) == (15, 59)
    assert nightly <= found.xero_minute_limit
