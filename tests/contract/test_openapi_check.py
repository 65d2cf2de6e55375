"""The check of calls against the vendors' OpenAPI files can fail: what is wrong is found, at its place."""

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from local.powerbi.access import GROUP
from local.xero.wire import decode, encode
from shared.errors import Refused
from shared.state import connections
from shared.xero.client import Request
from tests.contract.xero_bench import TENANT
from tests.support.openapi import Exchange
from tests.support.openapi_contract import ODD_BOOKS, WEBHOOKS, Contract, unknown
from tests.support.world import World


def xero(path: str = "Invoices", query: str = "page=1", *, status: int = 200, **changed: Any) -> Exchange:
    """A sound call and answer of Xero's Accounting API, but for what is changed."""
    headers = {"accept": "application/json", "xero-tenant-id": TENANT, **changed.pop("headers", {})}
    record = {"Type": "ACCREC", "Date": "/Date(0)/", "Total": 1.5} | changed.pop("record", {})
    body = encode({"Invoices": [record], "pagination": {"page": 1}})
    sound = Exchange(
        "GET", f"/api.xro/2.0/{path}", parse_qsl(query), headers, b"", status, "application/json", body
    )
    return replace(sound, **changed)


def power_bi(
    path: str, content: Any, *, method: str = "POST", query: str = "", status: int = 200
) -> Exchange:
    """A call of Power BI's push datasets, and an empty answer."""
    headers = {"content-type": "application/json", "accept": "*/*"}
    return Exchange(
        method,
        f"/v1.0/myorg/groups/{GROUP}/datasets{path}",
        parse_qsl(query),
        headers,
        encode(content),
        status,
        "",
        b"",
    )


COLUMN = {"name": "A", "dataType": "Int64"}


def columns(*listed: dict[str, Any]) -> dict[str, Any]:
    return {"name": "T", "columns": list(listed)}


