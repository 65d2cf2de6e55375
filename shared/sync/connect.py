"""Connect organisations: a user's consent at Xero becomes a token set in the vault and organisations that are read.

First the tokens are saved and the organisations that are known are renewed; then a person may take his time to choose among
those that are new. What he does not choose is remembered, so that its webhooks are known for what they are.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.errors import ConnectorError, ConsentLost, RunEnded, Unavailable
from shared.secrets import XERO_CLIENT_SECRET
from shared.state import checkpoints, connections
from shared.state.connections import NotChosen, Organisation
from shared.state.made import LANDED
from shared.sync.connector import Connector
from shared.sync.refresh import hold_token_set, living_tokens, save_tokens
from shared.xero.client import CUSTOM, Request, Tenant
from shared.xero.identity import Connection, Tokens, authorize_url, code_of_redirect
from shared.xero.paging import parse_page
from shared.xero.resources import RESOURCES, reading_scopes, scopes

# Xero's stamps of one consent lie within seconds of each other.
OF_ONE_CONSENT = timedelta(minutes=2)


@dataclass(frozen=True)
class Consent:
    """A consent that was asked for: where the browser goes, and what its redirect must carry."""

    url: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a token set that has just been saved opens.

    renewed: those that were connected before. new: the others, `left_out` last time or never seen. elsewhere: the tenant ids
    of those that Xero connected to this app before this consent, and not for this deployment. lost: those of this token set
    that Xero lists no more. missing: scopes that were asked for and not granted. stopped: what kept a known one from being
    renewed.
    """

    token_set: str
    renewed: tuple[Organisation, ...]
    new: tuple[Connection, ...]
    left_out: frozenset[str] = frozenset()
    elsewhere: frozenset[str] = frozenset()
    lost: tuple[Organisation, ...] = ()
    missing: tuple[str, ...] = ()
    stopped: tuple[ConnectorError, ...] = ()


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
    """Take a consent and connect all that it opens; answers those connected.

    dataset: where organisations go that were not connected before. Raises as `take_consent` and `connect_chosen` do.
    """
    granted = take_consent(connector, consent, redirected_to)
    return connect_chosen(connector, granted, dict.fromkeys(_ids(granted.new), dataset))


def take_consent(connector: Connector, consent: Consent, redirected_to: str) -> Granted:
    """Exchange the redirect's code, save the token set, renew the organisations that are known.

    A consent renewed goes on where the last one stopped: datasets and checkpoints stay. Raises ConsentLost when the redirect
    is not the answer to this consent, and as the calls do.
    """
    code = code_of_redirect(redirected_to, consent.state)
    identity = connector.xero_identity()
    client_secret = connector.secrets().require(XERO_CLIENT_SECRET)
    asked_at = connector.clock.now()
    tokens = identity.exchange_code(code, connector.settings.xero_redirect_uri, client_secret)
    token_set = tokens.user or "default"
    found = _save(connector, token_set, tokens, asked_at)
    if not found:
        raise ConsentLost("The user connected no organisation: start connect again and choose one.")
    return _granted(connector, token_set, found, missing_scopes(tokens, scopes(connector.resources.values())))


def take_custom_connection(connector: Connector) -> Granted:
    """As `take_consent`, for an app that is a custom connection: no user is asked, since one allowed it at Xero before."""
    asked = reading_scopes(connector.resources.values())
    client_secret = connector.secrets().require(XERO_CLIENT_SECRET)
    asked_at = connector.clock.now()
    tokens = connector.xero_identity().client_credentials(asked, client_secret)
    found = _save(connector, CUSTOM, tokens, asked_at)
    if len(found) != 1:
        raise ConsentLost(
            f"Xero lists {len(found)} organisations for this custom connection, which has one when it is authorised: at "
            "developer.xero.com > My Apps > the app have the connection authorised, then start connect again."
        )
    return _granted(connector, CUSTOM, found, missing_scopes(tokens, asked))


def connect_chosen(connector: Connector, granted: Granted, datasets: Mapping[str, str]) -> list[Organisation]:
    """Connect those new organisations that have a dataset here, by tenant id; answers the renewed ones with them.

    The others are remembered as not chosen. What stops one organisation is raised when the others are connected.
    """
    chosen = [(each, datasets[each.tenant_id]) for each in granted.new if each.tenant_id in datasets]
    connected, stopped = _connect_each(connector, granted.token_set, chosen)
    for error in (*granted.stopped, *stopped):
        raise error
    return [*granted.renewed, *connected]


