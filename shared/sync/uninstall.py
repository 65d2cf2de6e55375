"""Uninstall: pause everything, disconnect every organisation at Xero, end the consents, delete token sets and, if wanted, datasets.

Each step may be repeated; what could not be done is told and stops nothing else. Storage, vault and the Azure resources stay:
whoever runs this deletes them, when nobody needs what is in them.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from shared.errors import ConnectorError
from shared.secrets import XERO_CLIENT_SECRET
from shared.state import connections
from shared.state.connections import EVERYTHING
from shared.sync import dataset
from shared.sync.connector import Connector
from shared.sync.disconnect import disconnect
from shared.sync.pause import pause
from shared.sync.refresh import living_tokens
from shared.xero.client import CUSTOM
from shared.xero.identity import InvalidGrant


@dataclass(frozen=True)
class Step:
    """What was done, or is to be done. trouble: why it could not, "" when it could."""

    about: str
    trouble: str = ""


def plan(connector: Connector, *, delete_datasets: bool) -> list[Step]:
    """What `uninstall` would do now. Nothing is changed. Raises what the vault raises."""
    steps = [Step("pause everything: nothing is read or pushed any more")]
    steps += [Step(f"disconnect {each.name} at Xero") for each in _organisations(connector)]
    steps += [
        Step(f"end token set {each} at Xero, and delete secret xero-tokens-{each} in Key Vault")
        for each in connector.secrets().token_sets()
    ]
    if delete_datasets:
        names = (dataset.name_in_powerbi(connector, each) for each in dataset.known_datasets(connector))
        steps += [Step(f"delete dataset {each!r} in Power BI, and those that it succeeded") for each in names]
    return steps


def uninstall(connector: Connector, *, delete_datasets: bool) -> Iterator[Step]:
    """Do it, step by step; each is answered when it is done, or could not be."""
    pause(connector, EVERYTHING, "uninstalled")
    yield Step("everything is paused")
    for each in _organisations(connector):
        # Its own trouble is that Xero could not be told; the consent is ended below, or stays to be tried again.
        trouble = disconnect(connector, each).trouble
        yield Step(f"{each.name} is disconnected{'' if not trouble else ' here, not at Xero'}", trouble)
    for token_set in connector.secrets().token_sets():
        yield _end(connector, token_set)
    for name in dataset.known_datasets(connector) if delete_datasets else ():
        yield _delete_dataset(connector, name)
    audit = connector.audit()
    audit.add("uninstall", "done")
    audit.flush()


def _organisations(connector: Connector) -> list[connections.Organisation]:
    return sorted(connections.connected(connector.store), key=lambda each: (each.name, each.tenant_id))


def _end(connector: Connector, token_set: str) -> Step:
    """End a consent with all its connections, those included that nobody chose to read; then its secret goes.

    A secret whose consent could not be ended stays, since nothing else can end it.
    """
    secrets, secret = connector.secrets(), f"xero-tokens-{token_set}"
    try:
        # Tokens that Xero does not take any more are ended already, and a custom connection has none to end.
        with suppress(InvalidGrant):
            if token_set != CUSTOM:
                tokens = living_tokens(connector, token_set)
                connector.xero_identity().revoke(tokens.refresh_token, secrets.require(XERO_CLIENT_SECRET))
        secrets.delete_token_set(token_set)
    except ConnectorError as error:
        return Step(f"token set {token_set} could not be ended; its secret {secret} stays", str(error))
    for each in connections.not_chosen(connector.store):
        if each.token_set == token_set:
            connections.forget_not_chosen(connector.store, each.tenant_id)
    return Step(f"token set {token_set} is ended, its secret {secret} deleted")


def _delete_dataset(connector: Connector, name: str) -> Step:
    called = dataset.name_in_powerbi(connector, name)
    try:
        dataset.cancel(connector, name)
        dataset.delete_old(connector, name)
        there = dataset.delete_dataset(connector, name)
    except ConnectorError as error:
        return Step(f"dataset {called!r} could not be deleted", str(error))
    return Step(f"dataset {called!r} is {'deleted' if there else 'not'} in Power BI")
