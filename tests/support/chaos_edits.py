"""What people do in Xero, at any moment: each a small change of the books that Xero would allow."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

from local.xero.documents import Refused
from local.xero.wire import format_date, milliseconds
from tests.support import books
from tests.support.chaos_fate import Fate
from tests.support.chaos_world import ChaosWorld


class Edit(Protocol):
    """What somebody does; answers it in words."""

    __name__: str

    def __call__(self, world: ChaosWorld, fate: Fate) -> str: ...


CREDITS = ("CreditNotes", "Prepayments", "Overpayments")
DATED = ("Invoices", "CreditNotes", "BankTransactions", "PurchaseOrders")


def some_edit(world: ChaosWorld, fate: Fate) -> None:
    """One change; what Xero would refuse leaves everything as it is."""
    world.remember_xero()
    some = STAMPED if fate.stamped else EDITS
    edit = fate.one_of([each for each in some if not fate.focus.edits or each.__name__ in fate.focus.edits])
    try:
        told = edit(world, fate)
    except (Refused, LookupError, ValueError):
        return
    # Two changes of one millisecond would have one stamp, whatever they say.
    world.clock.advance(0.01)
    fate.tell(world.clock.now(), f"  in Xero: {told}")


def stamp_back(world: ChaosWorld, fate: Fate) -> str:
    """Another content under an earlier stamp; answers whose, since only a later edit shows it (docs/faults.md)."""
    world.remember_xero()
    key = fate.one_of(_ids(world, "Invoices")[:3])
    hour = format_date(milliseconds(world.clock.now()) - 3_600_000)
    _change(world, "Invoices", key, {"Reference": "B1", "UpdatedDateUTC": hour}, touch=False)
    fate.tell(world.clock.now(), f"  in Xero: the stamp of invoice {key[:8]} goes backward")
    return key


def stamp_anew(world: ChaosWorld, key: str) -> None:
    """Somebody opens and saves an invoice."""
    world.remember_xero()
    _change(world, "Invoices", key, {})
    world.clock.advance(0.01)


def _ids(world: ChaosWorld, resource: str) -> list[str]:
    found = [
        str(record[books.ID_FIELDS[resource]]) for record in world.xero.store.records(books.TENANT, resource)
    ]
    old = books.record_id("Invoices", 9001)
    return sorted(each for each in found if each != old)


def _change(
    world: ChaosWorld, resource: str, key: str, fields: dict[str, Any], *, touch: bool = True
) -> None:
    world.xero.documents.change(books.TENANT, resource, key, fields, [], touch)


def _any(world: ChaosWorld, fate: Fate, resource: str) -> str:
    return fate.one_of(_ids(world, resource))


def reference(world: ChaosWorld, fate: Fate) -> str:
    """There, and often back again."""
    key, text = fate.one_of(_ids(world, "Invoices")[:3]), fate.one_of(("", "R1"))
    _change(world, "Invoices", key, {"Reference": text})
    return f"invoice {key[:8]} gets the reference {text!r}"


def lines(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of(DATED)
    key = _any(world, fate, resource)
    record = world.xero.store.find(books.TENANT, resource, key)
    some = record["LineItems"]
    line = some[0] if some else books.invoice(77)["LineItems"][0]
    count = fate.random.randrange(4)
    made = [
        line | {"LineItemID": f"{at:08x}-0000-4000-8000-{key[-12:]}", "Description": f"now {at}"}
        for at in range(count)
    ]
    _change(world, resource, key, {"LineItems": made})
    return f"{resource} {key[:8]} has {count} lines"


def unstamped(world: ChaosWorld, fate: Fate) -> str:
    """Xero's blind spot: a due date moves, and no stamp."""
    key = _any(world, fate, "Invoices")
    due = format_date(milliseconds(world.clock.now()) // 86_400_000 * 86_400_000)
    _change(world, "Invoices", key, {"DueDate": due}, touch=False)
    return f"invoice {key[:8]} gets another due date without a stamp"


def touched(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of((*DATED, "Contacts", "ManualJournals", "Payments", "Items"))
    key = _any(world, fate, resource)
    _change(world, resource, key, {})
    return f"{resource} {key[:8]} is stamped anew"


def made(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of(("Invoices", "Contacts", "PurchaseOrders", "BankTransactions", "CreditNotes"))
    number = 100 + fate.random.randrange(10_000)
    make: dict[str, Callable[[], books.Record]] = {
        "Invoices": lambda: books.invoice(number, on=world.clock.now(), lines=fate.random.randrange(3)),
        "Contacts": lambda: books.contact(number),
        "PurchaseOrders": lambda: books.purchase_order(number),
        "BankTransactions": lambda: books.bank_transaction(number),
        "CreditNotes": lambda: books.credit_note(number),
    }
    record = {name: value for name, value in make[resource]().items() if name != "UpdatedDateUTC"}
    world.xero.documents.add(books.TENANT, resource, record)
    return f"{resource} {number} is made"


def voided(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of((*DATED, "Payments", "ManualJournals", "Contacts"))
    key = _any(world, fate, resource)
    world.xero.documents.void(books.TENANT, resource, key)
    return f"{resource} {key[:8]} ends"


def paid(world: ChaosWorld, fate: Fate) -> str:
    key = _any(world, fate, "Invoices")
    amount = Decimal(fate.random.randrange(1, 200))
    account = books.record_id("Accounts", 1)
    world.xero.documents.pay(books.TENANT, key, amount, account, None)
    return f"invoice {key[:8]} is paid {amount}"


def applied(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of(CREDITS)
    credit, key = _any(world, fate, resource), _any(world, fate, "Invoices")
    world.xero.documents.allocate(books.TENANT, resource, credit, key, Decimal(5), None)
    return f"5.00 of {resource} {credit[:8]} go to invoice {key[:8]}"


def merged(world: ChaosWorld, fate: Fate) -> str:
    key, into = _any(world, fate, "Contacts"), _any(world, fate, "Contacts")
    if key == into:
        raise Refused("not into itself")
    _change(world, "Contacts", key, {"ContactStatus": "ARCHIVED", "MergedToContactID": into})
    return f"contact {key[:8]} is merged into {into[:8]}"


def renamed(world: ChaosWorld, fate: Fate) -> str:
    resource = fate.one_of(("Contacts", "Accounts", "TaxRates", "Items"))
    key, name = _any(world, fate, resource), f"N{fate.random.randrange(2)}"
    _change(world, resource, key, {"Name": name})
    return f"{resource} {key[:8]} is called {name}"


def removed(world: ChaosWorld, fate: Fate) -> str:
    """Gone for good, without a stamp and without a word."""
    resource = fate.one_of(("Items", "TaxRates", "TrackingCategories", "BankTransfers"))
    key = _any(world, fate, resource)
    world.xero.store.remove(books.TENANT, resource, key)
    return f"{resource} {key[:8]} is gone"


def option(world: ChaosWorld, fate: Fate) -> str:
    key = _any(world, fate, "TrackingCategories")
    record = world.xero.store.find(books.TENANT, "TrackingCategories", key)
    _change(world, "TrackingCategories", key, {"Options": record["Options"][:-1]})
    return f"tracking category {key[:8]} loses an option"


# What moves UpdatedDateUTC, so that no whole read is needed to find it; and lists that are read whole anyway.
STAMPED: tuple[Edit, ...] = (
    *(reference, reference, reference, reference, lines, lines, touched, made, made, voided),
    *(paid, paid, applied, merged, renamed),
)
EDITS: tuple[Edit, ...] = (*STAMPED, unstamped, removed, option)
