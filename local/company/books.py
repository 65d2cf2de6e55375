"""Puts the company's books together: who traded what with whom on which day, and what became of it."""

from datetime import date, timedelta
from itertools import accumulate
from math import sin
from random import Random
from typing import Any

from local.company.catalogue import BASE_CURRENCY, CHANNELS, ITEMS, REGIONS
from local.company.chart import accounts, organisation
from local.company.contacts import Contact, contact_record, draw_contacts
from local.company.documents import Document, draw_document, later
from local.company.oddities import plant
from local.company.records import Ledger, invoice_record, payment_record
from local.company.settlement import batch, settle
from local.company.wire import Record, guid, half_up, midnight, milliseconds_of

SALES = 0.64
# What must be there however small the books are, as (fate, sale, lines); 0 lines: a document without any.
ALWAYS = (
    *[("draft", True, 3)] * 6,
    *[("draft", True, 0), ("draft", False, 0)],
    *[("submitted", False, 2), ("submitted", True, 4)],
    *[("voided", True, 2)] * 3,
    *[("deleted", False, 1)] * 4,
    *[("foreign", True, 2)] * 10,
    *[("open", False, 1)] * 8,
    *[("open", True, 2)] * 8,
)


def generate(seed: int, today: date, months: int = 24, documents: int = 4000) -> dict[str, Any]:
    """The books of one wholesale distributor, as the Xero simulator loads them.

    seed, today, months and documents fix every byte of the answer. today: the books end the day before, so
    that no UpdatedDateUTC lies in the future. months: whole calendar months before today's, 3 or more, see `first_day`;
    about one document in ninety is older. documents: sales invoices and bills together, 200 or more.
    Raises ValueError for less, LookupError when chance left no room for one of the awkward values (never seen).
    Answers {"tenant_id", "name", "resources": {"Organisation", "Accounts", "Contacts", "Invoices",
    "Payments"}}: lists of records of wire JSON, in Xero's default order (UpdatedDateUTC, id).
    """
    if documents < 200 or months < 3:
        raise ValueError("the books need 200 documents and three months at least")
    first = first_day(today, months)

    def random(part: str) -> Random:
        return Random(f"{seed}/{part}")

    owner = organisation(random("organisation"), first)
    chart = accounts(random("accounts"), first)
    contacts = draw_contacts(random("contacts"), first, today)
    drawn = _draw(random("documents"), contacts, first, today, documents)
    ledger = Ledger(chart, _ids(random("ids")))

    totals: dict[str | None, int] = {}
    for document in drawn:
        for payment in document.payments:
            totals[payment.batch] = totals.get(payment.batch, 0) + payment.amount
    writing = random("records")
    invoices = [invoice_record(document, ledger, writing) for document in drawn]
    payments = [
        payment_record(document, payment, ledger, totals[payment.batch])
        for document in drawn
        for payment in document.payments
    ]
    people = [contact_record(contact, writing) for contact in contacts]
    plant(invoices, payments, people, first)
    return {
        "tenant_id": guid(random("tenant")),
        "name": owner["Name"],
        "resources": {
            "Organisation": [owner],
            "Accounts": chart,
            "Contacts": _ordered(people, "ContactID"),
            "Invoices": _ordered(invoices, "InvoiceID"),
            "Payments": _ordered(payments, "PaymentID"),
        },
    }


