"""Which version is deployed: the function app says so in storage, where the operator's commands find it."""

import logging

from shared import version
from shared.state import deployed
from shared.sync.connector import Connector

logger = logging.getLogger(__name__)


def tell_version(connector: Connector) -> None:
    """Write down which version runs, when it is another than the last; a checkout says nothing."""
    found = version.packaged()
    if found is None or deployed.version(connector.store) == found:
        return
    deployed.remember(connector.store, connector.clock, found)
    logger.info("version running version=%s commit=%s", found.version, found.commit)
