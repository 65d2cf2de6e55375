"""Keep the tokens alive: renew each token set in time, under a lease, so that a crash anywhere loses nothing.

Xero honours a used refresh token for 30 minutes more. So whatever happens between asking Xero and saving its answer, the
next run asks again with what the vault has. An intent beside the set says that an attempt is unresolved, so that the next
run does not wait for its time.

A custom connection has no refresh token: its tokens are asked for anew with the app's secret, at the same times and under the
same lease, and no answer of Xero's can end it.
"""

from datetime import datetime, timedelta

from shared.audit import Audit
from shared.errors import AskPerson, ConnectorError, LeaseBusy, OutcomeUnknown, RunEnded
from shared.secrets import XERO_CLIENT_SECRET, TokenSet
from shared.state import connections, noted
from shared.storage import Entity, Lease, Store, Write
from shared.sync.connector import Connector
from shared.xero.client import CUSTOM
from shared.xero.identity import InvalidGrant, Tokens, expires_at
from shared.xero.resources import reading_scopes

# Access tokens live 30 minutes: renewed at 20, there are two more tries inside their life, and more inside the grace.
RENEW_AFTER = timedelta(minutes=20)
GRACE = timedelta(minutes=30)
LEASE_SECONDS = 60
PARTITION = "token-set"


def refresh_tokens(connector: Connector, *, operation: str = "") -> None:
    """Renew every token set that is due, asked for, or left by an attempt that did not end."""
    audit = connector.audit(operation)
    try:
        organisations = connections.connected(connector.store)
        for token_set in sorted({organisation.token_set for organisation in organisations}):
            if all(each.consent_lost for each in organisations if each.token_set == token_set):
                continue
            try:
                _refresh(connector, audit, token_set)
            except LeaseBusy:
                continue
            except InvalidGrant as gone:
                for organisation in organisations:
                    if organisation.token_set == token_set:
                        connections.mark_consent_lost(connector.store, organisation)
                audit.add("refresh", "ask", why=f"token set {token_set}: run connect", error=gone)
            except ConnectorError as error:
                outcome = "ask" if isinstance(error, AskPerson) else "retried"
                audit.add("refresh", outcome, why=f"token set {token_set}", error=error)
                noted.note(connector.store, "refresh", token_set, connector.clock.now(), words=str(error))
    finally:
        audit.flush()


def living_tokens(connector: Connector, token_set: str) -> TokenSet:
    """A set's tokens, renewed first when they ran out; for commands, which the timer may not run beside.

    Raises InvalidGrant, LeaseBusy and others as a refresh does.
    """
    tokens = connector.secrets().token_set(token_set, fresh=True)
    if tokens.expires_at > connector.clock.now():
        return tokens
    audit = connector.audit()
    try:
        _refresh(connector, audit, token_set)
    finally:
        audit.flush()
    return connector.secrets().token_set(token_set, fresh=True)


def ask_for_refresh(store: Store, token_set: str) -> None:
    """Have the next run of the timer renew a set whatever its age; for those who met a refused token."""
    key: Entity = {"PartitionKey": PARTITION, "RowKey": token_set}
    store.write_entity("checkpoints", Write("merge", key | {"asked": True}))


def _refresh(connector: Connector, audit: Audit, token_set: str) -> None:
    lease = hold_token_set(connector, token_set)
    try:
        tokens = connector.secrets().token_set(token_set, fresh=True)
        if not _is_due(connector, tokens):
            return
        _note_intent(connector, token_set, tokens.generation)
        asked_at = connector.clock.now()
        answer = _ask_xero_while_newest(connector, tokens)
        try:
            saved = save_tokens(connector, lease, token_set, answer, asked_at, expected=tokens.generation)
        except RunEnded:
            # From our answer on, what another saved meanwhile lives for the grace only.
            ask_for_refresh(connector.store, token_set)
            raise
        _clear_intent(connector, token_set)
        audit.add("refresh", "done", why=f"token set {token_set}", count=saved.generation)
    finally:
        connector.store.release_lease(lease)


def hold_token_set(connector: Connector, token_set: str, *, patience: int = 0) -> Lease:
    """The lease under which the timer and `connect` write a token set. Raises LeaseBusy after `patience` seconds."""
    for waited in range(patience + 1):
        lease = connector.store.acquire_lease(f"token-set/{token_set}", LEASE_SECONDS)
        if lease is not None:
            return lease
        if waited < patience:
            connector.clock.sleep(1)
    raise LeaseBusy(f"Token set {token_set} is being renewed by another run.", seconds=30)