def disconnect_not_chosen(connector: Connector, tenant_ids: Collection[str]) -> list[NotChosen]:
    """Have Xero end the connections of organisations that nobody chose, and forget them; answers which. Nothing was read of
    them. Raises ConsentLost, Unavailable.
    """
    audit = connector.audit()
    ended = []
    try:
        for each in connections.not_chosen(connector.store):
            if each.tenant_id in tenant_ids:
                tokens = living_tokens(connector, each.token_set)
                connector.xero_identity().disconnect(tokens.access_token, each.connection_id)
                connections.forget_not_chosen(connector.store, each.tenant_id)
                audit.add("disconnect", "done", organisation=each.tenant_id, why="not chosen")
                ended.append(each)
    finally:
        audit.flush()
    return ended


def missing_scopes(tokens: Tokens, asked: str) -> tuple[str, ...]:
    """What was asked for and is not among what Xero says it granted, if it says so."""
    granted = set(tokens.scope.split())
    return tuple(each for each in asked.split() if granted and each not in granted)


def _save(connector: Connector, token_set: str, tokens: Tokens, asked_at: datetime) -> list[Connection]:
    """Save tokens as the set's next generation; answers the organisations that they open."""
    # A code is spent: wait for a refresh that is under way rather than ask the user again.
    lease = hold_token_set(connector, token_set, patience=60)
    try:
        current = connector.secrets().find_token_set(token_set)
        save_tokens(
            connector, lease, token_set, tokens, asked_at, expected=current.generation if current else 0
        )
    finally:
        connector.store.release_lease(lease)
    found = connector.xero_identity().connections(tokens.access_token)
    return [each for each in found if each.tenant_type == "ORGANISATION"]


def _granted(
    connector: Connector, token_set: str, found: Sequence[Connection], missing: tuple[str, ...]
) -> Granted:
    """Renew what is known, remember what is new as not chosen yet, mark what is lost."""
    store = connector.store
    known = {each.tenant_id: each for each in connections.connected(store)}
    left_out = {each.tenant_id for each in connections.not_chosen(store)}
    new = [each for each in found if each.tenant_id not in known]
    seen = left_out | connections.was_connected(store)
    elsewhere = () if token_set == CUSTOM else _connected_before(found)
    for each in new:
        connections.leave_out(
            store,
            NotChosen(
                tenant_id=each.tenant_id,
                name=each.name,
                connection_id=each.connection_id,
                token_set=token_set,
            ),
        )
    again = [(each, known[each.tenant_id].dataset) for each in found if each.tenant_id in known]
    renewed, stopped = _connect_each(connector, token_set, again)
    listed = set(_ids(found))
    lost = [each for each in known.values() if each.token_set == token_set and each.tenant_id not in listed]
    audit = connector.audit()
    for gone in lost:
        connections.mark_consent_lost(store, gone)
        audit.add("connect", "ask", organisation=gone.tenant_id, error="Xero lists its connection no more")
    for one in new:
        audit.add("connect", "granted", organisation=one.tenant_id, why=f"token set {token_set}")
    audit.flush()
    return Granted(
        token_set=token_set,
        renewed=tuple(renewed),
        new=tuple(new),
        left_out=frozenset(left_out & set(_ids(new))),
        elsewhere=frozenset(set(_ids(new)) & set(elsewhere) - seen),
        lost=tuple(lost),
        missing=missing,
        stopped=tuple(stopped),
    )


def _connected_before(found: Sequence[Connection]) -> list[str]:
    """The tenant ids of connections that were there before the consent that named the newest, by Xero's own clock."""
    newest = max((each.updated_at for each in found if each.updated_at), default=None)
    if newest is None:
        return []
    return [each.tenant_id for each in found if each.created_at and each.created_at < newest - OF_ONE_CONSENT]


def _ids(some: Iterable[Connection]) -> list[str]:
    return [each.tenant_id for each in some]


def _connect_each(
    connector: Connector, token_set: str, some: Iterable[tuple[Connection, str]]
) -> tuple[list[Organisation], list[ConnectorError]]:
    """Those connected, each into its dataset, and what stopped the others."""
    audit = connector.audit()
    connected: list[Organisation] = []
    stopped: list[ConnectorError] = []
    for connection, dataset in some:
        try:
            organisation = _connect(connector, connection, token_set, dataset)
        except ConnectorError as error:
            audit.add("connect", "ask", organisation=connection.tenant_id, error=error)
            error.add_note(
                f"{connection.name} is not connected: start connect again, which changes nothing else."
            )
            stopped.append(error)
        else:
            audit.add("connect", "done", organisation=organisation.tenant_id, why=f"token set {token_set}")
            connected.append(organisation)
    audit.flush()
    return connected, stopped


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
    connections.forget_not_chosen(connector.store, organisation.tenant_id)
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
