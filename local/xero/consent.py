"""login.xero.com and identity.xero.com over HTTP: the consent page, the token endpoint, revocation."""

import base64
import binascii
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, render_template_string, request
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as Answer

from local.xero.identity import Client, Identity, TokenError
from local.xero.store import Store
from local.xero.switches import Switches
from local.xero.wire import encode

_FIELDS = (
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "response_type",
    "code_challenge",
    "code_challenge_method",
)

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Xero (stand-in): allow access</title>
<style>
 :root { color-scheme: light dark }
 body { font: 16px/1.5 system-ui, sans-serif; margin: 0; background: light-dark(#e9f2f7, #10161b);
   color: light-dark(#1d2733, #e6eaf0) }
 header { padding: .9rem 1.5rem; background: #0b5f8a; color: #fff }
 main { max-width: 36rem; margin: 2rem auto; padding: 0 1rem }
 h1 { font-size: 1.5rem; line-height: 1.25 }
 form, .problem { background: light-dark(#fff, #1a2129); border-radius: 10px; padding: 1.2rem 1.6rem; margin: 1rem 0;
   box-shadow: 0 1px 2px #0002, 0 6px 20px #0001 }
 button { font: inherit; padding: .5rem 1.3rem; margin: 1rem .5rem 0 0; border-radius: 6px; cursor: pointer;
   border: 1px solid #0b5f8a; background: transparent; color: inherit }
 button[value=allow] { background: #0b5f8a; color: #fff }
 label { display: block; padding: .25rem 0 }
 ul { columns: 2; padding-left: 1.2rem; font-size: .88rem }
 li { overflow-wrap: anywhere; break-inside: avoid }
</style></head>
<body><header>Xero <small>(stand-in on this machine)</small></header><main>
{% if problem %}
<div class="problem"><h1>Xero cannot go on</h1>
<p>{{ problem }}</p></div>
{% else %}
<h1>{{ fields.client_id }} wants access to your books</h1>
<p>It asks for:</p>
<ul>{% for scope in fields.scope.split() %}<li>{{ scope }}</li>{% endfor %}</ul>
{% for user, organisations in users %}
<form method="post" action="{{ action }}">
{% for name, value in fields.items() %}<input type="hidden" name="{{ name }}" value="{{ value }}">
{% endfor %}<input type="hidden" name="user" value="{{ user }}">
<p>Signed in as <b>{{ user }}</b>. Organisations to connect:</p>
{% for books in organisations %}
<label><input type="checkbox" name="tenant_id" value="{{ books.tenant_id }}" checked> {{ books.name }}</label>
{% endfor %}
<button type="submit" name="decision" value="allow">Allow access</button>
<button type="submit" name="decision" value="cancel">Cancel</button>
</form>
{% else %}
<p>There is no organisation yet: nobody has put books into this stand-in.</p>
{% endfor %}
{% endif %}
</main></body>
</html>
"""


def consent_routes(identity: Identity, store: Store, switches: Switches) -> Blueprint:
    """`/identity/connect/authorize`, `/connect/token`, `/connect/revocation`."""
    routes = Blueprint("consent", __name__)

    def page(status: int = 200, problem: str = "", fields: dict[str, str] | None = None) -> Answer:
        users = [(user, store.of_user(user)) for user in store.users()]
        text = render_template_string(
            _PAGE,
            problem=problem,
            fields=fields or {},
            users=users,
            action=request.script_root + request.path,
        )
        return Response(text, status, mimetype="text/html")

    def asked(values: MultiDict[str, str]) -> tuple[Client, dict[str, str]]:
        """The app and the fields of a sound request; ValueError with what is wrong with it."""
        fields = {name: values[name] for name in _FIELDS if name in values}
        client = identity.clients.get(fields.get("client_id", ""))
        if client is None or client.custom:
            raise ValueError("unauthorized_client: unknown client or client not enabled")
        redirect_uri = fields.get("redirect_uri", "")
        if client.redirect_uris and redirect_uri not in client.redirect_uris:
            raise ValueError("unauthorized_client: invalid redirect_uri")
        address = urlsplit(redirect_uri)
        loopback = ("localhost", "127.0.0.1") if switches.redirect_to_loopback_address else ("localhost",)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in loopback):
            raise ValueError("unauthorized_client: redirect_uri is neither https nor http://localhost")
        if fields.get("response_type") != "code":
            raise ValueError("unsupported_response_type: only code")
        if fields.get("code_challenge") and fields.get("code_challenge_method") != "S256":
            raise ValueError("invalid_request: code_challenge_method is S256")
        if not fields.get("scope") or not client.may_ask(fields["scope"].split()):
            raise ValueError("unauthorized_client: Invalid scope for client")
        return client, fields

    @routes.get("/identity/connect/authorize")
    def authorize() -> Answer:
        try:
            _, fields = asked(request.args)
        except ValueError as error:
            return page(400, str(error))
        return page(fields=fields)

    @routes.post("/identity/connect/authorize")
    def decide() -> Answer:
        try:
            client, fields = asked(request.form)
        except ValueError as error:
            return page(400, str(error))
        state = {"state": fields["state"]} if "state" in fields else {}
        joint = "&" if urlsplit(fields["redirect_uri"]).query else "?"
        if request.form.get("decision") == "cancel":
            return redirect(
                f"{fields['redirect_uri']}{joint}{urlencode({'error': 'access_denied', **state})}"
            )
        user = request.form.get("user", "")
        own = {books.tenant_id for books in store.of_user(user)}
        chosen = request.form.getlist("tenant_id")
        if not chosen or not own.issuperset(chosen):
            return page(400, "Choose at least one organisation, and only your own.")
        if limit := identity.is_full(client, chosen):
            return page(400, f"This would be more than Xero's {limit} limit allows.")
        scopes = fields["scope"].split()
        code = identity.consent(
            client, user, chosen, scopes, fields["redirect_uri"], fields.get("code_challenge", "")
        )
        values = {"code": code, "scope": fields["scope"], **state}
        return redirect(f"{fields['redirect_uri']}{joint}{urlencode(values)}")

    def client_of_call() -> Client:
        """By Basic or by the body."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return identity.authenticate(
                request.form.get("client_id", ""), request.form.get("client_secret", "")
            )
        try:
            client_id, _, client_secret = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise TokenError("invalid_client") from None
        return identity.authenticate(client_id, client_secret)

    @routes.post("/connect/token")
    def token() -> Answer:
        form = request.form
        try:
            client = client_of_call()
            match form.get("grant_type"):
                case "authorization_code":
                    answer = identity.exchange(
                        client,
                        form.get("code", ""),
                        form.get("redirect_uri", ""),
                        form.get("code_verifier", ""),
                    )
                case "refresh_token":
                    answer = identity.refresh(client, form.get("refresh_token", ""))
                case "client_credentials":
                    answer = identity.client_credentials(client, form.get("scope", "").split())
                case _:
                    raise TokenError("unsupported_grant_type")
        except TokenError as error:
            return _refused(error)
        return Response(encode(answer), mimetype="application/json", headers={"Cache-Control": "no-store"})

    @routes.post("/connect/revocation")
    def revocation() -> Answer:
        try:
            identity.revoke(client_of_call(), request.form.get("token", ""))
        except TokenError as error:
            return _refused(error)
        return Response(status=200)

    return routes


def _refused(error: TokenError) -> Answer:
    body = {"error": error.error}
    if error.description:
        body["error_description"] = error.description
    return Response(encode(body), 400, mimetype="application/json")