def save_tokens(
    connector: Connector, lease: Lease, token_set: str, answer: Tokens, asked_at: datetime, *, expected: int
) -> TokenSet:
    """Save Xero's answer as the next generation, unless another writer was faster or our lease is over.

    After a save of unknown outcome the vault is read before it is written again. Raises RunEnded, OutcomeUnknown.
    """
    secrets = connector.secrets()
    tokens = TokenSet(
        token_set=token_set,
        generation=expected + 1,
        access_token=answer.access_token,
        refresh_token=answer.refresh_token,
        obtained_at=asked_at,
        expires_at=expires_at(answer, asked_at),
        scope=answer.scope,
    )
    for last in (False, True):
        current = secrets.find_token_set(token_set)
        if current == tokens:
            return tokens
        if current is not None and current.generation != expected:
            raise RunEnded(
                f"Token set {token_set} has generation {current.generation} by now; ours is dropped."
            )
        if lease.until <= connector.clock.now():
            raise RunEnded(f"The lease of token set {token_set} ended before the save.")
        try:
            secrets.save_token_set(tokens)
        except OutcomeUnknown:
            if last:
                raise
        else:
            return tokens
    return tokens


def _is_due(connector: Connector, tokens: TokenSet) -> bool:
    stored = connector.store.get_entity("checkpoints", PARTITION, tokens.token_set)
    state = stored.entity if stored else {}
    unresolved = int(state.get("intent", -1)) == tokens.generation
    age = connector.clock.now() - tokens.obtained_at
    return age >= RENEW_AFTER or bool(state.get("asked")) or unresolved


def _ask_xero_while_newest(connector: Connector, tokens: TokenSet) -> Tokens:
    """New tokens. Raises RunEnded where Xero refuses ours because another run renewed the set long ago."""
    try:
        return _ask_xero(connector, tokens)
    except InvalidGrant:
        current = connector.secrets().token_set(tokens.token_set, fresh=True)
        if current.generation == tokens.generation:
            raise
        raise RunEnded(f"Token set {tokens.token_set} has generation {current.generation} by now.") from None


def _ask_xero(connector: Connector, tokens: TokenSet) -> Tokens:
    """New tokens for the set's refresh token, or for one that it had within the grace. Raises InvalidGrant, AskPerson."""
    client_secret = connector.secrets().require(XERO_CLIENT_SECRET)
    identity = connector.xero_identity()
    custom = connector.settings.xero_connection == CUSTOM
    if custom != (tokens.token_set == CUSTOM):
        raise AskPerson(
            f"Token set {tokens.token_set} is of {'a consent' if custom else 'a custom connection'}, but XERO_CONNECTION is "
            f"{connector.settings.xero_connection}: run `python3 manage.py connect`."
        )
    if custom:
        return _ask_for_custom(connector, client_secret)
    try:
        return identity.refresh(tokens.refresh_token, client_secret)
    except InvalidGrant as refused:
        since = connector.clock.now() - GRACE
        for earlier in connector.secrets().earlier_token_sets(tokens.token_set, since):
            if earlier.refresh_token == tokens.refresh_token:
                continue
            try:
                return identity.refresh(earlier.refresh_token, client_secret)
            except InvalidGrant as error:
                refused.add_note(f"generation {earlier.generation}: {error}")
        raise


def _ask_for_custom(connector: Connector, client_secret: str) -> Tokens:
    """New tokens of the custom connection, while it is to the organisation that is connected here.

    Its calls name no organisation, so one that was authorised anew for another would be read in the first one's name.
    """
    identity = connector.xero_identity()
    answer = identity.client_credentials(reading_scopes(connector.resources.values()), client_secret)
    listed = {each.tenant_id for each in identity.connections(answer.access_token)}
    strangers = [
        each.name
        for each in connections.connected(connector.store)
        if each.token_set == CUSTOM and not each.consent_lost and each.tenant_id not in listed
    ]
    if strangers:
        raise AskPerson(
            f"The custom connection is no longer to {strangers[0]}: have it authorised for that organisation at "
            "developer.xero.com > My Apps, or run `python3 manage.py connect` to go on with the one that it is to."
        )
    return answer


def _note_intent(connector: Connector, token_set: str, generation: int) -> None:
    entity: Entity = {"PartitionKey": PARTITION, "RowKey": token_set, "format": 1, "intent": generation}
    entity["intended_at"] = connector.clock.now().isoformat()
    connector.store.write_entity("checkpoints", Write("merge", entity))


def _clear_intent(connector: Connector, token_set: str) -> None:
    entity: Entity = {
        "PartitionKey": PARTITION,
        "RowKey": token_set,
        "format": 1,
        "intent": -1,
        "asked": False,
    }
    connector.store.write_entity("checkpoints", Write("merge", entity))
