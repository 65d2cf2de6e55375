"""Disconnect an organisation: Xero forgets the connection, nothing is read any more, and what was copied stays."""

from dataclasses import dataclass, replace

from shared.errors import ConnectorError
from shared.secrets import XERO_CLIENT_SECRET
from shared.state import checkpoints, connections
from shared.state.connections import Organisation
from shared.state.made import LANDED
from shared.sync.connector import Connector
from shared.sync.refresh import living_tokens


@dataclass(frozen=True)
class Disconnected:
    """What came of it. trouble: why Xero may still list the connection, "" when it does not.

    token_set_ended: it was the last organisation of its consent, whose tokens are worth nothing any more.
    """

    organisation: Organisation
    token_set_ended: bool
    trouble: str


def disconnect(connector: Connector, organisation: Organisation) -> Disconnected:
    """End an organisation's connection; may be repeated after a crash, since it stays listed until all else is done.

    Rows in Power BI, the mirror and the audit stay. How far it was read is forgotten, so that connecting it again reads
    its history once more, and pushes what differs from the mirror, or everything when it then goes to another dataset.
    """
    # Whoever reads it now ends at its next write, and nobody begins.
    connections.save(connector.store, replace(organisation, consent_lost=True))
    others = [
        each
        for each in connections.connected(connector.store)
        if each.token_set == organisation.token_set and each.tenant_id != organisation.tenant_id
    ]
    trouble = ""
    try:
        _tell_xero(connector, organisation, revoke=not others)
    except ConnectorError as error:
        # Without a living consent Xero cannot be told; a person can do it there.
        trouble = str(error)
    checkpoints.forget(connector.store, organisation.tenant_id, LANDED)
    audit = connector.audit()
    audit.add("disconnect", "done", organisation=organisation.tenant_id, error=trouble)
    audit.flush()
    connections.remove(connector.store, organisation.tenant_id)
    return Disconnected(organisation, not others and not trouble, trouble)


def _tell_xero(connector: Connector, organisation: Organisation, *, revoke: bool) -> None:
    tokens = living_tokens(connector, organisation.token_set)
    identity = connector.xero_identity()
    identity.disconnect(tokens.access_token, organisation.connection_id)
    # A custom connection has nothing to revoke.
    if revoke and tokens.refresh_token:
        identity.revoke(tokens.refresh_token, connector.secrets().require(XERO_CLIENT_SECRET))
