"""Rounds through all that the app can ask and the stand-ins can answer, each held against the vendors' OpenAPI files.

A round answers every finding, known or not, by what it is about.
"""

from collections import defaultdict
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import yaml

from local.company import generate
from local.powerbi.switches import Limits
from local.xero.resources import RESOURCES as ENDPOINTS
from local.xero.wire import render
from shared.audit import Audit
from shared.state import connections
from shared.sync import land
from shared.tables import TABLES, schema
from shared.xero.resources import RESOURCES
from tests.contract.powerbi_simulator import Simulator, dataset, table
from tests.contract.xero_bench import SCOPES, TENANT, Bench
from tests.support import books, openapi_records
from tests.support.openapi import SPECS, Exchange
from tests.support.openapi_contract import ACCOUNTING, IDENTITY, POWER_BI, WEBHOOKS, Contract
from tests.support.openapi_findings import Finding
from tests.support.servers import Call, Servers
from tests.support.world import World

CASSETTES = SPECS.parent / "samples" / "xero-python" / "tests"
LIST = {"page": "1", "pageSize": "1000"}

type Findings = dict[str, list[Finding]]


def exchange(answer: requests.Response) -> Exchange:
    """What `requests` sent and got."""
    sent = answer.request
    url = urlsplit(str(sent.url))
    body = sent.body if isinstance(sent.body, bytes) else (sent.body or "").encode()
    return Exchange(
        str(sent.method),
        unquote(url.path),
        parse_qsl(url.query, keep_blank_values=True),
        {name.lower(): value for name, value in sent.headers.items()},
        body,
        answer.status_code,
        answer.headers.get("Content-Type", ""),
        answer.content,
    )


def answers(files: Contract) -> Findings:
    """The Xero stand-in's answers: full records by hand, each endpoint's lists and single records, then the company's."""
    found: Findings = defaultdict(list)
    with Bench() as bench:
        bench.xero.switches.journals_premium = True
        bench.xero.store.load(TENANT, "Demo", openapi_records.books(), "user-1")
        bench.connect(scope=f"{SCOPES} openid profile accounting.journals.read")
        for name in openapi_records.RESOURCES:
            endpoint = ENDPOINTS[name]
            key = openapi_records.record(name)[endpoint.key]
            paths: list[tuple[str, dict[str, str]]] = [(name, {})]
            paths += [(name, LIST)] if endpoint.page_size else []
            paths += [(f"{name}/{key}", {})] if name != "Organisation" else []
            for path, query in paths:
                bench.xero.clock.advance(5)
                answer = bench.get(path, query)
                assert answer.status_code == 200, f"{path}: {answer.text}"
                found[name] += files.check(exchange(answer))
    for name, records in generated().items():
        rows = b",".join(render(record) for record in records)
        body = b'{"%b":[%b]}' % ((ENDPOINTS[name].plural or name).encode(), rows)
        headers = {"accept": "application/json", "xero-tenant-id": TENANT}
        call = Exchange("GET", f"/api.xro/2.0/{name}", [], headers, b"", 200, "application/json", body)
        found[f"company {name}"] += files.check(call)
    return found


def generated() -> dict[str, list[dict[str, Any]]]:
    """Small books of the local company, by resource."""
    made: Any = generate(seed=7, today=date(2026, 9, 1), months=3, documents=400)
    together: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in made if isinstance(made, list) else [made]:
        for name, records in each["resources"].items():
            together[name] += records
    return together