def first_day(today: date, months: int = 24) -> date:
    """The first day of the month so many months before today's: where the books' history begins."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def _draw(random: Random, contacts: list[Contact], first: date, today: date, count: int) -> list[Document]:
    old = max(4, count // 90)
    trade = _Trade(random, contacts, first, today)
    drawn = [trade.old(number) for number in range(old)]
    drawn += [trade.special(fate, sale=sale, lines=lines) for fate, sale, lines in ALWAYS]
    for on in _days(random, first, today, count - len(drawn)):
        drawn.append(trade.ordinary(on))
    for document in drawn[1:]:
        settle(random, document, today)
    batch(random, drawn)
    _number(random, drawn)
    for document in drawn:
        _balance(document, today)
    return drawn


class _Trade:
    """Draws documents between the company and its contacts, some of whom trade more than others."""

    def __init__(self, random: Random, contacts: list[Contact], first: date, today: date) -> None:
        self._random, self._first, self._today = random, first, today
        self._contacts = {
            True: [contact for contact in contacts if contact.customer and not contact.merged_to],
            False: [contact for contact in contacts if contact.supplier and not contact.merged_to],
        }
        self._weights = {
            sale: list(accumulate(1 / (rank + 4) for rank in range(len(pool))))
            for sale, pool in self._contacts.items()
        }

    def ordinary(self, on: date) -> Document:
        random = self._random
        sale = random.random() < SALES
        document = draw_document(random, on, self._fate(on), self._contact(on, sale=sale), sale=sale)
        if on < self._first + timedelta(days=10):
            # The first days came in with the import, all with one stamp.
            document.created = document.updated = midnight(self._first + timedelta(days=10)) + 7_384_120
        return self._end(document)

    def special(self, fate: str, *, sale: bool, lines: int) -> Document:
        """A document of the last three weeks."""
        on = self._today - timedelta(days=self._random.randrange(1, 21))
        contact = self._contact(on, sale=sale)
        if fate == "foreign":
            fate = "open"
            contact = next(one for one in self._contacts[sale] if one.currency != BASE_CURRENCY)
        document = draw_document(self._random, on, fate, contact, sale=sale, lines=lines)
        if not lines:
            document.lines = []
        return self._end(document)

    def old(self, number: int) -> Document:
        """From before the months: the first is paid within them, half are still open, the rest long paid."""
        random = self._random
        on = self._first - timedelta(days=random.randrange(90, 420))
        sale = number == 0 or random.random() < SALES
        fate = "paid" if number == 0 else random.choice(("open", "open", "part")) if number % 2 else "paid"
        document = draw_document(random, on, fate, self._contact(on, sale=sale), sale=sale)
        if number == 0:
            paid_on = min(self._first + timedelta(days=40), self._today - timedelta(days=1))
            settle(random, document, self._today, on=paid_on)
            # Nobody knows whether every payment moves the invoice's stamp: this one did not.
            document.updated = document.created
        return document

    def _contact(self, on: date, *, sale: bool) -> Contact:
        middle = self._first + (self._today - self._first) / 2
        while True:
            chosen = self._random.choices(self._contacts[sale], cum_weights=self._weights[sale])[0]
            if on < middle or not chosen.archived:
                return chosen

    def _fate(self, on: date) -> str:
        recent = (self._today - on).days <= 21
        weights = (15, 9, 2, 1, 2, 3, 68) if recent else (0.6, 0.5, 1.5, 2.2, 2.5, 4, 89)
        fates = ("draft", "submitted", "deleted", "voided", "open", "part", "paid")
        return self._random.choices(fates, weights)[0]

    def _end(self, document: Document) -> Document:
        """What happens to a document besides payment."""
        random, limit = self._random, midnight(self._today)
        document.created = document.updated = min(document.created, limit - 1)
        if document.fate in ("voided", "deleted"):
            document.updated = later(random, document.on + timedelta(days=random.randrange(1, 20)), limit)
        elif random.random() < 0.1:
            document.updated = max(document.updated, later(random, document.on + timedelta(days=2), limit))
        if document.fate == "deleted" and random.random() < 0.5:
            for line in document.lines:
                line.price = line.reduction = line.discount = 0
        return document


def _days(random: Random, first: date, today: date, count: int) -> list[date]:
    """Business grows over the months, peaks before Christmas and rests at weekends."""
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    weights = [
        (0.08 if day.isoweekday() > 5 else 1.0)
        * (1 + 0.5 * number / len(days))
        * (1.25 + 0.35 * sin((day.timetuple().tm_yday + 110) / 365 * 6.2832))
        for number, day in enumerate(days)
    ]
    return sorted(random.choices(days, weights, k=count))


def _number(random: Random, documents: list[Document]) -> None:
    """Sales invoices are numbered in the order of their dates; bills bear the supplier's number, or none."""
    sales = sorted((one for one in documents if one.sale), key=lambda one: (one.on, one.id))
    for number, document in enumerate(sales, start=10_001):
        document.number = f"INV-{number}"
        document.reference = f"PO {random.randrange(1000, 99_999)}" if random.random() < 0.6 else ""
    for document in documents:
        if not document.sale and random.random() < 0.98:
            document.number = f"{document.contact.name[:3].upper()}{random.randrange(1_000, 999_999)}"


def _balance(document: Document, today: date) -> None:
    side = "AccountsReceivable" if document.sale else "AccountsPayable"
    balance = document.contact.balances.setdefault(side, [0, 0])
    if document.fate in ("open", "part"):
        owed = half_up(document.due_amount * 10**10, round(document.rate * 10**10))
        balance[0] += owed
        balance[1] += owed if document.due < today else 0


def _ids(random: Random) -> dict[str, str]:
    names = ["theme", "rent", "Region", "Channel"]
    names += [f"Region {option}" for option in REGIONS]
    names += [f"Channel {option}" for option in CHANNELS]
    names += [f"item {item.code}" for item in ITEMS]
    return {name: guid(random) for name in names}


def _ordered(records: list[Record], key: str) -> list[Record]:
    return sorted(records, key=lambda record: (milliseconds_of(record["UpdatedDateUTC"]), record[key]))
