"""Forget a contact: what is held of its person goes, from wherever it lies, and does not come back with the next read.

    asked       its id is in the list of the forgotten: from now on what Xero tells of it lands without the person
    outbox      batches, waiting and done, are written again without her
    quarantine  payloads and errors of what was put aside
    mirror      its record and its documents, as every later row is made of them
    audit       texts that say something of her
    tables      compacted, one after the other, since superseded rows hold her name until then
    done        the texts by which she was looked for go, too

Each phase may be ended anywhere and done again. Documents keep their figures and the contact's key, and show another name.
Xero is not touched: whoever is to be forgotten there is forgotten in Xero.
"""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import Audit
from shared.errors import AskPerson, RetryLater, RunEnded
from shared.state import connections, forgotten, messages, mirror, quarantine, sink
from shared.state.forgotten import Forgetting
from shared.state.sink import State, Writer
from shared.sync import compact, forget_traces, lost
from shared.sync.connector import Connector
from shared.sync.status import RESOURCE as STATUS
from shared.tables import TABLES
from shared.xero import persons, wire
from shared.xero.resources import RESOURCES

# Those with a column that a contact's person may stand in; SyncStatus tells errors in Xero's words.
TELLING = (
    *("Contacts", "Invoices", "CreditNotes", "Prepayments", "Overpayments", "PurchaseOrders"),
    *("BankTransactions", "Lines", "OpenItems", "Allocations", "Payments", STATUS),
)
# A run that died is followed by another after this; one that waits for a person tries again after the other.
FORSAKEN, ASK_AGAIN = timedelta(minutes=15), timedelta(days=1)


def ask(connector: Connector, tenant_id: str, contact_id: str) -> list[Forgetting]:
    """Put a contact, and those that were merged into it, on the list and have push_queue do the rest; may be repeated.

    From the return on nothing that lands tells of them. Raises AskPerson for what is no id.
    """
    contact_id = contact_id.strip().lower()
    if not RESOURCES["Contacts"].is_id(contact_id):
        raise AskPerson(
            f"{contact_id[:80]!r} is no ContactID: take the one that Xero shows in the contact's address."
        )
    store, now = connector.store, connector.clock.now()
    audit = connector.audit()
    found = []
    for each in (contact_id, *merged_into(connector, tenant_id, contact_id)):
        forgetting = forgotten.load(store, tenant_id, each)
        if forgetting is None:
            words = _words(connector, tenant_id, each)
            new = Forgetting(tenant_id=tenant_id, contact_id=each, asked_at=now, seen_at=now, words=words)
            forgetting = new.save(store)
            audit.add("forget", "asked", organisation=tenant_id, resource="Contacts", why=each)
        found.append(forgetting)
    for dataset in connections.datasets_of(store, tenant_id)[0]:
        messages.ask(store, connector.clock, dataset, "forget", "an operator asked", audit.operation)
    audit.flush()
    return found


def holders(connector: Connector, contact_id: str) -> list[str]:
    """The organisations, disconnected ones included, whose contact it is as far as the mirror knows."""
    return [
        each.tenant_id
        for each in connections.known(connector.store)
        if mirror.known(connector.store, each.tenant_id, "Contacts", [contact_id])
    ]


def merged_into(connector: Connector, tenant_id: str, contact_id: str) -> list[str]:
    """The contacts that Xero has as merged into this one, straight or by another."""
    targets = {
        known.record_id: str(record.get("MergedToContactID") or "").lower()
        for known, record in mirror.everything(connector.store, tenant_id, "Contacts")
    }
    found, last = {contact_id}, set[str]()
    while found != last:
        last = found
        found = last | {source for source, target in targets.items() if target in last}
    return sorted(found - {contact_id})


def ask_again(connector: Connector) -> None:
    """Ask once more for what nobody works at (any more)."""
    now = connector.clock.now()
    for each in forgotten.standing(connector.store):
        if now - each.seen_at < (ASK_AGAIN if each.trouble else FORSAKEN):
            continue
        with suppress(RunEnded):
            replace(each, seen_at=now).save(connector.store)
        for dataset in connections.datasets_of(connector.store, each.tenant_id)[0]:
            messages.ask(connector.store, connector.clock, dataset, "forget", "not done yet", "sweep")


def forget(connector: Connector, audit: Audit, request: messages.Request, until: datetime) -> bool:
    """Go on with every contact that is to be forgotten and has rows in this dataset; answers whether something is left.

    Raises AskPerson for what stands in the way, and RetryLater.
    """
    for each in forgotten.standing(connector.store):
        if request.dataset not in connections.datasets_of(connector.store, each.tenant_id)[0]:
            continue
        now = connector.clock.now()
        going_on = replace(each, seen_at=now, trouble="").save(connector.store)
        try:
            if not _carry_out(connector, audit, request.dataset, going_on, until):
                return True
        except AskPerson as stop:
            latest = forgotten.load(connector.store, each.tenant_id, each.contact_id)
            if latest is not None:
                replace(latest, trouble=str(stop)).save(connector.store)
            raise
    return False


