"""A contact is forgotten: of its person nothing is left anywhere, every figure stays, and no later read brings it back."""

import gzip
import os
import random
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal

import pytest

from shared.errors import AskPerson
from shared.state import connections, forgotten, messages, outbox, quarantine, sink
from shared.state.connections import DEFAULT_DATASET
from shared.state.messages import QUEUE
from shared.sync import compact, compare, dataset, disconnect, forget, land, sweep
from shared.tables import TABLES
from shared.xero import persons
from shared.xero.resources import RESOURCES
from tests.support import books
from tests.support.killing import Killed, Life
from tests.support.servers import Servers
from tests.support.world import World

CONTACT = books.record_id("Contacts", 2)
NAME = "Zoë Quattlebaum"
HERS = {
    "Name": NAME,
    "FirstName": "Zoë",
    "LastName": "Quattlebaum",
    "EmailAddress": "zoe.q@quattle.example",
    "TaxNumber": "TFN-88-431-907",
    "ContactNumber": "LEGACY-77120",
    "AccountNumber": "DEB-40992",
    "BankAccountDetails": "062-999 11223344",
    "Phones": [{"PhoneType": "MOBILE", "PhoneNumber": "55512987", "PhoneAreaCode": "0401"}],
    "Addresses": [{"AddressType": "STREET", "AddressLine1": "7 Pumpernickel Lane", "City": "Sydney"}],
    "ContactPersons": [{"FirstName": "Ottokar", "LastName": "Vuxberg", "EmailAddress": "ov@quattle.example"}],
}
TRACES = (
    *("Quattlebaum", "zoe.q@", "TFN-88-431-907", "LEGACY-77120", "DEB-40992", "11223344", "55512987"),
    *("Pumpernickel", "Ottokar", "Vuxberg", "ov@quattle", "Birdseed for her"),
)
# Of the effects of a run, so many are passed over between two crashes that are tried.
STEP = int(os.environ.get("CRASH_STEP", "25"))
DOCUMENTS = ("Invoices", "CreditNotes", "Prepayments", "Overpayments", "BankTransactions", "PurchaseOrders")


def her_books() -> books.Resources:
    """Small books in which the second of each kind of document is hers, with texts about her."""
    found = books.small_books(credit_notes=2, prepayments=2, overpayments=2, payments=4)
    found["Contacts"][1] |= HERS
    stub = {"ContactID": CONTACT.upper(), "Name": NAME, "Addresses": [], "EmailAddress": HERS["EmailAddress"]}
    for resource in DOCUMENTS:
        document = found[resource][1]
        document |= {"Contact": stub, "Reference": f"for {NAME}"}
        document["LineItems"][0]["Description"] = "Birdseed for her"
    found["Invoices"][1]["InvoiceNumber"] = f"{NAME.upper()} 7"
    found["PurchaseOrders"][1] |= {
        "AttentionTo": NAME,
        "Telephone": "55512987",
        "DeliveryAddress": "7 Pumpernickel",
    }
    # The payment of her invoice.
    found["Payments"][2] |= {"Reference": f"thanks {NAME}", "Details": "DEB-40992"}
    found["Payments"][2]["Invoice"] |= {
        "Contact": stub,
        "InvoiceNumber": found["Invoices"][1]["InvoiceNumber"],
    }
    for each in found["Invoices"][1:2]:
        each["Payments"] = [{"PaymentID": books.record_id("Payments", 3), "Reference": f"thanks {NAME}"}]
    return found


