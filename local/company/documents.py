"""Sales invoices and bills before they are written down: what was sold or bought, and the sums in whole cents."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from local.company.catalogue import (
    BASE_CURRENCY,
    CHANNELS,
    EXPENSES,
    ITEMS,
    REGIONS,
    Item,
    market_rate,
)
from local.company.contacts import Contact
from local.company.wire import DAY, guid, half_up, midnight

RATES = {"OUTPUT": 10, "INPUT": 10}
WORK_DAY = 8 * 3_600_000


@dataclass
class Line:
    """quantity in ten-thousandths, price and reduction in cents, discount in percent."""

    id: str
    description: str
    quantity: int
    price: int
    account: str
    tax_type: str
    item: Item | None = None
    discount: int = 0
    reduction: int = 0
    region: str | None = None
    channel: str | None = None

    @property
    def gross(self) -> int:
        return half_up(self.quantity * self.price, 10_000)

    @property
    def amount(self) -> int:
        return half_up(self.quantity * self.price * (100 - self.discount), 1_000_000) - self.reduction

    def tax(self, amount_types: str) -> int:
        rate = 0 if amount_types == "NoTax" else RATES.get(self.tax_type, 0)
        return half_up(self.amount * rate, 100 + rate if amount_types == "Inclusive" else 100)


@dataclass
class Payment:
    """amount in cents of the document's currency, bank_amount in cents of the bank account's."""

    id: str
    on: date
    amount: int
    bank_amount: int
    account: int  # position in chart.BANKS
    rate: float
    updated: int
    deleted: bool = False
    reconciled: bool = True
    batch: str | None = None


@dataclass
class Credit:
    """A credit note, prepayment or overpayment applied to a document. kind: "CreditNotes" and so on."""

    kind: str
    id: str
    on: date
    amount: int


@dataclass
class Document:
    """fate: what becomes of it: "draft", "submitted", "deleted", "voided", "open", "part", "paid"."""

    id: str
    type: str
    contact: Contact
    on: date
    due: date
    currency: str
    rate: float
    amount_types: str
    lines: list[Line]
    fate: str
    created: int
    updated: int
    number: str = ""
    reference: str = ""
    payments: list[Payment] = field(default_factory=list)
    credits: list[Credit] = field(default_factory=list)

    @property
    def sale(self) -> bool:
        return self.type == "ACCREC"

    @property
    def tax(self) -> int:
        return sum(line.tax(self.amount_types) for line in self.lines)

    @property
    def total(self) -> int:
        amounts = sum(line.amount for line in self.lines)
        return amounts if self.amount_types == "Inclusive" else amounts + self.tax

    @property
    def paid(self) -> int:
        return sum(payment.amount for payment in self.payments if not payment.deleted)

    @property
    def credited(self) -> int:
        return sum(credit.amount for credit in self.credits)

    @property
    def due_amount(self) -> int:
        closed = self.fate in ("voided", "deleted")
        return 0 if closed else self.total - self.paid - self.credited


def draw_document(
    random: Random, on: date, fate: str, contact: Contact, *, sale: bool, lines: int | None = None
) -> Document:
    """A document of that day for that contact; `lines` fixes their number, else there are 1 to 12."""
    foreign = contact.currency != BASE_CURRENCY
    rate = market_rate(contact.currency, on, random.randrange(6, 11))
    amount_types = random.choices(("Exclusive", "Inclusive", "NoTax"), (60, 34, 6))[0]
    if foreign and not sale:
        amount_types = "NoTax"
    count = lines or random.choices(range(1, 13), (20, 18, 15, 12, 9, 7, 5, 4, 3, 3, 2, 2))[0]
    channel = CHANNELS[3] if foreign else random.choices(CHANNELS[:3], (30, 45, 25))[0]
    drawn = [
        _line(random, contact, rate, channel, sale=sale, taxable=amount_types != "NoTax")
        for _ in range(count)
    ]
    if sale and count > 3 and random.random() < 0.08 and sum(line.amount for line in drawn) > 10_000:
        rebate = -random.randrange(500, 2500)
        drawn.append(Line(guid(random), "Loyalty rebate", 10_000, rebate, "200", drawn[0].tax_type))
    created = midnight(on) - 3_600_000 + random.randrange(WORK_DAY)
    return Document(
        id=guid(random),
        type="ACCREC" if sale else "ACCPAY",
        contact=contact,
        on=on,
        due=on + timedelta(days=contact.terms),
        currency=contact.currency,
        rate=rate,
        amount_types=amount_types,
        lines=drawn[:12],
        fate=fate,
        created=created,
        updated=created,
    )


def _line(random: Random, contact: Contact, rate: float, channel: str, *, sale: bool, taxable: bool) -> Line:
    foreign = contact.currency != BASE_CURRENCY
    region = contact.region if random.random() < 0.7 else None
    if not sale and not foreign and random.random() < 0.3:
        code, words, usual, taxed = random.choice(EXPENSES)
        price = half_up(usual * random.randrange(80, 121), 100)
        tax_type = "NONE" if not taxable else "INPUT" if taxed else "EXEMPTEXPENSES"
        return Line(
            guid(random), words, 10_000, price, code, tax_type, region=random.choice((None, REGIONS[0]))
        )
    item = random.choice(ITEMS)
    costly = item.price > 100_000
    # Loose goods are sold by weight: quantities have up to four places.
    loose = item.code == "FLR-SD"
    quantity = (
        random.randrange(50_000, 900_000, 125) if loose else 10_000 * random.randrange(1, 3 if costly else 40)
    )
    price = half_up(int(item.price * rate * (100 if sale else 58)), 100)
    if sale:
        tax_type = "EXEMPTEXPORT" if foreign else "OUTPUT" if item.taxed else "EXEMPTOUTPUT"
        account = "202" if foreign else "201" if channel == CHANNELS[2] else "200"
    else:
        tax_type = "INPUT" if item.taxed else "EXEMPTEXPENSES"
        account = "300"
    line = Line(
        guid(random),
        item.name,
        quantity,
        price,
        account,
        tax_type if taxable else "NONE",
        # Some lines are typed in by hand, without the item.
        item if random.random() < 0.85 else None,
        region=region,
        channel=channel if sale and random.random() < 0.6 else None,
    )
    if sale and random.random() < 0.07:
        if random.random() < 0.7:
            line.discount = random.choice((5, 10, 15))
        else:
            line.reduction = line.amount // 20
    return line


def later(random: Random, on: date, limit: int) -> int:
    """An instant in the working hours of a day, not after the limit."""
    return min(midnight(on) - 3_600_000 + random.randrange(WORK_DAY), limit - random.randrange(1, DAY // 24))
