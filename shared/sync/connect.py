"""Connect organisations: a user's consent at Xero becomes a token set in the vault and organisations that are read."""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace

from shared.errors import ConnectorError, ConsentLost, RunEnded, Unavailable
from shared.secrets import XERO_CLIENT_SECRET
from shared.state import checkpoints, connections
from shared.state.connections import Organisation
from shared.state.made import LANDED
from shared.sync.connector import Connector
from shared.sync.refresh import hold_token_set, save_tokens
from shared.xero.client import Request, Tenant
from shared.xero.identity import Connection, authorize_url, code_of_redirect
from shared.xero.paging import parse_page
from shared.xero.resources import RESOURCES, scopes


@dataclass(frozen=True)
class Consent:
    """A consent that was asked for: where the browser goes, and what its redirect must carry."""

    url: str
    state: str


def ask_for_consent(connector: Connector) -> Consent:
    """The address of Xero's consent page, with a state that nobody can guess."""
    settings = connector.settings
    state = secrets.token_urlsafe(32)
    url = authorize_url(
        settings.xero_login_url,
        settings.xero_client_id,
        settings.xero_redirect_uri,
        state,
        scopes(connector.resources.values()),
    )
    return Consent(url, state)


def finish_consent(
    connector: Connector,
    consent: Consent,
    redirected_to: str,
    *,
    dataset: str = connections.DEFAULT_DATASET,
) -> list[Organisation]:
    """Exchange the redirect's code, save the token set, connect the organisations; answers those connected.

    dataset: where organisations go that were not connected before; the others stay in theirs. A consent renewed goes on
    where the last one stopped: checkpoints stay. Raises ConsentLost when the redirect is not the answer to this consent,
    and as the calls do; what stops one organisation is raised when the others are connected.
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
    connected: list[Organisation] = []
    stopped: list[ConnectorError] = []
    for connection in found:
        try:
            organisation = _connect(connector, connection, token_set, dataset)
        except ConnectorError as error:
            audit.add("connect", "ask", organisation=connection.tenant_id, error=str(error))
            error.add_note(
                f"{connection.name} is not connected: start connect again, which changes nothing else."
            )
            stopped.append(error)
        else:
            audit.add("connect", "done", organisation=organisation.tenant_id, why=f"token set {token_set}")
            connected.append(organisation)
    audit.flush()
    if stopped:
        raise stopped[0]
    return connected


def _connect(connector: Connector, connection: Connection, token_set: str, dataset: str) -> Organisation:
    """One organisation, new or renewed; a renewed one costs no call."""
    known = connections.find(connector.store, connection.tenant_id)
    organisation = Organisation(
        tenant_id=connection.tenant_id,
        name=connection.name,
        connection_id=connection.connection_id,
        token_set=token_set,
        dataset=known.dataset if known else dataset,
        base_currency=(known.base_currency if known else "")
        or _base_currency(connector, Tenant(connection.tenant_id, token_set)),
    )
    if known is None:
        # What a run of before the last disconnect may have left behind.
        checkpoints.forget(connector.store, organisation.tenant_id, LANDED)
    connections.save(connector.store, organisation)
    _resume(connector, organisation)
    return organisation


def _base_currency(connector: Connector, tenant: Tenant) -> str:
    """Rows cannot be shaped without it, so it is asked for before anything is read. A person waits for it."""
    resource = RESOURCES["Organisation"]
    page = parse_page(connector.xero().get(tenant, Request(resource.name, {}), urgent=True), resource)
    currency = page.records[0].get("BaseCurrency") if page.records else None
    if not isinstance(currency, str):
        raise Unavailable(f"Xero does not tell the base currency of {tenant.tenant_id}.", seconds=60)
    return currency


def _resume(connector: Connector, organisation: Organisation) -> None:
    """What a lost consent put off is due again."""
    for name in RESOURCES:
        checkpoint = checkpoints.load(connector.store, organisation.tenant_id, name)
        if checkpoint.etag and checkpoint.resume_at > connector.clock.now():
            # A run that moved it on meanwhile reads already.
            with suppress(RunEnded):
                replace(checkpoint, resume_at=connector.clock.now(), trouble="", parked=False).save(
                    connector.store
                )
