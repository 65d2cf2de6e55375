"""The whole stand-in: its Flask application and, for tests in the same process, its state."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Flask

from local.simulation import Clock, Faults, Statistics, create_app
from local.xero.accounting import accounting_routes
from local.xero.consent import consent_routes
from local.xero.control import control_routes
from local.xero.documents import Documents
from local.xero.general_ledger import GeneralLedgers
from local.xero.identity import Client, Identity
from local.xero.limits import Limits
from local.xero.reports import Reports
from local.xero.store import Store
from local.xero.switches import Switches
from local.xero.webhooks import Webhooks


@dataclass(frozen=True)
class Simulator:
    """A Xero without books. Serve `app`; load books through `store` or `/_sim/load`."""

    app: Flask
    clock: Clock
    faults: Faults
    statistics: Statistics
    switches: Switches
    store: Store
    identity: Identity
    limits: Limits
    webhooks: Webhooks
    documents: Documents


def create(
    clients: Iterable[Client] = (Client(),), clock: Clock | None = None, switches: Switches | None = None
) -> Simulator:
    """A Xero that knows these apps."""
    clock, switches = clock or Clock(), switches or Switches()
    faults, statistics = Faults(), Statistics()
    store = Store(clock)
    identity = Identity(clock, switches, store, clients)
    limits = Limits(clock, switches)
    webhooks = Webhooks(clock, switches)
    documents = Documents(clock, store, webhooks, switches)
    ledgers = GeneralLedgers(clock, store, switches)
    reports = Reports(clock, ledgers, switches)
    app = create_app("xero", clock, faults, statistics)
    app.register_blueprint(consent_routes(identity, store, switches))
    app.register_blueprint(accounting_routes(clock, store, identity, limits, reports, switches))
    app.register_blueprint(control_routes(store, documents, webhooks, ledgers, reports, switches))
    return Simulator(app, clock, faults, statistics, switches, store, identity, limits, webhooks, documents)
