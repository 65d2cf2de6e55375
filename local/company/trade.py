"""Who traded what with whom on which day: the office's sales invoices and bills, and what became of them."""

from datetime import date, timedelta
from itertools import accumulate
from math import sin
from random import Random

from local.company.contacts import Contact
from local.company.documents import Invoice
from local.company.lines import draw_invoice
from local.company.offices import Scene
from local.company.settlement import settle
from local.company.wire import half_up, midnight

SALES = 0.64
# What must be there however small the books are: fate, sale, lines (0: a document without any), how many of them
# in the books of the first office, which hold every awkward value, and how many in those of the others.
ALWAYS = (
    ("draft", True, 3, 2, 1),
    ("draft", True, 0, 1, 1),
    ("draft", False, 0, 1, 0),
    ("submitted", False, 2, 1, 1),
    ("submitted", True, 4, 1, 0),
    ("voided", True, 2, 3, 1),
    ("deleted", False, 1, 1, 1),
    ("foreign", True, 2, 4, 3),
    ("open", False, 1, 8, 3),
    ("open", True, 2, 12, 11),
    ("settled", True, 2, 13, 5),
    ("settled", False, 2, 8, 3),
)


class Trade:
    """Draws documents between an office and its contacts, some of whom trade more than others."""

    def __init__(self, random: Random, scene: Scene, contacts: list[Contact]) -> None:
        self._random, self._scene = random, scene
        self._contacts = {
            True: [contact for contact in contacts if contact.customer and not contact.merged_to],
            False: [contact for contact in contacts if contact.supplier and not contact.merged_to],
        }
        self._weights = {
            sale: list(accumulate(1 / (rank + 4) for rank in range(len(pool))))
            for sale, pool in self._contacts.items()
        }

    def invoices(self, count: int, *, complete: bool) -> list[Invoice]:
        """So many, first the old ones, then those that there always are, then the ordinary ones by date.

        complete: with more of those that awkward values are planted into.
        """
        drawn = [self._old(number) for number in range(max(4, count // 60))]
        # In larger books there are more, for days of work one after the other.
        times = min(3, max(1, count // 150))
        for fate, sale, lines, most, least in ALWAYS:
            some = times * (most if complete else least)
            drawn += [self._special(fate, sale=sale, lines=lines) for _ in range(some)]
        return drawn + [self._ordinary(on) for on in self.days(count - len(drawn))]

    def days(self, count: int) -> list[date]:
        """Business grows over the months, peaks before Christmas and rests at weekends."""
        first, today = self._scene.first, self._scene.today
        days = [first + timedelta(days=number) for number in range((today - first).days)]
        weights = [
            (0.08 if day.isoweekday() > 5 else 1.0)
            * (1 + 0.5 * number / len(days))
            * (1.25 + 0.35 * sin((day.timetuple().tm_yday + 110) / 365 * 6.2832))
            for number, day in enumerate(days)
        ]
        return sorted(self._random.choices(days, weights, k=count))

    def contact(self, on: date, *, sale: bool) -> Contact:
        middle = self._scene.first + (self._scene.today - self._scene.first) / 2
        while True:
            chosen = self._random.choices(self._contacts[sale], cum_weights=self._weights[sale])[0]
            if on < middle or not chosen.archived:
                return chosen

    def domestic(self, on: date, *, sale: bool) -> Contact:
        while (contact := self.contact(on, sale=sale)).foreign:
            pass
        return contact

    def _ordinary(self, on: date) -> Invoice:
        random, first = self._random, self._scene.first
        sale = random.random() < SALES
        contact = self.contact(on, sale=sale)
        invoice = draw_invoice(random, self._scene, on, self._fate(on), contact, sale=sale)
        if on < first + timedelta(days=10):
            # The first days came in with the import, all with one stamp.
            invoice.created = invoice.updated = midnight(first + timedelta(days=10)) + 7_384_120
        return self._end(invoice)

    def _special(self, fate: str, *, sale: bool, lines: int) -> Invoice:
        """A document of the last three weeks, or a settled one of two months ago."""
        random, today = self._random, self._scene.today
        on = today - timedelta(days=random.randrange(1, 21))
        contact = self.domestic(on, sale=sale)
        if fate == "foreign":
            fate = "open"
            contact = next(one for one in self._contacts[sale] if one.foreign)
        if fate == "settled":
            # So long overdue that its money has come, whatever chance says.
            on, fate = on - timedelta(days=50), "paid"
            invoice = draw_invoice(random, self._scene, on, fate, contact, sale=sale, lines=lines)
            invoice.due = on + timedelta(days=14)
            return invoice
        invoice = draw_invoice(random, self._scene, on, fate, contact, sale=sale, lines=lines)
        if not lines:
            invoice.lines = []
        for line in invoice.lines if fate == "draft" else ():
            # Drafts are for editing, and a discount is not easily edited.
            line.discount = line.reduction = 0
        return self._end(invoice)

    def _old(self, number: int) -> Invoice:
        """From before the months: the first is paid within them, half are still open, the rest long paid."""
        random, first, today = self._random, self._scene.first, self._scene.today
        on = first - timedelta(days=random.randrange(90, 420))
        sale = number < 4 or random.random() < SALES
        fate = "paid" if number == 0 else random.choice(("open", "open", "part")) if number % 2 else "paid"
        contact = self.domestic(on, sale=sale) if number < 4 else self.contact(on, sale=sale)
        invoice = draw_invoice(random, self._scene, on, fate, contact, sale=sale)
        if number == 0:
            paid_on = min(first + timedelta(days=40), today - timedelta(days=1))
            settle(random, self._scene, invoice, on=paid_on)
            # Nobody knows whether every payment moves the invoice's stamp: this one did not.
            invoice.updated = invoice.created
        return invoice

    def _fate(self, on: date) -> str:
        recent = (self._scene.today - on).days <= 21
        weights = (15, 9, 2, 1, 2, 3, 68) if recent else (0.6, 0.5, 1.5, 2.2, 2.5, 4, 89)
        fates = ("draft", "submitted", "deleted", "voided", "open", "part", "paid")
        return self._random.choices(fates, weights)[0]

    def _end(self, invoice: Invoice) -> Invoice:
        """What happens to a document besides payment."""
        random, limit = self._random, self._scene.limit
        invoice.created = invoice.updated = min(invoice.created, limit - 1)
        if invoice.fate in ("voided", "deleted"):
            on = invoice.on + timedelta(days=random.randrange(1, 20))
            invoice.updated = self._scene.at_work(random, on)
        elif random.random() < 0.1:
            again = self._scene.at_work(random, invoice.on + timedelta(days=2))
            invoice.updated = max(invoice.updated, again)
        if invoice.fate == "deleted" and random.random() < 0.5:
            for line in invoice.lines:
                line.price = line.reduction = line.discount = 0
        return invoice


def number(random: Random, invoices: list[Invoice]) -> None:
    """Sales invoices are numbered in the order of their dates; bills bear the supplier's number, or none."""
    sales = sorted((one for one in invoices if one.sale), key=lambda one: (one.on, one.id))
    for count, invoice in enumerate(sales, start=10_001):
        invoice.number = f"INV-{count}"
        invoice.reference = f"PO {random.randrange(1000, 99_999)}" if random.random() < 0.6 else ""
    for invoice in invoices:
        if not invoice.sale and random.random() < 0.98:
            invoice.number = f"{invoice.contact.name[:3].upper()}{random.randrange(1_000, 999_999)}"


def balance(invoice: Invoice, today: date) -> None:
    """Add what is due to the contact's balances, in base currency."""
    side = "AccountsReceivable" if invoice.sale else "AccountsPayable"
    held = invoice.contact.balances.setdefault(side, [0, 0])
    if invoice.fate in ("open", "part"):
        owed = half_up(invoice.due_amount * 10**10, round(invoice.rate * 10**10))
        held[0] += owed
        held[1] += owed if invoice.due < today else 0
