"""Every request of the app and every answer of the stand-ins beside the vendors' OpenAPI files.

The ports of the servers hold all calls of the other contract tests against the files, too (conftest.py). Here each resource
and each call is gone through, so that every known error of the files is met, and one that is not needed any more is told.
"""

from collections.abc import Iterable
from dataclasses import fields
from itertools import chain
from pathlib import Path

import pytest

from shared.settings import Settings
from shared.xero.resources import BY_WEBHOOK_CATEGORY, RESOURCES
from tests.contract import openapi_rounds
from tests.contract.openapi_rounds import Findings
from tests.support import openapi_records
from tests.support.openapi_contract import ACCOUNTING, IDENTITY, POWER_BI, Contract, unknown
from tests.support.openapi_findings import Finding, Known
from tests.support.openapi_known import ERRORS, KNOWN
from tests.support.servers import Call, Servers

PAGE = Path(__file__).resolve().parents[2] / "docs" / "contracts.md"
# Read only when the operator asks for it.
OPTIONAL = {"Journals"}


def agree(findings: Iterable[Finding]) -> None:
    """Calls and files agree, but for what is known."""
    found = unknown(findings)
    assert not found, "\n" + "\n".join(str(each) for each in found)


@pytest.fixture(scope="session")
def answers(files: Contract) -> Findings:
    return openapi_rounds.answers(files)


@pytest.fixture(scope="session")
def refusals(files: Contract) -> Findings:
    return openapi_rounds.refusals(files)


@pytest.fixture(scope="session")
def datasets(files: Contract) -> Findings:
    return openapi_rounds.datasets(files)


@pytest.fixture(scope="session")
def deliveries(files: Contract) -> Findings:
    return openapi_rounds.deliveries(files)


@pytest.fixture(scope="session")
def product(files: Contract, servers: Servers) -> tuple[Findings, list[Call]]:
    return openapi_rounds.product(files, servers)


@pytest.fixture(scope="session")
def scopes(files: Contract) -> list[Finding]:
    return openapi_rounds.scopes(files)


@pytest.fixture(scope="session")
def vendors_own(files: Contract) -> list[Finding]:
    if not openapi_rounds.CASSETTES.is_dir():
        pytest.skip("the recorded answers lie beside the repository only")
    return openapi_rounds.vendors_own(files)


@pytest.fixture(scope="session")
def everything(
    answers: Findings,
    refusals: Findings,
    product: tuple[Findings, list[Call]],
    scopes: list[Finding],
    datasets: Findings,
    deliveries: Findings,
) -> list[Finding]:
    """All findings of all that is gone through, known or not."""
    groups = (answers, refusals, product[0], datasets, deliveries)
    return [*scopes, *(each for group in groups for findings in group.values() for each in findings)]


# The stand-ins


@pytest.mark.parametrize("name", openapi_records.RESOURCES)
def test_full_records(answers: Findings, name: str) -> None:
    """A resource's list, paged and not, and its single record, full by hand, are answered as Xero's file says."""
    agree(answers[name])


def test_company(answers: Findings) -> None:
    """Of the local company's records nothing differs from Xero's file but what is oddly so on purpose."""
    agree(chain.from_iterable(found for name, found in answers.items() if name.startswith("company ")))


def test_refusals(refusals: Findings) -> None:
    """Refusals, tokens and connections are answered as Xero's files say, their known errors aside."""
    agree(chain.from_iterable(refusals.values()))


def test_datasets(datasets: Findings) -> None:
    """Every operation on push datasets is answered as the push subset says, and so are refusals."""
    agree(chain.from_iterable(datasets.values()))


def test_deliveries(deliveries: Findings) -> None:
    """Webhook deliveries of every category, and that of an Intent to Receive, are as the webhooks' file says."""
    assert set(BY_WEBHOOK_CATEGORY) <= set(deliveries)
    agree(chain.from_iterable(deliveries.values()))


# The app


@pytest.mark.parametrize("name", list(RESOURCES))
def test_requests(product: tuple[Findings, list[Call]], name: str) -> None:
    """Each way in which the app asks for a resource is declared by Xero's file: lists, increments, ids and one by one."""
    found, calls = product
    resource = RESOURCES[name]
    ours = [call for call in calls if call.resource == name]
    agree(found[name])
    if name in OPTIONAL and not ours:
        return
    assert any(call.path.endswith(f"/{name}") for call in ours)
    assert any(call.modified_since for call in ours) == resource.modified_since
    assert any(call.query.get("page", "1") != "1" for call in ours) == resource.paged


def test_other_calls(product: tuple[Findings, list[Call]]) -> None:
    """The app's calls about consent and datasets, its rows, and the answers to them, are as the files say."""
    found, _ = product
    agree(each for name in (IDENTITY, POWER_BI) for each in found[name])


def test_scopes(scopes: list[Finding]) -> None:
    """Each scope that the app asks for opens its resource by Xero's file, or is one of the granular ones it lacks."""
    agree(scopes)


def test_addresses(files: Contract) -> None:
    """The addresses that the app uses unless told otherwise are those in the vendors' files."""
    default = {each.name: each.metadata.get("default") for each in fields(Settings)}
    accounting, identity = (files.file(name).document for name in (ACCOUNTING, IDENTITY))
    flow = identity["components"]["securitySchemes"]["OAuth2"]["flows"]["authorizationCode"]
    assert accounting["servers"][0]["url"] == f"{default['xero_api_url']}{'/api.xro/2.0'}"
    assert identity["servers"][0]["url"] == default["xero_api_url"]
    assert flow["tokenUrl"] == f"{default['xero_identity_url']}/connect/token"
    assert flow["authorizationUrl"] == f"{default['xero_login_url']}/identity/connect/authorize"
    assert f"https://{files.file(POWER_BI).document['host']}" == default["powerbi_api_url"]


# The list of known errors


@pytest.mark.parametrize("entry", KNOWN, ids=[f"{each.place} {each.rule}" for each in KNOWN])
def test_every_known_error_is_met(everything: list[Finding], entry: Known) -> None:
    """An entry of the list that nothing needs any more has to go."""
    assert any(entry.covers(each) for each in everything), f"nothing meets {entry}"


@pytest.mark.parametrize(
    "entry",
    [each for each in ERRORS if "recorded:" in each.source or "the file's own" in each.source],
    ids=lambda entry: f"{entry.place} {entry.rule}",
)
def test_evidence(vendors_own: list[Finding], entry: Known) -> None:
    """What the list knows from recordings or from a file's own examples is what those say."""
    assert any(entry.covers(each) for each in vendors_own), f"no recording and no example shows {entry}"


def test_the_page_shows_the_list() -> None:
    """docs/contracts.md has one row for each error of the vendors' files, and no other."""
    page = PAGE.read_text("utf-8")
    rows = [f"| {each.file} | {each.says} | {each.truth} | {each.source} |" for each in ERRORS]
    shown = [line for line in page.splitlines() if line.startswith(("| xero", "| powerbi"))]
    assert shown == rows, "the table should be:\n" + "\n".join(rows)
