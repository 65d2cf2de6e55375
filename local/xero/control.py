"""The control interface of the Xero stand-in under `/_sim/`, beside what every stand-in has there."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from local.xero.documents import Documents
from local.xero.general_ledger import GeneralLedgers
from local.xero.lists import QueryError
from local.xero.reports import SCOPES as REPORTS
from local.xero.reports import Reports
from local.xero.resources import RESOURCES
from local.xero.store import Store
from local.xero.switches import Switches
from local.xero.webhooks import Webhooks
from local.xero.wire import decode, encode


def control_routes(
    store: Store,
    documents: Documents,
    webhooks: Webhooks,
    ledgers: GeneralLedgers,
    reports: Reports,
    switches: Switches,
) -> Blueprint:
    """Load and change books, pay, apply credits and void, read the ledger, deliver webhooks, set switches."""
    routes = Blueprint("control", __name__, url_prefix="/_sim")

    def post(path: str) -> Callable[[Callable[[Any], Any]], Callable[[], Response]]:
        """A route that takes JSON with exact numbers and answers it; 400 or 404 with the reason when it cannot."""

        def route(handle: Callable[[Any], Any]) -> Callable[[], Response]:
            @routes.post(path)
            @wraps(handle)
            def call() -> Response:
                try:
                    return _json(handle(decode(request.get_data() or b"{}")))
                except LookupError as error:
                    return _json({"error": f"not there: {error}"}, 404)
                except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
                    return _json({"error": str(error)}, 400)

            return call

        return route

    @post("/load")
    def load(body: Any) -> Any:
        resources, user = body.get("resources", {}), body.get("user", "user-1")
        store.load(body["tenant_id"].lower(), body["name"], resources, user)
        return {"loaded": {name: len(records) for name, records in resources.items()}}

    @routes.get("/records/<tenant_id>/<resource>")
    def records(tenant_id: str, resource: str) -> Response:
        if tenant_id.lower() not in store.books or resource not in RESOURCES:
            return _json({"error": "no such organisation or resource"}, 404)
        return _json({"records": list(store.records(tenant_id.lower(), resource))})

    @routes.get("/reports/<tenant_id>/<name>")
    def report(tenant_id: str, name: str) -> Response:
        """A report as it would be served now, without a token and uncounted."""
        books = store.books.get(tenant_id.lower())
        if books is None or name not in REPORTS:
            return _json({"error": "no such organisation or report"}, 404)
        try:
            return _json(reports.report(books, name, request.args))
        except QueryError as error:
            return _json({"error": str(error)}, 400)

    @routes.get("/ledger/<tenant_id>")
    def ledger(tenant_id: str) -> Response:
        """What each account holds at the end of `date`, in four places, as the trial balance has it before rounding."""
        books = store.books.get(tenant_id.lower())
        if books is None:
            return _json({"error": "no such organisation"}, 404)
        try:
            on = date.fromisoformat(request.args.get("date", ""))
        except ValueError as error:
            return _json({"error": str(error)}, 400)
        kept = ledgers.of(books)
        held = kept.balances(on)
        accounts = ((kept.chart[account_id], amount) for account_id, amount in held.items())
        balances = [
            {
                "AccountID": account.id,
                "Code": account.code,
                "Name": account.name,
                "Class": account.class_,
                "SystemAccount": account.system,
                "Balance": amount,
            }
            for account, amount in accounts
        ]
        return _json({"date": on.isoformat(), "balances": balances})

    @post("/change")
    def change(body: Any) -> Any:
        fields, gone, touch = body.get("set", {}), body.get("remove", []), body.get("touch", True)
        return documents.change(body["tenant_id"].lower(), body["resource"], body["id"], fields, gone, touch)

    @post("/add")
    def add(body: Any) -> Any:
        return documents.add(body["tenant_id"].lower(), body["resource"], body["record"])

    @post("/vanish")
    def vanish(body: Any) -> Any:
        store.remove(body["tenant_id"].lower(), body["resource"], body["id"])
        return {}

    @post("/pay")
    def pay(body: Any) -> Any:
        payment, invoice = documents.pay(
            body["tenant_id"].lower(),
            body["invoice_id"],
            Decimal(body["amount"]),
            body.get("account_id"),
            _iso_day(body),
        )
        return {"payment": payment, "invoice": invoice}

    @post("/unpay")
    def unpay(body: Any) -> Any:
        payment, invoice = documents.unpay(body["tenant_id"].lower(), body["payment_id"])
        return {"payment": payment, "invoice": invoice}

    @post("/allocate")
    def allocate(body: Any) -> Any:
        credit, invoice = documents.allocate(
            body["tenant_id"].lower(),
            body["resource"],
            body["id"],
            body["invoice_id"],
            Decimal(body["amount"]),
            _iso_day(body),
        )
        return {"credit": credit, "invoice": invoice}

    @post("/void")
    def void(body: Any) -> Any:
        return documents.void(body["tenant_id"].lower(), body["resource"], body["id"])

    @routes.get("/webhooks")
    def pending() -> Response:
        subscription = asdict(webhooks.subscription) if webhooks.subscription else None
        return _json({"pending": [event.body for event in webhooks.pending()], "subscription": subscription})

    @post("/webhooks/subscription")
    def subscribe(body: Any) -> Any:
        categories = tuple(body.get("categories", ("INVOICE", "CONTACT")))
        webhooks.subscribe(body["url"], body["key"], categories, body.get("ca_file"))
        return {}

    @post("/webhooks/event")
    def event(body: Any) -> Any:
        """An event of any category, known or not, pointing anywhere."""
        webhooks.collect(
            body["tenant_id"],
            body["category"],
            body.get("url", f"https://api.xero.com/api.xro/2.0/{body['category']}/{body['id']}"),
            body["id"],
            body.get("type", "UPDATE"),
            body.get("data"),
        )
        return {}

    @post("/webhooks/deliver")
    def deliver(body: Any) -> Any:
        deliveries = webhooks.deliver(**body)
        disabled = webhooks.subscription is not None and webhooks.subscription.disabled
        return {"deliveries": deliveries, "disabled": disabled}

    @post("/webhooks/intent")
    def intent(body: Any) -> Any:
        passed, deliveries = webhooks.intent_to_receive()
        return {"passed": passed, "deliveries": deliveries}

    @routes.get("/switches")
    def read_switches() -> Response:
        return _json(switches.as_dict())

    @post("/switches")
    def set_switches(body: Any) -> Any:
        switches.update(
            {name: float(value) if isinstance(value, Decimal) else value for name, value in body.items()}
        )
        return switches.as_dict()

    return routes


def _iso_day(body: Any) -> str | None:
    """The body's date, if it has one. ValueError when it is none."""
    day: str | None = body.get("date")
    if day is not None:
        date.fromisoformat(day)
    return day


def _json(value: Any, status: int = 200) -> Response:
    return Response(encode(value), status, mimetype="application/json")
