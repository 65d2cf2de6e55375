"""What every use case is given: settings, clock, storage, the vault and the vendors' clients."""

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from shared.audit import Audit
from shared.clock import Clock
from shared.powerbi.client import PowerBI
from shared.secrets import Secrets
from shared.settings import Settings
from shared.storage import Store
from shared.xero.client import XeroClient
from shared.xero.identity import XeroIdentity
from shared.xero.resources import RESOURCES, Resource


@dataclass(frozen=True, kw_only=True)
class Connector:
    """The parts that a use case works with. Vendors' clients are made when first asked for.

    jitter: a number from 0 to 1, another each time.
    """

    settings: Settings
    clock: Clock
    store: Store
    secrets: Callable[[], Secrets]
    xero: Callable[[], XeroClient]
    xero_identity: Callable[[], XeroIdentity]
    powerbi: Callable[[], PowerBI]
    jitter: Callable[[], float] = random.random

    @property
    def resources(self) -> dict[str, Resource]:
        """What is read from Xero, in the order in which it is first read."""
        return {
            name: resource
            for name, resource in RESOURCES.items()
            if not resource.optional or getattr(self.settings, resource.optional)
        }

    def audit(self, operation: str = "") -> Audit:
        """An audit of one run; `operation` carries on the id of the message that caused it."""
        return Audit(self.store, self.clock, operation or uuid.uuid4().hex)
