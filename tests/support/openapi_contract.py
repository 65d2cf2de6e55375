"""The vendors' files together: which file a call belongs to, what it finds, and which of that is known.

The servers' ports hand every call over while a test runs; what was found and is unknown fails the test.
"""

import threading
from collections.abc import Iterable
from functools import cache

from tests.support.openapi import SPECS, ApiFile, Exchange, read
from tests.support.openapi_findings import Finding
from tests.support.openapi_known import KNOWN

ACCOUNTING, IDENTITY = "xero_accounting.yaml", "xero-identity.yaml"
WEBHOOKS, POWER_BI = "xero-webhooks.yaml", "powerbi-push.prism.json"
# Microsoft's own file, whole: for what the one above, of push datasets only, does not have.
POWER_BI_WHOLE, WORKSPACES = "powerbi-swagger.json", "/v1.0/myorg/groups"
# The browser's part of a consent: no call of the app, and in no file.
_BROWSER = "/identity/connect/"
# Tests that put into Xero's books on purpose what Xero would not: why. Their requests are looked at all the same.
ODD_BOOKS = {
    "test_alarms.py::test_quarantined": "a total that is no number",
    "test_alarms.py::test_no_line_holds_what_is_of_the_books": "a total that is no number",
    "test_commands.py::test_replay_counts_and_says_where_to_look": "a total that is no number",
    "test_commands.py::test_replay_of_a_lost_consent_says_what_to_do_first": "a total that is no number",
    "test_sync_bad_input.py": "records that cannot be decoded or shaped",
    "test_sync_bad_records.py::test_one_bad_record": "a field of a wrong type",
    "test_sync_bad_records.py::test_what_is_unknown_is_not_bad": "values and fields that Xero does not have yet",
    "test_secrets.py::test_no_secret_leaks": "a total that is no number",
    "test_sync_forget.py": "a reference that is no text",
    "test_sync_publish.py::test_without_a_year_end_it_is_that_of_the_calendar": "a year end that is none",
    "test_sync_status.py::test_an_unknown_time_zone_is_told": "a time zone that Xero does not have",
    "test_sync_status.py::test_quarantined_records_are_counted": "a total that is no number",
    "test_sync_status.py::test_a_process_killed_while_it_publishes_tells_in_the_end": "a total that is no number",
    "test_sync_refused.py::test_a_row_larger_than_a_post": "an invoice number longer than Xero takes",
    "test_sync_replay.py::test_only_what_is_named": "a total that is no number",
    "test_sync_replay.py::test_many_records_are_fetched_together": "a total that is no number",
    "test_sync_replay.py::test_a_record_that_xero_has_no_more": "a total that is no number",
    "test_sync_replay.py::test_a_shown_record_that_xero_has_no_more": "a total that is no number",
    "test_sync_replay.py::test_without_consent_it_stays": "a total that is no number",
    "test_sync_replay.py::test_a_crash_at_every_effect": "a total that is no number",
}
ABSENT = "the vendors' OpenAPI files lie beside the repository only, so no call is held against them"


class Contract:
    """Collects what the files say against calls. Used by several threads at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._findings: list[Finding] = []
        self._broken: list[Exception] = []
        self._files = {name: _read(name) for name in (ACCOUNTING, IDENTITY, WEBHOOKS, POWER_BI)}

    def see(self, exchange: Exchange) -> None:
        """A call that passed through a port."""
        if exchange.path.startswith(_BROWSER):
            return
        found: list[Finding] = []
        broken: list[Exception] = []
        try:
            found = self.check(exchange)
        except Exception as error:
            # Raised here it would be the vendor's answer 500; it is the test's to fail by.
            broken = [error]
        with self._lock:
            self._findings += found
            self._broken += broken

    def drain(self) -> list[Finding]:
        """All that was found since the last time, known or not."""
        with self._lock:
            found, self._findings = self._findings, []
            broken, self._broken = self._broken, []
        if broken:
            raise ExceptionGroup("a call could not be held against the vendors' files", broken)
        return found

    def check(self, exchange: Exchange) -> list[Finding]:
        """All that the file of the call's path finds, known or not."""
        if exchange.path == WORKSPACES:
            # It declares success codes only.
            return [each for each in _read(POWER_BI_WHOLE).check(exchange) if each.place != "status"]
        if exchange.path.startswith("/v1.0/"):
            return self._files[POWER_BI].check(exchange)
        if exchange.path.startswith("/api.xro/"):
            return self._files[ACCOUNTING].check(exchange)
        return self._files[IDENTITY].check(exchange)

    def check_webhook(self, name: str, body: bytes) -> list[Finding]:
        return self._files[WEBHOOKS].check_webhook(name, body)

    def file(self, name: str) -> ApiFile:
        return self._files[name]


def load() -> Contract | None:
    """The contract, or None where the vendors' files are not."""
    return Contract() if SPECS.is_dir() else None


def is_of_odd_books(finding: Finding, test: str) -> bool:
    """Whether a finding is of Xero's books, and a test (`file::function`) is one of those that make them odd."""
    odd = any(test == each or test.startswith(f"{each}::") for each in ODD_BOOKS)
    return odd and finding.file == ACCOUNTING and finding.part == "answer 200"


def is_of_custom_connections(finding: Finding, test: str) -> bool:
    """Whether a finding is what sets a custom connection apart, in the tests that are about them: its calls need not name the
    organisation, and its form asks for scopes (Xero's FAQ on custom integrations).
    """
    apart = {(ACCOUNTING, "header xero-tenant-id"), (IDENTITY, "RefreshToken.scope")}
    told = finding.part == "request" and (finding.file, finding.place) in apart
    return told and test.startswith(
        ("test_custom_connection.py::", "test_doctor.py::test_a_custom_connection_is_well")
    )


def unknown(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that no entry of the list covers; of those that say the same about the same place, the first."""
    first: dict[tuple[str, ...], Finding] = {}
    for each in findings:
        if not any(entry.covers(each) for entry in KNOWN):
            first.setdefault((each.file, each.operation, each.part, each.place, each.rule), each)
    return list(first.values())


# Reading Xero's file takes a third of a second, Power BI's whole one longer: only when it is needed.
_read = cache(read)