def _carry_out(connector: Connector, audit: Audit, dataset: str, each: Forgetting, until: datetime) -> bool:
    """One contact, phase by phase; answers whether all is done that can be done with this dataset."""
    store = connector.store
    while each.phase != "done":
        if connector.clock.now() >= until:
            return False
        before = each.phase
        match each.phase:
            case "outbox":
                # Whoever pushes now may have begun before she was on the list.
                with Writer.take(store, connector.clock, dataset):
                    pass
                each = forget_traces.from_outbox(connector, each, until)
            case "quarantine":
                each = forget_traces.from_quarantine(connector, each)
            case "mirror":
                with Writer.take(store, connector.clock, dataset) as writer:
                    _make_ready(connector, writer, audit, until)
                    each = forget_traces.from_mirror(connector, writer, each, until)
            case "audit":
                each = forget_traces.from_audit(connector, each, until)
            case "tables":
                if dataset not in each.compacted:
                    with Writer.take(store, connector.clock, dataset) as writer:
                        _make_ready(connector, writer, audit, until)
                        if not _compact(connector, writer, audit, each, until):
                            return False
                    each = replace(each, compacted=(*each.compacted, dataset)).save(store)
                left = set(connections.datasets_of(store, each.tenant_id)[0]) - set(each.compacted)
                if left:
                    # Another request is about that one.
                    return True
                each = replace(each, phase="done", words=frozenset(), done_at=connector.clock.now()).save(
                    store
                )
        if each.phase == before:
            return False
        audit.add(
            "forget",
            "done" if each.phase == "done" else f"{before} done",
            organisation=each.tenant_id,
            resource="Contacts",
            why=each.contact_id,
        )
        audit.flush()
    return True


def _make_ready(connector: Connector, writer: Writer, audit: Audit, until: datetime) -> None:
    """Nothing is unfinished that would post what it read before. Raises AskPerson and RetryLater."""
    state = writer.state
    if state.successor is not None:
        raise AskPerson(
            f"{state.successor.name!r} is being filled to take the place of dataset {state.dataset}: "
            "`dataset upgrade --switch` or `--cancel` comes before a contact can be forgotten there."
        )
    if state.rebuild is not None and not compact.finish(connector, writer, audit, until):
        raise RetryLater(f"{state.rebuild.table} is being compacted.", seconds=5)
    if state.in_flight:
        raise RetryLater("Batches are in flight; they are pushed first.", seconds=60)


def _compact(connector: Connector, writer: Writer, audit: Audit, each: Forgetting, until: datetime) -> bool:
    """Compact what may hold the name; answers whether all is. Raises AskPerson when a table must not be deleted."""
    for name in to_compact(writer.state, each):
        if connector.clock.now() >= until:
            return False
        compact.begin(connector, writer, audit, TABLES[name], "a contact is forgotten", asked=True)
        if writer.state.rebuild is None:
            waits = lost.waits_for(lost.of_dataset(connector, writer.state.dataset))
            why = waits or writer.state.table(name).parked
            raise AskPerson(f"{name} of dataset {writer.state.dataset} holds the name still: {why}.")
        if not compact.finish(connector, writer, audit, until):
            return False
        if name in to_compact(writer.state, each):
            waits = lost.waits_for(lost.of_dataset(connector, writer.state.dataset))
            why = waits or writer.state.table(name).parked
            raise AskPerson(f"{name} of dataset {writer.state.dataset} may hold the name still: {why}.")
    return True


def to_compact(state: State, each: Forgetting) -> list[str]:
    """The tables of a dataset that may hold the name: a record of theirs told of it, or they have superseded rows."""
    if not state.powerbi_id or each.masked_at is None:
        return []
    found = []
    for name in TELLING:
        upper, standing = state.rows_upper.get(name, 0), state.table(name)
        touched = any(resource in each.touched for resource in TABLES[name].resources)
        if not upper or not (touched or upper > standing.current):
            continue
        if standing.compacted_at is None or standing.compacted_at < each.masked_at:
            found.append(name)
    return found


def remains(connector: Connector, each: Forgetting) -> tuple[list[str], list[str]]:
    """Power BI datasets that hold the name still: those that were succeeded, and those that the organisation left."""
    now, left = connections.datasets_of(connector.store, each.tenant_id)
    old = [name for name in now if sink.read(connector.store, name).old]
    return old, [name for name in left if sink.read(connector.store, name).powerbi_id]


def _words(connector: Connector, tenant_id: str, contact_id: str) -> frozenset[str]:
    """The texts that tell of her, as far as her own record has them."""
    ids = {contact_id}
    found = persons.words("Contacts", mirror.record(connector.store, tenant_id, "Contacts", contact_id), ids)
    payload = quarantine.payload(connector.store, tenant_id, "Contacts", contact_id)
    return frozenset(found | (persons.words("Contacts", wire.decode(payload), ids) if payload else set()))