@pytest.fixture(scope="module")
def prepared_for_her(servers: Servers) -> tuple[World, Callable[[], None]]:
    """A world in which she is in every place: current and superseded rows, batches, the mirror, errors, the quarantine."""
    world = World(servers, settings={"SETTLE_SECONDS": "30"})
    world.load(her_books())
    world.connect()
    world.settle()
    # An older name, which only superseded rows and done batches have.
    world.change("Contacts", 2, LastName="Vuxberg-Quattlebaum")
    world.webhook([("CONTACT", CONTACT)])
    world.drain_queue()
    world.edit(2, Reference=f"for {NAME}, again")
    world.drain_queue()
    # What cannot be read is put aside, with her words in the error and the payload.
    world.change("CreditNotes", 2, Reference={"who": NAME})
    world.change("Contacts", 3, Name="Nobody")
    world.webhook([("CREDITNOTE", books.record_id("CreditNotes", 2))])
    world.drain_queue()
    assert quarantine.listed(world.store, books.TENANT, "CreditNotes")
    audit = world.connector.audit()
    audit.add("fetch", "refused", organisation=books.TENANT, error=f"They said: contact {NAME} is archived")
    audit.add(
        "fetch", "refused", organisation=books.TENANT, why="55512987 is engaged", error=f"{CONTACT}: odd"
    )
    audit.flush()
    return world, world.snapshot()


@pytest.fixture
def hers(prepared_for_her: tuple[World, Callable[[], None]]) -> World:
    world, again = prepared_for_her
    again()
    return world


def held(world: World) -> Iterator[tuple[str, bytes]]:
    """Every byte that the connector or Power BI has, where it lies, unpacked too."""
    for container, blobs in world.store._containers.items():
        for name, data in blobs.items():
            yield f"{container}/{name}", data
    for table, found in world.store._tables.items():
        for partition in found.partitions.values():
            for row, stored in partition.items():
                entity = stored.entity
                for key, value in entity.items():
                    yield f"{table}/{row}.{key}", value if isinstance(value, bytes) else str(value).encode()
                chunks = [entity[f"p{n}"] for n in range(int(entity.get("chunks", 0)))]
                yield f"{table}/{row}", b"".join(bytes(each) for each in chunks)  # type: ignore[arg-type]
    for queue, waiting in world.store._queues.items():
        for message in waiting:
            yield queue, message.text.encode()
    for made in world.powerbi.datasets.values():
        for name, shown in made.tables.items():
            yield name, "\n".join(map(str, shown.rows)).encode()


def traces(world: World) -> list[str]:
    """Where something of her is."""
    found = []
    for where, data in held(world):
        with suppress(OSError, EOFError, zlib.error):
            data += gzip.decompress(data)
        text = data.decode("utf-8", "replace")
        found += [f"{where}: {each}" for each in TRACES if each.casefold() in text.casefold()]
    return found


def figures(world: World) -> dict[str, list[str]]:
    """What the current rows of each table say, but for texts: what measures count, sum and join by."""
    told = {}
    for name, table in TABLES.items():
        if name == "SyncStatus":
            continue
        texts = {
            each.name
            for each in table.columns
            if each.type == "String"
            and not each.name.endswith(("Key", "ID", "Type", "Status", "Code", "Effect"))
        }
        rows = world.rows(name)
        highest: dict[str, int] = {}
        for row in rows:
            key = row[table.version_key]
            highest[key] = max(highest.get(key, 0), row["RowVersion"])
        current = [row for row in rows if row["RowVersion"] == highest[row[table.version_key]]]
        told[name] = sorted(
            {
                str(
                    sorted(
                        (key, str(value)) for key, value in row.items() if key not in texts | {"RowVersion"}
                    )
                )
                for row in current
            }
        )
    return told


def pass_time(world: World, rounds: int = 30) -> None:
    """What the timer and the queue do by themselves, with no read of Xero in between."""
    for _ in range(rounds):
        sweep.sweep(world.connector)
        world.drain_queue()
        if not forgotten.standing(world.store):
            return
        world.advance(61)


def state(world: World) -> forgotten.Forgetting:
    found = forgotten.load(world.store, books.TENANT, CONTACT)
    assert found is not None
    return found


