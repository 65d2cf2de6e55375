"""Connect organisations: a user's consent at Xero becomes a token set in the vault and organisations that are read."""

import secrets
from dataclasses import dataclass, replace

from shared.errors import ConsentLost, Unavailable
from shared.secrets import XERO_CLIENT_SECRET
from shared.state import checkpoints, connections
from shared.state.connections import Organisation
from shared.sync.connector import Connector
from shared.sync.refresh import hold_token_set, save_tokens
from shared.xero.client import Request, Tenant
from shared.xero.identity import authorize_url, code_of_redirect
from shared.xero.paging import parse_page
from shared.xero.resources import RESOURCES


@dataclass(frozen=True)
class Consent:
    """A consent that was asked for: where the browser goes, and what its redirect must carry."""

    url: str
    state: str


def ask_for_consent(connector: Connector) -> Consent:
    """The address of Xero's consent page, with a state that nobody can guess."""
    settings = connector.settings
    state = secrets.token_urlsafe(32)
    return Consent(
        authorize_url(settings.xero_login_url, settings.xero_client_id, settings.xero_redirect_uri, state),
        state,
    )


def finish_consent(connector: Connector, consent: Consent, redirected_to: str) -> list[Organisation]:
    """Exchange the redirect's code, save the token set, connect the organisations; answers those connected.

    A consent renewed goes on where the last one stopped: checkpoints stay. Raises ConsentLost when the redirect is not
    the answer to this consent, and as the calls do.
    """
    code = code_of_redirect(redirected_to, consent.state)
    audit = connector.audit()
    identity = connector.xero_identity()
    client_secret = connector.secrets().require(XERO_CLIENT_SECRET)
    asked_at = connector.clock.now()
    tokens = identity.exchange_code(code, connector.settings.xero_redirect_uri, client_secret)
    token_set = tokens.user or "default"
    # The code is spent: wait for a refresh that is under way rather than ask the user again.
    lease = hold_token_set(connector, token_set, patience=60)
    try:
        current = connector.secrets().find_token_set(token_set)
        save_tokens(
            connector, lease, token_set, tokens, asked_at, expected=current.generation if current else 0
        )
    finally:
        connector.store.release_lease(lease)
    found = [each for each in identity.connections(tokens.access_token) if each.tenant_type == "ORGANISATION"]
    if not found:
        raise ConsentLost("The user connected no organisation: start connect again and choose one.")
    connected = []
    for connection in found:
        known = connections.find(connector.store, connection.tenant_id)
        organisation = Organisation(
            tenant_id=connection.tenant_id,
            name=connection.name,
            connection_id=connection.connection_id,
            token_set=token_set,
            dataset=known.dataset if known else connections.DEFAULT_DATASET,
            base_currency=_base_currency(connector, Tenant(connection.tenant_id, token_set)),
        )
        connections.save(connector.store, organisation)
        _resume(connector, organisation)
        audit.add("connect", "done", organisation=organisation.tenant_id, why=f"token set {token_set}")
        connected.append(organisation)
    audit.flush()
    return connected


def _base_currency(connector: Connector, tenant: Tenant) -> str:
    """Rows cannot be shaped without it, so it is asked for before anything is read."""
    resource = RESOURCES["Organisation"]
    page = parse_page(connector.xero().get(tenant, Request(resource.name, {})), resource)
    currency = page.records[0].get("BaseCurrency") if page.records else None
    if not isinstance(currency, str):
        raise Unavailable(f"Xero does not tell the base currency of {tenant.tenant_id}.", seconds=60)
    return currency


def _resume(connector: Connector, organisation: Organisation) -> None:
    """What a lost consent put off is due again."""
    for name in RESOURCES:
        checkpoint = checkpoints.load(connector.store, organisation.tenant_id, name)
        if checkpoint.etag and checkpoint.resume_at > connector.clock.now():
            replace(checkpoint, resume_at=connector.clock.now(), trouble="").save(connector.store)
