"""forget: a contact's person goes from everything that is held here and in Power BI; figures stay."""

from commands.terminal import Where, agreed, connector, say
from shared.errors import AskPerson
from shared.state import connections, forgotten
from shared.state.connections import Organisation
from shared.state.forgotten import Forgetting
from shared.sync import forget
from shared.sync.connector import Connector
from shared.sync.dataset import name_in_powerbi

WHERE_NOW = {
    "outbox": "the answers of Xero that are kept (outbox)",
    "quarantine": "what was put aside (quarantine)",
    "mirror": "the mirror",
    "audit": "the audit",
    "tables": "the tables in Power BI, one after the other",
}


def run(where: Where, contact: str, organisation: str, *, yes: bool) -> int:
    """Put a contact on the list of the forgotten, or say how far it is; 1 when the person does not agree or must help."""
    ours = connector(where)
    if not contact:
        say(listed(ours))
        return int(any(each.trouble for each in forgotten.standing(ours.store)))
    contact = contact.strip().lower()
    chosen = whose(ours, contact, organisation)
    known = forgotten.load(ours.store, chosen.tenant_id, contact)
    if known is not None:
        say(certificate(ours, chosen, known) if known.phase == "done" else progress(chosen, known))
        if known.phase != "done":
            # Whoever looks may have mended what was in the way.
            forget.ask(ours, chosen.tenant_id, contact)
        return int(bool(known.trouble))
    say(what_will_happen(ours, chosen, contact))
    if not yes and not agreed("Forget?"):
        say(["Nothing was changed."])
        return 1
    found = forget.ask(ours, chosen.tenant_id, contact)
    merged = [each.contact_id for each in found if each.contact_id != contact]
    say(
        [
            f"From now on nothing that Xero tells of {contact} is stored with a name.",
            *([f"With it, since they were merged into it: {', '.join(merged)}."] if merged else []),
            f"Next: push_queue does the rest within minutes; `python3 manage.py forget --contact {contact}` tells how far "
            "it is, and in the end what was removed where.",
        ]
    )
    return 0


def whose(connector: Connector, contact: str, organisation: str) -> Organisation:
    """The organisation, connected or not any more, whose contact it is. Raises AskPerson."""
    known = connections.known(connector.store)
    if organisation:
        wanted = organisation.strip().casefold()
        found = [each for each in known if wanted in (each.tenant_id, each.name.casefold())]
    else:
        asked = {each.tenant_id for each in forgotten.every(connector.store) if each.contact_id == contact}
        tenants = asked or set(forget.holders(connector, contact))
        found = [each for each in known if each.tenant_id in tenants]
    if len(found) == 1:
        return found[0]
    listed = "\n".join(f"  {each.tenant_id}  {each.name}" for each in found or known)
    if organisation:
        raise AskPerson(f"No single organisation is called {organisation[:80]!r}; there are:\n{listed}")
    if found:
        raise AskPerson(
            f"Several organisations have contact {contact}; name one with --organisation:\n{listed}"
        )
    raise AskPerson(
        f"No contact {contact[:80]!r} is held. It is the ContactID: column ContactID of table Contacts in Power BI, or the "
        "end of the contact's address in Xero. Documents may name a contact that was never read: name its organisation "
        f"with --organisation then:\n{listed}"
    )


def what_will_happen(connector: Connector, organisation: Organisation, contact: str) -> list[str]:
    """What a person agrees to."""
    now, _ = connections.datasets_of(connector.store, organisation.tenant_id)
    names = " and ".join(repr(name_in_powerbi(connector, each)) for each in now)
    return [
        f"Forgetting contact {contact} of {organisation.name}:",
        "- Name, persons, addresses, telephone, e-mail, tax and bank numbers of it go from storage and from Power BI; so do "
        "references, descriptions and delivery details of its documents.",
        "- Its documents stay with their figures and the contact's id, and show 'Forgotten contact'.",
        f"- Tables of {names} are compacted: measures of each show nothing for some minutes.",
        "- It cannot be undone here. Xero keeps the contact; what it tells later is stored without the person.",
    ]


def progress(organisation: Organisation, each: Forgetting) -> list[str]:
    """How far it is, and what is in the way."""
    lines = [
        f"Contact {each.contact_id} of {organisation.name} is being forgotten since {each.asked_at:%F %T} UTC; now: "
        f"{WHERE_NOW[each.phase]}."
    ]
    if each.trouble:
        return [*lines, f"It waits for you: {each.trouble}", "Next: mend that, then run this again."]
    return [*lines, "Next: run this again in some minutes. Without a run of push_queue nothing goes on."]


def certificate(connector: Connector, organisation: Organisation, each: Forgetting) -> list[str]:
    """What was removed where, and what remains."""
    old, left = forget.remains(connector, each)
    counts = each.counts
    lines = [
        f"Contact {each.contact_id} of {organisation.name} ({each.tenant_id}) is forgotten.",
        f"Asked for {each.asked_at:%F %T} UTC, done {each.done_at:%F %T} UTC.",
        "Removed from",
        f"- outbox: {counts.get('batches', 0)} answers of Xero",
        f"- quarantine: {counts.get('quarantined', 0)} records, {counts.get('unreadable', 0)} that nobody could read",
        f"- mirror: {counts.get('records', 0)} records, the contact and its documents",
        f"- audit: {counts.get('audit', 0)} rows",
        f"- Power BI: the tables that had its name, compacted, in dataset {', '.join(each.compacted) or 'none'}",
        "Remains",
        "- Xero: the contact itself, until somebody archives or erases it there.",
        "- Power BI: what people exported, mailed or printed, and copies of the dataset that they made.",
        "- Azure: overwritten blobs for the days of soft delete of the storage account (Data protection in the portal).",
        "- Texts that name the person in records of nobody, such as manual journals: mend them in Xero.",
    ]
    lines += [
        f"- Dataset {name}: one that it succeeded is still there. Next: `python3 manage.py dataset delete {name} --old`."
        for name in old
    ]
    lines += [
        f"- Dataset {name}: rows from before {organisation.name} went elsewhere. Next: `python3 manage.py compact {name} "
        "--table Contacts`, and so each table that names contacts."
        for name in left
    ]
    return lines


def listed(connector: Connector) -> list[str]:
    """A line for each contact that was ever to be forgotten."""
    names = {each.tenant_id: each.name for each in connections.known(connector.store)}
    return [
        f"{each.contact_id} of {names.get(each.tenant_id, each.tenant_id)}: "
        + (
            f"forgotten {each.done_at:%F %T} UTC"
            if each.done_at
            else f"asked {each.asked_at:%F %T} UTC, now {each.phase}"
        )
        + (f"; waits for you: {each.trouble}" if each.trouble else "")
        for each in sorted(forgotten.every(connector.store), key=lambda each: each.asked_at)
    ] or ["No contact was to be forgotten yet. Next: `python3 manage.py forget --contact ID`."]
