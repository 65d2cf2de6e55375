"""Draws invoices and bills with their lines: what is sold and bought, at which price, with which tax."""

from dataclasses import replace
from datetime import date, timedelta
from random import Random

from local.company.catalogue import CHANNELS, EXPENSES, ITEMS, market_rate
from local.company.contacts import Contact
from local.company.documents import Invoice, Line
from local.company.offices import Office, Scene
from local.company.wire import guid, half_up


def draw_invoice(
    random: Random,
    scene: Scene,
    on: date,
    fate: str,
    contact: Contact,
    *,
    sale: bool,
    lines: int | None = None,
) -> Invoice:
    """A document of that day for that contact; `lines` fixes their number, else there are 1 to 12."""
    office = scene.office
    rate = market_rate(office.currency, contact.currency, on, random.randrange(6, 11))
    amount_types = random.choices(("Exclusive", "Inclusive", "NoTax"), (60, 34, 6))[0]
    if contact.foreign and not sale:
        amount_types = "NoTax"
    count = lines or random.choices(range(1, 13), (20, 18, 15, 12, 9, 7, 5, 4, 3, 3, 2, 2))[0]
    channel = CHANNELS[3] if contact.foreign else random.choices(CHANNELS[:3], (30, 45, 25))[0]
    drawn = [
        _line(random, office, contact, rate, channel, sale=sale, taxable=amount_types != "NoTax")
        for _ in range(count)
    ]
    if sale and count > 3 and random.random() < 0.08 and sum(line.amount for line in drawn) > 10_000:
        rebate = -random.randrange(500, 2500)
        drawn.append(Line(guid(random), "Loyalty rebate", 10_000, rebate, "200", drawn[0].tax_type))
    created = scene.at_work(random, on)
    return Invoice(
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


def expense_line(random: Random, office: Office, *, taxable: bool) -> Line:
    """What the office buys besides stock, in base currency."""
    code, words, usual, taxed = random.choice(EXPENSES)
    price = half_up(int(usual * office.price_level * random.randrange(80, 121)), 100)
    tax_type = "NONE" if not taxable else office.tax("INPUT" if taxed else "EXEMPTEXPENSES")
    region = random.choice((None, office.regions[0]))
    return Line(guid(random), words, 10_000, price, code, tax_type, region=region)


def part_of(random: Random, line: Line, description: str) -> Line:
    """A line for some or all of what a line is for, at its price."""
    step = 10_000 if line.quantity % 10_000 == 0 else 125
    quantity = step * random.randint(1, line.quantity // step)
    return replace(line, id=guid(random), description=description, quantity=quantity, reduction=0)


def _line(
    random: Random, office: Office, contact: Contact, rate: float, channel: str, *, sale: bool, taxable: bool
) -> Line:
    region = contact.region if random.random() < 0.7 else None
    if not sale and not contact.foreign and random.random() < 0.3:
        return expense_line(random, office, taxable=taxable)
    item = random.choice(ITEMS)
    costly = item.price > 100_000
    quantity = (
        random.randrange(50_000, 900_000, 125)
        if item.loose
        else 10_000 * random.randrange(1, 3 if costly else 40)
    )
    price = half_up(int(item.price * office.price_level * rate * (100 if sale else 58)), 100)
    # Some lines are typed in by hand, without the item.
    typed = random.random() >= 0.85
    taxed = item.taxed or office.food_is_taxed
    if sale:
        tax_type = "EXEMPTEXPORT" if contact.foreign else "OUTPUT" if taxed else "EXEMPTOUTPUT"
        account = "202" if contact.foreign else "201" if channel == CHANNELS[2] else "200"
    else:
        tax_type = "INPUT" if taxed else "EXEMPTEXPENSES"
        account = "630" if item.tracked and not typed else "300"
    line = Line(
        guid(random),
        item.name,
        quantity,
        price,
        account,
        office.tax(tax_type) if taxable else "NONE",
        None if typed else item,
        region=region,
        channel=channel if sale and random.random() < 0.6 else None,
    )
    if sale and random.random() < 0.07:
        if random.random() < 0.7:
            line.discount = random.choice((5, 10, 15))
        else:
            line.reduction = line.amount // 20
    return line