def refusals(files: Contract) -> Findings:
    """What the Xero stand-in answers to calls that it refuses, and to those about tokens and connections."""
    with Bench() as bench:
        bench.load(Invoices=[openapi_records.record("Invoices")])
        found: Findings = defaultdict(list)

        def see(name: str, answer: requests.Response, status: int) -> None:
            assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
            found[name] += files.check(exchange(answer))

        code = bench.code(scope=f"{SCOPES} openid profile")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": "http://localhost:7071/back",
        }
        tokens = bench.ask_token(**form)
        see("tokens of a code", tokens, 200)
        refreshed = bench.ask_token(grant_type="refresh_token", refresh_token=tokens.json()["refresh_token"])
        see("tokens of a refresh", refreshed, 200)
        see("a dead refresh token", bench.ask_token(grant_type="refresh_token", refresh_token="none"), 400)
        bench.token = refreshed.json()["access_token"]
        headers = {"Authorization": f"Bearer {bench.token}", "Accept": "application/json"}
        listed = requests.get(f"{bench.url}/connections", headers=headers)
        see("connections", listed, 200)
        see("connections without a token", requests.get(f"{bench.url}/connections"), 401)
        see("a where that Xero does not know", bench.get("Invoices", {"where": "Nothing == 1"}), 400)
        see("a bad token", bench.get("Invoices", token="none"), 401)
        see("a scope that is missing", bench.get("Journals"), 401)
        see("another's organisation", bench.get("Invoices", tenant=openapi_records.guid("Others")), 403)
        see("no such record", bench.get(f"Invoices/{openapi_records.guid('Invoices', 99)}"), 404)
        see(
            "an address too long",
            bench.get("Invoices", {"IDs": ",".join([openapi_records.guid("Invoices")] * 60)}),
            404,
        )
        bench.xero.switches.minute_limit = 0
        see("a limit", bench.get("Invoices"), 429)
        gone = f"{bench.url}/connections/{listed.json()[0]['id']}"
        see("a connection removed", requests.delete(gone, headers=headers), 204)
        see("a connection removed twice", requests.delete(gone, headers=headers), 404)
        revoked = requests.post(
            f"{bench.url}/connect/revocation",
            data={"token": refreshed.json()["refresh_token"]},
            auth=("local-xero-app", "local-xero-secret"),
        )
        see("tokens revoked", revoked, 200)
    return found


def product(files: Contract, servers: Servers) -> tuple[Findings, list[Call]]:
    """The app's own calls: consent, history in small pages, what changes meanwhile, increments, ids, rows and dataset."""
    files.drain()
    world = World(servers, settings={"XERO_PAGE_SIZE": "2", "READ_REPORTS": "true"})
    world.load(openapi_records.books())
    edited: set[str] = set()

    def edit(call: Call) -> None:
        """Once between two pages of each resource, a record already read changes, and another comes."""
        name = call.resource
        if call.query.get("page") != "2" or name in edited:
            return
        edited.add(name)
        key = openapi_records.record(name)[ENDPOINTS[name].key]
        world.xero.documents.change(books.TENANT, name, key, {}, [], True)
        world.add(name, openapi_records.record(name, 4))

    world.connect()
    world.on_xero_call = edit
    world.settle()
    world.advance(24 * 3600 + 60)
    world.refresh()
    world.settle()
    world.advance(61)
    [organisation] = connections.connected(world.store)
    audit = Audit(world.store, world.clock, "openapi")
    for name in {call.resource for call in world.calls} & set(RESOURCES):
        world.advance(61)
        world.refresh()
        ids = ["2026-06-30"]
        if RESOURCES[name].report is None:
            ids = [str(openapi_records.record(name, number)[ENDPOINTS[name].key]) for number in (1, 2, 99)]
        land.fetch_ids(world.connector, audit, organisation, RESOURCES[name], ids, "openapi")
    powerbi = world.connector.powerbi()
    for name in TABLES:
        powerbi.delete_rows(world.dataset_id, name)
    found: Findings = defaultdict(list)
    for each in files.drain():
        endpoint = each.operation.partition(" /")[2].removeprefix("Reports/").partition("/")[0]
        found[endpoint if each.file == ACCOUNTING else each.file].append(each)
    return found, list(world.calls)


def scopes(files: Contract) -> list[Finding]:
    """Whether the file gives each resource's list to the scope that the app asks for."""
    api = files.file(ACCOUNTING)
    return [
        each
        for resource in RESOURCES.values()
        for each in api.check_scope("GET", f"/{resource.path}", resource.scope)
    ]


