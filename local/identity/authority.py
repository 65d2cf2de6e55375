"""The Entra authority: OpenID configuration and tokens for applications that know a secret or have a certificate.

    GET  /<tenant>/v2.0/.well-known/openid-configuration
    POST /<tenant>/oauth2/v2.0/token        grant_type=client_credentials, client_secret or client_assertion

Errors have Entra's form: `error` by OAuth, and a description that begins with the AADSTS number.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime

from flask import Flask, Response, jsonify, request

from local.identity.registration import ASSERTION_TYPE, OAuthError, Registration
from local.identity.tokens import APPLICATION, APPLICATION_SECRET, RESOURCES, Principal, TokenIssuer
from local.simulation import Clock, Faults, Statistics, create_app


def create(
    issuer: TokenIssuer,
    applications: Mapping[Principal, Registration] | None = None,
    *,
    faults: Faults | None = None,
    statistics: Statistics | None = None,
) -> Flask:
    """The authority of `issuer.tenant`, to be served over https.

    applications: the registrations of the tenant; None: one, with a secret.
    """
    app = create_app("authority", issuer.clock, faults or Faults(), statistics or Statistics())
    registered = {APPLICATION: Registration(APPLICATION_SECRET)} if applications is None else applications

    @app.before_request
    def read_body() -> None:
        request.get_data()  # A client that is still sending would be reset by an early refusal.

    @app.errorhandler(OAuthError)
    def refuse(error: OAuthError) -> tuple[Response, int]:
        return jsonify(_described(error, issuer.clock)), error.status

    @app.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def configuration(tenant: str) -> Response:
        _known_tenant(tenant, issuer.tenant)
        base = f"{request.host_url}{issuer.tenant}"
        return jsonify(
            issuer=f"{base}/v2.0",
            authorization_endpoint=f"{base}/oauth2/v2.0/authorize",
            token_endpoint=f"{base}/oauth2/v2.0/token",
            device_authorization_endpoint=f"{base}/oauth2/v2.0/devicecode",
            jwks_uri=f"{base}/discovery/v2.0/keys",
            token_endpoint_auth_methods_supported=[
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            response_types_supported=["token"],
            subject_types_supported=["pairwise"],
            id_token_signing_alg_values_supported=["RS256"],
            scopes_supported=["openid"],
        )

    @app.get("/<tenant>/discovery/v2.0/keys")
    def keys(tenant: str) -> Response:
        # Tokens here are signed with a shared key, so there is no public key to show.
        _known_tenant(tenant, issuer.tenant)
        return jsonify(keys=[])

    @app.post("/<tenant>/oauth2/v2.0/token")
    def token(tenant: str) -> Response:
        _known_tenant(tenant, issuer.tenant)
        if _parameter("grant_type") != "client_credentials":
            raise OAuthError(
                400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type."
            )
        audience = f"{request.host_url}{issuer.tenant}/oauth2/v2.0/token"
        principal = _authenticated(registered, audience, issuer.clock.now())
        issued = issuer.issue(_resource(_parameter("scope")), principal)
        answer = jsonify(
            token_type="Bearer",
            expires_in=issued.expires_in,
            ext_expires_in=issued.expires_in,
            access_token=issued.text,
        )
        answer.headers["Cache-Control"] = "no-store, no-cache"
        return answer

    return app


def _known_tenant(asked: str, tenant: str) -> None:
    if asked.lower() != tenant:
        raise OAuthError(400, "invalid_request", 90002, f"Tenant '{asked}' not found.")


def _parameter(name: str) -> str:
    value = request.form.get(name, "")
    if not value:
        text = f"The request body must contain the following parameter: '{name}'."
        raise OAuthError(400, "invalid_request", 900144, text)
    return value


def _authenticated(registered: Mapping[Principal, Registration], audience: str, now: datetime) -> Principal:
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        client_id, secret = basic.username or "", basic.password or ""
    else:
        client_id, secret = _parameter("client_id"), request.form.get("client_secret", "")
    principal = next((each for each in registered if each.client_id == client_id), None)
    if principal is None:
        text = f"Application with identifier '{client_id}' was not found in the directory."
        raise OAuthError(400, "unauthorized_client", 700016, text)
    assertion = request.form.get("client_assertion", "")
    if assertion and not secret and request.form.get("client_assertion_type") == ASSERTION_TYPE:
        registered[principal].check_assertion(assertion, client_id, audience, now)
        return principal
    if not secret:
        text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        raise OAuthError(401, "invalid_client", 7000216, text)
    registered[principal].check_secret(secret, client_id, now)
    return principal


def _resource(scope: str) -> str:
    if not scope.endswith("/.default") or " " in scope:
        text = f"The provided value for scope {scope} is not valid. It must be a resource with /.default suffixed."
        raise OAuthError(400, "invalid_scope", 1002012, text)
    resource = scope.removesuffix("/.default").rstrip("/")
    if resource not in RESOURCES:
        text = f"The resource principal named {resource} was not found in the tenant."
        raise OAuthError(400, "invalid_resource", 500011, text)
    return resource


def _described(error: OAuthError, clock: Clock) -> dict[str, object]:
    stamp = clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    return {
        "error": error.error,
        "error_description": f"AADSTS{error.number}: {error.text} "
        f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {stamp}",
        "error_codes": [error.number],
        "timestamp": stamp,
        "trace_id": trace,
        "correlation_id": correlation,
    }