def test_nothing_of_her_is_left(hers: World) -> None:
    """Blobs, tables, queues and every row of the dataset, packed or not, tell nothing of her; every figure is as it was."""
    assert {each.partition(":")[0].partition("/")[0] for each in traces(hers)} >= {
        *("outbox", "quarantine", "mirror", f"audit{hers.clock.now():%Y%m}", "Contacts", "Invoices", "Lines"),
        *("Payments", "PurchaseOrders", "OpenItems"),
    }
    before, calls = figures(hers), len(hers.calls)
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    done = state(hers)
    assert (done.phase, done.trouble, done.words) == ("done", "", frozenset())
    assert traces(hers) == []
    assert figures(hers) == before
    assert len(hers.calls) == calls
    [row] = hers.current("Invoices", 2)
    assert (row["ContactName"], row["ContactID"], row["TotalAmount"]) == (
        *("Forgotten contact", CONTACT.upper()),
        Decimal(200),
    )
    assert hers.current("Contacts", 2)[0]["Name"] == "Forgotten contact"
    assert hers.current("Invoices", 1)[0]["ContactName"] == "Café 1"


def test_killed_anywhere(hers: World) -> None:
    """A run that is killed at any write of storage or call of Power BI is gone on with, and leaves nothing of her."""
    before = figures(hers)
    forget.ask(hers.connector, books.TENANT, CONTACT)
    [text] = [each.text for each in hers.store._queues[QUEUE] if '"forget"' in each.text]
    again = hers.snapshot()
    whole = Life()
    hers.honour(text, connector=hers.mortal(whole))
    pass_time(hers)
    assert traces(hers) == []
    assert whole.effects > 60
    for effect in range(0, whole.effects, STEP):
        again()
        with suppress(Killed):
            hers.honour(text, connector=hers.mortal(Life(effect)))
        hers.advance(16 * 60)
        hers.restart()
        pass_time(hers)
        assert (traces(hers), forgotten.standing(hers.store)) == ([], []), effect
        assert figures(hers) == before, effect


def test_killed_while_asked_for(hers: World) -> None:
    """Whoever asks again after a crash has it done; from the first write on the list nothing of her lands."""
    again = hers.snapshot()
    whole = Life()
    forget.ask(hers.mortal(whole), books.TENANT, CONTACT)
    for effect in range(whole.effects):
        again()
        with pytest.raises(Killed):
            forget.ask(hers.mortal(Life(effect)), books.TENANT, CONTACT)
        forget.ask(hers.connector, books.TENANT, CONTACT)
        pass_time(hers)
        assert traces(hers) == [], effect


def test_a_lost_request_is_asked_for_again(hers: World) -> None:
    """Without its message, too, a contact is forgotten in the end."""
    forget.ask(hers.connector, books.TENANT, CONTACT)
    hers.store._queues[QUEUE].clear()
    pass_time(hers)
    assert traces(hers) == []


def test_what_xero_tells_later_lands_without_her(hers: World) -> None:
    """Whole reads, webhooks, replays and edits in Xero, where she is still, bring nothing of her back, not even to the outbox;
    what does not tell of her arrives.
    """
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    pushed = len(hers.rows("Invoices"))
    hers.advance(8 * 86400)
    hers.refresh()
    hers.settle()
    assert traces(hers) == []
    # Read again and found unchanged, her documents are not pushed again.
    assert len(hers.rows("Invoices")) == pushed
    hers.change("Invoices", 2, Total=Decimal("250.00"), Reference=f"{NAME} once more")
    hers.change("CreditNotes", 2, Reference=f"mended for {NAME}")
    hers.change("Contacts", 2, FirstName="Zoë-Ottokar", EmailAddress="zoe.q@elsewhere.example")
    hers.webhook(
        [
            ("INVOICE", books.record_id("Invoices", 2)),
            ("CREDITNOTE", books.record_id("CreditNotes", 2)),
            ("CONTACT", CONTACT),
        ]
    )
    for message in list(hers.store._queues[QUEUE]):
        fetch_only(hers, message.text)
    assert len(list(outbox.pending(hers.store, DEFAULT_DATASET))) == 3
    assert traces(hers) == []
    hers.drain_queue()
    assert hers.current("Invoices", 2)[0]["TotalAmount"] == Decimal(250)
    assert hers.current("CreditNotes", 2)[0]["ContactName"] == "Forgotten contact"
    assert quarantine.listed(hers.store, books.TENANT, "CreditNotes") == []
    assert traces(hers) == []