@pytest.mark.parametrize(
    ("call", "place", "rule"),
    [
        (xero(query="page=1&page_size=10"), "query page_size", "unknown"),
        (xero(query="Page=1"), "query Page", "unknown"),
        (xero(query="page=first"), "query page", "type"),
        (xero(query="page=1&page=2"), "query page", "repeated"),
        (xero(query="includeArchived=yes"), "query includeArchived", "type"),
        (xero(query="IDs=1,2"), "query IDs", "format"),
        (xero("BankTransfers", "page=1", answer=b"{}"), "query page", "unknown"),
        (xero("Invoice"), "path", "unknown"),
        (xero(method="PATCH"), "path", "unknown"),
        (xero("Invoices/1", "", answer=b"{}"), "path InvoiceID", "format"),
        (xero(headers={"xero-tenant": TENANT}), "header xero-tenant", "unknown"),
        (
            xero(headers={"if-modified-since": "Thu, 06 Feb 2020 12:17:43 GMT"}),
            "header If-Modified-Since",
            "format",
        ),
        (
            xero("TaxRates", "", headers={"if-modified-since": "2026-01-01T00:00:00"}, answer=b"{}"),
            "header if-modified-since",
            "unknown",
        ),
        (xero(headers={"accept": "*/*"}), "header Accept", "accept"),
        (xero(body=b"{}"), "body", "unknown"),
        (xero(record={"Type": "SALE"}), "Invoice.Type", "enum"),
        (xero(record={"Total": "a lot"}), "Invoice.Total", "type"),
        (xero(record={"Date": "2026-01-01"}), "Invoice.Date", "pattern"),
        (xero(record={"Totl": 1}), "Invoice.Totl", "unknown"),
        (xero(record={"InvoiceID": "1"}), "Invoice.InvoiceID", "format"),
        (xero(record={"LineItems": [{"Quantity": []}]}), "LineItem.Quantity", "type"),
        (xero(status=418), "status", "unknown"),
        (xero(answer=b"<html>"), "body", "syntax"),
        (xero(answer_type="text/html"), "content type", "content type"),
        (
            power_bi("", {"name": "N", "tables": [columns(COLUMN)]}, query="retention=None", status=201),
            "query retention",
            "unknown",
        ),
        (power_bi("", {"name": "N"}), "CreateDatasetRequest.tables", "required"),
        (power_bi("", {"name": "N", "tables": [columns()]}), "Table.columns", "minItems"),
        (power_bi("", {"name": "N", "tables": [columns(*[COLUMN] * 76)]}), "Table.columns", "maxItems"),
        (
            power_bi("", {"name": "N", "tables": [columns({"name": "A", "dataType": "Int32"})]}),
            "Column.dataType",
            "enum",
        ),
        (
            power_bi("", {"name": "N", "tables": [columns({"name": "A", "datatype": "Int64"})]}),
            "Column.datatype",
            "unknown",
        ),
        (power_bi("/1/tables/T/rows", {"rows": [{"A": [1]}]}), "PostRowsRequest.rows", "type"),
        (power_bi("/1/tables/T/rows", {"rows": [{"A": 1}] * 10_001}), "PostRowsRequest.rows", "maxItems"),
        (power_bi("/1/tables/T/rows", {"rows": []}), "PostRowsRequest.rows", "minItems"),
        (power_bi("/1/tables/T", columns(COLUMN) | {"colums": []}, method="PUT"), "Table.colums", "unknown"),
        (
            power_bi("/1/executeQueries", {"query": "EVALUATE"}),
            "DatasetExecuteQueriesRequest.queries",
            "required",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_is_wrong_is_found(files: Contract, call: Exchange, place: str, rule: str) -> None:
    """A misspelt parameter, a wrong type, an unknown value and their like are each found at their place."""
    assert (place, rule) in {(each.place, each.rule) for each in unknown(files.check(call))}


def test_what_is_right_is_not(files: Contract) -> None:
    """The calls of the test above have no other fault."""
    rows = power_bi("/1/tables/T/rows", {"rows": [{"A": 1, "B": None, "C": "c", "D": 1.5, "E": True}]})
    assert [found for call in (xero(), rows) for found in files.check(call)] == []


@pytest.mark.parametrize(
    ("changed", "place", "rule"),
    [
        ({"eventCategory": "BILL"}, "WebhookEvent.events.eventCategory", "enum"),
        ({"resourceId": None}, "WebhookEvent.events.resourceId", "type"),
        ({"resource": "x"}, "WebhookEvent.events.resource", "unknown"),
    ],
)
def test_a_wrong_delivery_is_found(files: Contract, changed: dict[str, Any], place: str, rule: str) -> None:
    """An event of an unknown category, or with a field that is wrong, is found at its place."""
    [(_, body)] = files.file(WEBHOOKS).webhook_examples()
    delivery = decode(body)
    event = delivery["events"][0] | {"eventCategory": "INVOICE"} | changed
    del event["data"]
    found = unknown(files.check_webhook("invoices", encode(delivery | {"events": [event]})))
    assert [(each.place, each.rule) for each in found] == [(place, rule)]


def test_the_ports_look_at_calls(files: Contract, connected: World) -> None:
    """A parameter that the app would misspell, and a value that the stand-in would invent, are found at the ports."""
    files.drain()
    connected.change("Invoices", 1, Type="SALE")
    [organisation] = connections.connected(connected.store)
    connected.connector.xero().get(organisation.tenant, Request("Invoices", {"page": "1", "page_size": "5"}))
    assert {each.place for each in unknown(files.drain())} == {"query page_size", "Invoice.Type"}


def test_the_ports_leave_faults_alone(files: Contract, connected: World) -> None:
    """An answer that a planted fault gave is not the stand-in's, and says nothing."""
    files.drain()
    connected.xero_fault("status", status=418, body="tea")
    [organisation] = connections.connected(connected.store)
    with pytest.raises(Refused):
        connected.connector.xero().get(organisation.tenant, Request("Invoices", {"page_size": "5"}))
    assert {each.place for each in unknown(files.drain())} == {"query page_size"}


@pytest.mark.parametrize("test", list(ODD_BOOKS))
def test_odd_books_are_named_rightly(test: str) -> None:
    """Each test whose books may be odd is there, so that no other becomes one by a name."""
    file, _, function = test.partition("::")
    assert f"def {function}" in (Path(__file__).parent / file).read_text("utf-8")