def datasets(files: Contract) -> Findings:
    """The Power BI stand-in's answers to every operation, and its refusals."""
    found: Findings = defaultdict(list)
    with Simulator(limits=Limits(body_bytes=100_000)) as service:

        def see(name: str, answer: requests.Response, status: int) -> None:
            assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
            found[name] += files.check(exchange(answer))

        all_, rows = service.datasets, [{"Number": 1, "Text": "a"}]
        made = service.call("POST", f"{all_}?defaultRetentionPolicy=None", schema.dataset("Xero"))
        see("the app's dataset made", made, 201)
        see(
            "a dataset made", service.call("POST", f"{all_}?defaultRetentionPolicy=basicFIFO", dataset()), 201
        )
        key = service.create()
        see("all datasets", service.call("GET", all_), 200)
        see("one dataset", service.call("GET", f"{all_}/{key}"), 200)
        see("tables", service.call("GET", f"{all_}/{key}/tables"), 200)
        see("a table put", service.put(key, table("T")), 200)
        see("rows posted", service.post(key, rows), 200)
        see("rows counted", service.query(key, 'EVALUATE ROW("n", COUNTROWS(T))'), 200)
        see("sequence numbers", service.call("GET", f"{all_}/{key}/tables/T/sequenceNumbers"), 200)
        see("rows deleted", service.delete_rows(key), 200)
        see("no such table", service.post(key, rows, "U"), 404)
        see("a row too many of a column", service.post(key, [{"Nothing": 1}]), 400)
        see("a body too large", service.post(key, [{"Text": "a" * 100_001}]), 413)
        see("no token", service.call("GET", all_, headers={"Authorization": ""}), 401)
        see("a dataset deleted", service.call("DELETE", f"{all_}/{key}"), 200)
    return found


def deliveries(files: Contract) -> Findings:
    """Webhook deliveries of each category, and the empty one of an Intent to Receive."""
    found: Findings = {}
    with Bench() as bench:
        webhooks = bench.xero.webhooks
        for endpoint in ENDPOINTS.values():
            if endpoint.category is not None and endpoint.name in openapi_records.RESOURCES:
                webhooks.subscribe("http://localhost", "key", (endpoint.category,))
                webhooks.record(TENANT, endpoint, openapi_records.record(endpoint.name), "UPDATE")
                name = "creditNotes" if endpoint.category == "CREDITNOTE" else "invoices"
                body = webhooks._body(webhooks.pending())
                found[endpoint.category] = files.check_webhook(name, body)
                webhooks._pending.clear()
        found["intent to receive"] = files.check_webhook("invoices", webhooks._body([]))
    return found


def vendors_own(files: Contract) -> list[Finding]:
    """What the vendors' own recorded answers, and the examples in their own files, differ in from the files."""
    found = []
    for name in (ACCOUNTING, IDENTITY, POWER_BI):
        found += files.file(name).check_examples()
    for example in files.file(WEBHOOKS).webhook_examples():
        found += files.check_webhook(*example)
    for cassette in sorted(CASSETTES.rglob("*.yaml")):
        for call in yaml.load(cassette.read_text("utf-8"), Loader=yaml.CSafeLoader)["interactions"]:
            found += files.check(recorded(call))
    return found


def recorded(call: dict[str, Any]) -> Exchange:
    """A call of a recording. Its headers' values are lists; its dates and sizes are of no interest."""
    asked, answered = call["request"], call["response"]
    url = urlsplit(asked["uri"])
    body = answered["body"]["string"]
    kinds = {name.lower(): values for name, values in answered["headers"].items()}.get("content-type", [""])
    return Exchange(
        asked["method"],
        url.path,
        parse_qsl(url.query),
        {name.lower(): ",".join(values) for name, values in asked["headers"].items()},
        _bytes(asked["body"]),
        answered["status"]["code"],
        kinds[0],
        _bytes(body),
    )


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else (body or "").encode()