def test_a_batch_that_landed_at_the_same_moment(hers: World) -> None:
    """An answer that was fetched before she was on the list and landed long after is stripped before anything is made of it."""
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    hers.edit(2, Reference=f"late for {NAME}")
    late = hers.receive()
    assert late is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forgotten, "contacts", lambda store: {})
        fetch_only(hers, late.text)
    assert traces(hers) != []
    messages.send_wake(hers.store, hers.clock, DEFAULT_DATASET, "landed", "test")
    hers.drain_queue()
    assert traces(hers) == []
    assert hers.current("Invoices", 2)[0]["ContactName"] == "Forgotten contact"


def fetch_only(world: World, text: str) -> None:
    """A run of push_queue that ends after it has landed what the message names."""
    message = messages.decode(text)
    assert isinstance(message, messages.Ids)
    organisation = connections.find(world.store, books.TENANT)
    assert organisation is not None
    audit = world.connector.audit()
    land.fetch_ids(world.connector, audit, organisation, RESOURCES[message.resource], message.ids, "webhook")
    audit.flush()


def test_contacts_that_were_merged_into_her(hers: World) -> None:
    """They are the same person, and are forgotten with her."""
    hers.change("Contacts", 3, MergedToContactID=CONTACT, ContactStatus="ARCHIVED", Name="Quattlebaum old")
    hers.webhook([("CONTACT", books.record_id("Contacts", 3))])
    hers.drain_queue()
    found = forget.ask(hers.connector, books.TENANT, CONTACT)
    assert [each.contact_id for each in found] == [CONTACT, books.record_id("Contacts", 3)]
    pass_time(hers)
    assert traces(hers) == []
    assert hers.current("Contacts", 3)[0]["Name"] == "Forgotten contact"


def test_asked_twice_it_is_done_once(hers: World) -> None:
    """Asking again for somebody who is forgotten changes nothing and compacts nothing."""
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    deletes, done = len(hers.audit("delete", "done")), state(hers)
    forget.ask(hers.connector, books.TENANT, CONTACT.upper())
    hers.drain_queue()
    assert (len(hers.audit("delete", "done")), state(hers)) == (deletes, done)


def test_no_id_is_refused(hers: World) -> None:
    """A name, or anything else that is no id, is refused before anything is written."""
    with pytest.raises(AskPerson, match="is no ContactID"):
        forget.ask(hers.connector, books.TENANT, NAME)
    assert forgotten.every(hers.store) == []


def test_tables_that_never_told_of_her_are_left_alone(hers: World) -> None:
    """Only what may hold her name is taken from its readers for a while."""
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    emptied = {row["resource"] for row in hers.audit("delete", "done")}
    assert emptied >= {"Contacts", "Invoices", "Lines", "OpenItems", "Payments"}
    assert emptied.isdisjoint(
        {"CashMovements", "Accounts", "Items", "Calendar", "ManualJournals", "BankTransfers"}
    )


def test_every_table_that_can_tell_of_her_is_known(hers: World) -> None:
    """A table whose rows are others without her is among those that are compacted, and no other one is."""
    organisation = connections.find(hers.store, books.TENANT)
    assert organisation is not None
    differ = set()
    for resource in persons.RESOURCES:
        for record in hers.mirrored(resource).values():
            record |= {"InvoiceNumber": NAME} if resource != "Contacts" else {}
            record |= {"Allocations": [{"Invoice": {"InvoiceNumber": NAME}}]} if "Credit" in resource else {}
            without = persons.masked(resource, record, {CONTACT})
            one, other = (compare.shape(organisation, resource, each) for each in (record, without))
            differ |= {table for table in one if one[table] != other[table]}
    assert differ == set(forget.TELLING) - {"SyncStatus"}


