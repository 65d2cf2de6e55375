"""api.xero.com over HTTP: /connections and the Accounting API."""

import time
from datetime import datetime
from uuid import uuid4

from flask import Blueprint, Response, request

from local.simulation import Clock
from local.xero.identity import Connection, Grant, Identity
from local.xero.limits import Limits
from local.xero.lists import Listing, QueryError, list_rows
from local.xero.looks import look
from local.xero.reports import SCOPES as REPORTS
from local.xero.reports import Reports
from local.xero.resources import RESOURCES
from local.xero.store import Books, Store
from local.xero.switches import Switches
from local.xero.wire import encode, envelope, milliseconds, render

_JSON = "application/json; charset=utf-8"
_NOT_FOUND = "The resource you're looking for cannot be found"
_TOO_LONG = "<html><head><title>404 - File or directory not found.</title></head><body>404</body></html>"
_XML = """<?xml version="1.0" encoding="utf-8"?>
<ApiException>
  <ErrorNumber>0</ErrorNumber>
  <Type>NotAcceptable</Type>
  <Message>Xero answers in XML unless the request says Accept: application/json, and this stand-in only so.</Message>
</ApiException>
"""


def accounting_routes(
    clock: Clock,
    store: Store,
    identity: Identity,
    limits: Limits,
    reports: Reports,
    switches: Switches,
) -> Blueprint:
    """`/connections` and `/api.xro/2.0/...`, for reading only."""
    routes = Blueprint("accounting", __name__)

    def authorised() -> Grant | Response:
        """The grant of the bearer token, or the 401 in Title case."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        token = identity.access(text.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            return _unauthorized("AuthenticationUnsuccessful")
        if clock.now() >= token.expires:
            return _unauthorized(f"TokenExpired: token expired at {token.expires:%m/%d/%Y %H:%M:%S}")
        return token.grant

    @routes.get("/connections")
    @routes.get("/Connections", endpoint="connections_as_in_the_openapi_file")
    def connections() -> Response:
        grant = authorised()
        if isinstance(grant, Response):
            return grant
        event = request.args.get("authEventId")
        listed = [
            _connection(connection)
            for connection in identity.connections_of(grant)
            if not event or connection.auth_event_id == event.lower()
        ]
        return Response(encode(listed), mimetype="application/json")

    def _connection(connection: Connection) -> dict[str, str]:
        names = {"authEventId": connection.auth_event_id}
        if (books := store.books.get(connection.tenant_id)) is not None:
            names["tenantName"] = books.name
        return {
            "id": connection.id,
            "tenantId": connection.tenant_id,
            "tenantType": "ORGANISATION",
            **(names if switches.connection_names else {}),
            "createdDateUtc": _seven_decimals(connection.created),
            "updatedDateUtc": _seven_decimals(connection.updated),
        }

    @routes.delete("/connections/<connection_id>")
    def disconnect(connection_id: str) -> Response:
        grant = authorised()
        if isinstance(grant, Response):
            return grant
        return Response(status=204 if identity.disconnect(grant, connection_id.lower()) else 404)

    @routes.get("/api.xro/2.0/<name>")
    @routes.get("/api.xro/2.0/<name>/<key>")
    def read(name: str, key: str | None = None) -> Response:
        # The web server in front refuses a long query string before anybody looks at it.
        if len(request.query_string) > switches.url_limit:
            return Response(_TOO_LONG, 404, mimetype="text/html")
        grant = authorised()
        if isinstance(grant, Response):
            return grant
        client = identity.clients[grant.client_id]
        tenant_id = request.headers.get("xero-tenant-id", client.tenant_id or "").lower()
        books = store.books.get(tenant_id)
        if books is None or not identity.is_connected(grant, tenant_id):
            return _forbidden()
        with limits.call(grant.client_id, tenant_id) as refusal:
            if refusal is not None:
                response = Response(
                    "<html><body>429 Too Many Requests</body></html>", 429, mimetype="text/html"
                )
                response.headers["X-Rate-Limit-Problem"] = refusal.problem
                if refusal.retry_after is not None:
                    response.headers["Retry-After"] = str(refusal.retry_after)
            else:
                if switches.call_seconds:
                    time.sleep(switches.call_seconds)
                response = answer(grant, books, name, key)
            response.headers.update(limits.headers(grant.client_id, tenant_id))
        return response

    def answer(grant: Grant, books: Books, name: str, key: str | None) -> Response:
        if name == "Reports":
            return answer_report(grant, books, key or "")
        resource = RESOURCES.get(name)
        if resource is None:
            return _not_found()
        accepted = {f"{scope}{ending}" for scope in resource.scopes for ending in ("", ".read")}
        if accepted.isdisjoint(grant.scopes):
            return lacks_scope()
        if name == "Journals" and not switches.journals_premium:
            body = {
                "Detail": "AuthorizationUnsuccessful",
                "Title": "Unauthorized",
                "Status": 401,
                "Type": None,
                "Extensions": {},
            }
            return Response(encode(body), 401, content_type=_JSON)
        if "application/json" not in request.headers.get("Accept", "").lower():
            return Response(_XML, 406, content_type="text/xml; charset=utf-8")
        with store.lock:
            table = books.table(resource)
            if key is None:
                try:
                    since = request.headers.get("If-Modified-Since")
                    listing = list_rows(resource, table, request.args, since, switches)
                except QueryError as error:
                    return _bad_request(str(error), switches.query_error)
            elif resource.by_key and (row := table.get(key.lower())) is not None:
                listing = Listing([look(resource, row, request.args, switches)])
            else:
                return _not_found()
            return enveloped(resource.plural or resource.name, listing)

    def answer_report(grant: Grant, books: Books, name: str) -> Response:
        if name not in REPORTS:
            return _not_found()
        if f"accounting.reports.{REPORTS[name]}.read" not in grant.scopes:
            return lacks_scope()
        if "application/json" not in request.headers.get("Accept", "").lower():
            return Response(_XML, 406, content_type="text/xml; charset=utf-8")
        try:
            report = reports.report(books, name, request.args)
        except QueryError as error:
            return _bad_request(str(error), switches.query_error)
        return enveloped("Reports", Listing([render(report)]))

    def lacks_scope() -> Response:
        response = _unauthorized("AuthorizationUnsuccessful")
        response.headers["WWW-Authenticate"] = f'Bearer error="{switches.scope_error}"'
        return response

    def enveloped(plural: str, listing: Listing) -> Response:
        identifier = str(uuid4())
        head = {
            "Id": identifier,
            "Status": "OK",
            "ProviderName": "Local stand-in",
            "DateTimeUTC": f"/Date({milliseconds(clock.now())})/",
        }
        if listing.pagination is not None:
            head["pagination"] = listing.pagination  # type: ignore[assignment]
        body = envelope(head, plural, listing.rows)
        return Response(body, content_type=_JSON, headers={"Xero-Correlation-Id": identifier})

    @routes.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Xero-Correlation-Id", str(uuid4()))
        response.headers["Cache-Control"] = "max-age=0, no-cache, no-store"
        return response

    return routes


def _seven_decimals(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%f}0"


def _unauthorized(detail: str) -> Response:
    body = {"Title": "Unauthorized", "Status": 401, "Detail": detail, "Instance": str(uuid4())}
    return Response(encode(body), 401, content_type=_JSON)


def _forbidden() -> Response:
    detail = "AuthenticationUnsuccessful"
    body = {"title": "Forbidden", "status": 403, "detail": detail, "instance": str(uuid4())}
    return Response(encode(body), 403, content_type=_JSON)


def _not_found() -> Response:
    return Response(_NOT_FOUND, 404, content_type="text/html; charset=utf-8")


def _bad_request(message: str, kind: str) -> Response:
    if kind == "QueryParseException":
        return Response(
            encode({"ErrorNumber": 16, "Type": kind, "Message": message}), 400, content_type=_JSON
        )
    body = {
        "ErrorNumber": 10,
        "Type": kind,
        "Message": "A validation exception occurred",
        "Elements": [{"ValidationErrors": [{"Message": message}]}],
    }
    return Response(encode(body), 400, content_type=_JSON)
