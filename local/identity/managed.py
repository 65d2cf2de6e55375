"""The managed identity endpoint of App Service, version 2019-08-01, over plain http.

    GET /msi/token?api-version=2019-08-01&resource=https://vault.azure.net&client_id=<guid>
        with the header X-IDENTITY-HEADER

An app finds it by IDENTITY_ENDPOINT (`<url>/msi/token`) and IDENTITY_HEADER.
"""

import hmac
from collections.abc import Iterable

from flask import Flask, Response, jsonify, request

from local.identity.tokens import MANAGED_IDENTITY, RESOURCES, AccessToken, Principal, TokenIssuer
from local.simulation import Clock, Faults, Statistics, create_app

IDENTITY_HEADER = "local-identity-header"
API_VERSION = "2019-08-01"


def create(
    issuer: TokenIssuer,
    *,
    header: str = IDENTITY_HEADER,
    user_assigned: Iterable[Principal] = (MANAGED_IDENTITY,),
    system_assigned: Principal | None = None,
    readers: Clock | None = None,
    faults: Faults | None = None,
    statistics: Statistics | None = None,
) -> Flask:
    """The endpoint of an app that has the identities given.

    user_assigned: found by the query's `client_id` (or `object_id`, `principal_id`).
    system_assigned: who answers to a query that names nobody; None: such a query is refused, as in Azure.
    readers: the clock by which an app counts `expires_on`, where that is another than the issuer's.
    """
    app = create_app("managed identity", issuer.clock, faults or Faults(), statistics or Statistics())
    assigned = list(user_assigned)

    @app.get("/msi/token")
    def token() -> tuple[Response, int]:
        if not hmac.compare_digest(request.headers.get("X-IDENTITY-HEADER", "").encode(), header.encode()):
            return _refused(401, "the header X-IDENTITY-HEADER is absent or wrong")
        if request.args.get("api-version") != API_VERSION:
            return _refused(400, f"api-version must be {API_VERSION}")
        resource = request.args.get("resource", "").rstrip("/")
        if resource not in RESOURCES:
            return _refused(400, f"the resource {resource!r} was not found in the tenant")
        principal = _asked_for(assigned, system_assigned)
        if principal is None:
            return _refused(400, "no managed identity was found for the specified client id")
        issued = issuer.issue(resource, principal)
        return jsonify(
            access_token=issued.text,
            expires_on=str(_expires_on(issued, readers)),
            resource=resource,
            token_type="Bearer",
            client_id=principal.client_id,
        ), 200

    return app


def _expires_on(issued: AccessToken, readers: Clock | None) -> int:
    return int(readers.now().timestamp()) + issued.expires_in if readers else issued.expires_on


def _asked_for(assigned: list[Principal], system_assigned: Principal | None) -> Principal | None:
    client_id = request.args.get("client_id")
    object_id = request.args.get("object_id") or request.args.get("principal_id")
    if client_id is None and object_id is None:
        return system_assigned
    for principal in assigned:
        if client_id is not None and principal.client_id == client_id.lower():
            return principal
        if object_id is not None and principal.object_id == object_id.lower():
            return principal
    return None


def _refused(status: int, message: str) -> tuple[Response, int]:
    return jsonify(statusCode=status, message=message), status