def test_a_dataset_that_is_not_there(hers: World) -> None:
    """Where nothing was pushed yet there is nothing to compact, and what is pushed later says nothing of her."""
    hers.powerbi.delete_dataset(hers.dataset_id)
    writer = sink.Writer.take(hers.store, hers.clock, DEFAULT_DATASET)
    with writer:
        writer.bind("", empty=True)
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    assert (traces(hers), state(hers).phase) == ([], "done")
    hers.dataset_id, _ = dataset.ensure_dataset(hers.connector, DEFAULT_DATASET)
    hers.settle()
    assert traces(hers) == []
    assert hers.current("Contacts", 2)[0]["Name"] == "Forgotten contact"


def test_of_a_disconnected_organisation(hers: World) -> None:
    """What was copied of one that is connected no more is held still, and is forgotten all the same."""
    organisation = connections.find(hers.store, books.TENANT)
    assert organisation is not None
    disconnect.disconnect(hers.connector, organisation)
    assert forget.holders(hers.connector, CONTACT) == [books.TENANT]
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    assert traces(hers) == []


def test_a_table_that_cannot_be_compacted(hers: World) -> None:
    """A person is asked, in words, and it goes on by itself a day after the cause is mended."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "_refusal", lambda *_: "there is no room")
        forget.ask(hers.connector, books.TENANT, CONTACT)
        hers.drain_queue()
    assert state(hers).phase == "tables"
    assert "Contacts of dataset default holds the name still: there is no room" in state(hers).trouble
    pass_time(hers, rounds=2)
    assert state(hers).phase == "tables"
    hers.advance(86400)
    pass_time(hers)
    assert (traces(hers), state(hers).trouble) == ([], "")


def test_while_another_dataset_is_being_filled(hers: World) -> None:
    """The dataset that is to take the present one's place was filled with her name: a person decides what becomes of it."""
    messages.ask(hers.store, hers.clock, DEFAULT_DATASET, "replace", "asked", "operation")
    hers.drain_queue()
    forget.ask(hers.connector, books.TENANT, CONTACT)
    hers.drain_queue()
    assert "comes before a contact can be forgotten" in state(hers).trouble
    dataset.cancel(hers.connector, DEFAULT_DATASET)
    hers.advance(86400)
    pass_time(hers)
    assert traces(hers) == []


def test_unreadable_things_in_the_quarantine(hers: World) -> None:
    """A batch or message that nobody can read goes whole when it tells of her, and else stays."""
    for name, text in {
        "batches/default/x": f"{{broken {NAME}",
        "messages/y": f"to {NAME}",
        "messages/z": "to you",
    }.items():
        hers.store.put_blob("quarantine", name, text.encode())
    hers.store.put_blob("quarantine", "batches/default/w", gzip.compress(f"broken {CONTACT}".encode()))
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    left = [
        blob.name for blob in hers.store.list_blobs("quarantine", "") if not blob.name.startswith("records/")
    ]
    assert (left, state(hers).counts["unreadable"]) == (["messages/z"], 3)


def test_a_record_too_large_for_an_entity(hers: World) -> None:
    """Its blobs, of whatever version, tell nothing of her afterwards."""
    lines = [{"Description": f"Birdseed for her {random.randbytes(500).hex()}"} for _ in range(1500)]
    for turn in range(2):
        hers.edit(2, LineItems=lines, Reference=f"{NAME} {turn}")
        hers.drain_queue()
    assert len(list(hers.store.list_blobs("mirror", ""))) == 2
    forget.ask(hers.connector, books.TENANT, CONTACT)
    pass_time(hers)
    assert traces(hers) == []


def test_what_waits_of_it_when_the_time_is_up(hers: World) -> None:
    """Each run does what its time allows and the next goes on; Xero is not asked for anything."""
    forget.ask(hers.connector, books.TENANT, CONTACT)
    calls = len(hers.calls)
    for _ in range(80):
        message = hers.receive()
        if message is None:
            break
        hers.honour(message.text, seconds=0.4)
        hers.store.delete_message(QUEUE, message)
        hers.advance(20)
    pass_time(hers)
    assert (traces(hers), len(hers.calls)) == ([], calls)
